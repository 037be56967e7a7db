-- Who may do what.
SET client_min_messages = warning;
CREATE ROLE regress_wa_reader;
CREATE ROLE regress_wa_operator;
CREATE ROLE regress_wa_words;
CREATE ROLE regress_wa_link;
CREATE ROLE regress_wa_stranger;

-- nothing is open to everybody
SELECT p.oid::regprocedure FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND a.grantee = 0;
SELECT c.oid::regclass FROM pg_class AS c, aclexplode(c.relacl) AS a
WHERE c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND a.grantee = 0;
SELECT n.nspname FROM pg_namespace AS n, aclexplode(n.nspacl) AS a WHERE n.nspname LIKE 'wa%' AND a.grantee = 0;
-- no function runs with other rights than its caller's, and none trusts the search path
SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND p.prosecdef;
SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND l.lanname = 'plpgsql'
	AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false);
SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND l.lanname = 'sql' AND p.prosqlbody IS NULL;

-- wrong arguments
SELECT public.try('SELECT wa.grant_reader(NULL)');
SELECT public.try($$SELECT wa.grant_reader('regress_wa_missing')$$);
SELECT public.try($$SELECT wa.grant_operator('regress_wa_missing')$$);
SELECT public.try($$SELECT wa.grant_link_viewer('regress_wa_missing')$$);

SELECT wa.grant_reader('regress_wa_reader');
SELECT wa.grant_operator('regress_wa_operator');
SELECT wa.grant_message_reader('regress_wa_words');
SELECT wa.grant_link_viewer('regress_wa_link');
SELECT wa.add_bot('guarded') > 0 AS added;
INSERT INTO wa_private.links (bot_id, qr_content, qr_valid_until) SELECT bot_id, 'secret', 'infinity' FROM wa.bots;

-- what each role can select from, and that nobody else than the owner can put a trigger anywhere
SELECT r.rolname, string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text) AS selects
FROM pg_roles AS r CROSS JOIN pg_class AS c
WHERE r.rolname LIKE 'regress_wa_%' AND c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
	AND NOT c.relispartition AND has_table_privilege(r.rolname, c.oid, 'SELECT')
GROUP BY 1 ORDER BY 1;
SELECT r.rolname, c.oid::regclass, a.attname, p.privilege
FROM pg_roles AS r CROSS JOIN pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) AS p (privilege)
WHERE r.rolname LIKE 'regress_wa_%' AND c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND NOT c.relispartition AND c.relkind IN ('r', 'p', 'v')
	AND has_column_privilege(r.rolname, c.oid, a.attname, p.privilege) AND NOT has_table_privilege(r.rolname, c.oid, p.privilege)
ORDER BY 1, c.oid::regclass::text, 4, 3;
SELECT r.rolname, c.oid::regclass, p.privilege
FROM pg_roles AS r CROSS JOIN pg_class AS c CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER'), ('REFERENCES')) AS p (privilege)
WHERE r.rolname LIKE 'regress_wa_%' AND c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
	AND has_table_privilege(r.rolname, c.oid, p.privilege)
ORDER BY 1, c.oid::regclass::text, 3;
SELECT r.rolname, string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.oid::regprocedure::text) AS executes
FROM pg_roles AS r CROSS JOIN pg_proc AS p
WHERE r.rolname LIKE 'regress_wa_%' AND p.pronamespace = 'wa'::regnamespace AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')
	AND p.proname NOT LIKE 'stat\_%'
GROUP BY 1 ORDER BY 1;
SELECT r.rolname, bool_and(has_function_privilege(r.rolname, p.oid, 'EXECUTE')) AS all_statistics, bool_or(has_function_privilege(r.rolname, p.oid, 'EXECUTE')) AS some
FROM pg_roles AS r CROSS JOIN pg_proc AS p
WHERE r.rolname LIKE 'regress_wa_%' AND p.pronamespace = 'wa'::regnamespace AND p.proname LIKE 'stat\_%'
GROUP BY 1 ORDER BY 1;

