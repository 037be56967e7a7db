/*
 * messages.sql
 *		The messages of a call of wa_private.apply(), as arrays: one element per
 *		message.  Everything here works on the whole arrays, so that the number
 *		of statements does not depend on the number of messages.
 *
 * wa_private.locate_messages() finds chats, people and what is there already.
 * What is not known is made, then it looks again.  wa_private.insert_messages()
 * and wa_private.fill_messages() write what it found to be new.
 *
 * Locks.  The caller holds the people lock, so that people, chats and groups
 * stay.  Keys of new messages are inserted in their order, then keys of known
 * messages are locked in their order: two workers with the same messages wait
 * for each other and neither deadlocks nor stores anything twice.
 */

/* kind and value in wa.user_ids of a JID */
CREATE FUNCTION wa_private.alias_kind(jid text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jid IS NULL THEN NULL ELSE CASE pg_catalog.split_part(jid, '@', 2) WHEN 'lid' THEN 'lid' WHEN 's.whatsapp.net' THEN 'pn'
	WHEN 'hosted.lid' THEN 'lid' WHEN 'hosted' THEN 'pn' WHEN 'c.us' THEN 'pn' ELSE 'other' END END;
COMMENT ON FUNCTION wa_private.alias_kind(text) IS 'kind in wa.user_ids of a JID';

CREATE FUNCTION wa_private.alias_value(jid text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE wa_private.alias_kind(jid) WHEN 'other' THEN jid
	ELSE pg_catalog.split_part(pg_catalog.split_part(jid, '@', 1), ':', 1) END;
COMMENT ON FUNCTION wa_private.alias_value(text) IS 'value in wa.user_ids of a JID';

/* wa_private.message_keys.rank of a message */
CREATE FUNCTION wa_private.message_rank(state text, origin text)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (CASE state WHEN 'stored' THEN CASE origin WHEN 'group_history' THEN 2 ELSE 3 END WHEN 'unavailable' THEN 1 ELSE 0 END)::smallint;
COMMENT ON FUNCTION wa_private.message_rank(text, text) IS 'what a message brings: 0 pending, 1 unavailable, 2 passed on by a member, 3 content';

/* A direct chat: neither a group nor a list, channel or status. */
CREATE FUNCTION wa_private.is_direct(jid text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.split_part(jid, '@', 2) NOT IN ('g.us', 'broadcast', 'newsletter', 'call', '') AND pg_catalog.split_part(jid, '@', 1) <> '';
COMMENT ON FUNCTION wa_private.is_direct(text) IS 'whether a JID can be the other side of a direct chat';

/* The addresses of people that a message names besides its sender. */
CREATE FUNCTION wa_private.named_jids(extra jsonb)
RETURNS TABLE (jid text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT j.jid
	FROM (SELECT coalesce(extra #>> '{quoted,by,lid}', extra #>> '{quoted,by,pn}') AS jid
		  UNION ALL
		  SELECT x.jid FROM jsonb_array_elements_text(CASE jsonb_typeof(extra -> 'mentions') WHEN 'array' THEN extra -> 'mentions' END) AS x (jid)) AS j
	WHERE wa_private.alias_kind(j.jid) IN ('lid', 'pn') AND length(j.jid) < 200;
END;
COMMENT ON FUNCTION wa_private.named_jids(jsonb) IS 'addresses of people that a message quotes or mentions';

CREATE FUNCTION wa_private.names_strangers(extra jsonb)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (SELECT FROM wa_private.named_jids(extra) AS j
		WHERE NOT EXISTS (SELECT FROM wa.user_ids AS i
			WHERE i.current AND i.kind = wa_private.alias_kind(j.jid) AND i.value = wa_private.alias_value(j.jid)));
END
$$;
COMMENT ON FUNCTION wa_private.names_strangers(jsonb) IS 'whether a message quotes or mentions people who are not known';

/*
 * Finds each message's chat, sender and row.  Outputs are parallel to the
 * inputs: chat and sender null for what is not stored (bot gone, level below
 * messages, no chat of ours) or not known yet; sender 0 where nobody is named;
 * new_id the number for a message to insert, where numbering; old_id the row
 * that this one completes.  Of several of the same message in a call the best
 * one, then the first, has new_id or old_id.
 *
 * sent is the time of sending, or of receiving where that cannot be true.
 *
 * unknown_groups: groups have to be made or their level looked at again;
 * unknown_people: people have to be resolved, also those whose name or day
 * changed (of the messages with doubts); unknown_chats: chats have to be made.
 *
 * people: map of wa_private.resolve_people(), for aliases that nobody has now.
 * Every lookup is by a unique index, whatever the statistics say, because
 * plans outlive them: no other way to join is left.  Where the columns of a key
 * come from several tables, a LIMIT sees to that all are used.
 */
CREATE FUNCTION wa_private.locate_messages(m_bot bigint[], m_chat text[], m_lid text[], m_pn text[], m_name text[], m_id text[],
	m_sent_at timestamptz[], m_received_at timestamptz[], m_flags integer[], m_state text[], m_origin text[], m_extra jsonb[],
	m_secret bytea[], people jsonb, numbering boolean,
	OUT chats bigint[], OUT senders bigint[], OUT sent timestamptz[], OUT new_ids bigint[], OUT old_ids bigint[], OUT doubts boolean[],
	OUT unknown_groups boolean, OUT unknown_people boolean, OUT unknown_chats boolean, OUT waited_for boolean, OUT has_extras boolean,
	OUT n_new integer, OUT n_old integer, OUT first_at timestamptz, OUT last_at timestamptz)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET join_collapse_limit = 1
SET enable_material = off
AS $$
BEGIN
	SELECT array_agg(z.chat_id), array_agg(z.sender), array_agg(z.sent), array_agg(z.new_id), array_agg(z.old_id), array_agg(z.unknown_person),
		bool_or(z.unknown_group), bool_or(z.unknown_person), bool_or(z.unknown_chat), bool_or(z.waited_for),
		bool_or(z.has_extra), count(z.new_id), count(z.old_id), min(z.sent) FILTER (WHERE z.is_stored), max(z.sent) FILTER (WHERE z.is_stored)
	INTO chats, senders, sent, new_ids, old_ids, doubts, unknown_groups, unknown_people, unknown_chats, waited_for, has_extras,
		n_new, n_old, first_at, last_at
	FROM (
		SELECT y.chat_id, y.sender, y.sent, y.unknown_group, y.unknown_person, y.unknown_chat, y.waited_for, y.has_extra, y.is_stored,
			CASE WHEN numbering AND y.turn = 1 AND y.sender IS NOT NULL AND y.chat_id IS NOT NULL AND y.known_id IS NULL
				THEN nextval('wa.messages_message_id_seq') END AS new_id,
			CASE WHEN y.turn = 1 AND (y.rank > y.known_rank OR (y.rank = 0 AND y.known_rank = 0) OR y.teaches_secret)
				THEN y.known_id END AS old_id
		FROM (
			SELECT m.no, CASE WHEN o.wanted THEN s.chat_id END AS chat_id, s.sender, s.sent, s.rank, k.message_id AS known_id, k.rank AS known_rank,
				m.secret IS NOT NULL AND k.secret IS NULL AND k.message_id IS NOT NULL AS teaches_secret,
				s.unknown AS unknown_group,
				(o.wanted OR s.unknown) AND (NOT s.known
					OR u.last_seen_at < s.sent - interval '1 day'
					OR (u.push_name IS DISTINCT FROM coalesce(left(m.name, 200), u.push_name)
						AND (u.push_name IS NULL OR m.origin NOT IN ('history', 'group_history')))
					OR (NOT i.is_group AND (d.user_id IS NULL OR (i.other IS NOT NULL AND d2.user_id IS DISTINCT FROM d.user_id)))
					OR CASE WHEN m.extra IS NULL OR NOT m.extra ?| '{quoted,mentions}' THEN false ELSE wa_private.names_strangers(m.extra) END)
					AS unknown_person,
				o.wanted AND s.chat_id IS NULL AS unknown_chat,
				w.chat_id IS NOT NULL AND o.wanted AS waited_for,
				m.extra IS NOT NULL AND o.wanted AS has_extra,
				o.wanted OR s.unknown AS is_stored,
				row_number() OVER (PARTITION BY s.chat_id, s.id_hash, s.sender ORDER BY o.wanted DESC, s.rank DESC, m.flags & 1 DESC, m.no) AS turn
			FROM unnest(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state, m_origin, m_extra, m_secret)
				WITH ORDINALITY AS m (bot, chat, lid, pn, name, id, at, received_at, flags, state, origin, extra, secret, no)
			LEFT JOIN wa.bots AS b ON b.bot_id = m.bot
			-- OFFSET 0: once, not again wherever it is used
			CROSS JOIN LATERAL (SELECT m.chat LIKE '%@g.us' AS is_group,
				coalesce(m.lid, CASE WHEN m.pn IS NOT NULL THEN NULL WHEN m.flags & 1 = 1 THEN b.lid WHEN m.chat NOT LIKE '%@g.us' THEN m.chat END) AS lid,
				coalesce(m.pn, CASE WHEN m.flags & 1 = 1 AND m.lid IS NULL THEN b.jid END) AS pn,
				CASE WHEN m.chat NOT LIKE '%@g.us' THEN m.chat END AS partner,
				CASE WHEN m.extra IS NOT NULL AND m.chat NOT LIKE '%@g.us' THEN coalesce(m.extra ->> 'chat_pn', m.extra ->> 'chat_lid') END AS other
				OFFSET 0) AS i
			CROSS JOIN LATERAL (SELECT wa_private.alias_kind(i.lid) AS lid_kind, wa_private.alias_value(i.lid) AS lid,
				wa_private.alias_kind(i.pn) AS pn_kind, wa_private.alias_value(i.pn) AS pn,
				wa_private.alias_kind(i.partner) AS partner_kind, wa_private.alias_value(i.partner) AS partner,
				wa_private.alias_kind(i.other) AS other_kind, wa_private.alias_value(i.other) AS other
				OFFSET 0) AS alias
			LEFT JOIN wa.groups AS g ON i.is_group AND g.jid = m.chat
			LEFT JOIN wa.chats AS cg ON cg.group_id = g.group_id
			LEFT JOIN wa.user_ids AS d ON d.current AND d.kind = alias.partner_kind AND d.value = alias.partner
			LEFT JOIN wa.user_ids AS d2 ON d2.current AND d2.kind = alias.other_kind AND d2.value = alias.other
			LEFT JOIN LATERAL (SELECT x.chat_id, x.watch_level FROM wa.chats AS x
				WHERE x.bot_id = m.bot AND x.user_id = coalesce(d.user_id, (people ->> i.partner)::bigint) LIMIT 1) AS cd ON true
			LEFT JOIN wa.user_ids AS l ON l.current AND l.kind = alias.lid_kind AND l.value = alias.lid
			LEFT JOIN wa.user_ids AS p ON p.current AND p.kind = alias.pn_kind AND p.value = alias.pn
			LEFT JOIN wa.users AS u ON u.user_id = coalesce(l.user_id, p.user_id)
			CROSS JOIN LATERAL (SELECT
				CASE WHEN i.lid IS NULL AND i.pn IS NULL THEN 0
					ELSE coalesce(l.user_id, p.user_id, (people ->> coalesce(m.lid, m.pn))::bigint) END AS sender,
				CASE WHEN i.lid IS NULL THEN i.pn IS NULL OR p.user_id IS NOT NULL
					WHEN i.pn IS NULL THEN l.user_id IS NOT NULL ELSE coalesce(l.user_id = p.user_id, false) END AS known,
				coalesce(cg.chat_id, cd.chat_id) AS chat_id,
				b.bot_id IS NOT NULL AND (m.flags & 1024 = 0 OR m.state = 'stored')
					AND CASE WHEN i.is_group THEN coalesce(g.watch_level = 'messages', false)
						WHEN wa_private.is_direct(m.chat) THEN CASE WHEN cd.watch_level IS NULL THEN b.watch_direct ELSE cd.watch_level = 'messages' END
						ELSE false END AS wanted,
				i.is_group AND b.bot_id IS NOT NULL AND (m.flags & 1024 = 0 OR m.state = 'stored')
					AND CASE WHEN g.group_id IS NULL THEN true
						WHEN g.watch_level = 'messages' OR g.watch_chosen THEN false
						WHEN EXISTS (SELECT FROM wa.bot_groups AS o WHERE o.bot_id = m.bot AND o.group_id = g.group_id) THEN false
						ELSE wa_private.level_rank(g.watch_level) < wa_private.level_rank(wa_private.default_level(m.bot)) END AS unknown,
				hashtextextended(m.id, 0) AS id_hash,
				wa_private.message_rank(m.state, m.origin) AS rank,
				CASE WHEN m.at > '2009-01-01' AND m.at < m.received_at + interval '1 day' THEN m.at ELSE m.received_at END AS sent
				OFFSET 0) AS s
			LEFT JOIN LATERAL (SELECT x.message_id, x.rank, x.secret FROM wa_private.message_keys AS x
				WHERE x.chat_id = s.chat_id AND x.id_hash = s.id_hash AND (x.sender = s.sender OR x.sender = 0 OR s.sender = 0)
				LIMIT 1) AS k ON true
			-- one that was deleted is nothing to us, nor is whom it names
			CROSS JOIN LATERAL (SELECT s.wanted AND k.rank IS DISTINCT FROM 9 AS wanted) AS o
			LEFT JOIN LATERAL (SELECT x.chat_id FROM wa_private.waiting AS x
				WHERE x.chat_id = s.chat_id AND x.id_hash = s.id_hash LIMIT 1) AS w ON true
			OFFSET 0
		) AS y
		ORDER BY y.no
	) AS z;
END
$$;
COMMENT ON FUNCTION wa_private.locate_messages(bigint[], text[], text[], text[], text[], text[], timestamptz[], timestamptz[], integer[], text[],
	text[], jsonb[], bytea[], jsonb, boolean) IS 'finds chats, people and rows of messages';

/* The identity records of messages with doubts, for wa_private.resolve_people(). */
CREATE FUNCTION wa_private.message_people(m_bot bigint[], m_chat text[], m_lid text[], m_pn text[], m_name text[], m_flags integer[],
	m_origin text[], m_extra jsonb[], sent timestamptz[], doubts boolean[])
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		-- each person once, however many messages name them
		SELECT coalesce(jsonb_agg(r.record || jsonb_build_object('at', extract(epoch FROM i.at), 'create', true, 'source', i.source)), '[]')
		FROM (
			SELECT n.lid, n.pn, n.name, max(n.sent) AS at, n.source
			FROM (
				SELECT coalesce(m.lid, own.lid) AS lid, coalesce(m.pn, own.pn) AS pn, m.sent, 'message' AS source,
					CASE WHEN m.origin NOT IN ('history', 'group_history') OR NOT EXISTS (SELECT FROM wa.user_ids AS x JOIN wa.users AS u ON u.user_id = x.user_id
						WHERE x.current AND u.push_name IS NOT NULL AND x.kind = wa_private.alias_kind(coalesce(m.lid, m.pn))
							AND x.value = wa_private.alias_value(coalesce(m.lid, m.pn))) THEN m.name END AS name
				FROM unnest(m_bot, m_lid, m_pn, m_name, m_flags, m_origin, sent, doubts) AS m (bot, lid, pn, name, flags, origin, sent, doubt)
				LEFT JOIN LATERAL (SELECT b.lid, b.jid AS pn FROM wa.bots AS b
					WHERE b.bot_id = m.bot AND m.flags & 1 = 1 AND m.lid IS NULL AND m.pn IS NULL) AS own ON true
				WHERE m.doubt
				UNION ALL
				SELECT CASE wa_private.alias_kind(m.chat) WHEN 'pn' THEN m.extra ->> 'chat_lid' ELSE m.chat END,
					CASE wa_private.alias_kind(m.chat) WHEN 'pn' THEN m.chat ELSE m.extra ->> 'chat_pn' END, m.sent, 'message', NULL
				FROM unnest(m_chat, m_extra, sent, doubts) AS m (chat, extra, sent, doubt)
				WHERE m.doubt AND wa_private.is_direct(m.chat)
				UNION ALL
				SELECT CASE wa_private.alias_kind(j.jid) WHEN 'lid' THEN j.jid END, CASE wa_private.alias_kind(j.jid) WHEN 'pn' THEN j.jid END, m.sent, 'mention', NULL
				FROM unnest(m_extra, sent, doubts) AS m (extra, sent, doubt)
				CROSS JOIN LATERAL (SELECT x.jid FROM wa_private.named_jids(m.extra) AS x (jid)
					WHERE NOT EXISTS (SELECT FROM wa.user_ids AS k
						WHERE k.current AND k.kind = wa_private.alias_kind(x.jid) AND k.value = wa_private.alias_value(x.jid))
					-- whoever names a thousand strangers invents them
					LIMIT 16) AS j
				WHERE m.doubt AND m.extra ?| '{quoted,mentions}'
			) AS n
			GROUP BY n.lid, n.pn, n.name, n.source
			OFFSET 0
		) AS i
		CROSS JOIN LATERAL (SELECT wa_private.identity_record(jsonb_build_object('lid', i.lid, 'pn', i.pn, 'push_name', i.name)) AS record) AS r
		WHERE r.record IS NOT NULL);
END
$$;
COMMENT ON FUNCTION wa_private.message_people(bigint[], text[], text[], text[], text[], integer[], text[], jsonb[], timestamptz[], boolean[]) IS
'the people that messages name, as records for wa_private.resolve_people()';

/* Makes the chats of messages that are stored and have none. */
CREATE FUNCTION wa_private.make_chats(bots bigint[], jids text[], people jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa.chats (kind, group_id, jid)
	SELECT 'group', g.group_id, g.jid
	FROM wa.groups AS g
	WHERE g.jid = ANY (jids) AND g.watch_level = 'messages'
		AND NOT EXISTS (SELECT FROM wa.chats AS c WHERE c.group_id = g.group_id)
	ORDER BY g.group_id
	ON CONFLICT DO NOTHING;

	INSERT INTO wa.chats (kind, bot_id, user_id, jid)
	SELECT DISTINCT ON (b.bot_id, u.user_id) 'direct', b.bot_id, u.user_id, m.jid
	FROM unnest(bots, jids) WITH ORDINALITY AS m (bot, jid, no)
	JOIN wa.bots AS b ON b.bot_id = m.bot
	LEFT JOIN wa.user_ids AS i ON i.current AND i.kind = wa_private.alias_kind(m.jid) AND i.value = wa_private.alias_value(m.jid)
	JOIN wa.users AS u ON u.user_id = coalesce(i.user_id, (people ->> m.jid)::bigint)
	WHERE wa_private.is_direct(m.jid) AND b.watch_direct
		AND NOT EXISTS (SELECT FROM wa.chats AS c WHERE c.bot_id = b.bot_id AND c.user_id = u.user_id)
	ORDER BY b.bot_id, u.user_id, m.no
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.make_chats(bigint[], text[], jsonb) IS 'makes the rows of wa.chats that are missing';

/*
 * What extras say of other messages and people, as arrays parallel to them:
 * the message that is quoted and who wrote it, and the people that are
 * mentioned (as text of an array).  All null where there is no chat.
 */
CREATE FUNCTION wa_private.read_extras(m_extra jsonb[], chats bigint[],
	OUT quoted bigint[], OUT quoted_senders bigint[], OUT mentions text[])
RETURNS record LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
BEGIN
	SELECT array_agg(x.quoted[1] ORDER BY x.no), array_agg(x.quoted[2] ORDER BY x.no), array_agg(x.mentions ORDER BY x.no)
	INTO quoted, quoted_senders, mentions
	FROM (
		SELECT m.no,
			CASE WHEN m.chat IS NOT NULL AND m.extra ? 'quoted' THEN (
				SELECT ARRAY[k.message_id, coalesce(i.user_id, nullif(k.sender, 0))]
				FROM (SELECT coalesce(m.extra #>> '{quoted,by,lid}', m.extra #>> '{quoted,by,pn}') AS jid) AS w
				LEFT JOIN wa.user_ids AS i ON i.current AND i.kind = wa_private.alias_kind(w.jid) AND i.value = wa_private.alias_value(w.jid)
				LEFT JOIN wa_private.message_keys AS k ON k.chat_id = m.chat AND k.id_hash = hashtextextended(m.extra #>> '{quoted,id}', 0)
				ORDER BY k.sender = i.user_id DESC NULLS LAST
				LIMIT 1) END AS quoted,
			CASE WHEN m.chat IS NOT NULL AND jsonb_typeof(m.extra -> 'mentions') = 'array' THEN (
				SELECT array_agg(DISTINCT i.user_id)::text
				FROM jsonb_array_elements_text(m.extra -> 'mentions') AS j (jid)
				JOIN wa.user_ids AS i ON i.current AND i.kind = wa_private.alias_kind(j.jid) AND i.value = wa_private.alias_value(j.jid)) END AS mentions
		FROM unnest(m_extra, chats) WITH ORDINALITY AS m (extra, chat, no)
		OFFSET 0
	) AS x;
END
$$;
COMMENT ON FUNCTION wa_private.read_extras(jsonb[], bigint[]) IS 'whom and what messages quote and mention';

/* When a message disappears. */
CREATE FUNCTION wa_private.expiry(extra jsonb, sent timestamptz)
RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at double precision := nullif((extra ->> 'expires_at')::double precision, 0);
	seconds double precision := nullif((extra ->> 'expires_in')::double precision, 0);
BEGIN
	RETURN CASE WHEN at BETWEEN 0 AND 253402300799 THEN to_timestamp(at)
		WHEN seconds BETWEEN 0 AND 10000000000 THEN sent + make_interval(secs => seconds) END;
END
$$;
COMMENT ON FUNCTION wa_private.expiry(jsonb, timestamptz) IS 'when a message disappears; null: it stays';

/* wa.messages.meta of a message */
CREATE FUNCTION wa_private.message_meta(extra jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN nullif(coalesce(extra -> 'meta', '{}')
		|| jsonb_strip_nulls(jsonb_build_object('poll', (extra -> 'poll') - 'options', 'event', extra -> 'event')), '{}');
END
$$;
COMMENT ON FUNCTION wa_private.message_meta(jsonb) IS 'what wa.messages.meta has of the extras of a message';

/*
 * Inserts the messages that have a new number, keys first.  lost: how many keys
 * another transaction was faster with; their new_ids are null then.
 * m_extra null: no message has any.
 */
CREATE FUNCTION wa_private.insert_messages(m_bot bigint[], m_id text[], m_received_at timestamptz[], m_kind text[], m_body text[],
	m_flags integer[], m_state text[], m_origin text[], m_extra jsonb[], m_raw bytea[], m_secret bytea[],
	chats bigint[], senders bigint[], sent timestamptz[], INOUT new_ids bigint[], n_new integer, OUT lost integer)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	quoted bigint[];
	quoted_senders bigint[];
	mentioned text[];
BEGIN
	INSERT INTO wa_private.message_keys (chat_id, id_hash, sender, message_id, sent_at, rank, secret)
	SELECT m.chat, hashtextextended(m.id, 0), m.sender, m.new_id, m.sent, wa_private.message_rank(m.state, m.origin), m.secret
	FROM unnest(chats, m_id, senders, new_ids, sent, m_state, m_origin, m_secret) AS m (chat, id, sender, new_id, sent, state, origin, secret)
	WHERE m.new_id IS NOT NULL
	ORDER BY 1, 2, 3
	ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS lost = ROW_COUNT;
	lost := n_new - lost;
	IF lost > 0 THEN
		SELECT array_agg(CASE WHEN k.message_id = m.new_id THEN m.new_id END ORDER BY m.no) INTO new_ids
		FROM unnest(chats, m_id, senders, new_ids) WITH ORDINALITY AS m (chat, id, sender, new_id, no)
		LEFT JOIN wa_private.message_keys AS k ON m.new_id IS NOT NULL AND k.chat_id = m.chat
			AND k.id_hash = hashtextextended(m.id, 0) AND k.sender = m.sender;
	END IF;
	IF m_extra IS NOT NULL THEN
		SELECT r.quoted, r.quoted_senders, r.mentions INTO quoted, quoted_senders, mentioned
		FROM wa_private.read_extras(m_extra, chats) AS r;
	END IF;
	INSERT INTO wa.messages (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, is_forwarded, view_once, mentions_all,
		via_broadcast, group_status, was_offline, starred, wa_id, kind, state, origin, body, forwarding_score, quoted_wa_id,
		quoted_message_id, quoted_sender, mentions, expires_at, trouble, attempts, phone_asked, meta, raw)
	SELECT m.new_id, m.sent, m.received_at, m.chat, nullif(m.sender, 0), m.bot, m.flags & 1 <> 0, m.flags & 4 <> 0, m.flags & 2 <> 0,
		m.flags & 64 <> 0, m.flags & 128 <> 0, m.flags & 256 <> 0, m.flags & 32 <> 0, m.flags & 512 <> 0, m.id, m.kind, m.state, m.origin, m.body,
		(m.extra ->> 'forwarding_score')::integer, m.extra #>> '{quoted,id}', m.quoted, m.quoted_sender, m.mentions::bigint[],
		CASE WHEN m.extra ?| '{expires_at,expires_in}' THEN wa_private.expiry(m.extra, m.sent) END,
		m.extra ->> 'trouble', (m.extra ->> 'attempts')::integer, (m.extra ->> 'phone_asked')::boolean,
		CASE WHEN m.extra ?| '{meta,poll,event}' THEN wa_private.message_meta(m.extra) END, m.raw
	FROM unnest(new_ids, sent, m_received_at, chats, senders, m_bot, m_flags, m_id, m_kind, m_state, m_origin, m_body, m_extra,
			quoted, quoted_senders, mentioned, m_raw)
		AS m (new_id, sent, received_at, chat, sender, bot, flags, id, kind, state, origin, body, extra, quoted, quoted_sender, mentions, raw)
	WHERE m.new_id IS NOT NULL;
END
$$;
COMMENT ON FUNCTION wa_private.insert_messages(bigint[], text[], timestamptz[], text[], text[], integer[], text[], text[], jsonb[], bytea[], bytea[],
	bigint[], bigint[], timestamptz[], bigint[], integer) IS 'inserts messages that are not there';

/*
 * Completes messages that are there: what could not be read is readable now, or
 * at least another attempt was made.  filled are those that got content.
 */
CREATE FUNCTION wa_private.fill_messages(m_bot bigint[], m_id text[], m_kind text[], m_body text[], m_flags integer[], m_state text[],
	m_origin text[], m_extra jsonb[], m_raw bytea[], m_secret bytea[], chats bigint[], old_ids bigint[], OUT filled bigint[])
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
DECLARE
	better boolean[];
	sent timestamptz[];
	quoted bigint[];
	quoted_senders bigint[];
	mentioned text[];
BEGIN
	PERFORM FROM unnest(chats, m_id, old_ids) AS m (chat, id, old_id)
	JOIN wa_private.message_keys AS k ON k.chat_id = m.chat AND k.id_hash = hashtextextended(m.id, 0) AND k.message_id = m.old_id
	ORDER BY k.chat_id, k.id_hash, k.sender
	FOR UPDATE OF k;
	-- another worker may have been faster
	SELECT array_agg(wa_private.message_rank(m.state, m.origin) > k.rank ORDER BY m.no), array_agg(k.sent_at ORDER BY m.no),
		array_agg(CASE WHEN wa_private.message_rank(m.state, m.origin) > k.rank THEN m.old_id END ORDER BY m.no)
	INTO better, sent, filled
	FROM unnest(chats, m_id, old_ids, m_state, m_origin) WITH ORDINALITY AS m (chat, id, old_id, state, origin, no)
	LEFT JOIN wa_private.message_keys AS k ON m.old_id IS NOT NULL AND k.chat_id = m.chat AND k.id_hash = hashtextextended(m.id, 0)
		AND k.message_id = m.old_id;
	UPDATE wa_private.message_keys AS k
	SET rank = greatest(k.rank, wa_private.message_rank(m.state, m.origin)), secret = coalesce(m.secret, k.secret)
	FROM unnest(chats, m_id, old_ids, m_state, m_origin, m_secret, better) AS m (chat, id, old_id, state, origin, secret, better)
	WHERE k.chat_id = m.chat AND k.id_hash = hashtextextended(m.id, 0) AND k.message_id = m.old_id
		AND (m.better OR (k.secret IS NULL AND m.secret IS NOT NULL));

	IF m_extra IS NOT NULL THEN
		SELECT r.quoted, r.quoted_senders, r.mentions INTO quoted, quoted_senders, mentioned
		FROM wa_private.read_extras(m_extra, chats) AS r;
	END IF;
	UPDATE wa.messages AS x
	SET bot_id = m.bot, from_me = m.flags & 1 <> 0, is_forwarded = m.flags & 4 <> 0, view_once = x.view_once OR m.flags & 2 <> 0,
		mentions_all = m.flags & 64 <> 0, via_broadcast = x.via_broadcast OR m.flags & 128 <> 0, group_status = x.group_status OR m.flags & 256 <> 0,
		starred = x.starred OR m.flags & 512 <> 0, kind = m.kind, state = m.state, origin = m.origin, body = m.body,
		forwarding_score = (m.extra ->> 'forwarding_score')::integer, quoted_wa_id = m.extra #>> '{quoted,id}', quoted_message_id = m.quoted,
		quoted_sender = m.quoted_sender, mentions = m.mentions::bigint[], expires_at = coalesce(wa_private.expiry(m.extra, x.sent_at), x.expires_at),
		trouble = m.extra ->> 'trouble', meta = wa_private.message_meta(m.extra), raw = m.raw
	FROM unnest(filled, sent, m_bot, m_flags, m_kind, m_state, m_origin, m_body, m_extra, quoted, quoted_senders, mentioned, m_raw)
		AS m (id, sent, bot, flags, kind, state, origin, body, extra, quoted, quoted_sender, mentions, raw)
	WHERE x.message_id = m.id AND x.sent_at = m.sent;

	IF 'pending' = ANY (m_state) THEN
		UPDATE wa.messages AS x
		SET state = 'pending', attempts = greatest(x.attempts, (m.extra ->> 'attempts')::integer),
			phone_asked = x.phone_asked OR (m.extra ->> 'phone_asked')::boolean, trouble = coalesce(m.extra ->> 'trouble', x.trouble)
		FROM unnest(old_ids, sent, m_state, m_extra, better) AS m (id, sent, state, extra, better)
		WHERE x.message_id = m.id AND x.sent_at = m.sent AND m.state = 'pending' AND NOT m.better AND x.state IN ('pending', 'lost')
			AND (x.attempts IS DISTINCT FROM greatest(x.attempts, (m.extra ->> 'attempts')::integer)
				OR (m.extra ->> 'phone_asked')::boolean AND x.phone_asked IS NOT TRUE OR x.state = 'lost');
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.fill_messages(bigint[], text[], text[], text[], integer[], text[], text[], jsonb[], bytea[], bytea[], bigint[], bigint[]) IS
'completes messages that are there and could not be read';

/* The file and the poll of new or completed messages. */
CREATE FUNCTION wa_private.store_extras(ids bigint[], chats bigint[], m_bot bigint[], m_extra jsonb[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH files AS MATERIALIZED (
		SELECT m.id, m.chat, m.bot, m.extra -> 'media' AS media
		FROM unnest(ids, chats, m_bot, m_extra) AS m (id, chat, bot, extra)
		WHERE m.id IS NOT NULL AND jsonb_typeof(m.extra -> 'media') = 'object'
	), stored AS (
		INSERT INTO wa.media (message_id, chat_id, bot_id, kind, mimetype, file_name, file_size, sha256, width, height, seconds, pages,
			thumbnail, waveform)
		SELECT f.id, f.chat, f.bot, f.media ->> 'kind', f.media ->> 'mimetype', f.media ->> 'file_name', (f.media ->> 'size')::bigint,
			decode(f.media ->> 'sha256', 'hex'), (f.media ->> 'width')::integer, (f.media ->> 'height')::integer,
			(f.media ->> 'seconds')::integer, (f.media ->> 'pages')::integer, decode(f.media ->> 'thumbnail', 'base64'),
			decode(f.media ->> 'waveform', 'base64')
		FROM files AS f
		ON CONFLICT (message_id) DO NOTHING
		RETURNING media.media_id, media.message_id
	)
	INSERT INTO wa_private.media_keys (media_id, key, enc_sha256, direct_path, url)
	SELECT s.media_id, decode(f.media ->> 'key', 'hex'), decode(f.media ->> 'enc_sha256', 'hex'), f.media ->> 'direct_path', f.media ->> 'url'
	FROM stored AS s JOIN files AS f ON f.id = s.message_id;

	INSERT INTO wa.poll_options (message_id, option_no, chat_id, name, hash)
	SELECT m.id, o.no, m.chat, coalesce(o.body ->> 'name', ''),
		coalesce(decode(o.body ->> 'hash', 'hex'), sha256(convert_to(coalesce(o.body ->> 'name', ''), 'UTF8')))
	FROM unnest(ids, chats, m_extra) AS m (id, chat, extra)
	CROSS JOIN LATERAL jsonb_array_elements(m.extra #> '{poll,options}') WITH ORDINALITY AS o (body, no)
	WHERE m.id IS NOT NULL AND jsonb_typeof(m.extra #> '{poll,options}') = 'array'
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.store_extras(bigint[], bigint[], bigint[], jsonb[]) IS 'stores the files and polls of messages';

/*
 * Writes located messages.  The outputs have one element per message that is
 * new or got its content: its number, chat, bot, and what wa_private.feed_codes()
 * calls that.
 */
CREATE FUNCTION wa_private.write_messages(m_bot bigint[], m_chat text[], m_lid text[], m_pn text[], m_name text[], m_id text[],
	m_sent_at timestamptz[], m_received_at timestamptz[], m_kind text[], m_body text[], m_flags integer[], m_state text[], m_origin text[],
	m_extra jsonb[], m_raw bytea[], m_secret bytea[], people jsonb, located record,
	OUT ids bigint[], OUT places bigint[], OUT bots bigint[], OUT what smallint[])
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	extras jsonb[] := CASE WHEN located.has_extras THEN m_extra END;
	new_ids bigint[] := located.new_ids;
	old_ids bigint[] := located.old_ids;
	n_old integer := located.n_old;
	filled bigint[];
	lost integer := 0;
BEGIN
	IF located.n_new > 0 THEN
		SELECT i.new_ids, i.lost INTO new_ids, lost
		FROM wa_private.insert_messages(m_bot, m_id, m_received_at, m_kind, m_body, m_flags, m_state, m_origin, extras, m_raw, m_secret,
			located.chats, located.senders, located.sent, new_ids, located.n_new) AS i;
		IF lost > 0 THEN
			-- another worker has them: see whether there is something to complete
			SELECT array_agg(CASE WHEN x.new_id IS NULL THEN x.old_id END ORDER BY x.no), count(x.old_id) FILTER (WHERE x.new_id IS NULL)
			INTO old_ids, n_old
			FROM wa_private.locate_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state, m_origin,
				m_extra, m_secret, people, false) AS again
			CROSS JOIN LATERAL unnest(new_ids, again.old_ids) WITH ORDINALITY AS x (new_id, old_id, no);
		END IF;
	END IF;
	IF n_old > 0 THEN
		filled := wa_private.fill_messages(m_bot, m_id, m_kind, m_body, m_flags, m_state, m_origin, extras, m_raw, m_secret, located.chats, old_ids);
		-- what a member passed on is not proved: nothing of it stays beside the content
		DELETE FROM wa.media AS f WHERE f.message_id = ANY (filled);
		DELETE FROM wa.poll_options AS o WHERE o.message_id = ANY (filled);
	END IF;
	IF extras IS NOT NULL THEN
		PERFORM wa_private.store_extras(ARRAY(SELECT coalesce(x.new_id, x.filled) FROM unnest(new_ids, filled) WITH ORDINALITY AS x (new_id, filled, no)
			ORDER BY x.no), located.chats, m_bot, extras);
	END IF;
	IF n_old > 0 THEN
		PERFORM wa_private.settle_edits(ARRAY(SELECT f.id FROM unnest(filled) AS f (id)
			WHERE f.id IS NOT NULL AND EXISTS (SELECT FROM wa.message_edits AS e WHERE e.message_id = f.id)));
	END IF;
	IF located.n_new + n_old > 0 THEN
		SELECT array_agg(coalesce(x.new_id, x.filled)), array_agg(x.chat), array_agg(x.bot),
			array_agg((CASE WHEN x.new_id IS NULL THEN 2 ELSE 1 END)::smallint)
		INTO ids, places, bots, what
		FROM unnest(new_ids, filled, located.chats, m_bot) AS x (new_id, filled, chat, bot)
		WHERE x.new_id IS NOT NULL OR x.filled IS NOT NULL;
	END IF;
	IF extras IS NOT NULL THEN
		-- what is quoted may come later
		INSERT INTO wa_private.waiting (chat_id, id_hash)
		SELECT DISTINCT x.chat, hashtextextended(x.extra #>> '{quoted,id}', 0)
		FROM unnest(new_ids, filled, located.chats, extras) AS x (new_id, filled, chat, extra)
		WHERE (x.new_id IS NOT NULL OR x.filled IS NOT NULL) AND x.extra #>> '{quoted,id}' <> ''
			AND NOT EXISTS (SELECT FROM wa_private.message_keys AS k
				WHERE k.chat_id = x.chat AND k.id_hash = hashtextextended(x.extra #>> '{quoted,id}', 0))
		ORDER BY 1, 2
		ON CONFLICT DO NOTHING;
	END IF;
	IF located.waited_for OR lost > 0 THEN
		PERFORM wa_private.link_messages(new_ids, located.chats, m_id, located.senders);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.write_messages(bigint[], text[], text[], text[], text[], text[], timestamptz[], timestamptz[], text[], text[], integer[],
	text[], text[], jsonb[], bytea[], bytea[], jsonb, record) IS 'inserts and completes messages';

/* Raises unless the arrays of messages fit together. */
CREATE FUNCTION wa_private.check_messages(m_bot bigint[], m_chat text[], m_lid text[], m_pn text[], m_name text[], m_id text[], m_sent_at timestamptz[],
	m_received_at timestamptz[], m_kind text[], m_body text[], m_flags integer[], m_state text[], m_origin text[], m_extra jsonb[], m_raw bytea[],
	m_secret bytea[])
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n integer := cardinality(m_bot);
BEGIN
	IF (n, n, n, n, n, n, n, n, n, n, n, n, n, n, n) IS DISTINCT FROM (cardinality(m_chat), cardinality(m_lid), cardinality(m_pn),
			cardinality(m_name), cardinality(m_id), cardinality(m_sent_at), cardinality(m_received_at), cardinality(m_kind), cardinality(m_body),
			cardinality(m_flags), cardinality(m_state), cardinality(m_origin), cardinality(m_extra), cardinality(m_raw), cardinality(m_secret)) THEN
		RAISE EXCEPTION 'arrays of messages differ in length' USING ERRCODE = 'invalid_parameter_value';
	ELSIF array_position(m_bot, NULL) IS NOT NULL OR array_position(m_chat, NULL) IS NOT NULL OR array_position(m_id, NULL) IS NOT NULL
		OR array_position(m_flags, NULL) IS NOT NULL OR array_position(m_state, NULL) IS NOT NULL OR array_position(m_origin, NULL) IS NOT NULL
		OR array_position(m_received_at, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'message without bot, chat, id, flags, state, origin or received_at' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_messages(bigint[], text[], text[], text[], text[], text[], timestamptz[], timestamptz[], text[], text[],
	integer[], text[], text[], jsonb[], bytea[], bytea[]) IS 'raises an error unless the arrays of messages fit together';

/* The groups of messages as facts, for wa_private.lock_groups(). */
CREATE FUNCTION wa_private.chats_as_facts(m_chat text[])
RETURNS jsonb[] LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT array_agg(CASE WHEN m.chat LIKE '%@g.us' THEN jsonb_build_object('fact', 'message', 'chat', m.chat) ELSE '{}' END ORDER BY m.no)
			FROM unnest(m_chat) WITH ORDINALITY AS m (chat, no));
END
$$;
COMMENT ON FUNCTION wa_private.chats_as_facts(text[]) IS 'the groups of messages as facts, for wa_private.lock_groups()';
