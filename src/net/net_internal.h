/*
 * net_internal.h
 *		What the files of src/net share.
 *
 * One thread owns a loop and everything in it; only net_dns.c starts other
 * threads, and they touch nothing declared here but a NetLookup of their own.
 */
#ifndef WA_NET_INTERNAL_H
#define WA_NET_INTERNAL_H

#include "net.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <uv.h>

/* A host name's longest text form (RFC 1035) and one byte for the end. */
#define NET_HOST_SIZE 254
#define NET_PATH_SIZE 1024
/* Addresses of one name that a connection tries, one after the other. */
#define NET_MAX_ADDRESSES 8
#define NET_ADDRESS_SIZE INET6_ADDRSTRLEN
/* Both sides of an orderly close, and the whole upgrade of an accepted socket. */
#define NET_CLOSE_MS 5000
#define NET_ACCEPT_MS 20000
/* lws' own timers must never be the ones that fire: ours are. */
#define NET_LWS_TIMEOUT_S 3600
/* What an accepted connection buffers: the largest frame there is, and its head. */
#define NET_DEFAULT_MAX_RECEIVE (17u * 1024 * 1024)

/* Of an HTTP answer: all lines of its head together, and one line of it. */
#define NET_HTTP_HEAD_SIZE 65536
#define NET_HTTP_LINE_SIZE 8192
#define NET_HTTP_MAX_RECEIVE (64 * 1024)

typedef struct NetLookup NetLookup;
typedef struct NetTls NetTls;
typedef struct NetListener NetListener;
typedef struct NetTimer NetTimer;
typedef struct NetHttp NetHttp;

typedef enum NetScheme
{
	NET_SCHEME_WS,   /* ws, wss */
	NET_SCHEME_HTTP, /* http, https */
} NetScheme;

typedef struct NetUrl
{
	bool secure;
	bool literal; /* host is a numeric address */
	int port;
	char host[NET_HOST_SIZE];           /* without brackets */
	char authority[NET_HOST_SIZE + 10]; /* as the Host header wants it */
	char path[NET_PATH_SIZE];
} NetUrl;

typedef struct NetAddresses
{
	int count;
	char text[NET_MAX_ADDRESSES][NET_ADDRESS_SIZE];
} NetAddresses;

/* Needed only until the upgrade is done, and freed then. */
typedef struct NetDial
{
	NetUrl url;
	char *origin;
	char *ca_file;
	uint64_t deadline; /* loop's milliseconds */
	NetAddresses addresses;
	int next;          /* first address not yet tried */
	bool attempting;   /* lws has been asked and has not given up yet */
	bool connected;    /* TCP is up */
	bool asked;        /* TLS, if any, is up too, and the request is written */
	NetLookup *lookup; /* while the name is being resolved */
	NetConn *next_waiter;
} NetDial;

/* A message on its way out; the bytes follow LWS_PRE bytes of head room. */
typedef struct NetOut
{
	struct NetOut *next;
	size_t len;
	unsigned char room[];
} NetOut;

typedef enum NetState
{
	NET_STATE_DIALING,
	NET_STATE_ACCEPTING,
	NET_STATE_OPEN,
	NET_STATE_CLOSED,
} NetState;

struct NetConn
{
	NetLoop *loop;
	struct lws *wsi; /* NULL while there is no socket */
	void *user;
	const char *why; /* first reason wins */
	NetConn *prev;
	NetConn *next;
	NetConn *ready_next;
	NetConn *later_next;
	NetDial *dial;
	NetTimer *timer;
	NetHttp *http; /* NULL: WebSocket */

	uint8_t *in; /* unread bytes are in[in_start, in_end) */
	size_t in_start;
	size_t in_end;
	size_t in_size;
	size_t max_receive;

	NetOut *out_first;
	NetOut *out_last;
	size_t unsent;    /* queued here or given to lws and not yet gone */
	size_t in_flight; /* the part of it that lws has */

	uint8_t state;  /* NetState */
	uint8_t events; /* bit per NetEventKind */
	bool ready : 1; /* in the ready list */
	bool later : 1; /* in the list of what lws must not be asked for in a callback */
	bool paused : 1;
	bool closing : 1; /* net_close was called */
	bool dropped : 1; /* nothing but NET_CLOSED is of interest any more */
	bool peer_closed : 1;
	bool complete : 1; /* HTTP: the whole answer has come */
};

struct NetLoop
{
	uv_loop_t uv;
	struct lws_context *lws;
	uv_handle_t *lws_idle; /* lws' own handles, the last that it closes */
	uv_handle_t *lws_timer;
	bool lws_alive;
	struct lws_vhost *plain; /* of clients without TLS */
	NetTls *tls;             /* one for each CA file */
	NetListener *listeners;
	NetConn *conns;
	NetConn *ready_first;
	NetConn *ready_last;
	NetConn *later;
	NetConn *ended; /* NET_CLOSED was delivered; freed at the next call */
	NetConn *handshaking;
	uv_async_t lookup_done;
	NetLookup *lookups;
	int open;
	int max_fds;
	bool kicked;
	bool destroying;
};

