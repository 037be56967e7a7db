/*
 * test_message_content.c
 *		Every kind of content, from what Baileys writes.
 */
#include "addon.h"
#include "check.h"
#include "message.h"

#include "../vectors/message_vectors.h"

#include <stdlib.h>

static uint8_t bytes[8192];
static TestEnv env;
static WaArena arena;

static int
set_up(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 16 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live != 0;
}

static WaMessage
decode(const char *hex)
{
	static const WaMessageScope nobody;
	WaMessage out;
	size_t len = test_hex(hex, bytes, sizeof(bytes));

	assert_int_equal(message_decode(&arena, (WaStr){(char *) bytes, len}, &nobody, &out), WA_OK);
	assert_null(out.refusal);
	return out;
}

static void
assert_json(const WaMessage *message, const char *expected)
{
	check_str(message_to_json(&arena, message), expected);
}

static void
assert_target(const WaMessage *message)
{
	check_str(message->target.id, "3EB0TARGET");
	check_str(message->target.chat, "120363000000000001@g.us");
	check_str(message->target.participant, "111@lid");
	assert_false(message->target.from_me);
}

static void
text(void **state)
{
	WaMessage out = decode(VECTOR_TEXT_PLAIN);
	WaMessage quoted;

	(void) state;
	assert_int_equal(out.kind, MESSAGE_TEXT);
	assert_int_equal(out.field, 1);
	check_str(out.body, "hello");
	assert_json(&out, "{}");

	out = decode(VECTOR_TEXT_EXTENDED);
	assert_int_equal(out.kind, MESSAGE_TEXT);
	check_str(out.body, "see https://x.example @111");
	check_str(out.matched, "https://x.example");
	assert_int_equal(out.secret.len, 32);
	check_str(out.context.quoted.id, "QUOTED1");
	check_str(out.context.quoted.participant, "222@lid");
	check_str(out.context.quoted.chat, "120363000000000001@g.us");
	assert_int_equal(out.context.n_mentions, 2);
	check_str(out.context.mentions[0], "111@lid");
	check_str(out.context.mentions[1], "4917@s.whatsapp.net");
	assert_true(out.context.is_forwarded);
	assert_int_equal(out.context.forwarding_score, 128);
	assert_int_equal(out.context.expires_in, 86400);
	assert_int_equal(out.context.ephemeral_setting_at, 1700000000);
	assert_json(&out, "{\"title\":\"X\",\"description\":\"about X\","
					  "\"matched_text\":\"https://x.example\","
					  "\"group_mentions\":[{\"group\":\"1@g.us\",\"subject\":\"G\"}],"
					  "\"newsletter\":\"9@newsletter\",\"newsletter_name\":\"News\","
					  "\"newsletter_server_id\":7}");
	assert_int_equal(
		message_decode(&arena, out.context.quoted_message, &(WaMessageScope){0}, &quoted), WA_OK);
	check_str(quoted.body, "before");
}

static void
image(void **state)
{
	WaMessage out = decode(VECTOR_IMAGE);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_IMAGE);
	assert_int_equal(out.flags, MESSAGE_VIEW_ONCE);
	check_str(out.body, "a caption");
	assert_int_equal(out.media->kind, MEDIA_IMAGE);
	check_str(out.media->mimetype, "image/jpeg");
	check_str(out.media->url, "https://mmg.whatsapp.net/a");
	check_str(out.media->direct_path, "/v/t62?x=1");
	assert_int_equal(out.media->size, 12345);
	assert_int_equal(out.media->width, 640);
	assert_int_equal(out.media->height, 480);
	assert_int_equal(out.media->key_at, 1700000001);
	assert_int_equal((uint8_t) out.media->sha256.data[31], 1);
	assert_int_equal((uint8_t) out.media->key.data[31], 2);
	assert_int_equal((uint8_t) out.media->enc_sha256.data[31], 3);
	check_hex(out.media->thumbnail.data, out.media->thumbnail.len, "09090909");
	assert_json(&out, "{\"view_once\":true,\"media\":{\"kind\":\"image\","
					  "\"mimetype\":\"image/jpeg\",\"size\":12345,\"width\":640,"
					  "\"height\":480}}");
}

