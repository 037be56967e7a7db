/*
 * sim_talk.c
 *		People who talk: messages in many groups at a given rate.
 *
 * Like churn it draws everything from a seed.  Groups and their speakers take
 * turns, so that all write equally much.  Speakers are members without linked
 * devices; one who has left the group is replaced by another member.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim_message.h"

#define PERIOD_MS 5
#define SPEAKERS 4 /* of each group */
#define RECENT 8   /* messages that edits and reactions are about */
#define MAX_SIZE (1 << 20)

typedef struct TalkGroup
{
	SimGroup *group;
	SimAccount *speakers[SPEAKERS];
	int next; /* speaker */
	int64_t recent[RECENT];
	uint64_t n; /* texts said here */
} TalkGroup;

static struct
{
	bool running;
	bool timer_made;
	uv_timer_t timer;
	TalkGroup *groups;
	int n_groups;
	SimAccount **bots; /* that get direct messages */
	int n_bots;
	int next_bot;
	double rate;
	uint64_t limit; /* messages, 0 none */
	size_t size;
	int direct; /* shares in percent */
	int damage;
	int edits;
	int reactions;
	int64_t started_us;
	uint64_t run;
	uint64_t due_from; /* messages that count for the present pace */
	uint64_t done;
	uint64_t refused;
	uint64_t random;
	char *text;
} talk;

static SimDamage bad_mac = {.kind = SIM_BAD_MAC, .left = 1};
static SimDamage no_skdm = {.kind = SIM_NO_SKDM, .left = 1};

/* xorshift64*, as in sim_churn.c */
static uint32_t
chance(uint32_t below)
{
	talk.random ^= talk.random >> 12;
	talk.random ^= talk.random << 25;
	talk.random ^= talk.random >> 27;
	return (uint32_t) (((talk.random * UINT64_C(2685821657736338717)) >> 32) % below);
}

static bool
may_speak(const SimAccount *account)
{
	for (const SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (!device->removed)
			return false;
	}
	return true;
}

/* Fills the speaker's place with a member who is none yet; false: there is nobody. */
static bool
replace_speaker(TalkGroup *g, int place)
{
	const SimGroup *group = g->group;
	SimAccount *others[SPEAKERS];
	int n = 0;
	int start = group->n_members == 0 ? 0 : (int) chance((uint32_t) group->n_members);

	for (int i = 0; i < group->n_members; i++)
	{
		SimAccount *account = group->members[(start + i) % group->n_members].account;
		bool taken = !may_speak(account);

		for (int j = 0; j < SPEAKERS && !taken; j++)
			taken = j != place && g->speakers[j] == account;
		if (!taken)
		{
			g->speakers[place] = account;
			return true;
		}
	}
	/* few people: those there are speak in more than one place, evenly */
	for (int j = 0; j < SPEAKERS; j++)
	{
		bool known =
			g->speakers[j] == NULL || j == place || sim_group_member(group, g->speakers[j]) == NULL;

		for (int k = 0; k < n && !known; k++)
			known = others[k] == g->speakers[j];
		if (!known)
			others[n++] = g->speakers[j];
	}
	g->speakers[place] = n == 0 ? NULL : others[place % n];
	return n > 0;
}

static SimAccount *
next_speaker(TalkGroup *g)
{
	int place = g->next++ % SPEAKERS;

	if (g->speakers[place] == NULL || sim_group_member(g->group, g->speakers[place]) == NULL)
		(void) replace_speaker(g, place);
	return g->speakers[place];
}

/* A text that nobody said before, of the wanted size. */
static WaStr
unique_text(const SimAccount *from)
{
	int n = snprintf(talk.text, talk.size + 64, "%llu.%llu %s ", (unsigned long long) talk.run,
					 (unsigned long long) talk.done, from->number);
	size_t len = (size_t) n;

	for (; len < talk.size; len++)
		talk.text[len] = (char) (len % 8 == 7 ? ' ' : 'a' + (int) ((len + talk.done) % 26));
	return (WaStr){talk.text, len};
}

