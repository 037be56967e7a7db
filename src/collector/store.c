/*
 * store.c
 *		Writes what happened to tables and reads which bots there are.
 *
 * All SQL that the collector runs is in this file.  Each transaction first
 * makes sure that the extension is there, of our version, and locks it
 * against DROP; then acts as the owner of wa.bots, never as the superuser
 * that the worker logs in as, until the commit is over.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "store.h"
#include "store_run.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define STATEMENT_LIMIT_MS 30000 /* a batch that takes longer is cut in halves */

/* ---- statements ---- */

typedef struct Statement
{
	const char *sql;
	int n_types;
	Oid types[STORE_MAX_ARGS];
	SPIPlanPtr plan;
} Statement;

/* Rows of a bot that was removed meanwhile are not written: hence the joins. */
static Statement statements[N_STATEMENTS] = {
	[LOAD_BOTS] = {"SELECT bot_id, name, device_name, desired, login_requested_at,"
				   " status, status_reason, status_since, status_until, last_seen_at,"
				   " noise_private, identity_private, registration_id,"
				   " signed_prekey_id, signed_prekey_private, signed_prekey_signature,"
				   " adv_secret, next_prekey_id, jid, lid, platform,"
				   " business_name, push_name, account, routing, login_counter"
				   " FROM wa_private.worker_bots($1, $2)",
				   2,
				   {INT4OID, INT4OID}},
	[WORKER_STARTED] = {"SELECT wa_private.worker_started($1, $2)", 2, {INT4OID, TEXTOID}},
	[APPLY] = {"SELECT bot_id, group_jid FROM wa_private.apply($1, $2, $3, $4, $5, $6, $7, $8,"
			   " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
			   18,
			   {INT8ARRAYOID, JSONBARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
				TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
				BYTEAARRAYOID, BYTEAARRAYOID}},
	[SAVE_RECORDS] = {"SELECT wa_private.save_records($1, $2, $3, $4, $5, $6)",
					  6,
					  {INT8ARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
					   BYTEAARRAYOID}},
	[LOAD_RECORDS] = {"SELECT no, kind, chat, name, number, data"
					  " FROM wa_private.load_records($1, $2, $3, $4, $5)",
					  5,
					  {INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID}},
	[READABLE_ADDONS] =
		{"SELECT addon_id, bot_id, chat, addon_kind, payload, iv, secret, id, target_id,"
		 " ARRAY(SELECT pg_catalog.jsonb_array_elements_text(target_by)),"
		 " ARRAY(SELECT pg_catalog.jsonb_array_elements_text(sender)),"
		 " from_me, at FROM wa_private.readable_addons($1, $2)",
		 2,
		 {INT4OID, INT8ARRAYOID}},
	[DUE_QUESTIONS] = {"SELECT bot_id, group_jid FROM wa_private.due_questions($1)",
					   1,
					   {INT8ARRAYOID}},
	[HISTORY_NEXT] =
		{"SELECT chunk_id, bot_id, n_events, n_messages, (notice ->> 'sync_type')::bigint,"
		 " pg_catalog.decode(notice ->> 'payload', 'base64'),"
		 " notice #>> '{media,kind}', notice #>> '{media,direct_path}',"
		 " pg_catalog.decode(notice #>> '{media,key}', 'hex'),"
		 " pg_catalog.decode(notice #>> '{media,sha256}', 'hex'),"
		 " pg_catalog.decode(notice #>> '{media,enc_sha256}', 'hex'),"
		 " (notice #>> '{media,size}')::bigint,"
		 " notice ->> 'id', (notice ? 'original_id')::integer::bigint"
		 " FROM wa_private.history_next($1)",
		 1,
		 {INT8ARRAYOID}},
	[HISTORY_PROGRESS] = {"SELECT wa_private.history_progress_set($1, $2, $3, $4, $5, $6)",
						  6,
						  {INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID}},
	[MEDIA_NEXT] = {"SELECT media_id, asker, kind, direct_path, key, sha256, enc_sha256, file_size,"
					" wa_id, chat, participant, from_me::integer::bigint"
					" FROM wa_private.media_next($1, $2)",
					2,
					{INT8ARRAYOID, INT8ARRAYOID}},
	[MEDIA_SET] = {"SELECT wa_private.media_set($1, $2, $3, $4, $5)",
				   5,
				   {INT8OID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID}},
	[REJECT_STANZA] = {"SELECT wa_private.reject($1, $2, $3, $4, $5, $6)",
					   6,
					   {INT8OID, BYTEAOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID}},
	[HOUSEKEEP] = {"SELECT wa_private.housekeeping()", 0, {0}},
	[SAVE_DEVICE] =
		{"INSERT INTO wa_private.devices AS d (bot_id, noise_private, identity_private,"
		 " registration_id, signed_prekey_id, signed_prekey_private, signed_prekey_signature,"
		 " adv_secret, next_prekey_id, jid, lid, platform, business_name, push_name,"
		 " account, routing, login_counter, saved_at)"
		 " SELECT b.bot_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
		 " $17, pg_catalog.now()"
		 " FROM wa.bots b WHERE b.bot_id = $1"
		 " ON CONFLICT (bot_id) DO UPDATE SET noise_private = EXCLUDED.noise_private,"
		 " identity_private = EXCLUDED.identity_private,"
		 " registration_id = EXCLUDED.registration_id,"
		 " signed_prekey_id = EXCLUDED.signed_prekey_id,"
		 " signed_prekey_private = EXCLUDED.signed_prekey_private,"
		 " signed_prekey_signature = EXCLUDED.signed_prekey_signature,"
		 " adv_secret = EXCLUDED.adv_secret, next_prekey_id = EXCLUDED.next_prekey_id,"
		 " jid = EXCLUDED.jid, lid = EXCLUDED.lid, platform = EXCLUDED.platform,"
		 " business_name = EXCLUDED.business_name, push_name = EXCLUDED.push_name,"
		 " account = EXCLUDED.account, routing = EXCLUDED.routing,"
		 " login_counter = EXCLUDED.login_counter, saved_at = EXCLUDED.saved_at",
		 17,
		 {INT8OID, BYTEAOID, BYTEAOID, INT4OID, INT4OID, BYTEAOID, BYTEAOID, BYTEAOID, INT4OID,
		  TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, BYTEAOID, INT4OID}},
	[SAVE_BOT] = {"UPDATE wa.bots SET jid = $2, lid = COALESCE($3, lid), phone = $4,"
				  " platform = COALESCE($5, platform), business_name = $6,"
				  " push_name = COALESCE($7, push_name),"
				  " linked_at = CASE WHEN linked_at IS NULL OR jid IS DISTINCT FROM $2"
				  " THEN pg_catalog.now() ELSE linked_at END,"
				  " desired = CASE WHEN $8 THEN 'online' ELSE desired END"
				  " WHERE bot_id = $1",
				  8,
				  {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID}},
	[ERASE_DEVICE] = {"WITH keys AS (DELETE FROM wa_private.prekeys WHERE bot_id = $1),"
					  " records AS (DELETE FROM wa_private.records WHERE bot_id = $1),"
					  " link AS (DELETE FROM wa_private.links WHERE bot_id = $1),"
					  " bot AS (UPDATE wa.bots SET linked_at = NULL WHERE bot_id = $1)"
					  " DELETE FROM wa_private.devices WHERE bot_id = $1",
					  1,
					  {INT8OID}},
	[SAVE_PREKEYS] =
		{"INSERT INTO wa_private.prekeys (bot_id, key_id, private_key)"
		 " SELECT b.bot_id, k.key_id, k.private_key"
		 " FROM wa.bots b, ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3))"
		 " AS k (key_id, private_key) WHERE b.bot_id = $1"
		 " ON CONFLICT (bot_id, key_id) DO UPDATE SET private_key = EXCLUDED.private_key,"
		 " uploaded_at = NULL, consumed_at = NULL",
		 3,
		 {INT8OID, INT4ARRAYOID, BYTEAARRAYOID}},
	[MARK_PREKEYS] = {"UPDATE wa_private.prekeys SET uploaded_at = pg_catalog.now()"
					  " WHERE bot_id = $1 AND key_id BETWEEN $2 AND $3",
					  3,
					  {INT8OID, INT4OID, INT4OID}},
	[SAVE_QR] = {"INSERT INTO wa_private.links (bot_id, qr_content, qr_valid_until, updated_at)"
				 " SELECT b.bot_id, $2, $3, pg_catalog.now() FROM wa.bots b WHERE b.bot_id = $1"
				 " ON CONFLICT (bot_id) DO UPDATE SET qr_content = EXCLUDED.qr_content,"
				 " qr_valid_until = EXCLUDED.qr_valid_until, updated_at = EXCLUDED.updated_at",
				 3,
				 {INT8OID, TEXTOID, TIMESTAMPTZOID}},
	[SAVE_PAIR_CODE] =
		{"INSERT INTO wa_private.links (bot_id, pair_phone, pair_code, pair_code_valid_until,"
		 " pair_error, pair_error_code, updated_at)"
		 " SELECT b.bot_id, $2, $3, $4, $5, $6, pg_catalog.now()"
		 " FROM wa.bots b WHERE b.bot_id = $1"
		 " ON CONFLICT (bot_id) DO UPDATE SET pair_phone = EXCLUDED.pair_phone,"
		 " pair_code = EXCLUDED.pair_code, pair_code_valid_until = EXCLUDED.pair_code_valid_until,"
		 " pair_error = EXCLUDED.pair_error, pair_error_code = EXCLUDED.pair_error_code,"
		 " updated_at = EXCLUDED.updated_at",
		 6,
		 {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID}},
	[END_LINK] = {"UPDATE wa_private.links SET qr_content = NULL, qr_valid_until = NULL,"
				  " pair_code = NULL, pair_code_valid_until = NULL, updated_at = pg_catalog.now()"
				  " WHERE bot_id = $1",
				  1,
				  {INT8OID}},
	[DELETE_LINK] = {"DELETE FROM wa_private.links WHERE bot_id = $1", 1, {INT8OID}},
	[NOTIFY_QR] = {"SELECT pg_catalog.pg_notify('wa.qr_changed', $1::text)", 1, {INT8OID}},
};

