/*
 * store_events.c
 *		Writes a batch of what happened: facts through wa_private.apply(),
 *		secrets with statements of their own, all in one transaction.
 */
#include "postgres.h"

#include "compat.h"
#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

typedef struct ApplyArgs
{
	StoreItem *const *items;
	int count;
	void (*also)(void *arg); /* NULL: nothing */
	void *also_arg;
	MemoryContext context;
	StoreQuestion *questions;
	int n_questions;
} ApplyArgs;

typedef struct DueArgs
{
	const int64 *bots;
	int count;
	ApplyArgs answer; /* questions and their context */
} DueArgs;

/* "4917...:12@s.whatsapp.net" without its device, "" for an empty one. */
static char *
bare_jid(const char *jid)
{
	size_t user = strcspn(jid, ".:@");
	const char *server = strchr(jid, '@');

	return server == NULL ? pstrdup("") : psprintf("%.*s%s", (int) user, jid, server);
}

static void
write_device(const StoreItem *item)
{
	const WaDevice *device = item->device;
	Args args = {0};

	store_arg_datum(&args, Int64GetDatum(item->bot_id), false);
	store_arg_bytes(&args, device->noise.private_key, CRYPTO_KEY_LEN);
	store_arg_bytes(&args, device->identity.private_key, CRYPTO_KEY_LEN);
	store_arg_datum(&args, Int32GetDatum((int32) device->registration_id), false);
	store_arg_datum(&args, Int32GetDatum((int32) device->signed_prekey.id), false);
	store_arg_bytes(&args, device->signed_prekey.pair.private_key, CRYPTO_KEY_LEN);
	store_arg_bytes(&args, device->signed_prekey_signature, CRYPTO_SIGNATURE_LEN);
	store_arg_bytes(&args, device->adv_secret, sizeof(device->adv_secret));
	store_arg_datum(&args, Int32GetDatum((int32) device->next_prekey_id), false);
	store_arg_text(&args, device->jid);
	store_arg_text(&args, device->lid);
	store_arg_text(&args, device->platform);
	store_arg_text(&args, device->business_name);
	store_arg_text(&args, device->push_name);
	store_arg_bytes(&args, device->account, device->account_len);
	store_arg_bytes(&args, device->routing, device->routing_len);
	store_arg_datum(&args, Int32GetDatum((int32) device->login_counter), false);
	store_execute(SAVE_DEVICE, &args);

	if (!device_is_linked(device))
		return;
	memset(&args, 0, sizeof(args));
	store_arg_datum(&args, Int64GetDatum(item->bot_id), false);
	store_arg_text(&args, bare_jid(device->jid));
	store_arg_text(&args, bare_jid(device->lid));
	store_arg_text(&args, pnstrdup(device->jid, strcspn(device->jid, ".:@")));
	store_arg_text(&args, device->platform);
	store_arg_text(&args, device->business_name);
	store_arg_text(&args, device->push_name);
	store_arg_datum(&args, BoolGetDatum(item->make_online), false);
	store_execute(SAVE_BOT, &args);

	memset(&args, 0, sizeof(args));
	store_arg_datum(&args, Int64GetDatum(item->bot_id), false);
	store_execute(DELETE_LINK, &args);
}

static void
write_prekeys(const StoreItem *item)
{
	Datum *ids = palloc(sizeof(Datum) * Max(item->n_keys, 1));
	Datum *keys = palloc(sizeof(Datum) * Max(item->n_keys, 1));
	Args args = {0};

	for (int i = 0; i < item->n_keys; i++)
	{
		bytea *key = palloc(VARHDRSZ + CRYPTO_KEY_LEN);

		SET_VARSIZE(key, VARHDRSZ + CRYPTO_KEY_LEN);
		memcpy(VARDATA(key), item->keys[i].pair.private_key, CRYPTO_KEY_LEN);
		ids[i] = Int32GetDatum((int32) item->keys[i].id);
		keys[i] = PointerGetDatum(key);
	}
	store_arg_datum(&args, Int64GetDatum(item->bot_id), false);
	store_arg_datum(&args, store_array_values(ids, item->n_keys, INT4OID), false);
	store_arg_datum(
		&args,
		PointerGetDatum(construct_array(keys, item->n_keys, BYTEAOID, -1, false, TYPALIGN_INT)),
		false);
	store_execute(SAVE_PREKEYS, &args);
}

/* Tells who waits for it that the QR or the code changed; with the id only. */
static void
notify_qr(int64 bot_id)
{
	Args args = {0};

	store_arg_datum(&args, Int64GetDatum(bot_id), false);
	store_execute(NOTIFY_QR, &args);
}

static void
write_item(const StoreItem *item)
{
	Args args = {0};

	store_arg_datum(&args, Int64GetDatum(item->bot_id), false);
	switch (item->kind)
	{
		case STORE_FACT:
		case STORE_MESSAGE:
		case STORE_RECORDS:
			break; /* all of a kind go together */
		case STORE_DEVICE:
			write_device(item);
			break;
		case STORE_ERASE:
			store_execute(ERASE_DEVICE, &args);
			break;
		case STORE_PREKEYS:
			write_prekeys(item);
			break;
		case STORE_PREKEYS_UPLOADED:
			store_arg_datum(&args, Int32GetDatum((int32) item->first_id), false);
			store_arg_datum(&args, Int32GetDatum((int32) item->last_id), false);
			store_execute(MARK_PREKEYS, &args);
			break;
		case STORE_QR:
			store_arg_text(&args, item->text);
			store_arg_time(&args, item->until);
			store_execute(SAVE_QR, &args);
			notify_qr(item->bot_id);
			break;
		case STORE_PAIR_CODE:
			store_arg_text(&args, item->phone);
			store_arg_text(&args, item->text);
			store_arg_time(&args, item->until);
			store_arg_text(&args, item->error_text);
			store_arg_datum(&args, Int32GetDatum(item->error), item->error == 0);
			store_execute(SAVE_PAIR_CODE, &args);
			notify_qr(item->bot_id);
			break;
		case STORE_LINK_OVER:
			store_execute(END_LINK, &args);
			break;
	}
}

