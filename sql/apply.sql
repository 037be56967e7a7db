-- Facts into tables: every kind of fact, and the stories that matter.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT wa.add_bot('one') AS one \gset
SELECT wa.add_bot('two') AS two \gset

-- a person of facts: n gives LID 1000n and number 49n
CREATE FUNCTION public.who(n int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('lid', 1000 + n || '@lid', 'pn', 4900 + n || '@s.whatsapp.net')
$$;
-- a change at 12:00:00 plus s seconds that moves the version to v
CREATE FUNCTION public.change(jid text, s int, kind text, v bigint, actor jsonb, targets jsonb DEFAULT '[]', more jsonb DEFAULT '{}')
RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('fact', 'group_change', 'group', jid, 'notification', 'n' || s, 'ordinal', 0, 'kind', kind,
		'known', true, 'at', 1795435200 + s, 'received_at', 1795435200.25 + s, 'actor', actor, 'version_before', v - 1, 'version_after', v,
		'targets', targets, 'raw', jsonb_build_object('tag', kind, 'attrs', '{}'::jsonb))) || more
$$;
CREATE FUNCTION public.roster(jid text, s int, v bigint, people int[], admins int[] DEFAULT '{}', more jsonb DEFAULT '{}')
RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('fact', 'group', 'source', 'query', 'asked_at', 1795435200.4 + s, 'received_at', 1795435200.5 + s,
		'group', jsonb_strip_nulls(jsonb_build_object('jid', jid, 'subject', 'Group ' || jid, 'version', v, 'complete', true, 'size', cardinality(people),
			'participants', (SELECT jsonb_agg(public.who(p) || jsonb_build_object('role', CASE WHEN p = ANY (admins) THEN 'admin' ELSE 'member' END))
				FROM unnest(people) AS p))) || more)
$$;
CREATE FUNCTION public.apply(bot bigint, VARIADIC facts jsonb[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'ask ' || a.group_jid FROM wa_private.apply(array_fill(bot, ARRAY[cardinality(facts)]), facts) AS a
$$;
CREATE VIEW public.stays AS
SELECT g.jid, p.lid, m.role, to_char(m.joined_at, 'HH24:MI:SS') AS joined, m.joined_precision AS "±", m.join_kind AS how, m.join_source AS source,
	i.lid AS inviter, to_char(m.left_at, 'HH24:MI:SS') AS "left", m.left_precision AS "± ", m.leave_kind AS "how ", m.leave_source AS "source ",
	r.lid AS remover
FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) JOIN wa.people AS p USING (user_id)
LEFT JOIN wa.people AS i ON i.user_id = m.inviter LEFT JOIN wa.people AS r ON r.user_id = m.remover
ORDER BY g.jid, p.lid, coalesce(m.joined_version, 0), m.left_version;
CREATE VIEW public.happened AS
SELECT g.jid, to_char(e.occurred_at, 'HH24:MI:SS') AS at, e.at_precision AS "±", e.source, e.kind, e.how, t.lid AS target, a.lid AS actor, e.version_after AS v,
	e.details, (SELECT count(*) FROM wa.event_sightings AS s WHERE s.event_id = e.event_id) AS seen
FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) LEFT JOIN wa.people AS t ON t.user_id = e.target
LEFT JOIN wa.people AS a ON a.user_id = e.actor
ORDER BY g.jid, e.version_after, e.occurred_at, e.event_id;

-- status, and what the device says
INSERT INTO wa_private.devices (bot_id, noise_private, identity_private, registration_id, signed_prekey_id, signed_prekey_private,
	signed_prekey_signature, adv_secret, next_prekey_id, jid, lid, push_name)
