/*
 * test_appstate.c
 *		App state against collections that Baileys wrote: keys, MACs, the hash,
 *		snapshots, patches, what records mean; and what a lying server can do.
 */
#include "appstate.h"
#include "check.h"
#include "crypto.h"

#include <stdio.h>

#include "../vectors/appstate_vectors.h"

#define CONTACTS "critical_unblock_low"
#define REGULAR "regular"
#define MOST_VALUES 16
#define AT_MS INT64_C(1700000000000)

static WaAppKeys keys;  /* of APPSTATE_KEY */
static WaAppKeys keys2; /* of APPSTATE_KEY2 */

static int
setup(void **state)
{
	uint8_t key[32];

	(void) state;
	test_hex(APPSTATE_KEY, key, sizeof(key));
	if (appstate_keys(key, &keys) != WA_OK)
		return -1;
	test_hex(APPSTATE_KEY2, key, sizeof(key));
	return appstate_keys(key, &keys2) == WA_OK ? 0 : -1;
}

static const WaAppKeys *
keys_of(WaStr key_id)
{
	uint8_t id[APPSTATE_MAX_KEY_ID];
	size_t len = test_hex(APPSTATE_KEY2_ID, id, sizeof(id));

	return key_id.len == len && memcmp(key_id.data, id, len) == 0 ? &keys2 : &keys;
}

/* ---- what a device remembers of a collection ---- */

typedef struct Memory
{
	WaAppCollection state;
	uint8_t index_macs[MOST_VALUES][32];
	uint8_t value_macs[MOST_VALUES][32];
	size_t n;
	char told[4096]; /* a line for each action */
} Memory;

static void
remember(Memory *memory, const WaAppMutation *mutation)
{
	size_t i = 0;

	while (i < memory->n && memcmp(memory->index_macs[i], mutation->record.index_mac, 32) != 0)
		i++;
	if (mutation->record.operation == APPSTATE_SET)
	{
		assert_true(i < MOST_VALUES);
		memcpy(memory->index_macs[i], mutation->record.index_mac, 32);
		memcpy(memory->value_macs[i], mutation->record.value_mac, 32);
		memory->n += i == memory->n;
	}
	else if (i < memory->n)
	{
		memory->n--;
		memcpy(memory->index_macs[i], memory->index_macs[memory->n], 32);
		memcpy(memory->value_macs[i], memory->value_macs[memory->n], 32);
	}
}

static void __attribute__((format(printf, 2, 3))) tell(Memory *memory, const char *fmt, ...)
{
	size_t len = strlen(memory->told);
	va_list args;

	va_start(args, fmt);
	vsnprintf(memory->told + len, sizeof(memory->told) - len, fmt, args);
	va_end(args);
}

#define S(s) (int) (s).len, (s).data == NULL ? "" : (s).data

static void
tell_record(Memory *memory, WaArena *arena, const WaAppRecord *record)
{
	static const char *const names[] = {"contact", "push_name", "mute",       "pin",
										"archive", "label",     "chat_label", "message_label"};
	WaAppData data;
	WaAppAction action;
	WaAlias *alias;

	assert_int_equal(appstate_record_open(arena, keys_of(record->key_id), record, &data), WA_OK);
	if (appstate_action(arena, record->operation, &data, &action))
	{
		tell(memory, "%s", names[action.kind]);
		if (action.kind == APP_CONTACT)
			tell(memory, " lid=%.*s pn=%.*s", S(action.who.lid), S(action.who.pn));
		if (action.chat.data != NULL)
			tell(memory, " chat=%.*s", S(action.chat));
		if (action.id.data != NULL)
			tell(memory, " id=%.*s", S(action.id));
		if (action.message.data != NULL)
			tell(memory, " message=%.*s", S(action.message));
		if (action.name.data != NULL)
			tell(memory, " name=%.*s", S(action.name));
		if (action.first_name.data != NULL)
			tell(memory, " first=%.*s", S(action.first_name));
		if (action.color != 0)
			tell(memory, " color=%d", action.color);
		if (action.until_ms != 0)
			tell(memory, " until=%lld", (long long) action.until_ms);
		if (action.kind != APP_CONTACT && action.kind != APP_PUSH_NAME)
			tell(memory, action.on ? " on" : " off");
		assert_int_equal(action.at_ms, AT_MS);
		tell(memory, "\n");
	}
	alias = appstate_alias(arena, &data);
	if (alias != NULL)
		tell(memory, "alias %.*s %.*s\n", S(alias->lid), S(alias->pn));
}

