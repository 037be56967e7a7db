/*
 * test_client_alive.c
 *		Whether a bot notices that nobody is there, that nothing comes, or that
 *		something is missing: pings, deafness, deadlines, the offline queue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

static FakeHost host;

/* A device that was linked before, without a client. */
static WaDevice linked;

static int
setup(void **state)
{
	(void) state;
	fake_host_init(&host);
	assert_int_equal(fake_host_linked_device(&host, &linked), WA_OK);
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

/* ---- is anybody there ---- */

static void
pings_when_idle(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* what the server sends of itself keeps it from seeming deaf */
	for (int i = 0; i < 10; i++)
	{
		fake_server_say(&host.server, "<presence from=\"1@lid\"/>");
		fake_host_advance(&host, 60 * WA_SECOND);
	}
	assert_in_range(fake_server_count(&host.server, "xmlns=w:p"), 18, 32);
	assert_int_equal(host.server.connections, 1);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
answers_pings(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	host.hold = true; /* nothing of this waits for a commit */
	fake_server_say(&host.server,
					"<iq from=\"s.whatsapp.net\" type=\"get\" xmlns=\"urn:xmpp:ping\" id=\"p1\"/>");
	fake_server_say(&host.server,
					"<iq from=\"s.whatsapp.net\" type=\"get\" id=\"p2\"><ping/></iq>");
	fake_server_say(&host.server,
					"<iq from=\"s.whatsapp.net\" type=\"get\" xmlns=\"urn:xmpp:ping\"/>");
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "iq to=s.whatsapp.net type=result id=p1\n"),
					 1);
	assert_int_equal(fake_server_count(&host.server, "iq to=s.whatsapp.net type=result id=p2\n"),
					 1);
	assert_int_equal(fake_server_count(&host.server, "iq to=s.whatsapp.net type=result\n"), 1);
}

static void
leaves_a_dead_connection(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	host.server.silent = true;
	fake_host_advance(&host, 55 * WA_SECOND);
	assert_int_equal(host.status, BOT_CONNECTING);
	assert_string_equal(host.reason, "timeout");
	assert_int_equal(fake_server_count(&host.server, "xmlns=w:p"), 1);
	host.server.silent = false;
	fake_host_advance(&host, 30 * WA_SECOND);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
bears_with_a_slow_server(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	host.server.no_pong = true;
	/* stanzas keep coming: it is alive, for a while */
	for (int i = 0; i < 12; i++)
	{
		fake_server_say(&host.server, "<presence from=\"1@lid\"/>");
		fake_host_advance(&host, 10 * WA_SECOND);
	}
	assert_int_equal(host.status, BOT_ONLINE);
	for (int i = 0; i < 12; i++)
	{
		fake_server_say(&host.server, "<presence from=\"1@lid\"/>");
		fake_host_advance(&host, 10 * WA_SECOND);
	}
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);
}

static void
notices_that_it_is_deaf(void **state)
{
	int connections;

	(void) state;
	assert_true(fake_host_online(&host, &linked));
	for (int i = 0; i < 20; i++)
	{
		fake_server_say(&host.server, "<receipt id=\"r%d\" from=\"1@lid\"/>", i);
		fake_host_advance(&host, 5 * WA_SECOND);
	}
	/* pings are answered, nothing else comes */
	fake_host_advance(&host, 170 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 10 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "status connecting reason=deaf"), 1);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_int_equal(fake_server_count(&host.server, "<participating"), 1);

	/* it brought nothing: patience doubles, a day holds few of them */
	fake_host_advance(&host, 350 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
	fake_host_advance(&host, 15 * WA_SECOND);
	assert_int_equal(host.server.connections, 3);
	fake_host_advance(&host, 86400 * WA_SECOND);
	assert_in_range(host.server.connections, 8, 14);

	/* a renewal that brings something makes it impatient again */
	connections = host.server.connections;
	host.server.queued = 1;
	while (host.server.connections == connections)
		fake_host_advance(&host, 600 * WA_SECOND);
	fake_server_say(&host.server, "<receipt id=\"q\" from=\"1@lid\" offline=\"0\"/>");
	fake_server_say(&host.server, "<ib from=\"s.whatsapp.net\"><offline count=\"1\"/></ib>");
	host.server.queued = 0;
	connections = host.server.connections;
	fake_host_advance(&host, 185 * WA_SECOND);
	assert_int_equal(host.server.connections, connections + 1);
}

static void
becomes_impatient_again(void **state)
{
	int connections;

	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* a quiet night doubles the patience several times */
	fake_host_advance(&host, 8 * 3600 * WA_SECOND);
	connections = host.server.connections;
	assert_in_range(connections, 5, 9);
	/* a busy day takes it back */
	for (int i = 0; i < 600; i++)
	{
		fake_server_say(&host.server, "<receipt id=\"r%d\" from=\"55@lid\"/>", i);
		fake_host_advance(&host, 10 * WA_SECOND);
	}
	assert_int_equal(host.server.connections, connections);
	fake_host_advance(&host, 185 * WA_SECOND);
	assert_int_equal(host.server.connections, connections + 1);
}

