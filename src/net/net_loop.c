/*
 * net_loop.c
 *		The loop: libuv below, libwebsockets on it, and the list of what happened.
 *
 * Connections with news are in the ready list, each at most once, so an idle
 * connection costs nothing and a busy one waits its turn behind the others.
 */
#include "net_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * lws sizes two tables by the soft descriptor limit, and falls back to 2,560
 * descriptors when the limit looks absurd to it (containers with "unlimited").
 */
#define NET_FD_TABLE_MAX 1048576
/* Descriptors of the process that are not ours to fill. */
#define NET_SPARE_FDS 32
/*
 * What lws reads at once: a whole TLS record.  Of one that it has read in part
 * it may forget the rest until more comes from the network (seen with 4.1.6).
 */
#define NET_READ_SIZE 16384
/* Turns of the loop that closing everything may take. */
#define NET_CLOSE_TURNS 1000

void
net_kick(NetLoop *loop)
{
	if (loop->kicked || loop->lws == NULL)
		return;
	loop->kicked = true;
	lws_cancel_service(loop->lws);
}

bool
net_copy_text(char **copy, const char *text)
{
	*copy = text == NULL ? NULL : strdup(text);
	return text == NULL || *copy != NULL;
}

void
net_later(NetConn *conn)
{
	if (conn->later)
		return;
	conn->later = true;
	conn->later_next = conn->loop->later;
	conn->loop->later = conn;
}

void
net_not_later(NetConn *conn)
{
	NetConn **link = &conn->loop->later;

	if (!conn->later)
		return;
	while (*link != conn)
		link = &(*link)->later_next;
	*link = conn->later_next;
	conn->later = false;
}

static void
discard_log(int level, const char *line)
{
	(void) level;
	(void) line;
}

/*
 * lws ignores SIGPIPE for the whole process.  A handler that the host has
 * installed is put back; where the default would kill the process it stays
 * ignored, because OpenSSL writes to sockets without MSG_NOSIGNAL.
 */
static struct lws_context *
create_context_quietly(const struct lws_context_creation_info *info)
{
	struct lws_context *context;
	struct sigaction pipe_action;
	struct rlimit limit;
	bool lowered = false;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > NET_FD_TABLE_MAX)
	{
		struct rlimit low = limit;

		low.rlim_cur = NET_FD_TABLE_MAX;
		lowered = setrlimit(RLIMIT_NOFILE, &low) == 0;
	}
	sigaction(SIGPIPE, NULL, &pipe_action);
	context = lws_create_context(info);
	if ((pipe_action.sa_flags & SA_SIGINFO) != 0 || pipe_action.sa_handler != SIG_DFL)
		sigaction(SIGPIPE, &pipe_action, NULL);
	if (lowered)
		setrlimit(RLIMIT_NOFILE, &limit);
	return context;
}

static void
note_handle(uv_handle_t *handle, void *arg)
{
	NetLoop *loop = arg;

	if (handle->type == UV_IDLE)
		loop->lws_idle = handle;
	else if (handle->type == UV_TIMER)
		loop->lws_timer = handle;
}

static bool
create_lws(NetLoop *loop, const char **why)
{
	void *foreign[1] = {&loop->uv};
	struct lws_context_creation_info info;

	lws_set_log_level(0, discard_log);
	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
				   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN |
				   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
				   LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN;
	info.foreign_loops = foreign;
	info.pcontext = &loop->lws;
	info.user = loop;
	info.timeout_secs = NET_LWS_TIMEOUT_S;
	info.retry_and_idle_policy = &net_no_pings;
	info.alpn = "http/1.1";
	info.pt_serv_buf_size = NET_READ_SIZE;
	loop->lws = create_context_quietly(&info);
	if (loop->lws == NULL)
	{
		*why = access(LWS_INSTALL_LIBDIR "/libwebsockets-evlib_uv.so", R_OK) == 0
				   ? "libwebsockets could not start on a libuv loop"
				   : "libwebsockets has no libuv support here (install the package "
					 "libwebsockets-evlib-uv)";
		return false;
	}
	uv_walk(&loop->uv, note_handle, loop);

	memset(&info, 0, sizeof(info));
	info.vhost_name = "clients";
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = net_protocols;
	info.retry_and_idle_policy = &net_no_pings;
	info.timeout_secs_ah_idle = NET_LWS_TIMEOUT_S;
	info.connect_timeout_secs = NET_LWS_TIMEOUT_S;
	info.http_proxy_address = ""; /* else it asks the environment */
	loop->plain = lws_create_vhost(loop->lws, &info);
	if (loop->plain == NULL)
		*why = "out of memory";
	return loop->plain != NULL;
}

/* So that accept() never fails for want of a descriptor, which lws would retry at once. */
static int
process_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > NET_FD_TABLE_MAX)
		return NET_FD_TABLE_MAX;
	return limit.rlim_cur > NET_SPARE_FDS ? (int) limit.rlim_cur - NET_SPARE_FDS : 1;
}

