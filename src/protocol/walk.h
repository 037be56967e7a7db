/*
 * walk.h
 *		Protobuf's wire format read field by field, without a schema: for
 *		messages that nest in themselves and for input that is too large to
 *		hold.
 */
#ifndef WA_WALK_H
#define WA_WALK_H

#include "buf.h"

typedef enum WaWalkType
{
	WALK_VARINT = 0,
	WALK_FIXED64 = 1,
	WALK_BYTES = 2,
	WALK_FIXED32 = 5,
} WaWalkType;

typedef struct WaWalkField
{
	uint32_t number;
	WaWalkType type;
	uint64_t value;    /* WALK_VARINT, WALK_FIXED64, WALK_FIXED32; the length of WALK_BYTES */
	WaStr bytes;       /* WALK_BYTES: borrows from the input */
	size_t header_len; /* bytes before the value: its tag, and the length of WALK_BYTES */
} WaWalkField;

typedef struct WaWalk
{
	const uint8_t *at;
	size_t left;
	WaStatus status;
} WaWalk;

/* Reads from data, which must stay until the reading is over. */
extern void walk_init(WaWalk *wire, const void *data, size_t len);
/*
 * The next field.  False at the end, with wire->status WA_OK, and where the
 * input breaks the format (groups included), with WA_ERR_MALFORMED.
 */
extern bool walk_next(WaWalk *wire, WaWalkField *out);
/* The same for input that may go on: WA_NEED_MORE when the field is not whole, and no move. */
extern WaStatus walk_take(WaWalk *wire, WaWalkField *out);
/*
 * The next field's tag and, for WALK_BYTES, its length: *out without bytes, and
 * nothing behind the header needs to be there.  WA_NEED_MORE when the header
 * is not whole yet; the reader does not move.
 */
extern WaStatus walk_peek(const void *data, size_t len, WaWalkField *out);
/* The last occurrence of a bytes field; absent when there is none. */
extern WaStr walk_find(WaStr message, uint32_t number);

#endif /* WA_WALK_H */
