/*
 * client_login.c
 *		From success to online, and what keeps the account supplied afterwards.
 *		Sheet 1 sections 7.1 to 7.3 and 7.7.
 *
 *		success → prekey count → (upload) → active → online
 *
 * Prekeys are stored before they are uploaded, and a batch that was stored is
 * uploaded again until the server has confirmed it.
 */
#include "client_internal.h"

#include <string.h>

#define LOGIN_UPLOAD_PAUSE_US (60 * WA_SECOND) /* the server does not need a batch more often */
#define LOGIN_UPLOAD_MAX_US (610 * WA_SECOND)  /* longest pause between attempts */

/* ---- success ---- */

static WaStr
client_login_own(const char *jid)
{
	return jid[0] != '\0' ? str_from(jid) : WA_STR_NONE;
}

/* The server knows our LID best; phones of old versions do not tell it. */
static void
client_login_take_lid(WaClient *client, WaStr lid)
{
	WaDevice *device = &client->device;
	WaJid parsed;

	if (jid_parse(lid, &parsed) != WA_OK ||
		(parsed.server != JID_LID && parsed.server != JID_HOSTED_LID) || parsed.user.len == 0 ||
		lid.len >= sizeof(device->lid))
		return;
	memset(device->lid, 0, sizeof(device->lid));
	memcpy(device->lid, lid.data, lid.len);
}

void
client_login_success(WaClient *client, const WaNode *node)
{
	WaDevice *device = &client->device;
	WaNode *iq;

	/* some servers send it to a client that is not linked: it means nothing there */
	if (client->phase != PHASE_LOGIN || !device_is_linked(device))
		return;
	if (client_event_add(client, EVENT_DEVICE) == NULL)
		return;
	client_login_take_lid(client, node_attr(node, "lid"));
	device->login_counter++;
	client_event_aliases(client,
						 identity_pair(&client->arena, client_login_own(device->jid),
									   client_login_own(device->lid), true),
						 "success");
	client->phase = PHASE_SETUP;
	client->presence_sent = false;
	client_offline_start(client);
	if (client->logout_wanted)
	{
		client_login_logout(client);
		return;
	}
	iq = client_iq_new(client, "get", "encrypt");
	node_add(iq, "count");
	client_iq_send(client, iq, IQ_PREKEY_COUNT);
}

void
client_login_logout(WaClient *client)
{
	WaNode *iq = client_iq_new(client, "set", "md");
	WaNode *remove = node_add(iq, "remove-companion-device");

	node_set_jid(remove, "jid", str_from(client->device.jid));
	node_set(remove, "reason", "user_initiated");
	client_iq_send(client, iq, IQ_LOGOUT);
}

/* ---- prekeys ---- */

static void
client_login_send_upload(WaClient *client)
{
	ClientUpload *upload = client->upload;

	upload->in_flight = true;
	client->upload_at = WA_NEVER;
	client_iq_send(client,
				   prekey_upload(&client->arena, &client->device, upload->first_id, upload->publics,
								 upload->count),
				   IQ_PREKEY_UPLOAD);
}

WaStatus
client_login_make_prekeys(WaClient *client, int count, WaPrekey **out)
{
	WaPrekey *keys = arena_alloc(&client->arena, (size_t) count * sizeof(*keys));
	WaDevice moved = client->device;
	WaEvent *event = NULL;
	WaStatus status;

	status = keys == NULL ? WA_ERR_NOMEM : prekey_generate(client->env, &moved, keys, count);
	/* the device first: keys must not be told without the ids being used up */
	if (status == WA_OK && (client_event_add(client, EVENT_DEVICE) == NULL ||
							(event = client_event_add(client, EVENT_PREKEYS)) == NULL))
		status = WA_ERR_NOMEM;
	if (status == WA_OK)
	{
		event->prekeys.keys = keys;
		event->prekeys.count = count;
		client->device.next_prekey_id = moved.next_prekey_id;
		*out = keys;
	}
	crypto_wipe(&moved, sizeof(moved));
	return status;
}

/* Makes a batch; its events come before its upload. */
static WaStatus
client_login_make_batch(WaClient *client)
{
	int count = client->config.prekey_batch;
	WaPrekey *keys = NULL;
	ClientUpload *upload;
	WaStatus status;

	upload =
		client->env->alloc(client->env->ctx, sizeof(*upload) + (size_t) count * CRYPTO_KEY_LEN);
	status = upload == NULL ? WA_ERR_NOMEM : client_login_make_prekeys(client, count, &keys);
	if (status != WA_OK)
	{
		client_free(client, upload);
		return status;
	}
	upload->first_id = keys[0].id;
	upload->count = count;
	upload->in_flight = false;
	for (int i = 0; i < count; i++)
		memcpy(upload->publics[i], keys[i].pair.public_key, CRYPTO_KEY_LEN);
	client->upload = upload;
	client->upload_step = 0;
	return WA_OK;
}

static void
client_login_upload(WaClient *client)
{
	WaStatus status;

	if (client->upload == NULL)
	{
		status = client_login_make_batch(client);
		if (status != WA_OK)
		{
			client_end_status(client, status);
			return;
		}
	}
	if (!client->upload->in_flight)
		client_login_send_upload(client);
}