NetLoop *
net_loop_create(int max_fds, const char **why)
{
	NetLoop *loop = calloc(1, sizeof(*loop));

	*why = "out of memory";
	if (loop == NULL)
		return NULL;
	if (uv_loop_init(&loop->uv) != 0)
	{
		free(loop);
		*why = "libuv could not start a loop";
		return NULL;
	}
	loop->max_fds = max_fds > 0 ? max_fds : process_limit();
	if (!net_dns_init(loop) || !create_lws(loop, why))
	{
		net_loop_destroy(loop);
		return NULL;
	}
	return loop;
}

static void
find_handle(uv_handle_t *handle, void *arg)
{
	NetLoop *loop = arg;

	if (handle == loop->lws_idle || handle == loop->lws_timer)
		loop->lws_alive = true;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void) arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/*
 * lws takes the context of a foreign loop down in two calls: the first closes
 * the sockets, and the loop must turn until lws' own handles are gone, which
 * it closes last, before the second may free what they live in.
 */
static bool
destroy_lws(NetLoop *loop)
{
	if (loop->lws == NULL)
		return true;
	lws_context_destroy(loop->lws);
	loop->lws_alive = true;
	for (int i = 0; i < NET_CLOSE_TURNS && loop->lws_alive; i++)
	{
		uv_run(&loop->uv, UV_RUN_NOWAIT);
		loop->lws_alive = false;
		uv_walk(&loop->uv, find_handle, loop);
	}
	if (loop->lws_alive)
		return false;
	lws_context_destroy(loop->lws);
	return loop->lws == NULL;
}

void
net_loop_destroy(NetLoop *loop)
{
	bool clean;

	if (loop == NULL)
		return;
	loop->destroying = true;
	net_dns_shutdown(loop);
	for (NetConn *conn = loop->conns; conn != NULL; conn = conn->next)
		net_conn_stop_timer(conn);
	clean = destroy_lws(loop);
	while (loop->conns != NULL)
		net_conn_free(loop->conns);
	net_tls_shutdown(loop);
	net_listen_shutdown(loop);
	uv_walk(&loop->uv, close_handle, NULL);
	for (int i = 0; i < NET_CLOSE_TURNS && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
		;
	/* Memory that a handle still points to is better lost than reused. */
	if (uv_loop_close(&loop->uv) == 0 && clean)
		free(loop);
}

int
net_loop_fd(const NetLoop *loop)
{
	return uv_backend_fd(&loop->uv);
}

int
net_loop_timeout_ms(NetLoop *loop)
{
	if (loop->ready_first != NULL || loop->later != NULL)
		return 0;
	/* Else the answer is too long by whatever the host did since the last turn. */
	uv_update_time(&loop->uv);
	return uv_backend_timeout(&loop->uv);
}

void
net_loop_run(NetLoop *loop)
{
	loop->kicked = false;
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	while (loop->later != NULL)
	{
		NetConn *conn = loop->later;

		net_not_later(conn);
		if (conn->state == NET_STATE_DIALING)
			net_dial_next(conn);
		else if (conn->state == NET_STATE_OPEN)
			net_conn_pause(conn);
	}
}

uv_loop_t *
net_loop_uv(NetLoop *loop)
{
	return &loop->uv;
}

struct lws_context *
net_loop_lws(NetLoop *loop)
{
	return loop->lws;
}

int
net_open_count(const NetLoop *loop)
{
	return loop->open;
}

static void
push_ready(NetConn *conn)
{
	NetLoop *loop = conn->loop;

	if (conn->ready)
		return;
	conn->ready = true;
	conn->ready_next = NULL;
	if (loop->ready_last != NULL)
		loop->ready_last->ready_next = conn;
	else
		loop->ready_first = conn;
	loop->ready_last = conn;
}

static NetConn *
pop_ready(NetLoop *loop)
{
	NetConn *conn = loop->ready_first;

	if (conn == NULL)
		return NULL;
	loop->ready_first = conn->ready_next;
	if (loop->ready_first == NULL)
		loop->ready_last = NULL;
	conn->ready = false;
	return conn;
}

void
net_conn_event(NetConn *conn, NetEventKind kind)
{
	if (conn->dropped && kind != NET_CLOSED)
		return;
	conn->events |= (uint8_t) (1u << kind);
	push_ready(conn);
}

bool
net_next_event(NetLoop *loop, NetEvent *event)
{
	NetConn *conn;
	unsigned kind = NET_OPENED;

	if (loop->ended != NULL)
	{
		net_conn_free(loop->ended);
		loop->ended = NULL;
	}
	/* net_abort may have taken back what a connection was in the list for. */
	do
		conn = pop_ready(loop);
	while (conn != NULL && conn->events == 0);
	if (conn == NULL)
		return false;

	/* In the order of the enumeration: opened first, closed last. */
	while ((conn->events & (1u << kind)) == 0)
		kind++;
	conn->events &= (uint8_t) ~(1u << kind);
	if (conn->events != 0)
		push_ready(conn);
	if (kind == NET_CLOSED)
		loop->ended = conn;
	event->kind = (NetEventKind) kind;
	event->conn = conn;
	event->user = conn->user;
	event->why = kind == NET_CLOSED && !conn->complete ? conn->why : NULL;
	return true;
}
