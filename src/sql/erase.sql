/*
 * erase.sql
 *		wa.erase_user(): nothing that is stored leads to a person any more.
 *
 * What they wrote goes, and so do their numbers, names and direct chats.  Their
 * stays in groups and what happened there stay, under a row of wa.users that
 * says nothing of them: so every group has as many joins, leaves and members as
 * before.
 *
 * Locks.  As the workers do it: records of bots in the order of their keys, the
 * people lock, then groups in the order of their JIDs.
 */

/*
 * How a person is found in what is stored as it came: the JIDs of theirs, a
 * pattern for text, and one for bytes in hexadecimal.  A frame has digits
 * packed, two to a byte, so they read as digits there.  Null where they have
 * no name of their own: a number that is somebody else's by now is not theirs.
 */
CREATE FUNCTION wa_private.traces_of(person bigint, OUT jids text[], OUT in_text text, OUT in_hex text)
RETURNS record LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT array_agg(j.jid ORDER BY j.jid), '(^|[^0-9])(' || string_agg(DISTINCT i.pattern, '|') || ')(?![0-9])', string_agg(DISTINCT i.hex, '|')
	INTO jids, in_text, in_hex
	FROM (SELECT x.kind, x.value, regexp_replace(x.value, '([^[:alnum:]])', '\\\1', 'g') AS pattern,
			encode(convert_to(x.value, 'UTF8'), 'hex') || CASE WHEN x.value ~ '^[0-9]+$' THEN '|' || x.value ELSE '' END AS hex
		  FROM wa.user_ids AS x
		  WHERE x.user_id = person AND x.kind <> 'username'
			AND NOT EXISTS (SELECT FROM wa.user_ids AS o WHERE o.kind = x.kind AND o.value = x.value AND o.current AND o.user_id <> person)) AS i
	LEFT JOIN LATERAL (SELECT i.value || s.server AS jid
		FROM (VALUES ('lid', '@lid'), ('lid', '@hosted.lid'), ('pn', '@s.whatsapp.net'), ('pn', '@hosted'), ('pn', '@c.us'), ('other', '')) AS s (kind, server)
		WHERE s.kind = i.kind) AS j ON true;
END
$$;
COMMENT ON FUNCTION wa_private.traces_of(bigint) IS 'the JIDs of a person, and patterns that find them in text and in bytes as hexadecimal';

