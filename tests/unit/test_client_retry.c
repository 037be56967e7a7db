/*
 * test_client_retry.c
 *		Messages that cannot be read: the sender is asked, then the phone, never
 *		too often, and what was asked survives a crash.
 */
#include "message_host.h"

#include "../../src/protocol/wire.h"

#define HOST (&messages.host)
#define DAY (86400 * WA_SECOND)

/* A message that arrives damaged; the next one of this id is good. */
static void
deliver_damaged(const char *head, int count)
{
	write_text(&messages.alice, "damaged");
	damage();
	deliver(head, count);
}

/* Alice makes her key for the group, and nobody gets it. */
static void
keep_key(void)
{
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	phone_distribute(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP, &key);
	buf_free(&key);
}

static void
restart(void)
{
	fake_host_crash(HOST);
	fake_host_advance(HOST, 2 * WA_SECOND);
	assert_int_equal(HOST->status, BOT_ONLINE);
	fake_host_clear(HOST);
}

/* ---- the sender ---- */

static void
asks_the_sender(void **state)
{
	(void) state;
	HOST->hold = true;
	deliver_damaged(DIRECT("m1"), 0);
	told(1, "message live pending " ALICE_LID " m1 " ALICE_LID " me=0 invalid_message: \n");
	told(1, "attempts=1 phone=0");
	fake_host_advance(HOST, WA_SECOND);
	sent(0, "receipt");
	sent(0, "ack");
	fake_host_store(HOST);
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "receipt id=m1 to=" ALICE_LID " type=retry\n<retry v=1 count=1 id=m1 t=1795456383 "
			"error=4\n<registration\n");
	sent(0, "<keys");
	sent(1, "ack class=message id=m1 to=" ALICE_LID "\n");
	/* the message, and that the phone is to be asked for it */
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, ALICE_LID " m1"), 2);

	write_text(&messages.alice, "now it is good");
	deliver(DIRECT("m1"), 1);
	told(1, "message retry read " ALICE_LID " m1 " ALICE_LID " me=0 text: now it is good\n");
	sent(1, "receipt id=m1 to=" ALICE_LID " type=inactive\n");
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, NULL), 0);
	/* nor is the phone asked any more */
	fake_host_advance(HOST, 20 * WA_SECOND);
	sent(0, "category=peer");
}

/* What comes live has no row yet; what comes from the queue, or in answer, may have one. */
static void
looks_up_only_what_may_be_known(void **state)
{
	(void) state;
	deliver_damaged(DIRECT("m1"), 0);
	HOST->looked_up = 0;
	deliver_damaged(DIRECT("m2"), 0);
	assert_int_equal(HOST->looked_up, 0);
	told(2, "attempts=1 phone=0");
	redeliver(DIRECT("m2"), 0);
	assert_int_equal(HOST->looked_up, 1);
	told(1, "attempts=2 phone=0");
	deliver_damaged(DIRECT("m1"), 1);
	assert_int_equal(HOST->looked_up, 2);
	told(2, "attempts=2 phone=0");
}

static void
asks_for_a_sender_key(void **state)
{
	(void) state;
	keep_key();
	write_group_text(&messages.alice, MESSAGE_GROUP, "nobody has my key");
	HOST->hold = true;
	deliver(IN_GROUP("g1"), 0);
	told(1, "message live pending " MESSAGE_GROUP " g1 " ALICE_LID " me=0 no_sender_key: \n");
	told(1, "prekeys 2..2");
	told(1, "device");
	sent(0, "receipt");
	HOST->hold = false;
	fake_host_pump(HOST);
	/* the keys go along: what was lost may be the session, too */
	sent(1, "receipt id=g1 to=" MESSAGE_GROUP " type=retry participant=" ALICE_LID "\n<retry v=1 "
			"count=1 id=g1 t=1795456383 error=1\n<registration\n<keys\n");
	sent(1, "<<device-identity\n");
	sent(1, "ack class=message id=g1 to=" MESSAGE_GROUP " participant=" ALICE_LID "\n");
	assert_int_equal(fake_host_records(HOST, RECORD_PREKEY, NULL), 2);

	/* the answer comes for this device alone, with the key */
	write_key(&messages.alice, MESSAGE_GROUP, NULL);
	write_text(&messages.alice, "nobody had my key");
	deliver(IN_GROUP("g1"), 1);
	told(1, "message retry read " MESSAGE_GROUP " g1 " ALICE_LID " me=0 text: nobody had my key\n");
	sent(1, "receipt id=g1 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=inactive\n");
	write_group_text(&messages.alice, MESSAGE_GROUP, "and on");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: and on\n");
}

