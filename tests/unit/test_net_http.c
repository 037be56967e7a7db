/*
 * test_net_http.c
 *		HTTP GET against a server that says what a script tells it to, in pieces
 *		of any size, with TLS and without, and may stop or hang up anywhere.
 */
#include "net_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/net/net_internal.h"

#define TIMEOUT 30000
#define WAIT_MS 240000

static TestCerts certs;

/* ---- the server ---- */

typedef struct Script
{
	const char *reply;
	size_t len;
	size_t piece; /* bytes a turn; 0: as many as go */
	bool hang_up; /* after the reply, else it stays silent */
	bool cut;     /* hangs up without a word of TLS */
	bool tls;     /* with the certificates below */
	bool is_mute; /* takes the connection and says nothing */
	const char *cert;
	const char *key;
} Script;

typedef struct Server
{
	Net net;
	Script script;
	SSL_CTX *ctx;
	SSL *ssl;
	size_t sent;
	bool hung_up;
} Server;

static void
server_start(Server *server, const Script *script)
{
	memset(server, 0, sizeof(*server));
	server->script = *script;
	net_setup(&server->net, NULL, NULL);
	raw_setup(&server->net);
	server->net.raw.accept = false; /* served here */
	if (script->tls)
	{
		server->ctx = SSL_CTX_new(TLS_server_method());
		assert_int_equal(SSL_CTX_use_certificate_chain_file(server->ctx, script->cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(server->ctx, script->key, SSL_FILETYPE_PEM),
						 1);
	}
}

static void
server_stop(Server *server)
{
	SSL_free(server->ssl);
	SSL_CTX_free(server->ctx);
	net_teardown(&server->net);
}

static void
server_accept(Server *server)
{
	RawServer *raw = &server->net.raw;

	raw->conn = accept(raw->listener, NULL, NULL);
	if (raw->conn < 0)
		return;
	fcntl(raw->conn, F_SETFL, O_NONBLOCK);
	raw->request_len = 0;
	server->sent = 0;
	if (server->ctx != NULL)
	{
		SSL_free(server->ssl);
		server->ssl = SSL_new(server->ctx);
		SSL_set_mode(server->ssl,
					 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_set_fd(server->ssl, raw->conn);
		SSL_set_accept_state(server->ssl);
	}
}

static ssize_t
server_read(Server *server, void *data, size_t len)
{
	if (server->ssl == NULL)
		return recv(server->net.raw.conn, data, len, 0);
	ERR_clear_error();
	return SSL_read(server->ssl, data, (int) len);
}

static ssize_t
server_write(Server *server, const void *data, size_t len)
{
	if (server->ssl == NULL)
		return send(server->net.raw.conn, data, len, MSG_NOSIGNAL);
	ERR_clear_error();
	return SSL_write(server->ssl, data, (int) (len < 65536 ? len : 65536));
}

static void
server_turn(Server *server)
{
	RawServer *raw = &server->net.raw;
	const Script *script = &server->script;
	size_t left;
	ssize_t n;

	if (server->hung_up || script->is_mute)
		return;
	if (raw->conn < 0)
		server_accept(server);
	if (raw->conn < 0)
		return;
	if (raw->request_len < sizeof(raw->request) - 1)
	{
		n = server_read(server, raw->request + raw->request_len,
						sizeof(raw->request) - 1 - raw->request_len);
		if (n > 0)
			raw->request_len += (size_t) n;
		raw->request[raw->request_len] = '\0';
	}
	if (strstr(raw->request, "\r\n\r\n") == NULL)
		return;
	left = script->len - server->sent;
	if (script->piece > 0 && left > script->piece)
		left = script->piece;
	if (left > 0)
	{
		n = server_write(server, script->reply + server->sent, left);
		if (n > 0)
			server->sent += (size_t) n;
	}
	if (server->sent == script->len && script->hang_up)
	{
		if (server->ssl != NULL && !script->cut)
			SSL_shutdown(server->ssl);
		close(raw->conn);
		raw->conn = -1;
		server->hung_up = true;
	}
}

static bool
pump(Server *server, PeerCondition condition, void *arg)
{
	long stop = now_ms() + WAIT_MS;

	net_drain(&server->net);
	while (!condition(&server->net, arg))
	{
		if (now_ms() >= stop)
			return false;
		server_turn(server);
		/* The server's sockets are polled, not waited for: at most a moment. */
		net_turn(&server->net, 1);
	}
	return true;
}

/* ---- the client ---- */

typedef struct Answer
{
	Peer peer;
	int status;
	int64_t length;
} Answer;

static void
get(Server *server, Answer *answer, const char *host, const NetHttpGet *options)
{
	NetHttpGet get = options != NULL ? *options : (NetHttpGet){0};
	const char *why = NULL;
	char url[128];

	snprintf(url, sizeof(url), "%s://%s:%d/v/t62?x=1&y=%%2B", server->script.tls ? "https" : "http",
			 host, server->net.raw.port);
	memset(answer, 0, sizeof(*answer));
	if (get.url == NULL)
		get.url = url;
	if (get.max_bytes == 0)
		get.max_bytes = 64 << 20;
	if (get.timeout_ms == 0)
		get.timeout_ms = TIMEOUT;
	get.tls_ca_file = certs.ca;
	answer->peer.conn = net_http_get(server->net.loop, &get, &answer->peer, &why);
	assert_non_null(answer->peer.conn);
}

static bool
is_over(Net *net, void *arg)
{
	Answer *answer = arg;

	(void) net;
	if (answer->peer.opened && answer->peer.conn != NULL)
	{
		answer->status = net_http_status(answer->peer.conn);
		answer->length = net_http_length(answer->peer.conn);
	}
	return answer->peer.closed;
}

static bool
nothing_open(Net *net, void *arg)
{
	(void) arg;
	return net_open_count(net->loop) == 0;
}

/* Asks, and expects that body, or that reason. */
static void
expect(const Script *script, const char *host, const NetHttpGet *options, const char *body,
	   size_t len, const char *why)
{
	Server server;
	Answer answer;
	int handles;

	server_start(&server, script);
	handles = count_handles(server.net.loop);
	get(&server, &answer, host, options);
	assert_true(pump(&server, is_over, &answer));
	if (why == NULL && answer.peer.why != NULL)
		fail_msg("failed: %s", answer.peer.why);
	if (why != NULL)
		assert_string_equal(answer.peer.why == NULL ? "complete" : answer.peer.why, why);
	if (body != NULL)
	{
		assert_true(answer.peer.opened);
		assert_int_equal(answer.peer.got_len, len);
		if (len > 0)
			assert_memory_equal(answer.peer.got, body, len);
	}
	assert_int_equal(answer.peer.closed_events, 1);
	assert_true(pump(&server, nothing_open, NULL));
	/* A vhost of TLS clients keeps none either. */
	for (int i = 0; i < 20 && count_handles(server.net.loop) > handles; i++)
		net_turn(&server.net, 10);
	assert_int_equal(count_handles(server.net.loop), handles);
	peer_free(&answer.peer);
	server_stop(&server);
}

static void
expect_text(const char *reply, bool hang_up, const char *body, const char *why)
{
	static const size_t pieces[] = {0, 1, 7};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
	{
		Script script = {
			.reply = reply, .len = strlen(reply), .piece = pieces[i], .hang_up = hang_up};

		expect(&script, "127.0.0.1", NULL, body, body != NULL ? strlen(body) : 0, why);
	}
}

/* ---- answers ---- */

static void
bodies(void **state)
{
	(void) state;
	expect_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "hello", NULL);
	expect_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", false, "hello", NULL);
	expect_text("HTTP/1.0 200\r\n\r\nuntil the end", true, "until the end", NULL);
	expect_text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "", NULL);
	expect_text("HTTP/1.1 204 No Content\r\n\r\n", false, "", NULL);
	expect_text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:2 \r\n\r\nok",
				false, "ok", NULL);
	expect_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				"5\r\nhello\r\n00B;name=value\r\n dear world\r\n0\r\nTrailer: x\r\n\r\n",
				false, "hello dear world", NULL);
	expect_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", false, "", NULL);
	expect_text("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", false, "gone", NULL);
	expect_text("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 1\r\n\r\nx",
				false, "x", NULL);
}

