/*
 * appstate_read.c
 *		The protobuf of app state: snapshots, patches, records, and opening one.
 */
#include "appstate.h"

#include "crypto.h"

#include <string.h>

#define IV_LEN 16
#define BLOCK 16
#define HASH_LEN 32 /* of a file */

/* ---- fields ---- */

static WaStr
bytes_of(const WaWireField *field)
{
	return (WaStr){(const char *) field->data, field->len};
}

/* The only bytes field of a message of one field: SyncdIndex, SyncdValue, KeyId. */
static bool
inner_bytes(const WaWireField *field, WaStr *out)
{
	WaWireField inner;

	if (!wire_find(field->data, field->len, 1, WIRE_BYTES, &inner))
		return false;
	*out = bytes_of(&inner);
	return true;
}

static bool
read_key_id(const WaWireField *field, WaStr *out)
{
	return inner_bytes(field, out) && out->len > 0 && out->len <= APPSTATE_MAX_KEY_ID;
}

static bool
read_mac(const WaWireField *field, const uint8_t **out)
{
	*out = field->len == APPSTATE_MAC_LEN ? field->data : NULL;
	return *out != NULL;
}

static bool
read_version(const WaWireField *field, uint64_t *out)
{
	WaWireField inner;

	if (!wire_find(field->data, field->len, 1, WIRE_VARINT, &inner))
		return false;
	*out = inner.value;
	return true;
}

/* ---- records ---- */

/* SyncdRecord, the operation aside. */
static bool
read_record(const uint8_t *data, size_t len, WaAppRecord *out)
{
	WaWire wire;
	WaWireField field;
	WaStr index = WA_STR_NONE;
	WaStr value = WA_STR_NONE;
	bool good = true;

	wire_init(&wire, data, len);
	while (good && wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == 1)
			good = inner_bytes(&field, &index);
		else if (field.number == 2)
			good = inner_bytes(&field, &value);
		else if (field.number == 3)
			good = read_key_id(&field, &out->key_id);
	}
	if (!good || wire.bad || index.len != APPSTATE_MAC_LEN ||
		value.len < IV_LEN + BLOCK + APPSTATE_MAC_LEN || out->key_id.len == 0)
		return false;
	out->index_mac = (const uint8_t *) index.data;
	out->cipher = (WaStr){value.data, value.len - APPSTATE_MAC_LEN};
	out->value_mac = (const uint8_t *) value.data + out->cipher.len;
	return true;
}

static bool
read_mutation(const uint8_t *data, size_t len, WaAppRecord *out)
{
	WaWire wire;
	WaWireField field;
	uint64_t operation = APPSTATE_SET;
	bool good = false;

	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
	{
		if (field.number == 1 && field.type == WIRE_VARINT)
			operation = field.value;
		else if (field.number == 2 && field.type == WIRE_BYTES)
			good = read_record(field.data, field.len, out);
	}
	out->operation = operation == APPSTATE_REMOVE ? APPSTATE_REMOVE : APPSTATE_SET;
	return good && !wire.bad && operation <= APPSTATE_REMOVE;
}

void
appstate_walk(WaAppWalk *walk, WaAppForm form, WaStr bytes)
{
	walk->form = form;
	wire_init(&walk->wire, bytes.data, bytes.len);
}

WaStatus
appstate_walk_next(WaAppWalk *walk, WaAppRecord *out)
{
	uint32_t number = walk->form == APPSTATE_MUTATIONS ? 1 : 2;
	WaWireField field;

	*out = (WaAppRecord){0};
	while (wire_next(&walk->wire, &field))
	{
		if (field.number != number || field.type != WIRE_BYTES)
			continue;
		if (walk->form == APPSTATE_SNAPSHOT ? read_record(field.data, field.len, out)
											: read_mutation(field.data, field.len, out))
			return WA_OK;
		walk->wire.bad = true;
	}
	return walk->wire.bad ? WA_ERR_MALFORMED : WA_NEED_MORE;
}

/* ---- opening ---- */

/* A part of an index: one JSON value.  Numbers and words count as their text. */
static bool
read_part(WaArena *arena, const char **at, const char *end, WaStr *out)
{
	const char *from = *at;
	char *text;
	size_t len = 0;

	if (from == end)
		return false;
	if (*from != '"')
	{
		while (*at < end && strchr(",] \t\r\n", **at) == NULL)
			++*at;
		*out = (WaStr){from, (size_t) (*at - from)};
		return out->len > 0 && *from != '[' && *from != '{';
	}
	text = arena_alloc(arena, (size_t) (end - from));
	if (text == NULL)
		return false;
	for (++*at; *at < end && **at != '"'; ++*at)
	{
		char c = **at;

		if (c == '\\')
		{
			static const char escapes[] = "\"\\/bfnrt";
			static const char meanings[] = "\"\\/\b\f\n\r\t";
			const char *escape;

			/* \uXXXX: JIDs and ids have none */
			if (++*at == end || **at == '\0' || (escape = strchr(escapes, **at)) == NULL)
				return false;
			c = meanings[escape - escapes];
		}
		text[len++] = c;
	}
	if (*at == end)
		return false;
	++*at;
	*out = (WaStr){text, len};
	return true;
}

static void
skip_blanks(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r' || **at == '\n'))
		++*at;
}

