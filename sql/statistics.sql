-- Statistics of a small world that fits on a sheet of paper.  The values in the
-- comments were worked out by hand from the table of stays below.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.create_storage();
-- before there is anything: no rows, or rows of nothing, and no error
SELECT count(*), sum(joins), sum(leaves) FROM wa.stat_growth('2020-03-01', '2020-03-07');
SELECT count(*), sum(members) FROM wa.stat_members('2020-03-01', '2020-03-07');
SELECT count(*), sum(members), max(percent) FROM wa.stat_churn('2020-03-01', '2020-03-07');
SELECT count(*), sum(joiners), max(percent) FROM wa.stat_retention('2020-03-01', '2020-03-07');
SELECT (SELECT count(*) FROM wa.stat_kinds()), (SELECT count(*) FROM wa.stat_inviters()), (SELECT count(*) FROM wa.stat_invite_links()),
	(SELECT count(*) FROM wa.stat_approvals()), (SELECT sum(ended) + sum(still_in) FROM wa.stat_stay_length()), (SELECT count(*) FROM wa.stat_distribution('countries')),
	(SELECT count(*) FROM wa.stat_overlap()), (SELECT count(*) FROM wa.stat_group_board()), (SELECT count(*) FROM wa.stat_bot_board()),
	(SELECT count(*) FROM wa.stat_bot_uptime()), (SELECT count(*) FROM wa.stat_bot_outages()), (SELECT count(*) FROM wa.stat_quality());

SELECT wa.add_bot('ada') AS ada \gset
SELECT wa.add_bot('bob') AS bob \gset
INSERT INTO wa.groups (group_id, jid, subject, watch_level, size, roster_at, roster_complete, listed_since) OVERRIDING SYSTEM VALUE
VALUES (101, 'alpha@g.us', 'Alpha', 'members', 3, '2020-03-01', true, '2020-03-01'), (102, 'beta@g.us', 'Beta', 'members', 4, '2020-03-01', true, '2020-03-01'),
	(103, 'counted@g.us', 'Counted', 'counts', 10, NULL, NULL, NULL);
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at)
VALUES (:ada, 101, '2020-03-01', '2020-03-01'), (:ada, 102, '2020-03-01', '2020-03-01'), (:bob, 102, '2020-03-01', '2020-03-01'), (:bob, 103, '2020-03-01', '2020-03-01');
INSERT INTO wa.group_counts VALUES (103, '2020-03-02 12:00', 8, 'list'), (103, '2020-03-04 12:00', 10, 'list');
-- person n is number 200 + n
INSERT INTO wa.users (user_id, push_name, masked_phone, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT 200 + n, 'P' || n, CASE n WHEN 6 THEN '+55∙∙∙∙79' END, '2020-03-01', '2020-03-01' FROM generate_series(1, 9) AS n;
INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at)
VALUES ('pn', '4915100001', 201, 'group', '2020-03-01', '2020-03-01'), ('pn', '4915100003', 203, 'group', '2020-03-01', '2020-03-01'),
	('pn', '12025550107', 207, 'group', '2020-03-01', '2020-03-01'), ('lid', '900009', 209, 'group', '2020-03-01', '2020-03-01');
-- one stay with its events; joined_within and left_within null: no event there, 0: exact, else inferred within that time
CREATE FUNCTION public.stay(the_group bigint, n int, joined timestamptz, joined_within interval, how text, inviter int DEFAULT NULL,
	"left" timestamptz DEFAULT NULL, left_within interval DEFAULT NULL, leave_how text DEFAULT NULL, remover int DEFAULT NULL, role text DEFAULT 'member')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	join_event bigint;
	leave_event bigint;
