/*
 * test_client_message.c
 *		Messages that can be read: what is told of them, what is answered and
 *		when, and that a crash at any time loses and doubles nothing.
 */
#include "message_host.h"

#include "../../src/protocol/wire.h"

#define HOST (&messages.host)

/* ---- reading ---- */

static void
reads_a_direct_message(void **state)
{
	(void) state;
	write_text(&messages.alice, "hello");
	deliver(DIRECT("m1"), 0);
	told(1, "message live read " ALICE_LID " m1 " ALICE_LID " me=0 text: hello\n");
	told(1, "alias message " ALICE_LID " " ALICE_PN);
	sent(1, "receipt id=m1 to=" ALICE_LID " type=inactive\n");
	sent(0, "ack");
	/* filed under the LID, and the prekey is used up */
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_LID), 1);
	assert_int_equal(fake_host_records(HOST, RECORD_IDENTITY, ALICE_LID), 1);
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_PN), 0);
	assert_int_equal(fake_host_records(HOST, RECORD_PREKEY, NULL), 0);
}

static void
reads_a_group(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "first");
	deliver(IN_GROUP("g1"), 0);
	told(1, "message live read " MESSAGE_GROUP " g1 " ALICE_LID " me=0 text: first\n");
	told(1, "message live");
	sent(1, "receipt id=g1 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=inactive\n");
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, MESSAGE_GROUP), 1);

	/* whoever's key is in memory needs no table */
	HOST->looked_up = 0;
	write_group_text(&messages.alice, MESSAGE_GROUP, "second");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: second\n");
	assert_int_equal(HOST->looked_up, 0);
}

/* The order on the wire says nothing. */
static void
learns_the_key_before_it_reads(void **state)
{
	WrittenPart swap;

	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "first");
	swap = messages.parts[0];
	messages.parts[0] = messages.parts[1];
	messages.parts[1] = swap;
	deliver(IN_GROUP("g1"), 0);
	told(1, "text: first\n");
	sent(1, "receipt id=g1");
}

static void
tells_nothing_of_a_key_alone(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	deliver(IN_GROUP("g1"), 0);
	told(0, "message live");
	told(1, "records");
	sent(1, "receipt id=g1 to=" MESSAGE_GROUP);
	/* and it was taken */
	write_group_text(&messages.alice, MESSAGE_GROUP, "after");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: after\n");
}

static void
ignores_a_key_for_another_group(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, "120363000000000009@g.us");
	deliver(IN_GROUP("g1"), 0);
	sent(1, "receipt id=g1");
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, NULL), 0);
	write_text(&messages.alice, "fine");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: fine\n");
}

static void
answers_duplicates_and_tells_nothing(void **state)
{
	(void) state;
	write_text(&messages.alice, "once");
	deliver(DIRECT("m1"), 0);
	redeliver(DIRECT("m1"), 0);
	told(1, "message live");
	sent(2, "receipt id=m1 to=" ALICE_LID " type=inactive\n");

	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "once more");
	deliver(IN_GROUP("g1"), 0);
	redeliver(IN_GROUP("g1"), 0);
	told(1, "text: once more\n");
	sent(2, "receipt id=g1");
	sent(0, "type=retry");
}

static void
keeps_what_is_no_message(void **state)
{
	(void) state;
	write_plain(&messages.alice, "\xff\xff\xff", 3);
	deliver(DIRECT("m1"), 0);
	told(1, "message live read " ALICE_LID " m1 " ALICE_LID " me=0 unknown: \n");
	sent(1, "ack class=message id=m1 to=" ALICE_LID " error=491\n");
	sent(0, "receipt");
}

