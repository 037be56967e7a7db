/*
 * client_groups.c
 *		Group metadata: asked for seldom, answered as events.
 *		Sheet 2 sections 2.1, 2.8 and 10.6.
 *
 * One query is out at a time, all of them live on one budget, and what can be
 * asked at once is: five groups or more become the list of all groups, which
 * is one query however many there are.  What 429 says is obeyed.
 */
#include "client_internal.h"

#include <string.h>

#define GROUPS_GATHER_US (WA_SECOND / 2) /* requests in a row become one question */
#define GROUPS_PAUSE_US (10 * WA_SECOND) /* between two questions for one group */
#define GROUPS_COLLAPSE 5                /* so many single questions become one for all */
#define GROUPS_MINUTE_US (60 * WA_SECOND)
#define GROUPS_BLOCK_US (300 * WA_SECOND) /* after 429 without a time */
#define GROUPS_BLOCK_STEPS 4
#define GROUPS_RETRY_US (60 * WA_SECOND) /* after a question that failed otherwise */

/* ---- the waiting list ---- */

static ClientAsk **
client_groups_find(WaClient *client, WaStr jid)
{
	ClientAsk **place = &client->asks;

	while (*place != NULL &&
		   ((*place)->jid_len != jid.len || memcmp((*place)->jid, jid.data, jid.len) != 0))
		place = &(*place)->next;
	return place;
}

static void
client_groups_drop(WaClient *client, ClientAsk **place)
{
	ClientAsk *ask = *place;

	*place = ask->next;
	client->n_asks--;
	client_free(client, ask);
}

/* The one whose answer is due. */
static ClientAsk *
client_groups_asked(const WaClient *client)
{
	ClientAsk *ask = client->asks;

	while (ask != NULL && !ask->in_flight)
		ask = ask->next;
	return ask;
}

void
client_groups_free(WaClient *client)
{
	while (client->asks != NULL)
		client_groups_drop(client, &client->asks);
}

/* Whoever asks for one more than this asks for all. */
static void
client_groups_soon(WaClient *client)
{
	if (client->asks_at == WA_NEVER)
		client->asks_at = client->now.mono_us + GROUPS_GATHER_US;
}

void
client_groups_want_list(WaClient *client)
{
	client->list_wanted = true;
	client_groups_soon(client);
}

WaStatus
client_groups_want(WaClient *client, WaStr jid)
{
	WaJid parsed;
	ClientAsk *ask;

	if (jid.len > DEVICE_MAX_JID || jid_parse(jid, &parsed) != WA_OK ||
		parsed.server != JID_GROUP || parsed.user.len == 0)
		return WA_ERR_ARGUMENT;
	client_groups_soon(client);
	ask = *client_groups_find(client, jid);
	if (ask == NULL && client->n_asks >= CLIENT_MAX_ASKS)
	{
		client->list_wanted = true;
		return WA_OK;
	}
	if (ask == NULL)
	{
		ask = client->env->alloc(client->env->ctx, sizeof(*ask) + jid.len);
		if (ask == NULL)
			return WA_ERR_NOMEM;
		ask->next = client->asks;
		ask->in_flight = false;
		ask->not_before = client->now.mono_us;
		ask->jid_len = jid.len;
		memcpy(ask->jid, jid.data, jid.len);
		client->asks = ask;
		client->n_asks++;
	}
	ask->wanted = true;
	return WA_OK;
}

void
client_groups_dirty(WaClient *client, uint64_t timestamp)
{
	client->dirty_groups = timestamp;
	client_groups_want_list(client);
}

/* ---- the budget ---- */

static void
client_groups_refill(WaClient *client)
{
	int64_t passed = client->now.mono_us - client->tokens_at;

	/* a full minute's share at most, so that bursts stay small */
	if (passed > GROUPS_MINUTE_US)
		passed = GROUPS_MINUTE_US;
	client->tokens_us += passed;
	if (client->tokens_us > GROUPS_MINUTE_US)
		client->tokens_us = GROUPS_MINUTE_US;
	client->tokens_at = client->now.mono_us;
}

static int64_t
client_groups_price(const WaClient *client)
{
	return GROUPS_MINUTE_US / client->config.group_queries_per_minute;
}

