/*
 * signal_store.c
 *		Records of the Signal layer in memory: what the host supplied, what
 *		changed, and drafts until it is sure that a change holds.
 */
#include "signal_store.h"

#include <string.h>

#include "signal_record.h"

/* ---- names ---- */

WaStr
signal_store_name(const SignalAddress *address)
{
	return (WaStr){address->text, address->len};
}

static WaServer
base_server(WaServer server)
{
	return server == JID_HOSTED ? JID_PN : server == JID_HOSTED_LID ? JID_LID : server;
}

WaStatus
signal_store_address(WaStr jid, SignalAddress *out)
{
	WaJid parsed;
	WaStr server;

	if (jid.data == NULL || jid_parse(jid, &parsed) != WA_OK || parsed.user.len == 0 ||
		!jid_is_user(&parsed))
		return WA_ERR_MALFORMED;
	server = str_from(jid_server_name(base_server(parsed.server)));
	if (parsed.user.len + 1 + server.len > SIGNAL_MAX_NAME)
		return WA_ERR_MALFORMED;
	memcpy(out->text, parsed.user.data, parsed.user.len);
	out->text[parsed.user.len] = '@';
	memcpy(out->text + parsed.user.len + 1, server.data, server.len);
	out->len = parsed.user.len + 1 + server.len;
	out->text[out->len] = '\0';
	out->device = parsed.device;
	return WA_OK;
}

static bool
is_lid(const SignalAddress *address)
{
	static const char suffix[] = "@lid";
	size_t len = sizeof(suffix) - 1;

	return address->len > len && memcmp(address->text + address->len - len, suffix, len) == 0;
}

WaStatus
signal_store_peer(WaStr jid, WaStr alternate, SignalPeer *out)
{
	SignalAddress other;
	WaStatus status = signal_store_address(jid, &out->main);

	out->has_other = false;
	if (status != WA_OK || signal_store_address(alternate, &other) != WA_OK ||
		is_lid(&other) == is_lid(&out->main))
		return status;
	other.device = out->main.device;
	out->has_other = true;
	if (is_lid(&other))
	{
		out->other = out->main;
		out->main = other;
	}
	else
		out->other = other;
	return WA_OK;
}

/* ---- the table ---- */

static bool
same_text(WaStr a, WaStr b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static uint32_t
hash_text(uint32_t hash, WaStr text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t) text.data[i]) * UINT32_C(16777619);
	return hash;
}

/* By chat and name only: all records of one person in one place lie together. */
static SignalEntry **
bucket_of(WaSignal *signal, WaStr chat, WaStr name)
{
	uint32_t hash = hash_text(hash_text(UINT32_C(2166136261), chat), name);

	return &signal->buckets[(hash ^ hash >> 16) % SIGNAL_BUCKETS];
}

SignalEntry *
signal_store_find(WaSignal *signal, const SignalKey *key)
{
	SignalEntry *entry = *bucket_of(signal, key->chat, key->name);

	while (entry != NULL &&
		   (entry->key.kind != key->kind || entry->key.number != key->number ||
			!same_text(entry->key.name, key->name) || !same_text(entry->key.chat, key->chat)))
		entry = entry->next;
	return entry;
}

SignalEntry *
signal_store_next(WaSignal *signal, SignalEntry *after, unsigned kind, WaStr chat, WaStr name)
{
	SignalEntry *entry = after == NULL ? *bucket_of(signal, chat, name) : after->next;

	while (entry != NULL && (entry->key.kind != kind || !same_text(entry->key.name, name) ||
							 !same_text(entry->key.chat, chat)))
		entry = entry->next;
	return entry;
}

static WaStr
copy_text(char **room, WaStr text)
{
	WaStr copy = {text.len == 0 ? NULL : *room, text.len};

	if (text.len > 0)
		memcpy(*room, text.data, text.len);
	*room += text.len;
	return copy;
}

/* Finds the entry or makes an empty one. */
static WaStatus
need_entry(WaSignal *signal, const SignalKey *key, SignalEntry **out)
{
	SignalEntry *entry = signal_store_find(signal, key);
	size_t size = sizeof(*entry) + key->chat.len + key->name.len;
	SignalEntry **bucket;
	char *room;

	*out = entry;
	if (entry != NULL)
		return WA_OK;
	if (size > SIGNAL_MAX_MEMORY - signal->memory)
		return WA_ERR_LIMIT;
	entry = signal->env->alloc(signal->env->ctx, size);
	if (entry == NULL)
		return WA_ERR_NOMEM;
	memset(entry, 0, sizeof(*entry));
	entry->key = *key;
	room = (char *) (entry + 1);
	entry->key.chat = copy_text(&room, key->chat);
	entry->key.name = copy_text(&room, key->name);
	signal->memory += size;
	bucket = bucket_of(signal, key->chat, key->name);
	entry->next = *bucket;
	*bucket = entry;
	*out = entry;
	return WA_OK;
}

