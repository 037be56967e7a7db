/*
 * fetch_history.c
 *		Pieces of history: downloaded, read twice and stored a few hundred
 *		messages at a time.  Sheet 2 section 9.
 *
 * The first reading takes who is who, which comes last in a piece; the second
 * takes everything else.  How far the second one has come is stored with the
 * rows, so that whoever goes on after it reads the same piece again and passes
 * over what is there.  One piece at a time: the others wait in the tables.
 */
#include "postgres.h"

#include "fetch_internal.h"
#include "history.h"
#include "inflate_stream.h"
#include "rows.h"
#include "session.h"
#include "settings.h"
#include "store.h"

#include "utils/memutils.h"

#define MOST_FILE (UINT64CONST(1) << 30)      /* bytes of a piece, deflated */
#define MOST_INFLATED (UINT64CONST(16) << 30) /* and inflated */
#define PIECE (64 * 1024)
#define MESSAGES_ALONE 250 /* in a transaction */
#define MESSAGES_LIVE 100  /* while others wait */
#define ITEMS_PER_MESSAGE 4
#define MOST_MEMORY (4 * 1024 * 1024) /* of what is to be stored in one transaction */
#define ALONE_US (20 * INT64_C(1000)) /* of reading, before others get their turn */
#define LIVE_US (4 * INT64_C(1000))
#define LOOK_US (10 * WA_SECOND) /* between two looks into the tables */
#define RETRY_FIRST_US (100 * INT64_C(1000))
#define RETRY_MOST_US (10 * WA_SECOND)
#define LIMIT_ATTEMPTS 5 /* of one entry that is too slow or too large */
#define NO_MEMORY "out of memory"
#define SYNC_STATUS 1 /* sheet 2 section 9.1: status posts, which have no place here */

typedef enum HistoryPhase
{
	HISTORY_LOADING,
	HISTORY_PEOPLE,
	HISTORY_MESSAGES,
} HistoryPhase;

/* What one entry of history comes to: stored as a whole or put aside as a whole. */
typedef struct Unit
{
	int first_item;
	int n_items;
	int n_messages;
	uint64 n_events; /* how far one is with it */
	uint64 n_bytes;
	int attempts;
	WaStr chat; /* where it was said; none: in no chat */
} Unit;

typedef struct Job
{
	MemoryContext context;
	MemoryContext batch; /* of items and units */
	WaEnv env;
	StoreChunk *chunk;
	WaSelf self;
	Fetch *fetch;
	HistoryPhase phase;

	/* one reading */
	bool is_reading;
	WaInflateStream inflate;
	WaHistory history;
	WaArena arena;
	bool wants_bytes;
	const uint8_t *in;
	size_t in_len;
	uint8_t in_buffer[PIECE];
	uint8_t out_buffer[PIECE];

	/* read and not stored */
	StoreItem **items;
	int n_items;
	int items_capacity;
	Unit *units;
	int n_units;
	int units_capacity;
	int n_messages;
	bool is_read; /* to the end */
	const char *broken;

	int64 retry_at;
	int64 retry_delay_us;
	bool is_troubled; /* and the log knows */
} Job;

static Job *job;
static int64 look_at;

/* ---- beginning and end ---- */

static void
end_reading(void)
{
	if (!job->is_reading)
		return;
	inflate_stream_free(&job->inflate);
	history_free(&job->history);
	arena_free(&job->arena);
	job->is_reading = false;
}

static void
drop_job(void)
{
	if (job == NULL)
		return;
	end_reading();
	if (job->fetch != NULL)
		fetch_file_free(job->fetch);
	MemoryContextDelete(job->context);
	job = NULL;
}

static void
begin_reading(HistoryPhase phase)
{
	end_reading();
	job->phase = phase;
	fetch_file_rewind(job->fetch);
	job->in_len = 0;
	job->is_read = false;
	job->wants_bytes = true;
	history_init(&job->history, &job->env,
				 job->chunk->media.kind == MEDIA_GROUP_HISTORY ? HISTORY_GROUP : HISTORY_SYNC);
	job->history.only_people = phase == HISTORY_PEOPLE;
	arena_init(&job->arena, &job->env, ROWS_MAX_MEMORY);
	job->is_reading = true;
	if (inflate_stream_init(&job->inflate, &job->env, MOST_INFLATED) != WA_OK)
		job->broken = NO_MEMORY;
}

