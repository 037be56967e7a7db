/*
 * test_message.c
 *		Where a stanza belongs, padding, wrappers, whose word is taken, and
 *		hostile plaintexts.
 */
#include "check.h"
#include "message.h"
#include "stanza.h"

#include "../vectors/message_vectors.h"

#include <stdio.h>
#include <stdlib.h>

static const WaSelf self = {{"4900:3@s.whatsapp.net", 21}, {"900:3@lid", 9}};

typedef struct Fixture
{
	TestEnv env;
	WaArena arena;
} Fixture;

static int
set_up(void **state)
{
	Fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL)
		return 1;
	test_env_init(&fixture->env);
	arena_init(&fixture->arena, test_env(&fixture->env), 64 << 20);
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	Fixture *fixture = *state;
	int leaked;

	arena_free(&fixture->arena);
	leaked = fixture->env.live != 0;
	free(fixture);
	return leaked;
}

static WaMessageSource
source(Fixture *fixture, const char *xml)
{
	WaMessageSource out;

	assert_int_equal(message_source(stanza(&fixture->arena, xml), &self, &out), WA_OK);
	return out;
}

/* ---- the stanza ---- */

static void
group_message(void **state)
{
	WaMessageSource out = source(
		*state, "<message id=\"A\" from=\"1@g.us\" participant=\"111:2@lid\""
				" participant_pn=\"4911@s.whatsapp.net\" participant_username=\"ann\""
				" notify=\"Ann\" t=\"1700000000\" type=\"text\" addressing_mode=\"lid\""
				" offline=\"1\"><enc v=\"2\" type=\"skmsg\" decrypt-fail=\"hide\" count=\"2\"/>"
				"</message>");

	assert_str(out.chat, "1@g.us");
	assert_str(out.sender, "111:2@lid");
	assert_str(out.sender_identity.lid, "111@lid");
	assert_str(out.sender_identity.pn, "4911@s.whatsapp.net");
	assert_str(out.sender_identity.username, "ann");
	assert_str(out.sender_identity.push_name, "Ann");
	assert_str(out.retried, "2");
	assert_true(out.is_group && out.is_offline && out.hide_failure && !out.from_me);
	assert_int_equal(out.at, 1700000000);
	assert_int_equal(out.absence, MESSAGE_PRESENT);
}

static void
own_messages(void **state)
{
	WaMessageSource out =
		source(*state, "<message id=\"A\" from=\"900:1@lid\" recipient=\"222@lid\""
					   " peer_recipient_pn=\"4922@s.whatsapp.net\"><enc/></message>");

	assert_str(out.chat, "222@lid");
	assert_str(out.chat_identity.pn, "4922@s.whatsapp.net");
	assert_str(out.sender_identity.pn, "4900@s.whatsapp.net");
	assert_true(out.from_me && out.scope.from_self && !out.scope.from_phone);

	out = source(*state, "<message id=\"B\" from=\"4900@s.whatsapp.net\" category=\"peer\">"
						 "<enc/></message>");
	assert_str(out.chat, "4900@s.whatsapp.net");
	assert_true(out.scope.from_self && out.scope.from_phone && out.scope.peer);

	out = source(*state, "<message id=\"C\" from=\"1@g.us\" participant=\"4900:7@s.whatsapp.net\">"
						 "<enc/></message>");
	assert_true(out.from_me && out.is_group);
	assert_str(out.sender_identity.lid, "900@lid");
}

/* 900@lid is the own account; 900@s.whatsapp.net is a stranger with these digits. */
static void
the_server_tells_who_is_me(void **state)
{
	WaMessageSource out =
		source(*state, "<message id=\"A\" from=\"900@s.whatsapp.net\"><enc/></message>");

	assert_false(out.from_me);
	assert_false(out.scope.from_self);
}

