/*
 * net_listen.c
 *		Listening sockets.  Accepted connections are as any other.
 */
#include "net_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* lws keeps pointers to these texts. */
struct NetListener
{
	NetListener *next;
	char *address;
	char *cert_file;
	char *key_file;
};

static void
free_listener(NetListener *listener)
{
	free(listener->address);
	free(listener->cert_file);
	free(listener->key_file);
	free(listener);
}

/* lws says no more than "failed" about a certificate that it cannot use. */
static bool
usable_certificate(const char *cert_file, const char *key_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok = ctx != NULL && SSL_CTX_use_certificate_chain_file(ctx, cert_file) == 1 &&
			  SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1 &&
			  SSL_CTX_check_private_key(ctx) == 1;

	SSL_CTX_free(ctx);
	return ok;
}

static struct lws_vhost *
create_vhost(NetLoop *loop, const NetListener *listener, int port)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.vhost_name = "listener";
	info.iface = listener->address;
	info.port = port;
	info.options =
		LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	if (strchr(listener->address, ':') == NULL)
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	if (listener->cert_file != NULL)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.ssl_cert_filepath = listener->cert_file;
	info.ssl_private_key_filepath = listener->key_file;
	info.protocols = net_protocols;
	info.retry_and_idle_policy = &net_no_pings;
	info.timeout_secs_ah_idle = NET_LWS_TIMEOUT_S;
	info.http_proxy_address = "";
	info.alpn = "http/1.1";
	return lws_create_vhost(loop->lws, &info);
}

int
net_listen(NetLoop *loop, const NetListen *listen, const char **why)
{
	NetListener *listener;
	struct lws_vhost *vhost;
	struct in6_addr address;
	int port;

	if (inet_pton(AF_INET, listen->address, &address) != 1 &&
		inet_pton(AF_INET6, listen->address, &address) != 1)
	{
		*why = "the address to listen on is not a numeric address";
		return -1;
	}
	if ((listen->tls_cert_file == NULL) != (listen->tls_key_file == NULL))
	{
		*why = "a certificate needs a key and a key a certificate";
		return -1;
	}
	if (listen->tls_cert_file != NULL &&
		!usable_certificate(listen->tls_cert_file, listen->tls_key_file))
	{
		*why = "the certificate or the key cannot be used";
		return -1;
	}
	*why = "out of memory";
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return -1;
	if (!net_copy_text(&listener->address, listen->address) ||
		!net_copy_text(&listener->cert_file, listen->tls_cert_file) ||
		!net_copy_text(&listener->key_file, listen->tls_key_file))
	{
		free_listener(listener);
		return -1;
	}
	vhost = create_vhost(loop, listener, listen->port);
	net_kick(loop);
	/* A failed vhost may still be on a list of lws' that ends with the context. */
	listener->next = loop->listeners;
	loop->listeners = listener;
	port = vhost == NULL ? -1 : lws_get_vhost_listen_port(vhost);
	if (port <= 0)
	{
		*why = "the address and port cannot be listened on";
		return -1;
	}
	*why = NULL;
	return port;
}

void
net_listen_shutdown(NetLoop *loop)
{
	while (loop->listeners != NULL)
	{
		NetListener *listener = loop->listeners;

		loop->listeners = listener->next;
		free_listener(listener);
	}
}
