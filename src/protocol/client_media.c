/*
 * client_media.c
 *		Where files are fetched from, and asking for those that are gone.  Sheet 2
 *		section 7.9.
 */
#include "client_internal.h"

#define MEDIA_MAX_HOSTS 16
#define MEDIA_MAX_HOST 255               /* bytes, with the port */
#define MEDIA_VALID_US (300 * WA_SECOND) /* when the server does not say */
#define MEDIA_MAX_VALID_S 86400

/*
 * A DNS name, or an address, with an optional port: what is put into a URL
 * must not lead it anywhere else.
 */
static bool
is_host(WaStr text)
{
	size_t end = text.len;
	uint64_t port;

	if (text.len == 0 || text.len > MEDIA_MAX_HOST)
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.data[i] == ':')
		{
			WaStr digits = {text.data + i + 1, text.len - i - 1};

			if (digits.len > 5 || !str_to_u64(digits, &port) || port == 0 || port > 65535)
				return false;
			end = i;
			break;
		}
	}
	for (size_t i = 0; i < end; i++)
	{
		char c = text.data[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		/* a label begins and ends with a letter or digit */
		if (!is_letter && ((c != '-' && c != '.') || i == 0 || i + 1 == end ||
						   (c == '.' && (text.data[i - 1] == '.' || text.data[i - 1] == '-')) ||
						   (c == '-' && text.data[i - 1] == '.')))
			return false;
	}
	return end > 0;
}

static int64_t
valid_us(const WaNode *media)
{
	uint64_t ttl;

	if (!node_attr_u64(media, "ttl", &ttl) || ttl == 0)
		return MEDIA_VALID_US;
	return (int64_t) (ttl < MEDIA_MAX_VALID_S ? ttl : MEDIA_MAX_VALID_S) * WA_SECOND;
}

void
client_media_answer(WaClient *client, const WaNode *answer)
{
	const WaNode *media = node_child(answer, "media_conn");
	WaStr *hosts = arena_alloc(&client->arena, MEDIA_MAX_HOSTS * sizeof(*hosts));
	WaEvent *event;
	ClientIqError error;
	int count = 0;

	client->media_in_flight = false;
	if (hosts == NULL)
		return;
	if (client_iq_ok(answer, &error))
	{
		for (const WaNode *host = node_child(media, "host");
			 host != NULL && count < MEDIA_MAX_HOSTS; host = node_child_next(host, "host"))
		{
			if (is_host(node_attr(host, "hostname")))
				hosts[count++] = node_attr(host, "hostname");
		}
	}
	event = client_event_add(client, EVENT_MEDIA_HOSTS);
	if (event == NULL)
		return;
	event->media_hosts.hosts = hosts;
	event->media_hosts.count = count;
	event->media_hosts.valid_us = valid_us(media);
}

static void
ask(WaClient *client)
{
	WaNode *iq = client_iq_new(client, "set", "w:m");

	node_add(iq, "media_conn");
	client->media_wanted = false;
	client->media_in_flight = true;
	client_iq_send(client, iq, IQ_MEDIA_HOSTS);
}

int64_t
client_media_deadline(const WaClient *client)
{
	return client->media_wanted && client->phase == PHASE_ONLINE ? client->now.mono_us : WA_NEVER;
}

void
client_media_tick(WaClient *client)
{
	if (client->media_wanted && client->phase == PHASE_ONLINE)
		ask(client);
}

/* A question that the connection took with it is asked again on the next one. */
void
client_media_reset(WaClient *client)
{
	client->media_wanted |= client->media_in_flight;
	client->media_in_flight = false;
}

WaStatus
client_query_media_hosts(WaClient *client, WaNow now)
{
	client->now = now;
	client->media_wanted |= !client->media_in_flight;
	return WA_OK;
}

/* ---- files that are gone ---- */

static void
put_sealed(WaNode *receipt, const uint8_t iv[12], WaStr payload)
{
	WaNode *encrypt = node_add(receipt, "encrypt");

	node_set_bytes(node_add(encrypt, "enc_p"), payload.data, payload.len);
	node_set_bytes(node_add(encrypt, "enc_iv"), iv, 12);
}

WaStatus
client_ask_upload(WaClient *client, const WaUploadRequest *request, WaNow now)
{
	uint8_t iv[12];
	WaArena arena;
	WaStr payload;
	WaStatus status;

	client->now = now;
	if (client->phase != PHASE_ONLINE)
		return WA_ERR_STATE;
	arena_init(&arena, client->env, 65536);
	status = crypto_random(client->env, iv, sizeof(iv));
	if (status == WA_OK)
		status = media_retry_seal(&arena, request->key, request->id, iv, &payload);
	if (status == WA_OK)
	{
		WaNode *receipt = node_new(&arena, "receipt");

		node_set_str(receipt, "id", request->id);
		node_set_jid(receipt, "to", jid_bare(&arena, str_from(client->device.jid)));
		node_set(receipt, "type", "server-error");
		if (request->chat.data == NULL)
			node_set(receipt, "category", "peer");
		put_sealed(receipt, iv, payload);
		if (request->chat.data != NULL)
		{
			WaNode *rmr = node_add(receipt, "rmr");

			node_set_jid(rmr, "jid", request->chat);
			node_set(rmr, "from_me", request->from_me ? "true" : "false");
			if (request->participant.data != NULL)
				node_set_jid(rmr, "participant", request->participant);
		}
		status = arena.status;
		if (status == WA_OK)
			client_output_now(client, receipt);
	}
	arena_free(&arena);
	return status;
}

void
client_media_notification(WaClient *client, const WaNode *notification)
{
	const WaNode *encrypt = node_child(notification, "encrypt");
	const WaNode *payload = node_child(encrypt, "enc_p");
	const WaNode *iv = node_child(encrypt, "enc_iv");
	WaEvent *event;

	if (node_attr(notification, "id").data == NULL)
		return;
	event = client_event_add(client, EVENT_UPLOAD_ANSWER);
	if (event == NULL)
		return;
	event->upload_answer.id = node_attr(notification, "id");
	if (payload != NULL && iv != NULL)
	{
		event->upload_answer.payload = payload->bytes;
		event->upload_answer.iv = iv->bytes;
	}
}
