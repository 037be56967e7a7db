/*
 * test_facts.c
 *		Events as JSON facts.  Every fact is read back with jansson, which
 *		refuses what is no JSON or no UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../src/collector/facts.h"
#include "stanza.h"
#include "test_env.h"

#define MEMORY WA_MAX_STANZA_MEMORY
#define RECEIVED INT64_C(1795456388000042) /* microseconds */

static TestEnv env;
static WaArena arena;
static WaBuf out;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	buf_init(&out, test_env(&env), MEMORY);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	buf_free(&out);
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

/* The fact of event, read back. */
static json_t *
fact_of(const WaEvent *event)
{
	WaStatus status = WA_ERR_STATE;
	json_error_t error;
	json_t *fact;

	buf_free(&out);
	assert_true(facts_write(event, RECEIVED, &out, &status));
	assert_int_equal(status, WA_OK);
	/* refuses U+0000 as jsonb does */
	fact = json_loadb((const char *) buf_data(&out), buf_len(&out), 0, &error);
	if (fact == NULL)
		fail_msg("%s in %.*s", error.text, (int) buf_len(&out), (const char *) buf_data(&out));
	assert_true(json_is_object(fact));
	return fact;
}

/* Compares a fact, without received_at and raw, with what it should be ('"' written as '). */
static void
assert_fact(const WaEvent *event, const char *expected)
{
	json_t *fact = fact_of(event);
	char *text = strdup(expected);
	json_t *wanted;
	json_error_t error;

	for (char *c = text; *c != '\0'; c++)
	{
		if (*c == '\'')
			*c = '"';
	}
	wanted = json_loads(text, 0, &error);
	if (wanted == NULL)
		fail_msg("the test's own JSON, line %d column %d: %s", error.line, error.column,
				 error.text);
	assert_true(json_is_real(json_object_get(fact, "received_at")));
	assert_true(json_real_value(json_object_get(fact, "received_at")) == 1795456388.000042);
	json_object_del(fact, "received_at");
	json_object_del(fact, "raw");
	if (!json_equal(fact, wanted))
		fail_msg("%s\n is not %s", json_dumps(fact, JSON_SORT_KEYS),
				 json_dumps(wanted, JSON_SORT_KEYS));
	json_decref(fact);
	json_decref(wanted);
	free(text);
}

static WaEvent
event_of(WaEventKind kind)
{
	WaEvent event;

	memset(&event, 0, sizeof(event));
	event.kind = kind;
	event.epoch = 7;
	event.stanza = 3;
	return event;
}

static WaEvent
change_event(const char *children)
{
	WaStr xml = arena_printf(
		&arena,
		"<notification from=\"1@g.us\" type=\"w:gp2\" id=\"N1\" participant=\"11@lid\" "
		"participant_pn=\"491@s.whatsapp.net\" notify=\"Ann\" t=\"1700000000\">%s</notification>",
		children);
	WaEvent event = event_of(EVENT_GROUP_CHANGE);
	int count;

	event.change = group_parse_changes(stanza(&arena, xml.data), &count);
	assert_true(count > 0);
	return event;
}

/* ---- what the facts say ---- */

static void
test_status(void **state)
{
	WaEvent event = event_of(EVENT_STATUS);
	json_t *fact;

	(void) state;
	event.status.status = BOT_BANNED;
	event.status.reason = "temporary_ban";
	event.status.code = 402;
	event.status.detail = str_from("too many people");
	event.status.hint = "wait";
	event.status.until = 1800000000;
	event.status.retry_in_us = 1500000;
	assert_fact(&event,
				"{'fact':'status','status':'banned','reason':'temporary_ban','code':402,"
				"'detail':'too many people','hint':'wait','until':1800000000,'retry_in':1.5}");

	event = event_of(EVENT_STATUS);
	event.status.status = BOT_ONLINE;
	event.status.retry_in_us = -1;
	assert_fact(&event, "{'fact':'status','status':'online'}");

	event.status.until = INT64_MAX;
	event.status.retry_in_us = INT64_MAX;
	fact = fact_of(&event);
	assert_null(json_object_get(fact, "until"));
	assert_null(json_object_get(fact, "retry_in"));
	json_decref(fact);
}

