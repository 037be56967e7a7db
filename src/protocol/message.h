/*
 * message.h
 *		What people write: where a <message> stanza belongs, and what its
 *		decrypted content says.  Sheet 2 section 3.
 *
 * Content comes from peers and is hostile: sizes, list lengths and nesting are
 * bounded, every field may be missing, and text may hold NUL and invalid UTF-8
 * (json.h repairs it, message_to_json with it).  A decoded message lives in the
 * arena it was decoded with and borrows from the plaintext: both must stay.
 *
 * One stanza goes: message_source, signal_read, message_decode with the scope
 * that message_source found, addon.h for what is encrypted once more.
 */
#ifndef WA_MESSAGE_H
#define WA_MESSAGE_H

#include "identity.h"
#include "media.h"

#define MESSAGE_MAX_LEN (16 << 20) /* bytes of one plaintext: a stanza holds no more */
#define MESSAGE_MAX_DEPTH 8        /* wrappers and edits inside each other */
#define MESSAGE_MAX_LIST 4096      /* entries kept of any list; the rest is dropped */
#define MESSAGE_SECRET_LEN 32

/* The account that receives: its own JIDs in any text form; absent when not known. */
typedef struct WaSelf
{
	WaStr pn;
	WaStr lid;
} WaSelf;

/* True when jid is a user of the account, whatever device. */
extern bool message_is_self(const WaSelf *self, WaStr jid);

/* ---- the stanza (sheet 2 sections 3.1 to 3.3, 3.8) ---- */

typedef enum WaMessageEdit
{
	MESSAGE_EDIT_NONE = 0,
	MESSAGE_EDIT_MESSAGE = 1,
	MESSAGE_EDIT_PIN = 2,
	MESSAGE_EDIT_NEWSLETTER = 3,
	MESSAGE_EDIT_SENDER_REVOKE = 7,
	MESSAGE_EDIT_ADMIN_REVOKE = 8,
} WaMessageEdit;

/* What a stanza without content stands for. */
typedef enum WaMessageAbsence
{
	MESSAGE_PRESENT,             /* there is an <enc> or a newsletter's <plaintext> */
	MESSAGE_VIEW_ONCE_ELSEWHERE, /* only the phone may show it; it never sends it again */
	MESSAGE_BOT_ELSEWHERE,       /* a bot's answer for other devices */
	MESSAGE_HOSTED_ELSEWHERE,
	MESSAGE_PLACEHOLDER,  /* sent before this device existed: the phone may have it */
	MESSAGE_MEDIA_NOTIFY, /* only to be acknowledged */
	MESSAGE_EMPTY,        /* nothing known: ack with error 488 */
} WaMessageAbsence;

/* What may be believed of a message's content, and of whom it is. */
typedef struct WaMessageScope
{
	bool from_self;  /* the sender is a device of the own account */
	bool from_phone; /* and that device is the phone */
	bool peer;       /* category=peer: between the account's own devices */
	WaStr recipient; /* the stanza's recipient; absent: not compared */
} WaMessageScope;

typedef struct WaMessageSource
{
	WaStr id;
	WaStr chat;   /* bare; a broadcast list's message from others: their direct chat */
	WaStr sender; /* with device, as the stanza has it: Signal's address */
	WaIdentity sender_identity; /* both forms as far as known, push name, username */
	WaIdentity chat_identity;   /* direct chats: the other side */
	WaStr broadcast;            /* the list or status@broadcast it came through; absent */
	WaStr addressing_mode;      /* "lid", "pn" or absent */
	WaStr type;                 /* envelope class */
	WaStr bot_target;           /* <bot edit_target_id>: what a bot's answer replaces */
	WaStr retried;              /* <enc count>: the answer to our n-th retry receipt */
	WaMessageScope scope;
	WaMessageEdit edit;
	WaMessageAbsence absence;
	int64_t at;         /* server's Unix seconds; 0 when absent or beyond year 9999 */
	uint64_t server_id; /* newsletters; else 0 */
	bool from_me;       /* never of newsletters: their stanzas do not tell */
	bool is_group;
	bool is_newsletter;
	bool is_offline;   /* from the offline queue */
	bool hide_failure; /* decrypt-fail=hide: no visible row for what cannot be read */
} WaMessageSource;

/*
 * Resolves a <message> (or the <status> that stands for one).  Results live in
 * the stanza's arena.  WA_ERR_MALFORMED: no id, no from, or a group without
 * participant (ack with error 487).
 */
