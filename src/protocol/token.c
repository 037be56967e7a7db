/*
 * token.c
 *		Looks up tokens.  token_tables.h is made at build time by
 *		token_tables.awk from tokens_single.txt and tokens_double.txt.
 */
#include "token.h"

#include <string.h>

#include "token_tables.h"

/* The longest token has 48 characters. */
#define TOKEN_MAX_LEN 48

WaStr
token_text(unsigned id)
{
	if (id == TOKEN_NONE || id >= TOKEN_COUNT)
		return WA_STR_NONE;
	return (WaStr){token_pool + token_offset[id],
				   (size_t) (token_offset[id + 1] - token_offset[id] - 1)};
}

/* token_tables.awk computes the same. */
static unsigned
hash(WaStr s)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < s.len; i++)
		h = (h * 33 + (unsigned char) s.data[i]) % 1048576;
	return (h + h / 256) % TOKEN_SLOTS;
}

unsigned
token_find(WaStr s)
{
	if (s.len == 0 || s.len > TOKEN_MAX_LEN)
		return TOKEN_NONE;
	for (unsigned slot = hash(s); token_slot[slot] != 0; slot = (slot + 1) % TOKEN_SLOTS)
	{
		if (str_equal(token_text(token_slot[slot]), s))
			return token_slot[slot];
	}
	return TOKEN_NONE;
}
