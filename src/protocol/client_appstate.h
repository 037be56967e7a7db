/*
 * client_appstate.h
 *		App state of one bot at work: the parts of client_appstate*.c.
 *		Sheet 2 section 8.
 *
 * The tables have the truth: keys, the state of each collection, the value MACs
 * of its records.  Work begins with reading them, goes through the collections
 * one by one, and is forgotten when nothing is left to do; a bot at rest keeps
 * a few bytes.  What one patch or one slice of a snapshot changes is told as one
 * unit, and nothing follows before it is stored.
 *
 *	client_appstate.c			when, which collection, the question, the ladder of failures
 *	client_appstate_apply.c		snapshots and patches, told as events
 *	client_appstate_record.c	the records: what they look like in the tables
 */
#ifndef WA_CLIENT_APPSTATE_H
#define WA_CLIENT_APPSTATE_H

#include "client_internal.h"

#define APP_COLLECTIONS 5
#define APP_MAX_KEYS 256 /* of an account that are known at a time */

typedef struct ClientAppKey
{
	struct ClientAppKey *next;
	uint8_t id[APPSTATE_MAX_KEY_ID];
	size_t id_len;
	bool is_known; /* else only asked for */
	uint8_t key[APPSTATE_KEY_LEN];
	int64_t asked_at; /* Unix seconds */
} ClientAppKey;

/* A collection as the tables have it. */
typedef struct ClientAppCollection
{
	WaAppCollection state;
	uint32_t generation; /* of its value MACs: a snapshot makes those before void */
	bool is_synced;      /* state is all that the server had, be it nothing */
	bool is_dropped;     /* the local state was given up since it was last synced */
	bool is_blocked;     /* a key is missing */
	unsigned failures;   /* questions that failed since it was last synced */
	int64_t not_before;  /* Unix seconds */
	/* not in its record */
	bool is_marked; /* the tables say that there is something new */
	bool is_wanted; /* that, and it was not asked for since */
} ClientAppCollection;

typedef enum ClientAppStep
{
	APP_LOAD,     /* the host looks up keys and collections */
	APP_PICK,     /* which collection is next? */
	APP_ASKED,    /* the server's answer is due */
	APP_ANSWERED, /* what is next of the answer? */
	APP_BLOB,     /* the host downloads */
	APP_SNAPSHOT, /* the blob is one */
	APP_SUM,      /* it is being verified */
	APP_TELL,     /* it is being told */
	APP_PATCH,    /* the first of patches */
	APP_VALUES,   /* the host looks up what it replaces */
	APP_CHANGE,   /* it is being told */
	APP_FAILED,   /* the collection at hand */
} ClientAppStep;

typedef enum ClientAppFailure
{
	APP_FAILED_NOW,  /* the server or the way to it: later */
	APP_FAILED_DATA, /* what we have and what came do not fit: from the start, once */
	APP_FAILED_KEY,  /* missing_key is not known */
} ClientAppFailure;

typedef struct ClientApp
{
	ClientAppStep step;
	bool needs_told;  /* the host has all needs of the step */
	WaStatus missing; /* why memory does not have what was supplied; WA_OK it has */
	bool keys_came;   /* what was blocked may go on */
	ClientAppKey *keys;
	int n_keys;
	const ClientAppKey *expanded_key; /* the one in expanded; NULL none */
	WaAppKeys expanded;
	ClientAppCollection collections[APP_COLLECTIONS];

	/* the collection at hand */
	int at;
	uint64_t asked_version;
	uint64_t told_version; /* that the answer says to end with, 0 it does not */
	bool has_more;         /* patches, on the server */
	ClientAppFailure failure;
	int64_t pause_us; /* that the server wants after a failure, 0 none */
	uint8_t missing_key[APPSTATE_MAX_KEY_ID];
	size_t missing_key_len;
	WaArena answer;     /* of snapshot */
	WaMedia *snapshot;  /* where the answer's snapshot is; NULL none, or taken */
	WaBuf patches;      /* u32 length, SyncdPatch */
	uint32_t blob_id;   /* APP_BLOB: what is downloaded */
	int64_t blob_until; /* and until when it is waited for */
	bool has_blob;
	WaBuf blob;
	ClientAppStep blob_for; /* the step that wants it */

	/* the snapshot or patch at hand */
	WaAppSnapshot sum;
	WaAppWalk walk;
	WaArena work; /* of change, and what is supplied for it */
	WaAppPatch patch;
	WaAppChange change;
	size_t n_firsts;  /* indexes that it touches */
	size_t next_need; /* in change.list */
} ClientApp;

/* Names of the collections, in the order in which they are fetched. */
extern const char *const client_appstate_names[APP_COLLECTIONS];

/* ---- client_appstate.c ---- */

extern ClientAppCollection *client_appstate_at(const WaClient *client); /* the one at hand */
extern void client_appstate_fail(WaClient *client, ClientAppFailure failure);
/* Asks the host for a blob; step follows when it is there. */
extern void client_appstate_want_blob(WaClient *client, const WaMedia *media, ClientAppStep step);
/* What is told and sent between begin and end is one unit; bytes are what it comes from. */
extern void client_appstate_begin(WaClient *client, WaStr bytes);
extern void client_appstate_end(WaClient *client);

/* ---- client_appstate_apply.c ---- */

/* One step of APP_SNAPSHOT to APP_CHANGE. */
extern void client_appstate_apply(WaClient *client);
/* What APP_VALUES needs, and what came of it. */
extern bool client_appstate_apply_need(WaClient *client, WaNeed *need);
extern WaStatus client_appstate_apply_supply(WaClient *client, const WaRecord *record);

/* ---- client_appstate_record.c ---- */

/* Records in the arena; name and chat are constants or the arena's.  NULL data: memory is out. */
extern WaRecord client_appstate_record_key(WaArena *arena, WaStr id, const uint8_t *key);
extern WaRecord client_appstate_record_asked(WaArena *arena, WaStr id, int64_t at);
extern WaRecord client_appstate_record_collection(WaArena *arena, const char *name,
												  const ClientAppCollection *collection);
extern WaRecord client_appstate_record_mark(const char *name, bool set);
extern WaRecord client_appstate_record_value(WaArena *arena, const char *collection,
											 const uint8_t index_mac[APPSTATE_MAC_LEN],
											 const uint8_t *value_mac, uint32_t generation);
/* Index of a collection's name, -1 unknown. */
extern int client_appstate_record_find(WaStr name);
extern bool client_appstate_record_read_key(const WaRecord *record, ClientAppKey *out);
extern bool client_appstate_record_read_collection(const WaRecord *record,
												   ClientAppCollection *out);
/* Value MACs of another generation are none. */
extern bool client_appstate_record_read_value(const WaRecord *record, uint32_t generation,
											  uint8_t index_mac[APPSTATE_MAC_LEN],
											  uint8_t value_mac[APPSTATE_MAC_LEN]);
/* The name of a value's record: its index MAC in hex. */
extern WaStr client_appstate_record_value_name(WaArena *arena,
											   const uint8_t index_mac[APPSTATE_MAC_LEN]);
/* Adds records to the unit at hand; false when memory is out. */
extern bool client_appstate_record_tell(WaClient *client, const WaRecord *list, int count);

#endif /* WA_CLIENT_APPSTATE_H */
