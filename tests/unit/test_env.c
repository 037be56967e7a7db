/*
 * test_env.c
 *		A WaEnv for tests.  See test_env.h.
 */
#include "test_env.h"

#include <stdlib.h>
#include <string.h>

/* In front of every block, so that free knows what it gives back. */
typedef union BlockHead
{
	size_t size;
	max_align_t align;
} BlockHead;

static void *
test_alloc(void *ctx, size_t size)
{
	TestEnv *env = ctx;
	BlockHead *head;

	env->allocations++;
	if (env->allocations == env->fail_at)
		return NULL;
	head = malloc(sizeof(*head) + size);
	if (head == NULL)
		return NULL;
	head->size = size;
	memset(head + 1, 0xA5, size); /* nobody may rely on zeroes */
	env->live++;
	env->live_bytes += size;
	if (env->live_bytes > env->peak_bytes)
		env->peak_bytes = env->live_bytes;
	return head + 1;
}

static void
test_free(void *ctx, void *ptr)
{
	TestEnv *env = ctx;
	BlockHead *head;

	if (ptr == NULL)
		return;
	head = (BlockHead *) ptr - 1;
	env->live--;
	env->live_bytes -= head->size;
	memset(ptr, 0x5A, head->size);
	free(head);
}

static int
test_random(void *ctx, uint8_t *out, size_t len)
{
	TestEnv *env = ctx;

	if (env->fail_random)
		return -1;
	while (len > 0)
	{
		if (env->script_len > 0)
		{
			*out++ = *env->script++;
			env->script_len--;
		}
		else
		{
			env->seed = env->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			*out++ = (uint8_t) (env->seed >> 56);
		}
		len--;
	}
	return 0;
}

void
test_env_init(TestEnv *env)
{
	memset(env, 0, sizeof(*env));
	env->env.alloc = test_alloc;
	env->env.free = test_free;
	env->env.random = test_random;
	env->env.ctx = env;
	env->seed = 1;
}

const WaEnv *
test_env(TestEnv *env)
{
	env->env.ctx = env;
	return &env->env;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	abort();
}

size_t
test_hex(const char *hex, uint8_t *out, size_t capacity)
{
	size_t len = strlen(hex);

	if (len % 2 != 0 || len / 2 > capacity)
		abort();
	for (size_t i = 0; i < len; i += 2)
		out[i / 2] = (uint8_t) (hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]));
	return len / 2;
}
