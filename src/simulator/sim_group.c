/*
 * sim_group.c
 *		Groups: who is in them, and everything that changes that.
 *
 * Every change, whoever asked for it, ends here: it is written into the
 * group's list of events (the truth that tests compare with) and told to the
 * members' devices in one notification.  A change of the roster makes the
 * group's version grow by one.  Settings are in sim_group_settings.c, communities in
 * sim_community.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- the model ---- */

SimGroup *
sim_group_find(const char *jid_or_id)
{
	char id[48];
	size_t len = strcspn(jid_or_id, "@");

	if (len >= sizeof(id))
		return NULL;
	memcpy(id, jid_or_id, len);
	id[len] = '\0';
	return sim_map_get(&sim.groups_by_id, id);
}

SimGroup *
sim_group_by_jid(WaStr text)
{
	char copy[64];

	if (text.len == 0 || text.len >= sizeof(copy))
		return NULL;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return sim_group_find(copy);
}

SimMember *
sim_group_member(const SimGroup *group, const SimAccount *account)
{
	for (int i = 0; i < group->n_members; i++)
	{
		if (group->members[i].account == account)
			return &group->members[i];
	}
	return NULL;
}

bool
sim_group_is_admin(const SimGroup *group, const SimAccount *account)
{
	const SimMember *member = sim_group_member(group, account);

	return member != NULL && member->role != SIM_MEMBER;
}

SimJoinRequest *
sim_group_request(const SimGroup *group, const SimAccount *account)
{
	for (int i = 0; i < group->n_requests; i++)
	{
		if (group->requests[i].account == account)
			return &group->requests[i];
	}
	return NULL;
}

static void
forget_request(SimGroup *group, const SimAccount *account)
{
	SimJoinRequest *request = sim_group_request(group, account);

	if (request != NULL)
		*request = group->requests[--group->n_requests];
}

static void
put_member(SimGroup *group, SimAccount *account, SimRole role)
{
	if (group->n_members == group->members_capacity)
	{
		group->members_capacity = group->members_capacity * 2 + 16;
		group->members = sim_util_grow(group->members,
									   (size_t) group->members_capacity * sizeof(*group->members));
	}
	group->members[group->n_members++] = (SimMember){account, role};
	if (account->n_groups == account->groups_capacity)
	{
		account->groups_capacity = account->groups_capacity * 2 + 4;
		account->groups = sim_util_grow(account->groups, (size_t) account->groups_capacity *
															 sizeof(*account->groups));
	}
	account->groups[account->n_groups++] = group;
	forget_request(group, account);
}

static void
take_member(SimGroup *group, SimAccount *account)
{
	SimMember *member = sim_group_member(group, account);

	*member = group->members[--group->n_members];
	group->departures++;
	for (int i = 0; i < account->n_groups; i++)
	{
		if (account->groups[i] == group)
		{
			account->groups[i] = account->groups[--account->n_groups];
			break;
		}
	}
}

