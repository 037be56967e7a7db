/*
 * sim_command_people.c
 *		Requests about people, traffic, faults and the service itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"
#include "sim_message.h"
#include "sim_history.h"

/* ---- people ---- */

static const char *
do_phone(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	const char *name = sim_command_text(call, "name");
	const char *lid = sim_command_text(call, "lid");
	const char *platform = sim_command_text(call, "platform");
	const char *receipts = sim_command_text(call, "receipts");

	SIM_NEED(account, SIM_NO_NUMBER);
	if (name != NULL)
		snprintf(account->name, sizeof(account->name), "%s", name);
	if (platform != NULL)
		snprintf(account->platform, sizeof(account->platform), "%s", platform);
	if (lid != NULL && !sim_account_set_lid(account, lid))
		return "the lid is not digits or is taken";
	if (sim_command_flag(call, "hidden") >= 0)
		account->hidden = sim_command_flag(call, "hidden") == 1;
	if (sim_command_flag(call, "retries") >= 0)
		account->deaf_to_retries = sim_command_flag(call, "retries") == 0;
	if (sim_command_flag(call, "online") >= 0)
	{
		account->offline = sim_command_flag(call, "online") == 0;
		sim_hear_answer(account);
	}
	if (receipts != NULL)
		account->receipts = strcmp(receipts, "read") == 0        ? SIM_READ_RECEIPTS
							: strcmp(receipts, "delivered") == 0 ? SIM_DELIVERY_RECEIPTS
																 : SIM_NO_RECEIPTS;
	json_object_set_new(call->out, "number", json_string(account->number));
	json_object_set_new(call->out, "lid", json_string(account->lid));
	return NULL;
}

static const char *
do_scan(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	const char *qr = sim_command_text(call, "qr");

	SIM_NEED(account, SIM_NO_NUMBER);
	SIM_NEED(qr, "qr is needed");
	sim_phone_scan(account, qr, call->request);
	return sim_command_deferred;
}

static const char *
do_enter_code(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	const char *code = sim_command_text(call, "code");

	SIM_NEED(account, SIM_NO_NUMBER);
	SIM_NEED(code, "code is needed");
	sim_phone_enter_code(account, code, call->request);
	return sim_command_deferred;
}

static const char *
do_rotate_qr(SimCall *call)
{
	json_object_set_new(call->out, "devices", json_integer(sim_phone_rotate()));
	return NULL;
}

static const char *
do_unlink(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *id = json_object_get(call->in, "device");
	int removed = 0;

	SIM_NEED(account, SIM_NO_NUMBER);
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (device->removed || (json_is_integer(id) && json_integer_value(id) != device->id))
			continue;
		sim_account_remove_device(device, true);
		removed++;
	}
	json_object_set_new(call->out, "removed", json_integer(removed));
	return removed > 0 ? NULL : "no such device";
}

static const char *
do_number_change(SimCall *call)
{
	const char *old = sim_command_text(call, "old");
	const char *lid = sim_command_text(call, "lid");
	SimAccount *account = old == NULL ? NULL : sim_account_find(old);
	char old_number[24];
	char old_lid[24];

	SIM_NEED(account, "old is no known number");
	snprintf(old_number, sizeof(old_number), "%s", account->number);
	snprintf(old_lid, sizeof(old_lid), "%s", account->lid);
	if (!sim_account_set_number(account, sim_command_text(call, "new")))
		return "new is not a number or is taken";
	if (lid != NULL && !sim_account_set_lid(account, lid))
		return "the lid is not digits or is taken";
	sim_group_number_changed(account, old_number, old_lid);
	return NULL;
}

/* ---- traffic and faults ---- */

static const char *
do_churn(SimCall *call)
{
	return sim_churn_start(call->in, call->out);
}

static const char *
do_churn_stop(SimCall *call)
{
	sim_churn_stop(call->out);
	return NULL;
}

static const char *
do_fault(SimCall *call)
{
	return sim_fault_add(call->in);
}

static const char *
do_faults_clear(SimCall *call)
{
	sim_fault_clear(sim_command_text(call, "kind"));
	return NULL;
}

