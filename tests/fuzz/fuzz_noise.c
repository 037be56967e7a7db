/*
 * fuzz_noise.c
 *		Handshake messages from a stranger, to a client and to a server.  The
 *		first byte of the input chooses the message (two bits) and the
 *		allocation that fails (the rest, 0 none).
 */
#include "target.h"
#include "noise.h"

/* Fixed keys, made once: a key pair costs more than everything else here. */
static WaKeyPair ephemeral;

static WaStatus
read_message(const WaEnv *env, WaArena *arena, int message, const uint8_t *data, size_t size)
{
	WaNoise noise;
	WaTransport transport;
	WaStr payload;
	WaStatus status = noise_init(&noise, env, &ephemeral);

	if (status != WA_OK)
		return status;
	switch (message)
	{
		case 0:
			return noise_read_server_hello(&noise, arena, data, size, &payload);
		case 1:
			return noise_read_client_hello(&noise, data, size);
		default:
			/* as if a hello had come before: any key is known */
			noise.remote_ephemeral[0] = 9;
			return noise_read_client_finish(&noise, arena, data, size, &payload, &transport);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env;
	WaArena arena;
	WaStatus status;
	int message;

	if (size < 1)
		return 0;
	env = target_env(0);
	if (ephemeral.public_key[0] == 0)
		TARGET_CHECK(crypto_keypair_generate(env, &ephemeral) == WA_OK);
	env = target_env(data[0] >> 2);
	message = data[0] & 3;
	arena_init(&arena, env, 8 << 20);
	status = read_message(env, &arena, message, data + 1, size - 1);
	/* nobody guesses an authentication tag */
	TARGET_CHECK(status != WA_OK || message == 1);
	arena_free(&arena);
	target_end();
	return 0;
}
