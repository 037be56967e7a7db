/*
 * store_messages.c
 *		Messages and facts as the arrays of wa_private.apply().
 *
 * A batch is written by one call.  Its arrays are made in one piece each: a
 * palloc per string would cost more than all else that happens here.
 */
#include "postgres.h"

#include "compat.h"
#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* ---- items ---- */

StoreItem *
store_item_message(int64 bot_id, const RowsMessage *message)
{
	static const size_t strings[] = {
		offsetof(RowsMessage, chat),  offsetof(RowsMessage, lid),    offsetof(RowsMessage, pn),
		offsetof(RowsMessage, name),  offsetof(RowsMessage, id),     offsetof(RowsMessage, kind),
		offsetof(RowsMessage, body),  offsetof(RowsMessage, state),  offsetof(RowsMessage, origin),
		offsetof(RowsMessage, extra), offsetof(RowsMessage, secret), offsetof(RowsMessage, raw),
	};
	size_t size = MAXALIGN(sizeof(StoreItem)) + sizeof(RowsMessage);
	StoreItem *item;
	RowsMessage *copy;
	char *at;

	for (int i = 0; i < lengthof(strings); i++)
		size += ((const WaStr *) ((const char *) message + strings[i]))->len + 1;
	item = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_HUGE);
	memset(item, 0, sizeof(StoreItem));
	item->kind = STORE_MESSAGE;
	item->bot_id = bot_id;
	item->message = copy = (RowsMessage *) ((char *) item + MAXALIGN(sizeof(StoreItem)));
	*copy = *message;
	at = (char *) (copy + 1);
	for (int i = 0; i < lengthof(strings); i++)
	{
		WaStr *s = (WaStr *) ((char *) copy + strings[i]);

		if (s->len > 0)
			memcpy(at, s->data, s->len);
		if (s->data != NULL)
			s->data = at;
		at += s->len;
		*at++ = '\0'; /* for jsonb_in */
	}
	return item;
}

StoreItem *
store_item_fact(int64 bot_id, WaStr json)
{
	StoreItem *item = MemoryContextAllocExtended(CurrentMemoryContext,
												 sizeof(StoreItem) + json.len + 1, MCXT_ALLOC_HUGE);

	memset(item, 0, sizeof(StoreItem));
	item->kind = STORE_FACT;
	item->bot_id = bot_id;
	item->fact = (char *) (item + 1);
	memcpy(item->fact, json.data, json.len);
	item->fact[json.len] = '\0';
	return item;
}

/* ---- arrays ---- */

Datum
store_array_strings(const WaStr *strings, size_t stride, int count, Oid type)
{
#define STRING(i) ((const WaStr *) ((const char *) strings + (i) *stride))
	size_t size = 0;
	bool has_nulls = false;
	ArrayType *array;
	size_t head;
	char *at;

	if (count == 0)
		return PointerGetDatum(construct_empty_array(type));
	for (int i = 0; i < count; i++)
	{
		if (STRING(i)->data == NULL)
			has_nulls = true;
		else
			size += INTALIGN(VARHDRSZ + STRING(i)->len);
	}
	head = has_nulls ? ARR_OVERHEAD_WITHNULLS(1, count) : ARR_OVERHEAD_NONULLS(1);
	array = palloc0(head + size);
	SET_VARSIZE(array, head + size);
	array->ndim = 1;
	array->dataoffset = has_nulls ? head : 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	at = ARR_DATA_PTR(array);
	for (int i = 0; i < count; i++)
	{
		const WaStr *s = STRING(i);

		if (s->data == NULL)
			continue;
		if (has_nulls)
			ARR_NULLBITMAP(array)[i / 8] |= 1 << (i % 8);
		SET_VARSIZE(at, VARHDRSZ + s->len);
		memcpy(VARDATA(at), s->data, s->len);
		at += INTALIGN(VARHDRSZ + s->len);
	}
	return PointerGetDatum(array);
#undef STRING
}

Datum
store_array_values(Datum *values, int count, Oid type)
{
	int len = type == INT2OID ? sizeof(int16) : type == INT4OID ? sizeof(int32) : sizeof(int64);
	char align = type == INT2OID   ? TYPALIGN_SHORT
				 : type == INT4OID ? TYPALIGN_INT
								   : TYPALIGN_DOUBLE;

	return PointerGetDatum(
		construct_array(values, count, type, len, len < 8 || FLOAT8PASSBYVAL, align));
}

/*
 * Of texts, NULL for SQL's NULL.  Reading JSON leaves several times as much
 * behind, which goes before the next one is read: it would stay for as long as
 * the rows are written.
 */
