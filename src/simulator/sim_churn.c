/*
 * sim_churn.c
 *		A believable community on fast forward: groups whose people come, go
 *		and change things at a given rate.
 *
 * Everything is drawn from a seed, so that two runs do the same things in the
 * same order.  Bots are members that the generator never touches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim.h"

typedef enum Action
{
	ADD,
	REMOVE,
	LEAVE,
	LINK_JOIN,
	PROMOTE,
	DEMOTE,
	SUBJECT,
	SETTINGS,
	N_ACTIONS
} Action;

static const char *const action_names[N_ACTIONS] = {
	"add", "remove", "leave", "link_join", "promote", "demote", "subject", "settings",
};

/* The people of one group: those who are in it now and those who were or will be. */
typedef struct ChurnGroup
{
	SimGroup *group;
	SimAccount **people;
	int n_people;
} ChurnGroup;

static struct
{
	bool running;
	bool timer_made;
	uv_timer_t timer;
	ChurnGroup *groups;
	int n_groups;
	double rate;
	uint64_t limit; /* events, 0 none */
	int64_t started_us;
	uint64_t done;
	uint64_t counts[N_ACTIONS];
	uint64_t random;
} churn;

#define PERIOD_MS 10

/* xorshift64*: the generator's own chance, independent of everything else */
static uint32_t
chance(uint32_t below)
{
	churn.random ^= churn.random >> 12;
	churn.random ^= churn.random << 25;
	churn.random ^= churn.random >> 27;
	return (uint32_t) (((churn.random * UINT64_C(2685821657736338717)) >> 32) % below);
}

/* Somebody of the generator's people who is (not) in the group and has the role; NULL none found. */
static SimAccount *
pick(const ChurnGroup *g, bool inside, int role)
{
	int start = (int) chance((uint32_t) g->n_people);

	/* never the first: the creator stays */
	for (int i = 0; i < g->n_people; i++)
	{
		int at = (start + i) % g->n_people;
		const SimMember *member;

		if (at == 0)
			continue;
		member = sim_group_member(g->group, g->people[at]);
		if ((member != NULL) == inside && (role < 0 || (int) member->role == role))
			return g->people[at];
		if (i > 64)
			break;
	}
	return NULL;
}

static bool
act(ChurnGroup *g, Action action)
{
	SimGroup *group = g->group;
	SimAccount *boss = g->people[0];
	SimAccount *who = NULL;
	SimSettings set = SIM_SETTINGS_NONE;
	char subject[64];
	bool asked;

	switch (action)
	{
		case ADD:
			who = pick(g, false, -1);
			return who != NULL && sim_group_add(group, boss, &who, 1, SIM_ADD_BY_ADMIN, NULL) == 0;
		case REMOVE:
			who = pick(g, true, -1);
			return who != NULL && sim_group_remove(group, boss, &who, 1, NULL) == 0;
		case LEAVE:
			who = pick(g, true, -1);
			return who != NULL && sim_group_leave(group, who) == 0;
		case LINK_JOIN:
			who = pick(g, false, -1);
			return who != NULL && sim_group_join(group, who, true, &asked) == 0;
		case PROMOTE:
			who = pick(g, true, SIM_MEMBER);
			return who != NULL && sim_group_set_role(group, boss, &who, 1, true, NULL) == 0;
		case DEMOTE:
			who = pick(g, true, SIM_ADMIN);
			return who != NULL && sim_group_set_role(group, boss, &who, 1, false, NULL) == 0;
		case SUBJECT:
			snprintf(subject, sizeof(subject), "Group %s, take %u", group->id + 12,
					 chance(1000000));
			return sim_group_subject(group, boss, str_from(subject)) == 0;
		case SETTINGS:
			switch (chance(3))
			{
				case 0:
					set.announce = !group->announce;
					break;
				case 1:
					set.locked = !group->locked;
					break;
				default:
					set.ephemeral = group->ephemeral > 0 ? 0 : 604800;
					break;
			}
			return sim_group_settings(group, boss, &set) == 0;
		case N_ACTIONS:
			break;
	}
	return false;
}

static void
step(void)
{
	ChurnGroup *g = &churn.groups[chance((uint32_t) churn.n_groups)];
	Action action = (Action) chance(N_ACTIONS);

	/* what cannot be done here and now gives way to what can */
	for (int i = 0; i < N_ACTIONS; i++)
	{
		if (act(g, action))
		{
			churn.counts[action]++;
			churn.done++;
			return;
		}
		action = (Action) ((action + 1) % N_ACTIONS);
	}
}

static void
on_timer(uv_timer_t *handle)
{
	double due = churn.rate * (double) (sim_util_mono_us() - churn.started_us) / 1e6;

	(void) handle;
	/* after a pause (a stopped process) it does not try to make up for all of it */
	if (due - (double) churn.done > churn.rate)
	{
		churn.started_us = sim_util_mono_us() - (int64_t) ((double) churn.done / churn.rate * 1e6);
		return;
	}
	while (churn.running && (double) churn.done < due)
	{
		uint64_t before = churn.done;

		step();
		if (churn.limit > 0 && churn.done >= churn.limit)
		{
			churn.running = false;
			uv_timer_stop(&churn.timer);
		}
		if (churn.done == before)
			break;
	}
}

