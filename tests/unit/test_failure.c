/*
 * test_failure.c
 *		Every end of a connection that sheet 1 section 9 lists, and what the bot
 *		makes of it.
 */
#define _GNU_SOURCE /* memmem */
#include "../../src/protocol/failure.h"
#include "check.h"
#include "stanza.h"

#define WALL_S INT64_C(1795456383)

static TestEnv env;
static WaArena arena;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

typedef struct Expected
{
	const char *xml;
	WaBotStatus status;
	FailurePolicy policy;
	const char *reason;
	int code;
} Expected;

static void
check_failure(const WaFailure *failure, const Expected *expected)
{
	if (failure->status != expected->status || failure->policy != expected->policy ||
		failure->code != expected->code || strcmp(failure->reason, expected->reason) != 0)
		fail_msg("%s: %s %s code %d policy %d", expected->xml, client_status_name(failure->status),
				 failure->reason, failure->code, failure->policy);
	/* what needs a person says what to do */
	if ((failure->policy == FAILURE_STOP && failure->status != BOT_OFFLINE) ||
		failure->status == BOT_ERROR)
		assert_non_null(failure->hint);
}

static void
maps_stream_errors(void **state)
{
	static const Expected cases[] = {
		{"<stream:error code=\"515\"/>", BOT_CONNECTING, FAILURE_NOW, "restart_required", 515},
		{"<stream:error code=\"516\"/>", BOT_LOGGED_OUT, FAILURE_STOP, "device_gone", 516},
		{"<stream:error code=\"401\"/>", BOT_LOGGED_OUT, FAILURE_STOP, "logged_out", 401},
		{"<stream:error code=\"401\"><conflict type=\"device_removed\"/></stream:error>",
		 BOT_LOGGED_OUT, FAILURE_STOP, "device_removed", 401},
		{"<stream:error><conflict type=\"device_removed\"/></stream:error>", BOT_LOGGED_OUT,
		 FAILURE_STOP, "device_removed", 0},
		{"<stream:error><conflict type=\"replaced\"/></stream:error>", BOT_ERROR, FAILURE_STOP,
		 "replaced", 0},
		{"<stream:error code=\"409\"/>", BOT_ERROR, FAILURE_STOP, "replaced", 409},
		{"<stream:error code=\"440\"/>", BOT_ERROR, FAILURE_STOP, "replaced", 440},
		{"<stream:error><conflict type=\"other\"/></stream:error>", BOT_ERROR, FAILURE_STOP,
		 "conflict", 0},
		{"<stream:error code=\"503\"/>", BOT_CONNECTING, FAILURE_RETRY, "service_unavailable", 503},
		{"<stream:error code=\"500\"/>", BOT_CONNECTING, FAILURE_RETRY, "server_error", 500},
		{"<stream:error code=\"599\"/>", BOT_CONNECTING, FAILURE_RETRY, "server_error", 599},
		{"<stream:error code=\"429\"/>", BOT_CONNECTING, FAILURE_RETRY, "rate_limited", 429},
		{"<stream:error><ack class=\"message\" id=\"M1\" type=\"text\"/></stream:error>",
		 BOT_CONNECTING, FAILURE_RETRY, "unacknowledged_stanza", 0},
		{"<stream:error><xml-not-well-formed/></stream:error>", BOT_CONNECTING, FAILURE_RETRY,
		 "xml_not_well_formed", 0},
		{"<stream:error/>", BOT_CONNECTING, FAILURE_RETRY, "stream_error", 0},
		{"<stream:error code=\"777\"/>", BOT_CONNECTING, FAILURE_RETRY, "stream_error", 777},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaFailure failure = failure_from_stream_error(stanza(&arena, cases[i].xml));

		check_failure(&failure, &cases[i]);
		assert_int_equal(failure.penalty, failure.code == 429 ? 5 : 0);
	}
}

static void
keeps_the_servers_words(void **state)
{
	WaFailure failure;

	(void) state;
	failure = failure_from_stream_error(
		stanza(&arena, "<stream:error><ack class=\"message\" id=\"M1\"/></stream:error>"));
	assert_non_null(memmem(failure.detail.data, failure.detail.len, "M1", 2));
	failure = failure_from_stream_error(
		stanza(&arena, "<stream:error code=\"777\"><novelty/></stream:error>"));
	assert_non_null(memmem(failure.detail.data, failure.detail.len, "novelty", 7));
	failure = failure_from_failure(
		stanza(&arena, "<failure reason=\"403\" location=\"frc\" message=\"Locked\" "
					   "url=\"https://example.org/x\" logout_message_header=\"Sorry\"/>"),
		0);
	check_str(failure.detail, "Locked · Sorry · https://example.org/x");
	failure = failure_from_failure(stanza(&arena, "<failure reason=\"401\"/>"), 0);
	check_str(failure.detail, NULL);
}

