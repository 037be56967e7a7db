-- The feed of what changed, and what is done now and then.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('f one', default_watch => 'messages') AS one \gset
-- positions without their transaction
CREATE FUNCTION public.read_feed(since text, "limit" int DEFAULT 1000) RETURNS TABLE (kind text, change text, what text, chat text, "group" text, bot text) LANGUAGE sql AS $$
	SELECT f.kind, f.change, coalesce(m.wa_id, e.kind), c.jid, g.jid, b.name
	FROM wa.feed(since, "limit") WITH ORDINALITY AS f (cursor, kind, id, change, chat_id, group_id, bot_id, at, no) LEFT JOIN wa.messages AS m ON f.kind = 'message' AND m.message_id = f.id
	LEFT JOIN wa.group_events AS e ON f.kind = 'group_event' AND e.event_id = f.id
	LEFT JOIN wa.chats AS c ON c.chat_id = f.chat_id LEFT JOIN wa.groups AS g ON g.group_id = f.group_id LEFT JOIN wa.bots AS b ON b.bot_id = f.bot_id
	ORDER BY f.no
$$;
SELECT wa.feed_position() AS start \gset
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'A1', 'one'), public.msg(:one, 'f1@g.us', 2, 'A2', 'two'), public.msg(:one, '7003@lid', 3, 'A3', 'three'),
	public.msg(:one, 'f1@g.us', 2, 'A4', NULL, state => 'pending'));
SELECT public.say(public.msg(:one, 'f1@g.us', 2, 'A4', 'four', origin => 'retry'), public.msg(:one, 'f1@g.us', 1, 'A1', 'one'));
SELECT public.fact(:one, 'edit', 5, public.about('A1', 1, '{"chat": "f1@g.us", "id": "E1", "kind": "text", "body": "1"}', 1));
SELECT public.fact(:one, 'reaction', 6, public.about('A1', 1, '{"chat": "f1@g.us", "text": "x"}', 2));
SELECT public.fact(:one, 'revoke', 7, public.about('A2', 2, '{"chat": "f1@g.us", "id": "E2"}', 2));
SELECT public.apply(:one, public.change('f1@g.us', 8, 'subject', NULL, public.who(6001), '[]', '{"text": "Feed"}'));
SELECT * FROM public.read_feed(:'start');
-- in pages, without a gap, to the end
SELECT count(*) AS all FROM wa.feed(:'start') \gset
SELECT f.cursor FROM wa.feed(:'start', 3) AS f OFFSET 2 \gset page1_
SELECT f.cursor FROM wa.feed(:'page1_cursor', 4) AS f OFFSET 3 \gset page2_
SELECT 3 + 4 + count(*) = :all AS complete, count(*) > 0 AS more FROM wa.feed(:'page2_cursor');
SELECT count(*) AS after_the_end FROM wa.feed((SELECT f.cursor FROM wa.feed(:'start') AS f OFFSET :all - 1));
SELECT count(*) AS after_now FROM wa.feed(wa.feed_position());
SELECT count(*) AS none FROM wa.feed(:'start', 0);
-- the same entries in the same order every time
SELECT (SELECT array_agg(f.cursor) FROM wa.feed(:'start') AS f) = (SELECT array_agg(f.cursor) FROM wa.feed(NULL, 1000000) AS f
	WHERE (string_to_array(f.cursor, '.')::bigint[])[1:2] >= (string_to_array(:'start', '.')::bigint[])[1:2]) AS stable;
-- a transaction that changed nothing leaves nothing; nor does one that is rolled back
SELECT wa.feed_position() AS start \gset
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'A1', 'one'));
BEGIN;
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'A5', 'five'));
SELECT count(*) AS own FROM wa.feed(:'start');
ROLLBACK;
SELECT count(*) FROM wa.feed(:'start');
SELECT public.try($$SELECT wa.feed('yesterday')$$);
SELECT public.try($$SELECT wa.feed('1.2.3')$$);
SELECT public.try($$SELECT wa.feed('999999.1.1.1')$$);
SELECT public.try($$SELECT wa.feed(NULL, -1)$$);

-- another server claims the database: its transaction numbers begin anew, positions go on
SELECT f.cursor AS last FROM wa.feed(NULL, 1000000) AS f ORDER BY string_to_array(f.cursor, '.')::bigint[] DESC LIMIT 1 \gset
UPDATE wa_private.feed_batches SET xid = (xid::text::bigint + 1000000000)::text::xid8;
SELECT regexp_replace(:'last', '\.(\d+)', '.1' || lpad(split_part(:'last', '.', 2), 9, '0')) AS last \gset
SELECT wa_private.worker_started(0, NULL) IS NULL AS claimed;
SELECT wa.adopt_node();
SELECT wa_private.worker_started(0, NULL) IS NULL AS claimed;
SELECT count(*) FROM wa.feed(:'last');
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'A6', 'after the restore', 9));
SELECT kind, what FROM public.read_feed(:'last');
SELECT count(DISTINCT split_part(f.cursor, '.', 1)) AS epochs FROM wa.feed(NULL, 1000000) AS f;
-- the same server again: the same epoch
SELECT feed_epoch AS epoch FROM wa_private.storage \gset
SELECT wa_private.worker_started(0, NULL) IS NULL AS claimed;
SELECT feed_epoch = :epoch AS same FROM wa_private.storage;

