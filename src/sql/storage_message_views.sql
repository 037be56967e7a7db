/*
 * storage_message_views.sql
 *		Views over messages, for reading.  Ordinary objects like the tables.
 */

CREATE FUNCTION wa_private.create_storage_message_views()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE OR REPLACE VIEW wa.inbox AS
	SELECT c.chat_id, c.kind, coalesce(g.subject, p.name, c.name, c.jid) AS name, coalesce(b.name, '') AS bot, c.bot_id, c.group_id, c.user_id,
		coalesce(g.watch_level, c.watch_level) AS watch_level, c.unread, c.archived, c.pinned, c.muted_until,
		m.message_id AS last_message_id, m.sent_at AS last_at, s.name AS last_sender, m.from_me AS last_from_me, m.kind AS last_kind,
		m.state AS last_state, CASE WHEN m.revoked_at IS NULL THEN left(m.body, 200) END AS last_text
	FROM wa.chats AS c
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	LEFT JOIN wa.people AS p ON p.user_id = c.user_id
	LEFT JOIN wa.bots AS b ON b.bot_id = c.bot_id
	LEFT JOIN LATERAL (SELECT x.message_id, x.sent_at, x.sender, x.from_me, x.kind, x.state, x.body, x.revoked_at
		FROM wa.messages AS x WHERE x.chat_id = c.chat_id ORDER BY x.sent_at DESC LIMIT 1) AS m ON true
	LEFT JOIN wa.people AS s ON s.user_id = m.sender;

	COMMENT ON VIEW wa.inbox IS 'the chats with their last message; sort by last_at DESC';
	COMMENT ON COLUMN wa.inbox.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.inbox.kind IS 'direct or group';
	COMMENT ON COLUMN wa.inbox.name IS 'subject of the group or best name of the person';
	COMMENT ON COLUMN wa.inbox.bot IS 'name of the bot whose direct chat it is; empty for a group';
	COMMENT ON COLUMN wa.inbox.bot_id IS 'the bot whose direct chat it is';
	COMMENT ON COLUMN wa.inbox.group_id IS 'the group';
	COMMENT ON COLUMN wa.inbox.user_id IS 'the person on the other side of a direct chat';
	COMMENT ON COLUMN wa.inbox.watch_level IS 'what is stored of it; null: the default for the bot''s direct chats';
	COMMENT ON COLUMN wa.inbox.unread IS 'unread messages according to the phone when it last said so';
	COMMENT ON COLUMN wa.inbox.archived IS 'archived on the phone';
	COMMENT ON COLUMN wa.inbox.pinned IS 'pinned on the phone';
	COMMENT ON COLUMN wa.inbox.muted_until IS 'muted on the phone until then';
	COMMENT ON COLUMN wa.inbox.last_message_id IS 'the last message';
	COMMENT ON COLUMN wa.inbox.last_at IS 'when it was sent';
	COMMENT ON COLUMN wa.inbox.last_sender IS 'best name of who wrote it';
	COMMENT ON COLUMN wa.inbox.last_from_me IS 'a bot''s own account wrote it';
	COMMENT ON COLUMN wa.inbox.last_kind IS 'its kind';
	COMMENT ON COLUMN wa.inbox.last_state IS 'stored, pending, unavailable, lost';
	COMMENT ON COLUMN wa.inbox.last_text IS 'the beginning of its text; null when it was deleted for everybody';

	CREATE OR REPLACE VIEW wa.message_feed AS
	SELECT m.message_id, m.sent_at, m.received_at, m.chat_id, c.kind AS chat_kind, coalesce(g.subject, cp.name, c.name, c.jid) AS chat_name,
		m.sender, p.name AS sender_name, m.from_me, m.kind, m.state, m.origin, m.body, m.quoted_message_id, m.edited_at, m.revoked_at,
		m.is_forwarded, m.view_once, m.meta, m.expires_at
	FROM wa.messages AS m
	JOIN wa.chats AS c ON c.chat_id = m.chat_id
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	LEFT JOIN wa.people AS cp ON cp.user_id = c.user_id
	LEFT JOIN wa.people AS p ON p.user_id = m.sender;

	COMMENT ON VIEW wa.message_feed IS 'messages with the names of chats and people, for reading';
	COMMENT ON COLUMN wa.message_feed.message_id IS 'number of the message';
	COMMENT ON COLUMN wa.message_feed.sent_at IS 'when it was sent';
	COMMENT ON COLUMN wa.message_feed.received_at IS 'when we first heard of it';
	COMMENT ON COLUMN wa.message_feed.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.message_feed.chat_kind IS 'direct or group';
	COMMENT ON COLUMN wa.message_feed.chat_name IS 'subject of the group or best name of the person';
	COMMENT ON COLUMN wa.message_feed.sender IS 'person who wrote it';
	COMMENT ON COLUMN wa.message_feed.sender_name IS 'their best name';
	COMMENT ON COLUMN wa.message_feed.from_me IS 'the own account of the bot that brought it wrote it';
	COMMENT ON COLUMN wa.message_feed.kind IS 'text, image, ...';
	COMMENT ON COLUMN wa.message_feed.state IS 'stored, pending, unavailable, lost';
	COMMENT ON COLUMN wa.message_feed.origin IS 'live, retry, phone, history, group_history';
	COMMENT ON COLUMN wa.message_feed.body IS 'text, caption or question as it is now';
	COMMENT ON COLUMN wa.message_feed.quoted_message_id IS 'the message it answers';
	COMMENT ON COLUMN wa.message_feed.edited_at IS 'when it was last edited';
	COMMENT ON COLUMN wa.message_feed.revoked_at IS 'when it was deleted for everybody';
	COMMENT ON COLUMN wa.message_feed.is_forwarded IS 'it was forwarded';
	COMMENT ON COLUMN wa.message_feed.view_once IS 'it was meant to be seen once';
	COMMENT ON COLUMN wa.message_feed.meta IS 'what its kind has besides';
	COMMENT ON COLUMN wa.message_feed.expires_at IS 'when it disappears';

	CREATE OR REPLACE VIEW wa.poll_results AS
	SELECT o.message_id, o.chat_id, m.body AS question, o.option_no, o.name AS option, v.votes, v.voters
	FROM wa.poll_options AS o
	JOIN wa.messages AS m ON m.message_id = o.message_id
	CROSS JOIN LATERAL (SELECT count(*) AS votes, array_agg(x.user_id ORDER BY x.voted_at) AS voters
		FROM wa.poll_votes AS x WHERE x.message_id = o.message_id AND o.hash = ANY (x.hashes)) AS v;

	COMMENT ON VIEW wa.poll_results IS 'how often each option of each poll was chosen';
	COMMENT ON COLUMN wa.poll_results.message_id IS 'the message that is the poll';
	COMMENT ON COLUMN wa.poll_results.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.poll_results.question IS 'what was asked';
	COMMENT ON COLUMN wa.poll_results.option_no IS 'position of the option, from 1';
	COMMENT ON COLUMN wa.poll_results.option IS 'the option';
	COMMENT ON COLUMN wa.poll_results.votes IS 'people who choose it now';
	COMMENT ON COLUMN wa.poll_results.voters IS 'these people, the first first';

	CREATE OR REPLACE VIEW wa.message_responses AS
	SELECT r.message_id, r.chat_id, 'reaction' AS how, r.user_id, r.from_me, r.reacted_at AS responded_at
	FROM wa.reactions AS r
	WHERE r.emoji IS NOT NULL AND r.message_id IS NOT NULL
	UNION ALL
	SELECT v.message_id, v.chat_id, 'vote', v.user_id, v.from_me, v.voted_at
	FROM wa.poll_votes AS v
	WHERE cardinality(v.hashes) > 0 AND v.message_id IS NOT NULL;

	COMMENT ON VIEW wa.message_responses IS 'who reacted to which message, and who voted in which poll, not with what; without what was taken back';
	COMMENT ON COLUMN wa.message_responses.message_id IS 'the message';
	COMMENT ON COLUMN wa.message_responses.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.message_responses.how IS 'reaction or vote';
	COMMENT ON COLUMN wa.message_responses.user_id IS 'person who responded';
	COMMENT ON COLUMN wa.message_responses.from_me IS 'the bot''s own account did';
	COMMENT ON COLUMN wa.message_responses.responded_at IS 'when, by the clock of the sender';

	CREATE OR REPLACE VIEW wa.undecryptable AS
	SELECT m.message_id, m.state, m.received_at, m.sent_at, m.chat_id, coalesce(g.subject, cp.name, c.jid) AS chat_name, m.sender,
		p.name AS sender_name, m.bot_id, m.trouble, m.attempts, m.phone_asked
	FROM wa.messages AS m
	JOIN wa.chats AS c ON c.chat_id = m.chat_id
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	LEFT JOIN wa.people AS cp ON cp.user_id = c.user_id
	LEFT JOIN wa.people AS p ON p.user_id = m.sender
	WHERE m.state IN ('pending', 'lost');

	COMMENT ON VIEW wa.undecryptable IS 'messages that cannot be read: pending ones may come yet, lost ones never will';
	COMMENT ON COLUMN wa.undecryptable.message_id IS 'number of the message';
	COMMENT ON COLUMN wa.undecryptable.state IS 'pending or lost';
	COMMENT ON COLUMN wa.undecryptable.received_at IS 'when we first heard of it';
	COMMENT ON COLUMN wa.undecryptable.sent_at IS 'when it was sent';
	COMMENT ON COLUMN wa.undecryptable.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.undecryptable.chat_name IS 'subject of the group or best name of the person';
	COMMENT ON COLUMN wa.undecryptable.sender IS 'person who wrote it';
	COMMENT ON COLUMN wa.undecryptable.sender_name IS 'their best name';
	COMMENT ON COLUMN wa.undecryptable.bot_id IS 'bot that got it first';
	COMMENT ON COLUMN wa.undecryptable.trouble IS 'why it cannot be read';
	COMMENT ON COLUMN wa.undecryptable.attempts IS 'how often the sender was asked to send it again';
	COMMENT ON COLUMN wa.undecryptable.phone_asked IS 'the bot''s own phone was asked for it';

	CREATE OR REPLACE VIEW wa.history_progress AS
	SELECT b.bot_id, b.name AS bot, count(*) AS chunks, count(*) FILTER (WHERE h.state = 'done') AS done,
		count(*) FILTER (WHERE h.state IN ('wanted', 'loading')) AS open, count(*) FILTER (WHERE h.state = 'failed') AS failed,
		max(h.progress) FILTER (WHERE h.state = 'done') AS percent, sum(h.n_messages) AS messages, sum(h.n_bytes) AS bytes,
		min(h.oldest_at) AS oldest_at, min(h.noticed_at) AS began_at, max(h.finished_at) AS last_at,
		(array_agg(h.error ORDER BY h.chunk_id DESC) FILTER (WHERE h.error IS NOT NULL))[1] AS last_error
	FROM wa.bots AS b
	JOIN wa_private.history_chunks AS h ON h.bot_id = b.bot_id
	GROUP BY b.bot_id, b.name;

	COMMENT ON VIEW wa.history_progress IS 'how much of the history that each bot''s phone offered is stored';
	COMMENT ON COLUMN wa.history_progress.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.history_progress.bot IS 'its name';
	COMMENT ON COLUMN wa.history_progress.chunks IS 'pieces that the phone offered';
	COMMENT ON COLUMN wa.history_progress.done IS 'pieces that are stored';
	COMMENT ON COLUMN wa.history_progress.open IS 'pieces to come';
	COMMENT ON COLUMN wa.history_progress.failed IS 'pieces that cannot be had';
	COMMENT ON COLUMN wa.history_progress.percent IS 'share of all that the phone sends, as it says, with the pieces that are stored';
	COMMENT ON COLUMN wa.history_progress.messages IS 'messages in the pieces so far';
	COMMENT ON COLUMN wa.history_progress.bytes IS 'bytes read, uncompressed';
	COMMENT ON COLUMN wa.history_progress.oldest_at IS 'oldest message that was offered';
	COMMENT ON COLUMN wa.history_progress.began_at IS 'when the phone offered the first piece';
	COMMENT ON COLUMN wa.history_progress.last_at IS 'when the last piece was done or given up';
	COMMENT ON COLUMN wa.history_progress.last_error IS 'last error of a piece';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_message_views() IS 'part of wa.create_storage(): views over messages';
