/*
 * stanza.c
 *		Stanzas for tests.  See stanza.h.
 */
#include "stanza.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
bad(const char *at)
{
	fprintf(stderr, "stanza: cannot read \"%.40s\"\n", at);
	abort();
}

static const char *
skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *
expect(const char *at, const char *text)
{
	if (strncmp(at, text, strlen(text)) != 0)
		bad(at);
	return at + strlen(text);
}

/* Copies len bytes into out, which has room for size. */
static void
take(char *out, size_t size, const char *at, size_t len)
{
	if (len >= size)
		bad(at);
	memcpy(out, at, len);
	out[len] = '\0';
}

static const char *
read_attrs(WaNode *node, const char *at)
{
	char key[128];
	char value[4096];

	for (at = skip_space(at); *at != '/' && *at != '>'; at = skip_space(at))
	{
		size_t len = strcspn(at, "=<>\"");

		take(key, sizeof(key), at, len);
		at = expect(at + len, "=\"");
		len = strcspn(at, "\"");
		take(value, sizeof(value), at, len);
		at = expect(at + len, "\"");
		if (strchr(value, '@') != NULL)
			node_set_jid(node, key, str_from(value));
		else
			node_set(node, key, value);
	}
	return at;
}

/* at is behind the '<'; parent is NULL for the root. */
static const char *
read_element(WaArena *arena, WaNode *parent, const char *at, WaNode **out)
{
	char tag[128];
	size_t len = strcspn(at, " />\t\r\n");
	WaNode *node;

	take(tag, sizeof(tag), at, len);
	node = parent == NULL ? node_new(arena, tag) : node_add(parent, tag);
	*out = node;
	at = read_attrs(node, at + len);
	if (*at == '/')
		return expect(at, "/>");
	at = expect(at, ">");
	len = strcspn(at, "<");
	if (len > 0 && at[len] == '<' && at[len + 1] == '/')
	{
		node_set_bytes(node, at, len);
		at += len;
	}
	else
	{
		WaNode *child;

		for (at = skip_space(at); *at == '<' && at[1] != '/'; at = skip_space(at))
			at = read_element(arena, node, at + 1, &child);
	}
	return expect(expect(expect(at, "</"), tag), ">");
}

WaNode *
stanza(WaArena *arena, const char *xml)
{
	WaNode *built;
	WaNode *decoded = NULL;
	WaBuf wire;
	const char *end = read_element(arena, NULL, expect(skip_space(xml), "<"), &built);

	if (*skip_space(end) != '\0')
		bad(end);
	buf_init(&wire, arena->env, WA_MAX_FRAME);
	if (node_encode(built, &wire) == WA_OK &&
		node_decode(arena, buf_data(&wire), buf_len(&wire), &decoded) != WA_OK)
	{
		if (!arena->failed)
			bad("what node_encode wrote");
		decoded = NULL;
	}
	buf_free(&wire);
	return decoded;
}

void
stanza_assert_str(WaStr actual, const char *expected, const char *file, int line)
{
	if (expected == NULL ? actual.data == NULL : str_is(actual, expected))
		return;
	print_error("\"%.*s\" is not \"%s\"\n", (int) actual.len, actual.data ? actual.data : "",
				expected ? expected : "(absent)");
	_fail(file, line);
}
