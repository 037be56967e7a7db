/*
 * launcher.c
 *		The one static process: keeps a worker running for every number of
 *		every database in wa_collector.databases.
 *
 * It is connected to no database, so that it stands in nobody's way, and sees
 * the shared catalogs only.  Workers are never restarted by the postmaster:
 * the launcher decides, with backoff, from the slots in shared memory.  It
 * never exits with 0, which would unregister it for good.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "settings.h"
#include "shmem.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define RESTART_SECONDS 5 /* of the launcher itself, after an error */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS 60000
#define HEALTHY_MS 60000        /* uptime that forgets earlier failures */
#define ATTACH_TIMEOUT_MS 15000 /* from registering to attaching */
#define LOOK_MS 10000           /* how often databases are looked up unasked */

/* What this process remembers of a slot; shared memory holds no handles. */
typedef struct Child
{
	BackgroundWorkerHandle *handle;
	bool reported; /* the current trouble is in the log */
} Child;

typedef struct Database
{
	Oid oid;
	NameData name;
} Database;

static Child children[SHMEM_MAX_SLOTS];
static MemoryContext round_context = NULL;
static uint32 wait_event = 0;
static bool slots_reported = false;
static List *missing_reported = NIL; /* names, in TopMemoryContext */

void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, COLLECTOR_EXTENSION, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "wac_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "wa_collector launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "wa_collector launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* ---- which databases ---- */

static bool
was_reported(const char *name)
{
	ListCell *cell;

	foreach (cell, missing_reported)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/* One log line when a name starts to lead nowhere, none while it stays so. */
static void
report_missing(const char *name, const char *why)
{
	MemoryContext old;

	if (was_reported(name))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	missing_reported = lappend(missing_reported, pstrdup(name));
	MemoryContextSwitchTo(old);
	ereport(LOG, (errmsg("wa_collector does not run in database \"%s\"", name),
				  errdetail("The database %s.", why),
				  errhint("Correct \"wa_collector.databases\" and reload the configuration.")));
}

static void
forget_missing(const char *name)
{
	ListCell *cell;

	foreach (cell, missing_reported)
	{
		if (strcmp(lfirst(cell), name) != 0)
			continue;
		pfree(lfirst(cell));
		missing_reported = foreach_delete_current(missing_reported, cell);
	}
}

/* The databases to serve as a list of Database in round_context. */
static List *
find_databases(void)
{
	List *names = settings_database_list();
	List *found = NIL;
	List *refused = NIL;
	Relation relation;
	TableScanDesc scan;
	HeapTuple tuple;
	ListCell *cell;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		foreach (cell, names)
			if (strcmp(lfirst(cell), NameStr(form->datname)) == 0)
				break;
		if (cell == NULL)
			continue;
		old = MemoryContextSwitchTo(round_context);
		if (form->datistemplate || !form->datallowconn || form->datconnlimit == -2)
			refused = lappend(refused, pstrdup(NameStr(form->datname)));
		else
		{
			Database *database = palloc0(sizeof(Database));

			database->oid = form->oid;
			database->name = form->datname;
			found = lappend(found, database);
		}
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(round_context);

	foreach (cell, names)
	{
		const char *name = lfirst(cell);
		ListCell *other;
		bool served = false;
		bool is_refused = false;

		foreach (other, found)
			served |= strcmp(NameStr(((Database *) lfirst(other))->name), name) == 0;
		foreach (other, refused)
			is_refused |= strcmp(lfirst(other), name) == 0;
		if (served)
			forget_missing(name);
		else
			report_missing(name, is_refused ? "is a template or accepts no connections"
											: "does not exist");
	}
	return found;
}

/* ---- slots ---- */

static void
release_handle(int index)
{
	if (children[index].handle != NULL)
		pfree(children[index].handle);
	children[index].handle = NULL;
}

static Database *
find_database(List *databases, Oid oid)
{
	ListCell *cell;

	foreach (cell, databases)
		if (((Database *) lfirst(cell))->oid == oid)
			return lfirst(cell);
	return NULL;
}

/* Free the slot, or tell its worker to go.  Lock held. */
static void
retire_slot(ShmemSlot *slot)
{
	slot->stop = true;
	if (slot->state == SLOT_RUNNING)
		SetLatch(slot->latch);
	else if (slot->state == SLOT_WAITING)
		slot->state = SLOT_FREE;
}

/*
 * Retires the slots that the settings and the catalog no longer ask for.  A
 * change of wa_collector.workers retires all of a database: new workers start
 * when the last old one is gone, so that no bot ever has two.
 */
static void
retire_slots(List *databases)
{
	shmem_lock();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];
		Database *database;

		if (slot->state == SLOT_FREE)
			continue;
		database = find_database(databases, slot->database);
		if (database == NULL || slot->workers != settings_workers)
			retire_slot(slot);
		else
			slot->database_name = database->name;
	}
	shmem_unlock();
}

