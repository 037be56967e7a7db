/*
 * client_message.c
 *		A <message> from its stanza to its rows: what it needs is asked for, its
 *		parts are decrypted and decoded, its content is told, its answer is
 *		written.  Sheet 2 sections 3.4, 4.3 and 5.1.
 *
 * Everything that a stanza changed is told in one unit, and what is answered
 * waits for that unit.  A fault of this machine answers nothing: the connection
 * ends and the server delivers the stanza again.
 */
#include "client_internal.h"

#include <string.h>

#include "answer.h"
#include "wire.h"

#define MESSAGE_PLAINTEXT_MAX SIGNAL_MAX_CIPHERTEXT /* bytes */

/* A LID migration tells everybody the phone knows: taken in rounds, up to a limit. */
#define MESSAGE_PAIRS_ROUND 256
#define MESSAGE_PAIRS_MAX 20000

/* ---- what a stanza is ---- */

WaSelf
client_self(const WaClient *client)
{
	WaSelf self = {WA_STR_NONE, WA_STR_NONE};

	if (client->device.jid[0] != '\0')
		self.pn = str_from(client->device.jid);
	if (client->device.lid[0] != '\0')
		self.lid = str_from(client->device.lid);
	return self;
}

/* Ids and addresses become keys of rows; who has others is nobody. */
static bool
is_sound(const WaMessageSource *source)
{
	return client_missing_is_key(source->id) && client_missing_is_key(source->chat) &&
		   client_missing_is_key(source->sender) &&
		   (source->broadcast.data == NULL || client_missing_is_key(source->broadcast));
}

/* Everything that Signal can read, what brings sender keys first. */
static void
add_parts(ClientMessage *m, const WaNode *parent)
{
	static const bool groups[] = {false, true};
	const WaMessageSource *source = &m->source;
	bool is_lid;
	WaJid jid;

	is_lid = jid_parse(source->sender, &jid) == WA_OK &&
			 (jid.server == JID_LID || jid.server == JID_HOSTED_LID);
	m->alternate = is_lid ? source->sender_identity.pn : source->sender_identity.lid;
	for (size_t i = 0; i < 2; i++)
	{
		for (const WaNode *enc = node_child(parent, "enc"); enc != NULL;
			 enc = node_child_next(enc, "enc"))
		{
			SignalMessage *part = &m->parts[m->n_parts];
			uint64_t version = 0;
			SignalType type;

			if (!signal_type_from(node_attr(enc, "type"), &type) ||
				(type == SIGNAL_SKMSG) != groups[i] || m->n_parts == CLIENT_MAX_PARTS)
				continue;
			(void) node_attr_u64(enc, "v", &version);
			*part = (SignalMessage){
				.type = type,
				.version = version > 3 ? 0 : (unsigned) version,
				.chat = source->is_group ? source->chat : source->broadcast,
				.sender = source->sender,
				.alternate = m->alternate,
				.data = (const uint8_t *) enc->bytes.data,
				.len = enc->bytes.len,
			};
			m->n_parts++;
		}
	}
}

/* <participants>: a copy for each of the own devices (sheet 2 section 3.2). */
static const WaNode *
own_copy(const WaClient *client, const WaNode *stanza)
{
	const WaNode *to = node_child(node_child(stanza, "participants"), "to");

	for (; to != NULL; to = node_child_next(to, "to"))
	{
		WaStr jid = node_attr(to, "jid");

		if (node_child(to, "enc") != NULL &&
			(str_is(jid, client->device.jid) || str_is(jid, client->device.lid)))
			return to;
	}
	return NULL;
}

static bool
has_enc_of(const WaNode *stanza, const char *type)
{
	for (const WaNode *enc = node_child(stanza, "enc"); enc != NULL;
		 enc = node_child_next(enc, "enc"))
	{
		if (str_is(node_attr(enc, "type"), type))
			return true;
	}
	return false;
}

