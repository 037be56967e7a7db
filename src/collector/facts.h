/*
 * facts.h
 *		Protocol events as JSON facts, the form in which wa_private.apply()
 *		takes them.  No PostgreSQL here: the conversion is tested on its own.
 *
 * Every fact is an object with "fact" and, when known, "received_at" (unix
 * seconds, fractional).  Members that are not known are left out.  Times are
 * unix seconds between 1970 and 9999.  IDENTITY is
 * {"lid","pn","username","push_name","display","country"}, and may be empty
 * where it stands for a participant that the server does not identify.
 *
 *	status			status, reason, code, detail, hint, until, retry_in (s;
 *					left out: no further attempt)
 *	aliases			source, pairs: [{lid, pn, authoritative}]
 *	group			source: list | query, asked_at, group: GROUP
 *	group_list		asked_at, jids: [...]: the bot is in exactly these
 *	group_gone		group: jid
 *	group_change	group, notification, ordinal, kind, known, at, offline,
 *					actor: IDENTITY (left out: the server), reason,
 *					version_before, version_after,
 *					targets: [IDENTITY + role, label, joined_at, error],
 *					text, text_id, parent_jid,
 *					settings: {announce, locked, join_approval (bool),
 *					ephemeral_seconds, member_add_mode, member_link_mode},
 *					roster_incomplete, carried: GROUP (create, link, unlink),
 *					also_carried: [GROUP] (when there are several),
 *					raw: node as JSON
 *	number_change	before: IDENTITY, after: IDENTITY
 *	caught_up		announced, received, covered
 *	raw				tag, type, id, from, node
 *	receipt			chat, type, entries: [{id, who: IDENTITY, kind, at, by_self}]
 *	identity_change	who: IDENTITY
 *	history_notice	id, at, sync_type, chunk, progress, oldest_at, media,
 *					payload (base64), request_id, original_id
 *
 * and of what the account's other devices set, all with source and at:
 *
 *	contact			who: IDENTITY, full_name, first_name, removed
 *	people			people: [IDENTITY]
 *	chat			chat, one of muted_until (0: not), pinned, archived
 *	label			id, name, color, deleted
 *	chat_label		id, chat, on
 *	message_label	id, chat, message, on
 *
 * What people write and say about it is in rows.h.
 *
 * GROUP is {jid, subject, subject_at, subject_by: IDENTITY, created_at,
 * creator: IDENTITY, description, description_id, description_at,
 * description_by, size, addressing_mode, version, settings (as above),
 * parent_jid, is_parent, is_default_subgroup, incognito, suspended, complete,
 * partial, error, participants: [IDENTITY + role, label, joined_at]}.  A
 * partial group is a mention (link, unlink, an entry with error): what it does
 * not say is unknown, not off.  What group.h says of the kinds of changes and
 * of complete holds here.
 *
 * Limits: a text (subject, description, text, detail) is cut at
 * FACTS_MAX_TEXT bytes, every other string at FACTS_MAX_NAME, between
 * characters.  A raw node over FACTS_MAX_RAW bytes of JSON is replaced by
 * {"tag", "omitted_bytes"}.
 *
 * QR codes, pairing codes, device keys and prekeys are no facts: they are
 * secrets and the store writes them with statements of their own.
 */
#ifndef WA_FACTS_H
#define WA_FACTS_H

#include "client.h"

#define FACTS_MAX_TEXT 65536
#define FACTS_MAX_NAME 1024
#define FACTS_MAX_RAW (1 << 20)

/*
 * Appends the fact of event to out.  received_us is wall time, 0 unknown.
 * False when the kind is none (a secret); out is untouched then.  *status is
 * WA_OK, or WA_ERR_LIMIT or WA_ERR_NOMEM, and then out holds a torso.
 */
extern bool facts_write(const WaEvent *event, int64_t received_us, WaBuf *out, WaStatus *status);

/* The same for one action of EVENT_APP_ACTIONS; false: it tells nothing. */
extern bool facts_write_action(const WaAppAction *action, int64_t received_us, WaBuf *out,
							   WaStatus *status);

#endif /* WA_FACTS_H */
