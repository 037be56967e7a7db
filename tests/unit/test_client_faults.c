/*
 * test_client_faults.c
 *		What must not hurt: bytes in any portions, no memory, no randomness, and
 *		servers that send anything at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "fake_host.h"
#include "stanza.h"

static FakeHost host;

static int
setup(void **state)
{
	(void) state;
	fake_host_init(&host);
	host.config.prekey_batch = 3;
	host.server.groups =
		"<group id=\"100\" subject=\"One\" size=\"2\" p_v_id=\"5\">"
		"<participant jid=\"11@lid\" phone_number=\"4911@s.whatsapp.net\" type=\"admin\"/>"
		"<participant jid=\"12@lid\"/></group><group id=\"200\" subject=\"Two\" size=\"1\">"
		"<participant jid=\"11@lid\"/></group>";
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

/* ---- a whole session ---- */

static bool
reaches(WaBotStatus status)
{
	for (int tries = 0; tries < 12 && host.status != status; tries++)
	{
		if (host.status == BOT_QR)
			fake_server_scan(&host.server, str_from(host.qr));
		else if (client_status(host.client) == BOT_OFFLINE ||
				 client_status(host.client) == BOT_ERROR)
			client_start(host.client, host.now);
		fake_host_advance(&host, 2 * WA_SECOND);
	}
	return host.status == status;
}

/* Link, log in, groups, events, a cut, a refill, logout.  False when an end is not reached. */
static bool
session(void)
{
	fake_host_open(&host, NULL);
	if (host.client == NULL)
		return false;
	client_start(host.client, host.now);
	fake_host_pump(&host);
	if (!reaches(BOT_ONLINE))
		return false;
	fake_server_say(
		&host.server,
		"<ib from=\"s.whatsapp.net\"><edge_routing><routing_info>frc</routing_info></edge_routing>"
		"<dirty type=\"groups\" timestamp=\"1770000000\"/></ib>");
	fake_server_say(&host.server, "<notification from=\"100@g.us\" type=\"w:gp2\" id=\"n1\" "
								  "participant=\"11@lid\" t=\"1795456399\">"
								  "<add><participant jid=\"13@lid\" "
								  "phone_number=\"4913@s.whatsapp.net\"/></add></notification>");
	fake_server_say(&host.server,
					"<message from=\"100@g.us\" id=\"m1\" participant=\"55@lid\" "
					"participant_pn=\"4955@s.whatsapp.net\" "
					"t=\"1\" type=\"text\"><enc v=\"2\" type=\"skmsg\">AAAA</enc></message>");
	fake_server_say(&host.server, "<notification from=\"s.whatsapp.net\" type=\"encrypt\" "
								  "id=\"n2\" t=\"1\"><count value=\"1\"/></notification>");
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" type=\"novelty\" id=\"n3\" t=\"1\"/>");
	fake_server_say(&host.server, "<receipt id=\"r1\" from=\"55@lid\"/>");
	fake_host_advance(&host, 90 * WA_SECOND);
	(void) client_query_group(host.client, str_from("200@g.us"), host.now);
	fake_host_advance(&host, 3 * WA_SECOND);
	fake_host_cut(&host);
	if (!reaches(BOT_ONLINE))
		return false;
	(void) client_logout(host.client, host.now);
	return reaches(BOT_LOGGED_OUT);
}

/* The trace of a session in which nothing goes wrong; the caller frees it. */
static char *
reference_session(size_t *log_len)
{
	char *trace;

	assert_true(session());
	assert_int_equal(fake_host_count(&host, "change 100@g.us add"), 1);
	assert_int_equal(fake_host_count(&host, "uploaded"), 2);
	assert_int_equal(fake_host_count(&host, "status logged_out reason=logout"), 1);
	trace = strndup((const char *) buf_data(&host.trace), buf_len(&host.trace));
	*log_len = buf_len(&host.server.log);
	client_destroy(host.client);
	host.client = NULL;
	assert_int_equal(host.env.live, 0);
	return trace;
}

static bool
same_trace(const char *trace)
{
	return buf_len(&host.trace) == strlen(trace) &&
		   memcmp(buf_data(&host.trace), trace, strlen(trace)) == 0;
}

