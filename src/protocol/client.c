/*
 * client.c
 *		A client's life: made, started, connected, ended, started again.
 *
 * Whatever ends a connection goes through client_end with a WaFailure, which
 * alone decides the status that is shown and when the next attempt comes.
 * From PHASE_CLOSING only the host's client_disconnected leads on.
 */
#include "client_internal.h"

#include <string.h>

#include "cert.h"
#include "frame.h"
#include "payload.h"

#define CLIENT_HELLO_US                                                                            \
	(20 * WA_SECOND) /* the server's hello is due within (sheet 1 section 1.1) */

const char *
client_status_name(WaBotStatus status)
{
	switch (status)
	{
		case BOT_OFFLINE:
			return "offline";
		case BOT_CONNECTING:
			return "connecting";
		case BOT_QR:
			return "qr";
		case BOT_ONLINE:
			return "online";
		case BOT_ERROR:
			return "error";
		case BOT_LOGGED_OUT:
			return "logged_out";
		case BOT_BANNED:
			return "banned";
		case BOT_PASSKEY_REQUIRED:
			return "passkey_required";
	}
	return "unknown";
}

void
client_config_defaults(WaClientConfig *config)
{
	*config = (WaClientConfig){
		.version = {PAYLOAD_VERSION_PRIMARY, PAYLOAD_VERSION_SECONDARY, PAYLOAD_VERSION_TERTIARY},
		.device_name = "PostgreSQL",
		.edge_routing = true,
		.prekey_batch = PREKEY_MAX_BATCH,
		.group_queries_per_minute = 10,
		.link_timeout_us = 300 * WA_SECOND,
		.iq_timeout_us = 60 * WA_SECOND,
		.keepalive_us = 25 * WA_SECOND,
		.deaf_after_us = 180 * WA_SECOND,
	};
	memcpy(config->root_key, cert_root_key, sizeof(config->root_key));
}

/* ---- made and destroyed ---- */

static bool
client_config_valid(const WaClientConfig *config)
{
	return config->env != NULL && config->device_name != NULL && config->prekey_batch >= 1 &&
		   config->prekey_batch <= PREKEY_MAX_BATCH && config->group_queries_per_minute >= 1 &&
		   config->link_timeout_us > 0 && config->iq_timeout_us > 0 && config->keepalive_us > 0 &&
		   config->deaf_after_us > 0;
}

void
client_free(const WaClient *client, void *ptr)
{
	if (ptr != NULL)
		client->env->free(client->env->ctx, ptr);
}

WaStatus
client_create(const WaClientConfig *config, const WaDevice *device, WaClient **out)
{
	const WaEnv *env = config->env;
	WaClient *client;
	size_t name_len;
	char *name;

	*out = NULL;
	if (!client_config_valid(config))
		return WA_ERR_ARGUMENT;
	name_len = strlen(config->device_name);
	client = env->alloc(env->ctx, sizeof(*client));
	name = env->alloc(env->ctx, name_len + 1);
	if (client == NULL || name == NULL)
	{
		if (client != NULL)
			env->free(env->ctx, client);
		if (name != NULL)
			env->free(env->ctx, name);
		return WA_ERR_NOMEM;
	}
	memset(client, 0, sizeof(*client));
	memcpy(name, config->device_name, name_len + 1);
	client->config = *config;
	client->config.device_name = name;
	client->env = env;
	client->device = *device;
	client->status = BOT_OFFLINE;
	client->retry_at = WA_NEVER;
	client->upload_at = WA_NEVER;
	client->link_deadline = WA_NEVER;
	client->relogin_at = WA_NEVER;
	client->seen_wall_us = config->last_online_us;
	client->tokens_us = 60 * WA_SECOND;
	client->asks_at = WA_NEVER;
	client->rest_at = WA_NEVER;
	client->app_at = WA_NEVER;
	arena_init(&client->arena, env, WA_MAX_STANZA_MEMORY);
	arena_init(&client->delivery_arena, env, WA_MAX_STANZA_MEMORY);
	client_output_init(client);
	client_offline_reset(client);
	*out = client;
	return WA_OK;
}

/* Everything that belongs to one connection. */
static void
client_reset_connection(WaClient *client)
{
	client_output_reset(client);
	client_handshake_reset(client);
	client_iq_reset(client);
	client_link_reset(client);
	client_offline_reset(client);
	client_groups_reset(client);
	client_records_reset(client);
	client_phone_reset(client);
	client_delivery_reset(client);
	client_media_reset(client);
	client_appstate_reset(client);
	if (client->upload != NULL)
		client->upload->in_flight = false;
	client->gone = false;
	client->gone_why = NULL;
}

