/*
 * rollups.sql
 *		Moving changes into roll-ups, comparing roll-ups with the rows, and
 *		making them again.  storage_rollups.sql says what they are.
 */

/*
 * Adds to a roll-up what a query with its keys and sums says, several rows of a
 * key summed, and keeps no sums of nothing.  Text of a statement.
 */
CREATE FUNCTION wa_private.rollup_merge(rollup text, news text)
RETURNS text LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
BEGIN
	SELECT x.* INTO r FROM wa_private.rollups() AS x WHERE x.name = rollup;
	RETURN format(
		'MERGE INTO wa_private.%1$I AS t
		USING (SELECT %2$s, %3$s FROM (%4$s) AS x GROUP BY %2$s) AS n ON %5$s
		WHEN MATCHED AND %6$s THEN DELETE
		WHEN MATCHED THEN UPDATE SET %7$s
		WHEN NOT MATCHED AND (%8$s) THEN INSERT (%9$s) VALUES (%10$s)',
		rollup, wa_private.rollup_columns(r.keys), wa_private.rollup_columns(r.sums, 'sum(x.%1$I)::bigint AS %1$I'), news,
		wa_private.rollup_columns(r.keys, 't.%1$I = n.%1$I', ' AND '), wa_private.rollup_columns(r.sums, 't.%1$I + n.%1$I = 0', ' AND '),
		wa_private.rollup_columns(r.sums, '%1$I = t.%1$I + n.%1$I'), wa_private.rollup_columns(r.sums, 'n.%I <> 0', ' OR '),
		wa_private.rollup_columns(r.keys || r.sums), wa_private.rollup_columns(r.keys || r.sums, 'n.%I'));
END
$$;
COMMENT ON FUNCTION wa_private.rollup_merge(text, text) IS 'text of the statement that adds to a roll-up';

/*
 * Moves at most so many changes of each table into the roll-ups.  One at a time,
 * and nobody waits: others only add changes, so whoever has the lock meets no one.
 */
CREATE FUNCTION wa_private.settle_rollups(most integer)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
-- summed in a hash and brought to their keys: time and memory grow with the sums, not with the roll-up
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_memoize = off
AS $$
DECLARE
	t record;
	r record;
	places tid[];
	settled bigint := 0;
BEGIN
	IF NOT pg_try_advisory_xact_lock(22338, 5) THEN
		RETURN 0;
	END IF;
	FOR t IN SELECT DISTINCT x.changes FROM wa_private.rollups() AS x LOOP
		EXECUTE format('SELECT array_agg(x.ctid) FROM (SELECT c.ctid FROM wa_private.%I AS c LIMIT $1) AS x', t.changes) INTO places USING most;
		CONTINUE WHEN places IS NULL;
		FOR r IN SELECT x.name FROM wa_private.rollups() AS x WHERE x.changes = t.changes LOOP
			EXECUTE wa_private.rollup_merge(r.name, wa_private.rollup_sums(r.name,
				format('(SELECT c.* FROM wa_private.%I AS c WHERE c.ctid = ANY ($1))', t.changes)))
			USING places;
		END LOOP;
		EXECUTE format('DELETE FROM wa_private.%I AS c WHERE c.ctid = ANY ($1)', t.changes) USING places;
		settled := settled + cardinality(places);
	END LOOP;
	RETURN settled;
END
$$;
COMMENT ON FUNCTION wa_private.settle_rollups(integer) IS 'moves changes into the roll-ups, at most so many of each table; returns how many it moved';

/*
 * Where a roll-up and the rows differ on the days of a range, as text of a query
 * with the first day ($1), the last one ($2) and their times ($3, $4).  One
 * statement sees rows and roll-up at the same moment, so transactions under way
 * are no difference.
 */
