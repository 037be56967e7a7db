/*
 * sim_history_chunk.c
 *		Cuts the past into chunks as phones do (HistorySync): first the latest
 *		messages of every chat, then names and who has left, then what is older.
 *		Sheet 2 sections 9.1 to 9.4.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_history.h"
#include "sim_wire.h"

enum
{
	STEP_LATEST,
	STEP_NAMES,
	STEP_DATA,
	STEP_OLDER,
	STEP_END
};

/* Of a chunk, the least that a chat gets in the bootstrap, and the most. */
#define LATEST_MAX 20

static SimHistoryItem item; /* too large for the stack of everybody */

/* ---- a conversation ---- */

static void
put_message(const SimHistoryPlan *plan, int chat, int64_t place, WaBuf *out, SimHistoryChunk *chunk)
{
	WaBuf message;
	WaBuf entry;

	sim_history_item_make(plan, chat, place, &item);
	sim_wire_begin(&message);
	sim_wire_begin(&entry);
	sim_history_item_encode(plan, &item, &message);
	sim_wire_inner(&entry, 1, &message);
	sim_wire_uint(&entry, 2, (uint64_t) place);
	sim_wire_inner(out, 2, &entry);
	chunk->messages++;
	if (chunk->oldest == 0 || item.at < chunk->oldest)
		chunk->oldest = item.at;
}

/* What the phone says of a chat beside its messages. */
static void
put_chat(const SimHistoryPlan *plan, int index, bool is_first, bool is_last, WaBuf *out)
{
	const SimHistoryChat *chat = &plan->chats[index];
	SimChance chance = sim_history_plan_chance(plan->seed ^ 7, chat->key, 0);

	sim_wire_uint(out, 12, (uint64_t) plan->until);
	sim_wire_text(out, 13, chat->name);
	sim_wire_uint(out, 11, is_last ? 1 : 0);
	if (chat->peer != NULL)
	{
		sim_wire_text(out, 38, chat->name);
		if (!chat->peer->hidden)
			sim_wire_jid(out, 39, chat->peer, false);
		sim_wire_jid(out, 42, chat->peer, true);
		sim_wire_jid(out, 49, plan->owner, true);
	}
	if (!is_first)
		return;
	sim_wire_uint(out, 6,
				  sim_history_plan_draw(&chance, 4) == 0 ? sim_history_plan_draw(&chance, 50) : 0);
	if (sim_history_plan_draw(&chance, 5) == 0)
	{
		sim_wire_uint(out, 9, 604800);
		sim_wire_uint(out, 10, (uint64_t) plan->since * 1000);
	}
	if (sim_history_plan_draw(&chance, 6) == 0)
		sim_wire_uint(out, 16, 1);
	if (sim_history_plan_draw(&chance, 8) == 0)
		sim_wire_uint(out, 24, (uint64_t) plan->until - 1000);
	if (sim_history_plan_draw(&chance, 8) == 0)
		sim_wire_uint(out, 25, (uint64_t) plan->until + 86400 * 30);
	if (chat->peer == NULL)
	{
		for (int i = 0; i < chat->n_who; i++)
		{
			WaBuf member;

			sim_wire_begin(&member);
			sim_wire_jid(&member, 1, chat->who[i], true);
			sim_wire_uint(&member, 2, i == 0 ? 2 : i == 1 ? 1 : 0);
			sim_wire_inner(out, 20, &member);
		}
		sim_wire_uint(out, 31, (uint64_t) plan->since - 86400);
		sim_wire_jid(out, 32, chat->who[0], true);
		sim_wire_text(out, 33, "Be kind. 🌱");
	}
}

/* Some messages of one chat, the newest first. */
static void
put_conversation(const SimHistoryPlan *plan, SimHistoryCursor *cursor, int index, int64_t from,
				 int64_t to, bool is_first, WaBuf *out, SimHistoryChunk *chunk)
{
	WaBuf conversation;

	sim_wire_begin(&conversation);
	sim_wire_text(&conversation, 1, plan->chats[index].id);
	if (cursor->has_last && cursor->last_chat == index && chunk->messages == 0)
	{
		/* the phone repeats the end of the chunk before */
		for (int i = cursor->duplicates; i > 0; i--)
		{
			if (cursor->last_place + i - 1 < plan->chats[index].n)
				put_message(plan, index, cursor->last_place + i - 1, &conversation, chunk);
		}
	}
	for (int64_t place = from; place >= to; place--)
		put_message(plan, index, place, &conversation, chunk);
	cursor->told += from - to + 1;
	cursor->last_chat = index;
	cursor->last_place = to;
	cursor->has_last = true;
	put_chat(plan, index, is_first, to == 0, &conversation);
	sim_wire_inner(out, 2, &conversation);
}

/* ---- lists ---- */

static void
put_mappings(const SimHistoryPlan *plan, WaBuf *out)
{
	for (int i = 0; i < plan->n_people; i++)
	{
		WaBuf mapping;

		if (plan->people[i]->hidden)
			continue;
		sim_wire_begin(&mapping);
		sim_wire_jid(&mapping, 1, plan->people[i], false);
		sim_wire_jid(&mapping, 2, plan->people[i], true);
		sim_wire_inner(out, 15, &mapping);
	}
}