/*
 * The question was stored and never sent; meanwhile the key came, for what was
 * written later.  Nobody has read the message, so it is asked for again.
 */
static void
asks_again_when_the_key_went_past(void **state)
{
	WrittenPart first;

	(void) state;
	keep_key();
	write_group_text(&messages.alice, MESSAGE_GROUP, "too early");
	deliver(IN_GROUP("g1"), 0);
	told(1, "message live pending " MESSAGE_GROUP " g1 " ALICE_LID " me=0 no_sender_key: \n");
	first = messages.parts[0];
	buf_init(&messages.parts[0].bytes, env_default(), 1 << 20);
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "in time");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: in time\n");

	buf_free(&messages.parts[0].bytes);
	messages.parts[0] = first;
	messages.n_parts = 1;
	deliver(IN_GROUP("g1"), 0);
	told(1, "message live pending " MESSAGE_GROUP " g1 " ALICE_LID " me=0 key_gone: \n");
	sent(1, "<retry v=1 count=2 id=g1");
	sent(0, "receipt id=g1 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=inactive");

	/* once it was read it is an ordinary duplicate */
	write_text(&messages.alice, "too early");
	deliver(IN_GROUP("g1"), 2);
	told(1, "message retry read " MESSAGE_GROUP " g1 " ALICE_LID " me=0 text: too early\n");
	redeliver(IN_GROUP("g1"), 2);
	told(1, "text: too early\n");
	sent(2, "receipt id=g1 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=inactive");
}

/* The key is lost with the message that brings it: only one question for both. */
static void
does_not_try_what_hangs_on_a_lost_key(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	damage();
	write_group_text(&messages.alice, MESSAGE_GROUP, "text");
	deliver(IN_GROUP("g1"), 0);
	told(1, "me=0 invalid_message: \n");
	told(1, "pending");
	sent(1, "type=retry");
	sent(1, "ack");
}

static void
counts_over_a_crash(void **state)
{
	(void) state;
	deliver_damaged(DIRECT("m1"), 0);
	restart();
	deliver_damaged(DIRECT("m1"), 1);
	sent(1, "count=2");
	sent(1, "<keys");
	told(1, "attempts=2");
	/* what was not stored was not sent, and does not count */
	HOST->hold = true;
	deliver_damaged(DIRECT("m1"), 2);
	fake_host_crash(HOST);
	HOST->hold = false;
	fake_host_advance(HOST, 2 * WA_SECOND);
	sent(0, "count=3");
	deliver_damaged(DIRECT("m1"), 2);
	sent(1, "count=3");
	/* the sender's count, when it is ahead */
	deliver_damaged(DIRECT("m9"), 3);
	sent(1, "count=4 id=m9");
}

static void
counts_what_is_not_stored_yet(void **state)
{
	(void) state;
	HOST->hold = true;
	deliver_damaged(DIRECT("m1"), 0);
	deliver_damaged(DIRECT("m1"), 0);
	told(1, "attempts=1");
	told(1, "attempts=2");
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "count=1");
	sent(1, "count=2");
}

