/*
 * signal_group.c
 *		Sender keys: reading group messages, and learning new keys.
 *		Sheet 2 section 3.5.
 */
#include "signal.h"

#include <group_cipher.h>
#include <group_session_builder.h>
#include <protocol.h>
#include <sender_key.h>
#include <sender_key_record.h>
#include <sender_key_state.h>

#include "signal_record.h"
#include "signal_store.h"
#include "wire.h"

/* How far libsignal walks a chain. */
#define MAX_FORWARD 2000

/* Message.SenderKeyDistributionMessage */
#define SKDM_GROUP_ID 1
#define SKDM_KEY 2

static signal_protocol_sender_key_name
name_of(WaStr chat, const SignalPeer *peer)
{
	return (signal_protocol_sender_key_name){chat.data, chat.len, signal_peer_address(peer)};
}

/*
 * The device whose record has the key: the sender's own, else another one of
 * the same person, as stanzas name the device of a message and of its key
 * differently.  False when nobody has it.
 */
static bool
find_device(WaSignal *signal, WaStr chat, const SignalPeer *peer, uint32_t key_id, uint32_t *device)
{
	WaStr name = signal_store_name(&peer->main);
	SignalEntry *entry = NULL;
	bool found = false;

	while ((entry = signal_store_next(signal, entry, SIGNAL_SENDER_KEY, chat, name)) != NULL)
	{
		size_t len;
		const uint8_t *data = signal_store_value(entry, &len);

		if (data == NULL || !signal_record_has_key(data, len, key_id))
			continue;
		*device = entry->key.number;
		if (*device == peer->main.device)
			return true;
		found = true;
	}
	return found;
}

int
signal_group_read(WaSignal *signal, const SignalMessage *message, const SignalPeer *peer,
				  signal_buffer **plain)
{
	signal_protocol_sender_key_name name = name_of(message->chat, peer);
	sender_key_message *parsed = NULL;
	group_cipher *cipher = NULL;
	uint32_t device;
	int rc = sender_key_message_deserialize(&parsed, message->data, message->len, signal->context);

	if (rc < 0)
		return rc;
	signal->wanted_id = sender_key_message_get_key_id(parsed);
	signal->wanted_iteration = sender_key_message_get_iteration(parsed);
	signal->has_wanted = true;
	if (!find_device(signal, message->chat, peer, signal->wanted_id, &device))
		rc = SG_ERR_NO_SESSION; /* libsignal would call an unknown key id a bad message */
	else
	{
		name.sender.device_id = (int32_t) device;
		rc = group_cipher_create(&cipher, signal->store, &name, signal->context);
		if (rc >= 0)
			rc = group_cipher_decrypt(cipher, parsed, NULL, plain);
		group_cipher_free(cipher);
	}
	SIGNAL_UNREF(parsed);
	return rc;
}

/* ---- learning ---- */

/*
 * Is the distributed key the one that the record has?  libsignal would put a
 * second state in front, at the distributed iteration: messages could be
 * replayed, and every message that repeats its key would push an older state
 * out.  A chain that we are too far behind on is worth replacing, though: it
 * could never be walked to the end.
 */
static int
is_known(WaSignal *signal, const uint8_t *data, size_t len,
		 sender_key_distribution_message *distributed)
{
	sender_key_record *record = NULL;
	sender_key_state *state = NULL;
	uint32_t iteration = sender_key_distribution_message_get_iteration(distributed);
	uint32_t reached;
	int rc = sender_key_record_deserialize(&record, data, len, signal->context);

	if (rc < 0)
		return rc;
	if (sender_key_record_get_sender_key_state_by_id(
			record, &state, sender_key_distribution_message_get_id(distributed)) >= 0 &&
		ec_public_key_compare(sender_key_state_get_signing_key_public(state),
							  sender_key_distribution_message_get_signature_key(distributed)) == 0)
	{
		reached = sender_chain_key_get_iteration(sender_key_state_get_chain_key(state));
		rc = iteration <= reached || iteration - reached <= MAX_FORWARD;
	}
	SIGNAL_UNREF(record);
	return rc;
}

static int
add_key(WaSignal *signal, const signal_protocol_sender_key_name *name,
		sender_key_distribution_message *distributed)
{
	SignalKey key = {SIGNAL_SENDER_KEY,
					 {name->group_id, name->group_id_len},
					 {name->sender.name, name->sender.name_len},
					 (uint32_t) name->sender.device_id};
	group_session_builder *builder = NULL;
	const uint8_t *data;
	size_t len;
	int rc = 0;

	signal->fault = signal_store_get(signal, &key, &data, &len);
	if (signal->fault == WA_OK && data != NULL)
	{
		rc = is_known(signal, data, len, distributed);
		if (rc > 0)
			return rc;
		/* a record that cannot be read would stay so for ever */
		if (rc < 0 && rc != SG_ERR_NOMEM)
			signal->fault = signal_store_put(signal, &key, NULL, 0);
		if (rc == SG_ERR_NOMEM)
			return rc;
	}
	if (signal->fault != WA_OK)
		return CRYPTO_PROVIDER_FAULT;
	rc = group_session_builder_create(&builder, signal->store, signal->context);
	if (rc >= 0)
		rc = group_session_builder_process_session(builder, name, distributed);
	group_session_builder_free(builder);
	return rc;
}

WaStatus
signal_learn_key(WaSignal *signal, const SignalMessage *message, const uint8_t *data, size_t len)
{
	SignalPeer peer;
	signal_protocol_sender_key_name name;
	sender_key_distribution_message *distributed = NULL;
	WaWireField group;
	WaWireField key;
	WaStatus status = signal_store_peer(message->sender, message->alternate, &peer);
	int rc;

	if (status != WA_OK)
		return status;
	if (!wire_find(data, len, SKDM_KEY, WIRE_BYTES, &key))
		return WA_ERR_MALFORMED;
	if (message->chat.len == 0 || message->chat.len > SIGNAL_MAX_NAME ||
		(wire_find(data, len, SKDM_GROUP_ID, WIRE_BYTES, &group) &&
		 (group.len != message->chat.len ||
		  !crypto_equal(group.data, message->chat.data, group.len))))
		return WA_ERR_ARGUMENT;

	signal_store_begin(signal);
	rc = sender_key_distribution_message_deserialize(&distributed, key.data, key.len,
													 signal->context);
	if (rc < 0)
		return rc == SG_ERR_NOMEM ? WA_ERR_NOMEM : WA_ERR_MALFORMED;
	name = name_of(message->chat, &peer);
	status = signal_peer_bring(signal, &peer, message->chat);
	if (status == WA_OK)
	{
		rc = add_key(signal, &name, distributed);
		if (rc < 0 || signal->fault != WA_OK)
			status = signal_peer_fault(signal, rc);
	}
	signal_store_end(signal, status == WA_OK);
	SIGNAL_UNREF(distributed);
	return status;
}
