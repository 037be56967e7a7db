/*
 * sim_notify.c
 *		Groups on the wire: the <group> node of queries and the w:gp2
 *		notification.  Sheet 2 sections 2.2 to 2.6.
 *
 * People appear under the group's addressing mode: by LID with their number
 * beside it, or by number with their LID beside it.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define MAX_NOTICE (64 << 20)

void
sim_notify_new_id(char out[24])
{
	/* ids of the service are plain numbers that grow */
	snprintf(out, 24, "%llu", (unsigned long long) (UINT64_C(1000000000) + ++sim.last_id));
}

WaStr
sim_notify_group_jid(WaArena *arena, const SimGroup *group)
{
	return arena_printf(arena, "%s@g.us", group->id);
}

/* key = the person's address, pn_key = the number beside a LID. */
void
sim_notify_set_person(WaNode *node, const char *key, const char *pn_key, const SimGroup *group,
					  const SimAccount *account)
{
	if (account == NULL)
		return;
	node_set_jid(node, key, sim_account_jid(node->arena, account, group->lid));
	if (group->lid && pn_key != NULL && !account->hidden)
		node_set_jid(node, pn_key, sim_account_jid(node->arena, account, false));
}

WaNode *
sim_notify_participant(WaNode *parent, const SimGroup *group, const SimAccount *account)
{
	WaNode *participant = node_add(parent, "participant");

	node_set_jid(participant, "jid", sim_account_jid(parent->arena, account, group->lid));
	if (group->lid && account->hidden)
	{
		size_t len = strlen(account->number);

		/* country code and last digits, dots (U+2219) between */
		node_set_str(
			participant, "display_name",
			arena_printf(parent->arena, "+%.2s∙∙∙∙%s", account->number, account->number + len - 2));
	}
	else if (group->lid)
		node_set_jid(participant, "phone_number", sim_account_jid(parent->arena, account, false));
	else
		node_set_jid(participant, "lid", sim_account_jid(parent->arena, account, true));
	return participant;
}

WaNode *
sim_notify_group_node(WaNode *parent, const SimGroup *group)
{
	WaNode *node = node_add(parent, "group");

	node_set(node, "id", group->id);
	node_set_str(node, "subject", (WaStr){group->subject, group->subject_len});
	node_set_u64(node, "s_t", (uint64_t) group->subject_at);
	sim_notify_set_person(node, "s_o", "s_o_pn", group, group->subject_by);
	node_set_u64(node, "creation", (uint64_t) group->created_at);
	sim_notify_set_person(node, "creator", "creator_pn", group, group->creator);
	node_set_u64(node, "size", (uint64_t) group->n_members);
	node_set(node, "addressing_mode", group->lid ? "lid" : "pn");
	node_set_u64(node, "p_v_id", (uint64_t) group->version);
	if (group->description != NULL)
	{
		WaNode *description = node_add(node, "description");

		node_set(description, "id", group->description_id);
		sim_notify_set_person(description, "participant", "participant_pn", group,
							  group->description_by);
		node_set_u64(description, "t", (uint64_t) group->description_at);
		node_set_text(node_add(description, "body"), group->description);
	}
	if (group->announce)
		node_add(node, "announcement");
	if (group->locked)
		node_add(node, "locked");
	if (group->ephemeral > 0)
		node_set_u64(node_add(node, "ephemeral"), "expiration", (uint64_t) group->ephemeral);
	node_set_text(node_add(node, "member_add_mode"),
				  group->members_add ? "all_member_add" : "admin_add");
	node_set_text(node_add(node, "member_link_mode"),
				  group->members_link ? "all_member_link" : "admin_link");
	/* absent = off: presence alone means on to some clients */
	if (group->approval)
		node_set(node_add(node_add(node, "membership_approval_mode"), "group_join"), "state", "on");
	if (group->is_parent)
		node_add(node, "parent");
	if (group->is_default_sub)
		node_add(node, "default_sub_group");
	if (group->parent != NULL)
		node_set_jid(node_add(node, "linked_parent"), "jid",
					 sim_notify_group_jid(node->arena, group->parent));
	if (group->incomplete)
		node_add(node, "missing_participant_identification");
	for (int i = 0; i < group->n_members; i++)
	{
		WaNode *participant;

		if (group->incomplete && group->members[i].role == SIM_MEMBER && i % 2 == 1)
			continue;
		participant = sim_notify_participant(node, group, group->members[i].account);

		if (group->members[i].role != SIM_MEMBER)
			node_set(participant, "type",
					 group->members[i].role == SIM_ADMIN ? "admin" : "superadmin");
	}
	return node;
}

