/*
 * sim_command_history.c
 *		Requests about history sync.
 */
#include <string.h>

#include "sim_command.h"
#include "sim_history.h"

static const char *
do_history(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *id = json_object_get(call->in, "device");
	SimDevice *device = NULL;

	SIM_NEED(account, SIM_NO_NUMBER);
	for (SimDevice *at = account->devices; at != NULL; at = at->next)
	{
		if (!at->removed && (!json_is_integer(id) || json_integer_value(id) == at->id))
			device = at;
	}
	SIM_NEED(device, "no such device");
	return sim_history_start(device, call->in, call->out);
}

static const char *
do_history_state(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");

	SIM_NEED(account, SIM_NO_NUMBER);
	sim_history_state(account, call->out);
	return NULL;
}

static const char *
do_history_truth(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");

	SIM_NEED(account, SIM_NO_NUMBER);
	return sim_history_truth(account, call->in, call->out);
}

const SimCommand sim_command_history[] = {
	{"history", do_history},
	{"history_state", do_history_state},
	{"history_truth", do_history_truth},
	{NULL, NULL},
};
