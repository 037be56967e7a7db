/*
 * media.h
 *		Attachments: what is needed to fetch one, and opening it piece by piece.
 *		Sheet 2 section 7.9.
 *
 * A file may be of any size and comes from a host that may lie.  Its plaintext
 * is given out before its MAC can be known: it is good only once
 * media_open_final has said so.
 */
#ifndef WA_MEDIA_H
#define WA_MEDIA_H

#include "buf.h"
#include "crypto_stream.h"

#define MEDIA_KEY_LEN 32
#define MEDIA_MAC_LEN 10 /* bytes behind the ciphertext */

typedef enum WaMediaKind
{
	MEDIA_NONE,
	MEDIA_IMAGE,
	MEDIA_STICKER,
	MEDIA_VIDEO,
	MEDIA_AUDIO,
	MEDIA_DOCUMENT,
	MEDIA_HISTORY,
	MEDIA_APP_STATE,
	MEDIA_STICKER_PACK,
	MEDIA_GROUP_HISTORY,
} WaMediaKind;

/* Strings are borrowed from the message.  0 and absent: not told. */
typedef struct WaMedia
{
	WaMediaKind kind;
	WaStr mimetype;
	WaStr url;
	WaStr direct_path;
	WaStr key;        /* 32 bytes; absent: not encrypted (newsletters) */
	WaStr sha256;     /* of the plain file */
	WaStr enc_sha256; /* of the file as it lies on the host */
	WaStr file_name;
	WaStr thumbnail; /* JPEG */
	WaStr waveform;  /* voice: loudness, one byte each */
	uint64_t size;   /* of the plain file, in bytes */
	uint32_t width;  /* pixels */
	uint32_t height;
	uint32_t seconds;
	uint32_t pages;
	int64_t key_at; /* Unix seconds */
} WaMedia;

extern const char *media_kind_name(WaMediaKind kind); /* "image"; never NULL */
/* The mms-type of the download's query, "md-msg-hist"; never NULL. */
extern const char *media_mms_type(WaMediaKind kind);
/*
 * The path and query of the download below https://HOST:
 * "<directPath>&hash=...&mms-type=...&__wa-mms=".  WA_STR_NONE without a direct
 * path that begins with '/', without enc_sha256, and for either with bytes that
 * do not belong into a request line.
 */
extern WaStr media_download_path(WaArena *arena, const WaMedia *media);

typedef struct WaMediaKeys
{
	uint8_t iv[16];
	uint8_t cipher_key[32];
	uint8_t mac_key[32];
} WaMediaKeys;

/* WA_ERR_ARGUMENT for MEDIA_NONE.  The caller wipes *out. */
extern WaStatus media_keys(const uint8_t key[MEDIA_KEY_LEN], WaMediaKind kind, WaMediaKeys *out);

/*
 * One file being opened.  Feed it what the host sends:
 *
 *		media_open_init → media_open_update ... → media_open_final
 *
 * and media_open_free, always, also after an error.
 */
typedef struct WaMediaOpen
{
	bool is_encrypted;
	bool ended;
	WaSha256 *enc_sha;
	WaSha256 *plain_sha;
	WaHmac *mac;
	WaCbc *cbc;
	uint8_t tail[MEDIA_MAC_LEN + 32]; /* not decrypted yet: MAC, last block, part of a block */
	size_t tail_len;
	uint8_t want_enc_sha[32];
	uint8_t want_sha[32];
	bool has_enc_sha;
	bool has_sha;
	uint64_t enc_size;  /* bytes fed */
	uint64_t size;      /* bytes given out */
	uint64_t want_size; /* 0: not told */
	uint64_t max_size;
} WaMediaOpen;

/*
 * max_size bounds the file as it comes, in bytes.  WA_ERR_ARGUMENT: key or a
 * hash of wrong length, no kind.  A history blob's hash of the plain file is
 * of the deflated data.
 */
extern WaStatus media_open_init(WaMediaOpen *open, const WaMedia *media, uint64_t max_size);
/*
 * Takes len bytes of any number and appends the plain bytes that are safe to
 * decrypt to out; at most len + 16.  WA_ERR_LIMIT: over max_size, or more than
 * out takes (feed smaller pieces and start over).
 */
extern WaStatus media_open_update(WaMediaOpen *open, const void *data, size_t len, WaBuf *out);
/*
 * Ends the file: appends its last bytes.  WA_ERR_MALFORMED: shorter than any file,
 * no whole blocks, or not of the size told; WA_ERR_SIGNATURE: MAC or a hash differs;
 * WA_ERR_CRYPTO: bad padding.  After an error nothing that was given out is good.
 */
extern WaStatus media_open_final(WaMediaOpen *open, WaBuf *out);
extern void media_open_free(WaMediaOpen *open);

/*
 * The phone's answer to a request to upload a file again: AES-GCM below the
 * media key, bound to the message's id.
 */
#define MEDIA_RETRY_SUCCESS 1

typedef struct WaMediaRetry
{
	WaStr id;
	WaStr direct_path; /* the file's new place */
	int32_t result;    /* MEDIA_RETRY_SUCCESS; 2 not found */
} WaMediaRetry;

/*
 * The request itself, for <enc_p>: it proves that the file's key is known.  iv:
 * 12 random bytes, for <enc_iv>.  WA_ERR_ARGUMENT: a key of wrong length.
 */
extern WaStatus media_retry_seal(WaArena *arena, WaStr key, WaStr message_id, const uint8_t iv[12],
								 WaStr *payload);
extern WaStatus media_retry_open(WaArena *arena, WaStr key, WaStr message_id, WaStr payload,
								 WaStr iv, WaMediaRetry *out);

#endif /* WA_MEDIA_H */