/* ---- reading ---- */

static WaStatus
ask_needs(WaClient *client, ClientMessage *m)
{
	WaStatus status = WA_OK;

	for (size_t i = 0; status == WA_OK && i < m->n_parts; i++)
		status = signal_needs(client->signal, &m->parts[i]);
	if (status == WA_ERR_MALFORMED) /* the sender is no device of a person */
	{
		m->refusal = ANSWER_PARSING_ERROR;
		m->step = STEP_TELL;
		return WA_OK;
	}
	m->step = m->n_parts > 0 ? STEP_SPLIT : STEP_LOOKUP;
	return status;
}

/* What was kept under the phone number comes along with the first stanza that has both names. */
static WaStatus
ask_move(WaClient *client, ClientMessage *m)
{
	m->step = STEP_DECRYPT;
	m->split = signal_is_split(client->signal, m->source.sender, m->alternate, m->parts[0].chat);
	return m->split ? signal_needs_move(client->signal, m->source.sender, m->alternate) : WA_OK;
}

/* The sender key that a plaintext brought; one that is not fit is as good as none. */
static WaStatus
learn_key(WaClient *client, const SignalMessage *part, const WaMessage *message)
{
	WaBuf distribution;
	WaStatus status = WA_OK;

	if (message->sender_key.data == NULL || part->chat.len == 0)
		return WA_OK;
	buf_init(&distribution, client->env, MESSAGE_PLAINTEXT_MAX + 64);
	if (message->sender_key_group.data != NULL)
		status = wire_put_bytes(&distribution, 1, message->sender_key_group.data,
								message->sender_key_group.len);
	if (status == WA_OK)
		status =
			wire_put_bytes(&distribution, 2, message->sender_key.data, message->sender_key.len);
	if (status == WA_OK)
		status =
			signal_learn_key(client->signal, part, buf_data(&distribution), buf_len(&distribution));
	buf_free(&distribution);
	return status == WA_ERR_ARGUMENT || status == WA_ERR_MALFORMED ? WA_OK : status;
}

/* Takes the plaintext of one part; the first with content that is understood is the message. */
static WaStatus
take_plaintext(WaClient *client, ClientMessage *m, const SignalMessage *part, WaStr plaintext)
{
	WaMessage *message = arena_alloc(&client->arena, sizeof(*message));
	WaStatus status;

	if (message == NULL || plaintext.data == NULL)
		return client->arena.status;
	status = message_decode(&client->arena, plaintext, &m->source.scope, message);
	if (client->arena.failed)
		return client->arena.status;
	if (status != WA_OK && m->content != NULL)
		return WA_OK;
	if (status != WA_OK)
		*message = (WaMessage){.kind = MESSAGE_UNKNOWN}; /* the bytes are the archive */
	/* what was refused has no content, but leaves a trace */
	if ((message->kind != MESSAGE_NONE || message->refusal != NULL) &&
		(m->content == NULL || m->content->kind == MESSAGE_NONE || m->refusal != 0))
	{
		m->refusal = status != WA_OK ? ANSWER_INVALID_PROTOBUF : 0;
		m->content = message;
		m->plaintext = plaintext;
	}
	return learn_key(client, part, message);
}

static const char *
trouble_of(const SignalVerdict *verdict, SignalType type)
{
	if (verdict->outcome == SIGNAL_UNTRUSTED)
		return "untrusted_identity";
	switch (verdict->reason)
	{
		case RETRY_NO_SESSION:
			return type == SIGNAL_SKMSG ? "no_sender_key" : "no_session";
		case RETRY_INVALID_KEY:
			return "invalid_key";
		case RETRY_INVALID_KEY_ID:
			return "unknown_prekey";
		case RETRY_INVALID_SIGNATURE:
			return "bad_signature";
		case RETRY_BAD_MAC:
			return "bad_mac";
		case RETRY_INVALID_SESSION:
			return "stale_session";
		case RETRY_UNKNOWN:
		case RETRY_INVALID_MESSAGE:
		case RETRY_FUTURE_MESSAGE:
			break;
	}
	return "invalid_message";
}

