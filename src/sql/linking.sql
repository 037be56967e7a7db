/*
 * linking.sql
 *		Linking a bot to a phone: QR codes in all forms, pairing codes.
 *
 * The worker writes codes into wa_private.links as the server hands them out.
 * The functions here return what is valid now, or ask the worker through its
 * mailbox and wait for the answer; nothing past its lifetime is returned.
 */

CREATE FUNCTION wa_private.is_linked(bot bigint)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (SELECT FROM wa_private.devices AS d WHERE d.bot_id = bot AND d.jid IS NOT NULL);
END
$$;
COMMENT ON FUNCTION wa_private.is_linked(bigint) IS 'the bot is linked to a phone';

/* The transaction id with its epoch, of one that is not older than 2^31 transactions. */
CREATE FUNCTION wa_private.full_xid(id xid)
RETURNS xid8 LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	next_full bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
	low bigint := id::text::bigint;
BEGIN
	RETURN ((next_full - next_full % 4294967296) + low
		- CASE WHEN low > next_full % 4294967296 AND next_full >= 4294967296 THEN 4294967296 ELSE 0 END)::text::xid8;
END
$$;
COMMENT ON FUNCTION wa_private.full_xid(xid) IS 'a recent transaction id with its epoch';

/*
 * Raises unless the bot can be linked now and an answer of the worker could
 * be seen by the calling transaction.
 */
