/*
 * sim_control.c
 *		The control channel: one JSON object a line in, one a line out.
 *
 * A client's requests are answered in their order.  A request may be answered
 * later (a scan waits for the device); what the client sends meanwhile waits.
 * A client that hangs up leaves its request to finish unseen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim.h"

#define MAX_LINE (4 << 20)

typedef struct Client
{
	uv_tcp_t tcp;
	struct Client *next;
	char *input;
	size_t len;
	size_t capacity;
	SimRequest *pending;
	bool closing;
} Client;

struct SimRequest
{
	Client *client; /* NULL: hung up */
};

typedef struct Answer
{
	uv_write_t write;
	char *text;
} Answer;

static uv_tcp_t listener;
static bool listening;
static Client *clients;

static void read_lines(Client *client);

static void
on_closed(uv_handle_t *handle)
{
	Client *client = handle->data;
	Client **at = &clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	free(client->input);
	free(client);
}

static void
hang_up(Client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	if (client->pending != NULL)
		client->pending->client = NULL;
	client->pending = NULL;
	uv_close((uv_handle_t *) &client->tcp, on_closed);
}

static void
on_written(uv_write_t *write, int status)
{
	Answer *answer = (Answer *) write;

	(void) status;
	free(answer->text);
	free(answer);
}

static void
send_line(Client *client, json_t *object)
{
	Answer *answer = sim_util_alloc(sizeof(*answer));
	char *text = json_dumps(object, JSON_COMPACT);
	size_t len = strlen(text);
	uv_buf_t buf;

	answer->text = sim_util_alloc(len + 1);
	memcpy(answer->text, text, len);
	answer->text[len] = '\n';
	free(text);
	buf = uv_buf_init(answer->text, (unsigned) (len + 1));
	if (uv_write(&answer->write, (uv_stream_t *) &client->tcp, &buf, 1, on_written) != 0)
		on_written(&answer->write, 0);
}

void
sim_control_answer(SimRequest *request, json_t *answer, const char *error)
{
	Client *client = request->client;
	json_t *line = json_object();

	json_object_set_new(line, "ok", json_boolean(error == NULL));
	if (error != NULL)
		json_object_set_new(line, "error", json_string(error));
	else if (answer != NULL)
		json_object_update(line, answer);
	json_decref(answer);
	free(request);
	if (client != NULL)
	{
		client->pending = NULL;
		send_line(client, line);
	}
	json_decref(line);
	if (client != NULL && !client->closing)
		read_lines(client);
}

static void
run_line(Client *client, const char *line, size_t len)
{
	SimRequest *request = sim_util_alloc(sizeof(*request));
	json_error_t error;
	json_t *object = json_loadb(line, len, JSON_ALLOW_NUL, &error);

	request->client = client;
	client->pending = request;
	if (!json_is_object(object))
		sim_control_answer(request, NULL, "not a JSON object");
	else
		sim_command_run(request, object);
	json_decref(object);
}

/* Runs what has arrived whole; sim_control_answer calls it again, so it looks afresh each time. */
static void
read_lines(Client *client)
{
	static int depth;

	/* an answer given at once comes back here: let the outer loop go on */
	if (depth > 0)
		return;
	depth++;
	while (client->pending == NULL && !client->closing)
	{
		char *end = client->len == 0 ? NULL : memchr(client->input, '\n', client->len);
		char *line;
		size_t len;

		if (end == NULL)
			break;
		len = (size_t) (end - client->input);
		line = sim_util_alloc(len + 1);
		memcpy(line, client->input, len);
		client->len -= len + 1;
		memmove(client->input, end + 1, client->len);
		if (strspn(line, " \t\r") < len)
			run_line(client, line, len);
		free(line);
	}
	depth--;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	Client *client = handle->data;

	(void) suggested;
	if (client->capacity - client->len < 4096 && client->capacity < MAX_LINE)
	{
		client->capacity = client->capacity * 2 + 8192;
		client->input = sim_util_grow(client->input, client->capacity);
	}
	*buf = uv_buf_init(client->input + client->len, (unsigned) (client->capacity - client->len));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	Client *client = stream->data;

	(void) buf;
	if (n < 0)
	{
		hang_up(client);
		return;
	}
	client->len += (size_t) n;
	read_lines(client);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	Client *client;

	if (status != 0)
		return;
	client = sim_util_alloc(sizeof(*client));
	uv_tcp_init(net_loop_uv(sim.loop), &client->tcp);
	client->tcp.data = client;
	client->next = clients;
	clients = client;
	if (uv_accept(stream, (uv_stream_t *) &client->tcp) != 0 ||
		uv_read_start((uv_stream_t *) &client->tcp, on_alloc, on_read) != 0)
		hang_up(client);
}

bool
sim_control_start(const char *address, int port, int *bound, const char **why)
{
	struct sockaddr_in at;
	struct sockaddr_in name;
	int len = sizeof(name);

	if (uv_ip4_addr(address, port, &at) != 0 ||
		uv_tcp_init(net_loop_uv(sim.loop), &listener) != 0 ||
		uv_tcp_bind(&listener, (const struct sockaddr *) &at, 0) != 0 ||
		uv_listen((uv_stream_t *) &listener, 16, on_connection) != 0 ||
		uv_tcp_getsockname(&listener, (struct sockaddr *) &name, &len) != 0)
	{
		*why = "cannot listen for control";
		return false;
	}
	listening = true;
	*bound = (int) ntohs(name.sin_port);
	return true;
}