VALUES (:one, '\x00', '\x00', 1, 1, '\x00', '\x00', '\x00', 1, '4901:7@s.whatsapp.net', '1001:7@lid', 'Bot one');
SELECT public.apply(:one, '{"fact": "status", "status": "connecting", "received_at": 1795435200, "retry_in": 2.5}');
SELECT status, jid, lid, phone, push_name, desired, linked_at IS NOT NULL AS linked, to_char(next_attempt_at, 'SS.MS') AS next FROM wa.bots WHERE bot_id = :one;
SELECT public.apply(:one, '{"fact": "status", "status": "online", "received_at": 1795435201}',
	'{"fact": "status", "status": "online", "received_at": 1795435202}',
	'{"fact": "status", "status": "error", "reason": "replaced", "code": 440, "detail": "conflict", "hint": "Log the other one out.", "until": 1795435300, "received_at": 1795435203}');
SELECT previous_status, status, reason, code, detail, hint, until FROM wa.bot_status_log WHERE bot_id = :one ORDER BY log_id;
UPDATE wa.bots SET desired = 'logged_out' WHERE bot_id = :one;
SELECT public.apply(:one, '{"fact": "status", "status": "logged_out", "reason": "logged_out", "received_at": 1795435204}');
SELECT status, desired FROM wa.bots WHERE bot_id = :one;
UPDATE wa.bots SET jid = '4902@s.whatsapp.net', lid = '1002@lid' WHERE bot_id = :two;

-- the first list of a group: stays without a known begin, no events
SELECT public.apply(:one, public.roster('a@g.us', 0, 10, '{1,2,11,12}', '{11}'), '{"fact": "group_list", "jids": ["a@g.us"], "received_at": 1795435201, "asked_at": 1795435200}');
SELECT public.apply(:two, public.roster('a@g.us', 0, 10, '{1,2,11,12}', '{11}'));
SELECT * FROM public.stays;
SELECT * FROM public.happened;
SELECT b.name, x.role, x.left_at FROM wa.bot_groups AS x JOIN wa.bots AS b USING (bot_id) ORDER BY 1;

-- joined via link, added, approved after a request, by community, unknown how
SELECT public.apply(:one, public.change('a@g.us', 1, 'add', 11, public.who(21), jsonb_build_array(public.who(21)), '{"reason": "invite"}'));
SELECT public.apply(:one, public.change('a@g.us', 2, 'add', 12, public.who(11), jsonb_build_array(public.who(22), public.who(23))));
SELECT public.apply(:one, public.change('a@g.us', 3, 'created_membership_requests', NULL, public.who(24), jsonb_build_array(public.who(24)),
	'{"reason": "invite_link"}'));
SELECT public.apply(:one, public.change('a@g.us', 4, 'add', 13, public.who(11), jsonb_build_array(public.who(24))));
SELECT public.apply(:one, public.change('a@g.us', 5, 'add', 14, NULL, jsonb_build_array(public.who(25)), '{"reason": "linked_group_join"}'),
	public.change('a@g.us', 6, 'add', 15, NULL, jsonb_build_array(public.who(26))),
	public.change('a@g.us', 7, 'add', 16, '{"pn": "4927@s.whatsapp.net"}', '[{"lid": "1027@lid", "pn": "4927@s.whatsapp.net"}]'));
-- left, removed, removed two at once, removed by nobody
SELECT public.apply(:one, public.change('a@g.us', 10, 'remove', 17, public.who(21), jsonb_build_array(public.who(21))),
	public.change('a@g.us', 11, 'remove', 18, public.who(11), jsonb_build_array(public.who(22))),
	public.change('a@g.us', 12, 'remove', 19, public.who(23), jsonb_build_array(public.who(23), public.who(24))),
	public.change('a@g.us', 13, 'remove', 20, NULL, jsonb_build_array(public.who(25))));
SELECT * FROM public.stays WHERE source = 'live';
-- again, and a promotion
SELECT public.apply(:one, public.change('a@g.us', 14, 'add', 21, public.who(11), jsonb_build_array(public.who(21))),
	public.change('a@g.us', 15, 'promote', 22, public.who(11), jsonb_build_array(public.who(21))),
	public.change('a@g.us', 16, 'promote', 23, public.who(11), jsonb_build_array(public.who(12))),
	public.change('a@g.us', 17, 'demote', 24, public.who(11), jsonb_build_array(public.who(12))));