static void
test_aliases(void **state)
{
	WaEvent event = event_of(EVENT_ALIASES);

	(void) state;
	event.aliases.source = "success";
	event.aliases.list =
		identity_pair(&arena, str_from("11@lid"), str_from("491@s.whatsapp.net"), true);
	event.aliases.list->next =
		identity_pair(&arena, str_from("12@lid"), str_from("492@s.whatsapp.net"), false);
	assert_fact(&event, "{'fact':'aliases','source':'success','pairs':["
						"{'lid':'11@lid','pn':'491@s.whatsapp.net','authoritative':true},"
						"{'lid':'12@lid','pn':'492@s.whatsapp.net','authoritative':false}]}");
	event.aliases.list = NULL;
	assert_fact(&event, "{'fact':'aliases','source':'success','pairs':[]}");
}

static void
test_group(void **state)
{
	WaEvent event = event_of(EVENT_GROUP);

	(void) state;
	event.group.source = "query";
	event.group.asked_us = 1700000000250000;
	event.group.group = group_parse(stanza(
		&arena,
		"<group id=\"1\" subject=\"S\" s_t=\"5\" s_o=\"2@lid\" creation=\"4\" creator=\"1@lid\" "
		"creator_pn=\"491@s.whatsapp.net\" creator_country_code=\"DE\" addressing_mode=\"lid\" "
		"p_v_id=\"7\" size=\"2\">"
		"<description id=\"D1\" participant=\"3@lid\" t=\"6\"><body>About</body></description>"
		"<announcement/><ephemeral "
		"expiration=\"86400\"/><member_add_mode>admin_add</member_add_mode>"
		"<membership_approval_mode/><linked_parent jid=\"99@g.us\"/><default_sub_group/>"
		"<participant jid=\"1@lid\" phone_number=\"491@s.whatsapp.net\" type=\"superadmin\" "
		"participant_label=\"Boss\" join_time=\"8\"/>"
		"<participant jid=\"2@lid\" username=\"two\" display_name=\"+49∙∙2\"/></group>"));
	assert_fact(
		&event,
		"{'fact':'group','source':'query','asked_at':1700000000.25,'group':{"
		"'jid':'1@g.us','subject':'S','subject_at':5,'subject_by':{'lid':'2@lid'},'created_at':4,"
		"'creator':{'lid':'1@lid','pn':'491@s.whatsapp.net','country':'DE'},"
		"'description':'About','description_id':'D1','description_at':6,'description_by':{'lid':'3@"
		"lid'},"
		"'size':2,'addressing_mode':'lid','version':7,'settings':{'announce':true,'locked':false,"
		"'join_approval':true,'ephemeral_seconds':86400,'member_add_mode':'admin_add'},"
		"'parent_jid':'99@g.us','is_parent':false,'is_default_subgroup':true,'incognito':false,"
		"'suspended':false,'complete':true,'partial':false,'participants':["
		"{'lid':'1@lid','pn':'491@s.whatsapp.net','role':'superadmin','label':'Boss','joined_at':8}"
		","
		"{'lid':'2@lid','username':'two','display':'+49∙∙2','role':'member'}]}}");
}

static void
test_group_list_and_gone(void **state)
{
	WaStr jids[2] = {str_from("1@g.us"), str_from("2@g.us")};
	WaEvent event = event_of(EVENT_GROUP_LIST);

	(void) state;
	event.group_list.count = 2;
	event.group_list.jids = jids;
	event.group_list.asked_us = 1700000000000001;
	assert_fact(&event,
				"{'fact':'group_list','asked_at':1700000000.000001,'jids':['1@g.us','2@g.us']}");
	event.group_list.count = 0;
	event.group_list.asked_us = 0;
	assert_fact(&event, "{'fact':'group_list','jids':[]}");

	event = event_of(EVENT_GROUP_GONE);
	event.gone_jid = str_from("1@g.us");
	assert_fact(&event, "{'fact':'group_gone','group':'1@g.us'}");
}

