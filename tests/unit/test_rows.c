/*
 * test_rows.c
 *		Messages as rows and facts.  Every JSON text is read back with jansson,
 *		which refuses what is no JSON or no UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../src/collector/rows.h"
#include "test_env.h"

#define RECEIVED INT64_C(1795456388000042) /* microseconds */
#define SENT 1795456380                    /* seconds */

static TestEnv env;
static WaArena arena;
static RowsContext context;
static Rows rows;

static WaMessageSource source;
static WaMessage content;
static WaMessageNews news;

static WaStr
s(const char *text)
{
	return str_from(text);
}

/* A text from Ann in a group, for the tests to vary. */
static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), ROWS_MAX_MEMORY);
	context = (RowsContext){
		.self = {.pn = s("4900:7@s.whatsapp.net"), .lid = s("900:7@lid")},
		.received_us = RECEIVED,
	};
	source = (WaMessageSource){
		.id = s("3EB0AA"),
		.chat = s("1203@g.us"),
		.sender = s("11:3@lid"),
		.sender_identity = {.lid = s("11@lid"),
							.pn = s("4911@s.whatsapp.net"),
							.push_name = s("Ann")},
		.at = SENT,
		.is_group = true,
	};
	content = (WaMessage){.kind = MESSAGE_TEXT, .field = 1, .body = s("hello")};
	news = (WaMessageNews){.state = MESSAGE_READ,
						   .origin = "live",
						   .source = &source,
						   .content = &content,
						   .plaintext = s("plain")};
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

static void
make_direct(void)
{
	source.chat = s("11@lid");
	source.chat_identity = source.sender_identity;
	source.is_group = false;
}

static const RowsMessage *
row(void)
{
	assert_int_equal(rows_of_news(&arena, &context, &news, &rows), WA_OK);
	assert_true(rows.has_message);
	return &rows.message;
}

static void
assert_nothing(void)
{
	assert_int_equal(rows_of_news(&arena, &context, &news, &rows), WA_OK);
	assert_false(rows.has_message);
	assert_null(rows.facts);
}

static void
assert_text(WaStr got, const char *wanted)
{
	if (!str_equal(got, str_from(wanted)))
		fail_msg("\"%.*s\" is not \"%s\"", (int) got.len, got.data == NULL ? "" : got.data,
				 wanted == NULL ? "(absent)" : wanted);
}

/* Compares JSON with what it should be ('"' written as '), received_at left out. */
static void
assert_json(WaStr got, const char *expected)
{
	char *text = strdup(expected);
	json_error_t error;
	json_t *is = json_loadb(got.data == NULL ? "" : got.data, got.len, 0, &error);
	json_t *wanted;

	if (is == NULL)
		fail_msg("%s in %.*s", error.text, (int) got.len, got.data == NULL ? "" : got.data);
	for (char *c = text; *c != '\0'; c++)
	{
		if (*c == '\'')
			*c = '"';
	}
	wanted = json_loads(text, 0, &error);
	if (wanted == NULL)
		fail_msg("the test's own JSON, column %d: %s", error.column, error.text);
	if (json_object_get(is, "fact") != NULL)
		assert_true(json_is_real(json_object_get(is, "received_at")));
	json_object_del(is, "received_at");
	if (!json_equal(is, wanted))
		fail_msg("%s\n is not %s", json_dumps(is, JSON_SORT_KEYS),
				 json_dumps(wanted, JSON_SORT_KEYS));
	json_decref(is);
	json_decref(wanted);
	free(text);
}

/* The news come to this one fact. */
static void
assert_fact(const char *expected)
{
	assert_int_equal(rows_of_news(&arena, &context, &news, &rows), WA_OK);
	assert_false(rows.has_message);
	assert_non_null(rows.facts);
	assert_null(rows.facts->next);
	assert_json(rows.facts->json, expected);
}

/* ---- rows ---- */

