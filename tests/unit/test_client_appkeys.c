/*
 * test_client_appkeys.c
 *		Keys of app state between a client and the account's phone: shared,
 *		missing, asked for.
 */
#include "app_service.h"
#include "message_host.h"

#include "../../src/protocol/wire.h"
#include "../vectors/appstate_vectors.h"

#define HOST (&messages.host)
#define HOUR (3600 * WA_SECOND)
#define IS_REQUEST "category=peer push_priority=high"

static AppService service;

static int
setup(void **state)
{
	app_service_init(&service);
	return messages_setup(state);
}

static void
nest(WaBuf *out, uint32_t number, WaBuf *inner)
{
	assert_int_equal(wire_put_bytes(out, number, buf_data(inner), buf_len(inner)), WA_OK);
	buf_free(inner);
}

/* One AppStateSyncKey of a share. */
static void
put_key(WaBuf *share, const char *id_hex, const char *key_hex)
{
	uint8_t bytes[64];
	size_t len = test_hex(id_hex, bytes, sizeof(bytes));
	WaBuf key;
	WaBuf part;

	buf_init(&key, env_default(), 4096);
	buf_init(&part, env_default(), 4096);
	assert_int_equal(wire_put_bytes(&part, 1, bytes, len), WA_OK);
	nest(&key, 1, &part);
	if (key_hex != NULL)
	{
		len = test_hex(key_hex, bytes, sizeof(bytes));
		assert_int_equal(wire_put_bytes(&part, 1, bytes, len), WA_OK);
		assert_int_equal(wire_put_varint(&part, 3, 1700000000), WA_OK);
		nest(&key, 2, &part);
	}
	nest(share, 1, &key);
}

/* Takes what put_key has made. */
static void
write_share(SignalPhone *phone, WaBuf *share)
{
	WaBuf protocol;
	WaBuf message;

	buf_init(&protocol, env_default(), 8192);
	buf_init(&message, env_default(), 8192);
	assert_int_equal(wire_put_varint(&protocol, 2, PROTOCOL_APP_STATE_KEYS), WA_OK);
	nest(&protocol, 7, share);
	nest(&message, 12, &protocol);
	write_plain(phone, buf_data(&message), buf_len(&message));
	buf_free(&message);
}

static void
share_both(SignalPhone *phone)
{
	WaBuf share;

	buf_init(&share, env_default(), 4096);
	put_key(&share, APPSTATE_KEY_ID, APPSTATE_KEY);
	put_key(&share, APPSTATE_KEY2_ID, APPSTATE_KEY2);
	write_share(phone, &share);
}

static void
share_one(const char *id, const char *key, const char *head)
{
	WaBuf share;

	buf_init(&share, env_default(), 4096);
	put_key(&share, id, key);
	write_share(&messages.own, &share);
	deliver(head, 0);
	app_service_serve(&service, HOST);
}

static void
the_phone_shares_its_keys(void **state)
{
	(void) state;
	HOST->hold = true;
	share_both(&messages.own);
	deliver(FROM_PHONE("k1"), 0);
	sent(0, "receipt");
	sent(0, "<<collection");
	fake_host_store(HOST);
	HOST->hold = false;
	app_service_serve(&service, HOST);
	sent(1, "receipt id=k1 to=" OWN_PN " type=peer_msg\n");
	assert_int_equal(service.answered, 5);
	told(1, "Ada King");
	assert_int_equal(fake_host_records(HOST, RECORD_APP_KEY, NULL), 2);
	assert_int_equal(fake_host_records(HOST, RECORD_APP_KEY, APPSTATE_KEY_ID), 1);
}

static void
nobody_else_does(void **state)
{
	(void) state;
	share_both(&messages.alice);
	deliver(DIRECT("k1"), 0);
	share_both(&messages.alice);
	deliver("<message from=\"" ALICE_LID "\" category=\"peer\" t=\"1\" id=\"k2\"/>", 0);
	app_service_live(&service, HOST, HOUR);
	assert_int_equal(service.answered, 0);
	assert_int_equal(fake_host_records(HOST, RECORD_APP_KEY, NULL), 0);
}