static void
refuses_who_has_no_name(void **state)
{
	(void) state;
	fake_server_say(&HOST->server,
					"<message from=\"" MESSAGE_GROUP "\" id=\"m1\" t=\"1\"><enc v=\"2\" "
					"type=\"skmsg\">A</enc></message>");
	fake_server_say(&HOST->server,
					"<message from=\"" ALICE_LID "\" id=\"m\x01\" t=\"1\"><enc v=\"2\" "
					"type=\"msg\">A</enc></message>");
	fake_server_say(&HOST->server, "<message from=\"123@bot\" id=\"m3\" t=\"1\"><enc v=\"2\" "
								   "type=\"msg\">A</enc></message>");
	fake_server_say(&HOST->server, "<message from=\"123@bot\" id=\"m4\" t=\"1\"><enc v=\"2\" "
								   "type=\"msmsg\">A</enc></message>");
	fake_host_pump(HOST);
	sent(1, "ack class=message id=m1 to=" MESSAGE_GROUP " error=487\n");
	sent(3, "error=487\n");
	sent(1, "ack class=message id=m4 to=123@bot\n");
	told(3, "raw message");
	told(1, "message live unavailable 123@bot m4 123@bot me=0 bot");
	assert_int_equal(HOST->status, BOT_ONLINE);
}

/* ---- one person, two names ---- */

static void
moves_to_the_lid(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	deliver("<message from=\"" MESSAGE_GROUP "\" participant=\"" ALICE_PN "\" t=\"1\" id=\"g1\"/>",
			0);
	write_key(&messages.alice, "120363000000000002@g.us", NULL);
	deliver("<message from=\"120363000000000002@g.us\" participant=\"" ALICE_PN
			"\" t=\"1\" id=\"g2\"/>",
			0);
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_PN), 2);
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_PN), 1);
	fake_host_crash(HOST);
	fake_host_advance(HOST, 2 * WA_SECOND);
	fake_host_clear(HOST);

	write_group_text(&messages.alice, MESSAGE_GROUP, "now with both");
	deliver(IN_GROUP("g3"), 0);
	told(1, "text: now with both\n");
	/* everywhere, also in groups where nobody has written since */
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_PN), 0);
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_LID), 2);
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_PN), 0);
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_LID), 1);
	write_group_text(&messages.alice, "120363000000000002@g.us", "and there");
	deliver("<message from=\"120363000000000002@g.us\" participant=\"" ALICE_LID
			"\" t=\"1\" id=\"g4\"/>",
			0);
	told(1, "text: and there\n");
}

/* ---- own devices ---- */

/* deviceSentMessage{destinationJid, message{conversation}} */
static void
write_device_sent(SignalPhone *phone, const char *to, const char *text)
{
	WaBuf inner;
	WaBuf sent_message;
	WaBuf message;

	buf_init(&inner, env_default(), 4096);
	buf_init(&sent_message, env_default(), 4096);
	buf_init(&message, env_default(), 4096);
	assert_int_equal(wire_put_bytes(&inner, 1, text, strlen(text)), WA_OK);
	assert_int_equal(wire_put_bytes(&sent_message, 1, to, strlen(to)), WA_OK);
	assert_int_equal(wire_put_bytes(&sent_message, 2, buf_data(&inner), buf_len(&inner)), WA_OK);
	assert_int_equal(wire_put_bytes(&message, 31, buf_data(&sent_message), buf_len(&sent_message)),
					 WA_OK);
	write_plain(phone, buf_data(&message), buf_len(&message));
	buf_free(&inner);
	buf_free(&sent_message);
	buf_free(&message);
}

static void
takes_copies_of_own_devices(void **state)
{
	(void) state;
	write_device_sent(&messages.own, ALICE_LID, "from my phone");
	deliver("<message from=\"" OWN_LID "\" recipient=\"" ALICE_LID
			"\" peer_recipient_pn=\"" ALICE_PN "\" t=\"1795456383\" id=\"o1\"/>",
			0);
	told(1, "message live read " ALICE_LID " o1 " OWN_LID " me=1 text: from my phone\n");
	sent(1, "receipt id=o1 to=" OWN_LID " recipient=" ALICE_LID " type=sender\n");

	write_text(&messages.own, "in the group");
	deliver("<message from=\"" MESSAGE_GROUP "\" participant=\"" OWN_LID
			"\" t=\"1795456383\" id=\"o2\"/>",
			0);
	told(1, "me=1 text: in the group\n");
	sent(1, "receipt id=o2 to=" MESSAGE_GROUP " participant=" OWN_LID " type=sender\n");

	/* nobody else may say what this account sent */
	write_device_sent(&messages.alice, ALICE_LID, "spoofed");
	deliver(DIRECT("m1"), 0);
	told(0, "spoofed");
	sent(1, "receipt id=m1 to=" ALICE_LID " type=inactive\n");
}

