/*
 * payload.h
 *		ClientPayload: what a client says about itself in the last handshake
 *		message, to register or to log in.  Sheet 1 section 4.
 */
#ifndef WA_PAYLOAD_H
#define WA_PAYLOAD_H

#include "buf.h"
#include "device.h"

/* The compiled-in client version (sheet 1 section 4.4). */
#define PAYLOAD_VERSION_PRIMARY 2
#define PAYLOAD_VERSION_SECONDARY 3000
#define PAYLOAD_VERSION_TERTIARY 1045649367

/* Parses "2.3000.N". */
extern WaStatus payload_parse_version(const char *text, uint32_t version[3]);

/* Appends the serialized payload: registration while unlinked, login after. */
extern WaStatus payload_build(const WaEnv *env, const WaDevice *device, const uint32_t version[3],
							  const char *device_name, WaBuf *out);

/* The server's side. */
typedef struct WaPayloadInfo
{
	bool registration;
	uint32_t version[3];
	/* login */
	uint64_t username;
	uint32_t device;
	bool passive;
	bool pull;
	/* registration */
	uint32_t registration_id;
	uint8_t identity[32];
	uint32_t signed_prekey_id;
	uint8_t signed_prekey[32];
	uint8_t signed_prekey_signature[64];
	uint8_t build_hash[16];
	WaStr device_name; /* in arena */
	uint32_t platform_type;
} WaPayloadInfo;

extern WaStatus payload_parse(WaArena *arena, const uint8_t *data, size_t len, WaPayloadInfo *out);

#endif /* WA_PAYLOAD_H */