static void
test_text(void **state)
{
	const RowsMessage *message = row();

	(void) state;
	assert_text(message->chat, "1203@g.us");
	assert_text(message->lid, "11@lid");
	assert_text(message->pn, "4911@s.whatsapp.net");
	assert_text(message->name, "Ann");
	assert_text(message->id, "3EB0AA");
	assert_text(message->kind, "text");
	assert_text(message->body, "hello");
	assert_text(message->state, "stored");
	assert_text(message->origin, "live");
	assert_text(message->extra, NULL);
	assert_text(message->raw, NULL);
	assert_text(message->secret, NULL);
	assert_true(message->sent_us == SENT * WA_SECOND);
	assert_true(message->received_us == RECEIVED);
	assert_int_equal(message->flags, 0);
	assert_null(rows.facts);
	assert_int_equal(arena.used, 0); /* the hot path makes nothing */

	context.keep_raw = true;
	assert_text(row()->raw, "plain");
}

static void
test_direct(void **state)
{
	(void) state;
	make_direct();
	assert_text(row()->chat, "11@lid");
	assert_json(rows.message.extra, "{'chat_pn':'4911@s.whatsapp.net'}");

	/* the LID is known though the stanza came from the number */
	source.chat = s("4911@s.whatsapp.net");
	assert_text(row()->chat, "11@lid");

	source.chat_identity.lid = WA_STR_NONE;
	assert_text(row()->chat, "4911@s.whatsapp.net");
	assert_text(rows.message.extra, NULL);

	source.from_me = true;
	assert_int_equal(row()->flags, ROWS_FROM_ME);
}

static void
test_extra(void **state)
{
	WaStr mentions[] = {s("22:4@lid"), s("no jid"), s("4933@c.us")};

	(void) state;
	content.context.quoted.id = s("Q1");
	content.context.quoted.participant = s("4922:1@s.whatsapp.net");
	content.context.mentions = mentions;
	content.context.n_mentions = 3;
	content.context.is_forwarded = true;
	content.context.forwarding_score = 130;
	content.context.expires_in = 86400;
	content.context.mentions_all = true;
	content.flags = MESSAGE_VIEW_ONCE | MESSAGE_GROUP_STATUS;
	source.is_offline = true;
	source.broadcast = s("55@broadcast");
	assert_int_equal(row()->flags, ROWS_VIEW_ONCE | ROWS_FORWARDED | ROWS_EPHEMERAL | ROWS_OFFLINE |
									   ROWS_MENTIONS_ALL | ROWS_BROADCAST | ROWS_GROUP_STATUS);
	assert_json(rows.message.extra,
				"{'quoted':{'id':'Q1','by':{'pn':'4922@s.whatsapp.net'}},"
				"'mentions':['22@lid','4933@s.whatsapp.net'],'forwarding_score':130,"
				"'expires_in':86400,'expires_at':1795542780,"
				"'meta':{'view_once':true,'group_status':true,'mentions_all':true}}");
}