static void
reads_a_copy_among_participants(void **state)
{
	WaArena arena;
	WaNode *message;
	WaNode *to;
	WaNode *enc;

	(void) state;
	write_text(&messages.own, "to my list");
	arena_init(&arena, test_env(&HOST->server_env), 1 << 20);
	message = node_new(&arena, "message");
	node_set_jid(message, "from", str_from("77@broadcast"));
	node_set_jid(message, "participant", str_from(OWN_LID));
	node_set(message, "id", "b1");
	to = node_add(node_add(message, "participants"), "to");
	node_set_jid(to, "jid", str_from("4915100000001:3@s.whatsapp.net"));
	enc = node_add(to, "enc");
	node_set(enc, "v", "2");
	node_set(enc, "type", signal_type_name(messages.parts[0].type));
	node_set_bytes(enc, buf_data(&messages.parts[0].bytes), buf_len(&messages.parts[0].bytes));
	fake_server_send(&HOST->server, message);
	arena_free(&arena);
	fake_host_pump(HOST);
	told(1, "message live read 77@broadcast b1 " OWN_LID " me=1 text: to my list\n");
	sent(1, "receipt id=b1 to=77@broadcast participant=" OWN_LID " type=sender\n");
}

/* protocolMessage of a type, with one nested field. */
static void
write_protocol(SignalPhone *phone, int type, uint32_t field, const WaBuf *payload)
{
	WaBuf protocol;
	WaBuf message;

	buf_init(&protocol, env_default(), 4096);
	buf_init(&message, env_default(), 4096);
	assert_int_equal(wire_put_varint(&protocol, 2, (uint64_t) type), WA_OK);
	assert_int_equal(wire_put_bytes(&protocol, field, buf_data(payload), buf_len(payload)), WA_OK);
	assert_int_equal(wire_put_bytes(&message, 12, buf_data(&protocol), buf_len(&protocol)), WA_OK);
	write_plain(phone, buf_data(&message), buf_len(&message));
	buf_free(&protocol);
	buf_free(&message);
}

static void
write_history_notice(SignalPhone *phone)
{
	WaBuf notice;

	buf_init(&notice, env_default(), 4096);
	assert_int_equal(wire_put_bytes(&notice, 11, "xyz", 3), WA_OK);
	assert_int_equal(wire_put_varint(&notice, 6, 3), WA_OK);
	write_protocol(phone, PROTOCOL_HISTORY_SYNC, 6, &notice);
	buf_free(&notice);
}

static void
takes_history_of_the_phone_only(void **state)
{
	(void) state;
	HOST->hold = true;
	write_history_notice(&messages.own);
	deliver(FROM_PHONE("h1"), 0);
	told(1, "history h1 type=3");
	told(0, "message live");
	sent(0, "receipt");
	fake_host_store(HOST);
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "receipt id=h1 to=" OWN_PN " type=peer_msg\n");
	sent(1, "receipt id=h1 to=" OWN_PN " type=hist_sync\n");

	write_history_notice(&messages.alice);
	deliver("<message from=\"" ALICE_LID "\" category=\"peer\" t=\"1\" id=\"h2\"/>", 0);
	told(1, "history");
	sent(0, "receipt id=h2 to=" ALICE_LID " type=hist_sync\n");
	sent(1, "type=hist_sync");
}

