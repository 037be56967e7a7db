/*
 * rows_history.c
 *		What the phone tells of the past, in the same form as what happens now.
 *		Sheet 2 section 9.3.
 */
#include "rows.h"

#include "rows_internal.h"

#define STUB_REVOKED 1 /* sheet 2 section 9.3, messageStubType */
#define STUB_UNREAD 2  /* the phone could not read it either */

/* ---- what was said about a message ---- */

/* The person that an entry names; absent: the other side, or the account. */
static WaIdentity
person(RowsBuilder *builder, const RowsSource *source, WaStr by, bool from_me)
{
	if (from_me)
		return rows_self(builder);
	if (by.len > 0)
		return identity_from(builder->arena, by, WA_STR_NONE);
	return source->other;
}

/* What one person did to the message, with no time of its own: the message's. */
static RowsSource
about(RowsBuilder *builder, const RowsSource *source, WaStr by, bool from_me, WaStr id)
{
	RowsSource out = *source;

	out.from_me = from_me || message_is_self(&builder->context->self, by);
	out.from = person(builder, source, by, out.from_me);
	out.id = rows_clean(builder, id, ROWS_MAX_ID);
	return out;
}

static void
put_this(RowsBuilder *builder, WaJson *json, const RowsSource *source)
{
	WaIdentity by = source->from;

	by.push_name = WA_STR_NONE;
	rows_put_target_by(builder, json, source->id, &by, source->from_me);
}

static void
add_receipts(RowsBuilder *builder, const RowsSource *source, const WaHistoryMessage *copy)
{
	WaBuf buf;
	WaJson json;

	if (copy->n_receipts == 0)
		return;
	rows_open_fact(builder, &json, &buf, "receipt");
	rows_put_chat(&json, source);
	json_cstr(&json, "type", "history");
	json_begin_array(&json, "entries");
	for (size_t i = 0; i < copy->n_receipts; i++)
	{
		const WaHistoryReceipt *receipt = &copy->receipts[i];
		const struct
		{
			WaReceiptKind kind;
			int64_t at;
		} times[] = {
			{RECEIPT_DELIVERED, receipt->delivered_at},
			{RECEIPT_READ, receipt->read_at},
			{RECEIPT_PLAYED, receipt->played_at},
		};
		WaIdentity who = identity_from(builder->arena, receipt->by, WA_STR_NONE);

		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++)
		{
			if (times[j].at == 0 || !identity_is_known(&who))
				continue;
			json_begin_object(&json, NULL);
			json_str(&json, "id", source->id);
			put_identity(&json, "who", &who);
			json_cstr(&json, "kind", receipt_kind_name(times[j].kind));
			put_time(&json, "at", times[j].at);
			json_bool(&json, "by_self", false);
			json_end_object(&json);
		}
	}
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

void
rows_add_copy(RowsBuilder *builder, const RowsSource *source, const WaHistoryMessage *copy)
{
	WaBuf buf;
	WaJson json;

	for (size_t i = 0; i < copy->n_reactions; i++)
	{
		const WaHistoryReaction *reaction = &copy->reactions[i];
		RowsSource said = about(builder, source, reaction->by, reaction->from_me, WA_STR_NONE);

		rows_open_said(builder, &json, &buf, "reaction", &said, reaction->at_ms * 1000);
		put_this(builder, &json, source);
		put_name(&json, "text", reaction->text.data == NULL ? str_from("") : reaction->text);
		rows_close_fact(builder, &json, &buf);
	}
	for (size_t i = 0; i < copy->n_votes; i++)
	{
		const WaHistoryVote *vote = &copy->votes[i];
		RowsSource said = about(builder, source, vote->by, vote->from_me, vote->id);

		rows_open_said(builder, &json, &buf, "vote", &said, vote->at_ms * 1000);
		put_this(builder, &json, source);
		json_begin_array(&json, "hashes");
		for (size_t j = 0; j < vote->n_selected; j++)
		{
			if (vote->selected[j].len == 32)
				json_hex(&json, NULL, vote->selected[j]);
		}
		json_end_array(&json);
		rows_close_fact(builder, &json, &buf);
	}
	for (size_t i = 0; i < copy->n_responses; i++)
	{
		const WaHistoryResponse *response = &copy->responses[i];
		RowsSource said = about(builder, source, response->by, response->from_me, response->id);

		rows_open_said(builder, &json, &buf, "response", &said, response->at_ms * 1000);
		put_this(builder, &json, source);
		json_int(&json, "response", response->response);
		put_number(&json, "extra_guests", response->extra_guests);
		rows_close_fact(builder, &json, &buf);
	}
	if (copy->revoked_at_ms > 0 || copy->stub_type == STUB_REVOKED)
	{
		rows_open_said(builder, &json, &buf, "revoke", source, copy->revoked_at_ms * 1000);
		put_this(builder, &json, source);
		json_bool(&json, "by_admin", false);
		rows_close_fact(builder, &json, &buf);
	}
	add_receipts(builder, source, copy);
}

