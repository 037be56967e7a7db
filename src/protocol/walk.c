/*
 * walk.c
 *		Protobuf's wire format.  Nothing is read past the end of the input,
 *		whatever lengths it claims.
 */
#include "walk.h"

#define VARINT_MAX_BYTES 10
#define FIELD_MAX_NUMBER ((1U << 29) - 1)

void
walk_init(WaWalk *wire, const void *data, size_t len)
{
	*wire = (WaWalk){data, data == NULL ? 0 : len, WA_OK};
}

/* WA_NEED_MORE when the input ends inside the number. */
static WaStatus
varint(const uint8_t *data, size_t len, size_t *at, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_MAX_BYTES; i++)
	{
		uint8_t byte;

		if (*at >= len)
			return WA_NEED_MORE;
		byte = data[(*at)++];
		value |= (uint64_t) (byte & 0x7F) << (7 * i);
		if (byte < 0x80)
		{
			*out = value;
			return WA_OK;
		}
	}
	return WA_ERR_MALFORMED;
}

WaStatus
walk_peek(const void *data, size_t len, WaWalkField *out)
{
	size_t at = 0;
	uint64_t tag;
	WaStatus status = varint(data, len, &at, &tag);

	*out = (WaWalkField){0};
	if (status != WA_OK)
		return status;
	if (tag >> 3 == 0 || tag >> 3 > FIELD_MAX_NUMBER)
		return WA_ERR_MALFORMED;
	out->number = (uint32_t) (tag >> 3);
	switch (tag & 7)
	{
		case WALK_VARINT:
			out->type = WALK_VARINT;
			break;
		case WALK_FIXED64:
			out->type = WALK_FIXED64;
			break;
		case WALK_FIXED32:
			out->type = WALK_FIXED32;
			break;
		case WALK_BYTES:
			out->type = WALK_BYTES;
			status = varint(data, len, &at, &out->value);
			break;
		default:
			return WA_ERR_MALFORMED; /* groups went out of use before WhatsApp came */
	}
	out->header_len = at;
	return status;
}

static uint64_t
little_endian(const uint8_t *data, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t) data[i] << (8 * i);
	return value;
}

WaStatus
walk_take(WaWalk *wire, WaWalkField *out)
{
	WaStatus status = walk_peek(wire->at, wire->left, out);
	size_t at = out->header_len;
	size_t left;

	if (status != WA_OK)
		return status;
	left = wire->left - at;
	switch (out->type)
	{
		case WALK_VARINT:
			status = varint(wire->at, wire->left, &at, &out->value);
			break;
		case WALK_FIXED64:
		case WALK_FIXED32:
		{
			size_t width = out->type == WALK_FIXED64 ? 8 : 4;

			if (left < width)
				return WA_NEED_MORE;
			out->value = little_endian(wire->at + at, width);
			at += width;
			break;
		}
		case WALK_BYTES:
			if (out->value > left)
				return WA_NEED_MORE;
			out->bytes = (WaStr){(const char *) wire->at + at, (size_t) out->value};
			at += out->bytes.len;
			break;
	}
	if (status == WA_OK)
	{
		wire->at += at;
		wire->left -= at;
	}
	return status;
}

bool
walk_next(WaWalk *wire, WaWalkField *out)
{
	if (wire->left == 0 || wire->status != WA_OK)
		return false;
	wire->status = walk_take(wire, out);
	if (wire->status == WA_NEED_MORE) /* the message is all there is: nothing can come */
		wire->status = WA_ERR_MALFORMED;
	return wire->status == WA_OK;
}

WaStr
walk_find(WaStr message, uint32_t number)
{
	WaWalk wire;
	WaWalkField field;
	WaStr found = WA_STR_NONE;

	walk_init(&wire, message.data, message.len);
	while (walk_next(&wire, &field))
	{
		if (field.number == number && field.type == WALK_BYTES)
			found = field.bytes;
	}
	return found;
}