static void
does_not_care_how_bytes_arrive(void **state)
{
	size_t log_len;
	char *trace = reference_session(&log_len);

	(void) state;
	for (int i = 0; i < 12; i++)
	{
		fake_host_again(&host);
		host.feed = i == 0 ? FEED_BYTES : FEED_RANDOM;
		host.seed = (uint64_t) i * 1000003;
		assert_true(session());
		assert_true(same_trace(trace));
		/* answers that wait for a commit are overtaken differently, but none is missing */
		assert_int_equal(log_len, buf_len(&host.server.log));
		client_destroy(host.client);
		host.client = NULL;
		assert_int_equal(host.env.live, 0);
	}
	free(trace);
}

static void
survives_every_failed_allocation(void **state)
{
	size_t log_len;
	char *trace = reference_session(&log_len);
	int told = 0;
	int unnoticed = 0;
	bool done = false;

	(void) state;
	for (size_t n = 1; !done; n++)
	{
		bool complete;

		fake_host_again(&host);
		host.env.fail_at = n;
		complete = session();
		done = host.env.allocations < n;
		if (host.client == NULL)
			continue; /* client_create said so */
		if (!complete || !fake_host_sound(&host))
			fail_msg("allocation %zu: %.*s", n, (int) buf_len(&host.trace),
					 (const char *) buf_data(&host.trace));
		if (fake_host_count(&host, "reason=out_of_memory") > 0 || host.errors > 0)
			told++;
		else if (same_trace(trace))
			unnoticed++;
		else
			fail_msg("allocation %zu went unnoticed: %.*s", n, (int) buf_len(&host.trace),
					 (const char *) buf_data(&host.trace));
		client_destroy(host.client);
		host.client = NULL;
		assert_int_equal(host.env.live, 0);
	}
	free(trace);
	assert_true(told > 100);
	assert_true(unnoticed < 60);
}

static void
does_nothing_without_randomness(void **state)
{
	(void) state;
	fake_host_open(&host, NULL);
	host.env.fail_random = true;
	client_start(host.client, host.now);
	fake_host_advance(&host, 10 * WA_SECOND);
	assert_string_equal(host.reason, "no_randomness");
	assert_int_equal(host.server.frames, 0);
	host.env.fail_random = false;
	fake_host_advance(&host, 120 * WA_SECOND);
	assert_int_equal(host.status, BOT_QR);
}

/* ---- servers that are none ---- */

static void
does_not_trust_a_certificate(void **state)
{
	static const CertDefect defects[] = {
		CERT_BAD_ROOT_SIGNATURE,
		CERT_BAD_LEAF_SIGNATURE,
		CERT_OTHER_KEY,
		CERT_BAD_ISSUER,
		CERT_EXPIRED,
		CERT_TRUNCATED,
	};

	(void) state;
	fake_host_open(&host, NULL);
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++)
	{
		host.server.defect = defects[i];
		client_start(host.client, host.now);
		fake_host_pump(&host);
		assert_int_equal(host.status, BOT_ERROR);
		assert_string_equal(host.reason, "certificate");
		assert_true(strlen(host.detail) > 0);
		assert_true(strlen(host.hint) > 0);
		assert_int_equal(host.server.frames, 1); /* our payload was not sent */
		assert_true(host.retry_in_us >= 60 * WA_SECOND);
	}
	/* the real root is not the test's */
	host.server.defect = CERT_GOOD;
	memcpy(host.config.root_key, cert_root_key, 32);
	client_destroy(host.client);
	fake_host_open(&host, NULL);
	host.last_epoch = 0;
	client_start(host.client, host.now);
	fake_host_pump(&host);
	assert_string_equal(host.reason, "certificate");
}

/* An online client, whatever happened to it before. */
static void
revive(void)
{
	if (host.client == NULL)
		fake_host_open(&host, NULL);
	client_start(host.client, host.now);
	if (!reaches(BOT_ONLINE))
		fail_msg("not online again: %s", host.reason);
	fake_host_clear(&host);
}

static void
expect_protocol_error(const char *what)
{
	fake_host_pump(&host);
	if (fake_host_count(&host, "status connecting reason=protocol_error") != 1)
		fail_msg("%s: status %s, reason %s", what, client_status_name(host.status), host.reason);
	assert_true(host.retry_in_us > 0);
	assert_false(host.wired);
	assert_true(client_memory(host.client) < 16384);
	revive();
}

