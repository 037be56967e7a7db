/*
 * client_internal.h
 *		The parts of a client, shared by the client_*.c files and their tests.
 *
 * Each part owns the members named after it; everything else of it happens
 * through its functions.  client->now is the time of the host's current call.
 *
 *	client.c			life cycle: phases, statuses, deadlines
 *	client_event.c		events and their epochs
 *	client_output.c		what leaves, and when: the barrier
 *	client_handshake.c	from an open socket to an encrypted stream
 *	client_stanza.c		every inbound stanza, once
 *	client_iq.c			our questions and their answers
 *	client_login.c		success, prekeys, active
 *	client_offline.c	the offline queue
 *	client_link.c		QR, pairing code, pair-success
 *	client_groups.c		group queries within the budget
 *	client_appstate.c	what the account's other devices set
 *	client_keepalive.c	pings, silence, deafness
 *	client_records.c	what the host's tables have and get; waiting for it
 *	client_message.c	a <message>, from its stanza to its answer
 *	client_missing.c	messages that could not be read, as the tables keep them
 *	client_retry.c		asking the sender again
 *	client_phone.c		asking the own phone
 *	client_identity.c	somebody has new keys
 *	client_receipt.c	incoming receipts
 *	client_delivery.c	outgoing ones
 *	client_media.c		hosts of the media service, files that are gone from it
 */
#ifndef WA_CLIENT_INTERNAL_H
#define WA_CLIENT_INTERNAL_H

#include "backoff.h"
#include "client.h"
#include "failure.h"
#include "noise.h"
#include "pairing.h"
#include "prekey.h"
#include "signal.h"

#define CLIENT_MAX_INPUT (WA_MAX_FRAME + (1 << 20)) /* a frame and what came with it */
#define CLIENT_MAX_DETAIL 512                       /* bytes of the server's words that are kept */
#define CLIENT_MAX_IQS 64
#define CLIENT_MAX_ASKS 256 /* groups waiting to be asked for by name */
#define CLIENT_MAX_REFS 32
#define CLIENT_MAX_REF 1024     /* bytes of one QR ref */
#define CLIENT_MAX_ALIASES 8192 /* slots of the table of pairs that were told, 8 bytes each */
#define CLIENT_MAX_PARTS 8      /* <enc> of one message */
#define CLIENT_MAX_NAME 128     /* bytes of an id or address that becomes a key */
#define CLIENT_MAX_SILENT 256   /* stanzas without event in one pull: others have their turn */

typedef enum ClientPhase
{
	PHASE_IDLE, /* no connection and none wanted */
	PHASE_WAIT, /* until retry_at */
	PHASE_DIAL, /* the host opens a socket */
	/* with a socket */
	PHASE_HELLO, /* Noise: the server's hello is due */
	PHASE_LOGIN, /* success or pair-device is due */
	PHASE_LINK,  /* QR codes are on show */
	PHASE_SETUP, /* success came: prekeys, active */
	PHASE_ONLINE,
	PHASE_CLOSING, /* the host closes the socket; input is ignored */
} ClientPhase;

/* With whom an address was told to be one person. */
typedef struct ClientAlias
{
	uint32_t address; /* hashes; 0: a free slot */
	uint32_t pair;
} ClientAlias;

typedef struct ClientEvent
{
	WaEvent event;
	struct ClientEvent *next;
} ClientEvent;

typedef enum ClientIqKind
{
	IQ_PING,
	IQ_PREKEY_COUNT,
	IQ_PREKEY_UPLOAD,
	IQ_ACTIVE,
	IQ_CLEAN,
	IQ_GROUP_LIST,
	IQ_GROUP,
	IQ_PAIR_HELLO,
	IQ_PAIR_FINISH,
	IQ_LOGOUT,
	IQ_PHONE_KEYS,
	IQ_MEDIA_HOSTS,
	IQ_APP_STATE,
} ClientIqKind;

