/*
 * test_group.c
 *		Metadata, rosters and w:gp2 changes: the stanzas of a real client's
 *		transcripts, the examples of sheet 2 section 2.6, and every kind.
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

#define assert_str(actual, expected) assert_same((actual), (expected), __LINE__)

static void
assert_same(WaStr actual, const char *expected, int line)
{
	if (expected == NULL ? actual.data == NULL : str_is(actual, expected))
		return;
	fail_msg("line %d: \"%.*s\" is not \"%s\"", line, (int) actual.len,
			 actual.data ? actual.data : "", expected ? expected : "(absent)");
}

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

/* The changes of a notification by admin 11 in group 1, t 1700000000. */
static WaGroupChange *
changes(const char *children, int expected)
{
	WaStr xml = arena_printf(
		&arena,
		"<notification from=\"1@g.us\" type=\"w:gp2\" id=\"N1\" participant=\"11@lid\" "
		"participant_pn=\"491@s.whatsapp.net\" notify=\"Ann\" t=\"1700000000\">%s</notification>",
		children);
	int count = -1;
	WaGroupChange *first = group_parse_changes(stanza(&arena, xml.data), &count);

	assert_int_equal(count, expected);
	for (WaGroupChange *change = first; change != NULL; change = change->next, expected--)
	{
		assert_str(change->group_jid, "1@g.us");
		assert_str(change->notification_id, "N1");
		assert_int_equal(change->at, 1700000000);
	}
	assert_int_equal(expected, 0);
	return first;
}