/* Writes how it ended and lets go of it.  A passing trouble is tried again later. */
static void
end_job(const char *state, const char *why)
{
	StoreProgress progress = {.chunk_id = job->chunk->chunk_id,
							  .n_events = job->chunk->n_events,
							  .n_messages = job->chunk->n_messages,
							  .n_bytes = job->chunk->n_bytes,
							  .state = state,
							  .error = why};

	/* What cannot be written now is tried again from the tables. */
	(void) store_history_progress(&progress);
	if (strcmp(state, "failed") == 0)
		ereport(LOG, (errmsg("a piece of history of bot %lld could not be stored",
							 (long long) job->chunk->bot_id),
					  errdetail("%s", why), errhint("wa.history_progress shows all pieces.")));
	drop_job();
	look_at = 0;
}

static void
start_job(int64 now_us)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector history", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StoreChunk *chunk = NULL;
	int64 *bots;
	int n_bots = session_online(&bots);
	const WaDevice *device;

	look_at = now_us + LOOK_US;
	if (n_bots > 0 && settings_sync_history && store_history_next(bots, n_bots, &chunk) != STORE_OK)
		chunk = NULL;
	MemoryContextSwitchTo(old);
	device = chunk == NULL ? NULL : session_device(chunk->bot_id);
	if (device == NULL)
	{
		MemoryContextDelete(context);
		return;
	}

	job = MemoryContextAllocZero(context, sizeof(Job));
	job->context = context;
	job->batch =
		AllocSetContextCreate(context, "wa_collector history batch", ALLOCSET_DEFAULT_SIZES);
	host_env_init(&job->env, context);
	job->chunk = chunk;
	job->self.pn = str_from(MemoryContextStrdup(context, device->jid));
	job->self.lid = str_from(MemoryContextStrdup(context, device->lid));
	if (chunk->sync_type == SYNC_STATUS)
		end_job("done", NULL);
	else if (chunk->payload.data != NULL)
		job->fetch = fetch_file_of(chunk->payload.data, chunk->payload.len);
	else
		job->fetch = fetch_file_start(chunk->bot_id, &chunk->media, MOST_FILE);
}

/* ---- reading ---- */

static void *
grow(void *array, int count, int *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = Max(64, *capacity * 2);
	if (array == NULL)
		return MemoryContextAlloc(job->batch, size * *capacity);
	return repalloc(array, size * *capacity);
}

static void
add_item(StoreItem *item)
{
	job->items = grow(job->items, job->n_items, &job->items_capacity, sizeof(StoreItem *));
	job->items[job->n_items++] = item;
}

/*
 * Who is who of an entry, for the first reading; false: nothing.  A direct
 * chat's own LID and number come behind its messages.
 */
static bool
take_people(WaHistoryEvent *event)
{
	const WaHistoryConversation *chat = event->conversation;
	WaIdentity own;

	switch (event->kind)
	{
		case HISTORY_NAME:
		case HISTORY_ALIAS:
		case HISTORY_CONTACT:
			return true;
		case HISTORY_CONVERSATION:
			own = identity_from(&job->arena, chat->id, WA_STR_NONE);
			event->kind = HISTORY_ALIAS;
			event->who = identity_from(&job->arena, chat->lid, chat->pn);
			if (own.lid.data != NULL)
				event->who.lid = own.lid;
			if (own.pn.data != NULL)
				event->who.pn = own.pn;
			return event->who.lid.data != NULL && event->who.pn.data != NULL;
		case HISTORY_MESSAGE:
		case HISTORY_MEMBER:
		case HISTORY_LEAVERS:
			break;
	}
	return false;
}

/* What the second reading tells, and was not stored before. */
static bool
is_news(const WaHistoryEvent *event)
{
	return event->kind != HISTORY_NAME && event->kind != HISTORY_ALIAS &&
		   event->kind != HISTORY_CONTACT && job->history.n_events > (uint64) job->chunk->n_events;
}

/* Where an entry is from. */
static WaStr
place_of(const WaHistoryEvent *event)
{
	if (event->chat.len == 0 && event->kind == HISTORY_MESSAGE)
		return event->message->key.chat;
	if (event->chat.len == 0 && event->kind == HISTORY_CONVERSATION)
		return event->conversation->id;
	return event->chat;
}

