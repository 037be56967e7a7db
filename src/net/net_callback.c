/*
 * net_callback.c
 *		What libwebsockets calls.
 *
 * Nothing here decides anything or calls the host: bytes are moved, reasons
 * are noted, and LWS_CALLBACK_WSI_DESTROY is the one end of every connection.
 */
#include "net_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* lws keeps a buffer of this size for every connection, so it is small. */
#define NET_RX_BUFFER 512
/* lws adds LWS_PRE + 4 to this and hands over so much at once: one TLS record. */
#define NET_TX_PIECE (16384 - LWS_PRE - 4)

int
net_callback_opened(NetConn *conn)
{
	if (conn->dropped)
		return -1;
	conn->state = NET_STATE_OPEN;
	net_conn_stop_timer(conn);
	net_dial_free(conn);
	net_conn_event(conn, NET_OPENED);
	/* The host may have written already. */
	if (conn->out_first != NULL)
		lws_callback_on_writable(conn->wsi);
	return 0;
}

static int
received(NetConn *conn, const void *data, size_t len)
{
	if (conn->dropped)
		return conn->closing ? 0 : -1;
	if (!lws_frame_is_binary(conn->wsi))
	{
		conn->why = "text message";
		conn->dropped = true;
		return -1;
	}
	if (!net_conn_received(conn, data, len))
	{
		conn->why = "out of memory";
		conn->dropped = true;
		return -1;
	}
	return 0;
}

