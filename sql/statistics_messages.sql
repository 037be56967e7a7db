-- Statistics of messages, in a small world that fits on a sheet of paper.  The
-- values in the comments were worked out by hand from the rows below.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- before there is anything: no rows, or rows of nothing, and no error
SELECT count(*), sum(messages), max(percent) FROM wa.stat_activity('2020-03-01', '2020-03-08');
SELECT count(*), sum(messages) FROM wa.stat_messages('2020-03-01', '2020-03-08');
SELECT count(*), sum(monthly) FROM wa.stat_active_members('2020-03-01', '2020-03-08');
SELECT count(*), sum(reactions) FROM wa.stat_reactions('2020-03-01', '2020-03-08');
SELECT count(*), sum(asked) FROM wa.stat_first_response('2020-03-01', '2020-03-08');
SELECT (SELECT count(*) FROM wa.stat_message_kinds('2020-03-01', '2020-03-08')), (SELECT count(*) FROM wa.stat_concentration('2020-03-01', '2020-03-08')),
	(SELECT count(*) FROM wa.stat_speakers('2020-03-01', '2020-03-08')), (SELECT count(*) FROM wa.stat_most_reacted('2020-03-01', '2020-03-08')),
	(SELECT count(*) FROM wa.stat_polls('2020-03-01', '2020-03-08')), (SELECT count(*) FROM wa.stat_pipeline('2020-03-01', '2020-03-08'));

SELECT wa.add_bot('ada') AS ada \gset
SELECT wa.add_bot('bob') AS bob \gset
INSERT INTO wa.groups (group_id, jid, subject, watch_level) OVERRIDING SYSTEM VALUE
VALUES (101, 'alpha@g.us', 'Alpha', 'messages'), (102, 'beta@g.us', 'Beta', 'messages'), (103, 'quiet@g.us', 'Not stored', 'members');
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at)
VALUES (:ada, 101, '2020-02-01', '2020-03-01'), (:ada, 102, '2020-02-01', '2020-03-01'), (:bob, 102, '2020-02-01', '2020-03-01');
-- person n is number 200 + n
INSERT INTO wa.users (user_id, push_name, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT 200 + n, 'P' || n, '2020-02-01', '2020-03-01' FROM generate_series(1, 6) AS n;
INSERT INTO wa.chats (chat_id, kind, group_id, bot_id, user_id, jid) OVERRIDING SYSTEM VALUE
VALUES (301, 'group', 101, NULL, NULL, 'alpha@g.us'), (302, 'group', 102, NULL, NULL, 'beta@g.us'),
	(303, 'direct', NULL, :ada, 204, '204@s.whatsapp.net'), (304, 'direct', NULL, :bob, 205, '205@s.whatsapp.net');
-- Alpha: P1 P2 P3 and P4, who came on the 4th; P5 left on the 3rd.  Beta: P1 P2.
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, left_at, left_precision, leave_kind, leave_source)
VALUES (101, 201, '2020-02-01', NULL, 'unknown', 'snapshot', NULL, NULL, NULL, NULL), (101, 202, '2020-02-01', NULL, 'unknown', 'snapshot', NULL, NULL, NULL, NULL),
	(101, 203, '2020-02-01', '0', 'link', 'live', NULL, NULL, NULL, NULL), (101, 204, '2020-03-04', '0', 'link', 'live', NULL, NULL, NULL, NULL),
	(101, 205, '2020-02-01', '0', 'link', 'live', '2020-03-03', '0', 'left', 'live'),
	(102, 201, '2020-02-01', '0', 'link', 'live', NULL, NULL, NULL, NULL), (102, 202, '2020-02-01', '0', 'link', 'live', NULL, NULL, NULL, NULL);
SELECT wa_private.make_partition('messages', '2020-02-15'), wa_private.make_partition('messages', '2020-03-15');
-- March 1 was a Sunday
INSERT INTO wa.messages (message_id, chat_id, sent_at, received_at, sender, bot_id, from_me, wa_id, kind, state, origin, is_forwarded, was_offline)
SELECT m.id, m.chat, m.at::timestamptz, m.at::timestamptz + make_interval(secs => m.delay), 200 + m.who, CASE m.bot WHEN 'a' THEN :ada ELSE :bob END, m.me,
	'W' || m.id, m.kind, m.state, m.origin, m.id = 403, m.id = 410
