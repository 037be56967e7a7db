/*
 * sim_app.c
 *		Collections of app state: the patches that phones and companions write,
 *		and what they come to.  Sheet 2 section 8.
 *
 * The real server cannot read what it keeps.  Here the phone is in the same
 * process and looks at every upload, so that a companion's mistake is found
 * when it is made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_app.h"
#include "sim_peer.h"
#include "sim_wire.h"

#define KEY_SHARE 6 /* ProtocolMessage.type */
/* A patch with more mutations travels by the media service. */
#define INLINE_MUTATIONS 200

static const char *const names[SIM_APP_COLLECTIONS] = {
	"critical_block", "critical_unblock_low", "regular_high", "regular_low", "regular",
};

/* ---- keys ---- */

SimAppKey *
sim_app_new_key(SimAppState *state, bool withheld)
{
	SimAppKey *key;
	uint32_t epoch = (uint32_t) state->n_keys + 1;

	state->keys = sim_util_grow(state->keys, (size_t) (state->n_keys + 1) * sizeof(*state->keys));
	key = &state->keys[state->n_keys++];
	memset(key, 0, sizeof(*key));
	/* the device that made it, then a number that grows */
	for (int i = 0; i < 4; i++)
		key->id[2 + i] = (uint8_t) (epoch >> (24 - 8 * i));
	if (crypto_random(sim.env, key->data, sizeof(key->data)) != WA_OK)
		exit(1);
	key->at = sim_util_now();
	key->withheld = withheld;
	sim_lthash_keys(key->data, &key->expanded);
	return key;
}

static WaStr
id_of(const SimAppKey *key)
{
	return (WaStr){(const char *) key->id, sizeof(key->id)};
}

SimAppKey *
sim_app_key(SimAppState *state, WaStr id)
{
	for (int i = 0; i < state->n_keys; i++)
	{
		if (str_equal(id, id_of(&state->keys[i])))
			return &state->keys[i];
	}
	return NULL;
}

/* One AppStateSyncKey; key NULL: the phone does not have it. */
static void
put_key(WaBuf *out, const SimDevice *device, const SimAppKey *key, WaStr id)
{
	WaBuf entry;
	WaBuf inner;
	WaBuf fingerprint;
	const uint8_t indexes[] = {0, (uint8_t) device->id};

	sim_wire_begin(&entry);
	sim_wire_begin(&inner);
	sim_wire_bytes(&inner, 1, id.data, id.len);
	sim_wire_inner(&entry, 1, &inner);
	if (key != NULL && !key->withheld)
	{
		sim_wire_begin(&inner);
		sim_wire_begin(&fingerprint);
		sim_wire_uint(&fingerprint, 1, device->account->raw_id);
		sim_wire_uint(&fingerprint, 2, device->account->last_device);
		sim_wire_bytes(&fingerprint, 3, indexes, sizeof(indexes));
		sim_wire_bytes(&inner, 1, key->data, sizeof(key->data));
		sim_wire_inner(&inner, 2, &fingerprint);
		sim_wire_uint(&inner, 3, (uint64_t) key->at);
		sim_wire_inner(&entry, 2, &inner);
	}
	sim_wire_inner(out, 1, &entry);
}

void
sim_app_share(SimDevice *device, WaStr asked)
{
	SimAppState *state = sim_app_of(device->account);
	WaWire wire;
	WaWireField field;
	WaWireField id;
	WaBuf share;
	WaBuf protocol;
	WaBuf message;

	sim_wire_begin(&share);
	if (asked.data == NULL)
	{
		for (int i = 0; i < state->n_keys; i++)
		{
			if (!state->keys[i].withheld)
				put_key(&share, device, &state->keys[i], id_of(&state->keys[i]));
		}
	}
	else
	{
		state->key_requests++;
		wire_init(&wire, asked.data, asked.len);
		while (wire_next(&wire, &field))
		{
			if (field.number == 1 && field.type == WIRE_BYTES &&
				wire_find(field.data, field.len, 1, WIRE_BYTES, &id))
			{
				WaStr text = {(const char *) id.data, id.len};

				put_key(&share, device, sim_app_key(state, text), text);
			}
		}
	}
	sim_wire_begin(&protocol);
	sim_wire_uint(&protocol, 2, KEY_SHARE);
	sim_wire_inner(&protocol, 7, &share);
	sim_wire_begin(&message);
	sim_wire_inner(&message, 12, &protocol);
	(void) sim_peer_send(device, buf_data(&message), buf_len(&message), NULL);
	buf_free(&message);
}

