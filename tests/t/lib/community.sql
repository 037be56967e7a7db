/*
 * community.sql
 *		Six weeks of a believable community, for tests that look at pages: two
 *		bots, eight groups, some hundred people, who come, go, and write by day.
 *
 * The same at every run, reckoned back from now.  It fills the tables with what
 * workers would have stored.  Run it in a database with the extension and nothing else.
 */
SET client_min_messages = warning;
SELECT wa.add_bot('north') AS north \gset
SELECT wa.add_bot('south') AS south \gset

-- a number from 0 to 1 that only depends on what it is for
CREATE FUNCTION pg_temp.chance(purpose text) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (('x' || substr(md5(purpose), 1, 7))::bit(28)::integer) / 268435456.0;

UPDATE wa.bots SET status = 'online', status_since = now() - interval '9 days', linked_at = now() - interval '43 days', last_online_at = now(),
	desired = 'online', phone = '491510000000' || bot_id;
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
SELECT b.bot_id, now() - x.ago, x.status, x.before, x.reason
FROM wa.bots AS b
JOIN (VALUES ('north', interval '43 days', 'online', 'qr', NULL), ('south', '43 days', 'online', 'qr', NULL),
	('north', '19 days 5 hours', 'connecting', 'online', 'connection_lost'), ('north', '19 days 4 hours 48 minutes', 'online', 'connecting', NULL),
	('south', '9 days 20 hours', 'error', 'online', 'replaced'), ('south', '9 days 9 hours', 'online', 'error', NULL)) AS x (name, ago, status, before, reason)
	ON x.name = b.name
ORDER BY x.ago DESC;

CREATE TEMPORARY TABLE plan (no integer, subject text, members integer, joins_a_day numeric, stays numeric, messages_a_day integer);
INSERT INTO plan VALUES
	(1, E'City runners \U0001F3C3', 184, 3.1, 0.86, 62), (2, E'Allotment gardeners \U0001F33B', 121, 1.2, 0.92, 34),
	(3, 'Repair café', 83, 1.7, 0.80, 21), (4, 'Volunteers & first aid', 71, 0.8, 0.75, 16),
	(5, E'\u062C\u064A\u0631\u0627\u0646 \u0627\u0644\u062D\u064A', 58, 0.9, 0.9, 28), (6, 'Chamber choir', 47, 0.4, 0.95, 12),
	(7, 'Parents of class 3b', 41, 0.2, 0.97, 19), (8, 'Book club "Tuesday"', 22, 0.5, 0.85, 5);
INSERT INTO wa.groups (group_id, jid, watch_level, subject, size, roster_at, roster_complete, first_seen_at) OVERRIDING SYSTEM VALUE
SELECT p.no, '1203630000' || p.no || '@g.us', 'messages', p.subject, p.members, now(), p.no <> 4, now() - interval '43 days'
FROM plan AS p;
INSERT INTO wa.chats (chat_id, kind, group_id, jid) OVERRIDING SYSTEM VALUE
SELECT g.group_id, 'group', g.group_id, g.jid FROM wa.groups AS g;
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at)
SELECT b.bot_id, g.group_id, now() - interval '43 days', now()
FROM wa.bots AS b, wa.groups AS g
WHERE g.group_id <= 5 AND b.bot_id = :north OR g.group_id >= 5 AND b.bot_id = :south;

-- who was there, and who came in 42 days; one in eight is in another group already
CREATE TEMPORARY TABLE stay AS
SELECT row_number() OVER (ORDER BY s.came, s.no, s.nth) AS id, s.*,
	CASE WHEN pg_temp.chance(s.no || 'other' || s.nth || 'day' || coalesce(s.day, 0)) < 0.12 THEN 1 + floor(pg_temp.chance(s.no || 'who' || s.nth || 'day' || coalesce(s.day, 0)) * 300)::integer END AS other
FROM (SELECT p.no, m AS nth, now() - interval '43 days' AS came, NULL::integer AS day
	  FROM plan AS p, generate_series(1, p.members) AS m
	  UNION ALL
	  SELECT p.no, m, now() - make_interval(days => d - 1) - make_interval(mins => (1440 * power(pg_temp.chance(p.no || 'hour' || d || m), 1.4))::integer), d
	  FROM plan AS p, generate_series(1, 42) AS d,
		generate_series(1, (p.joins_a_day * 2 * pg_temp.chance(p.no || 'joins' || d) * CASE WHEN d IN (12, 13) AND p.no = 1 THEN 4 ELSE 1 END)::integer) AS m) AS s;
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT s.id, s.came, now() FROM stay AS s;
INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at)
SELECT 'pn', 4915200000000 + s.id || '@s.whatsapp.net', s.id, 'roster', s.came, now() FROM stay AS s WHERE pg_temp.chance('phone' || s.id) < 0.83;
SELECT wa_private.make_partition(t.name, now() - make_interval(days => d)) FROM unnest('{group_events,messages}'::text[]) AS t (name), generate_series(0, 60, 15) AS d;

