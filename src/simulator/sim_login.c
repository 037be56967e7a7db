/*
 * sim_login.c
 *		What a client says about itself in the last handshake message, and the
 *		server's verdict.  Sheet 1 sections 4, 5.2, 7 and 9.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "sim_peer.h"

static void
send_failure(SimConn *conn, int reason, const SimFault *fault)
{
	WaArena arena;
	WaNode *failure;

	arena_init(&arena, sim.env, 8192);
	failure = node_new(&arena, "failure");
	node_set_u64(failure, "reason", (uint64_t) reason);
	node_set(failure, "location", "frc");
	if (fault != NULL && fault->code > 0)
		node_set_u64(failure, "code", (uint64_t) fault->code);
	if (fault != NULL && fault->expire > 0)
		node_set_u64(failure, "expire", (uint64_t) fault->expire);
	if (fault != NULL && fault->text[0] != '\0')
		node_set(failure, "message", fault->text);
	sim_server_send(conn, failure);
	arena_free(&arena);
	sim_server_close_soon(conn);
}

void
sim_login_failure(SimConn *conn, const SimFault *fault)
{
	send_failure(conn, fault->reason, fault);
}

void
sim_login_failure_code(SimConn *conn, int reason)
{
	send_failure(conn, reason, NULL);
}

void
sim_login_stream_error(SimConn *conn, const char *code, const char *conflict)
{
	WaArena arena;
	WaNode *error;

	arena_init(&arena, sim.env, 4096);
	error = node_new(&arena, "stream:error");
	node_set(error, "code", code);
	if (conflict != NULL)
		node_set(node_add(error, "conflict"), "type", conflict);
	sim_server_send(conn, error);
	arena_free(&arena);
	sim_server_close_soon(conn);
}

/* ---- registration ---- */

static bool
registration_is_sound(const WaPayloadInfo *info)
{
	char version[48];
	uint8_t hash[16];
	uint8_t key[33];

	snprintf(version, sizeof(version), "%u.%u.%u", info->version[0], info->version[1],
			 info->version[2]);
	key[0] = 5;
	memcpy(key + 1, info->signed_prekey, 32);
	return crypto_md5(version, strlen(version), hash) == WA_OK &&
		   memcmp(hash, info->build_hash, sizeof(hash)) == 0 &&
		   crypto_verify(info->identity, key, sizeof(key), info->signed_prekey_signature) == WA_OK;
}

static void
send_pair_device(SimConn *conn)
{
	WaArena arena;
	WaNode *iq;
	WaNode *pair;

	arena_init(&arena, sim.env, 16384);
	iq = node_new(&arena, "iq");
	node_set_jid(iq, "from", str_from("s.whatsapp.net"));
	node_set(iq, "type", "set");
	node_set(iq, "xmlns", "md");
	node_set_str(iq, "id",
				 arena_printf(&arena, "pair-device-%llu", (unsigned long long) ++sim.last_id));
	pair = node_add(iq, "pair-device");
	for (int i = 0; i < SIM_REFS; i++)
	{
		memcpy(conn->linking->refs[i], "2@", 2);
		sim_util_random_text(conn->linking->refs[i] + 2, 32);
		node_set_text(node_add(pair, "ref"), conn->linking->refs[i]);
	}
	sim_server_send(conn, iq);
	arena_free(&arena);
}

static void
start_registration(SimConn *conn, const WaPayloadInfo *info)
{
	conn->linking = sim_util_alloc(sizeof(*conn->linking));
	conn->linking->info = *info;
	conn->linking->until = sim_util_mono_us() + (int64_t) sim.options.link_seconds * WA_SECOND;
	conn->linking->info.device_name = WA_STR_NONE;
	snprintf(conn->linking->device_name, sizeof(conn->linking->device_name), "%.*s",
			 (int) info->device_name.len, info->device_name.len > 0 ? info->device_name.data : "");
	if (!registration_is_sound(info))
		sim_login_failure_code(conn, 400);
	else
		send_pair_device(conn);
}