typedef struct ClientIq
{
	struct ClientIq *next;
	ClientIqKind kind;
	uint32_t number;  /* last part of its id */
	uint64_t barrier; /* withheld until this epoch; 0: it is out */
	int64_t deadline; /* runs from the moment it is out */
} ClientIq;

/* A batch of prekeys that was stored but not accepted by the server yet. */
typedef struct ClientUpload
{
	uint32_t first_id;
	int count;
	bool in_flight;
	uint8_t publics[][CRYPTO_KEY_LEN];
} ClientUpload;

/* Exists while an unlinked client shows codes. */
typedef struct ClientLink
{
	WaBuf refs; /* those not shown yet: u16 length, bytes */
	int refs_left;
	uint8_t ref[CLIENT_MAX_REF]; /* the one on show */
	size_t ref_len;
	int64_t shown_until;
	WaPairCode code;
	bool code_active;
} ClientLink;

/* A group that somebody wants metadata of. */
typedef struct ClientAsk
{
	struct ClientAsk *next;
	int64_t not_before;
	bool wanted;    /* to be asked (again) */
	bool in_flight; /* neither: asked recently, remembered for the pause */
	size_t jid_len;
	char jid[];
} ClientAsk;

typedef enum ClientQueue
{
	QUEUE_UNKNOWN, /* the server has not spoken of it */
	QUEUE_DRAINING,
	QUEUE_DONE,
} ClientQueue;

/*
 * Work that may need records.  It asks for them before it tells or sends
 * anything, and returns false while client->wait is set; then it is called
 * again.  True: it is done, or has ended the connection.
 */
typedef bool (*ClientStep)(WaClient *client, void *data);

typedef enum ClientWait
{
	WAIT_NOTHING,
	WAIT_RECORDS, /* for client_supplied */
	WAIT_COMMIT,  /* for client_persisted of all that was told: the tables are behind */
} ClientWait;

typedef enum ClientMessageStep
{
	STEP_OPEN,
	STEP_NEEDS, /* ask for what the parts need */
	STEP_SPLIT, /* and for more when the sender's records lie under two names */
	STEP_DECRYPT,
	STEP_PAIRS, /* the phone tells LIDs: the same for everybody */
	STEP_PAIRS_SPLIT,
	STEP_PAIRS_MOVE,
	STEP_LOOKUP, /* ask for earlier attempts */
	STEP_TELL,
	STEP_DONE,
} ClientMessageStep;

/* A <message> that is being handled; lives in the arena. */
typedef struct ClientMessage
{
	const WaNode *stanza;
	ClientMessageStep step;
	WaMessageSource source;
	WaStr name;      /* its row's, see client_missing.c */
	WaStr alternate; /* the sender's other address */
	SignalMessage parts[CLIENT_MAX_PARTS];
	size_t n_parts;
	bool split;
	const WaAlias *pairs; /* not moved yet */
	int n_pairs;

	WaMessage *content; /* NULL: duplicate, or only a sender key */
	WaStr plaintext;
	bool identity_changed;
	bool was_missing;
	bool duplicate; /* a part was read before, or its key is gone */
	int refusal;    /* error of the ack, 0 none */

	const char *trouble; /* why it cannot be read, NULL it can */
	bool untrusted;
	SignalRetryReason reason;
	bool keys_at_once;
} ClientMessage;

/* What a row of RECORD_RETRY says. */
typedef struct ClientMissing
{
	unsigned attempts; /* retry receipts sent */
	bool phone_asked;
	int64_t first_at; /* Unix seconds of the first failure */
	WaStr trouble;
	WaMessageSource source; /* whose, where and when; not all of it */
} ClientMissing;

typedef struct ClientRow ClientRow;
typedef struct ClientAsked ClientAsked;

/* Whether the host has looked up what the phone is to be asked for. */
typedef enum ClientMarks
{
	MARKS_UNKNOWN,
	MARKS_WANTED, /* the host has to look */
	MARKS_LOOKED_UP,
	MARKS_KNOWN,
} ClientMarks;

struct WaClient
{
	WaClientConfig config; /* device_name is ours */
	const WaEnv *env;
	WaDevice device;
	WaNow now;