static void
direct_broadcast_newsletter_and_bot(void **state)
{
	WaMessageSource out =
		source(*state, "<message id=\"A\" from=\"222:5@lid\" sender_pn=\"4922@s.whatsapp.net\""
					   " notify=\"-\"><enc/></message>");

	assert_str(out.chat, "222@lid");
	assert_str(out.chat_identity.pn, "4922@s.whatsapp.net");
	assert_str(out.sender_identity.push_name, NULL);
	out = source(*state, "<message id=\"A\" from=\"7@broadcast\" participant=\"222@lid\">"
						 "<enc/></message>");
	assert_str(out.chat, "222@lid");
	assert_str(out.broadcast, "7@broadcast");
	out = source(*state, "<message id=\"A\" from=\"status@broadcast\" participant=\"222@lid\">"
						 "<enc/></message>");
	assert_str(out.chat, "status@broadcast");
	out = source(*state, "<message id=\"A\" from=\"9@newsletter\" server_id=\"77\" edit=\"3\">"
						 "<plaintext>x</plaintext></message>");
	assert_true(out.is_newsletter);
	assert_int_equal(out.server_id, 77);
	assert_int_equal(out.edit, MESSAGE_EDIT_NEWSLETTER);
	assert_int_equal(out.absence, MESSAGE_PRESENT);
	out = source(*state, "<message id=\"A\" from=\"55@bot\"><meta target_chat_jid=\"222@lid\"/>"
						 "<bot edit=\"last\" edit_target_id=\"OLD\"/><enc/></message>");
	assert_str(out.chat, "222@lid");
	assert_str(out.bot_target, "OLD");
}

static void
stanzas_without_content(void **state)
{
	static const struct
	{
		const char *child;
		WaMessageAbsence absence;
	} cases[] = {
		{"<unavailable type=\"view_once\"/>", MESSAGE_VIEW_ONCE_ELSEWHERE},
		{"<unavailable/>", MESSAGE_PLACEHOLDER},
		{"<unavailable hosted=\"true\"/>", MESSAGE_HOSTED_ELSEWHERE},
		{"<unavailable/><bot/>", MESSAGE_BOT_ELSEWHERE},
		{"<reporting/>", MESSAGE_EMPTY},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char xml[200];

		snprintf(xml, sizeof(xml), "<message id=\"A\" from=\"222@lid\">%s</message>",
				 cases[i].child);
		assert_int_equal(source(*state, xml).absence, cases[i].absence);
	}
	assert_int_equal(
		source(*state, "<message id=\"A\" from=\"222@lid\" type=\"medianotify\"/>").absence,
		MESSAGE_MEDIA_NOTIFY);
}

static void
stanzas_that_are_none(void **state)
{
	static const char *const bad[] = {
		"<message from=\"222@lid\"><enc/></message>",
		"<message id=\"A\"><enc/></message>",
		"<message id=\"A\" from=\"1@g.us\"><enc/></message>",
		"<message id=\"A\" from=\"status@broadcast\"><enc/></message>",
	};
	Fixture *fixture = *state;
	WaMessageSource out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(message_source(stanza(&fixture->arena, bad[i]), &self, &out),
						 WA_ERR_MALFORMED);
	out = source(fixture, "<message id=\"A\" from=\"222@lid\" t=\"99999999999999\" edit=\"4\">"
						  "<enc/></message>");
	assert_int_equal(out.at, 0);
	assert_int_equal(out.edit, MESSAGE_EDIT_NONE);
}

/* ---- wrappers and trust ---- */

static const WaMessageScope nobody;
static uint8_t bytes[8192];

static WaStatus
decode(Fixture *fixture, const char *hex, WaMessageScope scope, WaMessage *out)
{
	size_t len = test_hex(hex, bytes, sizeof(bytes));

	return message_decode(&fixture->arena, (WaStr){(char *) bytes, len}, &scope, out);
}

static void
device_sent_needs_the_own_account(void **state)
{
	WaMessageScope own = {.from_self = true, .recipient = str_from("555@lid")};
	WaMessage out;

	assert_int_equal(decode(*state, VECTOR_DEVICE_SENT, own, &out), WA_OK);
	assert_int_equal(out.kind, MESSAGE_TEXT);
	check_str(out.body, "mine");
	check_str(out.destination, "555@lid");
	assert_int_equal(out.flags, MESSAGE_DEVICE_SENT);
	assert_int_equal((uint8_t) out.secret.data[0], 0x22); /* the inner one's */

	assert_int_equal(decode(*state, VECTOR_DEVICE_SENT, nobody, &out), WA_OK);
	assert_int_equal(out.kind, MESSAGE_NONE);
	assert_non_null(out.refusal);
	check_str(out.body, NULL);
	check_str(out.secret, NULL);

	own.recipient = str_from("556@lid");
	assert_int_equal(decode(*state, VECTOR_DEVICE_SENT, own, &out), WA_OK);
	assert_non_null(out.refusal);
	own.recipient = str_from("4955@s.whatsapp.net"); /* the other form tells nothing */
	assert_int_equal(decode(*state, VECTOR_DEVICE_SENT, own, &out), WA_OK);
	assert_null(out.refusal);
}

