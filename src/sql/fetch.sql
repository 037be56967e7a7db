/*
 * fetch.sql
 *		What is to be fetched from the media hosts: pieces of history, and files
 *		of messages.  The tables are the queue: a worker claims one thing at a
 *		time and says how it ended.  A worker that dies leaves "loading" behind,
 *		and whoever holds the bot next goes on from there.
 */

/* The pause before try number attempts + 1: 20 s, then twice as long each time, an hour at most. */
CREATE FUNCTION wa_private.fetch_pause(attempts integer)
RETURNS interval LANGUAGE sql IMMUTABLE
RETURN least(interval '10 seconds' * power(2, least(attempts, 10)), interval '1 hour');
COMMENT ON FUNCTION wa_private.fetch_pause(integer) IS 'how long to wait after so many failed tries of a download';

/* A phone offers a piece of history; it may say so again. */
CREATE FUNCTION wa_private.apply_history_notice(bot bigint, fact jsonb, received timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa_private.history_chunks (bot_id, notice_id, notice, sync_type, chunk, progress, oldest_at, noticed_at)
	SELECT bot, fact ->> 'id', fact - ARRAY['fact', 'received_at'], (fact ->> 'sync_type')::integer, (fact ->> 'chunk')::integer,
		(fact ->> 'progress')::integer, to_timestamp((fact ->> 'oldest_at')::double precision), received
	WHERE fact ->> 'id' IS NOT NULL
	ON CONFLICT (bot_id, notice_id) DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.apply_history_notice(bigint, jsonb, timestamptz) IS 'notes a piece of history that a phone offers';

/*
 * Claims the next piece of history of these bots, in the order the phones
 * offered them.  The caller works on no other piece of theirs: one that is
 * loading was left behind, and is taken up again at once, but not for ever.
 */
CREATE FUNCTION wa_private.history_next(bots bigint[])
RETURNS TABLE (chunk_id bigint, bot_id bigint, n_events bigint, n_messages bigint, notice jsonb)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- one that ends the worker, or the server, must not do so for ever
	UPDATE wa_private.history_chunks AS h
	SET state = 'failed', finished_at = now(), error = 'given up: it was begun 10 times and never got on'
	WHERE h.bot_id = ANY (bots) AND h.state = 'loading' AND h.attempts >= 10;

	RETURN QUERY
	UPDATE wa_private.history_chunks AS h
	SET state = 'loading', claimed_at = now(), attempts = h.attempts + 1
	WHERE h.chunk_id = (
		SELECT w.chunk_id
		FROM wa_private.history_chunks AS w
		WHERE w.bot_id = ANY (bots) AND w.state IN ('wanted', 'loading') AND (w.next_at IS NULL OR w.next_at <= now())
			AND (w.state = 'wanted' OR w.attempts <= 3 OR w.claimed_at <= now() - wa_private.fetch_pause(w.attempts))
		ORDER BY w.chunk_id
		LIMIT 1
		FOR UPDATE SKIP LOCKED)
	RETURNING h.chunk_id, h.bot_id, h.n_events, h.n_messages, h.notice;
END
$$;
COMMENT ON FUNCTION wa_private.history_next(bigint[]) IS 'claims the next piece of history that these bots want';

/*
 * Notes how far a piece of history is: loading (still at it), done, failed, or
 * wanted (did not work, later again; for the 20th time in a row it has failed).
 * False: the piece is gone.
 */
CREATE FUNCTION wa_private.history_progress_set(chunk bigint, events bigint, messages bigint, bytes bigint, new_state text, why text)
RETURNS boolean LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	UPDATE wa_private.history_chunks AS h
	SET state = s.state,
		n_events = greatest(h.n_events, events),
		n_messages = greatest(h.n_messages, messages),
		n_bytes = greatest(h.n_bytes, bytes),
		-- who gets on may try again as often
		attempts = CASE WHEN events > h.n_events THEN 1 ELSE h.attempts END,
		error = why,
		next_at = CASE WHEN s.state = 'wanted' THEN now() + wa_private.fetch_pause(h.attempts) END,
		finished_at = CASE WHEN s.state IN ('done', 'failed') THEN now() END,
		notice = CASE WHEN s.state = 'done' THEN h.notice - 'payload' - 'media' ELSE h.notice END
	FROM (SELECT CASE WHEN new_state = 'wanted' AND old.attempts >= 20 THEN 'failed' ELSE new_state END AS state
		  FROM wa_private.history_chunks AS old WHERE old.chunk_id = chunk) AS s
	WHERE h.chunk_id = chunk;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION wa_private.history_progress_set(bigint, bigint, bigint, bigint, text, text) IS
'notes how far a piece of history is and how it ended; false: it is gone';

/* Tells wa.feed(), and who listens, that files are here now. */
CREATE FUNCTION wa_private.tell_stored(files bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entries bigint[] := ARRAY(SELECT x.number FROM wa.media AS m
		CROSS JOIN LATERAL unnest(ARRAY[14, m.media_id, m.chat_id, m.bot_id]) WITH ORDINALITY AS x (number, place)
		WHERE m.media_id = ANY (files) ORDER BY m.media_id, x.place);
BEGIN
	IF entries <> '{}' THEN
		PERFORM wa_private.write_feed(NULL, NULL, NULL, NULL, entries, '{}', '{}');
		PERFORM wa_private.notify_events('{}', '{}', ARRAY(SELECT m.message_id FROM wa.media AS m WHERE m.media_id = ANY (files) ORDER BY 1));
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.tell_stored(bigint[]) IS 'tells wa.feed() and listeners that files are here';

/*
 * Claims the next file that somebody asked for: of these bots, or of one that
 * was removed.  busy are the files that the caller is at; another that is
 * loading was left behind.
 */
CREATE FUNCTION wa_private.media_next(bots bigint[], busy bigint[])
RETURNS TABLE (media_id bigint, asker bigint, kind text, file_size bigint, sha256 bytea, key bytea, enc_sha256 bytea, direct_path text,
	wa_id text, chat text, participant text, from_me boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	copied bigint[];
BEGIN
	UPDATE wa.media AS m
	SET state = 'failed', error = 'given up: it was begun 8 times and never got here'
	WHERE m.state = 'loading' AND m.attempts >= 8 AND m.media_id <> ALL (busy) AND m.bot_id = ANY (bots);

	-- the same bytes may be here already: many a picture is passed on
	WITH here AS (
		UPDATE wa.media AS m
		SET state = 'stored', content = other.content, stored_at = now(), error = NULL
		FROM wa.media AS other
		WHERE m.state = 'wanted' AND m.attempts = 0 AND other.sha256 = m.sha256 AND other.content IS NOT NULL
		RETURNING m.media_id
	)
	SELECT array_agg(h.media_id) INTO copied FROM here AS h;
	PERFORM wa_private.tell_stored(copied);

	RETURN QUERY
	WITH taken AS (
		UPDATE wa.media AS m
		SET state = 'loading', claimed_at = now(), attempts = m.attempts + 1
		FROM (
			SELECT w.media_id, k.key, k.enc_sha256, k.direct_path
			FROM wa.media AS w
			JOIN wa_private.media_keys AS k ON k.media_id = w.media_id
			WHERE w.state IN ('wanted', 'loading') AND w.media_id <> ALL (busy)
				AND (w.bot_id = ANY (bots) OR NOT EXISTS (SELECT FROM wa.bots AS b WHERE b.bot_id = w.bot_id))
				AND (w.attempts = 0 OR w.claimed_at <= now() - wa_private.fetch_pause(w.attempts))
			ORDER BY w.wanted_at
			LIMIT 1
			FOR UPDATE OF w SKIP LOCKED) AS next
		WHERE m.media_id = next.media_id
		RETURNING m.media_id, m.message_id, m.bot_id, m.kind, m.file_size, m.sha256, next.key, next.enc_sha256, next.direct_path
	)
	SELECT t.media_id, CASE WHEN t.bot_id = ANY (bots) THEN t.bot_id ELSE bots[1] END, t.kind, t.file_size, t.sha256, t.key, t.enc_sha256,
		t.direct_path, m.wa_id, coalesce(g.jid, c.jid),
		-- the person as the group's messages name people
		CASE WHEN g.group_id IS NOT NULL THEN
			(SELECT i.value || CASE i.kind WHEN 'lid' THEN '@lid' ELSE '@s.whatsapp.net' END FROM wa.user_ids AS i WHERE i.user_id = m.sender AND i.kind IN ('lid', 'pn') AND i.current
			 ORDER BY i.kind = coalesce(g.addressing_mode, 'lid') DESC, i.kind LIMIT 1) END,
		m.from_me
	FROM taken AS t
	-- only its own bot's phone can know the message
	LEFT JOIN wa.messages AS m ON m.message_id = t.message_id AND m.bot_id = t.bot_id AND m.bot_id = ANY (bots)
	LEFT JOIN wa.chats AS c ON c.chat_id = m.chat_id
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id;
END
$$;
COMMENT ON FUNCTION wa_private.media_next(bigint[], bigint[]) IS 'claims the next file to be fetched for these bots, none of the busy ones';

/*
 * Stores a file (stored), or says that it cannot be had: wanted (later again;
 * the 8th time failed) or failed.  path: where the phone has put it now, or null.
 */
CREATE FUNCTION wa_private.media_set(media bigint, new_state text, why text, data bytea, path text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	UPDATE wa.media AS m
	SET state = CASE WHEN new_state = 'wanted' AND m.attempts >= 8 THEN 'failed' ELSE new_state END,
		error = why,
		content = data,
		stored_at = CASE WHEN new_state = 'stored' THEN now() END
	WHERE m.media_id = media;
	IF path IS NOT NULL THEN
		UPDATE wa_private.media_keys AS k SET direct_path = path WHERE k.media_id = media;
	END IF;
	IF new_state = 'stored' THEN
		PERFORM wa_private.tell_stored(ARRAY[media]);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.media_set(bigint, text, text, bytea, text) IS 'stores the content of a file, or why it is not there';

CREATE FUNCTION wa.fetch_media(message_id bigint)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	now_state text;
BEGIN
	PERFORM wa_private.require_storage();
	SELECT m.state INTO now_state FROM wa.media AS m WHERE m.message_id = fetch_media.message_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'message % has no file', coalesce(message_id::text, 'null')
			USING ERRCODE = 'undefined_object', HINT = 'wa.media lists the messages that have one.';
	ELSIF now_state NOT IN ('stored', 'loading') THEN
		UPDATE wa.media AS m
		SET state = 'wanted', wanted_at = now(), attempts = 0, error = NULL
		WHERE m.message_id = fetch_media.message_id AND m.state NOT IN ('stored', 'loading');
		PERFORM wa_private.wake_workers();
		now_state := 'wanted';
	END IF;
	RETURN now_state;
END
$$;
COMMENT ON FUNCTION wa.fetch_media(bigint) IS
'asks for the file of a message: a worker fetches it into wa.media.content; returns the state: wanted, loading, or stored when it is there';
