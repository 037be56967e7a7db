/*
 * sim_fault.c
 *		Misbehaviour on demand.
 *
 * A fault is either a state that lasts until it is cleared or used up (it is
 * asked for by kind where it matters), or a blow that is dealt at once to the
 * connected clients, or at every login.  docs/simulator.md lists them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim_app.h"

static SimFault *faults;

static const char *const states[] = {
	"close_at",     "cert_defect",     "failure",  "refuse_version",
	"no_iq_answer", "silent",          "deaf",     "slow",
	"split",        "duplicate",       "reorder",  "drop",
	"passkey",      "pair_code_error", "iq_error", "peer_mac",
};

static const char *const blows[] = {
	"stream_error", "garbage",  "half_frame", "big_frame",    "deep_node",
	"bomb",         "bad_text", "cut",        "dirty_groups", "prekey_low",
};

static const char *const steps[] = {
	"accept", "prologue", "hello", "server_hello", "finish", "success", "active",
};

static const struct
{
	const char *name;
	CertDefect defect;
} defects[] = {
	{"bad_root_signature", CERT_BAD_ROOT_SIGNATURE},
	{"bad_leaf_signature", CERT_BAD_LEAF_SIGNATURE},
	{"other_key", CERT_OTHER_KEY},
	{"bad_issuer", CERT_BAD_ISSUER},
	{"expired", CERT_EXPIRED},
	{"truncated", CERT_TRUNCATED},
};

/* ---- states ---- */

static bool
applies(const SimFault *fault, const char *kind, const SimAccount *account)
{
	return fault->left != 0 && !fault->at_login && strcmp(fault->kind, kind) == 0 &&
		   (fault->account == NULL || fault->account == account);
}

static SimFault *
find(const char *kind, const SimAccount *account)
{
	SimFault *fault = faults;

	while (fault != NULL && !applies(fault, kind, account))
		fault = fault->next;
	return fault;
}

const SimFault *
sim_fault_peek(const char *kind, const SimAccount *account)
{
	return faults == NULL ? NULL : find(kind, account);
}

SimFault *
sim_fault_take(const char *kind, const SimAccount *account)
{
	SimFault *fault = faults == NULL ? NULL : find(kind, account);

	if (fault != NULL && fault->left > 0)
		fault->left--;
	return fault;
}

bool
sim_fault_happens(const char *kind, const SimAccount *account, bool *keep)
{
	SimFault *fault = faults == NULL ? NULL : find(kind, account);

	if (fault == NULL || (int) (sim_util_random() % 100) >= fault->percent)
		return false;
	if (fault->left > 0)
		fault->left--;
	*keep = fault->keep;
	return true;
}

bool
sim_fault_close_at(SimConn *conn, const char *step)
{
	const SimAccount *account = conn->device != NULL ? conn->device->account : NULL;
	SimFault *fault = faults;

	while (fault != NULL &&
		   (!applies(fault, "close_at", account) || strcmp(steps[fault->value], step) != 0))
		fault = fault->next;
	if (fault == NULL)
		return false;
	if (fault->left > 0)
		fault->left--;
	if (conn->state != SIM_CONN_CLOSING)
		sim_server_close(conn);
	return true;
}

int
sim_fault_iq_error(const SimAccount *account, WaStr xmlns)
{
	SimFault *fault = faults;

	/* text names the xmlns; empty: all */
	while (fault != NULL && (!applies(fault, "iq_error", account) ||
							 (fault->text[0] != '\0' && !str_is(xmlns, fault->text))))
		fault = fault->next;
	if (fault == NULL)
		return 0;
	if (fault->left > 0)
		fault->left--;
	return fault->code;
}

/* ---- blows ---- */

/* Bytes that claim to be a sealed frame. */
static void
send_garbage(SimConn *conn)
{
	uint8_t frame[3 + 200];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t) sim_util_random();
	frame[0] = frame[1] = 0;
	frame[2] = 200;
	sim_server_send_raw(conn, frame, sizeof(frame));
}