/* ---- messages ---- */

static void
add_change(RowsBuilder *builder, const RowsSource *source, const WaHistoryMessage *message)
{
	const WaHistoryChange *change = message->change;
	/* a phone names nobody for what its owner did */
	WaIdentity actor = change->actor.len == 0 && source->from_me
						   ? rows_self(builder)
						   : identity_from(builder->arena, change->actor, WA_STR_NONE);
	WaBuf buf;
	WaJson json;

	rows_open_fact(builder, &json, &buf, "history_change");
	json_str(&json, "group", source->chat);
	json_cstr(&json, "kind", change->kind);
	json_cstr(&json, "reason", change->reason);
	put_identity(&json, "actor", &actor);
	json_begin_array(&json, "targets");
	for (size_t i = 0; i < change->n_targets; i++)
	{
		WaIdentity target = identity_from(builder->arena, change->targets[i], WA_STR_NONE);

		put_identity(&json, NULL, &target);
	}
	json_end_array(&json);
	put_text(&json, "text", change->text);
	put_wall(&json, "at", source->sent_us);
	json_str(&json, "id", source->id);
	rows_close_fact(builder, &json, &buf);
}

static void
read_source(RowsBuilder *builder, WaStr chat, const WaHistoryMessage *message, RowsSource *out)
{
	WaIdentity other = identity_from(builder->arena, chat, WA_STR_NONE);

	rows_set_chat(builder, out, jid_bare(builder->arena, chat), other);
	out->from_me =
		message->key.from_me || message_is_self(&builder->context->self, message->sender);
	if (out->from_me)
		out->from = rows_self(builder);
	else if (message->sender.len > 0)
		out->from = identity_from(builder->arena, message->sender, WA_STR_NONE);
	else
		out->from = out->other;
	if (message->push_name.len > 0 && !str_is(message->push_name, "-"))
		out->from.push_name = message->push_name;
	out->id = rows_clean(builder, message->key.id, ROWS_MAX_ID);
	out->origin = str_from(message->group_history ? "group_history" : "history");
	out->sent_us = rows_time(builder, message->at * WA_SECOND, builder->context->received_us);
	out->expires_at = message->expires_at;
	if (message->starred)
		out->flags |= ROWS_STARRED;
	if (message->broadcast)
		out->flags |= ROWS_BROADCAST;
}

static void
add_message(RowsBuilder *builder, const WaHistoryEvent *event)
{
	const WaHistoryMessage *message = event->message;
	WaStr chat = event->chat.len > 0 ? event->chat : message->key.chat;
	RowsSource source = {0};

	if (!rows_has_place(chat))
		return;
	read_source(builder, chat, message, &source);
	if (message->change != NULL && source.is_group)
		add_change(builder, &source, message);
	else if (message->content != NULL)
	{
		rows_add_content(builder, &source, message->content, message->plaintext);
		if (builder->out->has_message && builder->out->message.secret.data == NULL)
			builder->out->message.secret = message->secret;
	}
	else if (message->stub_type == STUB_REVOKED)
		rows_add_unread(builder, &source, "unavailable", "revoked", 0, false);
	else if (message->stub_type == STUB_UNREAD || message->plaintext.len > 0)
		rows_add_unread(builder, &source, "unavailable", "phone_cannot_read", 0, false);
	else
		return; /* a note of the phone to its owner */
	rows_add_copy(builder, &source, message);
}

/* ---- chats and people ---- */

static void
put_pair(WaJson *json, const WaIdentity *who)
{
	json_begin_object(json, NULL);
	put_name(json, "lid", who->lid);
	put_name(json, "pn", who->pn);
	json_bool(json, "authoritative", false);
	json_end_object(json);
}

