/*
 * storage_messages.sql
 *		Chats, wa.messages partitioned by month of sending (UTC), and what else
 *		is said about a message.
 *
 * wa.messages has no unique index over chat, id and sender, because one over
 * all partitions cannot be: wa_private.message_keys has it.  A message is
 * inserted after its key and by whoever inserted the key, so no two bots and no
 * two workers store it twice.  There are no foreign keys for the reason that
 * wa.group_events has none.
 *
 * What speaks of a message may come before it: such a row names the chat and
 * the WhatsApp id (wa_id), has message_id null until the message is there, and
 * wa_private.waiting says that somebody waits.
 */

CREATE FUNCTION wa_private.create_storage_chats()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa.chats (
		chat_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		kind text NOT NULL CHECK (kind IN ('direct', 'group')),
		group_id bigint UNIQUE REFERENCES wa.groups ON DELETE CASCADE,
		bot_id bigint,
		user_id bigint REFERENCES wa.users,
		jid text COLLATE "C" NOT NULL,
		name text,
		watch_level text CHECK (watch_level IN ('none', 'messages')),
		ephemeral_seconds bigint,
		ephemeral_at timestamptz,
		archived boolean,
		pinned boolean,
		muted_until timestamptz,
		unread integer,
		settings_at timestamptz,
		first_seen_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT chats_direct_key UNIQUE (bot_id, user_id),
		CONSTRAINT chats_sides_check CHECK (CASE kind WHEN 'group' THEN num_nonnulls(group_id) = 1 AND num_nonnulls(bot_id, user_id, watch_level) = 0
			ELSE num_nonnulls(bot_id, user_id) = 2 AND group_id IS NULL END)
	) WITH (fillfactor = 80);
	CREATE INDEX IF NOT EXISTS chats_user_id_idx ON wa.chats (user_id) WHERE user_id IS NOT NULL;

	COMMENT ON TABLE wa.chats IS 'where messages are: a group is one chat for all bots, a direct chat is one bot''s with one person';
	COMMENT ON INDEX wa.chats_user_id_idx IS 'the direct chats of a person';
	COMMENT ON CONSTRAINT chats_direct_key ON wa.chats IS 'one direct chat per bot and person';
	COMMENT ON CONSTRAINT chats_sides_check ON wa.chats IS 'a group''s chat has a group, a direct one a bot and a person';
	COMMENT ON COLUMN wa.chats.chat_id IS 'number of the chat';
	COMMENT ON COLUMN wa.chats.kind IS 'direct or group';
	COMMENT ON COLUMN wa.chats.group_id IS 'the group; null for a direct chat';
	COMMENT ON COLUMN wa.chats.bot_id IS 'the bot whose direct chat it is; the bot may be gone';
	COMMENT ON COLUMN wa.chats.user_id IS 'the person on the other side of a direct chat';
	COMMENT ON COLUMN wa.chats.jid IS 'address under which it was first seen';
	COMMENT ON COLUMN wa.chats.name IS 'name the phone shows for it, when the phone said so';
	COMMENT ON COLUMN wa.chats.watch_level IS 'chosen for a direct chat: messages or none; null: wa.bots.watch_direct decides. A group has its level in wa.groups';
	COMMENT ON COLUMN wa.chats.ephemeral_seconds IS 'messages disappear after this many seconds; 0 never';
	COMMENT ON COLUMN wa.chats.ephemeral_at IS 'when that was set';
	COMMENT ON COLUMN wa.chats.archived IS 'archived on the phone';
	COMMENT ON COLUMN wa.chats.pinned IS 'pinned on the phone';
	COMMENT ON COLUMN wa.chats.muted_until IS 'muted on the phone until then; infinity for ever; null: not';
	COMMENT ON COLUMN wa.chats.unread IS 'unread messages according to the phone when it last said so';
	COMMENT ON COLUMN wa.chats.settings_at IS 'time of the newest news about these settings';
	COMMENT ON COLUMN wa.chats.first_seen_at IS 'when we first heard of it';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_chats() IS 'part of wa.create_storage(): chats';

