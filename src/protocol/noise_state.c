/*
 * noise_state.c
 *		The symmetric state of a Noise handshake with AES-256-GCM and SHA-256.
 */
#include "noise_state.h"

#include <string.h>

WaStatus
noise_state_next_iv(uint32_t *counter, uint8_t iv[12])
{
	uint32_t n = *counter;

	if (n == UINT32_MAX)
		return WA_ERR_STATE;
	memset(iv, 0, 8);
	iv[8] = (uint8_t) (n >> 24);
	iv[9] = (uint8_t) (n >> 16);
	iv[10] = (uint8_t) (n >> 8);
	iv[11] = (uint8_t) n;
	(*counter)++;
	return WA_OK;
}

void
noise_state_init(WaNoise *noise, const char *name)
{
	size_t len = strnlen(name, sizeof(noise->hash));

	memset(noise->hash, 0, sizeof(noise->hash));
	memcpy(noise->hash, name, len);
	memcpy(noise->chaining_key, noise->hash, sizeof(noise->hash));
	memset(noise->key, 0, sizeof(noise->key));
	noise->counter = 0;
}

WaStatus
noise_state_mix_hash(WaNoise *noise, const void *data, size_t len)
{
	uint8_t small[sizeof(noise->hash) + 128];
	uint8_t *joined = small;
	WaStatus status;

	if (len > WA_MAX_FRAME)
		return WA_ERR_LIMIT;
	if (len > sizeof(small) - sizeof(noise->hash))
		joined = noise->env->alloc(noise->env->ctx, sizeof(noise->hash) + len);
	if (joined == NULL)
		return WA_ERR_NOMEM;
	memcpy(joined, noise->hash, sizeof(noise->hash));
	if (len > 0)
		memcpy(joined + sizeof(noise->hash), data, len);
	status = crypto_sha256(joined, sizeof(noise->hash) + len, noise->hash);
	if (joined != small)
		noise->env->free(noise->env->ctx, joined);
	return status;
}

WaStatus
noise_state_mix_key(WaNoise *noise, const uint8_t *ikm, size_t len)
{
	uint8_t out[64];
	WaStatus status;

	status = crypto_hkdf_sha256(ikm, len, noise->chaining_key, sizeof(noise->chaining_key), NULL, 0,
								out, sizeof(out));
	if (status == WA_OK)
	{
		memcpy(noise->chaining_key, out, 32);
		memcpy(noise->key, out + 32, 32);
		noise->counter = 0;
	}
	crypto_wipe(out, sizeof(out));
	return status;
}

WaStatus
noise_state_mix_dh(WaNoise *noise, const uint8_t private_key[CRYPTO_KEY_LEN],
				   const uint8_t public_key[CRYPTO_KEY_LEN])
{
	uint8_t shared[CRYPTO_KEY_LEN];
	WaStatus status = crypto_x25519(private_key, public_key, shared);

	if (status == WA_OK)
		status = noise_state_mix_key(noise, shared, sizeof(shared));
	crypto_wipe(shared, sizeof(shared));
	return status;
}

WaStatus
noise_state_encrypt(WaNoise *noise, const void *plain, size_t len, uint8_t *out)
{
	uint8_t iv[12];
	WaStatus status = noise_state_next_iv(&noise->counter, iv);

	if (status == WA_OK)
		status = crypto_aes256_gcm_encrypt(noise->key, iv, noise->hash, sizeof(noise->hash), plain,
										   len, out);
	if (status == WA_OK)
		status = noise_state_mix_hash(noise, out, len + CRYPTO_TAG_LEN);
	return status;
}

WaStatus
noise_state_decrypt(WaNoise *noise, const uint8_t *cipher, size_t len, uint8_t *out)
{
	uint8_t iv[12];
	WaStatus status;

	if (len < CRYPTO_TAG_LEN)
		return WA_ERR_MALFORMED;
	status = noise_state_next_iv(&noise->counter, iv);
	if (status == WA_OK)
		status = crypto_aes256_gcm_decrypt(noise->key, iv, noise->hash, sizeof(noise->hash), cipher,
										   len, out);
	if (status == WA_OK)
		status = noise_state_mix_hash(noise, cipher, len);
	return status;
}

WaStatus
noise_state_split(const WaNoise *noise, uint8_t first[32], uint8_t second[32])
{
	uint8_t out[64];
	WaStatus status;

	status = crypto_hkdf_sha256(NULL, 0, noise->chaining_key, sizeof(noise->chaining_key), NULL, 0,
								out, sizeof(out));
	if (status == WA_OK)
	{
		memcpy(first, out, 32);
		memcpy(second, out + 32, 32);
	}
	crypto_wipe(out, sizeof(out));
	return status;
}
