/*
 * test_sim_app.c
 *		The simulator's app state: that it takes what Baileys 7 uploads, and
 *		nothing else, and that the client can read what its phones write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/protocol/appstate.h"
#include "../../src/simulator/sim_app.h"
#include "../vectors/appstate_vectors.h"
#include "check.h"

static const char *const contacts[] = {
	APPSTATE_CONTACTS_PATCH_1, APPSTATE_CONTACTS_PATCH_2, APPSTATE_CONTACTS_PATCH_3,
	APPSTATE_CONTACTS_PATCH_4, APPSTATE_MANY_PATCH,
};

#define N_CONTACTS (sizeof(contacts) / sizeof(contacts[0]))

static int
setup(void **state)
{
	(void) state;
	sim.env = env_default();
	return 0;
}

/* An account with the keys of the vectors. */
static SimAccount *
make_account(void)
{
	static const char *const keys[][2] = {{APPSTATE_KEY_ID, APPSTATE_KEY},
										  {APPSTATE_KEY2_ID, APPSTATE_KEY2}};
	static int run;
	char number[24];
	SimAccount *account;
	SimAppState *app;

	snprintf(number, sizeof(number), "49154%08d", ++run);
	account = sim_account_get(number);
	app = sim_app_of(account);
	for (int i = 0; i < 2; i++)
	{
		SimAppKey *key = sim_app_new_key(app, false);

		test_hex(keys[i][0], key->id, sizeof(key->id));
		test_hex(keys[i][1], key->data, sizeof(key->data));
		sim_lthash_keys(key->data, &key->expanded);
	}
	return account;
}

static SimAppCollection *
collection_of(SimAccount *account, const char *name)
{
	return sim_app_collection(sim_app_of(account), str_from(name));
}

static const char *
upload(SimAccount *account, const char *name, const char *hex, size_t spoilt)
{
	uint8_t bytes[4096];
	size_t len = test_hex(hex, bytes, sizeof(bytes));

	if (spoilt < len)
		bytes[spoilt] ^= 1;
	return sim_app_upload(account, collection_of(account, name), (WaStr){(const char *) bytes, len},
						  NULL);
}

/* ---- against Baileys ---- */

static void
hashes_as_baileys_does(void **state)
{
	uint8_t hash[SIM_LTHASH_LEN] = {0};
	static const uint8_t zeroes[SIM_LTHASH_LEN];
	uint8_t key[32];
	uint8_t a[32];
	uint8_t b[32];
	SimAppKeys keys;

	(void) state;
	test_hex(APPSTATE_KEY, key, sizeof(key));
	sim_lthash_keys(key, &keys);
	check_hex(keys.index, 32, APPSTATE_INDEX_KEY);
	check_hex(keys.cipher, 32, APPSTATE_VALUE_ENCRYPTION_KEY);
	check_hex(keys.value_mac, 32, APPSTATE_VALUE_MAC_KEY);
	check_hex(keys.snapshot_mac, 32, APPSTATE_SNAPSHOT_MAC_KEY);
	check_hex(keys.patch_mac, 32, APPSTATE_PATCH_MAC_KEY);
	memset(a, 0x11, sizeof(a));
	memset(b, 0x22, sizeof(b));
	sim_lthash_add(hash, a);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_11);
	sim_lthash_add(hash, b);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_11_22);
	sim_lthash_subtract(hash, a);
	check_hex(hash, sizeof(hash), APPSTATE_HASH_22);
	sim_lthash_subtract(hash, b);
	assert_memory_equal(hash, zeroes, sizeof(hash));
}

static json_t *
record_of(SimAppCollection *collection, const char *index)
{
	for (int i = 0; i < collection->n_records; i++)
	{
		if (!collection->records[i].removed && strcmp(collection->records[i].index, index) == 0)
			return collection->records[i].value;
	}
	return NULL;
}

static void
takes_uploads_of_baileys(void **state)
{
	SimAccount *account = make_account();
	SimAppCollection *collection = collection_of(account, "critical_unblock_low");
	json_t *value;

	(void) state;
	for (size_t i = 0; i < N_CONTACTS; i++)
	{
		assert_null(upload(account, "critical_unblock_low", contacts[i], SIZE_MAX));
		assert_int_equal(collection->version, i + 1);
		if (i == 3)
			check_hex(collection->hash, SIM_LTHASH_LEN, APPSTATE_CONTACTS_HASH);
	}
	check_hex(collection->hash, SIM_LTHASH_LEN, APPSTATE_MANY_HASH);
	value = record_of(collection, "[\"contact\",\"4915100000004@s.whatsapp.net\"]");
	assert_non_null(value);
	assert_string_equal(json_string_value(json_object_get(value, "full_name")), "Second");
	assert_null(record_of(collection, "[\"contact\",\"4915100000009@s.whatsapp.net\"]"));
	assert_int_equal(account->app->uploads, N_CONTACTS);
	assert_int_equal(account->app->refused, 0);
}

/* Whichever byte is another one, the patch is refused and nothing changes. */
static void
refuses_what_was_tampered_with(void **state)
{
	SimAccount *account = make_account();
	SimAppCollection *collection = collection_of(account, "critical_unblock_low");
	uint8_t before[SIM_LTHASH_LEN];
	/* the version and an operation of SET are there by default, too */
	size_t len = strlen(contacts[1]) / 2;
	int refused = 0;

	(void) state;
	assert_null(upload(account, "critical_unblock_low", contacts[0], SIZE_MAX));
	memcpy(before, collection->hash, sizeof(before));
	for (size_t i = 4; i < len; i++)
	{
		if (upload(account, "critical_unblock_low", contacts[1], i) == NULL)
			continue;
		refused++;
		assert_memory_equal(collection->hash, before, sizeof(before));
		assert_int_equal(collection->version, 1);
	}
	assert_int_equal(refused, len - 4);
	/* out of turn, or in another collection */
	assert_non_null(upload(account, "critical_unblock_low", contacts[2], SIZE_MAX));
	assert_non_null(upload(account, "regular", contacts[1], SIZE_MAX));
	assert_null(upload(account, "critical_unblock_low", contacts[1], SIZE_MAX));
}

