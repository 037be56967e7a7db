/*
 * client_link.c
 *		Linking: QR codes in turn, pairing codes beside them, and the moment
 *		at which the phone has accepted.  Sheet 1 sections 5 and 6.
 *
 * pair-device-sign leaves only after the linked device is stored: if we died
 * in between, the phone would show a device that nobody can use.
 */
#include "client_internal.h"

#include <string.h>

#include "answer.h"

#define LINK_FIRST_QR_US (60 * WA_SECOND)
#define LINK_NEXT_QR_US (20 * WA_SECOND)
#define LINK_RELOGIN_US (3 * WA_SECOND) /* for a server that forgets to send 515 */

void
client_link_reset(WaClient *client)
{
	if (client->link != NULL)
	{
		buf_free(&client->link->refs);
		crypto_wipe(client->link, sizeof(*client->link));
		client_free(client, client->link);
		client->link = NULL;
	}
	client->relogin_at = WA_NEVER;
	client->relogin_barrier = 0;
}

/* ---- QR ---- */

static void
client_link_tell_qr(WaClient *client)
{
	ClientLink *link = client->link;
	WaStr content = pairing_qr(&client->arena, &client->device,
							   (WaStr){(const char *) link->ref, link->ref_len});
	WaEvent *event;

	if (content.data == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return;
	}
	event = client_event_add(client, EVENT_QR);
	if (event == NULL)
		return;
	event->qr.content = content;
	event->qr.valid_us = link->shown_until - client->now.mono_us;
	event->qr.left = link->refs_left;
}

/* Shows the next ref for so long; false when none is left. */
static bool
client_link_next_qr(WaClient *client, int64_t duration)
{
	ClientLink *link = client->link;
	uint16_t len;

	if (link->refs_left == 0)
		return false;
	memcpy(&len, buf_data(&link->refs), sizeof(len));
	buf_consume(&link->refs, sizeof(len));
	memcpy(link->ref, buf_data(&link->refs), len);
	buf_consume(&link->refs, len);
	link->ref_len = len;
	link->refs_left--;
	link->shown_until = client->now.mono_us + duration;
	client_link_tell_qr(client);
	return true;
}

static WaStatus
client_link_take_refs(WaClient *client, const WaNode *pair_device)
{
	ClientLink *link = client->link;

	buf_free(&link->refs);
	link->refs_left = 0;
	for (const WaNode *ref = node_child(pair_device, "ref");
		 ref != NULL && link->refs_left < CLIENT_MAX_REFS; ref = node_child_next(ref, "ref"))
	{
		uint16_t len = (uint16_t) ref->bytes.len;
		WaStatus status;

		if (ref->bytes.len == 0 || ref->bytes.len > CLIENT_MAX_REF)
			continue;
		status = buf_append(&link->refs, &len, sizeof(len));
		if (status == WA_OK)
			status = buf_append(&link->refs, ref->bytes.data, len);
		if (status != WA_OK)
			return status;
		link->refs_left++;
	}
	return link->refs_left > 0 ? WA_OK : WA_ERR_MALFORMED;
}

void
client_link_device(WaClient *client, const WaNode *iq)
{
	WaFailure qr = {.status = BOT_QR};
	WaStatus status;

	if (device_is_linked(&client->device) ||
		(client->phase != PHASE_LOGIN && client->phase != PHASE_LINK))
		return;
	if (client->link == NULL)
	{
		client->link = client->env->alloc(client->env->ctx, sizeof(*client->link));
		if (client->link == NULL)
		{
			client_end_for(client, FAILURE_MEMORY);
			return;
		}
		memset(client->link, 0, sizeof(*client->link));
		buf_init(&client->link->refs, client->env,
				 CLIENT_MAX_REFS * (CLIENT_MAX_REF + sizeof(uint16_t)));
	}
	status = client_link_take_refs(client, node_child(iq, "pair-device"));
	if (status != WA_OK)
	{
		client_end_status(client, status);
		return;
	}
	client->phase = PHASE_LINK;
	client->backoff.restarts = 0;
	client_output_now(client, answer_iq(&client->arena, iq));
	if (!client_has_stream(client))
		return;
	if (client->status != BOT_PASSKEY_REQUIRED)
		client_show(client, &qr);
	client_link_next_qr(client, LINK_FIRST_QR_US);
	client_link_ask_code(client);
}

