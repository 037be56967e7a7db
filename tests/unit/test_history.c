/*
 * test_history.c
 *		History in pieces of any size: what it tells, what it never holds, and
 *		chunks that are cut, broken or full of the wrong things.
 */
#include "check.h"
#include "history.h"

#include "../vectors/message_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_LINES 64

static uint8_t chunk[4096];
static size_t chunk_len;

/* What a chunk told, a line an event. */
typedef struct Told
{
	char lines[MAX_LINES][160];
	size_t n;
} Told;

#define S(s) (int) (s).len, (s).data == NULL ? "" : (s).data

static void
tell_message(const WaHistoryEvent *event, char *line, size_t size)
{
	const WaHistoryMessage *m = event->message;
	const char *kind = m->content != NULL ? message_kind_name(m->content->kind) : "-";
	const char *change = m->change != NULL ? m->change->kind : "-";

	snprintf(line, size, "message %.*s %.*s %.*s %lld %s %s targets=%zu actor=%.*s", S(event->chat),
			 S(m->key.id), S(m->sender), (long long) m->at, kind, change,
			 m->change != NULL ? m->change->n_targets : 0,
			 m->change != NULL ? (int) m->change->actor.len : 0,
			 m->change != NULL ? m->change->actor.data : "");
}

static void
tell(const WaHistoryEvent *event, Told *told)
{
	char *line = told->lines[told->n];
	size_t size = sizeof(told->lines[0]);

	assert_true(told->n < MAX_LINES);
	told->n++;
	switch (event->kind)
	{
		case HISTORY_MESSAGE:
			tell_message(event, line, size);
			break;
		case HISTORY_MEMBER:
			snprintf(line, size, "member %.*s %.*s %d", S(event->chat), S(event->who.lid),
					 event->rank);
			break;
		case HISTORY_CONVERSATION:
			snprintf(line, size, "conversation %.*s %.*s%.*s %llu", S(event->conversation->id),
					 S(event->conversation->name), S(event->conversation->display_name),
					 (unsigned long long) event->conversation->n_messages);
			break;
		case HISTORY_LEAVERS:
			snprintf(line, size, "leavers %.*s %zu %.*s %d %lld", S(event->chat), event->n_leavers,
					 S(event->leavers[0].who), event->leavers[0].was_removed,
					 (long long) event->leavers[0].at);
			break;
		case HISTORY_NAME:
			snprintf(line, size, "name %.*s %.*s", S(event->who.pn), S(event->text));
			break;
		case HISTORY_ALIAS:
			snprintf(line, size, "alias %.*s %.*s", S(event->who.lid), S(event->who.pn));
			break;
		case HISTORY_CONTACT:
			snprintf(line, size, "contact %.*s", S(event->text));
			break;
	}
}

/* Reads a chunk in pieces; the status it ends with. */
static WaStatus
read_chunk(WaHistory *history, const uint8_t *data, size_t len, size_t piece, Told *told)
{
	WaStatus status = WA_NEED_MORE;
	WaHistoryEvent event;

	for (size_t at = 0; at < len && status == WA_NEED_MORE; at += piece)
	{
		status = history_feed(history, data + at, len - at < piece ? len - at : piece);
		assert_int_equal(status, WA_OK);
		while ((status = history_next(history, &event)) == WA_OK)
		{
			if (told != NULL)
				tell(&event, told);
		}
	}
	return status == WA_NEED_MORE ? history_end(history) : status;
}

static const char *const expected[] = {
	"message 120363000000000001@g.us OLD1 111@lid 1690000000 text - targets=0 actor=",
	"message 120363000000000001@g.us OLD2 333@lid 1690000100 - add targets=2 actor=333@lid",
	"message 120363000000000001@g.us OLD3  1690000200 - remove targets=1 actor=444@lid",
	"message 120363000000000001@g.us OLD4 111@lid 1690000300 poll - targets=0 actor=",
	"member 120363000000000001@g.us 111@lid 2",
	"member 120363000000000001@g.us 222@lid 0",
	"conversation 120363000000000001@g.us Club 4",
	"conversation 222@lid Bob 0",
	"name 4922@s.whatsapp.net Bobby",
	"leavers 120363000000000001@g.us 2 666@lid 1 1680000000",
	"alias 111@lid 4911@s.whatsapp.net",
};

