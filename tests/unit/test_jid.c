/*
 * test_jid.c
 *		Addresses: every server, devices, agents, and texts that are none.
 */
#include "check.h"
#include "jid.h"

static TestEnv env;
static WaArena arena;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

static void
texts_are_parsed(void **state)
{
	static const struct
	{
		const char *text;
		WaServer server;
		const char *user;
		unsigned device;
		unsigned integrator;
		const char *canonical;
		const char *bare;
	} cases[] = {
		{"5511999000111@s.whatsapp.net", JID_PN, "5511999000111", 0, 0,
		 "5511999000111@s.whatsapp.net", "5511999000111@s.whatsapp.net"},
		{"5511999000111:7@s.whatsapp.net", JID_PN, "5511999000111", 7, 0,
		 "5511999000111:7@s.whatsapp.net", "5511999000111@s.whatsapp.net"},
		{"5511999000111.0:7@s.whatsapp.net", JID_PN, "5511999000111", 7, 0,
		 "5511999000111:7@s.whatsapp.net", "5511999000111@s.whatsapp.net"},
		{"5511999000111:0@c.us", JID_PN, "5511999000111", 0, 0, "5511999000111@s.whatsapp.net",
		 "5511999000111@s.whatsapp.net"},
		{"99887766:255@lid", JID_LID, "99887766", 255, 0, "99887766:255@lid", "99887766@lid"},
		{"5511999000111:99@hosted", JID_HOSTED, "5511999000111", 99, 0, "5511999000111:99@hosted",
		 "5511999000111@s.whatsapp.net"},
		{"77:99@hosted.lid", JID_HOSTED_LID, "77", 99, 0, "77:99@hosted.lid", "77@lid"},
		{"4917-1600000000@g.us", JID_GROUP, "4917-1600000000", 0, 0, "4917-1600000000@g.us",
		 "4917-1600000000@g.us"},
		{"status@broadcast", JID_BROADCAST, "status", 0, 0, "status@broadcast", "status@broadcast"},
		{"120363000@newsletter", JID_NEWSLETTER, "120363000", 0, 0, "120363000@newsletter",
		 "120363000@newsletter"},
		{"8:5@bot", JID_BOT, "8:5", 0, 0, "8:5@bot", "8:5@bot"},
		{"55:300@msgr", JID_MESSENGER, "55", 300, 0, "55:300@msgr", "55@msgr"},
		{"12-abc:3@interop", JID_INTEROP, "abc", 3, 12, "12-abc:3@interop", "12-abc@interop"},
		{"abc@interop", JID_INTEROP, "abc", 0, 0, "0-abc@interop", "0-abc@interop"},
		{"x-y@interop", JID_INTEROP, "x-y", 0, 0, "0-x-y@interop", "0-x-y@interop"},
		{"ABCD@call", JID_CALL, "ABCD", 0, 0, "ABCD@call", "ABCD@call"},
		{"u:1@something.new", JID_UNKNOWN, "u:1", 0, 0, "u:1@something.new", "u:1@something.new"},
		{"@something.new", JID_UNKNOWN, "", 0, 0, "@something.new", "@something.new"},
		{"s.whatsapp.net", JID_PN, "", 0, 0, "s.whatsapp.net", "s.whatsapp.net"},
		{"@s.whatsapp.net", JID_PN, "", 0, 0, "s.whatsapp.net", "s.whatsapp.net"},
		{"g.us", JID_GROUP, "", 0, 0, "g.us", "g.us"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaJid jid;
		WaJid again;
		WaStr text;

		assert_int_equal(jid_parse(str_from(cases[i].text), &jid), WA_OK);
		assert_int_equal(jid.server, cases[i].server);
		check_str(jid.user, cases[i].user);
		assert_int_equal(jid.device, cases[i].device);
		assert_int_equal(jid.integrator, cases[i].integrator);
		text = jid_format(&arena, &jid);
		check_str(text, cases[i].canonical);
		check_str(jid_bare(&arena, str_from(cases[i].text)), cases[i].bare);

		/* the canonical text is a fixed point */
		assert_int_equal(jid_parse(text, &again), WA_OK);
		assert_true(jid_same_user(&jid, &again));
		check_str(jid_format(&arena, &again), cases[i].canonical);
	}
}

static void
other_texts_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"nowhere",
		"@",
		"user@",
		"a@b@g.us",
		"a@@g.us",
		":7@s.whatsapp.net",
		".1@s.whatsapp.net",
		"5:@s.whatsapp.net",
		"5:x@s.whatsapp.net",
		"5:256@s.whatsapp.net",
		"5:256@lid",
		"5:65536@msgr",
		"5:1:2@lid",
		"5-@interop",
		"a b@g.us",
		"a\n@g.us",
		"a@g.\x7fus",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaJid jid = {.device = 42};

		if (jid_parse(str_from(cases[i]), &jid) != WA_ERR_MALFORMED)
			fail_msg("\"%s\" was taken for a JID", cases[i]);
		assert_int_equal(jid.device, 42);
		check_str(jid_bare(&arena, str_from(cases[i])), NULL);
	}
	check_str(jid_bare(&arena, WA_STR_NONE), NULL);
	check_str(jid_bare(&arena, (WaStr){"a\0b@g.us", 8}), NULL);
}