/* When there is a token again, by the last reckoning. */
static int64_t
client_groups_affordable_at(const WaClient *client)
{
	int64_t missing = client_groups_price(client) - client->tokens_us;

	return missing > 0 ? client->tokens_at + missing : client->tokens_at;
}

/* ---- asking ---- */

/* Only after the queue: what is in it would change the answer. */
static bool
client_groups_may_ask(const WaClient *client)
{
	return client->phase == PHASE_ONLINE && client->queue == QUEUE_DONE &&
		   !client->query_in_flight && !client->logout_wanted;
}

static void
client_groups_spend(WaClient *client)
{
	client->tokens_us -= client_groups_price(client);
	client->query_in_flight = true;
	client->asked_wall_us = client->now.wall_us;
}

static void
client_groups_ask_list(WaClient *client)
{
	ClientAsk **place = &client->asks;

	client_groups_spend(client);
	client->list_wanted = false;
	client->dirty_asked = client->dirty_groups;
	while (*place != NULL) /* the list answers them, too */
		client_groups_drop(client, place);
	client_iq_send(client, group_query_all(&client->arena), IQ_GROUP_LIST);
}

static void
client_groups_ask_one(WaClient *client, ClientAsk *ask)
{
	client_groups_spend(client);
	ask->wanted = false;
	ask->in_flight = true;
	ask->not_before = client->now.mono_us + GROUPS_PAUSE_US;
	client_iq_send(client, group_query_one(&client->arena, (WaStr){ask->jid, ask->jid_len}),
				   IQ_GROUP);
}

/* Wanted groups, the first that may be asked now, and when the next one may. */
static int
client_groups_survey(const WaClient *client, ClientAsk **due, int64_t *next)
{
	int wanted = 0;

	*due = NULL;
	*next = WA_NEVER;
	for (ClientAsk *ask = client->asks; ask != NULL; ask = ask->next)
	{
		if (!ask->wanted)
			continue;
		wanted++;
		if (ask->not_before <= client->now.mono_us)
			*due = ask;
		else if (ask->not_before < *next)
			*next = ask->not_before;
	}
	return wanted;
}

int64_t
client_groups_deadline(const WaClient *client)
{
	int64_t deadline = client->asks_at;

	if (deadline == WA_NEVER || !client_groups_may_ask(client))
		return WA_NEVER;
	if (deadline < client->blocked_until)
		deadline = client->blocked_until;
	if (deadline < client_groups_affordable_at(client))
		deadline = client_groups_affordable_at(client);
	return deadline;
}

/* Forgets pauses that are over. */
static void
client_groups_tidy(WaClient *client)
{
	ClientAsk **place = &client->asks;

	while (*place != NULL)
	{
		if (!(*place)->wanted && !(*place)->in_flight &&
			(*place)->not_before <= client->now.mono_us)
			client_groups_drop(client, place);
		else
			place = &(*place)->next;
	}
}

void
client_groups_tick(WaClient *client)
{
	ClientAsk *due;
	int64_t next;
	int wanted;

	if (!client_groups_may_ask(client))
		return;
	client_groups_refill(client);
	if (client->now.mono_us < client_groups_deadline(client))
		return;
	client_groups_tidy(client);
	wanted = client_groups_survey(client, &due, &next);
	if (client->list_wanted || wanted >= GROUPS_COLLAPSE)
		client_groups_ask_list(client);
	else if (due != NULL)
		client_groups_ask_one(client, due);
	else
	{
		client->asks_at = next;
		return;
	}
	/* whatever is still wanted comes when this is answered */
	client->asks_at = client->list_wanted || client->n_asks > 0 ? client->now.mono_us : WA_NEVER;
}

/* ---- answers ---- */

static void
client_groups_block(WaClient *client, const ClientIqError *error)
{
	int64_t pause = error->backoff_us;

	if (pause < GROUPS_RETRY_US)
		pause = error->code == 429 ? GROUPS_BLOCK_US << client->blocked_step : GROUPS_RETRY_US;
	if (error->code == 429 && client->blocked_step < GROUPS_BLOCK_STEPS)
		client->blocked_step++;
	client->blocked_until = client->now.mono_us + pause;
}

static void
client_groups_tell(WaClient *client, WaGroup *group, const char *source, int64_t asked_us)
{
	WaEvent *event = client_event_add(client, EVENT_GROUP);

	if (event == NULL)
		return;
	event->group.group = group;
	event->group.source = source;
	event->group.asked_us = asked_us;
}

