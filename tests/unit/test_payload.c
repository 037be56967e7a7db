/*
 * test_payload.c
 *		ClientPayload: what is sent to register and to log in, read back by the
 *		server's side, and what the server's side refuses.
 */
#include "check.h"
#include "payload.h"

#include <stdio.h>
#include <stdlib.h>

static const uint32_t version[3] = {2, 3000, 1045649367};

static WaDevice
new_device(void)
{
	TestEnv env;
	WaDevice device;

	test_env_init(&env);
	assert_int_equal(device_create(test_env(&env), &device), WA_OK);
	return device;
}

static bool
contains(const WaBuf *buf, const char *hex)
{
	uint8_t needle[64];
	size_t len = test_hex(hex, needle, sizeof(needle));

	for (size_t at = 0; at + len <= buf_len(buf); at++)
	{
		if (memcmp(buf_data(buf) + at, needle, len) == 0)
			return true;
	}
	return false;
}

static void
registration_says_what_the_notes_ask(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaDevice device = new_device();
	WaPayloadInfo info;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	buf_init(&out, test_env(&env), 1 << 20);
	assert_int_equal(payload_build(test_env(&env), &device, version, "PostgreSQL", &out), WA_OK);
	assert_int_equal(payload_parse(&arena, buf_data(&out), buf_len(&out), &info), WA_OK);
	assert_true(info.registration);
	assert_memory_equal(info.version, version, sizeof(version));
	assert_false(info.passive);
	assert_false(info.pull);
	assert_int_equal(info.registration_id, device.registration_id);
	assert_memory_equal(info.identity, device.identity.public_key, 32);
	assert_int_equal(info.signed_prekey_id, 1);
	assert_memory_equal(info.signed_prekey, device.signed_prekey.pair.public_key, 32);
	assert_memory_equal(info.signed_prekey_signature, device.signed_prekey_signature, 64);
	/* from the "pairing" part of vectors.json */
	check_hex(info.build_hash, 16, "9fa53af9421567b114e33c9bb1ef7db2");
	check_str(info.device_name, "PostgreSQL");
	assert_int_equal(info.platform_type, 1);

	/* zeroes that must be on the wire: passive (3), pull (33), releaseChannel (10) */
	assert_true(contains(&out, "1800"));
	assert_true(contains(&out, "880200"));
	assert_true(contains(&out, "5000"));
	/* webInfo { webSubPlatform 0 }, connectType 1, connectReason 1 */
	assert_true(contains(&out, "3202200060016801"));
	/* the key's type */
	assert_true(contains(&out, "120105"));
	arena_free(&arena);
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

static void
login_says_what_the_notes_ask(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaDevice device = new_device();
	WaPayloadInfo info;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	buf_init(&out, test_env(&env), 1 << 20);
	snprintf(device.jid, sizeof(device.jid), "%s", "5511999000111:7@s.whatsapp.net");
	device.login_counter = 3;
	assert_int_equal(payload_build(test_env(&env), &device, version, "PostgreSQL", &out), WA_OK);
	assert_int_equal(payload_parse(&arena, buf_data(&out), buf_len(&out), &info), WA_OK);
	assert_false(info.registration);
	assert_int_equal(info.username, 5511999000111);
	assert_int_equal(info.device, 7);
	assert_true(info.passive);
	assert_true(info.pull);
	assert_true(contains(&out, "c00103")); /* lc (24) */
	assert_true(contains(&out, "c80201")); /* lidDbMigrated (41) */
	assert_false(contains(&out, "120105"));
	arena_free(&arena);
	buf_free(&out);

	snprintf(device.jid, sizeof(device.jid), "%s", "nobody@lid");
	assert_int_equal(payload_build(test_env(&env), &device, version, "x", &out), WA_ERR_ARGUMENT);
	snprintf(device.jid, sizeof(device.jid), "%s", "12@s.whatsapp.net@");
	assert_int_equal(payload_build(test_env(&env), &device, version, "x", &out), WA_ERR_ARGUMENT);
	assert_int_equal(env.live, 0);
}

static void
server_refuses_what_is_not_whole(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaDevice device = new_device();
	WaPayloadInfo info;
	uint8_t data[16];
	static const char *const cases[] = {
		"",             /* nothing: neither login nor registration, no version */
		"08bf84",       /* cut in a number */
		"080b",         /* login without a version */
		"2a0412020802", /* a version, and nothing wanted */
		"ffffffffffff",
	};

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	buf_init(&out, test_env(&env), 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(payload_parse(&arena, data, test_hex(cases[i], data, sizeof(data)), &info),
						 WA_ERR_MALFORMED);
	assert_int_equal(payload_build(test_env(&env), &device, version, "x", &out), WA_OK);
	/* the last field is pull, three bytes that are not needed */
	for (size_t cut = 0; cut < buf_len(&out) - 3; cut++)
		assert_int_equal(payload_parse(&arena, buf_data(&out), cut, &info), WA_ERR_MALFORMED);
	{
		uint8_t *big = calloc(1, 1 << 17);

		assert_non_null(big);
		assert_int_equal(payload_parse(&arena, big, 1 << 17, &info), WA_ERR_LIMIT);
		free(big);
	}
	arena_free(&arena);
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

static void
lack_of_memory_is_reported(void **state)
{
	WaDevice device = new_device();

	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		WaArena arena;
		WaBuf out;
		WaPayloadInfo info;
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		arena_init(&arena, test_env(&env), 1 << 20);
		buf_init(&out, test_env(&env), 1 << 20);
		status = payload_build(test_env(&env), &device, version, "PostgreSQL", &out);
		if (status == WA_OK)
			status = payload_parse(&arena, buf_data(&out), buf_len(&out), &info);
		arena_free(&arena);
		buf_free(&out);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
}

static void
version_has_three_numbers(void **state)
{
	static const char *const bad[] = {
		"",
		"2",
		"2.3000",
		"2.3000.",
		"2.3000.1.2",
		".3000.1",
		"2..1",
		"2.3000.x",
		"2.3000.4294967296",
		"2.3000.1 ",
		" 2.3000.1",
		"2.3000.-1",
		"2,3000,1",
		"2.3000.00000000000000000001",
	};
	uint32_t parsed[3] = {7, 7, 7};

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (payload_parse_version(bad[i], parsed) != WA_ERR_MALFORMED)
			fail_msg("\"%s\" was taken for a version", bad[i]);
		assert_int_equal(parsed[0], 7);
	}
	assert_int_equal(payload_parse_version("2.3000.1045649367", parsed), WA_OK);
	assert_memory_equal(parsed, version, sizeof(version));
	assert_int_equal(payload_parse_version("0.0.4294967295", parsed), WA_OK);
	assert_int_equal(parsed[2], UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registration_says_what_the_notes_ask),
		cmocka_unit_test(login_says_what_the_notes_ask),
		cmocka_unit_test(server_refuses_what_is_not_whole),
		cmocka_unit_test(lack_of_memory_is_reported),
		cmocka_unit_test(version_has_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
