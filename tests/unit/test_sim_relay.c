/*
 * test_sim_relay.c
 *		Messages of real clients on their way to others: one time for all, and
 *		what is sent again goes to one device only, under its old time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/simulator/sim_message.h"
#include "check.h"

/* 0 writes; 1 has two devices, 2 has one; all have phones. */
static SimAccount *people[3];
static SimDevice *devices[4];
static SimGroup *group;
static SimConn conn; /* of the writer: what is sent to it goes nowhere */
static WaArena arena;

static int
setup(void **state)
{
	static const int owners[] = {0, 1, 1, 2};
	static int run;

	(void) state;
	sim.env = env_default();
	run++;
	for (int i = 0; i < 3; i++)
	{
		char number[32];

		snprintf(number, sizeof(number), "4918%04d00%d", run, i);
		people[i] = sim_account_get(number);
	}
	for (int i = 0; i < 4; i++)
		devices[i] = sim_account_add_device(people[owners[i]]);
	group = sim_group_create(people[0], "Test", &people[1], 2, true, NULL);
	for (int i = 0; i < 4; i++)
		sim_queue_clear(devices[i]);
	conn = (SimConn){.state = SIM_CONN_CLOSING, .device = devices[0]};
	arena_init(&arena, sim.env, 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	for (int i = 0; i < 4; i++)
		sim_account_remove_device(devices[i], false);
	arena_free(&arena);
	return 0;
}

static WaNode *
message(WaStr to, const char *id)
{
	WaNode *node = node_new(&arena, "message");

	node_set_jid(node, "to", to);
	node_set(node, "id", id);
	node_set(node, "type", "text");
	return node;
}

static void
add_enc(WaNode *node, const char *type)
{
	WaNode *enc = node_add(node, "enc");

	node_set(enc, "v", "2");
	node_set(enc, "type", type);
	node_set_bytes(enc, "content", 7);
}

static WaStr
group_jid(void)
{
	return sim_notify_group_jid(&arena, group);
}

/* The time in the last stanza of a device's queue. */
static uint64_t
time_of_last(const SimDevice *device)
{
	WaNode *node;
	uint64_t t;

	assert_non_null(device->queue.tail);
	assert_int_equal(node_decode(&arena, device->queue.tail->stanza->bytes,
								 device->queue.tail->stanza->len, &node),
					 WA_OK);
	assert_true(node_attr_u64(node, "t", &t));
	return t;
}

static void
what_is_sent_again_keeps_its_time(void **state)
{
	WaNode *node = message(group_jid(), "FIRST");
	uint64_t t;

	(void) state;
	add_enc(node, "skmsg");
	sim_relay_message(&conn, node);
	t = time_of_last(devices[1]);
	assert_ptr_equal(devices[1]->queue.tail->stanza, devices[2]->queue.tail->stanza);
	assert_int_equal(time_of_last(devices[3]), t);

	while ((uint64_t) sim_util_now() == t)
		;
	node = message(group_jid(), "FIRST");
	node_set_jid(node, "participant", sim_account_device_jid(&arena, devices[2], true));
	add_enc(node, "msg");
	sim_relay_message(&conn, node);
	assert_int_equal(devices[1]->queue.count, 1);
	assert_int_equal(devices[2]->queue.count, 2);
	assert_int_equal(devices[3]->queue.count, 1);
	assert_int_equal(time_of_last(devices[2]), t);
	/* another message has another time */
	node = message(group_jid(), "SECOND");
	add_enc(node, "skmsg");
	sim_relay_message(&conn, node);
	assert_true(time_of_last(devices[2]) > t);
}

static void
what_is_for_one_phone_goes_to_nobody_else(void **state)
{
	WaNode *node = message(group_jid(), "PHONE");
	json_t *out = json_object();

	(void) state;
	node_set_jid(node, "participant", sim_account_jid(&arena, people[2], true));
	add_enc(node, "msg");
	sim_relay_message(&conn, node);
	for (int i = 1; i < 4; i++)
		assert_int_equal(devices[i]->queue.count, 0);
	/* the phone cannot read it and asks the writer alone */
	assert_int_equal(devices[0]->queue.count, 1);
	assert_string_equal(devices[0]->queue.tail->stanza->tag, "receipt");
	sim_hear_page(people[2], -1, out);
	assert_int_equal(json_integer_value(json_object_get(out, "total")), 1);
	json_decref(out);
}

static void
strangers_are_refused(void **state)
{
	WaNode *node = message(group_jid(), "STRANGER");

	(void) state;
	assert_int_equal(sim_group_leave(group, people[2]), 0);
	for (int i = 0; i < 4; i++)
		sim_queue_clear(devices[i]);
	conn.device = devices[3];
	add_enc(node, "skmsg");
	sim_relay_message(&conn, node);
	for (int i = 0; i < 4; i++)
		assert_int_equal(devices[i]->queue.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_sent_again_keeps_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_for_one_phone_goes_to_nobody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
