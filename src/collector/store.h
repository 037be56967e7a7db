/*
 * store.h
 *		The tables, as the worker sees them.  All SQL text of the collector is
 *		in store.c.
 *
 * Every entry point runs one transaction of its own, as the owner of the
 * storage, and never raises: errors come back as a StoreResult.  None may be
 * called inside a transaction.  Nothing here waits for the network.
 */
#ifndef WA_STORE_H
#define WA_STORE_H

#include "postgres.h"

#include "client.h"
#include "rows.h"

#include "datatype/timestamp.h"

typedef enum StoreResult
{
	STORE_OK,
	STORE_NOT_READY, /* no extension, no storage, other version: store_why() */
	STORE_FAILED,    /* store_error() says how */
} StoreResult;

typedef enum StoreTrouble
{
	TROUBLE_ROW,     /* these rows: the same again would fail again */
	TROUBLE_LIMIT,   /* too slow or too large: fewer rows may pass */
	TROUBLE_PASSING, /* anybody's: locks, disk, shutdown; try later */
} StoreTrouble;

typedef struct StoreError
{
	int sqlstate;
	StoreTrouble trouble;
	bool is_conflict;                 /* with another transaction: worth another try at once */
	char message[300];                /* may quote data: for tables, not for the log */
	char object[2 * NAMEDATALEN + 2]; /* table or constraint, may be empty */
} StoreError;

extern const StoreError *store_error(void); /* of the last STORE_FAILED */
extern const char *store_why(void);         /* of the last STORE_NOT_READY: a sentence */

/* ---- bots ---- */

typedef enum StoreDesired
{
	DESIRED_OFFLINE,
	DESIRED_ONLINE,
	DESIRED_LOGGED_OUT
} StoreDesired;

typedef struct StoreBot
{
	int64 bot_id;
	char *name;
	char *device_name; /* NULL: the setting's */
	StoreDesired desired;
	TimestampTz login_requested_at; /* 0 never */
	char *status;                   /* NULL none yet */
	char *status_reason;
	TimestampTz status_since; /* 0 never */
	TimestampTz status_until; /* 0 none */
	TimestampTz last_seen_at; /* known to have been online then; 0 never */
	WaDevice *device;         /* NULL: none; only read when asked for */
	bool is_damaged;          /* the device in the table makes no sense */
	bool is_ours;             /* the advisory lock is held */
} StoreBot;

/* Has the caller this bot in memory already?  Then its keys are not read. */
typedef bool (*StoreKnows)(int64 bot_id);

/*
 * Reads the bots of this worker into the current memory context, and takes
 * the lock of those that are not known.  With node set the worker introduces
 * itself first: what its predecessor left behind is swept, and *refusal is the
 * reason why this database must not log in, or NULL.
 */
extern StoreResult store_load_bots(int worker, int workers, const char *node, StoreKnows knows,
								   StoreBot **bots, int *count, char **refusal);
extern void store_unlock_bot(int64 bot_id);

/* ---- what happened ---- */

typedef enum StoreKind
{
	STORE_FACT,             /* .fact */
	STORE_MESSAGE,          /* .message */
	STORE_RECORDS,          /* .records, .n_records */
	STORE_DEVICE,           /* .device */
	STORE_ERASE,            /* the device and its keys are void */
	STORE_PREKEYS,          /* .keys, .n_keys */
	STORE_PREKEYS_UPLOADED, /* .first_id, .last_id */
	STORE_QR,               /* .text, .until */
	STORE_PAIR_CODE,        /* .text (NULL refused), .phone, .until, .error, .error_text */
	STORE_LINK_OVER,        /* neither QR nor code is valid any longer */
} StoreKind;

typedef struct StoreItem
{
	StoreKind kind;
	int64 bot_id;
	char *fact; /* JSON */
	const RowsMessage *message;
	const WaRecord *records;
	int n_records;
	WaDevice *device;
	bool make_online; /* linked because somebody looked at the QR */
	WaPrekey *keys;
	int n_keys;
	uint32 first_id;
	uint32 last_id;
	char *text;
	char *phone;
	TimestampTz until;
	int error;
	char *error_text;
} StoreItem;

/* Metadata that wa_private.apply() misses. */
typedef struct StoreQuestion
{
	int64 bot_id;
	char *group_jid; /* "" all groups */
} StoreQuestion;

/* Items that hold copies, all in one chunk of the current memory context each. */
extern StoreItem *store_item_message(int64 bot_id, const RowsMessage *message);
extern StoreItem *store_item_fact(int64 bot_id, WaStr json);
extern StoreItem *store_item_records(int64 bot_id, const WaRecord *records, int count);

