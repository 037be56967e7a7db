/*
 * client_iq.c
 *		Questions to the server: their ids, their answers, their deadlines.
 *		Sheet 1 section 7.9.
 *
 * A question that waits behind the barrier has not been asked yet: its time
 * runs from when it is released.
 */
#include "client_internal.h"

#include <string.h>

#define IQ_OPEN UINT64_MAX /* made by the stanza at hand */

WaNode *
client_iq_new(WaClient *client, const char *type, const char *xmlns)
{
	WaNode *iq = node_new(&client->arena, "iq");

	node_set_jid(iq, "to", str_from("s.whatsapp.net"));
	node_set(iq, "type", type);
	node_set(iq, "xmlns", xmlns);
	return iq;
}

/* What the ids of this connection begin with. */
static WaStr
client_iq_prefix(WaClient *client)
{
	return arena_printf(&client->arena, "%u.%u-", client->iq_prefix[0], client->iq_prefix[1]);
}

static ClientIq *
client_iq_register(WaClient *client, WaNode *iq, ClientIqKind kind)
{
	ClientIq *pending;
	WaStr prefix = client_iq_prefix(client);

	if (client->n_iqs >= CLIENT_MAX_IQS)
	{
		client_end_for(client, FAILURE_OVERFLOW);
		return NULL;
	}
	pending = client->env->alloc(client->env->ctx, sizeof(*pending));
	if (pending == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return NULL;
	}
	client->iq_number++;
	node_set_str(
		iq, "id",
		arena_printf(&client->arena, "%.*s%u", (int) prefix.len, prefix.data, client->iq_number));
	*pending = (ClientIq){
		.next = client->iqs,
		.kind = kind,
		.number = client->iq_number,
		.barrier = IQ_OPEN,
		.deadline = WA_NEVER,
	};
	client->iqs = pending;
	client->n_iqs++;
	return pending;
}

void
client_iq_send(WaClient *client, WaNode *iq, ClientIqKind kind)
{
	if (client_iq_register(client, iq, kind) != NULL)
		client_output_send(client, iq);
}

/* The keepalive has a deadline of its own for pings. */
void
client_iq_ping(WaClient *client, WaNode *iq)
{
	ClientIq *pending = client_iq_register(client, iq, IQ_PING);

	if (pending != NULL)
	{
		pending->barrier = 0;
		client_output_now(client, iq);
	}
}

static void
client_iq_run(WaClient *client, ClientIq *iq)
{
	iq->barrier = 0;
	iq->deadline = client->now.mono_us + client->config.iq_timeout_us;
}

void
client_iq_settle(WaClient *client, uint64_t barrier)
{
	for (ClientIq *iq = client->iqs; iq != NULL; iq = iq->next)
	{
		if (iq->barrier != IQ_OPEN)
			continue;
		if (barrier == 0)
			client_iq_run(client, iq);
		else
			iq->barrier = barrier;
	}
}

void
client_iq_release(WaClient *client)
{
	for (ClientIq *iq = client->iqs; iq != NULL; iq = iq->next)
	{
		if (iq->barrier != 0 && iq->barrier <= client->persisted)
			client_iq_run(client, iq);
	}
}

/* answer NULL: it did not come in time. */
static void
client_iq_deliver(WaClient *client, ClientIqKind kind, const WaNode *answer)
{
	switch (kind)
	{
		case IQ_PING:
			if (answer != NULL)
				client_keepalive_pong(client);
			break;
		case IQ_PREKEY_COUNT:
			client_login_count(client, answer);
			break;
		case IQ_PREKEY_UPLOAD:
			client_login_uploaded(client, answer);
			break;
		case IQ_ACTIVE:
			client_login_active(client, answer);
			break;
		case IQ_CLEAN:
			break; /* the dirty bit comes again at the next login */
		case IQ_GROUP_LIST:
			client_groups_list(client, answer);
			break;
		case IQ_GROUP:
			client_groups_one(client, answer);
			break;
		case IQ_PAIR_HELLO:
			client_link_hello(client, answer);
			break;
		case IQ_PAIR_FINISH:
			client_link_finish(client, answer);
			break;
		case IQ_LOGOUT:
			/* without an answer the device is as good as gone: it asked to be */
			client_end_for(client, FAILURE_LOGOUT);
			break;
		case IQ_PHONE_KEYS:
			client_phone_keys(client, answer);
			break;
		case IQ_MEDIA_HOSTS:
			client_media_answer(client, answer);
			break;
		case IQ_APP_STATE:
			client_appstate_answer(client, answer);
			break;
	}
}

/* Unlinks and frees *place, returning its kind. */
static ClientIqKind
client_iq_take(WaClient *client, ClientIq **place)
{
	ClientIq *iq = *place;
	ClientIqKind kind = iq->kind;

	*place = iq->next;
	client->n_iqs--;
	client_free(client, iq);
	return kind;
}

void
client_iq_answer(WaClient *client, const WaNode *node)
{
	WaStr id = node_attr(node, "id");
	WaStr prefix = client_iq_prefix(client);
	uint64_t number;

	if (prefix.data == NULL || id.len <= prefix.len ||
		memcmp(id.data, prefix.data, prefix.len) != 0 ||
		!str_to_u64((WaStr){id.data + prefix.len, id.len - prefix.len}, &number))
		return; /* no question of ours */
	for (ClientIq **place = &client->iqs; *place != NULL; place = &(*place)->next)
	{
		if ((*place)->number == number)
		{
			client_iq_deliver(client, client_iq_take(client, place), node);
			return;
		}
	}
}

void
client_iq_tick(WaClient *client)
{
	ClientIq **place = &client->iqs;

	while (*place != NULL && client_has_stream(client))
	{
		if ((*place)->deadline > client->now.mono_us)
			place = &(*place)->next;
		else
		{
			client_iq_deliver(client, client_iq_take(client, place), NULL);
			place = &client->iqs; /* the list may have changed */
		}
	}
}

int64_t
client_iq_deadline(const WaClient *client)
{
	int64_t deadline = WA_NEVER;

	for (const ClientIq *iq = client->iqs; iq != NULL; iq = iq->next)
	{
		if (iq->deadline < deadline)
			deadline = iq->deadline;
	}
	return deadline;
}

void
client_iq_reset(WaClient *client)
{
	while (client->iqs != NULL)
		client_iq_take(client, &client->iqs);
}

bool
client_iq_ok(const WaNode *answer, ClientIqError *error)
{
	const WaNode *child;
	uint64_t value;

	*error = (ClientIqError){0};
	if (answer == NULL)
		return false;
	if (!str_is(node_attr(answer, "type"), "error"))
		return true;
	child = node_child(answer, "error");
	error->text = node_attr(child, "text");
	error->code = 500;
	if (node_attr_u64(child, "code", &value) && value > 0 && value <= 9999)
		error->code = (int) value;
	if (node_attr_u64(child, "backoff", &value) && value <= 86400)
		error->backoff_us = (int64_t) value * WA_SECOND;
	return false;
}
