/*
 * identity.h
 *		Who a stanza speaks of: LID and phone number of one person, taken from
 *		every attribute that carries them.  Sheet 2 section 1.2.
 */
#ifndef WA_IDENTITY_H
#define WA_IDENTITY_H

#include "node.h"

/* Bare JIDs in text form; any may be absent. */
typedef struct WaIdentity
{
	WaStr		lid;			/* "123@lid" */
	WaStr		pn;				/* "4917...@s.whatsapp.net" */
	WaStr		username;
	WaStr		push_name;		/* notify */
	WaStr		display;		/* masked number, "+55∙∙∙79" */
	WaStr		country;		/* country code attribute */
} WaIdentity;

/* Reads jid_key and its companions ("<prefix>_pn", "phone_number", "lid" ...). */
extern WaIdentity identity_of_actor(const WaNode *notification);	/* participant, participant_pn ... */
extern WaIdentity identity_of_participant(const WaNode *participant);	/* jid, phone_number, lid ... */
extern WaIdentity identity_from(WaArena *arena, WaStr jid, WaStr other_jid);
extern bool identity_is_known(const WaIdentity *identity);	/* LID or PN present */
extern bool identity_same(const WaIdentity *a, const WaIdentity *b);	/* LID with LID, PN with PN */

/* A LID and a phone number that belong to one person. */
typedef struct WaAlias
{
	WaStr		lid;
	WaStr		pn;
	bool		authoritative;	/* may replace what is known; else only fills gaps */
	struct WaAlias *next;
} WaAlias;

/*
 * Collects all pairs of a stanza, its descendants included, into a list in
 * the node's arena.  NULL when there are none.
 */
extern WaAlias *identity_harvest(const WaNode *stanza);

#endif							/* WA_IDENTITY_H */
