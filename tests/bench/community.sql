-- A large community: fills the tables of wa_collector with what its worker
-- would have stored after a year, without the year.  statistics.pl runs it, in
-- jobs that may run side by side; each is one transaction.  Messages are in
-- community_messages.sql.
--
-- wa_private.apply() takes some hundred microseconds for an event, too long for
-- tens of millions.  So rows are written as sets, and the rules of apply() are
-- kept here once more:
--
-- * A group has participant versions.  A live join, leave, promotion or
--   demotion has the version before and after it and the time of the server, in
--   whole seconds.
-- * While no bot looked (some hours of every 8th day of a group) changes are
--   found by comparing lists: source snapshot, how unknown, without actor; all
--   of them have the time of the list, the time since the last one as
--   precision, and the versions of both lists.  Who came and went in between
--   was never seen.
-- * Who was there when a group was first listed has a stay without event and
--   without known begin.  What phones remember of the time before has source
--   history, exact times and no versions.
-- * Each end of a stay has its event, and each event about a stay its end.
-- * A message has a key, a number that grows in the order of arrival, a sender
--   who is a member then, and its bot is in the group.  Edits, revokes,
--   reactions, votes and receipts name it by chat, WhatsApp id and number.
--
-- Left out, because no statistic reads it: files and their keys, contacts,
-- labels, the feed, secrets of messages that are no polls.
--
-- Numbers are drawn by hashing, so that the same sizes make the same data.
-- Indexes are dropped and made again at the end; constraints hold for what was
-- made then, and bench.check() looks for what they do not say.

SET client_min_messages = warning;
CREATE SCHEMA bench;

CREATE TABLE bench.job (name text PRIMARY KEY, rows bigint, seconds numeric);

-- a number in [0, 1), the same for the same x and seed
CREATE FUNCTION bench.r(x bigint, seed bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT (hashint8extended(x, seed) & 4503599627370495)::double precision / 4503599627370496.0
$$;

-- ---------------------------------------------------------------- sizes

CREATE TABLE bench.size (groups bigint, people bigint, events bigint, messages bigint, bots bigint, days integer,
	begins timestamptz, ends timestamptz, b double precision, e double precision);

-- rows: how many stays make so many events; 1.39 was counted
CREATE FUNCTION bench.set_size(groups bigint, people bigint, events bigint, messages bigint, bots bigint, days integer) RETURNS bigint
LANGUAGE sql AS $$
	INSERT INTO bench.size
	SELECT groups, people, events, messages, bots, days, s.b, s.e, extract(epoch FROM s.b), extract(epoch FROM s.e)
	FROM (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => days) AS b, date_trunc('hour', now()) AS e) AS s
	RETURNING events;
$$;

-- ---------------------------------------------------------------- indexes

CREATE TABLE bench.index (rel text, name text, rebuild text, remark text);

-- Drops the indexes of a table that nothing depends on, and remembers how to make them.
CREATE FUNCTION bench.drop_indexes(rel regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	i record;
BEGIN
	FOR i IN
		SELECT x.indexrelid::regclass AS name, c.conname, obj_description(x.indexrelid, 'pg_class') AS remark,
			CASE WHEN c.oid IS NULL THEN pg_get_indexdef(x.indexrelid)
				ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', rel, c.conname, pg_get_constraintdef(c.oid)) END AS rebuild
		FROM pg_index AS x LEFT JOIN pg_constraint AS c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
		WHERE x.indrelid = rel
	LOOP
		INSERT INTO bench.index VALUES (rel::text, i.name::text, i.rebuild,
			CASE WHEN i.remark IS NOT NULL THEN format('COMMENT ON INDEX %s IS %L', i.name, i.remark) END);
		IF i.conname IS NULL THEN
			EXECUTE format('DROP INDEX %s', i.name);
		ELSE
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rel, i.conname);
		END IF;
	END LOOP;
END
$$;