-- few events were not seen: the list was compared when a bot came back, one in twenty-five
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
SELECT s.id, s.no, s.came, CASE WHEN x.seen THEN '0' ELSE interval '11 hours' END, CASE WHEN x.seen THEN 'live' ELSE 'snapshot' END, 'join', 'add',
	CASE WHEN NOT x.seen THEN 'unknown' WHEN pg_temp.chance('how' || s.id) < 0.7 THEN 'link' ELSE 'added' END, coalesce(s.other, s.id), s.came
FROM stay AS s, LATERAL (SELECT pg_temp.chance('seen' || s.id) > 0.04 AS seen) AS x
WHERE s.day IS NOT NULL;
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, join_event_id)
SELECT s.no, coalesce(s.other, s.id), s.came, e.at_precision, coalesce(e.how, 'unknown'), coalesce(e.source, 'snapshot'), e.event_id
FROM stay AS s
LEFT JOIN wa.group_events AS e ON e.event_id = s.id
ON CONFLICT DO NOTHING;
DELETE FROM wa.group_events AS e WHERE NOT EXISTS (SELECT FROM wa.memberships AS m WHERE m.join_event_id = e.event_id);

-- some leave: of the new ones soon, of the old ones now and then
UPDATE wa.memberships AS m
SET left_at = x.at, left_precision = '0', leave_kind = CASE WHEN pg_temp.chance('kind' || m.membership_id) < 0.85 THEN 'left' ELSE 'removed' END,
	leave_source = 'live', leave_event_id = 100000 + m.membership_id
FROM (SELECT o.membership_id, o.joined_at + CASE WHEN o.join_event_id IS NULL THEN interval '43 days' * pg_temp.chance('when' || o.membership_id)
		ELSE interval '20 days' * power(pg_temp.chance('when' || o.membership_id), 3) END AS at
	  FROM wa.memberships AS o
	  JOIN plan AS p ON p.no = o.group_id
	  WHERE pg_temp.chance('stays' || o.membership_id) > CASE WHEN o.join_event_id IS NULL THEN 1 - (1 - p.stays) / 3 ELSE p.stays END) AS x
WHERE x.membership_id = m.membership_id AND x.at < now();
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
SELECT m.leave_event_id, m.group_id, m.left_at, '0', 'live', 'leave', 'remove', m.leave_kind, m.user_id, m.left_at
FROM wa.memberships AS m WHERE m.left_at IS NOT NULL;

-- people write from seven to midnight, most in the evening and at weekends; few write much
INSERT INTO wa.messages (sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin)
SELECT x.at, x.at, x.no, x.sender, :north, false, x.no || '-' || x.d || '-' || x.n, CASE WHEN pg_temp.chance('kind' || x.no || x.d || x.n) < 0.85 THEN 'text' ELSE 'image' END,
	'stored', 'live'
FROM (SELECT p.no, d, n, date_trunc('day', now()) - make_interval(days => d) + make_interval(mins => h.minute) AS at,
		(SELECT m.user_id FROM wa.memberships AS m WHERE m.group_id = p.no ORDER BY m.user_id
		 OFFSET (power(pg_temp.chance(p.no || 'sender' || d || n), 3) * p.members * 0.7)::integer LIMIT 1) AS sender
	  FROM plan AS p, generate_series(0, 42) AS d,
		generate_series(1, (p.messages_a_day * (0.6 + 0.8 * pg_temp.chance(p.no || 'day' || d))
			* CASE WHEN extract(isodow FROM now() - make_interval(days => d)) >= 6 THEN 1.35 ELSE 1 END)::integer) AS n
	  -- three bells: morning, noon, evening
	  CROSS JOIN LATERAL (SELECT pg_temp.chance(p.no || 'bell' || d || n) AS bell, (pg_temp.chance(p.no || 'a' || d || n) + pg_temp.chance(p.no || 'b' || d || n)
		+ pg_temp.chance(p.no || 'c' || d || n) - 1.5) / 1.5 AS off) AS c
	  CROSS JOIN LATERAL (SELECT least(1439, greatest(5, (CASE WHEN c.bell < 0.22 THEN 8.2 WHEN c.bell < 0.42 THEN 12.8 ELSE 19.6 END
		+ c.off * CASE WHEN c.bell < 0.42 THEN 2.6 ELSE 3.6 END) * 60))::integer AS minute) AS h) AS x
WHERE x.at < now();
UPDATE wa.groups AS g SET size = (SELECT count(*) FROM wa.memberships AS m WHERE m.group_id = g.group_id AND m.left_at IS NULL);
