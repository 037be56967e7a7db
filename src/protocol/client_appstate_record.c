/*
 * client_appstate_record.c
 *		App state in the host's tables.
 *
 *	RECORD_APP_KEY			name = its id in hex; 1, the key; or 2, when it was asked for
 *	RECORD_APP_COLLECTION	name = the collection, number 0; its state: see put_state
 *							number 1: there is something new to fetch
 *	RECORD_APP_VALUE		chat = the collection, name = index MAC in hex;
 *							value MAC, generation
 *
 * Numbers are big-endian.
 */
#include "client_appstate.h"

#include <string.h>

#define KEY_KNOWN 1
#define KEY_ASKED 2
#define STATE_FORMAT 1
#define STATE_LEN (1 + 1 + 1 + 4 + 8 + 8 + APPSTATE_HASH_LEN)
#define STATE_SYNCED 1
#define STATE_DROPPED 2
#define STATE_BLOCKED 4
#define VALUE_LEN (APPSTATE_MAC_LEN + 4)
#define NUMBER_STATE 0
#define NUMBER_MARK 1

static uint8_t *
put_number(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = bytes; i > 0; i--)
		*at++ = (uint8_t) (value >> (8 * (i - 1)));
	return at;
}

static uint64_t
get_number(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static WaStr
hex(WaArena *arena, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(arena, 2 * len + 1);

	if (text == NULL)
		return WA_STR_NONE;
	for (size_t i = 0; i < len; i++)
	{
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return (WaStr){text, 2 * len};
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: not the hex of one to max bytes. */
static bool
from_hex(WaStr text, uint8_t *out, size_t max, size_t *len)
{
	*len = text.len / 2;
	if (text.len % 2 != 0 || *len == 0 || *len > max)
		return false;
	for (size_t i = 0; i < *len; i++)
	{
		int high = hex_digit(text.data[2 * i]);
		int low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

/* ---- writing ---- */

static WaRecord
make(WaRecordKind kind, WaStr name, const uint8_t *data, size_t len)
{
	return (WaRecord){.kind = kind, .name = name, .data = data, .len = len};
}

WaRecord
client_appstate_record_key(WaArena *arena, WaStr id, const uint8_t *key)
{
	uint8_t *data = arena_alloc(arena, 1 + APPSTATE_KEY_LEN);

	if (data != NULL)
	{
		data[0] = KEY_KNOWN;
		memcpy(data + 1, key, APPSTATE_KEY_LEN);
	}
	return make(RECORD_APP_KEY, hex(arena, (const uint8_t *) id.data, id.len), data,
				1 + APPSTATE_KEY_LEN);
}

WaRecord
client_appstate_record_asked(WaArena *arena, WaStr id, int64_t at)
{
	uint8_t *data = arena_alloc(arena, 1 + 8);

	if (data != NULL)
	{
		data[0] = KEY_ASKED;
		put_number(data + 1, (uint64_t) at, 8);
	}
	return make(RECORD_APP_KEY, hex(arena, (const uint8_t *) id.data, id.len), data, 1 + 8);
}

WaRecord
client_appstate_record_collection(WaArena *arena, const char *name,
								  const ClientAppCollection *collection)
{
	uint8_t *data = arena_alloc(arena, STATE_LEN);

	if (data != NULL)
	{
		uint8_t *at = data;

		*at++ = STATE_FORMAT;
		*at++ = (uint8_t) ((collection->is_synced ? STATE_SYNCED : 0) |
						   (collection->is_dropped ? STATE_DROPPED : 0) |
						   (collection->is_blocked ? STATE_BLOCKED : 0));
		*at++ = (uint8_t) collection->failures;
		at = put_number(at, collection->generation, 4);
		at = put_number(at, (uint64_t) collection->not_before, 8);
		at = put_number(at, collection->state.version, 8);
		memcpy(at, collection->state.hash, APPSTATE_HASH_LEN);
	}
	return make(RECORD_APP_COLLECTION, str_from(name), data, STATE_LEN);
}

WaRecord
client_appstate_record_mark(const char *name, bool set)
{
	static const uint8_t mark[1] = {1};
	WaRecord record = make(RECORD_APP_COLLECTION, str_from(name), set ? mark : NULL, set ? 1 : 0);

	record.number = NUMBER_MARK;
	return record;
}

WaStr
client_appstate_record_value_name(WaArena *arena, const uint8_t index_mac[APPSTATE_MAC_LEN])
{
	return hex(arena, index_mac, APPSTATE_MAC_LEN);
}

WaRecord
client_appstate_record_value(WaArena *arena, const char *collection,
							 const uint8_t index_mac[APPSTATE_MAC_LEN], const uint8_t *value_mac,
							 uint32_t generation)
{
	uint8_t *data = value_mac != NULL ? arena_alloc(arena, VALUE_LEN) : NULL;
	WaRecord record = make(RECORD_APP_VALUE, client_appstate_record_value_name(arena, index_mac),
						   data, data != NULL ? VALUE_LEN : 0);

	if (data != NULL)
	{
		memcpy(data, value_mac, APPSTATE_MAC_LEN);
		put_number(data + APPSTATE_MAC_LEN, generation, 4);
	}
	record.chat = str_from(collection);
	return record;
}

bool
client_appstate_record_tell(WaClient *client, const WaRecord *list, int count)
{
	WaEvent *event;

	if (client->arena.failed)
	{
		client_end_status(client, client->arena.status);
		return false;
	}
	event = client_event_add(client, EVENT_RECORDS);
	if (event == NULL)
		return false;
	event->records.list = list;
	event->records.count = count;
	return true;
}

/* ---- reading ---- */

int
client_appstate_record_find(WaStr name)
{
	for (int i = 0; i < APP_COLLECTIONS; i++)
	{
		if (str_is(name, client_appstate_names[i]))
			return i;
	}
	return -1;
}

bool
client_appstate_record_read_key(const WaRecord *record, ClientAppKey *out)
{
	*out = (ClientAppKey){0};
	if (!from_hex(record->name, out->id, sizeof(out->id), &out->id_len) || record->len == 0)
		return false;
	if (record->data[0] == KEY_KNOWN && record->len == 1 + APPSTATE_KEY_LEN)
	{
		out->is_known = true;
		memcpy(out->key, record->data + 1, APPSTATE_KEY_LEN);
		return true;
	}
	if (record->data[0] != KEY_ASKED || record->len != 1 + 8)
		return false;
	out->asked_at = (int64_t) get_number(record->data + 1, 8);
	return true;
}

bool
client_appstate_record_read_collection(const WaRecord *record, ClientAppCollection *out)
{
	const uint8_t *at = record->data;

	if (record->number == NUMBER_MARK)
	{
		out->is_marked = out->is_wanted = true;
		return true;
	}
	if (record->number != NUMBER_STATE || record->len != STATE_LEN || at[0] != STATE_FORMAT)
		return false;
	out->is_synced = (at[1] & STATE_SYNCED) != 0;
	out->is_dropped = (at[1] & STATE_DROPPED) != 0;
	out->is_blocked = (at[1] & STATE_BLOCKED) != 0;
	out->failures = at[2];
	out->generation = (uint32_t) get_number(at + 3, 4);
	out->not_before = (int64_t) get_number(at + 7, 8);
	out->state.version = get_number(at + 15, 8);
	memcpy(out->state.hash, at + 23, APPSTATE_HASH_LEN);
	return true;
}

bool
client_appstate_record_read_value(const WaRecord *record, uint32_t generation,
								  uint8_t index_mac[APPSTATE_MAC_LEN],
								  uint8_t value_mac[APPSTATE_MAC_LEN])
{
	size_t len;

	if (!from_hex(record->name, index_mac, APPSTATE_MAC_LEN, &len) || len != APPSTATE_MAC_LEN ||
		record->len != VALUE_LEN || get_number(record->data + APPSTATE_MAC_LEN, 4) != generation)
		return false;
	memcpy(value_mac, record->data, APPSTATE_MAC_LEN);
	return true;
}
