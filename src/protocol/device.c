/*
 * device.c
 *		Makes the keys of a new companion device.  Sheet 1 section 5.1.
 */
#include "device.h"

#include <string.h>

#define MAX_REGISTRATION_ID 16380
#define FIRST_KEY_ID 1

/* What the signature of a signed prekey covers: its public key, typed. */
#define KEY_TYPE 0x05

/* Evenly among 1..16380: draws again instead of folding the rest. */
static WaStatus
draw_registration_id(const WaEnv *env, uint32_t *out)
{
	uint8_t bytes[2];
	uint32_t value;
	WaStatus status;

	do
	{
		status = crypto_random(env, bytes, sizeof(bytes));
		if (status != WA_OK)
			return status;
		value = ((uint32_t) bytes[0] << 8 | bytes[1]) & 0x3FFF;
	} while (value < 1 || value > MAX_REGISTRATION_ID);
	*out = value;
	return WA_OK;
}

WaStatus
device_create(const WaEnv *env, WaDevice *out)
{
	WaDevice device;
	uint8_t typed[1 + CRYPTO_KEY_LEN] = {KEY_TYPE};
	WaStatus status;

	memset(&device, 0, sizeof(device));
	device.signed_prekey.id = FIRST_KEY_ID;
	device.next_prekey_id = FIRST_KEY_ID;
	status = crypto_keypair_generate(env, &device.noise);
	if (status == WA_OK)
		status = crypto_keypair_generate(env, &device.identity);
	if (status == WA_OK)
		status = crypto_keypair_generate(env, &device.signed_prekey.pair);
	if (status == WA_OK)
		status = draw_registration_id(env, &device.registration_id);
	if (status == WA_OK)
		status = crypto_random(env, device.adv_secret, sizeof(device.adv_secret));
	if (status == WA_OK)
	{
		memcpy(typed + 1, device.signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
		status = crypto_sign(env, device.identity.private_key, typed, sizeof(typed),
							 device.signed_prekey_signature);
	}
	if (status == WA_OK)
		*out = device;
	crypto_wipe(&device, sizeof(device));
	return status;
}

bool
device_is_linked(const WaDevice *device)
{
	return device->jid[0] != '\0';
}
