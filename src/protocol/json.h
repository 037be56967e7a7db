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
/* value is JSON already; absent: nothing written. */
extern void json_raw(WaJson *json, const char *key, WaStr value);
/* A string member whose key is data, too. */
extern void json_member(WaJson *json, WaStr key, WaStr value);
/* True for valid UTF-8 without NUL: text that json_str would not change. */
extern bool json_is_text(WaStr value);

#endif /* WA_JSON_H */
