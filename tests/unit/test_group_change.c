/*
 * test_group_change.c
 *		w:gp2 changes: a real client's transcripts, the examples of sheet 2
 *		section 2.6, and every kind.
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