	/* client.c */
	ClientPhase phase;
	bool gone; /* the socket is; input is still being handled */
	bool logout_wanted;
	bool status_dirty;
	bool fresh_device; /* the keys were refused: the next start makes new ones */
	const char *gone_why;
	int64_t retry_at;
	int64_t phase_deadline;
	int64_t online_at;
	WaBackoff backoff;
	int refusals; /* logins refused in a row */
	WaBotStatus status;
	const char *reason;
	const char *hint;
	int code;
	int64_t until;
	int64_t told_retry_us; /* delay of the last status event, -1 none */
	char *detail;
	size_t detail_len;

	/* client_event.c */
	WaArena arena; /* the stanza at hand and its events */
	ClientEvent *first_event;
	ClientEvent *last_event;
	uint32_t n_events; /* queued, without the status */
	uint32_t made;     /* events made since client_output_begin */
	uint64_t epoch;    /* of the last event handed out */
	uint64_t persisted;
	uint64_t stanza; /* number of the last stanza */
	bool in_stanza;
	bool more; /* input is left that the last pull did not get to */
	WaStr stanza_bytes;
	ClientAlias *aliases; /* a hash table; NULL: empty */
	uint32_t n_aliases;
	uint32_t aliases_room; /* a power of two */

	/* client_output.c */
	WaBuf in;
	WaBuf out;   /* ready for the wire */
	WaBuf stage; /* plaintext of the stanza or command at hand */
	WaBuf held;  /* plaintext that waits for an epoch */

	/* client_handshake.c */
	WaNoise *noise;
	WaTransport transport;
	bool routing_used;

	/* client_iq.c */
	ClientIq *iqs;
	int n_iqs;
	uint16_t iq_prefix[2];
	uint32_t iq_number;

	/* client_login.c */
	ClientUpload *upload;
	int64_t upload_at; /* when to try again, WA_NEVER */
	int64_t uploaded_at;
	int upload_step;
	bool presence_sent;

	/* client_offline.c */
	ClientQueue queue;
	bool batch_asked; /* and nothing of it has come yet */
	bool batch_repeated;
	bool long_gap; /* longer than the server keeps everything */
	int announced;
	int received;
	int64_t batch_at; /* when to ask for the next one */
	int64_t queue_deadline;
	int64_t seen_wall_us; /* wall time of the last frame */

	/* client_link.c */
	ClientLink *link;
	int64_t link_deadline;
	int64_t relogin_at; /* when the server forgets to restart us after linking */
	uint64_t relogin_barrier;
	char pair_phone[24]; /* wanted, not asked for yet */

	/* client_groups.c */
	ClientAsk *asks;
	int n_asks;
	bool list_wanted;
	bool query_in_flight;
	int64_t tokens_us; /* budget in microseconds of a minute's share */
	int64_t tokens_at;
	int64_t blocked_until; /* after 429 */
	int blocked_step;
	int64_t asked_wall_us;
	int64_t asks_at;       /* when the gathered ones are asked */
	uint64_t dirty_groups; /* timestamp to clean, 0 none */
	uint64_t dirty_asked;  /* the one that the query in flight is for */

	/* client_records.c */
	WaSignal *signal; /* NULL while nobody writes */
	ClientStep step;  /* waits, or runs; NULL none */
	void *step_data;  /* in the arena */
	bool step_in_stanza;
	ClientWait wait;
	WaStatus supply_fault;  /* a record could not be taken */
	uint64_t records_epoch; /* of the last EVENT_RECORDS */
	int64_t rest_at;        /* when the Signal layer is given back */

	/* client_missing.c */
	ClientRow *rows;
	ClientMarks marks; /* of messages that the phone is to be asked for */

	/* client_retry.c */
	struct ClientBuckets *buckets;

	/* client_phone.c */
	ClientAsked *asked; /* messages to be asked for */
	int n_asked;
	int64_t phone_at; /* none before */
	bool phone_in_flight;
	SignalBundle *phone_bundle; /* its keys, for a session that is to be started */

