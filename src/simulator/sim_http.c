/*
 * sim_http.c
 *		HTTP for the media service, on the loop and the context of src/net.
 *
 * libwebsockets does the protocol.  A request is read whole before it is
 * handled; an answer is read from its source piece by piece while it goes out,
 * so that it may be slow, stop, break off, or never end.
 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "sim_http.h"

#define PIECE 16384
#define HEADERS 2048
/* A slow answer leaves in steps of this length. */
#define STEP_US 20000

typedef struct Exchange
{
	char method[8];
	char path[1024];
	char query[2048];
	uint8_t *body;
	size_t body_len;
	size_t body_capacity;
	SimHttpAnswer answer;
	uint64_t sent;
	int64_t started_us; /* of the body */
	bool answering;
} Exchange;

/* lws' per-request memory. */
typedef struct Slot
{
	Exchange *exchange;
} Slot;

static SimHttpHandler handle;
static size_t max_length;
/* lws keeps pointers to these. */
static struct
{
	char *address;
	char *cert;
	char *key;
} texts;

static void
forget(Slot *slot)
{
	Exchange *exchange = slot == NULL ? NULL : slot->exchange;

	if (exchange == NULL)
		return;
	if (exchange->answering && exchange->answer.done != NULL)
		exchange->answer.done(exchange->answer.source);
	free(exchange->body);
	free(exchange);
	slot->exchange = NULL;
}

/* ---- the answer ---- */

static int
send_head(struct lws *wsi, const SimHttpAnswer *answer)
{
	uint8_t room[LWS_PRE + HEADERS];
	uint8_t *start = room + LWS_PRE;
	uint8_t *at = start;
	uint8_t *end = room + sizeof(room) - 1;
	lws_filepos_t length =
		answer->length == SIM_HTTP_NO_LENGTH ? LWS_ILLEGAL_HTTP_CONTENT_LEN : answer->length;

	if (lws_add_http_common_headers(wsi, (unsigned) answer->status, answer->type, length, &at,
									end) != 0)
		return -1;
	if (answer->location != NULL &&
		lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_LOCATION,
									 (const unsigned char *) answer->location,
									 (int) strlen(answer->location), &at, end) != 0)
		return -1;
	return lws_finalize_write_http_header(wsi, start, &at, end);
}

/* How much of the body may leave now. */
static size_t
allowed(const Exchange *exchange)
{
	const SimHttpAnswer *answer = &exchange->answer;
	uint64_t n = PIECE;
	uint64_t due;

	if (answer->length - exchange->sent < n)
		n = answer->length - exchange->sent;
	if (answer->cut_at - exchange->sent < n)
		n = answer->cut_at - exchange->sent;
	if (answer->stall_at - exchange->sent < n)
		n = answer->stall_at - exchange->sent;
	if (answer->bytes_per_second == 0)
		return (size_t) n;
	due = (uint64_t) (sim_util_mono_us() - exchange->started_us + STEP_US) *
		  answer->bytes_per_second / WA_SECOND;
	due = due > exchange->sent ? due - exchange->sent : 0;
	return (size_t) (due < n ? due : n);
}