static void
client_login_ask_active(WaClient *client)
{
	WaNode *iq = client_iq_new(client, "set", "passive");

	node_add(iq, "active");
	client_iq_send(client, iq, IQ_ACTIVE);
}

void
client_login_count(WaClient *client, const WaNode *answer)
{
	ClientIqError error;
	uint64_t count = 0;
	bool ok = client_iq_ok(answer, &error);

	if (client->phase != PHASE_SETUP)
		return;
	if (ok)
		(void) node_attr_u64(node_child(answer, "count"), "value", &count);
	/* no answer is no reason to stay away: the stock shows at the next login */
	if (ok && (count < PREKEY_LOW || client->upload != NULL || client->device.next_prekey_id <= 1))
		client_login_upload(client);
	else
		client_login_ask_active(client);
}

/* Fibonacci seconds, no jitter needed: one upload per account. */
static int64_t
client_login_upload_pause(WaClient *client)
{
	int64_t a = 1;
	int64_t b = 2;

	for (int i = 0; i < client->upload_step; i++)
	{
		int64_t sum = a + b;

		a = b;
		b = sum;
	}
	if (a * WA_SECOND >= LOGIN_UPLOAD_MAX_US)
		return LOGIN_UPLOAD_MAX_US;
	client->upload_step++;
	return a * WA_SECOND;
}

void
client_login_uploaded(WaClient *client, const WaNode *answer)
{
	ClientUpload *upload = client->upload;
	ClientIqError error;
	WaEvent *event;

	if (upload == NULL)
		return;
	upload->in_flight = false;
	if (client_iq_ok(answer, &error))
	{
		event = client_event_add(client, EVENT_PREKEYS_UPLOADED);
		if (event == NULL)
			return;
		event->prekeys_uploaded.first_id = upload->first_id;
		event->prekeys_uploaded.last_id = upload->first_id + (uint32_t) upload->count - 1;
		client_free(client, upload);
		client->upload = NULL;
		client->uploaded_at = client->now.mono_us;
	}
	else
		client->upload_at = client->now.mono_us + client_login_upload_pause(client);
	if (client->phase == PHASE_SETUP)
		client_login_ask_active(client);
}

void
client_login_low_water(WaClient *client, uint64_t count)
{
	if (count >= PREKEY_LOW || !device_is_linked(&client->device) ||
		(client->phase != PHASE_ONLINE && client->phase != PHASE_SETUP))
		return;
	if (client->upload == NULL && client->uploaded_at != 0 &&
		client->now.mono_us < client->uploaded_at + LOGIN_UPLOAD_PAUSE_US)
		client->upload_at = client->uploaded_at + LOGIN_UPLOAD_PAUSE_US;
	else if (client->phase == PHASE_ONLINE && client->upload_at == WA_NEVER)
		client_login_upload(client);
}

/* ---- active ---- */

void
client_login_active(WaClient *client, const WaNode *answer)
{
	WaFailure online = {.status = BOT_ONLINE};
	ClientIqError error;

	if (client->phase != PHASE_SETUP)
		return;
	if (!client_iq_ok(answer, &error))
	{
		WaFailure failure = failure_local(answer == NULL ? FAILURE_TIMEOUT : FAILURE_PROTOCOL);

		failure.code = error.code;
		failure.detail = error.text;
		client_end(client, &failure);
		return;
	}
	client->phase = PHASE_ONLINE;
	client->online_at = client->now.mono_us;
	client->refusals = 0;
	client->backoff.restarts = 0;
	client->told_retry_us = 0;
	client_offline_online(client);
	client_keepalive_online(client);
	client_show(client, &online);
	client_login_presence(client);
}

/*
 * Once a connection, with the name that others see; a collector is never
 * "available": the phone would get no notifications any more (section 7.7).
 */
void
client_login_presence(WaClient *client)
{
	WaNode *presence;

	if (client->presence_sent || client->device.push_name[0] == '\0' ||
		client->phase != PHASE_ONLINE || client->queue != QUEUE_DONE)
		return;
	client->presence_sent = true;
	presence = node_new(&client->arena, "presence");
	node_set(presence, "type", "unavailable");
	node_set(presence, "name", client->device.push_name);
	client_output_send(client, presence);
}

void
client_login_push_name(WaClient *client, WaStr name)
{
	WaDevice *device = &client->device;

	if (name.len == 0 || name.len >= sizeof(device->push_name) ||
		memchr(name.data, 0, name.len) != NULL || memchr(name.data, '@', name.len) != NULL ||
		str_is(name, device->push_name))
		return;
	if (client_event_add(client, EVENT_DEVICE) == NULL)
		return;
	memset(device->push_name, 0, sizeof(device->push_name));
	memcpy(device->push_name, name.data, name.len);
	client_login_presence(client);
}

/* ---- time ---- */

int64_t
client_login_deadline(const WaClient *client)
{
	return client->phase == PHASE_ONLINE ? client->upload_at : WA_NEVER;
}

void
client_login_tick(WaClient *client)
{
	if (client->phase != PHASE_ONLINE || client->now.mono_us < client->upload_at)
		return;
	client->upload_at = WA_NEVER;
	client_login_upload(client);
}
