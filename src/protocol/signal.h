/*
 * signal.h
 *		The Signal layer of one bot: reads and writes encrypted payloads on
 *		libsignal-protocol-c.  Sheet 2 sections 1.4, 3.4, 3.5 and 4.
 *
 * It calls nobody.  Records (sessions, identities, sender keys, prekeys) live
 * in the host's tables; the host brings them before a stanza and takes the
 * changed ones after it:
 *
 *		signal_needs(signal, &message);
 *		while (signal_next_need(signal, &need))
 *			signal_supply(signal, each record that the tables have of it);
 *		signal_supplied(signal);
 *		signal_read(signal, &message, &plaintext, &verdict);
 *		...
 *		while (signal_next_dirty(signal, &record))
 *			write or delete it, in the transaction that stores the rows;
 *		signal_committed(signal), or signal_discard(signal) after an abort
 *
 * Invariant: a call that fails, and a message that is refused, leave every
 * record as it was, byte for byte.  Only a success changes records, all of
 * them at once.
 *
 * People are named by their bare JID ("123@lid", "4917@s.whatsapp.net"), and
 * always by the LID when both are known; what was kept under the phone number
 * is moved when the pair is first seen together.
 *
 * libsignal exports a protobuf-c of its own: link -lprotobuf-c before
 * -lsignal-protocol-c, so that both run on the system's.
 */
#ifndef WA_SIGNAL_H
#define WA_SIGNAL_H

#include "device.h"
#include "signal_retry.h"

typedef struct WaSignal WaSignal;

/* Limits against hostile input and hostile tables. */
#define SIGNAL_MAX_CIPHERTEXT (4 << 20) /* bytes of one <enc> */
#define SIGNAL_MAX_RECORD (2 << 20)     /* bytes of one record */
#define SIGNAL_MAX_MEMORY (64 << 20)    /* bytes of all records held */
#define SIGNAL_MAX_NAME 128             /* bytes of a bare JID */
#define SIGNAL_MAX_PADDING 16           /* bytes that signal_write adds at most */

/*
 * env and device must outlive the result.  The device is read at every call,
 * so that a LID learnt later counts at once.  Idle it costs about 2 kB; free it
 * between transactions when a bot is quiet and make a new one on its next
 * message.
 */
extern WaStatus signal_create(const WaEnv *env, const WaDevice *device, WaSignal **out);
extern void signal_free(WaSignal *signal); /* NULL is fine */

/* ---- records ---- */

typedef enum SignalKind
{
	SIGNAL_SESSION,       /* of (name, device): libsignal's bytes, current and archived states */
	SIGNAL_IDENTITY,      /* of (name, device): raw public key, 32 bytes */
	SIGNAL_SENDER_KEY,    /* of (chat, name, device): libsignal's bytes, small */
	SIGNAL_SKIPPED_KEYS,  /* of (chat, name, device): see signal_record.h, up to 40 kB */
	SIGNAL_PREKEY,        /* of (id): raw private key, 32 bytes */
	SIGNAL_SIGNED_PREKEY, /* of (id), an earlier one: raw private key, 32 bytes */
} SignalKind;

/* Strings and data are borrowed. */
typedef struct SignalRecord
{
	SignalKind kind;
	WaStr chat;          /* of sender keys and skipped keys, else absent */
	WaStr name;          /* bare JID; absent for prekeys */
	uint32_t number;     /* the device, or the id of a prekey */
	const uint8_t *data; /* NULL: delete it; a deleted prekey was consumed */
	size_t len;
} SignalRecord;

typedef enum SignalNeedKind
{
	SIGNAL_NEED_PEER,          /* every session and identity of name */
	SIGNAL_NEED_SENDERS,       /* every sender key and skipped keys of name in chat;
								* chat absent: in every chat */
	SIGNAL_NEED_PREKEY,        /* the one-time prekey of id, unless consumed */
	SIGNAL_NEED_SIGNED_PREKEY, /* an earlier signed prekey of id */
} SignalNeedKind;

