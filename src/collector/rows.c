/*
 * rows.c
 *		Messages as rows, and what speaks of a message as facts; see rows.h.
 *
 * The hot path is a text in a group: it borrows every string from the event
 * and allocates nothing.
 */
#include "rows.h"

#include <string.h>

#include "rows_internal.h"

#define MAX_FACT (48 << 20)           /* bytes of one fact */
#define FUTURE_US (86400 * WA_SECOND) /* how far another clock may be ahead */

/* ---- builder ---- */

void
rows_begin(RowsBuilder *builder, WaArena *arena, const RowsContext *context, Rows *out)
{
	*out = (Rows){0};
	*builder = (RowsBuilder){.arena = arena, .context = context, .out = out, .tail = &out->facts};
}

WaStatus
rows_end(RowsBuilder *builder)
{
	if (builder->status == WA_OK && builder->arena->failed)
		builder->status = builder->arena->status;
	if (builder->status != WA_OK)
		*builder->out = (Rows){0};
	return builder->status;
}

static void
fail(RowsBuilder *builder, WaStatus status)
{
	if (builder->status == WA_OK)
		builder->status = status;
}

WaStr
rows_clean(RowsBuilder *builder, WaStr s, size_t max)
{
	if (s.len == 0)
		return WA_STR_NONE;
	return json_text(builder->arena, put_cut(s, max));
}

int64_t
rows_time(const RowsBuilder *builder, int64_t at_us, int64_t otherwise_us)
{
	if (at_us > 0 && at_us <= builder->context->received_us + FUTURE_US)
		return at_us;
	return otherwise_us;
}

WaIdentity
rows_self(RowsBuilder *builder)
{
	return identity_from(builder->arena, builder->context->self.lid, builder->context->self.pn);
}

/* ---- places ---- */

bool
rows_has_place(WaStr chat)
{
	WaJid jid;

	if (jid_parse(chat, &jid) != WA_OK || jid.user.len == 0 || chat.len > IDENTITY_MAX_JID)
		return false;
	return jid_is_user(&jid) || jid.server == JID_GROUP || jid.server == JID_BOT;
}

static bool
is_group(WaStr chat)
{
	return chat.len > 5 && memcmp(chat.data + chat.len - 5, "@g.us", 5) == 0;
}

void
rows_set_chat(RowsBuilder *builder, RowsSource *source, WaStr chat, WaIdentity other)
{
	source->is_group = is_group(chat);
	source->chat = rows_clean(builder, chat, IDENTITY_MAX_JID);
	if (source->is_group)
		return;
	source->other = other;
	if (other.lid.data != NULL)
	{
		source->chat = other.lid;
		source->chat_pn = other.pn;
	}
	else if (other.pn.data != NULL)
		source->chat = other.pn;
}

/* ---- facts ---- */

void
rows_open_fact(RowsBuilder *builder, WaJson *json, WaBuf *buf, const char *name)
{
	buf_init(buf, builder->arena->env, MAX_FACT);
	json_init(json, buf);
	json_begin_object(json, NULL);
	json_cstr(json, "fact", name);
	put_wall(json, "received_at", builder->context->received_us);
}

void
rows_close_fact(RowsBuilder *builder, WaJson *json, WaBuf *buf)
{
	RowsFact *fact;

	json_end_object(json);
	if (json->status != WA_OK)
		fail(builder, json->status);
	fact = arena_alloc(builder->arena, sizeof(*fact));
	if (fact != NULL && json->status == WA_OK)
	{
		fact->json = arena_str(builder->arena, (WaStr){(const char *) buf_data(buf), buf_len(buf)});
		*builder->tail = fact;
		builder->tail = &fact->next;
	}
	buf_free(buf);
}

void
rows_put_chat(WaJson *json, const RowsSource *source)
{
	json_str(json, "chat", source->chat);
	json_str(json, "chat_pn", source->chat_pn);
	json_str(json, "chat_lid", source->chat_lid);
}

void
rows_open_said(RowsBuilder *builder, WaJson *json, WaBuf *buf, const char *name,
			   const RowsSource *source, int64_t at_us)
{
	rows_open_fact(builder, json, buf, name);
	rows_put_chat(json, source);
	put_identity(json, "from", &source->from);
	json_bool(json, "from_me", source->from_me);
	put_wall(json, "at", rows_time(builder, at_us, source->sent_us));
	json_str(json, "id", source->id);
	json_cstr(json, "origin", source->origin.data);
}

