/*
 * client_records.c
 *		What is needed of the host's tables, what changed in them, and the life of
 *		the Signal layer in between.
 *
 * Work that needs records is a step: it asks, and when the host has something
 * to look up it is put aside until client_supplied, before it has told or sent
 * anything.  Everything behind it waits, so that the order stays.
 *
 * Invariant: what memory has is never older than the tables.  It may be
 * forgotten at any time, changed or not, but is only read anew when the last
 * change that was told is stored (records_epoch).
 */
#include "client_internal.h"

#define RECORDS_MAX (256 << 10)           /* bytes kept between stanzas */
#define RECORDS_QUIET_US (60 * WA_SECOND) /* after this the Signal layer is given back */

/* ---- steps ---- */

/* Rows are few and read once: they stay only until the tables have them. */
static void
forget_rows(WaClient *client)
{
	if (client->step == NULL && client->persisted >= client->records_epoch)
		client_missing_forget(client);
}

static void
go(WaClient *client)
{
	client->wait = WAIT_NOTHING;
	if (!client->step(client, client->step_data))
		return;
	client->step = NULL;
	if (client->arena.failed)
		client_end_status(client, client->arena.status);
	/* half of what a failed step changed was never told */
	if (!client_has_stream(client))
	{
		client_records_forget(client);
		client->marks = MARKS_UNKNOWN;
	}
	forget_rows(client);
}

void
client_records_begin(WaClient *client, ClientStep step, void *data)
{
	client->step = step;
	client->step_data = data;
	client->step_in_stanza = client->in_stanza;
	go(client);
}

static void
abandon(WaClient *client)
{
	client->step = NULL;
	client_records_forget(client);
}

bool
client_records_resume(WaClient *client)
{
	if (!client_has_stream(client))
	{
		abandon(client); /* nobody could be answered */
		return true;
	}
	if (client->wait == WAIT_COMMIT && client->persisted >= client->records_epoch)
		client->wait = WAIT_NOTHING;
	if (client->wait != WAIT_NOTHING)
		return false;
	client->in_stanza = client->step_in_stanza;
	client_output_begin(client);
	go(client);
	if (client->step == NULL)
		client_output_end(client);
	client->in_stanza = false;
	return client->step == NULL;
}

bool
client_records_wait(WaClient *client)
{
	if ((client->signal == NULL || !signal_has_needs(client->signal)) &&
		!client_missing_has_needs(client))
		return false;
	client->wait = WAIT_RECORDS;
	return true;
}

void
client_records_fault(WaClient *client, WaStatus status)
{
	/* WA_ERR_CRYPTO here says that no key or no randomness was to be had */
	client_end_for(client, status == WA_ERR_LIMIT    ? FAILURE_OVERFLOW
						   : status == WA_ERR_CRYPTO ? FAILURE_RANDOM
													 : failure_kind_of(status));
}

/* ---- the Signal layer ---- */

WaStatus
client_records_open(WaClient *client)
{
	client->rest_at = client->now.mono_us + RECORDS_QUIET_US;
	if (client->signal != NULL)
		return WA_OK;
	if (client->persisted < client->records_epoch)
	{
		client->wait = WAIT_COMMIT;
		return WA_NEED_MORE;
	}
	return signal_create(client->env, &client->device, &client->signal);
}

void
client_records_forget(WaClient *client)
{
	signal_free(client->signal);
	client->signal = NULL;
	client->rest_at = WA_NEVER;
	client_missing_forget(client);
}

void
client_records_persisted(WaClient *client)
{
	/* those of a flood never are all stored at once */
	client_missing_stored(client);
	if (client->persisted < client->records_epoch)
		return;
	if (client->signal != NULL)
	{
		signal_committed(client->signal);
		if (client->step == NULL)
			signal_trim(client->signal, RECORDS_MAX);
	}
	if (client->step != NULL && client->wait == WAIT_COMMIT)
		client->more = true;
	forget_rows(client);
}

int64_t
client_records_deadline(const WaClient *client)
{
	return client->signal == NULL || client->step != NULL ? WA_NEVER : client->rest_at;
}

void
client_records_tick(WaClient *client)
{
	if (client->now.mono_us < client_records_deadline(client))
		return;
	client_records_forget(client);
	client_event_forget_aliases(client);
}

void
client_records_reset(WaClient *client)
{
	abandon(client);
}

size_t
client_records_memory(const WaClient *client)
{
	return client_missing_memory(client) +
		   (client->signal == NULL ? 0 : signal_memory(client->signal));
}

/* ---- what the host is asked ---- */

static WaNeed
need_of(const SignalNeed *need)
{
	WaNeed out = {.chat = need->chat, .name = need->name};

	switch (need->kind)
	{
		case SIGNAL_NEED_PEER:
			out.kinds = RECORD_BIT(RECORD_SESSION) | RECORD_BIT(RECORD_IDENTITY);
			out.any_number = true;
			break;
		case SIGNAL_NEED_SENDERS:
			out.kinds = RECORD_BIT(RECORD_SENDER_KEY) | RECORD_BIT(RECORD_SKIPPED_KEYS);
			out.any_chat = need->chat.len == 0;
			out.any_number = true;
			break;
		case SIGNAL_NEED_PREKEY:
			out.kinds = RECORD_BIT(RECORD_PREKEY);
			out.number = need->id;
			break;
		case SIGNAL_NEED_SIGNED_PREKEY:
			out.kinds = RECORD_BIT(RECORD_SIGNED_PREKEY);
			out.number = need->id;
			break;
	}
	return out;
}

