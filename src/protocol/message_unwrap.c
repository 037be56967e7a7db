/*
 * message_unwrap.c
 *		From a plaintext to its content: Message is walked field by field,
 *		wrappers are taken off until something else is inside.  Sheet 2 section
 *		3.6.
 *
 * Depth is counted over wrappers, edits and comments together, and never passes
 * MESSAGE_MAX_DEPTH.
 */
#include "message_internal.h"

#include <string.h>

#define FIELD_SENDER_KEY 2
#define FIELD_FAST_RATCHET 15 /* a distribution message nobody reads */
#define FIELD_DEVICE_SENT 31
#define FIELD_CONTEXT 35

/* FutureProofMessage: a Message in field 1. */
typedef struct Wrapper
{
	uint32_t field;
	uint32_t flag;
} Wrapper;

static const Wrapper wrappers[] = {
	{37, MESSAGE_VIEW_ONCE}, {40, MESSAGE_EPHEMERAL},    {53, 0}, /* document with caption */
	{55, MESSAGE_VIEW_ONCE}, {58, MESSAGE_EDITED},       {59, MESSAGE_VIEW_ONCE},
	{62, MESSAGE_WRAPPED},   {67, MESSAGE_BOT},          {74, MESSAGE_LOTTIE},
	{85, MESSAGE_WRAPPED},   {87, MESSAGE_WRAPPED},      {90, MESSAGE_WRAPPED},
	{91, MESSAGE_WRAPPED},   {92, MESSAGE_GROUP_STATUS}, {93, 0}, /* a poll */
	{95, MESSAGE_WRAPPED},   {96, MESSAGE_GROUP_STATUS}, {99, MESSAGE_WRAPPED},
	{100, MESSAGE_BOT},      {101, MESSAGE_WRAPPED},     {103, MESSAGE_GROUP_STATUS},
	{104, MESSAGE_BOT},      {106, MESSAGE_WRAPPED},     {116, MESSAGE_WRAPPED},
	{117, MESSAGE_WRAPPED},  {118, MESSAGE_SPOILER},     {126, MESSAGE_WRAPPED},
	{131, MESSAGE_WRAPPED},
};

typedef struct Content
{
	uint32_t field;
	WaMessageKind kind;
	WaContentDecoder decode; /* NULL: the kind is all that is read */
} Content;