void
rows_put_target_by(RowsBuilder *builder, WaJson *json, WaStr id, const WaIdentity *by, bool from_me)
{
	json_begin_object(json, "target");
	json_str(json, "id", rows_clean(builder, id, ROWS_MAX_ID));
	put_identity(json, "by", by);
	json_bool(json, "from_me", from_me);
	json_end_object(json);
}

/*
 * Who wrote the message of a key: the participant it names; else the key's
 * own writer, or in a direct chat the side that the writer is not on.
 */
static WaIdentity
author_of(RowsBuilder *builder, const RowsSource *source, const WaMessageKey *key, bool *from_me)
{
	WaIdentity by = {0};

	*from_me = false;
	if (key->participant.len > 0)
	{
		by = identity_from(builder->arena, key->participant, WA_STR_NONE);
		*from_me = message_is_self(&builder->context->self, key->participant);
	}
	else if (key->from_me)
	{
		by = source->from;
		*from_me = source->from_me;
	}
	else if (!source->is_group)
	{
		*from_me = !source->from_me;
		if (!*from_me)
			by = source->other;
	}
	if (*from_me)
		by = rows_self(builder);
	else if (identity_same(&by, &source->from))
		by = source->from; /* both forms */
	return by;
}

void
rows_put_target(RowsBuilder *builder, WaJson *json, const RowsSource *source,
				const WaMessageKey *key)
{
	bool from_me;
	WaIdentity by = author_of(builder, source, key, &from_me);

	by.push_name = WA_STR_NONE; /* the writer's own name is told as such */
	rows_put_target_by(builder, json, key->id, &by, from_me);
}

static void
add_reaction(RowsBuilder *builder, const RowsSource *source, const WaMessage *content)
{
	WaBuf buf;
	WaJson json;

	rows_open_said(builder, &json, &buf, "reaction", source, content->at_ms * 1000);
	rows_put_target(builder, &json, source, &content->target);
	put_name(&json, "text", content->body.data == NULL ? str_from("") : content->body);
	rows_close_fact(builder, &json, &buf);
}

static void
add_addon(RowsBuilder *builder, const RowsSource *source, const WaMessage *content)
{
	WaBuf buf;
	WaJson json;

	if (content->target.id.data == NULL || content->addon == NULL ||
		content->addon->payload.len > ADDON_MAX_LEN)
		return; /* speaks of nothing */
	rows_open_said(builder, &json, &buf, "addon", source, content->at_ms * 1000);
	rows_put_target(builder, &json, source, &content->target);
	json_cstr(&json, "addon_kind", addon_kind_name(content->addon->kind));
	json_base64(&json, "payload", content->addon->payload);
	json_base64(&json, "iv", content->addon->iv);
	rows_close_fact(builder, &json, &buf);
}

static void
put_edited(RowsBuilder *builder, WaJson *json, const RowsSource *source, const WaMessage *edited)
{
	json_cstr(json, "kind", message_kind_name(edited->kind));
	json_str(json, "body", put_cut(edited->body, ROWS_MAX_BODY));
	json_raw(json, "extra", rows_extra(builder, source, edited));
}

/* Only the author edits: whoever the key names, it is the sender's own message. */
static void
add_edit(RowsBuilder *builder, const RowsSource *source, WaStr id, const WaMessage *edited,
		 int64_t at_us)
{
	WaIdentity by = source->from;
	WaBuf buf;
	WaJson json;

	by.push_name = WA_STR_NONE;
	rows_open_said(builder, &json, &buf, "edit", source, at_us);
	rows_put_target_by(builder, &json, id, &by, source->from_me);
	put_edited(builder, &json, source, edited);
	rows_close_fact(builder, &json, &buf);
}

static void
add_revoke(RowsBuilder *builder, const RowsSource *source, const WaMessage *content)
{
	WaIdentity by = source->from;
	bool from_me = source->from_me;
	WaBuf buf;
	WaJson json;

	if (source->admin_revoke)
		by = author_of(builder, source, &content->target, &from_me);
	by.push_name = WA_STR_NONE;
	rows_open_said(builder, &json, &buf, "revoke", source, content->at_ms * 1000);
	rows_put_target_by(builder, &json, content->target.id, &by, from_me);
	json_bool(&json, "by_admin", source->admin_revoke);
	rows_close_fact(builder, &json, &buf);
}

