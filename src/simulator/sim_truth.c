/*
 * sim_truth.c
 *		What really is and what really happened, as JSON for tests.
 *
 * Texts come out as valid UTF-8 without NUL; offending bytes are U+FFFD, as in
 * everything that keeps such texts in a database.
 */
#include <stdio.h>
#include <string.h>

#include "../protocol/json.h"
#include "sim.h"

json_t *
sim_truth_text(WaStr text)
{
	WaBuf quoted;
	WaJson writer;
	json_t *result = NULL;

	if (text.data == NULL)
		return json_null();
	buf_init(&quoted, sim.env, 1 << 20);
	json_init(&writer, &quoted);
	json_begin_array(&writer, NULL);
	json_str(&writer, NULL, text);
	json_end_array(&writer);
	if (writer.status == WA_OK)
	{
		json_t *list =
			json_loadb((const char *) buf_data(&quoted), buf_len(&quoted), JSON_ALLOW_NUL, NULL);

		if (list != NULL)
			result = json_incref(json_array_get(list, 0));
		json_decref(list);
	}
	buf_free(&quoted);
	return result != NULL ? result : json_null();
}

static void
set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static const char *
role_name(SimRole role)
{
	return role == SIM_MEMBER ? "member" : role == SIM_ADMIN ? "admin" : "superadmin";
}

static void
set_person(json_t *object, const char *key, const char *lid_key, const SimAccount *account)
{
	set(object, key, account == NULL ? json_null() : json_string(account->number));
	set(object, lid_key, account == NULL ? json_null() : json_string(account->lid));
}

static json_t *
event_json(const SimEvent *event)
{
	json_t *object = json_object();

	set(object, "kind", json_string(event->kind));
	set_person(object, "target", "target_lid", event->target);
	set_person(object, "actor", "actor_lid", event->actor);
	set(object, "at", json_real((double) event->at_us / 1e6));
	set(object, "version", event->version > 0 ? json_integer(event->version) : json_null());
	set(object, "notification",
		event->notification[0] != '\0' ? json_string(event->notification) : json_null());
	if (event->text != NULL)
		set(object, "text", sim_truth_text(str_from(event->text)));
	return object;
}

json_t *
sim_truth_group(const SimGroup *group, bool events)
{
	json_t *object = json_object();
	json_t *settings = json_object();
	json_t *members = json_array();
	json_t *requests = json_array();
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@g.us", group->id);
	set(object, "group", json_string(jid));
	set(object, "subject", sim_truth_text((WaStr){group->subject, group->subject_len}));
	set(object, "subject_at", json_integer(group->subject_at));
	set(object, "description", sim_truth_text(str_from(group->description)));
	set(object, "addressing", json_string(group->lid ? "lid" : "pn"));
	set(object, "created_at", json_integer(group->created_at));
	set_person(object, "creator", "creator_lid", group->creator);
	set(object, "version", json_integer(group->version));
	set(object, "deleted", json_boolean(group->deleted));
	set(object, "invite", json_string(group->invite));
	if (group->parent != NULL)
	{
		snprintf(jid, sizeof(jid), "%s@g.us", group->parent->id);
		set(object, "parent", json_string(jid));
	}
	set(object, "is_parent", json_boolean(group->is_parent));
	set(object, "is_default_subgroup", json_boolean(group->is_default_sub));
	set(settings, "announce", json_boolean(group->announce));
	set(settings, "locked", json_boolean(group->locked));
	set(settings, "join_approval", json_boolean(group->approval));
	set(settings, "ephemeral_seconds", json_integer(group->ephemeral));
	set(settings, "member_add_mode",
		json_string(group->members_add ? "all_member_add" : "admin_add"));
	set(settings, "member_link_mode",
		json_string(group->members_link ? "all_member_link" : "admin_link"));
	set(object, "settings", settings);
	for (int i = 0; i < group->n_members; i++)
	{
		json_t *member = json_object();

		set_person(member, "pn", "lid", group->members[i].account);
		if (group->members[i].account->hidden)
			set(member, "hidden", json_true());
		set(member, "role", json_string(role_name(group->members[i].role)));
		json_array_append_new(members, member);
	}
	set(object, "members", members);
	for (int i = 0; i < group->n_requests; i++)
	{
		json_t *request = json_object();

		set_person(request, "pn", "lid", group->requests[i].account);
		set(request, "at", json_integer(group->requests[i].at));
		json_array_append_new(requests, request);
	}
	set(object, "requests", requests);
	if (events)
	{
		json_t *list = json_array();

		for (int i = 0; i < group->n_events; i++)
			json_array_append_new(list, event_json(&group->events[i]));
		set(object, "events", list);
	}
	return object;
}

json_t *
sim_truth_all(bool events)
{
	json_t *groups = json_array();

	for (const SimGroup *group = sim.groups; group != NULL; group = group->next)
		json_array_append_new(groups, sim_truth_group(group, events));
	return groups;
}