BEGIN
	IF joined_within IS NOT NULL THEN
		PERFORM wa_private.make_partition(joined);
		INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, how, actor, target, received_at)
		VALUES (the_group, joined, joined_within, CASE WHEN joined_within > '0' THEN 'snapshot' ELSE 'live' END, 'join', 'add', how, 200 + inviter, 200 + n, joined)
		RETURNING event_id INTO join_event;
	END IF;
	IF "left" IS NOT NULL THEN
		PERFORM wa_private.make_partition("left");
		INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, how, actor, target, received_at)
		VALUES (the_group, "left", left_within, CASE WHEN left_within > '0' THEN 'snapshot' ELSE 'live' END, 'leave', 'remove', leave_how, 200 + remover, 200 + n, "left")
		RETURNING event_id INTO leave_event;
	END IF;
	INSERT INTO wa.memberships (group_id, user_id, role, joined_at, joined_precision, join_kind, join_source, inviter, join_event_id,
		left_at, left_precision, leave_kind, leave_source, remover, leave_event_id)
	VALUES (the_group, 200 + n, role, joined, joined_within, how, CASE WHEN joined_within = '0' THEN 'live' ELSE 'snapshot' END, 200 + inviter, join_event,
		"left", left_within, leave_how, CASE WHEN left_within > '0' THEN 'snapshot' WHEN "left" IS NOT NULL THEN 'live' END, 200 + remover, leave_event);
END
$$;
-- Alpha
SELECT public.stay(101, 1, '2020-03-01 00:00', NULL, 'unknown', role => 'admin');
SELECT public.stay(101, 2, '2020-03-01 00:00', NULL, 'unknown', NULL, '2020-03-10 10:00', '0', 'left');
SELECT public.stay(101, 3, '2020-03-02 09:00', '0', 'link');
SELECT public.stay(101, 4, '2020-03-02 23:30', '0', 'added', 1, '2020-03-03 23:00', '0', 'removed', 1);
SELECT public.stay(101, 5, '2020-02-20 12:00', '0', 'approved', 1, '2020-03-05 00:00', '2 days', 'unknown');
SELECT public.stay(101, 6, '2020-03-05 00:00', '2 days', 'unknown');
-- Beta
SELECT public.stay(102, 1, '2020-03-01 00:00', NULL, 'unknown');
SELECT public.stay(102, 3, '2020-03-04 08:00', '0', 'added', 1);
SELECT public.stay(102, 7, '2020-03-06 12:00', '0', 'link', NULL, '2020-03-06 12:30', '0', 'left');
SELECT public.stay(102, 7, '2020-03-20 12:00', '0', 'link');
SELECT public.stay(102, 8, '2020-03-10 00:00', '0', 'link');

-- 2nd: P3 and P4 come; 3rd: P4 goes, and on the 3rd, 4th or at 0:00 of the 5th P5 went and P6 came; 4th: P3 comes to Beta; 6th: P7 comes and goes
SELECT "time"::date AS day, label, joins, joins_low AS low, joins_high AS high, leaves, leaves_low AS "low ", leaves_high AS "high ", net, net_low, net_high, inferred
FROM wa.stat_growth('2020-03-01', '2020-03-07');
-- each group, and each bot, of which both are in Beta
SELECT label, id = 101 AS alpha, sum(joins) AS joins, sum(leaves) AS leaves, sum(inferred) AS inferred FROM wa.stat_growth('2020-03-01', '2020-04-01', by => 'group') GROUP BY 1, 2 ORDER BY 1;
SELECT label, sum(joins) AS joins, sum(leaves) AS leaves FROM wa.stat_growth('2020-03-01', '2020-04-01', by => 'bot') GROUP BY 1 ORDER BY 1;
SELECT sum(joins) AS beta, (SELECT sum(g.joins) FROM wa.stat_growth('2020-03-01', '2020-04-01', bot => 'bob', step => 'month') AS g) AS bob,
	(SELECT sum(g.joins) FROM wa.stat_growth('2020-03-01', '2020-04-01', '102', :'bob', 'year') AS g) AS both
