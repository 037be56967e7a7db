/*
 * protobuf.h
 *		Packing and unpacking the messages of transport.proto with the core's
 *		own memory.
 *
 * Signed contents are always verified over the received bytes, never over a
 * message packed again (sheet 1 section 12).
 */
#ifndef WA_PROTOBUF_H
#define WA_PROTOBUF_H

#include <protobuf-c/protobuf-c.h>

#include "buf.h"

/*
 * Unpacks into arena: the message lives as long as the arena and is never
 * freed by itself.  The caller casts, for example to Wa__CertChain *, from
 * &wa__cert_chain__descriptor.  *out is NULL on error.
 */
extern WaStatus protobuf_unpack(WaArena *arena, const ProtobufCMessageDescriptor *descriptor,
								const void *data, size_t len, void *out);
/* Appends the serialized message. */
extern WaStatus protobuf_pack(const ProtobufCMessage *message, WaBuf *out);
/* Borrows, for a bytes field about to be packed. */
extern ProtobufCBinaryData protobuf_bytes(const void *data, size_t len);

#endif /* WA_PROTOBUF_H */
