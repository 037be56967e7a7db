/*
 * client_appstate.c
 *		App state: when it is looked at, what is asked for, and what follows when
 *		that fails.  Sheet 2 section 8.
 *
 * A server_sync notification leaves a mark in the tables and is acknowledged
 * with it; the mark goes when the collection was fetched.  So every login looks
 * there once, and nothing is asked when nothing is new.
 *
 * No failure ends the connection or comes back at once for ever: each collection
 * counts its own in the tables and waits longer each time.  Nothing is ever
 * uploaded, and no other device is told of trouble: that would log devices out.
 */
#include "client_appstate.h"

#include <string.h>

#define APPSTATE_BLOB_US (900 * WA_SECOND) /* the host takes to download one */
#define APPSTATE_HOUR INT64_C(3600)        /* seconds */
#define APPSTATE_DAY INT64_C(86400)
#define APPSTATE_PAUSE INT64_C(60) /* seconds after a first failure; then four times that ... */
#define APPSTATE_MAX_SHARE 1024    /* keys of one message that are looked at */

/* The own name and the address book first. */
const char *const client_appstate_names[APP_COLLECTIONS] = {
	"critical_block", "critical_unblock_low", "regular_high", "regular_low", "regular",
};

static int64_t
client_appstate_wall(const WaClient *client)
{
	return client->now.wall_us / WA_SECOND;
}

ClientAppCollection *
client_appstate_at(const WaClient *client)
{
	return &client->app->collections[client->app->at];
}

/* ---- beginning and end of work ---- */

static void
client_appstate_forget_answer(ClientApp *app)
{
	arena_free(&app->answer);
	arena_free(&app->work);
	buf_free(&app->patches);
	buf_free(&app->blob);
	app->snapshot = NULL;
	app->has_blob = app->has_more = false;
	app->pause_us = 0;
}

static void
client_appstate_stop(WaClient *client)
{
	ClientApp *app = client->app;

	if (app == NULL)
		return;
	client->app = NULL;
	client_appstate_forget_answer(app);
	while (app->keys != NULL)
	{
		ClientAppKey *key = app->keys;

		app->keys = key->next;
		crypto_wipe(key, sizeof(*key));
		client_free(client, key);
	}
	crypto_wipe(app, sizeof(*app));
	client_free(client, app);
}

void
client_appstate_reset(WaClient *client)
{
	client_appstate_stop(client);
	client->app_at = WA_NEVER;
}

void
client_appstate_look(WaClient *client)
{
	client->app_at = client->now.mono_us;
}

static void
client_appstate_start(WaClient *client)
{
	ClientApp *app = client->env->alloc(client->env->ctx, sizeof(*app));

	client->app_at = WA_NEVER;
	if (app == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return;
	}
	memset(app, 0, sizeof(*app));
	arena_init(&app->answer, client->env, 1 << 20);
	arena_init(&app->work, client->env, WA_MAX_STANZA_MEMORY);
	buf_init(&app->patches, client->env, WA_MAX_STANZA_MEMORY);
	buf_init(&app->blob, client->env, CLIENT_MAX_BLOB);
	app->step = APP_LOAD;
	app->keys_came = client->app_keys_came;
	client->app_keys_came = false;
	client->app = app;
}

size_t
client_appstate_memory(const WaClient *client)
{
	const ClientApp *app = client->app;

	if (app == NULL)
		return 0;
	return sizeof(*app) + (size_t) app->n_keys * sizeof(ClientAppKey) + app->answer.used +
		   app->work.used + app->patches.capacity + app->blob.capacity;
}

/* ---- units ---- */

void
client_appstate_begin(WaClient *client, WaStr bytes)
{
	client->stanza++;
	client->stanza_bytes = bytes;
	client->in_stanza = true;
	client_output_begin(client);
}

/* Nothing more happens before what was told is stored. */
static void
client_appstate_hold(WaClient *client)
{
	client->app_barrier = client->epoch + client->n_events;
}

