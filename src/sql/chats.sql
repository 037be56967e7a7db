/*
 * chats.sql
 *		Facts about chats, the address book and labels; and what people do with
 *		chats.
 */

/* The bot's own account as an identity of a fact. */
CREATE FUNCTION wa_private.own_identity(bot bigint)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT jsonb_strip_nulls(jsonb_build_object('lid', b.lid, 'pn', b.jid)) FROM wa.bots AS b WHERE b.bot_id = bot);
END
$$;
COMMENT ON FUNCTION wa_private.own_identity(bigint) IS 'a bot''s own account as an identity';

/* The other side of a direct chat as an identity; null for a group. */
CREATE FUNCTION wa_private.chat_identity(fact jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	jid text := fact ->> 'chat';
BEGIN
	IF jid IS NULL OR NOT wa_private.is_direct(jid) THEN
		RETURN NULL;
	END IF;
	RETURN CASE wa_private.alias_kind(jid) WHEN 'pn' THEN jsonb_build_object('pn', jid, 'lid', fact ->> 'chat_lid')
		ELSE jsonb_build_object('lid', jid, 'pn', fact ->> 'chat_pn') END;
END
$$;
COMMENT ON FUNCTION wa_private.chat_identity(jsonb) IS 'the other side of the direct chat of a fact';

/* Levels of the direct chats of facts: {"bot:jid": level}; "bot:" is the level of chats that are new. */
CREATE FUNCTION wa_private.direct_levels(bot_ids bigint[], facts jsonb[])
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT coalesce(jsonb_object_agg(b.bot_id || ':' || x.jid, coalesce(c.watch_level, CASE WHEN b.watch_direct THEN 'messages' ELSE 'none' END)), '{}')
		FROM (SELECT DISTINCT f.bot, CASE WHEN wa_private.is_direct(f.fact ->> 'chat') THEN f.fact ->> 'chat' ELSE '' END AS jid
			  FROM unnest(bot_ids, facts) AS f (bot, fact)
			  UNION
			  SELECT f.bot, '' FROM unnest(bot_ids) AS f (bot)) AS x
		JOIN wa.bots AS b ON b.bot_id = x.bot
		LEFT JOIN wa.user_ids AS i ON x.jid <> '' AND i.current AND i.kind = wa_private.alias_kind(x.jid) AND i.value = wa_private.alias_value(x.jid)
		LEFT JOIN wa.chats AS c ON c.bot_id = b.bot_id AND c.user_id = i.user_id);
END
$$;
COMMENT ON FUNCTION wa_private.direct_levels(bigint[], jsonb[]) IS 'watch levels of the direct chats of facts';

/*
 * The identity records of facts about messages, chats and the address book,
 * those of chats that are not watched left out.  levels null: all of them.
 */
CREATE FUNCTION wa_private.people_of_messages(bot_ids bigint[], facts jsonb[], levels jsonb)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT coalesce(jsonb_agg(DISTINCT r.record || jsonb_build_object('create', i.creating, 'source', i.source)), '[]')
		FROM unnest(bot_ids, facts) AS f (bot, fact)
		CROSS JOIN LATERAL (SELECT f.fact ->> 'fact' AS kind) AS k
		CROSS JOIN LATERAL (
			SELECT b.body, true AS creating, 'message' AS source
			FROM (SELECT f.fact -> 'from' AS body
				  UNION ALL SELECT f.fact #> '{target,by}'
				  UNION ALL SELECT wa_private.chat_identity(f.fact)
				  UNION ALL SELECT wa_private.own_identity(f.bot)
				  WHERE (f.fact -> 'from' IS NULL AND (f.fact ->> 'from_me')::boolean) OR (f.fact #>> '{target,from_me}')::boolean
				  UNION ALL SELECT e.body -> 'who' FROM jsonb_array_elements(CASE WHEN k.kind = 'receipt' THEN f.fact -> 'entries' END) AS e (body)
				  WHERE NOT coalesce((e.body ->> 'by_self')::boolean, false)) AS b
			WHERE (k.kind = ANY (wa_private.chat_fact_kinds()) OR k.kind IN ('chat_label', 'message_label'))
				AND (levels IS NULL OR wa_private.is_watched(f.bot, f.fact, levels))
			UNION ALL
			-- the address book of a bot that shall not be watched names nobody new
			SELECT f.fact -> 'who', levels IS NULL OR coalesce(levels ->> (f.bot || ':') = 'messages', false), 'contact' WHERE k.kind = 'contact'
			UNION ALL
			SELECT f.fact -> 'who', false, 'message' WHERE k.kind = 'identity_change'
			UNION ALL
			SELECT p.body, f.fact ? 'group' AND coalesce(levels ->> (f.fact ->> 'group') IN ('members', 'messages'), true),
				coalesce(f.fact ->> 'source', 'people')
			FROM jsonb_array_elements(CASE WHEN k.kind = 'people' THEN f.fact -> 'people' END) AS p (body)
			WHERE NOT f.fact ? 'group' OR levels IS NULL OR levels ->> (f.fact ->> 'group') IN ('members', 'messages')
		) AS i
		CROSS JOIN LATERAL (SELECT coalesce(to_timestamp((f.fact ->> 'received_at')::double precision), now()) AS received) AS w
		CROSS JOIN LATERAL (
			SELECT wa_private.identity_record(i.body) || jsonb_build_object('at', extract(epoch FROM
				wa_private.sane_time(nullif((f.fact ->> 'at')::double precision, 0), w.received))) AS record
		) AS r
		WHERE jsonb_typeof(i.body) = 'object' AND r.record IS NOT NULL);
