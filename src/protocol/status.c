/*
 * status.c
 *		Names of the status codes.
 */
#include "status.h"

const char *
status_name(WaStatus status)
{
	switch (status)
	{
		case WA_OK:
			return "ok";
		case WA_NEED_MORE:
			return "need more input";
		case WA_ERR_NOMEM:
			return "out of memory";
		case WA_ERR_LIMIT:
			return "limit exceeded";
		case WA_ERR_MALFORMED:
			return "malformed input";
		case WA_ERR_CRYPTO:
			return "authentication failed";
		case WA_ERR_SIGNATURE:
			return "bad signature";
		case WA_ERR_CERTIFICATE:
			return "certificate not trusted";
		case WA_ERR_STATE:
			return "not legal in this state";
		case WA_ERR_ARGUMENT:
			return "argument out of range";
		case WA_ERR_RANDOM:
			return "random source failed";
		case WA_ERR_IO:
			return "input/output error";
	}
	return "unknown";
}