FROM (VALUES
	(401, 301, '2020-02-28 09:00', 1, 'a', false, 'text', 'stored', 'live', 1),
	(402, 301, '2020-03-02 09:15', 1, 'a', false, 'text', 'stored', 'live', 1),
	(403, 301, '2020-03-02 09:45', 2, 'a', false, 'image', 'stored', 'live', 3),
	(404, 301, '2020-03-02 23:30', 1, 'a', false, 'poll', 'stored', 'live', 2),
	(405, 301, '2020-03-03 10:00', 1, 'a', true, 'text', 'stored', 'retry', 60),
	(406, 302, '2020-03-03 10:30', 2, 'b', false, 'text', 'stored', 'phone', 90),
	(407, 302, '2020-03-05 12:00', 1, 'b', false, 'text', 'stored', 'live', 2),
	(408, 302, '2020-03-05 12:01', 1, 'b', false, NULL, 'pending', 'live', 4),
	(409, 302, '2020-03-05 12:02', 1, 'b', false, NULL, 'lost', 'live', 6),
	(410, 301, '2020-03-05 13:00', NULL, 'a', false, 'text', 'stored', 'live', 9000),
	-- P4 asks ada twice before she answers after 20 minutes; the next day nobody answers until the day after, 26 hours later
	(411, 303, '2020-03-02 10:00', 4, 'a', false, 'text', 'stored', 'live', 1),
	(412, 303, '2020-03-02 10:10', 4, 'a', false, 'text', 'stored', 'live', 1),
	(413, 303, '2020-03-02 10:20', 6, 'a', true, 'text', 'stored', 'live', 1),
	(414, 303, '2020-03-03 10:00', 4, 'a', false, 'text', 'stored', 'live', 1),
	(415, 303, '2020-03-04 12:00', 6, 'a', true, 'text', 'stored', 'live', 1),
	-- bob writes first, P5 answers and gets nothing
	(416, 304, '2020-03-02 08:00', 6, 'b', true, 'text', 'stored', 'live', 1),
	(417, 304, '2020-03-02 09:00', 5, 'b', false, 'text', 'stored', 'live', 1)) AS m (id, chat, at, who, bot, me, kind, state, origin, delay);
UPDATE wa.messages SET edited_at = '2020-03-04' WHERE message_id = 402;
UPDATE wa.messages SET revoked_at = '2020-03-04' WHERE message_id = 407;
INSERT INTO wa.reactions (message_id, message_sent_at, chat_id, wa_id, user_id, emoji, reacted_at, received_at)
SELECT m.message_id, m.sent_at, r.chat, 'W' || r.id, r.who, r.emoji, r.at::timestamptz, r.at::timestamptz
FROM (VALUES (402, 301, 202, '+', '2020-03-02'), (402, 301, 203, '+', '2020-03-09'), (403, 301, 201, '+', '2020-03-02'),
	(403, 301, 202, NULL, '2020-03-02'), (407, 302, 202, '-', '2020-03-05'), (999, 302, 202, '-', '2020-03-05')) AS r (id, chat, who, emoji, at)
LEFT JOIN wa.messages AS m ON m.message_id = r.id;
INSERT INTO wa.poll_votes (message_id, chat_id, wa_id, user_id, options, hashes, voted_at, received_at)
VALUES (404, 301, 'W404', 201, '{A}', '{a}', '2020-03-03', '2020-03-03'), (404, 301, 'W404', 202, '{}', '{}', '2020-03-03', '2020-03-03'),
	(404, 301, 'W404', 204, '{B}', '{b}', '2020-03-05', '2020-03-05');

