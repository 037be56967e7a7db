/*
 * test_client.c
 *		A linked bot: logging in, staying, going, and coming back.
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

/* ---- logging in ---- */

static void
logs_in(void **state)
{
	(void) state;
	fake_host_start(&host, &linked);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_int_equal(host.device.login_counter, 8);
	assert_string_equal(host.device.lid, "10000000001:3@lid");
	assert_int_equal(
		fake_host_count(&host, "alias success 10000000001@lid 4915100000001@s.whatsapp.net"), 1);
	/* enough keys, nothing queued: nothing is uploaded, no group is asked for */
	assert_int_equal(host.server.uploads, 0);
	fake_host_advance(&host, 5 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "caught_up announced=0 received=0 covered=1"), 1);
	assert_int_equal(fake_server_count(&host.server, "participating"), 0);
	assert_int_equal(fake_host_count(&host, "status"), 2); /* connecting, online */
	assert_true(host.server.info.passive && host.server.info.pull);
}

static void
stays_small(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* what one bot costs beyond its device */
	assert_true(client_memory(host.client) - sizeof(WaDevice) < 4096);
	assert_true(host.env.live_bytes - sizeof(WaDevice) < 4096);
	assert_true(host.env.live_bytes <= client_memory(host.client) + 64);
}

static void
uploads_prekeys_once_stored(void **state)
{
	(void) state;
	linked.next_prekey_id = 1;
	host.server.prekeys = 0;
	host.hold = true;
	fake_host_start(&host, &linked);
	/* the first thing to store is what success brought */
	assert_int_equal(fake_server_count(&host.server, "<count"), 0);
	client_persisted(host.client, host.last_epoch);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "<count"), 1);
	assert_int_equal(fake_host_count(&host, "prekeys 1..20"), 1);
	assert_int_equal(host.device.next_prekey_id, 21);
	fake_host_advance(&host, 100 * WA_SECOND);
	assert_int_equal(host.server.uploads, 0); /* and no timeout runs for what was not asked */
	assert_int_equal(host.server.connections, 1);
	client_persisted(host.client, host.last_epoch);
	fake_host_pump(&host);
	assert_int_equal(host.server.uploads, 1);
	assert_int_equal(host.server.prekeys, 20);
	assert_int_equal(fake_host_count(&host, "uploaded 1..20"), 1);
	assert_int_equal(fake_server_count(&host.server, "<active"), 0);
	host.hold = false;
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
retries_an_upload_with_the_same_keys(void **state)
{
	(void) state;
	host.server.prekeys = 3;
	host.server.refuse_uploads = 2;
	fake_host_start(&host, &linked);
	/* no keys are no reason to stay away */
	assert_int_equal(host.status, BOT_ONLINE);
	fake_host_advance(&host, WA_SECOND + WA_SECOND / 2);
	assert_int_equal(host.server.uploads, 0);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.server.uploads, 1);
	assert_int_equal(fake_host_count(&host, "prekeys 21..40"), 1);
	assert_int_equal(fake_host_count(&host, "prekeys "), 1);
	assert_int_equal(fake_host_count(&host, "uploaded 21..40"), 1);
}

static void
uploads_again_after_a_cut(void **state)
{
	(void) state;
	host.server.prekeys = 0;
	host.server.refuse_uploads = 1;
	fake_host_start(&host, &linked);
	fake_host_cut(&host);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.server.uploads, 1);
	assert_int_equal(fake_host_count(&host, "prekeys "), 1);
	assert_int_equal(fake_host_count(&host, "uploaded 21..40"), 1);
}

static void
refills_when_the_server_runs_low(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" type=\"encrypt\" id=\"777\" t=\"1\">"
					"<count value=\"3\"/></notification>");
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "uploaded 21..40"), 1);
	assert_int_equal(
		fake_server_count(&host.server,
						  "ack class=notification id=777 to=s.whatsapp.net type=encrypt"),
		1);
	/* a server that says it again and again gets one a minute */
	for (int i = 0; i < 50; i++)
		fake_server_say(&host.server,
						"<notification from=\"s.whatsapp.net\" type=\"encrypt\" id=\"8%d\" t=\"1\">"
						"<count value=\"0\"/></notification>",
						i);
	fake_host_pump(&host);
	assert_int_equal(host.server.uploads, 1);
	fake_host_advance(&host, 61 * WA_SECOND);
	assert_int_equal(host.server.uploads, 2);
	/* a high count is no reason */
	fake_host_advance(&host, 61 * WA_SECOND);
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" type=\"encrypt\" id=\"9\" t=\"1\">"
					"<count value=\"500\"/></notification>");
	fake_host_pump(&host);
	assert_int_equal(host.server.uploads, 2);
}

