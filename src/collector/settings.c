/*
 * settings.c
 *		Every wa_collector.* setting: unit, default, context and the check that
 *		refuses a value nobody could use.  docs/settings.md lists the same
 *		things and a test compares the two.
 */
#include "postgres.h"

#include "cert.h"
#include "device.h"
#include "net.h"
#include "payload.h"
#include "settings.h"

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

char *settings_databases;
int settings_workers;
char *settings_endpoint;
char *settings_noise_root_key;
char *settings_tls_ca_file;
char *settings_web_version;
char *settings_node_id;
int settings_watch_default;
char *settings_device_name;
int settings_prekey_batch;
int settings_group_queries_per_minute;
int settings_connects_per_second;
int settings_link_timeout_ms;
int settings_keepalive_interval_ms;
int settings_iq_timeout_ms;
int settings_deaf_after_ms;
bool settings_edge_routing;
bool settings_keep_raw;
bool settings_keep_revoked;
bool settings_delete_expired;
bool settings_sync_history;
int settings_feed_retention_s;
int settings_media_max_size_kb;
char *settings_report_timezone;

static const struct config_enum_entry watch_levels[] = {{"none", 0, false},
														{"counts", 1, false},
														{"members", 2, false},
														{"messages", 3, false},
														{NULL, 0, false}};

/* cert_root_key in hexadecimal: the one place that knows the key is cert.c. */
static char default_root_key[2 * CRYPTO_KEY_LEN + 1];

static bool
check_databases(char **newval, void **extra, GucSource source)
{
	char *copy = pstrdup(*newval);
	List *names;

	(void) extra;
	(void) source;
	if (!SplitIdentifierString(copy, ',', &names))
	{
		GUC_check_errdetail("List syntax is invalid.");
		GUC_check_errhint("Separate database names by commas; quote names that need it.");
		pfree(copy);
		return false;
	}
	list_free(names);
	pfree(copy);
	return true;
}

static bool
check_endpoint(char **newval, void **extra, GucSource source)
{
	const char *why;

	(void) extra;
	(void) source;
	if (net_check_url(*newval, &why))
		return true;
	GUC_check_errdetail("%s", why);
	GUC_check_errhint("Write it as wss://host[:port]/path, or ws:// for a server without TLS.");
	return false;
}

static bool
check_root_key(char **newval, void **extra, GucSource source)
{
	const char *digits = *newval;

	(void) extra;
	(void) source;
	if (strlen(digits) == 2 * CRYPTO_KEY_LEN &&
		strspn(digits, "0123456789abcdefABCDEF") == 2 * CRYPTO_KEY_LEN)
		return true;
	GUC_check_errdetail("The key is written as %d hexadecimal digits.", 2 * CRYPTO_KEY_LEN);
	return false;
}

static bool
check_web_version(char **newval, void **extra, GucSource source)
{
	uint32 version[3];

	(void) extra;
	(void) source;
	if ((*newval)[0] == '\0' || payload_parse_version(*newval, version) == WA_OK)
		return true;
	GUC_check_errdetail(
		"A version is written as three numbers, like %d.%d.%d; empty means that one.",
		PAYLOAD_VERSION_PRIMARY, PAYLOAD_VERSION_SECONDARY, PAYLOAD_VERSION_TERTIARY);
	return false;
}

static bool
check_device_name(char **newval, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	if ((*newval)[0] != '\0' && strlen(*newval) < DEVICE_MAX_TEXT)
		return true;
	GUC_check_errdetail("The name must have 1 to %d bytes.", DEVICE_MAX_TEXT - 1);
	return false;
}

static bool
check_node_id(char **newval, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	if (strlen(*newval) <= 128)
		return true;
	GUC_check_errdetail("The name must have at most %d bytes.", 128);
	return false;
}

static bool
check_timezone(char **newval, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	if (pg_tzset(*newval) != NULL)
		return true;
	GUC_check_errdetail("Time zone \"%s\" does not exist.", *newval);
	GUC_check_errhint("The view pg_timezone_names lists those that do.");
	return false;
}

