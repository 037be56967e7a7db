/*
 * client_phone.c
 *		Asking the account's own phone: for a message that its sender did not get
 *		across, and for a key of app state.  Sheet 2 sections 4.8 and 8.3.
 *
 * The question is a message to the phone, encrypted for it: the changed session
 * and the note that the phone was asked are stored before it is sent, so that
 * nothing is asked twice.  The answer may come days later.
 */
#include "client_internal.h"

#include <string.h>

#include "wire.h"

#define PHONE_MAX_ASKS 512               /* messages that wait for their time */
#define PHONE_MAX_ASKS_OF_CHAT 256       /* one chat must not take all places */
#define PHONE_PAUSE_US (600 * WA_SECOND) /* after its keys were not to be had */
#define PHONE_LIMITED_US (6 * WA_SECOND) /* until the chat's budget has one more */
#define PHONE_MAX_MESSAGE 4096           /* bytes of a request */
#define PHONE_REQUEST_RANDOM 9           /* bytes in its id */
#define PLACEHOLDER_MESSAGE_RESEND 4     /* PeerDataOperationRequestType */

/* Requests are found by their id, in a chat that no message has. */
#define PHONE_CHAT "phone"
/* Keys that are wanted have their id for a name, and a chat of their own, too. */
#define PHONE_KEY_CHAT "key"

/* Its key is that of the message's row. */
struct ClientAsked
{
	ClientAsked *next;
	int64_t at;
	size_t chat_len;
	size_t name_len;
	char key[];
};

typedef enum PhoneStep
{
	PHONE_OPEN,
	PHONE_NEEDS,
	PHONE_ASK,
} PhoneStep;

typedef struct PhoneWork
{
	PhoneStep step;
	ClientAsked *asked;
	WaStr jid; /* the phone's addresses, bare */
	WaStr alternate;
} PhoneWork;

/* ---- what waits ---- */

static WaStr
asked_chat(const ClientAsked *asked)
{
	return (WaStr){asked->key, asked->chat_len};
}

static WaStr
asked_name(const ClientAsked *asked)
{
	return (WaStr){asked->key + asked->chat_len, asked->name_len};
}

static ClientAsked **
find_asked(WaClient *client, WaStr chat, WaStr name)
{
	ClientAsked **place = &client->asked;

	while (*place != NULL &&
		   !(str_equal(asked_chat(*place), chat) && str_equal(asked_name(*place), name)))
		place = &(*place)->next;
	return place;
}

static void
take_asked(WaClient *client, ClientAsked **place)
{
	ClientAsked *asked = *place;

	*place = asked->next;
	client->n_asked--;
	client_free(client, asked);
}

static bool
is_key(const ClientAsked *asked)
{
	return str_is(asked_chat(asked), PHONE_KEY_CHAT);
}

static bool
has_place(const WaClient *client, WaStr chat)
{
	int of_chat = 0;

	for (const ClientAsked *asked = client->asked; asked != NULL; asked = asked->next)
		of_chat += str_equal(asked_chat(asked), chat);
	return client->n_asked < PHONE_MAX_ASKS && of_chat < PHONE_MAX_ASKS_OF_CHAT;
}

/* *is_new: it has a place in the list now. */
static WaStatus
add_asked(WaClient *client, WaStr chat, WaStr name, int64_t at, bool *is_new)
{
	ClientAsked *asked = *find_asked(client, chat, name);

	*is_new = false;
	if (asked != NULL)
	{
		if (at < asked->at)
			asked->at = at;
		return WA_OK;
	}
	/* the sender is asked all the same, and history may bring it */
	if (!has_place(client, chat))
		return WA_OK;
	asked = client->env->alloc(client->env->ctx, sizeof(*asked) + chat.len + name.len);
	if (asked == NULL)
		return WA_ERR_NOMEM;
	*asked =
		(ClientAsked){.next = client->asked, .at = at, .chat_len = chat.len, .name_len = name.len};
	memcpy(asked->key, chat.data, chat.len);
	memcpy(asked->key + chat.len, name.data, name.len);
	client->asked = asked;
	client->n_asked++;
	*is_new = true;
	return WA_OK;
}