void
client_appstate_end(WaClient *client)
{
	if (client->made > 0)
		client_appstate_hold(client);
	if (client->arena.failed)
		client_end_status(client, client->arena.status);
	client_output_end(client);
	client->in_stanza = false;
}

/* ---- what others say ---- */

void
client_appstate_notification(WaClient *client, const WaNode *notification)
{
	WaRecord *marks = arena_alloc(&client->arena, APP_COLLECTIONS * sizeof(*marks));
	int count = 0;

	if (marks == NULL)
		return;
	for (const WaNode *node = node_child(notification, "collection"); node != NULL;
		 node = node_child_next(node, "collection"))
	{
		int at = client_appstate_record_find(node_attr(node, "name"));

		if (at < 0 || count == APP_COLLECTIONS)
			continue;
		marks[count++] = client_appstate_record_mark(client_appstate_names[at], true);
		if (client->app != NULL)
			client->app->collections[at].is_marked = client->app->collections[at].is_wanted = true;
	}
	if (count == 0 || !client_appstate_record_tell(client, marks, count))
		return;
	client_appstate_hold(client);
	client_appstate_look(client);
}

void
client_appstate_keys(WaClient *client, const WaAppStateKey *keys, size_t n)
{
	WaRecord *records;
	int count = 0;

	if (n > APPSTATE_MAX_SHARE)
		n = APPSTATE_MAX_SHARE;
	records = arena_alloc(&client->arena, (n + 1) * sizeof(*records));
	for (size_t i = 0; i < n && records != NULL; i++)
	{
		/* one without data is what the phone does not have either */
		if (keys[i].id.len == 0 || keys[i].id.len > APPSTATE_MAX_KEY_ID ||
			keys[i].data.len != APPSTATE_KEY_LEN)
			continue;
		client_phone_cancel_key(client, keys[i].id);
		records[count++] = client_appstate_record_key(&client->arena, keys[i].id,
													  (const uint8_t *) keys[i].data.data);
	}
	if (count == 0 || !client_appstate_record_tell(client, records, count))
		return;
	client->app_keys_came = true;
	client_appstate_hold(client);
	client_appstate_look(client);
}

/* ---- what the tables say ---- */

bool
client_appstate_waits(const WaClient *client)
{
	return client->app != NULL && client->phase == PHASE_ONLINE && !client->gone &&
		   (client->app->step == APP_LOAD || client->app->step == APP_VALUES);
}

bool
client_appstate_next_need(WaClient *client, WaNeed *need)
{
	ClientApp *app = client->app;

	if (!client_appstate_waits(client) || app->needs_told)
		return false;
	if (app->step == APP_VALUES)
	{
		app->needs_told = !client_appstate_apply_need(client, need);
		return !app->needs_told;
	}
	app->needs_told = true;
	*need = (WaNeed){
		.kinds = RECORD_BIT(RECORD_APP_KEY) | RECORD_BIT(RECORD_APP_COLLECTION),
		.chat = str_from(""),
		.any_name = true,
		.any_number = true,
	};
	return true;
}

static WaStatus
client_appstate_add_key(WaClient *client, const ClientAppKey *read)
{
	ClientApp *app = client->app;
	ClientAppKey *key;

	if (app->n_keys >= APP_MAX_KEYS)
		return WA_OK;
	key = client->env->alloc(client->env->ctx, sizeof(*key));
	if (key == NULL)
		return WA_ERR_NOMEM;
	*key = *read;
	key->next = app->keys;
	app->keys = key;
	app->n_keys++;
	return WA_OK;
}

