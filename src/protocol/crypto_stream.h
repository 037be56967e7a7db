/*
 * crypto_stream.h
 *		Hashes and AES-CBC over data that comes in pieces.  src/crypto
 *		implements them on OpenSSL.
 *
 * The objects are OpenSSL's memory, not WaEnv's.  new returns NULL when memory
 * is out; free takes NULL and wipes.
 */
#ifndef WA_CRYPTO_STREAM_H
#define WA_CRYPTO_STREAM_H

#include "env.h"

typedef struct WaSha256 WaSha256;
typedef struct WaHmac WaHmac; /* HMAC-SHA-256 */
typedef struct WaCbc WaCbc;   /* AES-256-CBC decryption, padding left to the caller */

extern WaSha256 *crypto_sha256_new(void);
extern WaStatus crypto_sha256_update(WaSha256 *hash, const void *data, size_t len);
extern WaStatus crypto_sha256_final(WaSha256 *hash, uint8_t out[32]); /* ends it */
extern void crypto_sha256_free(WaSha256 *hash);

extern WaHmac *crypto_hmac_new(const uint8_t key[32]);
extern WaStatus crypto_hmac_update(WaHmac *hmac, const void *data, size_t len);
extern WaStatus crypto_hmac_final(WaHmac *hmac, uint8_t out[32]);
extern void crypto_hmac_free(WaHmac *hmac);

extern WaCbc *crypto_cbc_new(const uint8_t key[32], const uint8_t iv[16]);
/* len is a multiple of 16; out may be in itself.  WA_ERR_ARGUMENT else. */
extern WaStatus crypto_cbc_decrypt(WaCbc *cbc, const void *in, size_t len, uint8_t *out);
extern void crypto_cbc_free(WaCbc *cbc);

#endif /* WA_CRYPTO_STREAM_H */