extern WaStatus message_source(const WaNode *stanza, const WaSelf *self, WaMessageSource *out);

/* ---- the content (sheet 2 sections 3.6, 3.7, 3.10) ---- */

typedef enum WaMessageKind
{
	MESSAGE_NONE, /* no content: a sender key only, or refused */
	MESSAGE_TEXT,
	MESSAGE_IMAGE,
	MESSAGE_VIDEO,
	MESSAGE_GIF,
	MESSAGE_VIDEO_NOTE,
	MESSAGE_AUDIO,
	MESSAGE_VOICE,
	MESSAGE_DOCUMENT,
	MESSAGE_STICKER,
	MESSAGE_STICKER_PACK,
	MESSAGE_LOCATION,
	MESSAGE_LIVE_LOCATION,
	MESSAGE_CONTACTS,
	MESSAGE_REACTION,
	MESSAGE_COMMENT,
	MESSAGE_POLL,
	MESSAGE_POLL_RESULT,
	MESSAGE_EVENT,
	MESSAGE_ADDON, /* encrypted once more: addon.h */
	MESSAGE_GROUP_INVITE,
	MESSAGE_NEWSLETTER_INVITE,
	MESSAGE_PIN,
	MESSAGE_KEEP,
	MESSAGE_ALBUM,
	MESSAGE_CALL,
	MESSAGE_SCHEDULED_CALL,
	MESSAGE_BUSINESS,       /* buttons, lists, templates, interactive */
	MESSAGE_BUSINESS_REPLY, /* what was chosen of them */
	MESSAGE_PRODUCT,
	MESSAGE_ORDER,
	MESSAGE_PAYMENT,
	MESSAGE_GROUP_HISTORY,        /* a bundle for a new member */
	MESSAGE_GROUP_HISTORY_NOTICE, /* and that somebody got one */
	MESSAGE_PHONE_NUMBER_REQUEST,
	MESSAGE_MASKED, /* shown on the phone only */
	MESSAGE_PROTOCOL,
	MESSAGE_UNKNOWN, /* field tells which; the raw plaintext is the archive */
} WaMessageKind;

/* Kind's name as rows have it, "text", "video_note"; never NULL. */
extern const char *message_kind_name(WaMessageKind kind);

/* Wrappers around the content, and properties of it. */
#define MESSAGE_VIEW_ONCE 0x001
#define MESSAGE_EPHEMERAL 0x002
#define MESSAGE_EDITED 0x004
#define MESSAGE_LOTTIE 0x008
#define MESSAGE_GROUP_STATUS 0x010
#define MESSAGE_DEVICE_SENT 0x020 /* copy of what another own device sent */
#define MESSAGE_SPOILER 0x040
#define MESSAGE_BOT 0x080     /* asked of or answered by a bot */
#define MESSAGE_WRAPPED 0x100 /* in some other wrapper */
#define MESSAGE_ANIMATED 0x200

typedef struct WaMessageKey
{
	WaStr chat;
	WaStr id;          /* absent: there is no key */
	WaStr participant; /* the author, in groups */
	bool from_me;      /* seen from who wrote the key */
} WaMessageKey;

typedef struct WaGroupMention
{
	WaStr group;
	WaStr subject;
} WaGroupMention;

/* contextInfo */
typedef struct WaMessageContext
{
	WaMessageKey quoted;  /* from_me is not told */
	WaStr quoted_message; /* Message, for message_decode with a scope that trusts nothing */
	WaStr *mentions;      /* JIDs, LID or phone number */
	size_t n_mentions;
	WaGroupMention *group_mentions;
	size_t n_group_mentions;
	bool mentions_all;
	bool is_forwarded;
	uint32_t forwarding_score;    /* 127 and more: many times */
	uint32_t expires_in;          /* seconds; 0: it stays */
	int64_t ephemeral_setting_at; /* Unix seconds */
	WaStr parent_group;
	WaStr member_label; /* the sender's, in this group */
	WaStr newsletter;   /* forwarded from it */
	WaStr newsletter_name;
	int32_t newsletter_server_id;
} WaMessageContext;

typedef struct WaLocation
{
	double latitude; /* degrees, finite */
	double longitude;
	WaStr name;
	WaStr address;
	WaStr url;
	uint32_t accuracy; /* metres */
	int64_t sequence;  /* live location: number of the update */
	bool has_position;
} WaLocation;

