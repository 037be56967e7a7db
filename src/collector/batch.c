/*
 * batch.c
 *		Copies of events on their way to the tables, and what to do when they
 *		do not get there; see batch.h.
 *
 * An error aborts the transaction of the whole batch.  What is wrong with rows
 * is searched by halves until one unit is alone; that one is kept raw in
 * wa.rejected and counts as stored.  What is wrong with the database (locks,
 * disk, a missing table) is waited out: nobody's stanza is given up for it.
 */
#include "postgres.h"

#include "batch.h"
#include "facts.h"
#include "host.h"
#include "rows.h"
#include "settings.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MOST_UNITS 1000
#define MOST_MEMORY (32 * 1024 * 1024)
#define MOST_FACT (256 << 20) /* bytes of one event's JSON */
#define RETRY_FIRST_US (100 * INT64_C(1000))
#define RETRY_MOST_US (10 * WA_SECOND)
#define REJECT_LOG_US (60 * WA_SECOND)
#define PAIR_CODE_US (180 * WA_SECOND)   /* sheet 1 section 6.2 */
#define ADDON_FACT "{\"fact\":\"addon\"" /* how such a fact begins */
#define MOST_CONFLICTS 3
#define LIMIT_ATTEMPTS 5 /* of a lone unit that is too slow or too large */

struct Batch
{
	MemoryContext context; /* reset whenever the batch is empty */
	WaEnv env;             /* allocates there */
	WaEnv scratch;         /* of one event, given back before the next */
	StoreItem **items;
	int n_items;
	int items_capacity;
	BatchUnit *units;
	int n_units;
	int units_capacity;
	int resolved;
	StoreQuestion *questions;
	int n_questions;
	int questions_capacity;
	int64 retry_at;
	int64 retry_delay_us;
	bool not_ready;
	int64 reject_logged_at; /* 0 never */
	int rejects_unlogged;
	char trouble[200];
	BatchCounts counts;
};

Batch *
batch_create(MemoryContext parent)
{
	Batch *batch = MemoryContextAllocZero(parent, sizeof(Batch));

	batch->context = AllocSetContextCreate(parent, "wa_collector batch", ALLOCSET_DEFAULT_SIZES);
	host_env_init(&batch->env, batch->context);
	host_env_init(&batch->scratch, parent);
	batch->retry_at = WA_NEVER;
	return batch;
}

bool
batch_has_room(const Batch *batch)
{
	return batch->n_units - batch->resolved < MOST_UNITS &&
		   MemoryContextMemAllocated(batch->context, false) < MOST_MEMORY;
}

bool
batch_is_empty(const Batch *batch)
{
	return batch->n_units == 0;
}

bool
batch_holds(const Batch *batch, int64 bot_id)
{
	for (int i = batch->resolved; i < batch->n_units; i++)
	{
		if (batch->units[i].bot_id == bot_id)
			return true;
	}
	return false;
}

void
batch_clear(Batch *batch)
{
	MemoryContextReset(batch->context);
	batch->items = NULL;
	batch->units = NULL;
	batch->questions = NULL;
	batch->n_items = batch->items_capacity = 0;
	batch->n_units = batch->units_capacity = 0;
	batch->n_questions = batch->questions_capacity = 0;
	batch->resolved = 0;
	batch->retry_at = WA_NEVER;
	batch->retry_delay_us = 0;
	batch->not_ready = false;
}

/* ---- filling ---- */

static void *
grow(Batch *batch, void *array, int count, int *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = Max(64, *capacity * 2);
	if (array == NULL)
		return MemoryContextAlloc(batch->context, size * *capacity);
	return repalloc(array, size * *capacity);
}

static WaStr
copy_bytes(Batch *batch, WaStr bytes)
{
	char *copy;

	if (bytes.data == NULL)
		return WA_STR_NONE;
	copy = MemoryContextAllocExtended(batch->context, Max(bytes.len, 1), MCXT_ALLOC_HUGE);
	memcpy(copy, bytes.data, bytes.len);
	return (WaStr){copy, bytes.len};
}

