/*
 * noise.c
 *		Noise XX as WhatsApp speaks it: three protobuf messages, then frames
 *		with a counter for a nonce.
 *
 * Unlike the Noise specification, an absent payload of the first message is not
 * hashed.  A handshake that fails anywhere is over: the state is not rolled
 * back.
 */
#include "noise.h"

#include <string.h>

#include "frame.h"
#include "noise_state.h"
#include "protobuf.h"
#include "transport.pb-c.h"

#define PATTERN_NAME "Noise_XX_25519_AESGCM_SHA256"

#define SEALED_KEY_LEN (CRYPTO_KEY_LEN + CRYPTO_TAG_LEN)

/* Handshake messages are a few hundred bytes; unpacking needs a few times that. */
#define MAX_HANDSHAKE (64 * 1024)
#define MAX_UNPACKED (4 * 1024 * 1024)

WaStatus
noise_init(WaNoise *noise, const WaEnv *env, const WaKeyPair *ephemeral)
{
	WaStatus status = WA_OK;

	memset(noise, 0, sizeof(*noise));
	noise->env = env;
	if (ephemeral != NULL)
		noise->ephemeral = *ephemeral;
	else
		status = crypto_keypair_generate(env, &noise->ephemeral);
	noise_state_init(noise, PATTERN_NAME);
	if (status == WA_OK)
		status = noise_state_mix_hash(noise, frame_intro, FRAME_INTRO_LEN);
	return status;
}

/* ---- messages ---- */

static WaStatus
unpack(WaArena *arena, const uint8_t *data, size_t len, Wa__HandshakeMessage **out)
{
	if (len > MAX_HANDSHAKE)
		return WA_ERR_LIMIT;
	return protobuf_unpack(arena, &wa__handshake_message__descriptor, data, len, out);
}

static bool
is_key(bool present, const ProtobufCBinaryData *field)
{
	return present && field->len == CRYPTO_KEY_LEN;
}

/* Decrypts a static key into noise->remote_static and mixes it with ours. */
static WaStatus
read_static(WaNoise *noise, const ProtobufCBinaryData *sealed)
{
	if (sealed->len != SEALED_KEY_LEN)
		return WA_ERR_MALFORMED;
	return noise_state_decrypt(noise, sealed->data, sealed->len, noise->remote_static);
}

static WaStatus
read_payload(WaNoise *noise, WaArena *arena, const ProtobufCBinaryData *sealed, WaStr *payload)
{
	size_t len = sealed->len - CRYPTO_TAG_LEN;
	char *plain;
	WaStatus status;

	if (sealed->len < CRYPTO_TAG_LEN)
		return WA_ERR_MALFORMED;
	plain = arena_alloc(arena, len + 1);
	if (plain == NULL)
		return arena->status;
	status = noise_state_decrypt(noise, sealed->data, sealed->len, (uint8_t *) plain);
	if (status == WA_OK)
		*payload = (WaStr){plain, len};
	return status;
}

/*
 * Encrypts our static key and the payload with the two agreements that belong
 * to them: the second pair of tokens, "s, es" or "s, se", and the payload.
 * *sealed_payload comes from noise->env and is the caller's.
 */
static WaStatus
seal_static_and_payload(WaNoise *noise, const WaKeyPair *static_key, const uint8_t *payload,
						size_t payload_len, uint8_t sealed_key[SEALED_KEY_LEN],
						uint8_t **sealed_payload)
{
	uint8_t *sealed;
	WaStatus status;

	if (payload_len > MAX_HANDSHAKE - 1024)
		return WA_ERR_LIMIT;
	sealed = noise->env->alloc(noise->env->ctx, payload_len + CRYPTO_TAG_LEN);
	if (sealed == NULL)
		return WA_ERR_NOMEM;
	status = noise_state_encrypt(noise, static_key->public_key, CRYPTO_KEY_LEN, sealed_key);
	if (status == WA_OK)
		status = noise_state_mix_dh(noise, static_key->private_key, noise->remote_ephemeral);
	if (status == WA_OK)
		status = noise_state_encrypt(noise, payload, payload_len, sealed);
	if (status == WA_OK)
		*sealed_payload = sealed;
	else
		noise->env->free(noise->env->ctx, sealed);
	return status;
}

