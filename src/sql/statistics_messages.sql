/*
 * statistics_messages.sql
 *		Who writes when and how much, what comes back, and how messages arrive.
 *
 * What is stored counts (state stored), also when it was deleted for everybody;
 * what cannot be read, and what disappeared, does not.  Statistics of messages
 * are about groups, except where they speak of direct chats.
 *
 * Who wrote how much is asked of wa_private.said, where a query takes whole days
 * from the roll-up and the rest of its range from the messages.  Functions that
 * do little else set enable_indexscan = off: the days of the roll-up lie one after
 * the other, but what lies within a day has no order, so that a bitmap, which reads
 * a page once, is twice as fast as the index scan that the planner would take.
 */

/* The chats of the groups of a statistic, and to which line each belongs; see wa_private.stat_series(). */
CREATE FUNCTION wa_private.stat_chats("group" text, bot text, by text, since timestamptz)
RETURNS TABLE (chat_id bigint, group_id bigint, id bigint, label text) LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT c.chat_id, s.group_id, s.id, s.label
	FROM wa_private.stat_series("group", bot, by, since) AS s
	JOIN wa.chats AS c ON c.group_id = s.group_id;
END
$$;
COMMENT ON FUNCTION wa_private.stat_chats(text, text, text, timestamptz) IS 'which chats of groups belong to which line of a chart';