#define ACTOR "'actor':{'lid':'11@lid','pn':'491@s.whatsapp.net','push_name':'Ann'},"
#define HEAD                                                                                       \
	"{'fact':'group_change','group':'1@g.us','notification':'N1','at':1700000000,'offline':false,"

static void
test_change(void **state)
{
	WaEvent event = change_event("<add reason=\"invite\" prev_v_id=\"1700000000000000\" "
								 "v_id=\"1700000000000001\"><participant jid=\"22@lid\" "
								 "phone_number=\"492@s.whatsapp.net\"/>"
								 "<participant error=\"403\"/></add>");
	json_t *fact;
	json_t *raw;

	(void) state;
	assert_fact(&event, HEAD ACTOR "'ordinal':0,'kind':'add','known':true,'reason':'invite',"
								   "'version_before':1700000000000000,'version_after':"
								   "1700000000000001,'roster_incomplete':false,"
								   "'targets':[{'lid':'22@lid','pn':'492@s.whatsapp.net','role':'"
								   "member'},{'role':'member','error':'403'}]}");

	/* the raw child comes along whole */
	fact = fact_of(&event);
	raw = json_object_get(fact, "raw");
	assert_string_equal(json_string_value(json_object_get(raw, "tag")), "add");
	assert_string_equal(json_string_value(json_object_get(json_object_get(raw, "attrs"), "reason")),
						"invite");
	assert_int_equal(json_array_size(json_object_get(raw, "children")), 2);
	json_decref(fact);

	event = change_event("<subject subject=\"New\" s_o=\"11@lid\"/><not_ephemeral/><teleport/>");
	assert_fact(&event,
				HEAD ACTOR "'ordinal':0,'kind':'subject','known':true,'text':'New','targets':[],"
						   "'roster_incomplete':false}");
	event.change = event.change->next;
	assert_fact(&event, HEAD ACTOR "'ordinal':1,'kind':'not_ephemeral','known':true,'targets':[],"
								   "'settings':{'ephemeral_seconds':0},'roster_incomplete':false}");
	event.change = event.change->next;
	assert_fact(&event,
				HEAD ACTOR "'ordinal':2,'kind':'unknown:teleport','known':false,'targets':[],"
						   "'roster_incomplete':false}");

	event = change_event(
		"<membership_approval_request request_method=\"invite_link\" parent_group_jid=\"9@g.us\"/>"
		"<missing_participant_identification/>");
	assert_fact(&event,
				HEAD ACTOR "'ordinal':0,'kind':'membership_approval_request','known':true,"
						   "'reason':'invite_link','parent_jid':'9@g.us','roster_incomplete':true,"
						   "'targets':[{'lid':'11@lid','pn':'491@s.whatsapp.net','push_name':'Ann',"
						   "'role':'member'}]}");
}

static void
test_carried(void **state)
{
	WaEvent event = change_event(
		"<link link_type=\"sub_group\"><group jid=\"5@g.us\" subject=\"Five\"/>"
		"<group jid=\"6@g.us\"><default_sub_group/></group><group jid=\"7@g.us\"/></link>");

	(void) state;
	/* a mention says nothing of settings and flags */
	assert_fact(&event,
				HEAD ACTOR "'ordinal':0,'kind':'link','known':true,'text':'sub_group','targets':[],"
						   "'roster_incomplete':false,'carried':{'jid':'5@g.us','subject':'Five','"
						   "parent_jid':'1@g.us',"
						   "'complete':false,'partial':true,'participants':[]},'also_carried':["
						   "{'jid':'6@g.us','parent_jid':'1@g.us','is_default_subgroup':true,'"
						   "complete':false,'partial':true,"
						   "'participants':[]},"
						   "{'jid':'7@g.us','parent_jid':'1@g.us','complete':false,'partial':true,'"
						   "participants':[]}]}");

	event = change_event("<create reason=\"invite\"><group id=\"1\" subject=\"S\" size=\"1\">"
						 "<participant jid=\"11@lid\"/></group></create>");
	assert_fact(
		&event, HEAD ACTOR
		"'ordinal':0,'kind':'create','known':true,'reason':'invite','targets':[],"
		"'roster_incomplete':false,'carried':{'jid':'1@g.us','subject':'S','size':1,'addressing_"
		"mode':'pn',"
		"'settings':{'announce':false,'locked':false,'join_approval':false,'ephemeral_seconds':0},"
		"'is_parent':false,'is_default_subgroup':false,'incognito':false,'suspended':false,'"
		"complete':true,"
		"'partial':false,'participants':[{'lid':'11@lid','role':'member'}]}}");
}

