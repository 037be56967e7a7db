/*
 * pairing.c
 *		Linking by QR: the text of the code, and the proof that the answer comes
 *		from the phone that scanned it.
 *
 * Everything that is signed or authenticated is checked over the received
 * bytes; nothing is taken into the device before every check has passed.
 */
#include "pairing.h"

#include <string.h>

#include "protobuf.h"
#include "transport.pb-c.h"

#define PAIRING_KEY_LEN CRYPTO_KEY_LEN
#define PAIRING_B64_LEN 45 /* base64 of 32 bytes and a NUL */

/* Must match the platform type that payload.c registers with: Chrome. */
static const char pairing_client_type[] = "1";
static const char pairing_url[] = "https://wa.me/settings/linked_devices#";

/* What a signature or HMAC covers begins with one of these (section 5.4). */
static const uint8_t pairing_account_prefix[2] = {6, 0};
static const uint8_t pairing_device_prefix[2] = {6, 1};
static const uint8_t pairing_hosted_prefix[2] = {6, 5};

#define PAIRING_HOSTED 1 /* ADVEncryptionType */

WaStr
pairing_qr(WaArena *arena, const WaDevice *device, WaStr ref)
{
	char noise[PAIRING_B64_LEN];
	char identity[PAIRING_B64_LEN];
	char secret[PAIRING_B64_LEN];
	WaStr qr;

	crypto_base64(device->noise.public_key, PAIRING_KEY_LEN, noise);
	crypto_base64(device->identity.public_key, PAIRING_KEY_LEN, identity);
	crypto_base64(device->adv_secret, PAIRING_KEY_LEN, secret);
	qr = arena_printf(arena, "%s%.*s,%s,%s,%s,%s", pairing_url, (int) ref.len, ref.data, noise,
					  identity, secret, pairing_client_type);
	crypto_wipe(secret, sizeof(secret));
	return qr;
}

/* ---- pair-success ---- */

/* prefix ‖ a ‖ b ‖ c in the arena. */
static WaStr
pairing_message(WaArena *arena, const uint8_t prefix[2], ProtobufCBinaryData a,
				ProtobufCBinaryData b, ProtobufCBinaryData c)
{
	size_t len = 2 + a.len + b.len + c.len;
	char *out = arena_alloc(arena, len);
	char *p = out;

	if (out == NULL)
		return WA_STR_NONE;
	memcpy(p, prefix, 2);
	p += 2;
	if (a.len > 0)
		memcpy(p, a.data, a.len);
	p += a.len;
	if (b.len > 0)
		memcpy(p, b.data, b.len);
	p += b.len;
	if (c.len > 0)
		memcpy(p, c.data, c.len);
	return (WaStr){out, len};
}

/* Fixed-size text of the device; false when it does not fit. */
static bool
pairing_copy_text(char *to, size_t size, WaStr from)
{
	if (from.len >= size || (from.len > 0 && memchr(from.data, 0, from.len) != NULL))
		return false;
	memset(to, 0, size);
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	return true;
}

typedef struct PairingProof
{
	Wa__ADVSignedDeviceIdentity *identity; /* as the phone signed it */
	uint32_t key_index;
	uint8_t signature[CRYPTO_SIGNATURE_LEN]; /* ours */
} PairingProof;

/* Steps 1 to 5 of section 5.4. */
static WaStatus
pairing_verify(const WaEnv *env, WaArena *arena, const WaDevice *device, WaStr blob,
			   PairingProof *proof, const char **why)
{
	Wa__ADVSignedDeviceIdentityHMAC *envelope;
	Wa__ADVSignedDeviceIdentity *identity;
	Wa__ADVDeviceIdentity *details;
	ProtobufCBinaryData own = {PAIRING_KEY_LEN, (uint8_t *) device->identity.public_key};
	ProtobufCBinaryData none = {0, NULL};
	uint8_t hmac[32];
	bool hosted;
	WaStr message;
	WaStatus status;

	*why = "internal-error";
	status = protobuf_unpack(arena, &wa__advsigned_device_identity_hmac__descriptor, blob.data,
							 blob.len, &envelope);
	if (status != WA_OK)
		return status;

	*why = "hmac-mismatch";
	hosted = envelope->has_accounttype && envelope->accounttype == PAIRING_HOSTED;
	message = hosted ? pairing_message(arena, pairing_hosted_prefix, envelope->details, none, none)
					 : (WaStr){(const char *) envelope->details.data, envelope->details.len};
	if (hosted && message.data == NULL)
		return WA_ERR_NOMEM;
	status = crypto_hmac_sha256(device->adv_secret, sizeof(device->adv_secret), message.data,
								message.len, hmac);
	if (status != WA_OK)
		return status;
	if (!envelope->has_details || envelope->hmac.len != sizeof(hmac) ||
		!crypto_equal(hmac, envelope->hmac.data, sizeof(hmac)))
		return WA_ERR_SIGNATURE;

	*why = "internal-error";
	status = protobuf_unpack(arena, &wa__advsigned_device_identity__descriptor,
							 envelope->details.data, envelope->details.len, &identity);
	if (status != WA_OK)
		return status;
	status = protobuf_unpack(arena, &wa__advdevice_identity__descriptor, identity->details.data,
							 identity->details.len, &details);
	if (status != WA_OK)
		return status;

	*why = "signature-mismatch";
	if (identity->accountsignaturekey.len != PAIRING_KEY_LEN ||
		identity->accountsignature.len != CRYPTO_SIGNATURE_LEN)
		return WA_ERR_SIGNATURE;
	hosted = details->has_devicetype && details->devicetype == PAIRING_HOSTED;
	message = pairing_message(arena, hosted ? pairing_hosted_prefix : pairing_account_prefix,
							  identity->details, own, none);
	if (message.data == NULL)
		return WA_ERR_NOMEM;
	status = crypto_verify(identity->accountsignaturekey.data, message.data, message.len,
						   identity->accountsignature.data);
	if (status != WA_OK)
		return status;

	*why = "internal-error";
	message = pairing_message(arena, pairing_device_prefix, identity->details, own,
							  identity->accountsignaturekey);
	if (message.data == NULL)
		return WA_ERR_NOMEM;
	status =
		crypto_sign(env, device->identity.private_key, message.data, message.len, proof->signature);
	if (status != WA_OK)
		return status;
	proof->identity = identity;
	proof->key_index = details->keyindex;
	return WA_OK;
}