typedef struct WaContactCard
{
	WaStr name;
	WaStr vcard;
} WaContactCard;

typedef struct WaPollOption
{
	WaStr name;
	uint8_t hash[32]; /* SHA-256 of the name: how votes speak of it */
	int64_t votes;    /* results only */
} WaPollOption;

typedef struct WaPoll
{
	WaPollOption *options;
	size_t n_options;
	uint32_t selectable; /* 0: any number */
	bool is_quiz;
	WaStr correct_answer;
	int64_t ends_at; /* as sent: seconds or milliseconds, no source says which */
	bool hides_voters;
	bool may_add_options;
} WaPoll;

typedef struct WaMeeting
{
	WaStr description;
	WaStr join_link;
	WaLocation location;
	int64_t starts_at; /* Unix seconds */
	int64_t ends_at;
	bool is_cancelled;
	bool is_call;
	bool extra_guests;
} WaMeeting;

typedef struct WaInvite
{
	WaStr jid; /* group or newsletter */
	WaStr name;
	WaStr code;
	int64_t expires_at; /* Unix seconds */
	bool is_community;
} WaInvite;

typedef struct WaCallEntry
{
	WaStr *participants;
	int32_t *outcomes; /* of each participant */
	size_t n_participants;
	int32_t outcome; /* fields-2.md CallOutcome */
	int32_t type;    /* CallType */
	int64_t seconds;
	int64_t starts_at_ms; /* scheduled calls */
	bool is_video;
} WaCallEntry;

/* What is encrypted with the secret of the message it speaks of (sheet 2 section 3.11). */
typedef enum WaAddonKind
{
	ADDON_POLL_VOTE,
	ADDON_EVENT_RESPONSE,
	ADDON_REACTION,
	ADDON_COMMENT,
	ADDON_EVENT_EDIT,
	ADDON_MESSAGE_EDIT,
	ADDON_POLL_EDIT,
	ADDON_POLL_ADD_OPTION,
	ADDON_UNKNOWN, /* a use nobody knows: kept, cannot be opened */
} WaAddonKind;

typedef struct WaAddon
{
	WaAddonKind kind;
	WaStr payload; /* ciphertext and tag */
	WaStr iv;
} WaAddon;

/* protocolMessage (sheet 2 section 3.7): numbers are the protocol's. */
typedef enum WaProtocolType
{
	PROTOCOL_REVOKE = 0,
	PROTOCOL_EPHEMERAL_SETTING = 3,
	PROTOCOL_HISTORY_SYNC = 5,
	PROTOCOL_APP_STATE_KEYS = 6,
	PROTOCOL_APP_STATE_KEY_REQUEST = 7,
	PROTOCOL_APP_STATE_FATAL = 10,
	PROTOCOL_SHARE_PHONE_NUMBER = 11,
	PROTOCOL_EDIT = 14,
	PROTOCOL_PEER_REQUEST = 16,
	PROTOCOL_PEER_RESPONSE = 17,
	PROTOCOL_MEDIA_NOTIFY = 20,
	PROTOCOL_LID_MAPPING = 22,
	PROTOCOL_STATUS_MENTION = 25,
	PROTOCOL_LIMIT_SHARING = 27,
	PROTOCOL_MEMBER_LABEL = 30,
} WaProtocolType;

typedef struct WaHistoryNotice
{
	WaMedia media; /* of kind MEDIA_HISTORY; without a key when the payload is inline */
	WaStr payload; /* deflated HistorySync, inline; absent: fetch media */
	int32_t sync_type;
	uint32_t chunk;
	uint32_t progress; /* percent */
	int64_t oldest_at; /* Unix seconds */
	WaStr original_id; /* of the notification, when this one repeats it */
	WaStr request_id;  /* ours, in the answer to an on-demand request */
	WaStr handle;      /* encHandle: to delete the blob */
} WaHistoryNotice;

typedef struct WaAppStateKey
{
	WaStr id;
	WaStr data; /* 32 bytes; absent: the phone does not have it */
	WaStr fingerprint;
	int64_t at;
} WaAppStateKey;

/* One answer to a peer data operation; what it does not hold is absent. */
typedef struct WaPeerResult
{
	WaStr web_message;  /* WebMessageInfo, for history_message */
	WaStr snapshot;     /* app state, for the recovery of a collection */
	bool is_compressed; /* the snapshot is */
	int32_t sync_type;  /* history chunk retry */
	uint32_t chunk;
	int32_t code; /* of a history request; -1: none */
} WaPeerResult;

