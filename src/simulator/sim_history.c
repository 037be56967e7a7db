/*
 * sim_history.c
 *		A phone telling a companion of the past, chunk by chunk, and the truth
 *		about what it told.  Sheet 2 sections 9.1 and 9.2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <zlib.h>

#include "sim_history.h"
#include "sim_media.h"
#include "sim_peer.h"
#include "sim_wire.h"

#define HISTORY_SYNC_NOTIFICATION 5
#define MAX_PAGE 50000

/* A chunk that was sent. */
typedef struct Told
{
	SimHistoryChunk chunk;
	char id[24];    /* of the message that announced it */
	char again[24]; /* and of the one that did so a second time */
	char path[128]; /* "" inline */
	uint64_t bytes; /* inflated */
	uint64_t deflated;
	char fault[16];
	int peer_receipts;
	int history_receipts;
	int uploads; /* asked for once more */
} Told;

typedef struct Run
{
	struct Run *next; /* the run before */
	SimDevice *device;
	SimHistoryPlan *plan;
	SimHistoryCursor cursor;
	bool inline_first;
	json_t *faults; /* a list */
	Told *told;
	int n_told;
	bool done;
	const char *error;
} Run;

static Run *runs;
static json_t *at_linking; /* NULL: nothing */
static uv_timer_t timer;
static bool has_timer;

/* ---- sending ---- */

static const char *
fault_of(const Run *run, int chunk)
{
	for (size_t i = 0; i < json_array_size(run->faults); i++)
	{
		json_t *fault = json_array_get(run->faults, i);

		if (json_integer_value(json_object_get(fault, "chunk")) == chunk)
			return json_string_value(json_object_get(fault, "kind"));
	}
	return "";
}

static uint8_t *
deflated(const WaBuf *plain, size_t *len)
{
	uLongf size = compressBound(buf_len(plain));
	uint8_t *out = sim_util_alloc(size);

	if (compress2(out, &size, buf_data(plain), buf_len(plain), Z_BEST_SPEED) != Z_OK)
	{
		fputs("wa_simulator: cannot deflate\n", stderr);
		exit(1);
	}
	*len = size;
	return out;
}

/* The notification of a chunk, inline or on the media service. */
static void
put_notice(const Told *told, const SimBlob *blob, const uint8_t *data, size_t len,
		   const char *original_id, WaBuf *message)
{
	WaBuf notice;
	WaBuf protocol;

	sim_wire_begin(&notice);
	if (blob != NULL)
	{
		sim_wire_bytes(&notice, 1, blob->sha256, 32);
		sim_wire_uint(&notice, 2, blob->size);
		sim_wire_bytes(&notice, 3, blob->key, 32);
		sim_wire_bytes(&notice, 4, blob->enc_sha256, 32);
		sim_wire_text(&notice, 5, blob->path);
	}
	sim_wire_uint(&notice, 6, told->chunk.type);
	sim_wire_uint(&notice, 7, (uint64_t) told->chunk.order);
	if (original_id != NULL)
		sim_wire_text(&notice, 8, original_id);
	sim_wire_uint(&notice, 9, (uint64_t) told->chunk.progress);
	if (told->chunk.oldest > 0)
		sim_wire_uint(&notice, 10, (uint64_t) told->chunk.oldest);
	if (blob == NULL)
		sim_wire_bytes(&notice, 11, data, len);
	else
		sim_wire_text(&notice, 14, "handle");
	sim_wire_begin(&protocol);
	sim_wire_uint(&protocol, 2, HISTORY_SYNC_NOTIFICATION);
	sim_wire_inner(&protocol, 6, &notice);
	sim_wire_begin(message);
	sim_wire_inner(message, 12, &protocol);
}

static bool
send_chunk(Run *run, Told *told, WaBuf *plain)
{
	bool is_inline = run->inline_first && run->n_told == 0;
	SimBlob *blob = NULL;
	WaBuf message;
	uint8_t *data;
	size_t len;
	bool sent;

	told->bytes = buf_len(plain);
	/* cut in the middle of something, in good order otherwise */
	if (strcmp(told->fault, "truncated") == 0)
		buf_truncate(plain, buf_len(plain) / 2);
	data = deflated(plain, &len);
	if (strcmp(told->fault, "bad_deflate") == 0)
		len /= 2;
	told->deflated = len;
	if (!is_inline)
	{
		blob = sim_media_put("history", data, len, NULL);
		if (blob == NULL)
		{
			free(data);
			return false;
		}
		memcpy(told->path, blob->path, sizeof(told->path));
		if (strcmp(told->fault, "gone") == 0)
			blob->gone = 404;
		else if (strcmp(told->fault, "corrupt") == 0)
		{
			json_t *wrong = json_pack("{s:s,s:s,s:i}", "effect", "wrong", "direct_path", blob->path,
									  "bytes", (int) (blob->enc_size / 2));

			(void) sim_media_fault_add(wrong);
			json_decref(wrong);
		}
	}
	put_notice(told, blob, data, len, NULL, &message);
	sent = sim_peer_send(run->device, buf_data(&message), buf_len(&message), told->id);
	if (sent && strcmp(told->fault, "repeated") == 0)
		sent = sim_peer_send(run->device, buf_data(&message), buf_len(&message), told->again);
	buf_free(&message);
	free(data);
	return sent;
}

