-- What is stored of a group is what somebody chose.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('nobody', default_watch => 'none') AS none \gset
SELECT wa.add_bot('counter', default_watch => 'counts') AS counts \gset
SELECT wa.add_bot('watcher') AS members \gset
CREATE VIEW public.stored AS
SELECT (SELECT count(*) FROM wa.users) AS users, (SELECT count(*) FROM wa.user_ids) AS ids, (SELECT count(*) FROM wa.memberships) AS stays,
	(SELECT count(*) FROM wa.group_events) AS events, (SELECT count(*) FROM wa.group_events WHERE target IS NOT NULL OR actor IS NOT NULL OR raw IS NOT NULL) AS about_people,
	(SELECT count(*) FROM wa.join_requests) AS requests, (SELECT count(*) FROM wa.group_counts) AS counts;

-- none: the group is there to be chosen, nothing else
SELECT public.apply(:none, public.roster('n@g.us', 0, 10, '{1,2,3}', '{1}', '{"creator": {"lid": "1001@lid"}, "description": "x"}'),
	public.change('n@g.us', 1, 'add', 11, public.who(1), jsonb_build_array(public.who(4))),
	public.change('n@g.us', 2, 'created_membership_requests', NULL, public.who(5), jsonb_build_array(public.who(5))),
	public.change('n@g.us', 3, 'subject', NULL, public.who(1), '[]', '{"text": "Renamed"}'),
	'{"fact": "aliases", "source": "notification", "received_at": 1795435200, "pairs": [{"lid": "1001@lid", "pn": "4901@s.whatsapp.net"}]}',
	'{"fact": "raw", "tag": "message", "type": "text", "id": "1", "from": "n@g.us", "received_at": 1795435200, "node": {"tag": "message"}}');
SELECT * FROM public.stored;
SELECT jid, watch_level, watch_chosen, subject, size, creator, description, version, needs_refresh FROM wa.groups;
SELECT tag, from_jid, node FROM wa.unknown_stanzas WHERE stanza_id = '1';

-- counts: sizes, joins and leaves without people
SELECT public.apply(:counts, public.roster('c@g.us', 0, 10, '{1,2,3}', '{1}'));
SELECT public.apply(:counts, public.change('c@g.us', 1, 'add', 11, public.who(1), jsonb_build_array(public.who(4), public.who(5))),
	public.change('c@g.us', 2, 'remove', 12, public.who(4), jsonb_build_array(public.who(4))),
	public.change('c@g.us', 3, 'promote', 13, public.who(1), jsonb_build_array(public.who(5))),
	public.change('c@g.us', 4, 'created_membership_requests', NULL, public.who(6), jsonb_build_array(public.who(6))));
-- delivered again, and seen by another bot
SELECT public.apply(:counts, public.change('c@g.us', 1, 'add', 11, public.who(1), jsonb_build_array(public.who(4), public.who(5))));
SELECT * FROM public.stored;
SELECT kind, how, source, version_after, details FROM wa.group_events ORDER BY event_id;
SELECT to_char(counted_at, 'HH24:MI:SS') AS at, members, source FROM wa.group_counts ORDER BY counted_at;
SELECT day, joins, leaves, net, members FROM wa.group_growth;
SELECT complete, why_not, server_size FROM wa.group_completeness WHERE subject = 'Group c@g.us';
-- a gap is noticed here too, and a list sets the size right
SELECT public.apply(:counts, public.change('c@g.us', 6, 'add', 16, public.who(1), jsonb_build_array(public.who(7))));
SELECT needs_refresh, refresh_reason FROM wa.groups WHERE jid = 'c@g.us';
SELECT public.apply(:counts, public.roster('c@g.us', 8, 16, '{1,2,3,5,7,8}'));
SELECT needs_refresh, size FROM wa.groups WHERE jid = 'c@g.us';

