/*
 * test_json.c
 *		The JSON writer: syntax, escapes, and bytes that are no text.
 */
#include <stdio.h>

#include "check.h"
#include "crypto.h"
#include "json.h"

typedef struct Fixture
{
	TestEnv env;
	WaBuf out;
	WaJson json;
} Fixture;

static void
begin(Fixture *f, size_t max)
{
	test_env_init(&f->env);
	buf_init(&f->out, test_env(&f->env), max);
	json_init(&f->json, &f->out);
}

static void
expect(Fixture *f, const char *text)
{
	assert_int_equal(f->json.status, WA_OK);
	check_str((WaStr){(const char *) buf_data(&f->out), buf_len(&f->out)}, text);
	buf_free(&f->out);
	assert_int_equal(f->env.live, 0);
}

static void
structure_has_commas_in_the_right_places(void **state)
{
	Fixture f;

	(void) state;
	begin(&f, 1000);
	json_begin_object(&f.json, NULL);
	json_int(&f.json, "a", INT64_MIN);
	json_int(&f.json, "b", INT64_MAX);
	json_int(&f.json, "zero", 0);
	json_begin_array(&f.json, "list");
	json_bool(&f.json, NULL, true);
	json_bool(&f.json, NULL, false);
	json_begin_object(&f.json, NULL);
	json_end_object(&f.json);
	json_begin_array(&f.json, NULL);
	json_end_array(&f.json);
	json_cstr(&f.json, NULL, "x");
	json_end_array(&f.json);
	json_str(&f.json, "absent", WA_STR_NONE);
	json_cstr(&f.json, "absent", NULL);
	json_raw(&f.json, "absent", WA_STR_NONE);
	json_raw(&f.json, "raw", str_from("[1]"));
	json_member(&f.json, str_from("k\"ey"), str_from("v"));
	json_end_object(&f.json);
	expect(&f, "{\"a\":-9223372036854775808,\"b\":9223372036854775807,\"zero\":0,"
			   "\"list\":[true,false,{},[],\"x\"],\"raw\":[1],\"k\\\"ey\":\"v\"}");
}

static void
text_is_escaped_and_repaired(void **state)
{
#define FFFD "\xEF\xBF\xBD"
	static const struct
	{
		WaStr in;
		const char *out;
	} cases[] = {
		{{"", 0}, "\"\""},
		{{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
		{{"\n\r\t\x01\x1f\x7f", 6}, "\"\\n\\r\\t\\u0001\\u001f\x7f\""},
		{{"a\0b", 3}, "\"a" FFFD "b\""},
		{{"A\xC3\xA7\xC3\xA3o \xE2\x88\x99 \xF0\x9F\x98\x80", 15},
		 "\"A\xC3\xA7\xC3\xA3o \xE2\x88\x99 \xF0\x9F\x98\x80\""},
		{{"\x80", 1}, "\"" FFFD "\""},
		{{"\xC3", 1}, "\"" FFFD "\""},
		{{"\xC3x", 2}, "\"" FFFD "x\""},
		{{"\xC0\x80", 2}, "\"" FFFD FFFD "\""},                   /* overlong NUL */
		{{"\xED\xA0\x80", 3}, "\"" FFFD FFFD FFFD "\""},          /* surrogate */
		{{"\xF4\x90\x80\x80", 4}, "\"" FFFD FFFD FFFD FFFD "\""}, /* above U+10FFFF */
		{{"\xF4\x8F\xBF\xBF", 4}, "\"\xF4\x8F\xBF\xBF\""},
		{{"\xE0\x9F\xBF", 3}, "\"" FFFD FFFD FFFD "\""}, /* overlong */
		{{"\xF0\x8F\xBF\xBF", 4}, "\"" FFFD FFFD FFFD FFFD "\""},
		{{"\xE2\x88", 2}, "\"" FFFD FFFD "\""},
		{{"\xE2\x88x", 3}, "\"" FFFD FFFD "x\""},
		{{"\xFF\xFE", 2}, "\"" FFFD FFFD "\""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Fixture f;

		begin(&f, 1000);
		json_str(&f.json, NULL, cases[i].in);
		expect(&f, cases[i].out);
		assert_int_equal(json_is_text(cases[i].in), strstr(cases[i].out, FFFD) == NULL);
	}
}

static void
limit_and_lack_of_memory_stick(void **state)
{
	Fixture f;

	(void) state;
	begin(&f, 10);
	json_begin_object(&f.json, NULL);
	json_cstr(&f.json, "long", "far too long for ten bytes");
	json_end_object(&f.json);
	assert_int_equal(f.json.status, WA_ERR_LIMIT);
	buf_free(&f.out);

	for (size_t n = 1;; n++)
	{
		begin(&f, 100000);
		f.env.fail_at = n;
		json_begin_array(&f.json, NULL);
		for (int i = 0; i < 500; i++)
			json_cstr(&f.json, NULL, "text\n");
		json_end_array(&f.json);
		buf_free(&f.out);
		assert_int_equal(f.env.live, 0);
		if (f.env.allocations < n)
			break;
		assert_int_equal(f.json.status, WA_ERR_NOMEM);
	}
	assert_int_equal(f.json.status, WA_OK);
}

/* Every length around the piece that is written at a time. */
static void
bytes_become_text(void **state)
{
	Fixture f;
	uint8_t bytes[200];

	(void) state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 37);
	for (size_t len = 0; len <= sizeof(bytes); len++)
	{
		char hex[2 * sizeof(bytes) + 1];
		char base64[4 * ((sizeof(bytes) + 2) / 3) + 1];
		char wanted[1024];
		int n;

		for (size_t i = 0; i < len; i++)
			snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
		hex[2 * len] = '\0';
		crypto_base64(bytes, len, base64);
		n = snprintf(wanted, sizeof(wanted), "{\"h\":\"%s\",\"b\":\"%s\"}", hex, base64);
		begin(&f, 2000);
		json_begin_object(&f.json, NULL);
		json_hex(&f.json, "h", (WaStr){(char *) bytes, len});
		json_base64(&f.json, "b", (WaStr){(char *) bytes, len});
		json_hex(&f.json, "none", WA_STR_NONE);
		json_base64(&f.json, "none", WA_STR_NONE);
		json_end_object(&f.json);
		assert_int_equal(buf_len(&f.out), n);
		assert_memory_equal(buf_data(&f.out), wanted, n);
		buf_free(&f.out);
	}
}

static void
text_is_repaired_alone(void **state)
{
	TestEnv env;
	WaArena arena;
	char nul[] = {'a', 0, '\xff', 'b'};
	WaStr good = str_from("gr\xC3\xBC\xC3\x9F");
	WaStr out;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1000);
	assert_ptr_equal(json_text(&arena, good).data, good.data);
	out = json_text(&arena, (WaStr){nul, 4});
	assert_true(str_is(out, "a\xEF\xBF\xBD\xEF\xBF\xBD"
							"b"));
	env.fail_at = env.allocations + 1;
	arena_free(&arena);
	assert_null(json_text(&arena, (WaStr){nul, 4}).data);
	assert_true(arena.failed);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_has_commas_in_the_right_places),
		cmocka_unit_test(text_is_escaped_and_repaired),
		cmocka_unit_test(bytes_become_text),
		cmocka_unit_test(text_is_repaired_alone),
		cmocka_unit_test(limit_and_lack_of_memory_stick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
