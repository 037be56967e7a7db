/*
 * sim_http.h
 *		A small HTTP server beside the WebSocket one, for the media service.
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "sim.h"

typedef struct SimHttpRequest
{
	const char *method; /* "GET", "HEAD", "POST", "DELETE" or "" */
	const char *path;   /* decoded, without query */
	const char *query;  /* "a=1&b=2", decoded; "" none */
	const uint8_t *body;
	size_t body_len;
	bool too_large; /* the body was not read */
} SimHttpRequest;

#define SIM_HTTP_NO_LENGTH UINT64_MAX
#define SIM_HTTP_NEVER UINT64_MAX

/* What the client gets, and how.  Starts as 200 without a body. */
typedef struct SimHttpAnswer
{
	int status;
	const char *type;     /* Content-Type */
	const char *location; /* of a redirect, NULL none; copied */
	uint64_t length;      /* announced; SIM_HTTP_NO_LENGTH: the body ends with the connection */
	/* Fills out with len bytes of the body from offset at on; false: drop the connection. */
	bool (*read)(void *source, uint64_t at, uint8_t *out, size_t len);
	void (*done)(void *source); /* frees it; NULL nothing to do */
	void *source;
	uint64_t cut_at;           /* drops the connection after so many bytes of the body */
	uint64_t stall_at;         /* sends nothing more after so many */
	uint64_t bytes_per_second; /* 0: as fast as it goes */
} SimHttpAnswer;

typedef void (*SimHttpHandler)(const SimHttpRequest *request, SimHttpAnswer *answer);

/*
 * With a certificate the port takes https and http alike.  Bodies of requests
 * may be as long as max_body bytes.
 */
extern bool sim_http_start(const char *address, int port, const char *tls_cert, const char *tls_key,
						   size_t max_body, SimHttpHandler handler, int *bound, const char **why);

#endif /* SIM_HTTP_H */
