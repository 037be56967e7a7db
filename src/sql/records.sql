/*
 * records.sql
 *		What the bots keep between messages.  The collector reads the records
 *		that its sessions need before a stanza is worked on, and writes those
 *		that changed in the transaction that stores what the stanza said.
 *
 * One-time prekeys are records of kind 6 for the core and rows of
 * wa_private.prekeys here.  A bot's records are written by its worker alone;
 * the rows are written in the order of their keys all the same.
 */

/*
 * The records of each need i: of bot n_bot[i] and the kinds whose bits are set
 * in n_kinds[i], with this chat, name and number; null stands for any.  A need
 * without name reads all that the bot has of these kinds.
 */
CREATE FUNCTION wa_private.load_records(n_bot bigint[], n_kinds integer[], n_chat text[], n_name text[], n_number bigint[])
RETURNS TABLE (no integer, kind smallint, chat text, name text, number bigint, data bytea)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT n.no::integer, r.kind, r.chat, r.name, r.number, r.data
	FROM unnest(n_bot, n_kinds, n_chat, n_name, n_number) WITH ORDINALITY AS n (bot, kinds, chat, name, number, no)
	JOIN wa_private.records AS r ON r.bot_id = n.bot AND r.name = n.name
	WHERE (n.kinds >> r.kind) & 1 = 1 AND (n.chat IS NULL OR r.chat = n.chat) AND (n.number IS NULL OR r.number = n.number)
	UNION ALL
	SELECT n.no::integer, r.kind, r.chat, r.name, r.number, r.data
	FROM unnest(n_bot, n_kinds, n_chat, n_name, n_number) WITH ORDINALITY AS n (bot, kinds, chat, name, number, no)
	JOIN wa_private.records AS r ON r.bot_id = n.bot
	WHERE n.name IS NULL AND (n.kinds >> r.kind) & 1 = 1 AND (n.chat IS NULL OR r.chat = n.chat) AND (n.number IS NULL OR r.number = n.number)
	UNION ALL
	SELECT n.no::integer, 6::smallint, '', '', k.key_id::bigint, k.private_key
	FROM unnest(n_bot, n_kinds, n_chat, n_name, n_number) WITH ORDINALITY AS n (bot, kinds, chat, name, number, no)
	-- any: as a range, for the index
	JOIN wa_private.prekeys AS k ON k.bot_id = n.bot AND k.key_id BETWEEN coalesce(n.number, 0) AND coalesce(n.number, 16777215)
	WHERE (n.kinds >> 6) & 1 = 1 AND coalesce(n.chat, '') = '' AND coalesce(n.name, '') = '';
END
$$;
COMMENT ON FUNCTION wa_private.load_records(bigint[], integer[], text[], text[], bigint[]) IS
'the records that each need asks for: by bot and bits of kinds, chat, name and number; null is any';

/* Writes records; data null deletes.  Of several with one key the last counts. */
CREATE FUNCTION wa_private.save_records(bot_ids bigint[], kinds smallint[], chats text[], names text[], numbers bigint[], datas bytea[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
	IF array_position(datas, NULL) IS NOT NULL THEN
		DELETE FROM wa_private.records AS r
		USING unnest(bot_ids, kinds, chats, names, numbers, datas) AS x (bot, kind, chat, name, number, data)
		WHERE x.data IS NULL AND x.kind <> 6 AND r.bot_id = x.bot AND r.name = coalesce(x.name, '') AND r.kind = x.kind
			AND r.chat = coalesce(x.chat, '') AND r.number = coalesce(x.number, 0);
		IF 6 = ANY (kinds) THEN
			DELETE FROM wa_private.prekeys AS k
			USING unnest(bot_ids, kinds, numbers, datas) AS x (bot, kind, number, data)
			WHERE x.data IS NULL AND x.kind = 6 AND k.bot_id = x.bot AND k.key_id = x.number::integer;
		END IF;
	END IF;
	INSERT INTO wa_private.records AS r (bot_id, name, kind, chat, number, data)
	SELECT y.bot, y.name, y.kind, y.chat, y.number, y.data
	FROM (
		SELECT DISTINCT ON (x.bot, n.name, x.kind, n.chat, n.number) x.bot, n.name, x.kind, n.chat, n.number, x.data
		FROM unnest(bot_ids, kinds, chats, names, numbers, datas) WITH ORDINALITY AS x (bot, kind, chat, name, number, data, no)
		CROSS JOIN LATERAL (SELECT coalesce(x.name, '') COLLATE "C" AS name, coalesce(x.chat, '') COLLATE "C" AS chat,
			coalesce(x.number, 0) AS number) AS n
		WHERE x.kind <> 6
		ORDER BY x.bot, n.name, x.kind, n.chat, n.number, x.no DESC
	) AS y
	WHERE y.data IS NOT NULL AND EXISTS (SELECT FROM wa.bots AS b WHERE b.bot_id = y.bot)
	ON CONFLICT (bot_id, name, kind, chat, number) DO UPDATE
	SET data = excluded.data, updated_at = excluded.updated_at;
	IF 6 = ANY (kinds) THEN
		INSERT INTO wa_private.prekeys AS k (bot_id, key_id, private_key)
		SELECT y.bot, y.number::integer, y.data
		FROM (SELECT DISTINCT ON (x.bot, x.number) x.bot, x.number, x.data
			  FROM unnest(bot_ids, kinds, numbers, datas) WITH ORDINALITY AS x (bot, kind, number, data, no)
			  WHERE x.kind = 6
			  ORDER BY x.bot, x.number, x.no DESC) AS y
		WHERE y.data IS NOT NULL AND EXISTS (SELECT FROM wa.bots AS b WHERE b.bot_id = y.bot)
		ON CONFLICT (bot_id, key_id) DO UPDATE SET private_key = excluded.private_key;
	END IF;
END
$$;
COMMENT ON FUNCTION wa_private.save_records(bigint[], smallint[], text[], text[], bigint[], bytea[]) IS
'writes records of bots in the order of their keys; data null deletes';
