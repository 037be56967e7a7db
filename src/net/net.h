/*
 * net.h
 *		WebSocket connections, out and in, on one libuv loop.
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

/* max_fds 0: the process limit.  NULL with *why set on failure. */
extern NetLoop *net_loop_create(int max_fds, const char **why);
extern void net_loop_destroy(NetLoop *loop);	/* closes everything */
extern int	net_loop_fd(const NetLoop *loop);	/* readable when there is work */
extern int	net_loop_timeout_ms(NetLoop *loop); /* -1: none */
extern void net_loop_run(NetLoop *loop);	/* never blocks, never throws */
extern struct uv_loop_s *net_loop_uv(NetLoop *loop);	/* for a host's own timers and sockets */

/* ---- connections ---- */

typedef struct NetTarget
{
	const char *url;			/* ws:// or wss://host[:port]/path */
	const char *origin;			/* Origin header, NULL none */
	const char *tls_ca_file;	/* PEM bundle, NULL the system's */
	int			timeout_ms;		/* TCP, TLS and upgrade together */
	size_t		max_receive;	/* bytes buffered before the socket is paused */
} NetTarget;

/* False with a constant sentence in *why when the URL is not usable. */
extern bool net_check_url(const char *url, const char **why);

/*
 * Starts a connection.  Name resolution runs off the loop.  NULL only when
 * memory or descriptors are out; every other failure comes as NET_CLOSED.
 */
extern NetConn *net_connect(NetLoop *loop, const NetTarget *target, void *user, const char **why);

typedef enum NetEventKind
{
	NET_OPENED,					/* upgrade done; also for an accepted connection */
	NET_DATA,					/* net_data has bytes */
	NET_WRITABLE,				/* everything given to net_write has left */
	NET_CLOSED,					/* the end; conn is freed by the next net_next_event */
} NetEventKind;

typedef struct NetEvent
{
	NetEventKind kind;
	NetConn    *conn;
	void	   *user;
	const char *why;			/* NET_CLOSED: short constant text, e.g. "refused", "timeout", "certificate" */
} NetEvent;

/* Next thing that happened, each connection in turn; false: nothing left. */
extern bool net_next_event(NetLoop *loop, NetEvent *event);

extern void net_data(NetConn *conn, const uint8_t **data, size_t *len);
extern void net_consumed(NetConn *conn, size_t len);
/* Copies and queues one binary message; false when memory is out. */
extern bool net_write(NetConn *conn, const uint8_t *data, size_t len);
extern size_t net_unsent(const NetConn *conn);
extern void net_close(NetConn *conn);	/* flushes, closes; NET_CLOSED follows */
extern void net_abort(NetConn *conn);	/* drops at once; NET_CLOSED follows */
extern void net_set_user(NetConn *conn, void *user);
extern int	net_open_count(const NetLoop *loop);	/* descriptors in use */

/* ---- listening ---- */

typedef struct NetListen
{
	const char *address;		/* "127.0.0.1" */
	int			port;			/* 0: any free one */
	const char *tls_cert_file;	/* both or neither */
	const char *tls_key_file;
} NetListen;

/* Returns the port, or -1 with *why.  Accepted connections come as NET_OPENED. */
extern int	net_listen(NetLoop *loop, const NetListen *listen, const char **why);

#endif							/* WA_NET_H */
