/*
 * sim_hear.c
 *		What real clients write to phones: decrypted, kept for tests to look at,
 *		and answered where a phone answers.  Sheet 2 sections 3.4, 4.6 and 4.8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_app.h"
#include "sim_message.h"
#include "sim_peer.h"

#define MAX_MESSAGE (8 << 20)
#define MAX_RETRIES 5
#define PAGE 1000
#define LATE 256 /* messages among which one is looked for that comes again */

/* Fields of Message, and what a request to the phone is made of. */
#define SKDM 2
#define PROTOCOL 12
#define DEVICE_SENT 31
#define CONTEXT_INFO 35
#define PEER_REQUEST 16  /* ProtocolMessage.type, and its field */
#define PEER_RESPONSE 17 /* the same of the answer */
#define PLACEHOLDER_RESEND 4
#define KEY_REQUEST 7 /* ProtocolMessage.type; its field is the next number */

typedef struct Heard
{
	char id[64];
	const SimDevice *device; /* that wrote it */
	SimGroup *group;         /* NULL: direct */
	SimAccount *to;          /* of a direct message */
	int64_t at_us;
	int64_t t; /* as the stanza has it */
	SimCipher cipher;
	uint8_t *message;
	size_t len;
	int error; /* libsignal's; there is no message then */
	int asked; /* retry receipts sent for it */
	bool peer; /* a request of an own companion */
	bool answered;
} Heard;

struct SimHeard
{
	Heard *items;
	int n;
	int capacity;
	int settled; /* before it no request waits for an answer */
};

/* A stanza on its way to phones. */
typedef struct Hearing
{
	SimDevice *device;
	const WaNode *message;
	SimGroup *group;
	SimAccount *to;
	int64_t t;
} Hearing;

/* ---- keeping ---- */

/* The latest with this id; of one device only among the last that were heard. */
static Heard *
find(const SimAccount *account, WaStr id, const SimDevice *device)
{
	const SimHeard *all = account->heard;
	int first = all == NULL || device == NULL || all->n < LATE ? 0 : all->n - LATE;

	for (int i = all == NULL ? 0 : all->n; i-- > first;)
	{
		if (str_is(id, all->items[i].id) && (device == NULL || all->items[i].device == device))
			return &all->items[i];
	}
	return NULL;
}

/* The entry of this stanza; what could not be read before is read now. */
static Heard *
entry_for(SimAccount *account, const Hearing *hearing)
{
	WaStr id = node_attr(hearing->message, "id");
	Heard *heard = find(account, id, hearing->device);
	SimHeard *all = account->heard;

	if (heard != NULL && heard->error != 0)
		return heard;
	if (all == NULL)
		all = account->heard = sim_util_alloc(sizeof(*all));
	if (all->n == all->capacity)
	{
		all->capacity = all->capacity * 2 + 16;
		all->items = sim_util_grow(all->items, (size_t) all->capacity * sizeof(*all->items));
	}
	heard = &all->items[all->n++];
	memset(heard, 0, sizeof(*heard));
	snprintf(heard->id, sizeof(heard->id), "%.*s", id.len > 63 ? 63 : (int) id.len,
			 id.len > 0 ? id.data : "");
	heard->device = hearing->device;
	heard->group = hearing->group;
	heard->to = hearing->to;
	heard->t = hearing->t;
	heard->peer = str_is(node_attr(hearing->message, "category"), "peer");
	return heard;
}

/* Is there more in it than a sender key? */
static bool
has_content(const uint8_t *data, size_t len)
{
	WaWire wire;
	WaWireField field;

	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
	{
		if (field.number != SKDM && field.number != CONTEXT_INFO)
			return true;
	}
	return wire.bad;
}