static void
test_media_and_poll(void **state)
{
	WaMedia media = {.kind = MEDIA_IMAGE,
					 .mimetype = s("image/jpeg"),
					 .direct_path = s("/v/1"),
					 .key = s("0123456789abcdef0123456789abcdef"),
					 .thumbnail = s("\xff\xd8"),
					 .size = 77,
					 .width = UINT32_MAX,
					 .height = 3};
	WaPollOption options[] = {{.name = s("yes")}, {.name = s("no")}};
	WaPoll poll = {.options = options, .n_options = 2, .selectable = 1, .ends_at = 1800000000123};

	(void) state;
	memset(options[1].hash, 0xAB, 32);
	content.kind = MESSAGE_IMAGE;
	content.body = WA_STR_NONE;
	content.media = &media;
	assert_text(row()->kind, "image");
	assert_text(rows.message.body, NULL);
	assert_json(rows.message.extra,
				"{'media':{'kind':'image','mimetype':'image/jpeg','size':77,"
				"'direct_path':'/v/1','height':3,"
				"'key':'3031323334353637383961626364656630313233343536373839616263646566',"
				"'thumbnail':'/9g='},"
				"'meta':{'media':{'kind':'image','mimetype':'image/jpeg','size':77,"
				"'width':4294967295,'height':3}}}");

	content = (WaMessage){.kind = MESSAGE_POLL, .body = s("well?"), .poll = &poll};
	content.secret = s("0123456789abcdef0123456789abcdef");
	assert_text(row()->kind, "poll");
	assert_text(rows.message.secret, "0123456789abcdef0123456789abcdef");
	assert_non_null(strstr(
		rows.message.extra.data,
		"\"poll\":{\"options\":[{\"name\":\"yes\",\"hash\":\"00000000000000000000000000000000"
		"00000000000000000000000000000000\"},{\"name\":\"no\",\"hash\":\"abababababababab"));
	assert_non_null(strstr(rows.message.extra.data, "\"selectable\":1,\"ends_at\":1800000000}"));
}

static void
test_unread(void **state)
{
	(void) state;
	news.state = MESSAGE_PENDING;
	news.content = NULL;
	news.plaintext = WA_STR_NONE;
	news.trouble = "no_session";
	news.attempts = 2;
	news.phone_asked = true;
	source.hide_failure = true;
	assert_text(row()->state, "pending");
	assert_text(rows.message.kind, NULL);
	assert_text(rows.message.body, NULL);
	assert_int_equal(rows.message.flags, ROWS_HIDE);
	assert_json(rows.message.extra, "{'trouble':'no_session','attempts':2,'phone_asked':true}");

	news.state = MESSAGE_UNAVAILABLE;
	news.trouble = "view_once";
	news.phone_asked = false;
	source.hide_failure = false;
	assert_text(row()->state, "unavailable");
	assert_json(rows.message.extra, "{'trouble':'view_once'}");
}

/* What a peer may send to do harm. */
static void
test_hostile(void **state)
{
	char *long_text = malloc(ROWS_MAX_BODY + 10);
	char nul[] = "a\0b";

	(void) state;
	content.body = (WaStr){nul, 3};
	assert_text(row()->body, "a\xEF\xBF\xBD"
							 "b");
	content.body = s("\xC3(\xF0\x9F\x98\x80");
	assert_text(row()->body, "\xEF\xBF\xBD(\xF0\x9F\x98\x80");

	/* cut between characters */
	memset(long_text, 'x', ROWS_MAX_BODY + 10);
	memcpy(long_text + ROWS_MAX_BODY - 1, "\xC3\xA4", 2);
	content.body = (WaStr){long_text, ROWS_MAX_BODY + 10};
	assert_int_equal(row()->body.len, ROWS_MAX_BODY - 1);
	source.id = (WaStr){long_text, 1000};
	assert_int_equal(row()->id.len, ROWS_MAX_ID);
	free(long_text);

	/* times: unknown, before the world, after tomorrow */
	source.id = s("1");
	content.body = s("");
	assert_text(row()->body, NULL);
	source.at = 0;
	assert_true(row()->sent_us == RECEIVED);
	source.at = -5;
	assert_true(row()->sent_us == RECEIVED);
	source.at = SENT + 3 * 86400;
	assert_true(row()->sent_us == RECEIVED);
	source.at = SENT + 60;
	assert_true(row()->sent_us == (SENT + 60) * WA_SECOND);

	/* what was refused leaves a trace without content */
	content = (WaMessage){.kind = MESSAGE_NONE, .refusal = "not yours"};
	assert_text(row()->kind, "unknown");
	assert_json(rows.message.extra, "{'meta':{'refusal':'not yours'}}");
}

