/*
 * signal_record.c
 *		libsignal's serialized records, cut and joined as bytes.
 *
 * A record that is not well-formed is refused before anything was appended.
 */
#include "signal_record.h"

#include <session_state.h>

#include "wire.h"

#define MAX_RECORD (4 << 20)

/* SenderKeyRecordStructure */
#define RECORD_STATE 1
/* SenderKeyStateStructure */
#define STATE_KEY_ID 1
#define STATE_SKIPPED 4
/* SenderMessageKey */
#define SKIPPED_ITERATION 1
#define SKIPPED_SEED 2
/* RecordStructure */
#define SESSION_CURRENT 1
#define SESSION_PREVIOUS 2
/* SessionStructure */
#define SESSION_SENDER_CHAIN 6
#define SESSION_RECEIVER_CHAIN 7
/* Chain */
#define CHAIN_SKIPPED 4

static WaStatus
copy_field(const WaWireField *field, WaBuf *out)
{
	return buf_append(out, field->start, (size_t) (field->end - field->start));
}

/* ---- sender keys ---- */

static bool
state_key_id(const WaWireField *state, uint32_t *out)
{
	WaWireField field;

	if (!wire_find(state->data, state->len, STATE_KEY_ID, WIRE_VARINT, &field))
		return false;
	*out = (uint32_t) field.value;
	return true;
}

static WaStatus
take_skipped(uint32_t key_id, const WaWireField *key, WaBuf *skipped)
{
	WaWireField iteration;
	WaWireField seed;
	uint8_t head[8];
	WaStatus status;

	if (!wire_find(key->data, key->len, SKIPPED_ITERATION, WIRE_VARINT, &iteration) ||
		!wire_find(key->data, key->len, SKIPPED_SEED, WIRE_BYTES, &seed) ||
		seed.len != SIGNAL_SEED_LEN)
		return WA_ERR_MALFORMED;
	for (unsigned i = 0; i < 4; i++)
	{
		head[i] = (uint8_t) (key_id >> (24 - 8 * i));
		head[4 + i] = (uint8_t) (iteration.value >> (24 - 8 * i));
	}
	status = buf_append(skipped, head, sizeof(head));
	if (status == WA_OK)
		status = buf_append(skipped, seed.data, seed.len);
	return status;
}

static WaStatus
split_state(const WaWireField *state, WaBuf *record, WaBuf *skipped)
{
	WaWire wire;
	WaWireField field;
	WaBuf rest;
	uint32_t key_id;
	WaStatus status = WA_OK;

	if (!state_key_id(state, &key_id))
		return WA_ERR_MALFORMED;
	buf_init(&rest, record->env, MAX_RECORD);
	wire_init(&wire, state->data, state->len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		if (field.number == STATE_SKIPPED && field.type == WIRE_BYTES)
			status = take_skipped(key_id, &field, skipped);
		else
			status = copy_field(&field, &rest);
	}
	if (status == WA_OK && wire.bad)
		status = WA_ERR_MALFORMED;
	if (status == WA_OK)
		status = wire_put_bytes(record, RECORD_STATE, buf_data(&rest), buf_len(&rest));
	buf_free(&rest);
	return status;
}

WaStatus
signal_record_split(const uint8_t *data, size_t len, WaBuf *record, WaBuf *skipped)
{
	size_t record_before = buf_len(record);
	size_t skipped_before = buf_len(skipped);
	WaWire wire;
	WaWireField field;
	WaStatus status = WA_OK;

	wire_init(&wire, data, len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		if (field.number == RECORD_STATE && field.type == WIRE_BYTES)
			status = split_state(&field, record, skipped);
		else
			status = copy_field(&field, record);
	}
	if (status == WA_OK && wire.bad)
		status = WA_ERR_MALFORMED;
	if (status != WA_OK)
	{
		buf_truncate(record, record_before);
		buf_truncate(skipped, skipped_before);
	}
	return status;
}

