/*
 * test_noise.c
 *		The handshake against WhatsApp's and two public vector sets, both sides
 *		against each other, and the transport after it.
 */
#include "check.h"
#include "frame.h"
#include "noise_state.h"

#include <stdlib.h>

#include "../vectors/noise_vectors.h"

#define MEMORY (1 << 20)

static WaKeyPair
key_pair(const char *private_hex)
{
	uint8_t private_key[32];
	WaKeyPair pair;

	assert_int_equal(test_hex(private_hex, private_key, sizeof(private_key)), 32);
	assert_int_equal(crypto_keypair_from_private(private_key, &pair), WA_OK);
	return pair;
}

/* ---- WhatsApp's variant ---- */

static void
client_follows_the_vectors(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaNoise noise;
	WaTransport transport;
	WaKeyPair ephemeral = key_pair(WA_CLIENT_EPH_PRIV);
	WaKeyPair own = key_pair(WA_CLIENT_STATIC_PRIV);
	WaStr payload;
	uint8_t data[1024];
	size_t len;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	buf_init(&out, test_env(&env), MEMORY);
	check_hex(ephemeral.public_key, 32, WA_CLIENT_EPH_PUB);
	check_hex(own.public_key, 32, WA_CLIENT_STATIC_PUB);

	assert_int_equal(noise_init(&noise, test_env(&env), &ephemeral), WA_OK);
	check_hex(noise.hash, 32, WA_H_AFTER_PROLOGUE);
	assert_int_equal(noise_client_hello(&noise, &out), WA_OK);
	check_buf(&out, WA_CLIENT_HELLO);
	buf_truncate(&out, 0);

	len = test_hex(WA_SERVER_HELLO, data, sizeof(data));
	assert_int_equal(noise_read_server_hello(&noise, &arena, data, len, &payload), WA_OK);
	check_hex(payload.data, payload.len, WA_CERT_CHAIN);
	check_hex(noise.remote_static, 32, WA_SERVER_STATIC_PUB);

	len = test_hex(WA_CLIENT_PAYLOAD, data, sizeof(data));
	assert_int_equal(noise_client_finish(&noise, &own, data, len, &out, &transport), WA_OK);
	check_buf(&out, WA_CLIENT_FINISH);
	buf_truncate(&out, 0);
	check_hex(noise.hash, 32, WA_FINAL_H);
	check_hex(transport.write_key, 32, WA_WRITE_KEY);
	check_hex(transport.read_key, 32, WA_READ_KEY);

	/* nothing of the way is left */
	check_hex(noise.ephemeral.private_key, 32,
			  "0000000000000000000000000000000000000000000000000000000000000000");
	check_hex(noise.chaining_key, 32,
			  "0000000000000000000000000000000000000000000000000000000000000000");

	len = test_hex(WA_FRAME0_PLAIN, data, sizeof(data));
	assert_int_equal(noise_seal(&transport, data, len, &out), WA_OK);
	check_buf(&out, "000022" WA_FRAME0_CIPHER);
	buf_truncate(&out, 0);
	assert_int_equal(noise_seal(&transport, data, len, &out), WA_OK);
	check_buf(&out, "000022" WA_FRAME1_CIPHER);

	arena_free(&arena);
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

static void
server_follows_the_vectors(void **state)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaNoise noise;
	WaTransport transport;
	WaKeyPair ephemeral = key_pair(WA_SERVER_EPH_PRIV);
	WaKeyPair own = key_pair(WA_SERVER_STATIC_PRIV);
	WaStr payload;
	uint8_t data[1024];
	size_t len;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	buf_init(&out, test_env(&env), MEMORY);
	assert_int_equal(noise_init(&noise, test_env(&env), &ephemeral), WA_OK);
	len = test_hex(WA_CLIENT_HELLO, data, sizeof(data));
	assert_int_equal(noise_read_client_hello(&noise, data, len), WA_OK);
	len = test_hex(WA_CERT_CHAIN, data, sizeof(data));
	assert_int_equal(noise_server_hello(&noise, &own, data, len, &out), WA_OK);
	check_buf(&out, WA_SERVER_HELLO);
	len = test_hex(WA_CLIENT_FINISH, data, sizeof(data));
	assert_int_equal(noise_read_client_finish(&noise, &arena, data, len, &payload, &transport),
					 WA_OK);
	check_hex(payload.data, payload.len, WA_CLIENT_PAYLOAD);
	check_hex(noise.remote_static, 32, WA_CLIENT_STATIC_PUB);
	check_hex(noise.hash, 32, WA_FINAL_H);
	check_hex(transport.read_key, 32, WA_WRITE_KEY);
	check_hex(transport.write_key, 32, WA_READ_KEY);
	len = test_hex(WA_FRAME0_CIPHER, data, sizeof(data));
	assert_int_equal(noise_open(&transport, data, len, data), WA_OK);
	check_hex(data, len - CRYPTO_TAG_LEN, WA_FRAME0_PLAIN);
	len = test_hex(WA_FRAME1_CIPHER, data, sizeof(data));
	assert_int_equal(noise_open(&transport, data, len, data), WA_OK);
	check_hex(data, len - CRYPTO_TAG_LEN, WA_FRAME0_PLAIN);
	arena_free(&arena);
	buf_free(&out);
	assert_int_equal(env.live, 0);
}

