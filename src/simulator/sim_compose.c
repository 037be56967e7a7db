/*
 * sim_compose.c
 *		Messages as simulated people write them: protobuf by hand, on purpose
 *		not the client's code.  Sheet 2 sections 3.10 and 7.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_message.h"

/* Fields of Message. */
#define CONVERSATION 1
#define SKDM 2
#define EXTENDED_TEXT 6
#define PROTOCOL 12
#define DEVICE_SENT 31
#define CONTEXT_INFO 35
#define REACTION 46
#define EDITED 58

#define REVOKE 0
#define MESSAGE_EDIT 14

#define MAX_MESSAGE (8 << 20)

const SimEnvelope sim_compose_plain = {.kind = "text", .type = "text"};
const SimEnvelope sim_compose_reacting = {.kind = "reaction", .type = "reaction", .hide = true};
const SimEnvelope sim_compose_editing = {.kind = "edit", .type = "text", .edit = "1", .hide = true};
const SimEnvelope sim_compose_revoking = {
	.kind = "revoke", .type = "text", .edit = "7", .hide = true};

static void
put_uint(WaBuf *out, uint32_t field, uint64_t value)
{
	if (wire_put_varint(out, field, value) != WA_OK)
	{
		fputs("wa_simulator: out of memory\n", stderr);
		exit(1);
	}
}

static void
put_bytes(WaBuf *out, uint32_t field, const void *data, size_t len)
{
	if (wire_put_bytes(out, field, data, len) != WA_OK)
	{
		fputs("wa_simulator: out of memory\n", stderr);
		exit(1);
	}
}

static void
put_text(WaBuf *out, uint32_t field, const char *text)
{
	put_bytes(out, field, text, strlen(text));
}

/* Appends inner as a field and frees it. */
static void
put_message(WaBuf *out, uint32_t field, WaBuf *inner)
{
	put_bytes(out, field, buf_data(inner), buf_len(inner));
	buf_free(inner);
}

void
sim_compose_key(WaBuf *out, uint32_t field, const SimAccount *by, const SimSaid *target)
{
	bool lid = target->group != NULL ? target->group->lid : target->lid;
	const SimAccount *other = target->from == by ? target->to : target->from;
	WaBuf key;
	char text[64];

	buf_init(&key, sim.env, 1024);
	if (target->group != NULL)
		snprintf(text, sizeof(text), "%s@g.us", target->group->id);
	else
		snprintf(text, sizeof(text), "%s@%s", lid ? other->lid : other->number,
				 lid ? "lid" : "s.whatsapp.net");
	put_text(&key, 1, text);
	put_uint(&key, 2, target->from == by);
	sim_said_id(target, text);
	put_text(&key, 3, text);
	if (target->group != NULL && target->from != by)
	{
		snprintf(text, sizeof(text), "%s@%s", lid ? target->from->lid : target->from->number,
				 lid ? "lid" : "s.whatsapp.net");
		put_text(&key, 4, text);
	}
	put_message(out, field, &key);
}

void
sim_compose_text(WaBuf *out, WaStr text)
{
	put_bytes(out, CONVERSATION, text.data, text.len);
}

void
sim_compose_reaction(WaBuf *out, const SimAccount *from, const SimSaid *target, WaStr text,
					 int64_t at_us)
{
	WaBuf reaction;

	buf_init(&reaction, sim.env, 4096);
	sim_compose_key(&reaction, 1, from, target);
	put_bytes(&reaction, 2, text.data, text.len);
	put_uint(&reaction, 4, (uint64_t) at_us / 1000);
	put_message(out, REACTION, &reaction);
}

void
sim_compose_edit(WaBuf *out, const SimSaid *target, WaStr text, int64_t at_us)
{
	WaBuf content;
	WaBuf protocol;
	WaBuf inner;
	WaBuf wrapper;

	buf_init(&content, sim.env, MAX_MESSAGE);
	buf_init(&protocol, sim.env, MAX_MESSAGE);
	buf_init(&inner, sim.env, MAX_MESSAGE);
	buf_init(&wrapper, sim.env, MAX_MESSAGE);
	sim_compose_text(&content, text);
	sim_compose_key(&protocol, 1, target->from, target);
	put_uint(&protocol, 2, MESSAGE_EDIT);
	put_message(&protocol, 14, &content);
	put_uint(&protocol, 15, (uint64_t) at_us / 1000);
	put_message(&inner, PROTOCOL, &protocol);
	put_message(&wrapper, 1, &inner);
	put_message(out, EDITED, &wrapper);
}

