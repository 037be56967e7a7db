-- Every object and every column says what it is.
SELECT n.nspname AS schema FROM pg_namespace AS n WHERE n.nspname IN ('wa', 'wa_private') AND obj_description(n.oid, 'pg_namespace') IS NULL;
SELECT p.oid::regprocedure AS function FROM pg_proc AS p
WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass AS relation FROM pg_class AS c
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT c.oid::regclass AS relation, a.attname AS column FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, a.attnum;
-- indexes that do not belong to a constraint
SELECT c.oid::regclass AS index FROM pg_class AS c
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('i', 'I') AND obj_description(c.oid, 'pg_class') IS NULL
	AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid);
-- and how many there are, so that an empty answer is no accident
SELECT count(*) > 80 AS functions FROM pg_proc AS p WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace);
SELECT count(*) > 250 AS columns FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v');