WaStatus
client_appstate_supply(WaClient *client, const WaRecord *record)
{
	ClientApp *app = client->app;
	ClientAppKey key;
	WaStatus status = WA_OK;
	int at;

	if (!client_appstate_waits(client) || record->data == NULL)
		return WA_OK;
	if (app->step == APP_VALUES)
		status = client_appstate_apply_supply(client, record);
	else if (record->kind == RECORD_APP_KEY)
	{
		if (client_appstate_record_read_key(record, &key))
			status = client_appstate_add_key(client, &key);
		crypto_wipe(&key, sizeof(key));
	}
	else if (record->kind == RECORD_APP_COLLECTION &&
			 (at = client_appstate_record_find(record->name)) >= 0)
		(void) client_appstate_record_read_collection(record, &app->collections[at]);
	if (status != WA_OK)
		app->missing = status;
	return status;
}

/* A clock that was set back must not make a pause last. */
static void
client_appstate_loaded(WaClient *client)
{
	ClientApp *app = client->app;

	for (int i = 0; i < APP_COLLECTIONS; i++)
	{
		ClientAppCollection *collection = &app->collections[i];

		if (collection->not_before > client_appstate_wall(client) + 2 * APPSTATE_DAY ||
			(app->keys_came && collection->is_blocked))
			collection->not_before = 0;
	}
	app->step = APP_PICK;
}

void
client_appstate_supplied(WaClient *client)
{
	ClientApp *app = client->app;

	if (!client_appstate_waits(client) || !app->needs_told)
		return;
	app->needs_told = false;
	/* what is missing in memory must not pass for what does not exist */
	if (app->missing != WA_OK || app->work.failed)
		client_end_status(client, app->missing != WA_OK ? app->missing : app->work.status);
	else if (app->step == APP_LOAD)
		client_appstate_loaded(client);
	else
		app->step = APP_CHANGE;
}

/* ---- asking ---- */

static void
client_appstate_ask(WaClient *client, int at)
{
	ClientApp *app = client->app;
	ClientAppCollection *collection = &app->collections[at];
	WaNode *iq;
	WaNode *node;

	app->at = at;
	app->step = APP_ASKED;
	app->asked_version = collection->state.version;
	collection->is_wanted = false;
	client_appstate_forget_answer(app);
	client_output_begin(client);
	iq = client_iq_new(client, "set", "w:sync:app:state");
	node = node_add(node_add(iq, "sync"), "collection");
	node_set(node, "name", client_appstate_names[at]);
	if (collection->state.version > 0)
		node_set_u64(node, "version", collection->state.version);
	node_set(node, "return_snapshot", collection->state.version > 0 ? "false" : "true");
	client_iq_send(client, iq, IQ_APP_STATE);
	client_output_end(client);
}

static bool
client_appstate_has_key(const ClientApp *app)
{
	for (const ClientAppKey *key = app->keys; key != NULL; key = key->next)
	{
		if (key->is_known)
			return true;
	}
	return false;
}

/* The next collection that is due; without one the work is over. */
static void
client_appstate_pick(WaClient *client)
{
	ClientApp *app = client->app;
	int64_t wall = client_appstate_wall(client);
	int64_t next = INT64_MAX;

	/* the phone shares its keys soon after linking; before that there is nothing to read */
	for (int i = 0; i < APP_COLLECTIONS && client_appstate_has_key(app); i++)
	{
		ClientAppCollection *collection = &app->collections[i];

		if (!collection->is_wanted && collection->is_synced)
			continue;
		if (collection->not_before <= wall)
		{
			client_appstate_ask(client, i);
			return;
		}
		if (collection->not_before < next)
			next = collection->not_before;
	}
	client_appstate_stop(client);
	if (client->app_keys_came)
		client_appstate_look(client);
	else if (next != INT64_MAX)
		client->app_at = client->now.mono_us + (next - wall) * WA_SECOND;
}

/* ---- answers ---- */

static void
client_appstate_refused(WaClient *client, const ClientIqError *error)
{
	bool fatal = error->code == 400 || (error->code >= 404 && error->code <= 406);

	client->app->pause_us = error->backoff_us;
	client_appstate_fail(client, fatal ? APP_FAILED_DATA : APP_FAILED_NOW);
}

