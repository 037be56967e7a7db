/*
 * appstate.h
 *		App state (syncd): address book, mutes, pins, archive, labels, push name,
 *		which the account's devices share through collections on the server.
 *		Sheet 2 section 8.
 *
 * A collection is a set of encrypted records under the MAC of their index.  The
 * server has it as a snapshot and as patches; both are signed over a hash of all
 * records, so that nothing can be left out or brought back.
 *
 * Everything here comes from the server and is hostile until a MAC says
 * otherwise.  Nothing is copied: records borrow from the bytes that are read.
 */
#ifndef WA_APPSTATE_H
#define WA_APPSTATE_H

#include "identity.h"
#include "media.h"
#include "wire.h"

#define APPSTATE_KEY_LEN 32
#define APPSTATE_MAC_LEN 32
#define APPSTATE_HASH_LEN 128
#define APPSTATE_MAX_KEY_ID 32       /* bytes; phones use 6 */
#define APPSTATE_MAX_VALUE (1 << 20) /* bytes of one encrypted record that is opened */
#define APPSTATE_MAX_MUTATIONS 32768 /* of one patch */
#define APPSTATE_MAX_INDEX 8         /* parts of an index that are looked at */
#define APPSTATE_MAX_TEXT 4096       /* bytes of a name */

/* ---- keys and MACs (sheet 2 section 8.3) ---- */

typedef enum WaAppOperation
{
	APPSTATE_SET = 0,
	APPSTATE_REMOVE = 1,
} WaAppOperation;

/* What a key is expanded to.  The owner wipes it. */
typedef struct WaAppKeys
{
	uint8_t index_mac[32];
	uint8_t cipher[32];
	uint8_t value_mac[32];
	uint8_t snapshot_mac[32];
	uint8_t patch_mac[32];
} WaAppKeys;

extern WaStatus appstate_keys(const uint8_t key[APPSTATE_KEY_LEN], WaAppKeys *out);

extern WaStatus appstate_index_mac(const WaAppKeys *keys, WaStr index,
								   uint8_t out[APPSTATE_MAC_LEN]);
/* cipher is IV and ciphertext.  arena is for scratch. */
extern WaStatus appstate_value_mac(WaArena *arena, const WaAppKeys *keys, WaAppOperation operation,
								   WaStr key_id, WaStr cipher, uint8_t out[APPSTATE_MAC_LEN]);
extern WaStatus appstate_snapshot_mac(const WaAppKeys *keys, const uint8_t hash[APPSTATE_HASH_LEN],
									  uint64_t version, WaStr collection,
									  uint8_t out[APPSTATE_MAC_LEN]);
/* value_macs are those of the patch's records, in their order. */
extern WaStatus appstate_patch_mac(const WaAppKeys *keys,
								   const uint8_t snapshot_mac[APPSTATE_MAC_LEN],
								   const uint8_t *const *value_macs, size_t n, uint64_t version,
								   WaStr collection, uint8_t out[APPSTATE_MAC_LEN]);

/* LTHash: a sum that records can be taken out of again.  Unchanged after an error. */
extern WaStatus appstate_hash_add(uint8_t hash[APPSTATE_HASH_LEN],
								  const uint8_t value_mac[APPSTATE_MAC_LEN]);
extern WaStatus appstate_hash_subtract(uint8_t hash[APPSTATE_HASH_LEN],
									   const uint8_t value_mac[APPSTATE_MAC_LEN]);

/* ---- records ---- */

typedef struct WaAppRecord
{
	WaAppOperation operation;
	const uint8_t *index_mac; /* 32 bytes */
	const uint8_t *value_mac; /* 32 bytes */
	WaStr cipher;             /* IV and ciphertext, at least 32 bytes */
	WaStr key_id;             /* 1 to APPSTATE_MAX_KEY_ID bytes */
} WaAppRecord;

typedef enum WaAppForm
{
	APPSTATE_SNAPSHOT,  /* SyncdSnapshot */
	APPSTATE_PATCH,     /* SyncdPatch */
	APPSTATE_MUTATIONS, /* SyncdMutations: the blob of a patch that is too large for a stanza */
} WaAppForm;

/* A walk over the records of one of them.  May be left off and gone on with. */
typedef struct WaAppWalk
{
	WaAppForm form;
	WaWire wire;
} WaAppWalk;

extern void appstate_walk(WaAppWalk *walk, WaAppForm form, WaStr bytes);
/*
 * WA_OK and a record; WA_NEED_MORE: there are no more; WA_ERR_MALFORMED: not a
 * record, or bytes that are no protobuf.
 */
extern WaStatus appstate_walk_next(WaAppWalk *walk, WaAppRecord *out);

/* What a record says. */
typedef struct WaAppData
{
	WaStr index[APPSTATE_MAX_INDEX]; /* its parts: "contact", a JID ... */
	size_t n_index;
	WaStr value; /* SyncActionValue, undecoded */
} WaAppData;

/*
 * Decrypts a record into the arena.  WA_ERR_SIGNATURE: a MAC differs;
 * WA_ERR_CRYPTO: padding; WA_ERR_MALFORMED: no SyncActionData with an index;
 * WA_ERR_LIMIT: over APPSTATE_MAX_VALUE; WA_ERR_NOMEM.
 */
extern WaStatus appstate_record_open(WaArena *arena, const WaAppKeys *keys,
									 const WaAppRecord *record, WaAppData *out);

