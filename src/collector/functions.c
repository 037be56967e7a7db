/*
 * functions.c
 *		What SQL calls in the library: mail to workers, waking them, their
 *		state, versions, and QR codes.  Thin: check, call, return.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "qr.h"
#include "shmem.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* 15 does not export them by itself. */
extern PGDLLEXPORT Datum wac_mailbox_put(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_wake_workers(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_workers(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_library_version(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_running_version(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_qr_text(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_qr_svg(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum wac_qr_png(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(wac_mailbox_put);
PG_FUNCTION_INFO_V1(wac_wake_workers);
PG_FUNCTION_INFO_V1(wac_workers);
PG_FUNCTION_INFO_V1(wac_library_version);
PG_FUNCTION_INFO_V1(wac_running_version);
PG_FUNCTION_INFO_V1(wac_qr_text);
PG_FUNCTION_INFO_V1(wac_qr_svg);
PG_FUNCTION_INFO_V1(wac_qr_png);

/* ---- waking ---- */

static bool wake_registered = false; /* the callback, once per process */
static bool wake_armed = false;      /* in the current transaction */

static void
on_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (!wake_armed)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			wake_armed = false;
			shmem_wake_workers(MyDatabaseId);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			/* Prepared: the workers' own look at the table finds it. */
			wake_armed = false;
			break;
		default:
			break;
	}
}

void
functions_wake_at_commit(void)
{
	if (!wake_registered)
	{
		RegisterXactCallback(on_transaction_end, NULL);
		wake_registered = true;
	}
	wake_armed = true;
}

Datum
wac_wake_workers(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	collector_require_preload();
	functions_wake_at_commit();
	PG_RETURN_VOID();
}

/* ---- mail ---- */

static MailCommand
parse_command(const char *command)
{
	if (strcmp(command, "link") == 0)
		return MAIL_LINK;
	if (strcmp(command, "pair_code") == 0)
		return MAIL_PAIR_CODE;
	if (strcmp(command, "refresh_groups") == 0)
		return MAIL_REFRESH_GROUPS;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized command: \"%s\"", command)));
}

Datum
wac_mailbox_put(PG_FUNCTION_ARGS)
{
	Mail mail = {0};
	char *argument = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *database;

	collector_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("bot and command must not be null")));
	mail.bot_id = PG_GETARG_INT64(0);
	mail.command = parse_command(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (argument != NULL &&
		strlcpy(mail.argument, argument, sizeof(mail.argument)) >= sizeof(mail.argument))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument is too long")));

	switch (shmem_put_mail(MyDatabaseId, &mail))
	{
		case MAIL_SENT:
			break;
		case MAIL_FULL:
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("the wa_collector worker has too many requests waiting"),
							errhint("Try again in a moment.")));
			break;
		case MAIL_NOT_RUNNING:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the wa_collector worker of this database is not running"),
					 errhint("SELECT * FROM wa.workers says why and when it is started again.")));
			break;
		case MAIL_NOT_SERVED:
			database = get_database_name(MyDatabaseId);
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("no wa_collector worker serves database \"%s\"",
								   database != NULL ? database : "?"),
							errhint("Add it to \"wa_collector.databases\" in postgresql.conf and "
									"reload the configuration.")));
			break;
	}
	PG_RETURN_VOID();
}

/* ---- state ---- */

/* What a row of wa.workers needs of a slot; the mailbox stays out. */
typedef struct WorkerRow
{
	int worker;
	NameData database;
	pid_t pid;
	char state[16];
	TimestampTz started_at;
	TimestampTz last_tick_at;
	TimestampTz next_start_at;
	uint64 gauges[5]; /* bots, online, fds_used, fds_limit, memory_bytes */
	uint64 counts[3]; /* messages, pending, batches */
	int64 restarts;
	char detail[SHMEM_DETAIL];
} WorkerRow;

