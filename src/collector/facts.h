/*
 * facts.h
 *		Protocol events as JSON facts, the form in which wa_private.apply()
 *		takes them.  No PostgreSQL here: the conversion is tested on its own.
 *
 * Every fact is an object with "fact" and, where it came from a stanza,
 * "received_at" (unix seconds, fractional).  Members that are not known are
 * left out.  Times are unix seconds.  IDENTITY is
 * {"lid","pn","username","push_name","display","country"}.
 *
 *	status			status, reason, code, detail, hint, until, retry_in (s)
 *	aliases			source, pairs: [{lid, pn, authoritative}]
 *	group			source: list | query | create, asked_at, group: GROUP
 *	group_list		asked_at, jids: [...]: the bot is in exactly these
 *	group_gone		group: jid
 *	group_change	group, notification, ordinal, kind, known, at, offline,
 *					actor: IDENTITY, reason, version_before, version_after,
 *					targets: [IDENTITY + role, label, error], text,
 *					settings: {announce, locked, join_approval (bool),
 *					ephemeral_seconds, member_add_mode, member_link_mode},
 *					roster_incomplete, carried: GROUP (create, link, unlink),
 *					raw: node as JSON
 *	number_change	before: IDENTITY, after: IDENTITY
 *	caught_up		announced, received, covered
 *	raw				tag, type, id, from, node
 *
 * GROUP is {jid, subject, subject_at, subject_by: IDENTITY, created_at,
 * creator: IDENTITY, description, description_id, description_at,
 * description_by, size, addressing_mode, version, settings (as above),
 * parent_jid, is_parent, is_default_subgroup, incognito, suspended, complete,
 * participants: [IDENTITY + role, label, joined_at]}.
 *
 * QR codes, pairing codes, device keys and prekeys are no facts: they are
 * secrets and the store writes them with statements of their own.
 */
#ifndef WA_FACTS_H
#define WA_FACTS_H

#include "client.h"

/*
 * Writes the fact of event to out.  False when the kind is none (a secret).
 * WA_ERR_LIMIT and WA_ERR_NOMEM come back in *status.
 */
extern bool facts_write(const WaEvent *event, int64_t received_us, WaBuf *out, WaStatus *status);

#endif							/* WA_FACTS_H */
