/*
 * client_identity.c
 *		Somebody has a new Signal identity: what was kept of the old one goes.
 *		Sheet 2 section 4.9.
 */
#include "client_internal.h"

#include "answer.h"

typedef struct IdentityWork
{
	const WaNode *stanza;
	WaIdentity who;
	WaStr jid;
	WaStr alternate;
	bool opened;
	bool asked;
} IdentityWork;

static WaStatus
forget(WaClient *client, IdentityWork *work)
{
	WaStatus status = signal_forget_peer(client->signal, work->jid, work->alternate);
	WaNode *ack;

	if (status != WA_OK)
		return status;
	client_event_aliases(client, identity_harvest(work->stanza), "notification");
	client_message_tell_identity(client, &work->who);
	client_records_tell(client);
	ack = answer_ack(&client->arena, work->stanza, 0);
	if (ack != NULL)
		client_output_send(client, ack);
	return WA_OK;
}

static bool
identity_step(WaClient *client, void *data)
{
	IdentityWork *work = data;
	WaStatus status = WA_OK;

	if (!work->opened)
	{
		status = client_records_open(client);
		if (status == WA_NEED_MORE)
			return false;
		work->opened = status == WA_OK;
	}
	if (status == WA_OK && !work->asked)
	{
		status = signal_needs_peer(client->signal, work->jid, work->alternate);
		work->asked = true;
		if (status == WA_OK && client_records_wait(client))
			return false;
	}
	if (status == WA_OK)
		status = forget(client, work);
	if (status != WA_OK)
		client_records_fault(client, status);
	return true;
}

bool
client_identity(WaClient *client, const WaNode *notification)
{
	WaSelf self = client_self(client);
	WaStr from = node_attr(notification, "from");
	IdentityWork *work;
	WaJid jid;

	if (client->phase < PHASE_SETUP || jid_parse(from, &jid) != WA_OK || !jid_is_user(&jid) ||
		jid.device != 0 || message_is_self(&self, from))
		return false;
	work = arena_alloc(&client->arena, sizeof(*work));
	if (work == NULL)
		return true;
	work->stanza = notification;
	work->who = identity_of_key(notification, "from");
	if (work->who.lid.data == NULL)
		work->who.lid =
			identity_from(&client->arena, node_attr(notification, "lid"), WA_STR_NONE).lid;
	if (!identity_is_known(&work->who))
		return false;
	work->jid = work->who.lid.data != NULL ? work->who.lid : work->who.pn;
	work->alternate = work->who.lid.data != NULL ? work->who.pn : WA_STR_NONE;
	client_records_begin(client, identity_step, work);
	return true;
}
