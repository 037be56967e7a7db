/*
 * test_signal_record.c
 *		Records cut and joined as bytes, written by hand.
 */
#include "check.h"
#include "signal_record.h"

#define SEED1 "1111111111111111111111111111111111111111111111111111111111111111"
#define SEED2 "2222222222222222222222222222222222222222222222222222222222222222"

/* A state of key id 5 with two skipped keys, 3 and 4, and one of key id 6 without. */
#define BARE5                                                                                      \
	"0a04"                                                                                         \
	"0805"                                                                                         \
	"1a00"
#define FULL5                                                                                      \
	"0a50"                                                                                         \
	"0805"                                                                                         \
	"1a00"                                                                                         \
	"2224"                                                                                         \
	"0803"                                                                                         \
	"1220" SEED1 "2224"                                                                            \
	"0804"                                                                                         \
	"1220" SEED2
#define BARE6                                                                                      \
	"0a02"                                                                                         \
	"0806"
#define LIST5                                                                                      \
	"00000005"                                                                                     \
	"00000003" SEED1 "00000005"                                                                    \
	"00000004" SEED2

static TestEnv env;
static WaBuf out;
static WaBuf list;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 1 << 20);
	buf_init(&list, test_env(&env), 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	buf_free(&out);
	buf_free(&list);
	return env.live == 0 ? 0 : -1;
}

static void
skipped_keys_come_out_and_go_back(void **state)
{
	uint8_t data[256];
	uint8_t bare[64];
	size_t len = test_hex(FULL5 BARE6, data, sizeof(data));
	size_t bare_len = test_hex(BARE5 BARE6, bare, sizeof(bare));

	(void) state;
	assert_int_equal(signal_record_split(data, len, &out, &list), WA_OK);
	check_buf(&out, BARE5 BARE6);
	check_buf(&list, LIST5);
	assert_true(signal_record_has_key(bare, bare_len, 5));
	assert_true(signal_record_has_key(bare, bare_len, 6));
	assert_false(signal_record_has_key(bare, bare_len, 7));
	assert_int_equal(signal_record_find_skipped(buf_data(&list), buf_len(&list), 5, 4), 1);
	assert_int_equal(signal_record_find_skipped(buf_data(&list), buf_len(&list), 6, 4), -1);
	assert_int_equal(signal_record_find_skipped(NULL, 0, 6, 4), -1);

	buf_truncate(&out, 0);
	assert_int_equal(signal_record_join(bare, bare_len, buf_data(&list) + SIGNAL_SKIPPED_LEN, &out),
					 WA_OK);
	check_buf(&out, "0a2a"
					"0805"
					"1a00"
					"2224"
					"0804"
					"1220" SEED2 BARE6);
}

static void
bad_records_are_refused(void **state)
{
	static const char *const cases[] = {
		"0a0408",   /* cut short */
		"0a021a00", /* a state without id */
		"0a06"
		"0805"
		"22020803", /* a skipped key without seed */
		"0a08"
		"0805"
		"2204"
		"08031200",
		"0a03"
		"0805"
		"22",
	};
	uint8_t data[64];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t len = test_hex(cases[i], data, sizeof(data));

		assert_int_equal(signal_record_split(data, len, &out, &list), WA_ERR_MALFORMED);
		assert_int_equal(buf_len(&out), 0);
		assert_int_equal(buf_len(&list), 0);
	}
	assert_int_equal(signal_record_trim((const uint8_t *) "\x0a\x05", 2, &out), WA_ERR_MALFORMED);
	assert_int_equal(
		signal_record_merge((const uint8_t *) "\x0a\x00", 2, (const uint8_t *) "\x0a\x05", 2, &out),
		WA_ERR_MALFORMED);
	assert_int_equal(buf_len(&out), 0);
}