/* History may come from the own phone in a peer message, from nobody else. */
static void
self_only_protocol_messages(void **state)
{
	WaMessageScope phone = {.from_self = true, .from_phone = true, .peer = true};
	WaMessageScope cases[] = {
		{0},
		{.peer = true, .from_phone = true},
		{.from_self = true, .from_phone = true},
		{.from_self = true, .peer = true},
	};
	WaMessage out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_int_equal(decode(*state, VECTOR_HISTORY_NOTICE, cases[i], &out), WA_OK);
		assert_int_equal(out.kind, MESSAGE_NONE);
		assert_non_null(out.refusal);
		assert_null(out.protocol);
	}
	assert_int_equal(decode(*state, VECTOR_HISTORY_NOTICE, phone, &out), WA_OK);
	assert_int_equal(out.protocol->type, PROTOCOL_HISTORY_SYNC);
	assert_int_equal(out.protocol->history->sync_type, 3);
	assert_int_equal(out.protocol->history->chunk, 2);
	assert_int_equal(out.protocol->history->progress, 40);
	assert_int_equal(out.protocol->history->media.size, 777);
	assert_int_equal(out.protocol->history->media.key.len, 32);
	check_str(out.protocol->history->media.direct_path, "/hist");
	check_str(out.protocol->history->payload, NULL);

	/* keys come from any own device, in a peer or device-sent message */
	assert_int_equal(decode(*state, VECTOR_KEY_SHARE, cases[3], &out), WA_OK);
	assert_int_equal(out.protocol->n_keys, 1);
	assert_int_equal(out.protocol->keys[0].id.len, 6);
	assert_int_equal(out.protocol->keys[0].data.len, 32);
	assert_int_equal(decode(*state, VECTOR_KEY_SHARE, cases[2], &out), WA_OK);
	assert_non_null(out.refusal);
	assert_int_equal(decode(*state, VECTOR_DEVICE_SENT_KEYS, cases[2], &out), WA_OK);
	assert_int_equal(out.protocol->n_keys, 1);
}

static void
answers_of_the_phone(void **state)
{
	WaMessageScope phone = {.from_self = true, .from_phone = true, .peer = true};
	WaMessage out;

	assert_int_equal(decode(*state, VECTOR_PEER_RESPONSE, phone, &out), WA_OK);
	assert_int_equal(out.protocol->peer_type, 4);
	check_str(out.protocol->request_id, "REQ1");
	assert_int_equal(out.protocol->n_results, 1);
	assert_true(out.protocol->results[0].web_message.len > 20);
	assert_int_equal(out.protocol->results[0].code, -1);
}

/* Number 4911 with LIDs 5 (assigned) and 6 (latest): the latest counts. */
static void
lid_mappings(void **state)
{
	WaMessageScope phone = {.from_self = true, .from_phone = true, .peer = true};
	WaMessage out;

	assert_int_equal(decode(*state,
							"6216"
							"1016"
							"ba0111"
							"0a0f"
							"0a0708af2610051806"
							"1080e2cfaa06",
							phone, &out),
					 WA_OK);
	check_str(out.protocol->aliases->pn, "4911@s.whatsapp.net");
	check_str(out.protocol->aliases->lid, "6@lid");
	assert_true(out.protocol->aliases->authoritative);
	assert_null(out.protocol->aliases->next);
	assert_int_equal(out.protocol->chats_migrated_at, 1700000000);
}

/* n times ephemeralMessage around "x". */
static size_t
nest(unsigned n, uint8_t *out)
{
	size_t len = 3;

	memcpy(out, "\x0a\x01x", 3);
	for (unsigned i = 0; i < n; i++)
	{
		memmove(out + 5, out, len);
		memcpy(out, (uint8_t[]){0xC2, 0x02, (uint8_t) (len + 2), 0x0A, (uint8_t) len}, 5);
		len += 5;
	}
	return len;
}

