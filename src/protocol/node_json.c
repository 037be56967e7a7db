/*
 * node_json.c
 *		A tree as JSON, for the raw columns of the tables and for a person.
 */
#include "node.h"

#include "crypto.h"
#include "json.h"

static void
put_content(WaJson *json, WaArena *arena, WaStr bytes)
{
	char *base64;

	if (json_is_text(bytes))
	{
		json_str(json, "text", bytes);
		return;
	}
	base64 = arena_alloc(arena, 4 * ((bytes.len + 2) / 3) + 1);
	if (base64 == NULL)
	{
		json->status = arena->status;
		return;
	}
	crypto_base64((const uint8_t *) bytes.data, bytes.len, base64);
	json_cstr(json, "base64", base64);
}

static void
put_node(WaJson *json, WaArena *arena, const WaNode *node, int depth)
{
	if (depth > WA_MAX_NODE_DEPTH && json->status == WA_OK)
		json->status = WA_ERR_LIMIT;
	if (json->status != WA_OK)
		return;

	json_begin_object(json, NULL);
	json_str(json, "tag", node->tag);
	json_begin_object(json, "attrs");
	for (int i = 0; i < node->n_attrs; i++)
		json_member(json, node->attrs[i].key, node->attrs[i].value);
	json_end_object(json);
	if (node->first_child != NULL)
	{
		json_begin_array(json, "children");
		for (const WaNode *child = node->first_child; child != NULL; child = child->next)
			put_node(json, arena, child, depth + 1);
		json_end_array(json);
	}
	else if (node->bytes.data != NULL)
		put_content(json, arena, node->bytes);
	json_end_object(json);
}

WaStr
node_to_json(WaArena *arena, const WaNode *node)
{
	WaBuf buf;
	WaJson json;
	WaStr text = WA_STR_NONE;

	if (node == NULL)
		return WA_STR_NONE;
	buf_init(&buf, arena->env, WA_MAX_STANZA_MEMORY);
	json_init(&json, &buf);
	put_node(&json, arena, node, 1);
	if (json.status == WA_OK)
		text = arena_str(arena, (WaStr){(const char *) buf_data(&buf), buf_len(&buf)});
	buf_free(&buf);
	return text;
}
