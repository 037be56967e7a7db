/*
 * fuzz_client_message.c
 *		Whatever people and the own phone write to an online client, really
 *		encrypted, and whatever a server says of app state, between commits,
 *		crashes and time.
 *
 * The input: which allocation fails, then operations.  The tables are kept as a
 * host keeps them: what was not committed is gone after a crash.  Only the own
 * phone's word may bring history or identities, nothing is told while records
 * are awaited, and what is told makes sense.
 */
#include <stdlib.h>
#include <string.h>

#include "client_internal.h"
#include "frame.h"
#include "target.h"
#include "wire.h"

#include "../vectors/appstate_vectors.h"

#define MAX_MEMORY (16 << 20)
#define MAX_ROWS 512
#define OWN_PN "4915100000001@s.whatsapp.net"
#define BOT_PN "4915100000001:3@s.whatsapp.net"
#define BOT_LID "900001:3@lid"

typedef struct Row
{
	uint64_t epoch;
	WaRecord record;
} Row;

typedef struct Script
{
	const uint8_t *at;
	const uint8_t *end;
	WaClient *client;
	WaDevice device;
	WaClientConfig config;
	WaTransport server;
	WaNow now;
	uint64_t epoch;
	uint64_t stored;
	Row rows[MAX_ROWS]; /* in the order they were told */
	int n_rows;
	WaSignal *people; /* everybody's sessions with the bot */
	bool phone_spoke;
	bool from_phone; /* the stanza that was said last */
	uint32_t blob_id;
} Script;

static WaDevice bot;    /* the account's device */
static WaDevice sender; /* whose keys all others have; the own phone's among them */

static uint8_t
next(Script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

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

/* ---- the tables ---- */

static void
free_row(Row *row)
{
	free((void *) row->record.chat.data);
	free((void *) row->record.name.data);
	free((void *) row->record.data);
}

static WaStr
copy_text(WaStr text)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		abort();
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return (WaStr){copy, text.len};
}

