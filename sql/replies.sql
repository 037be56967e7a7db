-- What is said about messages, before and after they come.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('r one', default_watch => 'messages') AS one \gset
SELECT wa.add_bot('r two', default_watch => 'messages') AS two \gset
SELECT wa.add_bot('r shy', default_watch => 'members', watch_direct => false) AS shy \gset
UPDATE wa.bots SET lid = '8900@lid', jid = '48900@s.whatsapp.net' WHERE bot_id = :one;
-- a fact about r1@g.us, s seconds after 12:00
CREATE FUNCTION public.fact(bot bigint, kind text, s int, more jsonb) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'ask ' || a.group_jid FROM wa_private.apply(ARRAY[bot], ARRAY[jsonb_build_object('fact', kind, 'chat', 'r1@g.us', 'at', 1795435200 + s,
		'received_at', 1795435200.5 + s) || more]) AS a
$$;
CREATE FUNCTION public.p(n int) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('lid', 7000 + n || '@lid') $$;
CREATE FUNCTION public.about(id text, by int, more jsonb, who int DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('target', jsonb_build_object('id', id, 'by', CASE WHEN by > 0 THEN public.p(by) END), 'from', public.p(who))) || more
$$;
CREATE VIEW public.versions AS
SELECT e.wa_id, e.action, e.state, e.edit_wa_id, p.lid AS editor, e.body, to_char(e.edited_at, 'SS') AS at, e.message_id IS NOT NULL AS linked
FROM wa.message_edits AS e LEFT JOIN wa.people AS p ON p.user_id = e.editor ORDER BY e.wa_id, e.edited_at, e.edit_id;

SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'E1', 'Helo', 1), public.msg(:one, 'r1@g.us', 2, 'E2', 'Mine', 1));
-- edits: the newest shows, the original and every version are kept, whoever brings them and in whatever order
SELECT public.fact(:one, 'edit', 11, public.about('E1', 1, '{"id": "V1", "kind": "text", "body": "Hello"}', 1));
SELECT public.fact(:two, 'edit', 11, public.about('E1', 1, '{"id": "V1", "kind": "text", "body": "Hello"}', 1));
SELECT public.fact(:one, 'edit', 13, public.about('E1', 1, '{"id": "V3", "kind": "text", "body": "Hello all!"}', 1));
SELECT public.fact(:one, 'edit', 12, public.about('E1', 1, '{"id": "V2", "kind": "text", "body": "Hello all"}', 1));
-- nobody edits what somebody else wrote
SELECT public.fact(:one, 'edit', 14, public.about('E1', 1, '{"id": "V4", "kind": "text", "body": "forged"}', 2));
SELECT public.fact(:one, 'edit', 14, public.about('E1', NULL, '{"id": "V5", "kind": "text", "body": "forged"}', 2));
SELECT body, to_char(edited_at, 'SS') AS edited FROM wa.messages WHERE wa_id = 'E1';
SELECT * FROM public.versions;
-- before the message, and while it cannot be read
SELECT public.fact(:one, 'edit', 22, public.about('E3', 1, '{"id": "V6", "kind": "text", "body": "better"}', 1));
SELECT public.fact(:one, 'edit', 22, public.about('E3', 1, '{"id": "V7", "kind": "text", "body": "forged"}', 2));
SELECT * FROM public.versions WHERE wa_id = 'E3';
SELECT public.say(public.msg(:two, 'r1@g.us', 1, 'E3', NULL, 20, state => 'pending'));
SELECT state, body FROM wa.messages WHERE wa_id = 'E3';
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'E3', 'first', 20, 'retry'));
SELECT state, body, to_char(edited_at, 'SS') AS edited FROM wa.messages WHERE wa_id = 'E3';
SELECT * FROM public.versions WHERE wa_id = 'E3';
-- two messages with one id: each has its own edits
SELECT public.fact(:one, 'edit', 24, public.about('E4', 2, '{"id": "V8", "kind": "text", "body": "two, edited"}', 2));
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'E4', 'one', 23), public.msg(:one, 'r1@g.us', 2, 'E4', 'two', 23));
SELECT body FROM wa.messages WHERE wa_id = 'E4' ORDER BY 1;

