/*
 * env_default.c
 *		The host's memory and randomness, for whoever has no better: malloc and
 *		the kernel's random source.
 */
#include "env.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void *
default_alloc(void *ctx, size_t size)
{
	(void) ctx;
	return malloc(size);
}

static void
default_free(void *ctx, void *ptr)
{
	(void) ctx;
	free(ptr);
}

static int
default_random(void *ctx, uint8_t *out, size_t len)
{
	(void) ctx;
	while (len > 0)
	{
		ssize_t got = getrandom(out, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		out += got;
		len -= (size_t) got;
	}
	return 0;
}

const WaEnv *
env_default(void)
{
	static const WaEnv env = {default_alloc, default_free, default_random, NULL};

	return &env;
}