/* Copies what an entry says into the batch. */
static void
add_unit(WaHistoryEvent *event)
{
	RowsContext context = {
		.self = job->self, .received_us = host_now().wall_us, .keep_raw = settings_keep_raw};
	int first = job->n_items;
	Unit *unit;
	Rows rows;
	WaStr chat = place_of(event);

	arena_free(&job->arena);
	memset(&rows, 0, sizeof(rows));
	if (job->phase == HISTORY_PEOPLE ? take_people(event) : is_news(event))
	{
		WaStatus status = rows_of_history(&job->arena, &context, event, &rows);

		if (status == WA_ERR_NOMEM)
		{
			job->broken = NO_MEMORY;
			return;
		}
		/* One that is too much for an arena is passed over, as history.c does. */
		if (status != WA_OK)
			memset(&rows, 0, sizeof(rows));
	}
	if (rows.has_message)
		add_item(store_item_message(job->chunk->bot_id, &rows.message));
	for (const RowsFact *fact = rows.facts; fact != NULL; fact = fact->next)
		add_item(store_item_fact(job->chunk->bot_id, fact->json));

	/* Entries that come to nothing only move the mark. */
	if (first == job->n_items && job->n_units > 0)
		unit = &job->units[job->n_units - 1];
	else
	{
		job->units = grow(job->units, job->n_units, &job->units_capacity, sizeof(Unit));
		unit = &job->units[job->n_units++];
		*unit = (Unit){.first_item = first,
					   .n_items = job->n_items - first,
					   .n_messages = rows.has_message ? 1 : 0,
					   .chat = str_from(pnstrdup(chat.len > 0 ? chat.data : "", chat.len))};
		job->n_messages += unit->n_messages;
	}
	unit->n_events = job->history.n_events;
	unit->n_bytes = job->history.n_bytes;
}

static bool
batch_is_full(bool live)
{
	int most = live ? MESSAGES_LIVE : MESSAGES_ALONE;

	return job->n_messages >= most || job->n_items >= most * ITEMS_PER_MESSAGE ||
		   MemoryContextMemAllocated(job->batch, false) >= MOST_MEMORY;
}

/* Gives the walker the next inflated bytes; at the end, is_read. */
static void
feed(void)
{
	size_t n = 0;

	while (n == 0)
	{
		if (job->in_len == 0)
		{
			ssize_t got = fetch_file_read(job->fetch, job->in_buffer, PIECE);

			if (got < 0)
			{
				job->broken = "the temporary file could not be read";
				return;
			}
			job->in = job->in_buffer;
			job->in_len = (size_t) got;
		}
		switch (
			inflate_stream_next(&job->inflate, &job->in, &job->in_len, job->out_buffer, PIECE, &n))
		{
			case WA_OK:
				break;
			case WA_ERR_LIMIT:
				job->broken = "it inflates to more than is allowed";
				return;
			default:
				job->broken = "it is not compressed as history is";
				return;
		}
		if (n == 0 && job->in_len == 0 && fetch_file_at_end(job->fetch))
		{
			if (inflate_stream_end(&job->inflate) != WA_OK)
				job->broken = "the compressed data ends too early";
			else if (history_end(&job->history) != WA_OK)
				job->broken = "it ends in the middle of an entry";
			job->is_read = true;
			return;
		}
	}
	switch (history_feed(&job->history, job->out_buffer, n))
	{
		case WA_OK:
			job->wants_bytes = false;
			break;
		case WA_ERR_NOMEM:
			job->broken = NO_MEMORY;
			break;
		default:
			job->broken = "it is not a piece of history";
	}
}

/* Reads until there is enough for a transaction or the time is up. */
static void
read_on(bool live)
{
	int64 until = host_now().mono_us + (live ? LIVE_US : ALONE_US);
	MemoryContext old = MemoryContextSwitchTo(job->batch);
	int n = 0;

	while (!job->is_read && job->broken == NULL && !batch_is_full(live))
	{
		WaHistoryEvent event;

		if (job->wants_bytes)
		{
			feed();
			continue;
		}
		switch (history_next(&job->history, &event))
		{
			case WA_OK:
				add_unit(&event);
				break;
			case WA_NEED_MORE:
				job->wants_bytes = true;
				break;
			case WA_ERR_NOMEM:
				job->broken = NO_MEMORY;
				break;
			default:
				job->broken = "it is not a piece of history";
				break;
		}
		if (++n % 16 == 0 && host_now().mono_us >= until)
			break;
	}
	MemoryContextSwitchTo(old);
}

