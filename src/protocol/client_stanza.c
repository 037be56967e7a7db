/*
 * client_stanza.c
 *		Every inbound stanza passes here once: decrypted, decoded, handed to the
 *		part that knows it, and answered.
 *
 * The rule of answers: what has an id and a sender is answered, whether
 * anything understood it or not.
 */
#include "client_internal.h"

#include <string.h>

#include "answer.h"
#include "frame.h"

/* ---- what is kept raw ---- */

void
client_stanza_raw(WaClient *client, const WaNode *node)
{
	WaEvent *event = client_event_add(client, EVENT_RAW);

	if (event == NULL)
		return;
	event->raw.tag = node->tag;
	event->raw.type = node_attr(node, "type");
	event->raw.id = node_attr(node, "id");
	event->raw.from = node_attr(node, "from");
	event->raw.node = node;
}

static void
client_stanza_ack(WaClient *client, const WaNode *node, int error)
{
	WaNode *ack = answer_ack(&client->arena, node, error);

	if (ack != NULL)
		client_output_send(client, ack);
}

/* ---- iq ---- */

static void
client_stanza_iq(WaClient *client, const WaNode *iq)
{
	WaStr type = node_attr(iq, "type");
	WaStr xmlns = node_attr(iq, "xmlns");

	if (str_is(type, "result") || str_is(type, "error"))
		client_iq_answer(client, iq);
	else if (str_is(xmlns, "urn:xmpp:ping") || node_child(iq, "ping") != NULL)
		client_output_now(client, answer_iq(&client->arena, iq));
	else if (node_child(iq, "pair-device") != NULL)
		client_link_device(client, iq);
	else if (node_child(iq, "pair-success") != NULL)
		client_link_success(client, iq);
	else
		client_stanza_raw(client, iq);
}

/* ---- ib: what the server says about the stream; never acknowledged ---- */

static void
client_stanza_routing(WaClient *client, const WaNode *routing)
{
	const WaNode *info = node_child(routing, "routing_info");
	WaDevice *device = &client->device;

	if (info == NULL || info->bytes.len == 0 || info->bytes.len > sizeof(device->routing))
		return;
	if (device->routing_len == info->bytes.len &&
		memcmp(device->routing, info->bytes.data, info->bytes.len) == 0)
		return;
	if (client_event_add(client, EVENT_DEVICE) == NULL)
		return;
	memset(device->routing, 0, sizeof(device->routing));
	memcpy(device->routing, info->bytes.data, info->bytes.len);
	device->routing_len = info->bytes.len;
}

static void
client_stanza_dirty(WaClient *client, const WaNode *dirty)
{
	WaStr type = node_attr(dirty, "type");
	uint64_t timestamp;
	WaNode *iq;
	WaNode *clean;

	if (type.len == 0 || !node_attr_u64(dirty, "timestamp", &timestamp) || timestamp == 0)
		return;
	if (str_is(type, "groups"))
	{
		client_groups_dirty(client, timestamp);
		return;
	}
	iq = client_iq_new(client, "set", "urn:xmpp:whatsapp:dirty");
	clean = node_add(iq, "clean");
	node_set_str(clean, "type", type);
	node_set_u64(clean, "timestamp", timestamp);
	client_iq_send(client, iq, IQ_CLEAN);
}

/* This version ends at t; without t the notice is withdrawn (sheet 1 section 4.4). */
static void
client_stanza_expiration(WaClient *client, const WaNode *notice)
{
	WaFailure online = {.status = BOT_ONLINE};
	uint64_t t;

	if (client->phase != PHASE_ONLINE)
		return;
	if (node_attr_u64(notice, "t", &t) && t > 0 && t <= UINT32_MAX)
	{
		online.reason = "client_expiring";
		online.hint = "WhatsApp will refuse this client version soon: set wa_collector.web_version "
					  "to a newer one.";
		online.until = (int64_t) t;
	}
	client_show(client, &online);
}