SELECT lid, role, joined, how, inviter, "left", "how ", remover FROM public.stays WHERE lid = '1021' OR lid = '1012';
SELECT decision, to_char(requested_at, 'SS') AS asked, to_char(decided_at, 'SS') AS decided, method, p.lid AS decided_by
FROM wa.join_requests AS r LEFT JOIN wa.people AS p ON p.user_id = r.decided_by;
-- rejected and withdrawn
SELECT public.apply(:one, public.change('a@g.us', 20, 'membership_approval_request', NULL, public.who(31)),
	public.change('a@g.us', 21, 'created_membership_requests', NULL, public.who(12), jsonb_build_array(public.who(32)), '{"reason": "non_admin_add"}'),
	public.change('a@g.us', 22, 'revoked_membership_requests', NULL, public.who(31), jsonb_build_array(public.who(31))),
	public.change('a@g.us', 23, 'revoked_membership_requests', NULL, public.who(11), jsonb_build_array(public.who(32))));
SELECT u.lid, r.decision, r.method, q.lid AS proposed_by, p.lid AS decided_by FROM wa.join_requests AS r JOIN wa.people AS u USING (user_id)
LEFT JOIN wa.people AS p ON p.user_id = r.decided_by LEFT JOIN wa.people AS q ON q.user_id = r.proposed_by ORDER BY 1;

-- settings; an older one does not undo a newer one
SELECT public.apply(:one, public.change('a@g.us', 30, 'subject', NULL, public.who(11), '[]', '{"text": "Täst"}'),
	public.change('a@g.us', 29, 'subject', NULL, public.who(11), '[]', '{"text": "old"}'),
	public.change('a@g.us', 31, 'description', NULL, public.who(11), '[]', '{"text": "About", "text_id": "D1"}'),
	public.change('a@g.us', 32, 'announcement', NULL, public.who(11), '[]', '{"settings": {"announce": true}}'),
	public.change('a@g.us', 33, 'locked', NULL, public.who(11), '[]', '{"settings": {"locked": true}}'),
	public.change('a@g.us', 34, 'unlocked', NULL, public.who(11), '[]', '{"settings": {"locked": false}}'),
	public.change('a@g.us', 35, 'ephemeral', NULL, public.who(11), '[]', '{"settings": {"ephemeral_seconds": 604800}}'),
	public.change('a@g.us', 36, 'membership_approval_mode', NULL, public.who(11), '[]', '{"settings": {"join_approval": true}}'),
	public.change('a@g.us', 37, 'member_add_mode', NULL, public.who(11), '[]', '{"settings": {"member_add_mode": "admin_add"}, "text": "admin_add"}'),
	public.change('a@g.us', 38, 'invite', NULL, public.who(11), '[]', '{"text": "CODE1"}'),
	public.change('a@g.us', 39, 'invite', NULL, public.who(11), '[]', '{"text": "CODE2"}'),
	public.change('a@g.us', 40, 'unknown:frobnicate', NULL, public.who(11), '[]', '{"known": false, "raw": {"tag": "frobnicate", "attrs": {"x": "1"}}}'));
SELECT subject, description, description_id, announce, locked, ephemeral_seconds, join_approval, member_add_mode FROM wa.groups WHERE jid = 'a@g.us';
SELECT code, to_char(valid_from, 'SS') AS valid_from, to_char(valid_until, 'SS') AS valid_until FROM wa.invite_links ORDER BY 1;
SELECT kind, action, raw FROM wa.group_events WHERE kind LIKE 'unknown:%';

-- redelivered, and seen by the other bot under another id: nothing new, sightings counted
SELECT count(*) AS events FROM wa.group_events;
SELECT public.apply(:one, public.change('a@g.us', 14, 'add', 21, public.who(11), jsonb_build_array(public.who(21)), '{"offline": true}'),
	public.change('a@g.us', 30, 'subject', NULL, public.who(11), '[]', '{"text": "Täst"}'));
