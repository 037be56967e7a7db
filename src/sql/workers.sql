/*
 * workers.sql
 *		What the workers ask of the tables besides storing facts.
 */

/*
 * Called by a worker before it opens any socket.  Null: go ahead; otherwise
 * the reason why this database must not log bots in.
 *
 * A copy of a database (dump, template, base backup) holds the keys of the
 * original's bots.  If both log in they throw each other out for ever.  So the
 * first server that runs the bots claims the database: by wa_collector.node_id
 * where that is set, else by the cluster's system identifier and the
 * database's oid.  A promoted standby has the same identity and goes on.  A
 * base backup that runs beside its original is told apart by node_id only.
 *
 * Also sets right what the last worker with this number left behind.
 */
CREATE FUNCTION wa_private.worker_started(worker integer, node text)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	here_node text := nullif(btrim(node), '');
	here_system bigint := (SELECT c.system_identifier FROM pg_control_system() AS c);
	here_database oid := (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database());
	owner record;
	claimed boolean;
	refusal text;
BEGIN
	INSERT INTO wa_private.node (node_id, system_identifier, database_oid)
	VALUES (here_node, here_system, here_database)
	ON CONFLICT (only_row) DO NOTHING;
	claimed := FOUND;
	SELECT n.* INTO owner FROM wa_private.node AS n FOR UPDATE;

	IF owner.node_id IS NOT NULL AND owner.node_id IS DISTINCT FROM here_node THEN
		refusal := format('bots of this database belong to node "%s" and this is %s; set wa_collector.node_id to that name, or call wa.adopt_node() here, when that server is gone',
						  owner.node_id, coalesce(format('node "%s"', here_node), 'a server without wa_collector.node_id'));
	ELSIF (owner.system_identifier, owner.database_oid) IS DISTINCT FROM (here_system, here_database)
		-- a name speaks for a whole server: it may move, but not have two copies of one database
		AND (owner.node_id IS NULL OR owner.system_identifier = here_system) THEN
		refusal := 'this database is a copy of another one whose bots would be thrown out; call wa.adopt_node() here when the original is gone';
	ELSIF (owner.node_id, owner.system_identifier, owner.database_oid)
		IS DISTINCT FROM (here_node, here_system, here_database) THEN
		claimed := (owner.system_identifier, owner.database_oid) IS DISTINCT FROM (here_system, here_database);
		UPDATE wa_private.node
		SET node_id = here_node, system_identifier = here_system, database_oid = here_database, claimed_at = now();
	END IF;

	IF refusal IS NOT NULL THEN
		-- the copied rows say how the bots of the original were
		WITH fenced AS (
			UPDATE wa.bots AS b
			SET status = 'error', status_reason = 'fenced', status_code = NULL, status_detail = NULL,
				status_hint = refusal, status_since = now(), status_until = NULL, next_attempt_at = NULL
			FROM wa.bots AS old
			WHERE old.bot_id = b.bot_id AND old.status IN ('connecting', 'qr', 'online')
			RETURNING b.bot_id, old.status AS previous_status
		)
		INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason, hint)
		SELECT f.bot_id, now(), 'error', f.previous_status, 'fenced', refusal
		FROM fenced AS f;
		RETURN refusal;
	END IF;

	IF claimed THEN
		-- transaction numbers may begin anew here: positions in the feed go on in a new epoch
		UPDATE wa_private.storage AS s SET feed_epoch = s.feed_epoch + 1
		WHERE s.feed_pruned IS NOT NULL OR EXISTS (SELECT FROM wa_private.feed_batches);
	END IF;
	DELETE FROM wa_private.links AS l
	USING wa.bots AS b
	WHERE b.bot_id = l.bot_id AND (b.worker = worker_started.worker OR b.worker IS NULL);
	WITH swept AS (
		UPDATE wa.bots AS b
		SET status = CASE WHEN b.desired = 'online' AND b.linked_at IS NOT NULL THEN 'connecting' ELSE 'offline' END,
			status_reason = 'worker_restarted', status_code = NULL, status_detail = NULL, status_hint = NULL,
			status_since = now(), status_until = NULL, next_attempt_at = NULL
		FROM wa.bots AS old
		WHERE old.bot_id = b.bot_id
			AND (old.status IN ('connecting', 'qr', 'online') OR old.status_reason = 'fenced')
			AND (b.worker = worker_started.worker OR b.worker IS NULL)
		RETURNING b.bot_id, b.status, old.status AS previous_status
	)
	INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
	SELECT s.bot_id, now(), s.status, s.previous_status, 'worker_restarted'
	FROM swept AS s
	WHERE s.status <> s.previous_status;

	PERFORM wa_private.make_partitions();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION wa_private.worker_started(integer, text) IS
'null when a worker may log the bots of this database in, else the reason why not; clears what the previous worker left behind';

