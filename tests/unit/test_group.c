/*
 * test_group.c
 *		Metadata, rosters and queries of groups, from the stanzas of a real
 *		client's transcripts; and all of group.c with memory that ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/protocol/group.h"
#include "stanza.h"
#include "test_env.h"

#define MEMORY (4 << 20)

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

/* ---- metadata ---- */

static const char list_xml[] =
	"<iq type=\"result\" id=\"54677.3443-10\" from=\"g.us\">\n"
	"  <groups>\n"
	"    <group id=\"120363000000000001\" subject=\"PN group\" creation=\"1700000000\" "
	"creator=\"5511990000001@s.whatsapp.net\" s_t=\"1700000001\" "
	"s_o=\"5511990000001@s.whatsapp.net\" "
	"addressing_mode=\"pn\" p_v_id=\"1\" size=\"4\">\n"
	"      <participant jid=\"5511000000100@s.whatsapp.net\" lid=\"15511000000100@lid\" "
	"type=\"admin\"/>\n"
	"      <participant jid=\"5511990000001@s.whatsapp.net\" lid=\"15511990000001@lid\" "
	"type=\"superadmin\"/>\n"
	"      <participant jid=\"5511990000002@s.whatsapp.net\" lid=\"15511990000002@lid\"/>\n"
	"      <participant jid=\"5511990000003@s.whatsapp.net\" lid=\"15511990000003@lid\"/>\n"
	"    </group>\n"
	"    <group id=\"120363000000000002\" subject=\"LID group\" creation=\"1700000000\" "
	"creator=\"15511990000001@lid\" s_t=\"1700000000\" s_o=\"15511990000001@lid\" "
	"addressing_mode=\"lid\" p_v_id=\"1700000000000001\" size=\"2\">\n"
	"      <participant jid=\"15511000000100@lid\" phone_number=\"5511000000100@s.whatsapp.net\" "
	"type=\"admin\"/>\n"
	"      <participant jid=\"15511990000001@lid\" display_name=\"+55∙∙01\" type=\"superadmin\"/>\n"
	"    </group>\n"
	"  </groups>\n"
	"</iq>";

static void
test_list(void **state)
{
	int count;
	bool all;
	WaGroup *pn = group_parse_list(stanza(&arena, list_xml), &count, &all);
	WaGroup *lid = pn->next;

	(void) state;
	assert_int_equal(count, 2);
	assert_true(all);
	assert_null(lid->next);

	assert_str(pn->jid, "120363000000000001@g.us");
	assert_str(pn->subject, "PN group");
	assert_int_equal(pn->subject_at, 1700000001);
	assert_str(pn->subject_by.pn, "5511990000001@s.whatsapp.net");
	assert_int_equal(pn->created_at, 1700000000);
	assert_str(pn->creator.pn, "5511990000001@s.whatsapp.net");
	assert_str(pn->description, NULL);
	assert_int_equal(pn->size, 4);
	assert_int_equal(pn->version, 1);
	assert_str(pn->addressing_mode, "pn");
	assert_int_equal(pn->n_participants, 4);
	assert_true(pn->complete);
	assert_false(pn->partial);
	assert_int_equal(pn->participants->role, GROUP_ADMIN);
	assert_str(pn->participants->who.pn, "5511000000100@s.whatsapp.net");
	assert_str(pn->participants->who.lid, "15511000000100@lid");
	assert_int_equal(pn->participants->next->role, GROUP_SUPERADMIN);
	assert_int_equal(pn->participants->next->next->role, GROUP_MEMBER);
	/* metadata's silence means off */
	assert_int_equal(pn->settings.announce, 0);
	assert_int_equal(pn->settings.locked, 0);
	assert_int_equal(pn->settings.join_approval, 0);
	assert_int_equal(pn->settings.ephemeral_seconds, 0);
	assert_str(pn->settings.member_add_mode, NULL);

	assert_str(lid->jid, "120363000000000002@g.us");
	assert_int_equal(lid->version, INT64_C(1700000000000001));
	assert_str(lid->participants->next->who.pn, NULL);
	assert_str(lid->participants->next->who.display, "+55∙∙01");
	assert_true(lid->complete);
}

