/*
 * statistics.sql
 *		What the functions wa.stat_* have in common: ranges, steps of time,
 *		series, members at a time.
 *
 * All of them take the range first: from (included) and to (not included).
 * Series over time come in whole steps, whose boundaries are those of
 * wa_collector.report_timezone, so a range is widened to the steps it touches.
 * group is the number, JID or subject of a group, bot the number or name of a
 * bot; with a bot, the groups count that it is in, or was in since the range
 * began.  Events and boundaries of stays whose time is not known lie between two times:
 * the plain number counts them at the later one, _low only where they must
 * have been and _high wherever they may have been.
 */

/* The time zone whose days are the days of reports. */
CREATE FUNCTION wa_private.stat_timezone()
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone text := coalesce(nullif(current_setting('wa_collector.report_timezone', true), ''), 'UTC');
BEGIN
	PERFORM now() AT TIME ZONE zone;
	RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE EXCEPTION 'time zone "%" does not exist', zone
		USING ERRCODE = 'invalid_parameter_value',
		HINT = 'Set wa_collector.report_timezone to a name of pg_timezone_names.';
END
$$;
COMMENT ON FUNCTION wa_private.stat_timezone() IS 'time zone of reports, or an error when it does not exist';

/* The day of a time, which begins where statistics begin it: at the second midnight when the clock is put back over it. */
CREATE FUNCTION wa_private.stat_day(at timestamptz, zone text)
RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (at AT TIME ZONE zone)::date - (at < (at AT TIME ZONE zone)::date::timestamp AT TIME ZONE zone)::integer;
COMMENT ON FUNCTION wa_private.stat_day(timestamptz, text) IS 'the day of a time in a time zone';

/* Raises unless the range of a statistic is one. */
CREATE FUNCTION wa_private.stat_check("from" timestamptz, "to" timestamptz)
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_storage();
	IF "from" IS NULL OR "to" IS NULL OR NOT isfinite("from") OR NOT isfinite("to") THEN
		RAISE EXCEPTION 'range of a statistic must have a start and an end'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give two times, as in now() - interval ''30 days'', now().';
	ELSIF "from" > "to" THEN
		RAISE EXCEPTION 'range of a statistic must not start after its end'
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('It starts at %s and ends at %s.', "from", "to"),
			HINT = 'Give the earlier time first.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.stat_check(timestamptz, timestamptz) IS 'raises an error unless a range starts before it ends';

/* The number of a group by number, JID or subject, or 42704. */
CREATE FUNCTION wa_private.stat_group("group" text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT g.group_id FROM wa.groups AS g
					 WHERE "group" ~ '^[0-9]{1,18}$' AND g.group_id = CASE WHEN "group" ~ '^[0-9]{1,18}$' THEN "group"::bigint END),
		wa_private.group_id("group"));
END
$$;
COMMENT ON FUNCTION wa_private.stat_group(text) IS 'number of a group by its number, JID or subject, or an error';

/* The number of a bot by number or name, or 42704. */
CREATE FUNCTION wa_private.stat_bot(bot text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT b.bot_id FROM wa.bots AS b WHERE b.name = bot),
		(SELECT b.bot_id FROM wa.bots AS b WHERE b.bot_id = CASE WHEN bot ~ '^[0-9]{1,18}$' THEN bot::bigint END),
		wa_private.bot_id(bot));
END
$$;
COMMENT ON FUNCTION wa_private.stat_bot(text) IS 'number of a bot by its number or name, or an error';

/* The steps of time that a range touches, in order. */
CREATE FUNCTION wa_private.stat_steps("from" timestamptz, "to" timestamptz, step text)
RETURNS TABLE (n integer, since timestamptz, until timestamptz) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	width interval := CASE step WHEN 'hour' THEN interval '1 hour' WHEN 'day' THEN interval '1 day' WHEN 'week' THEN interval '7 days'
		WHEN 'month' THEN interval '1 month' WHEN 'year' THEN interval '1 year' END;
	start timestamptz;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	IF width IS NULL THEN
		RAISE EXCEPTION 'invalid step of a statistic: %', quote_nullable(left(step, 40))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Steps are hour, day, week, month and year.';
	ELSIF step = 'hour' AND "to" - "from" > interval '400 days' THEN
		RAISE EXCEPTION 'range is too long for steps of an hour'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Take steps of a day, or at most 400 days.';
	END IF;
	IF step = 'hour' THEN
		-- an hour that the clock repeats is two; elsewhere a day may have 23 hours or 25
		start := "from" - (("from" AT TIME ZONE zone) - date_trunc('hour', "from" AT TIME ZONE zone));
		RETURN QUERY
		SELECT x.n::integer, x.at, x.at + width
		FROM generate_series(start, greatest("to" - interval '1 microsecond', start), width) WITH ORDINALITY AS x (at, n);
	ELSE
		RETURN QUERY
		SELECT x.n::integer, x.at AT TIME ZONE zone, (x.at + width) AT TIME ZONE zone
		FROM generate_series(date_trunc(step, wa_private.stat_day("from", zone)::timestamp),
			date_trunc(step, wa_private.stat_day(greatest("to" - interval '1 microsecond', "from"), zone)::timestamp), width) WITH ORDINALITY AS x (at, n);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.stat_steps(timestamptz, timestamptz, text) IS 'the steps of time that a range touches';

