/*
 * client_delivery.c
 *		Delivery receipts: one for each message, or one for many while the
 *		offline queue is drained.  Sheet 2 section 5.2.
 *
 * Receipts that are gathered lie as nodes in an arena of their own.  They are
 * sent when the input is used up, and then wait for everything that was told
 * until then: a receipt never leaves before each of its messages is stored.
 */
#include "client_internal.h"

#include "answer.h"

#define DELIVERY_MAX 256 /* ids gathered */

static bool
same_attr(const WaNode *a, const char *a_key, const WaNode *b, const char *b_key)
{
	WaStr x = node_attr(a, a_key);
	WaStr y = node_attr(b, b_key);

	return x.len == y.len && (x.len == 0 || str_equal(x, y));
}

/* The gathered receipt that the message can join. */
static WaNode *
find(const WaClient *client, const WaNode *message, const char *type)
{
	WaNode *receipt = node_child(client->deliveries, "receipt");

	while (receipt != NULL && !(same_attr(receipt, "to", message, "from") &&
								same_attr(receipt, "participant", message, "participant") &&
								same_attr(receipt, "recipient", message, "recipient") &&
								str_is(node_attr(receipt, "type"), type)))
		receipt = node_child_next(receipt, "receipt");
	return receipt;
}

static void
gather(WaClient *client, const WaNode *message, const char *type)
{
	WaArena *arena = &client->delivery_arena;
	WaNode *receipt = find(client, message, type);
	WaNode *list;

	if (client->deliveries == NULL)
		client->deliveries = node_new(arena, "receipts");
	if (receipt == NULL)
		node_append(client->deliveries, answer_receipt(arena, message, type));
	else
	{
		list = node_child(receipt, "list");
		if (list == NULL)
			list = node_add(receipt, "list");
		node_copy_attr(node_add(list, "item"), "id", message, "id");
	}
	client->n_deliveries++;
	if (arena->failed)
		client_end_status(client, arena->status);
}

static void
send_gathered(WaClient *client)
{
	for (const WaNode *receipt = node_child(client->deliveries, "receipt"); receipt != NULL;
		 receipt = node_child_next(receipt, "receipt"))
		client_output_send(client, receipt);
	client_delivery_reset(client);
}

void
client_delivery(WaClient *client, const WaNode *message, const char *type)
{
	WaNode *receipt;

	if (client->queue == QUEUE_DRAINING)
	{
		gather(client, message, type);
		/* its own unit is the latest of all */
		if (client->n_deliveries >= DELIVERY_MAX)
			send_gathered(client);
		return;
	}
	receipt = answer_receipt(&client->arena, message, type);
	if (receipt != NULL)
		client_output_send(client, receipt);
}

void
client_delivery_flush(WaClient *client)
{
	if (client->n_deliveries == 0)
		return;
	client_output_begin_late(client);
	send_gathered(client);
	client_output_end(client);
}

void
client_delivery_reset(WaClient *client)
{
	arena_free(&client->delivery_arena);
	client->deliveries = NULL;
	client->n_deliveries = 0;
}
