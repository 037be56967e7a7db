-- A person who is everywhere is erased: nothing leads to them, and the numbers of the groups stay.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('e one', default_watch => 'messages') AS one \gset
SELECT wa.add_bot('e two', default_watch => 'messages') AS two \gset
UPDATE wa.bots SET lid = '8911@lid', jid = '48911@s.whatsapp.net' WHERE bot_id = :one;

-- every column of every table in which a person's number, name or user_id is
CREATE FUNCTION public.places_of(person bigint, VARIADIC words text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	in_text text := '\m(' || array_to_string(words || person::text, '|') || ')\M';
	in_hex text := (SELECT string_agg(encode(w::bytea, 'hex') || CASE WHEN w ~ '^\d+$' THEN '|' || w ELSE '' END, '|') FROM unnest(words) AS w);
	c record;
	found boolean;
BEGIN
	FOR c IN
		SELECT t.oid::regclass AS tab, a.attname AS col, a.atttypid AS type
		FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE t.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND t.relkind IN ('r', 'p') AND NOT t.relispartition
			AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %s)', c.tab, CASE
			WHEN c.type = 'bigint'::regtype THEN format('%I = %s', c.col, person)
			WHEN c.type = 'bytea'::regtype THEN format('encode(%I, ''hex'') ~ %L', c.col, in_hex)
			ELSE format('%I::text ~ %L', c.col, in_text) END) INTO found;
		IF found THEN
			RETURN NEXT format('%s.%s', c.tab, c.col);
		END IF;
	END LOOP;