static bool
drop_asked(WaClient *client, WaStr chat, WaStr name)
{
	ClientAsked **place = find_asked(client, chat, name);

	if (*place == NULL)
		return false;
	take_asked(client, place);
	return true;
}

WaStatus
client_phone_want(WaClient *client, WaStr chat, WaStr name, int64_t at)
{
	bool is_new;
	WaStatus status = add_asked(client, chat, name, at, &is_new);

	return status == WA_OK && is_new ? client_missing_mark(client, chat, name, true) : status;
}

WaStatus
client_phone_restore(WaClient *client, WaStr chat, WaStr name)
{
	bool is_new;

	if (!client_missing_is_key(chat) || name.len == 0)
		return WA_OK;
	return add_asked(client, chat, name, client->now.mono_us + CLIENT_PHONE_AFTER_US, &is_new);
}

bool
client_phone_cancel(WaClient *client, WaStr chat, WaStr name)
{
	if (!drop_asked(client, chat, name))
		return false;
	/* a mark that stays for want of memory is found to be void when it is due */
	(void) client_missing_mark(client, chat, name, false);
	return true;
}

WaStatus
client_phone_want_key(WaClient *client, WaStr id)
{
	bool is_new;

	return add_asked(client, str_from(PHONE_KEY_CHAT), id, client->now.mono_us, &is_new);
}

void
client_phone_cancel_key(WaClient *client, WaStr id)
{
	(void) drop_asked(client, str_from(PHONE_KEY_CHAT), id);
}

/* The answer may stand in the queue: nothing is asked before its end. */
static bool
may_ask(const WaClient *client)
{
	return client->phase == PHASE_ONLINE && client->queue == QUEUE_DONE &&
		   !client->phone_in_flight && client->step == NULL;
}

/* The one whose time comes first; NULL when none may be asked now. */
static ClientAsked *
first_asked(const WaClient *client)
{
	ClientAsked *first = client->asked;

	if (!may_ask(client))
		return NULL;
	for (ClientAsked *asked = first; asked != NULL; asked = asked->next)
	{
		if (asked->at < first->at)
			first = asked;
	}
	return first;
}

int64_t
client_phone_deadline(const WaClient *client)
{
	const ClientAsked *first = first_asked(client);

	if (first == NULL)
		return WA_NEVER;
	return first->at > client->phone_at ? first->at : client->phone_at;
}

/* ---- the request ---- */

static WaStatus
put_nested(WaBuf *out, uint32_t number, WaBuf *inner)
{
	WaStatus status = wire_put_bytes(out, number, buf_data(inner), buf_len(inner));

	buf_free(inner);
	return status;
}

/* Message.protocolMessage.peerDataOperationRequestMessage for one message key. */
static WaStatus
write_request(WaClient *client, const WaMessageSource *source, WaBuf *out)
{
	WaStr author = jid_bare(&client->arena, source->sender);
	WaBuf a;
	WaBuf b;
	WaStatus status;

	buf_init(&a, client->env, PHONE_MAX_MESSAGE);
	buf_init(&b, client->env, PHONE_MAX_MESSAGE);
	status = wire_put_bytes(&a, 1, source->chat.data, source->chat.len);
	if (status == WA_OK)
		status = wire_put_varint(&a, 2, source->from_me);
	if (status == WA_OK)
		status = wire_put_bytes(&a, 3, source->id.data, source->id.len);
	if (status == WA_OK && source->is_group)
		status = wire_put_bytes(&a, 4, author.data, author.len);
	if (status == WA_OK)
		status = put_nested(&b, 1, &a); /* messageKey */
	if (status == WA_OK)
		status = wire_put_varint(&a, 1, PLACEHOLDER_MESSAGE_RESEND);
	if (status == WA_OK)
		status = put_nested(&a, 5, &b); /* placeholderMessageResendRequest */
	if (status == WA_OK)
		status = wire_put_varint(&b, 2, PROTOCOL_PEER_REQUEST);
	if (status == WA_OK)
		status = put_nested(&b, 16, &a);
	if (status == WA_OK)
		status = put_nested(out, 12, &b);
	buf_free(&a);
	buf_free(&b);
	return status;
}

