/*
 * test_net.c
 *		Connections that work: messages of every size and shape in both
 *		directions, flow control, fairness, many at once, every way to end.
 */
#include "net_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/net/net_internal.h"

#define TIMEOUT 30000

static TestCerts certs;

static uint8_t *
pattern(size_t len)
{
	uint8_t *data = malloc(len);
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < len; i++)
	{
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (uint8_t) x;
	}
	return data;
}

static void
open_peer(Net *net, Peer *peer, const char *scheme, const char *host)
{
	memset(peer, 0, sizeof(*peer));
	peer_connect(net, peer, net_url(scheme, host, net->port), certs.ca, TIMEOUT);
	assert_true(net_until(net, is_opened, peer));
	if (!peer->opened)
		fail_msg("not opened: %s", peer->why);
}

typedef struct Got
{
	Peer *peer;
	size_t len;
} Got;

static bool
has_got(Net *net, void *arg)
{
	Got *got = arg;

	(void) net;
	return got->peer->total >= got->len || got->peer->closed;
}

static bool
nothing_open(Net *net, void *arg)
{
	(void) arg;
	return net_open_count(net->loop) == 0;
}

/* ---- echoes ---- */

static void
echo(const char *scheme, const char *host, const char *cert, const char *key)
{
	static const size_t sizes[] = {1, 125, 126, 65535, 65536, 200000, 16777219};
	Net net;
	Peer peer;
	size_t sent = 0;

	net_setup(&net, cert, key);
	open_peer(&net, &peer, scheme, host);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		uint8_t *message = pattern(sizes[i]);
		Got got = {&peer, sent += sizes[i]};

		assert_true(net_write(peer.conn, message, sizes[i]));
		assert_true(net_unsent(peer.conn) >= sizes[i]);
		assert_true(net_until(&net, has_got, &got));
		assert_false(peer.closed);
		assert_int_equal(peer.got_len, sizes[i]);
		assert_memory_equal(peer.got, message, sizes[i]);
		peer.got_len = 0;
		free(message);
	}
	assert_int_equal(net_unsent(peer.conn), 0);
	assert_true(peer.writable_events > 0);
	net_close(peer.conn);
	assert_true(net_until(&net, nothing_open, NULL));
	assert_true(peer.closed);
	assert_string_equal(peer.why, "closed");
	peer_free(&peer);
	net_teardown(&net);
}

static void
echo_ws(void **state)
{
	(void) state;
	echo("ws", "127.0.0.1", NULL, NULL);
	echo("ws", "localhost", NULL, NULL);
}

static void
echo_wss(void **state)
{
	(void) state;
	echo("wss", "127.0.0.1", certs.good, certs.good_key);
	echo("wss", "localhost", certs.good, certs.good_key);
}

/* Many messages in one go come out whole, in order, as one stream. */
static void
order_of_messages(void **state)
{
	Net net;
	Peer peer = {0};
	uint8_t *data = pattern(300000);
	size_t sent = 0;
	Got got = {&peer, 300000};

	(void) state;
	net_setup(&net, NULL, NULL);
	peer_connect(&net, &peer, net_url("ws", "127.0.0.1", net.port), NULL, TIMEOUT);
	/* The first of them before the connection is up. */
	for (size_t len = 0; sent < 300000; len = (len * 7 + 13) % 3001)
	{
		size_t n = len < 300000 - sent ? len : 300000 - sent;

		assert_true(net_write(peer.conn, data + sent, n));
		sent += n;
	}
	assert_int_equal(net_unsent(peer.conn), 300000);
	assert_true(net_until(&net, has_got, &got));
	assert_int_equal(peer.got_len, 300000);
	assert_memory_equal(peer.got, data, 300000);
	free(data);
	peer_free(&peer);
	net_teardown(&net);
}