static void
goes_on_without_a_count(void **state)
{
	(void) state;
	host.server.no_count = true;
	fake_host_start(&host, &linked);
	assert_int_equal(host.status, BOT_CONNECTING);
	fake_host_advance(&host, 61 * WA_SECOND);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
keeps_the_routing(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	assert_false(host.server.routed);
	fake_server_say(
		&host.server,
		"<ib from=\"s.whatsapp.net\"><edge_routing><routing_info>frc-route</routing_info>"
		"</edge_routing></ib>");
	fake_host_pump(&host);
	assert_int_equal(host.device.routing_len, 9);
	fake_server_say(
		&host.server,
		"<ib from=\"s.whatsapp.net\"><edge_routing><routing_info>frc-route</routing_info>"
		"</edge_routing></ib>");
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "device"), 1);
	fake_host_cut(&host);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_true(host.server.routed);
	assert_int_equal(host.status, BOT_ONLINE);

	/* a server that closes on it is asked without it */
	fake_host_cut(&host);
	host.server.silent = true;
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_true(host.wired);
	host.server.silent = false;
	fake_host_cut(&host);
	fake_host_advance(&host, 3 * WA_SECOND);
	assert_int_equal(host.device.routing_len, 0);
	assert_false(host.server.routed);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
does_not_route_when_told_so(void **state)
{
	(void) state;
	host.config.edge_routing = false;
	memcpy(linked.routing, "route", 5);
	linked.routing_len = 5;
	fake_host_start(&host, &linked);
	assert_false(host.server.routed);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
shows_its_name_once(void **state)
{
	(void) state;
	snprintf(linked.push_name, sizeof(linked.push_name), "Collector");
	fake_host_start(&host, &linked);
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "presence type=unavailable name=Collector"),
					 1);
	assert_int_equal(fake_server_count(&host.server, "presence"), 1);
	fake_server_say(
		&host.server,
		"<notification from=\"4915100000001@s.whatsapp.net\" type=\"account_sync\" id=\"1\" "
		"t=\"1\" pushname=\"New\"/>");
	fake_host_pump(&host);
	assert_string_equal(host.device.push_name, "New");
	assert_int_equal(fake_server_count(&host.server, "presence"), 1);
}

/* ---- ends ---- */

static void
comes_back_after_a_cut(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	fake_host_cut(&host);
	assert_int_equal(host.status, BOT_CONNECTING);
	assert_string_equal(host.reason, "connection_lost");
	assert_true(host.retry_in_us >= 900000 && host.retry_in_us <= 1100000);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_string_equal(host.reason, "");
	assert_int_equal(host.device.login_counter, 9);
	fake_host_advance(&host, 5 * WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "participating"), 0);
}

static void
waits_longer_each_time(void **state)
{
	int64_t waits[20];
	int n = 0;

	(void) state;
	host.refuse = "refused";
	fake_host_start(&host, &linked);
	while (n < 20)
	{
		int64_t deadline = client_deadline(host.client);

		assert_true(deadline != WA_NEVER);
		waits[n++] = deadline - host.now.mono_us;
		fake_host_advance(&host, deadline - host.now.mono_us);
	}
	assert_string_equal(host.reason, "connection_failed");
	assert_string_equal(host.detail, "refused");
	for (int i = 0; i < n; i++)
	{
		static const int seconds[] = {1,  1,  2,  3,   5,   8,   13,  21,
									  34, 55, 89, 144, 233, 377, 610, 900};
		int64_t expected = seconds[i < 16 ? i : 15] * WA_SECOND;

		assert_true(waits[i] >= expected * 9 / 10 && waits[i] <= expected * 11 / 10);
	}
	/* told while it grows, not for ever */
	assert_in_range(fake_host_count(&host, "reason=connection_failed"), 10, 17);
	host.refuse = NULL;
	fake_host_advance(&host, client_deadline(host.client) - host.now.mono_us);
	assert_int_equal(host.status, BOT_ONLINE);
	/* forgotten only after a stable minute */
	fake_host_advance(&host, 10 * WA_SECOND);
	fake_host_cut(&host);
	assert_true(host.retry_in_us > 800 * WA_SECOND);
	fake_host_advance(&host, 1000 * WA_SECOND);
	assert_int_equal(host.status, BOT_ONLINE);
	fake_host_advance(&host, 61 * WA_SECOND);
	fake_host_cut(&host);
	assert_true(host.retry_in_us < 2 * WA_SECOND);
}

