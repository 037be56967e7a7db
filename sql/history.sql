-- What phones remember of groups: stays and events, beside what was seen live.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('one') AS one \gset
SELECT wa.add_bot('two') AS two \gset
UPDATE wa.bots SET jid = '4911@s.whatsapp.net', lid = '1011@lid' WHERE bot_id = :one;

-- a change that a phone remembers, s seconds after the first list of 12:00:00, told an hour after it
CREATE FUNCTION public.recalled(jid text, s int, kind text, targets int[], actor int DEFAULT NULL, more jsonb DEFAULT '{}')
RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('fact', 'history_change', 'group', jid, 'kind', kind, 'at', 1795435200 + s, 'id', '3A' || abs(s),
		'received_at', 1795435200 + 3600, 'actor', CASE WHEN actor IS NOT NULL THEN public.who(actor) END,
		'targets', (SELECT coalesce(jsonb_agg(public.who(t) ORDER BY n), '[]') FROM unnest(targets) WITH ORDINALITY AS x (t, n)))) || more
$$;
-- one who left, in the list that a phone keeps of them
CREATE FUNCTION public.past(jid text, n int, s int, removed boolean)
RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('fact', 'past_members', 'group', jid, 'received_at', 1795435200 + 3600, 'leavers',
		jsonb_build_array(jsonb_build_object('who', public.who(n), 'removed', removed, 'at', 1795435200 + s)))
$$;
CREATE VIEW public.stays AS
SELECT g.jid, p.lid, to_char(m.joined_at, 'DD HH24:MI:SS') AS joined, m.joined_precision AS "±", m.join_kind AS how, m.join_source AS source,
	i.lid AS inviter, to_char(m.left_at, 'DD HH24:MI:SS') AS "left", m.left_precision AS "± ", m.leave_kind AS "how ", m.leave_source AS "source ",
	r.lid AS remover
FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) JOIN wa.people AS p USING (user_id)
LEFT JOIN wa.people AS i ON i.user_id = m.inviter LEFT JOIN wa.people AS r ON r.user_id = m.remover
ORDER BY g.jid, p.lid, m.joined_at, m.left_at;
CREATE VIEW public.happened AS
SELECT g.jid, to_char(e.occurred_at, 'DD HH24:MI:SS') AS at, e.at_precision AS "±", e.source, e.kind, e.how, t.lid AS target, a.lid AS actor, e.action,
	e.details - 'listed' AS details
FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) LEFT JOIN wa.people AS t ON t.user_id = e.target
LEFT JOIN wa.people AS a ON a.user_id = e.actor
ORDER BY g.jid, e.occurred_at, e.event_id;
CREATE VIEW public.growth AS
SELECT g.jid, w.day, w.joins, w.leaves, w.net, w.members, w.inferred FROM wa.group_growth AS w JOIN wa.groups AS g USING (group_id) ORDER BY 1, 2;

-- members of the first list get the time at which they really joined, and who brought them
SELECT public.apply(:one, public.roster('a@g.us', 0, 10, '{1,2,3,4,5,11}', '{11}'));
SELECT public.apply(:one, public.recalled('a@g.us', -5000, 'add', '{1}', 1, '{"reason": "invite"}'),
	public.recalled('a@g.us', -4000, 'add', '{2,3}', 11), public.recalled('a@g.us', -90000, 'add', '{4}', 11, '{"reason": "request"}'),
	public.recalled('a@g.us', -180000, 'add', '{5}', NULL, '{"reason": "linked_group_join"}'));
SELECT * FROM public.stays WHERE jid = 'a@g.us';
-- they joined on that day, and everybody else was there before
SELECT * FROM public.growth WHERE jid = 'a@g.us';
-- told once more, and by another phone: nothing new
SELECT public.apply(:two, public.recalled('a@g.us', -4000, 'add', '{2,3}', 11), public.recalled('a@g.us', -4999, 'add', '{1}', 1, '{"reason": "accept"}'));
SELECT count(*) FROM wa.group_events;