static void
depth_is_capped(void **state)
{
	Fixture *fixture = *state;
	WaMessage out;
	size_t len = nest(MESSAGE_MAX_DEPTH, bytes);

	assert_int_equal(message_decode(&fixture->arena, (WaStr){(char *) bytes, len}, &nobody, &out),
					 WA_OK);
	check_str(out.body, "x");
	assert_int_equal(out.flags, MESSAGE_EPHEMERAL);
	len = nest(MESSAGE_MAX_DEPTH + 1, bytes);
	assert_int_equal(message_decode(&fixture->arena, (WaStr){(char *) bytes, len}, &nobody, &out),
					 WA_ERR_LIMIT);
	assert_int_equal(out.kind, MESSAGE_NONE);
}

static void
hostile_plaintexts(void **state)
{
	WaMessage out;

	assert_int_equal(decode(*state, "", nobody, &out), WA_OK); /* an empty Message */
	assert_int_equal(out.kind, MESSAGE_NONE);
	assert_int_equal(decode(*state, "0a05616263", nobody, &out), WA_ERR_MALFORMED); /* cut */
	assert_int_equal(decode(*state, "0b", nobody, &out), WA_ERR_MALFORMED);         /* a group */
	assert_int_equal(decode(*state, "0001", nobody, &out), WA_ERR_MALFORMED);       /* field 0 */
	assert_int_equal(decode(*state, "0affffffffffffffffff01", nobody, &out), WA_ERR_MALFORMED);
	assert_int_equal(decode(*state, "ffffffffffffffffffffff01", nobody, &out), WA_ERR_MALFORMED);
	assert_int_equal(decode(*state, "1a030a0561", nobody, &out), WA_ERR_MALFORMED); /* image */
	/* a text of a wrong type is a field nobody knows */
	assert_int_equal(decode(*state, "0801", nobody, &out), WA_OK);
	assert_int_equal(out.kind, MESSAGE_UNKNOWN);
	assert_int_equal(out.field, 1);
	/* NUL and bad UTF-8 stay in the body as they came */
	assert_int_equal(decode(*state, "0a0461006280", nobody, &out), WA_OK);
	assert_int_equal(out.body.len, 4);
	assert_memory_equal(out.body.data, "a\0b\x80", 4);
	/* a wrapper without a message; a field from the future */
	assert_int_equal(decode(*state, "c20200", nobody, &out), WA_OK);
	assert_int_equal(out.kind, MESSAGE_UNKNOWN);
	assert_int_equal(out.field, 40);
	assert_int_equal(decode(*state, "c23e020801", nobody, &out), WA_OK);
	assert_int_equal(out.kind, MESSAGE_UNKNOWN);
	assert_int_equal(out.field, 1000);
	assert_int_equal(out.content.len, 2);
}

static const char *const vectors[] = {
	VECTOR_TEXT_EXTENDED,
	VECTOR_IMAGE,
	VECTOR_CONTACTS,
	VECTOR_POLL,
	VECTOR_EVENT,
	VECTOR_EDIT,
	VECTOR_COMMENT,
	VECTOR_CALL,
	VECTOR_KEY_SHARE,
	VECTOR_HISTORY_NOTICE,
	VECTOR_PEER_RESPONSE,
	VECTOR_LIST_REPLY,
	VECTOR_NEWSLETTER_INVITE,
	VECTOR_VOTE,
};

static void
every_allocation_may_fail(void **state)
{
	WaMessageScope phone = {.from_self = true, .from_phone = true, .peer = true};

	(void) state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		size_t len = test_hex(vectors[i], bytes, sizeof(bytes));

		for (size_t n = 1;; n++)
		{
			TestEnv env;
			WaArena arena;
			WaMessage out;
			WaStatus status;

			test_env_init(&env);
			env.fail_at = n;
			arena_init(&arena, test_env(&env), 1 << 20);
			status = message_decode(&arena, (WaStr){(char *) bytes, len}, &phone, &out);
			if (status == WA_OK && message_to_json(&arena, &out).data == NULL)
				status = arena.status;
			arena_free(&arena);
			assert_int_equal(env.live, 0);
			if (env.allocations < n)
			{
				assert_int_equal(status, WA_OK);
				break;
			}
			assert_int_equal(status, WA_ERR_NOMEM);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(group_message),
		TEST(own_messages),
		TEST(the_server_tells_who_is_me),
		TEST(direct_broadcast_newsletter_and_bot),
		TEST(stanzas_without_content),
		TEST(stanzas_that_are_none),
		TEST(device_sent_needs_the_own_account),
		TEST(self_only_protocol_messages),
		TEST(answers_of_the_phone),
		TEST(lid_mappings),
		TEST(depth_is_capped),
		TEST(hostile_plaintexts),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
