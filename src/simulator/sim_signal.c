/*
 * sim_signal.c
 *		The Signal state of simulated phones: libsignal with a store in memory.
 *		Sheet 2 sections 4 and 7.3.
 *
 * libsignal's addresses are never on the wire, so they are the service's own:
 * a device's serial number, 0 for the phone itself.  Sessions survive a change
 * of number or LID that way.
 *
 * Running out of memory or randomness ends the process, as everywhere here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curve.h>
#include <group_cipher.h>
#include <group_session_builder.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <session_pre_key.h>

#include "../protocol/crypto_provider.h"
#include "../protocol/wire.h"
#include "sim_message.h"

#define SIGNED_PREKEY_ID 1
#define MAX_PADDING 16

/* The phone's own sender key of one group. */
typedef struct OwnKey
{
	signal_buffer *record; /* NULL: to be made */
	uint64_t departures;   /* of the group when it was made */
	uint8_t *given;        /* a bit for each device's serial number */
	size_t given_len;
} OwnKey;

struct SimSignal
{
	SimAccount *account;
	signal_protocol_store_context *store;
	SimMap sessions;    /* serial number -> signal_buffer */
	SimMap own_keys;    /* group -> OwnKey */
	SimMap sender_keys; /* group/serial number -> signal_buffer */
	SimMap prekeys;     /* id -> WaKeyPair */
	uint32_t last_prekey;
};

static signal_context *context;

static void
must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "wa_simulator: libsignal failed with %d\n", rc);
	exit(1);
}

/* ---- keys as libsignal has them ---- */

static ec_public_key *
point_of(const uint8_t raw[32])
{
	uint8_t typed[33] = {5};
	ec_public_key *key = NULL;

	memcpy(typed + 1, raw, 32);
	must(curve_decode_point(&key, typed, sizeof(typed), context));
	return key;
}

static ec_key_pair *
pair_of(const WaKeyPair *pair)
{
	ec_public_key *public_key = point_of(pair->public_key);
	ec_private_key *private_key = NULL;
	ec_key_pair *result = NULL;

	must(curve_decode_private_point(&private_key, pair->private_key, 32, context));
	must(ec_key_pair_create(&result, public_key, private_key));
	SIGNAL_UNREF(public_key);
	SIGNAL_UNREF(private_key);
	return result;
}

/* ---- the store ---- */

static void
replace(SimMap *map, const char *key, const uint8_t *data, size_t len)
{
	signal_buffer_free(sim_map_get(map, key));
	if (data == NULL)
		sim_map_remove(map, key);
	else
		sim_map_put(map, key, signal_buffer_create(data, len));
}

static int
load_from(const SimMap *map, const char *key, signal_buffer **record)
{
	const signal_buffer *kept = sim_map_get(map, key);

	if (kept == NULL)
		return 0;
	*record = signal_buffer_copy(kept);
	return 1;
}

static const char *
number_key(char out[16], uint32_t number)
{
	snprintf(out, 16, "%u", number);
	return out;
}

static int
load_session(signal_buffer **record, signal_buffer **user, const signal_protocol_address *address,
			 void *data)
{
	SimSignal *signal = data;
	char key[16];

	(void) user;
	return load_from(&signal->sessions, number_key(key, (uint32_t) address->device_id), record);
}

static int
store_session(const signal_protocol_address *address, uint8_t *record, size_t len, uint8_t *user,
			  size_t user_len, void *data)
{
	SimSignal *signal = data;
	char key[16];

	(void) user;
	(void) user_len;
	replace(&signal->sessions, number_key(key, (uint32_t) address->device_id), record, len);
	return 0;
}

static int
contains_session(const signal_protocol_address *address, void *data)
{
	SimSignal *signal = data;
	char key[16];

	return sim_map_get(&signal->sessions, number_key(key, (uint32_t) address->device_id)) != NULL;
}

static int
get_key_pair(signal_buffer **public_data, signal_buffer **private_data, void *data)
{
	const WaKeyPair *identity = &sim_account_keys(((SimSignal *) data)->account)->identity;
	uint8_t typed[33] = {5};

	memcpy(typed + 1, identity->public_key, 32);
	*public_data = signal_buffer_create(typed, sizeof(typed));
	*private_data = signal_buffer_create(identity->private_key, 32);
	return 0;
}

static int
get_registration_id(void *data, uint32_t *id)
{
	*id = sim_account_keys(((SimSignal *) data)->account)->registration_id;
	return 0;
}

