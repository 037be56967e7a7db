/*
 * group.c
 *		Group metadata and w:gp2 changes from nodes to records.
 *
 * Nothing that the server says is a reason to drop what else it says: a
 * reader takes what it understands and leaves the node at hand for the rest.
 * Numbers that leave this file are in range for their unit.
 */
#include "group.h"

#include <string.h>

#define MAX_TIME INT64_C(253402300799) /* the last second of 9999 */
#define MAX_TAG 64                     /* bytes of an unknown tag in a kind */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- attributes ---- */

/* A number of at most max, else missing. */
static int64_t
number_attr(const WaNode *node, const char *key, int64_t max, int64_t missing)
{
	uint64_t value;

	if (!node_attr_u64(node, key, &value) || value > (uint64_t) max)
		return missing;
	return (int64_t) value;
}

static int64_t
time_attr(const WaNode *node, const char *key)
{
	return number_attr(node, key, MAX_TIME, 0);
}

static int64_t
version_attr(const WaNode *node, const char *key)
{
	return number_attr(node, key, INT64_MAX, -1);
}

static WaStr
present(WaStr text)
{
	return text.len > 0 ? text : WA_STR_NONE;
}

static WaStr
text_attr(const WaNode *node, const char *key)
{
	return present(node_attr(node, key));
}

static WaStr
text_content(const WaNode *node)
{
	return node == NULL ? WA_STR_NONE : present(node->bytes);
}

/* A group's JID; a bare number, or two with a dash, is completed (sheet 2 section 2.2). */
static WaStr
group_jid(WaArena *arena, WaStr text)
{
	bool bare = true;
	WaJid jid;

	if (text.len == 0 || text.len > IDENTITY_MAX_JID)
		return WA_STR_NONE;
	for (size_t i = 0; i < text.len; i++)
	{
		char c = text.data[i];

		if (c <= ' ' || c > '~')
			return WA_STR_NONE;
		if ((c < '0' || c > '9') && c != '-')
			bare = false;
	}
	if (bare)
		text = arena_printf(arena, "%.*s@g.us", (int) text.len, text.data);
	if (jid_parse(text, &jid) != WA_OK || jid.server != JID_GROUP || jid.user.len == 0)
		return WA_STR_NONE;
	return jid_format(arena, &jid);
}

/* ---- participants ---- */

const char *
group_role_name(WaRole role)
{
	switch (role)
	{
		case GROUP_ADMIN:
			return "admin";
		case GROUP_SUPERADMIN:
			return "superadmin";
		case GROUP_MEMBER:
			break;
	}
	return "member";
}

static WaRole
role_of(WaStr type)
{
	if (str_is(type, "admin"))
		return GROUP_ADMIN;
	if (str_is(type, "superadmin"))
		return GROUP_SUPERADMIN;
	return GROUP_MEMBER; /* absent, or unknown: sheet 2 section 2.6 */
}

/* A list under construction. */
typedef struct PeopleList
{
	WaParticipant *first;
	WaParticipant *last;
	int count;
} PeopleList;

static void
add_person(WaArena *arena, PeopleList *list, const WaParticipant *person)
{
	WaParticipant *copy = arena_alloc(arena, sizeof(*copy));

	if (copy == NULL)
		return;
	*copy = *person;
	copy->next = NULL;
	if (list->last == NULL)
		list->first = copy;
	else
		list->last->next = copy;
	list->last = copy;
	list->count++;
}

static void
add_participant(PeopleList *list, const WaNode *node)
{
	WaParticipant person = {
		.who = identity_of_participant(node),
		.role = role_of(node_attr(node, "type")),
		.label = text_attr(node, "participant_label"),
		.joined_at = time_attr(node, "join_time"),
		.error = text_attr(node, "error"),
	};

	add_person(node->arena, list, &person);
}

static void
add_participants(PeopleList *list, const WaNode *parent, const char *tag)
{
	for (const WaNode *node = node_child(parent, tag); node != NULL;
		 node = node_child_next(node, tag))
		add_participant(list, node);
}