	/* client_delivery.c */
	WaArena delivery_arena;
	WaNode *deliveries; /* receipts that are gathered, its children; NULL none */
	int n_deliveries;   /* ids in them */

	/* client_media.c */
	bool media_wanted;
	bool media_in_flight;

	/* client_appstate.c */
	struct ClientApp *app; /* NULL at rest */
	int64_t app_at;        /* when the tables are looked at, WA_NEVER */
	uint64_t app_barrier;  /* nothing goes on before this epoch is stored */
	uint32_t app_blob_id;  /* of the last blob that was wanted */
	bool app_keys_came;    /* since the tables were looked at */

	/* client_keepalive.c */
	int64_t last_in;     /* bytes */
	int64_t last_stanza; /* frame of any kind */
	int64_t last_out;
	int64_t ping_at;
	int64_t ping_sent;     /* 0: none is out */
	int64_t last_progress; /* stanza that is no answer to us */
	int64_t typical_gap;   /* between those, EWMA, 0 unknown */
	int deaf_shift;        /* how often the patience was doubled */
	int deaf_calm;         /* progress since the last change of that */
	bool was_deaf;         /* this connection follows such a one */
};

/* ---- client.c ---- */

/*
 * Ends the connection (or the attempt) for this reason and decides what
 * follows.  Only the first reason of a connection counts.
 */
extern void client_end(WaClient *client, const WaFailure *failure);
extern void client_end_for(WaClient *client, FailureKind kind);
extern void client_end_why(WaClient *client, FailureKind kind, const char *why);
extern void client_end_status(WaClient *client, WaStatus status);
/* Nothing but the status of an open stream changes; detail is copied. */
extern void client_show(WaClient *client, const WaFailure *what);
extern bool client_has_stream(const WaClient *client); /* encrypted, and not closing */
/* After the last frame of a socket that is gone; false when it is not. */
extern bool client_finish_gone(WaClient *client);
/* New keys, told as EVENT_DEVICE; false (and an error is shown) when that fails. */
extern bool client_renew_device(WaClient *client);
/* NULL is nothing: not every host's free takes it. */
extern void client_free(const WaClient *client, void *ptr);

/* ---- client_event.c ---- */

/* A zeroed event at the end of the queue; NULL (and the connection ends) when memory is out. */
extern WaEvent *client_event_add(WaClient *client, WaEventKind kind);
/* Tells the pairs of a stanza that were not told lately. */
extern void client_event_aliases(WaClient *client, WaAlias *list, const char *source);
extern void client_event_forget_aliases(WaClient *client);
extern void client_event_status(WaClient *client);
extern void client_event_reset(WaClient *client); /* drops what nobody pulled */

/* ---- client_output.c ---- */

extern void client_output_init(WaClient *client);
/* What is sent between begin and end waits for the events made between them. */
extern void client_output_begin(WaClient *client);
/* The same, but it waits for every event there has been. */
extern void client_output_begin_late(WaClient *client);
extern void client_output_send(WaClient *client, const WaNode *node);
extern void client_output_end(WaClient *client);
/* For what nothing stored depends on: goes out at once, also past what waits. */
extern void client_output_now(WaClient *client, const WaNode *node);
extern void client_output_reset(WaClient *client);

/* ---- client_handshake.c ---- */

extern WaStatus client_handshake_start(WaClient *client);
extern void client_handshake_answer(WaClient *client, const uint8_t *data, size_t len);
extern void client_handshake_reset(WaClient *client);
/* For tests: the stream as if the handshake had just ended with these keys. */
extern void client_handshake_skip(WaClient *client, const WaTransport *transport, WaNow now);

/* ---- client_stanza.c ---- */

/* Handles one frame of the input.  False when there is no whole one. */
extern bool client_stanza_next(WaClient *client);
/* Tells the stanza as it is: nothing understood it. */
extern void client_stanza_raw(WaClient *client, const WaNode *node);

/* ---- client_iq.c ---- */