static void
other_attachments(void **state)
{
	WaMessage out = decode(VECTOR_VIDEO_NOTE);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_VIDEO_NOTE);
	assert_int_equal(out.media->seconds, 9);
	check_str(out.context.quoted.id, "Q");
	out = decode(VECTOR_GIF);
	assert_int_equal(out.kind, MESSAGE_GIF);
	check_str(out.body, "ha");
	check_str(out.media->key, NULL);
	out = decode(VECTOR_VOICE);
	assert_int_equal(out.kind, MESSAGE_VOICE);
	assert_int_equal(out.media->kind, MEDIA_AUDIO);
	check_hex(out.media->waveform.data, out.media->waveform.len, "070707");
	out = decode(VECTOR_DOCUMENT);
	assert_int_equal(out.kind, MESSAGE_DOCUMENT);
	assert_int_equal(out.flags, 0);
	check_str(out.body, "read");
	check_str(out.title, "Report");
	check_str(out.media->file_name, "r.pdf");
	assert_int_equal(out.media->pages, 3);
	out = decode(VECTOR_STICKER);
	assert_int_equal(out.kind, MESSAGE_STICKER);
	assert_int_equal(out.flags, MESSAGE_ANIMATED);
	out = decode(VECTOR_GROUP_HISTORY);
	assert_int_equal(out.kind, MESSAGE_GROUP_HISTORY);
	assert_int_equal(out.media->kind, MEDIA_GROUP_HISTORY);
	assert_int_equal(out.n_receivers, 1);
	check_str(out.receivers[0], "333@lid");
}

static void
places_and_contacts(void **state)
{
	WaMessage out = decode(VECTOR_LOCATION);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_LOCATION);
	check_str(out.body, "come");
	assert_true(out.location->has_position);
	assert_json(&out, "{\"location\":{\"latitude\":52.500000,\"longitude\":-13.250000,"
					  "\"name\":\"Here\",\"address\":\"Street 1\",\"accuracy_metres\":12}}");
	out = decode(VECTOR_LIVE);
	assert_int_equal(out.kind, MESSAGE_LIVE_LOCATION);
	check_str(out.body, "on my way");
	assert_int_equal(out.location->sequence, 42);
	/* a latitude that is no number */
	out = decode("2a12"
				 "09000000000000f87f"
				 "110000000000000040");
	assert_false(out.location->has_position);
	out = decode(VECTOR_CONTACT);
	assert_int_equal(out.kind, MESSAGE_CONTACTS);
	assert_int_equal(out.n_contacts, 1);
	check_str(out.contacts[0].vcard, "BEGIN:VCARD");
	out = decode(VECTOR_CONTACTS);
	assert_int_equal(out.n_contacts, 2);
	check_str(out.title, "two");
	check_str(out.contacts[1].name, "Bob");
}

static void
about_other_messages(void **state)
{
	WaMessage out = decode(VECTOR_REACTION);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_REACTION);
	assert_target(&out);
	check_str(out.body, "\xF0\x9F\x91\x8D");
	assert_int_equal(out.at_ms, 1700000002123);
	out = decode(VECTOR_REACTION_REMOVED);
	check_str(out.body, "");
	out = decode(VECTOR_PIN);
	assert_int_equal(out.kind, MESSAGE_PIN);
	assert_target(&out);
	assert_int_equal(out.action, 1);
	out = decode(VECTOR_KEEP);
	assert_int_equal(out.kind, MESSAGE_KEEP);
	assert_int_equal(out.action, 2);
	assert_int_equal(out.at_ms, 1700000004000);
	out = decode(VECTOR_COMMENT);
	assert_int_equal(out.kind, MESSAGE_COMMENT);
	assert_target(&out);
	check_str(out.body, "well said");
	assert_int_equal(out.comment->kind, MESSAGE_TEXT);
	out = decode(VECTOR_ALBUM);
	assert_int_equal(out.album_images, 3);
	assert_int_equal(out.album_videos, 1);
	out = decode(VECTOR_ALBUM_CHILD);
	assert_int_equal(out.kind, MESSAGE_IMAGE);
	assert_int_equal(out.association, 1);
	check_str(out.parent.id, "3EB0TARGET");
}