/* One chunk of one run; false when there is nothing left to do. */
static bool
step(Run *run)
{
	Told told = {.bytes = 0};
	WaBuf plain;

	if (run->device->removed)
	{
		run->done = true;
		run->error = "the device was unlinked";
		return false;
	}
	sim_wire_begin(&plain);
	if (!sim_history_chunk_next(run->plan, &run->cursor, &plain, &told.chunk))
	{
		buf_free(&plain);
		run->done = true;
		return false;
	}
	snprintf(told.fault, sizeof(told.fault), "%s", fault_of(run, run->n_told));
	if (!send_chunk(run, &told, &plain))
	{
		run->done = true;
		run->error = "the phone cannot write to the device";
	}
	buf_free(&plain);
	run->told = sim_util_grow(run->told, (size_t) (run->n_told + 1) * sizeof(*run->told));
	run->told[run->n_told++] = told;
	return !run->done;
}

static void
on_timer(uv_timer_t *handle)
{
	bool any = false;

	/* a chunk a turn, so that everybody else has his, too */
	for (Run *run = runs; run != NULL; run = run->next)
	{
		if (!run->done)
			any |= step(run);
	}
	if (!any)
		uv_timer_stop(handle);
}

/* ---- the request ---- */

static const char *
check_faults(json_t *faults)
{
	static const char *const known[] = {"truncated", "bad_deflate", "corrupt", "gone", "repeated"};

	for (size_t i = 0; i < json_array_size(faults); i++)
	{
		json_t *fault = json_array_get(faults, i);
		const char *kind = json_string_value(json_object_get(fault, "kind"));
		size_t k = 0;

		while (k < sizeof(known) / sizeof(known[0]) &&
			   (kind == NULL || strcmp(known[k], kind) != 0))
			k++;
		if (k == sizeof(known) / sizeof(known[0]) ||
			!json_is_integer(json_object_get(fault, "chunk")))
			return "faults must be a list of {chunk, kind}, kind being truncated, bad_deflate, "
				   "corrupt, gone or repeated";
	}
	return NULL;
}

const char *
sim_history_start(SimDevice *device, json_t *request, json_t *out)
{
	json_t *faults = json_object_get(request, "faults");
	json_t *chunk = json_object_get(request, "chunk_messages");
	json_t *duplicates = json_object_get(request, "duplicates");
	const char *why = check_faults(faults);
	SimHistoryPlan *plan;
	Run *run;

	if (why != NULL)
		return why;
	plan = sim_history_plan_new(device->account, request, &why);
	if (plan == NULL)
		return why;
	run = sim_util_alloc(sizeof(*run));
	run->device = device;
	run->plan = plan;
	run->cursor.chunk_messages = json_is_integer(chunk) ? (int) json_integer_value(chunk) : 2000;
	run->cursor.duplicates = json_is_integer(duplicates) ? (int) json_integer_value(duplicates) : 2;
	if (run->cursor.chunk_messages < 1 || run->cursor.chunk_messages > 1000000 ||
		run->cursor.duplicates < 0 || run->cursor.duplicates > 100)
	{
		sim_history_plan_free(plan);
		free(run);
		return "chunk_messages is 1..1000000, duplicates 0..100";
	}
	run->inline_first = json_is_true(json_object_get(request, "inline_first"));
	run->faults = json_incref(faults);
	run->next = runs;
	runs = run;
	if (!has_timer)
		uv_timer_init(net_loop_uv(sim.loop), &timer);
	has_timer = true;
	uv_timer_start(&timer, on_timer, 1, 1);
	json_object_set_new(out, "device", json_integer(device->id));
	json_object_set_new(out, "until", json_integer((json_int_t) plan->until));
	return NULL;
}

const char *
sim_history_set_option(json_t *value)
{
	const char *why = check_faults(json_object_get(value, "faults"));

	if (!json_is_object(value) && !json_is_null(value))
		return "history must be an object, or null";
	if (why != NULL)
		return why;
	json_decref(at_linking);
	at_linking = json_is_object(value) ? json_incref(value) : NULL;
	return NULL;
}

