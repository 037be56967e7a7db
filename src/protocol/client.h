/*
 * client.h
 *		One bot as a machine of bytes: the public surface of the core.
 *
 * The client outlives connections: it says when it wants one (client_wants,
 * client_deadline), is told when it has one (client_connected) and when it is
 * gone (client_disconnected), and decides itself about backoff.
 *
 * The host's loop per bot:  feed bytes, pull events until there are none,
 * store them in a transaction, commit, call client_persisted with the last
 * epoch it stored, write client_output to the socket, ask for the deadline.
 *
 * The barrier: every event has an epoch, growing by one.  Output that an
 * event gave rise to (its acknowledgement, a key upload, a pairing answer)
 * does not leave client_output before client_persisted(epoch).  Pings and
 * handshakes need nothing stored and pass.
 *
 * Nothing here jumps, logs, blocks, or calls the host back.
 */
#ifndef WA_CLIENT_H
#define WA_CLIENT_H

#include "appstate.h"
#include "device.h"
#include "group.h"
#include "history.h"
#include "receipt.h"
#include "record.h"

typedef struct WaClient WaClient;

typedef enum WaBotStatus
{
	BOT_OFFLINE,    /* nobody asked it to connect */
	BOT_CONNECTING, /* dial, handshake, login, waiting to retry */
	BOT_QR,         /* waits for a phone to scan or to type the code */
	BOT_ONLINE,
	BOT_ERROR,            /* needs a person; reason and hint say why */
	BOT_LOGGED_OUT,       /* unlinked; needs a new link with new keys */
	BOT_BANNED,           /* until says when a temporary one ends */
	BOT_PASSKEY_REQUIRED, /* the account demands a passkey while linking */
} WaBotStatus;

extern const char *client_status_name(WaBotStatus status); /* "online", ... */

typedef struct WaClientConfig
{
	const WaEnv *env;
	uint32_t version[3];     /* client version to claim */
	uint8_t root_key[32];    /* root of the server's certificates */
	const char *device_name; /* shown in "Linked devices"; copied */
	bool edge_routing;       /* send the routing prefix if one is known */
	int prekey_batch;        /* one-time prekeys of an upload, 1..812 */
	int group_queries_per_minute;
	int64_t link_timeout_us; /* give up linking after this long */
	int64_t last_online_us; /* wall time at which the bot is known to have been online, 0 unknown */
	/* shorter in tests */
	int64_t iq_timeout_us; /* default 60 s */
	int64_t keepalive_us;  /* idle time before a ping, default 25 s, jittered */
	int64_t deaf_after_us; /* least silence of stanzas that counts as deaf, default 180 s */
} WaClientConfig;

/* Everything but env: version and root of WhatsApp, the times above. */
extern void client_config_defaults(WaClientConfig *config);

typedef enum WaEventKind
{
	EVENT_STATUS,           /* .status: the bot's status changed */
	EVENT_QR,               /* .qr: a new QR is valid */
	EVENT_PAIR_CODE,        /* .pair_code: accepted by the server; or .status refused */
	EVENT_DEVICE,           /* client_device changed: save all of it */
	EVENT_PREKEYS,          /* .prekeys: store before they are uploaded */
	EVENT_PREKEYS_UPLOADED, /* .prekeys_uploaded: the server has these ids */
	EVENT_ALIASES,          /* .aliases */
	EVENT_GROUP,            /* .group: metadata and roster of one group */
	EVENT_GROUP_LIST,       /* .group_list: the groups of an EVENT_GROUP series are all there are */
	EVENT_GROUP_CHANGE,     /* .change */
	EVENT_GROUP_GONE,       /* .gone_jid: the bot is not in this group (403, 404) */
	EVENT_NUMBER_CHANGE,    /* .number_change */
	EVENT_RAW,              /* .raw: nothing understood it; keep it */
	EVENT_CAUGHT_UP,        /* .caught_up: the offline queue is drained */
	EVENT_RECORDS,          /* .records changed: store them with the rest of the stanza */
	EVENT_MESSAGE,          /* .message: what somebody wrote, or that it cannot be read yet */
	EVENT_RECEIPT,          /* .receipt: who got or read what */
	EVENT_IDENTITY_CHANGE,  /* .identity_change: a person has new Signal keys */
	EVENT_HISTORY_NOTICE,   /* .history_notice: a chunk to fetch and read */
	EVENT_MEDIA_HOSTS,      /* .media_hosts: answer to client_query_media_hosts */
	EVENT_APP_ACTIONS,      /* .app_actions: names, mutes, pins, labels */
	EVENT_UPLOAD_ANSWER,    /* .upload_answer: the phone's, to client_ask_upload */
	EVENT_BLOB_WANTED,      /* .blob: download and decrypt it, then client_blob */
} WaEventKind;

