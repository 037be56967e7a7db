/*
 * sim_command.c
 *		Finds the handler of a request, and what handlers share.
 *		docs/simulator.md has every request with an example.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"

const char sim_command_deferred[] = "deferred";

/* ---- reading requests ---- */

const char *
sim_command_text(const SimCall *call, const char *key)
{
	return json_string_value(json_object_get(call->in, key));
}

SimAccount *
sim_command_account(const SimCall *call, const char *key)
{
	return sim_account_get(sim_command_text(call, key));
}

SimGroup *
sim_command_group(const SimCall *call, const char *key)
{
	const char *jid = sim_command_text(call, key);

	return jid == NULL ? NULL : sim_group_find(jid);
}

SimAccount **
sim_command_accounts(const SimCall *call, const char *key, int *n)
{
	json_t *list = json_object_get(call->in, key);
	SimAccount **accounts = sim_util_alloc((json_array_size(list) + 1) * sizeof(*accounts));

	*n = (int) json_array_size(list);
	for (int i = 0; i < *n; i++)
	{
		accounts[i] = sim_account_get(json_string_value(json_array_get(list, (size_t) i)));
		if (accounts[i] == NULL)
		{
			free(accounts);
			return NULL;
		}
	}
	return accounts;
}

int
sim_command_flag(const SimCall *call, const char *key)
{
	json_t *value = json_object_get(call->in, key);

	return json_is_boolean(value) ? json_is_true(value) : -1;
}

/* The words of an sim_command_outcome. */
const char *
sim_command_outcome(int code)
{
	switch (code)
	{
		case 0:
			return NULL;
		case 401:
			return "not allowed to do that";
		case 403:
			return "not a member";
		case 404:
			return "not found";
		case 409:
			return "nothing to change";
		default:
			return sim_iq_error_text(code);
	}
}

void
sim_command_put_group(SimCall *call, const char *key, const SimGroup *group)
{
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@g.us", group->id);
	json_object_set_new(call->out, key, json_string(jid));
}

/* ---- nodes from JSON ---- */

static void
set_attrs(WaNode *node, json_t *attrs)
{
	const char *key;
	json_t *value;

	json_object_foreach(attrs, key, value)
	{
		WaStr text = {json_string_value(value), json_string_length(value)};
		WaJid jid;

		if (json_is_integer(value))
			node_set_u64(node, key, (uint64_t) json_integer_value(value));
		else if (!json_is_string(value))
			continue;
		else if ((memchr(text.data, '@', text.len) != NULL || str_is(text, "s.whatsapp.net") ||
				  str_is(text, "g.us")) &&
				 jid_parse(text, &jid) == WA_OK && jid.server != JID_UNKNOWN)
			node_set_jid(node, key, text);
		else
			node_set_str(node, key, text);
	}
}

WaNode *
sim_command_node(WaArena *arena, json_t *object)
{
	const char *tag = json_string_value(json_object_get(object, "tag"));
	json_t *children = json_object_get(object, "children");
	json_t *text = json_object_get(object, "text");
	json_t *base64 = json_object_get(object, "base64");
	WaNode *node;

	if (tag == NULL)
		return NULL;
	node = node_new(arena, tag);
	set_attrs(node, json_object_get(object, "attrs"));
	if (json_is_string(text))
		node_set_bytes(node, json_string_value(text), json_string_length(text));
	else if (json_is_string(base64))
	{
		size_t len = json_string_length(base64);
		uint8_t *bytes = sim_util_alloc(len + 1);

		if (crypto_base64_decode(json_string_value(base64), len, bytes, &len) == WA_OK)
			node_set_bytes(node, bytes, len);
		free(bytes);
	}
	for (size_t i = 0; i < json_array_size(children); i++)
	{
		WaNode *child = sim_command_node(arena, json_array_get(children, i));

		if (child == NULL)
			return NULL;
		node_append(node, child);
	}
	return node;
}

/* ---- dispatch ---- */

void
sim_command_run(SimRequest *request, json_t *object)
{
	static const SimCommand *const lists[] = {
		sim_command_people,   sim_command_groups,  sim_command_looks, sim_command_media,
		sim_command_messages, sim_command_history, sim_command_app};
	const char *name = json_string_value(json_object_get(object, "do"));
	const SimCommand *found = NULL;
	SimCall call = {request, object, NULL};
	const char *error;

	for (size_t i = 0; name != NULL && found == NULL && i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		for (const SimCommand *command = lists[i]; command->name != NULL && found == NULL;
			 command++)
			found = strcmp(command->name, name) == 0 ? command : NULL;
	}
	if (found == NULL)
	{
		sim_control_answer(request, NULL, "no such request");
		return;
	}
	call.out = json_object();
	error = found->run(&call);
	if (error == sim_command_deferred)
		json_decref(call.out);
	else
		sim_control_answer(request, call.out, error);
}
