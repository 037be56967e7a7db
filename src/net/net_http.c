/*
 * net_http.c
 *		HTTP/1.1 GET: one request on a connection of its own, and its answer.
 *
 * lws gives a raw socket; TLS, if any, and what is said on it is done here.  The head of an answer and the framing of its body are lines, and
 * all of them have limits, so that a host can neither make memory grow nor hold
 * a connection by talking slowly.
 */
#include "net_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Fewer bytes of body than this in stall_ms are none. */
#define LEAST_PROGRESS 4096
#define MOST_TIMEOUT_MS 3600000

typedef enum HttpStep
{
	HTTP_STATUS_LINE,
	HTTP_HEADERS,
	HTTP_BODY,       /* left bytes of it are to come */
	HTTP_BODY_CLOSE, /* the body ends with the connection */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK, /* left bytes of it are to come */
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_DONE,
} HttpStep;

struct NetHttp
{
	SSL *ssl; /* between two memory BIOs; NULL: plain */
	HttpStep step;
	int status;
	int64_t length; /* as the head tells it; -1 not */
	bool chunked;
	uint64_t left;
	uint64_t body; /* bytes so far */
	uint64_t body_before;
	uint64_t max_bytes;
	uint64_t stall_ms;
	size_t head; /* bytes of head and trailer so far */
	size_t line_len;
	char line[NET_HTTP_LINE_SIZE];
};

void
net_http_free(NetConn *conn)
{
	if (conn->http == NULL)
		return;
	if (conn->http->ssl != NULL)
	{
		/* Else OpenSSL takes the session for broken, and nobody could resume it. */
		if (conn->complete)
			SSL_set_shutdown(conn->http->ssl, SSL_SENT_SHUTDOWN);
		SSL_free(conn->http->ssl);
	}
	free(conn->http);
	conn->http = NULL;
}

NetConn *
net_http_get(NetLoop *loop, const NetHttpGet *get, void *user, const char **why)
{
	NetConn *conn = net_dial_new(loop, get->origin, get->tls_ca_file, get->timeout_ms, why);

	if (conn == NULL)
		return NULL;
	conn->http = calloc(1, sizeof(*conn->http));
	if (conn->http == NULL)
	{
		*why = "out of memory";
		net_conn_free_unseen(conn);
		return NULL;
	}
	conn->user = user;
	conn->max_receive = get->max_receive > 0 ? get->max_receive : NET_HTTP_MAX_RECEIVE;
	conn->http->length = -1;
	conn->http->max_bytes = get->max_bytes;
	conn->http->stall_ms = get->stall_ms > 0 && get->stall_ms < MOST_TIMEOUT_MS
							   ? (uint64_t) get->stall_ms
							   : MOST_TIMEOUT_MS;
	net_dial_start(conn, get->url, NET_SCHEME_HTTP);
	return conn;
}

bool
net_http_is(const NetConn *conn)
{
	return conn->http != NULL;
}

int
net_http_status(const NetConn *conn)
{
	return conn->http->status;
}

int64_t
net_http_length(const NetConn *conn)
{
	return conn->http->length;
}

/* ---- the answer ---- */

static int
end(NetConn *conn, const char *why)
{
	if (conn->why == NULL)
		conn->why = why;
	conn->dropped = true;
	return -1;
}

static bool
parse_status_line(NetHttp *http)
{
	const char *p = http->line;

	if (strncmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') || p[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	if (p[12] != ' ' && p[12] != '\0')
		return false;
	http->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	return http->status >= 100;
}

static bool
parse_length(NetHttp *http, const char *value)
{
	int64_t length = 0;

	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++)
	{
		if (*value < '0' || *value > '9' || length > (INT64_MAX - 9) / 10)
			return false;
		length = length * 10 + (*value - '0');
	}
	/* Told twice, it must be the same. */
	if (http->length >= 0 && http->length != length)
		return false;
	http->length = length;
	return true;
}

static bool
parse_header(NetHttp *http)
{
	char *colon = strchr(http->line, ':');
	char *value;
	size_t len;

	if (colon == NULL || colon == http->line ||
		strcspn(http->line, " \t") < strcspn(http->line, ":"))
		return false;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (len = strlen(value); len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t');)
		value[--len] = '\0';
	if (strcasecmp(http->line, "content-length") == 0)
		return parse_length(http, value);
	if (strcasecmp(http->line, "transfer-encoding") == 0)
	{
		http->chunked = true;
		return strcasecmp(value, "chunked") == 0;
	}
	return true;
}

static bool
parse_chunk_size(NetHttp *http)
{
	const char *p = http->line;
	uint64_t size = 0;
	int digits = 0;

	for (;; p++, digits++)
	{
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned) (*p - '0');
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			digit = (unsigned) ((*p | 0x20) - 'a' + 10);
		else
			break;
		size = size << 4 | digit;
		if (digits == 15)
			return false;
	}
	if (digits == 0 || (*p != '\0' && *p != ';' && *p != ' ' && *p != '\t'))
		return false;
	http->left = size;
	return true;
}

