/*
 * history_item.c
 *		The items of a history chunk: members, leavers, names, pairs, and what a
 *		conversation says of itself.  Sheet 2 sections 9.3 and 9.4.
 */
#include "history_internal.h"

#include "message_internal.h"

#define MIDDLE_ITEM 4096 /* bytes: people are told of in less */

/* ---- fields of the chunk ---- */

enum
{
	SYNC_TYPE = 1,
	SYNC_CHUNK = 5,
	SYNC_PROGRESS = 6,
	SYNC_NAME = 7,
	SYNC_SETTINGS = 8,
	SYNC_LEAVERS = 12,
	SYNC_MAPPING = 15,
	SYNC_CONTACT = 20,
	SETTINGS_MIGRATED = 20, /* of GlobalSettings: chatDbLidMigrationTimestamp */
};

/* GroupHistory: messages, comments, pinned messages from before the window. */
static bool
is_group_message(uint32_t number)
{
	return number == 1 || number == 3 || number == 4;
}

size_t
history_item_limit(WaHistoryFormat format, uint32_t number)
{
	if (format == HISTORY_GROUP)
		return is_group_message(number) ? HISTORY_MAX_ITEM : 0;
	switch (number)
	{
		case SYNC_LEAVERS:
			return HISTORY_MAX_ITEM;
		case SYNC_SETTINGS:
			return HISTORY_MAX_TEXT;
		case SYNC_NAME:
		case SYNC_MAPPING:
		case SYNC_CONTACT:
			return MIDDLE_ITEM;
		default:
			return 0;
	}
}

#define UNPACK(name, bytes, variable)                                                              \
	protobuf_unpack(&history->arena, &wa__##name##__descriptor, (bytes).data, (bytes).len,         \
					&(variable))

static WaStatus
read_name(WaHistory *history, WaStr bytes, WaHistoryEvent *out)
{
	Wa__Pushname *name;
	WaStatus status = UNPACK(pushname, bytes, name);

	if (status != WA_OK)
		return status;
	out->kind = HISTORY_NAME;
	out->who = identity_from(&history->arena, MESSAGE_TEXT_OF(name, id), WA_STR_NONE);
	out->text = MESSAGE_TEXT_OF(name, pushname);
	if (!identity_is_known(&out->who) || out->text.len == 0 || str_is(out->text, "-"))
		return WA_NEED_MORE;
	return message_memory(&history->arena);
}

static WaStatus
read_contact(WaHistory *history, uint32_t number, WaStr bytes, WaHistoryEvent *out)
{
	Wa__InlineContact *contact;
	WaStatus status = UNPACK(inline_contact, bytes, contact);

	if (status != WA_OK)
		return status;
	out->kind = number == SYNC_CONTACT ? HISTORY_CONTACT : HISTORY_ALIAS;
	out->who = identity_from(&history->arena, MESSAGE_TEXT_OF(contact, lidjid),
							 MESSAGE_TEXT_OF(contact, pnjid));
	if (number == SYNC_CONTACT)
	{
		out->text = MESSAGE_TEXT_OF(contact, fullname);
		if (out->text.len == 0)
			out->text = MESSAGE_TEXT_OF(contact, firstname);
		if (contact->has_username && contact->username.len > 0)
			out->who.username = MESSAGE_TEXT_OF(contact, username);
	}
	if (history->arena.failed)
		return history->arena.status;
	if (number == SYNC_CONTACT)
		return identity_is_known(&out->who) ? WA_OK : WA_NEED_MORE;
	return out->who.lid.data != NULL && out->who.pn.data != NULL ? WA_OK : WA_NEED_MORE;
}

