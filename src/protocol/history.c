/*
 * history.c
 *		The walk over a history chunk.  It goes through the conversations field
 *		by field and hands over what can be told by itself.
 *
 * pending never holds more than one item and one piece.  A field is either
 * buffered whole, up to HISTORY_MAX_ITEM, or passed over as it comes.
 */
#include "history_internal.h"

#include <string.h>

#define FIELD_CONVERSATION 2 /* of HistorySync */
#define MAX_NUMBER 10        /* bytes of a varint */
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

/* A field's beginning: what it is and how many bytes it takes. */
typedef struct Header
{
	uint32_t number;
	int type;      /* WIRE_... */
	size_t len;    /* of the tag and, for WIRE_BYTES, of the length */
	uint64_t body; /* bytes behind it */
} Header;

/* Bytes that a field may have to be read; 0 for what is passed over. */
static size_t
item_limit(const WaHistory *history, const Header *header)
{
	if (header->type != WIRE_BYTES)
		return MAX_NUMBER;
	if (history->in_conversation)
		return history_conversation_limit(history, header->number);
	return history_item_limit(history->format, header->number);
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
read_item(WaHistory *history, const WaWireField *field, WaHistoryEvent *out)
{
	WaStatus status;

	if (history->in_conversation)
		status = history_conversation_field(history, field, out);
	else
		status = history_item(history, field, out);
	return forgive(history, status);
}

/* The length of a number at data[at]; 0 when it does not end before len. */
static size_t
number_len(const uint8_t *data, size_t len, size_t at)
{
	for (size_t n = 1; at + n <= len; n++)
	{
		if (data[at + n - 1] < 0x80)
			return n;
	}
	return 0;
}

/* The same as wire_next does with a whole field, for one of which only the header is here. */
static WaStatus
peek(const uint8_t *data, size_t len, Header *out)
{
	uint64_t numbers[2] = {0, 0}; /* tag, length */
	size_t at = 0;

	for (int i = 0; i < 2; i++)
	{
		size_t n = number_len(data, len, at);

		if (n > MAX_NUMBER || (n == 0 && len - at >= MAX_NUMBER))
			return WA_ERR_MALFORMED;
		if (n == 0)
			return WA_NEED_MORE;
		for (size_t k = 0; k < n; k++)
			numbers[i] |= (uint64_t) (data[at + k] & 0x7F) << (7 * k);
		at += n;
		out->len = at;
		out->number = (uint32_t) (numbers[0] >> 3);
		out->type = (int) (numbers[0] & 7);
		if (numbers[0] >> 3 == 0 || numbers[0] > UINT32_MAX)
			return WA_ERR_MALFORMED;
		switch (out->type)
		{
			case WIRE_BYTES:
				out->body = numbers[1];
				continue; /* to the length */
			case WIRE_VARINT:
				out->body = number_len(data, len, at);
				if (out->body == 0)
					return len - at >= MAX_NUMBER ? WA_ERR_MALFORMED : WA_NEED_MORE;
				return out->body > MAX_NUMBER ? WA_ERR_MALFORMED : WA_OK;
			case WIRE_FIXED64:
				out->body = 8;
				return WA_OK;
			case WIRE_FIXED32:
				out->body = 4;
				return WA_OK;
			default:
				return WA_ERR_MALFORMED;
		}
	}
	return WA_OK;
}

/* Enters, passes over or reads the next field; WA_NEED_MORE also when it only went on. */
static WaStatus
step(WaHistory *history, WaHistoryEvent *out, bool *moved)
{
	const uint8_t *data = buf_data(&history->pending);
	size_t len = buf_len(&history->pending);
	bool ends = history->in_conversation && len >= history->conversation_left;
	WaWire wire;
	WaWireField field;
	Header header;
	size_t limit;
	WaStatus status;

	*moved = false;
	if (ends)
		len = (size_t) history->conversation_left;
	status = peek(data, len, &header);
	if (status == WA_NEED_MORE && ends)
		return WA_ERR_MALFORMED; /* the conversation ends inside a field */
	if (status != WA_OK)
		return status;
	if (history->in_conversation && header.body > history->conversation_left - header.len)
		return WA_ERR_MALFORMED;

	if (header.type == WIRE_BYTES && !history->in_conversation && history->format == HISTORY_SYNC &&
		header.number == FIELD_CONVERSATION)
	{
		consume(history, header.len);
		history->in_conversation = true;
		history->conversation_left = header.body;
		*moved = true;
		return WA_NEED_MORE;
	}
	limit = item_limit(history, &header);
	if (header.body > limit)
	{
		if (limit > 0)
			history->n_oversized++;
		consume(history, header.len);
		history->skip_left = header.body;
		*moved = true;
		return WA_NEED_MORE;
	}
	if (header.body > len - header.len)
		return WA_NEED_MORE;

	wire_init(&wire, data, header.len + (size_t) header.body);
	if (!wire_next(&wire, &field))
		return WA_ERR_MALFORMED;
	status = read_item(history, &field, out);
	if (status != WA_OK && status != WA_NEED_MORE)
		return status; /* not consumed: it is read again when there is memory */
	consume(history, header.len + (size_t) header.body);
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