/* A header that promises more than comes before the end. */
static void
send_half_frame(SimConn *conn)
{
	const uint8_t frame[] = {0, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

	sim_server_send_raw(conn, frame, sizeof(frame));
	sim_server_close(conn);
}

/* A sound stanza of almost 16 MB. */
static void
send_big_frame(SimConn *conn)
{
	size_t len = WA_MAX_FRAME - 1024;
	uint8_t *bytes = sim_util_alloc(len);
	WaArena arena;
	WaNode *node;

	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	node = node_new(&arena, "ib");
	node_set_jid(node, "from", str_from("s.whatsapp.net"));
	node_set_bytes(node_add(node, "thread_metadata"), bytes, len);
	sim_server_send(conn, node);
	arena_free(&arena);
	free(bytes);
}

/* A thousand nodes, each the only child of the one before; written by hand. */
static void
send_deep_node(SimConn *conn, int depth)
{
	uint8_t *bytes = sim_util_alloc(1 + (size_t) depth * 7);
	uint8_t *at = bytes;

	*at++ = 0;
	for (int i = 0; i < depth; i++)
	{
		bool last = i + 1 == depth;

		/* LIST_8 of tag and content; the tag "x" is BINARY_8 */
		*at++ = 248;
		*at++ = last ? 1 : 2;
		*at++ = 252;
		*at++ = 1;
		*at++ = 'x';
		if (!last)
		{
			*at++ = 248;
			*at++ = 1;
		}
	}
	sim_server_send_encoded(conn, bytes, (size_t) (at - bytes));
	free(bytes);
}

/* Some kilobytes that inflate to 64 MB. */
static void
send_bomb(SimConn *conn)
{
	uLongf len = 1 << 20;
	uint8_t *packed = sim_util_alloc(len);
	size_t size = 64 << 20;
	uint8_t *plain = sim_util_alloc(size);
	uLongf packed_len = len - 1;

	if (compress2(packed + 1, &packed_len, plain, size, 9) == Z_OK)
	{
		packed[0] = 2;
		sim_server_send_encoded(conn, packed, packed_len + 1);
	}
	free(plain);
	free(packed);
}

/* A real change of subject, to a text no database takes as it is. */
static const char *
send_bad_text(SimConn *conn)
{
	static const char text[] = "bad \xff\xfe NUL \0 half \xe2\x82 end";
	SimAccount *account = conn->device->account;

	if (account->n_groups == 0)
		return "the account is in no group";
	(void) sim_group_subject(account->groups[0], NULL, (WaStr){text, sizeof(text) - 1});
	return NULL;
}

static void
send_dirty(SimConn *conn)
{
	WaArena arena;
	WaNode *ib;
	WaNode *dirty;

	arena_init(&arena, sim.env, 4096);
	ib = node_new(&arena, "ib");
	node_set_jid(ib, "from", str_from("s.whatsapp.net"));
	dirty = node_add(ib, "dirty");
	node_set(dirty, "type", "groups");
	node_set_u64(dirty, "timestamp", (uint64_t) sim_util_now());
	sim_server_send(conn, ib);
	arena_free(&arena);
}

static void
send_prekey_low(SimDevice *device, int count)
{
	WaArena arena;
	WaNode *notification;
	char id[24];

	/* the count is true: the rest is forgotten */
	if (sim_keys_left(device) > count)
		device->prekeys.first = device->prekeys.end - count;
	arena_init(&arena, sim.env, 4096);
	sim_notify_new_id(id);
	notification = node_new(&arena, "notification");
	node_set_jid(notification, "from", str_from("s.whatsapp.net"));
	node_set(notification, "type", "encrypt");
	node_set(notification, "id", id);
	node_set_u64(notification, "t", (uint64_t) sim_util_now());
	node_set_u64(node_add(notification, "count"), "value", (uint64_t) count);
	sim_queue_push_node(device, notification);
	arena_free(&arena);
}

static const char *
strike(SimConn *conn, const SimFault *fault)
{
	const char *kind = fault->kind;

	if (strcmp(kind, "stream_error") == 0)
	{
		char code[16];

		snprintf(code, sizeof(code), "%d", fault->code);
		sim_login_stream_error(conn, fault->code > 0 ? code : NULL,
							   fault->text[0] != '\0' ? fault->text : NULL);
	}
	else if (strcmp(kind, "garbage") == 0)
		send_garbage(conn);
	else if (strcmp(kind, "half_frame") == 0)
		send_half_frame(conn);
	else if (strcmp(kind, "big_frame") == 0)
		send_big_frame(conn);
	else if (strcmp(kind, "deep_node") == 0)
		send_deep_node(conn, fault->value > 0 ? fault->value : 1000);
	else if (strcmp(kind, "bomb") == 0)
		send_bomb(conn);
	else if (strcmp(kind, "cut") == 0)
		sim_server_abort(conn);
	else if (conn->device == NULL)
		return "no device is logged in there";
	else if (strcmp(kind, "bad_text") == 0)
		return send_bad_text(conn);
	else if (strcmp(kind, "dirty_groups") == 0)
	{
		conn->device->dirty_groups = true;
		send_dirty(conn);
	}
	else
		send_prekey_low(conn->device, fault->value);
	return NULL;
}

void
sim_fault_at_login(SimConn *conn)
{
	for (SimFault *fault = faults; fault != NULL; fault = fault->next)
	{
		if (!fault->at_login || fault->left == 0 ||
			(fault->account != NULL && fault->account != conn->device->account))
			continue;
		if (fault->left > 0)
			fault->left--;
		(void) strike(conn, fault);
		if (conn->state != SIM_CONN_ONLINE)
			return;
	}
}

/* ---- the channel ---- */

static bool
is_one_of(const char *text, const char *const *list, size_t n, int *index)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(text, list[i]) == 0)
		{
			*index = (int) i;
			return true;
		}
	}
	return false;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static long
