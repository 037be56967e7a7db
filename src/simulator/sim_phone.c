/*
 * sim_phone.c
 *		The primary device: it scans a QR or takes a typed code, signs the
 *		companion's identity, and the server checks the companion's answer.
 *		Sheet 1 sections 5 and 6.
 *
 * The phone and the server are one process here, but each check that either
 * makes in reality is made: the phone checks the QR's fields and the key
 * bundle, the server checks the references and the device signature.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define SCAN_TIMEOUT (20 * WA_SECOND)

static void
answer(SimLinking *linking, const char *error)
{
	SimRequest *request = linking->request;
	json_t *result;

	if (request == NULL)
		return;
	linking->request = NULL;
	result = json_object();
	if (error == NULL)
	{
		SimAccount *account = linking->account;
		char jid[64];

		snprintf(jid, sizeof(jid), "%s:%d@s.whatsapp.net", account->number, linking->device_id);
		json_object_set_new(result, "jid", json_string(jid));
		snprintf(jid, sizeof(jid), "%s:%d@lid", account->lid, linking->device_id);
		json_object_set_new(result, "lid", json_string(jid));
		json_object_set_new(result, "device", json_integer(linking->device_id));
		json_object_set_new(result, "device_name", json_string(linking->device_name));
	}
	sim_control_answer(request, result, error);
}

void
sim_phone_gone(SimConn *conn, const char *why)
{
	if (conn->linking != NULL)
		answer(conn->linking, why);
}

void
sim_phone_tick(SimConn *conn)
{
	SimLinking *linking = conn->linking;

	if (linking->request != NULL && sim_util_mono_us() > linking->request_until)
		answer(linking, "the device did not finish the link in time");
	if (sim.options.link_seconds > 0 && sim_util_mono_us() > linking->until)
		sim_server_close(conn);
}

int
sim_phone_rotate(void)
{
	int n = 0;

	for (SimConn *conn = sim.conns; conn != NULL; conn = conn->next)
	{
		WaArena arena;
		WaNode *notification;
		char id[24];

		if (conn->state != SIM_CONN_LINKING || conn->linking == NULL)
			continue;
		arena_init(&arena, sim.env, 4096);
		notification = node_new(&arena, "notification");
		sim_notify_new_id(id);
		node_set_jid(notification, "from", str_from("s.whatsapp.net"));
		node_set(notification, "type", "companion_reg_refresh");
		node_set(notification, "id", id);
		node_set_u64(notification, "t", (uint64_t) sim_util_now());
		node_add(notification, "pair-device-rotate-qr");
		sim_server_send(conn, notification);
		arena_free(&arena);
		n++;
	}
	return n;
}

static void
wait_for_link(SimLinking *linking, SimRequest *request)
{
	linking->request = request;
	linking->request_until = sim_util_mono_us() + SCAN_TIMEOUT;
}

/* ---- signing ---- */

/* An account behind a passkey: the server wants a ceremony that a bot cannot do. */
static void
send_passkey(SimConn *conn)
{
	WaArena arena;
	WaNode *notification;
	char id[24];

	arena_init(&arena, sim.env, 4096);
	notification = node_new(&arena, "notification");
	sim_notify_new_id(id);
	node_set_jid(notification, "from", str_from("s.whatsapp.net"));
	node_set(notification, "type", "passkey_prologue_request");
	node_set(notification, "id", id);
	node_set_u64(notification, "t", (uint64_t) sim_util_now());
	node_set_text(node_add(notification, "passkey_prologue_request"),
				  "{\"challenge\":\"c2ltdWxhdG9y\",\"rpId\":\"whatsapp.com\"}");
	sim_server_send(conn, notification);
	arena_free(&arena);
}

