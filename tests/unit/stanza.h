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

#endif /* WA_STANZA_H */
