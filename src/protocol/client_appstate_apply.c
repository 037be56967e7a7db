/*
 * client_appstate_apply.c
 *		App state: snapshots and patches made into events.  Sheet 2 section 8.3.
 *
 * A snapshot is verified as a whole before anything of it is told, and told in
 * slices; its state is told with the last of them, so that one that was cut off
 * is fetched again.  A patch is one unit, however large.
 *
 * What the MACs of a patch or a snapshot vouch for is its list of records.  A
 * record whose own MACs do not fit was written so by some device: it is passed
 * over, or it would end the collection for ever.
 */
#include "client_appstate.h"

#include <string.h>

#define APPLY_SUM 64             /* records that are summed in one step */
#define APPLY_SLICE 256          /* records of one unit */
#define APPLY_SLICE_BYTES 262144 /* after which a unit ends, too */
#define APPLY_MAX_NEEDS 1024     /* indexes that are asked for by name; more: all of them */

static const char *
name_at(const WaClient *client)
{
	return client_appstate_names[client->app->at];
}

static WaStr
blob_of(const ClientApp *app)
{
	if (!app->has_blob)
		return WA_STR_NONE;
	return (WaStr){(const char *) buf_data(&app->blob), buf_len(&app->blob)};
}

/* The first of patches. */
static WaStr
first_patch(const ClientApp *app)
{
	const uint8_t *at = buf_data(&app->patches);
	uint32_t len;

	memcpy(&len, at, sizeof(len));
	return (WaStr){(const char *) at + sizeof(len), len};
}

static void
drop_patch(ClientApp *app)
{
	buf_consume(&app->patches, sizeof(uint32_t) + first_patch(app).len);
	arena_free(&app->work);
	app->step = APP_ANSWERED;
}

/* What is wrong with the data starts the collection anew; the rest is the client's trouble. */
static void
fault(WaClient *client, WaStatus status)
{
	switch (status)
	{
		case WA_ERR_NOMEM:
		case WA_ERR_CRYPTO: /* of MACs: OpenSSL has no memory either */
			client_end_status(client, status);
			break;
		default:
			client_appstate_fail(client, APP_FAILED_DATA);
			break;
	}
}

/* ---- keys ---- */

static const ClientAppKey *
find_key(const ClientApp *app, WaStr id)
{
	const ClientAppKey *key = app->keys;

	while (key != NULL &&
		   !(key->is_known && key->id_len == id.len && memcmp(key->id, id.data, id.len) == 0))
		key = key->next;
	return key;
}

/* The expanded key; NULL: not known, or memory is out. */
static const WaAppKeys *
keys_of(ClientApp *app, WaStr id)
{
	const ClientAppKey *key = find_key(app, id);

	if (key == NULL)
		return NULL;
	if (key != app->expanded_key)
	{
		app->expanded_key = NULL;
		if (appstate_keys(key->key, &app->expanded) != WA_OK)
			return NULL;
		app->expanded_key = key;
	}
	return &app->expanded;
}

/* False: this key is missing, and the collection has to wait for it. */
static bool
has_key(WaClient *client, WaStr id)
{
	ClientApp *app = client->app;

	if (find_key(app, id) != NULL)
		return true;
	memcpy(app->missing_key, id.data, id.len);
	app->missing_key_len = id.len;
	client_appstate_fail(client, APP_FAILED_KEY);
	return false;
}

/* ---- telling ---- */

/* What a unit tells. */
typedef struct Telling
{
	WaAppAction *actions;
	int n_actions;
	WaAlias *aliases;
	WaAlias **last_alias;
	WaRecord *records;
	int n_records;
} Telling;

static bool
start_telling(WaClient *client, Telling *telling, size_t most)
{
	*telling = (Telling){
		.actions = arena_alloc(&client->arena, (most + 1) * sizeof(WaAppAction)),
		.records = arena_alloc(&client->arena, (most + 1) * sizeof(WaRecord)),
	};
	telling->last_alias = &telling->aliases;
	return !client->arena.failed;
}

static void
add_record(WaClient *client, Telling *telling, const WaAppRecord *record)
{
	const WaAppKeys *keys = keys_of(client->app, record->key_id);
	WaAppAction *action = &telling->actions[telling->n_actions];
	WaAppData data;

	if (keys == NULL || appstate_record_open(&client->arena, keys, record, &data) != WA_OK)
		return;
	if (appstate_action(&client->arena, record->operation, &data, action))
	{
		if (action->kind == APP_PUSH_NAME)
			action->who = identity_from(&client->arena, str_from(client->device.jid),
										str_from(client->device.lid));
		telling->n_actions++;
	}
	*telling->last_alias = appstate_alias(&client->arena, &data);
	if (*telling->last_alias != NULL)
		telling->last_alias = &(*telling->last_alias)->next;
}

