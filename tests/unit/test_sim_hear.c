/*
 * test_sim_hear.c
 *		What clients write to simulated phones: it is decrypted and kept, and
 *		phones answer requests of their companions.
 */
#include "sim_town.h"

#include "../../src/protocol/wire.h"

/* Keys of a phone, as the service hands them out. */
static void
keys_of(SimAccount *account, SignalBundle *out)
{
	const SimPhoneKeys *keys = sim_account_keys(account);

	memset(out, 0, sizeof(*out));
	out->registration_id = keys->registration_id;
	memcpy(out->identity, keys->identity.public_key, 32);
	out->signed_prekey_id = 1;
	memcpy(out->signed_prekey, keys->signed_prekey.public_key, 32);
	memcpy(out->signature, keys->signature, sizeof(out->signature));
	out->has_prekey = true;
	sim_signal_new_prekey(account, &out->prekey_id, out->prekey);
}

/* The bot encrypts for a phone; a session is started when there is none. */
static void
bot_writes(Town *town, SimAccount *to, const void *plain, size_t len, WaNode *parent)
{
	SignalBot *bot = town->bot;
	WaStr jid = sim_account_jid(&town->arena, to, true);
	SignalBundle bundle;
	SignalType type;
	WaNode *enc = node_add(parent, "enc");

	assert_int_equal(signal_needs_peer(bot->signal, jid, WA_STR_NONE), WA_OK);
	assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
	if (!signal_has_session(bot->signal, jid, WA_STR_NONE))
	{
		keys_of(to, &bundle);
		assert_int_equal(signal_start_session(bot->signal, jid, WA_STR_NONE, &bundle), WA_OK);
	}
	buf_truncate(&bot->cipher, 0);
	assert_int_equal(signal_write(bot->signal, jid, WA_STR_NONE, plain, len, &bot->cipher, &type),
					 WA_OK);
	tables_commit(&bot->tables, bot->signal);
	node_set(enc, "v", "2");
	node_set(enc, "type", signal_type_name(type));
	node_set_bytes(enc, buf_data(&bot->cipher), buf_len(&bot->cipher));
}

static WaNode *
message_to(Town *town, SimAccount *to, const char *id)
{
	WaNode *node = node_new(&town->arena, "message");

	node_set(node, "id", id);
	node_set_jid(node, "to", sim_account_jid(&town->arena, to, true));
	return node;
}

static void
bot_says(Town *town, SimAccount *to, const char *id, const char *text)
{
	WaNode *node = message_to(town, to, id);
	WaBuf message;

	buf_init(&message, env_default(), 4096);
	sim_compose_text(&message, str_from(text));
	bot_writes(town, to, buf_data(&message), buf_len(&message), node);
	sim_hear_message(town->device, node, NULL, to, 1700000000);
	buf_free(&message);
}

/* The n-th thing that a phone heard; borrowed from *out. */
static json_t *
heard(const SimAccount *account, int n, json_t **out)
{
	json_t *list;

	*out = json_object();
	sim_hear_page(account, -1, *out);
	list = json_object_get(*out, "heard");
	return json_array_get(list, (size_t) n);
}

static void
heard_text(const SimAccount *account, int n, const char *id, const char *text)
{
	json_t *out;
	json_t *entry = heard(account, n, &out);

	assert_non_null(entry);
	assert_string_equal(json_string_value(json_object_get(entry, "id")), id);
	assert_null(json_object_get(entry, "error"));
	assert_string_equal(json_string_value(json_object_get(entry, "text")), text);
	json_decref(out);
}

static void
a_phone_reads_direct_messages(void **state)
{
	Town *town = *state;
	json_t *out;

	bot_says(town, town->ann, "A1", "to Ann");
	bot_says(town, town->ann, "A2", "again");
	bot_says(town, town->ben, "B1", "to Ben");
	heard_text(town->ann, 0, "A1", "to Ann");
	heard_text(town->ann, 1, "A2", "again");
	heard_text(town->ben, 0, "B1", "to Ben");
	assert_null(heard(town->ben, 1, &out));
	json_decref(out);
	/* her answer comes back in the session that the bot started */
	town_say_direct(town, town->ann, "thanks");
	assert_true(str_is(node_attr(node_child(town_next(town), "enc"), "type"), "msg"));
	/* no receipts unless she gives them */
	assert_int_equal(town->device->queue.count, 0);
	town->ann->receipts = SIM_READ_RECEIPTS;
	bot_says(town, town->ann, "A3", "seen?");
	assert_true(node_attr(town_next(town), "type").data == NULL);
	assert_true(str_is(node_attr(town_next(town), "type"), "read"));
}

