/*
 * client_missing.c
 *		Messages that could not be read, as RECORD_RETRY keeps them: how often the
 *		sender was asked, whether the phone was, and where the message belongs.
 *		Sheet 2 sections 4.6 and 6.6.
 *
 * A row's key is (chat, "<sender's device> <message id>"); what the phone was
 * asked for is kept a second time under ("phone", "<id of the request>"), to
 * be found by its answer.  What it is still to be asked for has a mark, a row
 * with one name for all, so that a later process finds them together.  Rows are
 * held while they are worked on and until they are stored.
 */
#include "client_internal.h"

#include <string.h>

#include "wire.h"

#define MISSING_MAX 4096 /* bytes of a row */

enum
{
	MISSING_ATTEMPTS = 1,
	MISSING_PHONE_ASKED = 2,
	MISSING_FIRST_AT = 3,
	MISSING_TROUBLE = 4,
	MISSING_ID = 5,
	MISSING_CHAT = 6,
	MISSING_SENDER = 7,
	MISSING_SENDER_LID = 8,
	MISSING_SENDER_PN = 9,
	MISSING_CHAT_LID = 10,
	MISSING_CHAT_PN = 11,
	MISSING_BROADCAST = 12,
	MISSING_AT = 13,
	MISSING_FLAGS = 14,
	MISSING_PUSH_NAME = 15,
};

#define MARK_NAME "ask"
#define MARK_CHAT 1 /* fields of a mark */
#define MARK_MESSAGE 2

#define FLAG_FROM_ME 1
#define FLAG_GROUP 2
#define FLAG_HIDE 4
#define FLAG_OFFLINE 8

struct ClientRow
{
	ClientRow *next;
	size_t chat_len;
	size_t name_len;
	uint8_t *data; /* NULL: there is no such row */
	size_t len;
	bool wanted;    /* the host has to look */
	bool asked;     /* it was told so */
	bool dirty;     /* changed and not told yet */
	uint64_t epoch; /* of the event that told it; 0: not told since somebody asked for it */
	char key[];     /* chat, name */
};

/* ---- the rows in memory ---- */

static WaStr
row_chat(const ClientRow *row)
{
	return (WaStr){row->key, row->chat_len};
}

static WaStr
row_name(const ClientRow *row)
{
	return (WaStr){row->key + row->chat_len, row->name_len};
}

static ClientRow *
find_row(const WaClient *client, WaStr chat, WaStr name)
{
	ClientRow *row = client->rows;

	while (row != NULL && !(str_equal(row_chat(row), chat) && str_equal(row_name(row), name)))
		row = row->next;
	return row;
}

/* Finds the row or makes an empty one; NULL when memory is out. */
static ClientRow *
need_row(WaClient *client, WaStr chat, WaStr name)
{
	ClientRow *row = find_row(client, chat, name);

	if (row != NULL)
		return row;
	row = client->env->alloc(client->env->ctx, sizeof(*row) + chat.len + name.len);
	if (row == NULL)
		return NULL;
	*row = (ClientRow){.next = client->rows, .chat_len = chat.len, .name_len = name.len};
	memcpy(row->key, chat.data, chat.len);
	memcpy(row->key + chat.len, name.data, name.len);
	client->rows = row;
	return row;
}

static WaStatus
set_row(WaClient *client, ClientRow *row, const uint8_t *data, size_t len)
{
	uint8_t *copy = NULL;

	if (data != NULL)
	{
		copy = client->env->alloc(client->env->ctx, len > 0 ? len : 1);
		if (copy == NULL)
			return WA_ERR_NOMEM;
		memcpy(copy, data, len);
	}
	client_free(client, row->data);
	row->data = copy;
	row->len = copy == NULL ? 0 : len;
	return WA_OK;
}

/* Frees all rows, or those that the tables have and nobody asked for. */
static void
free_rows(WaClient *client, bool stored_only)
{
	ClientRow **link = &client->rows;

	while (*link != NULL)
	{
		ClientRow *row = *link;

		if (stored_only &&
			(row->dirty || row->wanted || row->epoch == 0 || row->epoch > client->persisted))
		{
			link = &row->next;
			continue;
		}
		*link = row->next;
		client_free(client, row->data);
		client_free(client, row);
	}
}

void
client_missing_stored(WaClient *client)
{
	free_rows(client, true);
}

void
client_missing_forget(WaClient *client)
{
	free_rows(client, false);
	if (client->marks != MARKS_KNOWN)
		client->marks = MARKS_UNKNOWN;
}

size_t
client_missing_memory(const WaClient *client)
{
	size_t bytes = 0;

	for (const ClientRow *row = client->rows; row != NULL; row = row->next)
		bytes += sizeof(*row) + row->chat_len + row->name_len + row->len;
	return bytes;
}

/* ---- asking the host, telling it ---- */

