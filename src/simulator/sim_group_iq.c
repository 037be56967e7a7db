/*
 * sim_group_iq.c
 *		w:g2 queries of clients.  Sheet 2 section 2.1.
 *
 * A query is read, handed to the group (sim_group, sim_group_settings,
 * sim_community), and its outcome is put into the answer's form.  The client
 * learns of its own change by notification like everybody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

typedef struct Query
{
	SimConn *conn;
	const WaNode *iq;
	const WaNode *child;
	SimAccount *who;
	SimGroup *group; /* NULL: addressed to the group server */
	WaArena arena;
	WaNode *result; /* <iq>, to be filled */
} Query;

/* Everything a handler returns: 0 = send the result, else the error. */

/* ---- reading ---- */

static int
get_participating(Query *q)
{
	WaNode *groups = node_add(q->result, "groups");

	for (int i = 0; i < q->who->n_groups; i++)
		sim_notify_group_node(groups, q->who->groups[i]);
	return 0;
}

static int
get_batch(Query *q)
{
	WaNode *groups = node_add(q->result, "groups");

	for (const WaNode *asked = node_child(q->child, "group"); asked != NULL;
		 asked = node_child_next(asked, "group"))
	{
		SimGroup *group = sim_group_by_jid(node_attr(asked, "jid"));

		if (group != NULL && sim_group_member(group, q->who) != NULL)
			sim_notify_group_node(groups, group);
		else
		{
			WaNode *node = node_add(groups, "group");

			node_set_jid(node, "jid", node_attr(asked, "jid"));
			node_set(node, "error", group == NULL || group->deleted ? "404" : "403");
		}
	}
	return 0;
}

static int
get_one(Query *q)
{
	sim_notify_group_node(q->result, q->group);
	return 0;
}

static int
get_invite(Query *q)
{
	if (!q->group->members_link && !sim_group_is_admin(q->group, q->who))
		return 401;
	node_set(node_add(q->result, "invite"), "code", q->group->invite);
	return 0;
}

static SimGroup *
group_of_code(const Query *q)
{
	WaStr code = node_attr(q->child, "code");
	char text[32];

	if (code.len == 0 || code.len >= sizeof(text))
		return NULL;
	memcpy(text, code.data, code.len);
	text[code.len] = '\0';
	return sim_map_get(&sim.groups_by_invite, text);
}

/* What a link shows before one joins: not the people. */
static int
get_invite_info(Query *q)
{
	SimGroup *group = group_of_code(q);
	WaNode *node;

	if (group == NULL)
		return 410;
	node = node_add(q->result, "group");
	node_set(node, "id", group->id);
	node_set_str(node, "subject", (WaStr){group->subject, group->subject_len});
	node_set_u64(node, "s_t", (uint64_t) group->subject_at);
	node_set_u64(node, "creation", (uint64_t) group->created_at);
	sim_notify_set_person(node, "creator", "creator_pn", group, group->creator);
	node_set_u64(node, "size", (uint64_t) group->n_members);
	node_set(node, "addressing_mode", group->lid ? "lid" : "pn");
	if (group->approval)
		node_set(node_add(node_add(node, "membership_approval_mode"), "group_join"), "state", "on");
	return 0;
}

static int
get_requests(Query *q)
{
	WaNode *list;

	if (!sim_group_is_admin(q->group, q->who))
		return 401;
	list = node_add(q->result, "membership_approval_requests");
	for (int i = 0; i < q->group->n_requests; i++)
	{
		const SimJoinRequest *request = &q->group->requests[i];
		WaNode *node = node_add(list, "membership_approval_request");

		sim_notify_set_person(node, "jid", "phone_number", q->group, request->account);
		node_set_u64(node, "request_time", (uint64_t) request->at);
		node_set(node, "request_method", request->method);
	}
	return 0;
}

