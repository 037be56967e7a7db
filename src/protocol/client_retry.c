/*
 * client_retry.c
 *		Asking the sender again for what could not be read.
 *		Sheet 2 sections 4.3 and 4.6.
 *
 * Attempts are counted in the tables, per chat, sender and id, and every chat
 * has a budget: who sends garbage in a loop must not make us write receipts in
 * a loop, nor use up our prekeys.
 */
#include "client_internal.h"

#include "answer.h"

#define RETRY_MAX_AGE_S (14 * 86400)

/* ---- the budget of a chat ---- */

#define RETRY_BUCKETS 32 /* chats remembered; one that is forgotten has a full bucket again */
#define RETRY_BURST 20
#define RETRY_SHARE_US (6 * WA_SECOND) /* one more after so long */
#define RETRY_FULL_US (RETRY_BURST * RETRY_SHARE_US)

/* level_us as of at; never seen: all zero. */
typedef struct Bucket
{
	uint64_t chat;
	int64_t level_us;
	int64_t at;
} Bucket;

struct ClientBuckets
{
	Bucket list[RETRY_BUCKETS];
};

static uint64_t
hash_of(WaStr text)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t) text.data[i]) * UINT64_C(1099511628211);
	return hash;
}

static int64_t
level_of(const Bucket *bucket, int64_t now_us)
{
	int64_t level = bucket->at == 0 ? RETRY_FULL_US : bucket->level_us + (now_us - bucket->at);

	return level > RETRY_FULL_US ? RETRY_FULL_US : level;
}

bool
client_retry_may(const WaClient *client, WaStr chat)
{
	uint64_t hash = hash_of(chat);

	for (size_t i = 0; client->buckets != NULL && i < RETRY_BUCKETS; i++)
	{
		const Bucket *bucket = &client->buckets->list[i];

		if (bucket->at != 0 && bucket->chat == hash)
			return level_of(bucket, client->now.mono_us) >= RETRY_SHARE_US;
	}
	return true;
}

WaStatus
client_retry_take(WaClient *client, WaStr chat, bool *allowed)
{
	int64_t now = client->now.mono_us;
	uint64_t hash = hash_of(chat);
	Bucket *bucket = NULL;
	int64_t level;

	if (client->buckets == NULL)
	{
		client->buckets = client->env->alloc(client->env->ctx, sizeof(*client->buckets));
		if (client->buckets == NULL)
			return WA_ERR_NOMEM;
		*client->buckets = (struct ClientBuckets){0};
	}
	/* the chat's own, else the fullest: it loses least */
	for (size_t i = 0; i < RETRY_BUCKETS; i++)
	{
		Bucket *other = &client->buckets->list[i];

		if (other->at != 0 && other->chat == hash)
		{
			bucket = other;
			break;
		}
		if (bucket == NULL || level_of(other, now) > level_of(bucket, now))
			bucket = other;
	}
	level = bucket->chat == hash ? level_of(bucket, now) : RETRY_FULL_US;
	*bucket = (Bucket){hash, level, now > 0 ? now : 1};
	*allowed = level >= RETRY_SHARE_US;
	if (*allowed)
		bucket->level_us -= RETRY_SHARE_US;
	return WA_OK;
}

void
client_retry_free(WaClient *client)
{
	client_free(client, client->buckets);
	client->buckets = NULL;
}

size_t
client_retry_memory(const WaClient *client)
{
	return client->buckets == NULL ? 0 : sizeof(*client->buckets);
}

/* ---- what is done about one message ---- */

typedef enum Decision
{
	RETRY_ASK,     /* a retry receipt */
	RETRY_PHONE,   /* the sender cannot help (any more): the phone */
	RETRY_LIMITED, /* the chat's budget is used up: the phone, later */
	RETRY_GIVE_UP,
} Decision;

