/*
 * roster.sql
 *		The fact "group": metadata and list of members of one group, compared
 *		with the tables.
 *
 * The first list of a group makes stays whose begin is unknown and no events.
 * A later one makes events with source snapshot for what differs, each in the
 * range between the last time both sides were known to be equal and now.
 */

/* Writes down that a bot is in a group; role null: not said. */
CREATE FUNCTION wa_private.bot_is_in(bot bigint, group_id bigint, role text, seen_at timestamptz, joined_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa.bot_groups AS b (bot_id, group_id, role, first_seen_at, last_seen_at, joined_at)
	VALUES (bot, bot_is_in.group_id, coalesce(bot_is_in.role, 'member'), seen_at, seen_at, bot_is_in.joined_at)
	ON CONFLICT ON CONSTRAINT bot_groups_pkey DO UPDATE
	SET role = coalesce(bot_is_in.role, b.role), last_seen_at = greatest(b.last_seen_at, excluded.last_seen_at),
		joined_at = coalesce(excluded.joined_at, b.joined_at), left_at = NULL
	WHERE b.left_at IS NOT NULL OR b.role IS DISTINCT FROM coalesce(bot_is_in.role, b.role)
		OR bot_is_in.joined_at IS NOT NULL OR b.last_seen_at < excluded.last_seen_at - interval '1 minute';
END
$$;
COMMENT ON FUNCTION wa_private.bot_is_in(bigint, bigint, text, timestamptz, timestamptz) IS 'writes down that a bot is in a group';

/* Writes down that a bot is not in a group any more. */
CREATE FUNCTION wa_private.bot_is_out(bot bigint, id bigint, since timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.bot_groups AS b
	SET left_at = since
	WHERE b.bot_id = bot AND b.group_id = id AND b.left_at IS NULL;
	IF NOT FOUND THEN
		RETURN;
	ELSIF NOT EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.group_id = id AND b.left_at IS NULL) THEN
		UPDATE wa.groups AS g
		SET unobserved_since = coalesce(g.unobserved_since, since), needs_refresh = false
		WHERE g.group_id = id;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.bot_is_out(bigint, bigint, timestamptz) IS 'writes down that a bot is not in a group any more';

/*
 * The settings of a fact that are known, with nulls taken out; null when there are none.
 * Stable, as jsonb_build_object() is: an immutable one would not be inlined.
 */
CREATE FUNCTION wa_private.said_settings(settings jsonb)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
	'announce', (settings ->> 'announce')::boolean,
	'locked', (settings ->> 'locked')::boolean,
	'join_approval', (settings ->> 'join_approval')::boolean,
	'ephemeral_seconds', (settings ->> 'ephemeral_seconds')::bigint,
	'member_add_mode', settings ->> 'member_add_mode',
	'member_link_mode', settings ->> 'member_link_mode')), '{}');
COMMENT ON FUNCTION wa_private.said_settings(jsonb) IS 'the settings that a fact names';

