/*
 * sim_proto.c
 *		The few protobuf messages of linking, written and read by hand.
 *
 * The client has generated code for them; the simulator does not use it, so
 * that a wrong field number cannot agree with itself.
 */
#include <string.h>

#include "sim.h"

static void
put_varint(SimProto *proto, uint64_t value)
{
	do
	{
		uint8_t byte = value & 0x7F;

		value >>= 7;
		if (proto->len < sizeof(proto->data))
			proto->data[proto->len++] = (uint8_t) (byte | (value != 0 ? 0x80 : 0));
	} while (value != 0);
}

void
sim_proto_uint(SimProto *proto, int field, uint64_t value)
{
	put_varint(proto, (uint64_t) field << 3);
	put_varint(proto, value);
}

void
sim_proto_bytes(SimProto *proto, int field, const void *data, size_t len)
{
	put_varint(proto, (uint64_t) field << 3 | 2);
	put_varint(proto, len);
	if (len <= sizeof(proto->data) - proto->len)
	{
		memcpy(proto->data + proto->len, data, len);
		proto->len += len;
	}
}

static bool
get_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	*out = 0;
	for (int shift = 0; shift < 64 && *at < end; shift += 7)
	{
		uint8_t byte = *(*at)++;

		*out |= (uint64_t) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

bool
sim_proto_find(const uint8_t *data, size_t len, int field, WaStr *out)
{
	const uint8_t *end = data + len;

	while (data < end)
	{
		uint64_t key;
		uint64_t value;

		if (!get_varint(&data, end, &key))
			return false;
		switch (key & 7)
		{
			case 0:
				if (!get_varint(&data, end, &value))
					return false;
				break;
			case 2:
				if (!get_varint(&data, end, &value) || value > (uint64_t) (end - data))
					return false;
				if (key >> 3 == (uint64_t) field)
				{
					*out = (WaStr){(const char *) data, (size_t) value};
					return true;
				}
				data += value;
				break;
			default:
				return false;
		}
	}
	return false;
}
