/*
 * bots.sql
 *		What people do with bots.  Every function takes the bot by number or by
 *		name; the one by name finds the number and calls the other.
 *
 * These functions only write what is wanted (wa.bots.desired) and wake the
 * workers, which look after the commit.
 */

/* The number of a bot by name, or 42704. */
CREATE FUNCTION wa_private.bot_id(bot text)
RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	IF bot IS NULL THEN
		RAISE EXCEPTION 'bot must not be null'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give its name or its bot_id.';
	END IF;
	PERFORM wa_private.require_storage();
	SELECT b.bot_id INTO id FROM wa.bots AS b WHERE b.name = bot;
	IF id IS NULL THEN
		RAISE EXCEPTION 'bot "%" does not exist', bot
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT bot_id, name FROM wa.bots lists the bots; wa.add_bot() adds one.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION wa_private.bot_id(text) IS 'number of a bot by its name, or an error';

/* Raises unless a bot has this number. */
CREATE FUNCTION wa_private.require_bot(bot bigint)
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF bot IS NULL THEN
		RAISE EXCEPTION 'bot must not be null'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give its name or its bot_id.';
	END IF;
	PERFORM wa_private.require_storage();
	IF NOT EXISTS (SELECT FROM wa.bots AS b WHERE b.bot_id = bot) THEN
		RAISE EXCEPTION 'bot % does not exist', bot
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT bot_id, name FROM wa.bots lists the bots; wa.add_bot() adds one.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.require_bot(bigint) IS 'raises an error unless the bot exists';

CREATE FUNCTION wa_private.check_bot_name(name text)
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR btrim(name) = '' THEN
		RAISE EXCEPTION 'name of a bot must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(name) > 63 OR name ~ '[[:cntrl:]]' OR name <> btrim(name) THEN
		RAISE EXCEPTION 'invalid name for a bot: %', quote_literal(left(name, 80))
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'A name has at most 63 characters, no control characters, and no blanks at its ends.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_bot_name(text) IS 'raises an error unless the text can name a bot';

CREATE FUNCTION wa_private.check_device_name(device_name text)
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF btrim(device_name) = '' OR length(device_name) > 50 OR device_name ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'invalid device name: %', quote_literal(left(device_name, 80))
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'A device name has 1 to 50 characters and no control characters.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_device_name(text) IS 'raises an error unless the text can name a linked device';

CREATE FUNCTION wa_private.check_watch_level(level text)
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF level IS NULL OR level NOT IN ('none', 'counts', 'members', 'messages') THEN
		RAISE EXCEPTION 'invalid watch level: %', quote_nullable(left(level, 80))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Levels are none, counts, members and messages.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_watch_level(text) IS 'raises an error unless the text is a watch level';

CREATE FUNCTION wa.add_bot(name text, device_name text DEFAULT NULL, default_watch text DEFAULT NULL, watch_direct boolean DEFAULT true)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM wa_private.check_bot_name(name);
	PERFORM wa_private.check_device_name(device_name);
	IF default_watch IS NOT NULL THEN
		PERFORM wa_private.check_watch_level(default_watch);
	END IF;
	IF to_regclass('wa_private.storage') IS NULL THEN
		IF NOT has_schema_privilege('wa', 'CREATE') THEN
			RAISE EXCEPTION 'wa_collector has no tables in this database'
				USING ERRCODE = 'insufficient_privilege',
				HINT = 'Ask the owner of the extension to call wa.create_storage().';
		END IF;
		PERFORM wa.create_storage();
	END IF;
	IF watch_direct IS NULL THEN
		RAISE EXCEPTION 'watch_direct must not be null' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO wa.bots (name, device_name, default_watch, watch_direct)
	VALUES (add_bot.name, add_bot.device_name, add_bot.default_watch, add_bot.watch_direct)
	RETURNING bots.bot_id INTO id;
	PERFORM wa_private.wake_workers();
	RETURN id;
EXCEPTION
	WHEN unique_violation THEN
		RAISE EXCEPTION 'bot "%" already exists', name
			USING ERRCODE = 'duplicate_object';
END
$$;
COMMENT ON FUNCTION wa.add_bot(text, text, text, boolean) IS
'adds a bot and returns its number; then show wa.qr_text() to the phone that shall be linked. device_name: name under "Linked devices"; default_watch: level of the groups it discovers; watch_direct: whether its direct chats are stored';