void
client_destroy(WaClient *client)
{
	const WaEnv *env;

	if (client == NULL)
		return;
	env = client->env;
	client_event_reset(client);
	client_event_forget_aliases(client);
	client_reset_connection(client);
	client_groups_free(client);
	client_phone_free(client);
	client_retry_free(client);
	client_free(client, client->upload);
	client_free(client, client->detail);
	client_free(client, (void *) client->config.device_name);
	crypto_wipe(client, sizeof(*client));
	env->free(env->ctx, client);
}

const WaDevice *
client_device(const WaClient *client)
{
	return &client->device;
}

int64_t
client_last_online_us(const WaClient *client)
{
	return client->seen_wall_us;
}

WaBotStatus
client_status(const WaClient *client)
{
	return client->status;
}

static size_t
client_buf_memory(const WaBuf *buf)
{
	return buf->capacity;
}

size_t
client_memory(const WaClient *client)
{
	size_t bytes = sizeof(*client) + strlen(client->config.device_name) + 1;

	bytes += client->arena.used + client->delivery_arena.used + client->detail_len;
	bytes += client_buf_memory(&client->in) + client_buf_memory(&client->out);
	bytes += client_buf_memory(&client->stage) + client_buf_memory(&client->held);
	bytes += (size_t) client->n_iqs * sizeof(ClientIq);
	for (const ClientAsk *ask = client->asks; ask != NULL; ask = ask->next)
		bytes += sizeof(*ask) + ask->jid_len;
	bytes += client->aliases_room * sizeof(*client->aliases);
	bytes += client_records_memory(client) + client_phone_memory(client);
	bytes += client_retry_memory(client);
	bytes += client_appstate_memory(client);
	if (client->noise != NULL)
		bytes += sizeof(*client->noise);
	if (client->link != NULL)
		bytes += sizeof(*client->link) + client_buf_memory(&client->link->refs);
	if (client->upload != NULL)
		bytes += sizeof(*client->upload) + (size_t) client->upload->count * CRYPTO_KEY_LEN;
	return bytes;
}

/* ---- status ---- */

static void
client_set_detail(WaClient *client, WaStr detail)
{
	size_t len = detail.len < CLIENT_MAX_DETAIL ? detail.len : CLIENT_MAX_DETAIL;
	char *copy = len > 0 ? client->env->alloc(client->env->ctx, len) : NULL;

	if (copy != NULL)
		memcpy(copy, detail.data, len);
	client_free(client, client->detail);
	client->detail = copy;
	client->detail_len = copy != NULL ? len : 0;
}

static bool
client_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
client_set_status(WaClient *client, const WaFailure *what)
{
	size_t len = what->detail.len < CLIENT_MAX_DETAIL ? what->detail.len : CLIENT_MAX_DETAIL;

	if (client->status == what->status && client->code == what->code &&
		client->until == what->until && client_same_text(client->reason, what->reason) &&
		client_same_text(client->hint, what->hint) && client->detail_len == len &&
		(len == 0 || memcmp(client->detail, what->detail.data, len) == 0))
		return;
	client->status = what->status;
	client->reason = what->reason;
	client->hint = what->hint;
	client->code = what->code;
	client->until = what->until;
	client_set_detail(client, what->detail);
	client_event_status(client);
}

void
client_show(WaClient *client, const WaFailure *what)
{
	/* once the connection has ended, why it did is what counts */
	if (client_has_stream(client))
		client_set_status(client, what);
}

/* ---- the end of a connection ---- */

bool
client_has_stream(const WaClient *client)
{
	return client->phase >= PHASE_LOGIN && client->phase <= PHASE_ONLINE;
}

static bool
client_has_socket(const WaClient *client)
{
	return client->phase >= PHASE_HELLO && client->phase <= PHASE_ONLINE;
}

/* Microseconds until the next attempt, -1 never. */
static int64_t
client_delay(WaClient *client, WaFailure *failure)
{
	int64_t delay;

	if (failure->penalty > 0)
		backoff_penalty(&client->backoff, failure->penalty);
	if (failure->attempts > 0 && ++client->refusals >= failure->attempts)
		failure->policy = FAILURE_STOP;
	switch (failure->policy)
	{
		case FAILURE_NOW:
			return backoff_restart(&client->backoff, client->env);
		case FAILURE_RETRY:
			return backoff_next(&client->backoff, client->env);
		case FAILURE_SLOW:
			return backoff_next_slow(&client->backoff, client->env);
		case FAILURE_UNTIL:
			delay = failure->until * WA_SECOND - client->now.wall_us;
			return delay < BACKOFF_SLOW_US ? BACKOFF_SLOW_US : delay;
		case FAILURE_STOP:
			break;
	}
	return -1;
}