-- who came and went before the first list; a list of leavers says less than a message
SELECT public.apply(:one, public.past('a@g.us', 21, -3000, true), public.past('a@g.us', 22, -2000, false), public.past('a@g.us', 23, -1000, false));
SELECT * FROM public.stays WHERE jid = 'a@g.us' AND lid LIKE '102_';
SELECT public.apply(:two, public.recalled('a@g.us', -3010, 'remove', '{21}', 11), public.recalled('a@g.us', -1900, 'add', '{22}', 22, '{"reason": "invite"}'),
	public.recalled('a@g.us', -100, 'remove', '{}', 22), public.recalled('a@g.us', -86400, 'add', '{23}', 23, '{"reason": "accept"}'));
SELECT public.apply(:one, public.past('a@g.us', 21, -3000, true));
SELECT * FROM public.stays WHERE jid = 'a@g.us' AND lid LIKE '102_';
SELECT * FROM public.growth WHERE jid = 'a@g.us';

-- in, out, in, told from the end; what is missing between two is inferred until it is told
SELECT public.apply(:one, public.recalled('b@g.us', -100, 'remove', '{31}', 31));
SELECT public.apply(:one, public.roster('b@g.us', 0, 10, '{1,11}', '{11}'));
SELECT public.apply(:one, public.recalled('b@g.us', -500, 'remove', '{31}', 11));
SELECT * FROM public.stays WHERE lid = '1031';
SELECT public.apply(:one, public.recalled('b@g.us', -300, 'add', '{31}', 11), public.recalled('b@g.us', -900, 'add', '{31}', 31, '{"reason": "invite"}'));
SELECT public.apply(:one, public.recalled('b@g.us', -502, 'add', '{31}', 31, '{"reason": "invite"}'), public.recalled('b@g.us', -504, 'remove', '{31}', 31));
SELECT * FROM public.stays WHERE lid = '1031';
-- joined, not in the list: gone in between
SELECT public.apply(:one, public.recalled('b@g.us', -200, 'add', '{32}', 11));
SELECT * FROM public.stays WHERE lid = '1032';
SELECT * FROM public.growth WHERE jid = 'b@g.us';

-- live wins, whichever comes first
SELECT public.apply(:one, public.change('b@g.us', 100, 'add', 11, public.who(11), jsonb_build_array(public.who(33))),
	public.recalled('b@g.us', 101, 'add', '{33}', 33, '{"reason": "invite"}'), public.recalled('b@g.us', 200, 'remove', '{33}', 11),
	public.recalled('b@g.us', 230, 'promote', '{1}', 11));
SELECT * FROM public.stays WHERE lid = '1033';
SELECT public.apply(:two, public.change('b@g.us', 200, 'remove', 12, public.who(33), jsonb_build_array(public.who(33))),
	public.change('b@g.us', 230, 'promote', 13, public.who(11), jsonb_build_array(public.who(1))));
SELECT * FROM public.stays WHERE lid = '1033';
SELECT * FROM public.happened WHERE jid = 'b@g.us' AND (target = '1033' OR kind = 'promote');

-- what two lists made us infer becomes exact, and stays one event
SELECT public.apply(:one, public.roster('b@g.us', 1000, 15, '{1,11,34}', '{11,1}'));
SELECT event_id AS inferred FROM wa.group_events WHERE kind = 'join' AND target = wa.resolve('1034@lid') \gset
SELECT public.apply(:one, public.recalled('b@g.us', 600, 'add', '{34}', 34, '{"reason": "invite"}'));
SELECT event_id = :inferred AS same, occurred_at, at_precision, source, how, details FROM wa.group_events WHERE kind = 'join' AND target = wa.resolve('1034@lid');
SELECT * FROM public.stays WHERE lid = '1034';
-- in truth they came twice in that time
SELECT public.apply(:one, public.recalled('b@g.us', 500, 'remove', '{34}', 34), public.recalled('b@g.us', 400, 'add', '{34}', 34, '{"reason": "invite"}'));
SELECT * FROM public.stays WHERE lid = '1034';

