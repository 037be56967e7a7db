/*
 * test_net_dial.c
 *		Connections that do not come to be: every reason, within its time, and
 *		nothing left behind.
 */
#include "net_peer.h"

#include <arpa/inet.h>
#include <errno.h>
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

static bool
nothing_open(Net *net, void *arg)
{
	(void) arg;
	return net_open_count(net->loop) == 0;
}

/* Connects, and expects that end. */
static void
expect_end(Net *net, const char *url, const char *ca_file, int timeout_ms, const char *why)
{
	Peer peer = {0};

	peer_connect(net, &peer, url, ca_file, timeout_ms);
	assert_true(net_until(net, is_closed, &peer));
	assert_string_equal(peer.why, why);
	assert_int_equal(peer.closed_events, 1);
	assert_false(peer.opened);
	assert_true(net_until(net, nothing_open, NULL));
}

static int
unused_port(void)
{
	Net net = {.raw = {.listener = -1}};

	raw_setup(&net);
	close(net.raw.listener);
	return net.raw.port;
}

/* ---- addresses ---- */

static void
urls(void **state)
{
	static const struct
	{
		const char *text;
		bool secure;
		const char *host;
		int port;
		const char *authority;
		const char *path;
	} good[] = {
		{"wss://web.whatsapp.com/ws/chat", true, "web.whatsapp.com", 443, "web.whatsapp.com",
		 "/ws/chat"},
		{"ws://127.0.0.1:8080", false, "127.0.0.1", 8080, "127.0.0.1:8080", "/"},
		{"WS://h:80/?a=b", false, "h", 80, "h", "/?a=b"},
		{"wss://[::1]:5222/x", true, "::1", 5222, "[::1]:5222", "/x"},
		{"wss://[2001:db8::1]/", true, "2001:db8::1", 443, "[2001:db8::1]", "/"},
	};
	static const char *const bad[] = {
		"",
		"http://a/",
		"wss:/a",
		"wss://",
		"wss:///x",
		"wss://a:0/",
		"wss://a:65536/",
		"wss://a:99999999999/",
		"wss://a:/",
		"wss://a:b/",
		"wss://u@a/",
		"wss://u:p@a/",
		"wss://a b/",
		"wss://a/b c",
		"wss://a/\r\nX: y",
		"wss://a/#f",
		"wss://a?b",
		"wss://[::1",
		"wss://[a.b]/",
		"wss://[127.0.0.1]/",
		"wss://::1/",
		"wss://[::1]x/",
		"wss://h\xc3\xa4st/",
	};
	char long_url[2000];
	const char *why;
	NetUrl url;

	(void) state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		assert_true(net_parse_url(good[i].text, NET_SCHEME_WS, &url, &why));
		assert_int_equal(url.secure, good[i].secure);
		assert_string_equal(url.host, good[i].host);
		assert_int_equal(url.port, good[i].port);
		assert_string_equal(url.authority, good[i].authority);
		assert_string_equal(url.path, good[i].path);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		why = NULL;
		if (net_check_url(bad[i], &why))
			fail_msg("taken for good: %s", bad[i]);
		assert_non_null(why);
	}
	memset(long_url, 'a', sizeof(long_url));
	memcpy(long_url, "ws://", 5);
	long_url[5 + 253] = '\0';
	assert_true(net_check_url(long_url, &why));
	long_url[5 + 253] = 'a';
	long_url[5 + 254] = '\0';
	assert_false(net_check_url(long_url, &why));
	memset(long_url, 'a', sizeof(long_url));
	memcpy(long_url, "ws://h/", 7);
	long_url[6 + 1024] = '\0';
	assert_false(net_check_url(long_url, &why));
	long_url[6 + 1023] = '\0';
	assert_true(net_check_url(long_url, &why));
}

static void
bad_url(void **state)
{
	Net net;

	(void) state;
	net_setup(&net, NULL, NULL);
	expect_end(&net, "http://127.0.0.1/", NULL, TIMEOUT,
			   "the address must begin with ws:// or wss://");
	net_teardown(&net);
}

/* A label of 64 characters: the resolver refuses it without asking anybody. */
static void
unknown_name(void **state)
{
	Net net;
	Peer peer = {0};
	char url[128];

	(void) state;
	snprintf(url, sizeof(url), "ws://%064d.invalid/", 0);
	net_setup(&net, NULL, NULL);
	expect_end(&net, url, NULL, TIMEOUT, "name not found");
	/* Neither an abort nor the end of the loop waits for a resolver. */
	peer_connect(&net, &peer, url, NULL, TIMEOUT);
	net_abort(peer.conn);
	net_drain(&net);
	assert_true(peer.closed);
	assert_string_equal(peer.why, "aborted");
	memset(&peer, 0, sizeof(peer));
	peer_connect(&net, &peer, "ws://localhost:1/", NULL, TIMEOUT);
	net_teardown(&net);
}

