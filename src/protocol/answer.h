/*
 * answer.h
 *		The acknowledgement that every stanza with an id and a sender gets,
 *		known or not.  Sheet 1 sections 8.3 to 8.7, sheet 2 section 5.1.
 */
#ifndef WA_ANSWER_H
#define WA_ANSWER_H

#include "node.h"

#define ANSWER_PARSING_ERROR 487
#define ANSWER_UNRECOGNIZED_STANZA 488
#define ANSWER_INVALID_PROTOBUF 491

/*
 * <ack> for stanza with the attributes the server matches it by; error 0
 * is a plain ack.  NULL when the stanza has no id or no sender (nothing to
 * acknowledge) or when memory is out (arena->failed).
 */
extern WaNode *answer_ack(WaArena *arena, const WaNode *stanza, int error);

/*
 * The <receipt> of this type for a message (sheet 2 section 5.2), with the
 * addresses as the stanza has them.  NULL as above.
 */
extern WaNode *answer_receipt(WaArena *arena, const WaNode *message, const char *type);

/* <iq type="result"> to the server for a server's iq; id only if it had one. */
extern WaNode *answer_iq(WaArena *arena, const WaNode *iq);

#endif /* WA_ANSWER_H */