static void
client_groups_tell_gone(WaClient *client, WaStr jid)
{
	WaEvent *event = client_event_add(client, EVENT_GROUP_GONE);

	if (event != NULL)
		event->gone_jid = jid;
}

/* <clean> leaves after the list's events are stored: it is sent with them. */
static void
client_groups_clean(WaClient *client)
{
	WaNode *iq;
	WaNode *clean;

	if (client->dirty_asked == 0)
		return;
	iq = client_iq_new(client, "set", "urn:xmpp:whatsapp:dirty");
	clean = node_add(iq, "clean");
	node_set(clean, "type", "groups");
	node_set_u64(clean, "timestamp", client->dirty_asked);
	client_iq_send(client, iq, IQ_CLEAN);
	if (client->dirty_groups == client->dirty_asked)
		client->dirty_groups = 0;
	client->dirty_asked = 0;
}

void
client_groups_list(WaClient *client, const WaNode *answer)
{
	ClientIqError error;
	WaGroup *groups;
	WaStr *jids;
	WaEvent *event;
	int count;
	int listed = 0;
	bool all;

	client->query_in_flight = false;
	if (!client_iq_ok(answer, &error))
	{
		client_groups_block(client, &error);
		client_groups_want_list(client);
		return;
	}
	client->blocked_step = 0;
	groups = group_parse_list(answer, &count, &all);
	jids = arena_alloc(&client->arena, (size_t) (count > 0 ? count : 1) * sizeof(*jids));
	if (jids == NULL || client->arena.failed)
		return; /* the end of this stanza sees it */
	for (WaGroup *group = groups; group != NULL && listed < count; group = group->next)
	{
		if (group->error.data != NULL)
		{
			if (str_is(group->error, "403") || str_is(group->error, "404"))
				client_groups_tell_gone(client, group->jid);
			continue;
		}
		client_groups_tell(client, group, "list", client->asked_wall_us);
		jids[listed++] = group->jid;
	}
	if (all)
	{
		event = client_event_add(client, EVENT_GROUP_LIST);
		if (event == NULL)
			return;
		event->group_list.count = listed;
		event->group_list.jids = jids;
		event->group_list.asked_us = client->asked_wall_us;
	}
	client_groups_clean(client);
}

void
client_groups_one(WaClient *client, const WaNode *answer)
{
	const WaNode *node = node_child(answer, "group");
	ClientAsk *ask = client_groups_asked(client);
	ClientIqError error;
	WaGroup *group;

	client->query_in_flight = false;
	if (ask != NULL)
		ask->in_flight = false;
	if (client_iq_ok(answer, &error))
	{
		client->blocked_step = 0;
		group = node != NULL ? group_parse(node) : NULL;
		if (group != NULL)
			client_groups_tell(client, group, "query", client->asked_wall_us);
		return;
	}
	/* in doubt somebody else's answer; the question was forgotten then */
	if (ask == NULL)
		return;
	if (error.code == 403 || error.code == 404)
		client_groups_tell_gone(client, arena_str(&client->arena, (WaStr){ask->jid, ask->jid_len}));
	else if (error.code == 0 || error.code == 429 || error.code >= 500)
	{
		client_groups_block(client, &error);
		ask->wanted = true;
		client_groups_soon(client);
	}
}

bool
client_groups_notification(WaClient *client, const WaNode *notification)
{
	int count;
	WaGroupChange *changes = group_parse_changes(notification, &count);

	if (changes == NULL)
		return false;
	for (WaGroupChange *change = changes; change != NULL; change = change->next)
	{
		WaEvent *event = client_event_add(client, EVENT_GROUP_CHANGE);

		if (event == NULL)
			return true;
		event->change = change;
	}
	return true;
}

/* What was asked and not answered is asked again on the next connection. */
void
client_groups_reset(WaClient *client)
{
	ClientAsk *ask = client_groups_asked(client);

	if (!client->query_in_flight)
		return;
	client->query_in_flight = false;
	if (ask == NULL)
		client->list_wanted = true;
	else
	{
		ask->in_flight = false;
		ask->wanted = true;
	}
	client_groups_soon(client);
}