static Datum
jsonb_array(const char *const *texts, int count)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext aside =
		AllocSetContextCreate(caller, "wa_collector json", ALLOCSET_DEFAULT_SIZES);
	MemoryContext reading =
		AllocSetContextCreate(aside, "wa_collector json text", ALLOCSET_DEFAULT_SIZES);
	Datum *values = MemoryContextAlloc(aside, sizeof(Datum) * count);
	bool *nulls = MemoryContextAlloc(aside, sizeof(bool) * count);
	int dims[1] = {count};
	int bounds[1] = {1};
	Datum array;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (nulls[i])
			continue;
		MemoryContextSwitchTo(reading);
		values[i] = DirectFunctionCall1(jsonb_in, CStringGetDatum(texts[i]));
		MemoryContextSwitchTo(aside);
		values[i] = datumCopy(values[i], false, -1);
		MemoryContextReset(reading);
	}
	MemoryContextSwitchTo(caller);
	array = PointerGetDatum(
		construct_md_array(values, nulls, 1, dims, bounds, JSONBOID, -1, false, TYPALIGN_INT));
	MemoryContextDelete(aside);
	return array;
}

/* ---- the call ---- */

static TimestampTz
timestamp_of(int64 unix_us)
{
	return unix_us -
		   (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY * USECS_PER_SEC;
}

static void
add_facts(Args *args, StoreItem *const *items, int count, int n_facts)
{
	Datum *bots = palloc(sizeof(Datum) * Max(n_facts, 1));
	const char **facts = palloc(sizeof(char *) * Max(n_facts, 1));
	int n = 0;

	for (int i = 0; i < count; i++)
	{
		if (items[i]->kind != STORE_FACT)
			continue;
		bots[n] = Int64GetDatum(items[i]->bot_id);
		facts[n++] = items[i]->fact;
	}
	store_arg_datum(args, store_array_values(bots, n, INT8OID), false);
	store_arg_datum(args, jsonb_array(facts, n), false);
}

static void
add_messages(Args *args, StoreItem *const *items, int count, int n_messages)
{
	RowsMessage *rows = MemoryContextAllocExtended(
		CurrentMemoryContext, sizeof(RowsMessage) * n_messages, MCXT_ALLOC_HUGE);
	Datum *bots = palloc(sizeof(Datum) * n_messages);
	Datum *sent = palloc(sizeof(Datum) * n_messages);
	Datum *received = palloc(sizeof(Datum) * n_messages);
	Datum *flags = palloc(sizeof(Datum) * n_messages);
	const char **extra = palloc(sizeof(char *) * n_messages);
	int n = 0;

#define STRINGS(member, type)                                                                      \
	store_arg_datum(args, store_array_strings(&rows[0].member, sizeof(RowsMessage), n, type), false)
#define VALUES(values, type) store_arg_datum(args, store_array_values(values, n, type), false)

	for (int i = 0; i < count; i++)
	{
		const RowsMessage *row = items[i]->message;

		if (items[i]->kind != STORE_MESSAGE)
			continue;
		rows[n] = *row;
		bots[n] = Int64GetDatum(items[i]->bot_id);
		sent[n] = TimestampTzGetDatum(timestamp_of(row->sent_us));
		received[n] = TimestampTzGetDatum(timestamp_of(row->received_us));
		flags[n] = Int32GetDatum(row->flags);
		extra[n++] = row->extra.data;
	}
	VALUES(bots, INT8OID);
	STRINGS(chat, TEXTOID);
	STRINGS(lid, TEXTOID);
	STRINGS(pn, TEXTOID);
	STRINGS(name, TEXTOID);
	STRINGS(id, TEXTOID);
	VALUES(sent, TIMESTAMPTZOID);
	VALUES(received, TIMESTAMPTZOID);
	STRINGS(kind, TEXTOID);
	STRINGS(body, TEXTOID);
	VALUES(flags, INT4OID);
	STRINGS(state, TEXTOID);
	STRINGS(origin, TEXTOID);
	store_arg_datum(args, jsonb_array(extra, n), false);
	STRINGS(raw, BYTEAOID);
	STRINGS(secret, BYTEAOID);
#undef STRINGS
#undef VALUES
}

void
store_apply_messages(StoreItem *const *items, int count, int n_facts, int n_messages)
{
	Args args = {0};

	add_facts(&args, items, count, n_facts);
	/* Always all arguments: with fewer, PL/pgSQL would keep the function and its plans twice. */
	add_messages(&args, items, count, n_messages);
	store_execute(APPLY, &args);
}