/* Ends the handshake: keys for both directions, secrets of the way gone. */
static WaStatus
finish(WaNoise *noise, bool client, WaTransport *transport)
{
	uint8_t first[32];
	uint8_t second[32];
	WaStatus status = noise_state_split(noise, first, second);

	if (status == WA_OK)
	{
		*transport = (WaTransport){.write_counter = 0};
		memcpy(transport->write_key, client ? first : second, 32);
		memcpy(transport->read_key, client ? second : first, 32);
		crypto_wipe(noise->chaining_key, sizeof(noise->chaining_key));
		crypto_wipe(noise->key, sizeof(noise->key));
		crypto_wipe(&noise->ephemeral, sizeof(noise->ephemeral));
	}
	crypto_wipe(first, sizeof(first));
	crypto_wipe(second, sizeof(second));
	return status;
}

/* ---- client ---- */

WaStatus
noise_client_hello(WaNoise *noise, WaBuf *out)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ClientHello hello = WA__HANDSHAKE_MESSAGE__CLIENT_HELLO__INIT;
	WaStatus status;

	status = noise_state_mix_hash(noise, noise->ephemeral.public_key, CRYPTO_KEY_LEN);
	if (status != WA_OK)
		return status;
	message.clienthello = &hello;
	hello.has_ephemeral = true;
	hello.ephemeral = protobuf_bytes(noise->ephemeral.public_key, CRYPTO_KEY_LEN);
	return protobuf_pack(&message.base, out);
}

WaStatus
noise_read_server_hello(WaNoise *noise, WaArena *arena, const uint8_t *data, size_t len,
						WaStr *payload)
{
	Wa__HandshakeMessage *message;
	Wa__HandshakeMessage__ServerHello *hello;
	WaStatus status = unpack(arena, data, len, &message);

	if (status != WA_OK)
		return status;
	hello = message->serverhello;
	if (hello == NULL || !is_key(hello->has_ephemeral, &hello->ephemeral) || !hello->has_static_ ||
		!hello->has_payload)
		return WA_ERR_MALFORMED;
	memcpy(noise->remote_ephemeral, hello->ephemeral.data, CRYPTO_KEY_LEN);

	status = noise_state_mix_hash(noise, noise->remote_ephemeral, CRYPTO_KEY_LEN);
	if (status == WA_OK)
		status = noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_ephemeral);
	if (status == WA_OK)
		status = read_static(noise, &hello->static_);
	if (status == WA_OK)
		status = noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_static);
	if (status == WA_OK)
		status = read_payload(noise, arena, &hello->payload, payload);
	return status;
}

WaStatus
noise_client_finish(WaNoise *noise, const WaKeyPair *static_key, const uint8_t *payload,
					size_t payload_len, WaBuf *out, WaTransport *transport)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ClientFinish reply = WA__HANDSHAKE_MESSAGE__CLIENT_FINISH__INIT;
	uint8_t sealed_key[SEALED_KEY_LEN];
	uint8_t *sealed;
	WaStatus status;

	status = seal_static_and_payload(noise, static_key, payload, payload_len, sealed_key, &sealed);
	if (status != WA_OK)
		return status;
	message.clientfinish = &reply;
	reply.has_static_ = true;
	reply.static_ = protobuf_bytes(sealed_key, sizeof(sealed_key));
	reply.has_payload = true;
	reply.payload = protobuf_bytes(sealed, payload_len + CRYPTO_TAG_LEN);
	status = protobuf_pack(&message.base, out);
	noise->env->free(noise->env->ctx, sealed);
	return status == WA_OK ? finish(noise, true, transport) : status;
}

/* ---- server ---- */

