/*
 * history.sql
 *		The facts "history_change" and "past_members": what a phone remembers of
 *		the life of a group.  Sheet 2 sections 2.7, 9.3 and 9.4.
 *
 * The phone keeps the server's times, so what it tells is exact.  It comes in
 * any order, twice, and from several bots, and some of it was seen live.  An
 * event is known again by group, kind, person and time; the server's own word
 * wins, and one that lists of members made us infer becomes exact.  Nothing
 * here changes what is so now: roster, subject, settings, requests.
 *
 * The caller has locked the row of the group and resolved the people.
 */

/* A time that a phone remembers; null when it cannot be true. */
CREATE FUNCTION wa_private.history_time(seconds text, received timestamptz)
RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN seconds::double precision > 1230768000
			AND seconds::double precision < extract(epoch FROM received) + 86400
		THEN to_timestamp(seconds::double precision) END;
END
$$;
COMMENT ON FUNCTION wa_private.history_time(text, timestamptz) IS 'a time in history, or null when it cannot be true';

/* The kind of change that undoes one. */
CREATE FUNCTION wa_private.opposite_kind(kind text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE kind WHEN 'join' THEN 'leave' WHEN 'leave' THEN 'join' WHEN 'promote' THEN 'demote' WHEN 'demote' THEN 'promote' END;
COMMENT ON FUNCTION wa_private.opposite_kind(text) IS 'the kind of event that undoes an event';

/*
 * How a join of history came about: as in live events, but the phone has names
 * of its own for two ways.
 */
CREATE FUNCTION wa_private.history_join(reason text, actor bigint, person bigint, targets integer, in_community boolean)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE reason
	WHEN 'request' THEN 'approved'
	WHEN 'accept' THEN 'link'
	ELSE wa_private.join_verdict(reason, actor, person, targets, false, in_community)
END;
COMMENT ON FUNCTION wa_private.history_join(text, bigint, bigint, integer, boolean) IS 'how a join that history tells came about';

/* How much a way of joining or leaving says: the more telling one of two is kept. */
CREATE FUNCTION wa_private.how_rank(how text)
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE how WHEN 'approved' THEN 4 WHEN 'community' THEN 3 WHEN 'link' THEN 2 WHEN 'added' THEN 1 WHEN 'left' THEN 1
	WHEN 'removed' THEN 1 ELSE 0 END;
COMMENT ON FUNCTION wa_private.how_rank(text) IS 'order of the ways of joining or leaving by what they say';

/*
 * Stores one change of several people that history tells: persons[i] at ats[i],
 * hows[i] how.  Those of whom another event tells already are left out, but may
 * make it say more; past_participant, the action of a list of leavers, says
 * less than the others.  Returns the events that were made or changed.
 */
CREATE FUNCTION wa_private.add_history(g record, kind text, action text, persons bigint[], ats timestamptz[], hows text[],
	actor bigint, reason text, notification text, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
	slack interval := wa_private.history_slack();
	undoes text := wa_private.opposite_kind(kind);
	found record;
	ids bigint[] := '{}';
	touched bigint[] := '{}';
	more record;
BEGIN
	SELECT array_agg(s.person) AS persons, array_agg(s.at) AS ats, array_agg(s.how) AS hows, array_agg(s.no::integer) AS nos,
		array_agg(twin.event_id) AS twins, array_agg(twin.occurred_at) AS twin_ats,
		array_agg(CASE WHEN twin.event_id IS NULL THEN old.event_id END) AS olds
	INTO found
	FROM (SELECT DISTINCT ON (x.person, x.at) x.*
		  FROM unnest(persons, ats, hows) WITH ORDINALITY AS x (person, at, how, no)
		  ORDER BY x.person, x.at, x.no) AS s
	LEFT JOIN LATERAL (
		SELECT e.event_id, e.occurred_at
		FROM wa.group_events AS e
		WHERE e.group_id = g.group_id AND e.target = s.person AND e.kind = add_history.kind AND e.source <> 'snapshot'
			AND e.at_precision = interval '0' AND e.occurred_at BETWEEN s.at - slack AND s.at + slack
			AND (e.source = 'live' OR 'past_participant' IN (e.action, add_history.action)
				OR e.occurred_at BETWEEN s.at - wa_private.stub_slack() AND s.at + wa_private.stub_slack())
			AND NOT EXISTS (SELECT FROM wa.group_events AS o
							WHERE o.group_id = g.group_id AND o.target = s.person AND o.kind = undoes AND o.at_precision = interval '0'
								AND o.occurred_at BETWEEN s.at - slack AND s.at + slack
								AND o.occurred_at > least(e.occurred_at, s.at) AND o.occurred_at < greatest(e.occurred_at, s.at))
		ORDER BY e.occurred_at <> s.at, e.source = 'history', e.event_id
		LIMIT 1) AS twin ON true
	-- an event that was only inferred, and turns out to be this
	LEFT JOIN LATERAL (
		SELECT m.event_id
		FROM (SELECT x.join_event_id, x.join_source, x.joined_at, x.joined_precision
			  FROM wa.memberships AS x
			  WHERE x.group_id = g.group_id AND x.user_id = s.person AND add_history.kind = 'join'
			  UNION ALL
			  SELECT x.leave_event_id, x.leave_source, x.left_at, x.left_precision
			  FROM wa.memberships AS x
			  WHERE x.group_id = g.group_id AND x.user_id = s.person AND add_history.kind = 'leave'
			  UNION ALL
			  SELECT e.event_id, e.source, e.occurred_at, e.at_precision
			  FROM wa.group_events AS e
			  WHERE e.group_id = g.group_id AND e.target = s.person AND e.kind = add_history.kind AND add_history.kind IN ('promote', 'demote')
				AND e.source = 'snapshot' AND e.occurred_at >= s.at
			 ) AS m (event_id, source, at, reach)
		WHERE m.event_id IS NOT NULL AND twin.event_id IS NULL
			AND CASE WHEN m.reach = interval '0' THEN m.source = 'snapshot' AND m.at BETWEEN s.at - slack AND s.at + slack
				ELSE m.source <> 'live' AND s.at BETWEEN date_trunc('second', m.at - m.reach) AND m.at END
		ORDER BY m.at
		LIMIT 1) AS old ON true;
	IF found.persons IS NULL THEN
		RETURN '{}';
	END IF;

	-- what was told before, and is told better now
	WITH better AS (
		UPDATE wa.group_events AS e
		SET how = CASE WHEN e.action = 'past_participant' OR wa_private.how_rank(x.how) > wa_private.how_rank(e.how) THEN x.how ELSE e.how END,
			actor = coalesce(CASE WHEN wa_private.how_rank(x.how) > wa_private.how_rank(e.how) THEN add_history.actor END, e.actor, add_history.actor),
			occurred_at = CASE e.action WHEN 'past_participant' THEN x.at ELSE e.occurred_at END,
			reason = coalesce(e.reason, add_history.reason), action = add_history.action,
			notification_id = CASE e.action WHEN 'past_participant' THEN add_history.notification ELSE e.notification_id END
		FROM unnest(found.twins, found.twin_ats, found.persons, found.ats, found.hows) AS x (event_id, old_at, person, at, how)
		WHERE e.event_id = x.event_id AND e.occurred_at = x.old_at AND e.source = 'history' AND add_history.action <> 'past_participant'
			AND (e.action = 'past_participant' OR wa_private.how_rank(x.how) > wa_private.how_rank(e.how)
				OR (e.actor IS NULL AND add_history.actor IS NOT NULL AND x.how IS NOT DISTINCT FROM e.how))
		RETURNING e.event_id, x.person
	), sure AS (
		UPDATE wa.group_events AS e
		SET occurred_at = x.at, at_precision = interval '0', source = 'history', action = add_history.action, how = x.how, actor = add_history.actor,
			target_no = x.no, reason = add_history.reason, notification_id = add_history.notification, version_before = NULL, version_after = NULL
		FROM (SELECT DISTINCT ON (y.event_id) y.*
			  FROM unnest(found.olds, found.persons, found.ats, found.hows, found.nos) AS y (event_id, person, at, how, no)
			  WHERE y.event_id IS NOT NULL
			  ORDER BY y.event_id, y.at DESC) AS x
		WHERE e.event_id = x.event_id
		RETURNING e.event_id, x.person, x.at
	), new AS (
		INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, how, actor, target, target_no, reason,
			notification_id, received_at)
		SELECT g.group_id, x.at, interval '0', 'history', add_history.kind, add_history.action, x.how, add_history.actor, x.person, x.no, add_history.reason,
			add_history.notification, received
		FROM unnest(found.twins, found.persons, found.ats, found.hows, found.nos) AS x (twin, person, at, how, no)
		WHERE x.twin IS NULL AND NOT EXISTS (SELECT FROM sure AS s WHERE s.person = x.person AND s.at = x.at)
		RETURNING group_events.event_id, group_events.target
	), told AS (
		SELECT b.event_id, b.person FROM better AS b
		UNION ALL SELECT s.event_id, s.person FROM sure AS s
		UNION ALL SELECT n.event_id, n.target FROM new AS n
	)
	SELECT array_agg(t.event_id), array_agg(DISTINCT t.person) INTO ids, touched FROM told AS t;
	IF touched IS NULL THEN
		RETURN '{}';
	END IF;
	PERFORM wa_private.reach_history(g.group_id, found.ats);
	IF kind IN ('join', 'leave') THEN
		ids := ids || wa_private.settle_history(g.group_id, touched, received);
	END IF;
	-- settling may have found some of them told twice
	RETURN ARRAY(SELECT DISTINCT e.event_id FROM unnest(ids) AS i (id) JOIN wa.group_events AS e ON e.event_id = i.id);
END
$$;
COMMENT ON FUNCTION wa_private.add_history(record, text, text, bigint[], timestamptz[], text[], bigint, text, text, timestamptz) IS
'stores changes of people that history tells; returns the events that were made or changed';

/* History of a group reaches to these times. */
CREATE FUNCTION wa_private.reach_history(id bigint, ats timestamptz[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.groups AS g
	SET history_since = least(g.history_since, t.oldest), history_until = greatest(g.history_until, t.newest)
	FROM (SELECT min(a.at) AS oldest, max(a.at) AS newest FROM unnest(ats) AS a (at)) AS t
	WHERE g.group_id = id AND (g.history_since IS NULL OR t.oldest < g.history_since OR t.newest > g.history_until);
END
$$;
COMMENT ON FUNCTION wa_private.reach_history(bigint, timestamptz[]) IS 'writes down from when to when history tells of a group';

/*
 * The group of a fact, when people are watched there.  Whoever remembers a
 * group is or was in it.
 */
CREATE FUNCTION wa_private.remembered_group(bot bigint, jid text, received timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g record;
BEGIN
	SELECT x.group_id, x.watch_level INTO g FROM wa.groups AS x WHERE x.jid = remembered_group.jid;
	INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at, left_at)
	SELECT bot, g.group_id, received, received, received
	WHERE g.group_id IS NOT NULL
	ON CONFLICT ON CONSTRAINT bot_groups_pkey DO NOTHING;
	RETURN CASE WHEN g.watch_level IN ('members', 'messages') THEN g.group_id END;
END
$$;
COMMENT ON FUNCTION wa_private.remembered_group(bigint, text, timestamptz) IS
'the group of a fact of history, or null when nobody watches its people';

/* A change of the group itself that history tells. */
CREATE FUNCTION wa_private.add_group_history(g record, kind text, fact jsonb, at timestamptz, actor bigint, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
<<this>>
DECLARE
	slack interval := wa_private.history_slack();
	details jsonb := nullif(jsonb_strip_nulls(jsonb_build_object('text', left(fact ->> 'text', 65536))), '{}');
	id bigint;
BEGIN
	IF EXISTS (SELECT FROM wa.group_events AS e
			   WHERE e.group_id = g.group_id AND e.kind = add_group_history.kind AND e.source <> 'snapshot' AND e.target IS NULL
				   AND e.occurred_at BETWEEN at - slack AND at + slack
				   AND (this.details ->> 'text') IS NOT DISTINCT FROM (e.details ->> 'text')) THEN
		RETURN '{}';
	END IF;
	id := wa_private.inferred_event(g.group_id, kind, at, details);
	IF id IS NOT NULL THEN
		UPDATE wa.group_events AS e
		SET occurred_at = add_group_history.at, at_precision = interval '0', source = 'history', action = fact ->> 'kind', actor = add_group_history.actor,
			reason = fact ->> 'reason', notification_id = fact ->> 'id'
		WHERE e.event_id = id;
	ELSE
		INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, actor, reason, notification_id,
			details, received_at)
		VALUES (g.group_id, at, interval '0', 'history', kind, fact ->> 'kind', actor, fact ->> 'reason', fact ->> 'id', details,
			received)
		RETURNING group_events.event_id INTO id;
	END IF;
	PERFORM wa_private.reach_history(g.group_id, ARRAY[at]);
	RETURN ARRAY[id];
END
$$;
COMMENT ON FUNCTION wa_private.add_group_history(record, text, jsonb, timestamptz, bigint, timestamptz) IS
'part of the fact history_change: a change of the group itself';

/* The fact "history_change": one change in a group as a phone remembers it.  Returns its events. */
CREATE FUNCTION wa_private.apply_history_change(bot bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g wa.groups;
	id bigint := wa_private.remembered_group(bot, fact ->> 'group', received);
	action text := left(fact ->> 'kind', 100);
	kind text := wa_private.event_kind(action);
	targets jsonb := coalesce(nullif(fact -> 'targets', 'null'), '[]');
	at timestamptz := wa_private.history_time(fact ->> 'at', received);
	actor bigint := wa_private.person_of(people, fact -> 'actor');
	n integer;
	who record;
BEGIN
	IF action IS NULL OR jsonb_typeof(targets) <> 'array' THEN
		RAISE EXCEPTION 'history_change without kind, or with targets that are no list'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT x.* INTO g FROM wa.groups AS x WHERE x.group_id = id;
	IF NOT FOUND OR at IS NULL THEN
		RETURN '{}';
	END IF;
	PERFORM wa_private.make_partition(at);
	IF kind NOT IN ('join', 'leave', 'promote', 'demote', 'join_request', 'request_revoked', 'number_change') THEN
		RETURN wa_private.add_group_history(g, kind, fact, at, actor, received);
	END IF;
	IF targets = '[]' AND kind NOT IN ('promote', 'demote') THEN
		targets := jsonb_build_array(fact -> 'actor');		-- whoever does it does it to themselves
	END IF;
	n := jsonb_array_length(targets);
	SELECT array_agg(x.person ORDER BY x.no) AS persons, array_agg(x.how ORDER BY x.no) AS hows INTO who
	FROM (SELECT p.person, t.no, CASE kind
			WHEN 'join' THEN wa_private.history_join(fact ->> 'reason', actor, p.person, n, g.parent_jid IS NOT NULL)
			WHEN 'leave' THEN wa_private.leave_verdict(bot, action, fact -> 'actor', targets, coalesce(actor = p.person, false))
			WHEN 'join_request' THEN fact ->> 'reason'
			WHEN 'request_revoked' THEN CASE WHEN actor = p.person THEN 'withdrawn' ELSE 'rejected' END END AS how
		  FROM jsonb_array_elements(targets) WITH ORDINALITY AS t (body, no)
		  CROSS JOIN LATERAL (SELECT wa_private.person_of(people, t.body) AS person) AS p
		  WHERE p.person IS NOT NULL) AS x;
	IF who.persons IS NULL THEN
		RETURN '{}';
	END IF;
	RETURN wa_private.add_history(g, kind, action, who.persons, array_fill(at, ARRAY[cardinality(who.persons)]), who.hows, actor,
		left(fact ->> 'reason', 200), left(fact ->> 'id', 200), received);
END
$$;
COMMENT ON FUNCTION wa_private.apply_history_change(bigint, jsonb, timestamptz, jsonb) IS
'the fact history_change: one change in a group as a phone remembers it; returns its events';

/* The fact "past_members": who left a group in the last weeks.  Returns the events. */
CREATE FUNCTION wa_private.apply_past_members(bot bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g wa.groups;
	id bigint := wa_private.remembered_group(bot, fact ->> 'group', received);
	leavers jsonb := coalesce(nullif(fact -> 'leavers', 'null'), '[]');
	who record;
	ids bigint[] := '{}';
	size CONSTANT integer := 200;
BEGIN
	IF jsonb_typeof(leavers) <> 'array' THEN
		RAISE EXCEPTION 'past_members with leavers that are no list' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT x.* INTO g FROM wa.groups AS x WHERE x.group_id = id;
	IF NOT FOUND THEN
		RETURN '{}';
	END IF;
	-- some at a time: how long it takes shall grow with their number, whatever plan is chosen
	FOR who IN
		SELECT array_agg(x.person ORDER BY x.no) AS persons, array_agg(x.at ORDER BY x.no) AS ats, array_agg(x.how ORDER BY x.no) AS hows
		FROM (SELECT l.no, wa_private.person_of(people, l.body -> 'who') AS person,
				wa_private.history_time(l.body ->> 'at', received) AS at,
				CASE WHEN (l.body ->> 'removed')::boolean THEN 'removed' ELSE 'left' END AS how
			  FROM jsonb_array_elements(leavers) WITH ORDINALITY AS l (body, no)) AS x
		WHERE x.person IS NOT NULL AND x.at IS NOT NULL
		GROUP BY x.no / size
		ORDER BY x.no / size
	LOOP
		PERFORM wa_private.make_partition(m.month)
		FROM (SELECT DISTINCT wa_private.partition_month(a.at) AT TIME ZONE 'UTC' AS month FROM unnest(who.ats) AS a (at)) AS m;
		ids := ids || wa_private.add_history(g, 'leave', 'past_participant', who.persons, who.ats, who.hows, NULL, NULL, NULL, received);
	END LOOP;
	RETURN ids;
END
$$;
COMMENT ON FUNCTION wa_private.apply_past_members(bigint, jsonb, timestamptz, jsonb) IS
'the fact past_members: who left a group in the last weeks; returns the events';