SELECT public.apply(:two, public.change('a@g.us', 2, 'add', 12, public.who(11), jsonb_build_array(public.who(22), public.who(23)), '{"notification": "other"}'),
	public.change('a@g.us', 30, 'subject', NULL, public.who(11), '[]', '{"text": "Täst", "notification": "other30"}'),
	public.change('a@g.us', 33, 'locked', NULL, public.who(11), '[]', '{"settings": {"locked": true}}'));
SELECT count(*) AS events FROM wa.group_events;
SELECT * FROM public.happened;
-- the same content twice in one second is two events, for both bots
SELECT public.apply(:one, public.change('a@g.us', 41, 'announcement', NULL, public.who(11), '[]', '{"settings": {"announce": true}, "notification": "x1"}'),
	public.change('a@g.us', 41, 'announcement', NULL, public.who(11), '[]', '{"settings": {"announce": true}, "notification": "x2"}'));
SELECT public.apply(:two, public.change('a@g.us', 41, 'announcement', NULL, public.who(11), '[]', '{"settings": {"announce": true}, "notification": "y1"}'),
	public.change('a@g.us', 41, 'announcement', NULL, public.who(11), '[]', '{"settings": {"announce": true}, "notification": "y2"}'));
SELECT kind, seen FROM public.happened WHERE at = '12:00:41';

-- a gap in the versions: one question, then the difference as a range
SELECT public.apply(:one, public.change('a@g.us', 50, 'add', 27, public.who(11), jsonb_build_array(public.who(41))));
SELECT public.apply(:two, public.change('a@g.us', 51, 'add', 28, public.who(11), jsonb_build_array(public.who(42))));
SELECT complete, why_not FROM wa.group_completeness WHERE subject = 'Täst';
SELECT public.apply(:one, public.roster('a@g.us', 60, 28, '{1,2,11,12,21,26,27,41,42,43}', '{11,21,12}'));
SELECT * FROM public.happened WHERE source = 'snapshot';
SELECT lid, role, joined, "±", how, source, "left", "± ", "how ", "source " FROM public.stays WHERE lid IN ('1043', '1012');
SELECT complete, members, server_size FROM wa.group_completeness WHERE subject = 'Group a@g.us';
-- what was missed comes after all: the inferred event becomes the real one
SELECT public.apply(:two, public.change('a@g.us', 44, 'add', 26, public.who(11), jsonb_build_array(public.who(43))));
SELECT public.apply(:two, public.change('a@g.us', 43, 'promote', 25, public.who(11), jsonb_build_array(public.who(12))));
SELECT at, "±", source, kind, how, target, actor, v, seen FROM public.happened WHERE target IN ('1043', '1012') AND v >= 25;
SELECT lid, role, joined, "±", how, source, inviter FROM public.stays WHERE lid = '1043';

-- a list that is not complete removes nobody; one that is too old is not used
SELECT public.apply(:one, public.roster('a@g.us', 70, 28, '{1,2,11}', '{11}', '{"complete": false}'));
SELECT count(*) FROM public.stays WHERE "left" IS NULL AND jid = 'a@g.us';
SELECT public.roster('a@g.us', 71, 28, '{1,2}') AS stale \gset
SELECT public.apply(:one, public.change('a@g.us', 72, 'remove', 29, public.who(11), jsonb_build_array(public.who(42))));
SELECT public.apply(:one, :'stale'::jsonb);
SELECT count(*) FROM public.stays WHERE "left" IS NULL AND jid = 'a@g.us';
SELECT public.apply(:one, public.roster('a@g.us', 73, 29, '{1,2,11,12,21,26,27,41,43}', '{11,12,21}'));