static WaStatus
decide(WaClient *client, ClientMessage *m, unsigned attempts, Decision *out)
{
	const WaMessageSource *source = &m->source;
	bool allowed;
	WaStatus status;

	*out = RETRY_GIVE_UP;
	if (m->untrusted)
		return WA_OK;
	if (source->at > 0 && client->now.wall_us / WA_SECOND - source->at > RETRY_MAX_AGE_S)
	{
		m->trouble = "too_old";
		return WA_OK;
	}
	*out = RETRY_PHONE;
	if (m->n_parts == 0 || attempts >= SIGNAL_MAX_RETRIES)
		return WA_OK;
	status = client_retry_take(client, source->chat, &allowed);
	*out = status == WA_OK && allowed ? RETRY_ASK : RETRY_LIMITED;
	return status;
}

static WaStatus
send_retry(WaClient *client, const ClientMessage *m, unsigned attempts, const WaPrekey *prekey)
{
	WaNode *receipt = signal_retry_receipt(&client->arena, m->stanza, &client->device, attempts,
										   m->reason, prekey);

	if (receipt == NULL)
		return WA_ERR_NOMEM;
	client_output_send(client, receipt);
	return WA_OK;
}

/*
 * A plain ack takes the message out of the queue.  It does not do that for an
 * own device's copy: that one stays there until it is read or given up, and
 * is offered again at every login.
 */
static void
send_answer(WaClient *client, const ClientMessage *m, Decision decision)
{
	bool is_copy = m->source.from_me && !m->source.scope.peer && m->n_parts > 0 &&
				   node_attr(m->stanza, "recipient").len > 0;
	WaNode *ack;

	if (is_copy && (decision == RETRY_ASK || decision == RETRY_LIMITED))
		return;
	if (is_copy)
	{
		client_message_receipt(client, m);
		return;
	}
	ack = answer_ack(&client->arena, m->stanza, 0);
	if (ack != NULL)
		client_output_send(client, ack);
}

/* The sender's own count may be ahead of ours: our row may have been pruned. */
static unsigned
attempts_of(const WaMessageSource *source, const ClientMissing *missing)
{
	uint64_t told;

	if (!str_to_u64(source->retried, &told) || told <= missing->attempts)
		return missing->attempts;
	return told > SIGNAL_MAX_RETRIES ? SIGNAL_MAX_RETRIES : (unsigned) told;
}

WaStatus
client_retry(WaClient *client, ClientMessage *m)
{
	WaStr chat = m->source.chat;
	WaPrekey *prekey = NULL;
	ClientMissing missing;
	Decision decision;
	WaStatus status;

	if (!client_missing_get(client, chat, m->name, &missing))
		missing.first_at = client->now.wall_us / WA_SECOND;
	missing.source = m->source;
	missing.attempts = attempts_of(&m->source, &missing);
	status = decide(client, m, missing.attempts, &decision);
	missing.trouble = str_from(m->trouble);
	if (decision == RETRY_ASK)
		missing.attempts++;
	if (status == WA_OK && decision != RETRY_GIVE_UP)
		status = client_missing_put(client, chat, m->name, &missing);
	if (status == WA_OK && !m->source.scope.peer && !missing.phone_asked &&
		decision != RETRY_GIVE_UP)
		status = client_phone_want(client, chat, m->name,
								   client->now.mono_us +
									   (decision == RETRY_PHONE ? 0 : CLIENT_PHONE_AFTER_US));
	if (status != WA_OK)
		return status;
	if (!m->source.scope.peer)
		client_message_tell_absent(
			client, &missing, decision == RETRY_GIVE_UP ? MESSAGE_UNAVAILABLE : MESSAGE_PENDING,
			m->trouble);
	if (decision == RETRY_ASK && (missing.attempts > 1 || m->keys_at_once))
		status = client_login_make_prekeys(client, 1, &prekey);
	client_records_tell(client);
	if (status == WA_OK && decision == RETRY_ASK)
		status = send_retry(client, m, missing.attempts, prekey);
	if (status == WA_OK)
		send_answer(client, m, decision);
	return status;
}