static void
knows_its_usual_pace(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* one stanza every two minutes: three are no silence */
	for (int i = 0; i < 40; i++)
	{
		fake_server_say(&host.server, "<receipt id=\"r%d\" from=\"1@lid\"/>", i);
		fake_host_advance(&host, 120 * WA_SECOND);
	}
	fake_host_advance(&host, 600 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 300 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
}

static void
does_not_blame_the_server_for_its_own_sleep(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* the process was stopped for ten minutes; the server's words wait in the socket */
	fake_server_say(&host.server, "<receipt id=\"r1\" from=\"1@lid\"/>");
	host.now.mono_us += 600 * WA_SECOND;
	host.now.wall_us += 600 * WA_SECOND;
	client_tick(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "ack class=receipt id=r1"), 1);
	/* the same while an answer to a ping is due */
	fake_host_clear(&host);
	host.server.no_pong = true;
	fake_host_advance(&host, 35 * WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "xmlns=w:p"), 1);
	host.now.mono_us += 600 * WA_SECOND;
	host.now.wall_us += 600 * WA_SECOND;
	client_tick(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(host.server.connections, 1);
	assert_int_equal(host.status, BOT_ONLINE);
	/* but the answer is still wanted */
	fake_host_advance(&host, 25 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);
}

static void
gives_up_a_silent_server(void **state)
{
	(void) state;
	host.server.silent = true;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 19 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 3 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);
	assert_int_equal(host.server.connections, 2);
}

static void
gives_up_a_server_without_success(void **state)
{
	(void) state;
	host.server.no_success = true;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 59 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 3 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);
	assert_int_equal(host.server.connections, 2);
}

static void
gives_up_a_server_that_answers_no_question(void **state)
{
	(void) state;
	host.server.no_iq_answers = true;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 130 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);
	assert_int_equal(fake_host_count(&host, "status online"), 0);
}

/* ---- the queue ---- */

static void
drains_the_queue(void **state)
{
	(void) state;
	host.server.queued = 3;
	fake_host_start(&host, &linked);
	assert_int_equal(fake_server_count(&host.server, "<offline_batch count=200"), 1);
	fake_server_say(&host.server, "<receipt id=\"a\" from=\"1@lid\" offline=\"0\"/>");
	fake_server_say(&host.server, "<receipt id=\"b\" from=\"1@lid\" offline=\"1\"/>");
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "<offline_batch"), 1);
	fake_host_advance(&host, WA_SECOND / 5);
	assert_int_equal(fake_server_count(&host.server, "<offline_batch"), 2);
	fake_server_say(&host.server, "<receipt id=\"c\" from=\"1@lid\" offline=\"2\"/>");
	fake_server_say(&host.server, "<ib from=\"s.whatsapp.net\"><offline count=\"3\"/></ib>");
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "caught_up announced=3 received=3 covered=1"), 1);
	fake_host_advance(&host, 5 * WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "<offline_batch"), 2);
	assert_int_equal(fake_server_count(&host.server, "participating"), 0);
}

static void
compares_after_a_gap(void **state)
{
	(void) state;
	host.server.queued = 3;
	fake_host_start(&host, &linked);
	fake_server_say(&host.server, "<receipt id=\"a\" from=\"1@lid\" offline=\"0\"/>");
	fake_server_say(&host.server, "<ib from=\"s.whatsapp.net\"><offline count=\"3\"/></ib>");
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "caught_up announced=3 received=1 covered=0"), 1);
	assert_int_equal(fake_server_count(&host.server, "<participating"), 1);
}

static void
compares_after_long_absence(void **state)
{
	(void) state;
	host.config.last_online_us = HOST_WALL_US - 11 * 86400 * WA_SECOND;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "covered=0"), 1);
	assert_int_equal(fake_server_count(&host.server, "<participating"), 1);
}

static void
compares_when_nothing_is_said_of_a_queue(void **state)
{
	(void) state;
	host.server.no_preview = true;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 9 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "caught_up"), 0);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "caught_up announced=-1 received=0 covered=0"), 1);
	assert_int_equal(fake_server_count(&host.server, "<participating"), 1);
}

static void
does_not_wait_for_ever_for_a_queue(void **state)
{
	(void) state;
	host.server.queued = 500;
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 61 * WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "<offline_batch"), 2);
	assert_int_equal(fake_host_count(&host, "caught_up"), 0);
	fake_host_advance(&host, 62 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "caught_up announced=500 received=0 covered=0"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pings_when_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_pings, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_a_dead_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_with_a_slow_server, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_that_it_is_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(becomes_impatient_again, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_its_usual_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_blame_the_server_for_its_own_sleep, setup,
										teardown),
		cmocka_unit_test_setup_teardown(gives_up_a_silent_server, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_a_server_without_success, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_a_server_that_answers_no_question, setup,
										teardown),
		cmocka_unit_test_setup_teardown(drains_the_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(compares_after_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(compares_after_long_absence, setup, teardown),
		cmocka_unit_test_setup_teardown(compares_when_nothing_is_said_of_a_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_wait_for_ever_for_a_queue, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
