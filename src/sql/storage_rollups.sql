/*
 * storage_rollups.sql
 *		Counts per day, kept by triggers in the transactions that change what
 *		they count.
 *
 * For each table that is counted, triggers note every row that comes (n = 1) and
 * goes (-1) in a table of changes, with what matters of it.  A transaction only
 * adds rows there, so no two of them wait for each other however busy a group
 * is.  A roll-up has a key and sums; with the changes that are not yet in it, it
 * is right at every moment (the view <roll-up>_now).  What is counted for each
 * group is also counted for all together, under the number 0.
 * wa_private.settle_rollups() moves changes into the roll-ups.
 *
 * What a change adds to people_days depends on where else that person is: it is
 * what comes of all stays of the person with the change, less what comes of them
 * without it.
 *
 * The days of the roll-ups are those of one time zone, wa_private.rollup_zone;
 * the changes have times and know of none.  Statistics of another time zone are
 * made from the rows (wa_private.stat_whole_days()).
 *
 * Trigger functions and views outlive the extension like the tables, so their
 * text is made here and refers to nothing of the extension.
 */

/* The roll-ups: of which table, through which changes, by what, and what is summed. */
CREATE FUNCTION wa_private.rollups()
RETURNS TABLE (name text, of_table text, changes text, keys text[], sums text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	VALUES ('event_days', 'group_events', 'event_changes', '{day,group_id,kind,how,source,inferred}'::text[], '{events}'::text[]),
		('member_days', 'memberships', 'stay_changes', '{day,group_id}', '{members,members_low,members_high}'),
		('people_days', 'memberships', 'stay_changes', '{day,in_groups}', '{people,people_low,people_high}'),
		('stay_days', 'memberships', 'stay_changes', '{day,days}', '{stays,stays_low,stays_high}'),
		('speaker_days', 'messages', 'message_changes', '{day,chat_id,user_id}', '{messages,from_bots}'),
		('message_hours', 'messages', 'message_changes', '{day,hour,kind}', '{messages,forwarded,edited,deleted}'),
		('arrival_days', 'messages', 'message_changes', '{day,bot_id}', '{messages,stored,pending,lost,unavailable,recovered,prompt,delay}'),
		('reaction_days', 'reactions', 'reaction_changes', '{day,chat_id,message_id}', '{reactions}');
END;
COMMENT ON FUNCTION wa_private.rollups() IS 'the roll-ups: the table they count, their changes, keys and sums';

/* What matters of the rows of a table (rows: its name, or that of a transition table), as the text of a query. */
CREATE FUNCTION wa_private.rollup_rows(of_table text, rows text)
RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format(CASE of_table
		WHEN 'group_events' THEN
			'SELECT r.occurred_at, r.group_id, r.kind, coalesce(r.how, ''unknown'') AS how, r.source, '
			'r.at_precision IS DISTINCT FROM interval ''0'' AS inferred '
			'FROM %s AS r WHERE r.kind IN (''join'', ''leave'')'
		WHEN 'memberships' THEN
			'SELECT r.group_id, r.user_id, r.joined_at, r.joined_precision, r.join_event_id IS NOT NULL AS has_join, r.left_at, r.left_precision '
			'FROM %s AS r'
		WHEN 'messages' THEN
			'SELECT r.sent_at, r.chat_id, coalesce(r.sender, 0) AS user_id, r.bot_id, c.kind = ''group'' AS in_group, r.from_me, '
			'r.is_forwarded AS forwarded, r.edited_at IS NOT NULL AS edited, r.revoked_at IS NOT NULL AS deleted, '
			'r.origin IN (''retry'', ''phone'') AS recovered, coalesce(r.kind, ''unknown'') AS kind, r.state, '
			'CASE WHEN r.origin = ''live'' AND NOT r.was_offline THEN r.received_at - r.sent_at END AS delay '
			'FROM %s AS r JOIN wa.chats AS c ON c.chat_id = r.chat_id'
		WHEN 'reactions' THEN
			'SELECT r.message_sent_at AS sent_at, r.chat_id, r.message_id FROM %s AS r WHERE r.emoji IS NOT NULL AND r.message_id IS NOT NULL'
		END, rows);
END
$$;
COMMENT ON FUNCTION wa_private.rollup_rows(text, text) IS 'text of the query for what is counted of the rows of a table';

/*
 * What changes (a table of them, or a query in parentheses) add to a roll-up, as
 * the text of a query, before they are summed.  A day begins where statistics
 * begin it, see wa_private.stat_day().  anew: they are all there is, and nothing
 * has been settled.
 */
CREATE FUNCTION wa_private.rollup_sums(rollup text, changes text, anew boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	day_of CONSTANT text := ' CROSS JOIN wa_private.rollup_zone AS z '
		'CROSS JOIN LATERAL (SELECT (%1$s AT TIME ZONE z.zone)::date AS date) AS l '
		'CROSS JOIN LATERAL (SELECT l.date - (%1$s < l.date::timestamp AT TIME ZONE z.zone)::integer AS day) AS d';
	each_and_all CONSTANT text := ' CROSS JOIN LATERAL (VALUES (c.group_id), (0)) AS g (group_id)';
	-- where a stay begins and ends: likely, surely (low) and possibly (high); what has not ended does so at the end of time
	ends_of CONSTANT text := ' CROSS JOIN LATERAL (SELECT CASE WHEN c.joined_precision IS NULL AND NOT c.has_join THEN ''-infinity'' ELSE c.joined_at END AS begins, '
		'coalesce(c.joined_at - c.joined_precision, ''-infinity'') AS begins_high, coalesce(c.left_at, ''infinity'') AS ends, '
		'CASE WHEN c.left_at IS NULL THEN ''infinity'' ELSE greatest(coalesce(c.left_at - c.left_precision, ''-infinity''), c.joined_at) END AS ends_low) AS y '
		'CROSS JOIN LATERAL (VALUES (c.joined_at, (y.begins = c.joined_at)::integer, 1, (y.begins_high = c.joined_at)::integer), '
		'(nullif(y.begins, c.joined_at), 1, 0, 0), (nullif(y.begins_high, c.joined_at), 0, 0, 1), '
		'(y.ends, -1, -(y.ends_low = y.ends)::integer, -1), (nullif(y.ends_low, y.ends), 0, -1, 0)) AS x (at, likely, low, high)';
	-- for each of them, in how many groups a person was up to a day and from then on, without the changes (old) and with them (new)
	bounds CONSTANT text[] := '{likely,low,high}';
	old CONSTANT text := wa_private.rollup_columns(bounds, 'r.old_from_%1$s, r.old_to_%1$s');
	new CONSTANT text := wa_private.rollup_columns(bounds, 'r.new_from_%1$s, r.new_to_%1$s');
	-- of the same people: the rows, without what is not settled
	settled CONSTANT text := ' UNION ALL SELECT o.* FROM (SELECT DISTINCT c.user_id FROM %1$s AS c) AS p CROSS JOIN LATERAL ('
		'SELECT c.user_id, c.joined_at, c.joined_precision, c.join_event_id IS NOT NULL, c.left_at, c.left_precision, 1, 1 '
		'FROM wa.memberships AS c WHERE c.user_id = p.user_id '
		'UNION ALL SELECT c.user_id, c.joined_at, c.joined_precision, c.has_join, c.left_at, c.left_precision, -c.n, -c.n '
		'FROM wa_private.stay_changes AS c WHERE c.user_id = p.user_id OFFSET 0) AS o';
	-- how many times 24 hours a stay lasted longer than: likely, surely and possibly; what has not ended does for ever
	lasted CONSTANT text := ' CROSS JOIN LATERAL (VALUES (c.left_at - c.joined_at, 1, 0, 0), '
		'(CASE WHEN c.left_at IS NOT NULL THEN coalesce(c.left_at - c.left_precision - c.joined_at, ''0'') END, 0, 1, 0), '
		'(c.left_at - (c.joined_at - c.joined_precision), 0, 0, 1)) AS x (lasted, likely, low, high) '
		'CROSS JOIN LATERAL (SELECT greatest(coalesce(ceil(extract(epoch FROM x.lasted) / 86400) - 1, 2147483647), 0)::integer AS days) AS y';
BEGIN
	RETURN CASE rollup
		WHEN 'event_days' THEN
			format('SELECT d.day, g.group_id, c.kind, c.how, c.source, c.inferred, c.n::bigint AS events FROM %s AS c', changes) || each_and_all
			|| format(day_of, 'c.occurred_at')
		WHEN 'member_days' THEN
			-- what wa_private.stat_members_on() adds up, and at the end of time who is there now
			format('SELECT d.day, g.group_id, (i.n * x.likely)::bigint AS members, (i.n * x.low)::bigint AS members_low, '
				'(i.n * x.high)::bigint AS members_high FROM %s AS c', changes)
			|| ends_of || ' CROSS JOIN LATERAL (SELECT CASE x.at WHEN ''infinity'' THEN -c.n ELSE c.n END AS n) AS i'
			|| each_and_all || format(day_of, 'x.at') || ' WHERE x.at IS NOT NULL'
		WHEN 'people_days' THEN
			-- those who go from one number of groups to another alike are counted together
			format('SELECT t.day, g.in_groups::integer AS in_groups, (g.n * (g.bound = ''likely'')::integer)::bigint AS people, '
				'(g.n * (g.bound = ''low'')::integer)::bigint AS people_low, (g.n * (g.bound = ''high'')::integer)::bigint AS people_high '
				'FROM (SELECT r.day, %s, count(*) AS people FROM (SELECT s.day, %s FROM (SELECT c.user_id, d.day, %s FROM ('
				'SELECT c.user_id, c.joined_at, c.joined_precision, c.has_join, c.left_at, c.left_precision, 0 AS old, c.n AS new FROM %s AS c',
				concat_ws(', ', old, new),
				wa_private.rollup_columns(bounds, 'sum(s.old_%1$s) OVER w - s.old_%1$s AS old_from_%1$s, sum(s.old_%1$s) OVER w AS old_to_%1$s, '
					'sum(s.new_%1$s) OVER w - s.new_%1$s AS new_from_%1$s, sum(s.new_%1$s) OVER w AS new_to_%1$s'),
				wa_private.rollup_columns(bounds, 'sum(x.%1$s * c.old)::integer AS old_%1$s, sum(x.%1$s * c.new)::integer AS new_%1$s'), changes)
			|| CASE WHEN anew THEN '' ELSE format(settled, changes) END || ') AS c' || ends_of || format(day_of, 'x.at')
			|| format(' WHERE x.at IS NOT NULL GROUP BY c.user_id, d.day) AS s WINDOW w AS (PARTITION BY s.user_id ORDER BY s.day)) AS r '
				'WHERE (%1$s) IS DISTINCT FROM (%2$s) GROUP BY r.day, %1$s, %2$s) AS t '
				'CROSS JOIN LATERAL (SELECT x.bound, x.in_groups, CASE t.day WHEN ''infinity'' THEN -x.n ELSE x.n END * t.people AS n '
				'FROM (VALUES %3$s) AS x (bound, in_groups, n) WHERE x.in_groups > 0) AS g', old, new,
				wa_private.rollup_columns(bounds, '(''%1$s'', t.old_from_%1$s, 1), (''%1$s'', t.old_to_%1$s, -1), '
					'(''%1$s'', t.new_from_%1$s, -1), (''%1$s'', t.new_to_%1$s, 1)'))
		WHEN 'stay_days' THEN
			format('SELECT d.day, y.days, (c.n * x.likely)::bigint AS stays, (c.n * x.low)::bigint AS stays_low, (c.n * x.high)::bigint AS stays_high FROM %s AS c',
				changes)
			|| lasted || format(day_of, 'c.joined_at') || ' WHERE c.has_join'
		WHEN 'speaker_days' THEN
			format('SELECT d.day, c.chat_id, c.user_id, c.n::bigint AS messages, (c.n * c.from_me::integer)::bigint AS from_bots FROM %s AS c', changes)
			|| format(day_of, 'c.sent_at') || ' WHERE c.state = ''stored'''
		WHEN 'message_hours' THEN
			format('SELECT d.day, extract(hour FROM c.sent_at AT TIME ZONE z.zone)::smallint AS hour, c.kind, c.n::bigint AS messages, '
				'(c.n * c.forwarded::integer)::bigint AS forwarded, (c.n * c.edited::integer)::bigint AS edited, '
				'(c.n * c.deleted::integer)::bigint AS deleted FROM %s AS c', changes)
			|| format(day_of, 'c.sent_at') || ' WHERE c.in_group AND c.state = ''stored'''
		WHEN 'arrival_days' THEN
			format('SELECT d.day, c.bot_id, c.n::bigint AS messages, %s, (c.n * (c.state = ''stored'' AND c.recovered)::integer)::bigint AS recovered, '
				'(c.n * (c.delay IS NOT NULL)::integer)::bigint AS prompt, coalesce(c.n * (extract(epoch FROM c.delay) * 1000)::bigint, 0) AS delay FROM %s AS c',
				wa_private.rollup_columns('{stored,pending,lost,unavailable}', '(c.n * (c.state = ''%1$s'')::integer)::bigint AS %1$s'), changes)
			|| format(day_of, 'c.sent_at')
		WHEN 'reaction_days' THEN
			format('SELECT d.day, c.chat_id, c.message_id, c.n::bigint AS reactions FROM %s AS c', changes) || format(day_of, 'c.sent_at')
	END;
END
$$;
COMMENT ON FUNCTION wa_private.rollup_sums(text, text, boolean) IS 'text of the query for what changes add to a roll-up, before they are summed';

/* What rows (see wa_private.rollup_rows()) add to a roll-up, as the text of a query, before they are summed. */
CREATE FUNCTION wa_private.rollup_query(rollup text, rows text)
RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT wa_private.rollup_sums(rollup, format('(SELECT t.*, 1 AS n FROM (%s) AS t)', wa_private.rollup_rows(x.of_table, rows)), true)
			FROM wa_private.rollups() AS x WHERE x.name = rollup);
END
$$;
COMMENT ON FUNCTION wa_private.rollup_query(text, text) IS 'text of the query that counts rows for a roll-up, before they are summed';

/* Columns, each written as a format says. */
CREATE FUNCTION wa_private.rollup_columns(columns text[], pattern text DEFAULT '%1$I', separator text DEFAULT ', ')
RETURNS text LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT string_agg(format(pattern, c.name), separator ORDER BY c.no) FROM unnest(columns) WITH ORDINALITY AS c (name, no));
END
$$;
COMMENT ON FUNCTION wa_private.rollup_columns(text[], text, text) IS 'part of a query over the columns of a roll-up';

