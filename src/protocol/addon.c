/*
 * addon.c
 *		Opening what is encrypted with a message's secret.
 */
#include "addon.h"

#include "crypto.h"
#include "message_internal.h"

#include <string.h>

typedef struct Use
{
	const char *name;
	const char *info; /* the use case in the key; NULL: not known */
	bool has_aad;
} Use;

static const Use uses[] = {
	[ADDON_POLL_VOTE] = {"poll_vote", "Poll Vote", true},
	[ADDON_EVENT_RESPONSE] = {"event_response", "Event Response", true},
	[ADDON_REACTION] = {"reaction", "Enc Reaction", false},
	[ADDON_COMMENT] = {"comment", "Enc Comment", false},
	[ADDON_EVENT_EDIT] = {"event_edit", "Event Edit", false},
	[ADDON_MESSAGE_EDIT] = {"message_edit", "Message Edit", false},
	[ADDON_POLL_EDIT] = {"poll_edit", "Poll Edit", false},
	[ADDON_POLL_ADD_OPTION] = {"poll_add_option", "Poll Add Option", false},
	[ADDON_UNKNOWN] = {"unknown", NULL, false},
};

static const Use *
use_of(WaAddonKind kind)
{
	return &uses[(unsigned) kind <= ADDON_UNKNOWN ? kind : ADDON_UNKNOWN];
}

const char *
addon_kind_name(WaAddonKind kind)
{
	return use_of(kind)->name;
}

/* ---- one try ---- */

static uint8_t *
put(uint8_t *at, WaStr s)
{
	if (s.len > 0)
		memcpy(at, s.data, s.len);
	return at + s.len;
}

/*
 * Decrypts under the key of one pair of JIDs.  scratch has room for the key's
 * info or the AAD, whichever is longer.
 */
static WaStatus
try_pair(const WaAddon *addon, const WaAddonParties *parties, WaStr original_by, WaStr sender,
		 uint8_t *scratch, uint8_t *plain)
{
	const Use *use = use_of(addon->kind);
	uint8_t key[32];
	uint8_t *end;
	WaStatus status;

	end = put(scratch, parties->original_id);
	end = put(end, original_by);
	end = put(end, sender);
	end = put(end, str_from(use->info));
	status = crypto_hkdf_sha256(parties->secret.data, parties->secret.len, NULL, 0, scratch,
								(size_t) (end - scratch), key, sizeof(key));
	if (status != WA_OK)
		return status;
	end = scratch;
	if (use->has_aad)
	{
		end = put(scratch, parties->original_id);
		*end++ = 0;
		end = put(end, sender);
	}
	status = crypto_aes256_gcm_decrypt(key, (const uint8_t *) addon->iv.data, scratch,
									   (size_t) (end - scratch), addon->payload.data,
									   addon->payload.len, plain);
	crypto_wipe(key, sizeof(key));
	return status;
}

/* Tries both forms of both people; LIDs first, as groups use them. */
static WaStatus
decrypt(WaArena *arena, const WaAddon *addon, const WaAddonParties *parties, WaStr *plaintext)
{
	const WaStr authors[] = {parties->original_by.lid, parties->original_by.pn};
	const WaStr senders[] = {parties->sender.lid, parties->sender.pn};
	size_t room = parties->original_id.len + 4 * IDENTITY_MAX_JID + 32;
	uint8_t *scratch = arena_alloc(arena, room);
	uint8_t *plain = arena_alloc(arena, addon->payload.len);
	WaStatus status = WA_ERR_ARGUMENT; /* until there is a pair */

	if (scratch == NULL || plain == NULL)
		return arena->status;
	for (size_t i = 0; i < 4; i++)
	{
		WaStr author = authors[i / 2];
		WaStr sender = senders[i % 2];

		if (author.data == NULL || sender.data == NULL || author.len > IDENTITY_MAX_JID ||
			sender.len > IDENTITY_MAX_JID)
			continue;
		status = try_pair(addon, parties, author, sender, scratch, plain);
		if (status != WA_ERR_CRYPTO)
			break;
	}
	if (status == WA_OK)
		*plaintext = (WaStr){(char *) plain, addon->payload.len - CRYPTO_TAG_LEN};
	return status;
}

/* ---- what was inside ---- */

#define UNPACK(name, variable)                                                                     \
	protobuf_unpack(arena, &wa__##name##__descriptor, out->plaintext.data, out->plaintext.len,     \
					&(variable))

static WaStatus
read_vote(WaArena *arena, WaAddonContent *out)
{
	Wa__PollVoteMessage *vote;
	WaStatus status = UNPACK(poll_vote_message, vote);

	if (status != WA_OK)
		return status;
	out->selected =
		message_texts(arena, vote->selectedoptions, vote->n_selectedoptions, &out->n_selected);
	for (size_t i = 0; i < out->n_selected; i++)
	{
		if (out->selected[i].len != 32)
			return WA_ERR_MALFORMED;
	}
	return message_memory(arena);
}

static WaStatus
read_response(WaArena *arena, WaAddonContent *out)
{
	Wa__EventResponseMessage *response;
	WaStatus status = UNPACK(event_response_message, response);

	if (status != WA_OK)
		return status;
	out->response = response->response;
	out->extra_guests = response->extraguestcount;
	out->at_ms = message_millis(response->timestampms);
	return WA_OK;
}

static WaStatus
read_reaction(WaArena *arena, WaAddonContent *out)
{
	Wa__ReactionMessage *reaction;
	WaStatus status = UNPACK(reaction_message, reaction);

	if (status != WA_OK)
		return status;
	out->reaction = MESSAGE_TEXT_OF(reaction, text);
	if (out->reaction.data == NULL)
		out->reaction = str_from("");
	out->at_ms = message_millis(reaction->sendertimestampms);
	return WA_OK;
}

static WaStatus
read_message(WaArena *arena, WaAddonContent *out)
{
	static const WaMessageScope nobody = {0};

	out->message = arena_alloc(arena, sizeof(*out->message));
	if (out->message == NULL)
		return arena->status;
	return message_decode(arena, out->plaintext, &nobody, out->message);
}

WaStatus
addon_open(WaArena *arena, const WaAddon *addon, const WaAddonParties *parties, WaAddonContent *out)
{
	WaStatus status;

	*out = (WaAddonContent){.kind = addon->kind};
	if (use_of(addon->kind)->info == NULL || parties->secret.len != MESSAGE_SECRET_LEN ||
		parties->original_id.len == 0)
		return WA_ERR_ARGUMENT;
	if (addon->iv.len != 12 || addon->payload.len < CRYPTO_TAG_LEN)
		return WA_ERR_MALFORMED;
	if (addon->payload.len > ADDON_MAX_LEN || parties->original_id.len > ADDON_MAX_LEN)
		return WA_ERR_LIMIT;
	status = decrypt(arena, addon, parties, &out->plaintext);
	if (status != WA_OK)
		return status;
	switch (addon->kind)
	{
		case ADDON_POLL_VOTE:
			return read_vote(arena, out);
		case ADDON_EVENT_RESPONSE:
			return read_response(arena, out);
		case ADDON_REACTION:
			return read_reaction(arena, out);
		default:
			return read_message(arena, out);
	}
}