static WaStr
from_hex(WaArena *arena, const char *hex)
{
	size_t len = strlen(hex) / 2;
	uint8_t *bytes = arena_alloc(arena, len);

	assert_non_null(bytes);
	assert_int_equal(test_hex(hex, bytes, len), len);
	return (WaStr){(const char *) bytes, len};
}

/* All that a device does with a patch; the first status that is not WA_OK. */
static WaStatus
take_patch(Memory *memory, WaArena *arena, const char *collection, WaStr bytes, WaStr blob)
{
	WaAppPatch patch;
	WaAppChange change;
	WaStatus status = appstate_patch_read(bytes, &patch);

	if (status == WA_OK)
		status = appstate_change_read(arena, bytes, blob, &change);
	if (status != WA_OK)
		return status;
	for (size_t i = 0; i < memory->n; i++)
		appstate_change_previous(&change, memory->index_macs[i], memory->value_macs[i]);
	status =
		appstate_change_verify(arena, &change, &patch, keys_of(patch.key_id), str_from(collection));
	if (status == WA_OK)
		status = appstate_change_apply(&change, &patch, keys_of(patch.key_id), str_from(collection),
									   &memory->state);
	for (size_t i = 0; status == WA_OK && i < change.n; i++)
	{
		remember(memory, &change.list[i]);
		tell_record(memory, arena, &change.list[i].record);
	}
	return status;
}

static WaStatus
take(Memory *memory, const char *collection, const char *patch, const char *blob)
{
	TestEnv env;
	WaArena arena;
	WaStatus status;

	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	status = take_patch(memory, &arena, collection, from_hex(&arena, patch),
						blob != NULL ? from_hex(&arena, blob) : WA_STR_NONE);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
	return status;
}

/* ---- tests ---- */

static void
expands_keys(void **state)
{
	(void) state;
	check_hex(keys.index_mac, 32, APPSTATE_INDEX_KEY);
	check_hex(keys.cipher, 32, APPSTATE_VALUE_ENCRYPTION_KEY);
	check_hex(keys.value_mac, 32, APPSTATE_VALUE_MAC_KEY);
	check_hex(keys.snapshot_mac, 32, APPSTATE_SNAPSHOT_MAC_KEY);
	check_hex(keys.patch_mac, 32, APPSTATE_PATCH_MAC_KEY);
}

static void
adds_and_takes_out_again(void **state)
{
	uint8_t hash[APPSTATE_HASH_LEN] = {0};
	static const uint8_t zeroes[APPSTATE_HASH_LEN];
	uint8_t a[32];
	uint8_t b[32];

	(void) state;
	memset(a, 0x11, sizeof(a));
	memset(b, 0x22, sizeof(b));
	assert_int_equal(appstate_hash_add(hash, a), WA_OK);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_11);
	assert_int_equal(appstate_hash_add(hash, b), WA_OK);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_11_22);
	assert_int_equal(appstate_hash_subtract(hash, a), WA_OK);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_22);
	assert_int_equal(appstate_hash_subtract(hash, b), WA_OK);
	assert_memory_equal(hash, zeroes, sizeof(hash));
}

