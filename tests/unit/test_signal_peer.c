/*
 * test_signal_peer.c
 *		People with two names, forgotten identities, and messages that we write.
 */
#include "signal_bot.h"

#include "stanza.h"

static void
ask_peer(SignalBot *bot, const char *jid, const char *alternate)
{
	assert_int_equal(signal_needs_peer(bot->signal, str_from(jid), str_from(alternate)), WA_OK);
	assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
}

static void
write_next(SignalBot *bot, const char *sender, const char *alternate, const char *text,
		   SignalMessage *out)
{
	SignalType type;

	buf_truncate(&bot->cipher, 0);
	phone_write(&bot->phone, text, &bot->cipher, &type);
	bot_message(bot, type, NULL, sender, alternate, out);
}

static void
move(SignalBot *bot)
{
	assert_int_equal(signal_needs_move(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)),
					 WA_OK);
	assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
	assert_int_equal(signal_move(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)), WA_OK);
	tables_commit(&bot->tables, bot->signal);
}

static int
rows_named(const SignalBot *bot, const char *name)
{
	int count = 0;

	for (TableRow *row = bot->tables.rows; row != NULL; row = row->next)
		count += str_is(row->record.name, name);
	return count;
}

static void
everything_moves_to_the_lid(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;

	phone_start(&bot->phone, &bot->device, &bot->prekeys[0]);
	bot_receives(bot, "by number");
	bot_learns(bot, PHONE_PN, NULL);
	bot_learns(bot, "4917770001:2@s.whatsapp.net", NULL);
	assert_int_equal(rows_named(bot, PHONE_PN), 4);
	assert_int_equal(signal_move(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)),
					 WA_ERR_STATE);
	bot_restart(bot);
	move(bot);
	assert_int_equal(rows_named(bot, PHONE_PN), 0);
	assert_int_equal(rows_named(bot, PHONE_LID), 4);
	bot_restart(bot);
	write_next(bot, PHONE_LID, NULL, "by lid", &message);
	bot_must_read(bot, &message, "by lid");
	bot_receives_group(bot, PHONE_LID, "group by lid");
	/* moving again moves nothing */
	bot->tables.written = 0;
	move(bot);
	assert_int_equal(bot->tables.written, 0);
	assert_int_equal(signal_move(bot->signal, str_from(PHONE_PN), str_from(PHONE_PN)),
					 WA_ERR_ARGUMENT);
}

static void
a_message_with_both_names_moves_what_it_needs(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	uint64_t before;

	phone_start(&bot->phone, &bot->device, &bot->prekeys[0]);
	bot_receives(bot, "by number");
	bot_learns(bot, PHONE_PN, NULL);
	bot_restart(bot);

	/* one that fails moves nothing */
	write_next(bot, PHONE_LID, PHONE_PN, "x", &message);
	before = tables_digest(&bot->tables);
	message.len--;
	assert_int_equal(bot_read(bot, &message), WA_OK);
	assert_int_equal(bot->verdict.outcome, SIGNAL_UNREADABLE);
	tables_commit(&bot->tables, bot->signal);
	assert_int_equal(tables_digest(&bot->tables), before);
	message.len++;
	bot_must_read(bot, &message, "x");
	assert_int_equal(rows_named(bot, PHONE_PN), 1); /* the sender key */

	buf_truncate(&bot->cipher, 0);
	phone_write_group(&bot->phone, GROUP, "y", &bot->cipher);
	bot_message(bot, SIGNAL_SKMSG, GROUP, PHONE_PN, PHONE_LID, &message);
	bot_must_read(bot, &message, "y");
	assert_int_equal(rows_named(bot, PHONE_PN), 0);
	assert_int_equal(rows_named(bot, PHONE_LID), 3);
}