/* Any stanza to a number's devices, through their queues when it has an id. */
static const char *
do_stanza(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	const char *error = NULL;
	WaArena arena;
	WaNode *node;
	int sent = 0;

	SIM_NEED(account, SIM_NO_NUMBER);
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	node = sim_command_node(&arena, json_object_get(call->in, "stanza"));
	if (node == NULL)
		error = "stanza must be {tag, attrs, children | text | base64}";
	for (SimDevice *device = account->devices; device != NULL && error == NULL;
		 device = device->next)
	{
		if (device->removed)
			continue;
		if (node_is(node, "notification") || node_is(node, "message") || node_is(node, "receipt"))
			sim_queue_push_node(device, node);
		else if (device->conn != NULL)
			sim_server_send(device->conn, node);
		sent++;
	}
	arena_free(&arena);
	return error != NULL ? error : sent == 0 ? "that number has no device" : NULL;
}

/* ---- options ---- */

static void
set_flag(const SimCall *call, const char *key, bool *flag)
{
	int value = sim_command_flag(call, key);

	if (value >= 0)
		*flag = value == 1;
}

static const char *
do_options(SimCall *call)
{
	SimOptions *options = &sim.options;
	const char *added_as = sim_command_text(call, "added_as");
	const char *ids = sim_command_text(call, "notification_ids");
	const char *gate = sim_command_text(call, "offline_gate");
	const char *groups = sim_command_text(call, "new_groups");
	const char *keep = sim_command_text(call, "keep_said");
	json_t *history = json_object_get(call->in, "history");
	json_t *page = json_object_get(call->in, "app_state_page");
	json_t *ping = json_object_get(call->in, "ping_interval");
	json_t *ack = json_object_get(call->in, "ack_timeout");
	json_t *delay = json_object_get(call->in, "handshake_delay");
	json_t *link = json_object_get(call->in, "link_timeout");

	if (history != NULL)
	{
		const char *why = sim_history_set_option(history);

		if (why != NULL)
			return why;
	}
	if (added_as != NULL)
	{
		if (strcmp(added_as, "add") != 0 && strcmp(added_as, "create") != 0 &&
			strcmp(added_as, "both") != 0)
			return "added_as must be add, create or both";
		options->added_add = strcmp(added_as, "create") != 0;
		options->added_create = strcmp(added_as, "add") != 0;
	}
	if (ids != NULL)
	{
		if (strcmp(ids, "shared") != 0 && strcmp(ids, "per_device") != 0)
			return "notification_ids must be shared or per_device";
		options->ids_per_device = strcmp(ids, "per_device") == 0;
	}
	if (gate != NULL)
	{
		if (strcmp(gate, "auto") != 0 && strcmp(gate, "always") != 0 && strcmp(gate, "never") != 0)
			return "offline_gate must be auto, always or never";
		options->gate_always = strcmp(gate, "always") == 0;
		options->gate_never = strcmp(gate, "never") == 0;
	}
	if (groups != NULL)
	{
		if (strcmp(groups, "lid") != 0 && strcmp(groups, "pn") != 0)
			return "new_groups must be lid or pn";
		options->new_groups_lid = strcmp(groups, "lid") == 0;
	}
	if (json_is_integer(ping))
		options->ping_seconds = (int) json_integer_value(ping);
	if (json_is_integer(ack))
		options->ack_seconds = (int) json_integer_value(ack);
	if (json_is_integer(delay))
		options->handshake_delay = (int) json_integer_value(delay);
	if (json_is_integer(link))
		options->link_seconds = (int) json_integer_value(link);
	if (json_is_integer(page))
		options->app_state_page = (int) json_integer_value(page);
	set_flag(call, "app_state", &options->app_state);
	set_flag(call, "old_qr", &options->old_qr);
	set_flag(call, "edge_routing", &options->edge_routing);
	set_flag(call, "trace", &options->trace);
	if (keep != NULL)
	{
		if (strcmp(keep, "whole") != 0 && strcmp(keep, "hash") != 0)
			return "keep_said must be whole or hash";
		options->said_hashes = strcmp(keep, "hash") == 0;
	}
	return NULL;
}

static const char *
do_quit(SimCall *call)
{
	(void) call;
	sim.quit = true;
	return NULL;
}

const SimCommand sim_command_people[] = {
	{"phone", do_phone},
	{"scan", do_scan},
	{"enter_code", do_enter_code},
	{"rotate_qr", do_rotate_qr},
	{"unlink", do_unlink},
	{"number_change", do_number_change},
	{"churn", do_churn},
	{"churn_stop", do_churn_stop},
	{"fault", do_fault},
	{"faults_clear", do_faults_clear},
	{"stanza", do_stanza},
	{"options", do_options},
	{"quit", do_quit},
	{NULL, NULL},
};