static void
what_a_phone_cannot_read_it_asks_for(void **state)
{
	Town *town = *state;
	WaNode *node = message_to(town, town->ann, "X1");
	WaNode *receipt;
	SignalBundle bundle;
	json_t *out;
	WaBuf message;
	WaStr bytes;
	WaNode *spoilt;

	buf_init(&message, env_default(), 4096);
	sim_compose_text(&message, str_from("unreadable"));
	bot_writes(town, town->ann, buf_data(&message), buf_len(&message), node);
	bytes = node_child(node, "enc")->bytes;
	spoilt = message_to(town, town->ann, "X1");
	spoilt = node_add(spoilt, "enc");
	node_set(spoilt, "v", "2");
	node_set(spoilt, "type", "pkmsg");
	node_set_bytes(spoilt, bytes.data, bytes.len - 12);
	node = message_to(town, town->ann, "X1");
	node_append(node, spoilt);
	sim_hear_message(town->device, node, NULL, town->ann, 1700000000);
	assert_non_null(json_object_get(heard(town->ann, 0, &out), "error"));
	json_decref(out);
	receipt = town_next(town);
	assert_true(node_is(receipt, "receipt"));
	assert_true(str_is(node_attr(receipt, "type"), "retry"));
	assert_true(str_is(node_attr(receipt, "id"), "X1"));
	assert_true(str_is(node_attr(node_child(receipt, "retry"), "count"), "1"));
	/* its keys start a session that works */
	node_append(node_child(receipt, "keys"), node_child(receipt, "registration"));
	assert_int_equal(signal_bundle_parse(node_child(receipt, "keys"), &bundle), WA_OK);
	assert_int_equal(signal_start_session(town->bot->signal,
										  sim_account_jid(&town->arena, town->ann, true),
										  WA_STR_NONE, &bundle),
					 WA_OK);
	bot_says(town, town->ann, "X1", "readable");
	heard_text(town->ann, 0, "X1", "readable");
	assert_null(heard(town->ann, 1, &out));
	json_decref(out);
	buf_free(&message);
}

/* The client that writes to the group is libsignal: the bot's layer does not write there. */
static void
a_phone_reads_a_group_with_the_key_it_got(void **state)
{
	Town *town = *state;
	SignalPhone *client = &town->bot->phone;
	WaDevice ann = {.registration_id = sim_account_keys(town->ann)->registration_id};
	WaNode *node = node_new(&town->arena, "message");
	WaNode *to = node_add(node_add(node, "participants"), "to");
	WaNode *enc;
	SignalType type;
	json_t *out;
	WaBuf key;
	WaBuf message;
	WaBuf cipher;
	char text[16];

	ann.identity = sim_account_keys(town->ann)->identity;
	ann.signed_prekey.id = 1;
	ann.signed_prekey.pair = sim_account_keys(town->ann)->signed_prekey;
	memcpy(ann.signed_prekey_signature, sim_account_keys(town->ann)->signature, 64);
	phone_start(client, &ann, NULL);
	buf_init(&key, env_default(), 4096);
	buf_init(&message, env_default(), 4096);
	buf_init(&cipher, env_default(), 4096);

	/* part for Ann: the key; for all: the content */
	node_set(node, "id", "G1");
	node_set_jid(to, "jid", sim_account_jid(&town->arena, town->ann, true));
	phone_distribute(client, town->chat, town->chat, &key);
	assert_int_equal(wire_put_bytes(&message, 2, buf_data(&key), buf_len(&key)), WA_OK);
	assert_int_equal(wire_put_bytes(&message, 35, "", 0), WA_OK);
	assert_int_equal(buf_append(&message, "\x01", 1), WA_OK); /* its padding */
	phone_write_raw(client, buf_data(&message), buf_len(&message), &cipher, &type);
	enc = node_add(to, "enc");
	node_set(enc, "v", "2");
	node_set(enc, "type", signal_type_name(type));
	node_set_bytes(enc, buf_data(&cipher), buf_len(&cipher));
	buf_truncate(&cipher, 0);
	snprintf(text, sizeof(text), "\x0a\x05hello");
	phone_write_group(client, town->chat, text, &cipher);
	enc = node_add(node, "enc");
	node_set(enc, "v", "2");
	node_set(enc, "type", "skmsg");
	node_set_bytes(enc, buf_data(&cipher), buf_len(&cipher));

	sim_hear_message(town->device, node, town->group, NULL, 1700000000);
	heard_text(town->ann, 0, "G1", "hello");
	/* the key alone is nothing heard, and who has none hears nothing */
	assert_null(heard(town->ann, 1, &out));
	json_decref(out);
	assert_null(heard(town->ben, 0, &out));
	json_decref(out);
	buf_free(&key);
	buf_free(&message);
	buf_free(&cipher);
}

