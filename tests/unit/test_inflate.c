/*
 * test_inflate.c
 *		Decompression: both headers, the cap, and input that is not whole.
 */
#include "check.h"
#include "inflate.h"

#include <stdlib.h>
#include <zlib.h>

/* Compresses with zlib itself; window_bits 15 for zlib's header, 31 for gzip's. */
static size_t
compress_with(int window_bits, const uint8_t *in, size_t len, uint8_t *out, size_t capacity)
{
	z_stream stream = {0};
	size_t out_len;

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY),
					 Z_OK);
	stream.next_in = (z_const Bytef *) in;
	stream.avail_in = (unsigned) len;
	stream.next_out = out;
	stream.avail_out = (unsigned) capacity;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	out_len = capacity - stream.avail_out;
	deflateEnd(&stream);
	return out_len;
}

#define PLAIN_LEN 100000

static uint8_t plain[PLAIN_LEN];
static uint8_t packed[PLAIN_LEN * 2];

static void
make_plain(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < PLAIN_LEN; i++)
	{
		x = x * 1103515245 + 12345;
		plain[i] = (uint8_t) (i % 3 == 0 ? x >> 24 : 'a');
	}
}

static void
both_headers_are_read_and_appended(void **state)
{
	static const int windows[] = {15, 31};

	(void) state;
	make_plain();
	for (size_t i = 0; i < 2; i++)
	{
		TestEnv env;
		WaBuf out;
		size_t len = compress_with(windows[i], plain, PLAIN_LEN, packed, sizeof(packed));

		test_env_init(&env);
		buf_init(&out, test_env(&env), PLAIN_LEN + 3);
		assert_int_equal(buf_append(&out, "abc", 3), WA_OK);
		assert_int_equal(inflate_all(packed, len, &out), WA_OK);
		assert_int_equal(buf_len(&out), PLAIN_LEN + 3);
		assert_memory_equal(buf_data(&out), "abc", 3);
		assert_memory_equal(buf_data(&out) + 3, plain, PLAIN_LEN);
		buf_free(&out);
		assert_int_equal(env.live, 0);
	}
}

static void
nothing_but_a_whole_stream_is_taken(void **state)
{
	TestEnv env;
	WaBuf out;
	size_t len;

	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 10000);
	assert_int_equal(buf_append(&out, "kept", 4), WA_OK);
	make_plain();
	len = compress_with(15, plain, 500, packed, sizeof(packed));
	for (size_t cut = 0; cut < len; cut++)
	{
		assert_int_equal(inflate_all(packed, cut, &out), WA_ERR_MALFORMED);
		check_buf(&out, "6b657074");
	}
	assert_int_equal(inflate_all(packed, len + 1, &out), WA_ERR_MALFORMED);
	check_buf(&out, "6b657074");
	packed[len - 1] ^= 1; /* checksum */
	assert_int_equal(inflate_all(packed, len, &out), WA_ERR_MALFORMED);
	check_buf(&out, "6b657074");
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

static void
cap_is_exact(void **state)
{
	TestEnv env;
	WaBuf out;
	size_t len;

	(void) state;
	test_env_init(&env);
	make_plain();
	len = compress_with(15, plain, 5000, packed, sizeof(packed));
	buf_init(&out, test_env(&env), 5000);
	assert_int_equal(inflate_all(packed, len, &out), WA_OK);
	assert_int_equal(buf_len(&out), 5000);
	buf_free(&out);
	buf_init(&out, test_env(&env), 4999);
	assert_int_equal(inflate_all(packed, len, &out), WA_ERR_LIMIT);
	assert_int_equal(buf_len(&out), 0);
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

/* 200 MB of zeroes in 200 kB: stops at the cap, and never holds much more. */
static void
bomb_is_defused(void **state)
{
	TestEnv env;
	WaBuf out;
	size_t zeroes = 200u << 20;
	uint8_t *big = calloc(zeroes, 1);
	uint8_t *bomb = malloc(1 << 20);
	size_t len;

	(void) state;
	assert_non_null(big);
	assert_non_null(bomb);
	len = compress_with(15, big, zeroes, bomb, 1 << 20);
	free(big);
	test_env_init(&env);
	buf_init(&out, test_env(&env), WA_MAX_INFLATED);
	assert_int_equal(inflate_all(bomb, len, &out), WA_ERR_LIMIT);
	assert_true(env.peak_bytes < 3 * (size_t) WA_MAX_INFLATED);
	buf_free(&out);
	free(bomb);
	assert_int_equal(env.live, 0);
}

static void
lack_of_memory_is_reported(void **state)
{
	size_t len;

	(void) state;
	/* packed so well that it takes several steps, and zlib a window of its own */
	memset(plain, 'a', PLAIN_LEN);
	len = compress_with(15, plain, PLAIN_LEN, packed, sizeof(packed));
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		WaBuf out;
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		buf_init(&out, test_env(&env), PLAIN_LEN);
		status = inflate_all(packed, len, &out);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_headers_are_read_and_appended),
		cmocka_unit_test(nothing_but_a_whole_stream_is_taken),
		cmocka_unit_test(cap_is_exact),
		cmocka_unit_test(bomb_is_defused),
		cmocka_unit_test(lack_of_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