static void
takes_the_migration_of_the_phone(void **state)
{
	WaBuf mapping;
	WaBuf payload;
	WaBuf wrapped;

	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	deliver("<message from=\"" MESSAGE_GROUP "\" participant=\"" ALICE_PN "\" t=\"1\" id=\"g1\"/>",
			0);
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_PN), 1);
	buf_init(&mapping, env_default(), 4096);
	buf_init(&payload, env_default(), 65536);
	buf_init(&wrapped, env_default(), 65536);
	/* more than a round of strangers first */
	for (uint64_t i = 0; i < 300; i++)
	{
		buf_truncate(&mapping, 0);
		assert_int_equal(wire_put_varint(&mapping, 1, 49100 + i), WA_OK);
		assert_int_equal(wire_put_varint(&mapping, 2, 900 + i), WA_OK);
		assert_int_equal(wire_put_bytes(&payload, 1, buf_data(&mapping), buf_len(&mapping)), WA_OK);
	}
	buf_truncate(&mapping, 0);
	assert_int_equal(wire_put_varint(&mapping, 1, UINT64_C(4917770001)), WA_OK);
	assert_int_equal(wire_put_varint(&mapping, 2, 70001), WA_OK);
	assert_int_equal(wire_put_bytes(&payload, 1, buf_data(&mapping), buf_len(&mapping)), WA_OK);
	assert_int_equal(wire_put_bytes(&wrapped, 1, buf_data(&payload), buf_len(&payload)), WA_OK);
	HOST->trace.max = 64 << 20;
	{
		WaBuf protocol;
		WaBuf message;

		buf_init(&protocol, env_default(), 65536);
		buf_init(&message, env_default(), 65536);
		assert_int_equal(wire_put_varint(&protocol, 2, PROTOCOL_LID_MAPPING), WA_OK);
		assert_int_equal(wire_put_bytes(&protocol, 23, buf_data(&wrapped), buf_len(&wrapped)),
						 WA_OK);
		assert_int_equal(wire_put_bytes(&message, 12, buf_data(&protocol), buf_len(&protocol)),
						 WA_OK);
		write_plain(&messages.own, buf_data(&message), buf_len(&message));
		buf_free(&protocol);
		buf_free(&message);
	}
	deliver(FROM_PHONE("p1"), 0);
	told(1, "alias migration " ALICE_LID " " ALICE_PN);
	told(301, "alias migration");
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_PN), 0);
	assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, ALICE_LID), 1);
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, ALICE_LID), 1);
	sent(1, "receipt id=p1 to=" OWN_PN " type=peer_msg\n");
	buf_free(&mapping);
	buf_free(&payload);
	buf_free(&wrapped);
}

/* ---- new keys ---- */

static void
forgets_who_has_new_keys(void **state)
{
	(void) state;
	write_text(&messages.alice, "hello");
	deliver(DIRECT("m1"), 0);
	fake_server_say(&HOST->server,
					"<notification from=\"" ALICE_PN "\" lid=\"" ALICE_LID
					"\" type=\"encrypt\" id=\"e1\" t=\"1\"><identity/></notification>");
	HOST->hold = true;
	fake_host_pump(HOST);
	told(1, "identity " ALICE_LID " " ALICE_PN);
	sent(0, "ack");
	fake_host_store(HOST);
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "ack class=notification id=e1 to=" ALICE_PN "\n");
	assert_int_equal(fake_host_records(HOST, RECORD_SESSION, NULL), 0);
	assert_int_equal(fake_host_records(HOST, RECORD_IDENTITY, NULL), 0);

	/* another device, ourselves, nobody: only acknowledged */
	fake_host_clear(HOST);
	fake_server_say(&HOST->server, "<notification from=\"70001:4@lid\" type=\"encrypt\" id=\"e2\" "
								   "t=\"1\"><identity/></notification>");
	fake_server_say(&HOST->server, "<notification from=\"" OWN_PN "\" type=\"encrypt\" id=\"e3\" "
								   "t=\"1\"><identity/></notification>");
	fake_server_say(&HOST->server, "<notification from=\"s.whatsapp.net\" type=\"encrypt\" "
								   "id=\"e4\" t=\"1\"><identity/></notification>");
	fake_host_pump(HOST);
	told(0, "identity");
	sent(3, "ack class=notification");
}

