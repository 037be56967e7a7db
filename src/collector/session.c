/*
 * session.c
 *		Joins the protocol core and the network: bytes from sockets into
 *		clients, events from clients into the batch, answers back out.
 *
 * Nothing here is inside a transaction.  The core and the network are pulled,
 * so an error of PostgreSQL never jumps across their frames.
 */
#include "postgres.h"

#include "compat.h"
#include "fds.h"
#include "fetch.h"
#include "host.h"
#include "session.h"
#include "settings.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define ORIGIN "https://web.whatsapp.com" /* sheet 1 section 1.1 */
#define CONNECT_TIMEOUT_MS 20000
#define MOST_RECEIVE (256 * 1024) /* bytes a socket may run ahead of its client */
#define MOST_UNSENT (256 * 1024)  /* bytes handed to a socket at a time */
#define FEED_BYTES (64 * 1024)
#define COLLECT_US (4 * INT64_C(1000)) /* reading before what came is stored */
#define EVENTS_PER_TURN 64             /* of one session, then it is the next one's turn */
#define VOID_US (60 * WA_SECOND)       /* pause after keys could not be stored */
#define CONNECT_GROUPS 2.0             /* a second */
#define STARVED_RETRY_US (5 * WA_SECOND)

static HTAB *sessions = NULL;
static MemoryContext sessions_context = NULL;
static NetLoop *loop = NULL;
static Batch *batch = NULL;
static dlist_head ready = DLIST_STATIC_INIT(ready);
static dlist_head queue = DLIST_STATIC_INIT(queue);
static pairingheap *timers = NULL;
static uint64 next_serial = 1;

static int64 starved_until = 0; /* no descriptor is to be had before */

/* Token bucket of new connections. */
static double connect_tokens = 1;
static int64 connect_refilled_at = 0;

/* ---- the table ---- */

static int
compare_deadlines(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Session *left = pairingheap_const_container(Session, timer_node, a);
	const Session *right = pairingheap_const_container(Session, timer_node, b);

	(void) arg;
	/* The heap has its largest on top: the earliest deadline. */
	if (left->deadline == right->deadline)
		return 0;
	return left->deadline < right->deadline ? 1 : -1;
}

void
session_init(Batch *shared_batch)
{
	HASHCTL ctl = {.keysize = sizeof(int64), .entrysize = sizeof(Session)};
	const char *why = NULL;

	batch = shared_batch;
	fds_init();
	sessions_context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector sessions", ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = sessions_context;
	sessions =
		hash_create("wa_collector sessions", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	timers = pairingheap_allocate(compare_deadlines, NULL);
	loop = net_loop_create(fds_limit(), &why);
	if (loop == NULL)
		ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR),
						errmsg("could not start the network loop of wa_collector"),
						errdetail("%s", why != NULL ? why : "Memory is out."),
						errhint("Is the package libwebsockets-evlib-uv installed?")));
}

Session *
session_find(int64 bot_id)
{
	return hash_search(sessions, &bot_id, HASH_FIND, NULL);
}

bool
session_exists(int64 bot_id)
{
	return session_find(bot_id) != NULL;
}

Session *
session_create(int64 bot_id, const char *name)
{
	Session *session = hash_search(sessions, &bot_id, HASH_ENTER, NULL);

	memset(session, 0, sizeof(Session));
	session->bot_id = bot_id;
	session->serial = next_serial++;
	session->status = BOT_OFFLINE;
	strlcpy(session->name, name, sizeof(session->name));
	return session;
}

void
session_set_names(Session *session, const char *name, const char *device_name)
{
	strlcpy(session->name, name, sizeof(session->name));
	if (session->device_name != NULL)
		pfree(session->device_name);
	session->device_name =
		device_name == NULL ? NULL : MemoryContextStrdup(sessions_context, device_name);
}

void
session_visit_all(SessionVisitor visit)
{
	HASH_SEQ_STATUS scan;
	Session *session;

	hash_seq_init(&scan, sessions);
	while ((session = hash_seq_search(&scan)) != NULL)
		visit(session);
}

static void
leave_queues(Session *session)
{
	if (session->is_ready)
		dlist_delete(&session->ready_node);
	if (session->is_queued)
		dlist_delete(&session->queue_node);
	if (session->is_timed)
		pairingheap_remove(timers, &session->timer_node);
	session->is_ready = session->is_queued = session->is_timed = false;
	session_remove_hungry(session);
}

