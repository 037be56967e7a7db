/*
 * check.c
 *		Assertions on bytes.
 */
#include "check.h"

#define MAX_BYTES (1 << 20)

void
check_hex(const void *data, size_t len, const char *hex)
{
	static uint8_t expected[MAX_BYTES];
	size_t expected_len = test_hex(hex, expected, sizeof(expected));

	assert_int_equal(len, expected_len);
	if (len > 0)
		assert_memory_equal(data, expected, len);
}

void
check_str(WaStr s, const char *text)
{
	if (text == NULL)
	{
		assert_null(s.data);
		return;
	}
	assert_non_null(s.data);
	if (s.len != strlen(text) || memcmp(s.data, text, s.len) != 0)
		fail_msg("expected \"%s\", found \"%.*s\"", text, (int) s.len, s.data);
}

void
check_buf(const WaBuf *buf, const char *hex)
{
	check_hex(buf_data(buf), buf_len(buf), hex);
}
