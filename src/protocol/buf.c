/*
 * buf.c
 *		Growable buffers, arenas and counted strings.
 *
 * Buffers and arenas are wiped before their memory goes back: they carry
 * decrypted stanzas and key material.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h> /* vsnprintf only: no streams here */
#include <string.h>

#define BUF_MIN_CAPACITY 64

#define ARENA_FIRST_BLOCK 1024
#define ARENA_LARGEST_BLOCK (128 * 1024)
#define ARENA_ALIGN 8

/* ---- strings ---- */

WaStr
str_from(const char *cstr)
{
	if (cstr == NULL)
		return WA_STR_NONE;
	return (WaStr){cstr, strlen(cstr)};
}

bool
str_equal(WaStr a, WaStr b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

bool
str_is(WaStr a, const char *cstr)
{
	if (a.data == NULL || cstr == NULL)
		return false;
	if (a.len > 0 && a.data[0] != cstr[0])
		return false; /* the usual case: spare the calls */
	return strlen(cstr) == a.len && memcmp(a.data, cstr, a.len) == 0;
}

bool
str_to_u64(WaStr s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.data == NULL || s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
	{
		unsigned digit = (unsigned) (unsigned char) s.data[i] - '0';

		if (digit > 9)
			return false;
		if (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* ---- buffers ---- */

void
buf_init(WaBuf *buf, const WaEnv *env, size_t max)
{
	*buf = (WaBuf){.env = env, .max = max};
}

void
buf_free(WaBuf *buf)
{
	if (buf->data != NULL)
	{
		explicit_bzero(buf->data, buf->end);
		buf->env->free(buf->env->ctx, buf->data);
	}
	buf->data = NULL;
	buf->start = buf->end = buf->capacity = 0;
}

WaStatus
buf_reserve(WaBuf *buf, size_t len, uint8_t **out)
{
	size_t held = buf->end - buf->start;
	size_t capacity;
	uint8_t *data;

	if (len > buf->max || held > buf->max - len)
		return WA_ERR_LIMIT;
	if (buf->capacity - buf->end >= len && buf->data != NULL)
	{
		*out = buf->data + buf->end;
		return WA_OK;
	}

	/* Moving down pays only while at least as much was consumed as is kept. */
	if (buf->start >= held && buf->capacity - held >= len && buf->data != NULL)
	{
		memmove(buf->data, buf->data + buf->start, held);
		explicit_bzero(buf->data + held, buf->start);
		buf->start = 0;
		buf->end = held;
		*out = buf->data + held;
		return WA_OK;
	}

	capacity = held + len;
	if (capacity < held * 2)
		capacity = held * 2;
	if (capacity < BUF_MIN_CAPACITY)
		capacity = BUF_MIN_CAPACITY;
	if (capacity > buf->max)
		capacity = buf->max; /* held + len still fit, see above */
	if (capacity == 0)
		capacity = 1; /* max 0: there is still an address to give */
	data = buf->env->alloc(buf->env->ctx, capacity);
	if (data == NULL)
		return WA_ERR_NOMEM;
	if (held > 0)
		memcpy(data, buf->data + buf->start, held);
	buf_free(buf);
	buf->data = data;
	buf->end = held;
	buf->capacity = capacity;
	*out = data + held;
	return WA_OK;
}

void
buf_commit(WaBuf *buf, size_t len)
{
	size_t room = buf->capacity - buf->end;

	buf->end += len < room ? len : room;
}

WaStatus
buf_append(WaBuf *buf, const void *data, size_t len)
{
	uint8_t *out;
	WaStatus status;

	if (len == 0)
		return WA_OK;
	status = buf_reserve(buf, len, &out);
	if (status != WA_OK)
		return status;
	memcpy(out, data, len);
	buf->end += len;
	return WA_OK;
}

const uint8_t *
buf_data(const WaBuf *buf)
{
	return buf->data == NULL ? NULL : buf->data + buf->start;
}

size_t
buf_len(const WaBuf *buf)
{
	return buf->end - buf->start;
}

void
buf_consume(WaBuf *buf, size_t len)
{
	if (len >= buf_len(buf))
		buf_free(buf);
	else
		buf->start += len;
}

void
buf_truncate(WaBuf *buf, size_t len)
{
	if (len == 0)
		buf_free(buf);
	else if (len < buf_len(buf))
	{
		explicit_bzero(buf->data + buf->start + len, buf_len(buf) - len);
		buf->end = buf->start + len;
	}
}

/* ---- arenas ---- */

typedef struct WaArenaBlock
{
	struct WaArenaBlock *next;
	size_t used;
	size_t size;
	_Alignas(ARENA_ALIGN) uint8_t data[];
} WaArenaBlock;

void
arena_init(WaArena *arena, const WaEnv *env, size_t max)
{
	*arena = (WaArena){.env = env, .max = max};
}

void
arena_free(WaArena *arena)
{
	WaArenaBlock *block = arena->blocks;

	while (block != NULL)
	{
		WaArenaBlock *next = block->next;

		explicit_bzero(block->data, block->used);
		arena->env->free(arena->env->ctx, block);
		block = next;
	}
	arena_init(arena, arena->env, arena->max);
}

static void *
arena_fail(WaArena *arena, WaStatus status)
{
	if (!arena->failed)
		arena->status = status;
	arena->failed = true;
	return NULL;
}

/*
 * Makes a block with room for size bytes.  It becomes the head, from which
 * small allocations are served, unless the head would have more room left.
 */
static WaArenaBlock *
arena_add_block(WaArena *arena, size_t size)
{
	WaArenaBlock *head = arena->blocks;
	WaArenaBlock *block;
	size_t room = ARENA_FIRST_BLOCK;

	/* double while it grows, so that a large tree costs few allocations */
	while (room < ARENA_LARGEST_BLOCK && room <= arena->used)
		room *= 2;
	if (room < size)
		room = size;
	block = arena->env->alloc(arena->env->ctx, sizeof(*block) + room);
	if (block == NULL)
		return NULL;
	block->used = 0;
	block->size = room;
	if (head != NULL && head->size - head->used > room - size)
	{
		block->next = head->next;
		head->next = block;
	}
	else
	{
		block->next = head;
		arena->blocks = block;
	}
	return block;
}

/* Uninitialised memory at a multiple of align (a power of two up to 8). */
static void *
arena_take(WaArena *arena, size_t size, size_t align)
{
	WaArenaBlock *block = arena->blocks;
	size_t at;

	if (arena->failed)
		return NULL;
	if (size > arena->max || arena->used > arena->max - size)
		return arena_fail(arena, WA_ERR_LIMIT);

	at = block == NULL ? 0 : (block->used + align - 1) & ~(align - 1);
	if (block == NULL || at > block->size || block->size - at < size)
	{
		block = arena_add_block(arena, size);
		if (block == NULL)
			return arena_fail(arena, WA_ERR_NOMEM);
		at = 0;
	}
	block->used = at + size;
	arena->used += size;
	return block->data + at;
}

void *
arena_alloc(WaArena *arena, size_t size)
{
	void *out = arena_take(arena, size, ARENA_ALIGN);

	if (out != NULL)
		memset(out, 0, size);
	return out;
}

char *
arena_strdup(WaArena *arena, const char *data, size_t len)
{
	char *out;

	if (len == SIZE_MAX)
		return arena_fail(arena, WA_ERR_LIMIT);
	out = arena_take(arena, len + 1, 1);
	if (out == NULL)
		return NULL;
	if (len > 0)
		memcpy(out, data, len);
	out[len] = '\0';
	return out;
}

WaStr
arena_str(WaArena *arena, WaStr s)
{
	char *copy;

	if (s.data == NULL)
		return WA_STR_NONE;
	copy = arena_strdup(arena, s.data, s.len);
	return copy == NULL ? WA_STR_NONE : (WaStr){copy, s.len};
}

WaStr
arena_printf(WaArena *arena, const char *fmt, ...)
{
	va_list args;
	int len;
	char *out;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
	{
		arena_fail(arena, WA_ERR_NOMEM);
		return WA_STR_NONE;
	}
	out = arena_take(arena, (size_t) len + 1, 1);
	if (out == NULL)
		return WA_STR_NONE;
	va_start(args, fmt);
	vsnprintf(out, (size_t) len + 1, fmt, args);
	va_end(args);
	return (WaStr){out, (size_t) len};
}