void
sim_compose_revoke(WaBuf *out, const SimAccount *from, const SimSaid *target)
{
	WaBuf protocol;

	buf_init(&protocol, sim.env, 4096);
	sim_compose_key(&protocol, 1, from, target);
	put_uint(&protocol, 2, REVOKE);
	put_message(out, PROTOCOL, &protocol);
}

void
sim_compose_sent(WaBuf *out, const char *destination, const void *message, size_t len)
{
	WaWireField context;
	WaBuf sent;

	buf_init(&sent, sim.env, MAX_MESSAGE);
	put_text(&sent, 1, destination);
	put_bytes(&sent, 2, message, len);
	put_message(out, DEVICE_SENT, &sent);
	/* the context stands outside as well */
	if (wire_find(message, len, CONTEXT_INFO, WIRE_BYTES, &context))
		put_bytes(out, CONTEXT_INFO, context.data, context.len);
}

/* ---- reading ---- */

static const struct
{
	uint32_t field;
	const char *kind;
	const char *type;
	const char *mediatype;
} kinds[] = {
	{1, "text", "text", NULL},
	{3, "image", "media", "image"},
	{4, "contact", "media", "vcard"},
	{5, "location", "media", "location"},
	{6, "text", "text", NULL},
	{7, "document", "media", "document"},
	{8, "audio", "media", "audio"},
	{9, "video", "media", "video"},
	{12, "protocol", "text", NULL},
	{13, "contacts", "media", "contact_array"},
	{18, "live_location", "media", "livelocation"},
	{26, "sticker", "media", "sticker"},
	{46, "reaction", "reaction", NULL},
	{49, "poll", "poll", NULL},
	{50, "vote", "poll", NULL},
	{58, "edit", "text", NULL},
	{60, "poll", "poll", NULL},
	{64, "poll", "poll", NULL},
	{66, "video_note", "media", "ptv"},
	{75, "event", "event", NULL},
	{76, "event_response", "event", NULL},
	{111, "poll", "poll", NULL},
	{119, "poll", "poll", NULL},
};

void
sim_compose_classify(const void *message, size_t len, SimEnvelope *out)
{
	WaWire wire;
	WaWireField field;

	*out = (SimEnvelope){.kind = "other", .type = "text"};
	wire_init(&wire, message, len);
	while (wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES || field.number == SKDM || field.number == CONTEXT_INFO)
			continue;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		{
			if (kinds[i].field != field.number)
				continue;
			out->kind = kinds[i].kind;
			out->type = kinds[i].type;
			out->mediatype = kinds[i].mediatype;
			out->hide = str_is(str_from(out->kind), "reaction") ||
						str_is(str_from(out->kind), "vote") || str_is(str_from(out->kind), "edit");
			out->edit = str_is(str_from(out->kind), "edit") ? "1" : NULL;
			return;
		}
		/* a wrapper with a Message inside: view once, ephemeral ... */
		if (wire_find(field.data, field.len, 1, WIRE_BYTES, &field))
		{
			sim_compose_classify(field.data, field.len, out);
			return;
		}
	}
}

WaStr
sim_compose_read(const void *message, size_t len)
{
	WaWireField field;
	WaWireField inner;

	if (wire_find(message, len, CONVERSATION, WIRE_BYTES, &field))
		return (WaStr){(const char *) field.data, field.len};
	if (wire_find(message, len, EXTENDED_TEXT, WIRE_BYTES, &field) &&
		wire_find(field.data, field.len, 1, WIRE_BYTES, &inner))
		return (WaStr){(const char *) inner.data, inner.len};
	if (wire_find(message, len, REACTION, WIRE_BYTES, &field) &&
		wire_find(field.data, field.len, 2, WIRE_BYTES, &inner))
		return (WaStr){(const char *) inner.data, inner.len};
	if (wire_find(message, len, EDITED, WIRE_BYTES, &field) &&
		wire_find(field.data, field.len, 1, WIRE_BYTES, &inner) &&
		wire_find(inner.data, inner.len, PROTOCOL, WIRE_BYTES, &field) &&
		wire_find(field.data, field.len, 14, WIRE_BYTES, &inner))
		return sim_compose_read(inner.data, inner.len);
	if (wire_find(message, len, DEVICE_SENT, WIRE_BYTES, &field) &&
		wire_find(field.data, field.len, 2, WIRE_BYTES, &inner))
		return sim_compose_read(inner.data, inner.len);
	return WA_STR_NONE;
}