static bool
same(const char *a, const char *b)
{
	WaJid x;
	WaJid y;

	assert_int_equal(jid_parse(str_from(a), &x), WA_OK);
	assert_int_equal(jid_parse(str_from(b), &y), WA_OK);
	assert_int_equal(jid_same_user(&x, &y), jid_same_user(&y, &x));
	return jid_same_user(&x, &y);
}

static void
users_are_compared_without_device(void **state)
{
	(void) state;
	assert_true(same("1:2@lid", "1:3@lid"));
	assert_true(same("1@c.us", "1:3@s.whatsapp.net"));
	assert_true(same("1:99@hosted", "1@s.whatsapp.net"));
	assert_true(same("1:99@hosted.lid", "1@lid"));
	assert_false(same("1@lid", "1@s.whatsapp.net"));
	assert_false(same("1:99@hosted", "1@lid"));
	assert_false(same("1@lid", "12@lid"));
	assert_false(same("1-a@interop", "2-a@interop"));
	assert_false(same("a@one.new", "a@two.new"));
	assert_true(same("g.us", "@g.us"));
}

static void
only_people_are_users(void **state)
{
	static const struct
	{
		const char *text;
		bool user;
	} cases[] = {
		{"1@s.whatsapp.net", true}, {"1@lid", true},         {"1:9@hosted", true},
		{"1@hosted.lid", true},     {"1@g.us", false},       {"1@bot", false},
		{"1@msgr", false},          {"1@newsletter", false}, {"status@broadcast", false},
		{"1@elsewhere", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaJid jid;

		assert_int_equal(jid_parse(str_from(cases[i].text), &jid), WA_OK);
		assert_int_equal(jid_is_user(&jid), cases[i].user);
	}
}

static void
servers_have_names(void **state)
{
	(void) state;
	for (int server = JID_PN; server <= JID_CALL; server++)
		assert_int_equal(jid_server_from(str_from(jid_server_name((WaServer) server))), server);
	assert_null(jid_server_name(JID_UNKNOWN));
	assert_null(jid_server_name((WaServer) 99));
	assert_int_equal(jid_server_from(WA_STR_NONE), JID_UNKNOWN);
	assert_int_equal(jid_server_from(str_from("c.us")), JID_PN);
}

static void
lack_of_memory_gives_nothing(void **state)
{
	WaJid jid;

	(void) state;
	env.fail_at = 1;
	assert_int_equal(jid_parse(str_from("1:2@lid"), &jid), WA_OK);
	check_str(jid_format(&arena, &jid), NULL);
	assert_true(arena.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(texts_are_parsed, setup, teardown),
		cmocka_unit_test_setup_teardown(other_texts_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(users_are_compared_without_device, setup, teardown),
		cmocka_unit_test_setup_teardown(only_people_are_users, setup, teardown),
		cmocka_unit_test_setup_teardown(servers_have_names, setup, teardown),
		cmocka_unit_test_setup_teardown(lack_of_memory_gives_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
