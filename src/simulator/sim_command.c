/*
 * sim_command.c
 *		What the control channel can ask for.  docs/simulator.md has every
 *		request with an example.
 *
 * A handler reads its request, fills the answer, and returns NULL or what is
 * wrong.  DEFERRED means that it took the request and answers it itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const char DEFERRED[] = "deferred";

/* ---- reading requests ---- */

typedef struct Call
{
	SimRequest *request;
	json_t *in;
	json_t *out;
} Call;

static const char *
text_of(const Call *call, const char *key)
{
	return json_string_value(json_object_get(call->in, key));
}

static SimAccount *
account_of(const Call *call, const char *key)
{
	return sim_account_get(text_of(call, key));
}

static SimGroup *
group_of(const Call *call, const char *key)
{
	const char *jid = text_of(call, key);

	return jid == NULL ? NULL : sim_group_find(jid);
}

/* A list of numbers as accounts; NULL when it is none. */
static SimAccount **
accounts_of(const Call *call, const char *key, int *n)
{
	json_t *list = json_object_get(call->in, key);
	SimAccount **accounts = sim_util_alloc((json_array_size(list) + 1) * sizeof(*accounts));

	*n = (int) json_array_size(list);
	for (int i = 0; i < *n; i++)
	{
		accounts[i] = sim_account_get(json_string_value(json_array_get(list, (size_t) i)));
		if (accounts[i] == NULL)
		{
			free(accounts);
			return NULL;
		}
	}
	return accounts;
}

static int
flag_of(const Call *call, const char *key)
{
	json_t *value = json_object_get(call->in, key);

	return json_is_boolean(value) ? json_is_true(value) : -1;
}

/* The words of an outcome. */
static const char *
outcome(int code)
{
	switch (code)
	{
		case 0:
			return NULL;
		case 401:
			return "not allowed to do that";
		case 403:
			return "not a member";
		case 404:
			return "not found";
		case 409:
			return "nothing to change";
		default:
			return sim_iq_error_text(code);
	}
}

static void
put_group(Call *call, const char *key, const SimGroup *group)
{
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@g.us", group->id);
	json_object_set_new(call->out, key, json_string(jid));
}

#define NEED(what, message)                                                                        \
	do                                                                                             \
	{                                                                                              \
		if ((what) == NULL)                                                                        \
			return (message);                                                                      \
	} while (0)

#define NO_NUMBER "number must be 5 to 20 digits"
#define NO_GROUP "no such group"

/* ---- people ---- */

static const char *
do_phone(Call *call)
{
	SimAccount *account = account_of(call, "number");
	const char *name = text_of(call, "name");
	const char *lid = text_of(call, "lid");
	const char *platform = text_of(call, "platform");

	NEED(account, NO_NUMBER);
	if (name != NULL)
		snprintf(account->name, sizeof(account->name), "%s", name);
	if (platform != NULL)
		snprintf(account->platform, sizeof(account->platform), "%s", platform);
	if (lid != NULL && !sim_account_set_lid(account, lid))
		return "the lid is not digits or is taken";
	json_object_set_new(call->out, "number", json_string(account->number));
	json_object_set_new(call->out, "lid", json_string(account->lid));
	return NULL;
}

static const char *
do_scan(Call *call)
{
	SimAccount *account = account_of(call, "number");
	const char *qr = text_of(call, "qr");

	NEED(account, NO_NUMBER);
	NEED(qr, "qr is needed");
	sim_phone_scan(account, qr, call->request);
	return DEFERRED;
}

static const char *
do_enter_code(Call *call)
{
	SimAccount *account = account_of(call, "number");
	const char *code = text_of(call, "code");

	NEED(account, NO_NUMBER);
	NEED(code, "code is needed");
	sim_phone_enter_code(account, code, call->request);
	return DEFERRED;
}

