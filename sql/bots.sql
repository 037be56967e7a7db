-- Functions for bots, linking and groups: what they do, and every wrong argument.
SET client_min_messages = warning;
SELECT wa.add_bot('shop') > 0 AS added;
SELECT name, desired, status, device_name, default_watch FROM wa.bots;
SELECT wa.add_bot('second', device_name => 'Desk', default_watch => 'counts') > 0 AS added;
SELECT public.try($$SELECT wa.add_bot('shop')$$);
SELECT public.try($$SELECT wa.add_bot(NULL)$$);
SELECT public.try($$SELECT wa.add_bot('')$$);
SELECT public.try($$SELECT wa.add_bot(' shop')$$);
SELECT public.try($$SELECT wa.add_bot(E'a\nb')$$);
SELECT public.try($$SELECT wa.add_bot(repeat('x', 64))$$);
SELECT public.try($$SELECT wa.add_bot('y', device_name => '')$$);
SELECT public.try($$SELECT wa.add_bot('y', default_watch => 'all')$$);

SELECT wa.update_bot('second', name => 'other', device_name => 'PC', default_watch => 'none');
SELECT name, device_name, default_watch FROM wa.bots ORDER BY bot_id;
SELECT wa.update_bot('other');
SELECT public.try($$SELECT wa.update_bot('other', name => 'shop')$$);
SELECT public.try($$SELECT wa.update_bot('other', default_watch => '')$$);
SELECT public.try($$SELECT wa.update_bot('nobody', name => 'shop')$$);

-- what is wanted
SELECT wa.login('shop');
SELECT desired, login_requested_at IS NOT NULL AS asked FROM wa.bots WHERE name = 'shop';
SELECT wa.pause_bot('shop');
SELECT desired FROM wa.bots WHERE name = 'shop';
SELECT wa.resume_bot(bot_id) FROM wa.bots WHERE name = 'shop';
SELECT desired FROM wa.bots WHERE name = 'shop';
SELECT public.try($$SELECT wa.logout('shop')$$);

-- every function of a bot knows bots that do not exist and nulls
SELECT p.oid::regprocedure AS function,
	public.try(format('SELECT %s(%s%s)', p.oid::regproc, b.bot, CASE p.proname
		WHEN 'pair_code' THEN ', ''491701234567''' WHEN 'passkey_submit' THEN ', ''{}''' END))
