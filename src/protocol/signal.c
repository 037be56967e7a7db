/*
 * signal.c
 *		The Signal layer of one bot: its life, and reading messages.
 *
 * Invariant: signal_read keeps its drafts only after the plaintext has been
 * decrypted, unpadded and handed over.
 */
#include "signal.h"

#include <string.h>

#include <protocol.h>
#include <session_cipher.h>
#include <session_pre_key.h>

#include "signal_store.h"

WaStatus
signal_create(const WaEnv *env, const WaDevice *device, WaSignal **out)
{
	WaSignal *signal = env->alloc(env->ctx, sizeof(*signal));
	WaStatus status;

	if (signal == NULL)
		return WA_ERR_NOMEM;
	memset(signal, 0, sizeof(*signal));
	signal->env = env;
	signal->device = device;
	status = crypto_provider_context(env, &signal->context);
	if (status == WA_OK)
		status = signal_callbacks_install(signal);
	if (status == WA_OK)
		*out = signal;
	else
		signal_free(signal);
	return status;
}

void
signal_free(WaSignal *signal)
{
	if (signal == NULL)
		return;
	signal_discard(signal);
	if (signal->store != NULL)
		signal_protocol_store_context_destroy(signal->store);
	if (signal->context != NULL)
		signal_context_destroy(signal->context);
	signal->env->free(signal->env->ctx, signal);
}

static const char *const type_names[] = {
	[SIGNAL_PKMSG] = "pkmsg",
	[SIGNAL_MSG] = "msg",
	[SIGNAL_SKMSG] = "skmsg",
};

bool
signal_type_from(WaStr text, SignalType *out)
{
	for (int i = SIGNAL_PKMSG; i <= SIGNAL_SKMSG; i++)
	{
		if (str_is(text, type_names[i]))
		{
			*out = (SignalType) i;
			return true;
		}
	}
	return false;
}

const char *
signal_type_name(SignalType type)
{
	return type_names[type];
}

/* ---- what a message needs ---- */

/*
 * The ids are read by libsignal's own parser: one that took a hostile message
 * differently would let it need what nobody was asked for.
 */
static WaStatus
ask_prekeys(WaSignal *signal, const SignalMessage *message)
{
	pre_key_signal_message *parsed = NULL;
	WaStatus status = WA_OK;
	uint32_t id;
	int rc;

	if (message->len == 0 || message->len > SIGNAL_MAX_CIPHERTEXT)
		return WA_OK;
	rc = pre_key_signal_message_deserialize(&parsed, message->data, message->len, signal->context);
	if (rc < 0)
		return rc == SG_ERR_NOMEM ? WA_ERR_NOMEM : WA_OK;
	if (pre_key_signal_message_has_pre_key_id(parsed))
		status = signal_store_ask(signal, SIGNAL_NEED_PREKEY, WA_STR_NONE, WA_STR_NONE,
								  pre_key_signal_message_get_pre_key_id(parsed));
	id = pre_key_signal_message_get_signed_pre_key_id(parsed);
	if (status == WA_OK && id != signal->device->signed_prekey.id)
		status = signal_store_ask(signal, SIGNAL_NEED_SIGNED_PREKEY, WA_STR_NONE, WA_STR_NONE, id);
	SIGNAL_UNREF(parsed);
	return status;
}

WaStatus
signal_needs(WaSignal *signal, const SignalMessage *message)
{
	SignalPeer peer;
	WaStatus status = signal_store_peer(message->sender, message->alternate, &peer);

	if (status == WA_OK && message->type != SIGNAL_SKMSG)
	{
		status = signal_needs_peer(signal, message->sender, message->alternate);
		if (status == WA_OK && message->type == SIGNAL_PKMSG)
			status = ask_prekeys(signal, message);
	}
	/* also for a session's message: it may bring the sender key */
	if (status == WA_OK && message->chat.len > 0 && message->chat.len <= SIGNAL_MAX_NAME)
	{
		status = signal_store_ask(signal, SIGNAL_NEED_SENDERS, message->chat,
								  signal_store_name(&peer.main), 0);
		if (status == WA_OK && peer.has_other)
			status = signal_store_ask(signal, SIGNAL_NEED_SENDERS, message->chat,
									  signal_store_name(&peer.other), 0);
	}
	return status;
}

/* ---- reading ---- */

static int
read_pkmsg(WaSignal *signal, session_cipher *cipher, const SignalMessage *message,
		   signal_buffer **plain)
{
	pre_key_signal_message *parsed = NULL;
	SignalKey last = {SIGNAL_PREKEY, WA_STR_NONE, WA_STR_NONE, PRE_KEY_MEDIUM_MAX_VALUE};
	int rc =
		pre_key_signal_message_deserialize(&parsed, message->data, message->len, signal->context);

	if (rc >= 0)
		rc = session_cipher_decrypt_pre_key_signal_message(cipher, parsed, NULL, plain);
	/* libsignal never uses up the prekey with the highest id */
	if (rc >= 0 && pre_key_signal_message_has_pre_key_id(parsed) &&
		pre_key_signal_message_get_pre_key_id(parsed) == PRE_KEY_MEDIUM_MAX_VALUE &&
		signal_store_find(signal, &last) != NULL)
	{
		signal->fault = signal_store_put(signal, &last, NULL, 0);
		if (signal->fault != WA_OK)
			rc = CRYPTO_PROVIDER_FAULT;
	}
	SIGNAL_UNREF(parsed);
	return rc;
}

