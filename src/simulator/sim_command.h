/*
 * sim_command.h
 *		A request of the control channel, and what its handlers share.
 *
 * A handler reads its request, fills the answer, and returns NULL or what is
 * wrong.  sim_command_deferred means that it took the request and answers it
 * itself.
 */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include "sim.h"

typedef struct SimCall
{
	SimRequest *request;
	json_t *in;
	json_t *out;
} SimCall;

/* Lists end with a NULL name. */
typedef struct SimCommand
{
	const char *name;
	const char *(*run)(SimCall *call);
} SimCommand;

extern const char sim_command_deferred[];
extern const SimCommand sim_command_people[]; /* accounts, devices, traffic, faults, options */
extern const SimCommand sim_command_groups[];
extern const SimCommand sim_command_looks[];
extern const SimCommand sim_command_media[];
extern const SimCommand sim_command_messages[];
extern const SimCommand sim_command_history[];
extern const SimCommand sim_command_app[];

extern const char *sim_command_text(const SimCall *call, const char *key);
extern SimAccount *sim_command_account(const SimCall *call, const char *key);
extern SimGroup *sim_command_group(const SimCall *call, const char *key);
/* A list of numbers as accounts, to be freed; NULL when it is none. */
extern SimAccount **sim_command_accounts(const SimCall *call, const char *key, int *n);
extern int sim_command_flag(const SimCall *call, const char *key); /* -1: not said */
extern const char *sim_command_outcome(int code);                  /* in words; NULL for 0 */
extern void sim_command_put_group(SimCall *call, const char *key, const SimGroup *group);

#define SIM_NEED(what, message)                                                                    \
	do                                                                                             \
	{                                                                                              \
		if ((what) == NULL)                                                                        \
			return (message);                                                                      \
	} while (0)

#define SIM_NO_NUMBER "number must be 5 to 20 digits"
#define SIM_NO_GROUP "no such group"

#endif /* SIM_COMMAND_H */