static void
keep(SimAccount *account, const Hearing *hearing, SimCipher cipher, const WaBuf *plain)
{
	const uint8_t *data = buf_data(plain);
	size_t len = buf_len(plain);
	WaWireField sent;
	WaWireField inner;
	Heard *heard;

	if (wire_find(data, len, DEVICE_SENT, WIRE_BYTES, &sent) &&
		wire_find(sent.data, sent.len, 2, WIRE_BYTES, &inner))
	{
		data = inner.data;
		len = inner.len;
	}
	if (!has_content(data, len))
		return;
	heard = entry_for(account, hearing);
	heard->at_us = sim_util_now_us();
	heard->cipher = cipher;
	heard->error = 0;
	heard->message = memcpy(sim_util_alloc(len), data, len);
	heard->len = len;
}

/* ---- what a phone answers ---- */

static WaNode *
answer_head(WaArena *arena, const SimAccount *account, const Hearing *hearing)
{
	WaNode *node = node_new(arena, "receipt");
	WaJid to;
	bool lid;

	node_copy_attr(node, "id", hearing->message, "id");
	if (hearing->group != NULL)
	{
		node_set_jid(node, "from", sim_notify_group_jid(arena, hearing->group));
		node_set_jid(node, "participant", sim_account_jid(arena, account, hearing->group->lid));
	}
	else
	{
		lid = jid_parse(node_attr(hearing->message, "to"), &to) == WA_OK && to.server == JID_LID;
		node_set_jid(node, "from", sim_account_jid(arena, account, lid));
	}
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	return node;
}

static void
send_receipt(const SimAccount *account, const Hearing *hearing)
{
	WaArena arena;
	WaNode *node;

	if (account->receipts == SIM_NO_RECEIPTS || account == hearing->device->account)
		return;
	arena_init(&arena, sim.env, 16384);
	node = answer_head(&arena, account, hearing);
	sim_queue_push_node(hearing->device, node);
	if (account->receipts == SIM_READ_RECEIPTS)
	{
		node_set(node, "type", "read");
		sim_queue_push_node(hearing->device, node);
	}
	arena_free(&arena);
}

/* Asks the device to write it again, with keys for a new session. */
static void
ask_again(SimAccount *account, const Hearing *hearing, SimCipher cipher, int error)
{
	Heard *heard = entry_for(account, hearing);
	WaArena arena;
	WaNode *node;
	WaNode *retry;

	heard->at_us = sim_util_now_us();
	heard->cipher = cipher;
	heard->error = error;
	if (++heard->asked > MAX_RETRIES)
		return;
	arena_init(&arena, sim.env, 16384);
	node = answer_head(&arena, account, hearing);
	node_set(node, "type", "retry");
	retry = node_add(node, "retry");
	node_set(retry, "v", "1");
	node_set_u64(retry, "count", (uint64_t) heard->asked);
	node_copy_attr(retry, "id", hearing->message, "id");
	node_set_u64(retry, "t", (uint64_t) hearing->t);
	sim_keys_add_phone(node, account);
	sim_queue_push_node(hearing->device, node);
	arena_free(&arena);
}

/* ---- hearing ---- */

/* Reads one <enc>; a sender key in it is learnt.  False: it could not be read. */
static bool
read_enc(SimAccount *account, const Hearing *hearing, const WaNode *enc, bool ask)
{
	WaWireField key;
	SimCipher cipher;
	WaBuf plain;
	int rc;

	if (!sim_signal_cipher_from(node_attr(enc, "type"), &cipher) ||
		(cipher == SIM_SKMSG && hearing->group == NULL))
		return true;
	buf_init(&plain, sim.env, MAX_MESSAGE);
	if (cipher == SIM_SKMSG)
		rc = sim_signal_read_group(account, hearing->group, hearing->device, enc->bytes.data,
								   enc->bytes.len, &plain);
	else
		rc = sim_signal_read(account, hearing->device, cipher, enc->bytes.data, enc->bytes.len,
							 &plain);
	if (rc == 0)
	{
		if (hearing->group != NULL &&
			wire_find(buf_data(&plain), buf_len(&plain), SKDM, WIRE_BYTES, &key))
			(void) sim_signal_learn_key(account, hearing->group, hearing->device, key.data,
										key.len);
		keep(account, hearing, cipher, &plain);
	}
	else if (ask)
		ask_again(account, hearing, cipher, rc);
	buf_free(&plain);
	return rc == 0;
}

