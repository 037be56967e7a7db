/*
 * test_client_link.c
 *		Linking: QR codes and their times, pairing codes, what the phone's
 *		answer must prove, and that nothing leaves before it is stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"
#include "stanza.h"

static FakeHost host;

static int
setup(void **state)
{
	(void) state;
	fake_host_init(&host);
	fake_host_open(&host, NULL);
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

static void
start(void)
{
	client_start(host.client, host.now);
	fake_host_pump(&host);
}

/* ---- QR ---- */

static void
links_by_qr(void **state)
{
	WaDevice before = *client_device(host.client);

	(void) state;
	start();
	assert_int_equal(host.status, BOT_QR);
	assert_true(host.server.info.registration);
	assert_int_equal(host.server.info.registration_id, before.registration_id);
	assert_memory_equal(host.server.info.identity, before.identity.public_key, 32);
	/* a success on a connection that is not linked means nothing */
	assert_int_equal(fake_host_count(&host, "caught_up"), 0);
	assert_int_equal(fake_server_count(&host.server, "type=result id=pair-device-1"), 1);

	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "<<device-identity key-index=3"), 1);
	assert_int_equal(fake_host_count(&host, "status connecting reason=restart_required code=515"),
					 1);
	assert_int_equal(host.server.connections, 2);
	assert_false(host.server.info.registration);
	assert_true(host.server.info.username == UINT64_C(4915100000001));
	assert_int_equal(host.server.info.device, 3);
	assert_string_equal(host.device.jid, "4915100000001:3@s.whatsapp.net");
	assert_string_equal(host.device.lid, "10000000001:3@lid");
	assert_string_equal(host.device.platform, "android");
	assert_true(host.device.account_len > 100);
	assert_int_equal(host.device.login_counter, 1);

	assert_int_equal(host.status, BOT_ONLINE);
	assert_int_equal(
		fake_host_count(&host, "alias pairing 10000000001@lid 4915100000001@s.whatsapp.net"), 1);
	fake_host_advance(&host, WA_SECOND);
	assert_int_equal(fake_host_count(&host, "group_list 0"), 1);
	assert_int_equal(fake_host_count(&host, "EPOCH JUMPS"), 0);
	assert_int_equal(host.errors, 0);
}

static void
shows_codes_in_turn(void **state)
{
	(void) state;

	start();
	assert_int_equal(
		fake_host_count(&host, "qr valid=60 left=5 https://wa.me/settings/linked_devices#2@one,"),
		1);
	fake_host_advance(&host, 59 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "qr valid="), 1);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(
		fake_host_count(&host, "qr valid=20 left=4 https://wa.me/settings/linked_devices#2@two,"),
		1);
	fake_host_advance(&host, 80 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "qr valid="), 6);
	assert_int_equal(fake_host_count(&host, "left=0"), 1);
	assert_int_equal(host.server.connections, 1);

	/* all six were shown after 160 s: a new connection brings new ones */
	fake_host_advance(&host, 20 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "reason=qr_expired"), 1);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(fake_host_count(&host, "qr valid=60"), 2);

	/* five minutes after the start nobody is waited for any more */
	fake_host_advance(&host, 140 * WA_SECOND);
	assert_int_equal(host.status, BOT_OFFLINE);
	assert_string_equal(host.reason, "link_timeout");
	assert_true(host.retry_in_us == -1);
	assert_false(host.wired);
	assert_true(client_deadline(host.client) == WA_NEVER);
	assert_int_equal(client_wants(host.client), 0);

	/* and asked for again it starts again */
	start();
	assert_int_equal(host.status, BOT_QR);
	assert_int_equal(fake_host_count(&host, "qr valid=60"), 3);
}

static void
shows_codes_to_who_asks_again(void **state)
{
	(void) state;
	start();
	fake_host_advance(&host, 280 * WA_SECOND);
	start();
	fake_host_advance(&host, 280 * WA_SECOND);
	assert_int_equal(host.status, BOT_QR);
	fake_host_advance(&host, 30 * WA_SECOND);
	assert_string_equal(host.reason, "link_timeout");
}