/* Two sessions with one phone, one under each name: both can be read after the move. */
static void
two_sessions_become_one_record(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalPhone other;
	WaBuf late;
	SignalType type;

	phone_start(&bot->phone, &bot->device, &bot->prekeys[0]);
	write_next(bot, PHONE_LID, NULL, "one", &message);
	bot_must_read(bot, &message, "one");
	buf_init(&late, env_default(), 4096);
	phone_write(&bot->phone, "late", &late, &type);

	phone_init(&other, test_env(&bot->phone_env));
	phone_start(&other, &bot->device, &bot->prekeys[1]);
	buf_truncate(&bot->cipher, 0);
	phone_write(&other, "two", &bot->cipher, &type);
	bot_message(bot, type, NULL, PHONE_PN, NULL, &message);
	bot_must_read(bot, &message, "two");

	bot_restart(bot);
	move(bot);
	assert_int_equal(rows_named(bot, PHONE_PN), 0);
	assert_int_equal(rows_named(bot, PHONE_LID), 2);
	/* the identity is the one that the LID had */
	assert_memory_equal(tables_find(&bot->tables, SIGNAL_IDENTITY, NULL, PHONE_LID, 0)->data,
						bot->phone.identity.public_key, CRYPTO_KEY_LEN);
	buf_truncate(&bot->cipher, 0);
	phone_write(&other, "three", &bot->cipher, &type);
	bot_message(bot, type, NULL, PHONE_LID, PHONE_PN, &message);
	bot_must_read(bot, &message, "three");
	message.data = buf_data(&late);
	message.len = buf_len(&late);
	bot_must_read(bot, &message, "late");
	buf_free(&late);
	phone_free(&other);
}

/* The same group under both names: no state of either is lost. */
static void
two_sender_keys_become_one_record(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	WaBuf old;

	bot_learns(bot, PHONE_PN, NULL);
	bot_receives_group(bot, PHONE_PN, "old name");
	buf_init(&old, env_default(), 4096);
	phone_write_group(&bot->phone, GROUP, "on its way", &old);
	phone_rotate(&bot->phone, GROUP);
	bot_learns(bot, PHONE_LID, NULL);
	bot_receives_group(bot, PHONE_LID, "new name");
	bot_restart(bot);
	move(bot);
	bot_message(bot, SIGNAL_SKMSG, GROUP, PHONE_PN, PHONE_LID, &message);
	message.data = buf_data(&old);
	message.len = buf_len(&old);
	bot_must_read(bot, &message, "on its way");
	bot_receives_group(bot, PHONE_LID, "new name again");
	buf_free(&old);
}

static void
a_new_identity_forgets_every_device(void **state)
{
	SignalBot *bot = *state;
	SignalRecord row = {
		SIGNAL_SESSION, WA_STR_NONE, str_from(PHONE_LID), 7, (const uint8_t *) "\x12\x00", 2};
	SignalMessage message;

	phone_start(&bot->phone, &bot->device, &bot->prekeys[0]);
	bot_receives(bot, "x");
	bot_learns(bot, PHONE_LID, NULL);
	tables_put(&bot->tables, &row);
	bot_restart(bot);
	assert_int_equal(signal_forget_peer(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)),
					 WA_ERR_STATE);
	ask_peer(bot, PHONE_PN, PHONE_LID);
	assert_int_equal(signal_forget_peer(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)),
					 WA_OK);
	tables_commit(&bot->tables, bot->signal);
	assert_int_equal(rows_named(bot, PHONE_PN), 0);
	assert_int_equal(rows_named(bot, PHONE_LID), 1); /* the sender key is not the identity's */
	bot_receives_group(bot, PHONE_LID, "still read");

	/* the phone has a session, we have none: it starts anew with its next pkmsg */
	write_next(bot, PHONE_LID, NULL, "y", &message);
	assert_int_equal(bot_read(bot, &message), WA_OK);
	assert_int_equal(bot->verdict.outcome, SIGNAL_UNREADABLE);
	assert_int_equal(bot->verdict.reason, RETRY_INVALID_KEY_ID);
}

