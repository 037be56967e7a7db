/*
 * answer.c
 *		Acknowledgements, made in one place so that no kind of stanza can be
 *		forgotten: what is not acknowledged is redelivered at every login.
 */
#include "answer.h"

/*
 * type is copied except for messages; a contact's new identity is the one
 * notification that is acknowledged without it (sheet 2 section 2.9).
 */
static bool
answer_copies_type(const WaNode *stanza)
{
	if (node_is(stanza, "message"))
		return false;
	return !(node_is(stanza, "notification") && str_is(node_attr(stanza, "type"), "encrypt") &&
			 node_child(stanza, "identity") != NULL);
}

WaNode *
answer_ack(WaArena *arena, const WaNode *stanza, int error)
{
	WaNode *ack;

	if (node_attr(stanza, "id").len == 0 || node_attr(stanza, "from").len == 0)
		return NULL;
	ack = node_new(arena, "ack");
	node_set_str(ack, "class", stanza->tag);
	node_copy_attr(ack, "id", stanza, "id");
	node_copy_attr(ack, "to", stanza, "from");
	node_copy_attr(ack, "participant", stanza, "participant");
	/* without it the server answers with a stream error (sheet 1 section 8.4) */
	node_copy_attr(ack, "recipient", stanza, "recipient");
	if (answer_copies_type(stanza))
		node_copy_attr(ack, "type", stanza, "type");
	if (error > 0)
		node_set_u64(ack, "error", (uint64_t) error);
	return ack;
}

WaNode *
answer_receipt(WaArena *arena, const WaNode *message, const char *type)
{
	WaNode *receipt;

	if (node_attr(message, "id").len == 0 || node_attr(message, "from").len == 0)
		return NULL;
	receipt = node_new(arena, "receipt");
	node_copy_attr(receipt, "id", message, "id");
	node_copy_attr(receipt, "to", message, "from");
	node_copy_attr(receipt, "participant", message, "participant");
	node_copy_attr(receipt, "recipient", message, "recipient");
	node_set(receipt, "type", type);
	return receipt;
}

WaNode *
answer_iq(WaArena *arena, const WaNode *iq)
{
	WaNode *result = node_new(arena, "iq");

	node_set_jid(result, "to", str_from("s.whatsapp.net"));
	node_set(result, "type", "result");
	node_copy_attr(result, "id", iq, "id");
	return result;
}