-- Monday 2nd: 9 h P1 P2, 23 h P1; Tuesday 3rd: 10 h P1 P2; Thursday 5th: 12 h P1, 13 h somebody: 7 messages
SELECT weekday, hour, messages, percent FROM wa.stat_activity('2020-03-02', '2020-03-09') WHERE messages > 0;
SELECT weekday, hour, messages FROM wa.stat_activity('2020-03-02', '2020-03-09', bot => 'bob') WHERE messages > 0;
-- in Kolkata it is 5:30 h later, and the poll was on Tuesday
SET wa_collector.report_timezone = 'Asia/Kolkata';
SELECT weekday, hour, messages FROM wa.stat_activity('2020-03-02', '2020-03-09') WHERE messages > 0;
SELECT "time", messages FROM wa.stat_messages('2020-03-02', '2020-03-05') WHERE messages > 0;
RESET wa_collector.report_timezone;
-- 2nd: 3 of P1 P2 in Alpha; 3rd: 2 in both, one of a bot; 5th: 2, one of nobody knows whom, in both
SELECT "time"::date AS day, label, messages, people, groups, from_bots FROM wa.stat_messages('2020-03-02', '2020-03-06');
SELECT label, messages, people FROM wa.stat_messages('2020-03-02', '2020-03-09', step => 'month', by => 'group');
-- of bob Beta only
SELECT label, messages, people FROM wa.stat_messages('2020-03-02', '2020-03-09', step => 'week', by => 'bot');
SELECT sum(messages) FROM wa.stat_messages('2020-03-02', '2020-03-09', 'Alpha', 'ada');
-- P1 wrote on Feb 28, Mar 2 3 5, P2 on Mar 2 3: week of Mar 1 P1; from the 2nd on both; P2's week ends with the 9th, P1's with the 11th
SELECT "time"::date AS day, daily, weekly, monthly, percent_sticky AS sticky FROM wa.stat_active_members('2020-03-01', '2020-03-12');
-- P2's month ends with April 1, P1's with the 3rd
SELECT "time"::date AS day, monthly FROM wa.stat_active_members('2020-04-01', '2020-04-05');
SELECT label, daily, weekly, monthly FROM wa.stat_active_members('2020-03-03', '2020-03-04', by => 'group');
-- Alpha: P1 P2 of P1 P2 P3 P4; Beta: both; on the 5th P1 in Beta
SELECT group_subject, members, wrote, silent, percent_silent FROM wa.stat_participation('2020-03-02', '2020-03-09');
SELECT group_subject, name, joined_at FROM wa.stat_silent_members('2020-03-02', '2020-03-09');
SELECT group_subject, name FROM wa.stat_silent_members('2020-03-05', '2020-03-06', 'Beta');
-- 5 texts of 7, of P1 P2; the image was forwarded
SELECT * FROM wa.stat_message_kinds('2020-03-02', '2020-03-09');
-- of 6 with a sender: P1 4, P2 2; 2 * (1*2 + 2*4) / (2*6) - 3/2 = 1/6; Alpha: 1 and 3: 2 * 7 / 8 - 3/2 = 1/4; Beta: 1 and 1
SELECT * FROM wa.stat_concentration('2020-03-02', '2020-03-09', top => 1);
SELECT label, messages, speakers, percent_top, gini FROM wa.stat_concentration('2020-03-02', '2020-03-09', by => 'group', top => 1);
-- P1 4 of 7 on 3 days, P2 2 on 2
SELECT user_id, name, messages, percent, groups, active_days, last_at FROM wa.stat_speakers('2020-03-02', '2020-03-09');
-- 2nd: 2 of 3 messages have 3 reactions, of which one came later; one was taken back; 5th: 1 of 2
SELECT "time"::date AS day, messages, reacted, reactions, percent_reacted, per_message FROM wa.stat_reactions('2020-03-02', '2020-03-06');
SELECT message_id, group_subject, sender_name, kind, reactions FROM wa.stat_most_reacted('2020-03-02', '2020-03-09');
-- members then: P1 P2 P3 P5; P1 votes, P2 took it back, P4 came later
SELECT message_id, group_subject, sender_name, members, voters, percent_turnout FROM wa.stat_polls('2020-03-02', '2020-03-09');
-- the newest of two
BEGIN;
INSERT INTO wa.messages (message_id, chat_id, sent_at, received_at, sender, bot_id, from_me, wa_id, kind, state, origin)
VALUES (418, 302, '2020-03-06', '2020-03-06', 202, :bob, false, 'W418', 'poll', 'stored', 'live');
SELECT message_id FROM wa.stat_polls('2020-03-02', '2020-03-09');
SELECT message_id FROM wa.stat_polls('2020-03-02', '2020-03-09', "limit" => 1);
ROLLBACK;
SELECT public.try('SELECT * FROM wa.stat_polls("limit" => 0)');
-- 2nd: P4 20 minutes, P5 never; 3rd: P4 26 hours
SELECT "time"::date AS day, asked, answered, percent_answered, median, percentile_90, longest FROM wa.stat_first_response('2020-03-02', '2020-03-05');
-- half way between 20 minutes and 26 hours: 13:10
SELECT label, asked, answered, median, longest FROM wa.stat_first_response('2020-03-02', '2020-03-09', step => 'week', by => 'bot');
SELECT id, label, "time"::date AS day, asked, answered, median FROM wa.stat_first_response('2020-03-02', '2020-03-09', by => 'chat');
SELECT sum(asked) FROM wa.stat_first_response('2020-03-02', '2020-03-09', 'bob');
INSERT INTO wa.rejected (bot_id, rejected_at, reason, sqlstate, stanza) VALUES (:ada, '2020-03-05 10:00', 'no', '22000', '\x00');
-- ada: 402-405 410 411-415, 405 at a later try, on the way 1+3+2 and 5 * 1 s of 8; bob: 406-409 416 417, 406 from the phone, 2+4+6+1+1 s of 5
SELECT bot_name, messages, stored, recovered AS again, pending, lost, unavailable AS other, rejected, percent_unreadable AS percent, mean_delay
FROM wa.stat_pipeline('2020-03-02', '2020-03-09', step => 'week');
SELECT "time"::date AS day, rejected, messages FROM wa.stat_pipeline('2020-03-04', '2020-03-06', 'ada');