static int
copy_slots(WorkerRow *rows)
{
	int count = 0;

	shmem_lock_shared();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];
		WorkerRow *row = &rows[count];

		if (slot->state == SLOT_FREE)
			continue;
		count++;
		row->worker = slot->worker;
		row->database = slot->database_name;
		row->pid = slot->pid;
		strlcpy(row->state, shmem_state_name(slot), sizeof(row->state));
		row->started_at = slot->started_at;
		row->last_tick_at = (TimestampTz) pg_atomic_read_u64(&slot->last_tick_at);
		row->next_start_at = slot->state == SLOT_WAITING ? slot->next_start_at : 0;
		row->gauges[0] = pg_atomic_read_u64(&slot->bots);
		row->gauges[1] = pg_atomic_read_u64(&slot->online);
		row->gauges[2] = pg_atomic_read_u64(&slot->fds_used);
		row->gauges[3] = pg_atomic_read_u64(&slot->fds_limit);
		row->gauges[4] = pg_atomic_read_u64(&slot->memory_bytes);
		row->counts[0] = pg_atomic_read_u64(&slot->messages);
		row->counts[1] = pg_atomic_read_u64(&slot->pending);
		row->counts[2] = pg_atomic_read_u64(&slot->batches);
		row->restarts = slot->restarts;
		strlcpy(row->detail, slot->detail, sizeof(row->detail));
	}
	shmem_unlock();
	return count;
}

Datum
wac_workers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	WorkerRow rows[SHMEM_MAX_SLOTS];
	int count;

	collector_require_preload();
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	count = copy_slots(rows);
	for (int i = 0; i < count; i++)
	{
		WorkerRow *row = &rows[i];
		Datum values[17];
		bool nulls[17] = {false};

		values[0] = Int32GetDatum(row->worker);
		values[1] = NameGetDatum(&row->database);
		values[2] = Int32GetDatum((int32) row->pid);
		nulls[2] = row->pid == 0;
		values[3] = CStringGetTextDatum(row->state);
		values[4] = TimestampTzGetDatum(row->started_at);
		nulls[4] = row->started_at == 0;
		values[5] = TimestampTzGetDatum(row->last_tick_at);
		nulls[5] = row->last_tick_at == 0;
		for (int g = 0; g < 4; g++)
			values[6 + g] = Int32GetDatum((int32) row->gauges[g]);
		values[10] = Int64GetDatum((int64) row->gauges[4]);
		for (int c = 0; c < 3; c++)
			values[11 + c] = Int64GetDatum((int64) row->counts[c]);
		values[14] = Int32GetDatum((int32) Min(row->restarts, PG_INT32_MAX));
		values[15] = TimestampTzGetDatum(row->next_start_at);
		nulls[15] = row->next_start_at == 0;
		values[16] = CStringGetTextDatum(row->detail);
		nulls[16] = row->detail[0] == '\0';
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
wac_library_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_TEXT_P(cstring_to_text(WA_COLLECTOR_VERSION));
}

Datum
wac_running_version(PG_FUNCTION_ARGS)
{
	char version[24] = "";

	collector_require_preload();
	shmem_lock_shared();
	for (int i = 0; i < SHMEM_MAX_SLOTS; i++)
	{
		ShmemSlot *slot = &shmem->slots[i];

		if (slot->state == SLOT_RUNNING && slot->database == MyDatabaseId)
			strlcpy(version, slot->version, sizeof(version));
	}
	shmem_unlock();
	if (version[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(version));
}

/* ---- QR codes ---- */

Datum
wac_qr_text(PG_FUNCTION_ARGS)
{
	char *terminal = text_to_cstring(PG_GETARG_TEXT_PP(1));
	StringInfoData out;

	initStringInfo(&out);
	qr_write_text(text_to_cstring(PG_GETARG_TEXT_PP(0)),
				  strcmp(terminal, "color") == 0   ? QR_COLORED
				  : strcmp(terminal, "light") == 0 ? QR_LIGHT_BACKGROUND
												   : QR_DARK_BACKGROUND,
				  &out);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

Datum
wac_qr_svg(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	qr_write_svg(text_to_cstring(PG_GETARG_TEXT_PP(0)), &out);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

Datum
wac_qr_png(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	qr_write_png(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1), &out);
	PG_RETURN_BYTEA_P((bytea *) cstring_to_text_with_len(out.data, out.len));
}
