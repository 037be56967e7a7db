/*
 * fake_server.c
 *		A server in a test's memory.  See fake_server.h.
 */
#define _GNU_SOURCE /* memmem, vasprintf */
#include "fake_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/protocol/frame.h"
#include "../../src/protocol/protobuf.h"
#include "stanza.h"
#include "transport.pb-c.h"

#define FAKE_MEMORY (64 << 20)

/* A failing server would make every test meaningless. */
static void
must(WaStatus status)
{
	if (status != WA_OK)
	{
		fprintf(stderr, "fake server: %s\n", status_name(status));
		abort();
	}
}

void
fake_server_init(FakeServer *server, const WaEnv *env, int64_t wall_us)
{
	memset(server, 0, sizeof(*server));
	server->env = env;
	server->wall_us = server->made_us = wall_us;
	server->jid = "4915100000001:3@s.whatsapp.net";
	server->lid = "10000000001:3@lid";
	server->groups = "";
	must(crypto_keypair_generate(env, &server->root));
	must(crypto_keypair_generate(env, &server->key));
	must(crypto_keypair_generate(env, &server->account));
	buf_init(&server->in, env, FAKE_MEMORY);
	buf_init(&server->out, env, FAKE_MEMORY);
	buf_init(&server->log, env, FAKE_MEMORY);
	buf_init(&server->last_enc, env, FAKE_MEMORY);
	arena_init(&server->payload_arena, env, FAKE_MEMORY);
	arena_init(&server->arena, env, FAKE_MEMORY);
}

void
fake_server_close(FakeServer *server)
{
	server->step = FAKE_CLOSED;
	server->closing = false;
	buf_free(&server->in);
	buf_free(&server->out);
}

void
fake_server_free(FakeServer *server)
{
	fake_server_close(server);
	buf_free(&server->log);
	buf_free(&server->last_enc);
	arena_free(&server->payload_arena);
	arena_free(&server->arena);
}

void
fake_server_again(FakeServer *server)
{
	fake_server_close(server);
	buf_free(&server->log);
	server->wall_us = server->made_us;
	server->connections = 0;
	server->prekeys = 0;
	server->uploads = 0;
}

void
fake_server_accept(FakeServer *server)
{
	fake_server_close(server);
	server->step = FAKE_HELLO;
	server->connections++;
	server->frames = 0;
	server->greeted = false;
	must(noise_init(&server->noise, server->env, NULL));
}

/* ---- sending ---- */

void
fake_server_send_plain(FakeServer *server, const void *data, size_t len)
{
	if (server->step == FAKE_STREAM)
		must(noise_seal(&server->transport, data, len, &server->out));
}

void
fake_server_send_raw(FakeServer *server, const void *data, size_t len)
{
	must(buf_append(&server->out, data, len));
}

void
fake_server_send(FakeServer *server, const WaNode *node)
{
	WaBuf plain;

	buf_init(&plain, server->env, FAKE_MEMORY);
	must(node_encode(node, &plain));
	fake_server_send_plain(server, buf_data(&plain), buf_len(&plain));
	buf_free(&plain);
}

void
fake_server_say(FakeServer *server, const char *fmt, ...)
{
	WaArena arena;
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	arena_init(&arena, server->env, FAKE_MEMORY);
	fake_server_send(server, stanza(&arena, text));
	arena_free(&arena);
	free(text);
}

/* ---- the phone ---- */

static WaStr
pack(WaArena *arena, const ProtobufCMessage *message)
{
	WaBuf out;
	WaStr packed;

	buf_init(&out, arena->env, 4096);
	must(protobuf_pack(message, &out));
	packed = arena_str(arena, (WaStr){(const char *) buf_data(&out), buf_len(&out)});
	buf_free(&out);
	return packed;
}