static void
the_same_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, 1000, 4096};

	(void) state;
	chunk_len = test_hex(VECTOR_HISTORY, chunk, sizeof(chunk));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
	{
		TestEnv env;
		WaHistory history;
		Told *told = calloc(1, sizeof(*told));

		test_env_init(&env);
		history_init(&history, test_env(&env), HISTORY_SYNC);
		assert_int_equal(read_chunk(&history, chunk, chunk_len, pieces[i], told), WA_OK);
		assert_int_equal(told->n, sizeof(expected) / sizeof(expected[0]));
		for (size_t line = 0; line < told->n; line++)
			assert_string_equal(told->lines[line], expected[line]);
		assert_int_equal(history.sync_type, 3);
		assert_int_equal(history.chunk, 4);
		assert_int_equal(history.progress, 55);
		assert_int_equal(history.n_events, told->n);
		assert_int_equal(history.n_bytes, chunk_len);
		assert_int_equal(history.n_malformed + history.n_oversized, 0);
		history_free(&history);
		assert_int_equal(env.live, 0);
		free(told);
	}
}

/* A host that only wants to know who is who gets no messages and no members. */
static void
only_people(void **state)
{
	static const size_t pieces[] = {1, 7, 4096};

	(void) state;
	chunk_len = test_hex(VECTOR_HISTORY, chunk, sizeof(chunk));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
	{
		TestEnv env;
		WaHistory history;
		Told *told = calloc(1, sizeof(*told));
		size_t n = 0;

		test_env_init(&env);
		history_init(&history, test_env(&env), HISTORY_SYNC);
		history.only_people = true;
		assert_int_equal(read_chunk(&history, chunk, chunk_len, pieces[i], told), WA_OK);
		for (size_t j = 0; j < sizeof(expected) / sizeof(expected[0]); j++)
		{
			const char *line = expected[j];

			if (strncmp(line, "message ", 8) == 0 || strncmp(line, "member ", 7) == 0)
				continue;
			assert_true(n < told->n);
			/* how many messages it has is not counted then */
			if (strncmp(line, "conversation ", 13) == 0)
				assert_memory_equal(told->lines[n], line, strlen(line) - 1);
			else
				assert_string_equal(told->lines[n], line);
			n++;
		}
		assert_int_equal(n, told->n);
		assert_int_equal(history.n_bytes, chunk_len);
		assert_int_equal(history.n_malformed + history.n_oversized, 0);
		history_free(&history);
		assert_int_equal(env.live, 0);
		free(told);
	}
}

