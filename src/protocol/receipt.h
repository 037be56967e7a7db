/*
 * receipt.h
 *		Incoming receipts: who got, read or played which message.  Sheet 2
 *		section 5.4.
 */
#ifndef WA_RECEIPT_H
#define WA_RECEIPT_H

#include "message.h"

#define RECEIPT_MAX_ENTRIES 65536 /* of one stanza; the rest is dropped and told */

/* In the order of what it says about a message: a later one outdoes an earlier one. */
typedef enum WaReceiptKind
{
	RECEIPT_OTHER,    /* informational, for acknowledging only */
	RECEIPT_RETRY,    /* could not be decrypted: for the sender to answer */
	RECEIPT_REFUSED,  /* not delivered: the device cannot take it */
	RECEIPT_REUPLOAD, /* server-error: the media could not be fetched */
	RECEIPT_SENDER,   /* another own device has it */
	RECEIPT_DELIVERED,
	RECEIPT_READ,
	RECEIPT_PLAYED,
} WaReceiptKind;

extern const char *receipt_kind_name(WaReceiptKind kind); /* "delivered"; never NULL */

typedef struct WaReceiptEntry
{
	WaStr id;     /* the message's */
	WaStr device; /* as the stanza has it, with the device part */
	WaIdentity who;
	WaReceiptKind kind;
	int64_t at;   /* Unix seconds; 0 not told */
	bool by_self; /* another own device read the chat */
} WaReceiptEntry;

typedef struct WaReceipt
{
	WaStr chat;   /* bare */
	WaStr type;   /* as the stanza has it; absent: delivered */
	WaStr author; /* in groups, read by an own device: the messages' author; may be absent */
	WaReceiptEntry *entries;
	size_t n_entries;
	size_t dropped; /* entries over RECEIPT_MAX_ENTRIES, or without id or person */
} WaReceipt;

/*
 * Reads a <receipt>, single or grouped.  Results live in the stanza's arena.
 * WA_ERR_MALFORMED: no sender.
 */
extern WaStatus receipt_read(const WaNode *stanza, const WaSelf *self, WaReceipt *out);

#endif /* WA_RECEIPT_H */
