/*
 * sim_group_settings.c
 *		What a group is called and how it behaves: subject, description,
 *		flags, invite link; and a member's change of number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Locked groups are edited by admins only. */
static int
may_edit(const SimGroup *group, const SimAccount *by, bool admins_only)
{
	if (by == NULL)
		return 0;
	if (sim_group_member(group, by) == NULL)
		return 403;
	return (admins_only || group->locked) && !sim_group_is_admin(group, by) ? 401 : 0;
}

int
sim_group_subject(SimGroup *group, SimAccount *by, WaStr text)
{
	SimNotice notice;
	WaNode *subject;
	int code = may_edit(group, by, false);

	if (code != 0)
		return code;
	if (text.len == 0 || text.len > 400)
		return 406;
	free(group->subject);
	group->subject = sim_util_alloc(text.len + 1);
	memcpy(group->subject, text.data, text.len);
	group->subject_len = text.len;
	group->subject_at = sim_util_now();
	group->subject_by = by;

	sim_notify_begin(&notice, group, by);
	subject = sim_notify_child(&notice, "subject");
	node_set_str(subject, "subject", text);
	node_set_u64(subject, "s_t", (uint64_t) group->subject_at);
	sim_notify_set_person(subject, "s_o", "s_o_pn", group, by);
	sim_group_note(group, "subject", NULL, by, 0, text, notice.id);
	sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
	return 0;
}

int
sim_group_description(SimGroup *group, SimAccount *by, WaStr text, WaStr id, WaStr prev,
					  bool check_prev)
{
	SimNotice notice;
	WaNode *description;
	int code = may_edit(group, by, false);

	if (code != 0)
		return code;
	if (text.len > 2048)
		return 406;
	if (check_prev && !str_is(prev, group->description != NULL ? group->description_id : NULL) &&
		!(prev.data == NULL && group->description == NULL))
		return 409;
	free(group->description);
	group->description = NULL;
	if (text.data != NULL)
	{
		group->description = sim_util_alloc(text.len + 1);
		memcpy(group->description, text.data, text.len);
	}
	if (id.len > 0 && id.len < sizeof(group->description_id))
		snprintf(group->description_id, sizeof(group->description_id), "%.*s", (int) id.len,
				 id.data);
	else
		sim_util_random_text(group->description_id, 20);
	group->description_at = sim_util_now();
	group->description_by = by;

	sim_notify_begin(&notice, group, by);
	description = sim_notify_child(&notice, "description");
	node_set(description, "id", group->description_id);
	node_set_u64(description, "t", (uint64_t) group->description_at);
	sim_notify_set_person(description, "participant", "participant_pn", group, by);
	if (group->description != NULL)
		node_set_bytes(node_add(description, "body"), text.data, text.len);
	else
		node_add(description, "delete");
	sim_group_note(group, "description", NULL, by, 0, text, notice.id);
	sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
	return 0;
}

int
sim_group_new_invite(SimGroup *group, SimAccount *by)
{
	SimNotice notice;
	int code = may_edit(group, by, true);

	if (code != 0)
		return code;
	sim_map_remove(&sim.groups_by_invite, group->invite);
	sim_util_random_text(group->invite, 22);
	sim_map_put(&sim.groups_by_invite, group->invite, group);
	sim_notify_begin(&notice, group, by);
	node_set(sim_notify_child(&notice, "invite"), "code", group->invite);
	sim_group_note(group, "invite", NULL, by, 0, str_from(group->invite), notice.id);
	/* the code is for those who may share it */
	sim_notify_members(&notice, NULL, 0, !group->members_link);
	sim_notify_end(&notice);
	return 0;
}

static void
note(SimNotice *notice, SimAccount *by, const char *kind, const char *value)
{
	sim_group_note(notice->group, kind, NULL, by, 0, str_from(value), notice->id);
}

