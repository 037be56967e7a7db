/*
 * test_sim_say.c
 *		What simulated people write, read by the client's Signal layer: two
 *		implementations that know nothing of each other have to agree.
 */
#include "sim_town.h"

#include "../../src/protocol/wire.h"

/* The bot's answer to a stanza that it could not read. */
static void
ask_again(Town *town, SimAccount *from, const SimSaid *said, int count)
{
	WaNode *receipt = node_new(&town->arena, "receipt");
	WaNode *registration;
	char id[64];
	uint32_t number = town->bot->device.registration_id;
	const uint8_t bytes[4] = {(uint8_t) (number >> 24), (uint8_t) (number >> 16),
							  (uint8_t) (number >> 8), (uint8_t) number};

	sim_said_id(said, id);
	node_set(receipt, "id", id);
	node_set(receipt, "type", "retry");
	node_set_u64(node_add(receipt, "retry"), "count", (uint64_t) count);
	registration = node_add(receipt, "registration");
	node_set_bytes(registration, bytes, sizeof(bytes));
	sim_said_receipt(town->device, from, str_from(id), str_from("retry"), 0);
	sim_say_retry(town->device, from, receipt);
}

/* ---- tests ---- */

static void
a_group_message_is_read(void **state)
{
	Town *town = *state;
	SimSaid *said = town_say_group(town, town->ann, "first");
	WaNode *node = town_next(town);
	char expected[64];
	uint64_t t;

	/* the first message brings the sender key, the later ones do not */
	assert_true(str_is(node_attr(node_child(node, "enc"), "type"), "pkmsg"));
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	town_has_text(town, "first");
	assert_true(str_is(node_attr(node, "from"), town->chat));
	snprintf(expected, sizeof(expected), "%s@lid", town->ann->lid);
	assert_true(str_is(node_attr(node, "participant"), expected));
	snprintf(expected, sizeof(expected), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(node_attr(node, "participant_pn"), expected));
	assert_true(str_is(node_attr(node, "addressing_mode"), "lid"));
	assert_true(str_is(node_attr(node, "type"), "text"));
	assert_true(str_is(node_attr(node, "notify"), town->ann->name));
	assert_true(node_attr_u64(node, "t", &t));
	assert_int_equal(t, said->at_us / WA_SECOND);

	town_say_group(town, town->ann, "second");
	node = town_next(town);
	assert_true(str_is(node_attr(node_child(node, "enc"), "type"), "skmsg"));
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	town_has_text(town, "second");

	/* somebody else has a key and a session of his own; both prekeys are used up then */
	town_say_group(town, town->ben, "third");
	town_next_says(town, "third");
	town_say_group(town, town->ben, "fourth");
	town_say_group(town, town->ann, "fifth");
	town_next_says(town, "fourth");
	town_next_says(town, "fifth");
	assert_int_equal(sim_keys_left(town->device), 0);
	assert_null(
		tables_find(&town->bot->tables, SIGNAL_PREKEY, NULL, NULL, town->bot->prekeys[0].id));
	assert_int_equal(town->device->queue.count, 0);
}

static void
a_direct_message_is_read(void **state)
{
	Town *town = *state;
	WaNode *node;
	char expected[64];

	town_say_direct(town, town->ann, "hello");
	node = town_next(town);
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	town_has_text(town, "hello");
	snprintf(expected, sizeof(expected), "%s@lid", town->ann->lid);
	assert_true(str_is(node_attr(node, "from"), expected));
	snprintf(expected, sizeof(expected), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(node_attr(node, "sender_pn"), expected));
	assert_true(node_attr(node, "participant").data == NULL);
	town_say_direct(town, town->ann, "again");
	town_next_says(town, "again");

	/* a hidden person's number is nowhere in the stanza */
	town->ben->hidden = true;
	town_say_direct(town, town->ben, "who am I");
	node = town_next(town);
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	assert_true(node_attr(node, "sender_pn").data == NULL);
}

static void
the_own_phone_shows_its_devices_what_it_writes(void **state)
{
	Town *town = *state;
	SimSay say = {.from = town->owner, .to = town->ann, .lid = true};
	WaWireField sent;
	WaWireField field;
	WaNode *node;
	char jid[64];

	town_say(say, "from the phone");
	node = town_next(town);
	snprintf(jid, sizeof(jid), "%s@lid", town->owner->lid);
	assert_true(str_is(node_attr(node, "from"), jid));
	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(node_attr(node, "peer_recipient_pn"), jid));
	snprintf(jid, sizeof(jid), "%s@lid", town->ann->lid);
	assert_true(str_is(node_attr(node, "recipient"), jid));
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	assert_true(
		wire_find(buf_data(&town->bot->plain), buf_len(&town->bot->plain), 31, WIRE_BYTES, &sent));
	assert_true(wire_find(sent.data, sent.len, 1, WIRE_BYTES, &field));
	assert_true(str_is((WaStr){(const char *) field.data, field.len}, jid));
	assert_true(wire_find(sent.data, sent.len, 2, WIRE_BYTES, &field));
	assert_true(str_is(sim_compose_read(field.data, field.len), "from the phone"));
	/* in a group there is no copy of another shape */
	town_say_group(town, town->owner, "to all");
	town_next_says(town, "to all");
}

