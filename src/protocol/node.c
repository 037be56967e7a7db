/*
 * node.c
 *		Trees of nodes: making and reading them.  node_decode.c and
 *		node_encode.c have the two directions of the wire.
 *
 * Everything a tree points at lives in its arena or is a constant.
 */
#include "node.h"

#include <string.h>

#define ATTRS_FIRST 4

/* ---- reading ---- */

static const WaAttr *
find_attr(const WaNode *node, const char *key)
{
	if (node == NULL)
		return NULL;
	for (int i = 0; i < node->n_attrs; i++)
	{
		if (str_is(node->attrs[i].key, key))
			return &node->attrs[i];
	}
	return NULL;
}

WaStr
node_attr(const WaNode *node, const char *key)
{
	const WaAttr *attr = find_attr(node, key);

	return attr == NULL ? WA_STR_NONE : attr->value;
}

bool
node_attr_u64(const WaNode *node, const char *key, uint64_t *out)
{
	return str_to_u64(node_attr(node, key), out);
}

static WaNode *
first_with_tag(WaNode *node, const char *tag)
{
	while (node != NULL && tag != NULL && !str_is(node->tag, tag))
		node = node->next;
	return node;
}

WaNode *
node_child(const WaNode *node, const char *tag)
{
	return node == NULL ? NULL : first_with_tag(node->first_child, tag);
}

WaNode *
node_child_next(const WaNode *child, const char *tag)
{
	return child == NULL ? NULL : first_with_tag(child->next, tag);
}

bool
node_is(const WaNode *node, const char *tag)
{
	return node != NULL && str_is(node->tag, tag);
}

/* ---- building ---- */

WaNode *
node_new(WaArena *arena, const char *tag)
{
	WaNode *node = arena_alloc(arena, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->arena = arena;
	node->tag = arena_str(arena, str_from(tag));
	return node;
}

WaNode *
node_add(WaNode *parent, const char *tag)
{
	WaNode *node;

	if (parent == NULL)
		return NULL;
	node = node_new(parent->arena, tag);
	node_append(parent, node);
	return node;
}

void
node_append(WaNode *parent, WaNode *child)
{
	if (parent == NULL)
		return;
	if (child == NULL)
	{
		/* whoever made the child ran out of memory: the tree is not whole */
		if (!parent->arena->failed)
			parent->arena->status = WA_ERR_NOMEM;
		parent->arena->failed = true;
		return;
	}
	if (parent->last_child == NULL)
		parent->first_child = child;
	else
		parent->last_child->next = child;
	parent->last_child = child;
}

/* The attribute to fill in for key: the one that is there, or a new one. */
static WaAttr *
place_attr(WaNode *node, WaStr key)
{
	WaAttr *attr;

	for (int i = 0; i < node->n_attrs; i++)
	{
		if (str_equal(node->attrs[i].key, key))
			return &node->attrs[i];
	}
	if (node->n_attrs == node->attrs_capacity)
	{
		int capacity = node->n_attrs == 0 ? ATTRS_FIRST : node->n_attrs * 2;
		WaAttr *attrs = arena_alloc(node->arena, (size_t) capacity * sizeof(*attrs));

		if (attrs == NULL)
			return NULL;
		if (node->n_attrs > 0)
			memcpy(attrs, node->attrs, (size_t) node->n_attrs * sizeof(*attrs));
		node->attrs = attrs;
		node->attrs_capacity = capacity;
	}
	key = arena_str(node->arena, key);
	if (key.data == NULL)
		return NULL;
	attr = &node->attrs[node->n_attrs++];
	attr->key = key;
	return attr;
}

static void
set_attr(WaNode *node, const char *key, WaStr value, bool is_jid)
{
	WaAttr *attr;

	if (node == NULL || value.data == NULL || value.len == 0)
		return;
	value = arena_str(node->arena, value);
	if (value.data == NULL)
		return;
	attr = place_attr(node, str_from(key));
	if (attr == NULL)
		return;
	attr->value = value;
	attr->is_jid = is_jid;
}

void
node_set(WaNode *node, const char *key, const char *value)
{
	set_attr(node, key, str_from(value), false);
}

void
node_set_str(WaNode *node, const char *key, WaStr value)
{
	set_attr(node, key, value, false);
}

void
node_set_jid(WaNode *node, const char *key, WaStr jid_text)
{
	set_attr(node, key, jid_text, true);
}

void
node_set_u64(WaNode *node, const char *key, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do
	{
		text[--at] = (char) ('0' + value % 10);
		value /= 10;
	} while (value > 0);
	set_attr(node, key, (WaStr){text + at, sizeof(text) - at}, false);
}

void
node_copy_attr(WaNode *node, const char *key, const WaNode *from, const char *from_key)
{
	const WaAttr *attr = find_attr(from, from_key);

	if (attr != NULL)
		set_attr(node, key, attr->value, attr->is_jid);
}

void
node_set_bytes(WaNode *node, const void *data, size_t len)
{
	if (node != NULL && data != NULL)
		node->bytes = arena_str(node->arena, (WaStr){data, len});
}

void
node_set_text(WaNode *node, const char *text)
{
	if (text != NULL)
		node_set_bytes(node, text, strlen(text));
}
