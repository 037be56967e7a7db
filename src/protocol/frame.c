/*
 * frame.c
 *		Length-prefixed frames and what comes before the first one.
 */
#include "frame.h"

#include <string.h>

/* Magic "WA", protocol 6, token dictionary 3. */
const uint8_t frame_intro[FRAME_INTRO_LEN] = {'W', 'A', 6, 3};

/* Edge routing prefix: "ED", version 1, then a 3-byte length (section 1.3). */
static const uint8_t routing_intro[4] = {'E', 'D', 0, 1};

#define ROUTING_HEADER_LEN (sizeof(routing_intro) + FRAME_HEADER_LEN)
#define ROUTING_MAX 4096

static size_t
read_length(const uint8_t *data)
{
	return (size_t) data[0] << 16 | (size_t) data[1] << 8 | data[2];
}

WaStatus
frame_next(const uint8_t *data, size_t len, const uint8_t **payload, size_t *payload_len,
		   size_t *consumed)
{
	size_t length;

	if (len < FRAME_HEADER_LEN)
		return WA_NEED_MORE;
	length = read_length(data);
	if (len - FRAME_HEADER_LEN < length)
		return WA_NEED_MORE;
	*payload = data + FRAME_HEADER_LEN;
	*payload_len = length;
	*consumed = FRAME_HEADER_LEN + length;
	return WA_OK;
}

WaStatus
frame_header(WaBuf *out, size_t len)
{
	uint8_t header[FRAME_HEADER_LEN] = {
		(uint8_t) (len >> 16),
		(uint8_t) (len >> 8),
		(uint8_t) len,
	};

	if (len > WA_MAX_FRAME)
		return WA_ERR_LIMIT;
	return buf_append(out, header, sizeof(header));
}

WaStatus
frame_prologue(WaBuf *out, const uint8_t *routing, size_t routing_len)
{
	size_t before = buf_len(out);
	WaStatus status = WA_OK;

	if (routing_len > ROUTING_MAX)
		return WA_ERR_LIMIT;
	if (routing_len > 0)
	{
		status = buf_append(out, routing_intro, sizeof(routing_intro));
		if (status == WA_OK)
			status = frame_header(out, routing_len);
		if (status == WA_OK)
			status = buf_append(out, routing, routing_len);
	}
	if (status == WA_OK)
		status = buf_append(out, frame_intro, FRAME_INTRO_LEN);
	if (status != WA_OK)
		buf_truncate(out, before);
	return status;
}

/* Whether data starts with expected, as far as it goes. */
static WaStatus
match(const uint8_t *data, size_t len, const uint8_t *expected, size_t expected_len)
{
	size_t common = len < expected_len ? len : expected_len;

	if (common > 0 && memcmp(data, expected, common) != 0)
		return WA_ERR_MALFORMED;
	return common < expected_len ? WA_NEED_MORE : WA_OK;
}

WaStatus
frame_accept_prologue(const uint8_t *data, size_t len, size_t *consumed)
{
	size_t skip = 0;
	WaStatus status;

	if (len > 0 && data[0] == routing_intro[0])
	{
		status = match(data, len, routing_intro, sizeof(routing_intro));
		if (status != WA_OK)
			return status;
		if (len < ROUTING_HEADER_LEN)
			return WA_NEED_MORE;
		skip = read_length(data + sizeof(routing_intro));
		if (skip > ROUTING_MAX)
			return WA_ERR_LIMIT;
		skip += ROUTING_HEADER_LEN;
		if (len < skip)
			return WA_NEED_MORE;
	}
	status = match(data + skip, len - skip, frame_intro, FRAME_INTRO_LEN);
	if (status == WA_OK)
		*consumed = skip + FRAME_INTRO_LEN;
	return status;
}
