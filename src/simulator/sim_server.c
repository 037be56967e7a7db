/*
 * sim_server.c
 *		The server's side of connections: accept, Noise handshake, frames.
 *
 * A SimConn lives from NET_OPENED to NET_CLOSED; whoever wants it gone calls
 * sim_server_close or sim_server_abort and must not send afterwards (sending
 * on a closing connection does nothing).  Everything sent passes send_frame,
 * so that the order of sealing is the order on the wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim.h"

/* How long a client may look at the last word before the socket closes. */
#define LINGER (150 * 1000)

static uv_timer_t linger_timer;
static WaBuf outgoing; /* reused for each frame */
static uint8_t *plain; /* reused for each frame received */
static size_t plain_size;

bool
sim_server_start(const char *address, int port, const char *tls_cert, const char *tls_key,
				 int *bound, const char **why)
{
	NetListen listen = {address, port, tls_cert, tls_key};

	uv_timer_init(net_loop_uv(sim.loop), &linger_timer);
	buf_init(&outgoing, sim.env, WA_MAX_FRAME + 64);
	buf_init(&sim.certificate, sim.env, 4096);
	if (sim_server_certify(CERT_GOOD, &sim.certificate) != WA_OK)
	{
		*why = "cannot make a certificate";
		return false;
	}
	*bound = net_listen(sim.loop, &listen, why);
	return *bound > 0;
}

WaStatus
sim_server_certify(CertDefect defect, WaBuf *out)
{
	return cert_make(sim.env, &sim.root, sim.server_static.public_key, sim_util_now_us(), defect,
					 out);
}

/* ---- out ---- */

static void
write_bytes(SimConn *conn, const uint8_t *data, size_t len)
{
	if (sim_shape_write(conn, data, len))
		return;
	if (!net_write(conn->net, data, len))
		sim_server_abort(conn);
}

void
sim_server_send_raw(SimConn *conn, const uint8_t *bytes, size_t len)
{
	if (conn->state != SIM_CONN_CLOSING)
		write_bytes(conn, bytes, len);
}

void
sim_server_send_encoded(SimConn *conn, const uint8_t *bytes, size_t len)
{
	if (conn->state != SIM_CONN_LINKING && conn->state != SIM_CONN_ONLINE)
		return;
	buf_consume(&outgoing, buf_len(&outgoing));
	if (noise_seal(&conn->transport, bytes, len, &outgoing) != WA_OK)
	{
		sim_server_abort(conn);
		return;
	}
	if (conn->device != NULL)
		sim_account_log(conn->device, true, bytes, len);
	write_bytes(conn, buf_data(&outgoing), buf_len(&outgoing));
}

static void
trace(const SimConn *conn, const char *direction, const WaNode *node)
{
	WaArena arena;
	WaStr json;

	arena_init(&arena, sim.env, 64 << 20);
	json = node_to_json(&arena, node);
	fprintf(stderr, "%s %s:%d %.*s\n", direction,
			conn->device != NULL ? conn->device->account->number : "?",
			conn->device != NULL ? conn->device->id : 0, (int) (json.len > 1500 ? 1500 : json.len),
			json.len > 0 ? json.data : "");
	arena_free(&arena);
}

void
sim_server_send(SimConn *conn, const WaNode *node)
{
	WaBuf encoded;

	buf_init(&encoded, sim.env, WA_MAX_FRAME);
	if (node_encode(node, &encoded) == WA_OK)
	{
		if (sim.options.trace)
			trace(conn, "->", node);
		sim_server_send_encoded(conn, buf_data(&encoded), buf_len(&encoded));
	}
	else
		fputs("wa_simulator: cannot encode a stanza\n", stderr);
	buf_free(&encoded);
}

size_t
sim_server_unsent(const SimConn *conn)
{
	return net_unsent(conn->net) + sim_shape_unsent(conn);
}

/* ---- the end ---- */

static void
detach(SimConn *conn)
{
	SimDevice *device = conn->device;

	conn->state = SIM_CONN_CLOSING;
	if (conn->swapped != NULL)
	{
		sim_queue_release(conn->swapped);
		conn->swapped = NULL;
	}
	if (device != NULL && device->conn == conn)
	{
		device->conn = NULL;
		sim_queue_disconnected(device);
	}
	sim_phone_gone(conn, "the connection of the device that is being linked closed");
}

void
sim_server_close(SimConn *conn)
{
	if (conn->state == SIM_CONN_CLOSING)
		return;
	detach(conn);
	/* output that is being slowed down is closed by its end */
	if (sim_shape_unsent(conn) == 0)
		net_close(conn->net);
}

static void
on_linger(uv_timer_t *handle)
{
	int64_t now = sim_util_mono_us();
	bool any = false;

	for (SimConn *conn = sim.conns; conn != NULL; conn = conn->next)
	{
		if (conn->close_at == 0)
			continue;
		if (now >= conn->close_at && sim_shape_unsent(conn) == 0)
		{
			conn->close_at = 0;
			net_close(conn->net);
		}
		else
			any = true;
	}
	if (!any)
		uv_timer_stop(handle);
}

