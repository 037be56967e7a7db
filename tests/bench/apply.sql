-- Facts per second of wa_private.apply() with one writer, in calls of 1, 20 and
-- 200 facts: joins and leaves of known people, in turn, over 20 groups of 500.
-- CPU time of the session, so that other work on the machine does not count.
-- Run with psql as superuser in a database that has the extension.  What it
-- stored is removed again.  Prints name<TAB>value<TAB>unit<TAB>target.
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on
SET client_min_messages = warning;
SELECT wa.create_storage() \g /dev/null
SELECT wa.add_bot('bench of apply') AS bot \gset

-- lists of members first
SELECT count(*) FROM wa_private.apply(
	(SELECT array_agg(:bot::bigint) FROM generate_series(1, 20)),
	(SELECT array_agg(jsonb_build_object('fact', 'group', 'received_at', 1795456000, 'asked_at', 1795456000, 'source', 'list',
		'group', jsonb_build_object('jid', 'bench' || g || '@g.us', 'subject', 'Bench ' || g, 'version', 1000, 'complete', true,
			'participants', (SELECT jsonb_agg(jsonb_build_object('lid', g * 1000 + p || '@lid', 'pn', '49' || (g * 1000 + p) || '@s.whatsapp.net',
				'role', CASE p WHEN 1 THEN 'superadmin' ELSE 'member' END)) FROM generate_series(1, 500) AS p))))
	 FROM generate_series(1, 20) AS g)) \g /dev/null
ANALYZE;

CREATE TEMP SEQUENCE step;
CREATE FUNCTION pg_temp.next_fact() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('fact', 'group_change', 'received_at', 1795460000 + s.i / 50.0, 'group', 'bench' || s.g || '@g.us',
		'notification', 'n' || s.i, 'ordinal', 0, 'kind', CASE s.turn % 2 WHEN 0 THEN 'remove' ELSE 'add' END, 'known', true,
		'at', 1795460000 + s.i / 50, 'offline', false,
		'actor', jsonb_build_object('lid', s.g * 1000 + 1 || '@lid', 'push_name', 'Admin ' || s.g),
		'version_before', 1000 + s.turn, 'version_after', 1001 + s.turn,
		'targets', jsonb_build_array(jsonb_build_object('lid', s.who || '@lid', 'pn', '49' || s.who || '@s.whatsapp.net', 'role', 'member')),
		'raw', jsonb_build_object('tag', 'add', 'attrs', jsonb_build_object('v_id', 1001 + s.turn, 'prev_v_id', 1000 + s.turn)))
	FROM (SELECT n.i, n.i % 20 + 1 AS g, n.i / 20 AS turn,
			(n.i % 20 + 1) * 1000 + 2 + (n.i / 40) % 400 AS who
		  FROM (SELECT nextval('step') - 1 AS i) AS n) AS s
$$;

-- seconds of CPU of this backend
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS $$
	SELECT (f.a[12]::numeric + f.a[13]::numeric) / 100
	FROM (SELECT string_to_array(regexp_replace(pg_read_file('/proc/self/stat', 0, 4096), '^.*\) ', ''), ' ') AS a) AS f
$$;

CREATE PROCEDURE pg_temp.run(calls integer, size integer, INOUT line text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	bot bigint := (SELECT b.bot_id FROM wa.bots AS b WHERE b.name = 'bench of apply');
	batch jsonb[];
	spent numeric := 0;
	began numeric;
BEGIN
	FOR i IN 1..calls LOOP
		batch := ARRAY(SELECT pg_temp.next_fact() FROM generate_series(1, size));
		began := pg_temp.cpu();
		PERFORM wa_private.apply(array_fill(bot, ARRAY[size]), batch);
		COMMIT;
		spent := spent + (pg_temp.cpu() - began);
	END LOOP;
	line := concat_ws(E'\t', 'apply_batch_' || size, round(calls * size / greatest(spent, 0.01)), 'facts per CPU second', '2000');
END
$$;
CALL pg_temp.run(200, 1);
CALL pg_temp.run(200, 20);
CALL pg_temp.run(40, 200);
SELECT concat_ws(E'\t', 'apply_events_stored', count(*), 'rows', (200 + 4000 + 8000)::text) FROM wa.group_events AS e
JOIN wa.event_sightings AS s USING (event_id) WHERE s.bot_id = :bot;
SELECT wa.remove_bot(:bot, purge => true) \g /dev/null