static int
get_sub_groups(Query *q)
{
	WaNode *list = node_add(q->result, "sub_groups");

	for (const SimGroup *group = sim.groups; group != NULL; group = group->next)
	{
		WaNode *node;

		if (group->parent != q->group || group->deleted)
			continue;
		node = node_add(list, "group");
		node_set(node, "id", group->id);
		node_set_str(node, "subject", (WaStr){group->subject, group->subject_len});
		node_set_u64(node, "s_t", (uint64_t) group->subject_at);
		node_set_u64(node, "creation", (uint64_t) group->created_at);
		sim_notify_set_person(node, "creator", NULL, group, group->creator);
		node_set_u64(node, "size", (uint64_t) group->n_members);
		if (group->is_default_sub)
			node_set(node, "default_sub_group", "true");
	}
	return 0;
}

static int
get_linked_participants(Query *q)
{
	WaNode *list = node_add(q->result, "linked_groups_participants");

	for (int i = 0; i < q->group->n_members; i++)
		sim_notify_participant(list, q->group, q->group->members[i].account);
	return 0;
}

/* ---- changing the roster ---- */

typedef struct Targets
{
	SimAccount **accounts;
	WaStr *jids;
	int *errors;
	int n;
} Targets;

static void
read_targets(Targets *targets, const WaNode *parent)
{
	int n = 0;

	for (const WaNode *node = node_child(parent, "participant"); node != NULL;
		 node = node_child_next(node, "participant"))
		n++;
	targets->accounts = sim_util_alloc((size_t) (n + 1) * sizeof(*targets->accounts));
	targets->jids = sim_util_alloc((size_t) (n + 1) * sizeof(*targets->jids));
	targets->errors = sim_util_alloc((size_t) (n + 1) * sizeof(*targets->errors));
	targets->n = 0;
	for (const WaNode *node = node_child(parent, "participant"); node != NULL;
		 node = node_child_next(node, "participant"))
	{
		WaStr jid = node_attr(node, "jid");

		targets->jids[targets->n] = jid;
		targets->accounts[targets->n++] = sim_account_by_jid(jid);
	}
}

static void
write_targets(WaNode *parent, const SimGroup *group, const Targets *targets)
{
	for (int i = 0; i < targets->n; i++)
	{
		WaNode *node;

		if (targets->accounts[i] != NULL)
			node = sim_notify_participant(parent, group, targets->accounts[i]);
		else
		{
			node = node_add(parent, "participant");
			node_set_jid(node, "jid", targets->jids[i]);
		}
		if (targets->errors[i] != 0)
			node_set_u64(node, "error", (uint64_t) targets->errors[i]);
	}
}

static void
free_targets(Targets *targets)
{
	free(targets->accounts);
	free(targets->jids);
	free(targets->errors);
}

static int
set_roster(Query *q)
{
	Targets targets;
	int code;

	read_targets(&targets, q->child);
	if (node_is(q->child, "add"))
		code = sim_group_add(q->group, q->who, targets.accounts, targets.n, SIM_ADD_BY_ADMIN,
							 targets.errors);
	else if (node_is(q->child, "remove"))
		code = sim_group_remove(q->group, q->who, targets.accounts, targets.n, targets.errors);
	else
		code = sim_group_set_role(q->group, q->who, targets.accounts, targets.n,
								  node_is(q->child, "promote"), targets.errors);
	if (code == 0)
	{
		char tag[16];

		snprintf(tag, sizeof(tag), "%.*s", (int) q->child->tag.len, q->child->tag.data);
		write_targets(node_add(q->result, tag), q->group, &targets);
	}
	free_targets(&targets);
	return code;
}

static int
set_decision(Query *q)
{
	const WaNode *choice = q->child->first_child;
	bool approve = choice != NULL && node_is(choice, "approve");
	Targets targets;
	int code;

	if (choice == NULL || (!approve && !node_is(choice, "reject")))
		return 400;
	read_targets(&targets, choice);
	code = sim_group_decide(q->group, q->who, targets.accounts, targets.n, approve, targets.errors);
	if (code == 0)
		write_targets(node_add(node_add(q->result, "membership_requests_action"),
							   approve ? "approve" : "reject"),
					  q->group, &targets);
	free_targets(&targets);
	return code;
}

