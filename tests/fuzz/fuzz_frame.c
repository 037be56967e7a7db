/*
 * fuzz_frame.c
 *		A stream of bytes from a socket: the prologue and the frames behind it
 *		must come out the same whole and in pieces.  The first byte of the input
 *		is the size of the pieces.
 */
#include <string.h>

#include "frame.h"
#include "target.h"

/* What a stream amounts to, in one number that the order of its frames decides. */
typedef struct Digest
{
	uint64_t value;
	size_t frames;
	WaStatus prologue;
} Digest;

static void
add(Digest *digest, const uint8_t *data, size_t len)
{
	digest->frames++;
	digest->value = digest->value * 31 + len;
	for (size_t i = 0; i < len; i++)
		digest->value = digest->value * 31 + data[i];
}

static Digest
read_stream(const WaEnv *env, const uint8_t *data, size_t size, size_t piece)
{
	Digest digest = {.prologue = WA_NEED_MORE};
	WaBuf in;

	buf_init(&in, env, WA_MAX_FRAME + FRAME_HEADER_LEN);
	for (size_t at = 0; at < size && digest.prologue >= WA_OK;)
	{
		size_t len = size - at < piece ? size - at : piece;
		const uint8_t *payload;
		size_t payload_len;
		size_t consumed;

		TARGET_CHECK(buf_append(&in, data + at, len) == WA_OK);
		at += len;
		if (digest.prologue == WA_NEED_MORE)
		{
			digest.prologue = frame_accept_prologue(buf_data(&in), buf_len(&in), &consumed);
			if (digest.prologue != WA_OK)
				continue;
			TARGET_CHECK(consumed <= buf_len(&in));
			buf_consume(&in, consumed);
		}
		while (frame_next(buf_data(&in), buf_len(&in), &payload, &payload_len, &consumed) == WA_OK)
		{
			TARGET_CHECK(consumed <= buf_len(&in));
			add(&digest, payload, payload_len);
			buf_consume(&in, consumed);
		}
	}
	buf_free(&in);
	return digest;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env = target_env(0);
	Digest whole;
	Digest pieces;

	if (size < 1)
		return 0;
	whole = read_stream(env, data + 1, size - 1, size);
	pieces = read_stream(env, data + 1, size - 1, (size_t) data[0] + 1);
	TARGET_CHECK(whole.value == pieces.value && whole.frames == pieces.frames);
	TARGET_CHECK(whole.prologue == pieces.prologue);
	target_end();
	return 0;
}
