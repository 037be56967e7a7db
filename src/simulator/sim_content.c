/*
 * sim_content.c
 *		What people write besides plain texts: answers, what disappears,
 *		pictures, polls and votes.  Sheet 2 sections 3.10 and 3.11.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_media.h"
#include "sim_message.h"
#include "sim_wire.h"

/* Fields of Message. */
#define IMAGE 3
#define EXTENDED_TEXT 6
#define CONTEXT_INFO 35
#define POLL 49
#define POLL_UPDATE 50

#define SECRET 3 /* of CONTEXT_INFO */
#define SECRET_LEN 32

static bool
by_lid(const SimSaid *said)
{
	return said->group != NULL ? said->group->lid : said->lid;
}

static void
random_bytes(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) (sim_util_random() >> 8);
}

/* ContextInfo: what is answered, and how long it stays. */
static void
put_context(WaBuf *out, uint32_t field, const SimContent *content)
{
	const SimSaid *reply = content->reply;
	WaBuf context;
	char id[64];

	if (reply == NULL && content->expires == 0)
		return;
	sim_wire_begin(&context);
	if (reply != NULL)
	{
		sim_said_id(reply, id);
		sim_wire_text(&context, 1, id);
		sim_wire_jid(&context, 2, reply->from, by_lid(reply));
		if (!reply->hashed)
			sim_wire_bytes(&context, 3, reply->message, reply->len);
	}
	if (content->expires != 0)
		sim_wire_uint(&context, 25, (uint64_t) content->expires);
	sim_wire_inner(out, field, &context);
}

void
sim_content_text(WaBuf *out, const SimContent *content)
{
	WaBuf extended;

	sim_wire_begin(&extended);
	sim_wire_bytes(&extended, 1, content->text.data, content->text.len);
	put_context(&extended, 17, content);
	sim_wire_inner(out, EXTENDED_TEXT, &extended);
}

const char *
sim_content_image(WaBuf *out, const SimContent *content, const char *path)
{
	const SimBlob *blob = sim_media_find(path);
	WaBuf image;
	char url[256];

	if (blob == NULL || strcmp(blob->kind, "image") != 0 || blob->size == 0)
		return "image must be the direct_path of an image that media_put made";
	sim_media_url(blob, url, sizeof(url));
	sim_wire_begin(&image);
	sim_wire_text(&image, 1, url);
	sim_wire_text(&image, 2, "image/png");
	if (content->text.data != NULL)
		sim_wire_bytes(&image, 3, content->text.data, content->text.len);
	sim_wire_bytes(&image, 4, blob->sha256, sizeof(blob->sha256));
	sim_wire_uint(&image, 5, blob->size);
	sim_wire_bytes(&image, 8, blob->key, sizeof(blob->key));
	sim_wire_bytes(&image, 9, blob->enc_sha256, sizeof(blob->enc_sha256));
	sim_wire_text(&image, 11, blob->path);
	put_context(&image, 17, content);
	sim_wire_inner(out, IMAGE, &image);
	return NULL;
}

const char *
sim_content_poll(WaBuf *out, const SimContent *content, const json_t *options)
{
	uint8_t secret[SECRET_LEN];
	WaBuf poll;
	WaBuf context;

	if (content->text.data == NULL || json_array_size(options) == 0)
		return "a poll is a text and a list of options";
	sim_wire_begin(&poll);
	sim_wire_bytes(&poll, 2, content->text.data, content->text.len);
	for (size_t i = 0; i < json_array_size(options); i++)
	{
		const char *name = json_string_value(json_array_get(options, i));
		WaBuf option;

		sim_wire_begin(&option);
		sim_wire_text(&option, 1, name != NULL ? name : "");
		sim_wire_inner(&poll, 3, &option);
	}
	put_context(&poll, 5, content);
	sim_wire_inner(out, POLL, &poll);
	/* who knows the secret can read the votes */
	random_bytes(secret, sizeof(secret));
	sim_wire_begin(&context);
	sim_wire_bytes(&context, SECRET, secret, sizeof(secret));
	sim_wire_inner(out, CONTEXT_INFO, &context);
	return NULL;
}

/* PollEncValue: the vote, encrypted with the secret of the poll. */
static bool
put_vote(WaBuf *out, uint32_t field, const SimAccount *from, const SimSaid *poll, const WaBuf *vote,
		 const WaWireField *secret)
{
	const char *server = by_lid(poll) ? "lid" : "s.whatsapp.net";
	uint8_t key[32];
	uint8_t iv[12];
	uint8_t *cipher = sim_util_alloc(buf_len(vote) + CRYPTO_TAG_LEN);
	char id[64];
	char author[64];
	char sender[64];
	char use[256];
	char aad[160];
	int use_len;
	int aad_len;
	WaBuf value;
	bool ok;

	sim_said_id(poll, id);
	snprintf(author, sizeof(author), "%s@%s", by_lid(poll) ? poll->from->lid : poll->from->number,
			 server);
	snprintf(sender, sizeof(sender), "%s@%s", by_lid(poll) ? from->lid : from->number, server);
	use_len = snprintf(use, sizeof(use), "%s%s%sPoll Vote", id, author, sender);
	aad_len = snprintf(aad, sizeof(aad), "%s%c%s", id, 0, sender);
	random_bytes(iv, sizeof(iv));
	ok = crypto_hkdf_sha256(secret->data, secret->len, NULL, 0, use, (size_t) use_len, key,
							sizeof(key)) == WA_OK &&
		 crypto_aes256_gcm_encrypt(key, iv, aad, (size_t) aad_len, buf_data(vote), buf_len(vote),
								   cipher) == WA_OK;
	if (ok)
	{
		sim_wire_begin(&value);
		sim_wire_bytes(&value, 1, cipher, buf_len(vote) + CRYPTO_TAG_LEN);
		sim_wire_bytes(&value, 2, iv, sizeof(iv));
		sim_wire_inner(out, field, &value);
	}
	free(cipher);
	return ok;
}

const char *
sim_content_vote(WaBuf *out, const SimAccount *from, const SimSaid *poll, const json_t *options)
{
	WaWireField field;
	WaWireField secret;
	WaBuf vote;
	WaBuf update;
	bool ok;

	if (poll == NULL || poll->hashed ||
		!wire_find(poll->message, poll->len, POLL, WIRE_BYTES, &field) ||
		!wire_find(poll->message, poll->len, CONTEXT_INFO, WIRE_BYTES, &field) ||
		!wire_find(field.data, field.len, SECRET, WIRE_BYTES, &secret))
		return "vote needs a target that is a poll";
	sim_wire_begin(&vote);
	for (size_t i = 0; i < json_array_size(options); i++)
	{
		const char *name = json_string_value(json_array_get(options, i));
		uint8_t hash[32];

		if (name != NULL && crypto_sha256(name, strlen(name), hash) == WA_OK)
			sim_wire_bytes(&vote, 1, hash, sizeof(hash));
	}
	sim_wire_begin(&update);
	sim_compose_key(&update, 1, from, poll);
	ok = put_vote(&update, 2, from, poll, &vote, &secret);
	sim_wire_uint(&update, 4, (uint64_t) sim_util_now_us() / 1000);
	sim_wire_inner(out, POLL_UPDATE, &update);
	buf_free(&vote);
	return ok ? NULL : "the vote could not be encrypted";
}
