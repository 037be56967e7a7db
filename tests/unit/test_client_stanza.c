/*
 * test_client_stanza.c
 *		What an online bot answers to what it is sent, when the answer leaves,
 *		and how it asks about groups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define SAY(...) fake_server_say(&host.server, __VA_ARGS__)
#define SENT(text) fake_server_count(&host.server, text)
#define TOLD(text) fake_host_count(&host, text)

static FakeHost host;

static int
setup(void **state)
{
	WaDevice device;

	(void) state;
	fake_host_init(&host);
	if (device_create(test_env(&host.server_env), &device) != WA_OK)
		return -1;
	snprintf(device.jid, sizeof(device.jid), "4915100000001:3@s.whatsapp.net");
	device.login_counter = 1;
	device.next_prekey_id = 21;
	host.server.prekeys = 20;
	fake_host_open(&host, &device);
	client_start(host.client, host.now);
	fake_host_advance(&host, 2 * WA_SECOND);
	if (host.status != BOT_ONLINE)
		return -1;
	fake_host_clear(&host);
	return 0;
}

static int
teardown(void **state)
{
	bool sound = fake_host_sound(&host);

	(void) state;
	fake_host_free(&host);
	return sound && host.env.live == 0 && host.server_env.live == 0 ? 0 : -1;
}

/* ---- the barrier ---- */

static void
say_add(const char *group, const char *id)
{
	SAY("<notification from=\"%s@g.us\" type=\"w:gp2\" id=\"%s\" participant=\"2@lid\" "
		"t=\"1795456399\">"
		"<add><participant jid=\"3@lid\" phone_number=\"493@s.whatsapp.net\"/></add>"
		"<promote><participant jid=\"3@lid\"/></promote></notification>",
		group, id);
}

static void
acknowledges_what_is_stored(void **state)
{
	uint64_t epoch;

	(void) state;
	host.hold = true;
	say_add("100", "n1");
	fake_host_pump(&host);
	epoch = host.last_epoch;
	assert_int_equal(TOLD("change 100@g.us add"), 1);
	assert_int_equal(TOLD("change 100@g.us promote"), 1);
	say_add("100", "n2");
	SAY("<receipt id=\"r1\" from=\"100@g.us\" participant=\"2@lid\" type=\"retry\"/>");
	fake_host_pump(&host);
	/* what nothing depends on does not wait for what does */
	assert_int_equal(SENT("ack class=receipt id=r1 to=100@g.us participant=2@lid type=retry"), 1);
	assert_int_equal(SENT("ack class=notification"), 0);
	fake_host_advance(&host, 60 * WA_SECOND);
	assert_true(SENT("xmlns=w:p") >= 1);
	assert_int_equal(SENT("ack class=notification"), 0);

	/* half a stanza is not stored */
	client_persisted(host.client, epoch - 1);
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification"), 0);
	client_persisted(host.client, epoch);
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification id=n1 to=100@g.us participant=2@lid type=w:gp2"),
					 1);
	assert_int_equal(SENT("id=n2"), 0);
	client_persisted(host.client, host.last_epoch);
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification id=n2"), 1);
}

static void
forgets_what_was_not_stored_with_the_connection(void **state)
{
	(void) state;
	host.hold = true;
	say_add("100", "n1");
	fake_host_pump(&host);
	fake_host_cut(&host);
	assert_int_equal(TOLD("change 100@g.us add"), 1);
	host.hold = false;
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.status, BOT_ONLINE);
	/* the server offers it again, so it must not be acknowledged on another connection */
	assert_int_equal(SENT("id=n1"), 0);
}

static void
answers_before_it_stops(void **state)
{
	(void) state;
	host.hold = true;
	say_add("100", "n1");
	fake_host_steps(&host, 3);
	client_stop(host.client, host.now);
	client_persisted(host.client, host.last_epoch);
	host.hold = false;
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification id=n1"), 1);
	assert_int_equal(host.status, BOT_OFFLINE);
	assert_false(host.wired);
}

/* ---- who gets an answer ---- */

