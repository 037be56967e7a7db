/*
 * test_client_appstate.c
 *		App state of a client: what it fetches and when, what it tells, and that
 *		no failure of it lasts, loops, or costs the connection.
 */
#include "check.h"

#include "app_service.h"
#include "client_internal.h"

#include "../vectors/appstate_vectors.h"

#define DAY (86400 * WA_SECOND)

static FakeHost host;
static AppService service;

static int
setup(void **state)
{
	(void) state;
	fake_host_init(&host);
	host.config.keepalive_us = host.config.deaf_after_us = 3600 * WA_SECOND; /* days pass here */
	app_service_init(&service);
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
serve(void)
{
	app_service_serve(&service, &host);
}

static void
live(int64_t us)
{
	app_service_live(&service, &host, us);
}

static int
questions(const char *name)
{
	return app_service_questions(&host, name);
}

static void
forget_log(void)
{
	fake_host_clear(&host);
	service.answered = 0;
}

/* ---- what the tables have ---- */

static void
put_key(const char *id, const char *key)
{
	uint8_t data[33] = {1};
	WaRecord record = {.kind = RECORD_APP_KEY, .name = str_from(id), .data = data, .len = 33};

	test_hex(key, data + 1, 32);
	fake_host_put(&host, &record);
}

static void
put_keys(void)
{
	put_key(APPSTATE_KEY_ID, APPSTATE_KEY);
	put_key(APPSTATE_KEY2_ID, APPSTATE_KEY2);
}

static void
go_online(void)
{
	WaDevice device;

	assert_int_equal(fake_host_linked_device(&host, &device), WA_OK);
	fake_host_start(&host, &device);
	serve();
	fake_host_advance(&host, 3 * WA_SECOND);
	serve();
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
come_back(void)
{
	forget_log();
	fake_host_advance(&host, 20 * WA_SECOND);
	serve();
	fake_host_advance(&host, 3 * WA_SECOND);
	serve();
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
notify(const char *name)
{
	fake_server_say(&host.server,
					"<notification from=\"s.whatsapp.net\" type=\"server_sync\" id=\"sync1\" "
					"t=\"1795456399\"><collection name=\"%s\" version=\"9\"/></notification>",
					name);
}

static int
told(const char *text)
{
	return fake_host_count(&host, text);
}

static void
check_first_four(void)
{
	assert_int_equal(told("app 0 222@lid 4915100000002@s.whatsapp.net Ada Lovelace on=0"), 1);
	assert_int_equal(
		told("app 0 333@lid 4915100000003@s.whatsapp.net Grace \"Amazing\" Hopper on=0"), 1);
	assert_int_equal(told("app 0 222@lid 4915100000002@s.whatsapp.net Ada King on=0"), 1);
	assert_int_equal(told("app 0 333@lid on=0"), 1);
	assert_int_equal(told("alias app_state 222@lid 4915100000002@s.whatsapp.net"), 1);
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, NULL), 2);
}

/* ---- the usual ---- */

static void
nothing_is_asked_without_keys(void **state)
{
	(void) state;
	go_online();
	live(3600 * WA_SECOND);
	assert_int_equal(service.answered, 0);
	notify(APP_CONTACTS);
	live(3600 * WA_SECOND);
	assert_int_equal(service.answered, 0);
	assert_int_equal(fake_server_count(&host.server, "ack"), 1);
}

static void
fetches_all_of_it_once(void **state)
{
	(void) state;
	put_keys();
	go_online();
	assert_int_equal(service.answered, 5);
	check_first_four();
	assert_int_equal(fake_host_records(&host, RECORD_APP_COLLECTION, NULL), 5);

	/* after a restart, and a cut, there is nothing to ask */
	fake_host_crash(&host);
	come_back();
	fake_host_cut(&host);
	come_back();
	live(DAY);
	assert_int_equal(service.answered, 0);
	assert_int_equal(client_memory(host.client) < 16384, 1);
}

static void
fetches_what_is_new_when_told(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	service.version = 5;
	notify(APP_CONTACTS);
	notify("something_new");
	serve();
	assert_int_equal(service.answered, 1);
	assert_int_equal(fake_server_count(&host.server, "name=" APP_CONTACTS " version=4"), 1);
	assert_int_equal(told("app 0 555@lid Only LID"), 1);
	assert_int_equal(told("app 0"), 5);
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, NULL), 3);
	assert_int_equal(fake_server_count(&host.server, "ack"), 2);

	/* the mark is gone: a restart asks nothing */
	fake_host_crash(&host);
	come_back();
	assert_int_equal(service.answered, 0);
}

