/*
 * schema_doc.sql
 *		Writes docs/schema.md: what the catalog says about schema wa, as
 *		Markdown.  `make docs/schema.md` runs it on a server of its own, the
 *		regression test "schema" compares the page with what it says.
 *
 * The table below gives every object its place; one that has none is an error.
 */
\pset format unaligned
\pset tuples_only on
SET intervalstyle = postgres;
SET datestyle = iso;

CREATE TEMPORARY TABLE topic (no integer, title text, names text[]);
INSERT INTO topic VALUES
	(1, 'Bots', '{bots, bot_status_log, add_bot, update_bot, remove_bot, login, logout, pause_bot, resume_bot}'),
	(2, 'Linking', '{qr_text, qr_png, qr_svg, qr_html, qr_content, qr_expires_at, link_codes, pair_code, passkey_challenge, passkey_submit, passkey_confirm}'),
	(3, 'People', '{people, users, user_ids, user_merges, contacts, identity_changes, phone_coverage, resolve, erase_user}'),
	(4, 'Groups', '{groups, bot_groups, invite_links, join_requests, group_counts, watch_group, unwatch_group, refresh_groups}'),
	(5, 'Who comes and goes', '{group_members, memberships, event_feed, group_events, event_sightings, group_growth, group_completeness}'),
	(6, 'Messages', '{inbox, message_feed, chats, messages, undecryptable, watch_chat, conversation}'),
	(7, 'What is said about messages', '{message_responses, message_edits, reactions, poll_results, poll_options, poll_votes, event_responses, receipts, labels, chat_labels, message_labels}'),
	(8, 'Files and history', '{media, fetch_media, history_progress}'),
	(9, 'What changed', '{feed, feed_position}'),
	(10, 'Statistics', '{growth_by_day, messages_by_day, messages_by_hour}'),
	(11, 'Reports', '{report_html, bi_selftest}'),
	(12, 'Operation', '{health, version, workers, rejected, unknown_stanzas, create_storage, check_rollups, rebuild_rollups, adopt_node, grant_reader, grant_message_reader, grant_link_viewer, grant_operator}');

CREATE TEMPORARY VIEW object AS
SELECT c.oid, 'relation' AS type, c.relname::text AS name, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c
WHERE c.relnamespace = 'wa'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
UNION ALL
SELECT p.oid, 'function', p.proname::text, obj_description(p.oid, 'pg_proc')
FROM pg_proc AS p
WHERE p.pronamespace = 'wa'::regnamespace;

-- Statistics are those whose name says so.
CREATE TEMPORARY VIEW placed AS
SELECT t.no, t.title, n.name, n.place
FROM topic AS t CROSS JOIN LATERAL unnest(t.names) WITH ORDINALITY AS n (name, place)
UNION ALL
SELECT t.no, t.title, o.name, cardinality(t.names) + dense_rank() OVER (ORDER BY o.name COLLATE "C")
FROM topic AS t JOIN (SELECT DISTINCT x.name FROM object AS x WHERE x.name LIKE 'stat\_%') AS o ON t.title = 'Statistics';

DO $$
DECLARE
	stray text;
BEGIN
	SELECT string_agg(DISTINCT coalesce(o.name, p.name), ', ') INTO stray
	FROM pg_temp.object AS o FULL JOIN pg_temp.placed AS p USING (name)
	WHERE o.name IS NULL OR p.name IS NULL;
	IF stray IS NOT NULL THEN
		RAISE EXCEPTION 'docs/schema.md has no place for, or there is no: %', stray
			USING HINT = 'Mend the table of topics in scripts/schema_doc.sql.';
	END IF;
END
$$;