static const WaNode *
client_appstate_find_answer(const WaNode *answer, const char *name)
{
	const WaNode *node = node_child(node_child(answer, "sync"), "collection");

	while (node != NULL && !str_is(node_attr(node, "name"), name))
		node = node_child_next(node, "collection");
	return node;
}

static bool
client_appstate_keep_patches(ClientApp *app, const WaNode *patches)
{
	for (const WaNode *patch = node_child(patches, "patch"); patch != NULL;
		 patch = node_child_next(patch, "patch"))
	{
		uint32_t len = (uint32_t) patch->bytes.len;

		if (len > 0 && (buf_append(&app->patches, &len, sizeof(len)) != WA_OK ||
						buf_append(&app->patches, patch->bytes.data, len) != WA_OK))
			return false;
	}
	return true;
}

/* Keeps a copy of where the snapshot is; WA_ERR_MALFORMED: nowhere. */
static WaStatus
client_appstate_keep_snapshot(ClientApp *app, WaStr bytes)
{
	WaMedia *media = arena_alloc(&app->answer, sizeof(*media));
	WaStr copy = arena_str(&app->answer, bytes);

	if (app->answer.failed)
		return app->answer.status;
	app->snapshot = media;
	return appstate_blob_read(copy, media);
}

void
client_appstate_answer(WaClient *client, const WaNode *answer)
{
	ClientApp *app = client->app;
	const WaNode *node;
	const WaNode *snapshot;
	ClientIqError error;
	WaStatus status = WA_OK;

	if (app == NULL || app->step != APP_ASKED)
		return;
	if (!client_iq_ok(answer, &error))
	{
		client_appstate_refused(client, &error);
		return;
	}
	node = client_appstate_find_answer(answer, client_appstate_names[app->at]);
	if (node == NULL)
	{
		client_appstate_fail(client, APP_FAILED_NOW);
		return;
	}
	if (!client_iq_ok(node, &error)) /* an error of one collection looks like that of an iq */
	{
		client_appstate_refused(client, &error);
		return;
	}
	app->step = APP_ANSWERED;
	app->has_more = str_is(node_attr(node, "has_more_patches"), "true");
	app->told_version = 0;
	(void) node_attr_u64(node, "version", &app->told_version);
	snapshot = node_child(node, "snapshot");
	if (snapshot != NULL && snapshot->bytes.len > 0)
		status = client_appstate_keep_snapshot(app, snapshot->bytes);
	if (status == WA_ERR_MALFORMED)
		client_appstate_fail(client, APP_FAILED_DATA);
	else if (status != WA_OK || !client_appstate_keep_patches(app, node_child(node, "patches")))
		client_appstate_fail(client, APP_FAILED_NOW); /* memory: perhaps later */
}

/* All that the server has is here. */
static void
client_appstate_done(WaClient *client)
{
	ClientApp *app = client->app;
	ClientAppCollection *collection = client_appstate_at(client);
	const char *name = client_appstate_names[app->at];
	WaRecord *records = arena_alloc(&client->arena, 2 * sizeof(*records));
	int count = 0;

	app->step = APP_PICK;
	if (records == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return;
	}
	if (!collection->is_synced || collection->is_dropped || collection->is_blocked ||
		collection->failures > 0 || collection->not_before > 0)
	{
		collection->is_synced = true;
		collection->is_dropped = collection->is_blocked = false;
		collection->failures = 0;
		collection->not_before = 0;
		records[count++] = client_appstate_record_collection(&client->arena, name, collection);
	}
	/* unless something new was announced meanwhile */
	if (collection->is_marked && !collection->is_wanted)
	{
		collection->is_marked = false;
		records[count++] = client_appstate_record_mark(name, false);
	}
	if (count > 0 && client_appstate_record_tell(client, records, count))
		client_appstate_hold(client);
}