static const Content contents[] = {
	{1, MESSAGE_TEXT, NULL},
	{3, MESSAGE_IMAGE, message_decode_image},
	{4, MESSAGE_CONTACTS, message_decode_contact},
	{5, MESSAGE_LOCATION, message_decode_location},
	{6, MESSAGE_TEXT, message_decode_text},
	{7, MESSAGE_DOCUMENT, message_decode_document},
	{8, MESSAGE_AUDIO, message_decode_audio},
	{9, MESSAGE_VIDEO, message_decode_video},
	{10, MESSAGE_CALL, NULL},
	{12, MESSAGE_PROTOCOL, message_decode_protocol},
	{13, MESSAGE_CONTACTS, message_decode_contacts},
	{16, MESSAGE_PAYMENT, NULL},
	{18, MESSAGE_LIVE_LOCATION, message_decode_live},
	{22, MESSAGE_PAYMENT, NULL},
	{23, MESSAGE_PAYMENT, NULL},
	{24, MESSAGE_PAYMENT, NULL},
	{25, MESSAGE_BUSINESS, message_decode_plain},
	{26, MESSAGE_STICKER, message_decode_sticker},
	{28, MESSAGE_GROUP_INVITE, message_decode_invite},
	{29, MESSAGE_BUSINESS_REPLY, message_decode_plain},
	{30, MESSAGE_PRODUCT, message_decode_plain},
	{36, MESSAGE_BUSINESS, message_decode_plain},
	{38, MESSAGE_ORDER, message_decode_plain},
	{39, MESSAGE_BUSINESS_REPLY, message_decode_plain},
	{41, MESSAGE_PAYMENT, NULL},
	{42, MESSAGE_BUSINESS, message_decode_plain},
	{43, MESSAGE_BUSINESS_REPLY, message_decode_plain},
	{44, MESSAGE_PAYMENT, NULL},
	{45, MESSAGE_BUSINESS, message_decode_plain},
	{46, MESSAGE_REACTION, message_decode_reaction},
	{48, MESSAGE_BUSINESS_REPLY, message_decode_plain},
	{49, MESSAGE_POLL, message_decode_poll},
	{50, MESSAGE_ADDON, message_decode_vote},
	{51, MESSAGE_KEEP, message_decode_action},
	{54, MESSAGE_PHONE_NUMBER_REQUEST, message_decode_plain},
	{56, MESSAGE_ADDON, message_decode_encrypted},
	{60, MESSAGE_POLL, message_decode_poll},
	{61, MESSAGE_SCHEDULED_CALL, message_decode_plain},
	{63, MESSAGE_PIN, message_decode_action},
	{64, MESSAGE_POLL, message_decode_poll},
	{65, MESSAGE_SCHEDULED_CALL, message_decode_plain},
	{66, MESSAGE_VIDEO_NOTE, message_decode_video},
	{69, MESSAGE_CALL, message_decode_call},
	{70, MESSAGE_GROUP_HISTORY, message_decode_history},
	{71, MESSAGE_ADDON, message_decode_encrypted},
	{75, MESSAGE_EVENT, message_decode_event},
	{76, MESSAGE_ADDON, message_decode_encrypted},
	{77, MESSAGE_COMMENT, message_decode_comment},
	{78, MESSAGE_NEWSLETTER_INVITE, message_decode_plain},
	{80, MESSAGE_MASKED, NULL},
	{82, MESSAGE_ADDON, message_decode_encrypted},
	{83, MESSAGE_ALBUM, message_decode_album},
	{86, MESSAGE_STICKER_PACK, message_decode_sticker_pack},
	{88, MESSAGE_POLL_RESULT, message_decode_result},
	{102, MESSAGE_GROUP_HISTORY_NOTICE, message_decode_notice},
	{111, MESSAGE_POLL, message_decode_poll},
	{113, MESSAGE_NEWSLETTER_INVITE, message_decode_plain},
	{115, MESSAGE_POLL_RESULT, message_decode_result},
	{119, MESSAGE_POLL, message_decode_poll},
	{121, MESSAGE_ADDON, message_decode_option},
	{124, MESSAGE_PAYMENT, NULL},
	{125, MESSAGE_PAYMENT, NULL},
	{128, MESSAGE_PAYMENT, NULL},
};

static const char *const kind_names[] = {
	[MESSAGE_NONE] = "none",
	[MESSAGE_TEXT] = "text",
	[MESSAGE_IMAGE] = "image",
	[MESSAGE_VIDEO] = "video",
	[MESSAGE_GIF] = "gif",
	[MESSAGE_VIDEO_NOTE] = "video_note",
	[MESSAGE_AUDIO] = "audio",
	[MESSAGE_VOICE] = "voice",
	[MESSAGE_DOCUMENT] = "document",
	[MESSAGE_STICKER] = "sticker",
	[MESSAGE_STICKER_PACK] = "sticker_pack",
	[MESSAGE_LOCATION] = "location",
	[MESSAGE_LIVE_LOCATION] = "live_location",
	[MESSAGE_CONTACTS] = "contacts",
	[MESSAGE_REACTION] = "reaction",
	[MESSAGE_COMMENT] = "comment",
	[MESSAGE_POLL] = "poll",
	[MESSAGE_POLL_RESULT] = "poll_result",
	[MESSAGE_EVENT] = "event",
	[MESSAGE_ADDON] = "addon",
	[MESSAGE_GROUP_INVITE] = "group_invite",
	[MESSAGE_NEWSLETTER_INVITE] = "newsletter_invite",
	[MESSAGE_PIN] = "pin",
	[MESSAGE_KEEP] = "keep",
	[MESSAGE_ALBUM] = "album",
	[MESSAGE_CALL] = "call",
	[MESSAGE_SCHEDULED_CALL] = "scheduled_call",
	[MESSAGE_BUSINESS] = "business",
	[MESSAGE_BUSINESS_REPLY] = "business_reply",
	[MESSAGE_PRODUCT] = "product",
	[MESSAGE_ORDER] = "order",
	[MESSAGE_PAYMENT] = "payment",
	[MESSAGE_GROUP_HISTORY] = "group_history",
	[MESSAGE_GROUP_HISTORY_NOTICE] = "group_history_notice",
	[MESSAGE_PHONE_NUMBER_REQUEST] = "phone_number_request",
	[MESSAGE_MASKED] = "masked",
	[MESSAGE_PROTOCOL] = "protocol",
	[MESSAGE_UNKNOWN] = "unknown",
};