static void
who_leaves_makes_keys_new(void **state)
{
	Town *town = *state;

	town_say_group(town, town->ann, "one");
	town_next_says(town, "one");
	assert_true(sim_signal_has_key(town->ann, town->group, town->device));
	assert_int_equal(sim_group_leave(town->group, town->ben), 0);
	assert_false(sim_signal_has_key(town->ann, town->group, town->device));
	sim_queue_clear(town->device);
	town_say_group(town, town->ann, "two");
	town_next_says(town, "two");
	assert_non_null(sim_say(
		&(SimSay){
			.from = town->ben, .group = town->group, .message = "", .envelope = &sim_compose_plain},
		&(SimSaid *){NULL}));
}

static void
damage_is_repaired_by_a_retry(void **state)
{
	static const SimDamageKind kinds[] = {SIM_BAD_MAC, SIM_NO_SKDM, SIM_NO_SESSION, SIM_GARBAGE};
	Town *town = *state;

	town_say_group(town, town->ann, "sound");
	town_next_says(town, "sound");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		SimDamage damage = {.kind = kinds[i], .left = 1};
		SimSaid *said = town_say(
			(SimSay){.from = town->ann, .group = town->group, .damage = &damage}, "damaged");
		WaNode *node = town_next(town);
		int64_t at = said->at_us;
		uint64_t number;

		if (kinds[i] == SIM_GARBAGE)
		{
			assert_int_equal(town_read(town, node), SIGNAL_READ);
			assert_true(
				sim_compose_read(buf_data(&town->bot->plain), buf_len(&town->bot->plain)).data ==
				NULL);
		}
		else
			assert_int_equal(town_read(town, node), SIGNAL_UNREADABLE);
		ask_again(town, town->ann, said, 1);
		node = town_next(town);
		assert_true(node_attr_u64(node_child(node, "enc"), "count", &number));
		assert_int_equal(number, 1);
		assert_true(node_attr_u64(node, "t", &number));
		assert_int_equal(number, at / WA_SECOND);
		assert_null(node_child_next(node_child(node, "enc"), "enc"));
		assert_int_equal(town_read(town, node), SIGNAL_READ);
		town_has_text(town, "damaged");
		/* and the next one is as good as ever */
		town_say_group(town, town->ann, "well again");
		town_next_says(town, "well again");
	}
}

static void
direct_damage_is_repaired_by_keys(void **state)
{
	Town *town = *state;
	SimDamage damage = {.kind = SIM_BAD_MAC, .left = 2};
	SimSaid *said = town_say(
		(SimSay){.from = town->ben, .to = town->owner, .lid = true, .damage = &damage}, "x");

	assert_int_equal(town_read(town, town_next(town)), SIGNAL_UNREADABLE);
	ask_again(town, town->ben, said, 1);
	assert_int_equal(town_read(town, town_next(town)), SIGNAL_UNREADABLE);
	ask_again(town, town->ben, said, 2);
	town_next_says(town, "x");
	/* who ignores retry receipts sends nothing */
	town->ben->deaf_to_retries = true;
	ask_again(town, town->ben, said, 3);
	assert_int_equal(town->device->queue.count, 0);
	/* and nobody answers without end */
	town->ben->deaf_to_retries = false;
	for (int i = 0; i < 10; i++)
		ask_again(town, town->ben, said, 1);
	assert_true(town->device->queue.count < 5);
}

static void
only_some_devices_are_hit(void **state)
{
	Town *town = *state;
	SimDevice *second = sim_account_add_device(town->owner);
	SimDamage damage = {
		.kind = SIM_UNAVAILABLE, .left = 1, .devices = &town->device, .n_devices = 1};
	WaNode *node;

	town_upload(second, town->bot);
	town_say((SimSay){.from = town->ann, .group = town->group, .damage = &damage}, "once");
	node = town_next(town);
	assert_non_null(node_child(node, "unavailable"));
	assert_null(node_child(node, "enc"));
	assert_int_equal(second->queue.count, 1);
	town_say((SimSay){.from = town->ann, .group = town->group, .only = &second, .n_only = 1},
			 "you");
	assert_int_equal(second->queue.count, 2);
	assert_int_equal(town->device->queue.count, 0);
	/* what no device has a part of its own in is one stanza for all */
	town_say_group(town, town->ann, "brings the first device its key");
	town_say_group(town, town->ann, "shared");
	assert_ptr_equal(town->device->queue.tail->stanza, second->queue.tail->stanza);
	sim_account_remove_device(second, false);
}