static int
save_identity(const signal_protocol_address *address, uint8_t *key, size_t len, void *data)
{
	(void) address, (void) key, (void) len, (void) data;
	return 0;
}

static int
is_trusted(const signal_protocol_address *address, uint8_t *key, size_t len, void *data)
{
	(void) address, (void) key, (void) len, (void) data;
	return 1;
}

static int
load_prekey(signal_buffer **record, uint32_t id, void *data)
{
	SimSignal *signal = data;
	session_pre_key *prekey = NULL;
	ec_key_pair *pair;
	char key[16];
	const WaKeyPair *kept = sim_map_get(&signal->prekeys, number_key(key, id));

	if (kept == NULL)
		return SG_ERR_INVALID_KEY_ID;
	pair = pair_of(kept);
	must(session_pre_key_create(&prekey, id, pair));
	must(session_pre_key_serialize(record, prekey));
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return 0;
}

static int
remove_prekey(uint32_t id, void *data)
{
	SimSignal *signal = data;
	char key[16];

	free(sim_map_get(&signal->prekeys, number_key(key, id)));
	sim_map_remove(&signal->prekeys, key);
	return 0;
}

static int
load_signed_prekey(signal_buffer **record, uint32_t id, void *data)
{
	const SimPhoneKeys *keys = sim_account_keys(((SimSignal *) data)->account);
	session_signed_pre_key *prekey = NULL;
	ec_key_pair *pair;

	if (id != SIGNED_PREKEY_ID)
		return SG_ERR_INVALID_KEY_ID;
	pair = pair_of(&keys->signed_prekey);
	must(session_signed_pre_key_create(&prekey, id, 0, pair, keys->signature, 64));
	must(session_signed_pre_key_serialize(record, prekey));
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return 0;
}

static OwnKey *
own_key(SimSignal *signal, const char *group)
{
	OwnKey *key = sim_map_get(&signal->own_keys, group);

	if (key == NULL)
	{
		key = sim_util_alloc(sizeof(*key));
		sim_map_put(&signal->own_keys, group, key);
	}
	return key;
}

static const char *
sender_key(char out[64], const char *group, uint32_t serial)
{
	snprintf(out, 64, "%s/%u", group, serial);
	return out;
}

static int
store_sender_key(const signal_protocol_sender_key_name *name, uint8_t *record, size_t len,
				 uint8_t *user, size_t user_len, void *data)
{
	SimSignal *signal = data;
	char key[64];

	(void) user;
	(void) user_len;
	if (name->sender.device_id == 0)
	{
		OwnKey *own = own_key(signal, name->group_id);

		signal_buffer_free(own->record);
		own->record = signal_buffer_create(record, len);
	}
	else
		replace(&signal->sender_keys,
				sender_key(key, name->group_id, (uint32_t) name->sender.device_id), record, len);
	return 0;
}

static int
load_sender_key(signal_buffer **record, signal_buffer **user,
				const signal_protocol_sender_key_name *name, void *data)
{
	SimSignal *signal = data;
	char key[64];

	(void) user;
	if (name->sender.device_id == 0)
	{
		const OwnKey *own = own_key(signal, name->group_id);

		if (own->record == NULL)
			return 0;
		*record = signal_buffer_copy(own->record);
		return 1;
	}
	return load_from(&signal->sender_keys,
					 sender_key(key, name->group_id, (uint32_t) name->sender.device_id), record);
}

static SimSignal *
signal_of(SimAccount *account)
{
	SimSignal *signal = account->signal;
	signal_protocol_session_store sessions = {
		.load_session_func = load_session,
		.store_session_func = store_session,
		.contains_session_func = contains_session,
	};
	signal_protocol_pre_key_store prekeys = {.load_pre_key = load_prekey,
											 .remove_pre_key = remove_prekey};
	signal_protocol_signed_pre_key_store signed_prekeys = {.load_signed_pre_key =
															   load_signed_prekey};
	signal_protocol_identity_key_store identities = {
		.get_identity_key_pair = get_key_pair,
		.get_local_registration_id = get_registration_id,
		.save_identity = save_identity,
		.is_trusted_identity = is_trusted,
	};
	signal_protocol_sender_key_store sender_keys = {.store_sender_key = store_sender_key,
													.load_sender_key = load_sender_key};

	if (signal != NULL)
		return signal;
	if (context == NULL && crypto_provider_context(sim.env, &context) != WA_OK)
		must(SG_ERR_NOMEM);
	signal = account->signal = sim_util_alloc(sizeof(*signal));
	signal->account = account;
	sessions.user_data = prekeys.user_data = signed_prekeys.user_data = signal;
	identities.user_data = sender_keys.user_data = signal;
	must(signal_protocol_store_context_create(&signal->store, context));
	must(signal_protocol_store_context_set_session_store(signal->store, &sessions));
	must(signal_protocol_store_context_set_pre_key_store(signal->store, &prekeys));
	must(signal_protocol_store_context_set_signed_pre_key_store(signal->store, &signed_prekeys));
	must(signal_protocol_store_context_set_identity_key_store(signal->store, &identities));
	must(signal_protocol_store_context_set_sender_key_store(signal->store, &sender_keys));
	return signal;
}