-- deleted for everybody: by the author, by an admin; the words are kept
SELECT public.fact(:one, 'revoke', 30, public.about('E2', 2, '{"id": "W1"}', 2));
SELECT public.fact(:one, 'revoke', 31, public.about('E1', 1, '{"id": "W2", "by_admin": false}', 2));
SELECT m.wa_id, m.body, to_char(m.revoked_at, 'SS') AS revoked, p.lid AS by FROM wa.messages AS m LEFT JOIN wa.people AS p ON p.user_id = m.revoked_by
WHERE m.wa_id IN ('E1', 'E2') ORDER BY 1;
-- who is known to be no admin is none
SELECT public.apply(:one, public.roster('r1@g.us', 32, 5, '{6001, 6002, 6003}', '{6003}'));
SELECT public.fact(:one, 'revoke', 33, public.about('E1', 1, '{"id": "W3", "by_admin": true}') || jsonb_build_object('from', public.who(6002)));
SELECT revoked_at FROM wa.messages WHERE wa_id = 'E1';
SELECT public.fact(:one, 'revoke', 34, public.about('E1', 1, '{"id": "W4", "by_admin": true}') || jsonb_build_object('from', public.who(6003)));
SELECT to_char(revoked_at, 'SS') AS revoked, body FROM wa.messages WHERE wa_id = 'E1';
SELECT state, action, edit_wa_id FROM public.versions WHERE action = 'revoke' ORDER BY 3;
-- before the message
SELECT public.fact(:one, 'revoke', 36, public.about('E5', 1, '{"id": "W5"}', 1));
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'E5', 'too late', 35));
SELECT body, to_char(revoked_at, 'SS') AS revoked FROM wa.messages WHERE wa_id = 'E5';
-- reactions: the last one of each person, "" takes it back, an older one changes nothing
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'R1', 'Like?', 40));
SELECT public.fact(:one, 'reaction', 41, public.about('R1', 1, '{"text": "👍"}', 2));
SELECT public.fact(:two, 'reaction', 41, public.about('R1', 1, '{"text": "👍"}', 2));
SELECT public.fact(:one, 'reaction', 42, public.about('R1', 1, '{"text": "❤"}', 2));
SELECT public.fact(:one, 'reaction', 41, public.about('R1', 1, '{"text": "👎"}', 3));
SELECT public.fact(:one, 'reaction', 43, public.about('R1', 1, '{"text": ""}', 3));
SELECT public.fact(:one, 'reaction', 40, public.about('R1', 1, '{"text": "😀"}', 3));
-- the bot's own, and one to the bot's message that comes later
SELECT public.fact(:one, 'reaction', 41, '{"target": {"id": "R1", "by": {"lid": "7001@lid"}}, "from_me": true, "text": "🤖"}');
SELECT public.fact(:one, 'reaction', 44, '{"target": {"id": "R2", "from_me": true}, "from": {"lid": "7002@lid"}, "text": "🎉"}');
SELECT public.say(public.msg(:one, 'r1@g.us', 0, 'R2', 'I am the bot', 43, flags => 1));
SELECT r.wa_id, p.lid AS who, r.emoji, r.from_me, r.message_id IS NOT NULL AS linked FROM wa.reactions AS r JOIN wa.people AS p USING (user_id) ORDER BY 1, 2;
SELECT c.body, c.reactions FROM wa.conversation('r1@g.us') AS c WHERE c.reactions IS NOT NULL;

-- votes: the last one of each person, also before the poll
SELECT public.fact(:one, 'vote', 51, public.about('P1', 1, jsonb_build_object('hashes', jsonb_build_array(encode(sha256('Tea'), 'hex'))), 2));
SELECT options, cardinality(hashes) AS hashes FROM wa.poll_votes;
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'P1', 'What?', 50, extra => '{"poll": {"options": [{"name": "Coffee"}, {"name": "Tea"}, {"name": "Water"}]}}'));
SELECT public.fact(:one, 'vote', 52, public.about('P1', 1, jsonb_build_object('hashes', jsonb_build_array(encode(sha256('Tea'), 'hex'), encode(sha256('Coffee'), 'hex'))), 3));
SELECT public.fact(:one, 'vote', 53, public.about('P1', 1, jsonb_build_object('hashes', jsonb_build_array(encode(sha256('Water'), 'hex'))), 4));
SELECT public.fact(:one, 'vote', 54, public.about('P1', 1, '{"hashes": []}', 4));
SELECT p.lid, v.options FROM wa.poll_votes AS v JOIN wa.people AS p USING (user_id) ORDER BY 1;
SELECT question, option, votes, cardinality(voters) AS voters FROM wa.poll_results ORDER BY option_no;