/* ---- what people write ---- */

typedef enum WaMessageState
{
	MESSAGE_READ,        /* the content is there */
	MESSAGE_PENDING,     /* not readable so far; the sender or the phone is asked */
	MESSAGE_UNAVAILABLE, /* this device never gets the content */
} WaMessageState;

typedef struct WaMessageNews
{
	WaMessageState state;
	const char *origin; /* "live", "retry" (sent again to us), "phone" (the own phone's copy) */
	const WaMessageSource *source;
	const WaMessage *content; /* NULL unless MESSAGE_READ */
	WaStr plaintext;          /* the content, undecoded; absent unless MESSAGE_READ */
	const char *trouble; /* MESSAGE_PENDING, MESSAGE_UNAVAILABLE: a stable word, "no_session" */
	unsigned attempts;   /* MESSAGE_PENDING: how often the sender was asked */
	bool phone_asked;
	const WaHistoryMessage *copy; /* origin "phone": all that the phone says of it */
} WaMessageNews;

/*
 * Everything an event points at is lent until the next client_next_event,
 * client_feed or client_destroy of the same client.
 */
typedef struct WaEvent
{
	WaEventKind kind;
	uint64_t epoch;
	uint64_t stanza;    /* events of one stanza share it; 0: from no stanza */
	WaStr stanza_bytes; /* that stanza, decoded form of the frame; for wa.rejected */
	union
	{
		struct
		{
			WaBotStatus status;
			const char
				*reason;  /* stable word: "replaced", "client_outdated", ...; NULL all is well */
			int code;     /* the server's number, 0 none */
			WaStr detail; /* the server's own words, may be absent */
			const char *hint;    /* what a person can do, NULL nothing */
			int64_t until;       /* unix s when it ends by itself, 0 */
			int64_t retry_in_us; /* until the next attempt, -1 when none is due */
		} status;
		struct
		{
			WaStr content;
			int64_t valid_us; /* from now */
			int left;         /* how many more follow */
		} qr;
		struct
		{
			WaStr code; /* "ABCD-EFGH", absent when refused */
			int error;  /* the server's number when refused */
			WaStr error_text;
		} pair_code;
		struct
		{
			const WaPrekey *keys;
			int count;
		} prekeys;
		struct
		{
			uint32_t first_id;
			uint32_t last_id;
		} prekeys_uploaded;
		struct
		{
			WaAlias *list;
			const char *source; /* "success", "group", "notification", ... */
		} aliases;
		struct
		{
			WaGroup *group;
			const char *source; /* "list", "query" */
			int64_t asked_us;   /* wall time of the question */
		} group;
		struct
		{
			int count;
			WaStr *jids;
			int64_t asked_us;
		} group_list;
		WaGroupChange *change;
		WaStr gone_jid;
		struct
		{
			WaIdentity before;
			WaIdentity after;
		} number_change;
		struct
		{
			WaStr tag;
			WaStr type;
			WaStr id;
			WaStr from;
			const WaNode *node;
		} raw;
		struct
		{
			int announced; /* stanzas the server said were waiting, -1 unknown */
			int received;
			bool covered; /* the queue covers the whole gap */
		} caught_up;
		struct
		{
			const WaRecord *list;
			int count;
		} records;
		const WaMessageNews *message;
		const WaReceipt *receipt;
		struct
		{
			WaIdentity who;
		} identity_change;
		struct
		{
			const WaHistoryNotice *notice;
			WaStr id; /* of the message that brought it */
			int64_t at;
		} history_notice;
		struct
		{
			const WaStr *hosts; /* in the order to try them */
			int count;          /* 0: the question failed */
			int64_t valid_us;   /* from now */
		} media_hosts;
		struct
		{
			const WaAppAction *list;
			int count;
		} app_actions;
		struct
		{
			WaStr id;      /* of the message */
			WaStr payload; /* for media_retry_open, as iv; absent: the phone does not have it */
			WaStr iv;
		} upload_answer;
		struct
		{
			uint32_t id; /* for client_blob */
			const WaMedia *media;
		} blob;
	};
} WaEvent;

