/*
 * sim_say.c
 *		What a simulated person writes, on its way to the devices: sessions and
 *		sender keys, the stanza for each device, and again on demand.  Sheet 2
 *		sections 3.1, 4.7, 7.3 to 7.5.
 *
 * A group message is encrypted once.  Devices that have the sender key and no
 * part of their own share one encoded stanza.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_message.h"

#define MAX_MESSAGE (8 << 20)
#define MAX_RETRIES 5 /* of one device for one message */
#define SKDM 2        /* field of Message */

static const uint8_t nonsense[] = {0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x07, 0xC8};

/* ---- damage ---- */

static const char *const damage_names[N_SIM_DAMAGES] = {
	"sound", "mac", "no_skdm", "no_session", "garbage", "unavailable",
};

SimDamageKind
sim_say_damage(const char *name)
{
	SimDamageKind kind = SIM_BAD_MAC;

	while (kind < N_SIM_DAMAGES && strcmp(damage_names[kind], name) != 0)
		kind++;
	return kind;
}

const char *
sim_say_damage_name(SimDamageKind kind)
{
	return damage_names[kind];
}

/* What is wrong with the n-th copy for a device; the first is 0. */
static SimDamageKind
damage_for(const SimSaid *said, const SimDevice *device, int copy)
{
	const SimDamage *damage = said->damage;

	if (damage == NULL || copy >= damage->left)
		return SIM_SOUND;
	if (damage->n_devices == 0)
		return damage->kind;
	for (int i = 0; i < damage->n_devices; i++)
	{
		if (damage->devices[i] == device)
			return damage->kind;
	}
	return SIM_SOUND;
}

/* Flips bits at the end of what is authenticated. */
static void
spoil(WaBuf *bytes, SimCipher cipher)
{
	uint8_t *data = bytes->data + bytes->start;
	size_t len = buf_len(bytes);
	WaWireField message;

	if (cipher == SIM_PKMSG && wire_find(data + 1, len - 1, 4, WIRE_BYTES, &message))
		len = (size_t) (message.data - data) + message.len;
	data[len - 1] ^= 0x55;
}

/* ---- for one device ---- */

/* What goes into one <enc>. */
typedef struct Sealed
{
	WaBuf bytes;
	SimCipher cipher;
	bool ready;
} Sealed;

static void
seal_init(Sealed *sealed)
{
	buf_init(&sealed->bytes, sim.env, MAX_MESSAGE);
	sealed->ready = false;
}

static void
seal_free(Sealed *sealed)
{
	buf_free(&sealed->bytes);
	sealed->ready = false;
}

static bool
start_session(SimAccount *from, SimDevice *device)
{
	SimBundle bundle;

	return sim_keys_bundle(device, &bundle) && sim_signal_start(from, device, &bundle);
}

/* A message of a session that only its sender has. */
static bool
seal_without_session(Sealed *sealed, SimAccount *from, SimDevice *device, const void *plain,
					 size_t len)
{
	WaWireField message;
	uint8_t *inner;

	sim_signal_end(from, device);
	if (!start_session(from, device) ||
		!sim_signal_write(from, device, plain, len, &sealed->bytes, &sealed->cipher) ||
		!wire_find(buf_data(&sealed->bytes) + 1, buf_len(&sealed->bytes) - 1, 4, WIRE_BYTES,
				   &message))
		return false;
	inner = memcpy(sim_util_alloc(message.len), message.data, message.len);
	buf_truncate(&sealed->bytes, 0);
	(void) buf_append(&sealed->bytes, inner, message.len);
	free(inner);
	sealed->cipher = SIM_MSG;
	sim_signal_end(from, device);
	return true;
}

/* False: the device cannot be written to, it has no keys at the service. */
static bool
seal_for(Sealed *sealed, SimAccount *from, SimDevice *device, const void *plain, size_t len,
		 SimDamageKind damage)
{
	if (damage == SIM_GARBAGE)
	{
		plain = nonsense;
		len = sizeof(nonsense);
	}
	if (damage == SIM_NO_SESSION)
		sealed->ready = seal_without_session(sealed, from, device, plain, len);
	else
		sealed->ready = (sim_signal_knows(from, device) || start_session(from, device)) &&
						sim_signal_write(from, device, plain, len, &sealed->bytes, &sealed->cipher);
	if (sealed->ready && damage == SIM_BAD_MAC)
		spoil(&sealed->bytes, sealed->cipher);
	return sealed->ready;
}

/* ---- the stanza ---- */

