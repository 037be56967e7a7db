/*
 * statistics_boards.sql
 *		Groups and bots side by side, when bots were online, how good the data
 *		are.
 */

CREATE FUNCTION wa.stat_group_board("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (group_id bigint, group_subject text, members bigint, admins bigint, bots bigint, joins bigint, leaves bigint, net bigint,
	percent_growth numeric, percent_churn numeric, percent_kept_7 numeric, percent_inferred numeric, last_change timestamptz, complete boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[];
	midnight timestamptz;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	groups := wa_private.stat_groups("group", bot, "from");
	-- roll-ups know who was there when the day began, the rows what happened in it
	midnight := wa_private.stat_day("from", wa_private.stat_timezone())::timestamp AT TIME ZONE wa_private.stat_timezone();
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.group_id, s.label FROM wa_private.stat_series("group", bot, 'group', "from") AS s
	), members AS (
		SELECT d.group_id, sum(d.members) AS members
		FROM wa_private.member_days_now AS d
		WHERE d.day = 'infinity' AND (groups IS NULL OR d.group_id = ANY (groups))
		GROUP BY 1
	), before AS (
		SELECT x.group_id, sum(x.members) AS members
		FROM (SELECT m.id AS group_id, m.members FROM wa_private.stat_members_at(ARRAY[midnight], "group", bot, 'group', false) AS m
			  UNION ALL
			  SELECT m.group_id, 1 FROM wa.memberships AS m
			  WHERE m.joined_at >= midnight AND m.joined_at < "from" AND (m.joined_precision IS NOT NULL OR m.join_event_id IS NOT NULL)
				AND (groups IS NULL OR m.group_id = ANY (groups))
			  UNION ALL
			  SELECT m.group_id, -1 FROM wa.memberships AS m
			  WHERE m.left_at >= midnight AND m.left_at < "from" AND (groups IS NULL OR m.group_id = ANY (groups))) AS x
		GROUP BY 1
	), admins AS (
		SELECT m.group_id, count(*) AS admins
		FROM wa.memberships AS m
		WHERE m.left_at IS NULL AND m.role <> 'member' AND (groups IS NULL OR m.group_id = ANY (groups))
		GROUP BY 1
	), joiners AS (
		SELECT m.group_id, count(*) AS due_7,
			count(*) FILTER (WHERE m.left_at IS NULL OR m.left_at > m.joined_at + interval '168 hours') AS kept_7
		FROM wa.memberships AS m
		JOIN wa.groups AS g ON g.group_id = m.group_id
		WHERE (groups IS NULL OR m.group_id = ANY (groups)) AND m.join_event_id IS NOT NULL AND m.joined_at >= "from" AND m.joined_at < "to"
			AND m.joined_at <= now() - interval '168 hours' AND m.joined_at + interval '168 hours' <= coalesce(g.unobserved_since, now())
		GROUP BY 1
	), changes AS (
		SELECT e.group_id, sum(e.events) FILTER (WHERE e.kind = 'join') AS joins, sum(e.events) FILTER (WHERE e.kind = 'leave') AS leaves,
			sum(e.events) FILTER (WHERE e.inferred) AS inferred
		FROM wa_private.stat_events("from", "to", groups) AS e
		GROUP BY 1
	), present AS (
		SELECT b.group_id, count(*) AS bots FROM wa.bot_groups AS b WHERE b.left_at IS NULL GROUP BY 1
	)
	SELECT s.group_id, s.label, CASE g.watch_level WHEN 'counts' THEN g.size ELSE coalesce(m.members, 0)::bigint END, coalesce(a.admins, 0),
		coalesce(p.bots, 0), n.joins, n.leaves, n.joins - n.leaves,
		wa_private.stat_percent(n.joins - n.leaves, b.members), wa_private.stat_percent(n.leaves, b.members),
		wa_private.stat_percent(j.kept_7, j.due_7), wa_private.stat_percent(coalesce(c.inferred, 0), n.joins + n.leaves), l.last_change, w.complete
	FROM series AS s
	JOIN wa.groups AS g ON g.group_id = s.group_id
	JOIN wa.group_completeness AS w ON w.group_id = s.group_id
	LEFT JOIN members AS m ON m.group_id = s.group_id
	LEFT JOIN before AS b ON b.group_id = s.group_id
	LEFT JOIN admins AS a ON a.group_id = s.group_id
	LEFT JOIN joiners AS j ON j.group_id = s.group_id
	LEFT JOIN changes AS c ON c.group_id = s.group_id
	LEFT JOIN present AS p ON p.group_id = s.group_id
	CROSS JOIN LATERAL (SELECT coalesce(c.joins, 0)::bigint AS joins, coalesce(c.leaves, 0)::bigint AS leaves) AS n
	LEFT JOIN LATERAL (
		SELECT e.occurred_at AS last_change
		FROM wa.group_events AS e
		WHERE e.group_id = c.group_id AND e.kind IN ('join', 'leave') AND e.occurred_at >= "from" AND e.occurred_at < "to"
		ORDER BY e.occurred_at DESC
		LIMIT 1) AS l ON true
	ORDER BY 3 DESC, 2, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_group_board(timestamptz, timestamptz, text, text) IS
