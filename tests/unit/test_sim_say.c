/*
 * test_sim_say.c
 *		What simulated people write, read by the client's Signal layer: two
 *		implementations that know nothing of each other have to agree.
 */
#include "signal_bot.h"

#include <stdlib.h>

#include "../../src/protocol/wire.h"
#include "../../src/simulator/sim_message.h"

/* A bot with its device at the service, and people who write to it. */
typedef struct Town
{
	SignalBot *bot;
	SimAccount *owner; /* of the bot's device */
	SimDevice *device;
	SimAccount *ann;
	SimAccount *ben;
	SimGroup *group;
	char chat[64];
	WaArena arena;
} Town;

static SimAccount *
person(int run, int n)
{
	char number[32];

	snprintf(number, sizeof(number), "4917%04d00%d", run, n);
	return sim_account_get(number);
}

/* The bot's keys as its upload would have left them. */
static void
upload(SimDevice *device, const SignalBot *bot)
{
	memcpy(device->identity, bot->device.identity.public_key, 32);
	device->registration_id = bot->device.registration_id;
	device->signed_prekey_id = bot->device.signed_prekey.id;
	memcpy(device->signed_prekey, bot->device.signed_prekey.pair.public_key, 32);
	memcpy(device->signed_prekey_signature, bot->device.signed_prekey_signature, 64);
	device->prekeys.bytes = calloc(2, SIM_PREKEY_LEN);
	device->prekeys.end = device->prekeys.capacity = 2;
	for (int i = 0; i < 2; i++)
	{
		uint8_t *record = device->prekeys.bytes + i * SIM_PREKEY_LEN;

		record[1] = (uint8_t) (bot->prekeys[i].id >> 8);
		record[2] = (uint8_t) bot->prekeys[i].id;
		memcpy(record + 3, bot->prekeys[i].pair.public_key, 32);
	}
	device->uploaded = true;
}

static int
setup(void **state)
{
	static int run;
	Town *town = calloc(1, sizeof(*town));
	void *bot;

	if (town == NULL || bot_setup(&bot) != 0)
		return -1;
	sim.env = env_default();
	sim.options = (SimOptions){.added_add = true};
	run++;
	town->bot = bot;
	town->owner = person(run, 0);
	town->ann = person(run, 1);
	town->ben = person(run, 2);
	town->device = sim_account_add_device(town->owner);
	upload(town->device, bot);
	town->group = sim_group_create(town->ann, "Test", (SimAccount *[]){town->owner, town->ben}, 2,
								   true, NULL);
	snprintf(town->chat, sizeof(town->chat), "%s@g.us", town->group->id);
	sim_queue_clear(town->device);
	arena_init(&town->arena, env_default(), 64 << 20);
	*state = town;
	return 0;
}

static int
teardown(void **state)
{
	Town *town = *state;
	void *bot = town->bot;

	arena_free(&town->arena);
	sim_account_remove_device(town->device, false);
	sim_signal_forget(town->ann);
	sim_signal_forget(town->ben);
	sim_signal_forget(town->owner);
	free(town);
	return bot_teardown(&bot);
}

/* ---- the receiving side ---- */

/* Takes the oldest stanza out of the device's queue. */
static WaNode *
next_stanza(Town *town)
{
	SimQueue *queue = &town->device->queue;
	WaNode *node;

	assert_non_null(queue->head);
	assert_int_equal(
		node_decode(&town->arena, queue->head->stanza->bytes, queue->head->stanza->len, &node),
		WA_OK);
	assert_true(
		sim_queue_acked(town->device, node->tag, node_attr(node, "id"), node_attr(node, "from")));
	return node;
}

/* Decrypts one <enc>; what it brought is in town->bot->plain. */
static SignalOutcome
read_enc(Town *town, const WaNode *node, const WaNode *enc)
{
	SignalBot *bot = town->bot;
	WaStr participant = node_attr(node, "participant");
	WaStr alternate = node_attr(node, participant.len > 0 ? "participant_pn" : "sender_pn");
	SignalMessage message = {
		.version = 2,
		.chat = participant.len > 0 ? node_attr(node, "from") : WA_STR_NONE,
		.sender = participant.len > 0 ? participant : node_attr(node, "from"),
		.alternate = alternate,
		.data = (const uint8_t *) enc->bytes.data,
		.len = enc->bytes.len,
	};
	WaWireField key;

	assert_true(signal_type_from(node_attr(enc, "type"), &message.type));
	assert_true(str_is(node_attr(enc, "v"), "2"));
	assert_int_equal(bot_read(bot, &message), WA_OK);
	if (bot->verdict.outcome == SIGNAL_READ &&
		wire_find(buf_data(&bot->plain), buf_len(&bot->plain), 2, WIRE_BYTES, &key))
		assert_int_equal(signal_learn_key(bot->signal, &message, key.data, key.len), WA_OK);
	if (bot->verdict.outcome == SIGNAL_READ)
		tables_commit(&bot->tables, bot->signal);
	return bot->verdict.outcome;
}