FROM wa.stat_growth('2020-03-01', '2020-04-01', 'Beta', step => 'week');
-- a month has them all, for sure
SELECT "time"::date AS month, joins, joins_low, joins_high, leaves, leaves_low, leaves_high FROM wa.stat_growth('2020-02-10', '2020-03-31', step => 'month');
-- in Berlin P4 came on the 3rd, at half past midnight, and the 5th begins an hour earlier
SET wa_collector.report_timezone = 'Europe/Berlin';
SELECT "time", joins, joins_low AS low, joins_high AS high, leaves, leaves_low AS "low ", leaves_high AS "high " FROM wa.stat_growth('2020-03-02 12:00', '2020-03-05 12:00');
-- summer time begins on March 29 and ends on October 25: days of 23 and 25 hours
SELECT s.since, s.until - s.since AS lasts FROM wa_private.stat_steps('2020-03-28 12:00', '2020-03-30 12:00', 'day') AS s;
SELECT s.since, s.until - s.since AS lasts FROM wa_private.stat_steps('2020-10-24 12:00', '2020-10-26 12:00', 'day') AS s;
SELECT count(*), min(s.since), max(s.until) FROM wa_private.stat_steps('2020-10-24 22:00', '2020-10-25 23:00', 'hour') AS s;
-- half hours; a month of 31 days though clocks change
SET wa_collector.report_timezone = 'Asia/Kolkata';
SELECT s.since, s.until FROM wa_private.stat_steps('2020-03-02 18:00', '2020-03-02 20:00', 'hour') AS s;
SELECT "time", joins FROM wa.stat_growth('2020-03-02 12:00', '2020-03-03 12:00');
SET wa_collector.report_timezone = 'America/New_York';
SELECT s.since, s.until FROM wa_private.stat_steps('2020-03-15', '2020-03-16', 'month') AS s;
RESET wa_collector.report_timezone;
SELECT public.try($$SET wa_collector.report_timezone = 'Mars/Olympus'$$);

-- at the end of each day: 29th P1 P2 (when they came nobody knows) P5; 2nd + P3 P4; 3rd, 4th - P4, perhaps - P5, perhaps + P6; 5th - P5 + P6; the rest changes nothing
SELECT "time"::date AS day, members, members_low AS low, members_high AS high FROM wa.stat_members('2020-02-29', '2020-03-08');
-- Beta: P1, then P3 on the 4th; of the counted group what the server said
SELECT "time"::date AS day, label, members, members_low AS low, members_high AS high FROM wa.stat_members('2020-03-02', '2020-03-05', by => 'group');
-- whom the bots see: ada everybody, bob Beta
SELECT "time"::date AS month, label, members FROM wa.stat_members('2020-03-01', '2020-03-31', step => 'month', by => 'bot');
-- now: P1 P3 P6 P7 P8; in Alpha P1 P3 P6
SELECT members FROM wa.stat_members(now(), now());
SELECT members, label FROM wa.stat_members(now(), now(), by => 'group');

-- March begins with P1 P2 P5 in Alpha and P1 in Beta, of whom only P5 is certain; P2 P4 P5 P7 go: 4 of 4, at most 4 of 1
SELECT "time"::date AS month, members, leaves, leaves_low, leaves_high, percent, percent_low, percent_high FROM wa.stat_churn('2020-03-01', '2020-03-31');
-- Alpha: P2 P4 P5 of P1 P2 P5; Beta: P7 of P1
SELECT label, members, leaves, percent FROM wa.stat_churn('2020-03-01', '2020-03-31', by => 'group');

-- weeks begin on Monday: Feb 17 P5, 13.5 days; Mar 2 P3 P3 P6 stay, P4 left after 23.5 and P7 after 0.5 hours; Mar 9 P8; Mar 16 P7
SELECT "time"::date AS week, after_days AS days, joiners, due, kept, kept_low AS low, kept_high AS high, percent FROM wa.stat_retention('2020-02-17', '2020-03-23') WHERE joiners > 0;
-- an age that is given twice counts once
SELECT after_days AS days, joiners, due, kept FROM wa.stat_retention('2020-03-02', '2020-03-09', days => '{7,1,7}');
-- P5 left between 11.5 and 13.5 days after joining
SELECT after_days AS days, kept, kept_low AS low, kept_high AS high FROM wa.stat_retention('2020-02-17', '2020-02-20 13:00', days => '{13,11,14,12}');

