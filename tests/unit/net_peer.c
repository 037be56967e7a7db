/*
 * net_peer.c
 *		See net_peer.h.  Only loopback sockets, no threads, no sleeping: every
 *		wait is a poll() on the descriptors that can end it.
 */
#include "net_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define WAIT_MS 240000 /* valgrind on a busy machine is slow */

long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
count_one(uv_handle_t *handle, void *count)
{
	(void) handle;
	++*(int *) count;
}

int
count_handles(NetLoop *loop)
{
	int count = 0;

	uv_walk(net_loop_uv(loop), count_one, &count);
	return count;
}

void
net_setup(Net *net, const char *cert_file, const char *key_file)
{
	const char *why = NULL;
	NetListen listen = {"127.0.0.1", 0, cert_file, key_file};

	memset(net, 0, sizeof(*net));
	net->raw.listener = net->raw.conn = -1;
	net->loop = net_loop_create(0, &why);
	if (net->loop == NULL)
		fail_msg("net_loop_create: %s", why);
	net->port = net_listen(net->loop, &listen, &why);
	if (net->port <= 0)
		fail_msg("net_listen: %s", why);
}

void
net_teardown(Net *net)
{
	net_loop_destroy(net->loop);
	if (net->raw.conn >= 0)
		close(net->raw.conn);
	if (net->raw.listener >= 0)
		close(net->raw.listener);
}

void
raw_setup(Net *net)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	net->raw.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(net->raw.listener >= 0);
	assert_int_equal(bind(net->raw.listener, (struct sockaddr *) &address, len), 0);
	assert_int_equal(listen(net->raw.listener, 8), 0);
	assert_int_equal(getsockname(net->raw.listener, (struct sockaddr *) &address, &len), 0);
	net->raw.port = ntohs(address.sin_port);
	net->raw.accept = true;
}

const char *
net_url(const char *scheme, const char *host, int port)
{
	static char url[256];

	snprintf(url, sizeof(url), "%s://%s:%d/ws/chat", scheme, host, port);
	return url;
}

void
peer_connect(Net *net, Peer *peer, const char *url, const char *ca_file, int timeout_ms)
{
	const char *why = NULL;
	NetTarget target = {url, "https://web.whatsapp.com", ca_file, timeout_ms, 0};

	peer->conn = net_connect(net->loop, &target, peer, &why);
	if (peer->conn == NULL)
		fail_msg("net_connect: %s", why);
}

void
peer_free(Peer *peer)
{
	free(peer->got);
	memset(peer, 0, sizeof(*peer));
}

/* ---- pumping ---- */

static void
peer_event(Peer *peer, const NetEvent *event)
{
	const uint8_t *data;
	size_t len;

	switch (event->kind)
	{
		case NET_OPENED:
			assert_false(peer->opened);
			peer->opened = true;
			break;
		case NET_DATA:
			peer->data_events++;
			if (peer->hold)
				break;
			net_data(event->conn, &data, &len);
			if (!peer->discard)
			{
				if (peer->got_len + len > peer->got_size)
				{
					peer->got_size = 2 * (peer->got_len + len);
					peer->got = realloc(peer->got, peer->got_size);
					assert_non_null(peer->got);
				}
				memcpy(peer->got + peer->got_len, data, len);
				peer->got_len += len;
			}
			peer->total += len;
			net_consumed(event->conn, len);
			break;
		case NET_WRITABLE:
			peer->writable_events++;
			assert_int_equal(net_unsent(event->conn), 0);
			break;
		case NET_CLOSED:
			peer->closed = true;
			peer->closed_events++;
			peer->why = event->why;
			peer->conn = NULL;
			break;
	}
}

static void
server_event(Net *net, const NetEvent *event)
{
	const uint8_t *data;
	size_t len;

	switch (event->kind)
	{
		case NET_OPENED:
			assert_true(net->accepted_count < PEER_MAX_ACCEPTED);
			net->accepted[net->accepted_count++] = event->conn;
			net->accepted_total++;
			break;
		case NET_DATA:
			net_data(event->conn, &data, &len);
			if (net->server == PEER_ECHO)
				assert_true(net_write(event->conn, data, len));
			net_consumed(event->conn, len);
			break;
		case NET_WRITABLE:
			break;
		case NET_CLOSED:
			for (int i = 0; i < net->accepted_count; i++)
			{
				if (net->accepted[i] == event->conn)
				{
					net->accepted[i] = net->accepted[--net->accepted_count];
					return;
				}
			}
			fail_msg("closed without having been opened");
	}
}

void
net_drain(Net *net)
{
	NetEvent event;

	while (net_next_event(net->loop, &event))
	{
		if (event.user != NULL)
			peer_event(event.user, &event);
		else
			server_event(net, &event);
	}
}

static void
raw_send_reply(RawServer *raw)
{
	char buffer[4096];
	size_t len = 0;

	if (raw->upgrade)
	{
		char *key = strstr(raw->request, "Sec-WebSocket-Key: ");
		char text[128];
		unsigned char hash[EVP_MAX_MD_SIZE];
		unsigned char accept[64];

		assert_non_null(key);
		snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
		assert_int_equal(EVP_Digest(text, strlen(text), hash, NULL, EVP_sha1(), NULL), 1);
		EVP_EncodeBlock(accept, hash, 20);
		len = (size_t) snprintf(buffer, sizeof(buffer),
								"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
								"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
								(char *) accept);
	}
	assert_true(len + raw->reply_len <= sizeof(buffer));
	if (raw->reply_len > 0)
		memcpy(buffer + len, raw->reply, raw->reply_len);
	len += raw->reply_len;
	if (len > 0)
		assert_int_equal(send(raw->conn, buffer, len, MSG_NOSIGNAL), len);
	raw->replied = true;
	if (raw->close_after)
	{
		close(raw->conn);
		raw->conn = -1;
		raw->accept = false;
	}
}

