/*
 * sim_command_looks.c
 *		Requests that only look.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"
#include "sim_message.h"

/* ---- looking ---- */

static const char *
do_info(SimCall *call)
{
	char hex[65];

	sim_util_hex(sim.root.public_key, 32, hex);
	json_object_set_new(call->out, "endpoint", json_string(sim.endpoint));
	json_object_set_new(call->out, "control", json_string(sim.control));
	json_object_set_new(call->out, "root_key", json_string(hex));
	json_object_set_new(call->out, "seed", json_integer((json_int_t) sim.seed));
	json_object_set_new(call->out, "accounts", json_integer(sim.n_accounts));
	json_object_set_new(call->out, "groups", json_integer(sim.n_groups));
	json_object_set_new(call->out, "connections", json_integer(sim.n_conns));
	json_object_set_new(call->out, "events", json_integer((json_int_t) sim.events));
	json_object_set_new(call->out, "queued", json_integer((json_int_t) sim.notifications));
	json_object_set_new(call->out, "faults", json_integer(sim_fault_count()));
	json_object_set_new(call->out, "churn", json_boolean(sim_churn_running()));
	json_object_set_new(call->out, "said", json_integer((json_int_t) sim_said_count()));
	json_object_set_new(call->out, "talk", json_boolean(sim_talk_running()));
	return NULL;
}

static const char *
do_truth(SimCall *call)
{
	bool events = sim_command_flag(call, "events") != 0;

	if (sim_command_text(call, "group") != NULL)
	{
		SimGroup *group = sim_command_group(call, "group");
		json_t *list = json_array();

		if (group == NULL)
		{
			json_decref(list);
			return SIM_NO_GROUP;
		}
		json_array_append_new(list, sim_truth_group(group, events));
		json_object_set_new(call->out, "groups", list);
	}
	else
		json_object_set_new(call->out, "groups", sim_truth_all(events));
	return NULL;
}

static json_t *
client_json(const SimDevice *device)
{
	json_t *object = json_object();
	const SimAccount *account = device->account;
	const struct
	{
		const char *key;
		int64_t value;
	} figures[] = {
		{"device", device->id},
		{"prekeys", sim_keys_left(device)},
		{"logins", (int64_t) device->logins},
		{"delivered", (int64_t) device->delivered},
		{"acks", (int64_t) device->acks},
		{"unacked", device->queue.sent},
		{"queued", device->queue.count},
		{"group_queries", (int64_t) device->group_queries},
		{"iqs", (int64_t) device->iqs},
		{"pings", (int64_t) device->pings},
		{"pongs", (int64_t) device->pongs},
	};

	json_object_set_new(object, "number", json_string(account->number));
	json_object_set_new(object, "lid", json_string(account->lid));
	json_object_set_new(object, "connected", json_boolean(device->conn != NULL));
	json_object_set_new(object, "active",
						json_boolean(device->conn != NULL && device->conn->active));
	json_object_set_new(
		object, "caught_up",
		json_boolean(device->conn != NULL && device->conn->active && !device->conn->catching_up));
	json_object_set_new(object, "removed", json_boolean(device->removed));
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_set_new(object, figures[i].key, json_integer(figures[i].value));
	return object;
}

static const char *
do_clients(SimCall *call)
{
	const char *number = sim_command_text(call, "number");
	json_t *list = json_array();
	json_int_t connected = 0;
	json_int_t queued = 0;
	json_int_t linking = 0;

	for (const SimAccount *account = sim.accounts; account != NULL; account = account->next)
	{
		if (number != NULL && strcmp(number, account->number) != 0)
			continue;
		for (const SimDevice *device = account->devices; device != NULL; device = device->next)
		{
			connected += device->conn != NULL;
			queued += device->queue.count;
			if (sim_command_flag(call, "summary") != 1)
				json_array_append_new(list, client_json(device));
		}
	}
	for (const SimConn *conn = sim.conns; conn != NULL; conn = conn->next)
		linking += conn->state == SIM_CONN_LINKING;
	json_object_set_new(call->out, "connected", json_integer(connected));
	json_object_set_new(call->out, "linking", json_integer(linking));
	json_object_set_new(call->out, "queued", json_integer(queued));
	json_object_set_new(call->out, "clients", list);
	return NULL;
}

static json_t *
log_entry_json(const SimLogEntry *entry)
{
	json_t *object = json_object();
	WaArena arena;
	WaNode *node;

	json_object_set_new(object, "at", json_real((double) entry->at_us / 1e6));
	json_object_set_new(object, "from", json_string(entry->out ? "server" : "client"));
	json_object_set_new(object, "bytes", json_integer((json_int_t) entry->len));
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	if (entry->bytes != NULL && node_decode(&arena, entry->bytes, entry->len, &node) == WA_OK)
	{
		WaStr text = node_to_json(&arena, node);

		json_object_set_new(object, "stanza", json_loadb(text.data, text.len, 0, NULL));
	}
	arena_free(&arena);
	return object;
}

static const char *
do_stanza_log(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *list;

	SIM_NEED(account, SIM_NO_NUMBER);
	list = json_array();
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		for (int i = 0; i < SIM_LOG_SIZE; i++)
		{
			const SimLogEntry *entry = &device->log[(device->log_next + i) % SIM_LOG_SIZE];

			if (entry->at_us > 0)
				json_array_append_new(list, log_entry_json(entry));
		}
	}
	json_object_set_new(call->out, "stanzas", list);
	return NULL;
}

const SimCommand sim_command_looks[] = {
	{"info", do_info}, {"truth", do_truth}, {"clients", do_clients}, {"stanza_log", do_stanza_log},
	{NULL, NULL},
};
