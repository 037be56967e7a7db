/*
 * wire.h
 *		Protobuf's wire format, field by field, without a schema.
 *
 * For the few places where a generated decoder would be too much or too
 * trusting: nothing recurses, nothing is allocated, every length is checked.
 */
#ifndef WA_WIRE_H
#define WA_WIRE_H

#include "buf.h"

#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

typedef struct WaWireField
{
	uint32_t number;
	int type;            /* WIRE_... */
	uint64_t value;      /* of a WIRE_VARINT */
	const uint8_t *data; /* of WIRE_BYTES */
	size_t len;
	const uint8_t *start; /* where the field begins, its tag included */
	const uint8_t *end;   /* first byte behind it */
} WaWireField;

/* What is left to read; borrows. */
typedef struct WaWire
{
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* the message was not well-formed */
} WaWire;

extern void wire_init(WaWire *wire, const void *data, size_t len);
/* The next field; false at the end and at the first error, which sets bad. */
extern bool wire_next(WaWire *wire, WaWireField *out);
/* The last field of this number and type, as protobuf rules; false: none, or malformed. */
extern bool wire_find(const void *data, size_t len, uint32_t number, int type, WaWireField *out);

extern WaStatus wire_put_varint(WaBuf *out, uint32_t number, uint64_t value);
extern WaStatus wire_put_bytes(WaBuf *out, uint32_t number, const void *data, size_t len);

#endif /* WA_WIRE_H */
