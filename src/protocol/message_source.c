/*
 * message_source.c
 *		Where a <message> stanza belongs: chat, sender, whose it is, and what it
 *		stands for when it has no content.  Sheet 2 sections 3.1 to 3.3, 3.8.
 */
#include "message.h"

#include <string.h>

#define LAST_SECOND INT64_C(253402300799) /* of year 9999 */

bool
message_is_self(const WaSelf *self, WaStr jid)
{
	WaJid who;
	WaJid own;

	if (jid_parse(jid, &who) != WA_OK || !jid_is_user(&who) || who.user.len == 0)
		return false;
	return (jid_parse(self->pn, &own) == WA_OK && jid_same_user(&who, &own)) ||
		   (jid_parse(self->lid, &own) == WA_OK && jid_same_user(&who, &own));
}

/* ---- what the stanza stands for ---- */

static WaMessageAbsence
absence_of(const WaNode *stanza)
{
	const WaNode *unavailable = node_child(stanza, "unavailable");

	if (node_child(stanza, "enc") != NULL || node_child(stanza, "plaintext") != NULL)
		return MESSAGE_PRESENT;
	if (str_is(node_attr(stanza, "type"), "medianotify"))
		return MESSAGE_MEDIA_NOTIFY;
	if (unavailable == NULL)
		return MESSAGE_EMPTY;
	if (node_child(stanza, "bot") != NULL)
		return MESSAGE_BOT_ELSEWHERE;
	if (str_is(node_attr(unavailable, "hosted"), "true"))
		return MESSAGE_HOSTED_ELSEWHERE;
	if (str_is(node_attr(unavailable, "type"), "view_once"))
		return MESSAGE_VIEW_ONCE_ELSEWHERE;
	return MESSAGE_PLACEHOLDER;
}

static void
read_enc(const WaNode *stanza, WaMessageSource *out)
{
	for (const WaNode *enc = node_child(stanza, "enc"); enc != NULL;
		 enc = node_child_next(enc, "enc"))
	{
		if (str_is(node_attr(enc, "decrypt-fail"), "hide"))
			out->hide_failure = true;
		if (out->retried.data == NULL)
			out->retried = node_attr(enc, "count");
	}
}

static WaMessageEdit
edit_of(const WaNode *stanza)
{
	uint64_t edit;

	if (!node_attr_u64(stanza, "edit", &edit))
		return MESSAGE_EDIT_NONE;
	switch (edit)
	{
		case MESSAGE_EDIT_MESSAGE:
		case MESSAGE_EDIT_PIN:
		case MESSAGE_EDIT_NEWSLETTER:
		case MESSAGE_EDIT_SENDER_REVOKE:
		case MESSAGE_EDIT_ADMIN_REVOKE:
			return (WaMessageEdit) edit;
		default:
			return MESSAGE_EDIT_NONE; /* of no use that is known */
	}
}

/* ---- who and where ---- */

/* The person called by one attribute, with the other form from whichever key has it. */
static WaIdentity
person(const WaNode *stanza, const char *key, const char *const *others, size_t n_others)
{
	WaIdentity identity = identity_of_key(stanza, key);

	for (size_t i = 0; i < n_others; i++)
	{
		WaIdentity other = identity_from(stanza->arena, node_attr(stanza, others[i]), WA_STR_NONE);

		if (identity.lid.data == NULL)
			identity.lid = other.lid;
		if (identity.pn.data == NULL)
			identity.pn = other.pn;
	}
	return identity;
}

static void
read_sender(const WaNode *stanza, const WaSelf *self, const char *key, WaMessageSource *out)
{
	static const char *const others[] = {"sender_pn", "sender_lid"};
	WaStr name = node_attr(stanza, "notify");
	WaIdentity *who = &out->sender_identity;
	WaJid jid;

	out->sender = node_attr(stanza, key);
	*who = person(stanza, key, others, strcmp(key, "from") == 0 ? 2 : 0);
	if (name.len > 0 && !str_is(name, "-")) /* "-": a client that has no name yet */
		who->push_name = name;
	if (node_attr(stanza, "display_name").len > 0)
		who->display = node_attr(stanza, "display_name");
	if (node_attr(stanza, "sender_country_code").len > 0)
		who->country = node_attr(stanza, "sender_country_code");
	out->from_me = message_is_self(self, out->sender);
	if (out->from_me)
	{
		WaIdentity own = identity_from(stanza->arena, self->lid, self->pn);

		if (own.lid.data != NULL)
			who->lid = own.lid;
		if (own.pn.data != NULL)
			who->pn = own.pn;
	}
	out->scope.from_self = out->from_me;
	out->scope.from_phone =
		out->from_me && jid_parse(out->sender, &jid) == WA_OK && jid.device == 0;
}