static BatchUnit *
open_unit(Batch *batch, const BatchSource *source, uint64 stanza, WaStr bytes)
{
	BatchUnit *unit;

	if (batch->n_units > batch->resolved)
	{
		unit = &batch->units[batch->n_units - 1];
		if (stanza != 0 && unit->stanza == stanza && unit->bot_id == source->bot_id &&
			unit->serial == source->serial)
			return unit;
	}
	batch->units =
		grow(batch, batch->units, batch->n_units, &batch->units_capacity, sizeof(BatchUnit));
	unit = &batch->units[batch->n_units++];
	memset(unit, 0, sizeof(BatchUnit));
	unit->bot_id = source->bot_id;
	unit->serial = source->serial;
	unit->stanza = stanza;
	unit->first_item = batch->n_items;
	unit->stanza_bytes = copy_bytes(batch, bytes);
	return unit;
}

static void
put_item(Batch *batch, BatchUnit *unit, StoreItem *item)
{
	batch->items =
		grow(batch, batch->items, batch->n_items, &batch->items_capacity, sizeof(StoreItem *));
	batch->items[batch->n_items++] = item;
	unit->n_items++;
}

static StoreItem *
add_item(Batch *batch, BatchUnit *unit, StoreKind kind)
{
	StoreItem *item = MemoryContextAllocZero(batch->context, sizeof(StoreItem));

	item->kind = kind;
	item->bot_id = unit->bot_id;
	put_item(batch, unit, item);
	return item;
}