CREATE FUNCTION wa_private.create_storage_messages()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE SEQUENCE IF NOT EXISTS wa.messages_message_id_seq;
	COMMENT ON SEQUENCE wa.messages_message_id_seq IS 'numbers of wa.messages';

	CREATE TABLE IF NOT EXISTS wa.messages (
		message_id bigint NOT NULL DEFAULT nextval('wa.messages_message_id_seq'),
		sent_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		chat_id bigint NOT NULL,
		sender bigint,
		bot_id bigint NOT NULL,
		from_me boolean NOT NULL,
		is_forwarded boolean NOT NULL DEFAULT false,
		view_once boolean NOT NULL DEFAULT false,
		mentions_all boolean NOT NULL DEFAULT false,
		via_broadcast boolean NOT NULL DEFAULT false,
		group_status boolean NOT NULL DEFAULT false,
		was_offline boolean NOT NULL DEFAULT false,
		starred boolean NOT NULL DEFAULT false,
		wa_id text COLLATE "C" NOT NULL,
		kind text,
		state text NOT NULL CHECK (state IN ('stored', 'pending', 'unavailable', 'lost')),
		origin text NOT NULL CHECK (origin IN ('live', 'retry', 'phone', 'history', 'group_history')),
		body text,
		forwarding_score integer,
		quoted_wa_id text COLLATE "C",
		quoted_message_id bigint,
		quoted_sender bigint,
		mentions bigint[],
		expires_at timestamptz,
		edited_at timestamptz,
		revoked_at timestamptz,
		revoked_by bigint,
		trouble text,
		attempts integer,
		phone_asked boolean,
		meta jsonb,
		raw bytea,
		PRIMARY KEY (message_id, sent_at)
	) PARTITION BY RANGE (sent_at);
	ALTER SEQUENCE wa.messages_message_id_seq OWNED BY wa.messages.message_id;
	CREATE INDEX IF NOT EXISTS messages_chat_id_idx ON wa.messages (chat_id, sent_at);
	CREATE INDEX IF NOT EXISTS messages_sender_idx ON wa.messages (sender, sent_at);
	-- messages come in the order of their times, mostly: a hundredth of the size of another index finds those of a day
	CREATE INDEX IF NOT EXISTS messages_sent_at_idx ON wa.messages USING brin (sent_at) WITH (pages_per_range = 32, autosummarize = on);
	CREATE INDEX IF NOT EXISTS messages_polls_idx ON wa.messages (sent_at) WHERE kind = 'poll';
	CREATE INDEX IF NOT EXISTS messages_unread_idx ON wa.messages (received_at) INCLUDE (state) WHERE state IN ('pending', 'lost');
	CREATE INDEX IF NOT EXISTS messages_unreadable_idx ON wa.messages (sent_at) INCLUDE (message_id) WHERE state <> 'stored';
	CREATE INDEX IF NOT EXISTS messages_expires_at_idx ON wa.messages (expires_at) WHERE expires_at IS NOT NULL;
	CREATE INDEX IF NOT EXISTS messages_quoted_idx ON wa.messages (chat_id, quoted_wa_id)
		WHERE quoted_wa_id IS NOT NULL AND quoted_message_id IS NULL;
	CREATE INDEX IF NOT EXISTS messages_quoted_sender_idx ON wa.messages (quoted_sender) WHERE quoted_sender IS NOT NULL;
	CREATE INDEX IF NOT EXISTS messages_revoked_by_idx ON wa.messages (revoked_by) WHERE revoked_by IS NOT NULL;
	CREATE INDEX IF NOT EXISTS messages_mentions_idx ON wa.messages USING gin (mentions) WHERE mentions IS NOT NULL;

	COMMENT ON TABLE wa.messages IS 'what people wrote: one row per message, however many bots saw it, also for those that could not be read yet';
	COMMENT ON INDEX wa.messages_chat_id_idx IS 'the messages of a chat in order';
	COMMENT ON INDEX wa.messages_sent_at_idx IS 'what was written in all chats on a day';
	COMMENT ON INDEX wa.messages_sender_idx IS 'what a person wrote when';
	COMMENT ON INDEX wa.messages_polls_idx IS 'the polls';
	COMMENT ON INDEX wa.messages_unread_idx IS 'messages that could not be read; counts them without reading them';
	COMMENT ON INDEX wa.messages_unreadable_idx IS 'messages of which there is no content, by the day on which they were sent';
	COMMENT ON INDEX wa.messages_expires_at_idx IS 'messages that disappear';
	COMMENT ON INDEX wa.messages_quoted_idx IS 'messages that quote one that has not come yet';
	COMMENT ON INDEX wa.messages_quoted_sender_idx IS 'messages that quote a person';
	COMMENT ON INDEX wa.messages_revoked_by_idx IS 'what a person deleted for everybody';
	COMMENT ON INDEX wa.messages_mentions_idx IS 'messages that mention a person';
	COMMENT ON COLUMN wa.messages.message_id IS 'number of the message; grows in the order of arrival';
	COMMENT ON COLUMN wa.messages.sent_at IS 'when it was sent, by the server''s clock';
	COMMENT ON COLUMN wa.messages.received_at IS 'when we first heard of it';
	COMMENT ON COLUMN wa.messages.chat_id IS 'the chat, see wa.chats';
	COMMENT ON COLUMN wa.messages.sender IS 'person who wrote it; null: not told';
	COMMENT ON COLUMN wa.messages.bot_id IS 'bot that brought it first; the bot may be gone';
	COMMENT ON COLUMN wa.messages.from_me IS 'that bot''s own account wrote it';
	COMMENT ON COLUMN wa.messages.is_forwarded IS 'it was forwarded';
	COMMENT ON COLUMN wa.messages.view_once IS 'it was meant to be seen once';
	COMMENT ON COLUMN wa.messages.mentions_all IS 'it mentions everybody';
	COMMENT ON COLUMN wa.messages.via_broadcast IS 'it came through a broadcast list';
	COMMENT ON COLUMN wa.messages.group_status IS 'it is a status of the group';
	COMMENT ON COLUMN wa.messages.was_offline IS 'it had waited on the server while the bot was away';
	COMMENT ON COLUMN wa.messages.starred IS 'the bot''s account has marked it with a star';
	COMMENT ON COLUMN wa.messages.wa_id IS 'WhatsApp''s id of it, unique per chat and sender';
	COMMENT ON COLUMN wa.messages.kind IS 'text, image, video, voice, document, poll, ...; unknown; null while it cannot be read';
	COMMENT ON COLUMN wa.messages.state IS 'stored; pending: cannot be read yet; lost: can never be read; unavailable: other devices only';
	COMMENT ON COLUMN wa.messages.origin IS 'where the content is from: live, retry (sent again to us), phone (the bot''s own phone), history, group_history (another member passed it on, not proved)';
	COMMENT ON COLUMN wa.messages.body IS 'text, caption or question as it is now; earlier ones are in wa.message_edits';
	COMMENT ON COLUMN wa.messages.forwarding_score IS 'how often it was forwarded; 127 and more: many times';
	COMMENT ON COLUMN wa.messages.quoted_wa_id IS 'WhatsApp''s id of the message it answers';
	COMMENT ON COLUMN wa.messages.quoted_message_id IS 'the message it answers; null when that is not stored; it may have been deleted since';
	COMMENT ON COLUMN wa.messages.quoted_sender IS 'who wrote what it answers, as it says';
	COMMENT ON COLUMN wa.messages.mentions IS 'people it mentions';
	COMMENT ON COLUMN wa.messages.expires_at IS 'when it disappears';
	COMMENT ON COLUMN wa.messages.edited_at IS 'when it was last edited';
	COMMENT ON COLUMN wa.messages.revoked_at IS 'when it was deleted for everybody';
	COMMENT ON COLUMN wa.messages.revoked_by IS 'person who deleted it: the sender or an admin';
	COMMENT ON COLUMN wa.messages.trouble IS 'why it cannot be read, as a stable word';
	COMMENT ON COLUMN wa.messages.attempts IS 'how often the sender was asked to send it again';
	COMMENT ON COLUMN wa.messages.phone_asked IS 'the bot''s own phone was asked for it';
	COMMENT ON COLUMN wa.messages.meta IS 'what its kind has besides: location, contacts, poll, event, preview, ...';
	COMMENT ON COLUMN wa.messages.raw IS 'the decrypted Message as it came, where wa_collector.keep_raw is on';

	CREATE TABLE IF NOT EXISTS wa_private.message_keys (
		chat_id bigint NOT NULL,
		id_hash bigint NOT NULL,
		sender bigint NOT NULL,
		message_id bigint NOT NULL,
		sent_at timestamptz NOT NULL,
		rank smallint NOT NULL,
		secret bytea,
		PRIMARY KEY (chat_id, id_hash, sender)
	);
	COMMENT ON TABLE wa_private.message_keys IS 'which messages are there already, over all partitions and bots; stays when a message is deleted, so that it does not come back';
	COMMENT ON COLUMN wa_private.message_keys.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.message_keys.id_hash IS 'hashtextextended() of WhatsApp''s id, seed 0';
	COMMENT ON COLUMN wa_private.message_keys.sender IS 'person who wrote it; 0: not told';
	COMMENT ON COLUMN wa_private.message_keys.message_id IS 'the message';
	COMMENT ON COLUMN wa_private.message_keys.sent_at IS 'its sent_at, which tells the partition';
	COMMENT ON COLUMN wa_private.message_keys.rank IS 'what is stored of it: 0 pending or lost, 1 unavailable, 2 passed on by a member, 3 content; only a higher one replaces';
	COMMENT ON COLUMN wa_private.message_keys.secret IS 'secret with which what is said about it later is encrypted';

	CREATE TABLE IF NOT EXISTS wa_private.waiting (
		chat_id bigint NOT NULL,
		id_hash bigint NOT NULL,
		since timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (chat_id, id_hash)
	);
	COMMENT ON TABLE wa_private.waiting IS 'messages that are not there and that something stored speaks of';
	COMMENT ON COLUMN wa_private.waiting.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.waiting.id_hash IS 'hashtextextended() of WhatsApp''s id, seed 0';
	COMMENT ON COLUMN wa_private.waiting.since IS 'since when';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_messages() IS 'part of wa.create_storage(): messages';