void
store_arg_datum(Args *args, Datum value, bool is_null)
{
	Assert(args->count < lengthof(args->values));
	args->values[args->count] = value;
	args->nulls[args->count++] = is_null ? 'n' : ' ';
}

void
store_arg_bytes(Args *args, const void *data, size_t len)
{
	bytea *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(value), data, len);
	store_arg_datum(args, PointerGetDatum(value), false);
}

/* NULL and "" are both SQL's NULL: the core's word for "not known". */
void
store_arg_text(Args *args, const char *value)
{
	if (value == NULL || value[0] == '\0')
		store_arg_datum(args, (Datum) 0, true);
	else
		store_arg_datum(args, CStringGetTextDatum(value), false);
}

void
store_arg_time(Args *args, TimestampTz at)
{
	store_arg_datum(args, TimestampTzGetDatum(at), at == 0);
}

void
store_arg_numbers(Args *args, const int64 *numbers, int count)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(numbers[i]);
	store_arg_datum(args, store_array_values(values, count, INT8OID), false);
}

/* Runs a statement; the rows, if any, are in SPI_tuptable. */
void
store_execute(int which, Args *args)
{
	Statement *statement = &statements[which];
	int rc;

	Assert(args->count == statement->n_types);
	if (statement->plan == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(statement->sql, statement->n_types, statement->types);

		if (plan == NULL)
			elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		statement->plan = plan;
	}
	rc = SPI_execute_plan(statement->plan, args->values, args->nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "could not execute a statement: %s", SPI_result_code_string(rc));
}

