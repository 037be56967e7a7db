/*
 * sim_town.c
 *		See sim_town.h.
 */
#include "sim_town.h"

#include <stdlib.h>

#include "../../src/protocol/wire.h"

static SimAccount *
person(int run, int n)
{
	char number[32];

	snprintf(number, sizeof(number), "4917%04d00%d", run, n);
	return sim_account_get(number);
}

/* The bot's keys as its upload would have left them. */
void
town_upload(SimDevice *device, const SignalBot *bot)
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

/* The bot knows whose device it is, and what the phone signed. */
static void
link_bot(Town *town)
{
	WaDevice *device = &town->bot->device;
	WaBuf signed_identity;

	snprintf(device->jid, sizeof(device->jid), "%s:%d@s.whatsapp.net", town->owner->number,
			 town->device->id);
	snprintf(device->lid, sizeof(device->lid), "%s:%d@lid", town->owner->lid, town->device->id);
	buf_init(&signed_identity, env_default(), 1024);
	assert_int_equal(
		wire_put_bytes(&signed_identity, 2, sim_account_keys(town->owner)->identity.public_key, 32),
		WA_OK);
	memcpy(device->account, buf_data(&signed_identity), buf_len(&signed_identity));
	device->account_len = buf_len(&signed_identity);
	buf_free(&signed_identity);
}

int
town_setup(void **state)
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
	town_upload(town->device, bot);
	link_bot(town);
	town->group = sim_group_create(town->ann, "Test", (SimAccount *[]){town->owner, town->ben}, 2,
								   true, NULL);
	snprintf(town->chat, sizeof(town->chat), "%s@g.us", town->group->id);
	sim_queue_clear(town->device);
	arena_init(&town->arena, env_default(), 64 << 20);
	*state = town;
	return 0;
}

int
town_teardown(void **state)
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
WaNode *
town_next(Town *town)
{
	SimQueue *queue = &town->device->queue;
	WaNode *node;

	assert_non_null(queue->head);
	assert_int_equal(
		node_decode(&town->arena, queue->head->stanza->bytes, queue->head->stanza->len, &node),
		WA_OK);
	queue->head->deliveries++;
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

	/* a client knows both addresses of its own account */
	if (alternate.data == NULL && sim_account_by_jid(message.sender) == town->owner)
		message.alternate = sim_account_jid(&town->arena, town->owner, true);
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
SignalOutcome
town_read(Town *town, const WaNode *node)
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

void
town_has_text(Town *town, const char *text)
{
	const WaBuf *plain = &town->bot->plain;

	assert_true(str_is(sim_compose_read(buf_data(plain), buf_len(plain)), text));
}

void
town_next_says(Town *town, const char *text)
{
	assert_int_equal(town_read(town, town_next(town)), SIGNAL_READ);
	town_has_text(town, text);
}

/* ---- the writing side ---- */

SimSaid *
town_say(SimSay say, const char *text)
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

SimSaid *
town_say_group(Town *town, SimAccount *from, const char *text)
{
	return town_say((SimSay){.from = from, .group = town->group}, text);
}

SimSaid *
town_say_direct(Town *town, SimAccount *from, const char *text)
{
	return town_say((SimSay){.from = from, .to = town->owner, .lid = true}, text);
}
