/*
 * group.h
 *		Groups: metadata, rosters and w:gp2 changes as typed records.
 *		Sheet 2 section 2.  Everything lives in the stanza's arena.
 */
#ifndef WA_GROUP_H
#define WA_GROUP_H

#include "identity.h"

typedef enum WaRole
{
	GROUP_MEMBER, GROUP_ADMIN, GROUP_SUPERADMIN
} WaRole;

typedef struct WaParticipant
{
	WaIdentity	who;
	WaRole		role;
	WaStr		label;			/* member tag */
	int64_t		joined_at;		/* unix s, 0 unknown */
	WaStr		error;
	struct WaParticipant *next;
} WaParticipant;

/* A setting that was not said is -1 (flags, seconds) or absent (strings). */
typedef struct WaGroupSettings
{
	int			announce;		/* 1 only admins send */
	int			locked;			/* 1 only admins edit */
	int			join_approval;
	int64_t		ephemeral_seconds;
	WaStr		member_add_mode;	/* admin_add, all_member_add */
	WaStr		member_link_mode;
} WaGroupSettings;

typedef struct WaGroup
{
	WaStr		jid;
	WaStr		subject;
	int64_t		subject_at;
	WaIdentity	subject_by;
	int64_t		created_at;
	WaIdentity	creator;
	WaStr		description;	/* absent: none */
	WaStr		description_id;
	int64_t		description_at;
	WaIdentity	description_by;
	int64_t		size;			/* -1 not said */
	WaStr		addressing_mode;	/* "lid" or "pn" */
	int64_t		version;		/* p_v_id, -1 not said */
	WaGroupSettings settings;
	WaStr		parent_jid;
	bool		is_parent;
	bool		is_default_subgroup;
	bool		incognito;
	bool		suspended;
	bool		truncated;
	bool		complete;		/* the roster lists everybody: may be used to remove */
	WaParticipant *participants;
	int			n_participants;
	const WaNode *node;			/* raw */
	struct WaGroup *next;
} WaGroup;

extern const char *group_role_name(WaRole role);	/* member, admin, superadmin */

/* NULL when the node names no group or memory is out (arena->failed). */
extern WaGroup *group_parse(const WaNode *group_node);
/* Answer of the participating or batch query: a list, *count its length. */
extern WaGroup *group_parse_list(const WaNode *iq, int *count);

/* One child of a w:gp2 notification. */
typedef struct WaGroupChange
{
	WaStr		group_jid;
	WaStr		notification_id;
	int			ordinal;		/* position among the children */
	WaStr		kind;			/* the child's tag; "unknown:<tag>" when not in the sheet */
	bool		known;
	int64_t		at;				/* server time, unix s */
	bool		offline;		/* came from the offline queue */
	WaIdentity	actor;			/* all absent: the server */
	WaStr		reason;
	int64_t		version_before; /* prev_v_id, -1 not said */
	int64_t		version_after;	/* v_id */
	WaParticipant *targets;
	int			n_targets;
	WaGroupSettings settings;	/* what the change sets */
	WaStr		text;			/* new subject, description, invite code, mode */
	WaGroup    *group;			/* create, link, unlink: the group they carry */
	bool		roster_incomplete;	/* missing_participant_identification */
	const WaNode *node;			/* the raw child */
	struct WaGroupChange *next;
} WaGroupChange;

/* All children in order; NULL with *count 0 when there are none. */
extern WaGroupChange *group_parse_changes(const WaNode *notification, int *count);

/* Queries (sheet 2 section 2.1); the caller sets the id. */
extern WaNode *group_query_all(WaArena *arena);
extern WaNode *group_query_one(WaArena *arena, WaStr jid);

#endif							/* WA_GROUP_H */
