/*
 * json.h
 *		A JSON writer for facts about to be stored.  Output is valid UTF-8
 *		that PostgreSQL's jsonb accepts: NUL and invalid bytes become U+FFFD.
 */
#ifndef WA_JSON_H
#define WA_JSON_H

#include "buf.h"

/* The first error sticks and mutes the rest; check status at the end. */
typedef struct WaJson
{
	WaBuf *out;
	WaStatus status;
	bool need_comma;
} WaJson;

extern void json_init(WaJson *json, WaBuf *out);
/* key is NULL inside arrays and at the top. */
extern void json_begin_object(WaJson *json, const char *key);
extern void json_begin_array(WaJson *json, const char *key);
extern void json_end_object(WaJson *json);
extern void json_end_array(WaJson *json);
extern void json_str(WaJson *json, const char *key, WaStr value); /* absent: nothing written */
extern void json_cstr(WaJson *json, const char *key, const char *value);
extern void json_int(WaJson *json, const char *key, int64_t value);
extern void json_bool(WaJson *json, const char *key, bool value);
/* Bytes as a string of hexadecimal digits, or of base64; absent: nothing written. */
extern void json_hex(WaJson *json, const char *key, WaStr bytes);
extern void json_base64(WaJson *json, const char *key, WaStr bytes);
/* value is JSON already; absent: nothing written. */
extern void json_raw(WaJson *json, const char *key, WaStr value);
/* A string member whose key is data, too. */
extern void json_member(WaJson *json, WaStr key, WaStr value);
/* True for valid UTF-8 without NUL: text that json_str would not change. */
extern bool json_is_text(WaStr value);
/*
 * value itself when it is such a text, else a repaired copy in the arena;
 * WA_STR_NONE when memory is out (the arena has failed then).
 */
extern WaStr json_text(WaArena *arena, WaStr value);

#endif /* WA_JSON_H */
