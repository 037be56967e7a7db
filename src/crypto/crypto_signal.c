/*
 * crypto_signal.c
 *		XEdDSA signatures, which OpenSSL does not have, on
 *		libsignal-protocol-c.
 *
 * libsignal wants public keys with a type byte in front and randomness from a
 * provider in its context; the context lives for one signature, so that the
 * randomness is the caller's.
 */
#include "crypto.h"

#include <string.h>

#include <curve.h>
#include <signal_protocol.h>

#define DJB_TYPE 0x05

static int
provider_random(uint8_t *data, size_t len, void *user_data)
{
	const WaEnv *env = user_data;

	return env->random(env->ctx, data, len) == 0 ? 0 : SG_ERR_UNKNOWN;
}

/*
 * libsignal refuses a provider that lacks a function, and a signature uses none
 * but the randomness; these refuse to work.
 */
static int
no_hmac(void **state, const uint8_t *key, size_t len, void *user_data)
{
	(void) state, (void) key, (void) len, (void) user_data;
	return SG_ERR_INVAL;
}

static int
no_digest(void **state, void *user_data)
{
	(void) state, (void) user_data;
	return SG_ERR_INVAL;
}

static int
no_update(void *state, const uint8_t *data, size_t len, void *user_data)
{
	(void) state, (void) data, (void) len, (void) user_data;
	return SG_ERR_INVAL;
}

static int
no_final(void *state, signal_buffer **out, void *user_data)
{
	(void) state, (void) out, (void) user_data;
	return SG_ERR_INVAL;
}

static void
no_cleanup(void *state, void *user_data)
{
	(void) state, (void) user_data;
}

static int
no_cipher(signal_buffer **out, int cipher, const uint8_t *key, size_t key_len, const uint8_t *iv,
		  size_t iv_len, const uint8_t *in, size_t len, void *user_data)
{
	(void) out, (void) cipher, (void) key, (void) key_len;
	(void) iv, (void) iv_len, (void) in, (void) len, (void) user_data;
	return SG_ERR_INVAL;
}

/* Signs with a scalar that is clamped already. */
static WaStatus
sign(signal_context *context, const uint8_t scalar[CRYPTO_KEY_LEN], const void *msg, size_t len,
	 uint8_t out[CRYPTO_SIGNATURE_LEN])
{
	ec_private_key *key = NULL;
	signal_buffer *signature = NULL;
	WaStatus status = WA_ERR_NOMEM;
	int rc;

	if (curve_decode_private_point(&key, scalar, CRYPTO_KEY_LEN, context) < 0)
		return WA_ERR_NOMEM;
	rc = curve_calculate_signature(context, &signature, key, msg, len);
	if (rc >= 0 && signal_buffer_len(signature) == CRYPTO_SIGNATURE_LEN)
	{
		memcpy(out, signal_buffer_data(signature), CRYPTO_SIGNATURE_LEN);
		status = WA_OK;
	}
	else if (rc == SG_ERR_UNKNOWN)
		status = WA_ERR_RANDOM;
	signal_buffer_free(signature);
	SIGNAL_UNREF(key);
	return status;
}

WaStatus
crypto_sign(const WaEnv *env, const uint8_t private_key[32], const void *msg, size_t len,
			uint8_t out[CRYPTO_SIGNATURE_LEN])
{
	WaEnv randomness = *env;
	signal_crypto_provider provider = {
		.random_func = provider_random,
		.hmac_sha256_init_func = no_hmac,
		.hmac_sha256_update_func = no_update,
		.hmac_sha256_final_func = no_final,
		.hmac_sha256_cleanup_func = no_cleanup,
		.sha512_digest_init_func = no_digest,
		.sha512_digest_update_func = no_update,
		.sha512_digest_final_func = no_final,
		.sha512_digest_cleanup_func = no_cleanup,
		.encrypt_func = no_cipher,
		.decrypt_func = no_cipher,
		.user_data = &randomness,
	};
	signal_context *context = NULL;
	uint8_t scalar[CRYPTO_KEY_LEN];
	WaStatus status = WA_ERR_NOMEM;

	/* the agreement clamps by itself, the signature does not */
	memcpy(scalar, private_key, sizeof(scalar));
	scalar[0] &= 0xF8;
	scalar[31] = (uint8_t) ((scalar[31] & 0x7F) | 0x40);

	if (signal_context_create(&context, NULL) == 0)
	{
		if (signal_context_set_crypto_provider(context, &provider) == 0)
			status = sign(context, scalar, msg, len, out);
		signal_context_destroy(context);
	}
	crypto_wipe(scalar, sizeof(scalar));
	return status;
}

WaStatus
crypto_verify(const uint8_t public_key[32], const void *msg, size_t len,
			  const uint8_t signature[CRYPTO_SIGNATURE_LEN])
{
	uint8_t typed[1 + CRYPTO_KEY_LEN] = {DJB_TYPE};
	ec_public_key *key = NULL;
	int rc;

	memcpy(typed + 1, public_key, CRYPTO_KEY_LEN);
	if (curve_decode_point(&key, typed, sizeof(typed), NULL) < 0)
		return WA_ERR_NOMEM;
	rc = curve_verify_signature(key, msg, len, signature, CRYPTO_SIGNATURE_LEN);
	SIGNAL_UNREF(key);
	if (rc < 0)
		return WA_ERR_NOMEM;
	return rc == 1 ? WA_OK : WA_ERR_SIGNATURE;
}
