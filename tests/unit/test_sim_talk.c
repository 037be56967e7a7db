/*
 * test_sim_talk.c
 *		People who talk: a device that reads everything and asks for what it
 *		could not read has, in the end, exactly what was said.
 */
#include "sim_town.h"

#include <poll.h>
#include <stdlib.h>

#include "../../src/protocol/wire.h"

#define TALK "{\"groups\":[\"%s\"],\"rate\":2000,\"events\":%d,\"seed\":%d,\"size\":%d,%s}"

static json_t *
request(const char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	return object;
}

static void
run_talk(Town *town, int events, int seed, int size, const char *more)
{
	const char *why;
	char text[512];
	json_t *in;
	json_t *out = json_object();
	int64_t until = sim_util_mono_us() + 30 * WA_SECOND;

	if (sim.loop == NULL)
		sim.loop = net_loop_create(0, &why);
	assert_non_null(sim.loop);
	snprintf(text, sizeof(text), TALK, town->chat, events, seed, size, more);
	in = request(text);
	assert_null(sim_talk_start(in, out));
	assert_non_null(sim_talk_start(in, out));
	while (sim_talk_running())
	{
		struct pollfd fd = {net_loop_fd(sim.loop), POLLIN, 0};

		assert_true(sim_util_mono_us() < until);
		(void) poll(&fd, 1, net_loop_timeout_ms(sim.loop));
		net_loop_run(sim.loop);
	}
	sim_talk_stop(out);
	assert_int_equal(json_integer_value(json_object_get(out, "sent")), events);
	assert_int_equal(json_integer_value(json_object_get(out, "refused")), 0);
	json_decref(in);
	json_decref(out);
}

/* Reads what waits; how often each message was read is counted by its place, from start. */
static int
read_all(Town *town, int64_t start, int *read, bool ask)
{
	int asked = 0;
	int waiting = town->device->queue.count;

	while (waiting-- > 0)
	{
		WaNode *node = town_next(town);
		SimSaid *said = sim_said_find(node_attr(node, "id"), NULL);
		WaNode *receipt;

		assert_non_null(said);
		if (town_read(town, node) == SIGNAL_READ)
		{
			WaStr text = sim_said_text(said);
			WaStr got = sim_compose_read(buf_data(&town->bot->plain), buf_len(&town->bot->plain));

			assert_true(str_equal(text, got));
			read[said->place - start]++;
			continue;
		}
		asked++;
		if (!ask)
			continue;
		receipt = node_new(&town->arena, "receipt");
		node_copy_attr(receipt, "id", node, "id");
		node_set_u64(node_add(receipt, "retry"), "count", 1);
		sim_say_retry(town->device, said->from, receipt);
	}
	return asked;
}

static void
everything_said_is_read_once(void **state)
{
	Town *town = *state;
	enum
	{
		EVENTS = 400
	};
	static int read[EVENTS];
	int64_t start = sim_said_count();
	int kinds[3] = {0};
	int speakers[2] = {0};

	run_talk(town, EVENTS, 7, 80, "\"edits\":10,\"reactions\":10,\"damage\":10");
	assert_int_equal(sim_said_count() - start, EVENTS);
	assert_true(read_all(town, start, read, true) > 0);
	assert_int_equal(read_all(town, start, read, false), 0);
	for (int i = 0; i < EVENTS; i++)
	{
		const SimSaid *said = sim_said_at(start + i);
		bool edit = said->envelope == &sim_compose_editing;

		assert_int_equal(read[i], 1);
		kinds[said->envelope == &sim_compose_plain ? 0 : edit ? 1 : 2]++;
		speakers[said->from == town->ann ? 0 : 1]++;
		assert_ptr_not_equal(said->from, town->owner);
		if (edit)
			assert_ptr_equal(sim_said_at(said->target)->from, said->from);
		else if (said->envelope == &sim_compose_plain)
			assert_int_equal(sim_said_text(said).len, 80);
	}
	/* shares are kept roughly, and speakers take turns */
	assert_in_range(kinds[1], 15, 80);
	assert_in_range(kinds[2], 15, 80);
	assert_int_equal(speakers[0], EVENTS / 2);
}

