/*
 * statistics_growth.sql
 *		Joins, leaves, members, churn and retention over time.
 */

CREATE FUNCTION wa.stat_growth("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'day', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, joins bigint, joins_low bigint, joins_high bigint, leaves bigint,
	leaves_low bigint, leaves_high bigint, net bigint, net_low bigint, net_high bigint, inferred bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[];
	begins timestamptz[];
	ends timestamptz[];
	first timestamptz;
	last timestamptz;
	whole record;
	together boolean;
BEGIN
	SELECT array_agg(s.since ORDER BY s.n), array_agg(s.until ORDER BY s.n), min(s.since), max(s.until) INTO begins, ends, first, last
	FROM wa_private.stat_steps("from", "to", step) AS s;
	groups := wa_private.stat_groups("group", bot, first);
	together := by IS NOT DISTINCT FROM 'total' AND groups IS NULL;
	-- steps of an hour are counted from the rows
	SELECT w.* INTO whole FROM wa_private.stat_whole_days(first, last, step <> 'hour') AS w;
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.* FROM wa_private.stat_series("group", bot, by, first) AS s WHERE NOT together
		UNION ALL SELECT 0, 0, 'all' WHERE together
	), lines AS (
		SELECT DISTINCT s.id, s.label FROM series AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), steps AS (
		SELECT s.n::integer AS n, s.since, s.until FROM unnest(begins, ends) WITH ORDINALITY AS s (since, until, n)
	), happened AS (
		SELECT d.group_id, d.day::timestamp AT TIME ZONE whole.zone AS at, d.kind, d.events
		FROM wa_private.event_days_now AS d
		WHERE d.day >= whole.first_day AND d.day < whole.last_day AND NOT d.inferred
			AND CASE WHEN together THEN d.group_id = 0 ELSE groups IS NULL OR d.group_id = ANY (groups) END
		UNION ALL
		SELECT e.group_id, e.occurred_at, e.kind, 1
		FROM wa.group_events AS e
		WHERE whole.edges AND e.occurred_at >= first AND e.occurred_at < last AND e.kind IN ('join', 'leave')
			AND e.at_precision = interval '0' AND (groups IS NULL OR e.group_id = ANY (groups))
	), exact AS (
		SELECT s.id, width_bucket(h.at, begins) AS n, sum(h.events) FILTER (WHERE h.kind = 'join') AS joins,
			sum(h.events) FILTER (WHERE h.kind = 'leave') AS leaves
		FROM happened AS h
		JOIN series AS s ON together OR s.group_id = h.group_id
		GROUP BY 1, 2
	), vague AS (
		-- from the step in which it was not so yet to the one in which it was
		SELECT s.id, e.kind, e.occurred_at < last AS ends_here,
			width_bucket(coalesce(e.occurred_at - e.at_precision, '-infinity'), begins) AS first_step,
			width_bucket(e.occurred_at, begins) AS last_step, count(*) AS events
		FROM wa.group_events AS e
		JOIN series AS s ON together OR s.group_id = e.group_id
		WHERE (groups IS NULL OR e.group_id = ANY (groups)) AND e.kind IN ('join', 'leave')
			AND e.at_precision IS DISTINCT FROM interval '0' AND e.occurred_at >= first
			AND (e.at_precision IS NULL OR e.occurred_at - e.at_precision < last)
		GROUP BY 1, 2, 3, 4, 5
	), inferred AS (
		SELECT v.id, x.n, v.kind, sum(v.events)::bigint AS possible,
			coalesce(sum(v.events) FILTER (WHERE v.ends_here AND x.n = v.last_step), 0)::bigint AS likely,
			coalesce(sum(v.events) FILTER (WHERE v.ends_here AND v.first_step = v.last_step), 0)::bigint AS sure
		FROM vague AS v
		CROSS JOIN LATERAL generate_series(greatest(v.first_step, 1), v.last_step) AS x (n)
		GROUP BY 1, 2, 3
	), all_of_it AS (
		SELECT s.since, l.id, l.label, x.joins + coalesce(j.likely, 0) AS joins,
			x.joins + coalesce(j.sure, 0) AS joins_low, x.joins + coalesce(j.possible, 0) AS joins_high,
			x.leaves + coalesce(o.likely, 0) AS leaves, x.leaves + coalesce(o.sure, 0) AS leaves_low,
			x.leaves + coalesce(o.possible, 0) AS leaves_high, coalesce(j.likely, 0) + coalesce(o.likely, 0) AS inferred
		FROM lines AS l
		CROSS JOIN steps AS s
		LEFT JOIN exact AS e ON e.id = l.id AND e.n = s.n
		CROSS JOIN LATERAL (SELECT coalesce(e.joins, 0)::bigint AS joins, coalesce(e.leaves, 0)::bigint AS leaves) AS x
		LEFT JOIN inferred AS j ON j.id = l.id AND j.n = s.n AND j.kind = 'join'
		LEFT JOIN inferred AS o ON o.id = l.id AND o.n = s.n AND o.kind = 'leave'
	)
	SELECT a.since, nullif(a.id, 0), a.label, a.joins, a.joins_low, a.joins_high, a.leaves, a.leaves_low, a.leaves_high,
		a.joins - a.leaves, a.joins_low - a.leaves_high, a.joins_high - a.leaves_low, a.inferred
	FROM all_of_it AS a
	ORDER BY a.since, a.label, a.id;
