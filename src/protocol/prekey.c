/*
 * prekey.c
 *		One-time prekeys.  Ids only grow, so that none is reused while its
 *		private key may still be needed.
 */
#include "prekey.h"

WaStatus
prekey_generate(const WaEnv *env, WaDevice *device, WaPrekey *keys, int count)
{
	uint32_t first = device->next_prekey_id;

	if (count < 1 || count > PREKEY_MAX_BATCH)
		return WA_ERR_ARGUMENT;
	if (first < 1 || first + (uint32_t) count - 1 > PREKEY_MAX_ID)
		first = 1;
	for (int i = 0; i < count; i++)
	{
		WaStatus status = crypto_keypair_generate(env, &keys[i].pair);

		if (status != WA_OK)
			return status;
		keys[i].id = first + (uint32_t) i;
	}
	device->next_prekey_id = first + (uint32_t) count;
	return WA_OK;
}

static void
prekey_set_id(WaNode *node, uint32_t id)
{
	uint8_t bytes[3] = {(uint8_t) (id >> 16), (uint8_t) (id >> 8), (uint8_t) id};

	node_set_bytes(node, bytes, sizeof(bytes));
}

WaNode *
prekey_upload(WaArena *arena, const WaDevice *device, uint32_t first_id,
			  uint8_t (*publics)[CRYPTO_KEY_LEN], int count)
{
	static const uint8_t key_type = 5;
	uint32_t id = device->registration_id;
	uint8_t registration[4] = {(uint8_t) (id >> 24), (uint8_t) (id >> 16), (uint8_t) (id >> 8),
							   (uint8_t) id};
	WaNode *iq = node_new(arena, "iq");
	WaNode *list;
	WaNode *skey;

	node_set_jid(iq, "to", str_from("s.whatsapp.net"));
	node_set(iq, "type", "set");
	node_set(iq, "xmlns", "encrypt");
	node_set_bytes(node_add(iq, "registration"), registration, sizeof(registration));
	node_set_bytes(node_add(iq, "type"), &key_type, 1);
	node_set_bytes(node_add(iq, "identity"), device->identity.public_key, CRYPTO_KEY_LEN);
	list = node_add(iq, "list");
	for (int i = 0; i < count; i++)
	{
		WaNode *key = node_add(list, "key");

		prekey_set_id(node_add(key, "id"), first_id + (uint32_t) i);
		node_set_bytes(node_add(key, "value"), publics[i], CRYPTO_KEY_LEN);
	}
	skey = node_add(iq, "skey");
	prekey_set_id(node_add(skey, "id"), device->signed_prekey.id);
	node_set_bytes(node_add(skey, "value"), device->signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
	node_set_bytes(node_add(skey, "signature"), device->signed_prekey_signature,
				   CRYPTO_SIGNATURE_LEN);
	return iq;
}
