/*
 * sim_relay.c
 *		Stanzas from client to client: messages fan out to the devices they
 *		were encrypted for, receipts go back, acks empty the queue.  Sheet 2
 *		sections 3.1, 5 and 7.
 *
 * The service cannot read what it relays; what is for phones (device 0) goes
 * to sim_hear.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_history.h"
#include "sim_message.h"
#include "sim_peer.h"
#include "sim_reupload.h"

typedef struct Relay
{
	WaArena arena;
	SimConn *conn;
	const WaNode *message;
	SimGroup *group;  /* NULL: a direct message */
	SimAccount *peer; /* direct messages */
	bool lid;         /* addressing of the chat */
	int64_t at;       /* Unix seconds, the same for every device */
} Relay;

static void
copy_children(WaNode *to, const WaNode *from, const char *except)
{
	for (const WaNode *child = from->first_child; child != NULL; child = child->next)
	{
		WaNode *copy;
		char tag[64];

		if (except != NULL && node_is(child, except))
			continue;
		if (child->tag.len >= sizeof(tag))
			continue;
		memcpy(tag, child->tag.data, child->tag.len);
		tag[child->tag.len] = '\0';
		copy = node_add(to, tag);
		for (int i = 0; i < child->n_attrs; i++)
		{
			char key[64];

			if (child->attrs[i].key.len >= sizeof(key))
				continue;
			memcpy(key, child->attrs[i].key.data, child->attrs[i].key.len);
			key[child->attrs[i].key.len] = '\0';
			node_copy_attr(copy, key, child, key);
		}
		if (child->bytes.data != NULL)
			node_set_bytes(copy, child->bytes.data, child->bytes.len);
		copy_children(copy, child, NULL);
	}
}

/* Encrypted part that is meant for this device, NULL none. */
static const WaNode *
part_for(const Relay *relay, const SimDevice *device)
{
	const WaNode *participants = node_child(relay->message, "participants");

	if (participants == NULL)
		return NULL;
	for (const WaNode *to = node_child(participants, "to"); to != NULL;
		 to = node_child_next(to, "to"))
	{
		if (sim_account_device_by_jid(node_attr(to, "jid")) == device)
			return to;
	}
	return NULL;
}

static WaNode *
head(Relay *relay)
{
	SimDevice *sender = relay->conn->device;
	WaNode *node = node_new(&relay->arena, "message");

	node_copy_attr(node, "id", relay->message, "id");
	node_copy_attr(node, "type", relay->message, "type");
	node_copy_attr(node, "edit", relay->message, "edit");
	node_copy_attr(node, "category", relay->message, "category");
	node_set_u64(node, "t", (uint64_t) relay->at);
	node_set(node, "notify", sender->account->name);
	return node;
}

static void
copy_common(WaNode *node, const Relay *relay, bool with_identity)
{
	static const char *const tags[] = {"meta", "device-identity"};

	for (int i = 0; i < (with_identity ? 2 : 1); i++)
	{
		const WaNode *child = node_child(relay->message, tags[i]);

		if (child != NULL)
		{
			WaNode *copy = node_add(node, tags[i]);

			if (child->bytes.data != NULL)
				node_set_bytes(copy, child->bytes.data, child->bytes.len);
			for (int j = 0; j < child->n_attrs; j++)
			{
				if (str_is(child->attrs[j].key, "polltype"))
					node_copy_attr(copy, "polltype", child, "polltype");
			}
		}
	}
}

static bool
has_prekey_message(const WaNode *part)
{
	for (const WaNode *enc = node_child(part, "enc"); enc != NULL;
		 enc = node_child_next(enc, "enc"))
	{
		if (str_is(node_attr(enc, "type"), "pkmsg"))
			return true;
	}
	return false;
}

static void
add_encs(WaNode *node, const WaNode *from)
{
	for (const WaNode *enc = node_child(from, "enc"); enc != NULL;
		 enc = node_child_next(enc, "enc"))
	{
		WaNode *copy = node_add(node, "enc");
		static const char *const keys[] = {"v", "type", "mediatype", "decrypt-fail", "count"};

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			node_copy_attr(copy, keys[i], enc, keys[i]);
		node_set_bytes(copy, enc->bytes.data, enc->bytes.len);
	}
}