WaStatus
client_missing_ask(WaClient *client, WaStr chat, WaStr name)
{
	ClientRow *row = find_row(client, chat, name);

	if (row != NULL)
	{
		row->epoch = 0;
		return WA_OK;
	}
	row = need_row(client, chat, name);
	if (row == NULL)
		return WA_ERR_NOMEM;
	row->wanted = true;
	return WA_OK;
}

void
client_missing_ask_marks(WaClient *client)
{
	client->marks = MARKS_WANTED;
}

bool
client_missing_has_needs(const WaClient *client)
{
	if (client->marks == MARKS_WANTED || client->marks == MARKS_LOOKED_UP)
		return true;
	for (const ClientRow *row = client->rows; row != NULL; row = row->next)
	{
		if (row->wanted)
			return true;
	}
	return false;
}

bool
client_missing_next_need(WaClient *client, WaNeed *need)
{
	if (client->marks == MARKS_WANTED)
	{
		client->marks = MARKS_LOOKED_UP;
		*need = (WaNeed){
			.kinds = RECORD_BIT(RECORD_RETRY), .any_chat = true, .name = str_from(MARK_NAME)};
		return true;
	}
	for (ClientRow *row = client->rows; row != NULL; row = row->next)
	{
		if (!row->wanted || row->asked)
			continue;
		row->asked = true;
		*need = (WaNeed){
			.kinds = RECORD_BIT(RECORD_RETRY), .chat = row_chat(row), .name = row_name(row)};
		return true;
	}
	return false;
}

static WaStatus
supply_mark(WaClient *client, const WaRecord *record)
{
	WaWireField chat;
	WaWireField name;

	if (client->marks != MARKS_LOOKED_UP || record->data == NULL ||
		!wire_find(record->data, record->len, MARK_CHAT, WIRE_BYTES, &chat) ||
		!wire_find(record->data, record->len, MARK_MESSAGE, WIRE_BYTES, &name))
		return WA_OK;
	return client_phone_restore(client, (WaStr){(const char *) chat.data, chat.len},
								(WaStr){(const char *) name.data, name.len});
}

WaStatus
client_missing_supply(WaClient *client, const WaRecord *record)
{
	ClientRow *row;

	if (str_is(record->name, MARK_NAME))
		return supply_mark(client, record);
	row = find_row(client, record->chat, record->name);
	if (row == NULL || !row->wanted || record->data == NULL || record->len > MISSING_MAX)
		return WA_OK;
	return set_row(client, row, record->data, record->len);
}

void
client_missing_supplied(WaClient *client)
{
	for (ClientRow *row = client->rows; row != NULL; row = row->next)
		row->wanted = row->asked = false;
	if (client->marks == MARKS_LOOKED_UP)
		client->marks = MARKS_KNOWN;
}

bool
client_missing_next_dirty(WaClient *client, uint64_t epoch, WaRecord *record)
{
	for (ClientRow *row = client->rows; row != NULL; row = row->next)
	{
		if (!row->dirty)
			continue;
		row->dirty = false;
		row->epoch = epoch;
		*record = (WaRecord){.kind = RECORD_RETRY,
							 .chat = row_chat(row),
							 .name = row_name(row),
							 .data = row->data,
							 .len = row->len};
		return true;
	}
	return false;
}

/* ---- what a row says ---- */

