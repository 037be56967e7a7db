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
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	groups := wa_private.stat_groups("group", bot, "from");
	RETURN QUERY
	WITH series AS MATERIALIZED (
		SELECT s.group_id, s.label FROM wa_private.stat_series("group", bot, 'group', "from") AS s
	), before AS (
		SELECT m.id, m.members FROM wa_private.stat_members_at(ARRAY["from"], "group", bot, 'group', false) AS m
	), stays AS (
		SELECT m.group_id, count(*) FILTER (WHERE m.left_at IS NULL) AS members,
			count(*) FILTER (WHERE m.left_at IS NULL AND m.role <> 'member') AS admins,
			count(*) FILTER (WHERE x.due) AS due_7,
			count(*) FILTER (WHERE x.due AND (m.left_at IS NULL OR m.left_at > m.joined_at + interval '168 hours')) AS kept_7
		FROM wa.memberships AS m
		JOIN series AS s ON s.group_id = m.group_id
		JOIN wa.groups AS g ON g.group_id = m.group_id
		CROSS JOIN LATERAL (SELECT m.join_event_id IS NOT NULL AND m.joined_at >= "from" AND m.joined_at < "to"
			AND m.joined_at + interval '168 hours' <= coalesce(g.unobserved_since, now()) AS due) AS x
		WHERE groups IS NULL OR m.group_id = ANY (groups)
		GROUP BY 1
	), changes AS (
		SELECT e.group_id, count(*) FILTER (WHERE e.kind = 'join') AS joins, count(*) FILTER (WHERE e.kind = 'leave') AS leaves,
			count(*) FILTER (WHERE e.at_precision IS DISTINCT FROM interval '0') AS inferred, max(e.occurred_at) AS last_change
		FROM wa.group_events AS e
		JOIN series AS s ON s.group_id = e.group_id
		WHERE (groups IS NULL OR e.group_id = ANY (groups)) AND e.kind IN ('join', 'leave') AND e.occurred_at >= "from" AND e.occurred_at < "to"
		GROUP BY 1
	), present AS (
		SELECT b.group_id, count(*) AS bots FROM wa.bot_groups AS b WHERE b.left_at IS NULL GROUP BY 1
	)
	SELECT s.group_id, s.label, CASE g.watch_level WHEN 'counts' THEN g.size ELSE coalesce(m.members, 0) END, coalesce(m.admins, 0),
		coalesce(p.bots, 0), coalesce(c.joins, 0), coalesce(c.leaves, 0), coalesce(c.joins - c.leaves, 0),
		wa_private.stat_percent(coalesce(c.joins - c.leaves, 0), b.members), wa_private.stat_percent(coalesce(c.leaves, 0), b.members),
		wa_private.stat_percent(m.kept_7, m.due_7), wa_private.stat_percent(c.inferred, c.joins + c.leaves), c.last_change, w.complete
	FROM series AS s
	JOIN wa.groups AS g ON g.group_id = s.group_id
	JOIN wa.group_completeness AS w ON w.group_id = s.group_id
	LEFT JOIN before AS b ON b.id = s.group_id
	LEFT JOIN stays AS m ON m.group_id = s.group_id
	LEFT JOIN changes AS c ON c.group_id = s.group_id
	LEFT JOIN present AS p ON p.group_id = s.group_id
	ORDER BY 3 DESC, 2, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_group_board(timestamptz, timestamptz, text, text) IS
'groups side by side: members now, joins and leaves of the range, growth and churn in percent of the members at its beginning, how many of those who joined stayed 7 days';

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
	first timestamptz;
	last timestamptz;
	the_bot bigint;
