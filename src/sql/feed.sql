/*
 * feed.sql
 *		What changed, in an order in which nothing is missed.
 *
 * Every call of wa_private.apply() leaves one row in wa_private.feed_batches
 * with the number of its transaction.  A transaction may commit after one with
 * a higher number, so a reader gets only what is older than every transaction
 * that still runs: nothing can appear before a position that was read.  The
 * price is that a transaction that runs for long holds the feed back.
 *
 * A position (cursor) is epoch.transaction.batch.entry.  Transaction numbers
 * begin anew when a dump is restored, so the epoch grows when another server
 * claims the database, see wa_private.worker_started().
 */

CREATE FUNCTION wa_private.feed_codes(OUT what smallint, OUT kind text, OUT change text)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
	SELECT c.what::smallint, c.kind, c.change
	FROM (VALUES (1, 'message', 'new'), (2, 'message', 'filled'), (3, 'message', 'edited'), (4, 'message', 'revoked'), (5, 'message', 'deleted'),
		(6, 'reaction', 'changed'), (7, 'poll_vote', 'changed'), (8, 'event_response', 'changed'), (9, 'receipt', 'changed'),
		(10, 'group_event', 'new'), (11, 'group', 'changed'), (12, 'chat', 'changed'), (13, 'contact', 'changed'), (14, 'media', 'stored'),
		(15, 'label', 'changed'), (16, 'message', 'lost'), (17, 'person', 'erased')) AS c (what, kind, change);
END;
COMMENT ON FUNCTION wa_private.feed_codes() IS 'the kinds and changes of wa.feed() as numbers of wa_private.feed_batches';

/*
 * Writes a batch: parallel arrays (may be null), further entries as four
 * numbers each (what, id, place, bot), events and groups.
 */
