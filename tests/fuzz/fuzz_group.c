/*
 * fuzz_group.c
 *		Hostile stanzas through identities, groups and facts.
 *
 * The first byte chooses: even, the rest is a frame for node_decode; odd, the
 * rest picks tags, attributes and values that mean something here, which
 * random bytes hardly spell.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/collector/facts.h"
#include "../../src/protocol/json.h"

#define MEMORY (32 << 20)
#define MAX_ELEMENTS 2000 /* of a built stanza */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define must(condition)                                                                            \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			abort();                                                                               \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- building a stanza ---- */

static const char *const tags[] = {
	"notification",
	"iq",
	"message",
	"receipt",
	"call",
	"groups",
	"communities",
	"group",
	"community",
	"participants",
	"participant",
	"requested_user",
	"user",
	"lid",
	"to",
	"item",
	"device",
	"modify",
	"description",
	"body",
	"linked_parent",
	"parent",
	"default_sub_group",
	"incognito",
	"suspended",
	"missing_participant_identification",
	"membership_approval_mode",
	"group_join",
	"ephemeral",
	"not_ephemeral",
	"announcement",
	"locked",
	"member_add_mode",
	"member_link_mode",
	"add",
	"remove",
	"promote",
	"demote",
	"linked_group_promote",
	"change_number",
	"subject",
	"invite",
	"create",
	"link",
	"unlink",
	"created_membership_requests",
	"membership_approval_request",
	"growth_locked",
	"teleport",
	"offer",
	"",
};

static const char *const keys[] = {
	"from",
	"id",
	"t",
	"type",
	"participant",
	"participant_pn",
	"participant_lid",
	"participant_username",
	"participant_country_code",
	"notify",
	"offline",
	"jid",
	"phone_number",
	"lid",
	"pn_jid",
	"username",
	"display_name",
	"participant_label",
	"join_time",
	"error",
	"subject",
	"s_t",
	"s_o",
	"s_o_pn",
	"creation",
	"creator",
	"creator_pn",
	"size",
	"addressing_mode",
	"p_v_id",
	"v_id",
	"prev_v_id",
	"reason",
	"request_method",
	"parent_group_jid",
	"link_type",
	"unlink_type",
	"code",
	"state",
	"expiration",
	"truncated",
	"old",
	"new",
	"old_lid",
	"new_lid",
	"val",
	"action",
	"sender_pn",
	"sender_lid",
	"recipient",
	"peer_recipient_pn",
	"recipient_lid",
	"caller_pn",
	"call-creator",
};

static const char *const values[] = {
	"1@g.us",
	"1",
	"11@lid",
	"12:3@lid",
	"491@s.whatsapp.net",
	"492:7@s.whatsapp.net",
	"49@hosted",
	"5@bot",
	"g.us",
	"@lid",
	"0@s.whatsapp.net",
	"w:gp2",
	"contacts",
	"result",
	"error",
	"admin",
	"superadmin",
	"off",
	"on",
	"true",
	"sub_group",
	"parent_group",
	"unblock",
	"1700000000",
	"99999999999999999999",
	"-1",
	"",
	"-",
	"\xe2\x88\x99\xff",
	"\"}",
};

typedef struct Input
{
	const uint8_t *data;
	size_t left;
	int elements;
} Input;

