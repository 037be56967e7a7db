/*
 * inflate_stream.h
 *		Decompression of data that comes in pieces and inflates to more than
 *		memory should hold: history chunks (sheet 2 section 9.2).
 */
#ifndef WA_INFLATE_STREAM_H
#define WA_INFLATE_STREAM_H

#include "buf.h"

typedef struct WaInflateStream
{
	const WaEnv *env;
	void *stream;       /* zlib's; NULL before init and after free */
	uint64_t max_bytes; /* inflated, in all */
	uint64_t n_bytes;   /* inflated so far */
	bool ended;
} WaInflateStream;

/* For zlib or gzip data.  max_bytes bounds what it inflates to, in all.  WA_ERR_NOMEM. */
extern WaStatus inflate_stream_init(WaInflateStream *inflate, const WaEnv *env, uint64_t max_bytes);
/*
 * Inflates from *data into out, of which room bytes can be written, and moves
 * *data and *len behind what it used.  *n_out is what was written, at most room.
 * WA_OK: call again while it writes room bytes or *len is left; WA_ERR_LIMIT: more
 * than max_bytes; WA_ERR_MALFORMED: no compressed data, or something behind its end.
 */
extern WaStatus inflate_stream_next(WaInflateStream *inflate, const uint8_t **data, size_t *len,
									uint8_t *out, size_t room, size_t *n_out);
/* WA_ERR_MALFORMED when the data was cut short. */
extern WaStatus inflate_stream_end(const WaInflateStream *inflate);
extern void inflate_stream_free(WaInflateStream *inflate);

#endif /* WA_INFLATE_STREAM_H */