/* Makes the signed device identity and offers it to the companion. */
static void
send_pair_success(SimConn *conn, SimAccount *account, const uint8_t adv_secret[32])
{
	SimLinking *linking = conn->linking;
	SimPhoneKeys *keys = sim_account_keys(account);
	SimProto details = {.len = 0};
	SimProto signed_identity = {.len = 0};
	SimProto sealed = {.len = 0};
	uint8_t message[2 + 64 + 32];
	uint8_t hmac[32];
	WaArena arena;
	WaNode *iq;
	WaNode *success;
	WaNode *device;

	if (sim_fault_take("passkey", account) != NULL)
	{
		send_passkey(conn);
		answer(linking, "the account is protected by a passkey");
		return;
	}

	linking->account = account;
	linking->device_id = (uint16_t) (account->last_device + 1);

	sim_proto_uint(&details, 1, account->raw_id);
	sim_proto_uint(&details, 2, (uint64_t) sim_util_now());
	sim_proto_uint(&details, 3, linking->device_id);
	sim_proto_uint(&details, 4, 0);
	sim_proto_uint(&details, 5, 0);
	memcpy(linking->details, details.data, details.len);
	linking->details_len = details.len;

	message[0] = 6;
	message[1] = 0;
	memcpy(message + 2, details.data, details.len);
	memcpy(message + 2 + details.len, linking->info.identity, 32);
	(void) crypto_sign(sim.env, keys->identity.private_key, message, 2 + details.len + 32,
					   linking->account_signature);

	sim_proto_bytes(&signed_identity, 1, details.data, details.len);
	sim_proto_bytes(&signed_identity, 2, keys->identity.public_key, 32);
	sim_proto_bytes(&signed_identity, 3, linking->account_signature, 64);
	(void) crypto_hmac_sha256(adv_secret, 32, signed_identity.data, signed_identity.len, hmac);
	sim_proto_bytes(&sealed, 1, signed_identity.data, signed_identity.len);
	sim_proto_bytes(&sealed, 2, hmac, sizeof(hmac));

	arena_init(&arena, sim.env, 16384);
	iq = node_new(&arena, "iq");
	snprintf(linking->pair_id, sizeof(linking->pair_id), "pair-success-%llu",
			 (unsigned long long) ++sim.last_id);
	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	node_set(iq, "type", "set");
	node_set(iq, "xmlns", "md");
	node_set(iq, "id", linking->pair_id);
	node_set_u64(iq, "t", (uint64_t) sim_util_now());
	success = node_add(iq, "pair-success");
	node_set_bytes(node_add(success, "device-identity"), sealed.data, sealed.len);
	device = node_add(success, "device");
	node_set_jid(device, "jid",
				 arena_printf(&arena, "%s:%d@s.whatsapp.net", account->number, linking->device_id));
	node_set_jid(device, "lid",
				 arena_printf(&arena, "%s:%d@lid", account->lid, linking->device_id));
	node_set(node_add(success, "platform"), "name", account->platform);
	sim_server_send(conn, iq);
	arena_free(&arena);
}

bool
sim_phone_verify_identity(const uint8_t identity[32], WaStr signed_identity)
{
	const uint8_t *data = (const uint8_t *) signed_identity.data;
	WaStr details;
	WaStr account_key;
	WaStr signature;
	uint8_t message[2 + 128 + 32 + 32];

	if (!sim_proto_find(data, signed_identity.len, 1, &details) || details.len > 128 ||
		!sim_proto_find(data, signed_identity.len, 2, &account_key) || account_key.len != 32 ||
		!sim_proto_find(data, signed_identity.len, 4, &signature) || signature.len != 64)
		return false;
	message[0] = 6;
	message[1] = 1;
	memcpy(message + 2, details.data, details.len);
	memcpy(message + 2 + details.len, identity, 32);
	memcpy(message + 2 + details.len + 32, account_key.data, 32);
	return crypto_verify(identity, message, 2 + details.len + 64,
						 (const uint8_t *) signature.data) == WA_OK;
}

/* The device becomes one of the account's. */
static void
add_device(SimConn *conn, const SimProto *signed_identity)
{
	SimLinking *linking = conn->linking;
	SimDevice *device = sim_account_add_device(linking->account);

	memcpy(device->noise, conn->remote_static, 32);
	memcpy(device->identity, linking->info.identity, 32);
	device->registration_id = linking->info.registration_id;
	device->signed_prekey_id = linking->info.signed_prekey_id;
	memcpy(device->signed_prekey, linking->info.signed_prekey, 32);
	memcpy(device->signed_prekey_signature, linking->info.signed_prekey_signature, 64);
	device->signed_identity = sim_util_alloc(signed_identity->len);
	memcpy(device->signed_identity, signed_identity->data, signed_identity->len);
	device->signed_identity_len = signed_identity->len;
	linking->device_id = device->id;
}

