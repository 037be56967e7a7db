/*
 * worker.c
 *		The main loop of a worker: wait, move bytes, store in one transaction,
 *		confirm, answer.
 *
 * No transaction is open while it waits and none sees the network.  Errors
 * outside the store end the process with 1: the launcher starts another one,
 * which goes on from the tables.
 */
#include "postgres.h"

#include "addons.h"
#include "batch.h"
#include "bots.h"
#include "collector.h"
#include "compat.h"
#include "fetch.h"
#include "host.h"
#include "session.h"
#include "settings.h"
#include "shmem.h"
#include "store.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define BEAT_US (1 * WA_SECOND)              /* gauges, statistics, how long a wait may last */
#define RELOAD_LEAST_US (50 * INT64_C(1000)) /* between two readings of wa.bots */
#define RELOAD_MOST_US (30 * WA_SECOND)      /* wa.bots is read that often unasked */
#define RELOAD_IDLE_US (5 * WA_SECOND)       /* the same while there is nothing to do */
#define DUE_US (10 * WA_SECOND)              /* between two looks for open questions */
#define HOUSEKEEP_US (60 * WA_SECOND)        /* between two rounds of cleaning up */
#define HOUSEKEEP_FULL 1000                  /* rows of a round after which there may be more */
#define PULL_US (10 * INT64_C(1000))         /* bringing records before what came is stored */
#define LIVE_US (1 * WA_SECOND) /* after the last event others may wait for us again any moment */
#define GATHER_US (5 * INT64_C(1000)) /* longest rest between two transactions */
#define CALM_US (2 * WA_SECOND)       /* after that the system gets free memory back */
#define TRIM_MOST_US (10 * WA_SECOND) /* the same while there is no calm */
#define LOCK_TIMEOUT "500ms"          /* then the batch waits, not the sockets */

static ShmemSlot *slot;
static Batch *batch;
static MemoryContext tick_context;
static WaitEventSet *wait_set;
static uint32 wait_event;

static const char *bots_trouble; /* why bots are missing; NULL: all are here */
static bool idle;                /* none can be served */
static int64 reloaded_at;
static int64 reload_cost_us;
static bool reload_wanted = true;
static int64 beat_at;
static int64 due_at;
static int64 stored_at;
static int64 store_at;   /* what comes before is gathered */
static bool gathering;   /* something waits for that */
static int64 fetched_at; /* the last step of what is fetched */
static int64 trimmed_at;
static int64 housekeep_at;

/* ---- start ---- */

static void
add_context(void *arg)
{
	(void) arg;
	errcontext("wa_collector worker %d of database \"%s\"", slot->worker,
			   NameStr(slot->database_name));
}