/* Connections to one name share one lookup, and each is answered. */
static void
shared_lookup(void **state)
{
	Net net;
	Peer peers[50];

	(void) state;
	net_setup(&net, NULL, NULL);
	memset(peers, 0, sizeof(peers));
	for (int i = 0; i < 50; i++)
		peer_connect(&net, &peers[i], net_url("ws", "localhost", net.port), NULL, TIMEOUT);
	assert_non_null(net.loop->lookups);
	net_abort(peers[7].conn);
	net_abort(peers[49].conn);
	for (int i = 0; i < 50; i++)
	{
		assert_true(net_until(&net, is_opened, &peers[i]));
		assert_int_equal(peers[i].opened, i != 7 && i != 49);
	}
	assert_null(net.loop->lookups);
	net_teardown(&net);
}

/* localhost is ::1 too on most machines: the second address is tried when the first refuses. */
static void
refused(void **state)
{
	Net net;
	int port = unused_port();
	int handles;

	(void) state;
	net_setup(&net, NULL, NULL);
	expect_end(&net, net_url("ws", "127.0.0.1", port), NULL, TIMEOUT, "refused or unreachable");
	net_turn(&net, 0);
	handles = count_handles(net.loop);
	for (int i = 0; i < 50; i++)
	{
		expect_end(&net, net_url("ws", "127.0.0.1", port), NULL, TIMEOUT, "refused or unreachable");
		expect_end(&net, net_url("ws", "localhost", port), NULL, TIMEOUT, "refused or unreachable");
	}
	net_turn(&net, 0);
	/* lws itself would have left a handle for each. */
	assert_int_equal(count_handles(net.loop), handles);
	net_teardown(&net);
}

static void
out_of_descriptors(void **state)
{
	Net net;
	struct rlimit limit;
	struct rlimit low;
	int spare;

	(void) state;
	net_setup(&net, NULL, NULL);
	spare = dup(0);
	assert_true(spare >= 0);
	close(spare);
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = (rlim_t) spare;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	expect_end(&net, net_url("ws", "127.0.0.1", net.port), NULL, TIMEOUT, "out of descriptors");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	net_teardown(&net);
}

static void
proxy_in_environment(void **state)
{
	Net net;
	Peer peer = {0};
	char proxy[32];

	(void) state;
	snprintf(proxy, sizeof(proxy), "127.0.0.1:%d", unused_port());
	setenv("http_proxy", proxy, 1);
	net_setup(&net, NULL, NULL);
	peer_connect(&net, &peer, net_url("ws", "127.0.0.1", net.port), NULL, TIMEOUT);
	assert_true(net_until(&net, is_opened, &peer));
	assert_true(peer.opened);
	net_teardown(&net);
	unsetenv("http_proxy");
}

/* ---- time ---- */

static void
expect_timeout(Net *net, const char *url)
{
	long start = now_ms();

	expect_end(net, url, certs.ca, 400, "timeout");
	assert_in_range(now_ms() - start, 399, 400 + 2000);
}

static void
silent_server(void **state)
{
	Net net;

	(void) state;
	for (int tls = 0; tls < 2; tls++)
	{
		net_setup(&net, NULL, NULL);
		raw_setup(&net);
		expect_timeout(&net, net_url(tls ? "wss" : "ws", "127.0.0.1", net.raw.port));
		/* The request had been made. */
		assert_true(net.raw.request_len > 0);
		net_teardown(&net);
	}
}

/* A listener whose queue is full drops the first packet of TCP: nothing comes back at all. */
static void
black_hole(void **state)
{
	Net net;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fillers[4];

	(void) state;
	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	net.raw.accept = false;
	assert_int_equal(listen(net.raw.listener, 0), 0);
	address.sin_port = htons((uint16_t) net.raw.port);
	for (int i = 0; i < 4; i++)
	{
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(connect(fillers[i], (struct sockaddr *) &address, sizeof(address)) == 0 ||
					errno == EINPROGRESS);
	}
	expect_timeout(&net, net_url("ws", "127.0.0.1", net.raw.port));
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	net_teardown(&net);
}