struct WaMessage;

typedef struct WaProtocol
{
	int32_t type;             /* WaProtocolType, or a number nobody knows */
	struct WaMessage *edited; /* PROTOCOL_EDIT: the new content */
	int64_t at_ms;            /* Unix milliseconds of the edit */
	uint32_t expires_in;      /* PROTOCOL_EPHEMERAL_SETTING: seconds, 0 off */
	int64_t ephemeral_setting_at;
	WaHistoryNotice *history;
	WaAppStateKey *keys; /* shared; or requested, with ids only */
	size_t n_keys;
	WaAlias *aliases;          /* PROTOCOL_LID_MAPPING, all authoritative */
	int64_t chats_migrated_at; /* and when the phone's chats moved to LIDs */
	int32_t peer_type;         /* PROTOCOL_PEER_RESPONSE: PeerDataOperationRequestType */
	WaStr request_id;          /* the request it answers */
	WaPeerResult *results;
	size_t n_results;
	bool has_limit_sharing;
	bool limit_sharing;
	WaStr member_label; /* "" takes it away */
	int64_t member_label_at;
} WaProtocol;

typedef struct WaMessage
{
	WaMessageKind kind;
	uint32_t field;         /* number of the content in Message; 0 without content */
	uint32_t flags;         /* MESSAGE_VIEW_ONCE ... */
	const char *refusal;    /* why the content was refused, a constant; then kind is MESSAGE_NONE */
	WaStr content;          /* the content's own bytes, undecoded */
	WaStr body;             /* text, caption, poll's question, reaction ("" takes it back) */
	WaStr title;            /* preview's, document's, event's, contact's name */
	WaStr description;      /* preview's */
	WaStr matched;          /* the link that the preview shows */
	WaStr selected_id;      /* MESSAGE_BUSINESS_REPLY */
	WaStr destination;      /* MESSAGE_DEVICE_SENT: the chat */
	WaStr secret;           /* 32 bytes: keep them for the add-ons to come */
	WaStr sender_key;       /* libsignal's distribution message, to file under the stanza's chat */
	WaStr sender_key_group; /* what the message claims; differs from the chat: ignore the key */
	WaMessageKey target;    /* what a reaction, edit, revoke, vote, pin, keep, comment speaks of */
	WaMessageKey parent;    /* the album or message this one hangs on */
	int32_t association;    /* how: AssociationType, 0 none */
	int32_t action;         /* pin, keep: 1 set, 2 taken back */
	int64_t at_ms;          /* sender's Unix milliseconds of an action; 0 not told */
	WaMessageContext context;
	WaMedia *media; /* each of these only where the kind has it */
	WaLocation *location;
	WaContactCard *contacts;
	size_t n_contacts;
	WaPoll *poll;
	WaMeeting *event;
	WaInvite *invite;
	WaCallEntry *call;
	WaAddon *addon;
	WaProtocol *protocol;
	struct WaMessage *comment; /* MESSAGE_COMMENT */
	WaStr *receivers;          /* MESSAGE_GROUP_HISTORY...: who may read it */
	size_t n_receivers;
	uint32_t album_images;
	uint32_t album_videos;
} WaMessage;

/*
 * Decodes an unpadded plaintext.  What a peer may not say (another account's
 * device-sent message, protocol messages that only the own devices send) is
 * refused: kind MESSAGE_NONE, refusal tells why, and nothing else of it is
 * believed.  WA_ERR_MALFORMED: no Message (ack with error 491).  WA_ERR_LIMIT:
 * too long, or nested deeper than MESSAGE_MAX_DEPTH.
 */
extern WaStatus message_decode(WaArena *arena, WaStr plaintext, const WaMessageScope *scope,
							   WaMessage *out);

/*
 * The members of the meta column as one JSON object: what of a message has no
 * column of its own.  Keys, secrets and ciphertext are left out.  WA_STR_NONE
 * when memory is out (the arena has failed then) or over MESSAGE_MAX_JSON.
 */
extern WaStr message_to_json(WaArena *arena, const WaMessage *message);

#define MESSAGE_MAX_JSON (1 << 20) /* bytes */

#endif /* WA_MESSAGE_H */