/* Makes the slots that are missing.  False when there is no room for all. */
static bool
make_slots(List *databases)
{
	bool complete = true;
	ListCell *cell;

	shmem_lock();
	foreach (cell, databases)
	{
		Database *database = lfirst(cell);
		bool present[SHMEM_MAX_SLOTS] = {false};
		bool leaving = false;

		for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
		{
			ShmemSlot *slot = &shmem->slots[i];

			if (slot->state == SLOT_FREE || slot->database != database->oid)
				continue;
			if (slot->workers != settings_workers)
				leaving = true;
			else
				present[slot->worker] = true;
		}
		for (int worker = 0; worker < settings_workers && !leaving; worker++)
		{
			int i = 0;

			if (present[worker])
				continue;
			while (i < SHMEM_MAX_SLOTS && shmem->slots[i].state != SLOT_FREE)
				i++;
			if (i == SHMEM_MAX_SLOTS)
			{
				complete = false;
				break;
			}
			shmem->slots[i].state = SLOT_WAITING;
			shmem->slots[i].database = database->oid;
			shmem->slots[i].database_name = database->name;
			shmem->slots[i].worker = worker;
			shmem->slots[i].workers = settings_workers;
			shmem->slots[i].stop = false;
			shmem->slots[i].started_at = 0;
			shmem->slots[i].next_start_at = 0;
			shmem->slots[i].failures = 0;
			shmem->slots[i].restarts = 0;
			pg_atomic_write_u64(&shmem->slots[i].messages, 0);
			pg_atomic_write_u64(&shmem->slots[i].pending, 0);
			pg_atomic_write_u64(&shmem->slots[i].batches, 0);
			shmem->slots[i].detail[0] = '\0';
			shmem->slots[i].version[0] = '\0';
			pg_atomic_write_u64(&shmem->slots[i].last_tick_at, 0);
			pg_atomic_write_u64(&shmem->slots[i].bots, 0);
			children[i].reported = false;
		}
	}
	shmem_unlock();
	return complete;
}

/* A worker ended or never came: decide when it may start again.  Lock held. */
static void
note_end(ShmemSlot *slot, bool came)
{
	TimestampTz now = GetCurrentTimestamp();
	int delay_ms = 0;

	if (!slot->stop)
	{
		if (came && TimestampDifferenceExceeds(slot->started_at, now, HEALTHY_MS))
			slot->failures = 0;
		slot->failures++;
		delay_ms = Min(BACKOFF_FIRST_MS << Min(slot->failures - 1, 10), BACKOFF_MOST_MS);
	}
	slot->state = SLOT_WAITING;
	slot->stop = false;
	slot->restarts++;
	slot->next_start_at = TimestampTzPlusMilliseconds(now, delay_ms);
}

/* Collects the ends of workers, attached or not. */
static void
collect_ends(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool changed = false;

	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];
		bool gone = false;
		pid_t pid;

		if (children[i].handle != NULL)
			gone = GetBackgroundWorkerPid(children[i].handle, &pid) == BGWH_STOPPED;

		shmem_lock();
		if (slot->state == SLOT_STOPPED)
		{
			note_end(slot, true);
			changed = true;
		}
		else if (slot->state == SLOT_STARTING &&
				 (gone || TimestampDifferenceExceeds(slot->registered_at, now, ATTACH_TIMEOUT_MS)))
		{
			slot->generation++; /* a late comer is not ours any more */
			if (slot->detail[0] == '\0')
				strlcpy(slot->detail, "the process did not start; see the server log",
						SHMEM_DETAIL);
			note_end(slot, false);
			changed = true;
		}
		gone = slot->state == SLOT_WAITING || slot->state == SLOT_FREE;
		shmem_unlock();
		if (gone)
			release_handle(i);
	}
	if (changed)
		ConditionVariableBroadcast(&shmem->changed);
}

