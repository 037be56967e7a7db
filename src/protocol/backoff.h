/*
 * backoff.h
 *		How long to wait before the next connection.  Sheet 1 section 9.3.
 *
 * Two lanes: the ordinary one counts 1, 1, 2, 3, 5, 8 ... seconds, the slow
 * one (refused logins) the same in minutes; both end at 15 minutes, with
 * a tenth of jitter either way.
 */
#ifndef WA_BACKOFF_H
#define WA_BACKOFF_H

#include "env.h"

#define BACKOFF_STABLE_US (60 * WA_SECOND) /* online for so long: forget failures */
#define BACKOFF_MAX_US (900 * WA_SECOND)
#define BACKOFF_SLOW_US (60 * WA_SECOND) /* the slow lane never waits less */
#define BACKOFF_MAX_RESTARTS 3           /* immediate reconnects in a row */

/* All zero: nothing has failed yet. */
typedef struct WaBackoff
{
	uint8_t step; /* ordinary lane */
	uint8_t slow_step;
	uint8_t restarts; /* immediate reconnects since the last success */
} WaBackoff;

/* Delay in microseconds; each call goes one step further. */
extern int64_t backoff_next(WaBackoff *backoff, const WaEnv *env);
extern int64_t backoff_next_slow(WaBackoff *backoff, const WaEnv *env);
/* 0 while immediate reconnects are allowed, else backoff_next. */
extern int64_t backoff_restart(WaBackoff *backoff, const WaEnv *env);
extern void backoff_penalty(WaBackoff *backoff, int steps);
extern void backoff_reset(WaBackoff *backoff);

#endif /* WA_BACKOFF_H */
