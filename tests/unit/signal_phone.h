/*
 * signal_phone.h
 *		Somebody else's phone, for tests of the Signal layer: libsignal with a
 *		store of its own, which knows nothing of src/protocol/signal*.
 *
 * Every call must succeed; it fails the test otherwise.
 */
#ifndef WA_SIGNAL_PHONE_H
#define WA_SIGNAL_PHONE_H

#include <signal_protocol.h>

#include "../../src/protocol/signal.h"

#define PHONE_GROUPS 4

typedef struct PhoneGroup
{
	char id[64];
	signal_buffer *record;
} PhoneGroup;

/* It talks to one bot. */
typedef struct SignalPhone
{
	const WaEnv *env;
	WaKeyPair identity;
	WaPrekey prekey;
	WaPrekey signed_prekey;
	uint8_t signature[CRYPTO_SIGNATURE_LEN];
	uint32_t registration_id;
	signal_context *context;
	signal_protocol_store_context *store;
	signal_buffer *session;
	PhoneGroup groups[PHONE_GROUPS];
} SignalPhone;

extern void phone_init(SignalPhone *phone, const WaEnv *env);
extern void phone_free(SignalPhone *phone);
/* Starts a session with the keys that the service hands out for the bot; prekey may be NULL. */
extern void phone_start(SignalPhone *phone, const WaDevice *bot, const WaPrekey *prekey);
/* The phone's own keys, as the service hands them out. */
extern void phone_bundle(const SignalPhone *phone, SignalBundle *out);

/* Appends the content of <enc v=2> with 3 bytes of padding; says its type. */
extern void phone_write(SignalPhone *phone, const char *text, WaBuf *out, SignalType *type);
/* The same without padding, for plaintexts that make no sense. */
extern void phone_write_raw(SignalPhone *phone, const void *data, size_t len, WaBuf *out,
							SignalType *type);
/* Appends the plaintext of what the bot wrote, padding taken off. */
extern void phone_read(SignalPhone *phone, SignalType type, const uint8_t *data, size_t len,
					   WaBuf *out);

/* Appends Message.senderKeyDistributionMessage for the group as it is now; says it is for named. */
extern void phone_distribute(SignalPhone *phone, const char *group, const char *named, WaBuf *out);
extern void phone_write_group(SignalPhone *phone, const char *group, const char *text, WaBuf *out);
/* Forgets the sender key: the next distribution brings a new one. */
extern void phone_rotate(SignalPhone *phone, const char *group);

#endif /* WA_SIGNAL_PHONE_H */
