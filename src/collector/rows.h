/*
 * rows.h
 *		What people write, in the form in which wa_private.apply() takes it: a
 *		message is a row of columns, whatever speaks of a message is a fact.
 *		No PostgreSQL here: the conversion is tested on its own.
 *
 * Both sources end in the same form: a stanza's news, and what the phone tells
 * of the past.  Content comes from peers and is hostile: texts are valid UTF-8
 * without NUL and bounded, times are sane, numbers fit SQL's integers, and
 * nobody edits or takes back what somebody else wrote but an admin.
 *
 * Facts, beside those of facts.h.  Each has chat (with chat_pn, chat_lid when
 * known), from: IDENTITY, from_me, at (unix s, fraction), id (of the stanza);
 * target is {id, by: IDENTITY, from_me}.  What an add-on comes to has addon_id:
 *
 *	reaction		target, text ("": taken back)
 *	edit			target, kind, body, extra
 *	revoke			target, by_admin
 *	vote			target, hashes: [hex of each option's SHA-256]
 *	response		target, response (1 going, 2 not, 3 maybe), extra_guests
 *	addon			target, addon_kind, payload, iv (base64): not readable yet
 *	member_label	label ("": taken away)
 *	chat			chat, name, display_name, ephemeral_seconds, ephemeral_at,
 *					archived, pinned, muted_until, unread, source, at
 *	people			group, people: [IDENTITY]
 *	contact			who, full_name, source
 *	history_change	group, kind, reason, actor, targets: [IDENTITY], text
 *	past_members	group, leavers: [{who, removed, at}]
 *	receipt			chat, type: "history", entries: [{id, who, kind, at, by_self}]
 */
#ifndef WA_ROWS_H
#define WA_ROWS_H

#include "addon.h"
#include "client.h"

#define ROWS_MAX_BODY 262144 /* bytes: 65,536 characters, which is WhatsApp's own limit */
#define ROWS_MAX_ID 256      /* bytes of a message id; real ones have up to 40 */
#define ROWS_MAX_MENTIONS 1024
#define ROWS_MAX_MEMORY (64 << 20) /* for an arena that one message's rows are made in */

/* m_flags of wa_private.apply(): stored, never to change their meaning. */
#define ROWS_FROM_ME 1
#define ROWS_VIEW_ONCE 2
#define ROWS_FORWARDED 4
#define ROWS_EPHEMERAL 8
#define ROWS_EDITED 16
#define ROWS_OFFLINE 32
#define ROWS_MENTIONS_ALL 64
#define ROWS_BROADCAST 128
#define ROWS_GROUP_STATUS 256
#define ROWS_STARRED 512
#define ROWS_HIDE 1024 /* no visible row as long as it cannot be read */

/* One element of each m_ array; an absent string is SQL's NULL. */
typedef struct RowsMessage
{
	WaStr chat;
	WaStr lid;
	WaStr pn;
	WaStr name;
	WaStr id;
	WaStr kind;
	WaStr body;
	WaStr state;
	WaStr origin;
	WaStr extra; /* JSON */
	WaStr raw;
	WaStr secret;
	int64_t sent_us;     /* Unix microseconds, never 0 */
	int64_t received_us; /* the same */
	int32_t flags;
} RowsMessage;

typedef struct RowsFact
{
	WaStr json;
	struct RowsFact *next;
} RowsFact;

/* What one event comes to; strings live in the arena or are borrowed from the event. */
typedef struct Rows
{
	bool has_message;
	RowsMessage message;
	RowsFact *facts; /* after the message, in this order */
} Rows;

typedef struct RowsContext
{
	WaSelf self;         /* the bot's account */
	int64_t received_us; /* wall time */
	bool keep_raw;       /* wa_collector.keep_raw */
} RowsContext;

/*
 * A stanza's news.  Nothing comes out of what has no place in the tables:
 * newsletters, status posts, talk among the account's own devices.
 * WA_ERR_NOMEM, WA_ERR_LIMIT: *out holds nothing.
 */
extern WaStatus rows_of_news(WaArena *arena, const RowsContext *context, const WaMessageNews *news,
							 Rows *out);

/* One event of a history chunk, as above. */
extern WaStatus rows_of_history(WaArena *arena, const RowsContext *context,
								const WaHistoryEvent *event, Rows *out);

/* An add-on that could not be read when it came: what its fact "addon" said. */
typedef struct RowsAddon
{
	int64_t addon_id; /* the table's number of it, which its fact names */
	WaStr chat;       /* as m_chat */
	WaStr target_id;
	WaIdentity target_by;
	WaIdentity from;
	bool from_me;
	WaStr id;
	int64_t at_us;
} RowsAddon;

/* The same now that addon_open has read it. */
extern WaStatus rows_of_addon(WaArena *arena, const RowsContext *context, const RowsAddon *addon,
							  const WaAddonContent *content, Rows *out);

#endif /* WA_ROWS_H */