bool
client_next_need(WaClient *client, WaNeed *need)
{
	SignalNeed wanted;

	if (client_appstate_waits(client))
		return client_appstate_next_need(client, need);
	if (client->step == NULL || client->wait != WAIT_RECORDS)
		return false;
	if (client->signal != NULL && signal_next_need(client->signal, &wanted))
	{
		*need = need_of(&wanted);
		return true;
	}
	return client_missing_next_need(client, need);
}

/* SignalKind by WaRecordKind; -1: not Signal's. */
static int
signal_kind(WaRecordKind kind)
{
	switch (kind)
	{
		case RECORD_SESSION:
			return SIGNAL_SESSION;
		case RECORD_IDENTITY:
			return SIGNAL_IDENTITY;
		case RECORD_SENDER_KEY:
			return SIGNAL_SENDER_KEY;
		case RECORD_SKIPPED_KEYS:
			return SIGNAL_SKIPPED_KEYS;
		case RECORD_SIGNED_PREKEY:
			return SIGNAL_SIGNED_PREKEY;
		case RECORD_PREKEY:
			return SIGNAL_PREKEY;
		default:
			return -1;
	}
}

WaStatus
client_supply(WaClient *client, const WaRecord *record)
{
	int kind = signal_kind(record->kind);
	WaStatus status = WA_OK;

	if (client_appstate_waits(client))
		return client_appstate_supply(client, record);
	if (client->step == NULL || client->wait != WAIT_RECORDS)
		return WA_OK;
	if (kind >= 0 && client->signal != NULL)
	{
		SignalRecord supplied = {.kind = (SignalKind) kind,
								 .chat = record->chat,
								 .name = record->name,
								 .number = record->number,
								 .data = record->data,
								 .len = record->len};

		status = signal_supply(client->signal, &supplied);
	}
	else if (record->kind == RECORD_RETRY)
		status = client_missing_supply(client, record);
	if (status == WA_ERR_ARGUMENT)
		return WA_OK;
	if (status != WA_OK)
		client->supply_fault = status;
	return status;
}

void
client_supplied(WaClient *client, WaNow now)
{
	client->now = now;
	if (client_appstate_waits(client))
		client_appstate_supplied(client);
	if (client->step == NULL || client->wait != WAIT_RECORDS)
		return;
	client->wait = WAIT_NOTHING;
	client->more = true;
	if (client->signal != NULL)
		signal_supplied(client->signal);
	client_missing_supplied(client);
	/* what is missing in memory must not pass for what does not exist */
	if (client->supply_fault != WA_OK)
		client_records_fault(client, client->supply_fault);
	client->supply_fault = WA_OK;
}

/* ---- what changed ---- */

typedef struct RecordList
{
	WaArena *arena;
	WaRecord *list;
	size_t count;
	size_t room;
} RecordList;

/* A copy: what the event points at outlives what the next call changes. */
static void
add(RecordList *records, const WaRecord *record)
{
	WaArena *arena = records->arena;
	WaStr data = {(const char *) record->data, record->len};

	if (records->count == records->room)
	{
		size_t room = records->room == 0 ? 8 : records->room * 2;
		WaRecord *list = arena_alloc(arena, room * sizeof(*list));

		if (list == NULL)
			return;
		for (size_t i = 0; i < records->count; i++)
			list[i] = records->list[i];
		records->list = list;
		records->room = room;
	}
	data = arena_str(arena, data);
	records->list[records->count++] = (WaRecord){.kind = record->kind,
												 .chat = arena_str(arena, record->chat),
												 .name = arena_str(arena, record->name),
												 .number = record->number,
												 .data = (const uint8_t *) data.data,
												 .len = data.len};
}

static void
add_signal(RecordList *records, const SignalRecord *changed)
{
	static const WaRecordKind kinds[] = {
		[SIGNAL_SESSION] = RECORD_SESSION,       [SIGNAL_IDENTITY] = RECORD_IDENTITY,
		[SIGNAL_SENDER_KEY] = RECORD_SENDER_KEY, [SIGNAL_SKIPPED_KEYS] = RECORD_SKIPPED_KEYS,
		[SIGNAL_PREKEY] = RECORD_PREKEY,         [SIGNAL_SIGNED_PREKEY] = RECORD_SIGNED_PREKEY,
	};
	WaRecord record = {.kind = kinds[changed->kind],
					   .chat = changed->chat,
					   .name = changed->name,
					   .number = changed->number,
					   .data = changed->data,
					   .len = changed->len};

	add(records, &record);
}

void
client_records_tell(WaClient *client)
{
	RecordList records = {.arena = &client->arena};
	SignalRecord changed;
	WaRecord record;
	WaEvent *event;
	/* the place of an event in the queue tells its epoch */
	uint64_t epoch = client->epoch + client->n_events + 1;

	while (client->signal != NULL && signal_next_dirty(client->signal, &changed))
		add_signal(&records, &changed);
	while (client_missing_next_dirty(client, epoch, &record))
		add(&records, &record);
	if (records.count == 0)
		return;
	event = client_event_add(client, EVENT_RECORDS);
	if (event == NULL)
		return;
	event->records.list = records.list;
	event->records.count = (int) records.count;
	client->records_epoch = epoch;
}
