/*
 * test_token.c
 *		The generated dictionaries: every token finds itself, nothing else does.
 */
#include "check.h"
#include "token.h"

#define N_TOKENS (TOKEN_DOUBLE + 256 * TOKEN_DICTIONARIES)

static void
every_token_finds_itself(void **state)
{
	(void) state;
	for (unsigned id = 1; id < N_TOKENS; id++)
	{
		WaStr text = token_text(id);

		assert_non_null(text.data);
		assert_int_equal(strlen(text.data), text.len);
		assert_int_equal(token_find(text), id);
	}
}

/* Named in sheet 1 section 3.7. */
static void
known_tokens_are_in_place(void **state)
{
	(void) state;
	check_str(token_text(1), "xmlstreamstart");
	check_str(token_text(2), "xmlstreamend");
	check_str(token_text(3), "s.whatsapp.net");
	check_str(token_text(45), "0");
	check_str(token_text(235), "screen_height");
	check_str(token_text(TOKEN_DOUBLE), "read-self");
	check_str(token_text(TOKEN_DOUBLE + 3 * 256 + 255), "1961");
}

static void
other_words_find_nothing(void **state)
{
	char longest[200];

	(void) state;
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(token_find(str_from("")), TOKEN_NONE);
	assert_int_equal(token_find(WA_STR_NONE), TOKEN_NONE);
	assert_int_equal(token_find(str_from("no such token")), TOKEN_NONE);
	assert_int_equal(token_find(str_from("messag")), TOKEN_NONE);
	assert_int_equal(token_find(str_from("Message")), TOKEN_NONE);
	assert_int_equal(token_find((WaStr){"id\0", 3}), TOKEN_NONE);
	assert_int_equal(token_find((WaStr){longest, sizeof(longest)}), TOKEN_NONE);
	check_str(token_text(TOKEN_NONE), NULL);
	check_str(token_text(N_TOKENS), NULL);
	check_str(token_text(UINT32_MAX), NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_token_finds_itself),
		cmocka_unit_test(known_tokens_are_in_place),
		cmocka_unit_test(other_words_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
