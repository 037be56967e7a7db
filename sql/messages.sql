-- Messages into tables: once each, however often and by whomever they come.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('m one', default_watch => 'messages') AS one \gset
SELECT wa.add_bot('m two', default_watch => 'messages') AS two \gset
SELECT wa.add_bot('m shy', default_watch => 'members', watch_direct => false) AS shy \gset
UPDATE wa.bots SET lid = bot_id || '900@lid', jid = bot_id || '49900@s.whatsapp.net' WHERE name LIKE 'm %';

-- one message as columns; a call takes any number of them.  Times are seconds after 12:00.
CREATE TYPE public.message AS (bot bigint, chat text, lid text, pn text, name text, id text, sent double precision, kind text, body text, flags integer,
	state text, origin text, extra jsonb, secret bytea);
CREATE FUNCTION public.msg(bot bigint, chat text, who int, id text, body text, sent double precision DEFAULT 0, origin text DEFAULT 'live',
	extra jsonb DEFAULT NULL, flags int DEFAULT 0, state text DEFAULT 'stored', name text DEFAULT NULL, pn text DEFAULT NULL, secret bytea DEFAULT NULL)
RETURNS public.message LANGUAGE sql AS $$
	SELECT ROW(bot, chat, CASE WHEN who > 0 THEN 7000 + who || '@lid' END, pn, name, id, sent, CASE WHEN state = 'stored' THEN 'text' END, body, flags,
		state, origin, extra, secret)::public.message
$$;
CREATE FUNCTION public.say(VARIADIC messages public.message[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'ask ' || a.group_jid
	FROM (SELECT array_agg(m.bot) AS bots, array_agg(m.chat) AS chats, array_agg(m.lid) AS lids, array_agg(m.pn) AS pns, array_agg(m.name) AS names,
			array_agg(m.id) AS ids, array_agg(to_timestamp(1795435200 + m.sent)) AS sent, array_agg(to_timestamp(1795435200.5 + least(greatest(m.sent, 0), 1000))) AS received,
			array_agg(m.kind) AS kinds, array_agg(m.body) AS bodies, array_agg(m.flags) AS flags, array_agg(m.state) AS states,
			array_agg(m.origin) AS origins, array_agg(m.extra) AS extras, array_agg(NULL::bytea) AS raws, array_agg(m.secret) AS secrets
		  FROM unnest(messages) AS m) AS c
	CROSS JOIN LATERAL wa_private.apply('{}', '{}', c.bots, c.chats, c.lids, c.pns, c.names, c.ids, c.sent, c.received, c.kinds, c.bodies, c.flags,
		c.states, c.origins, c.extras, c.raws, c.secrets) AS a
$$;
CREATE VIEW public.said AS
SELECT c.jid AS chat, m.wa_id AS id, (SELECT min(i.value) FROM wa.user_ids AS i WHERE i.user_id = m.sender AND i.kind = 'lid') AS sender, m.kind, m.state,
	m.origin, m.body, to_char(m.sent_at, 'HH24:MI:SS') AS sent
FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id)
ORDER BY c.jid, m.sent_at, m.message_id;

-- a group nobody heard of before: group, chat, people and bot come with the message
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'A1', 'Hello', name => 'Ann'), public.msg(:one, 'm1@g.us', 2, 'A2', 'Hi', 1, name => 'Bob', pn => '4972@s.whatsapp.net'));
SELECT * FROM public.said;
SELECT g.watch_level, g.watch_chosen, g.needs_refresh, b.left_at IS NULL AS bot_is_in FROM wa.groups AS g JOIN wa.bot_groups AS b USING (group_id) WHERE g.jid = 'm1@g.us';
SELECT lid, phone, name FROM wa.people WHERE lid IN ('7001', '7002') ORDER BY lid;
-- the chat knows the same people again and learns what changed
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'A3', 'Again', 2, name => 'Anna', pn => '4971@s.whatsapp.net'));
SELECT lid, phone, name FROM wa.people WHERE lid IN ('7001', '7002') ORDER BY lid;