/* Message.protocolMessage.appStateSyncKeyRequest for one key. */
static WaStatus
write_key_request(WaClient *client, WaStr id, WaBuf *out)
{
	WaBuf a;
	WaBuf b;
	WaStatus status;

	buf_init(&a, client->env, PHONE_MAX_MESSAGE);
	buf_init(&b, client->env, PHONE_MAX_MESSAGE);
	status = wire_put_bytes(&a, 1, id.data, id.len);
	if (status == WA_OK)
		status = put_nested(&b, 1, &a); /* keyIds */
	if (status == WA_OK)
		status = wire_put_varint(&a, 2, PROTOCOL_APP_STATE_KEY_REQUEST);
	if (status == WA_OK)
		status = put_nested(&a, 8, &b);
	if (status == WA_OK)
		status = put_nested(out, 12, &a);
	buf_free(&a);
	buf_free(&b);
	return status;
}

/* As browsers make them: a prefix and random digits. */
static WaStr
new_id(WaClient *client)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t bytes[PHONE_REQUEST_RANDOM];
	char text[4 + 2 * PHONE_REQUEST_RANDOM + 1] = "3EB0";

	if (crypto_random(client->env, bytes, sizeof(bytes)) != WA_OK)
		return WA_STR_NONE;
	for (size_t i = 0; i < sizeof(bytes); i++)
	{
		text[4 + 2 * i] = digits[bytes[i] >> 4];
		text[5 + 2 * i] = digits[bytes[i] & 15];
	}
	return arena_str(&client->arena, str_from(text));
}

static WaNode *
new_stanza(WaClient *client, WaStr id, SignalType type, const WaBuf *cipher)
{
	WaNode *message = node_new(&client->arena, "message");
	WaNode *enc;

	node_set_str(message, "id", id);
	node_set_jid(message, "to", jid_bare(&client->arena, str_from(client->device.jid)));
	node_set(message, "type", "text");
	node_set(message, "category", "peer");
	node_set(message, "push_priority", "high");
	node_set(node_add(message, "meta"), "appdata", "default");
	enc = node_add(message, "enc");
	node_set(enc, "v", "2");
	node_set(enc, "type", signal_type_name(type));
	node_set_bytes(enc, buf_data(cipher), buf_len(cipher));
	/* without it the phone does not take a new session */
	if (type == SIGNAL_PKMSG)
		node_set_bytes(node_add(message, "device-identity"), client->device.account,
					   client->device.account_len);
	return message;
}

/* The stanza for a request, which is taken.  The changed session is to be told before it is sent. */
static WaStatus
seal_request(WaClient *client, const PhoneWork *work, WaStr id, WaBuf *plain, WaNode **out)
{
	SignalType type = SIGNAL_MSG;
	WaBuf cipher;
	WaStatus status;

	buf_init(&cipher, client->env, 2 * PHONE_MAX_MESSAGE);
	status = signal_write(client->signal, work->jid, work->alternate, buf_data(plain),
						  buf_len(plain), &cipher, &type);
	if (status == WA_OK)
		*out = new_stanza(client, id, type, &cipher);
	buf_free(plain);
	buf_free(&cipher);
	return status;
}

