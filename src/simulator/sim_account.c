/*
 * sim_account.c
 *		People and their devices.
 *
 * An account is found by its number and by its LID; both are unique.  Device
 * 0 is the phone and exists as the account's keys and Signal state; companions
 * are SimDevice records, kept after removal so that their number is not reused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_peer.h"

SimAccount *
sim_account_find(const char *number)
{
	return sim_map_get(&sim.by_number, number);
}

SimAccount *
sim_account_get(const char *number)
{
	SimAccount *account;

	if (!sim_util_is_digits(number, 5, 20) || number[0] == '0')
		return NULL;
	account = sim_account_find(number);
	if (account != NULL)
		return account;

	account = sim_util_alloc(sizeof(*account));
	snprintf(account->number, sizeof(account->number), "%s", number);
	snprintf(account->lid, sizeof(account->lid), "1%s", number);
	snprintf(account->platform, sizeof(account->platform), "android");
	snprintf(account->name, sizeof(account->name), "Person %s", number + strlen(number) - 4);
	account->raw_id = (uint32_t) (sim_util_random() >> 33) + 1;
	account->next = sim.accounts;
	sim.accounts = account;
	sim.n_accounts++;
	sim_map_put(&sim.by_number, account->number, account);
	if (sim_map_get(&sim.by_lid, account->lid) == NULL)
		sim_map_put(&sim.by_lid, account->lid, account);
	else
	{
		/* somebody chose that LID before: take a free one */
		do
			snprintf(account->lid, sizeof(account->lid), "%015llu",
					 (unsigned long long) (sim_util_random() % UINT64_C(900000000000000)) +
						 UINT64_C(100000000000000));
		while (sim_map_get(&sim.by_lid, account->lid) != NULL);
		sim_map_put(&sim.by_lid, account->lid, account);
	}
	return account;
}

SimAccount *
sim_account_by_jid(WaStr text)
{
	WaJid jid;
	char user[32];

	if (jid_parse(text, &jid) != WA_OK || jid.user.len == 0 || jid.user.len >= sizeof(user))
		return NULL;
	memcpy(user, jid.user.data, jid.user.len);
	user[jid.user.len] = '\0';
	if (jid.server == JID_PN)
		return sim_map_get(&sim.by_number, user);
	if (jid.server == JID_LID)
		return sim_map_get(&sim.by_lid, user);
	return NULL;
}

SimPhoneKeys *
sim_account_keys(SimAccount *account)
{
	uint8_t key[33];
	SimPhoneKeys *keys;

	if (account->keys != NULL)
		return account->keys;
	keys = sim_util_alloc(sizeof(*keys));
	key[0] = 5;
	if (crypto_keypair_generate(sim.env, &keys->identity) != WA_OK ||
		crypto_keypair_generate(sim.env, &keys->signed_prekey) != WA_OK ||
		(memcpy(key + 1, keys->signed_prekey.public_key, 32),
		 crypto_sign(sim.env, keys->identity.private_key, key, sizeof(key), keys->signature)) !=
			WA_OK)
	{
		fputs("wa_simulator: cannot make keys\n", stderr);
		exit(1);
	}
	keys->registration_id = 1 + (uint32_t) (sim_util_random() % 16380);
	account->keys = keys;
	return keys;
}

void
sim_account_new_keys(SimAccount *account)
{
	free(account->keys);
	account->keys = NULL;
	account->raw_id = (uint32_t) (sim_util_random() >> 33) + 1;
	free(account->key_index_list);
	account->key_index_list = NULL;
}

bool
sim_account_set_lid(SimAccount *account, const char *lid)
{
	SimAccount *other = sim_map_get(&sim.by_lid, lid);

	if (!sim_util_is_digits(lid, 5, 20) || (other != NULL && other != account))
		return false;
	sim_map_remove(&sim.by_lid, account->lid);
	snprintf(account->lid, sizeof(account->lid), "%s", lid);
	sim_map_put(&sim.by_lid, account->lid, account);
	return true;
}

bool
sim_account_set_number(SimAccount *account, const char *number)
{
	if (!sim_util_is_digits(number, 5, 20) || sim_account_find(number) != NULL)
		return false;
	sim_map_remove(&sim.by_number, account->number);
	snprintf(account->number, sizeof(account->number), "%s", number);
	sim_map_put(&sim.by_number, account->number, account);
	return true;
}

