/*
 * media.c
 *		Attachments: keys, the way to the host, and opening a file in pieces.
 *		Sheet 2 section 7.9.
 *
 * The last MEDIA_MAC_LEN bytes of a file are its MAC and the block before them
 * has the padding, so that many bytes are always held back.
 */
#include "media.h"

#include "crypto.h"
#include "message.pb-c.h"
#include "protobuf.h"

#include <string.h>

#define BLOCK 16
#define HELD_BACK (MEDIA_MAC_LEN + BLOCK)

typedef struct Trade
{
	const char *name;
	const char *info; /* of the key derivation; NULL: nothing to open */
	const char *mms_type;
} Trade;

static const Trade trades[] = {
	[MEDIA_NONE] = {"none", NULL, ""},
	[MEDIA_IMAGE] = {"image", "WhatsApp Image Keys", "image"},
	[MEDIA_STICKER] = {"sticker", "WhatsApp Image Keys", "image"},
	[MEDIA_VIDEO] = {"video", "WhatsApp Video Keys", "video"},
	[MEDIA_AUDIO] = {"audio", "WhatsApp Audio Keys", "audio"},
	[MEDIA_DOCUMENT] = {"document", "WhatsApp Document Keys", "document"},
	[MEDIA_HISTORY] = {"history", "WhatsApp History Keys", "md-msg-hist"},
	[MEDIA_APP_STATE] = {"app_state", "WhatsApp App State Keys", "md-app-state"},
	[MEDIA_STICKER_PACK] = {"sticker_pack", "WhatsApp Sticker Pack Keys", "sticker-pack"},
	[MEDIA_GROUP_HISTORY] = {"group_history", "Group History", "group-history"},
};

static const Trade *
trade(WaMediaKind kind)
{
	return &trades[(unsigned) kind < sizeof(trades) / sizeof(trades[0]) ? kind : MEDIA_NONE];
}

const char *
media_kind_name(WaMediaKind kind)
{
	return trade(kind)->name;
}

const char *
media_mms_type(WaMediaKind kind)
{
	return trade(kind)->mms_type;
}

/* ---- the way to the host ---- */