void
client_link_rotate(WaClient *client)
{
	uint8_t secret[32];
	WaStatus status;

	if (client->phase != PHASE_LINK || client->link == NULL)
		return;
	status = crypto_random(client->env, secret, sizeof(secret));
	if (status != WA_OK)
	{
		client_end_status(client, status);
		return;
	}
	if (client_event_add(client, EVENT_DEVICE) != NULL)
	{
		memcpy(client->device.adv_secret, secret, sizeof(secret));
		client_link_tell_qr(client);
	}
	crypto_wipe(secret, sizeof(secret));
}

/* ---- pairing code ---- */

static void
client_link_refuse_code(WaClient *client, int code, WaStr text)
{
	WaEvent *event = client_event_add(client, EVENT_PAIR_CODE);

	crypto_wipe(&client->link->code, sizeof(client->link->code));
	client->link->code_active = false;
	if (event == NULL)
		return;
	event->pair_code.error = code;
	event->pair_code.error_text = text;
}

void
client_link_ask_code(WaClient *client)
{
	ClientLink *link = client->link;
	WaNode *iq;
	WaStatus status;

	if (client->phase != PHASE_LINK || link == NULL || client->pair_phone[0] == '\0')
		return;
	status = pairing_code_start(client->env, &client->arena, &client->device, client->pair_phone,
								&link->code, &iq);
	if (status != WA_OK)
	{
		client_end_status(client, status);
		return;
	}
	client->pair_phone[0] = '\0';
	link->code.made_us = client->now.mono_us;
	link->code_active = true;
	if (client->link_deadline < client->now.mono_us + PAIRING_CODE_VALID_US)
		client->link_deadline = client->now.mono_us + PAIRING_CODE_VALID_US;
	client_iq_send(client, iq, IQ_PAIR_HELLO);
}

void
client_link_hello(WaClient *client, const WaNode *answer)
{
	ClientLink *link = client->link;
	const WaNode *ref;
	ClientIqError error;
	WaEvent *event;

	if (client->phase != PHASE_LINK || link == NULL || !link->code_active)
		return;
	if (!client_iq_ok(answer, &error))
	{
		client_link_refuse_code(client, answer == NULL ? 408 : error.code,
								answer == NULL ? str_from("no answer") : error.text);
		return;
	}
	ref = node_child(node_child(answer, "link_code_companion_reg"), "link_code_pairing_ref");
	if (ref == NULL || ref->bytes.len == 0 || ref->bytes.len > sizeof(link->code.ref))
	{
		client_link_refuse_code(client, 500, str_from("the answer has no pairing ref"));
		return;
	}
	memcpy(link->code.ref, ref->bytes.data, ref->bytes.len);
	link->code.ref_len = ref->bytes.len;
	event = client_event_add(client, EVENT_PAIR_CODE);
	if (event != NULL)
		event->pair_code.code =
			arena_printf(&client->arena, "%.4s-%.4s", link->code.code, link->code.code + 4);
}

void
client_link_code(WaClient *client, const WaNode *notification)
{
	WaStr stage = node_attr(node_child(notification, "link_code_companion_reg"), "stage");
	ClientLink *link = client->link;
	WaDevice device = client->device;
	WaNode *iq;
	WaStatus status;

	if (client->phase != PHASE_LINK || link == NULL || !link->code_active)
		return;
	if (str_is(stage, "refresh_code"))
	{
		memcpy(client->pair_phone, link->code.phone, sizeof(client->pair_phone));
		client_link_ask_code(client);
		return;
	}
	if (!str_is(stage, "primary_hello") ||
		client->now.mono_us > link->code.made_us + PAIRING_CODE_VALID_US)
		return;
	status =
		pairing_code_finish(client->env, &client->arena, notification, &link->code, &device, &iq);
	if (status == WA_OK && client_event_add(client, EVENT_DEVICE) != NULL)
	{
		memcpy(client->device.adv_secret, device.adv_secret, sizeof(device.adv_secret));
		client_link_tell_qr(client); /* the one on show has the old secret */
		client_iq_send(client, iq, IQ_PAIR_FINISH);
	}
	else if (status == WA_ERR_NOMEM || status == WA_ERR_RANDOM)
		client_end_status(client, status);
	/* anything else is a phone's mistake, of which it tells its owner itself */
	crypto_wipe(&device, sizeof(device));
}

