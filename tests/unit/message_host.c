/*
 * message_host.c
 *		See message_host.h.
 */
#include "message_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../src/protocol/prekey.h"
#include "../../src/protocol/wire.h"
#include "stanza.h"

#define PADDING 3

MessageHost messages;

/* The account as a phone signed it: its key is the own phone's. */
static void
sign_account(WaDevice *device)
{
	WaBuf account;

	buf_init(&account, env_default(), sizeof(device->account));
	assert_int_equal(wire_put_bytes(&account, 2, messages.own.identity.public_key, CRYPTO_KEY_LEN),
					 WA_OK);
	memcpy(device->account, buf_data(&account), buf_len(&account));
	device->account_len = buf_len(&account);
	buf_free(&account);
}

static bool
start(size_t fail_at)
{
	FakeHost *host = &messages.host;
	WaDevice device;
	WaRecord record = {.kind = RECORD_PREKEY, .len = CRYPTO_KEY_LEN};

	host->env.fail_at = 0;
	if (device_create(test_env(&host->server_env), &device) != WA_OK)
		return false;
	snprintf(device.jid, sizeof(device.jid), "4915100000001:3@s.whatsapp.net");
	device.login_counter = 1;
	host->server.prekeys = 20;
	sign_account(&device);
	assert_int_equal(prekey_generate(test_env(&host->server_env), &device, &messages.prekey, 1),
					 WA_OK);
	record.number = messages.prekey.id;
	record.data = messages.prekey.pair.private_key;
	fake_host_put(host, &record);
	phone_start(&messages.alice, &device, &messages.prekey);
	phone_start(&messages.own, &device, NULL);
	fake_host_open(host, &device);
	client_start(host->client, host->now);
	fake_host_advance(host, 2 * WA_SECOND);
	fake_host_clear(host);
	host->env.allocations = 0;
	host->env.fail_at = fail_at;
	return host->status == BOT_ONLINE;
}

static void
begin_phones(void)
{
	test_env_init(&messages.phone_env);
	messages.phone_env.seed = 5;
	phone_init(&messages.alice, test_env(&messages.phone_env));
	phone_init(&messages.own, test_env(&messages.phone_env));
	for (int i = 0; i < MESSAGE_MAX_WRITTEN; i++)
		buf_init(&messages.parts[i].bytes, env_default(), 1 << 20);
}

static void
end_phones(void)
{
	phone_free(&messages.alice);
	phone_free(&messages.own);
	for (int i = 0; i < MESSAGE_MAX_WRITTEN; i++)
		buf_free(&messages.parts[i].bytes);
	messages.n_parts = 0;
	messages.delivered = false;
}

int
messages_setup(void **state)
{
	(void) state;
	memset(&messages, 0, sizeof(messages));
	fake_host_init(&messages.host);
	begin_phones();
	return start(0) ? 0 : -1;
}

int
messages_teardown(void **state)
{
	FakeHost *host = &messages.host;
	bool sound = fake_host_sound(host);

	(void) state;
	end_phones();
	fake_host_free(host);
	return sound && host->env.live == 0 && host->server_env.live == 0 ? 0 : -1;
}

bool
messages_again(size_t fail_at)
{
	FakeHost *host = &messages.host;

	client_destroy(host->client);
	host->client = NULL;
	assert_int_equal(host->env.live, 0);
	end_phones();
	begin_phones();
	fake_host_again(host);
	return start(fail_at);
}

/* ---- writing ---- */

static WrittenPart *
next_part(void)
{
	if (messages.delivered)
	{
		messages.n_parts = 0;
		messages.delivered = false;
	}
	assert_true(messages.n_parts < MESSAGE_MAX_WRITTEN);
	buf_truncate(&messages.parts[messages.n_parts].bytes, 0);
	return &messages.parts[messages.n_parts++];
}

