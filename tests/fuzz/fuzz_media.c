/*
 * fuzz_media.c
 *		A file of a lying host, in pieces of any size; and what a message says
 *		about where to fetch one.
 *
 * The input: which allocation fails; flags; the length of a path and the path;
 * then the file.  However it is cut, it is good or not good, and never longer
 * than allowed.
 */
#include <string.h>

#include "crypto.h"
#include "media.h"
#include "target.h"

#define MAX_FILE 4096

#define FLAG_ENCRYPTED 0x01
#define FLAG_SHA 0x02
#define FLAG_SIZE 0x04
#define FLAG_GOOD 0x08 /* the MAC is right, whatever it covers */
#define FLAG_RETRY 0x10

static const uint8_t key[MEDIA_KEY_LEN] = {7};

static void
check_path(WaStr path)
{
	TARGET_CHECK(path.data == NULL || path.data[0] == '/');
	for (size_t i = 0; i < path.len; i++)
		TARGET_CHECK(path.data[i] > ' ' && path.data[i] < 0x7F);
}

/* Ciphertext and a MAC that fits: only the padding is left to lie. */
static WaStatus
seal(WaMediaKind kind, const uint8_t *data, size_t len, WaBuf *out)
{
	WaMediaKeys keys;
	uint8_t mac[32];
	uint8_t signed_bytes[16 + MAX_FILE];
	WaStatus status = media_keys(key, kind, &keys);

	memcpy(signed_bytes, keys.iv, 16);
	memcpy(signed_bytes + 16, data, len);
	if (status == WA_OK)
		status = crypto_hmac_sha256(keys.mac_key, 32, signed_bytes, 16 + len, mac);
	if (status == WA_OK)
		status = buf_append(out, data, len);
	return status == WA_OK ? buf_append(out, mac, MEDIA_MAC_LEN) : status;
}

/* WA_OK: the file is good. */
static WaStatus
open_file(const WaMedia *media, const WaBuf *file, size_t piece, WaBuf *out)
{
	const uint8_t *at = buf_data(file);
	size_t left = buf_len(file);
	WaMediaOpen open;
	WaStatus status = media_open_init(&open, media, MAX_FILE + 64);

	while (status == WA_OK && left > 0)
	{
		size_t len = piece < left ? piece : left;
		size_t before = buf_len(out);

		status = media_open_update(&open, at, len, out);
		TARGET_CHECK(buf_len(out) - before <= len + 16);
		at += len;
		left -= len;
	}
	if (status == WA_OK)
		status = media_open_final(&open, out);
	media_open_free(&open);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaMedia media = {.kind = MEDIA_IMAGE};
	WaMediaRetry retry;
	WaArena arena;
	WaBuf file;
	WaBuf whole;
	WaBuf pieces;
	WaStatus status;
	uint8_t flags;
	size_t len;
	size_t piece;

	if (size < 4)
		return 0;
	arena_init(&arena, target_env(data[0]), 1 << 20);
	flags = data[1];
	piece = (size_t) (data[2] % 64) + 1;
	len = data[3];
	data += 4;
	size -= 4;
	if (len > size)
		len = size;
	media.direct_path = (WaStr){(const char *) data, len};
	media.enc_sha256 = (WaStr){(const char *) data, len < 32 ? len : 32};
	media.url = media.direct_path;
	check_path(media_download_path(&arena, &media));
	data += len;
	size -= len;

	if (size > MAX_FILE)
		size = MAX_FILE;
	buf_init(&file, env_default(), 2 * MAX_FILE);
	buf_init(&whole, env_default(), 2 * MAX_FILE);
	buf_init(&pieces, env_default(), 2 * MAX_FILE);
	if ((flags & FLAG_ENCRYPTED) != 0)
		media.key = (WaStr){(const char *) key, sizeof(key)};
	if ((flags & FLAG_SHA) == 0)
		media.enc_sha256 = WA_STR_NONE;
	if ((flags & FLAG_SIZE) != 0)
		media.size = size;
	if ((flags & FLAG_GOOD) != 0)
		TARGET_CHECK(seal(media.kind, data, size, &file) == WA_OK);
	else
		TARGET_CHECK(buf_append(&file, data, size) == WA_OK);
	status = open_file(&media, &file, 2 * MAX_FILE, &whole);
	TARGET_CHECK(open_file(&media, &file, piece, &pieces) == status);
	if (status == WA_OK)
		TARGET_CHECK(buf_len(&whole) == buf_len(&pieces) &&
					 (buf_len(&whole) == 0 ||
					  memcmp(buf_data(&whole), buf_data(&pieces), buf_len(&whole)) == 0));
	if ((flags & FLAG_RETRY) != 0)
		(void) media_retry_open(&arena, (WaStr){(const char *) key, sizeof(key)}, str_from("id"),
								(WaStr){(const char *) data, size}, str_from("123456789012"),
								&retry);
	buf_free(&file);
	buf_free(&whole);
	buf_free(&pieces);
	arena_free(&arena);
	target_end();
	return 0;
}