static void
start_window(NetConn *conn)
{
	conn->http->body_before = conn->http->body;
	if (!net_conn_timer(conn, conn->http->stall_ms))
		(void) end(conn, "out of memory");
}

/* The head is read: what kind of body follows. */
static int
head_done(NetConn *conn)
{
	NetHttp *http = conn->http;
	bool has_body = http->status != 204 && http->status != 304;

	if (http->status < 200)
	{
		/* Only an announcement; but nobody asked to speak another protocol. */
		if (http->status == 101)
			return end(conn, "malformed answer");
		http->step = HTTP_STATUS_LINE;
		http->length = -1;
		return http->chunked ? end(conn, "malformed answer") : 0;
	}
	if (http->chunked && http->length >= 0)
		return end(conn, "malformed answer");
	if (http->length > 0 && (uint64_t) http->length > http->max_bytes)
		return end(conn, "too large");
	if (!has_body || http->length == 0)
		http->step = HTTP_DONE;
	else if (http->chunked)
		http->step = HTTP_CHUNK_SIZE;
	else if (http->length > 0)
	{
		http->step = HTTP_BODY;
		http->left = (uint64_t) http->length;
	}
	else
		http->step = HTTP_BODY_CLOSE;
	if (net_callback_opened(conn) < 0)
		return -1;
	start_window(conn);
	return conn->dropped ? -1 : 0;
}

/* A whole line is in http->line. */
static int
take_line(NetConn *conn)
{
	NetHttp *http = conn->http;
	bool good = true;

	switch (http->step)
	{
		case HTTP_STATUS_LINE:
			good = parse_status_line(http);
			http->step = HTTP_HEADERS;
			break;
		case HTTP_HEADERS:
			if (http->line_len == 0)
				return head_done(conn);
			good = parse_header(http);
			break;
		case HTTP_CHUNK_SIZE:
			good = parse_chunk_size(http);
			http->step = http->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
			break;
		case HTTP_CHUNK_END:
			good = http->line_len == 0;
			http->step = HTTP_CHUNK_SIZE;
			break;
		case HTTP_TRAILER:
			if (http->line_len == 0)
				http->step = HTTP_DONE;
			break;
		case HTTP_BODY:
		case HTTP_BODY_CLOSE:
		case HTTP_CHUNK:
		case HTTP_DONE:
			break;
	}
	return good ? 0 : end(conn, "malformed answer");
}

/* Collects a line and takes it when it is whole.  Moves *data behind what it used. */
static int
collect_line(NetConn *conn, const char **data, size_t *len)
{
	NetHttp *http = conn->http;
	const char *newline = memchr(*data, '\n', *len);
	size_t used = newline != NULL ? (size_t) (newline - *data) + 1 : *len;
	bool is_head = http->step != HTTP_CHUNK_SIZE && http->step != HTTP_CHUNK_END;
	int result;

	if (http->line_len + used >= sizeof(http->line) ||
		(is_head && (http->head += used) > NET_HTTP_HEAD_SIZE))
		return end(conn, "malformed answer");
	memcpy(http->line + http->line_len, *data, used);
	http->line_len += used;
	*data += used;
	*len -= used;
	if (newline == NULL)
		return 0;
	if (http->line_len < 2 || http->line[http->line_len - 2] != '\r')
		return end(conn, "malformed answer");
	http->line_len -= 2;
	http->line[http->line_len] = '\0';
	if (strlen(http->line) != http->line_len)
		return end(conn, "malformed answer");
	result = take_line(conn);
	http->line_len = 0;
	return result;
}

static int
take_body(NetConn *conn, const char **data, size_t *len)
{
	NetHttp *http = conn->http;
	size_t used = *len;

	if (http->step != HTTP_BODY_CLOSE && used > http->left)
		used = (size_t) http->left;
	if (used > http->max_bytes - http->body)
		return end(conn, "too large");
	if (!net_conn_received(conn, *data, used))
		return end(conn, "out of memory");
	http->body += used;
	*data += used;
	*len -= used;
	if (http->step == HTTP_BODY_CLOSE)
		return 0;
	http->left -= used;
	if (http->left == 0)
		http->step = http->step == HTTP_BODY ? HTTP_DONE : HTTP_CHUNK_END;
	return 0;
}

/* What the server said, without TLS. */
static int
take_answer(NetConn *conn, const char *data, size_t len)
{
	NetHttp *http = conn->http;
	int result = 0;

	while (result == 0 && len > 0 && http->step != HTTP_DONE)
	{
		if (http->step == HTTP_BODY || http->step == HTTP_BODY_CLOSE || http->step == HTTP_CHUNK)
			result = take_body(conn, &data, &len);
		else
			result = collect_line(conn, &data, &len);
	}
	if (result == 0 && http->step == HTTP_DONE)
	{
		conn->complete = true;
		return -1;
	}
	return result;
}

