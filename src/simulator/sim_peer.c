/*
 * sim_peer.c
 *		What a phone sends its companions of its own accord: keys of app state,
 *		history, answers to their requests.  Sheet 2 sections 3.1, 8.3 and 9.
 *
 * The latest messages are kept for those who could not read them.
 */
#include "sim_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_app.h"
#include "sim_history.h"
#include "sim_message.h"

#define KEPT 64 /* messages of a device */
#define MAX_RETRIES 5

struct SimPeerSent
{
	SimPeerSent *next; /* the one before */
	char id[24];
	int64_t at; /* Unix seconds */
	int asked;  /* retry receipts */
	size_t len;
	uint8_t message[];
};

static void
trim(SimPeerSent *sent)
{
	for (int i = 1; sent != NULL; i++)
	{
		SimPeerSent *older = sent->next;

		if (i == KEPT)
			sent->next = NULL;
		if (i > KEPT)
			free(sent);
		sent = older;
	}
}

void
sim_peer_forget(SimDevice *device)
{
	while (device->peer_sent != NULL)
	{
		SimPeerSent *sent = device->peer_sent;

		device->peer_sent = sent->next;
		free(sent);
	}
}

/* Encrypts it with the session as it is now; count: of the retry receipt, 0 none. */
static bool
post(SimDevice *device, const SimPeerSent *sent, int count)
{
	SimAccount *account = device->account;
	SimBundle bundle;
	SimCipher cipher;
	WaArena arena;
	WaNode *node;
	WaNode *enc;
	WaBuf sealed;

	if (!sim_signal_knows(account, device) &&
		!(sim_keys_bundle(device, &bundle) && sim_signal_start(account, device, &bundle)))
		return false;
	buf_init(&sealed, sim.env, WA_MAX_FRAME);
	if (!sim_signal_write(account, device, sent->message, sent->len, &sealed, &cipher))
	{
		buf_free(&sealed);
		return false;
	}
	if (sim_fault_take("peer_mac", account) != NULL)
		sealed.data[sealed.end - 1] ^= 0x55;
	arena_init(&arena, sim.env, WA_MAX_STANZA_MEMORY);
	node = node_new(&arena, "message");
	node_set(node, "id", sent->id);
	node_set_jid(node, "from", sim_account_jid(&arena, account, false));
	node_set(node, "type", "text");
	node_set(node, "category", "peer");
	node_set_u64(node, "t", (uint64_t) sent->at);
	enc = node_add(node, "enc");
	node_set(enc, "v", "2");
	node_set(enc, "type", sim_signal_cipher_name(cipher));
	if (count > 0)
		node_set_u64(enc, "count", (uint64_t) count);
	node_set_bytes(enc, buf_data(&sealed), buf_len(&sealed));
	sim_queue_push_node(device, node);
	arena_free(&arena);
	buf_free(&sealed);
	return true;
}

bool
sim_peer_send(SimDevice *device, const void *message, size_t len, char id_out[24])
{
	SimPeerSent *sent = sim_util_alloc(sizeof(*sent) + len);

	snprintf(sent->id, sizeof(sent->id), "3A%020llX", (unsigned long long) ++sim.last_id);
	sent->at = sim_util_now();
	sent->len = len;
	memcpy(sent->message, message, len);
	sent->next = device->peer_sent;
	device->peer_sent = sent;
	/* known before it leaves: its receipt may come at once */
	if (id_out != NULL)
		memcpy(id_out, sent->id, sizeof(sent->id));
	trim(device->peer_sent);
	return post(device, sent, 0);
}

void
sim_peer_retry(SimDevice *device, const WaNode *receipt)
{
	WaStr id = node_attr(receipt, "id");
	SimPeerSent *sent = device->peer_sent;

	while (sent != NULL && !str_is(id, sent->id))
		sent = sent->next;
	if (sent == NULL || device->account->deaf_to_retries || ++sent->asked > MAX_RETRIES)
		return;
	sim_say_renew(device, device->account, receipt);
	(void) post(device, sent, sent->asked);
}

void
sim_peer_greet(SimDevice *device)
{
	if (device->greeted || !device->uploaded || device->conn == NULL || !device->conn->active)
		return;
	device->greeted = true;
	if (sim.options.app_state)
		sim_app_share(device, WA_STR_NONE);
	sim_history_linked(device);
}
