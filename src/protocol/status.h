/*
 * status.h
 *		Status codes of the protocol core.
 *
 * Every function of protocol/, crypto/ and net/ that can fail returns one of
 * these.  Nothing there logs, aborts or jumps.
 */
#ifndef WA_STATUS_H
#define WA_STATUS_H

typedef enum WaStatus
{
	WA_OK = 0,
	WA_NEED_MORE = 1, /* input ends in the middle of a unit; feed more */

	WA_ERR_NOMEM = -1,       /* an allocation failed */
	WA_ERR_LIMIT = -2,       /* a limit of WaLimits was exceeded */
	WA_ERR_MALFORMED = -3,   /* input violates the format */
	WA_ERR_CRYPTO = -4,      /* authentication tag or key agreement failed */
	WA_ERR_SIGNATURE = -5,   /* a signature or HMAC does not verify */
	WA_ERR_CERTIFICATE = -6, /* the server's certificate chain is not trusted */
	WA_ERR_STATE = -7,       /* the call is not legal in this state */
	WA_ERR_ARGUMENT = -8,    /* an argument is out of range */
	WA_ERR_RANDOM = -9,      /* the random source failed */
	WA_ERR_IO = -10,         /* the operating system refused */
} WaStatus;

/* Returns the code's name as a constant string, "unknown" for no code. */
extern const char *status_name(WaStatus status);

#endif /* WA_STATUS_H */