CREATE FUNCTION wa_private.write_feed(ids bigint[], places bigint[], bots bigint[], what smallint[], more bigint[], event_ids bigint[],
	group_ids bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF cardinality(more) > 0 OR cardinality(event_ids) > 0 OR cardinality(group_ids) > 0 THEN
		SELECT ids || array_agg(x.x_id ORDER BY x.part, x.no), places || array_agg(x.x_place ORDER BY x.part, x.no),
			bots || array_agg(x.x_bot ORDER BY x.part, x.no), what || array_agg(x.x_what::smallint ORDER BY x.part, x.no)
		INTO ids, places, bots, what
		FROM (SELECT 1 AS part, n.i AS no, more[n.i] AS x_what, more[n.i + 1] AS x_id, more[n.i + 2] AS x_place, more[n.i + 3] AS x_bot
			  FROM generate_series(1, cardinality(more), 4) AS n (i)
			  UNION ALL
			  SELECT 2, e.no, 10, e.id, NULL, NULL FROM unnest(event_ids) WITH ORDINALITY AS e (id, no)
			  UNION ALL
			  SELECT 3, e.no, 11, e.id, e.id, NULL FROM unnest(group_ids) WITH ORDINALITY AS e (id, no)) AS x;
	END IF;
	IF cardinality(ids) > 0 THEN
		INSERT INTO wa_private.feed_batches (epoch, xid, what, ids, places, bots)
		SELECT s.feed_epoch, pg_current_xact_id(), write_feed.what, write_feed.ids, write_feed.places, write_feed.bots
		FROM wa_private.storage AS s;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.write_feed(bigint[], bigint[], bigint[], smallint[], bigint[], bigint[], bigint[]) IS
'writes what a transaction changed for wa.feed()';

/* The messages that entries for wa_private.write_feed() are about. */
CREATE FUNCTION wa_private.messages_of_feed(entries bigint[])
RETURNS bigint[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(
		SELECT DISTINCT x.message_id
		FROM generate_series(1, cardinality(entries), 4) AS n (i)
		CROSS JOIN LATERAL (
			SELECT entries[n.i + 1] AS message_id WHERE entries[n.i] IN (3, 4, 9)
			UNION ALL SELECT r.message_id FROM wa.reactions AS r WHERE entries[n.i] = 6 AND r.reaction_id = entries[n.i + 1]
			UNION ALL SELECT v.message_id FROM wa.poll_votes AS v WHERE entries[n.i] = 7 AND v.vote_id = entries[n.i + 1]
			UNION ALL SELECT v.message_id FROM wa.event_responses AS v WHERE entries[n.i] = 8 AND v.response_id = entries[n.i + 1]
		) AS x
		WHERE x.message_id IS NOT NULL
		ORDER BY 1);
END
$$;
COMMENT ON FUNCTION wa_private.messages_of_feed(bigint[]) IS 'the messages that changes are about';

/* A position as text in its parts, or 22023. */
CREATE FUNCTION wa_private.parse_cursor(cursor text, OUT epoch integer, OUT xid xid8, OUT batch_id bigint, OUT entry integer)
RETURNS record LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts text[] := string_to_array(cursor, '.');
BEGIN
	IF cursor !~ '^\d{1,9}\.\d{1,19}\.\d{1,18}\.\d{1,9}$' THEN
		RAISE EXCEPTION 'invalid position in the feed: %', quote_literal(left(cursor, 80))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give the cursor of the last row that was read, wa.feed_position(), or null for the beginning.';
	END IF;
	epoch := parts[1];
	xid := parts[2];
	batch_id := parts[3];
	entry := parts[4];
END
$$;
COMMENT ON FUNCTION wa_private.parse_cursor(text) IS 'the parts of a position in the feed';

CREATE FUNCTION wa.feed_position()
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_storage();
	RETURN (SELECT format('%s.%s.0.0', s.feed_epoch, pg_snapshot_xmin(pg_current_snapshot())) FROM wa_private.storage AS s);
END
$$;
COMMENT ON FUNCTION wa.feed_position() IS 'the position of now: wa.feed() from it gives what is committed later';

CREATE FUNCTION wa.feed(INOUT cursor text DEFAULT NULL, "limit" integer DEFAULT 1000, OUT kind text, OUT id bigint, OUT change text,
	OUT chat_id bigint, OUT group_id bigint, OUT bot_id bigint, OUT at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	after record;
	kept record;
	now_epoch integer;
	horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
BEGIN
	PERFORM wa_private.require_storage();
	IF "limit" IS NULL OR "limit" < 0 THEN
		RAISE EXCEPTION 'limit must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT s.feed_epoch INTO now_epoch FROM wa_private.storage AS s;
	SELECT p.* INTO kept FROM wa_private.storage AS s, wa_private.parse_cursor(coalesce(s.feed_pruned, '0.0.0.0')) AS p;
	SELECT p.* INTO after FROM wa_private.parse_cursor(coalesce(feed.cursor, '0.0.0.0')) AS p;
	IF feed.cursor IS NOT NULL AND (after.epoch, after.xid, after.batch_id, after.entry) < (kept.epoch, kept.xid, kept.batch_id, kept.entry) THEN
		RAISE EXCEPTION 'position % is older than what the feed keeps', feed.cursor
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'Changes after it were deleted, so it cannot be continued without a gap.',
			HINT = 'Read the tables anew and go on from wa.feed_position(), or from null for what is kept; wa_collector.feed_retention says how long that is.';
	ELSIF (after.epoch, after.xid) > (now_epoch, horizon) THEN
		RAISE EXCEPTION 'position % lies in the future', feed.cursor
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Is it from another database?';
	END IF;
	RETURN QUERY
	SELECT format('%s.%s.%s.%s', b.epoch, b.xid, b.batch_id, e.entry), k.kind, e.id, k.change,
		CASE WHEN e.what NOT IN (10, 11) THEN e.place END,
		CASE e.what WHEN 11 THEN e.place
			WHEN 10 THEN (SELECT v.group_id FROM wa.group_events AS v WHERE v.event_id = e.id)
			ELSE (SELECT c.group_id FROM wa.chats AS c WHERE c.chat_id = e.place) END,
		e.bot, b.at
	FROM (SELECT x.* FROM wa_private.feed_batches AS x
		  WHERE (x.epoch, x.xid, x.batch_id) >= (after.epoch, after.xid, after.batch_id) AND (x.epoch < now_epoch OR x.xid < horizon)
		  ORDER BY x.epoch, x.xid, x.batch_id
		  LIMIT "limit"::bigint + 1) AS b
	CROSS JOIN LATERAL unnest(b.what, b.ids, b.places, b.bots) WITH ORDINALITY AS e (what, id, place, bot, entry)
	LEFT JOIN wa_private.feed_codes() AS k ON k.what = e.what
	WHERE (b.epoch, b.xid, b.batch_id, e.entry) > (after.epoch, after.xid, after.batch_id, after.entry)
	ORDER BY b.epoch, b.xid, b.batch_id, e.entry
	LIMIT "limit";
END
$$;
COMMENT ON FUNCTION wa.feed(text, integer) IS
'what changed after a position, in the order of transactions, without ever missing one that commits late; null: from the beginning of what is kept. Go on from the cursor of the last row';
