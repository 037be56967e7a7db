/*
 * stanza.h
 *		Stanzas for tests, written the way transcripts show them.
 */
#ifndef WA_STANZA_H
#define WA_STANZA_H

#include "../../src/protocol/node.h"

/*
 * Reads one element: <tag key="value">text or children</tag>.  Values with a
 * '@' travel as JIDs.  The tree is encoded and decoded again, so that a test
 * meets what comes off the wire.  Aborts the test on bad text; NULL when the
 * arena's memory is out.
 */
extern WaNode *stanza(WaArena *arena, const char *xml);

/* Fails the test unless actual is expected; expected NULL means absent. */
#define assert_str(actual, expected) stanza_assert_str((actual), (expected), __FILE__, __LINE__)
extern void stanza_assert_str(WaStr actual, const char *expected, const char *file, int line);

#endif /* WA_STANZA_H */