/*
 * config and device are copied; pass device_create's result for a new link.
 * The client starts idle: client_start makes it want a connection.
 *
 * A bot that was logged out before a restart of the host must not come back
 * with its old device: its keys are refused.  Whoever knows that no group list
 * of a linked bot was ever stored calls client_query_all_groups.
 */
extern WaStatus client_create(const WaClientConfig *config, const WaDevice *device, WaClient **out);
extern void client_destroy(WaClient *client);
extern const WaDevice *client_device(const WaClient *client);
/* Wall time at which the bot is known to have been online, 0 unknown. */
extern int64_t client_last_online_us(const WaClient *client);
extern WaBotStatus client_status(const WaClient *client);

/* ---- connection ---- */

#define CLIENT_WANTS_CONNECT 1 /* open a socket, then client_connected */
#define CLIENT_WANTS_CLOSE 2   /* flush output, close, then client_disconnected */
#define CLIENT_WANTS_WRITE 4   /* client_output has bytes */
#define CLIENT_WANTS_RECORDS 8 /* client_next_event waits for client_supplied */

extern unsigned client_wants(const WaClient *client);
/* Monotonic time at which client_tick must be called; WA_NEVER. */
extern int64_t client_deadline(const WaClient *client);

extern WaStatus client_connected(WaClient *client, WaNow now);
/*
 * Also for a failed attempt; why is a short constant text.  What was fed
 * before is still handled by client_next_event: pull until there is nothing.
 */
extern void client_disconnected(WaClient *client, const char *why, WaNow now);

/* ---- in ---- */

/*
 * Takes the bytes; client_next_event handles them.  After an error the client
 * wants the connection closed.
 */
extern WaStatus client_feed(WaClient *client, const uint8_t *data, size_t len, WaNow now);
extern void client_tick(WaClient *client, WaNow now);
extern void client_persisted(WaClient *client, uint64_t epoch);

/*
 * Connect now, forget backoff.  A logged out client gets a fresh device first.
 * One that is connected or connecting goes on; if it is linking, for the
 * whole link timeout from now.  A logout that is under way is called off.
 */
extern void client_start(WaClient *client, WaNow now);
extern void client_stop(WaClient *client, WaNow now); /* close, stay idle: BOT_OFFLINE */
/* The version to claim from the next connection on; ends the wait of an outdated client. */
extern void client_set_version(WaClient *client, const uint32_t version[3], WaNow now);
/*
 * phone: digits (WA_ERR_ARGUMENT).  The code arrives as EVENT_PAIR_CODE.
 * Starts the client; WA_ERR_STATE when it is linked.
 */