static void
acknowledges_notifications(void **state)
{
	static const char *const types[] = {
		"devices",    "picture",           "status", "business", "privacy_token", "server_sync",
		"newsletter", "disappearing_mode", "psa",    "pay",      "server",        "account_sync",
		"contacts",   "encrypt",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		char expected[200];

		SAY("<notification from=\"12:7@lid\" type=\"%s\" id=\"k%zu\" t=\"1\" "
			"participant=\"9:2@lid\" "
			"recipient=\"8@lid\"><x/></notification>",
			types[i], i);
		fake_host_pump(&host);
		snprintf(expected, sizeof(expected),
				 "ack class=notification id=k%zu to=12:7@lid participant=9:2@lid recipient=8@lid "
				 "type=%s\n",
				 i, types[i]);
		assert_int_equal(SENT(expected), 1);
	}
	assert_int_equal(TOLD("raw"), 0);
}

static void
keeps_what_it_does_not_know(void **state)
{
	(void) state;
	host.hold = true;
	SAY("<notification from=\"s.whatsapp.net\" type=\"mex\" id=\"u1\" t=\"1\"><update "
		"op_name=\"X\">{}</update></notification>");
	SAY("<notification from=\"s.whatsapp.net\" type=\"brand_new\" id=\"u2\" t=\"1\"/>");
	SAY("<notification from=\"s.whatsapp.net\" id=\"u3\"/>");
	SAY("<notification from=\"1@g.us\" type=\"w:gp2\" id=\"u4\" t=\"1\"/>");
	SAY("<wonder from=\"s.whatsapp.net\" type=\"t\" id=\"u5\"/>");
	SAY("<wonder from=\"s.whatsapp.net\"/>");
	SAY("<iq from=\"s.whatsapp.net\" type=\"set\" xmlns=\"novel\" id=\"u6\"><x/></iq>");
	fake_host_pump(&host);
	assert_int_equal(TOLD("raw notification mex"), 1);
	assert_int_equal(TOLD("raw notification brand_new"), 1);
	assert_int_equal(TOLD("raw notification w:gp2"), 1);
	assert_int_equal(TOLD("raw notification"), 4);
	assert_int_equal(TOLD("raw wonder"), 2);
	assert_int_equal(TOLD("raw iq set"), 1);
	assert_int_equal(SENT("ack"), 0);
	host.hold = false;
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification"), 4);
	assert_int_equal(SENT("ack class=wonder id=u5 to=s.whatsapp.net type=t error=488"), 1);
	assert_int_equal(SENT("ack"), 5);
}

static void
acknowledges_identity_without_type(void **state)
{
	(void) state;
	SAY("<notification from=\"12@lid\" type=\"encrypt\" id=\"e1\" "
		"t=\"1\"><identity/></notification>");
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=notification id=e1 to=12@lid\n"), 1);
}

static void
stays_silent_where_it_must(void **state)
{
	(void) state;
	SAY("<presence from=\"1@lid\" id=\"x\"/>");
	SAY("<chatstate from=\"1@lid\" id=\"x\"><composing/></chatstate>");
	SAY("<ack class=\"receipt\" from=\"1@lid\" id=\"x\"/>");
	SAY("<ib from=\"s.whatsapp.net\" id=\"x\"><thread_metadata/></ib>");
	SAY("<iq from=\"s.whatsapp.net\" type=\"result\" id=\"nobody-1\"/>");
	SAY("<success t=\"1\"/>");
	SAY("<receipt from=\"1@lid\"/>"); /* nothing to name it by */
	SAY("<receipt id=\"x\"/>");
	fake_host_pump(&host);
	assert_int_equal(buf_len(&host.server.log), 0);
	assert_int_equal(buf_len(&host.trace), 0);
}

static void
answers_calls_and_status(void **state)
{
	(void) state;
	SAY("<call from=\"55@lid\" id=\"c1\" t=\"1\"><offer call-id=\"C\" call-creator=\"55@lid\" "
		"caller_pn=\"495@s.whatsapp.net\"/></call>");
	SAY("<status from=\"status@broadcast\" id=\"s1\" participant=\"55@lid\"/>");
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=call id=c1 to=55@lid\n"), 1);
	assert_int_equal(SENT("ack class=status id=s1 to=status@broadcast participant=55@lid\n"), 1);
	assert_int_equal(TOLD("alias call 55@lid 495@s.whatsapp.net"), 1);
}

static void
call_from(int lid, int pn)
{
	SAY("<call from=\"9%d@lid\" id=\"c1\" t=\"1\"><offer call-id=\"C\" "
		"caller_pn=\"49%d@s.whatsapp.net\"/></call>",
		lid, pn);
}

