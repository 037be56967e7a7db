/*
 * replies.sql
 *		What is said about messages: edits, reactions, votes, receipts.
 */

/* The facts that are about a chat. */
CREATE FUNCTION wa_private.chat_fact_kinds()
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{message,reaction,edit,revoke,vote,response,addon,receipt,chat,member_label}'::text[];
COMMENT ON FUNCTION wa_private.chat_fact_kinds() IS 'the facts that are about a chat';

CREATE FUNCTION wa_private.fact_kinds()
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{status,aliases,group,group_list,group_gone,group_change,number_change,caught_up,raw,people,reaction,edit,revoke,vote,response,addon,receipt,chat,contact,label,chat_label,message_label,member_label,identity_change,history_notice,history_change,past_members}'::text[];
COMMENT ON FUNCTION wa_private.fact_kinds() IS 'the facts that wa_private.apply() takes';

/* Brings messages up to date with what was said about them before. */
CREATE FUNCTION wa_private.settle_edits(ids bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
END
$$;
COMMENT ON FUNCTION wa_private.settle_edits(bigint[]) IS 'applies the edits of messages';

/* Links what came before the messages it speaks of. */
CREATE FUNCTION wa_private.link_messages(ids bigint[], places bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
END
$$;
COMMENT ON FUNCTION wa_private.link_messages(bigint[], bigint[]) IS 'links what came before the messages it speaks of';