void
client_end(WaClient *client, const WaFailure *why)
{
	WaFailure failure = *why;
	int64_t delay;

	if (client->phase == PHASE_IDLE || client->phase == PHASE_CLOSING)
		return;
	if (client->phase == PHASE_ONLINE &&
		client->now.mono_us - client->online_at >= BACKOFF_STABLE_US)
		backoff_reset(&client->backoff);
	delay = client_delay(client, &failure);
	/* a server that refuses us for good cannot be told: then this end of the link goes alone */
	if (client->logout_wanted && delay < 0)
	{
		failure = failure_local(FAILURE_LOGOUT);
		failure.code = why->code;
		failure.detail = why->detail;
	}
	client->retry_at = delay < 0 ? WA_NEVER : client->now.mono_us + delay;

	if (failure.status == BOT_LOGGED_OUT)
	{
		client->logout_wanted = false;
		client->fresh_device = true;
	}
	if (client_has_socket(client))
		client->phase = PHASE_CLOSING;
	else
		client->phase = delay < 0 ? PHASE_IDLE : PHASE_WAIT;
	/* the reason why linking cannot work outlives the attempts to link */
	if (client->status != BOT_PASSKEY_REQUIRED ||
		(failure.status != BOT_CONNECTING && failure.status != BOT_OFFLINE))
		client_set_status(client, &failure);

	/* a longer pause is news, and so is the last attempt; at the cap it is none any more */
	if (delay > client->told_retry_us + client->told_retry_us / 4 ||
		(delay < 0 && client->told_retry_us >= 0))
		client_event_status(client);
	client->told_retry_us = delay;
}

void
client_end_for(WaClient *client, FailureKind kind)
{
	client_end_why(client, kind, NULL);
}

void
client_end_why(WaClient *client, FailureKind kind, const char *why)
{
	WaFailure failure = failure_local(kind);

	failure.detail = str_from(why);
	client_end(client, &failure);
}

void
client_end_status(WaClient *client, WaStatus status)
{
	FailureKind kind = failure_kind_of(status);

	client_end_why(client, kind, kind == FAILURE_PROTOCOL ? status_name(status) : NULL);
}

/* The socket is gone and nothing of its input is left to handle. */
static void
client_closed(WaClient *client)
{
	client_reset_connection(client);
	if (client->retry_at == WA_NEVER)
		client->phase = PHASE_IDLE;
	else
		client->phase = client->retry_at <= client->now.mono_us ? PHASE_DIAL : PHASE_WAIT;
}

static void
client_lost(WaClient *client, const char *why)
{
	if (client->phase == PHASE_HELLO && client->routing_used)
	{
		/* perhaps a server that does not know the prefix (sheet 1 section 1.3) */
		memset(client->device.routing, 0, sizeof(client->device.routing));
		client->device.routing_len = 0;
		client->routing_used = false;
		if (client_event_add(client, EVENT_DEVICE) == NULL)
			return;
	}
	if (client->relogin_at != WA_NEVER)
		client_end_for(client, FAILURE_LINKED);
	else if (why != NULL && strcmp(why, "certificate") == 0)
		client_end_for(client, FAILURE_TLS);
	else if (client->phase == PHASE_DIAL)
		client_end_why(client, FAILURE_CONNECTION_FAILED, why);
	else
		client_end_why(client, FAILURE_CONNECTION_LOST, why);
}

bool
client_finish_gone(WaClient *client)
{
	if (!client->gone)
		return false;
	client_lost(client, client->gone_why);
	client_closed(client);
	return true;
}

/* Whether the input has a whole frame that can still be handled. */
static bool
client_has_frame(const WaClient *client)
{
	const uint8_t *payload;
	size_t len;
	size_t consumed;

	return client_has_stream(client) && frame_next(buf_data(&client->in), buf_len(&client->in),
												   &payload, &len, &consumed) == WA_OK;
}

void
client_disconnected(WaClient *client, const char *why, WaNow now)
{
	client->now = now;
	if (client->phase == PHASE_DIAL)
		client_lost(client, why);
	else if (client->phase == PHASE_CLOSING)
		client_closed(client);
	else if (client_has_socket(client) && !client->gone)
	{
		/* the last words of a server tell more than the closed socket */
		client->gone = true;
		client->gone_why = why;
		if (client->first_event == NULL && client->step == NULL && !client_has_frame(client))
			client_finish_gone(client);
	}
}

