/*
 * fetch.c
 *		What is fetched, seen from the worker's loop.
 */
#include "postgres.h"

#include "fetch_internal.h"

void
fetch_init(void)
{
	fetch_file_init();
}

void
fetch_note_event(int64 bot_id, uint64 serial, const WaEvent *event)
{
	switch (event->kind)
	{
		case EVENT_MEDIA_HOSTS:
			fetch_file_take_hosts(event->media_hosts.hosts, event->media_hosts.count,
								  event->media_hosts.valid_us);
			break;
		case EVENT_BLOB_WANTED:
			fetch_blob_take(bot_id, serial, event->blob.id, event->blob.media);
			break;
		case EVENT_UPLOAD_ANSWER:
			fetch_media_take_answer(bot_id, event->upload_answer.id, event->upload_answer.payload,
									event->upload_answer.iv);
			break;
		case EVENT_HISTORY_NOTICE:
			fetch_history_wake(); /* it is stored before the next step */
			break;
		default:
			break;
	}
}

void
fetch_wake(void)
{
	fetch_history_wake();
	fetch_media_wake();
}

bool
fetch_step(bool live)
{
	static bool was_history;
	int64 now_us = host_now().mono_us;
	bool more;

	fetch_file_tick(now_us);
	fetch_blob_step(now_us);
	/* In turn, so that neither waits for all of the other. */
	was_history = !was_history;
	if (was_history)
		more = fetch_history_step(now_us, live) || fetch_media_step(now_us);
	else
		more = fetch_media_step(now_us) || fetch_history_step(now_us, live);
	fetch_file_tick(now_us); /* connects what began just now */
	return more;
}

int64
fetch_deadline(void)
{
	int64 deadline = Min(fetch_file_deadline(), fetch_blob_deadline());

	return Min(deadline, Min(fetch_history_deadline(), fetch_media_deadline()));
}
