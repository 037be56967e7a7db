/*
 * appstate_action.c
 *		What the records of app state mean.  Sheet 2 section 8.1.
 *
 * The first part of a record's index says what it is, the others of whom or of
 * which chat; SyncActionValue has one field for each kind.
 */
#include "appstate.h"

#include <string.h>

#define FIELD_TIMESTAMP 1 /* of SyncActionValue */
#define FIELD_CONTACT 3
#define FIELD_MUTE 4
#define FIELD_PIN 5
#define FIELD_PUSH_NAME 7
#define FIELD_LABEL_EDIT 14
#define FIELD_LABEL_ASSOCIATION 15
#define FIELD_ARCHIVE 17
#define FIELD_PN_FOR_LID 37
#define FIELD_LID_CONTACT 61

/* ---- fields of the action ---- */

/* The action itself: a field of SyncActionValue; empty when the record has none. */
static WaStr
action_bytes(const WaAppData *data, uint32_t number)
{
	WaWireField field;

	if (!wire_find(data->value.data, data->value.len, number, WIRE_BYTES, &field))
		return WA_STR_NONE;
	return (WaStr){(const char *) field.data, field.len};
}

/* Absent also when empty, or longer than any real one. */
static WaStr
text_of(WaStr action, uint32_t number)
{
	WaWireField field;

	if (!wire_find(action.data, action.len, number, WIRE_BYTES, &field) || field.len == 0 ||
		field.len > APPSTATE_MAX_TEXT)
		return WA_STR_NONE;
	return (WaStr){(const char *) field.data, field.len};
}

static int64_t
number_of(WaStr action, uint32_t number)
{
	WaWireField field;

	if (!wire_find(action.data, action.len, number, WIRE_VARINT, &field))
		return 0;
	return (int64_t) field.value;
}

static WaStr
part(const WaAppData *data, size_t at)
{
	WaStr none = WA_STR_NONE;

	if (at >= data->n_index || data->index[at].len == 0 || data->index[at].len > IDENTITY_MAX_JID)
		return none;
	return data->index[at];
}

/* ---- kinds ---- */

static WaStr
either(WaStr a, WaStr b)
{
	return a.data != NULL ? a : b;
}

static bool
read_contact(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	WaStr action = action_bytes(data, FIELD_CONTACT);

	/* the index has either form, and names the one that counts */
	out->who = identity_from(arena, part(data, 1), text_of(action, 3));
	if (out->who.pn.data == NULL)
		out->who.pn = identity_from(arena, text_of(action, 5), WA_STR_NONE).pn;
	out->who.username = text_of(action, 6);
	out->name = either(text_of(action, 1), either(text_of(action, 2), out->who.username));
	out->first_name = text_of(action, 2);
	return identity_is_known(&out->who);
}

static bool
read_lid_contact(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	WaStr action = action_bytes(data, FIELD_LID_CONTACT);

	out->who = identity_from(arena, part(data, 1), WA_STR_NONE);
	out->who.username = text_of(action, 3);
	out->name = either(text_of(action, 1), either(text_of(action, 2), out->who.username));
	out->first_name = text_of(action, 2);
	return identity_is_known(&out->who);
}

static bool
read_push_name(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	(void) arena;
	out->name = text_of(action_bytes(data, FIELD_PUSH_NAME), 1);
	return out->name.data != NULL;
}

/* The chat that the index names in this place. */
static bool
read_chat(WaArena *arena, const WaAppData *data, size_t at, WaAppAction *out)
{
	out->chat = jid_bare(arena, part(data, at));
	return out->chat.data != NULL;
}

static bool
read_mute(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	WaStr action = action_bytes(data, FIELD_MUTE);

	out->on = number_of(action, 1) != 0;
	if (out->on)
		out->until_ms = number_of(action, 2);
	if (out->on && out->until_ms <= 0)
		out->until_ms = -1; /* without an end */
	return read_chat(arena, data, 1, out);
}

static bool
read_pin(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	out->on = number_of(action_bytes(data, FIELD_PIN), 1) != 0;
	return read_chat(arena, data, 1, out);
}

static bool
read_archive(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	out->on = number_of(action_bytes(data, FIELD_ARCHIVE), 1) != 0;
	return read_chat(arena, data, 1, out);
}

static bool
read_label(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	WaStr action = action_bytes(data, FIELD_LABEL_EDIT);

	(void) arena;
	out->id = part(data, 1);
	out->name = text_of(action, 1);
	out->color = (int32_t) number_of(action, 2);
	out->on = number_of(action, 4) == 0;
	return out->id.data != NULL;
}

static bool
read_chat_label(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	out->id = part(data, 1);
	out->on = number_of(action_bytes(data, FIELD_LABEL_ASSOCIATION), 1) != 0;
	return out->id.data != NULL && read_chat(arena, data, 2, out);
}

static bool
read_message_label(WaArena *arena, const WaAppData *data, WaAppAction *out)
{
	out->message = part(data, 3);
	return out->message.data != NULL && read_chat_label(arena, data, out);
}

typedef struct Trade
{
	const char *name; /* first part of the index */
	WaAppActionKind kind;
	bool (*read)(WaArena *arena, const WaAppData *data, WaAppAction *out);
} Trade;

static const Trade trades[] = {
	{"contact", APP_CONTACT, read_contact},
	{"lid_contact", APP_CONTACT, read_lid_contact},
	{"setting_pushName", APP_PUSH_NAME, read_push_name},
	{"mute", APP_MUTE, read_mute},
	{"pin_v1", APP_PIN, read_pin},
	{"archive", APP_ARCHIVE, read_archive},
	{"label_edit", APP_LABEL, read_label},
	{"label_jid", APP_CHAT_LABEL, read_chat_label},
	{"label_message", APP_MESSAGE_LABEL, read_message_label},
};

/* A removed record still says what it once set: only the index counts. */
static bool
take_back(WaAppAction *action)
{
	action->name = action->first_name = WA_STR_NONE;
	action->on = false;
	action->until_ms = 0;
	return action->kind != APP_PUSH_NAME;
}

bool
appstate_action(WaArena *arena, WaAppOperation operation, const WaAppData *data, WaAppAction *out)
{
	int64_t at_ms = number_of(data->value, FIELD_TIMESTAMP);

	for (size_t i = 0; i < sizeof(trades) / sizeof(trades[0]); i++)
	{
		if (!str_is(part(data, 0), trades[i].name))
			continue;
		*out = (WaAppAction){.kind = trades[i].kind, .at_ms = at_ms > 0 ? at_ms : 0};
		return trades[i].read(arena, data, out) && (operation == APPSTATE_SET || take_back(out)) &&
			   !arena->failed;
	}
	return false;
}

WaAlias *
appstate_alias(WaArena *arena, const WaAppData *data)
{
	WaAppAction contact = {0};

	if (str_is(part(data, 0), "pnForLidChat"))
		return identity_pair(arena, part(data, 1), text_of(action_bytes(data, FIELD_PN_FOR_LID), 1),
							 false);
	if (!str_is(part(data, 0), "contact") || !read_contact(arena, data, &contact))
		return NULL;
	return identity_pair(arena, contact.who.lid, contact.who.pn, false);
}
