/*
 * sim_community.c
 *		Communities: a parent group, its announcement group, and the groups
 *		linked to it.  Sheet 2 sections 2.4 and 2.6.
 *
 * Whoever is in a linked group is in the parent and in the announcement
 * group; unlinking does not throw anybody out of these.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static SimGroup *
announcement_group(const SimGroup *parent)
{
	for (SimGroup *group = sim.groups; group != NULL; group = group->next)
	{
		if (group->parent == parent && group->is_default_sub)
			return group;
	}
	return NULL;
}

SimGroup *
sim_community_create(SimAccount *by, const char *subject, bool lid, SimGroup **announcements)
{
	SimSettings set = SIM_SETTINGS_NONE;
	SimGroup *parent = sim_group_create_as(by, subject, NULL, 0, lid, NULL, true, NULL);

	*announcements = sim_group_create_as(by, subject, NULL, 0, lid, NULL, false, parent);
	set.announce = 1;
	(void) sim_group_settings(*announcements, by, &set);
	return parent;
}

static void
tell(SimGroup *group, SimAccount *by, const char *tag, const char *type_key, const char *type,
	 const SimGroup *other)
{
	SimNotice notice;
	WaNode *link;
	WaNode *node;

	sim_notify_begin(&notice, group, by);
	link = sim_notify_child(&notice, tag);
	node_set(link, type_key, type);
	if (strcmp(tag, "unlink") == 0)
		node_set(link, "unlink_reason", "unlink_group");
	node = node_add(link, "group");
	node_set_jid(node, "jid", sim_notify_group_jid(&notice.arena, other));
	node_set_str(node, "subject", (WaStr){other->subject, other->subject_len});
	node_set_u64(node, "s_t", (uint64_t) other->subject_at);
	if (other->is_default_sub)
		node_set(node, "default_sub_group", "true");
	sim_group_note(group, tag, NULL, by, 0, str_from(other->id), notice.id);
	sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
}

/* Those of the members of `from` that are missing in `to` come in. */
static void
bring_along(SimGroup *to, const SimGroup *from, SimAccount *by)
{
	SimAccount **accounts = sim_util_alloc((size_t) (from->n_members + 1) * sizeof(*accounts));
	int n = 0;

	for (int i = 0; i < from->n_members; i++)
	{
		if (sim_group_member(to, from->members[i].account) == NULL)
			accounts[n++] = from->members[i].account;
	}
	if (n > 0)
		(void) sim_group_add(to, by, accounts, n, SIM_ADD_COMMUNITY, NULL);
	free(accounts);
}

int
sim_community_link(SimGroup *parent, SimGroup *child, SimAccount *by)
{
	SimGroup *announcements = announcement_group(parent);

	if (!parent->is_parent || child->is_parent)
		return 406;
	if (child->parent != NULL)
		return 409;
	if (!sim_group_is_admin(parent, by) || !sim_group_is_admin(child, by))
		return 401;
	child->parent = parent;
	tell(child, by, "link", "link_type", "parent_group", parent);
	tell(parent, by, "link", "link_type", "sub_group", child);
	bring_along(parent, child, by);
	if (announcements != NULL)
		bring_along(announcements, child, by);
	return 0;
}

int
sim_community_unlink(SimGroup *parent, SimGroup *child, SimAccount *by)
{
	if (child->parent != parent)
		return 404;
	if (!sim_group_is_admin(parent, by))
		return 401;
	child->parent = NULL;
	tell(child, by, "unlink", "unlink_type", "parent_group", parent);
	tell(parent, by, "unlink", "unlink_type", "sub_group", child);
	return 0;
}