-- delivered again, by another bot, twice in a call: one row each
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'A1', 'Hello'), public.msg(:two, 'm1@g.us', 2, 'A2', 'Hi', 1), public.msg(:one, 'm1@g.us', 2, 'A4', 'Two of me', 3),
	public.msg(:two, 'm1@g.us', 2, 'A4', 'Two of me', 3));
-- the same id of another person, and in another chat, is another message
SELECT public.say(public.msg(:one, 'm1@g.us', 3, 'A1', 'Mine', 4), public.msg(:one, 'm2@g.us', 1, 'A1', 'There', 5));
SELECT id, sender, body, chat FROM public.said;
-- each message is numbered in the order in which it came
SELECT array_agg(wa_id ORDER BY message_id) FROM wa.messages;

-- what cannot be read yet is a row, and is completed in place
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P1', NULL, 10, state => 'pending', extra => '{"trouble": "no_session", "attempts": 1}'));
SELECT message_id AS pending, state, trouble, attempts, phone_asked FROM wa.messages WHERE wa_id = 'P1' \gset p_
SELECT :'p_state' AS state, :'p_trouble' AS trouble, :p_attempts AS attempts;
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P1', NULL, 10, state => 'pending', extra => '{"trouble": "no_session", "attempts": 2, "phone_asked": true}'));
SELECT public.say(public.msg(:two, 'm1@g.us', 2, 'P1', NULL, 10, state => 'pending', extra => '{"trouble": "no_sender_key", "attempts": 1}'));
SELECT message_id = :p_pending AS same_row, state, trouble, attempts, phone_asked FROM wa.messages WHERE wa_id = 'P1';
SELECT state, chat_name, attempts FROM wa.undecryptable;
SELECT public.say(public.msg(:two, 'm1@g.us', 2, 'P1', 'Readable now', 10, 'retry', secret => '\x01'));
SELECT message_id = :p_pending AS same_row, state, origin, kind, body, trouble, attempts FROM wa.messages WHERE wa_id = 'P1';
-- it never goes back, and what is stored stays as it is
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P1', NULL, 10, state => 'pending'), public.msg(:one, 'm1@g.us', 2, 'P1', 'Other words', 10, 'phone'));
SELECT state, origin, body FROM wa.messages WHERE wa_id = 'P1';
-- pending and readable in one call, and both ways round
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P2', NULL, 11, state => 'pending'), public.msg(:two, 'm1@g.us', 2, 'P2', 'One could', 11),
	public.msg(:one, 'm1@g.us', 2, 'P3', 'The other could', 12), public.msg(:two, 'm1@g.us', 2, 'P3', NULL, 12, state => 'pending'));
SELECT wa_id, state, body FROM wa.messages WHERE wa_id IN ('P2', 'P3') ORDER BY 1;
-- what a member passed on gives way to the real thing; never the other way
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P4', 'So they say', -9999999, 'group_history'), public.msg(:one, 'm1@g.us', 2, 'P5', 'True', 13));
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P4', 'In truth', -9999999, 'history'), public.msg(:one, 'm1@g.us', 2, 'P5', 'False', 13, 'group_history'));
SELECT wa_id, origin, body, sent_at FROM wa.messages WHERE wa_id IN ('P4', 'P5') ORDER BY 1;
-- votes, reactions and edits that cannot be read make no row
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P6', NULL, 14, state => 'pending', flags => 1024));
-- seen once only, on the phone
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'P7', NULL, 15, state => 'unavailable', flags => 2, extra => '{"trouble": "view_once"}'));
SELECT wa_id, state, kind, view_once FROM wa.messages WHERE wa_id IN ('P6', 'P7');
-- a secret that the first copy did not bring
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'A3', 'Again', 2, 'history', secret => '\x0203'));
SELECT k.secret FROM wa_private.message_keys AS k JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = 'A3';

