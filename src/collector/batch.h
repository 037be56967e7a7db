/*
 * batch.h
 *		What the clients reported and the tables do not have yet.
 *
 * Events are copied in as they are pulled and leave in the order they came,
 * so that what is resolved is always a prefix.  A unit is the events of one
 * stanza: the smallest piece that is stored, or put aside, as a whole.
 */
#ifndef WA_BATCH_H
#define WA_BATCH_H

#include "postgres.h"

#include "client.h"
#include "store.h"

typedef enum BatchOutcome
{
	UNIT_PENDING,
	UNIT_STORED,
	UNIT_REJECTED, /* kept in wa.rejected; may be acknowledged */
	UNIT_LOST,     /* keys or records could not be stored: the client is ahead of the tables */
} BatchOutcome;

typedef struct BatchUnit
{
	int64 bot_id;
	uint64 serial; /* of the session it came from */
	uint64 stanza;
	uint64 epoch; /* of its last event; 0: nothing to confirm */
	int first_item;
	int n_items;
	WaStr stanza_bytes; /* absent: from no stanza */
	WaStr content;      /* what was decrypted of it; absent: nothing */
	WaStr chat;         /* and where that was said */
	bool holds_keys;    /* or records: without them the client is ahead of the tables */
	bool is_broken;     /* an event could not be written as a fact */
	int attempts;
	BatchOutcome outcome;
} BatchUnit;

typedef struct Batch Batch;

extern Batch *batch_create(MemoryContext parent);
extern bool batch_has_room(const Batch *batch);
extern bool batch_is_empty(const Batch *batch);
/* Is something of the bot on its way?  Then the tables are behind what its client told. */
extern bool batch_holds(const Batch *batch, int64 bot_id);

/* Who an event came from, and what of it the event does not say. */
typedef struct BatchSource
{
	int64 bot_id;
	uint64 serial;
	bool make_online;       /* linking it means it is wanted online */
	const char *phone;      /* the pairing code was asked for it; NULL */
	const WaDevice *device; /* as the client has it */
} BatchSource;

extern void batch_add(Batch *batch, const BatchSource *source, const WaEvent *event, WaNow now);

/* What does not come from a client: has no one to confirm it to.  content, chat: for wa.rejected. */
extern void batch_add_rows(Batch *batch, int64 bot_id, const Rows *rows, WaStr content, WaStr chat);

/*
 * Stores what it can, with retries by halves; nothing when the time for a
 * retry has not come.  Afterwards batch_resolved units have an outcome.
 */
extern void batch_flush(Batch *batch, int64 now_us);
/* Monotonic time of the next retry; WA_NEVER when none is due. */
extern int64 batch_retry_at(const Batch *batch);
/* Why it does not get on, a sentence; NULL when it does. */
extern const char *batch_trouble(const Batch *batch);
/* The storage is not ready: store_why() knows more. */
extern bool batch_not_ready(const Batch *batch);

/* What was stored since the batch was made. */
typedef struct BatchCounts
{
	uint64 messages; /* pending ones included */
	uint64 pending;
	uint64 batches; /* transactions */
	uint64 addons;  /* encrypted with the secret of a message */
	uint64 secrets; /* messages with such a secret */
} BatchCounts;

extern const BatchCounts *batch_counts(const Batch *batch);

extern int batch_resolved(const Batch *batch);
extern const BatchUnit *batch_unit(const Batch *batch, int index);
extern int batch_questions(const Batch *batch, const StoreQuestion **questions);
/* Drops the resolved units and the questions. */
extern void batch_forget(Batch *batch);
/*
 * Drops everything, resolved or not: the server says it again.  The clients it
 * came from must go first, they are ahead of the tables (session_forget_batch).
 */
extern void batch_clear(Batch *batch);
extern int batch_units(const Batch *batch); /* resolved or not, for batch_unit */

#endif /* WA_BATCH_H */
