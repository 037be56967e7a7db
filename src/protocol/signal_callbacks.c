/*
 * signal_callbacks.c
 *		What libsignal calls while it reads or writes a message.
 *
 * Invariant: nothing here jumps, waits or reaches outside memory.  Reading sees
 * the drafts of the running call, writing makes drafts.  Callbacks that neither
 * the ciphers nor the session builders call are not installed.
 */
#include "signal_store.h"

#include <string.h>

#include <curve.h>
#include <session_pre_key.h>

#include "signal_record.h"
#include "wire.h"

#define TYPED_KEY_LEN (1 + CRYPTO_KEY_LEN)
#define KEY_TYPE 0x05

/* Sessions above this are looked through for keys over the limit. */
#define TRIM_FROM 8192

#define ACCOUNT_SIGNATURE_KEY 2 /* of ADVSignedDeviceIdentity */

static int
fault(WaSignal *signal, WaStatus status)
{
	signal->fault = status;
	return CRYPTO_PROVIDER_FAULT;
}

static int
give(signal_buffer **out, const uint8_t *data, size_t len)
{
	*out = signal_buffer_create(data, len);
	return *out == NULL ? SG_ERR_NOMEM : SG_SUCCESS;
}

static SignalKey
address_key(SignalKind kind, const signal_protocol_address *address)
{
	return (SignalKey){
		kind, WA_STR_NONE, {address->name, address->name_len}, (uint32_t) address->device_id};
}

/* ---- sessions ---- */

static int
load_session(signal_buffer **record, signal_buffer **user_record,
			 const signal_protocol_address *address, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = address_key(SIGNAL_SESSION, address);
	const uint8_t *data;
	size_t len;
	WaStatus status = signal_store_get(signal, &key, &data, &len);

	(void) user_record;
	if (status != WA_OK)
		return fault(signal, status);
	if (data == NULL)
		return 0;
	return give(record, data, len) == SG_SUCCESS ? 1 : SG_ERR_NOMEM;
}

static int
contains_session(const signal_protocol_address *address, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = address_key(SIGNAL_SESSION, address);
	const uint8_t *data;
	size_t len;
	WaStatus status = signal_store_get(signal, &key, &data, &len);

	return status != WA_OK ? fault(signal, status) : data != NULL;
}

static int
store_session(const signal_protocol_address *address, uint8_t *record, size_t len,
			  uint8_t *user_record, size_t user_len, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = address_key(SIGNAL_SESSION, address);
	WaBuf trimmed;
	WaStatus status;

	(void) user_record;
	(void) user_len;
	if (len <= TRIM_FROM && !signal_record_has_old(record, len))
		status = signal_store_put(signal, &key, record, len);
	else
	{
		buf_init(&trimmed, signal->env, SIGNAL_MAX_RECORD);
		status = signal_record_trim(record, len, &trimmed);
		if (status == WA_OK)
			status = signal_store_put(signal, &key, buf_data(&trimmed), buf_len(&trimmed));
		buf_free(&trimmed);
	}
	return status == WA_OK ? SG_SUCCESS : fault(signal, status);
}

/* ---- our keys ---- */

static int
load_key_pair(signal_buffer **public_data, signal_buffer **private_data, void *user_data)
{
	const WaKeyPair *pair = &((WaSignal *) user_data)->device->identity;
	uint8_t typed[TYPED_KEY_LEN] = {KEY_TYPE};

	memcpy(typed + 1, pair->public_key, CRYPTO_KEY_LEN);
	if (give(public_data, typed, sizeof(typed)) != SG_SUCCESS)
		return SG_ERR_NOMEM;
	if (give(private_data, pair->private_key, CRYPTO_KEY_LEN) == SG_SUCCESS)
		return SG_SUCCESS;
	signal_buffer_free(*public_data);
	*public_data = NULL;
	return SG_ERR_NOMEM;
}

static int
load_registration_id(void *user_data, uint32_t *registration_id)
{
	*registration_id = ((WaSignal *) user_data)->device->registration_id;
	return SG_SUCCESS;
}

static int
make_pair(const uint8_t *private_key, ec_key_pair **out)
{
	ec_private_key *private_point = NULL;
	ec_public_key *public_point = NULL;
	int rc = curve_decode_private_point(&private_point, private_key, CRYPTO_KEY_LEN, NULL);

	if (rc >= 0)
		rc = curve_generate_public_key(&public_point, private_point);
	if (rc >= 0)
		rc = ec_key_pair_create(out, public_point, private_point);
	SIGNAL_UNREF(public_point);
	SIGNAL_UNREF(private_point);
	return rc;
}

static int
load_prekey(signal_buffer **record, uint32_t id, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = {SIGNAL_PREKEY, WA_STR_NONE, WA_STR_NONE, id};
	ec_key_pair *pair = NULL;
	session_pre_key *prekey = NULL;
	const uint8_t *data;
	size_t len;
	WaStatus status = signal_store_get(signal, &key, &data, &len);
	int rc;

	if (status != WA_OK)
		return fault(signal, status);
	if (data == NULL)
		return SG_ERR_INVALID_KEY_ID;
	rc = make_pair(data, &pair);
	if (rc >= 0)
		rc = session_pre_key_create(&prekey, id, pair);
	if (rc >= 0)
		rc = session_pre_key_serialize(record, prekey);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return rc;
}

