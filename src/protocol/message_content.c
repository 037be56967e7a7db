/*
 * message_content.c
 *		Text, attachments, places, contacts, and the contextInfo that they
 *		share.  Sheet 2 section 3.10.
 */
#include "message_internal.h"

#include <math.h>

#define LAST_SECOND INT64_C(253402300799) /* of year 9999 */

/* ---- values ---- */

WaStr
message_text(protobuf_c_boolean has, ProtobufCBinaryData value)
{
	if (!has)
		return WA_STR_NONE;
	return (WaStr){value.data == NULL ? "" : (const char *) value.data, value.len};
}

WaStr
message_bytes(const WaWireField *field)
{
	return (WaStr){field->data == NULL ? "" : (const char *) field->data, field->len};
}

WaStr
message_field(WaStr message, uint32_t number)
{
	WaWireField field;

	if (!wire_find(message.data, message.len, number, WIRE_BYTES, &field))
		return WA_STR_NONE;
	return message_bytes(&field);
}

WaStr
message_fixed(WaStr value, size_t len)
{
	return value.len == len ? value : WA_STR_NONE;
}

int64_t
message_seconds(int64_t value)
{
	return value < 0 || value > LAST_SECOND ? 0 : value;
}

int64_t
message_millis(int64_t value)
{
	return value < 0 || value / 1000 > LAST_SECOND ? 0 : value;
}

WaMessageKey
message_key(const Wa__MessageKey *key)
{
	WaMessageKey out = {0};

	if (key == NULL || !key->has_id || key->id.len == 0)
		return out;
	out.chat = MESSAGE_TEXT_OF(key, remotejid);
	out.id = MESSAGE_TEXT_OF(key, id);
	out.participant = MESSAGE_TEXT_OF(key, participant);
	out.from_me = key->fromme;
	return out;
}

WaStr *
message_texts(WaArena *arena, const ProtobufCBinaryData *values, size_t n, size_t *n_out)
{
	WaStr *out;

	*n_out = 0;
	if (n > MESSAGE_MAX_LIST)
		n = MESSAGE_MAX_LIST;
	if (n == 0)
		return NULL;
	out = arena_alloc(arena, n * sizeof(*out));
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		out[i] = message_text(1, values[i]);
	*n_out = n;
	return out;
}

static void
read_group_mentions(WaArena *arena, const Wa__ContextInfo *info, WaMessageContext *out)
{
	size_t n = info->n_groupmentions;

	if (n > MESSAGE_MAX_LIST)
		n = MESSAGE_MAX_LIST;
	if (n == 0)
		return;
	out->group_mentions = arena_alloc(arena, n * sizeof(*out->group_mentions));
	if (out->group_mentions == NULL)
		return;
	for (size_t i = 0; i < n; i++)
	{
		out->group_mentions[i].group = MESSAGE_TEXT_OF(info->groupmentions[i], groupjid);
		out->group_mentions[i].subject = MESSAGE_TEXT_OF(info->groupmentions[i], groupsubject);
	}
	out->n_group_mentions = n;
}

void
message_context(WaArena *arena, const Wa__ContextInfo *info, WaMessage *out)
{
	WaMessageContext *context = &out->context;
	const Wa__ForwardedNewsletterMessageInfo *newsletter;

	if (info == NULL)
		return;
	if (info->has_stanzaid && info->stanzaid.len > 0)
	{
		context->quoted.id = MESSAGE_TEXT_OF(info, stanzaid);
		context->quoted.participant = MESSAGE_TEXT_OF(info, participant);
		context->quoted.chat = MESSAGE_TEXT_OF(info, remotejid);
		context->quoted_message = MESSAGE_TEXT_OF(info, quotedmessage);
	}
	context->mentions =
		message_texts(arena, info->mentionedjid, info->n_mentionedjid, &context->n_mentions);
	read_group_mentions(arena, info, context);
	context->mentions_all = info->nonjidmentions > 0;
	context->is_forwarded = info->isforwarded || info->forwardingscore > 0;
	context->forwarding_score = info->forwardingscore;
	context->expires_in = info->expiration;
	context->ephemeral_setting_at = message_seconds(info->ephemeralsettingtimestamp);
	context->parent_group = MESSAGE_TEXT_OF(info, parentgroupjid);
	if (info->memberlabel != NULL)
		context->member_label = MESSAGE_TEXT_OF(info->memberlabel, label);
	newsletter = info->forwardednewslettermessageinfo;
	if (newsletter != NULL)
	{
		context->newsletter = MESSAGE_TEXT_OF(newsletter, newsletterjid);
		context->newsletter_name = MESSAGE_TEXT_OF(newsletter, newslettername);
		context->newsletter_server_id = newsletter->servermessageid;
	}
}