CREATE FUNCTION wa.update_bot(bot bigint, name text DEFAULT NULL, device_name text DEFAULT NULL, default_watch text DEFAULT NULL,
	watch_direct boolean DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	IF name IS NOT NULL THEN
		PERFORM wa_private.check_bot_name(name);
	END IF;
	PERFORM wa_private.check_device_name(device_name);
	IF default_watch IS NOT NULL THEN
		PERFORM wa_private.check_watch_level(default_watch);
	END IF;
	UPDATE wa.bots AS b
	SET name = coalesce(update_bot.name, b.name),
		device_name = coalesce(update_bot.device_name, b.device_name),
		default_watch = coalesce(update_bot.default_watch, b.default_watch),
		watch_direct = coalesce(update_bot.watch_direct, b.watch_direct)
	WHERE b.bot_id = bot;
	PERFORM wa_private.wake_workers();
EXCEPTION
	WHEN unique_violation THEN
		RAISE EXCEPTION 'bot "%" already exists', name
			USING ERRCODE = 'duplicate_object';
END
$$;
COMMENT ON FUNCTION wa.update_bot(bigint, text, text, text, boolean) IS
'changes what is given; the device name is used at the next link, the watch level for groups discovered from now on, watch_direct for direct chats without a level of their own';

CREATE FUNCTION wa.update_bot(bot text, name text DEFAULT NULL, device_name text DEFAULT NULL, default_watch text DEFAULT NULL,
	watch_direct boolean DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.update_bot(wa_private.bot_id(bot), name, device_name, default_watch, watch_direct);
END;
COMMENT ON FUNCTION wa.update_bot(text, text, text, text, boolean) IS
'changes what is given; the device name is used at the next link, the watch level for groups discovered from now on, watch_direct for direct chats without a level of their own';

/*
 * Removes a bot.  Its keys go, so it must be unlinked on the phone too unless
 * wa.logout() was called before.  purge removes its direct chats and the groups
 * that no other bot is or was in, with everything about them, and people who
 * are in none.
 */
CREATE FUNCTION wa.remove_bot(bot bigint, purge boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own_groups bigint[];
	left_behind bigint[];
BEGIN
	PERFORM wa_private.require_bot(bot);
	IF purge IS NULL THEN
		RAISE EXCEPTION 'purge must not be null' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM wa_private.lock_people(true);
	PERFORM FROM wa.groups AS g
	WHERE g.group_id IN (SELECT x.group_id FROM wa.bot_groups AS x WHERE x.bot_id = bot)
	ORDER BY g.jid COLLATE "C"
	FOR NO KEY UPDATE;

	SELECT array_agg(mine.group_id) FILTER (WHERE others.group_id IS NULL),
		array_agg(mine.group_id) FILTER (WHERE mine.left_at IS NULL)
	INTO own_groups, left_behind
	FROM wa.bot_groups AS mine
	LEFT JOIN (SELECT DISTINCT x.group_id FROM wa.bot_groups AS x WHERE x.bot_id <> bot) AS others
		ON others.group_id = mine.group_id
	WHERE mine.bot_id = bot;

	DELETE FROM wa.bots AS b WHERE b.bot_id = bot;
	IF purge THEN
		PERFORM wa_private.forget_group(own_group, true) FROM unnest(own_groups) AS own_group;
		PERFORM wa_private.forget_chats(ARRAY(SELECT c.chat_id FROM wa.chats AS c WHERE c.bot_id = bot));
		PERFORM wa_private.forget_lonely_people();
	END IF;
	UPDATE wa.groups AS g
	SET unobserved_since = coalesce(g.unobserved_since, now()), needs_refresh = false
	WHERE g.group_id = ANY (left_behind)
		AND NOT EXISTS (SELECT FROM wa.bot_groups AS x WHERE x.group_id = g.group_id AND x.left_at IS NULL);
	PERFORM wa_private.wake_workers();
END
$$;
COMMENT ON FUNCTION wa.remove_bot(bigint, boolean) IS
'removes a bot and its keys; call wa.logout() before so that the phone forgets it too. purge: also its direct chats and everything about the groups that only this bot was in';

CREATE FUNCTION wa.remove_bot(bot text, purge boolean DEFAULT false)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.remove_bot(wa_private.bot_id(bot), purge);
END;
COMMENT ON FUNCTION wa.remove_bot(text, boolean) IS
'removes a bot and its keys; call wa.logout() before so that the phone forgets it too. purge: also its direct chats and everything about the groups that only this bot was in';

/* Writes what is wanted of a bot and wakes its worker. */
CREATE FUNCTION wa_private.set_desired(bot bigint, wanted text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.bots AS b
	SET desired = wanted,
		login_requested_at = CASE wanted WHEN 'online' THEN clock_timestamp() ELSE b.login_requested_at END
	WHERE b.bot_id = bot;
	PERFORM wa_private.wake_workers();
END
$$;
COMMENT ON FUNCTION wa_private.set_desired(bigint, text) IS 'writes what is wanted of a bot and wakes its worker';

CREATE FUNCTION wa.login(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	PERFORM wa_private.set_desired(bot, 'online');
END
$$;
COMMENT ON FUNCTION wa.login(bigint) IS
'wants the bot online from now on, over restarts; connects at once, also after an error; one that is not linked waits for its QR code to be scanned';

CREATE FUNCTION wa.login(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.login(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.login(text) IS
'wants the bot online from now on, over restarts; connects at once, also after an error; one that is not linked waits for its QR code to be scanned';

CREATE FUNCTION wa.logout(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	IF NOT wa_private.is_linked(bot) THEN
		RAISE EXCEPTION 'bot "%" is not linked', (SELECT b.name FROM wa.bots AS b WHERE b.bot_id = bot)
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM wa_private.set_desired(bot, 'logged_out');
END
$$;
COMMENT ON FUNCTION wa.logout(bigint) IS
'unlinks the bot from its phone; what it collected stays, and it can be linked again, to the same phone or another';

CREATE FUNCTION wa.logout(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.logout(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.logout(text) IS
'unlinks the bot from its phone; what it collected stays, and it can be linked again, to the same phone or another';

CREATE FUNCTION wa.pause_bot(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	PERFORM wa_private.set_desired(bot, 'offline');
END
$$;
COMMENT ON FUNCTION wa.pause_bot(bigint) IS
'disconnects the bot until wa.resume_bot(); it stays linked, and what happens meanwhile waits on the server';

CREATE FUNCTION wa.pause_bot(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.pause_bot(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.pause_bot(text) IS
'disconnects the bot until wa.resume_bot(); it stays linked, and what happens meanwhile waits on the server';

CREATE FUNCTION wa.resume_bot(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	PERFORM wa_private.set_desired(bot, 'online');
END
$$;
COMMENT ON FUNCTION wa.resume_bot(bigint) IS 'connects a paused bot again';

CREATE FUNCTION wa.resume_bot(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.resume_bot(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.resume_bot(text) IS 'connects a paused bot again';
