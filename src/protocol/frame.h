/*
 * frame.h
 *		The outermost layer: length-prefixed frames and the intro header.
 *		Sheet 1 section 1.2 and 1.3.
 */
#ifndef WA_FRAME_H
#define WA_FRAME_H

#include "buf.h"

#define FRAME_HEADER_LEN 3
#define FRAME_INTRO_LEN 4

extern const uint8_t frame_intro[FRAME_INTRO_LEN]; /* "WA", 6, dictionary 3 */

/*
 * Finds the next frame at the start of data.  WA_OK: the payload is
 * *payload, *payload_len, and *consumed bytes belong to the frame.
 * WA_NEED_MORE: not complete yet.
 */
extern WaStatus frame_next(const uint8_t *data, size_t len, const uint8_t **payload,
						   size_t *payload_len, size_t *consumed);
/* Appends the 3-byte header for a payload of len bytes; WA_ERR_LIMIT over 16 MB. */
extern WaStatus frame_header(WaBuf *out, size_t len);
/*
 * Appends what precedes the first frame of a connection: the edge routing
 * prefix when routing has bytes, then the intro.
 */
extern WaStatus frame_prologue(WaBuf *out, const uint8_t *routing, size_t routing_len);
/*
 * The server's side: recognises the prologue at the start of data.
 * *consumed is its length including a routing prefix.
 */
extern WaStatus frame_accept_prologue(const uint8_t *data, size_t len, size_t *consumed);

#endif /* WA_FRAME_H */