bool
client_missing_is_key(WaStr text)
{
	if (text.len == 0 || text.len > CLIENT_MAX_NAME)
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

WaStr
client_missing_name(WaClient *client, const WaMessageSource *source)
{
	return arena_printf(&client->arena, "%.*s %.*s", (int) source->sender.len, source->sender.data,
						(int) source->id.len, source->id.data);
}

typedef struct TextField
{
	uint32_t number;
	WaStr *text;
} TextField;

#define N_TEXTS 10

static void
texts_of(ClientMissing *missing, TextField out[N_TEXTS])
{
	WaMessageSource *source = &missing->source;
	const TextField fields[N_TEXTS] = {
		{MISSING_TROUBLE, &missing->trouble},
		{MISSING_ID, &source->id},
		{MISSING_CHAT, &source->chat},
		{MISSING_SENDER, &source->sender},
		{MISSING_SENDER_LID, &source->sender_identity.lid},
		{MISSING_SENDER_PN, &source->sender_identity.pn},
		{MISSING_CHAT_LID, &source->chat_identity.lid},
		{MISSING_CHAT_PN, &source->chat_identity.pn},
		{MISSING_BROADCAST, &source->broadcast},
		{MISSING_PUSH_NAME, &source->sender_identity.push_name},
	};

	memcpy(out, fields, sizeof(fields));
}

static WaStatus
write_missing(const ClientMissing *missing, WaBuf *out)
{
	ClientMissing copy = *missing;
	const WaMessageSource *source = &missing->source;
	TextField fields[N_TEXTS];
	uint64_t flags = (source->from_me ? FLAG_FROM_ME : 0u) | (source->is_group ? FLAG_GROUP : 0u) |
					 (source->hide_failure ? FLAG_HIDE : 0u) |
					 (source->is_offline ? FLAG_OFFLINE : 0u);
	WaStatus status = wire_put_varint(out, MISSING_ATTEMPTS, missing->attempts);

	texts_of(&copy, fields);
	if (status == WA_OK)
		status = wire_put_varint(out, MISSING_PHONE_ASKED, missing->phone_asked);
	if (status == WA_OK)
		status = wire_put_varint(out, MISSING_FIRST_AT, (uint64_t) missing->first_at);
	if (status == WA_OK)
		status = wire_put_varint(out, MISSING_AT, (uint64_t) source->at);
	if (status == WA_OK)
		status = wire_put_varint(out, MISSING_FLAGS, flags);
	for (int i = 0; status == WA_OK && i < N_TEXTS; i++)
	{
		if (fields[i].text->data != NULL && fields[i].text->len <= CLIENT_MAX_NAME)
			status =
				wire_put_bytes(out, fields[i].number, fields[i].text->data, fields[i].text->len);
	}
	return status;
}

static void
read_number(const WaWireField *field, ClientMissing *out)
{
	WaMessageSource *source = &out->source;

	switch (field->number)
	{
		case MISSING_ATTEMPTS:
			out->attempts =
				field->value > SIGNAL_MAX_RETRIES ? SIGNAL_MAX_RETRIES : (unsigned) field->value;
			break;
		case MISSING_PHONE_ASKED:
			out->phone_asked = field->value != 0;
			break;
		case MISSING_FIRST_AT:
			out->first_at = (int64_t) (field->value & INT64_MAX);
			break;
		case MISSING_AT:
			source->at = (int64_t) (field->value & INT64_MAX);
			break;
		case MISSING_FLAGS:
			source->from_me = source->scope.from_self = (field->value & FLAG_FROM_ME) != 0;
			source->is_group = (field->value & FLAG_GROUP) != 0;
			source->hide_failure = (field->value & FLAG_HIDE) != 0;
			source->is_offline = (field->value & FLAG_OFFLINE) != 0;
			break;
		default:
			break;
	}
}

static bool
read_missing(WaArena *arena, const uint8_t *data, size_t len, ClientMissing *out)
{
	TextField fields[N_TEXTS];
	WaWire wire;
	WaWireField field;

	*out = (ClientMissing){0};
	texts_of(out, fields);
	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
	{
		if (field.type == WIRE_VARINT)
			read_number(&field, out);
		for (int i = 0; field.type == WIRE_BYTES && i < N_TEXTS; i++)
		{
			if (fields[i].number == field.number)
				*fields[i].text = arena_str(arena, (WaStr){(const char *) field.data, field.len});
		}
	}
	return !wire.bad && out->source.id.len > 0 && out->source.chat.len > 0 &&
		   out->source.sender.len > 0;
}

bool
client_missing_get(WaClient *client, WaStr chat, WaStr name, ClientMissing *out)
{
	const ClientRow *row = find_row(client, chat, name);

	*out = (ClientMissing){0};
	return row != NULL && row->data != NULL &&
		   read_missing(&client->arena, row->data, row->len, out);
}

WaStatus
client_missing_put(WaClient *client, WaStr chat, WaStr name, const ClientMissing *missing)
{
	ClientRow *row = need_row(client, chat, name);
	WaBuf data;
	WaStatus status;

	if (row == NULL)
		return WA_ERR_NOMEM;
	buf_init(&data, client->env, MISSING_MAX);
	status = write_missing(missing, &data);
	if (status == WA_OK)
		status = set_row(client, row, buf_data(&data), buf_len(&data));
	buf_free(&data);
	row->dirty |= status == WA_OK;
	return status;
}

WaStatus
client_missing_delete(WaClient *client, WaStr chat, WaStr name)
{
	ClientRow *row = need_row(client, chat, name);

	if (row == NULL)
		return WA_ERR_NOMEM;
	row->dirty = true;
	return set_row(client, row, NULL, 0);
}

WaStatus
client_missing_mark(WaClient *client, WaStr chat, WaStr name, bool is_due)
{
	WaStr key = arena_printf(&client->arena, "%.*s %.*s", (int) chat.len, chat.data, (int) name.len,
							 name.data);
	ClientRow *row;
	WaBuf data;
	WaStatus status = WA_OK;

	if (key.data == NULL)
		return client->arena.status;
	row = need_row(client, key, str_from(MARK_NAME));
	if (row == NULL)
		return WA_ERR_NOMEM;
	buf_init(&data, client->env, MISSING_MAX);
	if (is_due)
		status = wire_put_bytes(&data, MARK_CHAT, chat.data, chat.len);
	if (is_due && status == WA_OK)
		status = wire_put_bytes(&data, MARK_MESSAGE, name.data, name.len);
	if (status == WA_OK)
		status = set_row(client, row, is_due ? buf_data(&data) : NULL, buf_len(&data));
	buf_free(&data);
	row->dirty |= status == WA_OK;
	return status;
}