void
sim_history_linked(SimDevice *device)
{
	json_t *out;
	const char *why;

	if (at_linking == NULL)
		return;
	out = json_object();
	why = sim_history_start(device, at_linking, out);
	if (why != NULL)
		fprintf(stderr, "wa_simulator: history at linking: %s\n", why);
	json_decref(out);
}

bool
sim_history_again(SimDevice *device, WaStr id)
{
	for (Run *run = runs; run != NULL; run = run->next)
	{
		for (int i = 0; run->device == device && i < run->n_told; i++)
		{
			Told *told = &run->told[i];
			SimBlob *blob;
			WaBuf message;

			if (!str_is(id, told->id) && !str_is(id, told->again))
				continue;
			told->uploads++;
			blob = sim_media_again(told->path[0] == '\0' ? NULL : sim_media_find(told->path));
			if (blob == NULL)
				return true;
			put_notice(told, blob, NULL, 0, told->id, &message);
			(void) sim_peer_send(device, buf_data(&message), buf_len(&message), told->again);
			buf_free(&message);
			return true;
		}
	}
	return false;
}

/* ---- looking ---- */

void
sim_history_receipt(const SimDevice *device, WaStr id, WaStr type)
{
	for (Run *run = runs; run != NULL; run = run->next)
	{
		for (int i = 0; run->device == device && i < run->n_told; i++)
		{
			Told *told = &run->told[i];

			if (!str_is(id, told->id) && !str_is(id, told->again))
				continue;
			told->peer_receipts += str_is(type, "peer_msg");
			told->history_receipts += str_is(type, "hist_sync");
			return;
		}
	}
}

static json_t *
told_json(const Told *told)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(told->id));
	json_object_set_new(object, "type", json_integer(told->chunk.type));
	json_object_set_new(object, "order", json_integer(told->chunk.order));
	json_object_set_new(object, "progress", json_integer(told->chunk.progress));
	json_object_set_new(object, "messages", json_integer((json_int_t) told->chunk.messages));
	json_object_set_new(object, "bytes", json_integer((json_int_t) told->bytes));
	json_object_set_new(object, "deflated", json_integer((json_int_t) told->deflated));
	json_object_set_new(object, "direct_path",
						told->path[0] != '\0' ? json_string(told->path) : json_null());
	json_object_set_new(object, "fault",
						told->fault[0] != '\0' ? json_string(told->fault) : json_null());
	json_object_set_new(object, "reuploads", json_integer(told->uploads));
	json_object_set_new(object, "peer_msg", json_integer(told->peer_receipts));
	json_object_set_new(object, "hist_sync", json_integer(told->history_receipts));
	return object;
}

static json_t *
run_json(const Run *run)
{
	json_t *object = json_object();
	json_t *chunks = json_array();
	int peer = 0;
	int history = 0;

	for (int i = 0; i < run->n_told; i++)
	{
		peer += run->told[i].peer_receipts;
		history += run->told[i].history_receipts;
		json_array_append_new(chunks, told_json(&run->told[i]));
	}
	json_object_set_new(object, "device", json_integer(run->device->id));
	json_object_set_new(object, "done", json_boolean(run->done));
	json_object_set_new(object, "error",
						run->error != NULL ? json_string(run->error) : json_null());
	json_object_set_new(object, "until", json_integer((json_int_t) run->plan->until));
	json_object_set_new(object, "items", json_integer((json_int_t) run->plan->n_items));
	json_object_set_new(object, "peer_msg", json_integer(peer));
	json_object_set_new(object, "hist_sync", json_integer(history));
	json_object_set_new(object, "chunks", chunks);
	return object;
}

void
sim_history_state(const SimAccount *account, json_t *out)
{
	json_t *list = json_array();

	for (const Run *run = runs; run != NULL; run = run->next)
	{
		if (run->device->account == account)
			json_array_append_new(list, run_json(run));
	}
	json_object_set_new(out, "runs", list);
}

/* ---- the truth ---- */

static json_t *
person(const SimAccount *account)
{
	char jid[48];

	if (account == NULL)
		return json_null();
	sim_history_item_jid(account, true, jid);
	return json_string(jid);
}

/* The chat as tables know it: by LID. */
static json_t *
chat_name(const SimHistoryChat *chat)
{
	return chat->peer != NULL ? person(chat->peer) : json_string(chat->id);
}

static json_t *
item_json(const SimHistoryItem *item)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(item->id));
	json_object_set_new(object, "chat", chat_name(item->chat));
	json_object_set_new(object, "at", json_integer((json_int_t) item->at));
	json_object_set_new(object, item->stub != 0 ? "actor" : "sender", person(item->sender));
	json_object_set_new(object, "from_me", json_boolean(item->from_me));
	json_object_set_new(
		object, "kind",
		json_string(item->stub == 0 && strcmp(item->kind, "reply") == 0 ? "text" : item->kind));
	json_object_set_new(object, "text",
						item->has_text ? json_stringn(item->text, item->text_len) : json_null());
	if (item->stub != 0)
	{
		json_t *targets = json_array();

		for (int i = 0; i < item->n_targets; i++)
			json_array_append_new(targets, person(item->targets[i]));
		json_object_set_new(object, "stub", json_integer(item->stub));
		json_object_set_new(object, "targets", targets);
	}
	return object;
}

