/*
 * sim_iq.c
 *		Queries: which part answers which, and the small ones themselves.
 *		Sheet 1 sections 7.6, 7.8 and 8.1; transcripts/README.md lists what a
 *		client asks.
 */
#include <stdio.h>
#include <string.h>

#include "sim_app.h"

WaNode *
sim_iq_result(WaArena *arena, const WaNode *iq)
{
	WaNode *result = node_new(arena, "iq");
	WaStr to = node_attr(iq, "to");

	node_set_jid(result, "from", to.len > 0 ? to : str_from("s.whatsapp.net"));
	node_set(result, "type", "result");
	node_set_str(result, "id", node_attr(iq, "id"));
	return result;
}

const char *
sim_iq_error_text(int code)
{
	switch (code)
	{
		case 400:
			return "bad-request";
		case 401:
			return "not-authorized";
		case 403:
			return "forbidden";
		case 404:
			return "item-not-found";
		case 405:
			return "not-allowed";
		case 406:
			return "not-acceptable";
		case 408:
			return "request-timeout";
		case 409:
			return "conflict";
		case 410:
			return "gone";
		case 429:
			return "rate-overlimit";
		case 452:
			return "feature-not-available";
		case 501:
			return "feature-not-implemented";
		case 503:
			return "service-unavailable";
		default:
			return "internal-server-error";
	}
}

void
sim_iq_error(SimConn *conn, const WaNode *iq, int code)
{
	WaArena arena;
	WaNode *result;
	WaNode *error;

	arena_init(&arena, sim.env, 4096);
	result = sim_iq_result(&arena, iq);
	node_set(result, "type", "error");
	error = node_add(result, "error");
	node_set_u64(error, "code", (uint64_t) code);
	node_set(error, "text", sim_iq_error_text(code));
	sim_server_send(conn, result);
	arena_free(&arena);
}

static void
answer_empty(SimConn *conn, const WaNode *iq)
{
	WaArena arena;

	arena_init(&arena, sim.env, 4096);
	sim_server_send(conn, sim_iq_result(&arena, iq));
	arena_free(&arena);
}

static void
answer_ping(SimConn *conn, const WaNode *iq)
{
	WaArena arena;
	WaNode *result;

	arena_init(&arena, sim.env, 4096);
	result = sim_iq_result(&arena, iq);
	node_set_u64(result, "t", (uint64_t) sim_util_now());
	sim_server_send(conn, result);
	arena_free(&arena);
}

static void
answer_props(SimConn *conn, const WaNode *iq)
{
	WaArena arena;
	WaNode *result;
	WaNode *props;

	arena_init(&arena, sim.env, 8192);
	result = sim_iq_result(&arena, iq);
	props = node_add(result, "props");
	node_set(props, "protocol", "1");
	node_set(props, "hash", "simulator");
	node_set(props, "refresh", "86400");
	node_set(props, "refresh_id", "1");
	node_set(props, "delta_update", "false");
	sim_server_send(conn, result);
	arena_free(&arena);
}

static void
answer_privacy(SimConn *conn, const WaNode *iq)
{
	static const char *const categories[][2] = {
		{"readreceipts", "all"}, {"last", "all"},        {"online", "all"},
		{"profile", "all"},      {"status", "contacts"}, {"groupadd", "all"},
		{"calladd", "all"},      {"messages", "all"},    {"defense", "off"},
	};
	WaArena arena;
	WaNode *result;
	WaNode *privacy;

	arena_init(&arena, sim.env, 8192);
	result = sim_iq_result(&arena, iq);
	privacy = node_add(result, "privacy");
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
	{
		WaNode *category = node_add(privacy, "category");

		node_set(category, "name", categories[i][0]);
		node_set(category, "value", categories[i][1]);
	}
	sim_server_send(conn, result);
	arena_free(&arena);
}

static void
answer_blocklist(SimConn *conn, const WaNode *iq)
{
	WaArena arena;
	WaNode *result;

	arena_init(&arena, sim.env, 4096);
	result = sim_iq_result(&arena, iq);
	node_set(node_add(result, "list"), "dhash", "simulator");
	sim_server_send(conn, result);
	arena_free(&arena);
}

