/*
 * test_sim_group.c
 *		The simulator's groups and offline queues: who may do what, what the
 *		roster's version does, and what waits for a device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/protocol/group.h"
#include "../../src/simulator/sim.h"
#include "check.h"

/* People: 0 founds, 1 and 2 are members, 3 is a stranger; 1 and 3 have a device. */
static SimAccount *people[4];
static SimDevice *devices[4];
static SimGroup *group;

static int
setup(void **state)
{
	static int run;

	(void) state;
	sim.env = env_default();
	sim.options = (SimOptions){.added_add = true, .added_create = true};
	run++;
	for (int i = 0; i < 4; i++)
	{
		char number[32];

		snprintf(number, sizeof(number), "4915%04d00%d", run, i);
		people[i] = sim_account_get(number);
		assert_non_null(people[i]);
		devices[i] = i == 1 || i == 3 ? sim_account_add_device(people[i]) : NULL;
	}
	group = sim_group_create(people[0], "Test", &people[1], 2, true, NULL);
	return 0;
}

/* What waits last in the device's queue, decoded into arena. */
static WaNode *
last_stanza(WaArena *arena, const SimDevice *device)
{
	WaNode *node;

	assert_non_null(device->queue.tail);
	assert_int_equal(node_decode(arena, device->queue.tail->stanza->bytes,
								 device->queue.tail->stanza->len, &node),
					 WA_OK);
	return node;
}

static void
rights_are_checked(void **state)
{
	SimSettings set = SIM_SETTINGS_NONE;
	int errors[2];

	(void) state;
	assert_int_equal(sim_group_add(group, people[1], &people[3], 1, SIM_ADD_BY_ADMIN, errors), 401);
	assert_int_equal(sim_group_add(group, people[3], &people[3], 1, SIM_ADD_BY_ADMIN, errors), 403);
	assert_int_equal(sim_group_remove(group, people[1], &people[2], 1, errors), 401);
	assert_int_equal(sim_group_set_role(group, people[1], &people[1], 1, true, errors), 401);
	assert_int_equal(sim_group_settings(group, people[1], &set), 401);
	assert_int_equal(sim_group_subject(group, people[3], str_from("x")), 403);
	assert_int_equal(group->version, SIM_FIRST_VERSION);

	/* the founder cannot be thrown out or lose his role */
	assert_int_equal(sim_group_set_role(group, people[0], &people[1], 1, true, errors), 0);
	assert_int_equal(sim_group_remove(group, people[1], &people[0], 1, errors), 0);
	assert_int_equal(errors[0], 405);
	assert_int_equal(sim_group_set_role(group, people[1], &people[0], 1, false, errors), 0);
	assert_int_equal(errors[0], 405);
	assert_int_equal(group->version, SIM_FIRST_VERSION + 1);

	/* everybody may add once the group says so */
	set.members_add = 1;
	assert_int_equal(sim_group_settings(group, people[0], &set), 0);
	assert_int_equal(sim_group_add(group, people[2], &people[3], 1, SIM_ADD_BY_ADMIN, errors), 0);
	assert_int_equal(errors[0], 0);
}

static void
repeated_targets_count_once(void **state)
{
	SimAccount *twice[2] = {people[3], people[3]};
	int errors[2];
	int events = group->n_events;

	(void) state;
	assert_int_equal(sim_group_add(group, people[0], twice, 2, SIM_ADD_BY_ADMIN, errors), 0);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], 409);
	assert_int_equal(group->n_members, 4);
	assert_int_equal(group->n_events, events + 1);
	assert_int_equal(sim_group_remove(group, people[0], twice, 2, errors), 0);
	assert_int_equal(errors[1], 404);
	assert_int_equal(group->n_members, 3);
	assert_int_equal(people[3]->n_groups, 0);
}

