/*
 * fetch_file.c
 *		One download: the hosts in turn, decrypted as it comes into a temporary
 *		file of PostgreSQL's, which counts against temp_file_limit.
 *
 * Only hosts that the service itself named are asked, or the well-known one
 * when the service is the real one; what a message says about hosts is not
 * looked at.  Outside of transactions, as all that waits.
 */
#include "postgres.h"

#include "fds.h"
#include "fetch_internal.h"
#include "media.h"
#include "session.h"
#include "settings.h"

#include "pgstat.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define ORIGIN "https://web.whatsapp.com"
#define WELL_KNOWN_ENDPOINT "wss://web.whatsapp.com/"
#define WELL_KNOWN_HOST "mmg.whatsapp.net" /* sheet 2 section 7.9 */
#define MOST_HOSTS 8
#define HOST_SIZE 270 /* with a port */
#define ASK_US (30 * WA_SECOND)
#define MOST_US (1800 * WA_SECOND) /* for all hosts together, however slow they talk */
#define STARVED_US (5 * WA_SECOND)
#define PIECE (32 * 1024)
/* The file on the host is padded, and its MAC follows. */
#define MOST_OVERHEAD 64

struct Fetch
{
	dlist_node node;
	MemoryContext context;
	WaEnv env;
	WaArena arena; /* of media */
	int64 bot_id;
	WaMedia media;
	uint64 max_bytes;
	FetchState state;
	const char *why;
	bool waits;        /* for the hosts, or for a descriptor */
	bool was_gone;     /* some host said so */
	bool was_bad;      /* some host sent something else */
	int next_host;     /* to be tried */
	int hosts_version; /* of the list that next_host counts in */
	int64 not_before;
	int64 until;
	NetConn *conn;
	WaMediaOpen open;
	bool is_open;
	File spool; /* -1 none */
	uint64 size;
	uint64 read_at;
};

static dlist_head fetches = DLIST_STATIC_INIT(fetches);

/* The hosts are the same for all bots of an endpoint: any bot's answer serves all. */
static struct
{
	char names[MOST_HOSTS][HOST_SIZE];
	int count;
	int version;
	char endpoint[1024]; /* the setting that they belong to */
	int64 valid_until;
	int64 asked_until; /* 0: nobody is asked; else the answer is not waited for longer */
	bool refused;      /* nobody told */
} hosts;

static MemoryContext files_context;

void
fetch_file_init(void)
{
	files_context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector downloads", ALLOCSET_SMALL_SIZES);
}

/* ---- hosts ---- */

void
fetch_file_take_hosts(const WaStr *names, int count, int64 valid_us)
{
	dlist_iter iter;

	hosts.asked_until = 0;
	hosts.count = 0;
	hosts.version++;
	for (int i = 0; i < count && hosts.count < MOST_HOSTS; i++)
	{
		/* The client has looked at what they are made of. */
		if (names[i].len >= HOST_SIZE)
			continue;
		memcpy(hosts.names[hosts.count], names[i].data, names[i].len);
		hosts.names[hosts.count++][names[i].len] = '\0';
	}
	hosts.refused = hosts.count == 0;
	strlcpy(hosts.endpoint, settings_endpoint, sizeof(hosts.endpoint));
	hosts.valid_until = host_now().mono_us + Max(valid_us, WA_SECOND);
	dlist_foreach(iter, &fetches) dlist_container(Fetch, node, iter.cur)->not_before = 0;
}

/* The hosts when they are known; else sees to it that they get known.  False: wait. */
static bool
know_hosts(Fetch *fetch, int64 now_us)
{
	bool is_real =
		strncmp(settings_endpoint, WELL_KNOWN_ENDPOINT, strlen(WELL_KNOWN_ENDPOINT)) == 0;

	if (hosts.count > 0 && now_us < hosts.valid_until &&
		strncmp(hosts.endpoint, settings_endpoint, sizeof(hosts.endpoint) - 1) == 0)
		return true;
	if (hosts.asked_until == 0 && !hosts.refused)
	{
		if (session_ask_media_hosts(fetch->bot_id))
			hosts.asked_until = now_us + ASK_US;
		else
			hosts.refused = true;
	}
	if (hosts.asked_until != 0 && now_us < hosts.asked_until)
	{
		fetch->not_before = hosts.asked_until;
		return false;
	}
	/* Nobody tells. */
	hosts.asked_until = 0;
	hosts.refused = false;
	hosts.count = 0;
	if (is_real)
	{
		strlcpy(hosts.names[0], WELL_KNOWN_HOST, HOST_SIZE);
		hosts.count = 1;
		hosts.valid_until = now_us + ASK_US;
		strlcpy(hosts.endpoint, settings_endpoint, sizeof(hosts.endpoint));
	}
	hosts.version++;
	return true;
}

/* ---- the temporary file ---- */

/*
 * Appends to it.  PostgreSQL raises an error beyond temp_file_limit; there is
 * no transaction to abort, and the worker goes on without this file.
 */