-- a bot is removed, then the other leaves: nobody watches, stays stay as they were
SELECT public.apply(:one, public.change('a@g.us', 80, 'remove', 30, public.who(11), jsonb_build_array(public.who(1))));
SELECT b.name, to_char(x.left_at, 'HH24:MI:SS') AS left_at FROM wa.bot_groups AS x JOIN wa.bots AS b USING (bot_id) ORDER BY 1;
SELECT unobserved_since FROM wa.groups WHERE jid = 'a@g.us';
SELECT public.apply(:two, '{"fact": "group_gone", "group": "a@g.us", "received_at": 1795435290}');
SELECT to_char(unobserved_since, 'HH24:MI:SS') AS since, needs_refresh FROM wa.groups WHERE jid = 'a@g.us';
SELECT count(*) FROM public.stays WHERE "left" IS NULL AND jid = 'a@g.us';
-- back again, with what happened meanwhile as a range
SELECT public.apply(:two, public.change('a@g.us', 100, 'create', NULL, public.who(11), '[]', jsonb_build_object('carried', public.roster('a@g.us', 100, 40, '{2,11,12}', '{11}') -> 'group')));
SELECT to_char(unobserved_since, 'HH24:MI:SS') AS since FROM wa.groups WHERE jid = 'a@g.us';
SELECT lid, joined, "left", "± ", "how ", "source " FROM public.stays WHERE "source " = 'snapshot';

-- a group made just now: everybody joined with it
SELECT public.apply(:one, public.change('new@g.us', 200, 'create', NULL, public.who(11), '[]', jsonb_build_object('carried',
	public.roster('new@g.us', 200, 1, '{1,11,12}', '{11}', '{"created_at": 1795435399, "creator": {"lid": "1011@lid"}}') -> 'group')));
SELECT lid, joined, "±", how, source, inviter FROM public.stays WHERE jid = 'new@g.us';
-- a bot is taken into a group that exists: only its own begin is known
SELECT public.apply(:one, public.change('old@g.us', 210, 'create', NULL, public.who(12), '[]', jsonb_build_object('carried',
	public.roster('old@g.us', 210, 7, '{1,11,12}', '{11}', '{"created_at": 1600000000}') -> 'group')));
SELECT lid, joined, "±", how, source, inviter FROM public.stays WHERE jid = 'old@g.us';
-- taken in while the bot was away: what came after it in the queue is newer
SELECT public.apply(:one, public.change('late@g.us', 212, 'create', NULL, public.who(11), '[]', jsonb_build_object('received_at', 1795435460, 'carried',
		public.roster('late@g.us', 212, 7, '{1,11,12}', '{11}', '{"created_at": 1600000000, "settings": {"announce": false}}') -> 'group')),
	public.change('late@g.us', 213, 'announcement', NULL, public.who(11), '[]', '{"received_at": 1795435460, "settings": {"announce": true}}'),
	public.change('late@g.us', 214, 'remove', 8, public.who(12), jsonb_build_array(public.who(12)), '{"received_at": 1795435460}'));
SELECT announce, to_char(settings_at, 'HH24:MI:SS') AS since FROM wa.groups WHERE jid = 'late@g.us';
SELECT lid, joined, "±", how, source, "left", "how " FROM public.stays WHERE jid = 'late@g.us';
-- and the group is deleted
SELECT public.apply(:one, public.change('old@g.us', 220, 'delete', NULL, public.who(11)));
SELECT lid, "left", "how ", remover FROM public.stays WHERE jid = 'old@g.us';
SELECT to_char(deleted_at, 'HH24:MI:SS') AS deleted, unobserved_since IS NOT NULL AS unobserved FROM wa.groups WHERE jid = 'old@g.us';

-- groups that are not in the list of all
SELECT public.apply(:one, jsonb_build_object('fact', 'group_list', 'jids', '["third@g.us"]'::jsonb, 'received_at', 1795435450, 'asked_at', 1795435450));
SELECT g.jid, x.left_at IS NULL AS inside FROM wa.bot_groups AS x JOIN wa.groups AS g USING (group_id) WHERE x.bot_id = :one ORDER BY 1;

-- community links, several at once
SELECT public.apply(:one, public.change('third@g.us', 300, 'link', NULL, public.who(11), '[]', '{"text": "parent_group", "carried": {"jid": "community@g.us", "partial": true}}'));
SELECT public.apply(:one, public.change('new@g.us', 301, 'link', NULL, public.who(11), '[]',
	'{"text": "sub_group", "carried": {"jid": "a@g.us", "partial": true}, "also_carried": [{"jid": "old@g.us", "partial": true}]}'));
