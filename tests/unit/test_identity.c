/*
 * test_identity.c
 *		People and pairs from stanzas: every source of sheet 2 section 1.2 that
 *		a session without messages meets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/protocol/identity.h"
#include "stanza.h"
#include "test_env.h"

#define MEMORY (1 << 20)

static TestEnv env;
static WaArena arena;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

/* ---- one person ---- */

static void
test_actor(void **state)
{
	WaIdentity who;

	(void) state;
	who = identity_of_actor(stanza(
		&arena,
		"<notification from=\"120363000000000002@g.us\" type=\"w:gp2\" id=\"1028\" "
		"participant=\"15511990000001@lid\" participant_pn=\"5511990000001@s.whatsapp.net\" "
		"participant_username=\"ann.b\" participant_country_code=\"BR\" notify=\"Ann\" t=\"1\"/>"));
	assert_str(who.lid, "15511990000001@lid");
	assert_str(who.pn, "5511990000001@s.whatsapp.net");
	assert_str(who.username, "ann.b");
	assert_str(who.country, "BR");
	assert_str(who.push_name, "Ann");
	assert_true(identity_is_known(&who));

	/* the other way round, with device and hosted server; "-" is no name */
	who = identity_of_actor(stanza(&arena,
								   "<notification participant=\"5511990000001:12@hosted\" "
								   "participant_lid=\"15511990000001:12@lid\" notify=\"-\"/>"));
	assert_str(who.lid, "15511990000001@lid");
	assert_str(who.pn, "5511990000001@s.whatsapp.net");
	assert_str(who.push_name, NULL);

	/* the server acts: nobody */
	who = identity_of_actor(stanza(&arena, "<notification from=\"1@g.us\"/>"));
	assert_false(identity_is_known(&who));
	who = identity_of_actor(NULL);
	assert_false(identity_is_known(&who));
}

static void
test_participant(void **state)
{
	WaIdentity who;

	(void) state;
	who = identity_of_participant(stanza(
		&arena,
		"<participant jid=\"111@lid\" phone_number=\"4917@s.whatsapp.net\" username=\"u\"/>"));
	assert_str(who.lid, "111@lid");
	assert_str(who.pn, "4917@s.whatsapp.net");
	assert_str(who.username, "u");

	who = identity_of_participant(stanza(
		&arena,
		"<participant jid=\"4917@s.whatsapp.net\" lid=\"111@lid\" participant_username=\"v\"/>"));
	assert_str(who.lid, "111@lid");
	assert_str(who.pn, "4917@s.whatsapp.net");
	assert_str(who.username, "v");

	/* a hidden number is never made up from the LID's digits */
	who = identity_of_participant(
		stanza(&arena, "<participant jid=\"222@lid\" display_name=\"+55∙∙∙∙79\"/>"));
	assert_str(who.lid, "222@lid");
	assert_str(who.pn, NULL);
	assert_str(who.display, "+55∙∙∙∙79");

	/* nobody's: groups, robots, servers, no JID at all */
	who = identity_of_participant(stanza(
		&arena,
		"<participant jid=\"123@bot\" phone_number=\"120363@g.us\" lid=\"lid\" username=\"w\"/>"));
	assert_false(identity_is_known(&who));
	assert_str(who.username, "w");
}

static void
test_key(void **state)
{
	WaNode *group = stanza(
		&arena, "<group creator=\"1@lid\" creator_pn=\"49@s.whatsapp.net\" creator_username=\"c\" "
				"creator_country_code=\"DE\" s_o_pn=\"48@s.whatsapp.net\" s_o=\"2@lid\" "
				"creators=\"9@lid\"/>");
	WaIdentity creator = identity_of_key(group, "creator");
	WaIdentity setter = identity_of_key(group, "s_o");

	(void) state;
	assert_str(creator.lid, "1@lid");
	assert_str(creator.pn, "49@s.whatsapp.net");
	assert_str(creator.username, "c");
	assert_str(creator.country, "DE");
	assert_str(setter.lid, "2@lid");
	assert_str(setter.pn, "48@s.whatsapp.net");
	assert_str(setter.username, NULL);
}