static void
free_value(WaSignal *signal, uint8_t *data, size_t len)
{
	if (data == NULL)
		return;
	crypto_wipe(data, len);
	signal->env->free(signal->env->ctx, data);
	signal->memory -= len;
}

/* Copies a value; never NULL for a value that is there, even of no bytes. */
static WaStatus
copy_value(WaSignal *signal, const uint8_t *data, size_t len, uint8_t **out)
{
	*out = NULL;
	if (data == NULL)
		return WA_OK;
	if (len > SIGNAL_MAX_RECORD || len > SIGNAL_MAX_MEMORY - signal->memory)
		return WA_ERR_LIMIT;
	*out = signal->env->alloc(signal->env->ctx, len > 0 ? len : 1);
	if (*out == NULL)
		return WA_ERR_NOMEM;
	if (len > 0)
		memcpy(*out, data, len);
	signal->memory += len;
	return WA_OK;
}

/* ---- asking the host ---- */

static SignalKey
mark_key(SignalNeedKind kind, WaStr chat, WaStr name, uint32_t number)
{
	return (SignalKey){SIGNAL_ASKED + (unsigned) kind, chat, name, number};
}

bool
signal_store_asked(WaSignal *signal, SignalNeedKind kind, WaStr chat, WaStr name, uint32_t number)
{
	SignalKey key = mark_key(kind, chat, name, number);
	SignalEntry *mark = signal_store_find(signal, &key);

	if (mark != NULL && mark->known)
		return true;
	/* who asked for all chats asked for each of them */
	return kind == SIGNAL_NEED_SENDERS && chat.len > 0 &&
		   signal_store_asked(signal, kind, WA_STR_NONE, name, number);
}

WaStatus
signal_store_ask(WaSignal *signal, SignalNeedKind kind, WaStr chat, WaStr name, uint32_t number)
{
	SignalKey key = mark_key(kind, chat, name, number);
	SignalEntry *mark = signal_store_find(signal, &key);
	WaStatus status;

	if (mark != NULL || signal_store_asked(signal, kind, chat, name, number))
		return WA_OK;
	status = need_entry(signal, &key, &mark);
	if (status != WA_OK)
		return status;
	if (signal->asked_last == NULL)
		signal->asked_first = mark;
	else
		signal->asked_last->next_queue = mark;
	signal->asked_last = mark;
	return WA_OK;
}

bool
signal_has_needs(const WaSignal *signal)
{
	return signal->asked_first != NULL;
}

bool
signal_next_need(WaSignal *signal, SignalNeed *out)
{
	SignalEntry *mark = signal->asked_first;

	if (mark == NULL)
		return false;
	signal->asked_first = mark->next_queue;
	if (signal->asked_first == NULL)
		signal->asked_last = NULL;
	mark->next_queue = signal->given;
	signal->given = mark;
	*out = (SignalNeed){(SignalNeedKind) (mark->key.kind - SIGNAL_ASKED), mark->key.chat,
						mark->key.name, mark->key.number};
	return true;
}

void
signal_supplied(WaSignal *signal)
{
	while (signal->given != NULL)
	{
		SignalEntry *mark = signal->given;

		signal->given = mark->next_queue;
		mark->next_queue = NULL;
		mark->known = true;
	}
}