static void
bad_answers(void **state)
{
	static const char *const malformed[] = {
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 200 OK\n\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: x\r\n folded: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		expect_text(malformed[i], false, NULL, "malformed answer");
	expect_text("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", true, "hello",
				"connection lost");
	expect_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true,
				"hello", "connection lost");
	expect_text("HTTP/1.1 200 OK\r\nContent-", true, NULL, "connection lost");
	expect_text("", true, NULL, "connection lost");
}

/* Heads that never end do not get far. */
static void
long_heads(void **state)
{
	static const char line[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
	size_t size = 300000;
	char *reply = malloc(size);
	size_t len = (size_t) snprintf(reply, size, "HTTP/1.1 200 OK\r\n");
	Script script = {.reply = reply};

	(void) state;
	while (len + sizeof(line) < size)
	{
		memcpy(reply + len, line, sizeof(line) - 1);
		len += sizeof(line) - 1;
	}
	script.len = len;
	expect(&script, "127.0.0.1", NULL, NULL, 0, "malformed answer");
	memset(reply + 20, 'y', len - 20);
	expect(&script, "127.0.0.1", NULL, NULL, 0, "malformed answer");
	free(reply);
}

static void
limits(void **state)
{
	NetHttpGet options = {.max_bytes = 4};
	Script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"};

	(void) state;
	script.len = strlen(script.reply);
	expect(&script, "127.0.0.1", &options, NULL, 0, "too large");
	script.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n1\r\no\r\n";
	script.len = strlen(script.reply);
	expect(&script, "127.0.0.1", &options, "hell", 4, "too large");
	/* Whatever a chunk claims, only what comes counts. */
	script.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nhell";
	script.len = strlen(script.reply);
	script.hang_up = true;
	expect(&script, "127.0.0.1", &options, "hell", 4, "connection lost");
}

static void
request(void **state)
{
	NetHttpGet options = {.origin = "https://web.whatsapp.com"};
	Script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	Server server;
	Answer answer;
	char host[64];

	(void) state;
	script.len = strlen(script.reply);
	server_start(&server, &script);
	get(&server, &answer, "localhost", &options);
	assert_true(pump(&server, is_over, &answer));
	assert_null(answer.peer.why);
	snprintf(host, sizeof(host), "\r\nHost: localhost:%d\r\n", server.net.raw.port);
	assert_memory_equal(server.net.raw.request, "GET /v/t62?x=1&y=%2B HTTP/1.1\r\n", 31);
	assert_non_null(strstr(server.net.raw.request, host));
	assert_non_null(strstr(server.net.raw.request, "\r\nOrigin: https://web.whatsapp.com\r\n"));
	assert_non_null(strstr(server.net.raw.request, "\r\nConnection: close\r\n"));
	assert_null(strstr(server.net.raw.request, "Upgrade"));
	server_stop(&server);
}

/* ---- large bodies, back-pressure ---- */

/* An answer with a body of that many bytes, which *plain has too. */
static char *
large_reply(size_t body, bool chunked, size_t *len, char **plain)
{
	size_t size = body + body / 1000 * 8 + 256;
	char *reply = malloc(size);
	size_t used;
	uint32_t x = 2463534242u;

	*plain = malloc(body);
	for (size_t i = 0; i < body; i++)
	{
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		(*plain)[i] = (char) x;
	}
	if (!chunked)
	{
		used =
			(size_t) snprintf(reply, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
		memcpy(reply + used, *plain, body);
		*len = used + body;
		return reply;
	}
	used = (size_t) snprintf(reply, size, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0; at < body; at += 1000)
	{
		size_t n = body - at < 1000 ? body - at : 1000;

		used += (size_t) snprintf(reply + used, size - used, "%zx\r\n", n);
		memcpy(reply + used, *plain + at, n);
		memcpy(reply + used + n, "\r\n", 2);
		used += n + 2;
	}
	used += (size_t) snprintf(reply + used, size - used, "0\r\n\r\n");
	*len = used;
	return reply;
}

static void
large(void **state)
{
	enum
	{
		SIZE = 5000000
	};
	char *body;
	Script script = {.hang_up = true};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		char *reply = large_reply(SIZE, (i & 1) != 0, &script.len, &body);

		script.reply = reply;
		script.tls = i >= 2;
		script.cert = certs.good;
		script.key = certs.good_key;
		expect(&script, i == 3 ? "localhost" : "127.0.0.1", NULL, body, SIZE, NULL);
		free(reply);
		free(body);
	}
}

static bool
has_paused(Net *net, void *arg)
{
	(void) net;
	return ((Answer *) arg)->peer.conn->paused;
}

static void
back_pressure(bool tls)
{
	enum
	{
		SIZE = 20000000,
		LIMIT = 50000
	};
	NetHttpGet options = {.max_receive = LIMIT, .stall_ms = 50};
	Script script = {.hang_up = true, .tls = tls, .cert = certs.good, .key = certs.good_key};
	Server server;
	Answer answer;
	const uint8_t *data;
	char *body;
	char *reply = large_reply(SIZE, false, &script.len, &body);
	size_t len;
	long start;

	script.reply = reply;
	server_start(&server, &script);
	get(&server, &answer, "127.0.0.1", &options);
	answer.peer.hold = true;
	assert_true(pump(&server, has_paused, &answer));
	/* A host that takes its time is not the server's fault. */
	for (start = now_ms(); now_ms() < start + 200;)
	{
		server_turn(&server);
		net_turn(&server.net, 5);
	}
	assert_false(answer.peer.closed);
	net_data(answer.peer.conn, &data, &len);
	assert_in_range(len, LIMIT, LIMIT + 16384);
	assert_in_range(server.sent, 1, SIZE - 1);

	answer.peer.hold = false;
	answer.peer.got = malloc(len);
	memcpy(answer.peer.got, data, len);
	answer.peer.got_len = answer.peer.got_size = answer.peer.total = len;
	net_consumed(answer.peer.conn, len);
	assert_true(pump(&server, is_over, &answer));
	assert_null(answer.peer.why);
	assert_int_equal(answer.peer.got_len, SIZE);
	assert_memory_equal(answer.peer.got, body, SIZE);
	peer_free(&answer.peer);
	server_stop(&server);
	free(reply);
	free(body);
}

static void
back_pressure_http(void **state)
{
	(void) state;
	back_pressure(false);
}

static void
back_pressure_https(void **state)
{
	(void) state;
	back_pressure(true);
}

/* What a server sent before it hung up is there, however slowly it is taken. */
static void
end_while_paused(void **state)
{
	enum
	{
		SIZE = 100000
	};
	NetHttpGet options = {.max_receive = 1000};
	Script script = {.hang_up = true};
	Server server;
	Answer answer;
	char *body;
	char *reply = large_reply(SIZE, false, &script.len, &body);
	size_t got = 0;

	(void) state;
	script.reply = reply;
	server_start(&server, &script);
	get(&server, &answer, "127.0.0.1", &options);
	answer.peer.hold = true;
	while (!answer.peer.closed)
	{
		const uint8_t *data;
		size_t len;

		server_turn(&server);
		net_loop_run(server.net.loop);
		net_data(answer.peer.conn, &data, &len);
		if (len > 700)
			len = 700;
		assert_true(got + len <= SIZE);
		assert_memory_equal(data, body + got, len);
		net_consumed(answer.peer.conn, len);
		got += len;
		if (got + 5000 > SIZE)
			break;
	}
	assert_false(answer.peer.closed);
	answer.peer.hold = false;
	assert_true(pump(&server, is_over, &answer));
	assert_null(answer.peer.why);
	assert_int_equal(got + answer.peer.got_len, SIZE);
	assert_memory_equal(answer.peer.got, body + got, answer.peer.got_len);
	peer_free(&answer.peer);
	server_stop(&server);
	free(reply);
	free(body);
}

/* ---- time and trust ---- */

static void
slow_servers(void **state)
{
	NetHttpGet options = {.timeout_ms = 300, .stall_ms = 300};
	Script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\nhello"};
	char *drip = malloc(100000);
	int head;

	(void) state;
	script.is_mute = true;
	expect(&script, "127.0.0.1", &options, NULL, 0, "timeout");
	script.is_mute = false;
	script.len = 30;
	expect(&script, "127.0.0.1", &options, NULL, 0, "timeout");
	script.len = strlen(script.reply);
	expect(&script, "127.0.0.1", &options, "hello", 5, "stalled");
	/* A byte now and then is no progress either. */
	head = snprintf(drip, 100000, "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n");
	memset(drip + head, 'x', (size_t) (100000 - head));
	script.reply = drip;
	script.len = 100000;
	script.piece = 1;
	expect(&script, "127.0.0.1", &options, NULL, 0, "stalled");
	/* And the head has one deadline for all of it. */
	script.reply = drip + head;
	script.len = 4000;
	options.timeout_ms = 50;
	expect(&script, "127.0.0.1", &options, NULL, 0, "timeout");
	free(drip);
}

static void
trust(void **state)
{
	Script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .tls = true};

	(void) state;
	script.len = strlen(script.reply);
	script.cert = certs.good;
	script.key = certs.good_key;
	expect(&script, "localhost", NULL, "ok", 2, NULL);
	script.cert = certs.wrong_name;
	script.key = certs.wrong_name_key;
	expect(&script, "localhost", NULL, NULL, 0, "certificate");
	script.cert = certs.expired;
	script.key = certs.expired_key;
	expect(&script, "127.0.0.1", NULL, NULL, 0, "certificate");
}

