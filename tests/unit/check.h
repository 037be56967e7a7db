/*
 * check.h
 *		Assertions on bytes, beside cmocka's own.
 */
#ifndef WA_CHECK_H
#define WA_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/protocol/buf.h"
#include "test_env.h"

/* The bytes are exactly those that hex spells. */
extern void check_hex(const void *data, size_t len, const char *hex);
/* The string is there and says exactly text; text NULL: it is absent. */
extern void check_str(WaStr s, const char *text);
extern void check_buf(const WaBuf *buf, const char *hex);

#endif /* WA_CHECK_H */