static void
set_meta(WaNode *node, const SimEnvelope *envelope)
{
	const char *key;
	json_t *value;
	WaNode *meta;

	if (envelope->meta == NULL)
		return;
	meta = node_add(node, "meta");
	json_object_foreach(envelope->meta, key, value)
	{
		const char *text = json_string_value(value);

		if (text != NULL && strchr(text, '@') != NULL)
			node_set_jid(meta, key, str_from(text));
		else
			node_set(meta, key, text);
	}
}

/* <message> as that device sees it, without content. */
static WaNode *
head(WaArena *arena, const SimSaid *said, const SimDevice *device)
{
	WaNode *node = node_new(arena, "message");
	const SimAccount *from = said->from;
	bool lid = said->group != NULL ? said->group->lid : said->lid;
	char id[64];

	sim_said_id(said, id);
	node_set(node, "id", id);
	node_set(node, "type", said->envelope->type);
	node_set(node, "edit", said->envelope->edit);
	node_set_u64(node, "t", (uint64_t) (said->at_us / WA_SECOND));
	node_set(node, "notify", from->name);
	if (said->group != NULL)
	{
		node_set_jid(node, "from", sim_notify_group_jid(arena, said->group));
		node_set_jid(node, "participant", sim_account_jid(arena, from, lid));
		if (!lid || !from->hidden)
			node_set_jid(node, lid ? "participant_pn" : "participant_lid",
						 sim_account_jid(arena, from, !lid));
		node_set(node, "addressing_mode", lid ? "lid" : "pn");
	}
	else
	{
		node_set_jid(node, "from", sim_account_jid(arena, from, lid));
		if (device->account == from)
		{
			/* an own device sees what this account wrote */
			node_set_jid(node, "recipient", sim_account_jid(arena, said->to, lid));
			if (!lid || !said->to->hidden)
				node_set_jid(node, lid ? "peer_recipient_pn" : "peer_recipient_lid",
							 sim_account_jid(arena, said->to, !lid));
		}
		else if (!lid || !from->hidden)
			node_set_jid(node, lid ? "sender_pn" : "sender_lid",
						 sim_account_jid(arena, from, !lid));
	}
	set_meta(node, said->envelope);
	return node;
}

static void
add_enc(WaNode *node, const SimSaid *said, const Sealed *sealed, bool content, int count)
{
	WaNode *enc = node_add(node, "enc");

	node_set(enc, "v", "2");
	node_set(enc, "type", sim_signal_cipher_name(sealed->cipher));
	if (content)
		node_set(enc, "mediatype", said->envelope->mediatype);
	if (said->envelope->hide)
		node_set(enc, "decrypt-fail", "hide");
	if (count > 0)
		node_set_u64(enc, "count", (uint64_t) count);
	node_set_bytes(enc, buf_data(&sealed->bytes), buf_len(&sealed->bytes));
}

static void
push_unavailable(const SimSaid *said, SimDevice *device)
{
	WaArena arena;
	WaNode *node;

	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	node = head(&arena, said, device);
	node_set(node_add(node, "unavailable"), "type", "view_once");
	sim_queue_push_node(device, node);
	arena_free(&arena);
}

/* ---- groups ---- */

typedef struct GroupPost
{
	const SimSay *say;
	SimSaid *said;
	WaBuf key;        /* Message with the sender key in it */
	Sealed content;   /* for those whom no damage hits */
	Sealed other;     /* garbage or spoilt, for those whom it hits */
	SimStanza *plain; /* the content alone */
} GroupPost;

static bool
gets_it(const SimSay *say, const SimDevice *device)
{
	if (device->removed)
		return false;
	for (int i = 0; i < say->n_only; i++)
	{
		if (say->only[i] == device)
			return true;
	}
	return say->n_only == 0;
}

static void
put_key_message(WaBuf *out, SimAccount *from, const SimGroup *group)
{
	WaBuf key;

	buf_init(&key, sim.env, 4096);
	sim_signal_distribution(from, group, &key);
	(void) wire_put_bytes(out, SKDM, buf_data(&key), buf_len(&key));
	buf_free(&key);
}

static void
post_to_device(GroupPost *post, SimDevice *device)
{
	SimSaid *said = post->said;
	SimAccount *from = said->from;
	SimDamageKind damage = damage_for(said, device, 0);
	bool other = damage == SIM_BAD_MAC || damage == SIM_GARBAGE;
	Sealed part;
	WaArena arena;
	WaNode *node;

	if (damage == SIM_UNAVAILABLE)
	{
		push_unavailable(said, device);
		return;
	}
	seal_init(&part);
	if (damage != SIM_NO_SKDM && !sim_signal_has_key(from, said->group, device) &&
		seal_for(&part, from, device, buf_data(&post->key), buf_len(&post->key),
				 damage == SIM_NO_SESSION ? damage : SIM_SOUND) &&
		damage != SIM_NO_SESSION)
		sim_signal_gave_key(from, said->group, device);
	if (!part.ready && !other && post->plain != NULL)
		sim_queue_push(device, post->plain);
	else
	{
		arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
		node = head(&arena, said, device);
		if (part.ready)
			add_enc(node, said, &part, false, 0);
		add_enc(node, said, other ? &post->other : &post->content, true, 0);
		if (part.ready || other)
			sim_queue_push_node(device, node);
		else
		{
			post->plain = sim_queue_stanza(node);
			sim_queue_push(device, post->plain);
		}
		arena_free(&arena);
	}
	seal_free(&part);
}