int
sim_group_settings(SimGroup *group, SimAccount *by, const SimSettings *set)
{
	SimNotice notice;
	char text[24];
	int code = may_edit(group, by, true);

	if (code != 0)
		return code;
	sim_notify_begin(&notice, group, by);
	if (set->announce >= 0 && set->announce != group->announce)
	{
		group->announce = set->announce;
		sim_notify_child(&notice, group->announce ? "announcement" : "not_announcement");
		note(&notice, by, "announce", group->announce ? "on" : "off");
	}
	if (set->locked >= 0 && set->locked != group->locked)
	{
		group->locked = set->locked;
		sim_notify_child(&notice, group->locked ? "locked" : "unlocked");
		note(&notice, by, "locked", group->locked ? "on" : "off");
	}
	if (set->ephemeral >= 0 && set->ephemeral != group->ephemeral)
	{
		group->ephemeral = set->ephemeral;
		if (group->ephemeral > 0)
			node_set_u64(sim_notify_child(&notice, "ephemeral"), "expiration",
						 (uint64_t) group->ephemeral);
		else
			sim_notify_child(&notice, "not_ephemeral");
		snprintf(text, sizeof(text), "%lld", (long long) group->ephemeral);
		note(&notice, by, "ephemeral", text);
	}
	if (set->approval >= 0 && set->approval != group->approval)
	{
		group->approval = set->approval;
		node_set(node_add(sim_notify_child(&notice, "membership_approval_mode"), "group_join"),
				 "state", group->approval ? "on" : "off");
		note(&notice, by, "approval", group->approval ? "on" : "off");
	}
	if (set->members_add >= 0 && set->members_add != group->members_add)
	{
		group->members_add = set->members_add;
		node_set_text(sim_notify_child(&notice, "member_add_mode"),
					  group->members_add ? "all_member_add" : "admin_add");
		note(&notice, by, "member_add_mode", group->members_add ? "all_member_add" : "admin_add");
	}
	if (set->members_link >= 0 && set->members_link != group->members_link)
	{
		group->members_link = set->members_link;
		node_set_text(sim_notify_child(&notice, "member_link_mode"),
					  group->members_link ? "all_member_link" : "admin_link");
		note(&notice, by, "member_link_mode",
			 group->members_link ? "all_member_link" : "admin_link");
	}
	if (notice.node->first_child != NULL)
		sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
	return 0;
}

/*
 * The account has its new number (and LID) already: every group hears a
 * <modify>, in the name of the old identity, and everybody who shares a group
 * hears it once as a contact, unless the number is hidden.
 */
void
sim_group_number_changed(SimAccount *account, const char *old_number, const char *old_lid)
{
	SimMap told = {0};
	WaArena arena;
	WaNode *notification;
	WaNode *modify;
	SimStanza *shared;
	char id[24];

	for (int i = 0; i < account->n_groups; i++)
	{
		SimGroup *group = account->groups[i];
		SimNotice notice;
		WaNode *child;

		sim_notify_begin(&notice, group, NULL);
		node_set_jid(notice.node, "participant",
					 arena_printf(&notice.arena, "%s@%s", group->lid ? old_lid : old_number,
								  group->lid ? "lid" : "s.whatsapp.net"));
		if (group->lid && !account->hidden)
			node_set_jid(notice.node, "participant_pn",
						 arena_printf(&notice.arena, "%s@s.whatsapp.net", old_number));
		child = sim_notify_child(&notice, "modify");
		sim_notify_version(child, group->version, group->version + 1);
		group->version++;
		sim_notify_participant(child, group, account);
		sim_group_note(group, "number_changed", account, account, group->version,
					   str_from(old_number), notice.id);
		sim_notify_members(&notice, NULL, 0, false);
		sim_notify_end(&notice);
	}

	if (account->hidden)
		return;
	arena_init(&arena, sim.env, 8192);
	sim_notify_new_id(id);
	notification = node_new(&arena, "notification");
	node_set_jid(notification, "from", arena_printf(&arena, "%s@s.whatsapp.net", old_number));
	node_set(notification, "type", "contacts");
	node_set(notification, "id", id);
	node_set_u64(notification, "t", (uint64_t) sim_util_now());
	modify = node_add(notification, "modify");
	node_set_jid(modify, "old", arena_printf(&arena, "%s@s.whatsapp.net", old_number));
	node_set_jid(modify, "new", sim_account_jid(&arena, account, false));
	node_set_jid(modify, "old_lid", arena_printf(&arena, "%s@lid", old_lid));
	node_set_jid(modify, "new_lid", sim_account_jid(&arena, account, true));
	shared = sim_queue_stanza(notification);
	for (int i = 0; i < account->n_groups; i++)
	{
		const SimGroup *group = account->groups[i];

		for (int j = 0; j < group->n_members; j++)
		{
			SimAccount *member = group->members[j].account;

			if (member->devices == NULL || sim_map_get(&told, member->lid) != NULL)
				continue;
			sim_map_put(&told, member->lid, member);
			for (SimDevice *device = member->devices; device != NULL; device = device->next)
				sim_queue_push(device, shared);
		}
	}
	sim_queue_release(shared);
	sim_map_free(&told);
	arena_free(&arena);
}