/*
 * What a statistic is about: which groups belong to which line of a chart.  by
 * is total (one line, number 0), group or bot.
 */
CREATE FUNCTION wa_private.stat_series("group" text, bot text, by text, since timestamptz)
RETURNS TABLE (group_id bigint, id bigint, label text) LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	the_group bigint := CASE WHEN "group" IS NOT NULL THEN wa_private.stat_group("group") END;
	the_bot bigint := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
BEGIN
	IF by IS NULL OR by NOT IN ('total', 'group', 'bot') THEN
		RAISE EXCEPTION 'a statistic cannot be divided by %', coalesce(quote_literal(left(by, 40)), 'null')
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It can be divided by total, group or bot.';
	ELSIF by = 'bot' THEN
		RETURN QUERY
		SELECT x.group_id, b.bot_id, b.name
		FROM wa.bots AS b
		JOIN wa.bot_groups AS x ON x.bot_id = b.bot_id AND (x.left_at IS NULL OR x.left_at > since)
		WHERE (the_bot IS NULL OR b.bot_id = the_bot) AND (the_group IS NULL OR x.group_id = the_group);
	ELSE
		RETURN QUERY
		SELECT g.group_id, CASE by WHEN 'group' THEN g.group_id ELSE 0 END,
			CASE by WHEN 'group' THEN coalesce(g.subject, g.jid) ELSE 'all' END
		FROM wa.groups AS g
		WHERE (the_group IS NULL OR g.group_id = the_group)
			AND (the_bot IS NULL OR EXISTS (SELECT FROM wa.bot_groups AS x
				WHERE x.group_id = g.group_id AND x.bot_id = the_bot AND (x.left_at IS NULL OR x.left_at > since)));
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.stat_series(text, text, text, timestamptz) IS 'which groups belong to which line of a chart';

/*
 * The groups that a statistic is restricted to, or null.  Given to a query as an
 * array it lets the planner know how few they are.
 */