/* False: the part could not be read, and what comes after it is not tried. */
static WaStatus
decrypt_part(WaClient *client, ClientMessage *m, const SignalMessage *part)
{
	SignalVerdict verdict;
	WaBuf plain;
	WaStatus status;

	buf_init(&plain, client->env, MESSAGE_PLAINTEXT_MAX);
	status = signal_read(client->signal, part, &plain, &verdict);
	if (status == WA_OK)
	{
		switch (verdict.outcome)
		{
			case SIGNAL_READ:
				m->identity_changed |= verdict.identity_changed;
				status = take_plaintext(
					client, m, part,
					arena_str(&client->arena,
							  (WaStr){(const char *) buf_data(&plain), buf_len(&plain)}));
				break;
			case SIGNAL_DUPLICATE:
				m->duplicate = true;
				break;
			case SIGNAL_UNREADABLE:
			case SIGNAL_UNTRUSTED:
				m->trouble = trouble_of(&verdict, part->type);
				m->untrusted = verdict.outcome == SIGNAL_UNTRUSTED;
				m->reason = verdict.reason;
				m->keys_at_once = verdict.keys_at_once;
				break;
		}
	}
	buf_free(&plain);
	return status;
}

static WaStatus
decrypt(WaClient *client, ClientMessage *m)
{
	const WaProtocol *protocol;
	WaStatus status = WA_OK;

	if (m->split)
		status = signal_move(client->signal, m->source.sender, m->alternate);
	for (size_t i = 0; status == WA_OK && m->trouble == NULL && i < m->n_parts; i++)
		status = decrypt_part(client, m, &m->parts[i]);
	if (m->content != NULL)
		m->trouble = NULL;
	protocol = m->content == NULL ? NULL : m->content->protocol;
	if (m->trouble != NULL || (m->duplicate && m->content == NULL))
		m->step = STEP_LOOKUP;
	else if (protocol != NULL && protocol->type == PROTOCOL_PEER_RESPONSE)
		m->step = STEP_LOOKUP;
	else if (protocol != NULL && protocol->aliases != NULL)
	{
		m->pairs = protocol->aliases;
		m->step = STEP_PAIRS;
	}
	else
		m->step = STEP_TELL;
	return status;
}

/* ---- the phone's whole LID mapping ---- */

/* Calls visit for each pair of the round; returns what comes behind it. */
static const WaAlias *
each_pair(WaClient *client, const WaAlias *pair,
		  WaStatus (*visit)(WaClient *client, const WaAlias *pair), WaStatus *status)
{
	*status = WA_OK;
	for (int i = 0; *status == WA_OK && pair != NULL && i < MESSAGE_PAIRS_ROUND; i++)
	{
		*status = visit(client, pair);
		if (*status == WA_ERR_MALFORMED || *status == WA_ERR_ARGUMENT)
			*status = WA_OK; /* no pair of people */
		pair = pair->next;
	}
	return pair;
}

static WaStatus
ask_pair(WaClient *client, const WaAlias *pair)
{
	return signal_needs_peer(client->signal, pair->pn, pair->lid);
}

static WaStatus
ask_pair_move(WaClient *client, const WaAlias *pair)
{
	return signal_is_split(client->signal, pair->pn, pair->lid, WA_STR_NONE)
			   ? signal_needs_move(client->signal, pair->pn, pair->lid)
			   : WA_OK;
}

static WaStatus
move_pair(WaClient *client, const WaAlias *pair)
{
	return signal_is_split(client->signal, pair->pn, pair->lid, WA_STR_NONE)
			   ? signal_move(client->signal, pair->pn, pair->lid)
			   : WA_OK;
}