static void
gives_up_after_some(void **state)
{
	(void) state;
	for (int i = 0; i < 8; i++)
		deliver_damaged(DIRECT("m1"), i);
	sent(5, "type=retry");
	sent(1, "count=5");
	sent(8, "ack class=message id=m1");
	told(4, "attempts=5"); /* the fifth, and those that only count */
}

static void
keeps_a_budget(void **state)
{
	char head[200];

	(void) state;
	for (int i = 0; i < 25; i++)
	{
		snprintf(head, sizeof(head),
				 "<message from=\"" ALICE_LID "\" t=\"1795456383\" id=\"b%d\"/>", i);
		deliver_damaged(head, 0);
	}
	sent(20, "type=retry");
	sent(25, "ack class=message id=b");
	told(25, "message live pending");
	/* others have their own */
	keep_key();
	write_group_text(&messages.alice, MESSAGE_GROUP, "x");
	deliver(IN_GROUP("g1"), 0);
	sent(21, "type=retry");
	HOST->now.mono_us += 13 * WA_SECOND;
	for (int i = 0; i < 3; i++)
	{
		snprintf(head, sizeof(head),
				 "<message from=\"" ALICE_LID "\" t=\"1795456383\" id=\"c%d\"/>", i);
		deliver_damaged(head, 0);
	}
	sent(23, "type=retry");
}

static void
does_not_ask_for_what_is_old(void **state)
{
	(void) state;
	HOST->now.wall_us += 15 * DAY;
	deliver_damaged(DIRECT("m1"), 0);
	told(1, "message live unavailable " ALICE_LID " m1 " ALICE_LID " me=0 too_old: \n");
	sent(0, "receipt");
	sent(1, "ack class=message id=m1");
	fake_host_advance(HOST, 20 * WA_SECOND);
	sent(0, "category=peer");
}

static void
asks_nobody_who_is_not_trusted(void **state)
{
	(void) state;
	/* the own phone with a key that the account never signed */
	phone_free(&messages.own);
	phone_init(&messages.own, test_env(&messages.phone_env));
	phone_start(&messages.own, &HOST->device, NULL);
	write_text(&messages.own, "not me");
	deliver("<message from=\"" OWN_LID "\" t=\"1795456383\" id=\"o1\"/>", 0);
	told(1, "unavailable " OWN_LID " o1 " OWN_LID " me=1 untrusted_identity: \n");
	sent(0, "type=retry");
	sent(1, "ack class=message id=o1");
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, NULL), 0);
}

/* A plain ack does not take such a copy out of the queue: it stays until it is read or given up. */
static void
leaves_own_copies_in_the_queue(void **state)
{
	static const char head[] =
		"<message from=\"" OWN_LID "\" recipient=\"" ALICE_LID "\" t=\"1795456383\" id=\"o1\"/>";

	(void) state;
	for (int i = 0; i < 6; i++)
	{
		write_text(&messages.own, "mine");
		damage();
		deliver(head, i);
		sent(0, "ack");
		sent(i == 5, "receipt id=o1 to=" OWN_LID " recipient=" ALICE_LID " type=sender\n");
	}
	sent(5, "receipt id=o1 to=" OWN_LID " type=retry recipient=" ALICE_LID "\n");
	told(6, "message live pending " ALICE_LID " o1 " OWN_LID " me=1");
}

static void
asks_the_phone_for_its_own_words(void **state)
{
	(void) state;
	write_text(&messages.own, "between us");
	damage();
	deliver(FROM_PHONE("p1"), 0);
	told(0, "message live");
	sent(1, "receipt id=p1 to=" OWN_PN " type=retry category=peer\n");
	sent(1, "ack class=message id=p1");
	fake_host_advance(HOST, 20 * WA_SECOND);
	sent(0, "push_priority");
}

/* ---- the phone ---- */

/* The phone's session begins with something it says. */
static void
know_the_phone(void)
{
	write_text(&messages.own, "hello");
	deliver(FROM_PHONE("p0"), 0);
	fake_host_clear(HOST);
}