static void
a_reinstalled_phone_is_somebody_else(void **state)
{
	Town *town = *state;
	WaNode *node;
	uint8_t before[32];

	town_say_direct(town, town->ann, "before");
	town_next_says(town, "before");
	memcpy(before, sim_account_keys(town->ann)->identity.public_key, 32);
	sim_say_reinstall(town->ann, false);
	assert_memory_not_equal(before, sim_account_keys(town->ann)->identity.public_key, 32);
	node = town_next(town);
	assert_true(node_is(node, "notification"));
	assert_true(str_is(node_attr(node, "type"), "encrypt"));
	assert_non_null(node_child(node, "identity"));
	town_say_direct(town, town->ann, "after");
	town_next_says(town, "after");
	assert_true(town->bot->verdict.identity_changed);
}

static void
the_truth_is_told(void **state)
{
	Town *town = *state;
	int64_t start = sim_said_count() - 1;
	SimSaid *first = town_say_group(town, town->ann, "one");
	SimSaid *chosen =
		town_say((SimSay){.from = town->ben, .to = town->owner, .id = "CHOSEN"}, "two");
	SimSay edit = {
		.from = town->ann, .group = town->group, .target = first, .envelope = &sim_compose_editing};
	json_t *out = json_object();
	json_t *list;
	json_t *entry;
	WaBuf message;
	SimSaid *edited;
	char id[64];

	buf_init(&message, env_default(), 4096);
	sim_compose_edit(&message, first, str_from("one, better"), sim_util_now_us());
	edit.message = buf_data(&message);
	edit.len = buf_len(&message);
	assert_null(sim_say(&edit, &edited));
	buf_free(&message);

	sim_said_page(NULL, NULL, start, 2, out);
	list = json_object_get(out, "messages");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")), "one");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "chat")),
						town->chat);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "id")),
						"CHOSEN");
	assert_true(json_is_integer(json_object_get(out, "next")));
	sim_said_page(NULL, NULL, json_integer_value(json_object_get(out, "next")), 100, out);
	list = json_object_get(out, "messages");
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_null(json_object_get(out, "next")));
	entry = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(entry, "kind")), "edit");
	assert_string_equal(json_string_value(json_object_get(entry, "text")), "one, better");
	sim_said_id(first, id);
	assert_string_equal(json_string_value(json_object_get(json_object_get(entry, "target"), "id")),
						id);
	sim_said_page(town->group, NULL, start, 100, out);
	assert_int_equal(json_array_size(json_object_get(out, "messages")), 2);
	sim_said_page(NULL, town->owner, start, 100, out);
	assert_int_equal(json_array_size(json_object_get(out, "messages")), 1);
	json_decref(out);

	/* by id, with the person or without */
	assert_ptr_equal(sim_said_find(str_from("CHOSEN"), NULL), chosen);
	assert_ptr_equal(sim_said_find(str_from("CHOSEN"), town->ben), chosen);
	assert_null(sim_said_find(str_from("CHOSEN"), town->ann));
	assert_ptr_equal(sim_said_find(str_from(id), town->ann), first);
	assert_null(sim_said_find(str_from("3EB00000000000000000FF"), NULL));

	/* receipts */
	sim_said_receipt(town->device, town->ann, str_from(id), WA_STR_NONE, 0);
	sim_said_receipt(town->device, town->ann, str_from(id), WA_STR_NONE, 0);
	sim_said_receipt(town->device, town->ann, str_from(id), str_from("read"), 0);
	list = sim_said_receipts(first);
	assert_int_equal(json_array_size(list), 2);
	entry = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(entry, "type")), "delivered");
	assert_int_equal(json_integer_value(json_object_get(entry, "count")), 2);
	json_decref(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_group_message_is_read, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(a_direct_message_is_read, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(the_own_phone_shows_its_devices_what_it_writes, town_setup,
										town_teardown),
		cmocka_unit_test_setup_teardown(who_leaves_makes_keys_new, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(damage_is_repaired_by_a_retry, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(direct_damage_is_repaired_by_keys, town_setup,
										town_teardown),
		cmocka_unit_test_setup_teardown(only_some_devices_are_hit, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(a_reinstalled_phone_is_somebody_else, town_setup,
										town_teardown),
		cmocka_unit_test_setup_teardown(the_truth_is_told, town_setup, town_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