/* Sets the id and sends; the answer goes to the part that asked. */
extern void client_iq_send(WaClient *client, WaNode *iq, ClientIqKind kind);
extern void client_iq_ping(WaClient *client, WaNode *iq); /* past the barrier */
extern void client_iq_settle(WaClient *client, uint64_t barrier);
extern void client_iq_release(WaClient *client);
extern void client_iq_answer(WaClient *client, const WaNode *iq);
extern void client_iq_tick(WaClient *client);
extern int64_t client_iq_deadline(const WaClient *client);
extern void client_iq_reset(WaClient *client);
/* <iq to=s.whatsapp.net type xmlns> in the client's arena. */
extern WaNode *client_iq_new(WaClient *client, const char *type, const char *xmlns);

typedef struct ClientIqError
{
	int code;
	WaStr text;
	int64_t backoff_us; /* 0 not said */
} ClientIqError;

/* answer NULL is a timeout: false with code 0. */
extern bool client_iq_ok(const WaNode *answer, ClientIqError *error);

/* ---- client_login.c ---- */

/* Makes fresh prekeys and tells them; they live in the arena. */
extern WaStatus client_login_make_prekeys(WaClient *client, int count, WaPrekey **out);
extern void client_login_success(WaClient *client, const WaNode *node);
extern void client_login_count(WaClient *client, const WaNode *answer);
extern void client_login_uploaded(WaClient *client, const WaNode *answer);
extern void client_login_active(WaClient *client, const WaNode *answer);
extern void client_login_logout(WaClient *client); /* asks for the removal of this device */
extern void client_login_low_water(WaClient *client, uint64_t count);
extern void client_login_presence(WaClient *client);
extern void client_login_push_name(WaClient *client, WaStr name);
extern void client_login_tick(WaClient *client);
extern int64_t client_login_deadline(const WaClient *client);

/* ---- client_offline.c ---- */

extern void client_offline_reset(WaClient *client);
extern void client_offline_start(WaClient *client); /* success came */
extern void client_offline_online(WaClient *client);
extern void client_offline_preview(WaClient *client, const WaNode *preview);
extern void client_offline_end(WaClient *client, const WaNode *offline);
extern void client_offline_stanza(WaClient *client,
								  const WaNode *stanza); /* every one, counts its own */
extern void client_offline_tick(WaClient *client);
extern int64_t client_offline_deadline(const WaClient *client);

/* ---- client_link.c ---- */

extern void client_link_device(WaClient *client, const WaNode *iq);  /* pair-device */
extern void client_link_success(WaClient *client, const WaNode *iq); /* pair-success */
extern void client_link_code(WaClient *client,
							 const WaNode *notification); /* link_code_companion_reg */
extern void client_link_rotate(WaClient *client);         /* the server wants another ADV secret */
extern void client_link_hello(WaClient *client, const WaNode *answer);
extern void client_link_finish(WaClient *client, const WaNode *answer);
extern void client_link_ask_code(WaClient *client);
extern void client_link_release(WaClient *client); /* the barrier has moved */
extern void client_link_tick(WaClient *client);
extern int64_t client_link_deadline(const WaClient *client);
extern void client_link_reset(WaClient *client);

/* ---- client_groups.c ---- */

extern void client_groups_want_list(WaClient *client);
extern WaStatus client_groups_want(WaClient *client, WaStr jid);
extern void client_groups_dirty(WaClient *client, uint64_t timestamp);
extern void client_groups_list(WaClient *client, const WaNode *answer);
extern void client_groups_one(WaClient *client, const WaNode *answer);
extern bool client_groups_notification(WaClient *client, const WaNode *notification);
extern void client_groups_tick(WaClient *client);
extern int64_t client_groups_deadline(const WaClient *client);
extern void client_groups_reset(WaClient *client); /* the connection is gone */
extern void client_groups_free(WaClient *client);

/* ---- client_records.c ---- */

