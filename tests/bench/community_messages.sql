-- A large community, continued from community.sql: what is written in its chats,
-- and what is said about that.

-- Who may write in a chat: the first people of its group, who always stay, and
-- speakers, the n-th of whom is the n-th person of the group.
CREATE UNLOGGED TABLE bench.chat (chat_id bigint PRIMARY KEY, is_direct boolean, group_id bigint, core bigint[], bots bigint[], speakers integer, listed double precision);
CREATE UNLOGGED TABLE bench.speaker (group_id bigint, k integer, user_id bigint, begins double precision, ends double precision);
-- Chats in proportion to what is written in them, and hours to how much.
CREATE UNLOGGED TABLE bench.slot (slot integer PRIMARY KEY, chat_id bigint);
CREATE UNLOGGED TABLE bench.hour (at double precision PRIMARY KEY, first_no bigint, last_no bigint);

CREATE FUNCTION bench.make_speakers() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	s bench.size;
	made bigint;
BEGIN
	SELECT * INTO s FROM bench.size;
	-- direct chats: some people of each bot
	INSERT INTO wa.chats (kind, bot_id, user_id, jid, first_seen_at)
	SELECT 'direct', b.bot_id, u.user_id, 10000000000000 + u.user_id * 7 || '@lid', s.begins
	FROM wa.bots AS b CROSS JOIN generate_series(1, 20) AS i
	CROSS JOIN LATERAL (SELECT 1 + (b.bot_id * 7919 + i * 104729) % s.people AS user_id) AS u
	ORDER BY b.bot_id, i
	ON CONFLICT DO NOTHING;
	INSERT INTO bench.chat
	SELECT c.chat_id, false, p.group_id, ARRAY(SELECT DISTINCT bench.person(p.group_id, p.first_stay + k, k, s.people, s.groups) FROM generate_series(1, 5) AS k), p.bots,
		least(20 + p.stays / 4, p.stays)::integer, p.listed
	FROM bench.place AS p JOIN wa.chats AS c ON c.group_id = p.group_id
	UNION ALL
	SELECT c.chat_id, true, NULL, ARRAY[c.user_id], ARRAY[c.bot_id], 0, s.b FROM wa.chats AS c WHERE c.kind = 'direct';
	INSERT INTO bench.speaker
	SELECT x.group_id, x.k, x.user_id, CASE x.begin_source WHEN 'u' THEN '-infinity' ELSE x.begins END, coalesce(x.ends, 'infinity')
	FROM bench.stay AS x JOIN bench.chat AS c ON c.group_id = x.group_id
	WHERE x.k BETWEEN 6 AND c.speakers;
	INSERT INTO bench.slot
	SELECT row_number() OVER () - 1, c.chat_id
	FROM (SELECT x.chat_id, CASE WHEN x.is_direct THEN 0.3 ELSE sqrt(x.speakers) * exp(2 * bench.r(x.chat_id, 30)) END AS w FROM bench.chat AS x) AS c
	CROSS JOIN (SELECT sum(CASE WHEN x.is_direct THEN 0.3 ELSE sqrt(x.speakers) * exp(2 * bench.r(x.chat_id, 30)) END) AS w FROM bench.chat AS x) AS a
	CROSS JOIN LATERAL generate_series(1, greatest(1, round(200000 * c.w / a.w))::integer);
	-- quiet nights, busy evenings, busier weekends
	INSERT INTO bench.hour
	SELECT x.at, 1 + round(s.messages * (x.upto - x.w) / x.w_all)::bigint, round(s.messages * x.upto / x.w_all)::bigint
	FROM (SELECT h.at, w.w, sum(w.w) OVER (ORDER BY h.at) AS upto, sum(w.w) OVER () AS w_all
		  FROM generate_series(0, ((s.e - s.b) / 3600)::integer - 1) AS i
		  CROSS JOIN LATERAL (SELECT s.b + i * 3600.0::double precision AS at) AS h
		  CROSS JOIN LATERAL (SELECT (ARRAY[3, 2, 1, 1, 1, 2, 5, 9, 12, 13, 13, 14, 15, 14, 13, 13, 14, 16, 19, 21, 22, 20, 14, 7])[1 + i % 24]
			* CASE WHEN floor(h.at / 86400)::bigint % 7 IN (2, 3) THEN 1.3 ELSE 1 END AS w) AS w) AS x;
	PERFORM setval('wa.messages_message_id_seq', s.messages);
	ANALYZE bench.chat, bench.speaker, bench.slot, bench.hour;
	SELECT count(*) INTO made FROM bench.speaker;
	RETURN made;
END
$$;

