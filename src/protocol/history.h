/*
 * history.h
 *		History sync: what the phone tells a new companion, read while it comes.
 *		Sheet 2 section 9.
 *
 * A chunk may inflate to hundreds of megabytes and is never held: at most one
 * message is (HISTORY_MAX_ITEM), and what one item decodes to.  Feed the
 * inflated bytes and take the events until it asks for more:
 *
 *		while (more) {
 *			history_feed(&history, piece, len);
 *			while ((status = history_next(&history, &event)) == WA_OK) ...
 *			if (status != WA_NEED_MORE) broken chunk
 *		}
 *		status = history_end(&history);
 *
 * The same chunk always gives the same events: to resume one, feed it again and
 * pass over as many events as were stored (history.n_events).
 */
#ifndef WA_HISTORY_H
#define WA_HISTORY_H

#include "message.h"

#define HISTORY_MAX_ITEM (4 << 20)   /* bytes of one message or list; a larger one is passed over */
#define HISTORY_MAX_FEED (256 << 10) /* bytes of one piece */
#define HISTORY_MAX_MEMORY (24 << 20) /* bytes that one item may decode to */
#define HISTORY_MAX_TEXT 65536        /* bytes of one text of a conversation */

/* What happened in a group, told by a message that is none (sheet 2 section 2.7). */
typedef struct WaHistoryChange
{
	const char *kind;   /* as WaGroupChange.kind has it: add, remove, promote ... */
	const char *reason; /* invite, linked_group_join ...; NULL none */
	WaStr actor;        /* may be absent */
	WaStr *targets;     /* JIDs as the phone wrote them */
	size_t n_targets;
	WaStr text; /* new subject or description, whatever else the phone says first */
} WaHistoryChange;

typedef struct WaHistoryReaction
{
	WaStr by; /* JID; absent: the chat's other side, or the own account when from_me */
	bool from_me;
	WaStr text;
	int64_t at_ms;
} WaHistoryReaction;

typedef struct WaHistoryVote
{
	WaStr by;
	bool from_me;
	WaStr id;        /* the vote's own message id */
	WaStr *selected; /* 32-byte hashes */
	size_t n_selected;
	int64_t at_ms;
} WaHistoryVote;

typedef struct WaHistoryResponse
{
	WaStr by;
	bool from_me;
	WaStr id;
	int32_t response; /* WaAddonContent.response */
	int32_t extra_guests;
	int64_t at_ms;
} WaHistoryResponse;

typedef struct WaHistoryReceipt
{
	WaStr by;
	int64_t delivered_at; /* Unix seconds; 0 not told */
	int64_t read_at;
	int64_t played_at;
} WaHistoryReceipt;

/* WebMessageInfo.  A message without content has change, or is only known to have been. */
typedef struct WaHistoryMessage
{
	WaMessageKey key;
	WaStr sender;   /* JID; absent in direct chats (key tells) and when not told */
	int64_t at;     /* Unix seconds */
	int32_t status; /* 0 error ... 2 server, 3 delivered, 4 read, 5 played */
	WaStr push_name;
	WaStr business_name;
	WaStr secret;       /* 32 bytes */
	WaMessage *content; /* NULL: none, or none that can be read */
	WaStr plaintext;    /* the content, undecoded */
	uint32_t stub_type; /* 0 none */
	WaStr *stub_texts;
	size_t n_stub_texts;
	WaHistoryChange *change; /* when the stub is a change of the group */
	int64_t revoked_at_ms;   /* 0 not */
	int64_t expires_at;      /* Unix seconds; 0 never */
	bool starred;
	bool broadcast;
	bool group_history; /* came from another member, not from the phone */
	WaHistoryReaction *reactions;
	size_t n_reactions;
	WaHistoryVote *votes;
	size_t n_votes;
	WaHistoryResponse *responses;
	size_t n_responses;
	WaHistoryReceipt *receipts;
	size_t n_receipts;
} WaHistoryMessage;