const char *
message_kind_name(WaMessageKind kind)
{
	if ((unsigned) kind >= sizeof(kind_names) / sizeof(kind_names[0]))
		return "unknown";
	return kind_names[kind];
}

WaStatus
message_memory(const WaArena *arena)
{
	return arena->failed ? arena->status : WA_OK;
}

WaStatus
message_refuse(WaMessage *out, const char *why)
{
	*out = (WaMessage){.refusal = why, .flags = out->flags};
	return WA_OK;
}

/* ---- one level ---- */

typedef struct Level
{
	const Wrapper *wrapper;
	WaStr wrapped;
	const Content *content;
	WaStr bytes;
	uint32_t unknown; /* the first field that is none of the above; 0 none */
	WaStr unknown_bytes;
	WaStr device_sent;
	WaStr context;
	WaStr sender_key;
} Level;

static const Wrapper *
find_wrapper(uint32_t field)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
	{
		if (wrappers[i].field == field)
			return &wrappers[i];
	}
	return NULL;
}

static const Content *
find_content(uint32_t field)
{
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
	{
		if (contents[i].field == field)
			return &contents[i];
	}
	return NULL;
}

/* A field of a wrong wire type is one nobody knows. */
static void
read_field(const WaWireField *field, Level *level)
{
	bool is_bytes = field->type == WIRE_BYTES;
	const Wrapper *wrapper = is_bytes ? find_wrapper(field->number) : NULL;
	const Content *content = is_bytes ? find_content(field->number) : NULL;

	if (is_bytes && field->number == FIELD_DEVICE_SENT)
		level->device_sent = message_bytes(field);
	else if (is_bytes && field->number == FIELD_CONTEXT)
		level->context = message_bytes(field);
	else if (is_bytes && field->number == FIELD_SENDER_KEY)
		level->sender_key = message_bytes(field);
	else if (field->number == FIELD_FAST_RATCHET)
		return;
	else if (wrapper != NULL && level->wrapper == NULL)
	{
		level->wrapper = wrapper;
		level->wrapped = message_bytes(field);
	}
	else if (content != NULL && level->content == NULL)
	{
		level->content = content;
		level->bytes = message_bytes(field);
	}
	else if (wrapper == NULL && content == NULL && level->unknown == 0)
	{
		level->unknown = field->number;
		level->unknown_bytes = message_bytes(field);
	}
}

static WaStatus
read_level(WaStr message, Level *level)
{
	WaWire wire;
	WaWireField field;

	*level = (Level){0};
	wire_init(&wire, message.data, message.len);
	while (wire_next(&wire, &field))
		read_field(&field, level);
	return wire.bad ? WA_ERR_MALFORMED : WA_OK;
}

/* The secret that add-ons will be encrypted with, and what the message hangs on. */
static WaStatus
read_context_info(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__MessageContextInfo *info;
	WaStatus status;
	WaStr secret;

	if (bytes.data == NULL)
		return WA_OK;
	status = protobuf_unpack(decoder->arena, &wa__message_context_info__descriptor, bytes.data,
							 bytes.len, &info);
	if (status != WA_OK)
		return status;
	secret = message_fixed(MESSAGE_TEXT_OF(info, messagesecret), MESSAGE_SECRET_LEN);
	if (secret.data != NULL)
		out->secret = secret;
	if (info->messageassociation != NULL)
	{
		out->association = info->messageassociation->associationtype;
		out->parent = message_key(info->messageassociation->parentmessagekey);
	}
	return WA_OK;
}