static void
we_write_first(void **state)
{
	static const char hello[] = "to the phone";
	SignalBot *bot = *state;
	SignalBundle bundle;
	SignalMessage message;
	SignalType type;
	WaBuf read;

	phone_bundle(&bot->phone, &bundle);
	buf_init(&read, env_default(), 4096);
	assert_int_equal(signal_start_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE, &bundle),
					 WA_ERR_STATE);
	ask_peer(bot, PHONE_LID, NULL);
	assert_false(signal_has_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE));
	assert_int_equal(signal_write(bot->signal, str_from(PHONE_LID), WA_STR_NONE,
								  (const uint8_t *) "x", 1, &bot->cipher, &type),
					 WA_ERR_ARGUMENT);

	/* keys that the identity did not sign */
	bundle.signature[5] ^= 1;
	assert_int_equal(signal_start_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE, &bundle),
					 WA_ERR_SIGNATURE);
	bundle.signature[5] ^= 1;
	assert_false(signal_has_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE));

	assert_int_equal(signal_start_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE, &bundle),
					 WA_OK);
	assert_true(signal_has_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE));
	assert_true(signal_has_session(bot->signal, str_from(PHONE_PN), str_from(PHONE_LID)));
	for (int i = 0; i < 3; i++)
	{
		buf_truncate(&bot->cipher, 0);
		buf_truncate(&read, 0);
		assert_int_equal(signal_write(bot->signal, str_from(PHONE_LID), WA_STR_NONE,
									  (const uint8_t *) hello, strlen(hello), &bot->cipher, &type),
						 WA_OK);
		assert_int_equal(type, SIGNAL_PKMSG);
		tables_commit(&bot->tables, bot->signal);
		phone_read(&bot->phone, type, buf_data(&bot->cipher), buf_len(&bot->cipher), &read);
		assert_int_equal(buf_len(&read), strlen(hello));
		assert_memory_equal(buf_data(&read), hello, strlen(hello));
	}
	write_next(bot, PHONE_LID, NULL, "answer", &message);
	assert_int_equal(message.type, SIGNAL_MSG);
	bot_must_read(bot, &message, "answer");
	buf_truncate(&bot->cipher, 0);
	assert_int_equal(signal_write(bot->signal, str_from(PHONE_LID), WA_STR_NONE,
								  (const uint8_t *) hello, strlen(hello), &bot->cipher, &type),
					 WA_OK);
	assert_int_equal(type, SIGNAL_MSG);
	buf_free(&read);
}

static void
the_own_phones_bundle_must_be_the_accounts(void **state)
{
	SignalBot *bot = *state;
	SignalBundle bundle;

	phone_bundle(&bot->phone, &bundle);
	bundle.has_prekey = false;
	bot->device.account[0] = 2 << 3 | 2;
	bot->device.account[1] = CRYPTO_KEY_LEN;
	bot->device.account_len = 2 + CRYPTO_KEY_LEN;
	ask_peer(bot, BOT_LID, NULL);
	assert_int_equal(signal_start_session(bot->signal, str_from(BOT_LID), WA_STR_NONE, &bundle),
					 WA_ERR_CERTIFICATE);
	memcpy(bot->device.account + 2, bundle.identity, CRYPTO_KEY_LEN);
	assert_int_equal(signal_start_session(bot->signal, str_from(BOT_LID), WA_STR_NONE, &bundle),
					 WA_OK);
}