/* Steps 6 and 7: the blob that is sent and the one that is kept. */
static WaStatus
pairing_fill(const WaEnv *env, WaArena *arena, const WaNode *success, PairingProof *proof,
			 WaDevice *device, WaStr *answer, const char **why)
{
	Wa__ADVSignedDeviceIdentity *identity = proof->identity;
	ProtobufCBinaryData account_key = identity->accountsignaturekey;
	const WaNode *names = node_child(success, "device");
	const WaNode *platform = node_child(success, "platform");
	const WaNode *biz = node_child(success, "biz");
	WaStr jid = names != NULL ? node_attr(names, "jid") : WA_STR_NONE;
	WaStr lid = names != NULL ? node_attr(names, "lid") : WA_STR_NONE;
	WaJid parsed;
	WaBuf packed;
	WaStatus status;

	*why = "internal-error";
	if (jid_parse(jid, &parsed) != WA_OK ||
		(parsed.server != JID_PN && parsed.server != JID_HOSTED) || parsed.user.len == 0)
		return WA_ERR_MALFORMED;
	if (lid.data != NULL &&
		(jid_parse(lid, &parsed) != WA_OK ||
		 (parsed.server != JID_LID && parsed.server != JID_HOSTED_LID) || parsed.user.len == 0))
		return WA_ERR_MALFORMED;
	if (!pairing_copy_text(device->jid, sizeof(device->jid), jid) ||
		!pairing_copy_text(device->lid, sizeof(device->lid), lid))
		return WA_ERR_LIMIT;
	/* names for people: too long ones are left out, not an error */
	if (!pairing_copy_text(device->platform, sizeof(device->platform),
						   platform != NULL ? node_attr(platform, "name") : WA_STR_NONE))
		device->platform[0] = '\0';
	if (!pairing_copy_text(device->business_name, sizeof(device->business_name),
						   biz != NULL ? node_attr(biz, "name") : WA_STR_NONE))
		device->business_name[0] = '\0';
	device->push_name[0] = '\0';
	device->login_counter = 0;

	identity->has_devicesignature = true;
	identity->devicesignature = protobuf_bytes(proof->signature, sizeof(proof->signature));

	buf_init(&packed, env, DEVICE_MAX_ACCOUNT);
	status = protobuf_pack(&identity->base, &packed);
	if (status == WA_OK)
	{
		memcpy(device->account, buf_data(&packed), buf_len(&packed));
		device->account_len = buf_len(&packed);
		buf_consume(&packed, buf_len(&packed));

		/* the server gets it without the key that it knows */
		identity->has_accountsignaturekey = false;
		identity->accountsignaturekey = protobuf_bytes(NULL, 0);
		status = protobuf_pack(&identity->base, &packed);
		identity->has_accountsignaturekey = true;
		identity->accountsignaturekey = account_key;
	}
	if (status == WA_OK)
	{
		*answer = arena_str(arena, (WaStr){(const char *) buf_data(&packed), buf_len(&packed)});
		if (answer->data == NULL)
			status = WA_ERR_NOMEM;
	}
	buf_free(&packed);
	return status;
}

static WaNode *
pairing_reply(WaArena *arena, const WaNode *iq, const char *type)
{
	WaNode *reply = node_new(arena, "iq");

	node_set_jid(reply, "to", str_from("s.whatsapp.net"));
	node_set(reply, "type", type);
	node_copy_attr(reply, "id", iq, "id");
	return reply;
}

WaStatus
pairing_accept(const WaEnv *env, WaArena *arena, const WaNode *iq, WaDevice *device, WaNode **reply,
			   const char **why)
{
	const WaNode *success = node_child(iq, "pair-success");
	const WaNode *blob = success != NULL ? node_child(success, "device-identity") : NULL;
	WaDevice filled = *device;
	PairingProof proof;
	WaStr answer = WA_STR_NONE;
	WaStatus status = WA_ERR_MALFORMED;
	WaNode *node;

	*reply = NULL;
	*why = "internal-error";
	if (blob != NULL)
		status = pairing_verify(env, arena, device, blob->bytes, &proof, why);
	if (status == WA_OK)
		status = pairing_fill(env, arena, success, &proof, &filled, &answer, why);

	if (status == WA_OK)
	{
		*reply = pairing_reply(arena, iq, "result");
		node = node_add(node_add(*reply, "pair-device-sign"), "device-identity");
		node_set_u64(node, "key-index", proof.key_index);
		node_set_bytes(node, answer.data, answer.len);
		if (arena->failed)
			status = WA_ERR_NOMEM;
		else
		{
			*device = filled;
			*why = NULL;
		}
	}
	if (status != WA_OK)
	{
		*reply = pairing_reply(arena, iq, "error");
		node = node_add(*reply, "error");
		node_set_u64(node, "code", status == WA_ERR_SIGNATURE ? 401 : 500);
		node_set(node, "text", *why);
		if (arena->failed)
			*reply = NULL;
	}
	crypto_wipe(&filled, sizeof(filled));
	return status;
}