static void
direct_messages_go_to_bots(void **state)
{
	Town *town = *state;
	static int read[100];
	int64_t start = sim_said_count();
	char more[128];
	int direct = 0;

	snprintf(more, sizeof(more), "\"direct\":50,\"direct_bots\":[\"%s\"]", town->owner->number);
	run_talk(town, 100, 3, 40, more);
	assert_int_equal(read_all(town, start, read, false), 0);
	for (int i = 0; i < 100; i++)
	{
		assert_int_equal(read[i], 1);
		direct += sim_said_at(start + i)->group == NULL;
	}
	assert_in_range(direct, 25, 75);
}

static void
a_seed_repeats_what_is_said(void **state)
{
	Town *town = *state;
	int64_t first = sim_said_count();

	run_talk(town, 60, 5, 30, "\"edits\":20,\"reactions\":20");
	run_talk(town, 60, 5, 30, "\"edits\":20,\"reactions\":20");
	for (int64_t i = first; i < first + 60; i++)
	{
		assert_ptr_equal(sim_said_at(i)->envelope, sim_said_at(i + 60)->envelope);
		assert_ptr_equal(sim_said_at(i)->from, sim_said_at(i + 60)->from);
	}
}

static void
who_cannot_talk_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"rate\":5,\"groups\":[]}", "{\"rate\":5,\"groups\":[\"1@g.us\"]}",
		"{\"rate\":0,\"groups\":[]}", "{\"rate\":5,\"edits\":70,\"reactions\":40}",
		"{\"rate\":5,\"size\":0}",
	};
	Town *town = *state;
	json_t *out = json_object();
	SimGroup *group = sim_group_create(town->owner, "alone", NULL, 0, true, NULL);
	char text[128];
	json_t *in;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		in = request(bad[i]);
		assert_non_null(sim_talk_start(in, out));
		json_decref(in);
	}
	/* there is only the bot's owner */
	snprintf(text, sizeof(text), "{\"rate\":5,\"groups\":[\"%s@g.us\"]}", group->id);
	in = request(text);
	assert_non_null(sim_talk_start(in, out));
	json_decref(in);
	json_decref(out);
	assert_false(sim_talk_running());
}

static void
old_messages_become_hashes(void **state)
{
	Town *town = *state;
	enum
	{
		MANY = 20100
	};
	int64_t start = sim_said_count();
	json_t *out = json_object();
	json_t *list;
	json_t *entry;
	uint8_t hash[32];
	char hex[65];

	sim_account_remove_device(town->device, false); /* nobody has to be written to */
	sim.options.said_hashes = true;
	for (int i = 0; i < MANY; i++)
	{
		char text[32];

		snprintf(text, sizeof(text), "number %d", i);
		(void) town_say_group(town, town->ann, text);
	}
	sim_said_page(NULL, NULL, start - 1, MANY, out);
	list = json_object_get(out, "messages");
	assert_int_equal(json_array_size(list), MANY);
	entry = json_array_get(list, 0);
	assert_int_equal(crypto_sha256("number 0", 8, hash), WA_OK);
	sim_util_hex(hash, 32, hex);
	assert_string_equal(json_string_value(json_object_get(entry, "sha256")), hex);
	assert_int_equal(json_integer_value(json_object_get(entry, "bytes")), 8);
	entry = json_array_get(list, MANY - 1);
	assert_string_equal(json_string_value(json_object_get(entry, "text")), "number 20099");
	json_decref(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_said_is_read_once, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(direct_messages_go_to_bots, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(a_seed_repeats_what_is_said, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(who_cannot_talk_is_refused, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(old_messages_become_hashes, town_setup, town_teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	net_loop_destroy(sim.loop);
	return failed;
}
