/*
 * health.sql
 *		Whether all is well, in one value, and which versions are at work.
 */

CREATE FUNCTION wa.version(OUT library text, OUT sql text, OUT worker text, OUT layout integer)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	library := wa_private.library_version();
	SELECT e.extversion INTO sql FROM pg_extension AS e WHERE e.extname = 'wa_collector';
	worker := wa_private.running_version();
	layout := wa_private.storage_version();
END
$$;
COMMENT ON FUNCTION wa.version() IS
'versions: of the library in this session, of the installed SQL, of the running worker (null: none runs), and of the layout of the tables';

CREATE FUNCTION wa.health()
RETURNS jsonb LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versions record;
	problems jsonb := '[]';
	workers jsonb;
	bots jsonb := '{}';
	groups jsonb := '{}';
	messages jsonb := '{}';
	unwell jsonb;
BEGIN
	SELECT v.* INTO versions FROM wa.version() AS v;
	SELECT coalesce(jsonb_agg(jsonb_build_object('worker', w.worker, 'state', w.state, 'bots', w.bots, 'online', w.online,
			'messages', w.messages, 'pending', w.pending, 'batches', w.batches,
			'seconds_since_tick', round(extract(epoch FROM clock_timestamp() - w.last_tick_at))) ORDER BY w.worker), '[]')
	INTO workers
	FROM wa.workers AS w
	WHERE w.database = current_database();

	IF versions.library IS DISTINCT FROM versions.sql THEN
		problems := problems || jsonb_build_object('problem', 'the SQL of the extension and its library have different versions',
			'hint', 'Run ALTER EXTENSION wa_collector UPDATE.');
	END IF;
	IF versions.worker IS NULL THEN
		problems := problems || jsonb_build_object('problem', 'no worker runs in this database',
			'hint', 'Add the database to wa_collector.databases and reload.');
	ELSIF versions.worker IS DISTINCT FROM versions.library THEN
		problems := problems || jsonb_build_object('problem', 'the worker runs another version of the library',
			'hint', 'Restart the server.');
	END IF;

	IF to_regclass('wa.bots') IS NULL THEN
		problems := problems || jsonb_build_object('problem', 'there are no tables yet',
			'hint', 'Add a bot with wa.add_bot(), or call wa.create_storage().');
	ELSE
		SELECT coalesce(jsonb_object_agg(s.status, s.n), '{}') INTO bots
		FROM (SELECT b.status, count(*) AS n FROM wa.bots AS b GROUP BY b.status) AS s;
		SELECT jsonb_build_object('watched', count(*) FILTER (WHERE g.watch_level <> 'none'), 'all', count(*),
			'waiting_for_members', count(*) FILTER (WHERE g.needs_refresh),
			'unobserved', count(*) FILTER (WHERE g.unobserved_since IS NOT NULL))
		INTO groups
		FROM wa.groups AS g;
		SELECT jsonb_agg(jsonb_build_object('problem', format('bot "%s" is in status %s', b.name, concat_ws(': ', b.status, b.status_reason)),
			'hint', b.status_hint) ORDER BY b.bot_id) INTO unwell
		FROM wa.bots AS b
		WHERE b.status IN ('error', 'banned', 'passkey_required') OR (b.status = 'logged_out' AND b.desired = 'online')
			-- trying in vain for longer than a renewed connection takes
			OR (b.status = 'connecting' AND b.status_reason IS NOT NULL
				AND coalesce(greatest(b.last_online_at, b.linked_at, b.login_requested_at), b.status_since)
					< clock_timestamp() - interval '1 minute');
		problems := problems || coalesce(unwell, '[]');
		IF wa_private.worker_trouble() IS NOT NULL THEN
			problems := problems || jsonb_build_object('problem', 'a worker does less than it should', 'hint', wa_private.worker_trouble());
		END IF;
		IF (SELECT z.zone FROM wa_private.rollup_zone AS z) IS DISTINCT FROM wa_private.stat_timezone() THEN
			problems := problems || jsonb_build_object('problem', 'the roll-ups have days of another time zone than reports: statistics are slow',
				'hint', 'SELECT wa.rebuild_rollups()');
		END IF;
		SELECT jsonb_build_object('pending', count(*) FILTER (WHERE m.state = 'pending'), 'lost', count(*) FILTER (WHERE m.state = 'lost'))
		INTO messages
		FROM wa.messages AS m
		WHERE m.state IN ('pending', 'lost');
		IF has_any_column_privilege('wa.rejected', 'SELECT') THEN
			messages := messages || jsonb_build_object('rejected', (SELECT count(r.rejected_id) FROM wa.rejected AS r));
			IF EXISTS (SELECT r.rejected_id FROM wa.rejected AS r) THEN
				problems := problems || jsonb_build_object('problem', 'there are stanzas that could not be stored',
					'hint', 'SELECT * FROM wa.rejected shows them.');
			END IF;
		END IF;
	END IF;
	RETURN jsonb_build_object('ok', problems = '[]', 'problems', problems, 'versions', to_jsonb(versions), 'workers', workers,
		'bots', bots, 'groups', groups, 'messages', messages);
END
$$;
COMMENT ON FUNCTION wa.health() IS
'{ok, problems: [{problem, hint}], versions, workers, bots: {status: number}, groups, messages: {pending, lost, rejected}}';
