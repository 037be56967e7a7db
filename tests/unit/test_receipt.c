/*
 * test_receipt.c
 *		Receipts, single, with a list, and grouped.
 */
#include "check.h"
#include "receipt.h"
#include "stanza.h"

static const WaSelf self = {{"4900:3@s.whatsapp.net", 21}, {"900:3@lid", 9}};
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

static WaReceipt
read_receipt(const char *xml)
{
	WaReceipt out;

	assert_int_equal(receipt_read(stanza(&arena, xml), &self, &out), WA_OK);
	return out;
}

static void
single(void **state)
{
	WaReceipt out = read_receipt("<receipt id=\"A\" from=\"1@g.us\" participant=\"222:5@lid\""
								 " participant_pn=\"4922@s.whatsapp.net\" t=\"1700000000\""
								 " type=\"read\"><list><item id=\"B\"/><item id=\"C\"/></list>"
								 "</receipt>");

	(void) state;
	assert_str(out.chat, "1@g.us");
	assert_int_equal(out.n_entries, 3);
	assert_str(out.entries[0].id, "A");
	assert_str(out.entries[2].id, "C");
	assert_str(out.entries[2].device, "222:5@lid");
	assert_str(out.entries[2].who.pn, "4922@s.whatsapp.net");
	assert_int_equal(out.entries[2].kind, RECEIPT_READ);
	assert_int_equal(out.entries[2].at, 1700000000);
	assert_false(out.entries[2].by_self);
}

static void
kinds(void **state)
{
	static const struct
	{
		const char *xml;
		WaReceiptKind kind;
	} cases[] = {
		{"<receipt id=\"A\" from=\"2@lid\"/>", RECEIPT_DELIVERED},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"inactive\"/>", RECEIPT_DELIVERED},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"played\"/>", RECEIPT_PLAYED},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"retry\"/>", RECEIPT_RETRY},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"server-error\"/>", RECEIPT_REUPLOAD},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"sender\"/>", RECEIPT_SENDER},
		{"<receipt id=\"A\" from=\"2@lid\" type=\"hist_sync\"/>", RECEIPT_OTHER},
		{"<receipt id=\"A\" from=\"2@lid\"><error type=\"feature-incapable\"/></receipt>",
		 RECEIPT_REFUSED},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_receipt(cases[i].xml).entries[0].kind, cases[i].kind);
	assert_string_equal(receipt_kind_name(RECEIPT_PLAYED), "played");
}

static void
read_by_an_own_device(void **state)
{
	WaReceipt out = read_receipt("<receipt id=\"A\" from=\"900:1@lid\" recipient=\"222@lid\""
								 " type=\"read-self\"/>");

	(void) state;
	assert_str(out.chat, "222@lid");
	assert_true(out.entries[0].by_self);
	out = read_receipt("<receipt id=\"A\" from=\"1@g.us\" participant=\"4900@s.whatsapp.net\""
					   " recipient=\"222@lid\" type=\"read\"/>");
	assert_str(out.chat, "1@g.us");
	assert_str(out.author, "222@lid");
	assert_true(out.entries[0].by_self);
}

static void
grouped(void **state)
{
	WaReceipt out = read_receipt(
		"<receipt id=\"X\" from=\"1@g.us\" type=\"read\" t=\"5\">"
		"<participants key=\"M1\"><user jid=\"222@lid\" t=\"7\""
		" participant_pn=\"4922@s.whatsapp.net\"/><user jid=\"333@lid\" type=\"played\"/>"
		"</participants><participants message_id=\"M2\"><user jid=\"222@lid\"/><user/>"
		"</participants></receipt>");

	(void) state;
	assert_int_equal(out.n_entries, 3);
	assert_int_equal(out.dropped, 1);
	assert_str(out.entries[0].id, "M1");
	assert_int_equal(out.entries[0].at, 7);
	assert_str(out.entries[0].who.pn, "4922@s.whatsapp.net");
	assert_int_equal(out.entries[1].kind, RECEIPT_PLAYED);
	assert_int_equal(out.entries[1].at, 5);
	assert_str(out.entries[2].id, "M2");
}

static void
nobody_and_nothing(void **state)
{
	WaReceipt out;

	(void) state;
	assert_int_equal(receipt_read(stanza(&arena, "<receipt id=\"A\"/>"), &self, &out),
					 WA_ERR_MALFORMED);
	out = read_receipt("<receipt id=\"A\" from=\"1@g.us\"/>");
	assert_int_equal(out.n_entries, 0);
	assert_int_equal(out.dropped, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(single),
		TEST(kinds),
		TEST(read_by_an_own_device),
		TEST(grouped),
		TEST(nobody_and_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
