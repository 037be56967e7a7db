-- Microseconds of CPU a message of wa_private.apply(): plain texts of known
-- people, one writer, batches of 1, 20 and 200 messages from 50 groups and 100
-- senders; and the same again, as a second bot in the groups brings them.
-- Run with psql as superuser in a database that has the extension.  What it
-- stored is removed again.  Prints name<TAB>value<TAB>unit<TAB>target.
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on
SET client_min_messages = warning;
SELECT wa.create_storage() \g /dev/null
SELECT wa.add_bot('bench of messages', default_watch => 'messages') AS bot \gset
SELECT wa.add_bot('bench of messages, second bot', default_watch => 'messages') AS second \gset
CREATE TEMP SEQUENCE step;

-- seconds of CPU of this backend
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS $$
	SELECT (f.a[12]::numeric + f.a[13]::numeric) / 100
	FROM (SELECT string_to_array(regexp_replace(pg_read_file('/proc/self/stat', 0, 4096), '^.*\) ', ''), ' ') AS a) AS f
$$;

CREATE PROCEDURE pg_temp.run(name text, bot_name text, calls integer, size integer, first integer, INOUT line text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	bot bigint := (SELECT b.bot_id FROM wa.bots AS b WHERE b.name = bot_name);
	m record;
	spent numeric := 0;
	began numeric;
	nobody text[] := array_fill(NULL::text, ARRAY[size]);
BEGIN
	FOR i IN 0..calls - 1 LOOP
		SELECT array_agg('bench' || n % 50 || '@g.us') AS chats, array_agg(100000 + n % 100 || '@lid') AS lids,
			array_agg(490000 + n % 100 || '@s.whatsapp.net') AS pns, array_agg('Sender ' || n % 100) AS names,
			array_agg('3EB0' || upper(substr(md5(n::text), 1, 18))) AS ids, array_agg(now() + n * interval '1 ms') AS at,
			array_agg('Message ' || n || ': ' || repeat('lorem ipsum ', 7)) AS bodies
		INTO m
		FROM generate_series(first + i * size, first + (i + 1) * size - 1) AS n;
		began := pg_temp.cpu();
		PERFORM wa_private.apply('{}', '{}', array_fill(bot, ARRAY[size]), m.chats, m.lids, m.pns, m.names, m.ids, m.at, m.at,
			array_fill('text'::text, ARRAY[size]), m.bodies, array_fill(0, ARRAY[size]), array_fill('stored'::text, ARRAY[size]),
			array_fill('live'::text, ARRAY[size]), array_fill(NULL::jsonb, ARRAY[size]), array_fill(NULL::bytea, ARRAY[size]),
			array_fill(NULL::bytea, ARRAY[size]));
		COMMIT;
		spent := spent + (pg_temp.cpu() - began);
	END LOOP;
	line := concat_ws(E'\t', name, round(spent * 1000000 / (calls * size), 1), 'us a message', '45');
END
$$;
-- people, groups and chats first
CALL pg_temp.run('warm', 'bench of messages', 1, 200, 0) \g /dev/null
CALL pg_temp.run('messages_batch_1', 'bench of messages', 1000, 1, 1000);
CALL pg_temp.run('messages_batch_20', 'bench of messages', 500, 20, 2000);
CALL pg_temp.run('messages_batch_200', 'bench of messages', 500, 200, 100000);
CALL pg_temp.run('messages_known_200', 'bench of messages, second bot', 500, 200, 100000);
SELECT concat_ws(E'\t', 'messages_stored', count(*), 'rows', 200 + 1000 + 10000 + 100000) FROM wa.messages AS m WHERE m.bot_id = :bot;
SELECT wa.remove_bot(:second, purge => true), wa.remove_bot(:bot, purge => true) \g /dev/null