SELECT jid, parent_jid FROM wa.groups WHERE parent_jid IS NOT NULL ORDER BY 1;
SELECT public.apply(:one, public.change('third@g.us', 302, 'unlink', NULL, public.who(11), '[]', '{"text": "parent_group", "carried": {"jid": "community@g.us", "partial": true}}'));
SELECT public.apply(:one, public.change('new@g.us', 303, 'unlink', NULL, public.who(11), '[]',
	'{"text": "sub_group", "carried": {"jid": "a@g.us", "partial": true}, "also_carried": [{"jid": "old@g.us", "partial": true}]}'));
SELECT jid, parent_jid FROM wa.groups WHERE parent_jid IS NOT NULL;
-- a mention says what it says, and nothing else is off
SELECT public.apply(:one, public.change('new@g.us', 304, 'description', NULL, public.who(11), '[]', '{"text": "Kept", "text_id": "K"}'),
	'{"fact": "group", "source": "list", "received_at": 1795435505, "asked_at": 1795435505, "group": {"jid": "new@g.us", "subject": "Short", "partial": true}}');
SELECT subject, description FROM wa.groups WHERE jid = 'new@g.us';
-- an entry of a list that cannot be read: the bot is not in it
SELECT public.apply(:one, '{"fact": "group", "source": "list", "received_at": 1795435506, "asked_at": 1795435506, "group": {"jid": "fourth@g.us", "partial": true, "error": "403"}}');
SELECT count(*) FROM wa.groups AS g WHERE g.jid = 'fourth@g.us';
SELECT public.apply(:one, '{"fact": "group", "source": "list", "received_at": 1795435506, "asked_at": 1795435506, "group": {"jid": "third@g.us", "partial": true, "error": "403"}}');
SELECT to_char(x.left_at, 'HH24:MI:SS') FROM wa.bot_groups AS x JOIN wa.groups AS g USING (group_id) WHERE x.bot_id = :one AND g.jid = 'third@g.us';
-- the server refused one of two
SELECT public.apply(:one, public.change('new@g.us', 306, 'add', 2, public.who(11), jsonb_build_array(public.who(71), public.who(72) || '{"error": "403"}')));
SELECT target, kind FROM public.happened WHERE at = '12:05:06';
SELECT lid FROM public.stays WHERE lid IN ('1071', '1072');
SELECT public.apply(:one, public.change('new@g.us', 306, 'add', 3, public.who(11), jsonb_build_array(public.who(72) || '{"error": "403"}')));
SELECT public.apply(:one, public.roster('third@g.us', 306, 4, '{1,11}'));
SELECT public.apply(:one, public.change('new@g.us', 307, 'remove', 3, public.who(11), jsonb_build_array(public.who(71))));

