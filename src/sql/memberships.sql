/*
 * memberships.sql
 *		What a join or a leave does to wa.memberships.
 *
 * Changes come in the order of participant versions, mostly.  A change is late
 * when a newer one was applied already: another bot was faster, the offline
 * queue brought it after a list of members, or the network changed the order.
 * covered says that a list of members newer than the change was applied.
 *
 * A late change makes an unsure boundary sure when it falls into its range;
 * the event that stood for it (source snapshot) then becomes the live one.  A
 * late change that no boundary asks for was undone again before the list:
 * then the stay that it begins or ends is written with the other end unsure.
 */

/* An event that was never seen but must have been, between two points. */
CREATE FUNCTION wa_private.infer_event(group_id bigint, kind text, person bigint, after_at timestamptz, until_at timestamptz,
	after_version bigint, until_version bigint, details jsonb DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM wa_private.make_partition(until_at);
	INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, how, target, version_before,
		version_after, details, received_at)
	VALUES (infer_event.group_id, until_at, greatest(until_at - after_at, interval '0'), 'snapshot', infer_event.kind,
		CASE infer_event.kind WHEN 'join' THEN 'add' WHEN 'leave' THEN 'remove' ELSE infer_event.kind END,
		CASE WHEN infer_event.kind IN ('join', 'leave') THEN 'unknown' END, person, after_version, until_version,
		infer_event.details, clock_timestamp())
	RETURNING group_events.event_id INTO id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION wa_private.infer_event(bigint, text, bigint, timestamptz, timestamptz, bigint, bigint, jsonb) IS
'writes an event with source snapshot that happened after one point and not after another';

/*
 * A person joined.  group_row is the row of wa.groups before the change; gap
 * says that some change before this one was missed and not yet found out.  Returns the event of source
 * snapshot that stood for this join, if there is one: it is this event, and no
 * new row is needed.
 */
