/*
 * wire.c
 *		Protobuf's wire format, field by field.
 */
#include "wire.h"

#define MAX_VARINT 10 /* bytes */

void
wire_init(WaWire *wire, const void *data, size_t len)
{
	wire->at = data;
	wire->end = len == 0 ? wire->at : wire->at + len;
	wire->bad = false;
}

static bool
read_varint(WaWire *wire, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < MAX_VARINT && wire->at < wire->end; i++)
	{
		uint8_t byte = *wire->at++;

		value |= (uint64_t) (byte & 0x7F) << (7 * i);
		if (byte < 0x80)
		{
			*out = value;
			return true;
		}
	}
	return false;
}

static bool
read_field(WaWire *wire, WaWireField *out)
{
	uint64_t tag;
	uint64_t len;

	out->start = wire->at;
	out->value = 0;
	out->data = NULL;
	out->len = 0;
	if (!read_varint(wire, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
		return false;
	out->number = (uint32_t) (tag >> 3);
	out->type = (int) (tag & 7);
	switch (out->type)
	{
		case WIRE_VARINT:
			if (!read_varint(wire, &out->value))
				return false;
			break;
		case WIRE_FIXED64:
		case WIRE_FIXED32:
			len = out->type == WIRE_FIXED64 ? 8 : 4;
			if ((size_t) (wire->end - wire->at) < len)
				return false;
			wire->at += len;
			break;
		case WIRE_BYTES:
			if (!read_varint(wire, &len) || len > (size_t) (wire->end - wire->at))
				return false;
			out->data = wire->at;
			out->len = (size_t) len;
			wire->at += len;
			break;
		default:
			return false;
	}
	out->end = wire->at;
	return true;
}

bool
wire_next(WaWire *wire, WaWireField *out)
{
	if (wire->bad || wire->at == wire->end)
		return false;
	wire->bad = !read_field(wire, out);
	return !wire->bad;
}

bool
wire_find(const void *data, size_t len, uint32_t number, int type, WaWireField *out)
{
	WaWire wire;
	WaWireField field;
	bool found = false;

	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
	{
		if (field.number == number && field.type == type)
		{
			*out = field;
			found = true;
		}
	}
	return found && !wire.bad;
}

static size_t
write_varint(uint8_t *out, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80)
	{
		out[n++] = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	out[n++] = (uint8_t) value;
	return n;
}

WaStatus
wire_put_varint(WaBuf *out, uint32_t number, uint64_t value)
{
	uint8_t bytes[2 * MAX_VARINT];
	size_t n = write_varint(bytes, (uint64_t) number << 3 | WIRE_VARINT);

	n += write_varint(bytes + n, value);
	return buf_append(out, bytes, n);
}

WaStatus
wire_put_bytes(WaBuf *out, uint32_t number, const void *data, size_t len)
{
	uint8_t head[2 * MAX_VARINT];
	size_t n = write_varint(head, (uint64_t) number << 3 | WIRE_BYTES);
	size_t before = buf_len(out);
	WaStatus status;

	n += write_varint(head + n, len);
	status = buf_append(out, head, n);
	if (status == WA_OK && len > 0)
		status = buf_append(out, data, len);
	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}