static void
add_timer(RowsBuilder *builder, const RowsSource *source, const WaProtocol *protocol)
{
	WaBuf buf;
	WaJson json;

	rows_open_fact(builder, &json, &buf, "chat");
	rows_put_chat(&json, source);
	if (protocol->expires_in <= INT32_MAX)
		json_int(&json, "ephemeral_seconds", protocol->expires_in);
	put_time(&json, "ephemeral_at", protocol->ephemeral_setting_at);
	json_cstr(&json, "source", "live");
	put_wall(&json, "at", source->sent_us);
	rows_close_fact(builder, &json, &buf);
}

static void
add_label(RowsBuilder *builder, const RowsSource *source, const WaProtocol *protocol)
{
	WaBuf buf;
	WaJson json;

	rows_open_said(builder, &json, &buf, "member_label", source,
				   protocol->member_label_at * WA_SECOND);
	put_name(&json, "label", protocol->member_label);
	rows_close_fact(builder, &json, &buf);
}

/* ---- rows ---- */

static int32_t
flags_of(const RowsSource *source, const WaMessage *content)
{
	static const struct
	{
		uint32_t flag;
		int32_t bit;
	} bits[] = {
		{MESSAGE_VIEW_ONCE, ROWS_VIEW_ONCE},
		{MESSAGE_EPHEMERAL, ROWS_EPHEMERAL},
		{MESSAGE_EDITED, ROWS_EDITED},
		{MESSAGE_GROUP_STATUS, ROWS_GROUP_STATUS},
	};
	int32_t flags = source->flags | (source->from_me ? ROWS_FROM_ME : 0);

	if (content == NULL)
		return flags;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		flags |= (content->flags & bits[i].flag) ? bits[i].bit : 0;
	if (content->context.is_forwarded)
		flags |= ROWS_FORWARDED;
	if (content->context.mentions_all)
		flags |= ROWS_MENTIONS_ALL;
	if (content->context.expires_in > 0)
		flags |= ROWS_EPHEMERAL;
	return flags;
}

/* The row without its content. */
static RowsMessage *
begin_row(RowsBuilder *builder, const RowsSource *source, const WaMessage *content,
		  const char *state)
{
	RowsMessage *row = &builder->out->message;

	*row = (RowsMessage){
		.chat = source->chat,
		.lid = source->from.lid,
		.pn = source->from.pn,
		.name = rows_clean(builder, source->from.push_name, FACTS_MAX_NAME),
		.id = source->id,
		.state = str_from(state),
		.origin = source->origin,
		.sent_us = source->sent_us,
		.received_us = builder->context->received_us,
		.flags = flags_of(source, content),
	};
	builder->out->has_message = true;
	return row;
}

void
rows_add_unread(RowsBuilder *builder, const RowsSource *source, const char *state,
				const char *trouble, unsigned attempts, bool phone_asked)
{
	RowsMessage *row = begin_row(builder, source, NULL, state);
	WaBuf buf;
	WaJson json;

	buf_init(&buf, builder->arena->env, FACTS_MAX_TEXT);
	json_init(&json, &buf);
	json_begin_object(&json, NULL);
	json_str(&json, "chat_pn", source->chat_pn);
	json_str(&json, "chat_lid", source->chat_lid);
	json_cstr(&json, "trouble", trouble);
	put_count(&json, "attempts", attempts);
	if (phone_asked)
		json_bool(&json, "phone_asked", true);
	json_end_object(&json);
	if (json.status != WA_OK)
		fail(builder, json.status);
	else
		row->extra =
			arena_str(builder->arena, (WaStr){(const char *) buf_data(&buf), buf_len(&buf)});
	buf_free(&buf);
}

static void
add_row(RowsBuilder *builder, const RowsSource *source, const WaMessage *content, WaStr plaintext)
{
	const WaMessage *shown = content->comment != NULL ? content->comment : content;
	RowsMessage *row = begin_row(builder, source, content, "stored");

	row->kind = str_from(
		message_kind_name(content->kind == MESSAGE_NONE ? MESSAGE_UNKNOWN : content->kind));
	row->body = rows_clean(builder, shown->body, ROWS_MAX_BODY);
	row->extra = rows_extra(builder, source, content);
	row->secret = content->secret;
	if (builder->context->keep_raw)
		row->raw = plaintext;
}

