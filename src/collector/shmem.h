/*
 * shmem.h
 *		What launcher, workers and backends share: one slot per worker, holds
 *		on databases that DDL needs empty, and the launcher's latch.
 *
 * The lock guards everything but the atomics.  Under it nothing allocates,
 * waits or raises.  A slot's generation grows each time the launcher starts a
 * worker in it: a process that finds another generation than its own is not
 * the slot's worker and leaves it alone.  Latches are those of PGPROC, never
 * pointers into a process.
 */
#ifndef WA_SHMEM_H
#define WA_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define SHMEM_MAX_SLOTS 32
#define SHMEM_MAILBOX 256
#define SHMEM_MAX_HOLDS 16
#define SHMEM_DETAIL 200

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_WAITING,  /* the launcher starts it at next_start_at */
	SLOT_STARTING, /* registered, has not attached yet */
	SLOT_RUNNING,
	SLOT_STOPPED, /* its process ended; the launcher has not looked yet */
} SlotState;

typedef enum MailCommand
{
	MAIL_LINK,      /* show a QR now */
	MAIL_PAIR_CODE, /* argument: phone number */
	MAIL_REFRESH_GROUPS,
} MailCommand;

typedef struct Mail
{
	int64 bot_id;
	MailCommand command;
	char argument[24];
} Mail;

typedef struct ShmemSlot
{
	SlotState state;
	uint64 generation;
	Oid database;
	NameData database_name;
	int worker; /* 0 .. workers - 1 */
	int workers;
	pid_t pid;                 /* 0 unless SLOT_RUNNING */
	Latch *latch;              /* NULL unless SLOT_RUNNING */
	bool stop;                 /* the worker is to exit with 0 */
	TimestampTz started_at;    /* 0 never */
	TimestampTz next_start_at; /* when SLOT_WAITING */
	TimestampTz registered_at; /* when SLOT_STARTING */
	int failures;              /* in a row; drives the backoff */
	int64 restarts;
	char version[24];          /* of the library the worker runs */
	char detail[SHMEM_DETAIL]; /* why it does less than usual; may be empty */

	/* written by the worker alone, read without the lock */
	pg_atomic_uint64 last_tick_at;
	pg_atomic_uint64 bots;
	pg_atomic_uint64 online;
	pg_atomic_uint64 fds_used;
	pg_atomic_uint64 fds_limit;
	pg_atomic_uint64 memory_bytes;
	pg_atomic_uint64 messages; /* stored; like the next two, since the slot is this database's */
	pg_atomic_uint64 pending;  /* of these, not readable, each time that was told */
	pg_atomic_uint64 batches;  /* transactions that stored something */

	pg_atomic_uint32 reload; /* wa.bots is to be read again */

	uint32 mail_head; /* next to take; head == tail: empty */
	uint32 mail_tail;
	Mail mail[SHMEM_MAILBOX];
} ShmemSlot;

/* A backend whose command needs this database without workers. */
typedef struct ShmemHold
{
	Oid database; /* InvalidOid: free */
	pid_t pid;
} ShmemHold;

typedef struct ShmemControl
{
	LWLock *lock;
	ConditionVariable changed; /* a slot's state changed */
	pid_t launcher_pid;
	Latch *launcher_latch;
	ShmemHold holds[SHMEM_MAX_HOLDS];
	ShmemSlot slots[SHMEM_MAX_SLOTS];
} ShmemControl;

/* NULL when the library was not preloaded. */
extern ShmemControl *shmem;

/* Reserves the space; only while shared_preload_libraries load. */
extern void shmem_install_hooks(void);

extern void shmem_lock(void);
extern void shmem_lock_shared(void);
extern void shmem_unlock(void);

/* Is a command waiting for this database?  Drops holds of dead backends.  Lock held. */
extern bool shmem_is_held(Oid database);

extern void shmem_wake_launcher(void);

/* Sets the reload flag and the latch of each worker of the database. */
extern void shmem_wake_workers(Oid database);

/*
 * Launcher and workers enter themselves; the exit callbacks they register
 * take them out.  A worker gets NULL when the slot is no longer meant for it.
 */
extern void shmem_attach_launcher(void);
extern ShmemSlot *shmem_attach_worker(int index, uint64 generation);

/* Sets the slot's detail; NULL clears it.  True when that changed it. */
extern bool shmem_set_detail(ShmemSlot *slot, const char *detail);

typedef enum MailResult
{
	MAIL_SENT,
	MAIL_FULL,
	MAIL_NOT_RUNNING, /* the database is served, its worker is not up */
	MAIL_NOT_SERVED,
} MailResult;

extern MailResult shmem_put_mail(Oid database, const Mail *mail);
extern bool shmem_take_mail(ShmemSlot *slot, Mail *out);

extern const char *shmem_state_name(ShmemSlot *slot);

#endif /* WA_SHMEM_H */