static void
test_server_acts(void **state)
{
	WaEvent event = event_of(EVENT_GROUP_CHANGE);
	int count;

	(void) state;
	event.change = group_parse_changes(
		stanza(&arena, "<notification from=\"1@g.us\" offline=\"0\"><suspended/></notification>"),
		&count);
	assert_fact(
		&event,
		"{'fact':'group_change','group':'1@g.us','ordinal':0,'kind':'suspended','known':true,"
		"'offline':true,'targets':[],'roster_incomplete':false}");
}

static void
test_other_facts(void **state)
{
	WaEvent event = event_of(EVENT_NUMBER_CHANGE);

	(void) state;
	event.number_change.before =
		identity_from(&arena, str_from("1@lid"), str_from("49@s.whatsapp.net"));
	event.number_change.after = identity_from(&arena, str_from("48@s.whatsapp.net"), WA_STR_NONE);
	assert_fact(&event, "{'fact':'number_change','before':{'lid':'1@lid','pn':'49@s.whatsapp.net'},"
						"'after':{'pn':'48@s.whatsapp.net'}}");

	event = event_of(EVENT_CAUGHT_UP);
	event.caught_up.announced = 5;
	event.caught_up.received = 4;
	assert_fact(&event, "{'fact':'caught_up','announced':5,'received':4,'covered':false}");
	event.caught_up.announced = -1;
	event.caught_up.covered = true;
	assert_fact(&event, "{'fact':'caught_up','received':4,'covered':true}");

	event = event_of(EVENT_RAW);
	event.raw.node = stanza(
		&arena, "<notification type=\"psa\" id=\"7\" from=\"s.whatsapp.net\"><x/></notification>");
	event.raw.tag = event.raw.node->tag;
	event.raw.type = node_attr(event.raw.node, "type");
	event.raw.id = node_attr(event.raw.node, "id");
	event.raw.from = node_attr(event.raw.node, "from");
	assert_fact(
		&event,
		"{'fact':'raw','tag':'notification','type':'psa','id':'7','from':'s.whatsapp.net',"
		"'node':{'tag':'notification','attrs':{'type':'psa','id':'7','from':'s.whatsapp.net'},"
		"'children':[{'tag':'x','attrs':{}}]}}");
}

static void
test_secrets_are_no_facts(void **state)
{
	static const WaEventKind kinds[] = {
		EVENT_QR, EVENT_PAIR_CODE, EVENT_DEVICE, EVENT_PREKEYS, EVENT_PREKEYS_UPLOADED,
	};

	(void) state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		WaEvent event = event_of(kinds[i]);
		WaStatus status = WA_ERR_STATE;

		assert_false(facts_write(&event, RECEIVED, &out, &status));
		assert_int_equal(status, WA_OK);
		assert_int_equal(buf_len(&out), 0);
	}
}

static void
test_unknown_time(void **state)
{
	WaEvent event = event_of(EVENT_GROUP_GONE);
	WaStatus status;
	static const char expected[] = "{\"fact\":\"group_gone\",\"group\":\"1@g.us\"}";

	(void) state;
	event.gone_jid = str_from("1@g.us");
	for (int64_t received = INT64_MIN;; received = 0)
	{
		assert_true(facts_write(&event, received, &out, &status));
		assert_int_equal(buf_len(&out), strlen(expected));
		assert_memory_equal(buf_data(&out), expected, strlen(expected));
		buf_free(&out);
		if (received == 0)
			break;
	}
}