static bool
read_encs(SimAccount *account, const Hearing *hearing, const WaNode *from)
{
	bool ok = true;

	for (const WaNode *enc = node_child(from, "enc"); enc != NULL && ok;
		 enc = node_child_next(enc, "enc"))
		ok = read_enc(account, hearing, enc, true);
	return ok;
}

/* The account whose phone that JID names, NULL: another device, or nobody. */
static SimAccount *
phone_of(WaStr text)
{
	WaJid jid;

	return jid_parse(text, &jid) == WA_OK && jid.device == 0 ? sim_account_by_jid(text) : NULL;
}

static void
after_reading(SimAccount *account, const Hearing *hearing)
{
	const Heard *heard = find(account, node_attr(hearing->message, "id"), hearing->device);

	if (heard == NULL || heard->error != 0)
		return;
	if (heard->peer)
		sim_hear_answer(account);
	else
		send_receipt(account, hearing);
}

static void
hear_one(SimAccount *account, const Hearing *hearing, const WaNode *from)
{
	if (account != NULL && read_encs(account, hearing, from))
		after_reading(account, hearing);
}

/* The content goes to every phone that has the sender's key. */
static void
hear_group(const Hearing *hearing)
{
	const WaNode *participants = node_child(hearing->message, "participants");
	const WaNode *content = node_child(hearing->message, "enc");
	const SimGroup *group = hearing->group;

	for (const WaNode *to = node_child(participants, "to"); to != NULL;
		 to = node_child_next(to, "to"))
	{
		SimAccount *account = phone_of(node_attr(to, "jid"));

		/* what this does not tell is told by what cannot be read after it */
		if (account != NULL)
			(void) read_encs(account, hearing, to);
	}
	for (int i = 0; i < group->n_members && content != NULL; i++)
	{
		SimAccount *account = group->members[i].account;
		const Heard *heard = find(account, node_attr(hearing->message, "id"), hearing->device);

		/* asked for already, as a whole */
		if ((heard != NULL && heard->error != 0) ||
			!sim_signal_knows_key(account, group, hearing->device))
			continue;
		hear_one(account, hearing, hearing->message);
	}
}

void
sim_hear_message(SimDevice *device, const WaNode *message, SimGroup *group, SimAccount *to,
				 int64_t t)
{
	const Hearing hearing = {device, message, group, to, t};
	const WaNode *participants = node_child(message, "participants");
	WaStr only = node_attr(message, "participant");

	if (group != NULL && only.len > 0)
		hear_one(phone_of(only), &hearing, message);
	else if (group != NULL)
		hear_group(&hearing);
	else if (participants == NULL)
		hear_one(phone_of(node_attr(message, "to")), &hearing, message);
	else
	{
		for (const WaNode *part = node_child(participants, "to"); part != NULL;
			 part = node_child_next(part, "to"))
		{
			SimAccount *account = phone_of(node_attr(part, "jid"));

			if (account == to || account == device->account)
				hear_one(account, &hearing, part);
		}
	}
}

/* ---- requests of companions (peer data operations) ---- */

static void
put(WaBuf *out, uint32_t field, const void *data, size_t len)
{
	(void) wire_put_bytes(out, field, data, len);
}

/* The address that phones use among themselves: the number, unless it is hidden. */
static void
put_person(WaBuf *out, uint32_t field, const SimAccount *account)
{
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@%s", account->hidden ? account->lid : account->number,
			 account->hidden ? "lid" : "s.whatsapp.net");
	put(out, field, jid, strlen(jid));
}

