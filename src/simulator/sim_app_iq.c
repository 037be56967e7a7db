/*
 * sim_app_iq.c
 *		The query for app state: snapshots, patches and uploads of collections,
 *		and what may go wrong with them.  Sheet 2 section 8.2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_app.h"
#include "sim_wire.h"

typedef struct Fault
{
	struct Fault *next;
	char effect[16];
	char collection[24]; /* "" any */
	SimAccount *account; /* NULL any */
	int code;
	int left; /* uses left, -1 unlimited */
} Fault;

static Fault *faults;

/* ---- faults ---- */

static const Fault *
take_fault(const char *effect, const SimAccount *account, const char *collection)
{
	for (Fault *fault = faults; fault != NULL; fault = fault->next)
	{
		if (fault->left == 0 || strcmp(fault->effect, effect) != 0 ||
			(fault->account != NULL && fault->account != account) ||
			(fault->collection[0] != '\0' && strcmp(fault->collection, collection) != 0))
			continue;
		if (fault->left > 0)
			fault->left--;
		return fault;
	}
	return NULL;
}

const char *
sim_app_iq_fault_add(json_t *request)
{
	static const char *const effects[] = {
		"error", "patch_mac", "snapshot_mac", "value_mac", "lost_patch", "no_snapshot",
	};
	const char *effect = json_string_value(json_object_get(request, "effect"));
	const char *collection = json_string_value(json_object_get(request, "collection"));
	const char *number = json_string_value(json_object_get(request, "number"));
	json_t *times = json_object_get(request, "times");
	json_t *code = json_object_get(request, "code");
	Fault *fault;
	size_t i = 0;

	while (i < sizeof(effects) / sizeof(effects[0]) &&
		   (effect == NULL || strcmp(effects[i], effect) != 0))
		i++;
	if (i == sizeof(effects) / sizeof(effects[0]))
		return "effect must be error, patch_mac, snapshot_mac, value_mac, lost_patch or "
			   "no_snapshot";
	fault = sim_util_alloc(sizeof(*fault));
	snprintf(fault->effect, sizeof(fault->effect), "%s", effect);
	snprintf(fault->collection, sizeof(fault->collection), "%s",
			 collection != NULL ? collection : "");
	if (number != NULL && (fault->account = sim_account_get(number)) == NULL)
	{
		free(fault);
		return "number is not digits";
	}
	fault->code = json_is_integer(code) ? (int) json_integer_value(code) : 500;
	fault->left = json_is_integer(times) ? (int) json_integer_value(times) : -1;
	fault->next = faults;
	faults = fault;
	return NULL;
}

void
sim_app_iq_fault_clear(void)
{
	while (faults != NULL)
	{
		Fault *fault = faults;

		faults = fault->next;
		free(fault);
	}
}

int
sim_app_iq_fault_count(void)
{
	int n = 0;

	for (const Fault *fault = faults; fault != NULL; fault = fault->next)
		n += fault->left != 0;
	return n;
}

/* Flips a bit of the last byte of a field, found by the numbers of fields on the way to it. */
static void
spoil(uint8_t *data, size_t len, const uint32_t *path, int depth)
{
	WaWireField field;

	for (int i = 0; i < depth; i++)
	{
		if (!wire_find(data, len, path[i], WIRE_BYTES, &field) || field.len == 0)
			return;
		data += field.data - data;
		len = field.len;
	}
	data[len - 1] ^= 1;
}

/* ---- answers ---- */

static void
put_error(WaNode *collection, int code)
{
	WaNode *error = node_add(collection, "error");

	node_set(collection, "type", "error");
	node_set_u64(error, "code", (uint64_t) code);
	node_set(error, "text", sim_iq_error_text(code));
}

static void
put_patch(WaNode *patches, const SimAccount *account, const SimAppCollection *collection,
		  uint64_t version)
{
	static const uint32_t snapshot_mac[] = {4};
	static const uint32_t patch_mac[] = {5};
	static const uint32_t value_mac[] = {2, 2, 2, 1};
	const WaBuf *patch = &collection->patches[version - 1];
	size_t len = buf_len(patch);
	uint8_t *bytes = sim_util_alloc(len);

	memcpy(bytes, buf_data(patch), len);
	if (take_fault("snapshot_mac", account, collection->name) != NULL)
		spoil(bytes, len, snapshot_mac, 1);
	if (take_fault("patch_mac", account, collection->name) != NULL)
		spoil(bytes, len, patch_mac, 1);
	if (take_fault("value_mac", account, collection->name) != NULL)
		spoil(bytes, len, value_mac, 4);
	node_set_bytes(node_add(patches, "patch"), bytes, len);
	free(bytes);
}