-- wrong arguments: every function says what is wrong, with a hint
SELECT f.name, public.try(format('SELECT * FROM wa.%s(''2020-03-02'', ''2020-03-01'')', f.name)) FROM unnest('{stat_activity,stat_messages,stat_active_members,stat_participation,stat_silent_members,stat_message_kinds,stat_concentration,stat_speakers,stat_reactions,stat_most_reacted,stat_polls,stat_first_response,stat_pipeline}'::text[]) AS f (name);
SELECT public.try($$SELECT * FROM wa.stat_messages("group" => 'no such')$$);
SELECT public.try($$SELECT * FROM wa.stat_pipeline(bot => 'no such')$$);
SELECT public.try($$SELECT * FROM wa.stat_messages(by => 'person')$$);
SELECT public.try($$SELECT * FROM wa.stat_first_response(by => 'group')$$);
SELECT public.try($$SELECT * FROM wa.stat_reactions(step => 'decade')$$);
SELECT public.try($$SELECT * FROM wa.stat_concentration(top => 0)$$);
SELECT public.try($$SELECT * FROM wa.stat_speakers("limit" => NULL)$$);
-- odd, but no error: nothing long, ten years
SELECT count(*), sum(messages) FROM wa.stat_messages('2020-03-02 09:00', '2020-03-02 09:00');
SELECT count(*), sum(daily), max(monthly) FROM wa.stat_active_members('2015-01-01', '2025-01-01');
-- a reader may ask, and sees neither texts nor what was chosen
CREATE ROLE regress_wa_statistician;
SELECT wa.grant_reader('regress_wa_statistician');
SET ROLE regress_wa_statistician;
SELECT (SELECT sum(messages) FROM wa.stat_activity('2020-03-02', '2020-03-09')), (SELECT sum(messages) FROM wa.stat_messages('2020-03-02', '2020-03-09')),
	(SELECT max(monthly) FROM wa.stat_active_members('2020-03-02', '2020-03-09')), (SELECT count(*) FROM wa.stat_participation('2020-03-02', '2020-03-09')),
	(SELECT count(*) FROM wa.stat_silent_members('2020-03-02', '2020-03-09')), (SELECT count(*) FROM wa.stat_message_kinds('2020-03-02', '2020-03-09')),
	(SELECT count(*) FROM wa.stat_concentration('2020-03-02', '2020-03-09')), (SELECT count(*) FROM wa.stat_speakers('2020-03-02', '2020-03-09'));
