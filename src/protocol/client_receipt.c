/*
 * client_receipt.c
 *		Incoming receipts.  Sheet 2 section 5.4.
 */
#include "client_internal.h"

/* Retries are for whoever sent the message, the rest says nothing about one. */
static bool
is_news(const WaReceipt *receipt)
{
	for (size_t i = 0; i < receipt->n_entries; i++)
	{
		if (receipt->entries[i].kind != RECEIPT_OTHER && receipt->entries[i].kind != RECEIPT_RETRY)
			return true;
	}
	return false;
}

void
client_receipt(WaClient *client, const WaNode *stanza)
{
	WaReceipt *receipt = arena_alloc(&client->arena, sizeof(*receipt));
	WaSelf self = client_self(client);
	WaEvent *event;

	if (receipt == NULL || receipt_read(stanza, &self, receipt) != WA_OK || !is_news(receipt))
		return;
	event = client_event_add(client, EVENT_RECEIPT);
	if (event != NULL)
		event->receipt = receipt;
}