static void
ends_on_garbage(void **state)
{
	uint8_t junk[300];
	static const uint8_t empty_frame[3] = {0, 0, 0};
	static const uint8_t short_frame[] = {0, 0, 3, 1, 2, 3};

	(void) state;
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t) (i * 31 + 7);
	revive();
	junk[0] = 0;
	junk[1] = 0;
	fake_server_send_raw(&host.server, junk, sizeof(junk));
	expect_protocol_error("noise");
	fake_server_send_raw(&host.server, empty_frame, sizeof(empty_frame));
	expect_protocol_error("empty frame");
	fake_server_send_raw(&host.server, short_frame, sizeof(short_frame));
	expect_protocol_error("short frame");
	fake_server_send_plain(&host.server, "", 0);
	expect_protocol_error("empty plaintext");
	fake_server_send_plain(&host.server, "\0", 1);
	expect_protocol_error("no node");
	fake_server_send_plain(&host.server, "\2garbage", 8);
	expect_protocol_error("no zlib");
	fake_server_send_plain(&host.server, junk, sizeof(junk));
	expect_protocol_error("no tokens");
	fake_server_send_plain(&host.server, "\0\xf8\x02\x05", 4);
	expect_protocol_error("half a node");

	/* in order, though odd: the bare flag is the end of the stream */
	fake_server_send_plain(&host.server, "\2", 1);
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "reason=stream_end"), 1);
}

static void
ends_on_a_deep_node(void **state)
{
	WaBuf plain;

	(void) state;
	revive();
	buf_init(&plain, test_env(&host.server_env), 1 << 20);
	assert_int_equal(buf_append(&plain, "\0", 1), WA_OK);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_append(&plain, "\xf8\x02\x05\xf8\x01", 5), WA_OK);
	assert_int_equal(buf_append(&plain, "\xf8\x01\x05", 3), WA_OK);
	fake_server_send_plain(&host.server, buf_data(&plain), buf_len(&plain));
	buf_free(&plain);
	expect_protocol_error("deep node");
}

static void
ends_on_a_bomb(void **state)
{
	size_t size = 64 << 20;
	uLongf packed = compressBound(size);
	uint8_t *zeroes = calloc(1, size);
	uint8_t *bomb = malloc(packed + 1);

	(void) state;
	revive();
	bomb[0] = 2;
	assert_int_equal(compress(bomb + 1, &packed, zeroes, size), Z_OK);
	host.env.peak_bytes = 0;
	fake_server_send_plain(&host.server, bomb, packed + 1);
	free(zeroes);
	free(bomb);
	expect_protocol_error("bomb");
	assert_true(host.env.peak_bytes < 64 << 20);
}

static void
bounds_its_input(void **state)
{
	static uint8_t piece[1 << 20];
	WaStatus status = WA_OK;
	int pieces = 0;

	(void) state;
	revive();
	/* a frame that promises 16 MB costs what has arrived of it */
	memset(piece, 0xff, sizeof(piece));
	fake_server_send_raw(&host.server, piece, 1000);
	fake_host_pump(&host);
	assert_true(client_memory(host.client) < 8192);
	/* and is not waited for: the answer to a ping stands behind it */
	fake_host_advance(&host, 60 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "reason=timeout"), 1);

	/* a host that feeds without pulling meets the limit */
	revive();
	while (status == WA_OK && pieces < 64)
	{
		status = client_feed(host.client, piece, sizeof(piece), host.now);
		pieces++;
	}
	assert_int_equal(status, WA_ERR_LIMIT);
	assert_true(pieces < 20);
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "reason=overflow"), 1);
	assert_true(client_memory(host.client) < 8192);

	/* a whole frame of 16 MB is only wrong */
	revive();
	for (int i = 0; i < 16; i++)
		fake_server_send_raw(&host.server, piece, sizeof(piece));
	fake_server_send_raw(&host.server, piece, 2);
	expect_protocol_error("big frame");
}

static void
ends_on_a_bad_handshake(void **state)
{
	uint8_t junk[500];

	(void) state;
	fake_host_open(&host, NULL);
	host.server.silent = true;
	for (size_t len = 0; len < sizeof(junk); len += 83)
	{
		for (size_t i = 0; i < len; i++)
			junk[i] = (uint8_t) (i * 7 + len);
		client_start(host.client, host.now);
		fake_host_steps(&host, 2);
		assert_true(host.wired);
		fake_server_send_raw(&host.server, (uint8_t[3]){0, (uint8_t) (len >> 8), (uint8_t) len}, 3);
		fake_server_send_raw(&host.server, junk, len);
		fake_host_pump(&host);
		assert_string_equal(host.reason, "handshake_failed");
		assert_true(host.retry_in_us >= 60 * WA_SECOND);
		assert_false(host.wired);
	}
}

