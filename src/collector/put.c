/*
 * put.c
 *		Members of facts; see put.h.
 */
#include "put.h"

#include <stdio.h> /* snprintf only: no streams here */

#define MAX_THUMBNAIL 65536 /* bytes; a larger one is left out */
#define MAX_WAVEFORM 1024

WaStr
put_cut(WaStr s, size_t max)
{
	size_t len = max;

	if (s.len <= max)
		return s;
	/* a character has at most three continuation bytes */
	while (len > 0 && max - len < 3 && ((unsigned char) s.data[len] & 0xC0) == 0x80)
		len--;
	return (WaStr){s.data, len};
}

void
put_name(WaJson *json, const char *key, WaStr value)
{
	json_str(json, key, put_cut(value, FACTS_MAX_NAME));
}

void
put_text(WaJson *json, const char *key, WaStr value)
{
	json_str(json, key, put_cut(value, FACTS_MAX_TEXT));
}

void
put_time(WaJson *json, const char *key, int64_t unix_s)
{
	if (unix_s > 0 && unix_s <= PUT_MAX_TIME)
		json_int(json, key, unix_s);
}

void
put_seconds(WaJson *json, const char *key, int64_t us)
{
	char text[32];

	if (us < 0 || us / WA_SECOND > PUT_MAX_TIME)
		return;
	snprintf(text, sizeof(text), "%lld.%06lld", (long long) (us / WA_SECOND),
			 (long long) (us % WA_SECOND));
	json_raw(json, key, str_from(text));
}

void
put_wall(WaJson *json, const char *key, int64_t us)
{
	if (us > 0)
		put_seconds(json, key, us);
}

void
put_number(WaJson *json, const char *key, int64_t value)
{
	if (value >= 0)
		json_int(json, key, value);
}

void
put_positive(WaJson *json, const char *key, int64_t value)
{
	if (value > 0)
		json_int(json, key, value);
}

void
put_count(WaJson *json, const char *key, int64_t value)
{
	if (value <= INT32_MAX)
		put_positive(json, key, value);
}

void
put_flag(WaJson *json, const char *key, int flag)
{
	if (flag >= 0)
		json_bool(json, key, flag > 0);
}

/* ---- people, attachments ---- */

void
put_identity_members(WaJson *json, const WaIdentity *who)
{
	put_name(json, "lid", who->lid);
	put_name(json, "pn", who->pn);
	put_name(json, "username", who->username);
	put_name(json, "push_name", who->push_name);
	put_name(json, "display", who->display);
	put_name(json, "country", who->country);
}

void
put_identity(WaJson *json, const char *key, const WaIdentity *who)
{
	if (!identity_is_known(who) && who->username.data == NULL && who->push_name.data == NULL &&
		who->display.data == NULL && who->country.data == NULL)
		return;
	json_begin_object(json, key);
	put_identity_members(json, who);
	json_end_object(json);
}

void
put_media(WaJson *json, const char *key, const WaMedia *media)
{
	json_begin_object(json, key);
	json_cstr(json, "kind", media_kind_name(media->kind));
	put_name(json, "mimetype", media->mimetype);
	put_name(json, "file_name", media->file_name);
	if (media->size <= INT64_MAX)
		put_positive(json, "size", (int64_t) media->size);
	json_hex(json, "sha256", media->sha256);
	json_hex(json, "enc_sha256", media->enc_sha256);
	put_text(json, "direct_path", media->direct_path);
	put_text(json, "url", media->url);
	put_count(json, "width", media->width);
	put_count(json, "height", media->height);
	put_count(json, "seconds", media->seconds);
	put_count(json, "pages", media->pages);
	json_hex(json, "key", media->key);
	if (media->thumbnail.len > 0 && media->thumbnail.len <= MAX_THUMBNAIL)
		json_base64(json, "thumbnail", media->thumbnail);
	if (media->waveform.len > 0 && media->waveform.len <= MAX_WAVEFORM)
		json_base64(json, "waveform", media->waveform);
	json_end_object(json);
}