/* Sends the next piece; 0 goes on, -1 ends the connection. */
static int
send_piece(struct lws *wsi, Exchange *exchange)
{
	static uint8_t room[LWS_PRE + PIECE];
	SimHttpAnswer *answer = &exchange->answer;
	size_t len = allowed(exchange);
	bool last;

	if (exchange->sent >= answer->cut_at)
		return -1;
	if (exchange->sent >= answer->stall_at)
		return 0;
	if (len == 0)
	{
		lws_set_timer_usecs(wsi, STEP_US);
		return 0;
	}
	if (!answer->read(answer->source, exchange->sent, room + LWS_PRE, len))
		return -1;
	exchange->sent += len;
	last = exchange->sent == answer->length;
	if (lws_write(wsi, room + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	if (last)
		return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
	lws_callback_on_writable(wsi);
	return 0;
}

static int
answer_request(struct lws *wsi, Exchange *exchange, bool too_large)
{
	const SimHttpRequest request = {exchange->method, exchange->path,     exchange->query,
									exchange->body,   exchange->body_len, too_large};
	SimHttpAnswer *answer = &exchange->answer;
	int written;

	answer->status = 200;
	answer->type = "application/octet-stream";
	answer->cut_at = SIM_HTTP_NEVER;
	answer->stall_at = SIM_HTTP_NEVER;
	exchange->answering = true;
	handle(&request, answer);
	/* a stalled answer stays so for as long as its client has patience */
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	written = send_head(wsi, answer);
	if (written != 0)
		return -1;
	exchange->started_us = sim_util_mono_us();
	if (answer->length == 0 || strcmp(exchange->method, "HEAD") == 0)
		return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
	lws_callback_on_writable(wsi);
	return 0;
}

/* ---- the request ---- */

static const char *
method_of(struct lws *wsi)
{
	static const struct
	{
		enum lws_token_indexes token;
		const char *name;
	} methods[] = {
		{WSI_TOKEN_GET_URI, "GET"},
		{WSI_TOKEN_POST_URI, "POST"},
		{WSI_TOKEN_DELETE_URI, "DELETE"},
		{WSI_TOKEN_HEAD_URI, "HEAD"},
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
	{
		if (lws_hdr_total_length(wsi, methods[i].token) > 0)
			return methods[i].name;
	}
	return "";
}

/* lws has taken it apart: one fragment for each parameter. */
static void
read_query(struct lws *wsi, char *out, size_t size)
{
	size_t used = 0;
	int n;

	out[0] = '\0';
	for (int i = 0; used + 1 < size; i++)
	{
		size_t at = used > 0 ? used + 1 : 0;

		n = lws_hdr_copy_fragment(wsi, out + at, (int) (size - at), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (n < 0)
		{
			out[used] = '\0';
			return;
		}
		if (used > 0)
			out[used] = '&';
		used = at + (size_t) n;
	}
}

static int
requested(struct lws *wsi, Slot *slot, const char *path)
{
	Exchange *exchange = sim_util_alloc(sizeof(*exchange));
	char length[24];
	uint64_t body_len = 0;

	forget(slot);
	slot->exchange = exchange;
	snprintf(exchange->method, sizeof(exchange->method), "%s", method_of(wsi));
	snprintf(exchange->path, sizeof(exchange->path), "%s", path);
	read_query(wsi, exchange->query, sizeof(exchange->query));
	if (lws_hdr_copy(wsi, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
		body_len = strtoull(length, NULL, 10);
	if (body_len > max_length)
		return answer_request(wsi, exchange, true) != 0 ? -1 : 0;
	if (body_len > 0 && strcmp(exchange->method, "POST") == 0)
		return 0;
	return answer_request(wsi, exchange, false);
}

static int
received(Exchange *exchange, const void *data, size_t len)
{
	if (exchange->answering)
		return 0;
	if (len > max_length - exchange->body_len)
		return -1;
	if (exchange->body_len + len > exchange->body_capacity)
	{
		exchange->body_capacity = (exchange->body_len + len) * 2;
		exchange->body = sim_util_grow(exchange->body, exchange->body_capacity);
	}
	memcpy(exchange->body + exchange->body_len, data, len);
	exchange->body_len += len;
	return 0;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	Slot *slot = user;

	switch (reason)
	{
		case LWS_CALLBACK_HTTP:
			return requested(wsi, slot, in);

		case LWS_CALLBACK_HTTP_BODY:
			return slot->exchange == NULL ? -1 : received(slot->exchange, in, len);

		case LWS_CALLBACK_HTTP_BODY_COMPLETION:
			if (slot->exchange == NULL || slot->exchange->answering)
				return 0;
			return answer_request(wsi, slot->exchange, false);

		case LWS_CALLBACK_HTTP_WRITEABLE:
			if (slot == NULL || slot->exchange == NULL || !slot->exchange->answering)
				return 0;
			return send_piece(wsi, slot->exchange);

		case LWS_CALLBACK_TIMER:
			lws_callback_on_writable(wsi);
			return 0;

		case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		case LWS_CALLBACK_CLOSED_HTTP:
			forget(slot);
			return 0;

		default:
			/* no WebSockets here, and nothing of lws' own */
			return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"media", callback, sizeof(Slot), PIECE, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static void
keep(char **copy, const char *text)
{
	free(*copy);
	*copy = sim_util_copy(text);
}

bool
sim_http_start(const char *address, int port, const char *tls_cert, const char *tls_key,
			   size_t max_body, SimHttpHandler handler, int *bound, const char **why)
{
	struct lws_context *context = net_loop_lws(sim.loop);
	struct lws_context_creation_info info;
	struct lws_vhost *vhost;

	handle = handler;
	max_length = max_body;
	keep(&texts.address, address);
	memset(&info, 0, sizeof(info));
	info.vhost_name = "media";
	info.iface = texts.address;
	info.port = port;
	info.protocols = protocols;
	info.alpn = "http/1.1";
	info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
				   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_DISABLE_IPV6;
	if (tls_cert != NULL)
	{
		keep(&texts.cert, tls_cert);
		keep(&texts.key, tls_key);
		info.ssl_cert_filepath = texts.cert;
		info.ssl_private_key_filepath = texts.key;
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
						LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT |
						LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER;
	}
	vhost = lws_create_vhost(context, &info);
	lws_cancel_service(context);
	*bound = vhost == NULL ? -1 : lws_get_vhost_listen_port(vhost);
	if (*bound <= 0)
		*why = tls_cert == NULL ? "cannot listen for media"
								: "cannot listen for media, or not with that certificate";
	return *bound > 0;
}
