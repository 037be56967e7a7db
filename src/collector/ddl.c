/*
 * ddl.c
 *		Gets the workers out of the way of commands that need a database for
 *		themselves, and tells them when the extension comes, changes or goes.
 *
 * Works from whatever database the command runs in: the library is preloaded.
 * A hold on the database keeps the launcher from starting workers until the
 * command is over, however it ends; then they come back, if the database is
 * still there.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "shmem.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

#define STOP_TIMEOUT_MS 5000 /* then the command says itself who is in its way */

static object_access_hook_type previous_access_hook = NULL;

/* The extension was created, altered or dropped: the workers look at commit. */
static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_access_hook)
		previous_access_hook(access, class_id, object_id, sub_id, arg);
	if (shmem != NULL && class_id == ExtensionRelationId &&
		(access == OAT_POST_CREATE || access == OAT_POST_ALTER || access == OAT_DROP))
		functions_wake_at_commit();
}

#if COMPAT_NEEDS_DDL_HOOK

static ProcessUtility_hook_type previous_utility_hook = NULL;
static bool callbacks_registered = false; /* once per process */
static bool hold_placed = false;

/* The database that a command needs without other sessions; NULL none. */
static const char *
needed_database(Node *statement)
{
	ListCell *cell;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) statement)->subname;
			return NULL;
		case T_AlterDatabaseStmt:
			foreach (cell, ((AlterDatabaseStmt *) statement)->options)
				if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
					return ((AlterDatabaseStmt *) statement)->dbname;
			return NULL;
		case T_CreatedbStmt:
			foreach (cell, ((CreatedbStmt *) statement)->options)
			{
				DefElem *option = lfirst(cell);

				if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
					return defGetString(option);
			}
			return NULL;
		default:
			return NULL;
	}
}

/* Ends this backend's holds; the launcher looks whether workers are missing. */
static void
release_holds(void)
{
	if (!hold_placed)
		return;
	hold_placed = false;
	shmem_lock();
	for (int i = 0; i < SHMEM_MAX_HOLDS; i++)
		if (shmem->holds[i].pid == MyProcPid)
			shmem->holds[i].database = InvalidOid;
	shmem_unlock();
	shmem_wake_launcher();
}

/* Only now does everybody see whether the database is still there. */
static void
release_at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		release_holds();
}

static void
release_at_exit(int code, Datum arg)
{
	(void) code;
	(void) arg;
	release_holds();
}

/*
 * Places a hold and asks the workers to go; the transaction's end or the
 * process' takes the hold away.  False when none are there.
 */
static bool
place_hold(Oid database)
{
	bool is_served = false;

	shmem_lock();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
		is_served |= shmem->slots[i].state != SLOT_FREE && shmem->slots[i].database == database;
	if (is_served)
	{
		int i = 0;

		(void) shmem_is_held(database); /* clears holds of the dead */
		while (i < SHMEM_MAX_HOLDS && OidIsValid(shmem->holds[i].database))
			i++;
		if (i < SHMEM_MAX_HOLDS)
		{
			shmem->holds[i].database = database;
			shmem->holds[i].pid = MyProcPid;
			hold_placed = true;
		}
		for (i = 0; i < SHMEM_MAX_SLOTS; i++)
		{
			ShmemSlot *slot = &shmem->slots[i];

			if (slot->database != database ||
				(slot->state != SLOT_RUNNING && slot->state != SLOT_STARTING))
				continue;
			slot->stop = true;
			if (slot->latch != NULL)
				SetLatch(slot->latch);
		}
	}
	shmem_unlock();
	return is_served;
}

static bool
workers_are_gone(Oid database)
{
	bool gone = true;

	shmem_lock_shared();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];

		if (slot->database == database &&
			(slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING))
			gone = false;
	}
	shmem_unlock();
	return gone;
}

static void
wait_for_workers(Oid database)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_TIMEOUT_MS);

	ConditionVariablePrepareToSleep(&shmem->changed);
	while (!workers_are_gone(database))
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		if (left <= 0)
			break;
		ConditionVariableTimedSleep(&shmem->changed, Min(left, 100), PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

static void
on_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
		   DestReceiver *dest, QueryCompletion *completion)
{
	const char *name = shmem == NULL ? NULL : needed_database(pstmt->utilityStmt);
	Oid database = name == NULL ? InvalidOid : get_database_oid(name, true);

	/* Who may not do it must not be able to stop the workers with it. */
	if (OidIsValid(database) && compat_owns_database(database, GetUserId()))
	{
		if (!callbacks_registered)
		{
			RegisterXactCallback(release_at_transaction_end, NULL);
			before_shmem_exit(release_at_exit, (Datum) 0);
			callbacks_registered = true;
		}
		if (place_hold(database))
			wait_for_workers(database);
	}
	if (previous_utility_hook)
		previous_utility_hook(pstmt, query, read_only_tree, context, params, environment, dest,
							  completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params, environment, dest,
								completion);
}

#endif /* COMPAT_NEEDS_DDL_HOOK */

void
ddl_install_hooks(void)
{
	previous_access_hook = object_access_hook;
	object_access_hook = on_object_access;
#if COMPAT_NEEDS_DDL_HOOK
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
#endif
}