static void
follows_patches(void **state)
{
	static const char *const patches[] = {APPSTATE_CONTACTS_PATCH_1, APPSTATE_CONTACTS_PATCH_2,
										  APPSTATE_CONTACTS_PATCH_3, APPSTATE_CONTACTS_PATCH_4};
	Memory memory = {0};

	(void) state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(take(&memory, CONTACTS, patches[i], NULL), WA_OK);
	assert_int_equal(memory.state.version, 4);
	check_hex(memory.state.hash, APPSTATE_HASH_LEN, APPSTATE_CONTACTS_HASH);
	assert_string_equal(
		memory.told,
		"contact lid=222@lid pn=4915100000002@s.whatsapp.net name=Ada Lovelace first=Ada\n"
		"alias 222@lid 4915100000002@s.whatsapp.net\n"
		"contact lid=333@lid pn=4915100000003@s.whatsapp.net name=Grace \"Amazing\" Hopper\n"
		"alias 333@lid 4915100000003@s.whatsapp.net\n"
		"contact lid=222@lid pn=4915100000002@s.whatsapp.net name=Ada King first=Ada\n"
		"alias 222@lid 4915100000002@s.whatsapp.net\n"
		"contact lid=333@lid pn=\n");

	/* a patch that comes twice, or before its time, is none */
	assert_int_equal(take(&memory, CONTACTS, patches[3], NULL), WA_ERR_STATE);
	memory = (Memory){0};
	assert_int_equal(take(&memory, CONTACTS, patches[1], NULL), WA_ERR_STATE);
	assert_int_equal(memory.state.version, 0);
}

/* Twice the same index, a contact removed that was there and one that never was. */
static void
takes_many_records_at_once(void **state)
{
	static const char told[] = "contact lid= pn=4915100000004@s.whatsapp.net name=First\n"
							   "contact lid= pn=4915100000004@s.whatsapp.net name=Second\n"
							   "contact lid= pn=4915100000002@s.whatsapp.net\n"
							   "contact lid= pn=4915100000009@s.whatsapp.net\n"
							   "contact lid=555@lid pn= name=Only LID\n";

	(void) state;
	for (int external = 0; external <= 1; external++)
	{
		Memory memory = {0};

		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_1, NULL), WA_OK);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_2, NULL), WA_OK);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_3, NULL), WA_OK);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_4, NULL), WA_OK);
		memory.told[0] = '\0';
		if (external)
			assert_int_equal(
				take(&memory, CONTACTS, APPSTATE_EXTERNAL_PATCH, APPSTATE_EXTERNAL_BLOB), WA_OK);
		else
			assert_int_equal(take(&memory, CONTACTS, APPSTATE_MANY_PATCH, NULL), WA_OK);
		assert_int_equal(memory.state.version, 5);
		check_hex(memory.state.hash, APPSTATE_HASH_LEN, APPSTATE_MANY_HASH);
		assert_string_equal(memory.told, told);
		assert_int_equal(memory.n, 3);
	}
}

