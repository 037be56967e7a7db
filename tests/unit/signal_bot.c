/*
 * signal_bot.c
 *		A bot with its tables.  See signal_bot.h.
 */
#include "signal_bot.h"

#include <stdlib.h>

#include "../../src/protocol/prekey.h"
#include "../../src/protocol/wire.h"

int
bot_setup(void **state)
{
	SignalBot *bot = calloc(1, sizeof(*bot));

	if (bot == NULL)
		return -1;
	test_env_init(&bot->env);
	test_env_init(&bot->phone_env);
	bot->phone_env.seed = 2; /* other keys than the bot's, the same in every run */
	*state = bot;
	if (device_create(test_env(&bot->env), &bot->device) != WA_OK ||
		prekey_generate(test_env(&bot->env), &bot->device, bot->prekeys, 2) != WA_OK)
		return -1;
	snprintf(bot->device.jid, sizeof(bot->device.jid), "%s", "4915550001:3@s.whatsapp.net");
	snprintf(bot->device.lid, sizeof(bot->device.lid), "%s", "900001:3@lid");
	for (int i = 0; i < 2; i++)
	{
		SignalRecord record = {SIGNAL_PREKEY,
							   WA_STR_NONE,
							   WA_STR_NONE,
							   bot->prekeys[i].id,
							   bot->prekeys[i].pair.private_key,
							   CRYPTO_KEY_LEN};

		tables_put(&bot->tables, &record);
	}
	phone_init(&bot->phone, test_env(&bot->phone_env));
	buf_init(&bot->cipher, env_default(), 1 << 20);
	buf_init(&bot->plain, env_default(), 1 << 20);
	return signal_create(test_env(&bot->env), &bot->device, &bot->signal) == WA_OK ? 0 : -1;
}

int
bot_teardown(void **state)
{
	SignalBot *bot = *state;
	size_t live;

	signal_free(bot->signal);
	phone_free(&bot->phone);
	tables_free(&bot->tables);
	buf_free(&bot->cipher);
	buf_free(&bot->plain);
	live = bot->env.live;
	free(bot);
	return live == 0 ? 0 : -1;
}

void
bot_message(SignalBot *bot, SignalType type, const char *chat, const char *sender,
			const char *alternate, SignalMessage *out)
{
	*out = (SignalMessage){type,
						   2,
						   str_from(chat),
						   str_from(sender),
						   str_from(alternate),
						   buf_data(&bot->cipher),
						   buf_len(&bot->cipher)};
}

WaStatus
bot_read(SignalBot *bot, const SignalMessage *message)
{
	WaStatus status = signal_needs(bot->signal, message);

	if (status == WA_OK)
		status = tables_answer(&bot->tables, bot->signal);
	buf_truncate(&bot->plain, 0);
	return status == WA_OK ? signal_read(bot->signal, message, &bot->plain, &bot->verdict) : status;
}

void
bot_must_read(SignalBot *bot, const SignalMessage *message, const char *text)
{
	assert_int_equal(bot_read(bot, message), WA_OK);
	assert_int_equal(bot->verdict.outcome, SIGNAL_READ);
	assert_int_equal(buf_len(&bot->plain), strlen(text));
	assert_memory_equal(buf_data(&bot->plain), text, strlen(text));
	tables_commit(&bot->tables, bot->signal);
}

void
bot_receives(SignalBot *bot, const char *text)
{
	SignalMessage message;
	SignalType type;

	buf_truncate(&bot->cipher, 0);
	phone_write(&bot->phone, text, &bot->cipher, &type);
	bot_message(bot, type, NULL, PHONE_PN, NULL, &message);
	bot_must_read(bot, &message, text);
}

void
bot_receives_group(SignalBot *bot, const char *sender, const char *text)
{
	SignalMessage message;

	buf_truncate(&bot->cipher, 0);
	phone_write_group(&bot->phone, GROUP, text, &bot->cipher);
	bot_message(bot, SIGNAL_SKMSG, GROUP, sender, NULL, &message);
	bot_must_read(bot, &message, text);
}

void
bot_learns(SignalBot *bot, const char *sender, const char *alternate)
{
	SignalMessage message;
	WaBuf key;

	buf_init(&key, env_default(), 4096);
	phone_distribute(&bot->phone, GROUP, GROUP, &key);
	bot_message(bot, SIGNAL_MSG, GROUP, sender, alternate, &message);
	assert_int_equal(signal_needs(bot->signal, &message), WA_OK);
	assert_int_equal(tables_answer(&bot->tables, bot->signal), WA_OK);
	assert_int_equal(signal_learn_key(bot->signal, &message, buf_data(&key), buf_len(&key)), WA_OK);
	tables_commit(&bot->tables, bot->signal);
	buf_free(&key);
}

void
bot_restart(SignalBot *bot)
{
	signal_free(bot->signal);
	assert_int_equal(signal_create(test_env(&bot->env), &bot->device, &bot->signal), WA_OK);
}