static void
client_stanza_ib(WaClient *client, const WaNode *ib)
{
	const WaNode *child;

	if ((child = node_child(ib, "offline_preview")) != NULL)
		client_offline_preview(client, child);
	if ((child = node_child(ib, "offline")) != NULL)
		client_offline_end(client, child);
	if ((child = node_child(ib, "edge_routing")) != NULL)
		client_stanza_routing(client, child);
	for (child = node_child(ib, "dirty"); child != NULL; child = node_child_next(child, "dirty"))
		client_stanza_dirty(client, child);
	if ((child = node_child(ib, "client_expiration")) != NULL)
		client_stanza_expiration(client, child);
	if (node_child(ib, "downgrade_webclient") != NULL && client->phase == PHASE_LINK)
	{
		WaFailure refused = {
			.status = BOT_QR,
			.reason = "multidevice_missing",
			.hint = "The phone's WhatsApp cannot link devices. Update it and scan again.",
		};

		client_show(client, &refused);
	}
}

/* ---- notifications, sheet 2 section 2.9 ---- */

/* A person has to confirm with a passkey on the official client; we cannot. */
static void
client_stanza_passkey(WaClient *client, const WaNode *notification)
{
	WaFailure passkey = {
		.status = BOT_PASSKEY_REQUIRED,
		.reason = "passkey_required",
		.hint = "The account asks for a passkey, which only WhatsApp's own client can give. "
				"Turn that off on the phone, or use another account.",
	};

	client_stanza_raw(client, notification); /* the challenge */
	passkey.detail = node_to_json(&client->arena, notification);
	client_show(client, &passkey);
}

static void
client_stanza_encrypt(WaClient *client, const WaNode *notification)
{
	const WaNode *count = node_child(notification, "count");
	uint64_t value = 0;

	if (count == NULL)
		return; /* a digest request, or an identity that is not a contact's */
	if (node_attr_u64(count, "value", &value) || node_attr(count, "value").data == NULL)
		client_login_low_water(client, value);
}

static void
client_stanza_number_change(WaClient *client, const WaNode *notification)
{
	WaIdentity before;
	WaIdentity after;
	WaEvent *event;

	if (!identity_number_change(notification, &before, &after))
		return;
	event = client_event_add(client, EVENT_NUMBER_CHANGE);
	if (event != NULL)
	{
		event->number_change.before = before;
		event->number_change.after = after;
	}
}

/* Known, but nothing that is collected; the aliases in them were taken. */
static bool
client_stanza_is_ignored(WaStr type)
{
	static const char *const ignored[] = {
		"devices",           "picture", "status", "business", "privacy_token", "newsletter",
		"disappearing_mode", "psa",     "pay",    "server",   "fbid:devices",  "w:growth",
	};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
	{
		if (str_is(type, ignored[i]))
			return true;
	}
	return false;
}

static void
client_stanza_notification(WaClient *client, const WaNode *notification)
{
	WaStr type = node_attr(notification, "type");

	if (str_is(type, "encrypt") && node_child(notification, "identity") != NULL &&
		client_identity(client, notification))
		return; /* it answers itself */
	/* a group's people travel in its own events, where it is known whether they may be stored */
	if (!str_is(type, "w:gp2"))
		client_event_aliases(client, identity_harvest(notification), "notification");

	if (str_is(type, "w:gp2"))
	{
		if (!client_groups_notification(client, notification))
			client_stanza_raw(client, notification);
	}
	else if (str_is(type, "encrypt"))
		client_stanza_encrypt(client, notification);
	else if (str_is(type, "account_sync"))
		client_login_push_name(client, node_attr(notification, "pushname"));
	else if (str_is(type, "server_sync"))
		client_appstate_notification(client, notification);
	else if (str_is(type, "mediaretry"))
		client_media_notification(client, notification);
	else if (str_is(type, "contacts"))
		client_stanza_number_change(client, notification);
	else if (str_is(type, "companion_reg_refresh") || str_is(type, "pair-device-rotate-qr"))
		client_link_rotate(client);
	else if (str_is(type, "passkey_prologue_request") || str_is(type, "crsc_continuation"))
		client_stanza_passkey(client, notification);
	else if (str_is(type, "link_code_companion_reg"))
	{
		/* acknowledged first: the server expects our finish after it (sheet 1 section 6.2) */
		client_stanza_ack(client, notification, 0);
		client_link_code(client, notification);
		return;
	}
	else if (!client_stanza_is_ignored(type))
		client_stanza_raw(client, notification);
	client_stanza_ack(client, notification, 0);
}