/* All parts of a stanza in their order; the outcome of the last one that was tried. */
static SignalOutcome
read_stanza(Town *town, const WaNode *node)
{
	SignalOutcome outcome = SIGNAL_UNREADABLE;

	assert_true(node_is(node, "message"));
	for (const WaNode *enc = node_child(node, "enc"); enc != NULL;
		 enc = node_child_next(enc, "enc"))
	{
		outcome = read_enc(town, node, enc);
		if (outcome != SIGNAL_READ)
			break;
	}
	return outcome;
}

static void
has_text(Town *town, const char *text)
{
	const WaBuf *plain = &town->bot->plain;

	assert_true(str_is(sim_compose_read(buf_data(plain), buf_len(plain)), text));
}

static void
next_says(Town *town, const char *text)
{
	assert_int_equal(read_stanza(town, next_stanza(town)), SIGNAL_READ);
	has_text(town, text);
}

/* ---- the writing side ---- */

static SimSaid *
say_as(SimSay say, const char *text)
{
	SimSaid *said;
	WaBuf message;

	buf_init(&message, env_default(), 1 << 20);
	sim_compose_text(&message, str_from(text));
	say.message = buf_data(&message);
	say.len = buf_len(&message);
	if (say.envelope == NULL)
		say.envelope = &sim_compose_plain;
	assert_null(sim_say(&say, &said));
	buf_free(&message);
	return said;
}

static SimSaid *
say_group(Town *town, SimAccount *from, const char *text)
{
	return say_as((SimSay){.from = from, .group = town->group}, text);
}

static SimSaid *
say_direct(Town *town, SimAccount *from, const char *text)
{
	return say_as((SimSay){.from = from, .to = town->owner, .lid = true}, text);
}

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
	SimSaid *said = say_group(town, town->ann, "first");
	WaNode *node = next_stanza(town);
	char expected[64];
	uint64_t t;

	/* the first message brings the sender key, the later ones do not */
	assert_true(str_is(node_attr(node_child(node, "enc"), "type"), "pkmsg"));
	assert_int_equal(read_stanza(town, node), SIGNAL_READ);
	has_text(town, "first");
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

	say_group(town, town->ann, "second");
	node = next_stanza(town);
	assert_true(str_is(node_attr(node_child(node, "enc"), "type"), "skmsg"));
	assert_int_equal(read_stanza(town, node), SIGNAL_READ);
	has_text(town, "second");

	/* somebody else has a key and a session of his own; both prekeys are used up then */
	say_group(town, town->ben, "third");
	next_says(town, "third");
	say_group(town, town->ben, "fourth");
	say_group(town, town->ann, "fifth");
	next_says(town, "fourth");
	next_says(town, "fifth");
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

	say_direct(town, town->ann, "hello");
	node = next_stanza(town);
	assert_int_equal(read_stanza(town, node), SIGNAL_READ);
	has_text(town, "hello");
	snprintf(expected, sizeof(expected), "%s@lid", town->ann->lid);
	assert_true(str_is(node_attr(node, "from"), expected));
	snprintf(expected, sizeof(expected), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(node_attr(node, "sender_pn"), expected));
	assert_true(node_attr(node, "participant").data == NULL);
	say_direct(town, town->ann, "again");
	next_says(town, "again");

	/* a hidden person's number is nowhere in the stanza */
	town->ben->hidden = true;
	say_direct(town, town->ben, "who am I");
	node = next_stanza(town);
	assert_int_equal(read_stanza(town, node), SIGNAL_READ);
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

	say_as(say, "from the phone");
	node = next_stanza(town);
	snprintf(jid, sizeof(jid), "%s@lid", town->owner->lid);
	assert_true(str_is(node_attr(node, "from"), jid));
	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(node_attr(node, "peer_recipient_pn"), jid));
	snprintf(jid, sizeof(jid), "%s@lid", town->ann->lid);
	assert_true(str_is(node_attr(node, "recipient"), jid));
	assert_int_equal(read_stanza(town, node), SIGNAL_READ);
	assert_true(
		wire_find(buf_data(&town->bot->plain), buf_len(&town->bot->plain), 31, WIRE_BYTES, &sent));
	assert_true(wire_find(sent.data, sent.len, 1, WIRE_BYTES, &field));
	assert_true(str_is((WaStr){(const char *) field.data, field.len}, jid));
	assert_true(wire_find(sent.data, sent.len, 2, WIRE_BYTES, &field));
	assert_true(str_is(sim_compose_read(field.data, field.len), "from the phone"));
	/* in a group there is no copy of another shape */
	say_group(town, town->owner, "to all");
	next_says(town, "to all");
}

