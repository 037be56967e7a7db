/*
 * test_buf.c
 *		Strings, buffers and arenas.
 */
#include "check.h"

static void
strings_compare_by_length_and_bytes(void **state)
{
	(void) state;
	assert_true(str_equal(str_from("abc"), (WaStr){"abcd", 3}));
	assert_false(str_equal(str_from("abc"), str_from("abd")));
	assert_true(str_equal(WA_STR_NONE, WA_STR_NONE));
	assert_false(str_equal(WA_STR_NONE, str_from("")));
	assert_true(str_equal((WaStr){"a\0b", 3}, (WaStr){"a\0b", 3}));
	assert_false(str_equal((WaStr){"a\0b", 3}, (WaStr){"a\0c", 3}));
	assert_false(str_is(WA_STR_NONE, ""));
	assert_true(str_is(str_from(""), ""));
	assert_false(str_is(str_from("x"), NULL));
	check_str(str_from(NULL), NULL);
}

static void
numbers_are_decimal_and_fit(void **state)
{
	static const struct
	{
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{"0", true, 0},
		{"007", true, 7},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"99999999999999999999", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"0x10", false, 0},
		{"1:", false, 0},
		{NULL, false, 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint64_t value = 42;

		assert_int_equal(str_to_u64(str_from(cases[i].text), &value), cases[i].ok);
		assert_int_equal(value, cases[i].ok ? cases[i].value : 42);
	}
}

static void
buffer_keeps_its_maximum(void **state)
{
	TestEnv env;
	WaBuf buf;

	(void) state;
	test_env_init(&env);
	buf_init(&buf, test_env(&env), 10);
	assert_int_equal(buf_append(&buf, "0123456789", 10), WA_OK);
	assert_int_equal(buf_append(&buf, "x", 1), WA_ERR_LIMIT);
	assert_int_equal(buf_append(&buf, "x", SIZE_MAX), WA_ERR_LIMIT);
	check_buf(&buf, "30313233343536373839");
	buf_consume(&buf, 4);
	assert_int_equal(buf_append(&buf, "abcd", 4), WA_OK);
	assert_int_equal(buf_append(&buf, "e", 1), WA_ERR_LIMIT);
	check_buf(&buf, "34353637383961626364");
	buf_truncate(&buf, 2);
	check_buf(&buf, "3435");
	buf_truncate(&buf, 5);
	assert_int_equal(buf_len(&buf), 2);
	buf_free(&buf);
	assert_int_equal(env.live, 0);
}

static void
empty_buffer_gives_its_memory_back(void **state)
{
	TestEnv env;
	WaBuf buf;

	(void) state;
	test_env_init(&env);
	buf_init(&buf, test_env(&env), 1000);
	assert_int_equal(buf_append(&buf, "abc", 3), WA_OK);
	assert_int_equal(env.live, 1);
	buf_consume(&buf, 3);
	assert_int_equal(env.live, 0);
	assert_int_equal(buf_append(&buf, "abc", 3), WA_OK);
	buf_truncate(&buf, 0);
	assert_int_equal(env.live, 0);
	assert_int_equal(buf_append(&buf, "abc", 3), WA_OK);
	buf_consume(&buf, 1000);
	assert_int_equal(env.live, 0);
	assert_int_equal(buf_len(&buf), 0);
}

/* A queue that is filled and drained for ever neither grows nor loses a byte. */
static void
buffer_is_a_queue(void **state)
{
	TestEnv env;
	WaBuf buf;
	uint8_t in = 0;
	uint8_t out = 0;

	(void) state;
	test_env_init(&env);
	buf_init(&buf, test_env(&env), 100);
	for (int round = 0; round < 5000; round++)
	{
		uint8_t bytes[7];
		size_t add = (size_t) (round * 7 % 8) % sizeof(bytes);
		size_t drop;

		for (size_t i = 0; i < add; i++)
			bytes[i] = in++;
		if (buf_append(&buf, bytes, add) != WA_OK)
			in = (uint8_t) (in - add);
		drop = (size_t) (round * 5 % 7);
		for (size_t i = 0; i < drop && i < buf_len(&buf); i++)
			assert_int_equal(buf_data(&buf)[i], (uint8_t) (out + i));
		drop = drop < buf_len(&buf) ? drop : buf_len(&buf);
		out = (uint8_t) (out + drop);
		buf_consume(&buf, drop);
	}
	assert_true(env.peak_bytes <= 200);
	buf_free(&buf);
	assert_int_equal(env.live, 0);
}