/* ---- net_loop.c ---- */

/* NULL stays NULL; false only when memory is out. */
extern bool net_copy_text(char **copy, const char *text);

/*
 * lws arms its timer and forced service only inside its callbacks: whoever
 * calls lws from outside of one calls this afterwards.
 */
extern void net_kick(NetLoop *loop);
/*
 * Has net_loop_run deal with the connection when lws has returned: the next
 * address of one that is dialing, a pause for one that is open.
 */
extern void net_later(NetConn *conn);
extern void net_not_later(NetConn *conn);

/* ---- net_url.c ---- */

extern bool net_parse_url(const char *text, NetScheme scheme, NetUrl *url, const char **why);

/* ---- net_conn.c ---- */

extern NetConn *net_conn_new(NetLoop *loop, NetState state);
extern void net_conn_free(NetConn *conn);
/* Appends to the receive buffer; false when memory is out. */
extern bool net_conn_received(NetConn *conn, const void *data, size_t len);
/* Stops reading if there still is too much unread. */
extern void net_conn_pause(NetConn *conn);
extern void net_conn_event(NetConn *conn, NetEventKind kind);
/* Ends a connection from outside of lws' callbacks, with that reason unless it has one. */
extern void net_conn_kill(NetConn *conn, const char *why);
/* No socket any more, and none to come: NET_CLOSED follows. */
extern void net_conn_finish(NetConn *conn);
/* The end of an accepted socket that the host never heard of. */
extern void net_conn_free_unseen(NetConn *conn);
extern bool net_conn_timer(NetConn *conn, uint64_t ms);
extern void net_conn_stop_timer(NetConn *conn);

/* ---- net_dial.c ---- */

/* Starts what conn->dial describes; url is copied. */
extern void net_dial_start(NetConn *conn, const char *url, NetScheme scheme);
/* A connection with a dial of its own and its time limit running; NULL with *why. */
extern NetConn *net_dial_new(NetLoop *loop, const char *origin, const char *ca_file, int timeout_ms,
							 const char **why);
/* The addresses of a connection's host are known, or there are none. */
extern void net_dial_resolved(NetConn *conn, const NetAddresses *addresses);
/* lws has given up on the present address. */
extern void net_dial_failed(NetConn *conn);
extern void net_dial_timeout(NetConn *conn);
extern void net_dial_free(NetConn *conn);
/* Goes on to the next address. */
extern void net_dial_next(NetConn *conn);

/* ---- net_http.c ---- */

/* The connection, and TLS if any, is up: send the request.  -1: end it. */
extern int net_http_connected(NetConn *conn);
/* Takes what the server sent.  -1: end the connection, conn->why or complete tell why. */
extern int net_http_received(NetConn *conn, const void *data, size_t len);
/* The server has closed the connection. */
extern void net_http_ended(NetConn *conn);
/* The time limit of an open connection has passed: it ends unless enough has come. */
extern void net_http_timeout(NetConn *conn);
/* The host reads again: the time limit starts anew. */
extern void net_http_resumed(NetConn *conn);
extern void net_http_free(NetConn *conn);

/* ---- net_callback.c ---- */

extern const struct lws_protocols net_protocols[];
extern const lws_retry_bo_t net_no_pings;
/* -1 when the host wants no more of the connection. */
extern int net_callback_opened(NetConn *conn);

/* ---- net_dns.c ---- */

extern bool net_dns_init(NetLoop *loop);
/* net_dial_resolved follows from net_loop_run; false when memory or threads are out. */
extern bool net_dns_lookup(NetConn *conn);
extern void net_dns_forget(NetConn *conn);
/* Lets go of running lookups; their threads clean up after themselves. */
extern void net_dns_shutdown(NetLoop *loop);

/* ---- net_tls.c ---- */

/* The vhost for clients that trust this CA file (NULL: the system's). */
extern struct lws_vhost *net_tls_vhost(NetLoop *loop, const char *ca_file, const char **why);
/*
 * For who does TLS without lws: a client that accepts only this URL's host, not
 * connected to anything yet.  NULL with *why.
 */
extern SSL *net_tls_client(NetLoop *loop, const char *ca_file, const NetUrl *url, const char **why);
extern void net_tls_shutdown(NetLoop *loop);

/* ---- net_listen.c ---- */

extern void net_listen_shutdown(NetLoop *loop);

#endif /* WA_NET_INTERNAL_H */