END
$$;
CREATE FUNCTION public.zu(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT '{"lid": "777111222@lid", "pn": "4917755566677@s.whatsapp.net"}'::jsonb || more
$$;
CREATE FUNCTION public.zu_says(bot bigint, chat text, id text, body text, s double precision, extra jsonb DEFAULT NULL, state text DEFAULT 'stored')
RETURNS public.message LANGUAGE sql AS $$
	SELECT public.msg(bot, chat, 777104222, id, body, s, extra => extra, state => state, name => 'Zuzanna Quark', pn => '4917755566677@s.whatsapp.net')
$$;
CREATE FUNCTION public.raw(text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('raw', jsonb_build_object('tag', $1, 'attrs', '{}'::jsonb, 'children',
		'[{"tag": "participant", "attrs": {"jid": "777111222@lid", "phone_number": "4917755566677@s.whatsapp.net", "display_name": "Zuzanna Quark"}}]'::jsonb))
$$;

SELECT last_value AS before FROM wa.users_user_id_seq \gset
-- a number that nothing else has
SELECT setval(pg_get_serial_sequence('wa.users', 'user_id'), 555000000000, false) > 0 AS set;
-- groups: one that they made, with everything that can happen to them and that they can do
SELECT public.apply(:one, jsonb_set(jsonb_set(public.roster('e1@g.us', 0, 10, '{7811,7812,7813}', '{7811}',
	jsonb_build_object('creator', public.zu(), 'subject_by', public.zu(), 'description', 'x', 'description_by', public.zu())),
	'{group,participants,9}', public.zu('{"role": "admin", "push_name": "Zuzanna Quark", "username": "zuzannaq", "display": "+49∙∙∙∙77", "country": "DE"}')), '{group,size}', '4'));
SELECT public.apply(:one, public.change('e1@g.us', 10, 'add', 11, public.zu(), jsonb_build_array(public.who(7814)), public.raw('add')),
	public.change('e1@g.us', 11, 'demote', 12, public.who(7811), jsonb_build_array(public.zu()), public.raw('demote')),
	public.change('e1@g.us', 12, 'promote', 13, public.who(7811), jsonb_build_array(public.zu()), public.raw('promote')),
	public.change('e1@g.us', 13, 'remove', 14, public.zu(), jsonb_build_array(public.who(7813)), public.raw('remove')),
	public.change('e1@g.us', 14, 'subject', NULL, public.zu(), '[]', public.raw('subject') || '{"text": "Group e1@g.us"}'),
	public.change('e1@g.us', 15, 'link', NULL, public.who(7811), '[]', public.raw('link') || '{"carried": {"jid": "e9@g.us", "subject": "Linked"}}'),
	public.change('e1@g.us', 16, 'something', NULL, public.who(7811), '[]', public.raw('something') || '{"known": false}'),
	public.change('e1@g.us', 17, 'created_membership_requests', NULL, public.who(7815), jsonb_build_array(public.who(7815)), public.raw('created_membership_requests')),
	public.change('e1@g.us', 18, 'invite', NULL, public.zu(), '[]', public.raw('invite') || '{"text": "CODE"}'));
SELECT wa.resolve('777111222@lid') AS zu \gset
SELECT :zu = 555000000000 AS known, name, phone, lid, username, masked_phone, country FROM wa.people WHERE user_id = :zu;
INSERT INTO wa.join_requests (group_id, user_id, requested_at, proposed_by, decided_at, decision, decided_by)
SELECT group_id, :zu, '2026-11-23', :zu, '2026-11-23', 'approved', :zu FROM wa.groups WHERE jid = 'e1@g.us';
SELECT public.fact(:one, 'member_label', 20, jsonb_build_object('chat', 'e1@g.us', 'from', public.zu(), 'label', 'Zuzanna Quark'));
SELECT public.apply(:one, jsonb_build_object('fact', 'number_change', 'at', 1795435221, 'received_at', 1795435221,
	'before', '{"lid": "777111222@lid", "pn": "4917700000001@s.whatsapp.net"}'::jsonb, 'after', public.zu()));
-- somebody who turned out to be them
SELECT public.say(public.msg(:one, 'e1@g.us', 0, 'Z0', 'by number', 21, pn => '4917799999999@s.whatsapp.net'));
SELECT public.apply(:one, jsonb_build_object('fact', 'number_change', 'at', 1795435222, 'received_at', 1795435222,
	'before', '{"pn": "4917799999999@s.whatsapp.net"}'::jsonb, 'after', public.zu()));

-- messages: theirs, with all that hangs on them
SELECT public.say(public.zu_says(:one, 'e1@g.us', 'Z1', 'I am Zuzanna Quark', 30, '{"media": {"kind": "image", "file_name": "Zuzanna Quark.jpg", "key": "00", "url": "https://x/4917755566677"},
	"poll": {"options": [{"name": "Zuzanna Quark"}]}, "meta": {"title": "Zuzanna Quark"}}'), public.zu_says(:one, 'e1@g.us', 'Z2', NULL, 31, NULL, 'pending'),
	public.zu_says(:one, 'e1@g.us', 'Z3', 'passing', 32));
SELECT public.fact(:one, 'edit', 33, public.about('Z1', NULL, '{"chat": "e1@g.us", "id": "ZE1", "kind": "text", "body": "still Zuzanna Quark"}') || jsonb_build_object('from', public.zu()));
SELECT public.fact(:one, 'reaction', 34, public.about('Z1', NULL, '{"chat": "e1@g.us", "text": "x"}', 2));
-- others', about them
SELECT public.say(public.msg(:one, 'e1@g.us', 2, 'O1', 'Hello @777111222, also @4917755566677, 14917755566677 and 47771112220', 40, extra => '{"mentions": ["777111222@lid", "7003@lid"],
	"quoted": {"id": "Z1", "by": {"lid": "777111222@lid"}}}'), public.msg(:one, 'e1@g.us', 2, 'O2', 'her card', 41,
	extra => '{"meta": {"contacts": [{"name": "Zuzanna Quark", "vcard": "TEL;waid=4917755566677:+49 177 55566677"}]}}'), public.msg(:one, 'e1@g.us', 2, 'O3', 'ours', 42),
	public.msg(:one, 'e1@g.us', 3, 'O4', 'bad', 43), public.msg(:one, 'e1@g.us', 0, 'O5', 'from the bot', 44, flags => 1));
UPDATE wa.messages SET raw = convert_to('quoted 777111222@lid Zuzanna Quark', 'UTF8') WHERE wa_id = 'O1';
SELECT public.fact(:one, 'edit', 45, public.about('O1', 2, '{"chat": "e1@g.us", "id": "OE1", "kind": "text", "body": "Hi @777111222"}', 2));
-- and what they say about those
SELECT public.fact(:one, k.kind, 50, public.about(k.id, NULL, k.more || '{"chat": "e1@g.us"}') || jsonb_build_object('from', public.zu()))
FROM (VALUES ('reaction', 'O3', '{"text": "♥"}'::jsonb), ('vote', 'O3', '{"hashes": ["00"]}'), ('response', 'O3', '{"response": 1}'), ('edit', 'O3', '{"id": "ZE2", "kind": "text", "body": "Zuzanna Quark was here"}'),
	('edit', 'NONE', '{"id": "ZE3", "kind": "text", "body": "waits"}'), ('revoke', 'O4', '{"id": "ZE4", "by_admin": true}'),
	('addon', 'NONE', '{"id": "ZA1", "addon_kind": "poll_vote", "payload": "AAAA", "iv": "AAAA"}')) AS k (kind, id, more);
SELECT public.apply(:one, jsonb_build_object('fact', 'receipt', 'chat', 'e1@g.us', 'type', 'read', 'received_at', 1795435251,
	'entries', jsonb_build_array(jsonb_build_object('id', 'O5', 'who', public.zu(), 'kind', 'read', 'at', 1795435251))));
-- direct chats, address book, keys
SELECT public.say(public.zu_says(:one, '777111222@lid', 'D1', 'only for you', 60, '{"chat_pn": "4917755566677@s.whatsapp.net"}'),
	public.msg(:one, '777111222@lid', 0, 'D2', 'dear Zuzanna Quark', 61, flags => 1));
SELECT public.fact(:one, 'reaction', 62, '{"chat": "777111222@lid", "target": {"id": "D2"}, "text": "y"}'::jsonb || jsonb_build_object('from', public.zu()));
SELECT public.fact(b.id, 'contact', 63, jsonb_build_object('source', 'app_state', 'who', public.zu(), 'full_name', 'Zuzanna Quark', 'first_name', 'Zu')) FROM (VALUES (:one), (:two)) AS b (id);
SELECT public.fact(:one, 'identity_change', 64, jsonb_build_object('who', public.zu()));
UPDATE wa.chats SET name = 'Zuzanna Quark' WHERE user_id = :zu;
SELECT public.fact(:one, 'label', 65, '{"id": "7", "name": "VIP", "color": 1}'), public.fact(:one, 'chat_label', 65, '{"id": "7", "chat": "777111222@lid", "on": true}'),
	public.fact(:one, 'message_label', 65, '{"id": "7", "chat": "777111222@lid", "message": "D1", "on": true}');
SELECT wa_private.save_records(array_fill(:one::bigint, ARRAY[6]), '{1,2,3,4,7,7}', '{NULL,NULL,e1@g.us,e1@g.us,e1@g.us,phone}', '{777111222@lid,777111222@lid,777111222@lid,4917755566677@s.whatsapp.net,777111222:3@lid Z2,AB12}',
	'{1,1,1,1,0,0}', ARRAY['\x01', '\x02', '\x03', '\x04', '\x05', convert_to('777111222@lid', 'UTF8')]);
SELECT wa_private.save_records(array_fill(:one::bigint, ARRAY[2]), '{1,7}', '{NULL,e1@g.us}', '{7002@lid,7002:3@lid O9}', '{1,0}', '{"\\x01","\\x02"}');
-- as it came: digits of a frame are packed
INSERT INTO wa.rejected (bot_id, reason, stanza, content) VALUES (:one, 'because', '\x00f8ff064917755566677f00', NULL), (:one, 'because', NULL, convert_to('777111222@lid', 'UTF8')),
	(:one, 'no person 4917755566677', NULL, NULL), (:one, 'because', '\x00f8', '\x00');
INSERT INTO wa.unknown_stanzas (bot_id, received_at, tag, from_jid, node) VALUES (:one, now(), 'x', '777111222@lid', NULL),
	(:one, now(), 'x', NULL, '{"attrs": {"participant": "4917755566677@s.whatsapp.net"}}'), (:one, now(), 'x', 'e1@g.us', '{}');

-- refused while they are in a group that is watched, and for good reasons
SELECT public.try(format('SELECT wa.erase_user(%s)', :zu));
SELECT public.try($$SELECT wa.erase_user('+49 177 55566677')$$) ~ '^55006: person \d+ is a member of groups that are watched' AS refused;
SELECT public.try('SELECT wa.erase_user(4917755566677)');
SELECT public.try($$SELECT wa.erase_user('4917755566670')$$);
SELECT public.try('SELECT wa.erase_user(NULL::bigint)');
SELECT regexp_replace(public.try(format('SELECT wa.erase_user(%s)', wa.resolve('8911@lid'))), '\d{6,}', 'N');
SELECT regexp_replace(public.try(format('SELECT wa.erase_user(%s)', (SELECT max(merged_user_id) FROM wa.user_merges WHERE into_user_id = :zu))), '\d{6,}', 'N', 'g');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT public.try('SELECT wa.erase_user(1)');
ROLLBACK;
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE VALUES (444, now(), now());
INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at) VALUES ('lid', '4917755566677', 444, 'group', now(), now());
SELECT public.try($$SELECT wa.erase_user('4917755566677')$$);
DELETE FROM wa.user_ids WHERE user_id = 444;
DELETE FROM wa.users WHERE user_id = 444;