void
client_link_finish(WaClient *client, const WaNode *answer)
{
	ClientIqError error;

	/* no answer says nothing: pair-success is what counts */
	if (client->link != NULL && client->link->code_active && answer != NULL &&
		!client_iq_ok(answer, &error))
		client_link_refuse_code(client, error.code, error.text);
}

/* ---- accepted ---- */

static void
client_link_accepted(WaClient *client, const WaDevice *device, const WaNode *reply)
{
	WaFailure linked = failure_local(FAILURE_LINKED);

	if (client_event_add(client, EVENT_DEVICE) == NULL)
		return;
	client_event_aliases(
		client, identity_pair(&client->arena, str_from(device->jid), str_from(device->lid), true),
		"pairing");
	client_output_send(client, reply);
	/* without the answer there is no link, so it must not be stored either */
	if (!client_has_stream(client))
		return;
	client->device = *device;
	client->link_deadline = WA_NEVER;
	client->seen_wall_us = 0;
	client->list_wanted = true;
	client_show(client, &linked);
	client->relogin_barrier = client->epoch + client->n_events + 1; /* the status comes last */
}

static void
client_link_refused(WaClient *client, WaStatus status, const WaNode *reply, const char *why)
{
	WaFailure failure = failure_local(FAILURE_PAIRING);

	if (reply != NULL)
		client_output_now(client, reply);
	if (status == WA_ERR_NOMEM || status == WA_ERR_RANDOM)
	{
		client_end_status(client, status);
		return;
	}
	failure.detail = str_from(why);
	failure.code = status == WA_ERR_SIGNATURE ? 401 : 500;
	client_end(client, &failure);
	/* start over: what went wrong may have been these keys */
	(void) client_renew_device(client);
}

void
client_link_success(WaClient *client, const WaNode *iq)
{
	WaDevice device = client->device;
	WaNode *reply;
	const char *why;
	WaStatus status;

	if (client->phase != PHASE_LINK || device_is_linked(&client->device))
		return;
	status = pairing_accept(client->env, &client->arena, iq, &device, &reply, &why);
	if (status == WA_OK)
		client_link_accepted(client, &device, reply);
	else
		client_link_refused(client, status, reply, why);
	crypto_wipe(&device, sizeof(device));
}

void
client_link_release(WaClient *client)
{
	if (client->relogin_barrier == 0 || client->relogin_barrier > client->persisted)
		return;
	client->relogin_barrier = 0;
	client->relogin_at = client->now.mono_us + LINK_RELOGIN_US;
}

/* ---- time ---- */

int64_t
client_link_deadline(const WaClient *client)
{
	int64_t deadline = WA_NEVER;

	if (client->phase != PHASE_LINK)
		return deadline;
	if (device_is_linked(&client->device))
		return client->relogin_at;
	if (client->link->shown_until < client->link_deadline)
		deadline = client->link->shown_until;
	else
		deadline = client->link_deadline;
	return deadline;
}

void
client_link_tick(WaClient *client)
{
	int64_t now = client->now.mono_us;
	ClientLink *link = client->link;

	if (client->phase != PHASE_LINK || now < client_link_deadline(client))
		return;
	if (device_is_linked(&client->device))
		client_end_for(client, FAILURE_LINKED);
	else if (now >= client->link_deadline)
		client_end_for(client, FAILURE_LINK_TIMEOUT);
	else if (!client_link_next_qr(client, LINK_NEXT_QR_US))
	{
		/* a live pairing code is worth more than new refs */
		if (link->code_active && now < link->code.made_us + PAIRING_CODE_VALID_US)
			link->shown_until = link->code.made_us + PAIRING_CODE_VALID_US;
		else
			client_end_for(client, FAILURE_QR_EXPIRED);
	}
}