void
sim_phone_signed(SimConn *conn, const WaNode *iq)
{
	SimLinking *linking = conn->linking;
	const WaNode *sign = node_child(iq, "pair-device-sign");
	const WaNode *blob = sign == NULL ? NULL : node_child(sign, "device-identity");
	const WaNode *error = node_child(iq, "error");
	WaStr field[2];
	SimProto complete = {.len = 0};
	char why[128];

	if (linking->account == NULL || !str_is(node_attr(iq, "id"), linking->pair_id))
		return;
	if (error != NULL || !str_is(node_attr(iq, "type"), "result"))
	{
		WaStr text = error == NULL ? WA_STR_NONE : node_attr(error, "text");

		snprintf(why, sizeof(why), "the device refused the link: %.*s", (int) text.len,
				 text.len > 0 ? text.data : "");
		answer(linking, why);
		sim_server_close(conn);
		return;
	}

	/* the reply names details, account signature and device signature, not the account key */
	if (blob == NULL ||
		!sim_proto_find((const uint8_t *) blob->bytes.data, blob->bytes.len, 1, &field[0]) ||
		field[0].len != linking->details_len ||
		memcmp(field[0].data, linking->details, linking->details_len) != 0 ||
		!sim_proto_find((const uint8_t *) blob->bytes.data, blob->bytes.len, 3, &field[1]) ||
		field[1].len != 64 || memcmp(field[1].data, linking->account_signature, 64) != 0 ||
		!sim_proto_find((const uint8_t *) blob->bytes.data, blob->bytes.len, 4, &field[1]))
	{
		answer(linking, "the device's signed identity is not the one it was given");
		sim_login_failure_code(conn, 400);
		return;
	}
	sim_proto_bytes(&complete, 1, linking->details, linking->details_len);
	sim_proto_bytes(&complete, 2, linking->account->keys->identity.public_key, 32);
	sim_proto_bytes(&complete, 3, linking->account_signature, 64);
	sim_proto_bytes(&complete, 4, field[1].data, field[1].len);
	if (!sim_phone_verify_identity(linking->info.identity,
								   (WaStr){(const char *) complete.data, complete.len}))
	{
		answer(linking, "the device signature does not verify");
		sim_login_failure_code(conn, 400);
		return;
	}
	if (linking->account->last_device + 1 != linking->device_id)
	{
		answer(linking, "another device was linked meanwhile");
		sim_login_failure_code(conn, 400);
		return;
	}
	add_device(conn, &complete);
	answer(linking, NULL);
	sim_login_stream_error(conn, "515", NULL);
}

/* ---- QR ---- */

static SimConn *
find_ref(const char *ref)
{
	for (SimConn *conn = sim.conns; conn != NULL; conn = conn->next)
	{
		if (conn->state != SIM_CONN_LINKING || conn->linking == NULL)
			continue;
		for (int i = 0; i < SIM_REFS; i++)
		{
			if (conn->linking->refs[i][0] != '\0' && strcmp(conn->linking->refs[i], ref) == 0)
				return conn;
		}
	}
	return NULL;
}

static bool
decode_key(const char *text, uint8_t out[32])
{
	size_t len = 32;

	return crypto_base64_decode(text, strlen(text), out, &len) == WA_OK && len == 32;
}

void
sim_phone_scan(SimAccount *account, const char *qr, SimRequest *request)
{
	static const char prefix[] = "https://wa.me/settings/linked_devices#";
	char text[512];
	char *field[6];
	int n = 0;
	uint8_t noise[32];
	uint8_t identity[32];
	uint8_t secret[32];
	SimConn *conn;
	char *rest = text;

	if (strncmp(qr, prefix, sizeof(prefix) - 1) == 0)
		qr += sizeof(prefix) - 1;
	if (strlen(qr) >= sizeof(text))
	{
		sim_control_answer(request, NULL, "that is no WhatsApp QR: too long");
		return;
	}
	memcpy(text, qr, strlen(qr) + 1);
	while (rest != NULL && n < 6)
		field[n++] = strsep(&rest, ",");
	/* phones refuse the four-field form since May 2026 */
	if (!(n == 4 && sim.options.old_qr) &&
		(n != 5 || strlen(field[4]) != 1 || strchr("123456789cdef", field[4][0]) == NULL))
	{
		sim_control_answer(request, NULL,
						   "that is no WhatsApp QR: it does not have the five fields");
		return;
	}
	if (!decode_key(field[1], noise) || !decode_key(field[2], identity) ||
		!decode_key(field[3], secret))
	{
		sim_control_answer(request, NULL,
						   "that is no WhatsApp QR: a key is not 32 bytes of base64");
		return;
	}
	conn = find_ref(field[0]);
	if (conn == NULL)
	{
		sim_control_answer(request, NULL, "could not link: the code is not valid any more");
		return;
	}
	if (memcmp(conn->remote_static, noise, 32) != 0 ||
		memcmp(conn->linking->info.identity, identity, 32) != 0)
	{
		sim_control_answer(request, NULL,
						   "could not link: the keys of the code are not the device's");
		return;
	}
	if (conn->linking->request != NULL)
	{
		sim_control_answer(request, NULL,
						   "could not link: somebody is linking that device already");
		return;
	}
	wait_for_link(conn->linking, request);
	send_pair_success(conn, account, secret);
}