/* ---- stanzas at the wrong time and of the wrong shape ---- */

static const char *const odd_stanzas[] = {
	"<success/>",
	"<success lid=\"nonsense\"/>",
	"<success lid=\"1@s.whatsapp.net\" t=\"-1\"/>",
	"<iq/>",
	"<iq type=\"result\"/>",
	"<iq type=\"error\" id=\"1.2-3\"/>",
	"<iq id=\"x\" type=\"get\"/>",
	"<iq type=\"set\" id=\"a\" xmlns=\"md\"><pair-device/></iq>",
	"<iq type=\"set\" id=\"a\" xmlns=\"md\"><pair-device><ref/></pair-device></iq>",
	"<iq type=\"set\" xmlns=\"md\"><pair-device><ref>only one</ref></pair-device></iq>",
	"<iq type=\"set\" id=\"a\" xmlns=\"md\"><pair-success/></iq>",
	"<iq type=\"set\" id=\"a\" "
	"xmlns=\"md\"><pair-success><device-identity>junk</device-identity></pair-success></iq>",
	"<iq type=\"set\" id=\"a\"><pair-success><device-identity/><device "
	"jid=\"1@g.us\"/></pair-success></iq>",
	"<ib/>",
	"<ib><offline/></ib>",
	"<ib><offline count=\"-1\"/></ib>",
	"<ib><offline_preview/></ib>",
	"<ib><offline_preview count=\"99999999999999999999\"/></ib>",
	"<ib><offline_preview count=\"4000000000\"/></ib>",
	"<ib><edge_routing/></ib>",
	"<ib><edge_routing><routing_info/></edge_routing></ib>",
	"<ib><dirty/></ib>",
	"<ib><dirty type=\"groups\"/></ib>",
	"<ib><dirty type=\"groups\" timestamp=\"0\"/></ib>",
	"<ib><dirty type=\"x\" timestamp=\"1\"/><dirty type=\"groups\" timestamp=\"2\"/></ib>",
	"<ib><client_expiration t=\"99999999999\"/></ib>",
	"<ib><downgrade_webclient/></ib>",
	"<notification/>",
	"<notification id=\"1\" from=\"s.whatsapp.net\"/>",
	"<notification id=\"1\" from=\"1@g.us\" "
	"type=\"w:gp2\"><add/><remove/><create/><x/></notification>",
	"<notification id=\"1\" from=\"1@lid\" type=\"encrypt\"><count/></notification>",
	"<notification id=\"1\" from=\"1@lid\" type=\"encrypt\"><count value=\"x\"/></notification>",
	"<notification id=\"1\" from=\"1@lid\" type=\"contacts\"><modify/></notification>",
	"<notification id=\"1\" from=\"1@lid\" type=\"account_sync\" pushname=\"\"/>",
	"<notification id=\"1\" from=\"1@lid\" type=\"link_code_companion_reg\"/>",
	"<notification id=\"1\" from=\"1@lid\" "
	"type=\"link_code_companion_reg\"><link_code_companion_reg "
	"stage=\"primary_hello\"/></notification>",
	"<notification id=\"1\" from=\"1@lid\" "
	"type=\"link_code_companion_reg\"><link_code_companion_reg "
	"stage=\"refresh_code\"/></notification>",
	"<notification id=\"1\" from=\"1@lid\" type=\"companion_reg_refresh\"/>",
	"<message/>",
	"<message from=\"1@g.us\" id=\"1\"/>",
	"<message from=\"nobody\" id=\"1\"><enc/></message>",
	"<receipt/>",
	"<call/>",
	"<status/>",
	"<ack/>",
	"<presence/>",
	"<chatstate/>",
	"<unheard id=\"1\" from=\"1@lid\"/>",
};

static const char *const odd_ends[] = {
	"<failure/>",
	"<failure reason=\"x\"/>",
	"<failure reason=\"402\"/>",
	"<failure reason=\"402\" expire=\"-5\"/>",
	"<failure reason=\"402\" expire=\"99999999999999\"/>",
	"<failure reason=\"99999999999\"/>",
	"<stream:error/>",
	"<stream:error code=\"\"/>",
	"<stream:error code=\"99999999999\"/>",
	"<stream:error><conflict/></stream:error>",
	"<stream:error><ack/></stream:error>",
	"<xmlstreamend/>",
};

