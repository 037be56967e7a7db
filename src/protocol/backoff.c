/*
 * backoff.c
 *		Fibonacci delays with jitter.
 */
#include "backoff.h"

#include "crypto.h"

#define BACKOFF_LAST_STEP 16 /* F(16) = 987 is past the cap in seconds */

static int64_t
backoff_fibonacci(int step)
{
	int64_t a = 1;
	int64_t b = 1;

	for (int i = 0; i < step; i++)
	{
		int64_t sum = a + b;

		a = b;
		b = sum;
	}
	return a;
}

/* Within a tenth of delay; no randomness means no jitter, not no reconnect. */
static int64_t
backoff_jitter(int64_t delay, const WaEnv *env)
{
	uint8_t random[2];
	int64_t part;

	if (crypto_random(env, random, sizeof(random)) != WA_OK)
		return delay;
	part = (int64_t) random[0] << 8 | random[1]; /* 0..65535 */
	return delay - delay / 10 + delay / 5 * part / 65535;
}

static int64_t
backoff_step(uint8_t *step, int64_t unit, const WaEnv *env)
{
	int64_t delay = backoff_fibonacci(*step) * unit;

	if (*step < BACKOFF_LAST_STEP)
		(*step)++;
	if (delay > BACKOFF_MAX_US)
		delay = BACKOFF_MAX_US;
	return backoff_jitter(delay, env);
}

int64_t
backoff_next(WaBackoff *backoff, const WaEnv *env)
{
	return backoff_step(&backoff->step, WA_SECOND, env);
}

int64_t
backoff_next_slow(WaBackoff *backoff, const WaEnv *env)
{
	int64_t delay = backoff_step(&backoff->slow_step, BACKOFF_SLOW_US, env);

	return delay < BACKOFF_SLOW_US ? BACKOFF_SLOW_US : delay;
}

int64_t
backoff_restart(WaBackoff *backoff, const WaEnv *env)
{
	if (backoff->restarts >= BACKOFF_MAX_RESTARTS)
		return backoff_next(backoff, env);
	backoff->restarts++;
	return 0;
}

void
backoff_penalty(WaBackoff *backoff, int steps)
{
	int step = backoff->step + steps;

	backoff->step = (uint8_t) (step < BACKOFF_LAST_STEP ? step : BACKOFF_LAST_STEP);
}

void
backoff_reset(WaBackoff *backoff)
{
	*backoff = (WaBackoff){0};
}
