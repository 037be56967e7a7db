/*
 * identity.c
 *		People and the pairs of LID and phone number, read from attributes.
 *
 * Every JID that leaves this file is bare, ASCII, at most IDENTITY_MAX_JID
 * bytes long and on the side (LID or phone number) it says.
 */
#include "identity.h"

#include <string.h>

/* The sources of pairs lie no deeper; what peers nest is not walked. */
#define HARVEST_MAX_DEPTH 8

/* ---- one person ---- */

/* The server of a user's address that is fit to become a key, else JID_UNKNOWN. */
static WaServer
usable_server(WaStr text)
{
	WaJid jid;

	if (text.len > IDENTITY_MAX_JID || jid_parse(text, &jid) != WA_OK || jid.user.len == 0)
		return JID_UNKNOWN;
	for (size_t i = 0; i < text.len; i++)
	{
		if ((unsigned char) text.data[i] > 0x7E)
			return JID_UNKNOWN;
	}
	if (jid.server == JID_PN || jid.server == JID_HOSTED)
		return JID_PN;
	if (jid.server == JID_LID || jid.server == JID_HOSTED_LID)
		return JID_LID;
	return JID_UNKNOWN;
}

/* Adds what text says; the first of each form stays. */
static void
add_jid(WaArena *arena, WaIdentity *identity, WaStr text)
{
	WaServer server = usable_server(text);

	if (server == JID_LID && identity->lid.data == NULL)
		identity->lid = jid_bare(arena, text);
	else if (server == JID_PN && identity->pn.data == NULL)
		identity->pn = jid_bare(arena, text);
}

static void
add_attr(WaIdentity *identity, const WaNode *node, const char *key)
{
	add_jid(node->arena, identity, node_attr(node, key));
}

WaIdentity
identity_from(WaArena *arena, WaStr jid, WaStr other_jid)
{
	WaIdentity identity = {0};

	add_jid(arena, &identity, jid);
	add_jid(arena, &identity, other_jid);
	return identity;
}

/* An attribute that is not empty, else absent. */
static WaStr
text_attr(const WaNode *node, const char *key)
{
	WaStr value = node_attr(node, key);

	return value.len > 0 ? value : WA_STR_NONE;
}

WaIdentity
identity_of_key(const WaNode *node, const char *key)
{
	WaIdentity identity = {0};
	size_t len = strlen(key);

	if (node == NULL)
		return identity;
	add_attr(&identity, node, key);
	for (int i = 0; i < node->n_attrs; i++)
	{
		const WaAttr *attr = &node->attrs[i];
		WaStr suffix;

		if (attr->key.len <= len || attr->value.len == 0 || memcmp(attr->key.data, key, len) != 0)
			continue;
		suffix = (WaStr){attr->key.data + len, attr->key.len - len};
		if (str_is(suffix, "_pn") || str_is(suffix, "_lid"))
			add_jid(node->arena, &identity, attr->value);
		else if (str_is(suffix, "_username"))
			identity.username = attr->value;
		else if (str_is(suffix, "_country_code"))
			identity.country = attr->value;
	}
	return identity;
}

WaIdentity
identity_of_actor(const WaNode *notification)
{
	WaIdentity identity = identity_of_key(notification, "participant");

	identity.push_name = text_attr(notification, "notify");
	if (str_is(identity.push_name, "-")) /* a client that has no name yet */
		identity.push_name = WA_STR_NONE;
	return identity;
}

WaIdentity
identity_of_participant(const WaNode *participant)
{
	static const char *const keys[] = {"jid", "phone_number", "lid", "pn_jid", "participant_pn"};
	WaIdentity identity = {0};

	if (participant == NULL)
		return identity;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_attr(&identity, participant, keys[i]);
	identity.username = text_attr(participant, "username");
	if (identity.username.data == NULL)
		identity.username = text_attr(participant, "participant_username");
	identity.display = text_attr(participant, "display_name");
	identity.country = text_attr(participant, "country_code");
	return identity;
}

