/*
 * history_message.c
 *		WebMessageInfo: a message as another device kept it, with everything that
 *		was said about it since.  Sheet 2 sections 2.7 and 9.3.
 */
#include "history.h"

#include "message_internal.h"

/* ---- changes of a group ---- */

typedef struct Stub
{
	uint32_t type;
	const char *kind;
	const char *reason;
	bool has_text; /* the texts begin with one, and name nobody */
} Stub;

static const Stub stubs[] = {
	{20, "create", NULL, true},
	{21, "subject", NULL, true},
	{24, "description", NULL, true},
	{27, "add", NULL, false},
	{28, "remove", NULL, false},
	{29, "promote", NULL, false},
	{30, "demote", NULL, false},
	{31, "add", "invite", false},
	{32, "remove", NULL, false},
	{33, "modify", NULL, false},
	{43, "delete", NULL, true},
	{71, "add", "request", false},
	{140, "add", "accept", false},
	{141, "add", "linked_group_join", false},
	{144, "membership_approval_request", NULL, false},
	{172, "created_membership_requests", "non_admin_add", false},
};

/* Texts that are JIDs; the phone adds others to some. */
static void
read_targets(WaArena *arena, WaHistoryMessage *out)
{
	WaHistoryChange *change = out->change;

	change->targets = arena_alloc(arena, out->n_stub_texts * sizeof(*change->targets));
	for (size_t i = 0; change->targets != NULL && i < out->n_stub_texts; i++)
	{
		WaIdentity who = identity_from(arena, out->stub_texts[i], WA_STR_NONE);

		if (identity_is_known(&who))
			change->targets[change->n_targets++] = out->stub_texts[i];
	}
}

static void
read_change(WaArena *arena, WaHistoryMessage *out)
{
	const Stub *stub = stubs;
	const Stub *end = stubs + sizeof(stubs) / sizeof(stubs[0]);

	while (stub < end && stub->type != out->stub_type)
		stub++;
	if (stub == end)
		return;
	out->change = arena_alloc(arena, sizeof(*out->change));
	if (out->change == NULL)
		return;
	out->change->kind = stub->kind;
	out->change->reason = stub->reason;
	out->change->actor = out->sender;
	if (!stub->has_text)
		read_targets(arena, out);
	else if (out->n_stub_texts > 0)
		out->change->text = out->stub_texts[0];
	if (out->stub_type == 32 && out->change->n_targets == 1 && out->sender.data == NULL)
		out->change->actor = out->change->targets[0]; /* who leaves does it himself */
}

/* ---- what was said about it ---- */

static size_t
at_most(size_t n)
{
	return n < MESSAGE_MAX_LIST ? n : MESSAGE_MAX_LIST;
}

/* Who wrote the message that a key names: its author in groups, else the chat. */
static WaStr
author_of(const WaMessageKey *key)
{
	if (key->participant.len > 0)
		return key->participant;
	return key->from_me ? WA_STR_NONE : key->chat;
}

static void
read_reactions(WaArena *arena, const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	size_t n = at_most(info->n_reactions);

	out->reactions = arena_alloc(arena, n * sizeof(*out->reactions));
	for (size_t i = 0; out->reactions != NULL && i < n; i++)
	{
		WaMessageKey key = message_key(info->reactions[i]->key);

		out->reactions[i].by = author_of(&key);
		out->reactions[i].from_me = key.from_me;
		out->reactions[i].text = MESSAGE_TEXT_OF(info->reactions[i], text);
		out->reactions[i].at_ms = message_millis(info->reactions[i]->sendertimestampms);
		out->n_reactions = i + 1;
	}
}

static void
read_votes(WaArena *arena, const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	size_t n = at_most(info->n_pollupdates);

	out->votes = arena_alloc(arena, n * sizeof(*out->votes));
	for (size_t i = 0; out->votes != NULL && i < n; i++)
	{
		const Wa__PollUpdate *update = info->pollupdates[i];
		WaMessageKey key = message_key(update->pollupdatemessagekey);
		WaHistoryVote *vote = &out->votes[out->n_votes];

		if (update->vote == NULL)
			continue;
		vote->by = author_of(&key);
		vote->from_me = key.from_me;
		vote->id = key.id;
		vote->selected = message_texts(arena, update->vote->selectedoptions,
									   update->vote->n_selectedoptions, &vote->n_selected);
		vote->at_ms = message_millis(update->sendertimestampms);
		out->n_votes++;
	}
}

