/*
 * sim_command_app.c
 *		Requests about app state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_app.h"
#include "sim_command.h"

#define MAX_MUTATIONS 30000

/* Puts mutations into patches, one for each collection among them. */
static void
write_patches(SimAccount *account, SimAppMutation *all, int n)
{
	SimAppState *state = sim_app_of(account);
	SimAppMutation *some = sim_util_alloc((size_t) n * sizeof(*some));

	for (int i = 0; i < SIM_APP_COLLECTIONS; i++)
	{
		SimAppCollection *collection = &state->collections[i];
		int k = 0;

		for (int j = 0; j < n; j++)
		{
			if (strcmp(all[j].collection, collection->name) == 0)
				some[k++] = all[j];
		}
		if (k > 0)
			sim_app_patch(account, collection, some, k);
	}
	free(some);
}

static const char *
do_app_set(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *list = json_object_get(call->in, "mutations");
	size_t n = json_is_array(list) ? json_array_size(list) : 1;
	SimAppMutation *mutations;
	const char *why = NULL;
	size_t done = 0;

	SIM_NEED(account, SIM_NO_NUMBER);
	if (n == 0 || n > MAX_MUTATIONS)
		return "mutations must be a list of 1 to 30000";
	mutations = sim_util_alloc(n * sizeof(*mutations));
	for (; done < n && why == NULL; done++)
		why = sim_app_action_read(json_is_array(list) ? json_array_get(list, done) : call->in,
								  &mutations[done]);
	if (why == NULL)
		write_patches(account, mutations, (int) n);
	/* one that could not be read holds nothing */
	for (size_t i = 0; i < done; i++)
		sim_app_action_free(&mutations[i]);
	free(mutations);
	return why;
}

/* An address book of everybody the service knows, up to a number. */
static const char *
do_app_contacts(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *count = json_object_get(call->in, "count");
	json_int_t n = json_is_integer(count) ? json_integer_value(count) : 100;
	SimAppMutation *mutations;
	int done = 0;

	SIM_NEED(account, SIM_NO_NUMBER);
	if (n < 1 || n > MAX_MUTATIONS)
		return "count is 1 to 30000";
	mutations = sim_util_alloc((size_t) n * sizeof(*mutations));
	for (const SimAccount *other = sim.accounts; other != NULL && done < n; other = other->next)
	{
		json_t *request;
		char pn[48];
		char lid[48];

		if (other == account || other->hidden)
			continue;
		snprintf(pn, sizeof(pn), "%s@s.whatsapp.net", other->number);
		snprintf(lid, sizeof(lid), "%s@lid", other->lid);
		request = json_pack("{s:s,s:[s],s:{s:s,s:s,s:b}}", "action", "contact", "index", pn,
							"value", "full_name", other->name, "lid", lid, "save", 1);
		if (request != NULL && sim_app_action_read(request, &mutations[done]) == NULL)
			done++;
		json_decref(request);
	}
	if (done > 0)
		write_patches(account, mutations, done);
	for (int i = 0; i < done; i++)
		sim_app_action_free(&mutations[i]);
	free(mutations);
	json_object_set_new(call->out, "contacts", json_integer(done));
	return NULL;
}

static const char *
do_app_key(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	bool share = sim_command_flag(call, "share") != 0;
	char hex[2 * SIM_APP_KEY_ID_LEN + 1];
	SimAppState *state;
	SimAppKey *key;

	SIM_NEED(account, SIM_NO_NUMBER);
	state = sim_app_of(account);
	key = sim_app_new_key(state, sim_command_flag(call, "withhold") == 1);
	sim_util_hex(key->id, sizeof(key->id), hex);
	json_object_set_new(call->out, "key", json_string(hex));
	for (SimDevice *device = account->devices; share && device != NULL; device = device->next)
	{
		if (!device->removed)
			sim_app_share(device, WA_STR_NONE);
	}
	return NULL;
}

static const char *
do_app_share(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	SimAppState *state;

	SIM_NEED(account, SIM_NO_NUMBER);
	state = sim_app_of(account);
	for (int i = 0; i < state->n_keys; i++)
		state->keys[i].withheld = false;
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (!device->removed)
			sim_app_share(device, WA_STR_NONE);
	}
	return NULL;
}

static json_t *
collection_json(const SimAppCollection *collection, bool records)
{
	json_t *object = json_object();
	json_t *list = json_array();
	int n = 0;

	for (int i = 0; i < collection->n_records; i++)
	{
		const SimAppRecord *record = &collection->records[i];
		json_t *entry;

		n += !record->removed;
		if (record->removed || !records)
			continue;
		entry = json_object();
		json_object_set_new(entry, "index", json_loads(record->index, 0, NULL));
		json_object_set(entry, "value", record->value);
		json_array_append_new(list, entry);
	}
	json_object_set_new(object, "name", json_string(collection->name));
	json_object_set_new(object, "version", json_integer((json_int_t) collection->version));
	json_object_set_new(object, "count", json_integer(n));
	json_object_set_new(object, "records", list);
	return object;
}

static const char *
do_app_state(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	bool records = sim_command_flag(call, "records") != 0;
	json_t *collections = json_array();
	SimAppState *state;

	SIM_NEED(account, SIM_NO_NUMBER);
	state = sim_app_of(account);
	for (int i = 0; i < SIM_APP_COLLECTIONS; i++)
		json_array_append_new(collections, collection_json(&state->collections[i], records));
	json_object_set_new(call->out, "collections", collections);
	json_object_set_new(call->out, "keys", json_integer(state->n_keys));
	json_object_set_new(call->out, "queries", json_integer(state->queries));
	json_object_set_new(call->out, "uploads", json_integer(state->uploads));
	json_object_set_new(call->out, "conflicts", json_integer(state->conflicts));
	json_object_set_new(call->out, "refused", json_integer(state->refused));
	json_object_set_new(call->out, "key_requests", json_integer(state->key_requests));
	json_object_set_new(call->out, "why",
						state->why != NULL ? json_string(state->why) : json_null());
	return NULL;
}

const SimCommand sim_command_app[] = {
	{"app_set", do_app_set},     {"app_contacts", do_app_contacts}, {"app_key", do_app_key},
	{"app_share", do_app_share}, {"app_state", do_app_state},       {NULL, NULL},
};
