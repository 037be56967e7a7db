/*
 * failure.c
 *		The map from stream errors, failure nodes and local troubles to what
 *		the bot shows and does.  One table each; nothing else decides this.
 */
#include "failure.h"

static const char hint_relink[] =
	"Link the bot again: wa.login() and scan a new QR. Collected data stays.";
static const char hint_version[] = "Set wa_collector.web_version to a newer client version.";
static const char hint_replaced[] =
	"Another process uses this bot's keys. Stop it, then run wa.login().";
static const char hint_wait_ban[] =
	"WhatsApp has banned the account for a time. The bot comes back by itself when it ends.";
static const char hint_banned[] =
	"WhatsApp has banned the account. Appeal in the phone's app; then wa.login().";
static const char hint_refused[] =
	"WhatsApp refuses this login. It is tried again some times, slowly; if that does not help, "
	"update wa_collector, or link the bot again: wa.logout(), wa.login() and a new QR.";

/* ---- stream:error, sheet 1 section 9.1 ---- */

/* The whole stanza as text, for ends that nobody can interpret. */
static WaStr
failure_node_text(const WaNode *node)
{
	return node->arena != NULL ? node_to_json(node->arena, node) : WA_STR_NONE;
}

static WaFailure
failure_from_conflict(const WaNode *conflict, int code)
{
	WaStr type = node_attr(conflict, "type");
	WaFailure failure = {
		.status = BOT_ERROR,
		.policy = FAILURE_STOP,
		.reason = "replaced",
		.hint = hint_replaced,
		.code = code,
		.detail = type,
	};

	if (str_is(type, "device_removed"))
	{
		failure.status = BOT_LOGGED_OUT;
		failure.reason = "device_removed";
		failure.hint = hint_relink;
	}
	else if (!str_is(type, "replaced"))
		failure.reason = "conflict";
	return failure;
}

WaFailure
failure_from_stream_error(const WaNode *node)
{
	WaFailure failure = {
		.status = BOT_CONNECTING, .policy = FAILURE_RETRY, .reason = "stream_error"};
	const WaNode *child;
	uint64_t code = 0;

	if (!node_attr_u64(node, "code", &code) || code > 9999)
		code = 0;
	failure.code = (int) code;

	if ((child = node_child(node, "conflict")) != NULL)
		return failure_from_conflict(child, failure.code);

	if ((child = node_child(node, "ack")) != NULL)
	{
		failure.reason = "unacknowledged_stanza";
		failure.detail = failure_node_text(child);
		return failure;
	}
	if (node_child(node, "xml-not-well-formed") != NULL)
	{
		failure.reason = "xml_not_well_formed";
		return failure;
	}

	failure.detail = node_attr(node, "text");
	switch (code)
	{
		case 515:
			failure.reason = "restart_required";
			failure.policy = FAILURE_NOW;
			break;
		case 516:
			failure.reason = "device_gone";
			failure.status = BOT_LOGGED_OUT;
			failure.policy = FAILURE_STOP;
			failure.hint = hint_relink;
			break;
		case 401:
			failure.reason = "logged_out";
			failure.status = BOT_LOGGED_OUT;
			failure.policy = FAILURE_STOP;
			failure.hint = hint_relink;
			break;
		case 409:
		case 440:
			failure.reason = "replaced";
			failure.status = BOT_ERROR;
			failure.policy = FAILURE_STOP;
			failure.hint = hint_replaced;
			break;
		case 429:
			failure.reason = "rate_limited";
			failure.penalty = 5;
			break;
		case 503:
			failure.reason = "service_unavailable";
			break;
		default:
			if (code >= 500 && code <= 599)
				failure.reason = "server_error";
			if (failure.detail.data == NULL)
				failure.detail = failure_node_text(node);
			break;
	}
	return failure;
}

/* ---- failure instead of success, sheet 1 section 9.2 ---- */

typedef struct FailureRow
{
	int code;
	WaBotStatus status;
	FailurePolicy policy;
	int attempts;
	const char *reason;
	const char *hint;
} FailureRow;

