/*
 * sim_history_plan.c
 *		Who and what a phone remembers: people, chats, and how many messages
 *		lie in each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_history.h"

#define DAY 86400
#define MAX_ITEMS INT64_C(100000000)

/* splitmix64 */
static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

SimChance
sim_history_plan_chance(uint64_t a, uint64_t b, uint64_t c)
{
	return (SimChance){mix(mix(mix(a) ^ b) ^ c)};
}

uint64_t
sim_history_plan_draw(SimChance *chance, uint64_t below)
{
	chance->state = mix(chance->state);
	return chance->state % below;
}

static uint64_t
hash_text(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t) *text) * UINT64_C(1099511628211);
	return h;
}

/* ---- people ---- */

static void
name_person(SimAccount *account, SimChance *chance)
{
	static const char *const first[] = {
		"Anna",   "Björn", "Chidi", "Dilara", "Eduardo", "Fatima", "Giulia",  "Hiroko",
		"Ismail", "Joana", "Kwame", "Léa",    "Mateusz", "Noor",   "Olena",   "Priya",
		"Quang",  "Rosa",  "Søren", "Tanvi",  "Uwe",     "Vera",   "Wanjiru", "李娜",
		"Юлия",   "محمد",  "שירה",  "ありさ", "नेहा",     "민준",   "Zoë ✨",   "Ágnes 🌻",
	};
	static const char *const last[] = {
		"",       "",       "Silva", "Müller",   "Okafor",
		"Yılmaz", "García", "Nowak", "D'Angelo", "van der Berg",
	};
	const char *a = first[sim_history_plan_draw(chance, sizeof(first) / sizeof(first[0]))];
	const char *b = last[sim_history_plan_draw(chance, sizeof(last) / sizeof(last[0]))];

	snprintf(account->name, sizeof(account->name), "%s%s%s", a, *b != '\0' ? " " : "", b);
}

static void
make_people(SimHistoryPlan *plan, int n, int hidden)
{
	SimChance base = sim_history_plan_chance(plan->seed, 1, 0);
	uint64_t number = UINT64_C(491600000000000) + sim_history_plan_draw(&base, 1000000) * 100000;

	plan->people = sim_util_alloc((size_t) (n + 1) * sizeof(*plan->people));
	for (int i = 0; i < n; i++)
	{
		SimChance chance = sim_history_plan_chance(plan->seed, 2, (uint64_t) i);
		char text[24];
		bool is_new;

		snprintf(text, sizeof(text), "%llu", (unsigned long long) (number + (uint64_t) i));
		is_new = sim_account_find(text) == NULL;
		plan->people[i] = sim_account_get(text);
		if (!is_new)
			continue;
		name_person(plan->people[i], &chance);
		plan->people[i]->hidden = (int) sim_history_plan_draw(&chance, 100) < hidden;
	}
	plan->n_people = n;
}

/* ---- chats ---- */

static void
name_group(SimHistoryChat *chat, SimChance *chance)
{
	static const char *const what[] = {
		"Neighbours", "Chess club", "Família ❤️", "5b parents", "Schrebergarten", "Запуск",
		"Futebol ⚽",  "旅行",       "Choir",           "Flat hunt",  "Volunteers",     "Bazar",
	};

	snprintf(chat->name, sizeof(chat->name), "%s %d",
			 what[sim_history_plan_draw(chance, sizeof(what) / sizeof(what[0]))],
			 (int) sim_history_plan_draw(chance, 1000));
}

static void
make_group(SimHistoryPlan *plan, SimHistoryChat *chat, int index, SimGroup *real)
{
	SimChance chance = sim_history_plan_chance(plan->seed, 3, (uint64_t) index);
	int size;
	int start;

	if (real != NULL)
	{
		snprintf(chat->id, sizeof(chat->id), "%s@g.us", real->id);
		snprintf(chat->name, sizeof(chat->name), "%s", real->subject);
		chat->n_who = real->n_members;
		chat->who = sim_util_alloc((size_t) (chat->n_who + 1) * sizeof(*chat->who));
		for (int i = 0; i < chat->n_who; i++)
			chat->who[i] = real->members[i].account;
		return;
	}
	snprintf(chat->id, sizeof(chat->id), "120363%012llu@g.us",
			 (unsigned long long) sim_history_plan_draw(&chance, UINT64_C(1000000000000)));
	name_group(chat, &chance);
	size = 3 + (int) sim_history_plan_draw(&chance, 40);
	if (size > plan->n_people)
		size = plan->n_people;
	start = (int) sim_history_plan_draw(&chance, (uint64_t) plan->n_people);
	chat->who = sim_util_alloc((size_t) (size + 1) * sizeof(*chat->who));
	chat->who[chat->n_who++] = plan->owner;
	for (int i = 0; i < size; i++)
		chat->who[chat->n_who++] = plan->people[(start + i) % plan->n_people];
}

static void
make_direct(SimHistoryPlan *plan, SimHistoryChat *chat, int index)
{
	SimChance chance = sim_history_plan_chance(plan->seed, 4, (uint64_t) index);

	chat->peer = plan->people[index % plan->n_people];
	/* phones move their chats to LIDs one by one */
	sim_history_item_jid(chat->peer, chat->peer->hidden || sim_history_plan_draw(&chance, 100) < 60,
						 chat->id);
	snprintf(chat->name, sizeof(chat->name), "%s", chat->peer->name);
}