static void
test_nothing(void **state)
{
	WaProtocol protocol = {.type = PROTOCOL_APP_STATE_KEYS};

	(void) state;
	content.kind = MESSAGE_NONE; /* a sender key only */
	assert_nothing();
	content = (WaMessage){.kind = MESSAGE_PROTOCOL, .protocol = &protocol};
	assert_nothing();
	content = (WaMessage){.kind = MESSAGE_TEXT, .body = s("hello")};
	source.chat = s("status@broadcast");
	assert_nothing();
	source.chat = s("120363@newsletter");
	assert_nothing();
	source.chat = s("900@lid");
	source.from_me = source.scope.from_self = source.scope.peer = true;
	assert_nothing();
	news.state = MESSAGE_PENDING;
	news.content = NULL;
	assert_nothing();
}

/* ---- facts ---- */

#define SAID                                                                                       \
	"'chat':'1203@g.us','from':{'lid':'11@lid','pn':'4911@s.whatsapp.net','push_name':'Ann'},"     \
	"'from_me':false,'id':'3EB0AA','origin':'live',"

static void
test_reaction(void **state)
{
	(void) state;
	content = (WaMessage){.kind = MESSAGE_REACTION, .body = s("+1"), .at_ms = 1795456379500};
	content.target.id = s("T1");
	content.target.participant = s("22:9@lid");
	assert_fact("{'fact':'reaction'," SAID "'at':1795456379.5,"
				"'target':{'id':'T1','by':{'lid':'22@lid'},'from_me':false},'text':'+1'}");

	/* his own, and its time is nonsense */
	content.target.participant = s("4911@s.whatsapp.net");
	content.at_ms = (SENT + 86400 * 5) * INT64_C(1000);
	content.body = WA_STR_NONE;
	assert_fact("{'fact':'reaction'," SAID "'at':1795456380.0,"
				"'target':{'id':'T1','by':{'lid':'11@lid','pn':'4911@s.whatsapp.net'},"
				"'from_me':false},'text':''}");

	/* the bot's */
	content.target.participant = s("4900@s.whatsapp.net");
	assert_fact("{'fact':'reaction'," SAID "'at':1795456380.0,"
				"'target':{'id':'T1','by':{'lid':'900@lid','pn':'4900@s.whatsapp.net'},"
				"'from_me':true},'text':''}");
}

/* In a direct chat the key says only whether its writer wrote the message. */
static void
test_direct_target(void **state)
{
#define DIRECT                                                                                     \
	"{'fact':'reaction','chat':'11@lid','chat_pn':'4911@s.whatsapp.net','id':'3EB0AA',"            \
	"'origin':'live','at':1795456380.0,'text':'x',"
#define ANN "{'lid':'11@lid','pn':'4911@s.whatsapp.net','push_name':'Ann'}"
#define BOT "{'lid':'900@lid','pn':'4900@s.whatsapp.net'}"
#define ANN_AUTHOR "{'lid':'11@lid','pn':'4911@s.whatsapp.net'}"

	(void) state;
	make_direct();
	content = (WaMessage){.kind = MESSAGE_REACTION, .body = s("x")};
	content.target.id = s("T1");
	assert_fact(DIRECT "'from':" ANN ",'from_me':false,"
					   "'target':{'id':'T1','by':" BOT ",'from_me':true}}");
	content.target.from_me = true;
	assert_fact(DIRECT "'from':" ANN ",'from_me':false,"
					   "'target':{'id':'T1','by':" ANN_AUTHOR ",'from_me':false}}");

	/* from another own device */
	source.from_me = true;
	source.sender_identity = (WaIdentity){.lid = s("900@lid"), .pn = s("4900@s.whatsapp.net")};
	assert_fact(DIRECT "'from':" BOT ",'from_me':true,"
					   "'target':{'id':'T1','by':" BOT ",'from_me':true}}");
	content.target.from_me = false;
	assert_fact(DIRECT "'from':" BOT ",'from_me':true,"
					   "'target':{'id':'T1','by':" ANN_AUTHOR ",'from_me':false}}");
}