/* Starts work; what it needs may put it aside.  data lives in the arena. */
extern void client_records_begin(WaClient *client, ClientStep step, void *data);
/* Goes on with what was put aside; false: it still waits.  Only with client->step. */
extern bool client_records_resume(WaClient *client);
/*
 * Makes client->signal ready, and what client_missing.c asks.  To be called
 * before anything is asked.  WA_NEED_MORE: return false and call it again.
 */
extern WaStatus client_records_open(WaClient *client);
/* After asking.  True: the step has to return false and is called again when it is there. */
extern bool client_records_wait(WaClient *client);
/* Ends the connection for a fault of this machine: what is not answered comes again. */
extern void client_records_fault(WaClient *client, WaStatus status);
/* Tells everything that changed as one EVENT_RECORDS. */
extern void client_records_tell(WaClient *client);
extern void client_records_forget(WaClient *client);
extern void client_records_persisted(WaClient *client);
extern void client_records_tick(WaClient *client);
extern int64_t client_records_deadline(const WaClient *client);
extern void client_records_reset(WaClient *client); /* the connection is gone */
extern size_t client_records_memory(const WaClient *client);

/* ---- client_message.c ---- */

extern WaSelf client_self(const WaClient *client);
extern void client_message(WaClient *client, const WaNode *stanza);
/* The receipt of a message that needs nothing more. */
extern void client_message_receipt(WaClient *client, const ClientMessage *m);
/* EVENT_MESSAGE without content; trouble is constant or lives in the arena. */
extern void client_message_tell_absent(WaClient *client, const ClientMissing *missing,
									   WaMessageState state, const char *trouble);
extern void client_message_tell_identity(WaClient *client, const WaIdentity *who);

/* ---- client_missing.c ---- */

/* Printable and at most CLIENT_MAX_NAME bytes: may become part of a key. */
extern bool client_missing_is_key(WaStr text);
/* The name of a message's row, in the arena. */
extern WaStr client_missing_name(WaClient *client, const WaMessageSource *source);
extern WaStatus client_missing_ask(WaClient *client, WaStr chat, WaStr name);
/* False: there is no such row.  Strings are in the arena. */
extern bool client_missing_get(WaClient *client, WaStr chat, WaStr name, ClientMissing *out);
extern WaStatus client_missing_put(WaClient *client, WaStr chat, WaStr name,
								   const ClientMissing *missing);
extern WaStatus client_missing_delete(WaClient *client, WaStr chat, WaStr name);
/* Notes that the phone is to be asked for the message of this row, or not any more. */
extern WaStatus client_missing_mark(WaClient *client, WaStr chat, WaStr name, bool is_due);
/* Asks for all marks, which go to client_phone_restore. */
extern void client_missing_ask_marks(WaClient *client);
/* For client_records.c. */
extern bool client_missing_has_needs(const WaClient *client);
extern bool client_missing_next_need(WaClient *client, WaNeed *need);
extern WaStatus client_missing_supply(WaClient *client, const WaRecord *record);
extern void client_missing_supplied(WaClient *client);
extern bool client_missing_next_dirty(WaClient *client, uint64_t epoch, WaRecord *record);
extern void client_missing_stored(WaClient *client);
extern void client_missing_forget(WaClient *client);
extern size_t client_missing_memory(const WaClient *client);

/* ---- client_retry.c ---- */

/* A message that could not be read, after STEP_LOOKUP: asks, tells and answers. */
extern WaStatus client_retry(WaClient *client, ClientMessage *m);
/* Takes one of the chat's budget of questions; not allowed: there is none left. */
extern WaStatus client_retry_take(WaClient *client, WaStr chat, bool *allowed);
/* Is there any left? */
extern bool client_retry_may(const WaClient *client, WaStr chat);
extern void client_retry_free(WaClient *client);
extern size_t client_retry_memory(const WaClient *client);

/* ---- client_phone.c ---- */

#define CLIENT_PHONE_AFTER_US (5 * WA_SECOND) /* the sender's answer is quicker than that */

/*
 * Asks for the message of this row at a monotonic time, unless it is read
 * before.  To be called before client_records_tell, as is client_phone_cancel.
 */
