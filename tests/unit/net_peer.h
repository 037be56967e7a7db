/*
 * net_peer.h
 *		The other ends for tests of src/net: a loop that is pumped until a
 *		condition holds, a raw socket server that says what it is told to, and
 *		certificates.
 */
#ifndef WA_TEST_NET_PEER_H
#define WA_TEST_NET_PEER_H

#include "../../src/net/net.h"

/* One of our connections, as a host would keep it. */
typedef struct Peer
{
	NetConn *conn; /* NULL before net_connect and after NET_CLOSED */
	bool opened;
	bool closed;
	int closed_events;
	int data_events;
	int writable_events;
	const char *why;
	uint8_t *got; /* consumed bytes, unless hold or discard */
	size_t got_len;
	size_t got_size;
	size_t total;
	bool hold;    /* consume nothing */
	bool discard; /* consume and only count */
} Peer;

typedef enum PeerServer
{
	PEER_ECHO,
	PEER_QUIET, /* consumes, says nothing */
} PeerServer;

#define PEER_MAX_ACCEPTED 1100

/* A raw TCP server for one connection at a time, without a thread. */
typedef struct RawServer
{
	int listener;
	int conn; /* -1: none yet */
	int port;
	bool accept; /* take connections */
	char request[8192];
	size_t request_len;
	const void *reply; /* sent once the request is whole */
	size_t reply_len;
	bool upgrade; /* reply with a good 101, reply follows it in the same write */
	bool close_after;
	bool replied;
} RawServer;

typedef struct Net
{
	NetLoop *loop;
	PeerServer server;
	int port;
	NetConn *accepted[PEER_MAX_ACCEPTED];
	int accepted_count; /* open now */
	int accepted_total;
	RawServer raw;
} Net;

typedef bool (*PeerCondition)(Net *net, void *arg);

/* Listens for the loop's own connections; cert_file NULL for ws. */
extern void net_setup(Net *net, const char *cert_file, const char *key_file);
extern void net_teardown(Net *net);
extern void raw_setup(Net *net);
/* "ws://host:port/ws/chat"; the text is static. */
extern const char *net_url(const char *scheme, const char *host, int port);
extern void peer_connect(Net *net, Peer *peer, const char *url, const char *ca_file,
						 int timeout_ms);
extern void peer_free(Peer *peer);
/* Handles every event there is now. */
extern void net_drain(Net *net);
/* One wait of at most that long, one turn. */
extern void net_turn(Net *net, int ms);
/* Turns until the condition holds; false after 20 s (60 s under valgrind's slowness). */
extern bool net_until(Net *net, PeerCondition condition, void *arg);

extern bool is_opened(Net *net, void *peer);
extern bool is_closed(Net *net, void *peer);

/* Milliseconds of the monotonic clock. */
extern long now_ms(void);
/* Handles in the libuv loop: a leak of lws' shows here and nowhere else. */
extern int count_handles(NetLoop *loop);

/* ---- certificates ---- */

typedef struct TestCerts
{
	char dir[64];
	char ca[96];       /* signs all but the last */
	char other_ca[96]; /* signs nothing */
	char good[96];     /* localhost, 127.0.0.1, ::1 */
	char good_key[96];
	char wrong_name[96]; /* elsewhere.example */
	char wrong_name_key[96];
	char expired[96];
	char expired_key[96];
} TestCerts;

extern void certs_create(TestCerts *certs);
extern void certs_remove(TestCerts *certs);

#endif /* WA_TEST_NET_PEER_H */