static int
read_msg(WaSignal *signal, session_cipher *cipher, const SignalMessage *message,
		 signal_buffer **plain)
{
	signal_message *parsed = NULL;
	int rc = signal_message_deserialize(&parsed, message->data, message->len, signal->context);

	if (rc >= 0)
		rc = session_cipher_decrypt_signal_message(cipher, parsed, NULL, plain);
	SIGNAL_UNREF(parsed);
	return rc;
}

static int
read_session(WaSignal *signal, const SignalMessage *message, const SignalPeer *peer,
			 signal_buffer **plain)
{
	signal_protocol_address address = signal_peer_address(peer);
	session_cipher *cipher = NULL;
	int rc = session_cipher_create(&cipher, signal->store, &address, signal->context);

	if (rc < 0)
		return rc;
	if (message->type == SIGNAL_PKMSG)
		rc = read_pkmsg(signal, cipher, message, plain);
	else
		rc = read_msg(signal, cipher, message, plain);
	session_cipher_free(cipher);
	return rc;
}

WaStatus
signal_unpad(unsigned version, WaStr padded, WaStr *out)
{
	size_t padding = 0;

	*out = WA_STR_NONE;
	if (padded.len == 0)
		return WA_ERR_MALFORMED;
	if (version != 3)
	{
		padding = (unsigned char) padded.data[padded.len - 1];
		if (padding == 0 || padding >= padded.len) /* nothing but padding is no message */
			return WA_ERR_MALFORMED;
	}
	*out = (WaStr){padded.data, padded.len - padding};
	return WA_OK;
}

static void
refuse(SignalVerdict *verdict, SignalRetryReason reason)
{
	verdict->outcome = SIGNAL_UNREADABLE;
	verdict->reason = reason;
	verdict->keys_at_once = reason == RETRY_NO_SESSION || reason == RETRY_INVALID_KEY_ID;
}

/* Sheet 2 section 4.3, "error code -> action". */
static WaStatus
judge(const WaSignal *signal, int rc, SignalVerdict *verdict)
{
	if (signal->fault != WA_OK || rc == CRYPTO_PROVIDER_FAULT || rc == SG_ERR_NOMEM)
		return signal_peer_fault(signal, rc);
	switch (rc)
	{
		case SG_ERR_DUPLICATE_MESSAGE:
			verdict->outcome = SIGNAL_DUPLICATE;
			break;
		case SG_ERR_UNTRUSTED_IDENTITY:
			verdict->outcome = SIGNAL_UNTRUSTED;
			break;
		case SG_ERR_NO_SESSION:
			refuse(verdict, RETRY_NO_SESSION);
			break;
		case SG_ERR_INVALID_KEY:
			refuse(verdict, RETRY_INVALID_KEY);
			break;
		case SG_ERR_INVALID_KEY_ID:
			refuse(verdict, RETRY_INVALID_KEY_ID);
			break;
		case SG_ERR_INVALID_MAC:
			refuse(verdict, RETRY_BAD_MAC);
			break;
		case SG_ERR_STALE_KEY_EXCHANGE:
			refuse(verdict, RETRY_INVALID_SESSION);
			break;
		case SG_ERR_UNKNOWN: /* our own failures have a code of their own */
			refuse(verdict, RETRY_UNKNOWN);
			break;
		default:
			refuse(verdict, RETRY_INVALID_MESSAGE);
			break;
	}
	return WA_OK;
}

WaStatus
signal_read(WaSignal *signal, const SignalMessage *message, WaBuf *out, SignalVerdict *verdict)
{
	SignalPeer peer;
	signal_buffer *plain = NULL;
	WaStatus status = signal_store_peer(message->sender, message->alternate, &peer);
	bool group = message->type == SIGNAL_SKMSG;
	int rc;

	memset(verdict, 0, sizeof(*verdict));
	if (status != WA_OK)
		return status;
	if ((message->version != 2 && message->version != 3) || message->len == 0 ||
		message->len > SIGNAL_MAX_CIPHERTEXT ||
		(group && (message->chat.len == 0 || message->chat.len > SIGNAL_MAX_NAME)))
	{
		refuse(verdict, RETRY_INVALID_MESSAGE);
		return WA_OK;
	}

	signal_store_begin(signal);
	status = signal_peer_bring(signal, &peer, group ? message->chat : WA_STR_NONE);
	if (status == WA_OK)
	{
		rc = group ? signal_group_read(signal, message, &peer, &plain)
				   : read_session(signal, message, &peer, &plain);
		if (rc < 0 || signal->fault != WA_OK)
			status = judge(signal, rc, verdict);
		else
		{
			WaStr padded = {(const char *) signal_buffer_data(plain), signal_buffer_len(plain)};
			WaStr plaintext;

			if (signal_unpad(message->version, padded, &plaintext) != WA_OK)
				refuse(verdict, RETRY_INVALID_MESSAGE);
			else
				status = buf_append(out, plaintext.data, plaintext.len);
			verdict->identity_changed = signal->identity_changed && plaintext.len > 0;
		}
	}
	signal_buffer_bzero_free(plain);
	signal_store_end(signal, status == WA_OK && verdict->outcome == SIGNAL_READ);
	return status;
}