static const char *
do_unlink(Call *call)
{
	SimAccount *account = account_of(call, "number");
	json_t *id = json_object_get(call->in, "device");
	int removed = 0;

	NEED(account, NO_NUMBER);
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
do_number_change(Call *call)
{
	const char *old = text_of(call, "old");
	const char *lid = text_of(call, "lid");
	SimAccount *account = old == NULL ? NULL : sim_account_find(old);
	char old_number[24];
	char old_lid[24];

	NEED(account, "old is no known number");
	snprintf(old_number, sizeof(old_number), "%s", account->number);
	snprintf(old_lid, sizeof(old_lid), "%s", account->lid);
	if (!sim_account_set_number(account, text_of(call, "new")))
		return "new is not a number or is taken";
	if (lid != NULL && !sim_account_set_lid(account, lid))
		return "the lid is not digits or is taken";
	sim_group_number_changed(account, old_number, old_lid);
	return NULL;
}

/* ---- groups ---- */

static const char *
do_group_create(Call *call)
{
	SimAccount *by = account_of(call, "by");
	const char *subject = text_of(call, "subject");
	const char *addressing = text_of(call, "addressing");
	SimAccount **members;
	int n;

	NEED(by, NO_NUMBER);
	NEED(subject, "subject is needed");
	if (addressing != NULL && strcmp(addressing, "lid") != 0 && strcmp(addressing, "pn") != 0)
		return "addressing must be lid or pn";
	members = accounts_of(call, "members", &n);
	NEED(members, "members must be a list of numbers");
	put_group(call, "group",
			  sim_group_create(by, subject, members, n,
							   addressing == NULL || strcmp(addressing, "lid") == 0, NULL));
	free(members);
	return NULL;
}

/* The four changes that name members. */
static const char *
change_members(Call *call, int (*change)(SimGroup *, SimAccount *, SimAccount **, int, int *))
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	SimAccount **members;
	int *errors;
	int n;
	int code;
	int failed = 0;

	NEED(group, NO_GROUP);
	/* null: the service itself */
	if (by == NULL && !json_is_null(json_object_get(call->in, "by")))
		return NO_NUMBER;
	members = accounts_of(call, "members", &n);
	NEED(members, "members must be a list of numbers");
	errors = sim_util_alloc((size_t) (n + 1) * sizeof(*errors));
	code = change(group, by, members, n, errors);
	for (int i = 0; i < n && code == 0; i++)
	{
		if (errors[i] != 0)
		{
			failed++;
			code = n == 1 ? errors[i] : 0;
		}
	}
	json_object_set_new(call->out, "changed", json_integer(n - failed));
	free(errors);
	free(members);
	return outcome(code);
}

static int
change_add(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return by == NULL ? 400 : sim_group_add(group, by, who, n, SIM_ADD_BY_ADMIN, errors);
}

static int
change_promote(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return sim_group_set_role(group, by, who, n, true, errors);
}

static int
change_demote(SimGroup *group, SimAccount *by, SimAccount **who, int n, int *errors)
{
	return sim_group_set_role(group, by, who, n, false, errors);
}

static const char *
do_group_add(Call *call)
{
	return change_members(call, change_add);
}

static const char *
do_group_remove(Call *call)
{
	return change_members(call, sim_group_remove);
}

static const char *
do_group_promote(Call *call)
{
	return change_members(call, change_promote);
}

static const char *
do_group_demote(Call *call)
{
	return change_members(call, change_demote);
}

static const char *
do_group_leave(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *who = account_of(call, "number");

	NEED(group, NO_GROUP);
	NEED(who, NO_NUMBER);
	return outcome(sim_group_leave(group, who));
}

static const char *
do_group_join(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *who = account_of(call, "number");
	const char *via = text_of(call, "via");
	bool asked = false;
	int code;

	NEED(group, NO_GROUP);
	NEED(who, NO_NUMBER);
	if (via == NULL || strcmp(via, "link") == 0)
		code = sim_group_join(group, who, true, &asked);
	else if (strcmp(via, "community") == 0)
		code = sim_group_join(group, who, false, &asked);
	else if (strcmp(via, "request") == 0)
	{
		asked = true;
		code = sim_group_ask(group, who, "invite_link");
	}
	else
		return "via must be link, request or community";
	json_object_set_new(call->out, "requested", json_boolean(asked));
	return outcome(code);
}