/* ---- public vectors, on the symmetric state alone ---- */

typedef struct Party
{
	WaNoise noise;
	WaKeyPair own;
} Party;

static void
party_init(Party *party, const WaEnv *env, const char *prologue, const char *own,
		   const char *ephemeral)
{
	uint8_t data[64];
	size_t len = test_hex(prologue, data, sizeof(data));

	memset(party, 0, sizeof(*party));
	party->noise.env = env;
	party->own = key_pair(own);
	party->noise.ephemeral = key_pair(ephemeral);
	noise_state_init(&party->noise, "Noise_XX_25519_AESGCM_SHA256");
	assert_int_equal(noise_state_mix_hash(&party->noise, data, len), WA_OK);
}

/*
 * Writes handshake message number 0, 1 or 2 of the XX pattern as the Noise
 * specification has it, and returns its length.
 */
static size_t
write_message(Party *party, int number, const uint8_t *payload, size_t payload_len, uint8_t *out)
{
	WaNoise *noise = &party->noise;
	uint8_t *at = out;

	if (number < 2)
	{
		memcpy(at, noise->ephemeral.public_key, 32);
		at += 32;
		assert_int_equal(noise_state_mix_hash(noise, noise->ephemeral.public_key, 32), WA_OK);
	}
	if (number == 0)
	{
		/* no key yet: the payload travels in the clear and is hashed */
		memcpy(at, payload, payload_len);
		assert_int_equal(noise_state_mix_hash(noise, payload, payload_len), WA_OK);
		return (size_t) (at - out) + payload_len;
	}
	if (number == 1)
		assert_int_equal(
			noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_ephemeral),
			WA_OK);
	assert_int_equal(noise_state_encrypt(noise, party->own.public_key, 32, at), WA_OK);
	at += 48;
	assert_int_equal(noise_state_mix_dh(noise, party->own.private_key, noise->remote_ephemeral),
					 WA_OK);
	assert_int_equal(noise_state_encrypt(noise, payload, payload_len, at), WA_OK);
	return (size_t) (at - out) + payload_len + 16;
}

/* The other side of write_message; returns the payload's length. */
static size_t
read_message(Party *party, int number, const uint8_t *data, size_t len, uint8_t *payload)
{
	WaNoise *noise = &party->noise;

	if (number < 2)
	{
		memcpy(noise->remote_ephemeral, data, 32);
		data += 32;
		len -= 32;
		assert_int_equal(noise_state_mix_hash(noise, noise->remote_ephemeral, 32), WA_OK);
	}
	if (number == 0)
	{
		memcpy(payload, data, len);
		assert_int_equal(noise_state_mix_hash(noise, data, len), WA_OK);
		return len;
	}
	if (number == 1)
		assert_int_equal(
			noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_ephemeral),
			WA_OK);
	assert_int_equal(noise_state_decrypt(noise, data, 48, noise->remote_static), WA_OK);
	assert_int_equal(noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_static),
					 WA_OK);
	assert_int_equal(noise_state_decrypt(noise, data + 48, len - 48, payload), WA_OK);
	return len - 48 - 16;
}