typedef struct Copy
{
	const SimAccount *from;
	const SimGroup *group;
	const SimAccount *to;
	int64_t t;
	const uint8_t *message;
	size_t len;
} Copy;

/* What the phone has under that id: what simulated people said, and what it heard. */
static bool
find_copy(const SimAccount *account, WaStr id, Copy *out)
{
	const SimSaid *said = sim_said_find(id, NULL);
	const Heard *heard;

	for (; said != NULL; said = sim_said_at(said->same))
	{
		if (!said->hashed && (said->group != NULL ? sim_group_member(said->group, account) != NULL
												  : said->to == account || said->from == account))
		{
			*out = (Copy){said->from,    said->group, said->to, said->at_us / WA_SECOND,
						  said->message, said->len};
			return true;
		}
	}
	heard = find(account, id, NULL);
	if (heard == NULL || heard->message == NULL)
		return false;
	*out = (Copy){heard->device->account, heard->group, heard->to, heard->t,
				  heard->message,         heard->len};
	return true;
}

WaStr
sim_hear_copy(const SimAccount *account, WaStr id)
{
	Copy copy;

	if (!find_copy(account, id, &copy))
		return WA_STR_NONE;
	return (WaStr){(const char *) copy.message, copy.len};
}

/* A WebMessageInfo, as the field that answers one key of the request. */
static void
put_result(WaBuf *out, const SimAccount *account, WaStr id)
{
	WaBuf info;
	WaBuf key;
	WaBuf response;
	WaBuf result;
	Copy copy;
	char jid[64];

	buf_init(&info, sim.env, MAX_MESSAGE);
	buf_init(&key, sim.env, 4096);
	buf_init(&response, sim.env, MAX_MESSAGE);
	buf_init(&result, sim.env, MAX_MESSAGE);
	/* without bytes: the phone has no copy */
	if (find_copy(account, id, &copy))
	{
		bool from_me = copy.from == account;

		if (copy.group != NULL)
		{
			snprintf(jid, sizeof(jid), "%s@g.us", copy.group->id);
			put(&key, 1, jid, strlen(jid));
		}
		else
			put_person(&key, 1, from_me ? copy.to : copy.from);
		(void) wire_put_varint(&key, 2, from_me);
		put(&key, 3, id.data, id.len);
		if (copy.group != NULL)
			put_person(&key, 4, copy.from);
		put(&info, 1, buf_data(&key), buf_len(&key));
		put(&info, 2, copy.message, copy.len);
		(void) wire_put_varint(&info, 3, (uint64_t) copy.t);
		if (copy.group != NULL)
			put_person(&info, 5, copy.from);
		put(&info, 19, copy.from->name, strlen(copy.from->name));
		put(&response, 1, buf_data(&info), buf_len(&info));
	}
	put(&result, 4, buf_data(&response), buf_len(&response));
	put(out, 3, buf_data(&result), buf_len(&result));
	buf_free(&result);
	buf_free(&response);
	buf_free(&key);
	buf_free(&info);
}