static void
add_value(WaClient *client, Telling *telling, const WaAppRecord *record)
{
	telling->records[telling->n_records++] =
		client_appstate_record_value(&client->arena, name_at(client), record->index_mac,
									 record->operation == APPSTATE_SET ? record->value_mac : NULL,
									 client_appstate_at(client)->generation);
}

/* One unit out of bytes: people, what was set, and the collection as it is now. */
static void
tell(WaClient *client, Telling *telling, WaStr bytes)
{
	WaEvent *event;

	telling->records[telling->n_records++] = client_appstate_record_collection(
		&client->arena, name_at(client), client_appstate_at(client));
	if (client->arena.failed)
	{
		client_end_status(client, client->arena.status); /* rather nothing than half of it */
		return;
	}
	client_appstate_begin(client, bytes);
	client_event_aliases(client, telling->aliases, "app_state");
	for (int i = 0; i < telling->n_actions; i++)
	{
		if (telling->actions[i].kind == APP_PUSH_NAME)
			client_login_push_name(client, telling->actions[i].name);
	}
	if (telling->n_actions > 0 && (event = client_event_add(client, EVENT_APP_ACTIONS)) != NULL)
	{
		event->app_actions.list = telling->actions;
		event->app_actions.count = telling->n_actions;
	}
	(void) client_appstate_record_tell(client, telling->records, telling->n_records);
	client_appstate_end(client);
}

/* ---- snapshots ---- */

static void
take_snapshot(WaClient *client)
{
	ClientApp *app = client->app;
	WaAppWalk walk;
	WaAppRecord record;
	WaStatus status = appstate_snapshot_read(blob_of(app), &app->sum);

	if (status != WA_OK)
	{
		fault(client, status);
		return;
	}
	if (!has_key(client, app->sum.key_id))
		return;
	appstate_walk(&walk, APPSTATE_SNAPSHOT, blob_of(app));
	while ((status = appstate_walk_next(&walk, &record)) == WA_OK)
	{
		if (!has_key(client, record.key_id))
			return;
	}
	if (status == WA_NEED_MORE)
		app->step = APP_SUM;
	else
		fault(client, status);
}

static void
sum_snapshot(WaClient *client)
{
	ClientApp *app = client->app;
	ClientAppCollection *collection = client_appstate_at(client);
	const WaAppKeys *keys;
	WaStatus status = appstate_snapshot_sum(&app->sum, APPLY_SUM);

	if (status == WA_NEED_MORE)
		return;
	keys = keys_of(app, app->sum.key_id);
	if (status == WA_OK)
		status = keys == NULL
					 ? WA_ERR_NOMEM
					 : appstate_snapshot_verify(&app->sum, keys, str_from(name_at(client)));
	if (status != WA_OK)
	{
		fault(client, status);
		return;
	}
	/* until its end is told the collection has no state, and what it had is void */
	collection->state = (WaAppCollection){0};
	collection->is_synced = false;
	collection->generation++;
	appstate_walk(&app->walk, APPSTATE_SNAPSHOT, blob_of(app));
	app->step = APP_TELL;
}

static void
tell_slice(WaClient *client)
{
	ClientApp *app = client->app;
	const uint8_t *from = app->walk.wire.at;
	Telling telling;
	WaAppRecord record;
	WaStatus status = WA_OK;
	WaStr bytes;

	if (!start_telling(client, &telling, APPLY_SLICE))
	{
		client_end_status(client, client->arena.status);
		return;
	}
	for (int i = 0; i < APPLY_SLICE && app->walk.wire.at - from < APPLY_SLICE_BYTES; i++)
	{
		status = appstate_walk_next(&app->walk, &record);
		if (status != WA_OK)
			break;
		add_record(client, &telling, &record);
		add_value(client, &telling, &record);
	}
	bytes = (WaStr){(const char *) from, (size_t) (app->walk.wire.at - from)};
	if (status == WA_NEED_MORE)
	{
		client_appstate_at(client)->state = app->sum.collection;
		app->step = APP_ANSWERED;
	}
	tell(client, &telling,
		 bytes.len > 0 ? arena_str(&client->arena, bytes) : str_from(name_at(client)));
}

/* ---- patches ---- */

static bool
keys_are_known(WaClient *client)
{
	ClientApp *app = client->app;

	if (!has_key(client, app->patch.key_id))
		return false;
	for (size_t i = 0; i < app->change.n; i++)
	{
		if (!has_key(client, app->change.list[i].record.key_id))
			return false;
	}
	return true;
}

