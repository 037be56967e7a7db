/*
 * fetch_media.c
 *		Files of messages that wa.fetch_media() was called for, into wa.media.
 */
#include "postgres.h"

#include "fetch_internal.h"
#include "session.h"
#include "settings.h"
#include "store.h"

#include "utils/memutils.h"

#define MOST_RUNNING 3
#define LOOK_US (10 * WA_SECOND) /* between two looks into the tables */

typedef struct MediaJob
{
	dlist_node node;
	MemoryContext context;
	StoreMedia *media;
	Fetch *fetch;
} MediaJob;

static dlist_head jobs = DLIST_STATIC_INIT(jobs);
static int n_running;
static int64 look_at;

static void
forget(MediaJob *job)
{
	fetch_file_free(job->fetch);
	dlist_delete(&job->node);
	n_running--;
	MemoryContextDelete(job->context);
}

/* Begins with the next file that is wanted.  False: there is none. */
static bool
start(void)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector media", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StoreMedia *media = NULL;
	MediaJob *job;
	int64 *bots;
	int n_bots = session_online(&bots);
	int64 busy[MOST_RUNNING];
	int n_busy = 0;
	dlist_iter iter;

	dlist_foreach(iter, &jobs) busy[n_busy++] =
		dlist_container(MediaJob, node, iter.cur)->media->media_id;
	if (n_bots > 0 && store_media_next(bots, n_bots, busy, n_busy, &media) != STORE_OK)
		media = NULL;
	MemoryContextSwitchTo(old);
	if (media == NULL)
	{
		MemoryContextDelete(context);
		return false;
	}
	job = MemoryContextAllocZero(context, sizeof(MediaJob));
	job->context = context;
	job->media = media;
	job->fetch =
		fetch_file_start(media->asker, &media->media, (uint64) settings_media_max_size_kb * 1024);
	dlist_push_tail(&jobs, &job->node);
	n_running++;
	return true;
}

/* The file's bytes as the tables take them; NULL when they cannot be had. */
static void *
read_all(MediaJob *job, size_t size)
{
	char *data =
		MemoryContextAllocExtended(job->context, Max(size, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	size_t at = 0;

	while (data != NULL && at < size)
	{
		ssize_t n = fetch_file_read(job->fetch, data + at, size - at);

		if (n <= 0)
			return NULL;
		at += (size_t) n;
	}
	return data;
}

/* Writes how it ended; what cannot be written now is wanted again later. */
static void
end_job(MediaJob *job)
{
	int64 id = job->media->media_id;
	size_t size = (size_t) fetch_file_size(job->fetch);
	void *data;

	switch (fetch_file_state(job->fetch))
	{
		case FETCH_RUNNING:
			return;
		case FETCH_DONE:
			data = read_all(job, size);
			if (data == NULL)
				(void) store_media_set(id, "wanted", "out of memory", NULL, 0);
			else if (store_media_set(id, "stored", NULL, data, size) == STORE_FAILED &&
					 store_error()->trouble != TROUBLE_PASSING)
				(void) store_media_set(id, "failed", "the content could not be stored", NULL, 0);
			break;
		case FETCH_PASSING:
			(void) store_media_set(id, "wanted", fetch_file_why(job->fetch), NULL, 0);
			break;
		case FETCH_GONE:
		case FETCH_BAD:
			(void) store_media_set(id, "failed", fetch_file_why(job->fetch), NULL, 0);
			break;
	}
	forget(job);
	look_at = 0;
}

bool
fetch_media_step(int64 now_us)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &jobs)
	{
		MediaJob *job = dlist_container(MediaJob, node, iter.cur);

		if (fetch_file_state(job->fetch) == FETCH_RUNNING)
			continue;
		end_job(job);
		return true; /* one transaction at a time */
	}
	if (n_running >= MOST_RUNNING || now_us < look_at)
		return false;
	if (start())
		return true;
	look_at = now_us + LOOK_US;
	return false;
}

int64
fetch_media_deadline(void)
{
	return n_running < MOST_RUNNING ? look_at : WA_NEVER;
}

void
fetch_media_wake(void)
{
	look_at = 0;
}
