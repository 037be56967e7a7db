/*
 * storage_views.sql
 *		Views over the data.  They are ordinary objects like the tables, so
 *		they use no function of the extension.
 */

CREATE FUNCTION wa_private.create_storage_views()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE OR REPLACE VIEW wa.people AS
	SELECT u.user_id,
		coalesce(contact.full_name, u.push_name, contact.business_name, name.value, '+' || phone.value, u.masked_phone,
			'person ' || u.user_id) AS name,
		phone.value AS phone, lid.value AS lid, name.value AS username,
		u.push_name, u.masked_phone, u.country, u.first_seen_at, u.last_seen_at, contact.full_name AS contact_name, contact.business_name
	FROM wa.users AS u
	LEFT JOIN LATERAL (SELECT i.value FROM wa.user_ids AS i
		WHERE i.user_id = u.user_id AND i.kind = 'pn' AND i.current
		ORDER BY i.first_seen_at DESC LIMIT 1) AS phone ON true
	LEFT JOIN LATERAL (SELECT i.value FROM wa.user_ids AS i
		WHERE i.user_id = u.user_id AND i.kind = 'lid' AND i.current
		ORDER BY i.first_seen_at DESC LIMIT 1) AS lid ON true
	LEFT JOIN LATERAL (SELECT i.value FROM wa.user_ids AS i
		WHERE i.user_id = u.user_id AND i.kind = 'username' AND i.current
		ORDER BY i.first_seen_at DESC LIMIT 1) AS name ON true
	LEFT JOIN LATERAL (SELECT CASE WHEN c.removed_at IS NULL THEN c.full_name END AS full_name, c.business_name
		FROM wa.contacts AS c WHERE c.user_id = u.user_id
		ORDER BY c.removed_at IS NOT NULL OR c.full_name IS NULL, c.changed_at DESC LIMIT 1) AS contact ON true;

	COMMENT ON VIEW wa.people IS 'people with the number, LID and username they have now';
	COMMENT ON COLUMN wa.people.user_id IS 'number of the person';
	COMMENT ON COLUMN wa.people.name IS 'best name to show: of the address book, push name, name of the business, username, phone number, masked number';
	COMMENT ON COLUMN wa.people.phone IS 'phone number in digits, null when it is not known';
	COMMENT ON COLUMN wa.people.lid IS 'digits of the LID';
	COMMENT ON COLUMN wa.people.username IS 'username';
	COMMENT ON COLUMN wa.people.push_name IS 'name they gave themselves';
	COMMENT ON COLUMN wa.people.masked_phone IS 'what the server shows instead of a hidden number';
	COMMENT ON COLUMN wa.people.country IS 'country code the server gave';
	COMMENT ON COLUMN wa.people.first_seen_at IS 'when they were first seen';
	COMMENT ON COLUMN wa.people.last_seen_at IS 'when they were last seen, to the day';
	COMMENT ON COLUMN wa.people.contact_name IS 'name in the address book of a bot''s phone';
	COMMENT ON COLUMN wa.people.business_name IS 'verified name of a business';

	CREATE OR REPLACE VIEW wa.group_members AS
	SELECT m.group_id, g.jid AS group_jid, g.subject, m.user_id, p.name, p.phone, p.lid, p.username,
		m.role, m.label, m.joined_at, m.joined_precision, m.join_kind, m.join_source, m.inviter,
		m.membership_id
	FROM wa.memberships AS m
	JOIN wa.groups AS g ON g.group_id = m.group_id
	JOIN wa.people AS p ON p.user_id = m.user_id
	WHERE m.left_at IS NULL;

	COMMENT ON VIEW wa.group_members IS 'who is in which group now';
	COMMENT ON COLUMN wa.group_members.group_id IS 'the group';
	COMMENT ON COLUMN wa.group_members.group_jid IS 'its address in WhatsApp';
	COMMENT ON COLUMN wa.group_members.subject IS 'its name';
	COMMENT ON COLUMN wa.group_members.user_id IS 'the person';
	COMMENT ON COLUMN wa.group_members.name IS 'best name to show';
	COMMENT ON COLUMN wa.group_members.phone IS 'phone number in digits, null when it is not known';
	COMMENT ON COLUMN wa.group_members.lid IS 'digits of the LID';
	COMMENT ON COLUMN wa.group_members.username IS 'username';
	COMMENT ON COLUMN wa.group_members.role IS 'member, admin, superadmin';
	COMMENT ON COLUMN wa.group_members.label IS 'tag they carry in this group';
	COMMENT ON COLUMN wa.group_members.joined_at IS 'when they joined, see wa.memberships';
	COMMENT ON COLUMN wa.group_members.joined_precision IS '0: exact; null: joined_at is when they were first seen there';
	COMMENT ON COLUMN wa.group_members.join_kind IS 'how they joined';
	COMMENT ON COLUMN wa.group_members.join_source IS 'how we know';
	COMMENT ON COLUMN wa.group_members.inviter IS 'person who added or approved them';
	COMMENT ON COLUMN wa.group_members.membership_id IS 'number of the stay';

	CREATE OR REPLACE VIEW wa.event_feed AS
	SELECT e.event_id, e.occurred_at, e.at_precision, e.source, e.group_id, g.subject AS group_subject, e.kind, e.how,
		e.target, t.name AS target_name, e.actor, a.name AS actor_name, e.reason, e.details
	FROM wa.group_events AS e
	JOIN wa.groups AS g ON g.group_id = e.group_id
	LEFT JOIN wa.people AS t ON t.user_id = e.target
	LEFT JOIN wa.people AS a ON a.user_id = e.actor;

	COMMENT ON VIEW wa.event_feed IS 'events with the names of groups and people, for reading';
	COMMENT ON COLUMN wa.event_feed.event_id IS 'number of the event';
	COMMENT ON COLUMN wa.event_feed.occurred_at IS 'when it happened';
	COMMENT ON COLUMN wa.event_feed.at_precision IS '0: exact; otherwise it happened at most this long before; null: at any time before';
	COMMENT ON COLUMN wa.event_feed.source IS 'live, snapshot, history';
	COMMENT ON COLUMN wa.event_feed.group_id IS 'the group';
	COMMENT ON COLUMN wa.event_feed.group_subject IS 'its name';
	COMMENT ON COLUMN wa.event_feed.kind IS 'what happened';
	COMMENT ON COLUMN wa.event_feed.how IS 'how they joined or left';
	COMMENT ON COLUMN wa.event_feed.target IS 'person it happened to';
	COMMENT ON COLUMN wa.event_feed.target_name IS 'their name';
	COMMENT ON COLUMN wa.event_feed.actor IS 'person who did it';
	COMMENT ON COLUMN wa.event_feed.actor_name IS 'their name';
	COMMENT ON COLUMN wa.event_feed.reason IS 'reason as the server gave it';
	COMMENT ON COLUMN wa.event_feed.details IS 'what was set';

	CREATE OR REPLACE VIEW wa.group_growth AS
	WITH changes AS (
		SELECT e.group_id, (e.occurred_at AT TIME ZONE current_setting('TimeZone'))::date AS day,
			count(*) FILTER (WHERE e.kind = 'join') AS joins,
			count(*) FILTER (WHERE e.kind = 'leave') AS leaves,
			count(*) FILTER (WHERE e.at_precision IS DISTINCT FROM interval '0' AND e.target IS NOT NULL) AS inferred
		FROM wa.group_events AS e
		WHERE e.kind IN ('join', 'leave')
		GROUP BY 1, 2
	), bounds AS (
		-- a stay that began unseen has no join: it counts from the beginning
		SELECT m.group_id, (m.joined_at AT TIME ZONE current_setting('TimeZone'))::date AS day,
			CASE WHEN m.join_event_id IS NULL THEN 0 ELSE 1 END AS step
		FROM wa.memberships AS m
		UNION ALL
		SELECT m.group_id, (m.left_at AT TIME ZONE current_setting('TimeZone'))::date, -1
		FROM wa.memberships AS m
		WHERE m.left_at IS NOT NULL
	), steps AS (
		SELECT b.group_id, b.day, sum(b.step) AS step
		FROM bounds AS b
		GROUP BY 1, 2
	), base AS (
		SELECT m.group_id, count(*) AS members
		FROM wa.memberships AS m
		WHERE m.join_event_id IS NULL
		GROUP BY 1
	), days AS (
		SELECT group_id, day, coalesce(c.joins, 0) AS joins, coalesce(c.leaves, 0) AS leaves,
			coalesce(c.inferred, 0) AS inferred, coalesce(s.step, 0) AS step
		FROM changes AS c FULL JOIN steps AS s USING (group_id, day)
	)
	SELECT d.day, d.group_id, g.subject, d.joins, d.leaves, d.joins - d.leaves AS net,
		(CASE g.watch_level
		WHEN 'counts' THEN g.size - coalesce(sum(d.joins - d.leaves) OVER later, 0)
		ELSE coalesce(b.members, 0) + sum(d.step) OVER so_far END)::bigint AS members,
		d.inferred
	FROM days AS d
	JOIN wa.groups AS g ON g.group_id = d.group_id
	LEFT JOIN base AS b ON b.group_id = d.group_id
	WINDOW so_far AS (PARTITION BY d.group_id ORDER BY d.day),
		later AS (PARTITION BY d.group_id ORDER BY d.day ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING);

	COMMENT ON VIEW wa.group_growth IS 'joins, leaves and size of each group per day (of the session''s time zone) on which something changed';
	COMMENT ON COLUMN wa.group_growth.day IS 'the day';
	COMMENT ON COLUMN wa.group_growth.group_id IS 'the group';
	COMMENT ON COLUMN wa.group_growth.subject IS 'its name';
	COMMENT ON COLUMN wa.group_growth.joins IS 'people who joined';
	COMMENT ON COLUMN wa.group_growth.leaves IS 'people who left or were removed';
	COMMENT ON COLUMN wa.group_growth.net IS 'joins minus leaves';
	COMMENT ON COLUMN wa.group_growth.members IS 'members at the end of the day; those whose joining nobody saw count from the beginning';
	COMMENT ON COLUMN wa.group_growth.inferred IS 'joins and leaves of these whose time is not known, so that their day may be an earlier one';

	CREATE OR REPLACE VIEW wa.phone_coverage AS
	SELECT c.group_id, g.subject, sum(c.members)::bigint AS members,
		coalesce(sum(c.members) FILTER (WHERE c.known = 'phone'), 0)::bigint AS with_phone,
		coalesce(sum(c.members) FILTER (WHERE c.known = 'masked'), 0)::bigint AS hidden,
		coalesce(sum(c.members) FILTER (WHERE c.known = 'username'), 0)::bigint AS username_only,
		coalesce(sum(c.members) FILTER (WHERE c.known = 'lid'), 0)::bigint AS lid_only,
		round(100.0 * coalesce(sum(c.members) FILTER (WHERE c.known = 'phone'), 0) / sum(c.members), 1) AS percent
	-- not with wa.people, which looks for the best of the names of each of them
	FROM (SELECT m.group_id, CASE WHEN EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = m.user_id AND i.kind = 'pn' AND i.current) THEN 'phone'
			WHEN u.masked_phone IS NOT NULL THEN 'masked'
			WHEN EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = m.user_id AND i.kind = 'username' AND i.current) THEN 'username'
			ELSE 'lid' END AS known, count(*) AS members
		  FROM wa.memberships AS m
		  JOIN wa.users AS u ON u.user_id = m.user_id
		  WHERE m.left_at IS NULL
		  GROUP BY 1, 2) AS c
	JOIN wa.groups AS g ON g.group_id = c.group_id
	GROUP BY c.group_id, g.subject;

	COMMENT ON VIEW wa.phone_coverage IS 'of how many members of each group the phone number is known, and why not of the others';
	COMMENT ON COLUMN wa.phone_coverage.group_id IS 'the group';
	COMMENT ON COLUMN wa.phone_coverage.subject IS 'its name';
	COMMENT ON COLUMN wa.phone_coverage.members IS 'members now';
	COMMENT ON COLUMN wa.phone_coverage.with_phone IS 'members whose number is known';
	COMMENT ON COLUMN wa.phone_coverage.hidden IS 'members whose number the server shows masked';
	COMMENT ON COLUMN wa.phone_coverage.username_only IS 'members known by a username';
	COMMENT ON COLUMN wa.phone_coverage.lid_only IS 'members of whom only the LID is known';
	COMMENT ON COLUMN wa.phone_coverage.percent IS 'share of members whose number is known';

	CREATE OR REPLACE VIEW wa.group_completeness AS
	SELECT g.group_id, g.subject, g.watch_level,
		coalesce(bots.present, 0) AS bots,
		g.watch_level IN ('members', 'messages') AND g.roster_complete IS TRUE AND NOT g.needs_refresh
			AND g.unobserved_since IS NULL AS complete,
		CASE WHEN g.watch_level = 'none' THEN 'not watched'
			WHEN g.watch_level = 'counts' THEN 'only counted'
			WHEN g.unobserved_since IS NOT NULL THEN 'no bot in it'
			WHEN g.roster_at IS NULL THEN 'no list of members yet'
			WHEN g.needs_refresh THEN coalesce(g.refresh_reason, 'gap')
			WHEN NOT g.roster_complete THEN 'the server hides members'
		END AS why_not,
		coalesce(now_in.members, 0) AS members, g.size AS server_size,
		g.version, g.roster_at, g.equal_at, g.unobserved_since
	FROM wa.groups AS g
	LEFT JOIN (SELECT m.group_id, count(*) AS members FROM wa.memberships AS m
		WHERE m.left_at IS NULL GROUP BY 1) AS now_in ON now_in.group_id = g.group_id
	LEFT JOIN (SELECT b.group_id, count(*) AS present FROM wa.bot_groups AS b
		WHERE b.left_at IS NULL GROUP BY 1) AS bots ON bots.group_id = g.group_id;

	COMMENT ON VIEW wa.group_completeness IS 'whether our members of a group are known to be the server''s, and if not, why';
	COMMENT ON COLUMN wa.group_completeness.group_id IS 'the group';
	COMMENT ON COLUMN wa.group_completeness.subject IS 'its name';
	COMMENT ON COLUMN wa.group_completeness.watch_level IS 'what is stored of it';
	COMMENT ON COLUMN wa.group_completeness.bots IS 'bots in it now';
	COMMENT ON COLUMN wa.group_completeness.complete IS 'no change was missed up to the last one seen';
	COMMENT ON COLUMN wa.group_completeness.why_not IS 'why it is not complete';
	COMMENT ON COLUMN wa.group_completeness.members IS 'members in our tables now';
	COMMENT ON COLUMN wa.group_completeness.server_size IS 'members according to the server when it last said so';
	COMMENT ON COLUMN wa.group_completeness.version IS 'participant version of the newest change';
	COMMENT ON COLUMN wa.group_completeness.roster_at IS 'when the last list of members was asked for';
	COMMENT ON COLUMN wa.group_completeness.equal_at IS 'last time both sides were known to be the same';
	COMMENT ON COLUMN wa.group_completeness.unobserved_since IS 'since when nobody watches';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_views() IS 'part of wa.create_storage(): views';