CREATE FUNCTION bench.make_indexes(table_name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	i record;
BEGIN
	FOR i IN SELECT * FROM bench.index AS x WHERE x.rel = table_name ORDER BY x.rebuild LIKE 'ALTER%' DESC, x.name LOOP
		EXECUTE i.rebuild;
		IF i.remark IS NOT NULL THEN
			EXECUTE i.remark;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;

-- ---------------------------------------------------------------- partitions

CREATE TABLE bench.month (name text PRIMARY KEY, begins timestamptz, ends timestamptz, first_event bigint);

-- Partitions as the worker makes them, then each on its own and without indexes.
CREATE FUNCTION bench.take_out() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	m record;
BEGIN
	INSERT INTO bench.month (name, begins, ends)
	SELECT to_char(x.at AT TIME ZONE 'UTC', '"y"YYYY"m"MM'), x.at, (x.at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
	FROM bench.size AS s
	CROSS JOIN generate_series(wa_private.partition_month(s.begins), wa_private.partition_month(s.ends), interval '1 month') AS y (at)
	CROSS JOIN LATERAL (SELECT y.at AT TIME ZONE 'UTC' AS at) AS x;
	FOR m IN SELECT t.name AS parent, t.name || '_' || x.name AS partition, x.begins
		FROM bench.month AS x CROSS JOIN (VALUES ('group_events'), ('messages')) AS t (name) LOOP
		PERFORM wa_private.make_partition(m.parent, m.begins);
		EXECUTE format('ALTER TABLE wa.%I DETACH PARTITION wa.%I', m.parent, m.partition);
		PERFORM bench.drop_indexes(format('wa.%I', m.partition)::regclass);
	END LOOP;
	PERFORM bench.drop_indexes(x.rel::regclass)
	FROM unnest('{wa.user_ids,wa.memberships,wa.join_requests,wa.event_sightings,wa_private.message_keys,wa.message_edits,wa.reactions,'
		'wa.poll_options,wa.poll_votes,wa.receipts}'::text[]) AS x (rel);
	RETURN NULL;
END
$$;

-- Puts a filled partition in its place; the constraint spares the scan under a lock.
CREATE FUNCTION bench.put_back(parent text, month text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	m record;
	part text := parent || '_' || month;
BEGIN
	SELECT * INTO m FROM bench.month AS x WHERE x.name = month;
	EXECUTE format('ALTER TABLE wa.%I ATTACH PARTITION wa.%I FOR VALUES FROM (%L) TO (%L)', parent, part, m.begins, m.ends);
	RETURN NULL;
END
$$;

-- ---------------------------------------------------------------- bots, groups, chats

-- What the other steps have to know of a group: how large, since when it is
-- listed, from where its people come.
CREATE TABLE bench.place (group_id bigint PRIMARY KEY, stays bigint, first_stay bigint, listed double precision, level text, bots bigint[]);

CREATE FUNCTION bench.make_places() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	s bench.size;
BEGIN
	SELECT * INTO s FROM bench.size;
	INSERT INTO wa.bots (bot_id, name, desired, login_requested_at, default_watch, status, status_since, jid, lid, phone, push_name, platform,
		linked_at, last_online_at, last_stanza_at, caught_up_at, worker, created_at)
	OVERRIDING SYSTEM VALUE
	SELECT b, 'bot ' || b, 'online', s.begins, 'messages', 'online', s.ends - interval '1 day' * (1 + bench.r(b, 1)), 4917000000000 + b || '@s.whatsapp.net',
		88000000000000 + b || '@lid', 4917000000000 + b, 'Bot ' || b, 'android', s.begins, s.ends, s.ends, s.ends, 0, s.begins
	FROM generate_series(1, s.bots) AS b;
	PERFORM setval(pg_get_serial_sequence('wa.bots', 'bot_id'), s.bots);

	-- an outage about every ten days: three changes of status each, the last one back online
	INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason, code, detail, hint)
	SELECT b, x.at, x.status, x.previous, x.reason, x.code, x.detail, x.hint
	FROM generate_series(1, s.bots) AS b
	CROSS JOIN generate_series(0, s.days / 10) AS n
	CROSS JOIN LATERAL (SELECT s.begins + interval '10 days' * n + CASE WHEN n > 0 THEN interval '9 days' * bench.r(b * 1000 + n, 2) ELSE interval '0' END AS at,
		interval '2 hours' * bench.r(b * 1000 + n, 3) ^ 4 + interval '5 seconds' AS lasted) AS o
	CROSS JOIN LATERAL (VALUES (o.at, 'error', 'online', 'stream_error', 503, 'service unavailable', 'Nothing to do: it connects again.'),
		(o.at + o.lasted, 'connecting', 'error', NULL, NULL, NULL, NULL), (o.at + o.lasted + interval '1 second', 'online', 'connecting', NULL, NULL, NULL, NULL))
		AS x (at, status, previous, reason, code, detail, hint)
	WHERE (n > 0 OR x.status = 'online') AND o.at + o.lasted < s.ends - interval '3 days'
	ORDER BY x.at;

	INSERT INTO wa.groups (group_id, jid, watch_level, subject, subject_at, created_at, addressing_mode, announce, locked, join_approval,
		ephemeral_seconds, settings_at, parent_jid, listed_since, first_seen_at)
	OVERRIDING SYSTEM VALUE
	SELECT g, 120363000000000000 + g || '@g.us', CASE WHEN g % 100 = 99 THEN 'counts' WHEN g % 20 = 18 THEN 'members' ELSE 'messages' END, 'Group ' || g,
		l.listed - interval '1 day', l.listed - interval '200 days', 'lid', g % 20 = 1, false, g % 4 = 1, 0, l.listed,
		CASE WHEN g % 5 = 1 THEN 120363900000000000 + g / 20 || '@g.us' END, l.listed, l.listed
	FROM generate_series(1, s.groups) AS g
	-- two of ten were found later
	CROSS JOIN LATERAL (SELECT s.begins + interval '0.4 seconds' + CASE WHEN g % 10 IN (3, 7) THEN s.days * 0.2 * bench.r(g, 5) * interval '1 day' ELSE interval '0' END
		AS listed) AS l;
	PERFORM setval(pg_get_serial_sequence('wa.groups', 'group_id'), s.groups);

	-- one bot in most groups, two or three in some
	INSERT INTO wa.bot_groups (bot_id, group_id, role, first_seen_at, last_seen_at)
	SELECT DISTINCT ON (1, 2) 1 + (g.group_id + n * 17 + n * floor(bench.r(g.group_id, 6) * 31)::bigint) % s.bots, g.group_id,
		CASE WHEN g.group_id % 7 = 0 THEN 'admin' ELSE 'member' END, g.listed_since, s.ends
	FROM wa.groups AS g CROSS JOIN generate_series(0, CASE WHEN g.group_id % 10 = 0 THEN 2 WHEN g.group_id % 4 = 0 THEN 1 ELSE 0 END) AS n;

	INSERT INTO wa.chats (kind, group_id, jid, first_seen_at)
	SELECT 'group', g.group_id, g.jid, g.listed_since FROM wa.groups AS g WHERE g.watch_level = 'messages' ORDER BY g.group_id;

	-- stays of a group: many groups are small, few are large
	INSERT INTO bench.place
	SELECT x.group_id, x.stays, sum(x.stays + 100) OVER (ORDER BY x.group_id) - x.stays, extract(epoch FROM x.listed_since), x.watch_level, x.bots
	FROM (SELECT g.group_id, g.listed_since, g.watch_level,
			greatest(10, round(s.events / 1.39 * w.w / sum(w.w) FILTER (WHERE g.watch_level <> 'counts') OVER ()))::bigint AS stays,
			ARRAY(SELECT b.bot_id FROM wa.bot_groups AS b WHERE b.group_id = g.group_id ORDER BY b.bot_id) AS bots
		  FROM wa.groups AS g
		  CROSS JOIN LATERAL (SELECT (1 + floor(bench.r(g.group_id, 7) * s.groups)) ^ -0.4 AS w) AS w) AS x;

	-- of a group that is only counted, the server's number every week
	INSERT INTO wa.group_counts (group_id, counted_at, members, source)
	SELECT p.group_id, s.begins + n * interval '7 days', 50 + (p.group_id + n) % 200, 'query'
	FROM bench.place AS p CROSS JOIN generate_series(0, s.days / 7) AS n
	WHERE p.level = 'counts';
	UPDATE wa.groups AS g SET size = c.members
	FROM (SELECT DISTINCT ON (x.group_id) x.group_id, x.members FROM wa.group_counts AS x ORDER BY x.group_id, x.counted_at DESC) AS c
	WHERE c.group_id = g.group_id;
	RETURN s.groups;
END
$$;

-- ---------------------------------------------------------------- stays and events

-- Both ends of a stay in seconds; source: u unknown (there when first listed),
-- l live, s found in a list, h history; null: still there.
CREATE UNLOGGED TABLE bench.stay (group_id bigint, stay bigint, k integer, user_id bigint,
	begins double precision, begin_source "char", begin_reach integer, ends double precision, end_source "char", end_reach integer,
	how text, inviter bigint, remover bigint, promoted boolean);
CREATE UNLOGGED TABLE bench.event (group_id bigint, at double precision, reach integer, source "char", kind text, how text, actor bigint, target bigint,
	stay bigint, v_before bigint, v_after bigint, details jsonb, bot bigint);
-- Which event a stay's end or a request has.
CREATE UNLOGGED TABLE bench.numbered (stay bigint, kind text, event_id bigint, at double precision, v_before bigint, v_after bigint);

-- When a list was taken that shows a change, or the change itself where somebody looked.
CREATE FUNCTION bench.seen_at(g bigint, t double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN (g * 7 + floor(t / 86400)::bigint * 13) % 8 = 0 AND t - floor(t / 86400) * 86400 BETWEEN 36000 AND 36000 + 3600 * (1 + g % 9)
		THEN floor(t / 86400) * 86400 + 36000 + 3600 * (1 + g % 9) + 0.4 ELSE t END
$$;
-- The k-th person of a group: of the group's community, or anybody, of whom some are in many groups.
CREATE FUNCTION bench.person(g bigint, x bigint, k integer, people bigint, groups bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN k <= 5 OR bench.r(x, 1) < 0.7
		THEN 1 + (people * (g / 20) * 20 / groups + floor(least(people, 60 * people / groups + 2000) * bench.r(x, 2) ^ 1.5)::bigint) % people
		ELSE 1 + floor(people * bench.r(x, 2) ^ 1.6)::bigint END
$$;

-- The stays of every parts-th group, then their events.
CREATE FUNCTION bench.make_stays(part integer, parts integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	s bench.size;
	made bigint;
BEGIN
	SELECT * INTO s FROM bench.size;
	CREATE TEMP TABLE first_stays ON COMMIT DROP AS
	SELECT DISTINCT ON (x.group_id, x.user_id) x.*,
		CASE WHEN bench.r(x.stay, 7) < 0.6 AND x.k > 5
			THEN floor(coalesce(x.begins, x.listed) + 60 + s.days * 86400 * 0.7 * bench.r(x.stay, 8) ^ 3) END AS ends
	FROM (SELECT p.group_id, p.first_stay + k AS stay, k, p.listed, bench.person(p.group_id, p.first_stay + k, k, s.people, s.groups) AS user_id,
			-- a quarter was there before; times of day lie around 15:00 UTC
			CASE WHEN k > 5 AND bench.r(p.first_stay + k, 3) > 0.25
				THEN floor(s.b + 86400 * (floor((s.days + 1) * bench.r(p.first_stay + k, 4)) + t.day - floor(t.day))) END AS begins
		  FROM bench.place AS p
		  CROSS JOIN LATERAL generate_series(1, p.stays::integer) AS k
		  CROSS JOIN LATERAL (SELECT (bench.r(p.first_stay + k, 5) + bench.r(p.first_stay + k, 6)) / 2 + 0.125 AS day) AS t
		  WHERE p.group_id % parts = part AND p.level <> 'counts'
		  UNION ALL
		  SELECT p.group_id, p.first_stay - b.no, -b.no::integer, p.listed, s.people + b.bot_id, NULL
		  FROM bench.place AS p CROSS JOIN unnest(p.bots) WITH ORDINALITY AS b (bot_id, no)
		  WHERE p.group_id % parts = part AND p.level <> 'counts') AS x
	WHERE x.begins IS NULL OR x.begins < s.e - 60
	ORDER BY x.group_id, x.user_id, x.k;
	UPDATE first_stays AS f SET ends = NULL WHERE f.ends > s.e - 60 OR f.k < 0;

	INSERT INTO bench.stay
	WITH everybody AS (
		SELECT f.group_id, f.stay, f.k, f.listed, f.user_id, f.begins, f.ends FROM first_stays AS f
		UNION ALL
		-- some come back
		SELECT f.group_id, -f.stay, f.k + 1000000, f.listed, f.user_id, b.at, NULL
		FROM first_stays AS f
		CROSS JOIN LATERAL (SELECT floor(f.ends + 3600 + (s.e - f.ends) * 0.6 * bench.r(f.stay, 9)) AS at) AS b
		WHERE f.ends IS NOT NULL AND bench.r(f.stay, 10) < 0.08 AND b.at < s.e - 60 AND bench.seen_at(f.group_id, f.ends) < bench.seen_at(f.group_id, b.at)
	), seen AS (
		SELECT y.*, CASE WHEN y.begins < y.listed THEN y.begins ELSE bench.seen_at(y.group_id, y.begins) END AS begins_seen,
			CASE WHEN y.ends < y.listed THEN y.ends ELSE bench.seen_at(y.group_id, y.ends) END AS ends_seen
		FROM everybody AS y
	), told AS (
		SELECT z.*, CASE WHEN z.begins IS NULL THEN 'u' WHEN z.begins < z.listed THEN 'h' WHEN z.begins_seen <> z.begins THEN 's' ELSE 'l' END AS begin_source,
			CASE WHEN z.ends IS NULL THEN NULL WHEN z.ends < z.listed THEN 'h' WHEN z.ends_seen <> z.ends THEN 's' ELSE 'l' END AS end_source
		FROM seen AS z
		WHERE (z.begins_seen <> z.ends_seen OR z.begins IS NULL OR z.ends IS NULL)
	)
	SELECT t.group_id, t.stay, t.k, t.user_id, coalesce(t.begins_seen, t.listed), t.begin_source::"char",
		CASE t.begin_source WHEN 's' THEN 3600 * (1 + t.group_id % 9) WHEN 'u' THEN NULL ELSE 0 END,
		t.ends_seen, t.end_source::"char", CASE WHEN t.end_source = 's' THEN 3600 * (1 + t.group_id % 9) WHEN t.end_source IS NOT NULL THEN 0 END,
		w.how, CASE WHEN w.how IN ('added', 'approved') THEN a.admin END,
		CASE WHEN t.end_source IN ('l', 'h') AND bench.r(t.stay, 13) < 0.3 THEN a.admin END,
		t.k BETWEEN 6 AND 9 AND t.begin_source IN ('u', 'l') AND t.ends IS NULL AND p.at < s.e AND bench.seen_at(t.group_id, p.at) = p.at
	FROM told AS t
	JOIN bench.place AS g ON g.group_id = t.group_id
	CROSS JOIN LATERAL (SELECT CASE WHEN t.begin_source IN ('u', 's') THEN 'unknown' WHEN bench.r(t.stay, 11) < 0.5 THEN 'link'
		WHEN bench.r(t.stay, 11) < 0.75 THEN 'added' WHEN bench.r(t.stay, 11) < 0.87 THEN CASE WHEN t.begin_source = 'l' THEN 'approved' ELSE 'added' END
		ELSE 'community' END AS how) AS w
	CROSS JOIN LATERAL (SELECT bench.person(t.group_id, g.first_stay + i, i, s.people, s.groups) AS admin
		FROM (SELECT 1 + floor(5 * bench.r(t.stay, 12) ^ 2)::integer AS i) AS x) AS a
	CROSS JOIN LATERAL (SELECT floor(coalesce(t.begins, t.listed)) + 90000 + t.k AS at) AS p;
	INSERT INTO bench.event
	WITH happened AS (
		SELECT x.group_id, x.begins AS at, x.begin_reach AS reach, x.begin_source AS source, 'join' AS kind, x.how, coalesce(x.inviter, CASE x.how WHEN 'link' THEN x.user_id END) AS actor,
			x.user_id AS target, x.stay, NULL::jsonb AS details
		FROM bench.stay AS x WHERE x.group_id % parts = part AND x.begin_source <> 'u'
		UNION ALL
		SELECT x.group_id, x.ends, x.end_reach, x.end_source, 'leave', CASE WHEN x.end_source = 's' THEN 'unknown' WHEN x.remover IS NULL THEN 'left' ELSE 'removed' END,
			CASE WHEN x.end_source <> 's' THEN coalesce(x.remover, x.user_id) END, x.user_id, x.stay, NULL
		FROM bench.stay AS x WHERE x.group_id % parts = part AND x.ends IS NOT NULL
		UNION ALL
		SELECT x.group_id, floor(x.begins) + 90000 + x.k, 0, 'l', 'promote', NULL, bench.person(x.group_id, p.first_stay + 1, 1, s.people, s.groups), x.user_id, x.stay, NULL
		FROM bench.stay AS x JOIN bench.place AS p ON p.group_id = x.group_id WHERE x.group_id % parts = part AND x.promoted
		UNION ALL
		-- who is approved has asked
		SELECT x.group_id, floor(x.begins - 600 - 80000 * bench.r(x.stay, 14)), 0, 'l', 'join_request', 'invite_link', x.user_id, x.user_id, x.stay, NULL
		FROM bench.stay AS x JOIN bench.place AS p ON p.group_id = x.group_id WHERE x.group_id % parts = part AND x.how = 'approved' AND x.begins > p.listed + 90000
		UNION ALL
		-- of others nothing came, or they thought better of it
		SELECT p.group_id, t.at + d.after, 0, 'l', d.kind, d.how,
			CASE d.how WHEN 'rejected' THEN bench.person(p.group_id, p.first_stay + 1, 1, s.people, s.groups) ELSE s.people - n % 1000 END, s.people - n % 1000,
			1000000000000000 + p.first_stay + n, NULL
		FROM bench.place AS p
		CROSS JOIN LATERAL generate_series(1, (p.stays / 100)::integer) AS n
		CROSS JOIN LATERAL (SELECT floor(s.b + 86400 * (s.days - 1) * bench.r(p.first_stay + n, 15)) AS at) AS t
		CROSS JOIN LATERAL (SELECT 'join_request' AS kind, 'invite_link' AS how, 0 AS after
			UNION ALL SELECT 'request_revoked', CASE n % 3 WHEN 1 THEN 'rejected' ELSE 'withdrawn' END, 7200 WHERE n % 3 > 0) AS d
		WHERE p.group_id % parts = part AND p.level <> 'counts' AND t.at > p.listed
		UNION ALL
		-- names, descriptions, settings, links
		SELECT p.group_id, floor(greatest(p.listed + 1, s.b + 86400 * s.days * (n - bench.r(p.first_stay + n, 16)) / (2 + p.stays / 40))), 0, 'l', k.kind, NULL,
			bench.person(p.group_id, p.first_stay + 1, 1, s.people, s.groups), NULL, NULL, jsonb_build_object('text', k.kind || ' ' || n)
		FROM bench.place AS p
		CROSS JOIN LATERAL generate_series(1, (2 + p.stays / 40)::integer) AS n
		CROSS JOIN LATERAL (SELECT (ARRAY['invite_link', 'subject', 'description', 'announce', 'ephemeral'])[1 + n % 5] AS kind) AS k
		WHERE p.group_id % parts = part AND p.level <> 'counts'
	)
	SELECT h.group_id, h.at, h.reach, h.source::"char", h.kind, h.how, h.actor, h.target, h.stay,
		-- what a list showed lies between the versions of two lists, all else moves the version by one
		CASE WHEN NOT c.chained THEN NULL WHEN h.source = 's' THEN 1000000 + count(*) FILTER (WHERE c.chained) OVER (by_time RANGE UNBOUNDED PRECEDING) - count(*) FILTER (WHERE c.chained) OVER (PARTITION BY h.group_id, h.at)
			ELSE 999999 + count(*) FILTER (WHERE c.chained) OVER (by_time_and_stay ROWS UNBOUNDED PRECEDING) END,
		CASE WHEN NOT c.chained THEN NULL WHEN h.source = 's' THEN 1000000 + count(*) FILTER (WHERE c.chained) OVER (by_time RANGE UNBOUNDED PRECEDING)
			ELSE 1000000 + count(*) FILTER (WHERE c.chained) OVER (by_time_and_stay ROWS UNBOUNDED PRECEDING) END,
		h.details, CASE WHEN h.source = 'l' THEN p.bots[1] END
	FROM happened AS h
	JOIN bench.place AS p ON p.group_id = h.group_id
	CROSS JOIN LATERAL (SELECT h.kind IN ('join', 'leave', 'promote', 'demote') AND h.source <> 'h' AS chained) AS c
	WINDOW by_time AS (PARTITION BY h.group_id ORDER BY h.at), by_time_and_stay AS (PARTITION BY h.group_id ORDER BY h.at, h.stay);
	GET DIAGNOSTICS made = ROW_COUNT;
	RETURN made;
END
$$;

-- Where the numbers of each month's events begin.
CREATE FUNCTION bench.count_events() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	made bigint;
BEGIN
	ANALYZE bench.event;
	UPDATE bench.month AS m SET first_event = x.before
	FROM (SELECT y.name, sum(y.n) OVER (ORDER BY y.begins) - y.n AS before
		  FROM (SELECT o.name, o.begins, coalesce(e.n, 0) AS n
				FROM bench.month AS o
				LEFT JOIN (SELECT wa_private.partition_month(to_timestamp(z.at)) AT TIME ZONE 'UTC' AS begins, count(*) AS n FROM bench.event AS z GROUP BY 1) AS e
					ON e.begins = o.begins) AS y) AS x
	WHERE x.name = m.name;
	SELECT count(*) INTO made FROM bench.event;
	PERFORM setval('wa.group_events_event_id_seq', made);
	RETURN made;
END
$$;

CREATE FUNCTION bench.make_events(month text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	m record;
	made bigint;
BEGIN
	SELECT x.*, extract(epoch FROM x.begins) AS b, extract(epoch FROM x.ends) AS e INTO m FROM bench.month AS x WHERE x.name = month;
	EXECUTE format('TRUNCATE wa.group_events_%s', month);
	CREATE TEMP TABLE these ON COMMIT DROP AS
	SELECT m.first_event + row_number() OVER (ORDER BY e.at, e.group_id, e.stay) AS event_id, e.*
	FROM bench.event AS e WHERE e.at >= m.b AND e.at < m.e;
	EXECUTE format($sql$
		INSERT INTO wa.group_events_%s (event_id, group_id, occurred_at, at_precision, source, kind, action, how, actor, target, target_no, reason,
			version_before, version_after, notification_id, ordinal, details, raw, received_at)
		SELECT e.event_id, e.group_id, to_timestamp(e.at), make_interval(secs => e.reach), CASE e.source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'history' END,
			e.kind, a.action, e.how, e.actor, e.target, CASE WHEN e.target IS NULL OR e.source = 's' THEN 0 ELSE 1 END, CASE WHEN e.how = 'link' THEN 'invite' END, e.v_before, e.v_after,
			CASE WHEN e.source <> 's' THEN n.id END, CASE e.source WHEN 'l' THEN 0 END, e.details,
			CASE WHEN e.source = 'l' THEN jsonb_build_object('tag', a.action, 'attrs', jsonb_build_object('v_id', e.v_after, 'prev_v_id', e.v_before)) END,
			to_timestamp(e.at + CASE e.source WHEN 'h' THEN 864000 ELSE 0.3 END)
		FROM these AS e
		CROSS JOIN LATERAL (SELECT CASE e.kind WHEN 'join' THEN 'add' WHEN 'leave' THEN 'remove' WHEN 'invite_link' THEN 'invite'
			WHEN 'join_request' THEN 'created_membership_requests' WHEN 'request_revoked' THEN 'revoked_membership_requests' ELSE e.kind END AS action) AS a
		CROSS JOIN LATERAL (SELECT to_hex(hashint8extended(e.event_id, 31)) AS id) AS n
		ORDER BY e.event_id$sql$, month);
	GET DIAGNOSTICS made = ROW_COUNT;
	INSERT INTO wa.event_sightings (event_id, bot_id, group_id, notification_id, ordinal, sent_at, seen_at, offline)
	SELECT e.event_id, e.bot, e.group_id, to_hex(hashint8extended(e.event_id, 31)), 0, to_timestamp(e.at), to_timestamp(e.at + 0.3), false
	FROM these AS e WHERE e.bot IS NOT NULL
	ORDER BY e.event_id;
	INSERT INTO bench.numbered SELECT e.stay, e.kind, e.event_id, e.at, e.v_before, e.v_after FROM these AS e WHERE e.stay IS NOT NULL;
	RETURN made;
END
$$;

-- The stays that began in a month, in the order in which they began.
CREATE FUNCTION bench.make_memberships(month text) RETURNS bigint LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
	m record;
	made bigint;
BEGIN
	SELECT x.*, extract(epoch FROM x.begins) AS b, extract(epoch FROM x.ends) AS e INTO m FROM bench.month AS x WHERE x.name = month;
	INSERT INTO wa.memberships (group_id, user_id, role, role_version, joined_at, joined_precision, join_kind, join_source, inviter, join_event_id,
		joined_version, joined_after_version, left_at, left_precision, leave_kind, leave_source, remover, leave_event_id, left_version, left_after_version)
	SELECT x.group_id, x.user_id, CASE WHEN x.k = 1 THEN 'superadmin' WHEN x.k BETWEEN 2 AND 5 OR x.promoted THEN 'admin' ELSE 'member' END,
		coalesce(p.v_after, CASE x.begin_source WHEN 'l' THEN j.v_after END),
		to_timestamp(x.begins), make_interval(secs => x.begin_reach), x.how, s.names[strpos('ulsh', x.begin_source::text)], x.inviter, j.event_id,
		CASE x.begin_source WHEN 'u' THEN 1000000 ELSE j.v_after END, j.v_before,
		to_timestamp(x.ends), make_interval(secs => x.end_reach),
		CASE WHEN x.ends IS NULL THEN NULL WHEN x.end_source = 's' THEN 'unknown' WHEN x.remover IS NULL THEN 'left' ELSE 'removed' END,
		s.names[strpos('ulsh', x.end_source::text)], x.remover, l.event_id, l.v_after, l.v_before
	FROM bench.stay AS x
	CROSS JOIN (SELECT '{snapshot,live,snapshot,history}'::text[] AS names) AS s
	LEFT JOIN bench.numbered AS j ON j.stay = x.stay AND j.kind = 'join'
	LEFT JOIN bench.numbered AS l ON l.stay = x.stay AND l.kind = 'leave'
	LEFT JOIN bench.numbered AS p ON p.stay = x.stay AND p.kind = 'promote'
	WHERE x.begins >= m.b AND x.begins < m.e
	ORDER BY x.begins, x.stay;
	GET DIAGNOSTICS made = ROW_COUNT;
	RETURN made;
END
$$;

-- The planner shall know them before they are joined.
CREATE FUNCTION bench.count_ends() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	ANALYZE bench.stay, bench.numbered;
	RETURN (SELECT count(*) FROM bench.numbered);
END
$$;

CREATE FUNCTION bench.make_requests_and_links() RETURNS bigint LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
	made bigint;
BEGIN
	INSERT INTO wa.join_requests (group_id, user_id, requested_at, method, request_event_id, decided_at, decision, decided_by, decision_event_id)
	SELECT x.group_id, x.user_id, to_timestamp(r.at), 'invite_link', r.event_id, to_timestamp(j.at), 'approved', x.inviter, j.event_id
	FROM bench.numbered AS r
	JOIN bench.stay AS x ON x.stay = r.stay
	JOIN bench.numbered AS j ON j.stay = r.stay AND j.kind = 'join'
	WHERE r.kind = 'join_request';
	INSERT INTO wa.join_requests (group_id, user_id, requested_at, method, request_event_id, decided_at, decision, decided_by, decision_event_id)
	SELECT e.group_id, e.target, to_timestamp(r.at), 'invite_link', r.event_id, to_timestamp(d.at), d.how, d.actor, dn.event_id
	FROM bench.event AS e
	JOIN bench.numbered AS r ON r.stay = e.stay AND r.kind = 'join_request'
	LEFT JOIN bench.event AS d ON d.stay = e.stay AND d.kind = 'request_revoked'
	LEFT JOIN bench.numbered AS dn ON dn.stay = e.stay AND dn.kind = 'request_revoked'
	WHERE e.kind = 'join_request' AND e.stay > 1000000000000000;
	GET DIAGNOSTICS made = ROW_COUNT;
	INSERT INTO wa.invite_links (group_id, code, valid_from, valid_until, made_by)
	SELECT e.group_id, e.details ->> 'text', to_timestamp(e.at), to_timestamp(lead(e.at) OVER (PARTITION BY e.group_id ORDER BY e.at, e.details ->> 'text')), e.actor
	FROM bench.event AS e WHERE e.kind = 'invite_link'
	ORDER BY e.at;
	RETURN made;
END
$$;

-- Groups as the last list left them.
CREATE FUNCTION bench.finish_groups() RETURNS bigint LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
	s bench.size;
	made bigint;
BEGIN
	SELECT * INTO s FROM bench.size;
	UPDATE wa.groups AS g
	SET version = x.version, changed_at = x.changed_at, equal_at = s.ends, equal_version = x.version, roster_at = s.ends, roster_version = x.version,
		roster_complete = true, size = x.members, history_since = x.history_since, history_until = x.history_until,
		needs_refresh = g.group_id % 50 = 7, refresh_reason = CASE WHEN g.group_id % 50 = 7 THEN 'gap' END
	FROM (SELECT e.group_id, coalesce(max(e.v_after), 1000000) AS version, to_timestamp(max(e.at)) AS changed_at, m.members,
			to_timestamp(min(e.at) FILTER (WHERE e.source = 'h')) AS history_since, to_timestamp(max(e.at) FILTER (WHERE e.source = 'h')) AS history_until
		  FROM bench.event AS e
		  JOIN (SELECT y.group_id, count(*) AS members FROM bench.stay AS y WHERE y.ends IS NULL GROUP BY 1) AS m ON m.group_id = e.group_id
		  GROUP BY e.group_id, m.members) AS x
	WHERE g.group_id = x.group_id;
	GET DIAGNOSTICS made = ROW_COUNT;
	RETURN made;
END
$$;

-- ---------------------------------------------------------------- people

CREATE FUNCTION bench.make_people() RETURNS bigint LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
	s bench.size;
BEGIN
	SELECT * INTO s FROM bench.size;
	INSERT INTO wa.users (user_id, push_name, masked_phone, country, first_seen_at, last_seen_at)
	OVERRIDING SYSTEM VALUE
	SELECT u, CASE WHEN bench.r(u, 20) < 0.6 OR u > s.people THEN 'Person ' || u END,
		CASE WHEN bench.r(u, 21) > 0.85 AND u <= s.people THEN '+49∙∙∙∙∙∙∙∙' || lpad((u % 100)::text, 2, '0') END,
		CASE WHEN u % 3 = 0 THEN 'DE' END, coalesce(to_timestamp(x.begins), s.begins), date_trunc('day', coalesce(to_timestamp(x.last), s.begins))
	FROM generate_series(1, s.people + s.bots) AS u
	LEFT JOIN (SELECT y.user_id, min(y.begins) AS begins, max(coalesce(y.ends, s.e)) AS last FROM bench.stay AS y GROUP BY 1) AS x ON x.user_id = u
	ORDER BY u;
	PERFORM setval(pg_get_serial_sequence('wa.users', 'user_id'), s.people + s.bots);
	INSERT INTO wa.user_ids (kind, value, user_id, current, source, authoritative, first_seen_at, last_seen_at)
	SELECT i.kind, i.value, u.user_id, true, 'group', false, u.first_seen_at, u.last_seen_at
	FROM wa.users AS u
	CROSS JOIN LATERAL (
		SELECT 'lid' AS kind, CASE WHEN u.user_id > s.people THEN 88000000000000 + u.user_id - s.people ELSE 10000000000000 + u.user_id * 7 END::text AS value
		UNION ALL
		SELECT 'pn', CASE WHEN u.user_id > s.people THEN (4917000000000 + u.user_id - s.people)::text
			ELSE (ARRAY['4915', '1202', '447', '55119', '9198', '23480', '3376', '3934', '6281', '2547'])[1 + u.user_id % 10] || lpad(u.user_id::text, 9, '0') END
		WHERE bench.r(u.user_id, 21) < 0.7 OR u.user_id > s.people
		UNION ALL
		SELECT 'username', 'name.' || u.user_id WHERE bench.r(u.user_id, 22) < 0.03
	) AS i;
	RETURN s.people;
END
$$;

-- ---------------------------------------------------------------- the end of the work

CREATE FUNCTION bench.drop_work() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE bench.stay, bench.event, bench.numbered, bench.chat, bench.speaker, bench.slot, bench.hour;
	RETURN NULL;
END
$$;

-- ---------------------------------------------------------------- roll-ups

-- Roll-ups from the rows, by the query that their triggers have, month by month: no day is in two of them.
CREATE FUNCTION bench.empty_rollups() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	IF (SELECT z.zone FROM wa_private.rollup_zone AS z) IS DISTINCT FROM 'UTC' OR wa_private.stat_timezone() <> 'UTC' THEN
		RAISE EXCEPTION 'months of data and days of reports must be of one time zone';
	END IF;
	FOR r IN SELECT x.name, x.changes FROM wa_private.rollups() AS x LOOP
		EXECUTE format('TRUNCATE wa_private.%I, wa_private.%I', r.name, r.changes);
		PERFORM bench.drop_indexes(format('wa_private.%I', r.name)::regclass);
	END LOOP;
	RETURN NULL;
END
$$;

-- source: the table that is counted, or one of its partitions
CREATE FUNCTION bench.make_rollup(rollup text, source text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	r record;
	made bigint;
BEGIN
	SELECT x.* INTO r FROM wa_private.rollups() AS x WHERE x.name = rollup;
	EXECUTE format('INSERT INTO wa_private.%1$I (%2$s, %3$s) SELECT %2$s, %4$s FROM (%5$s) AS x GROUP BY %2$s HAVING %6$s ORDER BY %2$s', r.name,
		wa_private.rollup_columns(r.keys), wa_private.rollup_columns(r.sums), wa_private.rollup_columns(r.sums, 'sum(x.%I)'),
		wa_private.rollup_query(r.name, source), wa_private.rollup_columns(r.sums, 'sum(x.%I) <> 0', ' OR '));
	GET DIAGNOSTICS made = ROW_COUNT;
	RETURN made;
END
$$;

-- ---------------------------------------------------------------- check

-- What must be so of a sample of the groups, and what is wrong there: nothing.
CREATE FUNCTION bench.check(every integer) RETURNS TABLE (rule text, wrong bigint) LANGUAGE sql AS $$
	WITH chosen AS MATERIALIZED (
		SELECT g.* FROM wa.groups AS g WHERE g.watch_level IN ('members', 'messages') AND (g.group_id % every = 0 OR g.group_id < 20)
	), stays AS MATERIALIZED (
		SELECT m.* FROM wa.memberships AS m WHERE m.group_id IN (SELECT s.group_id FROM chosen AS s)
	), events AS MATERIALIZED (
		SELECT e.* FROM wa.group_events AS e WHERE e.group_id IN (SELECT s.group_id FROM chosen AS s)
	), spoken AS MATERIALIZED (
		SELECT m.*, s.group_id FROM chosen AS s JOIN wa.chats AS c ON c.group_id = s.group_id
		CROSS JOIN LATERAL (SELECT x.* FROM wa.messages AS x WHERE x.chat_id = c.chat_id ORDER BY x.sent_at DESC LIMIT 200) AS m
	)
	SELECT 'a group has its size of open stays', count(*) FROM chosen AS s
	WHERE s.size IS DISTINCT FROM (SELECT count(*) FROM stays AS m WHERE m.group_id = s.group_id AND m.left_at IS NULL)
	UNION ALL
	SELECT 'a group that needs no list is complete', count(*) FROM chosen AS s JOIN wa.group_completeness AS c USING (group_id) WHERE c.complete = s.needs_refresh OR c.bots = 0
	UNION ALL
	SELECT 'the events of a stay exist and agree', count(*)
	FROM stays AS m
	CROSS JOIN LATERAL (VALUES ('join', m.join_event_id, m.joined_at, m.joined_precision, m.join_source, m.join_kind, m.joined_version),
		('leave', m.leave_event_id, m.left_at, m.left_precision, m.leave_source, m.leave_kind, m.left_version)) AS x (kind, id, at, reach, source, how, version)
	LEFT JOIN events AS e ON e.event_id = x.id
	WHERE x.at IS NOT NULL AND (x.kind = 'leave' OR x.reach IS NOT NULL)
		AND (e.kind, e.group_id, e.target, e.occurred_at, e.at_precision, e.source, e.how) IS DISTINCT FROM (x.kind, m.group_id, m.user_id, x.at, x.reach, x.source, x.how)
	UNION ALL
	SELECT 'a stay without join event was there first', count(*) FROM stays AS m JOIN chosen AS s USING (group_id)
	WHERE m.join_event_id IS NULL AND (m.joined_precision IS NOT NULL OR m.joined_at <> s.listed_since)
	UNION ALL
	SELECT 'a join or leave is the end of one stay', count(*)
	FROM events AS e LEFT JOIN (SELECT m.join_event_id AS id FROM stays AS m UNION ALL SELECT m.leave_event_id FROM stays AS m) AS m ON m.id = e.event_id
	WHERE e.kind IN ('join', 'leave') AND m.id IS NULL
	UNION ALL
	SELECT 'nobody is in a group twice at a time', count(*)
	FROM (SELECT m.joined_at < lag(m.left_at) OVER w OR (lag(m.membership_id) OVER w IS NOT NULL AND lag(m.left_at) OVER w IS NULL) AS twice
		  FROM stays AS m WINDOW w AS (PARTITION BY m.group_id, m.user_id ORDER BY m.joined_at, m.left_at)) AS x
	WHERE x.twice
	UNION ALL
	SELECT 'live changes move the version by one, up to the group''s', count(*)
	FROM (SELECT e.version_before IS DISTINCT FROM e.version_after - 1 OR e.version_after > s.version AS bad
		  FROM events AS e JOIN chosen AS s USING (group_id) WHERE e.source = 'live' AND e.kind IN ('join', 'leave', 'promote')) AS x
	WHERE x.bad
	UNION ALL
	SELECT 'no two live changes have the same version', count(*) - count(DISTINCT (e.group_id, e.version_after)) FROM events AS e WHERE e.source = 'live' AND e.version_after IS NOT NULL
	UNION ALL
	SELECT 'inferred events have a range of time and of versions', count(*) FROM events AS e
	WHERE e.source = 'snapshot' AND (e.at_precision > interval '0' AND e.version_before < e.version_after AND e.actor IS NULL) IS NOT TRUE
	UNION ALL
	SELECT 'who brought somebody is a member', count(*) FROM stays AS m
	WHERE m.inviter IS NOT NULL AND NOT EXISTS (SELECT FROM stays AS i WHERE i.group_id = m.group_id AND i.user_id = m.inviter AND i.left_at IS NULL)
	UNION ALL
	SELECT 'whoever is seen has a row and a LID', count(*) FROM stays AS m
	WHERE NOT EXISTS (SELECT FROM wa.users AS u JOIN wa.user_ids AS i ON i.user_id = u.user_id AND i.kind = 'lid' AND i.current WHERE u.user_id = m.user_id)
	UNION ALL
	SELECT 'an approved join has its request', count(*) FROM stays AS m JOIN chosen AS s USING (group_id)
	WHERE m.join_kind = 'approved' AND m.joined_at > s.listed_since + interval '3 days'
		AND NOT EXISTS (SELECT FROM wa.join_requests AS r WHERE r.group_id = m.group_id AND r.user_id = m.user_id AND r.decision = 'approved' AND r.decision_event_id = m.join_event_id)
	UNION ALL
	SELECT 'one link of a group is good at a time', count(*) FROM (SELECT l.group_id FROM wa.invite_links AS l JOIN chosen AS s USING (group_id)
		WHERE l.valid_until IS NULL GROUP BY 1 HAVING count(*) <> 1) AS x
	UNION ALL
	SELECT 'a sender is a member then', count(*) FROM spoken AS m
	WHERE NOT EXISTS (SELECT FROM stays AS x WHERE x.group_id = m.group_id AND x.user_id = m.sender AND (x.left_at IS NULL OR x.left_at >= m.sent_at)
		AND (x.joined_at - coalesce(x.joined_precision, interval '1000 days') <= m.sent_at))
	UNION ALL
	SELECT 'a message has its key', count(*) FROM spoken AS m
	WHERE NOT EXISTS (SELECT FROM wa_private.message_keys AS k WHERE k.chat_id = m.chat_id AND k.id_hash = hashtextextended(m.wa_id, 0) AND k.sender = m.sender
		AND k.message_id = m.message_id AND k.sent_at = m.sent_at)
	UNION ALL
	SELECT 'its bot is in the group', count(*) FROM spoken AS m
	WHERE NOT EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.group_id = m.group_id AND b.bot_id = m.bot_id)
	UNION ALL
	SELECT 'what it answers is in the chat, and older', count(*) FROM spoken AS m
	WHERE m.quoted_message_id IS NOT NULL AND NOT EXISTS (SELECT FROM wa.messages AS q WHERE q.message_id = m.quoted_message_id AND q.chat_id = m.chat_id
		AND q.wa_id = m.quoted_wa_id AND q.sender = m.quoted_sender AND q.sent_at <= m.sent_at)
	UNION ALL
	SELECT 'a reaction has its message', count(*) FROM wa.reactions AS r JOIN spoken AS m ON m.chat_id = r.chat_id AND m.wa_id = r.wa_id WHERE r.message_id <> m.message_id
	UNION ALL
	SELECT 'who edited is the author', count(*) FROM wa.message_edits AS e JOIN spoken AS m ON m.message_id = e.message_id WHERE e.action = 'edit' AND e.editor <> m.sender
	UNION ALL
	SELECT 'there is something to check', count(*) FROM (SELECT) AS one
	WHERE NOT EXISTS (SELECT FROM events AS e WHERE e.source = 'snapshot') OR NOT EXISTS (SELECT FROM events AS e WHERE e.source = 'history')
		OR NOT EXISTS (SELECT FROM spoken) OR NOT EXISTS (SELECT FROM stays AS m WHERE m.left_at IS NOT NULL)
$$;