-- answers to an event
SELECT public.fact(:one, 'response', 61, public.about('V1', 1, '{"response": 1, "extra_guests": 2}', 2));
SELECT public.fact(:one, 'response', 62, public.about('V1', 1, '{"response": 2}', 2));
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'V1', 'Party', 60, extra => '{"event": {"starts_at": 1795535200}}'));
SELECT p.lid, v.response, v.extra_guests, m.meta FROM wa.event_responses AS v JOIN wa.people AS p USING (user_id) JOIN wa.messages AS m USING (message_id);

-- what can be opened only with the secret of its message
SELECT public.fact(:one, 'addon', 71, public.about('A1', 1, '{"addon_kind": "poll_vote", "payload": "AQID", "iv": "BAUG", "id": "X1"}') || '{"from": {"lid": "7002@lid", "pn": "4972@s.whatsapp.net"}}');
SELECT public.fact(:two, 'addon', 71, public.about('A1', 1, '{"addon_kind": "poll_vote", "payload": "AQID", "iv": "BAUG", "id": "X1"}', 2));
SELECT count(*) FROM wa_private.readable_addons();
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'A1', 'Secret?', 70, secret => '\x0909', extra => '{"poll": {"options": [{"name": "Yes"}]}}'));
SELECT count(*) FROM wa_private.readable_addons(100, ARRAY[:shy]::bigint[]);
SELECT * FROM wa_private.readable_addons(100, ARRAY[:one, :two]::bigint[]) \gset a_
SELECT :a_bot_id = :one AS bot, :'a_chat' AS chat, :'a_addon_kind' AS kind, :'a_payload' AS payload, :'a_iv' AS iv, :'a_secret' AS secret, :'a_id' AS id, :'a_target_id' AS original,
	:'a_target_by' AS original_by, :'a_sender' AS sender, :'a_from_me' AS from_me;
-- each is given once; it goes with the fact that came out of it
SELECT count(*) FROM wa_private.readable_addons();
SELECT public.fact(:one, 'vote', 71, public.about('A1', 1, jsonb_build_object('addon_id', :a_addon_id, 'hashes', jsonb_build_array(encode(sha256('Yes'), 'hex'))), 2));
SELECT (SELECT count(*) FROM wa_private.pending_addons) AS addons, (SELECT options FROM wa.poll_votes WHERE wa_id = 'A1') AS vote;

-- receipts: of each person the best and the first time of each, whatever device
SELECT public.fact(:one, 'receipt', 83, '{"entries": [{"id": "R2", "who": {"lid": "7002@lid"}, "kind": "delivered", "at": 1795435282},
	{"id": "R2", "who": {"lid": "7002@lid"}, "kind": "delivered", "at": 1795435281}, {"id": "R2", "who": {"lid": "7003@lid"}, "kind": "read", "at": 1795435283},
	{"id": "R2", "who": {"lid": "8900@lid"}, "kind": "sender", "at": 1795435280}, {"id": "R9", "who": {"lid": "7003@lid"}, "kind": "delivered", "at": 1795435283}]}');
SELECT public.fact(:one, 'receipt', 85, '{"entries": [{"id": "R2", "who": {"lid": "7002@lid"}, "kind": "played", "at": 1795435285},
	{"id": "R2", "who": {"lid": "7003@lid"}, "kind": "delivered", "at": 1795435284}, {"id": "R2", "who": {"lid": "7003@lid"}, "kind": "read", "at": 1795435289}]}');
SELECT public.say(public.msg(:one, 'r1@g.us', 0, 'R9', 'Later', 80, flags => 1));
SELECT r.wa_id, p.lid AS who, r.status, to_char(r.delivered_at, 'SS') AS delivered, to_char(r.read_at, 'SS') AS read, to_char(r.played_at, 'SS') AS played,
	r.message_id IS NOT NULL AS linked FROM wa.receipts AS r JOIN wa.people AS p USING (user_id) ORDER BY 1, 2;

-- chats as the phone has them; history never replaces what was said later
SELECT public.fact(:one, 'chat', 90, '{"chat": "7021@lid", "chat_pn": "4921@s.whatsapp.net", "name": "Uma", "archived": true, "pinned": true, "muted_until": 253402300799, "unread": 4,
	"ephemeral_seconds": 86400, "source": "app_state"}');