/* ---- login ---- */

static void
send_success(SimConn *conn)
{
	SimDevice *device = conn->device;
	WaArena arena;
	WaNode *success;

	arena_init(&arena, sim.env, 16384);
	success = node_new(&arena, "success");
	node_set_u64(success, "t", (uint64_t) sim_util_now());
	node_set(success, "props", "27");
	node_set(success, "abprops", "0");
	node_set(success, "group_abprops", "0");
	node_set(success, "location", "frc");
	node_set(success, "creation", "1600000000");
	node_set(success, "display_name", device->account->name);
	node_set_jid(success, "lid", sim_account_device_jid(&arena, device, true));
	sim_server_send(conn, success);

	if (sim.options.edge_routing)
	{
		WaNode *ib = node_new(&arena, "ib");
		const uint8_t routing[] = {8, 2, 8, 5, 24, 1}; /* RoutingInfo, opaque to clients */

		node_set_jid(ib, "from", str_from("s.whatsapp.net"));
		node_set_bytes(node_add(node_add(ib, "edge_routing"), "routing_info"), routing,
					   sizeof(routing));
		sim_server_send(conn, ib);
	}
	if (device->dirty_groups)
	{
		WaNode *ib = node_new(&arena, "ib");
		WaNode *dirty = node_add(ib, "dirty");

		node_set_jid(ib, "from", str_from("s.whatsapp.net"));
		node_set(dirty, "type", "groups");
		node_set_u64(dirty, "timestamp", (uint64_t) sim_util_now());
		sim_server_send(conn, ib);
	}
	arena_free(&arena);
}

static void
login(SimConn *conn, const WaPayloadInfo *info)
{
	char number[24];
	SimAccount *account;
	SimDevice *device;
	SimFault *fault;

	snprintf(number, sizeof(number), "%llu", (unsigned long long) info->username);
	account = sim_account_find(number);
	device = account == NULL ? NULL : sim_account_device(account, (int) info->device);
	if (device == NULL || memcmp(device->noise, conn->remote_static, 32) != 0)
	{
		sim_login_failure_code(conn, 401);
		return;
	}
	fault = sim_fault_take("failure", account);
	if (fault != NULL)
	{
		sim_login_failure(conn, fault);
		return;
	}
	if (device->conn != NULL)
		sim_login_stream_error(device->conn, NULL, "replaced");

	conn->device = device;
	device->conn = conn;
	device->logins++;
	conn->state = SIM_CONN_ONLINE;
	conn->passive = info->passive;
	/* spread over the interval, so that a thousand clients do not answer at once */
	conn->ping_at =
		sim_util_mono_us() +
		(int64_t) (sim_util_random() % ((uint64_t) sim.options.ping_seconds * WA_SECOND + 1));
	if (sim_fault_peek("silent", account) != NULL)
		return;
	send_success(conn);
	if (sim_fault_close_at(conn, "success"))
		return;
	sim_fault_at_login(conn);
	if (!conn->passive)
		sim_login_active(conn);
}

void
sim_login_active(SimConn *conn)
{
	if (conn->active || conn->state != SIM_CONN_ONLINE)
		return;
	conn->active = true;
	sim_queue_start(conn);
	sim_peer_greet(conn->device);
}

void
sim_login_payload(SimConn *conn, const uint8_t *data, size_t len)
{
	WaArena arena;
	WaPayloadInfo info;
	const SimFault *refused;

	arena_init(&arena, sim.env, 1 << 20);
	memset(&info, 0, sizeof(info));
	if (payload_parse(&arena, data, len, &info) != WA_OK)
	{
		arena_free(&arena);
		sim_server_abort(conn);
		return;
	}
	refused = sim_fault_peek("refuse_version", NULL);
	if (refused != NULL && info.version[2] < (uint32_t) refused->value)
		sim_login_failure_code(conn, 405);
	else if (info.registration)
		start_registration(conn, &info);
	else
		login(conn, &info);
	arena_free(&arena);
}
