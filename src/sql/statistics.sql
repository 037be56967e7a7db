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
		FROM generate_series(date_trunc(step, "from" AT TIME ZONE zone),
			date_trunc(step, greatest("to" - interval '1 microsecond', "from") AT TIME ZONE zone), width) WITH ORDINALITY AS x (at, n);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.stat_steps(timestamptz, timestamptz, text) IS 'the steps of time that a range touches';

/*
 * What a statistic is about: which groups belong to which line of a chart.  by
 * is total (one line, number 0), group or bot.
 */
CREATE FUNCTION wa_private.stat_series("group" text, bot text, by text, since timestamptz)
RETURNS TABLE (group_id bigint, id bigint, label text) LANGUAGE plpgsql STABLE
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
 * Members of each line just before each of some times, in rising order.
 * people: everybody counts once, else once for every group.  What began before
 * anybody looked counts from the beginning.
 */
CREATE FUNCTION wa_private.stat_members_at(times timestamptz[], "group" text, bot text, by text, people boolean)
RETURNS TABLE (n integer, id bigint, label text, members bigint, members_low bigint, members_high bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.* FROM wa_private.stat_series("group", bot, by, times[1]) AS s
	), lines AS (
		SELECT DISTINCT s.id, s.label FROM series AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), stays AS (
		SELECT s.id, m.user_id, m.group_id,
			tstzrange(CASE WHEN m.joined_precision IS NULL AND m.join_event_id IS NULL THEN '-infinity' ELSE m.joined_at END, m.left_at) AS likely,
			CASE WHEN m.left_at IS NULL THEN tstzrange(m.joined_at, NULL)
				WHEN m.left_at - m.left_precision > m.joined_at THEN tstzrange(m.joined_at, m.left_at - m.left_precision)
				ELSE 'empty' END AS sure,
			tstzrange(coalesce(m.joined_at - m.joined_precision, '-infinity'), m.left_at) AS possible
		FROM series AS s
		JOIN wa.memberships AS m ON m.group_id = s.group_id
		WHERE m.left_at IS NULL OR m.left_at >= times[1]
	), presence AS (
		-- the stays of a person in several groups overlap
		SELECT x.id, range_agg(x.likely) AS likely, range_agg(x.sure) AS sure, range_agg(x.possible) AS possible
		FROM stays AS x
		GROUP BY x.id, x.user_id, CASE WHEN people THEN 0 ELSE x.group_id END
	), bounds AS (
		SELECT p.id, b.what, width_bucket(coalesce(b.at, 'infinity'), times) AS place, b.step
		FROM presence AS p
		CROSS JOIN LATERAL (
			SELECT v.what, e.at, e.step
			FROM (VALUES (0, p.likely), (1, p.sure), (2, p.possible)) AS v (what, ranges)
			CROSS JOIN LATERAL unnest(v.ranges) AS r (range)
			CROSS JOIN LATERAL (VALUES (coalesce(lower(r.range), '-infinity'), 1), (upper(r.range), -1)) AS e (at, step)
		) AS b
	), steps AS (
		SELECT b.id, b.what, b.place, sum(b.step) AS step
		FROM bounds AS b
		GROUP BY 1, 2, 3
	), sums AS (
		SELECT t.n, l.id, l.label, w.what,
			sum(coalesce(s.step, 0)) OVER (PARTITION BY l.id, w.what ORDER BY t.n) AS members
		FROM lines AS l
		CROSS JOIN generate_series(1, cardinality(times)) AS t (n)
		CROSS JOIN generate_series(0, 2) AS w (what)
		LEFT JOIN steps AS s ON s.id = l.id AND s.what = w.what AND s.place = t.n - 1
	)
	SELECT s.n, s.id, s.label, coalesce(sum(s.members) FILTER (WHERE s.what = 0), 0)::bigint,
		coalesce(sum(s.members) FILTER (WHERE s.what = 1), 0)::bigint, coalesce(sum(s.members) FILTER (WHERE s.what = 2), 0)::bigint
	FROM sums AS s
	GROUP BY s.n, s.id, s.label
	ORDER BY s.n, s.id;
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