SELECT (SELECT sum(reactions) FROM wa.stat_reactions('2020-03-02', '2020-03-09')), (SELECT count(*) FROM wa.stat_most_reacted('2020-03-02', '2020-03-09')),
	(SELECT sum(voters) FROM wa.stat_polls('2020-03-02', '2020-03-09')), (SELECT sum(answered) FROM wa.stat_first_response('2020-03-02', '2020-03-09')),
	(SELECT sum(rejected) FROM wa.stat_pipeline('2020-03-02', '2020-03-09'));
SELECT public.try('SELECT emoji FROM wa.reactions');
SELECT public.try('SELECT options FROM wa.poll_votes');
SELECT public.try('SELECT stanza FROM wa.rejected');
RESET ROLE;
DROP OWNED BY regress_wa_statistician;
DROP ROLE regress_wa_statistician;

-- many random messages: each function against a plain query
DELETE FROM wa.messages WHERE chat_id BETWEEN 301 AND 304;
DELETE FROM wa.reactions WHERE chat_id BETWEEN 301 AND 304;
SELECT setseed(0.25);
INSERT INTO wa.messages (chat_id, sent_at, received_at, sender, bot_id, from_me, wa_id, kind, state, origin)
SELECT 301 + floor(r.a * 4)::int, r.at, r.at, CASE WHEN r.b < 0.95 THEN 201 + floor(r.b * r.b * 6)::int END, :ada, r.c < 0.3, 'R' || n, 'text',
	CASE WHEN r.d < 0.1 THEN 'pending' ELSE 'stored' END, 'live'
FROM generate_series(1, 600) AS n
CROSS JOIN LATERAL (SELECT random() AS a, random() AS b, random() AS c, random() AS d, n AS each,
	timestamptz '2020-02-02' + make_interval(secs => floor(random() * random() * 4900000)) AS at) AS r;
INSERT INTO wa.reactions (message_id, message_sent_at, chat_id, wa_id, user_id, emoji, reacted_at, received_at)
SELECT m.message_id, m.sent_at, m.chat_id, m.wa_id, 201 + p, CASE WHEN random() < 0.8 THEN '+' END, m.sent_at, m.sent_at
FROM wa.messages AS m CROSS JOIN generate_series(0, 5) AS p WHERE random() < 0.2;
SET wa_collector.report_timezone = 'Asia/Kathmandu';
SELECT wa.rebuild_rollups() > 0 AS rolled_up;
CREATE VIEW public.written AS
SELECT m.*, (m.sent_at AT TIME ZONE 'Asia/Kathmandu')::date AS day, c.group_id, c.kind AS chat_kind
FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) WHERE m.state = 'stored';
SELECT sum(messages) > 100 AS many, count(*) FILTER (WHERE x.messages IS DISTINCT FROM (
	SELECT count(*) FROM public.written AS w WHERE chat_kind = 'group' AND day BETWEEN '2020-02-05' AND '2020-03-19'
		AND to_char(sent_at AT TIME ZONE 'Asia/Kathmandu', 'ID HH24') = x.weekday || to_char(x.hour, ' FM00'))) AS wrong
FROM wa.stat_activity('2020-02-05 00:00+05:45', '2020-03-20 00:00+05:45') AS x;
SELECT sum(messages) > 100 AS many, count(*) FILTER (WHERE (x.messages, x.people, x.from_bots) IS DISTINCT FROM (
	SELECT (count(*), count(DISTINCT sender), count(*) FILTER (WHERE from_me)) FROM public.written AS w
	WHERE group_id = x.id AND day = (x."time" AT TIME ZONE 'Asia/Kathmandu')::date)) AS wrong
FROM wa.stat_messages('2020-02-05', '2020-03-20', by => 'group') AS x;
SELECT max(monthly) AS most, count(*) FILTER (WHERE (x.daily, x.weekly, x.monthly) IS DISTINCT FROM (
	SELECT (count(DISTINCT sender) FILTER (WHERE day = d), count(DISTINCT sender) FILTER (WHERE day > d - 7), count(DISTINCT sender) FILTER (WHERE day > d - 30))
	FROM public.written AS w, (SELECT (x."time" AT TIME ZONE 'Asia/Kathmandu')::date AS d) AS i WHERE chat_kind = 'group' AND day <= d)) AS wrong