CREATE FUNCTION pg_temp.words(text text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN replace(replace(replace(text, '|', '\|'), '*', '\*'), '<', '&lt;');

CREATE FUNCTION pg_temp.type_name(type text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN replace(replace(type, 'timestamp with time zone', 'timestamptz'), 'double precision', 'float8');

CREATE FUNCTION pg_temp.column_names(relation oid, numbers smallint[]) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT string_agg(a.attname, ', ' ORDER BY n.place)
	FROM unnest(numbers) WITH ORDINALITY AS n (number, place)
	JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = n.number);

-- "a table by month, key (x, y); z → wa.users"
CREATE FUNCTION pg_temp.nature(relation oid) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT CASE c.relkind WHEN 'v' THEN 'View' WHEN 'p' THEN 'Table, one partition a month' ELSE 'Table' END
		|| coalesce('; key ' || (SELECT '`' || pg_temp.column_names(k.conrelid, k.conkey) || '`'
			FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p'), '')
		|| coalesce('; ' || (SELECT string_agg('`' || pg_temp.column_names(k.conrelid, k.conkey) || '` → `' || k.confrelid::regclass || '`', ', ' ORDER BY k.conkey)
			FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f'), '') || '.'
	FROM pg_class AS c WHERE c.oid = relation);

CREATE FUNCTION pg_temp.signature(function oid) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT pg_temp.type_name(format('wa.%s(%s)', p.proname,
		regexp_replace(regexp_replace(pg_get_function_arguments(p.oid), '::[a-z ]+(\[\])?|INOUT ', '', 'g'), '(, )?\mOUT [^,]+', '', 'g')))
	FROM pg_proc AS p WHERE p.oid = function);

-- after the signature: " → bigint", or nothing
CREATE FUNCTION pg_temp.result(function oid) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT ' → ' || pg_temp.type_name(pg_get_function_result(p.oid))
	FROM pg_proc AS p WHERE p.oid = function AND p.prorettype <> 'void'::regtype AND NOT coalesce(p.proargmodes && '{o,b,t}', false));

-- the columns of what is more than one value
CREATE FUNCTION pg_temp.result_columns(function oid) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT string_agg(format('`%s` %s', a.name, pg_temp.type_name(format_type(a.type, NULL))), ', ' ORDER BY a.place)
	FROM pg_proc AS p CROSS JOIN unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a (name, type, mode, place)
	WHERE p.oid = function AND a.mode IN ('o', 'b', 't'));

SELECT $page$# Tables, views and functions

Everything in schema `wa`, from the comments in the catalog (`\d+ wa.messages` in psql shows the same). Written by `make docs/schema.md`;
a test keeps it current. Schema `wa_private` is machinery and secrets, and may change at any time.
$page$;

SELECT string_agg(format('[%s](#%s)', t.title, lower(replace(t.title, ' ', '-'))), ' · ' ORDER BY t.no) FROM topic AS t;

SELECT l.line
FROM (
	SELECT t.no, 0 AS part, 0::bigint AS place, 0 AS sub, E'\n## ' || t.title AS line FROM topic AS t
	UNION ALL
	SELECT p.no, 1, p.place, 0, format(E'\n### wa.%s\n\n%s. %s\n\n| column | type | |\n|---|---|---|', p.name,
		pg_temp.words(upper(left(o.comment, 1)) || substr(o.comment, 2)), pg_temp.nature(o.oid))
	FROM placed AS p JOIN object AS o USING (name)
	WHERE o.type = 'relation'
	UNION ALL
	SELECT p.no, 1, p.place, a.attnum, format('| `%s` | %s | %s |', a.attname,
		pg_temp.type_name(format_type(a.atttypid, a.atttypmod)) || CASE WHEN a.attnotnull THEN ', not null' ELSE '' END,
		pg_temp.words(col_description(a.attrelid, a.attnum)))
	FROM placed AS p JOIN object AS o USING (name) JOIN pg_attribute AS a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE o.type = 'relation'
	UNION ALL
	SELECT p.no, 2, p.place, 0, format(E'\n### wa.%s\n\n```\n%s\n```\n\n%s.%s', p.name,
		string_agg(pg_temp.signature(o.oid) || coalesce(pg_temp.result(o.oid), ''), E'\n' ORDER BY pg_temp.signature(o.oid) COLLATE "C"),
		min(pg_temp.words(upper(left(o.comment, 1)) || substr(o.comment, 2))),
		E'\n\nReturns ' || min(pg_temp.result_columns(o.oid)) || '.')
	FROM placed AS p JOIN object AS o USING (name)
	WHERE o.type = 'function'
	GROUP BY p.no, p.place, p.name
) AS l
ORDER BY l.no, l.part, l.place, l.sub;
