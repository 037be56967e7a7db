-- The tables: made once, adopted again, kept by DROP EXTENSION.
CREATE EXTENSION wa_collector;
SET client_min_messages = warning;

-- what SQL raises, in one line: SQLSTATE, message, hint
CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || message, nullif(hint, ''));
END
$$;

-- nothing is there before somebody asks for it
SELECT count(*) FROM pg_class WHERE relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND relkind IN ('r', 'p');
SELECT public.try($$SELECT wa.login('x')$$);
SELECT public.try($$SELECT wa.watch_group(1)$$);
SELECT wa.resolve('+49 170 1234567');
SELECT wa.health() #> '{problems,-1}';

SELECT wa.create_storage();
SELECT c.relnamespace::regnamespace AS schema, c.relname, c.relkind
FROM pg_class AS c
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY 1, 2;

-- again: no change, no error
SELECT wa.create_storage();
SELECT layout, adopted_at >= created_at AS adopted FROM wa_private.storage;

-- tables and views depend on nothing of the extension, but for the view of the workers
SELECT c.oid::regclass
FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'wa_collector');
SELECT n.nspname FROM pg_namespace AS n JOIN pg_depend AS d ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
WHERE n.nspname LIKE 'wa%';

-- data survives the extension, and the next one adopts it
SELECT wa.add_bot('survivor') > 0 AS added;
DROP EXTENSION wa_collector;
SELECT name, status, desired FROM wa.bots;
SELECT count(*) FROM pg_proc WHERE pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace);
CREATE EXTENSION wa_collector;
SELECT wa.create_storage();
SELECT wa.remove_bot('survivor');
SELECT count(*) FROM wa.bots;

-- a layout of the future is left alone
UPDATE wa_private.storage SET layout = 99;
SELECT public.try('SELECT wa.create_storage()');
UPDATE wa_private.storage SET layout = 1;

-- partitions: made on demand, for any month, once
SELECT wa_private.make_partition('2019-03-31 23:30:00+00');
SELECT wa_private.make_partition('2019-03-01 00:00:00+00');
SET timezone = 'Asia/Tokyo';
SELECT wa_private.make_partition('2019-04-01 08:30:00+09');
RESET timezone;
SELECT c.relname, obj_description(c.oid) FROM pg_class AS c WHERE c.relname LIKE 'group_events_y2019%' AND c.relkind = 'r' ORDER BY 1;
SET timezone = 'UTC';
SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c WHERE c.relname = 'group_events_y2019m03';
RESET timezone;
DROP TABLE wa.group_events_y2019m03;

-- another owner
SELECT public.try($$SELECT wa.create_storage('nobody_of_that_name')$$);
CREATE ROLE regress_wa_owner;
SELECT wa.create_storage('regress_wa_owner');
SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class AS c
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relname <> 'workers';
SET ROLE regress_wa_owner;
SELECT wa.add_bot('of the owner') > 0 AS added;
SELECT count(*) FROM wa_private.apply((SELECT array_agg(bot_id) FROM wa.bots), ARRAY[
	'{"fact": "status", "status": "connecting", "received_at": 1795456000}']::jsonb[]);
SELECT wa_private.make_partition('2019-03-31 23:30:00+00');
SELECT wa.remove_bot('of the owner', purge => true);
DROP TABLE wa.group_events_y2019m03;
RESET ROLE;
CREATE ROLE regress_wa_other;
GRANT USAGE, CREATE ON SCHEMA wa, wa_private TO regress_wa_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA wa, wa_private TO regress_wa_other;
SET ROLE regress_wa_other;
SELECT public.try('SELECT wa.create_storage()');
RESET ROLE;
SELECT wa.create_storage(current_user);
DROP OWNED BY regress_wa_owner, regress_wa_other;
DROP ROLE regress_wa_owner, regress_wa_other;
