/*
 * app_service.c
 *		App state on the server's side.  See app_service.h.
 */
#include "app_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appstate.h"
#include "crypto.h"
#include "wire.h"

#include "../vectors/appstate_vectors.h"

#define MOST_CONTACTS 1500
#define ROUNDS 200

static char large_snapshot[1 << 20]; /* hex */
static char large_blob[1 << 20];
static char large_patch[2048];

static void
must(WaStatus status)
{
	if (status != WA_OK)
		abort();
}

void
app_service_init(AppService *service)
{
	*service = (AppService){
		.patches = {APPSTATE_CONTACTS_PATCH_1, APPSTATE_CONTACTS_PATCH_2, APPSTATE_CONTACTS_PATCH_3,
					APPSTATE_CONTACTS_PATCH_4, APPSTATE_MANY_PATCH},
		.version = 4,
		.spoil = -1,
	};
}

/* ---- the server ---- */

/* The value of an attribute in the last line of the log that has this text. */
static bool
last_attr(const FakeHost *host, const char *text, const char *attr, char *out, size_t size)
{
	const char *log = (const char *) buf_data(&host->server.log);
	size_t len = buf_len(&host->server.log);
	const char *found = NULL;
	const char *end;

	for (size_t at = 0; at + strlen(text) <= len; at++)
	{
		if (memcmp(log + at, text, strlen(text)) == 0)
			found = log + at;
	}
	if (found == NULL)
		return false;
	end = memchr(found, '\n', len - (size_t) (found - log));
	for (; end != NULL && found + strlen(attr) < end; found++)
	{
		if (memcmp(found, attr, strlen(attr)) == 0)
		{
			found += strlen(attr);
			snprintf(out, size, "%.*s", (int) strcspn(found, " \n"), found);
			return true;
		}
	}
	return false;
}

static void
add_patch(AppService *service, WaArena *arena, WaNode *patches, const char *hex)
{
	size_t len = strlen(hex) / 2;
	uint8_t *bytes = arena_alloc(arena, len);

	test_hex(hex, bytes, len);
	if (service->spoil >= 0)
		bytes[service->spoil] ^= 1;
	service->spoil = -1;
	node_set_bytes(node_add(patches, "patch"), bytes, len);
}

static void
fill_contacts(AppService *service, WaArena *arena, WaNode *collection, uint64_t from,
			  bool wants_snapshot)
{
	static uint8_t reference[512];
	uint64_t to = service->version;

	if (wants_snapshot && service->snapshot != NULL)
	{
		size_t len = test_hex(APPSTATE_SNAPSHOT_REFERENCE, reference, sizeof(reference));

		node_set_bytes(node_add(collection, "snapshot"), reference, len);
		from = service->snapshot_version;
	}
	if (service->page > 0 && to > from + service->page)
		to = from + service->page;
	if (to > from)
	{
		WaNode *patches = node_add(collection, "patches");

		for (uint64_t version = from + 1; version <= to - service->loses_last; version++)
			add_patch(service, arena, patches, service->patches[version - 1]);
	}
	service->loses_last = false;
	if (to < service->version)
		node_set(collection, "has_more_patches", "true");
	node_set_u64(collection, "version", to);
}

/* Answers the question at hand. */
static void
answer_sync(AppService *service, FakeHost *host)
{
	char name[64];
	char version[32];
	char snapshot[8];
	WaArena arena;
	WaNode *iq;
	WaNode *collection;

	must(last_attr(host, "<<collection name=", "name=", name, sizeof(name)) ? WA_OK : WA_ERR_STATE);
	must(last_attr(host, "<<collection name=", "return_snapshot=", snapshot, sizeof(snapshot))
			 ? WA_OK
			 : WA_ERR_STATE);
	if (!last_attr(host, "<<collection name=", " version=", version, sizeof(version)))
		snprintf(version, sizeof(version), "0");
	/* who knows nothing asks for everything, and nobody else does */
	must((strcmp(version, "0") == 0) == (strcmp(snapshot, "true") == 0) ? WA_OK : WA_ERR_STATE);
	arena_init(&arena, test_env(&host->server_env), 1 << 20);
	iq = node_new(&arena, "iq");
	node_set(iq, "type", "result");
	node_set(iq, "id", host->server.last_iq);
	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	collection = node_add(node_add(iq, "sync"), "collection");
	node_set(collection, "name", name);
	if (strcmp(name, APP_CONTACTS) != 0)
		node_set(collection, "version", "0");
	else if (service->error != 0)
	{
		WaNode *error = node_add(collection, "error");

		node_set(collection, "type", "error");
		node_set_u64(error, "code", (uint64_t) service->error);
		node_set(error, "text", "no");
	}
	else if (service->answers_nothing)
		node_set(collection, "has_more_patches", "true");
	else
		fill_contacts(service, &arena, collection, strtoull(version, NULL, 10),
					  strcmp(snapshot, "true") == 0);
	fake_server_send(&host->server, iq);
	arena_free(&arena);
}

