-- Roll-ups: equal to the rows whatever happens to these, found out and mended when
-- they are not, and statistics from them are those from the rows.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.create_storage();
SELECT wa.add_bot('ada') AS ada \gset
SELECT wa.add_bot('bob') AS bob \gset
INSERT INTO wa.groups (group_id, jid, subject, watch_level) OVERRIDING SYSTEM VALUE
SELECT 100 + g, 'rolled' || g || '@g.us', 'Group ' || g, 'messages' FROM generate_series(1, 4) AS g;
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at)
SELECT CASE WHEN g < 4 THEN :ada ELSE :bob END, 100 + g, '2020-03-01', '2020-03-01' FROM generate_series(1, 4) AS g;
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT 500 + n, '2020-03-01', '2020-03-01' FROM generate_series(1, 40) AS n;
INSERT INTO wa.chats (chat_id, kind, group_id, bot_id, user_id, jid, first_seen_at) OVERRIDING SYSTEM VALUE
SELECT 600 + g, 'group', 100 + g, NULL, NULL, 'rolled' || g || '@g.us', '2020-03-01'::timestamptz FROM generate_series(1, 4) AS g
UNION ALL SELECT 605, 'direct', NULL, :ada, 501, '501@lid', '2020-03-01';
SELECT wa_private.make_partition(t, m) FROM unnest('{group_events,messages}'::text[]) AS t, generate_series(timestamptz '2020-02-01', '2020-12-01', '1 month') AS m;
SELECT setseed(0.75);
-- two months in spring and two in autumn, when clocks change; some at midnight
CREATE VIEW public.moments AS
SELECT n, CASE WHEN random() < 0.1 THEN date_trunc('day', x.at) ELSE x.at END AS at
FROM generate_series(1, 1500) AS n
CROSS JOIN LATERAL (SELECT timestamptz '2020-03-01' + make_interval(days => CASE WHEN n % 2 = 0 THEN 0 ELSE 214 END,
	secs => floor(random() * 60 * 86400)) AS at) AS x;
INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, how, target, received_at)
SELECT 101 + floor(random() * 4)::int, at, CASE WHEN random() < 0.7 THEN interval '0' WHEN random() < 0.7 THEN make_interval(secs => floor(random() * 300000)) END,
	(ARRAY['live', 'snapshot', 'history'])[1 + floor(random() * 3)::int], (ARRAY['join', 'leave', 'subject'])[1 + floor(random() * 3)::int], 'add',
	CASE WHEN random() < 0.8 THEN (ARRAY['link', 'added', 'left'])[1 + floor(random() * 3)::int] END, 501 + floor(random() * 40)::int, at
FROM public.moments;
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, join_event_id, left_at, left_precision, leave_kind, leave_source)
SELECT 101 + floor(random() * 4)::int, 501 + floor(random() * 40)::int, at, CASE WHEN random() < 0.8 THEN make_interval(secs => floor(random() * random() * 300000)) END,
	'link', 'live', CASE WHEN random() < 0.5 THEN n END, at + make_interval(secs => floor(random() * 900000)),
	CASE WHEN random() < 0.8 THEN make_interval(secs => floor(random() * random() * 300000)) END, 'left', 'live'
FROM public.moments;
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source)
SELECT 101 + n % 4, 501 + n, '2020-10-20', interval '0', 'link', 'live' FROM generate_series(0, 39) AS n;
INSERT INTO wa.messages (chat_id, sent_at, received_at, was_offline, bot_id, sender, from_me, is_forwarded, wa_id, kind, state, origin, edited_at, revoked_at)
SELECT 601 + floor(random() * 5)::int, at, at + make_interval(secs => random() * 5), random() < 0.1, CASE WHEN random() < 0.7 THEN :ada ELSE :bob END, CASE WHEN random() < 0.9 THEN 501 + floor(random() * random() * 40)::int END, random() < 0.2, random() < 0.1, 'M' || n,
	(ARRAY['text', 'image', NULL])[1 + floor(random() * 3)::int], CASE WHEN random() < 0.2 THEN (ARRAY['pending', 'lost', 'unavailable'])[1 + floor(random() * 3)::int] ELSE 'stored' END,
	(ARRAY['live', 'live', 'live', 'retry', 'phone', 'history'])[1 + floor(random() * 6)::int],
	CASE WHEN random() < 0.1 THEN at END, CASE WHEN random() < 0.1 THEN at END