static void
raw_turn(RawServer *raw)
{
	ssize_t n;

	if (raw->conn < 0 && raw->accept)
	{
		raw->conn = accept(raw->listener, NULL, NULL);
		if (raw->conn < 0)
			return;
		fcntl(raw->conn, F_SETFL, O_NONBLOCK);
	}
	if (raw->conn < 0 || raw->replied)
		return;
	n = recv(raw->conn, raw->request + raw->request_len,
			 sizeof(raw->request) - 1 - raw->request_len, 0);
	if (n <= 0)
		return;
	raw->request_len += (size_t) n;
	raw->request[raw->request_len] = '\0';
	if ((raw->reply != NULL || raw->upgrade) && strstr(raw->request, "\r\n\r\n") != NULL)
		raw_send_reply(raw);
}

void
net_turn(Net *net, int ms)
{
	int timeout = net_loop_timeout_ms(net->loop);
	struct pollfd fds[3] = {{net_loop_fd(net->loop), POLLIN, 0}};
	nfds_t count = 1;

	if (net->raw.listener >= 0 && net->raw.accept && net->raw.conn < 0)
		fds[count++] = (struct pollfd){net->raw.listener, POLLIN, 0};
	if (net->raw.conn >= 0 && !net->raw.replied)
		fds[count++] = (struct pollfd){net->raw.conn, POLLIN, 0};
	if (timeout < 0 || timeout > ms)
		timeout = ms;
	poll(fds, count, timeout);
	raw_turn(&net->raw);
	net_loop_run(net->loop);
	net_drain(net);
}

bool
net_until(Net *net, PeerCondition condition, void *arg)
{
	long end = now_ms() + WAIT_MS;

	net_drain(net);
	while (!condition(net, arg))
	{
		if (now_ms() >= end)
			return false;
		net_turn(net, 1000);
	}
	return true;
}

bool
is_opened(Net *net, void *peer)
{
	(void) net;
	return ((Peer *) peer)->opened || ((Peer *) peer)->closed;
}

bool
is_closed(Net *net, void *peer)
{
	(void) net;
	return ((Peer *) peer)->closed;
}

/* ---- certificates ---- */

static EVP_PKEY *
make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *
make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
		  const char *alt_names, long valid_for)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -172800);
	X509_gmtime_adj(X509_getm_notAfter(cert), valid_for);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1,
							   0);
	X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(cert, key);
	if (alt_names == NULL)
		add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	else
		add_extension(cert, issuer, NID_subject_alt_name, alt_names);
	assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
	return cert;
}

static void
write_pem(char *path, size_t size, const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *out;

	assert_true((size_t) snprintf(path, size, "%s/%s", dir, name) < size);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(cert != NULL ? PEM_write_X509(out, cert)
								  : PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL),
					 1);
	fclose(out);
}

static void
write_leaf(TestCerts *certs, char *cert_path, char *key_path, const char *name, X509 *ca,
		   EVP_PKEY *ca_key, const char *alt_names, long valid_for)
{
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(name, key, ca, ca_key, alt_names, valid_for);
	char file[64];

	snprintf(file, sizeof(file), "%s.pem", name);
	write_pem(cert_path, sizeof(certs->good), certs->dir, file, cert, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	write_pem(key_path, sizeof(certs->good), certs->dir, file, NULL, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
certs_create(TestCerts *certs)
{
	EVP_PKEY *ca_key = make_key();
	EVP_PKEY *other_key = make_key();
	X509 *ca = make_cert("Test CA", ca_key, NULL, ca_key, NULL, 172800);
	X509 *other = make_cert("Other CA", other_key, NULL, other_key, NULL, 172800);

	memset(certs, 0, sizeof(*certs));
	snprintf(certs->dir, sizeof(certs->dir), "/tmp/wa_test_net_XXXXXX");
	assert_non_null(mkdtemp(certs->dir));
	write_pem(certs->ca, sizeof(certs->ca), certs->dir, "ca.pem", ca, NULL);
	write_pem(certs->other_ca, sizeof(certs->other_ca), certs->dir, "other_ca.pem", other, NULL);
	write_leaf(certs, certs->good, certs->good_key, "good", ca, ca_key,
			   "DNS:localhost,IP:127.0.0.1,IP:::1", 172800);
	write_leaf(certs, certs->wrong_name, certs->wrong_name_key, "wrong_name", ca, ca_key,
			   "DNS:elsewhere.example", 172800);
	write_leaf(certs, certs->expired, certs->expired_key, "expired", ca, ca_key,
			   "DNS:localhost,IP:127.0.0.1", -86400);
	X509_free(ca);
	X509_free(other);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
}

void
certs_remove(TestCerts *certs)
{
	const char *files[] = {certs->ca,         certs->other_ca,      certs->good,
						   certs->good_key,   certs->expired,       certs->expired_key,
						   certs->wrong_name, certs->wrong_name_key};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(certs->dir);
}
