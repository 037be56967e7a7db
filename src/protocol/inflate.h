/*
 * inflate.h
 *		Decompression with a cap (sheet 1 section 3.1).
 */
#ifndef WA_INFLATE_H
#define WA_INFLATE_H

#include "buf.h"

/* Appends the inflated zlib or gzip stream; out's maximum is the cap
 * (WA_ERR_LIMIT).  Truncated or trailing input: WA_ERR_MALFORMED. */
extern WaStatus inflate_all(const uint8_t *data, size_t len, WaBuf *out);

#endif /* WA_INFLATE_H */