static const char *
do_group_request(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *who = account_of(call, "number");

	NEED(group, NO_GROUP);
	NEED(who, NO_NUMBER);
	return outcome(flag_of(call, "cancel") == 1 ? sim_group_cancel(group, who)
												: sim_group_ask(group, who, "invite_link"));
}

static const char *
do_group_decide(Call *call)
{
	static const char *const choices[] = {"approve", "reject"};
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	int code = 0;

	NEED(group, NO_GROUP);
	NEED(by, NO_NUMBER);
	for (int i = 0; i < 2 && code == 0; i++)
	{
		int n;
		int *errors;
		SimAccount **who = accounts_of(call, choices[i], &n);

		NEED(who, "approve and reject must be lists of numbers");
		errors = sim_util_alloc((size_t) (n + 1) * sizeof(*errors));
		if (n > 0)
			code = sim_group_decide(group, by, who, n, i == 0, errors);
		for (int j = 0; j < n && code == 0; j++)
			code = errors[j];
		free(errors);
		free(who);
	}
	return outcome(code);
}

static const char *
do_group_subject(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	json_t *text = json_object_get(call->in, "text");

	NEED(group, NO_GROUP);
	NEED(by, NO_NUMBER);
	if (!json_is_string(text))
		return "text is needed";
	return outcome(
		sim_group_subject(group, by, (WaStr){json_string_value(text), json_string_length(text)}));
}

static const char *
do_group_description(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");

	NEED(group, NO_GROUP);
	NEED(by, NO_NUMBER);
	return outcome(sim_group_description(group, by, str_from(text_of(call, "text")), WA_STR_NONE,
										 WA_STR_NONE, false));
}

static const char *
do_group_set(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	SimSettings set = SIM_SETTINGS_NONE;
	const char *add_mode = text_of(call, "member_add_mode");
	const char *link_mode = text_of(call, "member_link_mode");
	json_t *ephemeral = json_object_get(call->in, "ephemeral");

	NEED(group, NO_GROUP);
	if (by == NULL && !json_is_null(json_object_get(call->in, "by")))
		return NO_NUMBER;
	set.announce = flag_of(call, "announce");
	set.locked = flag_of(call, "locked");
	set.approval = flag_of(call, "approval");
	if (json_is_integer(ephemeral))
		set.ephemeral = json_integer_value(ephemeral);
	if (add_mode != NULL)
		set.members_add = strcmp(add_mode, "all_member_add") == 0;
	if (link_mode != NULL)
		set.members_link = strcmp(link_mode, "all_member_link") == 0;
	return outcome(sim_group_settings(group, by, &set));
}

static const char *
do_group_invite_reset(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	int code;

	NEED(group, NO_GROUP);
	NEED(by, NO_NUMBER);
	code = sim_group_new_invite(group, by);
	json_object_set_new(call->out, "code", json_string(group->invite));
	return outcome(code);
}

static const char *
do_group_delete(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");

	NEED(group, NO_GROUP);
	NEED(by, NO_NUMBER);
	return outcome(sim_group_delete(group, by));
}

/* A child (or several) that the service itself does not understand. */
static const char *
do_group_raw(Call *call)
{
	SimGroup *group = group_of(call, "group");
	SimAccount *by = account_of(call, "by");
	json_t *children = json_object_get(call->in, "children");
	json_t *child = json_object_get(call->in, "child");
	SimNotice notice;
	const char *error = NULL;

	NEED(group, NO_GROUP);
	if (by == NULL && json_is_string(json_object_get(call->in, "by")))
		return NO_NUMBER;
	sim_notify_begin(&notice, group, by);
	for (size_t i = 0; i < (child != NULL ? 1 : json_array_size(children)) && error == NULL; i++)
	{
		WaNode *node =
			sim_command_node(&notice.arena, child != NULL ? child : json_array_get(children, i));

		if (node == NULL)
			error = "child must be {tag, attrs, children | text | base64}";
		else
			node_append(notice.node, node);
	}
	if (error == NULL && notice.node->first_child == NULL)
		error = "child is needed";
	if (error == NULL)
	{
		sim_group_note(group, "raw", NULL, by, 0, notice.node->first_child->tag, notice.id);
		sim_notify_members(&notice, NULL, 0, false);
		json_object_set_new(call->out, "notification", json_string(notice.id));
	}
	sim_notify_end(&notice);
	return error;
}

