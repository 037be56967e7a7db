/*
 * storage_records.sql
 *		What a bot keeps (Signal and app state), its phone's address book and
 *		labels, history to fetch, and the log of changes behind wa.feed().
 */

CREATE FUNCTION wa_private.create_storage_records()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa_private.records (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		name text COLLATE "C" NOT NULL DEFAULT '',
		kind smallint NOT NULL,
		chat text COLLATE "C" NOT NULL DEFAULT '',
		number bigint NOT NULL DEFAULT 0,
		data bytea NOT NULL,
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (bot_id, name, kind, chat, number)
	) WITH (fillfactor = 50);
	-- not over updated_at: then no update of a record would be HOT
	DROP INDEX IF EXISTS wa_private.records_retry_idx;
	CREATE INDEX IF NOT EXISTS records_attempts_idx ON wa_private.records (bot_id) WHERE kind = 7;

	COMMENT ON TABLE wa_private.records IS 'what a bot needs to read its messages: sessions, identities, sender keys; whoever reads them can read those';
	COMMENT ON INDEX wa_private.records_attempts_idx IS 'attempts to get messages again, which are forgotten after some days';
	COMMENT ON COLUMN wa_private.records.bot_id IS 'the bot';
	COMMENT ON COLUMN wa_private.records.name IS 'whose: a Signal address, an id';
	COMMENT ON COLUMN wa_private.records.kind IS 'what, see src/protocol/record.h';
	COMMENT ON COLUMN wa_private.records.chat IS 'in which chat or collection; empty: none';
	COMMENT ON COLUMN wa_private.records.number IS 'device or key id; 0: none';
	COMMENT ON COLUMN wa_private.records.data IS 'the record';
	COMMENT ON COLUMN wa_private.records.updated_at IS 'when it was last written';

	CREATE TABLE IF NOT EXISTS wa_private.pending_addons (
		addon_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		chat_id bigint NOT NULL,
		wa_id text COLLATE "C" NOT NULL,
		addon_wa_id text COLLATE "C" NOT NULL,
		target_sender bigint,
		sender bigint NOT NULL,
		from_me boolean NOT NULL,
		kind text NOT NULL,
		payload bytea NOT NULL,
		iv bytea,
		sent_at timestamptz NOT NULL,
		received_at timestamptz NOT NULL,
		asked_at timestamptz,
		CONSTRAINT pending_addons_key UNIQUE (chat_id, wa_id, addon_wa_id, sender)
	);
	CREATE INDEX IF NOT EXISTS pending_addons_bot_id_idx ON wa_private.pending_addons (bot_id);
	CREATE INDEX IF NOT EXISTS pending_addons_sender_idx ON wa_private.pending_addons (sender);
	CREATE INDEX IF NOT EXISTS pending_addons_target_sender_idx ON wa_private.pending_addons (target_sender) WHERE target_sender IS NOT NULL;

	COMMENT ON TABLE wa_private.pending_addons IS 'votes, reactions and edits that can be read only with the secret of a message that is not there yet';
	COMMENT ON CONSTRAINT pending_addons_key ON wa_private.pending_addons IS 'each is there once, however many bots saw it';
	COMMENT ON INDEX wa_private.pending_addons_bot_id_idx IS 'those of one bot';
	COMMENT ON INDEX wa_private.pending_addons_sender_idx IS 'those of one person';
	COMMENT ON INDEX wa_private.pending_addons_target_sender_idx IS 'whose messages were meant';
	COMMENT ON COLUMN wa_private.pending_addons.addon_id IS 'number of the entry';
	COMMENT ON COLUMN wa_private.pending_addons.bot_id IS 'bot that got it';
	COMMENT ON COLUMN wa_private.pending_addons.chat_id IS 'the chat';
	COMMENT ON COLUMN wa_private.pending_addons.wa_id IS 'WhatsApp''s id of the message it is about';
	COMMENT ON COLUMN wa_private.pending_addons.addon_wa_id IS 'WhatsApp''s id of itself';
	COMMENT ON COLUMN wa_private.pending_addons.target_sender IS 'who wrote that message, as it says';
	COMMENT ON COLUMN wa_private.pending_addons.sender IS 'person who sent it';
	COMMENT ON COLUMN wa_private.pending_addons.from_me IS 'the bot''s own account sent it';
	COMMENT ON COLUMN wa_private.pending_addons.kind IS 'what it is: poll_vote, event_response, reaction, ...';
	COMMENT ON COLUMN wa_private.pending_addons.payload IS 'the encrypted content';
	COMMENT ON COLUMN wa_private.pending_addons.iv IS 'initialisation vector';
	COMMENT ON COLUMN wa_private.pending_addons.sent_at IS 'when it was sent';
	COMMENT ON COLUMN wa_private.pending_addons.received_at IS 'when we got it';
	COMMENT ON COLUMN wa_private.pending_addons.asked_at IS 'when a worker last tried to open it';

	CREATE TABLE IF NOT EXISTS wa.contacts (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		user_id bigint NOT NULL REFERENCES wa.users,
		full_name text,
		first_name text,
		business_name text,
		source text,
		changed_at timestamptz NOT NULL,
		removed_at timestamptz,
		PRIMARY KEY (bot_id, user_id)
	);
	CREATE INDEX IF NOT EXISTS contacts_user_id_idx ON wa.contacts (user_id);
	COMMENT ON TABLE wa.contacts IS 'people in the address books of the bots'' phones';
	COMMENT ON INDEX wa.contacts_user_id_idx IS 'the bots that know a person';
	COMMENT ON COLUMN wa.contacts.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.contacts.user_id IS 'the person';
	COMMENT ON COLUMN wa.contacts.full_name IS 'name in the address book';
	COMMENT ON COLUMN wa.contacts.first_name IS 'first name in the address book';
	COMMENT ON COLUMN wa.contacts.business_name IS 'verified name of a business';
	COMMENT ON COLUMN wa.contacts.source IS 'what told us: history, app_state, live';
	COMMENT ON COLUMN wa.contacts.changed_at IS 'when it was last changed';
	COMMENT ON COLUMN wa.contacts.removed_at IS 'when it was taken out of the address book; null: it is in';

	CREATE TABLE IF NOT EXISTS wa.labels (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		label_id text COLLATE "C" NOT NULL,
		name text,
		color integer,
		changed_at timestamptz NOT NULL,
		deleted_at timestamptz,
		PRIMARY KEY (bot_id, label_id)
	);
	COMMENT ON TABLE wa.labels IS 'labels of business accounts';
	COMMENT ON COLUMN wa.labels.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.labels.label_id IS 'WhatsApp''s id of the label';
	COMMENT ON COLUMN wa.labels.name IS 'its name';
	COMMENT ON COLUMN wa.labels.color IS 'number of its colour';
	COMMENT ON COLUMN wa.labels.changed_at IS 'when it was last changed';
	COMMENT ON COLUMN wa.labels.deleted_at IS 'when it was deleted; null: it is there';

	CREATE TABLE IF NOT EXISTS wa.chat_labels (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		label_id text COLLATE "C" NOT NULL,
		chat_id bigint NOT NULL REFERENCES wa.chats ON DELETE CASCADE,
		is_on boolean NOT NULL,
		changed_at timestamptz NOT NULL,
		PRIMARY KEY (bot_id, label_id, chat_id)
	);
	CREATE INDEX IF NOT EXISTS chat_labels_chat_id_idx ON wa.chat_labels (chat_id);
	COMMENT ON TABLE wa.chat_labels IS 'which chat has which label';
	COMMENT ON INDEX wa.chat_labels_chat_id_idx IS 'the labels of a chat';
	COMMENT ON COLUMN wa.chat_labels.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.chat_labels.label_id IS 'the label';
	COMMENT ON COLUMN wa.chat_labels.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.chat_labels.is_on IS 'false: it was taken away';
	COMMENT ON COLUMN wa.chat_labels.changed_at IS 'when';

	CREATE TABLE IF NOT EXISTS wa.message_labels (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		label_id text COLLATE "C" NOT NULL,
		chat_id bigint NOT NULL REFERENCES wa.chats ON DELETE CASCADE,
		wa_id text COLLATE "C" NOT NULL,
		message_id bigint,
		is_on boolean NOT NULL,
		changed_at timestamptz NOT NULL,
		PRIMARY KEY (bot_id, label_id, chat_id, wa_id)
	);
	CREATE INDEX IF NOT EXISTS message_labels_chat_id_idx ON wa.message_labels (chat_id, wa_id);
	COMMENT ON TABLE wa.message_labels IS 'which message has which label';
	COMMENT ON INDEX wa.message_labels_chat_id_idx IS 'the labels of a message';
	COMMENT ON COLUMN wa.message_labels.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.message_labels.label_id IS 'the label';
	COMMENT ON COLUMN wa.message_labels.chat_id IS 'the chat';
	COMMENT ON COLUMN wa.message_labels.wa_id IS 'WhatsApp''s id of the message';
	COMMENT ON COLUMN wa.message_labels.message_id IS 'the message; null until it is there';
	COMMENT ON COLUMN wa.message_labels.is_on IS 'false: it was taken away';
	COMMENT ON COLUMN wa.message_labels.changed_at IS 'when';

	CREATE TABLE IF NOT EXISTS wa.identity_changes (
		user_id bigint NOT NULL REFERENCES wa.users,
		changed_at timestamptz NOT NULL,
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		PRIMARY KEY (user_id, changed_at, bot_id)
	);
	CREATE INDEX IF NOT EXISTS identity_changes_bot_id_idx ON wa.identity_changes (bot_id);
	COMMENT ON TABLE wa.identity_changes IS 'when people got new keys: another phone, or installed again';
	COMMENT ON INDEX wa.identity_changes_bot_id_idx IS 'what a bot noticed';
	COMMENT ON COLUMN wa.identity_changes.user_id IS 'the person';
	COMMENT ON COLUMN wa.identity_changes.changed_at IS 'when';
	COMMENT ON COLUMN wa.identity_changes.bot_id IS 'bot that noticed it';

	CREATE TABLE IF NOT EXISTS wa_private.history_chunks (
		chunk_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		notice_id text COLLATE "C" NOT NULL,
		notice jsonb NOT NULL,
		state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'loading', 'done', 'failed')),
		sync_type integer,
		chunk integer,
		progress integer,
		oldest_at timestamptz,
		n_events bigint NOT NULL DEFAULT 0,
		n_messages bigint NOT NULL DEFAULT 0,
		n_bytes bigint NOT NULL DEFAULT 0,
		attempts integer NOT NULL DEFAULT 0,
		error text,
		noticed_at timestamptz NOT NULL,
		claimed_at timestamptz,
		next_at timestamptz,
		finished_at timestamptz,
		CONSTRAINT history_chunks_key UNIQUE (bot_id, notice_id)
	);
	CREATE INDEX IF NOT EXISTS history_chunks_open_idx ON wa_private.history_chunks (bot_id, chunk_id) WHERE state IN ('wanted', 'loading');
	COMMENT ON TABLE wa_private.history_chunks IS 'pieces of history that the phones offered, to be fetched and stored';
	COMMENT ON CONSTRAINT history_chunks_key ON wa_private.history_chunks IS 'a notice is there once';
	COMMENT ON INDEX wa_private.history_chunks_open_idx IS 'pieces that are not stored yet';
	COMMENT ON COLUMN wa_private.history_chunks.chunk_id IS 'number of the piece';
	COMMENT ON COLUMN wa_private.history_chunks.bot_id IS 'the bot';
	COMMENT ON COLUMN wa_private.history_chunks.notice_id IS 'WhatsApp''s id of the notice';
	COMMENT ON COLUMN wa_private.history_chunks.notice IS 'the notice: where it is, with its key; without payload once it is done';
	COMMENT ON COLUMN wa_private.history_chunks.state IS 'wanted, loading, done, failed';
	COMMENT ON COLUMN wa_private.history_chunks.sync_type IS 'kind of history, the protocol''s number';
	COMMENT ON COLUMN wa_private.history_chunks.chunk IS 'position among the pieces of this kind';
	COMMENT ON COLUMN wa_private.history_chunks.progress IS 'percent of all that the phone sends, with this piece';
	COMMENT ON COLUMN wa_private.history_chunks.oldest_at IS 'oldest message in it';
	COMMENT ON COLUMN wa_private.history_chunks.n_events IS 'entries stored so far; the next try goes on after them';
	COMMENT ON COLUMN wa_private.history_chunks.n_messages IS 'messages among them';
	COMMENT ON COLUMN wa_private.history_chunks.n_bytes IS 'bytes read so far, uncompressed';
	COMMENT ON COLUMN wa_private.history_chunks.attempts IS 'how often it was begun';
	COMMENT ON COLUMN wa_private.history_chunks.error IS 'why the last try failed';
	COMMENT ON COLUMN wa_private.history_chunks.noticed_at IS 'when the phone offered it';
	COMMENT ON COLUMN wa_private.history_chunks.claimed_at IS 'when a worker last worked on it';
	COMMENT ON COLUMN wa_private.history_chunks.next_at IS 'not to be tried again before then';
	COMMENT ON COLUMN wa_private.history_chunks.finished_at IS 'when it was done or given up';

	CREATE TABLE IF NOT EXISTS wa_private.feed_batches (
		epoch integer NOT NULL,
		xid xid8 NOT NULL,
		batch_id bigint GENERATED ALWAYS AS IDENTITY,
		at timestamptz NOT NULL DEFAULT clock_timestamp(),
		what smallint[] NOT NULL,
		ids bigint[] NOT NULL,
		places bigint[] NOT NULL,
		bots bigint[] NOT NULL,
		PRIMARY KEY (epoch, xid, batch_id)
	);
	CREATE INDEX IF NOT EXISTS feed_batches_at_idx ON wa_private.feed_batches (at);
	COMMENT ON TABLE wa_private.feed_batches IS 'what changed, in the order of transactions: one row per call of wa_private.apply(); wa.feed() reads it';
	COMMENT ON INDEX wa_private.feed_batches_at_idx IS 'batches that are old enough to delete';
	COMMENT ON COLUMN wa_private.feed_batches.epoch IS 'wa_private.storage.feed_epoch at that time';
	COMMENT ON COLUMN wa_private.feed_batches.xid IS 'transaction that wrote it';
	COMMENT ON COLUMN wa_private.feed_batches.batch_id IS 'order within a transaction';
	COMMENT ON COLUMN wa_private.feed_batches.at IS 'when it was written';
	COMMENT ON COLUMN wa_private.feed_batches.what IS 'kind and change of each entry, see wa_private.feed_codes()';
	COMMENT ON COLUMN wa_private.feed_batches.ids IS 'number of what changed';
	COMMENT ON COLUMN wa_private.feed_batches.places IS 'its chat, or for groups and their events its group';
	COMMENT ON COLUMN wa_private.feed_batches.bots IS 'bot that told us; null where several may have';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_records() IS 'part of wa.create_storage(): records, contacts, history, feed';
