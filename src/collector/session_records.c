/*
 * session_records.c
 *		Brings clients the records that their stanzas need.
 *
 * A client that waits for records is hungry and gives no events.  All hungry
 * ones are fed with one read transaction.  Needs are given out once, so they
 * are kept, with copies of their strings, until they could be answered.
 *
 * Only the tables are read.  What is on its way to them is newer, but then it
 * was told by the same client, which still has it: a bot is never loaded from
 * the tables while something of an earlier session of it is in the batch.
 */
#include "postgres.h"

#include "host.h"
#include "session.h"

#include "utils/memutils.h"

#define RETRY_FIRST_US (100 * INT64_C(1000))
#define RETRY_MOST_US (5 * WA_SECOND)
#define SILENT_US WA_SECOND /* a shorter trouble is not worth a line in the log */

/* Whose need it is; the client may be gone when the answer comes. */
typedef struct Asker
{
	int64 bot_id;
	uint64 serial;
} Asker;

static dlist_head hungry = DLIST_STATIC_INIT(hungry);
static MemoryContext context = NULL; /* of the needs */
static StoreNeed *needs = NULL;
static Asker *askers = NULL;
static int n_needs = 0;
static int needs_capacity = 0;
static int64 retry_at = 0;
static int64 retry_delay_us = 0;
static bool is_logged = false;
static bool not_ready = false;

void
session_add_hungry(Session *session)
{
	if (session->is_hungry)
		return;
	dlist_push_tail(&hungry, &session->hungry_node);
	session->is_hungry = true;
}

void
session_remove_hungry(Session *session)
{
	if (session->is_hungry)
		dlist_delete(&session->hungry_node);
	session->is_hungry = false;
}

int64
session_hungry_deadline(void)
{
	return dlist_is_empty(&hungry) ? WA_NEVER : retry_at;
}

bool
session_not_ready(void)
{
	return not_ready;
}

static WaStr
copy(WaStr s)
{
	char *data;

	if (s.data == NULL)
		return WA_STR_NONE;
	data = MemoryContextAlloc(context, s.len + 1);
	memcpy(data, s.data, s.len);
	return (WaStr){data, s.len};
}

static void
keep_need(const Session *session, const WaNeed *need)
{
	WaNeed *kept = MemoryContextAlloc(context, sizeof(WaNeed));

	if (n_needs == needs_capacity)
	{
		int capacity = Max(64, needs_capacity * 2);
		StoreNeed *more = MemoryContextAlloc(context, sizeof(StoreNeed) * capacity);
		Asker *more_askers = MemoryContextAlloc(context, sizeof(Asker) * capacity);

		if (n_needs > 0)
		{
			memcpy(more, needs, sizeof(StoreNeed) * n_needs);
			memcpy(more_askers, askers, sizeof(Asker) * n_needs);
		}
		needs = more;
		askers = more_askers;
		needs_capacity = capacity;
	}
	*kept = *need;
	kept->chat = copy(need->chat);
	kept->name = copy(need->name);
	needs[n_needs] = (StoreNeed){session->bot_id, kept};
	askers[n_needs++] = (Asker){session->bot_id, session->serial};
}

static void
collect_needs(void)
{
	dlist_iter iter;
	WaNeed need;

	if (context == NULL)
		context =
			AllocSetContextCreate(TopMemoryContext, "wa_collector needs", ALLOCSET_DEFAULT_SIZES);
	dlist_foreach(iter, &hungry)
	{
		Session *session = dlist_container(Session, hungry_node, iter.cur);

		while (client_next_need(session->client, &need))
			keep_need(session, &need);
	}
}

static void
forget_needs(void)
{
	MemoryContextReset(context);
	needs = NULL;
	askers = NULL;
	n_needs = needs_capacity = 0;
}

static bool
waits(const Session *session)
{
	return session->client != NULL && (client_wants(session->client) & CLIENT_WANTS_RECORDS);
}

static void
put_off(StoreResult result, WaNow now)
{
	not_ready = result == STORE_NOT_READY;
	retry_delay_us = retry_delay_us == 0 ? RETRY_FIRST_US : Min(retry_delay_us * 2, RETRY_MOST_US);
	retry_at = now.mono_us + retry_delay_us;
	if (is_logged || not_ready || retry_delay_us < SILENT_US)
		return;
	is_logged = true;
	ereport(LOG, (errcode(store_error()->sqlstate),
				  errmsg("wa_collector cannot read the keys of its bots at the moment"),
				  errdetail("SQLSTATE %s.  It is tried again.",
							unpack_sql_state(store_error()->sqlstate))));
}

bool
session_supply(void)
{
	WaNow now = host_now();
	StoreRecord *records = NULL;
	int n_records = 0;
	StoreResult result = STORE_OK;

	if (dlist_is_empty(&hungry) || now.mono_us < retry_at)
		return false;
	collect_needs();
	if (n_needs > 0)
		result = store_load_records(needs, n_needs, &records, &n_records);
	if (result != STORE_OK)
	{
		put_off(result, now);
		return false;
	}
	retry_at = retry_delay_us = 0;
	is_logged = not_ready = false;

	for (int i = 0; i < n_records; i++)
	{
		const Asker *asker = &askers[records[i].need];
		Session *session = session_find(asker->bot_id);

		/* An error is the client's own: it ends its connection for it. */
		if (session != NULL && session->serial == asker->serial && waits(session))
			(void) client_supply(session->client, &records[i].record);
	}
	now = host_now();
	while (!dlist_is_empty(&hungry))
	{
		Session *session = dlist_head_element(Session, hungry_node, &hungry);

		session_remove_hungry(session);
		client_supplied(session->client, now);
		session_settle(session);
		session_make_ready(session);
	}
	forget_needs();
	return true;
}