SELECT public.fact(:one, 'chat', 95, '{"chat": "7021@lid", "name": "Old", "archived": false, "unread": 7, "ephemeral_seconds": 0, "source": "history", "at": 0}');
SELECT public.fact(:one, 'chat', 91, '{"chat": "7021@lid", "pinned": false, "muted_until": 0, "source": "app_state"}');
SELECT name, archived, pinned, muted_until, unread, ephemeral_seconds FROM wa.chats WHERE bot_id = :one;
-- read on another device of the account
SELECT public.fact(:one, 'receipt', 96, '{"chat": "7021@lid", "entries": [{"id": "U1", "who": {"lid": "8900@lid"}, "kind": "read", "by_self": true, "at": 1795435296}]}');
SELECT unread, (SELECT count(*) FROM wa.receipts WHERE wa_id = 'U1') AS receipts FROM wa.chats WHERE bot_id = :one;

-- names: the address book, what they call themselves, the business, the number
SELECT public.fact(:one, 'contact', 100, '{"who": {"lid": "7021@lid"}, "business_name": "Uma Ltd", "source": "live"}');
SELECT name FROM wa.people WHERE lid = '7021';
SELECT public.fact(:one, 'people', 101, '{"people": [{"lid": "7021@lid", "push_name": "uma!"}, {"lid": "7999@lid", "push_name": "nobody"}]}');
SELECT name FROM wa.people WHERE lid = '7021';
SELECT public.fact(:one, 'contact', 102, '{"who": {"lid": "7021@lid"}, "full_name": "Uma Thurgood", "first_name": "Uma", "source": "app_state"}');
SELECT public.fact(:one, 'contact', 99, '{"who": {"lid": "7021@lid"}, "full_name": "Old name", "source": "app_state"}');
SELECT name, contact_name, business_name, push_name FROM wa.people WHERE lid = '7021';
SELECT public.fact(:one, 'contact', 103, '{"who": {"lid": "7021@lid"}, "removed": true, "source": "app_state"}');
SELECT name FROM wa.people WHERE lid = '7021';
-- a bot whose direct chats are not stored brings nobody along
SELECT public.fact(:shy, 'contact', 104, '{"who": {"lid": "7998@lid"}, "full_name": "Unknown"}');
SELECT public.fact(:shy, 'chat', 104, '{"chat": "7998@lid", "name": "Unknown"}');
SELECT public.fact(:shy, 'reaction', 104, '{"chat": "7998@lid", "target": {"id": "Q1", "from_me": true}, "from": {"lid": "7998@lid"}, "text": "x"}');
SELECT public.fact(:shy, 'reaction', 104, '{"chat": "r2@g.us", "target": {"id": "Q1", "from_me": true}, "from": {"lid": "7998@lid"}, "text": "x"}');
SELECT (SELECT count(*) FROM wa.user_ids WHERE value IN ('7998', '7999')) AS people, (SELECT count(*) FROM wa.chats WHERE bot_id = :shy) AS chats,
	(SELECT count(*) FROM wa.reactions WHERE wa_id = 'Q1') AS reactions, (SELECT watch_level FROM wa.groups WHERE jid = 'r2@g.us');

-- labels
SELECT public.fact(:one, 'label', 110, '{"id": "5", "name": "New order", "color": 3}'), public.fact(:one, 'chat_label', 111, '{"id": "5", "chat": "7021@lid", "on": true}'),
	public.fact(:one, 'message_label', 111, '{"id": "5", "message": "R1", "on": true}'), public.fact(:one, 'message_label', 111, '{"id": "5", "message": "R7", "on": true}');
SELECT public.fact(:one, 'chat_label', 112, '{"id": "5", "chat": "7021@lid", "on": false}'), public.fact(:one, 'label', 109, '{"id": "5", "name": "Older"}');
SELECT public.say(public.msg(:one, 'r1@g.us', 1, 'R7', 'Labelled', 110));
SELECT l.name, l.color, l.deleted_at, c.is_on AS chat, (SELECT array_agg(m.wa_id ORDER BY m.wa_id) FROM wa.message_labels AS m WHERE m.label_id = l.label_id AND m.message_id IS NOT NULL) AS messages
FROM wa.labels AS l JOIN wa.chat_labels AS c USING (bot_id, label_id);
SELECT public.fact(:one, 'member_label', 113, '{"from": {"lid": "7001@lid"}, "label": "Boss"}') , public.fact(:one, 'member_label', 113, jsonb_build_object('from', public.who(6003), 'label', 'Chair'));
SELECT lid, label FROM wa.group_members WHERE group_jid = 'r1@g.us' ORDER BY 1;
SELECT public.fact(:one, 'identity_change', 114, '{"who": {"lid": "7021@lid"}}'), public.fact(:one, 'identity_change', 114, '{"who": {"lid": "7997@lid"}}');
SELECT p.lid, i.changed_at FROM wa.identity_changes AS i JOIN wa.people AS p USING (user_id);