static void
add_protocol(RowsBuilder *builder, const RowsSource *source, const WaMessage *content,
			 WaStr plaintext)
{
	const WaProtocol *protocol = content->protocol;

	if (protocol == NULL)
		return;
	switch (protocol->type)
	{
		case PROTOCOL_REVOKE:
			if (content->target.id.data != NULL)
				add_revoke(builder, source, content);
			break;
		case PROTOCOL_EDIT:
			if (content->target.id.data != NULL && protocol->edited != NULL)
				add_edit(builder, source, content->target.id, protocol->edited,
						 protocol->at_ms * 1000);
			break;
		case PROTOCOL_EPHEMERAL_SETTING:
			add_timer(builder, source, protocol);
			break;
		case PROTOCOL_MEMBER_LABEL:
			if (source->is_group)
				add_label(builder, source, protocol);
			break;
		case PROTOCOL_HISTORY_SYNC:
		case PROTOCOL_APP_STATE_KEYS:
		case PROTOCOL_APP_STATE_KEY_REQUEST:
		case PROTOCOL_APP_STATE_FATAL:
		case PROTOCOL_PEER_REQUEST:
		case PROTOCOL_PEER_RESPONSE:
		case PROTOCOL_MEDIA_NOTIFY:
		case PROTOCOL_LID_MAPPING:
			break; /* for the client alone, which tells what comes of it */
		default:
			add_row(builder, source, content, plaintext);
			break;
	}
}

void
rows_add_content(RowsBuilder *builder, const RowsSource *source, const WaMessage *content,
				 WaStr plaintext)
{
	switch (content->kind)
	{
		case MESSAGE_NONE:
			/* A sender key comes without content; what was refused leaves a trace. */
			if (content->refusal != NULL && !source->from_me)
				add_row(builder, source, content, plaintext);
			break;
		case MESSAGE_REACTION:
			if (content->target.id.data != NULL)
				add_reaction(builder, source, content);
			break;
		case MESSAGE_ADDON:
			add_addon(builder, source, content);
			break;
		case MESSAGE_PROTOCOL:
			add_protocol(builder, source, content, plaintext);
			break;
		default:
			if (!source->is_peer)
				add_row(builder, source, content, plaintext);
			break;
	}
}

/* ---- news ---- */

static void
read_source(RowsBuilder *builder, const WaMessageNews *news, RowsSource *out)
{
	const WaMessageSource *source = news->source;

	rows_set_chat(builder, out, source->chat, source->chat_identity);
	out->from = source->sender_identity;
	out->from_me = source->from_me;
	out->is_peer = source->scope.peer;
	out->admin_revoke = source->edit == MESSAGE_EDIT_ADMIN_REVOKE;
	out->id = rows_clean(builder, source->id, ROWS_MAX_ID);
	out->origin = str_from(news->origin);
	out->sent_us = rows_time(builder, source->at * WA_SECOND, builder->context->received_us);
	if (source->is_offline)
		out->flags |= ROWS_OFFLINE;
	if (source->broadcast.data != NULL)
		out->flags |= ROWS_BROADCAST;
	if (source->hide_failure && news->state != MESSAGE_READ)
		out->flags |= ROWS_HIDE;
	if (news->copy == NULL)
		return;
	if (out->from.push_name.data == NULL)
		out->from.push_name = news->copy->push_name;
	if (news->copy->starred)
		out->flags |= ROWS_STARRED;
	out->expires_at = news->copy->expires_at;
}

WaStatus
rows_of_news(WaArena *arena, const RowsContext *context, const WaMessageNews *news, Rows *out)
{
	RowsBuilder builder;
	RowsSource source = {0};

	rows_begin(&builder, arena, context, out);
	if (!rows_has_place(news->source->chat))
		return WA_OK;
	read_source(&builder, news, &source);
	switch (news->state)
	{
		case MESSAGE_READ:
			if (news->content != NULL)
				rows_add_content(&builder, &source, news->content, news->plaintext);
			break;
		case MESSAGE_PENDING:
			if (!source.is_peer)
				rows_add_unread(&builder, &source, "pending", news->trouble, news->attempts,
								news->phone_asked);
			break;
		case MESSAGE_UNAVAILABLE:
			if (!source.is_peer)
				rows_add_unread(&builder, &source, "unavailable", news->trouble, 0,
								news->phone_asked);
			break;
	}
	if (news->copy != NULL)
		rows_add_copy(&builder, &source, news->copy);
	return rows_end(&builder);
}

