/*
 * client_event.c
 *		The queue between a handled stanza and the host.
 *
 * Events live in the arena of the stanza that made them, and the arena lives
 * until the last of them was pulled.  An epoch is given when an event is
 * handed out; the queue is first in, first out, and the status comes last, so
 * the epoch of a queued event is known from its place.
 *
 * The status is kept in the client itself: it can be told when memory is out.
 */
#include "client_internal.h"

#include <string.h>

WaEvent *
client_event_add(WaClient *client, WaEventKind kind)
{
	ClientEvent *entry = arena_alloc(&client->arena, sizeof(*entry));

	if (entry == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return NULL;
	}
	entry->event.kind = kind;
	if (client->in_stanza)
	{
		entry->event.stanza = client->stanza;
		entry->event.stanza_bytes = client->stanza_bytes;
	}
	if (client->last_event != NULL)
		client->last_event->next = entry;
	else
		client->first_event = entry;
	client->last_event = entry;
	client->n_events++;
	client->made++;
	return &entry->event;
}

/* ---- aliases ---- */

static uint64_t
client_event_alias_key(const WaAlias *alias)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	const WaStr parts[] = {alias->lid, str_from(" "), alias->pn};

	for (size_t i = 0; i < 3; i++)
	{
		for (size_t j = 0; j < parts[i].len; j++)
			hash = (hash ^ (uint8_t) parts[i].data[j]) * UINT64_C(1099511628211);
	}
	return hash ^ (alias->authoritative ? 1 : 0);
}

/*
 * The same few people write most stanzas: a pair that was just told is not
 * worth another transaction.
 */
static bool
client_event_alias_seen(WaClient *client, const WaAlias *alias)
{
	uint64_t key = client_event_alias_key(alias);

	for (int i = 0; i < CLIENT_SEEN_ALIASES; i++)
	{
		if (client->seen_aliases[i] == key)
			return true;
	}
	client->seen_aliases[client->next_alias] = key;
	client->next_alias = (client->next_alias + 1) % CLIENT_SEEN_ALIASES;
	return false;
}

void
client_event_aliases(WaClient *client, WaAlias *list, const char *source)
{
	WaAlias *fresh = NULL;
	WaAlias **end = &fresh;
	WaAlias *next;
	WaEvent *event;

	for (WaAlias *alias = list; alias != NULL; alias = next)
	{
		next = alias->next;
		if (client_event_alias_seen(client, alias))
			continue;
		*end = alias;
		end = &alias->next;
		alias->next = NULL;
	}
	if (fresh == NULL)
		return;
	event = client_event_add(client, EVENT_ALIASES);
	if (event != NULL)
	{
		event->aliases.list = fresh;
		event->aliases.source = source;
	}
}

/* ---- status ---- */

void
client_event_status(WaClient *client)
{
	client->status_dirty = true;
	client->made++;
}

static void
client_event_fill_status(WaClient *client, WaEvent *event)
{
	int64_t left = client->retry_at == WA_NEVER ? -1 : client->retry_at - client->now.mono_us;

	memset(event, 0, sizeof(*event));
	event->kind = EVENT_STATUS;
	event->epoch = ++client->epoch;
	event->status.status = client->status;
	event->status.reason = client->reason;
	event->status.code = client->code;
	event->status.hint = client->hint;
	event->status.until = client->until;
	event->status.retry_in_us = -1;
	if (client->phase == PHASE_DIAL)
		event->status.retry_in_us = 0;
	else if (client->phase == PHASE_WAIT || client->phase == PHASE_CLOSING)
		event->status.retry_in_us = left < -1 ? 0 : left;
	/* a copy: the next status may come before the host has looked */
	if (client->detail != NULL)
		event->status.detail =
			arena_str(&client->arena, (WaStr){client->detail, client->detail_len});
	client->status_dirty = false;
}

/* ---- pulling ---- */

int
client_next_event(WaClient *client, WaEvent *event, WaNow now)
{
	client->now = now;
	client->more = false;
	for (int handled = 0;; handled++)
	{
		ClientEvent *entry = client->first_event;

		if (client->step != NULL)
		{
			if (!client_records_resume(client))
				return 0;
			continue;
		}
		if (entry != NULL)
		{
			client->first_event = entry->next;
			if (entry->next == NULL)
				client->last_event = NULL;
			client->n_events--;
			*event = entry->event;
			event->epoch = ++client->epoch;
			return 1;
		}
		if (client->status_dirty)
		{
			client_event_fill_status(client, event);
			return 1;
		}
		arena_free(&client->arena);
		if (handled >= CLIENT_MAX_SILENT)
		{
			client->more = true;
			return 0;
		}
		if (client_appstate_waits(client))
			return 0;
		if (!client_phone_next(client) && !client_appstate_next(client) &&
			!client_stanza_next(client))
		{
			client_delivery_flush(client);
			return 0;
		}
	}
}

bool
client_has_events(const WaClient *client)
{
	return client->first_event != NULL;
}

void
client_event_reset(WaClient *client)
{
	client->first_event = client->last_event = NULL;
	client->n_events = 0;
	client->status_dirty = false;
	arena_free(&client->arena);
}