CREATE FUNCTION wa_private.rollup_differences(rollup text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	rows text;
BEGIN
	SELECT x.* INTO r FROM wa_private.rollups() AS x WHERE x.name = rollup;
	-- partitions outside the range need not be read; a stay belongs to many days
	rows := CASE r.of_table
		WHEN 'group_events' THEN '(SELECT s.* FROM wa.group_events AS s WHERE s.occurred_at >= $3 AND s.occurred_at < $4)'
		WHEN 'messages' THEN '(SELECT s.* FROM wa.messages AS s WHERE s.sent_at >= $3 AND s.sent_at < $4)'
		WHEN 'reactions' THEN '(SELECT s.* FROM wa.reactions AS s WHERE s.message_sent_at >= $3 AND s.message_sent_at < $4)'
		ELSE 'wa.' || r.of_table END;
	RETURN format(
		'SELECT %1$s, %2$s, %3$s
		FROM (SELECT %1$s, %4$s FROM (%5$s) AS x WHERE x.day BETWEEN $1 AND $2 OR NOT isfinite(x.day) GROUP BY %1$s) AS a
		FULL JOIN (SELECT %1$s, %4$s FROM wa_private.%6$s_now AS x WHERE x.day BETWEEN $1 AND $2 OR NOT isfinite(x.day) GROUP BY %1$s) AS b
			USING (%1$s)
		WHERE (%7$s) IS DISTINCT FROM (%8$s)',
		wa_private.rollup_columns(r.keys), wa_private.rollup_columns(r.sums, 'coalesce(a.%1$I, 0) AS %1$I'),
		wa_private.rollup_columns(r.sums, 'coalesce(b.%1$I, 0) AS had_%1$s'), wa_private.rollup_columns(r.sums, 'sum(x.%1$I) AS %1$I'),
		wa_private.rollup_query(rollup, rows), rollup,
		wa_private.rollup_columns(r.sums, 'coalesce(a.%I, 0)'), wa_private.rollup_columns(r.sums, 'coalesce(b.%I, 0)'));
END
$$;
COMMENT ON FUNCTION wa_private.rollup_differences(text) IS 'text of the query that finds where a roll-up differs from the rows';

/* The days that a range touches in the time zone of the roll-ups, and their times; null: without end. */
CREATE FUNCTION wa_private.rollup_range("from" timestamptz, "to" timestamptz, OUT first_day date, OUT last_day date,
	OUT since timestamptz, OUT until timestamptz)
RETURNS record LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone text := (SELECT z.zone FROM wa_private.rollup_zone AS z);
BEGIN
	IF "from" > "to" THEN
		RAISE EXCEPTION 'range of roll-ups must not start after its end'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the earlier time first.';
	END IF;
	first_day := coalesce(("from" AT TIME ZONE zone)::date, '-infinity');
	last_day := coalesce((("to" - interval '1 microsecond') AT TIME ZONE zone)::date, 'infinity');
	-- a day too many on both sides costs little and forgives every clock
	since := first_day::timestamp AT TIME ZONE zone - interval '1 day';
	until := last_day::timestamp AT TIME ZONE zone + interval '2 days';
END
$$;
COMMENT ON FUNCTION wa_private.rollup_range(timestamptz, timestamptz) IS 'the days of the roll-ups that a range touches';

CREATE FUNCTION wa.check_rollups("from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
RETURNS TABLE (rollup text, key jsonb, by_rows jsonb, by_rollup jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	r record;
	span record;
	zone text;
BEGIN
	PERFORM wa_private.require_storage();
	SELECT x.* INTO span FROM wa_private.rollup_range("from", "to") AS x;
	SELECT z.zone INTO zone FROM wa_private.rollup_zone AS z;
	IF zone IS DISTINCT FROM wa_private.stat_timezone() THEN
		RETURN QUERY SELECT 'rollup_zone', '{}'::jsonb, jsonb_build_object('zone', wa_private.stat_timezone()), jsonb_build_object('zone', zone);
	END IF;
	FOR r IN SELECT x.name, x.keys, x.sums FROM wa_private.rollups() AS x LOOP
		RETURN QUERY EXECUTE format(
			'SELECT %L, jsonb_build_object(%s), jsonb_build_object(%s), jsonb_build_object(%s) FROM (%s) AS d', r.name,
			wa_private.rollup_columns(r.keys, '''%1$s'', d.%1$I'), wa_private.rollup_columns(r.sums, '''%1$s'', d.%1$I'),
			wa_private.rollup_columns(r.sums, '''%1$s'', d.had_%1$s'), wa_private.rollup_differences(r.name))
		USING span.first_day, span.last_day, span.since, span.until;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa.check_rollups(timestamptz, timestamptz) IS
'where the roll-ups differ from the rows, on the days of a range or all; no rows: nowhere. rollup_zone: they have days of another time zone than reports, which then use the rows; wa.rebuild_rollups() mends both';

/*
 * Adds to the roll-ups what they lack of the days of a range; in another time
 * zone than theirs they are begun anew.  Returns how many keys it mended.  The
 * caller has the lock of wa_private.settle_rollups().
 */
CREATE FUNCTION wa_private.mend_rollups("from" timestamptz, "to" timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	r record;
	span record;
	anew boolean := (SELECT z.zone FROM wa_private.rollup_zone AS z) IS DISTINCT FROM wa_private.stat_timezone();
	n bigint;
	mended bigint := 0;
BEGIN
	IF anew THEN
		INSERT INTO wa_private.rollup_zone (zone) VALUES (wa_private.stat_timezone())
		ON CONFLICT (only_row) DO UPDATE SET zone = excluded.zone, built_at = now();
	END IF;
	SELECT x.* INTO span FROM wa_private.rollup_range("from", "to") AS x;
	IF anew THEN
		SELECT x.* INTO span FROM wa_private.rollup_range(NULL, NULL) AS x;
	END IF;
	FOR r IN SELECT x.name, x.keys, x.sums FROM wa_private.rollups() AS x LOOP
		IF anew THEN
			EXECUTE format('DELETE FROM wa_private.%I', r.name);
		END IF;
		EXECUTE wa_private.rollup_merge(r.name, format('SELECT %s, %s FROM (%s) AS d', wa_private.rollup_columns(r.keys),
			wa_private.rollup_columns(r.sums, 'd.%1$I - d.had_%1$s AS %1$I'), wa_private.rollup_differences(r.name)))
		USING span.first_day, span.last_day, span.since, span.until;
		GET DIAGNOSTICS n = ROW_COUNT;
		mended := mended + n;
	END LOOP;
	RETURN mended;
END
$$;
COMMENT ON FUNCTION wa_private.mend_rollups(timestamptz, timestamptz) IS 'adds to the roll-ups what they lack';

CREATE FUNCTION wa.rebuild_rollups("from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_storage();
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'roll-ups cannot be rebuilt in a transaction of isolation level %', current_setting('transaction_isolation')
			USING ERRCODE = 'active_sql_transaction', HINT = 'Use READ COMMITTED: what was stored since the transaction began must be seen.';
	END IF;
	-- one at a time, else both would mend the same difference
	PERFORM pg_advisory_xact_lock(22338, 5);
	RETURN wa_private.mend_rollups("from", "to");
END
$$;
COMMENT ON FUNCTION wa.rebuild_rollups(timestamptz, timestamptz) IS
'makes the roll-ups equal to the rows again, on the days of a range or all, while storing goes on; returns how many keys it mended. After a change of wa_collector.report_timezone it makes all of them anew';

/*
 * The whole days of a range that roll-ups can answer for, none when they have
 * another time zone: days from first_day to before last_day, which are the times
 * from since to before until.  What lies in the range outside of them (edges:
 * there is something) is counted from the rows; all of it when rolled_up is false.
 */
CREATE FUNCTION wa_private.stat_whole_days("from" timestamptz, "to" timestamptz, rolled_up boolean DEFAULT true, OUT zone text, OUT first_day date, OUT last_day date,
	OUT since timestamptz, OUT until timestamptz, OUT edges boolean)
RETURNS record LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	zone := wa_private.stat_timezone();
	IF rolled_up AND zone = (SELECT z.zone FROM wa_private.rollup_zone AS z) THEN
		first_day := ("from" AT TIME ZONE zone)::date;
		IF first_day::timestamp AT TIME ZONE zone < "from" THEN
			first_day := first_day + 1;
		END IF;
		last_day := ("to" AT TIME ZONE zone)::date;
		IF last_day::timestamp AT TIME ZONE zone > "to" THEN
			last_day := last_day - 1;
		END IF;
	END IF;
	IF first_day < last_day THEN
		since := first_day::timestamp AT TIME ZONE zone;
		until := last_day::timestamp AT TIME ZONE zone;
	ELSE
		-- an empty range of times that is inside of every other
		first_day := NULL;
		last_day := NULL;
		since := "from";
		until := "from";
	END IF;
	edges := since > "from" OR until < "to";
END
$$;
COMMENT ON FUNCTION wa_private.stat_whole_days(timestamptz, timestamptz, boolean) IS 'the days of a range that are read from roll-ups';