FROM wa.stat_active_members('2020-02-05', '2020-05-20') AS x;
SELECT sum(messages) > 100 AS many, count(*) FILTER (WHERE (x.messages, x.reacted, x.reactions) IS DISTINCT FROM (
	SELECT (count(*), count(*) FILTER (WHERE n > 0), coalesce(sum(n), 0)::bigint) FROM (
		SELECT (SELECT count(*) FROM wa.reactions AS r WHERE r.message_id = w.message_id AND r.emoji IS NOT NULL) AS n
		FROM public.written AS w WHERE chat_kind = 'group' AND day = (x."time" AT TIME ZONE 'Asia/Kathmandu')::date) AS i)) AS wrong
FROM wa.stat_reactions('2020-02-05', '2020-03-20') AS x;
-- Gini as the mean difference of all pairs, divided by twice the mean
WITH said AS (
	SELECT count(*) AS n FROM public.written WHERE chat_kind = 'group' AND sender IS NOT NULL AND day BETWEEN '2020-02-05' AND '2020-03-19' GROUP BY sender
)
SELECT x.speakers, x.gini > 0.1 AS uneven, x.gini = (SELECT round(sum(abs(a.n - b.n)) / (2 * count(*) * avg(a.n)), 4) FROM said AS a CROSS JOIN said AS b) AS same,
	(SELECT sum(y.messages) FROM wa.stat_speakers('2020-02-05 00:00+05:45', '2020-03-20 00:00+05:45') AS y) = x.messages AS all_of_them
FROM wa.stat_concentration('2020-02-05 00:00+05:45', '2020-03-20 00:00+05:45') AS x;
SELECT sum(asked) > 20 AS many, count(*) FILTER (WHERE (x.asked, x.answered, x.longest) IS DISTINCT FROM (
	SELECT (count(*), count(answer), max(answer - at)) FROM (
		SELECT min(sent_at) AS at, (SELECT min(a.sent_at) FROM public.written AS a WHERE a.chat_id = w.chat_id AND a.from_me AND a.sent_at >= min(w.sent_at)) AS answer
		FROM public.written AS w WHERE chat_kind = 'direct' AND NOT from_me AND day = (x."time" AT TIME ZONE 'Asia/Kathmandu')::date GROUP BY w.chat_id) AS i)) AS wrong
FROM wa.stat_first_response('2020-02-05', '2020-03-20') AS x;
SELECT sum(silent) > 0 AS some, count(*) FILTER (WHERE x.silent IS DISTINCT FROM (SELECT count(*) FROM wa.memberships AS m WHERE m.group_id = x.group_id AND m.left_at IS NULL
	AND NOT EXISTS (SELECT FROM public.written AS w WHERE w.group_id = m.group_id AND w.sender = m.user_id AND w.day = '2020-02-20'))) AS wrong
FROM wa.stat_participation('2020-02-20 00:00+05:45', '2020-02-21 00:00+05:45') AS x;

SELECT * FROM wa.check_rollups();
RESET wa_collector.report_timezone;
SELECT wa.rebuild_rollups() > 0 AS rolled_up;
DROP VIEW public.written;
DELETE FROM wa.messages WHERE chat_id BETWEEN 301 AND 304;
DELETE FROM wa.reactions WHERE chat_id BETWEEN 301 AND 304;
DELETE FROM wa.poll_votes WHERE chat_id BETWEEN 301 AND 304;
DELETE FROM wa.rejected WHERE bot_id IN (:ada, :bob);
DELETE FROM wa.chats WHERE chat_id BETWEEN 301 AND 304;
DELETE FROM wa.memberships WHERE group_id BETWEEN 101 AND 103;
SELECT wa.remove_bot('ada', purge => true), wa.remove_bot('bob', purge => true);
DELETE FROM wa.groups WHERE group_id BETWEEN 101 AND 103;
DELETE FROM wa.users WHERE user_id BETWEEN 201 AND 206;
SELECT * FROM wa.check_rollups();