WaNode *
fake_server_pair_success(FakeServer *server, WaArena *arena, const uint8_t identity[32],
						 const uint8_t adv_secret[32])
{
	Wa__ADVDeviceIdentity details = WA__ADVDEVICE_IDENTITY__INIT;
	Wa__ADVSignedDeviceIdentity account = WA__ADVSIGNED_DEVICE_IDENTITY__INIT;
	Wa__ADVSignedDeviceIdentityHMAC envelope = WA__ADVSIGNED_DEVICE_IDENTITY_HMAC__INIT;
	uint8_t message[256] = {6, 0};
	uint8_t signature[64];
	uint8_t hmac[32];
	WaStr packed;
	WaNode *iq = node_new(arena, "iq");
	WaNode *success;
	WaNode *device;

	details.has_rawid = details.has_timestamp = details.has_keyindex = true;
	details.rawid = 77;
	details.timestamp = 1700000000;
	details.keyindex = 3;
	packed = pack(arena, &details.base);
	memcpy(message + 2, packed.data, packed.len);
	memcpy(message + 2 + packed.len, identity, 32);
	must(crypto_sign(server->env, server->account.private_key, message, 2 + packed.len + 32,
					 signature));

	account.has_details = account.has_accountsignaturekey = account.has_accountsignature = true;
	account.details = protobuf_bytes(packed.data, packed.len);
	account.accountsignaturekey = protobuf_bytes(server->account.public_key, 32);
	account.accountsignature = protobuf_bytes(signature, 64);
	packed = pack(arena, &account.base);
	must(crypto_hmac_sha256(adv_secret, 32, packed.data, packed.len, hmac));

	envelope.has_details = envelope.has_hmac = true;
	envelope.details = protobuf_bytes(packed.data, packed.len);
	envelope.hmac = protobuf_bytes(hmac, 32);
	packed = pack(arena, &envelope.base);

	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	node_set(iq, "id", "pair-success-1");
	node_set(iq, "type", "set");
	node_set(iq, "xmlns", "md");
	success = node_add(iq, "pair-success");
	node_set_bytes(node_add(success, "device-identity"), packed.data, packed.len);
	device = node_add(success, "device");
	node_set_jid(device, "jid", str_from(server->jid));
	node_set_jid(device, "lid", str_from(server->lid));
	node_set(node_add(success, "platform"), "name", "android");
	return iq;
}

void
fake_server_pair(FakeServer *server, const uint8_t identity[32], const uint8_t adv_secret[32])
{
	WaArena arena;

	arena_init(&arena, server->env, FAKE_MEMORY);
	fake_server_send(server, fake_server_pair_success(server, &arena, identity, adv_secret));
	arena_free(&arena);
}

void
fake_server_scan(FakeServer *server, WaStr qr)
{
	uint8_t keys[3][48];
	const char *field = memchr(qr.data, ',', qr.len);

	for (int i = 0; i < 3; i++)
	{
		const char *end;
		size_t len = sizeof(keys[i]);

		if (field == NULL || (end = strchr(field + 1, ',')) == NULL)
			abort();
		must(crypto_base64_decode(field + 1, (size_t) (end - field - 1), keys[i], &len));
		field = end;
	}
	fake_server_pair(server, keys[1], keys[2]);
}

/* ---- receiving ---- */

static void
log_node(FakeServer *server, const WaNode *node, int depth)
{
	for (int i = 0; i < depth; i++)
		must(buf_append(&server->log, "<", 1));
	must(buf_append(&server->log, node->tag.data, node->tag.len));
	for (int i = 0; i < node->n_attrs; i++)
	{
		must(buf_append(&server->log, " ", 1));
		must(buf_append(&server->log, node->attrs[i].key.data, node->attrs[i].key.len));
		must(buf_append(&server->log, "=", 1));
		must(buf_append(&server->log, node->attrs[i].value.data, node->attrs[i].value.len));
	}
	must(buf_append(&server->log, "\n", 1));
	if (node_is(node, "list"))
		return; /* hundreds of prekeys */
	for (const WaNode *child = node->first_child; child != NULL; child = child->next)
		log_node(server, child, depth + 1);
}