void
write_plain(SignalPhone *phone, const void *data, size_t len)
{
	WrittenPart *part = next_part();
	WaBuf padded;

	buf_init(&padded, env_default(), 1 << 20);
	assert_int_equal(buf_append(&padded, data, len), WA_OK);
	for (int i = 0; i < PADDING; i++)
		assert_int_equal(buf_append(&padded, "\3", 1), WA_OK);
	phone_write_raw(phone, buf_data(&padded), buf_len(&padded), &part->bytes, &part->type);
	buf_free(&padded);
}

void
write_text(SignalPhone *phone, const char *text)
{
	WaBuf message;

	buf_init(&message, env_default(), 4096);
	assert_int_equal(wire_put_bytes(&message, 1, text, strlen(text)), WA_OK);
	write_plain(phone, buf_data(&message), buf_len(&message));
	buf_free(&message);
}

void
write_key(SignalPhone *phone, const char *group, const char *named)
{
	WaBuf key;
	WaBuf message;

	buf_init(&key, env_default(), 4096);
	buf_init(&message, env_default(), 4096);
	phone_distribute(phone, group, named, &key);
	assert_int_equal(wire_put_bytes(&message, 2, buf_data(&key), buf_len(&key)), WA_OK);
	write_plain(phone, buf_data(&message), buf_len(&message));
	buf_free(&key);
	buf_free(&message);
}

void
write_group_text(SignalPhone *phone, const char *group, const char *text)
{
	WrittenPart *part = next_part();
	WaBuf message;

	buf_init(&message, env_default(), 4096);
	assert_int_equal(wire_put_bytes(&message, 1, text, strlen(text)), WA_OK);
	assert_int_equal(buf_append(&message, "", 1), WA_OK);
	part->type = SIGNAL_SKMSG;
	phone_write_group(phone, group, (const char *) buf_data(&message), &part->bytes);
	buf_free(&message);
}

void
damage(void)
{
	WrittenPart *part = &messages.parts[messages.n_parts - 1];
	uint8_t *bytes = (uint8_t *) buf_data(&part->bytes);
	size_t len = buf_len(&part->bytes);
	WaWireField inner;

	if (part->type == SIGNAL_PKMSG)
	{
		/* a MAC lies at the end of the message inside */
		assert_true(wire_find(bytes + 1, len - 1, 4, WIRE_BYTES, &inner));
		bytes = (uint8_t *) inner.data;
		len = inner.len;
	}
	bytes[len - 1] ^= 1;
}

/* ---- sending ---- */

static void
send_parts(const char *head, int count, bool from_queue)
{
	WaArena arena;
	WaNode *message;

	arena_init(&arena, test_env(&messages.host.server_env), 1 << 20);
	message = stanza(&arena, head);
	if (from_queue)
		node_set(message, "offline", "1");
	for (int i = 0; i < messages.n_parts; i++)
	{
		WaNode *enc = node_add(message, "enc");

		node_set(enc, "v", "2");
		node_set(enc, "type", signal_type_name(messages.parts[i].type));
		if (count > 0)
			node_set_u64(enc, "count", (uint64_t) count);
		node_set_bytes(enc, buf_data(&messages.parts[i].bytes), buf_len(&messages.parts[i].bytes));
	}
	fake_server_send(&messages.host.server, message);
	arena_free(&arena);
	messages.delivered = true;
}

void
say_parts(const char *head, int count)
{
	send_parts(head, count, false);
}

void
deliver(const char *head, int count)
{
	say_parts(head, count);
	fake_host_pump(&messages.host);
}

void
redeliver(const char *head, int count)
{
	send_parts(head, count, true);
	fake_host_pump(&messages.host);
}

/* ---- looking ---- */

void
sent(int count, const char *text)
{
	int have = fake_server_count(&messages.host.server, text);

	if (have != count)
		fail_msg("sent %d times, not %d: %s\n%.*s", have, count, text,
				 (int) buf_len(&messages.host.server.log),
				 (const char *) buf_data(&messages.host.server.log));
}

void
told(int count, const char *text)
{
	int have = fake_host_count(&messages.host, text);

	if (have != count)
		fail_msg("told %d times, not %d: %s\n%.*s", have, count, text,
				 (int) buf_len(&messages.host.trace),
				 (const char *) buf_data(&messages.host.trace));
}