static void
maps_failures(void **state)
{
	static const Expected cases[] = {
		{"<failure reason=\"400\"/>", BOT_ERROR, FAILURE_SLOW, "bad_request", 400},
		{"<failure reason=\"401\" location=\"frc\"/>", BOT_LOGGED_OUT, FAILURE_STOP, "logged_out",
		 401},
		{"<failure reason=\"402\" code=\"101\" expire=\"600\"/>", BOT_BANNED, FAILURE_UNTIL,
		 "temporary_ban", 402},
		{"<failure reason=\"403\"/>", BOT_LOGGED_OUT, FAILURE_STOP, "locked", 403},
		{"<failure reason=\"405\"/>", BOT_ERROR, FAILURE_SLOW, "client_outdated", 405},
		{"<failure reason=\"406\"/>", BOT_BANNED, FAILURE_STOP, "banned", 406},
		{"<failure reason=\"409\"/>", BOT_ERROR, FAILURE_STOP, "bad_user_agent", 409},
		{"<failure reason=\"411\"/>", BOT_ERROR, FAILURE_STOP, "multidevice_mismatch", 411},
		{"<failure reason=\"413\"/>", BOT_ERROR, FAILURE_SLOW, "token_expired", 413},
		{"<failure reason=\"414\"/>", BOT_ERROR, FAILURE_SLOW, "token_invalid", 414},
		{"<failure reason=\"415\"/>", BOT_ERROR, FAILURE_SLOW, "not_found", 415},
		{"<failure reason=\"418\"/>", BOT_ERROR, FAILURE_SLOW, "client_unknown", 418},
		{"<failure reason=\"500\"/>", BOT_CONNECTING, FAILURE_SLOW, "server_error", 500},
		{"<failure reason=\"501\"/>", BOT_CONNECTING, FAILURE_SLOW, "server_error", 501},
		{"<failure reason=\"503\"/>", BOT_CONNECTING, FAILURE_SLOW, "service_unavailable", 503},
		{"<failure reason=\"999\"/>", BOT_ERROR, FAILURE_SLOW, "login_refused", 999},
		{"<failure/>", BOT_ERROR, FAILURE_SLOW, "login_refused", 0},
		{"<failure reason=\"123456789\"/>", BOT_ERROR, FAILURE_SLOW, "login_refused", 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaFailure failure = failure_from_failure(stanza(&arena, cases[i].xml), WALL_S * WA_SECOND);

		check_failure(&failure, &cases[i]);
		assert_true(failure.until == (failure.policy == FAILURE_UNTIL ? WALL_S + 600 : 0));
		if (failure.code == 405)
			assert_non_null(strstr(failure.hint, "wa_collector.web_version"));
		/* nothing that may be a refusal for good is tried for ever */
		if (strcmp(failure.reason, "login_refused") == 0 || failure.code == 400)
			assert_int_equal(failure.attempts, 5);
	}
}

static void
explains_bans(void **state)
{
	static const int codes[] = {101, 102, 103, 104, 106, 199};
	const char *hints[6];

	(void) state;
	for (size_t i = 0; i < 6; i++)
	{
		WaStr xml =
			arena_printf(&arena, "<failure reason=\"402\" code=\"%d\" expire=\"60\"/>", codes[i]);
		WaFailure failure = failure_from_failure(stanza(&arena, xml.data), 0);

		hints[i] = failure.hint;
		assert_non_null(hints[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hints[i], hints[j]);
	}
}

static void
bears_senseless_ends(void **state)
{
	static const char *const expires[] = {"",
										  "expire=\"0\"",
										  "expire=\"-7\"",
										  "expire=\"x\"",
										  "expire=\"99999999999999999999\"",
										  "expire=\"5000000000\""};

	(void) state;
	for (size_t i = 0; i < sizeof(expires) / sizeof(expires[0]); i++)
	{
		WaStr xml = arena_printf(&arena, "<failure reason=\"402\" %s/>", expires[i]);
		WaFailure failure = failure_from_failure(stanza(&arena, xml.data), WALL_S * WA_SECOND);

		assert_true(failure.until == WALL_S + 86400);
	}
}

static void
maps_local_troubles(void **state)
{
	(void) state;
	for (int kind = FAILURE_CONNECTION_FAILED; kind <= FAILURE_LOGOUT; kind++)
	{
		WaFailure failure = failure_local((FailureKind) kind);

		assert_non_null(failure.reason);
		for (int other = FAILURE_CONNECTION_FAILED; other < kind; other++)
			assert_string_not_equal(failure.reason, failure_local((FailureKind) other).reason);
		if (failure.status == BOT_ERROR || kind == FAILURE_CONNECTION_FAILED ||
			kind == FAILURE_HANDSHAKE)
			assert_non_null(failure.hint);
	}
	assert_int_equal(failure_kind_of(WA_ERR_NOMEM), FAILURE_MEMORY);
	assert_int_equal(failure_kind_of(WA_ERR_RANDOM), FAILURE_RANDOM);
	assert_int_equal(failure_kind_of(WA_ERR_MALFORMED), FAILURE_PROTOCOL);
	assert_int_equal(failure_kind_of(WA_ERR_CRYPTO), FAILURE_PROTOCOL);
}

static void
survives_failed_allocations(void **state)
{
	const WaNode *failure_node =
		stanza(&arena, "<failure reason=\"777\" message=\"a\" url=\"b\"/>");
	const WaNode *error_node = stanza(&arena, "<stream:error code=\"777\"><x/></stream:error>");

	(void) state;
	arena.max = arena.used; /* not one byte more */
	assert_string_equal(failure_from_failure(failure_node, 0).reason, "login_refused");
	assert_string_equal(failure_from_stream_error(error_node).reason, "stream_error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(maps_stream_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_the_servers_words, setup, teardown),
		cmocka_unit_test_setup_teardown(maps_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(explains_bans, setup, teardown),
		cmocka_unit_test_setup_teardown(bears_senseless_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(maps_local_troubles, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_failed_allocations, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