/* Printable ASCII without blanks: nothing that could end a request line. */
static bool
is_path(WaStr path)
{
	if (path.len == 0 || path.data[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++)
	{
		if (path.data[i] < 0x21 || path.data[i] > 0x7E)
			return false;
	}
	return true;
}

WaStr
media_download_path(WaArena *arena, const WaMedia *media)
{
	char hash[4 * ((32 + 2) / 3) + 1];
	bool has_query;

	if (!is_path(media->direct_path) || media->enc_sha256.len != 32)
		return WA_STR_NONE;
	crypto_base64((const uint8_t *) media->enc_sha256.data, 32, hash);
	for (char *c = hash; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	has_query = memchr(media->direct_path.data, '?', media->direct_path.len) != NULL;
	return arena_printf(arena, "%.*s%chash=%s&mms-type=%s&__wa-mms=", (int) media->direct_path.len,
						media->direct_path.data, has_query ? '&' : '?', hash,
						media_mms_type(media->kind));
}

/* ---- opening ---- */

WaStatus
media_keys(const uint8_t key[MEDIA_KEY_LEN], WaMediaKind kind, WaMediaKeys *out)
{
	const char *info = trade(kind)->info;
	uint8_t expanded[112];
	WaStatus status;

	if (info == NULL)
		return WA_ERR_ARGUMENT;
	status = crypto_hkdf_sha256(key, MEDIA_KEY_LEN, NULL, 0, info, strlen(info), expanded,
								sizeof(expanded));
	if (status == WA_OK)
	{
		memcpy(out->iv, expanded, 16);
		memcpy(out->cipher_key, expanded + 16, 32);
		memcpy(out->mac_key, expanded + 48, 32); /* the rest is not used */
	}
	crypto_wipe(expanded, sizeof(expanded));
	return status;
}

/* A hash is told or not; told with another length it is a lie. */
static WaStatus
want_hash(WaStr hash, uint8_t out[32], bool *has)
{
	*has = hash.data != NULL;
	if (hash.data == NULL)
		return WA_OK;
	if (hash.len != 32)
		return WA_ERR_ARGUMENT;
	memcpy(out, hash.data, 32);
	return WA_OK;
}

static WaStatus
start_cipher(WaMediaOpen *open, const WaMedia *media)
{
	WaMediaKeys keys;
	WaStatus status;

	if (media->key.len != MEDIA_KEY_LEN)
		return WA_ERR_ARGUMENT;
	status = media_keys((const uint8_t *) media->key.data, media->kind, &keys);
	if (status != WA_OK)
		return status;
	open->is_encrypted = true;
	open->mac = crypto_hmac_new(keys.mac_key);
	open->cbc = crypto_cbc_new(keys.cipher_key, keys.iv);
	if (open->mac == NULL || open->cbc == NULL)
		status = WA_ERR_NOMEM;
	else
		status = crypto_hmac_update(open->mac, keys.iv, sizeof(keys.iv));
	crypto_wipe(&keys, sizeof(keys));
	return status;
}

WaStatus
media_open_init(WaMediaOpen *open, const WaMedia *media, uint64_t max_size)
{
	WaStatus status;

	*open = (WaMediaOpen){.max_size = max_size, .want_size = media->size};
	status = want_hash(media->enc_sha256, open->want_enc_sha, &open->has_enc_sha);
	if (status == WA_OK)
		status = want_hash(media->sha256, open->want_sha, &open->has_sha);
	if (status != WA_OK)
		return status;
	open->enc_sha = crypto_sha256_new();
	open->plain_sha = crypto_sha256_new();
	if (open->enc_sha == NULL || open->plain_sha == NULL)
		return WA_ERR_NOMEM;
	return media->key.data == NULL ? WA_OK : start_cipher(open, media);
}

/* Takes what was given out into account. */
static WaStatus
give(WaMediaOpen *open, const uint8_t *plain, size_t len)
{
	open->size += len;
	return crypto_sha256_update(open->plain_sha, plain, len);
}

/* Decrypts ready bytes, the first of which wait in tail, to the end of out. */
static WaStatus
decrypt(WaMediaOpen *open, const uint8_t *data, size_t ready, WaBuf *out)
{
	size_t from_tail = ready < open->tail_len ? ready : open->tail_len;
	uint8_t *plain;
	WaStatus status = buf_reserve(out, ready, &plain);

	if (status != WA_OK)
		return status;
	memcpy(plain, open->tail, from_tail);
	memcpy(plain + from_tail, data, ready - from_tail);
	memmove(open->tail, open->tail + from_tail, open->tail_len - from_tail);
	open->tail_len -= from_tail;
	status = crypto_hmac_update(open->mac, plain, ready);
	if (status == WA_OK)
		status = crypto_cbc_decrypt(open->cbc, plain, ready, plain);
	if (status == WA_OK)
		status = give(open, plain, ready);
	if (status == WA_OK)
		buf_commit(out, ready);
	return status;
}

WaStatus
media_open_update(WaMediaOpen *open, const void *data, size_t len, WaBuf *out)
{
	size_t total = open->tail_len + len;
	size_t ready = total > HELD_BACK ? (total - HELD_BACK) / BLOCK * BLOCK : 0;
	size_t used = 0;
	WaStatus status;

	if (open->ended || open->enc_sha == NULL)
		return WA_ERR_STATE;
	if (len == 0)
		return WA_OK;
	if (len > open->max_size || open->enc_size > open->max_size - len)
		return WA_ERR_LIMIT;
	open->enc_size += len;
	status = crypto_sha256_update(open->enc_sha, data, len);
	if (status != WA_OK)
		return status;
	if (!open->is_encrypted)
	{
		status = buf_append(out, data, len);
		return status != WA_OK ? status : give(open, data, len);
	}
	if (ready > 0)
	{
		used = ready > open->tail_len ? ready - open->tail_len : 0;
		status = decrypt(open, data, ready, out);
		if (status != WA_OK)
			return status;
	}
	memcpy(open->tail + open->tail_len, (const uint8_t *) data + used, len - used);
	open->tail_len += len - used;
	return WA_OK;
}

/* MAC first: padding of a forged block is nobody's business. */
static WaStatus
finish_cipher(WaMediaOpen *open, uint8_t last[BLOCK], size_t *len)
{
	uint8_t mac[32];
	uint8_t padding;
	WaStatus status;

	*len = 0;
	if (open->tail_len != HELD_BACK) /* more of it would be no whole block */
		return WA_ERR_MALFORMED;
	status = crypto_hmac_update(open->mac, open->tail, BLOCK);
	if (status == WA_OK)
		status = crypto_hmac_final(open->mac, mac);
	if (status != WA_OK)
		return status;
	if (!crypto_equal(mac, open->tail + BLOCK, MEDIA_MAC_LEN))
		return WA_ERR_SIGNATURE;
	status = crypto_cbc_decrypt(open->cbc, open->tail, BLOCK, last);
	if (status != WA_OK)
		return status;
	padding = last[BLOCK - 1];
	if (padding == 0 || padding > BLOCK)
		return WA_ERR_CRYPTO;
	for (size_t i = BLOCK - padding; i < BLOCK; i++)
	{
		if (last[i] != padding)
			return WA_ERR_CRYPTO;
	}
	*len = (size_t) BLOCK - padding;
	return give(open, last, *len);
}

static WaStatus
check_hash(WaSha256 *hash, bool has, const uint8_t want[32])
{
	uint8_t got[32];
	WaStatus status = crypto_sha256_final(hash, got);

	if (status == WA_OK && has && !crypto_equal(got, want, 32))
		return WA_ERR_SIGNATURE;
	return status;
}

WaStatus
media_open_final(WaMediaOpen *open, WaBuf *out)
{
	uint8_t last[BLOCK];
	size_t len = 0;
	WaStatus status = WA_OK;

	if (open->ended || open->enc_sha == NULL)
		return WA_ERR_STATE;
	open->ended = true;
	if (open->is_encrypted)
		status = finish_cipher(open, last, &len);
	if (status == WA_OK)
		status = check_hash(open->enc_sha, open->has_enc_sha, open->want_enc_sha);
	if (status == WA_OK)
		status = check_hash(open->plain_sha, open->has_sha, open->want_sha);
	if (status == WA_OK && open->want_size != 0 && open->size != open->want_size)
		status = WA_ERR_MALFORMED;
	if (status == WA_OK)
		status = buf_append(out, last, len);
	crypto_wipe(last, sizeof(last));
	return status;
}

void
media_open_free(WaMediaOpen *open)
{
	crypto_sha256_free(open->enc_sha);
	crypto_sha256_free(open->plain_sha);
	crypto_hmac_free(open->mac);
	crypto_cbc_free(open->cbc);
	crypto_wipe(open, sizeof(*open));
}

/* ---- uploaded again ---- */

static WaStatus
retry_key(WaStr key, uint8_t out[32])
{
	static const char info[] = "WhatsApp Media Retry Notification";

	return crypto_hkdf_sha256(key.data, key.len, NULL, 0, info, sizeof(info) - 1, out, 32);
}

WaStatus
media_retry_seal(WaArena *arena, WaStr key, WaStr message_id, const uint8_t iv[12], WaStr *payload)
{
	Wa__ServerErrorReceipt receipt = WA__SERVER_ERROR_RECEIPT__INIT;
	uint8_t derived[32];
	uint8_t *sealed;
	WaBuf plain;
	WaStatus status;

	*payload = WA_STR_NONE;
	if (key.len != MEDIA_KEY_LEN || message_id.len == 0)
		return WA_ERR_ARGUMENT;
	receipt.has_stanzaid = true;
	receipt.stanzaid = protobuf_bytes(message_id.data, message_id.len);
	buf_init(&plain, arena->env, 4096);
	status = protobuf_pack(&receipt.base, &plain);
	if (status == WA_OK)
		status = retry_key(key, derived);
	if (status == WA_OK)
	{
		size_t len = buf_len(&plain);

		sealed = arena_alloc(arena, len + CRYPTO_TAG_LEN);
		status = sealed == NULL
					 ? arena->status
					 : crypto_aes256_gcm_encrypt(derived, iv, message_id.data, message_id.len,
												 buf_data(&plain), len, sealed);
		if (status == WA_OK)
			*payload = (WaStr){(const char *) sealed, len + CRYPTO_TAG_LEN};
	}
	crypto_wipe(derived, sizeof(derived));
	buf_free(&plain);
	return status;
}

WaStatus
media_retry_open(WaArena *arena, WaStr key, WaStr message_id, WaStr payload, WaStr iv,
				 WaMediaRetry *out)
{
	uint8_t derived[32];
	uint8_t *plain;
	Wa__MediaRetryNotification *answer;
	WaStatus status;

	*out = (WaMediaRetry){0};
	if (key.len != MEDIA_KEY_LEN || iv.len != 12 || payload.len < CRYPTO_TAG_LEN)
		return WA_ERR_MALFORMED;
	plain = arena_alloc(arena, payload.len);
	if (plain == NULL)
		return arena->status;
	status = retry_key(key, derived);
	if (status == WA_OK)
		status = crypto_aes256_gcm_decrypt(derived, (const uint8_t *) iv.data, message_id.data,
										   message_id.len, payload.data, payload.len, plain);
	crypto_wipe(derived, sizeof(derived));
	if (status == WA_OK)
		status = protobuf_unpack(arena, &wa__media_retry_notification__descriptor, plain,
								 payload.len - CRYPTO_TAG_LEN, &answer);
	if (status != WA_OK)
		return status;
	if (answer->has_stanzaid)
		out->id = (WaStr){(const char *) answer->stanzaid.data, answer->stanzaid.len};
	if (answer->has_directpath)
		out->direct_path = (WaStr){(const char *) answer->directpath.data, answer->directpath.len};
	out->result = answer->result;
	return WA_OK;
}