/* A second connection to a server resumes the TLS session of the first. */
static void
tls_resumption(void **state)
{
	Net net;
	Peer first;
	Peer second;
	Peer third;
	Got got = {&first, 1};

	(void) state;
	net_setup(&net, certs.good, certs.good_key);
	open_peer(&net, &first, "wss", "localhost");
	/* The ticket comes before the first answer. */
	assert_true(net_write(first.conn, (const uint8_t *) "x", 1));
	assert_true(net_until(&net, has_got, &got));
	assert_int_equal(SSL_session_reused(lws_get_ssl(first.conn->wsi)), 0);
	open_peer(&net, &second, "wss", "localhost");
	open_peer(&net, &third, "wss", "localhost");
	assert_int_equal(SSL_session_reused(lws_get_ssl(second.conn->wsi)), 1);
	assert_int_equal(SSL_session_reused(lws_get_ssl(third.conn->wsi)), 1);
	peer_free(&first);
	net_teardown(&net);
}

/* ---- what a server may do to us ---- */

static void
raw_open(Net *net, Peer *peer, const void *frames, size_t len)
{
	net_setup(net, NULL, NULL);
	raw_setup(net);
	net->raw.upgrade = true;
	net->raw.reply = frames;
	net->raw.reply_len = len;
	memset(peer, 0, sizeof(*peer));
	peer_connect(net, peer, net_url("ws", "127.0.0.1", net->raw.port), NULL, TIMEOUT);
	assert_true(net_until(net, is_opened, peer));
	assert_true(peer->opened);
}

