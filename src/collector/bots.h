/*
 * bots.h
 *		Which bots this worker runs and what they are to do: the rows of
 *		wa.bots, and the mail of people who wait for a code.
 */
#ifndef WA_BOTS_H
#define WA_BOTS_H

#include "postgres.h"

#include "shmem.h"

/*
 * Reads wa.bots and makes the sessions be what it says.  NULL on success, else
 * a sentence for people.  *idle then tells whether this worker can serve none
 * of its bots (it holds no session, unless the trouble is a passing one) or
 * only misses those that another process holds.
 */
extern const char *bots_load(int worker, int workers, bool *idle);

/*
 * The configuration was read (call it once at the start, too): when it matters
 * to them, clients are made anew before their next connection.
 */
extern void bots_settings_changed(void);

extern void bots_handle_mail(const Mail *mail, int worker, int workers);

/* Asks what the tables have been missing for a while. */
extern void bots_ask_due(void);

#endif /* WA_BOTS_H */