static void
who_leaves_makes_keys_new(void **state)
{
	Town *town = *state;

	say_group(town, town->ann, "one");
	next_says(town, "one");
	assert_true(sim_signal_has_key(town->ann, town->group, town->device));
	assert_int_equal(sim_group_leave(town->group, town->ben), 0);
	assert_false(sim_signal_has_key(town->ann, town->group, town->device));
	sim_queue_clear(town->device);
	say_group(town, town->ann, "two");
	next_says(town, "two");
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

	say_group(town, town->ann, "sound");
	next_says(town, "sound");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		SimDamage damage = {.kind = kinds[i], .left = 1};
		SimSaid *said =
			say_as((SimSay){.from = town->ann, .group = town->group, .damage = &damage}, "damaged");
		WaNode *node = next_stanza(town);
		int64_t at = said->at_us;
		uint64_t number;

		if (kinds[i] == SIM_GARBAGE)
		{
			assert_int_equal(read_stanza(town, node), SIGNAL_READ);
			assert_true(
				sim_compose_read(buf_data(&town->bot->plain), buf_len(&town->bot->plain)).data ==
				NULL);
		}
		else
			assert_int_equal(read_stanza(town, node), SIGNAL_UNREADABLE);
		ask_again(town, town->ann, said, 1);
		node = next_stanza(town);
		assert_true(node_attr_u64(node_child(node, "enc"), "count", &number));
		assert_int_equal(number, 1);
		assert_true(node_attr_u64(node, "t", &number));
		assert_int_equal(number, at / WA_SECOND);
		assert_null(node_child_next(node_child(node, "enc"), "enc"));
		assert_int_equal(read_stanza(town, node), SIGNAL_READ);
		has_text(town, "damaged");
		/* and the next one is as good as ever */
		say_group(town, town->ann, "well again");
		next_says(town, "well again");
	}
}

static void
direct_damage_is_repaired_by_keys(void **state)
{
	Town *town = *state;
	SimDamage damage = {.kind = SIM_BAD_MAC, .left = 2};
	SimSaid *said =
		say_as((SimSay){.from = town->ben, .to = town->owner, .lid = true, .damage = &damage}, "x");

	assert_int_equal(read_stanza(town, next_stanza(town)), SIGNAL_UNREADABLE);
	ask_again(town, town->ben, said, 1);
	assert_int_equal(read_stanza(town, next_stanza(town)), SIGNAL_UNREADABLE);
	ask_again(town, town->ben, said, 2);
	next_says(town, "x");
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

	upload(second, town->bot);
	say_as((SimSay){.from = town->ann, .group = town->group, .damage = &damage}, "once");
	node = next_stanza(town);
	assert_non_null(node_child(node, "unavailable"));
	assert_null(node_child(node, "enc"));
	assert_int_equal(second->queue.count, 1);
	say_as((SimSay){.from = town->ann, .group = town->group, .only = &second, .n_only = 1}, "you");
	assert_int_equal(second->queue.count, 2);
	assert_int_equal(town->device->queue.count, 0);
	/* what no device has a part of its own in is one stanza for all */
	say_group(town, town->ann, "brings the first device its key");
	say_group(town, town->ann, "shared");
	assert_ptr_equal(town->device->queue.tail->stanza, second->queue.tail->stanza);
	sim_account_remove_device(second, false);
}

static void
a_reinstalled_phone_is_somebody_else(void **state)
{
	Town *town = *state;
	WaNode *node;
	uint8_t before[32];

	say_direct(town, town->ann, "before");
	next_says(town, "before");
	memcpy(before, sim_account_keys(town->ann)->identity.public_key, 32);
	sim_say_reinstall(town->ann, false);
	assert_memory_not_equal(before, sim_account_keys(town->ann)->identity.public_key, 32);
	node = next_stanza(town);
	assert_true(node_is(node, "notification"));
	assert_true(str_is(node_attr(node, "type"), "encrypt"));
	assert_non_null(node_child(node, "identity"));
	say_direct(town, town->ann, "after");
	next_says(town, "after");
	assert_true(town->bot->verdict.identity_changed);
}

static void
the_truth_is_told(void **state)
{
	Town *town = *state;
	int64_t start = sim_said_count() - 1;
	SimSaid *first = say_group(town, town->ann, "one");
	SimSaid *chosen = say_as((SimSay){.from = town->ben, .to = town->owner, .id = "CHOSEN"}, "two");
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
		cmocka_unit_test_setup_teardown(a_group_message_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_direct_message_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(the_own_phone_shows_its_devices_what_it_writes, setup,
										teardown),
		cmocka_unit_test_setup_teardown(who_leaves_makes_keys_new, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_repaired_by_a_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(direct_damage_is_repaired_by_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(only_some_devices_are_hit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reinstalled_phone_is_somebody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(the_truth_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