static void
tells_each_alias_once(void **state)
{
	(void) state;
	for (int round = 0; round < 2; round++)
	{
		for (int i = 1; i <= 500; i++)
			call_from(i, i);
		fake_host_pump(&host);
	}
	assert_int_equal(TOLD("alias call"), 500);
	assert_int_equal(TOLD("alias call 9500@lid 49500@s.whatsapp.net\n"), 1);

	/* a number that comes back to somebody is news */
	call_from(1, 600);
	call_from(1, 1);
	call_from(2, 1);
	call_from(1, 1);
	fake_host_pump(&host);
	assert_int_equal(TOLD("alias call 91@lid 491@s.whatsapp.net\n"), 3);
	assert_int_equal(TOLD("alias call"), 504);

	/* more than are remembered, but no more than once each */
	for (int i = 1000; i < 6000; i++)
	{
		call_from(i, i);
		call_from(i, i);
		if (i % 100 == 0)
			fake_host_pump(&host);
	}
	fake_host_pump(&host);
	assert_int_equal(TOLD("alias call"), 5504);
}

static void
acknowledges_messages_without_secrets(void **state)
{
	(void) state;
	SAY("<message from=\"100@g.us\" id=\"m1\" participant=\"55@lid\" t=\"1\" "
		"type=\"media\"><unavailable type=\"view_once\"/></message>");
	SAY("<message from=\"100@g.us\" id=\"m2\" participant=\"55@lid\" t=\"1\" "
		"type=\"medianotify\"><enc>A</enc></message>");
	SAY("<message from=\"77@newsletter\" id=\"m3\" t=\"1\" "
		"type=\"text\"><plaintext>A</plaintext></message>");
	SAY("<message from=\"77@newsletter\" id=\"m4\" t=\"1\" type=\"text\" edit=\"8\"/>");
	SAY("<message from=\"status@broadcast\" id=\"m5\" participant=\"55@lid\" t=\"1\" "
		"type=\"text\"><enc>A</enc></message>");
	SAY("<message from=\"100@g.us\" id=\"m6\" participant=\"55@lid\" t=\"1\" "
		"type=\"text\"><novelty/></message>");
	fake_host_pump(&host);
	assert_int_equal(SENT("ack class=message id=m1 to=100@g.us participant=55@lid\n"), 1);
	assert_int_equal(SENT("ack class=message id=m2 to=100@g.us participant=55@lid\n"), 1);
	assert_int_equal(SENT("ack class=message id=m3 to=77@newsletter\n"), 1);
	assert_int_equal(SENT("ack class=message id=m4 to=77@newsletter\n"), 1);
	assert_int_equal(SENT("ack class=message id=m5 to=status@broadcast participant=55@lid\n"), 1);
	assert_int_equal(SENT("ack class=message id=m6 to=100@g.us participant=55@lid error=488\n"), 1);
	assert_int_equal(TOLD("raw message text"), 1);
}

static void
tells_new_numbers(void **state)
{
	(void) state;
	SAY("<notification from=\"491@s.whatsapp.net\" type=\"contacts\" id=\"n1\" t=\"1\">"
		"<modify old=\"491@s.whatsapp.net\" new=\"492@s.whatsapp.net\" old_lid=\"1@lid\" "
		"new_lid=\"2@lid\"/></notification>");
	fake_host_pump(&host);
	assert_int_equal(TOLD("number 491@s.whatsapp.net -> 492@s.whatsapp.net"), 1);
	assert_int_equal(SENT("ack class=notification id=n1"), 1);
}