/* What the phone reads must ask for this message. */
static void
check_request(const char *chat, const char *id, const char *participant)
{
	FakeServer *server = &HOST->server;
	WaWireField field;
	WaBuf plain;
	SignalType type;

	buf_init(&plain, env_default(), 65536);
	assert_true(signal_type_from(str_from(server->last_type), &type));
	phone_read(&messages.own, type, buf_data(&server->last_enc), buf_len(&server->last_enc),
			   &plain);
	assert_true(wire_find(buf_data(&plain), buf_len(&plain), 12, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 16, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 5, WIRE_BYTES, &field));
	assert_true(wire_find(field.data, field.len, 1, WIRE_BYTES, &field));
	{
		WaWireField part;

		assert_true(wire_find(field.data, field.len, 1, WIRE_BYTES, &part));
		check_str((WaStr){(const char *) part.data, part.len}, chat);
		assert_true(wire_find(field.data, field.len, 3, WIRE_BYTES, &part));
		check_str((WaStr){(const char *) part.data, part.len}, id);
		assert_int_equal(wire_find(field.data, field.len, 4, WIRE_BYTES, &part),
						 participant != NULL);
		if (participant != NULL)
			check_str((WaStr){(const char *) part.data, part.len}, participant);
	}
	buf_free(&plain);
}

static void
nest(WaBuf *out, uint32_t number, WaBuf *inner)
{
	assert_int_equal(wire_put_bytes(out, number, buf_data(inner), buf_len(inner)), WA_OK);
	buf_free(inner);
}

/* The phone's answer to a request; text NULL: it has no copy. */
static void
deliver_answer(const char *head, const char *request, const char *id, const char *text)
{
	WaBuf a;
	WaBuf b;
	WaBuf info;

	buf_init(&a, env_default(), 65536);
	buf_init(&b, env_default(), 65536);
	buf_init(&info, env_default(), 65536);
	if (text != NULL)
	{
		assert_int_equal(wire_put_bytes(&a, 1, ALICE_PN, strlen(ALICE_PN)), WA_OK);
		assert_int_equal(wire_put_bytes(&a, 3, id, strlen(id)), WA_OK);
		nest(&info, 1, &a);
		assert_int_equal(wire_put_bytes(&a, 1, text, strlen(text)), WA_OK);
		nest(&info, 2, &a);
		nest(&a, 1, &info);
	}
	else
		assert_int_equal(wire_put_varint(&a, 9, 1), WA_OK);
	nest(&b, 4, &a); /* placeholderMessageResendResponse */
	assert_int_equal(wire_put_varint(&a, 1, 4), WA_OK);
	assert_int_equal(wire_put_bytes(&a, 2, request, strlen(request)), WA_OK);
	nest(&a, 3, &b);
	assert_int_equal(wire_put_varint(&b, 2, PROTOCOL_PEER_RESPONSE), WA_OK);
	nest(&b, 17, &a);
	nest(&a, 12, &b);
	write_plain(&messages.own, buf_data(&a), buf_len(&a));
	buf_free(&a);
	buf_free(&info);
	deliver(head, 0);
}

static void
asks_the_phone(void **state)
{
	char request[64];

	(void) state;
	know_the_phone();
	deliver_damaged(DIRECT("m1"), 0);
	fake_host_advance(HOST, 4 * WA_SECOND);
	sent(0, "category=peer");
	HOST->hold = true;
	fake_host_advance(HOST, 2 * WA_SECOND);
	told(1, "phone=1");
	sent(0, "category=peer"); /* the session's step is not stored yet */
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1,
		 " to=" OWN_PN " type=text category=peer push_priority=high\n<meta appdata=default\n<enc "
		 "v=2 type=msg\n");
	check_request(ALICE_LID, "m1", NULL);
	snprintf(request, sizeof(request), "%s", HOST->server.last_message);

	/* whose answer it is, who else may answer, and what nobody asked for */
	deliver_answer(DIRECT("x1"), request, "m1", "spoofed");
	deliver_answer(FROM_PHONE("x2"), "3EB0000000000000000000", "m1", "unasked");
	deliver_answer(FROM_PHONE("x3"), request, "m2", "another one");
	told(0, "text:");
	/* the one that named another message was the answer: there is no second */
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, "phone"), 0);
}

