/*
 * test_signal_group.c
 *		Group messages: sender keys, where they are filed, keys that were
 *		skipped, and keys that somebody distributes again.
 */
#include "signal_bot.h"
#include "../../src/protocol/signal_record.h"

static void
group_message(SignalBot *bot, const char *sender, SignalMessage *out)
{
	bot_message(bot, SIGNAL_SKMSG, GROUP, sender, NULL, out);
}

static void
write_group(SignalBot *bot, const char *text, SignalMessage *out)
{
	buf_truncate(&bot->cipher, 0);
	phone_write_group(&bot->phone, GROUP, text, &bot->cipher);
	group_message(bot, PHONE_LID, out);
}

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

static size_t
skipped_keys(SignalBot *bot)
{
	const SignalRecord *row = tables_find(&bot->tables, SIGNAL_SKIPPED_KEYS, GROUP, PHONE_LID, 0);

	return row == NULL ? 0 : row->len / SIGNAL_SKIPPED_LEN;
}

static void
the_key_comes_first(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	write_group(bot, "no key yet", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
	assert_true(bot->verdict.keys_at_once);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)), WA_OK);
	tables_commit(&bot->tables, bot->signal);
	bot_must_read(bot, &message, "no key yet");
	bot_receives_group(bot, PHONE_LID, "next");
	bot_restart(bot);
	bot_receives_group(bot, PHONE_LID, "after a restart");
	buf_free(&key);

	/* a key id that we do not have is told apart from a bad message */
	phone_rotate(&bot->phone, GROUP);
	buf_init(&key, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	write_group(bot, "rotated", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)), WA_OK);
	tables_commit(&bot->tables, bot->signal);
	bot_must_read(bot, &message, "rotated");
	buf_free(&key);
}

