/*
 * net_tls.c
 *		TLS of outgoing connections: one SSL_CTX for each CA file, and the
 *		latest session of each server.
 *
 * A resumed handshake costs a third of the processor time, and its connection
 * shares the server's certificate chain with the others: 8 kB less each.
 */
#include "net_internal.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define NET_TLS_SERVERS 8

typedef struct NetTlsServer
{
	char host[NET_HOST_SIZE];
	SSL_SESSION *session;
} NetTlsServer;

struct NetTls
{
	NetTls *next;
	NetLoop *loop;
	char *ca_file;
	SSL_CTX *ctx;
	struct lws_vhost *vhost;
	NetTlsServer servers[NET_TLS_SERVERS];
	int next_victim;
};

static NetTlsServer *
find_server(NetTls *tls, const char *host)
{
	for (int i = 0; i < NET_TLS_SERVERS; i++)
	{
		if (strcmp(tls->servers[i].host, host) == 0)
			return &tls->servers[i];
	}
	return NULL;
}

/* OpenSSL hands over the session; 1 keeps it. */
static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	NetTls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	NetTlsServer *server;

	if (host == NULL || *host == '\0' || strlen(host) >= NET_HOST_SIZE)
		return 0;
	server = find_server(tls, host);
	if (server == NULL)
	{
		server = &tls->servers[tls->next_victim];
		tls->next_victim = (tls->next_victim + 1) % NET_TLS_SERVERS;
		memcpy(server->host, host, strlen(host) + 1);
	}
	SSL_SESSION_free(server->session);
	server->session = session;
	return 1;
}

/* A copy: OpenSSL spoils a TLS 1.3 session for others that still want to use it. */
static void
offer_session(NetTls *tls, SSL *ssl, const char *host)
{
	NetTlsServer *server = find_server(tls, host);
	SSL_SESSION *copy;

	if (server == NULL || !SSL_SESSION_is_resumable(server->session))
		return;
	copy = SSL_SESSION_dup(server->session);
	if (copy == NULL)
		return;
	SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

/*
 * Tells OpenSSL whose certificate it is to accept.  lws does so too, but cuts
 * the name at the first colon and at 127 characters.
 */
static bool
expect_peer(SSL *ssl, const NetUrl *url)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (!url->literal)
		return X509_VERIFY_PARAM_set1_host(param, url->host, 0) == 1 &&
			   SSL_set_tlsext_host_name(ssl, url->host) == 1;
	return X509_VERIFY_PARAM_set1_host(param, NULL, 0) == 1 &&
		   X509_VERIFY_PARAM_set1_ip_asc(param, url->host) == 1 &&
		   SSL_set_tlsext_host_name(ssl, NULL) == 1;
}

/*
 * The one moment between lws' creation of the SSL and the first bytes of the
 * handshake at which we are called.
 */
static void
handshake_info(const SSL *const_ssl, int where, int result)
{
	SSL *ssl = (SSL *) const_ssl;
	NetTls *tls;
	NetConn *conn;

	(void) result;
	if (where != SSL_CB_HANDSHAKE_START || SSL_in_before(ssl) == 0)
		return;
	tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	conn = tls->loop->handshaking;
	tls->loop->handshaking = NULL;
	if (conn == NULL || conn->dial == NULL || SSL_get_fd(ssl) != lws_get_socket_fd(conn->wsi))
		return;
	if (!expect_peer(ssl, &conn->dial->url))
	{
		conn->why = "out of memory";
		conn->dropped = true;
		return;
	}
	if (!conn->dial->url.literal)
		offer_session(tls, ssl, conn->dial->url.host);
}

static SSL_CTX *
create_ctx(NetTls *tls, const char **why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	*why = "out of memory";
	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* RELEASE_BUFFERS: 16 kB for each idle connection.  lws retries from a moved buffer. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	SSL_CTX_set_info_callback(ctx, handshake_info);
	SSL_CTX_set_app_data(ctx, tls);
	if (tls->ca_file == NULL ? SSL_CTX_set_default_verify_paths(ctx) != 1
							 : SSL_CTX_load_verify_locations(ctx, tls->ca_file, NULL) != 1)
	{
		*why = "the CA file cannot be read";
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static void
free_tls(NetTls *tls)
{
	for (int i = 0; i < NET_TLS_SERVERS; i++)
		SSL_SESSION_free(tls->servers[i].session);
	SSL_CTX_free(tls->ctx);
	free(tls->ca_file);
	free(tls);
}

static NetTls *
find_tls(NetLoop *loop, const char *ca_file, const char **why)
{
	NetTls *tls = loop->tls;

	while (tls != NULL &&
		   !(ca_file == NULL ? tls->ca_file == NULL
							 : tls->ca_file != NULL && strcmp(tls->ca_file, ca_file) == 0))
		tls = tls->next;
	if (tls != NULL)
		return tls;

	*why = "out of memory";
	tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		return NULL;
	tls->loop = loop;
	if (!net_copy_text(&tls->ca_file, ca_file) || (tls->ctx = create_ctx(tls, why)) == NULL)
	{
		free_tls(tls);
		return NULL;
	}
	tls->next = loop->tls;
	loop->tls = tls;
	return tls;
}

struct lws_vhost *
net_tls_vhost(NetLoop *loop, const char *ca_file, const char **why)
{
	struct lws_context_creation_info info;
	NetTls *tls = find_tls(loop, ca_file, why);

	if (tls == NULL || tls->vhost != NULL)
		return tls != NULL ? tls->vhost : NULL;
	memset(&info, 0, sizeof(info));
	info.vhost_name = "tls clients";
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.protocols = net_protocols;
	info.provided_client_ssl_ctx = tls->ctx;
	info.retry_and_idle_policy = &net_no_pings;
	info.timeout_secs_ah_idle = NET_LWS_TIMEOUT_S;
	info.connect_timeout_secs = NET_LWS_TIMEOUT_S;
	info.http_proxy_address = "";
	info.alpn = "http/1.1";
	tls->vhost = lws_create_vhost(loop->lws, &info);
	net_kick(loop);
	if (tls->vhost == NULL)
		*why = "out of memory";
	return tls->vhost;
}

SSL *
net_tls_client(NetLoop *loop, const char *ca_file, const NetUrl *url, const char **why)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	NetTls *tls = find_tls(loop, ca_file, why);
	SSL *ssl;

	if (tls == NULL)
		return NULL;
	*why = "out of memory";
	ssl = SSL_new(tls->ctx);
	if (ssl == NULL)
		return NULL;
	if (!expect_peer(ssl, url) || SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1) != 0)
	{
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (!url->literal)
		offer_session(tls, ssl, url->host);
	SSL_set_connect_state(ssl);
	return ssl;
}

void
net_tls_shutdown(NetLoop *loop)
{
	while (loop->tls != NULL)
	{
		NetTls *tls = loop->tls;

		loop->tls = tls->next;
		free_tls(tls);
	}
}