static void
stores_before_it_answers(void **state)
{
	(void) state;
	start();
	fake_host_clear(&host);
	host.hold = true;
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "device jid=4915100000001:3@s.whatsapp.net"), 1);
	assert_int_equal(fake_server_count(&host.server, "pair-device-sign"), 0);
	fake_host_advance(&host, 10 * WA_SECOND);
	assert_int_equal(fake_server_count(&host.server, "pair-device-sign"), 0);

	client_persisted(host.client, host.last_epoch - 1);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "pair-device-sign"), 0);
	client_persisted(host.client, host.last_epoch);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "pair-device-sign"), 1);
}

/* Servers that say nothing after the answer, or just close. */
static void
logs_in_without_being_told(void **state)
{
	(void) state;
	host.server.no_restart = true;
	start();
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
logs_in_after_a_plain_close(void **state)
{
	(void) state;
	host.server.no_restart = true;
	start();
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	fake_host_cut(&host);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
gets_new_codes_after_a_cut(void **state)
{
	(void) state;
	start();
	fake_host_cut(&host);
	assert_string_equal(host.reason, "connection_lost");
	assert_string_equal(host.detail, "reset");
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.status, BOT_QR);
	assert_int_equal(host.server.connections, 2);
	assert_int_equal(fake_host_count(&host, "qr valid=60"), 2);
}

static void
rotates_the_secret(void **state)
{
	WaDevice before;
	char old_qr[512];

	(void) state;
	start();
	before = host.device;
	memcpy(old_qr, host.qr, sizeof(old_qr));
	fake_host_advance(&host, 10 * WA_SECOND);
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" id=\"n1\" t=\"1\" "
					"type=\"companion_reg_refresh\"><pair-device-rotate-qr/></notification>");
	fake_host_pump(&host);
	assert_memory_not_equal(before.adv_secret, host.device.adv_secret, 32);
	assert_string_not_equal(host.qr, old_qr);
	assert_int_equal(fake_host_count(&host, "qr valid=50 left=5"), 1);
	assert_int_equal(fake_server_count(&host.server, "ack class=notification id=n1"), 1);

	/* the phone that scans the new one links */
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
refuses_a_phone_that_proves_nothing(void **state)
{
	WaDevice before = *client_device(host.client);
	uint8_t wrong[32] = {1, 2, 3};

	(void) state;
	start();
	fake_server_pair(&host.server, before.identity.public_key, wrong);
	fake_host_pump(&host);
	assert_int_equal(
		fake_server_count(&host.server, "iq to=s.whatsapp.net type=error id=pair-success-1"), 1);
	assert_int_equal(fake_server_count(&host.server, "<error code=401 text=hmac-mismatch"), 1);
	assert_int_equal(fake_server_count(&host.server, "pair-device-sign"), 0);
	assert_int_equal(fake_host_count(&host, "reason=pairing_failed code=401"), 1);
	assert_string_equal(host.device.jid, "");
	assert_memory_not_equal(before.identity.public_key, host.device.identity.public_key, 32);

	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.status, BOT_QR);
	fake_server_pair(&host.server, wrong, host.device.adv_secret);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "<error code=401 text=signature-mismatch"), 1);

	fake_host_advance(&host, 3 * WA_SECOND);
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
reports_a_phone_without_multidevice(void **state)
{
	(void) state;
	start();
	fake_server_say(&host.server, "<ib from=\"s.whatsapp.net\"><downgrade_webclient/></ib>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_QR);
	assert_string_equal(host.reason, "multidevice_missing");
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
reports_a_passkey(void **state)
{
	(void) state;
	start();
	fake_server_say(&host.server, "<notification from=\"s.whatsapp.net\" id=\"p1\" t=\"1\" "
								  "type=\"passkey_prologue_request\"><challenge>Continue on "
								  "WhatsApp Web</challenge></notification>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_PASSKEY_REQUIRED);
	assert_string_equal(host.reason, "passkey_required");
	assert_non_null(strstr(host.detail, "Continue on WhatsApp Web"));
	assert_true(strlen(host.hint) > 0);
	assert_int_equal(fake_host_count(&host, "raw notification passkey_prologue_request"), 1);
	assert_int_equal(fake_server_count(&host.server, "ack class=notification id=p1"), 1);
	/* it stays until linking is over, whatever is shown meanwhile */
	fake_host_advance(&host, 400 * WA_SECOND);
	assert_int_equal(host.status, BOT_PASSKEY_REQUIRED);
	assert_true(client_deadline(host.client) == WA_NEVER);
}

/* ---- pairing code ---- */

/* The phone's half: answers the hello, and the ref is "ref-1". */
static void
answer_hello(void)
{
	fake_server_say(
		&host.server,
		"<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"><link_code_companion_reg>"
		"<link_code_pairing_ref>ref-1</link_code_pairing_ref></link_code_companion_reg></iq>",
		host.server.last_iq);
	fake_host_pump(&host);
}

static void
say_primary_hello(const char *id, const char *ref)
{
	WaArena arena;
	WaNode *notification;
	WaNode *reg;
	uint8_t wrapped[80];
	uint8_t key[32];
	WaKeyPair ephemeral;
	char code[9];

	memcpy(code, host.code, 4);
	memcpy(code + 4, host.code + 5, 5);
	arena_init(&arena, test_env(&host.server_env), 1 << 20);
	memset(wrapped, 7, 48);
	assert_int_equal(crypto_keypair_generate(test_env(&host.server_env), &ephemeral), WA_OK);
	assert_int_equal(crypto_pbkdf2_sha256(code, 8, wrapped, 32, 131072, key, 32), WA_OK);
	assert_int_equal(crypto_aes256_ctr(key, wrapped + 32, ephemeral.public_key, 32, wrapped + 48),
					 WA_OK);

	notification = node_new(&arena, "notification");
	node_set(notification, "type", "link_code_companion_reg");
	node_set_jid(notification, "from", str_from("s.whatsapp.net"));
	node_set(notification, "id", id);
	reg = node_add(notification, "link_code_companion_reg");
	node_set(reg, "stage", "primary_hello");
	node_set_text(node_add(reg, "link_code_pairing_ref"), ref);
	node_set_bytes(node_add(reg, "link_code_pairing_wrapped_primary_ephemeral_pub"), wrapped,
				   sizeof(wrapped));
	node_set_bytes(node_add(reg, "primary_identity_pub"), host.server.account.public_key, 32);
	fake_server_send(&host.server, notification);
	arena_free(&arena);
	fake_host_pump(&host);
}

static void
links_by_code(void **state)
{
	WaDevice before;

	(void) state;
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server,
									   "link_code_companion_reg jid=4915100000001@s.whatsapp.net "
									   "stage=companion_hello"),
					 1);
	assert_string_equal(host.code, "");
	answer_hello();
	assert_int_equal(strlen(host.code), 9);
	assert_int_equal(host.code[4], '-');
	assert_int_equal(host.status, BOT_QR);

	/* the new secret is stored before the phone is answered */
	before = host.device;
	host.hold = true;
	say_primary_hello("n1", "ref-1");
	assert_memory_not_equal(before.adv_secret, host.device.adv_secret, 32);
	assert_int_equal(fake_server_count(&host.server, "companion_finish"), 0);
	host.hold = false;
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "stage=companion_finish"), 1);
	assert_int_equal(fake_server_count(&host.server, "ack class=notification id=n1"), 1);

	fake_server_pair(&host.server, host.device.identity.public_key, host.device.adv_secret);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_ERR_STATE);
}

