/*
 * test_signal.c
 *		Direct messages: sessions, prekeys, identities, what is refused, and that
 *		a failure changes nothing.
 */
#include "signal_bot.h"

#include "signal_record.h"
#include "wire.h"

/* The phone starts a session with the bot's first prekey. */
static void
begin(SignalBot *bot)
{
	phone_start(&bot->phone, &bot->device, &bot->prekeys[0]);
}

static void
write_next(SignalBot *bot, const char *text, SignalMessage *out)
{
	SignalType type;

	buf_truncate(&bot->cipher, 0);
	phone_write(&bot->phone, text, &bot->cipher, &type);
	bot_message(bot, type, NULL, PHONE_PN, NULL, out);
}

/* The message must be refused for this reason, and nothing may change. */
static void
refused(SignalBot *bot, const SignalMessage *message, SignalOutcome outcome,
		SignalRetryReason reason)
{
	SignalRecord record;

	assert_int_equal(bot_read(bot, message), WA_OK);
	assert_int_equal(bot->verdict.outcome, outcome);
	assert_int_equal(bot->verdict.reason, reason);
	assert_int_equal(buf_len(&bot->plain), 0);
	assert_false(signal_next_dirty(bot->signal, &record));
}

static void
a_conversation_is_read(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalType type;

	begin(bot);
	write_next(bot, "first", &message);
	assert_int_equal(message.type, SIGNAL_PKMSG);
	bot_must_read(bot, &message, "first");
	assert_false(bot->verdict.identity_changed);
	assert_null(tables_find(&bot->tables, SIGNAL_PREKEY, NULL, NULL, bot->prekeys[0].id));
	assert_non_null(tables_find(&bot->tables, SIGNAL_PREKEY, NULL, NULL, bot->prekeys[1].id));
	assert_non_null(tables_find(&bot->tables, SIGNAL_SESSION, NULL, PHONE_PN, 0));
	assert_memory_equal(tables_find(&bot->tables, SIGNAL_IDENTITY, NULL, PHONE_PN, 0)->data,
						bot->phone.identity.public_key, CRYPTO_KEY_LEN);

	/* until it hears from us, the phone goes on with pkmsg; the prekey is gone */
	bot_receives(bot, "second");

	for (int i = 0; i < 6; i++)
	{
		WaBuf read;

		buf_truncate(&bot->cipher, 0);
		assert_int_equal(signal_write(bot->signal, str_from(PHONE_PN), WA_STR_NONE,
									  (const uint8_t *) "answer", 6, &bot->cipher, &type),
						 WA_OK);
		assert_int_equal(type, SIGNAL_MSG);
		tables_commit(&bot->tables, bot->signal);
		buf_init(&read, env_default(), 4096);
		phone_read(&bot->phone, type, buf_data(&bot->cipher), buf_len(&bot->cipher), &read);
		assert_int_equal(buf_len(&read), 6);
		assert_memory_equal(buf_data(&read), "answer", 6);
		buf_free(&read);

		if (i % 2 == 1)
			bot_restart(bot);
		assert_int_equal(signal_needs_peer(bot->signal, str_from(PHONE_PN), WA_STR_NONE), WA_OK);
		assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
		write_next(bot, "ratchet", &message);
		assert_int_equal(message.type, SIGNAL_MSG);
		bot_must_read(bot, &message, "ratchet");
	}
}

static void
needs_are_asked_once(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalNeed need;
	int asked;

	begin(bot);
	write_next(bot, "one", &message);
	bot_must_read(bot, &message, "one");
	asked = bot->tables.asked;
	assert_int_equal(asked, 2); /* the peer and the prekey */
	bot_receives(bot, "two");
	assert_int_equal(bot->tables.asked, asked);

	/* a message whose needs nobody met is nobody's fault but the host's */
	bot_restart(bot);
	write_next(bot, "three", &message);
	assert_int_equal(signal_read(bot->signal, &message, &bot->plain, &bot->verdict), WA_ERR_STATE);
	assert_int_equal(signal_needs(bot->signal, &message), WA_OK);
	assert_true(signal_next_need(bot->signal, &need));
	assert_int_equal(need.kind, SIGNAL_NEED_PEER);
	check_str(need.name, PHONE_PN);
	assert_int_equal(signal_read(bot->signal, &message, &bot->plain, &bot->verdict), WA_ERR_STATE);
	bot_restart(bot);
	bot_must_read(bot, &message, "three");
}