/* What was announced is fetched, however the process ends in between. */
static void
acknowledges_when_it_is_noted(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	service.version = 5;
	host.hold = true;
	notify(APP_CONTACTS);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "ack"), 0);
	assert_int_equal(questions(APP_CONTACTS), 0);
	fake_host_store(&host);
	fake_host_pump(&host);
	assert_int_equal(fake_server_count(&host.server, "ack"), 1);
	host.hold = false;
	fake_host_crash(&host);
	come_back();
	assert_int_equal(service.answered, 1);
	assert_int_equal(told("app 0 555@lid Only LID"), 1);
}

static void
goes_through_pages(void **state)
{
	(void) state;
	put_keys();
	service.page = 1;
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 4);
	check_first_four();
}

static void
keys_start_it(void **state)
{
	uint8_t bytes[2][32];
	uint8_t ids[2][APPSTATE_MAX_KEY_ID];
	WaAppStateKey keys[3] = {{.id = str_from("nothing in it")}};

	(void) state;
	keys[1].id = (WaStr){(char *) ids[0], test_hex(APPSTATE_KEY_ID, ids[0], sizeof(ids[0]))};
	keys[1].data = (WaStr){(char *) bytes[0], test_hex(APPSTATE_KEY, bytes[0], 32)};
	keys[2].id = (WaStr){(char *) ids[1], test_hex(APPSTATE_KEY2_ID, ids[1], sizeof(ids[1]))};
	keys[2].data = (WaStr){(char *) bytes[1], test_hex(APPSTATE_KEY2, bytes[1], 32)};
	go_online();
	host.hold = true;
	client_appstate_keys(host.client, keys, 3);
	fake_host_pump(&host);
	assert_int_equal(questions(APP_CONTACTS), 0); /* not before they are stored */
	host.hold = false;
	serve();
	assert_int_equal(service.answered, 5);
	check_first_four();
	assert_int_equal(fake_host_records(&host, RECORD_APP_KEY, NULL), 2);
}

static void
starts_from_a_snapshot(void **state)
{
	(void) state;
	put_keys();
	service.snapshot = APPSTATE_SNAPSHOT_BYTES;
	service.snapshot_version = service.version = 7;
	go_online();
	assert_int_equal(told("blob /v/t62/snap"), 1);
	assert_int_equal(told("app 0"), 3);
	assert_int_equal(told("Mary Kenneth Keller"), 1);
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 3);

	forget_log();
	service.patches[7] = APPSTATE_AFTER_SNAPSHOT_PATCH;
	service.version = 8;
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(service.answered, 1);
	assert_int_equal(told("Admiral Hopper"), 1);
	assert_int_equal(told("blob"), 0);
}

/* A snapshot and what came after it, in one answer. */
static void
snapshot_and_patches_at_once(void **state)
{
	(void) state;
	put_keys();
	service.snapshot = APPSTATE_SNAPSHOT_BYTES;
	service.snapshot_version = 7;
	service.patches[7] = APPSTATE_AFTER_SNAPSHOT_PATCH;
	service.version = 8;
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 1);
	assert_int_equal(told("Mary Kenneth Keller"), 1);
	assert_int_equal(told("Admiral Hopper"), 1);
}

static void
downloads_a_large_patch(void **state)
{
	(void) state;
	put_keys();
	service.patches[4] = APPSTATE_EXTERNAL_PATCH;
	service.external = APPSTATE_EXTERNAL_BLOB;
	service.version = 5;
	go_online();
	assert_int_equal(told("blob /v/t62/app"), 1);
	assert_int_equal(told("app 0 555@lid Only LID"), 1);
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 3);
}

/* More than one unit, and more than is asked for by name. */
static void
a_large_address_book(void **state)
{
	size_t peak;

	(void) state;
	put_keys();
	app_service_fill(&service, &host, 1500);
	go_online();
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 1500);
	assert_int_equal(told("app 0"), 1500);
	assert_int_equal(told("records 257"), 1500 / 256);
	peak = host.env.peak_bytes;
	assert_true(peak < 2 << 20);

	forget_log();
	service.version = 2;
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(service.answered, 1);
	assert_int_equal(told(" B"), 1500);
	assert_int_equal(told("records 1501"), 1);

	/* all of them are known by their new MACs: nothing starts anew */
	forget_log();
	fake_host_crash(&host);
	come_back();
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(fake_server_count(&host.server, "version=2"), 1);
}

/* ---- failures ---- */

static void
a_wrong_mac_starts_the_collection_anew_once(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	service.version = 5;
	service.spoil = 40; /* in a record's index MAC or value */
	notify(APP_CONTACTS);
	serve();
	/* the difference was wrong; all of it is right */
	assert_int_equal(service.answered, 2);
	assert_int_equal(told("Only LID"), 1);
	assert_int_equal(told("Ada Lovelace"), 1);
	assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 3);

	/* and after that everything is as ever: the next difference is one */
	forget_log();
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(service.answered, 1);
	assert_int_equal(fake_server_count(&host.server, "version=5"), 1);
}