/* Runs a set's messages; sender_of says who sends number i (true: the initiator). */
static void
run_public_vectors(Party *initiator, Party *responder, const NoiseMessage *messages, int count,
				   bool (*sender_of)(int number))
{
	WaTransport left = {.write_counter = 0};
	WaTransport right = {.write_counter = 0};
	TestEnv env;

	test_env_init(&env);
	for (int i = 0; i < count; i++)
	{
		Party *from = sender_of(i) ? initiator : responder;
		Party *to = sender_of(i) ? responder : initiator;
		uint8_t payload[64];
		uint8_t out[256];
		uint8_t back[256];
		size_t payload_len = test_hex(messages[i].payload, payload, sizeof(payload));
		size_t len;

		if (i == 3)
		{
			assert_int_equal(noise_state_split(&initiator->noise, left.write_key, left.read_key),
							 WA_OK);
			assert_int_equal(noise_state_split(&responder->noise, right.read_key, right.write_key),
							 WA_OK);
			assert_memory_equal(left.write_key, right.read_key, 32);
			assert_memory_equal(left.read_key, right.write_key, 32);
		}
		if (i < 3)
		{
			len = write_message(from, i, payload, payload_len, out);
			check_hex(out, len, messages[i].ciphertext);
			len = read_message(to, i, out, len, back);
		}
		else
		{
			WaBuf sealed;

			buf_init(&sealed, test_env(&env), 1000);
			assert_int_equal(
				noise_seal(sender_of(i) ? &left : &right, payload, payload_len, &sealed), WA_OK);
			len = buf_len(&sealed) - FRAME_HEADER_LEN;
			check_hex(buf_data(&sealed) + FRAME_HEADER_LEN, len, messages[i].ciphertext);
			assert_int_equal(noise_open(sender_of(i) ? &right : &left,
										buf_data(&sealed) + FRAME_HEADER_LEN, len, back),
							 WA_OK);
			len -= CRYPTO_TAG_LEN;
			buf_free(&sealed);
		}
		assert_int_equal(len, payload_len);
		assert_memory_equal(back, payload, payload_len);
	}
	assert_memory_equal(initiator->noise.hash, responder->noise.hash, 32);
	assert_memory_equal(initiator->noise.remote_static, responder->own.public_key, 32);
	assert_memory_equal(responder->noise.remote_static, initiator->own.public_key, 32);
	assert_int_equal(env.live, 0);
}

static bool
in_turns(int number)
{
	return number % 2 == 0;
}

/* Noise's transport has a first message of either side; flynn's set sends both once. */
static bool
initiator_speaks_first(int number)
{
	return number == 0 || number == 2 || number == 3;
}

static void
cacophony_vectors_pass(void **state)
{
	TestEnv env;
	Party initiator;
	Party responder;

	(void) state;
	test_env_init(&env);
	party_init(&initiator, test_env(&env), CACOPHONY_PROLOGUE, CACOPHONY_INIT_STATIC,
			   CACOPHONY_INIT_EPHEMERAL);
	party_init(&responder, test_env(&env), CACOPHONY_PROLOGUE, CACOPHONY_RESP_STATIC,
			   CACOPHONY_RESP_EPHEMERAL);
	run_public_vectors(&initiator, &responder, cacophony_messages, 6, in_turns);
}

static void
flynn_vectors_pass(void **state)
{
	TestEnv env;
	Party initiator;
	Party responder;

	(void) state;
	test_env_init(&env);
	party_init(&initiator, test_env(&env), "", FLYNN_INIT_STATIC, FLYNN_INIT_EPHEMERAL);
	party_init(&responder, test_env(&env), "", FLYNN_RESP_STATIC, FLYNN_RESP_EPHEMERAL);
	run_public_vectors(&initiator, &responder, flynn_messages, 5, initiator_speaks_first);
}

/* ---- both sides together ---- */

/* Everything of one handshake; statuses stop at the first that is not WA_OK. */
typedef struct Handshake
{
	WaArena arena;
	WaBuf wire;
	WaTransport client;
	WaTransport server;
	WaStr certificate;
	WaStr payload;
} Handshake;