/* ---- communities ---- */

static const char *
do_community_create(Call *call)
{
	SimAccount *by = account_of(call, "by");
	const char *subject = text_of(call, "subject");
	const char *addressing = text_of(call, "addressing");
	SimGroup *announcements;

	NEED(by, NO_NUMBER);
	NEED(subject, "subject is needed");
	put_group(call, "group",
			  sim_community_create(by, subject, addressing == NULL || strcmp(addressing, "pn") != 0,
								   &announcements));
	put_group(call, "announcements", announcements);
	return NULL;
}

static const char *
change_link(Call *call, int (*change)(SimGroup *, SimGroup *, SimAccount *))
{
	SimGroup *parent = group_of(call, "community");
	SimGroup *child = group_of(call, "group");
	SimAccount *by = account_of(call, "by");

	NEED(parent, "no such community");
	NEED(child, NO_GROUP);
	NEED(by, NO_NUMBER);
	return outcome(change(parent, child, by));
}

static const char *
do_community_link(Call *call)
{
	return change_link(call, sim_community_link);
}

static const char *
do_community_unlink(Call *call)
{
	return change_link(call, sim_community_unlink);
}

/* ---- traffic and faults ---- */

static const char *
do_churn(Call *call)
{
	return sim_churn_start(call->in, call->out);
}

static const char *
do_churn_stop(Call *call)
{
	sim_churn_stop(call->out);
	return NULL;
}

static const char *
do_fault(Call *call)
{
	return sim_fault_add(call->in);
}

static const char *
do_faults_clear(Call *call)
{
	sim_fault_clear(text_of(call, "kind"));
	return NULL;
}

/* Any stanza to a number's devices, through their queues when it has an id. */
static const char *
do_stanza(Call *call)
{
	SimAccount *account = account_of(call, "number");
	const char *error = NULL;
	WaArena arena;
	WaNode *node;
	int sent = 0;

	NEED(account, NO_NUMBER);
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

/* ---- looking ---- */

static const char *
do_info(Call *call)
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
	return NULL;
}

