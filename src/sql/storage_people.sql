/*
 * storage_people.sql
 *		Tables of people.  One person is one row of wa.users; LIDs, phone
 *		numbers and usernames are aliases of theirs in wa.user_ids.  An alias
 *		belongs to one person at a time.
 */

CREATE FUNCTION wa_private.create_storage_people()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE TABLE IF NOT EXISTS wa.users (
		user_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		push_name text,
		masked_phone text,
		country text,
		first_seen_at timestamptz NOT NULL,
		last_seen_at timestamptz NOT NULL
	) WITH (fillfactor = 90);

	COMMENT ON TABLE wa.users IS 'people: one row per person, whatever number or LID they appear under';
	COMMENT ON COLUMN wa.users.user_id IS 'number of the person';
	COMMENT ON COLUMN wa.users.push_name IS 'name they gave themselves, last seen';
	COMMENT ON COLUMN wa.users.masked_phone IS 'what the server shows instead of a hidden phone number';
	COMMENT ON COLUMN wa.users.country IS 'country code the server gave';
	COMMENT ON COLUMN wa.users.first_seen_at IS 'when they were first seen in a watched group';
	COMMENT ON COLUMN wa.users.last_seen_at IS 'when they were last seen to do something or to be listed, to the day';

	CREATE TABLE IF NOT EXISTS wa.user_ids (
		kind text NOT NULL CHECK (kind IN ('lid', 'pn', 'username', 'other')),
		value text COLLATE "C" NOT NULL,
		user_id bigint NOT NULL REFERENCES wa.users,
		current boolean NOT NULL DEFAULT true,
		source text NOT NULL,
		authoritative boolean NOT NULL DEFAULT false,
		first_seen_at timestamptz NOT NULL,
		last_seen_at timestamptz NOT NULL,
		PRIMARY KEY (kind, value, user_id)
	) WITH (fillfactor = 90);
	CREATE UNIQUE INDEX IF NOT EXISTS user_ids_current_key ON wa.user_ids (kind, value) WHERE current;
	CREATE INDEX IF NOT EXISTS user_ids_user_id_idx ON wa.user_ids (user_id, kind);
	CREATE INDEX IF NOT EXISTS user_ids_phone_idx ON wa.user_ids (user_id, first_seen_at DESC) INCLUDE (value) WHERE kind = 'pn' AND current;

	COMMENT ON TABLE wa.user_ids IS 'the LIDs, phone numbers and usernames of each person, with source and time';
	COMMENT ON INDEX wa.user_ids_current_key IS 'an alias belongs to one person at a time';
	COMMENT ON INDEX wa.user_ids_user_id_idx IS 'the aliases of one person';
	COMMENT ON INDEX wa.user_ids_phone_idx IS 'the phone number of a person, the one to show first';
	COMMENT ON COLUMN wa.user_ids.kind IS 'lid, pn (phone number), username, other';
	COMMENT ON COLUMN wa.user_ids.value IS 'digits of a LID or phone number without server; the name; a whole JID for other';
	COMMENT ON COLUMN wa.user_ids.user_id IS 'the person';
	COMMENT ON COLUMN wa.user_ids.current IS 'false when the alias was theirs once';
	COMMENT ON COLUMN wa.user_ids.source IS 'what told us: group, notification, success, number_change, ...';
	COMMENT ON COLUMN wa.user_ids.authoritative IS 'the source may overrule others';
	COMMENT ON COLUMN wa.user_ids.first_seen_at IS 'when it was first seen as theirs';
	COMMENT ON COLUMN wa.user_ids.last_seen_at IS 'when it was last seen as theirs, to the day';

	CREATE TABLE IF NOT EXISTS wa.user_merges (
		merge_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		merged_user_id bigint NOT NULL,
		into_user_id bigint NOT NULL,
		merged_at timestamptz NOT NULL DEFAULT now(),
		reason text NOT NULL,
		evidence jsonb,
		memberships integer NOT NULL DEFAULT 0,
		events integer NOT NULL DEFAULT 0
	);
	CREATE INDEX IF NOT EXISTS user_merges_merged_user_id_idx ON wa.user_merges (merged_user_id);

	COMMENT ON TABLE wa.user_merges IS 'log of people that turned out to be one';
	COMMENT ON INDEX wa.user_merges_merged_user_id_idx IS 'where a vanished person went';
	COMMENT ON COLUMN wa.user_merges.merge_id IS 'number of the entry';
	COMMENT ON COLUMN wa.user_merges.merged_user_id IS 'the person whose row is gone';
	COMMENT ON COLUMN wa.user_merges.into_user_id IS 'the person they are now';
	COMMENT ON COLUMN wa.user_merges.merged_at IS 'when';
	COMMENT ON COLUMN wa.user_merges.reason IS 'pair: one stanza named both; number_change: the server said so';
	COMMENT ON COLUMN wa.user_merges.evidence IS 'the aliases that the vanished person had, and the pair that proved it';
	COMMENT ON COLUMN wa.user_merges.memberships IS 'memberships that changed hands';
	COMMENT ON COLUMN wa.user_merges.events IS 'events that changed hands, as target or as actor';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_people() IS 'part of wa.create_storage(): people';