-- one person after all: what both said is once there, and edits are looked at again
SELECT public.say(public.msg(:one, 'r1@g.us', 31, 'N1', 'mine', 120));
SELECT public.fact(:one, 'edit', 121, '{"target": {"id": "N1"}, "from": {"pn": "4931@s.whatsapp.net"}, "id": "N2", "kind": "text", "body": "edited by number"}');
SELECT public.fact(:one, 'reaction', 122, public.about('R1', 1, '{"text": "A"}', 31)), public.fact(:one, 'reaction', 123, public.about('R1', 1, '{"text": "B", "from": {"pn": "4931@s.whatsapp.net"}}'));
SELECT public.fact(:one, 'vote', 124, public.about('P1', 1, '{"hashes": [], "from": {"pn": "4931@s.whatsapp.net"}}')), public.fact(:one, 'response', 124, public.about('V1', 1, '{"response": 1, "from": {"pn": "4931@s.whatsapp.net"}}'));
SELECT public.fact(:one, 'receipt', 125, '{"entries": [{"id": "R2", "who": {"lid": "7031@lid"}, "kind": "delivered", "at": 1795435321}, {"id": "R2", "who": {"pn": "4931@s.whatsapp.net"}, "kind": "read", "at": 1795435322}]}');
SELECT public.fact(:one, 'contact', 125, '{"who": {"pn": "4931@s.whatsapp.net"}, "full_name": "Both"}');
SELECT body FROM wa.messages WHERE wa_id = 'N1';
SELECT public.fact(:one, 'reaction', 126, public.about('R1', 1, '{"text": "C", "from": {"lid": "7031@lid", "pn": "4931@s.whatsapp.net"}}'));
SELECT body FROM wa.messages WHERE wa_id = 'N1';
SELECT p.name, p.lid, p.phone, (SELECT array_agg(r.emoji) FROM wa.reactions AS r WHERE r.user_id = p.user_id) AS reactions, (SELECT count(*) FROM wa.poll_votes AS v WHERE v.user_id = p.user_id) AS votes,
	(SELECT count(*) FROM wa.event_responses AS v WHERE v.user_id = p.user_id) AS answers, (SELECT array_agg(r.status) FROM wa.receipts AS r WHERE r.user_id = p.user_id) AS receipts
FROM wa.people AS p WHERE p.lid = '7031';

-- what makes no sense
SELECT public.try(format($$SELECT public.fact(%s, 'reaction', 1, '{"from": {"lid": "7001@lid"}, "text": "x"}')$$, :one));
SELECT public.try(format($$SELECT public.fact(%s, 'reaction', 1, '{"target": {"id": "R1"}, "text": "x"}')$$, :one));
SELECT public.try(format($$SELECT public.fact(%s, 'label', 1, '{"name": "x"}')$$, :one));
SELECT public.try(format($$SELECT public.fact(%s, 'shrug', 1, '{}')$$, :one));

SELECT wa.remove_bot(:two, purge => true), wa.remove_bot(:shy, purge => true), wa.remove_bot(:one, purge => true);
SELECT (SELECT count(*) FROM wa.users) AS users, (SELECT count(*) FROM wa.reactions) AS reactions, (SELECT count(*) FROM wa.message_edits) AS edits, (SELECT count(*) FROM wa.poll_votes) AS votes,
	(SELECT count(*) FROM wa.event_responses) AS answers, (SELECT count(*) FROM wa.receipts) AS receipts, (SELECT count(*) FROM wa.contacts) AS contacts, (SELECT count(*) FROM wa.labels) AS labels,
	(SELECT count(*) FROM wa_private.waiting) AS waiting, (SELECT count(*) FROM wa_private.message_keys) AS keys;
DROP VIEW public.versions;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