/* ---- settings ---- */

static const WaGroupSettings settings_unsaid = {
	.announce = -1,
	.locked = -1,
	.join_approval = -1,
	.ephemeral_seconds = -1,
};

/* Takes what one child says; the same children stand in metadata and in changes. */
static void
read_setting(WaGroupSettings *settings, const WaNode *node)
{
	if (node_is(node, "announcement"))
		settings->announce = 1;
	else if (node_is(node, "not_announcement"))
		settings->announce = 0;
	else if (node_is(node, "locked"))
		settings->locked = 1;
	else if (node_is(node, "unlocked"))
		settings->locked = 0;
	else if (node_is(node, "ephemeral"))
		settings->ephemeral_seconds = number_attr(node, "expiration", INT32_MAX, -1);
	else if (node_is(node, "not_ephemeral"))
		settings->ephemeral_seconds = 0;
	else if (node_is(node, "membership_approval_mode"))
		settings->join_approval =
			!str_is(node_attr(node_child(node, "group_join"), "state"), "off");
	else if (node_is(node, "member_add_mode"))
		settings->member_add_mode = text_content(node);
	else if (node_is(node, "member_link_mode"))
		settings->member_link_mode = text_content(node);
}

/* ---- metadata ---- */

static void
read_description(WaGroup *group, const WaNode *node)
{
	group->description = text_content(node_child(node, "body"));
	group->description_id = text_attr(node, "id");
	group->description_at = time_attr(node, "t");
	group->description_by = identity_of_key(node, "participant");
}

static bool
somebody_is_unknown(const PeopleList *people)
{
	for (const WaParticipant *person = people->first; person != NULL; person = person->next)
	{
		if (person->who.lid.data == NULL && person->who.pn.data == NULL)
			return true;
	}
	return false;
}

/*
 * The children of a group.  *missing: the server says that it leaves people
 * out.
 */
static void
read_group_children(WaGroup *group, PeopleList *people, bool *missing)
{
	for (const WaNode *child = group->node->first_child; child != NULL; child = child->next)
	{
		if (node_is(child, "participant"))
			add_participant(people, child);
		else if (node_is(child, "description"))
			read_description(group, child);
		else if (node_is(child, "linked_parent"))
			group->parent_jid = group_jid(child->arena, node_attr(child, "jid"));
		else if (node_is(child, "parent"))
			group->is_parent = true;
		else if (node_is(child, "default_sub_group"))
			group->is_default_subgroup = true;
		else if (node_is(child, "incognito"))
			group->incognito = true;
		else if (node_is(child, "suspended"))
			group->suspended = true;
		else if (node_is(child, "missing_participant_identification"))
			*missing = true;
		else
			read_setting(&group->settings, child);
	}
}

/* jid_or_none: the group's own JID where the node need not repeat it. */
static WaGroup *
parse_group(const WaNode *node, WaStr jid_or_none, bool mention)
{
	WaArena *arena = node->arena;
	PeopleList people = {0};
	bool missing = false;
	WaStr jid = group_jid(arena, node_attr(node, "id"));
	WaGroup *group;

	if (jid.data == NULL)
		jid = group_jid(arena, node_attr(node, "jid"));
	if (jid.data == NULL)
		jid = jid_or_none;
	if (jid.data == NULL || (group = arena_alloc(arena, sizeof(*group))) == NULL)
		return NULL;

	group->node = node;
	group->jid = jid;
	group->subject = text_attr(node, "subject");
	group->subject_at = time_attr(node, "s_t");
	group->subject_by = identity_of_key(node, "s_o");
	group->created_at = time_attr(node, "creation");
	group->creator = identity_of_key(node, "creator");
	group->size = number_attr(node, "size", INT32_MAX, -1);
	group->addressing_mode = text_attr(node, "addressing_mode");
	if (group->addressing_mode.data == NULL && !mention)
		group->addressing_mode = str_from("pn"); /* sheet 2 section 2.2 */
	group->version = version_attr(node, "p_v_id");
	group->error = text_attr(node, "error");
	group->truncated = str_is(node_attr(node, "truncated"), "true");
	group->partial =
		mention || group->error.data != NULL || (group->truncated && group->subject.data == NULL);
	group->settings = settings_unsaid;
	if (!group->partial)
	{
		group->settings.announce = 0;
		group->settings.locked = 0;
		group->settings.join_approval = 0;
		group->settings.ephemeral_seconds = 0;
	}

	read_group_children(group, &people, &missing);
	group->participants = people.first;
	group->n_participants = people.count;

	/*
	 * The server shows ordinary members only a part of some communities; if it
	 * does not tell the size of one, nothing says that these are all.
	 */
	if (group->size < 0 && (group->is_parent || group->incognito))
		missing = true;
	group->complete = !missing && !group->partial && !group->truncated && people.count > 0 &&
					  group->size <= people.count && !arena->failed &&
					  !somebody_is_unknown(&people);
	return group;
}

