/*
 * client_handshake.c
 *		Noise XX with the certificate check: sheet 1 sections 1.2, 1.3, 2.
 *
 * Nothing of this lives longer than the handshake but the transport keys.
 */
#include "client_internal.h"

#include <string.h>

#include "cert.h"
#include "frame.h"
#include "payload.h"

#define HANDSHAKE_MAX_MESSAGE (64 << 10)

void
client_handshake_reset(WaClient *client)
{
	if (client->noise != NULL)
	{
		crypto_wipe(client->noise, sizeof(*client->noise));
		client_free(client, client->noise);
		client->noise = NULL;
	}
	crypto_wipe(&client->transport, sizeof(client->transport));
}

/* Appends message as one unencrypted frame. */
static WaStatus
client_handshake_frame(WaClient *client, const WaBuf *message)
{
	WaStatus status = frame_header(&client->out, buf_len(message));

	if (status == WA_OK)
		status = buf_append(&client->out, buf_data(message), buf_len(message));
	return status;
}

WaStatus
client_handshake_start(WaClient *client)
{
	const WaDevice *device = &client->device;
	WaBuf message;
	WaStatus status;
	uint8_t random[4];

	client->noise = client->env->alloc(client->env->ctx, sizeof(WaNoise));
	if (client->noise == NULL)
		return WA_ERR_NOMEM;
	memset(client->noise, 0, sizeof(WaNoise));
	status = crypto_random(client->env, random, sizeof(random));
	if (status != WA_OK)
		return status;
	memcpy(client->iq_prefix, random, sizeof(random));
	client->iq_number = 0;

	client->routing_used = client->config.edge_routing && device->routing_len > 0;
	status = frame_prologue(&client->out, device->routing,
							client->routing_used ? device->routing_len : 0);
	if (status == WA_OK)
		status = noise_init(client->noise, client->env, NULL);
	buf_init(&message, client->env, HANDSHAKE_MAX_MESSAGE);
	if (status == WA_OK)
		status = noise_client_hello(client->noise, &message);
	if (status == WA_OK)
		status = client_handshake_frame(client, &message);
	buf_free(&message);
	return status;
}

/* Everything after the server's hello but the certificate. */
static WaStatus
client_handshake_finish(WaClient *client)
{
	WaBuf payload;
	WaBuf message;
	WaStatus status;

	buf_init(&payload, client->env, HANDSHAKE_MAX_MESSAGE);
	buf_init(&message, client->env, HANDSHAKE_MAX_MESSAGE);
	status = payload_build(client->env, &client->device, client->config.version,
						   client->config.device_name, &payload);
	if (status == WA_OK)
		status = noise_client_finish(client->noise, &client->device.noise, buf_data(&payload),
									 buf_len(&payload), &message, &client->transport);
	if (status == WA_OK)
		status = client_handshake_frame(client, &message);
	buf_free(&payload);
	buf_free(&message);
	return status;
}

static void
client_handshake_done(WaClient *client)
{
	client->phase = PHASE_LOGIN;
	client->phase_deadline = client->now.mono_us + client->config.iq_timeout_us;
	client_keepalive_start(client);
}

void
client_handshake_answer(WaClient *client, const uint8_t *data, size_t len)
{
	const char *why = NULL;
	WaStr chain;
	WaStatus status;

	status = noise_read_server_hello(client->noise, &client->arena, data, len, &chain);
	if (status != WA_OK)
	{
		if (status == WA_ERR_NOMEM)
			client_end_for(client, FAILURE_MEMORY);
		else
			client_end_why(client, FAILURE_HANDSHAKE, "the server's hello is not one");
		return;
	}
	status =
		cert_verify(client->env, (const uint8_t *) chain.data, chain.len, client->config.root_key,
					client->noise->remote_static, client->now.wall_us, &why);
	if (status != WA_OK)
	{
		if (status == WA_ERR_NOMEM)
			client_end_for(client, FAILURE_MEMORY);
		else
			client_end_why(client, FAILURE_CERTIFICATE, why);
		return;
	}
	status = client_handshake_finish(client);
	if (status != WA_OK)
	{
		if (status == WA_ERR_CRYPTO)
			client_end_for(client, FAILURE_HANDSHAKE);
		else
			client_end_status(client, status);
		return;
	}
	crypto_wipe(client->noise, sizeof(*client->noise));
	client_free(client, client->noise);
	client->noise = NULL;
	client_handshake_done(client);
}

void
client_handshake_skip(WaClient *client, const WaTransport *transport, WaNow now)
{
	client->now = now;
	client->transport = *transport;
	client->iq_number = 0;
	client->last_in = now.mono_us;
	client_handshake_done(client);
}