/* ---- hostile input ---- */

static void
check_hostile(WaStr value)
{
	static const char *const attrs[] = {
		"id",
		"participant",
		"participant_pn",
		"participant_username",
		"participant_country_code",
		"notify",
	};
	static const char *const child_attrs[] = {
		"subject",           "s_o",   "reason",       "code",     "link_type",
		"request_method",    "jid",   "phone_number", "username", "display_name",
		"participant_label", "error", "type",         "id",
	};
	static const char *const tags[] = {
		"add", "subject", "description", "invite", "member_add_mode", "create", "link", "?",
	};
	WaNode *notification = node_new(&arena, "notification");
	WaEvent event = event_of(EVENT_GROUP_CHANGE);
	int count;

	node_set(notification, "from", "1@g.us");
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		node_set_str(notification, attrs[i], value);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
	{
		WaNode *child = node_add(notification, tags[i]);
		WaNode *inner[3];

		if (strcmp(tags[i], "?") == 0)
			child->tag = value;
		inner[0] = node_add(child, "participant");
		inner[1] = node_add(child, "group");
		inner[2] = node_add(inner[1], "participant");
		for (size_t k = 0; k < sizeof(child_attrs) / sizeof(child_attrs[0]); k++)
		{
			node_set_str(child, child_attrs[k], value);
			for (int j = 0; j < 3; j++)
				node_set_str(inner[j], child_attrs[k], value);
		}
		node_set(inner[1], "id", "5");
		node_set_bytes(node_add(child, "body"), value.data, value.len);
		node_set_bytes(node_add(node_add(inner[1], "description"), "body"), value.data, value.len);
		node_set_bytes(node_add(inner[1], "member_add_mode"), value.data, value.len);
	}
	assert_false(arena.failed);

	for (event.change = group_parse_changes(notification, &count); event.change != NULL;
		 event.change = event.change->next, count--)
	{
		json_t *fact = fact_of(&event);
		const char *key;
		json_t *member;

		json_object_foreach(fact, key, member)
		{
			if (json_is_string(member))
				assert_true(json_string_length(member) <=
							(strcmp(key, "text") == 0 ? FACTS_MAX_TEXT : FACTS_MAX_NAME) * 3);
		}
		json_decref(fact);
	}
	assert_int_equal(count, 0);

	event = event_of(EVENT_RAW);
	event.raw.tag = event.raw.type = event.raw.id = event.raw.from = value;
	event.raw.node = notification;
	json_decref(fact_of(&event));
	event = event_of(EVENT_STATUS);
	event.status.detail = value;
	json_decref(fact_of(&event));
	event = event_of(EVENT_GROUP_GONE);
	event.gone_jid = value;
	json_decref(fact_of(&event));
	arena_free(&arena);
}

static void
test_hostile_text(void **state)
{
	static const char *const texts[] = {
		"\"}],\"fact\":\"status\",\"x\":\"",
		"\\",
		"\\u0000",
		"\n\r\t\b\f\x01\x1f\x7f",
		"'; DROP TABLE wa.groups; --",
		"\xff\xfe",
		"\xc0\x80",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xe2\x88",
		"\xf0\x9f\x98\x80",
		"\xe2\x80\xae",
	};
	static const char nul[] = "a\0b\0";
	char all[256];

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_hostile(str_from(texts[i]));
	check_hostile((WaStr){nul, sizeof(nul)});
	for (int i = 0; i < 256; i++)
		all[i] = (char) i;
	check_hostile((WaStr){all, sizeof(all)});
}