CREATE FUNCTION wa.adopt_node()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_storage();
	DELETE FROM wa_private.node;
	PERFORM wa_private.wake_workers();
END
$$;
COMMENT ON FUNCTION wa.adopt_node() IS
'lets this copy of a database log the bots in; only when the original is gone, else the two throw each other out';

/* The bots of one worker with their keys; remembers whose they are. */
CREATE FUNCTION wa_private.worker_bots(worker integer, workers integer)
RETURNS TABLE (
	bot_id bigint,
	name text,
	desired text,
	login_requested_at timestamptz,
	device_name text,
	default_watch text,
	status text,
	status_reason text,
	status_since timestamptz,
	status_until timestamptz,
	last_seen_at timestamptz,
	noise_private bytea,
	identity_private bytea,
	registration_id integer,
	signed_prekey_id integer,
	signed_prekey_private bytea,
	signed_prekey_signature bytea,
	adv_secret bytea,
	next_prekey_id integer,
	jid text,
	lid text,
	platform text,
	business_name text,
	push_name text,
	account bytea,
	routing bytea,
	login_counter integer)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE wa.bots AS b
	SET worker = worker_bots.worker
	WHERE b.bot_id % workers = worker_bots.worker AND b.worker IS DISTINCT FROM worker_bots.worker;

	RETURN QUERY
	SELECT b.bot_id, b.name, b.desired, b.login_requested_at, b.device_name, b.default_watch, b.status,
		b.status_reason, b.status_since, b.status_until, greatest(b.last_online_at, b.last_stanza_at),
		d.noise_private, d.identity_private, d.registration_id, d.signed_prekey_id, d.signed_prekey_private,
		d.signed_prekey_signature, d.adv_secret, d.next_prekey_id, d.jid, d.lid, d.platform, d.business_name,
		d.push_name, d.account, d.routing, d.login_counter
	FROM wa.bots AS b
	LEFT JOIN wa_private.devices AS d ON d.bot_id = b.bot_id
	WHERE b.bot_id % workers = worker_bots.worker
	ORDER BY b.bot_id;
END
$$;
COMMENT ON FUNCTION wa_private.worker_bots(integer, integer) IS
'the bots with bot_id modulo workers = worker, with their keys; the keys are null for a bot that never began to link';

/* Parks a stanza that cannot be stored.  chat: the JID of where its content was said. */
CREATE FUNCTION wa_private.reject(bot_id bigint, stanza bytea, reason text, sqlstate text, content bytea DEFAULT NULL, chat text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- what nobody chose to have stored is not kept here, either, nor what is said nowhere
	IF (CASE WHEN chat LIKE '%@g.us'
			THEN coalesce((SELECT g.watch_level FROM wa.groups AS g WHERE g.jid = chat), wa_private.default_level(reject.bot_id)) = 'messages'
			ELSE wa_private.is_watched(reject.bot_id, jsonb_build_object('chat', chat),
				wa_private.direct_levels(ARRAY[reject.bot_id], ARRAY[jsonb_build_object('chat', chat)])) END) IS NOT TRUE THEN
		content := NULL;
	END IF;
	-- nor is what a bot got that was removed meanwhile
	INSERT INTO wa.rejected (bot_id, stanza, reason, sqlstate, content)
	SELECT b.bot_id, reject.stanza, coalesce(reject.reason, 'unknown'), reject.sqlstate, reject.content
	FROM wa.bots AS b WHERE b.bot_id = reject.bot_id;
END
$$;
COMMENT ON FUNCTION wa_private.reject(bigint, bytea, text, text, bytea, text) IS
'keeps a stanza that cannot be stored in wa.rejected, with what was decrypted of it where that is stored';

/*
 * The metadata questions that are due: groups whose members may differ from
 * the server's and about which nobody asked in the last ten seconds.  One bot
 * of the given ones per group.  Marks them as asked.
 */
CREATE FUNCTION wa_private.due_questions(bot_ids bigint[])
RETURNS TABLE (bot_id bigint, group_jid text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH due AS (
		SELECT g.group_id, g.jid,
			(SELECT min(x.bot_id) FROM wa.bot_groups AS x
			 WHERE x.group_id = g.group_id AND x.left_at IS NULL AND x.bot_id = ANY (bot_ids)) AS asker
		FROM wa.groups AS g
		WHERE g.needs_refresh
			AND (g.refresh_asked_at IS NULL OR g.refresh_asked_at < clock_timestamp() - interval '10 seconds')
		FOR NO KEY UPDATE SKIP LOCKED
	)
	UPDATE wa.groups AS g
	SET refresh_asked_at = clock_timestamp()
	FROM due
	WHERE g.group_id = due.group_id AND due.asker IS NOT NULL
	RETURNING due.asker, g.jid;
END
$$;
COMMENT ON FUNCTION wa_private.due_questions(bigint[]) IS
'groups whose metadata one of these bots should ask for now, ten seconds after the last question at the earliest';