-- joins: P3 P7 P8 P7 by link, P4 P3 added, P6 unknown; leaves: P2 P7 left, P4 removed, P5 unknown
SELECT * FROM wa.stat_kinds('2020-03-01', '2020-04-01');
-- where they come from, as the groups have them one by one
SELECT *, s.events = (SELECT sum(CASE s.source WHEN 'live' THEN q.live WHEN 'snapshot' THEN q.from_lists ELSE q.from_history END) FROM wa.stat_quality('2020-03-01', '2020-04-01') AS q) AS same
FROM wa.stat_sources('2020-03-01', '2020-04-01') AS s;
SELECT * FROM wa.stat_sources('2020-03-01', '2020-04-01', 'Beta');
-- P1 brought P4 (1 day), P5 (13.5 days), P3 (still in)
SELECT * FROM wa.stat_inviters('2020-02-01', '2020-04-01');
INSERT INTO wa.invite_links (link_id, group_id, code, valid_from, valid_until, made_by) OVERRIDING SYSTEM VALUE
VALUES (301, 101, 'secret 1', '2020-03-01', '2020-03-05', 201), (302, 101, 'secret 2', '2020-03-05', NULL, 201), (303, 102, 'secret 3', '2020-03-07', NULL, 203);
-- the first link of Alpha brought P3, the second nobody; that of Beta P8 and P7, who had come before by one we do not know
SELECT * FROM wa.stat_invite_links('2020-03-01', '2020-04-01');
INSERT INTO wa.join_requests (group_id, user_id, requested_at, method, decided_at, decision)
VALUES (101, 203, '2020-03-01 10:00', 'invite_link', '2020-03-01 12:00', 'approved'), (101, 204, '2020-03-02 10:00', 'invite_link', '2020-03-02 16:00', 'rejected'),
	(101, 208, '2020-03-03 10:00', 'invite_link', NULL, NULL), (102, 208, '2020-03-04 10:00', 'non_admin_add', '2020-03-05', 'withdrawn');
-- after 2 and 6 hours; one still waits; one took it back
SELECT * FROM wa.stat_approvals('2020-03-01', '2020-04-01');
-- ended: P2 (begin unknown), P7 half an hour, P4 23.5 hours, P5 13.5 days; not ended: P1 P1 unknown, P3 P6 P3 P7 P8 for years
SELECT * FROM wa.stat_stay_length('2020-03-01', '2020-04-01');

-- P1 P3 in two groups, P6 P7 P8 in one
SELECT * FROM wa.stat_distribution();
-- P6 is seen by ada only
SELECT * FROM wa.stat_distribution('bots');
-- P1 P3 +49, P7 +1, P6 shows +55, P8 nothing
SELECT * FROM wa.stat_distribution('countries');
SELECT phone, wa_private.stat_calling_code(phone) FROM unnest('{12025550107,79161234567,4915100001,5511912345678,351912345678,420601123456,85291234567,8613812345678,8801712345678,9715012345678,381601234567,2348012345678,27821234567,0123,"",x}'::text[]) AS phone;
-- P1 P3 of 3 and 4
SELECT * FROM wa.stat_overlap();
SELECT subject_a, subject_b, shared FROM wa.stat_overlap('Beta');
-- a bot of ours is in both, and is no audience
UPDATE wa.bots SET lid = '900009@lid' WHERE bot_id = :bob;
SELECT public.stay(101, 9, '2020-01-01 00:00', NULL, 'unknown'), public.stay(102, 9, '2020-01-01 00:00', NULL, 'unknown');
SELECT members_a, members_b, shared, jaccard FROM wa.stat_overlap();
DELETE FROM wa.memberships WHERE user_id = 209;

-- Alpha: from 3 to 3, 3 joins (P6 inferred), 3 leaves (P5 inferred), P3 P6 stayed a week of P3 P4 P6; Beta: from 1 to 4, P3 P8 P7 of P3 P7 P8 P7
SELECT * FROM wa.stat_group_board('2020-03-01', '2020-04-01');
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason, code)
VALUES (:ada, '2020-03-01 06:00', 'connecting', 'offline', NULL, NULL), (:ada, '2020-03-01 06:10', 'online', 'connecting', NULL, NULL),
	(:ada, '2020-03-02 00:00', 'error', 'online', 'replaced', 440), (:ada, '2020-03-02 06:00', 'connecting', 'error', NULL, NULL),
	(:ada, '2020-03-02 07:00', 'online', 'connecting', NULL, NULL);