static void
duplicates_and_late_ones(void **state)
{
	SignalBot *bot = *state;
	SignalMessage messages[5];
	WaBuf kept[5];
	char text[2] = "a";

	begin(bot);
	bot_receives(bot, "hello");
	for (int i = 0; i < 5; i++)
	{
		text[0] = (char) ('a' + i);
		buf_init(&kept[i], env_default(), 4096);
		write_next(bot, text, &messages[i]);
		assert_int_equal(buf_append(&kept[i], messages[i].data, messages[i].len), WA_OK);
		messages[i].data = buf_data(&kept[i]);
	}
	bot_must_read(bot, &messages[4], "e");
	bot_must_read(bot, &messages[1], "b");
	refused(bot, &messages[1], SIGNAL_DUPLICATE, RETRY_UNKNOWN);
	bot_restart(bot);
	refused(bot, &messages[4], SIGNAL_DUPLICATE, RETRY_UNKNOWN);
	bot_must_read(bot, &messages[0], "a");
	bot_must_read(bot, &messages[3], "d");
	bot_must_read(bot, &messages[2], "c");
	for (int i = 0; i < 5; i++)
	{
		refused(bot, &messages[i], SIGNAL_DUPLICATE, RETRY_UNKNOWN);
		buf_free(&kept[i]);
	}
}

static void
unknown_keys_are_told_apart(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord gone = {.kind = SIGNAL_PREKEY, .number = bot->prekeys[0].id};
	uint32_t signed_id = bot->device.signed_prekey.id;
	uint64_t before;

	begin(bot);
	write_next(bot, "x", &message);
	before = tables_digest(&bot->tables);

	/* a signed prekey from before: only the host knows it */
	bot->device.signed_prekey.id = signed_id + 1;
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_KEY_ID);
	assert_true(bot->verdict.keys_at_once);
	assert_int_equal(tables_digest(&bot->tables), before);
	{
		SignalRecord old = {SIGNAL_SIGNED_PREKEY,
							WA_STR_NONE,
							WA_STR_NONE,
							signed_id,
							bot->device.signed_prekey.pair.private_key,
							CRYPTO_KEY_LEN};

		tables_put(&bot->tables, &old);
	}
	bot_restart(bot);
	bot_must_read(bot, &message, "x");

	/* a one-time prekey that was used up: another phone took it first */
	signal_discard(bot->signal);
	tables_put(&bot->tables, &gone);
	phone_free(&bot->phone);
	phone_init(&bot->phone, test_env(&bot->phone_env));
	begin(bot);
	bot->device.signed_prekey.id = signed_id;
	write_next(bot, "y", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_KEY_ID);

	/* no session at all */
	signal_discard(bot->signal);
	message.sender = str_from("49111@s.whatsapp.net");
	message.type = SIGNAL_MSG;
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_MESSAGE); /* a pkmsg is no msg */
	{
		/* what a pkmsg carries in its field 4 is a msg */
		WaWireField inner;

		assert_true(wire_find(message.data + 1, message.len - 1, 4, WIRE_BYTES, &inner));
		message.data = inner.data;
		message.len = inner.len;
	}
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
	assert_true(bot->verdict.keys_at_once);
}