static void
sessions_are_merged(void **state)
{
	/* sessions with a sender chain (6) and a version (1); an archived one; one that never began */
	static const char winner[] = "0a04"
								 "0803"
								 "3200"
								 "1204"
								 "0801"
								 "3200"
								 "1202"
								 "0809";
	static const char loser[] = "0a04"
								"0802"
								"3200"
								"1204"
								"0804"
								"3200";
	uint8_t a[64];
	uint8_t b[64];
	size_t a_len = test_hex(winner, a, sizeof(a));
	size_t b_len = test_hex(loser, b, sizeof(b));

	(void) state;
	assert_int_equal(signal_record_merge(a, a_len, b, b_len, &out), WA_OK);
	check_buf(&out, "0a04"
					"0803"
					"3200"
					"1204"
					"0801"
					"3200"
					"1204"
					"0802"
					"3200"
					"1204"
					"0804"
					"3200");
}

static void
sessions_are_trimmed(void **state)
{
	WaBuf session;
	uint8_t chain[4 * 300 + 8];
	size_t len = 0;
	size_t kept;

	(void) state;
	/* 300 skipped keys of 2 bytes each: 22 02 08 nn */
	for (int i = 0; i < 300; i++)
	{
		memcpy(chain + len, "\x22\x02\x08", 3);
		chain[len + 3] = (uint8_t) (i % 128);
		len += 4;
	}
	buf_init(&session, test_env(&env), 1 << 20);
	buf_append(&session, "\x0a\xb3\x09\x3a\xb0\x09", 6);
	buf_append(&session, chain, len);
	/* and 12 archived ones */
	for (int i = 0; i < 12; i++)
		buf_append(&session, "\x12\x04\x08\x03\x32\x00", 6);
	assert_true(signal_record_has_old(buf_data(&session), buf_len(&session)));
	assert_int_equal(signal_record_trim(buf_data(&session), buf_len(&session), &out), WA_OK);
	kept = (size_t) 4 * SIGNAL_MAX_CHAIN_SKIPPED;
	assert_int_equal(buf_len(&out), 6 + kept + 6 * SIGNAL_MAX_ARCHIVED);
	assert_false(signal_record_has_old(buf_data(&out), buf_len(&out)));
	/* the oldest are gone */
	assert_memory_equal(buf_data(&out) + 6, chain + len - kept, kept);

	/* what is below the limits stays as it is */
	buf_truncate(&session, 0);
	assert_int_equal(buf_append(&session, buf_data(&out), buf_len(&out)), WA_OK);
	buf_truncate(&out, 0);
	assert_int_equal(signal_record_trim(buf_data(&session), buf_len(&session), &out), WA_OK);
	assert_int_equal(buf_len(&out), buf_len(&session));
	assert_memory_equal(buf_data(&out), buf_data(&session), buf_len(&out));
	buf_free(&session);
}

static void
out_of_memory(void **state)
{
	uint8_t data[256];
	size_t len = test_hex(FULL5 BARE6, data, sizeof(data));

	(void) state;
	for (size_t n = 1;; n++)
	{
		WaStatus status;
		TestEnv scarce;
		WaBuf record;
		WaBuf skipped;
		WaBuf joined;

		test_env_init(&scarce);
		scarce.fail_at = n;
		buf_init(&record, test_env(&scarce), 4096);
		buf_init(&skipped, test_env(&scarce), 4096);
		buf_init(&joined, test_env(&scarce), 4096);
		status = signal_record_split(data, len, &record, &skipped);
		if (status == WA_OK)
			status = signal_record_join(buf_data(&record), buf_len(&record), buf_data(&skipped),
										&joined);
		if (status == WA_OK)
			status = signal_record_trim(data, len, &joined);
		assert_int_equal(status, scarce.allocations < n ? WA_OK : WA_ERR_NOMEM);
		buf_free(&record);
		buf_free(&skipped);
		buf_free(&joined);
		assert_int_equal(scarce.live, 0);
		if (scarce.allocations < n)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(skipped_keys_come_out_and_go_back, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_records_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_are_merged, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_are_trimmed, setup, teardown),
		cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