typedef struct SignalNeed
{
	SignalNeedKind kind;
	WaStr chat;
	WaStr name;
	uint32_t id;
} SignalNeed;

/* Is there something to look up that signal_next_need has not given out? */
extern bool signal_has_needs(const WaSignal *signal);
/* The next thing to look up; the strings live until signal_discard or signal_trim. */
extern bool signal_next_need(WaSignal *signal, SignalNeed *out);
/*
 * Takes a record from the tables; copies it.  One that is held already is left
 * alone: memory is newer than the tables.  A session that libsignal cannot read
 * is as good as none: it must not stand in the way of a new one, which takes its
 * place in the tables.  WA_ERR_LIMIT: too big, or too much
 * is held (signal_trim between transactions); WA_ERR_ARGUMENT: a prekey or
 * identity that is not 32 bytes, or a missing name.
 */
extern WaStatus signal_supply(WaSignal *signal, const SignalRecord *record);
/* Everything asked for was looked up: what was not supplied does not exist. */
extern void signal_supplied(WaSignal *signal);

/* The next changed record; borrowed until the next call that changes anything. */
extern bool signal_next_dirty(WaSignal *signal, SignalRecord *out);
/* What signal_next_dirty gave out is in the tables for good. */
extern void signal_committed(WaSignal *signal);
/* Forgets every record, changed or not: the tables are the truth again. */
extern void signal_discard(WaSignal *signal);
/* Forgets every record when more than max bytes are held and none is uncommitted. */
extern void signal_trim(WaSignal *signal, size_t max);
/* Bytes held, without what libsignal's own contexts take. */
extern size_t signal_memory(const WaSignal *signal);

/* ---- reading ---- */

typedef enum SignalType
{
	SIGNAL_PKMSG,
	SIGNAL_MSG,
	SIGNAL_SKMSG,
} SignalType;

/* The type that an <enc> states; false for one that is not Signal's. */
extern bool signal_type_from(WaStr text, SignalType *out);
extern const char *signal_type_name(SignalType type);

/* One <enc> of a stanza.  Borrowed. */
typedef struct SignalMessage
{
	SignalType type;
	unsigned version;    /* of <enc>: 2 has padding, 3 none */
	WaStr chat;          /* the stanza's from when it is a group or a broadcast list, else absent */
	WaStr sender;        /* device JID of the sender, as the stanza has it */
	WaStr alternate;     /* the sender's other address (LID or PN), absent when not known;
						  * its device does not matter */
	const uint8_t *data; /* content of <enc> */
	size_t len;
} SignalMessage;

typedef enum SignalOutcome
{
	SIGNAL_READ,       /* the plaintext is there */
	SIGNAL_DUPLICATE,  /* read before, or its key was given up: an ordinary receipt */
	SIGNAL_UNREADABLE, /* ask the sender again with a retry receipt */
	SIGNAL_UNTRUSTED,  /* the own phone with a key that the account never signed: ask nobody */
} SignalOutcome;

typedef struct SignalVerdict
{
	SignalOutcome outcome;
	SignalRetryReason reason; /* of SIGNAL_UNREADABLE */
	bool keys_at_once;        /* the first retry receipt already needs keys */
	bool identity_changed; /* SIGNAL_READ: the sender has a new identity key, the old one is gone */
} SignalVerdict;

/*
 * Asks for what signal_read will need of this message, and of the sender key
 * that it may bring.  Needs that were met before are not asked again.
 * WA_ERR_MALFORMED: the sender is no device of a person.
 */
extern WaStatus signal_needs(WaSignal *signal, const SignalMessage *message);
/*
 * Decrypts and unpads; appends the plaintext (a serialized Message) to out.
 * WA_OK says that verdict is filled in, not that it was readable.  Anything
 * else is this machine's fault, nothing may be answered and the stanza comes
 * again: WA_ERR_NOMEM, WA_ERR_CRYPTO (randomness or OpenSSL failed), WA_ERR_LIMIT
 * (out or the memory for records is full), WA_ERR_STATE (a need was not met).  WA_ERR_MALFORMED as signal_needs.
 */