/* Writes settings of a group that are at least as new as what is stored. */
CREATE FUNCTION wa_private.set_settings(id bigint, said jsonb, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.groups AS g
	SET announce = coalesce((said ->> 'announce')::boolean, g.announce),
		locked = coalesce((said ->> 'locked')::boolean, g.locked),
		join_approval = coalesce((said ->> 'join_approval')::boolean, g.join_approval),
		ephemeral_seconds = coalesce((said ->> 'ephemeral_seconds')::bigint, g.ephemeral_seconds),
		member_add_mode = coalesce(said ->> 'member_add_mode', g.member_add_mode),
		member_link_mode = coalesce(said ->> 'member_link_mode', g.member_link_mode),
		settings_at = greatest(g.settings_at, at)
	WHERE g.group_id = id AND (g.settings_at IS NULL OR g.settings_at <= at);
END
$$;
COMMENT ON FUNCTION wa_private.set_settings(bigint, jsonb, timestamptz) IS 'writes settings of a group unless newer ones are known';

/* A number for the size of a group, where it is new. */
CREATE FUNCTION wa_private.count_group(id bigint, members integer, counted_at timestamptz, told_by text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa.group_counts (group_id, counted_at, members, source)
	SELECT id, count_group.counted_at, count_group.members, told_by
	WHERE count_group.members IS DISTINCT FROM (SELECT c.members FROM wa.group_counts AS c
		WHERE c.group_id = id AND c.counted_at <= count_group.counted_at ORDER BY c.counted_at DESC LIMIT 1)
	ON CONFLICT ON CONSTRAINT group_counts_pkey DO UPDATE SET members = excluded.members, source = excluded.source;
	UPDATE wa.groups AS g SET size = count_group.members
	WHERE g.group_id = id AND g.size IS DISTINCT FROM count_group.members;
END
$$;
COMMENT ON FUNCTION wa_private.count_group(bigint, integer, timestamptz, text) IS 'writes down the size of a group';

/*
 * Metadata that is no list: subject, description, settings, place in a
 * community.  Differences to what was known become events of source snapshot
 * when people are watched.
 */
CREATE FUNCTION wa_private.apply_metadata(g record, said jsonb, people jsonb, asked timestamptz, received timestamptz, told_by text)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
<<this>>
DECLARE
	events bigint[] := '{}';
	lower_at timestamptz := date_trunc('second', coalesce(g.equal_at, g.roster_at));
	now_at timestamptz := date_trunc('second', received);
	known boolean := g.roster_at IS NOT NULL;
	settings jsonb := wa_private.said_settings(said -> 'settings');
	old_settings jsonb;
	setting record;
	subject_at timestamptz := to_timestamp((said ->> 'subject_at')::double precision);
	-- metadata says all there is; a mention, or what a create carries, may leave it out
	description_known boolean := told_by IN ('list', 'query') AND NOT coalesce((said ->> 'partial')::boolean, false);
BEGIN
	IF known AND said ? 'subject' AND said ->> 'subject' IS DISTINCT FROM g.subject AND g.subject IS NOT NULL THEN
		events := events || wa_private.infer_event(g.group_id, 'subject', NULL, lower_at, now_at, NULL, NULL,
			jsonb_build_object('text', said ->> 'subject'));
	END IF;
	IF known AND description_known AND (said ->> 'description_id') IS DISTINCT FROM g.description_id
		AND (said ->> 'description') IS DISTINCT FROM g.description THEN
		events := events || wa_private.infer_event(g.group_id, 'description', NULL, lower_at, now_at, NULL, NULL,
			jsonb_strip_nulls(jsonb_build_object('text', said ->> 'description')));
	END IF;
	IF known AND settings IS NOT NULL THEN
		old_settings := to_jsonb(g);
		FOR setting IN
			SELECT s.key, s.value, CASE s.key WHEN 'join_approval' THEN 'approval_mode'
				WHEN 'ephemeral_seconds' THEN 'ephemeral' ELSE s.key END AS kind
			FROM jsonb_each(settings) AS s
			WHERE old_settings -> s.key <> 'null' AND old_settings -> s.key <> s.value
			ORDER BY s.key
		LOOP
			events := events || wa_private.infer_event(g.group_id, setting.kind, NULL, lower_at, now_at, NULL, NULL,
				jsonb_build_object('settings', jsonb_build_object(setting.key, setting.value)));
		END LOOP;
	END IF;

	PERFORM wa_private.set_settings(g.group_id, settings, date_trunc('second', asked));
	UPDATE wa.groups AS x
	SET subject = coalesce(said ->> 'subject', x.subject),
		subject_at = coalesce(this.subject_at, x.subject_at),
		subject_by = coalesce(wa_private.person_of(people, said -> 'subject_by'), x.subject_by),
		description = CASE WHEN description_known OR said ? 'description' THEN said ->> 'description' ELSE x.description END,
		description_id = CASE WHEN description_known OR said ? 'description_id' THEN said ->> 'description_id' ELSE x.description_id END,
		description_at = CASE WHEN description_known OR said ? 'description_at'
			THEN to_timestamp((said ->> 'description_at')::double precision) ELSE x.description_at END,
		description_by = CASE WHEN description_known OR said ? 'description_by'
			THEN wa_private.person_of(people, said -> 'description_by') ELSE x.description_by END,
		created_at = coalesce(to_timestamp((said ->> 'created_at')::double precision), x.created_at),
		creator = coalesce(wa_private.person_of(people, said -> 'creator'), x.creator),
		addressing_mode = coalesce(said ->> 'addressing_mode', x.addressing_mode),
		parent_jid = CASE WHEN description_known OR said ? 'parent_jid' THEN said ->> 'parent_jid' ELSE x.parent_jid END,
		is_parent = coalesce((said ->> 'is_parent')::boolean, x.is_parent),
		is_default_subgroup = coalesce((said ->> 'is_default_subgroup')::boolean, x.is_default_subgroup),
		incognito = coalesce((said ->> 'incognito')::boolean, x.incognito),
		suspended = coalesce((said ->> 'suspended')::boolean, x.suspended),
		deleted_at = NULL
	WHERE x.group_id = g.group_id;
	RETURN events;
END
$$;
COMMENT ON FUNCTION wa_private.apply_metadata(record, jsonb, jsonb, timestamptz, timestamptz, text) IS
'part of the fact group: everything but the members';

/*
 * Compares a list of members with the open stays.  made_at: the group was
 * created just then with these members, by maker.  Returns the events.
 */
CREATE FUNCTION wa_private.apply_roster(g record, said jsonb, people jsonb, received timestamptz, made_at timestamptz, maker bigint)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first boolean := g.roster_at IS NULL;
	complete boolean := coalesce((said ->> 'complete')::boolean, false);
	listed_version bigint := (said ->> 'version')::bigint;
	-- whole seconds, as the server counts: a later change may come in the same second
	now_at timestamptz := date_trunc('second', received);
	-- null as long as nothing is known of an earlier list
	since interval := CASE WHEN g.equal_at IS NOT NULL THEN greatest(now_at - date_trunc('second', g.equal_at), interval '0') END;
	seen record;
	events bigint[] := '{}';
	batch bigint[];
BEGIN
	SELECT array_agg(r.user_id) AS users, array_agg(r.role) AS roles, array_agg(r.label) AS labels, array_agg(r.joined_at) AS joins
	INTO seen
	FROM (SELECT DISTINCT ON (p.user_id) p.user_id, p.role, p.label, p.joined_at
		  FROM (SELECT wa_private.person_of(people, x.body) AS user_id,
				CASE x.body ->> 'role' WHEN 'admin' THEN 'admin' WHEN 'superadmin' THEN 'superadmin' ELSE 'member' END AS role,
				x.body ->> 'label' AS label,
				CASE WHEN (x.body ->> 'joined_at')::double precision > 0
					THEN to_timestamp((x.body ->> 'joined_at')::double precision) END AS joined_at, x.no
				FROM jsonb_array_elements(said -> 'participants') WITH ORDINALITY AS x (body, no)
				WHERE NOT x.body ? 'error') AS p
		  WHERE p.user_id IS NOT NULL
		  ORDER BY p.user_id, p.no) AS r;

	IF first THEN
		INSERT INTO wa.memberships (group_id, user_id, role, label, joined_at, joined_precision, join_kind, join_source, inviter,
			joined_version)
		SELECT g.group_id, r.user_id, r.role, r.label, coalesce(made_at, least(r.joined_at, now_at), now_at),
			CASE WHEN coalesce(made_at, r.joined_at) IS NOT NULL THEN interval '0' END,
			CASE WHEN made_at IS NULL THEN 'unknown' ELSE 'created' END,
			CASE WHEN made_at IS NULL THEN 'snapshot' ELSE 'live' END,
			CASE WHEN made_at IS NOT NULL AND maker <> r.user_id THEN maker END,
			listed_version
		FROM unnest(seen.users, seen.roles, seen.labels, seen.joins) AS r (user_id, role, label, joined_at)
		ON CONFLICT (group_id, user_id) WHERE left_at IS NULL DO NOTHING;
	ELSE
		-- who is new in the list
		WITH new AS MATERIALIZED (
			SELECT nextval('wa.group_events_event_id_seq') AS event_id, r.user_id, r.role, r.label,
				r.joined_at > coalesce(g.equal_at, '-infinity') AND r.joined_at <= received AS exact,
				CASE WHEN r.joined_at > coalesce(g.equal_at, '-infinity') AND r.joined_at <= received
					THEN r.joined_at ELSE now_at END AS at
			FROM unnest(seen.users, seen.roles, seen.labels, seen.joins) AS r (user_id, role, label, joined_at)
			WHERE NOT EXISTS (SELECT FROM wa.memberships AS m
							  WHERE m.group_id = g.group_id AND m.user_id = r.user_id
								AND (m.left_at IS NULL OR m.left_version > listed_version))
		), months AS MATERIALIZED (
			SELECT wa_private.make_partition(n.at) FROM (SELECT DISTINCT date_trunc('month', x.at) AS at FROM new AS x) AS n
		), stays AS (
			INSERT INTO wa.memberships (group_id, user_id, role, label, joined_at, joined_precision, join_kind, join_source,
				join_event_id, joined_version, joined_after_version)
			SELECT g.group_id, n.user_id, n.role, n.label, n.at, CASE WHEN n.exact THEN interval '0' ELSE since END, 'unknown',
				'snapshot', n.event_id, listed_version, g.equal_version
			FROM new AS n
		), happened AS (
			INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target,
				version_before, version_after, received_at)
			SELECT n.event_id, g.group_id, n.at, CASE WHEN n.exact THEN interval '0' ELSE since END, 'snapshot', 'join', 'add',
				'unknown', n.user_id, g.equal_version, listed_version, clock_timestamp()
			FROM new AS n
			WHERE (SELECT count(*) FROM months) >= 0
			RETURNING group_events.event_id
		)
		SELECT array_agg(h.event_id ORDER BY h.event_id) INTO batch FROM happened AS h;
		events := events || batch;
	END IF;

	IF complete THEN
		-- who is not in it any more
		WITH gone AS MATERIALIZED (
			SELECT nextval('wa.group_events_event_id_seq') AS event_id, m.membership_id, m.user_id,
				greatest(now_at, m.joined_at) AS at
			FROM wa.memberships AS m
			WHERE m.group_id = g.group_id AND m.left_at IS NULL AND m.user_id <> ALL (seen.users)
				AND (m.joined_version IS NULL OR listed_version IS NULL OR m.joined_version <= listed_version)
		), stays AS (
			UPDATE wa.memberships AS m
			SET left_at = n.at, left_precision = since, leave_kind = 'unknown', leave_source = 'snapshot',
				leave_event_id = n.event_id, left_version = listed_version, left_after_version = g.equal_version
			FROM gone AS n
			WHERE m.membership_id = n.membership_id
		), happened AS (
			INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target,
				version_before, version_after, received_at)
			SELECT n.event_id, g.group_id, n.at, since, 'snapshot', 'leave', 'remove', 'unknown', n.user_id, g.equal_version,
				listed_version, clock_timestamp()
			FROM gone AS n
			RETURNING group_events.event_id
		)
		SELECT array_agg(h.event_id ORDER BY h.event_id) INTO batch FROM happened AS h;
		events := events || batch;
	END IF;

	-- whose role is another
	WITH changed AS MATERIALIZED (
		SELECT nextval('wa.group_events_event_id_seq') AS event_id, m.membership_id, m.user_id, r.role,
			CASE WHEN r.role = 'member' OR (r.role = 'admin' AND m.role = 'superadmin') THEN 'demote' ELSE 'promote' END AS kind
		FROM unnest(seen.users, seen.roles) AS r (user_id, role)
		JOIN wa.memberships AS m ON m.group_id = g.group_id AND m.user_id = r.user_id AND m.left_at IS NULL
		WHERE m.role <> r.role
			AND (m.role_version IS NULL OR listed_version IS NULL OR m.role_version <= listed_version)
	), stays AS (
		UPDATE wa.memberships AS m
		SET role = c.role, role_version = listed_version
		FROM changed AS c
		WHERE m.membership_id = c.membership_id
	), happened AS (
		INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, target,
			version_before, version_after, details, received_at)
		SELECT c.event_id, g.group_id, now_at, since, 'snapshot', c.kind, c.kind, c.user_id, g.equal_version,
			listed_version, jsonb_build_object('role', c.role), clock_timestamp()
		FROM changed AS c
		WHERE NOT first
		RETURNING group_events.event_id
	)
	SELECT array_agg(h.event_id ORDER BY h.event_id) INTO batch FROM happened AS h;

	UPDATE wa.memberships AS m
	SET label = r.label
	FROM unnest(seen.users, seen.labels) AS r (user_id, label)
	WHERE m.group_id = g.group_id AND m.user_id = r.user_id AND m.left_at IS NULL AND m.label IS DISTINCT FROM r.label
		AND r.label IS NOT NULL;
	RETURN events || batch;