-- newer than the last list: the members of now stay what they are until a list says so
SELECT public.apply(:one, public.recalled('b@g.us', 2000, 'add', '{35}', 11), public.recalled('b@g.us', 2000, 'remove', '{34}', 11));
SELECT * FROM public.stays WHERE lid IN ('1034', '1035');
SELECT public.apply(:one, public.roster('b@g.us', 4000, 17, '{1,11,35}', '{11,1}'));
SELECT * FROM public.stays WHERE lid IN ('1034', '1035');
SELECT * FROM public.growth WHERE jid = 'b@g.us';

-- the group itself, roles, requests: events, and nothing else changes
CREATE TEMPORARY TABLE was AS SELECT to_jsonb(g) AS state FROM wa.groups AS g WHERE g.jid = 'b@g.us';
SELECT public.apply(:one, public.recalled('b@g.us', -9000, 'create', '{}', 11, '{"text": "First"}'), public.recalled('b@g.us', -8000, 'subject', '{}', 11, '{"text": "Second"}'),
	public.recalled('b@g.us', -8000, 'subject', '{}', 11, '{"text": "Second"}'), public.recalled('b@g.us', -7000, 'promote', '{1}', 11), public.recalled('b@g.us', -6000, 'demote', '{1}', 11),
	public.recalled('b@g.us', -5000, 'membership_approval_request', '{}', 36), public.recalled('b@g.us', -4900, 'created_membership_requests', '{37}', 11, '{"reason": "non_admin_add"}'),
	public.recalled('b@g.us', -4800, 'modify', '{38}', 39), public.recalled('b@g.us', -4700, 'growth_locked', '{}'));
SELECT * FROM public.happened WHERE jid = 'b@g.us' AND kind NOT IN ('join', 'leave');
SELECT x.key AS changed FROM wa.groups AS g, was, jsonb_each(to_jsonb(g)) AS x WHERE g.jid = 'b@g.us' AND x.value IS DISTINCT FROM was.state -> x.key;
SELECT (SELECT count(*) FROM wa.join_requests) AS requests, (SELECT string_agg(lid, ' ' ORDER BY lid) FROM wa.group_members WHERE group_jid = 'b@g.us' AND role <> 'member') AS admins;

-- before there is a list at all; then a list that has some of them
SELECT public.apply(:one, public.recalled('c@g.us', -300, 'add', '{1,2,3}', 11), public.recalled('c@g.us', -200, 'remove', '{3}', 3), public.recalled('c@g.us', -100, 'remove', '{5}', 5));
SELECT * FROM public.stays WHERE jid = 'c@g.us';
SELECT needs_refresh, watch_level, (SELECT count(*) FROM wa.bot_groups AS b WHERE b.group_id = g.group_id) AS bots FROM wa.groups AS g WHERE jid = 'c@g.us';
SELECT public.apply(:one, public.roster('c@g.us', 0, 10, '{1,3,4,11}', '{11}'));
SELECT * FROM public.stays WHERE jid = 'c@g.us';
SELECT * FROM public.growth WHERE jid = 'c@g.us';

-- two names of one person, before they are known to be one
SELECT public.apply(:one, public.recalled('c@g.us', -900, 'add', '{}', NULL, '{"reason": "invite", "targets": [{"pn": "4941@s.whatsapp.net"}], "actor": {"pn": "4941@s.whatsapp.net"}}'),
	public.recalled('c@g.us', -800, 'remove', '{}', NULL, '{"targets": [{"lid": "1041@lid"}], "actor": {"pn": "4941@s.whatsapp.net"}}'));
SELECT count(*), count(DISTINCT user_id) AS people FROM wa.memberships JOIN wa.groups USING (group_id) WHERE jid = 'c@g.us' AND joined_at < '2026-11-23 11:50';
SELECT public.apply(:one, jsonb_build_object('fact', 'aliases', 'source', 'notification', 'received_at', 1795438800, 'pairs', jsonb_build_array(public.who(41))));
SELECT * FROM public.stays WHERE lid = '1041';
SELECT * FROM public.happened WHERE target = '1041';