SET ROLE regress_wa_reader;
SELECT name, status FROM wa.bots;
SELECT count(*) FROM wa.group_growth;
SELECT wa.resolve('123');
SELECT wa.health() ? 'ok' AS health, (wa.version()).layout;
SELECT public.try('SELECT * FROM wa_private.links');
SELECT bot_name, hint, qr, expires_at FROM wa.link_codes();
SELECT public.try($$SELECT wa_private.qr_picture('x', now(), 320)$$);
SELECT public.try('SELECT * FROM wa_private.devices');
SELECT public.try('SELECT code FROM wa.invite_links');
SELECT public.try('SELECT * FROM wa.rejected');
SELECT public.try($$SELECT wa.qr_content('guarded')$$);
SELECT public.try($$SELECT wa.pause_bot('guarded')$$);
SELECT public.try($$SELECT wa_private.apply('{}', '{}')$$);
SELECT public.try('UPDATE wa.bots SET desired = NULL');
-- who wrote when, not what
SELECT count(message_id), max(sent_at), max(kind) FROM wa.messages;
SELECT count(*) > 0 AS feed FROM wa.feed();
SELECT count(*) FROM wa.undecryptable;
SELECT public.try('SELECT body FROM wa.messages');
SELECT public.try('SELECT raw FROM wa.messages');
SELECT public.try('SELECT * FROM wa.message_feed');
SELECT public.try('SELECT * FROM wa.message_edits');
SELECT public.try('SELECT content FROM wa.media');
SELECT public.try('SELECT * FROM wa.conversation(1)');
RESET ROLE;

SET ROLE regress_wa_words;
SELECT count(body), count(raw), (SELECT count(*) FROM wa.message_feed), (SELECT count(*) FROM wa.media), (SELECT count(*) FROM wa.conversation(1)) FROM wa.messages;
SELECT public.try('SELECT * FROM wa_private.media_keys');
SELECT public.try('SELECT * FROM wa_private.message_keys');
SELECT public.try('SELECT * FROM wa_private.records');
SELECT public.try('DELETE FROM wa.messages');
RESET ROLE;

-- codes to look at, nothing to do with them
SET ROLE regress_wa_link;
SELECT bot_id > 0 AS id, qr_content, qr_valid_until FROM wa_private.links;
SELECT bot_name, hint, qr FROM wa.link_codes('guarded');
SELECT wa_private.qr_picture('secret', 'infinity', 320) LIKE '%src="data:image/png;base64,iVBOR%' AS drawn;
SELECT public.try('SELECT pair_code FROM wa_private.links');
SELECT public.try('SELECT adv_secret FROM wa_private.devices');
SELECT public.try('SELECT body FROM wa.messages');
SELECT public.try($$SELECT wa.qr_content('guarded')$$);
SELECT public.try($$SELECT wa.pair_code('guarded', '491701234567')$$);
SELECT public.try($$SELECT wa.login('guarded')$$);
SELECT public.try('UPDATE wa_private.links SET qr_valid_until = now()');
SELECT public.try('DELETE FROM wa.bots');
RESET ROLE;

SET ROLE regress_wa_operator;
SELECT wa.add_bot('mine') > 0 AS added;
SELECT wa.update_bot('mine', name => 'ours');
SELECT wa.pause_bot('ours');
SELECT wa.qr_content('guarded');
SELECT bot_name, hint FROM wa.link_codes('guarded');
SELECT wa.remove_bot('ours');
SELECT public.try($$SELECT wa.remove_bot('guarded', purge => true)$$);
SELECT public.try($$SELECT wa.watch_group(-1)$$);
SELECT public.try('SELECT noise_private FROM wa_private.devices');
SELECT public.try('SELECT * FROM wa_private.prekeys');
SELECT public.try('SELECT body FROM wa.messages');
SELECT public.try('SELECT content FROM wa.rejected');
SELECT public.try($$UPDATE wa.bots SET status = 'online'$$);
SELECT public.try($$SELECT wa_private.apply('{}', '{}')$$);
SELECT public.try('SELECT wa.adopt_node()');
SELECT public.try($$SELECT wa.grant_reader('regress_wa_stranger')$$);
SELECT public.try('CREATE TRIGGER t BEFORE INSERT ON wa.group_events FOR EACH STATEMENT EXECUTE FUNCTION public.t()') ~ '^42501' AS no_trigger;
RESET ROLE;

SET ROLE regress_wa_stranger;
SELECT public.try('SELECT * FROM wa.bots');
SELECT public.try($$SELECT wa.add_bot('x')$$);
SELECT public.try('SELECT wa.version()');
RESET ROLE;

SELECT wa.remove_bot('guarded');
DROP OWNED BY regress_wa_reader, regress_wa_operator, regress_wa_words, regress_wa_link, regress_wa_stranger;
DROP ROLE regress_wa_reader, regress_wa_operator, regress_wa_words, regress_wa_link, regress_wa_stranger;