WaStatus
client_connected(WaClient *client, WaNow now)
{
	WaStatus status;

	client->now = now;
	client_finish_gone(client);
	if (client->phase != PHASE_DIAL)
		return WA_ERR_STATE;
	client->phase = PHASE_HELLO;
	client->last_in = now.mono_us;
	client->phase_deadline =
		now.mono_us + (client->config.iq_timeout_us < CLIENT_HELLO_US ? client->config.iq_timeout_us
																	  : CLIENT_HELLO_US);
	status = client_handshake_start(client);
	if (status != WA_OK)
		client_end_status(client, status);
	return status;
}

/* ---- what the host wants ---- */

static void
client_dial(WaClient *client)
{
	client->phase = PHASE_DIAL;
	client->retry_at = client->now.mono_us;
}

/* The keys of a removed device are refused for ever (sheet 1 section 9.4). */
bool
client_renew_device(WaClient *client)
{
	WaDevice fresh;
	WaStatus status = device_create(client->env, &fresh);

	if (status == WA_OK && client_event_add(client, EVENT_DEVICE) == NULL)
		status = WA_ERR_NOMEM;
	if (status == WA_OK)
	{
		client->device = fresh;
		client->fresh_device = false;
		client_free(client, client->upload);
		client->upload = NULL;
		client->upload_at = WA_NEVER;
		client->seen_wall_us = 0;
	}
	crypto_wipe(&fresh, sizeof(fresh));
	if (status != WA_OK)
	{
		WaFailure failure = failure_local(failure_kind_of(status));

		failure.status = BOT_ERROR;
		client_set_status(client, &failure);
	}
	return status == WA_OK;
}

static void
client_go(WaClient *client)
{
	WaFailure connecting = {.status = BOT_CONNECTING};

	/* whoever asks while codes are on show wants to see more of them */
	client->link_deadline = client->now.mono_us + client->config.link_timeout_us;
	if (client->phase >= PHASE_DIAL && client->phase <= PHASE_ONLINE)
		return;
	if (client->fresh_device && !client_renew_device(client))
		return;
	backoff_reset(&client->backoff);
	client->refusals = 0;
	client->told_retry_us = 0;
	if (client->phase == PHASE_CLOSING)
		client->retry_at = client->now.mono_us; /* as soon as the old socket is gone */
	else
		client_dial(client);
	client_set_status(client, &connecting);
}

void
client_start(WaClient *client, WaNow now)
{
	client->now = now;
	client->logout_wanted = false;
	client_go(client);
}

void
client_stop(WaClient *client, WaNow now)
{
	WaFailure offline = {.status = BOT_OFFLINE, .policy = FAILURE_STOP};

	client->now = now;
	client->logout_wanted = false;
	client->pair_phone[0] = '\0';
	client->retry_at = WA_NEVER;
	if (client->phase == PHASE_IDLE || client->phase == PHASE_CLOSING)
		client_set_status(client, &offline);
	else
	{
		client_end(client, &offline);
		client_set_status(client, &offline); /* whatever linking had shown */
	}
}

void
client_set_version(WaClient *client, const uint32_t version[3], WaNow now)
{
	client->now = now;
	memcpy(client->config.version, version, sizeof(client->config.version));
	if (client->phase == PHASE_WAIT && client->reason != NULL &&
		strcmp(client->reason, "client_outdated") == 0)
		client_dial(client);
}

WaStatus
client_pair_code(WaClient *client, const char *phone, WaNow now)
{
	WaStatus status = pairing_check_phone(phone);

	client->now = now;
	if (status != WA_OK)
		return status;
	if (device_is_linked(&client->device) && !client->fresh_device)
		return WA_ERR_STATE;
	memset(client->pair_phone, 0, sizeof(client->pair_phone));
	memcpy(client->pair_phone, phone, strlen(phone));
	if (client->phase == PHASE_LINK)
	{
		client_output_begin(client);
		client_link_ask_code(client);
		client_output_end(client);
	}
	else
		client_go(client);
	return WA_OK;
}

WaStatus
client_logout(WaClient *client, WaNow now)
{
	WaFailure done = failure_local(FAILURE_LOGOUT);

	client->now = now;
	if (!device_is_linked(&client->device) || client->fresh_device)
	{
		client_end(client, &done);
		client->retry_at = WA_NEVER;
		client->fresh_device = true;
		client_set_status(client, &done);
		return WA_OK;
	}
	if (client->logout_wanted)
		return WA_OK;
	client->logout_wanted = true;
	if (client->phase == PHASE_ONLINE || client->phase == PHASE_SETUP)
	{
		client_output_begin(client);
		client_login_logout(client);
		client_output_end(client);
	}
	else
		client_go(client);
	return WA_OK;
}

