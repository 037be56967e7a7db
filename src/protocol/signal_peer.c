/*
 * signal_peer.c
 *		The people of the Signal layer: their two names, their identities, and
 *		sessions that we start and write to.
 */
#include "signal.h"

#include <string.h>

#include <curve.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <session_pre_key.h>

#include "signal_store.h"

#define KEY_TYPE 0x05

signal_protocol_address
signal_peer_address(const SignalPeer *peer)
{
	return (signal_protocol_address){peer->main.text, peer->main.len, (int32_t) peer->main.device};
}

WaStatus
signal_peer_fault(const WaSignal *signal, int rc)
{
	if (signal->fault != WA_OK)
		return signal->fault;
	if (rc == SG_ERR_NOMEM)
		return WA_ERR_NOMEM;
	return rc == CRYPTO_PROVIDER_FAULT ? WA_ERR_CRYPTO : WA_ERR_MALFORMED;
}

/* ---- two names ---- */

static WaStatus
move_kind(WaSignal *signal, unsigned kind, WaStr chat, WaStr from, WaStr to)
{
	SignalEntry *entry = NULL;
	WaStatus status = WA_OK;

	while (status == WA_OK && (entry = signal_store_next(signal, entry, kind, chat, from)) != NULL)
		status = signal_store_move(signal, entry, to);
	return status;
}

WaStatus
signal_peer_bring(WaSignal *signal, const SignalPeer *peer, WaStr chat)
{
	SignalNeedKind need = chat.len > 0 ? SIGNAL_NEED_SENDERS : SIGNAL_NEED_PEER;
	WaStr to = signal_store_name(&peer->main);
	WaStr from = signal_store_name(&peer->other);
	WaStatus status;

	if (!signal_store_asked(signal, need, chat, to, 0) ||
		(peer->has_other && !signal_store_asked(signal, need, chat, from, 0)))
		return WA_ERR_STATE;
	if (!peer->has_other)
		return WA_OK;
	status = move_kind(signal, chat.len > 0 ? SIGNAL_SENDER_KEY : SIGNAL_SESSION, chat, from, to);
	if (status == WA_OK)
		status =
			move_kind(signal, chat.len > 0 ? SIGNAL_SKIPPED_KEYS : SIGNAL_IDENTITY, chat, from, to);
	return status;
}

static WaStatus
parse_pair(WaStr pn, WaStr lid, SignalPeer *out)
{
	WaStatus status = signal_store_peer(pn, lid, out);

	if (status == WA_OK && !out->has_other)
		status = WA_ERR_ARGUMENT;
	return status;
}

static bool
has_record(WaSignal *signal, unsigned kind, WaStr chat, WaStr name)
{
	SignalEntry *entry = NULL;
	size_t len;

	while ((entry = signal_store_next(signal, entry, kind, chat, name)) != NULL)
	{
		if (signal_store_value(entry, &len) != NULL)
			return true;
	}
	return false;
}

bool
signal_is_split(WaSignal *signal, WaStr jid, WaStr alternate, WaStr chat)
{
	SignalPeer peer;
	WaStr other;

	if (signal_store_peer(jid, alternate, &peer) != WA_OK || !peer.has_other)
		return false;
	other = signal_store_name(&peer.other);
	return has_record(signal, SIGNAL_SESSION, WA_STR_NONE, other) ||
		   has_record(signal, SIGNAL_IDENTITY, WA_STR_NONE, other) ||
		   (chat.len > 0 && has_record(signal, SIGNAL_SENDER_KEY, chat, other));
}

WaStatus
signal_needs_move(WaSignal *signal, WaStr pn, WaStr lid)
{
	SignalPeer peer;
	WaStatus status = parse_pair(pn, lid, &peer);

	if (status == WA_OK)
		status = signal_needs_peer(signal, pn, lid);
	if (status == WA_OK)
		status = signal_store_ask(signal, SIGNAL_NEED_SENDERS, WA_STR_NONE,
								  signal_store_name(&peer.main), 0);
	if (status == WA_OK)
		status = signal_store_ask(signal, SIGNAL_NEED_SENDERS, WA_STR_NONE,
								  signal_store_name(&peer.other), 0);
	return status;
}

WaStatus
signal_move(WaSignal *signal, WaStr pn, WaStr lid)
{
	SignalPeer peer;
	WaStr from;
	WaStr to;
	WaStatus status = parse_pair(pn, lid, &peer);

	if (status != WA_OK)
		return status;
	from = signal_store_name(&peer.other);
	to = signal_store_name(&peer.main);
	if (!signal_store_asked(signal, SIGNAL_NEED_SENDERS, WA_STR_NONE, from, 0) ||
		!signal_store_asked(signal, SIGNAL_NEED_SENDERS, WA_STR_NONE, to, 0))
		return WA_ERR_STATE;
	signal_store_begin(signal);
	status = signal_peer_bring(signal, &peer, WA_STR_NONE);
	/* new entries go to the front of a bucket, so that none is met twice */
	for (size_t i = 0; status == WA_OK && i < SIGNAL_BUCKETS; i++)
	{
		for (SignalEntry *entry = signal->buckets[i]; status == WA_OK && entry != NULL;
			 entry = entry->next)
		{
			if ((entry->key.kind == SIGNAL_SENDER_KEY || entry->key.kind == SIGNAL_SKIPPED_KEYS) &&
				str_equal(entry->key.name, from))
				status = signal_store_move(signal, entry, to);
		}
	}
	signal_store_end(signal, status == WA_OK);
	return status;
}