void
sim_server_close_soon(SimConn *conn)
{
	if (conn->state == SIM_CONN_CLOSING)
		return;
	detach(conn);
	conn->close_at = sim_util_mono_us() + LINGER;
	if (!uv_is_active((uv_handle_t *) &linger_timer))
		uv_timer_start(&linger_timer, on_linger, 50, 50);
}

void
sim_server_abort(SimConn *conn)
{
	if (conn->state != SIM_CONN_CLOSING)
		detach(conn);
	conn->close_at = 0;
	net_abort(conn->net);
}

static void
destroy(SimConn *conn)
{
	if (conn->state != SIM_CONN_CLOSING)
		detach(conn);
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		sim.conns = conn->next;
	sim.n_conns--;
	sim_shape_free(conn);
	free(conn->noise);
	free(conn->linking);
	free(conn);
}

/* ---- in ---- */

static SimConn *
create(NetConn *net)
{
	SimConn *conn = sim_util_alloc(sizeof(*conn));

	conn->net = net;
	conn->credits = -1;
	conn->noise = sim_util_alloc(sizeof(*conn->noise));
	conn->next = sim.conns;
	if (sim.conns != NULL)
		sim.conns->prev = conn;
	sim.conns = conn;
	sim.n_conns++;
	net_set_user(net, conn);
	return conn;
}

/* First message: the client's ephemeral key; our answer carries the certificate. */
static void
read_hello(SimConn *conn, const uint8_t *data, size_t len)
{
	SimFault *fault;
	WaBuf hello;
	WaBuf framed;
	WaBuf certificate;

	if (noise_init(conn->noise, sim.env, NULL) != WA_OK ||
		noise_read_client_hello(conn->noise, data, len) != WA_OK)
	{
		sim_server_abort(conn);
		return;
	}
	if (sim_fault_close_at(conn, "hello"))
		return;

	buf_init(&hello, sim.env, 8192);
	buf_init(&framed, sim.env, 8192);
	buf_init(&certificate, sim.env, 4096);
	fault = sim_fault_take("cert_defect", NULL);
	if (fault != NULL)
		(void) sim_server_certify(fault->defect, &certificate);
	else
		(void) buf_append(&certificate, buf_data(&sim.certificate), buf_len(&sim.certificate));
	if (noise_server_hello(conn->noise, &sim.server_static, buf_data(&certificate),
						   buf_len(&certificate), &hello) == WA_OK &&
		frame_header(&framed, buf_len(&hello)) == WA_OK &&
		buf_append(&framed, buf_data(&hello), buf_len(&hello)) == WA_OK)
	{
		conn->state = SIM_CONN_FINISH;
		sim_server_send_raw(conn, buf_data(&framed), buf_len(&framed));
		(void) sim_fault_close_at(conn, "server_hello");
	}
	else
		sim_server_abort(conn);
	buf_free(&hello);
	buf_free(&framed);
	buf_free(&certificate);
}

/* Last message: the client's static key and payload. */
static void
read_finish(SimConn *conn, const uint8_t *data, size_t len)
{
	WaArena arena;
	WaStr payload;

	arena_init(&arena, sim.env, 1 << 20);
	if (noise_read_client_finish(conn->noise, &arena, data, len, &payload, &conn->transport) ==
		WA_OK)
	{
		memcpy(conn->remote_static, conn->noise->remote_static, 32);
		crypto_wipe(conn->noise, sizeof(*conn->noise));
		free(conn->noise);
		conn->noise = NULL;
		/* what is sent from here on is sealed; the login decides what this is */
		conn->state = SIM_CONN_LINKING;
		if (sim.options.handshake_delay > 0)
			conn->hold_until = sim_util_mono_us() + (int64_t) sim.options.handshake_delay * 1000;
		if (!sim_fault_close_at(conn, "finish"))
			sim_login_payload(conn, (const uint8_t *) payload.data, payload.len);
	}
	else
		sim_server_abort(conn);
	arena_free(&arena);
}

/* One stanza of a client that finished its handshake. */
static void
read_stanza(SimConn *conn, const uint8_t *data, size_t len)
{
	WaArena arena;
	WaNode *node;

	if (len < CRYPTO_TAG_LEN + 1)
	{
		sim_server_abort(conn);
		return;
	}
	if (len > plain_size)
	{
		plain = sim_util_grow(plain, len);
		plain_size = len;
	}
	if (noise_open(&conn->transport, data, len, plain) != WA_OK)
	{
		sim_server_abort(conn);
		return;
	}
	len -= CRYPTO_TAG_LEN;
	if (conn->device != NULL)
		sim_account_log(conn->device, false, plain, len);
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	if (node_decode(&arena, plain, len, &node) != WA_OK)
	{
		WaNode *error = node_new(&arena, "stream:error");

		node_add(error, "xml-not-well-formed");
		sim_server_send(conn, error);
		sim_server_close_soon(conn);
	}
	else
	{
		if (sim.options.trace)
			trace(conn, "<-", node);
		if (node_is(node, "iq"))
			sim_iq_handle(conn, node);
		else if (conn->device == NULL)
			; /* unlinked clients have nothing else to say */
		else if (node_is(node, "ack"))
			sim_relay_ack(conn, node);
		else if (node_is(node, "receipt"))
			sim_relay_receipt(conn, node);
		else if (node_is(node, "message"))
			sim_relay_message(conn, node);
		else if (node_is(node, "ib"))
		{
			WaNode *batch = node_child(node, "offline_batch");
			uint64_t count;

			if (batch != NULL && node_attr_u64(batch, "count", &count) && count < 100000)
				sim_queue_batch(conn, (int) count);
		}
	}
	arena_free(&arena);
}