/* ---- storing ---- */

static void
note_stored(const Unit *unit, int n_messages)
{
	if (job->phase != HISTORY_MESSAGES)
		return;
	job->chunk->n_messages += n_messages;
	if ((uint64) job->chunk->n_events < unit->n_events)
		job->chunk->n_events = (int64) unit->n_events;
	job->chunk->n_bytes = (int64) unit->n_bytes;
}

/* Stores the units from .. to - 1 in one transaction, with how far that is. */
static StoreResult
store_units(int from, int to, bool *is_gone)
{
	const Unit *last = &job->units[to - 1];
	int first_item = job->units[from].first_item;
	int n_items = last->first_item + last->n_items - first_item;
	StoreQuestion *questions;
	int n_questions;
	int n_messages = 0;
	StoreProgress progress = {.chunk_id = job->chunk->chunk_id,
							  .n_events = job->chunk->n_events,
							  .n_bytes = job->chunk->n_bytes,
							  .state = "loading"};
	StoreResult result;

	for (int i = from; i < to; i++)
		n_messages += job->units[i].n_messages;
	progress.n_messages = job->chunk->n_messages;
	if (job->phase == HISTORY_MESSAGES)
	{
		progress.n_events = Max(progress.n_events, (int64) last->n_events);
		progress.n_messages += n_messages;
		progress.n_bytes = (int64) last->n_bytes;
	}
	result = store_apply_and(job->items + first_item, n_items, store_history_also, &progress,
							 &questions, &n_questions);
	*is_gone = progress.is_gone;
	if (result == STORE_OK)
	{
		note_stored(last, n_messages);
		session_ask(questions, n_questions);
	}
	return result;
}

/* Keeps an entry that no table takes where people can see it. */
static StoreResult
reject_unit(const Unit *unit)
{
	StoreError cause = *store_error();
	WaStr content = WA_STR_NONE;
	StoreProgress progress = {.chunk_id = job->chunk->chunk_id, .state = "loading"};
	StoreResult result;

	for (int i = 0; i < unit->n_items && content.data == NULL; i++)
	{
		const StoreItem *item = job->items[unit->first_item + i];

		content = item->kind == STORE_FACT ? str_from(item->fact) : item->message->raw;
	}
	result = store_reject(job->chunk->bot_id, WA_STR_NONE, content, unit->chat, cause.message,
						  cause.sqlstate, NULL, 0);
	if (result != STORE_OK)
		return result;
	note_stored(unit, 0);
	progress.n_events = job->chunk->n_events;
	progress.n_messages = job->chunk->n_messages;
	progress.n_bytes = job->chunk->n_bytes;
	return store_history_progress(&progress);
}

static void
retry_later(int64 now_us)
{
	job->retry_delay_us =
		job->retry_delay_us == 0 ? RETRY_FIRST_US : Min(job->retry_delay_us * 2, RETRY_MOST_US);
	job->retry_at = now_us + job->retry_delay_us;

	/* A short wait for a lock is daily life. */
	if (job->is_troubled || job->retry_delay_us < WA_SECOND)
		return;
	job->is_troubled = true;
	ereport(LOG,
			(errcode(store_error()->sqlstate),
			 errmsg("history of bot %lld cannot be stored at the moment",
					(long long) job->chunk->bot_id),
			 errdetail("SQLSTATE %s%s%s.  It is tried again.",
					   unpack_sql_state(store_error()->sqlstate),
					   store_error()->object[0] != '\0' ? " at " : "", store_error()->object)));
}

/* As batch.c: by halves until one is alone, and that one is put aside.  How many are resolved. */
static int
resolve(int from, int to, int64 now_us, bool *is_gone)
{
	int middle;
	int resolved;

	switch (store_units(from, to, is_gone))
	{
		case STORE_OK:
			return to;
		case STORE_NOT_READY:
			retry_later(now_us);
			return from;
		case STORE_FAILED:
			break;
	}
	if (store_error()->trouble == TROUBLE_PASSING ||
		(to - from == 1 && store_error()->trouble == TROUBLE_LIMIT &&
		 ++job->units[from].attempts < LIMIT_ATTEMPTS))
	{
		retry_later(now_us);
		return from;
	}
	if (to - from == 1)
	{
		if (reject_unit(&job->units[from]) == STORE_OK)
			return to;
		retry_later(now_us);
		return from;
	}
	middle = from + (to - from) / 2;
	resolved = resolve(from, middle, now_us, is_gone);
	if (resolved == middle && !*is_gone)
		resolved = resolve(middle, to, now_us, is_gone);
	return resolved;
}

