/*
 * storage_bots.sql
 *		Tables of the bots: what people want of them, how they are, and the
 *		secrets they log in with.
 */

CREATE FUNCTION wa_private.create_storage_bots()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa.bots (
		bot_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		name text NOT NULL UNIQUE,
		desired text NOT NULL DEFAULT 'offline'
			CHECK (desired IN ('offline', 'online', 'logged_out')),
		login_requested_at timestamptz,
		device_name text,
		default_watch text CHECK (default_watch IN ('none', 'counts', 'members', 'messages')),
		watch_direct boolean NOT NULL DEFAULT true,
		status text NOT NULL DEFAULT 'offline',
		status_reason text,
		status_code integer,
		status_detail text,
		status_hint text,
		status_since timestamptz NOT NULL DEFAULT now(),
		status_until timestamptz,
		next_attempt_at timestamptz,
		jid text,
		lid text,
		phone text,
		push_name text,
		platform text,
		business_name text,
		linked_at timestamptz,
		last_online_at timestamptz,
		last_stanza_at timestamptz,
		caught_up_at timestamptz,
		worker integer,
		created_at timestamptz NOT NULL DEFAULT now()
	) WITH (fillfactor = 50);
	-- storages made before there were messages
	ALTER TABLE wa.bots ADD COLUMN IF NOT EXISTS watch_direct boolean NOT NULL DEFAULT true;
	IF NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = 'wa.bots'::regclass AND k.conname = 'bots_default_watch_check'
				   AND pg_get_constraintdef(k.oid) LIKE '%messages%') THEN
		ALTER TABLE wa.bots DROP CONSTRAINT IF EXISTS bots_default_watch_check,
			ADD CONSTRAINT bots_default_watch_check CHECK (default_watch IN ('none', 'counts', 'members', 'messages'));
	END IF;
	CREATE INDEX IF NOT EXISTS bots_jid_idx ON wa.bots (jid);
	CREATE INDEX IF NOT EXISTS bots_lid_idx ON wa.bots (lid);

	COMMENT ON TABLE wa.bots IS 'the WhatsApp accounts that collect: what is wanted of each and how it is';
	COMMENT ON INDEX wa.bots_jid_idx IS 'finds our own bots among the people of a group, by number';
	COMMENT ON INDEX wa.bots_lid_idx IS 'finds our own bots among the people of a group, by LID';
	COMMENT ON COLUMN wa.bots.bot_id IS 'the bot''s number; its worker is this modulo wa_collector.workers';
	COMMENT ON COLUMN wa.bots.name IS 'name given by wa.add_bot()';
	COMMENT ON COLUMN wa.bots.desired IS 'what people want: offline, online, logged_out';
	COMMENT ON COLUMN wa.bots.login_requested_at IS 'when wa.login() or wa.resume_bot() was last called';
	COMMENT ON COLUMN wa.bots.device_name IS 'name shown under "Linked devices" on the phone; null takes wa_collector.device_name';
	COMMENT ON COLUMN wa.bots.default_watch IS 'watch level of groups it discovers: none, counts, members, messages; null takes wa_collector.watch_default';
	COMMENT ON COLUMN wa.bots.watch_direct IS 'messages of direct chats are stored where wa.chats.watch_level does not say otherwise';
	COMMENT ON COLUMN wa.bots.status IS 'offline, connecting, qr, online, error, logged_out, banned, passkey_required';
	COMMENT ON COLUMN wa.bots.status_reason IS 'why, as a stable word';
	COMMENT ON COLUMN wa.bots.status_code IS 'the server''s number for it, if it gave one';
	COMMENT ON COLUMN wa.bots.status_detail IS 'the server''s own words';
	COMMENT ON COLUMN wa.bots.status_hint IS 'what a person can do about it';
	COMMENT ON COLUMN wa.bots.status_since IS 'since when it has this status';
	COMMENT ON COLUMN wa.bots.status_until IS 'when the status ends by itself, for example a temporary ban';
	COMMENT ON COLUMN wa.bots.next_attempt_at IS 'when it connects next; null when it waits for nothing or for a person';
	COMMENT ON COLUMN wa.bots.jid IS 'its phone number as a JID without device, last known';
	COMMENT ON COLUMN wa.bots.lid IS 'its LID as a JID without device, last known';
	COMMENT ON COLUMN wa.bots.phone IS 'its phone number in digits, last known';
	COMMENT ON COLUMN wa.bots.push_name IS 'its name as others see it';
	COMMENT ON COLUMN wa.bots.platform IS 'what the phone runs on';
	COMMENT ON COLUMN wa.bots.business_name IS 'its verified business name';
	COMMENT ON COLUMN wa.bots.linked_at IS 'when it was linked; null while it is not';
	COMMENT ON COLUMN wa.bots.last_online_at IS 'when it last became or was seen online';
	COMMENT ON COLUMN wa.bots.last_stanza_at IS 'when the server last told it something';
	COMMENT ON COLUMN wa.bots.caught_up_at IS 'when what had waited on the server while it was away was last read to the end';
	COMMENT ON COLUMN wa.bots.worker IS 'number of the worker that last took it up';
	COMMENT ON COLUMN wa.bots.created_at IS 'when it was added';

	CREATE TABLE IF NOT EXISTS wa.bot_status_log (
		log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		at timestamptz NOT NULL,
		status text NOT NULL,
		previous_status text,
		reason text,
		code integer,
		detail text,
		hint text,
		until timestamptz
	);
	CREATE INDEX IF NOT EXISTS bot_status_log_bot_id_at_idx ON wa.bot_status_log (bot_id, at);

	COMMENT ON TABLE wa.bot_status_log IS 'every change of a bot''s status, with its reason';
	COMMENT ON INDEX wa.bot_status_log_bot_id_at_idx IS 'the history of one bot';
	COMMENT ON COLUMN wa.bot_status_log.log_id IS 'number of the entry';
	COMMENT ON COLUMN wa.bot_status_log.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.bot_status_log.at IS 'when it changed';
	COMMENT ON COLUMN wa.bot_status_log.status IS 'status from then on';
	COMMENT ON COLUMN wa.bot_status_log.previous_status IS 'status until then';
	COMMENT ON COLUMN wa.bot_status_log.reason IS 'why, as a stable word';
	COMMENT ON COLUMN wa.bot_status_log.code IS 'the server''s number for it';
	COMMENT ON COLUMN wa.bot_status_log.detail IS 'the server''s own words';
	COMMENT ON COLUMN wa.bot_status_log.hint IS 'what a person can do about it';
	COMMENT ON COLUMN wa.bot_status_log.until IS 'when it ends by itself';

	CREATE TABLE IF NOT EXISTS wa.rejected (
		rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		bot_id bigint REFERENCES wa.bots ON DELETE CASCADE,
		rejected_at timestamptz NOT NULL DEFAULT now(),
		reason text NOT NULL,
		sqlstate text,
		stanza bytea,
		content bytea
	);
	ALTER TABLE wa.rejected ADD COLUMN IF NOT EXISTS content bytea;
	CREATE INDEX IF NOT EXISTS rejected_bot_id_idx ON wa.rejected (bot_id);

	COMMENT ON TABLE wa.rejected IS 'stanzas that could not be stored: acknowledged, kept raw, with the reason';
	COMMENT ON INDEX wa.rejected_bot_id_idx IS 'those of one bot';
	COMMENT ON COLUMN wa.rejected.rejected_id IS 'number of the entry';
	COMMENT ON COLUMN wa.rejected.bot_id IS 'the bot that got it';
	COMMENT ON COLUMN wa.rejected.rejected_at IS 'when it was parked';
	COMMENT ON COLUMN wa.rejected.reason IS 'error message';
	COMMENT ON COLUMN wa.rejected.sqlstate IS 'SQLSTATE of the error';
	COMMENT ON COLUMN wa.rejected.stanza IS 'the decrypted frame as it came';
	COMMENT ON COLUMN wa.rejected.content IS 'the decrypted content of a message in it';

	CREATE TABLE IF NOT EXISTS wa.unknown_stanzas (
		stanza_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		bot_id bigint REFERENCES wa.bots ON DELETE CASCADE,
		received_at timestamptz NOT NULL,
		tag text,
		type text,
		stanza_id text,
		from_jid text,
		node jsonb
	);
	CREATE INDEX IF NOT EXISTS unknown_stanzas_bot_id_idx ON wa.unknown_stanzas (bot_id);

	COMMENT ON TABLE wa.unknown_stanzas IS 'stanzas that nothing understood, kept as they came';
	COMMENT ON INDEX wa.unknown_stanzas_bot_id_idx IS 'those of one bot';
	COMMENT ON COLUMN wa.unknown_stanzas.stanza_no IS 'number of the entry';
	COMMENT ON COLUMN wa.unknown_stanzas.bot_id IS 'the bot that got it';
	COMMENT ON COLUMN wa.unknown_stanzas.received_at IS 'when it came';
	COMMENT ON COLUMN wa.unknown_stanzas.tag IS 'name of the root element';
	COMMENT ON COLUMN wa.unknown_stanzas.type IS 'its attribute type';
	COMMENT ON COLUMN wa.unknown_stanzas.stanza_id IS 'its attribute id';
	COMMENT ON COLUMN wa.unknown_stanzas.from_jid IS 'its attribute from; null for a group whose people are not watched';
	COMMENT ON COLUMN wa.unknown_stanzas.node IS 'the whole stanza; null for a group whose people are not watched';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_bots() IS 'part of wa.create_storage(): bots';