static void
checks_phones(void **state)
{
	const char *bad[] = {"",          "123456",           "0491510000", "+4915100000",
						 "49 151 00", "1234567890123456", "49151x0000"};

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(client_pair_code(host.client, bad[i], host.now), WA_ERR_ARGUMENT);
	assert_int_equal(client_pair_code(host.client, NULL, host.now), WA_ERR_ARGUMENT);
	assert_int_equal(client_wants(host.client), 0);
	assert_int_equal(client_pair_code(host.client, "1234567", host.now), WA_OK);
	assert_int_equal(client_wants(host.client), CLIENT_WANTS_CONNECT);
}

static void
reports_a_refused_code(void **state)
{
	static const int codes[] = {400, 403, 429, 452, 500};

	(void) state;
	start();
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		char expected[64];

		assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
		fake_host_pump(&host);
		fake_server_say(&host.server,
						"<iq from=\"s.whatsapp.net\" type=\"error\" id=\"%s\"><error code=\"%d\" "
						"text=\"no code\"/></iq>",
						host.server.last_iq, codes[i]);
		fake_host_pump(&host);
		snprintf(expected, sizeof(expected), "pair_code  error=%d no code", codes[i]);
		assert_int_equal(fake_host_count(&host, expected), 1);
		assert_int_equal(host.status, BOT_QR);
	}
	/* an answer without a ref, and none at all */
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	fake_server_say(&host.server, "<iq from=\"s.whatsapp.net\" type=\"result\" id=\"%s\"/>",
					host.server.last_iq);
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "pair_code  error=500"), 2);
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_advance(&host, 61 * WA_SECOND);
	assert_int_equal(fake_host_count(&host, "pair_code  error=408"), 1);
}