static void
clean_dirty(SimConn *conn, const WaNode *iq)
{
	for (const WaNode *clean = node_child(iq, "clean"); clean != NULL;
		 clean = node_child_next(clean, "clean"))
	{
		if (str_is(node_attr(clean, "type"), "groups"))
			conn->device->dirty_groups = false;
	}
	answer_empty(conn, iq);
}

/* The client unlinks itself. */
static void
remove_companion(SimConn *conn, const WaNode *iq)
{
	const WaNode *request = node_child(iq, "remove-companion-device");
	SimDevice *device = sim_account_device_by_jid(node_attr(request, "jid"));

	if (device == NULL || device->account != conn->device->account)
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	answer_empty(conn, iq);
	sim_account_remove_device(device, true);
}

static void
handle_set(SimConn *conn, const WaNode *iq, WaStr xmlns)
{
	if (str_is(xmlns, "passive"))
	{
		answer_empty(conn, iq);
		if (node_child(iq, "active") != NULL && !sim_fault_close_at(conn, "active"))
			sim_login_active(conn);
	}
	else if (str_is(xmlns, "md") && node_child(iq, "remove-companion-device") != NULL)
		remove_companion(conn, iq);
	else if (str_is(xmlns, "urn:xmpp:whatsapp:dirty"))
		clean_dirty(conn, iq);
	else if (str_is(xmlns, "w:sync:app:state"))
		sim_app_iq_handle(conn, iq);
	else if (str_is(xmlns, "privacy") || str_is(xmlns, "w:stats") || str_is(xmlns, "blocklist") ||
			 str_is(xmlns, "status"))
		answer_empty(conn, iq);
	else
		sim_iq_error(conn, iq, 501);
}

static void
handle_get(SimConn *conn, const WaNode *iq, WaStr xmlns)
{
	/* "w" is how older clients ask */
	if (str_is(xmlns, "abt") || (str_is(xmlns, "w") && node_child(iq, "props") != NULL))
		answer_props(conn, iq);
	else if (str_is(xmlns, "blocklist"))
		answer_blocklist(conn, iq);
	else if (str_is(xmlns, "privacy"))
		answer_privacy(conn, iq);
	else if (str_is(xmlns, "w:profile:picture"))
		sim_iq_error(conn, iq, 404);
	else
		sim_iq_error(conn, iq, 501);
}

void
sim_iq_handle(SimConn *conn, const WaNode *iq)
{
	WaStr type = node_attr(iq, "type");
	WaStr xmlns = node_attr(iq, "xmlns");
	SimDevice *device = conn->device;
	const SimAccount *account = device == NULL ? NULL : device->account;
	bool is_ping = str_is(xmlns, "w:p");
	int error;

	if (str_is(type, "result") || str_is(type, "error"))
	{
		if (conn->linking != NULL)
			sim_phone_signed(conn, iq);
		else if (device != NULL)
			device->pongs++;
		return;
	}
	if (device != NULL)
		device->iqs++;
	if (sim_fault_peek("silent", account) != NULL)
		return;
	if (is_ping)
	{
		answer_ping(conn, iq);
		return;
	}
	if (sim_fault_peek("deaf", account) != NULL || sim_fault_take("no_iq_answer", account) != NULL)
		return;
	error = sim_fault_iq_error(account, xmlns);
	if (error != 0)
	{
		sim_iq_error(conn, iq, error);
		return;
	}
	if (conn->state == SIM_CONN_LINKING)
	{
		if (str_is(xmlns, "md") && node_child(iq, "link_code_companion_reg") != NULL)
			sim_phone_link_iq(conn, iq);
		else
			sim_iq_error(conn, iq, 401);
		return;
	}
	if (str_is(xmlns, "encrypt"))
		sim_keys_handle(conn, iq);
	else if (str_is(xmlns, "w:m"))
		sim_media_conn(conn, iq); /* some ask, some order */
	else if (str_is(xmlns, "w:g2"))
	{
		device->group_queries += str_is(type, "get");
		sim_group_iq_handle(conn, iq);
	}
	else if (str_is(xmlns, "usync"))
		sim_usync_handle(conn, iq);
	else if (str_is(type, "set"))
		handle_set(conn, iq, xmlns);
	else
		handle_get(conn, iq, xmlns);
}