static WaGroupChange *
change_of(const char *child)
{
	return changes(child, 1);
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

/* ---- changes: transcripts ---- */

static void
test_transcript_lid(void **state)
{
	int count;
	WaGroupChange *change = group_parse_changes(
		stanza(&arena,
			   "<notification from=\"120363000000000002@g.us\" type=\"w:gp2\" id=\"1028\" "
			   "participant=\"15511990000001@lid\" participant_pn=\"5511990000001@s.whatsapp.net\" "
			   "addressing_mode=\"lid\" t=\"1795456388\" notify=\"Peer 5511990000001\">\n"
			   "  <add v_id=\"1027\" prev_v_id=\"1026\">\n"
			   "    <participant jid=\"15511990000004@lid\" "
			   "phone_number=\"5511990000004@s.whatsapp.net\"/>\n"
			   "  </add>\n"
			   "</notification>"),
		&count);

	(void) state;
	assert_int_equal(count, 1);
	assert_str(change->group_jid, "120363000000000002@g.us");
	assert_str(change->notification_id, "1028");
	assert_int_equal(change->ordinal, 0);
	assert_str(change->kind, "add");
	assert_true(change->known);
	assert_int_equal(change->at, 1795456388);
	assert_false(change->offline);
	assert_str(change->actor.lid, "15511990000001@lid");
	assert_str(change->actor.pn, "5511990000001@s.whatsapp.net");
	assert_str(change->actor.push_name, "Peer 5511990000001");
	assert_str(change->reason, NULL);
	assert_int_equal(change->version_before, 1026);
	assert_int_equal(change->version_after, 1027);
	assert_int_equal(change->n_targets, 1);
	assert_str(change->targets->who.lid, "15511990000004@lid");
	assert_str(change->targets->who.pn, "5511990000004@s.whatsapp.net");
	assert_int_equal(change->settings.announce, -1);
	assert_int_equal(change->settings.ephemeral_seconds, -1);
	assert_null(change->groups);
	assert_null(change->next);
	assert_true(node_is(change->node, "add"));
}

static void
test_transcript_create(void **state)
{
	int count;
	WaGroupChange *change = group_parse_changes(
		stanza(
			&arena,
			"<notification from=\"120363000000000001@g.us\" type=\"w:gp2\" id=\"1026\" "
			"participant=\"5511990000001@s.whatsapp.net\" t=\"1795456387\" offline=\"3\">"
			"<create type=\"new\" key=\"K1025\"><group id=\"120363000000000001\" subject=\"New "
			"subject\" "
			"creation=\"1700000000\" creator=\"5511990000001@s.whatsapp.net\" s_t=\"1700000000\" "
			"s_o=\"5511990000001@s.whatsapp.net\" addressing_mode=\"pn\" p_v_id=\"1\" size=\"4\">"
			"<participant jid=\"5511990000001@s.whatsapp.net\" lid=\"15511990000001@lid\" "
			"type=\"superadmin\"/>"
			"<participant jid=\"5511990000002@s.whatsapp.net\" lid=\"15511990000002@lid\"/>"
			"<participant jid=\"5511990000003@s.whatsapp.net\" lid=\"15511990000003@lid\"/>"
			"<participant jid=\"5511000000100@s.whatsapp.net\" lid=\"15511000000100@lid\"/>"
			"</group></create></notification>"),
		&count);

	(void) state;
	assert_int_equal(count, 1);
	assert_str(change->kind, "create");
	assert_true(change->offline);
	assert_int_equal(change->n_targets, 0);
	assert_non_null(change->groups);
	assert_str(change->groups->jid, "120363000000000001@g.us");
	assert_int_equal(change->groups->n_participants, 4);
	assert_true(change->groups->complete);
	assert_int_equal(change->groups->settings.announce, 0);

	/* a group that leaves its id out is the one the notification is from */
	change = change_of("<create reason=\"invite\"><group subject=\"s\"/></create>");
	assert_str(change->reason, "invite");
	assert_str(change->groups->jid, "1@g.us");
	assert_false(change->groups->complete);
	assert_null(change_of("<create/>")->groups);
}

/* ---- changes: by kind ---- */

static void
test_members(void **state)
{
	WaGroupChange *change;

	(void) state;
	change = change_of(
		"<add reason=\"invite\" prev_v_id=\"1700000000000000\" v_id=\"1700000000000001\">"
		"<participant jid=\"22@lid\" display_name=\"+55∙∙79\" "
		"group_history_sent_state=\"NOTICE_SENT\"/>"
		"<participant phone_number=\"?\"/><participant jid=\"33@lid\" error=\"403\"/></add>");
	assert_str(change->reason, "invite");
	assert_int_equal(change->version_before, INT64_C(1700000000000000));
	assert_int_equal(change->version_after, INT64_C(1700000000000001));
	assert_int_equal(change->n_targets, 3);
	assert_str(change->targets->who.display, "+55∙∙79");
	/* a target that nobody can name stays in the count */
	assert_false(identity_is_known(&change->targets->next->who));
	assert_str(change->targets->next->next->error, "403");

	change = change_of("<remove><participant jid=\"11@lid\"/></remove>");
	assert_str(change->kind, "remove");
	assert_int_equal(change->version_before, -1);
	assert_int_equal(change->version_after, -1);
	assert_true(identity_same(&change->actor, &change->targets->who));

	change = change_of("<leave><participant jid=\"11@lid\"/></leave>");
	assert_true(change->known);
	assert_int_equal(change->n_targets, 1);

	change = change_of("<promote><participant jid=\"22@lid\"/><participant jid=\"33@lid\" "
					   "type=\"superadmin\"/></promote>");
	assert_int_equal(change->targets->role, GROUP_ADMIN);
	assert_int_equal(change->targets->next->role, GROUP_SUPERADMIN);
	change = change_of("<demote><participant jid=\"22@lid\" type=\"admin\"/></demote>");
	assert_int_equal(change->targets->role, GROUP_MEMBER);
	change = change_of("<linked_group_promote jid=\"22@lid\"/>");
	assert_str(change->targets->who.lid, "22@lid");
	assert_int_equal(change->targets->role, GROUP_ADMIN);
	change = change_of(
		"<linked_group_demote><participant jid=\"22@lid\" type=\"admin\"/></linked_group_demote>");
	assert_int_equal(change->targets->role, GROUP_MEMBER);
	assert_int_equal(change->n_targets, 1);
}

static void
test_number_changes(void **state)
{
	WaGroupChange *change;

	(void) state;
	change = change_of(
		"<modify v_id=\"2\" prev_v_id=\"1\"><participant jid=\"492@s.whatsapp.net\"/></modify>");
	assert_str(change->actor.pn, "491@s.whatsapp.net");        /* old */
	assert_str(change->targets->who.pn, "492@s.whatsapp.net"); /* new */
	change = change_of(
		"<change_number jid=\"22@lid\"><sub_group_suggestion jid=\"5@g.us\"/></change_number>");
	assert_str(change->actor.lid, "11@lid");
	assert_int_equal(change->n_targets, 1);
	assert_str(change->targets->who.lid, "22@lid");
	assert_int_equal(change_of("<change_number/>")->n_targets, 0);
}

static void
test_requests(void **state)
{
	WaGroupChange *change;

	(void) state;
	change = change_of("<membership_approval_request request_method=\"invite_link\" "
					   "parent_group_jid=\"99@g.us\"/>");
	assert_str(change->reason, "invite_link");
	assert_str(change->parent_jid, "99@g.us");
	assert_int_equal(change->n_targets, 1);
	assert_str(change->targets->who.lid, "11@lid");
	assert_str(change->targets->who.pn, "491@s.whatsapp.net");

	change = change_of(
		"<created_membership_requests request_method=\"non_admin_add\">"
		"<requested_user jid=\"44@lid\" phone_number=\"494@s.whatsapp.net\"/>"
		"<requested_user jid=\"55@lid\" username=\"five\"/></created_membership_requests>");
	assert_str(change->reason, "non_admin_add");
	assert_int_equal(change->n_targets, 2);
	assert_str(change->targets->who.lid, "44@lid");
	assert_str(change->targets->who.pn, "494@s.whatsapp.net");
	assert_str(change->targets->next->who.username, "five");
	assert_str(change->actor.lid, "11@lid");

	change = change_of("<revoked_membership_requests><participant jid=\"11@lid\"/>"
					   "</revoked_membership_requests>");
	assert_true(identity_same(&change->actor, &change->targets->who));
}

static void
test_texts(void **state)
{
	WaGroupChange *change;
	int count;

	(void) state;
	change = change_of("<subject subject=\"New subject\" s_t=\"1795456389\" s_o=\"22@lid\"/>");
	assert_str(change->text, "New subject");
	assert_str(change->actor.lid, "11@lid");
	/* without a root participant the subject says who */
	change = group_parse_changes(
		stanza(
			&arena,
			"<notification from=\"1@g.us\" id=\"1\">"
			"<subject subject=\"x\" s_o=\"22@lid\" s_o_pn=\"492@s.whatsapp.net\"/></notification>"),
		&count);
	assert_str(change->actor.lid, "22@lid");
	assert_str(change->actor.pn, "492@s.whatsapp.net");
	assert_int_equal(change->at, 0);

	change = change_of(
		"<description id=\"D1040\" t=\"1795456389\"><body>New description</body></description>");
	assert_str(change->text, "New description");
	assert_str(change->text_id, "D1040");
	change = change_of("<description id=\"D2\"><delete/></description>");
	assert_str(change->text, NULL);
	assert_str(change->text_id, "D2");
	assert_str(change_of("<invite code=\"AbC\"/>")->text, "AbC");
	assert_str(change_of("<growth_locked type=\"invite\" expiration=\"9\"/>")->text, "invite");
	change = change_of("<delete reason=\"deleted_by_admin\"/>");
	assert_str(change->reason, "deleted_by_admin");
	change = change_of("<revoke><participant jid=\"22@lid\"/></revoke>");
	assert_int_equal(change->n_targets, 1);
}

static void
test_settings(void **state)
{
	WaGroupChange *change;

	(void) state;
	assert_int_equal(change_of("<announcement v_id=\"3\"/>")->settings.announce, 1);
	assert_int_equal(change_of("<not_announcement/>")->settings.announce, 0);
	assert_int_equal(change_of("<locked threshold=\"5\"/>")->settings.locked, 1);
	assert_int_equal(change_of("<unlocked/>")->settings.locked, 0);
	assert_int_equal(change_of("<ephemeral expiration=\"604800\"/>")->settings.ephemeral_seconds,
					 604800);
	assert_int_equal(change_of("<ephemeral/>")->settings.ephemeral_seconds, -1);
	assert_int_equal(change_of("<not_ephemeral/>")->settings.ephemeral_seconds, 0);
	assert_int_equal(change_of("<membership_approval_mode><group_join state=\"on\"/>"
							   "</membership_approval_mode>")
						 ->settings.join_approval,
					 1);
	assert_int_equal(change_of("<membership_approval_mode><group_join state=\"off\"/>"
							   "</membership_approval_mode>")
						 ->settings.join_approval,
					 0);
	change = change_of("<member_add_mode>all_member_add</member_add_mode>");
	assert_str(change->settings.member_add_mode, "all_member_add");
	assert_str(change->text, "all_member_add");
	assert_str(change->settings.member_link_mode, NULL);
	assert_int_equal(change->settings.announce, -1);
	change = change_of("<member_link_mode>admin_link</member_link_mode>");
	assert_str(change->settings.member_link_mode, "admin_link");
	change =
		change_of("<member_share_group_history_mode>admin_share</member_share_group_history_mode>");
	assert_str(change->text, "admin_share");
}

static void
test_communities(void **state)
{
	WaGroupChange *change;

	(void) state;
	/* seen in the community: a group became its subgroup */
	change =
		change_of("<link link_type=\"sub_group\"><group jid=\"5@g.us\" subject=\"Five\" s_t=\"9\"/>"
				  "<group id=\"6\" subject=\"Six\"><default_sub_group/></group><group/></link>");
	assert_str(change->text, "sub_group");
	assert_str(change->groups->jid, "5@g.us");
	assert_str(change->groups->subject, "Five");
	assert_str(change->groups->parent_jid, "1@g.us");
	assert_true(change->groups->partial);
	assert_false(change->groups->complete);
	assert_int_equal(change->groups->settings.announce, -1);
	assert_str(change->groups->addressing_mode, NULL);
	assert_str(change->groups->next->jid, "6@g.us");
	assert_true(change->groups->next->is_default_subgroup);
	assert_null(change->groups->next->next);

	/* seen in the subgroup: it got a community */
	change =
		change_of("<link link_type=\"parent_group\"><group jid=\"9@g.us\" subject=\"C\"/></link>");
	assert_true(change->groups->is_parent);
	assert_str(change->groups->parent_jid, NULL);
	change = change_of("<link link_type=\"sibling_group\"><group jid=\"7@g.us\"/></link>");
	assert_false(change->groups->is_parent);
	assert_str(change->groups->parent_jid, NULL);

	change = change_of("<unlink unlink_type=\"parent_group\" unlink_reason=\"unlink_group\">"
					   "<group jid=\"9@g.us\"/></unlink>");
	assert_str(change->text, "parent_group");
	assert_str(change->reason, "unlink_group");
	assert_str(change->groups->jid, "9@g.us");
	assert_true(change->groups->partial);
	assert_null(change_of("<unlink/>")->groups);
}

/* Every tag of the sheet is known under its own name; nothing else is. */
static void
test_kinds(void **state)
{
	static const char *const known[] = {
		"add",
		"remove",
		"promote",
		"demote",
		"modify",
		"change_number",
		"subject",
		"description",
		"announcement",
		"not_announcement",
		"locked",
		"unlocked",
		"ephemeral",
		"not_ephemeral",
		"invite",
		"revoke",
		"growth_locked",
		"growth_unlocked",
		"member_add_mode",
		"member_link_mode",
		"member_share_group_history_mode",
		"membership_approval_mode",
		"membership_approval_request",
		"created_membership_requests",
		"revoked_membership_requests",
		"create",
		"delete",
		"link",
		"unlink",
		"linked_group_promote",
		"linked_group_demote",
		"suspended",
		"unsuspended",
		"auto_add_disabled",
		"is_capi_hosted_group",
		"group_safety_check",
		"limit_sharing_enabled",
		"allow_admin_reports",
		"not_allow_admin_reports",
		"reports",
		"allow_non_admin_sub_group_creation",
		"not_allow_non_admin_sub_group_creation",
		"created_sub_group_suggestion",
		"revoked_sub_group_suggestions",
		"no_frequently_forwarded",
		"frequently_forwarded_ok",
		"group_history",
		"no_group_history",
		"missing_participant_identification",
		"leave",
	};
	char xml[128];

	(void) state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		WaGroupChange *change;

		/* bare, as if the server had forgotten every attribute */
		snprintf(xml, sizeof(xml), "<%s/>", known[i]);
		change = change_of(xml);
		assert_str(change->kind, known[i]);
		assert_true(change->known);
		snprintf(xml, sizeof(xml), "<%s_2/>", known[i]);
		assert_false(change_of(xml)->known);
	}
}

