/*
 * wire.h
 *		Protobuf's wire format read field by field, without a schema: for
 *		messages that nest in themselves and for input that is too large to
 *		hold.
 */
#ifndef WA_WIRE_H
#define WA_WIRE_H

#include "buf.h"

typedef enum WaWireType
{
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
} WaWireType;

typedef struct WaWireField
{
	uint32_t number;
	WaWireType type;
	uint64_t value;    /* WIRE_VARINT, WIRE_FIXED64, WIRE_FIXED32; the length of WIRE_BYTES */
	WaStr bytes;       /* WIRE_BYTES: borrows from the input */
	size_t header_len; /* bytes before the value: its tag, and the length of WIRE_BYTES */
} WaWireField;

typedef struct WaWire
{
	const uint8_t *at;
	size_t left;
	WaStatus status;
} WaWire;

/* Reads from data, which must stay until the reading is over. */
extern void wire_init(WaWire *wire, const void *data, size_t len);
/*
 * The next field.  False at the end, with wire->status WA_OK, and where the
 * input breaks the format (groups included), with WA_ERR_MALFORMED.
 */
extern bool wire_next(WaWire *wire, WaWireField *out);
/* The same for input that may go on: WA_NEED_MORE when the field is not whole, and no move. */
extern WaStatus wire_take(WaWire *wire, WaWireField *out);
/*
 * The next field's tag and, for WIRE_BYTES, its length: *out without bytes, and
 * nothing behind the header needs to be there.  WA_NEED_MORE when the header
 * is not whole yet; the reader does not move.
 */
extern WaStatus wire_peek(const void *data, size_t len, WaWireField *out);
/* The last occurrence of a bytes field; absent when there is none. */
extern WaStr wire_find(WaStr message, uint32_t number);

#endif /* WA_WIRE_H */
