/*
 * put.h
 *		Members of facts: strings of bounded length, times that PostgreSQL can
 *		represent, people.  For facts.c and rows*.c; no PostgreSQL here.
 *
 * What is absent, unknown or absurd is left out.
 */
#ifndef WA_PUT_H
#define WA_PUT_H

#include "facts.h"
#include "json.h"

#define PUT_MAX_TIME INT64_C(253402300799) /* the last second of 9999 */

/* At most max bytes of s, without half a character at the end. */
extern WaStr put_cut(WaStr s, size_t max);
extern void put_name(WaJson *json, const char *key, WaStr value); /* cut at FACTS_MAX_NAME */
extern void put_text(WaJson *json, const char *key, WaStr value); /* cut at FACTS_MAX_TEXT */
extern void put_time(WaJson *json, const char *key, int64_t unix_s);
/* Microseconds as seconds with a fraction; nothing when negative or absurd. */
extern void put_seconds(WaJson *json, const char *key, int64_t us);
/* The same for wall time, where 0 is unknown. */
extern void put_wall(WaJson *json, const char *key, int64_t us);
extern void put_number(WaJson *json, const char *key, int64_t value); /* nothing when negative */
extern void put_positive(WaJson *json, const char *key, int64_t value);
/* Positive and no more than SQL's integer holds. */
extern void put_count(WaJson *json, const char *key, int64_t value);
extern void put_flag(WaJson *json, const char *key, int flag); /* nothing when negative */

/* The members of an IDENTITY, into the open object. */
extern void put_identity_members(WaJson *json, const WaIdentity *who);
/* Nothing for nobody. */
extern void put_identity(WaJson *json, const char *key, const WaIdentity *who);
/* An attachment with the key that opens it. */
extern void put_media(WaJson *json, const char *key, const WaMedia *media);

#endif /* WA_PUT_H */