number_of(json_t *request, const char *key, long otherwise)
{
	json_t *value = json_object_get(request, key);

	return json_is_integer(value) ? (long) json_integer_value(value) : otherwise;
}

static const char *
read_fault(json_t *request, SimFault *fault)
{
	const char *kind = json_string_value(json_object_get(request, "kind"));
	const char *number = json_string_value(json_object_get(request, "number"));
	const char *text = json_string_value(json_object_get(request, "text"));
	const char *word;
	int index;
	bool early;

	if (kind == NULL || strlen(kind) >= sizeof(fault->kind) ||
		(!is_one_of(kind, states, COUNT(states), &index) &&
		 !is_one_of(kind, blows, COUNT(blows), &index)))
		return "no such kind of fault";
	snprintf(fault->kind, sizeof(fault->kind), "%s", kind);
	if (number != NULL && (fault->account = sim_account_get(number)) == NULL)
		return "number is not digits";
	fault->left = (int) number_of(request, "times", -1);
	fault->at_login = json_is_true(json_object_get(request, "at_login"));
	fault->percent = (int) number_of(request, "percent", 100);
	fault->reason = (int) number_of(request, "reason", 503);
	fault->code = (int) number_of(request, "code", strcmp(kind, "pair_code_error") == 0 ? 429 : 0);
	fault->expire = number_of(request, "expire", 0);
	fault->keep = json_is_true(json_object_get(request, "keep"));
	if (text != NULL)
		snprintf(fault->text, sizeof(fault->text), "%s", text);
	fault->value = (int) number_of(request, "value", 0);

	early = strcmp(kind, "cert_defect") == 0 || strcmp(kind, "refuse_version") == 0;
	if (strcmp(kind, "close_at") == 0)
	{
		word = json_string_value(json_object_get(request, "step"));
		if (word == NULL || !is_one_of(word, steps, COUNT(steps), &fault->value))
			return "step must be accept, prologue, hello, server_hello, finish, success or active";
		early = fault->value <= 4;
	}
	else if (strcmp(kind, "cert_defect") == 0)
	{
		word = json_string_value(json_object_get(request, "defect"));
		for (size_t i = 0; i < COUNT(defects); i++)
		{
			if (word != NULL && strcmp(word, defects[i].name) == 0)
				fault->defect = defects[i].defect;
		}
		if (fault->defect == CERT_GOOD)
			return "no such defect";
	}
	else if (strcmp(kind, "iq_error") == 0)
	{
		word = json_string_value(json_object_get(request, "xmlns"));
		snprintf(fault->text, sizeof(fault->text), "%s", word != NULL ? word : "");
		if (fault->code == 0)
			fault->code = 500;
	}
	else if (strcmp(kind, "refuse_version") == 0)
		fault->value = (int) number_of(request, "below", INT32_MAX);
	else if (strcmp(kind, "slow") == 0)
		fault->value = (int) number_of(request, "bytes_per_second", 1000);
	else if (strcmp(kind, "prekey_low") == 0)
		fault->value = (int) number_of(request, "count", 3);
	else if (strcmp(kind, "stream_error") == 0)
	{
		word = json_string_value(json_object_get(request, "conflict"));
		snprintf(fault->text, sizeof(fault->text), "%s", word != NULL ? word : "");
		if (word == NULL && fault->code == 0)
			fault->code = 503;
	}
	if (early && fault->account != NULL)
		return "at that point the server does not know the number yet";
	return NULL;
}