WaStatus
signal_supply(WaSignal *signal, const SignalRecord *record)
{
	bool prekey = record->kind == SIGNAL_PREKEY || record->kind == SIGNAL_SIGNED_PREKEY;
	bool sender = record->kind == SIGNAL_SENDER_KEY || record->kind == SIGNAL_SKIPPED_KEYS;
	SignalKey key = {record->kind, sender ? record->chat : WA_STR_NONE,
					 prekey ? WA_STR_NONE : record->name, record->number};
	SignalEntry *entry;
	uint8_t *data;
	WaStatus status;

	if (record->data == NULL || (!prekey && key.name.len == 0) || (sender && key.chat.len == 0) ||
		((prekey || record->kind == SIGNAL_IDENTITY) && record->len != CRYPTO_KEY_LEN) ||
		key.name.len > SIGNAL_MAX_NAME || key.chat.len > SIGNAL_MAX_NAME)
		return WA_ERR_ARGUMENT;
	if (signal_store_find(signal, &key) != NULL)
		return WA_OK;
	if (record->kind == SIGNAL_SESSION && record->len <= SIGNAL_MAX_RECORD)
	{
		status = signal_record_check(record->data, record->len, signal->context);
		if (status != WA_OK)
			return status == WA_ERR_MALFORMED ? WA_OK : status;
	}
	status = copy_value(signal, record->data, record->len, &data);
	if (status != WA_OK)
		return status;
	status = need_entry(signal, &key, &entry);
	if (status != WA_OK)
	{
		free_value(signal, data, record->len);
		return status;
	}
	entry->data = data;
	entry->len = record->len;
	return WA_OK;
}

/* ---- reading and writing ---- */

const uint8_t *
signal_store_value(const SignalEntry *entry, size_t *len)
{
	*len = entry->drafted ? entry->draft_len : entry->len;
	return entry->drafted ? entry->draft : entry->data;
}

static bool
was_asked(WaSignal *signal, const SignalKey *key)
{
	switch (key->kind)
	{
		case SIGNAL_SESSION:
		case SIGNAL_IDENTITY:
			return signal_store_asked(signal, SIGNAL_NEED_PEER, WA_STR_NONE, key->name, 0);
		case SIGNAL_SENDER_KEY:
		case SIGNAL_SKIPPED_KEYS:
			return signal_store_asked(signal, SIGNAL_NEED_SENDERS, key->chat, key->name, 0);
		case SIGNAL_PREKEY:
			return signal_store_asked(signal, SIGNAL_NEED_PREKEY, WA_STR_NONE, WA_STR_NONE,
									  key->number);
		default:
			return signal_store_asked(signal, SIGNAL_NEED_SIGNED_PREKEY, WA_STR_NONE, WA_STR_NONE,
									  key->number);
	}
}

WaStatus
signal_store_get(WaSignal *signal, const SignalKey *key, const uint8_t **data, size_t *len)
{
	SignalEntry *entry = signal_store_find(signal, key);

	*data = NULL;
	*len = 0;
	if (entry != NULL)
		*data = signal_store_value(entry, len);
	else if (!was_asked(signal, key))
		return WA_ERR_STATE;
	return WA_OK;
}

WaStatus
signal_store_put(WaSignal *signal, const SignalKey *key, const uint8_t *data, size_t len)
{
	SignalEntry *entry;
	uint8_t *copy;
	WaStatus status = copy_value(signal, data, len, &copy);

	if (status == WA_OK)
		status = need_entry(signal, key, &entry);
	if (status != WA_OK)
	{
		free_value(signal, copy, len);
		return status;
	}
	if (entry->drafted)
		free_value(signal, entry->draft, entry->draft_len);
	else
	{
		entry->drafted = true;
		entry->next_draft = signal->drafts;
		signal->drafts = entry;
	}
	entry->draft = copy;
	entry->draft_len = data == NULL ? 0 : len;
	return WA_OK;
}

/* The value of two names' records of one kind; out is empty when the one there stays. */
static WaStatus
join_values(unsigned kind, const uint8_t *from, size_t from_len, const uint8_t *to, size_t to_len,
			WaBuf *out)
{
	WaStatus status;

	switch (kind)
	{
		case SIGNAL_SESSION:
			return signal_record_merge(from, from_len, to, to_len, out);
		case SIGNAL_SENDER_KEY:
			/* repeated fields of two messages in a row are one message with both */
			status = buf_append(out, to, to_len);
			return status == WA_OK ? buf_append(out, from, from_len) : status;
		case SIGNAL_SKIPPED_KEYS:
			/* oldest first, and what is moved is older */
			status = buf_append(out, from, from_len);
			if (status == WA_OK)
				status = buf_append(out, to, to_len);
			if (status == WA_OK && buf_len(out) > SIGNAL_MAX_SKIPPED * SIGNAL_SKIPPED_LEN)
				buf_consume(out, buf_len(out) - SIGNAL_MAX_SKIPPED * SIGNAL_SKIPPED_LEN);
			return status;
		default:
			return WA_OK; /* the LID's identity stays */
	}
}

