/*
 * fuzz_appstate.c
 *		App state from a server, and from a phone with the right key.  The first
 *		byte of the input says which allocation fails, 0 none; the second what
 *		the rest is: a snapshot, a patch, a blob of one, or the inside of a record.
 */
#include "target.h"
#include "appstate.h"
#include "crypto.h"

#include <string.h>

static const uint8_t key[APPSTATE_KEY_LEN] = {1, 2, 3};

/* Every record that a walk gives is whole, and is not opened with the wrong key. */
static void
check_walk(WaArena *arena, const WaAppKeys *keys, WaAppForm form, WaStr bytes)
{
	WaAppWalk walk;
	WaAppRecord record;
	WaAppData data;

	appstate_walk(&walk, form, bytes);
	while (appstate_walk_next(&walk, &record) == WA_OK)
	{
		TARGET_CHECK(record.cipher.len >= 32);
		TARGET_CHECK(record.key_id.len >= 1 && record.key_id.len <= APPSTATE_MAX_KEY_ID);
		TARGET_CHECK(appstate_record_open(arena, keys, &record, &data) != WA_OK);
	}
}

static void
check_change(WaArena *arena, const WaAppKeys *keys, WaStr patch_bytes, WaStr blob)
{
	static const uint8_t before[APPSTATE_MAC_LEN];
	WaAppPatch patch = {0};
	WaAppChange change;
	WaAppCollection state = {0};
	bool is_patch = appstate_patch_read(patch_bytes, &patch) == WA_OK;

	if (appstate_change_read(arena, patch_bytes, blob, &change) != WA_OK)
		return;
	TARGET_CHECK(change.n <= APPSTATE_MAX_MUTATIONS);
	for (size_t i = 1; i < change.n; i++)
		TARGET_CHECK(memcmp(change.by_index[i - 1]->record.index_mac,
							change.by_index[i]->record.index_mac, APPSTATE_MAC_LEN) <= 0);
	for (size_t i = 0; i < change.n; i++)
	{
		if (change.list[i].is_first)
			appstate_change_previous(&change, change.list[i].record.index_mac, before);
		TARGET_CHECK(!change.list[i].is_first || change.list[i].previous == before);
	}
	if (!is_patch)
		return;
	TARGET_CHECK(appstate_change_verify(arena, &change, &patch, keys, str_from("regular")) !=
				 WA_OK);
	patch.version = 1;
	TARGET_CHECK(appstate_change_apply(&change, &patch, keys, str_from("regular"), &state) !=
				 WA_OK);
	TARGET_CHECK(state.version == 0);
}

/* input is a SyncActionData that the phone has sealed. */
static void
check_record(WaArena *arena, const WaAppKeys *keys, WaStr input)
{
	WaAppRecord record = {.key_id = str_from("key")};
	WaWireField index = {0};
	WaAppData data;
	WaAppAction action;
	uint8_t index_mac[APPSTATE_MAC_LEN];
	uint8_t *sealed = arena_alloc(arena, 16 + input.len + 16 + APPSTATE_MAC_LEN);
	size_t len = 16 + input.len / 16 * 16 + 16;

	if (sealed == NULL)
		return;
	(void) wire_find(input.data, input.len, 1, WIRE_BYTES, &index);
	TARGET_CHECK(crypto_aes256_cbc_encrypt(keys->cipher, sealed, input.data, input.len,
										   sealed + 16) == WA_OK);
	record.cipher = (WaStr){(const char *) sealed, len};
	record.index_mac = index_mac;
	record.value_mac = sealed + len;
	if (appstate_index_mac(keys, (WaStr){(const char *) index.data, index.len}, index_mac) !=
			WA_OK ||
		appstate_value_mac(arena, keys, APPSTATE_SET, record.key_id, record.cipher, sealed + len) !=
			WA_OK ||
		appstate_record_open(arena, keys, &record, &data) != WA_OK)
		return;
	TARGET_CHECK(data.n_index >= 1 && data.n_index <= APPSTATE_MAX_INDEX);
	(void) appstate_alias(arena, &data);
	for (int operation = APPSTATE_SET; operation <= APPSTATE_REMOVE; operation++)
	{
		if (!appstate_action(arena, (WaAppOperation) operation, &data, &action))
			continue;
		TARGET_CHECK(action.name.len <= APPSTATE_MAX_TEXT);
		TARGET_CHECK(action.at_ms >= 0);
		TARGET_CHECK(action.kind != APP_CONTACT || identity_is_known(&action.who));
		TARGET_CHECK(operation == APPSTATE_SET || (!action.on && action.name.data == NULL));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaArena arena;
	WaAppKeys keys;
	WaAppSnapshot snapshot;
	WaMedia media;
	WaStr rest = {(const char *) data + 2, size - 2};

	if (size < 2)
		return 0;
	arena_init(&arena, target_env(data[0]), 64 << 20);
	TARGET_CHECK(appstate_keys(key, &keys) == WA_OK);
	switch (data[1] & 3)
	{
		case 0:
			if (appstate_snapshot_read(rest, &snapshot) == WA_OK)
			{
				while (appstate_snapshot_sum(&snapshot, 7) == WA_NEED_MORE)
					;
				TARGET_CHECK(appstate_snapshot_verify(&snapshot, &keys, str_from("regular")) !=
							 WA_OK);
			}
			check_walk(&arena, &keys, APPSTATE_SNAPSHOT, rest);
			break;
		case 1:
			check_walk(&arena, &keys, APPSTATE_PATCH, rest);
			check_change(&arena, &keys, rest, WA_STR_NONE);
			break;
		case 2:
			check_walk(&arena, &keys, APPSTATE_MUTATIONS, rest);
			check_change(&arena, &keys, WA_STR_NONE, rest);
			if (appstate_blob_read(rest, &media) == WA_OK)
				TARGET_CHECK(media.key.len == MEDIA_KEY_LEN);
			break;
		default:
			check_record(&arena, &keys, rest);
			break;
	}
	arena_free(&arena);
	target_end();
	return 0;
}