static const char *
do_truth(Call *call)
{
	bool events = flag_of(call, "events") != 0;

	if (text_of(call, "group") != NULL)
	{
		SimGroup *group = group_of(call, "group");
		json_t *list = json_array();

		if (group == NULL)
		{
			json_decref(list);
			return NO_GROUP;
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
do_clients(Call *call)
{
	const char *number = text_of(call, "number");
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
			if (flag_of(call, "summary") != 1)
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
do_stanza_log(Call *call)
{
	SimAccount *account = account_of(call, "number");
	json_t *list;

	NEED(account, NO_NUMBER);
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

/* ---- options ---- */

static void
set_flag(const Call *call, const char *key, bool *flag)
{
	int value = flag_of(call, key);

	if (value >= 0)
		*flag = value == 1;
}

static const char *
do_options(Call *call)
{
	SimOptions *options = &sim.options;
	const char *added_as = text_of(call, "added_as");
	const char *ids = text_of(call, "notification_ids");
	const char *gate = text_of(call, "offline_gate");
	const char *groups = text_of(call, "new_groups");
	json_t *ping = json_object_get(call->in, "ping_interval");
	json_t *ack = json_object_get(call->in, "ack_timeout");
	json_t *delay = json_object_get(call->in, "handshake_delay");

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
	set_flag(call, "old_qr", &options->old_qr);
	set_flag(call, "edge_routing", &options->edge_routing);
	set_flag(call, "trace", &options->trace);
	return NULL;
}

static const char *
do_quit(Call *call)
{
	(void) call;
	sim.quit = true;
	return NULL;
}

/* ---- nodes from JSON ---- */

static void
set_attrs(WaNode *node, json_t *attrs)
{
	const char *key;
	json_t *value;

	json_object_foreach(attrs, key, value)
	{
		WaStr text = {json_string_value(value), json_string_length(value)};
		WaJid jid;

		if (json_is_integer(value))
			node_set_u64(node, key, (uint64_t) json_integer_value(value));
		else if (!json_is_string(value))
			continue;
		else if ((memchr(text.data, '@', text.len) != NULL || str_is(text, "s.whatsapp.net") ||
				  str_is(text, "g.us")) &&
				 jid_parse(text, &jid) == WA_OK && jid.server != JID_UNKNOWN)
			node_set_jid(node, key, text);
		else
			node_set_str(node, key, text);
	}
}

WaNode *
sim_command_node(WaArena *arena, json_t *object)
{
	const char *tag = json_string_value(json_object_get(object, "tag"));
	json_t *children = json_object_get(object, "children");
	json_t *text = json_object_get(object, "text");
	json_t *base64 = json_object_get(object, "base64");
	WaNode *node;

	if (tag == NULL)
		return NULL;
	node = node_new(arena, tag);
	set_attrs(node, json_object_get(object, "attrs"));
	if (json_is_string(text))
		node_set_bytes(node, json_string_value(text), json_string_length(text));
	else if (json_is_string(base64))
	{
		size_t len = json_string_length(base64);
		uint8_t *bytes = sim_util_alloc(len + 1);

		if (crypto_base64_decode(json_string_value(base64), len, bytes, &len) == WA_OK)
			node_set_bytes(node, bytes, len);
		free(bytes);
	}
	for (size_t i = 0; i < json_array_size(children); i++)
	{
		WaNode *child = sim_command_node(arena, json_array_get(children, i));

		if (child == NULL)
			return NULL;
		node_append(node, child);
	}
	return node;
}

/* ---- dispatch ---- */

static const struct
{
	const char *name;
	const char *(*run)(Call *);
} commands[] = {
	{"info", do_info},
	{"options", do_options},
	{"phone", do_phone},
	{"scan", do_scan},
	{"enter_code", do_enter_code},
	{"unlink", do_unlink},
	{"number_change", do_number_change},
	{"group_create", do_group_create},
	{"group_add", do_group_add},
	{"group_remove", do_group_remove},
	{"group_promote", do_group_promote},
	{"group_demote", do_group_demote},
	{"group_leave", do_group_leave},
	{"group_join", do_group_join},
	{"group_request", do_group_request},
	{"group_decide", do_group_decide},
	{"group_subject", do_group_subject},
	{"group_description", do_group_description},
	{"group_set", do_group_set},
	{"group_invite_reset", do_group_invite_reset},
	{"group_delete", do_group_delete},
	{"group_raw", do_group_raw},
	{"community_create", do_community_create},
	{"community_link", do_community_link},
	{"community_unlink", do_community_unlink},
	{"churn", do_churn},
	{"churn_stop", do_churn_stop},
	{"fault", do_fault},
	{"faults_clear", do_faults_clear},
	{"stanza", do_stanza},
	{"truth", do_truth},
	{"clients", do_clients},
	{"stanza_log", do_stanza_log},
	{"quit", do_quit},
};

void
sim_command_run(SimRequest *request, json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "do"));
	Call call = {request, object, json_object()};
	const char *error = "no such request";

	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(commands[i].name, name) == 0)
		{
			error = commands[i].run(&call);
			break;
		}
	}
	if (error == DEFERRED)
		json_decref(call.out);
	else
		sim_control_answer(request, call.out, error);
}