/* Answers a request for messages; others are not answered. */
static void
answer_request(SimAccount *account, const Heard *heard)
{
	SimDevice *device = sim_account_device(account, heard->device->id);
	WaWireField protocol;
	WaWireField field;
	WaWireField request;
	WaWireField key;
	WaWire wire;
	WaBuf response;
	WaBuf answer;
	WaBuf message;

	if (device == NULL || !wire_find(heard->message, heard->len, PROTOCOL, WIRE_BYTES, &protocol) ||
		!wire_find(protocol.data, protocol.len, 2, WIRE_VARINT, &field))
		return;
	if (field.value == KEY_REQUEST &&
		wire_find(protocol.data, protocol.len, KEY_REQUEST + 1, WIRE_BYTES, &request))
	{
		sim_app_share(device, (WaStr){(const char *) request.data, request.len});
		return;
	}
	if (field.value != PEER_REQUEST ||
		!wire_find(protocol.data, protocol.len, PEER_REQUEST, WIRE_BYTES, &request) ||
		!wire_find(request.data, request.len, 1, WIRE_VARINT, &field) ||
		field.value != PLACEHOLDER_RESEND)
		return;
	buf_init(&response, sim.env, MAX_MESSAGE);
	buf_init(&answer, sim.env, MAX_MESSAGE);
	buf_init(&message, sim.env, MAX_MESSAGE);
	(void) wire_put_varint(&response, 1, PLACEHOLDER_RESEND);
	put(&response, 2, heard->id, strlen(heard->id));
	wire_init(&wire, request.data, request.len);
	while (wire_next(&wire, &field))
	{
		if (field.number == 5 && field.type == WIRE_BYTES &&
			wire_find(field.data, field.len, 1, WIRE_BYTES, &key) &&
			wire_find(key.data, key.len, 3, WIRE_BYTES, &key))
			put_result(&response, account, (WaStr){(const char *) key.data, key.len});
	}
	(void) wire_put_varint(&answer, 2, PEER_RESPONSE);
	put(&answer, PEER_RESPONSE, buf_data(&response), buf_len(&response));
	put(&message, PROTOCOL, buf_data(&answer), buf_len(&answer));
	(void) sim_peer_send(device, buf_data(&message), buf_len(&message), NULL);
	buf_free(&message);
	buf_free(&answer);
	buf_free(&response);
}

void
sim_hear_answer(SimAccount *account)
{
	SimHeard *all = account->heard;

	for (int i = all == NULL ? 0 : all->settled; all != NULL && i < all->n && !account->offline;
		 i++)
	{
		Heard *heard = &all->items[i];

		if (heard->peer && !heard->answered && heard->message != NULL)
		{
			heard->answered = true;
			answer_request(account, heard);
		}
		if (i == all->settled && (!heard->peer || heard->answered))
			all->settled++;
	}
}

/* ---- looking ---- */

static json_t *
heard_json(const Heard *heard)
{
	json_t *object = json_object();
	SimEnvelope envelope;
	char chat[64];

	json_object_set_new(object, "id", json_string(heard->id));
	sim_said_set_person(object, "from", heard->device->account);
	json_object_set_new(object, "device", json_integer(heard->device->id));
	if (heard->group != NULL)
		snprintf(chat, sizeof(chat), "%s@g.us", heard->group->id);
	else
		snprintf(chat, sizeof(chat), "%s@s.whatsapp.net", heard->to->number);
	json_object_set_new(object, "chat", json_string(chat));
	json_object_set_new(object, "at", json_real((double) heard->at_us / 1e6));
	json_object_set_new(object, "t", json_integer(heard->t));
	json_object_set_new(object, "type", json_string(sim_signal_cipher_name(heard->cipher)));
	if (heard->peer)
		json_object_set_new(object, "peer", json_true());
	if (heard->asked > 0)
		json_object_set_new(object, "asked", json_integer(heard->asked));
	if (heard->error != 0)
		json_object_set_new(object, "error", json_integer(heard->error));
	else
	{
		sim_compose_classify(heard->message, heard->len, &envelope);
		json_object_set_new(object, "kind", json_string(envelope.kind));
		sim_said_set_content(object, heard->message, heard->len);
	}
	return object;
}

void
sim_hear_page(const SimAccount *account, int after, json_t *out)
{
	json_t *list = json_array();
	int n = account->heard == NULL ? 0 : account->heard->n;
	int i = after + 1;

	for (; i < n && i <= after + PAGE; i++)
		json_array_append_new(list, heard_json(&account->heard->items[i]));
	json_object_set_new(out, "heard", list);
	json_object_set_new(out, "next", i < n ? json_integer(i - 1) : json_null());
	json_object_set_new(out, "total", json_integer(n));
}