const char *
sim_fault_add(json_t *request)
{
	SimFault fault = {0};
	const char *kind = json_string_value(json_object_get(request, "kind"));
	const char *error;
	int index;

	if (kind != NULL && strcmp(kind, "media") == 0)
		return sim_media_fault_add(request);
	if (kind != NULL && strcmp(kind, "app_state") == 0)
		return sim_app_iq_fault_add(request);
	error = read_fault(request, &fault);
	if (error != NULL)
		return error;
	if (is_one_of(fault.kind, states, COUNT(states), &index) || fault.at_login)
	{
		SimFault *kept = sim_util_alloc(sizeof(*kept));

		*kept = fault;
		kept->next = faults;
		faults = kept;
	}
	else
	{
		SimConn *next;
		int struck = 0;

		for (SimConn *conn = sim.conns; conn != NULL; conn = next)
		{
			next = conn->next;
			if (conn->state == SIM_CONN_CLOSING ||
				(fault.account != NULL &&
				 (conn->device == NULL || conn->device->account != fault.account)) ||
				(conn->state != SIM_CONN_ONLINE && strcmp(fault.kind, "cut") != 0))
				continue;
			error = strike(conn, &fault);
			if (error != NULL)
				return error;
			struck++;
		}
		if (fault.account != NULL && struck == 0 && strcmp(fault.kind, "dirty_groups") != 0)
			return "that number is not connected";
	}
	/* told at the next login, too, until it is cleaned */
	if (strcmp(fault.kind, "dirty_groups") == 0 && fault.account != NULL)
	{
		for (SimDevice *device = fault.account->devices; device != NULL; device = device->next)
			device->dirty_groups = true;
	}
	return NULL;
}

void
sim_fault_clear(const char *kind)
{
	SimFault **at = &faults;

	if (kind == NULL || strcmp(kind, "media") == 0)
		sim_media_fault_clear();
	if (kind == NULL || strcmp(kind, "app_state") == 0)
		sim_app_iq_fault_clear();
	while (*at != NULL)
	{
		SimFault *fault = *at;

		if (kind == NULL || strcmp(fault->kind, kind) == 0)
		{
			*at = fault->next;
			free(fault);
		}
		else
			at = &fault->next;
	}
	/* what was held back flows again */
	for (SimConn *conn = sim.conns; conn != NULL; conn = conn->next)
	{
		if (conn->active && conn->state == SIM_CONN_ONLINE)
			sim_queue_pump(conn);
	}
}

int
sim_fault_count(void)
{
	int n = sim_media_fault_count() + sim_app_iq_fault_count();

	for (const SimFault *fault = faults; fault != NULL; fault = fault->next)
		n += fault->left != 0;
	return n;
}