/* The patches that make more of a version, as many as one answer holds. */
static uint64_t
put_patches(WaNode *answer, const SimAccount *account, const SimAppCollection *collection,
			uint64_t version)
{
	WaNode *patches = node_add(answer, "patches");
	int room = sim.options.app_state_page;

	for (; version < collection->version && room > 0; room--)
	{
		version++;
		if (take_fault("lost_patch", account, collection->name) == NULL)
			put_patch(patches, account, collection, version);
	}
	if (version < collection->version)
		node_set(answer, "has_more_patches", "true");
	return version;
}

static void
put_snapshot(WaNode *answer, SimAppState *state, const SimAccount *account,
			 SimAppCollection *collection)
{
	WaBuf reference;

	sim_wire_begin(&reference);
	sim_app_snapshot(state, collection, &reference);
	if (take_fault("no_snapshot", account, collection->name) != NULL &&
		collection->snapshot != NULL)
	{
		/* this one is gone, the next one is a new one */
		collection->snapshot->gone = 404;
		collection->snapshot = NULL;
	}
	node_set_bytes(node_add(answer, "snapshot"), buf_data(&reference), buf_len(&reference));
	buf_free(&reference);
}

static void
answer_query(WaNode *answer, SimAppState *state, const SimAccount *account,
			 SimAppCollection *collection, uint64_t version, bool whole)
{
	state->queries++;
	if (version > collection->version)
	{
		put_error(answer, 400);
		return;
	}
	if (whole && collection->version > 0)
	{
		put_snapshot(answer, state, account, collection);
		version = collection->version;
	}
	else if (version < collection->version)
		version = put_patches(answer, account, collection, version);
	node_set_u64(answer, "version", version);
	node_set(answer, "type", "result");
}

static void
answer_upload(WaNode *answer, SimAppState *state, SimDevice *device, SimAppCollection *collection,
			  uint64_t version, const WaNode *patch)
{
	if (version != collection->version)
	{
		state->conflicts++;
		put_error(answer, 409);
		(void) put_patches(answer, device->account, collection, version);
	}
	else if (sim_app_upload(device->account, collection, patch->bytes, device) != NULL)
		put_error(answer, 400);
	else
		node_set(answer, "type", "result");
	node_set_u64(answer, "version", collection->version);
}

static void
answer_one(WaNode *sync, SimDevice *device, const WaNode *asked)
{
	SimAccount *account = device->account;
	SimAppState *state = sim_app_of(account);
	SimAppCollection *collection = sim_app_collection(state, node_attr(asked, "name"));
	WaNode *answer = node_add(sync, "collection");
	const WaNode *patch = node_child(asked, "patch");
	const Fault *fault;
	uint64_t version = 0;

	(void) node_attr_u64(asked, "version", &version);
	node_copy_attr(answer, "name", asked, "name");
	if (collection == NULL)
	{
		put_error(answer, 404);
		return;
	}
	fault = take_fault("error", account, collection->name);
	if (fault != NULL)
		put_error(answer, fault->code);
	else if (patch != NULL)
		answer_upload(answer, state, device, collection, version, patch);
	else
		answer_query(answer, state, account, collection, version,
					 str_is(node_attr(asked, "return_snapshot"), "true"));
}

void
sim_app_iq_handle(SimConn *conn, const WaNode *iq)
{
	const WaNode *sync = node_child(iq, "sync");
	WaArena arena;
	WaNode *result;
	WaNode *answer;

	if (sync == NULL)
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	result = sim_iq_result(&arena, iq);
	answer = node_add(result, "sync");
	for (const WaNode *asked = node_child(sync, "collection"); asked != NULL;
		 asked = node_child_next(asked, "collection"))
		answer_one(answer, conn->device, asked);
	sim_server_send(conn, result);
	arena_free(&arena);
}