static void
test_list_is_not_all(void **state)
{
	int count;
	bool all;
	WaGroup *group;

	(void) state;
	/* a bot in no group: empty, and that is all */
	assert_null(
		group_parse_list(stanza(&arena, "<iq type=\"result\"><groups/></iq>"), &count, &all));
	assert_int_equal(count, 0);
	assert_true(all);

	/* no list and an error say nothing about groups */
	assert_null(group_parse_list(stanza(&arena, "<iq type=\"result\"/>"), &count, &all));
	assert_false(all);
	assert_null(group_parse_list(stanza(&arena, "<iq type=\"error\"><groups/>"
												"<error code=\"429\"/></iq>"),
								 &count, &all));
	assert_false(all);
	assert_null(group_parse_list(NULL, &count, &all));
	assert_false(all);

	/* one bad entry costs itself, and the list is not all any more */
	group = group_parse_list(
		stanza(&arena,
			   "<iq type=\"result\"><groups><group id=\"1\"/>"
			   "<group subject=\"?\"/><group id=\"2@s.whatsapp.net\"/><group id=\"3\"/></groups>"
			   "<communities><community id=\"4\"/></communities></iq>"),
		&count, &all);
	assert_int_equal(count, 3);
	assert_false(all);
	assert_str(group->jid, "1@g.us");
	assert_str(group->next->jid, "3@g.us");
	assert_str(group->next->next->jid, "4@g.us");

	/* entries of a batch query */
	group = group_parse_list(stanza(&arena, "<iq type=\"result\"><groups>"
											"<group jid=\"1@g.us\" error=\"403\"/><group "
											"jid=\"2@g.us\" truncated=\"true\" size=\"9\"/>"
											"</groups></iq>"),
							 &count, &all);
	assert_true(all);
	assert_str(group->error, "403");
	assert_true(group->partial);
	assert_false(group->complete);
	assert_int_equal(group->settings.announce, -1);
	assert_true(group->next->truncated);
	assert_int_equal(group->next->size, 9);
	assert_int_equal(group->next->settings.locked, -1);
}

static void
test_metadata(void **state)
{
	WaGroup *group = group_parse(stanza(
		&arena, "<group id=\"1203-1@g.us\" subject=\"Käse\" s_t=\"5\" s_o=\"2@lid\" "
				"s_o_pn=\"492@s.whatsapp.net\" "
				"creation=\"4\" creator=\"1@lid\" creator_pn=\"491@s.whatsapp.net\" "
				"creator_country_code=\"DE\" "
				"addressing_mode=\"lid\" p_v_id=\"7\" size=\"1\">"
				"<description id=\"D1\" participant=\"3@lid\" "
				"participant_pn=\"493@s.whatsapp.net\" t=\"6\">"
				"<body>What we do</body></description>"
				"<announcement/><locked/><ephemeral expiration=\"604800\" trigger=\"1\"/>"
				"<member_add_mode>admin_add</member_add_mode><member_link_mode>all_member_link</"
				"member_link_mode>"
				"<membership_approval_mode><group_join state=\"on\"/></membership_approval_mode>"
				"<linked_parent jid=\"99@g.us\"/><default_sub_group/><incognito/>"
				"<suspended can_auto_file=\"true\"/><growth_locked type=\"invite\" "
				"expiration=\"9\"/><surprise/>"
				"<participant jid=\"1@lid\" type=\"superadmin\" participant_label=\"Boss\" "
				"join_time=\"1690000000\"/>"
				"</group>"));

	(void) state;
	assert_str(group->jid, "1203-1@g.us");
	assert_str(group->subject, "Käse");
	assert_str(group->subject_by.pn, "492@s.whatsapp.net");
	assert_str(group->creator.lid, "1@lid");
	assert_str(group->creator.pn, "491@s.whatsapp.net");
	assert_str(group->creator.country, "DE");
	assert_str(group->description, "What we do");
	assert_str(group->description_id, "D1");
	assert_int_equal(group->description_at, 6);
	assert_str(group->description_by.lid, "3@lid");
	assert_str(group->description_by.pn, "493@s.whatsapp.net");
	assert_int_equal(group->settings.announce, 1);
	assert_int_equal(group->settings.locked, 1);
	assert_int_equal(group->settings.join_approval, 1);
	assert_int_equal(group->settings.ephemeral_seconds, 604800);
	assert_str(group->settings.member_add_mode, "admin_add");
	assert_str(group->settings.member_link_mode, "all_member_link");
	assert_str(group->parent_jid, "99@g.us");
	assert_true(group->is_default_subgroup);
	assert_true(group->incognito);
	assert_true(group->suspended);
	assert_false(group->is_parent);
	assert_str(group->participants->label, "Boss");
	assert_int_equal(group->participants->joined_at, 1690000000);
	assert_true(group->complete);

	group = group_parse(stanza(
		&arena, "<group id=\"2\"><parent "
				"default_membership_approval_mode=\"request_required\"/><membership_approval_mode>"
				"<group_join state=\"off\"/></membership_approval_mode></group>"));
	assert_true(group->is_parent);
	assert_int_equal(group->settings.join_approval, 0);
	assert_str(group->addressing_mode, "pn"); /* what an absent one means */
	/* presence without a state is on */
	group = group_parse(stanza(&arena, "<group id=\"2\"><membership_approval_mode/></group>"));
	assert_int_equal(group->settings.join_approval, 1);
}