-- 1st: 6 hours unknown, 10 minutes connecting, the rest of 17:50 online; 2nd: 7 hours not, 17 online
SELECT "time"::date AS day, bot_name, seconds_online, seconds_offline, seconds_unknown, percent FROM wa.stat_bot_uptime('2020-03-01', '2020-03-03');
-- one outage of two causes, and the first counts; connecting for the first time is none
SELECT bot_name, began, ended, lasted, status, reason, code FROM wa.stat_bot_outages('2020-03-01', '2020-04-01');
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status) VALUES (:ada, '2020-05-01', 'offline', 'online');
SELECT bot_name, began, ended, lasted > '1 year' AS still, status FROM wa.stat_bot_outages('2020-05-01', now());
-- ada: Alpha and Beta, P6 nobody else sees; 64200 + 61200 of 64800 + 86400 seconds
SELECT bot_name, groups, people, people_only_here, joins, leaves, net, percent_online, outages FROM wa.stat_bot_board('2020-03-01', '2020-03-03');
SELECT bot_name, joins, leaves, net FROM wa.stat_bot_board('2020-03-01', '2020-04-01', 'bob');
SELECT b.bot_name, b.people, b.people_only_here FROM unnest('{ada,bob}'::text[]) AS bot CROSS JOIN LATERAL wa.stat_bot_board('2020-03-01', '2020-04-01', bot) AS b;
-- phones of P1 P3 (of P6 not) and P1 P3 P7 (of P8 not); joins of P3 P6 and P3 P7 P8 are known, of P1 not
SELECT group_subject, watch_level, complete, why_not, members, server_size, percent_with_phone AS phones, percent_join_known AS known, events, live, from_lists,
	from_history, percent_inferred AS inferred, watched_since FROM wa.stat_quality('2020-03-01', '2020-04-01');

-- wrong arguments: every function says what is wrong, with a hint
SELECT f.name, public.try(format('SELECT * FROM wa.%s(''2020-03-02'', ''2020-03-01'')', f.name)) FROM unnest('{stat_growth,stat_members,stat_churn,stat_retention,stat_kinds,stat_inviters,stat_invite_links,stat_approvals,stat_stay_length,stat_group_board,stat_bot_uptime,stat_bot_outages,stat_bot_board,stat_quality}'::text[]) AS f (name);
SELECT public.try($$SELECT * FROM wa.stat_growth(NULL, now())$$);
SELECT public.try($$SELECT * FROM wa.stat_kinds('-infinity', now())$$);
SELECT public.try($$SELECT * FROM wa.stat_growth("group" => 'no such')$$);
SELECT public.try($$SELECT * FROM wa.stat_members(bot => 'no such')$$);
SELECT public.try($$SELECT * FROM wa.stat_bot_uptime(bot => '99999999')$$);
SELECT public.try($$SELECT * FROM wa.stat_growth(step => 'decade')$$);
SELECT public.try($$SELECT * FROM wa.stat_growth(by => 'person')$$);
SELECT public.try($$SELECT * FROM wa.stat_growth('2000-01-01', '2020-01-01', step => 'hour')$$);
SELECT public.try($$SELECT * FROM wa.stat_retention(days => '{0}')$$);
SELECT public.try($$SELECT * FROM wa.stat_inviters("limit" => 0)$$);
SELECT public.try($$SELECT * FROM wa.stat_distribution('shoe size')$$);
-- odd, but no error: nothing long, ten years, a name that is code
SELECT count(*), sum(joins) FROM wa.stat_growth('2020-03-02 09:00', '2020-03-02 09:00');
SELECT count(*), sum(joins), sum(leaves) FROM wa.stat_growth('2015-01-01', '2025-01-01');
UPDATE wa.groups SET subject = E'O''Hara "; DROP TABLE wa.users; -- <b>\U0001F600</b>' WHERE group_id = 101;
SELECT DISTINCT label, sum(joins) OVER () AS joins FROM wa.stat_growth('2020-03-01', '2020-04-01', E'O''Hara "; DROP TABLE wa.users; -- <b>\U0001F600</b>', by => 'group');
-- a reader may ask
CREATE ROLE regress_wa_statistician;
SELECT wa.grant_reader('regress_wa_statistician');
SET ROLE regress_wa_statistician;
SELECT sum(joins) FROM wa.stat_growth('2020-03-01', '2020-04-01', '101', 'ada');
SELECT count(*) FROM wa.stat_invite_links('2020-03-01', '2020-04-01');
SELECT (SELECT count(*) FROM wa.stat_members()) > 0, (SELECT count(*) FROM wa.stat_churn()) > 0, (SELECT count(*) FROM wa.stat_retention()) > 0, (SELECT count(*) FROM wa.stat_kinds()),
	(SELECT count(*) FROM wa.stat_inviters()), (SELECT count(*) FROM wa.stat_approvals()), (SELECT count(*) FROM wa.stat_stay_length()), (SELECT count(*) FROM wa.stat_distribution()),
	(SELECT count(*) FROM wa.stat_overlap()), (SELECT count(*) FROM wa.stat_group_board()), (SELECT count(*) FROM wa.stat_bot_board()),
	(SELECT count(*) FROM wa.stat_bot_uptime()) > 0, (SELECT count(*) FROM wa.stat_bot_outages()), (SELECT count(*) FROM wa.stat_quality());
