/*
 * receipt.c
 *		Incoming receipts, single and grouped, as one list of entries.
 */
#include "receipt.h"

#define LAST_SECOND INT64_C(253402300799) /* of year 9999 */

static const char *const kind_names[] = {
	[RECEIPT_OTHER] = "other",       [RECEIPT_RETRY] = "retry",   [RECEIPT_REFUSED] = "refused",
	[RECEIPT_REUPLOAD] = "reupload", [RECEIPT_SENDER] = "sender", [RECEIPT_DELIVERED] = "delivered",
	[RECEIPT_READ] = "read",         [RECEIPT_PLAYED] = "played",
};

const char *
receipt_kind_name(WaReceiptKind kind)
{
	if ((unsigned) kind >= sizeof(kind_names) / sizeof(kind_names[0]))
		return kind_names[RECEIPT_OTHER];
	return kind_names[kind];
}

static WaReceiptKind
kind_of(WaStr type)
{
	static const struct
	{
		const char *type;
		WaReceiptKind kind;
	} types[] = {
		{"delivery", RECEIPT_DELIVERED}, {"inactive", RECEIPT_DELIVERED},
		{"read", RECEIPT_READ},          {"read-self", RECEIPT_READ},
		{"played", RECEIPT_PLAYED},      {"played-self", RECEIPT_PLAYED},
		{"sender", RECEIPT_SENDER},      {"server-error", RECEIPT_REUPLOAD},
		{"retry", RECEIPT_RETRY},
	};

	if (type.len == 0)
		return RECEIPT_DELIVERED;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (str_is(type, types[i].type))
			return types[i].kind;
	}
	return RECEIPT_OTHER;
}

static int64_t
time_of(const WaNode *node)
{
	uint64_t at;

	return node_attr_u64(node, "t", &at) && at <= LAST_SECOND ? (int64_t) at : 0;
}

/* ---- entries ---- */

/* Appends to an array that has room for everything the stanza could hold. */
static void
add(WaReceipt *out, size_t room, const WaReceiptEntry *entry, WaStr id)
{
	WaJid jid;

	if (out->n_entries >= room || id.len == 0 || jid_parse(entry->device, &jid) != WA_OK)
	{
		out->dropped++;
		return;
	}
	out->entries[out->n_entries] = *entry;
	out->entries[out->n_entries].id = id;
	out->n_entries++;
}

static size_t
count_children(const WaNode *parent, const char *tag)
{
	size_t n = 0;

	for (const WaNode *child = node_child(parent, tag); child != NULL;
		 child = node_child_next(child, tag))
		n++;
	return n;
}

static size_t
count_entries(const WaNode *stanza)
{
	size_t n = 1 + count_children(node_child(stanza, "list"), "item");

	for (const WaNode *group = node_child(stanza, "participants"); group != NULL;
		 group = node_child_next(group, "participants"))
		n += count_children(group, "user");
	return n < RECEIPT_MAX_ENTRIES ? n : RECEIPT_MAX_ENTRIES;
}

static void
read_single(const WaNode *stanza, WaReceiptEntry entry, size_t room, WaReceipt *out)
{
	const WaNode *list = node_child(stanza, "list");

	add(out, room, &entry, node_attr(stanza, "id"));
	for (const WaNode *item = node_child(list, "item"); item != NULL;
		 item = node_child_next(item, "item"))
		add(out, room, &entry, node_attr(item, "id"));
}

/* The users of one message; each may have a type of its own. */
static void
read_group(const WaNode *group, const WaReceiptEntry *common, const WaSelf *self, size_t room,
		   WaReceipt *out)
{
	WaStr id = node_attr(group, "key");

	if (id.data == NULL)
		id = node_attr(group, "message_id");
	for (const WaNode *user = node_child(group, "user"); user != NULL;
		 user = node_child_next(user, "user"))
	{
		WaReceiptEntry entry = *common;

		entry.device = node_attr(user, "jid");
		entry.who = identity_of_participant(user);
		if (time_of(user) != 0)
			entry.at = time_of(user);
		if (node_attr(user, "type").len > 0)
			entry.kind = kind_of(node_attr(user, "type"));
		entry.by_self = message_is_self(self, entry.device);
		add(out, room, &entry, id);
	}
}

/* ---- the whole ---- */

/* Who sends it and which chat it is about. */
static WaStatus
read_place(const WaNode *stanza, const WaSelf *self, WaReceiptEntry *entry, WaReceipt *out)
{
	WaStr from = node_attr(stanza, "from");
	WaStr recipient = node_attr(stanza, "recipient");
	WaJid jid;

	if (jid_parse(from, &jid) != WA_OK)
		return WA_ERR_MALFORMED;
	out->chat = jid_bare(stanza->arena, from);
	if (jid_is_user(&jid))
	{
		entry->device = from;
		entry->who = identity_of_key(stanza, "from");
		if (entry->who.lid.data == NULL)
			entry->who.lid =
				identity_from(stanza->arena, node_attr(stanza, "sender_lid"), WA_STR_NONE).lid;
		if (entry->who.pn.data == NULL)
			entry->who.pn =
				identity_from(stanza->arena, node_attr(stanza, "sender_pn"), WA_STR_NONE).pn;
		entry->by_self = message_is_self(self, from);
		if (entry->by_self && recipient.len > 0)
			out->chat = jid_bare(stanza->arena, recipient);
	}
	else
	{
		entry->device = node_attr(stanza, "participant");
		entry->who = identity_of_key(stanza, "participant");
		entry->by_self = message_is_self(self, entry->device);
		out->author = recipient;
	}
	return out->chat.data == NULL ? WA_ERR_MALFORMED : WA_OK;
}

WaStatus
receipt_read(const WaNode *stanza, const WaSelf *self, WaReceipt *out)
{
	WaReceiptEntry entry = {0};
	const WaNode *group = node_child(stanza, "participants");
	size_t room;
	WaStatus status;

	*out = (WaReceipt){0};
	status = read_place(stanza, self, &entry, out);
	if (stanza->arena->failed)
		return stanza->arena->status;
	if (status != WA_OK)
		return status;
	out->type = node_attr(stanza, "type");
	entry.kind = node_child(stanza, "error") != NULL ? RECEIPT_REFUSED : kind_of(out->type);
	entry.at = time_of(stanza);
	room = count_entries(stanza);
	out->entries = arena_alloc(stanza->arena, room * sizeof(*out->entries));
	if (out->entries == NULL)
		return stanza->arena->status;
	if (group == NULL)
		read_single(stanza, entry, room, out);
	for (; group != NULL; group = node_child_next(group, "participants"))
		read_group(group, &entry, self, room, out);
	return stanza->arena->failed ? stanza->arena->status : WA_OK;
}