WaStatus
client_query_group(WaClient *client, WaStr group_jid, WaNow now)
{
	client->now = now;
	return client_groups_want(client, group_jid);
}

WaStatus
client_query_all_groups(WaClient *client, WaNow now)
{
	client->now = now;
	client_groups_want_list(client);
	return WA_OK;
}

/* ---- bytes and time ---- */

WaStatus
client_feed(WaClient *client, const uint8_t *data, size_t len, WaNow now)
{
	WaStatus status;

	client->now = now;
	if (!client_has_socket(client) || client->gone)
		return WA_OK; /* closing: nobody listens any more */
	client_keepalive_input(client);
	status = buf_append(&client->in, data, len);
	if (status == WA_ERR_LIMIT)
		client_end_for(client, FAILURE_OVERFLOW);
	else if (status != WA_OK)
		client_end_status(client, status);
	return status;
}

unsigned
client_wants(const WaClient *client)
{
	unsigned wants = 0;

	if (client->phase == PHASE_DIAL)
		return CLIENT_WANTS_CONNECT;
	if (client->step != NULL && client->wait == WAIT_RECORDS && client_has_stream(client))
		wants |= CLIENT_WANTS_RECORDS;
	if (client->gone || client->phase < PHASE_HELLO)
		return wants;
	if (client_appstate_waits(client))
		wants |= CLIENT_WANTS_RECORDS;
	if (buf_len(&client->out) > 0)
		wants |= CLIENT_WANTS_WRITE;
	if (client->phase == PHASE_CLOSING)
		wants |= CLIENT_WANTS_CLOSE;
	return wants;
}

static int64_t
client_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
client_deadline(const WaClient *client)
{
	int64_t deadline = WA_NEVER;

	if (client->gone && client->step != NULL && client_has_stream(client) && !client->more)
		return WA_NEVER; /* the host's records are due, or its commit */
	if (client->gone || client->more)
		return client->now.mono_us;
	switch (client->phase)
	{
		case PHASE_IDLE:
		case PHASE_DIAL:
		case PHASE_CLOSING:
			return WA_NEVER;
		case PHASE_WAIT:
			deadline = client->retry_at;
			if (!device_is_linked(&client->device))
				deadline = client_sooner(deadline, client->link_deadline);
			return deadline;
		case PHASE_HELLO:
			return client->phase_deadline;
		case PHASE_LOGIN:
			deadline = client->phase_deadline;
			break;
		default:
			break;
	}
	deadline = client_sooner(deadline, client_iq_deadline(client));
	deadline = client_sooner(deadline, client_keepalive_deadline(client));
	deadline = client_sooner(deadline, client_link_deadline(client));
	deadline = client_sooner(deadline, client_login_deadline(client));
	deadline = client_sooner(deadline, client_offline_deadline(client));
	deadline = client_sooner(deadline, client_groups_deadline(client));
	deadline = client_sooner(deadline, client_records_deadline(client));
	deadline = client_sooner(deadline, client_phone_deadline(client));
	deadline = client_sooner(deadline, client_media_deadline(client));
	deadline = client_sooner(deadline, client_appstate_deadline(client));
	return deadline;
}

static void
client_tick_stream(WaClient *client)
{
	client_output_begin(client);
	client_iq_tick(client);
	client_keepalive_tick(client);
	client_link_tick(client);
	client_login_tick(client);
	client_offline_tick(client);
	client_groups_tick(client);
	client_records_tick(client);
	client_media_tick(client);
	client_output_end(client);
}

void
client_tick(WaClient *client, WaNow now)
{
	client->now = now;
	if (client->gone)
		return; /* client_next_event comes first */
	if (client->phase == PHASE_WAIT)
	{
		if (!device_is_linked(&client->device) && now.mono_us >= client->link_deadline)
			client_end_for(client, FAILURE_LINK_TIMEOUT);
		else if (now.mono_us >= client->retry_at)
			client_dial(client);
	}
	else if ((client->phase == PHASE_HELLO || client->phase == PHASE_LOGIN) &&
			 now.mono_us >= client->phase_deadline)
		client_end_why(client, FAILURE_TIMEOUT,
					   client->phase == PHASE_HELLO ? "no answer to the hello"
													: "no answer to the login");
	else if (client_has_stream(client))
		client_tick_stream(client);
}
