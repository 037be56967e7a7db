/*
 * people.sql
 *		Who is who: aliases to people, when rows are written.
 *
 * Locks.  Every writer of people and groups first takes the people lock:
 * shared by those that only add people and aliases, alone by those that merge
 * people or take an alias away.  Then come the rows of wa.groups in the order of
 * their JIDs, then new aliases in the order of kind and value.  Nobody takes
 * an earlier lock after a later one, so writers cannot deadlock.  A shared
 * holder that finds it ought to be alone (another writer was faster) raises
 * serialization_failure: the caller repeats its transaction.
 *
 * Rules.  A LID is the account.  A phone number and a LID named together are
 * one person.  Two people with a LID each are never merged because of a
 * number: the number moved to the one it was last seen with.  They are merged
 * when the server says that one became the other (number change).
 */

CREATE FUNCTION wa_private.lock_people(alone boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF alone THEN
		PERFORM pg_advisory_xact_lock(22338, 1);
	ELSE
		PERFORM pg_advisory_xact_lock_shared(22338, 1);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.lock_people(boolean) IS 'the first lock of every writer of people and groups; alone: to merge people or take aliases away';

/*
 * One identity of a fact as an identity record: key (what a fact calls the
 * person), lid, pn, username, other (values as in wa.user_ids) and what else
 * was said.  Null when it names nobody.
 */
CREATE FUNCTION wa_private.identity_record(identity jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lid text := identity ->> 'lid';
	pn text := identity ->> 'pn';
	username text := identity ->> 'username';
	is_lid boolean := lid LIKE '%@lid' OR lid LIKE '%@hosted.lid';
	is_pn boolean := pn LIKE '%@s.whatsapp.net' OR pn LIKE '%@c.us' OR pn LIKE '%@hosted';
BEGIN
	IF jsonb_typeof(identity) <> 'object' THEN
		RAISE EXCEPTION 'identity is not an object' USING ERRCODE = 'invalid_parameter_value';
	ELSIF coalesce(lid, pn, username) IS NULL THEN
		RETURN NULL;
	ELSIF length(concat(lid, pn, username)) > 600 THEN
		RAISE EXCEPTION 'identity is too long' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('key', coalesce(lid, pn, username),
		'lid', CASE WHEN is_lid THEN split_part(split_part(lid, '@', 1), ':', 1) END,
		'pn', CASE WHEN is_pn THEN split_part(split_part(pn, '@', 1), ':', 1) END,
		'other', CASE WHEN NOT is_lid THEN lid WHEN lid IS NULL AND NOT is_pn THEN pn END,
		'username', username, 'push_name', left(identity ->> 'push_name', 200),
		'display', left(identity ->> 'display', 100), 'country', left(identity ->> 'country', 20)));
END
$$;
COMMENT ON FUNCTION wa_private.identity_record(jsonb) IS 'normalises the identity of a fact';

/* The key under which a map of people holds an identity of a fact. */
CREATE FUNCTION wa_private.person_of(people jsonb, identity jsonb)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (people ->> coalesce(identity ->> 'lid', identity ->> 'pn', identity ->> 'username'))::bigint;
COMMENT ON FUNCTION wa_private.person_of(jsonb, jsonb) IS 'the person of an identity in a map made by wa_private.resolve_people()';

/*
 * What the tables say about identity records.  An alias is its current
 * owner's, else the last owner's.  conflict: the tables and the record cannot
 * both be right without a merge or a move.
 */
CREATE FUNCTION wa_private.look_up_people(records jsonb)
RETURNS TABLE (no bigint, key text, lid text, pn text, username text, other text, creating boolean, at timestamptz,
	source text, authoritative boolean, lid_user bigint, pn_user bigint, user_id bigint, lid_missing boolean,
	pn_missing boolean, conflict boolean, stale boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT r.no, r.body ->> 'key', i.lid, i.pn, r.body ->> 'username', i.other,
		coalesce((r.body ->> 'create')::boolean, false), i.at,
		r.body ->> 'source', coalesce((r.body ->> 'authoritative')::boolean, false),
		l.user_id, p.user_id, who.user_id,
		i.lid IS NOT NULL AND l.user_id IS NULL,
		i.pn IS NOT NULL AND p.user_id IS NULL,
		CASE WHEN i.lid IS NULL OR i.pn IS NULL THEN false
			WHEN l.user_id IS NULL AND p.user_id IS NULL THEN false
			WHEN l.user_id IS NULL THEN
				EXISTS (SELECT FROM wa.user_ids AS x WHERE x.user_id = p.user_id AND x.kind = 'lid' AND x.current)
			WHEN p.user_id IS NULL THEN
				EXISTS (SELECT FROM wa.user_ids AS x WHERE x.user_id = l.user_id AND x.kind = 'pn' AND x.current)
			WHEN l.user_id <> p.user_id THEN true
			ELSE l.current AND NOT p.current
		END,
		u.user_id IS NOT NULL AND (u.last_seen_at < i.at - interval '1 day'
			OR u.push_name IS DISTINCT FROM coalesce(r.body ->> 'push_name', u.push_name)
			OR u.masked_phone IS DISTINCT FROM coalesce(r.body ->> 'display', u.masked_phone)
			OR u.country IS DISTINCT FROM coalesce(r.body ->> 'country', u.country)
			OR (r.body ? 'username' AND NOT EXISTS (SELECT FROM wa.user_ids AS x WHERE x.kind = 'username'
				AND x.value = r.body ->> 'username' AND x.user_id = u.user_id AND x.current)))
	FROM jsonb_array_elements(records) WITH ORDINALITY AS r (body, no)
	CROSS JOIN LATERAL (SELECT r.body ->> 'lid' AS lid, r.body ->> 'pn' AS pn, r.body ->> 'other' AS other,
		to_timestamp((r.body ->> 'at')::double precision) AS at) AS i
	LEFT JOIN LATERAL (SELECT x.user_id, x.current FROM wa.user_ids AS x
		WHERE x.kind = 'lid' AND x.value = i.lid
		ORDER BY x.current DESC, x.last_seen_at DESC LIMIT 1) AS l ON true
	LEFT JOIN LATERAL (SELECT x.user_id, x.current FROM wa.user_ids AS x
		WHERE x.kind = 'pn' AND x.value = i.pn
		ORDER BY x.current DESC, x.last_seen_at DESC LIMIT 1) AS p ON true
	LEFT JOIN LATERAL (SELECT x.user_id FROM wa.user_ids AS x
		WHERE i.lid IS NULL AND i.pn IS NULL
			AND ((x.kind = 'other' AND x.value = i.other)
				OR (i.other IS NULL AND x.kind = 'username' AND x.value = r.body ->> 'username'))
		ORDER BY x.current DESC, x.last_seen_at DESC LIMIT 1) AS n ON true
	CROSS JOIN LATERAL (SELECT coalesce(l.user_id, p.user_id, n.user_id) AS user_id) AS who
	LEFT JOIN wa.users AS u ON u.user_id = who.user_id;
END
$$;
COMMENT ON FUNCTION wa_private.look_up_people(jsonb) IS 'compares identity records with the tables';

/*
 * Two identity records of this call, or one and the tables, contradict each
 * other: resolving them needs the people lock alone.
 */
CREATE FUNCTION wa_private.people_conflict(records jsonb)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF records = '[]' THEN
		RETURN false;
	ELSIF EXISTS (SELECT FROM wa_private.look_up_people(records) AS x WHERE x.conflict) THEN
		RETURN true;
	ELSIF jsonb_array_length(records) = 1 THEN
		RETURN false;
	END IF;
	-- each LID with one number, each number with one LID
	RETURN (SELECT count(DISTINCT p.lid) < count(*) OR count(DISTINCT p.pn) < count(*)
			FROM (SELECT DISTINCT r.body ->> 'lid' AS lid, r.body ->> 'pn' AS pn
				  FROM jsonb_array_elements(records) AS r (body)
				  WHERE r.body ? 'lid' AND r.body ? 'pn') AS p);
END
$$;
COMMENT ON FUNCTION wa_private.people_conflict(jsonb) IS 'identity records cannot be resolved by only adding people and aliases';

/*
 * Finds or makes the people of identity records: [{key, lid, pn, username,
 * other, push_name, display, country, at, create, source, authoritative}].  Those
 * with create false only teach aliases of people who are known.  Returns a map
 * from key to user_id.  The caller holds the people lock; alone says how.
 */
CREATE FUNCTION wa_private.resolve_people(records jsonb, alone boolean)
RETURNS jsonb LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing boolean;
	conflict boolean;
	stale boolean;
	people jsonb;
	hard record;
BEGIN
	IF jsonb_array_length(records) = 0 THEN
		RETURN '{}';
	END IF;
	-- an alias of nobody we know teaches nothing
	SELECT bool_or((x.lid_missing OR x.pn_missing OR x.user_id IS NULL) AND (x.creating OR x.user_id IS NOT NULL)),
		bool_or(x.conflict), bool_or(x.stale),
		coalesce(jsonb_object_agg(x.key, x.user_id) FILTER (WHERE x.user_id IS NOT NULL), '{}')
	INTO missing, conflict, stale, people
	FROM wa_private.look_up_people(records) AS x;

	IF missing THEN
		PERFORM wa_private.add_lids(records);
		PERFORM wa_private.add_phones(records);
		IF jsonb_path_exists(records, '$[*] ? (!exists(@.lid) && !exists(@.pn))') THEN
			PERFORM wa_private.add_names(records);
		END IF;
	END IF;
	IF missing OR conflict THEN
		FOR hard IN
			SELECT x.* FROM wa_private.look_up_people(records) AS x WHERE x.conflict ORDER BY x.no
		LOOP
			IF NOT alone THEN
				RAISE EXCEPTION 'people changed under this transaction'
					USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction.';
			END IF;
			PERFORM wa_private.settle_person(hard.lid, hard.pn, hard.at, hard.source, hard.authoritative OR hard.creating);
		END LOOP;
		SELECT bool_or(x.stale), coalesce(jsonb_object_agg(x.key, x.user_id) FILTER (WHERE x.user_id IS NOT NULL), '{}')
		INTO stale, people
		FROM wa_private.look_up_people(records) AS x;
	END IF;
	IF stale THEN
		PERFORM wa_private.refresh_people(records);
	END IF;
	RETURN people;
END
$$;
COMMENT ON FUNCTION wa_private.resolve_people(jsonb, boolean) IS 'finds or makes the people of identity records';

/* LIDs nobody has: to the person with the number, if they have no LID, else to a new person. */
CREATE FUNCTION wa_private.add_lids(records jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH wanted AS (
		SELECT DISTINCT ON (x.lid) x.lid, x.at, x.source, x.authoritative,
			CASE WHEN NOT x.conflict THEN x.pn_user END AS known
		FROM wa_private.look_up_people(records) AS x
		WHERE x.lid_missing AND (x.creating OR (x.pn_user IS NOT NULL AND NOT x.conflict))
		ORDER BY x.lid, x.pn_user IS NULL, x.no
	), one_each AS (
		-- two LIDs for one number: the first keeps the known person
		SELECT w.*, row_number() OVER (PARTITION BY w.known ORDER BY w.lid) AS turn FROM wanted AS w
	), fresh AS MATERIALIZED (
		SELECT o.lid, o.at, o.source, o.authoritative,
			CASE WHEN o.known IS NULL OR o.turn > 1 THEN nextval(pg_get_serial_sequence('wa.users', 'user_id'))
				ELSE o.known END AS user_id,
			o.known IS NULL OR o.turn > 1 AS is_new
		FROM one_each AS o
		ORDER BY o.lid COLLATE "C"
	), ids AS (
		INSERT INTO wa.user_ids (kind, value, user_id, source, authoritative, first_seen_at, last_seen_at)
		SELECT 'lid', f.lid, f.user_id, f.source, f.authoritative, f.at, f.at FROM fresh AS f
		ORDER BY f.lid COLLATE "C"
		ON CONFLICT (kind, value) WHERE current DO NOTHING
		RETURNING user_ids.user_id
	)
	INSERT INTO wa.users (user_id, first_seen_at, last_seen_at)
	OVERRIDING SYSTEM VALUE
	SELECT f.user_id, f.at, f.at
	FROM fresh AS f JOIN ids AS i ON i.user_id = f.user_id
	WHERE f.is_new;
END
$$;
COMMENT ON FUNCTION wa_private.add_lids(jsonb) IS 'part of wa_private.resolve_people(): LIDs that nobody has';

/* Phone numbers nobody has: to the person with the LID, if they have no number, else to a new person. */
CREATE FUNCTION wa_private.add_phones(records jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH wanted AS (
		SELECT DISTINCT ON (x.pn) x.pn, x.at, x.source, x.authoritative, x.lid_user AS known
		FROM wa_private.look_up_people(records) AS x
		WHERE x.pn_missing AND NOT x.conflict
			AND (x.lid_user IS NOT NULL OR (x.creating AND x.lid IS NULL))
		ORDER BY x.pn, x.lid_user IS NULL, x.no
	), one_each AS (
		-- two numbers for one LID: the first now, the others as conflicts
		SELECT w.*, row_number() OVER (PARTITION BY w.known ORDER BY w.pn) AS turn FROM wanted AS w
	), fresh AS MATERIALIZED (
		SELECT o.pn, o.at, o.source, o.authoritative,
			coalesce(o.known, nextval(pg_get_serial_sequence('wa.users', 'user_id'))) AS user_id,
			o.known IS NULL AS is_new
		FROM one_each AS o
		WHERE o.known IS NULL OR o.turn = 1
		ORDER BY o.pn COLLATE "C"
	), ids AS (
		INSERT INTO wa.user_ids (kind, value, user_id, source, authoritative, first_seen_at, last_seen_at)
		SELECT 'pn', f.pn, f.user_id, f.source, f.authoritative, f.at, f.at FROM fresh AS f
		ORDER BY f.pn COLLATE "C"
		ON CONFLICT (kind, value) WHERE current DO NOTHING
		RETURNING user_ids.user_id
	)
	INSERT INTO wa.users (user_id, first_seen_at, last_seen_at)
	OVERRIDING SYSTEM VALUE
	SELECT f.user_id, f.at, f.at
	FROM fresh AS f JOIN ids AS i ON i.user_id = f.user_id
	WHERE f.is_new;
END
$$;
COMMENT ON FUNCTION wa_private.add_phones(jsonb) IS 'part of wa_private.resolve_people(): phone numbers that nobody has';

/* People of whom only a username or an address of another kind is known. */
CREATE FUNCTION wa_private.add_names(records jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH fresh AS MATERIALIZED (
		SELECT nextval(pg_get_serial_sequence('wa.users', 'user_id')) AS user_id, w.*
		FROM (SELECT DISTINCT ON (x.key) CASE WHEN x.other IS NULL THEN 'username' ELSE 'other' END AS kind,
				coalesce(x.other, x.username) AS value, x.at, x.source
			FROM wa_private.look_up_people(records) AS x
			WHERE x.user_id IS NULL AND x.creating AND x.lid IS NULL AND x.pn IS NULL
			ORDER BY x.key) AS w
	), ids AS (
		INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at)
		SELECT f.kind, f.value, f.user_id, f.source, f.at, f.at FROM fresh AS f
		ORDER BY f.kind, f.value COLLATE "C"
		ON CONFLICT (kind, value) WHERE current DO NOTHING
		RETURNING user_ids.user_id
	)
	INSERT INTO wa.users (user_id, first_seen_at, last_seen_at)
	OVERRIDING SYSTEM VALUE
	SELECT f.user_id, f.at, f.at
	FROM fresh AS f JOIN ids AS i ON i.user_id = f.user_id;
END
$$;
COMMENT ON FUNCTION wa_private.add_names(jsonb) IS 'part of wa_private.resolve_people(): people without LID and number';

/*
 * Names, usernames and the day of the last sight.  People that another writer
 * is changing are left for the next time.
 */
CREATE FUNCTION wa_private.refresh_people(records jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH said AS (
		SELECT x.user_id, max(x.at) AS at,
			(array_agg(r.body ->> 'push_name' ORDER BY x.no DESC) FILTER (WHERE r.body ? 'push_name'))[1] AS push_name,
			(array_agg(r.body ->> 'display' ORDER BY x.no DESC) FILTER (WHERE r.body ? 'display'))[1] AS display,
			(array_agg(r.body ->> 'country' ORDER BY x.no DESC) FILTER (WHERE r.body ? 'country'))[1] AS country
		FROM wa_private.look_up_people(records) AS x
		JOIN jsonb_array_elements(records) WITH ORDINALITY AS r (body, no) ON r.no = x.no
		WHERE x.user_id IS NOT NULL
		GROUP BY x.user_id
	), free AS (
		SELECT u.user_id FROM wa.users AS u
		WHERE u.user_id IN (SELECT s.user_id FROM said AS s)
		FOR NO KEY UPDATE SKIP LOCKED
	), touched AS (
		UPDATE wa.user_ids AS i
		SET last_seen_at = greatest(i.last_seen_at, s.at)
		FROM said AS s, free AS f
		WHERE f.user_id = i.user_id AND s.user_id = i.user_id AND i.current AND i.last_seen_at < s.at - interval '1 day'
	)
	UPDATE wa.users AS u
	SET push_name = coalesce(s.push_name, u.push_name),
		masked_phone = coalesce(s.display, u.masked_phone),
		country = coalesce(s.country, u.country),
		last_seen_at = greatest(u.last_seen_at, s.at)
	FROM said AS s, free AS f
	WHERE f.user_id = u.user_id AND s.user_id = u.user_id;

	INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at)
	SELECT DISTINCT ON (x.username) 'username', x.username, x.user_id, x.source, x.at, x.at
	FROM wa_private.look_up_people(records) AS x
	WHERE x.username IS NOT NULL AND x.user_id IS NOT NULL
	ORDER BY x.username, x.no DESC
	ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION wa_private.refresh_people(jsonb) IS 'part of wa_private.resolve_people(): names and times';

/*
 * Makes an alias the current one of a person, takes it from whoever had it,
 * and lays aside the person's other current aliases of the kind.
 */
CREATE FUNCTION wa_private.give_alias(person bigint, alias_kind text, alias text, at timestamptz, told_by text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.user_ids AS i SET current = false
	WHERE i.kind = alias_kind AND i.current
		AND ((i.value = alias AND i.user_id <> person) OR (i.user_id = person AND i.value <> alias));
	INSERT INTO wa.user_ids AS i (kind, value, user_id, source, authoritative, first_seen_at, last_seen_at)
	VALUES (alias_kind, alias, person, told_by, true, at, at)
	ON CONFLICT (kind, value, user_id) DO UPDATE
	SET current = true, last_seen_at = greatest(i.last_seen_at, excluded.last_seen_at);
END
$$;
COMMENT ON FUNCTION wa_private.give_alias(bigint, text, text, timestamptz, text) IS 'moves an alias to a person';

/*
 * One identity that contradicts the tables.  Needs the people lock alone.
 * strong: the statement may move a number that somebody has.
 */
CREATE FUNCTION wa_private.settle_person(lid text, pn text, at timestamptz, told_by text, strong boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lid_user bigint;
	pn_user bigint;
	pn_current boolean;
	pn_has_lid boolean;
	newer boolean;
BEGIN
	SELECT i.user_id INTO lid_user FROM wa.user_ids AS i
	WHERE i.kind = 'lid' AND i.value = lid ORDER BY i.current DESC, i.last_seen_at DESC LIMIT 1;
	SELECT i.user_id, i.current INTO pn_user, pn_current FROM wa.user_ids AS i
	WHERE i.kind = 'pn' AND i.value = pn ORDER BY i.current DESC, i.last_seen_at DESC LIMIT 1;
	pn_has_lid := EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = pn_user AND i.kind = 'lid');
	-- an old stanza must not undo what a newer one said
	newer := NOT EXISTS (SELECT FROM wa.user_ids AS i
						 WHERE i.kind = 'pn' AND i.current AND i.first_seen_at > at
							 AND (i.user_id = lid_user OR (i.value = pn AND pn_has_lid)));

	IF lid_user <> pn_user AND NOT pn_has_lid THEN
		PERFORM wa_private.merge_people(lid_user, pn_user, 'pair', jsonb_build_object('lid', lid, 'pn', pn, 'source', told_by));
		lid_user := least(lid_user, pn_user);
		pn_current := true;
		IF newer THEN
			PERFORM wa_private.give_alias(lid_user, 'pn', pn, at, told_by);
		END IF;
	ELSIF strong AND newer AND lid_user IS NOT NULL THEN
		PERFORM wa_private.give_alias(lid_user, 'pn', pn, at, told_by);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.settle_person(text, text, timestamptz, text, boolean) IS 'part of wa_private.resolve_people(): an identity that contradicts the tables';

/*
 * The server said that the account before is the account after now.  Either
 * may be unknown; when both are, nothing is learned.  Needs the people lock
 * alone.
 */
CREATE FUNCTION wa_private.change_number(before jsonb, after jsonb, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person bigint;
	other bigint;
	old record;
	new record;
BEGIN
	SELECT x.* INTO old FROM wa_private.look_up_people(jsonb_build_array(before || jsonb_build_object('at', extract(epoch FROM at)))) AS x;
	SELECT x.* INTO new FROM wa_private.look_up_people(jsonb_build_array(after || jsonb_build_object('at', extract(epoch FROM at)))) AS x;
	person := coalesce(old.user_id, new.user_id);
	IF person IS NULL THEN
		RETURN;
	END IF;
	FOREACH other IN ARRAY array_remove(ARRAY[old.pn_user, new.lid_user, new.pn_user], NULL) LOOP
		-- the new number may have been somebody else's, whom their LID tells apart
		CONTINUE WHEN other = person
			OR NOT EXISTS (SELECT FROM wa.users AS u WHERE u.user_id = other)
			OR (other = new.pn_user AND new.lid IS NULL AND old.lid IS NOT NULL
				AND EXISTS (SELECT FROM wa.user_ids AS i WHERE i.user_id = other AND i.kind = 'lid'));
		PERFORM wa_private.merge_people(person, other, 'number_change', jsonb_build_object('before', before, 'after', after));
		person := least(person, other);
	END LOOP;
	-- first the old ones, so that the new ones end up current
	INSERT INTO wa.user_ids (kind, value, user_id, current, source, authoritative, first_seen_at, last_seen_at)
	SELECT i.kind, i.value, person, false, 'number_change', true, at, at
	FROM (VALUES ('lid', old.lid), ('pn', old.pn)) AS i (kind, value)
	WHERE i.value IS NOT NULL
	ON CONFLICT (kind, value, user_id) DO NOTHING;
	IF new.lid IS NOT NULL THEN
		PERFORM wa_private.give_alias(person, 'lid', new.lid, at, 'number_change');
	END IF;
	IF new.pn IS NOT NULL THEN
		PERFORM wa_private.give_alias(person, 'pn', new.pn, at, 'number_change');
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.change_number(jsonb, jsonb, timestamptz) IS 'makes two identities one person because the server said that one became the other';

/*
 * Two people are one.  The older row stays; everything of the other moves to
 * it.  Stays of both in the same group that overlap become one.  Needs the
 * people lock alone.
 */
CREATE FUNCTION wa_private.merge_people(a bigint, b bigint, why text, evidence jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kept bigint := least(a, b);
	gone bigint := greatest(a, b);
	stays integer;
	events integer;
	more integer;
	aliases jsonb;
	told bigint[];
BEGIN
	SELECT jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value, 'current', i.current) ORDER BY i.kind, i.value)
	INTO aliases
	FROM wa.user_ids AS i WHERE i.user_id = gone;

	-- only history both had: the kept one's row says it already
	DELETE FROM wa.user_ids AS i
	WHERE i.user_id = gone AND NOT i.current
		AND EXISTS (SELECT FROM wa.user_ids AS k WHERE k.kind = i.kind AND k.value = i.value AND k.user_id = kept);
	DELETE FROM wa.user_ids AS k
	WHERE k.user_id = kept
		AND EXISTS (SELECT FROM wa.user_ids AS i WHERE i.kind = k.kind AND i.value = k.value AND i.user_id = gone);
	UPDATE wa.user_ids AS i SET user_id = kept WHERE i.user_id = gone;

	SELECT array_agg(DISTINCT m.group_id) INTO told
	FROM wa.memberships AS m WHERE m.user_id IN (kept, gone) AND 'history' IN (m.join_source, m.leave_source);
	PERFORM wa_private.lift_history(t.id, ARRAY[kept, gone]) FROM unnest(told) AS t (id);
	stays := wa_private.merge_memberships(kept, gone);
	UPDATE wa.memberships AS m SET inviter = kept WHERE m.inviter = gone;
	UPDATE wa.memberships AS m SET remover = kept WHERE m.remover = gone;

	UPDATE wa.group_events AS e SET target = kept WHERE e.target = gone;
	GET DIAGNOSTICS events = ROW_COUNT;
	UPDATE wa.group_events AS e SET actor = kept WHERE e.actor = gone;
	GET DIAGNOSTICS more = ROW_COUNT;
	PERFORM wa_private.merge_events(kept);
	-- whoever did it to themselves was not known to be the same
	UPDATE wa.group_events AS e
	SET how = CASE e.kind WHEN 'join' THEN 'link' ELSE 'left' END
	WHERE e.target = kept AND e.actor = kept AND e.how = CASE e.kind WHEN 'join' THEN 'added' WHEN 'leave' THEN 'removed' END;
	UPDATE wa.memberships AS m
	SET join_kind = 'link', inviter = NULL
	WHERE m.user_id = kept AND m.inviter = kept AND m.join_kind = 'added';
	UPDATE wa.memberships AS m
	SET leave_kind = 'left', remover = NULL
	WHERE m.user_id = kept AND m.remover = kept AND m.leave_kind = 'removed';
	PERFORM wa_private.settle_history(t.id, ARRAY[kept], clock_timestamp()) FROM unnest(told) AS t (id);

	DELETE FROM wa.join_requests AS r
	WHERE r.user_id = gone AND r.decided_at IS NULL
		AND EXISTS (SELECT FROM wa.join_requests AS k
					WHERE k.group_id = r.group_id AND k.user_id = kept AND k.decided_at IS NULL);
	UPDATE wa.join_requests AS r SET user_id = kept WHERE r.user_id = gone;
	UPDATE wa.join_requests AS r SET proposed_by = kept WHERE r.proposed_by = gone;
	UPDATE wa.join_requests AS r SET decided_by = kept WHERE r.decided_by = gone;
	UPDATE wa.invite_links AS l SET made_by = kept WHERE l.made_by = gone;
	UPDATE wa.groups AS g
	SET creator = CASE g.creator WHEN gone THEN kept ELSE g.creator END,
		subject_by = CASE g.subject_by WHEN gone THEN kept ELSE g.subject_by END,
		description_by = CASE g.description_by WHEN gone THEN kept ELSE g.description_by END
	WHERE gone IN (g.creator, g.subject_by, g.description_by);
	PERFORM wa_private.merge_messages(kept, gone);

	UPDATE wa.users AS k
	SET push_name = CASE WHEN g.last_seen_at > k.last_seen_at THEN coalesce(g.push_name, k.push_name)
			ELSE coalesce(k.push_name, g.push_name) END,
		masked_phone = coalesce(k.masked_phone, g.masked_phone),
		country = coalesce(k.country, g.country),
		first_seen_at = least(k.first_seen_at, g.first_seen_at),
		last_seen_at = greatest(k.last_seen_at, g.last_seen_at)
	FROM wa.users AS g
	WHERE k.user_id = kept AND g.user_id = gone;
	DELETE FROM wa.users AS u WHERE u.user_id = gone;

	INSERT INTO wa.user_merges (merged_user_id, into_user_id, reason, evidence, memberships, events)
	VALUES (gone, kept, why, evidence || jsonb_build_object('aliases', aliases), stays, events + more);
END
$$;
COMMENT ON FUNCTION wa_private.merge_people(bigint, bigint, text, jsonb) IS 'makes two people one, with a row in wa.user_merges';

/*
 * Moves the stays of one person to another; returns how many moved.  Stays
 * that overlap were one, and so were those of which a list ended one and began
 * the other.  What was only inferred from that is deleted.
 */
CREATE FUNCTION wa_private.merge_memberships(kept bigint, gone bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	moved integer := 0;
	never_was bigint[] := '{}';
	theirs wa.memberships;
	ours wa.memberships;
	our_begin boolean;
	our_end boolean;
	listed bigint;
BEGIN
	FOR theirs IN
		SELECT m.* FROM wa.memberships AS m WHERE m.user_id = gone ORDER BY m.group_id, m.joined_at
	LOOP
		moved := moved + 1;
		DELETE FROM wa.memberships AS m WHERE m.membership_id = theirs.membership_id;
		SELECT coalesce(g.roster_version, -1) INTO listed FROM wa.groups AS g WHERE g.group_id = theirs.group_id;
		FOR ours IN
			SELECT m.* FROM wa.memberships AS m
			WHERE m.user_id = kept AND m.group_id = theirs.group_id
				AND ((m.joined_at < coalesce(theirs.left_at, 'infinity') AND coalesce(m.left_at, 'infinity') > theirs.joined_at)
					OR m.joined_version = theirs.joined_version OR m.left_version = theirs.left_version
					OR (m.leave_source = 'snapshot' AND theirs.join_source = 'snapshot' AND m.left_version = theirs.joined_version)
					OR (theirs.leave_source = 'snapshot' AND m.join_source = 'snapshot' AND theirs.left_version = m.joined_version))
			ORDER BY m.joined_at
		LOOP
			DELETE FROM wa.memberships AS m WHERE m.membership_id = ours.membership_id;
			IF (ours.left_at IS NULL) <> (theirs.left_at IS NULL) THEN
				UPDATE wa.groups AS g
				SET needs_refresh = true, refresh_reason = 'contradiction'
				WHERE g.group_id = theirs.group_id AND NOT g.needs_refresh AND g.unobserved_since IS NULL;
			END IF;
			-- the earlier begin and the later end, but what was seen live before what was inferred of the same
			our_begin := CASE
				WHEN ours.join_source = theirs.join_source THEN ours.joined_at <= theirs.joined_at
				WHEN ours.join_source = 'live'
					THEN coalesce(ours.joined_version <= theirs.joined_version, ours.joined_at <= theirs.joined_at)
				ELSE NOT coalesce(theirs.joined_version <= ours.joined_version, theirs.joined_at <= ours.joined_at) END;
			our_end := CASE
				WHEN ours.left_at IS NULL AND theirs.left_at IS NULL
					THEN coalesce(ours.role_version, 0) > coalesce(theirs.role_version, 0)
				-- who was seen leaving under one name is out, unless a newer list had the other name
				WHEN theirs.left_at IS NULL
					THEN ours.leave_source = 'live' AND coalesce(ours.left_version > theirs.joined_version, false) AND ours.left_version > listed
				WHEN ours.left_at IS NULL
					THEN NOT (theirs.leave_source = 'live' AND coalesce(theirs.left_version > ours.joined_version, false) AND theirs.left_version > listed)
				WHEN ours.leave_source = theirs.leave_source THEN ours.left_at > theirs.left_at
				ELSE ours.leave_source = 'live' END;
			IF our_begin THEN
				never_was := never_was || CASE theirs.join_source WHEN 'snapshot' THEN theirs.join_event_id END;
				theirs.joined_at := ours.joined_at;
				theirs.joined_precision := ours.joined_precision;
				theirs.join_kind := ours.join_kind;
				theirs.join_source := ours.join_source;
				theirs.inviter := ours.inviter;
				theirs.join_event_id := ours.join_event_id;
				theirs.joined_version := ours.joined_version;
				theirs.joined_after_version := ours.joined_after_version;
			ELSE
				never_was := never_was || CASE ours.join_source WHEN 'snapshot' THEN ours.join_event_id END;
			END IF;
			IF our_end THEN
				never_was := never_was || CASE theirs.leave_source WHEN 'snapshot' THEN theirs.leave_event_id END;
				theirs.left_at := ours.left_at;
				theirs.left_precision := ours.left_precision;
				theirs.leave_kind := ours.leave_kind;
				theirs.leave_source := ours.leave_source;
				theirs.remover := ours.remover;
				theirs.leave_event_id := ours.leave_event_id;
				theirs.left_version := ours.left_version;
				theirs.left_after_version := ours.left_after_version;
				theirs.role := ours.role;
				theirs.role_version := ours.role_version;
			ELSE
				never_was := never_was || CASE ours.leave_source WHEN 'snapshot' THEN ours.leave_event_id END;
			END IF;
			theirs.label := coalesce(theirs.label, ours.label);
			theirs.membership_id := least(theirs.membership_id, ours.membership_id);
		END LOOP;
		theirs.user_id := kept;
		theirs.left_at := greatest(theirs.left_at, CASE WHEN theirs.left_at IS NOT NULL THEN theirs.joined_at END);
		INSERT INTO wa.memberships (membership_id, group_id, user_id, role, role_version, label,
			joined_at, joined_precision, join_kind, join_source, inviter, join_event_id, joined_version, joined_after_version,
			left_at, left_precision, leave_kind, leave_source, remover, leave_event_id, left_version, left_after_version)
		OVERRIDING SYSTEM VALUE
		VALUES (theirs.membership_id, theirs.group_id, theirs.user_id, theirs.role, theirs.role_version, theirs.label,
			theirs.joined_at, theirs.joined_precision, theirs.join_kind, theirs.join_source, theirs.inviter,
			theirs.join_event_id, theirs.joined_version, theirs.joined_after_version,
			theirs.left_at, theirs.left_precision, theirs.leave_kind, theirs.leave_source, theirs.remover,
			theirs.leave_event_id, theirs.left_version, theirs.left_after_version);
	END LOOP;
	DELETE FROM wa.group_events AS e
	WHERE e.event_id = ANY (never_was) AND e.source = 'snapshot'
		AND NOT EXISTS (SELECT FROM wa.memberships AS m WHERE m.user_id = kept AND e.event_id IN (m.join_event_id, m.leave_event_id));
	RETURN moved;
END
$$;
COMMENT ON FUNCTION wa_private.merge_memberships(bigint, bigint) IS 'part of wa_private.merge_people(): stays';

/* Two bots named a person differently in one event: now that it is one person, it is one row. */
CREATE FUNCTION wa_private.merge_events(person bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twin record;
BEGIN
	FOR twin IN
		SELECT e.event_id AS kept, x.event_id AS gone
		FROM wa.group_events AS e
		JOIN wa.group_events AS x ON x.group_id = e.group_id AND x.target = e.target AND x.kind = e.kind
			AND x.version_after = e.version_after AND x.source = e.source AND x.event_id > e.event_id
		WHERE e.target = person AND e.version_after IS NOT NULL AND e.source = 'live'
		ORDER BY 1, 2
	LOOP
		UPDATE wa.event_sightings AS s SET event_id = twin.kept
		WHERE s.event_id = twin.gone
			AND NOT EXISTS (SELECT FROM wa.event_sightings AS k WHERE k.event_id = twin.kept AND k.bot_id = s.bot_id);
		DELETE FROM wa.event_sightings AS s WHERE s.event_id = twin.gone;
		UPDATE wa.memberships AS m
		SET join_event_id = CASE m.join_event_id WHEN twin.gone THEN twin.kept ELSE m.join_event_id END,
			leave_event_id = CASE m.leave_event_id WHEN twin.gone THEN twin.kept ELSE m.leave_event_id END
		WHERE m.user_id = person AND twin.gone IN (m.join_event_id, m.leave_event_id);
		DELETE FROM wa.group_events AS e WHERE e.event_id = twin.gone;
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.merge_events(bigint) IS 'part of wa_private.merge_people(): events that were stored twice';

/* The person an alias belongs to: digits, +digits, a JID, @username. */
CREATE FUNCTION wa.resolve(alias text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bare text := btrim(alias);
	digits text;
	person bigint;
BEGIN
	IF bare IS NULL OR bare = '' THEN
		RAISE EXCEPTION 'alias of a person must not be empty'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give a phone number, a LID or JID, or @username.';
	END IF;
	IF to_regclass('wa.user_ids') IS NULL THEN
		RETURN NULL;
	END IF;
	digits := regexp_replace(split_part(split_part(bare, '@', 1), ':', 1), '[-+(). ]', '', 'g');
	SELECT i.user_id INTO person
	FROM wa.user_ids AS i
	WHERE CASE
		WHEN bare LIKE '@%' THEN i.kind = 'username' AND i.value = substr(bare, 2)
		WHEN bare LIKE '%@lid' THEN i.kind = 'lid' AND i.value = digits
		WHEN bare LIKE '%@s.whatsapp.net' OR bare LIKE '%@c.us' THEN i.kind = 'pn' AND i.value = digits
		WHEN bare LIKE '%@%' THEN i.kind = 'other' AND i.value = bare
		ELSE i.kind IN ('pn', 'lid') AND i.value = digits
	END
	-- a number first: LIDs may look like one
	ORDER BY i.kind = 'pn' DESC, i.current DESC, i.last_seen_at DESC
	LIMIT 1;
	RETURN person;
END
$$;
COMMENT ON FUNCTION wa.resolve(text) IS
'the person (user_id) with this phone number, LID, JID or @username; null when nobody has it; a former owner when nobody has it now';
