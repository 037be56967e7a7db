/*
 * inflate_stream.c
 *		zlib in pieces, behind the core's memory and a cap.
 */
#include "inflate_stream.h"

#include <limits.h>
#include <zlib.h>

/* 15 window bits; 32 more: take zlib and gzip headers. */
#define WINDOW_BITS (15 + 32)

static void *
zlib_alloc(void *ctx, unsigned items, unsigned size)
{
	const WaEnv *env = ctx;

	return env->alloc(env->ctx, (size_t) items * size);
}

static void
zlib_free(void *ctx, void *ptr)
{
	const WaEnv *env = ctx;

	env->free(env->ctx, ptr);
}

WaStatus
inflate_stream_init(WaInflateStream *state, const WaEnv *env, uint64_t max_bytes)
{
	z_stream *stream = env->alloc(env->ctx, sizeof(*stream));
	union
	{
		const WaEnv *in;
		void *out;
	} opaque = {.in = env};

	*state = (WaInflateStream){.env = env, .max_bytes = max_bytes};
	if (stream == NULL)
		return WA_ERR_NOMEM;
	*stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = opaque.out};
	if (inflateInit2(stream, WINDOW_BITS) != Z_OK)
	{
		env->free(env->ctx, stream);
		return WA_ERR_NOMEM;
	}
	state->stream = stream;
	return WA_OK;
}

WaStatus
inflate_stream_next(WaInflateStream *state, const uint8_t **data, size_t *len, uint8_t *out,
					size_t room, size_t *n_out)
{
	z_stream *stream = state->stream;
	unsigned given = *len < UINT_MAX ? (unsigned) *len : UINT_MAX;
	int rc;

	*n_out = 0;
	if (stream == NULL || room == 0 || room > UINT_MAX)
		return stream == NULL ? WA_ERR_STATE : WA_ERR_ARGUMENT;
	if (state->ended)
		return *len == 0 ? WA_OK : WA_ERR_MALFORMED;
	stream->next_in = (z_const Bytef *) *data;
	stream->avail_in = given;
	stream->next_out = out;
	stream->avail_out = (unsigned) room;
	rc = inflate(stream, Z_NO_FLUSH);
	*data += given - stream->avail_in;
	*len -= given - stream->avail_in;
	*n_out = room - stream->avail_out;
	state->n_bytes += *n_out;
	if (state->n_bytes > state->max_bytes)
		return WA_ERR_LIMIT;
	if (rc == Z_STREAM_END)
	{
		state->ended = true;
		return *len == 0 ? WA_OK : WA_ERR_MALFORMED;
	}
	if (rc == Z_MEM_ERROR)
		return WA_ERR_NOMEM;
	/* Z_BUF_ERROR: nothing could be done without more of the one or the other */
	return rc == Z_OK || rc == Z_BUF_ERROR ? WA_OK : WA_ERR_MALFORMED;
}

WaStatus
inflate_stream_end(const WaInflateStream *inflate)
{
	return inflate->ended ? WA_OK : WA_ERR_MALFORMED;
}

void
inflate_stream_free(WaInflateStream *inflate)
{
	if (inflate->stream != NULL)
	{
		inflateEnd(inflate->stream);
		inflate->env->free(inflate->env->ctx, inflate->stream);
	}
	inflate->stream = NULL;
}
