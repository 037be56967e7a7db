/*
 * sim_reupload.c
 *		A phone uploads again what a companion could not download: the request,
 *		and the notification that answers it.  Sheet 2 section 7.9.
 *
 * The file itself is still in the service's own store, or it was lost for good.
 */
#include "sim_reupload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_history.h"
#include "sim_media.h"
#include "sim_message.h"
#include "sim_wire.h"

#define SUCCESS 1
#define NOT_FOUND 2
#define MAX_DEPTH 4

/* Fields of Message that are files, and where they have key and path. */
static const struct
{
	uint32_t message, key, path;
} files[] = {
	{3, 8, 11}, {9, 6, 13}, {66, 6, 13}, {8, 7, 9}, {7, 7, 10}, {26, 4, 8},
};

/* Fields of Message that are wrapped Messages. */
static const uint32_t wrappers[] = {31, 37, 40, 53, 55, 59};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static WaStr
bytes_at(WaStr in, uint32_t field)
{
	WaWireField found;

	if (in.data == NULL || !wire_find(in.data, in.len, field, WIRE_BYTES, &found))
		return WA_STR_NONE;
	return (WaStr){(const char *) found.data, found.len};
}

/* The file of a message; false: it has none. */
static bool
file_of(WaStr message, int depth, WaStr *key, WaStr *path)
{
	for (size_t i = 0; i < COUNT(files); i++)
	{
		WaStr file = bytes_at(message, files[i].message);

		*key = bytes_at(file, files[i].key);
		*path = bytes_at(file, files[i].path);
		if (key->len == 32 && path->len > 0)
			return true;
	}
	for (size_t i = 0; i < COUNT(wrappers) && depth < MAX_DEPTH; i++)
	{
		WaStr inner = bytes_at(bytes_at(message, wrappers[i]), wrappers[i] == 31 ? 2 : 1);

		if (inner.data != NULL && file_of(inner, depth + 1, key, path))
			return true;
	}
	return false;
}

static bool
retry_key(const uint8_t media_key[32], uint8_t out[32])
{
	static const char info[] = "WhatsApp Media Retry Notification";

	return crypto_hkdf_sha256(media_key, 32, NULL, 0, info, sizeof(info) - 1, out, 32) == WA_OK;
}

/* Does the request name the message that it came for? */
static bool
is_sound(const WaNode *receipt, const uint8_t key[32], WaStr id)
{
	const WaNode *encrypt = node_child(receipt, "encrypt");
	const WaNode *sealed = node_child(encrypt, "enc_p");
	const WaNode *iv = node_child(encrypt, "enc_iv");
	uint8_t plain[256];

	return sealed != NULL && iv != NULL && iv->bytes.len == 12 && sealed->bytes.len >= 16 &&
		   sealed->bytes.len <= sizeof(plain) &&
		   crypto_aes256_gcm_decrypt(key, (const uint8_t *) iv->bytes.data, id.data, id.len,
									 sealed->bytes.data, sealed->bytes.len, plain) == WA_OK &&
		   str_equal(bytes_at((WaStr){(const char *) plain, sealed->bytes.len - 16}, 1), id);
}

/* MediaRetryNotification, sealed below the file's key. */
static void
put_result(WaNode *parent, const uint8_t key[32], WaStr id, const SimBlob *blob)
{
	WaNode *encrypt = node_add(parent, "encrypt");
	WaBuf plain;
	uint8_t *sealed;
	uint8_t iv[12];

	sim_wire_begin(&plain);
	sim_wire_bytes(&plain, 1, id.data, id.len);
	if (blob != NULL)
		sim_wire_text(&plain, 2, blob->path);
	sim_wire_uint(&plain, 3, blob != NULL ? SUCCESS : NOT_FOUND);
	sealed = sim_util_alloc(buf_len(&plain) + CRYPTO_TAG_LEN);
	if (crypto_random(sim.env, iv, sizeof(iv)) == WA_OK &&
		crypto_aes256_gcm_encrypt(key, iv, id.data, id.len, buf_data(&plain), buf_len(&plain),
								  sealed) == WA_OK)
	{
		node_set_bytes(node_add(encrypt, "enc_p"), sealed, buf_len(&plain) + CRYPTO_TAG_LEN);
		node_set_bytes(node_add(encrypt, "enc_iv"), iv, sizeof(iv));
	}
	free(sealed);
	buf_free(&plain);
}

/* The answer; key NULL: the phone does not know the message. */
static void
answer(SimDevice *device, const WaNode *receipt, const uint8_t *key, const SimBlob *blob)
{
	const WaNode *asked = node_child(receipt, "rmr");
	WaArena arena;
	WaNode *node;
	WaNode *rmr;

	arena_init(&arena, sim.env, 65536);
	node = node_new(&arena, "notification");
	node_set_jid(node, "from", sim_account_jid(&arena, device->account, false));
	node_set(node, "type", "mediaretry");
	node_copy_attr(node, "id", receipt, "id");
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	if (key != NULL)
		put_result(node, key, node_attr(receipt, "id"), blob);
	else
		node_set(node_add(node, "error"), "code", "2");
	rmr = node_add(node, "rmr");
	node_copy_attr(rmr, "jid", asked, "jid");
	node_copy_attr(rmr, "from_me", asked, "from_me");
	node_copy_attr(rmr, "participant", asked, "participant");
	sim_queue_push_node(device, node);
	arena_free(&arena);
}

void
sim_reupload_receipt(SimDevice *device, const WaNode *receipt)
{
	WaStr id = node_attr(receipt, "id");
	WaStr message = sim_hear_copy(device->account, id);
	SimBlob *blob = NULL;
	uint8_t key[32];
	WaStr media_key;
	WaStr path;

	if (device->account->offline || sim_history_again(device, id) ||
		node_child(receipt, "rmr") == NULL)
		return;
	if (message.data == NULL || !file_of(message, 0, &media_key, &path) ||
		!retry_key((const uint8_t *) media_key.data, key))
	{
		answer(device, receipt, NULL, NULL);
		return;
	}
	/* what is not sealed with the file's key is nobody's request */
	if (!is_sound(receipt, key, id))
		return;
	if (path.len < sizeof(blob->path))
	{
		char text[sizeof(blob->path)];

		memcpy(text, path.data, path.len);
		text[path.len] = '\0';
		blob = sim_media_again(sim_media_find(text));
	}
	answer(device, receipt, key, blob);
}