static void
free_buffers(SimMap *map)
{
	for (size_t i = 0; i < map->capacity; i++)
	{
		if (map->slots[i].key != NULL)
			signal_buffer_free(map->slots[i].value);
	}
	sim_map_free(map);
}

static void
free_own_key(OwnKey *own)
{
	signal_buffer_free(own->record);
	free(own->given);
	memset(own, 0, sizeof(*own));
}

void
sim_signal_forget(SimAccount *account)
{
	SimSignal *signal = account->signal;

	if (signal == NULL)
		return;
	account->signal = NULL;
	free_buffers(&signal->sessions);
	free_buffers(&signal->sender_keys);
	for (size_t i = 0; i < signal->own_keys.capacity; i++)
	{
		if (signal->own_keys.slots[i].key == NULL)
			continue;
		free_own_key(signal->own_keys.slots[i].value);
		free(signal->own_keys.slots[i].value);
	}
	sim_map_free(&signal->own_keys);
	for (size_t i = 0; i < signal->prekeys.capacity; i++)
	{
		if (signal->prekeys.slots[i].key != NULL)
			free(signal->prekeys.slots[i].value);
	}
	sim_map_free(&signal->prekeys);
	signal_protocol_store_context_destroy(signal->store);
	free(signal);
}

/* ---- sessions ---- */

const char *
sim_signal_cipher_name(SimCipher cipher)
{
	return cipher == SIM_PKMSG ? "pkmsg" : cipher == SIM_MSG ? "msg" : "skmsg";
}

bool
sim_signal_cipher_from(WaStr text, SimCipher *out)
{
	for (SimCipher cipher = SIM_PKMSG; cipher <= SIM_SKMSG; cipher++)
	{
		if (str_is(text, sim_signal_cipher_name(cipher)))
		{
			*out = cipher;
			return true;
		}
	}
	return false;
}

void
sim_signal_new_prekey(SimAccount *account, uint32_t *id, uint8_t public_key[32])
{
	SimSignal *signal = signal_of(account);
	WaKeyPair *pair = sim_util_alloc(sizeof(*pair));
	char key[16];

	if (crypto_keypair_generate(sim.env, pair) != WA_OK)
		must(SG_ERR_UNKNOWN);
	*id = ++signal->last_prekey;
	memcpy(public_key, pair->public_key, 32);
	sim_map_put(&signal->prekeys, number_key(key, *id), pair);
}

/* Names are borrowed by libsignal's objects: they must not be on the stack of a helper. */
static signal_protocol_address
address_of(const SimDevice *device)
{
	return (signal_protocol_address){"", 0, device == NULL ? 0 : (int32_t) device->serial};
}

bool
sim_signal_knows(const SimAccount *account, const SimDevice *device)
{
	char key[16];

	return account->signal != NULL &&
		   sim_map_get(&account->signal->sessions, number_key(key, device->serial)) != NULL;
}

bool
sim_signal_start(SimAccount *account, const SimDevice *device, const SimBundle *bundle)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_address address = address_of(device);
	ec_public_key *identity = point_of(bundle->identity);
	ec_public_key *signed_key = point_of(bundle->signed_prekey);
	ec_public_key *one_time = bundle->has_prekey ? point_of(bundle->prekey) : NULL;
	session_pre_key_bundle *keys = NULL;
	session_builder *builder = NULL;
	int rc;

	must(session_pre_key_bundle_create(
		&keys, bundle->registration_id, 1, bundle->has_prekey ? bundle->prekey_id : 0, one_time,
		bundle->signed_prekey_id, signed_key, bundle->signature, 64, identity));
	must(session_builder_create(&builder, signal->store, &address, context));
	rc = session_builder_process_pre_key_bundle(builder, keys);
	session_builder_free(builder);
	SIGNAL_UNREF(keys);
	SIGNAL_UNREF(identity);
	SIGNAL_UNREF(signed_key);
	SIGNAL_UNREF(one_time);
	return rc == 0;
}