/* What the phone reads asks for the second key. */
static void
check_request(void)
{
	FakeServer *server = &HOST->server;
	uint8_t id[APPSTATE_MAX_KEY_ID];
	WaWireField field;
	WaWireField type_field;
	SignalType type;
	WaBuf plain;

	buf_init(&plain, env_default(), 4096);
	assert_true(signal_type_from(str_from(server->last_type), &type));
	phone_read(&messages.own, type, buf_data(&server->last_enc), buf_len(&server->last_enc),
			   &plain);
	assert_true(wire_find(buf_data(&plain), buf_len(&plain), 12, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 2, WIRE_VARINT, &type_field));
	assert_int_equal(type_field.value, PROTOCOL_APP_STATE_KEY_REQUEST);
	assert_true(wire_find(field.data, field.len, 8, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 1, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 1, WIRE_BYTES, &field));
	assert_int_equal(field.len, test_hex(APPSTATE_KEY2_ID, id, sizeof(id)));
	assert_memory_equal(field.data, id, field.len);
	buf_free(&plain);
}

static void
a_missing_key_is_asked_for_once_a_day(void **state)
{
	(void) state;
	share_one(APPSTATE_KEY_ID, APPSTATE_KEY, FROM_PHONE("k1"));
	assert_int_equal(service.answered, 5);
	told(1, "Ada Lovelace");
	told(0, "Ada King");
	sent(1, IS_REQUEST);
	check_request();
	assert_int_equal(fake_host_records(HOST, RECORD_APP_KEY, APPSTATE_KEY2_ID), 1);

	app_service_live(&service, HOST, 12 * HOUR);
	fake_host_crash(HOST);
	app_service_live(&service, HOST, 12 * HOUR);
	sent(1, IS_REQUEST);
	app_service_live(&service, HOST, 2 * HOUR);
	sent(2, IS_REQUEST);
	check_request();

	/* "I do not have it either" is no key */
	share_one(APPSTATE_KEY2_ID, NULL, FROM_PHONE("k2"));
	told(0, "Ada King");
	share_one(APPSTATE_KEY2_ID, APPSTATE_KEY2, FROM_PHONE("k3"));
	told(1, "Ada King");
	told(1, "app 0 333@lid on=0");
	app_service_live(&service, HOST, 48 * HOUR);
	sent(2, IS_REQUEST);
}

/* The question is not on the wire before it is noted. */
static void
a_request_waits_for_its_note(void **state)
{
	(void) state;
	HOST->hold = true;
	share_one(APPSTATE_KEY_ID, APPSTATE_KEY, FROM_PHONE("k1"));
	for (int i = 0; i < 100 && fake_server_count(&HOST->server, IS_REQUEST) == 0; i++)
	{
		int noted = fake_host_records(HOST, RECORD_APP_KEY, APPSTATE_KEY2_ID);

		fake_host_store(HOST);
		HOST->hold = true;
		fake_host_pump(HOST);
		(void) app_service_step(&service, HOST);
		fake_host_advance(HOST, 0);
		if (fake_server_count(&HOST->server, IS_REQUEST) > 0)
			assert_true(noted + fake_host_records(HOST, RECORD_APP_KEY, APPSTATE_KEY2_ID) > 0);
	}
	HOST->hold = false;
	sent(1, IS_REQUEST);
}

static void
memory_runs_out(void **state)
{
	size_t most = 0;

	(void) state;
	HOST->config.keepalive_us = HOST->config.deaf_after_us = HOUR; /* a day passes quickly */
	for (size_t n = 0; n == 0 || n <= most; n++)
	{
		app_service_init(&service);
		assert_true(messages_again(n));
		share_one(APPSTATE_KEY_ID, APPSTATE_KEY, FROM_PHONE("k1"));
		for (int tries = 0; tries < 4; tries++)
		{
			if (client_status(HOST->client) == BOT_ERROR)
				client_start(HOST->client, HOST->now);
			app_service_live(&service, HOST, 120 * WA_SECOND);
		}
		/* a message that was not answered comes again */
		if (fake_server_count(&HOST->server, "receipt id=k1") == 0)
			redeliver(FROM_PHONE("k1"), 0);
		app_service_live(&service, HOST, HOUR);
		if (n == 0)
			most = HOST->env.allocations;
		assert_int_equal(HOST->status, BOT_ONLINE);
		assert_true(fake_host_count(HOST, "Ada Lovelace") >= 1);
		/* one that was noted and then lost is repeated when the day is over */
		if (fake_server_count(&HOST->server, IS_REQUEST) == 0)
			app_service_live(&service, HOST, 27 * HOUR);
		sent(1, IS_REQUEST);
	}
	assert_true(most > 100);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, messages_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_phone_shares_its_keys),
		TEST(nobody_else_does),
		TEST(a_missing_key_is_asked_for_once_a_day),
		TEST(a_request_waits_for_its_note),
		TEST(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
