/*
 * signal_phone.c
 *		Somebody else's phone.  See signal_phone.h.
 */
#include "signal_phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <curve.h>
#include <group_cipher.h>
#include <group_session_builder.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <session_pre_key.h>

#include "../../src/protocol/crypto_provider.h"
#include "../../src/protocol/wire.h"

#define PADDING 3

static const signal_protocol_address bot_address = {"bot", 3, 1};
static const signal_protocol_address own_address = {"me", 2, 0};

/* ---- its store ---- */

static int
load_session(signal_buffer **record, signal_buffer **user, const signal_protocol_address *address,
			 void *data)
{
	SignalPhone *phone = data;

	(void) user;
	(void) address;
	if (phone->session == NULL)
		return 0;
	*record = signal_buffer_copy(phone->session);
	return 1;
}

static int
store_session(const signal_protocol_address *address, uint8_t *record, size_t len, uint8_t *user,
			  size_t user_len, void *data)
{
	SignalPhone *phone = data;

	(void) address;
	(void) user;
	(void) user_len;
	signal_buffer_free(phone->session);
	phone->session = signal_buffer_create(record, len);
	return 0;
}

static int
contains_session(const signal_protocol_address *address, void *data)
{
	(void) address;
	return ((SignalPhone *) data)->session != NULL;
}

static int
get_key_pair(signal_buffer **public_data, signal_buffer **private_data, void *data)
{
	SignalPhone *phone = data;
	uint8_t typed[33] = {5};

	memcpy(typed + 1, phone->identity.public_key, 32);
	*public_data = signal_buffer_create(typed, sizeof(typed));
	*private_data = signal_buffer_create(phone->identity.private_key, 32);
	return 0;
}