static void
reserved_bytes_count_when_committed(void **state)
{
	TestEnv env;
	WaBuf buf;
	uint8_t *room;

	(void) state;
	test_env_init(&env);
	buf_init(&buf, test_env(&env), 100);
	assert_int_equal(buf_reserve(&buf, 50, &room), WA_OK);
	memcpy(room, "hello", 5);
	assert_int_equal(buf_len(&buf), 0);
	buf_commit(&buf, 5);
	check_buf(&buf, "68656c6c6f");
	assert_int_equal(buf_reserve(&buf, 96, &room), WA_ERR_LIMIT);
	check_buf(&buf, "68656c6c6f");
	buf_free(&buf);
	assert_int_equal(env.live, 0);
}

static void
failed_growth_leaves_the_contents(void **state)
{
	TestEnv env;
	WaBuf buf;
	char big[200] = {0};

	(void) state;
	test_env_init(&env);
	env.fail_at = 2;
	buf_init(&buf, test_env(&env), 1000);
	assert_int_equal(buf_append(&buf, "abc", 3), WA_OK);
	assert_int_equal(buf_append(&buf, big, sizeof(big)), WA_ERR_NOMEM);
	check_buf(&buf, "616263");
	buf_free(&buf);
	assert_int_equal(env.live, 0);
}

static void
arena_hands_out_zeroed_aligned_memory(void **state)
{
	TestEnv env;
	WaArena arena;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	for (size_t size = 1; size < 3000; size += 37)
	{
		uint8_t *block = arena_alloc(&arena, size);

		assert_non_null(block);
		assert_int_equal((uintptr_t) block % 8, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(block[i], 0);
		memset(block, 0xFF, size);
		assert_non_null(arena_strdup(&arena, "x", 1));
	}
	arena_free(&arena);
	assert_int_equal(env.live, 0);
	check_str(arena_str(&arena, str_from("again")), "again");
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
arena_copies_strings(void **state)
{
	TestEnv env;
	WaArena arena;
	WaStr s;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	s = arena_str(&arena, (WaStr){"a\0b", 3});
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.data, "a\0b", 4);
	check_str(arena_str(&arena, WA_STR_NONE), NULL);
	check_str(arena_str(&arena, str_from("")), "");
	check_str(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
	assert_int_equal(arena_printf(&arena, "%5000d", 1).len, 5000);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
arena_remembers_why_it_failed(void **state)
{
	TestEnv env;
	WaArena arena;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 100);
	assert_non_null(arena_alloc(&arena, 100));
	assert_null(arena_alloc(&arena, 1));
	assert_true(arena.failed);
	assert_int_equal(arena.status, WA_ERR_LIMIT);
	assert_null(arena_alloc(&arena, 0));
	arena_free(&arena);
	assert_false(arena.failed);
	assert_non_null(arena_alloc(&arena, 100));
	arena_free(&arena);

	env.allocations = 0;
	env.fail_at = 1;
	assert_null(arena_alloc(&arena, 10));
	assert_int_equal(arena.status, WA_ERR_NOMEM);
	assert_null(arena_strdup(&arena, "x", 1));
	check_str(arena_printf(&arena, "x"), NULL);
	arena_free(&arena);
	assert_int_equal(env.live, 0);
}

static void
every_status_has_its_own_name(void **state)
{
	(void) state;
	for (int a = WA_ERR_IO; a <= WA_NEED_MORE; a++)
	{
		assert_string_not_equal(status_name((WaStatus) a), "unknown");
		for (int b = WA_ERR_IO; b < a; b++)
			assert_string_not_equal(status_name((WaStatus) a), status_name((WaStatus) b));
	}
	assert_string_equal(status_name((WaStatus) 1000), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_compare_by_length_and_bytes),
		cmocka_unit_test(numbers_are_decimal_and_fit),
		cmocka_unit_test(buffer_keeps_its_maximum),
		cmocka_unit_test(empty_buffer_gives_its_memory_back),
		cmocka_unit_test(buffer_is_a_queue),
		cmocka_unit_test(reserved_bytes_count_when_committed),
		cmocka_unit_test(failed_growth_leaves_the_contents),
		cmocka_unit_test(arena_hands_out_zeroed_aligned_memory),
		cmocka_unit_test(arena_copies_strings),
		cmocka_unit_test(arena_remembers_why_it_failed),
		cmocka_unit_test(every_status_has_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