FROM public.moments;
INSERT INTO wa.reactions (message_id, message_sent_at, chat_id, wa_id, user_id, emoji, reacted_at, received_at)
SELECT m.message_id, m.sent_at, m.chat_id, m.wa_id, 501 + p, CASE WHEN random() < 0.8 THEN '+' END, m.sent_at, m.sent_at
FROM wa.messages AS m CROSS JOIN generate_series(0, 3) AS p WHERE m.chat_id BETWEEN 601 AND 605 AND random() < 0.2;
INSERT INTO wa.reactions (chat_id, wa_id, user_id, emoji, reacted_at, received_at)
SELECT 601, 'early' || p, 501 + p, '+', '2020-03-20', '2020-03-20' FROM generate_series(0, 9) AS p;
SELECT count(*) FROM wa.check_rollups();
SELECT name, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) > 50 AS n FROM wa_private.%I_now', name), false, true, '')))[1] AS filled FROM wa_private.rollups();

-- rows that change, one statement with many, rows that move to another month, rows that go
UPDATE wa.messages SET state = 'stored' WHERE state = 'pending' AND message_id % 2 = 0;
UPDATE wa.messages SET edited_at = now() WHERE message_id % 7 = 0;
UPDATE wa.messages SET bot_id = :bob WHERE message_id % 13 = 0;
UPDATE wa.messages SET sent_at = sent_at + interval '1 month' WHERE message_id % 5 = 0 AND chat_id < 605;
UPDATE wa.messages SET sender = 502 WHERE sender = 501;
UPDATE wa.messages SET chat_id = 602 WHERE chat_id = 601 AND message_id % 3 = 0;
DELETE FROM wa.messages WHERE message_id % 11 = 0;
UPDATE wa.reactions SET emoji = CASE WHEN emoji IS NULL THEN '-' END WHERE reaction_id % 5 = 0;
UPDATE wa.reactions SET message_id = 1000000 + user_id, message_sent_at = '2020-03-19 23:30' WHERE message_id IS NULL AND user_id % 2 = 0;
DELETE FROM wa.reactions WHERE reaction_id % 11 = 0;
UPDATE wa.group_events SET at_precision = interval '0', occurred_at = occurred_at - interval '20 days' WHERE event_id % 5 = 0;
DELETE FROM wa.group_events WHERE event_id % 11 = 0;
UPDATE wa.memberships SET role = 'admin' WHERE membership_id % 3 = 0;
UPDATE wa.memberships SET left_at = NULL, left_precision = NULL, leave_kind = NULL, leave_source = NULL
WHERE membership_id IN (SELECT max(membership_id) FROM wa.memberships WHERE group_id BETWEEN 101 AND 104 GROUP BY group_id, user_id) AND left_at < '2020-10-20' AND group_id = 103;
DELETE FROM wa.memberships WHERE membership_id % 11 = 0;
SELECT count(*) FROM wa.check_rollups();
-- a transaction that is given up counts nothing
BEGIN;
INSERT INTO wa.messages (chat_id, sent_at, received_at, sender, bot_id, from_me, wa_id, kind, state, origin)
VALUES (601, '2020-03-10', '2020-03-10', 501, :ada, false, 'gone', 'text', 'stored', 'live');
SAVEPOINT s;
DELETE FROM wa.messages WHERE chat_id = 602;
DELETE FROM wa.reactions WHERE chat_id = 602;
ROLLBACK TO s;
SELECT count(*) FROM wa.check_rollups();
ROLLBACK;
SELECT count(*) FROM wa.check_rollups();
-- changes are moved into sums a part at a time, and nothing of nothing is kept
SELECT wa_private.settle_rollups(100);
SELECT count(*) FROM wa.check_rollups();
-- between the parts somebody leaves a group and comes to another
UPDATE wa.memberships SET left_at = '2020-11-05', left_precision = interval '2 days', leave_kind = 'left', leave_source = 'snapshot' WHERE left_at IS NULL AND user_id % 4 = 1;
UPDATE wa.memberships SET user_id = user_id + 1 WHERE user_id % 8 = 2 AND left_at IS NOT NULL;
SELECT wa_private.settle_rollups(300) > 100 AS moved;
SELECT count(*) FROM wa.check_rollups();
SELECT count(*) > 1 AS several, count(*) FILTER (WHERE d.people IS DISTINCT FROM x.people) AS wrong
FROM wa.stat_distribution() AS d
FULL JOIN (SELECT y.groups, count(*) AS people FROM (SELECT count(*) AS groups FROM wa.memberships AS m WHERE m.left_at IS NULL GROUP BY m.user_id) AS y GROUP BY 1) AS x
	ON x.groups = d.place;
