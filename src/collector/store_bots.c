/*
 * store_bots.c
 *		Reads which bots there are, with their keys, and takes the lock that
 *		makes this worker the only one that runs them.
 *
 * One damaged row does not stop the others: it is reported on its bot.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct LoadArgs
{
	int worker;
	int workers;
	const char *node; /* NULL: the worker has introduced itself already */
	StoreKnows knows;
	MemoryContext context;
	StoreBot *bots;
	int count;
	char *refusal;
} LoadArgs;

static void
bot_locktag(LOCKTAG *tag, int64 bot_id)
{
	/* What pg_advisory_lock(22337, bot_id) takes. */
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, COLLECTOR_LOCK_CLASS, (uint32) bot_id, 2);
}

void
store_unlock_bot(int64 bot_id)
{
	LOCKTAG tag;

	bot_locktag(&tag, bot_id);
	LockRelease(&tag, ExclusiveLock, true);
}

/* Column as text in the current memory context; NULL for SQL's NULL. */
static char *
column_text(HeapTuple row, int column)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

static int64
column_int(HeapTuple row, int column, Oid type)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	if (is_null)
		return 0;
	return type == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value);
}

/* Copies a text column into a field of the device; false when it is too long. */
static bool
column_into(HeapTuple row, int column, char *out, size_t size)
{
	char *value = column_text(row, column);

	out[0] = '\0';
	return value == NULL || strlcpy(out, value, size) < size;
}

/* Copies a bytea column of at most size bytes, exactly size when exact. */
static bool
column_bytes(HeapTuple row, int column, void *out, size_t size, bool exact, size_t *len)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
	bytea *bytes;

	*len = 0;
	if (is_null)
		return !exact;
	bytes = DatumGetByteaPP(value);
	*len = VARSIZE_ANY_EXHDR(bytes);
	if (exact ? *len != size : *len > size)
		return false;
	memcpy(out, VARDATA_ANY(bytes), *len);
	return true;
}

/* A stored private key and the public key that belongs to it. */
static bool
column_pair(HeapTuple row, int column, WaKeyPair *out)
{
	uint8_t private_key[CRYPTO_KEY_LEN];
	size_t len;
	bool ok;

	ok = column_bytes(row, column, private_key, sizeof(private_key), true, &len) &&
		 crypto_keypair_from_private(private_key, out) == WA_OK;
	crypto_wipe(private_key, sizeof(private_key));
	return ok;
}

/* The device of a row in *device, NULL when there is none; false when it is damaged. */
static bool
read_device(HeapTuple row, WaDevice **device)
{
	WaDevice *d;
	size_t len;
	bool is_null;

	*device = NULL;
	(void) SPI_getbinval(row, SPI_tuptable->tupdesc, LOAD_REGISTRATION_ID, &is_null);
	if (is_null)
		return true;
	d = palloc0(sizeof(WaDevice));
	*device = d;
	d->registration_id = (uint32) column_int(row, LOAD_REGISTRATION_ID, INT4OID);
	d->signed_prekey.id = (uint32) column_int(row, LOAD_SIGNED_ID, INT4OID);
	d->next_prekey_id = (uint32) column_int(row, LOAD_NEXT_PREKEY_ID, INT4OID);
	d->login_counter = (uint32) column_int(row, LOAD_LOGIN_COUNTER, INT4OID);
	return column_pair(row, LOAD_NOISE, &d->noise) &&
		   column_pair(row, LOAD_IDENTITY, &d->identity) &&
		   column_pair(row, LOAD_SIGNED, &d->signed_prekey.pair) &&
		   column_bytes(row, LOAD_SIGNED_SIGNATURE, d->signed_prekey_signature,
						sizeof(d->signed_prekey_signature), true, &len) &&
		   column_bytes(row, LOAD_ADV_SECRET, d->adv_secret, sizeof(d->adv_secret), true, &len) &&
		   column_into(row, LOAD_JID, d->jid, sizeof(d->jid)) &&
		   column_into(row, LOAD_LID, d->lid, sizeof(d->lid)) &&
		   column_into(row, LOAD_PLATFORM, d->platform, sizeof(d->platform)) &&
		   column_into(row, LOAD_BUSINESS_NAME, d->business_name, sizeof(d->business_name)) &&
		   column_into(row, LOAD_PUSH_NAME, d->push_name, sizeof(d->push_name)) &&
		   column_bytes(row, LOAD_ACCOUNT, d->account, sizeof(d->account), false,
						&d->account_len) &&
		   column_bytes(row, LOAD_ROUTING, d->routing, sizeof(d->routing), false, &d->routing_len);
}

