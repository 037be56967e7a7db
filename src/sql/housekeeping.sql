/*
 * housekeeping.sql
 *		What has to be done now and then.  A worker calls it about every minute;
 *		each part does a bounded amount of work and goes on the next time.
 */

/* Disappearing messages whose time has come. */
CREATE FUNCTION wa_private.delete_expired(most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gone record;
BEGIN
	IF NOT wa_private.setting_is_on('delete_expired') THEN
		RETURN 0;
	END IF;
	SELECT array_agg(m.message_id) AS ids, array_agg(m.sent_at) AS sent, array_agg(m.chat_id) AS chats, array_agg(m.wa_id) AS wa_ids,
		array_agg(NULL::bigint) AS bots, array_agg(5::smallint) AS what
	INTO gone
	FROM (SELECT x.message_id, x.sent_at, x.chat_id, x.wa_id FROM wa.messages AS x
		  WHERE x.expires_at < clock_timestamp() ORDER BY x.expires_at LIMIT most) AS m;
	IF gone.ids IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM wa_private.delete_messages(gone.ids, gone.sent, gone.chats, gone.wa_ids);
	PERFORM wa_private.write_feed(gone.ids, gone.chats, gone.bots, gone.what, '{}', '{}', '{}');
	RETURN cardinality(gone.ids);
END
$$;
COMMENT ON FUNCTION wa_private.delete_expired(integer) IS 'part of wa_private.housekeeping(): deletes disappearing messages';

/* Messages that could not be read for two weeks are lost, unless history of their bot is still to come. */
CREATE FUNCTION wa_private.give_up_pending(most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost record;
BEGIN
	WITH late AS (
		SELECT m.message_id, m.sent_at FROM wa.messages AS m
		WHERE m.state IN ('pending', 'lost') AND m.state = 'pending' AND m.received_at < clock_timestamp() - interval '14 days'
			AND NOT EXISTS (SELECT FROM wa_private.history_chunks AS h WHERE h.bot_id = m.bot_id AND h.state IN ('wanted', 'loading'))
		ORDER BY m.received_at
		LIMIT most
	), changed AS (
		UPDATE wa.messages AS m SET state = 'lost'
		FROM late AS l
		WHERE m.message_id = l.message_id AND m.sent_at = l.sent_at AND m.state = 'pending'
		RETURNING m.message_id, m.chat_id, m.bot_id
	)
	SELECT array_agg(c.message_id) AS ids, array_agg(c.chat_id) AS chats, array_agg(c.bot_id) AS bots, array_agg(16::smallint) AS what
	INTO lost FROM changed AS c;
	IF lost.ids IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM wa_private.write_feed(lost.ids, lost.chats, lost.bots, lost.what, '{}', '{}', '{}');
	RETURN cardinality(lost.ids);
END
$$;
COMMENT ON FUNCTION wa_private.give_up_pending(integer) IS 'part of wa_private.housekeeping(): messages that can never be read';

/* Entries of the feed that are older than it keeps, from its beginning. */
CREATE FUNCTION wa_private.prune_feed(most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cutoff timestamptz := clock_timestamp() - coalesce(nullif(current_setting('wa_collector.feed_retention', true), ''), '7 days')::interval;
	last_gone text;
	n integer;
BEGIN
	WITH old AS (
		SELECT f.epoch, f.xid, f.batch_id
		FROM (SELECT b.epoch, b.xid, b.batch_id, bool_and(b.at < cutoff) OVER (ORDER BY b.epoch, b.xid, b.batch_id) AS is_old
			  FROM (SELECT x.epoch, x.xid, x.batch_id, x.at FROM wa_private.feed_batches AS x
					ORDER BY x.epoch, x.xid, x.batch_id LIMIT most) AS b) AS f
		WHERE f.is_old
	), gone AS (
		DELETE FROM wa_private.feed_batches AS b
		USING old AS o
		WHERE b.epoch = o.epoch AND b.xid = o.xid AND b.batch_id = o.batch_id
		RETURNING b.epoch, b.xid, b.batch_id, cardinality(b.ids) AS entries
	)
	SELECT (array_agg(format('%s.%s.%s.%s', g.epoch, g.xid, g.batch_id, g.entries) ORDER BY g.epoch DESC, g.xid DESC, g.batch_id DESC))[1], count(*)
	INTO last_gone, n
	FROM gone AS g;
	IF n > 0 THEN
		UPDATE wa_private.storage AS s SET feed_pruned = last_gone;
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION wa_private.prune_feed(integer) IS 'part of wa_private.housekeeping(): entries of the feed that are too old';

/*
 * A message and what speaks of it that two workers stored at the same moment
 * did not see each other.
 */
CREATE FUNCTION wa_private.link_late(most integer)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	late record;
BEGIN
	SELECT array_agg(m.message_id) AS ids, array_agg(m.chat_id) AS chats, array_agg(m.wa_id) AS wa_ids, array_agg(coalesce(m.sender, 0)) AS senders
	INTO late
	FROM (SELECT k.message_id, k.sent_at
		  FROM wa_private.waiting AS w
		  JOIN wa_private.message_keys AS k ON k.chat_id = w.chat_id AND k.id_hash = w.id_hash
		  WHERE w.since > clock_timestamp() - interval '1 hour'
		  LIMIT most) AS x
	JOIN wa.messages AS m ON m.message_id = x.message_id AND m.sent_at = x.sent_at;
	IF late.ids IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM wa_private.link_messages(late.ids, late.chats, late.wa_ids, late.senders);
	RETURN cardinality(late.ids);
END
$$;
COMMENT ON FUNCTION wa_private.link_late(integer) IS 'part of wa_private.housekeeping(): what was stored at the same moment as its message';

CREATE FUNCTION wa_private.housekeeping()
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_seqscan = off
AS $$
DECLARE
	touched integer := 0;
	n integer;
BEGIN
	-- one worker is enough
	IF NOT pg_try_advisory_xact_lock(22338, 4) THEN
		RETURN 0;
	END IF;
	PERFORM wa_private.lock_people(false);
	PERFORM wa_private.make_partitions();
	touched := wa_private.delete_expired(1000) + wa_private.give_up_pending(1000) + wa_private.link_late(1000) + wa_private.prune_feed(5000)
		+ wa_private.settle_rollups(5000);
	DELETE FROM wa_private.records AS r
	WHERE r.ctid = ANY (ARRAY(SELECT x.ctid FROM wa_private.records AS x
		WHERE x.kind = 7 AND x.updated_at < clock_timestamp() - interval '14 days' LIMIT 5000));
	GET DIAGNOSTICS n = ROW_COUNT;
	touched := touched + n;
	DELETE FROM wa_private.pending_addons AS a WHERE a.received_at < clock_timestamp() - interval '90 days';
	GET DIAGNOSTICS n = ROW_COUNT;
	touched := touched + n;
	DELETE FROM wa_private.waiting AS w
	WHERE w.ctid = ANY (ARRAY(SELECT x.ctid FROM wa_private.waiting AS x WHERE x.since < clock_timestamp() - interval '400 days' LIMIT 5000));
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN touched + n;
END
$$;
COMMENT ON FUNCTION wa_private.housekeeping() IS
'what has to be done about every minute: deletes what expired, gives up what cannot be read, prunes; returns the rows it touched';
