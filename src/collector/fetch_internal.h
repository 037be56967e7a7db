/*
 * fetch_internal.h
 *		What the files of fetching share: one download, and the jobs around it.
 */
#ifndef WA_FETCH_INTERNAL_H
#define WA_FETCH_INTERNAL_H

#include "fetch.h"

#include "host.h"

#include "lib/ilist.h"

/* ---- fetch_file.c: one download ---- */

typedef enum FetchState
{
	FETCH_RUNNING,
	FETCH_DONE,
	FETCH_PASSING, /* the network, the host, this machine: may work later */
	FETCH_GONE,    /* the hosts do not have it */
	FETCH_BAD,     /* not what was announced, from any host */
} FetchState;

typedef struct Fetch Fetch;

/*
 * Begins to download and decrypt a file of at most max_bytes; that bot's client
 * is asked for the hosts when nobody knows them.  media is copied.
 */
extern Fetch *fetch_file_start(int64 bot_id, const WaMedia *media, uint64 max_bytes);
/* The same with bytes that are here already and not encrypted. */
extern Fetch *fetch_file_of(const void *data, size_t len);
extern FetchState fetch_file_state(const Fetch *fetch);
extern const char *fetch_file_why(const Fetch *fetch); /* a constant text, once it has failed */
extern uint64 fetch_file_size(const Fetch *fetch);     /* of the plain file, once it is done */
/* Reads on from where it stands, up to len bytes; 0 is the end, -1 failed. */
extern ssize_t fetch_file_read(Fetch *fetch, void *out, size_t len);
extern bool fetch_file_at_end(const Fetch *fetch);
extern void fetch_file_rewind(Fetch *fetch);
extern void fetch_file_free(Fetch *fetch);

extern void fetch_file_init(void);
/* In the order to try them; count 0: nobody told. */
extern void fetch_file_take_hosts(const WaStr *hosts, int count, int64 valid_us);
/* Opens connections and keeps deadlines. */
extern void fetch_file_tick(int64 now_us);
extern int64 fetch_file_deadline(void);

/* ---- fetch_history.c, fetch_media.c, fetch_blob.c: the jobs ---- */

/* True: it did, or has, something to do at once. */
extern bool fetch_history_step(int64 now_us, bool live);
extern int64 fetch_history_deadline(void);
extern void fetch_history_wake(void);

/* EVENT_UPLOAD_ANSWER of that bot's phone. */
extern void fetch_media_take_answer(int64 bot_id, WaStr id, WaStr payload, WaStr iv);
extern bool fetch_media_step(int64 now_us);
extern int64 fetch_media_deadline(void);
extern void fetch_media_wake(void);

/* The client wants a file: the answer is client_blob. */
extern void fetch_blob_take(int64 bot_id, uint64 serial, uint32_t id, const WaMedia *media);
extern void fetch_blob_step(int64 now_us);
extern int64 fetch_blob_deadline(void);

#endif /* WA_FETCH_INTERNAL_H */