extern WaStatus client_pair_code(WaClient *client, const char *phone, WaNow now);
/* Tells the server to remove this device, connecting for it; ends in BOT_LOGGED_OUT. */
extern WaStatus client_logout(WaClient *client, WaNow now);
/*
 * Ask for metadata once online, coalesced and within the budget; no-op while
 * queued.  The answers are EVENT_GROUP or EVENT_GROUP_GONE.
 */
extern WaStatus client_query_group(WaClient *client, WaStr group_jid, WaNow now);
extern WaStatus client_query_all_groups(WaClient *client, WaNow now);

/* Ask for the hosts of the media service once online; the answer is EVENT_MEDIA_HOSTS. */
extern WaStatus client_query_media_hosts(WaClient *client, WaNow now);

/* A file that the media service does not have any more. */
typedef struct WaUploadRequest
{
	WaStr id;          /* of the message, or of the notification of a piece of history */
	WaStr key;         /* the file's */
	WaStr chat;        /* JID; absent: a piece of history */
	WaStr participant; /* JID of who wrote it in a group; absent: none */
	bool from_me;
} WaUploadRequest;

/*
 * Asks the account's phone to upload it again (sheet 2 section 7.9).  A file is
 * answered with EVENT_UPLOAD_ANSWER, history with a new EVENT_HISTORY_NOTICE, and
 * either not at all while the phone is off: nothing is kept here.  WA_ERR_STATE
 * unless online, WA_ERR_ARGUMENT for a key of wrong length.
 */
extern WaStatus client_ask_upload(WaClient *client, const WaUploadRequest *request, WaNow now);

/* ---- records ---- */

/*
 * While CLIENT_WANTS_RECORDS is set no event comes.  The host takes all needs,
 * supplies what its tables have of each, and says that it is done:
 *
 *		while (client_next_need(client, &need))
 *			look it up;
 *		client_supply(client, each record found);
 *		client_supplied(client, now);
 *
 * What was not supplied does not exist.  Records that the host was given with
 * EVENT_RECORDS and has not stored yet are newer than its tables and known to
 * the client: they need not be supplied.  The strings of a need live until
 * client_supplied.
 */
extern bool client_next_need(WaClient *client, WaNeed *need);
/* Copies the record.  WA_ERR_NOMEM, WA_ERR_LIMIT; one that makes no sense is passed over. */
extern WaStatus client_supply(WaClient *client, const WaRecord *record);
extern void client_supplied(WaClient *client, WaNow now);

/* ---- blobs ---- */

#define CLIENT_MAX_BLOB (32 << 20) /* bytes of the plain file */

/*
 * EVENT_BLOB_WANTED asks for a small file of the media service.  The host
 * downloads it when it gets round to it and answers with the plain bytes, only
 * after media_open_final has found them good; they are copied.  Nothing has to
 * be stored for it: a client that is made anew asks again.  Answers to an id
 * that is not waited for (any more) are ignored.  WA_ERR_LIMIT: larger than
 * CLIENT_MAX_BLOB; then and with WA_ERR_NOMEM it counts as failed.
 */
extern WaStatus client_blob(WaClient *client, uint32_t id, const void *data, size_t len, WaNow now);
/* It could not be had.  gone: the service does not have it or it is not good: no use trying again. */
extern void client_blob_failed(WaClient *client, uint32_t id, bool gone, WaNow now);

/* ---- out ---- */

/*
 * Takes the next event, handling input as far as needed to find one.
 * 1: *event is filled.  0: nothing to do until more input or a deadline.
 */
extern int client_next_event(WaClient *client, WaEvent *event, WaNow now);
/*
 * More events of the stanza of the last one wait.  They belong into one
 * transaction: pull them before anything is stored.
 */
extern bool client_has_events(const WaClient *client);

/* Lends the bytes that may be sent now; valid until the next call. */
extern void client_output(WaClient *client, const uint8_t **data, size_t *len);
extern void client_output_sent(WaClient *client, size_t len);

/* Bytes of memory held by this client. */
extern size_t client_memory(const WaClient *client);

#endif /* WA_CLIENT_H */