bool
identity_number_change(const WaNode *notification, WaIdentity *before, WaIdentity *after)
{
	const WaNode *modify = node_child(notification, "modify");

	if (modify == NULL || !node_is(notification, "notification") ||
		!str_is(node_attr(notification, "type"), "contacts"))
		return false;
	*before = identity_from(modify->arena, node_attr(modify, "old"), node_attr(modify, "old_lid"));
	*after = identity_from(modify->arena, node_attr(modify, "new"), node_attr(modify, "new_lid"));
	return identity_is_known(before) && identity_is_known(after);
}

bool
identity_is_known(const WaIdentity *identity)
{
	return identity->lid.data != NULL || identity->pn.data != NULL;
}

bool
identity_same(const WaIdentity *a, const WaIdentity *b)
{
	return (a->lid.data != NULL && str_equal(a->lid, b->lid)) ||
		   (a->pn.data != NULL && str_equal(a->pn, b->pn));
}

/* ---- pairs ---- */

/*
 * Where pairs are: in nodes called node (NULL: the root) of stanzas called
 * stanza (NULL: any), attribute key meets attribute other.
 */
typedef struct PairRule
{
	const char *stanza;
	const char *node;
	const char *key;
	const char *other;
	bool authoritative;
} PairRule;

static const PairRule pair_rules[] = {
	{"iq", "device", "jid", "lid", true}, /* pair-success */
	{"message", NULL, "participant", "participant_pn", true},
	{"message", NULL, "participant", "participant_lid", true},
	{"message", NULL, "from", "sender_pn", true},
	{"message", NULL, "from", "sender_lid", true},
	{"message", NULL, "recipient", "peer_recipient_pn", true},
	{"message", NULL, "recipient", "peer_recipient_lid", true},
	{"message", NULL, "recipient", "recipient_pn", true},
	{"message", NULL, "recipient", "recipient_lid", true},
	{"message", "to", "jid", "peer_recipient_pn", true},
	{"message", "to", "jid", "peer_recipient_lid", true},
	{"receipt", NULL, "participant", "participant_pn", true},
	{"receipt", NULL, "participant", "participant_lid", true},
	{"receipt", NULL, "from", "sender_pn", true},
	{"receipt", NULL, "from", "sender_lid", true},
	{"receipt", NULL, "recipient", "recipient_pn", true},
	{"receipt", NULL, "recipient", "recipient_lid", true},
	{"receipt", "user", "jid", "participant_pn", true},
	{"receipt", "user", "jid", "participant_lid", true},
	{"call", NULL, "from", "caller_pn", true},
	{"notification", NULL, "participant", "participant_pn", false},
	{"notification", NULL, "participant", "participant_lid", false},
	{"notification", NULL, "from", "lid", false},
	{"notification", NULL, "from", "sender_lid", false},
	{"notification", "device", "jid", "lid", false},
	{"notification", "modify", "old", "old_lid", false},
	{"notification", "modify", "new", "new_lid", false},
	{NULL, "group", "creator", "creator_pn", false},
	{NULL, "group", "creator", "creator_lid", false},
	{NULL, "group", "s_o", "s_o_pn", false},
	{NULL, "group", "s_o", "s_o_lid", false},
	{NULL, "subject", "s_o", "s_o_pn", false},
	{NULL, "subject", "s_o", "s_o_lid", false},
	{NULL, "description", "participant", "participant_pn", false},
	{NULL, "description", "participant", "participant_lid", false},
	{NULL, "participant", "jid", "phone_number", false},
	{NULL, "participant", "jid", "lid", false},
	{NULL, "requested_user", "jid", "phone_number", false},
	{NULL, "requested_user", "jid", "lid", false},
	{NULL, "membership_approval_request", "jid", "phone_number", false},
	{NULL, "membership_approval_request", "jid", "lid", false},
	{"iq", "user", "jid", "pn_jid", true}, /* usync in LID mode */
};

#define N_PAIR_RULES (sizeof(pair_rules) / sizeof(pair_rules[0]))

