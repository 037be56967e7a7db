/*
 * store_addons.c
 *		Reads the add-ons whose original is in the tables by now.
 */
#include "postgres.h"

#include "compat.h"
#include "host.h"
#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct ReadArgs
{
	const int64 *bots;
	int n_bots;
	int limit;
	MemoryContext context;
	StoreAddon *addons;
	int count;
} ReadArgs;

/* The columns of READABLE_ADDONS, counted as SPI does. */
enum
{
	ADDON_ID = 1,
	ADDON_BOT_ID,
	ADDON_CHAT,
	ADDON_KIND,
	ADDON_PAYLOAD,
	ADDON_IV,
	ADDON_SECRET,
	ADDON_WA_ID,
	ADDON_TARGET_ID,
	ADDON_TARGET_BY,
	ADDON_SENDER,
	ADDON_FROM_ME,
	ADDON_AT
};

static Datum
column(HeapTuple row, int number, bool *is_null)
{
	return SPI_getbinval(row, SPI_tuptable->tupdesc, number, is_null);
}

/* A text or bytea; absent for SQL's NULL. */
static WaStr
string(HeapTuple row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);
	struct varlena *copy;

	if (is_null)
		return WA_STR_NONE;
	copy = PG_DETOAST_DATUM_COPY(value);
	return (WaStr){VARDATA(copy), VARSIZE(copy) - VARHDRSZ};
}

static int64
integer(HeapTuple row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	return is_null ? 0 : DatumGetInt64(value);
}

static WaStr *
strings(HeapTuple row, int number, int *count)
{
	bool is_null;
	Datum value = column(row, number, &is_null);
	Datum *elements;
	bool *nulls;
	WaStr *out;

	*count = 0;
	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, count);
	out = palloc(sizeof(WaStr) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		out[i] = nulls[i] ? WA_STR_NONE : str_from(TextDatumGetCString(elements[i]));
	return out;
}

static void
read_addon(HeapTuple row, StoreAddon *out)
{
	bool is_null;
	Datum from_me = column(row, ADDON_FROM_ME, &is_null);
	WaStr kind = string(row, ADDON_KIND);

	out->addon_id = integer(row, ADDON_ID);
	out->bot_id = integer(row, ADDON_BOT_ID);
	out->chat = string(row, ADDON_CHAT);
	out->kind = kind.data == NULL ? "" : pnstrdup(kind.data, kind.len);
	out->payload = string(row, ADDON_PAYLOAD);
	out->iv = string(row, ADDON_IV);
	out->secret = string(row, ADDON_SECRET);
	out->id = string(row, ADDON_WA_ID);
	out->target_id = string(row, ADDON_TARGET_ID);
	out->target_by = strings(row, ADDON_TARGET_BY, &out->n_target_by);
	out->sender = strings(row, ADDON_SENDER, &out->n_sender);
	out->from_me = !is_null && DatumGetBool(from_me);
	out->sent_us = host_wall_us(integer(row, ADDON_AT));
	out->received_us = host_wall_us(GetCurrentTimestamp());
}

static void
read_body(void *arg)
{
	ReadArgs *read = arg;
	Args args = {0};
	MemoryContext old;

	store_arg_datum(&args, Int32GetDatum(read->limit), false);
	store_arg_numbers(&args, read->bots, read->n_bots);
	store_execute(READABLE_ADDONS, &args);
	old = MemoryContextSwitchTo(read->context);
	read->addons = palloc0(sizeof(StoreAddon) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		read_addon(SPI_tuptable->vals[i], &read->addons[read->count++]);
	MemoryContextSwitchTo(old);
}

StoreResult
store_readable_addons(const int64 *bots, int n_bots, int limit, StoreAddon **addons, int *count)
{
	ReadArgs read = {
		.bots = bots, .n_bots = n_bots, .limit = limit, .context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: look for add-ons", read_body, &read);

	*addons = read.addons;
	*count = result == STORE_OK ? read.count : 0;
	return result;
}