static void
read_input(SimConn *conn)
{
	while (conn->state != SIM_CONN_CLOSING)
	{
		const uint8_t *data;
		const uint8_t *payload;
		size_t len;
		size_t payload_len;
		size_t consumed;
		WaStatus status;

		net_data(conn->net, &data, &len);
		if (len == 0)
			return;
		if (conn->state == SIM_CONN_PROLOGUE)
		{
			status = frame_accept_prologue(data, len, &consumed);
			if (status == WA_NEED_MORE)
				return;
			if (status != WA_OK)
			{
				sim_server_abort(conn);
				return;
			}
			net_consumed(conn->net, consumed);
			conn->state = SIM_CONN_HELLO;
			if (sim_fault_close_at(conn, "prologue"))
				return;
			continue;
		}
		status = frame_next(data, len, &payload, &payload_len, &consumed);
		if (status == WA_NEED_MORE)
			return;
		if (status != WA_OK)
		{
			sim_server_abort(conn);
			return;
		}
		switch (conn->state)
		{
			case SIM_CONN_HELLO:
				read_hello(conn, payload, payload_len);
				break;
			case SIM_CONN_FINISH:
				read_finish(conn, payload, payload_len);
				break;
			case SIM_CONN_LINKING:
			case SIM_CONN_ONLINE:
				read_stanza(conn, payload, payload_len);
				break;
			case SIM_CONN_PROLOGUE:
			case SIM_CONN_CLOSING:
				break;
		}
		net_consumed(conn->net, consumed);
	}
}

void
sim_server_events(void)
{
	NetEvent event;

	while (net_next_event(sim.loop, &event))
	{
		SimConn *conn = event.user;

		switch (event.kind)
		{
			case NET_OPENED:
				conn = create(event.conn);
				(void) sim_fault_close_at(conn, "accept");
				break;
			case NET_DATA:
				if (conn != NULL && conn->state != SIM_CONN_CLOSING)
					read_input(conn);
				else
				{
					const uint8_t *data;
					size_t len;

					net_data(event.conn, &data, &len);
					net_consumed(event.conn, len);
				}
				break;
			case NET_WRITABLE:
				if (conn != NULL && conn->active)
					sim_queue_pump(conn);
				break;
			case NET_CLOSED:
				if (conn != NULL)
					destroy(conn);
				break;
		}
	}
}

/* ---- once a second ---- */

static void
ping(SimConn *conn, int64_t now)
{
	WaArena arena;
	WaNode *iq;

	conn->ping_at = now + (int64_t) sim.options.ping_seconds * WA_SECOND;
	if (sim_fault_peek("silent", conn->device->account) != NULL)
		return;
	arena_init(&arena, sim.env, 4096);
	iq = node_new(&arena, "iq");
	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	node_set(iq, "type", "get");
	node_set(iq, "xmlns", "urn:xmpp:ping");
	node_set_str(iq, "id", arena_printf(&arena, "ping-%llu", (unsigned long long) ++sim.last_id));
	conn->device->pings++;
	sim_server_send(conn, iq);
	arena_free(&arena);
}

/* Something sent long ago was never acknowledged (sheet 1 section 8.7). */
static void
complain(SimConn *conn, const SimStanza *stanza)
{
	WaArena arena;
	WaNode *error;
	WaNode *ack;

	arena_init(&arena, sim.env, 4096);
	error = node_new(&arena, "stream:error");
	ack = node_add(error, "ack");
	node_set(ack, "class", stanza->tag);
	node_set(ack, "id", stanza->id);
	sim_server_send(conn, error);
	arena_free(&arena);
	sim_server_close_soon(conn);
}

void
sim_server_tick(void)
{
	int64_t now = sim_util_mono_us();
	int64_t wall = sim_util_now_us();
	SimConn *next;

	for (SimConn *conn = sim.conns; conn != NULL; conn = next)
	{
		const SimEntry *oldest;

		next = conn->next;
		if (conn->linking != NULL)
			sim_phone_tick(conn);
		if (conn->state != SIM_CONN_ONLINE || conn->device == NULL)
			continue;
		sim_queue_settle(conn);
		if (sim.options.ping_seconds > 0 && now >= conn->ping_at)
			ping(conn, now);
		oldest = conn->device->queue.head;
		if (sim.options.ack_seconds > 0 && oldest != NULL && oldest->sent_us > 0 &&
			wall - oldest->sent_us > (int64_t) sim.options.ack_seconds * WA_SECOND)
			complain(conn, oldest->stanza);
	}
}
