/*
 * test_signal_retry.c
 *		Retry receipts, as sheet 2 section 4.6 shows them.
 */
#include "check.h"
#include "signal.h"
#include "stanza.h"

static TestEnv env;
static WaArena arena;
static WaDevice device;
static WaPrekey prekey;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	if (device_create(test_env(&env), &device) != WA_OK)
		return -1;
	device.registration_id = 0x01020304;
	device.signed_prekey.id = 1;
	memcpy(device.account, "account", 7);
	device.account_len = 7;
	prekey.id = 0x0A0B0C;
	return crypto_keypair_generate(test_env(&env), &prekey.pair) == WA_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

static void
without_keys(void **state)
{
	WaNode *message =
		stanza(&arena, "<message id=\"3EB0\" from=\"1203@g.us\" participant=\"1:2@lid\""
					   " t=\"1700000000\" type=\"text\" notify=\"n\"/>");
	WaNode *receipt = signal_retry_receipt(&arena, message, &device, 1, RETRY_UNKNOWN, NULL);
	WaNode *retry = node_child(receipt, "retry");

	(void) state;
	assert_non_null(receipt);
	assert_true(node_is(receipt, "receipt"));
	check_str(node_attr(receipt, "id"), "3EB0");
	check_str(node_attr(receipt, "to"), "1203@g.us");
	check_str(node_attr(receipt, "participant"), "1:2@lid");
	check_str(node_attr(receipt, "type"), "retry");
	assert_int_equal(receipt->n_attrs, 4);
	check_str(node_attr(retry, "v"), "1");
	check_str(node_attr(retry, "count"), "1");
	check_str(node_attr(retry, "id"), "3EB0");
	check_str(node_attr(retry, "t"), "1700000000");
	check_str(node_attr(retry, "error"), NULL);
	check_hex(node_child(receipt, "registration")->bytes.data, 4, "01020304");
	assert_null(node_child(receipt, "keys"));
}

static void
with_keys(void **state)
{
	WaNode *message = stanza(&arena, "<message id=\"A\" from=\"1:2@lid\" recipient=\"2@lid\""
									 " category=\"peer\" t=\"1\"/>");
	WaNode *receipt = signal_retry_receipt(&arena, message, &device, 2, RETRY_NO_SESSION, &prekey);
	WaNode *keys = node_child(receipt, "keys");
	WaNode *key = node_child(keys, "key");
	WaNode *skey = node_child(keys, "skey");
	SignalBundle bundle;

	(void) state;
	check_str(node_attr(receipt, "recipient"), "2@lid");
	check_str(node_attr(receipt, "category"), "peer");
	check_str(node_attr(receipt, "participant"), NULL);
	check_str(node_attr(node_child(receipt, "retry"), "error"), "1");
	check_hex(node_child(keys, "type")->bytes.data, 1, "05");
	assert_memory_equal(node_child(keys, "identity")->bytes.data, device.identity.public_key, 32);
	check_hex(node_child(key, "id")->bytes.data, node_child(key, "id")->bytes.len, "0a0b0c");
	assert_memory_equal(node_child(key, "value")->bytes.data, prekey.pair.public_key, 32);
	check_hex(node_child(skey, "id")->bytes.data, node_child(skey, "id")->bytes.len, "000001");
	check_str(node_child(keys, "device-identity")->bytes, "account");

	/* what we send is what somebody else can start a session with */
	node_append(keys, node_child(receipt, "registration"));
	assert_int_equal(signal_bundle_parse(keys, &bundle), WA_OK);
	assert_memory_equal(bundle.signature, device.signed_prekey_signature, 64);
	assert_int_equal(bundle.prekey_id, prekey.id);
}

static void
what_cannot_be_answered(void **state)
{
	(void) state;
	assert_null(signal_retry_receipt(&arena, stanza(&arena, "<message from=\"1@lid\"/>"), &device,
									 1, RETRY_UNKNOWN, NULL));
	assert_null(signal_retry_receipt(&arena, stanza(&arena, "<message id=\"1\"/>"), &device, 1,
									 RETRY_UNKNOWN, NULL));
}

static void
out_of_memory(void **state)
{
	WaNode *message = stanza(&arena, "<message id=\"A\" from=\"1@lid\" t=\"1\"/>");

	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv scarce;
		WaArena small;
		WaNode *receipt;

		test_env_init(&scarce);
		scarce.fail_at = n;
		arena_init(&small, test_env(&scarce), 1 << 20);
		receipt = signal_retry_receipt(&small, message, &device, 1, RETRY_BAD_MAC, &prekey);
		assert_true((receipt == NULL) == (scarce.allocations >= n));
		arena_free(&small);
		assert_int_equal(scarce.live, 0);
		if (scarce.allocations < n)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(with_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
