/*
 * net_conn.c
 *		A connection's life that is the same in both directions: its buffers,
 *		its timer, its end.
 *
 * A connection is counted as open from the moment it may own a descriptor
 * until net_conn_finish, and its memory stays until the host has seen
 * NET_CLOSED.
 */
#include "net_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Its handle outlives the connection by one turn of the loop. */
struct NetTimer
{
	uv_timer_t handle;
	NetConn *conn;
};

NetConn *
net_conn_new(NetLoop *loop, NetState state)
{
	NetConn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->loop = loop;
	conn->state = (uint8_t) state;
	conn->max_receive = NET_DEFAULT_MAX_RECEIVE;
	conn->next = loop->conns;
	if (loop->conns != NULL)
		loop->conns->prev = conn;
	loop->conns = conn;
	loop->open++;
	return conn;
}

static void
drop_output(NetConn *conn)
{
	while (conn->out_first != NULL)
	{
		NetOut *out = conn->out_first;

		conn->out_first = out->next;
		free(out);
	}
	conn->out_last = NULL;
	conn->unsent = 0;
	conn->in_flight = 0;
}

void
net_conn_free(NetConn *conn)
{
	NetLoop *loop = conn->loop;

	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		loop->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	net_conn_stop_timer(conn);
	net_dial_free(conn);
	net_http_free(conn);
	drop_output(conn);
	free(conn->in);
	free(conn);
}

/* ---- timer ---- */

static void
free_timer(uv_handle_t *handle)
{
	free(handle->data);
}

static void
timer_fired(uv_timer_t *handle)
{
	NetConn *conn = ((NetTimer *) handle->data)->conn;

	if (conn->state == NET_STATE_DIALING && !conn->dropped)
		net_dial_timeout(conn);
	else if (conn->state == NET_STATE_OPEN && conn->http != NULL && !conn->dropped)
		net_http_timeout(conn);
	else
		net_conn_kill(conn, "timeout");
}

bool
net_conn_timer(NetConn *conn, uint64_t ms)
{
	NetTimer *timer = conn->timer;

	if (timer == NULL)
	{
		timer = calloc(1, sizeof(*timer));
		if (timer == NULL)
			return false;
		uv_timer_init(&conn->loop->uv, &timer->handle);
		timer->handle.data = timer;
		timer->conn = conn;
		conn->timer = timer;
	}
	/* The loop's clock stands still while the host works. */
	uv_update_time(&conn->loop->uv);
	return uv_timer_start(&timer->handle, timer_fired, ms, 0) == 0;
}

void
net_conn_stop_timer(NetConn *conn)
{
	if (conn->timer == NULL)
		return;
	uv_timer_stop(&conn->timer->handle);
	uv_close((uv_handle_t *) &conn->timer->handle, free_timer);
	conn->timer = NULL;
}

/* ---- end ---- */

void
net_conn_finish(NetConn *conn)
{
	if (conn->state == NET_STATE_CLOSED)
		return;
	conn->state = NET_STATE_CLOSED;
	conn->loop->open--;
	net_not_later(conn);
	net_conn_stop_timer(conn);
	net_dial_free(conn);
	drop_output(conn);
	if (conn->why == NULL)
		conn->why = "connection lost";
	net_conn_event(conn, NET_CLOSED);
}

void
net_conn_free_unseen(NetConn *conn)
{
	conn->loop->open--;
	net_conn_free(conn);
}

/*
 * The shutdown makes every later read and write of lws fail, so that neither
 * output that it still holds nor progress in the same turn of the loop can
 * keep the connection alive.
 */
void
net_conn_kill(NetConn *conn, const char *why)
{
	if (conn->state == NET_STATE_CLOSED)
		return;
	if (conn->why == NULL)
		conn->why = why;
	conn->dropped = true;
	conn->complete = false;
	conn->events &= 1u << NET_CLOSED;
	if (conn->wsi == NULL)
	{
		net_conn_finish(conn);
		return;
	}
	shutdown(lws_get_socket_fd(conn->wsi), SHUT_RDWR);
	lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
	net_kick(conn->loop);
}

void
net_abort(NetConn *conn)
{
	net_conn_kill(conn, "aborted");
}