-- an old month gets its partition; what cannot have been is left out
SELECT public.apply(:one, public.recalled('c@g.us', -200000000, 'add', '{51}', 11), public.recalled('c@g.us', -199000000, 'remove', '{51}', 11),
	public.recalled('c@g.us', -1700000000, 'add', '{52}', 11), public.recalled('c@g.us', 900000, 'add', '{53}', 11), public.recalled('c@g.us', 0, 'add', '{54}', 11, '{"at": null}'));
SELECT tableoid::regclass::text AS partition, count(*) FROM wa.group_events WHERE occurred_at < '2025-01-01' GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM public.stays WHERE lid IN ('1052', '1053', '1054');

-- what nobody wants to know is not stored
SELECT wa.watch_group('c@g.us', 'counts');
SELECT count(*) AS events FROM wa.group_events \gset
SELECT public.apply(:one, public.recalled('c@g.us', -50, 'add', '{61}', 11), public.past('c@g.us', 62, -60, false));
UPDATE wa.bots SET default_watch = 'none' WHERE bot_id = :two;
SELECT public.apply(:two, public.recalled('d@g.us', -50, 'add', '{61}', 11), public.past('d@g.us', 62, -60, false));
SELECT count(*) - :events AS more, wa.resolve('1061@lid') IS NULL AND wa.resolve('1062@lid') IS NULL AS unknown FROM wa.group_events;
SELECT watch_level FROM wa.groups WHERE jid = 'd@g.us';

-- facts that say nothing, or what they must not
SELECT f.fact, split_part(public.try(format('SELECT wa_private.apply(ARRAY[%s], ARRAY[%L]::jsonb[])', :one, f.fact)), ':', 1) AS sqlstate
FROM (VALUES ('{"fact": "history_change"}'), ('{"fact": "history_change", "group": "b@g.us"}'), ('{"fact": "history_change", "group": "b@g.us", "kind": "add", "targets": {}}'),
	('{"fact": "history_change", "group": "b@g.us", "kind": "add", "targets": [1]}'), ('{"fact": "history_change", "group": "b@g.us", "kind": "add", "at": "soon", "targets": [{"lid": "1@lid"}]}'),
	('{"fact": "past_members", "group": "b@g.us", "leavers": {}}'), ('{"fact": "past_members", "group": "b@g.us", "leavers": [{"who": 1}]}'),
	('{"fact": "history_change", "group": "b@g.us", "kind": "add"}'), ('{"fact": "history_change", "group": "b@g.us", "kind": "add", "at": 1795435200, "targets": [{}]}'),
	('{"fact": "history_change", "group": "b@g.us", "kind": "nothing known", "at": 1795435200}'), ('{"fact": "history_change", "group": "b@g.us", "kind": "subject", "at": 1795435200, "text": null}'),
	('{"fact": "past_members", "group": "b@g.us"}'), ('{"fact": "past_members", "group": "b@g.us", "leavers": [{}]}'),
	('{"fact": "past_members", "group": "b@g.us", "leavers": [{"who": {"lid": "1063@lid"}, "at": 1e300}]}')) AS f (fact);

-- forgotten with the group
SELECT wa.unwatch_group('b@g.us', purge => true);
SELECT listed_since, history_since, history_until FROM wa.groups WHERE jid = 'b@g.us';

DROP VIEW public.stays, public.happened, public.growth;
SELECT wa.remove_bot(:one, purge => true), wa.remove_bot(:two, purge => true);
SELECT (SELECT count(*) FROM wa.groups) AS groups, (SELECT count(*) FROM wa.users) AS users, (SELECT count(*) FROM wa.group_events) AS events,
	(SELECT count(*) FROM wa.memberships) AS memberships;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