/* The bot asks its own phone for a message. */
static void
bot_asks(Town *town, const char *request_id, const char *id)
{
	WaNode *node = message_to(town, town->owner, request_id);
	WaBuf levels[6];
	const int fields[] = {1, 5, 16, 12};

	node_set(node, "category", "peer");
	for (int i = 0; i < 6; i++)
		buf_init(&levels[i], env_default(), 4096);
	assert_int_equal(wire_put_bytes(&levels[0], 3, id, strlen(id)), WA_OK);
	for (int i = 0; i < 4; i++)
	{
		if (fields[i] == 5)
			assert_int_equal(wire_put_varint(&levels[i + 1], 1, 4), WA_OK);
		if (fields[i] == 16)
			assert_int_equal(wire_put_varint(&levels[i + 1], 2, 16), WA_OK);
		assert_int_equal(wire_put_bytes(&levels[i + 1], (uint32_t) fields[i], buf_data(&levels[i]),
										buf_len(&levels[i])),
						 WA_OK);
	}
	bot_writes(town, town->owner, buf_data(&levels[4]), buf_len(&levels[4]), node);
	sim_hear_message(town->device, node, NULL, town->owner, 1700000000);
	for (int i = 0; i < 6; i++)
		buf_free(&levels[i]);
}

static WaStr
field_of(WaStr message, uint32_t number)
{
	WaWireField field;

	assert_true(wire_find(message.data, message.len, number, WIRE_BYTES, &field));
	return (WaStr){(const char *) field.data, field.len};
}

/* Reads the answer to a request; the WebMessageInfo in it. */
static WaStr
next_answer(Town *town, const char *request_id)
{
	WaNode *node = town_next(town);
	WaStr response;

	assert_true(str_is(node_attr(node, "category"), "peer"));
	assert_int_equal(town_read(town, node), SIGNAL_READ);
	response = (WaStr){(const char *) buf_data(&town->bot->plain), buf_len(&town->bot->plain)};
	response = field_of(field_of(response, 12), 17);
	assert_true(str_is(field_of(response, 2), request_id));
	return field_of(field_of(response, 3), 4);
}

static void
the_own_phone_gives_copies(void **state)
{
	Town *town = *state;
	SimSaid *said = town_say_group(town, town->ann, "lost");
	SimSaid *other = town_say((SimSay){.from = town->ann, .to = town->ben}, "private");
	WaStr info;
	WaStr key;
	char id[64];
	char expected[64];

	(void) town_next(town);
	sim_said_id(said, id);
	bot_asks(town, "R1", id);
	info = field_of(next_answer(town, "R1"), 1);
	key = field_of(info, 1);
	assert_true(str_is(field_of(key, 1), town->chat));
	assert_true(str_is(field_of(key, 3), id));
	snprintf(expected, sizeof(expected), "%s@s.whatsapp.net", town->ann->number);
	assert_true(str_is(field_of(key, 4), expected));
	assert_true(str_is(field_of(info, 19), town->ann->name));
	info = field_of(info, 2);
	assert_true(str_is(sim_compose_read(info.data, info.len), "lost"));

	/* what was not said to its owner the phone does not have */
	sim_said_id(other, id);
	bot_asks(town, "R2", id);
	assert_int_equal(next_answer(town, "R2").len, 0);

	/* a phone that is offline answers once it is back */
	town->owner->offline = true;
	sim_said_id(said, id);
	bot_asks(town, "R3", id);
	assert_int_equal(town->device->queue.count, 0);
	town->owner->offline = false;
	sim_hear_answer(town->owner);
	assert_true(next_answer(town, "R3").len > 0);
	sim_hear_answer(town->owner);
	assert_int_equal(town->device->queue.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_phone_reads_direct_messages, town_setup, town_teardown),
		cmocka_unit_test_setup_teardown(what_a_phone_cannot_read_it_asks_for, town_setup,
										town_teardown),
		cmocka_unit_test_setup_teardown(a_phone_reads_a_group_with_the_key_it_got, town_setup,
										town_teardown),
		cmocka_unit_test_setup_teardown(the_own_phone_gives_copies, town_setup, town_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
