/*
 * sim_command_groups.c
 *		Requests that change groups and communities.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"

/* ---- groups ---- */

static const char *
do_group_create(SimCall *call)
{
	SimAccount *by = sim_command_account(call, "by");
	const char *subject = sim_command_text(call, "subject");
	const char *addressing = sim_command_text(call, "addressing");
	SimAccount **members;
	int n;

	SIM_NEED(by, SIM_NO_NUMBER);
	SIM_NEED(subject, "subject is needed");
	if (addressing != NULL && strcmp(addressing, "lid") != 0 && strcmp(addressing, "pn") != 0)
		return "addressing must be lid or pn";
	members = sim_command_accounts(call, "members", &n);
	SIM_NEED(members, "members must be a list of numbers");
	sim_command_put_group(call, "group",
						  sim_group_create(by, subject, members, n,
										   addressing == NULL || strcmp(addressing, "lid") == 0,
										   NULL));
	free(members);
	return NULL;
}

/* The four changes that name members. */
static const char *
change_members(SimCall *call, int (*change)(SimGroup *, SimAccount *, SimAccount **, int, int *))
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	SimAccount **members;
	int *errors;
	int n;
	int code;
	int failed = 0;

	SIM_NEED(group, SIM_NO_GROUP);
	/* null: the service itself */
	if (by == NULL && !json_is_null(json_object_get(call->in, "by")))
		return SIM_NO_NUMBER;
	members = sim_command_accounts(call, "members", &n);
	SIM_NEED(members, "members must be a list of numbers");
	errors = sim_util_alloc((size_t) (n + 1) * sizeof(*errors));
	code = change(group, by, members, n, errors);
	for (int i = 0; i < n && code == 0; i++)
	{
		if (errors[i] != 0)
		{
			failed++;
			code = n == 1 ? errors[i] : 0;
		}
	}
	json_object_set_new(call->out, "changed", json_integer(n - failed));
	free(errors);
	free(members);
	return sim_command_outcome(code);
}

static int
change_add(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return by == NULL ? 400 : sim_group_add(group, by, who, n, SIM_ADD_BY_ADMIN, errors);
}

static int
change_promote(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return sim_group_set_role(group, by, who, n, true, errors);
}

static int
change_demote(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return sim_group_set_role(group, by, who, n, false, errors);
}

static const char *
do_group_add(SimCall *call)
{
	return change_members(call, change_add);
}

static const char *
do_group_remove(SimCall *call)
{
	return change_members(call, sim_group_remove);
}

static const char *
do_group_promote(SimCall *call)
{
	return change_members(call, change_promote);
}

static const char *
do_group_demote(SimCall *call)
{
	return change_members(call, change_demote);
}

static const char *
do_group_leave(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *who = sim_command_account(call, "number");

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(who, SIM_NO_NUMBER);
	return sim_command_outcome(sim_group_leave(group, who));
}

static const char *
do_group_join(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *who = sim_command_account(call, "number");
	const char *via = sim_command_text(call, "via");
	bool asked = false;
	int code;

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(who, SIM_NO_NUMBER);
	if (via == NULL || strcmp(via, "link") == 0)
		code = sim_group_join(group, who, true, &asked);
	else if (strcmp(via, "community") == 0)
		code = sim_group_join(group, who, false, &asked);
	else if (strcmp(via, "request") == 0)
	{
		asked = true;
		code = sim_group_ask(group, who, "invite_link");
	}
	else
		return "via must be link, request or community";
	json_object_set_new(call->out, "requested", json_boolean(asked));
	return sim_command_outcome(code);
}

static const char *
do_group_request(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *who = sim_command_account(call, "number");

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(who, SIM_NO_NUMBER);
	return sim_command_outcome(sim_command_flag(call, "cancel") == 1
								   ? sim_group_cancel(group, who)
								   : sim_group_ask(group, who, "invite_link"));
}

static const char *
do_group_decide(SimCall *call)
{
	static const char *const choices[] = {"approve", "reject"};
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	int code = 0;

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	for (int i = 0; i < 2 && code == 0; i++)
	{
		int n;
		int *errors;
		SimAccount **who = sim_command_accounts(call, choices[i], &n);

		SIM_NEED(who, "approve and reject must be lists of numbers");
		errors = sim_util_alloc((size_t) (n + 1) * sizeof(*errors));
		if (n > 0)
			code = sim_group_decide(group, by, who, n, i == 0, errors);
		for (int j = 0; j < n && code == 0; j++)
			code = errors[j];
		free(errors);
		free(who);
	}
	return sim_command_outcome(code);
}

static const char *
do_group_subject(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	json_t *text = json_object_get(call->in, "text");

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	if (!json_is_string(text))
		return "text is needed";
	return sim_command_outcome(
		sim_group_subject(group, by, (WaStr){json_string_value(text), json_string_length(text)}));
}

static const char *
do_group_description(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	return sim_command_outcome(sim_group_description(
		group, by, str_from(sim_command_text(call, "text")), WA_STR_NONE, WA_STR_NONE, false));
}