static void
asks_for_what_was_before_once(void **state)
{
	TestEnv env;
	WaArena arena;
	WaAppChange change;
	int firsts = 0;
	int lasts = 0;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	assert_int_equal(
		appstate_change_read(&arena, from_hex(&arena, APPSTATE_MANY_PATCH), WA_STR_NONE, &change),
		WA_OK);
	assert_int_equal(change.n, 5);
	for (size_t i = 0; i < change.n; i++)
	{
		firsts += change.list[i].is_first;
		lasts += change.list[i].is_last;
	}
	assert_int_equal(firsts, 4);
	assert_int_equal(lasts, 4);
	assert_true(change.list[0].is_first && !change.list[0].is_last);
	assert_true(!change.list[1].is_first && change.list[1].is_last);
	assert_ptr_equal(change.list[1].previous, change.list[0].record.value_mac);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
a_blob_is_described(void **state)
{
	TestEnv env;
	WaArena arena;
	WaAppPatch patch;
	WaMedia media;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	assert_int_equal(appstate_patch_read(from_hex(&arena, APPSTATE_EXTERNAL_PATCH), &patch), WA_OK);
	assert_true(patch.has_external);
	assert_int_equal(patch.external.kind, MEDIA_APP_STATE);
	check_str(patch.external.direct_path, "/v/t62/app");
	assert_int_equal(appstate_blob_read(from_hex(&arena, APPSTATE_SNAPSHOT_REFERENCE), &media),
					 WA_OK);
	check_str(media.direct_path, "/v/t62/snap");
	check_hex(media.key.data, media.key.len,
			  "0505050505050505050505050505050505050505050505050505050505050505");
	check_hex(media.sha256.data, media.sha256.len,
			  "0606060606060606060606060606060606060606060606060606060606060606");
	check_hex(media.enc_sha256.data, media.enc_sha256.len,
			  "0707070707070707070707070707070707070707070707070707070707070707");
	assert_int_equal(appstate_blob_read(str_from("x"), &media), WA_ERR_MALFORMED);
	assert_int_equal(appstate_blob_read(WA_STR_NONE, &media), WA_ERR_MALFORMED);
	arena_free(&arena);
}

static void
knows_every_kind(void **state)
{
	static const char *const patches[] = {
		APPSTATE_REGULAR_PATCH_1,  APPSTATE_REGULAR_PATCH_2,  APPSTATE_REGULAR_PATCH_3,
		APPSTATE_REGULAR_PATCH_4,  APPSTATE_REGULAR_PATCH_5,  APPSTATE_REGULAR_PATCH_6,
		APPSTATE_REGULAR_PATCH_7,  APPSTATE_REGULAR_PATCH_8,  APPSTATE_REGULAR_PATCH_9,
		APPSTATE_REGULAR_PATCH_10, APPSTATE_REGULAR_PATCH_11, APPSTATE_REGULAR_PATCH_12,
	};
	Memory memory = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++)
		assert_int_equal(take(&memory, REGULAR, patches[i], NULL), WA_OK);
	check_hex(memory.state.hash, APPSTATE_HASH_LEN, APPSTATE_REGULAR_HASH);
	assert_string_equal(memory.told, "mute chat=1203@g.us until=1700003600000 on\n"
									 "mute chat=4915100000002@s.whatsapp.net until=-1 on\n"
									 "mute chat=1203@g.us off\n"
									 "pin chat=1203@g.us on\n"
									 "archive chat=222@lid on\n"
									 "push_name name=Bot of Ada\n"
									 "label id=3 name=Customers color=4 on\n"
									 "chat_label chat=222@lid id=3 on\n"
									 "message_label chat=222@lid id=3 message=3EB0AA on\n"
									 "label id=3 name=Customers color=4 off\n"
									 "alias 777@lid 4915100000007@s.whatsapp.net\n");
}

static WaStatus
verify_snapshot(WaStr bytes, size_t step, WaAppSnapshot *snapshot, int *steps)
{
	WaStatus status = appstate_snapshot_read(bytes, snapshot);

	*steps = 0;
	while (status == WA_OK)
	{
		status = appstate_snapshot_sum(snapshot, step);
		++*steps;
		if (status == WA_NEED_MORE)
			status = WA_OK;
		else
			break;
	}
	return status != WA_OK
			   ? status
			   : appstate_snapshot_verify(snapshot, keys_of(snapshot->key_id), str_from(CONTACTS));
}

static void
starts_from_a_snapshot(void **state)
{
	TestEnv env;
	WaArena arena;
	WaStr bytes;
	WaAppSnapshot snapshot;
	WaAppWalk walk;
	WaAppRecord record;
	Memory memory = {0};
	int steps;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	bytes = from_hex(&arena, APPSTATE_SNAPSHOT_BYTES);
	assert_int_equal(verify_snapshot(bytes, 1, &snapshot, &steps), WA_OK);
	assert_int_equal(steps, 4); /* three records, and the end */
	assert_int_equal(verify_snapshot(bytes, 100, &snapshot, &steps), WA_OK);
	assert_int_equal(steps, 1);
	assert_int_equal(snapshot.collection.version, 7);
	check_hex(snapshot.collection.hash, APPSTATE_HASH_LEN, APPSTATE_SNAPSHOT_HASH);

	appstate_walk(&walk, APPSTATE_SNAPSHOT, bytes);
	while (appstate_walk_next(&walk, &record) == WA_OK)
	{
		WaAppMutation mutation = {.record = record};

		remember(&memory, &mutation);
		tell_record(&memory, &arena, &record);
	}
	assert_string_equal(
		memory.told,
		"contact lid=222@lid pn=4915100000002@s.whatsapp.net name=Ada Lovelace first=Ada\n"
		"alias 222@lid 4915100000002@s.whatsapp.net\n"
		"contact lid= pn=4915100000003@s.whatsapp.net name=Grace Hopper\n"
		"contact lid= pn=4915100000004@s.whatsapp.net name=Mary Kenneth Keller\n");
	memory.state = snapshot.collection;
	arena_free(&arena);
	assert_int_equal(env.live, 0);
	assert_int_equal(take(&memory, CONTACTS, APPSTATE_AFTER_SNAPSHOT_PATCH, NULL), WA_OK);
	check_hex(memory.state.hash, APPSTATE_HASH_LEN, APPSTATE_AFTER_SNAPSHOT_HASH);
}