CREATE FUNCTION wa_private.create_storage_replies()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa.message_edits (
		edit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		message_id bigint,
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		target_sender bigint,
		action text NOT NULL CHECK (action IN ('original', 'edit', 'revoke')),
		state text NOT NULL CHECK (state IN ('applied', 'waiting', 'refused')),
		edit_wa_id text COLLATE "C" NOT NULL,
		editor bigint,
		from_me boolean NOT NULL DEFAULT false,
		by_admin boolean NOT NULL DEFAULT false,
		edited_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		kind text,
		body text,
		meta jsonb
	);
	CREATE UNIQUE INDEX IF NOT EXISTS message_edits_key ON wa.message_edits (chat_id, wa_id, edit_wa_id, coalesce(editor, 0));
	CREATE INDEX IF NOT EXISTS message_edits_message_id_idx ON wa.message_edits (message_id);
	CREATE INDEX IF NOT EXISTS message_edits_editor_idx ON wa.message_edits (editor);
	CREATE INDEX IF NOT EXISTS message_edits_target_sender_idx ON wa.message_edits (target_sender) WHERE target_sender IS NOT NULL;

	COMMENT ON TABLE wa.message_edits IS 'versions of edited messages, the original among them, and who deleted what for everybody';
	COMMENT ON INDEX wa.message_edits_key IS 'an edit is there once, however many bots saw it';
	COMMENT ON INDEX wa.message_edits_message_id_idx IS 'the versions of a message';
	COMMENT ON INDEX wa.message_edits_editor_idx IS 'what a person edited or deleted';
	COMMENT ON INDEX wa.message_edits_target_sender_idx IS 'whose messages were meant';
	COMMENT ON COLUMN wa.message_edits.edit_id IS 'number of the entry';
	COMMENT ON COLUMN wa.message_edits.message_id IS 'the message; null until it is there';
	COMMENT ON COLUMN wa.message_edits.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.message_edits.wa_id IS 'WhatsApp''s id of the message';
	COMMENT ON COLUMN wa.message_edits.target_sender IS 'who wrote the message, as the edit says';
	COMMENT ON COLUMN wa.message_edits.action IS 'original: the content before the first edit; edit; revoke: deleted for everybody';
	COMMENT ON COLUMN wa.message_edits.state IS 'applied; waiting for the message; refused: the editor had no right to it, nothing changed';
	COMMENT ON COLUMN wa.message_edits.edit_wa_id IS 'WhatsApp''s id of the edit itself';
	COMMENT ON COLUMN wa.message_edits.editor IS 'person who did it';
	COMMENT ON COLUMN wa.message_edits.from_me IS 'the bot''s own account did it';
	COMMENT ON COLUMN wa.message_edits.by_admin IS 'done as an admin of the group';
	COMMENT ON COLUMN wa.message_edits.edited_at IS 'when; of the original: when it was sent';
	COMMENT ON COLUMN wa.message_edits.received_at IS 'when we heard of it';
	COMMENT ON COLUMN wa.message_edits.kind IS 'kind of the content of this version';
	COMMENT ON COLUMN wa.message_edits.body IS 'text, caption or question of this version';
	COMMENT ON COLUMN wa.message_edits.meta IS 'what its kind has besides';

	CREATE TABLE IF NOT EXISTS wa.reactions (
		reaction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		message_id bigint,
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		target_sender bigint,
		user_id bigint NOT NULL,
		from_me boolean NOT NULL DEFAULT false,
		emoji text,
		reacted_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		message_sent_at timestamptz,
		CONSTRAINT reactions_key UNIQUE (chat_id, wa_id, user_id),
		CONSTRAINT reactions_message_check CHECK ((message_id IS NULL) = (message_sent_at IS NULL))
	);
	IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'wa.reactions'::regclass AND a.attname = 'message_sent_at') THEN
		ALTER TABLE wa.reactions ADD COLUMN message_sent_at timestamptz;
		UPDATE wa.reactions AS r SET message_sent_at = m.sent_at FROM wa.messages AS m WHERE m.message_id = r.message_id;
		UPDATE wa.reactions AS r SET message_id = NULL WHERE r.message_id IS NOT NULL AND r.message_sent_at IS NULL;
		ALTER TABLE wa.reactions ADD CONSTRAINT reactions_message_check CHECK ((message_id IS NULL) = (message_sent_at IS NULL));
	END IF;
	CREATE INDEX IF NOT EXISTS reactions_message_id_idx ON wa.reactions (message_id);
	CREATE INDEX IF NOT EXISTS reactions_user_id_idx ON wa.reactions (user_id);
	CREATE INDEX IF NOT EXISTS reactions_target_sender_idx ON wa.reactions (target_sender) WHERE target_sender IS NOT NULL;

	COMMENT ON TABLE wa.reactions IS 'the last reaction of each person to a message';
	COMMENT ON CONSTRAINT reactions_key ON wa.reactions IS 'one per person and message';
	COMMENT ON CONSTRAINT reactions_message_check ON wa.reactions IS 'where the message is known, its time is';
	COMMENT ON INDEX wa.reactions_message_id_idx IS 'the reactions to a message';
	COMMENT ON INDEX wa.reactions_user_id_idx IS 'the reactions of a person';
	COMMENT ON INDEX wa.reactions_target_sender_idx IS 'whose messages were meant';
	COMMENT ON COLUMN wa.reactions.reaction_id IS 'number of the entry';
	COMMENT ON COLUMN wa.reactions.message_id IS 'the message; null until it is there';
	COMMENT ON COLUMN wa.reactions.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.reactions.wa_id IS 'WhatsApp''s id of the message';
	COMMENT ON COLUMN wa.reactions.target_sender IS 'who wrote the message, as the reaction says';
	COMMENT ON COLUMN wa.reactions.user_id IS 'person who reacted';
	COMMENT ON COLUMN wa.reactions.from_me IS 'the bot''s own account reacted';
	COMMENT ON COLUMN wa.reactions.emoji IS 'the reaction; null: it was taken back';
	COMMENT ON COLUMN wa.reactions.reacted_at IS 'when, by the clock of the sender';
	COMMENT ON COLUMN wa.reactions.received_at IS 'when we heard of it';
	COMMENT ON COLUMN wa.reactions.message_sent_at IS 'when the message was sent, which tells its partition; null until it is there';

	CREATE TABLE IF NOT EXISTS wa.poll_options (
		message_id bigint NOT NULL,
		option_no integer NOT NULL,
		chat_id bigint NOT NULL,
		name text NOT NULL,
		hash bytea NOT NULL,
		PRIMARY KEY (message_id, option_no)
	);
	CREATE INDEX IF NOT EXISTS poll_options_chat_id_idx ON wa.poll_options (chat_id);
	COMMENT ON TABLE wa.poll_options IS 'what can be chosen in polls';
	COMMENT ON INDEX wa.poll_options_chat_id_idx IS 'the options of a chat''s polls';
	COMMENT ON COLUMN wa.poll_options.message_id IS 'the message that is the poll';
	COMMENT ON COLUMN wa.poll_options.option_no IS 'position of the option, from 1';
	COMMENT ON COLUMN wa.poll_options.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.poll_options.name IS 'the option';
	COMMENT ON COLUMN wa.poll_options.hash IS 'its SHA-256, by which votes speak of it';

	CREATE TABLE IF NOT EXISTS wa.poll_votes (
		vote_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		message_id bigint,
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		target_sender bigint,
		user_id bigint NOT NULL,
		from_me boolean NOT NULL DEFAULT false,
		options text[],
		hashes bytea[] NOT NULL,
		voted_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		CONSTRAINT poll_votes_key UNIQUE (chat_id, wa_id, user_id)
	);
	CREATE INDEX IF NOT EXISTS poll_votes_message_id_idx ON wa.poll_votes (message_id);
	CREATE INDEX IF NOT EXISTS poll_votes_user_id_idx ON wa.poll_votes (user_id);
	CREATE INDEX IF NOT EXISTS poll_votes_target_sender_idx ON wa.poll_votes (target_sender) WHERE target_sender IS NOT NULL;

	COMMENT ON TABLE wa.poll_votes IS 'the last vote of each person in a poll';
	COMMENT ON CONSTRAINT poll_votes_key ON wa.poll_votes IS 'one per person and poll';
	COMMENT ON INDEX wa.poll_votes_message_id_idx IS 'the votes of a poll';
	COMMENT ON INDEX wa.poll_votes_user_id_idx IS 'the votes of a person';
	COMMENT ON INDEX wa.poll_votes_target_sender_idx IS 'whose polls were meant';
	COMMENT ON COLUMN wa.poll_votes.vote_id IS 'number of the entry';
	COMMENT ON COLUMN wa.poll_votes.message_id IS 'the message that is the poll; null until it is there';
	COMMENT ON COLUMN wa.poll_votes.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.poll_votes.wa_id IS 'WhatsApp''s id of the poll';
	COMMENT ON COLUMN wa.poll_votes.target_sender IS 'who made the poll, as the vote says';
	COMMENT ON COLUMN wa.poll_votes.user_id IS 'person who voted';
	COMMENT ON COLUMN wa.poll_votes.from_me IS 'the bot''s own account voted';
	COMMENT ON COLUMN wa.poll_votes.options IS 'what they chose; empty: they took their vote back; null until the poll is there';
	COMMENT ON COLUMN wa.poll_votes.hashes IS 'SHA-256 of what they chose, as it came';
	COMMENT ON COLUMN wa.poll_votes.voted_at IS 'when, by the clock of the sender';
	COMMENT ON COLUMN wa.poll_votes.received_at IS 'when we heard of it';

	CREATE TABLE IF NOT EXISTS wa.event_responses (
		response_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		message_id bigint,
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		target_sender bigint,
		user_id bigint NOT NULL,
		from_me boolean NOT NULL DEFAULT false,
		response text NOT NULL,
		extra_guests integer,
		responded_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		CONSTRAINT event_responses_key UNIQUE (chat_id, wa_id, user_id)
	);
	CREATE INDEX IF NOT EXISTS event_responses_message_id_idx ON wa.event_responses (message_id);
	CREATE INDEX IF NOT EXISTS event_responses_user_id_idx ON wa.event_responses (user_id);
	CREATE INDEX IF NOT EXISTS event_responses_target_sender_idx ON wa.event_responses (target_sender) WHERE target_sender IS NOT NULL;

	COMMENT ON TABLE wa.event_responses IS 'the last answer of each person to an event';
	COMMENT ON CONSTRAINT event_responses_key ON wa.event_responses IS 'one per person and event';
	COMMENT ON INDEX wa.event_responses_message_id_idx IS 'the answers to an event';
	COMMENT ON INDEX wa.event_responses_user_id_idx IS 'the answers of a person';
	COMMENT ON INDEX wa.event_responses_target_sender_idx IS 'whose events were meant';
	COMMENT ON COLUMN wa.event_responses.response_id IS 'number of the entry';
	COMMENT ON COLUMN wa.event_responses.message_id IS 'the message that is the event; null until it is there';
	COMMENT ON COLUMN wa.event_responses.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.event_responses.wa_id IS 'WhatsApp''s id of the event';
	COMMENT ON COLUMN wa.event_responses.target_sender IS 'who made the event, as the answer says';
	COMMENT ON COLUMN wa.event_responses.user_id IS 'person who answered';
	COMMENT ON COLUMN wa.event_responses.from_me IS 'the bot''s own account answered';
	COMMENT ON COLUMN wa.event_responses.response IS 'going, not_going, maybe, or a number nobody knows';
	COMMENT ON COLUMN wa.event_responses.extra_guests IS 'guests they bring';
	COMMENT ON COLUMN wa.event_responses.responded_at IS 'when, by the clock of the sender';
	COMMENT ON COLUMN wa.event_responses.received_at IS 'when we heard of it';

	CREATE TABLE IF NOT EXISTS wa.receipts (
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		user_id bigint NOT NULL,
		message_id bigint,
		status text NOT NULL CHECK (status IN ('delivered', 'read', 'played')),
		delivered_at timestamptz,
		read_at timestamptz,
		played_at timestamptz,
		received_at timestamptz NOT NULL,
		PRIMARY KEY (chat_id, wa_id, user_id)
	) WITH (fillfactor = 80);
	CREATE INDEX IF NOT EXISTS receipts_message_id_idx ON wa.receipts (message_id);
	CREATE INDEX IF NOT EXISTS receipts_user_id_idx ON wa.receipts (user_id);

	COMMENT ON TABLE wa.receipts IS 'who got, read and played which message of a bot''s own account';
	COMMENT ON INDEX wa.receipts_message_id_idx IS 'the receipts of a message';
	COMMENT ON INDEX wa.receipts_user_id_idx IS 'the receipts of a person';
	COMMENT ON COLUMN wa.receipts.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.receipts.wa_id IS 'WhatsApp''s id of the message';
	COMMENT ON COLUMN wa.receipts.user_id IS 'person who got it, on whatever device first';
	COMMENT ON COLUMN wa.receipts.message_id IS 'the message; null until it is there';
	COMMENT ON COLUMN wa.receipts.status IS 'how far it got: delivered, read, played';
	COMMENT ON COLUMN wa.receipts.delivered_at IS 'when it was delivered';
	COMMENT ON COLUMN wa.receipts.read_at IS 'when it was read';
	COMMENT ON COLUMN wa.receipts.played_at IS 'when it was played';
	COMMENT ON COLUMN wa.receipts.received_at IS 'when we first heard of it';

	CREATE TABLE IF NOT EXISTS wa.media (
		media_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		message_id bigint NOT NULL UNIQUE,
		chat_id bigint NOT NULL,
		bot_id bigint NOT NULL,
		kind text,
		mimetype text,
		file_name text,
		file_size bigint,
		sha256 bytea,
		width integer,
		height integer,
		seconds integer,
		pages integer,
		thumbnail bytea,
		waveform bytea,
		state text NOT NULL DEFAULT 'remote' CHECK (state IN ('remote', 'wanted', 'loading', 'stored', 'failed')),
		wanted_at timestamptz,
		claimed_at timestamptz,
		attempts integer NOT NULL DEFAULT 0,
		error text,
		stored_at timestamptz,
		content bytea
	);
	ALTER TABLE wa.media ALTER COLUMN content SET STORAGE EXTERNAL;
	CREATE INDEX IF NOT EXISTS media_wanted_idx ON wa.media (wanted_at) WHERE state IN ('wanted', 'loading');
	CREATE INDEX IF NOT EXISTS media_chat_id_idx ON wa.media (chat_id);
	CREATE INDEX IF NOT EXISTS media_sha256_idx ON wa.media (sha256) WHERE content IS NOT NULL;

	COMMENT ON TABLE wa.media IS 'files that came with messages: what is known of each, and its bytes where somebody asked for them';
	COMMENT ON INDEX wa.media_wanted_idx IS 'files to fetch';
	COMMENT ON INDEX wa.media_chat_id_idx IS 'the files of a chat';
	COMMENT ON INDEX wa.media_sha256_idx IS 'finds the bytes of a file that came before';
	COMMENT ON COLUMN wa.media.media_id IS 'number of the file';
	COMMENT ON COLUMN wa.media.message_id IS 'the message it came with';
	COMMENT ON COLUMN wa.media.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.media.bot_id IS 'bot that brought it first; the bot may be gone';
	COMMENT ON COLUMN wa.media.kind IS 'image, video, audio, document, sticker, ...';
	COMMENT ON COLUMN wa.media.mimetype IS 'type of the content, as the sender says';
	COMMENT ON COLUMN wa.media.file_name IS 'name of the file, as the sender says';
	COMMENT ON COLUMN wa.media.file_size IS 'bytes, as the sender says';
	COMMENT ON COLUMN wa.media.sha256 IS 'SHA-256 of the content, as the sender says; checked when it is fetched';
	COMMENT ON COLUMN wa.media.width IS 'pixels';
	COMMENT ON COLUMN wa.media.height IS 'pixels';
	COMMENT ON COLUMN wa.media.seconds IS 'length of a video or voice message';
	COMMENT ON COLUMN wa.media.pages IS 'pages of a document';
	COMMENT ON COLUMN wa.media.thumbnail IS 'small picture, JPEG, that came with the message';
	COMMENT ON COLUMN wa.media.waveform IS 'loudness of a voice message over its length';
	COMMENT ON COLUMN wa.media.state IS 'remote: only on the service; wanted: to be fetched; loading; stored: content is here; failed: error says why';
	COMMENT ON COLUMN wa.media.wanted_at IS 'when wa.fetch_media() was called';
	COMMENT ON COLUMN wa.media.claimed_at IS 'when a worker last began to fetch it';
	COMMENT ON COLUMN wa.media.attempts IS 'how often it was tried';
	COMMENT ON COLUMN wa.media.error IS 'why the last try failed';
	COMMENT ON COLUMN wa.media.stored_at IS 'when the content was stored';
	COMMENT ON COLUMN wa.media.content IS 'the content, decrypted';

	CREATE TABLE IF NOT EXISTS wa_private.media_keys (
		media_id bigint PRIMARY KEY REFERENCES wa.media ON DELETE CASCADE,
		key bytea,
		enc_sha256 bytea,
		direct_path text,
		url text
	);
	COMMENT ON TABLE wa_private.media_keys IS 'with what a file can be fetched and decrypted';
	COMMENT ON COLUMN wa_private.media_keys.media_id IS 'the file';
	COMMENT ON COLUMN wa_private.media_keys.key IS 'its key';
	COMMENT ON COLUMN wa_private.media_keys.enc_sha256 IS 'SHA-256 of the encrypted file';
	COMMENT ON COLUMN wa_private.media_keys.direct_path IS 'its path on the media servers';
	COMMENT ON COLUMN wa_private.media_keys.url IS 'its address, as the sender says';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_replies() IS 'part of wa.create_storage(): edits, reactions, votes, receipts, files';
