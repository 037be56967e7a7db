/*
 * change.sql
 *		The fact "group_change": one child action of a w:gp2 notification.
 *		Sheet 2 sections 2.5 to 2.8.
 *
 * The caller has locked the row of the group and resolved the people.
 */

/* The kind of event that an action of the wire is. */
CREATE FUNCTION wa_private.event_kind(action text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE action
	WHEN 'add' THEN 'join'
	WHEN 'remove' THEN 'leave'
	WHEN 'modify' THEN 'number_change'
	WHEN 'change_number' THEN 'number_change'
	WHEN 'announcement' THEN 'announce'
	WHEN 'not_announcement' THEN 'announce'
	WHEN 'unlocked' THEN 'locked'
	WHEN 'not_ephemeral' THEN 'ephemeral'
	WHEN 'invite' THEN 'invite_link'
	WHEN 'revoke' THEN 'invite_revoked'
	WHEN 'growth_unlocked' THEN 'growth_locked'
	WHEN 'membership_approval_mode' THEN 'approval_mode'
	WHEN 'membership_approval_request' THEN 'join_request'
	WHEN 'created_membership_requests' THEN 'join_request'
	WHEN 'revoked_membership_requests' THEN 'request_revoked'
	WHEN 'unsuspended' THEN 'suspended'
	ELSE action
END;
COMMENT ON FUNCTION wa_private.event_kind(text) IS 'kind in wa.group_events of an action of the wire';

/* An attribute of the raw action. */
CREATE FUNCTION wa_private.raw_attr(fact jsonb, attr text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN fact #>> ARRAY['raw', 'attrs', attr];
COMMENT ON FUNCTION wa_private.raw_attr(jsonb, text) IS 'attribute of the raw action of a fact';

/*
 * A time of the server in a fact.  Nothing before WhatsApp existed and nothing
 * more than a day ahead of us is believed.
 */
CREATE FUNCTION wa_private.sane_time(seconds double precision, received timestamptz)
RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN seconds > 1230768000 AND seconds < extract(epoch FROM received) + 86400
		THEN to_timestamp(seconds) ELSE received END;
END
$$;
COMMENT ON FUNCTION wa_private.sane_time(double precision, timestamptz) IS 'a time of the server, or ours when it cannot be true';

/*
 * How a join came about, sheet 2 section 2.7.  requested: the person has an
 * open request to join.
 */
CREATE FUNCTION wa_private.join_verdict(reason text, actor bigint, person bigint, targets integer, requested boolean, in_community boolean)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN reason = 'invite' THEN 'link'
	WHEN reason IS NOT NULL THEN 'community'
	WHEN actor IS NULL THEN 'unknown'
	WHEN actor = person AND targets = 1 THEN CASE WHEN in_community THEN 'community' ELSE 'link' END
	WHEN requested THEN 'approved'
	ELSE 'added'
END;
COMMENT ON FUNCTION wa_private.join_verdict(text, bigint, bigint, integer, boolean, boolean) IS 'how a join came about';

/*
 * How a leave came about, sheet 2 section 2.7: left when alone in the action
 * and by themselves or, for the bot that got it, by nobody; else removed.
 */
CREATE FUNCTION wa_private.leave_verdict(bot bigint, action text, actor jsonb, targets jsonb, same boolean)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF action = 'leave' THEN
		RETURN 'left';
	ELSIF jsonb_array_length(targets) <> 1 THEN
		RETURN 'removed';
	ELSIF actor IS NULL THEN
		RETURN CASE WHEN EXISTS (SELECT FROM wa.bots AS b
				WHERE b.bot_id = bot AND (b.lid = targets -> 0 ->> 'lid' OR b.jid = targets -> 0 ->> 'pn'))
			THEN 'left' ELSE 'removed' END;
	END IF;
	RETURN CASE WHEN same OR wa_private.same_person(actor, targets -> 0) THEN 'left' ELSE 'removed' END;
END
$$;
COMMENT ON FUNCTION wa_private.leave_verdict(bigint, text, jsonb, jsonb, boolean) IS 'how a leave came about';

/* A bot saw an event. */
CREATE FUNCTION wa_private.see_event(event bigint, bot bigint, id bigint, notification text, ordinal integer, sent_at timestamptz,
	seen_at timestamptz, offline boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO wa.event_sightings (event_id, bot_id, group_id, notification_id, ordinal, sent_at, seen_at, offline)
	VALUES (event, bot, id, notification, see_event.ordinal, see_event.sent_at, see_event.seen_at, see_event.offline)
	ON CONFLICT ON CONSTRAINT event_sightings_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.see_event(bigint, bigint, bigint, text, integer, timestamptz, timestamptz, boolean) IS
'writes down that a bot saw an event';

/*
 * Moves the group to the version of a change.  v_after null: the version stays.
 * Our members stay known to be the server's only while no change was missed.
 */
CREATE FUNCTION wa_private.advance_group(id bigint, v_after bigint, at timestamptz, received timestamptz, gap boolean, incomplete boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.groups AS x
	SET version = greatest(v_after, x.version),
		changed_at = greatest(x.changed_at, received),
		equal_at = CASE WHEN gap OR x.needs_refresh THEN x.equal_at ELSE greatest(x.equal_at, at) END,
		equal_version = CASE WHEN gap OR x.needs_refresh THEN x.equal_version ELSE coalesce(v_after, x.equal_version) END,
		refresh_reason = CASE WHEN x.needs_refresh THEN x.refresh_reason WHEN gap THEN 'gap'
			WHEN incomplete THEN 'incomplete_roster' ELSE x.refresh_reason END,
		needs_refresh = (x.needs_refresh OR gap OR incomplete) AND x.unobserved_since IS NULL
	WHERE x.group_id = id;
END
$$;
COMMENT ON FUNCTION wa_private.advance_group(bigint, bigint, timestamptz, timestamptz, boolean, boolean) IS
'part of the fact group_change: versions and what is known of the members';

/* The raw action with only what concerns one of several targets. */
CREATE FUNCTION wa_private.raw_of_target(raw jsonb, target_no integer, targets integer)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF raw ->> 'tag' = 'create' THEN
		RETURN raw - 'children';
	ELSIF targets > 1 AND jsonb_typeof(raw -> 'children') = 'array' AND jsonb_array_length(raw -> 'children') = targets THEN
		RETURN raw || jsonb_build_object('children', jsonb_build_array(raw -> 'children' -> (target_no - 1)));
	END IF;
	RETURN raw;
END
$$;
COMMENT ON FUNCTION wa_private.raw_of_target(jsonb, integer, integer) IS 'raw attributes of the event of one target';

/*
 * An event already stored that is this one, seen by another bot: by participant
 * version, else by notification, else by content.  Null: none.
 */
CREATE FUNCTION wa_private.known_event(bot bigint, group_id bigint, kind text, target bigint, target_no integer, actor bigint,
	at timestamptz, v_after bigint, notification text, ordinal integer, details jsonb)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	IF v_after IS NOT NULL THEN
		SELECT e.event_id INTO id
		FROM wa.group_events AS e
		WHERE e.group_id = known_event.group_id AND e.version_after = v_after AND e.kind = known_event.kind
			AND e.target IS NOT DISTINCT FROM known_event.target
			AND (e.target_no = known_event.target_no OR e.target IS NOT NULL)
			AND e.source = 'live'
		LIMIT 1;
		RETURN id;
	END IF;
	SELECT e.event_id INTO id
	FROM wa.event_sightings AS s
	JOIN wa.group_events AS e ON e.event_id = s.event_id AND e.occurred_at = s.sent_at
	WHERE s.group_id = known_event.group_id AND s.notification_id = notification AND s.ordinal = known_event.ordinal
		AND s.sent_at = at AND notification <> ''
		AND e.kind = known_event.kind AND e.target IS NOT DISTINCT FROM known_event.target
		AND e.target_no = known_event.target_no
	LIMIT 1;
	IF id IS NULL THEN
		SELECT e.event_id INTO id
		FROM wa.group_events AS e
		WHERE e.group_id = known_event.group_id AND e.occurred_at = at AND e.kind = known_event.kind
			AND e.target IS NOT DISTINCT FROM known_event.target AND e.target_no = known_event.target_no
			AND e.actor IS NOT DISTINCT FROM known_event.actor AND e.details IS NOT DISTINCT FROM known_event.details
			AND e.source = 'live'
			AND NOT EXISTS (SELECT FROM wa.event_sightings AS s
							WHERE s.event_id = e.event_id AND s.bot_id = bot AND notification <> '')
		ORDER BY e.event_id
		LIMIT 1;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION wa_private.known_event(bigint, bigint, text, bigint, integer, bigint, timestamptz, bigint, text, integer, jsonb) IS
'the stored event that this one is, when another bot saw it before';

/* An event of source snapshot about the group itself that turns out to be this one. */
CREATE FUNCTION wa_private.inferred_event(group_id bigint, kind text, at timestamptz, details jsonb)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT e.event_id
			FROM wa.group_events AS e
			WHERE e.group_id = inferred_event.group_id AND e.occurred_at >= at AND e.kind = inferred_event.kind
				AND e.source = 'snapshot' AND e.details = inferred_event.details
				AND (e.at_precision IS NULL OR at >= date_trunc('second', e.occurred_at - e.at_precision))
			ORDER BY e.occurred_at
			LIMIT 1);
END
$$;
COMMENT ON FUNCTION wa_private.inferred_event(bigint, text, timestamptz, jsonb) IS
'the event inferred from a list that this one turns out to be';

/* What a change means for the row of the group, members and versions apart. */
CREATE FUNCTION wa_private.change_group(g record, kind text, action text, fact jsonb, at timestamptz, actor bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	carried jsonb := jsonb_build_array(fact -> 'carried') || coalesce(fact -> 'also_carried', '[]');
	link_type text := coalesce(fact ->> 'text', wa_private.raw_attr(fact, 'link_type'));
BEGIN
	CASE kind
		WHEN 'subject' THEN
			UPDATE wa.groups AS x
			SET subject = fact ->> 'text', subject_at = at, subject_by = actor
			WHERE x.group_id = g.group_id AND (x.subject_at IS NULL OR x.subject_at <= at);
		WHEN 'description' THEN
			UPDATE wa.groups AS x
			SET description = fact ->> 'text', description_id = coalesce(fact ->> 'text_id', wa_private.raw_attr(fact, 'id')), description_at = at,
				description_by = actor
			WHERE x.group_id = g.group_id AND (x.description_at IS NULL OR x.description_at <= at);
		WHEN 'invite_link' THEN
			IF fact ->> 'text' IS NOT NULL THEN
				UPDATE wa.invite_links AS l SET valid_until = at
				WHERE l.group_id = g.group_id AND l.valid_until IS NULL AND l.valid_from <= at
					AND l.code <> fact ->> 'text';
				INSERT INTO wa.invite_links (group_id, code, valid_from, made_by)
				VALUES (g.group_id, fact ->> 'text', at, actor)
				ON CONFLICT ON CONSTRAINT invite_links_group_id_code_key DO NOTHING;
			END IF;
		WHEN 'suspended' THEN
			UPDATE wa.groups AS x SET suspended = action = 'suspended' WHERE x.group_id = g.group_id;
		WHEN 'link' THEN
			UPDATE wa.groups AS x SET parent_jid = mention.jid
			FROM (SELECT c.body ->> 'jid' AS jid FROM jsonb_array_elements(carried) AS c (body)) AS mention
			WHERE x.group_id = g.group_id AND link_type = 'parent_group';
			UPDATE wa.groups AS x SET parent_jid = g.jid
			WHERE link_type = 'sub_group' AND x.jid IN (SELECT c.body ->> 'jid' FROM jsonb_array_elements(carried) AS c (body));
		WHEN 'unlink' THEN
			UPDATE wa.groups AS x SET parent_jid = NULL
			FROM (SELECT c.body ->> 'jid' AS jid FROM jsonb_array_elements(carried) AS c (body)) AS mention
			WHERE (x.group_id = g.group_id AND x.parent_jid = mention.jid) OR (x.jid = mention.jid AND x.parent_jid = g.jid);
		ELSE
			NULL;
	END CASE;
	IF fact -> 'settings' <> '{}' THEN
		PERFORM wa_private.set_settings(g.group_id, wa_private.said_settings(fact -> 'settings'), at);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.change_group(record, text, text, jsonb, timestamptz, bigint) IS
'part of the fact group_change: what it means for the group';

/* A request to join, or its end.  how: method, or withdrawn or rejected. */
CREATE FUNCTION wa_private.change_request(group_id bigint, kind text, person bigint, how text, actor bigint, at timestamptz, event bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF kind = 'join_request' THEN
		INSERT INTO wa.join_requests (group_id, user_id, requested_at, method, proposed_by, request_event_id)
		VALUES (change_request.group_id, person, at, how, CASE WHEN actor <> person THEN actor END, event)
		ON CONFLICT (group_id, user_id) WHERE decided_at IS NULL DO NOTHING;
	ELSE
		UPDATE wa.join_requests AS r
		SET decided_at = greatest(at, r.requested_at), decision = how, decided_by = actor, decision_event_id = event
		WHERE r.group_id = change_request.group_id AND r.user_id = person AND r.decided_at IS NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.change_request(bigint, text, bigint, text, bigint, timestamptz, bigint) IS
'part of the fact group_change: requests to join';

/*
 * What a change says of bots of ours among its targets: joined, left, another
 * role.  A create says it of the bot that got it.
 */
CREATE FUNCTION wa_private.change_own_bots(bot bigint, g record, kind text, fact jsonb, at timestamptz, received timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	named jsonb := CASE kind WHEN 'create' THEN fact #> '{carried,participants}' ELSE fact -> 'targets' END;
	own record;
BEGIN
	FOR own IN
		SELECT DISTINCT ON (b.bot_id) b.bot_id,
			CASE WHEN kind = 'demote' THEN 'member' WHEN t.body ->> 'role' IN ('admin', 'superadmin') THEN t.body ->> 'role'
				WHEN kind = 'promote' THEN 'admin' ELSE 'member' END AS role
		FROM jsonb_array_elements(CASE jsonb_typeof(named) WHEN 'array' THEN named END) WITH ORDINALITY AS t (body, no)
		JOIN wa.bots AS b ON b.lid = t.body ->> 'lid' OR b.jid = t.body ->> 'pn'
		WHERE kind <> 'create' OR b.bot_id = bot
		ORDER BY b.bot_id, t.no
	LOOP
		IF kind = 'leave' THEN
			PERFORM wa_private.bot_is_out(own.bot_id, g.group_id, at);
		ELSE
			PERFORM wa_private.bot_is_in(own.bot_id, g.group_id, own.role, received,
				CASE WHEN kind IN ('join', 'create') THEN at END);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.change_own_bots(bigint, record, text, jsonb, timestamptz, timestamptz) IS
'part of the fact group_change: our own bots';

/*
 * Whether a create tells of a group that was just made, and not of a bot that
 * came into one that was there.
 */
CREATE FUNCTION wa_private.is_new_group(g record, fact jsonb, at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text := wa_private.raw_attr(fact, 'type');
	created double precision := (fact #>> '{carried,created_at}')::double precision;
BEGIN
	RETURN coalesce(type = 'new'
		OR (type IS NULL AND fact ->> 'reason' IS NULL AND g.roster_at IS NULL AND abs(extract(epoch FROM at) - created) <= 60),
		false);
END
$$;
COMMENT ON FUNCTION wa_private.is_new_group(record, jsonb, timestamptz) IS 'whether a create tells of a group that was just made';

/*
 * The bot came into a group that was there, which sends it the list of members.
 * That is the bot's join and no event of its own: the others are told by an
 * add, before or after this.
 */
CREATE FUNCTION wa_private.apply_entry(bot bigint, g record, fact jsonb, people jsonb, at timestamptz, received timestamptz,
	actor bigint, OUT event_ids bigint[], OUT ask boolean)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	said jsonb := fact -> 'carried';
	listed_version bigint := (said ->> 'version')::bigint;
	notification text := coalesce(fact ->> 'notification', '');
	place integer := coalesce((fact ->> 'ordinal')::integer, 0);
	-- other bots told all of it, and maybe what came after it
	told boolean := coalesce(g.roster_complete AND NOT g.needs_refresh AND g.unobserved_since IS NULL
							 AND listed_version <= g.version, false);
	verdict text := wa_private.join_verdict(fact ->> 'reason', actor, NULL, 1, false, false);
	own record;
	m record;
	id bigint;
	inferred bigint;
BEGIN
	event_ids := '{}';
	ask := false;
	SELECT wa_private.person_of(people, t.body) AS user_id,
		CASE WHEN t.body ->> 'role' IN ('admin', 'superadmin') THEN t.body ->> 'role' ELSE 'member' END AS role INTO own
	FROM wa.bots AS b
	JOIN jsonb_array_elements(CASE jsonb_typeof(said -> 'participants') WHEN 'array' THEN said -> 'participants' END) AS t (body)
		ON b.lid = t.body ->> 'lid' OR b.jid = t.body ->> 'pn'
	WHERE b.bot_id = bot
	LIMIT 1;
	IF own.user_id IS NOT NULL THEN
		SELECT x.join_event_id, x.joined_at, x.join_source INTO m
		FROM wa.memberships AS x
		WHERE x.group_id = g.group_id AND x.user_id = own.user_id AND x.left_at IS NULL;
		IF NOT FOUND AND told AND listed_version < g.version THEN
			RETURN;					-- delivered again, and the bot is out since then
		ELSIF m.join_source = 'live' AND m.joined_at = at THEN
			id := m.join_event_id;
		ELSE
			id := nextval('wa.group_events_event_id_seq');
			inferred := wa_private.member_joined(g, own.user_id, own.role, at, NULL, listed_version, verdict,
				CASE verdict WHEN 'added' THEN actor END, id, false, false, true);
			IF inferred IS NULL THEN
				INSERT INTO wa.group_events (event_id, group_id, occurred_at, source, kind, action, target, version_after, received_at)
				VALUES (id, g.group_id, at, 'live', 'join', 'create', own.user_id, listed_version, received);
			END IF;
			id := coalesce(inferred, id);
			UPDATE wa.group_events AS e
			SET occurred_at = at, at_precision = interval '0', source = 'live', action = 'create', how = verdict,
				actor = apply_entry.actor, target_no = 1, reason = fact ->> 'reason', notification_id = notification,
				ordinal = place, raw = wa_private.raw_of_target(fact -> 'raw', 1, 1)
			WHERE e.event_id = id;
			event_ids := event_ids || id;
		END IF;
	END IF;
	PERFORM wa_private.change_own_bots(bot, g, 'create', fact, at, received);
	IF id IS NOT NULL THEN
		PERFORM wa_private.see_event(id, bot, g.group_id, notification, place, at, received,
			coalesce((fact ->> 'offline')::boolean, false));
	END IF;
	IF NOT told THEN
		SELECT apply_entry.event_ids || r.event_ids, r.ask INTO event_ids, ask
		FROM wa_private.apply_group(bot, said, 'create', at, at, people, NULL, NULL) AS r;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply_entry(bigint, record, jsonb, jsonb, timestamptz, timestamptz, bigint) IS
'part of the fact group_change: a create that tells of a bot that came into a group';

/* A change in a group of which nothing about people is stored. */
CREATE FUNCTION wa_private.apply_unwatched(bot bigint, g record, kind text, fact jsonb, at timestamptz, received timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF kind = 'subject' THEN
		UPDATE wa.groups AS x SET subject = fact ->> 'text', subject_at = at
		WHERE x.group_id = g.group_id AND (x.subject_at IS NULL OR x.subject_at <= at);
	ELSIF kind = 'create' AND fact -> 'carried' ? 'jid' THEN
		PERFORM wa_private.apply_group(bot, fact -> 'carried', 'create', at, at, '{}', NULL, NULL);
		PERFORM wa_private.change_own_bots(bot, g, kind, fact, at, received);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply_unwatched(bigint, record, text, jsonb, timestamptz, timestamptz) IS
'part of the fact group_change: a group that is not watched';

/*
 * The fact "group_change".  Returns the events it made or made sure, and
 * whether the bot should ask for the group's metadata.
 */
CREATE FUNCTION wa_private.apply_change(bot bigint, fact jsonb, received timestamptz, people jsonb, OUT event_ids bigint[], OUT ask boolean)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
<<this>>
DECLARE
	g wa.groups;
	action text := fact ->> 'kind';
	kind text := wa_private.event_kind(action);
	at timestamptz := wa_private.sane_time((fact ->> 'at')::double precision, received);
	actor bigint;
	v_before bigint := (fact ->> 'version_before')::bigint;
	v_after bigint := (fact ->> 'version_after')::bigint;
	notification text := coalesce(fact ->> 'notification', '');
	ordinal integer := coalesce((fact ->> 'ordinal')::integer, 0);
	offline boolean := coalesce((fact ->> 'offline')::boolean, false);
	targets jsonb := coalesce(fact -> 'targets', '[]');
	n_targets integer;
	watched boolean;
	shared boolean;
	chained boolean;
	late boolean;
	covered boolean;
	gap boolean;
	details jsonb;
	how text;
	person bigint;
	request record;
	id bigint;
	inferred bigint;
	more record;
	raw jsonb;
	told bigint[];
	twin bigint;
BEGIN
	event_ids := '{}';
	ask := false;
	IF action IS NULL OR jsonb_typeof(targets) <> 'array' THEN
		RAISE EXCEPTION 'group_change without kind, or with targets that are no list'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF jsonb_path_exists(targets, '$[*].error') THEN
		-- named in the action, but the server did not do it to them
		targets := jsonb_path_query_array(targets, '$[*] ? (!exists(@.error))');
		IF targets = '[]' THEN
			RETURN;
		END IF;
	END IF;
	n_targets := jsonb_array_length(targets);
	SELECT x.* INTO g FROM wa.groups AS x WHERE x.jid = fact ->> 'group';

	-- these move the participant version; others only when they fit its chain
	chained := kind IN ('join', 'leave', 'promote', 'demote', 'number_change')
		OR (v_before IS NOT NULL AND v_before = g.version);
	late := chained AND coalesce(v_after <= g.version, false);
	covered := late AND coalesce(v_after <= g.roster_version, false);
	gap := chained AND NOT late AND coalesce(v_before <> g.version, false);

	IF (late OR v_after IS NULL OR NOT chained) AND notification <> '' AND EXISTS (
		SELECT FROM wa.event_sightings AS s
		WHERE s.group_id = g.group_id AND s.notification_id = notification AND s.ordinal = this.ordinal
			AND s.bot_id = bot AND s.sent_at = at) THEN
		RETURN;					-- delivered again
	END IF;

	IF kind IN ('join', 'leave', 'promote', 'demote') AND NOT covered THEN
		PERFORM wa_private.change_own_bots(bot, g, kind, fact, at, received);
	END IF;
	IF g.watch_level = 'none' THEN
		PERFORM wa_private.apply_unwatched(bot, g, kind, fact, at, received);
		RETURN;
	END IF;

	shared := notification = '' OR EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.group_id = g.group_id AND b.bot_id <> bot);
	watched := g.watch_level IN ('members', 'messages');
	IF watched THEN
		actor := wa_private.person_of(people, fact -> 'actor');
	END IF;
	details := nullif(jsonb_strip_nulls(jsonb_build_object('text', fact ->> 'text',
		'settings', wa_private.said_settings(fact -> 'settings'),
		'state', CASE WHEN action IN ('suspended', 'unsuspended', 'growth_locked', 'growth_unlocked') THEN action END,
		'group', CASE WHEN kind IN ('link', 'unlink', 'create') THEN fact #>> '{carried,jid}' END)), '{}');
	IF kind = 'join_request' AND n_targets = 0 AND fact ? 'actor' THEN
		-- the one who asks is the actor
		targets := jsonb_build_array(fact -> 'actor');
		n_targets := 1;
	END IF;
	IF kind = 'create' THEN
		targets := '[]';
		n_targets := 0;
	END IF;

	IF kind = 'create' AND fact -> 'carried' ? 'jid' THEN
		IF NOT wa_private.is_new_group(g, fact, at) THEN
			SELECT r.* INTO event_ids, ask FROM wa_private.apply_entry(bot, g, fact, people, at, received, actor) AS r;
			RETURN;
		END IF;
		PERFORM wa_private.change_own_bots(bot, g, kind, fact, at, received);
	END IF;

	FOR i IN least(n_targets, 1)..n_targets LOOP
		person := CASE WHEN watched AND i > 0 THEN wa_private.person_of(people, targets -> (i - 1)) END;
		IF late OR (shared AND (v_after IS NULL OR NOT chained)) THEN
			id := wa_private.known_event(bot, g.group_id, kind, person, i, actor, at, CASE WHEN chained THEN v_after END,
				notification, ordinal, details);
			IF id IS NOT NULL THEN
				PERFORM wa_private.see_event(id, bot, g.group_id, notification, ordinal, at, received, offline);
				CONTINUE;
			END IF;
		END IF;

		told := NULL;
		twin := NULL;
		IF watched AND g.history_until IS NOT NULL THEN
			-- the server's word takes the place of history's
			IF person IS NOT NULL AND kind IN ('join', 'leave') THEN
				told := wa_private.lift_history(g.group_id, ARRAY[person]);
			END IF;
			twin := wa_private.history_twin(g, kind, person, at, details);
		END IF;
		id := coalesce(twin, nextval('wa.group_events_event_id_seq'));
		raw := CASE WHEN NOT watched THEN NULL WHEN n_targets > 1 OR kind = 'create'
			THEN wa_private.raw_of_target(fact -> 'raw', i, n_targets) ELSE fact -> 'raw' END;
		inferred := NULL;
		how := NULL;
		IF kind = 'join' THEN
			request := NULL;
			IF watched THEN
				SELECT r.request_id INTO request
				FROM wa.join_requests AS r
				WHERE r.group_id = g.group_id AND r.user_id = person AND r.decided_at IS NULL;
				how := wa_private.join_verdict(fact ->> 'reason', actor, person, n_targets, FOUND, g.parent_jid IS NOT NULL);
				IF FOUND THEN
					PERFORM wa_private.change_request(g.group_id, kind, person, CASE how WHEN 'approved' THEN 'approved' ELSE 'joined' END,
						nullif(actor, person), at, id);
				END IF;
			ELSE
				how := CASE WHEN fact ->> 'reason' = 'invite' THEN 'link' WHEN fact ? 'reason' THEN 'community'
					WHEN NOT fact ? 'actor' THEN 'unknown'
					WHEN n_targets = 1 AND wa_private.same_person(fact -> 'actor', targets -> 0) THEN 'link' ELSE 'added' END;
			END IF;
			IF person IS NOT NULL THEN
				inferred := wa_private.member_joined(g, person,
					CASE targets -> (i - 1) ->> 'role' WHEN 'admin' THEN 'admin' WHEN 'superadmin' THEN 'superadmin' ELSE 'member' END,
					at, v_before, v_after, how, CASE WHEN how IN ('added', 'approved') THEN actor END, id, late, covered,
					gap OR coalesce(g.equal_version < g.version, true));
			END IF;
		ELSIF kind = 'leave' THEN
			how := wa_private.leave_verdict(bot, action, fact -> 'actor', targets, coalesce(actor = person, false));
			IF person IS NOT NULL THEN
				inferred := wa_private.member_left(g, person, at, v_before, v_after, how,
					CASE how WHEN 'removed' THEN actor END, id, late, covered);
			END IF;
		ELSIF kind IN ('promote', 'demote') THEN
			IF person IS NOT NULL THEN
				inferred := wa_private.member_role_changed(g, person, kind,
					CASE WHEN targets -> (i - 1) ->> 'role' IN ('admin', 'superadmin') THEN targets -> (i - 1) ->> 'role'
						WHEN kind = 'promote' THEN 'admin' ELSE 'member' END,
					v_after, late, covered);
			END IF;
		ELSIF kind IN ('join_request', 'request_revoked') THEN
			how := CASE WHEN kind = 'join_request' THEN coalesce(fact ->> 'reason', wa_private.raw_attr(fact, 'request_method'))
				WHEN wa_private.same_person(fact -> 'actor', targets -> (i - 1)) OR actor = person THEN 'withdrawn'
				ELSE 'rejected' END;
			IF person IS NOT NULL THEN
				PERFORM wa_private.change_request(g.group_id, kind, person, how, actor, at, id);
			END IF;
		ELSIF n_targets = 0 THEN
			inferred := wa_private.inferred_event(g.group_id, kind, at, details);
		END IF;

		IF inferred IS NULL AND twin IS NULL THEN
			INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, actor, target,
				target_no, reason, version_before, version_after, notification_id, ordinal, details, raw, received_at)
			VALUES (id, g.group_id, at, interval '0', 'live', kind, action, how, actor, person, i, fact ->> 'reason', v_before,
				v_after, notification, ordinal, details,
				raw, received);
		ELSE
			id := coalesce(inferred, twin);
			DELETE FROM wa.group_events AS e WHERE e.event_id = twin AND twin <> inferred;
			UPDATE wa.group_events AS e
			SET occurred_at = this.at, at_precision = interval '0', source = 'live', action = this.action,
				how = this.how, actor = this.actor, target_no = i, reason = fact ->> 'reason',
				version_before = v_before, version_after = v_after, notification_id = notification,
				ordinal = this.ordinal, details = this.details,
				raw = this.raw
			WHERE e.event_id = this.id;
		END IF;
		PERFORM wa_private.see_event(id, bot, g.group_id, notification, ordinal, at, received, offline);
		event_ids := event_ids || id;
		IF told IS NOT NULL THEN
			event_ids := event_ids || wa_private.settle_history(g.group_id, told, received);
		END IF;
	END LOOP;

	IF event_ids = '{}' THEN
		RETURN;					-- another bot was first: all of it is stored
	END IF;
	IF kind = 'create' AND fact -> 'carried' ? 'jid' THEN
		SELECT r.* INTO more
		FROM wa_private.apply_group(bot, fact -> 'carried', 'create', at, at, people,
			to_timestamp((fact #>> '{carried,created_at}')::double precision), actor) AS r;
		event_ids := event_ids || more.event_ids;
		ask := more.ask;
		RETURN;
	ELSIF kind = 'delete' THEN
		PERFORM wa_private.end_group(g, at, actor, event_ids[1], v_after);
	ELSIF kind NOT IN ('join', 'leave', 'promote', 'demote') THEN
		PERFORM wa_private.change_group(g, kind, action, fact, at, actor);
	ELSIF kind IN ('join', 'leave') AND NOT watched AND NOT late AND g.size IS NOT NULL THEN
		PERFORM wa_private.count_group(g.group_id,
			greatest(g.size + CASE kind WHEN 'join' THEN n_targets ELSE -n_targets END, 0), at, 'event');
	END IF;

	IF (chained AND NOT late) OR fact -> 'roster_incomplete' = 'true' THEN
		PERFORM wa_private.advance_group(g.group_id, CASE WHEN NOT late THEN v_after END, at, received, gap,
			coalesce(fact -> 'roster_incomplete' = 'true', false));
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply_change(bigint, jsonb, timestamptz, jsonb) IS
'the fact group_change: one action of a group notification';

/* The group is gone, and everybody is out of it. */
CREATE FUNCTION wa_private.end_group(g record, at timestamptz, actor bigint, event bigint, v_after bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.memberships AS m
	SET left_at = greatest(at, m.joined_at), left_precision = interval '0', leave_kind = 'removed', leave_source = 'live',
		remover = actor, leave_event_id = event, left_version = v_after
	WHERE m.group_id = g.group_id AND m.left_at IS NULL;
	UPDATE wa.bot_groups AS b SET left_at = at WHERE b.group_id = g.group_id AND b.left_at IS NULL;
	UPDATE wa.groups AS x
	SET deleted_at = at, needs_refresh = false, unobserved_since = coalesce(x.unobserved_since, at),
		size = CASE WHEN x.watch_level = 'none' THEN x.size ELSE 0 END
	WHERE x.group_id = g.group_id;
END
$$;
COMMENT ON FUNCTION wa_private.end_group(record, timestamptz, bigint, bigint, bigint) IS
'part of the fact group_change: the group was deleted';

/* Two identities of facts are one: LID with LID, number with number. */
CREATE FUNCTION wa_private.same_person(a jsonb, b jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(a ->> 'lid' = b ->> 'lid', false) OR coalesce(a ->> 'pn' = b ->> 'pn', false);
COMMENT ON FUNCTION wa_private.same_person(jsonb, jsonb) IS 'two identities of facts name the same person';