static void
versions_are_a_chain(void **state)
{
	WaArena arena;
	WaGroupChange *change;
	int count;
	bool asked;

	(void) state;
	arena_init(&arena, sim.env, 1 << 20);
	for (int i = 0; i < 3; i++)
	{
		int64_t before = group->version;

		assert_int_equal(sim_group_join(group, people[3], true, &asked), 0);
		assert_false(asked);
		change = group_parse_changes(last_stanza(&arena, devices[1]), &count);
		assert_int_equal(count, 1);
		assert_true(str_is(change->kind, "add"));
		assert_true(str_is(change->reason, "invite"));
		assert_int_equal(change->version_before, before);
		assert_int_equal(change->version_after, before + 1);
		assert_int_equal(change->n_targets, 1);
		assert_true(str_equal(change->actor.lid, change->targets->who.lid));
		assert_int_equal(sim_group_leave(group, people[3]), 0);
		change = group_parse_changes(last_stanza(&arena, devices[1]), &count);
		assert_true(str_is(change->kind, "remove"));
		assert_int_equal(change->version_before, before + 1);
		assert_int_equal(change->version_after, before + 2);
	}
	/* who went heard it as the last thing */
	change = group_parse_changes(last_stanza(&arena, devices[3]), &count);
	assert_true(str_is(change->kind, "remove"));
	arena_free(&arena);
}

static void
settings_are_one_notification(void **state)
{
	SimSettings set = {.announce = 1,
					   .locked = 1,
					   .approval = 1,
					   .members_add = -1,
					   .members_link = -1,
					   .ephemeral = 86400};
	WaArena arena;
	int count;
	int waiting = devices[1]->queue.count;

	(void) state;
	arena_init(&arena, sim.env, 1 << 20);
	assert_int_equal(sim_group_settings(group, people[0], &set), 0);
	assert_int_equal(devices[1]->queue.count, waiting + 1);
	(void) group_parse_changes(last_stanza(&arena, devices[1]), &count);
	assert_int_equal(count, 4);
	/* the same again changes nothing and says nothing */
	assert_int_equal(sim_group_settings(group, people[0], &set), 0);
	assert_int_equal(devices[1]->queue.count, waiting + 1);
	arena_free(&arena);
}

static void
requests_go_through_approval(void **state)
{
	SimSettings set = SIM_SETTINGS_NONE;
	bool asked;
	int errors[1];

	(void) state;
	set.approval = 1;
	assert_int_equal(sim_group_settings(group, people[0], &set), 0);
	assert_int_equal(sim_group_join(group, people[3], true, &asked), 0);
	assert_true(asked);
	assert_null(sim_group_member(group, people[3]));
	assert_int_equal(sim_group_ask(group, people[3], "invite_link"), 409);
	assert_int_equal(sim_group_decide(group, people[1], &people[3], 1, true, errors), 401);
	assert_int_equal(sim_group_decide(group, people[0], &people[3], 1, false, errors), 0);
	assert_int_equal(group->n_requests, 0);
	assert_int_equal(sim_group_join(group, people[3], true, &asked), 0);
	assert_int_equal(sim_group_decide(group, people[0], &people[3], 1, true, errors), 0);
	assert_non_null(sim_group_member(group, people[3]));
	assert_int_equal(group->n_requests, 0);
	assert_string_equal(group->events[group->n_events - 1].kind, "approved");
	assert_ptr_equal(group->events[group->n_events - 1].actor, people[0]);
}

static void
somebody_is_always_admin(void **state)
{
	(void) state;
	assert_int_equal(sim_group_leave(group, people[0]), 0);
	assert_true(sim_group_is_admin(group, people[1]) || sim_group_is_admin(group, people[2]));
	assert_null(group->events[group->n_events - 1].actor);
	assert_int_equal(sim_group_leave(group, people[1]), 0);
	assert_int_equal(sim_group_leave(group, people[2]), 0);
	assert_int_equal(group->n_members, 0);
}