/*
 * When the service first saw the message.  What is sent again in answer to a
 * retry receipt keeps its time; only the latest messages are remembered.
 */
static int64_t
time_of(const SimConn *conn, const WaNode *message)
{
	enum
	{
		REMEMBERED = 4096
	};
	static SimMap times;
	static char *keys[REMEMBERED];
	static unsigned next;
	WaStr id = node_attr(message, "id");
	char key[128];
	int64_t *at;

	snprintf(key, sizeof(key), "%s/%.*s", conn->device->account->number,
			 id.len > 64 ? 64 : (int) id.len, id.len > 0 ? id.data : "");
	at = sim_map_get(&times, key);
	if (at != NULL)
		return *at;
	if (keys[next] != NULL)
	{
		free(sim_map_get(&times, keys[next]));
		sim_map_remove(&times, keys[next]);
		free(keys[next]);
	}
	at = sim_util_alloc(sizeof(*at));
	*at = sim_util_now();
	sim_map_put(&times, key, at);
	keys[next] = sim_util_copy(key);
	next = (next + 1) % REMEMBERED;
	return *at;
}

/* ---- groups ---- */

static void
set_group_sender(WaNode *node, const Relay *relay)
{
	SimDevice *sender = relay->conn->device;

	node_set_jid(node, "from", sim_notify_group_jid(node->arena, relay->group));
	node_set_jid(node, "participant", sim_account_device_jid(node->arena, sender, relay->lid));
	if (!relay->lid || !sender->account->hidden)
		node_set_jid(node, relay->lid ? "participant_pn" : "participant_lid",
					 sim_account_jid(node->arena, sender->account, !relay->lid));
	node_set(node, "addressing_mode", relay->lid ? "lid" : "pn");
}

static void
relay_group(Relay *relay)
{
	const SimGroup *group = relay->group;
	SimDevice *sender = relay->conn->device;
	WaStr wanted = node_attr(relay->message, "participant");
	SimDevice *only = sim_account_device_by_jid(wanted);
	SimStanza *plain = NULL; /* for everybody without a part of his own */

	for (int i = 0; i < group->n_members; i++)
	{
		for (SimDevice *device = group->members[i].account->devices; device != NULL;
			 device = device->next)
		{
			const WaNode *part;
			WaNode *node;

			if (device->removed || device == sender || (wanted.len > 0 && device != only))
				continue;
			part = part_for(relay, device);
			if (part == NULL && plain != NULL)
			{
				sim_queue_push(device, plain);
				continue;
			}
			node = head(relay);
			set_group_sender(node, relay);
			copy_common(node, relay, part != NULL && has_prekey_message(part));
			if (part != NULL)
				add_encs(node, part);
			add_encs(node, relay->message);
			if (node_child(node, "enc") == NULL)
				continue;
			if (part != NULL)
				sim_queue_push_node(device, node);
			else
			{
				plain = sim_queue_stanza(node);
				sim_queue_push(device, plain);
			}
		}
	}
	sim_queue_release(plain);
}

/* ---- direct ---- */

static void
relay_direct_to(Relay *relay, SimDevice *device, const WaNode *part)
{
	SimDevice *sender = relay->conn->device;
	WaNode *node = head(relay);

	node_set_jid(node, "from", sim_account_device_jid(node->arena, sender, relay->lid));
	if (device->account == sender->account)
	{
		/* an own device sees what this account wrote */
		node_set_jid(node, "recipient", sim_account_jid(node->arena, relay->peer, relay->lid));
		node_set_jid(node, relay->lid ? "peer_recipient_pn" : "peer_recipient_lid",
					 sim_account_jid(node->arena, relay->peer, !relay->lid));
	}
	else
		node_set_jid(node, relay->lid ? "sender_pn" : "sender_lid",
					 sim_account_jid(node->arena, sender->account, !relay->lid));
	copy_common(node, relay, has_prekey_message(part));
	add_encs(node, part);
	sim_queue_push_node(device, node);
}

