/*
 * host.c
 *		The protocol core's environment, made of PostgreSQL; see host.h.
 */
#include "postgres.h"

#include "host.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <time.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

static void *
allocate(void *ctx, size_t size)
{
	/* Larger requests would raise an error, which must not cross the core. */
	if (size == 0 || !AllocHugeSizeIsValid(size))
		return NULL;
	return MemoryContextAllocExtended(ctx, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
release(void *ctx, void *ptr)
{
	(void) ctx;
	if (ptr != NULL)
		pfree(ptr);
}

static int
fill_random(void *ctx, uint8_t *out, size_t len)
{
	(void) ctx;
	return pg_strong_random(out, len) ? 0 : -1;
}

void
host_env_init(WaEnv *env, MemoryContext context)
{
	env->alloc = allocate;
	env->free = release;
	env->random = fill_random;
	env->ctx = context;
}

WaNow
host_now(void)
{
	struct timespec mono;
	struct timespec wall;
	WaNow now;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	now.mono_us = (int64_t) mono.tv_sec * WA_SECOND + mono.tv_nsec / 1000;
	now.wall_us = (int64_t) wall.tv_sec * WA_SECOND + wall.tv_nsec / 1000;
	return now;
}

TimestampTz
host_timestamp_in(int64 delta_us)
{
	return GetCurrentTimestamp() + delta_us; /* both count microseconds */
}

int64
host_wall_us(TimestampTz at)
{
	const int64 epoch_us =
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY * USECS_PER_SEC;

	return at == 0 ? 0 : at + epoch_us;
}

void
host_trim_memory(void)
{
#ifdef __GLIBC__
	/* What a burst left between blocks that live on is not given back by free(). */
	(void) malloc_trim(0);
#endif
}
