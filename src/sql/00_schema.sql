/*
 * 00_schema.sql
 *		The two schemas, and the functions that the library implements.
 *
 * Schema wa comes from the control file.  wa_private holds the machinery and,
 * once wa.create_storage() ran, the secrets.  Neither may belong to the
 * extension: the tables in them outlive it.
 *
 * Every function of this extension runs with the rights of its caller.  No
 * SECURITY DEFINER: the tables belong to whoever made the storage, and a
 * trigger of theirs must never run as somebody mightier.
 */

DO $$
BEGIN
	IF pg_catalog.to_regnamespace('wa_private') IS NULL THEN
		CREATE SCHEMA wa_private;
		ALTER EXTENSION wa_collector DROP SCHEMA wa_private;
	END IF;
END
$$;

REVOKE ALL ON SCHEMA wa_private FROM PUBLIC;

COMMENT ON SCHEMA wa IS 'WhatsApp bots, their groups, the people in them and what happens there';
COMMENT ON SCHEMA wa_private IS 'secrets and machinery of wa_collector; for its owner only';

/* ---- functions of the library ---- */

CREATE FUNCTION wa_private.mailbox_put(bot_id bigint, command text, argument text)
RETURNS void LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'wac_mailbox_put';
COMMENT ON FUNCTION wa_private.mailbox_put(bigint, text, text) IS
'puts a command for a bot into the mailbox of its worker at once, whatever becomes of the transaction: link, pair_code, refresh_groups';

CREATE FUNCTION wa_private.wake_workers()
RETURNS void LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'wac_wake_workers';
COMMENT ON FUNCTION wa_private.wake_workers() IS
'makes the workers of this database read wa.bots again when the transaction commits';

CREATE FUNCTION wa_private.render_qr_text(content text, terminal text)
RETURNS text LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'wac_qr_text';
COMMENT ON FUNCTION wa_private.render_qr_text(text, text) IS
'a QR code of half blocks, black on white, quiet zone of four modules, for a terminal with dark or light background or (color) any that takes escape sequences';

CREATE FUNCTION wa_private.render_qr_svg(content text)
RETURNS text LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'wac_qr_svg';
COMMENT ON FUNCTION wa_private.render_qr_svg(text) IS
'a QR code as an SVG document';

CREATE FUNCTION wa_private.render_qr_png(content text, px integer)
RETURNS bytea LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'wac_qr_png';
COMMENT ON FUNCTION wa_private.render_qr_png(text, integer) IS
'a QR code as a PNG of at most px pixels a side';

CREATE FUNCTION wa_private.library_version()
RETURNS text LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'wac_library_version';
COMMENT ON FUNCTION wa_private.library_version() IS
'version of the library that this session has loaded';

CREATE FUNCTION wa_private.running_version()
RETURNS text LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'wac_running_version';
COMMENT ON FUNCTION wa_private.running_version() IS
'version of the library that the worker of this database has loaded; null when none runs';

CREATE FUNCTION wa_private.workers(
	OUT worker integer,
	OUT database name,
	OUT pid integer,
	OUT state text,
	OUT started_at timestamptz,
	OUT last_tick_at timestamptz,
	OUT bots integer,
	OUT online integer,
	OUT fds_used integer,
	OUT fds_limit integer,
	OUT memory_bytes bigint,
	OUT messages bigint,
	OUT pending bigint,
	OUT batches bigint,
	OUT restarts integer,
	OUT next_start_at timestamptz,
	OUT detail text)
RETURNS SETOF record LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'wac_workers';
COMMENT ON FUNCTION wa_private.workers() IS
'the worker slots in shared memory';

CREATE VIEW wa.workers AS
SELECT w.worker, w.database, w.pid, w.state, w.started_at, w.last_tick_at, w.bots, w.online,
	w.fds_used, w.fds_limit, w.memory_bytes, w.messages, w.pending, w.batches, w.restarts, w.next_start_at, w.detail
FROM wa_private.workers() AS w;

COMMENT ON VIEW wa.workers IS 'the background workers of this server: what they do and what they use';
COMMENT ON COLUMN wa.workers.worker IS 'number of the worker within its database, from 0';
COMMENT ON COLUMN wa.workers.database IS 'database it serves';
COMMENT ON COLUMN wa.workers.pid IS 'process id; null while it is not running';
COMMENT ON COLUMN wa.workers.state IS 'what it is doing';
COMMENT ON COLUMN wa.workers.started_at IS 'when this process started';
COMMENT ON COLUMN wa.workers.last_tick_at IS 'when it last went round its loop';
COMMENT ON COLUMN wa.workers.bots IS 'bots it holds';
COMMENT ON COLUMN wa.workers.online IS 'bots of these that are online';
COMMENT ON COLUMN wa.workers.fds_used IS 'file descriptors its sockets use';
COMMENT ON COLUMN wa.workers.fds_limit IS 'file descriptors its sockets may use';
COMMENT ON COLUMN wa.workers.memory_bytes IS 'memory of its bots, in bytes';
COMMENT ON COLUMN wa.workers.messages IS 'messages it stored, counted since it serves this database';
COMMENT ON COLUMN wa.workers.pending IS 'how often a message could not be read when it came or was asked for again';
COMMENT ON COLUMN wa.workers.batches IS 'transactions in which it stored something';
COMMENT ON COLUMN wa.workers.restarts IS 'how often it was started again since the server started';
COMMENT ON COLUMN wa.workers.next_start_at IS 'when it is started again, if it is waiting for that';
COMMENT ON COLUMN wa.workers.detail IS 'why it is in this state, in words';