static void
put_leavers(const SimHistoryPlan *plan, WaBuf *out)
{
	for (int i = 0; i < plan->n_chats; i++)
	{
		WaBuf list;

		if (plan->chats[i].peer != NULL)
			continue;
		sim_wire_begin(&list);
		sim_wire_text(&list, 1, plan->chats[i].id);
		for (int k = 0; k < plan->leavers; k++)
		{
			WaBuf leaver;
			int64_t at;
			bool was_removed;
			SimAccount *who = sim_history_plan_leaver(plan, i, k, &at, &was_removed);

			sim_wire_begin(&leaver);
			sim_wire_jid(&leaver, 1, who, who->hidden || k % 2 == 0);
			sim_wire_uint(&leaver, 2, was_removed ? 1 : 0);
			sim_wire_uint(&leaver, 3, (uint64_t) at);
			sim_wire_inner(&list, 2, &leaver);
		}
		sim_wire_inner(out, 12, &list);
	}
}

static void
put_pushnames(const SimHistoryPlan *plan, WaBuf *out)
{
	for (int i = 0; i < plan->n_people; i++)
	{
		WaBuf name;

		sim_wire_begin(&name);
		sim_wire_jid(&name, 1, plan->people[i], plan->people[i]->hidden || i % 3 != 0);
		sim_wire_text(&name, 2, plan->people[i]->name);
		sim_wire_inner(out, 7, &name);
	}
}

/* ---- chunks ---- */

/* The latest messages of each chat: how many, and where the older ones begin. */
static int64_t
latest_of(const SimHistoryPlan *plan, const SimHistoryCursor *cursor, int chat)
{
	return plan->chats[chat].n < cursor->latest ? plan->chats[chat].n : cursor->latest;
}

static void
begin(const SimHistoryPlan *plan, SimHistoryCursor *cursor)
{
	cursor->latest = cursor->chunk_messages / plan->n_chats;
	if (cursor->latest < 1)
		cursor->latest = 1;
	if (cursor->latest > LATEST_MAX)
		cursor->latest = LATEST_MAX;
}

static void
latest_chunk(const SimHistoryPlan *plan, SimHistoryCursor *cursor, WaBuf *out,
			 SimHistoryChunk *chunk)
{
	while (cursor->chat < plan->n_chats && chunk->messages < cursor->chunk_messages)
	{
		int64_t n = plan->chats[cursor->chat].n;

		put_conversation(plan, cursor, cursor->chat, n - 1,
						 n - latest_of(plan, cursor, cursor->chat), true, out, chunk);
		cursor->chat++;
	}
	if (cursor->chat == plan->n_chats)
	{
		cursor->step = plan->pushnames ? STEP_NAMES : STEP_DATA;
		cursor->chat = 0;
		cursor->next = plan->chats[0].n - latest_of(plan, cursor, 0) - 1;
	}
	cursor->has_last = false;
	put_mappings(plan, out);
}

/* Skips chats that have nothing older; false: there is nothing left. */
static bool
find_older(const SimHistoryPlan *plan, SimHistoryCursor *cursor)
{
	while (cursor->next < 0)
	{
		if (++cursor->chat >= plan->n_chats)
			return false;
		cursor->next = plan->chats[cursor->chat].n - latest_of(plan, cursor, cursor->chat) - 1;
	}
	return true;
}

static void
older_chunk(const SimHistoryPlan *plan, SimHistoryCursor *cursor, WaBuf *out,
			SimHistoryChunk *chunk)
{
	while (chunk->messages < cursor->chunk_messages && find_older(plan, cursor))
	{
		int64_t room = cursor->chunk_messages - chunk->messages;
		int64_t to = cursor->next + 1 > room ? cursor->next + 1 - room : 0;

		put_conversation(plan, cursor, cursor->chat, cursor->next, to, false, out, chunk);
		cursor->next = to - 1;
	}
	if (!find_older(plan, cursor))
		cursor->step = STEP_END;
}

static SimHistoryType
type_of(const SimHistoryPlan *plan, const SimHistoryCursor *cursor)
{
	switch (cursor->step)
	{
		case STEP_LATEST:
			return SIM_HISTORY_BOOTSTRAP;
		case STEP_NAMES:
			return SIM_HISTORY_PUSH_NAME;
		case STEP_DATA:
			return SIM_HISTORY_NON_BLOCKING;
		default:
			/* the last third comes under another name */
			return cursor->told * 3 < plan->n_items * 2 ? SIM_HISTORY_RECENT : SIM_HISTORY_FULL;
	}
}

bool
sim_history_chunk_next(const SimHistoryPlan *plan, SimHistoryCursor *cursor, WaBuf *out,
					   SimHistoryChunk *chunk)
{
	*chunk = (SimHistoryChunk){.type = type_of(plan, cursor)};
	if (cursor->step == STEP_END)
		return false;
	if (cursor->latest == 0)
		begin(plan, cursor);
	chunk->order = ++cursor->orders[chunk->type];
	sim_wire_uint(out, 1, chunk->type);
	switch (cursor->step)
	{
		case STEP_LATEST:
			latest_chunk(plan, cursor, out, chunk);
			break;
		case STEP_NAMES:
			put_pushnames(plan, out);
			cursor->step = STEP_DATA;
			break;
		case STEP_DATA:
			put_leavers(plan, out);
			put_mappings(plan, out);
			cursor->step = find_older(plan, cursor) ? STEP_OLDER : STEP_END;
			break;
		default:
			older_chunk(plan, cursor, out, chunk);
			break;
	}
	chunk->progress = (int) (cursor->told * 100 / plan->n_items);
	sim_wire_uint(out, 5, (uint64_t) chunk->order);
	sim_wire_uint(out, 6, (uint64_t) chunk->progress);
	return true;
}