static void
add_alias(RowsBuilder *builder, const WaIdentity *who)
{
	WaBuf buf;
	WaJson json;

	if (who->lid.data == NULL || who->pn.data == NULL)
		return;
	rows_open_fact(builder, &json, &buf, "aliases");
	json_cstr(&json, "source", "history");
	json_begin_array(&json, "pairs");
	put_pair(&json, who);
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

static void
add_conversation(RowsBuilder *builder, const WaHistoryConversation *conversation)
{
	WaIdentity other = identity_from(builder->arena, conversation->lid, conversation->pn);
	WaIdentity own = identity_from(builder->arena, conversation->id, WA_STR_NONE);
	RowsSource source = {0};
	WaBuf buf;
	WaJson json;

	if (!rows_has_place(conversation->id))
		return;
	if (own.lid.data != NULL)
		other.lid = own.lid;
	if (own.pn.data != NULL)
		other.pn = own.pn;
	rows_set_chat(builder, &source, jid_bare(builder->arena, conversation->id), other);
	if (!source.is_group)
		add_alias(builder, &other);
	rows_open_fact(builder, &json, &buf, "chat");
	rows_put_chat(&json, &source);
	put_text(&json, "name", conversation->name);
	put_text(&json, "display_name", conversation->display_name);
	if (conversation->expires_in <= INT32_MAX &&
		(conversation->expires_in > 0 || conversation->ephemeral_setting_at > 0))
		json_int(&json, "ephemeral_seconds", conversation->expires_in);
	put_time(&json, "ephemeral_at", conversation->ephemeral_setting_at);
	json_bool(&json, "archived", conversation->archived);
	json_bool(&json, "pinned", conversation->pinned > 0);
	put_time(&json, "muted_until", conversation->muted_until);
	if (conversation->unread <= INT32_MAX)
		json_int(&json, "unread", conversation->unread);
	json_cstr(&json, "source", "history");
	put_time(&json, "at", conversation->last_message_at);
	rows_close_fact(builder, &json, &buf);
}

static void
add_leavers(RowsBuilder *builder, const WaHistoryEvent *event)
{
	WaBuf buf;
	WaJson json;

	rows_open_fact(builder, &json, &buf, "past_members");
	put_name(&json, "group", event->chat);
	json_begin_array(&json, "leavers");
	for (size_t i = 0; i < event->n_leavers; i++)
	{
		WaIdentity who = identity_from(builder->arena, event->leavers[i].who, WA_STR_NONE);

		if (!identity_is_known(&who))
			continue;
		json_begin_object(&json, NULL);
		put_identity(&json, "who", &who);
		json_bool(&json, "removed", event->leavers[i].was_removed);
		put_time(&json, "at", event->leavers[i].at);
		json_end_object(&json);
	}
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

static void
add_person(RowsBuilder *builder, WaStr group, const WaIdentity *who)
{
	WaBuf buf;
	WaJson json;

	rows_open_fact(builder, &json, &buf, "people");
	put_name(&json, "group", group);
	json_begin_array(&json, "people");
	put_identity(&json, NULL, who);
	json_end_array(&json);
	rows_close_fact(builder, &json, &buf);
}

static void
add_member(RowsBuilder *builder, const WaHistoryEvent *event)
{
	WaStr group = jid_bare(builder->arena, event->chat);
	WaBuf buf;
	WaJson json;

	if (!rows_has_place(group))
		return;
	add_person(builder, group, &event->who);
	if (event->text.len == 0)
		return;
	rows_open_fact(builder, &json, &buf, "member_label");
	json_str(&json, "chat", group);
	put_identity(&json, "from", &event->who);
	put_name(&json, "label", event->text);
	rows_close_fact(builder, &json, &buf);
}

static void
add_contact(RowsBuilder *builder, const WaHistoryEvent *event)
{
	WaBuf buf;
	WaJson json;

	rows_open_fact(builder, &json, &buf, "contact");
	put_identity(&json, "who", &event->who);
	put_name(&json, "full_name", event->text);
	json_cstr(&json, "source", "history");
	rows_close_fact(builder, &json, &buf);
}

WaStatus
rows_of_history(WaArena *arena, const RowsContext *context, const WaHistoryEvent *event, Rows *out)
{
	RowsBuilder builder;

	rows_begin(&builder, arena, context, out);
	switch (event->kind)
	{
		case HISTORY_MESSAGE:
			add_message(&builder, event);
			break;
		case HISTORY_MEMBER:
			add_member(&builder, event);
			break;
		case HISTORY_CONVERSATION:
			add_conversation(&builder, event->conversation);
			break;
		case HISTORY_LEAVERS:
			add_leavers(&builder, event);
			break;
		case HISTORY_NAME:
		{
			WaIdentity who = event->who;

			who.push_name = event->text;
			add_person(&builder, WA_STR_NONE, &who);
			break;
		}
		case HISTORY_ALIAS:
			add_alias(&builder, &event->who);
			break;
		case HISTORY_CONTACT:
			add_contact(&builder, event);
			break;
	}
	return rows_end(&builder);
}