/* Sessions, keys and attempts of a person: somebody new if they write again. */
CREATE FUNCTION wa_private.erase_records(person bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	trace record;
	r record;
BEGIN
	SELECT t.* INTO trace FROM wa_private.traces_of(person) AS t;
	FOR r IN
		SELECT x.bot_id, x.name, x.kind, x.chat, x.number
		FROM (SELECT o.bot_id, o.name, o.kind, o.chat, o.number
			  FROM wa.bots AS b JOIN wa_private.records AS o ON o.bot_id = b.bot_id AND o.name = ANY (trace.jids)
			  UNION
			  SELECT o.bot_id, o.name, o.kind, o.chat, o.number
			  FROM wa_private.records AS o
			  WHERE o.kind = 7 AND (o.name ~ trace.in_text OR o.chat ~ trace.in_text OR encode(o.data, 'hex') ~ trace.in_hex)) AS k
		JOIN wa_private.records AS x ON x.bot_id = k.bot_id AND x.name = k.name AND x.kind = k.kind AND x.chat = k.chat AND x.number = k.number
		ORDER BY x.bot_id, x.name, x.kind, x.chat, x.number
		FOR UPDATE OF x
	LOOP
		DELETE FROM wa_private.records AS x
		WHERE x.bot_id = r.bot_id AND x.name = r.name AND x.kind = r.kind AND x.chat = r.chat AND x.number = r.number;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.erase_records(bigint) IS 'part of wa.erase_user(): Signal sessions and keys of the person';

/* What a person wrote, their direct chats, and what they said about messages of others. */
CREATE FUNCTION wa_private.erase_words(person bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	direct bigint[] := ARRAY(SELECT c.chat_id FROM wa.chats AS c WHERE c.user_id = person ORDER BY 1);
	gone record;
BEGIN
	SELECT array_agg(x.id) AS ids, array_agg(x.place) AS places, array_agg(x.bot) AS bots, array_agg(x.what::smallint) AS what
	INTO gone
	FROM (SELECT m.message_id, m.chat_id, NULL::bigint, 5 FROM wa.messages AS m WHERE m.chat_id = ANY (direct)
		  UNION ALL
		  SELECT c.chat_id, c.chat_id, c.bot_id, 12 FROM wa.chats AS c WHERE c.chat_id = ANY (direct)) AS x (id, place, bot, what);
	PERFORM wa_private.forget_chats(direct);
	PERFORM wa_private.write_feed(gone.ids, gone.places, gone.bots, gone.what, '{}', '{}', '{}');

	LOOP
		SELECT array_agg(m.message_id) AS ids, array_agg(m.sent_at) AS sent, array_agg(m.chat_id) AS chats, array_agg(m.wa_id) AS wa_ids,
			array_agg(NULL::bigint) AS bots, array_agg(5::smallint) AS what
		INTO gone
		FROM (SELECT x.message_id, x.sent_at, x.chat_id, x.wa_id FROM wa.messages AS x WHERE x.sender = person LIMIT 1000) AS m;
		EXIT WHEN gone.ids IS NULL;
		PERFORM wa_private.delete_messages(gone.ids, gone.sent, gone.chats, gone.wa_ids, nameless => true);
		PERFORM wa_private.write_feed(gone.ids, gone.chats, gone.bots, gone.what, '{}', '{}', '{}');
	END LOOP;

	WITH reactions AS (
		DELETE FROM wa.reactions AS x WHERE x.user_id = person OR x.target_sender = person RETURNING x.reaction_id, x.chat_id
	), votes AS (
		DELETE FROM wa.poll_votes AS x WHERE x.user_id = person OR x.target_sender = person RETURNING x.vote_id, x.chat_id
	), responses AS (
		DELETE FROM wa.event_responses AS x WHERE x.user_id = person OR x.target_sender = person RETURNING x.response_id, x.chat_id
	), receipts AS (
		DELETE FROM wa.receipts AS x WHERE x.user_id = person RETURNING x.message_id, x.chat_id
	), contacts AS (
		DELETE FROM wa.contacts AS x WHERE x.user_id = person RETURNING x.bot_id
	)
	SELECT array_agg(x.id) AS ids, array_agg(x.place) AS places, array_agg(x.bot) AS bots, array_agg(x.what::smallint) AS what
	INTO gone
	FROM (SELECT y.reaction_id, y.chat_id, NULL::bigint, 6 FROM reactions AS y
		  UNION ALL SELECT y.vote_id, y.chat_id, NULL, 7 FROM votes AS y
		  UNION ALL SELECT y.response_id, y.chat_id, NULL, 8 FROM responses AS y
		  UNION ALL SELECT DISTINCT y.message_id, y.chat_id, NULL::bigint, 9 FROM receipts AS y WHERE y.message_id IS NOT NULL
		  UNION ALL SELECT person, NULL, y.bot_id, 13 FROM contacts AS y) AS x (id, place, bot, what);
	PERFORM wa_private.write_feed(gone.ids, gone.places, gone.bots, gone.what, '{}', '{}', '{}');
	DELETE FROM wa_private.pending_addons AS x WHERE x.sender = person OR x.target_sender = person;
	-- that an admin deleted somebody's message stays, without saying who
	DELETE FROM wa.message_edits AS x WHERE x.target_sender = person OR (x.editor = person AND x.action <> 'revoke');
END
$$;
COMMENT ON FUNCTION wa_private.erase_words(bigint) IS 'part of wa.erase_user(): what the person wrote, and what they said about messages of others';

/*
 * Where others name the person: mentions, quotes, what came raw, and in the
 * groups that they were in their numbers in what is written.  places: those
 * groups.
 */
CREATE FUNCTION wa_private.erase_traces(person bigint, places bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	trace record;
	chats bigint[] := ARRAY(SELECT c.chat_id FROM wa.chats AS c WHERE c.group_id = ANY (places));
	told record;
BEGIN
	SELECT t.* INTO trace FROM wa_private.traces_of(person) AS t;
	WITH struck AS (
		UPDATE wa.messages AS m
		SET mentions = nullif(array_remove(m.mentions, person), '{}'), quoted_sender = nullif(m.quoted_sender, person),
			body = CASE WHEN trace.in_text IS NULL THEN m.body ELSE regexp_replace(m.body, trace.in_text, '\1…', 'g') END,
			meta = CASE WHEN m.meta::text ~ trace.in_text THEN NULL ELSE m.meta END,
			raw = NULL
		WHERE m.mentions @> ARRAY[person] OR m.quoted_sender = person
			OR (m.chat_id = ANY (chats)
				AND (m.body ~ trace.in_text OR m.meta::text ~ trace.in_text OR encode(m.raw, 'hex') ~ trace.in_hex))
		RETURNING m.message_id, m.chat_id
	)
	SELECT array_agg(s.message_id) AS ids, array_agg(s.chat_id) AS chats, array_agg(NULL::bigint) AS bots, array_agg(3::smallint) AS what
	INTO told FROM struck AS s;
	PERFORM wa_private.write_feed(told.ids, told.chats, told.bots, told.what, '{}', '{}', '{}');
	UPDATE wa.message_edits AS e
	SET body = regexp_replace(e.body, trace.in_text, '\1…', 'g'), meta = CASE WHEN e.meta::text ~ trace.in_text THEN NULL ELSE e.meta END
	WHERE (e.chat_id = ANY (chats) OR e.message_id = ANY (told.ids)) AND (e.body ~ trace.in_text OR e.meta::text ~ trace.in_text);

	UPDATE wa.group_events AS e
	SET raw = CASE WHEN person IN (e.target, e.actor) OR e.raw::text ~ trace.in_text THEN NULL ELSE e.raw END,
		details = CASE WHEN d.details::text ~ trace.in_text THEN NULL ELSE d.details END
	FROM wa.group_events AS o
	CROSS JOIN LATERAL (SELECT CASE o.target WHEN person THEN nullif(o.details - '{before,after,label}'::text[], '{}') ELSE o.details END AS details) AS d
	WHERE e.event_id = o.event_id AND e.occurred_at = o.occurred_at
		AND (((o.target = person OR o.actor = person) AND (o.raw IS NOT NULL OR o.details IS DISTINCT FROM d.details))
			-- an action may name others than whom it is about
			OR ((o.group_id = ANY (places) OR o.kind IN ('link', 'unlink') OR o.kind LIKE 'unknown:%')
				AND (o.raw::text ~ trace.in_text OR o.details::text ~ trace.in_text)));
	DELETE FROM wa.unknown_stanzas AS x WHERE x.from_jid ~ trace.in_text OR x.node::text ~ trace.in_text;
	DELETE FROM wa.rejected AS x
	WHERE x.reason ~ trace.in_text OR encode(x.stanza, 'hex') ~ trace.in_hex OR encode(x.content, 'hex') ~ trace.in_hex;
	WITH RECURSIVE were AS (
		SELECT m.merge_id, m.merged_user_id FROM wa.user_merges AS m WHERE m.into_user_id = person
		UNION
		SELECT m.merge_id, m.merged_user_id FROM were AS w JOIN wa.user_merges AS m ON m.into_user_id = w.merged_user_id
	)
	DELETE FROM wa.user_merges AS m USING were AS w WHERE m.merge_id = w.merge_id;
	UPDATE wa.user_merges AS m SET evidence = NULL WHERE m.evidence::text ~ trace.in_text;
END
$$;
COMMENT ON FUNCTION wa_private.erase_traces(bigint, bigint[]) IS 'part of wa.erase_user(): where others name the person';

/* How many rows of each table this transaction has deleted and changed so far (none where track_counts is off). */
CREATE FUNCTION wa_private.rows_touched()
RETURNS TABLE ("table" text, deleted bigint, changed bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass::text, sum(pg_stat_get_xact_tuples_deleted(c.oid))::bigint,
		sum(pg_stat_get_xact_tuples_updated(c.oid))::bigint
	FROM pg_class AS c
	WHERE c.relnamespace IN (to_regnamespace('wa'), to_regnamespace('wa_private')) AND c.relkind = 'r'
	GROUP BY 1;
END
$$;
COMMENT ON FUNCTION wa_private.rows_touched() IS 'rows of each table that this transaction has deleted and changed so far';

/* Raises unless a person can be erased now. */
CREATE FUNCTION wa_private.check_erasure(person bigint, force boolean)
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found text;
BEGIN
	IF NOT EXISTS (SELECT FROM wa.users AS u WHERE u.user_id = person) THEN
		SELECT format('They turned out to be person %s.', m.into_user_id) INTO found FROM wa.user_merges AS m WHERE m.merged_user_id = person;
		RAISE EXCEPTION 'person % does not exist', person
			USING ERRCODE = 'undefined_object',
			HINT = coalesce(found, 'SELECT user_id, name, phone FROM wa.people lists them; give a phone number as text.');
	END IF;
	SELECT b.name INTO found
	FROM wa.bots AS b JOIN wa.user_ids AS i ON i.user_id = person
	WHERE (i.kind = 'lid' AND i.value = split_part(b.lid, '@', 1)) OR (i.kind = 'pn' AND i.value = split_part(b.jid, '@', 1));
	IF found IS NOT NULL THEN
		RAISE EXCEPTION 'person % is the account of bot "%"', person, found
			USING ERRCODE = 'object_in_use', HINT = 'Remove the bot first, with wa.remove_bot().';
	END IF;
	SELECT string_agg(coalesce('"' || g.subject || '"', g.jid), ', ' ORDER BY g.group_id) INTO found
	FROM wa.memberships AS m JOIN wa.groups AS g ON g.group_id = m.group_id
	WHERE m.user_id = person AND m.left_at IS NULL AND g.watch_level IN ('members', 'messages')
		-- a group that is watched again counts before its list has come
		AND EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.group_id = g.group_id AND b.left_at IS NULL);
	IF found IS NOT NULL AND NOT force THEN
		RAISE EXCEPTION 'person % is a member of groups that are watched', person
			USING ERRCODE = 'object_in_use', DETAIL = format('Groups: %s.', found),
			HINT = 'The next list of members would bring them back. Let them leave, or choose another level with wa.watch_group(), or erase what is there by force => true.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_erasure(bigint, boolean) IS 'raises an error unless a person can be erased now';

CREATE FUNCTION wa.erase_user(user_id bigint, force boolean DEFAULT false)
RETURNS TABLE ("table" text, deleted bigint, changed bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	person bigint := erase_user.user_id;
	before jsonb;
	places bigint[];
BEGIN
	IF person IS NULL OR force IS NULL THEN
		RAISE EXCEPTION 'person and force must not be null' USING ERRCODE = 'invalid_parameter_value';
	ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'a person can be erased at isolation level read committed only'
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'Rows that others commit meanwhile would not be seen.';
	END IF;
	PERFORM wa_private.require_storage();
	SELECT jsonb_object_agg(t."table", ARRAY[t.deleted, t.changed]) INTO before FROM wa_private.rows_touched() AS t;
	PERFORM wa_private.check_erasure(person, force);
	PERFORM wa_private.erase_records(person);
	PERFORM wa_private.lock_people(true);
	-- they may have come, gone or changed their number while this waited
	PERFORM wa_private.check_erasure(person, force);
	PERFORM wa_private.erase_records(person);
	places := ARRAY(
		SELECT m.group_id FROM wa.memberships AS m WHERE m.user_id = person
		UNION SELECT e.group_id FROM wa.group_events AS e WHERE e.target = person
		UNION SELECT e.group_id FROM wa.group_events AS e WHERE e.actor = person
		UNION SELECT c.group_id FROM wa.messages AS m JOIN wa.chats AS c ON c.chat_id = m.chat_id WHERE m.sender = person AND c.group_id IS NOT NULL);
	PERFORM FROM wa.groups AS g WHERE g.group_id = ANY (places) ORDER BY g.jid COLLATE "C" FOR NO KEY UPDATE;

	PERFORM wa_private.erase_words(person);
	PERFORM wa_private.erase_traces(person, places);
	DELETE FROM wa.identity_changes AS i WHERE i.user_id = person;
	UPDATE wa.memberships AS m SET label = NULL WHERE m.user_id = person AND m.label IS NOT NULL;
	-- also where somebody else once had the number
	DELETE FROM wa.user_ids AS i
	WHERE i.user_id = person OR (NOT i.current AND EXISTS (SELECT FROM wa.user_ids AS o
		WHERE o.user_id = person AND o.current AND o.kind = i.kind AND o.value = i.value));
	UPDATE wa.users AS u SET push_name = NULL, masked_phone = NULL, country = NULL
	WHERE u.user_id = person AND num_nonnulls(u.push_name, u.masked_phone, u.country) > 0;
	-- a new list takes the place of the nameless one
	UPDATE wa.groups AS g SET needs_refresh = true, refresh_reason = 'contradiction', refresh_asked_at = NULL
	WHERE g.watch_level IN ('members', 'messages') AND g.unobserved_since IS NULL
		AND EXISTS (SELECT FROM wa.memberships AS m WHERE m.group_id = g.group_id AND m.user_id = person AND m.left_at IS NULL);
	IF FOUND THEN
		PERFORM wa_private.wake_workers();
	END IF;
	PERFORM wa_private.forget_lonely_people(ARRAY[person]);
	PERFORM wa_private.write_feed(ARRAY[person], ARRAY[NULL::bigint], ARRAY[NULL::bigint], ARRAY[17::smallint], '{}', '{}', '{}');

	RETURN QUERY
	SELECT t."table", t.deleted - coalesce((before -> t."table" ->> 0)::bigint, 0), t.changed - coalesce((before -> t."table" ->> 1)::bigint, 0)
	FROM wa_private.rows_touched() AS t
	WHERE t.deleted > coalesce((before -> t."table" ->> 0)::bigint, 0) OR t.changed > coalesce((before -> t."table" ->> 1)::bigint, 0)
	ORDER BY t."table" COLLATE "C";
END
$$;
COMMENT ON FUNCTION wa.erase_user(bigint, boolean) IS
'erases a person: what they wrote, direct chats with them, numbers, names and keys; their stays in groups stay under a person of whom nothing is known, so that numbers stay right. Returns the rows of each table that were deleted or changed. force: also while they are a member of a watched group, whose next list of members brings them back as somebody new';

CREATE FUNCTION wa.erase_user(person text, force boolean DEFAULT false)
RETURNS TABLE ("table" text, deleted bigint, changed bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint := wa.resolve(person);
	other bigint;
BEGIN
	IF id IS NULL THEN
		RAISE EXCEPTION 'person "%" does not exist', person
			USING ERRCODE = 'undefined_object', HINT = 'Give a phone number, a LID or JID, @username, or the user_id as a number.';
	END IF;
	SELECT i.user_id INTO other
	FROM wa.user_ids AS i
	WHERE person NOT LIKE '%@%' AND i.kind = 'lid' AND i.value = regexp_replace(person, '[-+(). ]', '', 'g') AND i.user_id <> id;
	IF other IS NOT NULL THEN
		RAISE EXCEPTION 'person "%" is not unique', person
			USING ERRCODE = 'ambiguous_alias', DETAIL = format('It is a phone number of person %s and a LID of person %s.', id, other),
			HINT = 'Give the user_id, or the JID.';
	END IF;
	RETURN QUERY SELECT e.* FROM wa.erase_user(id, force) AS e;
END
$$;
COMMENT ON FUNCTION wa.erase_user(text, boolean) IS
'erases a person by phone number, LID, JID or @username; see the other one';