/* The host may come late: the time is what has passed, not what the loop has seen. */
static void
deadline_is_announced(void **state)
{
	Net net;
	Peer peer = {0};
	int timeout;

	(void) state;
	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	peer_connect(&net, &peer, net_url("ws", "127.0.0.1", net.raw.port), NULL, 1000);
	do
	{
		net_turn(&net, 10);
		timeout = net_loop_timeout_ms(net.loop);
		assert_in_range(timeout, 0, 1000);
	} while (net.raw.request_len == 0 || timeout == 0);
	assert_true(net_until(&net, is_closed, &peer));
	net_teardown(&net);
}

/* ---- answers that are none ---- */

static void
answer(const char *scheme, const char *reply, size_t len, bool close_after, const char *why)
{
	Net net;

	net_setup(&net, NULL, NULL);
	raw_setup(&net);
	net.raw.reply = reply;
	net.raw.reply_len = len;
	net.raw.close_after = close_after;
	expect_end(&net, net_url(scheme, "127.0.0.1", net.raw.port), certs.ca, TIMEOUT, why);
	net_teardown(&net);
}

#define ANSWER(text, close_after, why) answer("ws", text, sizeof(text) - 1, close_after, why)

static void
bad_answers(void **state)
{
	(void) state;
	ANSWER("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", false, "http 503");
	ANSWER("HTTP/1.1 503 Service Unavailable\r\n\r\n", true, "http 503");
	ANSWER("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", false, "http 401");
	ANSWER("HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", false, "upgrade refused");
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, "upgrade refused");
	ANSWER("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false,
		   "http redirect");
	/* The right status with the wrong proof. */
	ANSWER("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
		   false, "upgrade refused");
	ANSWER("HTTP/1.1 101 Switching Protocols\r\n\r\n", false, "upgrade refused");
	ANSWER("\x00\xff\x13\x37garbage\r\n\r\n\r\n\r\n", true, "upgrade refused");
	ANSWER("", true, "upgrade refused");
}

static void
endless_header(void **state)
{
	char reply[4000];

	(void) state;
	memset(reply, 'x', sizeof(reply));
	memcpy(reply, "HTTP/1.1 101 x\r\nX-Y: ", 21);
	answer("ws", reply, sizeof(reply), true, "upgrade refused");
}

static void
tls_to_a_plain_server(void **state)
{
	Net net;
	Peer peer = {0};

	(void) state;
	net_setup(&net, NULL, NULL);
	expect_end(&net, net_url("wss", "127.0.0.1", net.port), certs.ca, TIMEOUT, "tls");
	net_teardown(&net);
	/* And the other way round; the socket that the listener took is gone as well. */
	net_setup(&net, certs.good, certs.good_key);
	expect_end(&net, net_url("ws", "127.0.0.1", net.port), NULL, TIMEOUT, "upgrade refused");
	peer_connect(&net, &peer, net_url("wss", "127.0.0.1", net.port), certs.ca, TIMEOUT);
	assert_true(net_until(&net, is_opened, &peer));
	assert_true(peer.opened);
	net_teardown(&net);
}

/* A browser at the listener is told off and nobody hears of it. */
static void
plain_http_at_listener(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	Net net;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char reply[512];
	ssize_t n = -1;

	(void) state;
	net_setup(&net, NULL, NULL);
	address.sin_port = htons((uint16_t) net.port);
	assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	for (int i = 0; i < 1000 && n < 0; i++)
	{
		net_turn(&net, 10);
		n = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
	}
	assert_true(n > 12);
	assert_memory_equal(reply, "HTTP/1.1 404", 12);
	close(fd);
	assert_true(net_until(&net, nothing_open, NULL));
	assert_int_equal(net.accepted_total, 0);
	net_teardown(&net);
}

/* ---- certificates ---- */

static void
certificates(void **state)
{
	Net net;

	(void) state;
	net_setup(&net, certs.good, certs.good_key);
	expect_end(&net, net_url("wss", "localhost", net.port), certs.other_ca, TIMEOUT, "certificate");
	expect_end(&net, net_url("wss", "127.0.0.1", net.port), certs.other_ca, TIMEOUT, "certificate");
	/* The system's own do not know the test's. */
	expect_end(&net, net_url("wss", "localhost", net.port), NULL, TIMEOUT, "certificate");
	expect_end(&net, net_url("wss", "localhost", net.port), "/nonexistent/ca.pem", TIMEOUT,
			   "the CA file cannot be read");
	net_teardown(&net);
	net_setup(&net, certs.wrong_name, certs.wrong_name_key);
	expect_end(&net, net_url("wss", "localhost", net.port), certs.ca, TIMEOUT, "certificate");
	expect_end(&net, net_url("wss", "127.0.0.1", net.port), certs.ca, TIMEOUT, "certificate");
	net_teardown(&net);
	net_setup(&net, certs.expired, certs.expired_key);
	expect_end(&net, net_url("wss", "localhost", net.port), certs.ca, TIMEOUT, "certificate");
	net_teardown(&net);
}

