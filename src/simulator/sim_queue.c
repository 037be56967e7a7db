/*
 * sim_queue.c
 *		What waits for a device until it acknowledges it.
 *
 * Every notification, message and receipt goes through its device's queue and
 * stays there until the client's ack or receipt names it; what was sent but
 * not acknowledged when the connection ends is sent again at the next login,
 * marked with `offline`.  Sheet 1 sections 7.4 and 8.7, sheet 2 section 6.5.
 *
 * A stanza is encoded once and shared by all queues.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Stop filling a socket that does not drain. */
#define MAX_UNSENT (256 * 1024)

/* Stanzas sent before an <offline_batch> when the gate is closed. */
#define PRIMER 5

SimStanza *
sim_queue_stanza(const WaNode *node)
{
	SimStanza *stanza = NULL;
	WaBuf encoded;

	buf_init(&encoded, sim.env, WA_MAX_FRAME);
	if (node_encode(node, &encoded) == WA_OK)
	{
		WaStr id = node_attr(node, "id");
		WaStr from = node_attr(node, "from");

		stanza = sim_util_alloc(sizeof(*stanza) + buf_len(&encoded));
		stanza->refs = 1;
		snprintf(stanza->tag, sizeof(stanza->tag), "%.*s", (int) node->tag.len, node->tag.data);
		snprintf(stanza->id, sizeof(stanza->id), "%.*s", (int) id.len, id.len > 0 ? id.data : "");
		snprintf(stanza->from, sizeof(stanza->from), "%.*s", (int) from.len,
				 from.len > 0 ? from.data : "");
		stanza->len = buf_len(&encoded);
		memcpy(stanza->bytes, buf_data(&encoded), stanza->len);
	}
	buf_free(&encoded);
	return stanza;
}

void
sim_queue_release(SimStanza *stanza)
{
	if (stanza != NULL && --stanza->refs == 0)
		free(stanza);
}

static void
unlink_entry(SimQueue *queue, SimEntry *entry)
{
	if (entry->prev != NULL)
		entry->prev->next = entry->next;
	else
		queue->head = entry->next;
	if (entry->next != NULL)
		entry->next->prev = entry->prev;
	else
		queue->tail = entry->prev;
	if (queue->unsent == entry)
		queue->unsent = entry->next;
	if (entry->sent_us > 0)
		queue->sent--;
	queue->count--;
	sim_queue_release(entry->stanza);
	free(entry);
}

void
sim_queue_push(SimDevice *device, SimStanza *stanza)
{
	SimQueue *queue = &device->queue;
	SimEntry *entry;

	if (device->removed || stanza == NULL)
		return;
	entry = sim_util_alloc(sizeof(*entry));
	entry->stanza = stanza;
	stanza->refs++;
	entry->queued_us = sim_util_now_us();
	entry->prev = queue->tail;
	if (queue->tail != NULL)
		queue->tail->next = entry;
	else
		queue->head = entry;
	queue->tail = entry;
	if (queue->unsent == NULL)
		queue->unsent = entry;
	queue->count++;
	sim.notifications++;
	if (device->conn != NULL && device->conn->active)
		sim_queue_pump(device->conn);
}

void
sim_queue_push_node(SimDevice *device, const WaNode *node)
{
	SimStanza *stanza = sim_queue_stanza(node);

	sim_queue_push(device, stanza);
	sim_queue_release(stanza);
}

/* ---- delivery ---- */

static void
transmit(SimConn *conn, const SimStanza *stanza, int offline)
{
	WaArena arena;
	WaNode *node;

	if (offline < 0)
	{
		sim_server_send_encoded(conn, stanza->bytes, stanza->len);
		return;
	}
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	if (node_decode(&arena, stanza->bytes, stanza->len, &node) == WA_OK)
	{
		node_set_u64(node, "offline", (uint64_t) offline);
		sim_server_send(conn, node);
	}
	arena_free(&arena);
}

void
sim_queue_settle(SimConn *conn)
{
	SimStanza *stanza = conn->swapped;

	if (stanza == NULL)
		return;
	conn->swapped = NULL;
	transmit(conn, stanza, -1);
	sim_queue_release(stanza);
}

static void
deliver(SimConn *conn, SimEntry *entry, int offline)
{
	SimDevice *device = conn->device;
	SimStanza *stanza = entry->stanza;
	SimStanza *late = conn->swapped;
	bool keep;

	device->delivered++;
	if (sim_fault_happens("drop", device->account, &keep))
	{
		if (!keep)
			unlink_entry(&device->queue, entry);
		return;
	}
	if (late == NULL && sim_fault_happens("reorder", device->account, &keep))
	{
		conn->swapped = stanza;
		stanza->refs++;
		return;
	}
	transmit(conn, stanza, offline);
	if (sim_fault_happens("duplicate", device->account, &keep))
		transmit(conn, stanza, offline);
	if (late != NULL)
		sim_queue_settle(conn);
}