/* lws calls this only when nothing of the last message is left with it. */
static int
writable(NetConn *conn)
{
	NetOut *out = conn->out_first;
	bool had_output = conn->in_flight > 0;
	int written;

	if (conn->dropped && !conn->closing)
		return -1;
	conn->unsent -= conn->in_flight;
	conn->in_flight = 0;
	if (out == NULL)
	{
		if (conn->closing)
		{
			lws_close_reason(conn->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
			return -1;
		}
		if (had_output && conn->http == NULL)
			net_conn_event(conn, NET_WRITABLE);
		return 0;
	}

	conn->out_first = out->next;
	if (conn->out_first == NULL)
		conn->out_last = NULL;
	conn->in_flight = out->len;
	/* What the socket does not take, lws copies and sends later. */
	written = lws_write(conn->wsi, out->room + LWS_PRE, out->len,
						conn->http != NULL ? LWS_WRITE_RAW : LWS_WRITE_BINARY);
	free(out);
	if (written < 0)
		return -1;
	lws_callback_on_writable(conn->wsi);
	return 0;
}

static const char *
http_status_text(unsigned status)
{
	switch (status)
	{
		case 301:
		case 302:
		case 303:
		case 307:
		case 308:
			return "http redirect";
		case 400:
			return "http 400";
		case 401:
			return "http 401";
		case 403:
			return "http 403";
		case 404:
			return "http 404";
		case 408:
			return "http 408";
		case 426:
			return "http 426";
		case 429:
			return "http 429";
		case 500:
			return "http 500";
		case 501:
			return "http 501";
		case 502:
			return "http 502";
		case 503:
			return "http 503";
		case 504:
			return "http 504";
		default:
			return "upgrade refused";
	}
}

/* A reason in the words of the step that the connection had reached. */
static void
note_failure(NetConn *conn)
{
	if (conn->why != NULL || conn->dial == NULL || !conn->dial->connected)
		return;
	if (conn->dial->asked && conn->http != NULL)
		conn->why = "connection lost";
	else if (conn->dial->asked)
		conn->why = http_status_text(lws_http_client_http_response(conn->wsi));
	else if (conn->dial->url.secure)
		conn->why = "tls";
}

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void
close_orphan(uv_handle_t *handle, void *wsi)
{
	if (handle->type == UV_POLL && handle->data == wsi && !uv_is_closing(handle))
		uv_close(handle, free_handle);
}

static void
destroyed(NetConn *conn, struct lws *wsi)
{
	NetLoop *loop = conn->loop;

	lws_set_opaque_user_data(wsi, NULL);
	note_failure(conn);
	conn->wsi = NULL;
	if (loop->handshaking == conn)
		loop->handshaking = NULL;
	/*
	 * lws 4.1 closes the socket of a connect that failed without closing the
	 * handle that watched it, which would stay in the loop for good.
	 */
	if (conn->dial != NULL && !conn->dial->connected)
		uv_walk(&loop->uv, close_orphan, wsi);
	if (loop->destroying)
		return;
	if (conn->state == NET_STATE_DIALING)
		net_dial_failed(conn);
	else if (conn->state == NET_STATE_ACCEPTING)
		net_conn_free_unseen(conn);
	else
	{
		if (conn->why == NULL)
			conn->why = conn->peer_closed ? "closed by peer" : "connection lost";
		net_conn_finish(conn);
	}
}

static int
accepted(struct lws *wsi)
{
	NetLoop *loop = lws_context_user(lws_get_context(wsi));
	NetConn *conn = net_conn_new(loop, NET_STATE_ACCEPTING);

	if (conn == NULL)
		return -1;
	conn->wsi = wsi;
	lws_set_opaque_user_data(wsi, conn);
	return net_conn_timer(conn, NET_ACCEPT_MS) ? 0 : -1;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	NetConn *conn;

	/* Some reasons come with a stand-in for a connection: look only where it is real. */
	switch (reason)
	{
		case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
		{
			NetLoop *loop = lws_context_user(lws_get_context(wsi));

			return loop->max_fds > 0 && loop->open >= loop->max_fds;
		}

		case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
			/* lws says so of its clients as well. */
			return lws_get_opaque_user_data(wsi) != NULL ? 0 : accepted(wsi);

		case LWS_CALLBACK_WSI_CREATE:
			/* Of a client: TCP is up, and the TLS handshake is the next thing. */
			conn = lws_get_opaque_user_data(wsi);
			if (conn != NULL && conn->dial != NULL)
			{
				conn->wsi = wsi;
				conn->dial->connected = true;
				conn->loop->handshaking = conn->http == NULL ? conn : NULL;
				if (conn->dropped)
					shutdown(lws_get_socket_fd(wsi), SHUT_RDWR);
			}
			return 0;

		case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
			conn = lws_get_opaque_user_data(wsi);
			if (len == 0 && conn != NULL && conn->why == NULL)
				conn->why = "certificate";
			return 0;

		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
			conn = lws_get_opaque_user_data(wsi);
			if (conn == NULL || conn->dropped || conn->dial == NULL)
				return -1;
			conn->dial->asked = true;
			return 0;

		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
			/* The response is at hand only now. */
			conn = lws_get_opaque_user_data(wsi);
			if (conn != NULL && conn->wsi != NULL)
				note_failure(conn);
			return 0;

		case LWS_CALLBACK_CLIENT_ESTABLISHED:
		case LWS_CALLBACK_ESTABLISHED:
			conn = lws_get_opaque_user_data(wsi);
			return conn == NULL ? -1 : net_callback_opened(conn);

		case LWS_CALLBACK_RAW_CONNECTED:
			conn = lws_get_opaque_user_data(wsi);
			return conn == NULL ? -1 : net_http_connected(conn);

		case LWS_CALLBACK_RAW_RX:
			conn = lws_get_opaque_user_data(wsi);
			return conn == NULL ? -1 : net_http_received(conn, in, len);

		case LWS_CALLBACK_RAW_CLOSE:
			conn = lws_get_opaque_user_data(wsi);
			if (conn != NULL)
				net_http_ended(conn);
			return 0;

		case LWS_CALLBACK_CLIENT_RECEIVE:
		case LWS_CALLBACK_RECEIVE:
			conn = lws_get_opaque_user_data(wsi);
			return conn == NULL ? -1 : received(conn, in, len);

		case LWS_CALLBACK_CLIENT_WRITEABLE:
		case LWS_CALLBACK_SERVER_WRITEABLE:
		case LWS_CALLBACK_RAW_WRITEABLE:
			conn = lws_get_opaque_user_data(wsi);
			return conn == NULL ? -1 : writable(conn);

		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
			conn = lws_get_opaque_user_data(wsi);
			if (conn != NULL)
				conn->peer_closed = true;
			return 0;

		case LWS_CALLBACK_WSI_DESTROY:
			conn = lws_get_opaque_user_data(wsi);
			if (conn != NULL)
				destroyed(conn, wsi);
			return 0;

		case LWS_CALLBACK_CLIENT_CLOSED:
		case LWS_CALLBACK_CLOSED:
		case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		case LWS_CALLBACK_GET_THREAD_ID:
			return 0;

		default:
			return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

const struct lws_protocols net_protocols[] = {
	{"net", callback, 0, NET_RX_BUFFER, 0, NULL, NET_TX_PIECE},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

/* The application has its own keep-alive: no WebSocket pings, no hang-up by lws. */
const lws_retry_bo_t net_no_pings = {0};