WaGroup *
group_parse(const WaNode *group_node)
{
	if (group_node == NULL)
		return NULL;
	return parse_group(group_node, WA_STR_NONE, false);
}

/* Appends to the list whose last pointer is *tail; returns the new one. */
static WaGroup **
read_group_list(const WaNode *list, const char *tag, WaGroup **tail, int *count, bool *all)
{
	for (const WaNode *node = node_child(list, tag); node != NULL;
		 node = node_child_next(node, tag))
	{
		WaGroup *group = group_parse(node);

		if (group == NULL)
		{
			*all = false;
			continue;
		}
		*tail = group;
		tail = &group->next;
		(*count)++;
	}
	return tail;
}

WaGroup *
group_parse_list(const WaNode *iq, int *count, bool *all)
{
	const WaNode *groups = node_child(iq, "groups");
	const WaNode *communities = node_child(iq, "communities");
	WaGroup *first = NULL;
	WaGroup **tail = &first;

	*count = 0;
	*all = str_is(node_attr(iq, "type"), "result") && (groups != NULL || communities != NULL);
	tail = read_group_list(groups, "group", tail, count, all);
	read_group_list(communities, "community", tail, count, all);
	if (iq != NULL && iq->arena->failed)
		*all = false;
	return first;
}

/* ---- changes ---- */

static void
set_targets(WaGroupChange *change, const PeopleList *people)
{
	change->targets = people->first;
	change->n_targets = people->count;
}

/* The one target of a change that has no list of people. */
static void
set_target(WaGroupChange *change, WaIdentity who)
{
	WaParticipant person = {.who = who};
	PeopleList people = {0};

	if (!identity_is_known(&who))
		return;
	add_person(change->node->arena, &people, &person);
	set_targets(change, &people);
}

static void
read_promote(WaGroupChange *change)
{
	/* the list need not say what they are promoted to */
	for (WaParticipant *person = change->targets; person != NULL; person = person->next)
	{
		if (person->role == GROUP_MEMBER)
			person->role = GROUP_ADMIN;
	}
}

static void
read_demote(WaGroupChange *change)
{
	for (WaParticipant *person = change->targets; person != NULL; person = person->next)
		person->role = GROUP_MEMBER;
}

/* change_number and linked_group_* may name their person with an attribute. */
static void
read_named_target(WaGroupChange *change)
{
	if (change->targets == NULL)
		set_target(change, identity_of_participant(change->node));
}

static void
read_linked_promote(WaGroupChange *change)
{
	read_named_target(change);
	read_promote(change);
}

static void
read_linked_demote(WaGroupChange *change)
{
	read_named_target(change);
	read_demote(change);
}

static void
read_request(WaGroupChange *change)
{
	change->parent_jid =
		group_jid(change->node->arena, node_attr(change->node, "parent_group_jid"));
	if (change->targets == NULL)
		set_target(change, change->actor);
}

static void
read_created_requests(WaGroupChange *change)
{
	PeopleList people = {0};

	change->parent_jid =
		group_jid(change->node->arena, node_attr(change->node, "parent_group_jid"));
	add_participants(&people, change->node, "requested_user");
	if (people.count > 0)
		set_targets(change, &people);
}