static void
what_stays_wrong_is_tried_once_a_day(void **state)
{
	(void) state;
	put_keys();
	service.patches[2] = APPSTATE_CONTACTS_PATCH_2; /* no third version fits */
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 2);
	assert_int_equal(service.answered, 6);
	forget_log();
	live(DAY - 3600 * WA_SECOND);
	assert_int_equal(service.answered, 0);
	/* a restart does not make it forget */
	fake_host_crash(&host);
	come_back();
	live(3 * DAY);
	assert_true(service.answered >= 2 && service.answered <= 3);
	service.patches[2] = APPSTATE_CONTACTS_PATCH_3;
	forget_log();
	live(2 * DAY);
	assert_int_equal(service.answered, 1);
	assert_int_equal(told("Ada King"), 1);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
a_missing_key_blocks_only_its_collection(void **state)
{
	uint8_t bytes[32];
	uint8_t id[APPSTATE_MAX_KEY_ID];
	WaAppStateKey key = {0};

	(void) state;
	put_key(APPSTATE_KEY_ID, APPSTATE_KEY);
	go_online();
	/* the third patch is under the other key */
	assert_int_equal(service.answered, 5);
	assert_int_equal(told("Ada Lovelace"), 1);
	assert_int_equal(told("Ada King"), 0);
	forget_log();
	live(DAY / 2);
	assert_int_equal(service.answered, 0);

	key.id = (WaStr){(char *) id, test_hex(APPSTATE_KEY2_ID, id, sizeof(id))};
	key.data = (WaStr){(char *) bytes, test_hex(APPSTATE_KEY2, bytes, 32)};
	client_appstate_keys(host.client, &key, 1);
	serve();
	assert_int_equal(service.answered, 1);
	assert_int_equal(told("Ada King"), 1);
	assert_int_equal(told("app 0 333@lid on=0"), 1);
	forget_log();
	fake_host_crash(&host);
	come_back();
	assert_int_equal(service.answered, 0);
}

static void
errors_are_asked_again_later_and_later(void **state)
{
	(void) state;
	put_keys();
	service.error = 503;
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 1);
	forget_log();
	live(DAY);
	assert_int_equal(service.answered, 6); /* after 1, 4, 16 ... minutes */
	forget_log();
	live(10 * DAY);
	assert_int_equal(service.answered, 10);
	assert_int_equal(host.status, BOT_ONLINE);
	service.error = 0;
	live(2 * DAY);
	check_first_four();
}

static void
a_refused_version_starts_anew(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	service.error = 404;
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(service.answered, 2); /* the difference, then all of it */
	live(DAY / 2);
	assert_int_equal(service.answered, 2);
}

static void
an_answer_that_ends_too_early(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	service.version = 5;
	service.loses_last = true;
	notify(APP_CONTACTS);
	serve();
	assert_int_equal(told("Only LID"), 0);
	live(70 * WA_SECOND);
	assert_int_equal(service.answered, 2);
	assert_int_equal(fake_server_count(&host.server, "version=4"), 2);
	assert_int_equal(told("Only LID"), 1);
}

static void
an_answer_that_never_ends(void **state)
{
	(void) state;
	put_keys();
	service.answers_nothing = true;
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 1);
	live(DAY);
	assert_int_equal(questions(APP_CONTACTS), 7);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