static void
tells_new_keys_in_a_message(void **state)
{
	(void) state;
	write_text(&messages.alice, "hello");
	deliver(DIRECT("m1"), 0);
	told(0, "identity");
	phone_free(&messages.alice);
	phone_init(&messages.alice, test_env(&messages.phone_env));
	phone_start(&messages.alice, &HOST->device, NULL);
	write_text(&messages.alice, "it is me");
	deliver(DIRECT("m2"), 0);
	told(1, "text: it is me\n");
	told(1, "identity " ALICE_LID " " ALICE_PN);
}

/* ---- the barrier, crashes ---- */

static void
answers_when_it_is_stored(void **state)
{
	uint64_t first;

	(void) state;
	HOST->hold = true;
	write_text(&messages.alice, "one");
	deliver(DIRECT("m1"), 0);
	told(1, "text: one");
	first = HOST->last_epoch;
	write_text(&messages.alice, "two");
	deliver(DIRECT("m2"), 0);
	told(1, "text: two");
	fake_host_advance(HOST, 20 * WA_SECOND);
	sent(0, "receipt");
	client_persisted(HOST->client, first - 1);
	fake_host_pump(HOST);
	sent(0, "receipt");
	client_persisted(HOST->client, first);
	fake_host_pump(HOST);
	sent(1, "receipt id=m1");
	sent(0, "receipt id=m2");
	fake_host_store(HOST);
	fake_host_pump(HOST);
	sent(1, "receipt id=m2");
}

/* What was not stored comes again, and is read again. */
static void
loses_nothing_in_a_crash(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "stored");
	deliver(IN_GROUP("g1"), 0);
	write_group_text(&messages.alice, MESSAGE_GROUP, "not stored");
	HOST->hold = true;
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: not stored\n");
	fake_host_crash(HOST);
	HOST->hold = false;
	fake_host_advance(HOST, 2 * WA_SECOND);
	sent(0, "receipt id=g2");
	redeliver(IN_GROUP("g2"), 0);
	told(2, "text: not stored\n");
	sent(1, "receipt id=g2");

	/* stored, but the receipt did not get out */
	write_group_text(&messages.alice, MESSAGE_GROUP, "third");
	HOST->hold = true;
	deliver(IN_GROUP("g3"), 0);
	fake_host_store(HOST);
	fake_host_crash(HOST);
	HOST->hold = false;
	fake_host_advance(HOST, 2 * WA_SECOND);
	redeliver(IN_GROUP("g3"), 0);
	told(1, "text: third\n");
	sent(1, "receipt id=g3");
}

/* Memory that was given back is only filled again when the tables have caught up. */
static void
does_not_read_tables_that_are_behind(void **state)
{
	(void) state;
	write_text(&messages.alice, "one");
	HOST->hold = true;
	deliver(DIRECT("m1"), 0);
	told(1, "text: one\n");
	fake_host_advance(HOST, 61 * WA_SECOND);
	redeliver(DIRECT("m1"), 0);
	told(1, "message live");
	assert_int_equal(client_wants(HOST->client) & CLIENT_WANTS_RECORDS, 0);
	HOST->hold = false;
	fake_host_advance(HOST, WA_SECOND);
	told(1, "message live");
	sent(2, "receipt id=m1");
}

static void
waits_for_the_host_in_order(void **state)
{
	(void) state;
	HOST->hungry = true;
	write_text(&messages.alice, "one");
	deliver(DIRECT("m1"), 0);
	fake_server_say(&HOST->server,
					"<notification from=\"100@g.us\" type=\"w:gp2\" id=\"n1\" t=\"1\"><subject "
					"subject=\"x\"/></notification>");
	fake_host_pump(HOST);
	assert_true((client_wants(HOST->client) & CLIENT_WANTS_RECORDS) != 0);
	told(0, "alias");
	told(0, "change");
	/* time passes, and the connection lives on */
	fake_host_advance(HOST, 10 * WA_SECOND);
	assert_int_equal(HOST->status, BOT_ONLINE);
	HOST->hungry = false;
	fake_host_pump(HOST);
	told(1, "text: one\n");
	told(1, "change 100@g.us");
	sent(1, "receipt id=m1");
}