static uint32_t
read_u32(const uint8_t *at)
{
	return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

/* The state with the key behind its other fields. */
static WaStatus
join_state(const WaWireField *state, const uint8_t *key, WaBuf *out)
{
	WaBuf skipped;
	WaBuf joined;
	WaStatus status;

	buf_init(&skipped, out->env, MAX_RECORD);
	buf_init(&joined, out->env, MAX_RECORD);
	status = wire_put_varint(&skipped, SKIPPED_ITERATION, read_u32(key + 4));
	if (status == WA_OK)
		status = wire_put_bytes(&skipped, SKIPPED_SEED, key + 8, SIGNAL_SEED_LEN);
	if (status == WA_OK)
		status = buf_append(&joined, state->data, state->len);
	if (status == WA_OK)
		status = wire_put_bytes(&joined, STATE_SKIPPED, buf_data(&skipped), buf_len(&skipped));
	if (status == WA_OK)
		status = wire_put_bytes(out, RECORD_STATE, buf_data(&joined), buf_len(&joined));
	buf_free(&joined);
	buf_free(&skipped);
	return status;
}

WaStatus
signal_record_join(const uint8_t *data, size_t len, const uint8_t *key, WaBuf *out)
{
	size_t before = buf_len(out);
	WaWire wire;
	WaWireField field;
	uint32_t key_id;
	bool joined = false;
	WaStatus status = WA_OK;

	wire_init(&wire, data, len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		/* of two states with one id libsignal reads the first */
		if (!joined && field.number == RECORD_STATE && field.type == WIRE_BYTES &&
			state_key_id(&field, &key_id) && key_id == read_u32(key))
		{
			status = join_state(&field, key, out);
			joined = true;
		}
		else
			status = copy_field(&field, out);
	}
	if (status == WA_OK && wire.bad)
		status = WA_ERR_MALFORMED;
	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}

bool
signal_record_has_key(const uint8_t *data, size_t len, uint32_t key_id)
{
	WaWire wire;
	WaWireField field;
	uint32_t id;

	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
	{
		if (field.number == RECORD_STATE && field.type == WIRE_BYTES && state_key_id(&field, &id) &&
			id == key_id)
			return true;
	}
	return false;
}

long
signal_record_find_skipped(const uint8_t *list, size_t len, uint32_t key_id, uint32_t iteration)
{
	for (size_t i = 0; (i + 1) * SIGNAL_SKIPPED_LEN <= len; i++)
	{
		const uint8_t *key = list + i * SIGNAL_SKIPPED_LEN;

		if (read_u32(key) == key_id && read_u32(key + 4) == iteration)
			return (long) i;
	}
	return -1;
}

/* ---- sessions ---- */

/* Counts fields of one number; SIZE_MAX when the message is not well-formed. */
static size_t
count_fields(const uint8_t *data, size_t len, uint32_t number)
{
	WaWire wire;
	WaWireField field;
	size_t count = 0;

	wire_init(&wire, data, len);
	while (wire_next(&wire, &field))
		count += field.number == number && field.type == WIRE_BYTES;
	return wire.bad ? SIZE_MAX : count;
}

static WaStatus
trim_chain(const WaWireField *chain, WaBuf *out)
{
	size_t count = count_fields(chain->data, chain->len, CHAIN_SKIPPED);
	size_t drop = count > SIGNAL_MAX_CHAIN_SKIPPED ? count - SIGNAL_MAX_CHAIN_SKIPPED : 0;
	WaWire wire;
	WaWireField field;
	WaBuf rest;
	WaStatus status = WA_OK;

	if (count == SIZE_MAX)
		return WA_ERR_MALFORMED;
	if (drop == 0)
		return copy_field(chain, out);
	buf_init(&rest, out->env, MAX_RECORD);
	wire_init(&wire, chain->data, chain->len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		if (drop > 0 && field.number == CHAIN_SKIPPED && field.type == WIRE_BYTES)
			drop--; /* they are in the order in which they were skipped */
		else
			status = copy_field(&field, &rest);
	}
	if (status == WA_OK)
		status = wire_put_bytes(out, chain->number, buf_data(&rest), buf_len(&rest));
	buf_free(&rest);
	return status;
}

static WaStatus
trim_session(const WaWireField *session, uint32_t number, WaBuf *out)
{
	WaWire wire;
	WaWireField field;
	WaBuf rest;
	WaStatus status = WA_OK;

	buf_init(&rest, out->env, MAX_RECORD);
	wire_init(&wire, session->data, session->len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		if (field.number == SESSION_RECEIVER_CHAIN && field.type == WIRE_BYTES)
			status = trim_chain(&field, &rest);
		else
			status = copy_field(&field, &rest);
	}
	if (status == WA_OK && wire.bad)
		status = WA_ERR_MALFORMED;
	if (status == WA_OK)
		status = wire_put_bytes(out, number, buf_data(&rest), buf_len(&rest));
	buf_free(&rest);
	return status;
}

/*
 * Appends the sessions of one record.  The current one gets the number that
 * the caller says; archived is how many may still be added.
 */
static WaStatus
append_sessions(const uint8_t *data, size_t len, uint32_t current, size_t *archived, WaBuf *out)
{
	WaWire wire;
	WaWireField field;
	uint32_t number;
	WaStatus status = WA_OK;

	wire_init(&wire, data, len);
	while (status == WA_OK && wire_next(&wire, &field))
	{
		if (field.type != WIRE_BYTES || field.number > SESSION_PREVIOUS)
			continue; /* a record has nothing else */
		number = field.number == SESSION_CURRENT ? current : SESSION_PREVIOUS;
		/* a session that never began, libsignal's placeholder, is worth nothing archived */
		if (number == SESSION_PREVIOUS &&
			(count_fields(field.data, field.len, SESSION_SENDER_CHAIN) == 0 || *archived == 0))
			continue;
		if (number == SESSION_PREVIOUS)
			(*archived)--;
		status = trim_session(&field, number, out);
	}
	if (status == WA_OK && wire.bad)
		status = WA_ERR_MALFORMED;
	return status;
}

WaStatus
signal_record_check(const uint8_t *data, size_t len, signal_context *context)
{
	WaWire wire;
	WaWireField field;
	bool has_current = false;
	int rc = 0;

	wire_init(&wire, data, len);
	while (rc >= 0 && wire_next(&wire, &field))
	{
		session_state *session = NULL;
		bool current = field.number == SESSION_CURRENT;

		if (field.type != WIRE_BYTES || !(current || field.number == SESSION_PREVIOUS) ||
			(current && has_current))
			return WA_ERR_MALFORMED;
		has_current |= current;
		rc = session_state_deserialize(&session, field.data, field.len, context);
		SIGNAL_UNREF(session);
	}
	if (rc == SG_ERR_NOMEM)
		return WA_ERR_NOMEM;
	return rc < 0 || wire.bad ? WA_ERR_MALFORMED : WA_OK;
}

bool
signal_record_has_old(const uint8_t *data, size_t len)
{
	return count_fields(data, len, SESSION_PREVIOUS) > SIGNAL_MAX_ARCHIVED;
}

WaStatus
signal_record_trim(const uint8_t *data, size_t len, WaBuf *out)
{
	size_t before = buf_len(out);
	size_t archived = SIGNAL_MAX_ARCHIVED;
	WaStatus status = append_sessions(data, len, SESSION_CURRENT, &archived, out);

	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}

WaStatus
signal_record_merge(const uint8_t *winner, size_t winner_len, const uint8_t *loser,
					size_t loser_len, WaBuf *out)
{
	size_t before = buf_len(out);
	size_t archived = SIGNAL_MAX_ARCHIVED;
	WaStatus status = append_sessions(winner, winner_len, SESSION_CURRENT, &archived, out);

	if (status == WA_OK)
		status = append_sessions(loser, loser_len, SESSION_PREVIOUS, &archived, out);
	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}
