/*
 * shmem.c
 *		Shared memory of the collector; see shmem.h for its rules.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "shmem.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

ShmemControl *shmem = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* This process' own slot and generation, for its exit callback. */
static ShmemSlot *my_slot = NULL;
static uint64 my_generation = 0;

static void
request(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(ShmemControl)));
	RequestNamedLWLockTranche(COLLECTOR_EXTENSION, 1);
}

static void
startup(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shmem = ShmemInitStruct(COLLECTOR_EXTENSION, sizeof(ShmemControl), &found);
	if (!found)
	{
		memset(shmem, 0, sizeof(ShmemControl));
		shmem->lock = &GetNamedLWLockTranche(COLLECTOR_EXTENSION)->lock;
		ConditionVariableInit(&shmem->changed);
		for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
		{
			ShmemSlot *slot = &shmem->slots[i];

			pg_atomic_init_u64(&slot->last_tick_at, 0);
			pg_atomic_init_u64(&slot->bots, 0);
			pg_atomic_init_u64(&slot->online, 0);
			pg_atomic_init_u64(&slot->fds_used, 0);
			pg_atomic_init_u64(&slot->fds_limit, 0);
			pg_atomic_init_u64(&slot->memory_bytes, 0);
			pg_atomic_init_u64(&slot->messages, 0);
			pg_atomic_init_u64(&slot->pending, 0);
			pg_atomic_init_u64(&slot->batches, 0);
			pg_atomic_init_u32(&slot->reload, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shmem_install_hooks(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup;
}

void
shmem_lock(void)
{
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
}

void
shmem_lock_shared(void)
{
	LWLockAcquire(shmem->lock, LW_SHARED);
}

void
shmem_unlock(void)
{
	LWLockRelease(shmem->lock);
}

bool
shmem_is_held(Oid database)
{
	bool held = false;

	for (int i = 0; i < SHMEM_MAX_HOLDS; i++)
	{
		ShmemHold *hold = &shmem->holds[i];

		if (hold->database != InvalidOid && BackendPidGetProc(hold->pid) == NULL)
			hold->database = InvalidOid;
		held |= hold->database == database && OidIsValid(database);
	}
	return held;
}

void
shmem_wake_launcher(void)
{
	shmem_lock_shared();
	if (shmem->launcher_latch != NULL)
		SetLatch(shmem->launcher_latch);
	shmem_unlock();
}

void
shmem_wake_workers(Oid database)
{
	shmem_lock_shared();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];

		if (slot->state != SLOT_RUNNING || slot->database != database)
			continue;
		pg_atomic_write_u32(&slot->reload, 1);
		SetLatch(slot->latch);
	}
	shmem_unlock();
}

/* ---- entering and leaving ---- */

static void
detach_launcher(int code, Datum arg)
{
	(void) code;
	(void) arg;
	shmem_lock();
	if (shmem->launcher_pid == MyProcPid)
	{
		shmem->launcher_pid = 0;
		shmem->launcher_latch = NULL;
	}
	shmem_unlock();
}

void
shmem_attach_launcher(void)
{
	before_shmem_exit(detach_launcher, (Datum) 0);
	shmem_lock();
	shmem->launcher_pid = MyProcPid;
	shmem->launcher_latch = &MyProc->procLatch;
	shmem_unlock();
}

/* Runs after the connection to the database is gone: it was registered first. */
static void
detach_worker(int code, Datum arg)
{
	bool mine;

	(void) arg;
	shmem_lock();
	mine = my_slot->generation == my_generation && my_slot->pid == MyProcPid;
	if (mine)
	{
		my_slot->state = SLOT_STOPPED;
		my_slot->pid = 0;
		my_slot->latch = NULL;
		my_slot->mail_head = my_slot->mail_tail = 0;
		pg_atomic_write_u64(&my_slot->online, 0);
		pg_atomic_write_u64(&my_slot->fds_used, 0);
		pg_atomic_write_u64(&my_slot->memory_bytes, 0);
		if (code != 0 && my_slot->detail[0] == '\0')
			strlcpy(my_slot->detail, "the process ended with an error; see the server log",
					SHMEM_DETAIL);
		if (shmem->launcher_latch != NULL)
			SetLatch(shmem->launcher_latch);
	}
	shmem_unlock();
	if (mine)
		ConditionVariableBroadcast(&shmem->changed);
}

ShmemSlot *
shmem_attach_worker(int index, uint64 generation)
{
	ShmemSlot *slot;
	bool attached = false;

	if (index < 0 || index >= SHMEM_MAX_SLOTS)
		return NULL;
	slot = &shmem->slots[index];
	my_slot = slot;
	my_generation = generation;
	before_shmem_exit(detach_worker, (Datum) 0);

	shmem_lock();
	if (slot->state == SLOT_STARTING && slot->generation == generation)
	{
		/* Attach even when it is to stop: the launcher then sees it end. */
		attached = true;
		slot->state = SLOT_RUNNING;
		slot->pid = MyProcPid;
		slot->latch = &MyProc->procLatch;
		slot->started_at = GetCurrentTimestamp();
		slot->mail_head = slot->mail_tail = 0;
		slot->detail[0] = '\0';
		strlcpy(slot->version, WA_COLLECTOR_VERSION, sizeof(slot->version));
		pg_atomic_write_u32(&slot->reload, 1);
		if (shmem_is_held(slot->database))
			slot->stop = true;
	}
	shmem_unlock();
	if (attached)
		ConditionVariableBroadcast(&shmem->changed);
	return attached ? slot : NULL;
}

bool
shmem_set_detail(ShmemSlot *slot, const char *detail)
{
	bool changed;

	if (detail == NULL)
		detail = "";
	shmem_lock();
	changed = strncmp(slot->detail, detail, SHMEM_DETAIL - 1) != 0;
	strlcpy(slot->detail, detail, SHMEM_DETAIL);
	shmem_unlock();
	return changed;
}

/* ---- mail ---- */

MailResult
shmem_put_mail(Oid database, const Mail *mail)
{
	MailResult result = MAIL_NOT_SERVED;

	shmem_lock();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];

		if (slot->state == SLOT_FREE || slot->database != database)
			continue;
		if (result == MAIL_NOT_SERVED)
			result = MAIL_NOT_RUNNING;
		if (slot->state != SLOT_RUNNING || mail->bot_id % slot->workers != slot->worker)
			continue;
		if (slot->mail_tail - slot->mail_head >= SHMEM_MAILBOX)
			result = MAIL_FULL;
		else
		{
			slot->mail[slot->mail_tail++ % SHMEM_MAILBOX] = *mail;
			result = MAIL_SENT;
		}
		SetLatch(slot->latch);
		break;
	}
	shmem_unlock();
	return result;
}

bool
shmem_take_mail(ShmemSlot *slot, Mail *out)
{
	bool taken = false;

	shmem_lock();
	if (slot->mail_head != slot->mail_tail)
	{
		*out = slot->mail[slot->mail_head++ % SHMEM_MAILBOX];
		taken = true;
	}
	shmem_unlock();
	return taken;
}

const char *
shmem_state_name(ShmemSlot *slot)
{
	switch (slot->state)
	{
		case SLOT_FREE:
			return "free";
		case SLOT_WAITING:
			return "waiting";
		case SLOT_STARTING:
			return "starting";
		case SLOT_RUNNING:
			if (slot->stop)
				return "stopping";
			if (slot->detail[0] != '\0' && pg_atomic_read_u64(&slot->bots) == 0)
				return "idle";
			return "running";
		case SLOT_STOPPED:
			return "stopped";
	}
	return "unknown";
}
