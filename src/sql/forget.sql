/*
 * forget.sql
 *		Messages when people turn out to be one, and when they are deleted.
 */

/* Deletes chats with everything in them.  The caller holds the people lock alone. */
CREATE FUNCTION wa_private.forget_chats(chats bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM wa_private.pending_addons AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa_private.waiting AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.media AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.poll_options AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.poll_votes AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.event_responses AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.reactions AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.receipts AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.message_edits AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.messages AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa_private.message_keys AS x WHERE x.chat_id = ANY (chats);
	DELETE FROM wa.chats AS x WHERE x.chat_id = ANY (chats);
END
$$;
COMMENT ON FUNCTION wa_private.forget_chats(bigint[]) IS 'deletes chats with everything in them';

/* Of people who wrote nothing, those to whom nothing that was written refers either. */
CREATE FUNCTION wa_private.unmentioned(people bigint[])
RETURNS bigint[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(
		SELECT p.id FROM unnest(people) AS p (id)
		EXCEPT SELECT r.user_id FROM wa.reactions AS r WHERE r.user_id = ANY (people)
		EXCEPT SELECT r.target_sender FROM wa.reactions AS r WHERE r.target_sender = ANY (people)
		EXCEPT SELECT e.editor FROM wa.message_edits AS e WHERE e.editor = ANY (people)
		EXCEPT SELECT e.target_sender FROM wa.message_edits AS e WHERE e.target_sender = ANY (people)
		EXCEPT SELECT v.user_id FROM wa.poll_votes AS v WHERE v.user_id = ANY (people)
		EXCEPT SELECT v.target_sender FROM wa.poll_votes AS v WHERE v.target_sender = ANY (people)
		EXCEPT SELECT v.user_id FROM wa.event_responses AS v WHERE v.user_id = ANY (people)
		EXCEPT SELECT v.target_sender FROM wa.event_responses AS v WHERE v.target_sender = ANY (people)
		EXCEPT SELECT r.user_id FROM wa.receipts AS r WHERE r.user_id = ANY (people)
		EXCEPT SELECT a.sender FROM wa_private.pending_addons AS a WHERE a.sender = ANY (people)
		EXCEPT SELECT a.target_sender FROM wa_private.pending_addons AS a WHERE a.target_sender = ANY (people)
		EXCEPT SELECT m.quoted_sender FROM wa.messages AS m WHERE m.quoted_sender = ANY (people)
		EXCEPT SELECT m.revoked_by FROM wa.messages AS m WHERE m.revoked_by = ANY (people)
		EXCEPT SELECT x.id FROM wa.messages AS m CROSS JOIN LATERAL unnest(m.mentions) AS x (id) WHERE m.mentions && people);
END
$$;
COMMENT ON FUNCTION wa_private.unmentioned(bigint[]) IS 'people to whom nothing that was written refers, of some who wrote nothing';

/*
 * Two rows turn out to be one message: what belongs to the loser goes to the
 * winner, and the loser goes.  Both are in one chat with one id.
 */
CREATE FUNCTION wa_private.absorb_message(winner bigint, winner_at timestamptz, loser bigint, loser_at timestamptz, chat bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.reactions AS x SET message_id = winner, message_sent_at = winner_at WHERE x.message_id = loser;
	UPDATE wa.poll_votes AS x SET message_id = winner WHERE x.message_id = loser;
	UPDATE wa.event_responses AS x SET message_id = winner WHERE x.message_id = loser;
	UPDATE wa.receipts AS x SET message_id = winner WHERE x.message_id = loser;
	UPDATE wa.message_labels AS x SET message_id = winner WHERE x.message_id = loser;
	DELETE FROM wa.message_edits AS x WHERE x.message_id = loser AND x.action = 'original'
		AND EXISTS (SELECT FROM wa.message_edits AS y WHERE y.message_id = winner AND y.action = 'original');
	UPDATE wa.message_edits AS x SET message_id = winner WHERE x.message_id = loser;
	DELETE FROM wa.poll_options AS x WHERE x.message_id = loser
		AND EXISTS (SELECT FROM wa.poll_options AS y WHERE y.message_id = winner);
	UPDATE wa.poll_options AS x SET message_id = winner WHERE x.message_id = loser;
	DELETE FROM wa.media AS x WHERE x.message_id = loser AND EXISTS (SELECT FROM wa.media AS y WHERE y.message_id = winner);
	UPDATE wa.media AS x SET message_id = winner WHERE x.message_id = loser;
	UPDATE wa.messages AS x SET quoted_message_id = winner WHERE x.chat_id = chat AND x.quoted_message_id = loser;
	DELETE FROM wa.messages AS x WHERE x.message_id = loser AND x.sent_at = loser_at;
	PERFORM wa_private.write_feed(NULL, NULL, NULL, NULL, ARRAY[5, loser, chat, NULL], '{}', '{}');
END
$$;
COMMENT ON FUNCTION wa_private.absorb_message(bigint, timestamptz, bigint, timestamptz, bigint) IS 'makes two rows of one message one';

/*
 * Gives the messages of a person, or of a chat, to another.  Where both have a
 * message it is the same one: the better row stays.  Exactly one of the pairs
 * is given.
 */
CREATE FUNCTION wa_private.move_messages(old_sender bigint, new_sender bigint, old_chat bigint, new_chat bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twin record;
	moved integer;
BEGIN
	FOR twin IN
		SELECT o.chat_id AS old_chat_id, o.sender AS old_sender, n.chat_id, n.sender, o.id_hash, o.message_id AS old_id, o.sent_at AS old_at,
			n.message_id AS new_id, n.sent_at AS new_at, (o.rank, n.message_id) > (n.rank, o.message_id) AS old_wins
		FROM wa.messages AS m
		JOIN wa_private.message_keys AS o ON o.chat_id = m.chat_id AND o.id_hash = hashtextextended(m.wa_id, 0) AND o.message_id = m.message_id
		JOIN wa_private.message_keys AS n ON n.chat_id = coalesce(new_chat, o.chat_id) AND n.id_hash = o.id_hash
			AND n.sender = coalesce(new_sender, o.sender)
		WHERE CASE WHEN old_sender IS NULL THEN m.chat_id = old_chat ELSE m.sender = old_sender END
	LOOP
		IF twin.old_wins THEN
			DELETE FROM wa_private.message_keys AS k WHERE k.chat_id = twin.chat_id AND k.id_hash = twin.id_hash AND k.sender = twin.sender;
			PERFORM wa_private.absorb_message(twin.old_id, twin.old_at, twin.new_id, twin.new_at, twin.chat_id);
		ELSE
			DELETE FROM wa_private.message_keys AS k
			WHERE k.chat_id = twin.old_chat_id AND k.id_hash = twin.id_hash AND k.sender = twin.old_sender;
			PERFORM wa_private.absorb_message(twin.new_id, twin.new_at, twin.old_id, twin.old_at, twin.old_chat_id);
		END IF;
	END LOOP;
	IF old_sender IS NOT NULL THEN
		UPDATE wa_private.message_keys AS k SET sender = new_sender
		FROM wa.messages AS m
		WHERE m.sender = old_sender AND k.chat_id = m.chat_id AND k.id_hash = hashtextextended(m.wa_id, 0) AND k.sender = old_sender;
		UPDATE wa.messages AS m SET sender = new_sender WHERE m.sender = old_sender;
		GET DIAGNOSTICS moved = ROW_COUNT;
	ELSE
		UPDATE wa_private.message_keys AS k SET chat_id = new_chat WHERE k.chat_id = old_chat;
		UPDATE wa.messages AS m SET chat_id = new_chat WHERE m.chat_id = old_chat;
		GET DIAGNOSTICS moved = ROW_COUNT;
	END IF;
	RETURN moved;
END
$$;
COMMENT ON FUNCTION wa_private.move_messages(bigint, bigint, bigint, bigint) IS 'gives the messages of a person or a chat to another';

/* Two direct chats of one bot are with one person: everything goes to the first. */
CREATE FUNCTION wa_private.merge_chats(kept bigint, gone bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.move_messages(NULL, NULL, gone, kept);
	UPDATE wa.media AS x SET chat_id = kept WHERE x.chat_id = gone;
	UPDATE wa.poll_options AS x SET chat_id = kept WHERE x.chat_id = gone;

	-- of what both have, the newer stays
	DELETE FROM wa.reactions AS x USING wa.reactions AS y
	WHERE x.chat_id IN (kept, gone) AND y.chat_id IN (kept, gone) AND x.chat_id <> y.chat_id AND y.wa_id = x.wa_id AND y.user_id = x.user_id
		AND (y.reacted_at, y.reaction_id) > (x.reacted_at, x.reaction_id);
	UPDATE wa.reactions AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa.poll_votes AS x USING wa.poll_votes AS y
	WHERE x.chat_id IN (kept, gone) AND y.chat_id IN (kept, gone) AND x.chat_id <> y.chat_id AND y.wa_id = x.wa_id AND y.user_id = x.user_id
		AND (y.voted_at, y.vote_id) > (x.voted_at, x.vote_id);
	UPDATE wa.poll_votes AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa.event_responses AS x USING wa.event_responses AS y
	WHERE x.chat_id IN (kept, gone) AND y.chat_id IN (kept, gone) AND x.chat_id <> y.chat_id AND y.wa_id = x.wa_id AND y.user_id = x.user_id
		AND (y.responded_at, y.response_id) > (x.responded_at, x.response_id);
	UPDATE wa.event_responses AS x SET chat_id = kept WHERE x.chat_id = gone;

	DELETE FROM wa.message_edits AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa.message_edits AS y
		WHERE y.chat_id = kept AND y.wa_id = x.wa_id AND y.edit_wa_id = x.edit_wa_id AND coalesce(y.editor, 0) = coalesce(x.editor, 0));
	UPDATE wa.message_edits AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa.receipts AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa.receipts AS y WHERE y.chat_id = kept AND y.wa_id = x.wa_id AND y.user_id = x.user_id);
	UPDATE wa.receipts AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa_private.pending_addons AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa_private.pending_addons AS y
		WHERE y.chat_id = kept AND y.wa_id = x.wa_id AND y.addon_wa_id = x.addon_wa_id AND y.sender = x.sender);
	UPDATE wa_private.pending_addons AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa_private.waiting AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa_private.waiting AS y WHERE y.chat_id = kept AND y.id_hash = x.id_hash);
	UPDATE wa_private.waiting AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa.chat_labels AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa.chat_labels AS y WHERE y.chat_id = kept AND y.bot_id = x.bot_id AND y.label_id = x.label_id);
	UPDATE wa.chat_labels AS x SET chat_id = kept WHERE x.chat_id = gone;
	DELETE FROM wa.message_labels AS x
	WHERE x.chat_id = gone AND EXISTS (SELECT FROM wa.message_labels AS y
		WHERE y.chat_id = kept AND y.bot_id = x.bot_id AND y.label_id = x.label_id AND y.wa_id = x.wa_id);
	UPDATE wa.message_labels AS x SET chat_id = kept WHERE x.chat_id = gone;

	UPDATE wa.chats AS k
	SET name = coalesce(k.name, g.name),
		-- whatever somebody chose not to have stored is not
		watch_level = CASE WHEN 'none' IN (k.watch_level, g.watch_level) THEN 'none' ELSE coalesce(k.watch_level, g.watch_level) END,
		ephemeral_seconds = CASE WHEN g.ephemeral_at > coalesce(k.ephemeral_at, '-infinity') THEN g.ephemeral_seconds ELSE k.ephemeral_seconds END,
		ephemeral_at = greatest(k.ephemeral_at, g.ephemeral_at), archived = coalesce(k.archived, g.archived), pinned = coalesce(k.pinned, g.pinned),
		muted_until = greatest(k.muted_until, g.muted_until), unread = greatest(k.unread, g.unread),
		settings_at = greatest(k.settings_at, g.settings_at), first_seen_at = least(k.first_seen_at, g.first_seen_at)
	FROM wa.chats AS g
	WHERE k.chat_id = kept AND g.chat_id = gone;
	DELETE FROM wa.chats AS c WHERE c.chat_id = gone;