/* No byte of a patch or snapshot can be changed, added or left out and still count. */
static void
a_server_that_lies(void **state)
{
	TestEnv env;
	WaArena arena;
	WaStr bytes;
	uint8_t copy[4096];
	WaAppSnapshot snapshot;
	int steps;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 64 << 20);
	bytes = from_hex(&arena, APPSTATE_CONTACTS_PATCH_1);
	for (size_t i = 0; i < bytes.len; i++)
	{
		Memory memory = {0};
		WaAppPatch patch;

		memcpy(copy, bytes.data, bytes.len);
		copy[i] ^= 1;
		/* which device sent it is not signed, nor is anything that we do not know */
		if (appstate_patch_read((WaStr){(char *) copy, bytes.len}, &patch) != WA_OK)
			continue;
		/* another key's id is asked for, not believed */
		if (memcmp(patch.key_id.data, "\x00\x01\x00\x00\x0a\x01", 6) != 0 || patch.key_id.len != 6)
			continue;
		/* a version that is not told is the next one, and signed as that */
		if (patch.version == 0)
			continue;
		{
			WaAppChange change;
			WaAppData data;
			WaStatus status = appstate_change_read(&arena, (WaStr){(char *) copy, bytes.len},
												   WA_STR_NONE, &change);

			if (status == WA_OK)
				status = appstate_change_verify(&arena, &change, &patch, &keys, str_from(CONTACTS));
			if (status == WA_OK)
				status = appstate_change_apply(&change, &patch, &keys, str_from(CONTACTS),
											   &memory.state);
			/* the record's inside is signed by the value MAC, which the patch signs */
			for (size_t k = 0; status == WA_OK && k < change.n; k++)
				status = appstate_record_open(&arena, &keys, &change.list[k].record, &data);
			assert_int_not_equal(status, WA_OK);
		}
	}

	/* another collection's patch */
	{
		Memory memory = {0};

		assert_int_equal(take(&memory, REGULAR, APPSTATE_CONTACTS_PATCH_1, NULL), WA_ERR_SIGNATURE);
		assert_int_equal(memory.state.version, 0);
	}
	/* the blob of no patch, and a patch without its blob */
	{
		Memory memory = {0};

		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_1, APPSTATE_EXTERNAL_BLOB),
						 WA_ERR_SIGNATURE);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_EXTERNAL_PATCH, NULL), WA_ERR_SIGNATURE);
	}

	/* a snapshot with one record left out: its first one is the field behind the version */
	bytes = from_hex(&arena, APPSTATE_SNAPSHOT_BYTES);
	{
		WaWire wire;
		WaWireField field;
		size_t len;

		wire_init(&wire, bytes.data, bytes.len);
		while (wire_next(&wire, &field) && field.number != 2)
			;
		len = (size_t) (field.start - (const uint8_t *) bytes.data);
		memcpy(copy, bytes.data, len);
		memcpy(copy + len, field.end,
			   bytes.len - (size_t) (field.end - (const uint8_t *) bytes.data));
		len += bytes.len - (size_t) (field.end - (const uint8_t *) bytes.data);
		assert_int_equal(verify_snapshot((WaStr){(char *) copy, len}, 10, &snapshot, &steps),
						 WA_ERR_SIGNATURE);
	}
	/* cut short anywhere */
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_not_equal(verify_snapshot((WaStr){bytes.data, len}, 10, &snapshot, &steps),
							 WA_OK);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