CREATE FUNCTION wa_private.create_storage_secrets()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa_private.devices (
		bot_id bigint PRIMARY KEY REFERENCES wa.bots ON DELETE CASCADE,
		noise_private bytea NOT NULL,
		identity_private bytea NOT NULL,
		registration_id integer NOT NULL,
		signed_prekey_id integer NOT NULL,
		signed_prekey_private bytea NOT NULL,
		signed_prekey_signature bytea NOT NULL,
		adv_secret bytea NOT NULL,
		next_prekey_id integer NOT NULL,
		jid text,
		lid text,
		platform text,
		business_name text,
		push_name text,
		account bytea,
		routing bytea,
		login_counter integer NOT NULL DEFAULT 0,
		saved_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE wa_private.devices IS 'the keys with which a bot is a linked device; whoever reads them can be the bot';
	COMMENT ON COLUMN wa_private.devices.bot_id IS 'the bot';
	COMMENT ON COLUMN wa_private.devices.noise_private IS 'static key of the transport';
	COMMENT ON COLUMN wa_private.devices.identity_private IS 'Signal identity key';
	COMMENT ON COLUMN wa_private.devices.registration_id IS 'Signal registration id';
	COMMENT ON COLUMN wa_private.devices.signed_prekey_id IS 'id of the signed prekey';
	COMMENT ON COLUMN wa_private.devices.signed_prekey_private IS 'signed prekey';
	COMMENT ON COLUMN wa_private.devices.signed_prekey_signature IS 'its signature by the identity key';
	COMMENT ON COLUMN wa_private.devices.adv_secret IS 'secret of the QR code that proves the phone scanned it';
	COMMENT ON COLUMN wa_private.devices.next_prekey_id IS 'id of the next one-time prekey to make';
	COMMENT ON COLUMN wa_private.devices.jid IS 'phone number JID with device; null while not linked';
	COMMENT ON COLUMN wa_private.devices.lid IS 'LID with device';
	COMMENT ON COLUMN wa_private.devices.platform IS 'what the phone runs on';
	COMMENT ON COLUMN wa_private.devices.business_name IS 'verified business name';
	COMMENT ON COLUMN wa_private.devices.push_name IS 'name as others see it';
	COMMENT ON COLUMN wa_private.devices.account IS 'signed device identity of the account';
	COMMENT ON COLUMN wa_private.devices.routing IS 'routing hint of the last connection';
	COMMENT ON COLUMN wa_private.devices.login_counter IS 'logins so far';
	COMMENT ON COLUMN wa_private.devices.saved_at IS 'when the row was last written';

	CREATE TABLE IF NOT EXISTS wa_private.prekeys (
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		key_id integer NOT NULL,
		private_key bytea NOT NULL,
		uploaded_at timestamptz,
		consumed_at timestamptz,
		PRIMARY KEY (bot_id, key_id)
	);
	COMMENT ON TABLE wa_private.prekeys IS 'one-time prekeys';
	COMMENT ON COLUMN wa_private.prekeys.bot_id IS 'the bot';
	COMMENT ON COLUMN wa_private.prekeys.key_id IS 'id of the prekey, 24 bits';
	COMMENT ON COLUMN wa_private.prekeys.private_key IS 'the key';
	COMMENT ON COLUMN wa_private.prekeys.uploaded_at IS 'when the server confirmed to have it';
	COMMENT ON COLUMN wa_private.prekeys.consumed_at IS 'when somebody used it';

	CREATE TABLE IF NOT EXISTS wa_private.links (
		bot_id bigint PRIMARY KEY REFERENCES wa.bots ON DELETE CASCADE,
		qr_content text,
		qr_valid_until timestamptz,
		pair_phone text,
		pair_code text,
		pair_code_valid_until timestamptz,
		pair_error text,
		pair_error_code integer,
		updated_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE wa_private.links IS 'what is needed to link a bot right now; a row exists while it is being linked';
	COMMENT ON COLUMN wa_private.links.bot_id IS 'the bot';
	COMMENT ON COLUMN wa_private.links.qr_content IS 'text of the QR code';
	COMMENT ON COLUMN wa_private.links.qr_valid_until IS 'when the QR code dies';
	COMMENT ON COLUMN wa_private.links.pair_phone IS 'number the pairing code was asked for';
	COMMENT ON COLUMN wa_private.links.pair_code IS 'pairing code to type on the phone';
	COMMENT ON COLUMN wa_private.links.pair_code_valid_until IS 'when the pairing code dies';
	COMMENT ON COLUMN wa_private.links.pair_error IS 'the server''s words when it refused a pairing code';
	COMMENT ON COLUMN wa_private.links.pair_error_code IS 'the server''s number when it refused a pairing code';
	COMMENT ON COLUMN wa_private.links.updated_at IS 'when the row was last written';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_secrets() IS 'part of wa.create_storage(): keys and codes';
