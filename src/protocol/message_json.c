/*
 * message_json.c
 *		What of a message has no column of its own, as JSON for its meta column.
 *
 * Keys, hashes, secrets, thumbnails and ciphertext stay out: they are for other
 * tables, or for nobody.
 */
#include "addon.h"
#include "json.h"
#include "message.h"

#include <stdio.h> /* snprintf only: no streams here */

static void
write_key(WaJson *json, const char *name, const WaMessageKey *key)
{
	if (key->id.data == NULL)
		return;
	json_begin_object(json, name);
	json_str(json, "id", key->id);
	json_str(json, "chat", key->chat);
	json_str(json, "participant", key->participant);
	if (key->from_me)
		json_bool(json, "from_me", true);
	json_end_object(json);
}

/* Numbers that are 0 and flags that are off are not told. */
static void
write_number(WaJson *json, const char *name, int64_t value)
{
	if (value != 0)
		json_int(json, name, value);
}

static void
write_flag(WaJson *json, const char *name, bool value)
{
	if (value)
		json_bool(json, name, true);
}

static void
write_flags(WaJson *json, uint32_t flags)
{
	static const struct
	{
		uint32_t flag;
		const char *name;
	} names[] = {
		{MESSAGE_VIEW_ONCE, "view_once"},
		{MESSAGE_EPHEMERAL, "ephemeral"},
		{MESSAGE_EDITED, "edited"},
		{MESSAGE_LOTTIE, "lottie"},
		{MESSAGE_GROUP_STATUS, "group_status"},
		{MESSAGE_DEVICE_SENT, "device_sent"},
		{MESSAGE_SPOILER, "spoiler"},
		{MESSAGE_BOT, "bot"},
		{MESSAGE_WRAPPED, "wrapped"},
		{MESSAGE_ANIMATED, "animated"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_flag(json, names[i].name, (flags & names[i].flag) != 0);
}

static void
write_context(WaJson *json, const WaMessageContext *context)
{
	write_flag(json, "mentions_all", context->mentions_all);
	if (context->n_group_mentions > 0)
	{
		json_begin_array(json, "group_mentions");
		for (size_t i = 0; i < context->n_group_mentions; i++)
		{
			json_begin_object(json, NULL);
			json_str(json, "group", context->group_mentions[i].group);
			json_str(json, "subject", context->group_mentions[i].subject);
			json_end_object(json);
		}
		json_end_array(json);
	}
	json_str(json, "parent_group", context->parent_group);
	json_str(json, "member_label", context->member_label);
	json_str(json, "newsletter", context->newsletter);
	json_str(json, "newsletter_name", context->newsletter_name);
	write_number(json, "newsletter_server_id", context->newsletter_server_id);
}

/* A JSON number of degrees; integers, so that no locale has a say in it. */
static void
write_degrees(WaJson *json, const char *name, double degrees)
{
	char text[32];
	bool negative = degrees < 0;
	int64_t micro;
	int len;

	if (!(degrees >= -360 && degrees <= 360))
		return;
	micro = (int64_t) ((negative ? -degrees : degrees) * 1e6 + 0.5);
	len = snprintf(text, sizeof(text), "%s%d.%06d", negative && micro > 0 ? "-" : "",
				   (int) (micro / 1000000), (int) (micro % 1000000));
	json_raw(json, name, (WaStr){text, (size_t) len});
}

static void
write_location(WaJson *json, const WaLocation *location)
{
	json_begin_object(json, "location");
	if (location->has_position)
	{
		write_degrees(json, "latitude", location->latitude);
		write_degrees(json, "longitude", location->longitude);
	}
	json_str(json, "name", location->name);
	json_str(json, "address", location->address);
	json_str(json, "url", location->url);
	write_number(json, "accuracy_metres", location->accuracy);
	write_number(json, "sequence", location->sequence);
	json_end_object(json);
}

static void
write_contacts(WaJson *json, const WaMessage *message)
{
	if (message->n_contacts == 0)
		return;
	json_begin_array(json, "contacts");
	for (size_t i = 0; i < message->n_contacts; i++)
	{
		json_begin_object(json, NULL);
		json_str(json, "name", message->contacts[i].name);
		json_str(json, "vcard", message->contacts[i].vcard);
		json_end_object(json);
	}
	json_end_array(json);
}

static void
write_hash(WaJson *json, const char *name, const uint8_t hash[32])
{
	static const char digits[] = "0123456789abcdef";
	char hex[64];

	for (size_t i = 0; i < 32; i++)
	{
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	json_str(json, name, (WaStr){hex, sizeof(hex)});
}

static void
write_poll(WaJson *json, const WaMessage *message)
{
	const WaPoll *poll = message->poll;

	json_begin_object(json, "poll");
	json_begin_array(json, "options");
	for (size_t i = 0; i < poll->n_options; i++)
	{
		json_begin_object(json, NULL);
		json_str(json, "name", poll->options[i].name);
		write_hash(json, "hash", poll->options[i].hash);
		if (message->kind == MESSAGE_POLL_RESULT)
			json_int(json, "votes", poll->options[i].votes);
		json_end_object(json);
	}
	json_end_array(json);
	write_number(json, "selectable", poll->selectable);
	write_flag(json, "quiz", poll->is_quiz);
	json_str(json, "correct_answer", poll->correct_answer);
	write_number(json, "ends_at", poll->ends_at);
	write_flag(json, "hides_voters", poll->hides_voters);
	write_flag(json, "may_add_options", poll->may_add_options);
	json_end_object(json);
}

static void
write_event(WaJson *json, const WaMeeting *event)
{
	json_begin_object(json, "event");
	json_str(json, "description", event->description);
	json_str(json, "join_link", event->join_link);
	write_number(json, "starts_at", event->starts_at);
	write_number(json, "ends_at", event->ends_at);
	write_flag(json, "cancelled", event->is_cancelled);
	write_flag(json, "call", event->is_call);
	write_flag(json, "extra_guests", event->extra_guests);
	write_location(json, &event->location);
	json_end_object(json);
}

static void
write_invite(WaJson *json, const WaInvite *invite)
{
	json_begin_object(json, "invite");
	json_str(json, "jid", invite->jid);
	json_str(json, "name", invite->name);
	json_str(json, "code", invite->code);
	write_number(json, "expires_at", invite->expires_at);
	write_flag(json, "community", invite->is_community);
	json_end_object(json);
}

static void
write_call(WaJson *json, const WaCallEntry *call)
{
	json_begin_object(json, "call");
	json_int(json, "outcome", call->outcome);
	json_int(json, "type", call->type);
	write_flag(json, "video", call->is_video);
	write_number(json, "seconds", call->seconds);
	if (call->n_participants > 0)
	{
		json_begin_array(json, "participants");
		for (size_t i = 0; i < call->n_participants; i++)
		{
			json_begin_object(json, NULL);
			json_str(json, "jid", call->participants[i]);
			json_int(json, "outcome", call->outcomes[i]);
			json_end_object(json);
		}
		json_end_array(json);
	}
	json_end_object(json);
}

static void
write_media(WaJson *json, const WaMedia *media)
{
	json_begin_object(json, "media");
	json_cstr(json, "kind", media_kind_name(media->kind));
	json_str(json, "mimetype", media->mimetype);
	json_str(json, "file_name", media->file_name);
	if (media->size <= INT64_MAX)
		write_number(json, "size", (int64_t) media->size);
	write_number(json, "width", media->width);
	write_number(json, "height", media->height);
	write_number(json, "seconds", media->seconds);
	write_number(json, "pages", media->pages);
	json_end_object(json);
}

static void
write_message(WaJson *json, const WaMessage *message)
{
	write_number(json, "field", message->kind == MESSAGE_UNKNOWN ? message->field : 0);
	if (message->refusal != NULL)
		json_cstr(json, "refusal", message->refusal);
	write_flags(json, message->flags);
	json_str(json, "title", message->title);
	json_str(json, "description", message->description);
	json_str(json, "matched_text", message->matched);
	json_str(json, "selected_id", message->selected_id);
	write_key(json, "target", &message->target);
	write_key(json, "parent", &message->parent);
	write_number(json, "association", message->association);
	write_number(json, "action", message->action);
	write_number(json, "at_ms", message->at_ms);
	write_context(json, &message->context);
	if (message->media != NULL)
		write_media(json, message->media);
	if (message->location != NULL)
		write_location(json, message->location);
	write_contacts(json, message);
	if (message->poll != NULL)
		write_poll(json, message);
	if (message->event != NULL)
		write_event(json, message->event);
	if (message->invite != NULL)
		write_invite(json, message->invite);
	if (message->call != NULL)
		write_call(json, message->call);
	if (message->addon != NULL)
		json_cstr(json, "addon", addon_kind_name(message->addon->kind));
	if (message->protocol != NULL)
	{
		json_int(json, "protocol_type", message->protocol->type);
		json_str(json, "label", message->protocol->member_label);
		write_number(json, "expires_in", message->protocol->expires_in);
		if (message->protocol->has_limit_sharing)
			json_bool(json, "limit_sharing", message->protocol->limit_sharing);
	}
	if (message->comment != NULL)
		json_cstr(json, "comment_kind", message_kind_name(message->comment->kind));
	if (message->n_receivers > 0)
	{
		json_begin_array(json, "receivers");
		for (size_t i = 0; i < message->n_receivers; i++)
			json_str(json, NULL, message->receivers[i]);
		json_end_array(json);
	}
	write_number(json, "album_images", message->album_images);
	write_number(json, "album_videos", message->album_videos);
}

WaStr
message_to_json(WaArena *arena, const WaMessage *message)
{
	WaBuf buf;
	WaJson json;
	WaStr out = WA_STR_NONE;

	buf_init(&buf, arena->env, MESSAGE_MAX_JSON);
	json_init(&json, &buf);
	json_begin_object(&json, NULL);
	write_message(&json, message);
	json_end_object(&json);
	if (json.status == WA_OK)
		out = arena_str(arena, (WaStr){(const char *) buf_data(&buf), buf_len(&buf)});
	else if (json.status == WA_ERR_NOMEM)
	{
		arena->failed = true;
		arena->status = WA_ERR_NOMEM;
	}
	buf_free(&buf);
	return out;
}
