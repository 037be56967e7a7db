/*
 * store_run.h
 *		How the files of the store run statements; for store_*.c only.
 */
#ifndef WA_STORE_RUN_H
#define WA_STORE_RUN_H

#include "postgres.h"

#include "store.h"

/* The statements of store.c. */
enum
{
	LOAD_BOTS,
	WORKER_STARTED,
	APPLY,
	SAVE_RECORDS,
	LOAD_RECORDS,
	READABLE_ADDONS,
	DUE_QUESTIONS,
	HISTORY_NEXT,
	HISTORY_PROGRESS,
	MEDIA_NEXT,
	MEDIA_SET,
	REJECT_STANZA,
	HOUSEKEEP,
	SAVE_DEVICE,
	SAVE_BOT,
	ERASE_DEVICE,
	SAVE_PREKEYS,
	MARK_PREKEYS,
	SAVE_QR,
	SAVE_PAIR_CODE,
	END_LINK,
	DELETE_LINK,
	NOTIFY_QR,
	N_STATEMENTS
};

/* Columns of LOAD_BOTS, counted as SPI does. */
enum
{
	LOAD_BOT_ID = 1,
	LOAD_NAME,
	LOAD_DEVICE_NAME,
	LOAD_DESIRED,
	LOAD_LOGIN_REQUESTED_AT,
	LOAD_STATUS,
	LOAD_STATUS_REASON,
	LOAD_STATUS_SINCE,
	LOAD_STATUS_UNTIL,
	LOAD_LAST_SEEN_AT,
	LOAD_NOISE,
	LOAD_IDENTITY,
	LOAD_REGISTRATION_ID,
	LOAD_SIGNED_ID,
	LOAD_SIGNED,
	LOAD_SIGNED_SIGNATURE,
	LOAD_ADV_SECRET,
	LOAD_NEXT_PREKEY_ID,
	LOAD_JID,
	LOAD_LID,
	LOAD_PLATFORM,
	LOAD_BUSINESS_NAME,
	LOAD_PUSH_NAME,
	LOAD_ACCOUNT,
	LOAD_ROUTING,
	LOAD_LOGIN_COUNTER
};

#define STORE_MAX_ARGS 18

typedef struct Args
{
	int count;
	Datum values[STORE_MAX_ARGS];
	char nulls[STORE_MAX_ARGS];
} Args;

extern void store_arg_datum(Args *args, Datum value, bool is_null);
extern void store_arg_bytes(Args *args, const void *data, size_t len);
extern void store_arg_text(Args *args, const char *value); /* NULL and "": SQL's NULL */
extern void store_arg_time(Args *args, TimestampTz at);    /* 0: SQL's NULL */
extern void store_arg_numbers(Args *args, const int64 *numbers, int count); /* a bigint[] */

/*
 * An array of texts or byteas made in one piece: count strings, the first at
 * strings and each one stride bytes after the one before; absent: SQL's NULL.
 */
extern Datum store_array_strings(const WaStr *strings, size_t stride, int count, Oid type);
/* Arrays of bigint, integer, smallint and timestamptz, without NULLs. */
extern Datum store_array_values(Datum *values, int count, Oid type);

/* The call of wa_private.apply() for all facts and messages; its rows are in SPI_tuptable. */
extern void store_apply_messages(StoreItem *const *items, int count, int n_facts, int n_messages);
/* Writes the last value of each record among the items. */
extern void store_save_records(StoreItem *const *items, int count);

/* Runs a statement inside store_run; rows are in SPI_tuptable.  Raises. */
extern void store_execute(int which, Args *args);

/*
 * Runs body in a transaction of its own, as the owner of the storage, with a
 * time limit.  body may raise; nothing gets out of here.
 */
extern StoreResult store_run(const char *activity, void (*body)(void *arg), void *arg);

#endif /* WA_STORE_RUN_H */