END
$$;
COMMENT ON FUNCTION wa_private.apply_roster(record, jsonb, jsonb, timestamptz, timestamptz, bigint) IS
'part of the fact group: compares a list of members with the tables';

/*
 * The fact "group", also for the metadata that a create carries, which are as
 * of the create however much later it came: what follows it is newer.
 * ask: the list was too old to be used and should be asked for again.
 */
CREATE FUNCTION wa_private.apply_group(bot bigint, said jsonb, told_by text, asked timestamptz, received timestamptz,
	people jsonb, made_at timestamptz, maker bigint, OUT event_ids bigint[], OUT ask boolean)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g wa.groups;
	own wa.bots;
	listed integer;
	listed_version bigint := (said ->> 'version')::bigint;
	complete boolean := coalesce((said ->> 'complete')::boolean, false);
	partial boolean := coalesce((said ->> 'partial')::boolean, false);
	has_list boolean;
	members integer;
	told bigint[];
BEGIN
	event_ids := '{}';
	ask := false;
	SELECT x.* INTO g FROM wa.groups AS x WHERE x.jid = said ->> 'jid';
	SELECT x.* INTO own FROM wa.bots AS x WHERE x.bot_id = bot;
	IF said ? 'error' THEN
		-- an entry about a group that cannot be read
		IF said ->> 'error' IN ('403', '404') THEN
			PERFORM wa_private.bot_is_out(bot, g.group_id, received);
		END IF;
		RETURN;
	END IF;
	listed := CASE jsonb_typeof(said -> 'participants') WHEN 'array' THEN jsonb_array_length(said -> 'participants') ELSE 0 END;
	has_list := listed > 0;
	members := coalesce((said ->> 'size')::integer, CASE WHEN complete AND has_list THEN listed END);

	PERFORM wa_private.bot_is_in(bot, g.group_id,
		(SELECT p.body ->> 'role' FROM jsonb_array_elements(CASE WHEN has_list THEN said -> 'participants' ELSE '[]' END) AS p (body)
		 WHERE p.body ->> 'lid' = own.lid OR p.body ->> 'pn' = own.jid LIMIT 1), received);

	IF g.watch_level = 'none' THEN
		UPDATE wa.groups AS x
		SET subject = coalesce(said ->> 'subject', x.subject), size = coalesce(members, x.size),
			is_parent = coalesce((said ->> 'is_parent')::boolean, x.is_parent),
			is_default_subgroup = coalesce((said ->> 'is_default_subgroup')::boolean, x.is_default_subgroup),
			parent_jid = coalesce(said ->> 'parent_jid', x.parent_jid),
			unobserved_since = CASE WHEN x.roster_at IS NULL THEN NULL ELSE x.unobserved_since END
		WHERE x.group_id = g.group_id;
		RETURN;
	END IF;

	IF g.changed_at >= asked AND (listed_version IS NULL OR listed_version < g.version) THEN
		-- made before the newest change: comparing would undo it
		ask := true;
		UPDATE wa.groups AS x
		SET needs_refresh = true, refresh_reason = 'stale_roster', refresh_asked_at = clock_timestamp()
		WHERE x.group_id = g.group_id;
		RETURN;
	END IF;

	event_ids := wa_private.apply_metadata(g, said, people, asked, received, told_by);
	IF members IS NOT NULL THEN
		PERFORM wa_private.count_group(g.group_id, members, received, told_by);
	END IF;
	IF g.watch_level IN ('members', 'messages') AND has_list THEN
		-- the list is compared with what is known without history
		told := wa_private.lift_before_list(g);
		event_ids := event_ids || wa_private.apply_roster(g, said, people, received, made_at, maker);
	END IF;

	UPDATE wa.groups AS x
	SET version = greatest(x.version, listed_version),
		changed_at = greatest(x.changed_at, asked),
		equal_at = CASE WHEN complete AND has_list THEN greatest(x.equal_at, asked) ELSE x.equal_at END,
		equal_version = CASE WHEN complete AND has_list THEN coalesce(listed_version, x.version) ELSE x.equal_version END,
		roster_at = CASE WHEN has_list AND x.watch_level IN ('members', 'messages') THEN asked ELSE x.roster_at END,
		roster_version = CASE WHEN has_list AND x.watch_level IN ('members', 'messages') THEN listed_version ELSE x.roster_version END,
		roster_complete = CASE WHEN has_list AND x.watch_level IN ('members', 'messages') THEN complete ELSE x.roster_complete END,
		-- a mention answers no question
		needs_refresh = x.needs_refresh AND partial,
		refresh_reason = CASE WHEN partial THEN x.refresh_reason END,
		unobserved_since = NULL,
		listed_since = CASE WHEN complete AND has_list THEN coalesce(x.listed_since, asked) ELSE x.listed_since END
	WHERE x.group_id = g.group_id;
	IF told IS NOT NULL THEN
		event_ids := event_ids || wa_private.settle_history(g.group_id, told, received);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply_group(bigint, jsonb, text, timestamptz, timestamptz, jsonb, timestamptz, bigint) IS