/* Unpacks a content of one type into a variable of that type. */
#define UNPACK(name, variable)                                                                     \
	protobuf_unpack(decoder->arena, &wa__##name##__descriptor, bytes.data, bytes.len, &(variable))

/* ---- text ---- */

WaStatus
message_decode_text(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ExtendedTextMessage *text;
	WaStatus status = UNPACK(extended_text_message, text);

	if (status != WA_OK)
		return status;
	out->body = MESSAGE_TEXT_OF(text, text);
	out->matched = MESSAGE_TEXT_OF(text, matchedtext);
	out->title = MESSAGE_TEXT_OF(text, title);
	out->description = MESSAGE_TEXT_OF(text, description);
	if (text->viewonce)
		out->flags |= MESSAGE_VIEW_ONCE;
	message_context(decoder->arena, text->contextinfo, out);
	return WA_OK;
}

/* ---- attachments ---- */

/* What every attachment's message calls alike. */
#define FILL_MEDIA(media, message)                                                                 \
	do                                                                                             \
	{                                                                                              \
		(media)->direct_path = MESSAGE_TEXT_OF(message, directpath);                               \
		(media)->key = message_fixed(MESSAGE_TEXT_OF(message, mediakey), MEDIA_KEY_LEN);           \
		(media)->enc_sha256 = message_fixed(MESSAGE_TEXT_OF(message, fileencsha256), 32);          \
		(media)->sha256 = message_fixed(MESSAGE_TEXT_OF(message, filesha256), 32);                 \
		(media)->key_at = message_seconds((message)->mediakeytimestamp);                           \
	} while (0)

static WaMedia *
add_media(WaMessageDecoder *decoder, WaMediaKind kind, WaMessage *out)
{
	out->media = arena_alloc(decoder->arena, sizeof(*out->media));
	if (out->media != NULL)
		out->media->kind = kind;
	return out->media;
}

WaStatus
message_decode_image(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ImageMessage *image;
	WaStatus status = UNPACK(image_message, image);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_IMAGE, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, image);
	media->url = MESSAGE_TEXT_OF(image, url);
	media->mimetype = MESSAGE_TEXT_OF(image, mimetype);
	media->thumbnail = MESSAGE_TEXT_OF(image, jpegthumbnail);
	media->size = image->filelength;
	media->width = image->width;
	media->height = image->height;
	out->body = MESSAGE_TEXT_OF(image, caption);
	if (image->viewonce)
		out->flags |= MESSAGE_VIEW_ONCE;
	message_context(decoder->arena, image->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_video(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__VideoMessage *video;
	WaStatus status = UNPACK(video_message, video);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_VIDEO, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, video);
	media->url = MESSAGE_TEXT_OF(video, url);
	media->mimetype = MESSAGE_TEXT_OF(video, mimetype);
	media->thumbnail = MESSAGE_TEXT_OF(video, jpegthumbnail);
	media->size = video->filelength;
	media->width = video->width;
	media->height = video->height;
	media->seconds = video->seconds;
	out->body = MESSAGE_TEXT_OF(video, caption);
	if (video->gifplayback && out->kind == MESSAGE_VIDEO)
		out->kind = MESSAGE_GIF;
	if (video->viewonce)
		out->flags |= MESSAGE_VIEW_ONCE;
	message_context(decoder->arena, video->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_audio(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__AudioMessage *audio;
	WaStatus status = UNPACK(audio_message, audio);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_AUDIO, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, audio);
	media->url = MESSAGE_TEXT_OF(audio, url);
	media->mimetype = MESSAGE_TEXT_OF(audio, mimetype);
	media->size = audio->filelength;
	media->seconds = audio->seconds;
	media->waveform = MESSAGE_TEXT_OF(audio, waveform);
	if (audio->ptt)
		out->kind = MESSAGE_VOICE;
	if (audio->viewonce)
		out->flags |= MESSAGE_VIEW_ONCE;
	message_context(decoder->arena, audio->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_document(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__DocumentMessage *document;
	WaStatus status = UNPACK(document_message, document);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_DOCUMENT, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, document);
	media->url = MESSAGE_TEXT_OF(document, url);
	media->mimetype = MESSAGE_TEXT_OF(document, mimetype);
	media->thumbnail = MESSAGE_TEXT_OF(document, jpegthumbnail);
	media->file_name = MESSAGE_TEXT_OF(document, filename);
	media->size = document->filelength;
	media->pages = document->pagecount;
	out->title = MESSAGE_TEXT_OF(document, title);
	out->body = MESSAGE_TEXT_OF(document, caption);
	message_context(decoder->arena, document->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_sticker(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__StickerMessage *sticker;
	WaStatus status = UNPACK(sticker_message, sticker);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_STICKER, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, sticker);
	media->url = MESSAGE_TEXT_OF(sticker, url);
	media->mimetype = MESSAGE_TEXT_OF(sticker, mimetype);
	media->size = sticker->filelength;
	media->width = sticker->width;
	media->height = sticker->height;
	if (sticker->isanimated)
		out->flags |= MESSAGE_ANIMATED;
	if (sticker->islottie)
		out->flags |= MESSAGE_LOTTIE;
	message_context(decoder->arena, sticker->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_sticker_pack(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__StickerPackMessage *pack;
	WaStatus status = UNPACK(sticker_pack_message, pack);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_STICKER_PACK, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, pack);
	media->size = pack->filelength;
	out->title = MESSAGE_TEXT_OF(pack, name);
	out->description = MESSAGE_TEXT_OF(pack, publisher);
	out->body = MESSAGE_TEXT_OF(pack, caption);
	message_context(decoder->arena, pack->contextinfo, out);
	return WA_OK;
}

static void
read_receivers(WaMessageDecoder *decoder, const Wa__MessageHistoryMetadata *metadata,
			   WaMessage *out)
{
	if (metadata != NULL)
		out->receivers = message_texts(decoder->arena, metadata->historyreceivers,
									   metadata->n_historyreceivers, &out->n_receivers);
}

WaStatus
message_decode_history(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__MessageHistoryBundle *bundle;
	WaStatus status = UNPACK(message_history_bundle, bundle);
	WaMedia *media;

	if (status != WA_OK)
		return status;
	if ((media = add_media(decoder, MEDIA_GROUP_HISTORY, out)) == NULL)
		return decoder->arena->status;
	FILL_MEDIA(media, bundle);
	media->mimetype = MESSAGE_TEXT_OF(bundle, mimetype);
	read_receivers(decoder, bundle->messagehistorymetadata, out);
	message_context(decoder->arena, bundle->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_notice(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__MessageHistoryNotice *notice;
	WaStatus status = UNPACK(message_history_notice, notice);

	if (status != WA_OK)
		return status;
	read_receivers(decoder, notice->messagehistorymetadata, out);
	message_context(decoder->arena, notice->contextinfo, out);
	return WA_OK;
}

/* ---- places ---- */

static void
fill_position(WaLocation *out, bool has, double latitude, double longitude)
{
	if (!has || !isfinite(latitude) || !isfinite(longitude))
		return;
	out->latitude = latitude;
	out->longitude = longitude;
	out->has_position = true;
}

void
message_location(const Wa__LocationMessage *place, WaLocation *out)
{
	fill_position(out, place->has_degreeslatitude && place->has_degreeslongitude,
				  place->degreeslatitude, place->degreeslongitude);
	out->name = MESSAGE_TEXT_OF(place, name);
	out->address = MESSAGE_TEXT_OF(place, address);
	out->url = MESSAGE_TEXT_OF(place, url);
	out->accuracy = place->accuracyinmeters;
}

WaStatus
message_decode_location(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__LocationMessage *place;
	WaStatus status = UNPACK(location_message, place);

	if (status != WA_OK)
		return status;
	out->location = arena_alloc(decoder->arena, sizeof(*out->location));
	if (out->location == NULL)
		return decoder->arena->status;
	message_location(place, out->location);
	out->body = MESSAGE_TEXT_OF(place, comment);
	message_context(decoder->arena, place->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_live(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__LiveLocationMessage *place;
	WaStatus status = UNPACK(live_location_message, place);

	if (status != WA_OK)
		return status;
	out->location = arena_alloc(decoder->arena, sizeof(*out->location));
	if (out->location == NULL)
		return decoder->arena->status;
	fill_position(out->location, place->has_degreeslatitude && place->has_degreeslongitude,
				  place->degreeslatitude, place->degreeslongitude);
	out->location->accuracy = place->accuracyinmeters;
	out->location->sequence = place->sequencenumber;
	out->body = MESSAGE_TEXT_OF(place, caption);
	message_context(decoder->arena, place->contextinfo, out);
	return WA_OK;
}

/* ---- contacts ---- */

static bool
add_contacts(WaMessageDecoder *decoder, Wa__ContactMessage **cards, size_t n, WaMessage *out)
{
	if (n > MESSAGE_MAX_LIST)
		n = MESSAGE_MAX_LIST;
	if (n == 0)
		return true;
	out->contacts = arena_alloc(decoder->arena, n * sizeof(*out->contacts));
	if (out->contacts == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		out->contacts[i].name = MESSAGE_TEXT_OF(cards[i], displayname);
		out->contacts[i].vcard = MESSAGE_TEXT_OF(cards[i], vcard);
	}
	out->n_contacts = n;
	return true;
}

WaStatus
message_decode_contact(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ContactMessage *card;
	WaStatus status = UNPACK(contact_message, card);

	if (status != WA_OK)
		return status;
	if (!add_contacts(decoder, &card, 1, out))
		return decoder->arena->status;
	out->title = MESSAGE_TEXT_OF(card, displayname);
	message_context(decoder->arena, card->contextinfo, out);
	return WA_OK;
}

WaStatus
message_decode_contacts(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ContactsArrayMessage *cards;
	WaStatus status = UNPACK(contacts_array_message, cards);

	if (status != WA_OK)
		return status;
	if (!add_contacts(decoder, cards->contacts, cards->n_contacts, out))
		return decoder->arena->status;
	out->title = MESSAGE_TEXT_OF(cards, displayname);
	message_context(decoder->arena, cards->contextinfo, out);
	return WA_OK;
}
