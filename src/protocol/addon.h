/*
 * addon.h
 *		Votes, event responses, reactions, comments and edits that are encrypted
 *		with the secret of the message they speak of.  Sheet 2 section 3.11.
 */
#ifndef WA_ADDON_H
#define WA_ADDON_H

#include "message.h"

#define ADDON_MAX_LEN (1 << 20) /* bytes of one ciphertext */

/*
 * Whose key it is.  The key is bound to the JIDs of both people as the sender
 * knew them, so both forms of each are tried: give what is known.
 */
typedef struct WaAddonParties
{
	WaStr secret;           /* WaMessage.secret of the original, 32 bytes */
	WaStr original_id;      /* the original message's */
	WaIdentity original_by; /* who wrote it */
	WaIdentity sender;      /* who sends the add-on */
} WaAddonParties;

/* What was inside; strings live in the arena. */
typedef struct WaAddonContent
{
	WaAddonKind kind;
	WaStr plaintext;
	WaStr *selected; /* ADDON_POLL_VOTE: 32-byte hashes of WaPollOption; none: vote taken back */
	size_t n_selected;
	int32_t response; /* ADDON_EVENT_RESPONSE: 1 going, 2 not going, 3 maybe */
	int32_t extra_guests;
	WaStr reaction;     /* ADDON_REACTION: "" takes it back */
	int64_t at_ms;      /* sender's Unix milliseconds; 0 not told */
	WaMessage *message; /* ADDON_COMMENT, ADDON_..._EDIT, ADDON_POLL_ADD_OPTION */
} WaAddonContent;

extern const char *addon_kind_name(WaAddonKind kind); /* "poll_vote"; never NULL */

/*
 * WA_ERR_CRYPTO: no pair of JIDs fits (wrong secret, forged, or a form of a JID
 * that is not known yet: try again when it is).  WA_ERR_ARGUMENT: ADDON_UNKNOWN,
 * no secret, no id, nobody.  WA_ERR_MALFORMED: bad IV, too short, or not the
 * protobuf it should be.
 */
extern WaStatus addon_open(WaArena *arena, const WaAddon *addon, const WaAddonParties *parties,
						   WaAddonContent *out);

#endif /* WA_ADDON_H */