END
$$;
COMMENT ON FUNCTION wa.stat_growth(timestamptz, timestamptz, text, text, text, text) IS
'joins, leaves and net per step (hour, day, week, month, year), of all, per group or per bot; low and high: bounds that follow from the time ranges of inferred events';

CREATE FUNCTION wa.stat_members("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'day', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, members bigint, members_low bigint, members_high bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	begins timestamptz[];
	ends timestamptz[];
BEGIN
	SELECT array_agg(s.since ORDER BY s.n), array_agg(least(s.until, now()) ORDER BY s.n) INTO begins, ends
	FROM wa_private.stat_steps("from", "to", step) AS s
	WHERE s.since < now() OR s.n = 1;
	RETURN QUERY
	SELECT begins[m.n], nullif(m.id, 0), m.label,
		CASE WHEN g.watch_level = 'counts' THEN c.members ELSE m.members END,
		CASE WHEN g.watch_level = 'counts' THEN c.members ELSE m.members_low END,
		CASE WHEN g.watch_level = 'counts' THEN c.members ELSE m.members_high END
	FROM wa_private.stat_members_at(ends, "group", bot, by, by <> 'group') AS m
	-- of a group that is only counted, the server's number
	LEFT JOIN wa.groups AS g ON by = 'group' AND g.group_id = m.id
	LEFT JOIN LATERAL (
		SELECT x.members::bigint AS members
		FROM wa.group_counts AS x
		WHERE x.group_id = g.group_id AND g.watch_level = 'counts' AND x.counted_at < ends[m.n]
		ORDER BY x.counted_at DESC
		LIMIT 1) AS c ON true
	ORDER BY m.n, m.label, m.id;
END
$$;
COMMENT ON FUNCTION wa.stat_members(timestamptz, timestamptz, text, text, text, text) IS
'members at the end of each step, or now; of all and per bot every person once, per group its members; who was there before anybody looked counts from the beginning';

CREATE FUNCTION wa.stat_churn("from" timestamptz DEFAULT now() - interval '1 year', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'month', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, members bigint, leaves bigint, leaves_low bigint, leaves_high bigint,
	percent numeric, percent_low numeric, percent_high numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	begins timestamptz[];
BEGIN
	SELECT array_agg(s.since ORDER BY s.n) INTO begins FROM wa_private.stat_steps("from", "to", step) AS s;
	RETURN QUERY
	SELECT g."time", g.id, g.label, m.members, g.leaves, g.leaves_low, g.leaves_high,
		wa_private.stat_percent(g.leaves, m.members), wa_private.stat_percent(g.leaves_low, m.members_high),
		wa_private.stat_percent(g.leaves_high, m.members_low)
	FROM wa.stat_growth("from", "to", "group", bot, step, by) AS g
	JOIN wa_private.stat_members_at(begins, "group", bot, by, false) AS m
		ON m.id = coalesce(g.id, 0) AND begins[m.n] = g."time"
	ORDER BY g."time", g.label, g.id;
END
$$;
COMMENT ON FUNCTION wa.stat_churn(timestamptz, timestamptz, text, text, text, text) IS
'members at the beginning of each step, counted once for every group they are in, and how many left in it; percent of those';

CREATE FUNCTION wa.stat_retention("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'week', by text DEFAULT 'total', days integer[] DEFAULT '{1,7,30}')
RETURNS TABLE ("time" timestamptz, id bigint, label text, after_days integer, joiners bigint, due bigint, kept bigint, kept_low bigint,
	kept_high bigint, percent numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[];
	begins timestamptz[];
	first timestamptz;
	last timestamptz;
	together boolean;
	rolled_up boolean;
	zone text := wa_private.stat_timezone();
	after integer[] := ARRAY(SELECT DISTINCT x.days FROM unnest(stat_retention.days) AS x (days) ORDER BY 1);
	ages interval[] := ARRAY(SELECT make_interval(hours => 24 * x.days) FROM unnest(after) AS x (days) ORDER BY 1);
	many integer := cardinality(after);
	tick CONSTANT interval := '1 microsecond';
BEGIN
	IF stat_retention.days IS NULL OR array_position(stat_retention.days, NULL) IS NOT NULL OR 0 >= ANY (stat_retention.days)
		OR 36500 < ANY (stat_retention.days) THEN
		RAISE EXCEPTION 'days of retention must be between 1 and 36500'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give numbers of days, as in ''{1,7,30}''.';
	END IF;
	SELECT array_agg(s.since ORDER BY s.n), min(s.since), max(s.until) INTO begins, first, last
	FROM wa_private.stat_steps("from", "to", step) AS s;
	groups := wa_private.stat_groups("group", bot, first);
	together := by IS NOT DISTINCT FROM 'total' AND groups IS NULL;
	-- the roll-up is of all groups together; all steps are whole days, or none
	rolled_up := (SELECT NOT w.edges FROM wa_private.stat_whole_days(first, last, together AND step <> 'hour') AS w);
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.* FROM wa_private.stat_series("group", bot, by, first) AS s WHERE NOT together
		UNION ALL SELECT 0, 0, 'all' WHERE together
	), lines AS (
		SELECT DISTINCT s.id, s.label FROM series AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), days AS MATERIALIZED (
		-- the roll-up answers for the days on which all who joined are due alike
		SELECT s.since, s.until, wa_private.stat_day(s.since, zone) AS day, width_bucket(s.since, begins) AS n, d.due, d.due = d.due_first AS alike
		FROM wa_private.stat_steps(first, last, 'day') AS s
		CROSS JOIN LATERAL (SELECT width_bucket(now() - s.until + tick, ages) AS due, width_bucket(now() - s.since, ages) AS due_first) AS d
		WHERE rolled_up
	), stays AS (
		SELECT s.id, m.joined_at, m.joined_precision, m.left_at, m.left_precision, coalesce(g.unobserved_since, now()) AS seen_until, 1 AS n
		FROM wa.memberships AS m
		JOIN wa.groups AS g ON g.group_id = m.group_id
		JOIN series AS s ON together OR s.group_id = m.group_id
		WHERE NOT rolled_up AND (groups IS NULL OR m.group_id = ANY (groups)) AND m.joined_at >= first AND m.joined_at < last
			AND m.join_event_id IS NOT NULL
		UNION ALL
		SELECT 0, m.joined_at, m.joined_precision, m.left_at, m.left_precision, coalesce(g.unobserved_since, now()), 1
		FROM days AS d
		JOIN wa.memberships AS m ON m.joined_at >= d.since AND m.joined_at < d.until AND m.join_event_id IS NOT NULL
		JOIN wa.groups AS g ON g.group_id = m.group_id
		WHERE NOT d.alike
		UNION ALL
		-- in a group that nobody watches any more some are not due whom the roll-up takes to be
		SELECT 0, m.joined_at, m.joined_precision, m.left_at, m.left_precision, x.seen_until, x.n
		FROM wa.groups AS g
		JOIN wa.memberships AS m ON m.group_id = g.group_id AND m.joined_at >= first AND m.joined_at < last AND m.join_event_id IS NOT NULL
		JOIN days AS d ON d.alike AND m.joined_at >= d.since AND m.joined_at < d.until
		CROSS JOIN LATERAL (VALUES (g.unobserved_since, 1), (now(), -1)) AS x (seen_until, n)
		WHERE rolled_up AND g.unobserved_since IS NOT NULL
	), joiners AS (
		-- how many of the ages are due, and how many each of them reached; a leave at an age did not reach it
		SELECT s.id, width_bucket(s.joined_at, begins) AS n, width_bucket(s.seen_until - s.joined_at, ages) AS due,
			CASE WHEN s.left_at IS NULL THEN many ELSE width_bucket(s.left_at - s.joined_at - tick, ages) END AS kept,
			CASE WHEN s.left_at IS NULL THEN many
				WHEN s.left_precision IS NULL THEN 0
				ELSE width_bucket(s.left_at - s.left_precision - s.joined_at - tick, ages) END AS kept_low,
			CASE WHEN s.left_at IS NULL OR s.joined_precision IS NULL THEN many
				ELSE width_bucket(s.left_at - (s.joined_at - s.joined_precision) - tick, ages) END AS kept_high,
			sum(s.n) AS stays, sum(s.n) AS stays_low, sum(s.n) AS stays_high
		FROM stays AS s
		GROUP BY 1, 2, 3, 4, 5, 6
		UNION ALL
		SELECT 0, d.n, d.due, x.kept, x.kept, x.kept, sum(r.stays), sum(r.stays_low), sum(r.stays_high)
		FROM days AS d
		JOIN wa_private.stay_days_now AS r ON r.day = d.day
		CROSS JOIN LATERAL (SELECT width_bucket(r.days, after) AS kept) AS x
		WHERE d.alike
		GROUP BY 2, 3, 4
	), counted AS (
		SELECT j.id, j.n, a.place, sum(j.stays)::bigint AS joiners, coalesce(sum(j.stays) FILTER (WHERE j.due >= a.place), 0)::bigint AS due,
			coalesce(sum(j.stays) FILTER (WHERE least(j.due, j.kept) >= a.place), 0)::bigint AS kept,
			coalesce(sum(j.stays_low) FILTER (WHERE least(j.due, j.kept_low) >= a.place), 0)::bigint AS kept_low,
			coalesce(sum(j.stays_high) FILTER (WHERE least(j.due, j.kept_high) >= a.place), 0)::bigint AS kept_high
		FROM joiners AS j
		CROSS JOIN generate_series(1, many) AS a (place)
		GROUP BY 1, 2, 3
	)
	SELECT begins[b.n], nullif(l.id, 0), l.label, after[a.place], coalesce(c.joiners, 0), coalesce(c.due, 0), coalesce(c.kept, 0),
		coalesce(c.kept_low, 0), coalesce(c.kept_high, 0), wa_private.stat_percent(c.kept, c.due)
	FROM lines AS l
	CROSS JOIN generate_series(1, cardinality(begins)) AS b (n)
	CROSS JOIN generate_series(1, many) AS a (place)
	LEFT JOIN counted AS c ON c.id = l.id AND c.n = b.n AND c.place = a.place
	ORDER BY b.n, l.label, l.id, a.place;
END
$$;
COMMENT ON FUNCTION wa.stat_retention(timestamptz, timestamptz, text, text, text, text, integer[]) IS
'of those who joined in each step, how many were still there so many times 24 hours later; due: joined that long ago, while somebody watched; percent of those';