-- while very many are not settled, people are counted from the rows
CREATE TEMPORARY TABLE people AS SELECT jsonb_agg(d) AS distribution, (SELECT jsonb_agg(m) FROM wa.stat_members('2020-03-01', '2020-12-01') AS m) AS members
FROM wa.stat_distribution() AS d;
INSERT INTO wa_private.stay_changes (group_id, user_id, joined_at, has_join, n)
SELECT 101, 501, '2020-03-01', true, 1 - n % 2 * 2 FROM generate_series(1, 100000) AS n;
SELECT wa_private.stat_people_settled() AS settled, p.distribution = (SELECT jsonb_agg(d) FROM wa.stat_distribution() AS d) AS distribution,
	p.members = (SELECT jsonb_agg(m) FROM wa.stat_members('2020-03-01', '2020-12-01') AS m) AS members
FROM people AS p;
DELETE FROM wa_private.stay_changes WHERE joined_precision IS NULL AND left_at IS NULL AND joined_at = '2020-03-01' AND group_id = 101 AND user_id = 501 AND has_join;
VACUUM wa_private.stay_changes;
SELECT wa_private.stat_people_settled() AS settled, count(*) AS differences FROM wa.check_rollups();
SELECT wa_private.settle_rollups(1000000) > 100 AS moved, wa_private.settle_rollups(1000000) AS again;
SELECT count(*) FROM wa.check_rollups();
SELECT (SELECT count(*) FROM wa_private.speaker_days WHERE messages = 0), (SELECT count(*) FROM wa_private.people_days WHERE people = 0 AND people_low = 0 AND people_high = 0), (SELECT count(*) FROM wa_private.message_hours WHERE messages = 0), (SELECT count(*) FROM wa_private.event_days WHERE events = 0);

-- what is wrong is told, within the range that was asked for, and mended
UPDATE wa_private.speaker_days SET messages = messages + 5 WHERE (day, chat_id, user_id) = (SELECT day, chat_id, user_id FROM wa_private.speaker_days WHERE day = '2020-03-10' ORDER BY 2, 3 LIMIT 1);
DELETE FROM wa_private.event_days WHERE day = '2020-10-20';
SELECT rollup, key ->> 'day' AS day, (by_rollup ->> 'messages')::int - (by_rows ->> 'messages')::int AS too_many FROM wa.check_rollups('2020-03-01', '2020-04-01');
SELECT count(*) > 0 AS some, bool_and(rollup = 'event_days' AND key ->> 'day' = '2020-10-20') AS that_day FROM wa.check_rollups('2020-10-01', '2020-11-01');
SELECT count(*) FROM wa.check_rollups('2020-04-01', '2020-10-01');
SELECT wa.rebuild_rollups('2020-04-01', '2020-10-01');
SELECT wa.rebuild_rollups('2020-03-10', '2020-03-10 00:01');
SELECT count(*) > 0 AS some, bool_and(rollup = 'event_days') AS events FROM wa.check_rollups();
SELECT wa.rebuild_rollups() > 0 AS mended;
SELECT count(*) FROM wa.check_rollups();

-- tables that lack a roll-up, or have changes of an earlier layout, are adopted: what is missing is made
DROP TABLE wa_private.stay_days, wa_private.reaction_days CASCADE;
SELECT wa.create_storage();
SELECT (SELECT count(*) FROM wa.check_rollups()) AS differences, count(*) > 50 AS several FROM wa_private.reaction_days;
ALTER TABLE wa_private.message_changes DROP COLUMN bot_id CASCADE;
SELECT wa.create_storage();
SELECT (SELECT count(*) FROM wa.check_rollups()) AS differences, count(*) > 50 AS several FROM wa_private.arrival_days;
DROP FUNCTION wa_private.roll_up_reactions CASCADE;
DROP TABLE wa_private.reaction_days, wa_private.reaction_changes CASCADE;
ALTER TABLE wa.reactions DROP COLUMN message_sent_at CASCADE;
SELECT wa.create_storage();
SELECT (SELECT count(*) FROM wa.check_rollups()) AS differences, count(*) > 50 AS several FROM wa_private.reaction_days;
SELECT count(m.message_id) > 50 AS several, count(*) FILTER (WHERE r.message_sent_at IS DISTINCT FROM m.sent_at) AS wrong
FROM wa.reactions AS r LEFT JOIN wa.messages AS m ON m.message_id = r.message_id;