-- flags and extras
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'X1', 'Look', 20, flags => 2 + 4 + 32 + 64 + 128 + 256 + 512, extra => '{
	"quoted": {"id": "A2", "by": {"lid": "7002@lid"}}, "mentions": ["7003@lid", "7004@lid", "4975@s.whatsapp.net", "m1@g.us"], "forwarding_score": 4, "expires_in": 86400,
	"meta": {"preview": "x"}, "media": {"kind": "image", "mimetype": "image/jpeg", "size": 1000, "sha256": "0a0b", "enc_sha256": "0c0d", "direct_path": "/v/1",
	"url": "https://x/1", "width": 3, "height": 4, "key": "00ff", "thumbnail": "AQI="}}'));
SELECT m.view_once, m.is_forwarded, m.was_offline, m.mentions_all, m.via_broadcast, m.group_status, m.starred, m.from_me, m.forwarding_score, m.expires_at, m.meta,
	q.wa_id AS quoted, p.lid AS quoted_sender,
	(SELECT array_agg(coalesce(w.lid, w.phone) ORDER BY w.lid, w.phone) FROM wa.people AS w WHERE w.user_id = ANY (m.mentions)) AS mentions
FROM wa.messages AS m LEFT JOIN wa.messages AS q ON q.message_id = m.quoted_message_id LEFT JOIN wa.people AS p ON p.user_id = m.quoted_sender WHERE m.wa_id = 'X1';
SELECT f.kind, f.mimetype, f.file_size, f.sha256, f.width, f.height, f.thumbnail, f.state, k.key, k.enc_sha256, k.direct_path, k.url
FROM wa.media AS f JOIN wa_private.media_keys AS k USING (media_id) JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = 'X1';
-- an answer that comes before what it answers, as history does
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'X2', 'Yes', 22, 'history', extra => '{"quoted": {"id": "X3"}}'));
SELECT quoted_wa_id, quoted_message_id, quoted_sender FROM wa.messages WHERE wa_id = 'X2';
SELECT public.say(public.msg(:one, 'm1@g.us', 2, 'X3', 'Really?', 21, 'history'));
SELECT a.wa_id, q.wa_id AS quoted, a.quoted_sender = q.sender AS by_sender FROM wa.messages AS a JOIN wa.messages AS q ON q.message_id = a.quoted_message_id WHERE a.wa_id = 'X2';
SELECT count(*) AS waiting FROM wa_private.waiting;
-- both in one call
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'X4', 'Both', 23, extra => '{"quoted": {"id": "X5"}}'), public.msg(:one, 'm1@g.us', 2, 'X5', 'at once', 22));
SELECT q.body FROM wa.messages AS a JOIN wa.messages AS q ON q.message_id = a.quoted_message_id WHERE a.wa_id = 'X4';
-- a poll
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'X6', 'Which?', 24, extra => '{"poll": {"options": [{"name": "Äpfel"}, {"name": "Pears"}], "selectable": 1}}'));
SELECT o.option_no, o.name, o.hash = sha256(convert_to(o.name, 'UTF8')) AS hash FROM wa.poll_options AS o JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = 'X6';

-- times that cannot be true, and months long ago
SELECT public.say(public.msg(:one, 'm1@g.us', 1, 'T1', 'from the future', 1e9), public.msg(:one, 'm1@g.us', 1, 'T2', 'before there was any', -1e9),
	public.msg(:one, 'm1@g.us', 1, 'T3', 'long ago', -1e8, 'history'));
SELECT m.wa_id, m.sent_at, m.tableoid::regclass FROM wa.messages AS m WHERE m.wa_id LIKE 'T_' ORDER BY 1;
SELECT obj_description('wa.messages_y2023m09'::regclass);

