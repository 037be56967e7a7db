/*
 * crypto.h
 *		The primitives that the protocol needs.  src/crypto implements them on
 *		OpenSSL and libsignal-protocol-c (XEdDSA).
 *
 * Keys are raw 32-byte X25519 values, never with libsignal's type byte
 * (sheet 1 section 2.1).  Every function returns a WaStatus and writes its
 * output only on WA_OK, unless noted.
 */
#ifndef WA_CRYPTO_H
#define WA_CRYPTO_H

#include "env.h"

#define CRYPTO_KEY_LEN 32
#define CRYPTO_SIGNATURE_LEN 64
#define CRYPTO_TAG_LEN 16

typedef struct WaKeyPair
{
	uint8_t public_key[CRYPTO_KEY_LEN];
	uint8_t private_key[CRYPTO_KEY_LEN];
} WaKeyPair;

extern WaStatus crypto_sha256(const void *data, size_t len, uint8_t out[32]);
extern WaStatus crypto_sha1(const void *data, size_t len, uint8_t out[20]);
extern WaStatus crypto_md5(const void *data, size_t len, uint8_t out[16]);
extern WaStatus crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
								   uint8_t out[32]);
extern WaStatus crypto_hmac_sha512(const void *key, size_t key_len, const void *data, size_t len,
								   uint8_t out[64]);
/* RFC 5869; an empty salt or ikm is legal; out_len at most 255 * 32. */
extern WaStatus crypto_hkdf_sha256(const void *ikm, size_t ikm_len, const void *salt,
								   size_t salt_len, const void *info, size_t info_len, uint8_t *out,
								   size_t out_len);
extern WaStatus crypto_pbkdf2_sha256(const void *password, size_t password_len, const void *salt,
									 size_t salt_len, int iterations, uint8_t *out, size_t out_len);
/* out has len + 16 bytes: ciphertext, then tag. */
extern WaStatus crypto_aes256_gcm_encrypt(const uint8_t key[32], const uint8_t iv[12],
										  const void *aad, size_t aad_len, const void *plain,
										  size_t len, uint8_t *out);
/*
 * len counts the tag; out has len - 16 bytes and may be cipher itself.
 * WA_ERR_CRYPTO on a bad tag; out is zeroed then.
 */
extern WaStatus crypto_aes256_gcm_decrypt(const uint8_t key[32], const uint8_t iv[12],
										  const void *aad, size_t aad_len, const void *cipher,
										  size_t len, uint8_t *out);
/* PKCS#7 padding; out has len rounded up to the next whole block, which is never len itself. */
extern WaStatus crypto_aes256_cbc_encrypt(const uint8_t key[32], const uint8_t iv[16],
										  const void *plain, size_t len, uint8_t *out);
/*
 * Only for what a MAC vouches for.  len is a multiple of 16 and not 0, out has
 * len bytes; *out_len is what is left without padding.  WA_ERR_CRYPTO else.
 */
extern WaStatus crypto_aes256_cbc_decrypt(const uint8_t key[32], const uint8_t iv[16],
										  const void *cipher, size_t len, uint8_t *out,
										  size_t *out_len);
/* iv is the whole 16-byte counter block. */
extern WaStatus crypto_aes256_ctr(const uint8_t key[32], const uint8_t iv[16], const void *in,
								  size_t len, uint8_t *out);

extern WaStatus crypto_keypair_generate(const WaEnv *env, WaKeyPair *out);
extern WaStatus crypto_keypair_from_private(const uint8_t private_key[32], WaKeyPair *out);
/* WA_ERR_CRYPTO for an all-zero result (a low-order peer key). */
extern WaStatus crypto_x25519(const uint8_t private_key[32], const uint8_t public_key[32],
							  uint8_t out[32]);

/* XEdDSA over Curve25519 keys.  verify: WA_ERR_SIGNATURE when it does not match. */
extern WaStatus crypto_sign(const WaEnv *env, const uint8_t private_key[32], const void *msg,
							size_t len, uint8_t out[CRYPTO_SIGNATURE_LEN]);
extern WaStatus crypto_verify(const uint8_t public_key[32], const void *msg, size_t len,
							  const uint8_t signature[CRYPTO_SIGNATURE_LEN]);

extern WaStatus crypto_random(const WaEnv *env, uint8_t *out, size_t len);
extern bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
extern void crypto_wipe(void *ptr, size_t len);                     /* not optimised away */
/* Standard base64 with padding; out has room for 4 * ((len + 2) / 3) + 1. */
extern void crypto_base64(const uint8_t *data, size_t len, char *out);
/* Strict standard base64; *out_len in: capacity, out: bytes written. */
extern WaStatus crypto_base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len);

#endif /* WA_CRYPTO_H */
