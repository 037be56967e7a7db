/*
 * history.c
 *		The walk over a history chunk.  It goes through the conversations field
 *		by field and hands over what can be told by itself.
 *
 * pending never holds more than one item and one piece.  A field is either
 * buffered whole, up to HISTORY_MAX_ITEM, or passed over as it comes.
 */
#include "history_internal.h"

#include "walk.h"

#include <string.h>

#define FIELD_CONVERSATION 2 /* of HistorySync */
#define MAX_VALUE 32         /* bytes of any header and number */

void
history_init(WaHistory *history, const WaEnv *env, WaHistoryFormat format)
{
	*history = (WaHistory){.format = format, .sync_type = -1};
	buf_init(&history->pending, env, HISTORY_MAX_ITEM + HISTORY_MAX_FEED + MAX_VALUE);
	arena_init(&history->arena, env, HISTORY_MAX_MEMORY);
	arena_init(&history->chat_arena, env, 1 << 20);
}

void
history_free(WaHistory *history)
{
	buf_free(&history->pending);
	arena_free(&history->arena);
	arena_free(&history->chat_arena);
}

WaStatus
history_feed(WaHistory *history, const void *data, size_t len)
{
	if (len > HISTORY_MAX_FEED)
		return WA_ERR_LIMIT;
	if (buf_len(&history->pending) > HISTORY_MAX_ITEM + MAX_VALUE)
		return WA_ERR_STATE;
	return buf_append(&history->pending, data, len);
}

WaStatus
history_end(const WaHistory *history)
{
	if (history->status != WA_OK)
		return history->status;
	if (buf_len(&history->pending) > 0 || history->skip_left > 0 ||
		(history->in_conversation && !history->ends_conversation))
		return WA_ERR_MALFORMED;
	return WA_OK;
}

/* Takes bytes off the front, and off the conversation they belong to. */
static void
consume(WaHistory *history, size_t len)
{
	buf_consume(&history->pending, len);
	history->n_bytes += len;
	if (history->in_conversation)
		history->conversation_left -= len;
}

static void
close_conversation(WaHistory *history)
{
	arena_free(&history->chat_arena);
	history->conversation = (WaHistoryConversation){0};
	history->in_conversation = false;
	history->ends_conversation = false;
}

/* What is known of a field that an item may be in; 0 for what is not read. */
static size_t
item_limit(const WaHistory *history, const WaWalkField *field)
{
	if (field->type != WALK_BYTES)
		return MAX_VALUE;
	if (history->in_conversation)
		return history_conversation_limit(field->number);
	return history_item_limit(history->format, field->number);
}

/* Counts what only this item is guilty of; other failures are the caller's. */
static WaStatus
forgive(WaHistory *history, WaStatus status)
{
	if (status == WA_ERR_LIMIT)
		history->n_oversized++;
	else if (status == WA_ERR_MALFORMED)
		history->n_malformed++;
	else if (status != WA_NEED_MORE)
		return status;
	return WA_NEED_MORE;
}

/*
 * One field, wholly in pending.  WA_OK: *out is an event; WA_NEED_MORE: there is
 * nothing to tell.
 */
static WaStatus
read_item(WaHistory *history, const WaWalkField *field, WaHistoryEvent *out)
{
	WaStatus status;

	if (history->in_conversation)
		status = history_conversation_field(history, field, out);
	else
		status = history_item(history, field, out);
	return forgive(history, status);
}

/* Enters, passes over or reads the next field; WA_NEED_MORE also when it only went on. */
static WaStatus
step(WaHistory *history, WaHistoryEvent *out, bool *moved)
{
	const uint8_t *data = buf_data(&history->pending);
	size_t len = buf_len(&history->pending);
	WaWalk wire;
	WaWalkField field;
	size_t limit;
	WaStatus status;

	*moved = false;
	if (history->in_conversation && len > history->conversation_left)
		len = (size_t) history->conversation_left;
	status = walk_peek(data, len, &field);
	if (status == WA_NEED_MORE && history->in_conversation &&
		history->conversation_left <= buf_len(&history->pending))
		return WA_ERR_MALFORMED; /* it ends inside a field */
	if (status != WA_OK)
		return status;
	if (history->in_conversation && field.type == WALK_BYTES &&
		field.value > history->conversation_left - field.header_len)
		return WA_ERR_MALFORMED;

	if (field.type == WALK_BYTES && !history->in_conversation && history->format == HISTORY_SYNC &&
		field.number == FIELD_CONVERSATION)
	{
		consume(history, field.header_len);
		history->in_conversation = true;
		history->conversation_left = field.value;
		*moved = true;
		return WA_NEED_MORE;
	}
	limit = item_limit(history, &field);
	if (field.type == WALK_BYTES && field.value > limit)
	{
		if (limit > 0)
			history->n_oversized++;
		consume(history, field.header_len);
		history->skip_left = field.value;
		*moved = true;
		return WA_NEED_MORE;
	}

	walk_init(&wire, data, len);
	status = walk_take(&wire, &field);
	if (status == WA_NEED_MORE && history->in_conversation &&
		history->conversation_left <= buf_len(&history->pending))
		return WA_ERR_MALFORMED;
	if (status != WA_OK)
		return status;
	status = read_item(history, &field, out);
	if (status != WA_OK && status != WA_NEED_MORE)
		return status; /* not consumed: it is read again when there is memory */
	consume(history, len - wire.left);
	*moved = true;
	return status;
}

static void
skip(WaHistory *history)
{
	size_t len = buf_len(&history->pending);

	if (len > history->skip_left)
		len = (size_t) history->skip_left;
	consume(history, len);
	history->skip_left -= len;
}

WaStatus
history_next(WaHistory *history, WaHistoryEvent *out)
{
	WaStatus status = history->status;
	bool moved = true;

	arena_free(&history->arena);
	if (history->ends_conversation)
		close_conversation(history);
	while (status == WA_OK || (status == WA_NEED_MORE && moved))
	{
		*out = (WaHistoryEvent){0}; /* what the item before would have told */
		if (history->skip_left > 0)
		{
			skip(history);
			if (history->skip_left > 0)
				return WA_NEED_MORE;
		}
		if (history->in_conversation && history->conversation_left == 0)
		{
			out->kind = HISTORY_CONVERSATION;
			out->conversation = &history->conversation;
			out->chat = history->conversation.id;
			history->ends_conversation = true;
			status = WA_OK;
		}
		else if (buf_len(&history->pending) == 0)
			return WA_NEED_MORE;
		else
		{
			arena_free(&history->arena);
			status = step(history, out, &moved);
		}
		if (status == WA_OK)
		{
			history->n_events++;
			return WA_OK;
		}
	}
	if (status == WA_ERR_MALFORMED)
		history->status = status;
	*out = (WaHistoryEvent){0};
	return status;
}
