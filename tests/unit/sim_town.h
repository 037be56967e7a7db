/*
 * sim_town.h
 *		A bot's Signal layer, linked to an account of the simulator, and
 *		simulated people who write to it.
 */
#ifndef WA_SIM_TOWN_H
#define WA_SIM_TOWN_H

#include "signal_bot.h"

#include "../../src/simulator/sim_message.h"

typedef struct Town
{
	SignalBot *bot;
	SimAccount *owner; /* of the bot's device */
	SimDevice *device;
	SimAccount *ann;
	SimAccount *ben;
	SimGroup *group; /* of ann, with all three */
	char chat[64];   /* its JID */
	WaArena arena;
} Town;

/* cmocka fixtures; *state is the Town. */
extern int town_setup(void **state);
extern int town_teardown(void **state);
/* Gives a device the bot's keys, two one-time prekeys among them. */
extern void town_upload(SimDevice *device, const SignalBot *bot);

/* Takes the oldest stanza out of the device's queue. */
extern WaNode *town_next(Town *town);
/* All parts of a stanza in their order; what the last one brought is in town->bot->plain. */
extern SignalOutcome town_read(Town *town, const WaNode *node);
extern void town_has_text(Town *town, const char *text); /* in town->bot->plain */
extern void town_next_says(Town *town, const char *text);

extern SimSaid *town_say(SimSay say, const char *text);
extern SimSaid *town_say_group(Town *town, SimAccount *from, const char *text);
extern SimSaid *town_say_direct(Town *town, SimAccount *from, const char *text);

#endif /* WA_SIM_TOWN_H */