static void
client_appstate_go_on(WaClient *client)
{
	ClientApp *app = client->app;
	uint64_t version = client_appstate_at(client)->state.version;
	const WaMedia *snapshot = app->snapshot;

	app->snapshot = NULL;
	buf_free(&app->blob); /* of what was told before, and is stored now */
	app->has_blob = false;
	if (snapshot != NULL)
		client_appstate_want_blob(client, snapshot, APP_SNAPSHOT);
	else if (buf_len(&app->patches) > 0)
		app->step = APP_PATCH;
	else if (!app->has_more && version >= app->told_version)
		client_appstate_done(client);
	else if (app->has_more && version > app->asked_version)
		client_appstate_ask(client, app->at);
	else
		client_appstate_fail(client, APP_FAILED_NOW); /* less than was said, or more of nothing */
}

/* ---- blobs ---- */

/* For an event, which may outlive the work.  NULL: memory is out. */
static const WaMedia *
client_appstate_copy(WaArena *arena, const WaMedia *media)
{
	WaMedia *copy = arena_alloc(arena, sizeof(*copy));

	if (copy != NULL)
		*copy = (WaMedia){
			.kind = media->kind,
			.key = arena_str(arena, media->key),
			.direct_path = arena_str(arena, media->direct_path),
			.sha256 = arena_str(arena, media->sha256),
			.enc_sha256 = arena_str(arena, media->enc_sha256),
		};
	return arena->failed ? NULL : copy;
}

void
client_appstate_want_blob(WaClient *client, const WaMedia *media, ClientAppStep step)
{
	ClientApp *app = client->app;
	const WaMedia *copy = client_appstate_copy(&client->arena, media);
	WaEvent *event = copy != NULL ? client_event_add(client, EVENT_BLOB_WANTED) : NULL;

	if (event == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return;
	}
	app->step = APP_BLOB;
	app->blob_for = step;
	app->blob_id = ++client->app_blob_id;
	app->blob_until = client->now.mono_us + APPSTATE_BLOB_US;
	event->blob.id = app->blob_id;
	event->blob.media = copy;
}

static bool
client_appstate_awaits(const WaClient *client, uint32_t id)
{
	return client->app != NULL && client->app->step == APP_BLOB && client->app->blob_id == id;
}

WaStatus
client_blob(WaClient *client, uint32_t id, const void *data, size_t len, WaNow now)
{
	ClientApp *app = client->app;
	WaStatus status;

	client->now = now;
	if (!client_appstate_awaits(client, id))
		return WA_OK;
	buf_free(&app->blob);
	status = buf_append(&app->blob, data, len);
	if (status != WA_OK)
	{
		client_appstate_fail(client, status == WA_ERR_LIMIT ? APP_FAILED_DATA : APP_FAILED_NOW);
		return status;
	}
	app->has_blob = true;
	app->step = app->blob_for;
	return WA_OK;
}

void
client_blob_failed(WaClient *client, uint32_t id, bool gone, WaNow now)
{
	client->now = now;
	if (client_appstate_awaits(client, id))
		client_appstate_fail(client, gone ? APP_FAILED_DATA : APP_FAILED_NOW);
}

/* ---- failures ---- */

void
client_appstate_fail(WaClient *client, ClientAppFailure failure)
{
	client->app->failure = failure;
	client->app->step = APP_FAILED;
}

/* Seconds until a question that failed n times is repeated. */
static int64_t
client_appstate_pause(unsigned n)
{
	int64_t pause = APPSTATE_PAUSE;

	while (n-- > 1 && pause < APPSTATE_DAY)
		pause *= 4;
	return pause < APPSTATE_DAY ? pause : APPSTATE_DAY;
}

/* Once a day at most, over all restarts: then the record says so. */
static bool
client_appstate_may_ask_phone(WaClient *client)
{
	const ClientApp *app = client->app;
	int64_t wall = client_appstate_wall(client);

	for (const ClientAppKey *key = app->keys; key != NULL; key = key->next)
	{
		if (!key->is_known && key->id_len == app->missing_key_len &&
			memcmp(key->id, app->missing_key, key->id_len) == 0)
			return key->asked_at <= wall - APPSTATE_DAY || key->asked_at > wall;
	}
	return true;
}