static const FailureRow failure_rows[] = {
	{400, BOT_ERROR, FAILURE_SLOW, 5, "bad_request", hint_refused},
	{401, BOT_LOGGED_OUT, FAILURE_STOP, 0, "logged_out", hint_relink},
	{402, BOT_BANNED, FAILURE_UNTIL, 0, "temporary_ban", hint_wait_ban},
	{403, BOT_LOGGED_OUT, FAILURE_STOP, 0, "locked",
	 "WhatsApp locked the account or its phone is gone. Open WhatsApp on the phone, then link the "
	 "bot again."},
	{405, BOT_ERROR, FAILURE_SLOW, 0, "client_outdated", hint_version},
	{406, BOT_BANNED, FAILURE_STOP, 0, "banned", hint_banned},
	{409, BOT_ERROR, FAILURE_STOP, 0, "bad_user_agent",
	 "WhatsApp refuses what this client says about itself. Check wa_collector.web_version."},
	{411, BOT_ERROR, FAILURE_STOP, 0, "multidevice_mismatch",
	 "Link the bot again: wa.logout(), wa.login() and a new QR. Collected data stays."},
	{413, BOT_ERROR, FAILURE_SLOW, 5, "token_expired", hint_refused},
	{414, BOT_ERROR, FAILURE_SLOW, 5, "token_invalid", hint_refused},
	{415, BOT_ERROR, FAILURE_SLOW, 5, "not_found", hint_refused},
	{418, BOT_ERROR, FAILURE_SLOW, 0, "client_unknown", hint_refused},
	{429, BOT_CONNECTING, FAILURE_SLOW, 0, "rate_limited", NULL},
	{500, BOT_CONNECTING, FAILURE_SLOW, 0, "server_error", NULL},
	{501, BOT_CONNECTING, FAILURE_SLOW, 0, "server_error", NULL},
	{503, BOT_CONNECTING, FAILURE_SLOW, 0, "service_unavailable", NULL},
};

/* Why a temporary ban was given, its code attribute. */
static const char *
failure_ban_hint(uint64_t code)
{
	switch (code)
	{
		case 101:
			return "Temporary ban: messages to too many people who do not have this number in "
				   "their contacts.";
		case 102:
			return "Temporary ban: too many people blocked this number.";
		case 103:
			return "Temporary ban: too many groups made with people who do not have this number in "
				   "their contacts.";
		case 104:
			return "Temporary ban: the same message was sent too often.";
		case 106:
			return "Temporary ban: too many messages to broadcast lists.";
		default:
			return hint_wait_ban;
	}
}

/* The texts that are meant for the user, in one line. */
static WaStr
failure_words(const WaNode *node)
{
	static const char *const keys[] = {
		"message",          "text", "logout_message_header", "logout_message_subtext",
		"violation_reason", "url"};
	WaStr words = WA_STR_NONE;

	if (node->arena == NULL)
		return words;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		WaStr value = node_attr(node, keys[i]);
		int len = value.len < 512 ? (int) value.len : 512;

		if (value.len == 0)
			continue;
		if (words.data == NULL)
			words = arena_printf(node->arena, "%.*s", len, value.data);
		else
			words = arena_printf(node->arena, "%.*s · %.*s", (int) words.len, words.data, len,
								 value.data);
	}
	return words;
}

WaFailure
failure_from_failure(const WaNode *node, int64_t wall_us)
{
	WaFailure failure = {
		.status = BOT_ERROR,
		.policy = FAILURE_SLOW,
		.reason = "login_refused",
		.hint = hint_refused,
		.attempts = 5,
	};
	uint64_t reason = 0;
	uint64_t code = 0;
	uint64_t expire = 0;

	if (!node_attr_u64(node, "reason", &reason) || reason > 9999)
		reason = 0;
	failure.code = (int) reason;
	for (size_t i = 0; i < sizeof(failure_rows) / sizeof(failure_rows[0]); i++)
	{
		const FailureRow *row = &failure_rows[i];

		if (row->code != (int) reason)
			continue;
		failure.status = row->status;
		failure.policy = row->policy;
		failure.attempts = row->attempts;
		failure.reason = row->reason;
		failure.hint = row->hint;
		break;
	}

	failure.detail = failure_words(node);
	if (failure.policy == FAILURE_UNTIL)
	{
		/* without an end there is nothing to wait for; ask again in a day */
		if (!node_attr_u64(node, "expire", &expire) || expire == 0 || expire > UINT32_MAX)
			expire = 86400;
		failure.until = wall_us / WA_SECOND + (int64_t) expire;
		if (node_attr_u64(node, "code", &code))
			failure.hint = failure_ban_hint(code);
	}
	if (failure.detail.data == NULL && failure.attempts != 0)
		failure.detail = failure_node_text(node);
	return failure;
}

