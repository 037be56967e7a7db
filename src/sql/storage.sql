/*
 * storage.sql
 *		wa.create_storage(): makes the tables, or adopts those that are there.
 *
 * Tables, sequences, partitions and views over data are ordinary objects, not
 * members of the extension: DROP EXTENSION leaves them alone and pg_dump dumps
 * them whole.  So nothing in their definitions may refer to a function or type
 * of the extension.  One helper per topic (storage_*.sql) makes the objects;
 * all of them may run again at any time.
 */

/* Version of the tables' layout that this script makes and expects. */
CREATE FUNCTION wa_private.storage_version()
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1;
COMMENT ON FUNCTION wa_private.storage_version() IS
'layout of the tables that this version of the extension works with';

CREATE FUNCTION wa_private.create_storage_machinery()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa_private.storage (
		only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
		layout integer NOT NULL,
		feed_epoch integer NOT NULL DEFAULT 1,
		feed_pruned text,
		created_at timestamptz NOT NULL DEFAULT now(),
		adopted_at timestamptz NOT NULL DEFAULT now()
	);
	-- storages made before there were messages
	ALTER TABLE wa_private.storage ADD COLUMN IF NOT EXISTS feed_epoch integer NOT NULL DEFAULT 1,
		ADD COLUMN IF NOT EXISTS feed_pruned text;
	COMMENT ON TABLE wa_private.storage IS 'which layout the tables have';
	COMMENT ON COLUMN wa_private.storage.only_row IS 'there is one row';
	COMMENT ON COLUMN wa_private.storage.layout IS 'number of the layout';
	COMMENT ON COLUMN wa_private.storage.created_at IS 'when the tables were made';
	COMMENT ON COLUMN wa_private.storage.adopted_at IS 'when wa.create_storage() last ran';
	COMMENT ON COLUMN wa_private.storage.feed_epoch IS 'grows when transaction numbers begin anew: after a dump and restore, on another server';
	COMMENT ON COLUMN wa_private.storage.feed_pruned IS 'position in wa_private.feed_batches up to which entries were deleted';

	CREATE TABLE IF NOT EXISTS wa_private.node (
		only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
		node_id text,
		system_identifier bigint NOT NULL,
		database_oid oid NOT NULL,
		claimed_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE wa_private.node IS 'which server may log the bots in; a copy of the database must not';
	COMMENT ON COLUMN wa_private.node.only_row IS 'there is one row';
	COMMENT ON COLUMN wa_private.node.node_id IS 'wa_collector.node_id of that server, null when it has none';
	COMMENT ON COLUMN wa_private.node.system_identifier IS 'system identifier of its cluster';
	COMMENT ON COLUMN wa_private.node.database_oid IS 'oid of the database in it';
	COMMENT ON COLUMN wa_private.node.claimed_at IS 'since when';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_machinery() IS 'part of wa.create_storage(): bookkeeping';

/* Gives every object of the storage and the rights to work on it to a role. */
CREATE FUNCTION wa_private.hand_storage_to(new_owner name)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	object record;
BEGIN
	EXECUTE format('GRANT USAGE, CREATE ON SCHEMA wa, wa_private TO %I', new_owner);
	EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA wa, wa_private TO %I', new_owner);
	EXECUTE format('GRANT SELECT ON wa.workers TO %I', new_owner);
	FOR object IN
		SELECT c.oid::regclass AS name,
			CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS type
		FROM pg_class AS c
		WHERE c.relnamespace IN (to_regnamespace('wa'), to_regnamespace('wa_private'))
			AND c.relkind IN ('r', 'p', 'v')
			AND NOT EXISTS (SELECT FROM pg_depend AS d
							WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
		ORDER BY c.oid
	LOOP
		EXECUTE format('ALTER %s %s OWNER TO %I', object.type, object.name, new_owner);
	END LOOP;
	FOR object IN
		SELECT t.tgfoid::regprocedure AS name
		FROM pg_trigger AS t
		JOIN pg_proc AS p ON p.oid = t.tgfoid AND p.pronamespace = to_regnamespace('wa_private')
		GROUP BY 1
		ORDER BY 1
	LOOP
		EXECUTE format('ALTER FUNCTION %s OWNER TO %I', object.name, new_owner);
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa_private.hand_storage_to(name) IS
'part of wa.create_storage(): makes a role the owner of all tables and views';

CREATE FUNCTION wa.create_storage(owner name DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
	current_layout integer;
	current_owner oid;
BEGIN
	IF owner IS NOT NULL AND to_regrole(quote_ident(owner)) IS NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', owner
			USING ERRCODE = 'undefined_object';
	END IF;
	-- two sessions may do this at once: the second waits and finds it done
	PERFORM pg_advisory_xact_lock(22338, 3);

	IF to_regclass('wa_private.storage') IS NOT NULL THEN
		SELECT c.relowner INTO current_owner
		FROM pg_class AS c
		WHERE c.oid = to_regclass('wa_private.storage');
		IF NOT pg_has_role(current_owner, 'USAGE') THEN
			RAISE EXCEPTION 'must be owner of the storage of wa_collector'
				USING ERRCODE = 'insufficient_privilege',
				DETAIL = format('The tables belong to role "%s".', pg_get_userbyid(current_owner));
		END IF;
		SELECT s.layout INTO current_layout FROM wa_private.storage AS s;
		IF current_layout > wa_private.storage_version() THEN
			RAISE EXCEPTION 'tables of wa_collector have layout %, this version knows %',
				current_layout, wa_private.storage_version()
				USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Install the version of the extension that made them, or a newer one.';
		END IF;
	END IF;

	PERFORM wa_private.create_storage_machinery();
	PERFORM wa_private.create_storage_bots();
	PERFORM wa_private.create_storage_secrets();
	PERFORM wa_private.create_storage_people();
	PERFORM wa_private.create_storage_groups();
	PERFORM wa_private.create_storage_events();
	PERFORM wa_private.create_storage_chats();
	PERFORM wa_private.create_storage_messages();
	PERFORM wa_private.create_storage_replies();
	PERFORM wa_private.create_storage_records();
	PERFORM wa_private.create_storage_views();
	PERFORM wa_private.create_storage_message_views();
	PERFORM wa_private.create_storage_rollups();

	INSERT INTO wa_private.storage (layout) VALUES (wa_private.storage_version())
	ON CONFLICT (only_row) DO UPDATE SET layout = excluded.layout, adopted_at = now();

	PERFORM wa_private.make_partitions();
	IF NOT EXISTS (SELECT FROM wa_private.rollup_zone) THEN
		PERFORM wa_private.mend_rollups(NULL, NULL);
	END IF;

	IF owner IS NOT NULL THEN
		PERFORM wa_private.hand_storage_to(owner);
	ELSIF current_owner IS NOT NULL AND current_owner <> to_regrole(quote_ident(current_user))::oid THEN
		-- what an adoption added belongs to the owner of the rest
		PERFORM wa_private.hand_storage_to(pg_get_userbyid(current_owner));
	END IF;
	PERFORM wa_private.wake_workers();
END
$$;
COMMENT ON FUNCTION wa.create_storage(name) IS
'makes the tables of wa_collector, or adopts the existing ones; owner: a role that shall own them instead of the caller; may be run again at any time';

/* Raises unless the storage is there. */
CREATE FUNCTION wa_private.require_storage()
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass('wa_private.storage') IS NULL THEN
		RAISE EXCEPTION 'wa_collector has no tables in this database'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Add a bot with wa.add_bot(), or call wa.create_storage().';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.require_storage() IS 'raises an error when wa.create_storage() has not run';
