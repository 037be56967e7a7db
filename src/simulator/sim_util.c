/*
 * sim_util.c
 *		The service's state; memory, time and chance.
 *
 * Running out of memory ends the process: a test service has nothing better
 * to do.  sim_util_random is for behaviour that a seed must repeat, never for
 * keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

Sim sim;

static uint64_t random_state[2] = {1, 2};

void *
sim_util_alloc(size_t size)
{
	return memset(sim_util_grow(NULL, size), 0, size);
}

void *
sim_util_grow(void *ptr, size_t size)
{
	void *result = realloc(ptr, size > 0 ? size : 1);

	if (result == NULL)
	{
		fputs("wa_simulator: out of memory\n", stderr);
		exit(1);
	}
	return result;
}

char *
sim_util_copy(const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(sim_util_alloc(len), text, len);
}

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t) ts.tv_sec * WA_SECOND + ts.tv_nsec / 1000;
}

int64_t
sim_util_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
sim_util_now(void)
{
	return sim_util_now_us() / WA_SECOND;
}

int64_t
sim_util_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* splitmix64, to spread a small seed over the whole state */
static uint64_t
spread(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

void
sim_util_seed(uint64_t seed)
{
	random_state[0] = spread(&seed);
	random_state[1] = spread(&seed);
}

/* xorshift128+ */
uint64_t
sim_util_random(void)
{
	uint64_t a = random_state[0];
	uint64_t b = random_state[1];

	random_state[0] = b;
	a ^= a << 23;
	random_state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return random_state[1] + b;
}

void
sim_util_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++)
	{
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

void
sim_util_random_text(char *out, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < len; i++)
		out[i] = letters[sim_util_random() % (sizeof(letters) - 1)];
	out[len] = '\0';
}

bool
sim_util_is_digits(const char *text, size_t min, size_t max)
{
	size_t len;

	if (text == NULL)
		return false;
	len = strlen(text);
	return len >= min && len <= max && strspn(text, "0123456789") == len;
}
