/*
 * store_records.c
 *		Signal and app state records: read before a stanza needs them, written
 *		with what the stanza changed.
 *
 * They are opaque here.  Rows are written in the order of their key, so that
 * two transactions never wait for each other.
 */
#include "postgres.h"

#include "compat.h"
#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* ---- items ---- */

StoreItem *
store_item_records(int64 bot_id, const WaRecord *records, int count)
{
	size_t size = MAXALIGN(sizeof(StoreItem)) + sizeof(WaRecord) * count;
	StoreItem *item;
	WaRecord *copies;
	char *at;

	for (int i = 0; i < count; i++)
		size += records[i].chat.len + records[i].name.len + records[i].len;
	item = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_HUGE);
	memset(item, 0, sizeof(StoreItem));
	item->kind = STORE_RECORDS;
	item->bot_id = bot_id;
	item->n_records = count;
	item->records = copies = (WaRecord *) ((char *) item + MAXALIGN(sizeof(StoreItem)));
	at = (char *) (copies + count);
	for (int i = 0; i < count; i++)
	{
		WaRecord *copy = &copies[i];

		*copy = records[i];
		memcpy(at, copy->chat.len > 0 ? copy->chat.data : "", copy->chat.len);
		copy->chat.data = at; /* absent counts as "" */
		at += copy->chat.len;
		memcpy(at, copy->name.len > 0 ? copy->name.data : "", copy->name.len);
		copy->name.data = at;
		at += copy->name.len;
		if (copy->data == NULL)
			continue;
		memcpy(at, copy->data, copy->len);
		copy->data = (uint8_t *) at;
		at += copy->len;
	}
	return item;
}

/* ---- writing ---- */

/* A record on its way, in the order in which it came. */
typedef struct Change
{
	int64 bot_id;
	const WaRecord *record;
	int order;
} Change;

static int
compare_strings(WaStr a, WaStr b)
{
	int diff = memcmp(a.data, b.data, Min(a.len, b.len));

	return diff != 0 ? diff : (a.len > b.len) - (a.len < b.len);
}

/* In the order of the table's primary key. */
static int
compare_keys(const Change *a, const Change *b)
{
	int diff = (a->bot_id > b->bot_id) - (a->bot_id < b->bot_id);

	if (diff == 0)
		diff = compare_strings(a->record->name, b->record->name);
	if (diff == 0)
		diff = (int) a->record->kind - (int) b->record->kind;
	if (diff == 0)
		diff = compare_strings(a->record->chat, b->record->chat);
	if (diff == 0)
		diff = (a->record->number > b->record->number) - (a->record->number < b->record->number);
	return diff;
}

static int
compare_changes(const void *left, const void *right)
{
	const Change *a = left;
	const Change *b = right;
	int diff = compare_keys(a, b);

	return diff != 0 ? diff : a->order - b->order;
}

/* Sorts the changes and keeps the last of each record; returns how many are left. */
static int
last_of_each(Change *changes, int count)
{
	int kept = 0;

	qsort(changes, count, sizeof(Change), compare_changes);
	for (int i = 0; i < count; i++)
	{
		if (i + 1 < count && compare_keys(&changes[i], &changes[i + 1]) == 0)
			continue;
		changes[kept++] = changes[i];
	}
	return kept;
}

static void
save(const Change *changes, int count)
{
	Datum *bots = palloc(sizeof(Datum) * count);
	Datum *kinds = palloc(sizeof(Datum) * count);
	Datum *numbers = palloc(sizeof(Datum) * count);
	WaStr *chats = palloc(sizeof(WaStr) * count);
	WaStr *names = palloc(sizeof(WaStr) * count);
	WaStr *data = palloc(sizeof(WaStr) * count);
	Args args = {0};

	for (int i = 0; i < count; i++)
	{
		const WaRecord *record = changes[i].record;

		bots[i] = Int64GetDatum(changes[i].bot_id);
		kinds[i] = Int16GetDatum((int16) record->kind);
		numbers[i] = Int64GetDatum((int64) record->number);
		chats[i] = record->chat;
		names[i] = record->name;
		data[i] = (WaStr){(const char *) record->data, record->len};
	}
	store_arg_datum(&args, store_array_values(bots, count, INT8OID), false);
	store_arg_datum(&args, store_array_values(kinds, count, INT2OID), false);
	store_arg_datum(&args, store_array_strings(chats, sizeof(WaStr), count, TEXTOID), false);
	store_arg_datum(&args, store_array_strings(names, sizeof(WaStr), count, TEXTOID), false);
	store_arg_datum(&args, store_array_values(numbers, count, INT8OID), false);
	store_arg_datum(&args, store_array_strings(data, sizeof(WaStr), count, BYTEAOID), false);
	store_execute(SAVE_RECORDS, &args);
}

/* Does the bot lose its device later in the batch?  Then its records are void. */
static bool
is_erased(StoreItem *const *items, int count, int index)
{
	for (int i = index + 1; i < count; i++)
	{
		if (items[i]->kind == STORE_ERASE && items[i]->bot_id == items[index]->bot_id)
			return true;
	}
	return false;
}

