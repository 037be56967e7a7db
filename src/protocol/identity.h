/*
 * identity.h
 *		Who a stanza speaks of: LID and phone number of one person, taken from
 *		every attribute that carries them.  Sheet 2 section 1.2.
 *
 * Results live in the arena of the node they come from.  Nothing here fails
 * but for memory, which the arena records: check arena->failed at the end.
 */
#ifndef WA_IDENTITY_H
#define WA_IDENTITY_H

#include "node.h"

/* A longer JID is nobody's: real ones are under 40 bytes, and they become index keys. */
#define IDENTITY_MAX_JID 128

/* Bare JIDs in text form, no device; any may be absent. */
typedef struct WaIdentity
{
	WaStr lid; /* "123@lid" */
	WaStr pn;  /* "4917...@s.whatsapp.net" */
	WaStr username;
	WaStr push_name; /* notify; never "" or "-" */
	WaStr display;   /* masked number, "+55∙∙∙79" */
	WaStr country;   /* country code attribute */
} WaIdentity;

/*
 * The person named by attribute key with its companions "<key>_pn", "<key>_lid",
 * "<key>_username", "<key>_country_code": key is "participant", "creator", "s_o".
 */
extern WaIdentity identity_of_key(const WaNode *node, const char *key);
/* Who did what a notification tells: participant and notify of its root. */
extern WaIdentity identity_of_actor(const WaNode *notification);
/* <participant>, <requested_user>, <user>, <device>: jid, phone_number, lid ... */
extern WaIdentity identity_of_participant(const WaNode *participant);
/* One or both forms of a person, in any order; what is no user's JID is ignored. */
extern WaIdentity identity_from(WaArena *arena, WaStr jid, WaStr other_jid);
/*
 * Both sides of <notification type=contacts><modify old new old_lid new_lid>,
 * somebody's new number.  False when the stanza tells of none.
 */
extern bool identity_number_change(const WaNode *notification, WaIdentity *before,
								   WaIdentity *after);
extern bool identity_is_known(const WaIdentity *identity);           /* LID or PN present */
extern bool identity_same(const WaIdentity *a, const WaIdentity *b); /* LID with LID, PN with PN */

/* A LID and a phone number that belong to one person. */
typedef struct WaAlias
{
	WaStr lid;
	WaStr pn;
	bool authoritative; /* may replace what is known; else only fills gaps */
	struct WaAlias *next;
} WaAlias;

/*
 * Collects all pairs of a stanza, its descendants included, in the order of
 * the stanza.  A pair may occur more than once, and pairs may contradict each
 * other.  NULL when there are none.
 */
extern WaAlias *identity_harvest(const WaNode *stanza);
/*
 * The pair that two JIDs of one person make, in any order: how <success lid>
 * meets the device's own number, which is authoritative.  NULL when they are
 * not one LID and one phone number.
 */
extern WaAlias *identity_pair(WaArena *arena, WaStr jid, WaStr other_jid, bool authoritative);

#endif /* WA_IDENTITY_H */
