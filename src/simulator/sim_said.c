/*
 * sim_said.c
 *		What simulated people said, and which device answered what to it.
 *
 * Entries are numbered in the order of saying and kept for ever, in chunks,
 * so that a million of them cost memory and nothing else.  An id that the
 * service made says its entry's place; only ids that a test chose need an
 * index.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_message.h"

#define CHUNK 4096
#define KEEP_WHOLE 20000 /* the latest messages, when only hashes are kept of others */
#define SHORT_TEXT 1024  /* longer ones are told by their hash */

static struct
{
	SimSaid **chunks;
	int64_t n;
	int64_t first_whole;
	uint32_t run; /* tells this process' ids from another one's */
	SimMap by_id; /* chosen ids -> latest entry */
} said;

int64_t
sim_said_count(void)
{
	return said.n;
}

SimSaid *
sim_said_at(int64_t place)
{
	return place < 0 || place >= said.n ? NULL : &said.chunks[place / CHUNK][place % CHUNK];
}

SimSaid *
sim_said_add(const char *id)
{
	SimSaid *entry;

	if (said.run == 0)
		said.run = (uint32_t) sim_util_random() | 1;
	if (said.n % CHUNK == 0)
	{
		said.chunks =
			sim_util_grow(said.chunks, (size_t) (said.n / CHUNK + 1) * sizeof(*said.chunks));
		said.chunks[said.n / CHUNK] = sim_util_alloc(CHUNK * sizeof(**said.chunks));
	}
	said.n++;
	entry = sim_said_at(said.n - 1);
	entry->place = said.n - 1;
	entry->target = entry->same = -1;
	if (id != NULL)
	{
		const SimSaid *same = sim_map_get(&said.by_id, id);

		entry->id = sim_util_copy(id);
		entry->same = same == NULL ? -1 : same->place;
		sim_map_put(&said.by_id, id, entry);
	}
	return entry;
}

void
sim_said_id(const SimSaid *entry, char out[64])
{
	if (entry->id != NULL)
		snprintf(out, 64, "%s", entry->id);
	else
		snprintf(out, 64, "3EB0%08X%010llX", said.run, (unsigned long long) entry->place);
}

SimSaid *
sim_said_find(WaStr id, const SimAccount *from)
{
	char text[64];
	char again[64];
	unsigned long long place;
	SimSaid *entry;

	if (id.len == 0 || id.len >= sizeof(text))
		return NULL;
	memcpy(text, id.data, id.len);
	text[id.len] = '\0';
	entry = sim_map_get(&said.by_id, text);
	while (entry != NULL && from != NULL && entry->from != from)
		entry = sim_said_at(entry->same);
	if (entry != NULL || id.len != 22 || sscanf(text + 12, "%10llX", &place) != 1)
		return entry;
	entry = sim_said_at((int64_t) place);
	if (entry == NULL || (from != NULL && entry->from != from))
		return NULL;
	sim_said_id(entry, again);
	return strcmp(again, text) == 0 ? entry : NULL;
}

WaStr
sim_said_text(const SimSaid *entry)
{
	return entry->hashed ? WA_STR_NONE : sim_compose_read(entry->message, entry->len);
}

void
sim_said_trim(void)
{
	while (sim.options.said_hashes && said.n - said.first_whole > KEEP_WHOLE)
	{
		SimSaid *entry = sim_said_at(said.first_whole++);
		WaStr text = sim_said_text(entry);
		uint8_t hash[32];

		if (entry->hashed)
			continue;
		entry->text_len = (uint32_t) text.len;
		(void) crypto_sha256(text.data, text.len, hash);
		entry->message = sim_util_grow(entry->message, sizeof(hash));
		memcpy(entry->message, hash, sizeof(hash));
		entry->len = sizeof(hash);
		entry->hashed = true;
		while (entry->receipts != NULL)
		{
			SimReceipt *receipt = entry->receipts;

			entry->receipts = receipt->next;
			free(receipt);
		}
	}
}

/* ---- receipts ---- */

void
sim_said_receipt(const SimDevice *device, const SimAccount *from, WaStr id, WaStr type, int error)
{
	SimSaid *entry = sim_said_find(id, from);
	SimReceipt **at;

	if (entry == NULL || entry->hashed)
		return;
	if (type.len == 0)
		type = str_from("delivered");
	for (at = &entry->receipts; *at != NULL; at = &(*at)->next)
	{
		if ((*at)->device == device && str_is(type, (*at)->type) && (*at)->error == error)
			break;
	}
	if (*at == NULL)
	{
		*at = sim_util_alloc(sizeof(**at));
		(*at)->device = device;
		snprintf((*at)->type, sizeof((*at)->type), "%.*s", (int) type.len, type.data);
		(*at)->error = error;
		(*at)->first_us = sim_util_now_us();
	}
	(*at)->count++;
	(*at)->last_us = sim_util_now_us();
}