static WaStatus
read_patch(WaClient *client)
{
	ClientApp *app = client->app;
	const WaAppKeys *keys;
	WaStatus status;

	arena_free(&app->work);
	status = appstate_change_read(&app->work, first_patch(app), blob_of(app), &app->change);
	if (status != WA_OK || !keys_are_known(client))
		return status;
	keys = keys_of(app, app->patch.key_id);
	if (keys == NULL)
		return WA_ERR_NOMEM;
	status = appstate_change_verify(&app->work, &app->change, &app->patch, keys,
									str_from(name_at(client)));
	if (status != WA_OK)
		return status;
	app->n_firsts = app->next_need = 0;
	for (size_t i = 0; i < app->change.n; i++)
		app->n_firsts += app->change.list[i].is_first;
	app->step = app->n_firsts > 0 ? APP_VALUES : APP_CHANGE;
	return WA_OK;
}

static void
take_patch(WaClient *client)
{
	ClientApp *app = client->app;
	uint64_t version = client_appstate_at(client)->state.version;
	WaStatus status = appstate_patch_read(first_patch(app), &app->patch);

	if (status == WA_OK)
	{
		if (app->patch.version == 0)
			app->patch.version = version + 1;
		if (app->patch.version <= version)
		{
			drop_patch(app); /* we have it: in the snapshot, or from before */
			return;
		}
		if (app->patch.has_external && !app->has_blob)
		{
			client_appstate_want_blob(client, &app->patch.external, APP_PATCH);
			return;
		}
		status = read_patch(client);
	}
	if (status != WA_OK)
		fault(client, status);
}

static void
tell_change(WaClient *client)
{
	ClientApp *app = client->app;
	const WaAppKeys *keys = keys_of(app, app->patch.key_id);
	Telling telling;
	WaStr bytes;
	WaStatus status = keys == NULL ? WA_ERR_NOMEM
								   : appstate_change_apply(&app->change, &app->patch, keys,
														   str_from(name_at(client)),
														   &client_appstate_at(client)->state);

	if (status == WA_OK && !start_telling(client, &telling, app->change.n))
		status = client->arena.status;
	if (status != WA_OK)
	{
		fault(client, status);
		return;
	}
	for (size_t i = 0; i < app->change.n; i++)
	{
		const WaAppMutation *mutation = &app->change.list[i];

		add_record(client, &telling, &mutation->record);
		if (mutation->is_last)
			add_value(client, &telling, &mutation->record);
	}
	bytes = arena_str(&client->arena, first_patch(app));
	drop_patch(app);
	tell(client, &telling, bytes);
}

/* ---- earlier values ---- */

bool
client_appstate_apply_need(WaClient *client, WaNeed *need)
{
	ClientApp *app = client->app;
	const WaAppChange *change = &app->change;

	*need = (WaNeed){
		.kinds = RECORD_BIT(RECORD_APP_VALUE),
		.chat = str_from(name_at(client)),
		.any_name = app->n_firsts > APPLY_MAX_NEEDS,
	};
	if (need->any_name)
		return app->next_need++ == 0;
	while (app->next_need < change->n && !change->list[app->next_need].is_first)
		app->next_need++;
	if (app->next_need == change->n)
		return false;
	need->name = client_appstate_record_value_name(&app->work,
												   change->list[app->next_need++].record.index_mac);
	return true;
}

WaStatus
client_appstate_apply_supply(WaClient *client, const WaRecord *record)
{
	ClientApp *app = client->app;
	uint8_t index_mac[APPSTATE_MAC_LEN];
	uint8_t *value_mac;

	if (record->kind != RECORD_APP_VALUE || !str_is(record->chat, name_at(client)))
		return WA_OK;
	value_mac = arena_alloc(&app->work, APPSTATE_MAC_LEN);
	if (value_mac == NULL)
		return app->work.status;
	if (client_appstate_record_read_value(record, client_appstate_at(client)->generation, index_mac,
										  value_mac))
		appstate_change_previous(&app->change, index_mac, value_mac);
	return WA_OK;
}

/* ---- steps ---- */

void
client_appstate_apply(WaClient *client)
{
	switch (client->app->step)
	{
		case APP_SNAPSHOT:
			take_snapshot(client);
			break;
		case APP_SUM:
			sum_snapshot(client);
			break;
		case APP_TELL:
			tell_slice(client);
			break;
		case APP_PATCH:
			take_patch(client);
			break;
		case APP_CHANGE:
			tell_change(client);
			break;
		default:
			break;
	}
}