static uint8_t
next(Input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

static WaStr
next_value(Input *in)
{
	uint8_t choice = next(in);
	WaStr raw;

	if (choice < 224)
		return str_from(values[choice % LENGTH(values)]);
	raw.len = choice - 224;
	if (raw.len > in->left)
		raw.len = in->left;
	raw.data = (const char *) in->data;
	in->data += raw.len;
	in->left -= raw.len;
	return raw;
}

static void
fill(Input *in, WaNode *node, int depth)
{
	uint8_t shape = next(in);
	int attrs = shape & 7;
	int children = shape >> 4;

	for (int i = 0; i < attrs; i++)
	{
		const char *key = keys[next(in) % LENGTH(keys)];

		node_set_str(node, key, next_value(in));
	}
	if (shape & 8)
	{
		WaStr bytes = next_value(in);

		node_set_bytes(node, bytes.data, bytes.len);
		return;
	}
	for (int i = 0; i < children && depth < 12 && in->left > 0 && in->elements++ < MAX_ELEMENTS;
		 i++)
		fill(in, node_add(node, tags[next(in) % LENGTH(tags)]), depth + 1);
}

/* ---- what must hold ---- */

static void
check_identity(const WaIdentity *who)
{
	WaJid jid;

	if (who->lid.data != NULL)
		must(who->lid.len <= IDENTITY_MAX_JID && jid_parse(who->lid, &jid) == WA_OK &&
			 jid.server == JID_LID && jid.device == 0 && jid.user.len > 0);
	if (who->pn.data != NULL)
		must(who->pn.len <= IDENTITY_MAX_JID && jid_parse(who->pn, &jid) == WA_OK &&
			 jid.server == JID_PN && jid.device == 0 && jid.user.len > 0);
}

static void
check_time(int64_t unix_s)
{
	must(unix_s >= 0 && unix_s <= INT64_C(253402300799));
}

static void
check_people(const WaParticipant *people, int count, bool all_known)
{
	for (const WaParticipant *person = people; person != NULL; person = person->next)
	{
		check_identity(&person->who);
		check_time(person->joined_at);
		must(!all_known || identity_is_known(&person->who));
		count--;
	}
	must(count == 0);
}

static void
check_group_jid(WaStr jid_text)
{
	WaJid jid;

	must(jid_text.len <= IDENTITY_MAX_JID + 5 && jid_parse(jid_text, &jid) == WA_OK &&
		 jid.server == JID_GROUP && jid.user.len > 0);
}

static void
check_settings(const WaGroupSettings *settings)
{
	must(settings->announce >= -1 && settings->announce <= 1);
	must(settings->locked >= -1 && settings->locked <= 1);
	must(settings->join_approval >= -1 && settings->join_approval <= 1);
	must(settings->ephemeral_seconds >= -1 && settings->ephemeral_seconds <= INT32_MAX);
}

static void
check_group(const WaGroup *group)
{
	check_group_jid(group->jid);
	if (group->parent_jid.data != NULL)
		check_group_jid(group->parent_jid);
	check_identity(&group->creator);
	check_identity(&group->subject_by);
	check_identity(&group->description_by);
	check_time(group->created_at);
	check_time(group->subject_at);
	check_time(group->description_at);
	check_settings(&group->settings);
	must(group->size >= -1 && group->size <= INT32_MAX && group->version >= -1);
	must(!group->complete || (group->n_participants > 0 && group->size <= group->n_participants &&
							  !group->partial && !group->truncated));
	check_people(group->participants, group->n_participants, group->complete);
}

/* One object, brackets in balance outside strings, nothing raw inside them. */
static void
check_json(WaStr text)
{
	char open[4 * WA_MAX_NODE_DEPTH];
	size_t depth = 0;
	bool quoted = false;

	must(text.len >= 2 && text.data[0] == '{' && json_is_text(text));
	for (size_t i = 0; i < text.len; i++)
	{
		char c = text.data[i];

		must((unsigned char) c >= 0x20);
		if (quoted)
		{
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		}
		else if (c == '"')
			quoted = true;
		else if (c == '{' || c == '[')
		{
			must(depth < sizeof(open));
			open[depth++] = c;
		}
		else if (c == '}' || c == ']')
		{
			must(depth > 0 && open[--depth] == (c == '}' ? '{' : '['));
			must(depth > 0 || i == text.len - 1);
		}
	}
	must(depth == 0 && !quoted);
}

static void
check_fact(const WaEnv *env, const WaEvent *event)
{
	WaBuf out;
	WaStatus status;

	buf_init(&out, env, MEMORY);
	must(facts_write(event, INT64_C(1700000000123456), &out, &status));
	must(status == WA_OK || status == WA_ERR_LIMIT || status == WA_ERR_NOMEM);
	if (status == WA_OK && buf_len(&out) < 100000)
		check_json((WaStr){(const char *) buf_data(&out), buf_len(&out)});
	buf_free(&out);
}

static void
parse_everything(const WaEnv *env, const WaNode *node)
{
	WaEvent event;
	WaIdentity before;
	WaIdentity after;
	WaGroup *group;
	int count;
	int ordinal = 0;
	bool all;

	memset(&event, 0, sizeof(event));
	event.kind = EVENT_ALIASES;
	event.aliases.source = "notification";
	event.aliases.list = identity_harvest(node);
	for (const WaAlias *alias = event.aliases.list; alias != NULL; alias = alias->next)
	{
		check_identity(&(WaIdentity){.lid = alias->lid, .pn = alias->pn});
		must(alias->lid.data != NULL && alias->pn.data != NULL);
	}
	check_fact(env, &event);

	if (identity_number_change(node, &before, &after))
	{
		check_identity(&before);
		check_identity(&after);
		must(identity_is_known(&before) && identity_is_known(&after));
	}

	event.kind = EVENT_GROUP;
	event.group.source = "query";
	event.group.asked_us = 1;
	if ((group = group_parse(node)) != NULL)
	{
		check_group(group);
		event.group.group = group;
		check_fact(env, &event);
	}
	for (group = group_parse_list(node, &count, &all); group != NULL; group = group->next)
	{
		check_group(group);
		event.group.group = group;
		check_fact(env, &event);
		count--;
	}
	must(count == 0);

	event.kind = EVENT_GROUP_CHANGE;
	for (event.change = group_parse_changes(node, &count); event.change != NULL;
		 event.change = event.change->next)
	{
		const WaGroupChange *change = event.change;

		must(change->ordinal == ordinal++);
		must(node->arena->failed || change->kind.data != NULL);
		check_group_jid(change->group_jid);
		check_identity(&change->actor);
		check_time(change->at);
		check_settings(&change->settings);
		must(change->version_before >= -1 && change->version_after >= -1);
		check_people(change->targets, change->n_targets, false);
		for (group = change->groups; group != NULL; group = group->next)
			check_group(group);
		check_fact(env, &event);
	}
	must(count == ordinal);

	event.kind = EVENT_RAW;
	event.raw.tag = node->tag;
	event.raw.type = node_attr(node, "type");
	event.raw.id = node_attr(node, "id");
	event.raw.from = node_attr(node, "from");
	event.raw.node = node;
	check_fact(env, &event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env = env_default();
	WaArena arena;
	WaNode *node = NULL;

	if (size < 2)
		return 0;
	arena_init(&arena, env, MEMORY);
	if (data[0] % 2 == 0)
	{
		if (node_decode(&arena, data + 1, size - 1, &node) != WA_OK)
			node = NULL;
	}
	else
	{
		Input in = {data + 2, size - 2, 0};

		node = node_new(&arena, tags[data[1] % LENGTH(tags)]);
		fill(&in, node, 1);
		if (arena.failed)
			node = NULL;
	}
	if (node != NULL)
		parse_everything(env, node);
	arena_free(&arena);
	return 0;
}
