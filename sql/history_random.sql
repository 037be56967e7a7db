-- The life of a group, told in pieces: the later part live, the earlier part
-- by the memories of two phones, in any order and more than once.  The tables
-- must end up equal to the truth, whatever the order was.
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT wa.create_storage();

CREATE SCHEMA recall;
CREATE TABLE recall.events (no serial PRIMARY KEY, who int, kind text, how text, actor int, at bigint);
-- what a bot is told; wave: facts of one wave are told in any order
CREATE TABLE recall.wire (no serial, bot int, fact jsonb, wave int, pos float8);

-- a person as stanzas and phones name them
CREATE FUNCTION recall.identity(who int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN r < 0.6 THEN jsonb_build_object('lid', 700000 + who || '@lid', 'pn', 4970000 + who || '@s.whatsapp.net')
		WHEN r < 0.8 THEN jsonb_build_object('lid', 700000 + who || '@lid')
		ELSE jsonb_build_object('pn', 4970000 + who || '@s.whatsapp.net') END
	FROM random() AS r
$$;

-- who is in at a time; 1 to 20 are from the beginning, 100 is the admin
CREATE FUNCTION recall.members(until bigint) RETURNS SETOF int LANGUAGE sql STABLE AS $$
	SELECT p FROM generate_series(1, 100) AS p
	WHERE coalesce((SELECT e.kind = 'add' FROM recall.events AS e WHERE e.who = p AND e.at <= until ORDER BY e.no DESC LIMIT 1), p <= 20 OR p = 100)
$$;

CREATE FUNCTION recall.roster(until bigint) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_build_object('fact', 'group', 'source', 'query', 'asked_at', until + 0.5, 'received_at', until + 0.6, 'group',
		jsonb_build_object('jid', 'life@g.us', 'subject', 'Life', 'complete', true, 'version', 1000 + (SELECT count(*) FROM recall.events AS e WHERE e.at <= until),
			'participants', (SELECT jsonb_agg(recall.identity(p) || jsonb_build_object('lid', 700000 + p || '@lid')) FROM recall.members(until) AS p)))
$$;

-- a change as the server tells it
CREATE FUNCTION recall.live(e recall.events) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('fact', 'group_change', 'received_at', e.at + 0.3, 'group', 'life@g.us', 'notification', 'n' || e.no,
		'ordinal', 0, 'kind', e.kind, 'known', true, 'at', e.at, 'actor', recall.identity(e.actor), 'version_before', 999 + e.no,
		'version_after', 1000 + e.no, 'targets', jsonb_build_array(recall.identity(e.who) || jsonb_build_object('lid', 700000 + e.who || '@lid')), 'raw', jsonb_build_object('tag', e.kind),
		'reason', CASE WHEN e.how = 'link' THEN 'invite' END))
$$;

-- and as a phone remembers it
CREATE FUNCTION recall.stub(e recall.events, received bigint) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('fact', 'history_change', 'received_at', received, 'group', 'life@g.us', 'id', 'S' || e.no, 'kind', e.kind,
		'at', e.at, 'actor', recall.identity(e.actor), 'targets', jsonb_build_array(recall.identity(e.who)),
		'reason', CASE e.how WHEN 'link' THEN 'invite' WHEN 'approved' THEN 'request' END))
$$;

