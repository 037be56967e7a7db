/*
 * node_decode.c
 *		From the bytes of a frame to a tree.  Sheet 1 sections 3.1 to 3.5.
 *
 * Input is hostile: every length is compared with what is left before memory
 * is taken for it, recursion ends at WA_MAX_NODE_DEPTH, and the number of
 * nodes and the arena's maximum bound the memory.
 */
#include "node.h"

#include <string.h>

#include "inflate.h"
#include "node_tags.h"
#include "token.h"

/* The shortest node: list header of two bytes and a token. */
#define MIN_NODE_BYTES 3

/* The first error sticks; readers then return zeroes, so loops must check. */
typedef struct Reader
{
	WaArena *arena;
	const uint8_t *at;
	const uint8_t *end;
	int n_nodes;
	WaStatus status;
} Reader;

static void
fail(Reader *reader, WaStatus status)
{
	if (reader->status == WA_OK)
		reader->status = status;
	reader->at = reader->end;
}

static size_t
left(const Reader *reader)
{
	return (size_t) (reader->end - reader->at);
}

/* Lends len bytes of the input; NULL when there are not so many. */
static const uint8_t *
take(Reader *reader, size_t len)
{
	const uint8_t *data = reader->at;

	if (left(reader) < len)
	{
		fail(reader, WA_ERR_MALFORMED);
		return NULL;
	}
	reader->at += len;
	return data;
}