void
net_close(NetConn *conn)
{
	if (conn->state == NET_STATE_CLOSED || conn->closing)
		return;
	if (conn->state != NET_STATE_OPEN || conn->http != NULL || !net_conn_timer(conn, NET_CLOSE_MS))
	{
		net_conn_kill(conn, "closed");
		return;
	}
	conn->closing = true;
	conn->dropped = true;
	conn->events &= 1u << NET_CLOSED;
	if (conn->why == NULL)
		conn->why = "closed";
	/* The peer's answer to our close frame must get through. */
	if (conn->paused)
	{
		conn->paused = false;
		lws_rx_flow_control(conn->wsi, 1);
	}
	lws_callback_on_writable(conn->wsi);
	net_kick(conn->loop);
}

void
net_set_user(NetConn *conn, void *user)
{
	conn->user = user;
}

/* ---- receiving ---- */

static bool
make_room(NetConn *conn, size_t len)
{
	size_t used = conn->in_end - conn->in_start;
	size_t size = conn->in_size;
	uint8_t *in;

	if (conn->in_end + len <= conn->in_size)
		return true;
	if (used + len <= conn->in_size && conn->in_start >= conn->in_size / 2)
	{
		memmove(conn->in, conn->in + conn->in_start, used);
		conn->in_start = 0;
		conn->in_end = used;
		return true;
	}
	if (len > SIZE_MAX / 4 || conn->in_end > SIZE_MAX / 4)
		return false;
	if (size == 0)
		size = len;
	while (size < conn->in_end + len)
		size *= 2;
	in = realloc(conn->in, size);
	if (in == NULL)
		return false;
	conn->in = in;
	conn->in_size = size;
	return true;
}

bool
net_conn_received(NetConn *conn, const void *data, size_t len)
{
	if (conn->dropped || len == 0)
		return true;
	if (!make_room(conn, len))
		return false;
	memcpy(conn->in + conn->in_end, data, len);
	conn->in_end += len;
	if (!conn->paused && conn->in_end - conn->in_start >= conn->max_receive)
		net_later(conn);
	net_conn_event(conn, NET_DATA);
	return true;
}

/*
 * Never from inside of a callback: on TLS, lws 4.1 would go round for ever with
 * the part of a record that it has already decrypted.  Between two turns of the
 * loop it holds nothing back, and what is yet to come waits in the kernel.
 */
void
net_conn_pause(NetConn *conn)
{
	if (conn->paused || conn->dropped || conn->in_end - conn->in_start < conn->max_receive)
		return;
	conn->paused = true;
	lws_rx_flow_control(conn->wsi, 0);
	net_kick(conn->loop);
}

void
net_data(NetConn *conn, const uint8_t **data, size_t *len)
{
	*data = conn->in + conn->in_start;
	*len = conn->in_end - conn->in_start;
	if (*len == 0)
		*data = (const uint8_t *) "";
}

void
net_consumed(NetConn *conn, size_t len)
{
	size_t used = conn->in_end - conn->in_start;

	conn->in_start += len < used ? len : used;
	if (conn->in_start == conn->in_end)
	{
		/* An idle connection owns no buffer. */
		free(conn->in);
		conn->in = NULL;
		conn->in_start = conn->in_end = conn->in_size = 0;
	}
	if (conn->paused && conn->state == NET_STATE_OPEN &&
		conn->in_end - conn->in_start < conn->max_receive)
	{
		conn->paused = false;
		if (conn->http != NULL)
			net_http_resumed(conn);
		lws_rx_flow_control(conn->wsi, 1);
		net_kick(conn->loop);
	}
}

/* ---- sending ---- */

bool
net_write(NetConn *conn, const uint8_t *data, size_t len)
{
	NetOut *out;

	/* What is sent into a closed or closing connection is lost, as on the wire. */
	if (conn->state == NET_STATE_CLOSED || conn->dropped)
		return true;
	if (len > INT32_MAX)
		return false;
	out = malloc(sizeof(*out) + LWS_PRE + len);
	if (out == NULL)
		return false;
	out->next = NULL;
	out->len = len;
	memcpy(out->room + LWS_PRE, data, len);
	if (conn->out_last != NULL)
		conn->out_last->next = out;
	else
		conn->out_first = out;
	conn->out_last = out;
	conn->unsent += len;
	if (conn->state == NET_STATE_OPEN)
	{
		lws_callback_on_writable(conn->wsi);
		net_kick(conn->loop);
	}
	return true;
}

size_t
net_unsent(const NetConn *conn)
{
	return conn->unsent;
}