static int
set_leave(Query *q)
{
	WaNode *leave = node_add(q->result, "leave");

	for (const WaNode *asked = q->child->first_child; asked != NULL; asked = asked->next)
	{
		SimGroup *group = sim_group_by_jid(node_attr(asked, "id"));
		int code = group == NULL ? 404 : sim_group_leave(group, q->who);
		WaNode *node = node_add(leave, "group");

		node_set_jid(node, "id", node_attr(asked, "id"));
		if (code != 0)
			node_set_u64(node, "error", (uint64_t) code);
	}
	return 0;
}

static int
set_join(Query *q)
{
	SimGroup *group = group_of_code(q);
	bool asked;
	int code;

	if (group == NULL)
		return 410;
	code = sim_group_join(group, q->who, true, &asked);
	if (code != 0)
		return code;
	node_set_jid(node_add(q->result, asked ? "membership_approval_request" : "group"), "jid",
				 sim_notify_group_jid(&q->arena, group));
	return 0;
}

static int
set_create(Query *q)
{
	WaStr subject = node_attr(q->child, "subject");
	WaStr key = node_attr(q->child, "key");
	const WaNode *linked = node_child(q->child, "linked_parent");
	const WaNode *description = node_child(q->child, "description");
	SimGroup *parent = linked == NULL ? NULL : sim_group_by_jid(node_attr(linked, "jid"));
	SimGroup *group;
	Targets targets;
	char name[512];
	char key_text[64];

	if (subject.len == 0 || subject.len > 400)
		return 406;
	if (linked != NULL && (parent == NULL || !sim_group_is_admin(parent, q->who)))
		return 401;
	snprintf(name, sizeof(name), "%.*s", (int) subject.len, subject.data);
	snprintf(key_text, sizeof(key_text), "%.*s", (int) key.len, key.len > 0 ? key.data : "");
	read_targets(&targets, q->child);
	if (node_child(q->child, "parent") != NULL)
	{
		SimGroup *announcements;

		group = sim_community_create(q->who, name, sim.options.new_groups_lid, &announcements);
	}
	else
	{
		SimAccount **known = sim_util_alloc((size_t) (targets.n + 1) * sizeof(*known));
		int n = 0;

		for (int i = 0; i < targets.n; i++)
		{
			if (targets.accounts[i] != NULL)
				known[n++] = targets.accounts[i];
			else
				targets.errors[i] = 404;
		}
		group = sim_group_create(q->who, name, known, n, sim.options.new_groups_lid,
								 key.len > 0 ? key_text : NULL);
		free(known);
	}
	if (description != NULL && node_child(description, "body") != NULL)
		(void) sim_group_description(group, q->who, node_child(description, "body")->bytes,
									 node_attr(description, "id"), WA_STR_NONE, false);
	if (parent != NULL)
		(void) sim_community_link(parent, group, q->who);
	sim_notify_group_node(q->result, group);
	free_targets(&targets);
	return 0;
}

/* ---- changing what the group is ---- */

static int
set_description(Query *q)
{
	const WaNode *body = node_child(q->child, "body");
	WaStr text = WA_STR_NONE;

	if (!str_is(node_attr(q->child, "delete"), "true"))
	{
		if (body == NULL)
			return 400;
		text = body->bytes.data == NULL ? str_from("") : body->bytes;
	}
	return sim_group_description(q->group, q->who, text, node_attr(q->child, "id"),
								 node_attr(q->child, "prev"), true);
}

static int
set_invite(Query *q)
{
	int code = sim_group_new_invite(q->group, q->who);

	if (code == 0)
		node_set(node_add(q->result, "invite"), "code", q->group->invite);
	return code;
}

