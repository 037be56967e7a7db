/*
 * test_backoff.c
 *		The delays between connections.
 */
#include "../../src/protocol/backoff.h"
#include "check.h"

static TestEnv env;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	return 0;
}

static void
assert_about(int64_t delay, int64_t seconds)
{
	assert_true(delay >= seconds * WA_SECOND * 9 / 10);
	assert_true(delay <= seconds * WA_SECOND * 11 / 10);
}

static void
grows_like_fibonacci(void **state)
{
	static const int seconds[] = {1,  1,   2,   3,   5,   8,   13,  21,  34,  55,
								  89, 144, 233, 377, 610, 900, 900, 900, 900, 900};
	WaBackoff backoff = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		assert_about(backoff_next(&backoff, test_env(&env)), seconds[i]);
	for (int i = 0; i < 1000; i++)
		assert_about(backoff_next(&backoff, test_env(&env)), 900);
	backoff_reset(&backoff);
	assert_about(backoff_next(&backoff, test_env(&env)), 1);
}

static void
has_a_slow_lane(void **state)
{
	static const int seconds[] = {60, 60, 120, 180, 300, 480, 780, 900, 900};
	WaBackoff backoff = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
	{
		int64_t delay = backoff_next_slow(&backoff, test_env(&env));

		assert_about(delay, seconds[i]);
		assert_true(delay >= 60 * WA_SECOND);
	}
	/* the lanes do not know each other */
	assert_about(backoff_next(&backoff, test_env(&env)), 1);
}

static void
jitters_both_ways(void **state)
{
	int64_t least = INT64_MAX;
	int64_t most = 0;
	int64_t sum = 0;

	(void) state;
	for (int i = 0; i < 2000; i++)
	{
		WaBackoff backoff = {.step = 9};
		int64_t delay = backoff_next(&backoff, test_env(&env));

		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		sum += delay;
	}
	/* a thousand bots that fell together do not come back together */
	assert_true(least < 55 * WA_SECOND * 91 / 100);
	assert_true(most > 55 * WA_SECOND * 109 / 100);
	assert_true(sum / 2000 > 54 * WA_SECOND && sum / 2000 < 56 * WA_SECOND);
}

static void
punishes(void **state)
{
	WaBackoff backoff = {0};

	(void) state;
	backoff_penalty(&backoff, 5);
	assert_about(backoff_next(&backoff, test_env(&env)), 8);
	backoff_penalty(&backoff, 5);
	assert_about(backoff_next(&backoff, test_env(&env)), 144);
	backoff_penalty(&backoff, 5);
	backoff_penalty(&backoff, 5);
	assert_about(backoff_next(&backoff, test_env(&env)), 900);
}

static void
bounds_restarts(void **state)
{
	WaBackoff backoff = {0};

	(void) state;
	for (int i = 0; i < BACKOFF_MAX_RESTARTS; i++)
		assert_true(backoff_restart(&backoff, test_env(&env)) == 0);
	assert_about(backoff_restart(&backoff, test_env(&env)), 1);
	assert_about(backoff_restart(&backoff, test_env(&env)), 1);
	assert_about(backoff_restart(&backoff, test_env(&env)), 2);
	backoff.restarts = 0;
	assert_true(backoff_restart(&backoff, test_env(&env)) == 0);
}

static void
does_without_randomness(void **state)
{
	WaBackoff backoff = {0};

	(void) state;
	env.fail_random = true;
	assert_true(backoff_next(&backoff, test_env(&env)) == WA_SECOND);
	assert_true(backoff_next_slow(&backoff, test_env(&env)) == 60 * WA_SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(grows_like_fibonacci, setup),
		cmocka_unit_test_setup(has_a_slow_lane, setup),
		cmocka_unit_test_setup(jitters_both_ways, setup),
		cmocka_unit_test_setup(punishes, setup),
		cmocka_unit_test_setup(bounds_restarts, setup),
		cmocka_unit_test_setup(does_without_randomness, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
