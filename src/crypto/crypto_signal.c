/*
 * crypto_signal.c
 *		XEdDSA signatures, which OpenSSL does not have, on
 *		libsignal-protocol-c.
 *
 * libsignal wants public keys with a type byte in front and randomness from its
 * context; the context lives for one signature, so that the randomness is the
 * caller's.
 */
#include "crypto.h"

#include <string.h>

#include <curve.h>

#include "crypto_provider.h"

#define DJB_TYPE 0x05

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
	else if (rc == CRYPTO_PROVIDER_FAULT)
		status = WA_ERR_RANDOM;
	signal_buffer_free(signature);
	SIGNAL_UNREF(key);
	return status;
}

WaStatus
crypto_sign(const WaEnv *env, const uint8_t private_key[32], const void *msg, size_t len,
			uint8_t out[CRYPTO_SIGNATURE_LEN])
{
	signal_context *context = NULL;
	uint8_t scalar[CRYPTO_KEY_LEN];
	WaStatus status;

	/* the agreement clamps by itself, the signature does not */
	memcpy(scalar, private_key, sizeof(scalar));
	scalar[0] &= 0xF8;
	scalar[31] = (uint8_t) ((scalar[31] & 0x7F) | 0x40);

	status = crypto_provider_context(env, &context);
	if (status == WA_OK)
	{
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