static void
lets_go_while_it_waits(void **state)
{
	(void) state;
	for (int i = 0; i < 3; i++)
	{
		HOST->hungry = true;
		if (i == 0)
			write_text(&messages.alice, "one");
		deliver(DIRECT("m1"), 0);
		assert_true((client_wants(HOST->client) & CLIENT_WANTS_RECORDS) != 0);
		if (i == 0)
			fake_host_cut(HOST);
		else
			client_stop(HOST->client, HOST->now);
		HOST->hungry = i == 0;
		fake_host_pump(HOST);
		HOST->hungry = false;
		client_start(HOST->client, HOST->now);
		fake_host_advance(HOST, 3 * WA_SECOND);
		assert_int_equal(HOST->status, BOT_ONLINE);
	}
	redeliver(DIRECT("m1"), 0);
	told(1, "text: one\n");
}

/* ---- the offline queue ---- */

/* So many messages at once, as a queue is drained. */
static void
say_queued(int first, int count)
{
	char head[300];

	for (int i = first; i < first + count; i++)
	{
		write_group_text(&messages.alice, MESSAGE_GROUP, "queued");
		snprintf(head, sizeof(head),
				 "<message from=\"" MESSAGE_GROUP "\" participant=\"" ALICE_LID
				 "\" t=\"1795456383\" offline=\"%d\" id=\"q%d\"/>",
				 i, i);
		say_parts(head, 0);
	}
}

static void
gathers_receipts_of_the_queue(void **state)
{
	(void) state;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	deliver(IN_GROUP("g1"), 0);
	HOST->server.queued = 500;
	fake_host_cut(HOST);
	fake_host_advance(HOST, 3 * WA_SECOND);
	assert_int_equal(HOST->status, BOT_ONLINE);
	fake_host_clear(HOST);

	HOST->hold = true;
	say_queued(0, 3);
	write_text(&messages.alice, "directly");
	say_parts(DIRECT("d1"), 0);
	fake_host_pump(HOST);
	told(3, "text: queued\n");
	sent(0, "receipt");
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "receipt id=q0 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=inactive\n<list\n");
	sent(1, "receipt id=d1 to=" ALICE_LID " type=inactive\n");
	sent(2, "receipt");
	fake_host_clear(HOST);

	say_queued(10, 300);
	fake_host_pump(HOST);
	told(300, "text: queued\n");
	sent(1, "receipt id=q10 ");
	sent(1, "receipt id=q266 "); /* no more than 256 in one */
	sent(2, "<list\n");
	fake_server_say(&HOST->server, "<ib><offline count=\"304\"/></ib>");
	say_queued(400, 2);
	fake_host_pump(HOST);
	sent(1, "receipt id=q400 ");
	sent(1, "receipt id=q401 ");
}

/* ---- memory ---- */

static void
idles_at_kilobytes(void **state)
{
	size_t quiet = client_memory(HOST->client);
	size_t live;

	(void) state;
	live = HOST->env.live_bytes;
	write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
	write_group_text(&messages.alice, MESSAGE_GROUP, "hello");
	deliver(IN_GROUP("g1"), 0);
	assert_true(client_memory(HOST->client) > quiet + 1000);
	fake_host_advance(HOST, 61 * WA_SECOND);
	assert_true(client_memory(HOST->client) <= quiet);
	assert_true(HOST->env.live_bytes <= live);
	write_group_text(&messages.alice, MESSAGE_GROUP, "again");
	deliver(IN_GROUP("g2"), 0);
	told(1, "text: again\n");
}