static WaStatus
run_handshake(const WaEnv *env, Handshake *h)
{
	static const uint8_t certificate[500] = {1, 2, 3};
	static const uint8_t payload[300] = {4, 5, 6};
	WaKeyPair client_key = key_pair(WA_CLIENT_STATIC_PRIV);
	WaKeyPair server_key = key_pair(WA_SERVER_STATIC_PRIV);
	WaNoise client;
	WaNoise server;
	WaStatus status;

	arena_init(&h->arena, env, MEMORY);
	buf_init(&h->wire, env, MEMORY);
	status = noise_init(&client, env, NULL);
	if (status == WA_OK)
		status = noise_init(&server, env, NULL);
	if (status == WA_OK)
		status = noise_client_hello(&client, &h->wire);
	if (status == WA_OK)
		status = noise_read_client_hello(&server, buf_data(&h->wire), buf_len(&h->wire));
	buf_truncate(&h->wire, 0);
	if (status == WA_OK)
		status =
			noise_server_hello(&server, &server_key, certificate, sizeof(certificate), &h->wire);
	if (status == WA_OK)
		status = noise_read_server_hello(&client, &h->arena, buf_data(&h->wire), buf_len(&h->wire),
										 &h->certificate);
	buf_truncate(&h->wire, 0);
	if (status == WA_OK)
		status = noise_client_finish(&client, &client_key, payload, sizeof(payload), &h->wire,
									 &h->client);
	if (status == WA_OK)
		status = noise_read_client_finish(&server, &h->arena, buf_data(&h->wire), buf_len(&h->wire),
										  &h->payload, &h->server);
	buf_truncate(&h->wire, 0);
	if (status == WA_OK)
	{
		assert_int_equal(h->certificate.len, sizeof(certificate));
		assert_memory_equal(h->certificate.data, certificate, sizeof(certificate));
		assert_int_equal(h->payload.len, sizeof(payload));
		assert_memory_equal(h->payload.data, payload, sizeof(payload));
		assert_memory_equal(client.hash, server.hash, 32);
	}
	return status;
}

static void
end_handshake(Handshake *h)
{
	arena_free(&h->arena);
	buf_free(&h->wire);
}

static void
both_sides_meet_and_talk(void **state)
{
	TestEnv env;
	Handshake h;
	uint8_t plain[3000];

	(void) state;
	test_env_init(&env);
	assert_int_equal(run_handshake(test_env(&env), &h), WA_OK);
	for (size_t len = 0; len < sizeof(plain); len += 331)
	{
		bool up = len % 2 == 0;
		const uint8_t *cipher;
		size_t cipher_len;
		size_t consumed;

		memset(plain, (int) len, sizeof(plain));
		assert_int_equal(noise_seal(up ? &h.client : &h.server, plain, len, &h.wire), WA_OK);
		assert_int_equal(
			frame_next(buf_data(&h.wire), buf_len(&h.wire), &cipher, &cipher_len, &consumed),
			WA_OK);
		assert_int_equal(consumed, buf_len(&h.wire));
		assert_int_equal(noise_open(up ? &h.server : &h.client, cipher, cipher_len, plain), WA_OK);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(plain[i], (uint8_t) len);
		buf_truncate(&h.wire, 0);
	}
	end_handshake(&h);
	assert_int_equal(env.live, 0);
}

static void
handshake_survives_lack_of_memory(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		Handshake h;
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		status = run_handshake(test_env(&env), &h);
		end_handshake(&h);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
}

static void
handshake_needs_randomness(void **state)
{
	TestEnv env;
	WaNoise noise;

	(void) state;
	test_env_init(&env);
	env.fail_random = true;
	assert_int_equal(noise_init(&noise, test_env(&env), NULL), WA_ERR_RANDOM);
}

/* ---- what must be refused ---- */

static WaStatus
read_hello(const uint8_t *data, size_t len)
{
	TestEnv env;
	WaArena arena;
	WaBuf out;
	WaNoise noise;
	WaKeyPair ephemeral = key_pair(WA_CLIENT_EPH_PRIV);
	WaStr payload;
	WaStatus status;

	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	buf_init(&out, test_env(&env), MEMORY);
	assert_int_equal(noise_init(&noise, test_env(&env), &ephemeral), WA_OK);
	assert_int_equal(noise_client_hello(&noise, &out), WA_OK);
	status = noise_read_server_hello(&noise, &arena, data, len, &payload);
	arena_free(&arena);
	buf_free(&out);
	assert_int_equal(env.live, 0);
	return status;
}