/* A database's or role's own settings must not change what the worker relies on. */
static void
pin_settings(void)
{
	/* What was acknowledged must survive a crash: at least our own WAL is flushed. */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		SetConfigOption("synchronous_commit", "local", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_deferrable", "off", PGC_SUSET, PGC_S_OVERRIDE);
	/* The same few statements for ever: planning them again costs more than it gains. */
	SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("session_replication_role", "origin", PGC_SUSET, PGC_S_OVERRIDE);
}

static void
enter(Datum arg)
{
	uint64 generation;
	char name[64];

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	memcpy(&generation, MyBgworkerEntry->bgw_extra, sizeof(generation));
	slot = shmem_attach_worker(DatumGetInt32(arg), generation);
	BackgroundWorkerUnblockSignals();
	if (slot == NULL || slot->stop)
		proc_exit(0); /* too late, or a command needs the database */

	BackgroundWorkerInitializeConnectionByOid(slot->database, InvalidOid, 0);
	snprintf(name, sizeof(name), "wa_collector worker %d", slot->worker);
	pgstat_report_appname(name);
	pgstat_report_activity(STATE_IDLE, NULL);
	pin_settings();
	wait_event = compat_wait_event("WaCollectorMain");
}

static void
prepare(void)
{
	batch = batch_create(TopMemoryContext);
	tick_context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector tick", ALLOCSET_DEFAULT_SIZES);
	session_init(batch);
	fetch_init();
	bots_settings_changed();
	wait_set = compat_wait_event_set(3);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(wait_set, WL_SOCKET_READABLE, session_loop_fd(), NULL, NULL);
}

/* ---- parts of a round ---- */

/* Sleeps until something happens or is due.  busy: only looks. */
static void
wait_for_work(bool busy)
{
	WaitEvent events[3];
	long timeout_ms = 0;

	if (!busy)
	{
		int64 now = host_now().mono_us;
		int64 deadline = Min(session_deadline(), batch_retry_at(batch));
		int loop_ms = session_loop_timeout_ms();

		deadline = Min(deadline, beat_at);
		if (gathering)
			deadline = Min(deadline, store_at);
		if (!idle)
			deadline = Min(deadline, fetch_deadline());
		if (reload_wanted)
			deadline = Min(deadline, reloaded_at + Max(RELOAD_LEAST_US, 10 * reload_cost_us));
		timeout_ms = deadline <= now ? 0 : (long) ((deadline - now + 999) / 1000);
		if (loop_ms >= 0)
			timeout_ms = Min(timeout_ms, loop_ms);
	}
	(void) WaitEventSetWait(wait_set, timeout_ms, events, lengthof(events), wait_event);
	ResetLatch(MyLatch);

	/* Outside of a transaction there is nothing that could be cancelled. */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
}

static void
take_orders(void)
{
	bool stop;

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		pin_settings();
		bots_settings_changed();
		reload_wanted = true;
	}
	if (pg_atomic_exchange_u32(&slot->reload, 0) != 0)
		reload_wanted = true;
	shmem_lock_shared();
	stop = slot->stop;
	shmem_unlock();
	if (stop)
		proc_exit(0); /* the launcher or a command asked for it */
}

/* Tells people, once per change, why this worker does less than usual. */
static void
show_detail(void)
{
	const char *detail = bots_trouble != NULL ? bots_trouble : batch_trouble(batch);

	if (!shmem_set_detail(slot, detail) || bots_trouble == NULL)
		return;
	ereport(LOG, (idle ? errmsg("wa_collector has nothing to do in database \"%s\"",
								NameStr(slot->database_name))
					   : errmsg("wa_collector cannot serve all bots of database \"%s\"",
								NameStr(slot->database_name)),
				  errdetail("%s", bots_trouble)));
}

/*
 * Reads wa.bots when somebody changed it and now and then unasked; often
 * enough for people, seldom enough for a thousand bots.
 */
static void
reload_bots(void)
{
	int64 now = host_now().mono_us;
	int64 pause = Max(RELOAD_LEAST_US, 10 * reload_cost_us);

	if (reloaded_at != 0)
	{
		if (reload_wanted
				? now - reloaded_at < pause
				: now - reloaded_at < (bots_trouble != NULL ? RELOAD_IDLE_US : RELOAD_MOST_US))
			return;
	}
	reload_wanted = false;
	bots_trouble = bots_load(slot->worker, slot->workers, &idle);
	reloaded_at = host_now().mono_us;
	reload_cost_us = reloaded_at - now;
	if (idle && batch_not_ready(batch))
	{
		/* there is no storage: the server says it all again */
		session_forget_batch();
		batch_clear(batch);
	}
	fetch_wake(); /* what woke us may be a wish */
	show_detail();
}

/* Fills the batch; false when there is more than fits or than time allows. */
static bool
pull(void)
{
	int64 until = host_now().mono_us + PULL_US;
	bool more;

	do
	{
		more = session_pull();
	} while (!more && batch_has_room(batch) && host_now().mono_us < until && session_supply());
	return !more && session_hungry_deadline() > host_now().mono_us;
}