int
fake_server_count(const FakeServer *server, const char *text)
{
	const char *at = (const char *) buf_data(&server->log);
	const char *end = at + buf_len(&server->log);
	int count = 0;

	while (at != NULL && at < end &&
		   (at = memmem(at, (size_t) (end - at), text, strlen(text))) != NULL)
	{
		count++;
		at++;
	}
	return count;
}

void
fake_server_clear_log(FakeServer *server)
{
	buf_free(&server->log);
}

static void
begin_session(FakeServer *server)
{
	if (server->silent || server->no_success)
		return;
	if (server->refusal != NULL)
	{
		fake_server_say(server, "%s", server->refusal);
		server->closing = true;
	}
	else if (server->info.registration)
	{
		/* some servers do, and it means nothing */
		fake_server_say(server, "<success t=\"1\" lid=\"%s\"/>", server->lid);
		fake_server_say(server,
						"<iq from=\"s.whatsapp.net\" id=\"pair-device-%d\" type=\"set\" "
						"xmlns=\"md\"><pair-device>"
						"<ref>2@one</ref><ref>2@two</ref><ref>2@three</ref>"
						"<ref>2@four</ref><ref>2@five</ref><ref>2@six</ref></pair-device></iq>",
						server->connections);
	}
	else
		fake_server_say(server, "<success t=\"1795456383\" lid=\"%s\" props=\"27\"/>", server->lid);
}

static void
answer_group_list(FakeServer *server, const char *id)
{
	if (server->list_error != 0)
		fake_server_say(server,
						"<iq from=\"@g.us\" type=\"error\" id=\"%s\"><error code=\"%d\" "
						"text=\"rate-overlimit\"/></iq>",
						id, server->list_error);
	else
		fake_server_say(server,
						"<iq from=\"@g.us\" type=\"result\" id=\"%s\"><groups>%s</groups></iq>", id,
						server->groups);
}