/* A late text of the group; by: only his. */
static SimSaid *
recent(const TalkGroup *g, const SimAccount *by)
{
	uint64_t n = g->n < RECENT ? g->n : RECENT;

	for (uint64_t i = 0; i < n; i++)
	{
		SimSaid *said = sim_said_at(g->recent[(g->n - 1 - i) % RECENT]);

		if (by == NULL ? chance(2) == 0 || i + 1 == n : said->from == by)
			return said;
	}
	return NULL;
}

static bool
say(SimSay *post, WaBuf *message)
{
	SimSaid *said;
	bool ok;

	post->message = buf_data(message);
	post->len = buf_len(message);
	ok = sim_say(post, &said) == NULL;
	buf_free(message);
	if (!ok)
		talk.refused++;
	talk.done++;
	return ok;
}

static void
say_direct(SimAccount *from)
{
	SimSay post = {.from = from, .envelope = &sim_compose_plain, .lid = true};
	WaBuf message;

	post.to = talk.bots[talk.next_bot++ % talk.n_bots];
	buf_init(&message, sim.env, MAX_SIZE + 1024);
	sim_compose_text(&message, unique_text(from));
	(void) say(&post, &message);
}

static void
step(void)
{
	static const char *const emoji[] = {"👍", "❤️", "😂", "😮", "🙏"};
	TalkGroup *g = &talk.groups[talk.done % (uint64_t) talk.n_groups];
	SimAccount *from = next_speaker(g);
	SimSay post = {.from = from, .group = g->group, .envelope = &sim_compose_plain};
	int kind = (int) chance(100);
	WaBuf message;

	if (from == NULL)
	{
		talk.refused++;
		talk.done++;
		return;
	}
	if (talk.n_bots > 0 && (int) chance(100) < talk.direct)
	{
		say_direct(from);
		return;
	}
	if (kind < talk.edits)
		post.target = recent(g, from);
	else if (kind < talk.edits + talk.reactions)
		post.target = recent(g, NULL);
	if (talk.damage > 0 && (int) chance(100) < talk.damage)
		post.damage = chance(4) == 0 ? &no_skdm : &bad_mac;
	buf_init(&message, sim.env, 2 * MAX_SIZE);
	if (post.target == NULL)
	{
		sim_compose_text(&message, unique_text(from));
		if (say(&post, &message))
			g->recent[g->n++ % RECENT] = sim_said_count() - 1;
	}
	else if (kind < talk.edits)
	{
		post.envelope = &sim_compose_editing;
		sim_compose_edit(&message, post.target, unique_text(from), sim_util_now_us());
		(void) say(&post, &message);
	}
	else
	{
		post.envelope = &sim_compose_reacting;
		sim_compose_reaction(&message, from, post.target,
							 str_from(emoji[chance(sizeof(emoji) / sizeof(emoji[0]))]),
							 sim_util_now_us());
		(void) say(&post, &message);
	}
}

static void
on_timer(uv_timer_t *handle)
{
	int64_t now = sim_util_mono_us();
	double due = talk.rate * (double) (now - talk.started_us) / 1e6;

	(void) handle;
	/* what a pause (a stopped process) left undone for more than a second is not made up for */
	if (due - (double) (talk.done - talk.due_from) > talk.rate + 1)
	{
		talk.started_us = now;
		talk.due_from = talk.done;
		return;
	}
	/* not so long that connections starve */
	while (talk.running && (double) (talk.done - talk.due_from) < due &&
		   sim_util_mono_us() - now < 20000)
	{
		step();
		if (talk.limit > 0 && talk.done >= talk.limit)
		{
			talk.running = false;
			uv_timer_stop(&talk.timer);
		}
	}
}

/* ---- start and stop ---- */