json_t *
sim_said_receipts(const SimSaid *entry)
{
	json_t *list = json_array();

	for (const SimReceipt *receipt = entry->receipts; receipt != NULL; receipt = receipt->next)
	{
		json_t *object = json_object();

		sim_said_set_person(object, "number", receipt->device->account);
		json_object_set_new(object, "device", json_integer(receipt->device->id));
		json_object_set_new(object, "type", json_string(receipt->type));
		if (receipt->error != 0)
			json_object_set_new(object, "error", json_integer(receipt->error));
		json_object_set_new(object, "count", json_integer(receipt->count));
		json_object_set_new(object, "first", json_real((double) receipt->first_us / 1e6));
		json_object_set_new(object, "last", json_real((double) receipt->last_us / 1e6));
		json_array_append_new(list, object);
	}
	return list;
}

/* ---- the truth ---- */

void
sim_said_set_person(json_t *object, const char *key, const SimAccount *account)
{
	char lid_key[32];

	json_object_set_new(object, key, json_string(account->number));
	snprintf(lid_key, sizeof(lid_key), "%s_lid", key);
	json_object_set_new(object, strcmp(key, "number") == 0 ? "lid" : lid_key,
						json_string(account->lid));
}

static void
set_hash(json_t *object, const uint8_t hash[32], size_t bytes)
{
	char hex[65];

	sim_util_hex(hash, 32, hex);
	json_object_set_new(object, "sha256", json_string(hex));
	json_object_set_new(object, "bytes", json_integer((json_int_t) bytes));
}

void
sim_said_set_content(json_t *object, const void *message, size_t len)
{
	WaStr text = sim_compose_read(message, len);
	uint8_t hash[32];

	if (text.len > SHORT_TEXT)
	{
		(void) crypto_sha256(text.data, text.len, hash);
		set_hash(object, hash, text.len);
	}
	else if (text.data != NULL)
		json_object_set_new(object, "text", sim_truth_text(text));
	else
	{
		char *base64 = sim_util_alloc(4 * ((len + 2) / 3) + 1);

		crypto_base64(message, len, base64);
		json_object_set_new(object, "message", json_string(base64));
		free(base64);
	}
}

static json_t *
entry_json(const SimSaid *entry)
{
	json_t *object = json_object();
	const SimSaid *target = sim_said_at(entry->target);
	char id[64];
	char chat[64];

	sim_said_id(entry, id);
	json_object_set_new(object, "id", json_string(id));
	if (entry->group != NULL)
		snprintf(chat, sizeof(chat), "%s@g.us", entry->group->id);
	else
		snprintf(chat, sizeof(chat), "%s@s.whatsapp.net", entry->to->number);
	json_object_set_new(object, "chat", json_string(chat));
	if (entry->group == NULL)
		sim_said_set_person(object, "to", entry->to);
	sim_said_set_person(object, "from", entry->from);
	json_object_set_new(object, "at", json_real((double) entry->at_us / 1e6));
	json_object_set_new(object, "t", json_integer(entry->at_us / WA_SECOND));
	json_object_set_new(object, "kind", json_string(entry->envelope->kind));
	if (entry->hashed)
		set_hash(object, entry->message, entry->text_len);
	else
		sim_said_set_content(object, entry->message, entry->len);
	if (target != NULL)
	{
		json_t *about = json_object();

		sim_said_id(target, id);
		json_object_set_new(about, "id", json_string(id));
		sim_said_set_person(about, "from", target->from);
		json_object_set_new(object, "target", about);
	}
	if (entry->damage != NULL)
		json_object_set_new(object, "damage",
							json_string(sim_say_damage_name(entry->damage->kind)));
	return object;
}

void
sim_said_page(const SimGroup *group, const SimAccount *to, int64_t after, int limit, json_t *out)
{
	json_t *list = json_array();
	int64_t place = after + 1;

	for (; place < said.n && limit > 0; place++)
	{
		const SimSaid *entry = sim_said_at(place);

		if ((group != NULL && entry->group != group) || (to != NULL && entry->to != to))
			continue;
		json_array_append_new(list, entry_json(entry));
		limit--;
	}
	json_object_set_new(out, "messages", list);
	/* the place to go on after; null when there was nothing more to tell */
	json_object_set_new(out, "next", place < said.n ? json_integer(place - 1) : json_null());
	json_object_set_new(out, "last", json_integer(said.n - 1));
	json_object_set_new(out, "total", json_integer(said.n));
}