static void
answer_iq(FakeServer *server, const WaNode *iq)
{
	WaStr xmlns = node_attr(iq, "xmlns");
	const char *id = node_attr(iq, "id").data;
	bool ping = str_is(xmlns, "w:p");

	if (str_is(node_attr(iq, "type"), "result"))
	{
		if (node_child(iq, "pair-device-sign") != NULL && !server->no_restart)
		{
			fake_server_say(server, "<stream:error code=\"515\"/>");
			server->closing = true;
		}
		return;
	}
	if (id != NULL)
		snprintf(server->last_iq, sizeof(server->last_iq), "%s", id);
	if (id == NULL || server->silent || (ping ? server->no_pong : server->no_iq_answers))
		return;
	if (node_child(iq, "count") != NULL)
	{
		if (!server->no_count)
			fake_server_say(
				server,
				"<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"><count value=\"%d\"/></iq>",
				id, server->prekeys);
	}
	else if (node_child(iq, "list") != NULL && server->refuse_uploads > 0)
	{
		server->refuse_uploads--;
		fake_server_say(
			server,
			"<iq from=\"s.whatsapp.net\" type=\"error\" id=\"%s\"><error code=\"503\"/></iq>", id);
	}
	else if (node_child(iq, "list") != NULL && str_is(xmlns, "encrypt"))
	{
		for (const WaNode *key = node_child(iq, "list")->first_child; key != NULL; key = key->next)
			server->prekeys++;
		server->uploads++;
		fake_server_say(server, "<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"/>", id);
	}
	else if (node_child(iq, "participating") != NULL)
		answer_group_list(server, id);
	else if (node_child(iq, "remove-companion-device") != NULL)
	{
		fake_server_say(server, "<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"/>", id);
		fake_server_say(
			server,
			"<stream:error code=\"401\"><conflict type=\"device_removed\"/></stream:error>");
		server->closing = true;
	}
	else if (node_child(iq, "query") != NULL && server->answer_queries)
		fake_server_say(server, "<iq from=\"@g.us\" type=\"result\" id=\"%s\">%s</iq>", id,
						server->groups);
	else if (node_child(iq, "link_code_companion_reg") != NULL || node_child(iq, "query") != NULL ||
			 node_child(iq, "key") != NULL || node_child(iq, "media_conn") != NULL ||
			 node_child(iq, "sync") != NULL)
		return; /* the test answers */
	else
		fake_server_say(server, "<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"/>", id);

	if (node_child(iq, "active") != NULL && !server->no_preview)
	{
		fake_server_say(
			server,
			"<ib from=\"s.whatsapp.net\"><offline_preview count=\"%d\" message=\"0\"/></ib>",
			server->queued);
		if (server->queued == 0)
			fake_server_say(server, "<ib from=\"s.whatsapp.net\"><offline count=\"0\"/></ib>");
	}
}

static void
keep_message(FakeServer *server, const WaNode *message)
{
	const WaNode *enc = node_child(message, "enc");

	if (enc == NULL)
		return;
	buf_free(&server->last_enc);
	must(buf_append(&server->last_enc, enc->bytes.data, enc->bytes.len));
	snprintf(server->last_message, sizeof(server->last_message), "%s",
			 node_attr(message, "id").data);
	snprintf(server->last_type, sizeof(server->last_type), "%s", node_attr(enc, "type").data);
}

static bool
feed_frame(FakeServer *server, const uint8_t *payload, size_t len)
{
	WaBuf message;
	WaBuf chain;
	WaStr finish;
	WaNode *node;
	uint8_t *plain;
	bool ok;

	server->frames++;
	switch (server->step)
	{
		case FAKE_HELLO:
			buf_init(&message, server->env, 65536);
			buf_init(&chain, server->env, 65536);
			ok = noise_read_client_hello(&server->noise, payload, len) == WA_OK;
			if (ok && !server->silent)
			{
				must(cert_make(server->env, &server->root, server->key.public_key, server->wall_us,
							   server->defect, &chain));
				must(noise_server_hello(&server->noise, &server->key, buf_data(&chain),
										buf_len(&chain), &message));
				must(frame_header(&server->out, buf_len(&message)));
				must(buf_append(&server->out, buf_data(&message), buf_len(&message)));
			}
			buf_free(&message);
			buf_free(&chain);
			server->step = FAKE_FINISH;
			return ok;
		case FAKE_FINISH:
			arena_free(&server->payload_arena);
			if (noise_read_client_finish(&server->noise, &server->payload_arena, payload, len,
										 &finish, &server->transport) != WA_OK ||
				payload_parse(&server->payload_arena, (const uint8_t *) finish.data, finish.len,
							  &server->info) != WA_OK)
				return false;
			server->step = FAKE_STREAM;
			begin_session(server);
			return true;
		case FAKE_STREAM:
			arena_free(&server->arena);
			if (len < CRYPTO_TAG_LEN)
				return false;
			plain = arena_alloc(&server->arena, len);
			if (noise_open(&server->transport, payload, len, plain) != WA_OK ||
				node_decode(&server->arena, plain, len - CRYPTO_TAG_LEN, &node) != WA_OK)
				return false;
			log_node(server, node, 0);
			if (node_is(node, "iq"))
				answer_iq(server, node);
			else if (node_is(node, "message"))
				keep_message(server, node);
			return true;
		case FAKE_CLOSED:
			break;
	}
	return false;
}

bool
fake_server_feed(FakeServer *server, const uint8_t *data, size_t len)
{
	const uint8_t *payload;
	size_t payload_len;
	size_t consumed;
	bool ok = true;

	must(buf_append(&server->in, data, len));
	if (server->step == FAKE_HELLO && !server->greeted)
	{
		WaStatus status =
			frame_accept_prologue(buf_data(&server->in), buf_len(&server->in), &consumed);

		if (status != WA_OK)
			return status == WA_NEED_MORE;
		server->routed = consumed > FRAME_INTRO_LEN;
		server->greeted = true;
		buf_consume(&server->in, consumed);
	}
	while (ok && server->step != FAKE_CLOSED &&
		   frame_next(buf_data(&server->in), buf_len(&server->in), &payload, &payload_len,
					  &consumed) == WA_OK)
	{
		ok = feed_frame(server, payload, payload_len);
		buf_consume(&server->in, consumed);
	}
	return ok;
}