static WaStatus
send_request(WaClient *client, const PhoneWork *work, ClientMissing *missing)
{
	WaStr chat = asked_chat(work->asked);
	WaStr name = asked_name(work->asked);
	WaStr id = new_id(client);
	WaNode *stanza = NULL;
	WaBuf plain;
	WaStatus status;

	if (id.data == NULL)
		return client->arena.failed ? client->arena.status : WA_ERR_CRYPTO;
	buf_init(&plain, client->env, PHONE_MAX_MESSAGE);
	status = write_request(client, &missing->source, &plain);
	if (status == WA_OK)
		status = seal_request(client, work, id, &plain, &stanza);
	missing->phone_asked = true;
	if (status == WA_OK)
		status = client_missing_put(client, chat, name, missing);
	if (status == WA_OK)
		status = client_missing_mark(client, chat, name, false);
	if (status == WA_OK)
		status = client_missing_put(client, str_from(PHONE_CHAT), id, missing);
	if (status == WA_OK)
	{
		client_message_tell_absent(
			client, missing, MESSAGE_PENDING,
			arena_strdup(&client->arena, missing->trouble.data, missing->trouble.len));
		client_records_tell(client);
		client_output_send(client, stanza);
	}
	buf_free(&plain);
	return status;
}

static WaStatus
send_key_request(WaClient *client, const PhoneWork *work)
{
	WaStr id = new_id(client);
	WaNode *stanza = NULL;
	WaBuf plain;
	WaStatus status;

	if (id.data == NULL)
		return client->arena.failed ? client->arena.status : WA_ERR_CRYPTO;
	buf_init(&plain, client->env, PHONE_MAX_MESSAGE);
	status = write_key_request(client, asked_name(work->asked), &plain);
	if (status == WA_OK)
		status = seal_request(client, work, id, &plain, &stanza);
	if (status == WA_OK)
	{
		client_appstate_asked(client, asked_name(work->asked));
		client_records_tell(client);
		client_output_send(client, stanza);
	}
	buf_free(&plain);
	return status;
}

/* ---- the phone's keys ---- */

static void
ask_keys(WaClient *client)
{
	WaNode *iq = client_iq_new(client, "get", "encrypt");
	WaNode *user = node_add(node_add(iq, "key"), "user");

	node_set_jid(user, "jid", jid_bare(&client->arena, str_from(client->device.jid)));
	client->phone_in_flight = true;
	client_iq_send(client, iq, IQ_PHONE_KEYS);
}

void
client_phone_keys(WaClient *client, const WaNode *answer)
{
	const WaNode *user = node_child(node_child(answer, "list"), "user");
	SignalBundle bundle;
	ClientIqError error;

	client->phone_in_flight = false;
	client->phone_at = client->now.mono_us + PHONE_PAUSE_US;
	if (!client_iq_ok(answer, &error) || signal_bundle_parse(user, &bundle) != WA_OK)
		return;
	client_free(client, client->phone_bundle);
	client->phone_bundle = client->env->alloc(client->env->ctx, sizeof(bundle));
	if (client->phone_bundle == NULL)
		return;
	*client->phone_bundle = bundle;
	client->phone_at = client->now.mono_us;
}

/* Has, starts or asks for a session; WA_NEED_MORE: its keys are under way. */
static WaStatus
need_session(WaClient *client, const PhoneWork *work)
{
	WaStatus status;

	if (signal_has_session(client->signal, work->jid, work->alternate))
		return WA_OK;
	if (client->phone_bundle == NULL)
	{
		ask_keys(client);
		return WA_NEED_MORE;
	}
	status = signal_start_session(client->signal, work->jid, work->alternate, client->phone_bundle);
	client_free(client, client->phone_bundle);
	client->phone_bundle = NULL;
	if (status == WA_ERR_SIGNATURE || status == WA_ERR_CERTIFICATE || status == WA_ERR_MALFORMED)
	{
		/* keys that are not the phone's */
		client->phone_at = client->now.mono_us + PHONE_PAUSE_US;
		return WA_NEED_MORE;
	}
	return status;
}

/* ---- asking, step by step ---- */