static void
read_responses(WaArena *arena, const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	size_t n = at_most(info->n_eventresponses);

	out->responses = arena_alloc(arena, n * sizeof(*out->responses));
	for (size_t i = 0; out->responses != NULL && i < n; i++)
	{
		const Wa__EventResponse *response = info->eventresponses[i];
		WaMessageKey key = message_key(response->eventresponsemessagekey);
		WaHistoryResponse *to = &out->responses[out->n_responses];

		if (response->eventresponsemessage == NULL)
			continue;
		to->by = author_of(&key);
		to->from_me = key.from_me;
		to->id = key.id;
		to->response = response->eventresponsemessage->response;
		to->extra_guests = response->eventresponsemessage->extraguestcount;
		to->at_ms = message_millis(response->timestampms);
		out->n_responses++;
	}
}

static void
read_receipts(WaArena *arena, const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	size_t n = at_most(info->n_userreceipt);

	out->receipts = arena_alloc(arena, n * sizeof(*out->receipts));
	for (size_t i = 0; out->receipts != NULL && i < n; i++)
	{
		const Wa__UserReceipt *receipt = info->userreceipt[i];

		if (!receipt->has_userjid)
			continue;
		out->receipts[out->n_receipts++] = (WaHistoryReceipt){
			.by = MESSAGE_TEXT_OF(receipt, userjid),
			.delivered_at = message_seconds(receipt->receipttimestamp),
			.read_at = message_seconds(receipt->readtimestamp),
			.played_at = message_seconds(receipt->playedtimestamp),
		};
	}
}

/* ---- the whole ---- */

/* Content that cannot be read leaves the message without, and its bytes. */
static WaStatus
read_content(WaArena *arena, const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	static const WaMessageScope nobody = {0};
	WaStatus status;

	out->plaintext = MESSAGE_TEXT_OF(info, message);
	if (out->plaintext.len == 0)
		return WA_OK;
	out->content = arena_alloc(arena, sizeof(*out->content));
	if (out->content == NULL)
		return arena->status;
	status = message_decode(arena, out->plaintext, &nobody, out->content);
	if (status == WA_ERR_MALFORMED || status == WA_ERR_LIMIT)
		out->content = NULL;
	else if (status != WA_OK)
		return status;
	if (out->content != NULL && out->secret.data == NULL)
		out->secret = out->content->secret;
	return WA_OK;
}

static int64_t
unsigned_seconds(uint64_t value)
{
	return value > INT64_MAX ? 0 : message_seconds((int64_t) value);
}

static void
read_times(const Wa__WebMessageInfo *info, WaHistoryMessage *out)
{
	int64_t start = unsigned_seconds(info->ephemeralstarttimestamp);

	out->at = unsigned_seconds(info->messagetimestamp);
	if (info->revokemessagetimestamp <= INT64_MAX)
		out->revoked_at_ms = message_millis((int64_t) info->revokemessagetimestamp);
	if (info->ephemeralduration > 0)
		out->expires_at = message_seconds((start > 0 ? start : out->at) + info->ephemeralduration);
}

WaStatus
history_message(WaArena *arena, WaStr bytes, WaHistoryMessage *out)
{
	Wa__WebMessageInfo *info;
	WaStatus status =
		protobuf_unpack(arena, &wa__web_message_info__descriptor, bytes.data, bytes.len, &info);

	*out = (WaHistoryMessage){0};
	if (status != WA_OK)
		return status;
	out->key = message_key(info->key);
	if (out->key.id.len == 0)
		return WA_ERR_MALFORMED;
	out->sender = out->key.participant;
	if (out->sender.len == 0)
		out->sender = MESSAGE_TEXT_OF(info, participant);
	if (out->sender.len == 0)
		out->sender = MESSAGE_TEXT_OF(info, originalselfauthoruserjidstring);
	if (out->sender.len == 0)
		out->sender = WA_STR_NONE;
	read_times(info, out);
	out->status = info->status;
	out->push_name = MESSAGE_TEXT_OF(info, pushname);
	out->business_name = MESSAGE_TEXT_OF(info, verifiedbizname);
	out->secret = message_fixed(MESSAGE_TEXT_OF(info, messagesecret), MESSAGE_SECRET_LEN);
	out->starred = info->starred;
	out->broadcast = info->broadcast;
	out->group_history = info->isgrouphistorymessage;
	out->stub_type = info->messagestubtype < 0 ? 0 : (uint32_t) info->messagestubtype;
	out->stub_texts = message_texts(arena, info->messagestubparameters,
									info->n_messagestubparameters, &out->n_stub_texts);
	read_change(arena, out);
	read_reactions(arena, info, out);
	read_votes(arena, info, out);
	read_responses(arena, info, out);
	read_receipts(arena, info, out);
	status = read_content(arena, info, out);
	/* any of these may have found no room */
	return arena->failed ? arena->status : status;
}
