/*
 * fuzz_inflate.c
 *		A compressed body: never more than the cap, nothing left after an error.
 *		The first byte of the input says which allocation fails, 0 none.
 */
#include "target.h"
#include "inflate.h"

#define CAP (16 * 1024)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaBuf out;
	WaStatus status;

	if (size < 1)
		return 0;
	buf_init(&out, target_env(data[0]), CAP);
	status = inflate_all(data + 1, size - 1, &out);
	TARGET_CHECK(status == WA_OK || buf_len(&out) == 0);
	TARGET_CHECK(status != WA_ERR_NOMEM || data[0] != 0);
	TARGET_CHECK(buf_len(&out) <= CAP);
	buf_free(&out);
	target_end();
	return 0;
}
