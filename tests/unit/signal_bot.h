/*
 * signal_bot.h
 *		A bot with its tables and somebody's phone, for tests of the Signal layer.
 */
#ifndef WA_SIGNAL_BOT_H
#define WA_SIGNAL_BOT_H

#include "check.h"
#include "signal_phone.h"
#include "signal_tables.h"

#define BOT_PN "4915550001@s.whatsapp.net"
#define BOT_LID "900001@lid"
#define PHONE_PN "4917770001@s.whatsapp.net"
#define PHONE_LID "70001@lid"
#define GROUP "120363000000000001@g.us"

typedef struct SignalBot
{
	TestEnv env;
	TestEnv phone_env; /* the phone's randomness */
	WaDevice device;
	WaSignal *signal;
	SignalTables tables;
	WaPrekey prekeys[2];
	SignalPhone phone;
	/* the last message */
	WaBuf cipher;
	WaBuf plain;
	SignalVerdict verdict;
} SignalBot;

/* cmocka fixtures; *state is the SignalBot. */
extern int bot_setup(void **state);
extern int bot_teardown(void **state);

extern void bot_message(SignalBot *bot, SignalType type, const char *chat, const char *sender,
						const char *alternate, SignalMessage *out); /* of bot->cipher */
/* Asks, answers and reads; leaves the changes uncommitted. */
extern WaStatus bot_read(SignalBot *bot, const SignalMessage *message);
/* The same for one that must be read, then commits. */
extern void bot_must_read(SignalBot *bot, const SignalMessage *message, const char *text);
/* The phone writes text in the direct chat, the bot reads it. */
extern void bot_receives(SignalBot *bot, const char *text);
/* The same for a message of the group, and for the group's key (filed under sender). */
extern void bot_receives_group(SignalBot *bot, const char *sender, const char *text);
extern void bot_learns(SignalBot *bot, const char *sender, const char *alternate);
/* Ends the process and starts it again: only the tables are left. */
extern void bot_restart(SignalBot *bot);

#endif /* WA_SIGNAL_BOT_H */