static int
remove_prekey(uint32_t id, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = {SIGNAL_PREKEY, WA_STR_NONE, WA_STR_NONE, id};
	WaStatus status = signal_store_put(signal, &key, NULL, 0);

	return status == WA_OK ? SG_SUCCESS : fault(signal, status);
}

static int
load_signed_prekey(signal_buffer **record, uint32_t id, void *user_data)
{
	static const uint8_t no_signature[CRYPTO_SIGNATURE_LEN]; /* nobody reads it here */
	WaSignal *signal = user_data;
	SignalKey key = {SIGNAL_SIGNED_PREKEY, WA_STR_NONE, WA_STR_NONE, id};
	ec_key_pair *pair = NULL;
	session_signed_pre_key *prekey = NULL;
	const uint8_t *data = signal->device->signed_prekey.pair.private_key;
	size_t len;
	WaStatus status = WA_OK;
	int rc;

	if (id != signal->device->signed_prekey.id)
		status = signal_store_get(signal, &key, &data, &len);
	if (status != WA_OK)
		return fault(signal, status);
	if (data == NULL)
		return SG_ERR_INVALID_KEY_ID;
	rc = make_pair(data, &pair);
	if (rc >= 0)
		rc =
			session_signed_pre_key_create(&prekey, id, 0, pair, no_signature, sizeof(no_signature));
	if (rc >= 0)
		rc = session_signed_pre_key_serialize(record, prekey);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return rc;
}

/* ---- their identities ---- */

/* The own phone, whose identity the account's signature on this device names. */
static bool
is_own_phone(const WaSignal *signal, const signal_protocol_address *address)
{
	WaStr name = {address->name, address->name_len};
	SignalAddress own;

	if (address->device_id != 0)
		return false;
	return (signal_store_address(str_from(signal->device->jid), &own) == WA_OK &&
			str_equal(signal_store_name(&own), name)) ||
		   (signal_store_address(str_from(signal->device->lid), &own) == WA_OK &&
			str_equal(signal_store_name(&own), name));
}

static int
is_trusted(const signal_protocol_address *address, uint8_t *data, size_t len, void *user_data)
{
	const WaSignal *signal = user_data;
	WaWireField key;

	/* anybody else may have a new phone: the first use is trusted, a change told */
	if (!is_own_phone(signal, address) ||
		!wire_find(signal->device->account, signal->device->account_len, ACCOUNT_SIGNATURE_KEY,
				   WIRE_BYTES, &key) ||
		key.len != CRYPTO_KEY_LEN)
		return 1;
	return len == TYPED_KEY_LEN && crypto_equal(data + 1, key.data, CRYPTO_KEY_LEN);
}

static int
save_identity(const signal_protocol_address *address, uint8_t *data, size_t len, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = address_key(SIGNAL_IDENTITY, address);
	const uint8_t *old;
	size_t old_len;
	WaStatus status = signal_store_get(signal, &key, &old, &old_len);

	/* without data libsignal takes back what it saved; the drafts are dropped anyway */
	if (status == WA_OK && data == NULL)
		return SG_SUCCESS;
	if (status == WA_OK && len != TYPED_KEY_LEN)
		return SG_ERR_INVALID_KEY;
	if (status == WA_OK)
	{
		if (old != NULL && !crypto_equal(old, data + 1, CRYPTO_KEY_LEN))
			signal->identity_changed = true;
		status = signal_store_put(signal, &key, data + 1, CRYPTO_KEY_LEN);
	}
	return status == WA_OK ? SG_SUCCESS : fault(signal, status);
}

/* ---- sender keys ---- */

static SignalKey
sender_key(SignalKind kind, const signal_protocol_sender_key_name *name)
{
	SignalKey key = address_key(kind, &name->sender);

	key.chat = (WaStr){name->group_id, name->group_id_len};
	return key;
}

static int
load_sender_key(signal_buffer **record, signal_buffer **user_record,
				const signal_protocol_sender_key_name *name, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = sender_key(SIGNAL_SENDER_KEY, name);
	SignalKey skipped_key = sender_key(SIGNAL_SKIPPED_KEYS, name);
	const uint8_t *data;
	const uint8_t *skipped = NULL;
	size_t len;
	size_t skipped_len = 0;
	long index = -1;
	WaBuf joined;
	WaStatus status = signal_store_get(signal, &key, &data, &len);
	int rc;

	(void) user_record;
	if (status == WA_OK && data == NULL)
		return 0;
	if (status == WA_OK && signal->has_wanted)
	{
		status = signal_store_get(signal, &skipped_key, &skipped, &skipped_len);
		index = signal_record_find_skipped(skipped, skipped_len, signal->wanted_id,
										   signal->wanted_iteration);
	}
	if (status != WA_OK)
		return fault(signal, status);
	if (index < 0)
		return give(record, data, len) == SG_SUCCESS ? 1 : SG_ERR_NOMEM;

	buf_init(&joined, signal->env, 2 * SIGNAL_MAX_RECORD);
	status = signal_record_join(data, len, skipped + index * SIGNAL_SKIPPED_LEN, &joined);
	rc = status == WA_OK ? give(record, buf_data(&joined), buf_len(&joined)) : SG_SUCCESS;
	buf_free(&joined);
	if (status == WA_ERR_MALFORMED)
		return SG_ERR_INVALID_PROTO_BUF;
	if (status != WA_OK)
		return fault(signal, status);
	return rc == SG_SUCCESS ? 1 : rc;
}