static void
takes_the_copy_of_the_phone(void **state)
{
	char request[64];

	(void) state;
	know_the_phone();
	deliver_damaged(DIRECT("m1"), 0);
	fake_host_advance(HOST, 6 * WA_SECOND);
	snprintf(request, sizeof(request), "%s", HOST->server.last_message);
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, "phone"), 1);
	restart(); /* days later */
	deliver_answer(FROM_PHONE("x1"), request, "m1", "the copy");
	told(1, "message phone read " ALICE_LID " m1 " ALICE_LID " me=0 text: the copy\n");
	sent(1, "receipt id=x1 to=" OWN_PN " type=peer_msg\n");
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, NULL), 0);
	deliver_answer(FROM_PHONE("x2"), request, "m1", "the copy");
	told(1, "text: the copy\n");
}

static void
asks_the_phone_once(void **state)
{
	(void) state;
	know_the_phone();
	deliver_damaged(DIRECT("m1"), 0);
	fake_host_advance(HOST, 10 * WA_SECOND);
	sent(1, "category=peer");
	restart();
	deliver_damaged(DIRECT("m1"), 1);
	told(1, "attempts=2 phone=1");
	for (int i = 2; i < 8; i++)
		deliver_damaged(DIRECT("m1"), i);
	fake_host_advance(HOST, 60 * WA_SECOND);
	sent(0, "category=peer");
}

/* The sender was asked and does not answer; whoever was going to ask the phone is gone. */
static void
asks_the_phone_after_a_crash(void **state)
{
	(void) state;
	know_the_phone();
	deliver_damaged(DIRECT("m1"), 0);
	restart();
	sent(0, "category=peer");
	fake_host_advance(HOST, 6 * WA_SECOND);
	sent(1, "category=peer");
	told(1, "attempts=1 phone=1");
	restart();
	fake_host_advance(HOST, 60 * WA_SECOND);
	sent(0, "category=peer");
	/* what was read meanwhile is not asked for */
	deliver_damaged(DIRECT("m2"), 0);
	write_text(&messages.alice, "now it is good");
	deliver(DIRECT("m2"), 1);
	restart();
	fake_host_advance(HOST, 60 * WA_SECOND);
	sent(0, "category=peer");
}

/* What the budget does not allow now is not forgotten. */
static void
asks_the_phone_later(void **state)
{
	char head[200];

	(void) state;
	know_the_phone();
	for (int i = 0; i < 24; i++)
	{
		snprintf(head, sizeof(head),
				 "<message from=\"" ALICE_LID "\" t=\"1795456383\" id=\"b%d\"/>", i);
		deliver_damaged(head, 0);
	}
	sent(20, "type=retry");
	fake_host_advance(HOST, 30 * WA_SECOND);
	assert_in_range(fake_server_count(&HOST->server, "category=peer"), 3, 6);
	restart();
	for (int i = 0; i < 30; i++)
		fake_host_advance(HOST, 6 * WA_SECOND);
	assert_in_range(fake_server_count(&HOST->server, "category=peer"), 18, 24);
	assert_int_equal(fake_host_records(HOST, RECORD_RETRY, "ask"), 0);
}

