/*
 * pairing.h
 *		Linking a companion device, the companion's side: by QR and by code.
 *		Sheet 1 sections 5 and 6.
 */
#ifndef WA_PAIRING_H
#define WA_PAIRING_H

#include "device.h"
#include "node.h"

#define PAIRING_CODE_LEN 8

/* The text of a QR: prefix, ref, three keys, client type (section 5.3). */
extern WaStr pairing_qr(WaArena *arena, const WaDevice *device, WaStr ref);

/*
 * Verifies pair-success (section 5.4), fills device (jid, lid, account,
 * platform, business name) and makes the <pair-device-sign> answer without
 * sending it.  On failure device is unchanged, *reply is the error answer
 * (NULL when memory is out) and *why a constant word.
 */
extern WaStatus pairing_accept(const WaEnv *env, WaArena *arena, const WaNode *iq, WaDevice *device,
							   WaNode **reply, const char **why);

/*
 * State of one pairing code; wipe it after use.  The caller fills ref from
 * the server's answer and made_us from its clock.
 */
typedef struct WaPairCode
{
	char code[PAIRING_CODE_LEN + 1];
	char phone[24];
	WaKeyPair ephemeral;
	uint8_t ref[256];
	size_t ref_len;
	int hellos;      /* primary_hello seen */
	int64_t made_us; /* monotonic */
} WaPairCode;

#define PAIRING_CODE_VALID_US (180 * WA_SECOND)
#define PAIRING_CODE_HELLOS 3 /* answers of phones that one code may get */

/* Digits only, 7 to 15, no leading zero. */
extern WaStatus pairing_check_phone(const char *phone);
extern void pairing_code_text(const uint8_t random5[5], char out[PAIRING_CODE_LEN + 1]);
/* Makes a code and its <iq> (without id). */
extern WaStatus pairing_code_start(const WaEnv *env, WaArena *arena, const WaDevice *device,
								   const char *phone, WaPairCode *state, WaNode **iq);
/*
 * Handles primary_hello: derives device->adv_secret and makes
 * companion_finish (without id), to be sent after device was stored.
 * WA_ERR_STATE: of another code, or one answer too many.
 */
extern WaStatus pairing_code_finish(const WaEnv *env, WaArena *arena, const WaNode *notification,
									WaPairCode *state, WaDevice *device, WaNode **iq);

#endif /* WA_PAIRING_H */
