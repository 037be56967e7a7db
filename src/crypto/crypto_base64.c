/*
 * crypto_base64.c
 *		Standard base64 (RFC 4648 section 4), with padding, without line breaks.
 */
#include "crypto.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
crypto_base64(const uint8_t *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i += 3)
	{
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t) data[i] << 16;

		if (n > 1)
			group |= (uint32_t) data[i + 1] << 8;
		if (n > 2)
			group |= data[i + 2];
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = n > 1 ? alphabet[group >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[group & 63] : '=';
	}
	*out = '\0';
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

WaStatus
crypto_base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
	size_t padding = 0;
	size_t size;
	size_t at = 0;

	if (len % 4 != 0)
		return WA_ERR_MALFORMED;
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	size = len / 4 * 3 - padding;
	if (size > *out_len)
		return WA_ERR_LIMIT;

	/* all of it is checked before anything is written */
	for (size_t i = 0; i < len - padding; i++)
	{
		if (value_of(text[i]) < 0)
			return WA_ERR_MALFORMED;
	}
	if (padding > 0)
	{
		/* bits that no byte uses must be zero: one text for one value */
		unsigned unused = padding == 1 ? 0x03 : 0x0F;

		if ((unsigned) value_of(text[len - 1 - padding]) & unused)
			return WA_ERR_MALFORMED;
	}

	for (size_t i = 0; i < len; i += 4)
	{
		uint32_t group = 0;

		for (size_t k = 0; k < 4; k++)
			group = group << 6 | (i + k < len - padding ? (uint32_t) value_of(text[i + k]) : 0);
		for (int shift = 16; shift >= 0 && at < size; shift -= 8)
			out[at++] = (uint8_t) (group >> shift);
	}
	*out_len = size;
	return WA_OK;
}