/* Longer than any limit, everywhere. */
static void
test_long_text(void **state)
{
	size_t len = FACTS_MAX_TEXT + 100;
	char *text = malloc(len);

	(void) state;
	for (size_t i = 0; i < len; i++)
		text[i] = "\xe2\x88\x99"[i % 3];
	check_hostile((WaStr){text, len});
	memset(text, 0xBF, len);
	check_hostile((WaStr){text, len});
	free(text);
}

/* A megabyte in each of the texts that people write. */
static void
test_megabyte(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);
	WaNode *notification = node_new(&arena, "notification");
	WaNode *child;
	WaEvent event = event_of(EVENT_GROUP_CHANGE);
	json_t *fact;
	int count;

	(void) state;
	memset(text, 0, len);
	node_set(notification, "from", "1@g.us");
	node_set_str(notification, "notify", (WaStr){text, len});
	child = node_add(notification, "subject");
	node_set_str(child, "subject", (WaStr){text, len});
	node_set_str(node_add(child, "participant"), "participant_label", (WaStr){text, len});
	event.change = group_parse_changes(notification, &count);
	fact = fact_of(&event);
	/* each NUL became U+FFFD, three bytes */
	assert_int_equal(json_string_length(json_object_get(fact, "text")), FACTS_MAX_TEXT * 3);
	assert_int_equal(
		json_string_length(json_object_get(json_object_get(fact, "actor"), "push_name")),
		FACTS_MAX_NAME * 3);
	assert_true(json_integer_value(json_object_get(json_object_get(fact, "raw"), "omitted_bytes")) >
				6 << 20);
	assert_true(buf_len(&out) < FACTS_MAX_TEXT * 4);
	json_decref(fact);
	free(text);
}

/* Strings end at their limit, between characters. */
static void
test_limits(void **state)
{
	static const struct
	{
		const char *last; /* the character that meets the limit */
		size_t start;     /* bytes of it that fit */
	} cases[] = {
		{"x", 0},
		{"\xc3\xa4", 1},
		{"\xe2\x88\x99", 1},
		{"\xe2\x88\x99", 2},
		{"\xf0\x9f\x98\x80", 1},
		{"\xf0\x9f\x98\x80", 2},
		{"\xf0\x9f\x98\x80", 3},
	};
	char *text = malloc(FACTS_MAX_TEXT + 16);

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaEvent event = event_of(EVENT_STATUS);
		size_t whole = FACTS_MAX_TEXT - cases[i].start;
		json_t *fact;

		memset(text, 'x', whole);
		memcpy(text + whole, cases[i].last, strlen(cases[i].last));
		event.status.detail = (WaStr){text, whole + strlen(cases[i].last)};
		fact = fact_of(&event);
		assert_int_equal(json_string_length(json_object_get(fact, "detail")), whole);
		json_decref(fact);
	}
	free(text);
}

static void
test_large_raw(void **state)
{
	WaEvent event = event_of(EVENT_RAW);
	WaNode *node = node_new(&arena, "notification");
	char *text = malloc(FACTS_MAX_RAW);
	json_t *fact;
	json_t *raw;

	(void) state;
	memset(text, 'x', FACTS_MAX_RAW);
	node_set_bytes(node, text, FACTS_MAX_RAW - 100);
	event.raw.node = node;
	fact = fact_of(&event);
	assert_int_equal(json_string_length(json_object_get(json_object_get(fact, "node"), "text")),
					 FACTS_MAX_RAW - 100);
	json_decref(fact);

	node_set_bytes(node, text, FACTS_MAX_RAW);
	fact = fact_of(&event);
	raw = json_object_get(fact, "node");
	assert_string_equal(json_string_value(json_object_get(raw, "tag")), "notification");
	assert_true(json_integer_value(json_object_get(raw, "omitted_bytes")) > FACTS_MAX_RAW);
	assert_int_equal(json_object_size(raw), 2);
	json_decref(fact);
	free(text);
}

/* ---- limits and memory ---- */

