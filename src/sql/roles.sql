/*
 * roles.sql
 *		Who may do what.  Nothing is granted to PUBLIC.
 *
 * Roles are the administrator's; wa.grant_reader, wa.grant_message_reader,
 * wa.grant_link_viewer and wa.grant_operator give them rights.  A reader sees
 * what was collected and no secret, and of messages who wrote when and of what
 * kind, not what they say.  A message reader sees that too.  A link viewer sees
 * QR codes too and can change nothing.  An operator
 * also works with bots and chooses groups, which includes seeing QR codes.
 * Deleting what was collected is the owner's.  TRIGGER is granted to nobody: a
 * trigger would run as the worker.
 */

/* The role by name, or 42704; raises 42501 unless the caller owns the storage. */
CREATE FUNCTION wa_private.check_grant(role_name name)
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF role_name IS NULL THEN
		RAISE EXCEPTION 'role must not be null' USING ERRCODE = 'invalid_parameter_value';
	ELSIF to_regrole(quote_ident(role_name)) IS NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', role_name
			USING ERRCODE = 'undefined_object', HINT = 'Make it with CREATE ROLE.';
	END IF;
	PERFORM wa_private.require_storage();
	IF NOT pg_has_role((SELECT c.relowner FROM pg_class AS c WHERE c.oid = to_regclass('wa.bots')), 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of the storage of wa_collector' USING ERRCODE = 'insufficient_privilege';
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.check_grant(name) IS 'raises an error unless rights can be granted to a role';

CREATE FUNCTION wa.grant_reader(role name)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statistic regprocedure;
BEGIN
	PERFORM wa_private.check_grant(role);
	EXECUTE format('GRANT USAGE ON SCHEMA wa TO %I', role);
	EXECUTE format('GRANT SELECT ON wa.bots, wa.bot_status_log, wa.users, wa.user_ids, wa.user_merges, wa.groups, wa.bot_groups, '
		'wa.memberships, wa.group_events, wa.event_sightings, wa.group_counts, wa.join_requests, '
		'wa.people, wa.group_members, wa.event_feed, wa.group_growth, wa.growth_by_day, wa.messages_by_day, wa.messages_by_hour, wa.phone_coverage, wa.group_completeness, '
		'wa.workers TO %I', role);
	EXECUTE format('GRANT SELECT (link_id, group_id, valid_from, valid_until, made_by) ON wa.invite_links TO %I', role);
	EXECUTE format('GRANT SELECT ON wa.chats, wa.receipts, wa.identity_changes, wa.undecryptable, wa.history_progress, '
		'wa.message_responses TO %I', role);
	EXECUTE format('GRANT SELECT (rejected_id, bot_id, rejected_at, sqlstate) ON wa.rejected TO %I', role);
	-- not what they say: body, meta, raw, quotes and mentions
	EXECUTE format('GRANT SELECT (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, is_forwarded, view_once, mentions_all, '
		'via_broadcast, group_status, was_offline, wa_id, kind, state, origin, forwarding_score, expires_at, edited_at, revoked_at, '
		'revoked_by, trouble, attempts, phone_asked) ON wa.messages TO %I', role);
	EXECUTE format('GRANT SELECT ON wa_private.feed_batches TO %I', role);
	EXECUTE format('GRANT SELECT ON wa_private.rollup_zone, wa_private.said, wa_private.reacted, %s TO %I',
		(SELECT string_agg(format('wa_private.%I', x.name || '_now'), ', ') FROM wa_private.rollups() AS x), role);
	EXECUTE format('GRANT SELECT (feed_epoch, feed_pruned) ON wa_private.storage TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION wa.resolve(text), wa.version(), wa.health(), wa_private.workers(), '
		'wa.link_codes(text), wa_private.library_version(), wa_private.running_version(), wa_private.storage_version(), wa_private.worker_trouble(), '
		'wa.feed(text, integer), wa.feed_position(), wa_private.feed_codes(), wa_private.parse_cursor(text), wa_private.require_storage() TO %I', role);
	FOR statistic IN
		SELECT p.oid::regprocedure
		FROM pg_proc AS p
		WHERE p.pronamespace IN (to_regnamespace('wa'), to_regnamespace('wa_private')) AND p.proname ~ '^(stat|report|dashboard|bi)_'
			OR p.pronamespace = to_regnamespace('wa_private') AND p.proname IN ('group_id', 'bot_id')
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', statistic, role);
	END LOOP;
	-- the functions above are looked up in wa_private; its tables stay closed
	EXECUTE format('GRANT USAGE ON SCHEMA wa_private TO %I', role);
END
$$;
COMMENT ON FUNCTION wa.grant_reader(name) IS
'lets a role read what was collected: people, groups, events, status, who wrote when; no text, no keys, no codes, no raw stanzas';

CREATE FUNCTION wa.grant_message_reader(role name)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa.grant_reader(role);
	EXECUTE format('GRANT SELECT ON wa.messages, wa.message_edits, wa.reactions, wa.poll_options, wa.poll_votes, wa.event_responses, wa.media, '
		'wa.contacts, wa.labels, wa.chat_labels, wa.message_labels, wa.inbox, wa.message_feed, wa.poll_results TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION wa.conversation(bigint, bigint, integer), wa.conversation(text, bigint, integer), '
		'wa_private.chat_id(text) TO %I', role);
END
$$;
COMMENT ON FUNCTION wa.grant_message_reader(name) IS
'lets a role read what was written too: texts, edits, reactions, votes, files, address books; besides what wa.grant_reader() gives';

/* Whoever sees a code can attach a phone of their own to the bot. */
CREATE FUNCTION wa.grant_link_viewer(role name)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa.grant_reader(role);
	EXECUTE format('GRANT SELECT (bot_id, qr_content, qr_valid_until) ON wa_private.links TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION wa_private.qr_picture(text, timestamptz, integer), '
		'wa_private.render_qr_png(text, integer) TO %I', role);
END
$$;
COMMENT ON FUNCTION wa.grant_link_viewer(name) IS
'lets a role see the QR codes of wa.link_codes(), with which anybody can link a phone to a bot; besides what wa.grant_reader() gives, and changing nothing';

CREATE FUNCTION wa.grant_operator(role name)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	function_name regprocedure;
BEGIN
	PERFORM wa.grant_reader(role);
	EXECUTE format('GRANT INSERT (name, device_name, default_watch, watch_direct), '
		'UPDATE (name, device_name, default_watch, watch_direct, desired, login_requested_at), DELETE ON wa.bots TO %I', role);
	EXECUTE format('GRANT UPDATE (watch_level, watch_chosen, needs_refresh, refresh_reason, refresh_asked_at, unobserved_since) '
		'ON wa.groups TO %I', role);
	EXECUTE format('GRANT UPDATE (watch_level) ON wa.chats TO %I', role);
	EXECUTE format('GRANT SELECT (media_id, message_id, state), UPDATE (state, wanted_at, attempts, error) ON wa.media TO %I', role);
	EXECUTE format('GRANT SELECT (rejected_id, bot_id, rejected_at, reason, sqlstate, stanza) ON wa.rejected TO %I', role);
	EXECUTE format('GRANT SELECT ON wa_private.links TO %I', role);
	EXECUTE format('GRANT SELECT (bot_id, jid) ON wa_private.devices TO %I', role);
	FOR function_name IN
		SELECT p.oid::regprocedure
		FROM pg_proc AS p
		JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
			AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'wa_collector')
		WHERE (p.pronamespace = to_regnamespace('wa')
				AND p.proname NOT IN ('create_storage', 'adopt_node', 'check_rollups', 'rebuild_rollups', 'grant_reader', 'grant_message_reader',
					'grant_link_viewer', 'grant_operator', 'conversation', 'erase_user'))
			OR (p.pronamespace = to_regnamespace('wa_private')
				AND p.proname IN ('mailbox_put', 'wake_workers', 'render_qr_text', 'render_qr_svg', 'render_qr_png', 'bot_id',
					'require_bot', 'require_storage', 'check_bot_name', 'check_device_name', 'check_watch_level', 'check_px',
					'set_desired', 'is_linked', 'require_linkable', 'full_xid', 'raise_link_failure', 'worker_trouble', 'current_qr', 'qr_picture',
					'refuse_passkey', 'group_id', 'chat_id', 'level_rank', 'lock_people'))
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function_name, role);
	END LOOP;
END
$$;
COMMENT ON FUNCTION wa.grant_operator(name) IS
'lets a role add, link, pause and remove bots and choose what is stored of groups, besides reading; not delete what was collected';

DO $$
DECLARE
	function_name regprocedure;
BEGIN
	FOR function_name IN
		SELECT p.oid::regprocedure
		FROM pg_catalog.pg_proc AS p
		JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
			AND d.refclassid = 'pg_catalog.pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension AS e WHERE e.extname = 'wa_collector')
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function_name);
	END LOOP;
END
$$;
REVOKE ALL ON wa.workers FROM PUBLIC;
