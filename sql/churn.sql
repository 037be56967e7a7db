-- Two bots see the same groups through a network that drops, doubles, delays
-- and reorders.  Whatever it does, the tables must end up equal to the truth,
-- with every event that reached a bot once, live, and none twice.
\set VERBOSITY terse
SET client_min_messages = warning;

CREATE SCHEMA churn;
CREATE TABLE churn.events (no serial, jid text, kind text, who int, actor int, version bigint, at float8,
	delivered boolean DEFAULT false, PRIMARY KEY (no));
CREATE TABLE churn.members (jid text, who int, role text, PRIMARY KEY (jid, who));
CREATE TABLE churn.versions (jid text PRIMARY KEY, version bigint);
-- what is on its way to each bot, in order of pos
CREATE TABLE churn.wire (bot bigint, pos float8, fact jsonb, no int);

-- a person as a stanza names them: sometimes one of the two aliases is missing
CREATE FUNCTION churn.identity(who int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN r < 0.6 THEN jsonb_build_object('lid', 100000 + who || '@lid', 'pn', 4900000 + who || '@s.whatsapp.net')
		WHEN r < 0.9 THEN jsonb_build_object('lid', 100000 + who || '@lid')
		ELSE jsonb_build_object('pn', 4900000 + who || '@s.whatsapp.net') END
	FROM random() AS r
$$;

-- the server's answer to a question about a group
CREATE FUNCTION churn.roster(group_jid text, asked float8) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_build_object('fact', 'group', 'source', 'query', 'asked_at', asked, 'received_at', extract(epoch FROM clock_timestamp()),
		'group', jsonb_build_object('jid', group_jid, 'subject', group_jid, 'complete', true, 'version', v.version,
			'participants', (SELECT jsonb_agg(jsonb_build_object('lid', 100000 + m.who || '@lid', 'role', m.role)
				|| CASE WHEN random() < 0.7 THEN jsonb_build_object('pn', 4900000 + m.who || '@s.whatsapp.net') ELSE '{}' END)
				FROM churn.members AS m WHERE m.jid = group_jid)))
	FROM churn.versions AS v WHERE v.jid = group_jid
$$;

-- one thing happens in the truth and goes on its way to both bots
CREATE FUNCTION churn.happen(group_jid text, bots bigint[], faults boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	target int := 1 + floor(random() * 25);
	doer int := 100 + floor(random() * 3);
	old_role text;
	new_kind text;
	e churn.events;
	fact jsonb;
	bot bigint;
BEGIN
	SELECT m.role INTO old_role FROM churn.members AS m WHERE m.jid = group_jid AND m.who = target;
	new_kind := CASE WHEN old_role IS NULL THEN 'add'
		WHEN random() < 0.6 THEN 'remove' WHEN old_role = 'admin' THEN 'demote' ELSE 'promote' END;
	UPDATE churn.versions AS v SET version = v.version + 1 WHERE v.jid = group_jid;
	INSERT INTO churn.events (jid, kind, who, actor, version, at)
	SELECT group_jid, new_kind, target, CASE WHEN new_kind = 'remove' AND random() < 0.5 THEN target ELSE doer END, v.version,
		floor(extract(epoch FROM clock_timestamp()))
	FROM churn.versions AS v WHERE v.jid = group_jid
	RETURNING * INTO e;
	CASE new_kind
		WHEN 'add' THEN INSERT INTO churn.members VALUES (group_jid, target, 'member');
		WHEN 'remove' THEN DELETE FROM churn.members AS m WHERE m.jid = group_jid AND m.who = target;
		ELSE UPDATE churn.members AS m SET role = CASE new_kind WHEN 'promote' THEN 'admin' ELSE 'member' END
			WHERE m.jid = group_jid AND m.who = target;
	END CASE;
	FOREACH bot IN ARRAY bots LOOP
		CONTINUE WHEN faults AND random() < 0.15;
		fact := jsonb_build_object('fact', 'group_change', 'received_at', extract(epoch FROM clock_timestamp()), 'group', group_jid,
			'notification', 'n' || e.no || CASE WHEN random() < 0.5 THEN '' ELSE 'b' || bot END, 'ordinal', 0, 'kind', new_kind,
			'known', true, 'at', e.at, 'actor', churn.identity(e.actor), 'version_before', e.version - 1, 'version_after', e.version,
			'targets', jsonb_build_array(churn.identity(target)), 'raw', jsonb_build_object('tag', new_kind));
		INSERT INTO churn.wire VALUES (bot, e.no + CASE WHEN faults AND random() < 0.2 THEN random() * 6 ELSE 0 END, fact, e.no);
		IF faults AND random() < 0.15 THEN
			INSERT INTO churn.wire VALUES (bot, e.no + random() * 20, fact, e.no);
		END IF;
	END LOOP;
END
$$;

-- some of what is on its way reaches the tables, in ticks of random size
CREATE FUNCTION churn.deliver(which bigint, until float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	size int := 1 + floor(random() * 5);
	nos int[];
	facts jsonb[];
	q record;
BEGIN
	WITH taken AS (
		DELETE FROM churn.wire AS w
		WHERE w.ctid IN (SELECT x.ctid FROM churn.wire AS x WHERE x.bot = which AND x.pos <= until ORDER BY x.pos, x.no LIMIT size)
		RETURNING w.*
	)
	SELECT array_agg(t.fact ORDER BY t.pos, t.no), array_agg(t.no) INTO facts, nos FROM taken AS t;
	IF facts IS NULL THEN
		RETURN;
	END IF;
	UPDATE churn.events AS e SET delivered = true WHERE e.no = ANY (nos);
	FOR q IN
		SELECT * FROM wa_private.apply(array_fill(which, ARRAY[cardinality(facts)]), facts)
		UNION SELECT * FROM wa_private.due_questions(ARRAY[which])
	LOOP
		-- the answer travels behind what the server sent before it
		INSERT INTO churn.wire VALUES (q.bot_id, (SELECT max(e.no) FROM churn.events AS e),
			churn.roster(q.group_jid, extract(epoch FROM clock_timestamp())), NULL);
	END LOOP;
END
$$;

CREATE FUNCTION churn.run(seed float8, steps int, faults boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	bots bigint[];
	jids text[] := ARRAY['x1@g.us', 'x2@g.us'];
	j text;
BEGIN
	PERFORM setseed(seed);
	PERFORM wa.remove_bot(b.bot_id, purge => true) FROM wa.bots AS b ORDER BY b.bot_id;
	TRUNCATE churn.events, churn.members, churn.versions, churn.wire;
	bots := ARRAY[wa.add_bot('churn 1'), wa.add_bot('churn 2')];
	FOREACH j IN ARRAY jids LOOP
		INSERT INTO churn.versions VALUES (j, 100);
		INSERT INTO churn.members SELECT j, g, CASE WHEN g >= 100 THEN 'admin' ELSE 'member' END
		FROM generate_series(1, 103) AS g WHERE g <= 10 OR g >= 100;
		PERFORM wa_private.apply(bots, array_fill(churn.roster(j, extract(epoch FROM clock_timestamp())), ARRAY[2]));
	END LOOP;
	FOR i IN 1..steps LOOP
		PERFORM churn.happen(jids[1 + floor(random() * 2)], bots, faults);
		-- the debounce of ten seconds would make the test slow
		UPDATE wa.groups SET refresh_asked_at = NULL WHERE needs_refresh AND random() < 0.3;
		PERFORM churn.deliver(bots[1 + floor(random() * 2)], (SELECT max(e.no) - random() * 4 FROM churn.events AS e));
	END LOOP;
	WHILE EXISTS (SELECT FROM churn.wire) LOOP
		PERFORM churn.deliver(bots[1 + floor(random() * 2)], 'infinity');
	END LOOP;
	FOREACH j IN ARRAY jids LOOP
		PERFORM wa_private.apply(bots, array_fill(churn.roster(j, extract(epoch FROM clock_timestamp())), ARRAY[2]));
	END LOOP;
END
$$;

-- what must hold; every count must be 0
CREATE FUNCTION churn.errors(OUT members int, OUT missing int, OUT extra int, OUT doubled int, OUT not_live int, OUT overlaps int,
	OUT unequal_sum int, OUT refs int, OUT sightings int, OUT people int, OUT inexact int)
LANGUAGE sql AS $$
	WITH who AS (
		SELECT i.user_id, (i.value::int - 100000) AS who FROM wa.user_ids AS i WHERE i.kind = 'lid' AND i.current
	), ours AS (
		SELECT g.jid, w.who, m.role FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) JOIN who AS w USING (user_id)
		WHERE m.left_at IS NULL
	), stored AS (
		SELECT g.jid, e.*, CASE e.kind WHEN 'join' THEN 'add' WHEN 'leave' THEN 'remove' ELSE e.kind END AS tag, w.who
		FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) LEFT JOIN who AS w ON w.user_id = e.target
	)
	SELECT
		(SELECT count(*) FROM churn.members),
		(SELECT count(*) FROM (TABLE churn.members EXCEPT SELECT * FROM ours) AS x),
		(SELECT count(*) FROM (SELECT * FROM ours EXCEPT TABLE churn.members) AS x),
		(SELECT count(*) FROM (SELECT FROM stored AS s WHERE s.source = 'live' GROUP BY s.jid, s.version_after HAVING count(*) > 1) AS x),
		(SELECT count(*) FROM churn.events AS t WHERE t.delivered AND NOT EXISTS (SELECT FROM stored AS s
			WHERE s.jid = t.jid AND s.version_after = t.version AND s.tag = t.kind AND s.who = t.who AND s.source = 'live')),
		(SELECT count(*) FROM wa.memberships AS a JOIN wa.memberships AS b USING (group_id, user_id)
			WHERE a.membership_id < b.membership_id AND (a.joined_at, coalesce(a.left_at, 'infinity')) OVERLAPS (b.joined_at, coalesce(b.left_at, 'infinity'))
				AND a.joined_at <> a.left_at AND b.joined_at <> b.left_at),
		-- joins minus leaves of each person must explain the difference between first and last list
		(SELECT count(*) FROM (
			SELECT s.jid, s.who, sum(CASE s.kind WHEN 'join' THEN 1 WHEN 'leave' THEN -1 ELSE 0 END) AS net FROM stored AS s GROUP BY 1, 2) AS n
			WHERE n.net <> (EXISTS (SELECT FROM churn.members AS m WHERE m.jid = n.jid AND m.who = n.who))::int
				- (n.who <= 10 OR n.who >= 100)::int),
		(SELECT count(*) FROM wa.group_events AS e WHERE NOT EXISTS (SELECT FROM wa.groups AS g WHERE g.group_id = e.group_id)
			OR (e.target IS NOT NULL AND NOT EXISTS (SELECT FROM wa.users AS u WHERE u.user_id = e.target))
			OR (e.actor IS NOT NULL AND NOT EXISTS (SELECT FROM wa.users AS u WHERE u.user_id = e.actor))),
		(SELECT count(*) FROM wa.event_sightings AS s WHERE NOT EXISTS (SELECT FROM wa.group_events AS e WHERE e.event_id = s.event_id)),
		(SELECT count(*) FROM (SELECT FROM wa.user_ids AS i WHERE i.current AND i.kind IN ('lid', 'pn')
			GROUP BY i.user_id, i.kind HAVING count(*) > 1) AS x)
			+ (SELECT count(*) FROM wa.users AS u WHERE NOT EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = u.user_id)),
		-- every boundary of a stay that is called exact is an event of the truth
		(SELECT count(*) FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) JOIN who AS w USING (user_id)
			WHERE (m.join_source = 'live' AND NOT EXISTS (SELECT FROM churn.events AS t WHERE t.jid = g.jid AND t.who = w.who
					AND t.kind = 'add' AND t.version = m.joined_version))
				OR (m.leave_source = 'live' AND NOT EXISTS (SELECT FROM churn.events AS t WHERE t.jid = g.jid AND t.who = w.who
					AND t.kind = 'remove' AND t.version = m.left_version)))
$$;

-- what is not 0
CREATE FUNCTION churn.wrong() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(to_jsonb(churn.errors())) AS e WHERE e.key <> 'members' AND e.value <> '0'
$$;

-- a network without faults: nothing is inferred
SELECT churn.run(0.1, 300, false);
SELECT churn.wrong();
SELECT count(*) FILTER (WHERE source = 'live') AS live, count(*) FILTER (WHERE source <> 'live') AS inferred FROM wa.group_events;

-- networks with faults: what reached nobody is inferred
SELECT churn.run(0.2, 400, true);
SELECT churn.wrong();
SELECT count(*) FILTER (WHERE source <> 'live') > 0 AS inferred, count(*) FILTER (WHERE source = 'live') <= 400 AS live_once FROM wa.group_events;
SELECT churn.run(0.3, 400, true);
SELECT churn.wrong();
SELECT churn.run(0.4, 400, true);
SELECT churn.wrong();

SELECT wa.remove_bot(b.bot_id, purge => true) FROM wa.bots AS b ORDER BY b.bot_id;
DROP SCHEMA churn CASCADE;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