RESET ROLE;
DROP OWNED BY regress_wa_statistician;
DROP ROLE regress_wa_statistician;

-- many random stays: each function against a plain count
DELETE FROM wa.memberships;
DELETE FROM wa.group_events;
DELETE FROM wa.join_requests;
DELETE FROM wa.invite_links;
SELECT setseed(0.5);
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT 1000 + n, '2020-03-01', '2020-03-01' FROM generate_series(1, 60) AS n;
-- every person up to three stays in each group, one after the other
SELECT count(public.stay(101 + g, 800 + p, s.joined, CASE WHEN r.a < 0.2 AND k = 0 THEN NULL WHEN r.a < 0.5 THEN make_interval(secs => floor(r.b * 200000) + 1) ELSE '0' END,
	(ARRAY['link', 'added', 'unknown'])[1 + floor(r.c * 3)::int], CASE WHEN r.c > 0.33 AND r.c < 0.66 THEN 801 + floor(r.b * 59)::int END,
	CASE WHEN k < 2 OR r.d < 0.5 THEN s.joined + make_interval(secs => floor(r.e * 400000) + 1) END,
	CASE WHEN k < 2 OR r.d < 0.5 THEN CASE WHEN r.d < 0.3 THEN make_interval(secs => floor(r.b * 300000) + 1) ELSE '0' END END,
	CASE WHEN k < 2 OR r.d < 0.5 THEN 'left' END)) AS stays
FROM generate_series(0, 1) AS g, generate_series(1, 60) AS p, generate_series(0, 2) AS k
CROSS JOIN LATERAL (SELECT random() AS a, random() AS b, random() AS c, random() AS d, random() AS e, random() AS f, g + p AS each) AS r
CROSS JOIN LATERAL (SELECT timestamptz '2020-03-01' + make_interval(secs => k * 900000 + floor(r.f * 400000)) AS joined) AS s;
SET wa_collector.report_timezone = 'Asia/Kathmandu';
SELECT wa.rebuild_rollups() > 0 AS rolled_up;
-- days
SELECT count(*) AS days, sum(joins) > 100 AS many, count(*) FILTER (WHERE (x.joins, x.joins_low, x.joins_high, x.leaves, x.leaves_low, x.leaves_high) IS DISTINCT FROM (
	SELECT (count(*) FILTER (WHERE e.kind = 'join' AND best), count(*) FILTER (WHERE e.kind = 'join' AND sure), count(*) FILTER (WHERE e.kind = 'join' AND maybe),
		count(*) FILTER (WHERE e.kind = 'leave' AND best), count(*) FILTER (WHERE e.kind = 'leave' AND sure), count(*) FILTER (WHERE e.kind = 'leave' AND maybe))
	FROM wa.group_events AS e
	CROSS JOIN LATERAL (SELECT (e.occurred_at AT TIME ZONE 'Asia/Kathmandu')::date = d.day AS best,
		(e.occurred_at AT TIME ZONE 'Asia/Kathmandu')::date = d.day AND (e.occurred_at - e.at_precision) AT TIME ZONE 'Asia/Kathmandu' >= d.day AS sure,
		e.occurred_at AT TIME ZONE 'Asia/Kathmandu' >= d.day AND (e.occurred_at - e.at_precision) AT TIME ZONE 'Asia/Kathmandu' < d.day + 1 AS maybe) AS w)) AS wrong
FROM wa.stat_growth('2020-03-01', '2020-04-01') AS x CROSS JOIN LATERAL (SELECT ("time" AT TIME ZONE 'Asia/Kathmandu')::date AS day) AS d;
-- people at the end of days, in all and in groups
SELECT count(*) AS days, max(members) > 20 AS many, count(*) FILTER (WHERE (x.members, x.members_low, x.members_high) IS DISTINCT FROM (
	SELECT (count(DISTINCT m.user_id) FILTER (WHERE (joined_at < t OR join_event_id IS NULL) AND (left_at IS NULL OR left_at >= t)),
		count(DISTINCT m.user_id) FILTER (WHERE joined_at < t AND (left_at IS NULL OR left_at - left_precision >= t)),
		count(DISTINCT m.user_id) FILTER (WHERE (joined_precision IS NULL OR joined_at - joined_precision < t) AND (left_at IS NULL OR left_at >= t)))
	FROM wa.memberships AS m CROSS JOIN (SELECT "time" + interval '1 day' AS t) AS i)) AS wrong
