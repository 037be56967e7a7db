/*
 * client_keepalive.c
 *		Is anybody there, and does he still deliver?
 *
 * Two questions with two answers.  A ping without an answer means a dead
 * connection.  A connection whose pings are answered but which brings no
 * stanza for much longer than this bot is used to is deaf (sheet 1 section
 * 8.1; users of other clients report sessions deaf for days): it is renewed.
 * While that brings nothing the patience doubles, so that a bot to which
 * nothing happens is not renewed for ever; it shrinks again slowly, for groups
 * fall silent every night.
 */
#include "client_internal.h"

#define PING_ANSWER_US (20 * WA_SECOND)    /* sheet 1 section 8.1 */
#define PING_PATIENCE_US (180 * WA_SECOND) /* even if stanzas come meanwhile */
#define KEEPALIVE_LATE_US (5 * WA_SECOND)  /* a tick this late was the host's fault */
#define DEAF_FACTOR 8                      /* times the typical gap */
#define DEAF_MAX_SHIFT 9                   /* 180 s doubled so often is a day */
#define DEAF_CALM 32                       /* stanzas after which the patience is halved */
#define DEAF_MAX_GAP_US (3600 * WA_SECOND) /* a longer gap is a night, not typical */

void
client_keepalive_start(WaClient *client)
{
	client->last_in = client->last_out = client->last_stanza = client->now.mono_us;
	client->last_progress = client->now.mono_us;
	client->ping_sent = 0;
	client->ping_at = client->now.mono_us + client->config.keepalive_us;
}

void
client_keepalive_online(WaClient *client)
{
	client->last_progress = client->now.mono_us;
}

void
client_keepalive_input(WaClient *client)
{
	client->last_in = client->now.mono_us;
}

void
client_keepalive_brought(WaClient *client)
{
	client->deaf_shift = 0;
	client->deaf_calm = 0;
}

/* Stanzas that the server sends by itself because something happened. */
static bool
client_keepalive_is_progress(const WaNode *stanza)
{
	return node_is(stanza, "message") || node_is(stanza, "notification") ||
		   node_is(stanza, "receipt") || node_is(stanza, "call") || node_is(stanza, "status") ||
		   node_is(stanza, "presence") || node_is(stanza, "chatstate");
}

void
client_keepalive_stanza(WaClient *client, const WaNode *stanza)
{
	int64_t now = client->now.mono_us;
	int64_t gap = now - client->last_progress;

	client->last_stanza = now;
	if (client->phase >= PHASE_SETUP)
		client->seen_wall_us = client->now.wall_us; /* success itself needs the time before */
	if (!client_keepalive_is_progress(stanza))
		return;
	client->last_progress = now;
	if (client->deaf_shift > 0 && ++client->deaf_calm >= DEAF_CALM)
	{
		client->deaf_shift--;
		client->deaf_calm = 0;
	}
	/* the queue comes in one burst and says nothing about the usual pace */
	if (client->phase != PHASE_ONLINE || client->queue != QUEUE_DONE)
		return;
	if (gap > DEAF_MAX_GAP_US)
		gap = DEAF_MAX_GAP_US;
	if (client->typical_gap == 0)
		client->typical_gap = gap;
	else
		client->typical_gap += (gap - client->typical_gap) / 8;
}

void
client_keepalive_pong(WaClient *client)
{
	client->ping_sent = 0;
}

/* When silence has lasted long enough for a ping; jittered per ping. */
static int64_t
client_keepalive_ping_at(const WaClient *client)
{
	int64_t idle = client->last_stanza < client->last_out ? client->last_stanza : client->last_out;
	int64_t due = idle + client->config.keepalive_us / 5 * 4;

	return due > client->ping_at ? due : client->ping_at;
}

static int64_t
client_keepalive_dead_at(const WaClient *client)
{
	int64_t heard = client->last_in > client->ping_sent ? client->last_in : client->ping_sent;
	int64_t limit = client->ping_sent + PING_PATIENCE_US;

	/* bytes that come in are a sign of life: the answer may stand behind them */
	return heard + PING_ANSWER_US < limit ? heard + PING_ANSWER_US : limit;
}

static int64_t
client_keepalive_deaf_at(const WaClient *client)
{
	int64_t patience = client->config.deaf_after_us;

	if (client->typical_gap > 0 && client->typical_gap * DEAF_FACTOR > patience)
		patience = client->typical_gap * DEAF_FACTOR;
	return client->last_progress + (patience << client->deaf_shift);
}

int64_t
client_keepalive_deadline(const WaClient *client)
{
	int64_t deadline = client->ping_sent != 0 ? client_keepalive_dead_at(client)
											  : client_keepalive_ping_at(client);

	if (client->phase == PHASE_ONLINE && client_keepalive_deaf_at(client) < deadline)
		deadline = client_keepalive_deaf_at(client);
	return deadline;
}

static void
client_keepalive_send(WaClient *client)
{
	int64_t now = client->now.mono_us;
	uint8_t random = 128;

	/* sheet 1 section 8.1: 20 to 30 s; without randomness the middle of it */
	(void) crypto_random(client->env, &random, 1);
	client->ping_at = now + client->config.keepalive_us * (204 + random * 103 / 255) / 255;
	client->ping_sent = now;
	client_iq_ping(client, client_iq_new(client, "get", "w:p"));
}

/*
 * A tick that comes long after its time means that the host slept: what the
 * server said meanwhile may still lie in the socket.
 */
static void
client_keepalive_forgive(WaClient *client)
{
	int64_t now = client->now.mono_us;
	int64_t late = now - client_keepalive_deadline(client);

	if (late < KEEPALIVE_LATE_US)
		return;
	if (client->ping_sent != 0)
		client->ping_sent = client->last_in = now;
	client->last_progress += late;
}

void
client_keepalive_tick(WaClient *client)
{
	int64_t now = client->now.mono_us;

	if (!client_has_stream(client))
		return;
	client_keepalive_forgive(client);
	if (client->ping_sent != 0 && now >= client_keepalive_dead_at(client))
	{
		client_end_why(client, FAILURE_TIMEOUT, "a ping was not answered");
		return;
	}
	if (client->phase == PHASE_ONLINE && now >= client_keepalive_deaf_at(client))
	{
		if (client->deaf_shift < DEAF_MAX_SHIFT)
			client->deaf_shift++;
		client->was_deaf = true;
		client_end_for(client, FAILURE_DEAF);
		return;
	}
	if (client->ping_sent == 0 && now >= client_keepalive_ping_at(client))
		client_keepalive_send(client);
}