static bool
spool_write(Fetch *fetch, const uint8_t *data, size_t len)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = false;

	PG_TRY();
	{
		if (fetch->spool < 0)
			fetch->spool = OpenTemporaryFile(true);
		ok = FileWrite(fetch->spool, unconstify(char *, (const char *) data), (int) len,
					   (off_t) fetch->size, PG_WAIT_EXTENSION) == (int) len;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	fetch->size += len;
	return ok;
}

static void
drop_attempt(Fetch *fetch)
{
	if (fetch->conn != NULL)
	{
		/* Its NET_CLOSED comes without a user and only counts descriptors. */
		net_set_user(fetch->conn, NULL);
		net_abort(fetch->conn);
		fetch->conn = NULL;
	}
	if (fetch->is_open)
		media_open_free(&fetch->open);
	fetch->is_open = false;
	if (fetch->spool >= 0)
		FileClose(fetch->spool);
	fetch->spool = -1;
	fetch->size = fetch->read_at = 0;
}

/* ---- one attempt ---- */

static void
finish(Fetch *fetch, FetchState state, const char *why)
{
	if (state != FETCH_DONE)
		drop_attempt(fetch);
	fetch->state = state;
	fetch->why = why;
}

/* This host is of no use: the next one, or the sum of what they all said. */
static void
try_next(Fetch *fetch, const char *why)
{
	drop_attempt(fetch);
	fetch->why = why;
	fetch->waits = true;
	fetch->not_before = 0;
}

/* Decrypts what has come.  False: the attempt is over. */
static bool
take_bytes(Fetch *fetch, const uint8_t *data, size_t len, bool is_end)
{
	WaBuf plain;
	WaStatus status = WA_OK;
	bool stored = true;

	buf_init(&plain, &fetch->env, PIECE + 64);
	while (status == WA_OK && stored && (len > 0 || is_end))
	{
		size_t n = Min(len, PIECE);

		if (len > 0)
			status = media_open_update(&fetch->open, data, n, &plain);
		else
		{
			status = media_open_final(&fetch->open, &plain);
			is_end = false;
		}
		data += n;
		len -= n;
		if (status == WA_OK && buf_len(&plain) > 0)
		{
			stored = spool_write(fetch, buf_data(&plain), buf_len(&plain));
			buf_consume(&plain, buf_len(&plain));
		}
	}
	buf_free(&plain);
	if (!stored)
		finish(fetch, FETCH_PASSING, "the temporary file could not be written");
	else if (status == WA_ERR_NOMEM)
		finish(fetch, FETCH_PASSING, "out of memory");
	else if (status == WA_ERR_LIMIT)
		finish(fetch, FETCH_BAD, "larger than allowed");
	else if (status != WA_OK)
	{
		fetch->was_bad = true;
		try_next(fetch, "not the file that was announced");
	}
	return stored && status == WA_OK;
}

/* Asks the next host. */
static void
connect_next(Fetch *fetch, int64 now_us)
{
	NetHttpGet get = {.origin = ORIGIN,
					  .tls_ca_file = settings_tls_ca_file[0] != '\0' ? settings_tls_ca_file : NULL,
					  .timeout_ms = settings_iq_timeout_ms,
					  .stall_ms = settings_iq_timeout_ms,
					  .max_bytes = fetch->max_bytes + MOST_OVERHEAD};
	bool is_secure = strncmp(settings_endpoint, "wss:", 4) == 0;
	const char *why = NULL;
	WaArena arena;
	WaStr url;

	if (fetch->hosts_version != hosts.version)
	{
		fetch->hosts_version = hosts.version;
		fetch->next_host = 0;
	}
	if (fetch->next_host >= hosts.count)
	{
		if (fetch->was_gone)
			finish(fetch, FETCH_GONE, "the media service does not have it any more");
		else if (fetch->was_bad)
			finish(fetch, FETCH_BAD, fetch->why);
		else
			finish(fetch, FETCH_PASSING,
				   fetch->why != NULL ? fetch->why : "no media host is known");
		return;
	}
	if (!fds_take())
	{
		fetch->not_before = now_us + STARVED_US;
		return;
	}
	arena_init(&arena, &fetch->env, 16384);
	url = media_download_path(&arena, &fetch->media);
	if (url.data != NULL)
		url = arena_printf(&arena, "%s://%s%s", is_secure ? "https" : "http",
						   hosts.names[fetch->next_host], url.data);
	fetch->next_host++;
	fetch->waits = false;
	get.url = url.data;
	if (url.data != NULL && media_open_init(&fetch->open, &fetch->media, fetch->max_bytes) == WA_OK)
	{
		fetch->is_open = true;
		fetch->conn = net_http_get(session_net(), &get, fetch, &why);
	}
	else
		why = "the message does not tell where the file is";
	arena_free(&arena);
	if (fetch->conn != NULL)
		return;
	fds_give();
	if (!fetch->is_open)
		finish(fetch, FETCH_BAD, why);
	else
		try_next(fetch, why);
}

static void
on_closed(Fetch *fetch, const char *why)
{
	const uint8_t *data;
	size_t len;

	net_data(fetch->conn, &data, &len);
	fetch->conn = NULL;
	if (why != NULL)
		try_next(fetch, why);
	else if (take_bytes(fetch, data, len, true))
	{
		media_open_free(&fetch->open);
		fetch->is_open = false;
		finish(fetch, FETCH_DONE, NULL);
	}
}