'groups side by side: members now, joins and leaves of the range, growth and churn in percent of the members at its beginning, how many of those who joined stayed 7 days';

/*
 * How many joins and leaves each group had in a range, by way and source: whole
 * days from the roll-ups, the rest from the rows.  groups is as roll-ups have
 * them: {0} are all groups together, null is each of them.
 */
CREATE FUNCTION wa_private.stat_events("from" timestamptz, "to" timestamptz, groups bigint[])
RETURNS TABLE (group_id bigint, kind text, how text, source text, inferred boolean, events bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
-- a bitmap, as where it is said who wrote: see statistics_messages.sql
SET enable_indexscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	whole record;
	together boolean := groups = '{0}';
BEGIN
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to") AS w;
	RETURN QUERY
	SELECT h.group_id, h.kind, h.how, h.source, h.inferred, sum(h.events)::bigint
	FROM (SELECT d.group_id, d.kind, d.how, d.source, d.inferred, d.events
		  FROM wa_private.event_days_now AS d
		  WHERE d.day >= whole.first_day AND d.day < whole.last_day
			AND CASE WHEN groups IS NULL THEN d.group_id <> 0 ELSE d.group_id = ANY (groups) END
		  UNION ALL
		  SELECT CASE WHEN together THEN 0 ELSE e.group_id END, e.kind, coalesce(e.how, 'unknown'), e.source, e.at_precision IS DISTINCT FROM interval '0', 1
		  FROM wa.group_events AS e
		  WHERE whole.edges AND e.occurred_at >= "from" AND e.occurred_at < "to" AND (e.occurred_at < whole.since OR e.occurred_at >= whole.until)
			AND e.kind IN ('join', 'leave') AND (groups IS NULL OR together OR e.group_id = ANY (groups))) AS h
	GROUP BY 1, 2, 3, 4, 5
	HAVING sum(h.events) > 0;
END
$$;
COMMENT ON FUNCTION wa_private.stat_events(timestamptz, timestamptz, bigint[]) IS 'joins and leaves of each group in a range';

/*
 * What each bot was doing when: its status log as time ranges.  Before the first
 * entry nothing is known.
 */
CREATE FUNCTION wa_private.stat_bot_spans("from" timestamptz, "to" timestamptz, bot text)
RETURNS TABLE (bot_id bigint, name text, since timestamptz, until timestamptz, status text, reason text, code integer, detail text,
	hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	the_bot bigint := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
BEGIN
	RETURN QUERY
	SELECT s.bot_id, s.name, greatest(s.at, "from"), least(s.ends, "to"), s.status, s.reason, s.code, s.detail, s.hint
	FROM (SELECT b.bot_id, b.name, l.at, coalesce(lead(l.at) OVER (PARTITION BY b.bot_id ORDER BY l.at, l.log_id), now()) AS ends,
			l.status, l.reason, l.code, l.detail, l.hint
		  FROM wa.bots AS b
		  JOIN wa.bot_status_log AS l ON l.bot_id = b.bot_id
		  WHERE the_bot IS NULL OR b.bot_id = the_bot) AS s
	WHERE s.ends > "from" AND s.at < "to" AND s.ends > s.at;
END
$$;
COMMENT ON FUNCTION wa_private.stat_bot_spans(timestamptz, timestamptz, text) IS 'the status of bots as time ranges';

CREATE FUNCTION wa.stat_bot_uptime("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL, step text DEFAULT 'day')
RETURNS TABLE ("time" timestamptz, bot_id bigint, bot_name text, seconds_online numeric, seconds_offline numeric, seconds_unknown numeric,
	percent numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	begins timestamptz[];
	first timestamptz;
	last timestamptz;
	the_bot bigint;
BEGIN
	SELECT array_agg(s.since ORDER BY s.n), min(s.since), max(s.until) INTO begins, first, last FROM wa_private.stat_steps("from", "to", step) AS s;
	the_bot := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	RETURN QUERY
	WITH steps AS (
		SELECT s.n, s.since, s.until, extract(epoch FROM greatest(least(s.until, now()), s.since) - s.since) AS seconds
		FROM wa_private.stat_steps("from", "to", step) AS s
	), spent AS (
		-- each span in the steps that it touches
		SELECT x.bot_id, s.n, sum(y.seconds) FILTER (WHERE x.status = 'online') AS online, sum(y.seconds) FILTER (WHERE x.status <> 'online') AS offline
		FROM wa_private.stat_bot_spans(first, last, bot) AS x
		CROSS JOIN LATERAL generate_series(width_bucket(x.since, begins), width_bucket(x.until, begins)) AS p (n)
		JOIN steps AS s ON s.n = p.n
		CROSS JOIN LATERAL (SELECT extract(epoch FROM greatest(least(x.until, s.until) - greatest(x.since, s.since), '0')) AS seconds) AS y
		GROUP BY 1, 2
	), sums AS (
		SELECT s.since, b.bot_id, b.name, s.seconds, coalesce(x.online, 0) AS online, coalesce(x.offline, 0) AS offline
		FROM steps AS s
		CROSS JOIN wa.bots AS b
		LEFT JOIN spent AS x ON x.bot_id = b.bot_id AND x.n = s.n
		WHERE the_bot IS NULL OR b.bot_id = the_bot
	)
	SELECT s.since, s.bot_id, s.name, round(s.online, 1), round(s.offline, 1), round(s.seconds - s.online - s.offline, 1),
		wa_private.stat_percent(s.online, s.online + s.offline)
	FROM sums AS s
	ORDER BY s.since, s.name, s.bot_id;
END
$$;
COMMENT ON FUNCTION wa.stat_bot_uptime(timestamptz, timestamptz, text, text) IS
'how long each bot was online in each step up to now; unknown: before its status was logged; percent of the time that is known';

CREATE FUNCTION wa.stat_bot_outages("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL)
RETURNS TABLE (bot_id bigint, bot_name text, began timestamptz, ended timestamptz, lasted interval, status text, reason text, code integer,
	detail text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	RETURN QUERY
	WITH spans AS (
		SELECT x.*, row_number() OVER w - row_number() OVER (PARTITION BY x.bot_id, x.status = 'online' ORDER BY x.since) AS run
		FROM wa_private.stat_bot_spans('-infinity', 'infinity', bot) AS x
		WINDOW w AS (PARTITION BY x.bot_id ORDER BY x.since)
	), outages AS (
		-- an outage goes on while its words change; the first of them says why
		SELECT s.bot_id, s.name, min(s.since) AS began, max(s.until) AS ended,
			(array_agg(s.status ORDER BY s.since))[1] AS status, (array_agg(s.reason ORDER BY s.since))[1] AS reason,
			(array_agg(s.code ORDER BY s.since))[1] AS code, (array_agg(s.detail ORDER BY s.since))[1] AS detail,
			(array_agg(s.hint ORDER BY s.since))[1] AS hint
		FROM spans AS s
		WHERE s.status <> 'online'
		GROUP BY s.bot_id, s.name, s.run
	)
	SELECT o.bot_id, o.name, o.began, CASE WHEN o.ended < now() THEN o.ended END,
		o.ended - o.began, o.status, o.reason, o.code, o.detail, o.hint
	FROM outages AS o
	WHERE o.ended > "from" AND o.began < "to"
		-- only what came after the bot was online is an outage
		AND EXISTS (SELECT FROM spans AS s WHERE s.bot_id = o.bot_id AND s.status = 'online' AND s.since < o.began)
	ORDER BY o.began DESC, o.name;
END
$$;
COMMENT ON FUNCTION wa.stat_bot_outages(timestamptz, timestamptz, text) IS
'times in which a bot that had been online was not, newest first, with the reason that was given first; no end: it still is not';

/* How bots are and were; part of wa.stat_bot_board(), and what a report says of them. */
CREATE FUNCTION wa_private.stat_bots("from" timestamptz, "to" timestamptz, bot text)
RETURNS TABLE (bot_id bigint, bot_name text, status text, groups bigint, percent_online numeric, outages bigint, last_online_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	the_bot bigint := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
BEGIN
	RETURN QUERY
	WITH places AS (
		SELECT x.bot_id, count(*) AS groups FROM wa.bot_groups AS x WHERE x.left_at IS NULL GROUP BY 1
	), online AS (
		SELECT x.bot_id, sum(extract(epoch FROM x.until - x.since)) FILTER (WHERE x.status = 'online') AS seconds,
			sum(extract(epoch FROM x.until - x.since)) AS of_seconds
		FROM wa_private.stat_bot_spans("from", "to", bot) AS x
		GROUP BY 1
	), outages AS (
		SELECT o.bot_id, count(*) AS n FROM wa.stat_bot_outages("from", "to", bot) AS o GROUP BY 1
	)
	SELECT b.bot_id, b.name, b.status, coalesce(p.groups, 0), wa_private.stat_percent(coalesce(u.seconds, 0), u.of_seconds),
		coalesce(o.n, 0), b.last_online_at
	FROM wa.bots AS b
	LEFT JOIN places AS p ON p.bot_id = b.bot_id
	LEFT JOIN online AS u ON u.bot_id = b.bot_id
	LEFT JOIN outages AS o ON o.bot_id = b.bot_id
	WHERE the_bot IS NULL OR b.bot_id = the_bot;
END
$$;
COMMENT ON FUNCTION wa_private.stat_bots(timestamptz, timestamptz, text) IS 'bots with their groups, share of the time online and outages';

CREATE FUNCTION wa.stat_bot_board("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL)
RETURNS TABLE (bot_id bigint, bot_name text, status text, groups bigint, people bigint, people_only_here bigint, joins bigint, leaves bigint,
	net bigint, percent_online numeric, outages bigint, last_online_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	the_bot bigint;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	the_bot := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	RETURN QUERY
	WITH places AS (
		SELECT p.group_id, min(p.bot_id) AS first_bot, max(p.bot_id) AS last_bot FROM wa.bot_groups AS p WHERE p.left_at IS NULL GROUP BY 1
	), alone AS (
		SELECT x.bot_id, count(*) AS people
		FROM (SELECT min(p.first_bot) AS bot_id
			  FROM wa.memberships AS m
			  JOIN places AS p ON p.group_id = m.group_id
			  WHERE m.left_at IS NULL AND the_bot IS NULL
			  GROUP BY m.user_id
			  HAVING min(p.first_bot) = max(p.last_bot)
			  UNION ALL
			  -- of one bot, whoever it sees is looked up alone (OFFSET 0)
			  SELECT the_bot
			  FROM (SELECT m.user_id
					FROM wa.bot_groups AS p
					JOIN wa.memberships AS m ON m.group_id = p.group_id AND m.left_at IS NULL
					WHERE p.bot_id = the_bot AND p.left_at IS NULL
					GROUP BY 1) AS u
			  WHERE NOT EXISTS (SELECT FROM wa.memberships AS m
				JOIN wa.bot_groups AS p ON p.group_id = m.group_id AND p.left_at IS NULL AND p.bot_id <> the_bot
				WHERE m.user_id = u.user_id AND m.left_at IS NULL OFFSET 0)) AS x
		GROUP BY 1
	), changes AS (
		SELECT s.id, coalesce(sum(e.events) FILTER (WHERE e.kind = 'join'), 0)::bigint AS joins,
			coalesce(sum(e.events) FILTER (WHERE e.kind = 'leave'), 0)::bigint AS leaves
		FROM wa_private.stat_series(NULL, bot, 'bot', "from") AS s
		JOIN wa_private.stat_events("from", "to", wa_private.stat_groups(NULL, bot, "from")) AS e ON e.group_id = s.group_id
		GROUP BY 1
	)
	SELECT b.bot_id, b.bot_name, b.status, b.groups, r.people, coalesce(a.people, 0), coalesce(c.joins, 0),
		coalesce(c.leaves, 0), coalesce(c.joins - c.leaves, 0), b.percent_online, b.outages, b.last_online_at
	FROM wa_private.stat_bots("from", "to", bot) AS b
	-- bot by bot, so that who is counted fits into memory
	CROSS JOIN LATERAL (
		SELECT count(*) AS people
		FROM (SELECT m.user_id
			  FROM wa.bot_groups AS p
			  JOIN wa.memberships AS m ON m.group_id = p.group_id AND m.left_at IS NULL
			  WHERE p.bot_id = b.bot_id AND p.left_at IS NULL
			  GROUP BY 1) AS x) AS r
	LEFT JOIN alone AS a ON a.bot_id = b.bot_id
	LEFT JOIN changes AS c ON c.id = b.bot_id
	ORDER BY 5 DESC, 2;
END
$$;
COMMENT ON FUNCTION wa.stat_bot_board(timestamptz, timestamptz, text) IS
'bots side by side: groups and people they see now, people whom no other bot sees, joins and leaves in their groups, share of the time online';

CREATE FUNCTION wa.stat_quality("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (group_id bigint, group_subject text, watch_level text, complete boolean, why_not text, members bigint, server_size integer,
	percent_with_phone numeric, percent_join_known numeric, events bigint, live bigint, from_lists bigint, from_history bigint,
	percent_inferred numeric, watched_since timestamptz, history_since timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[];
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	groups := wa_private.stat_groups("group", bot, "from");
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.group_id, s.label FROM wa_private.stat_series("group", bot, 'group', "from") AS s
	), present AS (
		SELECT d.group_id, sum(d.members)::bigint AS members
		FROM wa_private.member_days_now AS d
		WHERE d.day = 'infinity' AND (groups IS NULL OR d.group_id = ANY (groups))
		GROUP BY 1
		HAVING sum(d.members) > 0
	), unknown AS (
		SELECT m.group_id, count(*) AS joins
		FROM wa.memberships AS m
		WHERE m.left_at IS NULL AND m.joined_precision IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
		GROUP BY 1
	), phones AS (
		SELECT m.group_id, count(*) AS with_phone
		FROM wa.memberships AS m
		WHERE m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
			AND EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = m.user_id AND i.kind = 'pn' AND i.current)
		GROUP BY 1
	), changes AS (
		SELECT e.group_id, sum(e.events)::bigint AS events, (sum(e.events) FILTER (WHERE e.source = 'live'))::bigint AS live,
			(sum(e.events) FILTER (WHERE e.source = 'snapshot'))::bigint AS from_lists,
			(sum(e.events) FILTER (WHERE e.source = 'history'))::bigint AS from_history,
			coalesce(sum(e.events) FILTER (WHERE e.inferred), 0) AS inferred
		FROM wa_private.stat_events("from", "to", groups) AS e
		GROUP BY 1
	)
	SELECT s.group_id, s.label, g.watch_level, w.complete, w.why_not, coalesce(p.members, 0), g.size,
		wa_private.stat_percent(CASE WHEN p.members > 0 THEN coalesce(f.with_phone, 0) END, p.members),
		wa_private.stat_percent(p.members - coalesce(u.joins, 0), p.members),
		coalesce(c.events, 0), coalesce(c.live, 0), coalesce(c.from_lists, 0), coalesce(c.from_history, 0),
		wa_private.stat_percent(c.inferred, c.events), g.listed_since, g.history_since
	FROM series AS s
	JOIN wa.groups AS g ON g.group_id = s.group_id
	JOIN wa.group_completeness AS w ON w.group_id = s.group_id
	LEFT JOIN present AS p ON p.group_id = s.group_id
	LEFT JOIN unknown AS u ON u.group_id = s.group_id
	LEFT JOIN phones AS f ON f.group_id = s.group_id
	LEFT JOIN changes AS c ON c.group_id = s.group_id
	ORDER BY w.complete, s.label, s.group_id;
END
$$;
COMMENT ON FUNCTION wa.stat_quality(timestamptz, timestamptz, text, text) IS
'how far the numbers of each group can be trusted: whether its members are the server''s, of how many the phone number and the join are known, where joins and leaves of the range come from and how many have no exact time';