/* A JSON array of simple values; parts beyond APPSTATE_MAX_INDEX are not looked at. */
static bool
read_index(WaArena *arena, WaStr json, WaAppData *out)
{
	const char *at = json.data;
	const char *end = json.data + json.len;

	skip_blanks(&at, end);
	if (at == end || *at != '[')
		return false;
	do
	{
		at++;
		skip_blanks(&at, end);
		if (!read_part(arena, &at, end, &out->index[out->n_index]))
			return false;
		out->n_index++;
		skip_blanks(&at, end);
	} while (at < end && *at == ',' && out->n_index < APPSTATE_MAX_INDEX);
	return at < end && (*at == ']' || *at == ',');
}

WaStatus
appstate_record_open(WaArena *arena, const WaAppKeys *keys, const WaAppRecord *record,
					 WaAppData *out)
{
	const uint8_t *iv = (const uint8_t *) record->cipher.data;
	size_t len = record->cipher.len - IV_LEN;
	WaWireField index;
	WaWireField value;
	uint8_t mac[APPSTATE_MAC_LEN];
	uint8_t *plain;
	WaStatus status;

	*out = (WaAppData){0};
	if (record->cipher.len > APPSTATE_MAX_VALUE)
		return WA_ERR_LIMIT;
	status =
		appstate_value_mac(arena, keys, record->operation, record->key_id, record->cipher, mac);
	if (status == WA_OK && !crypto_equal(mac, record->value_mac, sizeof(mac)))
		status = WA_ERR_SIGNATURE;
	if (status != WA_OK)
		return status;
	plain = arena_alloc(arena, len);
	if (plain == NULL)
		return arena->status;
	status = crypto_aes256_cbc_decrypt(keys->cipher, iv, iv + IV_LEN, len, plain, &len);
	if (status != WA_OK)
		return status;
	if (!wire_find(plain, len, 1, WIRE_BYTES, &index))
		return WA_ERR_MALFORMED;
	status = appstate_index_mac(keys, bytes_of(&index), mac);
	if (status == WA_OK && !crypto_equal(mac, record->index_mac, sizeof(mac)))
		status = WA_ERR_SIGNATURE;
	if (status != WA_OK)
		return status;
	if (!read_index(arena, bytes_of(&index), out))
		return arena->failed ? arena->status : WA_ERR_MALFORMED;
	if (wire_find(plain, len, 2, WIRE_BYTES, &value))
		out->value = bytes_of(&value);
	return WA_OK;
}

/* ---- snapshots and patches ---- */

WaStatus
appstate_snapshot_read(WaStr bytes, WaAppSnapshot *out)
{
	WaWire wire;
	WaWireField field;
	bool good = true;

	*out = (WaAppSnapshot){0};
	wire_init(&wire, bytes.data, bytes.len);
	while (good && wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == 1)
			good = read_version(&field, &out->collection.version);
		else if (field.number == 3)
			good = read_mac(&field, &out->mac);
		else if (field.number == 4)
			good = read_key_id(&field, &out->key_id);
	}
	if (!good || wire.bad || out->collection.version == 0 || out->mac == NULL ||
		out->key_id.len == 0)
		return WA_ERR_MALFORMED;
	appstate_walk(&out->walk, APPSTATE_SNAPSHOT, bytes);
	return WA_OK;
}

WaStatus
appstate_blob_read(WaStr bytes, WaMedia *out)
{
	WaWire wire;
	WaWireField field;

	*out = (WaMedia){.kind = MEDIA_APP_STATE};
	wire_init(&wire, bytes.data, bytes.len);
	while (wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == 1)
			out->key = bytes_of(&field);
		else if (field.number == 2)
			out->direct_path = bytes_of(&field);
		else if (field.number == 5)
			out->sha256 = bytes_of(&field);
		else if (field.number == 6)
			out->enc_sha256 = bytes_of(&field);
	}
	if (out->sha256.len == 0)
		out->sha256 = WA_STR_NONE;
	if (wire.bad || out->key.len != MEDIA_KEY_LEN || out->direct_path.len == 0 ||
		out->enc_sha256.len != HASH_LEN ||
		(out->sha256.data != NULL && out->sha256.len != HASH_LEN))
		return WA_ERR_MALFORMED;
	return WA_OK;
}

WaStatus
appstate_patch_read(WaStr bytes, WaAppPatch *out)
{
	WaWire wire;
	WaWireField field;
	bool good = true;

	*out = (WaAppPatch){0};
	wire_init(&wire, bytes.data, bytes.len);
	while (good && wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES)
			continue;
		switch (field.number)
		{
			case 1:
				good = read_version(&field, &out->version);
				break;
			case 3:
				good = appstate_blob_read(bytes_of(&field), &out->external) == WA_OK;
				out->has_external = good;
				break;
			case 4:
				good = read_mac(&field, &out->snapshot_mac);
				break;
			case 5:
				good = read_mac(&field, &out->patch_mac);
				break;
			case 6:
				good = read_key_id(&field, &out->key_id);
				break;
			default:
				break;
		}
	}
	if (!good || wire.bad || out->snapshot_mac == NULL || out->patch_mac == NULL ||
		out->key_id.len == 0)
		return WA_ERR_MALFORMED;
	return WA_OK;
}