-- people: a number in one group, a LID in another, then both at once
SELECT public.apply(:one, public.change('third@g.us', 310, 'add', 5, NULL, '[{"pn": "4960@s.whatsapp.net"}]'), public.change('new@g.us', 311, 'add', 4, NULL, '[{"lid": "1060@lid"}]'));
SELECT wa.resolve('+4960') = wa.resolve('1060@lid') AS one_person;
SELECT public.apply(:one, '{"fact": "aliases", "source": "message", "received_at": 1795435520, "pairs": [{"lid": "1060@lid", "pn": "4960@s.whatsapp.net", "authoritative": true}]}');
SELECT wa.resolve('+49 60') = wa.resolve('1060@lid') AS one_person, wa.resolve('4960@c.us') = wa.resolve('1060') AS and_so;
SELECT reason, memberships, events, evidence ->> 'source' AS source FROM wa.user_merges;
SELECT jid, lid, joined FROM public.stays WHERE lid = '1060';
-- both in one group: one stay remains
SELECT public.apply(:one, public.change('new@g.us', 320, 'add', 5, NULL, '[{"pn": "4961@s.whatsapp.net"}]'), public.change('new@g.us', 321, 'add', 6, NULL, '[{"lid": "1061@lid"}]'));
SELECT count(*) FROM public.stays WHERE joined IN ('12:05:20', '12:05:21');
SELECT public.apply(:one, public.change('new@g.us', 322, 'promote', 7, public.who(11), jsonb_build_array(public.who(61))));
SELECT lid, role, joined FROM public.stays WHERE joined IN ('12:05:20', '12:05:21');
-- pairs of people whom nobody watches are not learned
SELECT public.apply(:one, '{"fact": "aliases", "source": "message", "received_at": 1795435520, "pairs": [{"lid": "1999@lid", "pn": "4999@s.whatsapp.net"}]}');
SELECT wa.resolve('4999');
-- an alias that is only a guess takes nobody's number; an authoritative one does; LIDs are never merged by it
SELECT public.apply(:one, '{"fact": "aliases", "source": "contact", "received_at": 1795435530, "pairs": [{"lid": "1060@lid", "pn": "4961@s.whatsapp.net"}]}');
SELECT wa.resolve('4961') = wa.resolve('1061@lid') AS still;
SELECT public.apply(:one, '{"fact": "aliases", "source": "usync", "received_at": 1795435999, "pairs": [{"lid": "1060@lid", "pn": "4961@s.whatsapp.net", "authoritative": true}]}');
SELECT wa.resolve('4961') = wa.resolve('1060@lid') AS moved, wa.resolve('1060@lid') <> wa.resolve('1061@lid') AS two_people;
-- a number changes: same person, both numbers known, an event in their groups
SELECT public.apply(:one, '{"fact": "number_change", "received_at": 1795436000, "before": {"lid": "1012@lid", "pn": "4912@s.whatsapp.net"}, "after": {"lid": "1012@lid", "pn": "4712@s.whatsapp.net"}}');
SELECT value, current, source FROM wa.user_ids WHERE user_id = wa.resolve('4712') ORDER BY kind, value;
SELECT wa.resolve('4912') = wa.resolve('4712') AS same;
SELECT jid, kind, target, details -> 'after' ->> 'pn' AS now FROM public.happened WHERE kind = 'number_change';
-- in a group of numbers, by a modify
SELECT public.apply(:one, public.change('third@g.us', 330, 'modify', 6, '{"pn": "4960@s.whatsapp.net"}', '[{"pn": "4760@s.whatsapp.net"}]'));
SELECT value, current FROM wa.user_ids WHERE user_id = wa.resolve('4760') AND kind = 'pn' ORDER BY value;
SELECT count(*) FROM public.stays WHERE jid = 'third@g.us' AND "left" IS NULL;
-- names: usernames, push names, masked numbers; a LID never becomes a number
SELECT public.apply(:one, public.change('third@g.us', 340, 'add', 7, '{"lid": "49170999@lid", "push_name": "Ann", "username": "ann"}', '[{"lid": "1070@lid", "display": "+55∙∙∙∙79"}]'));
SELECT name, phone, lid, username, masked_phone FROM wa.people WHERE user_id IN (wa.resolve('@ann'), wa.resolve('1070@lid')) ORDER BY name;
SELECT hidden, username_only, with_phone, members FROM wa.phone_coverage AS c JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'third@g.us';
-- nothing refers to people who are gone
SELECT count(*) FROM wa.group_events AS e WHERE NOT EXISTS (SELECT FROM wa.users AS u WHERE u.user_id = e.target) AND e.target IS NOT NULL;

-- caught up, raw
SELECT public.apply(:one, '{"fact": "caught_up", "received_at": 1795436100, "covered": true}');
SELECT public.apply(:one, '{"fact": "caught_up", "received_at": 1795436100, "covered": false}');
SELECT public.apply(:one, '{"fact": "raw", "received_at": 1795436100, "tag": "iq", "type": "set", "id": "1", "from": "s.whatsapp.net", "node": {"tag": "iq"}}');
SELECT tag, type, stanza_id, from_jid, node FROM wa.unknown_stanzas;

