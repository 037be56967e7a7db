-- docs/schema.md says what the catalog says; `make docs/schema.md` writes it anew.
SET client_min_messages = warning;
SELECT wa.create_storage();
\getenv source PG_ABS_SRCDIR
\set script :source /scripts/schema_doc.sql
\o results/schema.md
\set ECHO none
\i :script
\set ECHO all
\o
\pset format aligned
\pset tuples_only off
\! diff -u "$PG_ABS_SRCDIR/docs/schema.md" results/schema.md && echo current