static bool
same_text(WaStr a, WaStr b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
same_key(const WaRecord *a, const WaRecord *b)
{
	return a->kind == b->kind && a->number == b->number && same_text(a->chat, b->chat) &&
		   same_text(a->name, b->name);
}

static void
put_row(Script *script, const WaRecord *record, uint64_t epoch)
{
	Row *row = &script->rows[script->n_rows];

	TARGET_CHECK(record->kind >= RECORD_SESSION && record->kind <= RECORD_APP_VALUE);
	TARGET_CHECK(record->chat.len <= 128 && record->name.len <= 300);
	if (script->n_rows == MAX_ROWS)
		return;
	row->epoch = epoch;
	row->record = *record;
	row->record.chat = copy_text(record->chat);
	row->record.name = copy_text(record->name);
	if (record->data != NULL)
		row->record.data =
			(const uint8_t *) copy_text((WaStr){(const char *) record->data, record->len}).data;
	script->n_rows++;
}

static bool
is_newest(const Script *script, int at)
{
	for (int i = at + 1; i < script->n_rows; i++)
	{
		if (script->rows[i].epoch <= script->stored &&
			same_key(&script->rows[i].record, &script->rows[at].record))
			return false;
	}
	return script->rows[at].epoch <= script->stored && script->rows[at].record.data != NULL;
}

static bool
supply(Script *script)
{
	WaNeed need;
	int needs = 0;

	if ((client_wants(script->client) & CLIENT_WANTS_RECORDS) == 0)
		return false;
	while (client_next_need(script->client, &need))
	{
		TARGET_CHECK(need.kinds != 0 && ++needs < 100000);
		for (int i = 0; i < script->n_rows; i++)
		{
			const WaRecord *record = &script->rows[i].record;

			if (is_newest(script, i) && (need.kinds & RECORD_BIT(record->kind)) != 0 &&
				(need.any_chat || same_text(need.chat, record->chat)) &&
				(need.any_name || same_text(need.name, record->name)) &&
				(need.any_number || need.number == record->number))
				(void) client_supply(script->client, record);
		}
	}
	client_supplied(script->client, script->now);
	return true;
}

/* ---- the server ---- */

static void
connect(Script *script)
{
	WaTransport transport = {.write_key = {1}, .read_key = {2}};
	WaArena arena;
	WaBuf plain;
	WaBuf wire;

	script->server = (WaTransport){.write_key = {2}, .read_key = {1}};
	client_handshake_skip(script->client, &transport, script->now);
	arena_init(&arena, env_default(), 1 << 16);
	buf_init(&plain, env_default(), 1 << 16);
	buf_init(&wire, env_default(), 1 << 16);
	TARGET_CHECK(node_encode(node_new(&arena, "success"), &plain) == WA_OK);
	TARGET_CHECK(noise_seal(&script->server, buf_data(&plain), buf_len(&plain), &wire) == WA_OK);
	(void) client_feed(script->client, buf_data(&wire), buf_len(&wire), script->now);
	buf_free(&wire);
	buf_free(&plain);
	arena_free(&arena);
}

static void
feed_node(Script *script, const WaNode *node)
{
	WaBuf plain;
	WaBuf wire;

	buf_init(&plain, env_default(), 1 << 20);
	buf_init(&wire, env_default(), 1 << 20);
	if (node_encode(node, &plain) == WA_OK)
	{
		TARGET_CHECK(noise_seal(&script->server, buf_data(&plain), buf_len(&plain), &wire) ==
					 WA_OK);
		(void) client_feed(script->client, buf_data(&wire), buf_len(&wire), script->now);
	}
	buf_free(&wire);
	buf_free(&plain);
}

/* ---- app state ---- */

/* Hex of what may be said: patches first, then blobs. */
static const char *const app_words[] = {
	APPSTATE_CONTACTS_PATCH_1, APPSTATE_CONTACTS_PATCH_2,     APPSTATE_CONTACTS_PATCH_3,
	APPSTATE_CONTACTS_PATCH_4, APPSTATE_MANY_PATCH,           APPSTATE_EXTERNAL_PATCH,
	APPSTATE_REGULAR_PATCH_1,  APPSTATE_AFTER_SNAPSHOT_PATCH, APPSTATE_SNAPSHOT_REFERENCE,
	APPSTATE_EXTERNAL_BLOB,    APPSTATE_SNAPSHOT_BYTES,
};

static size_t
from_hex(const char *hex, uint8_t *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 0;

	for (; hex[0] != '\0' && len < room; hex += 2)
		out[len++] =
			(uint8_t) ((strchr(digits, hex[0]) - digits) << 4 | (strchr(digits, hex[1]) - digits));
	return len;
}

/* Something that a phone wrote, with a wrong byte perhaps, or nobody. */
static size_t
next_word(Script *script, uint8_t *out, size_t room)
{
	size_t which = next(script) % 16;
	size_t len;

	if (which >= sizeof(app_words) / sizeof(app_words[0]))
	{
		const uint8_t *bytes;

		len = next(script);
		bytes = take(script, &len);
		memcpy(out, bytes, len);
		return len;
	}
	len = from_hex(app_words[which], out, room);
	if (next(script) % 4 == 0)
		out[(next(script) * 7U) % len] ^= 1;
	return len;
}

static void
add_sync(Script *script, WaNode *answer, const WaNode *asked)
{
	static const char *const codes[] = {"400", "404", "409", "500"};
	static uint8_t word[8192];
	WaNode *collection = node_add(node_add(answer, "sync"), "collection");
	uint8_t shape = next(script);

	node_set_str(collection, "name", node_attr(node_child(asked, "collection"), "name"));
	if (shape % 8 == 0)
	{
		node_set(collection, "type", "error");
		node_set(node_add(collection, "error"), "code", codes[next(script) % 4]);
	}
	if ((shape & 8) != 0)
		node_set(collection, "has_more_patches", "true");
	if ((shape & 16) != 0)
		node_set_bytes(node_add(collection, "snapshot"), word,
					   from_hex(APPSTATE_SNAPSHOT_REFERENCE, word, sizeof(word)));
	collection = node_add(collection, "patches");
	for (int i = shape >> 5; i > 0; i--)
		node_set_bytes(node_add(collection, "patch"), word, next_word(script, word, sizeof(word)));
}

/* As if the phone had shared them. */
static void
share_keys(Script *script)
{
	uint8_t bytes[4][32];
	WaAppStateKey keys[] = {
		{.id = {(char *) bytes[0], from_hex(APPSTATE_KEY_ID, bytes[0], 32)},
		 .data = {(char *) bytes[1], from_hex(APPSTATE_KEY, bytes[1], 32)}},
		{.id = {(char *) bytes[2], from_hex(APPSTATE_KEY2_ID, bytes[2], 32)},
		 .data = {(char *) bytes[3], from_hex(APPSTATE_KEY2, bytes[3], 32)}},
	};

	if (!client_has_stream(script->client) ||
		(client_wants(script->client) & CLIENT_WANTS_RECORDS) != 0)
		return;
	client_appstate_keys(script->client, keys, next(script) % 3);
}

static void
give_blob(Script *script)
{
	static uint8_t word[8192];

	if (next(script) % 4 == 0)
		client_blob_failed(script->client, script->blob_id, next(script) % 2, script->now);
	else
		(void) client_blob(script->client, script->blob_id, word,
						   next_word(script, word, sizeof(word)), script->now);
}

/* Answers questions as far as the client needs it to get on. */
static void
answer_iq(Script *script, const WaNode *iq)
{
	WaArena arena;
	WaNode *answer;

	arena_init(&arena, env_default(), 1 << 16);
	answer = node_new(&arena, "iq");
	node_set_jid(answer, "from", str_from("s.whatsapp.net"));
	node_set_str(answer, "id", node_attr(iq, "id"));
	node_set(answer, "type", "result");
	if (node_child(iq, "count") != NULL)
		node_set(node_add(answer, "count"), "value", "100");
	if (node_child(iq, "sync") != NULL)
		add_sync(script, answer, node_child(iq, "sync"));
	feed_node(script, answer);
	if (node_child(iq, "active") != NULL)
	{
		answer = node_new(&arena, "ib");
		node_set(node_add(answer, "offline_preview"), "count", "0");
		feed_node(script, answer);
	}
	arena_free(&arena);
}

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
		client_output_sent(script->client, consumed);
		if (node_is(node, "iq") && !str_is(node_attr(node, "type"), "result"))
			answer_iq(script, node);
		arena_free(&arena);
		client_output(script->client, &data, &len);
	}
	TARGET_CHECK(len == 0);
}