/*
 * Stores all items or none.  Questions are made in the current memory
 * context.  Of each record only the last value is written.
 */
extern StoreResult store_apply(StoreItem *const *items, int count, StoreQuestion **questions,
							   int *n_questions);
/* The same, and also(arg) in the same transaction after it, which may raise. */
extern StoreResult store_apply_and(StoreItem *const *items, int count, void (*also)(void *arg),
								   void *arg, StoreQuestion **questions, int *n_questions);

/* Metadata that one of these bots should ask for by now. */
extern StoreResult store_due_questions(const int64 *bots, int count, StoreQuestion **questions,
									   int *n_questions);

/*
 * Keeps a stanza that cannot be stored, with the reason and what was decrypted
 * of it, and stores all of the items but facts and messages: keys are kept, the
 * ratchet goes on.  content: absent when nothing was; it is not kept when chat
 * is one whose messages are not stored.
 */
extern StoreResult store_reject(int64 bot_id, WaStr stanza, WaStr content, WaStr chat,
								const char *reason, int sqlstate, StoreItem *const *items,
								int count);

/* Does what is due about every minute, a bounded amount; *touched: rows. */
extern StoreResult store_housekeep(int *touched);

/* ---- add-ons ---- */

/* An add-on that can be opened, with the secret of its original. */
typedef struct StoreAddon
{
	int64 addon_id;
	int64 bot_id;
	WaStr chat;
	char *kind;
	WaStr payload;
	WaStr iv;
	WaStr secret;
	WaStr id;
	WaStr target_id;
	WaStr *target_by; /* all JIDs of who wrote the original, the newest first */
	int n_target_by;
	WaStr *sender;
	int n_sender;
	bool from_me;
	int64 sent_us; /* wall time */
	int64 received_us;
} StoreAddon;

/* Up to limit of these bots, in the current memory context; the same ones not again for an hour. */
extern StoreResult store_readable_addons(const int64 *bots, int n_bots, int limit,
										 StoreAddon **addons, int *count);

/* ---- records ---- */

typedef struct StoreNeed
{
	int64 bot_id;
	const WaNeed *need;
} StoreNeed;

/* One record of the table that a need asked for. */
typedef struct StoreRecord
{
	int need; /* index into the needs */
	WaRecord record;
} StoreRecord;

/* What the tables have of all needs, in the current memory context. */
extern StoreResult store_load_records(const StoreNeed *needs, int count, StoreRecord **records,
									  int *n_records);

/* ---- history and media ---- */

/* A piece of history to be fetched; strings in the memory context of the call. */
typedef struct StoreChunk
{
	int64 chunk_id;
	int64 bot_id;
	int64 n_events; /* stored so far */
	int64 n_messages;
	int64 n_bytes;
	int32 sync_type; /* sheet 2 section 9.1 */
	WaStr notice_id; /* of the notification that told of it */
	bool is_again;   /* the phone has uploaded it again already */
	WaStr payload;   /* deflated; absent: fetch media */
	WaMedia media;
} StoreChunk;

/* Claims the next piece that one of these bots wants; *chunk is NULL when there is none. */
extern StoreResult store_history_next(const int64 *bots, int count, StoreChunk **chunk);

typedef struct StoreProgress
{
	int64 chunk_id;
	int64 n_events;
	int64 n_messages;
	int64 n_bytes;
	const char *state; /* "loading", "wanted" (again later), "done", "failed" */
	const char *error; /* NULL none */
	bool is_gone;      /* out: nobody has the piece any more */
} StoreProgress;

extern StoreResult store_history_progress(StoreProgress *progress);
extern void store_history_also(void *progress); /* the same, for store_apply_and */

/* A file of a message to be fetched. */
typedef struct StoreMedia
{
	int64 media_id;
	int64 asker; /* a bot of those given */
	WaMedia media;
	WaStr id; /* of its message; absent: the asker's phone does not know it */
	WaStr chat;
	WaStr participant; /* absent in direct chats */
	bool from_me;
} StoreMedia;

/* Claims the next file; busy are those that this worker is at. */
extern StoreResult store_media_next(const int64 *bots, int count, const int64 *busy, int n_busy,
									StoreMedia **media);
/* "wanted" (again later), "stored" with content, "failed".  path: its new one, absent: the old. */
extern StoreResult store_media_set(int64 media_id, const char *state, const char *error,
								   const void *content, size_t len, WaStr path);

#endif /* WA_STORE_H */