-- bad facts: an error with its SQLSTATE, and nothing stored
SELECT f.fact, split_part(public.try(format('SELECT wa_private.apply(ARRAY[%s], ARRAY[%L]::jsonb[])', :one, f.fact)), ':', 1) AS sqlstate
FROM (VALUES ('{}'), ('[]'), ('null'), ('"x"'), ('{"fact": 1}'), ('{"fact": "new"}'), ('{"fact": "status"}'), ('{"fact": "group"}'),
	('{"fact": "group", "group": "x"}'), ('{"fact": "group", "group": {"jid": "x@g.us", "participants": {}}}'),
	('{"fact": "group", "group": {"jid": "x@g.us", "participants": [1]}}'), ('{"fact": "group", "group": {"jid": "x@g.us", "version": "x"}}'),
	('{"fact": "group_change"}'), ('{"fact": "group_change", "group": "x@g.us"}'), ('{"fact": "group_change", "group": "x@g.us", "kind": "add", "targets": {}}'),
	('{"fact": "group_change", "group": "x@g.us", "kind": "add", "targets": ["x"]}'), ('{"fact": "group_change", "group": "x@g.us", "kind": "add", "at": "soon"}'),
	('{"fact": "group_change", "group": "x@g.us", "kind": "add", "version_after": 1.5e30}'), ('{"fact": "group_list", "jids": {}}'),
	('{"fact": "group_list", "jids": [null]}'), ('{"fact": "aliases", "pairs": {}}'), ('{"fact": "aliases", "pairs": ["x"]}'),
	('{"fact": "number_change", "before": 1, "after": 2}')) AS f (fact);
SELECT public.try('SELECT wa_private.apply(ARRAY[1, 2]::bigint[], ARRAY[''{}'']::jsonb[])');
SELECT public.try('SELECT wa_private.apply(ARRAY[NULL]::bigint[], ARRAY[''{"fact": "raw"}'']::jsonb[])');
SELECT count(*) FROM wa.groups WHERE jid = 'x@g.us';
-- unusual, but no error
SELECT public.try(format('SELECT wa_private.apply(ARRAY[%s], ARRAY[%L]::jsonb[])', :one, f.fact))
FROM (VALUES ('{"fact": "group", "group": {"jid": "y@g.us"}}'), ('{"fact": "group", "received_at": 1795436100, "group": {"jid": "y@g.us", "complete": true, "version": 3, "participants": [{}, {"lid": "odd"}, {"pn": "x@bot", "role": "king"}, {"username": "only"}]}}'),
	('{"fact": "group_change", "group": "y@g.us", "kind": "add", "at": 99999999999, "targets": [{}]}'), ('{"fact": "group_change", "group": "y@g.us", "kind": "remove", "at": -5, "targets": [{"lid": "1888@lid"}]}'),
	('{"fact": "group_change", "group": "y@g.us", "kind": "create"}'), ('{"fact": "group_change", "group": "y@g.us", "kind": "link", "carried": {}}'),
	('{"fact": "group_gone", "group": "never@g.us"}'), ('{"fact": "number_change", "before": {}, "after": {"pn": "1@s.whatsapp.net"}}'), ('{"fact": "aliases"}'),
	('{"fact": "group_list", "jids": []}'), ('{"fact": "caught_up"}'), ('{"fact": "raw"}')) AS f (fact);
SELECT count(*) FROM wa_private.apply('{}', '{}');
-- facts of a bot that is gone
SELECT count(*) FROM wa_private.apply(ARRAY[-1]::bigint[], ARRAY[public.change('y@g.us', 400, 'add', 9, NULL, jsonb_build_array(public.who(90)))]);

-- how many joined and left
SELECT day, joins, leaves, net, members, inferred FROM wa.group_growth AS w JOIN wa.groups AS g USING (group_id) WHERE g.jid = 'a@g.us';

DROP VIEW public.stays, public.happened;
SELECT wa.remove_bot(:one, purge => true), wa.remove_bot(:two, purge => true);
SELECT (SELECT count(*) FROM wa.groups) AS groups, (SELECT count(*) FROM wa.users) AS users, (SELECT count(*) FROM wa.group_events) AS events,
	(SELECT count(*) FROM wa.memberships) AS memberships;
-- what is counted is what is there
SELECT * FROM wa.check_rollups();
