/*
 * fetch_media.c
 *		Files of messages that wa.fetch_media() was called for, into wa.media.
 */
#include "postgres.h"

#include "fetch_internal.h"
#include "media.h"
#include "session.h"
#include "settings.h"
#include "store.h"

#include "utils/memutils.h"

#define MOST_RUNNING 3
#define ANSWER_US (60 * WA_SECOND) /* that a phone has to upload a file again */
#define LOOK_US (10 * WA_SECOND)   /* between two looks into the tables */

typedef struct MediaJob
{
	dlist_node node;
	MemoryContext context;
	StoreMedia *media;
	Fetch *fetch;
	bool was_asked; /* the phone, to upload it again */
	int64 until;    /* its answer is waited for; 0: not */
	WaStr new_path; /* where it says that it put it; absent: nowhere */
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

/* ---- files that are gone ---- */

/* Asks the phone that has the message.  True: its answer is to be waited for. */
static bool
ask_phone(MediaJob *job)
{
	const StoreMedia *media = job->media;
	WaUploadRequest request = {.id = media->id,
							   .key = media->media.key,
							   .chat = media->chat,
							   .participant = media->participant,
							   .from_me = media->from_me};

	if (job->was_asked || media->id.data == NULL || media->chat.data == NULL)
		return false;
	job->was_asked = session_ask_upload(media->asker, &request);
	if (!job->was_asked)
		return false;
	job->until = host_now().mono_us + ANSWER_US;
	return true;
}

/* Where the phone has put the file now; absent: it has not. */
static WaStr
read_answer(MediaJob *job, WaStr payload, WaStr iv)
{
	WaEnv env;
	WaArena arena;
	WaMediaRetry answer;
	WaStr path = WA_STR_NONE;

	host_env_init(&env, job->context);
	arena_init(&arena, &env, 65536);
	if (media_retry_open(&arena, job->media->media.key, job->media->id, payload, iv, &answer) ==
			WA_OK &&
		str_equal(answer.id, job->media->id) && answer.result == MEDIA_RETRY_SUCCESS &&
		answer.direct_path.data != NULL)
	{
		char *copy = MemoryContextAlloc(job->context, answer.direct_path.len + 1);

		memcpy(copy, answer.direct_path.data, answer.direct_path.len);
		copy[answer.direct_path.len] = '\0';
		path = (WaStr){copy, answer.direct_path.len};
	}
	arena_free(&arena);
	return path;
}

void
fetch_media_take_answer(int64 bot_id, WaStr id, WaStr payload, WaStr iv)
{
	dlist_iter iter;

	dlist_foreach(iter, &jobs)
	{
		MediaJob *job = dlist_container(MediaJob, node, iter.cur);

		if (job->until == 0 || job->media->asker != bot_id || !str_equal(job->media->id, id))
			continue;
		/* What nobody but the phone can have sealed; other answers are not its. */
		job->new_path = payload.data == NULL ? WA_STR_NONE : read_answer(job, payload, iv);
		job->until = 0;
		if (job->new_path.data == NULL)
			continue;
		job->media->media.direct_path = job->new_path;
		fetch_file_free(job->fetch);
		job->fetch = fetch_file_start(bot_id, &job->media->media,
									  (uint64) settings_media_max_size_kb * 1024);
	}
}

/* ---- the end of one ---- */

static void
write_end(MediaJob *job, const char *state, const char *why, const void *content, size_t len)
{
	(void) store_media_set(job->media->media_id, state, why, content, len, job->new_path);
}

/* Writes how it ended; what cannot be written now is wanted again later. */
static void
end_job(MediaJob *job)
{
	size_t size = (size_t) fetch_file_size(job->fetch);
	void *data;

	switch (fetch_file_state(job->fetch))
	{
		case FETCH_RUNNING:
			return;
		case FETCH_DONE:
			data = read_all(job, size);
			if (data == NULL)
				write_end(job, "wanted", "out of memory", NULL, 0);
			else if (store_media_set(job->media->media_id, "stored", NULL, data, size,
									 job->new_path) == STORE_FAILED &&
					 store_error()->trouble != TROUBLE_PASSING)
				write_end(job, "failed", "the content could not be stored", NULL, 0);
			break;
		case FETCH_PASSING:
			write_end(job, "wanted", fetch_file_why(job->fetch), NULL, 0);
			break;
		case FETCH_GONE:
			if (ask_phone(job))
				return;
			write_end(job, "failed",
					  job->was_asked ? "neither the media service nor the phone has it any more"
									 : fetch_file_why(job->fetch),
					  NULL, 0);
			break;
		case FETCH_BAD:
			write_end(job, "failed", fetch_file_why(job->fetch), NULL, 0);
			break;
	}
	forget(job);
	look_at = 0;
}

/* Something to write: the download is over, and no answer is waited for. */
static bool
is_over(const MediaJob *job, int64 now_us)
{
	return fetch_file_state(job->fetch) != FETCH_RUNNING && now_us >= job->until;
}

bool
fetch_media_step(int64 now_us)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &jobs)
	{
		MediaJob *job = dlist_container(MediaJob, node, iter.cur);

		if (!is_over(job, now_us))
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
	int64 deadline = n_running < MOST_RUNNING ? look_at : WA_NEVER;
	dlist_iter iter;

	dlist_foreach(iter, &jobs)
	{
		const MediaJob *job = dlist_container(MediaJob, node, iter.cur);

		if (fetch_file_state(job->fetch) != FETCH_RUNNING)
			deadline = Min(deadline, job->until);
	}
	return deadline;
}

void
fetch_media_wake(void)
{
	look_at = 0;
}