/* An unsigned number of n bytes, at most four, big-endian. */
static size_t
take_number(Reader *reader, size_t n)
{
	const uint8_t *data = take(reader, n);
	size_t value = 0;

	if (data == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		value = value << 8 | data[i];
	return value;
}

static WaStr
copy(Reader *reader, const void *data, size_t len)
{
	char *text = arena_strdup(reader->arena, data, len);

	if (text == NULL)
	{
		fail(reader, reader->arena->status);
		return WA_STR_NONE;
	}
	return (WaStr){text, len};
}

static WaStr
take_raw(Reader *reader, size_t len)
{
	const uint8_t *data = take(reader, len);

	return data == NULL ? WA_STR_NONE : copy(reader, data, len);
}

static WaStr
take_packed(Reader *reader, unsigned tag)
{
	const char *alphabet = tag == TAG_HEX_8 ? "0123456789ABCDEF" : "0123456789-.\0\0\0";
	char text[2 * PACKED_MAX];
	size_t header = take_number(reader, 1);
	size_t n_bytes = header & 0x7F;
	size_t len = 0;
	const uint8_t *data = take(reader, n_bytes);

	if (data == NULL)
		return WA_STR_NONE;
	for (size_t i = 0; i < 2 * n_bytes; i++)
	{
		unsigned value = i % 2 == 0 ? data[i / 2] >> 4 : data[i / 2] & 0x0F;

		/* the last half byte of an odd length is padding */
		if (header & 0x80 && i == 2 * n_bytes - 1)
			break;
		if (alphabet[value] == '\0')
		{
			fail(reader, WA_ERR_MALFORMED);
			return WA_STR_NONE;
		}
		text[len++] = alphabet[value];
	}
	return copy(reader, text, len);
}

/* Every form of a string but JIDs; tag is its first byte, taken already. */
static WaStr
take_string_of(Reader *reader, unsigned tag)
{
	WaStr token;

	switch (tag)
	{
		case TAG_LIST_EMPTY:
			return (WaStr){"", 0};
		case TAG_HEX_8:
		case TAG_NIBBLE_8:
			return take_packed(reader, tag);
		case TAG_BINARY_8:
			return take_raw(reader, take_number(reader, 1));
		case TAG_BINARY_20:
			return take_raw(reader, take_number(reader, 3) & 0xFFFFF);
		case TAG_BINARY_32:
			return take_raw(reader, take_number(reader, 4));
		default:
			break;
	}
	if (tag >= TAG_DICTIONARY_0 && tag <= TAG_DICTIONARY_3)
		token = token_text(
			(unsigned) (TOKEN_DOUBLE + 256 * (tag - TAG_DICTIONARY_0) + take_number(reader, 1)));
	else
		token = tag <= TAG_SINGLE_LAST ? token_text(tag) : WA_STR_NONE;
	if (token.data == NULL || reader->status != WA_OK)
	{
		fail(reader, WA_ERR_MALFORMED);
		return WA_STR_NONE;
	}
	return token;
}

static WaStr
take_string(Reader *reader)
{
	return take_string_of(reader, (unsigned) take_number(reader, 1));
}

static WaServer
server_of_domain(unsigned domain)
{
	switch (domain)
	{
		case DOMAIN_PN:
			return JID_PN;
		case DOMAIN_LID:
			return JID_LID;
		case DOMAIN_HOSTED_LID:
			return JID_HOSTED_LID;
		default:
			/* bit 7 without bit 0 says hosted (section 3.5) */
			return (domain & 0x81) == DOMAIN_HOSTED ? JID_HOSTED : JID_UNKNOWN;
	}
}

/* Whether a user part reads back as itself and nothing else. */
static bool
is_plain_user(WaStr user)
{
	for (size_t i = 0; i < user.len; i++)
	{
		unsigned char c = (unsigned char) user.data[i];

		if (c <= ' ' || c == ':' || c == '.' || c == '@' || c == 0x7F)
			return false;
	}
	return user.len > 0;
}

/*
 * The canonical text of what was read.  A user that holds marks of the text
 * form is parsed once more, so that the text means the same to everybody;
 * *is_jid says whether it is a JID at all.
 */
static WaStr
jid_text(Reader *reader, const WaJid *jid, bool *is_jid)
{
	WaJid again;
	WaStr text;

	*is_jid = true;
	text = jid_format(reader->arena, jid);
	if (jid->server == JID_UNKNOWN || jid->device > 255 ||
		!(is_plain_user(jid->user) || jid->user.len == 0))
	{
		*is_jid = jid_parse(text, &again) == WA_OK;
		if (*is_jid)
			text = jid_format(reader->arena, &again);
	}
	if (text.data == NULL)
		fail(reader, reader->arena->failed ? reader->arena->status : WA_ERR_MALFORMED);
	return text;
}

static WaStr
take_ad_jid(Reader *reader, bool *is_jid)
{
	unsigned domain = (unsigned) take_number(reader, 1);
	unsigned device = (unsigned) take_number(reader, 1);
	WaJid jid = {.server = server_of_domain(domain), .device = (uint16_t) device};

	jid.user = take_string(reader);
	if (reader->status == WA_OK && jid.user.len == 0)
		fail(reader, WA_ERR_MALFORMED);
	if (reader->status != WA_OK)
		return WA_STR_NONE;
	/* keep an unknown domain readable, but never let it pass for somebody */
	if (jid.server == JID_UNKNOWN)
		jid.server_name = arena_printf(reader->arena, "ad-%u.%u", domain, device);
	return jid_text(reader, &jid, is_jid);
}

/* JID_PAIR, FB_JID and INTEROP_JID. */
static WaStr
take_named_jid(Reader *reader, unsigned tag, bool *is_jid)
{
	WaJid jid = {.server = JID_UNKNOWN};

	jid.user = take_string(reader);
	if (tag != TAG_JID_PAIR)
		jid.device = (uint16_t) take_number(reader, 2);
	if (tag == TAG_INTEROP_JID)
		jid.integrator = (uint16_t) take_number(reader, 2);
	jid.server_name = take_string(reader);
	if (reader->status == WA_OK && jid.server_name.len == 0)
		fail(reader, WA_ERR_MALFORMED);
	if (reader->status != WA_OK)
		return WA_STR_NONE;
	/* in a pair, the user part of an interop address holds the integrator: leave it to jid_parse */
	jid.server = jid_server_from(jid.server_name);
	if (tag == TAG_JID_PAIR && jid.server == JID_INTEROP && jid.user.len > 0)
		jid.server = JID_UNKNOWN;
	return jid_text(reader, &jid, is_jid);
}

/* Any value: a string or a JID, the latter in text form. */
static WaStr
take_value(Reader *reader, bool *is_jid)
{
	unsigned tag = (unsigned) take_number(reader, 1);

	*is_jid = false;
	if (reader->status != WA_OK)
		return WA_STR_NONE;
	if (tag == TAG_AD_JID)
		return take_ad_jid(reader, is_jid);
	if (tag == TAG_JID_PAIR || tag == TAG_FB_JID || tag == TAG_INTEROP_JID)
		return take_named_jid(reader, tag, is_jid);
	return take_string_of(reader, tag);
}

/* The size in a list header, whose first byte has been taken. */
static size_t
take_list_of(Reader *reader, unsigned tag)
{
	if (tag == TAG_LIST_8)
		return take_number(reader, 1);
	if (tag == TAG_LIST_16)
		return take_number(reader, 2);
	if (tag != TAG_LIST_EMPTY)
		fail(reader, WA_ERR_MALFORMED);
	return 0;
}

static void
take_attrs(Reader *reader, WaNode *node, size_t count)
{
	if (count == 0)
		return;
	if (left(reader) < 2 * count)
	{
		fail(reader, WA_ERR_MALFORMED);
		return;
	}
	node->attrs = arena_alloc(reader->arena, count * sizeof(WaAttr));
	if (node->attrs == NULL)
	{
		fail(reader, reader->arena->status);
		return;
	}
	node->attrs_capacity = (int) count;
	for (size_t i = 0; i < count && reader->status == WA_OK; i++)
	{
		WaAttr *attr = &node->attrs[i];

		attr->key = take_string(reader);
		attr->value = take_value(reader, &attr->is_jid);
		if (reader->status == WA_OK && attr->key.len == 0)
			fail(reader, WA_ERR_MALFORMED);
		node->n_attrs++;
	}
}

static WaNode *take_node(Reader *reader, int depth);

static void
take_content(Reader *reader, WaNode *node, int depth)
{
	unsigned tag = reader->at < reader->end ? *reader->at : TAG_LIST_EMPTY;
	size_t count;
	bool is_jid;

	if (tag != TAG_LIST_EMPTY && tag != TAG_LIST_8 && tag != TAG_LIST_16)
	{
		node->bytes = take_value(reader, &is_jid);
		return;
	}
	count = take_list_of(reader, (unsigned) take_number(reader, 1));
	if (left(reader) / MIN_NODE_BYTES < count)
		fail(reader, WA_ERR_MALFORMED);
	for (size_t i = 0; i < count && reader->status == WA_OK; i++)
	{
		WaNode *child = take_node(reader, depth + 1);

		if (child != NULL)
			node_append(node, child);
	}
}

static WaNode *
take_node(Reader *reader, int depth)
{
	size_t size;
	WaNode *node;

	if (depth > WA_MAX_NODE_DEPTH || ++reader->n_nodes > WA_MAX_NODES)
	{
		fail(reader, WA_ERR_LIMIT);
		return NULL;
	}
	size = take_list_of(reader, (unsigned) take_number(reader, 1));
	if (reader->status != WA_OK)
		return NULL;
	node = size == 0 ? NULL : arena_alloc(reader->arena, sizeof(*node));
	if (node == NULL)
	{
		fail(reader, size == 0 ? WA_ERR_MALFORMED : reader->arena->status);
		return NULL;
	}
	node->arena = reader->arena;
	node->tag = take_string(reader);
	if (reader->status == WA_OK && node->tag.len == 0)
		fail(reader, WA_ERR_MALFORMED);
	take_attrs(reader, node, (size - 1) / 2);
	if (size % 2 == 0 && reader->status == WA_OK)
		take_content(reader, node, depth);
	return reader->status == WA_OK ? node : NULL;
}

static WaStatus
decode_plain(WaArena *arena, const uint8_t *data, size_t len, WaNode **out)
{
	Reader reader = {.arena = arena, .at = data, .end = data + len};
	WaNode *node;

	if (arena->failed)
		return arena->status;
	node = take_node(&reader, 1);
	if (reader.status == WA_OK && reader.at != reader.end)
		reader.status = WA_ERR_MALFORMED;
	if (reader.status == WA_OK)
		*out = node;
	return reader.status;
}

WaStatus
node_decode(WaArena *arena, const uint8_t *data, size_t len, WaNode **out)
{
	WaBuf inflated;
	WaStatus status;

	if (len == 0)
		return WA_ERR_MALFORMED;
	if ((data[0] & FLAG_COMPRESSED) == 0)
		return decode_plain(arena, data + 1, len - 1, out);
	if (len == 1)
	{
		*out = node_new(arena, "xmlstreamend");
		return *out == NULL ? arena->status : WA_OK;
	}
	buf_init(&inflated, arena->env, WA_MAX_INFLATED);
	status = inflate_all(data + 1, len - 1, &inflated);
	if (status == WA_OK)
		status = decode_plain(arena, buf_data(&inflated), buf_len(&inflated), out);
	buf_free(&inflated);
	return status;
}
