/*
 * fuzz_cert.c
 *		A certificate chain.  Nobody can make one that the real root has signed,
 *		so none may be trusted.  The first byte of the input says which
 *		allocation fails, 0 none.
 */
#include "cert.h"
#include "target.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t server_static[CRYPTO_KEY_LEN] = {9};
	const char *why;
	WaStatus status;

	if (size < 1)
		return 0;
	status = cert_verify(target_env(data[0]), data + 1, size - 1, cert_root_key, server_static,
						 INT64_C(1790000000) * WA_SECOND, &why);
	TARGET_CHECK((status == WA_ERR_CERTIFICATE && why != NULL) ||
				 (status == WA_ERR_NOMEM && data[0] != 0));
	target_end();
	return 0;
}