void
sim_signal_end(SimAccount *account, const SimDevice *device)
{
	char key[16];

	replace(&signal_of(account)->sessions, number_key(key, device->serial), NULL, 0);
}

uint32_t
sim_signal_registration(SimAccount *account, const SimDevice *device)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_address address = address_of(device);
	session_cipher *cipher = NULL;
	uint32_t id = 0;

	if (!sim_signal_knows(account, device))
		return 0;
	must(session_cipher_create(&cipher, signal->store, &address, context));
	if (session_cipher_get_remote_registration_id(cipher, &id) != 0)
		id = 0;
	session_cipher_free(cipher);
	return id;
}

/* 1 to 16 bytes, each saying how many. */
static uint8_t *
pad(const void *plain, size_t len, size_t *padded)
{
	size_t n = 1 + sim_util_random() % MAX_PADDING;
	uint8_t *result = sim_util_grow(NULL, len + n);

	if (len > 0)
		memcpy(result, plain, len);
	memset(result + len, (int) n, n);
	*padded = len + n;
	return result;
}

static void
put(ciphertext_message *message, WaBuf *out)
{
	signal_buffer *bytes = ciphertext_message_get_serialized(message);

	if (buf_append(out, signal_buffer_data(bytes), signal_buffer_len(bytes)) != WA_OK)
		must(SG_ERR_NOMEM);
	SIGNAL_UNREF(message);
}

bool
sim_signal_write(SimAccount *account, const SimDevice *device, const void *plain, size_t len,
				 WaBuf *out, SimCipher *type)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_address address = address_of(device);
	session_cipher *cipher = NULL;
	ciphertext_message *message = NULL;
	uint8_t *padded;

	if (!sim_signal_knows(account, device))
		return false;
	padded = pad(plain, len, &len);
	must(session_cipher_create(&cipher, signal->store, &address, context));
	must(session_cipher_encrypt(cipher, padded, len, &message));
	*type = ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE ? SIM_PKMSG : SIM_MSG;
	put(message, out);
	session_cipher_free(cipher);
	free(padded);
	return true;
}

/* Takes what was decrypted, without its padding. */
static int
take(int rc, signal_buffer *plain, WaBuf *out)
{
	size_t len;
	uint8_t n;

	if (rc == 0)
	{
		len = signal_buffer_len(plain);
		n = len == 0 ? 0 : signal_buffer_data(plain)[len - 1];
		if (n == 0 || n > MAX_PADDING || n > len)
			rc = SG_ERR_INVALID_MESSAGE;
		else if (buf_append(out, signal_buffer_data(plain), len - n) != WA_OK)
			rc = SG_ERR_NOMEM;
	}
	signal_buffer_free(plain);
	return rc;
}

int
sim_signal_read(SimAccount *account, const SimDevice *device, SimCipher type, const void *data,
				size_t len, WaBuf *out)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_address address = address_of(device);
	session_cipher *cipher = NULL;
	signal_buffer *plain = NULL;
	int rc;

	must(session_cipher_create(&cipher, signal->store, &address, context));
	if (type == SIM_PKMSG)
	{
		pre_key_signal_message *message = NULL;

		rc = pre_key_signal_message_deserialize(&message, data, len, context);
		if (rc == 0)
			rc = session_cipher_decrypt_pre_key_signal_message(cipher, message, NULL, &plain);
		SIGNAL_UNREF(message);
	}
	else
	{
		signal_message *message = NULL;

		rc = signal_message_deserialize(&message, data, len, context);
		if (rc == 0)
			rc = session_cipher_decrypt_signal_message(cipher, message, NULL, &plain);
		SIGNAL_UNREF(message);
	}
	session_cipher_free(cipher);
	return take(rc, plain, out);
}

/* ---- groups ---- */

static signal_protocol_sender_key_name
name_of(const SimGroup *group, const SimDevice *device)
{
	return (signal_protocol_sender_key_name){group->id, strlen(group->id), address_of(device)};
}

/* Forgets the present key when somebody who could read it has left. */
static OwnKey *
present_key(SimAccount *account, const SimGroup *group)
{
	OwnKey *own = own_key(signal_of(account), group->id);

	if (own->departures != group->departures)
	{
		free_own_key(own);
		own->departures = group->departures;
	}
	return own;
}

