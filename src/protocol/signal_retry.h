/*
 * signal_retry.h
 *		Retry receipts: asking a sender for a message that could not be read.
 *		Sheet 2 sections 4.3 and 4.6.
 */
#ifndef WA_SIGNAL_RETRY_H
#define WA_SIGNAL_RETRY_H

#include "device.h"
#include "node.h"

#define SIGNAL_MAX_RETRIES 5 /* per (chat, sender, id) */

/* What the receipt gives as its reason. */
typedef enum SignalRetryReason
{
	RETRY_UNKNOWN = 0,
	RETRY_NO_SESSION = 1, /* for skmsg: no sender key, or none of this id */
	RETRY_INVALID_KEY = 2,
	RETRY_INVALID_KEY_ID = 3,
	RETRY_INVALID_MESSAGE = 4,
	RETRY_INVALID_SIGNATURE = 5,
	RETRY_FUTURE_MESSAGE = 6,
	RETRY_BAD_MAC = 7,
	RETRY_INVALID_SESSION = 8,
} SignalRetryReason;

/*
 * The receipt for a <message> that was not readable for the count-th time, from
 * 1 on.  With a prekey it carries our keys: from the second attempt on, and at
 * once when the verdict says so.  The prekey must be a fresh one that the
 * service never had; it is committed before the receipt is sent.  NULL when
 * memory is out or message has no id and from.
 */
extern WaNode *signal_retry_receipt(WaArena *arena, const WaNode *message, const WaDevice *device,
									unsigned count, SignalRetryReason reason,
									const WaPrekey *prekey);

#endif /* WA_SIGNAL_RETRY_H */
