/*
 * net.h
 *		WebSocket connections, out and in, and HTTP GET, on one libuv loop.
 *
 * libwebsockets does the protocol; its callbacks only move bytes between
 * sockets and buffers here, and the host pulls: nothing calls the host.  The
 * loop's descriptor is meant to be one event of the host's own wait.
 *
 * No PostgreSQL, no knowledge of what the bytes mean.
 */
#ifndef WA_NET_H
#define WA_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NetLoop NetLoop;
typedef struct NetConn NetConn;

/* ---- loop ---- */

/*
 * max_fds is the most connections, out and in together; 0: what the soft limit
 * of the process leaves, less a reserve of 32.  The loop itself takes some ten
 * descriptors more.  NULL with a constant sentence in *why on failure.
 *
 * Leaves the process as it was, but for this: SIGPIPE is ignored where it would
 * have killed the process, OpenSSL is initialized, and from the first name that
 * is looked up on there are short-lived threads, with all signals blocked.
 */
extern NetLoop *net_loop_create(int max_fds, const char **why);
/*
 * Drops every connection and frees everything, without events and without
 * waiting for anybody but, for a fifth of a second, a name being looked up.
 * The host has closed its own handles before.
 */
extern void net_loop_destroy(NetLoop *loop);
/* Readable when net_loop_run has work.  One descriptor for the loop's whole life. */
extern int net_loop_fd(const NetLoop *loop);
/*
 * How long the host may wait for net_loop_fd, in milliseconds, -1 for ever.
 * To be asked before each wait: 0 while there are events to fetch or changes
 * that the kernel has not been told yet.
 */
extern int net_loop_timeout_ms(NetLoop *loop);
/* Never blocks, never throws, calls nothing of the host. */
extern void net_loop_run(NetLoop *loop);
extern struct uv_loop_s *net_loop_uv(NetLoop *loop);    /* for a host's own timers and sockets */
extern struct lws_context *net_loop_lws(NetLoop *loop); /* for a host's own servers */

/* ---- connections ---- */

typedef struct NetTarget
{
	const char *url;         /* ws:// or wss://host[:port]/path */
	const char *origin;      /* Origin header, NULL none */
	const char *tls_ca_file; /* PEM bundle, NULL the system's */
	int timeout_ms;          /* name, TCP, TLS and upgrade together; up to an hour */

	/*
	 * Unconsumed bytes at which the socket is paused, 0 for 17 MiB.  Must be
	 * more than the largest piece that the host consumes at once.
	 */
	size_t max_receive;
} NetTarget;

/* False with a constant sentence in *why when the URL is not usable. */
extern bool net_check_url(const char *url, const char **why);

/*
 * Starts a connection and copies the target.  Name resolution runs off the
 * loop; the addresses are tried in turn.  NULL with *why only when memory is
 * out or max_fds is reached; every other failure comes as NET_CLOSED.
 */
extern NetConn *net_connect(NetLoop *loop, const NetTarget *target, void *user, const char **why);

typedef enum NetEventKind
{
	NET_OPENED,   /* upgrade done; also for an accepted connection */
	NET_DATA,     /* more bytes in net_data */
	NET_WRITABLE, /* everything given to net_write has left */
	NET_CLOSED,   /* the end; conn is freed by the next net_next_event */
} NetEventKind;

/*
 * The reasons of NET_CLOSED, all constant texts.
 *
 * Before NET_OPENED: a sentence of net_check_url, "name not found",
 * "refused or unreachable", "timeout", "certificate", "tls", "the CA file
 * cannot be read", "http 503" (and the other usual codes), "http redirect",
 * "upgrade refused" (any other answer, or none), "out of descriptors".  After it: "closed by peer" (orderly), "connection lost",
 * "text message" (all messages are binary).  At any time: "closed" and
 * "aborted" (by this side), "out of memory".
 */
typedef struct NetEvent
{
	NetEventKind kind;
	NetConn *conn;
	void *user;
	const char *why; /* of NET_CLOSED; NULL: an HTTP answer that is complete */
} NetEvent;

/*
 * Next thing that happened, each connection in turn; false: nothing left.
 * NET_DATA comes once for what has arrived: bytes that the host leaves are not
 * announced again before more arrive.  They can be read up to NET_CLOSED.
 */
extern bool net_next_event(NetLoop *loop, NetEvent *event);

/*
 * The bytes received and not consumed, message borders not kept.  Valid until
 * the next net_consumed of this connection or net_loop_run.
 */
extern void net_data(NetConn *conn, const uint8_t **data, size_t *len);
extern void net_consumed(NetConn *conn, size_t len);
/*
 * Copies and queues one binary message, also before NET_OPENED; false when
 * memory is out.  The queue has no bound: look at net_unsent.  On a connection
 * that is closed or closing the message is dropped.
 */
extern bool net_write(NetConn *conn, const uint8_t *data, size_t len);
extern size_t net_unsent(const NetConn *conn); /* bytes not yet with the kernel */
/* Sends what is queued, closes; 5 s for all of it.  Only NET_CLOSED follows. */
extern void net_close(NetConn *conn);
extern void net_abort(NetConn *conn); /* drops at once; only NET_CLOSED follows */
extern void net_set_user(NetConn *conn, void *user);
/* Connections that have or may get a descriptor: all that are not closed. */
extern int net_open_count(const NetLoop *loop);

/* ---- HTTP ---- */

typedef struct NetHttpGet
{
	const char *url;         /* http:// or https://host[:port]/path */
	const char *origin;      /* Origin header, NULL none */
	const char *tls_ca_file; /* PEM bundle, NULL the system's */
	int timeout_ms;          /* name, TCP, TLS and the head of the answer together */
	int stall_ms;            /* longest time in which less than 4 kB of body come, 0: an hour */
	uint64_t max_bytes;      /* of the body */
	size_t max_receive;      /* as NetTarget has it, 0 for 64 kB */
} NetHttpGet;

/*
 * Asks for one URL on a connection of its own, which is as any other but that
 * nothing can be written:
 *
 *		NET_OPENED	the head of the answer is here, whatever its status
 *		NET_DATA	more bytes of the body in net_data
 *		NET_CLOSED	the end; bytes not consumed yet must be taken now
 *
 * The body is complete, as far as its framing tells, when why is NULL; one
 * that tells neither its length nor comes in chunks ends with the connection.
 * Redirects are answers and not followed.  Reasons beside those of a connection:
 * "timeout" (before the head), "stalled", "too large", "malformed answer",
 * "connection lost" (before the end of the body).  NULL as net_connect.
 */
extern NetConn *net_http_get(NetLoop *loop, const NetHttpGet *get, void *user, const char **why);
extern bool net_http_is(const NetConn *conn); /* made by net_http_get */
/* From NET_OPENED on: 404 and the like. */
extern int net_http_status(const NetConn *conn);
/* Bytes of the body as the head tells them, -1 not. */
extern int64_t net_http_length(const NetConn *conn);

/* ---- listening ---- */

typedef struct NetListen
{
	const char *address;       /* numeric: "127.0.0.1" */
	int port;                  /* 0: any free one */
	const char *tls_cert_file; /* both or neither */
	const char *tls_key_file;
} NetListen;

/*
 * Returns the port, or -1 with *why.  Accepted connections come as NET_OPENED
 * with user NULL once they are upgraded, which they have 20 s for.
 */
extern int net_listen(NetLoop *loop, const NetListen *listen, const char **why);

#endif /* WA_NET_H */