void
sim_group_note(SimGroup *group, const char *kind, SimAccount *target, SimAccount *actor,
			   int64_t version, WaStr text, const char *notification)
{
	SimEvent *event;

	if (group->n_events == group->events_capacity)
	{
		group->events_capacity = group->events_capacity * 2 + 16;
		group->events =
			sim_util_grow(group->events, (size_t) group->events_capacity * sizeof(*group->events));
	}
	event = &group->events[group->n_events++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->target = target;
	event->actor = actor;
	event->at_us = sim_util_now_us();
	event->version = version;
	if (text.data != NULL)
	{
		event->text = sim_util_alloc(text.len + 1);
		memcpy(event->text, text.data, text.len);
	}
	snprintf(event->notification, sizeof(event->notification), "%s", notification);
	sim.events++;
}

static SimGroup *
new_group(SimAccount *by, const char *subject, bool lid)
{
	SimGroup *group = sim_util_alloc(sizeof(*group));

	snprintf(group->id, sizeof(group->id), "%llu",
			 (unsigned long long) (UINT64_C(120363000000000000) + ++sim.last_group));
	group->lid = lid;
	group->subject = sim_util_copy(subject);
	group->subject_len = strlen(subject);
	group->created_at = group->subject_at = sim_util_now();
	group->creator = group->subject_by = by;
	group->version = SIM_FIRST_VERSION;
	sim_util_random_text(group->invite, 22);
	sim_map_put(&sim.groups_by_id, group->id, group);
	sim_map_put(&sim.groups_by_invite, group->invite, group);
	if (sim.groups_tail != NULL)
		sim.groups_tail->next = group;
	else
		sim.groups = group;
	sim.groups_tail = group;
	sim.n_groups++;
	return group;
}

SimGroup *
sim_group_create(SimAccount *by, const char *subject, SimAccount **members, int n, bool lid,
				 const char *key)
{
	return sim_group_create_as(by, subject, members, n, lid, key, false, NULL);
}

SimGroup *
sim_group_create_as(SimAccount *by, const char *subject, SimAccount **members, int n, bool lid,
					const char *key, bool is_parent, SimGroup *announces_for)
{
	SimGroup *group = new_group(by, subject, lid);
	SimAccount **others = sim_util_alloc((size_t) (n + 1) * sizeof(*others));
	int n_others = 0;

	group->is_parent = is_parent;
	group->parent = announces_for;
	group->is_default_sub = announces_for != NULL;
	put_member(group, by, SIM_SUPERADMIN);
	for (int i = 0; i < n; i++)
	{
		if (sim_group_member(group, members[i]) != NULL)
			continue;
		put_member(group, members[i], SIM_MEMBER);
		others[n_others++] = members[i];
	}
	sim_group_note(group, "created", NULL, by, group->version, str_from(subject), "");
	for (int i = 0; i < group->n_members; i++)
		sim_group_note(group, "created_with", group->members[i].account, by, group->version,
					   WA_STR_NONE, "");
	/* the creator's own devices recognise their call by its key */
	sim_notify_create(group, by, others, n_others, NULL, NULL, "new");
	sim_notify_create(group, by, &by, 1, key, NULL, "new");
	free(others);
	return group;
}

/* ---- coming ---- */

static const char *
event_of_add(SimAddKind kind)
{
	switch (kind)
	{
		case SIM_ADD_LINK:
			return "joined_link";
		case SIM_ADD_APPROVED:
			return "approved";
		case SIM_ADD_COMMUNITY:
			return "joined_community";
		case SIM_ADD_BY_ADMIN:
			break;
	}
	return "added";
}

/* Puts accounts that are not members into the group and tells everybody. */
static void
admit(SimGroup *group, SimAccount *by, SimAccount **who, int n, SimAddKind kind)
{
	SimNotice notice;
	WaNode *add;
	int64_t before = group->version;
	const char *reason = kind == SIM_ADD_LINK        ? "invite"
						 : kind == SIM_ADD_COMMUNITY ? "linked_group_join"
													 : NULL;

	for (int i = 0; i < n; i++)
		put_member(group, who[i], SIM_MEMBER);
	group->version++;
	sim_notify_begin(&notice, group, by);
	add = sim_notify_child(&notice, "add");
	node_set(add, "reason", reason);
	sim_notify_version(add, before, group->version);
	for (int i = 0; i < n; i++)
	{
		sim_notify_participant(add, group, who[i]);
		sim_group_note(group, event_of_add(kind), who[i], by, group->version, WA_STR_NONE,
					   notice.id);
	}
	sim_notify_members(&notice, who, sim.options.added_add ? 0 : n, false);
	sim_notify_end(&notice);
	if (sim.options.added_create)
		sim_notify_create(group, by, who, n, NULL, reason, NULL);
}

int
sim_group_add(SimGroup *group, SimAccount *by, SimAccount **targets, int n, SimAddKind kind,
			  int *errors)
{
	SimAccount **accepted;
	int n_accepted = 0;

	if (kind == SIM_ADD_BY_ADMIN)
	{
		if (sim_group_member(group, by) == NULL)
			return 403;
		if (!group->members_add && !sim_group_is_admin(group, by))
			return 401;
	}
	accepted = sim_util_alloc((size_t) (n + 1) * sizeof(*accepted));
	for (int i = 0; i < n; i++)
	{
		int error = 0;

		if (targets[i] == NULL)
			error = 404;
		else if (sim_group_member(group, targets[i]) != NULL)
			error = 409;
		for (int j = 0; j < n_accepted && error == 0; j++)
			error = accepted[j] == targets[i] ? 409 : 0;
		if (errors != NULL)
			errors[i] = error;
		if (error == 0)
			accepted[n_accepted++] = targets[i];
	}
	if (n_accepted > 0)
		admit(group, by, accepted, n_accepted, kind);
	free(accepted);
	return 0;
}

int
sim_group_join(SimGroup *group, SimAccount *who, bool by_link, bool *asked)
{
	*asked = false;
	if (sim_group_member(group, who) != NULL)
		return 409;
	if (!by_link && (group->parent == NULL || sim_group_member(group->parent, who) == NULL))
		return 403;
	if (group->approval)
	{
		*asked = true;
		return sim_group_ask(group, who, by_link ? "invite_link" : "linked_group_join");
	}
	admit(group, who, &who, 1, by_link ? SIM_ADD_LINK : SIM_ADD_COMMUNITY);
	return 0;
}

/* ---- going ---- */

/* Somebody has to be admin: the service promotes the longest member, in its own name. */
static void
keep_an_admin(SimGroup *group)
{
	SimNotice notice;
	WaNode *promote;
	SimMember *heir = NULL;

	for (int i = 0; i < group->n_members; i++)
	{
		if (group->members[i].role != SIM_MEMBER)
			return;
	}
	if (group->n_members == 0)
		return;
	heir = &group->members[0];
	heir->role = SIM_ADMIN;
	sim_notify_begin(&notice, group, NULL);
	promote = sim_notify_child(&notice, "promote");
	sim_notify_version(promote, group->version, group->version + 1);
	group->version++;
	node_set(sim_notify_participant(promote, group, heir->account), "type", "admin");
	sim_group_note(group, "promoted", heir->account, NULL, group->version, WA_STR_NONE, notice.id);
	sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
}

static void
dismiss(SimGroup *group, SimAccount *by, SimAccount **who, int n)
{
	SimNotice notice;
	WaNode *removal;
	bool left = n == 1 && who[0] == by;

	sim_notify_begin(&notice, group, by);
	removal = sim_notify_child(&notice, "remove");
	sim_notify_version(removal, group->version, group->version + 1);
	group->version++;
	for (int i = 0; i < n; i++)
	{
		sim_notify_participant(removal, group, who[i]);
		sim_group_note(group, left ? "left" : "removed", who[i], by, group->version, WA_STR_NONE,
					   notice.id);
	}
	/* those who go hear it, too */
	sim_notify_members(&notice, NULL, 0, false);
	for (int i = 0; i < n; i++)
		take_member(group, who[i]);
	sim_notify_end(&notice);
	keep_an_admin(group);
}

int
sim_group_remove(SimGroup *group, SimAccount *by, SimAccount **targets, int n, int *errors)
{
	SimAccount **accepted;
	int n_accepted = 0;

	if (by != NULL && sim_group_member(group, by) == NULL)
		return 403;
	if (by != NULL && !sim_group_is_admin(group, by))
		return 401;
	accepted = sim_util_alloc((size_t) (n + 1) * sizeof(*accepted));
	for (int i = 0; i < n; i++)
	{
		const SimMember *member = targets[i] == NULL ? NULL : sim_group_member(group, targets[i]);
		int error = 0;

		if (member == NULL)
			error = 404;
		else if (by != NULL && (member->role == SIM_SUPERADMIN || targets[i] == by))
			error = 405;
		for (int j = 0; j < n_accepted && error == 0; j++)
			error = accepted[j] == targets[i] ? 404 : 0;
		if (errors != NULL)
			errors[i] = error;
		if (error == 0)
			accepted[n_accepted++] = targets[i];
	}
	if (n_accepted > 0)
		dismiss(group, by, accepted, n_accepted);
	free(accepted);
	return 0;
}

int
sim_group_leave(SimGroup *group, SimAccount *who)
{
	if (sim_group_member(group, who) == NULL)
		return 404;
	dismiss(group, who, &who, 1);
	return 0;
}

int
sim_group_delete(SimGroup *group, SimAccount *by)
{
	SimNotice notice;

	if (!sim_group_is_admin(group, by))
		return 401;
	sim_notify_begin(&notice, group, by);
	sim_notify_child(&notice, "delete");
	sim_group_note(group, "deleted", NULL, by, 0, WA_STR_NONE, notice.id);
	sim_notify_members(&notice, NULL, 0, false);
	sim_notify_end(&notice);
	while (group->n_members > 0)
		take_member(group, group->members[group->n_members - 1].account);
	group->deleted = true;
	sim_map_remove(&sim.groups_by_invite, group->invite);
	return 0;
}

/* ---- roles ---- */

int
sim_group_set_role(SimGroup *group, SimAccount *by, SimAccount **targets, int n, bool admin,
				   int *errors)
{
	SimNotice notice;
	WaNode *action;
	int64_t before = group->version;
	int changed = 0;

	if (by != NULL && sim_group_member(group, by) == NULL)
		return 403;
	if (by != NULL && !sim_group_is_admin(group, by))
		return 401;
	sim_notify_begin(&notice, group, by);
	action = sim_notify_child(&notice, admin ? "promote" : "demote");
	sim_notify_version(action, before, before + 1);
	for (int i = 0; i < n; i++)
	{
		SimMember *member = targets[i] == NULL ? NULL : sim_group_member(group, targets[i]);
		int error = 0;

		if (member == NULL)
			error = 404;
		else if (member->role == SIM_SUPERADMIN && !admin)
			error = 405;
		else if ((member->role != SIM_MEMBER) == admin)
			error = 409;
		if (errors != NULL)
			errors[i] = error;
		if (error != 0)
			continue;
		member->role = admin ? SIM_ADMIN : SIM_MEMBER;
		node_set(sim_notify_participant(action, group, targets[i]), "type", admin ? "admin" : NULL);
		sim_group_note(group, admin ? "promoted" : "demoted", targets[i], by, before + 1,
					   WA_STR_NONE, notice.id);
		changed++;
	}
	if (changed > 0)
	{
		group->version++;
		sim_notify_members(&notice, NULL, 0, false);
	}
	sim_notify_end(&notice);
	return 0;
}

/* ---- requests to join ---- */

int
sim_group_ask(SimGroup *group, SimAccount *who, const char *method)
{
	SimNotice notice;
	WaNode *created;
	WaNode *user;

	if (sim_group_member(group, who) != NULL || sim_group_request(group, who) != NULL)
		return 409;
	if (group->n_requests == group->requests_capacity)
	{
		group->requests_capacity = group->requests_capacity * 2 + 4;
		group->requests = sim_util_grow(group->requests, (size_t) group->requests_capacity *
															 sizeof(*group->requests));
	}
	group->requests[group->n_requests++] = (SimJoinRequest){who, sim_util_now(), method};

	sim_notify_begin(&notice, group, who);
	created = sim_notify_child(&notice, "created_membership_requests");
	node_set(created, "request_method", method);
	if (group->parent != NULL)
		node_set_jid(created, "parent_group_jid",
					 sim_notify_group_jid(&notice.arena, group->parent));
	user = node_add(created, "requested_user");
	sim_notify_set_person(user, "jid", "phone_number", group, who);
	sim_group_note(group, "requested", who, who, 0, str_from(method), notice.id);
	sim_notify_members(&notice, NULL, 0, true);
	sim_notify_end(&notice);
	return 0;
}

static void
revoke_requests(SimGroup *group, SimAccount *by, SimAccount **who, int n)
{
	SimNotice notice;
	WaNode *revoked;

	sim_notify_begin(&notice, group, by);
	revoked = sim_notify_child(&notice, "revoked_membership_requests");
	for (int i = 0; i < n; i++)
	{
		sim_notify_participant(revoked, group, who[i]);
		forget_request(group, who[i]);
		sim_group_note(group, who[i] == by ? "request_cancelled" : "request_rejected", who[i], by,
					   0, WA_STR_NONE, notice.id);
	}
	sim_notify_members(&notice, NULL, 0, true);
	sim_notify_end(&notice);
}

int
sim_group_cancel(SimGroup *group, SimAccount *who)
{
	if (sim_group_request(group, who) == NULL)
		return 404;
	revoke_requests(group, who, &who, 1);
	return 0;
}

int
sim_group_decide(SimGroup *group, SimAccount *by, SimAccount **targets, int n, bool approve,
				 int *errors)
{
	SimAccount **accepted;
	int n_accepted = 0;

	if (sim_group_member(group, by) == NULL)
		return 403;
	if (!sim_group_is_admin(group, by))
		return 401;
	accepted = sim_util_alloc((size_t) (n + 1) * sizeof(*accepted));
	for (int i = 0; i < n; i++)
	{
		int error = targets[i] == NULL || sim_group_request(group, targets[i]) == NULL ? 404 : 0;

		for (int j = 0; j < n_accepted && error == 0; j++)
			error = accepted[j] == targets[i] ? 404 : 0;
		if (errors != NULL)
			errors[i] = error;
		if (error == 0)
			accepted[n_accepted++] = targets[i];
	}
	if (n_accepted > 0 && approve)
		admit(group, by, accepted, n_accepted, SIM_ADD_APPROVED);
	else if (n_accepted > 0)
		revoke_requests(group, by, accepted, n_accepted);
	free(accepted);
	return 0;
}