static int
share(json_t *request, const char *key)
{
	json_t *value = json_object_get(request, key);

	return value == NULL ? 0 : json_is_integer(value) ? (int) json_integer_value(value) : -1;
}

static const char *
read_groups(json_t *list)
{
	talk.n_groups = 0;
	free(talk.groups);
	talk.groups = sim_util_alloc((json_array_size(list) + 1) * sizeof(*talk.groups));
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const char *jid = json_string_value(json_array_get(list, i));
		TalkGroup *g = &talk.groups[talk.n_groups];

		g->group = jid == NULL ? NULL : sim_group_find(jid);
		if (g->group == NULL)
			return "no such group";
		for (int j = 0; j < SPEAKERS; j++)
		{
			if (!replace_speaker(g, j))
				return "every member of a group has a linked device: nobody is left to talk";
		}
		talk.n_groups++;
	}
	return talk.n_groups == 0 ? "groups must be a list of groups" : NULL;
}

static const char *
read_bots(json_t *list)
{
	talk.n_bots = talk.next_bot = 0;
	free(talk.bots);
	talk.bots = sim_util_alloc((json_array_size(list) + 1) * sizeof(*talk.bots));
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		talk.bots[i] = sim_account_get(json_string_value(json_array_get(list, i)));
		if (talk.bots[i] == NULL)
			return "direct_bots must be a list of numbers";
		talk.n_bots++;
	}
	return NULL;
}

const char *
sim_talk_start(json_t *request, json_t *answer)
{
	json_t *size = json_object_get(request, "size");
	json_t *seed = json_object_get(request, "seed");
	const char *error;

	if (talk.running)
		return "people talk already";
	talk.rate = json_number_value(json_object_get(request, "rate"));
	talk.size = size == NULL ? 60 : (size_t) json_integer_value(size);
	if (talk.rate <= 0 || talk.size < 1 || talk.size > MAX_SIZE)
		return "rate is needed; size is 1 to 1048576";
	talk.direct = share(request, "direct");
	talk.damage = share(request, "damage");
	talk.edits = share(request, "edits");
	talk.reactions = share(request, "reactions");
	if (talk.direct < 0 || talk.direct > 100 || talk.damage < 0 || talk.damage > 100 ||
		talk.edits < 0 || talk.reactions < 0 || talk.edits + talk.reactions > 100)
		return "direct, damage, edits and reactions are shares in percent";
	talk.random = (uint64_t) json_integer_value(seed) * UINT64_C(0x9E3779B97F4A7C15) +
				  UINT64_C(88172645463325252);
	error = read_groups(json_object_get(request, "groups"));
	if (error == NULL)
		error = read_bots(json_object_get(request, "direct_bots"));
	if (error != NULL)
		return error;
	if (talk.direct > 0 && talk.n_bots == 0)
		return "direct needs direct_bots";
	talk.text = sim_util_grow(talk.text, talk.size + 64);
	talk.limit = (uint64_t) json_integer_value(json_object_get(request, "events"));
	talk.done = talk.due_from = talk.refused = 0;
	talk.run++;
	talk.running = true;
	talk.started_us = sim_util_mono_us();
	if (!talk.timer_made)
		uv_timer_init(net_loop_uv(sim.loop), &talk.timer);
	talk.timer_made = true;
	uv_timer_start(&talk.timer, on_timer, PERIOD_MS, PERIOD_MS);
	json_object_set_new(answer, "groups", json_integer(talk.n_groups));
	json_object_set_new(answer, "first", json_integer(sim_said_count()));
	return NULL;
}

void
sim_talk_stop(json_t *answer)
{
	if (talk.running)
		uv_timer_stop(&talk.timer);
	talk.running = false;
	json_object_set_new(answer, "sent", json_integer((json_int_t) (talk.done - talk.refused)));
	json_object_set_new(answer, "refused", json_integer((json_int_t) talk.refused));
}

bool
sim_talk_running(void)
{
	return talk.running;
}