/* Nobody edits or takes back what somebody else wrote, whatever the key claims. */
static void
test_edit_and_revoke(void **state)
{
	WaMessage edited = {.kind = MESSAGE_TEXT, .body = s("better")};
	WaProtocol protocol = {.type = PROTOCOL_EDIT, .edited = &edited, .at_ms = 1795456379000};

	(void) state;
	content = (WaMessage){.kind = MESSAGE_PROTOCOL, .protocol = &protocol};
	content.target.id = s("T1");
	content.target.participant = s("22@lid");
	assert_fact("{'fact':'edit'," SAID "'at':1795456379.0,"
				"'target':{'id':'T1','by':{'lid':'11@lid','pn':'4911@s.whatsapp.net'},"
				"'from_me':false},'kind':'text','body':'better'}");

	protocol.type = PROTOCOL_REVOKE;
	assert_fact("{'fact':'revoke'," SAID "'at':1795456380.0,"
				"'target':{'id':'T1','by':{'lid':'11@lid','pn':'4911@s.whatsapp.net'},"
				"'from_me':false},'by_admin':false}");
	source.edit = MESSAGE_EDIT_ADMIN_REVOKE;
	assert_fact("{'fact':'revoke'," SAID "'at':1795456380.0,"
				"'target':{'id':'T1','by':{'lid':'22@lid'},'from_me':false},'by_admin':true}");
}

static void
test_settings(void **state)
{
	WaProtocol protocol = {
		.type = PROTOCOL_MEMBER_LABEL, .member_label = s("boss"), .member_label_at = SENT - 1};

	(void) state;
	content = (WaMessage){.kind = MESSAGE_PROTOCOL, .protocol = &protocol};
	assert_fact("{'fact':'member_label'," SAID "'at':1795456379.0,'label':'boss'}");

	make_direct();
	protocol = (WaProtocol){.type = PROTOCOL_EPHEMERAL_SETTING, .expires_in = 604800};
	assert_fact("{'fact':'chat','chat':'11@lid','chat_pn':'4911@s.whatsapp.net',"
				"'ephemeral_seconds':604800,'source':'live','at':1795456380.0}");

	/* of a kind that nobody knows: kept */
	protocol.type = 99;
	assert_text(row()->kind, "protocol");
}

static void
test_addon(void **state)
{
	WaAddon addon = {.kind = ADDON_POLL_VOTE, .payload = s("cipher"), .iv = s("iv")};
	WaStr selected[] = {s("0123456789abcdef0123456789abcdef")};
	WaAddonContent opened = {.kind = ADDON_POLL_VOTE, .selected = selected, .n_selected = 1};
	RowsAddon kept = {.addon_id = 5,
					  .chat = s("1203@g.us"),
					  .target_id = s("P1"),
					  .target_by = {.lid = s("900@lid")},
					  .from = {.lid = s("11@lid")},
					  .id = s("V1"),
					  .at_us = SENT * WA_SECOND};
	WaMessage comment = {.kind = MESSAGE_TEXT, .body = s("indeed")};

	(void) state;
	content = (WaMessage){.kind = MESSAGE_ADDON, .addon = &addon};
	assert_nothing(); /* speaks of no message */
	content.target.id = s("P1");
	assert_fact("{'fact':'addon'," SAID "'at':1795456380.0,"
				"'target':{'id':'P1','from_me':false},'addon_kind':'poll_vote',"
				"'payload':'Y2lwaGVy','iv':'aXY='}");

	assert_int_equal(rows_of_addon(&arena, &context, &kept, &opened, &rows), WA_OK);
	assert_json(rows.facts->json,
				"{'fact':'vote','chat':'1203@g.us','from':{'lid':'11@lid'},'from_me':false,"
				"'at':1795456380.0,'id':'V1','origin':'live','addon_id':5,"
				"'target':{'id':'P1','by':{'lid':'900@lid'}},'hashes':"
				"['3031323334353637383961626364656630313233343536373839616263646566']}");

	opened = (WaAddonContent){.kind = ADDON_COMMENT, .message = &comment};
	assert_int_equal(rows_of_addon(&arena, &context, &kept, &opened, &rows), WA_OK);
	assert_true(rows.has_message);
	assert_text(rows.message.kind, "comment");
	assert_text(rows.message.body, "indeed");
	assert_json(rows.facts->json, "{'fact':'people','addon_id':5,'people':[]}");
	assert_non_null(strstr(rows.message.extra.data, "\"parent\":{\"id\":\"P1\""));
}

