/*
 * fetch_blob.c
 *		Small files that a client of the core asks for, handed to it in memory.
 *		Nothing of them is in the tables: a client that comes anew asks again.
 */
#include "postgres.h"

#include "fetch_internal.h"
#include "session.h"

#include "utils/memutils.h"

#define MOST_RUNNING 2
#define ATTEMPTS 4
#define RETRY_US (15 * WA_SECOND) /* doubled with each attempt */

typedef struct Blob
{
	dlist_node node;
	MemoryContext context;
	int64 bot_id;
	uint64 serial;
	uint32_t id;
	WaMedia media; /* strings in context */
	Fetch *fetch;  /* NULL: waits for its turn */
	int attempts;
	int64 not_before;
} Blob;

static dlist_head blobs = DLIST_STATIC_INIT(blobs);
static int n_running;

static WaStr
copy_str(MemoryContext context, WaStr s)
{
	WaStr copy = s;

	if (s.data != NULL)
	{
		char *data = MemoryContextAlloc(context, s.len + 1);

		memcpy(data, s.data, s.len);
		data[s.len] = '\0';
		copy.data = data;
	}
	return copy;
}

void
fetch_blob_take(int64 bot_id, uint64 serial, uint32_t id, const WaMedia *media)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "wa_collector blob", ALLOCSET_SMALL_SIZES);
	Blob *blob = MemoryContextAllocZero(context, sizeof(Blob));

	blob->context = context;
	blob->bot_id = bot_id;
	blob->serial = serial;
	blob->id = id;
	blob->media.kind = media->kind;
	blob->media.size = media->size;
	blob->media.key = copy_str(context, media->key);
	blob->media.direct_path = copy_str(context, media->direct_path);
	blob->media.sha256 = copy_str(context, media->sha256);
	blob->media.enc_sha256 = copy_str(context, media->enc_sha256);
	dlist_push_tail(&blobs, &blob->node);
}

static void
stop(Blob *blob)
{
	if (blob->fetch == NULL)
		return;
	fetch_file_free(blob->fetch);
	blob->fetch = NULL;
	n_running--;
}

static void
forget(Blob *blob)
{
	stop(blob);
	dlist_delete(&blob->node);
	MemoryContextDelete(blob->context);
}

static void
answer(Blob *blob)
{
	size_t size = (size_t) fetch_file_size(blob->fetch);
	uint8_t *data = MemoryContextAllocExtended(blob->context, Max(size, 1),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	size_t at = 0;

	while (data != NULL && at < size)
	{
		ssize_t n = fetch_file_read(blob->fetch, data + at, size - at);

		if (n <= 0)
			break;
		at += (size_t) n;
	}
	session_give_blob(blob->bot_id, blob->serial, blob->id, at == size ? data : NULL, size, false);
}

static void
look_at_fetch(Blob *blob, int64 now_us)
{
	FetchState state = fetch_file_state(blob->fetch);

	switch (state)
	{
		case FETCH_RUNNING:
			return;
		case FETCH_DONE:
			answer(blob);
			forget(blob);
			return;
		case FETCH_PASSING:
			if (++blob->attempts < ATTEMPTS)
			{
				stop(blob);
				blob->not_before = now_us + (RETRY_US << (blob->attempts - 1));
				return;
			}
			break;
		case FETCH_GONE:
		case FETCH_BAD:
			break;
	}
	session_give_blob(blob->bot_id, blob->serial, blob->id, NULL, 0, state != FETCH_PASSING);
	forget(blob);
}

void
fetch_blob_step(int64 now_us)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &blobs)
	{
		Blob *blob = dlist_container(Blob, node, iter.cur);

		if (!session_is_current(blob->bot_id, blob->serial))
			forget(blob);
		else if (blob->fetch != NULL)
			look_at_fetch(blob, now_us);
		else if (n_running < MOST_RUNNING && now_us >= blob->not_before)
		{
			blob->fetch = fetch_file_start(blob->bot_id, &blob->media, CLIENT_MAX_BLOB);
			n_running++;
		}
	}
}

int64
fetch_blob_deadline(void)
{
	int64 deadline = WA_NEVER;
	dlist_iter iter;

	dlist_foreach(iter, &blobs)
	{
		Blob *blob = dlist_container(Blob, node, iter.cur);

		if (blob->fetch != NULL ? fetch_file_state(blob->fetch) != FETCH_RUNNING
								: n_running < MOST_RUNNING)
			deadline = Min(deadline, blob->fetch != NULL ? 0 : blob->not_before);
	}
	return deadline;
}