/* ---- add-ons that can be read now ---- */

/* Begins the fact of an add-on, with the message it is about. */
static void
open_addon(RowsBuilder *builder, WaJson *json, WaBuf *buf, const char *name,
		   const RowsSource *source, const RowsAddon *addon, int64_t at_us)
{
	rows_open_said(builder, json, buf, name, source, at_us);
	json_int(json, "addon_id", addon->addon_id);
	json_begin_object(json, "target");
	json_str(json, "id", addon->target_id);
	put_identity(json, "by", &addon->target_by);
	json_end_object(json);
}

static void
add_vote(RowsBuilder *builder, const RowsSource *source, const RowsAddon *addon,
		 const WaAddonContent *content)
{
	WaBuf buf;
	WaJson json;

	open_addon(builder, &json, &buf, "vote", source, addon, addon->at_us);
	json_begin_array(&json, "hashes");
	for (size_t i = 0; i < content->n_selected; i++)
		json_hex(&json, NULL, content->selected[i]);
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

static void
add_response(RowsBuilder *builder, const RowsSource *source, const RowsAddon *addon,
			 const WaAddonContent *content)
{
	WaBuf buf;
	WaJson json;

	open_addon(builder, &json, &buf, "response", source, addon, content->at_ms * 1000);
	json_int(&json, "response", content->response);
	put_number(&json, "extra_guests", content->extra_guests);
	rows_close_fact(builder, &json, &buf);
}

static void
add_opened_reaction(RowsBuilder *builder, const RowsSource *source, const RowsAddon *addon,
					const WaAddonContent *content)
{
	WaBuf buf;
	WaJson json;

	open_addon(builder, &json, &buf, "reaction", source, addon, content->at_ms * 1000);
	put_name(&json, "text", content->reaction);
	rows_close_fact(builder, &json, &buf);
}

static void
add_opened_edit(RowsBuilder *builder, const RowsSource *source, const RowsAddon *addon,
				const WaMessage *edited)
{
	const WaProtocol *protocol = edited->protocol;
	WaBuf buf;
	WaJson json;

	if (protocol != NULL && protocol->type == PROTOCOL_EDIT && protocol->edited != NULL)
		edited = protocol->edited;
	open_addon(builder, &json, &buf, "edit", source, addon, addon->at_us);
	put_edited(builder, &json, source, edited);
	rows_close_fact(builder, &json, &buf);
}

/* A comment is a message; a fact of nobody says that it is not waited for any more. */
static void
add_comment(RowsBuilder *builder, const RowsSource *source, const RowsAddon *addon,
			const WaAddonContent *content)
{
	WaMessage comment = *content->message;
	WaBuf buf;
	WaJson json;

	comment.kind = MESSAGE_COMMENT;
	comment.target = (WaMessageKey){.id = addon->target_id};
	add_row(builder, source, &comment, content->plaintext);
	rows_open_fact(builder, &json, &buf, "people");
	json_int(&json, "addon_id", addon->addon_id);
	json_begin_array(&json, "people");
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

WaStatus
rows_of_addon(WaArena *arena, const RowsContext *context, const RowsAddon *addon,
			  const WaAddonContent *content, Rows *out)
{
	RowsBuilder builder;
	RowsSource source = {
		.chat = addon->chat,
		.is_group = is_group(addon->chat),
		.from = addon->from,
		.from_me = addon->from_me,
		.id = addon->id,
		.origin = str_from("live"),
	};

	rows_begin(&builder, arena, context, out);
	source.sent_us = rows_time(&builder, addon->at_us, context->received_us);
	switch (content->kind)
	{
		case ADDON_POLL_VOTE:
			add_vote(&builder, &source, addon, content);
			break;
		case ADDON_EVENT_RESPONSE:
			add_response(&builder, &source, addon, content);
			break;
		case ADDON_REACTION:
			add_opened_reaction(&builder, &source, addon, content);
			break;
		case ADDON_COMMENT:
			if (content->message != NULL)
				add_comment(&builder, &source, addon, content);
			break;
		case ADDON_EVENT_EDIT:
		case ADDON_MESSAGE_EDIT:
		case ADDON_POLL_EDIT:
		case ADDON_POLL_ADD_OPTION:
			if (content->message != NULL)
				add_opened_edit(&builder, &source, addon, content->message);
			break;
		case ADDON_UNKNOWN:
			break;
	}
	return rows_end(&builder);
}
