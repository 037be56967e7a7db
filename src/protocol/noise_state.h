/*
 * noise_state.h
 *		The symmetric state of a Noise handshake, pattern and payloads left
 *		out.  Internal to noise.c and its tests.  Sheet 1 section 2.1.
 */
#ifndef WA_NOISE_STATE_H
#define WA_NOISE_STATE_H

#include "noise.h"

/* name has at most 32 bytes; shorter ones are padded with NUL. */
extern void noise_state_init(WaNoise *noise, const char *name);
extern WaStatus noise_state_mix_hash(WaNoise *noise, const void *data, size_t len);
extern WaStatus noise_state_mix_key(WaNoise *noise, const uint8_t *ikm, size_t len);
/* MixKey of a Diffie-Hellman result. */
extern WaStatus noise_state_mix_dh(WaNoise *noise, const uint8_t private_key[CRYPTO_KEY_LEN],
								   const uint8_t public_key[CRYPTO_KEY_LEN]);
/* out has len + 16 bytes. */
extern WaStatus noise_state_encrypt(WaNoise *noise, const void *plain, size_t len, uint8_t *out);
/* out has len - 16 bytes. */
extern WaStatus noise_state_decrypt(WaNoise *noise, const uint8_t *cipher, size_t len,
									uint8_t *out);
/*
 * The iv of a message, 8 zero bytes and the counter in big-endian, and counts
 * on.  WA_ERR_STATE when the counter is used up.
 */
extern WaStatus noise_state_next_iv(uint32_t *counter, uint8_t iv[12]);
/* The initiator's writing and reading key. */
extern WaStatus noise_state_split(const WaNoise *noise, uint8_t first[32], uint8_t second[32]);

#endif /* WA_NOISE_STATE_H */
