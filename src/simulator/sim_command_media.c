/*
 * sim_command_media.c
 *		Requests about the media service.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"
#include "sim_media.h"

static void
put_hex(json_t *out, const char *key, const uint8_t bytes[32])
{
	char hex[65];

	sim_util_hex(bytes, 32, hex);
	json_object_set_new(out, key, json_string(hex));
}

/* Bytes that are no text and do not compress, the same for the same size and seed. */
static void
fill(uint8_t *out, size_t len, uint64_t seed)
{
	uint64_t x = seed * UINT64_C(0x9E3779B97F4A7C15) + UINT64_C(88172645463325252);

	for (size_t i = 0; i < len; i++)
	{
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		out[i] = (uint8_t) (x >> 32);
	}
}

static const char *
do_media_put(SimCall *call)
{
	const char *kind = sim_command_text(call, "kind");
	json_t *base64 = json_object_get(call->in, "base64");
	json_t *size = json_object_get(call->in, "size");
	const char *key_text = sim_command_text(call, "key");
	uint8_t key[32];
	size_t key_len = sizeof(key);
	size_t len;
	uint8_t *plain;
	SimBlob *blob;
	char url[256];

	if (key_text != NULL &&
		(crypto_base64_decode(key_text, strlen(key_text), key, &key_len) != WA_OK || key_len != 32))
		return "key must be 32 bytes of base64";
	if (json_is_string(base64))
	{
		len = json_string_length(base64);
		plain = sim_util_alloc(len + 1);
		if (crypto_base64_decode(json_string_value(base64), len, plain, &len) != WA_OK)
		{
			free(plain);
			return "base64 is none";
		}
	}
	else if (json_is_integer(size) && json_integer_value(size) >= 0 &&
			 json_integer_value(size) <= 1 << 30)
	{
		len = (size_t) json_integer_value(size);
		plain = sim_util_alloc(len + 1);
		fill(plain, len, (uint64_t) json_integer_value(json_object_get(call->in, "seed")));
	}
	else
		return "base64 or size (up to 1 GiB) is needed";
	blob = kind == NULL ? NULL : sim_media_put(kind, plain, len, key_text != NULL ? key : NULL);
	free(plain);
	if (blob == NULL)
		return "there is no such kind of file";
	sim_media_url(blob, url, sizeof(url));
	json_object_set_new(call->out, "direct_path", json_string(blob->path));
	json_object_set_new(call->out, "url", json_string(url));
	put_hex(call->out, "key", blob->key);
	put_hex(call->out, "sha256", blob->sha256);
	put_hex(call->out, "enc_sha256", blob->enc_sha256);
	json_object_set_new(call->out, "size", json_integer((json_int_t) blob->size));
	return NULL;
}

static const char *
do_media_gone(SimCall *call)
{
	const char *path = sim_command_text(call, "direct_path");
	SimBlob *blob = path == NULL ? NULL : sim_media_find(path);
	json_t *code = json_object_get(call->in, "code");

	SIM_NEED(blob, "there is no such file");
	blob->gone = json_is_integer(code) ? (int) json_integer_value(code) : 404;
	blob->lost = sim_command_flag(call, "lost") == 1;
	return NULL;
}

static const char *
do_media_hosts(SimCall *call)
{
	return sim_media_set_hosts(json_object_get(call->in, "hosts"))
			   ? NULL
			   : "hosts must be a list of host:port, or \"self\"";
}

static const char *
do_media_state(SimCall *call)
{
	const char *path = sim_command_text(call, "direct_path");
	SimBlob *blob;

	sim_media_state(call->out);
	if (path == NULL)
		return NULL;
	blob = sim_media_find(path);
	SIM_NEED(blob, "there is no such file");
	json_object_set_new(call->out, "downloads", json_integer(blob->downloads));
	json_object_set_new(call->out, "gone", json_boolean(blob->gone != 0));
	put_hex(call->out, "enc_sha256", blob->enc_sha256);
	json_object_set_new(call->out, "bytes", json_integer((json_int_t) blob->enc_size));
	return NULL;
}

const SimCommand sim_command_media[] = {
	{"media_put", do_media_put},
	{"media_gone", do_media_gone},
	{"media_hosts", do_media_hosts},
	{"media_state", do_media_state},
	{NULL, NULL},
};