/* ---- records ---- */

static SimAppRecord *
find_record(const SimAppCollection *collection, const uint8_t index_mac[32])
{
	char key[65];
	size_t place;

	sim_util_hex(index_mac, 32, key);
	place = (size_t) (uintptr_t) sim_map_get(&collection->places, key);
	return place == 0 ? NULL : &collection->records[place - 1];
}

static SimAppRecord *
add_record(SimAppCollection *collection, const uint8_t index_mac[32])
{
	SimAppRecord *record;
	char key[65];

	collection->records = sim_util_grow(collection->records, (size_t) (collection->n_records + 1) *
																 sizeof(*collection->records));
	record = &collection->records[collection->n_records++];
	memset(record, 0, sizeof(*record));
	record->removed = true;
	memcpy(record->index_mac, index_mac, 32);
	sim_util_hex(index_mac, 32, key);
	sim_map_put(&collection->places, key, (void *) (uintptr_t) collection->n_records);
	return record;
}

static void
drop_record(SimAppRecord *record)
{
	buf_free(&record->bytes);
	free(record->index);
	json_decref(record->value);
	record->removed = true;
}

/* What a mutation does to the records and the hash. */
static void
apply(SimAppCollection *collection, bool remove, const uint8_t index_mac[32],
	  const uint8_t value_mac[32], const void *bytes, size_t len, const char *index, json_t *value)
{
	SimAppRecord *record = find_record(collection, index_mac);

	if (record == NULL)
		record = add_record(collection, index_mac);
	else if (!record->removed)
	{
		sim_lthash_subtract(collection->hash, record->value_mac);
		drop_record(record);
	}
	if (remove)
		return;
	sim_lthash_add(collection->hash, value_mac);
	memcpy(record->value_mac, value_mac, 32);
	sim_wire_begin(&record->bytes);
	(void) buf_append(&record->bytes, bytes, len);
	record->index = sim_util_copy(index);
	record->value = json_incref(value);
	record->removed = false;
}

/* Encrypts a mutation; appends its SyncdRecord to out and its MACs to those given. */
static void
seal(const SimAppKey *key, const SimAppMutation *mutation, WaBuf *out, uint8_t index_mac[32],
	 uint8_t value_mac[32])
{
	uint8_t padding[16];
	WaBuf plain;
	WaBuf inner;
	uint8_t *sealed;
	size_t len;

	(void) crypto_random(sim.env, padding, sizeof(padding));
	sim_wire_begin(&plain);
	sim_wire_text(&plain, 1, mutation->index);
	sim_wire_bytes(&plain, 2, buf_data(&mutation->value), buf_len(&mutation->value));
	sim_wire_bytes(&plain, 3, padding, padding[0] % sizeof(padding));
	sim_wire_uint(&plain, 4, (uint64_t) mutation->version);
	len = 16 + buf_len(&plain) / 16 * 16 + 16;
	sealed = sim_util_alloc(len + 32);
	if (crypto_random(sim.env, sealed, 16) != WA_OK ||
		crypto_aes256_cbc_encrypt(key->expanded.cipher, sealed, buf_data(&plain), buf_len(&plain),
								  sealed + 16) != WA_OK)
		exit(1);
	buf_free(&plain);
	sim_lthash_index_mac(&key->expanded, str_from(mutation->index), index_mac);
	sim_lthash_value_mac(&key->expanded, mutation->remove, id_of(key),
						 (WaStr){(const char *) sealed, len}, value_mac);
	memcpy(sealed + len, value_mac, 32);
	sim_wire_begin(&inner);
	sim_wire_bytes(&inner, 1, index_mac, 32);
	sim_wire_inner(out, 1, &inner);
	sim_wire_begin(&inner);
	sim_wire_bytes(&inner, 1, sealed, len + 32);
	sim_wire_inner(out, 2, &inner);
	sim_wire_begin(&inner);
	sim_wire_bytes(&inner, 1, key->id, sizeof(key->id));
	sim_wire_inner(out, 3, &inner);
	free(sealed);
}