/* The rows of the last statement, (bot_id, group_jid), kept in apply->context. */
static void
read_questions(ApplyArgs *apply)
{
	MemoryContext old = MemoryContextSwitchTo(apply->context);

	apply->questions = palloc(sizeof(StoreQuestion) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		StoreQuestion *question = &apply->questions[apply->n_questions];
		HeapTuple row = SPI_tuptable->vals[i];
		bool no_bot;
		bool no_group;
		Datum bot = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &no_bot);
		Datum group = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &no_group);

		if (no_bot || no_group)
			continue;
		question->bot_id = DatumGetInt64(bot);
		question->group_jid = TextDatumGetCString(group);
		apply->n_questions++;
	}
	MemoryContextSwitchTo(old);
}

static void
due_body(void *arg)
{
	DueArgs *due = arg;
	Args args = {0};

	store_arg_numbers(&args, due->bots, due->count);
	store_execute(DUE_QUESTIONS, &args);
	read_questions(&due->answer);
}

static void
apply_body(void *arg)
{
	ApplyArgs *apply = arg;
	int n_facts = 0;
	int n_messages = 0;
	int n_records = 0;

	for (int i = 0; i < apply->count; i++)
	{
		n_facts += apply->items[i]->kind == STORE_FACT;
		n_messages += apply->items[i]->kind == STORE_MESSAGE;
		n_records += apply->items[i]->kind == STORE_RECORDS;
		write_item(apply->items[i]);
	}
	if (n_records > 0)
		store_save_records(apply->items, apply->count);
	if (n_facts + n_messages > 0)
	{
		store_apply_messages(apply->items, apply->count, n_facts, n_messages);
		read_questions(apply);
	}
	if (apply->also != NULL)
		apply->also(apply->also_arg);
}

StoreResult
store_apply_and(StoreItem *const *items, int count, void (*also)(void *arg), void *also_arg,
				StoreQuestion **questions, int *n_questions)
{
	ApplyArgs apply = {.items = items,
					   .count = count,
					   .also = also,
					   .also_arg = also_arg,
					   .context = CurrentMemoryContext};
	char activity[64];
	StoreResult result;

	snprintf(activity, sizeof(activity), "wa_collector: store %d events", count);
	result = store_run(activity, apply_body, &apply);
	*questions = apply.questions;
	*n_questions = result == STORE_OK ? apply.n_questions : 0;
	return result;
}

StoreResult
store_apply(StoreItem *const *items, int count, StoreQuestion **questions, int *n_questions)
{
	return store_apply_and(items, count, NULL, NULL, questions, n_questions);
}

StoreResult
store_due_questions(const int64 *bots, int count, StoreQuestion **questions, int *n_questions)
{
	DueArgs due = {.bots = bots, .count = count, .answer.context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: look for open questions", due_body, &due);

	*questions = due.answer.questions;
	*n_questions = result == STORE_OK ? due.answer.n_questions : 0;
	return result;
}

typedef struct RejectArgs
{
	int64 bot_id;
	WaStr stanza;
	WaStr content;
	WaStr chat;
	const char *reason;
	int sqlstate;
	StoreItem *const *items;
	int count;
} RejectArgs;

static void
reject_body(void *arg)
{
	RejectArgs *reject = arg;
	Args args = {0};

	store_arg_datum(&args, Int64GetDatum(reject->bot_id), false);
	store_arg_bytes(&args, reject->stanza.data, reject->stanza.len);
	store_arg_text(&args, reject->reason);
	store_arg_text(&args, unpack_sql_state(reject->sqlstate));
	if (reject->content.data == NULL)
		store_arg_datum(&args, (Datum) 0, true);
	else
		store_arg_bytes(&args, reject->content.data, reject->content.len);
	store_arg_text(&args,
				   pnstrdup(reject->chat.data != NULL ? reject->chat.data : "", reject->chat.len));
	store_execute(REJECT_STANZA, &args);
	for (int i = 0; i < reject->count; i++)
		write_item(reject->items[i]);
	store_save_records(reject->items, reject->count);
}

StoreResult
store_reject(int64 bot_id, WaStr stanza, WaStr content, WaStr chat, const char *reason,
			 int sqlstate, StoreItem *const *items, int count)
{
	RejectArgs reject = {bot_id, stanza, content, chat, reason, sqlstate, items, count};

	return store_run("wa_collector: reject a stanza", reject_body, &reject);
}

static void
housekeep_body(void *arg)
{
	int *touched = arg;
	Args args = {0};
	bool is_null;
	Datum value;

	store_execute(HOUSEKEEP, &args);
	if (SPI_processed == 0)
		return;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	*touched = is_null ? 0 : DatumGetInt32(value);
}

StoreResult
store_housekeep(int *touched)
{
	*touched = 0;
	return store_run("wa_collector: clean up", housekeep_body, touched);
}
