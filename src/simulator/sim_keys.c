/*
 * sim_keys.c
 *		Prekeys: count, upload, digest, rotation, and bundles for other
 *		clients.  Sheet 1 section 7.3, sheet 2 section 4.5.
 *
 * A device's one-time keys are one byte string of 35-byte records, handed
 * out in the order of their upload.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_message.h"
#include "sim_peer.h"

int
sim_keys_left(const SimDevice *device)
{
	return device->prekeys.end - device->prekeys.first;
}

static void
put_be(uint8_t *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (uint8_t) (value >> (8 * (bytes - 1 - i)));
}

static uint32_t
get_be(WaStr bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes.len && i < 4; i++)
		value = value << 8 | (uint8_t) bytes.data[i];
	return value;
}

static WaStr
child_bytes(const WaNode *node, const char *tag)
{
	const WaNode *child = node == NULL ? NULL : node_child(node, tag);

	return child == NULL ? WA_STR_NONE : child->bytes;
}

static bool
take_signed_prekey(SimDevice *device, const WaNode *skey)
{
	WaStr id = child_bytes(skey, "id");
	WaStr value = child_bytes(skey, "value");
	WaStr signature = child_bytes(skey, "signature");
	uint8_t message[33];

	if (id.len != 3 || value.len != 32 || signature.len != 64)
		return false;
	message[0] = 5;
	memcpy(message + 1, value.data, 32);
	if (crypto_verify(device->identity, message, sizeof(message),
					  (const uint8_t *) signature.data) != WA_OK)
		return false;
	device->signed_prekey_id = get_be(id);
	memcpy(device->signed_prekey, value.data, 32);
	memcpy(device->signed_prekey_signature, signature.data, 64);
	return true;
}

/* 0, or the code of the refusal. */
static int
take_upload(SimDevice *device, const WaNode *iq)
{
	WaStr registration = child_bytes(iq, "registration");
	WaStr type = child_bytes(iq, "type");
	WaStr identity = child_bytes(iq, "identity");
	const WaNode *list = node_child(iq, "list");
	SimPrekeys *keys = &device->prekeys;
	int n = 0;

	if (registration.len != 4 || get_be(registration) != device->registration_id || type.len != 1 ||
		type.data[0] != 5 || identity.len != 32 ||
		memcmp(identity.data, device->identity, 32) != 0 || list == NULL)
		return 406;
	for (const WaNode *key = list->first_child; key != NULL; key = key->next, n++)
	{
		if (child_bytes(key, "id").len != 3 || child_bytes(key, "value").len != 32)
			return 406;
	}
	if (n == 0 || !take_signed_prekey(device, node_child(iq, "skey")))
		return 406;

	if (keys->first > 0)
	{
		memmove(keys->bytes, keys->bytes + keys->first * SIM_PREKEY_LEN,
				(size_t) (keys->end - keys->first) * SIM_PREKEY_LEN);
		keys->end -= keys->first;
		keys->first = 0;
	}
	if (keys->end + n > keys->capacity)
	{
		keys->capacity = keys->end + n;
		keys->bytes = sim_util_grow(keys->bytes, (size_t) keys->capacity * SIM_PREKEY_LEN);
	}
	n = keys->end;
	for (const WaNode *key = list->first_child; key != NULL; key = key->next)
	{
		uint8_t *record = keys->bytes + keys->end * SIM_PREKEY_LEN;
		bool known = false;

		memcpy(record, child_bytes(key, "id").data, 3);
		memcpy(record + 3, child_bytes(key, "value").data, 32);
		/* an upload repeated after a lost answer must not double its keys */
		for (int i = 0; i < n && !known; i++)
			known = memcmp(keys->bytes + i * SIM_PREKEY_LEN, record, 3) == 0;
		keys->end += known ? 0 : 1;
	}
	device->uploaded = true;
	return 0;
}

static void
add_signed_prekey(WaNode *parent, uint32_t id, const uint8_t value[32], const uint8_t signature[64])
{
	WaNode *skey = node_add(parent, "skey");
	uint8_t id_bytes[3];

	put_be(id_bytes, id, 3);
	node_set_bytes(node_add(skey, "id"), id_bytes, 3);
	node_set_bytes(node_add(skey, "value"), value, 32);
	node_set_bytes(node_add(skey, "signature"), signature, 64);
}

static void
add_head(WaNode *parent, uint32_t registration_id, const uint8_t identity[32])
{
	uint8_t bytes[4];

	put_be(bytes, registration_id, 4);
	node_set_bytes(node_add(parent, "registration"), bytes, 4);
	bytes[0] = 5;
	node_set_bytes(node_add(parent, "type"), bytes, 1);
	node_set_bytes(node_add(parent, "identity"), identity, 32);
}