static WaStatus
handle_pairs(WaClient *client, ClientMessage *m)
{
	const WaAlias *next = NULL;
	WaStatus status;

	switch (m->step)
	{
		case STEP_PAIRS:
			each_pair(client, m->pairs, ask_pair, &status);
			m->step = STEP_PAIRS_SPLIT;
			break;
		case STEP_PAIRS_SPLIT:
			each_pair(client, m->pairs, ask_pair_move, &status);
			m->step = STEP_PAIRS_MOVE;
			break;
		default:
			next = each_pair(client, m->pairs, move_pair, &status);
			m->n_pairs += MESSAGE_PAIRS_ROUND;
			/* whoever is left is moved with the first stanza of his */
			m->step = next == NULL || m->n_pairs >= MESSAGE_PAIRS_MAX ? STEP_TELL : STEP_PAIRS;
			m->pairs = next;
			break;
	}
	return status;
}

/* ---- telling ---- */

static void
tell_message(WaClient *client, ClientMessage *m)
{
	WaMessageNews *news = arena_alloc(&client->arena, sizeof(*news));
	WaEvent *event = client_event_add(client, EVENT_MESSAGE);

	if (news == NULL || event == NULL)
		return;
	news->state = MESSAGE_READ;
	news->origin = m->was_missing ? "retry" : "live";
	news->source = &m->source;
	news->content = m->content;
	news->plaintext = m->plaintext;
	event->message = news;
}

void
client_message_tell_absent(WaClient *client, const ClientMissing *missing, WaMessageState state,
						   const char *trouble)
{
	WaMessageNews *news = arena_alloc(&client->arena, sizeof(*news));
	WaMessageSource *source = arena_alloc(&client->arena, sizeof(*source));
	WaEvent *event = client_event_add(client, EVENT_MESSAGE);

	if (news == NULL || source == NULL || event == NULL)
		return;
	*source = missing->source;
	news->state = state;
	news->origin = "live";
	news->source = source;
	news->trouble = trouble;
	news->attempts = missing->attempts;
	news->phone_asked = missing->phone_asked;
	event->message = news;
}

void
client_message_tell_identity(WaClient *client, const WaIdentity *who)
{
	WaEvent *event = client_event_add(client, EVENT_IDENTITY_CHANGE);

	if (event != NULL)
		event->identity_change.who = *who;
}

static void
tell_history(WaClient *client, const ClientMessage *m)
{
	WaEvent *event = client_event_add(client, EVENT_HISTORY_NOTICE);

	if (event == NULL)
		return;
	event->history_notice.notice = m->content->protocol->history;
	event->history_notice.id = m->source.id;
	event->history_notice.at = m->source.at;
}

/* What the own devices tell each other is no message; false for all else. */
static bool
tell_protocol(WaClient *client, ClientMessage *m, WaStatus *status)
{
	const WaProtocol *protocol = m->content->protocol;

	if (protocol == NULL)
		return false;
	switch (protocol->type)
	{
		case PROTOCOL_HISTORY_SYNC:
			if (protocol->history != NULL)
				tell_history(client, m);
			return true;
		case PROTOCOL_APP_STATE_KEYS:
			client_appstate_keys(client, protocol->keys, protocol->n_keys);
			return true;
		case PROTOCOL_PEER_RESPONSE:
			*status = client_phone_answer(client, protocol);
			return true;
		case PROTOCOL_LID_MAPPING:
			client_event_aliases(client, protocol->aliases, "migration");
			return true;
		case PROTOCOL_APP_STATE_KEY_REQUEST:
		case PROTOCOL_APP_STATE_FATAL:
		case PROTOCOL_PEER_REQUEST:
		case PROTOCOL_MEDIA_NOTIFY:
			return true;
		default:
			return false;
	}
}

/* ---- answering ---- */

static void
send_ack(WaClient *client, const ClientMessage *m, int error)
{
	WaNode *ack = answer_ack(&client->arena, m->stanza, error);

	if (ack != NULL)
		client_output_send(client, ack);
}