/* ---- noticed here ---- */

WaFailure
failure_local(FailureKind kind)
{
	WaFailure failure = {.status = BOT_CONNECTING, .policy = FAILURE_RETRY};

	switch (kind)
	{
		case FAILURE_CONNECTION_FAILED:
			failure.reason = "connection_failed";
			failure.hint =
				"It is tried again by itself. If it lasts, check wa_collector.endpoint and "
				"whether this server may connect to it.";
			break;
		case FAILURE_CONNECTION_LOST:
			failure.reason = "connection_lost";
			break;
		case FAILURE_TLS:
			failure.reason = "tls_certificate";
			failure.status = BOT_ERROR;
			failure.policy = FAILURE_SLOW;
			failure.hint = "The server's TLS certificate is not trusted. Check the clock, proxies "
						   "and wa_collector.tls_ca_file.";
			break;
		case FAILURE_STREAM_END:
			failure.reason = "stream_end";
			break;
		case FAILURE_TIMEOUT:
			failure.reason = "timeout";
			break;
		case FAILURE_DEAF:
			failure.reason = "deaf";
			failure.policy = FAILURE_NOW;
			break;
		case FAILURE_HANDSHAKE:
			failure.reason = "handshake_failed";
			failure.policy = FAILURE_SLOW;
			failure.hint = "What answers does not speak WhatsApp's protocol. Check "
						   "wa_collector.endpoint and what stands between.";
			break;
		case FAILURE_CERTIFICATE:
			/* a proxy in between or an attack: nothing to hurry for */
			failure.reason = "certificate";
			failure.status = BOT_ERROR;
			failure.policy = FAILURE_SLOW;
			failure.hint = "The server did not prove to be WhatsApp. Check wa_collector.endpoint, "
						   "wa_collector.noise_root_key and what stands between.";
			break;
		case FAILURE_PROTOCOL:
			failure.reason = "protocol_error";
			break;
		case FAILURE_OVERFLOW:
			failure.reason = "overflow";
			break;
		case FAILURE_MEMORY:
			failure.reason = "out_of_memory";
			break;
		case FAILURE_RANDOM:
			failure.reason = "no_randomness";
			failure.status = BOT_ERROR;
			failure.policy = FAILURE_SLOW;
			failure.hint = "The operating system gave no random numbers. See its log.";
			break;
		case FAILURE_PAIRING:
			failure.reason = "pairing_failed";
			break;
		case FAILURE_QR_EXPIRED:
			failure.reason = "qr_expired";
			failure.policy = FAILURE_NOW;
			break;
		case FAILURE_LINK_TIMEOUT:
			failure.reason = "link_timeout";
			failure.status = BOT_OFFLINE;
			failure.policy = FAILURE_STOP;
			failure.hint = "Nobody scanned the QR in time. Ask for a new one: wa.qr_text().";
			break;
		case FAILURE_LINKED:
			failure.reason = "linked";
			failure.policy = FAILURE_NOW;
			break;
		case FAILURE_LOGOUT:
			failure.reason = "logout";
			failure.status = BOT_LOGGED_OUT;
			failure.policy = FAILURE_STOP;
			failure.hint = hint_relink;
			break;
	}
	return failure;
}

FailureKind
failure_kind_of(WaStatus status)
{
	switch (status)
	{
		case WA_ERR_NOMEM:
			return FAILURE_MEMORY;
		case WA_ERR_RANDOM:
			return FAILURE_RANDOM;
		case WA_ERR_CERTIFICATE:
			return FAILURE_CERTIFICATE;
		default:
			return FAILURE_PROTOCOL;
	}
}