static int
get_registration_id(void *data, uint32_t *id)
{
	*id = ((SignalPhone *) data)->registration_id;
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

static ec_key_pair *
pair_of(const WaKeyPair *pair)
{
	uint8_t typed[33] = {5};
	ec_public_key *public_key = NULL;
	ec_private_key *private_key = NULL;
	ec_key_pair *result = NULL;

	memcpy(typed + 1, pair->public_key, 32);
	assert_int_equal(curve_decode_point(&public_key, typed, sizeof(typed), NULL), 0);
	assert_int_equal(curve_decode_private_point(&private_key, pair->private_key, 32, NULL), 0);
	assert_int_equal(ec_key_pair_create(&result, public_key, private_key), 0);
	SIGNAL_UNREF(public_key);
	SIGNAL_UNREF(private_key);
	return result;
}

static int
load_prekey(signal_buffer **record, uint32_t id, void *data)
{
	SignalPhone *phone = data;
	session_pre_key *key = NULL;
	ec_key_pair *pair;

	if (id != phone->prekey.id)
		return SG_ERR_INVALID_KEY_ID;
	pair = pair_of(&phone->prekey.pair);
	assert_int_equal(session_pre_key_create(&key, id, pair), 0);
	assert_int_equal(session_pre_key_serialize(record, key), 0);
	SIGNAL_UNREF(key);
	SIGNAL_UNREF(pair);
	return 0;
}

static int
remove_prekey(uint32_t id, void *data)
{
	(void) id, (void) data;
	return 0;
}

static int
load_signed_prekey(signal_buffer **record, uint32_t id, void *data)
{
	SignalPhone *phone = data;
	session_signed_pre_key *key = NULL;
	ec_key_pair *pair;

	if (id != phone->signed_prekey.id)
		return SG_ERR_INVALID_KEY_ID;
	pair = pair_of(&phone->signed_prekey.pair);
	assert_int_equal(session_signed_pre_key_create(&key, id, 0, pair, phone->signature, 64), 0);
	assert_int_equal(session_signed_pre_key_serialize(record, key), 0);
	SIGNAL_UNREF(key);
	SIGNAL_UNREF(pair);
	return 0;
}

static PhoneGroup *
group_of(SignalPhone *phone, const char *id, size_t len)
{
	for (int i = 0; i < PHONE_GROUPS; i++)
	{
		PhoneGroup *group = &phone->groups[i];

		if (group->id[0] == '\0')
			snprintf(group->id, sizeof(group->id), "%.*s", (int) len, id);
		if (strlen(group->id) == len && memcmp(group->id, id, len) == 0)
			return group;
	}
	fail_msg("too many groups");
	return NULL;
}

static int
store_sender_key(const signal_protocol_sender_key_name *name, uint8_t *record, size_t len,
				 uint8_t *user, size_t user_len, void *data)
{
	PhoneGroup *group = group_of(data, name->group_id, name->group_id_len);

	(void) user;
	(void) user_len;
	signal_buffer_free(group->record);
	group->record = signal_buffer_create(record, len);
	return 0;
}

static int
load_sender_key(signal_buffer **record, signal_buffer **user,
				const signal_protocol_sender_key_name *name, void *data)
{
	PhoneGroup *group = group_of(data, name->group_id, name->group_id_len);

	(void) user;
	if (group->record == NULL)
		return 0;
	*record = signal_buffer_copy(group->record);
	return 1;
}

/* ---- its life ---- */

void
phone_init(SignalPhone *phone, const WaEnv *env)
{
	uint8_t typed[33] = {5};
	signal_protocol_session_store sessions = {
		.load_session_func = load_session,
		.store_session_func = store_session,
		.contains_session_func = contains_session,
		.user_data = phone,
	};
	signal_protocol_pre_key_store prekeys = {
		.load_pre_key = load_prekey, .remove_pre_key = remove_prekey, .user_data = phone};
	signal_protocol_signed_pre_key_store signed_prekeys = {
		.load_signed_pre_key = load_signed_prekey, .user_data = phone};
	signal_protocol_identity_key_store identities = {
		.get_identity_key_pair = get_key_pair,
		.get_local_registration_id = get_registration_id,
		.save_identity = save_identity,
		.is_trusted_identity = is_trusted,
		.user_data = phone,
	};
	signal_protocol_sender_key_store sender_keys = {.store_sender_key = store_sender_key,
													.load_sender_key = load_sender_key,
													.user_data = phone};

	memset(phone, 0, sizeof(*phone));
	phone->env = env;
	phone->registration_id = 4711;
	phone->prekey.id = 7;
	phone->signed_prekey.id = 9;
	assert_int_equal(crypto_keypair_generate(env, &phone->identity), WA_OK);
	assert_int_equal(crypto_keypair_generate(env, &phone->prekey.pair), WA_OK);
	assert_int_equal(crypto_keypair_generate(env, &phone->signed_prekey.pair), WA_OK);
	memcpy(typed + 1, phone->signed_prekey.pair.public_key, 32);
	assert_int_equal(
		crypto_sign(env, phone->identity.private_key, typed, sizeof(typed), phone->signature),
		WA_OK);
	assert_int_equal(crypto_provider_context(env, &phone->context), WA_OK);
	assert_int_equal(signal_protocol_store_context_create(&phone->store, phone->context), 0);
	signal_protocol_store_context_set_session_store(phone->store, &sessions);
	signal_protocol_store_context_set_pre_key_store(phone->store, &prekeys);
	signal_protocol_store_context_set_signed_pre_key_store(phone->store, &signed_prekeys);
	signal_protocol_store_context_set_identity_key_store(phone->store, &identities);
	signal_protocol_store_context_set_sender_key_store(phone->store, &sender_keys);
}

void
phone_free(SignalPhone *phone)
{
	signal_buffer_free(phone->session);
	for (int i = 0; i < PHONE_GROUPS; i++)
		signal_buffer_free(phone->groups[i].record);
	signal_protocol_store_context_destroy(phone->store);
	signal_context_destroy(phone->context);
}

static ec_public_key *
point_of(const uint8_t raw[32])
{
	uint8_t typed[33] = {5};
	ec_public_key *key = NULL;

	memcpy(typed + 1, raw, 32);
	assert_int_equal(curve_decode_point(&key, typed, sizeof(typed), NULL), 0);
	return key;
}

void
phone_start(SignalPhone *phone, const WaDevice *bot, const WaPrekey *prekey)
{
	ec_public_key *identity = point_of(bot->identity.public_key);
	ec_public_key *signed_key = point_of(bot->signed_prekey.pair.public_key);
	ec_public_key *one_time = prekey == NULL ? NULL : point_of(prekey->pair.public_key);
	session_pre_key_bundle *bundle = NULL;
	session_builder *builder = NULL;

	assert_int_equal(session_pre_key_bundle_create(
						 &bundle, bot->registration_id, 1, prekey == NULL ? 0 : prekey->id,
						 one_time, bot->signed_prekey.id, signed_key, bot->signed_prekey_signature,
						 CRYPTO_SIGNATURE_LEN, identity),
					 0);
	assert_int_equal(session_builder_create(&builder, phone->store, &bot_address, phone->context),
					 0);
	assert_int_equal(session_builder_process_pre_key_bundle(builder, bundle), 0);
	session_builder_free(builder);
	SIGNAL_UNREF(bundle);
	SIGNAL_UNREF(identity);
	SIGNAL_UNREF(signed_key);
	SIGNAL_UNREF(one_time);
}

void
phone_bundle(const SignalPhone *phone, SignalBundle *out)
{
	memset(out, 0, sizeof(*out));
	out->registration_id = phone->registration_id;
	memcpy(out->identity, phone->identity.public_key, CRYPTO_KEY_LEN);
	out->signed_prekey_id = phone->signed_prekey.id;
	memcpy(out->signed_prekey, phone->signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
	memcpy(out->signature, phone->signature, CRYPTO_SIGNATURE_LEN);
	out->has_prekey = true;
	out->prekey_id = phone->prekey.id;
	memcpy(out->prekey, phone->prekey.pair.public_key, CRYPTO_KEY_LEN);
}

/* ---- messages ---- */

static void
take(ciphertext_message *message, WaBuf *out)
{
	signal_buffer *bytes = ciphertext_message_get_serialized(message);

	assert_int_equal(buf_append(out, signal_buffer_data(bytes), signal_buffer_len(bytes)), WA_OK);
	SIGNAL_UNREF(message);
}

void
phone_write_raw(SignalPhone *phone, const void *data, size_t len, WaBuf *out, SignalType *type)
{
	session_cipher *cipher = NULL;
	ciphertext_message *message = NULL;

	assert_int_equal(session_cipher_create(&cipher, phone->store, &bot_address, phone->context), 0);
	assert_int_equal(session_cipher_encrypt(cipher, data, len, &message), 0);
	*type =
		ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE ? SIGNAL_PKMSG : SIGNAL_MSG;
	take(message, out);
	session_cipher_free(cipher);
}

static size_t
pad(const char *text, char *room, size_t size)
{
	size_t len = strlen(text);

	assert_true(len + PADDING <= size);
	memcpy(room, text, len);
	memset(room + len, PADDING, PADDING);
	return len + PADDING;
}

void
phone_write(SignalPhone *phone, const char *text, WaBuf *out, SignalType *type)
{
	char padded[512];

	phone_write_raw(phone, padded, pad(text, padded, sizeof(padded)), out, type);
}

void
phone_read(SignalPhone *phone, SignalType type, const uint8_t *data, size_t len, WaBuf *out)
{
	session_cipher *cipher = NULL;
	signal_buffer *plain = NULL;
	size_t plain_len;
	uint8_t padding;

	assert_int_equal(session_cipher_create(&cipher, phone->store, &bot_address, phone->context), 0);
	if (type == SIGNAL_PKMSG)
	{
		pre_key_signal_message *message = NULL;

		assert_int_equal(pre_key_signal_message_deserialize(&message, data, len, phone->context),
						 0);
		assert_int_equal(
			session_cipher_decrypt_pre_key_signal_message(cipher, message, NULL, &plain), 0);
		SIGNAL_UNREF(message);
	}
	else
	{
		signal_message *message = NULL;

		assert_int_equal(signal_message_deserialize(&message, data, len, phone->context), 0);
		assert_int_equal(session_cipher_decrypt_signal_message(cipher, message, NULL, &plain), 0);
		SIGNAL_UNREF(message);
	}
	session_cipher_free(cipher);
	plain_len = signal_buffer_len(plain);
	assert_true(plain_len > 0);
	padding = signal_buffer_data(plain)[plain_len - 1];
	assert_in_range(padding, 1, 16);
	assert_true(padding <= plain_len);
	assert_int_equal(buf_append(out, signal_buffer_data(plain), plain_len - padding), WA_OK);
	signal_buffer_free(plain);
}

/* ---- groups ---- */

static signal_protocol_sender_key_name
name_of(const char *group)
{
	return (signal_protocol_sender_key_name){group, strlen(group), own_address};
}

void
phone_distribute(SignalPhone *phone, const char *group, const char *named, WaBuf *out)
{
	signal_protocol_sender_key_name name = name_of(group);
	group_session_builder *builder = NULL;
	sender_key_distribution_message *message = NULL;
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	assert_int_equal(group_session_builder_create(&builder, phone->store, phone->context), 0);
	assert_int_equal(group_session_builder_create_session(builder, &message, &name), 0);
	take((ciphertext_message *) message, &key);
	group_session_builder_free(builder);
	if (named != NULL)
		assert_int_equal(wire_put_bytes(out, 1, named, strlen(named)), WA_OK);
	assert_int_equal(wire_put_bytes(out, 2, buf_data(&key), buf_len(&key)), WA_OK);
	buf_free(&key);
}

void
phone_write_group(SignalPhone *phone, const char *group, const char *text, WaBuf *out)
{
	signal_protocol_sender_key_name name = name_of(group);
	group_cipher *cipher = NULL;
	ciphertext_message *message = NULL;
	char padded[512];
	size_t len = pad(text, padded, sizeof(padded));

	assert_int_equal(group_cipher_create(&cipher, phone->store, &name, phone->context), 0);
	assert_int_equal(group_cipher_encrypt(cipher, (uint8_t *) padded, len, &message), 0);
	take(message, out);
	group_cipher_free(cipher);
}

void
phone_rotate(SignalPhone *phone, const char *group)
{
	PhoneGroup *found = group_of(phone, group, strlen(group));

	signal_buffer_free(found->record);
	found->record = NULL;
}