/* One direct message, one group message and one that cannot be read, whatever fails. */
static void
converse(void)
{
	static const char *const heads[] = {DIRECT("m1"), IN_GROUP("g1")};

	for (int i = 0; i < 2; i++)
	{
		if (i == 0)
			write_text(&messages.alice, "direct");
		else
		{
			write_key(&messages.alice, MESSAGE_GROUP, MESSAGE_GROUP);
			write_group_text(&messages.alice, MESSAGE_GROUP, "in the group");
		}
		/* the server offers it until it is answered */
		for (int j = 0; j < 4; j++)
		{
			char answer[64];

			snprintf(answer, sizeof(answer), "receipt id=%s", i == 0 ? "m1" : "g1");
			if (fake_server_count(&HOST->server, answer) > 0)
				break;
			if (HOST->status != BOT_ONLINE || !HOST->wired)
				fake_host_advance(HOST, 400 * WA_SECOND);
			deliver(heads[i], 0);
		}
	}
	fake_host_advance(HOST, 400 * WA_SECOND);
}

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
		converse();
		done = HOST->env.allocations < n;
		if (fake_host_count(HOST, "reason=out_of_memory") > 0)
			failures++;
		if (fake_host_count(HOST, "text: direct") < 1 ||
			fake_host_count(HOST, "text: in the group") < 1 ||
			fake_host_count(HOST, " pending ") > 0 || !fake_host_sound(HOST) ||
			fake_server_count(&HOST->server, "type=retry") > 0)
			fail_msg("allocation %zu: %.*s", n, (int) buf_len(&HOST->trace),
					 (const char *) buf_data(&HOST->trace));
		assert_int_equal(fake_host_records(HOST, RECORD_SENDER_KEY, NULL), 1);
		assert_int_equal(fake_host_records(HOST, RECORD_SESSION, NULL), 1);
		assert_int_equal(fake_host_records(HOST, RECORD_PREKEY, "no"), 0);
	}
	assert_true(failures > 50);
}

/* ---- receipts ---- */

static void
tells_receipts(void **state)
{
	(void) state;
	HOST->hold = true;
	fake_server_say(&HOST->server, "<receipt id=\"r1\" from=\"" MESSAGE_GROUP
								   "\" participant=\"" ALICE_LID "\" type=\"read\" t=\"5\"/>");
	fake_host_pump(HOST);
	told(1, "receipt " MESSAGE_GROUP " read r1 " ALICE_LID);
	sent(0, "ack");
	HOST->hold = false;
	fake_host_pump(HOST);
	sent(1, "ack class=receipt id=r1 to=" MESSAGE_GROUP " participant=" ALICE_LID " type=read\n");
	fake_server_say(&HOST->server,
					"<receipt id=\"r2\" from=\"" ALICE_LID "\" type=\"retry\" t=\"5\">"
					"<retry count=\"1\" id=\"r2\"/></receipt>");
	fake_server_say(&HOST->server,
					"<receipt id=\"r3\" from=\"" OWN_PN "\" type=\"peer_msg\" t=\"5\"/>");
	fake_server_say(&HOST->server,
					"<receipt id=\"r4\" from=\"" OWN_PN "\" type=\"hist_sync\" t=\"5\"/>");
	fake_host_pump(HOST);
	told(1, "receipt");
	sent(4, "ack class=receipt");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, messages_setup, messages_teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_a_direct_message),
		TEST(reads_a_group),
		TEST(learns_the_key_before_it_reads),
		TEST(tells_nothing_of_a_key_alone),
		TEST(ignores_a_key_for_another_group),
		TEST(answers_duplicates_and_tells_nothing),
		TEST(keeps_what_is_no_message),
		TEST(refuses_who_has_no_name),
		TEST(moves_to_the_lid),
		TEST(takes_copies_of_own_devices),
		TEST(reads_a_copy_among_participants),
		TEST(takes_history_of_the_phone_only),
		TEST(takes_the_migration_of_the_phone),
		TEST(forgets_who_has_new_keys),
		TEST(tells_new_keys_in_a_message),
		TEST(answers_when_it_is_stored),
		TEST(loses_nothing_in_a_crash),
		TEST(does_not_read_tables_that_are_behind),
		TEST(waits_for_the_host_in_order),
		TEST(lets_go_while_it_waits),
		TEST(gathers_receipts_of_the_queue),
		TEST(idles_at_kilobytes),
		TEST(survives_every_failed_allocation),
		TEST(tells_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