/* The first message and the first conversation, member by member. */
static void
what_is_told(void **state)
{
	TestEnv env;
	WaHistory history;
	WaHistoryEvent event;

	(void) state;
	chunk_len = test_hex(VECTOR_HISTORY, chunk, sizeof(chunk));
	test_env_init(&env);
	history_init(&history, test_env(&env), HISTORY_SYNC);
	assert_int_equal(history_feed(&history, chunk, chunk_len), WA_OK);
	assert_int_equal(history_next(&history, &event), WA_OK);
	check_str(event.message->content->body, "old text");
	check_str(event.message->push_name, "Ann");
	assert_int_equal(event.message->secret.len, 32);
	assert_int_equal(event.message->n_reactions, 1);
	check_str(event.message->reactions[0].by, "222@lid");
	check_str(event.message->reactions[0].text, "+");
	assert_int_equal(event.message->n_receipts, 1);
	assert_int_equal(event.message->receipts[0].read_at, 1690000003);
	assert_int_equal(history_next(&history, &event), WA_OK);
	check_str(event.message->change->targets[1], "555@lid");
	assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(event.message->n_votes, 1);
	check_str(event.message->votes[0].by, "222@lid");
	check_str(event.message->votes[0].id, "V1");
	assert_int_equal(event.message->votes[0].n_selected, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(event.kind, HISTORY_CONVERSATION);
	assert_int_equal(event.conversation->expires_in, 86400);
	assert_int_equal(event.conversation->ephemeral_setting_at, 1690000000);
	assert_int_equal(event.conversation->created_at, 1600000000);
	check_str(event.conversation->description, "about");
	assert_true(event.conversation->archived);
	assert_false(event.conversation->more_on_phone);
	assert_int_equal(history_next(&history, &event), WA_OK);
	check_str(event.conversation->pn, "4922@s.whatsapp.net");
	check_str(event.conversation->name, NULL);
	history_free(&history);
	assert_int_equal(env.live, 0);
}

static void
a_cut_chunk_is_noticed(void **state)
{
	(void) state;
	chunk_len = test_hex(VECTOR_HISTORY, chunk, sizeof(chunk));
	for (size_t len = 1; len < chunk_len; len++)
	{
		TestEnv env;
		WaHistory history;
		WaStatus status;

		test_env_init(&env);
		history_init(&history, test_env(&env), HISTORY_SYNC);
		status = read_chunk(&history, chunk, len, 100, NULL);
		/* a cut between two fields of the chunk cannot be seen here */
		assert_true(status == WA_ERR_MALFORMED || status == WA_OK);
		if (status == WA_OK)
			assert_false(history.in_conversation && !history.ends_conversation);
		history_free(&history);
		assert_int_equal(env.live, 0);
	}
}

static void
every_allocation_may_fail(void **state)
{
	(void) state;
	chunk_len = test_hex(VECTOR_HISTORY, chunk, sizeof(chunk));
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		WaHistory history;
		WaHistoryEvent event;
		WaStatus status;
		size_t events = 0;

		test_env_init(&env);
		env.fail_at = n;
		history_init(&history, test_env(&env), HISTORY_SYNC);
		if (history_feed(&history, chunk, chunk_len) == WA_ERR_NOMEM)
			assert_int_equal(history_feed(&history, chunk, chunk_len), WA_OK);
		/* a failure is reported once, and the next call goes on where it was */
		while ((status = history_next(&history, &event)) != WA_NEED_MORE)
		{
			assert_true(status == WA_OK || status == WA_ERR_NOMEM);
			events += status == WA_OK;
		}
		assert_int_equal(events, sizeof(expected) / sizeof(expected[0]));
		assert_int_equal(history_end(&history), WA_OK);
		history_free(&history);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
			break;
	}
}

/* One conversation of 200 MB: 2,000 messages and a field nobody reads. */
static void
memory_stays_flat(void **state)
{
	static uint8_t piece[65536];
	static const uint8_t message[] = "\x12\x1c\x0a\x1a" /* messages { message { */
									 "\x0a\x11\x0a\x06"
									 "222@li"
									 "\x1a\x07"
									 "ABCDEFG" /* key */
									 "\x12\x05\x0a\x03"
									 "abc"; /* message */
	const uint64_t skipped = UINT64_C(200) << 20;
	const uint64_t body = 2000 * (sizeof(message) - 1) + 6 + skipped;
	uint8_t head[16] = {0x12};
	size_t at = 1;
	TestEnv env;
	WaHistory history;
	WaHistoryEvent event;
	size_t n = 0;

	(void) state;
	test_env_init(&env);
	history_init(&history, test_env(&env), HISTORY_SYNC);
	for (uint64_t left = body; at == 1 || left > 0; left >>= 7)
		head[at++] = (uint8_t) (left > 0x7F ? left | 0x80 : left);
	assert_int_equal(history_feed(&history, head, at), WA_OK);
	for (int i = 0; i < 2000; i++)
	{
		assert_int_equal(history_feed(&history, message, sizeof(message) - 1), WA_OK);
		while (history_next(&history, &event) == WA_OK)
		{
			check_str(event.message->content->body, "abc");
			n++;
		}
	}
	assert_int_equal(n, 2000);
	/* wallpaper (26), 200 MB long */
	assert_int_equal(history_feed(&history, "\xd2\x01\x80\x80\x80\x64", 6), WA_OK);
	assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	for (uint64_t left = skipped; left > 0; left -= sizeof(piece))
	{
		assert_int_equal(history_feed(&history, piece, sizeof(piece)), WA_OK);
		if (left > sizeof(piece))
			assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	}
	assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(event.kind, HISTORY_CONVERSATION);
	assert_int_equal(event.conversation->n_messages, 2000);
	assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	assert_int_equal(history_end(&history), WA_OK);
	assert_true(env.peak_bytes < 256 * 1024);
	history_free(&history);
	assert_int_equal(env.live, 0);
}

static WaStatus
read_hex(const char *hex, WaHistory *history)
{
	size_t len = test_hex(hex, chunk, sizeof(chunk));

	return read_chunk(history, chunk, len, 5, NULL);
}

