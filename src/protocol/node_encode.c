/*
 * node_encode.c
 *		From a tree to the bytes of a frame.  Sheet 1 sections 3.3 to 3.5.
 */
#include "node.h"

#include <string.h>

#include "node_tags.h"
#include "token.h"

#define MAX_LIST 0xFFFF

/* The first error sticks and mutes the rest. */
typedef struct Writer
{
	WaBuf *out;
	WaStatus status;
} Writer;

static void
put(Writer *writer, const void *data, size_t len)
{
	if (writer->status == WA_OK)
		writer->status = buf_append(writer->out, data, len);
}

static void
put_byte(Writer *writer, unsigned value)
{
	uint8_t byte = (uint8_t) value;

	put(writer, &byte, 1);
}

static void
put_u16(Writer *writer, unsigned value)
{
	put_byte(writer, value >> 8);
	put_byte(writer, value);
}

static void
put_list(Writer *writer, size_t size)
{
	if (size == 0)
		put_byte(writer, TAG_LIST_EMPTY);
	else if (size <= 0xFF)
	{
		put_byte(writer, TAG_LIST_8);
		put_byte(writer, (unsigned) size);
	}
	else if (size <= MAX_LIST)
	{
		put_byte(writer, TAG_LIST_16);
		put_u16(writer, (unsigned) size);
	}
	else if (writer->status == WA_OK)
		writer->status = WA_ERR_LIMIT;
}

static void
put_raw(Writer *writer, WaStr s)
{
	if (s.len <= 0xFF)
		put_byte(writer, TAG_BINARY_8);
	else if (s.len <= 0xFFFFF)
	{
		put_byte(writer, TAG_BINARY_20);
		put_byte(writer, (unsigned) (s.len >> 16));
		put_byte(writer, (unsigned) (s.len >> 8));
	}
	else if (s.len <= WA_MAX_FRAME)
	{
		put_byte(writer, TAG_BINARY_32);
		put_byte(writer, 0);
		put_byte(writer, (unsigned) (s.len >> 16));
		put_byte(writer, (unsigned) (s.len >> 8));
	}
	else
	{
		if (writer->status == WA_OK)
			writer->status = WA_ERR_LIMIT;
		return;
	}
	put_byte(writer, (unsigned) (s.len & 0xFF));
	put(writer, s.data, s.len);
}

/* The value of a character in one of the two packed alphabets, or -1. */
static int
packed_value(char c, unsigned tag)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (tag == TAG_HEX_8)
		return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
	return c == '-' ? 10 : c == '.' ? 11 : -1;
}

static bool
put_packed(Writer *writer, WaStr s, unsigned tag)
{
	uint8_t packed[(PACKED_MAX + 1) / 2] = {0};
	size_t n_bytes = (s.len + 1) / 2;

	if (s.len == 0 || s.len > PACKED_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
	{
		int value = packed_value(s.data[i], tag);

		if (value < 0)
			return false;
		packed[i / 2] |= (uint8_t) (i % 2 == 0 ? value << 4 : value);
	}
	if (s.len % 2 != 0)
		packed[n_bytes - 1] |= 0x0F;
	put_byte(writer, tag);
	put_byte(writer, (unsigned) (s.len % 2 != 0 ? 0x80 | n_bytes : n_bytes));
	put(writer, packed, n_bytes);
	return true;
}

static void
put_string(Writer *writer, WaStr s)
{
	unsigned token = token_find(s);

	if (token >= TOKEN_DOUBLE)
	{
		put_byte(writer, TAG_DICTIONARY_0 + (token - TOKEN_DOUBLE) / 256);
		put_byte(writer, (token - TOKEN_DOUBLE) % 256);
	}
	else if (token != TOKEN_NONE)
		put_byte(writer, token);
	else if (!put_packed(writer, s, TAG_NIBBLE_8) && !put_packed(writer, s, TAG_HEX_8))
		put_raw(writer, s);
}

/* The domain byte of a JID that travels as an AD_JID, or -1. */
static int
ad_domain(const WaJid *jid)
{
	switch (jid->server)
	{
		case JID_PN:
			return jid->device > 0 ? DOMAIN_PN : -1;
		case JID_LID:
			return jid->device > 0 ? DOMAIN_LID : -1;
		case JID_HOSTED:
			return DOMAIN_HOSTED;
		case JID_HOSTED_LID:
			return DOMAIN_HOSTED_LID;
		default:
			return -1;
	}
}

static void
put_jid(Writer *writer, const WaJid *jid)
{
	WaStr server = jid->server_name;
	int domain = ad_domain(jid);

	if (jid->server != JID_UNKNOWN)
		server = str_from(jid_server_name(jid->server));

	if (jid->user.len == 0)
	{
		put_byte(writer, TAG_JID_PAIR);
		put_byte(writer, TAG_LIST_EMPTY);
		put_string(writer, server);
	}
	else if (domain >= 0)
	{
		put_byte(writer, TAG_AD_JID);
		put_byte(writer, (unsigned) domain);
		put_byte(writer, jid->device);
		put_string(writer, jid->user);
	}
	else if (jid->server == JID_MESSENGER || jid->server == JID_INTEROP)
	{
		put_byte(writer, jid->server == JID_MESSENGER ? TAG_FB_JID : TAG_INTEROP_JID);
		put_string(writer, jid->user);
		put_u16(writer, jid->device);
		if (jid->server == JID_INTEROP)
			put_u16(writer, jid->integrator);
		put_string(writer, server);
	}
	else
	{
		put_byte(writer, TAG_JID_PAIR);
		put_string(writer, jid->user);
		put_string(writer, server);
	}
}

static void
put_attr(Writer *writer, const WaAttr *attr)
{
	WaJid jid;

	put_string(writer, attr->key);
	if (attr->is_jid && jid_parse(attr->value, &jid) == WA_OK)
		put_jid(writer, &jid);
	else
		put_string(writer, attr->value);
}

static void
put_node(Writer *writer, const WaNode *node, int depth)
{
	size_t n_children = 0;
	bool has_content = node->bytes.data != NULL || node->first_child != NULL;

	if (depth > WA_MAX_NODE_DEPTH && writer->status == WA_OK)
		writer->status = WA_ERR_LIMIT;
	if (writer->status != WA_OK)
		return;

	put_list(writer, 1 + 2 * (size_t) node->n_attrs + has_content);
	put_string(writer, node->tag);
	for (int i = 0; i < node->n_attrs; i++)
		put_attr(writer, &node->attrs[i]);

	if (node->first_child != NULL)
	{
		for (const WaNode *child = node->first_child; child != NULL; child = child->next)
			n_children++;
		put_list(writer, n_children);
		for (const WaNode *child = node->first_child; child != NULL; child = child->next)
			put_node(writer, child, depth + 1);
	}
	else if (has_content)
		put_raw(writer, node->bytes);
}

WaStatus
node_encode(const WaNode *node, WaBuf *out)
{
	Writer writer = {out, WA_OK};
	size_t before = buf_len(out);

	if (node == NULL)
		return WA_ERR_NOMEM;
	if (node->arena->failed)
		return node->arena->status;
	put_byte(&writer, FLAG_PLAIN);
	put_node(&writer, node, 1);
	if (writer.status != WA_OK)
		buf_truncate(out, before);
	return writer.status;
}
