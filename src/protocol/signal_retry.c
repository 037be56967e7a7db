/*
 * signal_retry.c
 *		Retry receipts.
 */
#include "signal_retry.h"

static void
set_number(WaNode *node, uint32_t value, size_t width)
{
	uint8_t bytes[4] = {(uint8_t) (value >> 24), (uint8_t) (value >> 16), (uint8_t) (value >> 8),
						(uint8_t) value};

	node_set_bytes(node, bytes + sizeof(bytes) - width, width);
}

static void
add_keys(WaNode *receipt, const WaDevice *device, const WaPrekey *prekey)
{
	static const uint8_t key_type = 5;
	WaNode *keys = node_add(receipt, "keys");
	WaNode *key;
	WaNode *skey;

	node_set_bytes(node_add(keys, "type"), &key_type, 1);
	node_set_bytes(node_add(keys, "identity"), device->identity.public_key, CRYPTO_KEY_LEN);
	key = node_add(keys, "key");
	set_number(node_add(key, "id"), prekey->id, 3);
	node_set_bytes(node_add(key, "value"), prekey->pair.public_key, CRYPTO_KEY_LEN);
	skey = node_add(keys, "skey");
	set_number(node_add(skey, "id"), device->signed_prekey.id, 3);
	node_set_bytes(node_add(skey, "value"), device->signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
	node_set_bytes(node_add(skey, "signature"), device->signed_prekey_signature,
				   CRYPTO_SIGNATURE_LEN);
	node_set_bytes(node_add(keys, "device-identity"), device->account, device->account_len);
}

WaNode *
signal_retry_receipt(WaArena *arena, const WaNode *message, const WaDevice *device, unsigned count,
					 SignalRetryReason reason, const WaPrekey *prekey)
{
	WaStr id = node_attr(message, "id");
	WaNode *receipt;
	WaNode *retry;

	if (id.data == NULL || node_attr(message, "from").data == NULL)
		return NULL;
	receipt = node_new(arena, "receipt");
	node_set_str(receipt, "id", id);
	node_copy_attr(receipt, "to", message, "from");
	node_set(receipt, "type", "retry");
	node_copy_attr(receipt, "participant", message, "participant");
	node_copy_attr(receipt, "recipient", message, "recipient");
	if (str_is(node_attr(message, "category"), "peer"))
		node_set(receipt, "category", "peer");

	retry = node_add(receipt, "retry");
	node_set(retry, "v", "1");
	node_set_u64(retry, "count", count);
	node_set_str(retry, "id", id);
	node_copy_attr(retry, "t", message, "t");
	if (reason != RETRY_UNKNOWN)
		node_set_u64(retry, "error", (uint64_t) reason);
	set_number(node_add(receipt, "registration"), device->registration_id, 4);
	if (prekey != NULL)
		add_keys(receipt, device, prekey);
	return arena->failed ? NULL : receipt;
}
