/*
 * client_offline.c
 *		The queue of what happened while the bot was away: pulled in batches,
 *		counted, and judged whether it covers the whole gap.
 *		Sheet 1 section 7.4, sheet 2 section 6.5.
 */
#include "client_internal.h"

#define OFFLINE_BATCH 200
#define OFFLINE_NEXT_BATCH_US (WA_SECOND / 10)
#define OFFLINE_SILENCE_US (60 * WA_SECOND)
#define OFFLINE_NO_PREVIEW_US (10 * WA_SECOND)   /* a server that has no queue says nothing */
#define OFFLINE_KEPT_US (10 * 86400 * WA_SECOND) /* after this the queue may have holes */

void
client_offline_reset(WaClient *client)
{
	client->queue = QUEUE_UNKNOWN;
	client->announced = -1;
	client->received = 0;
	client->batch_asked = false;
	client->batch_repeated = false;
	client->batch_at = WA_NEVER;
	client->queue_deadline = WA_NEVER;
}

void
client_offline_start(WaClient *client)
{
	int64_t away = client->seen_wall_us > 0 ? client->now.wall_us - client->seen_wall_us : 0;

	client->long_gap = away > OFFLINE_KEPT_US;
}

void
client_offline_online(WaClient *client)
{
	if (client->queue == QUEUE_UNKNOWN)
		client->queue_deadline = client->now.mono_us + OFFLINE_NO_PREVIEW_US;
}

static void
client_offline_ask(WaClient *client)
{
	WaNode *ib = node_new(&client->arena, "ib");

	node_set_u64(node_add(ib, "offline_batch"), "count", OFFLINE_BATCH);
	client_output_send(client, ib);
	client->batch_asked = true;
	client->batch_at = WA_NEVER;
	client->queue_deadline = client->now.mono_us + OFFLINE_SILENCE_US;
}

/* Nothing more is coming.  covered: and nothing is missing. */
static void
client_offline_done(WaClient *client, bool covered)
{
	WaEvent *event;

	client->queue = QUEUE_DONE;
	client->batch_at = WA_NEVER;
	client->queue_deadline = WA_NEVER;
	covered = covered && !client->long_gap;
	event = client_event_add(client, EVENT_CAUGHT_UP);
	if (event != NULL)
	{
		event->caught_up.announced = client->announced;
		event->caught_up.received = client->received;
		event->caught_up.covered = covered;
	}
	/* after the first login there is nothing to compare with yet: the roster is news */
	if (!covered || client->was_deaf || client->device.login_counter <= 1)
		client_groups_want_list(client);
	client->was_deaf = false;
	client_appstate_look(client);
	client_login_presence(client);
}

void
client_offline_preview(WaClient *client, const WaNode *preview)
{
	uint64_t count = 0;

	if (client->phase != PHASE_SETUP && client->phase != PHASE_ONLINE)
		return;
	if (node_attr_u64(preview, "count", &count) && count > INT32_MAX)
		count = INT32_MAX;
	client->announced = (int) count;
	if (count == 0)
	{
		if (client->queue != QUEUE_DONE)
			client_offline_done(client, true);
		return;
	}
	if (client->was_deaf)
		client_keepalive_brought(client);
	client->queue = QUEUE_DRAINING;
	client->batch_repeated = false;
	client_offline_ask(client);
}

void
client_offline_end(WaClient *client, const WaNode *offline)
{
	uint64_t count = 0;

	if (client->queue == QUEUE_DONE ||
		(client->phase != PHASE_SETUP && client->phase != PHASE_ONLINE))
		return;
	node_attr_u64(offline, "count", &count);
	client_offline_done(client, client->announced >= 0 && client->received >= client->announced &&
									(uint64_t) client->received >= count);
}

void
client_offline_stanza(WaClient *client, const WaNode *stanza)
{
	if (client->queue == QUEUE_DONE || node_attr(stanza, "offline").data == NULL ||
		node_is(stanza, "ib"))
		return;
	client->received++;
	if (client->queue != QUEUE_DRAINING)
		return;
	client->queue_deadline = client->now.mono_us + OFFLINE_SILENCE_US;
	client->batch_repeated = false;
	if (client->batch_asked)
	{
		client->batch_asked = false;
		client->batch_at = client->now.mono_us + OFFLINE_NEXT_BATCH_US;
	}
}

int64_t
client_offline_deadline(const WaClient *client)
{
	if (client->phase != PHASE_ONLINE || client->queue == QUEUE_DONE)
		return WA_NEVER;
	return client->batch_at < client->queue_deadline ? client->batch_at : client->queue_deadline;
}

void
client_offline_tick(WaClient *client)
{
	int64_t now = client->now.mono_us;

	if (now < client_offline_deadline(client))
		return;
	if (now >= client->batch_at)
		client_offline_ask(client);
	else if (client->queue == QUEUE_DRAINING && !client->batch_repeated)
	{
		client_offline_ask(client);
		client->batch_repeated = true;
	}
	else
		client_offline_done(client, false);
}
