/*
 * message_internal.h
 *		What the files of message_decode share.  Nobody else includes this.
 */
#ifndef WA_MESSAGE_INTERNAL_H
#define WA_MESSAGE_INTERNAL_H

#include "message.h"
#include "message.pb-c.h"
#include "protobuf.h"
#include "wire.h"

/* One message being decoded.  Helpers return zeroes once the arena has failed. */
typedef struct WaMessageDecoder
{
	WaArena *arena;
	const WaMessageScope *scope;
	unsigned depth; /* levels entered so far */
	bool private;   /* device-sent: between the own devices, as category=peer is */
} WaMessageDecoder;

/* Absent stays absent; empty is there and empty. */
extern WaStr message_text(protobuf_c_boolean has, ProtobufCBinaryData value);
#define MESSAGE_TEXT_OF(message, field) message_text((message)->has_##field, (message)->field)
/* What a WIRE_BYTES field holds; never absent. */
extern WaStr message_bytes(const WaWireField *field);
/* The last bytes field of this number in a serialized message; absent when there is none. */
extern WaStr message_field(WaStr message, uint32_t number);
/* Exactly len bytes, else absent. */
extern WaStr message_fixed(WaStr value, size_t len);
/* Unix seconds, or milliseconds, between 1970 and 9999; else 0. */
extern int64_t message_seconds(int64_t value);
extern int64_t message_millis(int64_t value);
extern WaMessageKey message_key(const Wa__MessageKey *key); /* NULL: none */
extern void message_context(WaArena *arena, const Wa__ContextInfo *info, WaMessage *out); /* same */
extern void message_location(const Wa__LocationMessage *place, WaLocation *out);
/* Copies up to MESSAGE_MAX_LIST texts. */
extern WaStr *message_texts(WaArena *arena, const ProtobufCBinaryData *values, size_t n,
							size_t *n_out);

/* Decodes one level's content, which is bytes of the field out->field. */
typedef WaStatus (*WaContentDecoder)(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);

extern WaStatus message_decode_text(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_image(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_video(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_audio(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_document(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_sticker(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_sticker_pack(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_location(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_live(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_contact(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_contacts(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_history(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_notice(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);

extern WaStatus message_decode_reaction(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_comment(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_encrypted(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_vote(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_poll(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_result(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_option(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_event(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_invite(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_action(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_album(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_call(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_plain(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);
extern WaStatus message_decode_protocol(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out);

/* A Message inside a message, one level deeper and trusting nothing; *out NULL when absent. */
extern WaStatus message_decode_nested(WaMessageDecoder *decoder, WaStr bytes, WaMessage **out);
/* Takes back everything and says why; the status to return. */
extern WaStatus message_refuse(WaMessage *out, const char *why);
/* WA_OK, or why the arena failed. */
extern WaStatus message_memory(const WaArena *arena);

#endif /* WA_MESSAGE_INTERNAL_H */
