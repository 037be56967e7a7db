/*
 * test_sim_history.c
 *		The past that simulated phones tell: that the client reads exactly what
 *		the truth says, once but for the repetitions, and that it is the same
 *		again from the same seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/protocol/history.h"
#include "../../src/simulator/sim_history.h"
#include "check.h"

#define UNTIL 1780000000

/* What was read, per item of the plan. */
typedef struct Seen
{
	int *times;
	int leavers;
	int names;
	int aliases;
	int conversations;
	int chunks;
	int repeated;
} Seen;

static SimHistoryItem item;

static int
setup(void **state)
{
	(void) state;
	sim.env = env_default();
	return 0;
}

static SimHistoryPlan *
make_plan(const char *number, const char *text)
{
	json_t *request = json_loads(text, 0, NULL);
	const char *why = NULL;
	SimHistoryPlan *plan;

	assert_non_null(request);
	json_object_set_new(request, "until", json_integer(UNTIL));
	plan = sim_history_plan_new(sim_account_get(number), request, &why);
	assert_null(why);
	assert_non_null(plan);
	json_decref(request);
	return plan;
}

/* The place of the item with this id in the chat's numbering, -1 none. */
static int64_t
find_item(const SimHistoryPlan *plan, WaStr chat, WaStr id, int *index)
{
	for (int i = 0; i < plan->n_chats; i++)
	{
		if (!str_is(chat, plan->chats[i].id))
			continue;
		*index = i;
		for (int64_t place = 0; place < plan->chats[i].n; place++)
		{
			sim_history_item_make(plan, i, place, &item);
			if (str_is(id, item.id))
				return place;
		}
	}
	return -1;
}

static void
check_person(WaStr jid, const SimAccount *account)
{
	char lid[48];
	char pn[48];

	sim_history_item_jid(account, true, lid);
	sim_history_item_jid(account, false, pn);
	assert_true(str_is(jid, lid) || (str_is(jid, pn) && !account->hidden));
}

/* item holds what it should be. */
static void
check_message(const SimHistoryPlan *plan, const WaHistoryMessage *message)
{
	assert_int_equal(message->at, item.at);
	assert_int_equal(message->key.from_me, item.from_me);
	assert_int_equal(message->stub_type, item.stub);
	if (item.chat->peer == NULL && !item.from_me)
		check_person(message->sender, item.sender);
	if (item.stub != 0)
	{
		assert_non_null(message->change);
		assert_string_equal(message->change->kind, item.kind);
		assert_int_equal(message->change->n_targets, item.n_targets);
		for (int i = 0; i < item.n_targets; i++)
			check_person(message->change->targets[i], item.targets[i]);
		if (item.has_text)
			assert_memory_equal(message->change->text.data, item.text, item.text_len);
		return;
	}
	assert_non_null(message->content);
	if (item.has_text)
	{
		assert_int_equal(message->content->body.len, item.text_len);
		assert_memory_equal(message->content->body.data, item.text, item.text_len);
	}
	else
		assert_int_equal(message->content->body.len, 0);
	if (strcmp(item.kind, "poll") == 0)
	{
		assert_int_equal(message->secret.len, 32);
		assert_true(message->n_votes > 0);
	}
	(void) plan;
}

static void
read_chunk(const SimHistoryPlan *plan, const WaBuf *chunk, Seen *seen)
{
	WaHistory history;
	WaHistoryEvent event;
	const uint8_t *data = buf_data(chunk);
	size_t left = buf_len(chunk);
	WaStatus status;

	history_init(&history, sim.env, HISTORY_SYNC);
	while (left > 0)
	{
		size_t n = left < 1000 ? left : 1000;

		assert_int_equal(history_feed(&history, data, n), WA_OK);
		data += n;
		left -= n;
		while ((status = history_next(&history, &event)) == WA_OK)
		{
			int index = 0;
			int64_t place;

			seen->leavers += event.kind == HISTORY_LEAVERS ? (int) event.n_leavers : 0;
			seen->names += event.kind == HISTORY_NAME;
			seen->aliases += event.kind == HISTORY_ALIAS;
			seen->conversations += event.kind == HISTORY_CONVERSATION;
			if (event.kind != HISTORY_MESSAGE)
				continue;
			place = find_item(plan, event.chat, event.message->key.id, &index);
			assert_true(place >= 0);
			check_message(plan, event.message);
			seen->repeated += seen->times[plan->chats[index].first + place] > 0;
			seen->times[plan->chats[index].first + place]++;
		}
		assert_int_equal(status, WA_NEED_MORE);
	}
	assert_int_equal(history_end(&history), WA_OK);
	assert_int_equal(history.n_malformed, 0);
	assert_int_equal(history.n_oversized, 0);
	history_free(&history);
}

