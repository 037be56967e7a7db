/*
 * group.h
 *		Groups: metadata, rosters and w:gp2 changes as typed records.
 *		Sheet 2 section 2.  Everything lives in the stanza's arena.
 *
 * A missing or senseless attribute costs that attribute and nothing else.
 * Times are Unix seconds between 1970 and 9999, anything else counts as not
 * said.  Memory that runs out shows in arena->failed, and what came back then
 * is incomplete.
 */
#ifndef WA_GROUP_H
#define WA_GROUP_H

#include "identity.h"

typedef enum WaRole
{
	GROUP_MEMBER,
	GROUP_ADMIN,
	GROUP_SUPERADMIN
} WaRole;

typedef struct WaParticipant
{
	WaIdentity who; /* may be unknown: only counted then */
	WaRole role;
	WaStr label;       /* member tag */
	int64_t joined_at; /* unix s, 0 unknown */
	WaStr error;
	struct WaParticipant *next;
} WaParticipant;

/* A setting that was not said is -1 (flags, seconds) or absent (strings). */
typedef struct WaGroupSettings
{
	int announce; /* 1 only admins send */
	int locked;   /* 1 only admins edit */
	int join_approval;
	int64_t ephemeral_seconds; /* 0 messages stay */
	WaStr member_add_mode;     /* admin_add, all_member_add */
	WaStr member_link_mode;    /* admin_link, all_member_link */
} WaGroupSettings;

typedef struct WaGroup
{
	WaStr jid; /* always "...@g.us" */
	WaStr subject;
	int64_t subject_at;
	WaIdentity subject_by;
	int64_t created_at;
	WaIdentity creator;
	WaStr description; /* absent: none */
	WaStr description_id;
	int64_t description_at;
	WaIdentity description_by;
	int64_t size;          /* -1 not said */
	WaStr addressing_mode; /* "lid" or "pn" */
	int64_t version;       /* p_v_id, -1 not said */
	WaGroupSettings settings;
	WaStr parent_jid;
	bool is_parent;
	bool is_default_subgroup;
	bool incognito;
	bool suspended;
	bool truncated;
	bool partial;  /* a mention without metadata: what is not said is not known */
	bool complete; /* the roster lists everybody: may be used to remove */
	WaStr error;   /* a list's entry about a group that cannot be read: "403" not in it */
	WaParticipant *participants;
	int n_participants;
	const WaNode *node; /* raw */
	struct WaGroup *next;
} WaGroup;

extern const char *group_role_name(WaRole role); /* member, admin, superadmin */

/*
 * The metadata in a <group> node: what has no child there is off, so that the
 * settings are all said (the modes are not: the server leaves them out).
 * complete is false when the server says that it left people out, when size
 * exceeds the people listed, when nobody is listed, or when somebody is listed
 * without any address.  NULL when the node names no group or memory is out
 * (arena->failed).
 */
extern WaGroup *group_parse(const WaNode *group_node);
/*
 * Answer of the participating or batch query: a list, *count its length; NULL
 * with 0 for a bot in no group.  *all is false when these need not be all:
 * the answer is an error, has no list, or an entry that names no group.
 */
extern WaGroup *group_parse_list(const WaNode *iq, int *count, bool *all);

/*
 * One child of a w:gp2 notification.
 *
 * Whom and what it is about, by kind (sheet 2 section 2.6):
 *	modify, change_number		actor is the old identity, target the new one
 *	membership_approval_request	target is who asks: the actor
 *	created_membership_requests	targets are the <requested_user>s, actor who proposed them
 *	revoked_membership_requests	targets; a target that is the actor took it back himself
 *	promote, demote				target's role is the one he has afterwards
 *	create						group is the whole group; there are no targets
 *	link, unlink				groups are mentions; text is link_type or unlink_type.  A group
 *								linked as sub_group has group_jid as parent_jid, one linked as
 *								parent_group is_parent
 * reason is the attribute reason, request_method or unlink_reason.
 */
typedef struct WaGroupChange
{
	WaStr group_jid;
	WaStr notification_id;
	int ordinal; /* position among the children, from 0 */
	WaStr kind;  /* the child's tag; "unknown:<tag>" (of 64 bytes) when not in the sheet */
	bool known;
	int64_t at;       /* server time, unix s */
	bool offline;     /* came from the offline queue */
	WaIdentity actor; /* all absent: the server */
	WaStr reason;
	int64_t version_before; /* prev_v_id, -1 not said */
	int64_t version_after;  /* v_id */
	WaParticipant *targets;
	int n_targets;
	WaGroupSettings settings; /* what the change sets */
	WaStr text;               /* new subject, description, invite code, mode, link type */
	WaStr text_id;            /* the description's id */
	WaStr parent_jid;         /* the community that a request came through */
	WaGroup *groups;          /* create, link, unlink: the groups they carry */
	bool roster_incomplete;   /* missing_participant_identification in this notification */
	const WaNode *node;       /* the raw child */
	struct WaGroupChange *next;
} WaGroupChange;

/*
 * All children in order.  NULL with *count 0 when there are none or the
 * notification names no group: nothing is understood then, keep it raw.
 */
extern WaGroupChange *group_parse_changes(const WaNode *notification, int *count);

/* Queries (sheet 2 section 2.1); the caller sets the id. */
extern WaNode *group_query_all(WaArena *arena);
extern WaNode *group_query_one(WaArena *arena, WaStr jid);

#endif /* WA_GROUP_H */