static void
reports_a_refused_finish(void **state)
{
	(void) state;
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	answer_hello();
	say_primary_hello("n1", "ref-1");
	fake_server_say(&host.server,
					"<iq from=\"s.whatsapp.net\" type=\"error\" id=\"%s\"><error code=\"403\" "
					"text=\"forbidden\"/></iq>",
					host.server.last_iq);
	fake_host_pump(&host);
	assert_int_equal(fake_host_count(&host, "pair_code  error=403 forbidden"), 1);
	/* the QR still links, with the secret of the code */
	fake_server_scan(&host.server, str_from(host.qr));
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
gives_a_late_code_its_time(void **state)
{
	(void) state;
	start();
	fake_host_advance(&host, 290 * WA_SECOND);
	assert_int_equal(host.status, BOT_QR);
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	answer_hello();
	fake_host_advance(&host, 170 * WA_SECOND);
	assert_true(host.wired);
	say_primary_hello("n1", "ref-1");
	assert_int_equal(fake_server_count(&host.server, "stage=companion_finish"), 1);
	fake_host_advance(&host, 60 * WA_SECOND);
	assert_string_equal(host.reason, "link_timeout");
}

static void
stops_linking_while_nobody_answers(void **state)
{
	(void) state;
	host.refuse = "refused";
	start();
	fake_host_advance(&host, 299 * WA_SECOND);
	assert_int_equal(host.status, BOT_CONNECTING);
	fake_host_advance(&host, 2 * WA_SECOND);
	assert_int_equal(host.status, BOT_OFFLINE);
	assert_string_equal(host.reason, "link_timeout");
}

static void
needs_randomness_for_new_keys(void **state)
{
	(void) state;
	fake_host_link(&host);
	fake_server_say(&host.server, "<stream:error code=\"516\"/>");
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_LOGGED_OUT);
	host.env.fail_random = true;
	client_start(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_ERROR);
	assert_string_equal(host.reason, "no_randomness");
	assert_false(host.wired);
	host.env.fail_random = false;
	start();
	assert_int_equal(host.status, BOT_QR);
	/* while linking, it ends the attempt */
	host.env.fail_random = true;
	fake_server_say(&host.server, "<notification from=\"s.whatsapp.net\" id=\"n1\" "
								  "type=\"companion_reg_refresh\"/>");
	fake_host_pump(&host);
	assert_string_equal(host.reason, "no_randomness");
	host.env.fail_random = false;
}