static void
read_bot(HeapTuple row, StoreKnows knows, StoreBot *bot)
{
	char *desired = column_text(row, LOAD_DESIRED);

	bot->bot_id = column_int(row, LOAD_BOT_ID, INT8OID);
	bot->name = column_text(row, LOAD_NAME);
	bot->device_name = column_text(row, LOAD_DEVICE_NAME);
	bot->desired = strcmp(desired, "online") == 0       ? DESIRED_ONLINE
				   : strcmp(desired, "logged_out") == 0 ? DESIRED_LOGGED_OUT
														: DESIRED_OFFLINE;
	bot->login_requested_at = column_int(row, LOAD_LOGIN_REQUESTED_AT, TIMESTAMPTZOID);
	bot->status = column_text(row, LOAD_STATUS);
	bot->status_reason = column_text(row, LOAD_STATUS_REASON);
	bot->status_since = column_int(row, LOAD_STATUS_SINCE, TIMESTAMPTZOID);
	bot->status_until = column_int(row, LOAD_STATUS_UNTIL, TIMESTAMPTZOID);
	bot->last_seen_at = column_int(row, LOAD_LAST_SEEN_AT, TIMESTAMPTZOID);
	if (knows(bot->bot_id))
		bot->is_ours = true;
	else
	{
		LOCKTAG tag;

		bot_locktag(&tag, bot->bot_id);
		bot->is_ours = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
		if (bot->is_ours)
			bot->is_damaged = !read_device(row, &bot->device);
	}
}

static void
load_body(void *arg)
{
	LoadArgs *load = arg;
	Args args = {0};
	MemoryContext old;

	if (load->node != NULL)
	{
		char *refusal;

		store_arg_datum(&args, Int32GetDatum(load->worker), false);
		store_arg_text(&args, load->node);
		store_execute(WORKER_STARTED, &args);
		refusal = SPI_processed == 0 ? NULL : column_text(SPI_tuptable->vals[0], 1);
		if (refusal != NULL)
		{
			load->refusal = MemoryContextStrdup(load->context, refusal);
			return;
		}
		memset(&args, 0, sizeof(args));
	}
	store_arg_datum(&args, Int32GetDatum(load->worker), false);
	store_arg_datum(&args, Int32GetDatum(load->workers), false);
	store_execute(LOAD_BOTS, &args);
	old = MemoryContextSwitchTo(load->context);
	load->bots = palloc0(sizeof(StoreBot) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		read_bot(SPI_tuptable->vals[i], load->knows, &load->bots[load->count++]);
	MemoryContextSwitchTo(old);
}

StoreResult
store_load_bots(int worker, int workers, const char *node, StoreKnows knows, StoreBot **bots,
				int *count, char **refusal)
{
	LoadArgs load = {.worker = worker,
					 .workers = workers,
					 .node = node,
					 .knows = knows,
					 .context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: read bots", load_body, &load);

	if (result != STORE_OK)
	{
		/* The locks outlive the transaction, the rows do not. */
		for (int i = 0; i < load.count; i++)
			if (load.bots[i].is_ours && !knows(load.bots[i].bot_id))
				store_unlock_bot(load.bots[i].bot_id);
		load.count = 0;
	}
	*bots = load.bots;
	*count = load.count;
	*refusal = load.refusal;
	return result;
}