static json_t *
leavers_json(const SimHistoryPlan *plan)
{
	json_t *list = json_array();

	for (int i = 0; i < plan->n_chats; i++)
	{
		for (int k = 0; plan->chats[i].peer == NULL && k < plan->leavers; k++)
		{
			int64_t at;
			bool was_removed;
			SimAccount *who = sim_history_plan_leaver(plan, i, k, &at, &was_removed);
			json_t *object = json_object();

			json_object_set_new(object, "chat", chat_name(&plan->chats[i]));
			json_object_set_new(object, "who", person(who));
			json_object_set_new(object, "removed", json_boolean(was_removed));
			json_object_set_new(object, "at", json_integer((json_int_t) at));
			json_array_append_new(list, object);
		}
	}
	return list;
}

static void
set_sum(json_t *object, uint64_t sum)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long) sum);
	json_object_set_new(object, "checksum", json_string(text));
}

/* Numbers of everything: each message is made once more. */
static void
summary(const SimHistoryPlan *plan, json_t *out)
{
	static SimHistoryItem item;
	json_t *chats = json_array();
	int64_t messages = 0;
	int64_t events = 0;
	uint64_t sum = 0;

	for (int i = 0; i < plan->n_chats; i++)
	{
		json_t *chat = json_object();
		uint64_t chat_sum = 0;
		int64_t chat_events = 0;

		for (int64_t place = 0; place < plan->chats[i].n; place++)
		{
			sim_history_item_make(plan, i, place, &item);
			if (item.stub != 0)
				chat_events++;
			else
				chat_sum += sim_history_item_sum(&item);
		}
		json_object_set_new(chat, "chat", chat_name(&plan->chats[i]));
		json_object_set_new(chat, "group", json_boolean(plan->chats[i].peer == NULL));
		json_object_set_new(chat, "messages",
							json_integer((json_int_t) (plan->chats[i].n - chat_events)));
		json_object_set_new(chat, "events", json_integer((json_int_t) chat_events));
		set_sum(chat, chat_sum);
		json_array_append_new(chats, chat);
		messages += plan->chats[i].n - chat_events;
		events += chat_events;
		sum += chat_sum;
	}
	json_object_set_new(out, "messages", json_integer((json_int_t) messages));
	json_object_set_new(out, "events", json_integer((json_int_t) events));
	set_sum(out, sum);
	json_object_set_new(out, "chats", chats);
}

/* Messages and events in the order of chats, a page of them. */
static void
page(const SimHistoryPlan *plan, bool only_events, int64_t from, int64_t n, json_t *out)
{
	static SimHistoryItem item;
	json_t *messages = json_array();
	json_t *events = json_array();

	for (int i = 0; i < plan->n_chats && n > 0; i++)
	{
		const SimHistoryChat *chat = &plan->chats[i];

		for (; n > 0 && from >= chat->first && from < chat->first + chat->n; from++, n--)
		{
			sim_history_item_make(plan, i, from - chat->first, &item);
			if (item.stub != 0)
				json_array_append_new(events, item_json(&item));
			else if (!only_events)
				json_array_append_new(messages, item_json(&item));
		}
	}
	json_object_set_new(out, "messages", messages);
	json_object_set_new(out, "events", events);
	json_object_set_new(out, "next",
						from < plan->n_items ? json_integer((json_int_t) from) : json_null());
}

const char *
sim_history_truth(const SimAccount *account, json_t *request, json_t *out)
{
	json_t *from = json_object_get(request, "from");
	json_t *limit = json_object_get(request, "limit");
	const char *what = json_string_value(json_object_get(request, "what"));
	const Run *run = runs;

	while (run != NULL && run->device->account != account)
		run = run->next;
	if (run == NULL)
		return "no history was told to a device of that number";
	if (what != NULL && strcmp(what, "past_participants") == 0)
		json_object_set_new(out, "past_participants", leavers_json(run->plan));
	else if (what != NULL && (strcmp(what, "items") == 0 || strcmp(what, "events") == 0))
	{
		int64_t n = json_is_integer(limit) ? json_integer_value(limit) : 1000;

		page(run->plan, what[0] == 'e', json_integer_value(from), n > MAX_PAGE ? MAX_PAGE : n, out);
	}
	else if (what == NULL || strcmp(what, "summary") == 0)
		summary(run->plan, out);
	else
		return "what must be summary, items, events or past_participants";
	return NULL;
}