static void
read_direct(const WaNode *stanza, const WaSelf *self, WaMessageSource *out)
{
	static const char *const others[] = {"peer_recipient_pn", "peer_recipient_lid"};
	WaStr recipient = node_attr(stanza, "recipient");

	read_sender(stanza, self, "from", out);
	if (out->from_me && recipient.len > 0)
	{
		out->chat = jid_bare(stanza->arena, recipient);
		out->scope.recipient = out->chat;
		out->chat_identity = person(stanza, "recipient", others, 2);
	}
	else
	{
		out->chat = jid_bare(stanza->arena, out->sender);
		out->chat_identity = out->sender_identity;
	}
}

/* Through a broadcast list: to others it looks like a direct message. */
static void
read_broadcast(const WaNode *stanza, const WaSelf *self, WaStr from, WaMessageSource *out)
{
	read_sender(stanza, self, "participant", out);
	out->broadcast = from;
	if (out->from_me || str_is(from, "status@broadcast"))
		out->chat = from;
	else
	{
		out->chat = jid_bare(stanza->arena, out->sender);
		out->chat_identity = out->sender_identity;
	}
}

static WaStatus
read_place(const WaNode *stanza, const WaSelf *self, WaMessageSource *out)
{
	WaStr from = node_attr(stanza, "from");
	WaStr target = node_attr(node_child(stanza, "meta"), "target_chat_jid");
	WaJid jid;

	if (jid_parse(from, &jid) != WA_OK)
		return WA_ERR_MALFORMED;
	switch (jid.server)
	{
		case JID_GROUP:
			read_sender(stanza, self, "participant", out);
			out->chat = jid_bare(stanza->arena, from);
			out->is_group = true;
			break;
		case JID_BROADCAST:
			read_broadcast(stanza, self, jid_bare(stanza->arena, from), out);
			break;
		case JID_NEWSLETTER:
			out->chat = out->sender = from;
			out->is_newsletter = true;
			(void) node_attr_u64(stanza, "server_id", &out->server_id);
			break;
		case JID_BOT:
			read_direct(stanza, self, out);
			if (target.len > 0)
				out->chat = jid_bare(stanza->arena, target);
			break;
		default:
			read_direct(stanza, self, out);
			break;
	}
	if (jid_parse(out->sender, &jid) != WA_OK || out->chat.data == NULL)
		return WA_ERR_MALFORMED;
	return WA_OK;
}

WaStatus
message_source(const WaNode *stanza, const WaSelf *self, WaMessageSource *out)
{
	uint64_t at;
	WaStatus status;

	*out = (WaMessageSource){0};
	out->id = node_attr(stanza, "id");
	if (out->id.len == 0)
		return WA_ERR_MALFORMED;
	status = read_place(stanza, self, out);
	if (stanza->arena->failed)
		return stanza->arena->status;
	if (status != WA_OK)
		return status;
	out->scope.peer = str_is(node_attr(stanza, "category"), "peer");
	out->type = node_attr(stanza, "type");
	out->addressing_mode = node_attr(stanza, "addressing_mode");
	out->bot_target = node_attr(node_child(stanza, "bot"), "edit_target_id");
	out->edit = edit_of(stanza);
	out->absence = absence_of(stanza);
	out->is_offline = node_attr(stanza, "offline").data != NULL;
	if (node_attr_u64(stanza, "t", &at) && at <= LAST_SECOND)
		out->at = (int64_t) at;
	read_enc(stanza, out);
	return WA_OK;
}
