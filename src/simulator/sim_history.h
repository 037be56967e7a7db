/*
 * sim_history.h
 *		History sync: what a phone tells a new companion of the past.  Sheet 2
 *		section 9.
 *
 * A plan says who is there, which chats they have and how many messages lie in
 * each; every message is a function of the plan's seed, its chat and its place
 * in it, so that a million of them need no memory and can be told again at any
 * time: once as chunks to a device, and once as the truth to a test.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include "sim.h"

/* ---- sim_history_plan.c ---- */

typedef struct SimHistoryChat
{
	char id[64];      /* the JID as the phone writes it */
	uint64_t key;     /* of its chance: the same chat has the same messages on every phone */
	SimAccount *peer; /* NULL: a group */
	SimAccount **who; /* of a group: its members, the owner may be among them */
	int n_who;
	char name[80];
	int64_t first; /* messages and events in the chats before it */
	int64_t n;     /* its own */
} SimHistoryChat;

typedef struct SimHistoryPlan
{
	SimAccount *owner;
	uint64_t seed;
	int64_t since; /* Unix seconds: the first message is not earlier */
	int64_t until; /* and the last one not later */
	int64_t n_items;
	int stubs;      /* of 100 items in a group so many are events */
	int leavers;    /* past participants of each group */
	bool pushnames; /* tell push names */
	SimHistoryChat *chats;
	int n_chats;
	SimAccount **people; /* everybody who may be in a group */
	int n_people;
} SimHistoryPlan;

/* From the members of a request; NULL, and what is wrong with it. */
extern SimHistoryPlan *sim_history_plan_new(SimAccount *owner, json_t *request, const char **why);
extern void sim_history_plan_free(SimHistoryPlan *plan);
/* The person who left a group as its k-th (0 <= k < leavers), when and how. */
extern SimAccount *sim_history_plan_leaver(const SimHistoryPlan *plan, int chat, int k, int64_t *at,
										   bool *was_removed);

/* A generator of its own for everything that shall be the same again. */
typedef struct SimChance
{
	uint64_t state;
} SimChance;

extern SimChance sim_history_plan_chance(uint64_t a, uint64_t b, uint64_t c);
extern uint64_t sim_history_plan_draw(SimChance *chance, uint64_t below);

/* ---- sim_history_item.c ---- */

#define SIM_HISTORY_TEXT 8192
#define SIM_HISTORY_TARGETS 4

/* One message or one event of a group. */
typedef struct SimHistoryItem
{
	const SimHistoryChat *chat;
	int64_t place; /* in the chat; 0 is the oldest */
	char id[40];
	SimAccount *sender; /* of an event: who did it, NULL unknown */
	bool from_me;
	bool by_lid;      /* how the phone writes the sender */
	int64_t at;       /* Unix seconds */
	const char *kind; /* "text", "image" ...; of an event "add", "subject" ... */
	int stub;         /* messageStubType; 0: a message */
	SimAccount *targets[SIM_HISTORY_TARGETS];
	int n_targets;
	char text[SIM_HISTORY_TEXT]; /* body, caption, question, new subject */
	size_t text_len;
	bool has_text;
	SimChance chance; /* for what is left to choose when it is encoded */
} SimHistoryItem;

extern void sim_history_item_make(const SimHistoryPlan *plan, int chat, int64_t place,
								  SimHistoryItem *out);
/* Appends a WebMessageInfo. */
extern void sim_history_item_encode(const SimHistoryPlan *plan, SimHistoryItem *item, WaBuf *out);
/* What a person is called in a text of JIDs; out has 48 bytes. */
extern void sim_history_item_jid(const SimAccount *account, bool lid, char *out);
/* Adds a message's part of the checksum: see docs/simulator.md. */
extern uint64_t sim_history_item_sum(const SimHistoryItem *item);

/* ---- sim_history_chunk.c ---- */

typedef enum SimHistoryType
{
	SIM_HISTORY_BOOTSTRAP = 0,
	SIM_HISTORY_FULL = 2,
	SIM_HISTORY_RECENT = 3,
	SIM_HISTORY_PUSH_NAME = 4,
	SIM_HISTORY_NON_BLOCKING = 5
} SimHistoryType;

/* How far the telling has come.  Starts as zeroes but for the sizes. */
typedef struct SimHistoryCursor
{
	int chunk_messages; /* in one chunk, about */
	int duplicates;     /* messages of the chunk before that are told once more */
	int step;           /* bootstrap, push names, the rest of the data, older messages, end */
	int chat;           /* the next one to be told of */
	int64_t next;       /* its next message, the newest first; -1: it is done */
	int latest;         /* messages of each chat in the bootstrap */
	int64_t told;       /* without duplicates */
	int orders[6];      /* chunks of each type so far */
	int last_chat;      /* where the chunk before ended */
	int64_t last_place;
	bool has_last;
} SimHistoryCursor;

typedef struct SimHistoryChunk
{
	SimHistoryType type;
	int order;    /* from 1 in each type */
	int progress; /* percent */
	int64_t messages;
	int64_t oldest; /* Unix seconds; 0 none */
} SimHistoryChunk;

/* The next chunk as HistorySync, appended to out; false: there is none any more. */
extern bool sim_history_chunk_next(const SimHistoryPlan *plan, SimHistoryCursor *cursor, WaBuf *out,
								   SimHistoryChunk *chunk);

/* ---- sim_history.c ---- */

/* Begins to tell a device; NULL, or what is wrong with the request. */
extern const char *sim_history_start(SimDevice *device, json_t *request, json_t *out);
/* A device was linked and is online: tells it what the options say. */
extern void sim_history_linked(SimDevice *device);
extern const char *sim_history_set_option(json_t *value);
/* Counts a receipt of the types peer_msg and hist_sync. */
extern void sim_history_receipt(const SimDevice *device, WaStr id, WaStr type);
/* A device could not download the chunk of this message: it is uploaded again.  False: none of ours. */
extern bool sim_history_again(SimDevice *device, WaStr id);
extern void sim_history_state(const SimAccount *account, json_t *out);
extern const char *sim_history_truth(const SimAccount *account, json_t *request, json_t *out);

#endif /* SIM_HISTORY_H */