static void
seal_group(Sealed *sealed, const SimSaid *said, const void *plain, size_t len)
{
	sim_signal_write_group(said->from, said->group, plain, len, &sealed->bytes);
	sealed->cipher = SIM_SKMSG;
	sealed->ready = true;
}

static void
post_to_group(const SimSay *say, SimSaid *said)
{
	const SimGroup *group = said->group;
	GroupPost post = {.say = say, .said = said};
	bool anybody = false;
	bool keyless = false;

	if (said->damage != NULL &&
		(said->damage->kind == SIM_NO_SKDM || said->damage->kind == SIM_NO_SESSION))
		sim_signal_rotate(said->from, group);
	for (int i = 0; i < group->n_members; i++)
	{
		for (SimDevice *device = group->members[i].account->devices; device != NULL;
			 device = device->next)
		{
			if (!gets_it(say, device))
				continue;
			anybody = true;
			keyless = keyless || !sim_signal_has_key(said->from, group, device);
		}
	}
	if (!anybody)
		return;

	buf_init(&post.key, sim.env, 8192);
	seal_init(&post.content);
	seal_init(&post.other);
	/* the key first: it shows the chain as it is before this message */
	if (keyless)
		put_key_message(&post.key, said->from, group);
	seal_group(&post.content, said, said->message, said->len);
	if (said->damage != NULL && said->damage->kind == SIM_GARBAGE)
		seal_group(&post.other, said, nonsense, sizeof(nonsense));
	else if (said->damage != NULL && said->damage->kind == SIM_BAD_MAC)
	{
		(void) buf_append(&post.other.bytes, buf_data(&post.content.bytes),
						  buf_len(&post.content.bytes));
		post.other.cipher = SIM_SKMSG;
		spoil(&post.other.bytes, SIM_SKMSG);
	}
	for (int i = 0; i < group->n_members; i++)
	{
		for (SimDevice *device = group->members[i].account->devices; device != NULL;
			 device = device->next)
		{
			if (gets_it(say, device))
				post_to_device(&post, device);
		}
	}
	sim_queue_release(post.plain);
	seal_free(&post.content);
	seal_free(&post.other);
	buf_free(&post.key);
}

/* ---- one device: direct messages and repetitions ---- */

/* The content as that device gets it by itself. */
static void
put_direct(WaBuf *out, const SimSaid *said, const SimDevice *device)
{
	char jid[64];

	if (said->group != NULL || device->account != said->from)
	{
		(void) buf_append(out, said->message, said->len);
		return;
	}
	snprintf(jid, sizeof(jid), "%s@%s", said->lid ? said->to->lid : said->to->number,
			 said->lid ? "lid" : "s.whatsapp.net");
	sim_compose_sent(out, jid, said->message, said->len);
}

static void
post_direct(SimSaid *said, SimDevice *device, int count)
{
	SimDamageKind damage = damage_for(said, device, count);
	WaBuf plain;
	Sealed sealed;
	WaArena arena;
	WaNode *node;

	if (damage == SIM_UNAVAILABLE && count == 0)
	{
		push_unavailable(said, device);
		return;
	}
	buf_init(&plain, sim.env, MAX_MESSAGE);
	seal_init(&sealed);
	put_direct(&plain, said, device);
	/* a group's device needs the key for what comes next, too */
	if (said->group != NULL && damage != SIM_NO_SKDM)
		put_key_message(&plain, said->from, said->group);
	if (seal_for(&sealed, said->from, device, buf_data(&plain), buf_len(&plain), damage))
	{
		if (said->group != NULL && damage == SIM_SOUND)
			sim_signal_gave_key(said->from, said->group, device);
		arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
		node = head(&arena, said, device);
		add_enc(node, said, &sealed, true, count);
		sim_queue_push_node(device, node);
		arena_free(&arena);
	}
	seal_free(&sealed);
	buf_free(&plain);
}

static void
post_to_person(const SimSay *say, SimSaid *said)
{
	SimAccount *const accounts[] = {said->to, said->from};

	for (int i = 0; i < (said->to == said->from ? 1 : 2); i++)
	{
		for (SimDevice *device = accounts[i]->devices; device != NULL; device = device->next)
		{
			if (gets_it(say, device))
				post_direct(said, device, 0);
		}
	}
}