/* ---- notifications ---- */

void
sim_notify_begin(SimNotice *notice, SimGroup *group, SimAccount *by)
{
	WaNode *node;

	arena_init(&notice->arena, sim.env, MAX_NOTICE);
	notice->group = group;
	sim_notify_new_id(notice->id);
	node = notice->node = node_new(&notice->arena, "notification");
	node_set_jid(node, "from", sim_notify_group_jid(&notice->arena, group));
	node_set(node, "type", "w:gp2");
	node_set(node, "id", notice->id);
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	node_set(node, "addressing_mode", group->lid ? "lid" : "pn");
	if (by != NULL)
	{
		sim_notify_set_person(node, "participant", "participant_pn", group, by);
		node_set(node, "notify", by->name);
	}
}

WaNode *
sim_notify_child(SimNotice *notice, const char *tag)
{
	return node_add(notice->node, tag);
}

void
sim_notify_version(WaNode *action, int64_t before, int64_t after)
{
	node_set_u64(action, "prev_v_id", (uint64_t) before);
	node_set_u64(action, "v_id", (uint64_t) after);
}

/* The queue's copy, encoded on first use. */
static void
push(SimNotice *notice, SimAccount *account, SimStanza **shared)
{
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (device->removed)
			continue;
		if (sim.options.ids_per_device)
		{
			char id[24];

			sim_notify_new_id(id);
			node_set(notice->node, "id", id);
			sim_queue_push_node(device, notice->node);
			continue;
		}
		if (*shared == NULL)
			*shared = sim_queue_stanza(notice->node);
		sim_queue_push(device, *shared);
	}
}

static bool
contains(SimAccount **list, int n, const SimAccount *account)
{
	for (int i = 0; i < n; i++)
	{
		if (list[i] == account)
			return true;
	}
	return false;
}

void
sim_notify_members(SimNotice *notice, SimAccount **skip, int n_skip, bool admins_only)
{
	SimStanza *shared = NULL;
	const SimGroup *group = notice->group;

	for (int i = 0; i < group->n_members; i++)
	{
		if ((admins_only && group->members[i].role == SIM_MEMBER) ||
			group->members[i].account->devices == NULL ||
			contains(skip, n_skip, group->members[i].account))
			continue;
		push(notice, group->members[i].account, &shared);
	}
	sim_queue_release(shared);
}

void
sim_notify_accounts(SimNotice *notice, SimAccount **accounts, int n)
{
	SimStanza *shared = NULL;

	for (int i = 0; i < n; i++)
		push(notice, accounts[i], &shared);
	sim_queue_release(shared);
}

void
sim_notify_end(SimNotice *notice)
{
	arena_free(&notice->arena);
}

void
sim_notify_create(SimGroup *group, SimAccount *by, SimAccount **to, int n, const char *key,
				  const char *reason, const char *type)
{
	SimNotice notice;
	WaNode *create;
	bool anybody = false;

	for (int i = 0; i < n && !anybody; i++)
		anybody = to[i]->devices != NULL;
	if (!anybody)
		return;
	sim_notify_begin(&notice, group, by);
	create = sim_notify_child(&notice, "create");
	node_set(create, "type", type);
	node_set(create, "reason", reason);
	node_set(create, "key", key);
	sim_notify_group_node(create, group);
	sim_notify_accounts(&notice, to, n);
	sim_notify_end(&notice);
}