-- too old a position says so
UPDATE wa_private.feed_batches SET at = at - interval '8 days' WHERE epoch < :epoch;
SELECT wa_private.prune_feed(2), wa_private.prune_feed(100000) > 0 AS more, wa_private.prune_feed(100000);
SELECT kind, what FROM public.read_feed(NULL);
SELECT kind, what FROM public.read_feed((SELECT feed_pruned FROM wa_private.storage));
SELECT regexp_replace(public.try(format('SELECT wa.feed(%L)', :'start')), '[\d.]+ is', '... is');

-- disappearing messages go with everything about them, and do not come back
SELECT wa.feed_position() AS start \gset
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'X1', 'for a minute', 10, extra => '{"expires_in": 60, "media": {"kind": "image", "key": "00"}, "poll": {"options": [{"name": "x"}]}}'),
	public.msg(:one, 'f1@g.us', 1, 'X2', 'for ever', 10), public.msg(:one, 'f1@g.us', 1, 'X3', 'for long', 10, extra => '{"expires_at": 4102444800}'));
SELECT public.fact(:one, 'reaction', 11, public.about('X1', 1, '{"chat": "f1@g.us", "text": "x"}', 2));
SELECT public.fact(:one, 'edit', 11, public.about('X1', 1, '{"chat": "f1@g.us", "id": "E3", "kind": "text", "body": "1"}', 1));
UPDATE wa.messages SET expires_at = now() - interval '1 second' WHERE wa_id = 'X1';
SELECT wa_private.settle_rollups(1000000) >= 0 AS settled, wa_private.housekeeping();
SELECT wa_id FROM wa.messages WHERE wa_id LIKE 'X_' ORDER BY 1;
SELECT (SELECT count(*) FROM wa.media) AS files, (SELECT count(*) FROM wa.poll_options) AS options, (SELECT count(*) FROM wa.reactions WHERE wa_id = 'X1') AS reactions,
	(SELECT count(*) FROM wa.message_edits WHERE wa_id = 'X1') AS versions;
SELECT public.say(public.msg(:one, 'f1@g.us', 1, 'X1', 'for a minute', 10, origin => 'history'));
SELECT public.fact(:one, 'reaction', 12, public.about('X1', 1, '{"chat": "f1@g.us", "text": "y"}', 2));
SELECT (SELECT count(*) FROM wa.messages WHERE wa_id = 'X1') AS messages, (SELECT count(*) FROM wa.reactions WHERE wa_id = 'X1') AS reactions;
SELECT kind, change, what FROM public.read_feed(:'start');

-- what cannot be read for two weeks is lost, unless history is still to come; it may come all the same
SELECT public.say(public.msg(:one, 'f1@g.us', 2, 'L1', NULL, 20, state => 'pending'), public.msg(:one, 'f1@g.us', 2, 'L2', NULL, 20, state => 'pending'));
UPDATE wa.messages SET received_at = now() - interval '13 days' WHERE wa_id = 'L1';
UPDATE wa.messages SET received_at = now() - interval '15 days' WHERE wa_id = 'L2';
INSERT INTO wa_private.history_chunks (bot_id, notice_id, notice, noticed_at, progress) VALUES (:one, 'history-1', '{}', now(), 50);
SELECT wa_private.settle_rollups(1000000) >= 0 AS settled, wa_private.housekeeping();
UPDATE wa_private.history_chunks SET state = 'done', n_messages = 7;
SELECT bot, chunks, done, open, percent, messages FROM wa.history_progress;
SELECT wa_private.settle_rollups(1000000) >= 0 AS settled, wa_private.housekeeping();
SELECT wa_id, state FROM wa.messages WHERE wa_id LIKE 'L_' ORDER BY 1;
SELECT wa.health() -> 'messages' AS health;
SELECT public.say(public.msg(:one, 'f1@g.us', 2, 'L2', 'found', 20, origin => 'history'));
SELECT wa_id, state, body FROM wa.messages WHERE wa_id LIKE 'L_' ORDER BY 1;