/* A record sealed as a phone does, with whatever is inside. */
static WaStatus
open_sealed(WaArena *arena, const char *index, WaStr value, WaAppData *data)
{
	WaBuf plain;
	WaStr key_id = str_from("id");
	WaAppRecord record = {.operation = APPSTATE_SET, .key_id = key_id};
	uint8_t *sealed = arena_alloc(arena, 4096);
	uint8_t *index_mac = arena_alloc(arena, 32);
	size_t len;

	buf_init(&plain, arena->env, 4096);
	assert_int_equal(wire_put_bytes(&plain, 1, index, strlen(index)), WA_OK);
	assert_int_equal(wire_put_bytes(&plain, 2, value.data, value.len), WA_OK);
	memset(sealed, 9, 16);
	assert_int_equal(crypto_aes256_cbc_encrypt(keys.cipher, sealed, buf_data(&plain),
											   buf_len(&plain), sealed + 16),
					 WA_OK);
	len = 16 + buf_len(&plain) / 16 * 16 + 16;
	buf_free(&plain);
	record.cipher = (WaStr){(char *) sealed, len};
	assert_int_equal(
		appstate_value_mac(arena, &keys, APPSTATE_SET, key_id, record.cipher, sealed + len), WA_OK);
	assert_int_equal(appstate_index_mac(&keys, str_from(index), index_mac), WA_OK);
	record.value_mac = sealed + len;
	record.index_mac = index_mac;
	return appstate_record_open(arena, &keys, &record, data);
}

