/*
 * rows_extra.c
 *		What a message has beside its text: the element of m_extra.
 */
#include "rows_internal.h"

#define MAX_EXTRA (4 << 20) /* bytes */

/* ---- is there anything to tell ---- */

static bool
has_context(const WaMessageContext *context)
{
	return context->quoted.id.data != NULL || context->n_mentions > 0 || context->expires_in > 0 ||
		   context->forwarding_score > 0;
}

/* Is there anything for the column meta?  Everything but a plain text may have it. */
static bool
has_meta(const WaMessage *content)
{
	const WaMessageContext *context = &content->context;

	return content->kind != MESSAGE_TEXT || content->flags != 0 || content->title.data != NULL ||
		   content->description.data != NULL || content->matched.data != NULL ||
		   content->parent.id.data != NULL || content->association != 0 || context->mentions_all ||
		   context->n_group_mentions > 0 || context->parent_group.data != NULL ||
		   context->member_label.data != NULL || context->newsletter.data != NULL;
}

/* ---- members ---- */

static void
put_quoted(RowsBuilder *builder, WaJson *json, const WaMessageKey *quoted)
{
	WaIdentity by;

	if (quoted->id.data == NULL)
		return;
	by = identity_from(builder->arena, quoted->participant, WA_STR_NONE);
	json_begin_object(json, "quoted");
	json_str(json, "id", rows_clean(builder, quoted->id, ROWS_MAX_ID));
	put_identity(json, "by", &by);
	json_end_object(json);
}

/* People only, in the form that they are keyed by, each as often as he is mentioned. */
static void
put_mentions(RowsBuilder *builder, WaJson *json, const WaMessageContext *context)
{
	size_t n = context->n_mentions < ROWS_MAX_MENTIONS ? context->n_mentions : ROWS_MAX_MENTIONS;

	if (n == 0)
		return;
	json_begin_array(json, "mentions");
	for (size_t i = 0; i < n; i++)
	{
		WaIdentity who = identity_from(builder->arena, context->mentions[i], WA_STR_NONE);

		json_str(json, NULL, who.lid.data != NULL ? who.lid : who.pn);
	}
	json_end_array(json);
}

static void
put_poll(WaJson *json, const WaPoll *poll)
{
	json_begin_object(json, "poll");
	json_begin_array(json, "options");
	for (size_t i = 0; i < poll->n_options; i++)
	{
		const WaPollOption *option = &poll->options[i];

		json_begin_object(json, NULL);
		put_name(json, "name", option->name);
		json_hex(json, "hash", (WaStr){(const char *) option->hash, sizeof(option->hash)});
		json_end_object(json);
	}
	json_end_array(json);
	if (poll->selectable <= INT32_MAX)
		json_int(json, "selectable", poll->selectable);
	if (poll->is_quiz)
		json_bool(json, "quiz", true);
	/* Sent as seconds or milliseconds; no date of ours is that far in the future. */
	put_time(json, "ends_at", poll->ends_at > 100000000000 ? poll->ends_at / 1000 : poll->ends_at);
	json_end_object(json);
}

/* What it hangs on: an album's or thread's first message, or what a comment is about. */
static void
put_parent(RowsBuilder *builder, WaJson *json, const RowsSource *source, const WaMessage *content)
{
	const WaMessageKey *parent =
		content->kind == MESSAGE_COMMENT ? &content->target : &content->parent;
	WaIdentity by;

	if (parent->id.data == NULL)
		return;
	by = identity_from(builder->arena, parent->participant, WA_STR_NONE);
	if (!identity_is_known(&by) && parent->from_me)
	{
		by = source->from;
		by.push_name = WA_STR_NONE;
	}
	json_begin_object(json, "parent");
	json_str(json, "id", rows_clean(builder, parent->id, ROWS_MAX_ID));
	put_identity(json, "by", &by);
	json_end_object(json);
}

static void
put_expiry(WaJson *json, const RowsSource *source, uint32_t expires_in)
{
	put_count(json, "expires_in", expires_in);
	if (source->expires_at > 0)
		put_time(json, "expires_at", source->expires_at);
	else if (expires_in > 0)
		put_time(json, "expires_at", source->sent_us / WA_SECOND + expires_in);
}

static void
put_extra(RowsBuilder *builder, WaJson *json, const RowsSource *source, const WaMessage *content)
{
	const WaMessageContext *context = &content->context;

	json_str(json, "chat_pn", source->chat_pn);
	json_str(json, "chat_lid", source->chat_lid);
	put_quoted(builder, json, &context->quoted);
	put_mentions(builder, json, context);
	put_count(json, "forwarding_score", context->forwarding_score);
	put_expiry(json, source, context->expires_in);
	if (content->media != NULL)
		put_media(json, "media", content->media);
	if (content->poll != NULL && content->kind == MESSAGE_POLL)
		put_poll(json, content->poll);
	put_parent(builder, json, source, content);
	if (has_meta(content))
	{
		WaStr meta = message_to_json(builder->arena, content);

		if (meta.len > 2) /* {} */
			json_raw(json, "meta", meta);
	}
}

WaStr
rows_extra(RowsBuilder *builder, const RowsSource *source, const WaMessage *content)
{
	WaBuf buf;
	WaJson json;
	WaStr extra = WA_STR_NONE;

	if (source->chat_pn.data == NULL && source->chat_lid.data == NULL && source->expires_at == 0 &&
		!has_context(&content->context) && !has_meta(content))
		return WA_STR_NONE;
	buf_init(&buf, builder->arena->env, MAX_EXTRA);
	json_init(&json, &buf);
	json_begin_object(&json, NULL);
	put_extra(builder, &json, source, content);
	json_end_object(&json);
	if (json.status == WA_OK)
		extra = arena_str(builder->arena, (WaStr){(const char *) buf_data(&buf), buf_len(&buf)});
	else if (builder->status == WA_OK)
		builder->status = json.status;
	buf_free(&buf);
	return extra.len > 2 ? extra : WA_STR_NONE;
}