/* The child may say who it was where the notification does not. */
static void
find_actor(WaGroupChange *change, const char *key)
{
	WaIdentity who = identity_of_key(change->node, key);

	if (identity_is_known(&change->actor) || !identity_is_known(&who))
		return;
	who.push_name = change->actor.push_name;
	change->actor = who;
}

static void
read_subject(WaGroupChange *change)
{
	change->text = text_attr(change->node, "subject");
	if (change->text.data == NULL)
		change->text = text_content(change->node);
	find_actor(change, "s_o");
}

static void
read_new_description(WaGroupChange *change)
{
	change->text = text_content(node_child(change->node, "body"));
	change->text_id = text_attr(change->node, "id");
	find_actor(change, "participant");
}

static void
read_invite(WaGroupChange *change)
{
	change->text = text_attr(change->node, "code");
}

static void
read_type(WaGroupChange *change)
{
	change->text = text_attr(change->node, "type");
}

static void
read_content(WaGroupChange *change)
{
	change->text = text_content(change->node);
}

static void
read_create(WaGroupChange *change)
{
	const WaNode *node = node_child(change->node, "group");

	if (node != NULL)
		change->groups = parse_group(node, change->group_jid, false);
}

static void
read_link(WaGroupChange *change)
{
	WaGroup **tail = &change->groups;
	bool to_child;
	bool to_parent;

	change->text = text_attr(change->node, "link_type");
	to_child = str_is(change->text, "sub_group");
	to_parent = str_is(change->text, "parent_group");
	if (change->text.data == NULL)
		change->text = text_attr(change->node, "unlink_type");

	for (const WaNode *node = node_child(change->node, "group"); node != NULL;
		 node = node_child_next(node, "group"))
	{
		WaGroup *group = parse_group(node, WA_STR_NONE, true);

		if (group == NULL)
			continue;
		if (to_child)
			group->parent_jid = change->group_jid;
		if (to_parent)
			group->is_parent = true;
		*tail = group;
		tail = &group->next;
	}
}

/* Sheet 2 section 2.6.  What every child may have is read before read. */
static const struct
{
	const char *tag;
	void (*read)(WaGroupChange *change);
} kinds[] = {
	{"add", NULL},
	{"remove", NULL},
	{"leave", NULL},
	{"promote", read_promote},
	{"demote", read_demote},
	{"linked_group_promote", read_linked_promote},
	{"linked_group_demote", read_linked_demote},
	{"modify", NULL},
	{"change_number", read_named_target},
	{"subject", read_subject},
	{"description", read_new_description},
	{"announcement", NULL},
	{"not_announcement", NULL},
	{"locked", NULL},
	{"unlocked", NULL},
	{"ephemeral", NULL},
	{"not_ephemeral", NULL},
	{"member_add_mode", read_content},
	{"member_link_mode", read_content},
	{"member_share_group_history_mode", read_content},
	{"membership_approval_mode", NULL},
	{"invite", read_invite},
	{"revoke", NULL},
	{"membership_approval_request", read_request},
	{"created_membership_requests", read_created_requests},
	{"revoked_membership_requests", NULL},
	{"create", read_create},
	{"delete", NULL},
	{"link", read_link},
	{"unlink", read_link},
	{"growth_locked", read_type},
	{"growth_unlocked", NULL},
	{"suspended", NULL},
	{"unsuspended", NULL},
	{"missing_participant_identification", NULL},
	{"allow_admin_reports", NULL},
	{"not_allow_admin_reports", NULL},
	{"reports", NULL},
	{"allow_non_admin_sub_group_creation", NULL},
	{"not_allow_non_admin_sub_group_creation", NULL},
	{"created_sub_group_suggestion", NULL},
	{"revoked_sub_group_suggestions", NULL},
	{"no_frequently_forwarded", NULL},
	{"frequently_forwarded_ok", NULL},
	{"group_history", NULL},
	{"no_group_history", NULL},
	{"auto_add_disabled", NULL},
	{"is_capi_hosted_group", NULL},
	{"group_safety_check", NULL},
	{"limit_sharing_enabled", NULL},
};

