/*
 * buf.h
 *		Memory of the protocol core: a growable byte buffer with a mandatory
 *		maximum, an arena that is freed as a whole, and a counted string.
 */
#ifndef WA_BUF_H
#define WA_BUF_H

#include "env.h"

/* A byte string with its length; may hold any byte.  Arena-made ones are also
 * NUL-terminated for convenience.  { NULL, 0 } means "absent". */
typedef struct WaStr
{
	const char *data;
	size_t len;
} WaStr;

#define WA_STR_NONE ((WaStr){NULL, 0})

extern WaStr str_from(const char *cstr);       /* borrows; NULL gives WA_STR_NONE */
extern bool str_equal(WaStr a, WaStr b);       /* absent equals absent, but not "" */
extern bool str_is(WaStr a, const char *cstr); /* false when absent */
/* Parses decimal digits only; false on anything else or overflow. */
extern bool str_to_u64(WaStr s, uint64_t *out);

/*
 * A byte buffer.  It grows on demand up to max bytes; append returns
 * WA_ERR_LIMIT beyond it and WA_ERR_NOMEM when memory is out, leaving the
 * contents unchanged.  consume drops bytes from the front in amortised
 * constant time; an empty buffer gives its memory back.
 */
typedef struct WaBuf
{
	const WaEnv *env;
	uint8_t *data; /* first unread byte is data[start] */
	size_t start;
	size_t end;
	size_t capacity;
	size_t max;
} WaBuf;

extern void buf_init(WaBuf *buf, const WaEnv *env, size_t max);
extern void buf_free(WaBuf *buf); /* wipes, frees, stays usable */
extern WaStatus buf_append(WaBuf *buf, const void *data, size_t len);
/* Makes room for len bytes; *out points at it until the next call. */
extern WaStatus buf_reserve(WaBuf *buf, size_t len, uint8_t **out);
extern void buf_commit(WaBuf *buf, size_t len); /* after buf_reserve */
extern const uint8_t *buf_data(const WaBuf *buf);
extern size_t buf_len(const WaBuf *buf);
extern void buf_consume(WaBuf *buf, size_t len);
extern void buf_truncate(WaBuf *buf, size_t len); /* drops from the end until len are left */

/*
 * An arena: allocations live until arena_free.  After a failed allocation
 * arena->failed stays true, so that a builder can check once at its end.
 */
typedef struct WaArena
{
	const WaEnv *env;
	struct WaArenaBlock *blocks;
	size_t used; /* bytes handed out */
	size_t max;
	bool failed;
	WaStatus status; /* why: WA_ERR_NOMEM or WA_ERR_LIMIT; WA_OK before */
} WaArena;

extern void arena_init(WaArena *arena, const WaEnv *env, size_t max);
extern void arena_free(WaArena *arena);                /* wipes, frees, stays usable */
extern void *arena_alloc(WaArena *arena, size_t size); /* zeroed; NULL on failure */
extern char *arena_strdup(WaArena *arena, const char *data, size_t len); /* adds a NUL */
extern WaStr arena_str(WaArena *arena, WaStr s); /* copies; absent stays absent */
extern WaStr arena_printf(WaArena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* WA_BUF_H */
