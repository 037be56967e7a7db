/*
 * fuzz_payload.c
 *		A ClientPayload as the server's side meets it.  The first byte of the
 *		input says which allocation fails, 0 none.
 */
#include "target.h"
#include "payload.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaArena arena;
	WaPayloadInfo info;

	if (size < 1)
		return 0;
	arena_init(&arena, target_env(data[0]), 8 << 20);
	if (payload_parse(&arena, data + 1, size - 1, &info) == WA_OK)
		TARGET_CHECK(info.registration || info.device_name.data == NULL);
	arena_free(&arena);
	target_end();
	return 0;
}