-- nor before the list of a group that is watched again has come; once no bot is in it, none will
BEGIN;
SELECT wa.unwatch_group('e1@g.us');
SELECT public.try(format('SELECT count(*) > 0 FROM wa.erase_user(%s)', :zu));
ROLLBACK;
BEGIN;
SELECT wa.unwatch_group('e1@g.us'), wa.watch_group('e1@g.us', 'messages');
SELECT public.try(format('SELECT wa.erase_user(%s)', :zu)) ~ '^55006: person \d+ is a member of groups that are watched' AS refused;
SELECT count(*) AS bots FROM (SELECT wa.remove_bot(b.bot_id) FROM wa.bots AS b OFFSET 0) AS removed;
SELECT g.needs_refresh, g.unobserved_since IS NULL AS observed FROM wa.groups AS g WHERE g.jid = 'e1@g.us';
SELECT public.try(format('SELECT wa.erase_user(%s)', :zu)) ~ '^55006: person \d+ is a member of groups that are watched' AS refused;
ROLLBACK;

-- they leave, and are everywhere
SELECT public.apply(:one, public.change('e1@g.us', 70, 'remove', 15, public.zu(), jsonb_build_array(public.zu()), public.raw('remove')));
SELECT * FROM public.places_of(:zu, '4917755566677', '777111222', 'Zuzanna Quark', 'zuzannaq') AS place ORDER BY 1;
CREATE VIEW public.figures AS
SELECT (SELECT jsonb_agg(to_jsonb(g) ORDER BY g."time", g.id) FROM wa.stat_growth('2026-11-22', '2026-11-24', by => 'group') AS g) AS growth,
	(SELECT jsonb_agg(to_jsonb(m) ORDER BY m."time", m.id) FROM wa.stat_members('2026-11-22', '2026-11-24', by => 'group') AS m) AS members,
	(SELECT jsonb_agg(to_jsonb(m) ORDER BY m."time") FROM wa.stat_members('2026-11-22', '2026-11-24') AS m) AS people,
	(SELECT jsonb_agg(to_jsonb(k) ORDER BY to_jsonb(k)) FROM wa.stat_kinds('2026-11-22', '2026-11-24') AS k) AS kinds,
	(SELECT jsonb_agg(to_jsonb(a) ORDER BY to_jsonb(a)) FROM wa.stat_approvals('2026-11-22', '2026-11-24') AS a) AS approvals,
	(SELECT count(*) FROM wa.group_events) AS events, (SELECT count(*) FROM wa.memberships) AS stays;