-- statistics in a time zone that the roll-ups do not have come from the rows, and are the same from roll-ups that have it
CREATE FUNCTION public.statistics() RETURNS TABLE (statistic text, value jsonb) LANGUAGE plpgsql AS $$
DECLARE
	f text;
	arguments text;
BEGIN
	FOREACH f IN ARRAY '{stat_growth,stat_members,stat_churn,stat_retention,stat_messages,stat_active_members,stat_kinds,stat_sources,stat_activity,stat_message_kinds,stat_participation,stat_silent_members,stat_concentration,stat_speakers,stat_reactions,stat_most_reacted}'::text[] LOOP
		FOREACH arguments IN ARRAY ARRAY['', ', "group" => ''Group 2''', ', bot => ''ada'''] LOOP
			RETURN QUERY EXECUTE format('SELECT %L, jsonb_agg(x) FROM wa.%I(timestamptz ''2020-03-05 07:00'', ''2020-10-28 15:30'' %s) AS x', f || arguments, f, arguments);
		END LOOP;
		IF f IN ('stat_growth', 'stat_members', 'stat_churn', 'stat_retention', 'stat_messages', 'stat_reactions') THEN
			RETURN QUERY EXECUTE format('SELECT %L, jsonb_agg(x) FROM unnest(''{total,group,bot}''::text[]) AS b, unnest(''{day,week,month,year}''::text[]) AS s, wa.%I(''2020-03-05'', ''2020-10-28 15:30'', by => b, step => s) AS x', f || ' by all', f);
			RETURN QUERY EXECUTE format('SELECT %L, jsonb_agg(x) FROM wa.%I(''2020-10-20'', ''2020-10-28 15:30'', step => ''hour'') AS x', f || ' by hour', f);
		END IF;
	END LOOP;
	RETURN QUERY
	SELECT format('stat_pipeline of %s by %s', b, s), jsonb_agg(x)
	FROM unnest('{ada,NULL}'::text[]) AS b, unnest('{day,week,month,year}'::text[]) AS s, wa.stat_pipeline('2020-03-05 07:00', '2020-10-28 15:30', b, s) AS x
	GROUP BY 1;
END
$$;
CREATE TEMPORARY TABLE from_rows (zone text, statistic text, value jsonb);
CREATE FUNCTION public.compare(zone text, OUT told_first bigint, OUT made boolean, OUT told_then bigint, OUT statistics bigint, OUT different text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('wa_collector.report_timezone', zone, false);
	told_first := (SELECT count(*) FROM wa.check_rollups());
	DELETE FROM from_rows;
	INSERT INTO from_rows SELECT compare.zone, s.* FROM public.statistics() AS s;
	made := wa.rebuild_rollups() > 0;
	told_then := (SELECT count(*) FROM wa.check_rollups());
	SELECT count(*), string_agg(s.statistic, ', ') FILTER (WHERE s.value IS DISTINCT FROM r.value) INTO statistics, different
	FROM public.statistics() AS s FULL JOIN from_rows AS r USING (statistic);
END
$$;
SELECT c.* FROM public.compare('Asia/Kathmandu') AS c;
SELECT c.* FROM public.compare('Europe/Berlin') AS c;
SELECT c.* FROM public.compare('America/Sao_Paulo') AS c;
SELECT c.* FROM public.compare('America/Havana') AS c;
-- a day that begins at the second midnight: what ends there has no step of it, and what happened an hour before is of the day before
SELECT "time" FROM wa.stat_growth('2020-10-31 12:00+00', '2020-11-01 05:00+00');
SELECT "time" FROM wa.stat_growth('2020-11-01 04:30+00', '2020-11-01 04:40+00');
SELECT "time" FROM wa.stat_growth('2020-11-01 04:30+00', '2020-11-01 05:10+00', step => 'month');
-- a day that begins twice, and one without midnight
SELECT c.* FROM public.compare('Atlantic/Azores') AS c;
SELECT c.* FROM public.compare('Asia/Beirut') AS c;
-- of those who joined a short while ago, some ages are not due yet; of a group that nobody watches any more, fewer
BEGIN;
SET LOCAL wa_collector.report_timezone = 'UTC';
SELECT wa.rebuild_rollups() > 0 AS made;
UPDATE wa.groups SET unobserved_since = CASE group_id WHEN 103 THEN '2020-04-05'::timestamptz ELSE now() - interval '9 days' END WHERE group_id IN (103, 104);
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, join_event_id, left_at, left_precision, leave_kind, leave_source)
SELECT 101 + n % 4, 501 + n % 40, x.at, CASE WHEN n % 5 > 0 THEN interval '3 hours' * (n % 3) END, 'link', 'live', n,
	least(x.at + interval '1 hour' * (n % 900), now()), CASE WHEN n % 7 > 0 THEN interval '5 hours' * (n % 4) END, 'left', 'live'