static void
forget_plans(void)
{
	for (int i = 0; i < N_STATEMENTS; i++)
	{
		if (statements[i].plan != NULL)
			SPI_freeplan(statements[i].plan);
		statements[i].plan = NULL;
	}
}

/* ---- transactions ---- */

static StoreError last_error;
static char last_why[300];
static Oid known_extension = InvalidOid;

const StoreError *
store_error(void)
{
	return &last_error;
}

const char *
store_why(void)
{
	return last_why;
}

/* The version of the extension with this OID, palloc'd; NULL when it is gone. */
static char *
extension_version(Oid extension)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool is_null;
		Datum datum =
			heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);

		if (!is_null)
			version = TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return version;
}

static Oid
relation_owner(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/*
 * Locks the extension against DROP and UPDATE for this transaction and finds
 * the owner of the storage.  By name, lock, and by name again: the first look
 * may have seen an extension that was just being dropped.
 */
static bool
find_storage(Oid *owner)
{
	Oid extension = get_extension_oid(COLLECTOR_EXTENSION, true);
	Oid schema;
	Oid private_schema;
	Oid bots = InvalidOid;
	char *version;

	if (!OidIsValid(extension))
	{
		strlcpy(last_why, "The extension is not created in this database.", sizeof(last_why));
		return false;
	}
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	if (get_extension_oid(COLLECTOR_EXTENSION, true) != extension ||
		(version = extension_version(extension)) == NULL)
	{
		strlcpy(last_why, "The extension is not created in this database.", sizeof(last_why));
		return false;
	}
	if (strcmp(version, WA_COLLECTOR_VERSION) != 0)
	{
		snprintf(last_why, sizeof(last_why),
				 "The library is version %s, the extension in this database %s: restart the server "
				 "or ALTER EXTENSION wa_collector UPDATE.",
				 WA_COLLECTOR_VERSION, version);
		return false;
	}
	if (extension != known_extension)
		forget_plans();
	known_extension = extension;

	schema = get_namespace_oid("wa", true);
	private_schema = get_namespace_oid("wa_private", true);
	if (OidIsValid(schema) && OidIsValid(private_schema) &&
		OidIsValid(get_relname_relid("devices", private_schema)))
		bots = get_relname_relid("bots", schema);
	*owner = OidIsValid(bots) ? relation_owner(bots) : InvalidOid;
	if (!OidIsValid(*owner))
	{
		strlcpy(last_why, "There are no tables yet: wa.add_bot() makes them.", sizeof(last_why));
		return false;
	}
	return true;
}

static StoreTrouble
classify(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_QUERY_CANCELED: /* our own time limit, or somebody's cancel */
		case ERRCODE_OUT_OF_MEMORY:
			return TROUBLE_LIMIT;
		case ERRCODE_LOCK_NOT_AVAILABLE:
			/* the objects are wrong, not the rows: a person is at work */
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_INVALID_SCHEMA_NAME:
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
		case ERRCODE_READ_ONLY_SQL_TRANSACTION:
			return TROUBLE_PASSING;
		default:
			break;
	}
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return TROUBLE_PASSING;
		case ERRCODE_INTERNAL_ERROR:
			return TROUBLE_LIMIT;
		default:
			return TROUBLE_ROW;
	}
}

