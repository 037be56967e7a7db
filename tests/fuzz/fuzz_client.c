/*
 * fuzz_client.c
 *		A client and a script of what may happen to it: stanzas, bytes that are
 *		none, time, lost connections, commits, commands.
 *
 * The input: which allocation fails, what kind of device, then operations.
 * Whatever comes, the client's own words stay readable in their order, its
 * epochs grow by one, its deadlines move, its memory is bounded and given back.
 */
#include <string.h>

#include "client_internal.h"
#include "frame.h"
#include "node.h"
#include "target.h"

#define MAX_MEMORY (8 << 20)
#define MAX_ID 64

typedef struct Script
{
	const uint8_t *at;
	const uint8_t *end;
	WaClient *client;
	WaTransport server;
	WaNow now;
	uint64_t epoch;
	char last_iq[MAX_ID]; /* the last question of the client */
} Script;

static uint8_t
next(Script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

/* So many bytes of the rest, at most what is left. */
static const uint8_t *
take(Script *script, size_t *len)
{
	const uint8_t *bytes = script->at;
	size_t left = (size_t) (script->end - script->at);

	if (*len > left)
		*len = left;
	script->at += *len;
	return bytes;
}

static void
connect(Script *script)
{
	WaTransport transport = {.write_key = {1}, .read_key = {2}};

	script->server = (WaTransport){.write_key = {2}, .read_key = {1}};
	client_handshake_skip(script->client, &transport, script->now);
	script->last_iq[0] = '\0';
}

static void
feed_plain(Script *script, const uint8_t *plain, size_t len)
{
	WaBuf wire;

	buf_init(&wire, env_default(), 1 << 20);
	TARGET_CHECK(noise_seal(&script->server, plain, len, &wire) == WA_OK);
	(void) client_feed(script->client, buf_data(&wire), buf_len(&wire), script->now);
	buf_free(&wire);
}

static void
feed_node(Script *script, const WaNode *node)
{
	WaBuf plain;

	buf_init(&plain, env_default(), 1 << 20);
	if (node_encode(node, &plain) == WA_OK)
		feed_plain(script, buf_data(&plain), buf_len(&plain));
	buf_free(&plain);
}

/* Nobody's: what can be read is fuzz_client_message's. */
static void
say_message(Script *script, uint8_t kind)
{
	static const char *const types[] = {"pkmsg", "msg", "skmsg", "msmsg", ""};
	WaArena arena;
	WaNode *node;
	WaNode *enc;
	const uint8_t *bytes;
	size_t len;

	arena_init(&arena, env_default(), 1 << 20);
	node = node_new(&arena, kind == 4 ? "receipt" : "message");
	node_set(node, "id", "m");
	node_set_jid(node, "from", str_from(kind % 2 == 0 ? "100@g.us" : "12@lid"));
	node_set_jid(node, "participant", str_from("12:1@lid"));
	for (int i = next(script) % 3; i >= 0; i--)
	{
		enc = node_add(node, "enc");
		node_set(enc, "v", "2");
		node_set(enc, "type", types[next(script) % 5]);
		len = next(script);
		bytes = take(script, &len);
		node_set_bytes(enc, bytes, len);
	}
	feed_node(script, node);
	arena_free(&arena);
}

/* A stanza that leads on; the input chooses and fills it. */
static void
say(Script *script)
{
	WaArena arena;
	WaNode *node;
	WaNode *child;
	uint8_t kind = next(script);

	if (kind >= 250 && kind < 255)
	{
		say_message(script, kind % 5);
		return;
	}
	arena_init(&arena, env_default(), 1 << 20);
	node = node_new(&arena, kind % 8 < 3 ? "iq" : kind % 8 < 5 ? "ib" : "notification");
	node_set_jid(node, "from", str_from("s.whatsapp.net"));
	node_set(node, "id", "x");
	switch (kind % 8)
	{
		case 0: /* an answer */
			node_set(node, "type", next(script) % 4 == 0 ? "error" : "result");
			node_set(node, "id", script->last_iq);
			child = node_add(node, next(script) % 2 == 0 ? "count" : "error");
			node_set_u64(child, "value", next(script));
			node_set_u64(child, "code", 400u + next(script));
			break;
		case 1: /* a list of groups */
			node_set(node, "type", "result");
			node_set(node, "id", script->last_iq);
			child = node_add(node_add(node, "groups"), "group");
			node_set(child, "id", "100");
			node_set_jid(node_add(child, "participant"), "jid", str_from("11@lid"));
			break;
		case 2:
			node_set(node, "type", "set");
			child = node_add(node, next(script) % 4 == 0 ? "pair-success" : "pair-device");
			for (int i = next(script) % 4; i >= 0; i--)
				node_set_text(node_add(child, "ref"), "2@ref");
			break;
		case 3:
			child = node_add(node, next(script) % 2 == 0 ? "offline_preview" : "offline");
			node_set_u64(child, "count", next(script));
			break;
		case 4:
			child = node_add(node, "dirty");
			node_set(child, "type", next(script) % 2 == 0 ? "groups" : "account_sync");
			node_set_u64(child, "timestamp", next(script));
			break;
		case 5:
			node_set(node, "type", "w:gp2");
			node_set_jid(node, "from", str_from("100@g.us"));
			child = node_add(node, next(script) % 2 == 0 ? "add" : "unheard");
			node_set_jid(node_add(child, "participant"), "jid", str_from("12@lid"));
			break;
		case 6:
			node_set(node, "type", "encrypt");
			node_set_u64(node_add(node, "count"), "value", next(script));
			break;
		default:
			node_set(node, "type",
					 next(script) % 2 == 0 ? "companion_reg_refresh" : "passkey_prologue_request");
			break;
	}
	if (kind == 255)
	{
		node = node_new(&arena, "success");
		node_set_jid(node, "lid", str_from("77:1@lid"));
	}
	feed_node(script, node);
	arena_free(&arena);
}

/* The host's tables are empty. */
static bool
answer_needs(Script *script)
{
	WaNeed need;
	int needs = 0;

	if ((client_wants(script->client) & CLIENT_WANTS_RECORDS) == 0)
		return false;
	while (client_next_need(script->client, &need))
		TARGET_CHECK(++needs < 100);
	client_supplied(script->client, script->now);
	return true;
}

static void
pull(Script *script)
{
	WaEvent event;
	int events = 0;

	for (;;)
	{
		if (client_next_event(script->client, &event, script->now) != 1)
		{
			if (answer_needs(script))
				continue;
			return;
		}
		TARGET_CHECK(event.epoch == script->epoch + 1);
		script->epoch = event.epoch;
		TARGET_CHECK(++events < 100000);
		if (event.kind == EVENT_STATUS)
			TARGET_CHECK(event.status.retry_in_us >= -1);
	}
}

/* The server reads everything, in order. */
static void
read_output(Script *script)
{
	const uint8_t *data;
	const uint8_t *payload;
	size_t len;
	size_t payload_len;
	size_t consumed;
	WaArena arena;
	WaNode *node;
	uint8_t *plain;

	client_output(script->client, &data, &len);
	while (frame_next(data, len, &payload, &payload_len, &consumed) == WA_OK)
	{
		arena_init(&arena, env_default(), 16 << 20);
		plain = arena_alloc(&arena, payload_len);
		TARGET_CHECK(noise_open(&script->server, payload, payload_len, plain) == WA_OK);
		TARGET_CHECK(node_decode(&arena, plain, payload_len - CRYPTO_TAG_LEN, &node) == WA_OK);
		if (node_is(node, "iq") && node_attr(node, "id").len < MAX_ID &&
			!str_is(node_attr(node, "type"), "result"))
		{
			memset(script->last_iq, 0, sizeof(script->last_iq));
			memcpy(script->last_iq, node_attr(node, "id").data, node_attr(node, "id").len);
		}
		arena_free(&arena);
		client_output_sent(script->client, consumed);
		client_output(script->client, &data, &len);
	}
	TARGET_CHECK(len == 0); /* whole frames only */
}

static void
command(Script *script)
{
	static const uint32_t version[3] = {2, 3000, 1};
	char jid[] = "10x@g.us";
	WaClient *client = script->client;

	switch (next(script) % 6)
	{
		case 0:
			client_stop(client, script->now);
			break;
		case 1:
			client_start(client, script->now);
			break;
		case 2:
			(void) client_logout(client, script->now);
			break;
		case 3:
			jid[2] = (char) ('0' + next(script) % 10);
			(void) client_query_group(client, str_from(jid), script->now);
			break;
		case 4:
			(void) client_query_all_groups(client, script->now);
			break;
		default:
			client_set_version(client, version, script->now);
			break;
	}
}

static void
step(Script *script)
{
	const uint8_t *bytes;
	size_t len;
	int64_t past;

	switch (next(script) % 10)
	{
		case 0:
		case 1:
			say(script);
			break;
		case 2: /* any plaintext */
			len = next(script);
			bytes = take(script, &len);
			feed_plain(script, bytes, len);
			break;
		case 3: /* any bytes */
			len = next(script);
			bytes = take(script, &len);
			(void) client_feed(script->client, bytes, len, script->now);
			break;
		case 4:
			past = (int64_t) next(script);
			script->now.mono_us += past * past * WA_SECOND / 50;
			script->now.wall_us += past * past * WA_SECOND / 50;
			client_tick(script->client, script->now);
			break;
		case 5:
			if (client_deadline(script->client) != WA_NEVER &&
				client_deadline(script->client) > script->now.mono_us)
				script->now.mono_us = client_deadline(script->client);
			client_tick(script->client, script->now);
			break;
		case 6:
			if (script->epoch > 0)
				client_persisted(script->client, script->epoch - next(script) % 2);
			break;
		case 7:
			read_output(script);
			break;
		case 8:
			command(script);
			break;
		default:
			client_disconnected(script->client, "cut", script->now);
			break;
	}
	if (next(script) % 4 != 0)
		pull(script);
	if ((client_wants(script->client) & CLIENT_WANTS_CLOSE) != 0 && next(script) % 2 == 0)
		client_disconnected(script->client, "closed", script->now);
	if ((client_wants(script->client) & CLIENT_WANTS_CONNECT) != 0)
		connect(script);
	TARGET_CHECK(client_memory(script->client) < MAX_MEMORY);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static WaDevice device;
	Script script = {
		.at = data, .end = data + size, .now = {1000 * WA_SECOND, 1795456383 * WA_SECOND}};
	WaClientConfig config;
	WaDevice own;

	if (device.registration_id == 0)
	{
		if (device_create(target_env(0), &device) != WA_OK)
			return 0;
		target_end();
	}
	own = device;
	client_config_defaults(&config);
	config.env = target_env(next(&script));
	config.prekey_batch = 1;
	if (next(&script) % 2 == 0)
	{
		memcpy(own.jid, "4915100000001:3@s.whatsapp.net", 30);
		own.login_counter = 1;
		own.next_prekey_id = 2;
	}
	if (client_create(&config, &own, &script.client) == WA_OK)
	{
		client_start(script.client, script.now);
		if (client_wants(script.client) == CLIENT_WANTS_CONNECT)
			connect(&script);
		while (script.at < script.end)
			step(&script);
		pull(&script);
		client_destroy(script.client);
	}
	target_end();
	return 0;
}