static void
request_headers(void **state)
{
	Net net;
	Peer peer;
	char host[64];

	(void) state;
	raw_open(&net, &peer, NULL, 0);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", net.raw.port);
	assert_memory_equal(net.raw.request, "GET /ws/chat HTTP/1.1\r\n", 23);
	assert_non_null(strstr(net.raw.request, host));
	assert_non_null(strstr(net.raw.request, "\r\nOrigin: https://web.whatsapp.com\r\n"));
	assert_non_null(strstr(net.raw.request, "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(net.raw.request, "\r\nSec-WebSocket-Version: 13\r\n"));
	assert_null(strstr(net.raw.request, "Sec-WebSocket-Protocol"));
	assert_null(strstr(net.raw.request, "Sec-WebSocket-Extensions"));
	net_teardown(&net);
}

/* Frames in the same segment as the upgrade, a message in pieces, a ping between them. */
static void
fragments(void **state)
{
	static const uint8_t frames[] = {0x02, 3,   'a', 'b',  'c', 0x89, 2,    'h', 'i', 0x00,
									 2,    'd', 'e', 0x80, 1,   'f',  0x82, 2,   'g', 'h'};
	Net net;
	Peer peer;
	Got got = {&peer, 8};
	uint8_t pong[64];
	size_t len = 0;

	(void) state;
	raw_open(&net, &peer, frames, sizeof(frames));
	assert_true(net_until(&net, has_got, &got));
	assert_int_equal(peer.got_len, 8);
	assert_memory_equal(peer.got, "abcdefgh", 8);
	/* Pings are answered without the host. */
	for (int i = 0; i < 1000 && len < 8; i++)
	{
		ssize_t n = recv(net.raw.conn, pong + len, sizeof(pong) - len, MSG_DONTWAIT);

		if (n > 0)
			len += (size_t) n;
		net_turn(&net, 10);
	}
	assert_int_equal(len, 8);
	assert_int_equal(pong[0], 0x8a);
	assert_int_equal(pong[1], 0x82);
	assert_int_equal(pong[6] ^ pong[2], 'h');
	assert_int_equal(pong[7] ^ pong[3], 'i');
	peer_free(&peer);
	net_teardown(&net);
}

static void
server_says(const void *frames, size_t len, bool close_after, const char *why)
{
	Net net;
	Peer peer = {0};

	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	net.raw.upgrade = true;
	net.raw.reply = frames;
	net.raw.reply_len = len;
	net.raw.close_after = close_after;
	peer_connect(&net, &peer, net_url("ws", "127.0.0.1", net.raw.port), NULL, TIMEOUT);
	assert_true(net_until(&net, is_closed, &peer));
	assert_true(peer.opened);
	assert_string_equal(peer.why, why);
	assert_int_equal(peer.closed_events, 1);
	assert_int_equal(net_open_count(net.loop), 0);
	peer_free(&peer);
	net_teardown(&net);
}

static void
server_endings(void **state)
{
	(void) state;
	server_says("\x81\x02hi", 4, false, "text message");
	server_says("\x88\x02\x03\xe8", 4, true, "closed by peer");
	server_says("\x82\x7f", 2, true, "connection lost");
	server_says("\xf3\x01x", 3, false, "connection lost");
}

/* The last bytes before the end are still there at NET_CLOSED. */
static void
data_before_end(void **state)
{
	Net net;
	Peer peer = {0};

	(void) state;
	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	net.raw.upgrade = true;
	net.raw.reply = "\x82\x03"
					"bye\x88\x02\x03\xe8";
	net.raw.reply_len = 9;
	net.raw.close_after = true;
	peer_connect(&net, &peer, net_url("ws", "127.0.0.1", net.raw.port), NULL, TIMEOUT);
	assert_true(net_until(&net, is_closed, &peer));
	assert_int_equal(peer.got_len, 3);
	assert_memory_equal(peer.got, "bye", 3);
	peer_free(&peer);
	net_teardown(&net);
}

/* ---- flow control and fairness ---- */

static bool
has_paused(Net *net, void *arg)
{
	(void) net;
	return ((Peer *) arg)->conn->paused;
}

static void
flow_control(const char *scheme, const char *cert, const char *key)
{
	enum
	{
		LIMIT = 65536,
		SENT = 20 * 1024 * 1024
	};
	Net net;
	Peer peer = {.hold = true};
	NetTarget target = {NULL, NULL, certs.ca, TIMEOUT, LIMIT};
	const char *why;
	const uint8_t *data;
	uint8_t *message = pattern(SENT);
	size_t len;
	Got got = {&peer, SENT};

	net_setup(&net, cert, key);
	target.url = net_url(scheme, "127.0.0.1", net.port);
	peer.conn = net_connect(net.loop, &target, &peer, &why);
	assert_true(net_until(&net, is_opened, &peer));
	assert_true(net_write(net.accepted[0], message, SENT));
	assert_true(net_until(&net, has_paused, &peer));
	/* Nothing more gets in, whatever the sender does. */
	for (int i = 0; i < 50; i++)
		net_turn(&net, 2);
	net_data(peer.conn, &data, &len);
	/* What one turn brings, a TLS record at most, comes on top. */
	assert_in_range(len, LIMIT, LIMIT + 16384);
	assert_in_range(net_unsent(net.accepted[0]), 1, SENT);

	/* Consuming lets it flow again, through many pauses. */
	peer.hold = false;
	peer.got = malloc(len);
	memcpy(peer.got, data, len);
	peer.got_len = peer.got_size = peer.total = len;
	net_consumed(peer.conn, len);
	assert_true(net_until(&net, has_got, &got));
	assert_int_equal(peer.got_len, SENT);
	assert_memory_equal(peer.got, message, SENT);
	free(message);
	peer_free(&peer);
	net_teardown(&net);
}

static void
flow_control_ws(void **state)
{
	(void) state;
	flow_control("ws", NULL, NULL);
}

static void
flow_control_wss(void **state)
{
	(void) state;
	flow_control("wss", certs.good, certs.good_key);
}

static bool
none_accepted(Net *net, void *arg)
{
	(void) arg;
	return net->accepted_count == 0;
}

/* A connection whose peer never reads ends in time, and a paused one can be closed. */
static void
close_while_paused(void **state)
{
	Net net;
	Peer peer = {.hold = true};
	NetTarget target = {NULL, NULL, NULL, TIMEOUT, 1000};
	const char *why;
	uint8_t *message = pattern(8000000);
	long start;

	(void) state;
	net_setup(&net, NULL, NULL);
	target.url = net_url("ws", "127.0.0.1", net.port);
	peer.conn = net_connect(net.loop, &target, &peer, &why);
	assert_true(net_until(&net, is_opened, &peer));
	assert_true(net_write(net.accepted[0], message, 8000000));
	assert_true(net_until(&net, has_paused, &peer));
	start = now_ms();
	net_close(net.accepted[0]);
	assert_true(net_until(&net, none_accepted, NULL));
	assert_in_range(now_ms() - start, NET_CLOSE_MS - 100, NET_CLOSE_MS + 3000);
	/* Who does not read does not see the end either. */
	assert_false(peer.closed);
	while (!peer.closed)
	{
		if (peer.conn->in_end > 0)
			net_consumed(peer.conn, SIZE_MAX);
		net_turn(&net, 1000);
	}
	assert_string_equal(peer.why, "connection lost");

	peer = (Peer){.hold = true};
	peer.conn = net_connect(net.loop, &target, &peer, &why);
	assert_true(net_until(&net, is_opened, &peer));
	assert_true(net_write(net.accepted[0], message, 100000));
	assert_true(net_until(&net, has_paused, &peer));
	net_close(peer.conn);
	assert_true(net_until(&net, nothing_open, NULL));
	assert_string_equal(peer.why, "closed");
	free(message);
	net_teardown(&net);
}

/* Two connections with news are served in turn. */
static void
fairness(void **state)
{
	Net net;
	Peer a;
	Peer b;
	NetEvent event;
	NetConn *last = NULL;
	int turns = 0;

	(void) state;
	net_setup(&net, NULL, NULL);
	open_peer(&net, &a, "ws", "127.0.0.1");
	open_peer(&net, &b, "ws", "127.0.0.1");
	for (int i = 0; i < 10; i++)
	{
		net_conn_event(a.conn, NET_DATA);
		net_conn_event(a.conn, NET_WRITABLE);
		net_conn_event(b.conn, NET_DATA);
		net_conn_event(b.conn, NET_WRITABLE);
		while (net_next_event(net.loop, &event))
		{
			assert_ptr_not_equal(event.conn, last);
			last = event.conn;
			turns++;
		}
	}
	assert_int_equal(turns, 40);
	net_teardown(&net);
}

/* ---- many, and every way to end ---- */

static bool
all_opened(Net *net, void *arg)
{
	(void) arg;
	return net->accepted_count == 1000;
}

static void
many(const char *scheme, const char *cert, const char *key, int count, int rounds)
{
	Net net;
	Peer *peers = calloc((size_t) count, sizeof(Peer));
	int handles;

	net_setup(&net, cert, key);
	/* What is made once (the TLS client context and its session) is made now. */
	open_peer(&net, &peers[0], scheme, "127.0.0.1");
	net_close(peers[0].conn);
	assert_true(net_until(&net, nothing_open, NULL));
	net_turn(&net, 0);
	handles = count_handles(net.loop);
	for (int round = 0; round < rounds; round++)
	{
		for (int i = 0; i < count; i++)
		{
			memset(&peers[i], 0, sizeof(Peer));
			peer_connect(&net, &peers[i], net_url(scheme, "127.0.0.1", net.port), certs.ca,
						 TIMEOUT);
		}
		if (count == 1000)
			assert_true(net_until(&net, all_opened, NULL));
		for (int i = 0; i < count; i++)
			assert_true(net_until(&net, is_opened, &peers[i]) && peers[i].opened);
		assert_int_equal(net_open_count(net.loop), 2 * count);
		for (int i = 0; i < count; i++)
		{
			if (i % 3 == 0)
				net_abort(peers[i].conn);
			else
				net_close(peers[i].conn);
		}
		assert_true(net_until(&net, nothing_open, NULL));
		for (int i = 0; i < count; i++)
		{
			assert_int_equal(peers[i].closed_events, 1);
			assert_string_equal(peers[i].why, i % 3 == 0 ? "aborted" : "closed");
		}
		net_turn(&net, 0);
		assert_int_equal(count_handles(net.loop), handles);
	}
	free(peers);
	net_teardown(&net);
}

static void
many_connections(void **state)
{
	struct rlimit limit;

	(void) state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	many("ws", NULL, NULL, 1000, 3);
	many("wss", certs.good, certs.good_key, 100, 2);
}

static void
abort_with_unsent_output(void **state)
{
	Net net;
	Peer peer;
	uint8_t *message = pattern(30000000);

	(void) state;
	net_setup(&net, certs.good, certs.good_key);
	net.server = PEER_QUIET;
	open_peer(&net, &peer, "wss", "127.0.0.1");
	assert_true(net_write(peer.conn, message, 30000000));
	net_turn(&net, 10);
	net_turn(&net, 10);
	assert_true(net_unsent(peer.conn) > 0);
	net_abort(peer.conn);
	net_abort(peer.conn);
	assert_true(net_write(peer.conn, message, 10));
	for (int i = 0; i < 20 && !peer.closed; i++)
		net_turn(&net, 10);
	assert_true(peer.closed);
	assert_string_equal(peer.why, "aborted");
	assert_true(net_until(&net, nothing_open, NULL));
	free(message);
	net_teardown(&net);
}

static void
destroy_with_open_connections(void **state)
{
	Net net;
	Peer peers[20];
	uint8_t *message = pattern(100000);

	(void) state;
	for (int tls = 0; tls < 2; tls++)
	{
		net_setup(&net, tls ? certs.good : NULL, tls ? certs.good_key : NULL);
		for (int i = 0; i < 20; i++)
		{
			open_peer(&net, &peers[i], tls ? "wss" : "ws", "127.0.0.1");
			peers[i].hold = true;
			assert_true(net_write(peers[i].conn, message, 100000));
		}
		net_turn(&net, 10);
		net_close(peers[3].conn);
		net_abort(peers[4].conn);
		net_teardown(&net);
	}
	free(message);
}

/* ---- the loop as a guest ---- */

static void
on_pipe(int number)
{
	(void) number;
}

static void
process_is_left_alone(void **state)
{
	static const int watched[] = {SIGINT,  SIGTERM, SIGHUP,  SIGSEGV, SIGFPE,
								  SIGCHLD, SIGUSR1, SIGQUIT, SIGPIPE};
	struct sigaction mine = {.sa_handler = on_pipe};
	struct sigaction before[9];
	struct sigaction after;
	struct rlimit limit_before;
	struct rlimit limit_after;
	Net net;
	Peer peer;

	(void) state;
	assert_int_equal(sigaction(SIGPIPE, &mine, NULL), 0);
	getrlimit(RLIMIT_NOFILE, &limit_before);
	for (int i = 0; i < 9; i++)
		sigaction(watched[i], NULL, &before[i]);
	net_setup(&net, NULL, NULL);
	open_peer(&net, &peer, "ws", "localhost");
	for (int i = 0; i < 9; i++)
	{
		sigaction(watched[i], NULL, &after);
		assert_ptr_equal(after.sa_handler, before[i].sa_handler);
	}
	getrlimit(RLIMIT_NOFILE, &limit_after);
	assert_int_equal(limit_after.rlim_cur, limit_before.rlim_cur);
	assert_int_equal(limit_after.rlim_max, limit_before.rlim_max);
	net_teardown(&net);
	signal(SIGPIPE, SIG_IGN);
}

/* Nothing to do: the host may wait, and a turn costs no wake-up. */
static void
idle_loop_waits(void **state)
{
	Net net;
	Peer peer;
	struct pollfd fd;

	(void) state;
	net_setup(&net, NULL, NULL);
	open_peer(&net, &peer, "ws", "127.0.0.1");
	for (int i = 0; i < 20; i++)
		net_turn(&net, 5);
	assert_true(net_loop_timeout_ms(net.loop) < 0 || net_loop_timeout_ms(net.loop) > 1000);
	fd = (struct pollfd){net_loop_fd(net.loop), POLLIN, 0};
	assert_int_equal(poll(&fd, 1, 0), 0);
	/* And a write from outside wakes it. */
	assert_true(net_write(peer.conn, (const uint8_t *) "x", 1));
	assert_int_equal(net_loop_timeout_ms(net.loop), 0);
	assert_int_equal(poll(&fd, 1, 0), 1);
	net_teardown(&net);
}

static void
connection_limit(void **state)
{
	const char *why = NULL;
	NetLoop *loop = net_loop_create(2, &why);
	NetListen listen = {"127.0.0.1", 0, NULL, NULL};
	Net net = {.loop = loop, .raw = {.listener = -1, .conn = -1}};
	Peer peers[3] = {{0}};
	NetTarget target = {NULL, NULL, NULL, TIMEOUT, 0};

	(void) state;
	assert_non_null(loop);
	net.port = net_listen(loop, &listen, &why);
	/* The second is the accepted side of the first. */
	open_peer(&net, &peers[0], "ws", "127.0.0.1");
	while (net.accepted_count == 0)
		net_turn(&net, 1000);
	assert_int_equal(net_open_count(loop), 2);
	target.url = net_url("ws", "127.0.0.1", net.port);
	assert_null(net_connect(loop, &target, &peers[1], &why));
	assert_string_equal(why, "too many connections");
	net_close(peers[0].conn);
	assert_true(net_until(&net, nothing_open, NULL));
	open_peer(&net, &peers[2], "ws", "127.0.0.1");
	net_teardown(&net);
}

static void
listen_failures(void **state)
{
	const char *why = NULL;
	Net net;
	NetListen listen = {"127.0.0.1", 0, NULL, NULL};
	NetListen bad_cert = {"127.0.0.1", 0, certs.good, certs.expired_key};
	NetListen half = {"127.0.0.1", 0, certs.good, NULL};
	NetListen name = {"localhost", 0, NULL, NULL};
	NetListen foreign = {"192.0.2.1", 0, NULL, NULL};
	Peer peer;

	(void) state;
	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	net.raw.accept = false;
	listen.port = net.raw.port;
	assert_int_equal(net_listen(net.loop, &listen, &why), -1);
	assert_string_equal(why, "the address and port cannot be listened on");
	assert_int_equal(net_listen(net.loop, &foreign, &why), -1);
	assert_string_equal(why, "the address and port cannot be listened on");
	assert_int_equal(net_listen(net.loop, &bad_cert, &why), -1);
	assert_string_equal(why, "the certificate or the key cannot be used");
	assert_int_equal(net_listen(net.loop, &half, &why), -1);
	assert_int_equal(net_listen(net.loop, &name, &why), -1);
	/* The loop is none the worse for it. */
	open_peer(&net, &peer, "ws", "127.0.0.1");
	net_teardown(&net);
}

static int
make_certs(void **state)
{
	(void) state;
	signal(SIGPIPE, SIG_IGN);
	certs_create(&certs);
	return 0;
}

static int
remove_certs(void **state)
{
	(void) state;
	certs_remove(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_ws),
		cmocka_unit_test(echo_wss),
		cmocka_unit_test(order_of_messages),
		cmocka_unit_test(tls_resumption),
		cmocka_unit_test(request_headers),
		cmocka_unit_test(fragments),
		cmocka_unit_test(server_endings),
		cmocka_unit_test(data_before_end),
		cmocka_unit_test(flow_control_ws),
		cmocka_unit_test(flow_control_wss),
		cmocka_unit_test(close_while_paused),
		cmocka_unit_test(fairness),
		cmocka_unit_test(many_connections),
		cmocka_unit_test(abort_with_unsent_output),
		cmocka_unit_test(destroy_with_open_connections),
		cmocka_unit_test(process_is_left_alone),
		cmocka_unit_test(idle_loop_waits),
		cmocka_unit_test(connection_limit),
		cmocka_unit_test(listen_failures),
	};

	return cmocka_run_group_tests_name("net", tests, make_certs, remove_certs);
}
