/*
 * sim_app_action.c
 *		What records of app state say: one table for writing and for reading
 *		them.  Sheet 2 section 8.1.
 */
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_app.h"
#include "sim_wire.h"

typedef enum FieldType
{
	NO_FIELD,
	TEXT,
	NUMBER,
	FLAG
} FieldType;

typedef struct Field
{
	const char *key;
	uint32_t number;
	FieldType type;
} Field;

typedef struct Action
{
	const char *name;
	const char *index; /* its first part */
	const char *collection;
	int version;
	uint32_t field; /* of SyncActionValue */
	Field fields[7];
} Action;

static const Action actions[] = {
	{"contact",
	 "contact",
	 "critical_unblock_low",
	 2,
	 3,
	 {{"full_name", 1, TEXT},
	  {"first_name", 2, TEXT},
	  {"lid", 3, TEXT},
	  {"save", 4, FLAG},
	  {"pn", 5, TEXT},
	  {"username", 6, TEXT}}},
	{"lid_contact",
	 "lid_contact",
	 "critical_unblock_low",
	 1,
	 61,
	 {{"full_name", 1, TEXT}, {"first_name", 2, TEXT}, {"username", 3, TEXT}}},
	{"push_name", "setting_pushName", "critical_block", 1, 7, {{"name", 1, TEXT}}},
	{"locale", "setting_locale", "critical_block", 3, 16, {{"locale", 1, TEXT}}},
	{"mute", "mute", "regular_high", 2, 4, {{"muted", 1, FLAG}, {"until", 2, NUMBER}}},
	{"star", "star", "regular_high", 2, 2, {{"starred", 1, FLAG}}},
	{"delete_chat", "deleteChat", "regular_high", 6, 22, {{NULL, 0, NO_FIELD}}},
	{"pin", "pin_v1", "regular_low", 5, 5, {{"pinned", 1, FLAG}}},
	{"archive", "archive", "regular_low", 3, 17, {{"archived", 1, FLAG}}},
	{"read", "markChatAsRead", "regular_low", 3, 20, {{"read", 1, FLAG}}},
	{"label",
	 "label_edit",
	 "regular",
	 3,
	 14,
	 {{"name", 1, TEXT}, {"color", 2, NUMBER}, {"predefined", 3, NUMBER}, {"deleted", 4, FLAG}}},
	{"chat_label", "label_jid", "regular", 3, 15, {{"labeled", 1, FLAG}}},
	{"message_label", "label_message", "regular", 3, 15, {{"labeled", 1, FLAG}}},
	{"pn_for_lid", "pnForLidChat", "regular", 8, 37, {{"pn", 1, TEXT}}},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const Action *
find(const char *name, bool by_index)
{
	for (size_t i = 0; i < COUNT(actions) && name != NULL; i++)
	{
		if (strcmp(by_index ? actions[i].index : actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

/* ---- writing ---- */

static bool
put_fields(const Action *action, json_t *value, WaBuf *out)
{
	size_t known = 0;

	for (const Field *field = action->fields; field->key != NULL; field++)
	{
		json_t *member = json_object_get(value, field->key);

		if (member == NULL)
			continue;
		known++;
		if (field->type == TEXT && json_is_string(member))
			sim_wire_bytes(out, field->number, json_string_value(member),
						   json_string_length(member));
		else if (field->type == NUMBER && json_is_integer(member))
			sim_wire_uint(out, field->number, (uint64_t) json_integer_value(member));
		else if (field->type == FLAG && json_is_boolean(member))
			sim_wire_uint(out, field->number, json_is_true(member));
		else
			return false;
	}
	return known == json_object_size(value);
}

const char *
sim_app_action_read(json_t *request, SimAppMutation *out)
{
	const Action *action = find(json_string_value(json_object_get(request, "action")), false);
	json_t *rest = json_object_get(request, "index");
	json_t *value = json_object_get(request, "value");
	json_t *index;
	WaBuf fields;
	bool ok;

	memset(out, 0, sizeof(*out));
	if (action == NULL)
		return "there is no such action";
	sim_wire_begin(&fields);
	ok = put_fields(action, value, &fields);
	if (!ok)
	{
		buf_free(&fields);
		return "value has members that the action does not have, or of another type";
	}
	index = json_array();
	json_array_append_new(index, json_string(action->index));
	json_array_extend(index, rest);
	out->index = json_dumps(index, JSON_COMPACT);
	json_decref(index);
	out->collection = action->collection;
	out->version = action->version;
	out->remove = json_is_true(json_object_get(request, "remove"));
	sim_wire_begin(&out->value);
	sim_wire_uint(&out->value, 1, (uint64_t) sim_util_now() * 1000);
	sim_wire_inner(&out->value, action->field, &fields);
	out->told = json_is_object(value) ? json_incref(value) : json_object();
	return NULL;
}

void
sim_app_action_free(SimAppMutation *mutation)
{
	free(mutation->index);
	buf_free(&mutation->value);
	json_decref(mutation->told);
}

/* ---- reading ---- */

json_t *
sim_app_action_json(const char *index, const uint8_t *data, size_t len)
{
	json_t *parts = json_loads(index, 0, NULL);
	const Action *action = find(json_string_value(json_array_get(parts, 0)), true);
	json_t *object = json_object();
	WaWireField inner;
	WaWireField found;

	json_decref(parts);
	if (action == NULL || !wire_find(data, len, action->field, WIRE_BYTES, &inner))
		return object;
	for (const Field *field = action->fields; field->key != NULL; field++)
	{
		if (!wire_find(inner.data, inner.len, field->number,
					   field->type == TEXT ? WIRE_BYTES : WIRE_VARINT, &found))
			continue;
		if (field->type == TEXT)
			json_object_set_new(object, field->key,
								json_stringn((const char *) found.data, found.len));
		else if (field->type == NUMBER)
			json_object_set_new(object, field->key, json_integer((json_int_t) found.value));
		else
			json_object_set_new(object, field->key, json_boolean(found.value != 0));
	}
	return object;
}