/* ---- pairing code ---- */

#define PBKDF2_ROUNDS 131072

/* AES-CTR under the key that the code gives; both directions. */
static bool
code_cipher(const char *code, const uint8_t salt[32], const uint8_t iv[16], const uint8_t in[32],
			uint8_t out[32])
{
	uint8_t key[32];

	return crypto_pbkdf2_sha256(code, strlen(code), salt, 32, PBKDF2_ROUNDS, key, sizeof(key)) ==
			   WA_OK &&
		   crypto_aes256_ctr(key, iv, in, 32, out) == WA_OK;
}

void
sim_phone_enter_code(SimAccount *account, const char *typed, SimRequest *request)
{
	SimConn *conn;
	SimLinking *linking;
	char code[9];
	size_t len = 0;
	uint8_t wrapped[80];
	WaArena arena;
	WaNode *notification;
	WaNode *reg;
	char id[24];

	for (; *typed != '\0'; typed++)
	{
		if (*typed == '-')
			continue;
		if (len == 8 || strchr("123456789ABCDEFGHJKLMNPQRSTVWXYZ", *typed) == NULL)
		{
			sim_control_answer(request, NULL, "that is no pairing code");
			return;
		}
		code[len++] = *typed;
	}
	code[len] = '\0';
	if (len != 8)
	{
		sim_control_answer(request, NULL, "that is no pairing code");
		return;
	}
	for (conn = sim.conns; conn != NULL; conn = conn->next)
	{
		if (conn->state == SIM_CONN_LINKING && conn->linking != NULL &&
			strcmp(conn->linking->code_number, account->number) == 0)
			break;
	}
	if (conn == NULL)
	{
		sim_control_answer(request, NULL, "no device asked to be linked with this number");
		return;
	}
	linking = conn->linking;
	if (linking->request != NULL)
	{
		sim_control_answer(request, NULL,
						   "could not link: somebody is linking that device already");
		return;
	}

	if (!code_cipher(code, linking->wrapped_ephemeral, linking->wrapped_ephemeral + 32,
					 linking->wrapped_ephemeral + 48, linking->companion_ephemeral) ||
		crypto_keypair_generate(sim.env, &linking->phone_ephemeral) != WA_OK ||
		crypto_random(sim.env, wrapped, 48) != WA_OK ||
		!code_cipher(code, wrapped, wrapped + 32, linking->phone_ephemeral.public_key,
					 wrapped + 48))
	{
		sim_control_answer(request, NULL, "the phone cannot compute the keys");
		return;
	}

	wait_for_link(linking, request);
	arena_init(&arena, sim.env, 8192);
	sim_notify_new_id(id);
	notification = node_new(&arena, "notification");
	node_set_jid(notification, "from", str_from("s.whatsapp.net"));
	node_set(notification, "type", "link_code_companion_reg");
	node_set(notification, "id", id);
	node_set_u64(notification, "t", (uint64_t) sim_util_now());
	reg = node_add(notification, "link_code_companion_reg");
	node_set(reg, "stage", "primary_hello");
	node_set_text(node_add(reg, "link_code_pairing_ref"), linking->code_ref);
	node_set_bytes(node_add(reg, "link_code_pairing_wrapped_primary_ephemeral_pub"), wrapped,
				   sizeof(wrapped));
	node_set_bytes(node_add(reg, "primary_identity_pub"),
				   sim_account_keys(account)->identity.public_key, 32);
	sim_server_send(conn, notification);
	arena_free(&arena);
}

