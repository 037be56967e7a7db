/*
 * test_inflate_stream.c
 *		Decompression in pieces: the cap, cut input, what lies behind the end,
 *		and memory that does not grow with what comes out.
 */
#include "check.h"
#include "inflate_stream.h"

#include <stdlib.h>
#include <zlib.h>

#define PLAIN_LEN (3 << 20)

static uint8_t *plain;
static uint8_t *packed;
static size_t packed_len;

static int
make(void **state)
{
	uLongf len = compressBound(PLAIN_LEN);
	uint32_t x = 1;

	(void) state;
	plain = malloc(PLAIN_LEN);
	packed = malloc(len + 1);
	if (plain == NULL || packed == NULL)
		return 1;
	for (size_t i = 0; i < PLAIN_LEN; i++)
	{
		x = x * 1103515245 + 12345;
		plain[i] = (uint8_t) (i % 50 == 0 ? x >> 24 : 'a');
	}
	if (compress2(packed, &len, plain, PLAIN_LEN, 6) != Z_OK)
		return 1;
	packed_len = len;
	return 0;
}

static int
forget(void **state)
{
	(void) state;
	free(plain);
	free(packed);
	return 0;
}

/* Inflates len bytes in pieces and compares with plain; the status it ends with. */
static WaStatus
run(TestEnv *env, size_t len, size_t piece, size_t room, uint64_t max, size_t *total)
{
	WaInflateStream inflate;
	uint8_t out[8192];
	WaStatus status = inflate_stream_init(&inflate, test_env(env), max);

	*total = 0;
	for (size_t at = 0; status == WA_OK && at < len; at += piece)
	{
		const uint8_t *data = packed + at;
		size_t left = len - at < piece ? len - at : piece;
		size_t n = room;

		while (status == WA_OK && (left > 0 || n == room))
		{
			status = inflate_stream_next(&inflate, &data, &left, out, room, &n);
			assert_true(n <= room && *total + n <= PLAIN_LEN);
			assert_memory_equal(out, plain + *total, n);
			*total += n;
		}
	}
	if (status == WA_OK)
		status = inflate_stream_end(&inflate);
	inflate_stream_free(&inflate);
	return status;
}

static void
the_same_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = {1, 100, 65536, SIZE_MAX / 2};
	static const size_t rooms[] = {64, 8192};

	(void) state;
	for (size_t i = 0; i < 8; i++)
	{
		TestEnv env;
		size_t total;

		test_env_init(&env);
		assert_int_equal(run(&env, packed_len, pieces[i / 2], rooms[i % 2], PLAIN_LEN, &total),
						 WA_OK);
		assert_int_equal(total, PLAIN_LEN);
		assert_true(env.peak_bytes < 64 * 1024);
		assert_int_equal(env.live, 0);
	}
}

static void
what_ends_badly(void **state)
{
	TestEnv env;
	size_t total;

	(void) state;
	test_env_init(&env);
	assert_int_equal(run(&env, packed_len, 1000, 8192, PLAIN_LEN - 1, &total), WA_ERR_LIMIT);
	assert_int_equal(run(&env, packed_len - 1, 1000, 8192, PLAIN_LEN, &total), WA_ERR_MALFORMED);
	packed[packed_len] = 0;
	assert_int_equal(run(&env, packed_len + 1, 1000, 8192, PLAIN_LEN, &total), WA_ERR_MALFORMED);
	packed[0] ^= 0xFF;
	assert_int_equal(run(&env, packed_len, 1000, 8192, PLAIN_LEN, &total), WA_ERR_MALFORMED);
	packed[0] ^= 0xFF;
	packed[packed_len - 1] ^= 1; /* the checksum */
	assert_int_equal(run(&env, packed_len, 1000, 8192, PLAIN_LEN, &total), WA_ERR_MALFORMED);
	packed[packed_len - 1] ^= 1;
	assert_int_equal(env.live, 0);
}

static void
every_allocation_may_fail(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		size_t total;
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		status = run(&env, packed_len, 65536, 8192, PLAIN_LEN, &total);
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
		cmocka_unit_test(the_same_in_pieces_of_any_size),
		cmocka_unit_test(what_ends_badly),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, make, forget);
}
