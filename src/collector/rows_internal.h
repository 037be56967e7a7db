/*
 * rows_internal.h
 *		What the files of rows share; for rows*.c only.
 */
#ifndef WA_ROWS_INTERNAL_H
#define WA_ROWS_INTERNAL_H

#include "put.h"
#include "rows.h"

/* Where, by whom and when something is said; strings are clean. */
typedef struct RowsSource
{
	WaStr chat;
	WaStr chat_pn; /* the chat's other forms; absent when they are chat itself */
	WaStr chat_lid;
	bool is_group;
	WaIdentity other; /* direct chats: the other side */
	WaIdentity from;
	bool from_me;
	bool is_peer;      /* between the account's own devices */
	bool admin_revoke; /* the server says that an admin takes it back */
	WaStr id;
	WaStr origin;
	int64_t sent_us;
	int64_t expires_at; /* Unix seconds; 0: what the content says of it counts */
	int32_t flags;
} RowsSource;

/* One event being converted. */
typedef struct RowsBuilder
{
	WaArena *arena;
	const RowsContext *context;
	Rows *out;
	RowsFact **tail;
	WaStatus status; /* the first error sticks */
} RowsBuilder;

extern void rows_begin(RowsBuilder *builder, WaArena *arena, const RowsContext *context, Rows *out);
/* The builder's status; *out is emptied after an error. */
extern WaStatus rows_end(RowsBuilder *builder);

/* s, repaired when it is no valid UTF-8, of at most max bytes; absent when empty. */
extern WaStr rows_clean(RowsBuilder *builder, WaStr s, size_t max);
/* at_us when it is a time that can be, else otherwise_us. */
extern int64_t rows_time(const RowsBuilder *builder, int64_t at_us, int64_t otherwise_us);
/* Gives source its chat: a group's JID, or a person. */
extern void rows_set_chat(RowsBuilder *builder, RowsSource *source, WaStr chat, WaIdentity other);
/* False for what has no place in the tables: newsletters, status, lists. */
extern bool rows_has_place(WaStr chat);
/* The account of the bot. */
extern WaIdentity rows_self(RowsBuilder *builder);

/*
 * A fact between these two is {"fact": name, "received_at": ..., and what the
 * caller adds to json}.
 */
extern void rows_open_fact(RowsBuilder *builder, WaJson *json, WaBuf *buf, const char *name);
extern void rows_close_fact(RowsBuilder *builder, WaJson *json, WaBuf *buf);
/* The same for a fact of something said: chat, from, from_me, at, id are in it. */
extern void rows_open_said(RowsBuilder *builder, WaJson *json, WaBuf *buf, const char *name,
						   const RowsSource *source, int64_t at_us);
/* The message that a key written by source speaks of. */
extern void rows_put_target(RowsBuilder *builder, WaJson *json, const RowsSource *source,
							const WaMessageKey *key);
/* The same when it is known who wrote it. */
extern void rows_put_target_by(RowsBuilder *builder, WaJson *json, WaStr id, const WaIdentity *by,
							   bool from_me);
extern void rows_put_chat(WaJson *json, const RowsSource *source);

/* Whatever content comes to: a row, a fact, or nothing. */
extern void rows_add_content(RowsBuilder *builder, const RowsSource *source,
							 const WaMessage *content, WaStr plaintext);
/* A row without content; trouble, attempts, phone_asked go to extra. */
extern void rows_add_unread(RowsBuilder *builder, const RowsSource *source, const char *state,
							const char *trouble, unsigned attempts, bool phone_asked);
/* Reactions, votes, responses, receipts that another device kept with a message. */
extern void rows_add_copy(RowsBuilder *builder, const RowsSource *source,
						  const WaHistoryMessage *copy);

/* extra of a message, WA_STR_NONE when there is nothing to tell (rows_extra.c). */
extern WaStr rows_extra(RowsBuilder *builder, const RowsSource *source, const WaMessage *content);

#endif /* WA_ROWS_INTERNAL_H */
