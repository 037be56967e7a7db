/*
 * target.c
 *		Memory and randomness of the fuzz targets.  See target.h.
 */
#include "target.h"

#include <stdlib.h>

static size_t allocations;
static size_t live;
static size_t failing;
static uint8_t next_random;

static void *
counted_alloc(void *ctx, size_t size)
{
	void *ptr;

	(void) ctx;
	if (++allocations == failing)
		return NULL;
	ptr = malloc(size);
	if (ptr != NULL)
		live++;
	return ptr;
}

static void
counted_free(void *ctx, void *ptr)
{
	(void) ctx;
	if (ptr != NULL)
		live--;
	free(ptr);
}

static int
fixed_random(void *ctx, uint8_t *out, size_t len)
{
	(void) ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = next_random += 41;
	return 0;
}

const WaEnv *
target_env(size_t fail_at)
{
	static const WaEnv env = {counted_alloc, counted_free, fixed_random, NULL};

	allocations = 0;
	live = 0;
	failing = fail_at;
	next_random = 0;
	return &env;
}

void
target_end(void)
{
	TARGET_CHECK(live == 0);
}