typedef struct Harvest
{
	const WaNode *stanza;
	const PairRule *rules[N_PAIR_RULES]; /* those of this kind of stanza */
	size_t n_rules;
	WaAlias *first;
	WaAlias *last;
} Harvest;

/* Only digits make an alias: "0" is WhatsApp itself, letters are a robot. */
static bool
is_numbered(WaStr bare)
{
	size_t len = 0;

	while (len < bare.len && bare.data[len] >= '0' && bare.data[len] <= '9')
		len++;
	return len > 1 && len < bare.len && bare.data[len] == '@';
}

WaAlias *
identity_pair(WaArena *arena, WaStr jid, WaStr other_jid, bool authoritative)
{
	WaIdentity identity;
	WaAlias *alias;

	if (jid.len == 0 || other_jid.len == 0)
		return NULL; /* the usual case: spare the copies */
	identity = identity_from(arena, jid, other_jid);
	if (!is_numbered(identity.lid) || !is_numbered(identity.pn))
		return NULL;
	alias = arena_alloc(arena, sizeof(*alias));
	if (alias != NULL)
		*alias = (WaAlias){identity.lid, identity.pn, authoritative, NULL};
	return alias;
}

static void
add_pair(Harvest *harvest, WaStr jid, WaStr other_jid, bool authoritative)
{
	WaAlias *alias = identity_pair(harvest->stanza->arena, jid, other_jid, authoritative);

	if (alias == NULL)
		return;
	if (harvest->last == NULL)
		harvest->first = alias;
	else
		harvest->last->next = alias;
	harvest->last = alias;
}

static void
harvest_by_rules(Harvest *harvest, const WaNode *node)
{
	for (size_t i = 0; i < harvest->n_rules; i++)
	{
		const PairRule *rule = harvest->rules[i];

		if (rule->node == NULL ? node != harvest->stanza : !node_is(node, rule->node))
			continue;
		add_pair(harvest, node_attr(node, rule->key), node_attr(node, rule->other),
				 rule->authoritative);
	}
}

/* The sources that are more than two attributes of one node. */
static void
harvest_special(Harvest *harvest, const WaNode *node)
{
	const WaNode *stanza = harvest->stanza;

	/* usync: <user jid=PN><lid val=LID/></user> */
	if (node_is(node, "user") && node_is(stanza, "iq"))
		add_pair(harvest, node_attr(node, "jid"), node_attr(node_child(node, "lid"), "val"), true);

	/* blocklist: an entry that is taken off is old knowledge */
	if (node_is(node, "item"))
		add_pair(harvest, node_attr(node, "jid"), node_attr(node, "pn_jid"),
				 !str_is(node_attr(node, "action"), "unblock"));

	/* call: the number may stand on <offer>, and call-creator names the caller */
	if (node_is(stanza, "call") && node != stanza)
	{
		WaStr caller = node_attr(node, "call-creator");

		add_pair(harvest, caller.len > 0 ? caller : node_attr(stanza, "from"),
				 node_attr(node, "caller_pn"), true);
	}
}

static void
harvest_tree(Harvest *harvest, const WaNode *node, int depth)
{
	if (node->n_attrs > 0)
	{
		harvest_by_rules(harvest, node);
		harvest_special(harvest, node);
	}
	if (depth >= HARVEST_MAX_DEPTH)
		return;
	for (const WaNode *child = node->first_child; child != NULL; child = child->next)
		harvest_tree(harvest, child, depth + 1);
}

WaAlias *
identity_harvest(const WaNode *stanza)
{
	Harvest harvest;

	harvest.stanza = stanza;
	harvest.n_rules = 0;
	harvest.first = harvest.last = NULL;
	for (size_t i = 0; i < N_PAIR_RULES; i++)
	{
		const PairRule *rule = &pair_rules[i];

		if (rule->stanza == NULL || node_is(stanza, rule->stanza))
			harvest.rules[harvest.n_rules++] = rule;
	}
	if (stanza != NULL)
		harvest_tree(&harvest, stanza, 0);
	return harvest.first;
}