-- direct chats: one per bot and person, whatever form the address has
SELECT public.say(public.msg(:one, '7006@lid', 6, 'D1', 'Hello bot', 30, extra => '{"chat_pn": "4976@s.whatsapp.net"}', name => 'Fay'));
SELECT public.say(public.msg(:one, '4976@s.whatsapp.net', 0, 'D2', 'Hello Fay', 31, flags => 1), public.msg(:two, '7006@lid', 6, 'D1', 'Hello two', 32));
SELECT b.name AS bot, i.kind, i.name, i.last_text, i.last_from_me FROM wa.inbox AS i JOIN wa.bots AS b USING (bot_id) ORDER BY 1;
SELECT m.wa_id, m.from_me, p.lid || '@lid' = b.lid AS by_bot FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) JOIN wa.people AS p ON p.user_id = m.sender
JOIN wa.bots AS b ON b.bot_id = c.bot_id WHERE c.bot_id = :one ORDER BY 1;
-- lists, channels and status are not stored
SELECT public.say(public.msg(:one, 'status@broadcast', 6, 'D3', 'x', 33), public.msg(:one, '123@newsletter', 6, 'D4', 'x', 33), public.msg(:one, '17@broadcast', 6, 'D5', 'x', 33));
SELECT count(*) AS stored FROM wa.messages WHERE wa_id IN ('D3', 'D4', 'D5');

-- only what somebody chose
SELECT public.say(public.msg(:shy, 'm3@g.us', 50, 'L1', 'x', 40), public.msg(:shy, '7051@lid', 51, 'L2', 'x', 40));
SELECT g.watch_level, (SELECT count(*) FROM wa.user_ids AS i WHERE i.value IN ('7050', '7051')) AS people, (SELECT count(*) FROM wa.messages WHERE wa_id LIKE 'L_') AS messages
FROM wa.groups AS g WHERE g.jid = 'm3@g.us';
SELECT wa.watch_group('m3@g.us', 'messages');
SELECT public.say(public.msg(:shy, 'm3@g.us', 50, 'L3', 'watched', 41));
SELECT wa.watch_group('m3@g.us', 'members');
SELECT public.say(public.msg(:shy, 'm3@g.us', 50, 'L4', 'x', 42));
SELECT public.try($$SELECT wa.watch_chat('7006@lid', 'none')$$) ~ '^42P09: chat "7006@lid" is not unique' AS refused;
SELECT wa.watch_chat(chat_id, 'none') FROM wa.chats WHERE bot_id = :one;
SELECT public.say(public.msg(:one, '7006@lid', 6, 'L5', 'x', 43), public.msg(:two, '7006@lid', 6, 'L6', 'the other bot''s chat', 43));
SELECT wa.watch_chat(chat_id) FROM wa.chats WHERE bot_id = :one;
SELECT wa.watch_chat('m1@g.us', 'messages');
SELECT public.say(public.msg(:one, '7006@lid', 6, 'L7', 'again', 44));
SELECT wa_id FROM wa.messages WHERE wa_id LIKE 'L_' ORDER BY 1;
SELECT wa.update_bot('m shy', watch_direct => true);
SELECT public.say(public.msg(:shy, '7051@lid', 51, 'L8', 'x', 45));
SELECT wa_id FROM wa.messages WHERE wa_id LIKE 'L8';
SELECT public.try($$SELECT wa.watch_chat(NULL::bigint)$$);
SELECT public.try($$SELECT wa.watch_chat(-1)$$);
SELECT public.try($$SELECT wa.watch_chat('nowhere')$$);
SELECT public.try($$SELECT wa.watch_chat((SELECT min(chat_id) FROM wa.chats WHERE kind = 'direct'), 'members')$$);
SELECT public.try($$SELECT wa.add_bot('m four', watch_direct => NULL)$$);

-- a bot with a higher default raises what nobody chose
SELECT public.say(public.msg(:shy, 'm4@g.us', 50, 'R1', 'x', 50));
SELECT public.say(public.msg(:one, 'm4@g.us', 50, 'R2', 'stored', 51));
SELECT public.say(public.msg(:shy, 'm4@g.us', 50, 'R3', 'stored too', 52));
SELECT g.watch_level, (SELECT array_agg(wa_id ORDER BY wa_id) FROM wa.messages WHERE wa_id LIKE 'R_') AS messages FROM wa.groups AS g WHERE g.jid = 'm4@g.us';