static WaStatus
ask(WaClient *client, PhoneWork *work)
{
	WaStr chat = asked_chat(work->asked);
	WaStr name = asked_name(work->asked);
	ClientMissing missing;
	WaStatus status;
	bool allowed;

	if (client_missing_get(client, chat, name, &missing) && !missing.phone_asked)
	{
		status = need_session(client, work);
		if (status == WA_NEED_MORE)
			return WA_OK;
		if (status == WA_OK)
			status = client_retry_take(client, chat, &allowed);
		if (status == WA_OK && !allowed)
		{
			work->asked->at = client->now.mono_us + PHONE_LIMITED_US;
			return WA_OK;
		}
		if (status == WA_OK)
			status = send_request(client, work, &missing);
	}
	else
	{
		status = client_missing_mark(client, chat, name, false);
		client_records_tell(client);
	}
	if (status == WA_OK)
		(void) drop_asked(client, chat, name);
	return status;
}

static WaStatus
ask_for_key(WaClient *client, PhoneWork *work)
{
	WaStatus status = need_session(client, work);

	if (status == WA_NEED_MORE)
		return WA_OK;
	if (status == WA_OK)
		status = send_key_request(client, work);
	if (status == WA_OK)
		client_phone_cancel_key(client, asked_name(work->asked));
	return status;
}

static bool
phone_step(WaClient *client, void *data)
{
	PhoneWork *work = data;
	WaStatus status = WA_OK;

	if (work->step == PHONE_OPEN)
	{
		status = client_records_open(client);
		if (status == WA_NEED_MORE)
			return false;
		work->step = PHONE_NEEDS;
	}
	if (status == WA_OK && work->step == PHONE_NEEDS)
	{
		work->step = PHONE_ASK;
		status = signal_needs_peer(client->signal, work->jid, work->alternate);
		if (status == WA_OK && !is_key(work->asked))
			status = client_missing_ask(client, asked_chat(work->asked), asked_name(work->asked));
		if (status == WA_OK && client_records_wait(client))
			return false;
	}
	if (status == WA_OK)
		status = is_key(work->asked) ? ask_for_key(client, work) : ask(client, work);
	if (status != WA_OK)
		client_records_fault(client, status);
	return true;
}

/* What an earlier process was going to ask for. */
static bool
look_up_step(WaClient *client, void *data)
{
	(void) data;
	if (client->marks == MARKS_UNKNOWN)
		client_missing_ask_marks(client);
	return !client_records_wait(client);
}

/* The one that is due and that its chat's budget allows; the others are put off. */
static ClientAsked *
next_asked(WaClient *client)
{
	ClientAsked *asked;

	while ((asked = first_asked(client)) != NULL &&
		   client->now.mono_us >= client_phone_deadline(client))
	{
		WaStr chat = asked_chat(asked);

		if (is_key(asked) || client_retry_may(client, chat))
			return asked;
		for (ClientAsked *other = client->asked; other != NULL; other = other->next)
		{
			if (str_equal(asked_chat(other), chat) && other->at <= client->now.mono_us)
				other->at = client->now.mono_us + PHONE_LIMITED_US;
		}
	}
	return NULL;
}

bool
client_phone_next(WaClient *client)
{
	ClientAsked *asked;
	PhoneWork *work;

	if (may_ask(client) && client->marks == MARKS_UNKNOWN)
	{
		client_records_begin(client, look_up_step, NULL);
		return true;
	}
	asked = next_asked(client);
	if (asked == NULL)
		return false;
	work = arena_alloc(&client->arena, sizeof(*work));
	if (work == NULL)
	{
		client_end_for(client, FAILURE_MEMORY);
		return true;
	}
	work->asked = asked;
	work->jid = jid_bare(&client->arena, str_from(client->device.jid));
	if (client->device.lid[0] != '\0')
		work->alternate = jid_bare(&client->arena, str_from(client->device.lid));
	client_output_begin(client);
	client_records_begin(client, phone_step, work);
	if (client->step == NULL)
		client_output_end(client);
	return true;
}