/* ---- saying ---- */

const char *
sim_say(const SimSay *say, SimSaid **out)
{
	SimSaid *said;

	if (say->group != NULL && sim_group_member(say->group, say->from) == NULL)
		return "not a member";
	if (say->group != NULL && say->group->announce && !sim_group_is_admin(say->group, say->from))
		return "only admins may write there";
	said = sim_said_add(say->id);
	said->from = say->from;
	said->group = say->group;
	said->to = say->to;
	said->at_us = sim_util_now_us();
	said->target = say->target == NULL ? -1 : say->target->place;
	said->envelope = say->envelope;
	said->damage = say->damage;
	said->message = memcpy(sim_util_alloc(say->len), say->message, say->len);
	said->len = (uint32_t) say->len;
	said->lid = say->lid;
	if (said->group != NULL)
		post_to_group(say, said);
	else
		post_to_person(say, said);
	sim_said_trim();
	*out = said;
	return NULL;
}

/* ---- again ---- */

/* How often that device has asked for it. */
static int
times_asked(const SimSaid *said, const SimDevice *device)
{
	for (const SimReceipt *receipt = said->receipts; receipt != NULL; receipt = receipt->next)
	{
		if (receipt->device == device && strcmp(receipt->type, "retry") == 0)
			return receipt->count;
	}
	return 0;
}

static bool
may_have(const SimSaid *said, const SimDevice *device)
{
	if (said->group != NULL)
		return sim_group_member(said->group, device->account) != NULL;
	return device->account == said->to || device->account == said->from;
}

void
sim_say_renew(SimDevice *device, SimAccount *from, const WaNode *receipt)
{
	const WaNode *keys = node_child(receipt, "keys");
	const WaNode *registration = node_child(receipt, "registration");
	uint32_t id = 0;
	SimBundle bundle;

	for (size_t i = 0; registration != NULL && i < registration->bytes.len && i < 4; i++)
		id = id << 8 | (uint8_t) registration->bytes.data[i];
	if (keys != NULL && sim_keys_read(keys, &bundle))
	{
		bundle.registration_id = id;
		(void) sim_signal_start(from, device, &bundle);
	}
	else if (sim_signal_knows(from, device) && sim_signal_registration(from, device) != id)
		sim_signal_end(from, device);
}

void
sim_say_retry(SimDevice *device, SimAccount *from, const WaNode *receipt)
{
	const WaNode *retry = node_child(receipt, "retry");
	SimSaid *said = sim_said_find(node_attr(receipt, "id"), from);
	uint64_t count = 1;

	/* the receipt itself was noted before */
	if (from->deaf_to_retries || said == NULL || said->hashed || !may_have(said, device) ||
		times_asked(said, device) > MAX_RETRIES)
		return;
	if (node_attr_u64(retry, "count", &count) && count > MAX_RETRIES)
		return;
	sim_say_renew(device, from, receipt);
	post_direct(said, device, (int) count);
}

/* ---- new keys ---- */

static bool
shares_group(const SimAccount *a, const SimAccount *b)
{
	for (int i = 0; i < a->n_groups; i++)
	{
		if (sim_group_member(a->groups[i], b) != NULL)
			return true;
	}
	return false;
}

void
sim_say_reinstall(SimAccount *account, bool keep)
{
	WaArena arena;
	WaNode *node;
	SimStanza *stanza;
	char id[24];

	arena_init(&arena, sim.env, 4096);
	node = node_new(&arena, "notification");
	sim_notify_new_id(id);
	node_set_jid(node, "from", sim_account_jid(&arena, account, account->hidden));
	if (!account->hidden)
		node_set_jid(node, "lid", sim_account_jid(&arena, account, true));
	node_set(node, "type", "encrypt");
	node_set(node, "id", id);
	node_set_u64(node, "t", (uint64_t) sim_util_now());
	node_add(node, "identity");
	stanza = sim_queue_stanza(node);
	for (SimAccount *other = sim.accounts; other != NULL; other = other->next)
	{
		bool near = other != account && other->devices != NULL && shares_group(account, other);

		for (SimDevice *device = other->devices; device != NULL; device = device->next)
		{
			if (other != account && (near || sim_signal_knows(account, device)))
				sim_queue_push(device, stanza);
		}
	}
	sim_queue_release(stanza);
	arena_free(&arena);

	for (SimDevice *device = account->devices; device != NULL && !keep; device = device->next)
	{
		if (!device->removed)
			sim_account_remove_device(device, true);
	}
	sim_signal_forget(account);
	sim_account_new_keys(account);
}