void
client_message_receipt(WaClient *client, const ClientMessage *m)
{
	const WaMessageSource *source = &m->source;
	const char *type = source->scope.peer ? "peer_msg" : source->from_me ? "sender" : "inactive";

	client_delivery(client, m->stanza, type);
}

/* "The chunk is taken": the phone does not keep it any longer (sheet 2 section 9.2). */
static void
send_history_receipt(WaClient *client, const ClientMessage *m)
{
	WaNode *receipt = node_new(&client->arena, "receipt");

	node_set_str(receipt, "id", m->source.id);
	node_set_jid(receipt, "to", jid_bare(&client->arena, str_from(client->device.jid)));
	node_set(receipt, "type", "hist_sync");
	client_output_send(client, receipt);
}

static WaStatus
tell_read(WaClient *client, ClientMessage *m)
{
	WaStatus status = WA_OK;

	if (m->content != NULL && !m->source.scope.peer)
		m->was_missing = client_phone_cancel(client, m->source.chat, m->name);
	m->was_missing |= m->source.retried.data != NULL;
	if (m->content != NULL && m->was_missing)
		status = client_missing_delete(client, m->source.chat, m->name);
	if (m->identity_changed)
		client_message_tell_identity(client, &m->source.sender_identity);
	if (status == WA_OK && m->content != NULL && !tell_protocol(client, m, &status) &&
		!m->source.scope.peer)
		tell_message(client, m);
	if (status != WA_OK)
		return status;
	client_records_tell(client);
	if (m->refusal != 0)
		send_ack(client, m, m->refusal);
	else
		client_message_receipt(client, m);
	if (m->content != NULL && m->content->protocol != NULL && m->content->protocol->history != NULL)
		send_history_receipt(client, m);
	return WA_OK;
}

/* Without <enc>: only the phone has it, or nobody we could ask. */
static WaStatus
tell_absent(WaClient *client, ClientMessage *m)
{
	ClientMissing missing = {.source = m->source};
	const char *trouble = NULL;

	switch (m->source.absence)
	{
		case MESSAGE_VIEW_ONCE_ELSEWHERE:
			trouble = "view_once";
			break;
		case MESSAGE_BOT_ELSEWHERE:
			trouble = "bot";
			break;
		case MESSAGE_HOSTED_ELSEWHERE:
			trouble = "hosted";
			break;
		case MESSAGE_PRESENT: /* a bot's answer, encrypted with a secret of its own */
			trouble = "bot";
			break;
		case MESSAGE_PLACEHOLDER:
		case MESSAGE_MEDIA_NOTIFY:
		case MESSAGE_EMPTY:
			break;
	}
	if (trouble != NULL)
		client_message_tell_absent(client, &missing, MESSAGE_UNAVAILABLE, trouble);
	send_ack(client, m, 0);
	return WA_OK;
}

/*
 * It comes for the first time: neither from the queue, in which it may have
 * been before, nor in answer to us.  Then there is nothing to look up, and many
 * that cannot be read cost no more than many that can.
 */
static bool
is_first_time(const ClientMessage *m)
{
	return m->trouble != NULL && !m->source.is_offline && m->source.retried.data == NULL;
}

static WaStatus
ask_missing(WaClient *client, ClientMessage *m)
{
	const WaProtocol *protocol = m->content == NULL ? NULL : m->content->protocol;

	m->step = STEP_TELL;
	if (is_first_time(m))
		return WA_OK;
	return protocol != NULL ? client_phone_find(client, protocol)
							: client_missing_ask(client, m->source.chat, m->name);
}

/*
 * Its key is gone, but it was never read: it came before its sender key did,
 * and again, from the queue, when the key had gone past it.
 */
static bool
is_still_missing(WaClient *client, const ClientMessage *m)
{
	ClientMissing missing;

	return m->duplicate && m->content == NULL &&
		   client_missing_get(client, m->source.chat, m->name, &missing);
}