void
store_save_records(StoreItem *const *items, int count)
{
	Change *changes;
	int total = 0;
	int n_erased = 0;
	int n = 0;

	for (int i = 0; i < count; i++)
	{
		if (items[i]->kind == STORE_RECORDS)
			total += items[i]->n_records;
		n_erased += items[i]->kind == STORE_ERASE;
	}
	if (total == 0)
		return;
	changes = palloc(sizeof(Change) * total);
	for (int i = 0; i < count; i++)
	{
		if (items[i]->kind != STORE_RECORDS || (n_erased > 0 && is_erased(items, count, i)))
			continue;
		for (int j = 0; j < items[i]->n_records; j++)
		{
			changes[n] = (Change){items[i]->bot_id, &items[i]->records[j], n};
			n++;
		}
	}
	n = last_of_each(changes, n);
	if (n > 0)
		save(changes, n);
}

/* ---- reading ---- */

typedef struct LoadArgs
{
	const StoreNeed *needs;
	int count;
	MemoryContext context;
	StoreRecord *records;
	int n_records;
} LoadArgs;

/* The columns of LOAD_RECORDS, counted as SPI does. */
enum
{
	RECORD_NO = 1,
	RECORD_COLUMN_KIND,
	RECORD_CHAT,
	RECORD_NAME,
	RECORD_NUMBER,
	RECORD_DATA
};

static WaStr
column(HeapTuple row, int number)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, number, &is_null);
	struct varlena *copy;

	if (is_null)
		return WA_STR_NONE;
	copy = PG_DETOAST_DATUM_COPY(value);
	return (WaStr){VARDATA(copy), VARSIZE(copy) - VARHDRSZ};
}

static int64
number(HeapTuple row, int column_number)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column_number, &is_null);

	if (is_null)
		return 0;
	switch (SPI_gettypeid(SPI_tuptable->tupdesc, column_number))
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static void
load_body(void *arg)
{
	LoadArgs *load = arg;
	Datum *bots = palloc(sizeof(Datum) * load->count);
	Datum *kinds = palloc(sizeof(Datum) * load->count);
	Datum *numbers = palloc(sizeof(Datum) * load->count);
	bool *any_number = palloc(sizeof(bool) * load->count);
	WaStr *chats = palloc(sizeof(WaStr) * load->count);
	WaStr *names = palloc(sizeof(WaStr) * load->count);
	int dims[1] = {load->count};
	int bounds[1] = {1};
	Args args = {0};
	MemoryContext old;

	for (int i = 0; i < load->count; i++)
	{
		const WaNeed *need = load->needs[i].need;

		bots[i] = Int64GetDatum(load->needs[i].bot_id);
		kinds[i] = Int32GetDatum((int32) need->kinds);
		numbers[i] = Int64GetDatum((int64) need->number);
		any_number[i] = need->any_number;
		chats[i] = need->any_chat ? WA_STR_NONE : need->chat;
		if (!need->any_chat && chats[i].data == NULL)
			chats[i] = str_from("");
		names[i] = need->any_name ? WA_STR_NONE : need->name;
		if (!need->any_name && names[i].data == NULL)
			names[i] = str_from("");
	}
	store_arg_datum(&args, store_array_values(bots, load->count, INT8OID), false);
	store_arg_datum(&args, store_array_values(kinds, load->count, INT4OID), false);
	store_arg_datum(&args, store_array_strings(chats, sizeof(WaStr), load->count, TEXTOID), false);
	store_arg_datum(&args, store_array_strings(names, sizeof(WaStr), load->count, TEXTOID), false);
	store_arg_datum(
		&args,
		PointerGetDatum(construct_md_array(numbers, any_number, 1, dims, bounds, INT8OID,
										   sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
		false);
	store_execute(LOAD_RECORDS, &args);

	old = MemoryContextSwitchTo(load->context);
	load->records = palloc(sizeof(StoreRecord) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		StoreRecord *record = &load->records[load->n_records];
		int64 no = number(row, RECORD_NO);
		WaStr data = column(row, RECORD_DATA);

		if (no < 1 || no > load->count || data.data == NULL)
			continue;
		record->need = (int) no - 1;
		record->record = (WaRecord){
			.kind = (WaRecordKind) number(row, RECORD_COLUMN_KIND),
			.chat = column(row, RECORD_CHAT),
			.name = column(row, RECORD_NAME),
			.number = (uint32) number(row, RECORD_NUMBER),
			.data = (const uint8_t *) data.data,
			.len = data.len,
		};
		load->n_records++;
	}
	MemoryContextSwitchTo(old);
}

StoreResult
store_load_records(const StoreNeed *needs, int count, StoreRecord **records, int *n_records)
{
	LoadArgs load = {.needs = needs, .count = count, .context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: read records", load_body, &load);

	*records = load.records;
	*n_records = result == STORE_OK ? load.n_records : 0;
	return result;
}