/* ---- collections ---- */

SimAppCollection *
sim_app_collection(SimAppState *state, WaStr name)
{
	for (int i = 0; i < SIM_APP_COLLECTIONS; i++)
	{
		if (str_is(name, names[i]))
			return &state->collections[i];
	}
	return NULL;
}

static void
keep_patch(SimAppCollection *collection, const uint8_t *bytes, size_t len)
{
	WaBuf *patch;

	collection->patches = sim_util_grow(collection->patches, (size_t) collection->version *
																 sizeof(*collection->patches));
	patch = &collection->patches[collection->version - 1];
	sim_wire_begin(patch);
	(void) buf_append(patch, bytes, len);
}

/* Tells the devices, but not the one that knows already. */
static void
notify(SimAccount *account, const SimAppCollection *collection, const SimDevice *except)
{
	WaArena arena;
	WaNode *node;
	WaNode *child;
	char id[24];

	arena_init(&arena, sim.env, 4096);
	sim_notify_new_id(id);
	node = node_new(&arena, "notification");
	node_set_jid(node, "from", str_from("s.whatsapp.net"));
	node_set(node, "type", "server_sync");
	node_set(node, "id", id);
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	child = node_add(node, "collection");
	node_set(child, "name", collection->name);
	node_set_u64(child, "version", collection->version);
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (!device->removed && device != except)
			sim_queue_push_node(device, node);
	}
	arena_free(&arena);
}

/* ---- patches of the phone ---- */

static void
put_reference(WaBuf *out, const SimBlob *blob)
{
	sim_wire_bytes(out, 1, blob->key, 32);
	sim_wire_text(out, 2, blob->path);
	sim_wire_text(out, 3, "handle");
	sim_wire_uint(out, 4, blob->size);
	sim_wire_bytes(out, 5, blob->sha256, 32);
	sim_wire_bytes(out, 6, blob->enc_sha256, 32);
}

static void
put_version(WaBuf *out, uint64_t version)
{
	WaBuf inner;

	sim_wire_begin(&inner);
	sim_wire_uint(&inner, 1, version);
	sim_wire_inner(out, 1, &inner);
}

/* MACs, key and author: the end of a patch. */
static void
sign_patch(WaBuf *patch, SimAppCollection *collection, const SimAppKey *key,
		   const WaBuf *value_macs)
{
	uint8_t mac[32];
	WaBuf inner;

	sim_lthash_snapshot_mac(&key->expanded, collection->hash, collection->version, collection->name,
							collection->snapshot_mac);
	sim_lthash_patch_mac(&key->expanded, collection->snapshot_mac,
						 (WaStr){(const char *) buf_data(value_macs), buf_len(value_macs)},
						 collection->version, collection->name, mac);
	sim_wire_bytes(patch, 4, collection->snapshot_mac, 32);
	sim_wire_bytes(patch, 5, mac, 32);
	sim_wire_begin(&inner);
	sim_wire_bytes(&inner, 1, key->id, sizeof(key->id));
	sim_wire_inner(patch, 6, &inner);
	sim_wire_uint(patch, 8, 0);
	memcpy(collection->key_id, key->id, sizeof(key->id));
}

