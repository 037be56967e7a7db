/*
 * session.h
 *		The bots of this worker in memory: a client of the protocol core, its
 *		connection, and when it needs attention.
 *
 * The tables are the truth and a session is a cache of them: dropping one and
 * loading it again is always safe.  bots.c decides which bots there are and
 * what they are to do; session.c moves bytes and events.
 */
#ifndef WA_SESSION_H
#define WA_SESSION_H

#include "postgres.h"

#include "batch.h"
#include "client.h"
#include "net.h"
#include "store.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"

#define SESSION_MAX_NAME 64

typedef struct Session
{
	int64 bot_id;                /* hash key: first */
	uint64 serial;               /* never used twice in this process */
	char name[SESSION_MAX_NAME]; /* for log lines, may be cut */
	MemoryContext context;       /* all memory of the client */
	WaEnv env;
	WaClient *client;   /* NULL: not linked and nobody is linking it */
	WaBotStatus status; /* last one reported */

	/* connection */
	NetConn *conn;
	bool is_open;     /* client_connected was called */
	bool is_closing;  /* net_close was called */
	const char *lost; /* why conn went, until the client is told; else NULL */
	bool is_starved;  /* was told that there are no descriptors */

	/* what people want */
	char *device_name; /* in context's parent; NULL: the setting's */
	StoreDesired desired;
	TimestampTz login_requested_at;
	bool is_started;   /* client_start was called, client_stop was not */
	bool is_requested; /* linking because somebody asked to see a code */
	bool is_stale;     /* settings changed: make a new client when it is unconnected */
	bool is_void;      /* the tables know more: load it again, ... */
	int64 void_until;  /* ... but not before this monotonic time */
	bool is_seen;      /* mark of the last reading of wa.bots */
	char phone[24];    /* a pairing code was asked for it; "" none */

	/* where it waits */
	bool is_ready; /* has input or events */
	dlist_node ready_node;
	bool is_queued; /* wants a connection */
	dlist_node queue_node;
	bool is_timed;
	int64 deadline;
	pairingheap_node timer_node;
	bool is_hungry; /* its client waits for records */
	dlist_node hungry_node;

	/* messages that could not be read, for the log */
	int n_unread; /* not logged yet */
	int64 unread_logged_at;
} Session;

/* Makes the loop and the table; raises when that fails.  Once per process. */
extern void session_init(Batch *batch);

extern Session *session_find(int64 bot_id);
extern bool session_exists(int64 bot_id); /* a StoreKnows */
/* For bots.c: a session without a client. */
extern Session *session_create(int64 bot_id, const char *name);
extern void session_set_names(Session *session, const char *name, const char *device_name);
/* Closes the connection, frees everything, gives the bot's lock back. */
extern void session_drop(Session *session);
extern void session_drop_all(void);
/* Linked as far as the client knows. */
extern bool session_is_linked(const Session *session);
typedef void (*SessionVisitor)(Session *session);
extern void session_visit_all(SessionVisitor visit); /* may drop the one it visits */

/*
 * Gives the session a client for this device, which was last known to be
 * online at last_online_us (wall time, 0 unknown).  False when memory is out.
 */
extern bool session_attach_client(Session *session, const WaDevice *device, int64 last_online_us);
/* Drops client and connection, keeps the session. */
extern void session_detach_client(Session *session);
/* The same, and the tables know more: it is to be loaded from them again in a while. */
extern void session_make_void(Session *session);
/* Is something the bot told not in the tables yet?  Then it must not be loaded from them. */
extern bool session_has_unstored(int64 bot_id);
/* Looks at what the client wants now; after every call of the core. */
extern void session_settle(Session *session);
extern void session_make_ready(Session *session);

/* Writes a status that the collector itself found out; texts are constants. */
extern void session_report(Session *session, WaBotStatus status, const char *reason,
						   const char *detail, const char *hint);

/* ---- the worker's loop ---- */

extern int session_loop_fd(void);
/* Monotonic time of the next thing that has to happen by itself. */
extern int64 session_deadline(void);
extern int session_loop_timeout_ms(void);
/* Moves bytes in, runs deadlines, opens connections. */
extern void session_collect(void);
/* Pulls events into the batch, each session in turn; false: no more for now. */
extern bool session_pull(void);
/*
 * Reads the records that clients wait for; false: nobody waits, or it is not
 * the time (session_hungry_deadline).  Then there may be more to pull.
 */
extern bool session_supply(void);
/* Monotonic time at which it has something to do; WA_NEVER. */
extern int64 session_hungry_deadline(void);
/* The storage was not ready when that was last tried. */
extern bool session_not_ready(void);
/* Lets go of the clients whose events are in the batch, before it is cleared. */
extern void session_forget_batch(void);
/* Logs how many messages could not be read, a line a minute for each bot. */
extern void session_log_unread(void);
/* Tells the clients what is stored and lets their answers go. */
extern void session_confirm(void);
/* The device of a bot that has a client; NULL none.  Valid until the next call of anything. */
extern const WaDevice *session_device(int64 bot_id);
/* Has the bot's phone asked to upload a file again; false: it is not online. */
extern bool session_ask_upload(int64 bot_id, const WaUploadRequest *request);
/* Has a client ask for the hosts of the media service; false: it is not online. */
extern bool session_ask_media_hosts(int64 bot_id);
/* The bot's client is still that of this serial. */
extern bool session_is_current(int64 bot_id, uint64 serial);
/* Hands a client a file that it wanted, unless it is another one by now.  data NULL: failed. */
extern void session_give_blob(int64 bot_id, uint64 serial, uint32_t id, const void *data,
							  size_t len, bool gone);
extern NetLoop *session_net(void);
/* Has the clients ask for metadata. */
extern void session_ask(const StoreQuestion *questions, int count);

/* ---- among session*.c ---- */

extern void session_add_hungry(Session *session);
extern void session_remove_hungry(Session *session);
extern int64 session_memory(void); /* bytes */

typedef struct SessionCounts
{
	int bots;
	int online;
	int fds_used;
	int fds_limit;
	int64 memory_bytes;
} SessionCounts;

extern void session_count(SessionCounts *counts);
/* The bots that are online, palloc'd; returns how many. */
extern int session_online(int64 **bots);
/* All bots of this worker, likewise. */
extern int session_held(int64 **bots);

#endif /* WA_SESSION_H */