/* ---- the answer ---- */

WaStatus
client_phone_find(WaClient *client, const WaProtocol *protocol)
{
	if (protocol->peer_type != PLACEHOLDER_MESSAGE_RESEND ||
		!client_missing_is_key(protocol->request_id))
		return WA_OK;
	return client_missing_ask(client, str_from(PHONE_CHAT), protocol->request_id);
}

static void
tell_copy(WaClient *client, const ClientMissing *missing, const WaHistoryMessage *copy)
{
	WaMessageNews *news = arena_alloc(&client->arena, sizeof(*news));
	WaMessageSource *source = arena_alloc(&client->arena, sizeof(*source));
	WaEvent *event = client_event_add(client, EVENT_MESSAGE);

	if (news == NULL || source == NULL || event == NULL)
		return;
	*source = missing->source;
	if (source->sender_identity.push_name.data == NULL && copy->push_name.len > 0)
		source->sender_identity.push_name = copy->push_name;
	if (source->at == 0)
		source->at = copy->at;
	news->state = MESSAGE_READ;
	news->origin = "phone";
	news->source = source;
	news->content = copy->content;
	news->plaintext = copy->plaintext;
	news->attempts = missing->attempts;
	news->phone_asked = true;
	news->copy = copy;
	event->message = news;
}

/* The copy of this very message, NULL when the phone has none that can be read. */
static const WaHistoryMessage *
find_copy(WaClient *client, const WaProtocol *protocol, const ClientMissing *missing)
{
	WaHistoryMessage *copy = arena_alloc(&client->arena, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < protocol->n_results; i++)
	{
		if (protocol->results[i].web_message.len > 0 &&
			history_message(&client->arena, protocol->results[i].web_message, copy) == WA_OK &&
			str_equal(copy->key.id, missing->source.id) && copy->content != NULL &&
			copy->content->kind != MESSAGE_NONE)
			return copy;
	}
	return NULL;
}

WaStatus
client_phone_answer(WaClient *client, const WaProtocol *protocol)
{
	WaStr phone = str_from(PHONE_CHAT);
	const WaHistoryMessage *copy;
	ClientMissing missing;
	WaStr name;
	WaStatus status;

	if (protocol->peer_type != PLACEHOLDER_MESSAGE_RESEND ||
		!client_missing_get(client, phone, protocol->request_id, &missing))
		return WA_OK; /* nothing that we asked for */
	name = client_missing_name(client, &missing.source);
	copy = find_copy(client, protocol, &missing);
	if (client->arena.failed)
		return client->arena.status;
	status = client_missing_delete(client, phone, protocol->request_id);
	if (copy != NULL)
	{
		tell_copy(client, &missing, copy);
		(void) client_phone_cancel(client, missing.source.chat, name);
		if (status == WA_OK)
			status = client_missing_delete(client, missing.source.chat, name);
	}
	/* whoever could be asked has been */
	else if (str_is(missing.trouble, "placeholder") || missing.attempts >= SIGNAL_MAX_RETRIES)
		client_message_tell_absent(client, &missing, MESSAGE_UNAVAILABLE, "not_on_phone");
	return status;
}

/* ---- life ---- */

void
client_phone_reset(WaClient *client)
{
	client->phone_in_flight = false;
}

void
client_phone_free(WaClient *client)
{
	while (client->asked != NULL)
		take_asked(client, &client->asked);
	client_free(client, client->phone_bundle);
	client->phone_bundle = NULL;
}

size_t
client_phone_memory(const WaClient *client)
{
	size_t bytes = client->phone_bundle == NULL ? 0 : sizeof(*client->phone_bundle);

	for (const ClientAsked *asked = client->asked; asked != NULL; asked = asked->next)
		bytes += sizeof(*asked) + asked->chat_len + asked->name_len;
	return bytes;
}