'the fact group: metadata and members of one group as the server has them';

/*
 * The fact "group_list": the bot is in exactly these groups.  The groups of the
 * list have rows already.
 */
CREATE FUNCTION wa_private.apply_group_list(bot bigint, fact jsonb, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	asked timestamptz := coalesce(to_timestamp((fact ->> 'asked_at')::double precision), received);
	changed bigint[] := '{}';
	id bigint;
BEGIN
	FOR id IN
		SELECT g.group_id
		FROM wa.groups AS g
		WHERE g.jid IN (SELECT jsonb_array_elements_text(fact -> 'jids'))
			AND NOT EXISTS (SELECT FROM wa.bot_groups AS b
							WHERE b.bot_id = bot AND b.group_id = g.group_id AND b.left_at IS NULL)
	LOOP
		PERFORM wa_private.bot_is_in(bot, id, NULL, received);
		changed := changed || id;
	END LOOP;
	FOR id IN
		SELECT b.group_id
		FROM wa.bot_groups AS b
		JOIN wa.groups AS g ON g.group_id = b.group_id
		WHERE b.bot_id = bot AND b.left_at IS NULL AND b.first_seen_at <= asked
			AND coalesce(b.joined_at, '-infinity') <= asked
			AND g.jid NOT IN (SELECT jsonb_array_elements_text(fact -> 'jids'))
	LOOP
		PERFORM wa_private.bot_is_out(bot, id, asked);
		changed := changed || id;
	END LOOP;
	RETURN changed;
END
$$;
COMMENT ON FUNCTION wa_private.apply_group_list(bigint, jsonb, timestamptz) IS
'the fact group_list: the bot is in exactly these groups';
