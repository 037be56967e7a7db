/*
 * net_dial.c
 *		Outgoing connections: name, addresses in turn, TCP, TLS, upgrade.
 *
 * lws is given one numeric address at a time: it would resolve names in this
 * thread, and it cannot go on to a second address on a libuv loop.  One
 * deadline covers everything; an address that does not answer gets its share
 * of what is left of it.
 */
#include "net_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
net_dial_free(NetConn *conn)
{
	NetDial *dial = conn->dial;

	if (dial == NULL)
		return;
	if (dial->lookup != NULL)
		net_dns_forget(conn);
	free(dial->origin);
	free(dial->ca_file);
	free(dial);
	conn->dial = NULL;
}

static uint64_t
time_left(NetConn *conn)
{
	uint64_t now;

	uv_update_time(&conn->loop->uv);
	now = uv_now(&conn->loop->uv);
	return conn->dial->deadline > now ? conn->dial->deadline - now : 0;
}

/* Asks lws to connect to the next address. */
static void
attempt(NetConn *conn)
{
	NetDial *dial = conn->dial;
	int remaining = dial->addresses.count - dial->next;
	/* net_http.c does TLS by itself: lws 4.1 starts it on a raw socket before that is connected. */
	bool secure = dial->url.secure && conn->http == NULL;
	struct lws_client_connect_info info;
	const char *why = NULL;
	struct lws *wsi;

	memset(&info, 0, sizeof(info));
	info.context = conn->loop->lws;
	info.vhost = secure ? net_tls_vhost(conn->loop, dial->ca_file, &why) : conn->loop->plain;
	if (info.vhost == NULL)
	{
		net_conn_kill(conn, why);
		return;
	}
	if (!net_conn_timer(conn, time_left(conn) / (uint64_t) remaining))
	{
		net_conn_kill(conn, "out of memory");
		return;
	}
	info.address = dial->addresses.text[dial->next++];
	info.port = dial->url.port;
	info.path = dial->url.path;
	info.host = dial->url.authority;
	info.origin = dial->origin;
	info.alpn = "http/1.1";
	info.local_protocol_name = net_protocols[0].name;
	info.ietf_version_or_minus_one = -1;
	info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (secure ? LCCSCF_USE_SSL : 0);
	info.retry_and_idle_policy = &net_no_pings;
	info.opaque_user_data = conn;
	if (conn->http != NULL)
		info.method = "RAW"; /* net_http.c speaks for itself */

	dial->attempting = true;
	wsi = lws_client_connect_via_info(&info);
	net_kick(conn->loop);
	if (conn->dial == NULL || !dial->attempting)
		return;
	/* lws does not call back when it fails before there is a socket. */
	if (wsi == NULL)
		net_dial_failed(conn);
	else
		conn->wsi = wsi;
}

void
net_dial_failed(NetConn *conn)
{
	NetDial *dial = conn->dial;

	dial->attempting = false;
	if (conn->why == NULL && !conn->dropped && !dial->connected)
	{
		if (time_left(conn) == 0)
			conn->why = "timeout";
		else
		{
			/* Not from inside of lws: net_loop_run goes on. */
			net_later(conn);
			return;
		}
	}
	net_conn_finish(conn);
}

/* lws does not tell why; so much can be found out. */
static const char *
connect_failure(const NetLoop *loop)
{
	int spare = dup(uv_backend_fd(&loop->uv));

	if (spare < 0)
		return "out of descriptors";
	close(spare);
	return "refused or unreachable";
}

void
net_dial_next(NetConn *conn)
{
	if (conn->dial->next < conn->dial->addresses.count)
		attempt(conn);
	else
		net_conn_kill(conn, connect_failure(conn->loop));
}

void
net_dial_resolved(NetConn *conn, const NetAddresses *addresses)
{
	if (addresses->count == 0)
	{
		net_conn_kill(conn, "name not found");
		return;
	}
	conn->dial->addresses = *addresses;
	net_later(conn);
}

void
net_dial_timeout(NetConn *conn)
{
	NetDial *dial = conn->dial;
	uint64_t left = time_left(conn);

	if (left == 0 || dial->lookup != NULL)
		net_conn_kill(conn, "timeout");
	else if (dial->connected)
	{
		if (!net_conn_timer(conn, left))
			net_conn_kill(conn, "timeout");
	}
	else if (conn->wsi != NULL)
	{
		/* WSI_DESTROY brings the next address. */
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
		net_kick(conn->loop);
	}
}

NetConn *
net_dial_new(NetLoop *loop, const char *origin, const char *ca_file, int timeout_ms,
			 const char **why)
{
	uint64_t ms = timeout_ms > 0 ? (uint64_t) timeout_ms : 0;
	NetConn *conn;
	NetDial *dial;

	if (loop->max_fds > 0 && loop->open >= loop->max_fds)
	{
		*why = "too many connections";
		return NULL;
	}
	*why = "out of memory";
	conn = net_conn_new(loop, NET_STATE_DIALING);
	if (conn == NULL)
		return NULL;
	dial = conn->dial = calloc(1, sizeof(*dial));
	if (dial == NULL || !net_copy_text(&dial->origin, origin) ||
		!net_copy_text(&dial->ca_file, ca_file) || !net_conn_timer(conn, ms))
	{
		net_conn_free_unseen(conn);
		return NULL;
	}
	dial->deadline = uv_now(&loop->uv) + ms;
	*why = NULL;
	return conn;
}

void
net_dial_start(NetConn *conn, const char *url, NetScheme scheme)
{
	NetDial *dial = conn->dial;
	const char *bad_url = NULL;

	if (!net_parse_url(url, scheme, &dial->url, &bad_url))
		net_conn_kill(conn, bad_url);
	else if (dial->url.literal)
	{
		dial->addresses.count = 1;
		memcpy(dial->addresses.text[0], dial->url.host, strlen(dial->url.host) + 1);
		attempt(conn);
	}
	else if (!net_dns_lookup(conn))
		net_conn_kill(conn, "out of memory");
}

NetConn *
net_connect(NetLoop *loop, const NetTarget *target, void *user, const char **why)
{
	NetConn *conn =
		net_dial_new(loop, target->origin, target->tls_ca_file, target->timeout_ms, why);

	if (conn == NULL)
		return NULL;
	conn->user = user;
	if (target->max_receive > 0)
		conn->max_receive = target->max_receive;
	net_dial_start(conn, target->url, NET_SCHEME_WS);
	return conn;
}