bool
session_attach_client(Session *session, const WaDevice *device, int64 last_online_us)
{
	WaClientConfig config;

	Assert(session->client == NULL);
	session->context =
		AllocSetContextCreate(sessions_context, "wa_collector session", ALLOCSET_SMALL_SIZES);
	host_env_init(&session->env, session->context);
	client_config_defaults(&config);
	config.env = &session->env;
	settings_version(config.version);
	settings_root_key(config.root_key);
	config.device_name = session->device_name != NULL ? session->device_name : settings_device_name;
	config.edge_routing = settings_edge_routing;
	config.prekey_batch = settings_prekey_batch;
	config.group_queries_per_minute = settings_group_queries_per_minute;
	config.link_timeout_us = settings_link_timeout_ms * INT64_C(1000);
	config.iq_timeout_us = settings_iq_timeout_ms * INT64_C(1000);
	config.keepalive_us = settings_keepalive_interval_ms * INT64_C(1000);
	config.deaf_after_us = settings_deaf_after_ms * INT64_C(1000);
	config.last_online_us = last_online_us;
	if (client_create(&config, device, &session->client) == WA_OK)
	{
		session->status = BOT_OFFLINE;
		session->is_stale = false;
		return true;
	}
	session->client = NULL;
	MemoryContextDelete(session->context);
	session->context = NULL;
	return false;
}

void
session_detach_client(Session *session)
{
	if (session->conn != NULL)
	{
		/* Its NET_CLOSED comes without a user and only counts descriptors. */
		net_set_user(session->conn, NULL);
		net_abort(session->conn);
		session->conn = NULL;
	}
	leave_queues(session);
	if (session->client != NULL)
		client_destroy(session->client);
	session->client = NULL;
	if (session->context != NULL)
		MemoryContextDelete(session->context);
	session->context = NULL;
	session->is_open = session->is_closing = false;
	session->is_started = session->is_requested = false;
	session->is_starved = false;
	session->lost = NULL;
	session->phone[0] = '\0';
	session->status = BOT_OFFLINE;
	/* What is on its way to the tables belongs to the client that is gone. */
	session->serial = next_serial++;
}

void
session_drop(Session *session)
{
	int64 bot_id = session->bot_id;

	session_detach_client(session);
	if (session->device_name != NULL)
		pfree(session->device_name);
	store_unlock_bot(bot_id);
	hash_search(sessions, &bot_id, HASH_REMOVE, NULL);
}

void
session_drop_all(void)
{
	session_visit_all(session_drop);
}

/* ---- one session ---- */

void
session_make_void(Session *session)
{
	session_detach_client(session);
	session->is_void = true;
	session->void_until = host_now().mono_us + VOID_US;
}

bool
session_is_linked(const Session *session)
{
	return session->client != NULL && device_is_linked(client_device(session->client)) &&
		   client_status(session->client) != BOT_LOGGED_OUT;
}

void
session_make_ready(Session *session)
{
	if (session->is_ready || session->client == NULL)
		return;
	dlist_push_tail(&ready, &session->ready_node);
	session->is_ready = true;
}

void
session_report(Session *session, WaBotStatus status, const char *reason, const char *detail,
			   const char *hint)
{
	BatchSource source = {.bot_id = session->bot_id, .serial = session->serial};
	WaEvent event = {.kind = EVENT_STATUS};

	event.status.status = status;
	event.status.reason = reason;
	event.status.detail = str_from(detail);
	event.status.hint = hint;
	event.status.retry_in_us = -1;
	session->status = status;
	batch_add(batch, &source, &event, host_now());
}

/* Hands the bytes that may leave to the socket, as far as it takes them. */
static void
send_output(Session *session)
{
	const uint8_t *data;
	size_t len;

	while (net_unsent(session->conn) < MOST_UNSENT)
	{
		client_output(session->client, &data, &len);
		if (len == 0)
			return;
		if (!net_write(session->conn, data, len))
		{
			net_abort(session->conn);
			return;
		}
		client_output_sent(session->client, len);
	}
}