/* Entry by entry: a list of tens of thousands is no reason to hold it twice. */
static WaStatus
read_leavers(WaHistory *history, WaStr bytes, WaHistoryEvent *out)
{
	WaWire wire;
	WaWireField field;
	size_t n = 0;

	wire_init(&wire, bytes.data, bytes.len);
	while (wire_next(&wire, &field))
		n += field.number == 2 && field.type == WIRE_BYTES;
	if (wire.bad)
		return WA_ERR_MALFORMED;
	out->kind = HISTORY_LEAVERS;
	out->chat = jid_bare(&history->arena, message_field(bytes, 1));
	out->leavers = arena_alloc(&history->arena, n * sizeof(*out->leavers));
	if (history->arena.failed)
		return history->arena.status;
	if (out->chat.data == NULL)
		return WA_ERR_MALFORMED;
	wire_init(&wire, bytes.data, bytes.len);
	while (wire_next(&wire, &field))
	{
		WaHistoryLeaver *leaver = &out->leavers[out->n_leavers];
		Wa__PastParticipant *past;
		WaStatus status;

		if (field.number != 2 || field.type != WIRE_BYTES)
			continue;
		status = UNPACK(past_participant, message_bytes(&field), past);
		if (status != WA_OK)
			return status;
		if (!past->has_userjid || past->userjid.len == 0)
			continue;
		leaver->who = MESSAGE_TEXT_OF(past, userjid);
		leaver->was_removed = past->leavereason == 1;
		if (past->leavets <= INT64_MAX)
			leaver->at = message_seconds((int64_t) past->leavets);
		out->n_leavers++;
	}
	return out->n_leavers > 0 ? WA_OK : WA_NEED_MORE;
}

static void
read_settings(WaHistory *history, WaStr bytes)
{
	WaWire wire;
	WaWireField field;

	wire_init(&wire, bytes.data, bytes.len);
	while (wire_next(&wire, &field))
	{
		if (field.number == SETTINGS_MIGRATED && field.type == WIRE_VARINT &&
			field.value <= INT64_MAX)
			history->chats_migrated_at = message_seconds((int64_t) field.value);
	}
}

static WaStatus
read_message(WaHistory *history, WaStr bytes, WaHistoryEvent *out)
{
	out->kind = HISTORY_MESSAGE;
	out->message = arena_alloc(&history->arena, sizeof(*out->message));
	if (out->message == NULL)
		return history->arena.status;
	return history_message(&history->arena, bytes, out->message);
}

static void
read_number(WaHistory *history, const WaWireField *field)
{
	uint32_t value = field->value > UINT32_MAX ? UINT32_MAX : (uint32_t) field->value;

	switch (field->number)
	{
		case SYNC_TYPE:
			history->sync_type = value > INT32_MAX ? -1 : (int32_t) value;
			break;
		case SYNC_CHUNK:
			history->chunk = value;
			break;
		case SYNC_PROGRESS:
			history->progress = value > 100 ? 100 : value;
			break;
		default:
			break;
	}
}

WaStatus
history_item(WaHistory *history, const WaWireField *field, WaHistoryEvent *out)
{
	if (field->type == WIRE_VARINT && history->format == HISTORY_SYNC)
		read_number(history, field);
	if (field->type != WIRE_BYTES || history_item_limit(history->format, field->number) == 0)
		return WA_NEED_MORE;
	if (history->format == HISTORY_GROUP)
	{
		WaStatus status = read_message(history, message_bytes(field), out);

		if (status == WA_OK)
			out->message->group_history = true;
		return status;
	}
	switch (field->number)
	{
		case SYNC_NAME:
			return read_name(history, message_bytes(field), out);
		case SYNC_LEAVERS:
			return read_leavers(history, message_bytes(field), out);
		case SYNC_MAPPING:
		case SYNC_CONTACT:
			return read_contact(history, field->number, message_bytes(field), out);
		default:
			read_settings(history, message_bytes(field));
			return WA_NEED_MORE;
	}
}

/* ---- fields of a conversation ---- */

enum
{
	CHAT_ID = 1,
	CHAT_MESSAGE = 2,
	CHAT_MEMBER = 20,
};

/* Where a text of a conversation goes; NULL for the other fields. */
static WaStr *
conversation_text(WaHistoryConversation *conversation, uint32_t number)
{
	switch (number)
	{
		case CHAT_ID:
			return &conversation->id;
		case 13:
			return &conversation->name;
		case 32:
			return &conversation->created_by;
		case 33:
			return &conversation->description;
		case 37:
			return &conversation->parent_group;
		case 38:
			return &conversation->display_name;
		case 39:
			return &conversation->pn;
		case 42:
			return &conversation->lid;
		case 43:
			return &conversation->username;
		case 49:
			return &conversation->account_lid;
		default:
			return NULL;
	}
}