extern WaStatus signal_read(WaSignal *signal, const SignalMessage *message, WaBuf *out,
							SignalVerdict *verdict);
/*
 * The decrypted content of <enc v=version> without its padding, borrowed:
 * version 3 has none (sheet 2 section 3.4).  WA_ERR_MALFORMED: empty, or padding
 * that is none.  signal_read has done it already.
 */
extern WaStatus signal_unpad(unsigned version, WaStr padded, WaStr *out);
/*
 * Takes the sender key that a plaintext brought: data is the value of field 2
 * of the Message.  It is filed under the stanza's chat; one that names
 * another chat, or comes in a direct chat, is refused with WA_ERR_ARGUMENT, one
 * that cannot be parsed with WA_ERR_MALFORMED, both without consequence.  A key
 * that is known already keeps its chain, unless the new one is too far ahead for
 * the old one to reach; other errors as signal_read.
 */
extern WaStatus signal_learn_key(WaSignal *signal, const SignalMessage *message,
								 const uint8_t *data, size_t len);

/* ---- addresses and identities ---- */

/* Asks for everything that is kept under either name of a person. */
extern WaStatus signal_needs_move(WaSignal *signal, WaStr pn, WaStr lid);
/*
 * Moves everything from the phone number to the LID, to be committed together
 * with the pair.  Where both exist: the PN's session becomes current and the
 * LID's is archived behind it, the LID's identity stays, sender keys are
 * joined.  Sheet 2 section 1.4.
 */
extern WaStatus signal_move(WaSignal *signal, WaStr pn, WaStr lid);

/*
 * Is anything of a person known to be kept under the name that does not count:
 * a session, an identity, or with a chat a sender key there?  Then it is time
 * for signal_move.  Only of what was asked for; false also without a pair.
 */
extern bool signal_is_split(WaSignal *signal, WaStr jid, WaStr alternate, WaStr chat);

/* Asks for the sessions and identities of a person, alternate as in SignalMessage. */
extern WaStatus signal_needs_peer(WaSignal *signal, WaStr jid, WaStr alternate);
/* Forgets them on every device: the person has a new identity (sheet 2 section 4.9). */
extern WaStatus signal_forget_peer(WaSignal *signal, WaStr jid, WaStr alternate);

/* ---- writing, as far as answering needs it ---- */

/* A device's keys as the service hands them out. */
typedef struct SignalBundle
{
	uint32_t registration_id;
	uint8_t identity[CRYPTO_KEY_LEN];
	uint32_t signed_prekey_id;
	uint8_t signed_prekey[CRYPTO_KEY_LEN];
	uint8_t signature[CRYPTO_SIGNATURE_LEN];
	bool has_prekey; /* the service may have run out of them */
	uint32_t prekey_id;
	uint8_t prekey[CRYPTO_KEY_LEN];
} SignalBundle;

/* Reads <user> of a prekey answer (sheet 2 section 4.5); WA_ERR_MALFORMED, also for its <error>. */
extern WaStatus signal_bundle_parse(const WaNode *user, SignalBundle *out);
/* After signal_needs_peer: is there a session to write to this device?  False also when not known. */
extern bool signal_has_session(WaSignal *signal, WaStr jid, WaStr alternate);
/*
 * Starts a session with the bundle's keys; an existing one is archived.
 * WA_ERR_SIGNATURE: the bundle's keys are not signed by its identity;
 * WA_ERR_CERTIFICATE: not the identity that the own account has.
 */
extern WaStatus signal_start_session(WaSignal *signal, WaStr jid, WaStr alternate,
									 const SignalBundle *bundle);
/*
 * Pads and encrypts for one device, appends to out and says which type <enc>
 * gets.  Nothing may be sent before the changed records are committed.
 * WA_ERR_ARGUMENT: there is no session.
 */
extern WaStatus signal_write(WaSignal *signal, WaStr jid, WaStr alternate, const uint8_t *plain,
							 size_t len, WaBuf *out, SignalType *type);

#endif /* WA_SIGNAL_H */