static void
asks_the_phone_for_placeholders(void **state)
{
	char request[64];

	(void) state;
	know_the_phone();
	fake_server_say(&HOST->server, "<message from=\"" MESSAGE_GROUP "\" participant=\"" ALICE_LID
								   "\" t=\"1795456383\" id=\"u1\"><unavailable/></message>");
	fake_host_advance(HOST, WA_SECOND / 10);
	told(2, "message live pending " MESSAGE_GROUP " u1 " ALICE_LID " me=0 placeholder: \n");
	told(1, "attempts=0 phone=1");
	sent(1, "ack class=message id=u1 to=" MESSAGE_GROUP " participant=" ALICE_LID "\n");
	sent(0, "type=retry");
	sent(1, "category=peer");
	check_request(MESSAGE_GROUP, "u1", ALICE_LID);
	snprintf(request, sizeof(request), "%s", HOST->server.last_message);
	deliver_answer(FROM_PHONE("x1"), request, "u1", NULL);
	told(1, "message live unavailable " MESSAGE_GROUP " u1 " ALICE_LID " me=0 not_on_phone: \n");
}

static void
answer_keys(const SignalPhone *phone)
{
	SignalBundle bundle;
	WaArena arena;
	WaNode *iq;
	WaNode *user;
	WaNode *key;
	const uint8_t registration[4] = {0, 0, 0x12, 0x67};
	uint8_t id[3] = {0, 0, 0};

	phone_bundle(phone, &bundle);
	arena_init(&arena, test_env(&HOST->server_env), 65536);
	iq = node_new(&arena, "iq");
	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	node_set(iq, "type", "result");
	node_set(iq, "id", HOST->server.last_iq);
	user = node_add(node_add(iq, "list"), "user");
	node_set_jid(user, "jid", str_from(OWN_PN));
	node_set_bytes(node_add(user, "registration"), registration, 4);
	node_set_bytes(node_add(user, "identity"), bundle.identity, 32);
	key = node_add(user, "skey");
	id[2] = (uint8_t) bundle.signed_prekey_id;
	node_set_bytes(node_add(key, "id"), id, 3);
	node_set_bytes(node_add(key, "value"), bundle.signed_prekey, 32);
	node_set_bytes(node_add(key, "signature"), bundle.signature, 64);
	key = node_add(user, "key");
	id[2] = (uint8_t) bundle.prekey_id;
	node_set_bytes(node_add(key, "id"), id, 3);
	node_set_bytes(node_add(key, "value"), bundle.prekey, 32);
	fake_server_send(&HOST->server, iq);
	arena_free(&arena);
	fake_host_pump(HOST);
}

static void
starts_a_session_with_the_phone(void **state)
{
	(void) state;
	deliver_damaged(DIRECT("m1"), 0);
	fake_host_advance(HOST, 6 * WA_SECOND);
	sent(1, "<<user jid=" OWN_PN);
	sent(1, "<<user jid=" OWN_PN "\n");
	sent(0, "category=peer");
	answer_keys(&messages.own);
	sent(1, "<enc v=2 type=pkmsg\n<device-identity\n");
	check_request(ALICE_LID, "m1", NULL);
	/* what comes next uses it */
	deliver_damaged(DIRECT("m2"), 0);
	fake_host_advance(HOST, 6 * WA_SECOND);
	sent(1, "<<user jid=" OWN_PN);
	sent(2, "category=peer");
	check_request(ALICE_LID, "m2", NULL);
}

static void
does_not_write_to_another_phone(void **state)
{
	(void) state;
	deliver_damaged(DIRECT("m1"), 0);
	fake_host_advance(HOST, 6 * WA_SECOND);
	answer_keys(&messages.alice); /* signed, but by somebody else */
	fake_host_advance(HOST, 60 * WA_SECOND);
	sent(1, "<<user jid=" OWN_PN);
	sent(0, "category=peer");
	assert_int_equal(HOST->status, BOT_ONLINE);
	for (int i = 0; i < 700 && fake_server_count(&HOST->server, "<<user jid=" OWN_PN) < 2; i++)
		fake_host_advance(HOST, WA_SECOND);
	sent(2, "<<user jid=" OWN_PN);
	answer_keys(&messages.own);
	sent(1, "category=peer");
}