static void
note_error(const ErrorData *error)
{
	last_error.sqlstate = error->sqlerrcode;
	last_error.trouble = classify(error->sqlerrcode);
	last_error.is_conflict = ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
	strlcpy(last_error.message, error->message != NULL ? error->message : "unknown error",
			sizeof(last_error.message));
	last_error.object[0] = '\0';
	if (error->table_name != NULL)
		snprintf(last_error.object, sizeof(last_error.object), "%s%s%s", error->table_name,
				 error->constraint_name != NULL ? "." : "",
				 error->constraint_name != NULL ? error->constraint_name : "");
}

/* Runs body in a transaction as the owner of the storage.  See the file head. */
StoreResult
store_run(const char *activity, void (*body)(void *arg), void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile StoreResult result = STORE_OK;

	pgstat_report_activity(STATE_RUNNING, activity);
	PG_TRY();
	{
		ConstraintsSetStmt immediate = {.type = T_ConstraintsSetStmt};
		Oid owner;
		Oid login;
		int context;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		enable_timeout_after(STATEMENT_TIMEOUT, STATEMENT_LIMIT_MS);
		GetUserIdAndSecContext(&login, &context);
		if (!find_storage(&owner))
			result = STORE_NOT_READY;
		else
		{
			SetUserIdAndSecContext(owner, context | SECURITY_RESTRICTED_OPERATION);
			/* Deferred triggers are refused in such a context: fire them at once. */
			AfterTriggerSetState(&immediate);
			SPI_connect();
			PushActiveSnapshot(GetTransactionSnapshot());
			body(arg);
			PopActiveSnapshot();
			SPI_finish();
		}
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		SetUserIdAndSecContext(login, context);
	}
	PG_CATCH();
	{
		ErrorData *error;

		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		disable_timeout(STATEMENT_TIMEOUT, false);
		AbortCurrentTransaction(); /* restores the user, too */
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		RESUME_INTERRUPTS();
		note_error(error);
		FreeErrorData(error);
		result = STORE_FAILED;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);

	/* A cancel that came too late must not hit the next transaction. */
	QueryCancelPending = false;
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return result;
}