static void
bounds_the_guesses(void **state)
{
	(void) state;
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	answer_hello();
	say_primary_hello("n0", "ref-2"); /* of another code: no guess */
	for (int i = 1; i <= 5; i++)
	{
		char id[16];

		snprintf(id, sizeof(id), "n%d", i);
		say_primary_hello(id, "ref-1");
	}
	assert_int_equal(fake_server_count(&host.server, "stage=companion_finish"), 3);
	assert_int_equal(fake_server_count(&host.server, "ack class=notification"), 6);
}

static void
forgets_an_old_code(void **state)
{
	(void) state;
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	answer_hello();
	/* the refs are over at 160 s, but the code lives: no reconnect */
	fake_host_advance(&host, 170 * WA_SECOND);
	assert_int_equal(host.server.connections, 1);
	fake_host_advance(&host, 8 * WA_SECOND);
	say_primary_hello("n1", "ref-1");
	assert_int_equal(fake_server_count(&host.server, "stage=companion_finish"), 1);
	fake_host_advance(&host, 10 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);
}

static void
makes_another_code_when_asked(void **state)
{
	char first[16];

	(void) state;
	assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
	fake_host_pump(&host);
	answer_hello();
	memcpy(first, host.code, sizeof(first));
	fake_server_say(
		&host.server,
		"<notification from=\"s.whatsapp.net\" id=\"r1\" type=\"link_code_companion_reg\">"
		"<link_code_companion_reg stage=\"refresh_code\" "
		"force_manual_refresh=\"true\"/></notification>");
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "stage=companion_hello"), 2);
	answer_hello();
	assert_string_not_equal(host.code, first);
}

static void
survives_failed_allocations_with_a_code(void **state)
{
	bool done = false;

	(void) state;
	for (size_t n = 1; !done; n++)
	{
		client_destroy(host.client);
		host.client = NULL;
		assert_int_equal(host.env.live, 0);
		fake_host_again(&host);
		fake_host_open(&host, NULL);
		start();
		host.env.allocations = 0;
		host.env.fail_at = n;
		assert_int_equal(client_pair_code(host.client, "4915100000001", host.now), WA_OK);
		fake_host_pump(&host);
		host.code[0] = '\0';
		if (host.wired)
			answer_hello();
		if (host.code[0] != '\0' && host.wired)
			say_primary_hello("n1", "ref-1");
		done = host.env.allocations < n;
		host.env.fail_at = 0;
		/* either it went through, or it is told that memory was out, and linking goes on */
		if (fake_server_count(&host.server, "companion_finish") == 0)
			assert_int_equal(fake_host_count(&host, "reason=out_of_memory"), 1);
		fake_host_advance(&host, 3 * WA_SECOND);
		assert_int_equal(host.status, BOT_QR);
	}
	assert_int_equal(fake_server_count(&host.server, "companion_finish"), 1);
}

/* ---- logging out and linking again ---- */

static void
links_again_with_new_keys(void **state)
{
	WaDevice first;

	(void) state;
	fake_host_link(&host);
	assert_int_equal(host.status, BOT_ONLINE);
	first = host.device;
	assert_int_equal(client_logout(host.client, host.now), WA_OK);
	fake_host_pump(&host);
	assert_int_equal(
		fake_server_count(&host.server,
						  "<remove-companion-device jid=4915100000001:3@s.whatsapp.net "
						  "reason=user_initiated"),
		1);
	assert_int_equal(host.status, BOT_LOGGED_OUT);
	assert_string_equal(host.reason, "logout");
	assert_false(host.wired);
	fake_host_advance(&host, 3600 * WA_SECOND);
	assert_int_equal(host.server.connections, 2);

	for (int i = 0; i < 3; i++)
	{
		host.server.prekeys = 0;
		fake_host_link(&host);
		assert_int_equal(host.status, BOT_ONLINE);
		assert_memory_not_equal(host.device.identity.public_key, first.identity.public_key, 32);
		assert_memory_not_equal(host.device.noise.public_key, first.noise.public_key, 32);
		assert_memory_not_equal(host.device.adv_secret, first.adv_secret, 32);
		first = host.device;
		fake_server_say(
			&host.server,
			"<stream:error code=\"401\"><conflict type=\"device_removed\"/></stream:error>");
		fake_host_pump(&host);
		assert_int_equal(host.status, BOT_LOGGED_OUT);
		assert_string_equal(host.reason, "device_removed");
	}
}