static void
test_complete(void **state)
{
#define P1 "<participant jid=\"1@lid\"/>"
#define P2 "<participant jid=\"492@s.whatsapp.net\"/>"
	static const struct
	{
		const char *xml;
		bool complete;
	} cases[] = {
		{"<group id=\"1\" size=\"2\">" P1 P2 "</group>", true},
		{"<group id=\"1\">" P1 P2 "</group>", true},
		{"<group id=\"1\" size=\"1\">" P1 P2 "</group>", true},
		{"<group id=\"1\" size=\"3\">" P1 P2 "</group>", false},
		{"<group id=\"1\" size=\"2\">" P1 P2 "<missing_participant_identification/></group>",
		 false},
		{"<group id=\"1\" size=\"2\" truncated=\"true\" subject=\"s\">" P1 P2 "</group>", false},
		{"<group id=\"1\" size=\"2\" error=\"404\">" P1 P2 "</group>", false},
		{"<group id=\"1\" size=\"0\"/>", false},
		{"<group id=\"1\"/>", false},
		{"<group id=\"1\" size=\"2\">" P1 "<participant username=\"u\"/></group>", false},
		{"<group id=\"1\" size=\"2\">" P1 "<participant jid=\"5@bot\"/></group>", false},
		{"<group id=\"1\"><parent/>" P1 P2 "</group>", false},
		{"<group id=\"1\" size=\"2\"><parent/>" P1 P2 "</group>", true},
		{"<group id=\"1\"><incognito/>" P1 P2 "</group>", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaGroup *group = group_parse(stanza(&arena, cases[i].xml));

		if (group->complete != cases[i].complete)
			fail_msg("%s: complete is %d", cases[i].xml, group->complete);
	}
}

static void
test_senseless_values(void **state)
{
	WaGroup *group = group_parse(stanza(
		&arena,
		"<group id=\"1\" subject=\"\" s_t=\"soon\" creation=\"253402300800\" size=\"4294967296\" "
		"p_v_id=\"18446744073709551616\" creator=\"nobody\" s_o=\"1@g.us\">"
		"<ephemeral expiration=\"99999999999\"/><linked_parent jid=\"1@s.whatsapp.net\"/>"
		"<participant jid=\"1@lid\" type=\"emperor\" join_time=\"-1\"/></group>"));
	char long_id[IDENTITY_MAX_JID + 8];
	WaNode *node = node_new(&arena, "group");

	(void) state;
	assert_str(group->subject, NULL);
	assert_int_equal(group->subject_at, 0);
	assert_int_equal(group->created_at, 0);
	assert_int_equal(group->size, -1);
	assert_int_equal(group->version, -1);
	assert_false(identity_is_known(&group->creator));
	assert_false(identity_is_known(&group->subject_by));
	assert_int_equal(group->settings.ephemeral_seconds, -1);
	assert_str(group->parent_jid, NULL);
	assert_int_equal(group->participants->role, GROUP_MEMBER);
	assert_int_equal(group->participants->joined_at, 0);

	assert_null(group_parse(NULL));
	assert_null(group_parse(stanza(&arena, "<group id=\"1@lid\"/>")));
	assert_null(group_parse(stanza(&arena, "<group id=\"@g.us\"/>")));
	node_set_str(node, "id",
				 (WaStr){"12\0"
						 "3",
						 4});
	assert_null(group_parse(node));
	memset(long_id, '1', sizeof(long_id));
	node_set_str(node, "id", (WaStr){long_id, sizeof(long_id)});
	assert_null(group_parse(node));
	assert_false(arena.failed);
}

static void
test_role_names(void **state)
{
	(void) state;
	assert_string_equal(group_role_name(GROUP_MEMBER), "member");
	assert_string_equal(group_role_name(GROUP_ADMIN), "admin");
	assert_string_equal(group_role_name(GROUP_SUPERADMIN), "superadmin");
}

/* ---- queries: byte for byte what Baileys 7 sends, up to the order of attributes ---- */

static void
test_queries(void **state)
{
	WaNode *iq = group_query_all(&arena);
	WaNode *child = node_child(iq, "participating");
	WaBuf wire;
	WaNode *decoded;

	(void) state;
	assert_str(node_attr(iq, "type"), "get");
	assert_str(node_attr(iq, "xmlns"), "w:g2");
	assert_true(node_is(child->first_child, "participants"));
	assert_true(node_is(child->first_child->next, "description"));
	/* "@g.us" is a JID pair with an empty user */
	node_set(iq, "id", "54677.3443-10");
	buf_init(&wire, &env.env, 4096);
	assert_int_equal(node_encode(iq, &wire), WA_OK);
	assert_int_equal(node_decode(&arena, buf_data(&wire), buf_len(&wire), &decoded), WA_OK);
	buf_free(&wire);
	assert_str(node_attr(decoded, "to"), "g.us");
	for (int i = 0; i < decoded->n_attrs; i++)
	{
		if (str_is(decoded->attrs[i].key, "to"))
			assert_true(decoded->attrs[i].is_jid);
	}

	iq = group_query_one(&arena, str_from("120363000000000001@g.us"));
	assert_str(node_attr(iq, "to"), "120363000000000001@g.us");
	assert_str(node_attr(iq, "xmlns"), "w:g2");
	assert_str(node_attr(node_child(iq, "query"), "request"), "interactive");
}

/* ---- memory ---- */

static const char rich_xml[] =
	"<notification from=\"1@g.us\" id=\"1\" participant=\"11@lid\" "
	"participant_pn=\"491@s.whatsapp.net\">"
	"<create><group id=\"1\" subject=\"s\" creator=\"1@lid\" creator_pn=\"49@s.whatsapp.net\">"
	"<description id=\"d\" participant=\"1@lid\"><body>b</body></description><linked_parent "
	"jid=\"9@g.us\"/>"
	"<participant jid=\"1@lid\" phone_number=\"49@s.whatsapp.net\"/><participant "
	"jid=\"2@lid\"/></group></create>"
	"<link link_type=\"sub_group\"><group jid=\"5@g.us\"/><group jid=\"6@g.us\"/></link><teleport/>"
	"<created_membership_requests parent_group_jid=\"9@g.us\"><requested_user jid=\"4@lid\"/>"
	"</created_membership_requests><membership_approval_request/></notification>";

/* All parsers once with memory that ends; true when it did not. */
static bool
parse_survives(size_t fail_at, size_t max)
{
	TestEnv failing;
	WaArena small;
	WaNode *node;
	int changes_count;
	int groups_count;
	bool all;
	bool whole;

	test_env_init(&failing);
	failing.fail_at = fail_at;
	arena_init(&small, test_env(&failing), max);

	node = stanza(&small, rich_xml);
	group_parse_changes(node, &changes_count);
	group_parse_list(stanza(&small, list_xml), &groups_count, &all);
	group_query_all(&small);
	group_query_one(&small, str_from("1@g.us"));

	whole = !small.failed && (fail_at == 0 || failing.allocations < fail_at);
	if (whole)
	{
		assert_int_equal(changes_count, 5);
		assert_true(all);
	}
	/* with a hole in it no list counts as all there are */
	if (all)
		assert_int_equal(groups_count, 2);
	arena_free(&small);
	assert_int_equal(failing.live, 0);
	return whole;
}

static void
test_memory(void **state)
{
	size_t n = 1;

	(void) state;
	while (!parse_survives(n, MEMORY))
		assert_true(++n < 1000);
	assert_true(n > 4);
	n = 8;
	while (!parse_survives(0, n))
		assert_true((n += 8) < MEMORY);
}

/* A roster whose parsing ran out of memory must not be used to remove people. */
static void
test_memory_and_roster(void **state)
{
	WaNode *node =
		stanza(&arena, "<group id=\"1\"><participant jid=\"1@lid\"/>"
					   "<participant jid=\"2@lid\"/><participant jid=\"3@lid\"/></group>");
	bool whole = false;
	int torn = 0;

	(void) state;
	for (size_t max = 8; !whole; max += 8)
	{
		WaArena small;
		WaGroup *group;

		assert_true(max < MEMORY);
		/* the tree stays in its own arena, only what is parsed runs out */
		arena_init(&small, test_env(&env), max);
		node->arena = &small;
		for (WaNode *child = node->first_child; child != NULL; child = child->next)
			child->arena = &small;
		group = group_parse(node);
		whole = !small.failed;
		if (group != NULL)
		{
			assert_int_equal(group->complete, whole);
			torn += !whole;
		}
		arena_free(&small);
	}
	assert_true(torn > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_is_not_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_senseless_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_and_roster, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