/* Every byte of a message wrong in turn: never read, never a change, never a crash. */
static void
corrupted_messages_change_nothing(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord record;
	uint64_t before;
	uint8_t *bytes;

	begin(bot);
	for (int round = 0; round < 2; round++)
	{
		write_next(bot, "payload", &message);
		before = tables_digest(&bot->tables);
		bytes = test_malloc(message.len);
		memcpy(bytes, message.data, message.len);
		message.data = bytes;
		for (size_t i = 0; i < message.len; i += round == 0 ? 7 : 3)
		{
			bytes[i] ^= 0x40;
			assert_int_equal(bot_read(bot, &message), WA_OK);
			/* what libsignal does not authenticate (the registration id) may read well */
			if (bot->verdict.outcome != SIGNAL_READ)
			{
				assert_false(signal_next_dirty(bot->signal, &record));
				assert_int_equal(buf_len(&bot->plain), 0);
			}
			signal_discard(bot->signal);
			bytes[i] ^= 0x40;
		}
		for (size_t len = 0; len < message.len; len += 5)
		{
			SignalMessage part = message;

			part.len = len;
			refused(bot, &part, SIGNAL_UNREADABLE, RETRY_INVALID_MESSAGE);
		}
		assert_int_equal(tables_digest(&bot->tables), before);
		bot_must_read(bot, &message, "payload");
		test_free(bytes);
		/* the second round meets a msg */
		if (round == 0)
		{
			SignalType type;
			WaBuf read;

			buf_init(&read, env_default(), 4096);
			buf_truncate(&bot->cipher, 0);
			assert_int_equal(signal_write(bot->signal, str_from(PHONE_PN), WA_STR_NONE,
										  (const uint8_t *) "k", 1, &bot->cipher, &type),
							 WA_OK);
			phone_read(&bot->phone, type, buf_data(&bot->cipher), buf_len(&bot->cipher), &read);
			tables_commit(&bot->tables, bot->signal);
			buf_free(&read);
		}
	}
	assert_int_equal(message.type, SIGNAL_MSG);
}

static void
padding(void **state)
{
	WaStr out;

	(void) state;
	assert_int_equal(signal_unpad(2, (WaStr){"hi\x02\x02", 4}, &out), WA_OK);
	assert_int_equal(out.len, 2);
	assert_memory_equal(out.data, "hi", 2);
	assert_int_equal(signal_unpad(3, (WaStr){"hi\x02\x02", 4}, &out), WA_OK);
	assert_int_equal(out.len, 4);
	assert_int_equal(signal_unpad(2, (WaStr){"hi\0", 3}, &out), WA_ERR_MALFORMED);
	assert_int_equal(signal_unpad(2, (WaStr){"h\x05", 2}, &out), WA_ERR_MALFORMED);
	assert_int_equal(signal_unpad(2, (WaStr){"\x02\x02", 2}, &out), WA_ERR_MALFORMED);
	assert_int_equal(signal_unpad(2, WA_STR_NONE, &out), WA_ERR_MALFORMED);
}

static void
padding_is_checked_before_anything_is_kept(void **state)
{
	static const struct
	{
		const char *data;
		size_t len;
		unsigned version;
		long plain; /* -1: refused */
	} cases[] = {
		{"ab\x02\x02", 4, 2, 2}, {"ab\x00", 3, 2, -1},     {"ab\x11", 3, 2, -1}, {"\x01", 1, 2, -1},
		{"ab\x02\x02", 4, 3, 4}, {"ab\x02\x02", 4, 4, -1}, {"a\x01", 2, 2, 1},
	};
	SignalBot *bot = *state;

	begin(bot);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		SignalMessage message;
		SignalType type;
		SignalRecord record;

		buf_truncate(&bot->cipher, 0);
		phone_write_raw(&bot->phone, cases[i].data, cases[i].len, &bot->cipher, &type);
		bot_message(bot, type, NULL, PHONE_PN, NULL, &message);
		message.version = cases[i].version;
		if (cases[i].plain < 0)
		{
			refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_MESSAGE);
			continue;
		}
		assert_int_equal(bot_read(bot, &message), WA_OK);
		assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
		assert_int_equal(buf_len(&bot->plain), cases[i].plain);
		assert_true(signal_next_dirty(bot->signal, &record));
		tables_commit(&bot->tables, bot->signal);
	}
}

