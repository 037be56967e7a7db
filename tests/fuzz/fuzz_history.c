/*
 * fuzz_history.c
 *		A history chunk, twice, in pieces of two sizes: it tells the same both
 *		times, and never holds more than its limits.  The first byte of the input
 *		is the allocation that fails in the second reading (0 none), the second
 *		the format, the third the size of the pieces.
 */
#include "target.h"
#include "history.h"

typedef struct Outcome
{
	WaStatus status;
	uint64_t n_events;
	uint64_t n_bytes;
	uint64_t n_bad;
	uint64_t sum; /* over what was told */
} Outcome;

static uint64_t
mix(uint64_t sum, WaStr s)
{
	for (size_t i = 0; i < s.len; i++)
		sum = sum * 31 + (uint8_t) s.data[i];
	return sum * 31 + (s.data != NULL);
}

static uint64_t
mix_event(uint64_t sum, const WaHistoryEvent *event)
{
	sum = mix(sum * 31 + (uint64_t) event->kind, event->chat);
	sum = mix(mix(mix(sum, event->text), event->who.lid), event->who.pn);
	for (size_t i = 0; i < event->n_leavers; i++)
		sum = mix(sum, event->leavers[i].who);
	if (event->conversation != NULL)
		sum = mix(mix(sum, event->conversation->name), event->conversation->description);
	if (event->message != NULL)
	{
		const WaHistoryMessage *message = event->message;

		sum = mix(mix(sum, message->key.id), message->sender);
		if (message->content != NULL)
			sum = mix(sum, message->content->body);
		if (message->change != NULL)
		{
			for (size_t i = 0; i < message->change->n_targets; i++)
				sum = mix(sum, message->change->targets[i]);
		}
		TARGET_CHECK(message->key.id.len > 0);
	}
	return sum;
}

/* A reading that goes on after failed allocations. */
static Outcome
read_all(const uint8_t *data, size_t size, size_t piece, WaHistoryFormat format, size_t fail_at)
{
	WaHistory history;
	WaHistoryEvent event;
	Outcome out = {.status = WA_NEED_MORE};

	history_init(&history, target_env(fail_at), format);
	for (size_t at = 0; at < size && out.status == WA_NEED_MORE; at += piece)
	{
		size_t len = size - at < piece ? size - at : piece;

		if (history_feed(&history, data + at, len) == WA_ERR_NOMEM)
			TARGET_CHECK(history_feed(&history, data + at, len) == WA_OK);
		while ((out.status = history_next(&history, &event)) != WA_NEED_MORE)
		{
			if (out.status == WA_OK)
				out.sum = mix_event(out.sum, &event);
			else if (out.status != WA_ERR_NOMEM)
				break;
			TARGET_CHECK(history.arena.used <= HISTORY_MAX_MEMORY);
		}
	}
	if (out.status == WA_NEED_MORE)
		out.status = history_end(&history);
	out.n_events = history.n_events;
	out.n_bytes = history.n_bytes;
	out.n_bad = history.n_malformed + history.n_oversized;
	TARGET_CHECK(history.n_bytes <= size);
	history_free(&history);
	target_end();
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Outcome whole;
	Outcome pieces;
	WaHistoryFormat format;

	if (size < 3)
		return 0;
	format = data[1] & 1 ? HISTORY_GROUP : HISTORY_SYNC;
	whole = read_all(data + 3, size - 3, HISTORY_MAX_FEED, format, 0);
	pieces = read_all(data + 3, size - 3, 1U + data[2], format, data[0]);
	TARGET_CHECK(whole.status == pieces.status);
	TARGET_CHECK(whole.n_events == pieces.n_events);
	TARGET_CHECK(whole.sum == pieces.sum);
	TARGET_CHECK(whole.n_bad == pieces.n_bad);
	return 0;
}
