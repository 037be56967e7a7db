/*
 * protobuf.c
 *		protobuf-c on the core's memory.
 */
#include "protobuf.h"

static void *
unpack_alloc(void *ctx, size_t size)
{
	return arena_alloc(ctx, size);
}

static void
unpack_free(void *ctx, void *ptr)
{
	(void) ctx;
	(void) ptr; /* goes with the arena */
}

WaStatus
protobuf_unpack(WaArena *arena, const ProtobufCMessageDescriptor *descriptor, const void *data,
				size_t len, void *out)
{
	ProtobufCAllocator allocator = {unpack_alloc, unpack_free, arena};
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, len, data);

	*(ProtobufCMessage **) out = message;
	if (message != NULL)
		return WA_OK;
	return arena->failed ? arena->status : WA_ERR_MALFORMED;
}

WaStatus
protobuf_pack(const ProtobufCMessage *message, WaBuf *out)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *data;
	WaStatus status = buf_reserve(out, len, &data);

	if (status == WA_OK)
		buf_commit(out, protobuf_c_message_pack(message, data));
	return status;
}

ProtobufCBinaryData
protobuf_bytes(const void *data, size_t len)
{
	union
	{
		const void *in;
		void *out;
	} borrowed = {.in = data};

	return (ProtobufCBinaryData){len, borrowed.out};
}
