/*
 * replies.sql
 *		What is said about messages: edits, reactions, votes, answers, receipts.
 *		Facts of wa_private.apply(), one function each.
 *
 * Whatever comes before its message is kept and linked when the message comes.
 * Of a reaction, a vote and an answer the last one of each person counts.
 *
 * Locks.  Two workers may bring facts about one group: wa_private.apply() has
 * locked the row of the group.  Facts about a direct chat come from one worker.
 */

/* The facts that are about a chat; message stands for messages that are no facts. */
CREATE FUNCTION wa_private.chat_fact_kinds()
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{message,reaction,edit,revoke,vote,response,addon,receipt,chat,member_label}'::text[];
COMMENT ON FUNCTION wa_private.chat_fact_kinds() IS 'the facts that are about a chat';

CREATE FUNCTION wa_private.fact_kinds()
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{status,aliases,group,group_list,group_gone,group_change,number_change,caught_up,raw,people,reaction,edit,revoke,vote,response,addon,'
	'receipt,chat,contact,label,chat_label,message_label,member_label,identity_change,history_notice,history_change,past_members}'::text[];
COMMENT ON FUNCTION wa_private.fact_kinds() IS 'the facts that wa_private.apply() takes';

/* The message that a fact speaks of: {id, by, from_me}. */
CREATE FUNCTION wa_private.find_target(bot bigint, chat bigint, fact jsonb, people jsonb,
	OUT wa_id text, OUT sender bigint, OUT message_id bigint, OUT sent_at timestamptz, OUT rank integer)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	target jsonb := fact -> 'target';
	found_sender bigint;
BEGIN
	wa_id := target ->> 'id';
	IF wa_id IS NULL OR wa_id = '' OR length(wa_id) > 500 THEN
		RAISE EXCEPTION 'fact without the message it is about' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	sender := wa_private.person_of(people, target -> 'by');
	IF sender IS NULL AND (target ->> 'from_me')::boolean THEN
		sender := wa_private.person_of(people, wa_private.own_identity(bot));
	ELSIF sender IS NULL AND wa_private.is_direct(fact ->> 'chat') AND (target ->> 'from_me') = 'false' THEN
		SELECT c.user_id INTO sender FROM wa.chats AS c WHERE c.chat_id = chat;
	END IF;
	SELECT k.message_id, k.sent_at, k.rank, k.sender INTO message_id, sent_at, rank, found_sender
	FROM wa_private.message_keys AS k
	WHERE k.chat_id = chat AND k.id_hash = hashtextextended(find_target.wa_id, 0)
		AND (find_target.sender IS NULL OR k.sender IN (find_target.sender, 0))
	ORDER BY k.sender DESC
	LIMIT 1;
	sender := coalesce(sender, nullif(found_sender, 0));
	IF message_id IS NULL THEN
		INSERT INTO wa_private.waiting (chat_id, id_hash) VALUES (chat, hashtextextended(find_target.wa_id, 0))
		ON CONFLICT DO NOTHING;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.find_target(bigint, bigint, jsonb, jsonb) IS
'the message that a fact speaks of; notes that somebody waits for it when it is not there';

/* Who did what a fact says. */
CREATE FUNCTION wa_private.fact_person(bot bigint, fact jsonb, people jsonb)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person bigint := wa_private.person_of(people, fact -> 'from');
BEGIN
	IF person IS NULL AND (fact ->> 'from_me')::boolean THEN
		person := wa_private.person_of(people, wa_private.own_identity(bot));
	END IF;
	IF person IS NULL THEN
		RAISE EXCEPTION 'fact of nobody known' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN person;
END
$$;
COMMENT ON FUNCTION wa_private.fact_person(bigint, jsonb, jsonb) IS 'who did what a fact says';

/* ---- edits and revokes ---- */

/* Whether an admin of a group may have deleted somebody's message: unless they are known to be none. */
CREATE FUNCTION wa_private.may_revoke(chat bigint, person bigint)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (SELECT FROM wa.chats AS c
		WHERE c.chat_id = chat AND c.kind = 'group'
			AND NOT EXISTS (SELECT FROM wa.memberships AS m
				WHERE m.group_id = c.group_id AND m.user_id = person AND m.left_at IS NULL AND m.role = 'member'));
END
$$;
COMMENT ON FUNCTION wa_private.may_revoke(bigint, bigint) IS 'whether a person may be an admin of a group';

/* A setting that is on unless it says otherwise. */
CREATE FUNCTION wa_private.setting_is_on(name text)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(current_setting('wa_collector.' || name, true), 'on') NOT IN ('off', 'false', 'no', '0');
END
$$;
COMMENT ON FUNCTION wa_private.setting_is_on(text) IS 'whether a switch of wa_collector is on; one that is not set is';

/*
 * Brings messages up to date with their edits: decides about those that
 * waited, keeps the original, shows the newest.  Only the author edits; the
 * author or an admin of the group deletes.  Returns what changed: 3 edited,
 * 4 revoked.
 */
CREATE FUNCTION wa_private.settle_edits(ids bigint[])
RETURNS TABLE (message_id bigint, chat_id bigint, what smallint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
#variable_conflict use_column
DECLARE
	k record;
	m record;
	e record;
BEGIN
	FOR k IN
		SELECT x.message_id, x.chat_id, x.id_hash, x.sent_at, nullif(x.sender, 0) AS sender
		FROM (SELECT DISTINCT y.message_id, y.chat_id, y.wa_id FROM wa.message_edits AS y WHERE y.message_id = ANY (ids)) AS w
		JOIN wa_private.message_keys AS x ON x.chat_id = w.chat_id AND x.id_hash = hashtextextended(w.wa_id, 0) AND x.message_id = w.message_id
		ORDER BY x.chat_id, x.id_hash, x.sender
		FOR UPDATE OF x
	LOOP
		UPDATE wa.message_edits AS y
		SET state = CASE WHEN k.sender IS NULL OR y.editor = k.sender
				OR (y.action = 'revoke' AND y.by_admin AND wa_private.may_revoke(y.chat_id, y.editor)) THEN 'applied' ELSE 'refused' END
		WHERE y.message_id = k.message_id AND y.state = 'waiting';
		SELECT x.* INTO m FROM wa.messages AS x WHERE x.message_id = k.message_id AND x.sent_at = k.sent_at;
		CONTINUE WHEN m.message_id IS NULL;

		SELECT y.* INTO e FROM wa.message_edits AS y
		WHERE y.message_id = k.message_id AND y.action = 'edit' AND y.state = 'applied'
		ORDER BY y.edited_at DESC, y.edit_id DESC LIMIT 1;
		IF e.edit_id IS NOT NULL AND m.state = 'stored' THEN
			INSERT INTO wa.message_edits (message_id, chat_id, wa_id, target_sender, action, state, edit_wa_id, editor, from_me, edited_at,
				received_at, kind, body, meta)
			SELECT m.message_id, m.chat_id, m.wa_id, m.sender, 'original', 'applied', m.wa_id, m.sender, m.from_me, m.sent_at,
				m.received_at, m.kind, m.body, m.meta
			WHERE NOT EXISTS (SELECT FROM wa.message_edits AS y WHERE y.message_id = m.message_id AND y.action = 'original')
			ON CONFLICT DO NOTHING;
		END IF;
		IF e.edit_id IS NOT NULL AND (m.edited_at IS DISTINCT FROM e.edited_at OR m.body IS DISTINCT FROM e.body) THEN
			UPDATE wa.messages AS x
			SET body = e.body, edited_at = e.edited_at, meta = coalesce(e.meta, x.meta)
			WHERE x.message_id = k.message_id AND x.sent_at = k.sent_at;
			message_id := k.message_id;
			chat_id := k.chat_id;
			what := 3;
			RETURN NEXT;
		END IF;

		SELECT y.* INTO e FROM wa.message_edits AS y
		WHERE y.message_id = k.message_id AND y.action = 'revoke' AND y.state = 'applied'
		ORDER BY y.edited_at, y.edit_id LIMIT 1;
		IF e.edit_id IS NOT NULL THEN
			IF m.revoked_at IS NULL THEN
				UPDATE wa.messages AS x SET revoked_at = e.edited_at, revoked_by = e.editor
				WHERE x.message_id = k.message_id AND x.sent_at = k.sent_at;
				message_id := k.message_id;
				chat_id := k.chat_id;
				what := 4;
				RETURN NEXT;
			END IF;
			IF NOT wa_private.setting_is_on('keep_revoked') THEN
				PERFORM wa_private.forget_content(k.message_id, k.sent_at);
			END IF;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.settle_edits(bigint[]) IS 'brings messages up to date with their edits and revokes';

/* Deletes what a message says, not that it was there. */
CREATE FUNCTION wa_private.forget_content(id bigint, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.messages AS m
	SET body = NULL, meta = NULL, raw = NULL, quoted_wa_id = NULL, quoted_message_id = NULL, quoted_sender = NULL, mentions = NULL
	WHERE m.message_id = id AND m.sent_at = at;
	UPDATE wa.message_edits AS e SET body = NULL, meta = NULL WHERE e.message_id = id AND (e.body IS NOT NULL OR e.meta IS NOT NULL);
	DELETE FROM wa.poll_options AS o WHERE o.message_id = id;
	DELETE FROM wa.media AS f WHERE f.message_id = id;
END
$$;
COMMENT ON FUNCTION wa_private.forget_content(bigint, timestamptz) IS 'deletes the content of a message and of its versions';

/* The facts "edit" and "revoke".  Returns entries for wa_private.write_feed(). */
CREATE FUNCTION wa_private.apply_edit(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	is_edit boolean := fact ->> 'fact' = 'edit';
BEGIN
	SELECT t.* INTO target FROM wa_private.find_target(bot, chat, fact, people) AS t;
	IF target.rank = 9 THEN
		RETURN '{}';
	END IF;
	INSERT INTO wa.message_edits (message_id, chat_id, wa_id, target_sender, action, state, edit_wa_id, editor, from_me, by_admin, edited_at,
		received_at, kind, body, meta)
	VALUES (target.message_id, chat, target.wa_id, target.sender, fact ->> 'fact', 'waiting', coalesce(fact ->> 'id', target.wa_id),
		wa_private.fact_person(bot, fact, people), coalesce((fact ->> 'from_me')::boolean, false), coalesce((fact ->> 'by_admin')::boolean, false),
		wa_private.sane_time((fact ->> 'at')::double precision, received), received, CASE WHEN is_edit THEN fact ->> 'kind' END,
		CASE WHEN is_edit THEN fact ->> 'body' END, CASE WHEN is_edit THEN wa_private.message_meta(fact -> 'extra') END)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND OR target.message_id IS NULL THEN
		RETURN '{}';
	END IF;
	RETURN ARRAY(SELECT x.n FROM wa_private.settle_edits(ARRAY[target.message_id]) AS s
		CROSS JOIN LATERAL unnest(ARRAY[s.what, s.message_id, s.chat_id, bot]) WITH ORDINALITY AS x (n, no)
		ORDER BY s.what, x.no);
END
$$;
COMMENT ON FUNCTION wa_private.apply_edit(bigint, bigint, jsonb, timestamptz, jsonb) IS 'the facts edit and revoke';

/* ---- reactions, votes, answers ---- */

CREATE FUNCTION wa_private.apply_reaction(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	id bigint;
BEGIN
	SELECT t.* INTO target FROM wa_private.find_target(bot, chat, fact, people) AS t;
	IF target.rank = 9 THEN
		RETURN '{}';
	END IF;
	INSERT INTO wa.reactions AS r (message_id, message_sent_at, chat_id, wa_id, target_sender, user_id, from_me, emoji, reacted_at, received_at)
	VALUES (target.message_id, target.sent_at, chat, target.wa_id, target.sender, wa_private.fact_person(bot, fact, people),
		coalesce((fact ->> 'from_me')::boolean, false), nullif(fact ->> 'text', ''),
		wa_private.sane_time((fact ->> 'at')::double precision, received), received)
	ON CONFLICT ON CONSTRAINT reactions_key DO UPDATE
	SET message_id = coalesce(r.message_id, excluded.message_id), message_sent_at = coalesce(r.message_sent_at, excluded.message_sent_at),
		emoji = excluded.emoji, from_me = excluded.from_me, reacted_at = excluded.reacted_at, received_at = excluded.received_at
	WHERE excluded.reacted_at > r.reacted_at OR (excluded.reacted_at = r.reacted_at AND excluded.emoji IS DISTINCT FROM r.emoji)
	RETURNING r.reaction_id INTO id;
	RETURN CASE WHEN id IS NULL THEN '{}' ELSE ARRAY[6, id, chat, bot] END;
END
$$;
COMMENT ON FUNCTION wa_private.apply_reaction(bigint, bigint, jsonb, timestamptz, jsonb) IS 'the fact reaction';

/* What hashes of a vote stand for, in the order of the poll; null when the poll is not known. */
CREATE FUNCTION wa_private.chosen_options(poll bigint, hashes bytea[])
RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(array_agg(o.name ORDER BY o.option_no) FILTER (WHERE o.hash = ANY (hashes)), '{}')
			FROM wa.poll_options AS o WHERE o.message_id = poll HAVING count(*) > 0);
END
$$;
COMMENT ON FUNCTION wa_private.chosen_options(bigint, bytea[]) IS 'the options that a vote chose';

CREATE FUNCTION wa_private.apply_vote(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	id bigint;
	chosen bytea[] := ARRAY(SELECT decode(h.hash, 'hex') FROM jsonb_array_elements_text(fact -> 'hashes') AS h (hash));
BEGIN
	SELECT t.* INTO target FROM wa_private.find_target(bot, chat, fact, people) AS t;
	IF target.rank = 9 THEN
		RETURN '{}';
	END IF;
	INSERT INTO wa.poll_votes AS v (message_id, chat_id, wa_id, target_sender, user_id, from_me, options, hashes, voted_at, received_at)
	VALUES (target.message_id, chat, target.wa_id, target.sender, wa_private.fact_person(bot, fact, people),
		coalesce((fact ->> 'from_me')::boolean, false), wa_private.chosen_options(target.message_id, chosen), chosen,
		wa_private.sane_time((fact ->> 'at')::double precision, received), received)
	ON CONFLICT ON CONSTRAINT poll_votes_key DO UPDATE
	SET message_id = coalesce(v.message_id, excluded.message_id), options = excluded.options, hashes = excluded.hashes,
		from_me = excluded.from_me, voted_at = excluded.voted_at, received_at = excluded.received_at
	WHERE excluded.voted_at > v.voted_at OR (excluded.voted_at = v.voted_at AND excluded.hashes <> v.hashes)
	RETURNING v.vote_id INTO id;
	RETURN CASE WHEN id IS NULL THEN '{}' ELSE ARRAY[7, id, chat, bot] END;
END
$$;
COMMENT ON FUNCTION wa_private.apply_vote(bigint, bigint, jsonb, timestamptz, jsonb) IS 'the fact vote';

CREATE FUNCTION wa_private.apply_response(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	id bigint;
BEGIN
	SELECT t.* INTO target FROM wa_private.find_target(bot, chat, fact, people) AS t;
	IF target.rank = 9 THEN
		RETURN '{}';
	END IF;
	INSERT INTO wa.event_responses AS v (message_id, chat_id, wa_id, target_sender, user_id, from_me, response, extra_guests, responded_at,
		received_at)
	VALUES (target.message_id, chat, target.wa_id, target.sender, wa_private.fact_person(bot, fact, people),
		coalesce((fact ->> 'from_me')::boolean, false),
		CASE fact ->> 'response' WHEN '1' THEN 'going' WHEN '2' THEN 'not_going' WHEN '3' THEN 'maybe' ELSE coalesce(fact ->> 'response', 'unknown') END,
		(fact ->> 'extra_guests')::integer, wa_private.sane_time((fact ->> 'at')::double precision, received), received)
	ON CONFLICT ON CONSTRAINT event_responses_key DO UPDATE
	SET message_id = coalesce(v.message_id, excluded.message_id), response = excluded.response, extra_guests = excluded.extra_guests,
		from_me = excluded.from_me, responded_at = excluded.responded_at, received_at = excluded.received_at
	WHERE excluded.responded_at > v.responded_at
		OR (excluded.responded_at = v.responded_at AND (excluded.response, excluded.extra_guests) IS DISTINCT FROM (v.response, v.extra_guests))
	RETURNING v.response_id INTO id;
	RETURN CASE WHEN id IS NULL THEN '{}' ELSE ARRAY[8, id, chat, bot] END;
END
$$;
COMMENT ON FUNCTION wa_private.apply_response(bigint, bigint, jsonb, timestamptz, jsonb) IS 'the fact response';

/* ---- what cannot be opened yet ---- */

CREATE FUNCTION wa_private.apply_addon(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
BEGIN
	SELECT t.* INTO target FROM wa_private.find_target(bot, chat, fact, people) AS t;
	IF target.rank = 9 THEN
		RETURN;
	END IF;
	INSERT INTO wa_private.pending_addons (bot_id, chat_id, wa_id, addon_wa_id, target_sender, sender, from_me, kind, payload, iv, sent_at,
		received_at)
	VALUES (bot, chat, target.wa_id, coalesce(fact ->> 'id', ''), target.sender, wa_private.fact_person(bot, fact, people),
		coalesce((fact ->> 'from_me')::boolean, false), coalesce(fact ->> 'addon_kind', 'unknown'), decode(fact ->> 'payload', 'base64'),
		decode(fact ->> 'iv', 'base64'), wa_private.sane_time((fact ->> 'at')::double precision, received), received)
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.apply_addon(bigint, bigint, jsonb, timestamptz, jsonb) IS 'the fact addon';

/* All forms of a person's address, for the keys that are bound to one of them. */
CREATE FUNCTION wa_private.identities_of(person bigint)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(jsonb_agg(x.jid ORDER BY x.current DESC, x.last_seen_at DESC, x.jid), '[]')
			FROM (SELECT i.value || CASE i.kind WHEN 'lid' THEN '@lid' ELSE '@s.whatsapp.net' END AS jid, i.current, i.last_seen_at
				  FROM wa.user_ids AS i
				  WHERE i.user_id = person AND i.kind IN ('lid', 'pn')) AS x);
END
$$;
COMMENT ON FUNCTION wa_private.identities_of(bigint) IS 'the JIDs that a person has or had, the newest first';

/*
 * Add-ons whose message has come, so that they can be opened: of these bots, or
 * of all.  Each is given once an hour at most, and goes when a fact names its
 * addon_id.  chat is the chat's JID; id and target_id are WhatsApp's ids of the
 * add-on and of the message it is about; target_by and sender are lists of all
 * JIDs that each person has or had, because the key is bound to one.
 */
CREATE FUNCTION wa_private.readable_addons("limit" integer DEFAULT 100, bots bigint[] DEFAULT NULL)
RETURNS TABLE (addon_id bigint, bot_id bigint, chat text, addon_kind text, payload bytea, iv bytea, secret bytea, id text, target_id text,
	target_by jsonb, sender jsonb, from_me boolean, at timestamptz)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH ready AS (
		SELECT a.addon_id, k.secret, coalesce(nullif(k.sender, 0), a.target_sender) AS author
		FROM wa_private.pending_addons AS a
		JOIN wa_private.message_keys AS k ON k.chat_id = a.chat_id AND k.id_hash = hashtextextended(a.wa_id, 0)
			AND (a.target_sender IS NULL OR k.sender IN (a.target_sender, 0))
		WHERE k.secret IS NOT NULL AND (a.asked_at IS NULL OR a.asked_at < clock_timestamp() - interval '1 hour')
			AND (bots IS NULL OR a.bot_id = ANY (bots))
		ORDER BY a.addon_id
		LIMIT "limit"
		FOR UPDATE OF a SKIP LOCKED
	)
	UPDATE wa_private.pending_addons AS a
	SET asked_at = clock_timestamp()
	FROM ready AS r, wa.chats AS c
	WHERE a.addon_id = r.addon_id AND c.chat_id = a.chat_id
	RETURNING a.addon_id, a.bot_id, c.jid, a.kind, a.payload, a.iv, r.secret, a.addon_wa_id, a.wa_id,
		wa_private.identities_of(r.author), wa_private.identities_of(a.sender), a.from_me, a.sent_at;
END
$$;
COMMENT ON FUNCTION wa_private.readable_addons(integer, bigint[]) IS
'votes, reactions and edits that can be opened now, with the secret; target_by and sender: all JIDs of each person';

/* ---- receipts ---- */

CREATE FUNCTION wa_private.apply_receipt(bot bigint, chat bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	touched bigint[];
BEGIN
	IF EXISTS (SELECT FROM jsonb_array_elements(fact -> 'entries') AS e (body)
			   WHERE (e.body ->> 'by_self')::boolean AND e.body ->> 'kind' IN ('read', 'played')) THEN
		UPDATE wa.chats AS c SET unread = 0 WHERE c.chat_id = chat AND c.unread > 0;
	END IF;
	WITH said AS (
		SELECT e.body ->> 'id' AS wa_id, p.person,
			min(t.at) FILTER (WHERE e.body ->> 'kind' IN ('delivered', 'delivery', 'inactive')) AS delivered_at,
			min(t.at) FILTER (WHERE e.body ->> 'kind' = 'read') AS read_at, min(t.at) FILTER (WHERE e.body ->> 'kind' = 'played') AS played_at
		FROM jsonb_array_elements(fact -> 'entries') AS e (body)
		CROSS JOIN LATERAL (SELECT wa_private.person_of(people, e.body -> 'who') AS person) AS p
		CROSS JOIN LATERAL (SELECT wa_private.sane_time((e.body ->> 'at')::double precision, received) AS at) AS t
		WHERE p.person IS NOT NULL AND e.body ->> 'id' <> '' AND NOT coalesce((e.body ->> 'by_self')::boolean, false)
			AND e.body ->> 'kind' IN ('delivered', 'delivery', 'inactive', 'read', 'played')
		GROUP BY 1, 2
	), known AS (
		SELECT s.*, k.message_id
		FROM said AS s
		LEFT JOIN LATERAL (SELECT x.message_id, x.rank FROM wa_private.message_keys AS x
			WHERE x.chat_id = chat AND x.id_hash = hashtextextended(s.wa_id, 0) AND x.sender <> s.person LIMIT 1) AS k ON true
		WHERE k.rank IS DISTINCT FROM 9 -- deleted
	), wanted AS (
		INSERT INTO wa_private.waiting (chat_id, id_hash)
		SELECT DISTINCT chat, hashtextextended(n.wa_id, 0) FROM known AS n WHERE n.message_id IS NULL
		ORDER BY 2
		ON CONFLICT DO NOTHING
	), written AS (
		INSERT INTO wa.receipts AS r (chat_id, wa_id, user_id, message_id, status, delivered_at, read_at, played_at, received_at)
		SELECT chat, n.wa_id, n.person, n.message_id,
			CASE WHEN n.played_at IS NOT NULL THEN 'played' WHEN n.read_at IS NOT NULL THEN 'read' ELSE 'delivered' END,
			n.delivered_at, n.read_at, n.played_at, received
		FROM known AS n
		ORDER BY n.wa_id, n.person
		ON CONFLICT (chat_id, wa_id, user_id) DO UPDATE
		SET message_id = coalesce(r.message_id, excluded.message_id),
			status = CASE WHEN 'played' IN (r.status, excluded.status) THEN 'played' WHEN 'read' IN (r.status, excluded.status) THEN 'read'
				ELSE 'delivered' END,
			delivered_at = least(r.delivered_at, excluded.delivered_at), read_at = least(r.read_at, excluded.read_at),
			played_at = least(r.played_at, excluded.played_at)
		-- the same from another device of theirs, or later
		WHERE excluded.delivered_at < coalesce(r.delivered_at, 'infinity') OR excluded.read_at < coalesce(r.read_at, 'infinity')
			OR excluded.played_at < coalesce(r.played_at, 'infinity') OR (r.message_id IS NULL AND excluded.message_id IS NOT NULL)
		RETURNING r.message_id
	)
	SELECT array_agg(DISTINCT w.message_id) INTO touched FROM written AS w WHERE w.message_id IS NOT NULL;
	RETURN ARRAY(SELECT x.n FROM unnest(touched) AS t (id)
		CROSS JOIN LATERAL unnest(ARRAY[9, t.id, chat, bot]) WITH ORDINALITY AS x (n, no) ORDER BY t.id, x.no);
END
$$;
COMMENT ON FUNCTION wa_private.apply_receipt(bigint, bigint, jsonb, timestamptz, jsonb) IS
'the fact receipt: of each person the best status and the first time of each';

/* ---- children before their message ---- */

/*
 * Links what came before the messages that it speaks of: parallel arrays of
 * messages that are there now, of which some were waited for.
 */
CREATE FUNCTION wa_private.link_messages(ids bigint[], chats bigint[], wa_ids text[], senders bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
DECLARE
	hit record;
	edited bigint[];
BEGIN
	SELECT array_agg(x.id ORDER BY x.chat, x.wa_id) AS ids, array_agg(x.chat ORDER BY x.chat, x.wa_id) AS chats,
		array_agg(x.wa_id ORDER BY x.chat, x.wa_id) AS wa_ids, array_agg(x.sender ORDER BY x.chat, x.wa_id) AS senders,
		array_agg(k.sent_at ORDER BY x.chat, x.wa_id) AS sent
	INTO hit
	FROM unnest(ids, chats, wa_ids, senders) AS x (id, chat, wa_id, sender)
	JOIN wa_private.waiting AS w ON w.chat_id = x.chat AND w.id_hash = hashtextextended(x.wa_id, 0)
	JOIN wa_private.message_keys AS k ON k.chat_id = w.chat_id AND k.id_hash = w.id_hash AND k.message_id = x.id;
	IF hit.ids IS NULL THEN
		RETURN;
	END IF;
	UPDATE wa.reactions AS r SET message_id = h.id, message_sent_at = h.sent
	FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders, hit.sent) AS h (id, chat, wa_id, sender, sent)
	WHERE r.chat_id = h.chat AND r.wa_id = h.wa_id AND r.message_id IS NULL AND (h.sender = 0 OR coalesce(r.target_sender, h.sender) = h.sender);
	UPDATE wa.poll_votes AS v SET message_id = h.id, options = wa_private.chosen_options(h.id, v.hashes)
	FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders) AS h (id, chat, wa_id, sender)
	WHERE v.chat_id = h.chat AND v.wa_id = h.wa_id AND v.message_id IS NULL AND (h.sender = 0 OR coalesce(v.target_sender, h.sender) = h.sender);
	UPDATE wa.event_responses AS v SET message_id = h.id
	FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders) AS h (id, chat, wa_id, sender)
	WHERE v.chat_id = h.chat AND v.wa_id = h.wa_id AND v.message_id IS NULL AND (h.sender = 0 OR coalesce(v.target_sender, h.sender) = h.sender);
	UPDATE wa.receipts AS r SET message_id = h.id
	FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders) AS h (id, chat, wa_id, sender)
	WHERE r.chat_id = h.chat AND r.wa_id = h.wa_id AND r.message_id IS NULL AND r.user_id <> h.sender;
	UPDATE wa.message_labels AS l SET message_id = h.id
	FROM unnest(hit.ids, hit.chats, hit.wa_ids) AS h (id, chat, wa_id)
	WHERE l.chat_id = h.chat AND l.wa_id = h.wa_id AND l.message_id IS NULL;
	UPDATE wa.messages AS m SET quoted_message_id = h.id, quoted_sender = coalesce(m.quoted_sender, nullif(h.sender, 0))
	FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders) AS h (id, chat, wa_id, sender)
	WHERE m.chat_id = h.chat AND m.quoted_wa_id = h.wa_id AND m.quoted_message_id IS NULL
		AND (h.sender = 0 OR coalesce(m.quoted_sender, h.sender) = h.sender);
	WITH linked AS (
		UPDATE wa.message_edits AS e SET message_id = h.id
		FROM unnest(hit.ids, hit.chats, hit.wa_ids, hit.senders) AS h (id, chat, wa_id, sender)
		WHERE e.chat_id = h.chat AND e.wa_id = h.wa_id AND e.message_id IS NULL AND (h.sender = 0 OR coalesce(e.target_sender, h.sender) = h.sender)
		RETURNING e.message_id
	)
	SELECT array_agg(DISTINCT l.message_id) INTO edited FROM linked AS l;
	IF edited IS NOT NULL THEN
		PERFORM wa_private.settle_edits(edited);
	END IF;
	DELETE FROM wa_private.waiting AS w
	USING unnest(hit.chats, hit.wa_ids) AS h (chat, wa_id)
	WHERE w.chat_id = h.chat AND w.id_hash = hashtextextended(h.wa_id, 0)
		-- two people's messages may have the same id
		AND NOT EXISTS (SELECT FROM wa.reactions AS r WHERE r.chat_id = h.chat AND r.wa_id = h.wa_id AND r.message_id IS NULL)
		AND NOT EXISTS (SELECT FROM wa.message_edits AS e WHERE e.chat_id = h.chat AND e.wa_id = h.wa_id AND e.message_id IS NULL);
END
$$;
COMMENT ON FUNCTION wa_private.link_messages(bigint[], bigint[], text[], bigint[]) IS 'links what came before the messages it speaks of';
