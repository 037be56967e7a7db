/*
 * noise.h
 *		The Noise XX handshake of both sides, and the transport after it.
 *		Sheet 1 section 2.  Certificates are in cert.h.
 */
#ifndef WA_NOISE_H
#define WA_NOISE_H

#include "buf.h"
#include "crypto.h"

typedef struct WaNoise
{
	const WaEnv *env;
	uint8_t hash[32];
	uint8_t chaining_key[32];
	uint8_t key[32];
	uint32_t counter;
	WaKeyPair ephemeral;
	uint8_t remote_ephemeral[32];
	uint8_t remote_static[32]; /* known after the second (client) or third message */
} WaNoise;

/* Raw keys and counters: an EVP context per bot would cost 2 kB. */
typedef struct WaTransport
{
	uint8_t write_key[32];
	uint8_t read_key[32];
	uint32_t write_counter;
	uint32_t read_counter;
} WaTransport;

/*
 * ephemeral NULL: generate one.  prologue is the intro.  The struct holds keys:
 * crypto_wipe it when the handshake is given up.  The last message of either
 * side wipes it, except for hash and remote_static.
 */
extern WaStatus noise_init(WaNoise *noise, const WaEnv *env, const WaKeyPair *ephemeral);

/* Client: appends the serialized HandshakeMessage{clientHello}. */
extern WaStatus noise_client_hello(WaNoise *noise, WaBuf *out);
/*
 * Client: reads serverHello; *payload (in arena) is the decrypted certificate
 * chain and noise->remote_static the server's static key, both unverified.
 */
extern WaStatus noise_read_server_hello(WaNoise *noise, WaArena *arena, const uint8_t *data,
										size_t len, WaStr *payload);
/* Client: appends clientFinish with the encrypted payload and splits. */
extern WaStatus noise_client_finish(WaNoise *noise, const WaKeyPair *static_key,
									const uint8_t *payload, size_t payload_len, WaBuf *out,
									WaTransport *transport);

/* Server side, for the simulator. */
extern WaStatus noise_read_client_hello(WaNoise *noise, const uint8_t *data, size_t len);
extern WaStatus noise_server_hello(WaNoise *noise, const WaKeyPair *static_key,
								   const uint8_t *payload, size_t payload_len, WaBuf *out);
extern WaStatus noise_read_client_finish(WaNoise *noise, WaArena *arena, const uint8_t *data,
										 size_t len, WaStr *payload, WaTransport *transport);

/* Appends header and ciphertext of one frame.  Order of calls = order on the wire. */
extern WaStatus noise_seal(WaTransport *transport, const uint8_t *plain, size_t len, WaBuf *out);
/*
 * out has len - 16 bytes and may be cipher itself.  WA_ERR_CRYPTO: counters are
 * out of step, close.  WA_ERR_MALFORMED: shorter than a tag.
 */
extern WaStatus noise_open(WaTransport *transport, const uint8_t *cipher, size_t len, uint8_t *out);

#endif /* WA_NOISE_H */
