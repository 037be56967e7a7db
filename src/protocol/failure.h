/*
 * failure.h
 *		What each end of a connection means for the bot: its status, the stable
 *		reason word, a hint for a person, and whether and when to come back.
 *		Sheet 1 section 9.
 */
#ifndef WA_FAILURE_H
#define WA_FAILURE_H

#include "client.h"

typedef enum FailurePolicy
{
	FAILURE_NOW,   /* reconnect at once */
	FAILURE_RETRY, /* reconnect after the ordinary backoff */
	FAILURE_SLOW,  /* reconnect, a minute at the earliest */
	FAILURE_UNTIL, /* reconnect when until has passed */
	FAILURE_STOP,  /* a person has to act */
} FailurePolicy;

typedef struct WaFailure
{
	WaBotStatus status;
	FailurePolicy policy;
	const char *reason; /* constant */
	const char *hint;   /* constant, NULL none */
	int code;           /* the server's number, 0 none */
	int penalty;        /* steps added to the backoff */
	int attempts;       /* stop after so many in a row, 0 never */
	int64_t until;      /* unix s, FAILURE_UNTIL only */
	WaStr detail;       /* borrowed; the server's words or why */
} WaFailure;

/* detail may be allocated in node's arena; absent when memory is out. */
extern WaFailure failure_from_stream_error(const WaNode *node);
extern WaFailure failure_from_failure(const WaNode *node, int64_t wall_us);

/* A failure that was noticed here. */
typedef enum FailureKind
{
	FAILURE_CONNECTION_FAILED, /* no socket came to be */
	FAILURE_CONNECTION_LOST,
	FAILURE_TLS,         /* the TLS certificate is not trusted */
	FAILURE_STREAM_END,  /* the server ended the stream in order */
	FAILURE_TIMEOUT,     /* an answer did not come in time */
	FAILURE_DEAF,        /* pings are answered, stanzas do not come */
	FAILURE_HANDSHAKE,   /* Noise messages that do not authenticate */
	FAILURE_CERTIFICATE, /* Noise certificate chain not trusted */
	FAILURE_PROTOCOL,    /* bytes or stanzas that break the format */
	FAILURE_OVERFLOW,    /* a buffer reached its maximum */
	FAILURE_MEMORY,
	FAILURE_RANDOM,
	FAILURE_PAIRING,      /* pair-success does not verify */
	FAILURE_QR_EXPIRED,   /* all refs were shown; new ones come with a new connection */
	FAILURE_LINK_TIMEOUT, /* nobody scanned */
	FAILURE_LINKED,       /* linked; the login needs a new connection */
	FAILURE_LOGOUT,       /* logged out on request */
} FailureKind;

extern WaFailure failure_local(FailureKind kind);
/* The kind that a status code of the core amounts to. */
extern FailureKind failure_kind_of(WaStatus status);

#endif /* WA_FAILURE_H */
