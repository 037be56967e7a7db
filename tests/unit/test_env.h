/*
 * test_env.h
 *		A WaEnv for tests: counts allocations, fails the n-th one, replays
 *		randomness.
 *
 * The out-of-memory pattern, for a function under test f:
 *
 *		for (size_t n = 1;; n++)
 *		{
 *			test_env_init(&env);
 *			env.fail_at = n;
 *			status = f(test_env(&env), ...);
 *			... release what f returned ...
 *			assert_int_equal(env.live, 0);
 *			if (env.allocations < n)
 *				break;			(no allocation failed: status must be WA_OK)
 *		}
 */
#ifndef WA_TEST_ENV_H
#define WA_TEST_ENV_H

#include "../../src/protocol/env.h"

typedef struct TestEnv
{
	WaEnv env;
	size_t fail_at;        /* this allocation fails, counted from 1; 0 never */
	size_t allocations;    /* asked for so far, the failed one included */
	size_t live;           /* blocks not freed yet */
	size_t live_bytes;     /* their bytes */
	size_t peak_bytes;     /* most bytes that were live at once */
	bool fail_random;      /* the random source fails */
	uint64_t seed;         /* state of the deterministic generator */
	const uint8_t *script; /* handed out before the generator's bytes */
	size_t script_len;
} TestEnv;

/* Nothing fails, seed 1, no script. */
extern void test_env_init(TestEnv *env);
extern const WaEnv *test_env(TestEnv *env);

/* Decodes hex into out (capacity bytes) and returns the length; aborts the test on bad hex. */
extern size_t test_hex(const char *hex, uint8_t *out, size_t capacity);

#endif /* WA_TEST_ENV_H */