FROM wa.stat_members('2020-03-01', '2020-04-01') AS x;
SELECT count(*) AS days, count(*) FILTER (WHERE x.members IS DISTINCT FROM (
	SELECT count(*) FROM wa.memberships AS m WHERE m.group_id = x.id AND (joined_at < "time" + interval '1 day' OR join_event_id IS NULL)
		AND (left_at IS NULL OR left_at >= "time" + interval '1 day'))) AS wrong
FROM wa.stat_members('2020-03-01', '2020-04-01', by => 'group') AS x WHERE x.label = 'Beta';
-- members at the end of a day are those of the day before and the net of the day, and both functions agree with the view of each day
SELECT count(*) FILTER (WHERE m.members <> m.before + g.net) AS wrong
FROM (SELECT "time", id, members, lag(members) OVER (PARTITION BY id ORDER BY "time") AS before FROM wa.stat_members('2020-02-20', '2020-04-10', by => 'group')) AS m
JOIN wa.stat_growth('2020-02-20', '2020-04-10', by => 'group') AS g USING ("time", id) WHERE g.label <> 'Counted';
SET timezone = 'Asia/Kathmandu';
SELECT count(*) > 20 AS days, count(*) FILTER (WHERE (w.joins, w.leaves, w.members, w.inferred) IS DISTINCT FROM (g.joins, g.leaves, m.members, g.inferred)) AS wrong
FROM wa.group_growth AS w
JOIN wa.stat_growth('2020-02-20', '2020-04-10', by => 'group') AS g ON g.id = w.group_id AND g."time" = w.day
JOIN wa.stat_members('2020-02-20', '2020-04-10', by => 'group') AS m ON m.id = w.group_id AND m."time" = w.day;
SET timezone = 'UTC';
-- retention, lengths, inviters, overlap
SELECT count(*) AS rows, count(*) FILTER (WHERE (x.joiners, x.kept) IS DISTINCT FROM (
	SELECT (count(*), count(*) FILTER (WHERE left_at IS NULL OR left_at > joined_at + x.after_days * interval '24 hours'))
	FROM wa.memberships WHERE join_event_id IS NOT NULL AND joined_at >= x."time" AND joined_at < x."time" + interval '7 days')) AS wrong
FROM wa.stat_retention('2020-03-01', '2020-04-01') AS x;
SELECT sum(ended) = (SELECT count(*) FROM wa.memberships WHERE left_at < '2020-04-01') AND sum(still_in) = (SELECT count(*) FROM wa.memberships WHERE left_at IS NULL) AS all_counted,
	sum(ended) FILTER (WHERE class IN (1, 2)) = (SELECT count(*) FROM wa.memberships WHERE left_at < '2020-04-01' AND joined_precision IS NOT NULL AND left_at - joined_at < '1 day') AS short
FROM wa.stat_stay_length('2020-03-01', '2020-04-01');
SELECT count(*) > 10 AS inviters, count(*) FILTER (WHERE x.brought <> (SELECT count(*) FROM wa.memberships AS m WHERE m.inviter = x.user_id)) AS wrong
FROM wa.stat_inviters('2020-01-01', '2020-05-01', "limit" => 1000) AS x;
SELECT shared = (SELECT count(*) FROM wa.memberships AS a JOIN wa.memberships AS b USING (user_id) WHERE a.group_id = 101 AND b.group_id = 102 AND a.left_at IS NULL AND b.left_at IS NULL) AS shared
FROM wa.stat_overlap();

SELECT * FROM wa.check_rollups();
RESET wa_collector.report_timezone;
SELECT wa.rebuild_rollups() > 0 AS rolled_up;
DROP FUNCTION public.stay;
SELECT wa.remove_bot('ada', purge => true), wa.remove_bot('bob', purge => true);
DELETE FROM wa.users WHERE user_id BETWEEN 201 AND 2000 AND NOT EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = users.user_id);
SELECT * FROM wa.check_rollups();