static void
answer_digest(SimConn *conn, const WaNode *iq)
{
	SimDevice *device = conn->device;
	WaArena arena;
	WaNode *result;
	WaNode *digest;
	WaNode *list;
	WaBuf hashed;
	uint8_t hash[20];

	if (!device->uploaded)
	{
		sim_iq_error(conn, iq, 404);
		return;
	}
	arena_init(&arena, sim.env, 8 << 20);
	buf_init(&hashed, sim.env, 4 << 20);
	result = sim_iq_result(&arena, iq);
	digest = node_add(result, "digest");
	add_head(digest, device->registration_id, device->identity);
	add_signed_prekey(digest, device->signed_prekey_id, device->signed_prekey,
					  device->signed_prekey_signature);
	(void) buf_append(&hashed, device->identity, 32);
	(void) buf_append(&hashed, device->signed_prekey, 32);
	(void) buf_append(&hashed, device->signed_prekey_signature, 64);
	list = node_add(digest, "list");
	for (int i = device->prekeys.first; i < device->prekeys.end; i++)
	{
		const uint8_t *record = device->prekeys.bytes + i * SIM_PREKEY_LEN;

		node_set_bytes(node_add(list, "id"), record, 3);
		(void) buf_append(&hashed, record + 3, 32);
	}
	(void) crypto_sha1(buf_data(&hashed), buf_len(&hashed), hash);
	node_set_bytes(node_add(digest, "hash"), hash, sizeof(hash));
	sim_server_send(conn, result);
	buf_free(&hashed);
	arena_free(&arena);
}

static void
tell_low(SimDevice *device)
{
	WaArena arena;
	WaNode *notification;
	char id[24];

	arena_init(&arena, sim.env, 4096);
	notification = node_new(&arena, "notification");
	sim_notify_new_id(id);
	node_set_jid(notification, "from", str_from("s.whatsapp.net"));
	node_set(notification, "type", "encrypt");
	node_set(notification, "id", id);
	node_set_u64(notification, "t", (uint64_t) sim_util_now());
	node_set_u64(node_add(notification, "count"), "value", (uint64_t) sim_keys_left(device));
	sim_queue_push_node(device, notification);
	arena_free(&arena);
}

static void
phone_bundle(SimAccount *account, SimBundle *out)
{
	const SimPhoneKeys *keys = sim_account_keys(account);

	memset(out, 0, sizeof(*out));
	out->registration_id = keys->registration_id;
	memcpy(out->identity, keys->identity.public_key, 32);
	out->signed_prekey_id = 1;
	memcpy(out->signed_prekey, keys->signed_prekey.public_key, 32);
	memcpy(out->signature, keys->signature, sizeof(out->signature));
	out->has_prekey = true;
	sim_signal_new_prekey(account, &out->prekey_id, out->prekey);
}

bool
sim_keys_bundle(SimDevice *device, SimBundle *out)
{
	SimPrekeys *keys = &device->prekeys;

	if (!device->uploaded)
		return false;
	memset(out, 0, sizeof(*out));
	out->registration_id = device->registration_id;
	memcpy(out->identity, device->identity, 32);
	out->signed_prekey_id = device->signed_prekey_id;
	memcpy(out->signed_prekey, device->signed_prekey, 32);
	memcpy(out->signature, device->signed_prekey_signature, sizeof(out->signature));
	if (keys->first < keys->end)
	{
		const uint8_t *record = keys->bytes + keys->first++ * SIM_PREKEY_LEN;

		out->has_prekey = true;
		out->prekey_id = get_be((WaStr){(const char *) record, 3});
		memcpy(out->prekey, record + 3, 32);
		if (keys->end - keys->first == 4)
			tell_low(device);
	}
	return true;
}

bool
sim_keys_read(const WaNode *node, SimBundle *out)
{
	const WaNode *skey = node_child(node, "skey");
	const WaNode *key = node_child(node, "key");
	WaStr identity = child_bytes(node, "identity");
	WaStr id = child_bytes(skey, "id");
	WaStr value = child_bytes(skey, "value");
	WaStr signature = child_bytes(skey, "signature");
	WaStr prekey_id = child_bytes(key, "id");
	WaStr prekey = child_bytes(key, "value");

	memset(out, 0, sizeof(*out));
	if (identity.len != 32 || id.len != 3 || value.len != 32 ||
		signature.len != sizeof(out->signature) ||
		(key != NULL && (prekey_id.len != 3 || prekey.len != 32)))
		return false;
	out->registration_id = get_be(child_bytes(node, "registration"));
	memcpy(out->identity, identity.data, 32);
	out->signed_prekey_id = get_be(id);
	memcpy(out->signed_prekey, value.data, 32);
	memcpy(out->signature, signature.data, sizeof(out->signature));
	out->has_prekey = key != NULL;
	if (key != NULL)
	{
		out->prekey_id = get_be(prekey_id);
		memcpy(out->prekey, prekey.data, 32);
	}
	return true;
}