static void
read_all(const SimHistoryPlan *plan, int chunk_messages, int duplicates, Seen *seen)
{
	SimHistoryCursor cursor = {.chunk_messages = chunk_messages, .duplicates = duplicates};
	SimHistoryChunk chunk = {0};
	int progress = 0;
	WaBuf bytes;

	memset(seen, 0, sizeof(*seen));
	seen->times = calloc((size_t) plan->n_items, sizeof(int));
	buf_init(&bytes, sim.env, 1 << 28);
	while (sim_history_chunk_next(plan, &cursor, &bytes, &chunk))
	{
		assert_true(chunk.progress >= progress);
		progress = chunk.progress;
		read_chunk(plan, &bytes, seen);
		buf_free(&bytes);
		seen->chunks++;
	}
	assert_int_equal(progress, 100);
}

static void
the_client_reads_what_the_truth_says(void **state)
{
	SimHistoryPlan *plan = make_plan(
		"4915200000001",
		"{\"chats\":12,\"messages\":1500,\"seed\":7,\"stubs\":20,\"past_participants\":4}");
	int hidden = 0;
	Seen seen;

	(void) state;
	read_all(plan, 200, 2, &seen);
	for (int64_t i = 0; i < plan->n_items; i++)
		assert_true(seen.times[i] > 0);
	for (int i = 0; i < plan->n_people; i++)
		hidden += plan->people[i]->hidden;
	assert_true(hidden > 0);
	assert_true(seen.repeated > 0);
	assert_true(seen.chunks > 8);
	assert_int_equal(seen.leavers, 6 * 4);
	assert_int_equal(seen.names, plan->n_people);
	assert_true(seen.aliases >= plan->n_people - hidden);
	free(seen.times);

	/* and without repetitions each message is there once */
	read_all(plan, 97, 0, &seen);
	assert_int_equal(seen.repeated, 0);
	for (int64_t i = 0; i < plan->n_items; i++)
		assert_int_equal(seen.times[i], 1);
	free(seen.times);
	sim_history_plan_free(plan);
}

static void
the_same_seed_says_the_same(void **state)
{
	static const char request[] = "{\"chats\":5,\"messages\":300,\"seed\":9}";
	SimHistoryPlan *plan = make_plan("4915200000002", request);
	SimHistoryPlan *again = make_plan("4915200000002", request);
	SimHistoryCursor cursor = {.chunk_messages = 100};
	SimHistoryCursor other = {.chunk_messages = 100};
	SimHistoryChunk chunk;
	WaBuf a;
	WaBuf b;

	(void) state;
	buf_init(&a, sim.env, 1 << 28);
	buf_init(&b, sim.env, 1 << 28);
	while (sim_history_chunk_next(plan, &cursor, &a, &chunk))
		;
	while (sim_history_chunk_next(again, &other, &b, &chunk))
		;
	assert_int_equal(buf_len(&a), buf_len(&b));
	assert_memory_equal(buf_data(&a), buf_data(&b), buf_len(&a));
	buf_free(&a);
	buf_free(&b);
	sim_history_plan_free(plan);
	sim_history_plan_free(again);
}

/* Two phones in one group remember the same messages. */
static void
phones_agree_about_a_group(void **state)
{
	SimAccount *people[3];
	SimGroup *group;
	char request[256];
	SimHistoryPlan *plans[2];
	char id[40];
	int64_t at;
	SimAccount *sender;

	(void) state;
	for (int i = 0; i < 3; i++)
	{
		snprintf(request, sizeof(request), "491530000000%d", i);
		people[i] = sim_account_get(request);
	}
	group = sim_group_create(people[0], "Agreed", &people[1], 2, true, NULL);
	snprintf(request, sizeof(request),
			 "{\"groups\":[\"%s@g.us\"],\"chats\":1,\"messages\":100,\"seed\":3}", group->id);
	plans[0] = make_plan(people[0]->number, request);
	plans[1] = make_plan(people[1]->number, request);
	for (int64_t place = 0; place < 100; place++)
	{
		sim_history_item_make(plans[0], 0, place, &item);
		memcpy(id, item.id, sizeof(id));
		at = item.at;
		sender = item.sender;
		assert_int_equal(item.from_me, sender == people[0]);
		sim_history_item_make(plans[1], 0, place, &item);
		assert_string_equal(item.id, id);
		assert_int_equal(item.at, at);
		assert_ptr_equal(item.sender, sender);
		assert_int_equal(item.from_me, sender == people[1]);
	}
	sim_history_plan_free(plans[0]);
	sim_history_plan_free(plans[1]);
}

static void
requests_that_do_not_fit_are_refused(void **state)
{
	static const char *const requests[] = {
		"{\"chats\":0}",
		"{\"chats\":10,\"messages\":9}",
		"{\"groups\":[\"1@g.us\"]}",
		"{\"chats\":10,\"messages\":100,\"stubs\":101}",
		"{\"chats\":100,\"messages\":100,\"people\":10,\"group_share\":0}",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		json_t *request = json_loads(requests[i], 0, NULL);
		const char *why = NULL;

		assert_null(sim_history_plan_new(sim_account_get("4915200000003"), request, &why));
		assert_non_null(why);
		json_decref(request);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_reads_what_the_truth_says),
		cmocka_unit_test(the_same_seed_says_the_same),
		cmocka_unit_test(phones_agree_about_a_group),
		cmocka_unit_test(requests_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