/*
 * The list of skipped keys after a call: what it was, without the key that was
 * put back into the record, without those whose state is gone, and with what
 * came out of the record (the key put back among them, when it was not used).
 */
static WaStatus
store_skipped(WaSignal *signal, const SignalKey *key, const WaBuf *record, const WaBuf *fresh)
{
	const uint8_t *old;
	size_t old_len;
	long used = -1;
	WaBuf list;
	WaStatus status = signal_store_get(signal, key, &old, &old_len);

	if (status != WA_OK)
		return status;
	if (signal->has_wanted)
		used =
			signal_record_find_skipped(old, old_len, signal->wanted_id, signal->wanted_iteration);
	buf_init(&list, signal->env, 2 * SIGNAL_MAX_RECORD);
	for (size_t i = 0; status == WA_OK && (i + 1) * SIGNAL_SKIPPED_LEN <= old_len; i++)
	{
		const uint8_t *at = old + i * SIGNAL_SKIPPED_LEN;
		uint32_t id =
			(uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];

		if ((long) i != used && signal_record_has_key(buf_data(record), buf_len(record), id))
			status = buf_append(&list, at, SIGNAL_SKIPPED_LEN);
	}
	if (status == WA_OK && buf_len(fresh) > 0)
		status = buf_append(&list, buf_data(fresh), buf_len(fresh));
	if (status == WA_OK && buf_len(&list) > SIGNAL_MAX_SKIPPED * SIGNAL_SKIPPED_LEN)
		buf_consume(&list, buf_len(&list) - SIGNAL_MAX_SKIPPED * SIGNAL_SKIPPED_LEN);
	if (status == WA_OK && (old != NULL || buf_len(&list) > 0))
		status = signal_store_put(signal, key, buf_len(&list) > 0 ? buf_data(&list) : NULL,
								  buf_len(&list));
	buf_free(&list);
	return status;
}

static int
store_sender_key(const signal_protocol_sender_key_name *name, uint8_t *record, size_t len,
				 uint8_t *user_record, size_t user_len, void *user_data)
{
	WaSignal *signal = user_data;
	SignalKey key = sender_key(SIGNAL_SENDER_KEY, name);
	SignalKey skipped_key = sender_key(SIGNAL_SKIPPED_KEYS, name);
	WaBuf rest;
	WaBuf skipped;
	WaStatus status;

	(void) user_record;
	(void) user_len;
	buf_init(&rest, signal->env, SIGNAL_MAX_RECORD);
	buf_init(&skipped, signal->env, SIGNAL_MAX_RECORD);
	status = signal_record_split(record, len, &rest, &skipped);
	if (status == WA_OK)
		status = store_skipped(signal, &skipped_key, &rest, &skipped);
	if (status == WA_OK)
		status = signal_store_put(signal, &key, buf_data(&rest), buf_len(&rest));
	buf_free(&skipped);
	buf_free(&rest);
	return status == WA_OK ? SG_SUCCESS : fault(signal, status);
}

/* ---- installing them ---- */

WaStatus
signal_callbacks_install(WaSignal *signal)
{
	signal_protocol_session_store sessions = {
		.load_session_func = load_session,
		.store_session_func = store_session,
		.contains_session_func = contains_session,
		.user_data = signal,
	};
	signal_protocol_pre_key_store prekeys = {
		.load_pre_key = load_prekey,
		.remove_pre_key = remove_prekey,
		.user_data = signal,
	};
	signal_protocol_signed_pre_key_store signed_prekeys = {
		.load_signed_pre_key = load_signed_prekey,
		.user_data = signal,
	};
	signal_protocol_identity_key_store identities = {
		.get_identity_key_pair = load_key_pair,
		.get_local_registration_id = load_registration_id,
		.save_identity = save_identity,
		.is_trusted_identity = is_trusted,
		.user_data = signal,
	};
	signal_protocol_sender_key_store sender_keys = {
		.store_sender_key = store_sender_key,
		.load_sender_key = load_sender_key,
		.user_data = signal,
	};

	if (signal_protocol_store_context_create(&signal->store, signal->context) < 0)
		return WA_ERR_NOMEM;
	signal_protocol_store_context_set_session_store(signal->store, &sessions);
	signal_protocol_store_context_set_pre_key_store(signal->store, &prekeys);
	signal_protocol_store_context_set_signed_pre_key_store(signal->store, &signed_prekeys);
	signal_protocol_store_context_set_identity_key_store(signal->store, &identities);
	signal_protocol_store_context_set_sender_key_store(signal->store, &sender_keys);
	return WA_OK;
}