/* Registers the worker of a slot that is due. */
static void
start_worker(int index)
{
	ShmemSlot *slot = &shmem->slots[index];
	Child *child = &children[index];
	BackgroundWorker worker;
	uint64 generation;
	char database[NAMEDATALEN];
	MemoryContext old;
	bool registered;

	shmem_lock();
	generation = ++slot->generation;
	slot->state = SLOT_STARTING;
	slot->stop = false;
	slot->registered_at = GetCurrentTimestamp();
	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "wa_collector worker %d", slot->worker);
	strlcpy(database, NameStr(slot->database_name), sizeof(database));
	shmem_unlock();

	worker.bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION | COMPAT_BGWORKER_FLAGS;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, COLLECTOR_EXTENSION, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "wac_worker_main", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "wa_collector worker", BGW_MAXLEN);
	worker.bgw_main_arg = Int32GetDatum(index);
	worker.bgw_notify_pid = MyProcPid;
	StaticAssertStmt(sizeof(generation) <= BGW_EXTRALEN, "generation does not fit bgw_extra");
	memcpy(worker.bgw_extra, &generation, sizeof(generation));

	/* The handle lives until release_handle, not just for this round. */
	release_handle(index);
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &child->handle);
	MemoryContextSwitchTo(old);
	if (registered)
	{
		child->reported = false;
		return;
	}

	child->handle = NULL;
	shmem_lock();
	strlcpy(slot->detail, "no background worker slot is free; raise max_worker_processes",
			SHMEM_DETAIL);
	note_end(slot, false);
	slot->restarts--;
	shmem_unlock();
	if (!child->reported)
		ereport(LOG, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					  errmsg("could not start a wa_collector worker in database \"%s\"", database),
					  errdetail("No background worker slot is free."),
					  errhint("Raise \"max_worker_processes\".  It is tried again.")));
	child->reported = true;
}

/* Starts what is due; returns the milliseconds until the next one is. */
static long
start_workers(void)
{
	long sleep_ms = LOOK_MS;

	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];
		TimestampTz now = GetCurrentTimestamp();
		bool due = false;

		shmem_lock();
		if (slot->state == SLOT_WAITING && !shmem_is_held(slot->database))
		{
			due = slot->next_start_at <= now;
			if (!due)
				sleep_ms =
					Min(sleep_ms, TimestampDifferenceMilliseconds(now, slot->next_start_at) + 1);
		}
		else if (slot->state == SLOT_STARTING)
			sleep_ms = Min(sleep_ms, 1000);
		shmem_unlock();
		if (due)
			start_worker(i);
	}
	return sleep_ms;
}

/* ---- the process ---- */

static void
look_after_databases(void)
{
	List *databases = find_databases();
	bool complete;

	retire_slots(databases);
	complete = make_slots(databases);
	if (!complete && !slots_reported)
		ereport(LOG, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					  errmsg("wa_collector runs %d workers at most", SHMEM_MAX_SLOTS),
					  errdetail("%d databases times %d workers are asked for.",
								list_length(databases), settings_workers),
					  errhint("Reduce \"wa_collector.databases\" or \"wa_collector.workers\".")));
	slots_reported = !complete;
}

void
wac_launcher_main(Datum arg)
{
	(void) arg;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	shmem_attach_launcher();
	pgstat_report_appname("wa_collector launcher");
	wait_event = compat_wait_event("WaCollectorLauncherMain");
	round_context = AllocSetContextCreate(TopMemoryContext, "wa_collector launcher round",
										  ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		long sleep_ms;

		MemoryContextReset(round_context);
		MemoryContextSwitchTo(round_context);
		/* A cancel request finds nothing to cancel here. */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}

		/* Look before every start: the database may just have been dropped. */
		collect_ends();
		look_after_databases();
		sleep_ms = start_workers();

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep_ms,
						 wait_event);
		ResetLatch(MyLatch);
	}
}