FROM generate_series(1, 1000) AS n CROSS JOIN LATERAL (SELECT now() - interval '58 minutes' * n AS at) AS x;
CREATE FUNCTION public.retention() RETURNS SETOF jsonb LANGUAGE sql AS $$
	SELECT to_jsonb(x) FROM unnest('{day,week,month,hour}'::text[]) AS s, wa.stat_retention(now() - interval '40 days', now(), step => s, days => '{1,2,7,30}') AS x
	UNION ALL SELECT to_jsonb(x) FROM wa.stat_retention('2020-03-01', '2020-05-10', step => 'day') AS x
$$;
CREATE TEMPORARY TABLE retention AS SELECT r.x FROM public.retention() AS r (x);
DELETE FROM wa_private.rollup_zone;
SELECT count(*) > 500 AS many, sum((r.x ->> 'kept_high')::int - (r.x ->> 'kept_low')::int) > 100 AS bounds,
	sum((r.x ->> 'joiners')::int - (r.x ->> 'due')::int) > 100 AS not_due FROM retention AS r;
SELECT count(*) FILTER (WHERE n <> 0) AS different
FROM (SELECT y.x, sum(y.n) AS n FROM (SELECT r.x, 1 AS n FROM retention AS r UNION ALL SELECT r.x, -1 FROM public.retention() AS r (x)) AS y GROUP BY 1) AS d;
ROLLBACK;
-- rows that come then are counted in the new time zone
INSERT INTO wa.messages (chat_id, sent_at, received_at, sender, bot_id, from_me, wa_id, kind, state, origin)
VALUES (601, '2020-03-10 22:30', '2020-03-10', 501, :ada, false, 'late', 'text', 'stored', 'live');
SELECT count(*) FROM wa.check_rollups();
SELECT wa.rebuild_rollups();

-- wrong arguments
SELECT public.try($$SELECT * FROM wa.check_rollups('2020-03-02', '2020-03-01')$$);
SELECT public.try($$SELECT wa.rebuild_rollups('2020-03-02', '2020-03-01')$$);
RESET wa_collector.report_timezone;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT public.try($$SELECT wa.rebuild_rollups()$$);
ROLLBACK;
CREATE ROLE regress_wa_rollups;
SELECT wa.grant_reader('regress_wa_rollups');
SET ROLE regress_wa_rollups;
SELECT public.try($$SELECT wa.rebuild_rollups()$$);
SELECT public.try($$SELECT * FROM wa_private.message_changes$$);
RESET ROLE;
DROP OWNED BY regress_wa_rollups;
DROP ROLE regress_wa_rollups;

SELECT wa.rebuild_rollups() > 0 AS rolled_up;
DROP VIEW public.moments;
DROP FUNCTION public.statistics, public.compare;
DELETE FROM wa.messages WHERE chat_id BETWEEN 601 AND 605;
DELETE FROM wa.reactions WHERE chat_id BETWEEN 601 AND 605;
DELETE FROM wa.chats WHERE chat_id BETWEEN 601 AND 605;
SELECT wa.remove_bot('ada', purge => true), wa.remove_bot('bob', purge => true);
DELETE FROM wa.users WHERE user_id BETWEEN 501 AND 540;
SELECT count(*) FROM wa.check_rollups();
SELECT count(*) FROM wa_private.speaker_days_now WHERE chat_id BETWEEN 601 AND 605 GROUP BY day, chat_id, user_id HAVING sum(messages) <> 0;