static WaStr
unknown_kind(WaArena *arena, WaStr tag)
{
	static const char prefix[] = "unknown:";
	size_t tag_len = tag.len < MAX_TAG ? tag.len : MAX_TAG;
	size_t len = sizeof(prefix) - 1 + tag_len;
	char *text = arena_alloc(arena, len + 1);

	if (text == NULL)
		return WA_STR_NONE;
	memcpy(text, prefix, sizeof(prefix) - 1);
	if (tag_len > 0)
		memcpy(text + sizeof(prefix) - 1, tag.data, tag_len);
	return (WaStr){text, len};
}

static WaStr
reason_of(const WaNode *child)
{
	static const char *const keys[] = {"reason", "request_method", "unlink_reason"};
	WaStr reason = WA_STR_NONE;

	for (size_t i = 0; i < LENGTH(keys) && reason.data == NULL; i++)
		reason = text_attr(child, keys[i]);
	return reason;
}

/* common has what all changes of one notification share. */
static WaGroupChange *
parse_change(const WaGroupChange *common, const WaNode *child)
{
	WaArena *arena = child->arena;
	WaGroupChange *change = arena_alloc(arena, sizeof(*change));
	PeopleList people = {0};

	if (change == NULL)
		return NULL;
	*change = *common;
	change->node = child;
	change->reason = reason_of(child);
	change->version_before = version_attr(child, "prev_v_id");
	change->version_after = version_attr(child, "v_id");
	change->settings = settings_unsaid;
	read_setting(&change->settings, child);
	add_participants(&people, child, "participant");
	set_targets(change, &people);
	if (node_child(child, "missing_participant_identification") != NULL)
		change->roster_incomplete = true;

	for (size_t i = 0; i < LENGTH(kinds); i++)
	{
		if (!node_is(child, kinds[i].tag))
			continue;
		change->known = true;
		change->kind = child->tag;
		if (kinds[i].read != NULL)
			kinds[i].read(change);
		return change;
	}
	change->kind = unknown_kind(arena, child->tag);
	return change;
}

WaGroupChange *
group_parse_changes(const WaNode *notification, int *count)
{
	WaGroupChange common = {0};
	WaGroupChange *first = NULL;
	WaGroupChange **tail = &first;

	*count = 0;
	if (notification == NULL)
		return NULL;
	common.group_jid = group_jid(notification->arena, node_attr(notification, "from"));
	if (common.group_jid.data == NULL)
		return NULL;
	common.notification_id = text_attr(notification, "id");
	common.at = time_attr(notification, "t");
	common.offline = node_attr(notification, "offline").data != NULL;
	common.actor = identity_of_actor(notification);
	common.roster_incomplete =
		node_child(notification, "missing_participant_identification") != NULL;

	for (const WaNode *child = notification->first_child; child != NULL; child = child->next)
	{
		WaGroupChange *change = parse_change(&common, child);

		if (change == NULL)
			break; /* memory; the arena remembers */
		common.ordinal++;
		*tail = change;
		tail = &change->next;
		(*count)++;
	}
	return first;
}

/* ---- queries ---- */

static WaNode *
new_query(WaArena *arena, WaStr to)
{
	WaNode *iq = node_new(arena, "iq");

	node_set(iq, "type", "get");
	node_set(iq, "xmlns", "w:g2");
	node_set_jid(iq, "to", to);
	return iq;
}

WaNode *
group_query_all(WaArena *arena)
{
	WaNode *iq = new_query(arena, str_from("@g.us"));
	WaNode *participating = node_add(iq, "participating");

	node_add(participating, "participants");
	node_add(participating, "description");
	return iq;
}

WaNode *
group_query_one(WaArena *arena, WaStr jid)
{
	WaNode *iq = new_query(arena, jid);

	node_set(node_add(iq, "query"), "request", "interactive");
	return iq;
}