static void
a_new_identity_replaces_the_old_and_is_told(void **state)
{
	SignalBot *bot = *state;
	SignalMessage old;
	SignalMessage message;
	WaBuf kept;
	SignalType type;

	begin(bot);
	bot_receives(bot, "before");
	buf_init(&kept, env_default(), 4096);
	phone_write(&bot->phone, "late", &kept, &type);

	/* the person gets a new phone */
	phone_free(&bot->phone);
	phone_init(&bot->phone, test_env(&bot->phone_env));
	phone_start(&bot->phone, &bot->device, &bot->prekeys[1]);
	write_next(bot, "after", &message);

	/* a forged one does not: the identity comes before the proof */
	{
		uint8_t *bytes = test_malloc(message.len);
		SignalMessage forged = message;

		memcpy(bytes, message.data, message.len);
		/* the MAC ends the message inside, 5 bytes of ids follow: only it is wrong */
		bytes[message.len - 8] ^= 0x55;
		forged.data = bytes;
		assert_int_equal(bot_read(bot, &forged), WA_OK);
		assert_int_equal(bot->verdict.outcome, SIGNAL_UNREADABLE);
		assert_int_equal(bot->verdict.reason, RETRY_INVALID_MESSAGE);
		tables_commit(&bot->tables, bot->signal);
		assert_memory_not_equal(tables_find(&bot->tables, SIGNAL_IDENTITY, NULL, PHONE_PN, 0)->data,
								bot->phone.identity.public_key, CRYPTO_KEY_LEN);
		test_free(bytes);
	}
	bot_must_read(bot, &message, "after");
	assert_true(bot->verdict.identity_changed);
	assert_memory_equal(tables_find(&bot->tables, SIGNAL_IDENTITY, NULL, PHONE_PN, 0)->data,
						bot->phone.identity.public_key, CRYPTO_KEY_LEN);
	bot_receives(bot, "again");
	assert_false(bot->verdict.identity_changed);

	/* the old session is archived and still reads what was on its way */
	bot_message(bot, type, NULL, PHONE_PN, NULL, &old);
	old.data = buf_data(&kept);
	old.len = buf_len(&kept);
	bot_must_read(bot, &old, "late");
	buf_free(&kept);
}

static void
the_own_phone_must_be_the_account(void **state)
{
	static const char *const senders[] = {BOT_PN, BOT_LID};
	SignalBot *bot = *state;
	SignalMessage message;
	uint8_t *account = bot->device.account;

	/* ADVSignedDeviceIdentity with nothing but another account's key */
	account[0] = 2 << 3 | 2;
	account[1] = CRYPTO_KEY_LEN;
	memset(account + 2, 0x42, CRYPTO_KEY_LEN);
	bot->device.account_len = 2 + CRYPTO_KEY_LEN;
	begin(bot);
	for (int i = 0; i < 2; i++)
	{
		write_next(bot, "obey", &message);
		message.sender = str_from(senders[i]);
		refused(bot, &message, SIGNAL_UNTRUSTED, RETRY_UNKNOWN);
	}
	/* a companion of ours has an identity of its own */
	message.sender = str_from("4915550001:9@s.whatsapp.net");
	assert_int_equal(bot_read(bot, &message), WA_OK);
	assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
	signal_discard(bot->signal);

	memcpy(account + 2, bot->phone.identity.public_key, CRYPTO_KEY_LEN);
	write_next(bot, "obey", &message);
	message.sender = str_from(BOT_LID);
	bot_must_read(bot, &message, "obey");
}

