/*
 * addons.c
 *		Opens add-ons; see addons.h.  The tables know which can be opened, the
 *		keys are made here.
 */
#include "postgres.h"

#include "addons.h"
#include "host.h"
#include "session.h"
#include "settings.h"
#include "store.h"

#define MOST_ADDONS 500             /* opened at a time */
#define MOST_FORMS 4                /* JIDs of each kind that are tried of one person */
#define ORIGINAL_US (2 * WA_SECOND) /* after a message that may be an original */
#define UNASKED_US (60 * WA_SECOND) /* what came with history, by another worker, ... */

static int64 due_at = 0;
static BatchCounts known;

/* When to look next, from what was stored since the last time. */
static void
note_stored(const Batch *batch, int64 now_us)
{
	const BatchCounts *counts = batch_counts(batch);

	if (counts->addons > known.addons)
		due_at = now_us;
	else if (counts->secrets > known.secrets)
		due_at = Min(due_at, now_us + ORIGINAL_US);
	known = *counts;
}

static WaAddonKind
kind_of(const char *name)
{
	for (int kind = 0; kind < ADDON_UNKNOWN; kind++)
	{
		if (strcmp(addon_kind_name((WaAddonKind) kind), name) == 0)
			return (WaAddonKind) kind;
	}
	return ADDON_UNKNOWN;
}

/* The index-th LID and the index-th phone number among the JIDs; false when there is neither. */
static bool
form(const WaStr *jids, int count, int index, WaIdentity *out)
{
	int lids = 0;
	int pns = 0;

	*out = (WaIdentity){0};
	for (int i = 0; i < count; i++)
	{
		WaJid jid;

		if (jid_parse(jids[i], &jid) != WA_OK)
			continue;
		if (jid.server == JID_LID && lids++ == index)
			out->lid = jids[i];
		else if (jid.server == JID_PN && pns++ == index)
			out->pn = jids[i];
	}
	return identity_is_known(out);
}

/* The key is bound to the JIDs that both people had then. */
static WaStatus
open_one(WaArena *arena, const StoreAddon *stored, WaAddonContent *content)
{
	WaAddon addon = {kind_of(stored->kind), stored->payload, stored->iv};
	WaAddonParties parties = {.secret = stored->secret, .original_id = stored->target_id};
	WaStatus status = WA_ERR_ARGUMENT;

	for (int i = 0; i < MOST_FORMS; i++)
	{
		if (!form(stored->target_by, stored->n_target_by, i, &parties.original_by))
			break;
		for (int j = 0; j < MOST_FORMS; j++)
		{
			if (!form(stored->sender, stored->n_sender, j, &parties.sender))
				break;
			status = addon_open(arena, &addon, &parties, content);
			if (status != WA_ERR_CRYPTO)
				return status;
		}
	}
	return status;
}

static bool
add_one(Batch *batch, const WaEnv *env, const StoreAddon *stored)
{
	RowsContext context = {.received_us = stored->received_us, .keep_raw = settings_keep_raw};
	RowsAddon addon = {
		.addon_id = stored->addon_id,
		.chat = stored->chat,
		.target_id = stored->target_id,
		.from_me = stored->from_me,
		.id = stored->id,
		.at_us = stored->sent_us,
	};
	WaAddonContent content;
	WaArena arena;
	Rows rows;
	bool opened;

	arena_init(&arena, env, ROWS_MAX_MEMORY);
	(void) form(stored->target_by, stored->n_target_by, 0, &addon.target_by);
	(void) form(stored->sender, stored->n_sender, 0, &addon.from);
	/* One that cannot be opened is given again later: a form of a JID may be missing. */
	opened = open_one(&arena, stored, &content) == WA_OK &&
			 rows_of_addon(&arena, &context, &addon, &content, &rows) == WA_OK;
	if (opened)
		batch_add_rows(batch, stored->bot_id, &rows, content.plaintext, addon.chat);
	arena_free(&arena);
	return opened;
}

bool
addons_open(Batch *batch, int64 now_us)
{
	WaEnv env;
	StoreAddon *addons;
	int64 *bots;
	int n_bots;
	int count;
	bool any = false;

	note_stored(batch, now_us);
	if (now_us < due_at || !batch_is_empty(batch))
		return false;
	due_at = now_us + UNASKED_US;
	n_bots = session_held(&bots);
	if (store_readable_addons(bots, n_bots, MOST_ADDONS, &addons, &count) != STORE_OK)
		return false; /* the next look finds them */
	if (count == MOST_ADDONS)
		due_at = now_us;
	host_env_init(&env, CurrentMemoryContext);
	for (int i = 0; i < count; i++)
		any |= add_one(batch, &env, &addons[i]);
	return any;
}