static void
set_timer(Session *session)
{
	int64 deadline = client_deadline(session->client);

	if (session->is_timed && session->deadline == deadline)
		return;
	if (session->is_timed)
		pairingheap_remove(timers, &session->timer_node);
	session->is_timed = deadline != WA_NEVER;
	session->deadline = deadline;
	if (session->is_timed)
		pairingheap_add(timers, &session->timer_node);
}

void
session_settle(Session *session)
{
	unsigned wants;

	if (session->client == NULL)
		return;
	wants = client_wants(session->client);
	if ((wants & CLIENT_WANTS_WRITE) && session->conn != NULL && session->is_open &&
		!session->is_closing)
		send_output(session);
	if ((wants & CLIENT_WANTS_CLOSE) && session->conn != NULL && !session->is_closing)
	{
		session->is_closing = true;
		net_close(session->conn);
	}
	if (wants & CLIENT_WANTS_CONNECT)
	{
		if (session->conn == NULL && session->lost == NULL && !session->is_queued)
		{
			dlist_push_tail(&queue, &session->queue_node);
			session->is_queued = true;
		}
	}
	else if (session->is_queued)
	{
		dlist_delete(&session->queue_node);
		session->is_queued = false;
	}
	set_timer(session);
}

/* Moves some input from the socket to the client.  False when there is none. */
static bool
feed_input(Session *session, WaNow now)
{
	const uint8_t *data;
	size_t len;

	if (session->conn == NULL)
		return false;
	net_data(session->conn, &data, &len);
	if (len == 0)
		return false;
	len = Min(len, FEED_BYTES);
	if (client_feed(session->client, data, len, now) < 0)
	{
		/* The client says by itself what it thinks of the input. */
		net_consumed(session->conn, len);
		net_abort(session->conn);
		return true;
	}
	net_consumed(session->conn, len);
	return true;
}

static void
note_status(Session *session, const WaEvent *event)
{
	session->status = event->status.status;
	session->is_starved = false;
	switch (session->status)
	{
		case BOT_OFFLINE:
		case BOT_ERROR:
		case BOT_LOGGED_OUT:
		case BOT_BANNED:
			if (event->status.retry_in_us < 0)
				session->is_started = session->is_requested = false;
			break;
		case BOT_ONLINE:
			session->is_requested = false;
			break;
		case BOT_CONNECTING:
		case BOT_QR:
		case BOT_PASSKEY_REQUIRED:
			break;
	}
}

/* Remembers of an event what the collector acts upon. */
static void
note_event(Session *session, const WaEvent *event)
{
	switch (event->kind)
	{
		case EVENT_STATUS:
			note_status(session, event);
			break;
		case EVENT_MESSAGE:
			if (event->message->state == MESSAGE_PENDING)
				session->n_unread++;
			break;
		default:
			fetch_note_event(session->bot_id, session->serial, event);
			break;
	}
}

/* Pulls a turn's worth of events.  True: there may be more. */
static bool
pull_turn(Session *session, WaNow now)
{
	BatchSource source = {
		.bot_id = session->bot_id,
		.serial = session->serial,
		.make_online = session->is_requested,
		.phone = session->phone[0] != '\0' ? session->phone : NULL,
	};
	WaEvent event;

	for (int taken = 0;
		 (taken < EVENTS_PER_TURN && batch_has_room(batch)) || client_has_events(session->client);)
	{
		if (client_next_event(session->client, &event, now) == 1)
		{
			taken++;
			source.device = client_device(session->client);
			batch_add(batch, &source, &event, now);
			note_event(session, &event);
			continue;
		}
		if (client_wants(session->client) & CLIENT_WANTS_RECORDS)
		{
			session_add_hungry(session);
			return false;
		}
		if (feed_input(session, now))
			continue;
		if (session->lost == NULL)
			return false;

		/* All that came before the end is handled: now the end itself. */
		client_disconnected(session->client, session->lost, now);
		session->lost = NULL;
	}
	return true;
}

bool
session_has_unstored(int64 bot_id)
{
	return batch_holds(batch, bot_id);
}

/* The settings changed: the next connection is made by a client that knows them. */
static void
renew_client(Session *session, WaNow now)
{
	WaDevice device = *client_device(session->client);
	bool is_void = client_status(session->client) == BOT_LOGGED_OUT;
	bool was_started = session->is_started;
	bool was_requested = session->is_requested;
	int64 last_online_us = client_last_online_us(session->client);

	session_detach_client(session);
	/* The keys of a removed device are void: the next link makes new ones. */
	if (!is_void && !session_attach_client(session, &device, last_online_us))
		session_make_void(session);
	else if (!is_void && was_started)
	{
		session->is_started = true;
		session->is_requested = was_requested;
		client_start(session->client, now);
	}
	crypto_wipe(&device, sizeof(device));
}

