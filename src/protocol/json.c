/*
 * json.c
 *		The JSON writer.  Whatever bytes come in, valid UTF-8 without NUL goes
 *		out (jsonb refuses \u0000).
 */
#include "json.h"

#include <string.h>

#include "crypto.h"

#define PIECE 48                   /* bytes written as text at a time: whole groups of base64 */
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static void
put(WaJson *json, const void *data, size_t len)
{
	if (json->status == WA_OK)
		json->status = buf_append(json->out, data, len);
}

/*
 * Length of the well-formed UTF-8 sequence at the start of s (Unicode table
 * 3-7: no overlong forms, no surrogates, nothing above U+10FFFF); 0 if none.
 */
static size_t
utf8_len(const uint8_t *s, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xBF;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (left < len)
		return 0;
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
	{
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	}
	return len;
}

bool
json_is_text(WaStr value)
{
	const uint8_t *s = (const uint8_t *) value.data;

	for (size_t i = 0; i < value.len;)
	{
		size_t len = utf8_len(s + i, value.len - i);

		if (len == 0 || s[i] == 0)
			return false;
		i += len;
	}
	return true;
}

WaStr
json_text(WaArena *arena, WaStr value)
{
	const uint8_t *s = (const uint8_t *) value.data;
	char *out;
	size_t n = 0;

	if (json_is_text(value))
		return value;
	if (value.len > SIZE_MAX / 3)
		value.len = SIZE_MAX / 3;
	out = arena_alloc(arena, 3 * value.len); /* U+FFFD has three bytes */
	if (out == NULL)
		return WA_STR_NONE;
	for (size_t i = 0; i < value.len;)
	{
		size_t len = s[i] == 0 ? 0 : utf8_len(s + i, value.len - i);

		memcpy(out + n, len == 0 ? REPLACEMENT : (const char *) s + i, len == 0 ? 3 : len);
		n += len == 0 ? 3 : len;
		i += len == 0 ? 1 : len;
	}
	return (WaStr){out, n};
}

static void
put_escape(WaJson *json, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	size_t len = 2;

	switch (c)
	{
		case '"':
		case '\\':
			text[1] = (char) c;
			break;
		case '\n':
			text[1] = 'n';
			break;
		case '\r':
			text[1] = 'r';
			break;
		case '\t':
			text[1] = 't';
			break;
		default:
			len = 6;
			break;
	}
	put(json, text, len);
}

static void
put_string(WaJson *json, WaStr value)
{
	const uint8_t *s = (const uint8_t *) value.data;
	size_t plain = 0; /* start of what is not written yet */
	size_t i = 0;

	put(json, "\"", 1);
	while (i < value.len)
	{
		size_t len = utf8_len(s + i, value.len - i);

		if (len > 0 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		{
			i += len;
			continue;
		}
		put(json, s + plain, i - plain);
		if (len == 0 || s[i] == 0)
			put(json, REPLACEMENT, strlen(REPLACEMENT));
		else
			put_escape(json, s[i]);
		i++;
		plain = i;
	}
	if (value.len > plain)
		put(json, s + plain, value.len - plain);
	put(json, "\"", 1);
}

/* What goes before a value: the comma, and the key unless there is none. */
static void
begin(WaJson *json, WaStr key)
{
	if (json->need_comma)
		put(json, ",", 1);
	json->need_comma = true;
	if (key.data != NULL)
	{
		put_string(json, key);
		put(json, ":", 1);
	}
}

void
json_init(WaJson *json, WaBuf *out)
{
	*json = (WaJson){.out = out, .status = WA_OK};
}

static void
open_container(WaJson *json, const char *key, const char *bracket)
{
	begin(json, str_from(key));
	put(json, bracket, 1);
	json->need_comma = false;
}

static void
close_container(WaJson *json, const char *bracket)
{
	put(json, bracket, 1);
	json->need_comma = true;
}

void
json_begin_object(WaJson *json, const char *key)
{
	open_container(json, key, "{");
}

void
json_begin_array(WaJson *json, const char *key)
{
	open_container(json, key, "[");
}

void
json_end_object(WaJson *json)
{
	close_container(json, "}");
}

void
json_end_array(WaJson *json)
{
	close_container(json, "]");
}

void
json_str(WaJson *json, const char *key, WaStr value)
{
	json_member(json, str_from(key), value);
}

void
json_cstr(WaJson *json, const char *key, const char *value)
{
	json_member(json, str_from(key), str_from(value));
}

void
json_member(WaJson *json, WaStr key, WaStr value)
{
	if (value.data == NULL)
		return;
	begin(json, key);
	put_string(json, value);
}

void
json_hex(WaJson *json, const char *key, WaStr bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * PIECE];

	if (bytes.data == NULL)
		return;
	begin(json, str_from(key));
	put(json, "\"", 1);
	for (size_t at = 0; at < bytes.len; at += PIECE)
	{
		size_t n = bytes.len - at < PIECE ? bytes.len - at : PIECE;

		for (size_t i = 0; i < n; i++)
		{
			text[2 * i] = digits[(unsigned char) bytes.data[at + i] >> 4];
			text[2 * i + 1] = digits[(unsigned char) bytes.data[at + i] & 15];
		}
		put(json, text, 2 * n);
	}
	put(json, "\"", 1);
}

void
json_base64(WaJson *json, const char *key, WaStr bytes)
{
	char text[4 * ((PIECE + 2) / 3) + 1];

	if (bytes.data == NULL)
		return;
	begin(json, str_from(key));
	put(json, "\"", 1);
	for (size_t at = 0; at < bytes.len; at += PIECE)
	{
		size_t n = bytes.len - at < PIECE ? bytes.len - at : PIECE;

		crypto_base64((const uint8_t *) bytes.data + at, n, text);
		put(json, text, 4 * ((n + 2) / 3));
	}
	put(json, "\"", 1);
}

void
json_int(WaJson *json, const char *key, int64_t value)
{
	char text[24];
	size_t at = sizeof(text);
	uint64_t magnitude = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

	do
	{
		text[--at] = (char) ('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0);
	if (value < 0)
		text[--at] = '-';
	begin(json, str_from(key));
	put(json, text + at, sizeof(text) - at);
}

void
json_bool(WaJson *json, const char *key, bool value)
{
	begin(json, str_from(key));
	if (value)
		put(json, "true", 4);
	else
		put(json, "false", 5);
}

void
json_raw(WaJson *json, const char *key, WaStr value)
{
	if (value.data == NULL)
		return;
	begin(json, str_from(key));
	put(json, value.data, value.len);
}