/* companion_hello: the server keeps what the phone needs and gives a reference. */
static void
companion_hello(SimConn *conn, const WaNode *iq, const WaNode *reg)
{
	SimLinking *linking = conn->linking;
	const WaNode *wrapped = node_child(reg, "link_code_pairing_wrapped_companion_ephemeral_pub");
	const WaNode *key = node_child(reg, "companion_server_auth_key_pub");
	const WaNode *display = node_child(reg, "companion_platform_display");
	const WaNode *platform = node_child(reg, "companion_platform_id");
	const SimFault *fault;
	WaJid jid;
	WaArena arena;
	WaNode *result;

	if (wrapped == NULL || wrapped->bytes.len != 80 || key == NULL || key->bytes.len != 32 ||
		memcmp(key->bytes.data, conn->remote_static, 32) != 0 || platform == NULL ||
		display == NULL || memchr(display->bytes.data, '(', display->bytes.len) == NULL ||
		jid_parse(node_attr(reg, "jid"), &jid) != WA_OK || jid.server != JID_PN ||
		jid.user.len < 7 || jid.user.len >= sizeof(linking->code_number) || jid.user.data[0] == '0')
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	snprintf(linking->code_number, sizeof(linking->code_number), "%.*s", (int) jid.user.len,
			 jid.user.data);
	fault = sim_fault_take("pair_code_error", sim_account_find(linking->code_number));
	if (fault != NULL)
	{
		linking->code_number[0] = '\0';
		sim_iq_error(conn, iq, fault->code);
		return;
	}
	memcpy(linking->wrapped_ephemeral, wrapped->bytes.data, 80);
	memcpy(linking->code_ref, "2@", 2);
	sim_util_random_text(linking->code_ref + 2, 32);
	arena_init(&arena, sim.env, 8192);
	result = sim_iq_result(&arena, iq);
	node_set_text(node_add(node_add(result, "link_code_companion_reg"), "link_code_pairing_ref"),
				  linking->code_ref);
	sim_server_send(conn, result);
	arena_free(&arena);
}

/* The phone opens the bundle; that it opens proves that the code was right. */
static const char *
open_bundle(SimLinking *linking, SimAccount *account, const WaNode *reg, uint8_t adv_secret[32])
{
	const WaNode *bundle = node_child(reg, "link_code_pairing_wrapped_key_bundle");
	const WaNode *identity = node_child(reg, "companion_identity_public");
	const uint8_t *sealed;
	uint8_t ikm[96];
	uint8_t key[32];
	uint8_t plain[96];
	static const char bundle_info[] = "link_code_pairing_key_bundle_encryption_key";
	static const char secret_info[] = "adv_secret";

	if (bundle == NULL || bundle->bytes.len != 156 || identity == NULL || identity->bytes.len != 32)
		return "the device's key bundle is malformed";
	sealed = (const uint8_t *) bundle->bytes.data;
	if (crypto_x25519(linking->phone_ephemeral.private_key, linking->companion_ephemeral, ikm) !=
			WA_OK ||
		crypto_hkdf_sha256(ikm, 32, sealed, 32, bundle_info, sizeof(bundle_info) - 1, key, 32) !=
			WA_OK ||
		crypto_aes256_gcm_decrypt(key, sealed + 32, NULL, 0, sealed + 44, 112, plain) != WA_OK)
		return "could not link: wrong code";
	if (memcmp(plain, linking->info.identity, 32) != 0 ||
		memcmp(identity->bytes.data, linking->info.identity, 32) != 0 ||
		memcmp(plain + 32, account->keys->identity.public_key, 32) != 0)
		return "the device's key bundle names other keys";
	if (crypto_x25519(account->keys->identity.private_key, linking->info.identity, ikm + 32) !=
		WA_OK)
		return "the device's identity key is not usable";
	memcpy(ikm + 64, plain + 64, 32);
	if (crypto_hkdf_sha256(ikm, sizeof(ikm), NULL, 0, secret_info, sizeof(secret_info) - 1,
						   adv_secret, 32) != WA_OK)
		return "the phone cannot compute the keys";
	return NULL;
}

static void
companion_finish(SimConn *conn, const WaNode *iq, const WaNode *reg)
{
	SimLinking *linking = conn->linking;
	const WaNode *ref = node_child(reg, "link_code_pairing_ref");
	SimAccount *account = sim_account_find(linking->code_number);
	uint8_t adv_secret[32];
	const char *error;
	WaArena arena;

	if (account == NULL || linking->request == NULL || ref == NULL ||
		!str_is(ref->bytes, linking->code_ref))
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	arena_init(&arena, sim.env, 4096);
	sim_server_send(conn, sim_iq_result(&arena, iq));
	arena_free(&arena);
	error = open_bundle(linking, account, reg, adv_secret);
	if (error != NULL)
		answer(linking, error);
	else
		send_pair_success(conn, account, adv_secret);
}

void
sim_phone_link_iq(SimConn *conn, const WaNode *iq)
{
	const WaNode *reg = node_child(iq, "link_code_companion_reg");
	WaStr stage = node_attr(reg, "stage");

	if (conn->linking == NULL)
		sim_iq_error(conn, iq, 400);
	else if (str_is(stage, "companion_hello"))
		companion_hello(conn, iq, reg);
	else if (str_is(stage, "companion_finish"))
		companion_finish(conn, iq, reg);
	else
		sim_iq_error(conn, iq, 501);
}
