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

/*
 * The same people write most stanzas: a pair that was told is not worth work on
 * the tables again.  Both addresses remember the other, so that one which moves
 * away and comes back is told again.  A wrong hit takes two equal hashes of 32
 * bits, and then only this connection's knowledge of one pair is late.
 */

static uint64_t
client_event_hash(uint64_t hash, WaStr text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t) text.data[i]) * UINT64_C(1099511628211); /* FNV-1a */
	return hash;
}

static uint32_t
client_event_fold(uint64_t hash)
{
	uint32_t folded = (uint32_t) (hash ^ hash >> 32);

	return folded != 0 ? folded : 1;
}

/* The slot of the address, or the free one where it belongs; there is always a free one. */
static ClientAlias *
client_event_alias_slot(const WaClient *client, uint32_t address)
{
	uint32_t at = address;

	for (;; at++)
	{
		ClientAlias *slot = &client->aliases[at & (client->aliases_room - 1)];

		if (slot->address == address || slot->address == 0)
			return slot;
	}
}

void
client_event_forget_aliases(WaClient *client)
{
	client_free(client, client->aliases);
	client->aliases = NULL;
	client->n_aliases = client->aliases_room = 0;
}

/* Room for two more; a full table begins anew.  False: memory is out. */
static bool
client_event_alias_room(WaClient *client)
{
	ClientAlias *old = client->aliases;
	uint32_t old_room = client->aliases_room;
	uint32_t room = old_room == 0 ? 16 : old_room * 2;

	if (client->n_aliases + 2 <= old_room / 2)
		return true;
	if (room > CLIENT_MAX_ALIASES)
	{
		memset(old, 0, old_room * sizeof(*old));
		client->n_aliases = 0;
		return true;
	}
	client->aliases = client->env->alloc(client->env->ctx, room * sizeof(*old));
	if (client->aliases == NULL)
	{
		client->aliases = old;
		return false;
	}
	memset(client->aliases, 0, room * sizeof(*old));
	client->aliases_room = room;
	for (uint32_t i = 0; i < old_room; i++)
	{
		if (old[i].address != 0)
			*client_event_alias_slot(client, old[i].address) = old[i];
	}
	client_free(client, old);
	return true;
}

static bool
client_event_alias_knows(const WaClient *client, uint32_t address, uint32_t pair)
{
	const ClientAlias *slot;

	if (client->aliases_room == 0)
		return false;
	slot = client_event_alias_slot(client, address);
	return slot->address == address && slot->pair == pair;
}

static void
client_event_alias_keep(WaClient *client, uint32_t address, uint32_t pair)
{
	ClientAlias *slot = client_event_alias_slot(client, address);

	client->n_aliases += slot->address == 0;
	*slot = (ClientAlias){address, pair};
}

static bool
client_event_alias_seen(WaClient *client, const WaAlias *alias)
{
	uint64_t lid_hash = client_event_hash(UINT64_C(14695981039346656037), alias->lid);
	uint64_t pn_hash = client_event_hash(UINT64_C(14695981039346656037), alias->pn);
	uint32_t lid = client_event_fold(lid_hash);
	uint32_t pn = client_event_fold(pn_hash);
	uint32_t pair =
		client_event_fold(client_event_hash(lid_hash, alias->pn)) ^ (alias->authoritative ? 1 : 0);

	if (client_event_alias_knows(client, lid, pair) && client_event_alias_knows(client, pn, pair))
		return true;
	if (!client_event_alias_room(client))
	{
		client_end_for(client, FAILURE_MEMORY);
		return false;
	}
	client_event_alias_keep(client, lid, pair);
	client_event_alias_keep(client, pn, pair);
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