static void
test_hostile_jids(void **state)
{
	char longest[IDENTITY_MAX_JID + 2];
	WaIdentity who;

	(void) state;
	memset(longest, '7', sizeof(longest));
	memcpy(longest + IDENTITY_MAX_JID - 4, "@lid", 4);
	who = identity_from(&arena, (WaStr){longest, IDENTITY_MAX_JID}, WA_STR_NONE);
	assert_int_equal(who.lid.len, IDENTITY_MAX_JID);
	memmove(longest + 1, longest, IDENTITY_MAX_JID);
	who = identity_from(&arena, (WaStr){longest, IDENTITY_MAX_JID + 1}, WA_STR_NONE);
	assert_false(identity_is_known(&who));

	who = identity_from(&arena,
						(WaStr){"1\0"
								"2@lid",
								7},
						str_from("\xC3\xA9@s.whatsapp.net"));
	assert_false(identity_is_known(&who));
	who = identity_from(&arena, str_from("@lid"), str_from("1@2@lid"));
	assert_false(identity_is_known(&who));
}

static void
test_same(void **state)
{
	WaIdentity both = identity_from(&arena, str_from("1@lid"), str_from("49@s.whatsapp.net"));
	WaIdentity lid = identity_from(&arena, str_from("1:3@lid"), WA_STR_NONE);
	WaIdentity pn = identity_from(&arena, WA_STR_NONE, str_from("49@c.us"));
	WaIdentity digits = identity_from(&arena, str_from("49@lid"), WA_STR_NONE);
	WaIdentity nobody = {0};

	(void) state;
	assert_true(identity_same(&both, &lid));
	assert_true(identity_same(&pn, &both));
	assert_false(identity_same(&lid, &pn));
	/* a LID may spell the digits of a number */
	assert_false(identity_same(&pn, &digits));
	assert_false(identity_same(&nobody, &nobody));
}

static void
test_number_change(void **state)
{
	WaIdentity before;
	WaIdentity after;

	(void) state;
	assert_true(identity_number_change(
		stanza(&arena,
			   "<notification type=\"contacts\" from=\"49@s.whatsapp.net\"><modify "
			   "old=\"49@s.whatsapp.net\" "
			   "new=\"48@s.whatsapp.net\" old_lid=\"1@lid\" new_lid=\"2@lid\"/></notification>"),
		&before, &after));
	assert_str(before.pn, "49@s.whatsapp.net");
	assert_str(before.lid, "1@lid");
	assert_str(after.pn, "48@s.whatsapp.net");
	assert_str(after.lid, "2@lid");

	/* w:gp2 has a modify of its own; half a change is none */
	assert_false(identity_number_change(
		stanza(&arena, "<notification type=\"w:gp2\"><modify old=\"49@s.whatsapp.net\" "
					   "new=\"48@s.whatsapp.net\"/>"
					   "</notification>"),
		&before, &after));
	assert_false(identity_number_change(
		stanza(
			&arena,
			"<notification type=\"contacts\"><modify old=\"49@s.whatsapp.net\"/></notification>"),
		&before, &after));
	assert_false(identity_number_change(
		stanza(
			&arena,
			"<notification type=\"contacts\"><update jid=\"49@s.whatsapp.net\"/></notification>"),
		&before, &after));
	assert_false(identity_number_change(NULL, &before, &after));
}

/* ---- pairs ---- */

typedef struct Source
{
	const char *name;
	const char *xml;
	const char *pairs; /* "lid=pn! " when authoritative, "lid=pn? " when not */
} Source;