/* The n-th allocation of the host fails: an error, no change, no leak; then it works. */
static void
out_of_memory(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord record;
	uint64_t before;

	begin(bot);
	write_next(bot, "memory", &message);
	before = tables_digest(&bot->tables);
	for (size_t n = 1;; n++)
	{
		size_t live;
		WaStatus status;

		signal_free(bot->signal);
		bot->signal = NULL;
		live = bot->env.live;
		assert_int_equal(live, 0);
		bot->env.allocations = 0;
		bot->env.fail_at = n;
		status = signal_create(test_env(&bot->env), &bot->device, &bot->signal);
		if (status == WA_OK)
		{
			status = bot_read(bot, &message);
			if (status != WA_OK)
				assert_false(signal_next_dirty(bot->signal, &record));
		}
		bot->env.fail_at = 0;
		if (bot->env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
		assert_int_equal(buf_len(&bot->plain), 0);
		if (bot->signal != NULL)
		{
			/* the same layer goes on when memory is back */
			signal_discard(bot->signal);
			assert_int_equal(bot_read(bot, &message), WA_OK);
			assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
		}
	}
	assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
	assert_int_equal(tables_digest(&bot->tables), before);
}

static void
randomness_fails(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord record;

	begin(bot);
	write_next(bot, "x", &message);
	bot->env.fail_random = true;
	assert_int_equal(bot_read(bot, &message), WA_ERR_CRYPTO);
	assert_false(signal_next_dirty(bot->signal, &record));
	bot->env.fail_random = false;
	bot_must_read(bot, &message, "x");
}

static void
uncommitted_changes_can_be_forgotten(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord record;
	uint64_t before;

	begin(bot);
	bot_receives(bot, "kept");
	before = tables_digest(&bot->tables);
	write_next(bot, "twice", &message);
	assert_int_equal(bot_read(bot, &message), WA_OK);
	assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
	assert_true(signal_next_dirty(bot->signal, &record));

	/* the transaction fails: the stanza comes again and reads again */
	signal_discard(bot->signal);
	assert_false(signal_next_dirty(bot->signal, &record));
	assert_int_equal(tables_digest(&bot->tables), before);
	bot_must_read(bot, &message, "twice");

	/* nothing is trimmed while it is not in the tables */
	write_next(bot, "third", &message);
	assert_int_equal(bot_read(bot, &message), WA_OK);
	signal_trim(bot->signal, 0);
	assert_true(signal_next_dirty(bot->signal, &record));
	signal_trim(bot->signal, 0);
	tables_put(&bot->tables, &record);
	tables_commit(&bot->tables, bot->signal);
	signal_trim(bot->signal, 0);
	assert_int_equal(signal_read(bot->signal, &message, &bot->plain, &bot->verdict), WA_ERR_STATE);
	refused(bot, &message, SIGNAL_DUPLICATE, RETRY_UNKNOWN);
}

static void
senders_that_are_no_device(void **state)
{
	static const char *const senders[] = {GROUP, "status@broadcast", "", "@s.whatsapp.net",
										  "1@newsletter"};
	SignalBot *bot = *state;
	SignalMessage message;

	assert_int_equal(buf_append(&bot->cipher, "3x", 2), WA_OK);
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
	{
		bot_message(bot, SIGNAL_MSG, NULL, senders[i], NULL, &message);
		assert_int_equal(signal_needs(bot->signal, &message), WA_ERR_MALFORMED);
		assert_int_equal(signal_read(bot->signal, &message, &bot->plain, &bot->verdict),
						 WA_ERR_MALFORMED);
	}
	bot_message(bot, SIGNAL_SKMSG, NULL, PHONE_PN, NULL, &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_MESSAGE);
}

static void
a_broken_session_is_replaced(void **state)
{
	/* the last: two archived sessions, one of them bad */
	static const WaStr broken[] = {{"\x0a\xff", 2},
								   {"\x0a\x04\x1a\x02\x05\x05", 6},
								   {"x", 1},
								   {"\x12\x00\x12\x02\x12\x00", 6}};
	SignalBot *bot = *state;
	SignalMessage message;
	SignalBundle bundle;

	begin(bot);
	write_next(bot, "x", &message);
	phone_bundle(&bot->phone, &bundle);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
	{
		SignalRecord record = {
			SIGNAL_SESSION, WA_STR_NONE, str_from(PHONE_PN), 0, (const uint8_t *) broken[i].data,
			broken[i].len};

		tables_put(&bot->tables, &record);
		signal_discard(bot->signal);
		assert_int_equal(bot_read(bot, &message), WA_OK);
		assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
		signal_discard(bot->signal);
		assert_int_equal(signal_needs(bot->signal, &message), WA_OK);
		assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
		assert_int_equal(
			signal_start_session(bot->signal, str_from(PHONE_PN), WA_STR_NONE, &bundle), WA_OK);
		signal_discard(bot->signal);
	}
	bot_must_read(bot, &message, "x");
	bot_receives(bot, "y");
}

static void
records_are_limited(void **state)
{
	SignalBot *bot = *state;
	uint8_t *big = test_calloc(1, SIGNAL_MAX_RECORD + 1);
	SignalRecord record = {SIGNAL_SENDER_KEY,    str_from("1@g.us"), str_from(PHONE_PN), 0, big,
						   SIGNAL_MAX_RECORD + 1};
	WaStatus status = WA_OK;
	uint32_t device = 0;

	assert_int_equal(signal_supply(bot->signal, &record), WA_ERR_LIMIT);
	record.len = SIGNAL_MAX_RECORD;
	while (status == WA_OK && device < 1000)
	{
		record.number = device++;
		status = signal_supply(bot->signal, &record);
	}
	assert_int_equal(status, WA_ERR_LIMIT);
	assert_true(bot->env.live_bytes <= SIGNAL_MAX_MEMORY + 4096);
	record.kind = SIGNAL_IDENTITY;
	record.len = 33;
	assert_int_equal(signal_supply(bot->signal, &record), WA_ERR_ARGUMENT);
	record.kind = SIGNAL_SENDER_KEY;
	record.chat = WA_STR_NONE;
	assert_int_equal(signal_supply(bot->signal, &record), WA_ERR_ARGUMENT);
	test_free(big);
}

static void
a_session_does_not_grow(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	const SignalRecord *record;
	WaBuf late;
	WaBuf older;
	SignalType type;

	begin(bot);
	bot_receives(bot, "start");
	buf_init(&late, env_default(), 4096);
	buf_init(&older, env_default(), 4096);
	for (int i = 0; i < 600; i++)
	{
		buf_truncate(&bot->cipher, 0);
		phone_write(&bot->phone, "skip", i == 20 ? &older : i == 590 ? &late : &bot->cipher, &type);
	}
	bot_receives(bot, "jump");
	assert_true(tables_find(&bot->tables, SIGNAL_SESSION, NULL, PHONE_PN, 0)->len < 32768);

	/* the newest skipped ones are still read, the oldest were given up */
	bot_message(bot, type, NULL, PHONE_PN, NULL, &message);
	message.data = buf_data(&late);
	message.len = buf_len(&late);
	bot_must_read(bot, &message, "skip");
	message.data = buf_data(&older);
	message.len = buf_len(&older);
	refused(bot, &message, SIGNAL_DUPLICATE, RETRY_UNKNOWN);
	bot_receives(bot, "and on");
	buf_free(&late);
	buf_free(&older);

	/* a phone that starts again and again */
	for (int i = 0; i < 30; i++)
	{
		phone_start(&bot->phone, &bot->device, NULL);
		bot_receives(bot, "new session");
	}
	record = tables_find(&bot->tables, SIGNAL_SESSION, NULL, PHONE_PN, 0);
	assert_true(record->len < 4096);
	assert_false(signal_record_has_old(record->data, record->len));
}

int
main(void)
{
#define BOT_TEST(name) cmocka_unit_test_setup_teardown(name, bot_setup, bot_teardown)
	const struct CMUnitTest tests[] = {
		BOT_TEST(a_conversation_is_read),
		BOT_TEST(needs_are_asked_once),
		BOT_TEST(duplicates_and_late_ones),
		BOT_TEST(unknown_keys_are_told_apart),
		BOT_TEST(corrupted_messages_change_nothing),
		cmocka_unit_test(padding),
		BOT_TEST(padding_is_checked_before_anything_is_kept),
		BOT_TEST(a_new_identity_replaces_the_old_and_is_told),
		BOT_TEST(the_own_phone_must_be_the_account),
		BOT_TEST(out_of_memory),
		BOT_TEST(randomness_fails),
		BOT_TEST(uncommitted_changes_can_be_forgotten),
		BOT_TEST(senders_that_are_no_device),
		BOT_TEST(a_broken_session_is_replaced),
		BOT_TEST(records_are_limited),
		BOT_TEST(a_session_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