static WaStatus
tell(WaClient *client, ClientMessage *m)
{
	m->step = STEP_DONE;
	if (m->trouble == NULL && is_still_missing(client, m))
	{
		m->trouble = "key_gone";
		m->reason = RETRY_NO_SESSION;
	}
	client_event_aliases(client, identity_harvest(m->stanza), "message");
	if (m->trouble != NULL)
		return client_retry(client, m);
	if (m->n_parts > 0 && m->refusal != ANSWER_PARSING_ERROR)
		return tell_read(client, m);
	if (m->refusal != 0)
	{
		client_stanza_raw(client, m->stanza);
		send_ack(client, m, m->refusal);
		return WA_OK;
	}
	return tell_absent(client, m);
}

/* ---- step by step ---- */

static WaStatus
next_step(WaClient *client, ClientMessage *m)
{
	switch (m->step)
	{
		case STEP_OPEN:
			m->step = STEP_NEEDS;
			return client_records_open(client);
		case STEP_NEEDS:
			return ask_needs(client, m);
		case STEP_SPLIT:
			return ask_move(client, m);
		case STEP_DECRYPT:
			return decrypt(client, m);
		case STEP_PAIRS:
		case STEP_PAIRS_SPLIT:
		case STEP_PAIRS_MOVE:
			return handle_pairs(client, m);
		case STEP_LOOKUP:
			return ask_missing(client, m);
		case STEP_TELL:
			return tell(client, m);
		case STEP_DONE:
			break;
	}
	return WA_OK;
}

static bool
message_step(WaClient *client, void *data)
{
	ClientMessage *m = data;

	while (m->step != STEP_DONE)
	{
		WaStatus status = next_step(client, m);

		if (status == WA_NEED_MORE)
		{
			m->step = STEP_OPEN;
			return false;
		}
		if (status != WA_OK)
		{
			client_records_fault(client, status);
			return true;
		}
		if (client_records_wait(client))
			return false;
	}
	return true;
}

/* What needs no record: the step that tells it, at once. */
static void
begin(WaClient *client, ClientMessage *m)
{
	const WaMessageSource *source = &m->source;
	const WaNode *copy = own_copy(client, m->stanza);

	m->name = client_missing_name(client, source);
	add_parts(m, source->absence == MESSAGE_PRESENT ? m->stanza : copy);
	m->step = STEP_TELL;
	if (m->n_parts > 0)
		m->step = STEP_OPEN;
	else if (source->absence == MESSAGE_PLACEHOLDER)
	{
		m->trouble = "placeholder";
		m->step = STEP_OPEN;
	}
	else if (source->absence == MESSAGE_EMPTY ||
			 (source->absence == MESSAGE_PRESENT && !has_enc_of(m->stanza, "msmsg")))
		m->refusal = ANSWER_UNRECOGNIZED_STANZA;
}

void
client_message(WaClient *client, const WaNode *stanza)
{
	ClientMessage *m = arena_alloc(&client->arena, sizeof(*m));
	WaSelf self = client_self(client);
	WaStatus status;

	if (m == NULL || client->phase < PHASE_SETUP)
		return; /* the arena's failure ends the connection; before success nobody is anybody */
	m->stanza = stanza;
	status = message_source(stanza, &self, &m->source);
	if (client->arena.failed)
		return;
	m->step = STEP_TELL;
	if (status != WA_OK || !is_sound(&m->source))
		m->refusal = ANSWER_PARSING_ERROR;
	else if (m->source.is_newsletter || str_is(m->source.broadcast, "status@broadcast") ||
			 str_is(m->source.type, "medianotify"))
		m->source.absence = MESSAGE_MEDIA_NOTIFY; /* acknowledged, not stored */
	else
		begin(client, m);
	if (client->arena.failed)
		return;
	client_records_begin(client, message_step, m);
}