/* ---- identities ---- */

WaStatus
signal_needs_peer(WaSignal *signal, WaStr jid, WaStr alternate)
{
	SignalPeer peer;
	WaStatus status = signal_store_peer(jid, alternate, &peer);

	if (status == WA_OK)
		status = signal_store_ask(signal, SIGNAL_NEED_PEER, WA_STR_NONE,
								  signal_store_name(&peer.main), 0);
	if (status == WA_OK && peer.has_other)
		status = signal_store_ask(signal, SIGNAL_NEED_PEER, WA_STR_NONE,
								  signal_store_name(&peer.other), 0);
	return status;
}

static WaStatus
forget_kind(WaSignal *signal, unsigned kind, WaStr name)
{
	SignalEntry *entry = NULL;
	WaStatus status = WA_OK;

	while (status == WA_OK &&
		   (entry = signal_store_next(signal, entry, kind, WA_STR_NONE, name)) != NULL)
		status = signal_store_put(signal, &entry->key, NULL, 0);
	return status;
}

WaStatus
signal_forget_peer(WaSignal *signal, WaStr jid, WaStr alternate)
{
	SignalPeer peer;
	WaStatus status = signal_store_peer(jid, alternate, &peer);

	if (status != WA_OK)
		return status;
	signal_store_begin(signal);
	/* what is under the other name comes over first, and goes with the rest */
	status = signal_peer_bring(signal, &peer, WA_STR_NONE);
	if (status == WA_OK)
		status = forget_kind(signal, SIGNAL_SESSION, signal_store_name(&peer.main));
	if (status == WA_OK)
		status = forget_kind(signal, SIGNAL_IDENTITY, signal_store_name(&peer.main));
	signal_store_end(signal, status == WA_OK);
	return status;
}

/* ---- starting a session ---- */

static bool
read_number(const WaNode *node, size_t width, uint32_t *out)
{
	*out = 0;
	if (node == NULL || node->bytes.len != width)
		return false;
	for (size_t i = 0; i < width; i++)
		*out = *out << 8 | (uint8_t) node->bytes.data[i];
	return true;
}

static bool
read_bytes(const WaNode *node, size_t len, uint8_t *out)
{
	if (node == NULL || node->bytes.len != len)
		return false;
	memcpy(out, node->bytes.data, len);
	return true;
}

WaStatus
signal_bundle_parse(const WaNode *user, SignalBundle *out)
{
	const WaNode *skey = node_child(user, "skey");
	const WaNode *key = node_child(user, "key");
	SignalBundle bundle = {0};

	if (!read_number(node_child(user, "registration"), 4, &bundle.registration_id) ||
		!read_bytes(node_child(user, "identity"), CRYPTO_KEY_LEN, bundle.identity) ||
		!read_number(node_child(skey, "id"), 3, &bundle.signed_prekey_id) ||
		!read_bytes(node_child(skey, "value"), CRYPTO_KEY_LEN, bundle.signed_prekey) ||
		!read_bytes(node_child(skey, "signature"), CRYPTO_SIGNATURE_LEN, bundle.signature))
		return WA_ERR_MALFORMED;
	bundle.has_prekey = key != NULL;
	if (key != NULL && (!read_number(node_child(key, "id"), 3, &bundle.prekey_id) ||
						!read_bytes(node_child(key, "value"), CRYPTO_KEY_LEN, bundle.prekey)))
		return WA_ERR_MALFORMED;
	*out = bundle;
	return WA_OK;
}

static int
decode_key(WaSignal *signal, const uint8_t raw[CRYPTO_KEY_LEN], ec_public_key **out)
{
	uint8_t typed[1 + CRYPTO_KEY_LEN] = {KEY_TYPE};

	memcpy(typed + 1, raw, CRYPTO_KEY_LEN);
	return curve_decode_point(out, typed, sizeof(typed), signal->context);
}