CREATE FUNCTION bench.wa_id(n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT '3EB0' || upper(to_hex(hashint8extended(n, 40)))
$$;

-- On a day at most eight of a chat's speakers talk, some of them more, and on most days the same.
CREATE FUNCTION bench.speaker_of(chat bigint, speakers integer, at double precision, r double precision) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT 6 + floor(speakers * bench.r((chat * 100000 + floor(at / 86400)::bigint) * 8 + floor(8 * r ^ 2)::bigint, 45) ^ 3)::integer
$$;

CREATE FUNCTION bench.make_messages(month text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	s bench.size;
	m record;
	made bigint;
	slots bigint := (SELECT count(*) FROM bench.slot);
	words text := repeat('the next walk begins at the old mill, who brings cake and who brings coffee? we were forty last time and the weather was fine. ', 3);
BEGIN
	SELECT * INTO s FROM bench.size;
	SELECT x.*, extract(epoch FROM x.begins) AS b, extract(epoch FROM x.ends) AS e INTO m FROM bench.month AS x WHERE x.name = month;
	EXECUTE format('TRUNCATE wa.messages_%s', month);
	EXECUTE format($sql$
		INSERT INTO wa.messages_%s (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, is_forwarded, was_offline, wa_id, kind, state, origin,
			body, forwarding_score, quoted_wa_id, quoted_message_id, quoted_sender, mentions, edited_at, revoked_at, revoked_by, trouble, attempts, phone_asked, meta)
		SELECT x.no, to_timestamp(x.at), to_timestamp(x.at + CASE WHEN x.h1 %% 32 = 0 THEN 3000 ELSE 0.2 + (x.h1 %% 100) / 100.0 END), c.chat_id, w.sender, c.bots[1 + x.no %% cardinality(c.bots)],
			f.mine, x.h1 %% 25 = 3 AND k.state = 'stored', x.h1 %% 32 = 0, bench.wa_id(x.no), CASE WHEN k.state = 'stored' THEN k.kind END, k.state,
			o.origin,
			CASE WHEN k.state = 'stored' AND (k.kind IN ('text', 'poll') OR x.h2 %% 3 = 0) THEN substr($1, 1 + x.h1 %% 100, 8 + x.h2 %% 90) || CASE WHEN e.edited THEN ' (2)' ELSE '' END END,
			CASE WHEN x.h1 %% 25 = 3 AND k.state = 'stored' THEN 1 + x.h2 %% 3 END,
			CASE WHEN q.reply THEN bench.wa_id(x.no - 1) END, CASE WHEN q.reply THEN x.no - 1 END, CASE WHEN q.reply THEN b.sender END,
			CASE WHEN q.reply AND x.h2 %% 4 = 0 THEN c.core[1:1] END,
			CASE WHEN e.edited THEN to_timestamp(x.at + 20 + x.h1 %% 800) END, CASE WHEN e.revoked THEN to_timestamp(x.at + 30 + x.h1 %% 3000) END,
			CASE WHEN e.revoked THEN CASE WHEN x.h1 %% 4 = 1 AND NOT c.is_direct AND NOT f.mine THEN c.core[1] ELSE w.sender END END,
			CASE k.state WHEN 'stored' THEN NULL WHEN 'unavailable' THEN 'unavailable' ELSE 'no_session' END,
			CASE WHEN k.state IN ('pending', 'lost') OR o.origin IN ('retry', 'phone') THEN 1 + x.h1 %% 4 END,
			CASE WHEN k.state IN ('pending', 'lost') OR o.origin IN ('retry', 'phone') THEN o.origin = 'phone' OR k.state = 'lost' END,
			CASE WHEN k.kind = 'poll' AND k.state = 'stored' THEN '{"poll": {"selectable": 1}}'::jsonb END
		FROM (SELECT h.first_no, n.no, h.at + floor(3600 * (n.no - h.first_no) / (h.last_no - h.first_no + 1.0)) AS at,
				hashint8extended(n.no - r.reply::integer, 41) & 4294967295 AS pick,
				(hashint8extended(n.no, 42) & 1073741823)::integer AS h1, (hashint8extended(n.no, 43) & 1073741823)::integer AS h2, bench.r(n.no, 44) AS r, r.reply,
				CASE WHEN r.reply THEN h.at + floor(3600 * (n.no - 1 - h.first_no) / (h.last_no - h.first_no + 1.0)) END AS at_before,
				CASE WHEN r.reply THEN (hashint8extended(n.no - 1, 42) & 1073741823)::integer END AS h1_before,
				CASE WHEN r.reply THEN (hashint8extended(n.no - 1, 43) & 1073741823)::integer END AS h2_before,
				CASE WHEN r.reply THEN bench.r(n.no - 1, 44) END AS r_before
			  FROM bench.hour AS h
			  CROSS JOIN LATERAL generate_series(h.first_no, h.last_no) AS n (no)
			  -- a reply goes to the message before it, so it is in the same chat
			  CROSS JOIN LATERAL (SELECT n.no %% 7 = 6 AND n.no > h.first_no AS reply) AS r
			  WHERE h.at >= $2 AND h.at < $3 OFFSET 0) AS x
		JOIN bench.slot AS t ON t.slot = x.pick %% $4
		JOIN bench.chat AS c ON c.chat_id = t.chat_id
		LEFT JOIN bench.speaker AS p ON p.group_id = c.group_id AND p.k = bench.speaker_of(c.chat_id, c.speakers, x.at, x.r) AND x.at >= p.begins AND x.at < p.ends
		LEFT JOIN bench.speaker AS pb ON pb.group_id = c.group_id AND pb.k = bench.speaker_of(c.chat_id, c.speakers, x.at_before, x.r_before)
			AND x.at_before >= pb.begins AND x.at_before < pb.ends
		CROSS JOIN LATERAL (SELECT CASE WHEN CASE WHEN c.is_direct THEN x.h1_before %% 5 < 2 ELSE x.h1_before %% 100 = 50 END
			THEN $5 + c.bots[1 + (x.no - 1) %% cardinality(c.bots)] ELSE coalesce(pb.user_id, c.core[1 + x.h2_before %% cardinality(c.core)]) END AS sender) AS b
		CROSS JOIN LATERAL (SELECT CASE WHEN c.is_direct THEN x.h1 %% 5 < 2 ELSE x.h1 %% 100 = 50 END AS mine) AS f
		CROSS JOIN LATERAL (SELECT CASE WHEN f.mine THEN $5 + c.bots[1 + x.no %% cardinality(c.bots)] ELSE coalesce(p.user_id, c.core[1 + x.h2 %% cardinality(c.core)]) END AS sender) AS w
		CROSS JOIN LATERAL (SELECT CASE WHEN x.h1 %% 1000 < 995 OR f.mine OR x.at < c.listed THEN 'stored' WHEN x.h1 %% 1000 = 995 THEN 'unavailable' WHEN x.h1 %% 1000 < 998 THEN 'lost' ELSE 'pending' END AS state,
			CASE WHEN x.h2 %% 1000 < 720 THEN 'text' WHEN x.h2 %% 1000 < 850 THEN 'image' WHEN x.h2 %% 1000 < 895 THEN 'video' WHEN x.h2 %% 1000 < 935 THEN 'voice'
				WHEN x.h2 %% 1000 < 970 THEN 'sticker' WHEN x.h2 %% 1000 < 990 THEN 'document' WHEN x.h2 %% 1000 < 995 THEN 'location'
				WHEN x.h2 %% 2000 < 1999 THEN 'contacts' ELSE 'poll' END AS kind) AS k
		CROSS JOIN LATERAL (SELECT CASE WHEN x.at < c.listed THEN 'history' WHEN k.state <> 'stored' OR f.mine THEN 'live' WHEN x.h2 %% 100 = 5 THEN 'retry'
			WHEN x.h2 %% 500 = 6 THEN 'phone' ELSE 'live' END AS origin) AS o
		CROSS JOIN LATERAL (SELECT x.reply AND k.state = 'stored' AS reply) AS q
		CROSS JOIN LATERAL (SELECT k.state = 'stored' AND k.kind = 'text' AND x.h1 %% 128 = 7 AS edited, k.state = 'stored' AND x.h1 %% 150 = 9 AS revoked) AS e
		-- as they come
		ORDER BY x.no$sql$, month)
	USING words, m.b, m.e, slots, s.people;
	GET DIAGNOSTICS made = ROW_COUNT;
	RETURN made;
END
$$;

-- What is said about the messages of a month.  Who responds is a speaker then, or one of those who always stay.
CREATE FUNCTION bench.make_responses(month text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($sql$
		INSERT INTO wa_private.message_keys (chat_id, id_hash, sender, message_id, sent_at, rank, secret)
		SELECT m.chat_id, hashtextextended(m.wa_id, 0), coalesce(m.sender, 0), m.message_id, m.sent_at, wa_private.message_rank(m.state, m.origin),
			CASE m.kind WHEN 'poll' THEN sha256(m.wa_id::bytea) END
		FROM wa.messages_%s AS m$sql$, month);
	EXECUTE format($sql$
		INSERT INTO wa.message_edits (message_id, chat_id, wa_id, target_sender, action, state, edit_wa_id, editor, from_me, by_admin, edited_at, received_at,
			kind, body)
		SELECT m.message_id, m.chat_id, m.wa_id, m.sender, x.action, 'applied', CASE x.action WHEN 'original' THEN m.wa_id ELSE m.wa_id || left(x.action, 1) END, x.editor,
			m.from_me AND x.editor = m.sender, x.editor <> m.sender, x.at, x.at + interval '0.3 seconds', CASE WHEN x.action <> 'revoke' THEN m.kind END, x.body
		FROM wa.messages_%s AS m
		CROSS JOIN LATERAL (
			SELECT 'original' AS action, m.sender AS editor, m.sent_at AS at, left(m.body, -4) AS body WHERE m.edited_at IS NOT NULL
			UNION ALL SELECT 'edit', m.sender, m.edited_at, m.body WHERE m.edited_at IS NOT NULL
			UNION ALL SELECT 'revoke', m.revoked_by, m.revoked_at, NULL WHERE m.revoked_at IS NOT NULL) AS x
		WHERE m.edited_at IS NOT NULL OR m.revoked_at IS NOT NULL$sql$, month);
	EXECUTE format($sql$
		INSERT INTO wa.poll_options (message_id, option_no, chat_id, name, hash)
		SELECT m.message_id, o.no, m.chat_id, o.name, sha256(o.name::bytea)
		FROM wa.messages_%s AS m CROSS JOIN unnest('{yes,no,perhaps}'::text[]) WITH ORDINALITY AS o (name, no)
		WHERE m.kind = 'poll'$sql$, month);
	EXECUTE format($sql$
		WITH responses AS MATERIALIZED (
			SELECT m.message_id, m.sent_at, m.chat_id, m.wa_id, m.sender, m.kind = 'poll' AS poll, coalesce(p.user_id, c.core[j]) AS who, a.at, j
			FROM wa.messages_%s AS m
			JOIN bench.chat AS c ON c.chat_id = m.chat_id
			CROSS JOIN LATERAL generate_series(1, CASE WHEN m.kind = 'poll' THEN 5 + (m.message_id / 7 %% 20)::integer
				ELSE 1 + floor(12 * bench.r(m.message_id, 50) ^ 6)::integer END) AS j
			CROSS JOIN LATERAL (SELECT extract(epoch FROM m.sent_at)::bigint + j * 30 + 7200 * bench.r(m.message_id, j) ^ 4 AS at) AS a
			-- one after another, so nobody responds twice
			LEFT JOIN bench.speaker AS p ON p.group_id = c.group_id AND p.k = 6 + (m.message_id / 7 + j) %% greatest(c.speakers - 5, 30) AND a.at >= p.begins AND a.at < p.ends
			WHERE m.state = 'stored' AND NOT c.is_direct AND (m.kind = 'poll' OR m.message_id %% 12 = 5) AND (p.user_id IS NOT NULL OR c.core[j] IS NOT NULL) AND a.at < $1
		), votes AS (
			INSERT INTO wa.poll_votes (message_id, chat_id, wa_id, target_sender, user_id, options, hashes, voted_at, received_at)
			SELECT r.message_id, r.chat_id, r.wa_id, r.sender, r.who, o.options, ARRAY(SELECT sha256(x::bytea) FROM unnest(o.options) AS x), to_timestamp(r.at),
				to_timestamp(r.at + 0.3)
			FROM responses AS r
			CROSS JOIN LATERAL (SELECT CASE r.j %% 10 WHEN 9 THEN '{}' WHEN 8 THEN '{perhaps}' WHEN 7 THEN '{no}' ELSE '{yes}' END::text[] AS options) AS o
			WHERE r.poll
		)
		INSERT INTO wa.reactions (message_id, message_sent_at, chat_id, wa_id, target_sender, user_id, emoji, reacted_at, received_at)
		SELECT r.message_id, r.sent_at, r.chat_id, r.wa_id, r.sender, r.who, CASE WHEN r.j %% 6 < 5 THEN (ARRAY['👍', '❤️', '😂', '🙏', '😮'])[1 + r.message_id %% 5] END,
			to_timestamp(r.at), to_timestamp(r.at + 0.3)
		FROM responses AS r WHERE NOT r.poll$sql$, month)
	USING (SELECT s.e FROM bench.size AS s);
	EXECUTE format($sql$
		INSERT INTO wa.receipts (chat_id, wa_id, user_id, message_id, status, delivered_at, read_at, received_at)
		SELECT m.chat_id, m.wa_id, u.id, m.message_id, 'read', m.sent_at + interval '1 second', m.sent_at + interval '90 seconds', m.sent_at + interval '1 second'
		FROM wa.messages_%s AS m JOIN bench.chat AS c ON c.chat_id = m.chat_id
		-- those who are there twice are one person
		CROSS JOIN LATERAL (SELECT DISTINCT x.id FROM unnest(c.core[1:2]) AS x (id)) AS u
		WHERE m.from_me AND m.message_id %% 4 = 0$sql$, month);
	RETURN NULL;
END
$$;