CREATE TABLE public.figures_before AS TABLE public.figures;
SELECT wa.feed_position() AS start \gset
SELECT "table", deleted, changed FROM wa.erase_user('4917755566677');
-- roll-ups forget what cancels out when they are settled
SELECT wa_private.settle_rollups(100000) > 0 AS settled;
SELECT * FROM public.places_of(:zu, '4917755566677', '777111222', 'Zuzanna Quark', 'zuzannaq') AS place ORDER BY 1;
SELECT to_jsonb(f) = to_jsonb(b) AS same, jsonb_array_length(b.growth) > 0 AND b.events > 5 AS some FROM public.figures AS f, public.figures_before AS b;
SELECT * FROM wa.check_rollups();
SELECT name, phone, lid, push_name FROM wa.people WHERE user_id = :zu \gset
SELECT :'name' = 'person ' || :zu AS nameless;
-- what is others' is there
SELECT m.wa_id, m.body, m.meta, m.raw, (SELECT count(*) FROM unnest(m.mentions)) AS mentions, m.quoted_sender, m.revoked_at IS NOT NULL AS revoked FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) WHERE c.jid = 'e1@g.us' ORDER BY 1;
SELECT wa_id, action, body FROM wa.message_edits WHERE chat_id = (SELECT chat_id FROM wa.chats WHERE jid = 'e1@g.us') ORDER BY 1, edit_id;
SELECT name, kind FROM wa_private.records WHERE bot_id = :one ORDER BY 1;
SELECT reason, stanza FROM wa.rejected WHERE bot_id = :one;
SELECT from_jid FROM wa.unknown_stanzas WHERE bot_id = :one;
SELECT e.kind, e.how, e.raw IS NOT NULL AS raw, e.details, e.target = :zu AS target, e.actor = :zu AS actor FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'e1@g.us' ORDER BY e.event_id;
-- the feed says it
SELECT f.kind, f.change, count(*), count(*) FILTER (WHERE f.id = :zu) AS person FROM wa.feed(:'start') AS f GROUP BY 1, 2 ORDER BY 1, 2;
-- again: there is nothing left to do
SELECT "table", deleted, changed FROM wa.erase_user(:zu);