/* ---- history ---- */

static WaHistoryMessage old;
static WaHistoryEvent event;

static void
make_history(const char *chat)
{
	old = (WaHistoryMessage){
		.key = {.chat = s(chat), .id = s("HM1")},
		.at = SENT - 86400,
		.content = &content,
	};
	event = (WaHistoryEvent){.kind = HISTORY_MESSAGE, .chat = s(chat), .message = &old};
}

static void
test_history_message(void **state)
{
	WaHistoryReaction reaction = {.by = s("33@lid"), .text = s("!"), .at_ms = 1795370000000};
	WaHistoryReceipt receipt = {.by = s("33@lid"), .delivered_at = SENT - 9, .read_at = SENT - 8};

	(void) state;
	make_history("1203@g.us");
	old.sender = s("22:1@lid");
	old.push_name = s("Bob");
	old.secret = s("0123456789abcdef0123456789abcdef");
	old.starred = true;
	old.reactions = &reaction;
	old.n_reactions = 1;
	old.receipts = &receipt;
	old.n_receipts = 1;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_true(rows.has_message);
	assert_text(rows.message.chat, "1203@g.us");
	assert_text(rows.message.lid, "22@lid");
	assert_text(rows.message.name, "Bob");
	assert_text(rows.message.origin, "history");
	assert_text(rows.message.body, "hello");
	assert_text(rows.message.secret, "0123456789abcdef0123456789abcdef");
	assert_true(rows.message.sent_us == (SENT - 86400) * WA_SECOND);
	assert_int_equal(rows.message.flags, ROWS_STARRED);
	assert_json(rows.facts->json,
				"{'fact':'reaction','chat':'1203@g.us','from':{'lid':'33@lid'},'from_me':false,"
				"'at':1795370000.0,'origin':'history','text':'!',"
				"'target':{'id':'HM1','by':{'lid':'22@lid'},'from_me':false}}");
	assert_json(rows.facts->next->json,
				"{'fact':'receipt','chat':'1203@g.us','type':'history','entries':["
				"{'id':'HM1','who':{'lid':'33@lid'},'kind':'delivered','at':1795456371,"
				"'by_self':false},{'id':'HM1','who':{'lid':'33@lid'},'kind':'read',"
				"'at':1795456372,'by_self':false}]}");
	assert_null(rows.facts->next->next);
}

static void
test_history_direct(void **state)
{
	WaHistoryVote vote = {.id = s("V1"), .at_ms = 1795370000000};

	(void) state;
	make_history("22@lid");
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_text(rows.message.lid, "22@lid");
	assert_int_equal(rows.message.flags, 0);

	old.key.from_me = true;
	old.votes = &vote;
	old.n_votes = 1;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_text(rows.message.chat, "22@lid");
	assert_text(rows.message.lid, "900@lid");
	assert_int_equal(rows.message.flags, ROWS_FROM_ME);
	assert_json(rows.facts->json,
				"{'fact':'vote','chat':'22@lid','from':{'lid':'22@lid'},'from_me':false,"
				"'at':1795370000.0,'id':'V1','origin':'history','hashes':[],"
				"'target':{'id':'HM1','by':{'lid':'900@lid','pn':'4900@s.whatsapp.net'},"
				"'from_me':true}}");
}

