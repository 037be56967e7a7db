/*
 * test_frame.c
 *		Frames and the prologue, however the stream is cut into pieces.
 */
#include "check.h"
#include "frame.h"

#define N_FRAMES 40

/* A stream of N_FRAMES frames; frame i has i * i bytes of value i. */
static void
make_stream(WaBuf *out)
{
	for (size_t i = 0; i < N_FRAMES; i++)
	{
		uint8_t payload[N_FRAMES * N_FRAMES];

		memset(payload, (int) i, sizeof(payload));
		assert_int_equal(frame_header(out, i * i), WA_OK);
		assert_int_equal(buf_append(out, payload, i * i), WA_OK);
	}
}

/* Takes what is complete; *next is the number of the frame to come. */
static void
drain(WaBuf *in, size_t *next)
{
	const uint8_t *payload;
	size_t len;
	size_t consumed;

	while (frame_next(buf_data(in), buf_len(in), &payload, &len, &consumed) == WA_OK)
	{
		assert_int_equal(len, *next * *next);
		assert_int_equal(consumed, len + FRAME_HEADER_LEN);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(payload[i], *next);
		buf_consume(in, consumed);
		(*next)++;
	}
}

/* Feeds the stream in pieces of 1 to most bytes (0: in one piece). */
static void
feed_in_pieces(size_t most, uint64_t seed)
{
	TestEnv env;
	WaBuf stream;
	WaBuf in;
	size_t next = 0;

	test_env_init(&env);
	env.seed = seed;
	buf_init(&stream, test_env(&env), 1 << 20);
	buf_init(&in, test_env(&env), 1 << 20);
	make_stream(&stream);
	while (buf_len(&stream) > 0)
	{
		uint8_t random[2];
		size_t piece = buf_len(&stream);

		if (most > 0)
		{
			env.env.random(&env, random, sizeof(random));
			piece = 1 + (size_t) (random[0] << 8 | random[1]) % most;
		}
		if (piece > buf_len(&stream))
			piece = buf_len(&stream);
		assert_int_equal(buf_append(&in, buf_data(&stream), piece), WA_OK);
		buf_consume(&stream, piece);
		drain(&in, &next);
	}
	assert_int_equal(next, N_FRAMES);
	assert_int_equal(buf_len(&in), 0);
	assert_int_equal(env.live, 0);
}

static void
frames_survive_any_cut(void **state)
{
	(void) state;
	feed_in_pieces(0, 1);
	feed_in_pieces(1, 1);
	for (uint64_t seed = 1; seed <= 50; seed++)
		feed_in_pieces(2000, seed);
}

static void
length_has_three_bytes(void **state)
{
	TestEnv env;
	WaBuf out;
	static const uint8_t longest[] = {0xFF, 0xFF, 0xFF};
	const uint8_t *payload;
	size_t len;
	size_t consumed;

	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 100);
	assert_int_equal(frame_header(&out, 0x1000000), WA_ERR_LIMIT);
	assert_int_equal(buf_len(&out), 0);
	assert_int_equal(frame_header(&out, 0xFFFFFF), WA_OK);
	assert_int_equal(frame_header(&out, 0x010203), WA_OK);
	check_buf(&out, "ffffff010203");
	buf_free(&out);
	assert_int_equal(frame_next(longest, 3, &payload, &len, &consumed), WA_NEED_MORE);
	assert_int_equal(frame_next(NULL, 0, &payload, &len, &consumed), WA_NEED_MORE);
}

static void
prologue_is_written_and_recognised(void **state)
{
	static const struct
	{
		const char *routing;
		const char *prologue;
	} cases[] = {
		{"", "57410603"},
		{"0a0b0c", "4544000100000"
				   "30a0b0c57410603"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TestEnv env;
		WaBuf out;
		uint8_t routing[8];
		size_t routing_len = test_hex(cases[i].routing, routing, sizeof(routing));
		size_t consumed = 0;

		test_env_init(&env);
		buf_init(&out, test_env(&env), 100);
		assert_int_equal(frame_prologue(&out, routing, routing_len), WA_OK);
		check_buf(&out, cases[i].prologue);
		assert_int_equal(buf_append(&out, "more", 4), WA_OK);

		/* byte by byte: incomplete until it is whole */
		for (size_t len = 0; len < buf_len(&out) - 4; len++)
			assert_int_equal(frame_accept_prologue(buf_data(&out), len, &consumed), WA_NEED_MORE);
		assert_int_equal(frame_accept_prologue(buf_data(&out), buf_len(&out), &consumed), WA_OK);
		assert_int_equal(consumed, buf_len(&out) - 4);
		buf_free(&out);
		assert_int_equal(env.live, 0);
	}
}

static void
other_beginnings_are_refused(void **state)
{
	static const char *const cases[] = {"47455420", "5742",     "57410503", "57410602",
										"4545",     "45440002", "00"};
	size_t consumed;
	uint8_t data[16];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			frame_accept_prologue(data, test_hex(cases[i], data, sizeof(data)), &consumed),
			WA_ERR_MALFORMED);

	/* a routing prefix of 16 MB is not waited for */
	assert_int_equal(
		frame_accept_prologue(data, test_hex("45440001ffffff", data, sizeof(data)), &consumed),
		WA_ERR_LIMIT);
}

static void
prologue_survives_lack_of_memory(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		WaBuf out;
		uint8_t routing[200] = {1};
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		buf_init(&out, test_env(&env), 1000);
		status = frame_prologue(&out, routing, sizeof(routing));
		assert_int_equal(buf_len(&out), status == WA_OK ? 7 + sizeof(routing) + 4 : 0);
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
		cmocka_unit_test(frames_survive_any_cut),
		cmocka_unit_test(length_has_three_bytes),
		cmocka_unit_test(prologue_is_written_and_recognised),
		cmocka_unit_test(other_beginnings_are_refused),
		cmocka_unit_test(prologue_survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
