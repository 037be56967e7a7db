/*
 * signal_tables.c
 *		The host's tables.  See signal_tables.h.
 */
#include "signal_tables.h"

#include <stdlib.h>
#include <string.h>

static bool
same(WaStr a, WaStr b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static WaStr
copy(WaStr text)
{
	char *room;

	if (text.len == 0)
		return WA_STR_NONE;
	room = malloc(text.len);
	if (room == NULL)
		abort();
	memcpy(room, text.data, text.len);
	return (WaStr){room, text.len};
}

static void
free_row(TableRow *row)
{
	free((char *) (uintptr_t) row->record.chat.data);
	free((char *) (uintptr_t) row->record.name.data);
	free((char *) (uintptr_t) row->record.data);
	free(row);
}

void
tables_free(SignalTables *tables)
{
	while (tables->rows != NULL)
	{
		TableRow *row = tables->rows;

		tables->rows = row->next;
		free_row(row);
	}
}

void
tables_put(SignalTables *tables, const SignalRecord *record)
{
	TableRow **at = &tables->rows;
	TableRow *row;
	WaStr data;

	while (*at != NULL &&
		   ((*at)->record.kind != record->kind || (*at)->record.number != record->number ||
			!same((*at)->record.chat, record->chat) || !same((*at)->record.name, record->name)))
		at = &(*at)->next;
	row = *at;
	if (row != NULL)
	{
		*at = row->next;
		free_row(row);
	}
	if (record->data == NULL)
		return;
	row = malloc(sizeof(*row));
	if (row == NULL)
		abort();
	row->record = *record;
	row->record.chat = copy(record->chat);
	row->record.name = copy(record->name);
	data = copy((WaStr){(const char *) record->data, record->len});
	row->record.data = (const uint8_t *) data.data;
	row->next = tables->rows;
	tables->rows = row;
}

static bool
answers(const SignalNeed *need, const SignalRecord *record)
{
	switch (need->kind)
	{
		case SIGNAL_NEED_PEER:
			return (record->kind == SIGNAL_SESSION || record->kind == SIGNAL_IDENTITY) &&
				   same(record->name, need->name);
		case SIGNAL_NEED_SENDERS:
			return (record->kind == SIGNAL_SENDER_KEY || record->kind == SIGNAL_SKIPPED_KEYS) &&
				   same(record->name, need->name) &&
				   (need->chat.len == 0 || same(record->chat, need->chat));
		case SIGNAL_NEED_PREKEY:
			return record->kind == SIGNAL_PREKEY && record->number == need->id;
		default:
			return record->kind == SIGNAL_SIGNED_PREKEY && record->number == need->id;
	}
}

WaStatus
tables_answer(SignalTables *tables, WaSignal *signal)
{
	SignalNeed need;

	while (signal_next_need(signal, &need))
	{
		tables->asked++;
		for (TableRow *row = tables->rows; row != NULL; row = row->next)
		{
			WaStatus status =
				answers(&need, &row->record) ? signal_supply(signal, &row->record) : WA_OK;

			if (status != WA_OK)
				return status;
		}
	}
	signal_supplied(signal);
	return WA_OK;
}

void
tables_commit(SignalTables *tables, WaSignal *signal)
{
	SignalRecord record;

	while (signal_next_dirty(signal, &record))
	{
		tables_put(tables, &record);
		tables->written++;
	}
	signal_committed(signal);
}

const SignalRecord *
tables_find(const SignalTables *tables, SignalKind kind, const char *chat, const char *name,
			uint32_t number)
{
	for (TableRow *row = tables->rows; row != NULL; row = row->next)
	{
		if (row->record.kind == kind && row->record.number == number &&
			same(row->record.chat, str_from(chat)) && same(row->record.name, str_from(name)))
			return &row->record;
	}
	return NULL;
}

int
tables_count(const SignalTables *tables)
{
	int count = 0;

	for (TableRow *row = tables->rows; row != NULL; row = row->next)
		count++;
	return count;
}

static uint64_t
add(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

uint64_t
tables_digest(const SignalTables *tables)
{
	uint64_t sum = 0;

	for (TableRow *row = tables->rows; row != NULL; row = row->next)
	{
		uint64_t hash = UINT64_C(14695981039346656037);
		const SignalRecord *record = &row->record;

		hash = add(hash, &record->kind, sizeof(record->kind));
		hash = add(hash, &record->number, sizeof(record->number));
		hash = add(hash, record->chat.data, record->chat.len);
		hash = add(hash, record->name.data, record->name.len);
		sum += add(hash, record->data, record->len);
	}
	return sum;
}