static const Source sources[] = {
	{"pair-success",
	 "<iq from=\"s.whatsapp.net\" id=\"Y\" type=\"set\" xmlns=\"md\"><pair-success>"
	 "<device-identity>x</device-identity><device jid=\"491:12@s.whatsapp.net\" lid=\"11:12@lid\"/>"
	 "<platform name=\"android\"/></pair-success></iq>",
	 "11=491! "},
	{"group message from a LID",
	 "<message id=\"A\" from=\"1@g.us\" participant=\"11:3@lid\" "
	 "participant_pn=\"491@s.whatsapp.net\"/>",
	 "11=491! "},
	{"group message from a number",
	 "<message id=\"A\" from=\"1@g.us\" participant=\"491:3@s.whatsapp.net\" "
	 "participant_lid=\"11@lid\"/>",
	 "11=491! "},
	{"direct message, both ways",
	 "<message id=\"A\" from=\"11:3@lid\" sender_pn=\"491@s.whatsapp.net\"/>", "11=491! "},
	{"direct message from a number",
	 "<message id=\"A\" from=\"491@s.whatsapp.net\" sender_lid=\"11@lid\"/>", "11=491! "},
	{"copy from an own device",
	 "<message id=\"A\" from=\"492:2@s.whatsapp.net\" recipient=\"11@lid\" "
	 "peer_recipient_pn=\"491@s.whatsapp.net\"/>",
	 "11=491! "},
	{"the same to a number, older names",
	 "<message id=\"A\" from=\"492:2@s.whatsapp.net\" recipient=\"491@s.whatsapp.net\" "
	 "recipient_lid=\"11@lid\"/>",
	 "11=491! "},
	{"own broadcast",
	 "<message id=\"A\" from=\"492:2@s.whatsapp.net\"><participants>"
	 "<to jid=\"11@lid\" peer_recipient_pn=\"491@s.whatsapp.net\"/>"
	 "<to jid=\"493@s.whatsapp.net\" peer_recipient_lid=\"13@lid\"/></participants></message>",
	 "11=491! 13=493! "},
	{"receipt",
	 "<receipt id=\"A\" from=\"1@g.us\" participant=\"11:1@lid\" "
	 "participant_pn=\"491@s.whatsapp.net\"/>",
	 "11=491! "},
	{"aggregated receipt",
	 "<receipt from=\"1@g.us\" id=\"A\" type=\"read\"><participants key=\"M\">"
	 "<user jid=\"11@lid\" participant_pn=\"491@s.whatsapp.net\" t=\"1\"/><user jid=\"12@lid\" "
	 "t=\"1\"/>"
	 "</participants></receipt>",
	 "11=491! "},
	{"LID group's metadata",
	 "<iq type=\"result\" from=\"1@g.us\"><group id=\"1\" creator=\"11@lid\" "
	 "creator_pn=\"491@s.whatsapp.net\" s_o=\"12@lid\" s_o_pn=\"492@s.whatsapp.net\">"
	 "<description id=\"D\" participant=\"13@lid\" participant_pn=\"493@s.whatsapp.net\" t=\"1\"/>"
	 "<participant jid=\"14@lid\" phone_number=\"494@s.whatsapp.net\"/>"
	 "<participant jid=\"15@lid\"/></group></iq>",
	 "11=491? 12=492? 13=493? 14=494? "},
	{"phone-addressed group's metadata, in the list",
	 "<iq type=\"result\" from=\"g.us\"><groups><group id=\"1\" creator=\"491@s.whatsapp.net\">"
	 "<participant jid=\"491@s.whatsapp.net\" lid=\"11@lid\" "
	 "type=\"admin\"/></group></groups></iq>",
	 "11=491? "},
	{"w:gp2 root and participants",
	 "<notification from=\"1@g.us\" type=\"w:gp2\" id=\"1028\" participant=\"11@lid\" "
	 "participant_pn=\"491@s.whatsapp.net\"><add v_id=\"2\" prev_v_id=\"1\">"
	 "<participant jid=\"12@lid\" phone_number=\"492@s.whatsapp.net\"/></add></notification>",
	 "11=491? 12=492? "},
	{"w:gp2 requested_user",
	 "<notification from=\"1@g.us\" type=\"w:gp2\" id=\"1\" participant=\"14@lid\">"
	 "<created_membership_requests request_method=\"invite_link\">"
	 "<requested_user jid=\"14@lid\" phone_number=\"494@s.whatsapp.net\"/>"
	 "</created_membership_requests></notification>",
	 "14=494? "},
	{"w:gp2 create and subject",
	 "<notification from=\"1@g.us\" type=\"w:gp2\" id=\"1\"><create><group id=\"1\" "
	 "creator=\"11@lid\" "
	 "creator_pn=\"491@s.whatsapp.net\"><participant jid=\"12@lid\" "
	 "phone_number=\"492@s.whatsapp.net\"/>"
	 "</group></create><subject s_o=\"13@lid\" s_o_pn=\"493@s.whatsapp.net\"/></notification>",
	 "11=491? 12=492? 13=493? "},
	{"usync of a number",
	 "<iq type=\"result\" from=\"s.whatsapp.net\"><usync><list><user jid=\"491@s.whatsapp.net\">"
	 "<devices><device-list><device id=\"0\"/></device-list></devices><lid val=\"11@lid\"/></user>"
	 "<user jid=\"492@s.whatsapp.net\"/></list></usync></iq>",
	 "11=491! "},
	{"usync in LID mode",
	 "<iq type=\"result\"><usync><list><user jid=\"11@lid\" pn_jid=\"491@s.whatsapp.net\">"
	 "<contact type=\"in\"/></user></list></usync></iq>",
	 "11=491! "},
	{"devices",
	 "<notification type=\"devices\" from=\"491@s.whatsapp.net\" lid=\"11@lid\"><add "
	 "device_hash=\"2:x\">"
	 "<device jid=\"491:5@s.whatsapp.net\" lid=\"11:5@lid\"/></add></notification>",
	 "11=491? 11=491? "},
	{"contacts modify",
	 "<notification type=\"contacts\" from=\"491@s.whatsapp.net\"><modify "
	 "old=\"491@s.whatsapp.net\" "
	 "old_lid=\"11@lid\" new=\"492@s.whatsapp.net\" new_lid=\"12@lid\"/></notification>",
	 "11=491? 12=492? "},
	{"picture",
	 "<notification type=\"picture\" from=\"491@s.whatsapp.net\" lid=\"11@lid\"><set "
	 "id=\"1\"/></notification>",
	 "11=491? "},
	{"encrypt",
	 "<notification type=\"encrypt\" from=\"491@s.whatsapp.net\" "
	 "lid=\"11@lid\"><identity/></notification>",
	 "11=491? "},
	{"privacy_token",
	 "<notification type=\"privacy_token\" from=\"491@s.whatsapp.net\" "
	 "sender_lid=\"11@lid\"><tokens>"
	 "<token type=\"trusted_contact\" t=\"1\">x</token></tokens></notification>",
	 "11=491? "},
	{"call",
	 "<call id=\"C\" from=\"11:2@lid\" t=\"1\"><offer call-id=\"1\" call-creator=\"11:2@lid\" "
	 "caller_pn=\"491@s.whatsapp.net\"/></call>",
	 "11=491! "},
	{"call, on the root or without a creator",
	 "<call id=\"C\" from=\"11@lid\" caller_pn=\"491@s.whatsapp.net\">"
	 "<terminate caller_pn=\"491@s.whatsapp.net\"/></call>",
	 "11=491! 11=491! "},
	{"blocklist",
	 "<iq type=\"result\"><list><item jid=\"11@lid\" pn_jid=\"491@s.whatsapp.net\"/></list></iq>",
	 "11=491! "},
	{"account_sync blocklist",
	 "<notification type=\"account_sync\" from=\"490@s.whatsapp.net\"><blocklist action=\"modify\">"
	 "<item jid=\"11@lid\" pn_jid=\"491@s.whatsapp.net\" action=\"block\"/>"
	 "<item jid=\"12@lid\" pn_jid=\"492@s.whatsapp.net\" "
	 "action=\"unblock\"/></blocklist></notification>",
	 "11=491! 12=492? "},
	{"membership requests",
	 "<iq type=\"result\" "
	 "from=\"1@g.us\"><membership_approval_requests><membership_approval_request "
	 "jid=\"11@lid\" phone_number=\"491@s.whatsapp.net\" request_time=\"1\"/>"
	 "</membership_approval_requests></iq>",
	 "11=491? "},
	{"no pairs: one side only, two of a kind, groups, robots, WhatsApp itself",
	 "<notification type=\"w:gp2\" from=\"1@g.us\" lid=\"11@lid\" participant=\"11@lid\"><add>"
	 "<participant jid=\"12@lid\" lid=\"13@lid\"/><participant jid=\"14@lid\" "
	 "phone_number=\"495@g.us\"/>"
	 "<participant jid=\"0@s.whatsapp.net\" lid=\"15@lid\"/>"
	 "<participant jid=\"abc@s.whatsapp.net\" lid=\"16@lid\"/></add></notification>",
	 ""},
	{"no pairs: attributes that mean something elsewhere",
	 "<presence from=\"491@s.whatsapp.net\" lid=\"11@lid\" participant=\"491@s.whatsapp.net\" "
	 "participant_lid=\"11@lid\"><user jid=\"491@s.whatsapp.net\" pn_jid=\"11@lid\"/></presence>",
	 ""},
};

