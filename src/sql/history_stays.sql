/*
 * history_stays.sql
 *		The stays of people of whom history told something.
 *
 * What is known of one person in one group is of two kinds: changes with their
 * time (the server reported them, or history tells them) and states that a
 * list of members showed.  A change that was inferred from two lists is two
 * such states, one at each end of its range.  In the order of time they make
 * the stays; where neighbours contradict each other, a change between them is
 * unknown and is inferred.
 *
 * So the stays follow from what is known and not from the order in which it
 * came: wa_private.settle_history() works them out again whenever history tells
 * more, and wa_private.lift_history() takes history out, so that a change
 * from the server meets the stays as if there were no history.
 *
 * Where history made an inferred change exact, the event keeps the range in
 * details: listed {after, until (unix seconds), after_version, version}.
 *
 * History fills tables faster than statistics about them are gathered: the
 * functions here must not depend on what the planner believes of their size.
 */

CREATE TYPE wa_private.boundary AS (
	user_id bigint,
	stay integer,
	is_join boolean,
	sure boolean,
	closes boolean,
	loose boolean,
	at timestamptz,
	reach interval,
	how text,
	source text,
	by_user bigint,
	event_id bigint,
	fresh boolean,
	version bigint,
	after_version bigint,
	membership_id bigint,
	listed jsonb
);
COMMENT ON TYPE wa_private.boundary IS 'a join or a leave of a person; not sure: only that the person was in, or out, at a time';

/* Two changes of one direction this close, and nothing between them, are one. */
CREATE FUNCTION wa_private.history_slack()
RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '00:01:00'::interval;
COMMENT ON FUNCTION wa_private.history_slack() IS 'how far the times of one change in history and in live events may lie apart';

/* The same for two that phones remember as messages, which have the server's time. */
CREATE FUNCTION wa_private.stub_slack()
RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '00:00:02'::interval;
COMMENT ON FUNCTION wa_private.stub_slack() IS 'how far the times of one change in the histories of two phones may lie apart';

/* A change that must have been, in the time of this reach before at.  Only what has a time of its own has reach 0. */
CREATE FUNCTION wa_private.guessed_boundary(person bigint, is_join boolean, at timestamptz, reach interval, source text)
RETURNS wa_private.boundary LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(person, NULL, is_join, false, false, false, at, CASE WHEN reach < '1 second' THEN '1 second' ELSE reach END, 'unknown',
	source, NULL, NULL, false, NULL, NULL, NULL, NULL)::wa_private.boundary;
COMMENT ON FUNCTION wa_private.guessed_boundary(bigint, boolean, timestamptz, interval, text) IS
'a join or a leave that must have been, at most reach before at';

/*
 * All that is known of people in a group, one row a person: the boundaries in
 * the order of time, and the open stay.  told: with the changes that history
 * tells, else only with what lists and the server said.
 */