static int
process_bundle(WaSignal *signal, const SignalPeer *peer, const SignalBundle *bundle)
{
	signal_protocol_address address = signal_peer_address(peer);
	session_builder *builder = NULL;
	session_pre_key_bundle *keys = NULL;
	ec_public_key *identity = NULL;
	ec_public_key *signed_prekey = NULL;
	ec_public_key *prekey = NULL;
	int rc = decode_key(signal, bundle->identity, &identity);

	if (rc >= 0)
		rc = decode_key(signal, bundle->signed_prekey, &signed_prekey);
	if (rc >= 0 && bundle->has_prekey)
		rc = decode_key(signal, bundle->prekey, &prekey);
	if (rc >= 0)
		rc = session_pre_key_bundle_create(&keys, bundle->registration_id, address.device_id,
										   bundle->prekey_id, prekey, bundle->signed_prekey_id,
										   signed_prekey, bundle->signature,
										   sizeof(bundle->signature), identity);
	if (rc >= 0)
		rc = session_builder_create(&builder, signal->store, &address, signal->context);
	if (rc >= 0)
		rc = session_builder_process_pre_key_bundle(builder, keys);
	session_builder_free(builder);
	SIGNAL_UNREF(keys);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(signed_prekey);
	SIGNAL_UNREF(identity);
	return rc;
}

WaStatus
signal_start_session(WaSignal *signal, WaStr jid, WaStr alternate, const SignalBundle *bundle)
{
	SignalPeer peer;
	WaStatus status = signal_store_peer(jid, alternate, &peer);
	int rc = 0;

	if (status != WA_OK)
		return status;
	signal_store_begin(signal);
	status = signal_peer_bring(signal, &peer, WA_STR_NONE);
	if (status == WA_OK)
		rc = process_bundle(signal, &peer, bundle);
	if (signal->fault == WA_OK && rc == SG_ERR_INVALID_KEY)
		status = WA_ERR_SIGNATURE;
	else if (signal->fault == WA_OK && rc == SG_ERR_UNTRUSTED_IDENTITY)
		status = WA_ERR_CERTIFICATE;
	else if (signal->fault != WA_OK || rc < 0)
		status = signal_peer_fault(signal, rc);
	signal_store_end(signal, status == WA_OK);
	return status;
}

/* ---- writing ---- */

static bool
has_session(WaSignal *signal, const SignalAddress *address)
{
	SignalKey key = {SIGNAL_SESSION, WA_STR_NONE, signal_store_name(address), address->device};
	const uint8_t *data;
	size_t len;

	return signal_store_get(signal, &key, &data, &len) == WA_OK && data != NULL;
}

bool
signal_has_session(WaSignal *signal, WaStr jid, WaStr alternate)
{
	SignalPeer peer;

	return signal_store_peer(jid, alternate, &peer) == WA_OK &&
		   (has_session(signal, &peer.main) ||
			(peer.has_other && has_session(signal, &peer.other)));
}

static int
encrypt(WaSignal *signal, const SignalPeer *peer, const WaBuf *padded, ciphertext_message **out)
{
	signal_protocol_address address = signal_peer_address(peer);
	session_cipher *cipher = NULL;
	int rc = session_cipher_create(&cipher, signal->store, &address, signal->context);

	if (rc >= 0)
		rc = session_cipher_encrypt(cipher, buf_data(padded), buf_len(padded), out);
	session_cipher_free(cipher);
	return rc;
}

/* Appends the plaintext and its padding: n bytes of the value n, 1 <= n <= 16. */
static WaStatus
pad(WaSignal *signal, const uint8_t *plain, size_t len, WaBuf *out)
{
	uint8_t padding[SIGNAL_MAX_PADDING];
	uint8_t n;
	WaStatus status = crypto_random(signal->env, &n, 1);

	n = (uint8_t) (n % SIGNAL_MAX_PADDING + 1);
	memset(padding, n, n);
	if (status == WA_OK && len > 0)
		status = buf_append(out, plain, len);
	return status == WA_OK ? buf_append(out, padding, n) : status;
}

WaStatus
signal_write(WaSignal *signal, WaStr jid, WaStr alternate, const uint8_t *plain, size_t len,
			 WaBuf *out, SignalType *type)
{
	SignalPeer peer;
	ciphertext_message *message = NULL;
	signal_buffer *serialized;
	WaBuf padded;
	WaStatus status = signal_store_peer(jid, alternate, &peer);
	int rc;

	if (status != WA_OK)
		return status;
	signal_store_begin(signal);
	buf_init(&padded, signal->env, SIGNAL_MAX_CIPHERTEXT);
	status = signal_peer_bring(signal, &peer, WA_STR_NONE);
	if (status == WA_OK && !has_session(signal, &peer.main))
		status = WA_ERR_ARGUMENT;
	if (status == WA_OK)
		status = pad(signal, plain, len, &padded);
	if (status == WA_OK)
	{
		rc = encrypt(signal, &peer, &padded, &message);
		if (rc < 0 || signal->fault != WA_OK)
			status = signal_peer_fault(signal, rc);
	}
	if (status == WA_OK)
	{
		serialized = ciphertext_message_get_serialized(message);
		status = buf_append(out, signal_buffer_data(serialized), signal_buffer_len(serialized));
		*type = ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE ? SIGNAL_PKMSG
																			   : SIGNAL_MSG;
	}
	SIGNAL_UNREF(message);
	buf_free(&padded);
	signal_store_end(signal, status == WA_OK);
	return status;
}