static char *
copy_str(Batch *batch, WaStr s)
{
	char *copy;

	if (s.data == NULL)
		return NULL;
	copy = MemoryContextAlloc(batch->context, s.len + 1);
	memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* Ends a fact that was written to json; the buffer is the batch's memory and goes with it. */
static void
end_fact(Batch *batch, BatchUnit *unit, WaBuf *json, WaStatus status)
{
	if (status == WA_OK)
		status = buf_append(json, "", 1);
	if (status != WA_OK)
	{
		unit->is_broken = true;
		buf_free(json);
		return;
	}
	add_item(batch, unit, STORE_FACT)->fact = unconstify(char *, (const char *) buf_data(json));
}

static void
add_fact(Batch *batch, BatchUnit *unit, const WaEvent *event, WaNow now)
{
	WaBuf json;
	WaStatus status = WA_OK;

	buf_init(&json, &batch->env, MOST_FACT);
	if (facts_write(event, now.wall_us, &json, &status))
		end_fact(batch, unit, &json, status);
	else
		buf_free(&json);
}

static void
add_actions(Batch *batch, BatchUnit *unit, const WaEvent *event, WaNow now)
{
	for (int i = 0; i < event->app_actions.count; i++)
	{
		WaBuf json;
		WaStatus status = WA_OK;

		buf_init(&json, &batch->env, MOST_FACT);
		if (facts_write_action(&event->app_actions.list[i], now.wall_us, &json, &status))
			end_fact(batch, unit, &json, status);
		else
			buf_free(&json);
	}
}

static void
put_rows(Batch *batch, BatchUnit *unit, const Rows *rows)
{
	if (rows->has_message)
		put_item(batch, unit, store_item_message(unit->bot_id, &rows->message));
	for (const RowsFact *fact = rows->facts; fact != NULL; fact = fact->next)
		put_item(batch, unit, store_item_fact(unit->bot_id, fact->json));
}

static void
add_message(Batch *batch, BatchUnit *unit, const BatchSource *source, const WaMessageNews *news,
			WaNow now)
{
	RowsContext context = {
		.self = {.pn = str_from(source->device->jid), .lid = str_from(source->device->lid)},
		.received_us = now.wall_us,
		.keep_raw = settings_keep_raw,
	};
	WaArena arena;
	Rows rows;

	if (unit->content.data == NULL)
	{
		unit->content = copy_bytes(batch, news->plaintext);
		unit->chat = copy_bytes(batch, news->source->chat);
	}
	arena_init(&arena, &batch->scratch, ROWS_MAX_MEMORY);
	if (rows_of_news(&arena, &context, news, &rows) != WA_OK)
		unit->is_broken = true;
	put_rows(batch, unit, &rows);
	arena_free(&arena);
}

/* What a status means for keys and codes. */
static void
add_status(Batch *batch, BatchUnit *unit, WaBotStatus status)
{
	switch (status)
	{
		case BOT_LOGGED_OUT:
			add_item(batch, unit, STORE_ERASE);
			unit->holds_keys = true;
			break;
		case BOT_OFFLINE:
		case BOT_ERROR:
		case BOT_BANNED:
			add_item(batch, unit, STORE_LINK_OVER);
			break;
		case BOT_CONNECTING:
		case BOT_QR:
		case BOT_ONLINE:
		case BOT_PASSKEY_REQUIRED:
			break;
	}
}

static void
add_event(Batch *batch, BatchUnit *unit, const BatchSource *source, const WaEvent *event, WaNow now)
{
	StoreItem *item;

	switch (event->kind)
	{
		case EVENT_QR:
			item = add_item(batch, unit, STORE_QR);
			item->text = copy_str(batch, event->qr.content);
			item->until = host_timestamp_in(event->qr.valid_us);
			return;
		case EVENT_PAIR_CODE:
			item = add_item(batch, unit, STORE_PAIR_CODE);
			item->text = copy_str(batch, event->pair_code.code);
			item->until = item->text == NULL ? 0 : host_timestamp_in(PAIR_CODE_US);
			item->error = event->pair_code.error;
			item->error_text = copy_str(batch, event->pair_code.error_text);
			if (source->phone != NULL)
				item->phone = MemoryContextStrdup(batch->context, source->phone);
			return;
		case EVENT_PREKEYS:
			item = add_item(batch, unit, STORE_PREKEYS);
			item->n_keys = event->prekeys.count;
			item->keys =
				MemoryContextAlloc(batch->context, sizeof(WaPrekey) * Max(item->n_keys, 1));
			memcpy(item->keys, event->prekeys.keys, sizeof(WaPrekey) * item->n_keys);
			unit->holds_keys = true;
			return;
		case EVENT_PREKEYS_UPLOADED:
			item = add_item(batch, unit, STORE_PREKEYS_UPLOADED);
			item->first_id = event->prekeys_uploaded.first_id;
			item->last_id = event->prekeys_uploaded.last_id;
			unit->holds_keys = true;
			return;
		case EVENT_DEVICE:
			item = add_item(batch, unit, STORE_DEVICE);
			item->device = MemoryContextAlloc(batch->context, sizeof(WaDevice));
			*item->device = *source->device;
			item->make_online = source->make_online;
			unit->holds_keys = true;
			return;
		case EVENT_RECORDS:
			if (event->records.count == 0)
				return;
			put_item(batch, unit,
					 store_item_records(unit->bot_id, event->records.list, event->records.count));
			unit->holds_keys = true;
			return;
		case EVENT_MESSAGE:
			add_message(batch, unit, source, event->message, now);
			return;
		case EVENT_APP_ACTIONS:
			add_actions(batch, unit, event, now);
			return;
		case EVENT_STATUS:
			add_status(batch, unit, event->status.status);
			break;
		case EVENT_ALIASES:
		case EVENT_GROUP:
		case EVENT_GROUP_LIST:
		case EVENT_GROUP_CHANGE:
		case EVENT_GROUP_GONE:
		case EVENT_NUMBER_CHANGE:
		case EVENT_RAW:
		case EVENT_CAUGHT_UP:
		case EVENT_RECEIPT:
		case EVENT_IDENTITY_CHANGE:
		case EVENT_HISTORY_NOTICE:
			break;
		case EVENT_MEDIA_HOSTS:
		case EVENT_UPLOAD_ANSWER:
		case EVENT_BLOB_WANTED:
			return; /* questions to the worker, nothing to store */
	}
	add_fact(batch, unit, event, now);
}

void
batch_add(Batch *batch, const BatchSource *source, const WaEvent *event, WaNow now)
{
	BatchUnit *unit = open_unit(batch, source, event->stanza, event->stanza_bytes);
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	unit->epoch = event->epoch;
	add_event(batch, unit, source, event, now);
	MemoryContextSwitchTo(old);
}

void
batch_add_rows(Batch *batch, int64 bot_id, const Rows *rows, WaStr content, WaStr chat)
{
	BatchSource source = {.bot_id = bot_id};
	BatchUnit *unit = open_unit(batch, &source, 0, WA_STR_NONE);
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	unit->content = copy_bytes(batch, content);
	unit->chat = copy_bytes(batch, chat);
	put_rows(batch, unit, rows);
	MemoryContextSwitchTo(old);
}

/* ---- emptying ---- */

static void
keep_questions(Batch *batch, const StoreQuestion *questions, int count)
{
	for (int i = 0; i < count; i++)
	{
		batch->questions = grow(batch, batch->questions, batch->n_questions,
								&batch->questions_capacity, sizeof(StoreQuestion));
		batch->questions[batch->n_questions++] = questions[i];
	}
}

static void
resolve_units(Batch *batch, int from, int to, BatchOutcome outcome)
{
	for (int i = from; i < to; i++)
		batch->units[i].outcome = outcome;
	batch->resolved = to;
}

/* Puts off everything that is left, and says so once. */
static void
retry_later(Batch *batch, int64 now_us)
{
	const StoreError *error = store_error();

	batch->retry_delay_us =
		batch->retry_delay_us == 0 ? RETRY_FIRST_US : Min(batch->retry_delay_us * 2, RETRY_MOST_US);
	batch->retry_at = now_us + batch->retry_delay_us;

	/* A short wait for a lock is daily life. */
	if (batch->trouble[0] != '\0' || batch->retry_delay_us < WA_SECOND)
		return;
	snprintf(batch->trouble, sizeof(batch->trouble),
			 "Events cannot be stored at the moment: SQLSTATE %s.",
			 unpack_sql_state(error->sqlstate));
	ereport(LOG,
			(errcode(error->sqlstate), errmsg("wa_collector cannot store events at the moment"),
			 errdetail("SQLSTATE %s%s%s.  They are kept and tried again.",
					   unpack_sql_state(error->sqlstate), error->object[0] != '\0' ? " at " : "",
					   error->object)));
}

/* A trigger that always fails must not fill the log: one line a minute. */
static void
report_reject(Batch *batch, int64 bot_id, const StoreError *cause, int64 now_us)
{
	if (batch->reject_logged_at != 0 && now_us - batch->reject_logged_at < REJECT_LOG_US)
	{
		batch->rejects_unlogged++;
		return;
	}
	ereport(LOG, (errcode(cause->sqlstate),
				  errmsg("a stanza of bot %lld could not be stored", (long long) bot_id),
				  errdetail("SQLSTATE %s%s%s.", unpack_sql_state(cause->sqlstate),
							cause->object[0] != '\0' ? " at " : "", cause->object),
				  batch->rejects_unlogged == 0
					  ? errhint("It is kept in wa.rejected with the reason.")
					  : errhint("It is kept in wa.rejected with the reason, like %d before it.",
								batch->rejects_unlogged)));
	batch->reject_logged_at = now_us;
	batch->rejects_unlogged = 0;
}

/*
 * Puts one unit aside, with the keys and records that it changed: the ratchet
 * goes on, so that what comes next can be read.  *is_whole: they are stored, too.
 */
static StoreResult
park_unit(Batch *batch, const BatchUnit *unit, const StoreError *cause, bool *is_whole)
{
	StoreResult result =
		store_reject(unit->bot_id, unit->stanza_bytes, unit->content, unit->chat, cause->message,
					 cause->sqlstate, batch->items + unit->first_item, unit->n_items);

	*is_whole = true;
	if (result != STORE_FAILED || store_error()->trouble == TROUBLE_PASSING)
		return result;
	*is_whole = !unit->holds_keys;
	return store_reject(unit->bot_id, unit->stanza_bytes, unit->content, unit->chat, cause->message,
						cause->sqlstate, NULL, 0);
}

/* Parks one unit and resolves it.  False when even that has to wait. */
static bool
reject_unit(Batch *batch, int index, int64 now_us)
{
	BatchUnit *unit = &batch->units[index];
	StoreError cause = *store_error();
	bool is_whole;

	if (unit->is_broken)
	{
		cause.sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		cause.object[0] = '\0';
		strlcpy(cause.message, "the event is too large to be written as JSON",
				sizeof(cause.message));
	}
	switch (park_unit(batch, unit, &cause, &is_whole))
	{
		case STORE_OK:
			break;
		case STORE_NOT_READY:
			batch->not_ready = true;
			return false;
		case STORE_FAILED:
			/* The bot was removed: there is nobody left to keep it for. */
			if (store_error()->sqlstate == ERRCODE_FOREIGN_KEY_VIOLATION)
				break;
			retry_later(batch, now_us);
			return false;
	}
	report_reject(batch, unit->bot_id, &cause, now_us);
	resolve_units(batch, index, index + 1, is_whole ? UNIT_REJECTED : UNIT_LOST);
	return true;
}

static void
count_stored(Batch *batch, int first_item, int last_item)
{
	batch->counts.batches++;
	for (int i = first_item; i < last_item; i++)
	{
		const StoreItem *item = batch->items[i];

		if (item->kind == STORE_FACT)
			batch->counts.addons += strncmp(item->fact, ADDON_FACT, strlen(ADDON_FACT)) == 0;
		if (item->kind != STORE_MESSAGE)
			continue;
		batch->counts.messages++;
		batch->counts.pending += str_is(item->message->state, "pending");
		batch->counts.secrets += item->message->secret.data != NULL;
	}
}

/* Stores items.  A conflict with somebody else's transaction is worth another try at once. */
static StoreResult
apply(Batch *batch, int first_item, int last_item, StoreQuestion **questions, int *n_questions)
{
	StoreResult result;
	int conflicts = 0;

	do
		result =
			store_apply(batch->items + first_item, last_item - first_item, questions, n_questions);
	while (result == STORE_FAILED && store_error()->is_conflict && ++conflicts < MOST_CONFLICTS);
	return result;
}

/* Resolves the units from .. to - 1 in order.  False when it has to stop. */
static bool
resolve_range(Batch *batch, int from, int to, int64 now_us)
{
	StoreQuestion *questions;
	int n_questions;
	int first_item = batch->units[from].first_item;
	int last_item = batch->units[to - 1].first_item + batch->units[to - 1].n_items;
	bool broken = false;
	int middle;

	for (int i = from; i < to; i++)
		broken |= batch->units[i].is_broken;
	if (!broken && first_item == last_item)
	{
		/* Nothing but epochs to confirm. */
		resolve_units(batch, from, to, UNIT_STORED);
		return true;
	}
	if (!broken)
	{
		switch (apply(batch, first_item, last_item, &questions, &n_questions))
		{
			case STORE_OK:
				keep_questions(batch, questions, n_questions);
				count_stored(batch, first_item, last_item);
				resolve_units(batch, from, to, UNIT_STORED);
				return true;
			case STORE_NOT_READY:
				batch->not_ready = true;
				return false;
			case STORE_FAILED:
				if (store_error()->trouble == TROUBLE_PASSING)
				{
					retry_later(batch, now_us);
					return false;
				}
				break;
		}
	}

	if (to - from == 1)
	{
		if (!broken && store_error()->trouble == TROUBLE_LIMIT &&
			++batch->units[from].attempts < LIMIT_ATTEMPTS)
		{
			retry_later(batch, now_us);
			return false;
		}
		return reject_unit(batch, from, now_us);
	}
	middle = from + (to - from) / 2;
	return resolve_range(batch, from, middle, now_us) && resolve_range(batch, middle, to, now_us);
}

void
batch_flush(Batch *batch, int64 now_us)
{
	MemoryContext old;

	if (batch->resolved == batch->n_units)
		return;
	if (batch->retry_at != WA_NEVER && now_us < batch->retry_at)
		return;

	batch->retry_at = WA_NEVER;
	batch->not_ready = false;
	old = MemoryContextSwitchTo(batch->context);
	if (resolve_range(batch, batch->resolved, batch->n_units, now_us))
	{
		batch->retry_delay_us = 0;
		if (batch->trouble[0] != '\0')
			ereport(LOG, (errmsg("wa_collector stores events again")));
		batch->trouble[0] = '\0';
	}
	MemoryContextSwitchTo(old);
}

int64
batch_retry_at(const Batch *batch)
{
	return batch->retry_at;
}

const char *
batch_trouble(const Batch *batch)
{
	return batch->trouble[0] != '\0' ? batch->trouble : NULL;
}

bool
batch_not_ready(const Batch *batch)
{
	return batch->not_ready;
}

const BatchCounts *
batch_counts(const Batch *batch)
{
	return &batch->counts;
}

int
batch_units(const Batch *batch)
{
	return batch->n_units;
}

int
batch_resolved(const Batch *batch)
{
	return batch->resolved;
}

const BatchUnit *
batch_unit(const Batch *batch, int index)
{
	return &batch->units[index];
}

int
batch_questions(const Batch *batch, const StoreQuestion **questions)
{
	*questions = batch->questions;
	return batch->n_questions;
}

void
batch_forget(Batch *batch)
{
	batch->n_questions = 0;
	if (batch->resolved == batch->n_units)
	{
		batch_clear(batch);
		return;
	}
	/* What is left keeps its items; the memory goes when all is resolved. */
	memmove(batch->units, batch->units + batch->resolved,
			sizeof(BatchUnit) * (batch->n_units - batch->resolved));
	batch->n_units -= batch->resolved;
	batch->resolved = 0;
}