extern WaStatus client_phone_want(WaClient *client, WaStr chat, WaStr name, int64_t at);
extern bool client_phone_cancel(WaClient *client, WaStr chat, WaStr name);
/* The same as an earlier process noted it. */
extern WaStatus client_phone_restore(WaClient *client, WaStr chat, WaStr name);
/* The same for a key of app state. */
extern WaStatus client_phone_want_key(WaClient *client, WaStr id);
extern void client_phone_cancel_key(WaClient *client, WaStr id);
/* Between stanzas: asks for what is due.  False: nothing is. */
extern bool client_phone_next(WaClient *client);
extern int64_t client_phone_deadline(const WaClient *client);
extern void client_phone_keys(WaClient *client, const WaNode *answer);
/* PROTOCOL_PEER_RESPONSE: asks for the row of the request it answers; then tells the answer. */
extern WaStatus client_phone_find(WaClient *client, const WaProtocol *protocol);
extern WaStatus client_phone_answer(WaClient *client, const WaProtocol *protocol);
extern void client_phone_reset(WaClient *client);
extern void client_phone_free(WaClient *client);
extern size_t client_phone_memory(const WaClient *client);

/* ---- client_identity.c ---- */

/* <notification type=encrypt><identity/>: false when it is about nobody that matters. */
extern bool client_identity(WaClient *client, const WaNode *notification);

/* ---- client_receipt.c ---- */

extern void client_receipt(WaClient *client, const WaNode *stanza);

/* ---- client_delivery.c ---- */

/* The receipt of this type for a message, now or with others. */
extern void client_delivery(WaClient *client, const WaNode *message, const char *type);
extern void client_delivery_flush(WaClient *client); /* the input is used up */
extern void client_delivery_reset(WaClient *client);

/* ---- client_media.c ---- */

extern void client_media_answer(WaClient *client, const WaNode *answer);
/* <notification type="mediaretry">: a file was uploaded again, or not. */
extern void client_media_notification(WaClient *client, const WaNode *notification);
extern void client_media_tick(WaClient *client);
extern int64_t client_media_deadline(const WaClient *client);
extern void client_media_reset(WaClient *client);

/* ---- client_appstate.c ---- */

/* <notification type=server_sync>: its answer waits until it is noted in the tables. */
extern void client_appstate_notification(WaClient *client, const WaNode *notification);
/* Keys that an own device shares, as message_decode lets only those. */
extern void client_appstate_keys(WaClient *client, const WaAppStateKey *keys, size_t n);
/* The phone is being asked for this key: noted in the unit at hand. */
extern void client_appstate_asked(WaClient *client, WaStr id);
extern void client_appstate_look(WaClient *client); /* there may be something to do */
extern void client_appstate_answer(WaClient *client, const WaNode *answer);
/* Goes one step on; false when it waits or has nothing to do. */
extern bool client_appstate_next(WaClient *client);
/* The host has to look records up before anything goes on. */
extern bool client_appstate_waits(const WaClient *client);
extern bool client_appstate_next_need(WaClient *client, WaNeed *need);
extern WaStatus client_appstate_supply(WaClient *client, const WaRecord *record);
extern void client_appstate_supplied(WaClient *client);
extern int64_t client_appstate_deadline(const WaClient *client);
extern size_t client_appstate_memory(const WaClient *client);
extern void client_appstate_reset(WaClient *client);

/* ---- client_keepalive.c ---- */

extern void client_keepalive_start(WaClient *client);
extern void client_keepalive_online(WaClient *client);
extern void client_keepalive_input(WaClient *client); /* bytes came */
extern void client_keepalive_stanza(WaClient *client, const WaNode *stanza);
extern void client_keepalive_pong(WaClient *client);
extern void client_keepalive_brought(WaClient *client); /* renewing a deaf connection was right */
extern void client_keepalive_tick(WaClient *client);
extern int64_t client_keepalive_deadline(const WaClient *client);

#endif /* WA_CLIENT_INTERNAL_H */