/* A body without a length is whole only if the server itself ended it. */
static void
cut_by_somebody(void **state)
{
	Script script = {.reply = "HTTP/1.1 200 OK\r\n\r\nhello",
					 .tls = true,
					 .hang_up = true,
					 .cert = certs.good,
					 .key = certs.good_key};

	(void) state;
	script.len = strlen(script.reply);
	expect(&script, "localhost", NULL, "hello", 5, NULL);
	script.cut = true;
	expect(&script, "localhost", NULL, "hello", 5, "connection lost");
}

/* The second request to a host resumes the TLS session of the first. */
static void
resumption(void **state)
{
	Script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
					 .tls = true,
					 .cert = certs.good,
					 .key = certs.good_key};
	Server server;
	Answer answer;

	(void) state;
	script.len = strlen(script.reply);
	server_start(&server, &script);
	for (int i = 0; i < 2; i++)
	{
		get(&server, &answer, "localhost", NULL);
		assert_true(pump(&server, is_over, &answer));
		assert_null(answer.peer.why);
		assert_int_equal(SSL_session_reused(server.ssl), i);
		close(server.net.raw.conn);
		server.net.raw.conn = -1;
		peer_free(&answer.peer);
	}
	server_stop(&server);
}

static void
unusable(void **state)
{
	static const struct
	{
		const char *url;
		const char *why;
	} cases[] = {
		{"wss://127.0.0.1/", "the address must begin with http:// or https://"},
		{"httpx://127.0.0.1/", "the address must begin with http:// or https://"},
		{"http://u@127.0.0.1/", "the address has no valid host name"},
		{"http://127.0.0.1/a b", "the path has a character that an address cannot have"},
		{"http://no-such-host.invalid/", "name not found"},
		{"http://127.0.0.1:1/", "refused or unreachable"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		NetHttpGet options = {.url = cases[i].url};
		Script script = {.is_mute = true};

		expect(&script, "", &options, NULL, 0, cases[i].why);
	}
}

/* Cancelled at any moment there is one end, and nothing is left. */
static void
cancel(void **state)
{
	char *body;
	Script script = {.tls = true, .cert = certs.good, .key = certs.good_key, .piece = 1000};
	char *reply = large_reply(40000, false, &script.len, &body);

	(void) state;
	script.reply = reply;
	for (int turns = 0; turns < 60; turns += 3)
	{
		Server server;
		Answer answer;

		server_start(&server, &script);
		get(&server, &answer, "localhost", NULL);
		for (int i = 0; i < turns && !answer.peer.closed; i++)
		{
			server_turn(&server);
			net_turn(&server.net, 1);
		}
		if (answer.peer.conn != NULL)
		{
			if (turns % 2 == 0)
				net_abort(answer.peer.conn);
			else
				net_close(answer.peer.conn);
			assert_true(pump(&server, is_over, &answer));
			assert_string_equal(answer.peer.why, turns % 2 == 0 ? "aborted" : "closed");
		}
		assert_int_equal(answer.peer.closed_events, 1);
		assert_int_equal(net_open_count(server.net.loop), 0);
		peer_free(&answer.peer);
		server_stop(&server);
	}
	free(reply);
	free(body);
}

static int
setup(void **state)
{
	(void) state;
	certs_create(&certs);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	certs_remove(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(long_heads),
		cmocka_unit_test(limits),
		cmocka_unit_test(request),
		cmocka_unit_test(large),
		cmocka_unit_test(back_pressure_http),
		cmocka_unit_test(back_pressure_https),
		cmocka_unit_test(end_while_paused),
		cmocka_unit_test(slow_servers),
		cmocka_unit_test(trust),
		cmocka_unit_test(cut_by_somebody),
		cmocka_unit_test(resumption),
		cmocka_unit_test(unusable),
		cmocka_unit_test(cancel),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
