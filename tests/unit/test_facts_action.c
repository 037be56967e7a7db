/*
 * test_facts_action.c
 *		What the account's other devices set, as facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../src/collector/facts.h"
#include "test_env.h"

static TestEnv env;
static WaBuf out;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 10000);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	buf_free(&out);
	return env.live == 0 ? 0 : -1;
}

static void
assert_action(const WaAppAction *action, const char *expected)
{
	WaStatus status = WA_ERR_STATE;
	json_t *fact;
	char *text;

	buf_free(&out);
	assert_true(facts_write_action(action, 0, &out, &status));
	assert_int_equal(status, WA_OK);
	fact = json_loadb((const char *) buf_data(&out), buf_len(&out), 0, NULL);
	assert_non_null(fact);
	text = json_dumps(fact, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(fact);
}

static void
test_app_actions(void **state)
{
	WaAppAction action = {.kind = APP_CONTACT, .at_ms = 1800000000500};
	WaStatus status;

	(void) state;
	buf_free(&out);
	assert_false(facts_write_action(&action, 0, &out, &status)); /* nobody */
	action.who.lid = str_from("11@lid");
	assert_action(&action,
				  "{\"fact\":\"contact\",\"source\":\"app_state\",\"who\":{\"lid\":\"11@lid\"},"
				  "\"removed\":true,\"at\":1800000000.5}");
	action =
		(WaAppAction){.kind = APP_MUTE, .chat = str_from("1@g.us"), .on = true, .until_ms = -1};
	assert_action(&action, "{\"fact\":\"chat\",\"source\":\"app_state\",\"chat\":\"1@g.us\","
						   "\"muted_until\":253402300799}");
	action.on = false;
	assert_action(&action, "{\"fact\":\"chat\",\"source\":\"app_state\",\"chat\":\"1@g.us\","
						   "\"muted_until\":0}");
	action = (WaAppAction){
		.kind = APP_LABEL, .id = str_from("4"), .name = str_from("new"), .color = 2, .on = true};
	assert_action(&action, "{\"fact\":\"label\",\"source\":\"app_state\",\"id\":\"4\","
						   "\"name\":\"new\",\"color\":2,\"deleted\":false}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_app_actions, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
