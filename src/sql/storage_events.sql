/*
 * storage_events.sql
 *		wa.group_events, partitioned by month of the event (UTC), and who saw
 *		what.
 *
 * There is no default partition, because attaching a partition beside one
 * would lock it against readers.  A partition is made as a table of its own
 * and attached, which readers and writers of the others do not notice.
 *
 * The partitioned table has no foreign keys: attaching a partition would have
 * to lock wa.groups and wa.users against writers.  wa_private.apply() keeps the
 * references right; sql/apply.sql checks that it does.
 */

CREATE FUNCTION wa_private.create_storage_events()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	CREATE SEQUENCE IF NOT EXISTS wa.group_events_event_id_seq;
	COMMENT ON SEQUENCE wa.group_events_event_id_seq IS 'numbers of wa.group_events';

	CREATE TABLE IF NOT EXISTS wa.group_events (
		event_id bigint NOT NULL DEFAULT nextval('wa.group_events_event_id_seq'),
		group_id bigint NOT NULL,
		occurred_at timestamptz NOT NULL,
		at_precision interval,
		source text NOT NULL CHECK (source IN ('live', 'snapshot', 'history')),
		kind text NOT NULL,
		action text NOT NULL,
		how text,
		actor bigint,
		target bigint,
		target_no integer NOT NULL DEFAULT 0,
		reason text,
		version_before bigint,
		version_after bigint,
		notification_id text,
		ordinal integer,
		details jsonb,
		raw jsonb,
		received_at timestamptz NOT NULL,
		PRIMARY KEY (event_id, occurred_at)
	) PARTITION BY RANGE (occurred_at);
	ALTER SEQUENCE wa.group_events_event_id_seq OWNED BY wa.group_events.event_id;
	CREATE INDEX IF NOT EXISTS group_events_group_id_idx ON wa.group_events (group_id, occurred_at);
	CREATE INDEX IF NOT EXISTS group_events_occurred_at_idx ON wa.group_events (occurred_at);
	CREATE INDEX IF NOT EXISTS group_events_version_idx ON wa.group_events (group_id, version_after)
		WHERE version_after IS NOT NULL;
	CREATE INDEX IF NOT EXISTS group_events_target_idx ON wa.group_events (target, group_id, occurred_at)
		WHERE target IS NOT NULL;
	CREATE INDEX IF NOT EXISTS group_events_inferred_idx ON wa.group_events (occurred_at)
		WHERE kind IN ('join', 'leave') AND at_precision IS DISTINCT FROM interval '0';
	CREATE INDEX IF NOT EXISTS group_events_actor_idx ON wa.group_events (actor)
		WHERE actor IS NOT NULL;

	COMMENT ON TABLE wa.group_events IS 'everything that happened in the groups: one row per real event and person it is about, however many bots saw it';
	COMMENT ON INDEX wa.group_events_group_id_idx IS 'what happened in a group when';
	COMMENT ON INDEX wa.group_events_occurred_at_idx IS 'what happened when, in all groups';
	COMMENT ON INDEX wa.group_events_version_idx IS 'the event of a participant version, to know it again';
	COMMENT ON INDEX wa.group_events_target_idx IS 'what happened to a person';
	COMMENT ON INDEX wa.group_events_inferred_idx IS 'joins and leaves without an exact time';
	COMMENT ON INDEX wa.group_events_actor_idx IS 'what a person did';
	COMMENT ON COLUMN wa.group_events.event_id IS 'number of the event';
	COMMENT ON COLUMN wa.group_events.group_id IS 'the group';
	COMMENT ON COLUMN wa.group_events.occurred_at IS 'when it happened; not after this when at_precision is not 0';
	COMMENT ON COLUMN wa.group_events.at_precision IS '0: exact; otherwise it happened at most this long before occurred_at; null: at any time before it';
	COMMENT ON COLUMN wa.group_events.source IS 'live: the server reported it; snapshot: found by comparing with the server''s list; history: from the history';
	COMMENT ON COLUMN wa.group_events.kind IS 'what: join, leave, promote, demote, subject, description, announce, locked, ephemeral, invite_link, join_request, request_revoked, create, delete, link, unlink, number_change, ...; unknown:<tag> for what nothing understood';
	COMMENT ON COLUMN wa.group_events.action IS 'its name on the wire; for source snapshot the name it would have had';
	COMMENT ON COLUMN wa.group_events.how IS 'for a join: link, added, approved, community, created, unknown; for a leave: left, removed, unknown; for a request: its method; for request_revoked: withdrawn, rejected';
	COMMENT ON COLUMN wa.group_events.actor IS 'person who did it; null: the server, or not known';
	COMMENT ON COLUMN wa.group_events.target IS 'person it happened to; null when it is about the group, or at watch level counts';
	COMMENT ON COLUMN wa.group_events.target_no IS 'position of the person in the action';
	COMMENT ON COLUMN wa.group_events.reason IS 'reason as the server gave it';
	COMMENT ON COLUMN wa.group_events.version_before IS 'participant version before; for source snapshot the last one before it may have happened';
	COMMENT ON COLUMN wa.group_events.version_after IS 'participant version after';
	COMMENT ON COLUMN wa.group_events.notification_id IS 'id of the notification in which it was first seen';
	COMMENT ON COLUMN wa.group_events.ordinal IS 'position of the action in the notification';
	COMMENT ON COLUMN wa.group_events.details IS 'what was set: text, settings, before, after, role, label; listed: between which lists of members it must have happened, where history made an inferred event exact';
	COMMENT ON COLUMN wa.group_events.raw IS 'the action as it came; null at watch level counts and for source snapshot';
	COMMENT ON COLUMN wa.group_events.received_at IS 'when we first heard of it';

	CREATE TABLE IF NOT EXISTS wa.event_sightings (
		event_id bigint NOT NULL,
		bot_id bigint NOT NULL REFERENCES wa.bots ON DELETE CASCADE,
		group_id bigint NOT NULL,
		notification_id text COLLATE "C" NOT NULL,
		ordinal integer NOT NULL,
		sent_at timestamptz NOT NULL,
		seen_at timestamptz NOT NULL,
		offline boolean NOT NULL,
		PRIMARY KEY (event_id, bot_id)
	);
	CREATE INDEX IF NOT EXISTS event_sightings_notification_idx
		ON wa.event_sightings (group_id, notification_id, ordinal);
	CREATE INDEX IF NOT EXISTS event_sightings_bot_id_idx ON wa.event_sightings (bot_id);

	COMMENT ON TABLE wa.event_sightings IS 'which bot saw which event, and in which notification';
	COMMENT ON INDEX wa.event_sightings_notification_idx IS 'knows a notification again';
	COMMENT ON INDEX wa.event_sightings_bot_id_idx IS 'what a bot saw';
	COMMENT ON COLUMN wa.event_sightings.event_id IS 'the event';
	COMMENT ON COLUMN wa.event_sightings.bot_id IS 'the bot';
	COMMENT ON COLUMN wa.event_sightings.group_id IS 'the group';
	COMMENT ON COLUMN wa.event_sightings.notification_id IS 'id of the notification as this bot got it';
	COMMENT ON COLUMN wa.event_sightings.ordinal IS 'position of the action in it';
	COMMENT ON COLUMN wa.event_sightings.sent_at IS 'the server''s time in it';
	COMMENT ON COLUMN wa.event_sightings.seen_at IS 'when the bot got it';
	COMMENT ON COLUMN wa.event_sightings.offline IS 'it had waited on the server while the bot was away';
