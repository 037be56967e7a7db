/*
 * fuzz_transport.c
 *		A frame after the handshake: what was sealed is opened, and
 *		no other bytes are opened.  The first byte of the input chooses what to
 *		damage.
 */
#include <string.h>

#include "frame.h"
#include "target.h"
#include "noise.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env = target_env(0);
	WaTransport ours = {.write_key = {1}, .read_key = {2}};
	WaTransport theirs = {.write_key = {2}, .read_key = {1}};
	WaBuf wire;
	uint8_t opened[512];
	uint8_t damage;

	if (size < 1 || size > sizeof(opened) - CRYPTO_TAG_LEN)
		return 0;
	damage = data[0];
	data++;
	size--;
	buf_init(&wire, env, 1 << 20);
	TARGET_CHECK(noise_seal(&ours, data, size, &wire) == WA_OK);
	TARGET_CHECK(buf_len(&wire) == FRAME_HEADER_LEN + size + CRYPTO_TAG_LEN);
	memcpy(opened, buf_data(&wire) + FRAME_HEADER_LEN, size + CRYPTO_TAG_LEN);
	if (damage == 0)
	{
		TARGET_CHECK(noise_open(&theirs, opened, size + CRYPTO_TAG_LEN, opened) == WA_OK);
		TARGET_CHECK(memcmp(opened, data, size) == 0);
	}
	else
	{
		opened[damage % (size + CRYPTO_TAG_LEN)] ^= 0x10;
		TARGET_CHECK(noise_open(&theirs, opened, size + CRYPTO_TAG_LEN, opened) == WA_ERR_CRYPTO);
	}
	buf_free(&wire);
	target_end();
	return 0;
}