void
settings_define(void)
{
	for (int i = 0; i < CRYPTO_KEY_LEN; i++)
		snprintf(default_root_key + 2 * i, 3, "%02x", cert_root_key[i]);

	DefineCustomIntVariable(
		"wa_collector.connects_per_second", "Connections that a worker opens in a second, at most.",
		"Keeps a restart with many bots from looking like an attack.",
		&settings_connects_per_second, 20, 1, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"wa_collector.databases", "Databases in which workers run, as a comma-separated list.",
		"Databases that do not exist, and templates, are left out.", &settings_databases,
		"postgres", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);

	DefineCustomIntVariable(
		"wa_collector.deaf_after", "Silence on a live connection after which it is opened anew.",
		"Counts stanzas from the server, not the state of the socket.", &settings_deaf_after_ms,
		180000, 1000, 3600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomBoolVariable("wa_collector.delete_expired",
							 "Deletes disappearing messages when their time has come.",
							 "Off keeps what their senders wanted to disappear.",
							 &settings_delete_expired, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"wa_collector.device_name", "Name of a new bot in the phone's list of linked devices.",
		"Only used while linking; wa.add_bot can give a bot its own.", &settings_device_name,
		"PostgreSQL", PGC_SIGHUP, 0, check_device_name, NULL, NULL);

	DefineCustomBoolVariable(
		"wa_collector.edge_routing",
		"Sends the routing information that the server gave at the last login.", NULL,
		&settings_edge_routing, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("wa_collector.endpoint", "WebSocket URL of the service.",
							   "Applies to connections opened after the change.",
							   &settings_endpoint, "wss://web.whatsapp.com/ws/chat", PGC_SIGHUP, 0,
							   check_endpoint, NULL, NULL);

	DefineCustomIntVariable("wa_collector.feed_retention", "How long wa.feed() knows what changed.",
							"A reader that stays away longer has to read the tables anew.",
							&settings_feed_retention_s, 7 * 86400, 60, 365 * 86400, PGC_SIGHUP,
							GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable("wa_collector.group_queries_per_minute",
							"Questions about groups that a bot asks in a minute, at most.", NULL,
							&settings_group_queries_per_minute, 10, 1, 600, PGC_SIGHUP, 0, NULL,
							NULL, NULL);

	DefineCustomIntVariable("wa_collector.iq_timeout", "Time to wait for the answer to a request.",
							NULL, &settings_iq_timeout_ms, 60000, 500, 600000, PGC_SIGHUP,
							GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomBoolVariable("wa_collector.keep_raw",
							 "Keeps the decrypted content of each message in wa.messages.raw.",
							 "Costs space; for those who decode more than the columns tell.",
							 &settings_keep_raw, false, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable(
		"wa_collector.keep_revoked", "Keeps what was written in messages that are deleted for all.",
		"Off removes text, attachments and earlier versions as soon as somebody deletes a message.",
		&settings_keep_revoked, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"wa_collector.keepalive_interval", "Idle time of a connection before a ping is sent.",
		"Every ping varies it by some seconds.", &settings_keepalive_interval_ms, 25000, 500,
		600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("wa_collector.link_timeout",
							"Time after which linking a bot is given up.", NULL,
							&settings_link_timeout_ms, 300000, 5000, 3600000, PGC_SIGHUP,
							GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("wa_collector.media_max_size",
							"Size up to which an attachment is downloaded, at most.",
							"Larger ones are left with the service.", &settings_media_max_size_kb,
							64 * 1024, 0, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"wa_collector.node_id", "Name of this server towards copies of its databases.",
		"A copy with another name does not log in, so that two servers never use one account.  "
		"Empty: the system identifier and the database's OID.",
		&settings_node_id, "", PGC_SIGHUP, 0, check_node_id, NULL, NULL);

	DefineCustomStringVariable("wa_collector.noise_root_key",
							   "Root key of the service's certificates, as hexadecimal digits.",
							   "Only a test server needs another one.", &settings_noise_root_key,
							   default_root_key, PGC_SIGHUP, 0, check_root_key, NULL, NULL);

	DefineCustomIntVariable("wa_collector.prekey_batch",
							"One-time prekeys that a bot makes and uploads at a time.", NULL,
							&settings_prekey_batch, 812, 1, 812, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"wa_collector.report_timezone", "Time zone in which the days of statistics begin.", NULL,
		&settings_report_timezone, "UTC", PGC_SUSET, 0, check_timezone, NULL, NULL);

	DefineCustomBoolVariable("wa_collector.sync_history",
							 "Downloads the history that a phone offers to a new device.",
							 "What is not downloaded within some days is gone.",
							 &settings_sync_history, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("wa_collector.tls_ca_file",
							   "File with the certificate authorities to trust, in PEM format.",
							   "Empty: those of the operating system.", &settings_tls_ca_file, "",
							   PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable(
		"wa_collector.watch_default", "How much is stored of a group that a bot is found in.",
		"Used for bots that wa.add_bot gave no level of their own.", &settings_watch_default, 2,
		watch_levels, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"wa_collector.web_version", "WhatsApp Web version that bots say they are.",
		"Empty: the compiled one.  Set it when the service refuses that as outdated.",
		&settings_web_version, "", PGC_SIGHUP, 0, check_web_version, NULL, NULL);

	DefineCustomIntVariable("wa_collector.workers", "Worker processes in each database.",
							"Bots are divided among them by their number.", &settings_workers, 1, 1,
							16, PGC_SIGHUP, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("wa_collector");
}

List *
settings_database_list(void)
{
	List *names;
	List *unique = NIL;
	ListCell *cell;

	/* The check hook accepted it, but be safe against a value set by force. */
	if (!SplitIdentifierString(pstrdup(settings_databases), ',', &names))
		return NIL;
	foreach (cell, names)
	{
		bool seen = false;
		ListCell *other;

		foreach (other, unique)
			seen |= strcmp(lfirst(cell), lfirst(other)) == 0;
		if (!seen)
			unique = lappend(unique, lfirst(cell));
	}
	return unique;
}

void
settings_root_key(uint8 out[32])
{
	for (int i = 0; i < CRYPTO_KEY_LEN; i++)
	{
		char digits[3] = {settings_noise_root_key[2 * i], settings_noise_root_key[2 * i + 1], '\0'};

		out[i] = (uint8) strtoul(digits, NULL, 16);
	}
}

void
settings_version(uint32 out[3])
{
	if (settings_web_version[0] != '\0' &&
		payload_parse_version(settings_web_version, out) == WA_OK)
		return;
	out[0] = PAYLOAD_VERSION_PRIMARY;
	out[1] = PAYLOAD_VERSION_SECONDARY;
	out[2] = PAYLOAD_VERSION_TERTIARY;
}