/* ---- against the client ---- */

static void
write_patch(SimAccount *account, const char *text)
{
	json_t *request = json_loads(text, 0, NULL);
	SimAppMutation mutation;

	assert_non_null(request);
	assert_null(sim_app_action_read(request, &mutation));
	sim_app_patch(account, collection_of(account, mutation.collection), &mutation, 1);
	sim_app_action_free(&mutation);
	json_decref(request);
}

static WaStr
bytes_of(const WaBuf *buf)
{
	return (WaStr){(const char *) buf_data(buf), buf_len(buf)};
}

/* Value MACs that the client remembers by index MAC. */
typedef struct Memory
{
	uint8_t index_macs[16][32];
	uint8_t value_macs[16][32];
	size_t n;
} Memory;

static void
remember(Memory *memory, const WaAppMutation *mutation)
{
	size_t i = 0;

	while (i < memory->n && memcmp(memory->index_macs[i], mutation->record.index_mac, 32) != 0)
		i++;
	assert_true(i < 16);
	memcpy(memory->index_macs[i], mutation->record.index_mac, 32);
	memcpy(memory->value_macs[i], mutation->record.value_mac, 32);
	if (i == memory->n)
		memory->n++;
	else if (mutation->record.operation == APPSTATE_REMOVE)
	{
		memory->n--;
		memcpy(memory->index_macs[i], memory->index_macs[memory->n], 32);
		memcpy(memory->value_macs[i], memory->value_macs[memory->n], 32);
	}
}

static void
the_client_follows_a_phone(void **state)
{
	SimAccount *account = make_account();
	SimAppCollection *collection = collection_of(account, "critical_unblock_low");
	WaStr name = str_from("critical_unblock_low");
	WaAppCollection have = {0};
	WaAppKeys keys;
	Memory memory = {.n = 0};
	WaArena arena;

	(void) state;
	write_patch(account, "{\"action\":\"contact\",\"index\":[\"4915100000001@s.whatsapp.net\"],"
						 "\"value\":{\"full_name\":\"Ada\",\"save\":true}}");
	write_patch(account, "{\"action\":\"contact\",\"index\":[\"4915100000002@s.whatsapp.net\"],"
						 "\"value\":{\"full_name\":\"Béa\",\"lid\":\"222@lid\"}}");
	write_patch(account, "{\"action\":\"contact\",\"index\":[\"4915100000001@s.whatsapp.net\"],"
						 "\"value\":{\"full_name\":\"Ada King\"}}");
	write_patch(account, "{\"action\":\"contact\",\"index\":[\"4915100000002@s.whatsapp.net\"],"
						 "\"remove\":true}");
	assert_int_equal(appstate_keys(account->app->keys[account->app->n_keys - 1].data, &keys),
					 WA_OK);
	arena_init(&arena, sim.env, 1 << 22);
	for (int i = 0; i < 4; i++)
	{
		WaStr bytes = bytes_of(&collection->patches[i]);
		WaAppPatch patch;
		WaAppChange change;
		WaAppData data;

		assert_int_equal(appstate_patch_read(bytes, &patch), WA_OK);
		assert_int_equal(appstate_change_read(&arena, bytes, WA_STR_NONE, &change), WA_OK);
		for (size_t j = 0; j < memory.n; j++)
			appstate_change_previous(&change, memory.index_macs[j], memory.value_macs[j]);
		assert_int_equal(appstate_change_verify(&arena, &change, &patch, &keys, name), WA_OK);
		assert_int_equal(appstate_change_apply(&change, &patch, &keys, name, &have), WA_OK);
		assert_int_equal(change.n, 1);
		assert_int_equal(appstate_record_open(&arena, &keys, &change.list[0].record, &data), WA_OK);
		check_str(data.index[0], "contact");
		if (i == 1)
		{
			WaAppAction action;

			assert_true(appstate_action(&arena, change.list[0].record.operation, &data, &action));
			assert_int_equal(action.kind, APP_CONTACT);
			check_str(action.name, "Béa");
		}
		remember(&memory, &change.list[0]);
	}
	assert_int_equal(have.version, 4);
	assert_memory_equal(have.hash, collection->hash, SIM_LTHASH_LEN);
	assert_int_equal(memory.n, 1);
	arena_free(&arena);
}

static void
requests_that_say_nothing_are_refused(void **state)
{
	static const char *const requests[] = {
		"{}",
		"{\"action\":\"paint\"}",
		"{\"action\":\"pin\",\"index\":[\"1@lid\"],\"value\":{\"pinned\":\"yes\"}}",
		"{\"action\":\"pin\",\"index\":[\"1@lid\"],\"value\":{\"muted\":true}}",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		json_t *request = json_loads(requests[i], 0, NULL);
		SimAppMutation mutation;

		assert_non_null(sim_app_action_read(request, &mutation));
		sim_app_action_free(&mutation);
		json_decref(request);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_as_baileys_does),
		cmocka_unit_test(takes_uploads_of_baileys),
		cmocka_unit_test(refuses_what_was_tampered_with),
		cmocka_unit_test(the_client_follows_a_phone),
		cmocka_unit_test(requests_that_say_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
