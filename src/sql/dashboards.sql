/*
 * dashboards.sql
 *		Runs what the dashboards ask.
 *
 * The files in dashboards/ are the truth; the build makes
 * wa_private.dashboard_queries() of them.  wa.bi_selftest() is STABLE, so
 * that no query of a dashboard can change anything from within it.
 */

/* A query as Grafana or Metabase would send it; group and bot null: all. */
CREATE FUNCTION wa_private.dashboard_expand(kind text, sql text, "from" timestamptz, "to" timestamptz, "group" text, bot text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	since text := quote_literal(to_char("from" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
	until text := quote_literal(to_char("to" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
BEGIN
	IF kind = 'question' THEN
		sql := regexp_replace(sql, '\[\[([^][]*\{\{group\}\}[^][]*)\]\]', CASE WHEN "group" IS NULL THEN '' ELSE '\1' END, 'g');
		sql := regexp_replace(sql, '\[\[([^][]*\{\{bot\}\}[^][]*)\]\]', CASE WHEN bot IS NULL THEN '' ELSE '\1' END, 'g');
		sql := replace(replace(replace(sql, '%', '%%'), '{{group}}', '%1$L'), '{{bot}}', '%2$L');
		RETURN format(replace(replace(sql, '{{from}}', '%3$s'), '{{to}}', '%4$s'), "group", bot, since, until);
	END IF;
	-- in Grafana's order: variables all at once in the browser, then macros in its server
	sql := replace(replace(replace(sql, '%', '%%'), '${group:sqlstring}', '%1$L'), '${bot:sqlstring}', '%2$L');
	sql := format(sql, coalesce("group", ''), coalesce(bot, ''));
	sql := regexp_replace(sql, '\$__timeFilter\(([^)]*)\)', format('\1 BETWEEN %s AND %s', since, until), 'g');
	RETURN replace(replace(sql, '$__timeFrom()', since), '$__timeTo()', until);
END
$$;
COMMENT ON FUNCTION wa_private.dashboard_expand(text, text, timestamptz, timestamptz, text, text) IS
'a query of a dashboard with its macros and variables replaced';

CREATE FUNCTION wa.bi_selftest("from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT now())
RETURNS TABLE (dashboard text, panel text, query text, variant text, "rows" bigint, milliseconds numeric, error text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	one record;
	q record;
	since timestamptz;
	statement text;
	everything text;
	began timestamptz;
	answer record;
	n bigint;
	trouble text;
BEGIN
	PERFORM wa_private.stat_check(coalesce("from", "to"), "to");
	-- a group that has most to show, and a bot that is in it
	SELECT g.group_id::text AS group_id, b.bot_id::text AS bot_id INTO one
	FROM wa.bots AS b
	LEFT JOIN wa.bot_groups AS x ON x.bot_id = b.bot_id AND x.left_at IS NULL
	LEFT JOIN wa.groups AS g ON g.group_id = x.group_id
	ORDER BY g.group_id IS NULL, g.watch_level <> 'messages', g.size DESC NULLS LAST, g.group_id, b.bot_id
	LIMIT 1;
	FOR q IN
		SELECT d.*, v.name AS variant
		FROM wa_private.dashboard_queries() WITH ORDINALITY AS d (dashboard, range, kind, panel, query, needs, sql, place)
		CROSS JOIN (VALUES (1, 'all'), (2, 'one')) AS v (place, name)
		ORDER BY d.place, v.place
	LOOP
		since := coalesce("from", "to" - q.range);
		everything := wa_private.dashboard_expand(q.kind, q.sql, since, "to", NULL, NULL);
		statement := everything;
		IF q.variant = 'one' THEN
			statement := wa_private.dashboard_expand(q.kind, q.sql, since, "to", one.group_id, one.bot_id);
			-- it knows neither variable, or there is nothing to choose
			CONTINUE WHEN statement = everything;
		END IF;
		n := 0;
		trouble := NULL;
		began := clock_timestamp();
		BEGIN
			-- every row and every column, as a dashboard would have them
			FOR answer IN EXECUTE statement LOOP
				n := n + 1;
				IF n = 1 AND NOT to_jsonb(answer) ?& q.needs THEN
					trouble := format('it does not return the columns %s', array_to_string(q.needs, ', '));
				END IF;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			-- not statement_timeout, which ends all of it
			n := NULL;
			trouble := format('%s: %s', SQLSTATE, SQLERRM);
		END;
		dashboard := q.dashboard;
		panel := q.panel;
		query := q.query;
		variant := CASE q.variant WHEN 'all' THEN 'all' ELSE concat_ws(', ', 'group ' || one.group_id, 'bot ' || one.bot_id) END;
		"rows" := n;
		milliseconds := round(1000 * extract(epoch FROM clock_timestamp() - began), 1);
		error := trouble;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa.bi_selftest(timestamptz, timestamptz) IS
'runs every query of the dashboards and of the Metabase questions with their macros and variables replaced, of all and of one group and bot: rows, time, and what went wrong (null: nothing); from null: the range that each dashboard has by default';