/* ---- all of them ---- */

static void
client_stanza_dispatch(WaClient *client, const WaNode *node)
{
	WaFailure failure;

	if (node_is(node, "iq"))
		client_stanza_iq(client, node);
	else if (node_is(node, "notification"))
		client_stanza_notification(client, node);
	else if (node_is(node, "message"))
		client_message(client, node);
	else if (node_is(node, "receipt") || node_is(node, "call"))
	{
		client_event_aliases(client, identity_harvest(node),
							 node_is(node, "call") ? "call" : "receipt");
		if (node_is(node, "receipt"))
			client_receipt(client, node);
		client_stanza_ack(client, node, 0);
	}
	else if (node_is(node, "status"))
		client_stanza_ack(client, node, 0);
	else if (node_is(node, "ib"))
		client_stanza_ib(client, node);
	else if (node_is(node, "success"))
		client_login_success(client, node);
	else if (node_is(node, "failure"))
	{
		failure = failure_from_failure(node, client->now.wall_us);
		client_end(client, &failure);
	}
	else if (node_is(node, "stream:error"))
	{
		failure = failure_from_stream_error(node);
		client_end(client, &failure);
	}
	else if (node_is(node, "xmlstreamend"))
		client_end_for(client,
					   client->relogin_at != WA_NEVER ? FAILURE_LINKED : FAILURE_STREAM_END);
	else if (!node_is(node, "presence") && !node_is(node, "chatstate") && !node_is(node, "ack"))
	{
		client_stanza_raw(client, node);
		client_stanza_ack(client, node, ANSWER_UNRECOGNIZED_STANZA);
	}
}

static void
client_stanza_handle(WaClient *client, const uint8_t *plain, size_t len)
{
	WaNode *node;
	WaStatus status;

	client->stanza_bytes = (WaStr){(const char *) plain, len};
	client->stanza++;
	if (len == 1 && (plain[0] & 2) != 0)
	{
		client_end_for(client, FAILURE_STREAM_END); /* a bare flag ends the stream, too */
		return;
	}
	status = node_decode(&client->arena, plain, len, &node);
	if (status != WA_OK)
	{
		client_end_status(client, status);
		return;
	}
	client->in_stanza = true;
	client_output_begin(client);
	client_keepalive_stanza(client, node);
	client_offline_stanza(client, node);
	client_stanza_dispatch(client, node);
	if (client->arena.failed)
		client_end_status(client, client->arena.status);
	/* one that waits for records has told and sent nothing yet */
	if (client->step == NULL)
		client_output_end(client);
	client->in_stanza = false;
}

bool
client_stanza_next(WaClient *client)
{
	const uint8_t *payload;
	size_t len;
	size_t consumed;
	uint8_t *plain;
	WaStatus status;

	if (client->phase < PHASE_HELLO || client->phase > PHASE_ONLINE ||
		frame_next(buf_data(&client->in), buf_len(&client->in), &payload, &len, &consumed) != WA_OK)
		return client_finish_gone(client);

	if (client->phase == PHASE_HELLO)
	{
		client_handshake_answer(client, payload, len);
		buf_consume(&client->in, consumed);
		return true;
	}
	plain = len < CRYPTO_TAG_LEN ? NULL : arena_alloc(&client->arena, len - CRYPTO_TAG_LEN + 1);
	if (plain == NULL)
	{
		client_end_for(client, client->arena.failed ? FAILURE_MEMORY : FAILURE_PROTOCOL);
		return true;
	}
	status = noise_open(&client->transport, payload, len, plain);
	buf_consume(&client->in, consumed);
	if (status != WA_OK)
		client_end_status(client, status); /* the counters are out of step for good */
	else
		client_stanza_handle(client, plain, len - CRYPTO_TAG_LEN);
	return true;
}