static void
relay_direct(Relay *relay)
{
	const WaNode *participants = node_child(relay->message, "participants");
	SimDevice *device;

	if (participants == NULL)
	{
		device = sim_account_device_by_jid(node_attr(relay->message, "to"));
		if (device != NULL)
			relay_direct_to(relay, device, relay->message);
		return;
	}
	for (const WaNode *to = node_child(participants, "to"); to != NULL;
		 to = node_child_next(to, "to"))
	{
		device = sim_account_device_by_jid(node_attr(to, "jid"));
		if (device != NULL && device != relay->conn->device &&
			(device->account == relay->peer || device->account == relay->conn->device->account))
			relay_direct_to(relay, device, to);
	}
}

static void
ack_message(Relay *relay, int error)
{
	WaNode *ack = node_new(&relay->arena, "ack");

	node_set(ack, "class", "message");
	node_copy_attr(ack, "id", relay->message, "id");
	node_copy_attr(ack, "from", relay->message, "to");
	node_copy_attr(ack, "participant", relay->message, "participant");
	node_set_u64(ack, "t", (uint64_t) relay->at);
	if (error != 0)
		node_set_u64(ack, "error", (uint64_t) error);
	sim_server_send(relay->conn, ack);
}

void
sim_relay_message(SimConn *conn, const WaNode *message)
{
	Relay relay = {.conn = conn, .message = message, .at = time_of(conn, message)};
	WaStr to = node_attr(message, "to");
	WaJid jid;
	int error = 0;

	arena_init(&relay.arena, sim.env, WA_MAX_STANZA_MEMORY);
	if (jid_parse(to, &jid) != WA_OK)
		error = 479;
	else if (jid.server == JID_GROUP)
	{
		WaStr mode = node_attr(message, "addressing_mode");

		relay.group = sim_group_by_jid(to);
		if (relay.group == NULL || sim_group_member(relay.group, conn->device->account) == NULL)
			error = 403;
		else if (relay.group->announce && !sim_group_is_admin(relay.group, conn->device->account))
			error = 405;
		else if (mode.len > 0 && str_is(mode, "lid") != relay.group->lid)
			error = 421;
		else
			relay.lid = relay.group->lid;
	}
	else
	{
		relay.peer = sim_account_by_jid(to);
		relay.lid = jid.server == JID_LID;
		if (relay.peer == NULL)
			error = 404;
	}
	ack_message(&relay, error);
	if (error == 0 && relay.group != NULL)
		relay_group(&relay);
	else if (error == 0)
		relay_direct(&relay);
	if (error == 0)
		sim_hear_message(conn->device, message, relay.group, relay.peer, relay.at);
	arena_free(&relay.arena);
}

/* ---- receipts and acks ---- */

/* Whom a receipt or an ack of a message is for: its author, NULL unknown. */
static WaStr
author_jid(const WaNode *stanza)
{
	WaStr participant = node_attr(stanza, "participant");

	return participant.len > 0 ? participant : node_attr(stanza, "to");
}

/* Notes what a device answers to a simulated person, who repeats what it could not read. */
static void
tell_person(SimConn *conn, const WaNode *receipt)
{
	WaStr jid = author_jid(receipt);
	SimAccount *author = sim_account_by_jid(jid);
	WaStr type = node_attr(receipt, "type");
	const WaNode *list = node_child(receipt, "list");
	WaJid parsed;

	if (author == NULL || jid_parse(jid, &parsed) != WA_OK || parsed.device != 0)
		return;
	sim_said_receipt(conn->device, author, node_attr(receipt, "id"), type, 0);
	for (const WaNode *item = node_child(list, "item"); item != NULL;
		 item = node_child_next(item, "item"))
		sim_said_receipt(conn->device, author, node_attr(item, "id"), type, 0);
	if (str_is(type, "retry"))
		sim_say_retry(conn->device, author, receipt);
	if (str_is(type, "retry") && author == conn->device->account)
		sim_peer_retry(conn->device, receipt);
}

