-- What storing messages costs at least: their numbers are known and nothing is
-- looked up.  Keys, rows with the indexes of wa.messages, and the sender keys
-- of those who wrote, in transactions of 200 messages with one writer.
-- Run with psql as superuser in a database that has the storage of the
-- extension; set count.  What it makes is removed again.  Prints microseconds
-- of this backend's CPU a message.
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SET plan_cache_mode = force_generic_plan;
CREATE SCHEMA bench;
CREATE TABLE bench.messages (LIKE wa.messages INCLUDING ALL) PARTITION BY RANGE (sent_at);
CREATE TABLE bench.messages_now PARTITION OF bench.messages FOR VALUES FROM (now() - interval '1 month') TO (now() + interval '1 month');
CREATE TABLE bench.message_keys (LIKE wa_private.message_keys INCLUDING ALL);
CREATE TABLE bench.records (LIKE wa_private.records INCLUDING ALL) WITH (fillfactor = 50);

CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS $$
	SELECT split_part(pg_read_file('/proc/self/schedstat', 0, 4096), ' ', 1)::numeric / 1000
$$;

CREATE PROCEDURE pg_temp.run(count integer, INOUT us numeric DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
	size integer := 200;
	began numeric;
	m record;
	r record;
BEGIN
	FOR i IN 0..count / size - 1 LOOP
		SELECT array_agg(n::bigint) AS nos, array_agg((n % 20)::bigint) AS chats, array_agg((n % 80)::bigint) AS senders,
			array_agg('3EB0' || upper(substr(md5(n::text), 1, 18))) AS ids, array_agg(now() + n * interval '1 us') AS at,
			array_agg('Message ' || n || ': ' || repeat('lorem ipsum ', 7)) AS bodies
		INTO m
		FROM generate_series(i * size, (i + 1) * size - 1) AS n;
		SELECT array_agg((10000000 + n)::text || '@lid') AS names, array_agg((120363000000000000 + n % 20)::text || '@g.us') AS chats,
			array_agg(decode(repeat('ab', 100), 'hex')) AS datas
		INTO r
		FROM generate_series(0, 79) AS n;
		began := pg_temp.cpu();
		INSERT INTO bench.message_keys (chat_id, id_hash, sender, message_id, sent_at, rank)
		SELECT x.chat, hashtextextended(x.id, 0), x.sender, x.no, x.at, 3
		FROM unnest(m.nos, m.chats, m.senders, m.ids, m.at) AS x (no, chat, sender, id, at)
		ON CONFLICT DO NOTHING;
		INSERT INTO bench.messages (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin, body)
		SELECT x.no, x.at, x.at, x.chat, x.sender, 1, false, x.id, 'text', 'stored', 'live', x.body
		FROM unnest(m.nos, m.chats, m.senders, m.ids, m.at, m.bodies) AS x (no, chat, sender, id, at, body);
		INSERT INTO bench.records (bot_id, name, kind, chat, data)
		SELECT 1, x.name, 3, x.chat, x.data
		FROM unnest(r.names, r.chats, r.datas) AS x (name, chat, data)
		ON CONFLICT (bot_id, name, kind, chat, number) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at;
		COMMIT;
		us := us + (pg_temp.cpu() - began) / count;
	END LOOP;
END
$$;
CALL pg_temp.run(2000) \g /dev/null
TRUNCATE bench.messages, bench.message_keys;
CALL pg_temp.run(:count);
DROP SCHEMA bench CASCADE;