static void
test_unknown(void **state)
{
	char tag[300];
	WaNode *notification = node_new(&arena, "notification");
	WaGroupChange *change;
	int count;

	(void) state;
	change = change_of("<teleport reason=\"why\" v_id=\"5\" prev_v_id=\"4\">"
					   "<participant jid=\"22@lid\"/><portal colour=\"blue\"/></teleport>");
	assert_str(change->kind, "unknown:teleport");
	assert_false(change->known);
	assert_str(change->reason, "why");
	assert_int_equal(change->version_after, 5);
	assert_int_equal(change->n_targets, 1);
	assert_true(node_is(node_child(change->node, "portal"), "portal"));

	memset(tag, 'x', sizeof(tag));
	tag[sizeof(tag) - 1] = '\0';
	node_set(notification, "from", "1@g.us");
	node_add(notification, tag);
	node_add(notification, "");
	change = group_parse_changes(notification, &count);
	assert_int_equal(count, 2);
	assert_int_equal(change->kind.len, strlen("unknown:") + 64);
	assert_str(change->next->kind, "unknown:");
	assert_str(change->notification_id, NULL);
}

/* Rule 1 of sheet 2: several actions sit in one notification. */
static void
test_several(void **state)
{
	WaGroupChange *change;

	(void) state;
	change = changes("<subject subject=\"x\" s_t=\"1\" s_o=\"11@lid\"/><announcement/><teleport/>"
					 "<remove><participant jid=\"22@lid\"/></remove><remove><participant "
					 "jid=\"33@lid\"/></remove>",
					 5);
	assert_str(change->kind, "subject");
	assert_int_equal(change->ordinal, 0);
	assert_false(change->roster_incomplete);
	change = change->next;
	assert_str(change->kind, "announcement");
	assert_int_equal(change->ordinal, 1);
	change = change->next;
	assert_str(change->kind, "unknown:teleport");
	assert_int_equal(change->ordinal, 2);
	change = change->next;
	assert_str(change->targets->who.lid, "22@lid");
	assert_int_equal(change->ordinal, 3);
	change = change->next;
	assert_str(change->targets->who.lid, "33@lid");
	assert_int_equal(change->ordinal, 4);
}

