/*
 * test_device.c
 *		Fresh keys for a new link.
 */
#include "check.h"
#include "device.h"

static void
keys_are_whole_and_signed(void **state)
{
	TestEnv env;
	WaDevice device;
	WaKeyPair pair;
	uint8_t typed[33] = {5};

	(void) state;
	test_env_init(&env);
	assert_int_equal(device_create(test_env(&env), &device), WA_OK);
	assert_false(device_is_linked(&device));
	assert_int_equal(device.signed_prekey.id, 1);
	assert_int_equal(device.next_prekey_id, 1);
	assert_int_equal(crypto_keypair_from_private(device.noise.private_key, &pair), WA_OK);
	assert_memory_equal(&pair, &device.noise, sizeof(pair));
	memcpy(typed + 1, device.signed_prekey.pair.public_key, 32);
	assert_int_equal(crypto_verify(device.identity.public_key, typed, sizeof(typed),
								   device.signed_prekey_signature),
					 WA_OK);
	device.jid[0] = '1';
	assert_true(device_is_linked(&device));
	assert_int_equal(env.live, 0);
}

static void
no_two_devices_share_a_key(void **state)
{
	TestEnv env;
	WaDevice a;
	WaDevice b;

	(void) state;
	test_env_init(&env);
	assert_int_equal(device_create(test_env(&env), &a), WA_OK);
	assert_int_equal(device_create(test_env(&env), &b), WA_OK);
	assert_memory_not_equal(a.noise.private_key, b.noise.private_key, 32);
	assert_memory_not_equal(a.identity.private_key, b.identity.private_key, 32);
	assert_memory_not_equal(a.adv_secret, b.adv_secret, 32);
	assert_memory_not_equal(a.noise.private_key, a.identity.private_key, 32);
	assert_memory_not_equal(a.noise.private_key, a.signed_prekey.pair.private_key, 32);
}

/* Zero and values above 16380 are drawn again. */
static void
registration_ids_are_in_range(void **state)
{
	static uint8_t script[3 * 32 + 6];
	TestEnv env;
	WaDevice device;

	(void) state;
	test_env_init(&env);
	memset(script, 7, sizeof(script));
	memcpy(script + 3 * 32, "\x00\x00\xFF\xFF\x3F\xFC", 6);
	env.script = script;
	env.script_len = sizeof(script);
	assert_int_equal(device_create(test_env(&env), &device), WA_OK);
	assert_int_equal(device.registration_id, 16380);
	for (int i = 0; i < 50; i++)
	{
		assert_int_equal(device_create(test_env(&env), &device), WA_OK);
		assert_in_range(device.registration_id, 1, 16380);
	}
}

static void
randomness_is_needed(void **state)
{
	TestEnv env;
	WaDevice device = {.registration_id = 42};

	(void) state;
	test_env_init(&env);
	env.fail_random = true;
	assert_int_equal(device_create(test_env(&env), &device), WA_ERR_RANDOM);
	assert_int_equal(device.registration_id, 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_whole_and_signed),
		cmocka_unit_test(no_two_devices_share_a_key),
		cmocka_unit_test(registration_ids_are_in_range),
		cmocka_unit_test(randomness_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
