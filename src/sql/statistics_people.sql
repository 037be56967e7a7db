/*
 * statistics_people.sql
 *		How people come, stay and go: ways of joining, inviters, links, requests,
 *		lengths of stay; and in how many groups they are.
 *
 * Ranges are exact here: from is included, to is not.
 */

CREATE FUNCTION wa.stat_kinds("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (direction text, how text, events bigint, percent numeric, inferred bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	RETURN QUERY
	SELECT e.kind, e.how, sum(e.events)::bigint, wa_private.stat_percent(sum(e.events), sum(sum(e.events)) OVER (PARTITION BY e.kind)),
		coalesce(sum(e.events) FILTER (WHERE e.inferred), 0)::bigint
	FROM wa_private.stat_events("from", "to", coalesce(wa_private.stat_groups("group", bot, "from"), '{0}')) AS e
	GROUP BY 1, 2
	ORDER BY 1, 3 DESC, 2;
END
$$;
COMMENT ON FUNCTION wa.stat_kinds(timestamptz, timestamptz, text, text) IS
'how people joined and left: number and share of each way; inferred: of these, without an exact time';

CREATE FUNCTION wa.stat_sources("from" timestamptz DEFAULT now() - interval '30 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (source text, events bigint, percent numeric, inferred bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	RETURN QUERY
	SELECT e.source, sum(e.events)::bigint, wa_private.stat_percent(sum(e.events), sum(sum(e.events)) OVER ()),
		coalesce(sum(e.events) FILTER (WHERE e.inferred), 0)::bigint
	FROM wa_private.stat_events("from", "to", coalesce(wa_private.stat_groups("group", bot, "from"), '{0}')) AS e
	GROUP BY 1
	ORDER BY 2 DESC, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_sources(timestamptz, timestamptz, text, text) IS
'where joins and leaves come from: number and share of those seen live, found in lists of members (snapshot) or told by history; inferred: of these, without an exact time';

CREATE FUNCTION wa.stat_inviters("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 20)
RETURNS TABLE (user_id bigint, name text, brought bigint, still_in bigint, due_7 bigint, kept_7 bigint, percent_7 numeric, due_30 bigint,
	kept_30 bigint, percent_30 numeric)
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
	PERFORM wa_private.stat_check_limit("limit");
	RETURN QUERY
	WITH brought AS (
		SELECT m.inviter, m.left_at, m.joined_at + interval '168 hours' AS day_7, m.joined_at + interval '720 hours' AS day_30,
			coalesce(g.unobserved_since, now()) AS seen_until
		FROM wa.memberships AS m
		JOIN wa.groups AS g ON g.group_id = m.group_id
		WHERE (groups IS NULL OR m.group_id = ANY (groups)) AND m.inviter IS NOT NULL AND m.joined_at >= "from" AND m.joined_at < "to"
	), best AS (
		SELECT b.inviter, count(*) AS brought, count(*) FILTER (WHERE b.left_at IS NULL) AS still_in,
			count(*) FILTER (WHERE b.day_7 <= b.seen_until) AS due_7,
			count(*) FILTER (WHERE b.day_7 <= b.seen_until AND (b.left_at IS NULL OR b.left_at > b.day_7)) AS kept_7,
			count(*) FILTER (WHERE b.day_30 <= b.seen_until) AS due_30,
			count(*) FILTER (WHERE b.day_30 <= b.seen_until AND (b.left_at IS NULL OR b.left_at > b.day_30)) AS kept_30
		FROM brought AS b
		GROUP BY 1
		ORDER BY 2 DESC, 1
		LIMIT "limit"
	)
	SELECT b.inviter, p.name, b.brought, b.still_in, b.due_7, b.kept_7, wa_private.stat_percent(b.kept_7, b.due_7), b.due_30,
		b.kept_30, wa_private.stat_percent(b.kept_30, b.due_30)
	FROM best AS b
	JOIN wa.people AS p ON p.user_id = b.inviter
	ORDER BY b.brought DESC, b.inviter;
END
$$;
COMMENT ON FUNCTION wa.stat_inviters(timestamptz, timestamptz, text, text, integer) IS
'who added or approved most people, and how many of those are still there, or were after 7 and 30 days; due: brought that long ago';

CREATE FUNCTION wa.stat_invite_links("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (group_id bigint, group_subject text, link_id bigint, valid_from timestamptz, valid_until timestamptz, made_by bigint,
	made_by_name text, joins bigint, still_in bigint, percent_still_in numeric)
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
	WITH moments AS (
		-- between two of them the good link of a group is always the same
		SELECT x.group_id, array_agg(y.at ORDER BY y.at) AS times
		FROM wa.invite_links AS x
		CROSS JOIN LATERAL (VALUES (x.valid_from), (x.valid_until)) AS y (at)
		WHERE (groups IS NULL OR x.group_id = ANY (groups)) AND y.at IS NOT NULL
		GROUP BY 1
	), spells AS (
		SELECT m.group_id, min(m.joined_at) AS at, count(*) AS joins, count(*) FILTER (WHERE m.left_at IS NULL) AS still_in
		FROM wa.memberships AS m
		LEFT JOIN moments AS t ON t.group_id = m.group_id
		WHERE (groups IS NULL OR m.group_id = ANY (groups)) AND m.join_kind = 'link' AND m.joined_at >= "from" AND m.joined_at < "to"
		GROUP BY 1, width_bucket(m.joined_at, t.times)
	), joined AS (
		SELECT s.group_id, l.link_id, sum(s.joins)::bigint AS joins, sum(s.still_in)::bigint AS still_in
		FROM spells AS s
		LEFT JOIN LATERAL (
			SELECT x.link_id
			FROM wa.invite_links AS x
			WHERE x.group_id = s.group_id AND x.valid_from <= s.at AND (x.valid_until IS NULL OR x.valid_until > s.at)
			ORDER BY x.valid_from DESC
			LIMIT 1) AS l ON true
		GROUP BY 1, 2
	), links AS (
		SELECT x.group_id, x.link_id, x.valid_from, x.valid_until, x.made_by
		FROM wa.invite_links AS x
		WHERE (groups IS NULL OR x.group_id = ANY (groups)) AND x.valid_from < "to" AND (x.valid_until IS NULL OR x.valid_until > "from")
	)
	SELECT group_id, coalesce(g.subject, g.jid), link_id, l.valid_from, l.valid_until, l.made_by, p.name, coalesce(j.joins, 0),
		coalesce(j.still_in, 0), wa_private.stat_percent(j.still_in, j.joins)
	FROM (SELECT x.group_id, coalesce(x.link_id, 0) AS place, x.joins, x.still_in FROM joined AS x) AS j
	FULL JOIN (SELECT x.*, x.link_id AS place FROM links AS x) AS l USING (group_id, place)
	JOIN wa.groups AS g USING (group_id)
	LEFT JOIN wa.people AS p ON p.user_id = l.made_by
	ORDER BY 2, 1, l.valid_from NULLS FIRST, link_id;
END
$$;
COMMENT ON FUNCTION wa.stat_invite_links(timestamptz, timestamptz, text, text) IS
'joins by invite link, each counted for the link of its group that was good then; no link: none was known then';

CREATE FUNCTION wa.stat_approvals("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (method text, requests bigint, approved bigint, rejected bigint, withdrawn bigint, joined_otherwise bigint, open bigint,
	percent_approved numeric, median_wait interval)
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
	SELECT coalesce(r.method, 'unknown'), count(*), count(*) FILTER (WHERE r.decision = 'approved'),
		count(*) FILTER (WHERE r.decision = 'rejected'), count(*) FILTER (WHERE r.decision = 'withdrawn'),
		count(*) FILTER (WHERE r.decision = 'joined'), count(*) FILTER (WHERE r.decision IS NULL),
		wa_private.stat_percent(count(*) FILTER (WHERE r.decision = 'approved'), count(r.decision)),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY r.decided_at - r.requested_at) FILTER (WHERE r.decision IN ('approved', 'rejected'))
	FROM wa.join_requests AS r
	WHERE (groups IS NULL OR r.group_id = ANY (groups)) AND r.requested_at >= "from" AND r.requested_at < "to"
	GROUP BY 1
	ORDER BY 2 DESC, 1;
END
$$;
COMMENT ON FUNCTION wa.stat_approvals(timestamptz, timestamptz, text, text) IS
'what became of requests to join, by the way they were made; percent of those decided; median time until an admin decided';

CREATE FUNCTION wa.stat_stay_length("from" timestamptz DEFAULT now() - interval '90 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (class integer, label text, ended bigint, percent numeric, still_in bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[] := wa_private.stat_groups("group", bot, "from");
	bounds CONSTANT interval[] := '{01:00,24:00,168:00,720:00,2160:00,8760:00}';
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	RETURN QUERY
	WITH stays AS (
		SELECT m.left_at IS NOT NULL AS is_over,
			-- what began before anybody looked has no length
			CASE WHEN m.joined_precision IS NULL THEN 0
				ELSE width_bucket(coalesce(m.left_at, now()) - m.joined_at, bounds) + 1 END AS class
		FROM wa.memberships AS m
		WHERE (groups IS NULL OR m.group_id = ANY (groups))
			AND (m.left_at IS NULL OR (m.left_at >= "from" AND m.left_at < "to"))
	), counted AS (
		SELECT s.class, count(*) FILTER (WHERE s.is_over) AS ended, count(*) FILTER (WHERE NOT s.is_over) AS still_in
		FROM stays AS s
		GROUP BY 1
	)
	SELECT l.class, l.label, coalesce(c.ended, 0), wa_private.stat_percent(coalesce(c.ended, 0), sum(c.ended) OVER ()), coalesce(c.still_in, 0)
	FROM (VALUES (0, 'not known'), (1, 'under 1 hour'), (2, '1 hour to 1 day'), (3, '1 to 7 days'), (4, '7 to 30 days'),
		(5, '30 to 90 days'), (6, '90 days to 1 year'), (7, 'over 1 year')) AS l (class, label)
	LEFT JOIN counted AS c ON c.class = l.class
	ORDER BY l.class;
END
$$;
COMMENT ON FUNCTION wa.stat_stay_length(timestamptz, timestamptz, text, text) IS
'how long the stays lasted that ended in the range, with their share, and how long those last that have not ended yet';

/* The calling code at the beginning of a phone number. */
CREATE FUNCTION wa_private.stat_calling_code(phone text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN phone ~ '^[17]' THEN '+' || pg_catalog.left(phone, 1)
	WHEN phone ~ '^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])' THEN '+' || pg_catalog.left(phone, 2)
	WHEN phone ~ '^[2-9][0-9]{2}' THEN '+' || pg_catalog.left(phone, 3)
END;
COMMENT ON FUNCTION wa_private.stat_calling_code(text) IS 'country calling code of a phone number in digits';

CREATE FUNCTION wa.stat_distribution(by text DEFAULT 'groups', "group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS TABLE (place integer, value text, people bigint, percent numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	groups bigint[];
	rolled_up boolean;
BEGIN
	PERFORM wa_private.require_storage();
	groups := wa_private.stat_groups("group", bot, now());
	rolled_up := groups IS NULL AND wa_private.stat_people_settled();
	IF by = 'groups' THEN
		RETURN QUERY
		SELECT x.n, x.n::text, sum(x.people)::bigint, wa_private.stat_percent(sum(x.people), sum(sum(x.people)) OVER ())
		FROM (SELECT d.in_groups AS n, d.people FROM wa_private.people_days_now AS d WHERE rolled_up AND d.day = 'infinity'
			  UNION ALL
			  SELECT count(*)::integer, 1 FROM wa.memberships AS m
			  WHERE NOT rolled_up AND m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
			  GROUP BY m.user_id) AS x
		GROUP BY x.n
		HAVING sum(x.people) > 0
		ORDER BY x.n;
	ELSIF by = 'bots' THEN
		RETURN QUERY
		-- a bit for each bot, so that those of a person's groups are put together without a row for each
		WITH bits AS (
			SELECT b.bot_id, set_bit(repeat('0', count(*) OVER ()::integer)::varbit, row_number() OVER (ORDER BY b.bot_id)::integer - 1, 1) AS bit
			FROM wa.bots AS b
		), places AS (
			SELECT p.group_id, bit_or(b.bit) AS bots
			FROM wa.bot_groups AS p
			JOIN bits AS b ON b.bot_id = p.bot_id
			WHERE p.left_at IS NULL
			GROUP BY 1
		)
		SELECT x.n::integer, x.n::text, count(*), wa_private.stat_percent(count(*), sum(count(*)) OVER ())
		FROM (SELECT coalesce(bit_count(bit_or(p.bots)), 0) AS n
			  FROM wa.memberships AS m
			  LEFT JOIN places AS p ON p.group_id = m.group_id
			  WHERE m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
			  GROUP BY m.user_id) AS x
		GROUP BY x.n
		ORDER BY x.n;
	ELSIF by = 'countries' THEN
		RETURN QUERY
		SELECT row_number() OVER (ORDER BY sum(x.people) DESC, x.code)::integer, x.code, sum(x.people)::bigint,
			wa_private.stat_percent(sum(x.people), sum(sum(x.people)) OVER ())
		FROM (SELECT coalesce(wa_private.stat_calling_code(y.phone),
				wa_private.stat_calling_code(substring(y.masked FROM '^\+([0-9]{1,3})')), 'unknown') AS code, y.people
			  -- the first digits tell, and many have the same
			  FROM (SELECT left(i.phone, 3) AS phone, left(u.masked_phone, 4) AS masked, count(*) AS people
				FROM (SELECT m.user_id
				  FROM wa.memberships AS m
				  WHERE m.left_at IS NULL AND (groups IS NULL OR m.group_id = ANY (groups))
				  GROUP BY 1) AS p
				JOIN wa.users AS u ON u.user_id = p.user_id
				-- the number that wa.people shows
				LEFT JOIN LATERAL (SELECT z.value AS phone
				  FROM wa.user_ids AS z
				  WHERE z.user_id = p.user_id AND z.kind = 'pn' AND z.current
				  ORDER BY z.first_seen_at DESC
				  LIMIT 1) AS i ON true
				GROUP BY 1, 2) AS y) AS x
		GROUP BY x.code
		ORDER BY 1;
	ELSE
		RAISE EXCEPTION 'people cannot be distributed over %', coalesce(quote_literal(left(by, 40)), 'null')
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'They can be distributed over groups, bots or countries.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa.stat_distribution(text, text, text) IS
'members of now: how many of them are in 1, 2, ... groups, are seen by 1, 2, ... bots, or have a number with each country calling code';

CREATE FUNCTION wa.stat_overlap("group" text DEFAULT NULL, bot text DEFAULT NULL, "limit" integer DEFAULT 50)
RETURNS TABLE (group_a bigint, subject_a text, members_a bigint, group_b bigint, subject_b text, members_b bigint, shared bigint,
	percent_of_a numeric, percent_of_b numeric, jaccard numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	the_group bigint;
	groups bigint[];
	own bigint[];
BEGIN
	PERFORM wa_private.require_storage();
	PERFORM wa_private.stat_check_limit("limit");
	the_group := CASE WHEN "group" IS NOT NULL THEN wa_private.stat_group("group") END;
	groups := wa_private.stat_groups(NULL, bot, now());
	-- our bots are in many groups and are no audience
	own := ARRAY(SELECT i.user_id
		FROM wa.bots AS b
		JOIN wa.user_ids AS i ON i.current
			AND ((i.kind = 'lid' AND i.value = split_part(b.lid, '@', 1)) OR (i.kind = 'pn' AND i.value = split_part(b.jid, '@', 1))));
	RETURN QUERY
	WITH pairs AS (
		SELECT a.group_id AS group_a, b.group_id AS group_b, count(*) AS shared
		FROM wa.memberships AS a
		JOIN wa.memberships AS b ON b.user_id = a.user_id
			AND CASE WHEN the_group IS NULL THEN b.group_id > a.group_id ELSE b.group_id <> a.group_id END
		WHERE a.left_at IS NULL AND b.left_at IS NULL AND a.user_id <> ALL (own) AND (the_group IS NULL OR a.group_id = the_group)
			AND (groups IS NULL OR (a.group_id = ANY (groups) AND b.group_id = ANY (groups)))
		GROUP BY 1, 2
		ORDER BY 3 DESC, 1, 2
		LIMIT "limit"
	), sizes AS (
		SELECT m.group_id, count(*) AS members
		FROM wa.memberships AS m
		WHERE m.left_at IS NULL AND m.user_id <> ALL (own)
			AND m.group_id IN (SELECT p.group_a FROM pairs AS p UNION SELECT p.group_b FROM pairs AS p)
		GROUP BY 1
	)
	SELECT p.group_a, coalesce(ga.subject, ga.jid), sa.members, p.group_b, coalesce(gb.subject, gb.jid), sb.members, p.shared,
		wa_private.stat_percent(p.shared, sa.members), wa_private.stat_percent(p.shared, sb.members),
		round(p.shared::numeric / (sa.members + sb.members - p.shared), 4)
	FROM pairs AS p
	JOIN sizes AS sa ON sa.group_id = p.group_a
	JOIN sizes AS sb ON sb.group_id = p.group_b
	JOIN wa.groups AS ga ON ga.group_id = p.group_a
	JOIN wa.groups AS gb ON gb.group_id = p.group_b
	ORDER BY p.shared DESC, p.group_a, p.group_b;
END
$$;
COMMENT ON FUNCTION wa.stat_overlap(text, text, integer) IS
'pairs of groups that share most members, or the groups that share members with one; jaccard: shared by members of either; our bots do not count';