-- what makes no sense
SELECT public.try($$SELECT wa_private.apply('{}', '{}', ARRAY[1::bigint])$$);
SELECT public.try(format($$SELECT public.say(public.msg(%s, 'm1@g.us', 1, NULL, 'x'))$$, :one));
SELECT public.try(format($$SELECT public.say(public.msg(%s, 'm1@g.us', 1, 'Z1', 'x', state => 'sent'))$$, :one));
SELECT public.try(format($$SELECT public.say(public.msg(%s, 'm1@g.us', 1, 'Z1', 'x', extra => '{"media": {"sha256": "zz"}}'))$$, :one));
-- a bot that is gone
SELECT public.say(public.msg(-1, 'm1@g.us', 1, 'Z2', 'x'), public.msg(:one, 'm1@g.us', 1, 'Z3', 'x', 60));
SELECT wa_id FROM wa.messages WHERE wa_id LIKE 'Z_';

-- two people that turn out to be one: their messages, and the one that both have
SELECT public.say(public.msg(:one, 'm1@g.us', 0, 'M1', 'by number', 70, pn => '4978@s.whatsapp.net'), public.msg(:one, 'm1@g.us', 8, 'M1', 'by lid', 70),
	public.msg(:one, 'm1@g.us', 0, 'M2', NULL, 71, pn => '4978@s.whatsapp.net', state => 'pending'), public.msg(:one, 'm1@g.us', 8, 'M2', 'by lid', 71),
	public.msg(:one, 'm1@g.us', 1, 'M3', '@8', 72, extra => '{"mentions": ["4978@s.whatsapp.net", "7008@lid"], "quoted": {"id": "M1", "by": {"lid": "7008@lid"}}}'),
	public.msg(:one, '7008@lid', 8, 'M4', 'direct by lid', 73), public.msg(:one, '4978@s.whatsapp.net', 0, 'M5', 'direct by number', 74, pn => '4978@s.whatsapp.net'));
SELECT count(*) AS rows, count(DISTINCT sender) AS people FROM wa.messages WHERE wa_id LIKE 'M_';
SELECT public.say(public.msg(:two, 'm1@g.us', 8, 'M6', 'I am both', 75, pn => '4978@s.whatsapp.net'));
SELECT m.wa_id, m.state, m.body, p.lid, p.phone, q.wa_id AS quoted, cardinality(m.mentions) AS mentions, c.kind FROM wa.messages AS m JOIN wa.people AS p ON p.user_id = m.sender
JOIN wa.chats AS c USING (chat_id) LEFT JOIN wa.messages AS q ON q.message_id = m.quoted_message_id WHERE m.wa_id LIKE 'M_' ORDER BY 1;
SELECT count(*) AS chats FROM wa.chats AS c JOIN wa.people AS p USING (user_id) WHERE p.lid = '7008' AND c.bot_id = :one;
SELECT count(*) AS keys FROM wa_private.message_keys AS k WHERE k.id_hash IN (SELECT hashtextextended('M' || i, 0) FROM generate_series(1, 6) AS i);
-- and they are known under both names from now on
SELECT public.say(public.msg(:one, 'm1@g.us', 0, 'M6', 'I am both', 75, pn => '4978@s.whatsapp.net'));
SELECT count(*) FROM wa.messages WHERE wa_id = 'M6';

-- every key has its message and every message its key
SELECT count(*) FROM wa.messages AS m LEFT JOIN wa_private.message_keys AS k ON k.chat_id = m.chat_id AND k.id_hash = hashtextextended(m.wa_id, 0)
	AND k.sender = coalesce(m.sender, 0) AND k.message_id = m.message_id AND k.sent_at = m.sent_at WHERE k.message_id IS NULL;
SELECT count(*) FROM wa_private.message_keys AS k LEFT JOIN wa.messages AS m ON m.message_id = k.message_id AND m.sent_at = k.sent_at WHERE m.message_id IS NULL;