BEGIN
	SELECT min(s.since), max(s.until) INTO first, last FROM wa_private.stat_steps("from", "to", step) AS s;
	the_bot := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	RETURN QUERY
	WITH spans AS MATERIALIZED (
		SELECT x.* FROM wa_private.stat_bot_spans(first, last, bot) AS x
	), steps AS (
		SELECT s.since, s.until, extract(epoch FROM greatest(least(s.until, now()), s.since) - s.since) AS seconds
		FROM wa_private.stat_steps("from", "to", step) AS s
	), sums AS (
		SELECT s.since, b.bot_id, b.name, s.seconds,
			coalesce(sum(x.seconds) FILTER (WHERE x.status = 'online'), 0) AS online,
			coalesce(sum(x.seconds) FILTER (WHERE x.status <> 'online'), 0) AS offline
		FROM steps AS s
		CROSS JOIN wa.bots AS b
		LEFT JOIN LATERAL (
			SELECT p.status, extract(epoch FROM least(p.until, s.until) - greatest(p.since, s.since)) AS seconds
			FROM spans AS p
			WHERE p.bot_id = b.bot_id AND p.since < s.until AND p.until > s.since) AS x ON true
		WHERE the_bot IS NULL OR b.bot_id = the_bot
		GROUP BY 1, 2, 3, 4
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

CREATE FUNCTION wa.stat_bot_board("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL)
RETURNS TABLE (bot_id bigint, bot_name text, status text, groups bigint, people bigint, people_only_here bigint, joins bigint, leaves bigint,
	net bigint, percent_online numeric, outages bigint, last_online_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	the_bot bigint;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	the_bot := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	RETURN QUERY
	WITH places AS MATERIALIZED (
		SELECT x.bot_id, x.group_id FROM wa.bot_groups AS x WHERE x.left_at IS NULL
	), seen AS (
		SELECT m.user_id, min(p.bot_id) AS one, count(DISTINCT p.bot_id) AS n, array_agg(DISTINCT p.bot_id) AS bots
		FROM wa.memberships AS m
		JOIN places AS p ON p.group_id = m.group_id
		WHERE m.left_at IS NULL
		GROUP BY 1
	), reach AS (
		SELECT s.bot_id, count(*) AS people, count(*) FILTER (WHERE x.n = 1) AS alone
		FROM seen AS x
		CROSS JOIN LATERAL unnest(x.bots) AS s (bot_id)
		GROUP BY 1
	), places_of AS (
		SELECT p.bot_id, count(*) AS groups FROM places AS p GROUP BY 1
	), changes AS (
		SELECT s.id, count(*) FILTER (WHERE e.kind = 'join') AS joins, count(*) FILTER (WHERE e.kind = 'leave') AS leaves
		FROM wa_private.stat_series(NULL, bot, 'bot', "from") AS s
		JOIN wa.group_events AS e ON e.group_id = s.group_id
		WHERE e.kind IN ('join', 'leave') AND e.occurred_at >= "from" AND e.occurred_at < "to"
		GROUP BY 1
	), online AS (
		SELECT x.bot_id, sum(extract(epoch FROM x.until - x.since)) FILTER (WHERE x.status = 'online') AS seconds,
			sum(extract(epoch FROM x.until - x.since)) AS of_seconds
		FROM wa_private.stat_bot_spans("from", "to", bot) AS x
		GROUP BY 1
	), outages AS (
		SELECT o.bot_id, count(*) AS n FROM wa.stat_bot_outages("from", "to", bot) AS o GROUP BY 1
	)
	SELECT b.bot_id, b.name, b.status, coalesce(p.groups, 0), coalesce(r.people, 0), coalesce(r.alone, 0), coalesce(c.joins, 0),
		coalesce(c.leaves, 0), coalesce(c.joins - c.leaves, 0), wa_private.stat_percent(coalesce(u.seconds, 0), u.of_seconds),
		coalesce(o.n, 0), b.last_online_at
	FROM wa.bots AS b
	LEFT JOIN places_of AS p ON p.bot_id = b.bot_id
	LEFT JOIN reach AS r ON r.bot_id = b.bot_id
	LEFT JOIN changes AS c ON c.id = b.bot_id
	LEFT JOIN online AS u ON u.bot_id = b.bot_id
	LEFT JOIN outages AS o ON o.bot_id = b.bot_id
	WHERE the_bot IS NULL OR b.bot_id = the_bot
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
		SELECT m.group_id, count(*) AS members, count(*) FILTER (WHERE m.joined_precision IS NOT NULL) AS join_known,
			count(*) FILTER (WHERE EXISTS (SELECT FROM wa.user_ids AS i
				WHERE i.user_id = m.user_id AND i.kind = 'pn' AND i.current)) AS with_phone
		FROM wa.memberships AS m
		JOIN series AS s ON s.group_id = m.group_id
		WHERE m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
		GROUP BY 1
	), changes AS (
		SELECT e.group_id, count(*) AS events, count(*) FILTER (WHERE e.source = 'live') AS live,
			count(*) FILTER (WHERE e.source = 'snapshot') AS from_lists, count(*) FILTER (WHERE e.source = 'history') AS from_history,
			count(*) FILTER (WHERE e.at_precision IS DISTINCT FROM interval '0') AS inferred
		FROM wa.group_events AS e
		JOIN series AS s ON s.group_id = e.group_id
		WHERE (groups IS NULL OR e.group_id = ANY (groups)) AND e.kind IN ('join', 'leave') AND e.occurred_at >= "from" AND e.occurred_at < "to"
		GROUP BY 1
	)
	SELECT s.group_id, s.label, g.watch_level, w.complete, w.why_not, coalesce(p.members, 0), g.size,
		wa_private.stat_percent(p.with_phone, p.members), wa_private.stat_percent(p.join_known, p.members),
		coalesce(c.events, 0), coalesce(c.live, 0), coalesce(c.from_lists, 0), coalesce(c.from_history, 0),
		wa_private.stat_percent(c.inferred, c.events), g.listed_since, g.history_since
	FROM series AS s
	JOIN wa.groups AS g ON g.group_id = s.group_id
	JOIN wa.group_completeness AS w ON w.group_id = s.group_id
	LEFT JOIN present AS p ON p.group_id = s.group_id
	LEFT JOIN changes AS c ON c.group_id = s.group_id
	ORDER BY w.complete, s.label, s.group_id;
END
$$;
COMMENT ON FUNCTION wa.stat_quality(timestamptz, timestamptz, text, text) IS
'how far the numbers of each group can be trusted: whether its members are the server''s, of how many the phone number and the join are known, where joins and leaves of the range come from and how many have no exact time';