void
client_appstate_asked(WaClient *client, WaStr id)
{
	WaRecord *record = arena_alloc(&client->arena, sizeof(*record));
	ClientAppKey asked = {.id_len = id.len, .asked_at = client_appstate_wall(client)};

	if (record == NULL)
		return;
	*record = client_appstate_record_asked(&client->arena, id, asked.asked_at);
	memcpy(asked.id, id.data, id.len);
	if (client->app != NULL)
		(void) client_appstate_add_key(client, &asked);
	if (client_appstate_record_tell(client, record, 1))
		client_appstate_hold(client);
}

/* The ladder: each collection on its own, and every rung is a longer wait. */
static void
client_appstate_failed(WaClient *client)
{
	ClientApp *app = client->app;
	ClientAppCollection *collection = client_appstate_at(client);
	const char *name = client_appstate_names[app->at];
	int64_t wall = client_appstate_wall(client);
	WaRecord *record = arena_alloc(&client->arena, sizeof(*record));
	int64_t pause = 0;

	if (record == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return;
	}
	client_appstate_begin(client, str_from(name));
	collection->is_wanted = true;
	switch (app->failure)
	{
		case APP_FAILED_DATA:
			collection->state = (WaAppCollection){0};
			collection->generation++; /* no patch finds what was before */
			collection->is_synced = false;
			pause = collection->is_dropped ? APPSTATE_DAY : 0;
			collection->is_dropped = true;
			break;
		case APP_FAILED_KEY:
			collection->is_blocked = true;
			pause = APPSTATE_DAY + APPSTATE_HOUR; /* then it may be asked for again */
			if (client_appstate_may_ask_phone(client) &&
				client_phone_want_key(client, (WaStr){(const char *) app->missing_key,
													  app->missing_key_len}) != WA_OK)
				pause = APPSTATE_PAUSE;
			break;
		case APP_FAILED_NOW:
			collection->failures += collection->failures < UINT8_MAX;
			pause = client_appstate_pause(collection->failures);
			break;
	}
	if (pause < app->pause_us / WA_SECOND)
		pause = app->pause_us / WA_SECOND;
	collection->not_before = pause > 0 ? wall + pause : 0;
	*record = client_appstate_record_collection(&client->arena, name, collection);
	client_appstate_forget_answer(app);
	app->step = APP_PICK;
	(void) client_appstate_record_tell(client, record, 1);
	client_appstate_end(client);
}

/* ---- going on ---- */

/* Only after the queue: keys may be in it, and what is told must not overtake it. */
static bool
client_appstate_may(const WaClient *client)
{
	return client->phase == PHASE_ONLINE && client->queue == QUEUE_DONE && !client->logout_wanted &&
		   client->persisted >= client->app_barrier;
}

int64_t
client_appstate_deadline(const WaClient *client)
{
	const ClientApp *app = client->app;

	if (!client_appstate_may(client))
		return WA_NEVER;
	if (app == NULL)
		return client->app_at;
	switch (app->step)
	{
		case APP_LOAD:
		case APP_VALUES:
		case APP_ASKED:
			return WA_NEVER;
		case APP_BLOB:
			return app->blob_until;
		default:
			return client->now.mono_us;
	}
}

bool
client_appstate_next(WaClient *client)
{
	ClientApp *app = client->app;

	if (client->now.mono_us < client_appstate_deadline(client))
		return false;
	if (app == NULL)
	{
		client_appstate_start(client);
		return true;
	}
	switch (app->step)
	{
		case APP_PICK:
			client_appstate_pick(client);
			break;
		case APP_ANSWERED:
			client_appstate_go_on(client);
			break;
		case APP_FAILED:
			client_appstate_failed(client);
			break;
		case APP_BLOB:
			client_appstate_fail(client, APP_FAILED_NOW); /* the host has lost it */
			break;
		default:
			client_appstate_apply(client);
			break;
	}
	return true;
}