void
fetch_take_event(const NetEvent *event)
{
	Fetch *fetch = event->user;
	const uint8_t *data;
	size_t len;
	int status;

	if (fetch == NULL)
		return;
	Assert(fetch->conn == event->conn);
	switch (event->kind)
	{
		case NET_OPENED:
			status = net_http_status(event->conn);
			if (status == 200)
				break;
			fetch->was_gone |= status == 404 || status == 410;
			try_next(fetch, status == 404 || status == 410 ? "the media host does not have it"
							: status / 100 == 3            ? "the media host sends elsewhere"
							: status / 100 == 5            ? "the media host has trouble"
														   : "the media host refuses");
			break;
		case NET_DATA:
			net_data(event->conn, &data, &len);
			if (take_bytes(fetch, data, len, false))
				net_consumed(event->conn, len);
			break;
		case NET_WRITABLE:
			break;
		case NET_CLOSED:
			on_closed(fetch, event->why);
			break;
	}
}

/* ---- for the jobs ---- */

static Fetch *
create(void)
{
	MemoryContext context =
		AllocSetContextCreate(files_context, "wa_collector download", ALLOCSET_SMALL_SIZES);
	Fetch *fetch = MemoryContextAllocZero(context, sizeof(Fetch));

	fetch->context = context;
	fetch->spool = -1;
	host_env_init(&fetch->env, context);
	arena_init(&fetch->arena, &fetch->env, 65536);
	dlist_push_tail(&fetches, &fetch->node);
	return fetch;
}

Fetch *
fetch_file_start(int64 bot_id, const WaMedia *media, uint64 max_bytes)
{
	Fetch *fetch = create();

	fetch->bot_id = bot_id;
	fetch->max_bytes = max_bytes;
	fetch->media.kind = media->kind;
	fetch->media.size = media->size;
	fetch->media.direct_path = arena_str(&fetch->arena, media->direct_path);
	fetch->media.key = arena_str(&fetch->arena, media->key);
	fetch->media.sha256 = arena_str(&fetch->arena, media->sha256);
	fetch->media.enc_sha256 = arena_str(&fetch->arena, media->enc_sha256);
	fetch->waits = true;
	fetch->until = host_now().mono_us + MOST_US;
	if (fetch->arena.failed)
		finish(fetch, FETCH_BAD, "the message does not tell where the file is");
	else if (media->size > max_bytes)
		finish(fetch, FETCH_BAD, "larger than allowed");
	return fetch;
}

Fetch *
fetch_file_of(const void *data, size_t len)
{
	Fetch *fetch = create();

	if (len == 0 || spool_write(fetch, data, len))
		finish(fetch, FETCH_DONE, NULL);
	else
		finish(fetch, FETCH_PASSING, "the temporary file could not be written");
	return fetch;
}

FetchState
fetch_file_state(const Fetch *fetch)
{
	return fetch->state;
}

const char *
fetch_file_why(const Fetch *fetch)
{
	return fetch->why != NULL ? fetch->why : "";
}

uint64
fetch_file_size(const Fetch *fetch)
{
	return fetch->size;
}

ssize_t
fetch_file_read(Fetch *fetch, void *out, size_t len)
{
	ssize_t n;

	len = Min(len, fetch->size - fetch->read_at);
	if (len == 0)
		return 0;
	n = FileRead(fetch->spool, out, (int) len, (off_t) fetch->read_at, PG_WAIT_EXTENSION);
	/* A file that got shorter is not this one's end. */
	if (n <= 0)
		return -1;
	fetch->read_at += n;
	return n;
}

bool
fetch_file_at_end(const Fetch *fetch)
{
	return fetch->read_at == fetch->size;
}

void
fetch_file_rewind(Fetch *fetch)
{
	fetch->read_at = 0;
}

void
fetch_file_free(Fetch *fetch)
{
	drop_attempt(fetch);
	dlist_delete(&fetch->node);
	arena_free(&fetch->arena); /* wipes the key */
	MemoryContextDelete(fetch->context);
}

void
fetch_file_tick(int64 now_us)
{
	dlist_iter iter;

	dlist_foreach(iter, &fetches)
	{
		Fetch *fetch = dlist_container(Fetch, node, iter.cur);

		if (fetch->state != FETCH_RUNNING)
			continue;
		if (now_us >= fetch->until)
			finish(fetch, FETCH_PASSING, "the download takes too long");
		else if (fetch->waits && now_us >= fetch->not_before && know_hosts(fetch, now_us))
			connect_next(fetch, now_us);
	}
}

int64
fetch_file_deadline(void)
{
	int64 deadline = WA_NEVER;
	dlist_iter iter;

	dlist_foreach(iter, &fetches)
	{
		Fetch *fetch = dlist_container(Fetch, node, iter.cur);

		if (fetch->state == FETCH_RUNNING)
			deadline = Min(deadline, fetch->waits ? fetch->not_before : fetch->until);
	}
	return deadline;
}