static void
indexes(void **state)
{
	static const char *const bad[] = {
		"",         "[",           "[]",           "contact",   "[\"contact\"", "[\"contact]",
		"[\"a\" x", "[\"\\u00\"]", "[\"\\\"]",     "[[\"a\"]]", "[\"a\",{}]",   "{\"a\":1}",
		"[\"a\",]", "[,\"a\"]",    "[\"a\"\"b\"]",
	};
	TestEnv env;
	WaArena arena;
	WaAppData data;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(open_sealed(&arena, bad[i], WA_STR_NONE, &data), WA_ERR_MALFORMED);
	assert_int_equal(
		open_sealed(&arena, " [ \"a\\n\\\"\\\\\\/\" ,\t12 , true,\"\" ] ", WA_STR_NONE, &data),
		WA_OK);
	assert_int_equal(data.n_index, 4);
	check_str(data.index[0], "a\n\"\\/");
	check_str(data.index[1], "12");
	check_str(data.index[2], "true");
	check_str(data.index[3], "");
	assert_int_equal(open_sealed(&arena, "[1,2,3,4,5,6,7,8,9,10]", WA_STR_NONE, &data), WA_OK);
	assert_int_equal(data.n_index, APPSTATE_MAX_INDEX);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
records_that_say_nothing(void **state)
{
	static const char *const indexes[] = {
		"[\"contact\"]",
		"[\"contact\",\"no jid\"]",
		"[\"contact\",\"1203@g.us\"]",
		"[\"mute\"]",
		"[\"mute\",\"\"]",
		"[\"setting_pushName\"]",
		"[\"label_edit\"]",
		"[\"label_jid\",\"1\"]",
		"[\"label_message\",\"1\",\"2@lid\"]",
		"[\"something_new\",1]",
		"[\"pnForLidChat\",\"1@lid\"]",
	};
	TestEnv env;
	WaArena arena;
	WaAppData data;
	WaAppAction action;
	char long_name[APPSTATE_MAX_TEXT + 100];
	WaBuf contact;
	WaBuf value;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
	{
		/* with no value at all, and with one that is no protobuf */
		assert_int_equal(open_sealed(&arena, indexes[i], WA_STR_NONE, &data), WA_OK);
		assert_false(appstate_action(&arena, APPSTATE_SET, &data, &action));
		assert_null(appstate_alias(&arena, &data));
		assert_int_equal(open_sealed(&arena, indexes[i], str_from("\x1a\xff"), &data), WA_OK);
		assert_false(appstate_action(&arena, APPSTATE_REMOVE, &data, &action));
		assert_null(appstate_alias(&arena, &data));
	}

	/* a name that nobody has */
	memset(long_name, 'x', sizeof(long_name));
	buf_init(&contact, test_env(&env), 1 << 16);
	buf_init(&value, test_env(&env), 1 << 16);
	assert_int_equal(wire_put_bytes(&contact, 1, long_name, APPSTATE_MAX_TEXT + 1), WA_OK);
	assert_int_equal(wire_put_bytes(&contact, 2, "Max", 3), WA_OK);
	assert_int_equal(wire_put_bytes(&value, 3, buf_data(&contact), buf_len(&contact)), WA_OK);
	data = (WaAppData){.index = {str_from("contact"), str_from("2@lid")},
					   .n_index = 2,
					   .value = {(const char *) buf_data(&value), buf_len(&value)}};
	assert_true(appstate_action(&arena, APPSTATE_SET, &data, &action));
	check_str(action.name, "Max");
	buf_free(&contact);
	buf_free(&value);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

/* A count that would fill memory is refused before anything is made for it. */
static void
too_many_records(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf blob;
	WaWireField field;
	WaStr one;
	WaAppChange change;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	buf_init(&blob, test_env(&env), 64 << 20);
	one = from_hex(&arena, APPSTATE_EXTERNAL_BLOB);
	assert_true(wire_find(one.data, one.len, 1, WIRE_BYTES, &field));
	for (int i = 0; i <= APPSTATE_MAX_MUTATIONS; i++)
		assert_int_equal(wire_put_bytes(&blob, 1, field.data, field.len), WA_OK);
	assert_int_equal(appstate_change_read(&arena, WA_STR_NONE,
										  (WaStr){(const char *) buf_data(&blob), buf_len(&blob)},
										  &change),
					 WA_ERR_LIMIT);
	assert_int_equal(change.n, 0);
	buf_free(&blob);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
memory_runs_out(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		TestEnv other;
		WaArena arena;
		WaArena input;
		Memory memory = {0};
		WaStatus status;

		test_env_init(&env);
		test_env_init(&other);
		env.fail_at = n;
		arena_init(&arena, test_env(&env), 1 << 20);
		arena_init(&input, test_env(&other), 1 << 20);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_1, NULL), WA_OK);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_2, NULL), WA_OK);
		assert_int_equal(take(&memory, CONTACTS, APPSTATE_CONTACTS_PATCH_3, NULL), WA_OK);
		{
			WaAppPatch patch;
			WaAppChange change;
			WaAppData data;
			WaAppAction action;
			WaStr bytes = from_hex(&input, APPSTATE_CONTACTS_PATCH_4);

			assert_int_equal(appstate_patch_read(bytes, &patch), WA_OK);
			status = appstate_change_read(&arena, bytes, WA_STR_NONE, &change);
			for (size_t i = 0; status == WA_OK && i < memory.n; i++)
				appstate_change_previous(&change, memory.index_macs[i], memory.value_macs[i]);
			if (status == WA_OK)
				status = appstate_change_verify(&arena, &change, &patch, &keys, str_from(CONTACTS));
			if (status == WA_OK)
				status = appstate_change_apply(&change, &patch, &keys, str_from(CONTACTS),
											   &memory.state);
			if (status == WA_OK)
				status = appstate_record_open(&arena, &keys, &change.list[0].record, &data);
			if (status == WA_OK && !appstate_action(&arena, APPSTATE_REMOVE, &data, &action))
				status = arena.status;
		}
		arena_free(&arena);
		arena_free(&input);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands_keys),
		cmocka_unit_test(adds_and_takes_out_again),
		cmocka_unit_test(follows_patches),
		cmocka_unit_test(takes_many_records_at_once),
		cmocka_unit_test(asks_for_what_was_before_once),
		cmocka_unit_test(a_blob_is_described),
		cmocka_unit_test(knows_every_kind),
		cmocka_unit_test(starts_from_a_snapshot),
		cmocka_unit_test(a_server_that_lies),
		cmocka_unit_test(indexes),
		cmocka_unit_test(records_that_say_nothing),
		cmocka_unit_test(too_many_records),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
