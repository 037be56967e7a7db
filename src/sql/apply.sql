/*
 * apply.sql
 *		wa_private.apply(): the one way by which what happened gets into tables.
 *		src/collector/facts.h has the form of the facts.
 *
 * Locks, in this order: the people lock, the groups of the call by JID, then
 * people.  Call it once per transaction.
 */

/* The watch level of groups that a bot discovers. */
CREATE FUNCTION wa_private.default_level(bot bigint)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	level text;
BEGIN
	SELECT b.default_watch INTO level FROM wa.bots AS b WHERE b.bot_id = bot;
	level := coalesce(level, current_setting('wa_collector.watch_default', true));
	RETURN CASE WHEN level IN ('none', 'counts', 'members', 'messages') THEN level ELSE 'members' END;
END
$$;
COMMENT ON FUNCTION wa_private.default_level(bigint) IS 'watch level of groups that a bot discovers';

/* The groups that facts speak of; creating: they get a row when they have none. */
CREATE FUNCTION wa_private.groups_of(bot_ids bigint[], facts jsonb[])
RETURNS TABLE (jid text, bot_id bigint, creating boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT j.jid, min(f.bot), bool_or(CASE
		-- who remembers a group need not be in it now
		WHEN f.fact ->> 'fact' IN ('history_change', 'past_members') THEN NOT EXISTS (SELECT FROM wa.groups AS g WHERE g.jid = j.jid)
		ELSE f.fact ->> 'fact' <> 'group_gone' AND f.fact #> '{group,error}' IS NULL END)
	FROM unnest(bot_ids, facts) AS f (bot, fact)
	CROSS JOIN LATERAL (
		SELECT f.fact ->> 'group' AS jid WHERE f.fact ->> 'fact' IN ('group_change', 'group_gone', 'history_change', 'past_members')
		UNION ALL
		SELECT f.fact ->> 'chat' WHERE f.fact ->> 'chat' LIKE '%@g.us'
		UNION ALL
		SELECT f.fact #>> '{group,jid}' WHERE f.fact ->> 'fact' = 'group'
		UNION ALL
		SELECT x.jid FROM jsonb_array_elements_text(CASE WHEN f.fact ->> 'fact' = 'group_list' THEN f.fact -> 'jids' END) AS x (jid)
	) AS j
	GROUP BY j.jid;
END
$$;
COMMENT ON FUNCTION wa_private.groups_of(bigint[], jsonb[]) IS 'the groups that facts speak of';

/* Makes and locks the rows of the groups of the facts; returns {jid: level}.  listed: a group_list is among the facts. */
CREATE FUNCTION wa_private.lock_groups(bot_ids bigint[], facts jsonb[], listed boolean)
RETURNS jsonb LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted record;
	listing bigint[];
	levels jsonb;
BEGIN
	SELECT array_agg(x.jid) AS jids, array_agg(x.bot_id) AS bots, array_agg(x.creating) AS creating,
		bool_or(x.jid IS NULL OR x.jid = '' OR length(x.jid) > 128) AS bad
	INTO wanted
	FROM wa_private.groups_of(bot_ids, facts) AS x;
	IF listed THEN
		SELECT array_agg(DISTINCT f.bot) INTO listing
		FROM unnest(bot_ids, facts) AS f (bot, fact) WHERE f.fact ->> 'fact' = 'group_list';
	END IF;
	IF wanted.jids IS NULL AND listing IS NULL THEN
		RETURN '{}';
	ELSIF wanted.bad THEN
		RAISE EXCEPTION 'fact without the address of its group' USING ERRCODE = 'invalid_parameter_value';
	END IF;

	IF EXISTS (SELECT FROM unnest(wanted.jids, wanted.creating) AS x (jid, creating)
			   WHERE x.creating AND NOT EXISTS (SELECT FROM wa.groups AS g WHERE g.jid = x.jid)) THEN
		INSERT INTO wa.groups (jid, watch_level, needs_refresh, refresh_reason, refresh_asked_at)
		SELECT x.jid, d.level, d.level <> 'none', CASE WHEN d.level <> 'none' THEN 'new' END, clock_timestamp()
		FROM unnest(wanted.jids, wanted.bots, wanted.creating) AS x (jid, bot_id, creating)
		CROSS JOIN LATERAL (SELECT wa_private.default_level(x.bot_id) AS level) AS d
		WHERE x.creating AND NOT EXISTS (SELECT FROM wa.groups AS g WHERE g.jid = x.jid)
		ORDER BY x.jid COLLATE "C"
		ON CONFLICT DO NOTHING;
	END IF;

	IF listed THEN
		-- a list says which groups a bot is not in: lock all of its groups
		PERFORM FROM wa.groups AS g
		WHERE g.jid = ANY (wanted.jids || ARRAY(
			SELECT o.jid FROM wa.bot_groups AS b JOIN wa.groups AS o ON o.group_id = b.group_id
			WHERE b.bot_id = ANY (listing) AND b.left_at IS NULL))
		ORDER BY g.jid COLLATE "C"
		FOR NO KEY UPDATE;
	END IF;
	SELECT jsonb_object_agg(x.jid, x.watch_level) INTO levels
	FROM (SELECT g.jid, g.watch_level FROM wa.groups AS g WHERE g.jid = ANY (wanted.jids)
		  ORDER BY g.jid COLLATE "C" FOR NO KEY UPDATE) AS x;
	IF NOT EXISTS (
		SELECT FROM jsonb_each_text(levels) AS l (jid, level)
		WHERE wa_private.level_rank(l.level)
			< (SELECT max(wa_private.level_rank(wa_private.default_level(b.id))) FROM (SELECT DISTINCT unnest(wanted.bots)) AS b (id))) THEN
		RETURN coalesce(levels, '{}');
	END IF;

	-- another bot may bring a higher default along when it is first seen there
	UPDATE wa.groups AS g
	SET watch_level = d.level, needs_refresh = g.needs_refresh OR g.watch_level <> 'members',
		refresh_reason = CASE WHEN g.watch_level <> 'members' THEN 'watched' ELSE g.refresh_reason END,
		refresh_asked_at = CASE WHEN g.watch_level <> 'members' THEN clock_timestamp() ELSE g.refresh_asked_at END
	FROM unnest(wanted.jids, wanted.bots, wanted.creating) AS x (jid, bot_id, creating)
	CROSS JOIN LATERAL (SELECT wa_private.default_level(x.bot_id) AS level) AS d
	WHERE g.jid = x.jid AND x.creating AND NOT g.watch_chosen AND g.watch_level <> 'messages'
		AND wa_private.level_rank(d.level) > wa_private.level_rank(g.watch_level)
		AND NOT EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.bot_id = x.bot_id AND b.group_id = g.group_id);

	SELECT jsonb_object_agg(g.jid, g.watch_level) INTO levels FROM wa.groups AS g WHERE g.jid = ANY (wanted.jids);
	RETURN coalesce(levels, '{}');
END
$$;
COMMENT ON FUNCTION wa_private.lock_groups(bigint[], jsonb[], boolean) IS 'makes and locks the groups of facts, and returns their watch levels';

/*
 * The identity records (see wa_private.resolve_people) of facts, those of
 * groups that are not at level members left out.  levels null: all of them.
 */
CREATE FUNCTION wa_private.people_of(facts jsonb[], levels jsonb)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT coalesce(jsonb_agg(DISTINCT r.record || i.more), '[]')
		FROM unnest(facts) AS f (fact)
		CROSS JOIN LATERAL (SELECT f.fact ->> 'fact' AS fact,
			CASE f.fact ->> 'fact' WHEN 'group' THEN f.fact #>> '{group,jid}' ELSE f.fact ->> 'group' END AS jid,
			coalesce((f.fact ->> 'asked_at')::double precision, nullif((f.fact ->> 'at')::double precision, 0),
				(f.fact ->> 'received_at')::double precision) AS at,
			coalesce(to_timestamp((f.fact ->> 'received_at')::double precision), now()) AS received) AS k
		CROSS JOIN LATERAL (
			SELECT b.body, m.more
			FROM (SELECT CASE k.fact WHEN 'group' THEN f.fact -> 'group' ELSE f.fact -> 'carried' END AS carried) AS c
			CROSS JOIN LATERAL (
				SELECT jsonb_build_object('create', true, 'source', CASE k.fact WHEN 'group' THEN 'group' ELSE 'notification' END) AS more
			) AS m
			CROSS JOIN LATERAL (
				SELECT f.fact -> 'actor' AS body
				UNION ALL SELECT x.body FROM jsonb_array_elements(CASE WHEN k.fact = 'group_change' THEN f.fact -> 'targets' END) AS x (body)
				UNION ALL SELECT c.carried -> 'creator'
				UNION ALL SELECT c.carried -> 'subject_by'
				UNION ALL SELECT c.carried -> 'description_by'
				UNION ALL SELECT x.body FROM jsonb_array_elements(c.carried -> 'participants') AS x (body)
			) AS b
			WHERE k.fact IN ('group', 'group_change') AND (levels IS NULL OR levels ->> k.jid IN ('members', 'messages'))
				AND (k.fact = 'group' OR f.fact ->> 'kind' NOT IN ('link', 'unlink') OR b.body IS NOT DISTINCT FROM f.fact -> 'actor')
			UNION ALL
			SELECT x.body, jsonb_build_object('create', false, 'source', coalesce(f.fact ->> 'source', 'aliases'),
				'authoritative', coalesce((x.body ->> 'authoritative')::boolean, false))
			FROM jsonb_array_elements(CASE WHEN k.fact = 'aliases' THEN f.fact -> 'pairs' END) AS x (body)
			UNION ALL
			SELECT x.body, x.more || '{"create": true, "source": "history"}'
			FROM (SELECT f.fact -> 'actor', '{}'::jsonb WHERE k.fact = 'history_change'
				  UNION ALL SELECT y.body, '{}' FROM jsonb_array_elements(CASE WHEN k.fact = 'history_change' THEN f.fact -> 'targets' END) AS y (body)
				  UNION ALL SELECT y.body -> 'who', jsonb_strip_nulls(jsonb_build_object('at',
						extract(epoch FROM wa_private.history_time(y.body ->> 'at', k.received))))
				  FROM jsonb_array_elements(CASE WHEN k.fact = 'past_members' THEN f.fact -> 'leavers' END) AS y (body)) AS x (body, more)
			WHERE levels IS NULL OR levels ->> k.jid IN ('members', 'messages')
		) AS i
		CROSS JOIN LATERAL (
			SELECT wa_private.identity_record(i.body)
				|| jsonb_build_object('at', extract(epoch FROM wa_private.sane_time(k.at, k.received)))
		) AS r (record)
		WHERE i.body IS NOT NULL AND r.record IS NOT NULL);
