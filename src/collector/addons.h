/*
 * addons.h
 *		Votes, responses, encrypted reactions, comments and edits that could not
 *		be read when they came: opened once their original is in the tables.
 */
#ifndef WA_ADDONS_H
#define WA_ADDONS_H

#include "postgres.h"

#include "batch.h"

/*
 * Looks when it is time: at once after an add-on was stored, soon after a
 * message that may be the original of one, and now and then.  What they say is
 * added to the batch; false when that is nothing.
 */
extern bool addons_open(Batch *batch, int64 now_us);

#endif /* WA_ADDONS_H */
