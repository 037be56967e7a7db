/*
 * message_kinds.c
 *		Reactions, polls, events, invitations, pins, calls, and what businesses
 *		send.  Sheet 2 section 3.10.
 */
#include "message_internal.h"

#include "crypto.h"

#define UNPACK(name, variable)                                                                     \
	protobuf_unpack(decoder->arena, &wa__##name##__descriptor, bytes.data, bytes.len, &(variable))

/* ---- what speaks of another message ---- */

WaStatus
message_decode_reaction(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ReactionMessage *reaction;
	WaStatus status = UNPACK(reaction_message, reaction);

	if (status != WA_OK)
		return status;
	out->target = message_key(reaction->key);
	out->body = MESSAGE_TEXT_OF(reaction, text);
	if (out->body.data == NULL) /* proto3 senders leave "" out: the reaction is taken back */
		out->body = str_from("");
	out->at_ms = message_millis(reaction->sendertimestampms);
	return WA_OK;
}

WaStatus
message_decode_comment(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__CommentMessage *comment;
	WaStatus status = UNPACK(comment_message, comment);

	if (status != WA_OK)
		return status;
	out->target = message_key(comment->targetmessagekey);
	status = message_decode_nested(decoder, MESSAGE_TEXT_OF(comment, message), &out->comment);
	if (status == WA_OK && out->comment != NULL)
		out->body = out->comment->body;
	return status;
}

WaStatus
message_decode_action(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__KeyedAction *action;
	WaStatus status = UNPACK(keyed_action, action);

	if (status != WA_OK)
		return status;
	out->target = message_key(action->key);
	out->action = action->type;
	out->at_ms = message_millis(action->timestampms);
	return WA_OK;
}

static WaAddonKind
addon_kind(uint32_t field, int32_t secret_type)
{
	switch (field)
	{
		case 50:
			return ADDON_POLL_VOTE;
		case 56:
			return ADDON_REACTION;
		case 71:
			return ADDON_COMMENT;
		case 76:
			return ADDON_EVENT_RESPONSE;
		default:
			break;
	}
	switch (secret_type)
	{
		case 1:
			return ADDON_EVENT_EDIT;
		case 2:
			return ADDON_MESSAGE_EDIT;
		case 4:
			return ADDON_POLL_EDIT;
		case 5:
			return ADDON_POLL_ADD_OPTION;
		default:
			return ADDON_UNKNOWN;
	}
}

static WaStatus
add_addon(WaMessageDecoder *decoder, WaAddonKind kind, WaStr payload, WaStr iv, WaMessage *out)
{
	out->addon = arena_alloc(decoder->arena, sizeof(*out->addon));
	if (out->addon == NULL)
		return decoder->arena->status;
	*out->addon = (WaAddon){kind, payload, iv};
	return WA_OK;
}

WaStatus
message_decode_encrypted(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__EncryptedAddOn *encrypted;
	WaStatus status = UNPACK(encrypted_add_on, encrypted);

	if (status != WA_OK)
		return status;
	out->target = message_key(encrypted->targetmessagekey);
	return add_addon(decoder, addon_kind(out->field, encrypted->secretenctype),
					 MESSAGE_TEXT_OF(encrypted, encpayload), MESSAGE_TEXT_OF(encrypted, enciv),
					 out);
}

WaStatus
message_decode_vote(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__PollUpdateMessage *update;
	WaStatus status = UNPACK(poll_update_message, update);
	WaStr payload = WA_STR_NONE;
	WaStr iv = WA_STR_NONE;

	if (status != WA_OK)
		return status;
	out->target = message_key(update->pollcreationmessagekey);
	out->at_ms = message_millis(update->sendertimestampms);
	if (update->vote != NULL)
	{
		payload = MESSAGE_TEXT_OF(update->vote, encpayload);
		iv = MESSAGE_TEXT_OF(update->vote, enciv);
	}
	return add_addon(decoder, ADDON_POLL_VOTE, payload, iv, out);
}

/* ---- polls ---- */

/* Votes name an option by the SHA-256 of its name. */
static WaStatus
fill_option(WaPollOption *option, WaStr name)
{
	option->name = name.data == NULL ? str_from("") : name;
	return crypto_sha256(option->name.data, option->name.len, option->hash);
}

static WaStatus
add_poll(WaMessageDecoder *decoder, size_t n_options, WaMessage *out)
{
	if (n_options > MESSAGE_MAX_LIST)
		n_options = MESSAGE_MAX_LIST;
	out->poll = arena_alloc(decoder->arena, sizeof(*out->poll));
	if (out->poll == NULL)
		return decoder->arena->status;
	if (n_options == 0)
		return WA_OK;
	out->poll->options = arena_alloc(decoder->arena, n_options * sizeof(*out->poll->options));
	if (out->poll->options == NULL)
		return decoder->arena->status;
	out->poll->n_options = n_options;
	return WA_OK;
}

WaStatus
message_decode_poll(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__PollCreationMessage *poll;
	WaStatus status = UNPACK(poll_creation_message, poll);

	if (status == WA_OK)
		status = add_poll(decoder, poll->n_options, out);
	if (status != WA_OK)
		return status;
	for (size_t i = 0; status == WA_OK && i < out->poll->n_options; i++)
		status = fill_option(&out->poll->options[i], MESSAGE_TEXT_OF(poll->options[i], optionname));
	out->body = MESSAGE_TEXT_OF(poll, name);
	out->poll->selectable = poll->selectableoptionscount;
	out->poll->is_quiz = poll->polltype == 1;
	if (poll->correctanswer != NULL)
		out->poll->correct_answer = MESSAGE_TEXT_OF(poll->correctanswer, optionname);
	out->poll->ends_at = message_millis(poll->endtime);
	out->poll->hides_voters = poll->hideparticipantname;
	out->poll->may_add_options = poll->allowaddoption;
	message_context(decoder->arena, poll->contextinfo, out);
	return status;
}

WaStatus
message_decode_result(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__PollResultSnapshotMessage *result;
	WaStatus status = UNPACK(poll_result_snapshot_message, result);

	if (status == WA_OK)
		status = add_poll(decoder, result->n_pollvotes, out);
	if (status != WA_OK)
		return status;
	for (size_t i = 0; status == WA_OK && i < out->poll->n_options; i++)
	{
		status =
			fill_option(&out->poll->options[i], MESSAGE_TEXT_OF(result->pollvotes[i], optionname));
		out->poll->options[i].votes = result->pollvotes[i]->optionvotecount;
	}
	out->body = MESSAGE_TEXT_OF(result, name);
	out->poll->is_quiz = result->polltype == 1;
	message_context(decoder->arena, result->contextinfo, out);
	return status;
}

/* An option added to a poll, in the open: a poll of that option alone. */
WaStatus
message_decode_option(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__PollAddOptionMessage *added;
	WaStatus status = UNPACK(poll_add_option_message, added);

	if (status == WA_OK)
		status = add_poll(decoder, added->addoption == NULL ? 0 : 1, out);
	if (status != WA_OK)
		return status;
	out->target = message_key(added->pollcreationmessagekey);
	if (added->addoption == NULL)
		return WA_OK;
	out->body = MESSAGE_TEXT_OF(added->addoption, optionname);
	return fill_option(&out->poll->options[0], out->body);
}

/* ---- events, invitations, albums, calls ---- */

WaStatus
message_decode_event(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__EventMessage *event;
	WaStatus status = UNPACK(event_message, event);

	if (status != WA_OK)
		return status;
	out->event = arena_alloc(decoder->arena, sizeof(*out->event));
	if (out->event == NULL)
		return decoder->arena->status;
	out->title = MESSAGE_TEXT_OF(event, name);
	out->body = out->title;
	out->event->description = MESSAGE_TEXT_OF(event, description);
	out->event->join_link = MESSAGE_TEXT_OF(event, joinlink);
	if (event->location != NULL)
		message_location(event->location, &out->event->location);
	out->event->starts_at = message_seconds(event->starttime);
	out->event->ends_at = message_seconds(event->endtime);
	out->event->is_cancelled = event->iscanceled;
	out->event->is_call = event->isschedulecall;
	out->event->extra_guests = event->extraguestsallowed;
	message_context(decoder->arena, event->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_invite(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__GroupInviteMessage *invite;
	WaStatus status = UNPACK(group_invite_message, invite);

	if (status != WA_OK)
		return status;
	out->invite = arena_alloc(decoder->arena, sizeof(*out->invite));
	if (out->invite == NULL)
		return decoder->arena->status;
	out->invite->jid = MESSAGE_TEXT_OF(invite, groupjid);
	out->invite->name = MESSAGE_TEXT_OF(invite, groupname);
	out->invite->code = MESSAGE_TEXT_OF(invite, invitecode);
	out->invite->expires_at = message_seconds(invite->inviteexpiration);
	out->invite->is_community = invite->grouptype == 1;
	out->body = MESSAGE_TEXT_OF(invite, caption);
	message_context(decoder->arena, invite->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_album(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__AlbumMessage *album;
	WaStatus status = UNPACK(album_message, album);

	if (status != WA_OK)
		return status;
	out->album_images = album->expectedimagecount;
	out->album_videos = album->expectedvideocount;
	message_context(decoder->arena, album->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_call(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__CallLogMessage *log;
	WaStatus status = UNPACK(call_log_message, log);
	WaCallEntry *call;
	size_t n;

	if (status != WA_OK)
		return status;
	n = log->n_participants < MESSAGE_MAX_LIST ? log->n_participants : MESSAGE_MAX_LIST;
	call = out->call = arena_alloc(decoder->arena, sizeof(*call));
	if (call == NULL)
		return decoder->arena->status;
	call->participants = arena_alloc(decoder->arena, n * sizeof(*call->participants));
	call->outcomes = arena_alloc(decoder->arena, n * sizeof(*call->outcomes));
	if (call->participants == NULL || call->outcomes == NULL)
		return decoder->arena->status;
	for (size_t i = 0; i < n; i++)
	{
		call->participants[i] = MESSAGE_TEXT_OF(log->participants[i], jid);
		call->outcomes[i] = log->participants[i]->calloutcome;
	}
	call->n_participants = n;
	call->outcome = log->calloutcome;
	call->type = log->calltype;
	call->seconds = log->durationsecs;
	call->is_video = log->isvideo;
	return WA_OK;
}

/* ---- kinds of which only some text is read ---- */

/* Where a text lies: a field, and one inside it; 0 ends the path. */
typedef struct Path
{
	uint32_t field;
	uint32_t inner;
} Path;

typedef struct Plain
{
	uint32_t field; /* in Message */
	Path body;
	Path title;
	Path selected;
	Path jid; /* of the newsletter that is invited to */
	uint32_t context;
} Plain;

static const Plain plains[] = {
	{.field = 25, .body = {4, 6}, .title = {4, 2}, .context = 3},  /* template */
	{.field = 29, .body = {2}, .selected = {1}, .context = 3},     /* its reply */
	{.field = 30, .body = {5}, .context = 17},                     /* product */
	{.field = 36, .body = {2}, .title = {1}, .context = 8},        /* list */
	{.field = 38, .body = {6}, .title = {7}, .context = 17},       /* order */
	{.field = 39, .body = {1}, .selected = {3, 1}, .context = 4},  /* list's reply */
	{.field = 42, .body = {6}, .title = {1}, .context = 8},        /* buttons */
	{.field = 43, .body = {2}, .selected = {1}, .context = 3},     /* their reply */
	{.field = 45, .body = {2, 1}, .title = {1, 1}, .context = 15}, /* interactive */
	{.field = 48, .body = {1, 1}, .context = 15},                  /* its reply */
	{.field = 54, .context = 1},                                   /* asks for a phone number */
	{.field = 61, .body = {3}},                                    /* scheduled call */
	{.field = 65},                                                 /* and its change */
	{.field = 78, .body = {4}, .title = {2}, .jid = {1}, .context = 6},
	{.field = 113, .body = {4}, .title = {2}, .jid = {1}, .context = 5},
};

static WaStr
follow(WaStr bytes, Path path)
{
	WaStr found;

	if (path.field == 0)
		return WA_STR_NONE;
	found = message_field(bytes, path.field);
	return path.inner == 0 ? found : message_field(found, path.inner);
}

WaStatus
message_decode_plain(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	const Plain *plain = plains;
	Wa__ContextInfo *info;
	WaStr context;
	WaStatus status;

	while (plain < plains + sizeof(plains) / sizeof(plains[0]) && plain->field != out->field)
		plain++;
	if (plain == plains + sizeof(plains) / sizeof(plains[0]))
		return WA_OK;
	out->body = follow(bytes, plain->body);
	out->title = follow(bytes, plain->title);
	out->selected_id = follow(bytes, plain->selected);
	if (plain->jid.field != 0)
	{
		out->invite = arena_alloc(decoder->arena, sizeof(*out->invite));
		if (out->invite == NULL)
			return decoder->arena->status;
		out->invite->jid = follow(bytes, plain->jid);
		out->invite->name = out->title;
	}
	context = plain->context == 0 ? WA_STR_NONE : message_field(bytes, plain->context);
	if (context.data == NULL)
		return WA_OK;
	status = protobuf_unpack(decoder->arena, &wa__context_info__descriptor, context.data,
							 context.len, &info);
	if (status == WA_OK)
		message_context(decoder->arena, info, out);
	return status;
}