CREATE FUNCTION wa_private.member_joined(group_row record, person bigint, member_role text, at timestamptz, v_before bigint,
	v_after bigint, how text, actor bigint, event bigint, late boolean, covered boolean, gap boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
	following record;
	ended boolean := false;
	since_at timestamptz;
	since_version bigint;
	until_at timestamptz;
	until_version bigint;
BEGIN
	IF late OR v_after IS NULL THEN
		SELECT x.* INTO m
		FROM wa.memberships AS x
		WHERE x.group_id = group_row.group_id AND x.user_id = person AND x.join_source = 'snapshot'
			AND CASE WHEN v_after IS NOT NULL AND x.joined_version IS NOT NULL
				THEN v_after <= x.joined_version AND v_after > coalesce(x.joined_after_version, -1)
				ELSE at <= x.joined_at
					AND (x.joined_precision IS NULL OR at >= date_trunc('second', x.joined_at - x.joined_precision))
				END
		ORDER BY x.joined_at
		LIMIT 1;
		IF FOUND THEN
			UPDATE wa.memberships AS x
			SET joined_at = least(at, m.left_at), joined_precision = interval '0', join_kind = how, join_source = 'live',
				inviter = actor, join_event_id = coalesce(m.join_event_id, event),
				joined_version = coalesce(v_after, m.joined_version), joined_after_version = v_before
			WHERE x.membership_id = m.membership_id;
			RETURN m.join_event_id;
		END IF;
	END IF;

	SELECT x.* INTO m
	FROM wa.memberships AS x
	WHERE x.group_id = group_row.group_id AND x.user_id = person
		AND CASE WHEN late AND x.joined_version IS NOT NULL
			THEN x.joined_version <= v_after AND (x.left_at IS NULL OR x.left_version > v_after)
			ELSE x.left_at IS NULL END
	LIMIT 1;
	IF FOUND THEN
		IF NOT coalesce(m.joined_version < v_after AND (late OR gap), false) THEN
			-- in already: the event is all there is to it, but a newer list shall confirm it
			UPDATE wa.groups AS g
			SET needs_refresh = true, refresh_reason = 'contradiction'
			WHERE g.group_id = group_row.group_id AND NOT late AND v_after IS NOT NULL AND NOT g.needs_refresh;
			RETURN NULL;
		END IF;
		-- what was missed, or comes later, includes their leaving: this stay ended, and the new one has its end
		since_version := greatest(m.joined_version, CASE WHEN group_row.equal_version < v_after THEN group_row.equal_version END);
		since_at := greatest(m.joined_at, CASE WHEN group_row.equal_version < v_after THEN group_row.equal_at END);
		UPDATE wa.memberships AS x
		SET left_at = greatest(at, m.joined_at), left_precision = greatest(at - since_at, interval '0'),
			leave_kind = 'unknown', leave_source = 'snapshot', remover = NULL, left_version = coalesce(v_before, v_after),
			left_after_version = since_version,
			leave_event_id = wa_private.infer_event(group_row.group_id, 'leave', person, since_at, greatest(at, m.joined_at),
				since_version, coalesce(v_before, v_after))
		WHERE x.membership_id = m.membership_id;
		INSERT INTO wa.memberships (group_id, user_id, role, role_version, joined_at, joined_precision, join_kind, join_source,
			inviter, join_event_id, joined_version, joined_after_version, left_at, left_precision, leave_kind, leave_source,
			remover, leave_event_id, left_version, left_after_version)
		VALUES (group_row.group_id, person, CASE WHEN late THEN m.role ELSE member_role END, greatest(v_after, m.role_version),
			least(at, m.left_at), interval '0', how, 'live', actor, event, v_after, v_before, m.left_at, m.left_precision,
			m.leave_kind, m.leave_source, m.remover, m.leave_event_id, m.left_version, m.left_after_version);
		RETURN NULL;
	END IF;

	-- an unsure end lies before the next begin, whatever our clock says
	UPDATE wa.memberships AS x
	SET left_at = greatest(at, x.joined_at), left_precision = greatest(x.left_precision - (x.left_at - at), interval '0')
	WHERE x.group_id = group_row.group_id AND x.user_id = person AND x.leave_source = 'snapshot' AND x.left_at > at
		AND x.left_version <= v_after;
	IF late THEN
		SELECT x.joined_at, x.joined_version INTO following
		FROM wa.memberships AS x
		WHERE x.group_id = group_row.group_id AND x.user_id = person AND x.joined_version > v_after
		ORDER BY x.joined_version
		LIMIT 1;
		ended := FOUND OR covered;
	END IF;
	IF ended THEN
		-- they were out again before the list, or before they came the next time
		until_at := greatest(at, coalesce(following.joined_at, group_row.roster_at));
		until_version := coalesce(following.joined_version - 1, group_row.roster_version);
	END IF;
	INSERT INTO wa.memberships (group_id, user_id, role, role_version, joined_at, joined_precision, join_kind, join_source,
		inviter, join_event_id, joined_version, joined_after_version, left_at, left_precision, leave_kind, leave_source,
		left_version, left_after_version, leave_event_id)
	VALUES (group_row.group_id, person, member_role, v_after, at, interval '0', how, 'live', actor, event, v_after, v_before,
		until_at, until_at - at, CASE WHEN ended THEN 'unknown' END, CASE WHEN ended THEN 'snapshot' END,
		until_version, CASE WHEN ended THEN v_after END,
		CASE WHEN ended THEN wa_private.infer_event(group_row.group_id, 'leave', person, at, until_at, v_after, until_version) END);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION wa_private.member_joined(record, bigint, text, timestamptz, bigint, bigint, text, bigint, bigint, boolean, boolean, boolean) IS
'writes a join into wa.memberships; returns the inferred event that it turns out to be';

/* A person left.  As above. */
CREATE FUNCTION wa_private.member_left(group_row record, person bigint, at timestamptz, v_before bigint, v_after bigint,
	how text, actor bigint, event bigint, late boolean, covered boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
	since_at timestamptz;
	since_version bigint;
BEGIN
	IF late OR v_after IS NULL THEN
		SELECT x.* INTO m
		FROM wa.memberships AS x
		WHERE x.group_id = group_row.group_id AND x.user_id = person AND x.leave_source = 'snapshot'
			AND CASE WHEN v_after IS NOT NULL AND x.left_version IS NOT NULL
				THEN v_after <= x.left_version AND v_after > coalesce(x.left_after_version, -1)
				ELSE at <= x.left_at
					AND (x.left_precision IS NULL OR at >= date_trunc('second', x.left_at - x.left_precision))
				END
		ORDER BY x.left_at
		LIMIT 1;
		IF FOUND THEN
			UPDATE wa.memberships AS x
			SET left_at = greatest(at, m.joined_at), left_precision = interval '0', leave_kind = how, leave_source = 'live',
				remover = actor, leave_event_id = coalesce(m.leave_event_id, event),
				left_version = coalesce(v_after, m.left_version), left_after_version = v_before
			WHERE x.membership_id = m.membership_id;
			RETURN m.leave_event_id;
		END IF;
	END IF;

	SELECT x.* INTO m
	FROM wa.memberships AS x
	WHERE x.group_id = group_row.group_id AND x.user_id = person
		AND CASE WHEN late AND x.joined_version IS NOT NULL
			THEN x.joined_version < v_after AND (x.left_at IS NULL OR x.left_version > v_after)
			ELSE x.left_at IS NULL END
	LIMIT 1;
	IF FOUND THEN
		-- an unsure begin lies before the end, whatever our clock says
		UPDATE wa.memberships AS x
		SET joined_at = CASE m.join_source WHEN 'snapshot' THEN least(at, m.joined_at) ELSE m.joined_at END,
			left_at = CASE m.join_source WHEN 'snapshot' THEN at ELSE greatest(at, m.joined_at) END,
			left_precision = interval '0', leave_kind = how, leave_source = 'live', remover = actor, leave_event_id = event,
			left_version = v_after, left_after_version = v_before
		WHERE x.membership_id = m.membership_id;
		IF late AND (covered OR m.left_at IS NOT NULL) THEN
			-- they were in the newer list, or left once more later: they came back before that
			INSERT INTO wa.memberships (group_id, user_id, role, role_version, label, joined_at, joined_precision, join_kind,
				join_source, join_event_id, joined_version, joined_after_version, left_at, left_precision, leave_kind,
				leave_source, remover, leave_event_id, left_version, left_after_version)
			SELECT m.group_id, person, m.role, m.role_version, m.label, until.point, until.point - at, 'unknown', 'snapshot',
				wa_private.infer_event(group_row.group_id, 'join', person, at, until.point, v_after, until.version),
				until.version, v_after, m.left_at, m.left_precision, m.leave_kind, m.leave_source, m.remover,
				m.leave_event_id, m.left_version, m.left_after_version
			FROM (SELECT greatest(at, least(group_row.roster_at, m.left_at)) AS point,
				least(group_row.roster_version, m.left_version) AS version) AS until;
		END IF;
		RETURN NULL;
	END IF;

	-- nobody saw them come: the next stay, if a list told of it, began after this
	UPDATE wa.memberships AS x
	SET joined_after_version = v_after, joined_precision = greatest(x.joined_at - at, interval '0')
	WHERE late AND x.group_id = group_row.group_id AND x.user_id = person AND x.join_source = 'snapshot'
		AND x.joined_version >= v_after AND coalesce(x.joined_after_version, -1) < v_after;
	-- when they were known to be out before, they joined since then
	SELECT x.left_at, x.left_version INTO m
	FROM wa.memberships AS x
	WHERE x.group_id = group_row.group_id AND x.user_id = person AND x.left_version < v_after
	ORDER BY x.left_version DESC
	LIMIT 1;
	since_version := greatest(m.left_version, CASE WHEN group_row.equal_version < v_after THEN group_row.equal_version END);
	since_at := greatest(m.left_at, CASE WHEN group_row.equal_version < v_after THEN group_row.equal_at END);
	INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, join_event_id,
		joined_version, joined_after_version, left_at, left_precision, leave_kind, leave_source, remover, leave_event_id,
		left_version, left_after_version)
	VALUES (group_row.group_id, person, at, greatest(at - since_at, interval '0'), 'unknown', 'snapshot',
		CASE WHEN since_version < v_before THEN
			wa_private.infer_event(group_row.group_id, 'join', person, since_at, at, since_version, v_before) END,
		v_before, since_version, at, interval '0', how, 'live', actor, event, v_after, v_before);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION wa_private.member_left(record, bigint, timestamptz, bigint, bigint, text, bigint, bigint, boolean, boolean) IS
'writes a leave into wa.memberships; returns the inferred event that it turns out to be';

/*
 * A person became admin or plain member.  Returns the inferred event that it
 * turns out to be.
 */
CREATE FUNCTION wa_private.member_role_changed(group_row record, person bigint, new_kind text, new_role text, v_after bigint,
	late boolean, covered boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	inferred bigint;
BEGIN
	IF late THEN
		SELECT e.event_id INTO inferred
		FROM wa.group_events AS e
		WHERE e.group_id = group_row.group_id AND e.target = person AND e.kind = new_kind AND e.source = 'snapshot'
			AND v_after <= e.version_after AND v_after > coalesce(e.version_before, -1)
		ORDER BY e.event_id
		LIMIT 1;
	END IF;
	IF NOT covered THEN
		UPDATE wa.memberships AS m
		SET role = new_role, role_version = v_after
		WHERE m.group_id = group_row.group_id AND m.user_id = person AND m.left_at IS NULL
			AND (v_after IS NULL OR m.role_version IS NULL OR m.role_version < v_after);
	END IF;
	RETURN inferred;
END
$$;
COMMENT ON FUNCTION wa_private.member_role_changed(record, bigint, text, text, bigint, boolean, boolean) IS
'writes a change of role into wa.memberships; returns the inferred event that it turns out to be';