/* The trigger function of a table that is counted, and its triggers.  A row that changes in nothing that matters is no change. */
CREATE FUNCTION wa_private.create_rollup_triggers(of_table text, changes text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	function_name CONSTANT text := 'roll_up_' || of_table;
	names CONSTANT text := (SELECT wa_private.rollup_columns(array_agg(a.attname::text ORDER BY a.attnum)) FROM pg_attribute AS a
		WHERE a.attrelid = format('wa_private.%I', changes)::regclass AND a.attnum > 0 AND a.attname <> 'n');
	part record;
BEGIN
	EXECUTE format('CREATE OR REPLACE FUNCTION wa_private.%I() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS %L',
		function_name, format('
BEGIN
	IF TG_OP = ''INSERT'' THEN
		INSERT INTO wa_private.%1$I (%2$s, n)
		SELECT %2$s, 1 FROM (%3$s) AS x;
	ELSIF TG_OP = ''DELETE'' THEN
		INSERT INTO wa_private.%1$I (%2$s, n)
		SELECT %2$s, -1 FROM (%4$s) AS x;
	ELSE
		INSERT INTO wa_private.%1$I (%2$s, n)
		SELECT %2$s, sum(n)
		FROM (SELECT %2$s, 1 AS n FROM (%3$s) AS x
			UNION ALL
			SELECT %2$s, -1 FROM (%4$s) AS x) AS x
		GROUP BY %2$s
		HAVING sum(n) <> 0;
	END IF;
	RETURN NULL;
END
', changes, names, wa_private.rollup_rows(of_table, 'new_rows'), wa_private.rollup_rows(of_table, 'old_rows')));
	EXECUTE format('REVOKE ALL ON FUNCTION wa_private.%I() FROM PUBLIC', function_name);
	EXECUTE format('COMMENT ON FUNCTION wa_private.%I() IS %L', function_name,
		format('notes what roll-ups count of wa.%s; made by wa.create_storage()', of_table));
	FOR part IN
		SELECT x.* FROM (VALUES ('insert', 'NEW TABLE AS new_rows'), ('delete', 'OLD TABLE AS old_rows'),
			('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows')) AS x (event, tables)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON wa.%I REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION wa_private.%I()',
			'roll_up_' || part.event, part.event, of_table, part.tables, function_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.create_rollup_triggers(text, text) IS 'part of wa.create_storage(): the triggers that note what roll-ups count of a table';

CREATE FUNCTION wa_private.create_storage_rollups()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	c record;
BEGIN
	CREATE TABLE IF NOT EXISTS wa_private.rollup_zone (
		only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
		zone text NOT NULL,
		built_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE wa_private.rollup_zone IS 'the time zone whose days the roll-ups have';
	COMMENT ON COLUMN wa_private.rollup_zone.only_row IS 'there is one row';
	COMMENT ON COLUMN wa_private.rollup_zone.zone IS 'the time zone; statistics of another one are made from the rows';
	COMMENT ON COLUMN wa_private.rollup_zone.built_at IS 'when the roll-ups were made for it';
	-- of tables that are adopted: a roll-up that they lack has to be made, and then all are
	DELETE FROM wa_private.rollup_zone
	WHERE EXISTS (SELECT FROM wa_private.rollups() AS x WHERE to_regclass('wa_private.' || x.name) IS NULL);

	CREATE TABLE IF NOT EXISTS wa_private.event_days (
		group_id bigint NOT NULL,
		events bigint NOT NULL,
		day date NOT NULL,
		inferred boolean NOT NULL,
		kind text NOT NULL COLLATE "C",
		how text NOT NULL COLLATE "C",
		source text NOT NULL COLLATE "C",
		PRIMARY KEY (day, group_id, kind, how, source, inferred)
	);
	CREATE INDEX IF NOT EXISTS event_days_group_id_idx ON wa_private.event_days (group_id, day);
	COMMENT ON TABLE wa_private.event_days IS 'roll-up: joins and leaves of each group and day, and of all groups together';
	COMMENT ON INDEX wa_private.event_days_group_id_idx IS 'the days of a group';
	COMMENT ON COLUMN wa_private.event_days.group_id IS 'the group; 0: all groups together';
	COMMENT ON COLUMN wa_private.event_days.events IS 'number of events';
	COMMENT ON COLUMN wa_private.event_days.day IS 'day on which they happened, at the latest';
	COMMENT ON COLUMN wa_private.event_days.inferred IS 'without an exact time';
	COMMENT ON COLUMN wa_private.event_days.kind IS 'join or leave';
	COMMENT ON COLUMN wa_private.event_days.how IS 'as in wa.group_events';
	COMMENT ON COLUMN wa_private.event_days.source IS 'as in wa.group_events';

	CREATE TABLE IF NOT EXISTS wa_private.member_days (
		group_id bigint NOT NULL,
		members bigint NOT NULL,
		members_low bigint NOT NULL,
		members_high bigint NOT NULL,
		day date NOT NULL,
		PRIMARY KEY (day, group_id)
	);
	CREATE INDEX IF NOT EXISTS member_days_group_id_idx ON wa_private.member_days (group_id, day);
	COMMENT ON TABLE wa_private.member_days IS 'roll-up: by how much the members of each group, and of all together, changed on each day; day infinity: how many there are now; -infinity: who came nobody knows when';
	COMMENT ON INDEX wa_private.member_days_group_id_idx IS 'the days of a group';
	COMMENT ON COLUMN wa_private.member_days.group_id IS 'the group; 0: all groups together';
	COMMENT ON COLUMN wa_private.member_days.members IS 'change of the number of members';
	COMMENT ON COLUMN wa_private.member_days.members_low IS 'change of the number of those who must have been there';
	COMMENT ON COLUMN wa_private.member_days.members_high IS 'change of the number of those who may have been there';
	COMMENT ON COLUMN wa_private.member_days.day IS 'the day';

	CREATE TABLE IF NOT EXISTS wa_private.people_days (
		people bigint NOT NULL,
		people_low bigint NOT NULL,
		people_high bigint NOT NULL,
		day date NOT NULL,
		in_groups integer NOT NULL,
		PRIMARY KEY (day, in_groups)
	);
	COMMENT ON TABLE wa_private.people_days IS 'roll-up: by how much the number of people who are in so many groups changed on each day; day infinity: how many there are now; -infinity: who came nobody knows when';
	COMMENT ON COLUMN wa_private.people_days.people IS 'change of the number of people';
	COMMENT ON COLUMN wa_private.people_days.people_low IS 'change of the number of those who must have been in so many';
	COMMENT ON COLUMN wa_private.people_days.people_high IS 'change of the number of those who may have been in so many';
	COMMENT ON COLUMN wa_private.people_days.day IS 'the day';
	COMMENT ON COLUMN wa_private.people_days.in_groups IS 'in how many groups they are, at least 1';

	CREATE TABLE IF NOT EXISTS wa_private.stay_days (
		stays bigint NOT NULL,
		stays_low bigint NOT NULL,
		stays_high bigint NOT NULL,
		day date NOT NULL,
		days integer NOT NULL,
		PRIMARY KEY (day, days)
	);
	COMMENT ON TABLE wa_private.stay_days IS 'roll-up: how long those stayed who joined on each day, all groups together';
	COMMENT ON COLUMN wa_private.stay_days.stays IS 'number of stays';
	COMMENT ON COLUMN wa_private.stay_days.stays_low IS 'number of stays that must have lasted so long';
	COMMENT ON COLUMN wa_private.stay_days.stays_high IS 'number of stays that may have lasted so long';
	COMMENT ON COLUMN wa_private.stay_days.day IS 'the day on which they joined';
	COMMENT ON COLUMN wa_private.stay_days.days IS 'how many times 24 hours they stayed longer than; 2147483647: they have not left';

	CREATE TABLE IF NOT EXISTS wa_private.speaker_days (
		chat_id bigint NOT NULL,
		user_id bigint NOT NULL,
		messages bigint NOT NULL,
		from_bots bigint NOT NULL,
		day date NOT NULL,
		PRIMARY KEY (day, chat_id, user_id)
	);
	CREATE INDEX IF NOT EXISTS speaker_days_chat_id_idx ON wa_private.speaker_days (chat_id, day);
	COMMENT ON TABLE wa_private.speaker_days IS 'roll-up: messages that each person wrote in each chat on each day';
	COMMENT ON INDEX wa_private.speaker_days_chat_id_idx IS 'the days of a chat';
	COMMENT ON COLUMN wa_private.speaker_days.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.speaker_days.user_id IS 'the person; 0: not told';
	COMMENT ON COLUMN wa_private.speaker_days.messages IS 'messages that could be read';
	COMMENT ON COLUMN wa_private.speaker_days.from_bots IS 'of these, by the account of the bot that brought them';
	COMMENT ON COLUMN wa_private.speaker_days.day IS 'the day';

	CREATE TABLE IF NOT EXISTS wa_private.message_hours (
		messages bigint NOT NULL,
		forwarded bigint NOT NULL,
		edited bigint NOT NULL,
		deleted bigint NOT NULL,
		day date NOT NULL,
		hour smallint NOT NULL,
		kind text NOT NULL COLLATE "C",
		PRIMARY KEY (day, hour, kind)
	);
	COMMENT ON TABLE wa_private.message_hours IS 'roll-up: messages in all groups together by hour and kind';
	COMMENT ON COLUMN wa_private.message_hours.messages IS 'messages that could be read';
	COMMENT ON COLUMN wa_private.message_hours.forwarded IS 'of these, forwarded';
	COMMENT ON COLUMN wa_private.message_hours.edited IS 'of these, edited';
	COMMENT ON COLUMN wa_private.message_hours.deleted IS 'of these, deleted for everybody';
	COMMENT ON COLUMN wa_private.message_hours.day IS 'the day';
	COMMENT ON COLUMN wa_private.message_hours.hour IS 'hour of the clock, 0 to 23';
	COMMENT ON COLUMN wa_private.message_hours.kind IS 'as in wa.messages';

	CREATE TABLE IF NOT EXISTS wa_private.arrival_days (
		bot_id bigint NOT NULL,
		messages bigint NOT NULL,
		stored bigint NOT NULL,
		recovered bigint NOT NULL,
		pending bigint NOT NULL,
		lost bigint NOT NULL,
		unavailable bigint NOT NULL,
		prompt bigint NOT NULL,
		delay bigint NOT NULL,
		day date NOT NULL,
		PRIMARY KEY (day, bot_id)
	);
	COMMENT ON TABLE wa_private.arrival_days IS 'roll-up: what became of the messages that each bot brought first';
	COMMENT ON COLUMN wa_private.arrival_days.bot_id IS 'the bot; it may be gone';
	COMMENT ON COLUMN wa_private.arrival_days.messages IS 'messages, of groups and direct chats';
	COMMENT ON COLUMN wa_private.arrival_days.stored IS 'of these, could be read';
	COMMENT ON COLUMN wa_private.arrival_days.recovered IS 'of those, at a later try';
	COMMENT ON COLUMN wa_private.arrival_days.pending IS 'of these, cannot be read yet';
	COMMENT ON COLUMN wa_private.arrival_days.lost IS 'of these, can never be read';
	COMMENT ON COLUMN wa_private.arrival_days.unavailable IS 'of these, for other devices only';
	COMMENT ON COLUMN wa_private.arrival_days.prompt IS 'of these, came live while the bot was there';
	COMMENT ON COLUMN wa_private.arrival_days.delay IS 'milliseconds that those took from sending to here, together';
	COMMENT ON COLUMN wa_private.arrival_days.day IS 'the day';

	CREATE TABLE IF NOT EXISTS wa_private.reaction_days (
		chat_id bigint NOT NULL,
		message_id bigint NOT NULL,
		reactions bigint NOT NULL,
		day date NOT NULL,
		PRIMARY KEY (day, chat_id, message_id)
	);
	CREATE INDEX IF NOT EXISTS reaction_days_chat_id_idx ON wa_private.reaction_days (chat_id, day);
	COMMENT ON TABLE wa_private.reaction_days IS 'roll-up: reactions to each message, on the day on which it was sent';
	COMMENT ON INDEX wa_private.reaction_days_chat_id_idx IS 'the days of a chat';
	COMMENT ON COLUMN wa_private.reaction_days.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.reaction_days.message_id IS 'the message';
	COMMENT ON COLUMN wa_private.reaction_days.reactions IS 'reactions that were not taken back';
	COMMENT ON COLUMN wa_private.reaction_days.day IS 'the day';

	CREATE TABLE IF NOT EXISTS wa_private.event_changes (
		occurred_at timestamptz NOT NULL,
		group_id bigint NOT NULL,
		kind text NOT NULL COLLATE "C",
		how text NOT NULL COLLATE "C",
		source text NOT NULL COLLATE "C",
		inferred boolean NOT NULL,
		n integer NOT NULL
	);
	COMMENT ON TABLE wa_private.event_changes IS 'joins and leaves that are not in the roll-ups yet';
	COMMENT ON COLUMN wa_private.event_changes.occurred_at IS 'as in wa.group_events';
	COMMENT ON COLUMN wa_private.event_changes.group_id IS 'the group';
	COMMENT ON COLUMN wa_private.event_changes.kind IS 'join or leave';
	COMMENT ON COLUMN wa_private.event_changes.how IS 'as in wa.group_events';
	COMMENT ON COLUMN wa_private.event_changes.source IS 'as in wa.group_events';
	COMMENT ON COLUMN wa_private.event_changes.inferred IS 'without an exact time';
	COMMENT ON COLUMN wa_private.event_changes.n IS 'how many rows of these came, less those that went';

	-- changes of an earlier layout do not say all that matters: all roll-ups are made anew
	FOR r IN SELECT t.oid::regclass AS name
		FROM (VALUES ('stay_changes', 'user_id'), ('message_changes', 'bot_id')) AS x (name, says)
		JOIN pg_class AS t ON t.oid = to_regclass('wa_private.' || x.name)
		WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attname = x.says)
	LOOP
		EXECUTE format('DROP TABLE %s CASCADE', r.name);
		DELETE FROM wa_private.rollup_zone;
	END LOOP;
	CREATE TABLE IF NOT EXISTS wa_private.stay_changes (
		group_id bigint NOT NULL,
		user_id bigint NOT NULL,
		joined_at timestamptz NOT NULL,
		joined_precision interval,
		has_join boolean NOT NULL,
		left_at timestamptz,
		left_precision interval,
		n integer NOT NULL
	);
	CREATE INDEX IF NOT EXISTS stay_changes_user_id_idx ON wa_private.stay_changes (user_id);
	COMMENT ON TABLE wa_private.stay_changes IS 'stays that are not in the roll-ups yet';
	COMMENT ON INDEX wa_private.stay_changes_user_id_idx IS 'the changes of a person';
	COMMENT ON COLUMN wa_private.stay_changes.group_id IS 'the group';
	COMMENT ON COLUMN wa_private.stay_changes.user_id IS 'the person';
	COMMENT ON COLUMN wa_private.stay_changes.joined_at IS 'as in wa.memberships';
	COMMENT ON COLUMN wa_private.stay_changes.joined_precision IS 'as in wa.memberships';
	COMMENT ON COLUMN wa_private.stay_changes.has_join IS 'the join is an event';
	COMMENT ON COLUMN wa_private.stay_changes.left_at IS 'as in wa.memberships';
	COMMENT ON COLUMN wa_private.stay_changes.left_precision IS 'as in wa.memberships';
	COMMENT ON COLUMN wa_private.stay_changes.n IS 'how many rows of these came, less those that went';

	CREATE TABLE IF NOT EXISTS wa_private.message_changes (
		sent_at timestamptz NOT NULL,
		chat_id bigint NOT NULL,
		user_id bigint NOT NULL,
		bot_id bigint NOT NULL,
		in_group boolean NOT NULL,
		from_me boolean NOT NULL,
		forwarded boolean NOT NULL,
		edited boolean NOT NULL,
		deleted boolean NOT NULL,
		recovered boolean NOT NULL,
		kind text NOT NULL COLLATE "C",
		state text NOT NULL COLLATE "C",
		delay interval,
		n integer NOT NULL
	);
	COMMENT ON TABLE wa_private.message_changes IS 'messages that are not in the roll-ups yet';
	COMMENT ON COLUMN wa_private.message_changes.sent_at IS 'as in wa.messages';
	COMMENT ON COLUMN wa_private.message_changes.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.message_changes.user_id IS 'the person; 0: not told';
	COMMENT ON COLUMN wa_private.message_changes.bot_id IS 'as in wa.messages';
	COMMENT ON COLUMN wa_private.message_changes.in_group IS 'the chat is that of a group';
	COMMENT ON COLUMN wa_private.message_changes.from_me IS 'as in wa.messages';
	COMMENT ON COLUMN wa_private.message_changes.forwarded IS 'it was forwarded';
	COMMENT ON COLUMN wa_private.message_changes.edited IS 'it was edited';
	COMMENT ON COLUMN wa_private.message_changes.deleted IS 'it was deleted for everybody';
	COMMENT ON COLUMN wa_private.message_changes.recovered IS 'it came at a later try';
	COMMENT ON COLUMN wa_private.message_changes.kind IS 'as in wa.messages';
	COMMENT ON COLUMN wa_private.message_changes.state IS 'as in wa.messages';
	COMMENT ON COLUMN wa_private.message_changes.delay IS 'from sending to here, of what came live while the bot was there';
	COMMENT ON COLUMN wa_private.message_changes.n IS 'how many rows of these came, less those that went';

	CREATE TABLE IF NOT EXISTS wa_private.reaction_changes (
		sent_at timestamptz NOT NULL,
		chat_id bigint NOT NULL,
		message_id bigint NOT NULL,
		n integer NOT NULL
	);
	COMMENT ON TABLE wa_private.reaction_changes IS 'reactions that are not in the roll-ups yet';
	COMMENT ON COLUMN wa_private.reaction_changes.sent_at IS 'when the message was sent';
	COMMENT ON COLUMN wa_private.reaction_changes.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.reaction_changes.message_id IS 'the message';
	COMMENT ON COLUMN wa_private.reaction_changes.n IS 'how many rows of these came, less those that went';

	FOR r IN SELECT x.* FROM wa_private.rollups() AS x LOOP
		EXECUTE format('CREATE OR REPLACE VIEW wa_private.%I AS SELECT %s FROM wa_private.%I UNION ALL (%s)', r.name || '_now',
			wa_private.rollup_columns(r.keys || r.sums), r.name, wa_private.rollup_sums(r.name, format('wa_private.%I', r.changes)));
		EXECUTE format('COMMENT ON VIEW wa_private.%I IS %L', r.name || '_now', format('wa_private.%s with its changes; a key may come several times', r.name));
		FOR c IN SELECT a.attname, col_description(a.attrelid, a.attnum) AS says FROM pg_attribute AS a
			WHERE a.attrelid = format('wa_private.%I', r.name)::regclass AND a.attnum > 0 LOOP
			EXECUTE format('COMMENT ON COLUMN wa_private.%I.%I IS %L', r.name || '_now', c.attname, c.says);
		END LOOP;
	END LOOP;

	CREATE OR REPLACE VIEW wa_private.said AS
	SELECT d.chat_id, d.user_id, d.day, NULL::timestamptz AS sent_at, d.messages::integer AS messages, d.from_bots::integer AS from_bots, true AS rolled_up
	FROM wa_private.speaker_days_now AS d
	UNION ALL
	SELECT m.chat_id, coalesce(m.sender, 0), NULL, m.sent_at, 1, m.from_me::integer, false
	FROM wa.messages AS m
	WHERE m.state = 'stored';
	COMMENT ON VIEW wa_private.said IS 'who wrote how much, twice: by day (rolled_up), and message by message; which of them answers for which time, wa_private.stat_whole_days() says';
	COMMENT ON COLUMN wa_private.said.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.said.user_id IS 'the person; 0: not told';
	COMMENT ON COLUMN wa_private.said.day IS 'the day, of what is rolled up';
	COMMENT ON COLUMN wa_private.said.sent_at IS 'the time of a message';
	COMMENT ON COLUMN wa_private.said.messages IS 'messages that could be read';
	COMMENT ON COLUMN wa_private.said.from_bots IS 'of these, by the account of the bot that brought them';
	COMMENT ON COLUMN wa_private.said.rolled_up IS 'from the roll-up, else a message';

	CREATE OR REPLACE VIEW wa_private.reacted AS
	SELECT d.chat_id, d.message_id, d.day, NULL::timestamptz AS sent_at, d.reactions::integer AS reactions, true AS rolled_up
	FROM wa_private.reaction_days_now AS d
	UNION ALL
	SELECT r.chat_id, r.message_id, NULL, r.message_sent_at, 1, false
	FROM wa.reactions AS r
	WHERE r.emoji IS NOT NULL AND r.message_id IS NOT NULL;
	COMMENT ON VIEW wa_private.reacted IS 'how often people reacted to which message, twice like wa_private.said: by day (rolled_up), and reaction by reaction';
	COMMENT ON COLUMN wa_private.reacted.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.reacted.message_id IS 'the message';
	COMMENT ON COLUMN wa_private.reacted.day IS 'the day on which it was sent, of what is rolled up';
	COMMENT ON COLUMN wa_private.reacted.sent_at IS 'when it was sent, of a reaction';
	COMMENT ON COLUMN wa_private.reacted.reactions IS 'reactions that were not taken back';
	COMMENT ON COLUMN wa_private.reacted.rolled_up IS 'from the roll-up, else a reaction';

	CREATE OR REPLACE VIEW wa.growth_by_day AS
	SELECT d.day::timestamp AT TIME ZONE z.zone AS "time", d.group_id, g.subject AS group_subject,
		(coalesce(sum(d.events) FILTER (WHERE d.kind = 'join'), 0))::bigint AS joins,
		(coalesce(sum(d.events) FILTER (WHERE d.kind = 'leave'), 0))::bigint AS leaves,
		sum(CASE d.kind WHEN 'join' THEN d.events ELSE -d.events END)::bigint AS net,
		(coalesce(sum(d.events) FILTER (WHERE d.inferred), 0))::bigint AS inferred
	FROM wa_private.event_days_now AS d
	CROSS JOIN wa_private.rollup_zone AS z
	JOIN wa.groups AS g ON g.group_id = d.group_id
	GROUP BY d.day, z.zone, d.group_id, g.subject
	HAVING sum(d.events) > 0;
	COMMENT ON VIEW wa.growth_by_day IS 'joins and leaves of each group and day on which there were some; days of the time zone for which the roll-ups were made';
	COMMENT ON COLUMN wa.growth_by_day."time" IS 'begin of the day';
	COMMENT ON COLUMN wa.growth_by_day.group_id IS 'the group';
	COMMENT ON COLUMN wa.growth_by_day.group_subject IS 'its name';
	COMMENT ON COLUMN wa.growth_by_day.joins IS 'people who joined';
	COMMENT ON COLUMN wa.growth_by_day.leaves IS 'people who left or were removed';
	COMMENT ON COLUMN wa.growth_by_day.net IS 'joins minus leaves';
	COMMENT ON COLUMN wa.growth_by_day.inferred IS 'joins and leaves of these that may have been on an earlier day';

	CREATE OR REPLACE VIEW wa.messages_by_day AS
	SELECT d.day::timestamp AT TIME ZONE z.zone AS "time", d.chat_id, c.kind AS chat_kind, c.group_id, g.subject AS group_subject,
		nullif(d.user_id, 0) AS user_id, p.name AS user_name, d.messages
	FROM (SELECT x.day, x.chat_id, x.user_id, sum(x.messages)::bigint AS messages
		  FROM wa_private.speaker_days_now AS x
		  GROUP BY x.day, x.chat_id, x.user_id
		  HAVING sum(x.messages) > 0) AS d
	CROSS JOIN wa_private.rollup_zone AS z
	JOIN wa.chats AS c ON c.chat_id = d.chat_id
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	LEFT JOIN wa.people AS p ON p.user_id = d.user_id;
	COMMENT ON VIEW wa.messages_by_day IS 'how many messages each person wrote in each chat on each day; days of the time zone for which the roll-ups were made';
	COMMENT ON COLUMN wa.messages_by_day."time" IS 'begin of the day';
	COMMENT ON COLUMN wa.messages_by_day.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.messages_by_day.chat_kind IS 'direct or group';
	COMMENT ON COLUMN wa.messages_by_day.group_id IS 'the group; null for a direct chat';
	COMMENT ON COLUMN wa.messages_by_day.group_subject IS 'its name';
	COMMENT ON COLUMN wa.messages_by_day.user_id IS 'the person who wrote; null: not told';
	COMMENT ON COLUMN wa.messages_by_day.user_name IS 'their name';
	COMMENT ON COLUMN wa.messages_by_day.messages IS 'messages that could be read';

	CREATE OR REPLACE VIEW wa.messages_by_hour AS
	SELECT (d.day + make_time(d.hour, 0, 0)) AT TIME ZONE z.zone AS "time", d.kind, sum(d.messages)::bigint AS messages,
		sum(d.forwarded)::bigint AS forwarded, sum(d.edited)::bigint AS edited, sum(d.deleted)::bigint AS deleted
	FROM wa_private.message_hours_now AS d
	CROSS JOIN wa_private.rollup_zone AS z
	GROUP BY d.day, d.hour, z.zone, d.kind
	HAVING sum(d.messages) > 0;
	COMMENT ON VIEW wa.messages_by_hour IS 'messages in all groups together by hour and kind; an hour that the clock repeats is one';
	COMMENT ON COLUMN wa.messages_by_hour."time" IS 'begin of the hour';
	COMMENT ON COLUMN wa.messages_by_hour.kind IS 'text, image, poll, ...';
	COMMENT ON COLUMN wa.messages_by_hour.messages IS 'messages that could be read';
	COMMENT ON COLUMN wa.messages_by_hour.forwarded IS 'of these, forwarded';
	COMMENT ON COLUMN wa.messages_by_hour.edited IS 'of these, edited';
	COMMENT ON COLUMN wa.messages_by_hour.deleted IS 'of these, deleted for everybody';

	PERFORM wa_private.create_rollup_triggers(t.of_table, t.changes) FROM (SELECT DISTINCT x.of_table, x.changes FROM wa_private.rollups() AS x) AS t;
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_rollups() IS 'part of wa.create_storage(): roll-ups and the triggers that keep them';