static void
test_full_buffer(void **state)
{
	WaEvent event = change_event("<add><participant jid=\"22@lid\"/></add>");
	size_t max = 0;
	WaStatus status;

	(void) state;
	do
	{
		buf_free(&out);
		buf_init(&out, test_env(&env), max++);
		assert_true(facts_write(&event, RECEIVED, &out, &status));
		assert_true(status == WA_OK || status == WA_ERR_LIMIT);
		assert_true(max < 4096);
	} while (status != WA_OK);
	assert_int_equal(buf_len(&out), max - 1);
}

static void
test_memory(void **state)
{
	WaEvent event =
		change_event("<create><group id=\"1\"><participant jid=\"22@lid\"/></group></create>"
					 "<teleport/>");
	WaStatus status = WA_ERR_NOMEM;

	(void) state;
	for (size_t n = 1; status != WA_OK; n++)
	{
		WaArena small;
		TestEnv failing;
		WaBuf buf;

		/* the tree lives, what the fact needs runs out */
		test_env_init(&failing);
		failing.fail_at = n;
		arena_init(&small, test_env(&failing), MEMORY);
		buf_init(&buf, test_env(&failing), MEMORY);
		((WaNode *) event.change->node)->arena = &small;
		assert_true(facts_write(&event, RECEIVED, &buf, &status));
		assert_int_equal(status, failing.allocations < n ? WA_OK : WA_ERR_NOMEM);
		buf_free(&buf);
		arena_free(&small);
		assert_int_equal(failing.live, 0);
		assert_true(n < 1000);
	}

	/* the stanza's own limit */
	{
		WaArena small;

		arena_init(&small, test_env(&env), 16);
		((WaNode *) event.change->node)->arena = &small;
		assert_true(facts_write(&event, RECEIVED, &out, &status));
		assert_int_equal(status, WA_ERR_LIMIT);
		arena_free(&small);
	}
}

/* ---- messages ---- */

static void
test_receipt(void **state)
{
	WaReceiptEntry entries[] = {
		{.id = str_from("M1"), .kind = RECEIPT_READ, .at = 1800000000},
		{.id = str_from("M2"), .kind = RECEIPT_RETRY, .at = 1800000000},
	};
	WaReceipt receipt = {
		.chat = str_from("1@g.us"), .type = str_from("read"), .entries = entries, .n_entries = 2};
	WaEvent event = event_of(EVENT_RECEIPT);
	WaStatus status;

	(void) state;
	entries[0].who.lid = str_from("11@lid");
	event.receipt = &receipt;
	assert_fact(&event, "{'fact':'receipt','chat':'1@g.us','type':'read','entries':[{'id':'M1',"
						"'who':{'lid':'11@lid'},'kind':'read','at':1800000000,'by_self':false}]}");

	/* for the client alone */
	receipt.entries++;
	receipt.n_entries--;
	buf_free(&out);
	assert_false(facts_write(&event, RECEIVED, &out, &status));
}

static void
test_history_notice(void **state)
{
	WaHistoryNotice notice = {.media = {.kind = MEDIA_HISTORY,
										.direct_path = str_from("/h"),
										.sha256 = {"\x01\xab", 2},
										.size = 9},
							  .payload = str_from("bytes"),
							  .sync_type = 2,
							  .chunk = 3,
							  .progress = 50};
	WaEvent event = event_of(EVENT_HISTORY_NOTICE);

	(void) state;
	event.history_notice.notice = &notice;
	event.history_notice.id = str_from("N1");
	event.history_notice.at = 1800000000;
	assert_fact(&event, "{'fact':'history_notice','id':'N1','at':1800000000,'sync_type':2,"
						"'chunk':3,'progress':50,'media':{'kind':'history','size':9,"
						"'sha256':'01ab','direct_path':'/h'},'payload':'Ynl0ZXM='}");

	event = event_of(EVENT_IDENTITY_CHANGE);
	event.identity_change.who.lid = str_from("11@lid");
	assert_fact(&event, "{'fact':'identity_change','who':{'lid':'11@lid'}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aliases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_list_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_acts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secrets_are_no_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_megabyte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_raw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history_notice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receipt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