-- A life of so many changes over sixty days.  Days 40 to 44 are a gap when nobody listens; the bots are linked on day 30.
CREATE FUNCTION recall.live_on(steps int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	start CONSTANT bigint := 1790000000;
	moment bigint;
	target int;
	way text;
BEGIN
	TRUNCATE recall.events RESTART IDENTITY;
	FOR i IN 1..steps LOOP
		moment := start + i * (60 * 86400 / steps) + floor(random() * 200);
		target := 1 + floor(random() * 40);
		CONTINUE WHEN EXISTS (SELECT FROM recall.events AS e WHERE e.at >= moment)
			OR EXISTS (SELECT FROM recall.events AS e WHERE e.who = target AND e.at > moment - 70);
		IF target IN (SELECT recall.members(moment)) THEN
			way := (ARRAY['left', 'removed'])[1 + floor(random() * 2)];
			INSERT INTO recall.events (who, kind, how, actor, at) VALUES (target, 'remove', way, CASE way WHEN 'left' THEN target ELSE 100 END, moment);
		ELSE
			way := (ARRAY['link', 'added', 'approved'])[1 + floor(random() * CASE WHEN i < steps / 2 THEN 3 ELSE 2 END)];
			INSERT INTO recall.events (who, kind, how, actor, at) VALUES (target, 'add', way, CASE way WHEN 'link' THEN target ELSE 100 END, moment);
			-- some are gone again in no time
			IF random() < 0.2 AND i < steps / 3 THEN
				INSERT INTO recall.events (who, kind, how, actor, at) VALUES (target, 'remove', 'left', target, moment + 4), (target, 'add', 'link', target, moment + 9);
			END IF;
		END IF;
	END LOOP;
END
$$;

-- Puts everything on the wire.  complete: the phones remember all of it.
CREATE FUNCTION recall.tell(complete boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	linked CONSTANT bigint := 1790000000 + 30 * 86400;
	bots CONSTANT int[] := '{1,2}';
	e recall.events;
	bot int;
BEGIN
	TRUNCATE recall.wire RESTART IDENTITY;
	INSERT INTO recall.wire (bot, fact, wave, pos) SELECT b, recall.roster(linked), 1, 0 FROM unnest(bots) AS b;
	FOR e IN SELECT * FROM recall.events ORDER BY no LOOP
		FOREACH bot IN ARRAY bots LOOP
			IF e.at <= linked THEN
				IF complete OR random() < 0.6 THEN
					INSERT INTO recall.wire (bot, fact, wave, pos) SELECT bot, recall.stub(e, linked + 3600), 2, random() FROM generate_series(1, 1 + (random() < 0.3)::int);
				END IF;
				-- some know of the leave twice
				IF e.kind = 'remove' AND random() < 0.4 THEN
					INSERT INTO recall.wire (bot, fact, wave, pos) VALUES (bot, jsonb_build_object('fact', 'past_members', 'received_at', linked + 3600, 'group', 'life@g.us', 'leavers',
						jsonb_build_array(jsonb_build_object('who', recall.identity(e.who), 'removed', e.how = 'removed', 'at', e.at))), 2, random());
				END IF;
			ELSIF e.at < linked + 10 * 86400 OR e.at > linked + 14 * 86400 THEN
				-- live, from the second wave on, while history still comes
				INSERT INTO recall.wire (bot, fact, wave, pos) VALUES (bot, recall.live(e), CASE WHEN e.at < linked + 10 * 86400 THEN 2 ELSE 4 END,
					(e.at - linked) / (30.0 * 86400));
				-- the phone remembers some of it too
				IF random() < 0.3 THEN
					INSERT INTO recall.wire (bot, fact, wave, pos) VALUES (bot, recall.stub(e, e.at + 100), CASE WHEN e.at < linked + 10 * 86400 THEN 2 ELSE 4 END,
						random());
				END IF;
			ELSIF complete OR random() < 0.5 THEN
				-- what was missed comes after the list that shows it
				INSERT INTO recall.wire (bot, fact, wave, pos) VALUES (bot, recall.stub(e, linked + 15 * 86400), 4, random());
			END IF;
		END LOOP;
	END LOOP;
	-- one of the bots sees less
	DELETE FROM recall.wire AS w WHERE w.bot = 2 AND w.fact ->> 'fact' = 'group_change' AND random() < 0.3;
	INSERT INTO recall.wire (bot, fact, wave, pos) SELECT b, recall.roster(linked + 14 * 86400), 3, 0 FROM unnest(bots) AS b;
	INSERT INTO recall.wire (bot, fact, wave, pos) SELECT b, recall.roster(linked + 31 * 86400), 5, 0 FROM unnest(bots) AS b;
	-- and everything that history told is told once more
	INSERT INTO recall.wire (bot, fact, wave, pos) SELECT w.bot, w.fact, 6, random() FROM recall.wire AS w WHERE w.fact ->> 'fact' IN ('history_change', 'past_members');
END
$$;

-- In ticks of random size; shuffle: history in another order than the last time.
CREATE FUNCTION recall.deliver(waves int[], shuffle boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	tick record;
BEGIN
	IF shuffle THEN
		UPDATE recall.wire SET pos = random() WHERE fact ->> 'fact' IN ('history_change', 'past_members');
	END IF;
	FOR tick IN
		SELECT array_agg((SELECT b.bot_id FROM wa.bots AS b WHERE b.name = 'recall ' || x.bot) ORDER BY x.wave, x.pos, x.no) AS bots, array_agg(x.fact ORDER BY x.wave, x.pos, x.no) AS facts
		FROM (SELECT w.*, floor(sum(random()) OVER (ORDER BY w.wave, w.pos, w.no) / 2) AS turn FROM recall.wire AS w WHERE w.wave = ANY (waves)) AS x
		GROUP BY x.turn ORDER BY x.turn
	LOOP
		PERFORM wa_private.apply(tick.bots, tick.facts);
	END LOOP;
END
$$;

-- two bots that have seen nothing yet
CREATE FUNCTION recall.bots() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM wa.remove_bot(b.bot_id, purge => true) FROM wa.bots AS b ORDER BY b.bot_id;
	PERFORM wa.add_bot('recall ' || n) FROM generate_series(1, 2) AS n;
END
$$;

CREATE VIEW recall.who AS SELECT i.user_id, CASE i.kind WHEN 'lid' THEN i.value::int - 700000 ELSE i.value::int - 4970000 END AS who FROM wa.user_ids AS i WHERE i.current AND i.kind = 'lid'
	OR i.current AND i.kind = 'pn' AND NOT EXISTS (SELECT FROM wa.user_ids AS l WHERE l.user_id = i.user_id AND l.kind = 'lid');
-- stays in the truth, and in the tables
CREATE VIEW recall.truth AS
WITH ends AS (
	SELECT p AS who, NULL::bigint AS at, 'add' AS kind, NULL::text AS how, NULL::int AS by_who, 0 AS no FROM generate_series(1, 100) AS p WHERE p <= 20 OR p = 100
	UNION ALL SELECT e.who, e.at, e.kind, e.how, CASE WHEN e.how IN ('added', 'approved', 'removed') THEN e.actor END, e.no FROM recall.events AS e
), next AS (
	SELECT x.*, lead(x.at) OVER w AS left_at, lead(x.how) OVER w AS left_how, lead(x.by_who) OVER w AS remover FROM ends AS x WINDOW w AS (PARTITION BY x.who ORDER BY x.no)
)
SELECT n.who, n.at AS joined, coalesce(n.how, 'unknown') AS join_kind, n.by_who AS inviter, n.left_at AS "left", n.left_how AS leave_kind, n.remover
FROM next AS n WHERE n.kind = 'add';
CREATE VIEW recall.stays AS
SELECT w.who, CASE WHEN m.joined_precision IS NOT NULL THEN extract(epoch FROM m.joined_at)::bigint END AS joined, m.join_kind, i.who AS inviter,
	extract(epoch FROM m.left_at)::bigint AS "left", m.leave_kind, r.who AS remover
FROM wa.memberships AS m JOIN recall.who AS w USING (user_id) LEFT JOIN recall.who AS i ON i.user_id = m.inviter LEFT JOIN recall.who AS r ON r.user_id = m.remover;
-- everything that must not depend on the order in which it was told
CREATE VIEW recall.outcome AS
SELECT w.who, m.joined_at, m.joined_precision = interval '0' AS join_exact, m.join_kind, m.join_source, m.inviter IS NULL AS alone, m.left_at, m.left_precision = interval '0' AS leave_exact, m.leave_kind, m.leave_source
FROM wa.memberships AS m JOIN recall.who AS w USING (user_id);

-- what must hold, whatever was told; every count must be 0
CREATE FUNCTION recall.wrong(until bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(x.what, x.n) FILTER (WHERE x.n > 0)
	FROM (
		SELECT 'roster' AS what, count(*) AS n FROM (
			(SELECT recall.members(until) EXCEPT SELECT w.who FROM wa.memberships AS m JOIN recall.who AS w USING (user_id) WHERE m.left_at IS NULL)
			UNION ALL
			(SELECT w.who FROM wa.memberships AS m JOIN recall.who AS w USING (user_id) WHERE m.left_at IS NULL EXCEPT SELECT recall.members(until))) AS x
		UNION ALL SELECT 'overlap', count(*) FROM wa.memberships AS a JOIN wa.memberships AS b USING (group_id, user_id)
			WHERE a.membership_id < b.membership_id AND tstzrange(a.joined_at, a.left_at) && tstzrange(b.joined_at, b.left_at)
		UNION ALL SELECT 'growth', count(*) FROM (
			SELECT g.net, g.members - lag(g.members) OVER (ORDER BY g.day) AS step FROM wa.group_growth AS g) AS x WHERE x.net <> x.step
		UNION ALL SELECT 'size', count(*) FROM (SELECT g.members FROM wa.group_growth AS g ORDER BY g.day DESC LIMIT 1) AS x
			WHERE x.members <> (SELECT count(*) FROM wa.memberships AS m WHERE m.left_at IS NULL)
		-- a boundary has one event, and the other way round, and they say the same
		UNION ALL SELECT 'events', count(*) FROM (
			SELECT m.join_event_id AS event_id, m.user_id, m.joined_at AS at, m.joined_precision AS reach, m.join_source AS source, 'join' AS kind, m.join_kind AS how
			FROM wa.memberships AS m WHERE m.join_event_id IS NOT NULL
			UNION ALL SELECT m.leave_event_id, m.user_id, m.left_at, m.left_precision, m.leave_source, 'leave', m.leave_kind FROM wa.memberships AS m WHERE m.left_at IS NOT NULL) AS b
			FULL JOIN (SELECT e.* FROM wa.group_events AS e WHERE e.kind IN ('join', 'leave')) AS e USING (event_id)
			WHERE (b.user_id, b.at, b.source, b.kind, b.how) IS DISTINCT FROM (e.target, e.occurred_at, e.source, e.kind, e.how)
				OR (b.reach = interval '0') IS DISTINCT FROM (e.at_precision = interval '0')
		UNION ALL SELECT 'twice', count(*) FROM (SELECT FROM wa.group_events AS e WHERE e.at_precision = interval '0' AND e.kind IN ('join', 'leave')
			GROUP BY e.target, e.kind, e.occurred_at HAVING count(*) > 1) AS x
		-- what is exact was so
		UNION ALL SELECT 'invented', count(*) FROM wa.group_events AS e JOIN recall.who AS w ON w.user_id = e.target
			WHERE e.at_precision = interval '0' AND e.kind IN ('join', 'leave') AND NOT EXISTS (SELECT FROM recall.events AS t
				WHERE t.who = w.who AND t.at = extract(epoch FROM e.occurred_at) AND t.kind = CASE e.kind WHEN 'join' THEN 'add' ELSE 'remove' END)
		-- and what is inferred was at some time in its range
		UNION ALL SELECT 'out of range', count(*) FROM wa.group_events AS e JOIN recall.who AS w ON w.user_id = e.target
			WHERE e.at_precision > interval '0' AND e.kind IN ('join', 'leave') AND NOT EXISTS (SELECT FROM recall.events AS t
				WHERE t.who = w.who AND t.kind = CASE e.kind WHEN 'join' THEN 'add' ELSE 'remove' END
					AND to_timestamp(t.at) BETWEEN e.occurred_at - e.at_precision - interval '1 second' AND e.occurred_at)
	) AS x
$$;

-- phones that remember everything: the tables are the truth
CREATE FUNCTION recall.untold() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM ((TABLE recall.truth EXCEPT ALL TABLE recall.stays) UNION ALL (TABLE recall.stays EXCEPT ALL TABLE recall.truth)) AS x
$$;

-- One life: what a phone that remembers everything makes of it, then one that
-- remembers some of it, told once more, then the same in another order.
CREATE FUNCTION recall.run(seed float8, OUT complete jsonb, OUT untold bigint, OUT lossy jsonb, OUT repeated jsonb, OUT changed bigint,
	OUT shuffled jsonb, OUT differing bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed);
	PERFORM recall.live_on(150), recall.tell(true), recall.bots(), recall.deliver('{1,2}', false);
	complete := recall.wrong(1790000000 + 40 * 86400);
	PERFORM recall.deliver('{3,4,5,6}', false);
	complete := coalesce(complete, recall.wrong(1790000000 + 61 * 86400));
	untold := recall.untold();

	PERFORM recall.tell(false), recall.bots(), recall.deliver('{1,2}', false);
	lossy := recall.wrong(1790000000 + 40 * 86400);
	PERFORM recall.deliver('{3,4,5}', false);
	lossy := coalesce(lossy, recall.wrong(1790000000 + 61 * 86400));
	CREATE TEMPORARY TABLE before ON COMMIT DROP AS TABLE recall.outcome;
	PERFORM recall.deliver('{6}', true);
	repeated := recall.wrong(1790000000 + 61 * 86400);
	SELECT count(*) INTO changed FROM ((TABLE before EXCEPT ALL TABLE recall.outcome) UNION ALL (TABLE recall.outcome EXCEPT ALL TABLE before)) AS x;

	PERFORM recall.bots(), recall.deliver('{1,2,3,4,5,6}', true);
	shuffled := recall.wrong(1790000000 + 61 * 86400);
	SELECT count(*) INTO differing FROM ((TABLE before EXCEPT ALL TABLE recall.outcome) UNION ALL (TABLE recall.outcome EXCEPT ALL TABLE before)) AS x;
END
$$;

SELECT * FROM recall.run(0.1);
SELECT count(*) FILTER (WHERE source = 'live') > 30 AS live, count(*) FILTER (WHERE source = 'history' AND at_precision = interval '0') > 30 AS told,
	count(*) FILTER (WHERE at_precision > interval '0') > 0 AS inferred FROM wa.group_events;
SELECT * FROM recall.run(0.2);

SELECT wa.remove_bot(b.bot_id, purge => true) FROM wa.bots AS b ORDER BY b.bot_id;
DROP SCHEMA recall CASCADE;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