/* The chats that a statistic is restricted to, or null, like wa_private.stat_groups(). */
CREATE FUNCTION wa_private.stat_chat_list("group" text, bot text, since timestamptz)
RETURNS bigint[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF "group" IS NULL AND bot IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN ARRAY(SELECT s.chat_id FROM wa_private.stat_chats("group", bot, 'total', since) AS s);
END
$$;
COMMENT ON FUNCTION wa_private.stat_chat_list(text, text, timestamptz) IS 'the chats that a statistic is restricted to, null when it is not';

CREATE FUNCTION wa.stat_activity("from" timestamptz DEFAULT now() - interval '28 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (weekday integer, hour integer, messages bigint, percent numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	chats bigint[];
	whole record;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	chats := wa_private.stat_chat_list("group", bot, "from");
	-- the roll-up is of all groups together; the messages of some are found by their index
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to", chats IS NULL) AS w;
	RETURN QUERY
	WITH counted AS (
		SELECT x.weekday, x.hour, sum(x.messages)::bigint AS messages
		FROM (SELECT extract(isodow FROM d.day)::integer AS weekday, d.hour::integer AS hour, d.messages
			  FROM wa_private.message_hours_now AS d
			  WHERE d.day >= whole.first_day AND d.day < whole.last_day
			  UNION ALL
			  SELECT extract(isodow FROM wa_private.stat_day(m.sent_at, zone))::integer, extract(hour FROM m.sent_at AT TIME ZONE zone)::integer, 1
			  FROM wa.messages AS m
			  JOIN wa.chats AS c ON c.chat_id = m.chat_id AND c.kind = 'group'
			  WHERE whole.edges AND (m.sent_at >= "from" AND m.sent_at < whole.since OR m.sent_at >= whole.until AND m.sent_at < "to")
				AND m.state = 'stored' AND (chats IS NULL OR m.chat_id = ANY (chats))) AS x
		GROUP BY 1, 2
	)
	SELECT d.n, h.n, coalesce(c.messages, 0), wa_private.stat_percent(coalesce(c.messages, 0), sum(c.messages) OVER ())
	FROM generate_series(1, 7) AS d (n)
	CROSS JOIN generate_series(0, 23) AS h (n)
	LEFT JOIN counted AS c ON c.weekday = d.n AND c.hour = h.n
	ORDER BY d.n, h.n;
END
$$;
COMMENT ON FUNCTION wa.stat_activity(timestamptz, timestamptz, text, text) IS
'messages by weekday (1 Monday to 7 Sunday) and hour, a heat map of 168 rows; whole weeks compare best';

CREATE FUNCTION wa.stat_messages("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'day', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, messages bigint, people bigint, groups bigint, from_bots bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_indexscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	chats bigint[];
	whole record;
	first timestamptz;
	last timestamptz;
BEGIN
	SELECT min(s.since), max(s.until) INTO first, last FROM wa_private.stat_steps("from", "to", step) AS s;
	chats := wa_private.stat_chat_list("group", bot, first);
	-- all steps are whole days, or none; those of an hour are counted from the rows
	SELECT w.* INTO whole FROM wa_private.stat_whole_days(first, last, step <> 'hour') AS w;
	RETURN QUERY
	WITH lines AS (
		SELECT DISTINCT s.id, s.label FROM wa_private.stat_series("group", bot, by, first) AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), steps AS (
		SELECT s.n, s.since, s.until, wa_private.stat_day(s.since, zone) AS first_day, wa_private.stat_day(s.until, zone) AS last_day
		FROM wa_private.stat_steps("from", "to", step) AS s
	), counted AS (
		-- step by step: what is counted at once stays small, and fast
		SELECT t.n, c.*
		FROM steps AS t
		CROSS JOIN LATERAL (
			SELECT y.id, count(nullif(y.user_id, 0)) AS people, count(y.chat_id) AS groups,
				sum(y.messages) FILTER (WHERE y.chat_id IS NOT NULL)::bigint AS messages,
				sum(y.from_bots) FILTER (WHERE y.chat_id IS NOT NULL)::bigint AS from_bots
			FROM (
				-- everybody once, and every chat once
				SELECT s.id, x.user_id, x.chat_id, sum(x.messages) AS messages, sum(x.from_bots) AS from_bots
				FROM wa_private.said AS x
				JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
				JOIN (SELECT 0::bigint AS id, NULL::bigint AS group_id WHERE by = 'total'
					UNION ALL SELECT z.id, z.group_id FROM wa_private.stat_series("group", bot, by, first) AS z WHERE by <> 'total') AS s
					ON by = 'total' OR s.group_id = c.group_id
				WHERE (x.rolled_up AND NOT whole.edges AND x.day >= t.first_day AND x.day < t.last_day
					OR NOT x.rolled_up AND whole.edges AND x.sent_at >= t.since AND x.sent_at < t.until)
					AND (chats IS NULL OR x.chat_id = ANY (chats))
				GROUP BY GROUPING SETS ((1, 2), (1, 3))
				HAVING sum(x.messages) > 0) AS y
			GROUP BY 1) AS c
	)
	SELECT t.since, nullif(l.id, 0), l.label, coalesce(c.messages, 0), coalesce(c.people, 0), coalesce(c.groups, 0), coalesce(c.from_bots, 0)
	FROM lines AS l
	CROSS JOIN steps AS t
	LEFT JOIN counted AS c ON c.id = l.id AND c.n = t.n
	ORDER BY t.since, l.label, l.id;
END
$$;
COMMENT ON FUNCTION wa.stat_messages(timestamptz, timestamptz, text, text, text, text) IS
'messages in groups per step, of all, per group or per bot; people: who wrote; groups: in which something was written; from_bots: by the account of the bot that brought it';

CREATE FUNCTION wa.stat_active_members("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, daily bigint, weekly bigint, monthly bigint, percent_sticky numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_indexscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	chats bigint[];
	whole record;
	begins timestamptz[];
	first date;
	since timestamptz;
	last timestamptz;
BEGIN
	-- the first day's month began 29 days before it
	SELECT min(s.since) INTO since FROM wa_private.stat_steps("from", "to", 'day') AS s;
	SELECT array_agg(s.since ORDER BY s.n), max(s.until) INTO begins, last
	FROM wa_private.stat_steps(((since AT TIME ZONE zone) - interval '29 days') AT TIME ZONE zone, greatest("to", since), 'day') AS s;
	first := wa_private.stat_day(begins[1], zone);
	chats := wa_private.stat_chat_list("group", bot, since);
	SELECT w.* INTO whole FROM wa_private.stat_whole_days(begins[1], last) AS w;
	RETURN QUERY
	WITH lines AS (
		SELECT DISTINCT s.id, s.label FROM wa_private.stat_series("group", bot, by, since) AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), said AS (
		-- sorted once, for the sums and for the spans
		SELECT x.user_id AS sender, s.id, coalesce(x.day, wa_private.stat_day(x.sent_at, zone)) AS day, x.messages
		FROM wa_private.said AS x
		JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		JOIN (SELECT 0::bigint AS id, NULL::bigint AS group_id WHERE by = 'total'
			UNION ALL SELECT y.id, y.group_id FROM wa_private.stat_series("group", bot, by, since) AS y WHERE by <> 'total') AS s
			ON by = 'total' OR s.group_id = c.group_id
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND (x.sent_at >= begins[1] AND x.sent_at < whole.since OR x.sent_at >= whole.until AND x.sent_at < last))
			AND (chats IS NULL OR x.chat_id = ANY (chats))
			AND x.user_id <> 0
		ORDER BY 1, 2, 3
		OFFSET 0
	), days AS (
		SELECT x.sender, x.id, x.day
		FROM said AS x
		GROUP BY 1, 2, 3
		HAVING sum(x.messages) > 0
	), spans AS (
		-- a day counts until the same person's next one, so that nobody counts twice
		SELECT d.id, d.day, lead(d.day) OVER (PARTITION BY d.sender, d.id ORDER BY d.day) AS next FROM days AS d
	), alike AS (
		SELECT s.id, s.day, s.next, count(*) AS people FROM spans AS s GROUP BY 1, 2, 3
	), changes AS (
		SELECT s.id, x.day - first + 1 AS n, sum(x.daily * s.people) AS daily, sum(x.weekly * s.people) AS weekly, sum(x.monthly * s.people) AS monthly
		FROM alike AS s
		CROSS JOIN LATERAL (VALUES (s.day, 1, 1, 1), (s.day + 1, -1, 0, 0), (least(s.day + 7, s.next), 0, -1, 0),
			(least(s.day + 30, s.next), 0, 0, -1)) AS x (day, daily, weekly, monthly)
		GROUP BY 1, 2
	), running AS (
		SELECT t.since, t.n, l.id, l.label, sum(c.daily) OVER w AS daily, sum(c.weekly) OVER w AS weekly, sum(c.monthly) OVER w AS monthly
		FROM lines AS l
		CROSS JOIN unnest(begins) WITH ORDINALITY AS t (since, n)
		LEFT JOIN changes AS c ON c.id = l.id AND c.n = t.n
		WINDOW w AS (PARTITION BY l.id ORDER BY t.n)
	)
	SELECT r.since, nullif(r.id, 0), r.label, coalesce(r.daily, 0)::bigint, coalesce(r.weekly, 0)::bigint, coalesce(r.monthly, 0)::bigint,
		wa_private.stat_percent(r.daily, r.monthly)
	FROM running AS r
	WHERE r.n > 29
	ORDER BY r.since, r.label, r.id;
END
$$;
COMMENT ON FUNCTION wa.stat_active_members(timestamptz, timestamptz, text, text, text) IS
'people who wrote on each day, in the 7 and in the 30 days that end with it; percent_sticky: daily in percent of monthly';

CREATE FUNCTION wa.stat_participation("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (group_id bigint, group_subject text, members bigint, wrote bigint, silent bigint, percent_silent numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	chats bigint[];
	whole record;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	chats := wa_private.stat_chat_list("group", bot, "from");
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to") AS w;
	RETURN QUERY
	WITH wrote AS (
		-- in the order in which memberships are found
		SELECT c.group_id, x.user_id AS sender
		FROM wa_private.said AS x
		JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND (x.sent_at >= "from" AND x.sent_at < whole.since OR x.sent_at >= whole.until AND x.sent_at < "to"))
			AND (chats IS NULL OR x.chat_id = ANY (chats))
		GROUP BY 1, 2
		HAVING sum(x.messages) > 0
		ORDER BY 1, 2
		OFFSET 0
	), spoke AS (
		SELECT w.group_id, count(*) AS members
		FROM wrote AS w
		JOIN wa.memberships AS m ON m.group_id = w.group_id AND m.user_id = w.sender AND m.left_at IS NULL
		GROUP BY 1
	), present AS (
		-- at the end of time who is there now
		SELECT d.group_id, sum(d.members)::bigint AS members
		FROM wa_private.member_days_now AS d
		WHERE d.day = 'infinity'
		GROUP BY 1
	)
	SELECT g.group_id, coalesce(g.subject, g.jid), coalesce(p.members, 0), coalesce(s.members, 0), coalesce(p.members, 0) - coalesce(s.members, 0),
		wa_private.stat_percent(p.members - coalesce(s.members, 0), p.members)
	FROM wa.groups AS g
	JOIN wa.chats AS c ON c.group_id = g.group_id
	LEFT JOIN present AS p ON p.group_id = g.group_id
	LEFT JOIN spoke AS s ON s.group_id = g.group_id
	WHERE g.watch_level = 'messages' AND (chats IS NULL OR c.chat_id = ANY (chats))
	ORDER BY 3 DESC, 2, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_participation(timestamptz, timestamptz, text, text) IS
'how many of the members of now wrote in the range and how many are silent, per group whose messages are stored';

CREATE FUNCTION wa.stat_silent_members("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 100)
RETURNS TABLE (group_id bigint, group_subject text, user_id bigint, name text, role text, joined_at timestamptz)
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
	PERFORM wa_private.stat_check_limit("limit");
	groups := wa_private.stat_groups("group", bot, "from");
	RETURN QUERY
	-- many are silent: asked one by one in their order, some are soon found
	WITH present AS (
		SELECT c.chat_id, m.group_id, coalesce(g.subject, g.jid) AS label, m.user_id, m.role, m.joined_at
		FROM wa.memberships AS m
		JOIN wa.groups AS g ON g.group_id = m.group_id AND g.watch_level = 'messages'
		JOIN wa.chats AS c ON c.group_id = m.group_id
		WHERE m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
		ORDER BY m.joined_at, m.group_id, m.user_id
		OFFSET 0
	), silent AS (
		SELECT x.*
		FROM present AS x
		LEFT JOIN LATERAL (
			SELECT true AS wrote
			FROM wa.messages AS m
			WHERE m.chat_id = x.chat_id AND m.sender = x.user_id AND m.sent_at >= "from" AND m.sent_at < "to" AND m.state = 'stored'
			LIMIT 1) AS w ON true
		WHERE w.wrote IS NULL
		ORDER BY x.joined_at, x.group_id, x.user_id
		LIMIT "limit"
	)
	SELECT x.group_id, x.label, x.user_id, p.name, x.role, x.joined_at
	FROM silent AS x
	JOIN wa.people AS p ON p.user_id = x.user_id
	ORDER BY x.joined_at, x.group_id, x.user_id;
END
$$;
COMMENT ON FUNCTION wa.stat_silent_members(timestamptz, timestamptz, text, text, integer) IS
'members of now who wrote nothing in the range, the oldest members first, of groups whose messages are stored';

CREATE FUNCTION wa.stat_message_kinds("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (kind text, messages bigint, percent numeric, forwarded bigint, edited bigint, deleted bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	chats bigint[];
	whole record;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	chats := wa_private.stat_chat_list("group", bot, "from");
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to", chats IS NULL) AS w;
	RETURN QUERY
	SELECT x.kind, sum(x.messages)::bigint, wa_private.stat_percent(sum(x.messages), sum(sum(x.messages)) OVER ()),
		sum(x.forwarded)::bigint, sum(x.edited)::bigint, sum(x.deleted)::bigint
	FROM (SELECT d.kind, d.messages, d.forwarded, d.edited, d.deleted
		  FROM wa_private.message_hours_now AS d
		  WHERE d.day >= whole.first_day AND d.day < whole.last_day
		  UNION ALL
		  SELECT coalesce(m.kind, 'unknown'), 1, m.is_forwarded::integer, (m.edited_at IS NOT NULL)::integer, (m.revoked_at IS NOT NULL)::integer
		  FROM wa.messages AS m
		  JOIN wa.chats AS c ON c.chat_id = m.chat_id AND c.kind = 'group'
		  WHERE whole.edges AND (m.sent_at >= "from" AND m.sent_at < whole.since OR m.sent_at >= whole.until AND m.sent_at < "to")
			AND m.state = 'stored' AND (chats IS NULL OR m.chat_id = ANY (chats))) AS x
	GROUP BY 1
	HAVING sum(x.messages) > 0
	ORDER BY 2 DESC, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_message_kinds(timestamptz, timestamptz, text, text) IS
'messages of each kind with their share, and how many were forwarded, edited, deleted for everybody';

CREATE FUNCTION wa.stat_concentration("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, by text DEFAULT 'total', top integer DEFAULT 10)
RETURNS TABLE (id bigint, label text, messages bigint, speakers bigint, top_messages bigint, percent_top numeric, gini numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_indexscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	chats bigint[];
	whole record;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	PERFORM wa_private.stat_check_limit(top);
	chats := wa_private.stat_chat_list("group", bot, "from");
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to") AS w;
	RETURN QUERY
	WITH lines AS (
		SELECT DISTINCT s.id, s.label FROM wa_private.stat_series("group", bot, by, "from") AS s
	), speakers AS (
		SELECT s.id, x.user_id AS sender, sum(x.messages) AS messages
		FROM wa_private.said AS x
		JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		JOIN (SELECT 0::bigint AS id, NULL::bigint AS group_id WHERE by = 'total'
			UNION ALL SELECT y.id, y.group_id FROM wa_private.stat_series("group", bot, by, "from") AS y WHERE by <> 'total') AS s
			ON by = 'total' OR s.group_id = c.group_id
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND (x.sent_at >= "from" AND x.sent_at < whole.since OR x.sent_at >= whole.until AND x.sent_at < "to"))
			AND (chats IS NULL OR x.chat_id = ANY (chats))
			AND x.user_id <> 0
		GROUP BY 1, 2
		HAVING sum(x.messages) > 0
	), alike AS (
		-- those who wrote as much are counted together; upto: how many wrote that much or less
		SELECT s.id, s.messages, count(*) AS people, sum(count(*)) OVER (PARTITION BY s.id ORDER BY s.messages) AS upto,
			sum(count(*)) OVER (PARTITION BY s.id) AS speakers
		FROM speakers AS s
		GROUP BY 1, 2
	), counted AS (
		SELECT a.id, sum(a.messages * a.people) AS messages, max(a.speakers) AS speakers,
			sum(a.messages * greatest(least(a.people, top - (a.speakers - a.upto)), 0)) AS top,
			-- their places in rising order, times what each of them wrote
			sum(a.messages * a.people * (2 * a.upto - a.people + 1) / 2) AS placed
		FROM alike AS a
		GROUP BY 1
	)
	SELECT nullif(l.id, 0), l.label, c.messages::bigint, c.speakers::bigint, c.top::bigint, wa_private.stat_percent(c.top, c.messages),
		-- of x in rising order: 2 * sum(i * x) / (n * sum(x)) - (n + 1) / n
		round(2 * c.placed / (c.speakers * c.messages) - (c.speakers + 1)::numeric / c.speakers, 4)
	FROM counted AS c
	JOIN lines AS l ON l.id = c.id
	ORDER BY 3 DESC, 2, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_concentration(timestamptz, timestamptz, text, text, text, integer) IS
'how evenly people speak: share of the top speakers, and Gini coefficient over those who wrote (0 all alike, near 1 one writes everything)';

CREATE FUNCTION wa.stat_speakers("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 20)
RETURNS TABLE (user_id bigint, name text, messages bigint, percent numeric, groups bigint, active_days bigint, last_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_indexscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	chats bigint[];
	whole record;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	PERFORM wa_private.stat_check_limit("limit");
	chats := wa_private.stat_chat_list("group", bot, "from");
	SELECT w.* INTO whole FROM wa_private.stat_whole_days("from", "to") AS w;
	RETURN QUERY
	WITH said AS NOT MATERIALIZED (
		SELECT x.user_id AS sender, x.chat_id, coalesce(x.day, wa_private.stat_day(x.sent_at, zone)) AS day, x.messages
		FROM wa_private.said AS x
		JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND (x.sent_at >= "from" AND x.sent_at < whole.since OR x.sent_at >= whole.until AND x.sent_at < "to"))
			AND (chats IS NULL OR x.chat_id = ANY (chats))
	), spoke AS (
		SELECT s.sender, sum(s.messages) AS messages, sum(sum(s.messages)) OVER () AS of_all
		FROM said AS s
		GROUP BY 1
		HAVING sum(s.messages) > 0
	), first AS (
		SELECT s.* FROM spoke AS s WHERE s.sender <> 0 ORDER BY s.messages DESC, s.sender LIMIT "limit"
	), days AS (
		SELECT s.sender, s.chat_id, s.day
		FROM first AS f
		JOIN said AS s ON s.sender = f.sender
		GROUP BY 1, 2, 3
		HAVING sum(s.messages) > 0
	), best AS (
		SELECT f.*, d.groups, d.active_days
		FROM first AS f
		JOIN (SELECT x.sender, count(DISTINCT x.chat_id) AS groups, count(DISTINCT x.day) AS active_days FROM days AS x GROUP BY 1) AS d ON d.sender = f.sender
	)
	SELECT b.sender, p.name, b.messages, wa_private.stat_percent(b.messages, b.of_all), b.groups, b.active_days, l.last_at
	FROM best AS b
	LEFT JOIN wa.people AS p ON p.user_id = b.sender
	CROSS JOIN LATERAL (
		SELECT max(m.sent_at) AS last_at
		FROM wa.messages AS m
		JOIN wa.chats AS c ON c.chat_id = m.chat_id AND c.kind = 'group'
		WHERE m.sender = b.sender AND m.state = 'stored' AND m.sent_at >= "from" AND m.sent_at < "to" AND (chats IS NULL OR m.chat_id = ANY (chats))) AS l
	ORDER BY b.messages DESC, b.sender;
END
$$;
COMMENT ON FUNCTION wa.stat_speakers(timestamptz, timestamptz, text, text, integer) IS
'who wrote most in groups: messages and their share of all, in how many groups, on how many days, when last';

/*
 * No message sent since a time has a smaller number.  What history brings late
 * has a larger one, so there is nothing like it for the other end.  The first
 * one of each partition is found at once.
 */
CREATE FUNCTION wa_private.stat_oldest_message(since timestamptz)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT min(m.message_id) FROM wa.messages AS m
		WHERE m.sent_at >= date_trunc('month', since, 'UTC')), 9223372036854775807);
END
$$;
COMMENT ON FUNCTION wa_private.stat_oldest_message(timestamptz) IS 'no message sent since a time has a smaller number';

CREATE FUNCTION wa.stat_reactions("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, step text DEFAULT 'day', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, messages bigint, reacted bigint, reactions bigint, percent_reacted numeric,
	per_message numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	chats bigint[];
	together boolean;
	whole record;
	oldest bigint;
	begins timestamptz[];
	days date[];
	first timestamptz;
	last timestamptz;
BEGIN
	SELECT array_agg(s.since ORDER BY s.n), array_agg(wa_private.stat_day(s.since, zone) ORDER BY s.n), min(s.since), max(s.until)
	INTO begins, days, first, last
	FROM wa_private.stat_steps("from", "to", step) AS s;
	chats := wa_private.stat_chat_list("group", bot, first);
	together := by IS NOT DISTINCT FROM 'total' AND chats IS NULL;
	SELECT w.* INTO whole FROM wa_private.stat_whole_days(first, last, step <> 'hour') AS w;
	oldest := wa_private.stat_oldest_message(first);
	RETURN QUERY
	WITH lines AS (
		SELECT DISTINCT s.id, s.label FROM wa_private.stat_series("group", bot, by, first) AS s
		UNION SELECT 0, 'all' WHERE by = 'total'
	), counted AS (
		-- of all groups together there are sums
		SELECT 0::bigint AS id, width_bucket(d.day, days) AS n, sum(d.messages)::bigint AS messages
		FROM wa_private.message_hours_now AS d
		WHERE together AND d.day >= whole.first_day AND d.day < whole.last_day
		GROUP BY 2
		HAVING sum(d.messages) > 0
		UNION ALL
		SELECT s.id, coalesce(width_bucket(x.sent_at, begins), width_bucket(x.day, days)), sum(x.messages)
		FROM wa_private.said AS x
		JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		JOIN (SELECT 0::bigint AS id, NULL::bigint AS group_id WHERE by = 'total'
			UNION ALL SELECT y.id, y.group_id FROM wa_private.stat_series("group", bot, by, first) AS y WHERE by <> 'total') AS s
			ON by = 'total' OR s.group_id = c.group_id
		WHERE (x.rolled_up AND NOT together AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND x.sent_at >= first AND x.sent_at < last)
			AND (chats IS NULL OR x.chat_id = ANY (chats))
		GROUP BY 1, 2
		HAVING sum(x.messages) > 0
	), unreadable AS (
		SELECT m.message_id FROM wa.messages AS m WHERE m.state <> 'stored' AND m.sent_at >= first AND m.sent_at < last
	), answers AS (
		SELECT x.chat_id, coalesce(width_bucket(x.sent_at, begins), width_bucket(x.day, days)) AS n, x.message_id, sum(x.reactions) AS reactions
		FROM wa_private.reacted AS x
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND x.sent_at >= first AND x.sent_at < last AND x.message_id >= oldest)
			AND (chats IS NULL OR x.chat_id = ANY (chats))
			AND NOT EXISTS (SELECT FROM unreadable AS u WHERE u.message_id = x.message_id)
		GROUP BY 1, 2, 3
		HAVING sum(x.reactions) > 0
	), answered AS (
		SELECT s.id, a.n, count(*) AS reacted, sum(a.reactions)::bigint AS reactions
		FROM answers AS a
		JOIN wa_private.stat_chats("group", bot, by, first) AS s ON s.chat_id = a.chat_id
		GROUP BY 1, 2
	)
	SELECT t.since, nullif(l.id, 0), l.label, coalesce(c.messages, 0), coalesce(a.reacted, 0), coalesce(a.reactions, 0),
		wa_private.stat_percent(coalesce(a.reacted, 0), c.messages), round(coalesce(a.reactions, 0)::numeric / c.messages, 2)
	FROM lines AS l
	CROSS JOIN unnest(begins) WITH ORDINALITY AS t (since, n)
	LEFT JOIN counted AS c ON c.id = l.id AND c.n = t.n
	LEFT JOIN answered AS a ON a.id = l.id AND a.n = t.n
	ORDER BY t.since, l.label, l.id;
END
$$;
COMMENT ON FUNCTION wa.stat_reactions(timestamptz, timestamptz, text, text, text, text) IS
'reactions to the messages sent in each step, whenever they came: how many messages have some, and how many there are per message';

CREATE FUNCTION wa.stat_most_reacted("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 20)
RETURNS TABLE (message_id bigint, sent_at timestamptz, group_id bigint, group_subject text, sender bigint, sender_name text, kind text,
	reactions bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	chats bigint[];
	whole record;
	oldest bigint;
BEGIN
	PERFORM wa_private.stat_check_limit("limit");
	-- all days that the range touches
	SELECT w.* INTO whole
	FROM (SELECT min(s.since) AS since, max(s.until) AS until FROM wa_private.stat_steps("from", "to", 'day') AS s) AS s
	CROSS JOIN LATERAL wa_private.stat_whole_days(s.since, s.until) AS w;
	chats := wa_private.stat_chat_list("group", bot, "from");
	oldest := wa_private.stat_oldest_message("from");
	RETURN QUERY
	-- looked at one by one in their order, until there are enough of the range
	WITH answers AS (
		SELECT x.message_id, sum(x.reactions)::bigint AS reactions
		FROM wa_private.reacted AS x
		WHERE (x.rolled_up AND x.day >= whole.first_day AND x.day < whole.last_day
			OR NOT x.rolled_up AND whole.edges AND x.sent_at >= "from" AND x.sent_at < "to" AND x.message_id >= oldest)
			AND (chats IS NULL OR x.chat_id = ANY (chats))
		GROUP BY 1
		HAVING sum(x.reactions) > 0
		ORDER BY 2 DESC, 1
		OFFSET 0
	), best AS (
		SELECT a.message_id, m.*, a.reactions
		FROM answers AS a
		CROSS JOIN LATERAL (
			SELECT x.sent_at, g.group_id, coalesce(g.subject, g.jid) AS label, x.sender, x.kind
			FROM wa.messages AS x
			JOIN wa.chats AS c ON c.chat_id = x.chat_id
			JOIN wa.groups AS g ON g.group_id = c.group_id
			WHERE x.message_id = a.message_id AND x.state = 'stored' AND x.sent_at >= "from" AND x.sent_at < "to"
			LIMIT 1) AS m
		ORDER BY a.reactions DESC, a.message_id
		LIMIT "limit"
	)
	SELECT b.message_id, b.sent_at, b.group_id, b.label, b.sender, p.name, b.kind, b.reactions
	FROM best AS b
	LEFT JOIN wa.people AS p ON p.user_id = b.sender
	ORDER BY b.reactions DESC, b.message_id;
END
$$;
COMMENT ON FUNCTION wa.stat_most_reacted(timestamptz, timestamptz, text, text, integer) IS
'messages of groups to which most people reacted';

CREATE FUNCTION wa.stat_polls("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 100)
RETURNS TABLE (message_id bigint, sent_at timestamptz, group_id bigint, group_subject text, sender bigint, sender_name text, members bigint,
	voters bigint, percent_turnout numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	chats bigint[];
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	PERFORM wa_private.stat_check_limit("limit");
	chats := wa_private.stat_chat_list("group", bot, "from");
	RETURN QUERY
	SELECT m.message_id, m.sent_at, m.group_id, coalesce(g.subject, g.jid), m.sender, p.name, e.members, v.voters,
		wa_private.stat_percent(e.voted, e.members)
	FROM (SELECT x.message_id, x.sent_at, c.group_id, x.sender
		  FROM wa.messages AS x
		  JOIN wa.chats AS c ON c.chat_id = x.chat_id AND c.kind = 'group'
		  WHERE (chats IS NULL OR x.chat_id = ANY (chats)) AND x.kind = 'poll' AND x.state = 'stored' AND x.sent_at >= "from" AND x.sent_at < "to"
		  ORDER BY x.sent_at DESC, x.message_id
		  LIMIT "limit") AS m
	JOIN wa.groups AS g ON g.group_id = m.group_id
	LEFT JOIN wa.people AS p ON p.user_id = m.sender
	CROSS JOIN LATERAL (SELECT count(*) AS voters, array_agg(r.user_id) AS list
		FROM wa.message_responses AS r WHERE r.how = 'vote' AND r.message_id = m.message_id) AS v
	CROSS JOIN LATERAL (
		SELECT count(DISTINCT x.user_id) AS members, count(DISTINCT x.user_id) FILTER (WHERE x.user_id = ANY (v.list)) AS voted
		FROM wa.memberships AS x
		WHERE x.group_id = m.group_id AND (x.left_at IS NULL OR x.left_at > m.sent_at)
			AND (x.joined_at <= m.sent_at OR x.joined_precision IS NULL AND x.join_event_id IS NULL)) AS e
	ORDER BY m.sent_at DESC, m.message_id;
END
$$;
COMMENT ON FUNCTION wa.stat_polls(timestamptz, timestamptz, text, text, integer) IS
'polls of groups, the newest first: members when it was sent, people who have voted, and the turnout of those members in percent';

CREATE FUNCTION wa.stat_first_response("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL, step text DEFAULT 'day', by text DEFAULT 'total')
RETURNS TABLE ("time" timestamptz, id bigint, label text, asked bigint, answered bigint, percent_answered numeric, median interval,
	percentile_90 interval, longest interval)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	zone text := wa_private.stat_timezone();
	the_bot bigint := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	begins timestamptz[];
	first timestamptz;
	last timestamptz;
BEGIN
	IF by IS NULL OR by NOT IN ('total', 'bot', 'chat') THEN
		RAISE EXCEPTION 'a statistic of direct chats cannot be divided by %', coalesce(quote_literal(left(by, 40)), 'null')
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It can be divided by total, bot or chat.';
	END IF;
	SELECT array_agg(s.since ORDER BY s.n), min(s.since), max(s.until) INTO begins, first, last
	FROM wa_private.stat_steps("from", "to", step) AS s;
	RETURN QUERY
	WITH asked AS (
		SELECT m.chat_id, c.bot_id, c.user_id, min(m.sent_at) AS at
		FROM wa.chats AS c
		JOIN wa.messages AS m ON m.chat_id = c.chat_id
		WHERE c.kind = 'direct' AND (the_bot IS NULL OR c.bot_id = the_bot) AND NOT m.from_me AND m.state = 'stored'
			AND m.sent_at >= first AND m.sent_at < last
		GROUP BY 1, 2, 3, (m.sent_at AT TIME ZONE zone)::date
	), waits AS (
		SELECT a.*, r.sent_at - a.at AS wait
		FROM asked AS a
		LEFT JOIN LATERAL (
			SELECT m.sent_at
			FROM wa.messages AS m
			WHERE m.chat_id = a.chat_id AND m.from_me AND m.state = 'stored' AND m.sent_at >= a.at
			ORDER BY m.sent_at
			LIMIT 1) AS r ON true
	), counted AS (
		SELECT width_bucket(w.at, begins) AS n, CASE by WHEN 'bot' THEN w.bot_id WHEN 'chat' THEN w.chat_id ELSE 0 END AS id,
			CASE by WHEN 'chat' THEN w.user_id END AS user_id, count(*) AS asked, count(w.wait) AS answered,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY w.wait) AS median, percentile_cont(0.9) WITHIN GROUP (ORDER BY w.wait) AS percentile_90,
			max(w.wait) AS longest
		FROM waits AS w
		GROUP BY 1, 2, 3
	), lines AS (
		SELECT 0::bigint AS id, 'all' AS label WHERE by = 'total'
		UNION ALL
		SELECT b.bot_id, b.name FROM wa.bots AS b WHERE by = 'bot' AND (the_bot IS NULL OR b.bot_id = the_bot)
		UNION ALL
		SELECT x.id, coalesce(p.name, 'person ' || x.user_id)
		FROM (SELECT DISTINCT c.id, c.user_id FROM counted AS c WHERE by = 'chat') AS x
		LEFT JOIN wa.people AS p ON p.user_id = x.user_id
	)
	SELECT t.since, nullif(l.id, 0), l.label, coalesce(c.asked, 0), coalesce(c.answered, 0), wa_private.stat_percent(c.answered, c.asked),
		c.median, c.percentile_90, c.longest
	FROM lines AS l
	CROSS JOIN unnest(begins) WITH ORDINALITY AS t (since, n)
	LEFT JOIN counted AS c ON c.id = l.id AND c.n = t.n
	WHERE by <> 'chat' OR c.asked > 0
	ORDER BY t.since, l.label, l.id;
END
$$;
COMMENT ON FUNCTION wa.stat_first_response(timestamptz, timestamptz, text, text, text) IS
'how long people waited in direct chats: from their first message of each day to the next one of the bot''s account, of all, per bot or per chat';

CREATE FUNCTION wa.stat_pipeline("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	bot text DEFAULT NULL, step text DEFAULT 'day')
RETURNS TABLE ("time" timestamptz, bot_id bigint, bot_name text, messages bigint, stored bigint, recovered bigint, pending bigint,
	lost bigint, unavailable bigint, rejected bigint, percent_unreadable numeric, mean_delay interval)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	the_bot bigint := CASE WHEN bot IS NOT NULL THEN wa_private.stat_bot(bot) END;
	zone text := wa_private.stat_timezone();
	whole record;
	begins timestamptz[];
	days date[];
	first timestamptz;
	last timestamptz;
BEGIN
	SELECT array_agg(s.since ORDER BY s.n), array_agg(wa_private.stat_day(s.since, zone) ORDER BY s.n), min(s.since), max(s.until)
	INTO begins, days, first, last
	FROM wa_private.stat_steps("from", "to", step) AS s;
	-- all steps are whole days, or none; those of an hour are counted from the rows
	SELECT w.* INTO whole FROM wa_private.stat_whole_days(first, last, step <> 'hour') AS w;
	RETURN QUERY
	WITH told AS (
		SELECT d.bot_id, width_bucket(d.day, days) AS n, d.messages, d.stored, d.recovered, d.pending, d.lost, d.unavailable, d.prompt, d.delay
		FROM wa_private.arrival_days_now AS d
		WHERE d.day >= whole.first_day AND d.day < whole.last_day AND (the_bot IS NULL OR d.bot_id = the_bot)
		UNION ALL
		SELECT m.bot_id, width_bucket(m.sent_at, begins), 1, (m.state = 'stored')::integer, (m.state = 'stored' AND m.origin IN ('retry', 'phone'))::integer,
			(m.state = 'pending')::integer, (m.state = 'lost')::integer, (m.state = 'unavailable')::integer, x.prompt::integer,
			CASE WHEN x.prompt THEN (extract(epoch FROM m.received_at - m.sent_at) * 1000)::bigint END
		FROM wa.messages AS m
		CROSS JOIN LATERAL (SELECT m.origin = 'live' AND NOT m.was_offline AS prompt) AS x
		WHERE whole.edges AND m.sent_at >= first AND m.sent_at < last AND (the_bot IS NULL OR m.bot_id = the_bot)
	), arrived AS (
		SELECT t.bot_id, t.n, sum(t.messages)::bigint AS messages, sum(t.stored)::bigint AS stored, sum(t.recovered)::bigint AS recovered,
			sum(t.pending)::bigint AS pending, sum(t.lost)::bigint AS lost, sum(t.unavailable)::bigint AS unavailable,
			make_interval(secs => (sum(t.delay) / nullif(sum(t.prompt), 0) / 1000)::double precision) AS delay
		FROM told AS t
		GROUP BY 1, 2
	), rejects AS (
		SELECT r.bot_id, width_bucket(r.rejected_at, begins) AS n, count(r.rejected_id) AS rejected
		FROM wa.rejected AS r
		WHERE (the_bot IS NULL OR r.bot_id = the_bot) AND r.rejected_at >= first AND r.rejected_at < last
		GROUP BY 1, 2
	)
	SELECT t.since, b.bot_id, b.name, coalesce(a.messages, 0), coalesce(a.stored, 0), coalesce(a.recovered, 0), coalesce(a.pending, 0),
		coalesce(a.lost, 0), coalesce(a.unavailable, 0), coalesce(r.rejected, 0), wa_private.stat_percent(a.pending + a.lost, a.messages), a.delay
	FROM wa.bots AS b
	CROSS JOIN unnest(begins) WITH ORDINALITY AS t (since, n)
	LEFT JOIN arrived AS a ON a.bot_id = b.bot_id AND a.n = t.n
	LEFT JOIN rejects AS r ON r.bot_id = b.bot_id AND r.n = t.n
	WHERE the_bot IS NULL OR b.bot_id = the_bot
	ORDER BY t.since, b.name, b.bot_id;
END
$$;
COMMENT ON FUNCTION wa.stat_pipeline(timestamptz, timestamptz, text, text) IS
'what became of the messages that each bot brought first, of groups and direct chats; recovered: read at a later try; mean_delay: of what came live, from sending to here';