/* Each bit of the server's message matters, and each of its bytes. */
static void
tampered_hello_is_refused(void **state)
{
	uint8_t data[1024];
	size_t len = test_hex(WA_SERVER_HELLO, data, sizeof(data));

	(void) state;
	assert_int_equal(read_hello(data, len), WA_OK);
	for (size_t i = 0; i < len; i++)
	{
		data[i] ^= (uint8_t) (1 << i % 8);
		/* bit 255 of an X25519 key means nothing in the agreement, but it is hashed */
		assert_int_not_equal(read_hello(data, len), WA_OK);
		data[i] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(read_hello(data, cut), WA_OK);
}

/* A zero ephemeral would make the shared secret a constant. */
static void
low_order_keys_are_refused(void **state)
{
	uint8_t data[1024];
	size_t len = test_hex(WA_SERVER_HELLO, data, sizeof(data));

	(void) state;
	memset(data + 5, 0, 32);
	assert_int_equal(read_hello(data, len), WA_ERR_CRYPTO);
}

static void
unfit_messages_are_malformed(void **state)
{
	static const char *const cases[] = {
		"",     /* nothing */
		"1a00", /* an empty serverHello */
		"12220a201868836e02e971ce38d860d6f2724dc8a04921a4737e0a0dc2e088e55d53ce5d", /* a clientHello */
		"ffffffff",
	};
	uint8_t data[256];
	uint8_t *big = calloc(1, 100000);

	(void) state;
	assert_non_null(big);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_hello(data, test_hex(cases[i], data, sizeof(data))),
						 WA_ERR_MALFORMED);
	assert_int_equal(read_hello(big, 100000), WA_ERR_LIMIT);
	free(big);
	{
		TestEnv env;
		WaNoise noise;

		test_env_init(&env);
		assert_int_equal(noise_init(&noise, test_env(&env), NULL), WA_OK);
		assert_int_equal(
			noise_read_client_hello(&noise, data, test_hex("1200", data, sizeof(data))),
			WA_ERR_MALFORMED);
		assert_int_equal(
			noise_read_client_hello(&noise, data, test_hex("12020a00", data, sizeof(data))),
			WA_ERR_MALFORMED);
		assert_int_equal(env.live, 0);
	}
}

static void
transport_out_of_step_is_noticed(void **state)
{
	TestEnv env;
	Handshake h;
	uint8_t first[64];
	uint8_t plain[64];

	(void) state;
	test_env_init(&env);
	assert_int_equal(run_handshake(test_env(&env), &h), WA_OK);
	assert_int_equal(noise_seal(&h.client, (const uint8_t *) "one", 3, &h.wire), WA_OK);
	memcpy(first, buf_data(&h.wire) + 3, 19);
	buf_truncate(&h.wire, 0);
	assert_int_equal(noise_open(&h.server, first, 19, plain), WA_OK);
	assert_int_equal(noise_open(&h.server, first, 19, plain), WA_ERR_CRYPTO); /* again */
	assert_int_equal(noise_open(&h.server, first, 15, plain), WA_ERR_MALFORMED);

	/* the counter ends instead of starting again */
	h.client.write_counter = UINT32_MAX;
	assert_int_equal(noise_seal(&h.client, (const uint8_t *) "x", 1, &h.wire), WA_ERR_STATE);
	assert_int_equal(buf_len(&h.wire), 0);
	assert_int_equal(noise_seal(&h.server, plain, WA_MAX_FRAME, &h.wire), WA_ERR_LIMIT);
	end_handshake(&h);
	assert_int_equal(env.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_follows_the_vectors),
		cmocka_unit_test(server_follows_the_vectors),
		cmocka_unit_test(cacophony_vectors_pass),
		cmocka_unit_test(flynn_vectors_pass),
		cmocka_unit_test(both_sides_meet_and_talk),
		cmocka_unit_test(handshake_survives_lack_of_memory),
		cmocka_unit_test(handshake_needs_randomness),
		cmocka_unit_test(tampered_hello_is_refused),
		cmocka_unit_test(low_order_keys_are_refused),
		cmocka_unit_test(unfit_messages_are_malformed),
		cmocka_unit_test(transport_out_of_step_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