static void
write_patch(SimAppState *state, SimAppCollection *collection, const SimAppMutation *mutations,
			int n)
{
	const SimAppKey *key = &state->keys[state->n_keys - 1];
	bool external = n > INLINE_MUTATIONS;
	WaBuf patch;
	WaBuf list;
	WaBuf value_macs;

	sim_wire_begin(&patch);
	sim_wire_begin(&list);
	sim_wire_begin(&value_macs);
	collection->version++;
	put_version(&patch, collection->version);
	for (int i = 0; i < n; i++)
	{
		uint8_t index_mac[32];
		uint8_t value_mac[32];
		WaBuf mutation;
		WaBuf record;

		sim_wire_begin(&record);
		seal(key, &mutations[i], &record, index_mac, value_mac);
		apply(collection, mutations[i].remove, index_mac, value_mac, buf_data(&record),
			  buf_len(&record), mutations[i].index, mutations[i].told);
		(void) buf_append(&value_macs, value_mac, 32);
		sim_wire_begin(&mutation);
		sim_wire_uint(&mutation, 1, mutations[i].remove);
		sim_wire_inner(&mutation, 2, &record);
		sim_wire_inner(external ? &list : &patch, external ? 1 : 2, &mutation);
	}
	if (external)
	{
		SimBlob *blob = sim_media_put("app_state", buf_data(&list), buf_len(&list), NULL);
		WaBuf reference;

		sim_wire_begin(&reference);
		if (blob != NULL)
			put_reference(&reference, blob);
		sim_wire_inner(&patch, 3, &reference);
	}
	sign_patch(&patch, collection, key, &value_macs);
	keep_patch(collection, buf_data(&patch), buf_len(&patch));
	buf_free(&patch);
	buf_free(&list);
	buf_free(&value_macs);
}

void
sim_app_patch(SimAccount *account, SimAppCollection *collection, const SimAppMutation *mutations,
			  int n)
{
	write_patch(sim_app_of(account), collection, mutations, n);
	notify(account, collection, NULL);
}

/* ---- the account's state ---- */

/* Phones have a name from the beginning. */
static void
name_account(SimAccount *account)
{
	SimAppMutation mutation;
	json_t *request =
		json_pack("{s:s,s:{s:s}}", "action", "push_name", "value", "name", account->name);

	if (sim_app_action_read(request, &mutation) == NULL)
	{
		write_patch(account->app, &account->app->collections[0], &mutation, 1);
		sim_app_action_free(&mutation);
	}
	json_decref(request);
}

SimAppState *
sim_app_of(SimAccount *account)
{
	SimAppState *state = account->app;

	if (state != NULL)
		return state;
	state = account->app = sim_util_alloc(sizeof(*state));
	for (int i = 0; i < SIM_APP_COLLECTIONS; i++)
		state->collections[i].name = names[i];
	sim_app_new_key(state, false);
	name_account(account);
	return state;
}

/* ---- the snapshot ---- */

void
sim_app_snapshot(SimAppState *state, SimAppCollection *collection, WaBuf *out)
{
	const SimAppKey *key =
		sim_app_key(state, (WaStr){(const char *) collection->key_id, SIM_APP_KEY_ID_LEN});
	WaBuf snapshot;
	WaBuf inner;
	uint8_t mac[32];

	if (collection->snapshot == NULL || collection->snapshot_version != collection->version)
	{
		sim_wire_begin(&snapshot);
		put_version(&snapshot, collection->version);
		for (int i = 0; i < collection->n_records; i++)
		{
			const SimAppRecord *record = &collection->records[i];

			if (!record->removed)
				sim_wire_bytes(&snapshot, 2, buf_data(&record->bytes), buf_len(&record->bytes));
		}
		sim_lthash_snapshot_mac(&key->expanded, collection->hash, collection->version,
								collection->name, mac);
		sim_wire_bytes(&snapshot, 3, mac, sizeof(mac));
		sim_wire_begin(&inner);
		sim_wire_bytes(&inner, 1, key->id, sizeof(key->id));
		sim_wire_inner(&snapshot, 4, &inner);
		collection->snapshot =
			sim_media_put("app_state", buf_data(&snapshot), buf_len(&snapshot), NULL);
		collection->snapshot_version = collection->version;
		buf_free(&snapshot);
	}
	if (collection->snapshot != NULL)
		put_reference(out, collection->snapshot);
}

/* ---- patches of companions ---- */