static int
set_settings(Query *q)
{
	SimSettings set = SIM_SETTINGS_NONE;
	const WaNode *child = q->child;
	uint64_t number;

	if (node_is(child, "announcement") || node_is(child, "not_announcement"))
		set.announce = node_is(child, "announcement");
	else if (node_is(child, "locked") || node_is(child, "unlocked"))
		set.locked = node_is(child, "locked");
	else if (node_is(child, "ephemeral") && node_attr_u64(child, "expiration", &number))
		set.ephemeral = (int64_t) number;
	else if (node_is(child, "not_ephemeral"))
		set.ephemeral = 0;
	else if (node_is(child, "member_add_mode"))
		set.members_add = str_is(child->bytes, "all_member_add");
	else if (node_is(child, "member_link_mode"))
		set.members_link = str_is(child->bytes, "all_member_link");
	else if (node_is(child, "membership_approval_mode") && node_child(child, "group_join") != NULL)
		set.approval = str_is(node_attr(node_child(child, "group_join"), "state"), "on");
	else
		return 501;
	return sim_group_settings(q->group, q->who, &set);
}

static int
set_links(Query *q, bool link)
{
	const WaNode *list = link ? node_child(q->child, "link") : q->child;

	if (!sim_group_is_admin(q->group, q->who))
		return 401;
	for (const WaNode *node = list == NULL ? NULL : node_child(list, "group"); node != NULL;
		 node = node_child_next(node, "group"))
	{
		SimGroup *child = sim_group_by_jid(node_attr(node, "jid"));
		int code;

		if (child == NULL)
			return 404;
		code = link ? sim_community_link(q->group, child, q->who)
					: sim_community_unlink(q->group, child, q->who);
		if (code != 0)
			return code;
	}
	return 0;
}

/* ---- dispatch ---- */

static int
handle_server(Query *q, bool set)
{
	if (set)
	{
		if (node_is(q->child, "create"))
			return set_create(q);
		if (node_is(q->child, "leave"))
			return set_leave(q);
		if (node_is(q->child, "invite"))
			return set_join(q);
		return 501;
	}
	if (node_is(q->child, "participating"))
		return get_participating(q);
	if (node_is(q->child, "query"))
		return get_batch(q);
	if (node_is(q->child, "invite"))
		return get_invite_info(q);
	return 501;
}

static int
handle_group(Query *q, bool set)
{
	if (set)
	{
		if (node_is(q->child, "add") || node_is(q->child, "remove") ||
			node_is(q->child, "promote") || node_is(q->child, "demote"))
			return set_roster(q);
		if (node_is(q->child, "subject"))
			return sim_group_subject(q->group, q->who, q->child->bytes);
		if (node_is(q->child, "description"))
			return set_description(q);
		if (node_is(q->child, "invite"))
			return set_invite(q);
		if (node_is(q->child, "membership_requests_action"))
			return set_decision(q);
		if (node_is(q->child, "links"))
			return set_links(q, true);
		if (node_is(q->child, "unlink"))
			return set_links(q, false);
		if (node_is(q->child, "delete"))
			return sim_group_delete(q->group, q->who);
		return set_settings(q);
	}
	if (node_is(q->child, "query"))
		return get_one(q);
	if (node_is(q->child, "invite"))
		return get_invite(q);
	if (node_is(q->child, "membership_approval_requests"))
		return get_requests(q);
	if (node_is(q->child, "sub_groups"))
		return get_sub_groups(q);
	if (node_is(q->child, "linked_groups_participants"))
		return get_linked_participants(q);
	return 501;
}

void
sim_group_iq_handle(SimConn *conn, const WaNode *iq)
{
	WaStr to = node_attr(iq, "to");
	bool set = str_is(node_attr(iq, "type"), "set");
	WaJid jid;
	Query q = {.conn = conn, .iq = iq, .child = iq->first_child, .who = conn->device->account};
	int code;

	if (q.child == NULL || jid_parse(to, &jid) != WA_OK || jid.server != JID_GROUP)
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	arena_init(&q.arena, sim.env, WA_MAX_STANZA_MEMORY);
	q.result = sim_iq_result(&q.arena, iq);
	if (jid.user.len == 0)
		code = handle_server(&q, set);
	else
	{
		q.group = sim_group_by_jid(to);
		if (q.group == NULL || q.group->deleted)
			code = 404;
		else if (sim_group_member(q.group, q.who) == NULL)
			code = 403;
		else
			code = handle_group(&q, set);
	}
	if (code == 0)
		sim_server_send(conn, q.result);
	else
		sim_iq_error(conn, iq, code);
	arena_free(&q.arena);
}
