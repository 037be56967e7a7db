/*
 * inflate.c
 *		zlib behind the core's memory and a cap.
 */
#include "inflate.h"

#include <limits.h>
#include <zlib.h>

/* 15 window bits; 32 more: take zlib and gzip headers (sheet 1 section 12). */
#define WINDOW_BITS (15 + 32)

#define MIN_STEP 1024

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

/* Inflates until the stream ends; each step offers as much room as input is left. */
static WaStatus
run(z_stream *stream, WaBuf *out)
{
	for (;;)
	{
		size_t room = out->max - buf_len(out);
		size_t step = (size_t) stream->avail_in * 4;
		uint8_t beyond;
		uint8_t *data = &beyond;
		WaStatus status;
		int rc;

		if (step < MIN_STEP)
			step = MIN_STEP;
		if (step > room)
			step = room;
		status = step == 0 ? WA_OK : buf_reserve(out, step, &data);
		if (status != WA_OK)
			return status;
		stream->next_out = data;
		stream->avail_out = step == 0 ? 1 : (unsigned) step;
		rc = inflate(stream, Z_NO_FLUSH);
		if (step == 0 && stream->avail_out == 0)
			return WA_ERR_LIMIT; /* one byte more than fits */
		if (step > 0)
			buf_commit(out, step - stream->avail_out);
		if (rc == Z_STREAM_END)
			return stream->avail_in == 0 ? WA_OK : WA_ERR_MALFORMED;
		if (rc == Z_MEM_ERROR)
			return WA_ERR_NOMEM;
		if (rc != Z_OK)
			return WA_ERR_MALFORMED; /* Z_BUF_ERROR: the input is truncated */
	}
}

WaStatus
inflate_all(const uint8_t *data, size_t len, WaBuf *out)
{
	z_stream stream = {.zalloc = zlib_alloc, .zfree = zlib_free};
	size_t before = buf_len(out);
	WaStatus status;
	union
	{
		const WaEnv *in;
		void *out;
	} opaque = {.in = out->env};
	int rc;

	if (len > UINT_MAX / 4 || out->max > UINT_MAX)
		return WA_ERR_LIMIT;
	stream.opaque = opaque.out;
	stream.next_in = (z_const Bytef *) data;
	stream.avail_in = (unsigned) len;
	rc = inflateInit2(&stream, WINDOW_BITS);
	if (rc != Z_OK)
		return WA_ERR_NOMEM;
	status = run(&stream, out);
	inflateEnd(&stream);
	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}