/* A mutation as it was uploaded. */
typedef struct Uploaded
{
	bool remove;
	WaStr record;
	WaStr index_mac;
	WaStr sealed; /* IV, ciphertext, MAC */
	WaStr key_id;
	char *index; /* opened */
	json_t *value;
} Uploaded;

static WaStr
bytes_at(WaStr in, uint32_t field)
{
	WaWireField found;

	if (in.data == NULL || !wire_find(in.data, in.len, field, WIRE_BYTES, &found))
		return WA_STR_NONE;
	return (WaStr){(const char *) found.data, found.len};
}

static const char *
read_mutation(WaStr bytes, Uploaded *out)
{
	WaWireField operation;

	memset(out, 0, sizeof(*out));
	out->remove =
		wire_find(bytes.data, bytes.len, 1, WIRE_VARINT, &operation) && operation.value == 1;
	out->record = bytes_at(bytes, 2);
	out->index_mac = bytes_at(bytes_at(out->record, 1), 1);
	out->sealed = bytes_at(bytes_at(out->record, 2), 1);
	out->key_id = bytes_at(bytes_at(out->record, 3), 1);
	if (out->index_mac.len != 32 || out->sealed.len < 16 + 16 + 32 || out->sealed.len % 16 != 0)
		return "a mutation has no index MAC or no value";
	return NULL;
}

/* Checks a mutation's MACs and reads it. */
static const char *
open_mutation(SimAppState *state, Uploaded *mutation)
{
	const SimAppKey *key = sim_app_key(state, mutation->key_id);
	WaStr sealed = {mutation->sealed.data, mutation->sealed.len - 32};
	uint8_t mac[32];
	uint8_t *plain;
	size_t len = 0;
	const char *why = NULL;
	WaStr index;
	WaStr value;

	if (key == NULL)
		return "a mutation names a key that there is not";
	sim_lthash_value_mac(&key->expanded, mutation->remove, id_of(key), sealed, mac);
	if (memcmp(mac, sealed.data + sealed.len, 32) != 0)
		return "a value's MAC is wrong";
	plain = sim_util_alloc(sealed.len);
	if (crypto_aes256_cbc_decrypt(key->expanded.cipher, (const uint8_t *) sealed.data,
								  sealed.data + 16, sealed.len - 16, plain, &len) != WA_OK)
		why = "a value cannot be decrypted";
	else
	{
		index = bytes_at((WaStr){(const char *) plain, len}, 1);
		value = bytes_at((WaStr){(const char *) plain, len}, 2);
		sim_lthash_index_mac(&key->expanded, index, mac);
		if (index.len == 0 || memcmp(mac, mutation->index_mac.data, 32) != 0)
			why = "an index's MAC is wrong";
		else
		{
			mutation->index = sim_util_alloc(index.len + 1);
			memcpy(mutation->index, index.data, index.len);
			mutation->value = sim_app_action_json(
				mutation->index, (const uint8_t *) (value.data != NULL ? value.data : ""),
				value.len);
		}
	}
	free(plain);
	return why;
}

/* The hash as it will be; the records are left alone. */
static void
foresee(SimAppCollection *collection, const Uploaded *mutations, int n,
		uint8_t hash[SIM_LTHASH_LEN])
{
	memcpy(hash, collection->hash, SIM_LTHASH_LEN);
	for (int i = 0; i < n; i++)
	{
		const uint8_t *index_mac = (const uint8_t *) mutations[i].index_mac.data;
		const SimAppRecord *record = find_record(collection, index_mac);
		const uint8_t *before = record == NULL || record->removed ? NULL : record->value_mac;

		/* an earlier mutation of the same patch may have been there first */
		for (int j = 0; j < i; j++)
		{
			if (memcmp(mutations[j].index_mac.data, index_mac, 32) == 0)
				before = mutations[j].remove ? NULL
											 : (const uint8_t *) mutations[j].sealed.data +
												   mutations[j].sealed.len - 32;
		}
		if (before != NULL)
			sim_lthash_subtract(hash, before);
		if (!mutations[i].remove)
			sim_lthash_add(hash, (const uint8_t *) mutations[i].sealed.data +
									 mutations[i].sealed.len - 32);
	}
}