/* Texts are absent and numbers 0 when not told. */
typedef struct WaHistoryConversation
{
	WaStr id; /* chat JID, LID or phone number */
	WaStr name;
	WaStr display_name;
	WaStr pn;
	WaStr lid;
	WaStr account_lid;
	WaStr username;
	WaStr description;
	WaStr created_by;
	WaStr parent_group;
	int64_t created_at;
	int64_t last_message_at;
	int64_t muted_until;
	int64_t ephemeral_setting_at; /* Unix seconds, though the phone tells milliseconds here */
	uint32_t expires_in;          /* seconds: disappearing messages; 0 off */
	uint32_t unread;
	uint32_t pinned;
	bool archived;
	bool read_only; /* not a member any more */
	bool suspended;
	bool terminated;
	bool is_parent_group;
	bool is_default_subgroup;
	bool locked;
	bool more_on_phone;  /* the phone has older messages: may be asked on demand */
	uint64_t n_messages; /* that this chunk has of it */
} WaHistoryConversation;

typedef struct WaHistoryLeaver
{
	WaStr who;
	bool was_removed; /* else left */
	int64_t at;       /* Unix seconds */
} WaHistoryLeaver;

typedef enum WaHistoryEventKind
{
	HISTORY_MESSAGE,      /* message; chat */
	HISTORY_MEMBER,       /* chat, who, role, text: a member and his label */
	HISTORY_CONVERSATION, /* conversation, after everything of it */
	HISTORY_LEAVERS,      /* chat, leavers */
	HISTORY_NAME,         /* who, text: a push name */
	HISTORY_ALIAS,        /* who: LID and phone number of one person */
	HISTORY_CONTACT,      /* who, text: the address book's name */
} WaHistoryEventKind;

/* Lives until the next call.  A chat's id comes before its messages, as phones write it. */
typedef struct WaHistoryEvent
{
	WaHistoryEventKind kind;
	WaStr chat; /* the conversation's id so far; absent when it comes later */
	WaHistoryMessage *message;
	WaHistoryConversation *conversation;
	WaIdentity who;
	int32_t rank; /* HISTORY_MEMBER: 0 member, 1 admin, 2 superadmin */
	WaStr text;
	WaHistoryLeaver *leavers;
	size_t n_leavers;
} WaHistoryEvent;

typedef enum WaHistoryFormat
{
	HISTORY_SYNC,  /* HistorySync: the phone's */
	HISTORY_GROUP, /* GroupHistory: another member's bundle, only messages */
} WaHistoryFormat;

typedef struct WaHistory
{
	WaHistoryFormat format;
	bool only_people;   /* the host's to set before it feeds: no messages, no members */
	WaBuf pending;      /* fed and not read */
	WaArena arena;      /* of the event given last */
	WaArena chat_arena; /* of the open conversation */
	WaHistoryConversation conversation;
	bool in_conversation;
	bool ends_conversation;     /* its event was given: forget it on the next call */
	uint64_t conversation_left; /* its bytes not read yet */
	uint64_t skip_left;         /* bytes of a passed-over field to come */
	WaStatus status;            /* sticks once the chunk is broken */
	int32_t sync_type;          /* -1 not told yet */
	uint32_t chunk;
	uint32_t progress;         /* percent */
	int64_t chats_migrated_at; /* when the phone's chats moved to LIDs; 0 not */
	uint64_t n_events;         /* given */
	uint64_t n_bytes;          /* read */
	uint64_t n_oversized;      /* items passed over for their size */
	uint64_t n_malformed;      /* and for what they held */
} WaHistory;

extern void history_init(WaHistory *history, const WaEnv *env, WaHistoryFormat format);
extern void history_free(WaHistory *history);
/*
 * Adds up to HISTORY_MAX_FEED bytes; only after history_next has asked for more
 * (WA_ERR_STATE else).  WA_ERR_NOMEM: nothing was added, try again.
 */
extern WaStatus history_feed(WaHistory *history, const void *data, size_t len);
/*
 * WA_OK and an event; WA_NEED_MORE: feed, or it is the end; WA_ERR_MALFORMED: no
 * history; WA_ERR_NOMEM: call again when there is memory.  An item that cannot
 * be read does not end a chunk: it is counted.
 */
extern WaStatus history_next(WaHistory *history, WaHistoryEvent *out);
/* WA_ERR_MALFORMED when the chunk ends in the middle of something. */
extern WaStatus history_end(const WaHistory *history);

/*
 * One WebMessageInfo: of history, and as the phone's answer to a question for a
 * message (WaPeerResult.web_message).  Borrows nothing: all is in the arena.
 * WA_ERR_MALFORMED also without a key that names a message.
 */
extern WaStatus history_message(WaArena *arena, WaStr bytes, WaHistoryMessage *out);

#endif /* WA_HISTORY_H */