WaStatus
noise_read_client_hello(WaNoise *noise, const uint8_t *data, size_t len)
{
	WaArena arena;
	Wa__HandshakeMessage *message;
	WaStatus status;

	arena_init(&arena, noise->env, MAX_UNPACKED);
	status = unpack(&arena, data, len, &message);
	if (status == WA_OK &&
		(message->clienthello == NULL ||
		 !is_key(message->clienthello->has_ephemeral, &message->clienthello->ephemeral)))
		status = WA_ERR_MALFORMED;
	if (status == WA_OK)
	{
		memcpy(noise->remote_ephemeral, message->clienthello->ephemeral.data, CRYPTO_KEY_LEN);
		status = noise_state_mix_hash(noise, noise->remote_ephemeral, CRYPTO_KEY_LEN);
	}
	arena_free(&arena);
	return status;
}

WaStatus
noise_server_hello(WaNoise *noise, const WaKeyPair *static_key, const uint8_t *payload,
				   size_t payload_len, WaBuf *out)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__HandshakeMessage__ServerHello hello = WA__HANDSHAKE_MESSAGE__SERVER_HELLO__INIT;
	uint8_t sealed_key[SEALED_KEY_LEN];
	uint8_t *sealed;
	WaStatus status;

	status = noise_state_mix_hash(noise, noise->ephemeral.public_key, CRYPTO_KEY_LEN);
	if (status == WA_OK)
		status = noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_ephemeral);
	if (status == WA_OK)
		status =
			seal_static_and_payload(noise, static_key, payload, payload_len, sealed_key, &sealed);
	if (status != WA_OK)
		return status;
	message.serverhello = &hello;
	hello.has_ephemeral = true;
	hello.ephemeral = protobuf_bytes(noise->ephemeral.public_key, CRYPTO_KEY_LEN);
	hello.has_static_ = true;
	hello.static_ = protobuf_bytes(sealed_key, sizeof(sealed_key));
	hello.has_payload = true;
	hello.payload = protobuf_bytes(sealed, payload_len + CRYPTO_TAG_LEN);
	status = protobuf_pack(&message.base, out);
	noise->env->free(noise->env->ctx, sealed);
	return status;
}

WaStatus
noise_read_client_finish(WaNoise *noise, WaArena *arena, const uint8_t *data, size_t len,
						 WaStr *payload, WaTransport *transport)
{
	Wa__HandshakeMessage *message;
	Wa__HandshakeMessage__ClientFinish *reply;
	WaStatus status = unpack(arena, data, len, &message);

	if (status != WA_OK)
		return status;
	reply = message->clientfinish;
	if (reply == NULL || !reply->has_static_ || !reply->has_payload)
		return WA_ERR_MALFORMED;
	status = read_static(noise, &reply->static_);
	if (status == WA_OK)
		status = noise_state_mix_dh(noise, noise->ephemeral.private_key, noise->remote_static);
	if (status == WA_OK)
		status = read_payload(noise, arena, &reply->payload, payload);
	return status == WA_OK ? finish(noise, false, transport) : status;
}

/* ---- transport ---- */

WaStatus
noise_seal(WaTransport *transport, const uint8_t *plain, size_t len, WaBuf *out)
{
	size_t before = buf_len(out);
	uint8_t iv[12];
	uint8_t *cipher;
	WaStatus status;

	if (len > WA_MAX_FRAME - CRYPTO_TAG_LEN)
		return WA_ERR_LIMIT;
	status = frame_header(out, len + CRYPTO_TAG_LEN);
	if (status == WA_OK)
		status = buf_reserve(out, len + CRYPTO_TAG_LEN, &cipher);
	if (status == WA_OK)
		status = noise_state_next_iv(&transport->write_counter, iv);
	if (status == WA_OK)
		status = crypto_aes256_gcm_encrypt(transport->write_key, iv, NULL, 0, plain, len, cipher);
	if (status == WA_OK)
		buf_commit(out, len + CRYPTO_TAG_LEN);
	else
		buf_truncate(out, before);
	return status;
}

WaStatus
noise_open(WaTransport *transport, const uint8_t *cipher, size_t len, uint8_t *out)
{
	uint8_t iv[12];
	WaStatus status;

	if (len < CRYPTO_TAG_LEN)
		return WA_ERR_MALFORMED;
	status = noise_state_next_iv(&transport->read_counter, iv);
	if (status != WA_OK)
		return status;
	return crypto_aes256_gcm_decrypt(transport->read_key, iv, NULL, 0, cipher, len, out);
}