WaStr
sim_account_jid(WaArena *arena, const SimAccount *account, bool lid)
{
	return arena_printf(arena, "%s@%s", lid ? account->lid : account->number,
						lid ? "lid" : "s.whatsapp.net");
}

WaStr
sim_account_device_jid(WaArena *arena, const SimDevice *device, bool lid)
{
	const SimAccount *account = device->account;

	return arena_printf(arena, "%s:%d@%s", lid ? account->lid : account->number, device->id,
						lid ? "lid" : "s.whatsapp.net");
}

SimDevice *
sim_account_device(SimAccount *account, int id)
{
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (device->id == id && !device->removed)
			return device;
	}
	return NULL;
}

SimDevice *
sim_account_device_by_jid(WaStr text)
{
	SimAccount *account = sim_account_by_jid(text);
	WaJid jid;

	if (account == NULL || jid_parse(text, &jid) != WA_OK)
		return NULL;
	return sim_account_device(account, jid.device);
}

static void
devices_changed(SimAccount *account)
{
	free(account->key_index_list);
	account->key_index_list = NULL;
}

SimDevice *
sim_account_add_device(SimAccount *account)
{
	SimDevice *device = sim_util_alloc(sizeof(*device));
	SimDevice **end = &account->devices;

	device->account = account;
	device->id = ++account->last_device;
	device->serial = ++sim.last_serial;
	while (*end != NULL)
		end = &(*end)->next;
	*end = device;
	devices_changed(account);
	return device;
}

void
sim_account_remove_device(SimDevice *device, bool tell)
{
	SimConn *conn = device->conn;

	device->removed = true;
	devices_changed(device->account);
	sim_queue_clear(device);
	sim_peer_forget(device);
	free(device->prekeys.bytes);
	memset(&device->prekeys, 0, sizeof(device->prekeys));
	if (conn != NULL)
	{
		if (tell)
			sim_login_stream_error(conn, "401", "device_removed");
		else
			sim_server_close(conn);
	}
}

void
sim_account_log(SimDevice *device, bool out, const uint8_t *bytes, size_t len)
{
	SimLogEntry *entry = &device->log[device->log_next];

	device->log_next = (device->log_next + 1) % SIM_LOG_SIZE;
	free(entry->bytes);
	entry->at_us = sim_util_now_us();
	entry->out = out;
	entry->len = len;
	entry->bytes = len <= 2048 ? memcpy(sim_util_alloc(len + 1), bytes, len) : NULL;
}

/* ADVSignedKeyIndexList (sheet 1, prefix 06 02), cached until devices change. */
WaStr
sim_account_key_index_list(SimAccount *account)
{
	if (account->key_index_list == NULL)
	{
		SimPhoneKeys *keys = sim_account_keys(account);
		SimProto list = {.len = 0};
		SimProto signed_list = {.len = 0};
		uint8_t indexes[128];
		size_t n = 0;
		uint8_t message[2 + 512];
		uint8_t signature[CRYPTO_SIGNATURE_LEN];

		indexes[n++] = 0;
		for (SimDevice *device = account->devices; device != NULL; device = device->next)
		{
			if (!device->removed && device->id < 128 && n < sizeof(indexes))
				indexes[n++] = (uint8_t) device->id;
		}
		sim_proto_uint(&list, 1, account->raw_id);
		sim_proto_uint(&list, 2, (uint64_t) sim_util_now());
		sim_proto_uint(&list, 3, account->last_device);
		sim_proto_bytes(&list, 4, indexes, n);
		message[0] = 6;
		message[1] = 2;
		memcpy(message + 2, list.data, list.len);
		if (crypto_sign(sim.env, keys->identity.private_key, message, list.len + 2, signature) !=
			WA_OK)
			return WA_STR_NONE;
		sim_proto_bytes(&signed_list, 1, list.data, list.len);
		sim_proto_bytes(&signed_list, 2, signature, sizeof(signature));
		account->key_index_list = sim_util_alloc(signed_list.len);
		memcpy(account->key_index_list, signed_list.data, signed_list.len);
		account->key_index_list_len = signed_list.len;
	}
	return (WaStr){(const char *) account->key_index_list, account->key_index_list_len};
}