END
$$;
COMMENT ON FUNCTION wa_private.people_of_messages(bigint[], jsonb[], jsonb) IS
'the identities that facts about messages and chats name, as records for wa_private.resolve_people()';

/* Whether what a fact says about a chat is stored. */
CREATE FUNCTION wa_private.is_watched(bot bigint, fact jsonb, levels jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(CASE WHEN fact ->> 'chat' LIKE '%@g.us' THEN levels ->> (fact ->> 'chat')
	WHEN wa_private.is_direct(fact ->> 'chat') THEN levels ->> (bot || ':' || (fact ->> 'chat')) END = 'messages', false);
COMMENT ON FUNCTION wa_private.is_watched(bigint, jsonb, jsonb) IS 'whether what a fact says about a chat is stored';

/* The chat of a fact, made when it is new; null when it is not watched. */
CREATE FUNCTION wa_private.chat_of(bot bigint, fact jsonb, levels jsonb, people jsonb)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	address text := fact ->> 'chat';
	id bigint;
	person bigint;
BEGIN
	IF NOT wa_private.is_watched(bot, fact, levels) THEN
		RETURN NULL;
	END IF;
	FOR i IN 1..2 LOOP
		IF address LIKE '%@g.us' THEN
			SELECT c.chat_id INTO id FROM wa.groups AS g JOIN wa.chats AS c ON c.group_id = g.group_id WHERE g.jid = address;
		ELSE
			person := wa_private.person_of(people, wa_private.chat_identity(fact));
			SELECT c.chat_id INTO id FROM wa.chats AS c WHERE c.bot_id = bot AND c.user_id = person;
		END IF;
		EXIT WHEN id IS NOT NULL OR i = 2;
		PERFORM wa_private.make_chats(ARRAY[bot], ARRAY[address], jsonb_build_object(address, person));
	END LOOP;
	RETURN id;
END
$$;
COMMENT ON FUNCTION wa_private.chat_of(bigint, jsonb, jsonb, jsonb) IS 'the chat of a fact; null when it is not watched';

/* The fact "chat".  What history says never replaces what was said later. */
CREATE FUNCTION wa_private.apply_chat(bot bigint, chat bigint, fact jsonb, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at timestamptz := CASE WHEN fact ->> 'source' = 'history' AND nullif((fact ->> 'at')::double precision, 0) IS NULL THEN '-infinity'
		ELSE wa_private.sane_time((fact ->> 'at')::double precision, received) END;
	muted double precision := (fact ->> 'muted_until')::double precision;
	changed boolean;
BEGIN
	UPDATE wa.chats AS c
	SET name = CASE WHEN n.newer THEN coalesce(n.name, c.name) ELSE coalesce(c.name, n.name) END,
		archived = CASE WHEN n.newer THEN coalesce(n.archived, c.archived) ELSE coalesce(c.archived, n.archived) END,
		pinned = CASE WHEN n.newer THEN coalesce(n.pinned, c.pinned) ELSE coalesce(c.pinned, n.pinned) END,
		muted_until = CASE WHEN n.newer AND fact ? 'muted_until' THEN n.muted_until ELSE c.muted_until END,
		unread = CASE WHEN n.newer THEN coalesce(n.unread, c.unread) ELSE coalesce(c.unread, n.unread) END,
		ephemeral_seconds = CASE WHEN n.ephemeral_at >= coalesce(c.ephemeral_at, '-infinity') THEN coalesce(n.ephemeral_seconds, c.ephemeral_seconds)
			ELSE c.ephemeral_seconds END,
		ephemeral_at = CASE WHEN n.ephemeral_seconds IS NOT NULL THEN greatest(c.ephemeral_at, nullif(n.ephemeral_at, '-infinity')) ELSE c.ephemeral_at END,
		settings_at = greatest(c.settings_at, nullif(at, '-infinity'))
	FROM (SELECT at >= coalesce(o.settings_at, '-infinity') AS newer, left(coalesce(fact ->> 'name', fact ->> 'display_name'), 500) AS name,
			(fact ->> 'archived')::boolean AS archived,
			CASE jsonb_typeof(fact -> 'pinned') WHEN 'number' THEN (fact ->> 'pinned')::numeric > 0 ELSE (fact ->> 'pinned')::boolean END AS pinned,
			CASE WHEN muted < 0 THEN 'infinity' WHEN muted BETWEEN 1 AND 253402300798 THEN to_timestamp(muted) WHEN muted > 1 THEN 'infinity' END AS muted_until,
			(fact ->> 'unread')::integer AS unread, (fact ->> 'ephemeral_seconds')::bigint AS ephemeral_seconds,
			coalesce(to_timestamp(nullif((fact ->> 'ephemeral_at')::double precision, 0)), at) AS ephemeral_at
		  FROM wa.chats AS o WHERE o.chat_id = chat) AS n
	WHERE c.chat_id = chat;
	RETURN ARRAY[12, chat, chat, bot];
END
$$;
COMMENT ON FUNCTION wa_private.apply_chat(bigint, bigint, jsonb, timestamptz) IS 'the fact chat';

/* The fact "contact". */
CREATE FUNCTION wa_private.apply_contact(bot bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person bigint := wa_private.person_of(people, fact -> 'who');
	at timestamptz := CASE WHEN nullif((fact ->> 'at')::double precision, 0) IS NULL AND fact ->> 'source' = 'history' THEN to_timestamp(0)
		ELSE wa_private.sane_time((fact ->> 'at')::double precision, received) END;
	gone boolean := coalesce((fact ->> 'removed')::boolean, false);
BEGIN
	IF person IS NULL THEN
		RETURN '{}';
	END IF;
	INSERT INTO wa.contacts AS c (bot_id, user_id, full_name, first_name, business_name, source, changed_at, removed_at)
	VALUES (bot, person, left(fact ->> 'full_name', 500), left(fact ->> 'first_name', 500), left(fact ->> 'business_name', 500), fact ->> 'source', at,
		CASE WHEN gone THEN at END)
	ON CONFLICT (bot_id, user_id) DO UPDATE
	SET full_name = CASE WHEN gone THEN NULL ELSE coalesce(excluded.full_name, c.full_name) END,
		first_name = CASE WHEN gone THEN NULL ELSE coalesce(excluded.first_name, c.first_name) END,
		business_name = coalesce(excluded.business_name, c.business_name), source = excluded.source, changed_at = excluded.changed_at,
		removed_at = CASE WHEN gone THEN excluded.removed_at WHEN excluded.full_name IS NOT NULL THEN NULL ELSE c.removed_at END
	WHERE excluded.changed_at >= c.changed_at
		AND (gone OR (coalesce(excluded.full_name, c.full_name), coalesce(excluded.first_name, c.first_name),
			coalesce(excluded.business_name, c.business_name)) IS DISTINCT FROM (c.full_name, c.first_name, c.business_name));
	RETURN CASE WHEN FOUND THEN ARRAY[13, person, NULL, bot] ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION wa_private.apply_contact(bigint, jsonb, timestamptz, jsonb) IS 'the fact contact';

/* The facts "label", "chat_label" and "message_label". */
CREATE FUNCTION wa_private.apply_label(bot bigint, fact jsonb, received timestamptz, levels jsonb, people jsonb)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at timestamptz := wa_private.sane_time((fact ->> 'at')::double precision, received);
	label text := fact ->> 'id';
	chat bigint;
	said_on boolean := coalesce((fact ->> 'on')::boolean, true);
	message bigint;
BEGIN
	IF label IS NULL OR length(label) > 200 THEN
		RAISE EXCEPTION 'label without id' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF fact ->> 'fact' = 'label' THEN
		INSERT INTO wa.labels AS l (bot_id, label_id, name, color, changed_at, deleted_at)
		VALUES (bot, label, left(fact ->> 'name', 500), (fact ->> 'color')::integer, at, CASE WHEN (fact ->> 'deleted')::boolean THEN at END)
		ON CONFLICT (bot_id, label_id) DO UPDATE
		SET name = coalesce(excluded.name, l.name), color = coalesce(excluded.color, l.color), changed_at = excluded.changed_at,
			deleted_at = excluded.deleted_at
		WHERE excluded.changed_at >= l.changed_at;
		RETURN CASE WHEN FOUND THEN ARRAY[15, NULL, NULL, bot] ELSE '{}' END;
	END IF;
	chat := wa_private.chat_of(bot, fact, levels, people);
	IF chat IS NULL THEN
		RETURN '{}';
	ELSIF fact ->> 'fact' = 'chat_label' THEN
		INSERT INTO wa.chat_labels AS l (bot_id, label_id, chat_id, is_on, changed_at) VALUES (bot, label, chat, said_on, at)
		ON CONFLICT (bot_id, label_id, chat_id) DO UPDATE SET is_on = excluded.is_on, changed_at = excluded.changed_at
		WHERE excluded.changed_at >= l.changed_at;
	ELSE
		SELECT t.message_id INTO message
		FROM wa_private.find_target(bot, chat, jsonb_build_object('chat', fact -> 'chat', 'target', jsonb_build_object('id', fact -> 'message')), people) AS t;
		INSERT INTO wa.message_labels AS l (bot_id, label_id, chat_id, wa_id, message_id, is_on, changed_at)
		VALUES (bot, label, chat, fact ->> 'message', message, said_on, at)
		ON CONFLICT (bot_id, label_id, chat_id, wa_id) DO UPDATE
		SET is_on = excluded.is_on, changed_at = excluded.changed_at, message_id = coalesce(l.message_id, excluded.message_id)
		WHERE excluded.changed_at >= l.changed_at;
	END IF;
	RETURN CASE WHEN FOUND THEN ARRAY[15, NULL, chat, bot] ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION wa_private.apply_label(bigint, jsonb, timestamptz, jsonb, jsonb) IS 'the facts label, chat_label and message_label';

/* The fact "member_label": the tag that a person gave themselves in a group. */
CREATE FUNCTION wa_private.apply_member_label(bot bigint, fact jsonb, people jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.memberships AS m
	SET label = nullif(left(fact ->> 'label', 200), '')
	FROM wa.groups AS g
	WHERE g.jid = fact ->> 'chat' AND m.group_id = g.group_id AND m.user_id = wa_private.person_of(people, fact -> 'from') AND m.left_at IS NULL
		AND m.label IS DISTINCT FROM nullif(left(fact ->> 'label', 200), '');
END
$$;
COMMENT ON FUNCTION wa_private.apply_member_label(bigint, jsonb, jsonb) IS 'the fact member_label';

/* The fact "identity_change". */
CREATE FUNCTION wa_private.apply_identity_change(bot bigint, fact jsonb, received timestamptz, people jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa.identity_changes (user_id, changed_at, bot_id)
	SELECT p.person, wa_private.sane_time((fact ->> 'at')::double precision, received), bot
	FROM (SELECT wa_private.person_of(people, fact -> 'who') AS person) AS p
	WHERE p.person IS NOT NULL
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.apply_identity_change(bigint, jsonb, timestamptz, jsonb) IS 'the fact identity_change';

/* The number of a chat by group subject, JID, phone number or @username, or 42704. */
CREATE FUNCTION wa_private.chat_id(chat_name text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids bigint[];
	person bigint;
BEGIN
	IF chat_name IS NULL THEN
		RAISE EXCEPTION 'chat must not be null'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give its chat_id, its JID, the subject of a group or the phone number of a person.';
	END IF;
	PERFORM wa_private.require_storage();
	person := wa.resolve(chat_name);
	SELECT array_agg(DISTINCT c.chat_id ORDER BY c.chat_id) INTO ids
	FROM wa.chats AS c
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	WHERE c.jid = chat_name OR g.subject = chat_name OR c.user_id = person;
	IF ids IS NULL THEN
		RAISE EXCEPTION 'chat "%" does not exist', chat_name
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT chat_id, kind, name FROM wa.inbox lists the chats.';
	ELSIF cardinality(ids) > 1 THEN
		RAISE EXCEPTION 'chat "%" is not unique', chat_name
			USING ERRCODE = 'ambiguous_alias',
			DETAIL = format('Chats %s fit.', array_to_string(ids[1:10], ', ')),
			HINT = 'Give its chat_id.';
	END IF;
	RETURN ids[1];
END
$$;
COMMENT ON FUNCTION wa_private.chat_id(text) IS 'number of a chat by JID, subject or person, or an error';

CREATE FUNCTION wa.watch_chat(chat_id bigint, level text DEFAULT 'messages')
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
BEGIN
	IF watch_chat.chat_id IS NULL THEN
		RAISE EXCEPTION 'chat must not be null' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM wa_private.require_storage();
	SELECT x.kind, x.group_id INTO c FROM wa.chats AS x WHERE x.chat_id = watch_chat.chat_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'chat % does not exist', watch_chat.chat_id
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT chat_id, kind, name FROM wa.inbox lists the chats.';
	ELSIF c.kind = 'group' THEN
		PERFORM wa.watch_group(c.group_id, level);
		RETURN;
	ELSIF level IS NULL OR level NOT IN ('none', 'messages') THEN
		RAISE EXCEPTION 'invalid watch level of a direct chat: %', quote_nullable(left(level, 80))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Levels are none and messages.';
	END IF;
	UPDATE wa.chats AS x SET watch_level = level WHERE x.chat_id = watch_chat.chat_id;
END
$$;
COMMENT ON FUNCTION wa.watch_chat(bigint, text) IS
'sets what is stored of a chat from now on: of a direct chat none or messages; of a group as wa.watch_group() does';

CREATE FUNCTION wa.watch_chat(chat_name text, level text DEFAULT 'messages')
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.watch_chat(wa_private.chat_id(chat_name), level);
END;
COMMENT ON FUNCTION wa.watch_chat(text, text) IS
'sets what is stored of a chat from now on: of a direct chat none or messages; of a group as wa.watch_group() does';

CREATE FUNCTION wa.conversation(chat_id bigint, before bigint DEFAULT NULL, "limit" integer DEFAULT 50)
RETURNS TABLE (message_id bigint, sent_at timestamptz, sender bigint, sender_name text, from_me boolean, kind text, state text, body text,
	quoted_message_id bigint, quoted_text text, edited_at timestamptz, revoked_at timestamptz, reactions jsonb, media_id bigint, receipts jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	before_at timestamptz := 'infinity';
	before_id bigint := coalesce(before, 9223372036854775807);
BEGIN
	PERFORM wa_private.require_storage();
	IF before IS NOT NULL THEN
		SELECT m.sent_at INTO before_at FROM wa.messages AS m WHERE m.message_id = before;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'message % does not exist', before USING ERRCODE = 'undefined_object';
		END IF;
	END IF;
	RETURN QUERY
	SELECT m.message_id, m.sent_at, m.sender, p.name, m.from_me, m.kind, m.state, m.body, m.quoted_message_id,
		(SELECT left(q.body, 200) FROM wa.messages AS q WHERE q.message_id = m.quoted_message_id), m.edited_at, m.revoked_at,
		(SELECT jsonb_object_agg(r.emoji, r.n) FROM (SELECT x.emoji, count(*) AS n FROM wa.reactions AS x
			WHERE x.message_id = m.message_id AND x.emoji IS NOT NULL GROUP BY 1) AS r),
		(SELECT f.media_id FROM wa.media AS f WHERE f.message_id = m.message_id),
		(SELECT jsonb_object_agg(r.status, r.n) FROM (SELECT x.status, count(*) AS n FROM wa.receipts AS x
			WHERE x.message_id = m.message_id GROUP BY 1) AS r)
	FROM (SELECT x.* FROM wa.messages AS x
		  WHERE x.chat_id = conversation.chat_id AND x.sent_at <= before_at AND (x.sent_at, x.message_id) < (before_at, before_id)
		  ORDER BY x.sent_at DESC, x.message_id DESC
		  LIMIT "limit") AS m
	LEFT JOIN wa.people AS p ON p.user_id = m.sender
	ORDER BY m.sent_at, m.message_id;
END
$$;
COMMENT ON FUNCTION wa.conversation(bigint, bigint, integer) IS
'a page of a chat in order: its last messages, or those before a message; go on with before => the first message_id of the page';

CREATE FUNCTION wa.conversation(chat_name text, before bigint DEFAULT NULL, "limit" integer DEFAULT 50)
RETURNS TABLE (message_id bigint, sent_at timestamptz, sender bigint, sender_name text, from_me boolean, kind text, state text, body text,
	quoted_message_id bigint, quoted_text text, edited_at timestamptz, revoked_at timestamptz, reactions jsonb, media_id bigint, receipts jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT * FROM wa.conversation(wa_private.chat_id(chat_name), before, "limit");
END;
COMMENT ON FUNCTION wa.conversation(text, bigint, integer) IS
'a page of a chat in order: its last messages, or those before a message; go on with before => the first message_id of the page';