/* The host's download. */
static void
give_blob(AppService *service, FakeHost *host)
{
	static uint8_t blob[1 << 19];
	bool is_snapshot = fake_host_count(host, "blob /v/t62/snap") > 0;
	const char *hex = is_snapshot ? service->snapshot : service->external;
	uint32_t id = host->blob_id;
	size_t len;

	host->blob_id = 0;
	if (service->no_blobs || hex == NULL)
	{
		client_blob_failed(host->client, id, service->no_blobs, host->now);
		return;
	}
	len = test_hex(hex, blob, sizeof(blob));
	(void) client_blob(host->client, id + 1, "x", 1, host->now); /* nobody's */
	(void) client_blob(host->client, id, blob, len, host->now);
	(void) client_blob(host->client, id, blob, len, host->now); /* twice */
}

int
app_service_questions(const FakeHost *host, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "<<collection name=%s ", name);
	return fake_server_count(&host->server, text);
}

bool
app_service_step(AppService *service, FakeHost *host)
{
	if (fake_server_count(&host->server, "<<collection name=") > service->answered)
	{
		service->answered++;
		answer_sync(service, host);
		return true;
	}
	if (host->blob_id == 0 || service->lost_blobs)
		return false;
	give_blob(service, host);
	return true;
}

void
app_service_serve(AppService *service, FakeHost *host)
{
	int rounds = 0;

	do
	{
		if (++rounds > ROUNDS)
			abort(); /* it never comes to rest */
		fake_host_advance(host, 0);
	} while (app_service_step(service, host));
}

void
app_service_live(AppService *service, FakeHost *host, int64_t us)
{
	int64_t end = host->now.mono_us + us;

	while (host->now.mono_us < end)
	{
		int64_t next = client_deadline(host->client);

		if (next > end)
			next = end;
		fake_host_advance(host, next > host->now.mono_us ? next - host->now.mono_us : 0);
		app_service_serve(service, host);
	}
}

/* ---- a large address book ---- */