/* Adds what was stored since the last time to the slot, which outlives this process. */
static void
add_counts(void)
{
	static BatchCounts known;
	BatchCounts now = *batch_counts(batch);

	pg_atomic_fetch_add_u64(&slot->messages, now.messages - known.messages);
	pg_atomic_fetch_add_u64(&slot->pending, now.pending - known.pending);
	pg_atomic_fetch_add_u64(&slot->batches, now.batches - known.batches);
	known = now;
}

/*
 * Stores the batch.  A transaction costs as much as many messages: after each
 * one, what comes is gathered for as long as it took, so that at most half of
 * the time goes into them.  Nothing waits when little happens, nor when more is
 * there than could be read.
 */
static void
store(bool pulled_all)
{
	int64 now = host_now().mono_us;

	gathering = pulled_all && now < store_at && batch_has_room(batch) && !batch_is_empty(batch);
	if (gathering)
		return;
	batch_flush(batch, now);
	if (batch_resolved(batch) == 0)
		return;
	stored_at = host_now().mono_us;
	store_at = stored_at + Min(stored_at - now, GATHER_US);
	add_counts();
}

static void
take_mail(void)
{
	Mail mail;

	while (shmem_take_mail(slot, &mail))
	{
		bots_handle_mail(&mail, slot->worker, slot->workers);
		CHECK_FOR_INTERRUPTS();
	}
}

/* What expired, what is too old: worker 0 does it for all, between two batches. */
static void
housekeep(int64 now)
{
	int touched;

	if (slot->worker != 0 || idle || now < housekeep_at || !batch_is_empty(batch))
		return;
	housekeep_at = now + HOUSEKEEP_US;
	if (store_housekeep(&touched) == STORE_OK && touched >= HOUSEKEEP_FULL)
		housekeep_at = now + BEAT_US;
}

/* Gauges for wa.workers, and counters that wait to be sent. */
static void
beat(void)
{
	int64 now = host_now().mono_us;
	SessionCounts counts;

	pg_atomic_write_u64(&slot->last_tick_at, (uint64) GetCurrentTimestamp());
	if (now < beat_at)
		return;
	beat_at = now + BEAT_US;
	session_count(&counts);
	pg_atomic_write_u64(&slot->bots, counts.bots);
	pg_atomic_write_u64(&slot->online, counts.online);
	pg_atomic_write_u64(&slot->fds_used, counts.fds_used);
	pg_atomic_write_u64(&slot->fds_limit, counts.fds_limit);
	pg_atomic_write_u64(&slot->memory_bytes, counts.memory_bytes);
	pgstat_report_stat(false);
	session_log_unread();
	show_detail();
	if (Max(stored_at, fetched_at) > trimmed_at &&
		(now - Max(stored_at, fetched_at) > CALM_US || now - trimmed_at > TRIM_MOST_US))
	{
		trimmed_at = now;
		host_trim_memory();
	}
	if (now >= due_at && !idle)
	{
		due_at = now + DUE_US;
		bots_ask_due();
	}
	housekeep(now);
}

void
wac_worker_main(Datum arg)
{
	ErrorContextCallback callback = {.callback = add_context};
	bool busy = false;
	bool pulled_all;

	enter(arg);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	prepare();

	for (;;)
	{
		MemoryContextReset(tick_context);
		MemoryContextSwitchTo(tick_context);

		wait_for_work(busy);
		take_orders();
		reload_bots();
		take_mail();
		session_collect();
		pulled_all = pull();
		store(pulled_all);
		session_confirm();
		batch_forget(batch);
		busy = !pulled_all && batch_has_room(batch);
		busy |= addons_open(batch, host_now().mono_us);
		/* What happens now goes first. */
		if (!idle && fetch_step(busy || host_now().mono_us - stored_at < LIVE_US))
		{
			fetched_at = host_now().mono_us;
			busy = true;
		}
		if (batch_not_ready(batch) || session_not_ready())
			reload_wanted = true;
		beat();
	}
}