WaStatus
signal_store_move(WaSignal *signal, SignalEntry *from, WaStr name)
{
	SignalKey key = {from->key.kind, from->key.chat, name, from->key.number};
	SignalEntry *there = signal_store_find(signal, &key);
	size_t from_len;
	size_t to_len = 0;
	const uint8_t *from_data = signal_store_value(from, &from_len);
	const uint8_t *to_data = there == NULL ? NULL : signal_store_value(there, &to_len);
	WaBuf joined;
	WaStatus status;

	if (from_data == NULL)
		return WA_OK;
	buf_init(&joined, signal->env, SIGNAL_MAX_RECORD);
	if (to_data == NULL)
		status = signal_store_put(signal, &key, from_data, from_len);
	else
	{
		status = join_values(key.kind, from_data, from_len, to_data, to_len, &joined);
		if (status == WA_ERR_MALFORMED)
			status = WA_OK; /* two records that cannot be joined: the one there stays */
		else if (status == WA_OK && buf_len(&joined) > 0)
			status = signal_store_put(signal, &key, buf_data(&joined), buf_len(&joined));
	}
	buf_free(&joined);
	if (status == WA_OK)
		status = signal_store_put(signal, &from->key, NULL, 0);
	return status;
}

/* ---- drafts become values ---- */

void
signal_store_begin(WaSignal *signal)
{
	signal->fault = WA_OK;
	signal->identity_changed = false;
	signal->has_wanted = false;
}

static bool
same_value(const SignalEntry *entry)
{
	if (entry->draft == NULL || entry->data == NULL)
		return entry->draft == NULL && entry->data == NULL;
	return entry->len == entry->draft_len && crypto_equal(entry->data, entry->draft, entry->len);
}

static void
mark_dirty(WaSignal *signal, SignalEntry *entry)
{
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_queue = NULL;
	if (signal->dirty_last == NULL)
		signal->dirty_first = entry;
	else
		signal->dirty_last->next_queue = entry;
	signal->dirty_last = entry;
}

void
signal_store_end(WaSignal *signal, bool keep)
{
	while (signal->drafts != NULL)
	{
		SignalEntry *entry = signal->drafts;

		signal->drafts = entry->next_draft;
		entry->next_draft = NULL;
		entry->drafted = false;
		if (keep && !same_value(entry))
		{
			free_value(signal, entry->data, entry->len);
			entry->data = entry->draft;
			entry->len = entry->draft_len;
			mark_dirty(signal, entry);
		}
		else
			free_value(signal, entry->draft, entry->draft_len);
		entry->draft = NULL;
		entry->draft_len = 0;
	}
}

/* ---- giving back to the host ---- */

bool
signal_next_dirty(WaSignal *signal, SignalRecord *out)
{
	SignalEntry *entry = signal->dirty_first;

	if (entry == NULL)
		return false;
	signal->dirty_first = entry->next_queue;
	if (signal->dirty_first == NULL)
		signal->dirty_last = NULL;
	entry->next_queue = NULL;
	entry->dirty = false;
	if (!entry->taken)
	{
		entry->taken = true;
		entry->next_taken = signal->taken;
		signal->taken = entry;
	}
	*out = (SignalRecord){(SignalKind) entry->key.kind,
						  entry->key.chat,
						  entry->key.name,
						  entry->key.number,
						  entry->data,
						  entry->len};
	return true;
}

void
signal_committed(WaSignal *signal)
{
	while (signal->taken != NULL)
	{
		SignalEntry *entry = signal->taken;

		signal->taken = entry->next_taken;
		entry->next_taken = NULL;
		entry->taken = false;
	}
}

void
signal_discard(WaSignal *signal)
{
	for (size_t i = 0; i < SIGNAL_BUCKETS; i++)
	{
		while (signal->buckets[i] != NULL)
		{
			SignalEntry *entry = signal->buckets[i];

			signal->buckets[i] = entry->next;
			free_value(signal, entry->data, entry->len);
			free_value(signal, entry->draft, entry->draft_len);
			signal->memory -= sizeof(*entry) + entry->key.chat.len + entry->key.name.len;
			signal->env->free(signal->env->ctx, entry);
		}
	}
	signal->drafts = NULL;
	signal->dirty_first = signal->dirty_last = NULL;
	signal->asked_first = signal->asked_last = NULL;
	signal->given = NULL;
	signal->taken = NULL;
}

void
signal_trim(WaSignal *signal, size_t max)
{
	if (signal->memory > max && signal->dirty_first == NULL && signal->taken == NULL)
		signal_discard(signal);
}

size_t
signal_memory(const WaSignal *signal)
{
	return sizeof(*signal) + signal->memory;
}