static void
describe(const WaAlias *list, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (const WaAlias *alias = list; alias != NULL; alias = alias->next)
	{
		int lid_len = (int) (alias->lid.len - strlen("@lid"));
		int pn_len = (int) (alias->pn.len - strlen("@s.whatsapp.net"));

		assert_string_equal(alias->lid.data + lid_len, "@lid");
		assert_string_equal(alias->pn.data + pn_len, "@s.whatsapp.net");
		used += (size_t) snprintf(out + used, size - used, "%.*s=%.*s%c ", lid_len, alias->lid.data,
								  pn_len, alias->pn.data, alias->authoritative ? '!' : '?');
		assert_true(used < size);
	}
}

static void
test_sources(void **state)
{
	char found[256];

	(void) state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
	{
		describe(identity_harvest(stanza(&arena, sources[i].xml)), found, sizeof(found));
		if (strcmp(found, sources[i].pairs) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", sources[i].name, found, sources[i].pairs);
	}
	assert_null(identity_harvest(NULL));
}

static void
test_pair(void **state)
{
	WaAlias *alias;

	(void) state;
	/* <success lid> and the number that the device has had since it was linked */
	alias = identity_pair(&arena, str_from("11:12@lid"), str_from("491:12@s.whatsapp.net"), true);
	assert_non_null(alias);
	assert_str(alias->lid, "11@lid");
	assert_str(alias->pn, "491@s.whatsapp.net");
	assert_true(alias->authoritative);
	assert_null(alias->next);
	alias = identity_pair(&arena, str_from("491@s.whatsapp.net"), str_from("11@lid"), false);
	assert_str(alias->lid, "11@lid");
	assert_false(alias->authoritative);
	assert_null(identity_pair(&arena, str_from(""), str_from("11@lid"), true));
	assert_null(identity_pair(&arena, WA_STR_NONE, WA_STR_NONE, true));
}

/* What is nested deeper than any real source is neither walked nor a danger. */
static void
test_depth(void **state)
{
	WaNode *root = node_new(&arena, "iq");
	WaNode *node = root;

	(void) state;
	for (int i = 0; i < 2000; i++)
		node = node_add(node, "group");
	node_set(node, "creator", "11@lid");
	node_set(node, "creator_pn", "491@s.whatsapp.net");
	assert_false(arena.failed);
	assert_null(identity_harvest(root));
}

/* One harvest with memory that ends; true when it did not. */
static bool
harvest_survives(const Source *source, size_t fail_at, size_t max)
{
	TestEnv failing;
	WaArena small;
	char found[256];
	bool whole;

	test_env_init(&failing);
	failing.fail_at = fail_at;
	arena_init(&small, test_env(&failing), max);
	describe(identity_harvest(stanza(&small, source->xml)), found, sizeof(found));
	whole = !small.failed && (fail_at == 0 || failing.allocations < fail_at);
	if (whole)
		assert_string_equal(found, source->pairs);
	arena_free(&small);
	assert_int_equal(failing.live, 0);
	return whole;
}

static void
test_memory(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
	{
		size_t n = 1;

		while (!harvest_survives(&sources[i], n, MEMORY))
			assert_true(++n < 1000);
		assert_true(n > 2);
		/* an arena takes blocks; a shrinking limit fails what it hands out in between */
		n = 8;
		while (!harvest_survives(&sources[i], 0, n))
			assert_true((n += 8) < MEMORY);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_actor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_participant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_jids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