static void
waits_for_the_end_of_the_queue(void **state)
{
	(void) state;
	know_the_phone();
	HOST->server.queued = 5;
	fake_host_cut(HOST);
	fake_host_advance(HOST, 3 * WA_SECOND);
	assert_int_equal(HOST->status, BOT_ONLINE);
	deliver_damaged("<message from=\"" ALICE_LID "\" t=\"1795456383\" id=\"q1\" offline=\"1\"/>",
					0);
	fake_host_advance(HOST, 20 * WA_SECOND);
	sent(1, "type=retry");
	sent(0, "category=peer");
	fake_server_say(&HOST->server, "<ib><offline count=\"1\"/></ib>");
	fake_host_advance(HOST, WA_SECOND);
	sent(1, "category=peer");
}

/* ---- memory ---- */

static void
survives_every_failed_allocation(void **state)
{
	bool done = false;
	int failures = 0;

	(void) state;
	for (size_t n = 1; !done; n++)
	{
		if (!messages_again(n))
			fail_msg("not online");
		write_text(&messages.own, "hello");
		deliver(FROM_PHONE("p0"), 0);
		fake_host_advance(HOST, 400 * WA_SECOND);
		redeliver(FROM_PHONE("p0"), 0);
		write_text(&messages.alice, "damaged");
		damage();
		for (int i = 0; i < 4 && fake_server_count(&HOST->server, "ack class=message") == 0; i++)
		{
			fake_host_advance(HOST, 400 * WA_SECOND);
			if (i == 0)
				deliver(DIRECT("m1"), 0);
			else
				redeliver(DIRECT("m1"), 0);
		}
		fake_host_advance(HOST, 700 * WA_SECOND);
		done = HOST->env.allocations < n;
		if (fake_host_count(HOST, "reason=out_of_memory") > 0)
			failures++;
		if (fake_server_count(&HOST->server, "ack class=message id=m1") < 1 ||
			fake_server_count(&HOST->server, "type=retry") < 1 ||
			fake_server_count(&HOST->server, "category=peer push") > 1 || !fake_host_sound(HOST) ||
			fake_host_records(HOST, RECORD_RETRY, ALICE_LID) != 1)
			fail_msg("allocation %zu: %.*s", n, (int) buf_len(&HOST->trace),
					 (const char *) buf_data(&HOST->trace));
	}
	assert_true(failures > 50);
}

/* ---- hosts of the media service ---- */

static void
asks_for_media_hosts(void **state)
{
	(void) state;
	assert_int_equal(client_query_media_hosts(HOST->client, HOST->now), WA_OK);
	assert_int_equal(client_query_media_hosts(HOST->client, HOST->now), WA_OK);
	fake_host_advance(HOST, WA_SECOND);
	sent(1, "xmlns=w:m");
	sent(1, "<media_conn");
	/* the connection takes the question with it */
	fake_host_cut(HOST);
	fake_host_advance(HOST, 3 * WA_SECOND);
	sent(2, "xmlns=w:m");
	fake_server_say(
		&HOST->server,
		"<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"><media_conn auth=\"x\" ttl=\"60\">"
		"<host hostname=\"media.example.net\"/><host hostname=\"127.0.0.1:8443\"/>"
		"<host hostname=\"evil.example/path\"/><host hostname=\"user:pw\"/>"
		"<host hostname=\"a..b\"/><host hostname=\"-a.b\"/><host hostname=\"a:0\"/>"
		"<host hostname=\"a:65536\"/><host hostname=\".\"/><host/><host hostname=\":80\"/>"
		"<host hostname=\"a b\"/></media_conn></iq>",
		HOST->server.last_iq);
	fake_host_pump(HOST);
	told(1, "media hosts=2 valid=60\nhost media.example.net\nhost 127.0.0.1:8443\n");

	assert_int_equal(client_query_media_hosts(HOST->client, HOST->now), WA_OK);
	fake_host_advance(HOST, 70 * WA_SECOND);
	told(1, "media hosts=0");
	assert_int_equal(HOST->status, BOT_ONLINE);
}