static void
forget_units(int resolved)
{
	if (resolved == job->n_units)
	{
		MemoryContextReset(job->batch);
		job->items = NULL;
		job->units = NULL;
		job->n_items = job->items_capacity = job->n_units = job->units_capacity = 0;
		job->n_messages = 0;
		return;
	}
	/* What is left keeps its items; the memory goes when all is resolved. */
	for (int i = 0; i < resolved; i++)
		job->n_messages -= job->units[i].n_messages;
	memmove(job->units, job->units + resolved, sizeof(Unit) * (job->n_units - resolved));
	job->n_units -= resolved;
}

/* Stores what is read.  False when the job is over. */
static bool
flush(int64 now_us)
{
	MemoryContext old = MemoryContextSwitchTo(job->batch);
	bool is_gone = false;
	int resolved = resolve(0, job->n_units, now_us, &is_gone);

	MemoryContextSwitchTo(old);
	if (is_gone)
	{
		/* The bot or the piece was removed. */
		drop_job();
		return false;
	}
	if (resolved == job->n_units)
	{
		job->retry_delay_us = job->retry_at = 0;
		job->is_troubled = false;
	}
	forget_units(resolved);
	return true;
}

/* ---- the loop ---- */

/* Asks for a piece that is gone, once.  It comes as a piece of its own. */
static bool
ask_phone(void)
{
	WaUploadRequest request = {.id = job->chunk->notice_id, .key = job->chunk->media.key};

	return !job->chunk->is_again && request.id.data != NULL &&
		   session_ask_upload(job->chunk->bot_id, &request);
}

static void
step_loading(void)
{
	switch (fetch_file_state(job->fetch))
	{
		case FETCH_RUNNING:
			return;
		case FETCH_DONE:
			/* Who is who was stored before anything else was. */
			begin_reading(job->chunk->n_events > 0 ? HISTORY_MESSAGES : HISTORY_PEOPLE);
			return;
		case FETCH_PASSING:
			end_job("wanted", fetch_file_why(job->fetch));
			return;
		case FETCH_GONE:
			end_job("failed", ask_phone() ? "the media service does not have it any more; the "
											"phone was asked to upload it again"
										  : fetch_file_why(job->fetch));
			return;
		case FETCH_BAD:
			end_job("failed", fetch_file_why(job->fetch));
			return;
	}
}

bool
fetch_history_step(int64 now_us, bool live)
{
	if (job == NULL)
	{
		if (now_us < look_at)
			return false;
		start_job(now_us);
		if (job == NULL)
			return false;
	}
	if (!session_exists(job->chunk->bot_id))
	{
		/* Somebody else's now, or nobody's. */
		drop_job();
		return true;
	}
	if (job->phase == HISTORY_LOADING)
	{
		step_loading();
		return job == NULL ? now_us >= look_at : job->phase != HISTORY_LOADING;
	}
	if (now_us < job->retry_at)
		return false;
	read_on(live);
	if (job->n_units > 0 && (batch_is_full(live) || job->is_read || job->broken != NULL))
	{
		if (!flush(now_us))
			return true;
		if (job->n_units > 0)
			return false; /* retried later */
	}
	if (job->broken != NULL && strcmp(job->broken, NO_MEMORY) == 0)
		end_job("wanted", job->broken);
	else if (job->broken != NULL)
		end_job("failed", job->broken);
	else if (job->is_read && job->phase == HISTORY_PEOPLE)
		begin_reading(HISTORY_MESSAGES);
	else if (job->is_read)
		end_job("done", NULL);
	return true;
}

int64
fetch_history_deadline(void)
{
	if (job == NULL)
		return look_at;
	/* The download's own deadlines and events are what it waits for. */
	return job->phase == HISTORY_LOADING ? WA_NEVER : job->retry_at;
}

void
fetch_history_wake(void)
{
	look_at = 0;
}