bool
session_pull(void)
{
	WaNow now = host_now();
	int turns = 0;

	while (!dlist_is_empty(&ready) && batch_has_room(batch))
	{
		Session *session = dlist_head_element(Session, ready_node, &ready);
		bool more;

		dlist_delete(&session->ready_node);
		session->is_ready = false;
		more = pull_turn(session, now);
		if (!more && session->is_stale && session->conn == NULL &&
			!session_has_unstored(session->bot_id))
			renew_client(session, now);
		session_settle(session);
		if (more)
			session_make_ready(session);
		if (++turns % 64 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return !dlist_is_empty(&ready);
}

/* ---- the network ---- */

/* Somebody who waits for a descriptor may get this one. */
static void
release_fd(void)
{
	fds_give();
	starved_until = 0;
}

static void
on_closed(Session *session, const char *why, WaNow now)
{
	/* The connection goes with the next event: take what it still holds. */
	while (feed_input(session, now))
		;
	session->conn = NULL;
	session->is_open = session->is_closing = false;
	session->lost = why != NULL ? why : "closed";
	session_make_ready(session);
}

/* What the sockets have to say now.  False: nothing. */
static bool
take_network_events(WaNow now)
{
	NetEvent event;
	bool any = false;

	net_loop_run(loop);
	while (net_next_event(loop, &event))
	{
		any = true;
		Session *session = event.user;

		if (event.kind == NET_CLOSED)
			release_fd();
		if (net_http_is(event.conn))
		{
			fetch_take_event(&event);
			continue;
		}
		if (session == NULL)
			continue;
		switch (event.kind)
		{
			case NET_OPENED:
				session->is_open = true;
				if (client_connected(session->client, now) != WA_OK)
					net_abort(session->conn);
				session_make_ready(session);
				break;
			case NET_DATA:
				session_make_ready(session);
				break;
			case NET_WRITABLE:
				session_settle(session);
				break;
			case NET_CLOSED:
				on_closed(session, event.why, now);
				break;
		}
	}
	return any;
}

static void
run_timers(WaNow now)
{
	while (!pairingheap_is_empty(timers))
	{
		Session *session = pairingheap_container(Session, timer_node, pairingheap_first(timers));

		if (session->deadline > now.mono_us)
			break;
		pairingheap_remove_first(timers);
		session->is_timed = false;
		client_tick(session->client, now);
		session_settle(session);
		session_make_ready(session);
		/* A client that never lets go of a deadline must not hold the loop. */
		if (session->is_timed && session->deadline <= now.mono_us)
		{
			pairingheap_remove(timers, &session->timer_node);
			session->deadline = now.mono_us + 1000;
			pairingheap_add(timers, &session->timer_node);
		}
	}
}

/*
 * How many connections are opened at a time: their logins then share
 * transactions, which halves what a restart costs.
 */
static double
connect_group(void)
{
	return Max(1.0, settings_connects_per_second / CONNECT_GROUPS);
}

static void
refill_tokens(int64 now_us)
{
	double rate = settings_connects_per_second;

	if (connect_refilled_at != 0)
		connect_tokens += (now_us - connect_refilled_at) * rate / WA_SECOND;
	connect_tokens = Min(connect_tokens, connect_group());
	connect_refilled_at = now_us;
}

static void
report_starved(Session *session)
{
	char detail[200];

	if (session->is_starved)
		return;
	snprintf(detail, sizeof(detail), "The worker may hold %d connections and holds %d.",
			 fds_limit(), fds_used());
	session_report(session, BOT_ERROR, "too_many_connections", detail,
				   "Raise the open file limit of the server's process (ulimit -n, LimitNOFILE) "
				   "or max_files_per_process, or add workers with wa_collector.workers.");
	session->is_starved = true;
}

/* Opens connections as fast as the settings and the descriptors allow. */
static void
open_connections(WaNow now)
{
	NetTarget target = {.url = settings_endpoint,
						.origin = ORIGIN,
						.tls_ca_file =
							settings_tls_ca_file[0] != '\0' ? settings_tls_ca_file : NULL,
						.timeout_ms = CONNECT_TIMEOUT_MS,
						.max_receive = MOST_RECEIVE};

	refill_tokens(now.mono_us);
	if (connect_tokens < connect_group())
		return;
	while (!dlist_is_empty(&queue) && connect_tokens >= 1 && now.mono_us >= starved_until)
	{
		Session *session = dlist_head_element(Session, queue_node, &queue);
		const char *why = NULL;

		if (!fds_take())
		{
			dlist_iter iter;

			dlist_foreach(iter, &queue)
				report_starved(dlist_container(Session, queue_node, iter.cur));
			starved_until = now.mono_us + STARVED_RETRY_US;
			return;
		}
		dlist_delete(&session->queue_node);
		session->is_queued = false;
		connect_tokens -= 1;
		session->is_open = session->is_closing = false;
		session->conn = net_connect(loop, &target, session, &why);
		if (session->conn == NULL)
		{
			release_fd();
			session->lost = why != NULL ? why : "out of memory";
			session_make_ready(session);
		}
	}
}

void
session_collect(void)
{
	WaNow now = host_now();
	int64 until = now.mono_us + COLLECT_US;

	/* A round of the loop reads little of each socket: large batches need more. */
	while (take_network_events(now))
	{
		now = host_now();
		if (now.mono_us >= until)
			break;
	}
	run_timers(now);
	open_connections(now);
}

NetLoop *
session_net(void)
{
	return loop;
}

int
session_loop_fd(void)
{
	return net_loop_fd(loop);
}

int
session_loop_timeout_ms(void)
{
	return net_loop_timeout_ms(loop);
}

int64
session_deadline(void)
{
	int64 deadline = WA_NEVER;

	if (!pairingheap_is_empty(timers))
		deadline = pairingheap_container(Session, timer_node, pairingheap_first(timers))->deadline;
	if (!dlist_is_empty(&queue))
	{
		int64 next = connect_refilled_at +
					 (int64) (Max(0.0, connect_group() - connect_tokens) * WA_SECOND /
							  settings_connects_per_second) +
					 1000;

		deadline = Min(deadline, Max(next, starved_until));
	}
	return Min(deadline, session_hungry_deadline());
}

/* ---- after the commit ---- */

void
session_ask(const StoreQuestion *questions, int count)
{
	WaNow now = host_now();

	for (int i = 0; i < count; i++)
	{
		Session *session = session_find(questions[i].bot_id);

		if (session == NULL || session->client == NULL)
			continue;
		/* Out of memory: the question stays due and is asked again. */
		if (questions[i].group_jid[0] == '\0')
			(void) client_query_all_groups(session->client, now);
		else
			(void) client_query_group(session->client, str_from(questions[i].group_jid), now);
		session_settle(session);
		session_make_ready(session);
	}
}

void
session_confirm(void)
{
	const StoreQuestion *questions;
	int n_questions = batch_questions(batch, &questions);

	session_ask(questions, n_questions);
	for (int i = 0; i < batch_resolved(batch); i++)
	{
		const BatchUnit *unit = batch_unit(batch, i);
		Session *session = session_find(unit->bot_id);

		if (session == NULL || session->client == NULL || session->serial != unit->serial)
			continue;
		if (unit->outcome == UNIT_LOST)
		{
			/* The client is ahead of the tables: start again from them. */
			session_detach_client(session);
			session_make_void(session);
			session_report(session, BOT_ERROR, "storage", NULL,
						   "Its keys could not be stored; wa.rejected has the reason.  It is "
						   "tried again in a minute.");
			continue;
		}
		if (unit->epoch != 0)
			client_persisted(session->client, unit->epoch);
		session_settle(session);
		session_make_ready(session);
	}
}

void
session_forget_batch(void)
{
	for (int i = 0; i < batch_units(batch); i++)
	{
		const BatchUnit *unit = batch_unit(batch, i);
		Session *session = session_find(unit->bot_id);

		if (session == NULL || session->client == NULL || session->serial != unit->serial)
			continue;
		session_make_void(session);
		session->void_until = 0; /* as soon as there are tables again */
	}
}

int64
session_memory(void)
{
	return MemoryContextMemAllocated(sessions_context, true);
}