static void
a_community_takes_members_along(void **state)
{
	SimGroup *announcements;
	SimGroup *parent = sim_community_create(people[0], "Town", true, &announcements);
	bool asked;

	(void) state;
	assert_int_equal(sim_community_link(parent, group, people[1]), 401);
	assert_int_equal(sim_community_link(parent, group, people[0]), 0);
	assert_int_equal(sim_community_link(parent, group, people[0]), 409);
	assert_int_equal(parent->n_members, 3);
	assert_int_equal(announcements->n_members, 3);
	/* through the community comes only who is in it */
	assert_int_equal(sim_group_join(group, people[3], false, &asked), 403);
	assert_int_equal(sim_community_unlink(parent, group, people[0]), 0);
	assert_null(group->parent);
}

/* ---- the queue ---- */

static void
stanzas_wait_until_acknowledged(void **state)
{
	SimDevice *device = devices[1];
	int waiting = device->queue.count;
	WaStr tag = str_from("notification");
	char from[64];
	char ids[3][64];

	(void) state;
	snprintf(from, sizeof(from), "%s@g.us", group->id);
	for (int i = 0; i < 3; i++)
	{
		assert_int_equal(sim_group_subject(group, people[0], str_from("again")), 0);
		memcpy(ids[i], device->queue.tail->stanza->id, sizeof(ids[i]));
	}
	assert_int_equal(device->queue.count, waiting + 3);
	/* nobody acknowledges what was never delivered */
	assert_false(sim_queue_acked(device, tag, str_from(ids[1]), str_from(from)));
	for (SimEntry *entry = device->queue.head; entry != NULL; entry = entry->next)
		entry->deliveries++;
	/* class, id and sender have to fit */
	assert_false(sim_queue_acked(device, str_from("message"), str_from(ids[1]), str_from(from)));
	assert_false(sim_queue_acked(device, tag, str_from(ids[1]), str_from("1@g.us")));
	assert_false(sim_queue_acked(device, tag, str_from("no id"), str_from(from)));
	assert_true(sim_queue_acked(device, tag, str_from(ids[1]), str_from(from)));
	assert_false(sim_queue_acked(device, tag, str_from(ids[1]), str_from(from)));
	assert_true(sim_queue_acked(device, tag, str_from(ids[2]), str_from(from)));
	assert_string_equal(device->queue.tail->stanza->id, ids[0]);
	assert_int_equal(device->queue.count, waiting + 1);
	assert_ptr_equal(device->queue.unsent, device->queue.head);
	sim_queue_clear(device);
	assert_int_equal(device->queue.count, 0);
	assert_null(device->queue.tail);
	assert_null(device->queue.unsent);
}

static void
one_stanza_serves_all(void **state)
{
	SimDevice *second = sim_account_add_device(people[1]);

	(void) state;
	assert_int_equal(sim_group_subject(group, people[0], str_from("shared")), 0);
	assert_ptr_equal(second->queue.tail->stanza, devices[1]->queue.tail->stanza);
	sim.options.ids_per_device = true;
	assert_int_equal(sim_group_subject(group, people[0], str_from("apart")), 0);
	assert_string_not_equal(second->queue.tail->stanza->id, devices[1]->queue.tail->stanza->id);
	/* a removed device gets nothing any more */
	sim_account_remove_device(second, false);
	assert_int_equal(second->queue.count, 0);
	assert_int_equal(sim_group_subject(group, people[0], str_from("without it")), 0);
	assert_int_equal(second->queue.count, 0);
	assert_null(sim_account_device(people[1], second->id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rights_are_checked, setup),
		cmocka_unit_test_setup(repeated_targets_count_once, setup),
		cmocka_unit_test_setup(versions_are_a_chain, setup),
		cmocka_unit_test_setup(settings_are_one_notification, setup),
		cmocka_unit_test_setup(requests_go_through_approval, setup),
		cmocka_unit_test_setup(somebody_is_always_admin, setup),
		cmocka_unit_test_setup(a_community_takes_members_along, setup),
		cmocka_unit_test_setup(stanzas_wait_until_acknowledged, setup),
		cmocka_unit_test_setup(one_stanza_serves_all, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