END
$$;
COMMENT ON FUNCTION wa_private.create_storage_events() IS 'part of wa.create_storage(): events and sightings';

/* The month, in UTC, whose partition holds an event of this time. */
CREATE FUNCTION wa_private.partition_month(at timestamptz)
RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.date_trunc('month', at AT TIME ZONE 'UTC');
COMMENT ON FUNCTION wa_private.partition_month(timestamptz) IS 'first instant of the month of a time, in UTC';

/*
 * Makes sure that rows of this time have a partition in wa.<table_name>.  Takes
 * SHARE UPDATE EXCLUSIVE on that table when it makes one, which blocks no reader
 * and no writer, and nothing when it is there.
 */
CREATE FUNCTION wa_private.make_partition(table_name text, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
	month timestamp := wa_private.partition_month(at);
	name text := table_name || to_char(month, '"_y"YYYY"m"MM');
BEGIN
	IF to_regclass(format('wa.%I', name)) IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(22338, 2);
	IF to_regclass(format('wa.%I', name)) IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format('CREATE TABLE wa.%I (LIKE wa.%I INCLUDING ALL)', name, table_name);
	EXECUTE format('COMMENT ON TABLE wa.%I IS %L', name,
				   format('%s of %s (UTC) of wa.%I', CASE table_name WHEN 'group_events' THEN 'events' ELSE table_name END,
						  to_char(month, 'YYYY-MM'), table_name));
	EXECUTE format('ALTER TABLE wa.%I ATTACH PARTITION wa.%I FOR VALUES FROM (%L) TO (%L)',
				   table_name, name, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
END
$$;
COMMENT ON FUNCTION wa_private.make_partition(text, timestamptz) IS
'makes the partition of wa.group_events or wa.messages for the month of a time, when there is none';

CREATE FUNCTION wa_private.make_partition(at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.make_partition('group_events', at);
END
$$;
COMMENT ON FUNCTION wa_private.make_partition(timestamptz) IS
'makes the partition of wa.group_events for the month of a time, when there is none';

/* This month's partitions and the next one's. */
CREATE FUNCTION wa_private.make_partitions()
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM wa_private.make_partition(t.name, now() + m.ahead)
	FROM (VALUES ('group_events'), ('messages')) AS t (name)
	CROSS JOIN (VALUES (interval '0'), (interval '1 month')) AS m (ahead);
END
$$;
COMMENT ON FUNCTION wa_private.make_partitions() IS 'makes the partitions of this month and the next';