static void
add_prekeys(WaNode *parent, const SimBundle *bundle)
{
	add_signed_prekey(parent, bundle->signed_prekey_id, bundle->signed_prekey, bundle->signature);
	if (bundle->has_prekey)
	{
		WaNode *key = node_add(parent, "key");
		uint8_t id[3];

		put_be(id, bundle->prekey_id, 3);
		node_set_bytes(node_add(key, "id"), id, 3);
		node_set_bytes(node_add(key, "value"), bundle->prekey, 32);
	}
}

void
sim_keys_add_phone(WaNode *receipt, SimAccount *account)
{
	SimBundle bundle;
	WaNode *keys;
	uint8_t bytes[4];

	phone_bundle(account, &bundle);
	put_be(bytes, bundle.registration_id, 4);
	node_set_bytes(node_add(receipt, "registration"), bytes, 4);
	keys = node_add(receipt, "keys");
	bytes[0] = 5;
	node_set_bytes(node_add(keys, "type"), bytes, 1);
	node_set_bytes(node_add(keys, "identity"), bundle.identity, 32);
	add_prekeys(keys, &bundle);
}

static void
answer_fetch(SimConn *conn, const WaNode *iq, const WaNode *wanted)
{
	WaArena arena;
	WaNode *result;
	WaNode *list;

	arena_init(&arena, sim.env, 64 << 20);
	result = sim_iq_result(&arena, iq);
	list = node_add(result, "list");
	for (const WaNode *asked = node_child(wanted, "user"); asked != NULL;
		 asked = node_child_next(asked, "user"))
	{
		WaStr jid = node_attr(asked, "jid");
		SimAccount *account = sim_account_by_jid(jid);
		SimDevice *device = sim_account_device_by_jid(jid);
		WaNode *user = node_add(list, "user");
		SimBundle bundle;
		WaJid parsed;

		node_set_jid(user, "jid", jid);
		if (account != NULL && jid_parse(jid, &parsed) == WA_OK && parsed.device == 0)
		{
			phone_bundle(account, &bundle);
			add_head(user, bundle.registration_id, bundle.identity);
			add_prekeys(user, &bundle);
		}
		else if (device != NULL && sim_keys_bundle(device, &bundle))
		{
			add_head(user, bundle.registration_id, bundle.identity);
			add_prekeys(user, &bundle);
			node_set_bytes(node_add(user, "device-identity"), device->signed_identity,
						   device->signed_identity_len);
		}
		else
		{
			WaNode *error = node_add(user, "error");

			node_set(error, "code", device != NULL ? "406" : "404");
			node_set(error, "text", device != NULL ? "not-acceptable" : "item-not-found");
		}
	}
	sim_server_send(conn, result);
	arena_free(&arena);
}

void
sim_keys_handle(SimConn *conn, const WaNode *iq)
{
	SimDevice *device = conn->device;
	const WaNode *rotate = node_child(iq, "rotate");
	const WaNode *wanted = node_child(iq, "key");
	WaArena arena;
	WaNode *result;
	int code = 0;

	if (node_child(iq, "digest") != NULL)
	{
		answer_digest(conn, iq);
		return;
	}
	if (wanted != NULL)
	{
		answer_fetch(conn, iq, wanted);
		return;
	}
	if (node_child(iq, "count") == NULL)
	{
		if (rotate != NULL)
			code = take_signed_prekey(device, node_child(rotate, "skey")) ? 0 : 406;
		else if (node_child(iq, "list") != NULL)
			code = take_upload(device, iq);
		else
			code = 501;
	}
	if (code != 0)
	{
		sim_iq_error(conn, iq, code);
		return;
	}
	arena_init(&arena, sim.env, 8192);
	result = sim_iq_result(&arena, iq);
	if (node_child(iq, "count") != NULL)
		node_set_u64(node_add(result, "count"), "value", (uint64_t) sim_keys_left(device));
	sim_server_send(conn, result);
	arena_free(&arena);
	if (node_child(iq, "list") != NULL)
		sim_peer_greet(device);
}