-- pages of a chat
SELECT body, quoted_text, sender_name FROM wa.conversation('m1@g.us', "limit" => 3);
SELECT message_id AS page FROM wa.conversation('m1@g.us', "limit" => 3) LIMIT 1 \gset
SELECT body FROM wa.conversation('m1@g.us', before => :page, "limit" => 2);
SELECT public.try($$SELECT wa.conversation('m1@g.us', before => -1)$$);

-- forgotten with the group, the chat with the bot; others stay
SELECT wa.unwatch_group('m1@g.us', purge => true);
SELECT count(*) AS messages FROM public.said WHERE chat = 'm1@g.us';
SELECT (SELECT count(*) FROM wa.media) AS files, (SELECT count(*) FROM wa_private.media_keys) AS keys, (SELECT count(*) FROM wa.poll_options) AS options,
	(SELECT count(*) FROM wa.user_ids WHERE value IN ('7001', '7003', '7006')) AS people;
SELECT wa.remove_bot('m shy');
SELECT count(*) AS kept FROM wa.messages WHERE wa_id IN ('L3', 'L8', 'R3');
SELECT wa.remove_bot('m one', purge => true), wa.remove_bot('m two', purge => true);
SELECT id FROM public.said;
SELECT (SELECT count(*) FROM wa_private.message_keys) AS keys, (SELECT count(*) FROM wa_private.waiting) AS waiting, (SELECT count(*) FROM wa.chats) AS chats;
-- the direct chat of the bot that was removed without purge is the owner's to delete
SELECT wa_private.forget_chats(ARRAY(SELECT chat_id FROM wa.chats));
SELECT wa_private.forget_group(group_id, true) FROM wa.groups WHERE jid = 'm3@g.us';
SELECT wa_private.forget_lonely_people();

SELECT wa.add_bot('m late', default_watch => 'messages') AS late \gset
-- what a member passed on leaves no file and no options beside the content that replaces it
SELECT public.say(public.msg(:late, 'm9@g.us', 1, 'G1', 'passed on', 50, 'group_history', extra =>
	'{"media": {"kind": "image", "mimetype": "image/forged", "key": "00"}, "poll": {"options": [{"name": "forged"}]}}'));
SELECT public.say(public.msg(:late, 'm9@g.us', 1, 'G1', 'in truth', 50, extra =>
	'{"media": {"kind": "image", "mimetype": "image/true", "key": "01"}, "poll": {"options": [{"name": "true"}]}}'));
SELECT m.body, f.mimetype, k.key, o.name FROM wa.messages AS m JOIN wa.media AS f USING (message_id) JOIN wa_private.media_keys AS k USING (media_id)
	JOIN wa.poll_options AS o USING (message_id) WHERE m.wa_id = 'G1';

-- who names a thousand strangers makes few of them people
SELECT public.say(public.msg(:late, 'm9@g.us', 1, 'G2', 'everybody', 51, extra => jsonb_build_object('mentions',
	(SELECT jsonb_agg(9000000 + n || '@lid') FROM generate_series(1, 1000) AS n))));
SELECT count(*) BETWEEN 1 AND 16 AS few FROM wa.user_ids WHERE value LIKE '9000%' AND kind = 'lid';

SELECT wa.remove_bot('m late', purge => true);
-- what a bot was told that is removed by now makes neither people nor groups
SELECT a.* FROM wa_private.apply(ARRAY[-1::bigint, -1], ARRAY['{"fact": "reaction", "chat": "gone@g.us", "target": {"id": "X"}, "from": {"lid": "8000001@lid"}, "text": "!", "id": "Y"}',
	'{"fact": "group_change", "group": "gone@g.us", "kind": "add", "actor": {"lid": "8000002@lid"}, "targets": [{"lid": "8000003@lid"}]}']::jsonb[]) AS a;
SELECT (SELECT count(*) FROM wa.groups WHERE jid = 'gone@g.us') AS groups, (SELECT count(*) FROM wa.user_ids WHERE value LIKE '800000_') AS people;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
