/*
 * fetch.h
 *		What lies on the service's media hosts and has to be here: pieces of
 *		history, files that somebody asked for, and small files that a client
 *		needs.
 *
 * All of it runs inside the worker's loop and behind the live traffic.  A file
 * is downloaded and decrypted into a temporary file, and nothing of it is
 * believed before its hashes and its MAC are right.  What is to be fetched is in
 * the tables: a worker that comes anew finds it there.
 */
#ifndef WA_FETCH_H
#define WA_FETCH_H

#include "postgres.h"

#include "client.h"
#include "net.h"

/* Once per process, before anything else here. */
extern void fetch_init(void);

/* ---- what the sessions hear ---- */

/* An event of a connection that net_http_is says is one of ours. */
extern void fetch_take_event(const NetEvent *event);
/* Takes what concerns fetching of what a bot's client tells. */
extern void fetch_note_event(int64 bot_id, uint64 serial, const WaEvent *event);

/* ---- the worker's loop ---- */

/* The tables may want something: look soon. */
extern void fetch_wake(void);
/*
 * Does a bounded piece of work, at most one transaction.  live: others wait for
 * this process, so that it is to be a small one.  True: there is more at once.
 */
extern bool fetch_step(bool live);
/* Monotonic time at which fetch_step has something to do by itself. */
extern int64 fetch_deadline(void);

#endif /* WA_FETCH_H */