/* ---- files that are gone from it ---- */

static void
asks_for_an_upload(void **state)
{
	static const char key[32] = "0123456789abcdef0123456789abcde";
	WaUploadRequest request = {.id = str_from("F1"),
							   .key = {key, sizeof(key)},
							   .chat = str_from(MESSAGE_GROUP),
							   .participant = str_from(ALICE_LID)};

	(void) state;
	assert_int_equal(client_ask_upload(HOST->client, &request, HOST->now), WA_OK);
	fake_host_pump(HOST);
	sent(1, "receipt id=F1 to=" OWN_PN " type=server-error\n<encrypt\n");
	sent(1, "<rmr jid=" MESSAGE_GROUP " from_me=false participant=" ALICE_LID "\n");
	/* history: the phone knows it by the id alone */
	request.id = str_from("CHUNK1");
	request.chat = request.participant = WA_STR_NONE;
	assert_int_equal(client_ask_upload(HOST->client, &request, HOST->now), WA_OK);
	fake_host_pump(HOST);
	sent(1, "receipt id=CHUNK1 to=" OWN_PN " type=server-error category=peer\n<encrypt\n");
	sent(1, "<rmr");

	request.key.len = 31;
	assert_int_equal(client_ask_upload(HOST->client, &request, HOST->now), WA_ERR_ARGUMENT);
	fake_host_cut(HOST);
	request.key.len = 32;
	assert_int_equal(client_ask_upload(HOST->client, &request, HOST->now), WA_ERR_STATE);
	fake_host_advance(HOST, 3 * WA_SECOND);
	assert_int_equal(HOST->status, BOT_ONLINE);

	fake_server_say(
		&HOST->server,
		"<notification from=\"" OWN_PN "\" type=\"mediaretry\" id=\"F1\" t=\"1\">"
		"<encrypt><enc_p>abcdefghijklmnopqrstuvwxyz</enc_p><enc_iv>0123456789ab</enc_iv>"
		"</encrypt><rmr jid=\"" MESSAGE_GROUP "\" from_me=\"false\"/></notification>");
	fake_server_say(&HOST->server,
					"<notification from=\"" OWN_PN "\" type=\"mediaretry\" id=\"F2\" t=\"1\">"
					"<error code=\"2\"/></notification>");
	fake_host_pump(HOST);
	told(1, "uploaded F1 payload=26 iv=12\nuploaded F2 payload=0 iv=0\n");
	sent(1, "ack class=notification id=F1");
	sent(1, "ack class=notification id=F2");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, messages_setup, messages_teardown)
	const struct CMUnitTest tests[] = {
		TEST(asks_the_sender),
		TEST(looks_up_only_what_may_be_known),
		TEST(asks_for_a_sender_key),
		TEST(asks_again_when_the_key_went_past),
		TEST(does_not_try_what_hangs_on_a_lost_key),
		TEST(counts_over_a_crash),
		TEST(counts_what_is_not_stored_yet),
		TEST(gives_up_after_some),
		TEST(keeps_a_budget),
		TEST(does_not_ask_for_what_is_old),
		TEST(asks_nobody_who_is_not_trusted),
		TEST(leaves_own_copies_in_the_queue),
		TEST(asks_the_phone_for_its_own_words),
		TEST(asks_the_phone),
		TEST(takes_the_copy_of_the_phone),
		TEST(asks_the_phone_once),
		TEST(asks_the_phone_after_a_crash),
		TEST(asks_the_phone_later),
		TEST(asks_the_phone_for_placeholders),
		TEST(starts_a_session_with_the_phone),
		TEST(does_not_write_to_another_phone),
		TEST(waits_for_the_end_of_the_queue),
		TEST(survives_every_failed_allocation),
		TEST(asks_for_media_hosts),
		TEST(asks_for_an_upload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
