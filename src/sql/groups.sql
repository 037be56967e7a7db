/*
 * groups.sql
 *		What people do with groups: choose what is stored of each, ask for
 *		fresh lists.
 *
 * A group is named by its number, its JID or its subject where only one group
 * has it.
 */

/* The number of a group by JID or subject, or 42704. */
CREATE FUNCTION wa_private.group_id(group_name text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids bigint[];
BEGIN
	IF group_name IS NULL THEN
		RAISE EXCEPTION 'group must not be null'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give its group_id, its JID or its subject.';
	END IF;
	PERFORM wa_private.require_storage();
	SELECT array_agg(g.group_id) INTO ids FROM wa.groups AS g WHERE g.jid = group_name;
	IF ids IS NULL THEN
		SELECT array_agg(g.group_id ORDER BY g.group_id) INTO ids FROM wa.groups AS g WHERE g.subject = group_name;
	END IF;
	IF ids IS NULL THEN
		RAISE EXCEPTION 'group "%" does not exist', group_name
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT group_id, jid, subject FROM wa.groups lists the groups that a bot is or was in.';
	ELSIF cardinality(ids) > 1 THEN
		RAISE EXCEPTION 'group "%" is not unique', group_name
			USING ERRCODE = 'ambiguous_alias',
			DETAIL = format('Groups %s have this subject.', array_to_string(ids[1:10], ', ')),
			HINT = 'Give its group_id or its JID.';
	END IF;
	RETURN ids[1];
END
$$;
COMMENT ON FUNCTION wa_private.group_id(text) IS 'number of a group by its JID or subject, or an error';

CREATE FUNCTION wa.watch_group(group_id bigint, level text DEFAULT 'members')
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old_level text;
	raised boolean;
	lowered boolean;
BEGIN
	IF watch_group.group_id IS NULL THEN
		RAISE EXCEPTION 'group must not be null'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give its group_id, its JID or its subject.';
	END IF;
	PERFORM wa_private.check_watch_level(level);
	PERFORM wa_private.require_storage();
	PERFORM wa_private.lock_people(false);
	SELECT g.watch_level INTO old_level
	FROM wa.groups AS g
	WHERE g.group_id = watch_group.group_id
	FOR NO KEY UPDATE;
	IF old_level IS NULL THEN
		RAISE EXCEPTION 'group % does not exist', watch_group.group_id
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT group_id, jid, subject FROM wa.groups lists the groups that a bot is or was in.';
	END IF;
	-- messages bring nothing new about the members
	raised := least(wa_private.level_rank(level), 2) > wa_private.level_rank(old_level);
	lowered := old_level IN ('members', 'messages') AND level NOT IN ('members', 'messages');
	UPDATE wa.groups AS g
	SET watch_level = level, watch_chosen = true,
		needs_refresh = CASE WHEN level = 'none' THEN false ELSE g.needs_refresh OR raised END,
		refresh_reason = CASE WHEN raised THEN 'watched' ELSE g.refresh_reason END,
		refresh_asked_at = CASE WHEN raised THEN NULL ELSE g.refresh_asked_at END,
		unobserved_since = CASE WHEN lowered THEN coalesce(g.unobserved_since, now()) ELSE g.unobserved_since END
	WHERE g.group_id = watch_group.group_id;
	IF raised THEN
		PERFORM wa_private.wake_workers();
	END IF;
END
$$;
COMMENT ON FUNCTION wa.watch_group(bigint, text) IS
'sets what is stored of a group from now on: none, counts (sizes, nothing about people), members, messages (members and what they write); raising it fetches the members';

CREATE FUNCTION wa.watch_group(group_name text, level text DEFAULT 'members')
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.watch_group(wa_private.group_id(group_name), level);
END;
COMMENT ON FUNCTION wa.watch_group(text, text) IS
'sets what is stored of a group from now on: none, counts (sizes, nothing about people), members, messages (members and what they write); raising it fetches the members';

CREATE FUNCTION wa_private.level_rank(level text)
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE level WHEN 'none' THEN 0 WHEN 'counts' THEN 1 WHEN 'members' THEN 2 WHEN 'messages' THEN 3 END;
COMMENT ON FUNCTION wa_private.level_rank(text) IS 'order of watch levels';

CREATE FUNCTION wa.unwatch_group(group_id bigint, purge boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF purge IS NULL THEN
		RAISE EXCEPTION 'purge must not be null' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF purge THEN
		PERFORM wa_private.require_storage();
		PERFORM wa_private.lock_people(true);
	END IF;
	PERFORM wa.watch_group(unwatch_group.group_id, 'none');
	IF purge THEN
		PERFORM wa_private.forget_group(unwatch_group.group_id, false);
		PERFORM wa_private.forget_lonely_people();
	END IF;
END
$$;
COMMENT ON FUNCTION wa.unwatch_group(bigint, boolean) IS
'stores nothing about a group and its people from now on; purge: deletes what was stored, and people who are in no other group';

CREATE FUNCTION wa.unwatch_group(group_name text, purge boolean DEFAULT false)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.unwatch_group(wa_private.group_id(group_name), purge);
END;
COMMENT ON FUNCTION wa.unwatch_group(text, boolean) IS
'stores nothing about a group and its people from now on; purge: deletes what was stored, and people who are in no other group';

/*
 * Deletes what is stored about a group, and with whole its row too.  The
 * caller holds the people lock alone.
 */
CREATE FUNCTION wa_private.forget_group(id bigint, whole boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM wa.event_sightings AS s WHERE s.group_id = id;
	DELETE FROM wa.group_events AS e WHERE e.group_id = id;
	DELETE FROM wa.memberships AS m WHERE m.group_id = id;
	DELETE FROM wa.join_requests AS r WHERE r.group_id = id;
	DELETE FROM wa.invite_links AS l WHERE l.group_id = id;
	DELETE FROM wa.group_counts AS c WHERE c.group_id = id;
	PERFORM wa_private.forget_chats(ARRAY(SELECT c.chat_id FROM wa.chats AS c WHERE c.group_id = id));
	IF whole THEN
		DELETE FROM wa.groups AS g WHERE g.group_id = id;
		RETURN;
	END IF;
	UPDATE wa.groups AS g
	SET creator = NULL, subject_by = NULL, description = NULL, description_id = NULL, description_at = NULL,
		description_by = NULL, version = NULL, changed_at = NULL, equal_at = NULL, equal_version = NULL,
		roster_at = NULL, roster_version = NULL, roster_complete = NULL, unobserved_since = NULL,
		listed_since = NULL, history_since = NULL, history_until = NULL
	WHERE g.group_id = id;
END
$$;
COMMENT ON FUNCTION wa_private.forget_group(bigint, boolean) IS 'deletes what is stored about a group';

/* Deletes people, of these or (null) of all, whom nothing refers to.  The caller holds the people lock alone. */
CREATE FUNCTION wa_private.forget_lonely_people(people bigint[] DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lonely bigint[];
BEGIN
	SELECT array_agg(u.user_id) INTO lonely
	FROM wa.users AS u
	WHERE (people IS NULL OR u.user_id = ANY (people))
		AND NOT EXISTS (SELECT FROM wa.memberships AS m WHERE m.user_id = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.memberships AS m WHERE m.inviter = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.memberships AS m WHERE m.remover = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.chats AS c WHERE c.user_id = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.contacts AS c WHERE c.user_id = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.group_events AS e WHERE e.target = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.group_events AS e WHERE e.actor = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.messages AS m WHERE m.sender = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.join_requests AS r
						WHERE u.user_id IN (r.user_id, r.proposed_by, r.decided_by))
		AND NOT EXISTS (SELECT FROM wa.invite_links AS l WHERE l.made_by = u.user_id)
		AND NOT EXISTS (SELECT FROM wa.groups AS g
						WHERE u.user_id IN (g.creator, g.subject_by, g.description_by));
	lonely := wa_private.unmentioned(lonely);
	DELETE FROM wa.identity_changes AS i WHERE i.user_id = ANY (lonely);
	DELETE FROM wa.user_ids AS i WHERE i.user_id = ANY (lonely);
	DELETE FROM wa.users AS u WHERE u.user_id = ANY (lonely);
	DELETE FROM wa.user_merges AS m WHERE m.into_user_id = ANY (lonely);
END
$$;
COMMENT ON FUNCTION wa_private.forget_lonely_people(bigint[]) IS 'deletes people whom nothing refers to any more';

CREATE FUNCTION wa.refresh_groups(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	b record;
BEGIN
	PERFORM wa_private.require_bot(bot);
	SELECT x.name, x.status INTO b FROM wa.bots AS x WHERE x.bot_id = bot;
	IF b.status <> 'online' THEN
		RAISE EXCEPTION 'bot "%" is not online', b.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Its status is %s.', b.status);
	END IF;
	PERFORM wa_private.mailbox_put(bot, 'refresh_groups', NULL);
END
$$;
COMMENT ON FUNCTION wa.refresh_groups(bigint) IS
'asks the server for all groups of a bot and their members now; what differs from the tables is stored as it comes';

CREATE FUNCTION wa.refresh_groups(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.refresh_groups(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.refresh_groups(text) IS
'asks the server for all groups of a bot and their members now; what differs from the tables is stored as it comes';