END
$$;
COMMENT ON FUNCTION wa_private.people_of(jsonb[], jsonb) IS 'the identities that facts name, as records for wa_private.resolve_people()';

/* Pairs of identities of which the server says that one became the other. */
CREATE FUNCTION wa_private.number_changes_of(facts jsonb[])
RETURNS TABLE (no bigint, before jsonb, after jsonb, at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT c.no, wa_private.identity_record(c.before), wa_private.identity_record(c.after),
		wa_private.sane_time((c.fact ->> 'at')::double precision,
			coalesce(to_timestamp((c.fact ->> 'received_at')::double precision), now()))
	FROM (SELECT f.no, f.fact,
			CASE f.fact ->> 'fact' WHEN 'number_change' THEN f.fact -> 'before' ELSE f.fact -> 'actor' END AS before,
			CASE f.fact ->> 'fact' WHEN 'number_change' THEN f.fact -> 'after' ELSE f.fact -> 'targets' -> 0 END AS after
		  FROM unnest(facts) WITH ORDINALITY AS f (fact, no)
		  WHERE f.fact ->> 'fact' = 'number_change'
			OR (f.fact ->> 'fact' = 'group_change' AND f.fact ->> 'kind' IN ('modify', 'change_number')
				AND jsonb_array_length(f.fact -> 'targets') = 1)) AS c
	WHERE c.before IS NOT NULL AND c.after IS NOT NULL AND c.before <> c.after;
END
$$;
COMMENT ON FUNCTION wa_private.number_changes_of(jsonb[]) IS 'the number changes in facts';

/* Copies what the device says about the account to wa.bots; true when it was linked just now. */
CREATE FUNCTION wa_private.copy_device(bot bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE wa.bots AS b
	SET jid = coalesce(n.jid, b.jid), lid = coalesce(n.lid, b.lid), phone = coalesce(split_part(n.jid, '@', 1), b.phone),
		push_name = coalesce(d.push_name, b.push_name), platform = coalesce(d.platform, b.platform),
		business_name = coalesce(d.business_name, b.business_name),
		linked_at = CASE WHEN n.jid IS NULL THEN NULL ELSE coalesce(b.linked_at, clock_timestamp()) END,
		-- whoever scans the code wants the bot online
		desired = CASE WHEN n.jid IS NOT NULL AND b.linked_at IS NULL THEN 'online' ELSE b.desired END
	FROM wa_private.devices AS d
	CROSS JOIN LATERAL (SELECT regexp_replace(nullif(d.jid, ''), ':[0-9]+@', '@') AS jid,
		regexp_replace(nullif(d.lid, ''), ':[0-9]+@', '@') AS lid) AS n
	WHERE d.bot_id = b.bot_id AND b.bot_id = bot
		AND ((n.jid IS NULL) <> (b.linked_at IS NULL) OR n.jid <> b.jid OR n.lid IS DISTINCT FROM b.lid
			OR d.push_name IS DISTINCT FROM b.push_name OR d.platform IS DISTINCT FROM b.platform
			OR d.business_name IS DISTINCT FROM b.business_name);
END
$$;
COMMENT ON FUNCTION wa_private.copy_device(bigint) IS 'copies number, LID and names of a linked device to wa.bots';

/* The fact "status". */
CREATE FUNCTION wa_private.apply_status(bot bigint, fact jsonb, received timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old record;
	new_status text := fact ->> 'status';
	reason text := fact ->> 'reason';
	code integer := nullif((fact ->> 'code')::integer, 0);
	until timestamptz := to_timestamp(nullif((fact ->> 'until')::double precision, 0));
	retry_in double precision := (fact ->> 'retry_in')::double precision;
BEGIN
	IF new_status IS NULL OR new_status = '' THEN
		RAISE EXCEPTION 'status without status' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM wa_private.copy_device(bot);
	SELECT b.status, b.status_reason, b.status_code INTO old FROM wa.bots AS b WHERE b.bot_id = bot FOR NO KEY UPDATE;
	UPDATE wa.bots AS b
	SET status = new_status, status_reason = reason, status_code = code,
		status_detail = left(fact ->> 'detail', 1000), status_hint = fact ->> 'hint', status_until = until,
		status_since = CASE WHEN b.status = new_status AND b.status_reason IS NOT DISTINCT FROM reason
			AND new_status IN ('online', 'offline', 'qr', 'connecting') THEN b.status_since ELSE received END,
		next_attempt_at = CASE WHEN retry_in >= 0 THEN received + make_interval(secs => retry_in) END,
		last_online_at = CASE WHEN 'online' IN (new_status, b.status) THEN received ELSE b.last_online_at END,
		desired = CASE WHEN new_status = 'logged_out' THEN 'offline' ELSE b.desired END
	WHERE b.bot_id = bot;
	IF (old.status, old.status_reason, old.status_code) IS DISTINCT FROM (new_status, reason, code) THEN
		INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason, code, detail, hint, until)
		VALUES (bot, received, new_status, old.status, reason, code, left(fact ->> 'detail', 1000), fact ->> 'hint', until);
		PERFORM pg_notify('wa.bot_status', jsonb_build_object('bot_id', bot, 'status', new_status, 'reason', left(reason, 100))::text);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply_status(bigint, jsonb, timestamptz) IS 'the fact status';

/* The fact "number_change" as an event in every watched group that the person is in. */
CREATE FUNCTION wa_private.apply_number_change(bot bigint, fact jsonb, received timestamptz)
RETURNS bigint[] LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at timestamptz := wa_private.sane_time((fact ->> 'at')::double precision, received);
	after jsonb := wa_private.identity_record(fact -> 'after') || jsonb_build_object('at', extract(epoch FROM at));
	person bigint;
	events bigint[];
BEGIN
	SELECT x.user_id INTO person FROM wa_private.look_up_people(jsonb_build_array(after)) AS x;
	WITH happened AS (
		INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, target, details, received_at)
		SELECT m.group_id, at, interval '0', 'live', 'number_change', 'number_change', person,
			jsonb_build_object('before', fact -> 'before', 'after', fact -> 'after'), received
		FROM wa.memberships AS m
		JOIN wa.groups AS g ON g.group_id = m.group_id AND g.watch_level IN ('members', 'messages')
		JOIN wa.bot_groups AS b ON b.group_id = m.group_id AND b.bot_id = bot AND b.left_at IS NULL
		WHERE m.user_id = person AND m.left_at IS NULL
			AND NOT EXISTS (SELECT FROM wa.group_events AS e
							WHERE e.group_id = m.group_id AND e.target = person AND e.kind = 'number_change'
								AND e.occurred_at BETWEEN at - interval '1 day' AND at + interval '1 day')
		RETURNING group_events.event_id
	)
	SELECT array_agg(h.event_id) INTO events FROM happened AS h;
	RETURN coalesce(events, '{}');
END
$$;
COMMENT ON FUNCTION wa_private.apply_number_change(bigint, jsonb, timestamptz) IS 'the fact number_change as events';

/* The fact "raw": kept whole unless it is about a group whose people are not watched. */
CREATE FUNCTION wa_private.apply_raw(bot bigint, fact jsonb, received timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	from_jid text := fact ->> 'from';
	hidden boolean := from_jid LIKE '%@g.us' AND coalesce(
		(SELECT g.watch_level FROM wa.groups AS g WHERE g.jid = from_jid), wa_private.default_level(bot)) NOT IN ('members', 'messages');
BEGIN
	INSERT INTO wa.unknown_stanzas (bot_id, received_at, tag, type, stanza_id, from_jid, node)
	VALUES (bot, received, fact ->> 'tag', fact ->> 'type', fact ->> 'id', CASE WHEN NOT coalesce(hidden, false) THEN from_jid END,
		CASE WHEN NOT coalesce(hidden, false) THEN fact -> 'node' END);
END
$$;
COMMENT ON FUNCTION wa_private.apply_raw(bigint, jsonb, timestamptz) IS 'the fact raw';

/*
 * One NOTIFY for a call, with numbers only and below the limit of 8000 bytes.
 * messages: those that are new or about which something is.
 */
CREATE FUNCTION wa_private.notify_events(event_ids bigint[], group_ids bigint[], message_ids bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	payload jsonb := '{"events": [], "groups": [], "count": 0}';
	too_long text;
BEGIN
	IF cardinality(event_ids) > 0 OR cardinality(group_ids) > 0 THEN
		payload := jsonb_strip_nulls(jsonb_build_object(
			'events', CASE WHEN cardinality(event_ids) <= 200 THEN to_jsonb(event_ids) END,
			'groups', CASE WHEN cardinality(group_ids) <= 150 THEN to_jsonb(group_ids) END,
			'count', cardinality(event_ids),
			'first', (SELECT min(e.id) FROM unnest(event_ids) AS e (id)),
			'last', (SELECT max(e.id) FROM unnest(event_ids) AS e (id))));
	ELSIF cardinality(message_ids) = 0 THEN
		RETURN;
	END IF;
	IF cardinality(message_ids) > 0 THEN
		payload := payload || jsonb_build_object(
			'messages', CASE WHEN cardinality(message_ids) <= 350 THEN to_jsonb(message_ids) END,
			'message_count', cardinality(message_ids),
			'first_message', (SELECT min(e.id) FROM unnest(message_ids) AS e (id)),
			'last_message', (SELECT max(e.id) FROM unnest(message_ids) AS e (id)));
	END IF;
	FOREACH too_long IN ARRAY '{messages,events,groups}'::text[] LOOP
		EXIT WHEN octet_length(payload::text) < 7900;
		payload := payload - too_long;
	END LOOP;
	PERFORM pg_notify('wa_events', jsonb_strip_nulls(payload)::text);
END
$$;
COMMENT ON FUNCTION wa_private.notify_events(bigint[], bigint[], bigint[]) IS
'notifies wa_events: {events, groups, messages, count, first, last, message_count, first_message, last_message}; a list that is too long is left out';

/*
 * Applies messages, then facts in order, in the caller's transaction.
 * bot_ids[i] is the bot that facts[i] comes from; facts of bots that are gone
 * are skipped.  The m_ arrays have one element per message, in order:
 *
 *	m_bot		the bot
 *	m_chat		JID of the chat: the group, or of a direct chat the other side
 *				(its other form in m_extra: chat_pn, chat_lid)
 *	m_lid, m_pn	JIDs of the sender; m_name push name
 *	m_id		WhatsApp's id
 *	m_kind, m_body	null for what cannot be read
 *	m_flags		1 from the bot's account, 2 view once, 4 forwarded, 8 disappears, 16 edit, 32 from the offline queue,
 *				64 mentions all, 128 broadcast list, 256 status of the group, 512 starred, 1024 not shown unless it can be read
 *	m_state		stored, pending, unavailable
 *	m_origin	live, retry, phone, history, group_history
 *	m_extra		null, or {chat_pn, chat_lid, quoted: {id, by}, mentions, forwarding_score, expires_in, expires_at, trouble,
 *				attempts, phone_asked, media, poll, event, meta}
 *	m_raw		the plaintext, or null; m_secret its secret, or null
 *
 * Returns the groups whose metadata a bot should ask for ('' is the list of
 * all).
 *
 * Errors: 22023 and the classes 22 and 23 for what cannot be stored; 40001
 * when another writer changed people meanwhile: repeat the transaction.
 */
CREATE FUNCTION wa_private.apply(bot_ids bigint[], facts jsonb[],
	m_bot bigint[] DEFAULT '{}', m_chat text[] DEFAULT '{}', m_lid text[] DEFAULT '{}', m_pn text[] DEFAULT '{}', m_name text[] DEFAULT '{}',
	m_id text[] DEFAULT '{}', m_sent_at timestamptz[] DEFAULT '{}', m_received_at timestamptz[] DEFAULT '{}', m_kind text[] DEFAULT '{}',
	m_body text[] DEFAULT '{}', m_flags integer[] DEFAULT '{}', m_state text[] DEFAULT '{}', m_origin text[] DEFAULT '{}',
	m_extra jsonb[] DEFAULT '{}', m_raw bytea[] DEFAULT '{}', m_secret bytea[] DEFAULT '{}')
RETURNS TABLE (bot_id bigint, group_jid text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
-- every lookup has its index; plans outlive the statistics they were made with
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	kinds text[] := '{}';
	changes boolean := false;
	due boolean;
	about_groups boolean;
	about_people boolean;
	about_messages boolean;
	names_people boolean;
	has_messages boolean := cardinality(m_bot) > 0;
	new_groups boolean := false;
	records jsonb := '[]';
	people jsonb := '{}';
	levels jsonb := '{}';
	bots bigint[];
	alone boolean := false;
	m record;
	written record;
	f record;
	c record;
	r record;
	received timestamptz;
	event_ids bigint[] := '{}';
	message_ids bigint[] := '{}';
	group_jids text[] := '{}';
	group_ids bigint[] := '{}';
	chat bigint;
	feed bigint[] := '{}';
BEGIN
	IF NOT has_messages THEN
		-- what such a call has found and written
		SELECT false AS unknown_groups, false AS unknown_people, false AS unknown_chats, NULL::timestamptz AS first_at INTO m;
		SELECT NULL::bigint[] AS ids, NULL::bigint[] AS places, NULL::bigint[] AS bots, NULL::smallint[] AS what INTO written;
	END IF;
	IF cardinality(bot_ids) IS DISTINCT FROM cardinality(facts) OR array_position(bot_ids, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'every fact needs its bot' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF cardinality(facts) > 0 THEN
		SELECT array_agg(DISTINCT x.fact ->> 'fact'),
			coalesce(bool_or(x.fact ->> 'fact' = 'number_change' OR x.fact ->> 'kind' IN ('modify', 'change_number')), false)
		INTO kinds, changes
		FROM unnest(facts) AS x (fact);
	END IF;
	IF NOT kinds <@ wa_private.fact_kinds() THEN
		RAISE EXCEPTION 'unknown fact: %', (
			SELECT quote_nullable(left(x.kind, 80)) FROM unnest(kinds) AS x (kind)
			WHERE (x.kind = ANY (wa_private.fact_kinds())) IS NOT TRUE LIMIT 1)
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF has_messages THEN
		PERFORM wa_private.check_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_kind, m_body, m_flags, m_state,
			m_origin, m_extra, m_raw, m_secret);
	END IF;
	-- many a call tells nothing but how a bot is: then neither people nor groups are touched
	about_people := NOT kinds <@ ARRAY['status', 'caught_up', 'raw', 'history_notice', 'label'];
	about_messages := kinds && (wa_private.chat_fact_kinds() || '{contact,chat_label,message_label}'::text[]);
	names_people := about_messages OR kinds && ARRAY['people', 'identity_change'];
	about_groups := about_messages
		OR kinds && ARRAY['group', 'group_list', 'group_gone', 'group_change', 'number_change', 'history_change', 'past_members'];

	IF about_people THEN
		records := wa_private.people_of(facts, NULL);
		IF names_people THEN
			records := records || wa_private.people_of_messages(bot_ids, facts, NULL);
		END IF;
		alone := wa_private.people_conflict(records)
			OR (changes AND EXISTS (SELECT FROM wa_private.number_changes_of(facts)));
	END IF;
	IF has_messages AND NOT alone THEN
		-- the shared lock is given back when senders turn out to need it alone
		BEGIN
			PERFORM wa_private.lock_people(false);
			SELECT x.* INTO m FROM wa_private.locate_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state,
				m_origin, m_extra, m_secret, NULL, true) AS x;
			IF m.unknown_people AND wa_private.people_conflict(records || wa_private.message_people(m_bot, m_chat, m_lid, m_pn, m_name, m_flags,
					m_origin, m_extra, m.sent, m.doubts)) THEN
				RAISE EXCEPTION USING ERRCODE = 'WA001';
			END IF;
		EXCEPTION WHEN SQLSTATE 'WA001' THEN
			alone := true;
		END;
	ELSIF about_people AND NOT alone THEN
		PERFORM wa_private.lock_people(false);
	END IF;
	IF alone THEN
		PERFORM wa_private.lock_people(true);
		IF has_messages THEN
			SELECT x.* INTO m FROM wa_private.locate_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state,
				m_origin, m_extra, m_secret, NULL, true) AS x;
		END IF;
	END IF;
	IF about_people AND EXISTS (SELECT FROM unnest(bot_ids) AS x (id) WHERE NOT EXISTS (SELECT FROM wa.bots AS b WHERE b.bot_id = x.id)) THEN
		-- what a bot was told that is removed by now makes neither people nor groups again
		SELECT coalesce(array_agg(x.bot ORDER BY x.no), '{}'), coalesce(array_agg(x.fact ORDER BY x.no), '{}') INTO bot_ids, facts
		FROM unnest(bot_ids, facts) WITH ORDINALITY AS x (bot, fact, no)
		JOIN wa.bots AS b ON b.bot_id = x.bot;
		records := wa_private.people_of(facts, NULL);
		IF names_people THEN
			records := records || wa_private.people_of_messages(bot_ids, facts, NULL);
		END IF;
	END IF;

	IF has_messages AND m.first_at IS NOT NULL THEN
		PERFORM wa_private.make_partition('messages', m.first_at);
		IF wa_private.partition_month(m.first_at) <> wa_private.partition_month(m.last_at) THEN
			PERFORM wa_private.make_partition('messages', x.month AT TIME ZONE 'UTC')
			FROM (SELECT DISTINCT wa_private.partition_month(s.at) AS month FROM unnest(m.sent) AS s (at)) AS x
			ORDER BY x.month;
		END IF;
	END IF;
	IF about_groups OR m.unknown_groups THEN
		PERFORM wa_private.make_partition(now() + interval '1 month');
		PERFORM wa_private.make_partition(p.at)
		FROM (SELECT DISTINCT wa_private.partition_month(t.at) AT TIME ZONE 'UTC' AS at
			  FROM unnest(facts) AS x (fact)
			  CROSS JOIN LATERAL (SELECT coalesce(to_timestamp((x.fact ->> 'received_at')::double precision), now()) AS received) AS w
			  CROSS JOIN LATERAL (VALUES (w.received), (wa_private.sane_time((x.fact ->> 'at')::double precision, w.received))) AS t (at)
			  WHERE x.fact ->> 'fact' IN ('group', 'group_change', 'number_change', 'history_change', 'past_members')) AS p;
		levels := wa_private.lock_groups(
			bot_ids || CASE WHEN m.unknown_groups THEN m_bot ELSE '{}' END,
			facts || CASE WHEN m.unknown_groups THEN wa_private.chats_as_facts(m_chat) ELSE '{}' END,
			'group_list' = ANY (kinds));
	END IF;
	IF about_messages THEN
		levels := levels || wa_private.direct_levels(bot_ids, facts);
	END IF;
	IF m.unknown_groups THEN
		new_groups := true;
		group_jids := ARRAY(SELECT DISTINCT x.jid FROM unnest(m_chat) AS x (jid) WHERE x.jid LIKE '%@g.us');
		SELECT x.* INTO m FROM wa_private.locate_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state,
			m_origin, m_extra, m_secret, NULL, true) AS x;
	END IF;

	IF alone AND changes THEN
		FOR c IN SELECT x.* FROM wa_private.number_changes_of(facts) AS x ORDER BY x.no LOOP
			PERFORM wa_private.change_number(c.before, c.after, c.at);
		END LOOP;
	END IF;
	IF records <> '[]' AND (names_people OR jsonb_path_exists(levels, '$.* ? (@ != "members" && @ != "messages")')) THEN
		records := wa_private.people_of(facts, levels);
		IF names_people THEN
			records := records || wa_private.people_of_messages(bot_ids, facts, levels);
		END IF;
	END IF;
	IF m.unknown_people THEN
		records := records || wa_private.message_people(m_bot, m_chat, m_lid, m_pn, m_name, m_flags, m_origin, m_extra, m.sent, m.doubts);
	END IF;
	IF records <> '[]' THEN
		people := wa_private.resolve_people(records, alone);
	END IF;
	IF m.unknown_people OR m.unknown_chats OR (alone AND has_messages) THEN
		PERFORM wa_private.make_chats(m_bot, m_chat, people);
		SELECT x.* INTO m FROM wa_private.locate_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_flags, m_state,
			m_origin, m_extra, m_secret, people, true) AS x;
		IF m.unknown_chats OR (array_position(m.senders, NULL) IS NOT NULL
				AND EXISTS (SELECT FROM unnest(m.chats, m.senders) AS x (chat, sender) WHERE x.chat IS NOT NULL AND x.sender IS NULL)) THEN
			RAISE EXCEPTION 'message of nobody known' USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END IF;

	IF has_messages THEN
		SELECT x.* INTO written FROM wa_private.write_messages(m_bot, m_chat, m_lid, m_pn, m_name, m_id, m_sent_at, m_received_at, m_kind, m_body, m_flags,
			m_state, m_origin, m_extra, m_raw, m_secret, people, m) AS x;
		message_ids := coalesce(written.ids, '{}');
	END IF;

	SELECT array_agg(b.bot_id),
		bool_or(b.last_stanza_at IS NULL OR b.last_stanza_at < clock_timestamp() - interval '10 seconds')
	INTO bots, due
	FROM wa.bots AS b WHERE b.bot_id = ANY (bot_ids || m_bot);
	IF 'group_change' = ANY (kinds) OR new_groups OR about_messages THEN
		-- whoever hears of a group is in it; not again after it left; whoever only remembers it was in it
		INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at, left_at)
		SELECT x.bot, g.group_id, now(), now(), CASE WHEN bool_and(x.is_history) THEN now() END
		FROM (SELECT y.bot, coalesce(y.fact ->> 'group', y.fact ->> 'chat') AS jid,
				'history' IN (y.fact ->> 'origin', y.fact ->> 'source', y.fact ->> 'type') IS TRUE AS is_history
			  FROM unnest(bot_ids, facts) AS y (bot, fact)
			  WHERE y.fact ->> 'fact' = 'group_change' OR y.fact ->> 'fact' = ANY (wa_private.chat_fact_kinds())
			  UNION ALL
			  SELECT w.bot, w.chat, w.origin IN ('history', 'group_history')
			  FROM unnest(m_bot, m_chat, m_origin) AS w (bot, chat, origin) WHERE new_groups) AS x
		JOIN wa.groups AS g ON g.jid = x.jid
		WHERE x.bot = ANY (bots)
			AND NOT EXISTS (SELECT FROM wa.bot_groups AS b WHERE b.bot_id = x.bot AND b.group_id = g.group_id)
		GROUP BY x.bot, g.group_id
		ON CONFLICT DO NOTHING;
	END IF;
	FOR f IN
		SELECT x.bot, x.fact, x.fact ->> 'fact' AS kind
		FROM unnest(bot_ids, facts) WITH ORDINALITY AS x (bot, fact, no)
		WHERE x.bot = ANY (bots)
		ORDER BY x.no
	LOOP
		received := coalesce(to_timestamp((f.fact ->> 'received_at')::double precision), clock_timestamp());
		IF about_messages AND f.kind = ANY (wa_private.chat_fact_kinds()) THEN
			chat := wa_private.chat_of(f.bot, f.fact, levels, people);
			CONTINUE WHEN chat IS NULL;
		END IF;
		CASE f.kind
			WHEN 'group_change' THEN
				SELECT x.* INTO r FROM wa_private.apply_change(f.bot, f.fact, received, people) AS x;
				event_ids := event_ids || r.event_ids;
				group_jids := group_jids || (f.fact ->> 'group');
				IF r.ask THEN
					bot_id := f.bot;
					group_jid := f.fact ->> 'group';
					RETURN NEXT;
				END IF;
			WHEN 'group' THEN
				SELECT x.* INTO r
				FROM wa_private.apply_group(f.bot, f.fact -> 'group', coalesce(f.fact ->> 'source', 'query'),
					coalesce(to_timestamp(nullif((f.fact ->> 'asked_at')::double precision, 0)), received), received, people,
					NULL, NULL) AS x;
				event_ids := event_ids || r.event_ids;
				group_jids := group_jids || (f.fact #>> '{group,jid}');
				IF r.ask THEN
					bot_id := f.bot;
					group_jid := f.fact #>> '{group,jid}';
					RETURN NEXT;
				END IF;
			WHEN 'status' THEN
				PERFORM wa_private.apply_status(f.bot, f.fact, received);
			WHEN 'group_list' THEN
				group_ids := group_ids || wa_private.apply_group_list(f.bot, f.fact, received);
			WHEN 'group_gone' THEN
				PERFORM wa_private.bot_is_out(f.bot, g.group_id, received) FROM wa.groups AS g WHERE g.jid = f.fact ->> 'group';
				group_jids := group_jids || (f.fact ->> 'group');
			WHEN 'history_change' THEN
				event_ids := event_ids || wa_private.apply_history_change(f.bot, f.fact, received, people);
				group_jids := group_jids || (f.fact ->> 'group');
			WHEN 'past_members' THEN
				event_ids := event_ids || wa_private.apply_past_members(f.bot, f.fact, received, people);
				group_jids := group_jids || (f.fact ->> 'group');
			WHEN 'number_change' THEN
				event_ids := event_ids || wa_private.apply_number_change(f.bot, f.fact, received);
			WHEN 'caught_up' THEN
				UPDATE wa.bots AS b SET caught_up_at = received WHERE b.bot_id = f.bot;
				IF f.fact -> 'covered' = 'false' THEN
					bot_id := f.bot;
					group_jid := '';
					RETURN NEXT;
				END IF;
			WHEN 'raw' THEN
				PERFORM wa_private.apply_raw(f.bot, f.fact, received);
			WHEN 'edit', 'revoke' THEN
				feed := feed || wa_private.apply_edit(f.bot, chat, f.fact, received, people);
			WHEN 'reaction' THEN
				feed := feed || wa_private.apply_reaction(f.bot, chat, f.fact, received, people);
			WHEN 'vote' THEN
				feed := feed || wa_private.apply_vote(f.bot, chat, f.fact, received, people);
			WHEN 'response' THEN
				feed := feed || wa_private.apply_response(f.bot, chat, f.fact, received, people);
			WHEN 'addon' THEN
				PERFORM wa_private.apply_addon(f.bot, chat, f.fact, received, people);
			WHEN 'receipt' THEN
				feed := feed || wa_private.apply_receipt(f.bot, chat, f.fact, received, people);
			WHEN 'chat' THEN
				feed := feed || wa_private.apply_chat(f.bot, chat, f.fact, received);
			WHEN 'contact' THEN
				feed := feed || wa_private.apply_contact(f.bot, f.fact, received, people);
			WHEN 'label', 'chat_label', 'message_label' THEN
				feed := feed || wa_private.apply_label(f.bot, f.fact, received, levels, people);
			WHEN 'member_label' THEN
				PERFORM wa_private.apply_member_label(f.bot, f.fact, people);
			WHEN 'identity_change' THEN
				PERFORM wa_private.apply_identity_change(f.bot, f.fact, received, people);
			WHEN 'history_notice' THEN
				PERFORM wa_private.apply_history_notice(f.bot, f.fact, received);
			ELSE
				NULL;			-- aliases and people were learned above
		END CASE;
		IF f.fact ? 'addon_id' THEN
			DELETE FROM wa_private.pending_addons AS a WHERE a.addon_id = (f.fact ->> 'addon_id')::bigint AND a.bot_id = f.bot;
		END IF;
	END LOOP;

	IF due THEN
		UPDATE wa.bots AS b SET last_stanza_at = clock_timestamp()
		WHERE b.bot_id = ANY (bots) AND (b.last_stanza_at IS NULL OR b.last_stanza_at < clock_timestamp() - interval '10 seconds');
	END IF;
	IF group_jids <> '{}' THEN
		SELECT group_ids || array_agg(g.group_id), bool_or(g.needs_refresh) INTO group_ids, due
		FROM wa.groups AS g WHERE g.jid = ANY (group_jids);
	END IF;
	IF group_jids <> '{}' AND due THEN
		-- gaps, and lists that were never asked for
		RETURN QUERY
		UPDATE wa.groups AS g
		SET refresh_asked_at = clock_timestamp()
		FROM (SELECT x.group_id, min(x.bot_id) AS asker FROM wa.bot_groups AS x
			  WHERE x.bot_id = ANY (bots) AND x.left_at IS NULL GROUP BY 1) AS a
		WHERE g.jid = ANY (group_jids) AND a.group_id = g.group_id AND g.needs_refresh
			AND (g.refresh_asked_at IS NULL OR g.refresh_asked_at < clock_timestamp() - interval '10 seconds')
		RETURNING a.asker, g.jid;
	END IF;
	IF event_ids <> '{}' OR group_ids <> '{}' OR message_ids <> '{}' OR feed <> '{}' THEN
		IF group_ids <> '{}' THEN
			group_ids := ARRAY(SELECT DISTINCT x.id FROM unnest(group_ids) AS x (id));
		END IF;
		IF feed <> '{}' THEN
			message_ids := message_ids || wa_private.messages_of_feed(feed);
		END IF;
		PERFORM wa_private.write_feed(written.ids, written.places, written.bots, written.what, feed, event_ids, group_ids);
		PERFORM wa_private.notify_events(event_ids, group_ids, message_ids);
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.apply(bigint[], jsonb[], bigint[], text[], text[], text[], text[], text[], timestamptz[], timestamptz[], text[], text[],
	integer[], text[], text[], jsonb[], bytea[], bytea[]) IS
'stores what happened; returns the groups whose metadata a bot should ask for, empty text for all';