static const char *
check_patch(SimAppState *state, SimAppCollection *collection, WaStr patch, Uploaded *mutations,
			int n)
{
	const SimAppKey *key = sim_app_key(state, bytes_at(bytes_at(patch, 6), 1));
	WaStr snapshot_mac = bytes_at(patch, 4);
	WaStr patch_mac = bytes_at(patch, 5);
	uint8_t hash[SIM_LTHASH_LEN];
	uint8_t mac[32];
	WaBuf value_macs;

	if (key == NULL)
		return "the patch names a key that there is not";
	if (snapshot_mac.len != 32 || patch_mac.len != 32)
		return "the patch has no MACs";
	sim_wire_begin(&value_macs);
	for (int i = 0; i < n; i++)
		(void) buf_append(&value_macs, mutations[i].sealed.data + mutations[i].sealed.len - 32, 32);
	sim_lthash_patch_mac(&key->expanded, (const uint8_t *) snapshot_mac.data,
						 (WaStr){(const char *) buf_data(&value_macs), buf_len(&value_macs)},
						 collection->version + 1, collection->name, mac);
	buf_free(&value_macs);
	if (memcmp(mac, patch_mac.data, 32) != 0)
		return "the patch's MAC is wrong";
	foresee(collection, mutations, n, hash);
	sim_lthash_snapshot_mac(&key->expanded, hash, collection->version + 1, collection->name, mac);
	if (memcmp(mac, snapshot_mac.data, 32) != 0)
		return "the snapshot's MAC is wrong";
	memcpy(collection->snapshot_mac, mac, 32);
	memcpy(collection->key_id, key->id, sizeof(key->id));
	return NULL;
}

static void
take_patch(SimAppCollection *collection, WaStr patch, const Uploaded *mutations, int n)
{
	WaWireField version;
	WaBuf kept;

	for (int i = 0; i < n; i++)
		apply(collection, mutations[i].remove, (const uint8_t *) mutations[i].index_mac.data,
			  (const uint8_t *) mutations[i].sealed.data + mutations[i].sealed.len - 32,
			  mutations[i].record.data, mutations[i].record.len, mutations[i].index,
			  mutations[i].value);
	collection->version++;
	sim_wire_begin(&kept);
	/* clients leave the number to the server */
	if (!wire_find(patch.data, patch.len, 1, WIRE_BYTES, &version))
		put_version(&kept, collection->version);
	(void) buf_append(&kept, patch.data, patch.len);
	keep_patch(collection, buf_data(&kept), buf_len(&kept));
	buf_free(&kept);
}

const char *
sim_app_upload(SimAccount *account, SimAppCollection *collection, WaStr patch, const SimDevice *by)
{
	SimAppState *state = sim_app_of(account);
	Uploaded *mutations = NULL;
	const char *why = NULL;
	WaWire wire;
	WaWireField field;
	int n = 0;

	wire_init(&wire, patch.data, patch.len);
	while (why == NULL && wire_next(&wire, &field))
	{
		if (field.number != 2 || field.type != WIRE_BYTES)
			continue;
		mutations = sim_util_grow(mutations, (size_t) (n + 1) * sizeof(*mutations));
		why = read_mutation((WaStr){(const char *) field.data, field.len}, &mutations[n++]);
		if (why == NULL)
			why = open_mutation(state, &mutations[n - 1]);
	}
	if (why == NULL && (wire.bad || n == 0))
		why = "the patch is no protobuf, or empty";
	if (why == NULL)
		why = check_patch(state, collection, patch, mutations, n);
	if (why == NULL)
	{
		take_patch(collection, patch, mutations, n);
		state->uploads++;
		notify(account, collection, by);
	}
	else
	{
		state->refused++;
		state->why = why;
	}
	for (int i = 0; i < n; i++)
	{
		free(mutations[i].index);
		json_decref(mutations[i].value);
	}
	free(mutations);
	return why;
}
