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
 */
#ifndef WA_CLIENT_INTERNAL_H
#define WA_CLIENT_INTERNAL_H

#include "backoff.h"
#include "client.h"
#include "failure.h"
#include "noise.h"
#include "pairing.h"
#include "prekey.h"

#define CLIENT_MAX_INPUT (WA_MAX_FRAME + (1 << 20)) /* a frame and what came with it */
#define CLIENT_MAX_DETAIL 512                       /* bytes of the server's words that are kept */
#define CLIENT_MAX_IQS 64
#define CLIENT_MAX_ASKS 256 /* groups waiting to be asked for by name */
#define CLIENT_MAX_REFS 32
#define CLIENT_MAX_REF 1024 /* bytes of one QR ref */
#define CLIENT_SEEN_ALIASES 16
#define CLIENT_MAX_SILENT 256 /* stanzas without event in one pull: others have their turn */

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
	uint64_t seen_aliases[CLIENT_SEEN_ALIASES];
	int next_alias;

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
extern void client_event_status(WaClient *client);
extern void client_event_reset(WaClient *client); /* drops what nobody pulled */

/* ---- client_output.c ---- */

extern void client_output_init(WaClient *client);
/* What is sent between begin and end waits for the events made between them. */
extern void client_output_begin(WaClient *client);
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