static void
protocol_messages(void **state)
{
	WaMessage out = decode(VECTOR_REVOKE);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_PROTOCOL);
	assert_int_equal(out.protocol->type, PROTOCOL_REVOKE);
	assert_target(&out);
	out = decode(VECTOR_EDIT);
	assert_int_equal(out.protocol->type, PROTOCOL_EDIT);
	assert_int_equal(out.flags, MESSAGE_EDITED);
	assert_target(&out);
	assert_int_equal(out.at_ms, 1700000005000);
	assert_int_equal(out.protocol->edited->kind, MESSAGE_TEXT);
	check_str(out.protocol->edited->body, "corrected");
	out = decode(VECTOR_EPHEMERAL_SETTING);
	assert_int_equal(out.protocol->expires_in, 604800);
	assert_int_equal(out.protocol->ephemeral_setting_at, 1700000006);
	out = decode(VECTOR_MEMBER_LABEL);
	check_str(out.protocol->member_label, "Boss");
	assert_json(&out, "{\"protocol_type\":30,\"label\":\"Boss\"}");
	out = decode(VECTOR_SENDER_KEY);
	assert_int_equal(out.kind, MESSAGE_NONE);
	check_str(out.sender_key_group, "1@g.us");
	check_hex(out.sender_key.data, out.sender_key.len, "3333333333");
}

static void
polls_events_invitations_calls(void **state)
{
	WaMessage out = decode(VECTOR_POLL);

	(void) state;
	assert_int_equal(out.kind, MESSAGE_POLL);
	check_str(out.body, "Lunch?");
	assert_int_equal(out.poll->n_options, 2);
	check_str(out.poll->options[1].name, "Soup");
	assert_int_equal(out.poll->selectable, 1);
	assert_int_equal((uint8_t) out.secret.data[0], 0x11);
	out = decode(VECTOR_EVENT);
	assert_int_equal(out.kind, MESSAGE_EVENT);
	check_str(out.title, "Party");
	assert_int_equal(out.event->starts_at, 1800000000);
	assert_true(out.event->is_cancelled);
	assert_json(&out, "{\"title\":\"Party\",\"event\":{\"description\":\"all come\","
					  "\"join_link\":\"https://call.example\",\"starts_at\":1800000000,"
					  "\"ends_at\":1800003600,\"cancelled\":true,\"location\":{"
					  "\"latitude\":1.000000,\"longitude\":2.000000,\"name\":\"Roof\"}}}");
	out = decode(VECTOR_INVITE);
	assert_int_equal(out.kind, MESSAGE_GROUP_INVITE);
	check_str(out.body, "join us");
	assert_json(&out, "{\"invite\":{\"jid\":\"5@g.us\",\"name\":\"Five\",\"code\":\"CODE\","
					  "\"expires_at\":1800000000,\"community\":true}}");
	out = decode(VECTOR_CALL);
	assert_int_equal(out.kind, MESSAGE_CALL);
	assert_int_equal(out.call->seconds, 61);
	assert_int_equal(out.call->n_participants, 1);
	check_str(out.call->participants[0], "111@lid");
	assert_int_equal(out.call->outcomes[0], 1);
}

