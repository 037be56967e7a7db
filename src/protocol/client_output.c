/*
 * client_output.c
 *		The way out, and the barrier in it.
 *
 * A stanza's answers are encoded at once but sealed only when they may leave:
 * the Noise counter is taken in the order of the wire.  What a stanza that
 * made events sends is withheld until the last of them is stored, in the order
 * of the epochs.  What no event stands behind goes out at once.
 *
 * Records of stage are { u32 length, plaintext }, records of held
 * { u64 epoch, u32 length, plaintext }.
 */
#include "client_internal.h"

#include <string.h>

#define HELD_HEADER (sizeof(uint64_t) + sizeof(uint32_t))

void
client_output_init(WaClient *client)
{
	buf_init(&client->in, client->env, CLIENT_MAX_INPUT);
	buf_init(&client->out, client->env, WA_MAX_OUTPUT);
	buf_init(&client->stage, client->env, WA_MAX_OUTPUT);
	buf_init(&client->held, client->env, WA_MAX_OUTPUT);
}

/* Encrypts one encoded node onto the wire. */
static WaStatus
client_output_seal(WaClient *client, const uint8_t *plain, size_t len)
{
	WaStatus status;

	/* the peer would take a repeated counter for an attack */
	if (client->transport.write_counter == UINT32_MAX)
		return WA_ERR_LIMIT;
	status = noise_seal(&client->transport, plain, len, &client->out);
	client->last_out = client->now.mono_us;
	return status;
}

static void
client_output_failed(WaClient *client, WaStatus status)
{
	if (status == WA_ERR_LIMIT)
		client_end_for(client, FAILURE_OVERFLOW);
	else
		client_end_status(client, status);
}

void
client_output_begin(WaClient *client)
{
	client->made = 0;
}

void
client_output_begin_late(WaClient *client)
{
	client->made = 1;
}

void
client_output_send(WaClient *client, const WaNode *node)
{
	WaBuf plain;
	uint32_t len;
	WaStatus status;

	if (!client_has_stream(client))
		return;
	buf_init(&plain, client->env, WA_MAX_OUTPUT);
	status = node_encode(node, &plain);
	len = (uint32_t) buf_len(&plain);
	if (status == WA_OK)
		status = buf_append(&client->stage, &len, sizeof(len));
	if (status == WA_OK)
		status = buf_append(&client->stage, buf_data(&plain), len);
	buf_free(&plain);
	if (status != WA_OK)
		client_output_failed(client, status);
}

void
client_output_end(WaClient *client)
{
	/* the place of the last event in the queue tells its epoch */
	uint64_t barrier =
		client->made == 0 ? 0 : client->epoch + client->n_events + (client->status_dirty ? 1 : 0);
	WaStatus status = WA_OK;

	/* an ending connection takes nothing back: what is not answered comes again */
	if (!client_has_stream(client))
		buf_free(&client->stage);
	if (barrier <= client->persisted)
		barrier = 0;
	client_iq_settle(client, barrier);
	while (status == WA_OK && buf_len(&client->stage) > 0)
	{
		const uint8_t *record = buf_data(&client->stage);
		uint32_t len;

		memcpy(&len, record, sizeof(len));
		if (barrier == 0)
			status = client_output_seal(client, record + sizeof(len), len);
		else
		{
			size_t before = buf_len(&client->held);

			status = buf_append(&client->held, &barrier, sizeof(barrier));
			if (status == WA_OK)
				status = buf_append(&client->held, record, sizeof(len) + len);
			/* never half a record: client_persisted reads what is there */
			if (status != WA_OK)
				buf_truncate(&client->held, before);
		}
		buf_consume(&client->stage, sizeof(len) + len);
	}
	if (status != WA_OK)
	{
		buf_free(&client->stage);
		client_output_failed(client, status);
	}
	client->made = 0;
}

void
client_output_now(WaClient *client, const WaNode *node)
{
	WaBuf plain;
	WaStatus status;

	if (!client_has_stream(client))
		return;
	buf_init(&plain, client->env, WA_MAX_OUTPUT);
	status = node_encode(node, &plain);
	if (status == WA_OK)
		status = client_output_seal(client, buf_data(&plain), buf_len(&plain));
	buf_free(&plain);
	if (status != WA_OK)
		client_output_failed(client, status);
}

void
client_persisted(WaClient *client, uint64_t epoch)
{
	WaStatus status = WA_OK;

	if (epoch > client->persisted)
		client->persisted = epoch;
	while (status == WA_OK && buf_len(&client->held) > 0)
	{
		const uint8_t *record = buf_data(&client->held);
		uint64_t barrier;
		uint32_t len;

		memcpy(&barrier, record, sizeof(barrier));
		if (barrier > client->persisted)
			break;
		memcpy(&len, record + sizeof(barrier), sizeof(len));
		status = client_output_seal(client, record + HELD_HEADER, len);
		buf_consume(&client->held, HELD_HEADER + len);
	}
	if (status != WA_OK)
	{
		buf_free(&client->held);
		client_output_failed(client, status);
	}
	client_iq_release(client);
	client_link_release(client);
	client_records_persisted(client);
}

void
client_output(WaClient *client, const uint8_t **data, size_t *len)
{
	*data = buf_data(&client->out);
	*len = client->gone ? 0 : buf_len(&client->out);
}

void
client_output_sent(WaClient *client, size_t len)
{
	size_t have = buf_len(&client->out);

	buf_consume(&client->out, len < have ? len : have);
}

void
client_output_reset(WaClient *client)
{
	buf_free(&client->in);
	buf_free(&client->out);
	buf_free(&client->stage);
	buf_free(&client->held);
}