static void
test_history_change(void **state)
{
	WaStr targets[] = {s("33@lid")};
	WaHistoryChange change = {
		.kind = "add", .reason = "invite", .targets = targets, .n_targets = 1};

	(void) state;
	make_history("1203@g.us");
	old.content = NULL;
	old.change = &change;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_false(rows.has_message);
	assert_json(rows.facts->json,
				"{'fact':'history_change','group':'1203@g.us','kind':'add','reason':'invite',"
				"'targets':[{'lid':'33@lid'}],'at':1795369980.0,'id':'HM1'}");

	/* its owner did it */
	old.key.from_me = true;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_json(rows.facts->json,
				"{'fact':'history_change','group':'1203@g.us','kind':'add','reason':'invite',"
				"'actor':{'lid':'900@lid','pn':'4900@s.whatsapp.net'},"
				"'targets':[{'lid':'33@lid'}],'at':1795369980.0,'id':'HM1'}");
	old.key.from_me = false;

	/* a note of the phone to its owner, and what was taken back */
	old.change = NULL;
	old.stub_type = 39;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_false(rows.has_message);
	assert_null(rows.facts);
	old.stub_type = 1;
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_text(rows.message.state, "unavailable");
	assert_non_null(strstr(rows.facts->json.data, "\"fact\":\"revoke\""));
}

static void
test_history_chat(void **state)
{
	WaHistoryConversation conversation = {.id = s("4922@s.whatsapp.net"),
										  .lid = s("22@lid"),
										  .name = s("Bob"),
										  .unread = 2,
										  .pinned = 1,
										  .expires_in = 60,
										  .last_message_at = SENT};
	WaHistoryLeaver leaver = {.who = s("44@lid"), .was_removed = true, .at = SENT};

	(void) state;
	event = (WaHistoryEvent){.kind = HISTORY_CONVERSATION, .conversation = &conversation};
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_json(rows.facts->json, "{'fact':'aliases','source':'history','pairs':[{'lid':'22@lid',"
								  "'pn':'4922@s.whatsapp.net','authoritative':false}]}");
	assert_json(rows.facts->next->json,
				"{'fact':'chat','chat':'22@lid','chat_pn':'4922@s.whatsapp.net','name':'Bob',"
				"'ephemeral_seconds':60,'archived':false,'pinned':true,'unread':2,"
				"'source':'history','at':1795456380}");

	event = (WaHistoryEvent){
		.kind = HISTORY_LEAVERS, .chat = s("1203@g.us"), .leavers = &leaver, .n_leavers = 1};
	assert_int_equal(rows_of_history(&arena, &context, &event, &rows), WA_OK);
	assert_json(rows.facts->json,
				"{'fact':'past_members','group':'1203@g.us','leavers':[{'who':{'lid':'44@lid'},"
				"'removed':true,'at':1795456380}]}");
}

/* Memory that ends anywhere is told, and nothing half is given out. */
static void
test_no_memory(void **state)
{
	WaStatus status = WA_ERR_NOMEM;

	(void) state;
	make_direct();
	content.context.quoted.id = s("Q1");
	for (size_t n = 1; status != WA_OK; n++)
	{
		env.allocations = 0;
		env.fail_at = n;
		status = rows_of_news(&arena, &context, &news, &rows);
		assert_int_equal(rows.has_message, status == WA_OK);
		assert_true(status == WA_OK || status == WA_ERR_NOMEM);
		arena_free(&arena);
		assert_true(n < 100);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_direct),
		TEST(test_extra),
		TEST(test_media_and_poll),
		TEST(test_unread),
		TEST(test_hostile),
		TEST(test_nothing),
		TEST(test_reaction),
		TEST(test_direct_target),
		TEST(test_edit_and_revoke),
		TEST(test_settings),
		TEST(test_addon),
		TEST(test_history_message),
		TEST(test_history_direct),
		TEST(test_history_change),
		TEST(test_history_chat),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