static void
try_stanza(const char *text, bool pair)
{
	fake_server_say(&host.server, "%s", text);
	if (pair)
		fake_server_say(&host.server, "%s", text);
	fake_host_pump(&host);
	fake_host_advance(&host, WA_SECOND);
	if (!fake_host_sound(&host))
		fail_msg("%s: %.*s", text, (int) buf_len(&host.trace),
				 (const char *) buf_data(&host.trace));
}

static void
bears_odd_stanzas_while_online(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(odd_stanzas) / sizeof(odd_stanzas[0]); i++)
	{
		revive();
		try_stanza(odd_stanzas[i], true);
		if (host.status != BOT_ONLINE)
			fail_msg("%s: %s", odd_stanzas[i], host.reason);
	}
	for (size_t i = 0; i < sizeof(odd_ends) / sizeof(odd_ends[0]); i++)
	{
		revive();
		fake_server_say(&host.server, "%s", odd_ends[i]);
		fake_host_pump(&host);
		if (fake_host_count(&host, "status") == 0 || strlen(host.reason) == 0)
			fail_msg("%s: no reason told", odd_ends[i]);
	}
}

static void
bears_odd_stanzas_while_linking(void **state)
{
	(void) state;
	fake_host_open(&host, NULL);
	for (size_t i = 0; i < sizeof(odd_stanzas) / sizeof(odd_stanzas[0]); i++)
	{
		client_stop(host.client, host.now);
		fake_host_pump(&host);
		client_start(host.client, host.now);
		fake_host_pump(&host);
		assert_int_equal(host.status, BOT_QR);
		assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
		try_stanza(odd_stanzas[i], true);
	}
}

static void
bears_odd_stanzas_before_success(void **state)
{
	WaDevice device;

	(void) state;
	assert_int_equal(device_create(test_env(&host.server_env), &device), WA_OK);
	snprintf(device.jid, sizeof(device.jid), "4915100000001:3@s.whatsapp.net");
	fake_host_open(&host, &device);
	host.server.no_success = true;
	for (size_t i = 0; i < sizeof(odd_stanzas) / sizeof(odd_stanzas[0]); i++)
	{
		client_stop(host.client, host.now);
		fake_host_pump(&host);
		client_start(host.client, host.now);
		fake_host_pump(&host);
		assert_true(host.wired);
		try_stanza(odd_stanzas[i], false);
	}
}

static void
bears_a_flood(void **state)
{
	(void) state;
	revive();
	/* more questions than a client may have open */
	host.server.no_iq_answers = true;
	for (int i = 0; i < 200; i++)
		fake_server_say(&host.server, "<ib><dirty type=\"x\" timestamp=\"%d\"/></ib>", i + 1);
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "reason=overflow"), 1);
	host.server.no_iq_answers = false;
	/* many stanzas without an event do not hold the host */
	revive();
	for (int i = 0; i < 5000; i++)
		fake_server_say(&host.server, "<receipt id=\"r%d\" from=\"55@lid\"/>", i);
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "ack class=receipt"), 5000);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_true(client_memory(host.client) < 8192);
}

static void
takes_any_name(void **state)
{
	(void) state;
	revive();
	fake_server_say(&host.server,
					"<notification from=\"100@g.us\" type=\"w:gp2\" id=\"n1\" t=\"1\">"
					"<subject subject=\"\xff\xfe\xc0\x80 \xed\xa0\x80\"/></notification>");
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "change 100@g.us subject"), 1);
	assert_int_equal(fake_server_count(&host.server, "ack class=notification id=n1"), 1);
}

/* A client may be destroyed in the middle of anything. */
static void
dies_at_any_step(void **state)
{
	(void) state;
	for (int steps = 0; steps < 60; steps++)
	{
		fake_host_again(&host);
		fake_host_open(&host, NULL);
		client_start(host.client, host.now);
		fake_host_steps(&host, steps);
		if (host.status == BOT_QR)
		{
			fake_server_scan(&host.server, str_from(host.qr));
			fake_host_steps(&host, steps);
		}
		client_destroy(host.client);
		host.client = NULL;
		assert_int_equal(host.env.live, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(does_not_care_how_bytes_arrive, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_every_failed_allocation, setup, teardown),
		cmocka_unit_test_setup_teardown(does_nothing_without_randomness, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_trust_a_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_on_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_on_a_deep_node, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_on_a_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_its_input, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_on_a_bad_handshake, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_odd_stanzas_while_online, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_odd_stanzas_while_linking, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_odd_stanzas_before_success, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_a_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_any_name, setup, teardown),
		cmocka_unit_test_setup_teardown(dies_at_any_step, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