static void
writing_out_of_memory(void **state)
{
	SignalBot *bot = *state;
	SignalBundle bundle;
	SignalRecord record;
	SignalType type;
	WaBuf cipher;

	phone_bundle(&bot->phone, &bundle);
	for (size_t n = 1;; n++)
	{
		WaStatus status;
		bool last;

		signal_discard(bot->signal);
		bot->env.allocations = 0;
		bot->env.fail_at = n;
		buf_init(&cipher, test_env(&bot->env), 4096);
		status = signal_needs_peer(bot->signal, str_from(PHONE_LID), WA_STR_NONE);
		if (status == WA_OK)
			status = tables_answer(&bot->tables, bot->signal);
		if (status == WA_OK)
			status = signal_start_session(bot->signal, str_from(PHONE_LID), WA_STR_NONE, &bundle);
		if (status == WA_OK)
			status = signal_write(bot->signal, str_from(PHONE_LID), WA_STR_NONE,
								  (const uint8_t *) "x", 1, &cipher, &type);
		last = bot->env.allocations < n;
		assert_int_equal(status, last ? WA_OK : WA_ERR_NOMEM);
		if (status != WA_OK)
			assert_int_equal(buf_len(&cipher), 0);
		buf_free(&cipher);
		if (last)
			break;
	}
	bot->env.fail_at = 0;
	assert_true(signal_next_dirty(bot->signal, &record));
}

static void
bundles_are_parsed(void **state)
{
	SignalBot *bot = *state;
	WaArena arena;
	SignalBundle bundle;
	WaNode *user;
	WaNode *skey;
	WaNode *key;

	arena_init(&arena, env_default(), 1 << 20);
	user = node_new(&arena, "user");
	node_set_bytes(node_add(user, "registration"), "\x00\x00\x12\x67", 4);
	node_set_bytes(node_add(user, "type"), "\x05", 1);
	node_set_bytes(node_add(user, "identity"), bot->phone.identity.public_key, 32);
	skey = node_add(user, "skey");
	node_set_bytes(node_add(skey, "id"), "\x01\x02\x03", 3);
	node_set_bytes(node_add(skey, "value"), bot->phone.signed_prekey.pair.public_key, 32);
	assert_int_equal(signal_bundle_parse(user, &bundle), WA_ERR_MALFORMED);
	node_set_bytes(node_add(skey, "signature"), bot->phone.signature, 64);
	assert_int_equal(signal_bundle_parse(user, &bundle), WA_OK);
	assert_int_equal(bundle.registration_id, 4711);
	assert_int_equal(bundle.signed_prekey_id, 0x010203);
	assert_memory_equal(bundle.signature, bot->phone.signature, 64);
	assert_false(bundle.has_prekey);
	key = node_add(user, "key");
	node_set_bytes(node_add(key, "id"), "\x00\x00\x07", 3);
	assert_int_equal(signal_bundle_parse(user, &bundle), WA_ERR_MALFORMED);
	node_set_bytes(node_add(key, "value"), bot->phone.prekey.pair.public_key, 32);
	assert_int_equal(signal_bundle_parse(user, &bundle), WA_OK);
	assert_true(bundle.has_prekey);
	assert_int_equal(bundle.prekey_id, 7);
	assert_memory_equal(bundle.prekey, bot->phone.prekey.pair.public_key, 32);
	user = stanza(&arena, "<user jid=\"1@lid\"><error code=\"406\" text=\"none\"/></user>");
	assert_int_equal(signal_bundle_parse(user, &bundle), WA_ERR_MALFORMED);
	arena_free(&arena);
}

int
main(void)
{
#define BOT_TEST(name) cmocka_unit_test_setup_teardown(name, bot_setup, bot_teardown)
	const struct CMUnitTest tests[] = {
		BOT_TEST(everything_moves_to_the_lid),
		BOT_TEST(a_message_with_both_names_moves_what_it_needs),
		BOT_TEST(two_sessions_become_one_record),
		BOT_TEST(two_sender_keys_become_one_record),
		BOT_TEST(a_new_identity_forgets_every_device),
		BOT_TEST(we_write_first),
		BOT_TEST(the_own_phones_bundle_must_be_the_accounts),
		BOT_TEST(writing_out_of_memory),
		BOT_TEST(bundles_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