static const char *
do_group_set(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	SimSettings set = SIM_SETTINGS_NONE;
	const char *add_mode = sim_command_text(call, "member_add_mode");
	const char *link_mode = sim_command_text(call, "member_link_mode");
	json_t *ephemeral = json_object_get(call->in, "ephemeral");

	SIM_NEED(group, SIM_NO_GROUP);
	if (by == NULL && !json_is_null(json_object_get(call->in, "by")))
		return SIM_NO_NUMBER;
	if (sim_command_flag(call, "incomplete") >= 0)
		group->incomplete = sim_command_flag(call, "incomplete") == 1;
	set.announce = sim_command_flag(call, "announce");
	set.locked = sim_command_flag(call, "locked");
	set.approval = sim_command_flag(call, "approval");
	if (json_is_integer(ephemeral))
		set.ephemeral = json_integer_value(ephemeral);
	if (add_mode != NULL)
		set.members_add = strcmp(add_mode, "all_member_add") == 0;
	if (link_mode != NULL)
		set.members_link = strcmp(link_mode, "all_member_link") == 0;
	return sim_command_outcome(sim_group_settings(group, by, &set));
}

static const char *
do_group_invite_reset(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	int code;

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	code = sim_group_new_invite(group, by);
	json_object_set_new(call->out, "code", json_string(group->invite));
	return sim_command_outcome(code);
}

static const char *
do_group_delete(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");

	SIM_NEED(group, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	return sim_command_outcome(sim_group_delete(group, by));
}

/* A child (or several) that the service itself does not understand. */
static const char *
do_group_raw(SimCall *call)
{
	SimGroup *group = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");
	json_t *children = json_object_get(call->in, "children");
	json_t *child = json_object_get(call->in, "child");
	SimNotice notice;
	const char *error = NULL;

	SIM_NEED(group, SIM_NO_GROUP);
	if (by == NULL && json_is_string(json_object_get(call->in, "by")))
		return SIM_NO_NUMBER;
	sim_notify_begin(&notice, group, by);
	for (size_t i = 0; i < (child != NULL ? 1 : json_array_size(children)) && error == NULL; i++)
	{
		WaNode *node =
			sim_command_node(&notice.arena, child != NULL ? child : json_array_get(children, i));

		if (node == NULL)
			error = "child must be {tag, attrs, children | text | base64}";
		else
			node_append(notice.node, node);
	}
	if (error == NULL && notice.node->first_child == NULL)
		error = "child is needed";
	if (error == NULL)
	{
		sim_group_note(group, "raw", NULL, by, 0, notice.node->first_child->tag, notice.id);
		sim_notify_members(&notice, NULL, 0, false);
		json_object_set_new(call->out, "notification", json_string(notice.id));
	}
	sim_notify_end(&notice);
	return error;
}

/* ---- communities ---- */

static const char *
do_community_create(SimCall *call)
{
	SimAccount *by = sim_command_account(call, "by");
	const char *subject = sim_command_text(call, "subject");
	const char *addressing = sim_command_text(call, "addressing");
	SimGroup *announcements;

	SIM_NEED(by, SIM_NO_NUMBER);
	SIM_NEED(subject, "subject is needed");
	sim_command_put_group(call, "group",
						  sim_community_create(by, subject,
											   addressing == NULL || strcmp(addressing, "pn") != 0,
											   &announcements));
	sim_command_put_group(call, "announcements", announcements);
	return NULL;
}

static const char *
change_link(SimCall *call, int (*change)(SimGroup *, SimGroup *, SimAccount *))
{
	SimGroup *parent = sim_command_group(call, "community");
	SimGroup *child = sim_command_group(call, "group");
	SimAccount *by = sim_command_account(call, "by");

	SIM_NEED(parent, "no such community");
	SIM_NEED(child, SIM_NO_GROUP);
	SIM_NEED(by, SIM_NO_NUMBER);
	return sim_command_outcome(change(parent, child, by));
}

static const char *
do_community_link(SimCall *call)
{
	return change_link(call, sim_community_link);
}

static const char *
do_community_unlink(SimCall *call)
{
	return change_link(call, sim_community_unlink);
}

const SimCommand sim_command_groups[] = {
	{"group_create", do_group_create},
	{"group_add", do_group_add},
	{"group_remove", do_group_remove},
	{"group_promote", do_group_promote},
	{"group_demote", do_group_demote},
	{"group_leave", do_group_leave},
	{"group_join", do_group_join},
	{"group_request", do_group_request},
	{"group_decide", do_group_decide},
	{"group_subject", do_group_subject},
	{"group_description", do_group_description},
	{"group_set", do_group_set},
	{"group_invite_reset", do_group_invite_reset},
	{"group_delete", do_group_delete},
	{"group_raw", do_group_raw},
	{"community_create", do_community_create},
	{"community_link", do_community_link},
	{"community_unlink", do_community_unlink},
	{NULL, NULL},
};
