/*
 * prekey.h
 *		One-time prekeys: making a batch and the stanza that uploads it.
 *		Sheet 1 section 7.3, sheet 2 section 4.5.
 */
#ifndef WA_PREKEY_H
#define WA_PREKEY_H

#include "device.h"
#include "node.h"

#define PREKEY_MAX_ID 0xFFFFFF /* 24 bits on the wire */
#define PREKEY_MAX_BATCH 812
#define PREKEY_LOW 5 /* the server has fewer: upload */

/*
 * Fills keys with count fresh ones of consecutive ids, device->next_prekey_id
 * being the first, and moves it on.  A batch never wraps: it starts at 1
 * again when it would not fit below the end.  device is unchanged on failure.
 */
extern WaStatus prekey_generate(const WaEnv *env, WaDevice *device, WaPrekey *keys, int count);

/* The <iq> without id.  publics: count keys of ids from first_id on. */
extern WaNode *prekey_upload(WaArena *arena, const WaDevice *device, uint32_t first_id,
							 uint8_t (*publics)[CRYPTO_KEY_LEN], int count);

#endif /* WA_PREKEY_H */