CREATE FUNCTION wa_private.known_boundaries(g record, persons bigint[], told boolean)
RETURNS TABLE (user_id bigint, known wa_private.boundary[], open_id bigint, joins bigint[], leaves bigint[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH who AS MATERIALIZED (
		SELECT DISTINCT p.id AS user_id FROM unnest(persons) AS p (id)
	), stays AS MATERIALIZED (
		SELECT m.*, lag(m.left_at) OVER (PARTITION BY m.user_id ORDER BY m.joined_at, m.left_at) AS left_before
		FROM who
		CROSS JOIN LATERAL (SELECT x.* FROM wa.memberships AS x
			WHERE x.group_id = g.group_id AND x.user_id = who.user_id OFFSET 0) AS m
	), history AS MATERIALIZED (
		SELECT e.target AS user_id, e.event_id, e.kind = 'join' AS is_join, e.occurred_at AS at, e.how, e.action,
			CASE WHEN e.how IN ('added', 'approved', 'removed') THEN e.actor END AS by_user, e.details -> 'listed' AS listed
		FROM who
		CROSS JOIN LATERAL (SELECT x.* FROM wa.group_events AS x
			WHERE x.target = who.user_id AND x.group_id = g.group_id AND x.kind IN ('join', 'leave') AND x.source = 'history'
				AND x.at_precision = interval '0' AND x.occurred_at BETWEEN g.history_since AND g.history_until OFFSET 0) AS e
	), ends AS (
		SELECT s.user_id, true AS is_join, s.joined_at AS at, s.joined_precision AS reach, s.join_kind AS how, s.join_source AS source,
			s.inviter AS by_user, s.join_event_id AS event_id, s.joined_version AS version, s.joined_after_version AS after_version,
			NULL::bigint AS membership_id, s.left_before AS not_before
		FROM stays AS s
		UNION ALL
		SELECT s.user_id, false, s.left_at, s.left_precision, s.leave_kind, s.leave_source, s.remover, s.leave_event_id,
			s.left_version, s.left_after_version, s.membership_id, s.joined_at
		FROM stays AS s
		WHERE s.left_at IS NOT NULL
	), inferred AS (
		-- from lists; history may have made the event exact just now
		SELECT e.*, greatest(date_trunc('second', e.at - e.reach), e.not_before) AS after,
			EXISTS (SELECT FROM history AS h WHERE h.event_id = e.event_id) AS exact
		FROM ends AS e
		WHERE e.source = 'snapshot' AND e.reach IS DISTINCT FROM interval '0'
	), listed AS (
		SELECT i.user_id, i.is_join, i.at, i.after, i.how, CASE WHEN NOT i.exact THEN i.event_id END AS event_id, i.version,
			i.after_version, i.membership_id
		FROM inferred AS i
		UNION ALL
		SELECT h.user_id, h.is_join, to_timestamp((h.listed ->> 'until')::double precision),
			to_timestamp((h.listed ->> 'after')::double precision), 'unknown', NULL, (h.listed ->> 'version')::bigint,
			(h.listed ->> 'after_version')::bigint, NULL
		FROM history AS h
		WHERE h.listed IS NOT NULL
	), known AS (
		SELECT ROW(h.user_id, NULL, h.is_join, true, false, h.action = 'past_participant', h.at, interval '0', h.how, 'history', h.by_user, h.event_id, false,
			NULL, NULL, s.membership_id, NULL)::wa_private.boundary AS b
		FROM history AS h
		LEFT JOIN stays AS s ON s.user_id = h.user_id AND s.leave_event_id = h.event_id
		WHERE told
		UNION ALL
		SELECT ROW(e.user_id, NULL, e.is_join, true, false, false, e.at, interval '0', e.how, e.source, e.by_user, e.event_id, false,
			e.version, e.after_version, e.membership_id, NULL)::wa_private.boundary
		FROM ends AS e
		WHERE e.source = 'live' OR (e.source = 'snapshot' AND e.reach = interval '0'
			AND NOT EXISTS (SELECT FROM history AS h WHERE h.event_id = e.event_id))
		UNION ALL
		SELECT ROW(l.user_id, NULL, NOT l.is_join, false, false, false, l.after, NULL, 'unknown', 'snapshot', NULL, NULL, false,
			NULL, NULL, NULL, NULL)::wa_private.boundary
		FROM listed AS l
		WHERE l.after IS NOT NULL
		UNION ALL
		SELECT ROW(l.user_id, NULL, l.is_join, false, true, false, l.at, NULL, l.how, 'snapshot', NULL, l.event_id, false,
			l.version, l.after_version, l.membership_id, jsonb_strip_nulls(jsonb_build_object('after', extract(epoch FROM l.after),
				'until', extract(epoch FROM l.at), 'version', l.version, 'after_version', l.after_version)))::wa_private.boundary
		FROM listed AS l
		UNION ALL
		-- the first list did not name them
		SELECT ROW(w.user_id, NULL, false, false, false, false, g.listed_since, NULL, 'unknown', 'snapshot', NULL, NULL, false,
			NULL, NULL, NULL, NULL)::wa_private.boundary
		FROM who AS w
		WHERE g.listed_since IS NOT NULL AND NOT EXISTS (
			SELECT FROM stays AS s
			WHERE s.user_id = w.user_id AND (s.left_at IS NULL OR s.left_at > g.listed_since)
				AND (s.joined_precision IS NULL OR s.joined_at - s.joined_precision < g.listed_since))
	), by_person AS (
		SELECT (k.b).user_id, array_agg(k.b ORDER BY (k.b).at, (k.b).sure, (k.b).event_id) AS known
		FROM known AS k
		GROUP BY 1
	), guessed AS (
		SELECT e.user_id, array_agg(e.event_id ORDER BY e.at) FILTER (WHERE e.is_join) AS joins,
			array_agg(e.event_id ORDER BY e.at) FILTER (WHERE NOT e.is_join) AS leaves
		FROM ends AS e
		WHERE e.source = 'history' AND e.reach > interval '0' AND NOT EXISTS (SELECT FROM history AS h WHERE h.event_id = e.event_id)
		GROUP BY 1
	)
	SELECT w.user_id, coalesce(b.known, '{}'),
		(SELECT s.membership_id FROM stays AS s WHERE s.user_id = w.user_id AND s.left_at IS NULL),
		coalesce(o.joins, '{}'), coalesce(o.leaves, '{}')
	FROM who AS w
	LEFT JOIN by_person AS b ON b.user_id = w.user_id
	LEFT JOIN guessed AS o ON o.user_id = w.user_id;
END
$$;
COMMENT ON FUNCTION wa_private.known_boundaries(record, bigint[], boolean) IS
'what is known of people in a group in the order of time, their open stay, and the events that were inferred for them';

/*
 * Of the boundaries from place i on that lie at one time, the one that comes
 * first: a change to what a list showed comes before it, a change from it
 * after it, and of two changes the one that fits the state.
 */
CREATE FUNCTION wa_private.next_boundary(known wa_private.boundary[], i integer, state boolean)
RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at timestamptz := known[i].at;
	n integer := i;
	shown boolean;
	two_ways boolean;
	first integer;
BEGIN
	WHILE n < cardinality(known) AND known[n + 1].at = at LOOP
		n := n + 1;
	END LOOP;
	SELECT CASE WHEN bool_and(k.is_join) FILTER (WHERE NOT k.sure) = bool_or(k.is_join) FILTER (WHERE NOT k.sure)
			THEN bool_or(k.is_join) FILTER (WHERE NOT k.sure)
		WHEN bool_or(k.is_join) FILTER (WHERE NOT k.sure) THEN NOT state END,
		count(DISTINCT k.is_join) FILTER (WHERE k.sure) = 2
	INTO shown, two_ways
	FROM unnest(known[i:n]) AS k;
	SELECT k.place INTO first
	FROM generate_series(i, n) AS k (place)
	ORDER BY CASE
		WHEN two_ways AND (shown IS NULL OR shown = state)
			THEN CASE WHEN NOT known[k.place].sure THEN 2 WHEN known[k.place].is_join IS DISTINCT FROM state THEN 0 ELSE 1 END
		WHEN known[k.place].sure AND known[k.place].is_join = shown THEN 0
		WHEN NOT known[k.place].sure AND known[k.place].is_join = shown THEN 1
		ELSE 2 END, k.place
	LIMIT 1;
	RETURN first;
END
$$;
COMMENT ON FUNCTION wa_private.next_boundary(wa_private.boundary[], integer, boolean) IS
'part of wa_private.true_boundaries(): which of the boundaries of one time comes first';

/*
 * The joins and leaves of people in a group as they must have been, numbered by
 * stay.  What has an event of history that turned out to be told twice has stay
 * 0.  Inferred ones of history get an event number, with fresh when it is new.
 */
CREATE FUNCTION wa_private.true_boundaries(g record, persons bigint[], told boolean, received timestamptz)
RETURNS SETOF wa_private.boundary LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	slack interval := wa_private.history_slack();
	p record;
	known wa_private.boundary[];
	path wa_private.boundary[];
	b wa_private.boundary;
	last wa_private.boundary;
	gap wa_private.boundary;
	state boolean;
	since timestamptz;
	n integer;
	place integer;
	until timestamptz;
BEGIN
	FOR p IN SELECT k.* FROM wa_private.known_boundaries(g, persons, told) AS k LOOP
		known := p.known;
		path := '{}';
		last := NULL;
		state := NULL;
		since := NULL;
		n := cardinality(known);
		-- in the end everybody is where the tables have them: history never changes who is in now
		FOR i IN 1..n + 1 LOOP
			IF i <= n THEN
				IF i < n AND known[i + 1].at = known[i].at THEN
					place := wa_private.next_boundary(known, i, state);
					b := known[place];
					known[place] := known[i];
				ELSE
					b := known[i];
				END IF;
			ELSIF g.roster_at IS NULL THEN
				EXIT;				-- there was no list yet
			ELSE
				until := CASE WHEN g.equal_at >= since OR since IS NULL THEN g.equal_at ELSE greatest(received, since) END;
				b := wa_private.guessed_boundary(p.user_id, p.open_id IS NOT NULL, coalesce(until, received), NULL, 'history');
			END IF;

			gap := NULL;
			IF state IS NULL THEN
				-- a stay whose begin nobody knows
				IF b.sure IS DISTINCT FROM b.is_join THEN
					gap := wa_private.guessed_boundary(p.user_id, true, b.at, NULL,
						CASE WHEN b.sure AND b.source = 'history' THEN 'history' ELSE 'snapshot' END);
					IF b.closes THEN
						gap := b;
						gap.listed := NULL;
					END IF;
				END IF;
			ELSIF b.sure AND state = b.is_join THEN
				IF last.at >= b.at - (CASE WHEN last.sure AND last.source = 'history' AND b.source = 'history'
					AND NOT (last.loose OR b.loose) THEN wa_private.stub_slack() ELSE slack END) THEN
					-- told twice: the server's word before history's, and that before a list's
					IF last.source <> 'live' AND (NOT last.sure OR b.source = 'live' OR last.source = 'snapshot') THEN
						IF last.sure AND last.source = 'history' THEN
							last.stay := 0;
							RETURN NEXT last;
						END IF;
						b.membership_id := coalesce(b.membership_id, last.membership_id);
						last := b;
						path[cardinality(path)] := b;
						since := b.at;
					ELSIF b.source = 'history' THEN
						b.stay := 0;
						RETURN NEXT b;
					END IF;
					CONTINUE;
				END IF;
				gap := wa_private.guessed_boundary(p.user_id, NOT state, b.at, b.at - since, 'history');
			ELSIF NOT b.sure AND state <> b.is_join THEN
				IF i <= n AND NOT b.closes AND last.sure AND last.source = 'history' AND last.at >= b.at - slack THEN
					CONTINUE;		-- the clocks differ: the list was made before
				END IF;
				gap := wa_private.guessed_boundary(p.user_id, b.is_join, b.at, b.at - since, 'history');
				IF b.closes THEN
					gap.source := b.source;
					gap.how := b.how;
					gap.event_id := b.event_id;
					gap.version := b.version;
					gap.after_version := b.after_version;
					gap.membership_id := b.membership_id;
				END IF;
			ELSIF b.closes AND last.sure AND last.source = 'history' THEN
				-- this is what the lists made us infer
				last.listed := b.listed;
				last.version := b.version;
				last.after_version := b.after_version;
				last.membership_id := coalesce(b.membership_id, last.membership_id);
				path[cardinality(path)] := last;
			END IF;

			IF gap.is_join IS NOT NULL THEN
				IF gap.event_id IS NULL AND gap.reach IS NOT NULL AND told THEN
					IF gap.is_join THEN
						gap.event_id := p.joins[1];
						p.joins := p.joins[2:];
					ELSE
						gap.event_id := p.leaves[1];
						p.leaves := p.leaves[2:];
					END IF;
					IF gap.event_id IS NULL THEN
						gap.event_id := nextval('wa.group_events_event_id_seq');
						gap.fresh := true;
					END IF;
				END IF;
				path := path || gap;
				last := gap;
			END IF;
			IF b.sure THEN
				path := path || b;
				last := b;
			END IF;
			state := b.is_join;
			since := b.at;
		END LOOP;

		n := 0;
		FOREACH b IN ARRAY path LOOP
			n := n + b.is_join::integer;
			b.stay := n;
			RETURN NEXT b;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.true_boundaries(record, bigint[], boolean, timestamptz) IS
'the joins and leaves of people in a group as they must have been by all that is known';

/*
 * Writes the stays of people in a group anew.  Returns the events that were
 * made or changed.  The caller has locked the row of the group.
 */
CREATE FUNCTION wa_private.write_stays(id bigint, persons bigint[], told boolean, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
	g wa.groups;
	ends wa_private.boundary[];
	replaced bigint[];
	made bigint[];
	changed bigint[];
	old bigint[];
	size CONSTANT integer := 200;
BEGIN
	IF cardinality(persons) > size THEN
		-- some at a time: the time it takes shall grow with their number, whatever plan is chosen
		FOR i IN 0..(cardinality(persons) - 1) / size LOOP
			made := made || wa_private.write_stays(id, persons[i * size + 1:(i + 1) * size], told, received);
		END LOOP;
		RETURN coalesce(made, '{}');
	END IF;
	SELECT x.* INTO g FROM wa.groups AS x WHERE x.group_id = id;
	SELECT array_agg(b) INTO ends FROM wa_private.true_boundaries(g, persons, told, received) AS b;

	SELECT array_agg(m.membership_id) INTO old
	FROM (SELECT DISTINCT p.id FROM unnest(persons) AS p (id)) AS p
	CROSS JOIN LATERAL (SELECT x.membership_id FROM wa.memberships AS x
		WHERE x.group_id = write_stays.id AND x.user_id = p.id OFFSET 0) AS m;

	-- inferred events that the old stays have and the new ones do not, and what was told twice
	SELECT array_agg(x.event_id) INTO replaced
	FROM (SELECT e.event_id
		  FROM unnest(old) AS o (membership_id)
		  JOIN wa.memberships AS m ON m.membership_id = o.membership_id
		  CROSS JOIN LATERAL (VALUES (m.join_event_id, m.join_source, m.joined_precision),
			(m.leave_event_id, m.leave_source, m.left_precision)) AS e (event_id, source, reach)
		  WHERE e.source = 'snapshot' OR (e.source = 'history' AND e.reach IS DISTINCT FROM interval '0')
		  EXCEPT
		  SELECT b.event_id FROM unnest(ends) AS b WHERE b.stay > 0
		  UNION ALL
		  SELECT b.event_id FROM unnest(ends) AS b WHERE b.stay = 0) AS x
	WHERE x.event_id IS NOT NULL;

	-- a stay keeps the number of the one that has its end
	WITH wanted AS MATERIALIZED (
		SELECT j.user_id, j.at AS joined_at, j.reach AS joined_precision, j.how AS join_kind, j.source AS join_source,
			j.by_user AS inviter, j.event_id AS join_event_id, j.version AS joined_version, j.after_version AS joined_after_version,
			l.at AS left_at, l.reach AS left_precision, l.how AS leave_kind, l.source AS leave_source, l.by_user AS remover,
			l.event_id AS leave_event_id, l.version AS left_version, l.after_version AS left_after_version,
			CASE WHEN l.user_id IS NOT NULL THEN l.membership_id
				ELSE (SELECT o.membership_id FROM wa.memberships AS o
					  WHERE o.group_id = write_stays.id AND o.user_id = j.user_id AND o.left_at IS NULL) END AS membership_id
		FROM unnest(ends) AS j
		LEFT JOIN unnest(ends) AS l ON l.user_id = j.user_id AND l.stay = j.stay AND NOT l.is_join
		WHERE j.is_join AND j.stay > 0
	), gone AS (
		DELETE FROM wa.memberships AS m
		WHERE m.membership_id = ANY (ARRAY(
			SELECT o.membership_id FROM unnest(old) AS o (membership_id) EXCEPT SELECT w.membership_id FROM wanted AS w))
	), kept AS (
		UPDATE wa.memberships AS m
		SET joined_at = w.joined_at, joined_precision = w.joined_precision, join_kind = w.join_kind, join_source = w.join_source,
			inviter = w.inviter, join_event_id = w.join_event_id, joined_version = w.joined_version,
			joined_after_version = w.joined_after_version, left_at = w.left_at, left_precision = w.left_precision,
			leave_kind = w.leave_kind, leave_source = w.leave_source, remover = w.remover, leave_event_id = w.leave_event_id,
			left_version = w.left_version, left_after_version = w.left_after_version
		FROM wanted AS w
		WHERE m.membership_id = w.membership_id
			AND (m.joined_at, m.joined_precision, m.join_kind, m.join_source, m.inviter, m.join_event_id, m.joined_version,
				m.joined_after_version, m.left_at, m.left_precision, m.leave_kind, m.leave_source, m.remover, m.leave_event_id,
				m.left_version, m.left_after_version)
			IS DISTINCT FROM (w.joined_at, w.joined_precision, w.join_kind, w.join_source, w.inviter, w.join_event_id, w.joined_version,
				w.joined_after_version, w.left_at, w.left_precision, w.leave_kind, w.leave_source, w.remover, w.leave_event_id,
				w.left_version, w.left_after_version)
	)
	INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, inviter, join_event_id,
		joined_version, joined_after_version, left_at, left_precision, leave_kind, leave_source, remover, leave_event_id,
		left_version, left_after_version)
	SELECT write_stays.id, w.user_id, w.joined_at, w.joined_precision, w.join_kind, w.join_source, w.inviter, w.join_event_id,
		w.joined_version, w.joined_after_version, w.left_at, w.left_precision, w.leave_kind, w.leave_source, w.remover,
		w.leave_event_id, w.left_version, w.left_after_version
	FROM wanted AS w
	WHERE w.membership_id IS NULL;

	IF replaced IS NOT NULL THEN
		DELETE FROM wa.event_sightings AS s WHERE s.event_id = ANY (replaced);
		DELETE FROM wa.group_events AS e WHERE e.event_id = ANY (replaced);
	END IF;
	IF NOT told THEN
		RETURN '{}';
	END IF;
	PERFORM wa_private.make_partition(m.month)
	FROM (SELECT DISTINCT wa_private.partition_month(b.at) AT TIME ZONE 'UTC' AS month FROM unnest(ends) AS b WHERE b.fresh) AS m;
	INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at)
	SELECT b.event_id, write_stays.id, b.at, b.reach, b.source, CASE WHEN b.is_join THEN 'join' ELSE 'leave' END,
		CASE WHEN b.is_join THEN 'add' ELSE 'remove' END, 'unknown', b.user_id, received
	FROM unnest(ends) AS b
	WHERE b.fresh;
	SELECT array_agg(b.event_id) INTO made FROM unnest(ends) AS b WHERE b.fresh;
	WITH moved AS (
		UPDATE wa.group_events AS e
		SET occurred_at = b.at, at_precision = b.reach, source = b.source,
			details = nullif(CASE WHEN b.listed IS NULL THEN coalesce(e.details, '{}') - 'listed'
				ELSE coalesce(e.details, '{}') || jsonb_build_object('listed', b.listed) END, '{}')
		FROM unnest(ends) AS b
		WHERE e.event_id = b.event_id AND b.stay > 0 AND b.source <> 'live' AND NOT b.fresh
			AND (e.occurred_at <> b.at OR e.at_precision IS DISTINCT FROM b.reach OR e.source <> b.source
				OR e.details -> 'listed' IS DISTINCT FROM b.listed)
			AND (NOT b.sure OR b.listed IS NOT NULL OR e.details ? 'listed')
		RETURNING e.event_id
	)
	SELECT array_agg(m.event_id) INTO changed FROM moved AS m;
	RETURN coalesce(made, '{}') || coalesce(changed, '{}');
END
$$;
COMMENT ON FUNCTION wa_private.write_stays(bigint, bigint[], boolean, timestamptz) IS
'writes the stays of people in a group as they must have been; returns the events that were made or changed';

/* Takes what history tells of people into their stays. */
CREATE FUNCTION wa_private.settle_history(id bigint, persons bigint[], received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN wa_private.write_stays(id, persons, true, received);
END
$$;
COMMENT ON FUNCTION wa_private.settle_history(bigint, bigint[], timestamptz) IS
'works out the stays of people in a group with what history tells; returns the events that were made or changed';

/*
 * Takes history out of the stays of people in a group, for a while: whoever
 * calls it settles it again.  Returns those of whom history told something.
 */
CREATE FUNCTION wa_private.lift_history(id bigint, persons bigint[])
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told bigint[];
BEGIN
	SELECT array_agg(DISTINCT m.user_id) INTO told
	FROM wa.memberships AS m
	WHERE m.group_id = id AND m.user_id = ANY (persons) AND 'history' IN (m.join_source, m.leave_source);
	IF told IS NOT NULL THEN
		PERFORM wa_private.write_stays(id, told, false, clock_timestamp());
	END IF;
	RETURN told;
END
$$;
COMMENT ON FUNCTION wa_private.lift_history(bigint, bigint[]) IS
'takes history out of the stays of people until it is settled again; returns those whom it concerned';

/*
 * Takes history out of the stays that a new list of members may change: of all
 * when it is the first list, else of those of whom history tells something
 * newer than the last list.  Returns whom it concerned.
 */
CREATE FUNCTION wa_private.lift_before_list(g record)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	since timestamptz := CASE WHEN g.roster_at IS NULL THEN '-infinity'
		ELSE coalesce(g.equal_at, g.roster_at) - wa_private.history_slack() END;
BEGIN
	IF g.history_until IS NULL OR g.history_until < since THEN
		RETURN NULL;
	END IF;
	RETURN wa_private.lift_history(g.group_id, ARRAY(
		SELECT DISTINCT m.user_id
		FROM wa.memberships AS m
		WHERE m.group_id = g.group_id AND 'history' IN (m.join_source, m.leave_source)
			AND (m.joined_at >= since OR m.left_at >= since)));
END
$$;
COMMENT ON FUNCTION wa_private.lift_before_list(record) IS 'takes history out of the stays that a new list of members may change; returns whom it concerned';

/* The event of history that a change from the server is. */
CREATE FUNCTION wa_private.history_twin(g record, kind text, person bigint, at timestamptz, details jsonb)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	slack interval := wa_private.history_slack();
BEGIN
	IF at NOT BETWEEN g.history_since - slack AND g.history_until + slack THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT e.event_id
			FROM wa.group_events AS e
			WHERE e.group_id = g.group_id AND e.occurred_at BETWEEN at - slack AND at + slack AND e.kind = history_twin.kind
				AND e.source = 'history' AND e.at_precision = interval '0' AND e.target IS NOT DISTINCT FROM person
				AND (person IS NOT NULL OR e.details ->> 'text' IS NOT DISTINCT FROM history_twin.details ->> 'text')
			ORDER BY abs(extract(epoch FROM e.occurred_at - at)), e.event_id
			LIMIT 1);
END
$$;
COMMENT ON FUNCTION wa_private.history_twin(record, text, bigint, timestamptz, jsonb) IS 'the event of history that a change from the server is, if there is one';