static void
ipv6_literal(void **state)
{
	Net net;
	Peer peer = {0};
	const char *why = NULL;
	NetListen good = {"::1", 0, certs.good, certs.good_key};
	NetListen wrong = {"::1", 0, certs.wrong_name, certs.wrong_name_key};
	int port;

	(void) state;
	net_setup(&net, NULL, NULL);
	port = net_listen(net.loop, &good, &why);
	if (port < 0)
	{
		net_teardown(&net);
		skip(); /* no IPv6 here */
	}
	peer_connect(&net, &peer, net_url("wss", "[::1]", port), certs.ca, TIMEOUT);
	assert_true(net_until(&net, is_opened, &peer));
	if (!peer.opened)
		fail_msg("not opened: %s", peer.why);
	net_abort(peer.conn);
	assert_true(net_until(&net, nothing_open, NULL));
	port = net_listen(net.loop, &wrong, &why);
	assert_true(port > 0);
	expect_end(&net, net_url("wss", "[::1]", port), certs.ca, TIMEOUT, "certificate");
	net_teardown(&net);
}

/* ---- given up from this side ---- */

static void
given_up(bool abort_it, int turns, const char *scheme, int port_of, const char *why)
{
	Net net;
	Peer peer = {0};
	int handles;

	net_setup(&net, port_of == 1 ? certs.good : NULL, port_of == 1 ? certs.good_key : NULL);
	raw_setup(&net);
	net_turn(&net, 0);
	handles = count_handles(net.loop);
	peer_connect(&net, &peer, net_url(scheme, "127.0.0.1", port_of == 2 ? net.raw.port : net.port),
				 certs.ca, TIMEOUT);
	for (int i = 0; i < turns && !peer.opened; i++)
		net_turn(&net, 1);
	if (!peer.opened)
	{
		if (abort_it)
			net_abort(peer.conn);
		else
			net_close(peer.conn);
		assert_true(net_until(&net, nothing_open, NULL));
		assert_true(peer.closed);
		assert_false(peer.opened);
		assert_string_equal(peer.why, why);
		net_turn(&net, 0);
		assert_int_equal(count_handles(net.loop), handles);
	}
	net_teardown(&net);
}

/* At every step of the way there, and destroyed at every step in test_net.c. */
static void
give_up_while_connecting(void **state)
{
	(void) state;
	for (int turns = 0; turns < 12; turns++)
	{
		for (int abort_it = 0; abort_it < 2; abort_it++)
		{
			const char *why = abort_it ? "aborted" : "closed";

			given_up(abort_it, turns, "ws", 0, why);
			given_up(abort_it, turns, "wss", 1, why);
			given_up(abort_it, turns, "ws", 2, why);
			given_up(abort_it, turns, "wss", 2, why);
		}
	}
}

static void
destroy_while_connecting(void **state)
{
	Net net;
	Peer peer;

	(void) state;
	for (int turns = 0; turns < 12; turns++)
	{
		for (int tls = 0; tls < 2; tls++)
		{
			net_setup(&net, tls ? certs.good : NULL, tls ? certs.good_key : NULL);
			memset(&peer, 0, sizeof(peer));
			peer_connect(&net, &peer, net_url(tls ? "wss" : "ws", "localhost", net.port), certs.ca,
						 TIMEOUT);
			for (int i = 0; i < turns; i++)
				net_turn(&net, 1);
			net_teardown(&net);
		}
	}
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
		cmocka_unit_test(urls),
		cmocka_unit_test(bad_url),
		cmocka_unit_test(unknown_name),
		cmocka_unit_test(shared_lookup),
		cmocka_unit_test(refused),
		cmocka_unit_test(out_of_descriptors),
		cmocka_unit_test(proxy_in_environment),
		cmocka_unit_test(silent_server),
		cmocka_unit_test(black_hole),
		cmocka_unit_test(deadline_is_announced),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(endless_header),
		cmocka_unit_test(tls_to_a_plain_server),
		cmocka_unit_test(plain_http_at_listener),
		cmocka_unit_test(certificates),
		cmocka_unit_test(ipv6_literal),
		cmocka_unit_test(give_up_while_connecting),
		cmocka_unit_test(destroy_while_connecting),
	};

	return cmocka_run_group_tests_name("net_dial", tests, make_certs, remove_certs);
}