static void
order_does_not_matter(void **state)
{
	static const int order[] = {4, 0, 3, 3, 1, 0, 2, 4};
	SignalBot *bot = *state;
	SignalMessage messages[5];
	WaBuf kept[5];
	bool seen[5] = {false};
	char text[2] = "a";

	bot_learns(bot, PHONE_LID, NULL);
	for (int i = 0; i < 5; i++)
	{
		text[0] = (char) ('a' + i);
		write_group(bot, text, &messages[i]);
		buf_init(&kept[i], env_default(), 4096);
		assert_int_equal(buf_append(&kept[i], messages[i].data, messages[i].len), WA_OK);
		messages[i].data = buf_data(&kept[i]);
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
	{
		int n = order[i];

		bot_restart(bot);
		text[0] = (char) ('a' + n);
		if (seen[n])
			refused(bot, &messages[n], SIGNAL_DUPLICATE, RETRY_UNKNOWN);
		else
			bot_must_read(bot, &messages[n], text);
		seen[n] = true;
	}
	assert_int_equal(skipped_keys(bot), 0);
	assert_null(tables_find(&bot->tables, SIGNAL_SKIPPED_KEYS, GROUP, PHONE_LID, 0));
	for (int i = 0; i < 5; i++)
		buf_free(&kept[i]);
}

/* The record stays small whatever was skipped, and a late message still finds its key. */
static void
skipped_keys_are_kept_apart(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	WaBuf early;
	WaBuf late;

	bot_learns(bot, PHONE_LID, NULL);
	buf_init(&early, env_default(), 4096);
	buf_init(&late, env_default(), 4096);
	for (int i = 0; i < 1500; i++)
	{
		buf_truncate(&bot->cipher, 0);
		phone_write_group(&bot->phone, GROUP, "skipped",
						  i == 10     ? &early
						  : i == 1400 ? &late
									  : &bot->cipher);
	}
	bot_receives_group(bot, PHONE_LID, "jump");
	assert_int_equal(skipped_keys(bot), SIGNAL_MAX_SKIPPED);
	assert_true(tables_find(&bot->tables, SIGNAL_SENDER_KEY, GROUP, PHONE_LID, 0)->len < 128);

	/* ordinary messages neither read nor write the list */
	bot->tables.written = 0;
	bot_receives_group(bot, PHONE_LID, "next");
	assert_int_equal(bot->tables.written, 1);

	group_message(bot, PHONE_LID, &message);
	message.data = buf_data(&late);
	message.len = buf_len(&late);
	bot_must_read(bot, &message, "skipped");
	assert_int_equal(skipped_keys(bot), SIGNAL_MAX_SKIPPED - 1);
	refused(bot, &message, SIGNAL_DUPLICATE, RETRY_UNKNOWN);
	message.data = buf_data(&early);
	message.len = buf_len(&early);
	refused(bot, &message, SIGNAL_DUPLICATE, RETRY_UNKNOWN);

	/* further than libsignal walks */
	for (int i = 0; i < 2001; i++)
	{
		buf_truncate(&bot->cipher, 0);
		phone_write_group(&bot->phone, GROUP, "skipped", &bot->cipher);
	}
	write_group(bot, "too far", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_INVALID_MESSAGE);
	/* the same key, distributed again from where the sender is now, gets us out */
	bot_learns(bot, PHONE_LID, NULL);
	bot_receives_group(bot, PHONE_LID, "back");
	assert_int_equal(skipped_keys(bot), SIGNAL_MAX_SKIPPED - 1);
	buf_free(&early);
	buf_free(&late);
}

static void
a_key_given_again_changes_nothing(void **state)
{
	SignalBot *bot = *state;
	SignalMessage first;
	SignalMessage message;
	WaBuf kept;
	WaBuf key;
	uint64_t before;

	buf_init(&key, env_default(), 4096);
	buf_init(&kept, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	bot_learns(bot, PHONE_LID, NULL);
	write_group(bot, "first", &first);
	assert_int_equal(buf_append(&kept, first.data, first.len), WA_OK);
	first.data = buf_data(&kept);
	bot_must_read(bot, &first, "first");
	before = tables_digest(&bot->tables);

	/* the very first distribution, replayed: the chain does not rewind */
	for (int i = 0; i < 10; i++)
	{
		assert_int_equal(signal_learn_key(bot->signal, &first, buf_data(&key), buf_len(&key)),
						 WA_OK);
		tables_commit(&bot->tables, bot->signal);
	}
	assert_int_equal(tables_digest(&bot->tables), before);
	refused(bot, &first, SIGNAL_DUPLICATE, RETRY_UNKNOWN);

	/* with every message: a late one is still read */
	write_group(bot, "late", &message);
	buf_truncate(&kept, 0);
	assert_int_equal(buf_append(&kept, message.data, message.len), WA_OK);
	for (int i = 0; i < 10; i++)
	{
		bot_learns(bot, PHONE_LID, NULL);
		bot_receives_group(bot, PHONE_LID, "with key");
	}
	message.data = buf_data(&kept);
	bot_must_read(bot, &message, "late");
	buf_free(&kept);
	buf_free(&key);
}

static void
foreign_keys_are_refused(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	WaBuf key;
	uint64_t before;

	bot_learns(bot, PHONE_LID, NULL);
	before = tables_digest(&bot->tables);
	bot_message(bot, SIGNAL_MSG, GROUP, PHONE_LID, NULL, &message);

	/* a key that says it is for another group */
	buf_init(&key, env_default(), 4096);
	phone_rotate(&bot->phone, GROUP);
	phone_distribute(&bot->phone, GROUP, "1@g.us", &key);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)),
					 WA_ERR_ARGUMENT);
	/* one in a direct chat */
	message.chat = WA_STR_NONE;
	buf_truncate(&key, 0);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)),
					 WA_ERR_ARGUMENT);
	message.chat = str_from(GROUP);
	/* none, half of one, nonsense */
	for (size_t len = 0; len < buf_len(&key); len++)
		assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), len),
						 WA_ERR_MALFORMED);
	tables_commit(&bot->tables, bot->signal);
	assert_int_equal(tables_digest(&bot->tables), before);
	/* without a name it is for the stanza's chat */
	buf_truncate(&key, 0);
	phone_distribute(&bot->phone, GROUP, NULL, &key);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)), WA_OK);
	tables_commit(&bot->tables, bot->signal);
	bot_receives_group(bot, PHONE_LID, "fine");
	buf_free(&key);
}