static void
send_offline(SimConn *conn, bool preview)
{
	WaArena arena;
	WaNode *ib;

	arena_init(&arena, sim.env, 8192);
	ib = node_new(&arena, "ib");
	node_set_jid(ib, "from", str_from("s.whatsapp.net"));
	if (preview)
	{
		WaNode *child = node_add(ib, "offline_preview");
		const char *const tags[] = {"message", "notification", "receipt"};

		node_set_u64(child, "count", (uint64_t) conn->offline_total);
		for (int i = 0; i < 3; i++)
		{
			uint64_t n = 0;

			for (const SimEntry *entry = conn->device->queue.head; entry != NULL;
				 entry = entry->next)
				n += strcmp(entry->stanza->tag, tags[i]) == 0;
			node_set_u64(child, tags[i], n);
		}
		node_set(child, "appdata", "0");
		node_set(child, "call", "0");
		node_set(child, "status", "0");
	}
	else
		node_set_u64(node_add(ib, "offline"), "count", (uint64_t) conn->offline_total);
	sim_server_send(conn, ib);
	arena_free(&arena);
}

void
sim_queue_pump(SimConn *conn)
{
	SimQueue *queue = &conn->device->queue;

	if (!conn->active || sim_fault_peek("silent", conn->device->account) != NULL ||
		sim_fault_peek("deaf", conn->device->account) != NULL)
		return;
	while (conn->state == SIM_CONN_ONLINE && sim_server_unsent(conn) < MAX_UNSENT)
	{
		SimEntry *entry = queue->unsent;
		int offline = -1;

		if (conn->catching_up && conn->offline_left == 0)
		{
			conn->catching_up = false;
			conn->credits = -1;
			send_offline(conn, false);
			continue;
		}
		if (entry == NULL || conn->credits == 0)
			return;
		if (conn->credits > 0)
			conn->credits--;
		if (conn->catching_up)
		{
			offline = conn->offline_total - conn->offline_left;
			conn->offline_left--;
		}
		queue->unsent = entry->next;
		queue->sent++;
		entry->sent_us = sim_util_now_us();
		entry->deliveries++;
		deliver(conn, entry, offline);
	}
}

void
sim_queue_start(SimConn *conn)
{
	bool gate = sim.options.gate_always || (!conn->passive && !sim.options.gate_never);

	conn->offline_total = conn->offline_left = conn->device->queue.count;
	conn->catching_up = true;
	conn->credits = gate && conn->offline_total > 0 ? PRIMER : -1;
	if (sim_fault_peek("silent", conn->device->account) != NULL)
		return;
	send_offline(conn, true);
	sim_queue_pump(conn);
}

void
sim_queue_batch(SimConn *conn, int count)
{
	if (!conn->active || conn->credits < 0)
		return;
	conn->credits += count;
	sim_queue_pump(conn);
}

void
sim_queue_disconnected(SimDevice *device)
{
	SimQueue *queue = &device->queue;

	queue->unsent = queue->head;
	for (SimEntry *entry = queue->head; queue->sent > 0; entry = entry->next)
	{
		if (entry->sent_us > 0)
			queue->sent--;
		entry->sent_us = 0;
	}
}

/* ---- acknowledgement ---- */

/* Same chat or server; the device of a user does not matter. */
static bool
same_address(const char *sent, WaStr named)
{
	size_t len = strlen(sent);
	const char *at;

	if (named.len > 0 && named.data[0] == '@')
	{
		named.data++;
		named.len--;
	}
	if (len == named.len && memcmp(sent, named.data, len) == 0)
		return true;
	at = strchr(sent, '@');
	if (at == NULL || named.len == 0)
		return false;
	for (size_t i = 0; i < named.len; i++)
	{
		if (named.data[i] == '@')
		{
			size_t user = strcspn(sent, ":@");
			size_t named_user = 0;

			while (named.data[named_user] != ':' && named.data[named_user] != '@')
				named_user++;
			return user == named_user && memcmp(sent, named.data, user) == 0 &&
				   strlen(at) == named.len - i && memcmp(at, named.data + i, named.len - i) == 0;
		}
	}
	return false;
}

bool
sim_queue_acked(SimDevice *device, WaStr cls, WaStr id, WaStr from)
{
	/* delivered in order: what comes after one that never was cannot be meant */
	for (SimEntry *entry = device->queue.head; entry != NULL && entry->deliveries > 0;
		 entry = entry->next)
	{
		const SimStanza *stanza = entry->stanza;

		if (str_is(id, stanza->id) && str_is(cls, stanza->tag) && same_address(stanza->from, from))
		{
			/* a redelivery that is still due is not needed any more */
			if (entry->sent_us == 0 && device->conn != NULL && device->conn->catching_up &&
				device->conn->offline_left > 0)
				device->conn->offline_left--;
			unlink_entry(&device->queue, entry);
			device->acks++;
			return true;
		}
	}
	return false;
}

void
sim_queue_clear(SimDevice *device)
{
	while (device->queue.head != NULL)
		unlink_entry(&device->queue, device->queue.head);
}