static void
test_roster_incomplete(void **state)
{
	WaGroupChange *change;

	(void) state;
	change =
		changes("<add><participant jid=\"22@lid\"/></add><missing_participant_identification/>", 2);
	assert_true(change->roster_incomplete);
	assert_true(change->next->roster_incomplete);
	assert_str(change->next->kind, "missing_participant_identification");
	change =
		change_of("<add><participant jid=\"22@lid\"/><missing_participant_identification/></add>");
	assert_true(change->roster_incomplete);
	assert_int_equal(change->n_targets, 1);
	change = change_of("<create><group id=\"1\" size=\"1\"><participant jid=\"22@lid\"/>"
					   "<missing_participant_identification/></group></create>");
	assert_false(change->groups->complete);
}

static void
test_no_group(void **state)
{
	int count = -1;

	(void) state;
	assert_null(group_parse_changes(NULL, &count));
	assert_int_equal(count, 0);
	assert_null(group_parse_changes(stanza(&arena, "<notification from=\"1@g.us\"/>"), &count));
	assert_int_equal(count, 0);
	assert_null(group_parse_changes(stanza(&arena, "<notification><add/></notification>"), &count));
	assert_int_equal(count, 0);
	assert_null(group_parse_changes(
		stanza(&arena, "<notification from=\"1@s.whatsapp.net\"><add/></notification>"), &count));
	assert_int_equal(count, 0);
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
		cmocka_unit_test_setup_teardown(test_transcript_lid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transcript_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_members, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_communities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roster_incomplete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_and_roster, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