/* ---- what people write ---- */

static void
start_people(Script *script)
{
	if (script->people == NULL)
		TARGET_CHECK(signal_create(env_default(), &sender, &script->people) == WA_OK);
}

/* Encrypts for the bot, in the session of this person. */
static SignalType
encrypt(Script *script, const char *name, const uint8_t *plain, size_t len, WaBuf *out)
{
	SignalBundle bundle = {.registration_id = bot.registration_id,
						   .signed_prekey_id = bot.signed_prekey.id};
	SignalNeed need;
	WaStr jid = str_from(name); /* one session of "the bot" for each person */
	SignalType type = SIGNAL_MSG;

	start_people(script);
	memcpy(bundle.identity, bot.identity.public_key, CRYPTO_KEY_LEN);
	memcpy(bundle.signed_prekey, bot.signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
	memcpy(bundle.signature, bot.signed_prekey_signature, CRYPTO_SIGNATURE_LEN);
	TARGET_CHECK(signal_needs_peer(script->people, jid, WA_STR_NONE) == WA_OK);
	while (signal_next_need(script->people, &need))
		;
	signal_supplied(script->people);
	if (!signal_has_session(script->people, jid, WA_STR_NONE))
		TARGET_CHECK(signal_start_session(script->people, jid, WA_STR_NONE, &bundle) == WA_OK);
	TARGET_CHECK(signal_write(script->people, jid, WA_STR_NONE, plain, len, out, &type) == WA_OK);
	return type;
}

/* A plaintext: any bytes, or a protocol message around them. */
static void
write_plain(Script *script, WaBuf *out)
{
	static const uint32_t fields[] = {6, 7, 8, 17, 23, 27, 14, 1};
	static const uint8_t types[] = {5, 6, 7, 17, 22, 30, 14, 0};
	uint8_t kind = next(script);
	size_t len = next(script);
	const uint8_t *bytes = take(script, &len);
	WaBuf inner;

	if (kind % 2 == 0)
	{
		TARGET_CHECK(buf_append(out, bytes, len) == WA_OK);
		return;
	}
	buf_init(&inner, env_default(), 4096);
	kind = kind / 2 % 8;
	TARGET_CHECK(wire_put_varint(&inner, 2, types[kind]) == WA_OK);
	TARGET_CHECK(wire_put_bytes(&inner, fields[kind], bytes, len) == WA_OK);
	TARGET_CHECK(wire_put_bytes(out, 12, buf_data(&inner), buf_len(&inner)) == WA_OK);
	buf_free(&inner);
}

static void
add_part(Script *script, WaNode *parent, const char *who)
{
	static const char *const others[] = {"pkmsg", "msg", "skmsg", "msmsg", "frskmsg"};
	WaNode *enc = node_add(parent, "enc");
	uint8_t flags = next(script);
	WaBuf plain;
	WaBuf cipher;
	SignalType type;

	node_set(enc, "v", (flags & 0x10) != 0 ? "3" : "2");
	if ((flags & 0x20) != 0)
		node_set_u64(enc, "count", flags & 7);
	if ((flags & 0x40) != 0)
		node_set(enc, "decrypt-fail", "hide");
	if ((flags & 0x80) != 0)
	{
		size_t len = next(script);
		const uint8_t *bytes = take(script, &len);

		node_set(enc, "type", others[flags % 5]);
		node_set_bytes(enc, bytes, len);
		return;
	}
	buf_init(&plain, env_default(), 65536);
	buf_init(&cipher, env_default(), 65536);
	write_plain(script, &plain);
	type = encrypt(script, who, buf_data(&plain), buf_len(&plain), &cipher);
	if ((flags & 8) != 0)
		((uint8_t *) buf_data(&cipher))[(flags & 7) * 7 % buf_len(&cipher)] ^= 1;
	node_set(enc, "type", signal_type_name(type));
	node_set_bytes(enc, buf_data(&cipher), buf_len(&cipher));
	buf_free(&plain);
	buf_free(&cipher);
}

static void
say(Script *script)
{
	static const char *const tags[] = {"message", "message", "message", "receipt", "notification"};
	static const char *const places[] = {"100@g.us", "77@broadcast", "status@broadcast", "5@bot",
										 "9@newsletter"};
	static const char *const people[] = {"12@lid", "4912@s.whatsapp.net", OWN_PN, "900001@lid",
										 "12:2@lid"};
	static const char *const ids[] = {"m1", "m2", "m3", "", "m\x80"};
	uint8_t shape = next(script);
	uint8_t who = next(script);
	const char *person = people[who % 5];
	WaArena arena;
	WaNode *node;

	arena_init(&arena, env_default(), 1 << 20);
	node = node_new(&arena, tags[shape % 5]);
	node_set(node, "id", ids[next(script) % 5]);
	node_set(node, "t", (who & 0x40) != 0 ? "1795456383" : "1600000000");
	if ((who & 0x20) != 0)
	{
		node_set_jid(node, "from", str_from(places[who % 5]));
		if ((who & 0x10) != 0)
			node_set_jid(node, "participant", str_from(person));
		node_set_jid(node, "participant_pn", str_from("4912@s.whatsapp.net"));
	}
	else
	{
		node_set_jid(node, "from", str_from(person));
		node_set_jid(node, "sender_lid", str_from((who & 0x10) != 0 ? "12@lid" : "13@lid"));
		if ((who & 0x80) != 0)
			node_set_jid(node, "recipient", str_from("12@lid"));
	}
	if ((shape & 0x20) != 0)
		node_set(node, "category", "peer");
	if ((shape & 0x40) != 0)
		node_set(node, "offline", "1");
	if (shape % 5 == 4)
	{
		node_set(node, "type", (shape & 0x80) != 0 ? "server_sync" : "encrypt");
		node_add(node, "identity");
		node_set(node_add(node, "collection"), "name", "critical_unblock_low");
	}
	if (who % 5 == 2 || who % 5 == 3)
		script->phone_spoke = true;
	if ((shape & 0x10) != 0)
		node_add(node, "unavailable");
	for (int i = next(script) % 4; i > 0; i--)
		add_part(script, node, person);
	feed_node(script, node);
	arena_free(&arena);
}

/* ---- the host ---- */

static void
check_message(const WaMessageNews *news)
{
	const WaMessageSource *source = news->source;

	TARGET_CHECK(source != NULL && source->id.len > 0 && source->chat.len > 0 &&
				 source->sender.len > 0);
	TARGET_CHECK((news->content != NULL) == (news->state == MESSAGE_READ));
	TARGET_CHECK((news->trouble != NULL) == (news->state != MESSAGE_READ));
	TARGET_CHECK(news->content == NULL || news->content->kind != MESSAGE_NONE ||
				 news->content->refusal != NULL);
	TARGET_CHECK(news->attempts <= SIGNAL_MAX_RETRIES);
	TARGET_CHECK((news->copy != NULL) == (strcmp(news->origin, "phone") == 0));
}

static void
take_event(Script *script, const WaEvent *event)
{
	TARGET_CHECK((client_wants(script->client) & CLIENT_WANTS_RECORDS) == 0);
	TARGET_CHECK(event->epoch == script->epoch + 1);
	script->epoch = event->epoch;
	switch (event->kind)
	{
		case EVENT_RECORDS:
			TARGET_CHECK(event->records.count > 0);
			for (int i = 0; i < event->records.count; i++)
				put_row(script, &event->records.list[i], event->epoch);
			break;
		case EVENT_PREKEYS:
			for (int i = 0; i < event->prekeys.count; i++)
			{
				WaRecord record = {.kind = RECORD_PREKEY,
								   .number = event->prekeys.keys[i].id,
								   .data = event->prekeys.keys[i].pair.private_key,
								   .len = CRYPTO_KEY_LEN};

				put_row(script, &record, event->epoch);
			}
			break;
		case EVENT_MESSAGE:
			check_message(event->message);
			break;
		case EVENT_HISTORY_NOTICE:
			TARGET_CHECK(script->phone_spoke);
			break;
		case EVENT_APP_ACTIONS:
			TARGET_CHECK(event->app_actions.count > 0);
			break;
		case EVENT_BLOB_WANTED:
			TARGET_CHECK(event->blob.media->key.len == MEDIA_KEY_LEN);
			script->blob_id = event->blob.id;
			break;
		case EVENT_DEVICE:
			script->device = *client_device(script->client);
			break;
		default:
			break;
	}
}

static void
pull(Script *script)
{
	WaEvent event;

	for (int rounds = 0;; rounds++)
	{
		TARGET_CHECK(rounds < 100000);
		if (client_next_event(script->client, &event, script->now) == 1)
			take_event(script, &event);
		else if (!supply(script))
			return;
	}
}

static void
crash(Script *script)
{
	int kept = 0;

	client_destroy(script->client);
	for (int i = 0; i < script->n_rows; i++)
	{
		if (script->rows[i].epoch > script->stored)
			free_row(&script->rows[i]);
		else
		{
			script->rows[kept] = script->rows[i];
			script->rows[kept++].epoch = 0;
		}
	}
	script->n_rows = kept;
	script->epoch = script->stored = 0;
	script->client = NULL;
	if (client_create(&script->config, &script->device, &script->client) == WA_OK)
		client_start(script->client, script->now);
}

static void
step(Script *script)
{
	switch (next(script) % 14)
	{
		case 0:
		case 1:
		case 2:
		case 3:
		case 4:
			say(script);
			break;
		case 5:
			script->now.mono_us += (int64_t) next(script) * WA_SECOND;
			script->now.wall_us += (int64_t) next(script) * 3600 * WA_SECOND;
			client_tick(script->client, script->now);
			break;
		case 6:
			if (client_deadline(script->client) != WA_NEVER &&
				client_deadline(script->client) > script->now.mono_us)
				script->now.mono_us = client_deadline(script->client);
			client_tick(script->client, script->now);
			break;
		case 7:
		case 8:
			script->stored = script->epoch;
			client_persisted(script->client, script->epoch);
			break;
		case 9:
			read_output(script);
			break;
		case 10:
			client_disconnected(script->client, "cut", script->now);
			break;
		case 11:
			share_keys(script);
			break;
		case 12:
			give_blob(script);
			break;
		default:
			crash(script);
			break;
	}
	if (script->client == NULL)
		return;
	if (next(script) % 8 != 0)
		pull(script);
	if ((client_wants(script->client) & CLIENT_WANTS_CLOSE) != 0)
		client_disconnected(script->client, "closed", script->now);
	if ((client_wants(script->client) & CLIENT_WANTS_CONNECT) != 0)
		connect(script);
	TARGET_CHECK(client_memory(script->client) < MAX_MEMORY);
}

/* Logged in and online, if memory lasts. */
static void
go_online(Script *script)
{
	client_start(script->client, script->now);
	for (int i = 0; i < 8; i++)
	{
		if ((client_wants(script->client) & CLIENT_WANTS_CONNECT) != 0)
			connect(script);
		pull(script);
		script->stored = script->epoch;
		client_persisted(script->client, script->epoch);
		read_output(script);
	}
}

static void
make_devices(void)
{
	WaBuf account;

	if (bot.registration_id != 0)
		return;
	TARGET_CHECK(device_create(target_env(0), &bot) == WA_OK);
	TARGET_CHECK(device_create(target_env(0), &sender) == WA_OK);
	memcpy(bot.jid, BOT_PN, sizeof(BOT_PN));
	memcpy(bot.lid, BOT_LID, sizeof(BOT_LID));
	bot.login_counter = 5;
	bot.next_prekey_id = 2;
	buf_init(&account, env_default(), sizeof(bot.account));
	TARGET_CHECK(wire_put_bytes(&account, 2, sender.identity.public_key, CRYPTO_KEY_LEN) == WA_OK);
	memcpy(bot.account, buf_data(&account), buf_len(&account));
	bot.account_len = buf_len(&account);
	buf_free(&account);
	target_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Script script;
	size_t fail_at;

	make_devices();
	memset(&script, 0, sizeof(script));
	script.at = data;
	script.end = data + size;
	script.now = (WaNow){1000 * WA_SECOND, 1795456383 * WA_SECOND};
	script.device = bot;
	client_config_defaults(&script.config);
	fail_at = next(&script);
	script.config.env = target_env(fail_at * 2);
	script.config.prekey_batch = 1;
	if (client_create(&script.config, &script.device, &script.client) == WA_OK)
	{
		go_online(&script);
		while (script.client != NULL && script.at < script.end)
			step(&script);
		if (script.client != NULL)
			pull(&script);
		client_destroy(script.client);
	}
	signal_free(script.people);
	for (int i = 0; i < script.n_rows; i++)
		free_row(&script.rows[i]);
	target_end();
	return 0;
}