/* The receipt as its addressee sees it. */
static void
forward_receipt(SimConn *conn, const WaNode *receipt)
{
	WaStr to = node_attr(receipt, "to");
	WaStr type = node_attr(receipt, "type");
	SimGroup *group = NULL;
	SimAccount *addressee;
	SimDevice *exact;
	WaArena arena;
	WaNode *node;
	SimStanza *stanza;
	WaJid jid;
	bool lid;

	if (str_is(type, "sender") || str_is(type, "peer_msg") || str_is(type, "hist_sync") ||
		str_is(type, "read-self") || str_is(type, "played-self") || jid_parse(to, &jid) != WA_OK)
		return;
	if (jid.server == JID_GROUP)
	{
		group = sim_group_by_jid(to);
		to = node_attr(receipt, "participant");
	}
	addressee = sim_account_by_jid(to);
	if (addressee == NULL || addressee == conn->device->account)
		return;
	exact = sim_account_device_by_jid(to);
	lid = group != NULL ? group->lid : jid.server == JID_LID;

	arena_init(&arena, sim.env, 1 << 20);
	node = node_new(&arena, "receipt");
	node_copy_attr(node, "id", receipt, "id");
	if (group != NULL)
	{
		node_set_jid(node, "from", sim_notify_group_jid(&arena, group));
		node_set_jid(node, "participant", sim_account_device_jid(&arena, conn->device, lid));
	}
	else
		node_set_jid(node, "from", sim_account_device_jid(&arena, conn->device, lid));
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	if (!str_is(type, "inactive"))
		node_copy_attr(node, "type", receipt, "type");
	copy_children(node, receipt, NULL);
	stanza = sim_queue_stanza(node);
	for (SimDevice *device = addressee->devices; device != NULL; device = device->next)
	{
		/* who must encrypt again is asked alone */
		if (!str_is(type, "retry") || device == exact)
			sim_queue_push(device, stanza);
	}
	sim_queue_release(stanza);
	arena_free(&arena);
}

void
sim_relay_receipt(SimConn *conn, const WaNode *receipt)
{
	WaStr to = node_attr(receipt, "to");
	const WaNode *list = node_child(receipt, "list");
	WaStr cls = str_from("message");
	WaArena arena;
	WaNode *ack;

	/* a retry receipt does not settle the message: the ack beside it does */
	if (!str_is(node_attr(receipt, "type"), "retry"))
	{
		(void) sim_queue_acked(conn->device, cls, node_attr(receipt, "id"), to);
		for (const WaNode *item = list == NULL ? NULL : node_child(list, "item"); item != NULL;
			 item = node_child_next(item, "item"))
			(void) sim_queue_acked(conn->device, cls, node_attr(item, "id"), to);
	}

	arena_init(&arena, sim.env, 8192);
	ack = node_new(&arena, "ack");
	node_set(ack, "class", "receipt");
	node_copy_attr(ack, "id", receipt, "id");
	node_copy_attr(ack, "from", receipt, "to");
	node_copy_attr(ack, "type", receipt, "type");
	node_copy_attr(ack, "participant", receipt, "participant");
	sim_server_send(conn, ack);
	arena_free(&arena);
	tell_person(conn, receipt);
	sim_history_receipt(conn->device, node_attr(receipt, "id"), node_attr(receipt, "type"));
	if (str_is(node_attr(receipt, "type"), "server-error"))
		sim_reupload_receipt(conn->device, receipt);
	forward_receipt(conn, receipt);
}

void
sim_relay_ack(SimConn *conn, const WaNode *ack)
{
	uint64_t error = 0;

	(void) sim_queue_acked(conn->device, node_attr(ack, "class"), node_attr(ack, "id"),
						   node_attr(ack, "to"));
	if (str_is(node_attr(ack, "class"), "message"))
	{
		(void) node_attr_u64(ack, "error", &error);
		sim_said_receipt(conn->device, sim_account_by_jid(author_jid(ack)), node_attr(ack, "id"),
						 str_from("ack"), (int) error);
	}
}