void
sim_signal_rotate(SimAccount *account, const SimGroup *group)
{
	free_own_key(present_key(account, group));
	own_key(signal_of(account), group->id)->departures = group->departures;
}

bool
sim_signal_has_key(SimAccount *account, const SimGroup *group, const SimDevice *device)
{
	const OwnKey *own = present_key(account, group);

	return device->serial / 8 < own->given_len &&
		   (own->given[device->serial / 8] & 1 << device->serial % 8) != 0;
}

void
sim_signal_gave_key(SimAccount *account, const SimGroup *group, const SimDevice *device)
{
	OwnKey *own = present_key(account, group);
	size_t at = device->serial / 8;

	if (at >= own->given_len)
	{
		own->given = sim_util_grow(own->given, at + 16);
		memset(own->given + own->given_len, 0, at + 16 - own->given_len);
		own->given_len = at + 16;
	}
	own->given[at] |= (uint8_t) (1 << device->serial % 8);
}

static void
make_distribution(SimAccount *account, const SimGroup *group, WaBuf *out)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_sender_key_name name = name_of(group, NULL);
	group_session_builder *builder = NULL;
	sender_key_distribution_message *message = NULL;

	(void) present_key(account, group);
	must(group_session_builder_create(&builder, signal->store, context));
	must(group_session_builder_create_session(builder, &message, &name));
	put((ciphertext_message *) message, out);
	group_session_builder_free(builder);
}

void
sim_signal_distribution(SimAccount *account, const SimGroup *group, WaBuf *out)
{
	char jid[64];
	WaBuf key;

	buf_init(&key, sim.env, 4096);
	make_distribution(account, group, &key);
	snprintf(jid, sizeof(jid), "%s@g.us", group->id);
	if (wire_put_bytes(out, 1, jid, strlen(jid)) != WA_OK ||
		wire_put_bytes(out, 2, buf_data(&key), buf_len(&key)) != WA_OK)
		must(SG_ERR_NOMEM);
	buf_free(&key);
}

void
sim_signal_write_group(SimAccount *account, const SimGroup *group, const void *plain, size_t len,
					   WaBuf *out)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_sender_key_name name = name_of(group, NULL);
	group_cipher *cipher = NULL;
	ciphertext_message *message = NULL;
	uint8_t *padded = pad(plain, len, &len);

	if (present_key(account, group)->record == NULL)
	{
		WaBuf unused;

		buf_init(&unused, sim.env, 4096);
		make_distribution(account, group, &unused);
		buf_free(&unused);
	}
	must(group_cipher_create(&cipher, signal->store, &name, context));
	must(group_cipher_encrypt(cipher, padded, len, &message));
	put(message, out);
	group_cipher_free(cipher);
	free(padded);
}

int
sim_signal_learn_key(SimAccount *account, const SimGroup *group, const SimDevice *device,
					 const void *data, size_t len)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_sender_key_name name = name_of(group, device);
	group_session_builder *builder = NULL;
	sender_key_distribution_message *message = NULL;
	WaWireField field;
	int rc;

	if (!wire_find(data, len, 2, WIRE_BYTES, &field))
		return SG_ERR_INVALID_PROTO_BUF;
	rc = sender_key_distribution_message_deserialize(&message, field.data, field.len, context);
	if (rc < 0)
		return rc;
	must(group_session_builder_create(&builder, signal->store, context));
	rc = group_session_builder_process_session(builder, &name, message);
	group_session_builder_free(builder);
	SIGNAL_UNREF(message);
	return rc;
}

bool
sim_signal_knows_key(const SimAccount *account, const SimGroup *group, const SimDevice *device)
{
	char key[64];

	return account->signal != NULL &&
		   sim_map_get(&account->signal->sender_keys, sender_key(key, group->id, device->serial)) !=
			   NULL;
}

int
sim_signal_read_group(SimAccount *account, const SimGroup *group, const SimDevice *device,
					  const void *data, size_t len, WaBuf *out)
{
	SimSignal *signal = signal_of(account);
	signal_protocol_sender_key_name name = name_of(group, device);
	group_cipher *cipher = NULL;
	sender_key_message *message = NULL;
	signal_buffer *plain = NULL;
	int rc = sender_key_message_deserialize(&message, data, len, context);

	if (rc < 0)
		return rc;
	must(group_cipher_create(&cipher, signal->store, &name, context));
	rc = group_cipher_decrypt(cipher, message, NULL, &plain);
	group_cipher_free(cipher);
	SIGNAL_UNREF(message);
	return take(rc, plain, out);
}