static void
logs_out_from_offline(void **state)
{
	(void) state;
	fake_host_link(&host);
	client_stop(host.client, host.now);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_OFFLINE);
	assert_false(host.wired);
	assert_int_equal(client_logout(host.client, host.now), WA_OK);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "remove-companion-device"), 1);
	assert_int_equal(host.status, BOT_LOGGED_OUT);
	assert_false(host.wired);
}

static void
calls_a_logout_off(void **state)
{
	(void) state;
	fake_host_link(&host);
	client_stop(host.client, host.now);
	fake_host_pump(&host);
	/* the server refuses the login for now, so the logout cannot be told yet */
	host.server.refusal = "<failure reason=\"503\"/>";
	assert_int_equal(client_logout(host.client, host.now), WA_OK);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_CONNECTING);
	host.server.refusal = NULL;
	start();
	assert_int_equal(host.status, BOT_ONLINE);
	assert_int_equal(fake_server_count(&host.server, "remove-companion-device"), 0);
}

static void
logs_out_without_the_server(void **state)
{
	static const char *const refusals[] = {"<failure reason=\"411\"/>", "<failure reason=\"406\"/>",
										   "<failure reason=\"403\"/>"};

	(void) state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
	{
		fake_host_link(&host);
		client_stop(host.client, host.now);
		fake_host_pump(&host);
		/* it refuses the login for good: nobody is there to be told */
		host.server.refusal = refusals[i];
		assert_int_equal(client_logout(host.client, host.now), WA_OK);
		fake_host_pump(&host);
		assert_int_equal(host.status, BOT_LOGGED_OUT);
		assert_string_equal(host.reason, "logout");
		assert_true(client_deadline(host.client) == WA_NEVER);
		host.server.refusal = NULL;
	}
}

static void
logs_out_what_was_never_linked(void **state)
{
	(void) state;
	start();
	assert_int_equal(client_logout(host.client, host.now), WA_OK);
	fake_host_pump(&host);
	assert_int_equal(host.status, BOT_LOGGED_OUT);
	assert_false(host.wired);
	assert_true(client_deadline(host.client) == WA_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_by_qr, setup, teardown),
		cmocka_unit_test_setup_teardown(shows_codes_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(shows_codes_to_who_asks_again, setup, teardown),
		cmocka_unit_test_setup_teardown(stores_before_it_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_in_without_being_told, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_in_after_a_plain_close, setup, teardown),
		cmocka_unit_test_setup_teardown(gets_new_codes_after_a_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(rotates_the_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_phone_that_proves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_a_phone_without_multidevice, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_a_passkey, setup, teardown),
		cmocka_unit_test_setup_teardown(links_by_code, setup, teardown),
		cmocka_unit_test_setup_teardown(checks_phones, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_a_refused_code, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_a_refused_finish, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_a_late_code_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_linking_while_nobody_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(needs_randomness_for_new_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_the_guesses, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_an_old_code, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_another_code_when_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_failed_allocations_with_a_code, setup, teardown),
		cmocka_unit_test_setup_teardown(links_again_with_new_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_out_from_offline, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_a_logout_off, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_out_without_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_out_what_was_never_linked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