FROM pg_proc AS p
CROSS JOIN LATERAL (SELECT unnest(CASE p.proargtypes[0] WHEN 'text'::regtype THEN ARRAY['''nobody''::text', 'NULL::text']
	ELSE ARRAY['-5::bigint', 'NULL::bigint'] END) AS bot) AS b
WHERE p.pronamespace = 'wa'::regnamespace AND p.proargnames[1] = 'bot'
ORDER BY p.proname, p.oid::regprocedure::text, b.bot;

-- linking
SELECT public.try($$SELECT wa.qr_png('shop', 63)$$);
SELECT public.try($$SELECT wa.qr_png('shop', NULL)$$);
SELECT public.try($$SELECT wa.qr_html('shop', 5000)$$);
SELECT public.try($$SELECT wa.qr_text('shop', 'green')$$);
SELECT public.try($$SELECT wa.qr_text('shop', NULL)$$);
SELECT public.try($$SELECT wa.pair_code('shop', NULL)$$);
SELECT public.try($$SELECT wa.pair_code('shop', '0170 1234567')$$);
SELECT public.try($$SELECT wa.pair_code('shop', '+49 170 12345678901')$$);
SELECT public.try($$SELECT wa.pair_code('shop', '49170abc4567')$$);
SELECT public.try($$SELECT wa.passkey_challenge('shop')$$);
-- a bot of this transaction cannot be linked in it
BEGIN;
SELECT wa.add_bot('too early') > 0 AS added;
SELECT public.try($$SELECT wa.qr_text('too early')$$);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT public.try($$SELECT wa.qr_text('shop')$$);
ROLLBACK;
-- nobody serves this database: the error of the mailbox comes through
SELECT split_part(public.try($$SELECT wa.qr_text('shop')$$), ':', 1) AS sqlstate;

-- a code that is valid is returned in every form, one that is not never
INSERT INTO wa_private.links (bot_id, qr_content, qr_valid_until) SELECT bot_id, '2@ref,key,key,key', now() + interval '1 minute' FROM wa.bots WHERE name = 'shop';
SELECT wa.qr_content('shop');
SELECT wa.qr_expires_at('shop') > now() AS in_time;
SELECT wa.qr_text('shop') LIKE '%Valid until%' AS text, wa.qr_svg('shop') LIKE '%<svg%' AS svg,
	substr(wa.qr_png('shop', 256), 1, 8) = '\x89504e470d0a1a0a' AS png, wa.qr_html('shop', 200) LIKE '%src="data:image/png;base64,iVBOR%' AS html;
UPDATE wa_private.links SET qr_valid_until = now() - interval '1 millisecond';
SELECT split_part(public.try($$SELECT wa.qr_content('shop')$$), ':', 1) AS sqlstate;
DELETE FROM wa_private.links;

-- for a dashboard: the bots that wait, or one by name or number; no worker serves this database, so no code would lead anywhere
INSERT INTO wa_private.links (bot_id, qr_content, qr_valid_until) SELECT bot_id, '2@ref,key,key,key', now() + interval '1 minute' FROM wa.bots WHERE name = 'shop';
SELECT c.bot_id = b.bot_id AS same, c.bot_name, c.status, c.hint, c.qr, c.expires_at FROM wa.link_codes() AS c JOIN wa.bots AS b ON b.name = c.bot_name;
SELECT c.bot_name FROM wa.bots AS b, wa.link_codes(b.bot_id::text) AS c WHERE b.name = 'shop';
SELECT public.try('SELECT * FROM wa.link_codes($$no''body$$)');
DELETE FROM wa_private.links;
BEGIN;
UPDATE wa.bots SET linked_at = now(), phone = '491701234567', status = 'online' WHERE name = 'shop';
SELECT bot_name, status, hint FROM wa.link_codes('shop');
SELECT bot_name FROM wa.link_codes();
UPDATE wa.bots SET linked_at = now();
SELECT * FROM wa.link_codes();
DELETE FROM wa.bots WHERE name <> 'shop';
SELECT * FROM wa.link_codes();
DELETE FROM wa.bots;
SELECT * FROM wa.link_codes();
ROLLBACK;

-- linked: no code any more, but a way out
INSERT INTO wa_private.devices (bot_id, noise_private, identity_private, registration_id, signed_prekey_id, signed_prekey_private,
	signed_prekey_signature, adv_secret, next_prekey_id, jid, lid, push_name)
SELECT bot_id, '\x00', '\x00', 1, 1, '\x00', '\x00', '\x00', 1, '491701:7@s.whatsapp.net', '1491701:7@lid', 'Shop' FROM wa.bots WHERE name = 'shop';
SELECT public.try($$SELECT wa.qr_text('shop')$$);
SELECT public.try($$SELECT wa.pair_code('shop', '491701234567')$$);
SELECT wa.logout('shop');
SELECT desired FROM wa.bots WHERE name = 'shop';
SELECT count(*) FROM wa_private.worker_bots(0, 1);
SELECT w.name, w.jid FROM wa_private.worker_bots(0, 1) AS w ORDER BY 1;
SELECT count(*) FROM wa.bots WHERE worker = 0;

-- groups that do not exist
SELECT public.try($$SELECT wa.watch_group('nowhere')$$);
SELECT public.try($$SELECT wa.watch_group(NULL::text)$$);
SELECT public.try($$SELECT wa.watch_group(NULL::bigint)$$);
SELECT public.try($$SELECT wa.watch_group(-1)$$);
SELECT public.try($$SELECT wa.watch_group(-1, 'everything')$$);
SELECT public.try($$SELECT wa.watch_group(-1, NULL)$$);
SELECT public.try($$SELECT wa.unwatch_group(-1)$$);
SELECT public.try($$SELECT wa.unwatch_group(-1, NULL)$$);
SELECT public.try($$SELECT wa.refresh_groups('shop')$$);

-- a passkey is reported with the server's words
SELECT wa_private.apply((SELECT array_agg(bot_id) FROM wa.bots WHERE name = 'other'), ARRAY[
	'{"fact": "status", "status": "passkey_required", "reason": "passkey", "detail": "Confirm on web", "received_at": 1795456000}']::jsonb[]);
SELECT public.try($$SELECT wa.passkey_challenge('other')$$);
SELECT public.try($$SELECT wa.passkey_submit('other', '{}')$$);
SELECT public.try($$SELECT wa.passkey_confirm('other')$$);
SELECT wa.health() -> 'problems' @? '$[*].problem ? (@ starts with "bot \"other\" is in status passkey_required")' AS healthy_says_so;
-- trying in vain for a moment is none, for longer it is
UPDATE wa.bots SET status = 'connecting', status_reason = 'connection_failed', login_requested_at = now() WHERE name = 'other';
SELECT wa.health() -> 'problems' @? '$[*].problem ? (@ starts with "bot \"other\"")' AS at_once;
UPDATE wa.bots SET login_requested_at = now() - interval '2 minutes', last_online_at = NULL, linked_at = NULL WHERE name = 'other';
SELECT wa.health() -> 'problems' @? '$[*].problem ? (@ starts with "bot \"other\" is in status connecting: connection_failed")' AS later;

-- people
SELECT public.try($$SELECT wa.resolve(NULL)$$);
SELECT public.try($$SELECT wa.resolve(' ')$$);
SELECT wa.resolve('nobody@nowhere');

-- removing takes the secrets along
SELECT public.try($$SELECT wa.remove_bot('shop', NULL)$$);
SELECT wa.remove_bot('shop');
SELECT wa.remove_bot(bot_id) FROM wa.bots;
SELECT count(*) FROM wa_private.devices;
SELECT wa_private.reject(-1, '\x00', 'why', '22023');
SELECT count(*) FROM wa.rejected;