static void
corrupted_messages_change_nothing(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	uint8_t *bytes;

	bot_learns(bot, PHONE_LID, NULL);
	write_group(bot, "payload", &message);
	bytes = test_malloc(message.len);
	memcpy(bytes, message.data, message.len);
	message.data = bytes;
	for (size_t i = 0; i < message.len; i += 3)
	{
		SignalRecord record;

		bytes[i] ^= 0x20;
		assert_int_equal(bot_read(bot, &message), WA_OK);
		assert_int_equal(bot->verdict.outcome, SIGNAL_UNREADABLE);
		assert_false(signal_next_dirty(bot->signal, &record));
		bytes[i] ^= 0x20;
	}
	bot_must_read(bot, &message, "payload");
	test_free(bytes);
}

static void
the_device_may_be_named_differently(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;

	/* the key came from device 5, the message names none */
	bot_learns(bot, "70001:5@lid", NULL);
	assert_non_null(tables_find(&bot->tables, SIGNAL_SENDER_KEY, GROUP, PHONE_LID, 5));
	bot_receives_group(bot, PHONE_LID, "bare");
	bot_receives_group(bot, "70001:5@lid", "with device");
	assert_null(tables_find(&bot->tables, SIGNAL_SENDER_KEY, GROUP, PHONE_LID, 0));

	/* not the key of another person, nor of another group */
	buf_truncate(&bot->cipher, 0);
	phone_write_group(&bot->phone, GROUP, "x", &bot->cipher);
	group_message(bot, "70002:5@lid", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
	group_message(bot, PHONE_LID, &message);
	message.chat = str_from("120363000000000002@g.us");
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
}

static void
a_broken_record_is_replaced(void **state)
{
	SignalBot *bot = *state;
	SignalRecord broken = {SIGNAL_SENDER_KEY,
						   str_from(GROUP),
						   str_from(PHONE_LID),
						   0,
						   (const uint8_t *) "\x0a\xff",
						   2};
	SignalMessage message;
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	buf_free(&key);
	tables_put(&bot->tables, &broken);
	write_group(bot, "x", &message);
	refused(bot, &message, SIGNAL_UNREADABLE, RETRY_NO_SESSION);
	bot_learns(bot, PHONE_LID, NULL);
	bot_receives_group(bot, PHONE_LID, "healed");
}

static void
out_of_memory(void **state)
{
	SignalBot *bot = *state;
	SignalMessage message;
	SignalRecord record;
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	write_group(bot, "skipped", &message);
	write_group(bot, "memory", &message);
	message.alternate = str_from(PHONE_PN);
	for (size_t n = 1;; n++)
	{
		WaStatus status;

		signal_discard(bot->signal);
		bot->env.allocations = 0;
		bot->env.fail_at = n;
		status = signal_needs(bot->signal, &message);
		if (status == WA_OK)
			status = tables_answer(&bot->tables, bot->signal);
		if (status == WA_OK)
			status = signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key));
		if (status == WA_OK)
			status = bot_read(bot, &message);
		if (bot->env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
	bot->env.fail_at = 0;
	assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
	assert_true(signal_next_dirty(bot->signal, &record));
	tables_commit(&bot->tables, bot->signal);
	buf_free(&key);
}

int
main(void)
{
#define BOT_TEST(name) cmocka_unit_test_setup_teardown(name, bot_setup, bot_teardown)
	const struct CMUnitTest tests[] = {
		BOT_TEST(the_key_comes_first),
		BOT_TEST(order_does_not_matter),
		BOT_TEST(skipped_keys_are_kept_apart),
		BOT_TEST(a_key_given_again_changes_nothing),
		BOT_TEST(foreign_keys_are_refused),
		BOT_TEST(corrupted_messages_change_nothing),
		BOT_TEST(the_device_may_be_named_differently),
		BOT_TEST(a_broken_record_is_replaced),
		BOT_TEST(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
