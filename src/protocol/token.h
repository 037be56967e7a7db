/*
 * token.h
 *		The two dictionaries of the node encoding: words that travel as one or
 *		two bytes.  Sheet 1 sections 3.2 and 3.7.
 */
#ifndef WA_TOKEN_H
#define WA_TOKEN_H

#include "buf.h"

/*
 * Id of a token: the byte itself for single-byte ones (1..235), and for the
 * others TOKEN_DOUBLE + 256 * dictionary + index.
 */
#define TOKEN_NONE 0
#define TOKEN_DOUBLE 236
#define TOKEN_DICTIONARIES 4

/* The token's text, a NUL-terminated constant; WA_STR_NONE for no id. */
extern WaStr token_text(unsigned id);
/* The token that spells s; TOKEN_NONE when there is none. */
extern unsigned token_find(WaStr s);

#endif /* WA_TOKEN_H */