size_t
history_conversation_limit(const WaHistory *history, uint32_t number)
{
	WaHistoryConversation any;

	if (number == CHAT_MESSAGE)
		return history->only_people ? 0 : HISTORY_MAX_ITEM;
	if (number == CHAT_MEMBER)
		return history->only_people ? 0 : MIDDLE_ITEM;
	return conversation_text(&any, number) != NULL ? HISTORY_MAX_TEXT : 0;
}

static int64_t
seconds(uint64_t value)
{
	return value > INT64_MAX ? 0 : message_seconds((int64_t) value);
}

static void
conversation_number(WaHistoryConversation *conversation, const WaWireField *field)
{
	uint32_t value = field->value > UINT32_MAX ? UINT32_MAX : (uint32_t) field->value;
	bool is_set = field->value != 0;

	switch (field->number)
	{
		case 6:
			conversation->unread = value;
			break;
		case 7:
			conversation->read_only = is_set;
			break;
		case 9:
			conversation->expires_in = value;
			break;
		case 10:
			conversation->ephemeral_setting_at = seconds(field->value / 1000);
			break;
		case 11: /* 0 and 2: more messages remain on the phone */
			conversation->more_on_phone = value == 0 || value == 2;
			break;
		case 12:
			conversation->last_message_at = seconds(field->value);
			break;
		case 16:
			conversation->archived = is_set;
			break;
		case 24:
			conversation->pinned = value;
			break;
		case 25:
			conversation->muted_until = seconds(field->value);
			break;
		case 29:
			conversation->suspended = is_set;
			break;
		case 30:
			conversation->terminated = is_set;
			break;
		case 31:
			conversation->created_at = seconds(field->value);
			break;
		case 35:
			conversation->is_parent_group = is_set;
			break;
		case 36:
			conversation->is_default_subgroup = is_set;
			break;
		case 46:
			conversation->locked = is_set;
			break;
		default:
			break;
	}
}

static WaStatus
read_member(WaHistory *history, WaStr bytes, WaHistoryEvent *out)
{
	Wa__GroupParticipant *member;
	WaStatus status = UNPACK(group_participant, bytes, member);

	if (status != WA_OK)
		return status;
	out->kind = HISTORY_MEMBER;
	out->chat = history->conversation.id;
	out->who = identity_from(&history->arena, MESSAGE_TEXT_OF(member, userjid), WA_STR_NONE);
	out->rank = member->rank;
	if (member->memberlabel != NULL)
		out->text = MESSAGE_TEXT_OF(member->memberlabel, label);
	if (history->arena.failed)
		return history->arena.status;
	return identity_is_known(&out->who) ? WA_OK : WA_NEED_MORE;
}

WaStatus
history_conversation_field(WaHistory *history, const WaWireField *field, WaHistoryEvent *out)
{
	WaHistoryConversation *conversation = &history->conversation;
	WaStr *text;
	WaStatus status;

	if (field->type == WIRE_VARINT)
		conversation_number(conversation, field);
	if (field->type != WIRE_BYTES)
		return WA_NEED_MORE;
	if (field->number == CHAT_MESSAGE)
	{
		WaStr message = message_field(message_bytes(field), 1); /* HistorySyncMsg */

		if (message.data == NULL)
			return WA_NEED_MORE;
		out->chat = conversation->id;
		status = read_message(history, message, out);
		if (status == WA_OK)
			conversation->n_messages++;
		return status;
	}
	if (field->number == CHAT_MEMBER)
		return read_member(history, message_bytes(field), out);
	text = conversation_text(conversation, field->number);
	if (text == NULL || message_bytes(field).len == 0)
		return WA_NEED_MORE;
	if (history->chat_arena.failed && history->chat_arena.status == WA_ERR_LIMIT)
		return WA_ERR_LIMIT; /* it said the same too often */
	history->chat_arena.failed = false;
	*text = arena_str(&history->chat_arena, message_bytes(field));
	return history->chat_arena.failed ? history->chat_arena.status : WA_NEED_MORE;
}