static void
what_businesses_send(void **state)
{
	static const struct
	{
		const char *hex;
		WaMessageKind kind;
		const char *body;
		const char *title;
		const char *selected;
	} cases[] = {
		{VECTOR_BUTTONS_REPLY, MESSAGE_BUSINESS_REPLY, "Yes", NULL, "b1"},
		{VECTOR_LIST_REPLY, MESSAGE_BUSINESS_REPLY, "Chosen", NULL, "row9"},
		{VECTOR_TEMPLATE, MESSAGE_BUSINESS, "Dear customer", "Shop", NULL},
		{VECTOR_INTERACTIVE, MESSAGE_BUSINESS, "pick one", "Menu", NULL},
		{VECTOR_PRODUCT, MESSAGE_PRODUCT, "nice shoes", NULL, NULL},
		{VECTOR_ORDER, MESSAGE_ORDER, "two shoes", "Order 1", NULL},
		{VECTOR_PAYMENT, MESSAGE_PAYMENT, NULL, NULL, NULL},
		{VECTOR_NEWSLETTER_INVITE, MESSAGE_NEWSLETTER_INVITE, "be admin", "News", NULL},
		{VECTOR_PLACEHOLDER, MESSAGE_MASKED, NULL, NULL, NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaMessage out = decode(cases[i].hex);

		assert_int_equal(out.kind, cases[i].kind);
		check_str(out.body, cases[i].body);
		check_str(out.title, cases[i].title);
		check_str(out.selected_id, cases[i].selected);
	}
	check_str(decode(VECTOR_BUTTONS_REPLY).context.quoted.id, "Q2");
}

/* ---- add-ons ---- */

static const char secret[32] = {17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
								17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17};

static WaAddonParties
parties(void)
{
	return (WaAddonParties){
		.secret = {secret, 32},
		.original_id = str_from("3EB0TARGET"),
		.original_by = {.lid = str_from("111@lid"), .pn = str_from("4917@s.whatsapp.net")},
		.sender = {.lid = str_from("222@lid"), .pn = str_from("4918@s.whatsapp.net")},
	};
}

static void
votes_and_responses(void **state)
{
	WaAddonParties who = parties();
	WaMessage out = decode(VECTOR_VOTE);
	WaAddonContent content;

	(void) state;
	assert_int_equal(out.kind, MESSAGE_ADDON);
	assert_int_equal(out.addon->kind, ADDON_POLL_VOTE);
	assert_target(&out);
	assert_int_equal(addon_open(&arena, out.addon, &who, &content), WA_OK);
	assert_int_equal(content.n_selected, 1);
	assert_memory_equal(content.selected[0].data, decode(VECTOR_POLL).poll->options[1].hash, 32);

	out = decode(VECTOR_EVENT_RESPONSE); /* made with the author's phone number */
	assert_int_equal(addon_open(&arena, out.addon, &who, &content), WA_OK);
	assert_int_equal(content.response, 1);
	assert_int_equal(content.extra_guests, 2);
	assert_int_equal(content.at_ms, 1700000011000);

	out = decode(VECTOR_ENC_REACTION); /* and with the sender's */
	assert_int_equal(addon_open(&arena, out.addon, &who, &content), WA_OK);
	check_str(content.reaction, "!");

	out = decode(VECTOR_SECRET_EDIT);
	assert_int_equal(out.addon->kind, ADDON_MESSAGE_EDIT);
	assert_json(&out, "{\"target\":{\"id\":\"3EB0TARGET\",\"chat\":\"120363000000000001@g.us\","
					  "\"participant\":\"111@lid\"},\"addon\":\"message_edit\"}");
	who.sender = who.original_by;
	assert_int_equal(addon_open(&arena, out.addon, &who, &content), WA_OK);
	check_str(content.message->body, "edited in secret");
}

static void
addons_that_do_not_open(void **state)
{
	WaAddonParties who = parties();
	WaMessage out = decode(VECTOR_VOTE);
	WaAddon addon = *out.addon;
	WaAddonContent content;

	(void) state;
	who.sender.lid = str_from("223@lid"); /* somebody else's vote */
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_CRYPTO);
	who = parties();
	who.sender = (WaIdentity){0};
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_ARGUMENT);
	who = parties();
	who.secret.len = 31;
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_ARGUMENT);
	who = parties();
	addon.iv.len = 11;
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_MALFORMED);
	addon = *out.addon;
	addon.payload.len = 15;
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_MALFORMED);
	addon = *out.addon;
	addon.kind = ADDON_UNKNOWN;
	assert_int_equal(addon_open(&arena, &addon, &who, &content), WA_ERR_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text),
		TEST(image),
		TEST(other_attachments),
		TEST(places_and_contacts),
		TEST(about_other_messages),
		TEST(protocol_messages),
		TEST(polls_events_invitations_calls),
		TEST(what_businesses_send),
		TEST(votes_and_responses),
		TEST(addons_that_do_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