-- a bot with a higher default raises it, unless a person chose
SELECT public.apply(:members, public.change('c@g.us', 9, 'add', 17, public.who(1), jsonb_build_array(public.who(9))));
SELECT watch_level, watch_chosen, needs_refresh FROM wa.groups WHERE jid = 'c@g.us';
SELECT public.apply(:members, public.roster('c@g.us', 10, 17, '{1,2,3,5,7,8,9}'));
SELECT count(*) FROM wa.group_members WHERE group_jid = 'c@g.us';
SELECT wa.watch_group('n@g.us', 'none');
SELECT public.apply(:members, public.change('n@g.us', 9, 'add', 17, public.who(1), jsonb_build_array(public.who(9))));
SELECT watch_level, watch_chosen FROM wa.groups WHERE jid = 'n@g.us';

-- chosen: the members are asked for and stored
SELECT wa.watch_group('Renamed', 'members');
SELECT watch_level, watch_chosen, needs_refresh, refresh_reason FROM wa.groups WHERE jid = 'n@g.us';
SELECT q.group_jid FROM wa_private.due_questions(ARRAY[:none, :members]::bigint[]) AS q;
SELECT * FROM wa_private.due_questions(ARRAY[:none, :members]::bigint[]);
SELECT public.apply(:none, public.roster('n@g.us', 20, 20, '{1,2,3}'));
SELECT count(*) FROM wa.group_members WHERE group_jid = 'n@g.us';
SELECT public.apply(:none, public.change('n@g.us', 21, 'add', 21, public.who(1), jsonb_build_array(public.who(4))));

-- lowered: what was stored stays, nothing comes to it; raised again: the difference as a range
SELECT wa.unwatch_group('n@g.us');
SELECT public.apply(:none, public.change('n@g.us', 30, 'add', 22, public.who(1), jsonb_build_array(public.who(5))));
SELECT g.watch_level, g.unobserved_since IS NOT NULL AS unobserved, count(m) AS members
FROM wa.groups AS g LEFT JOIN wa.memberships AS m ON m.group_id = g.group_id AND m.left_at IS NULL WHERE g.jid = 'n@g.us' GROUP BY 1, 2;
SELECT wa.watch_group('n@g.us');
-- the last bot leaves before the list comes: nobody is asked for it
BEGIN;
SELECT public.apply(b.bot_id, '{"fact": "group_gone", "group": "n@g.us", "received_at": 1795435235}')
FROM wa.bot_groups AS b WHERE b.group_id = wa_private.group_id('n@g.us');
SELECT needs_refresh, unobserved_since IS NOT NULL AS unobserved FROM wa.groups WHERE jid = 'n@g.us';
ROLLBACK;
SELECT public.apply(:none, public.roster('n@g.us', 40, 23, '{1,2,4,5}'));
SELECT kind, source, at_precision, p.lid FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) JOIN wa.people AS p ON p.user_id = e.target
WHERE g.jid = 'n@g.us' AND e.kind IN ('join', 'leave') ORDER BY e.occurred_at, kind, p.lid;
SELECT unobserved_since IS NULL AS observed FROM wa.groups WHERE jid = 'n@g.us';

-- purged: nothing is left, nor are people who are in no other group
SELECT wa.unwatch_group('n@g.us', purge => true);
SELECT g.jid, count(m) FROM wa.groups AS g LEFT JOIN wa.memberships AS m USING (group_id) GROUP BY 1 ORDER BY 1;
SELECT p.lid FROM wa.people AS p ORDER BY p.lid;

-- two groups of one subject are told apart
UPDATE wa.groups SET subject = 'Twin';
SELECT public.try($$SELECT wa.watch_group('Twin')$$) ~ '^42P09: group "Twin" is not unique' AS refused;

SELECT wa.remove_bot(:none, purge => true), wa.remove_bot(:counts, purge => true);
SELECT wa.remove_bot(:members, purge => true);
TRUNCATE wa.unknown_stanzas;
SELECT * FROM public.stored;
DROP VIEW public.stored;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