-- a message and what is about it that did not see each other
SELECT public.say(public.msg(:one, 'f1@g.us', 2, 'Q1', 'parent', 30));
INSERT INTO wa.reactions (chat_id, wa_id, user_id, emoji, reacted_at, received_at) SELECT m.chat_id, 'Q1', m.sender, 'x', now(), now() FROM wa.messages AS m WHERE m.wa_id = 'Q1';
INSERT INTO wa_private.waiting (chat_id, id_hash) SELECT m.chat_id, hashtextextended('Q1', 0) FROM wa.messages AS m WHERE m.wa_id = 'Q1';
SELECT wa_private.settle_rollups(1000000) >= 0 AS settled, wa_private.housekeeping();
SELECT m.wa_id FROM wa.reactions AS r JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = 'Q1';

-- a file that was fetched
SELECT public.say(public.msg(:one, 'f1@g.us', 2, 'F1', 'file', 31, extra => '{"media": {"kind": "image", "key": "00"}}'));
SELECT wa.feed_position() AS start \gset
SELECT wa_private.media_set(f.media_id, 'wanted', 'later', NULL, NULL), wa_private.media_set(f.media_id, 'stored', NULL, '\x0102', NULL) FROM wa.media AS f JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = 'F1';
SELECT f.kind, f.change, m.state, m.content FROM wa.feed(:'start') AS f JOIN wa.media AS m ON m.media_id = f.id;

-- records: written, replaced, deleted, found by what is needed of them
SELECT wa_private.save_records(ARRAY[:one, :one, :one, :one, :one, -1]::bigint[], '{1,2,3,6,1,1}', '{NULL,NULL,f1@g.us,NULL,NULL,NULL}', '{7001,7001,7001,NULL,7002,7001}', '{1,1,1,77,0,0}',
	'{"\\x01","\\x02","\\x03","\\x04","\\x05","\\x06"}');
SELECT * FROM wa_private.load_records(ARRAY[:one, :one, :one]::bigint[], ARRAY[(1 << 1) | (1 << 2), 1 << 3, 1 << 6], '{"",f1@g.us,""}', '{7001,7001,""}', '{1,1,77}') ORDER BY 1, 2;
SELECT * FROM wa_private.load_records(ARRAY[:one, :one]::bigint[], ARRAY[1 << 1, 1 << 3], '{NULL,NULL}', '{NULL,7001}', '{NULL,NULL}') ORDER BY 1, 2, 4;
SELECT wa_private.save_records(ARRAY[:one, :one, :one, :one]::bigint[], '{1,6,1,1}', '{NULL,NULL,NULL,NULL}', '{7001,NULL,7002,7002}', '{1,77,0,0}', '{NULL,NULL,NULL,"\\x07"}');
SELECT name, kind, chat, number, data FROM wa_private.records ORDER BY 1, 2;
-- a step of a ratchet leaves the indexes alone
BEGIN;
UPDATE wa_private.records SET data = data || '\x00', updated_at = updated_at + interval '1 second';
SELECT pg_stat_get_xact_tuples_updated(r) > 0 AS stepped, pg_stat_get_xact_tuples_updated(r) - pg_stat_get_xact_tuples_hot_updated(r) AS not_hot
FROM (SELECT 'wa_private.records'::regclass::oid AS r) AS x;
ROLLBACK;
SELECT count(*) AS prekeys FROM wa_private.prekeys WHERE bot_id = :one;
SELECT wa_private.save_records(ARRAY[:one, :one]::bigint[], '{7,7}', '{f1@g.us,f1@g.us}', '{a,b}', '{0,0}', '{"\\x01","\\x01"}');
UPDATE wa_private.records SET updated_at = now() - interval '15 days' WHERE name = 'a';
SELECT wa_private.settle_rollups(1000000) >= 0 AS settled, wa_private.housekeeping();
SELECT name FROM wa_private.records WHERE kind = 7;

-- what could not be stored, with its content where that would have been stored
SELECT wa.watch_group('f1@g.us', 'messages');
SELECT wa_private.reject(:one, '\x01', 'because', '22023'), wa_private.reject(:one, '\x02', 'because', '22023', '\x02', 'f1@g.us'),
	wa_private.reject(:one, '\x03', 'because', '22023', '\x02'), wa_private.reject(:one, '\x04', 'because', '22023', '\x02', ''), wa_private.reject(:one, '\x05', 'because', '22023', '\x02', '7003@lid');
SELECT wa.watch_group('f1@g.us', 'members'), wa.watch_chat('7003@lid', 'none');
SELECT wa_private.reject(:one, '\x06', 'because', '22023', '\x02', 'f1@g.us'), wa_private.reject(:one, '\x07', 'because', '22023', '\x02', '7003@lid');
SELECT stanza, content FROM wa.rejected ORDER BY 1, 2;
SELECT wa.remove_bot(:one, purge => true);
SELECT (SELECT count(*) FROM wa_private.records) AS records, (SELECT count(*) FROM wa_private.history_chunks) AS chunks, (SELECT count(*) FROM wa.messages) AS messages;
DROP FUNCTION public.read_feed(text, int);
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