/* A few chats have most of the messages, every chat has one. */
static void
share_items(SimHistoryPlan *plan, int64_t n_items)
{
	double total = 0;
	int64_t given = 0;

	for (int i = 0; i < plan->n_chats; i++)
		total += 1.0 / (1 + i % 97);
	for (int i = 0; i < plan->n_chats; i++)
	{
		SimHistoryChat *chat = &plan->chats[i];

		chat->n = 1 + (int64_t) ((double) (n_items - plan->n_chats) / (1 + i % 97) / total);
		given += chat->n;
	}
	plan->chats[0].n += n_items - given;
	for (int i = 1; i < plan->n_chats; i++)
		plan->chats[i].first = plan->chats[i - 1].first + plan->chats[i - 1].n;
	plan->n_items = n_items;
}

/* ---- the request ---- */

static int64_t
number_of(json_t *request, const char *key, int64_t otherwise)
{
	json_t *value = json_object_get(request, key);

	return json_is_integer(value) ? (int64_t) json_integer_value(value) : otherwise;
}

static SimGroup **
read_groups(json_t *list)
{
	SimGroup **groups = sim_util_alloc((json_array_size(list) + 1) * sizeof(*groups));

	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const char *jid = json_string_value(json_array_get(list, i));

		groups[i] = jid == NULL ? NULL : sim_group_find(jid);
		if (groups[i] == NULL)
		{
			free(groups);
			return NULL;
		}
	}
	return groups;
}

SimHistoryPlan *
sim_history_plan_new(SimAccount *owner, json_t *request, const char **why)
{
	json_t *real_list = json_object_get(request, "groups");
	int n_real = (int) json_array_size(real_list);
	int64_t n_chats = number_of(request, "chats", n_real > 0 ? n_real : 10);
	int64_t n_items = number_of(request, "messages", 1000);
	int64_t share = number_of(request, "group_share", 50);
	int64_t people = number_of(request, "people", 20 + (n_chats < 2000 ? n_chats * 2 : n_chats));
	int64_t days = number_of(request, "days", 365);
	int64_t leavers = number_of(request, "past_participants", 3);
	int64_t stubs = number_of(request, "stubs", 5);
	int64_t n_groups = n_chats * share / 100 > n_real ? n_chats * share / 100 : n_real;
	SimHistoryPlan *plan;
	SimGroup **real;

	if (n_chats < 1 || n_chats > 100000 || n_chats < n_real || n_items < n_chats ||
		n_items > MAX_ITEMS)
	{
		*why = "chats (1..100000, not fewer than groups) and messages (at least one for each chat) "
			   "do not fit";
		return NULL;
	}
	if (people < 3 || people > 150000 || people < n_chats - n_groups || days < 1 || days > 5000 ||
		share < 0 || share > 100 || stubs < 0 || stubs > 100 || leavers < 0 || leavers > 1000)
	{
		*why = "people is 3..150000 and one for each direct chat, days 1..5000, group_share and "
			   "stubs are percent, past_participants 0..1000";
		return NULL;
	}
	real = read_groups(real_list);
	if (real == NULL)
	{
		*why = "groups must be a list of the service's groups";
		return NULL;
	}
	plan = sim_util_alloc(sizeof(*plan));
	plan->owner = owner;
	plan->seed = (uint64_t) number_of(request, "seed", 1);
	plan->until = number_of(request, "until", sim_util_now() - 60);
	plan->since = plan->until - days * DAY;
	plan->stubs = (int) stubs;
	plan->leavers = (int) leavers;
	plan->pushnames = !json_is_false(json_object_get(request, "pushnames"));
	make_people(plan, (int) people, (int) number_of(request, "hidden", 20));
	plan->n_chats = (int) n_chats;
	plan->chats = sim_util_alloc((size_t) n_chats * sizeof(*plan->chats));
	for (int i = 0; i < plan->n_chats; i++)
	{
		SimHistoryChat *chat = &plan->chats[i];

		if (i < n_groups)
			make_group(plan, chat, i, i < n_real ? real[i] : NULL);
		else
			make_direct(plan, chat, i - (int) n_groups);
		chat->key = hash_text(chat->peer == NULL ? chat->id : chat->peer->lid);
	}
	free(real);
	share_items(plan, n_items);
	return plan;
}

void
sim_history_plan_free(SimHistoryPlan *plan)
{
	if (plan == NULL)
		return;
	for (int i = 0; i < plan->n_chats; i++)
		free(plan->chats[i].who);
	free(plan->chats);
	free(plan->people);
	free(plan);
}

SimAccount *
sim_history_plan_leaver(const SimHistoryPlan *plan, int chat, int k, int64_t *at, bool *was_removed)
{
	const SimHistoryChat *of = &plan->chats[chat];
	SimChance chance = sim_history_plan_chance(plan->seed ^ 5, of->key, (uint64_t) k);
	uint64_t start = (of->key + (uint64_t) k * 7919) % (uint64_t) plan->n_people;

	/* phones keep those of the last sixty days */
	*at = plan->until - (int64_t) sim_history_plan_draw(&chance, 60 * DAY);
	*was_removed = sim_history_plan_draw(&chance, 3) == 0;
	/* somebody who is no member any more, if there is such a one */
	for (int i = 0; i < plan->n_people; i++)
	{
		SimAccount *account = plan->people[(start + (uint64_t) i) % (uint64_t) plan->n_people];
		int j = 0;

		while (j < of->n_who && of->who[j] != account)
			j++;
		if (j == of->n_who)
			return account;
	}
	return plan->people[start];
}
