/*
 * env.h
 *		What the protocol core takes from its host: memory, randomness, time,
 *		and the limits it must keep.
 */
#ifndef WA_ENV_H
#define WA_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

/*
 * Allocation may fail: alloc returns NULL and never jumps.  random fills out
 * with n bytes fit for keys and returns 0, anything else means failure.
 */
typedef struct WaEnv
{
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *ptr);
	int (*random)(void *ctx, uint8_t *out, size_t len);
	void *ctx;
} WaEnv;

/* malloc and the operating system's random source (crypto/ implements it). */
extern const WaEnv *env_default(void);

/*
 * Time is an argument.  mono_us only ever grows and drives every deadline;
 * wall_us is Unix time and is only compared with what the peer sends.
 */
typedef struct WaNow
{
	int64_t mono_us;
	int64_t wall_us;
} WaNow;

#define WA_NEVER INT64_MAX /* a deadline that does not come */

#define WA_SECOND INT64_C(1000000) /* in microseconds */

/* Limits against hostile input.  Sheet 1 sections 1.2, 3.1, 3.3. */
#define WA_MAX_FRAME 0xFFFFFF      /* bytes in a frame: 3-byte length */
#define WA_MAX_INFLATED (16 << 20) /* bytes of a frame after inflate */
#define WA_MAX_NODE_DEPTH 128
#define WA_MAX_NODES 2000000             /* nodes in one stanza */
#define WA_MAX_STANZA_MEMORY (256 << 20) /* bytes of memory for one decoded stanza */
#define WA_MAX_OUTPUT (8 << 20)          /* bytes waiting to be sent */

#endif /* WA_ENV_H */
