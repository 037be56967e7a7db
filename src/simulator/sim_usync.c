/*
 * sim_usync.c
 *		usync: which devices a person has, whether a number is registered, the
 *		LID of a number.  Sheet 2 sections 7.2 and 10.1.
 */
#include <string.h>

#include "sim.h"

static const char *const protocols[] = {
	"devices", "lid", "contact", "status", "picture", "business", "disappearing_mode",
};

static void
add_devices(WaNode *user, SimAccount *account)
{
	WaNode *devices = node_add(user, "devices");
	WaNode *list = node_add(devices, "device-list");
	WaStr signed_list = sim_account_key_index_list(account);
	WaNode *key_index;

	node_set(node_add(list, "device"), "id", "0");
	for (const SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		WaNode *node;

		if (device->removed)
			continue;
		node = node_add(list, "device");
		node_set_u64(node, "id", device->id);
		node_set_u64(node, "key-index", device->id);
	}
	key_index = node_add(devices, "key-index-list");
	node_set_u64(key_index, "ts", (uint64_t) sim_util_now());
	node_set_bytes(key_index, signed_list.data, signed_list.len);
}

/* The number asked for in <contact>+49...</contact>. */
static SimAccount *
account_of_contact(const WaNode *contact, char number[32])
{
	size_t n = 0;

	number[0] = '\0';
	if (contact == NULL)
		return NULL;
	for (size_t i = 0; i < contact->bytes.len && n < 31; i++)
	{
		if (contact->bytes.data[i] >= '0' && contact->bytes.data[i] <= '9')
			number[n++] = contact->bytes.data[i];
	}
	number[n] = '\0';
	return sim_account_find(number);
}

static void
add_user(WaNode *list, const WaNode *query, const WaNode *asked)
{
	WaStr jid = node_attr(asked, "jid");
	const WaNode *contact = node_child(query, "contact");
	char number[32];
	SimAccount *account;
	bool by_lid = false;
	WaJid parsed;
	WaNode *user = node_add(list, "user");

	if (jid.len > 0)
	{
		account = sim_account_by_jid(jid);
		by_lid = jid_parse(jid, &parsed) == WA_OK && parsed.server == JID_LID;
		node_set_jid(user, "jid", jid);
	}
	else
	{
		account = account_of_contact(node_child(asked, "contact"), number);
		by_lid = contact != NULL && str_is(node_attr(contact, "addressing_mode"), "lid");
		if (account != NULL && by_lid)
		{
			node_set_jid(user, "jid", sim_account_jid(list->arena, account, true));
			node_set_jid(user, "pn_jid", sim_account_jid(list->arena, account, false));
		}
		else
			node_set_jid(user, "jid", arena_printf(list->arena, "%s@s.whatsapp.net", number));
	}

	if (contact != NULL)
	{
		WaNode *answer = node_add(user, "contact");

		node_set(answer, "type", account != NULL ? "in" : "out");
		if (node_child(asked, "contact") != NULL && node_child(asked, "contact")->bytes.len > 0)
			node_set_bytes(answer, node_child(asked, "contact")->bytes.data,
						   node_child(asked, "contact")->bytes.len);
	}
	if (account == NULL)
		return;
	if (node_child(query, "devices") != NULL)
		add_devices(user, account);
	/* only numbers are resolved: no query says whose a LID is */
	if (node_child(query, "lid") != NULL && !by_lid)
		node_set_jid(node_add(user, "lid"), "val", sim_account_jid(list->arena, account, true));
	if (node_child(query, "status") != NULL)
	{
		WaNode *status = node_add(user, "status");

		node_set_u64(status, "t", 1600000000);
		node_set_text(status, "Hey there! I am using WhatsApp.");
	}
	if (node_child(query, "disappearing_mode") != NULL)
	{
		WaNode *mode = node_add(user, "disappearing_mode");

		node_set(mode, "duration", "0");
		node_set(mode, "t", "0");
	}
}

void
sim_usync_handle(SimConn *conn, const WaNode *iq)
{
	const WaNode *usync = node_child(iq, "usync");
	const WaNode *query = usync == NULL ? NULL : node_child(usync, "query");
	const WaNode *asked = usync == NULL ? NULL : node_child(usync, "list");
	WaArena arena;
	WaNode *result;
	WaNode *answer;
	WaNode *summary;
	WaNode *list;

	if (query == NULL || asked == NULL)
	{
		sim_iq_error(conn, iq, 400);
		return;
	}
	arena_init(&arena, sim.env, 64 << 20);
	result = sim_iq_result(&arena, iq);
	answer = node_add(result, "usync");
	node_copy_attr(answer, "sid", usync, "sid");
	node_copy_attr(answer, "mode", usync, "mode");
	node_copy_attr(answer, "context", usync, "context");
	node_copy_attr(answer, "last", usync, "last");
	node_copy_attr(answer, "index", usync, "index");
	summary = node_add(answer, "result");
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
	{
		if (node_child(query, protocols[i]) != NULL)
			node_add(summary, protocols[i]);
	}
	list = node_add(answer, "list");
	for (const WaNode *user = node_child(asked, "user"); user != NULL;
		 user = node_child_next(user, "user"))
		add_user(list, query, user);
	sim_server_send(conn, result);
	arena_free(&arena);
}
