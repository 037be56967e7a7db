/*
 * signal_store.h
 *		Records of the Signal layer in memory, and the callbacks by which
 *		libsignal reaches them.  Internal to signal*.c.
 *
 * Invariant: between signal_store_begin and signal_store_end every write is a
 * draft beside the record's value; end makes all drafts values, or none.
 */
#ifndef WA_SIGNAL_STORE_H
#define WA_SIGNAL_STORE_H

#include "crypto_provider.h"
#include "signal.h"

#define SIGNAL_BUCKETS 256

/* Marks of what was asked, in the same table as the records. */
#define SIGNAL_ASKED 16 /* + SignalNeedKind */

typedef struct SignalKey
{
	unsigned kind; /* SignalKind, or SIGNAL_ASKED + SignalNeedKind */
	WaStr chat;
	WaStr name;
	uint32_t number;
} SignalKey;

typedef struct SignalEntry
{
	struct SignalEntry *next;       /* in its bucket */
	struct SignalEntry *next_draft; /* in the list of drafts */
	struct SignalEntry *next_queue; /* in the queue of dirty records, or of marks to ask */
	struct SignalEntry *next_taken; /* in the list of those given out */
	SignalKey key;                  /* its strings lie behind the entry */
	uint8_t *data;                  /* NULL: there is no such record */
	size_t len;
	uint8_t *draft;
	size_t draft_len;
	bool drafted;
	bool dirty; /* changed, and not given out since */
	bool taken; /* given out, not committed yet */
	bool known; /* of a mark: the host has looked */
} SignalEntry;

/* A Signal address: a person's bare JID and a device. */
typedef struct SignalAddress
{
	char text[SIGNAL_MAX_NAME + 1]; /* with a NUL, for libsignal's messages */
	size_t len;
	uint32_t device;
} SignalAddress;

/* A sender under the name that counts, and under the other one. */
typedef struct SignalPeer
{
	SignalAddress main; /* the LID when known */
	SignalAddress other;
	bool has_other;
} SignalPeer;

struct WaSignal
{
	const WaEnv *env;
	const WaDevice *device;
	signal_context *context;
	signal_protocol_store_context *store;
	SignalEntry *buckets[SIGNAL_BUCKETS];
	SignalEntry *drafts;
	SignalEntry *dirty_first;
	SignalEntry *dirty_last;
	SignalEntry *asked_first;
	SignalEntry *asked_last;
	SignalEntry *given; /* needs given out, not supplied yet; linked by next_queue */
	SignalEntry *taken;
	size_t memory; /* bytes of all entries and values */

	/* of the call that runs */
	WaStatus fault;        /* why a callback failed */
	bool identity_changed; /* a draft replaces another identity */
	bool has_wanted;       /* a skmsg wants this key put back into its record */
	uint32_t wanted_id;
	uint32_t wanted_iteration;
};

/* ---- names ---- */

/* WA_ERR_MALFORMED: no user's address, or too long. */
extern WaStatus signal_store_address(WaStr jid, SignalAddress *out);
extern WaStatus signal_store_peer(WaStr jid, WaStr alternate, SignalPeer *out);
extern WaStr signal_store_name(const SignalAddress *address);

/* ---- records ---- */

extern SignalEntry *signal_store_find(WaSignal *signal, const SignalKey *key);
/* The value that the call sees: its own draft, or what was there. */
extern const uint8_t *signal_store_value(const SignalEntry *entry, size_t *len);
/*
 * The record's value, NULL when it does not exist.  WA_ERR_STATE when the
 * host was not asked for it.
 */
extern WaStatus signal_store_get(WaSignal *signal, const SignalKey *key, const uint8_t **data,
								 size_t *len);
/* Drafts a value; data NULL deletes. */
extern WaStatus signal_store_put(WaSignal *signal, const SignalKey *key, const uint8_t *data,
								 size_t len);
/* Asks the host, unless it was asked before. */
extern WaStatus signal_store_ask(WaSignal *signal, SignalNeedKind kind, WaStr chat, WaStr name,
								 uint32_t number);
extern bool signal_store_asked(WaSignal *signal, SignalNeedKind kind, WaStr chat, WaStr name,
							   uint32_t number);
/* Entries of one chat and name, one after the other; first NULL starts. */
extern SignalEntry *signal_store_next(WaSignal *signal, SignalEntry *after, unsigned kind,
									  WaStr chat, WaStr name);
/* Drafts the move of one record to another name. */
extern WaStatus signal_store_move(WaSignal *signal, SignalEntry *from, WaStr name);

extern void signal_store_begin(WaSignal *signal);
/* Keeps the drafts or drops them. */
extern void signal_store_end(WaSignal *signal, bool keep);

/* ---- what the files share ---- */

/*
 * Drafts the move of what a message needs to the name that counts: sessions and
 * identities, or with a chat the sender keys there.  WA_ERR_STATE when the host
 * was not asked for them.
 */
extern WaStatus signal_peer_bring(WaSignal *signal, const SignalPeer *peer, WaStr chat);
/* libsignal's view; peer must outlive it. */
extern signal_protocol_address signal_peer_address(const SignalPeer *peer);
/* What a failed call means to the host: never WA_OK. */
extern WaStatus signal_peer_fault(const WaSignal *signal, int rc);
/* Decrypts a skmsg; returns libsignal's code. */
extern int signal_group_read(WaSignal *signal, const SignalMessage *message, const SignalPeer *peer,
							 signal_buffer **plain);

/* ---- libsignal ---- */

/* Makes the store context with all callbacks; they work on the records above. */
extern WaStatus signal_callbacks_install(WaSignal *signal);

#endif /* WA_SIGNAL_STORE_H */
