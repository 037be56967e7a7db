/*
 * device.h
 *		The companion device: everything that identifies one bot to WhatsApp
 *		and must survive a restart (sheet 1 section 11).
 */
#ifndef WA_DEVICE_H
#define WA_DEVICE_H

#include "crypto.h"

#define DEVICE_MAX_JID 64
#define DEVICE_MAX_TEXT 128
#define DEVICE_MAX_ACCOUNT 1024
#define DEVICE_MAX_ROUTING 256

typedef struct WaPrekey
{
	uint32_t id; /* 24 bits, never 0 */
	WaKeyPair pair;
} WaPrekey;

/*
 * Made before the first connect; linked once jid is not empty.  Plain data:
 * may be copied with assignment.  Texts are NUL-terminated.
 */
typedef struct WaDevice
{
	WaKeyPair noise;
	WaKeyPair identity;
	uint32_t registration_id; /* 1..16380 */
	WaPrekey signed_prekey;
	uint8_t signed_prekey_signature[CRYPTO_SIGNATURE_LEN];
	uint8_t adv_secret[32];
	uint32_t next_prekey_id;

	char jid[DEVICE_MAX_JID]; /* own PN with device, "" while unlinked */
	char lid[DEVICE_MAX_JID]; /* own LID with device, may be unknown */
	char platform[DEVICE_MAX_TEXT];
	char business_name[DEVICE_MAX_TEXT];
	char push_name[DEVICE_MAX_TEXT];
	uint8_t account[DEVICE_MAX_ACCOUNT]; /* ADVSignedDeviceIdentity, all four fields */
	size_t account_len;
	uint8_t routing[DEVICE_MAX_ROUTING];
	size_t routing_len;
	uint32_t login_counter;
} WaDevice;

/* Fresh keys for a new link; an old device's keys must never be reused. */
extern WaStatus device_create(const WaEnv *env, WaDevice *out);
extern bool device_is_linked(const WaDevice *device);

#endif /* WA_DEVICE_H */
