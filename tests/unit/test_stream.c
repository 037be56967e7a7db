/*
 * test_stream.c
 *		From a socket's bytes to stanzas: a server's handshake message and sealed
 *		stanzas, fed to a client whole, byte by byte, and cut at random.
 */
#include "check.h"
#include "frame.h"
#include "node.h"
#include "noise.h"

#include "../vectors/node_vectors.h"
#include "../vectors/noise_vectors.h"

#define N_VECTORS (sizeof(node_vectors) / sizeof(node_vectors[0]))
#define MEMORY (1 << 20)

static WaKeyPair
key_pair(const char *private_hex)
{
	uint8_t private_key[32];
	WaKeyPair pair;

	test_hex(private_hex, private_key, sizeof(private_key));
	assert_int_equal(crypto_keypair_from_private(private_key, &pair), WA_OK);
	return pair;
}

/* All that the vectors' server sends: its hello, then every node vector sealed. */
static void
make_stream(WaBuf *out)
{
	WaTransport server = {.read_counter = 0};
	uint8_t data[1024];
	size_t len = test_hex(WA_SERVER_HELLO, data, sizeof(data));

	assert_int_equal(frame_header(out, len), WA_OK);
	assert_int_equal(buf_append(out, data, len), WA_OK);
	test_hex(WA_READ_KEY, server.write_key, sizeof(server.write_key));
	for (size_t i = 0; i < N_VECTORS; i++)
	{
		len = test_hex(node_vectors[i].hex, data, sizeof(data));
		assert_int_equal(noise_seal(&server, data, len, out), WA_OK);
	}
}

/* The client's half: one frame after the other, until the stream is used up. */
typedef struct Client
{
	const WaEnv *env;
	WaNoise noise;
	WaTransport transport;
	size_t frames;
} Client;

static void
read_frame(Client *client, const uint8_t *payload, size_t len)
{
	WaArena arena;
	WaBuf out;

	arena_init(&arena, client->env, MEMORY);
	buf_init(&out, client->env, MEMORY);
	if (client->frames == 0)
	{
		WaKeyPair own = key_pair(WA_CLIENT_STATIC_PRIV);
		WaStr chain;

		assert_int_equal(noise_read_server_hello(&client->noise, &arena, payload, len, &chain),
						 WA_OK);
		check_hex(chain.data, chain.len, WA_CERT_CHAIN);
		assert_int_equal(noise_client_finish(&client->noise, &own,
											 (const uint8_t *) "client-payload", 14, &out,
											 &client->transport),
						 WA_OK);
		check_buf(&out, WA_CLIENT_FINISH);
	}
	else
	{
		uint8_t plain[1024];
		WaNode *node;

		assert_int_equal(noise_open(&client->transport, payload, len, plain), WA_OK);
		assert_int_equal(node_decode(&arena, plain, len - CRYPTO_TAG_LEN, &node), WA_OK);
		assert_int_equal(node_encode(node, &out), WA_OK);
		check_buf(&out, node_vectors[client->frames - 1].hex);
	}
	client->frames++;
	arena_free(&arena);
	buf_free(&out);
}

/* Pieces have 1 to most bytes; 0: all in one. */
static void
feed(size_t most, uint64_t seed)
{
	TestEnv env;
	WaBuf stream;
	WaBuf in;
	WaKeyPair ephemeral = key_pair(WA_CLIENT_EPH_PRIV);
	Client client = {.frames = 0};

	test_env_init(&env);
	env.seed = seed;
	client.env = test_env(&env);
	buf_init(&stream, client.env, MEMORY);
	buf_init(&in, client.env, MEMORY);
	make_stream(&stream);
	assert_int_equal(noise_init(&client.noise, client.env, &ephemeral), WA_OK);
	assert_int_equal(noise_client_hello(&client.noise, &in), WA_OK);
	buf_truncate(&in, 0);

	while (buf_len(&stream) > 0)
	{
		const uint8_t *payload;
		size_t len;
		size_t consumed;
		uint8_t random;
		size_t piece = buf_len(&stream);

		assert_int_equal(crypto_random(client.env, &random, 1), WA_OK);
		if (most > 0 && 1 + random % most < piece)
			piece = 1 + random % most;
		assert_int_equal(buf_append(&in, buf_data(&stream), piece), WA_OK);
		buf_consume(&stream, piece);
		while (frame_next(buf_data(&in), buf_len(&in), &payload, &len, &consumed) == WA_OK)
		{
			read_frame(&client, payload, len);
			buf_consume(&in, consumed);
		}
	}
	assert_int_equal(client.frames, 1 + N_VECTORS);
	assert_int_equal(buf_len(&in), 0);
	assert_int_equal(env.live, 0);
}

static void
whole(void **state)
{
	(void) state;
	feed(0, 1);
}

static void
byte_by_byte(void **state)
{
	(void) state;
	feed(1, 1);
}

static void
cut_at_random(void **state)
{
	(void) state;
	for (uint64_t seed = 1; seed <= 100; seed++)
		feed(1 + seed * 2, seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(cut_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
