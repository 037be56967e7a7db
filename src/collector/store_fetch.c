/*
 * store_fetch.c
 *		What of history and of media is wanted, and how far it has got.
 */
#include "postgres.h"

#include "store.h"
#include "store_run.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct NextArgs
{
	const int64 *bots;
	int count;
	const int64 *busy; /* MEDIA_NEXT */
	int n_busy;
	int statement;
	MemoryContext context;
	StoreChunk *chunk;
	StoreMedia *media;
} NextArgs;

/* ---- columns ---- */

static int64
column_int(HeapTuple row, int column)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	return is_null ? 0 : DatumGetInt64(value);
}

/* A text or a bytea in the current memory context. */
static WaStr
column_str(HeapTuple row, int column)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
	bytea *bytes;
	char *copy;
	size_t len;

	if (is_null)
		return WA_STR_NONE;
	bytes = DatumGetByteaPP(value);
	len = VARSIZE_ANY_EXHDR(bytes);
	copy = MemoryContextAllocExtended(CurrentMemoryContext, len + 1, MCXT_ALLOC_HUGE);
	memcpy(copy, VARDATA_ANY(bytes), len);
	copy[len] = '\0';
	return (WaStr){copy, len};
}

static WaMediaKind
media_kind(WaStr name)
{
	for (int kind = MEDIA_NONE + 1; kind <= MEDIA_GROUP_HISTORY; kind++)
	{
		if (str_is(name, media_kind_name((WaMediaKind) kind)))
			return (WaMediaKind) kind;
	}
	return MEDIA_NONE;
}

/* Six columns from that one on: kind, path, key, both hashes, size. */
static void
read_media(HeapTuple row, int column, WaMedia *media)
{
	int64 size;

	media->kind = media_kind(column_str(row, column));
	media->direct_path = column_str(row, column + 1);
	media->key = column_str(row, column + 2);
	media->sha256 = column_str(row, column + 3);
	media->enc_sha256 = column_str(row, column + 4);
	size = column_int(row, column + 5);
	media->size = size > 0 ? (uint64) size : 0;
}

/* ---- what is wanted ---- */

static void
next_body(void *arg)
{
	NextArgs *next = arg;
	MemoryContext old;
	HeapTuple row;
	Args args = {0};

	store_arg_numbers(&args, next->bots, next->count);
	if (next->statement == MEDIA_NEXT)
		store_arg_numbers(&args, next->busy, next->n_busy);
	store_execute(next->statement, &args);
	if (SPI_processed == 0)
		return;
	row = SPI_tuptable->vals[0];
	old = MemoryContextSwitchTo(next->context);
	if (next->statement == HISTORY_NEXT)
	{
		StoreChunk *chunk = palloc0(sizeof(StoreChunk));

		chunk->chunk_id = column_int(row, 1);
		chunk->bot_id = column_int(row, 2);
		chunk->n_events = column_int(row, 3);
		chunk->n_messages = column_int(row, 4);
		chunk->sync_type = (int32) column_int(row, 5);
		chunk->payload = column_str(row, 6);
		read_media(row, 7, &chunk->media);
		chunk->notice_id = column_str(row, 13);
		chunk->is_again = column_int(row, 14) != 0;
		next->chunk = chunk;
	}
	else
	{
		StoreMedia *media = palloc0(sizeof(StoreMedia));

		media->media_id = column_int(row, 1);
		media->asker = column_int(row, 2);
		read_media(row, 3, &media->media);
		media->id = column_str(row, 9);
		media->chat = column_str(row, 10);
		media->participant = column_str(row, 11);
		media->from_me = column_int(row, 12) != 0;
		next->media = media;
	}
	MemoryContextSwitchTo(old);
}

StoreResult
store_history_next(const int64 *bots, int count, StoreChunk **chunk)
{
	NextArgs next = {
		.bots = bots, .count = count, .statement = HISTORY_NEXT, .context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: look for history", next_body, &next);

	*chunk = result == STORE_OK ? next.chunk : NULL;
	return result;
}

StoreResult
store_media_next(const int64 *bots, int count, const int64 *busy, int n_busy, StoreMedia **media)
{
	NextArgs next = {.bots = bots,
					 .count = count,
					 .busy = busy,
					 .n_busy = n_busy,
					 .statement = MEDIA_NEXT,
					 .context = CurrentMemoryContext};
	StoreResult result = store_run("wa_collector: look for media", next_body, &next);

	*media = result == STORE_OK ? next.media : NULL;
	return result;
}

/* ---- how far it has got ---- */

void
store_history_also(void *arg)
{
	StoreProgress *progress = arg;
	Args args = {0};
	bool is_null;

	store_arg_datum(&args, Int64GetDatum(progress->chunk_id), false);
	store_arg_datum(&args, Int64GetDatum(progress->n_events), false);
	store_arg_datum(&args, Int64GetDatum(progress->n_messages), false);
	store_arg_datum(&args, Int64GetDatum(progress->n_bytes), false);
	store_arg_text(&args, progress->state);
	store_arg_text(&args, progress->error);
	store_execute(HISTORY_PROGRESS, &args);
	progress->is_gone =
		SPI_processed == 0 ||
		!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

StoreResult
store_history_progress(StoreProgress *progress)
{
	return store_run("wa_collector: note the progress of history", store_history_also, progress);
}

typedef struct MediaArgs
{
	int64 media_id;
	const char *state;
	const char *error;
	const void *content;
	size_t len;
	WaStr path;
} MediaArgs;

static void
media_body(void *arg)
{
	MediaArgs *media = arg;
	Args args = {0};

	store_arg_datum(&args, Int64GetDatum(media->media_id), false);
	store_arg_text(&args, media->state);
	store_arg_text(&args, media->error);
	if (media->content == NULL)
		store_arg_datum(&args, (Datum) 0, true);
	else
		store_arg_bytes(&args, media->content, media->len);
	store_arg_text(&args, media->path.data); /* NUL-terminated: from an arena */
	store_execute(MEDIA_SET, &args);
}

StoreResult
store_media_set(int64 media_id, const char *state, const char *error, const void *content,
				size_t len, WaStr path)
{
	MediaArgs media = {media_id, state, error, content, len, path};

	return store_run("wa_collector: store media", media_body, &media);
}