static void
put_hex(char *out, const WaBuf *bytes)
{
	for (size_t i = 0; i < buf_len(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", buf_data(bytes)[i]);
}

/* SyncdRecord of one contact: its name is a number, told with a letter. */
static void
seal_contact(WaArena *arena, const WaAppKeys *keys, WaStr key_id, int i, char letter, WaBuf *out,
			 uint8_t value_mac[32])
{
	uint8_t sealed[256] = {0};
	uint8_t index_mac[32];
	char index[64];
	char name[16];
	size_t len;
	WaBuf contact;
	WaBuf value;
	WaBuf data;

	snprintf(index, sizeof(index), "[\"contact\",\"%d@lid\"]", 100000 + i);
	snprintf(name, sizeof(name), "%c%d.", letter, i);
	buf_init(&contact, arena->env, 4096);
	buf_init(&value, arena->env, 4096);
	buf_init(&data, arena->env, 4096);
	must(wire_put_bytes(&contact, 1, name, strlen(name)));
	must(wire_put_bytes(&value, 3, buf_data(&contact), buf_len(&contact)));
	must(wire_put_bytes(&data, 1, index, strlen(index)));
	must(wire_put_bytes(&data, 2, buf_data(&value), buf_len(&value)));
	must(crypto_aes256_cbc_encrypt(keys->cipher, sealed, buf_data(&data), buf_len(&data),
								   sealed + 16));
	len = 16 + buf_len(&data) / 16 * 16 + 16;
	must(appstate_value_mac(arena, keys, APPSTATE_SET, key_id, (WaStr){(char *) sealed, len},
							value_mac));
	memcpy(sealed + len, value_mac, 32);
	must(appstate_index_mac(keys, str_from(index), index_mac));
	buf_free(&contact);
	buf_free(&value);
	buf_free(&data);
	must(wire_put_bytes(&value, 1, index_mac, 32));
	must(wire_put_bytes(out, 1, buf_data(&value), buf_len(&value)));
	buf_free(&value);
	must(wire_put_bytes(&value, 1, sealed, len + 32));
	must(wire_put_bytes(out, 2, buf_data(&value), buf_len(&value)));
	buf_free(&value);
	must(wire_put_bytes(&value, 1, key_id.data, key_id.len));
	must(wire_put_bytes(out, 3, buf_data(&value), buf_len(&value)));
	buf_free(&value);
}

static void
put_version(WaBuf *out, uint64_t version)
{
	WaBuf inner;

	buf_init(&inner, out->env, 64);
	must(wire_put_varint(&inner, 1, version));
	must(wire_put_bytes(out, 1, buf_data(&inner), buf_len(&inner)));
	buf_free(&inner);
}

static void
put_key_id(WaBuf *out, uint32_t field, WaStr key_id)
{
	WaBuf inner;

	buf_init(&inner, out->env, 64);
	must(wire_put_bytes(&inner, 1, key_id.data, key_id.len));
	must(wire_put_bytes(out, field, buf_data(&inner), buf_len(&inner)));
	buf_free(&inner);
}

void
app_service_fill(AppService *service, FakeHost *host, int n)
{
	static uint8_t macs[MOST_CONTACTS][32];
	static const uint8_t *new_macs[MOST_CONTACTS];
	uint8_t hash[APPSTATE_HASH_LEN] = {0};
	uint8_t key[32];
	uint8_t id[8];
	uint8_t mac[32];
	uint8_t patch_mac[32];
	WaStr key_id = {(char *) id, test_hex(APPSTATE_KEY_ID, id, sizeof(id))};
	WaAppKeys keys;
	WaArena arena;
	WaBuf out;
	WaBuf record;
	WaBuf mutation;

	test_hex(APPSTATE_KEY, key, sizeof(key));
	must(appstate_keys(key, &keys));
	arena_init(&arena, test_env(&host->server_env), 64 << 20);
	buf_init(&out, arena.env, 1 << 20);
	buf_init(&record, arena.env, 4096);
	buf_init(&mutation, arena.env, 4096);
	put_version(&out, 1);
	for (int i = 0; i < n; i++)
	{
		seal_contact(&arena, &keys, key_id, i, 'A', &record, macs[i]);
		must(wire_put_bytes(&out, 2, buf_data(&record), buf_len(&record)));
		buf_free(&record);
		must(appstate_hash_add(hash, macs[i]));
	}
	must(appstate_snapshot_mac(&keys, hash, 1, str_from(APP_CONTACTS), mac));
	must(wire_put_bytes(&out, 3, mac, 32));
	put_key_id(&out, 4, key_id);
	put_hex(large_snapshot, &out);
	buf_free(&out);

	for (int i = 0; i < n; i++)
	{
		must(appstate_hash_subtract(hash, macs[i]));
		seal_contact(&arena, &keys, key_id, i, 'B', &record, macs[i]);
		must(appstate_hash_add(hash, macs[i]));
		new_macs[i] = macs[i];
		must(wire_put_bytes(&mutation, 2, buf_data(&record), buf_len(&record)));
		must(wire_put_bytes(&out, 1, buf_data(&mutation), buf_len(&mutation)));
		buf_free(&record);
		buf_free(&mutation);
	}
	put_hex(large_blob, &out);
	buf_free(&out);
	must(appstate_snapshot_mac(&keys, hash, 2, str_from(APP_CONTACTS), mac));
	must(
		appstate_patch_mac(&keys, mac, new_macs, (size_t) n, 2, str_from(APP_CONTACTS), patch_mac));
	put_version(&out, 2);
	must(wire_put_bytes(&mutation, 1, "0123456789abcdef0123456789abcdef", 32)); /* of the blob */
	must(wire_put_bytes(&mutation, 2, "/v/t62/app", 10));
	must(wire_put_bytes(&mutation, 6, "0123456789abcdef0123456789abcdef", 32));
	must(wire_put_bytes(&out, 3, buf_data(&mutation), buf_len(&mutation)));
	must(wire_put_bytes(&out, 4, mac, 32));
	must(wire_put_bytes(&out, 5, patch_mac, 32));
	put_key_id(&out, 6, key_id);
	put_hex(large_patch, &out);
	buf_free(&out);
	buf_free(&mutation);
	arena_free(&arena);
	service->snapshot = large_snapshot;
	service->snapshot_version = service->version = 1;
	service->patches[1] = large_patch;
	service->external = large_blob;
}