static void
warns_before_the_version_ends(void **state)
{
	(void) state;
	SAY("<ib from=\"s.whatsapp.net\"><client_expiration t=\"1800000000\"/></ib>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_string_equal(host.reason, "client_expiring");
	assert_true(host.until == 1800000000);
	SAY("<ib from=\"s.whatsapp.net\"><client_expiration/></ib>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_string_equal(host.reason, "");
}

/* ---- groups ---- */

#define GROUP_ONE                                                                                  \
	"<group id=\"100\" subject=\"One\" creation=\"1700000000\" size=\"2\" p_v_id=\"5\">"           \
	"<participant jid=\"1@lid\" phone_number=\"491@s.whatsapp.net\" type=\"admin\"/>"              \
	"<participant jid=\"2@lid\"/></group>"
#define GROUP_TWO                                                                                  \
	"<group id=\"200\" subject=\"Two\" size=\"1\"><participant jid=\"1@lid\"/></group>"

static void
tells_a_group_that_is_made(void **state)
{
	(void) state;
	SAY("<notification from=\"100@g.us\" type=\"w:gp2\" id=\"n1\" participant=\"1@lid\" "
		"t=\"1\"><create type=\"new\">%s</create>"
		"</notification>",
		GROUP_ONE);
	fake_host_pump(&host);
	/* with the change: one that came before it would make the members strangers */
	assert_int_equal(TOLD("group create"), 0);
	assert_int_equal(TOLD("change 100@g.us create"), 1);
	assert_int_equal(SENT("ack class=notification id=n1"), 1);
}

static void
asks_for_all_when_dirty(void **state)
{
	(void) state;
	host.server.groups = GROUP_ONE GROUP_TWO "<group id=\"300\" error=\"403\"/>";
	SAY("<ib from=\"s.whatsapp.net\"><dirty type=\"groups\" timestamp=\"1770000000\"/></ib>");
	SAY("<ib from=\"s.whatsapp.net\"><dirty type=\"account_sync\" "
		"timestamp=\"1770000001\"><devices/></dirty></ib>");
	fake_host_pump(&host);
	assert_int_equal(SENT("<clean type=account_sync timestamp=1770000001"), 1);
	assert_int_equal(SENT("<clean type=groups"), 0);
	host.hold = true;
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(SENT("<participating"), 1);
	assert_int_equal(TOLD("group list 100@g.us people=2"), 1);
	assert_int_equal(TOLD("group list 200@g.us people=1"), 1);
	assert_int_equal(TOLD("gone 300@g.us"), 1);
	assert_int_equal(TOLD("group_list 2"), 1);
	assert_int_equal(SENT("<clean type=groups"), 0);
	host.hold = false;
	fake_host_pump(&host);
	assert_int_equal(SENT("<clean type=groups timestamp=1770000000"), 1);
	fake_host_advance(&host, 100 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 1);
}

static void
query(const char *jid)
{
	assert_int_equal(client_query_group(host.client, str_from(jid), host.now), WA_OK);
}

static void
answer_query(const char *group)
{
	SAY("<iq from=\"100@g.us\" type=\"result\" id=\"%s\">%s</iq>", host.server.last_iq, group);
	fake_host_pump(&host);
}

static void
asks_for_one_group(void **state)
{
	(void) state;
	query("100@g.us");
	query("100@g.us");
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(SENT("<query request=interactive"), 1);
	assert_int_equal(SENT("to=100@g.us"), 1);
	answer_query(GROUP_ONE);
	assert_int_equal(TOLD("group query 100@g.us people=2"), 1);

	/* again at once: not before ten seconds have passed */
	query("100@g.us");
	fake_host_advance(&host, 8 * WA_SECOND);
	assert_int_equal(SENT("<query"), 1);
	fake_host_advance(&host, 3 * WA_SECOND);
	assert_int_equal(SENT("<query"), 2);

	/* what was asked for meanwhile comes after the answer, one at a time */
	query("200@g.us");
	fake_host_advance(&host, 5 * WA_SECOND);
	assert_int_equal(SENT("<query"), 2);
	answer_query(GROUP_ONE);
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(SENT("to=200@g.us"), 1);
}

static void
asks_for_all_instead_of_many(void **state)
{
	(void) state;
	host.server.groups = GROUP_ONE GROUP_TWO;
	for (int i = 0; i < 1000; i++)
	{
		char jid[32];

		snprintf(jid, sizeof(jid), "%d@g.us", 1000 + i);
		query(jid);
	}
	fake_host_advance(&host, 120 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 1);
	assert_int_equal(SENT("<query"), 0);
	assert_int_equal(TOLD("group_list 2"), 1);
}

static void
lives_on_a_budget(void **state)
{
	int before;

	(void) state;
	host.server.answer_queries = true;
	host.server.groups = GROUP_ONE;
	/* one group after the other, as fast as answers come */
	for (int i = 0; i < 120; i++)
	{
		char jid[32];

		snprintf(jid, sizeof(jid), "%d@g.us", 1000 + i);
		query(jid);
		fake_host_advance(&host, WA_SECOND);
	}
	before = SENT("xmlns=w:g2");
	assert_in_range(before, 10, 31); /* a full bucket and two minutes */
	for (int i = 0; i < 60; i++)
	{
		assert_int_equal(client_query_all_groups(host.client, host.now), WA_OK);
		fake_host_advance(&host, WA_SECOND);
	}
	assert_in_range(SENT("xmlns=w:g2") - before, 9, 12);
}

static void
obeys_a_rate_limit(void **state)
{
	(void) state;
	/* what it says first is obeyed to the second */
	query("100@g.us");
	fake_host_advance(&host, WA_SECOND);
	SAY("<iq from=\"100@g.us\" type=\"error\" id=\"%s\"><error code=\"429\" "
		"text=\"rate-overlimit\" "
		"backoff=\"120\"/></iq>",
		host.server.last_iq);
	fake_host_advance(&host, 119 * WA_SECOND);
	assert_int_equal(SENT("<query"), 1);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(SENT("<query"), 2);
	SAY("<iq from=\"100@g.us\" type=\"result\" id=\"%s\">%s</iq>", host.server.last_iq, GROUP_ONE);
	fake_host_pump(&host);

	host.server.list_error = 429;
	assert_int_equal(client_query_all_groups(host.client, host.now), WA_OK);
	fake_host_advance(&host, 290 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 1);
	fake_host_advance(&host, 20 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 2);
	fake_host_advance(&host, 570 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 2);
	host.server.list_error = 0;
	fake_host_advance(&host, 40 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 3);
	assert_int_equal(TOLD("group_list"), 1);
}

static void
tells_what_it_is_not_in(void **state)
{
	(void) state;
	query("100@g.us");
	fake_host_advance(&host, WA_SECOND);
	SAY("<iq from=\"100@g.us\" type=\"error\" id=\"%s\"><error code=\"403\" "
		"text=\"forbidden\"/></iq>",
		host.server.last_iq);
	fake_host_advance(&host, 70 * WA_SECOND);
	assert_int_equal(TOLD("gone 100@g.us"), 1);
	assert_int_equal(SENT("<query"), 1);
}

static void
asks_again_what_was_not_answered(void **state)
{
	(void) state;
	query("100@g.us");
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(SENT("<query"), 1);
	fake_host_cut(&host);
	fake_host_advance(&host, 11 * WA_SECOND);
	assert_int_equal(SENT("<query"), 2);
	/* a timeout, a pause, and again */
	fake_host_advance(&host, 118 * WA_SECOND);
	assert_int_equal(SENT("<query"), 2);
	fake_host_advance(&host, 10 * WA_SECOND);
	assert_int_equal(SENT("<query"), 3);
	answer_query(""); /* unchanged */
	assert_int_equal(TOLD("group "), 0);
	fake_host_advance(&host, 100 * WA_SECOND);
	assert_int_equal(SENT("<query"), 3);
}

static void
asks_only_when_online(void **state)
{
	(void) state;
	client_stop(host.client, host.now);
	fake_host_pump(&host);
	query("100@g.us");
	assert_int_equal(client_query_all_groups(host.client, host.now), WA_OK);
	assert_true(client_deadline(host.client) == WA_NEVER);
	host.server.queued = 2;
	client_start(host.client, host.now);
	fake_host_advance(&host, 5 * WA_SECOND);
	assert_int_equal(SENT("xmlns=w:g2"), 0); /* the queue comes first */
	SAY("<ib from=\"s.whatsapp.net\"><offline count=\"0\"/></ib>");
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(SENT("xmlns=w:g2"), 1);
}

static void
does_not_trust_a_list_that_is_none(void **state)
{
	(void) state;
	host.server.groups = "<group subject=\"no id\"/>";
	assert_int_equal(client_query_all_groups(host.client, host.now), WA_OK);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(SENT("<participating"), 1);
	assert_int_equal(TOLD("group_list"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acknowledges_what_is_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_what_was_not_stored_with_the_connection, setup,
										teardown),
		cmocka_unit_test_setup_teardown(answers_before_it_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(acknowledges_notifications, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_what_it_does_not_know, setup, teardown),
		cmocka_unit_test_setup_teardown(acknowledges_identity_without_type, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_silent_where_it_must, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_calls_and_status, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_each_alias_once, setup, teardown),
		cmocka_unit_test_setup_teardown(acknowledges_messages_without_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_new_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(warns_before_the_version_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_a_group_that_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_for_all_when_dirty, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_for_one_group, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_for_all_instead_of_many, setup, teardown),
		cmocka_unit_test_setup_teardown(lives_on_a_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(obeys_a_rate_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_what_it_is_not_in, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_again_what_was_not_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_only_when_online, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_trust_a_list_that_is_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