static void
broken_chunks(void **state)
{
	static const char *const broken[] = {
		"0b",           /* a group */
		"1203120a0a",   /* a message longer than its conversation */
		"12020a05",     /* a text that ends behind it */
		"ffffffffffff", /* no number */
		"1202080a0b",   /* garbage behind it */
	};

	(void) state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
	{
		TestEnv env;
		WaHistory history;
		WaHistoryEvent event;

		test_env_init(&env);
		history_init(&history, test_env(&env), HISTORY_SYNC);
		assert_int_equal(read_hex(broken[i], &history), WA_ERR_MALFORMED);
		if (history.status != WA_OK) /* and stays so */
			assert_int_equal(history_next(&history, &event), WA_ERR_MALFORMED);
		history_free(&history);
		assert_int_equal(env.live, 0);
	}
}

/* One bad message costs nothing but itself; an item too large is passed over. */
static void
bad_items_are_counted(void **state)
{
	TestEnv env;
	WaHistory history;
	WaHistoryEvent event;
	static uint8_t piece[65536];
	size_t left = HISTORY_MAX_ITEM + 1;

	(void) state;
	test_env_init(&env);
	history_init(&history, test_env(&env), HISTORY_SYNC);
	/* conversation "1@g.us": message without a key, message that is garbage */
	assert_int_equal(test_hex("1216"
							  "0a06314067"
							  "2e7573"
							  "12040a021801"
							  "12060a040a020a55",
							  chunk, sizeof(chunk)),
					 24);
	assert_int_equal(history_feed(&history, chunk, 24), WA_OK);
	assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(event.kind, HISTORY_CONVERSATION);
	check_str(event.conversation->id, "1@g.us");
	assert_null(event.message);
	assert_int_equal(event.conversation->n_messages, 0);
	assert_int_equal(history.n_malformed, 2);
	assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	/* pastParticipants of one byte too many, then a name */
	assert_int_equal(history_feed(&history, "\x62\x81\x80\x80\x02", 5), WA_OK);
	while (left > 0)
	{
		size_t len = left < sizeof(piece) ? left : sizeof(piece);

		assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
		assert_int_equal(history_feed(&history, piece, len), WA_OK);
		left -= len;
	}
	assert_int_equal(history_feed(&history,
								  "\x3a\x0b\x0a\x05"
								  "5@lid"
								  "\x12\x02Jo",
								  13),
					 WA_OK);
	assert_int_equal(history_next(&history, &event), WA_OK);
	assert_int_equal(event.kind, HISTORY_NAME);
	check_str(event.text, "Jo");
	assert_int_equal(history.n_oversized, 1);
	assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	assert_int_equal(history_end(&history), WA_OK);
	assert_int_equal(history_feed(&history, piece, HISTORY_MAX_FEED + 1), WA_ERR_LIMIT);
	history_free(&history);
	assert_int_equal(env.live, 0);
}

/* GroupHistory { messages (1) }, from the first message of the vector. */
static void
a_bundle_of_another_member(void **state)
{
	TestEnv env;
	WaHistory history;
	WaHistoryEvent event;

	(void) state;
	test_env_init(&env);
	history_init(&history, test_env(&env), HISTORY_GROUP);
	assert_int_equal(history_feed(&history,
								  "\x0a\x0e\x0a\x05\x1a\x03"
								  "ID1"
								  "\x12\x05\x0a\x03"
								  "abc",
								  16),
					 WA_OK);
	assert_int_equal(history_next(&history, &event), WA_OK);
	check_str(event.message->key.id, "ID1");
	check_str(event.message->content->body, "abc");
	assert_true(event.message->group_history);
	assert_int_equal(history_next(&history, &event), WA_NEED_MORE);
	assert_int_equal(history_end(&history), WA_OK);
	history_free(&history);
	assert_int_equal(env.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_in_pieces_of_any_size),
		cmocka_unit_test(only_people),
		cmocka_unit_test(what_is_told),
		cmocka_unit_test(a_cut_chunk_is_noticed),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(memory_stays_flat),
		cmocka_unit_test(broken_chunks),
		cmocka_unit_test(bad_items_are_counted),
		cmocka_unit_test(a_bundle_of_another_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