-- what they wrote does not come back, from whomever it comes; who writes again is somebody new
SELECT public.say(public.zu_says(:two, 'e1@g.us', 'Z1', 'I am Zuzanna Quark', 30), public.zu_says(:two, 'e1@g.us', 'Z2', 'read at last', 31), public.zu_says(:two, 'e1@g.us', 'Z9', 'I am back', 80));
SELECT m.wa_id, m.body, m.sender <> :zu AS somebody_new FROM wa.messages AS m WHERE m.wa_id LIKE 'Z_' ORDER BY 1;
-- by force, although they are in a group: the next list brings them back as somebody else, and its numbers are right
SELECT public.apply(:one, jsonb_set(public.roster('e1@g.us', 90, 16, '{7811,7812,7814}', '{7811}'), '{group,participants,9}', public.zu('{"role": "member"}')));
SELECT wa.resolve('777111222@lid') AS anew \gset
SELECT count(*) AS members FROM wa.group_members AS m JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'e1@g.us';
SELECT count(*) > 0 AS erased FROM wa.erase_user('777111222@lid', force => true);
SELECT count(*) AS members FROM wa.group_members AS m JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'e1@g.us';
SELECT needs_refresh, refresh_reason FROM wa.groups WHERE jid = 'e1@g.us';
SELECT count(*) AS traces FROM public.places_of(999000000001, '4917755566677', '777111222', 'Zuzanna Quark');
SELECT public.apply(:one, jsonb_set(public.roster('e1@g.us', 95, 16, '{7811,7812,7814}', '{7811}'), '{group,participants,9}', public.zu('{"role": "member"}')));
SELECT count(*) AS members, bool_or(m.user_id = :anew) AS nameless, bool_or(m.user_id = wa.resolve('777111222@lid')) AS anew FROM wa.group_members AS m JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'e1@g.us';
-- whom nothing but an address book knows is gone altogether; the number of somebody else stays theirs
SELECT public.fact(:one, 'contact', 100, '{"source": "app_state", "who": {"lid": "777222333@lid", "pn": "4917711111111@s.whatsapp.net"}, "full_name": "Yann"}');
INSERT INTO wa.user_ids (kind, value, user_id, current, source, first_seen_at, last_seen_at) SELECT 'pn', '4915100009999', wa.resolve('777222333@lid'), false, 'group', now(), now();
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE VALUES (445, now(), now());
INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at) VALUES ('pn', '4915100009999', 445, 'group', now(), now());
INSERT INTO wa.rejected (bot_id, reason) VALUES (:one, 'of 4915100009999');
SELECT "table", deleted, changed FROM wa.erase_user('777222333@lid');
SELECT user_id FROM wa.user_ids WHERE value = '4915100009999';
SELECT reason FROM wa.rejected WHERE reason LIKE 'of %';
DELETE FROM wa.user_ids WHERE user_id = 445;
DELETE FROM wa.users WHERE user_id = 445;

DROP VIEW public.figures;
DROP TABLE public.figures_before;
DROP FUNCTION public.places_of(bigint, text[]), public.zu(jsonb), public.zu_says(bigint, text, text, text, double precision, jsonb, text), public.raw(text);
SELECT wa.remove_bot(:one, purge => true), wa.remove_bot(:two, purge => true);
-- as if it had never been
SELECT wa_private.forget_group(group_id, true) FROM wa.groups WHERE jid IN ('e1@g.us', 'e9@g.us', 'r1@g.us');
SELECT wa_private.forget_lonely_people();
SELECT setval(pg_get_serial_sequence('wa.users', 'user_id'), :before) > 0 AS reset;