static void
does_not_hurry_to_an_untrusted_server(void **state)
{
	(void) state;
	host.refuse = "certificate";
	fake_host_start(&host, &linked);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "tls_certificate");
	assert_non_null(strstr(host.hint, "wa_collector.tls_ca_file"));
	assert_true(host.retry_in_us >= 60 * WA_SECOND);
}

static void
steps_back_when_told_to(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	fake_server_say(&host.server, "<stream:error code=\"429\"/>");
	fake_host_pump(&host);
	assert_string_equal(host.reason, "rate_limited");
	assert_true(host.retry_in_us >= 7 * WA_SECOND && host.retry_in_us <= 9 * WA_SECOND);
}

static void
restarts_at_once_but_not_for_ever(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	fake_server_say(&host.server, "<stream:error code=\"515\"/>");
	fake_host_pump(&host);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.status, BOT_ONLINE);
	host.server.refusal = "<stream:error code=\"515\"/>";
	fake_server_say(&host.server, "<stream:error code=\"515\"/>");
	fake_host_pump(&host);
	assert_in_range(host.server.connections, 3, 6);
	assert_int_equal(host.status, BOT_CONNECTING);
	assert_true(client_deadline(host.client) > host.now.mono_us);
}

static void
never_fights_over_a_session(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	fake_server_say(&host.server, "<stream:error><conflict type=\"replaced\"/></stream:error>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "replaced");
	assert_true(strlen(host.hint) > 0);
	assert_true(host.retry_in_us == -1);
	fake_host_advance(&host, 86400 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	/* a person may */
	client_start(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_string_equal(host.device.jid, linked.jid);
}

static void
waits_for_a_newer_version(void **state)
{
	const uint32_t newer[3] = {2, 3000, 2000000000};

	(void) state;
	host.server.refusal = "<failure reason=\"405\" location=\"frc\"/>";
	fake_host_start(&host, &linked);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "client_outdated");
	assert_int_equal(host.status_code, 405);
	assert_non_null(strstr(host.hint, "wa_collector.web_version"));
	assert_true(host.retry_in_us >= 60 * WA_SECOND);
	fake_host_advance(&host, 3600 * WA_SECOND);
	assert_in_range(host.server.connections, 4, 12);
	assert_int_equal(host.status, BOT_ERROR);

	host.server.refusal = NULL;
	client_set_version(host.client, newer, host.now);
	fake_host_pump(&host);
	assert_int_equal(host.server.info.version[2], 2000000000);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
serves_a_ban(void **state)
{
	(void) state;
	host.server.refusal =
		"<failure reason=\"402\" code=\"101\" expire=\"7200\" message=\"Too many messages\"/>";
	fake_host_start(&host, &linked);
	assert_int_equal(host.status, BOT_BANNED);
	assert_string_equal(host.reason, "temporary_ban");
	assert_string_equal(host.detail, "Too many messages");
	assert_true(host.until == HOST_WALL_US / WA_SECOND + 7200);
	fake_host_advance(&host, 7100 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	host.server.refusal = NULL;
	fake_host_advance(&host, 101 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_true(host.until == 0);
}

static void
gives_up_what_never_works(void **state)
{
	(void) state;
	host.server.refusal = "<failure reason=\"777\" location=\"frc\"/>";
	fake_host_start(&host, &linked);
	fake_host_advance(&host, 86400 * WA_SECOND);
	assert_int_equal(host.server.connections, 5);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "login_refused");
	assert_int_equal(host.status_code, 777);
	assert_non_null(strstr(host.detail, "frc"));
	assert_true(host.retry_in_us == -1);
}

static void
hears_the_last_words(void **state)
{
	(void) state;
	assert_true(fake_host_online(&host, &linked));
	/* the host reads the bytes and the end of the socket before it pulls anything */
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" type=\"devices\" id=\"1\" t=\"1\"/>");
	fake_server_say(&host.server, "<stream:error><conflict type=\"replaced\"/></stream:error>");
	assert_int_equal(
		client_feed(host.client, buf_data(&host.server.out), buf_len(&host.server.out), host.now),
		WA_OK);
	fake_host_cut(&host);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "replaced");
	assert_int_equal(client_wants(host.client), 0);
	assert_true(client_deadline(host.client) == WA_NEVER);
}

static void
stops_and_starts_anywhere(void **state)
{
	(void) state;
	fake_host_start(&host, &linked);
	for (int frames = 0; frames < 40; frames++)
	{
		/* stop after so many steps of a new connection */
		client_stop(host.client, host.now);
		fake_host_pump(&host);
		assert_int_equal(client_status(host.client), BOT_OFFLINE);
		assert_false(host.wired);
		assert_int_equal(client_wants(host.client), 0);
		assert_true(client_deadline(host.client) == WA_NEVER);
		client_start(host.client, host.now);
		fake_host_steps(&host, frames);
	}
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);

	/* stopped and started before the old socket is gone */
	client_stop(host.client, host.now);
	client_start(host.client, host.now);
	assert_int_equal(client_wants(host.client) & CLIENT_WANTS_CLOSE, CLIENT_WANTS_CLOSE);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
refuses_calls_in_the_wrong_state(void **state)
{
	WaClient *client;
	WaClientConfig bad;

	(void) state;
	fake_host_open(&host, &linked);
	assert_int_equal(client_connected(host.client, host.now), WA_ERR_STATE);
	assert_int_equal(client_feed(host.client, (const uint8_t *) "x", 1, host.now), WA_OK);
	client_disconnected(host.client, "never was", host.now);
	client_tick(host.client, host.now);
	client_persisted(host.client, 12);
	client_output_sent(host.client, 100);
	client_stop(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(client_wants(host.client), 0);
	assert_int_equal(client_query_group(host.client, str_from("nonsense"), host.now),
					 WA_ERR_ARGUMENT);
	assert_int_equal(client_query_group(host.client, str_from("1@s.whatsapp.net"), host.now),
					 WA_ERR_ARGUMENT);

	bad = host.config;
	bad.prekey_batch = 813;
	assert_int_equal(client_create(&bad, &linked, &client), WA_ERR_ARGUMENT);
	bad = host.config;
	bad.group_queries_per_minute = 0;
	assert_int_equal(client_create(&bad, &linked, &client), WA_ERR_ARGUMENT);
	bad = host.config;
	bad.device_name = NULL;
	assert_int_equal(client_create(&bad, &linked, &client), WA_ERR_ARGUMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(logs_in, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_small, setup, teardown),
		cmocka_unit_test_setup_teardown(uploads_prekeys_once_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(retries_an_upload_with_the_same_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(uploads_again_after_a_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(refills_when_the_server_runs_low, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_without_a_count, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_the_routing, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_route_when_told_so, setup, teardown),
		cmocka_unit_test_setup_teardown(shows_its_name_once, setup, teardown),
		cmocka_unit_test_setup_teardown(comes_back_after_a_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_longer_each_time, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_hurry_to_an_untrusted_server, setup, teardown),
		cmocka_unit_test_setup_teardown(steps_back_when_told_to, setup, teardown),
		cmocka_unit_test_setup_teardown(restarts_at_once_but_not_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(never_fights_over_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_a_newer_version, setup, teardown),
		cmocka_unit_test_setup_teardown(serves_a_ban, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_what_never_works, setup, teardown),
		cmocka_unit_test_setup_teardown(hears_the_last_words, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_and_starts_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_calls_in_the_wrong_state, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