static void
read_sender_key(WaStr bytes, WaMessage *out)
{
	if (bytes.data == NULL)
		return;
	out->sender_key_group = message_field(bytes, 1);
	out->sender_key = message_field(bytes, 2);
}

/* ---- device-sent ---- */

/* Same server, another user: one is a lie.  LID against phone number tells nothing. */
static bool
contradict(WaStr a, WaStr b)
{
	WaJid x;
	WaJid y;

	return jid_parse(a, &x) == WA_OK && jid_parse(b, &y) == WA_OK && x.server == y.server &&
		   !jid_same_user(&x, &y);
}

/* Steps into what another own device sent; false when it is refused. */
static bool
enter_device_sent(WaMessageDecoder *decoder, WaStr *message, WaStr bytes, WaMessage *out)
{
	if (!decoder->scope->from_self)
	{
		message_refuse(out, "device-sent message of another account");
		return false;
	}
	out->destination = message_field(bytes, 1);
	if (contradict(out->destination, decoder->scope->recipient))
	{
		message_refuse(out, "device-sent message for another chat");
		return false;
	}
	out->flags |= MESSAGE_DEVICE_SENT;
	decoder->private = true;
	*message = message_field(bytes, 2);
	return true;
}

/* ---- the whole ---- */

static WaStatus
read_content(WaMessageDecoder *decoder, const Level *level, WaMessage *out)
{
	const Content *content = level->content;
	WaStatus status;

	if (content == NULL)
	{
		if (level->unknown != 0)
		{
			out->kind = MESSAGE_UNKNOWN;
			out->field = level->unknown;
			out->content = level->unknown_bytes;
		}
		return WA_OK;
	}
	out->kind = content->kind;
	out->field = content->field;
	out->content = level->bytes;
	if (content->field == 1)
		out->body = level->bytes;
	if (content->decode == NULL)
		return WA_OK;
	status = content->decode(decoder, level->bytes, out);
	return status != WA_OK ? status : message_memory(decoder->arena);
}

static WaStatus
decode(WaMessageDecoder *decoder, WaStr message, WaMessage *out)
{
	Level level;
	WaStatus status;

	for (;;)
	{
		status = read_level(message, &level);
		if (status == WA_OK)
			status = read_context_info(decoder, level.context, out);
		if (status != WA_OK)
			return status;
		read_sender_key(level.sender_key, out);
		if (level.device_sent.data == NULL && level.wrapper == NULL)
			return read_content(decoder, &level, out);

		if (++decoder->depth > MESSAGE_MAX_DEPTH)
			return WA_ERR_LIMIT;
		if (level.device_sent.data != NULL)
		{
			if (!enter_device_sent(decoder, &message, level.device_sent, out))
				return WA_OK;
			continue;
		}
		out->flags |= level.wrapper->flag;
		message = message_field(level.wrapped, 1);
		if (message.data == NULL) /* a wrapper of a kind that came after this was written */
		{
			out->kind = MESSAGE_UNKNOWN;
			out->field = level.wrapper->field;
			out->content = level.wrapped;
			return WA_OK;
		}
	}
}

WaStatus
message_decode_nested(WaMessageDecoder *decoder, WaStr bytes, WaMessage **out)
{
	static const WaMessageScope nobody = {0};
	WaMessageDecoder inner = {decoder->arena, &nobody, decoder->depth + 1, false};

	*out = NULL;
	if (bytes.data == NULL)
		return WA_OK;
	if (inner.depth > MESSAGE_MAX_DEPTH)
		return WA_ERR_LIMIT;
	*out = arena_alloc(decoder->arena, sizeof(**out));
	if (*out == NULL)
		return decoder->arena->status;
	return decode(&inner, bytes, *out);
}

WaStatus
message_decode(WaArena *arena, WaStr plaintext, const WaMessageScope *scope, WaMessage *out)
{
	WaMessageDecoder decoder = {arena, scope, 0, scope->peer};
	WaStatus status;

	*out = (WaMessage){0};
	if (plaintext.len > MESSAGE_MAX_LEN)
		return WA_ERR_LIMIT;
	status = decode(&decoder, plaintext, out);
	if (status != WA_OK)
		*out = (WaMessage){0};
	return status;
}