/* ---- a collection ---- */

typedef struct WaAppCollection
{
	uint64_t version; /* 0: nothing is known */
	uint8_t hash[APPSTATE_HASH_LEN];
} WaAppCollection;

/*
 * A snapshot is verified in steps, and only then told:
 *
 *		appstate_snapshot_read
 *		while (appstate_snapshot_sum == WA_NEED_MORE) ...
 *		appstate_snapshot_verify
 *		appstate_walk over it for its content
 */
typedef struct WaAppSnapshot
{
	WaStr key_id;
	const uint8_t *mac; /* 32 bytes */
	WaAppCollection collection;
	WaAppWalk walk; /* of the sum */
} WaAppSnapshot;

/* WA_ERR_MALFORMED: no snapshot, or one without version, MAC or key. */
extern WaStatus appstate_snapshot_read(WaStr bytes, WaAppSnapshot *out);
/* Adds up to max records.  WA_OK: that was all; WA_NEED_MORE; WA_ERR_MALFORMED, also for a REMOVE. */
extern WaStatus appstate_snapshot_sum(WaAppSnapshot *snapshot, size_t max);
/* WA_ERR_SIGNATURE: the records are not those that were signed. */
extern WaStatus appstate_snapshot_verify(const WaAppSnapshot *snapshot, const WaAppKeys *keys,
										 WaStr collection);

typedef struct WaAppPatch
{
	uint64_t version; /* 0: not told; one more than the one before */
	WaStr key_id;
	const uint8_t *snapshot_mac; /* 32 bytes, each */
	const uint8_t *patch_mac;
	bool has_external; /* the records are in this blob: read it as APPSTATE_MUTATIONS */
	WaMedia external;
} WaAppPatch;

/* WA_ERR_MALFORMED: no patch, or one without MACs or key. */
extern WaStatus appstate_patch_read(WaStr bytes, WaAppPatch *out);
/* ExternalBlobReference; WA_ERR_MALFORMED without path, key or hash. */
extern WaStatus appstate_blob_read(WaStr bytes, WaMedia *out);

typedef struct WaAppMutation
{
	WaAppRecord record;
	bool is_first;           /* of this index in the patch: needs what was there before */
	bool is_last;            /* of this index: what remains */
	const uint8_t *previous; /* value MAC that this one replaces; NULL none */
} WaAppMutation;

/* The records of one patch. */
typedef struct WaAppChange
{
	WaAppMutation *list; /* in the order of the patch */
	size_t n;
	WaAppMutation **by_index; /* by index MAC, then in the order of the patch */
} WaAppChange;

/*
 * Reads the records of a patch, its own and those of its blob (absent: none), into
 * the arena.  WA_ERR_LIMIT: more than APPSTATE_MAX_MUTATIONS.
 */
extern WaStatus appstate_change_read(WaArena *arena, WaStr patch, WaStr blob, WaAppChange *out);
/*
 * Tells the value MAC that an index had before the patch; borrowed.  What is not
 * told was not there.  An index that the patch does not touch is ignored.
 */
extern void appstate_change_previous(WaAppChange *change, const uint8_t index_mac[APPSTATE_MAC_LEN],
									 const uint8_t *value_mac);
/* WA_ERR_SIGNATURE: not what was signed.  arena is for scratch. */
extern WaStatus appstate_change_verify(WaArena *arena, const WaAppChange *change,
									   const WaAppPatch *patch, const WaAppKeys *keys,
									   WaStr collection);
/*
 * Brings a collection from the version before to the patch's.  WA_ERR_STATE: the
 * patch is not the next one; WA_ERR_SIGNATURE: the result is not what was signed.
 * *state changes only on WA_OK.
 */
extern WaStatus appstate_change_apply(const WaAppChange *change, const WaAppPatch *patch,
									  const WaAppKeys *keys, WaStr collection,
									  WaAppCollection *state);

/* ---- what it means ---- */

typedef enum WaAppActionKind
{
	APP_CONTACT,       /* who, name, first_name; an absent name: not in the address book any more */
	APP_PUSH_NAME,     /* name: the account's own; who, from a client */
	APP_MUTE,          /* chat, on, until_ms (-1 for ever) */
	APP_PIN,           /* chat, on */
	APP_ARCHIVE,       /* chat, on */
	APP_LABEL,         /* id, name, color, on false: deleted */
	APP_CHAT_LABEL,    /* id, chat, on */
	APP_MESSAGE_LABEL, /* id, chat, message, on */
} WaAppActionKind;

typedef struct WaAppAction
{
	WaAppActionKind kind;
	WaIdentity who;
	WaStr name;
	WaStr first_name;
	WaStr chat;
	WaStr id;
	WaStr message;
	int32_t color;
	bool on;
	int64_t until_ms;
	int64_t at_ms; /* when it was set, Unix milliseconds; 0 not told */
} WaAppAction;

/* False: nothing that is collected, or nothing that makes sense.  Texts are borrowed or the arena's. */
extern bool appstate_action(WaArena *arena, WaAppOperation operation, const WaAppData *data,
							WaAppAction *out);
/* The LID and phone number that a record says are one person's; NULL none. */
extern WaAlias *appstate_alias(WaArena *arena, const WaAppData *data);

#endif /* WA_APPSTATE_H */
