/*
 * storage_groups.sql
 *		Tables of groups and of who is in them.
 *
 * A boundary of a membership (joined, left) carries how sure it is, twice: in
 * time (x lies in (x_at - x_precision, x_at], null precision: no lower bound)
 * and in participant versions ((x_after_version, x_version]).
 */

CREATE FUNCTION wa_private.create_storage_groups()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa.groups (
		group_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		jid text COLLATE "C" NOT NULL UNIQUE,
		watch_level text NOT NULL CHECK (watch_level IN ('none', 'counts', 'members', 'messages')),
		watch_chosen boolean NOT NULL DEFAULT false,
		subject text,
		subject_at timestamptz,
		subject_by bigint,
		description text,
		description_id text,
		description_at timestamptz,
		description_by bigint,
		created_at timestamptz,
		creator bigint,
		size integer,
		addressing_mode text,
		announce boolean,
		locked boolean,
		join_approval boolean,
		ephemeral_seconds bigint,
		member_add_mode text,
		member_link_mode text,
		settings_at timestamptz,
		parent_jid text,
		is_parent boolean,
		is_default_subgroup boolean,
		incognito boolean,
		suspended boolean,
		deleted_at timestamptz,
		version bigint,
		changed_at timestamptz,
		equal_at timestamptz,
		equal_version bigint,
		roster_at timestamptz,
		roster_version bigint,
		roster_complete boolean,
		needs_refresh boolean NOT NULL DEFAULT false,
		refresh_reason text,
		refresh_asked_at timestamptz,
		unobserved_since timestamptz,
		first_seen_at timestamptz NOT NULL DEFAULT now()
	) WITH (fillfactor = 50);
	-- storages made before there were messages
	IF NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = 'wa.groups'::regclass AND k.conname = 'groups_watch_level_check'
				   AND pg_get_constraintdef(k.oid) LIKE '%messages%') THEN
		ALTER TABLE wa.groups DROP CONSTRAINT IF EXISTS groups_watch_level_check,
			ADD CONSTRAINT groups_watch_level_check CHECK (watch_level IN ('none', 'counts', 'members', 'messages'));
	END IF;
	ALTER TABLE wa.groups
		ADD COLUMN IF NOT EXISTS listed_since timestamptz,
		ADD COLUMN IF NOT EXISTS history_since timestamptz,
		ADD COLUMN IF NOT EXISTS history_until timestamptz;
	CREATE INDEX IF NOT EXISTS groups_needs_refresh_idx ON wa.groups (group_id) WHERE needs_refresh;
	CREATE INDEX IF NOT EXISTS groups_parent_jid_idx ON wa.groups (parent_jid) WHERE parent_jid IS NOT NULL;

	COMMENT ON TABLE wa.groups IS 'the groups our bots are or were in: one row per group, however many bots are in it';
	COMMENT ON INDEX wa.groups_needs_refresh_idx IS 'groups whose roster has to be asked for';
	COMMENT ON INDEX wa.groups_parent_jid_idx IS 'the groups of a community';
	COMMENT ON COLUMN wa.groups.group_id IS 'number of the group';
	COMMENT ON COLUMN wa.groups.jid IS 'its address in WhatsApp';
	COMMENT ON COLUMN wa.groups.watch_level IS 'what is stored: none (only that it exists), counts (sizes, nothing about people), members, messages (members and what they write)';
	COMMENT ON COLUMN wa.groups.watch_chosen IS 'a person chose the level; otherwise it is the default of a bot';
	COMMENT ON COLUMN wa.groups.subject IS 'its name';
	COMMENT ON COLUMN wa.groups.subject_at IS 'when the name was set';
	COMMENT ON COLUMN wa.groups.subject_by IS 'person who set it';
	COMMENT ON COLUMN wa.groups.description IS 'its description';
	COMMENT ON COLUMN wa.groups.description_id IS 'the server''s id of the description';
	COMMENT ON COLUMN wa.groups.description_at IS 'when the description was set';
	COMMENT ON COLUMN wa.groups.description_by IS 'person who set it';
	COMMENT ON COLUMN wa.groups.created_at IS 'when the group was created';
	COMMENT ON COLUMN wa.groups.creator IS 'person who created it';
	COMMENT ON COLUMN wa.groups.size IS 'members according to the server when it last said so, kept up with events at level counts';
	COMMENT ON COLUMN wa.groups.addressing_mode IS 'lid or pn: how members are addressed';
	COMMENT ON COLUMN wa.groups.announce IS 'only admins may write';
	COMMENT ON COLUMN wa.groups.locked IS 'only admins may change subject, picture and description';
	COMMENT ON COLUMN wa.groups.join_approval IS 'admins must approve who joins';
	COMMENT ON COLUMN wa.groups.ephemeral_seconds IS 'messages disappear after this many seconds; 0 never';
	COMMENT ON COLUMN wa.groups.member_add_mode IS 'admin_add or all_member_add: who may add members';
	COMMENT ON COLUMN wa.groups.member_link_mode IS 'admin_link or all_member_link: who may share the link';
	COMMENT ON COLUMN wa.groups.settings_at IS 'time of the newest news about these settings';
	COMMENT ON COLUMN wa.groups.parent_jid IS 'community the group belongs to';
	COMMENT ON COLUMN wa.groups.is_parent IS 'it is a community itself';
	COMMENT ON COLUMN wa.groups.is_default_subgroup IS 'it is the announcement group of its community';
	COMMENT ON COLUMN wa.groups.incognito IS 'numbers are hidden from members';
	COMMENT ON COLUMN wa.groups.suspended IS 'WhatsApp suspended it';
	COMMENT ON COLUMN wa.groups.deleted_at IS 'when it was deleted';
	COMMENT ON COLUMN wa.groups.version IS 'participant version of the newest change that was applied';
	COMMENT ON COLUMN wa.groups.changed_at IS 'when the newest change that was applied came in, or the newest list was asked for, by our clock';
	COMMENT ON COLUMN wa.groups.equal_at IS 'last time our members and the server''s were known to be the same';
	COMMENT ON COLUMN wa.groups.equal_version IS 'participant version at that time';
	COMMENT ON COLUMN wa.groups.roster_at IS 'when the last list of members that was used was asked for';
	COMMENT ON COLUMN wa.groups.roster_version IS 'participant version of that list';
	COMMENT ON COLUMN wa.groups.roster_complete IS 'that list named everybody';
	COMMENT ON COLUMN wa.groups.needs_refresh IS 'our members may differ from the server''s until a new list of members comes';
	COMMENT ON COLUMN wa.groups.refresh_reason IS 'why: new, gap, stale_roster, incomplete_roster, watched, contradiction';
	COMMENT ON COLUMN wa.groups.refresh_asked_at IS 'when a bot was last told to ask';
	COMMENT ON COLUMN wa.groups.unobserved_since IS 'since when nobody watches: no bot is in it any more, or the watch level was lowered; memberships stay as they were';
	COMMENT ON COLUMN wa.groups.first_seen_at IS 'when we first heard of it';
	COMMENT ON COLUMN wa.groups.listed_since IS 'when the first list that named all members was asked for; what happened before it is known from history only';
	COMMENT ON COLUMN wa.groups.history_since IS 'time of the oldest change that history tells of';
	COMMENT ON COLUMN wa.groups.history_until IS 'time of the newest change that history tells of';

	CREATE TABLE IF NOT EXISTS wa.bot_groups (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		group_id bigint NOT NULL REFERENCES wa.groups ON DELETE CASCADE,
		role text NOT NULL DEFAULT 'member',
		first_seen_at timestamptz NOT NULL,
		last_seen_at timestamptz NOT NULL,
		joined_at timestamptz,
		left_at timestamptz,
		PRIMARY KEY (bot_id, group_id)
	) WITH (fillfactor = 80);
	CREATE INDEX IF NOT EXISTS bot_groups_group_id_idx ON wa.bot_groups (group_id);

	COMMENT ON TABLE wa.bot_groups IS 'which bot is in which group';
	COMMENT ON INDEX wa.bot_groups_group_id_idx IS 'the bots in a group';
	COMMENT ON COLUMN wa.bot_groups.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.bot_groups.group_id IS 'the group';
	COMMENT ON COLUMN wa.bot_groups.role IS 'its role there: member, admin, superadmin';
	COMMENT ON COLUMN wa.bot_groups.first_seen_at IS 'when it was first known to be in the group';
	COMMENT ON COLUMN wa.bot_groups.last_seen_at IS 'when a list of members or of groups last showed it there';
	COMMENT ON COLUMN wa.bot_groups.joined_at IS 'when it joined the last time, if that was seen';
	COMMENT ON COLUMN wa.bot_groups.left_at IS 'when it left or was removed; null while it is in';

	CREATE TABLE IF NOT EXISTS wa.memberships (
		membership_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		group_id bigint NOT NULL REFERENCES wa.groups ON DELETE CASCADE,
		user_id bigint NOT NULL REFERENCES wa.users,
		role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'superadmin')),
		role_version bigint,
		label text,
		joined_at timestamptz NOT NULL,
		joined_precision interval,
		join_kind text NOT NULL
			CHECK (join_kind IN ('link', 'added', 'approved', 'community', 'created', 'unknown')),
		join_source text NOT NULL CHECK (join_source IN ('live', 'snapshot', 'history')),
		inviter bigint REFERENCES wa.users,
		join_event_id bigint,
		joined_version bigint,
		joined_after_version bigint,
		left_at timestamptz,
		left_precision interval,
		leave_kind text CHECK (leave_kind IN ('left', 'removed', 'unknown')),
		leave_source text CHECK (leave_source IN ('live', 'snapshot', 'history')),
		remover bigint REFERENCES wa.users,
		leave_event_id bigint,
		left_version bigint,
		left_after_version bigint,
		source text NOT NULL GENERATED ALWAYS AS (CASE WHEN leave_source <> 'live' THEN leave_source ELSE join_source END) STORED,
		CONSTRAINT memberships_order_check CHECK (left_at >= joined_at),
		CONSTRAINT memberships_left_check CHECK ((left_at IS NULL) = (leave_kind IS NULL)
			AND (left_at IS NULL) = (leave_source IS NULL))
	) WITH (fillfactor = 80);
	CREATE UNIQUE INDEX IF NOT EXISTS memberships_open_key ON wa.memberships (group_id, user_id) INCLUDE (joined_at) WHERE left_at IS NULL;
	CREATE INDEX IF NOT EXISTS memberships_group_id_user_id_idx ON wa.memberships (group_id, user_id, joined_at);
	CREATE INDEX IF NOT EXISTS memberships_user_id_idx ON wa.memberships (user_id);
	CREATE INDEX IF NOT EXISTS memberships_joined_at_idx ON wa.memberships (joined_at);
	CREATE INDEX IF NOT EXISTS memberships_left_at_idx ON wa.memberships (left_at) WHERE left_at IS NOT NULL;
	CREATE INDEX IF NOT EXISTS memberships_present_idx ON wa.memberships (user_id, group_id, joined_at) WHERE left_at IS NULL;
	CREATE INDEX IF NOT EXISTS memberships_admins_idx ON wa.memberships (group_id) WHERE left_at IS NULL AND role <> 'member';
	CREATE INDEX IF NOT EXISTS memberships_unknown_idx ON wa.memberships (group_id) WHERE left_at IS NULL AND joined_precision IS NULL;
	CREATE INDEX IF NOT EXISTS memberships_inviter_idx ON wa.memberships (inviter) WHERE inviter IS NOT NULL;
	CREATE INDEX IF NOT EXISTS memberships_remover_idx ON wa.memberships (remover) WHERE remover IS NOT NULL;

	COMMENT ON TABLE wa.memberships IS 'who was in which group from when to when: one row per stay';
	COMMENT ON INDEX wa.memberships_open_key IS 'nobody is in a group twice at a time; also finds the members of now';
	COMMENT ON INDEX wa.memberships_group_id_user_id_idx IS 'the stays of one person in one group';
	COMMENT ON INDEX wa.memberships_user_id_idx IS 'the stays of one person';
	COMMENT ON INDEX wa.memberships_joined_at_idx IS 'who joined when';
	COMMENT ON INDEX wa.memberships_left_at_idx IS 'who left when';
	COMMENT ON INDEX wa.memberships_present_idx IS 'where a person is now; counts the people of now without reading their stays';
	COMMENT ON INDEX wa.memberships_admins_idx IS 'the admins of a group';
	COMMENT ON INDEX wa.memberships_unknown_idx IS 'members of whom nobody knows since when';
	COMMENT ON INDEX wa.memberships_inviter_idx IS 'whom a person brought in';
	COMMENT ON INDEX wa.memberships_remover_idx IS 'whom a person removed';
	COMMENT ON CONSTRAINT memberships_order_check ON wa.memberships IS 'nobody leaves before they come';
	COMMENT ON CONSTRAINT memberships_left_check ON wa.memberships IS 'an end has a time, a kind and a source, or none of them';
	COMMENT ON COLUMN wa.memberships.membership_id IS 'number of the stay';
	COMMENT ON COLUMN wa.memberships.group_id IS 'the group';
	COMMENT ON COLUMN wa.memberships.user_id IS 'the person';
	COMMENT ON COLUMN wa.memberships.role IS 'member, admin, superadmin: now, or last before they left';
	COMMENT ON COLUMN wa.memberships.role_version IS 'participant version of the change that gave the role';
	COMMENT ON COLUMN wa.memberships.label IS 'tag the person carries in this group';
	COMMENT ON COLUMN wa.memberships.joined_at IS 'when they joined; not after this when joined_precision is not 0';
	COMMENT ON COLUMN wa.memberships.joined_precision IS '0: exact; otherwise they joined at most this long before joined_at; null: at any time before it';
	COMMENT ON COLUMN wa.memberships.join_kind IS 'how: link, added, approved, community, created, unknown';
	COMMENT ON COLUMN wa.memberships.join_source IS 'live: the server reported it; snapshot: found by comparing lists of members; history: from the history';
	COMMENT ON COLUMN wa.memberships.inviter IS 'person who added or approved them';
	COMMENT ON COLUMN wa.memberships.join_event_id IS 'event in wa.group_events that began the stay; null when it began before we looked';
	COMMENT ON COLUMN wa.memberships.joined_version IS 'participant version of the join; not after this when it is not exact';
	COMMENT ON COLUMN wa.memberships.joined_after_version IS 'participant version before the join; null: unknown';
	COMMENT ON COLUMN wa.memberships.left_at IS 'when they left; not after this when left_precision is not 0; null: they are in';
	COMMENT ON COLUMN wa.memberships.left_precision IS '0: exact; otherwise they left at most this long before left_at; null: at any time before it';
	COMMENT ON COLUMN wa.memberships.leave_kind IS 'left (by themselves), removed, unknown';
	COMMENT ON COLUMN wa.memberships.leave_source IS 'live, snapshot or history, as for join_source';
	COMMENT ON COLUMN wa.memberships.remover IS 'person who removed them';
	COMMENT ON COLUMN wa.memberships.leave_event_id IS 'event in wa.group_events that ended the stay';
	COMMENT ON COLUMN wa.memberships.left_version IS 'participant version of the leave; not after this when it is not exact';
	COMMENT ON COLUMN wa.memberships.source IS 'live when the server reported both ends of the stay; otherwise where the one comes from that it did not report: snapshot, history';
	COMMENT ON COLUMN wa.memberships.left_after_version IS 'participant version before the leave; null: unknown';

	CREATE TABLE IF NOT EXISTS wa.group_counts (
		group_id bigint NOT NULL REFERENCES wa.groups ON DELETE CASCADE,
		counted_at timestamptz NOT NULL,
		members integer NOT NULL,
		source text NOT NULL,
		PRIMARY KEY (group_id, counted_at)
	);
	COMMENT ON TABLE wa.group_counts IS 'size of each group over time, as the server said it';
	COMMENT ON COLUMN wa.group_counts.group_id IS 'the group';
	COMMENT ON COLUMN wa.group_counts.counted_at IS 'when';
	COMMENT ON COLUMN wa.group_counts.members IS 'members';
	COMMENT ON COLUMN wa.group_counts.source IS 'list, query, create: the server''s own number; event: that plus the joins and leaves since';

	CREATE TABLE IF NOT EXISTS wa.join_requests (
		request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		group_id bigint NOT NULL REFERENCES wa.groups ON DELETE CASCADE,
		user_id bigint NOT NULL REFERENCES wa.users,
		requested_at timestamptz NOT NULL,
		method text,
		proposed_by bigint REFERENCES wa.users,
		request_event_id bigint,
		decided_at timestamptz,
		decision text CHECK (decision IN ('approved', 'rejected', 'withdrawn', 'joined')),
		decided_by bigint REFERENCES wa.users,
		decision_event_id bigint,
		CONSTRAINT join_requests_decided_check CHECK ((decided_at IS NULL) = (decision IS NULL))
	);
	CREATE UNIQUE INDEX IF NOT EXISTS join_requests_open_key ON wa.join_requests (group_id, user_id) WHERE decided_at IS NULL;
	CREATE INDEX IF NOT EXISTS join_requests_group_id_idx ON wa.join_requests (group_id, requested_at);
	CREATE INDEX IF NOT EXISTS join_requests_user_id_idx ON wa.join_requests (user_id);
	CREATE INDEX IF NOT EXISTS join_requests_proposed_by_idx ON wa.join_requests (proposed_by) WHERE proposed_by IS NOT NULL;
	CREATE INDEX IF NOT EXISTS join_requests_decided_by_idx ON wa.join_requests (decided_by) WHERE decided_by IS NOT NULL;

	COMMENT ON TABLE wa.join_requests IS 'who asked to join which group and what became of it';
	COMMENT ON INDEX wa.join_requests_open_key IS 'one open request per person and group';
	COMMENT ON INDEX wa.join_requests_group_id_idx IS 'the requests of a group';
	COMMENT ON INDEX wa.join_requests_user_id_idx IS 'the requests of a person';
	COMMENT ON INDEX wa.join_requests_proposed_by_idx IS 'whom a person proposed';
	COMMENT ON INDEX wa.join_requests_decided_by_idx IS 'what a person decided';
	COMMENT ON CONSTRAINT join_requests_decided_check ON wa.join_requests IS 'a decision has a time, or neither is there';
	COMMENT ON COLUMN wa.join_requests.request_id IS 'number of the request';
	COMMENT ON COLUMN wa.join_requests.group_id IS 'the group';
	COMMENT ON COLUMN wa.join_requests.user_id IS 'person who wants in';
	COMMENT ON COLUMN wa.join_requests.requested_at IS 'when they asked';
	COMMENT ON COLUMN wa.join_requests.method IS 'invite_link, linked_group_join, non_admin_add';
	COMMENT ON COLUMN wa.join_requests.proposed_by IS 'member who proposed them, for non_admin_add';
	COMMENT ON COLUMN wa.join_requests.request_event_id IS 'event of the request';
	COMMENT ON COLUMN wa.join_requests.decided_at IS 'when it was decided; null while it is open';
	COMMENT ON COLUMN wa.join_requests.decision IS 'approved, rejected, withdrawn, joined (got in another way)';
	COMMENT ON COLUMN wa.join_requests.decided_by IS 'person who decided';
	COMMENT ON COLUMN wa.join_requests.decision_event_id IS 'event of the decision';

	CREATE TABLE IF NOT EXISTS wa.invite_links (
		link_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		group_id bigint NOT NULL REFERENCES wa.groups ON DELETE CASCADE,
		code text NOT NULL,
		valid_from timestamptz NOT NULL,
		valid_until timestamptz,
		made_by bigint REFERENCES wa.users,
		UNIQUE (group_id, code)
	);
	CREATE INDEX IF NOT EXISTS invite_links_made_by_idx ON wa.invite_links (made_by) WHERE made_by IS NOT NULL;

	COMMENT ON TABLE wa.invite_links IS 'which invite link of a group was good when';
	COMMENT ON INDEX wa.invite_links_made_by_idx IS 'the links a person made';
	COMMENT ON COLUMN wa.invite_links.link_id IS 'number of the link';
	COMMENT ON COLUMN wa.invite_links.group_id IS 'the group';
	COMMENT ON COLUMN wa.invite_links.code IS 'its code; who has it can join, so readers do not see it';
	COMMENT ON COLUMN wa.invite_links.valid_from IS 'when it was made';
	COMMENT ON COLUMN wa.invite_links.valid_until IS 'when it was replaced; null while it is good';
	COMMENT ON COLUMN wa.invite_links.made_by IS 'person who made it';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_groups() IS 'part of wa.create_storage(): groups and memberships';