static void
make_group(ChurnGroup *g, int index, int members, SimAccount **bots, int n_bots, bool lid,
		   int hidden, uint64_t first_number)
{
	SimAccount **inside = sim_util_alloc((size_t) (members + n_bots) * sizeof(*inside));
	char text[64];
	int n = 0;

	/* half as many again wait outside */
	g->n_people = members + members / 2 + 1;
	g->people = sim_util_alloc((size_t) g->n_people * sizeof(*g->people));
	for (int i = 0; i < g->n_people; i++)
	{
		snprintf(text, sizeof(text), "%llu",
				 (unsigned long long) (first_number + (uint64_t) index * 100000 + (uint64_t) i));
		g->people[i] = sim_account_get(text);
		g->people[i]->hidden = (int) chance(100) < hidden;
		if (i > 0 && n < members - 1)
			inside[n++] = g->people[i];
	}
	for (int i = 0; i < n_bots; i++)
		inside[n++] = bots[i];
	snprintf(text, sizeof(text), "Group %d", index + 1);
	g->group = sim_group_create(g->people[0], text, inside, n, lid, NULL);
	free(inside);
}

static void
forget_groups(void)
{
	for (int i = 0; i < churn.n_groups; i++)
		free(churn.groups[i].people);
	free(churn.groups);
	churn.groups = NULL;
	churn.n_groups = 0;
}

const char *
sim_churn_start(json_t *request, json_t *answer)
{
	static uint64_t runs;
	json_t *bots = json_object_get(request, "bots");
	json_t *rate = json_object_get(request, "rate");
	const char *addressing = json_string_value(json_object_get(request, "addressing"));
	int n_groups = (int) json_integer_value(json_object_get(request, "groups"));
	int members = (int) json_integer_value(json_object_get(request, "members"));
	json_t *seed = json_object_get(request, "seed");
	int n_bots = (int) json_array_size(bots);
	int hidden = (int) json_integer_value(json_object_get(request, "hidden"));
	SimAccount **accounts;
	json_t *list;

	if (churn.running)
		return "churn is running already";
	if (n_groups < 1 || n_groups > 10000 || members < 3 || members > 60000 ||
		json_number_value(rate) <= 0)
		return "groups (1..10000), members (3..60000) and rate are needed";
	accounts = sim_util_alloc((size_t) (n_bots + 1) * sizeof(*accounts));
	for (int i = 0; i < n_bots; i++)
	{
		accounts[i] = sim_account_get(json_string_value(json_array_get(bots, (size_t) i)));
		if (accounts[i] == NULL)
		{
			free(accounts);
			return "bots must be a list of numbers";
		}
	}
	forget_groups();
	memset(churn.counts, 0, sizeof(churn.counts));
	churn.done = 0;
	churn.limit = (uint64_t) json_integer_value(json_object_get(request, "events"));
	churn.rate = json_number_value(rate);
	churn.random = (uint64_t) json_integer_value(seed) * UINT64_C(0x9E3779B97F4A7C15) +
				   UINT64_C(88172645463325252);
	churn.n_groups = n_groups;
	list = json_array();
	churn.groups = sim_util_alloc((size_t) n_groups * sizeof(*churn.groups));
	for (int i = 0; i < n_groups; i++)
	{
		char jid[64];

		make_group(&churn.groups[i], i, members, accounts, n_bots,
				   addressing == NULL || strcmp(addressing, "pn") != 0, hidden,
				   UINT64_C(4915000000000) + runs * UINT64_C(1000000000));
		snprintf(jid, sizeof(jid), "%s@g.us", churn.groups[i].group->id);
		json_array_append_new(list, json_string(jid));
	}
	runs++;
	free(accounts);
	json_object_set_new(answer, "groups", list);
	churn.running = true;
	churn.started_us = sim_util_mono_us();
	if (!churn.timer_made)
		uv_timer_init(net_loop_uv(sim.loop), &churn.timer);
	churn.timer_made = true;
	uv_timer_start(&churn.timer, on_timer, PERIOD_MS, PERIOD_MS);
	return NULL;
}

void
sim_churn_stop(json_t *answer)
{
	json_t *counts = json_object();

	if (churn.running)
		uv_timer_stop(&churn.timer);
	churn.running = false;
	for (int i = 0; i < N_ACTIONS; i++)
		json_object_set_new(counts, action_names[i], json_integer((json_int_t) churn.counts[i]));
	json_object_set_new(answer, "events", json_integer((json_int_t) churn.done));
	json_object_set_new(answer, "counts", counts);
}

bool
sim_churn_running(void)
{
	return churn.running;
}