/* ---- the connection ---- */

static int
send_request(NetConn *conn)
{
	char request[NET_PATH_SIZE + NET_HOST_SIZE + 512];
	NetDial *dial = conn->dial;
	int len =
		snprintf(request, sizeof(request),
				 "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%sAccept: */*\r\n"
				 "Accept-Encoding: identity\r\nConnection: close\r\n\r\n",
				 dial->url.path, dial->url.authority, dial->origin != NULL ? "Origin: " : "",
				 dial->origin != NULL ? dial->origin : "", dial->origin != NULL ? "\r\n" : "");

	if (len < 0 || (size_t) len >= sizeof(request))
		return end(conn, "the path is too long");
	dial->asked = true;
	if (conn->http->ssl != NULL)
		return SSL_write(conn->http->ssl, request, len) == len ? 0 : end(conn, "tls");
	return net_write(conn, (const uint8_t *) request, (size_t) len) ? 0
																	: end(conn, "out of memory");
}

/* Moves what OpenSSL wants to say to the socket. */
static int
flush_tls(NetConn *conn)
{
	BIO *out = SSL_get_wbio(conn->http->ssl);
	char *data;
	long len = BIO_get_mem_data(out, &data);

	if (len <= 0)
		return 0;
	if (!net_write(conn, (const uint8_t *) data, (size_t) len))
		return end(conn, "out of memory");
	(void) BIO_reset(out);
	lws_callback_on_writable(conn->wsi);
	return 0;
}

static int
handshake(NetConn *conn)
{
	SSL *ssl = conn->http->ssl;
	int result = SSL_do_handshake(ssl);

	if (result == 1)
		return send_request(conn);
	if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ)
		return 0;
	return end(conn, SSL_get_verify_result(ssl) != X509_V_OK ? "certificate" : "tls");
}

/* Decrypts what there is. */
static int
take_records(NetConn *conn)
{
	SSL *ssl = conn->http->ssl;
	char plain[4096];

	for (;;)
	{
		int n = SSL_read(ssl, plain, sizeof(plain));
		int result;

		if (n <= 0)
		{
			int error = SSL_get_error(ssl, n);

			if (error == SSL_ERROR_WANT_READ)
				return 0;
			/* An orderly end: the socket's follows, and net_http_ended asks for this one. */
			return error == SSL_ERROR_ZERO_RETURN ? -1 : end(conn, "tls");
		}
		result = take_answer(conn, plain, (size_t) n);
		if (result != 0)
			return result;
	}
}

int
net_http_connected(NetConn *conn)
{
	NetHttp *http = conn->http;
	const char *why = NULL;
	int result;

	if (http == NULL || conn->dial == NULL || conn->dropped)
		return -1;
	if (conn->dial->url.secure)
	{
		BIO *in = BIO_new(BIO_s_mem());
		BIO *out = BIO_new(BIO_s_mem());

		http->ssl = in == NULL || out == NULL
						? NULL
						: net_tls_client(conn->loop, conn->dial->ca_file, &conn->dial->url, &why);
		if (http->ssl == NULL)
		{
			BIO_free(in);
			BIO_free(out);
			return end(conn, why != NULL ? why : "out of memory");
		}
		SSL_set_bio(http->ssl, in, out);
		ERR_clear_error();
		result = handshake(conn);
		if (result == 0)
			result = flush_tls(conn);
	}
	else
		result = send_request(conn);
	lws_callback_on_writable(conn->wsi);
	return result;
}

int
net_http_received(NetConn *conn, const void *data, size_t len)
{
	NetHttp *http = conn->http;
	int result = 0;

	if (http == NULL || conn->dropped)
		return -1;
	if (http->ssl == NULL)
		return take_answer(conn, data, len);
	ERR_clear_error();
	if (len > INT_MAX || BIO_write(SSL_get_rbio(http->ssl), data, (int) len) != (int) len)
		return end(conn, "out of memory");
	if (!SSL_is_init_finished(http->ssl))
		result = handshake(conn);
	if (result == 0 && SSL_is_init_finished(http->ssl))
		result = take_records(conn);
	return result == 0 ? flush_tls(conn) : result;
}

void
net_http_ended(NetConn *conn)
{
	NetHttp *http = conn->http;

	if (http == NULL || conn->dropped || http->step != HTTP_BODY_CLOSE)
		return;
	/* Anybody may cut a connection; only the server can say in TLS that this was all. */
	conn->complete =
		http->ssl == NULL || (SSL_get_shutdown(http->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/* ---- time ---- */

void
net_http_resumed(NetConn *conn)
{
	/* The host took its time, not the server. */
	start_window(conn);
}

void
net_http_timeout(NetConn *conn)
{
	if (conn->paused || conn->http->body - conn->http->body_before >= LEAST_PROGRESS)
		start_window(conn);
	else
		net_conn_kill(conn, "stalled");
}