END
$$;
COMMENT ON FUNCTION wa_private.merge_chats(bigint, bigint) IS 'makes two direct chats of a bot one';

/*
 * What two people who are one wrote and what was written about them.  Edits
 * that were refused because they came under the other name are looked at again.
 */
CREATE FUNCTION wa_private.merge_messages(kept bigint, gone bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	moved integer;
	doubtful bigint[];
BEGIN
	FOR c IN
		SELECT g.chat_id AS gone_chat, k.chat_id AS kept_chat
		FROM wa.chats AS g LEFT JOIN wa.chats AS k ON k.bot_id = g.bot_id AND k.user_id = kept
		WHERE g.user_id = gone
	LOOP
		IF c.kept_chat IS NULL THEN
			UPDATE wa.chats AS x SET user_id = kept WHERE x.chat_id = c.gone_chat;
		ELSE
			PERFORM wa_private.merge_chats(c.kept_chat, c.gone_chat);
		END IF;
	END LOOP;

	-- of what both said, the newer stays
	DELETE FROM wa.reactions AS x USING wa.reactions AS y
	WHERE x.user_id IN (kept, gone) AND y.user_id IN (kept, gone) AND x.user_id <> y.user_id AND y.chat_id = x.chat_id AND y.wa_id = x.wa_id
		AND (y.reacted_at, y.reaction_id) > (x.reacted_at, x.reaction_id);
	UPDATE wa.reactions AS x SET user_id = kept WHERE x.user_id = gone;
	UPDATE wa.reactions AS x SET target_sender = kept WHERE x.target_sender = gone;
	DELETE FROM wa.poll_votes AS x USING wa.poll_votes AS y
	WHERE x.user_id IN (kept, gone) AND y.user_id IN (kept, gone) AND x.user_id <> y.user_id AND y.chat_id = x.chat_id AND y.wa_id = x.wa_id
		AND (y.voted_at, y.vote_id) > (x.voted_at, x.vote_id);
	UPDATE wa.poll_votes AS x SET user_id = kept WHERE x.user_id = gone;
	UPDATE wa.poll_votes AS x SET target_sender = kept WHERE x.target_sender = gone;
	DELETE FROM wa.event_responses AS x USING wa.event_responses AS y
	WHERE x.user_id IN (kept, gone) AND y.user_id IN (kept, gone) AND x.user_id <> y.user_id AND y.chat_id = x.chat_id AND y.wa_id = x.wa_id
		AND (y.responded_at, y.response_id) > (x.responded_at, x.response_id);
	UPDATE wa.event_responses AS x SET user_id = kept WHERE x.user_id = gone;
	UPDATE wa.event_responses AS x SET target_sender = kept WHERE x.target_sender = gone;
	UPDATE wa.receipts AS k
	SET status = CASE WHEN 'played' IN (k.status, g.status) THEN 'played' WHEN 'read' IN (k.status, g.status) THEN 'read' ELSE 'delivered' END,
		delivered_at = least(k.delivered_at, g.delivered_at), read_at = least(k.read_at, g.read_at), played_at = least(k.played_at, g.played_at),
		message_id = coalesce(k.message_id, g.message_id)
	FROM wa.receipts AS g
	WHERE k.user_id = kept AND g.user_id = gone AND g.chat_id = k.chat_id AND g.wa_id = k.wa_id;
	DELETE FROM wa.receipts AS g
	WHERE g.user_id = gone AND EXISTS (SELECT FROM wa.receipts AS k WHERE k.user_id = kept AND k.chat_id = g.chat_id AND k.wa_id = g.wa_id);
	UPDATE wa.receipts AS x SET user_id = kept WHERE x.user_id = gone;
	DELETE FROM wa_private.pending_addons AS g
	WHERE g.sender = gone AND EXISTS (SELECT FROM wa_private.pending_addons AS k
		WHERE k.sender = kept AND k.chat_id = g.chat_id AND k.wa_id = g.wa_id AND k.addon_wa_id = g.addon_wa_id);
	UPDATE wa_private.pending_addons AS x SET sender = kept WHERE x.sender = gone;
	UPDATE wa_private.pending_addons AS x SET target_sender = kept WHERE x.target_sender = gone;

	DELETE FROM wa.message_edits AS g
	WHERE g.editor = gone AND EXISTS (SELECT FROM wa.message_edits AS k
		WHERE k.editor = kept AND k.chat_id = g.chat_id AND k.wa_id = g.wa_id AND k.edit_wa_id = g.edit_wa_id);
	UPDATE wa.message_edits AS x SET editor = kept WHERE x.editor = gone;
	UPDATE wa.message_edits AS x SET target_sender = kept WHERE x.target_sender = gone;

	moved := wa_private.move_messages(gone, kept, NULL, NULL);
	UPDATE wa.messages AS m SET quoted_sender = kept WHERE m.quoted_sender = gone;
	UPDATE wa.messages AS m SET revoked_by = kept WHERE m.revoked_by = gone;
	UPDATE wa.messages AS m
	SET mentions = ARRAY(SELECT DISTINCT CASE x.id WHEN gone THEN kept ELSE x.id END FROM unnest(m.mentions) AS x (id) ORDER BY 1)
	WHERE m.mentions @> ARRAY[gone];

	WITH again AS (
		UPDATE wa.message_edits AS e SET state = 'waiting'
		WHERE e.editor = kept AND e.state = 'refused' AND e.message_id IS NOT NULL
		RETURNING e.message_id
	)
	SELECT array_agg(DISTINCT a.message_id) INTO doubtful FROM again AS a;
	IF doubtful IS NOT NULL THEN
		PERFORM wa_private.settle_edits(doubtful);
	END IF;

	DELETE FROM wa.contacts AS x USING wa.contacts AS y
	WHERE x.user_id IN (kept, gone) AND y.user_id IN (kept, gone) AND x.user_id <> y.user_id AND y.bot_id = x.bot_id
		AND (y.changed_at, y.user_id) > (x.changed_at, x.user_id);
	UPDATE wa.contacts AS x SET user_id = kept WHERE x.user_id = gone;
	DELETE FROM wa.identity_changes AS g
	WHERE g.user_id = gone AND EXISTS (SELECT FROM wa.identity_changes AS k
		WHERE k.user_id = kept AND k.changed_at = g.changed_at AND k.bot_id = g.bot_id);
	UPDATE wa.identity_changes AS x SET user_id = kept WHERE x.user_id = gone;
	RETURN moved;
END
$$;
COMMENT ON FUNCTION wa_private.merge_messages(bigint, bigint) IS 'part of wa_private.merge_people(): messages and what was said about them';

/*
 * Deletes messages with what was said about them.  Their keys stay, so that a
 * message that is delivered again does not come back; nameless: as keys of
 * nobody, which every sender is taken for.
 */
CREATE FUNCTION wa_private.delete_messages(ids bigint[], sent timestamptz[], chats bigint[], wa_ids text[], nameless boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
BEGIN
	PERFORM FROM unnest(ids, chats, wa_ids) AS m (id, chat, wa_id)
	JOIN wa_private.message_keys AS k ON k.chat_id = m.chat AND k.id_hash = hashtextextended(m.wa_id, 0) AND k.message_id = m.id
	ORDER BY k.chat_id, k.id_hash, k.sender
	FOR UPDATE OF k;
	UPDATE wa_private.message_keys AS k
	SET rank = 9, secret = NULL,
		sender = CASE WHEN nameless AND NOT EXISTS (SELECT FROM wa_private.message_keys AS o
			WHERE o.chat_id = k.chat_id AND o.id_hash = k.id_hash AND o.sender = 0) THEN 0 ELSE k.sender END
	FROM unnest(ids, chats, wa_ids) AS m (id, chat, wa_id)
	WHERE k.chat_id = m.chat AND k.id_hash = hashtextextended(m.wa_id, 0) AND k.message_id = m.id;
	DELETE FROM wa.media AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.poll_options AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.poll_votes AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.event_responses AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.reactions AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.receipts AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.message_edits AS x WHERE x.message_id = ANY (ids);
	DELETE FROM wa.message_labels AS x USING unnest(chats, wa_ids) AS m (chat, wa_id) WHERE x.chat_id = m.chat AND x.wa_id = m.wa_id;
	DELETE FROM wa.messages AS x USING unnest(ids, sent) AS m (id, sent) WHERE x.message_id = m.id AND x.sent_at = m.sent;
END
$$;
COMMENT ON FUNCTION wa_private.delete_messages(bigint[], timestamptz[], bigint[], text[], boolean) IS 'deletes messages with what was said about them; their keys stay';