CREATE FUNCTION wa_private.require_linkable(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bot_name text;
	own_row boolean;
BEGIN
	PERFORM wa_private.require_bot(bot);
	-- a row that is visible though its transaction is in progress is our own
	SELECT b.name, coalesce(pg_xact_status(wa_private.full_xid(b.xmin)) = 'in progress', false)
	INTO bot_name, own_row
	FROM wa.bots AS b
	WHERE b.bot_id = bot;
	IF wa_private.is_linked(bot) THEN
		RAISE EXCEPTION 'bot "%" is already linked', bot_name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call wa.logout() first to link it to another phone.';
	ELSIF own_row THEN
		RAISE EXCEPTION 'bot "%" was added or changed by this transaction', bot_name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Commit first: its worker cannot see it before.';
	ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'cannot wait for a code in a transaction with isolation level %',
			current_setting('transaction_isolation')
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Use READ COMMITTED: the code is committed while this statement waits.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.require_linkable(bigint) IS 'raises an error unless a code to link the bot can be waited for';

/* Raises the status of a bot that stopped linking after since, with the server's words. */
CREATE FUNCTION wa_private.raise_link_failure(bot bigint, since timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	b record;
BEGIN
	SELECT x.name, x.status, x.status_reason, x.status_detail, x.status_hint
	INTO b
	FROM wa.bots AS x
	WHERE x.bot_id = bot AND x.status_since >= since
		AND x.status IN ('error', 'banned', 'logged_out', 'passkey_required');
	IF FOUND THEN
		RAISE EXCEPTION 'could not link bot "%": %', b.name, coalesce(b.status_reason, b.status)
			USING ERRCODE = 'connection_failure',
			DETAIL = coalesce('The server says: ' || b.status_detail, format('Its status is %s.', b.status)),
			HINT = coalesce(b.status_hint, 'SELECT * FROM wa.bot_status_log has the history.');
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.raise_link_failure(bigint, timestamptz) IS 'raises an error when the bot stopped linking since then';

/* Why a worker of this database does less than usual; null when none does. */
CREATE FUNCTION wa_private.worker_trouble()
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT w.detail
			FROM wa.workers AS w
			WHERE w.database = current_database() AND w.detail IS NOT NULL
			ORDER BY w.worker
			LIMIT 1);
END
$$;
COMMENT ON FUNCTION wa_private.worker_trouble() IS 'why a worker of this database does less than usual; null when none does';

/*
 * The QR code to show now; waits up to ten seconds for one, three when the
 * worker has a trouble to tell (it may need a moment to see new tables).
 */
CREATE FUNCTION wa_private.current_qr(bot bigint, OUT content text, OUT valid_until timestamptz)
RETURNS record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	asked_at timestamptz;
	b record;
BEGIN
	PERFORM wa_private.require_linkable(bot);
	FOR i IN 0..100 LOOP
		SELECT l.qr_content, l.qr_valid_until INTO content, valid_until
		FROM wa_private.links AS l
		WHERE l.bot_id = bot AND l.qr_content IS NOT NULL AND l.qr_valid_until > clock_timestamp();
		EXIT WHEN FOUND;
		IF i = 0 THEN
			asked_at := clock_timestamp();
			PERFORM wa_private.mailbox_put(bot, 'link', NULL);
		ELSE
			PERFORM wa_private.raise_link_failure(bot, asked_at);
			EXIT WHEN i >= 30 AND wa_private.worker_trouble() IS NOT NULL;
		END IF;
		PERFORM pg_sleep(0.1);
	END LOOP;
	IF content IS NULL THEN
		SELECT x.name, x.status, x.status_reason, x.status_detail, x.status_hint INTO b
		FROM wa.bots AS x
		WHERE x.bot_id = bot;
		RAISE EXCEPTION 'no QR code for bot "%" came in time', b.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Its status is %s.', concat_ws(': ', b.status, b.status_reason, b.status_detail)),
			HINT = coalesce(b.status_hint, 'The worker says: ' || wa_private.worker_trouble(),
							'SELECT * FROM wa.workers shows whether a worker runs.');
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.current_qr(bigint) IS 'the QR code of a bot that is valid now, asked for and waited for when there is none';

CREATE FUNCTION wa.qr_content(bot bigint)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (wa_private.current_qr(bot)).content;
END
$$;
COMMENT ON FUNCTION wa.qr_content(bigint) IS 'the text of the QR code that links the bot, to draw it yourself; a secret';

CREATE FUNCTION wa.qr_content(bot text)
RETURNS text LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_content(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.qr_content(text) IS 'the text of the QR code that links the bot, to draw it yourself; a secret';

CREATE FUNCTION wa.qr_expires_at(bot bigint)
RETURNS timestamptz LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (wa_private.current_qr(bot)).valid_until;
END
$$;
COMMENT ON FUNCTION wa.qr_expires_at(bigint) IS 'when the QR code that the other qr functions return now dies; a new one follows by itself';

CREATE FUNCTION wa.qr_expires_at(bot text)
RETURNS timestamptz LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_expires_at(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.qr_expires_at(text) IS 'when the QR code that the other qr functions return now dies; a new one follows by itself';

/*
 * A client's table (psql's usual format) shows escape sequences as text, so the
 * code is drawn in the terminal's own colours unless they are asked for.
 */
CREATE FUNCTION wa.qr_text(bot bigint, terminal text DEFAULT 'dark')
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	qr record;
BEGIN
	PERFORM wa_private.require_bot(bot);
	IF terminal IS NULL OR terminal NOT IN ('dark', 'light', 'color') THEN
		RAISE EXCEPTION 'invalid kind of terminal: %', quote_nullable(left(terminal, 40))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give dark or light, which is its background, or color where escape sequences get through (psql -At).';
	END IF;
	qr := wa_private.current_qr(bot);
	RETURN wa_private.render_qr_text(qr.content, terminal) || E'\n'
		|| format('Phone: Settings > Linked devices > Link a device. Valid until %s.',
				  to_char(qr.valid_until, 'HH24:MI:SS'));
END
$$;
COMMENT ON FUNCTION wa.qr_text(bigint, text) IS
'the QR code that links the bot, drawn with blocks for a terminal with dark or light background or (color, psql -At) any, and until when it is valid';

CREATE FUNCTION wa.qr_text(bot text, terminal text DEFAULT 'dark')
RETURNS text LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_text(wa_private.bot_id(bot), terminal);
END;
COMMENT ON FUNCTION wa.qr_text(text, text) IS
'the QR code that links the bot, drawn with blocks for a terminal with dark or light background or (color, psql -At) any, and until when it is valid';

CREATE FUNCTION wa.qr_svg(bot bigint)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN wa_private.render_qr_svg((wa_private.current_qr(bot)).content);
END
$$;
COMMENT ON FUNCTION wa.qr_svg(bigint) IS 'the QR code that links the bot as an SVG document; wa.qr_expires_at() says until when it is valid';

CREATE FUNCTION wa.qr_svg(bot text)
RETURNS text LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_svg(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.qr_svg(text) IS 'the QR code that links the bot as an SVG document; wa.qr_expires_at() says until when it is valid';

CREATE FUNCTION wa_private.check_px(px integer)
RETURNS void LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF px IS NULL OR px NOT BETWEEN 64 AND 4096 THEN
		RAISE EXCEPTION 'invalid size of a picture: %', coalesce(px::text, 'null')
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give 64 to 4096 pixels.';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_px(integer) IS 'raises an error unless the size of a picture is sensible';

CREATE FUNCTION wa.qr_png(bot bigint, px integer DEFAULT 512)
RETURNS bytea LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.require_bot(bot);
	PERFORM wa_private.check_px(px);
	RETURN wa_private.render_qr_png((wa_private.current_qr(bot)).content, px);
END
$$;
COMMENT ON FUNCTION wa.qr_png(bigint, integer) IS 'the QR code that links the bot as a PNG of at most px pixels a side';

CREATE FUNCTION wa.qr_png(bot text, px integer DEFAULT 512)
RETURNS bytea LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_png(wa_private.bot_id(bot), px);
END;
COMMENT ON FUNCTION wa.qr_png(text, integer) IS 'the QR code that links the bot as a PNG of at most px pixels a side';

/*
 * The picture has twice the pixels that it is shown with, for dense screens.  No
 * element has a margin of its own: a cell 360 pixels wide holds it.
 */
CREATE FUNCTION wa_private.qr_picture(content text, valid_until timestamptz, px integer)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('<div><img width="%s" height="%s" alt="QR code" src="data:image/png;base64,%s"><br>valid until %s</div>',
				  px, px, translate(encode(wa_private.render_qr_png(content, least(2 * px, 4096)), 'base64'), E'\n', ''),
				  to_char(valid_until, 'HH24:MI:SS TZ'));
END
$$;
COMMENT ON FUNCTION wa_private.qr_picture(text, timestamptz, integer) IS 'a QR code as HTML with the picture in it';

CREATE FUNCTION wa.qr_html(bot bigint, px integer DEFAULT 320)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	qr record;
BEGIN
	PERFORM wa_private.require_bot(bot);
	PERFORM wa_private.check_px(px);
	qr := wa_private.current_qr(bot);
	RETURN wa_private.qr_picture(qr.content, qr.valid_until, px);
END
$$;
COMMENT ON FUNCTION wa.qr_html(bigint, integer) IS 'the QR code that links the bot as HTML with the picture in it, for a dashboard''s HTML cell';

CREATE FUNCTION wa.qr_html(bot text, px integer DEFAULT 320)
RETURNS text LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.qr_html(wa_private.bot_id(bot), px);
END;
COMMENT ON FUNCTION wa.qr_html(text, integer) IS 'the QR code that links the bot as HTML with the picture in it, for a dashboard''s HTML cell';

/*
 * For a dashboard, which asks again every few seconds with a role that can change
 * nothing: shows what there is and asks the worker for nothing.  Stable, so that
 * all of a row comes from one snapshot.
 */
CREATE FUNCTION wa.link_codes(bot text DEFAULT NULL)
RETURNS TABLE (bot_id bigint, bot_name text, status text, hint text, qr text, expires_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted bigint;
	may_see boolean;
	trouble text;
	b record;
	code record;
BEGIN
	IF bot IS NULL AND to_regclass('wa.bots') IS NULL THEN
		hint := 'There are no tables yet: SELECT wa.add_bot(''one'') makes them and a bot.';
		RETURN NEXT;
		RETURN;
	ELSIF bot IS NOT NULL THEN
		wanted := wa_private.stat_bot(bot);
	END IF;
	may_see := has_column_privilege('wa_private.links', 'qr_content', 'SELECT');
	-- a standby shows the codes of its primary, whose workers it knows nothing of
	trouble := CASE WHEN wa_private.running_version() IS NULL AND NOT pg_is_in_recovery()
		THEN coalesce(wa_private.worker_trouble(), 'No worker runs in this database: add it to wa_collector.databases and reload.') END;
	FOR b IN
		SELECT x.bot_id, x.name, x.status, x.status_reason, x.status_detail, x.status_hint, x.desired, x.phone, x.linked_at
		FROM wa.bots AS x
		WHERE x.bot_id = wanted OR (wanted IS NULL AND x.linked_at IS NULL)
		ORDER BY x.status <> 'qr', x.name
	LOOP
		bot_id := b.bot_id;
		bot_name := b.name;
		status := b.status;
		qr := NULL;
		expires_at := NULL;
		IF b.linked_at IS NOT NULL THEN
			hint := format('Linked%s. SELECT wa.logout(%L) comes first if it shall be linked to another phone.', ' to +' || b.phone, b.name);
		ELSIF NOT may_see THEN
			hint := format('Role "%s" may not see codes; the owner of the tables can let it: SELECT wa.grant_link_viewer(%L).',
						   current_user, current_user);
		ELSIF trouble IS NOT NULL THEN
			-- nobody would hear of a code's being scanned
			hint := trouble;
		ELSE
			SELECT l.qr_content, l.qr_valid_until INTO code
			FROM wa_private.links AS l
			WHERE l.bot_id = b.bot_id AND l.qr_content IS NOT NULL AND l.qr_valid_until > clock_timestamp();
			IF FOUND THEN
				hint := 'On the phone: Settings > Linked devices > Link a device.';
				qr := wa_private.qr_picture(code.qr_content, code.qr_valid_until, 320);
				expires_at := code.qr_valid_until;
			ELSIF b.status_hint IS NOT NULL THEN
				hint := b.status_hint;
			ELSIF b.status IN ('connecting', 'qr') AND b.status_reason IS NULL OR b.status = 'offline' AND b.desired = 'online' THEN
				hint := coalesce('The worker says: ' || wa_private.worker_trouble(), 'Its code comes in a moment.');
			ELSIF b.status IN ('offline', 'logged_out') THEN
				hint := format('Nobody asked for a code: SELECT wa.login(%L).', b.name);
			ELSE
				hint := format('No code yet: %s.', concat_ws(': ', b.status, b.status_reason, b.status_detail));
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
	IF bot_id IS NULL THEN
		SELECT CASE count(*) WHEN 0 THEN 'There is no bot yet: SELECT wa.add_bot(''one''), then SELECT wa.login(''one'').'
				WHEN 1 THEN 'The only bot is linked. SELECT wa.add_bot(''another'') adds one.'
				ELSE format('All %s bots are linked. SELECT wa.add_bot(''another'') adds one.', count(*)) END INTO hint
		FROM wa.bots AS x;
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION wa.link_codes(text) IS
'for a dashboard: the bots that wait to be linked, or the one given by name or number, each with its QR code as HTML or, in hint, why there is none and what to do; one row that says so when no bot waits. Asks no worker: wa.login() does';

CREATE FUNCTION wa.pair_code(bot bigint, phone text)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	digits text := regexp_replace(phone, '[-+(). ]', '', 'g');
	asked_at timestamptz;
	link record;
	b record;
BEGIN
	PERFORM wa_private.require_bot(bot);
	IF digits IS NULL OR digits !~ '^[1-9][0-9]{6,14}$' THEN
		RAISE EXCEPTION 'invalid phone number: %', quote_nullable(left(phone, 40))
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give it with the country code and without leading zeros, for example +49 170 1234567.';
	END IF;
	PERFORM wa_private.require_linkable(bot);
	asked_at := clock_timestamp();
	PERFORM wa_private.mailbox_put(bot, 'pair_code', digits);
	FOR i IN 0..100 LOOP
		PERFORM pg_sleep(0.1);
		SELECT l.pair_code, l.pair_error, l.pair_error_code INTO link
		FROM wa_private.links AS l
		WHERE l.bot_id = bot AND l.pair_phone = digits AND l.updated_at >= asked_at
			AND (l.pair_error IS NOT NULL OR l.pair_code_valid_until > clock_timestamp());
		IF link.pair_code IS NOT NULL THEN
			RETURN link.pair_code;
		ELSIF link.pair_error IS NOT NULL THEN
			RAISE EXCEPTION 'the server refused a pairing code for this number'
				USING ERRCODE = 'connection_failure',
				DETAIL = format('It says: %s.', concat_ws(' ', link.pair_error_code, link.pair_error)),
				HINT = 'Check the number, wait some minutes, or scan a QR code instead.';
		END IF;
		PERFORM wa_private.raise_link_failure(bot, asked_at);
		EXIT WHEN i >= 30 AND wa_private.worker_trouble() IS NOT NULL;
	END LOOP;
	SELECT x.name, x.status, x.status_reason, x.status_detail, x.status_hint INTO b FROM wa.bots AS x WHERE x.bot_id = bot;
	RAISE EXCEPTION 'no pairing code for bot "%" came in time', b.name
		USING ERRCODE = 'object_not_in_prerequisite_state',
		DETAIL = format('Its status is %s.', concat_ws(': ', b.status, b.status_reason, b.status_detail)),
		HINT = coalesce(b.status_hint, 'The worker says: ' || wa_private.worker_trouble(),
						'SELECT * FROM wa.workers shows whether a worker runs.');
END
$$;
COMMENT ON FUNCTION wa.pair_code(bigint, text) IS
'a code to type on the phone with this number (Linked devices > Link with phone number instead), which links the bot';

CREATE FUNCTION wa.pair_code(bot text, phone text)
RETURNS text LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.pair_code(wa_private.bot_id(bot), phone);
END;
COMMENT ON FUNCTION wa.pair_code(text, text) IS
'a code to type on the phone with this number (Linked devices > Link with phone number instead), which links the bot';

/*
 * Some accounts must confirm a new device with a passkey.  The challenge is
 * bound to WhatsApp's own web origin, and this version cannot answer it; it
 * says so with the server's words.
 */
CREATE FUNCTION wa_private.refuse_passkey(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	b record;
BEGIN
	PERFORM wa_private.require_bot(bot);
	SELECT x.name, x.status, x.status_detail INTO b FROM wa.bots AS x WHERE x.bot_id = bot;
	IF b.status <> 'passkey_required' THEN
		RAISE EXCEPTION 'bot "%" is not asked for a passkey', b.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Its status is %s.', b.status);
	END IF;
	RAISE EXCEPTION 'cannot answer the passkey challenge of bot "%"', b.name
		USING ERRCODE = 'feature_not_supported',
		DETAIL = coalesce('The server says: ' || b.status_detail, 'The server gave no words.'),
		HINT = 'Link the account where a passkey is not demanded, or try another account.';
END
$$;
COMMENT ON FUNCTION wa_private.refuse_passkey(bigint) IS 'raises the error that says why a passkey cannot be used';

CREATE FUNCTION wa.passkey_challenge(bot bigint)
RETURNS jsonb LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.refuse_passkey(bot);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION wa.passkey_challenge(bigint) IS 'the passkey challenge of an account that demands one; not supported yet, the error has the server''s words';

CREATE FUNCTION wa.passkey_challenge(bot text)
RETURNS jsonb LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.passkey_challenge(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.passkey_challenge(text) IS 'the passkey challenge of an account that demands one; not supported yet, the error has the server''s words';

CREATE FUNCTION wa.passkey_submit(bot bigint, assertion jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.refuse_passkey(bot);
END
$$;
COMMENT ON FUNCTION wa.passkey_submit(bigint, jsonb) IS 'answers the passkey challenge; not supported yet, the error has the server''s words';

CREATE FUNCTION wa.passkey_submit(bot text, assertion jsonb)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.passkey_submit(wa_private.bot_id(bot), assertion);
END;
COMMENT ON FUNCTION wa.passkey_submit(text, jsonb) IS 'answers the passkey challenge; not supported yet, the error has the server''s words';

CREATE FUNCTION wa.passkey_confirm(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.refuse_passkey(bot);
END
$$;
COMMENT ON FUNCTION wa.passkey_confirm(bigint) IS 'confirms the link after a passkey; not supported yet, the error has the server''s words';

CREATE FUNCTION wa.passkey_confirm(bot text)
RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT wa.passkey_confirm(wa_private.bot_id(bot));
END;
COMMENT ON FUNCTION wa.passkey_confirm(text) IS 'confirms the link after a passkey; not supported yet, the error has the server''s words';