CREATE FUNCTION wa_private.stat_groups("group" text, bot text, since timestamptz)
RETURNS bigint[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF "group" IS NULL AND bot IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN ARRAY(SELECT s.group_id FROM wa_private.stat_series("group", bot, 'total', since) AS s);
END
$$;
COMMENT ON FUNCTION wa_private.stat_groups(text, text, timestamptz) IS 'the groups that a statistic is restricted to, null when it is not';

/*
 * The days of the roll-ups that begin at some times, infinity for those to come;
 * null when one of them is another time of the day, or the roll-ups have another
 * time zone.
 */
CREATE FUNCTION wa_private.stat_days(times timestamptz[])
RETURNS date[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone text := wa_private.stat_timezone();
BEGIN
	IF zone IS DISTINCT FROM (SELECT z.zone FROM wa_private.rollup_zone AS z) THEN
		RETURN NULL;
	END IF;
	RETURN (
		SELECT CASE WHEN bool_and(t.at >= now() OR d.day::timestamp AT TIME ZONE zone = t.at) THEN
			array_agg(CASE WHEN t.at >= now() THEN 'infinity' ELSE d.day END ORDER BY t.n) END
		FROM unnest(times) WITH ORDINALITY AS t (at, n)
		CROSS JOIN LATERAL (SELECT (t.at AT TIME ZONE zone)::date AS day) AS d);
END
$$;
COMMENT ON FUNCTION wa_private.stat_days(timestamptz[]) IS 'the days that begin at some times, if roll-ups know them';

/*
 * Whether the roll-up of people answers sooner than the rows: each change that is
 * not settled costs as much as reading a hundred rows, and there are many when a
 * bot has just been linked.
 */
CREATE FUNCTION wa_private.stat_people_settled()
RETURNS boolean LANGUAGE sql STABLE
RETURN pg_catalog.pg_relation_size(pg_catalog.to_regclass('wa_private.stay_changes')) < 4 * 1024 * 1024;
COMMENT ON FUNCTION wa_private.stat_people_settled() IS 'whether few changes of stays wait to be settled';

/*
 * Members of each line just before some days, from how many there are now and
 * what changed since; see wa_private.stat_members_at().  Everybody once
 * only of all groups together.
 */
CREATE FUNCTION wa_private.stat_members_on(days date[], groups bigint[], "group" text, bot text, by text, since timestamptz, once boolean)
RETURNS TABLE (n integer, id bigint, label text, members bigint, members_low bigint, members_high bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	together boolean := by IS NOT DISTINCT FROM 'total' AND groups IS NULL;
BEGIN
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.* FROM wa_private.stat_series("group", bot, by, since) AS s WHERE NOT together
		UNION ALL SELECT 0, 0, 'all' WHERE together
	), lines AS (
		SELECT DISTINCT s.id, s.label FROM series AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), told AS (
		SELECT d.group_id, d.day, d.members, d.members_low, d.members_high
		FROM wa_private.member_days_now AS d
		WHERE NOT once AND CASE WHEN together THEN d.group_id = 0 ELSE groups IS NULL OR d.group_id = ANY (groups) END
		UNION ALL
		SELECT 0, d.day, d.people, d.people_low, d.people_high FROM wa_private.people_days_now AS d WHERE once
	), changes AS (
		-- a change counts for the days up to its own, what there is at the end of time for all
		SELECT s.id, CASE WHEN isfinite(d.day) THEN width_bucket(d.day, days) ELSE cardinality(days) + 1 END AS place,
			sum(CASE WHEN isfinite(d.day) THEN -d.members ELSE d.members END) AS members,
			sum(CASE WHEN isfinite(d.day) THEN -d.members_low ELSE d.members_low END) AS members_low,
			sum(CASE WHEN isfinite(d.day) THEN -d.members_high ELSE d.members_high END) AS members_high
		FROM told AS d
		JOIN series AS s ON s.group_id = d.group_id
		WHERE d.day >= days[1]
		GROUP BY 1, 2
	), counted AS (
		SELECT t.n, l.id, l.label, sum(c.members) OVER w AS members, sum(c.members_low) OVER w AS members_low,
			sum(c.members_high) OVER w AS members_high
		FROM lines AS l
		CROSS JOIN generate_series(1, cardinality(days) + 1) AS t (n)
		LEFT JOIN changes AS c ON c.id = l.id AND c.place = t.n
		WINDOW w AS (PARTITION BY l.id ORDER BY t.n DESC)
	)
	SELECT c.n, c.id, c.label, coalesce(c.members, 0)::bigint, coalesce(c.members_low, 0)::bigint, coalesce(c.members_high, 0)::bigint
	FROM counted AS c
	WHERE c.n <= cardinality(days)
	ORDER BY c.n, c.id;
END
$$;
COMMENT ON FUNCTION wa_private.stat_members_on(date[], bigint[], text, text, text, timestamptz, boolean) IS
'members of each line of a chart just before each of some days, from the roll-ups';

/*
 * The times that a stay covers: those after place likely and up to place
 * likely_end, and so on.
 */
CREATE FUNCTION wa_private.stat_places(times timestamptz[], joined_at timestamptz, joined_precision interval, has_join boolean,
	left_at timestamptz, left_precision interval)
RETURNS TABLE (likely integer, likely_end integer, sure integer, sure_end integer, possible integer, possible_end integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN joined_precision IS NULL AND NOT has_join THEN 0 ELSE x.joined END, x.gone, x.joined,
		CASE WHEN left_precision = interval '0' OR left_at IS NULL THEN x.gone
			ELSE greatest(width_bucket(coalesce(left_at - left_precision, '-infinity'), times), x.joined) END,
		CASE WHEN joined_precision = interval '0' THEN x.joined
			ELSE width_bucket(coalesce(joined_at - joined_precision, '-infinity'), times) END, x.gone
	FROM (SELECT width_bucket(joined_at, times) AS joined, width_bucket(coalesce(left_at, 'infinity'), times) AS gone) AS x;
END;
COMMENT ON FUNCTION wa_private.stat_places(timestamptz[], timestamptz, interval, boolean, timestamptz, interval) IS
'between which of some times a stay began and ended: likely, surely, possibly';

/*
 * The same with everybody once.  Whoever is in all the time counts in every
 * place, whatever else they did; of the others, who came or went since the
 * first of the times, the time that one stay adds to those before it counts.
 */
CREATE FUNCTION wa_private.stat_people_at(times timestamptz[], groups bigint[], "group" text, bot text, by text)
RETURNS TABLE (n integer, id bigint, label text, members bigint, members_low bigint, members_high bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	many integer := cardinality(times);
	together boolean := by IS NOT DISTINCT FROM 'total' AND groups IS NULL;
BEGIN
	RETURN QUERY
	-- by total, groups says which, and nothing is joined
	WITH series AS (
		SELECT s.id, s.label, s.group_id FROM wa_private.stat_series("group", bot, by, times[1]) AS s WHERE by <> 'total'
	), lines AS MATERIALIZED (
		SELECT s.id, s.label, array_agg(s.group_id) AS places FROM series AS s GROUP BY 1, 2
		UNION ALL SELECT 0, 'all', groups WHERE by = 'total'
	), stays AS MATERIALIZED (
		SELECT l.id, b.*, m.user_id, count(*) OVER (PARTITION BY l.id, m.user_id) AS stays
		FROM wa.memberships AS m
		JOIN (SELECT s.id, s.group_id FROM series AS s UNION ALL SELECT 0, NULL WHERE by = 'total') AS p ON by = 'total' OR p.group_id = m.group_id
		JOIN lines AS l ON l.id = p.id
		CROSS JOIN LATERAL wa_private.stat_places(times, m.joined_at, m.joined_precision, m.join_event_id IS NOT NULL, m.left_at, m.left_precision) AS b
		WHERE (m.left_at >= times[1] OR m.joined_at >= times[1]) AND (groups IS NULL OR m.group_id = ANY (groups))
			AND NOT EXISTS (SELECT FROM wa.memberships AS y WHERE y.user_id = m.user_id AND y.left_at IS NULL AND y.joined_at < times[1]
				AND (together OR y.group_id = ANY (l.places)))
	), spans AS (
		-- most have one stay: whose is alike counts together
		SELECT s.id, s.people, e.*, NULL AS covered
		FROM (SELECT x.id, x.likely, x.likely_end, x.sure, x.sure_end, x.possible, x.possible_end, count(*) AS people
			  FROM stays AS x WHERE x.stays = 1 GROUP BY 1, 2, 3, 4, 5, 6, 7) AS s
		CROSS JOIN LATERAL (VALUES (1, s.likely, s.likely_end), (2, s.sure, s.sure_end), (3, s.possible, s.possible_end)) AS e (bound, begins, ends)
		WHERE e.begins < e.ends
		UNION ALL
		SELECT s.id, 1, e.*, max(e.ends) OVER (PARTITION BY e.bound, s.id, s.user_id ORDER BY e.begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
		FROM stays AS s
		CROSS JOIN LATERAL (VALUES (1, s.likely, s.likely_end), (2, s.sure, s.sure_end), (3, s.possible, s.possible_end)) AS e (bound, begins, ends)
		WHERE s.stays > 1 AND e.begins < e.ends
	), steps AS (
		SELECT s.id, p.place, sum(p.step) FILTER (WHERE s.bound = 1) AS likely, sum(p.step) FILTER (WHERE s.bound = 2) AS sure,
			sum(p.step) FILTER (WHERE s.bound = 3) AS possible
		FROM spans AS s
		CROSS JOIN LATERAL (VALUES (greatest(s.begins, s.covered), s.people), (s.ends, -s.people)) AS p (place, step)
		WHERE s.covered IS NULL OR s.covered < s.ends
		GROUP BY 1, 2
	)
	SELECT t.n, l.id, l.label, (y.people + coalesce(sum(s.likely) OVER w, 0))::bigint, (y.people + coalesce(sum(s.sure) OVER w, 0))::bigint,
		(y.people + coalesce(sum(s.possible) OVER w, 0))::bigint
	FROM lines AS l
	CROSS JOIN LATERAL (
		SELECT count(*) AS people
		FROM (SELECT m.user_id FROM wa.memberships AS m
			  WHERE m.left_at IS NULL AND m.joined_at < times[1] AND (together OR m.group_id = ANY (l.places))
			  GROUP BY 1) AS x) AS y
	CROSS JOIN generate_series(1, many) AS t (n)
	LEFT JOIN steps AS s ON s.id = l.id AND s.place = t.n - 1
	WINDOW w AS (PARTITION BY l.id ORDER BY t.n)
	ORDER BY t.n, l.id;
END
$$;
COMMENT ON FUNCTION wa_private.stat_people_at(timestamptz[], bigint[], text, text, text) IS
'part of wa_private.stat_members_at(): everybody once';

/*
 * Members of each line just before each of some times, in rising order.
 * people: everybody counts once, else once for every group.  What began before
 * anybody looked counts from the beginning.
 *
 * A stay covers the times after place joined and up to place left.
 */
CREATE FUNCTION wa_private.stat_members_at(times timestamptz[], "group" text, bot text, by text, people boolean)
RETURNS TABLE (n integer, id bigint, label text, members bigint, members_low bigint, members_high bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	many integer := cardinality(times);
	groups bigint[] := wa_private.stat_groups("group", bot, times[1]);
	days date[] := CASE WHEN NOT people OR by IS NOT DISTINCT FROM 'total' AND groups IS NULL AND wa_private.stat_people_settled()
		THEN wa_private.stat_days(times) END;
BEGIN
	IF days IS NOT NULL THEN
		RETURN QUERY
		SELECT m.* FROM wa_private.stat_members_on(days, groups, "group", bot, by, times[1], people) AS m;
		RETURN;
	ELSIF people THEN
		RETURN QUERY SELECT p.* FROM wa_private.stat_people_at(times, groups, "group", bot, by) AS p;
		RETURN;
	END IF;
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.* FROM wa_private.stat_series("group", bot, by, times[1]) AS s
	), lines AS (
		SELECT DISTINCT s.id, s.label FROM series AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), stays AS (
		SELECT s.id, b.likely, b.likely_end, b.sure, b.sure_end, b.possible, b.possible_end, count(*) AS stays
		FROM wa.memberships AS m
		JOIN series AS s ON s.group_id = m.group_id
		CROSS JOIN LATERAL wa_private.stat_places(times, m.joined_at, m.joined_precision, m.join_event_id IS NOT NULL, m.left_at, m.left_precision) AS b
		WHERE (m.left_at IS NULL OR m.left_at >= times[1]) AND (groups IS NULL OR m.group_id = ANY (groups))
		GROUP BY 1, 2, 3, 4, 5, 6, 7
	), steps AS (
		SELECT s.id, e.place, sum(e.likely * s.stays) AS likely, sum(e.sure * s.stays) AS sure, sum(e.possible * s.stays) AS possible
		FROM stays AS s
		CROSS JOIN LATERAL (VALUES (s.likely, 1, 0, 0), (s.likely_end, -1, 0, 0), (s.sure, 0, 1, 0), (s.sure_end, 0, -1, 0),
			(s.possible, 0, 0, 1), (s.possible_end, 0, 0, -1)) AS e (place, likely, sure, possible)
		WHERE e.place < many
		GROUP BY 1, 2
	)
	SELECT t.n, l.id, l.label, coalesce(sum(s.likely) OVER w, 0)::bigint, coalesce(sum(s.sure) OVER w, 0)::bigint,
		coalesce(sum(s.possible) OVER w, 0)::bigint
	FROM lines AS l
	CROSS JOIN generate_series(1, many) AS t (n)
	LEFT JOIN steps AS s ON s.id = l.id AND s.place = t.n - 1
	WINDOW w AS (PARTITION BY l.id ORDER BY t.n)
	ORDER BY t.n, l.id;
END
$$;
COMMENT ON FUNCTION wa_private.stat_members_at(timestamptz[], text, text, text, boolean) IS
'members of each line of a chart just before each of some times';

/* A share in percent, null of nothing. */
CREATE FUNCTION wa_private.stat_percent(part numeric, whole numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.round(100 * part / nullif(whole, 0), 1);
COMMENT ON FUNCTION wa_private.stat_percent(numeric, numeric) IS 'a share in percent';

/* How many rows a ranking shows. */
CREATE FUNCTION wa_private.stat_check_limit("limit" integer)
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF "limit" IS NULL OR "limit" < 1 THEN
		RAISE EXCEPTION 'limit must be at least 1'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give the number of rows that you want to see.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.stat_check_limit(integer) IS 'raises an error unless a limit is positive';