a_server_that_is_silent(void **state)
{
	(void) state;
	put_keys();
	go_online();
	forget_log();
	notify(APP_CONTACTS);
	fake_host_pump(&host);
	assert_int_equal(questions(APP_CONTACTS), 1);
	service.answered = 1; /* nobody answers this one */
	fake_host_advance(&host, 100 * WA_SECOND);
	assert_int_equal(questions(APP_CONTACTS), 1);
	fake_host_advance(&host, 60 * WA_SECOND);
	serve();
	assert_int_equal(questions(APP_CONTACTS), 2);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
blobs_that_do_not_come(void **state)
{
	(void) state;
	put_keys();
	service.snapshot = APPSTATE_SNAPSHOT_BYTES;
	service.snapshot_version = service.version = 7;
	service.no_blobs = true; /* gone */
	go_online();
	assert_int_equal(questions(APP_CONTACTS), 2);
	live(DAY / 2);
	assert_int_equal(questions(APP_CONTACTS), 2);
	service.no_blobs = false;
	service.lost_blobs = true; /* the host never answers */
	forget_log();
	live(2 * DAY);
	assert_true(questions(APP_CONTACTS) >= 1);
	assert_int_equal(told("app 0"), 0);
	service.lost_blobs = false;
	host.blob_id = 0;
	live(2 * DAY);
	assert_int_equal(told("app 0"), 3);
	assert_int_equal(host.status, BOT_ONLINE);
}

static void
blobs_that_are_wrong(void **state)
{
	(void) state;
	put_keys();
	service.snapshot = APPSTATE_EXTERNAL_BLOB; /* another thing */
	service.snapshot_version = service.version = 7;
	go_online();
	live(DAY / 2);
	assert_int_equal(questions(APP_CONTACTS), 2);
	assert_int_equal(told("app 0"), 0);
	service.snapshot = APPSTATE_SNAPSHOT_BYTES;
	live(DAY);
	assert_int_equal(told("app 0"), 3);
}

/* ---- endings ---- */

/* The process dies after so many steps; all is there in the end, and told at least once. */
static void
dies_anywhere(void **state)
{
	bool ended = false;

	(void) state;
	for (int steps = 1; !ended; steps++)
	{
		WaDevice device;

		fake_host_free(&host);
		setup(NULL);
		put_keys();
		service.snapshot = APPSTATE_SNAPSHOT_BYTES;
		service.snapshot_version = 7;
		service.patches[7] = APPSTATE_AFTER_SNAPSHOT_PATCH;
		service.version = 8;
		assert_int_equal(fake_host_linked_device(&host, &device), WA_OK);
		fake_host_start(&host, &device);
		fake_host_advance(&host, WA_SECOND);
		ended = true;
		for (int i = 0; i < steps; i++)
		{
			fake_host_steps(&host, 1);
			(void) app_service_step(&service, &host);
			ended = fake_host_records(&host, RECORD_APP_COLLECTION, NULL) == 5;
		}
		host.blob_id = 0;
		host.hold = steps % 2 == 0; /* what was told last is stored, or not */
		fake_host_steps(&host, 1);
		host.hold = false;
		fake_host_crash(&host);
		service.answered = fake_server_count(&host.server, "<<collection name=");
		fake_host_advance(&host, 20 * WA_SECOND);
		serve();
		fake_host_advance(&host, 3 * WA_SECOND);
		serve();
		assert_int_equal(host.status, BOT_ONLINE);
		assert_int_equal(fake_host_records(&host, RECORD_APP_COLLECTION, NULL), 5);
		assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 4);
		assert_true(told("Mary Kenneth Keller") >= 1);
		assert_true(told("Admiral Hopper") >= 1);
		assert_true(fake_host_sound(&host));
	}
}

static void
memory_runs_out(void **state)
{
	size_t most = 0;

	(void) state;
	for (size_t n = 0; n == 0 || n <= most; n++)
	{
		WaDevice device;
		size_t before;

		fake_host_free(&host);
		assert_int_equal(host.env.live, 0);
		setup(NULL);
		put_keys();
		service.patches[4] = APPSTATE_EXTERNAL_PATCH;
		service.external = APPSTATE_EXTERNAL_BLOB;
		service.version = 5;
		assert_int_equal(fake_host_linked_device(&host, &device), WA_OK);
		fake_host_start(&host, &device);
		before = host.env.allocations;
		host.env.fail_at = n == 0 ? 0 : before + n;
		for (int tries = 0; tries < 4; tries++)
		{
			if (client_status(host.client) == BOT_ERROR)
				client_start(host.client, host.now);
			fake_host_advance(&host, 20 * WA_SECOND);
			serve();
			fake_host_advance(&host, 100 * WA_SECOND);
		}
		live(3600 * WA_SECOND);
		if (n == 0)
			most = host.env.allocations - before;
		assert_int_equal(host.status, BOT_ONLINE);
		assert_true(told("Only LID") >= 1);
		assert_int_equal(fake_host_records(&host, RECORD_APP_COLLECTION, NULL), 5);
		assert_int_equal(fake_host_records(&host, RECORD_APP_VALUE, APP_CONTACTS), 3);
	}
	assert_true(most > 100);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_asked_without_keys),
		TEST(fetches_all_of_it_once),
		TEST(fetches_what_is_new_when_told),
		TEST(acknowledges_when_it_is_noted),
		TEST(goes_through_pages),
		TEST(keys_start_it),
		TEST(starts_from_a_snapshot),
		TEST(snapshot_and_patches_at_once),
		TEST(downloads_a_large_patch),
		TEST(a_large_address_book),
		TEST(a_wrong_mac_starts_the_collection_anew_once),
		TEST(what_stays_wrong_is_tried_once_a_day),
		TEST(a_missing_key_blocks_only_its_collection),
		TEST(errors_are_asked_again_later_and_later),
		TEST(a_refused_version_starts_anew),
		TEST(an_answer_that_ends_too_early),
		TEST(an_answer_that_never_ends),
		TEST(a_server_that_is_silent),
		TEST(blobs_that_do_not_come),
		TEST(blobs_that_are_wrong),
		TEST(dies_anywhere),
		TEST(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
