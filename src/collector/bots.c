/*
 * bots.c
 *		Makes the sessions of this worker what wa.bots says: starts, stops,
 *		links, logs out.
 *
 * A wish is acted upon when it is new: wa.bots.login_requested_at or
 * .desired changed.  What came of it is the core's business, which retries by
 * itself or waits for a person; so a bot that was replaced elsewhere stays
 * down however often this file looks at it.
 */
#include "postgres.h"

#include "bots.h"
#include "compat.h"
#include "host.h"
#include "session.h"
#include "settings.h"
#include "store.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static bool introduced = false; /* wa_private.worker_started() let us in */
static bool read_again = false; /* a session was dropped to be loaded anew */
static int n_behind = 0;        /* bots left out until what they told is stored */
static char refusal_text[300];

/* ---- linking ---- */

static void
report_lack_of_memory(Session *session)
{
	session_report(session, BOT_ERROR, "no_memory", NULL,
				   "The server is out of memory; call wa.login() when it has some again.");
}

/*
 * Starts linking with fresh keys, which are stored before anything is sent.
 * Keys of an earlier attempt, and records that were made with them, are never
 * used again.
 */
static bool
start_linking(Session *session)
{
	WaEnv env;
	WaDevice device;
	StoreItem erase = {.kind = STORE_ERASE, .bot_id = session->bot_id};
	StoreItem save = {.kind = STORE_DEVICE, .bot_id = session->bot_id, .device = &device};
	StoreItem *items[] = {&erase, &save};
	StoreQuestion *questions;
	int n_questions;
	bool ok = false;

	host_env_init(&env, CurrentMemoryContext);
	session_detach_client(session);
	if (session_has_unstored(session->bot_id))
	{
		/* What the device before told would come on top of the new one. */
		session_report(
			session, BOT_ERROR, "storage", NULL,
			"What the bot told before is not stored yet; the server log has the reason.");
		return false;
	}
	if (device_create(&env, &device) != WA_OK)
		report_lack_of_memory(session);
	else if (store_apply(items, lengthof(items), &questions, &n_questions) != STORE_OK)
		session_report(
			session, BOT_ERROR, "storage", NULL,
			"The keys of a new link could not be stored; the server log has the reason.");
	else if (!session_attach_client(session, &device, 0))
		report_lack_of_memory(session);
	else
	{
		session->is_started = true;
		client_start(session->client, host_now());
		session_settle(session);
		session_make_ready(session);
		ok = true;
	}
	crypto_wipe(&device, sizeof(device));
	return ok;
}

static bool
is_linking(const Session *session)
{
	return session->client != NULL && session->is_started && !session_is_linked(session);
}

/* ---- what people want ---- */

static void
start(Session *session)
{
	session->is_started = true;
	client_start(session->client, host_now());
	session_settle(session);
	session_make_ready(session);
}

static void
stop(Session *session)
{
	session->is_started = session->is_requested = false;
	if (session->client == NULL)
		return;
	client_stop(session->client, host_now());
	session_settle(session);
	session_make_ready(session);
}

static void
log_out(Session *session)
{
	session->is_started = true;
	if (client_logout(session->client, host_now()) != WA_OK)
		report_lack_of_memory(session);
	session_settle(session);
	session_make_ready(session);
}

/* Does a bot that is new in memory rest until somebody asks for it again? */
static bool
rests(const StoreBot *bot)
{
	if (bot->status == NULL || bot->login_requested_at > bot->status_since)
		return false;
	if (strcmp(bot->status, "banned") == 0)
		return bot->status_until == 0 || bot->status_until > GetCurrentTimestamp();
	return strcmp(bot->status, "error") == 0 && bot->status_reason != NULL &&
		   strcmp(bot->status_reason, "replaced") == 0;
}

/* A wish to link is good for as long as linking may take. */
static bool
is_recent(TimestampTz wished_at)
{
	return !TimestampDifferenceExceeds(wished_at, GetCurrentTimestamp(), settings_link_timeout_ms);
}

/* A ban that ended by itself; the core does not count the days. */
static bool
ban_is_over(const Session *session, const StoreBot *bot)
{
	return !session->is_started && bot->status != NULL && strcmp(bot->status, "banned") == 0 &&
		   bot->status_until != 0 && bot->status_until <= GetCurrentTimestamp();
}

static void
follow_wishes(Session *session, const StoreBot *bot, bool is_new)
{
	bool asked = bot->login_requested_at > session->login_requested_at;
	bool changed = is_new || bot->desired != session->desired;

	session->desired = bot->desired;
	session->login_requested_at = bot->login_requested_at;
	switch (bot->desired)
	{
		case DESIRED_ONLINE:
			if (!session_is_linked(session))
			{
				if (asked && !is_linking(session) && is_recent(bot->login_requested_at))
					start_linking(session);
			}
			else if (is_new ? !rests(bot) : (asked || changed || ban_is_over(session, bot)))
				start(session);
			break;
		case DESIRED_OFFLINE:
			/* Somebody who looks at a QR wants the bot, whatever the row says. */
			if (session->is_started && !(session->is_requested && !changed))
				stop(session);
			break;
		case DESIRED_LOGGED_OUT:
			if (session_is_linked(session))
			{
				if (changed)
					log_out(session);
			}
			else if (changed && !is_new)
				stop(session);
			break;
	}
}

static void
take_bot(const StoreBot *bot)
{
	Session *session = session_find(bot->bot_id);
	bool is_new = session == NULL;

	if (!bot->is_ours)
		return;
	if (is_new && session_has_unstored(bot->bot_id))
	{
		/* Its keys were read from tables that are behind: the next reading takes it. */
		store_unlock_bot(bot->bot_id);
		n_behind++;
		return;
	}
	if (is_new)
		session = session_create(bot->bot_id, bot->name);
	if (session->is_void)
	{
		/* Its keys were not read: whoever asks for it gets it loaded anew. */
		session->is_seen = true;
		if (bot->login_requested_at > session->login_requested_at &&
			!session_has_unstored(session->bot_id))
		{
			session_drop(session);
			read_again = true;
		}
		return;
	}
	session->is_seen = true;
	session_set_names(session, bot->name, bot->device_name);
	if (is_new && bot->is_damaged)
	{
		session_report(session, BOT_ERROR, "device_damaged", NULL,
					   "Its keys in wa_private.devices are damaged: restore them from a backup, or "
					   "link the bot again.");
		session->login_requested_at = bot->login_requested_at;
		session->desired = bot->desired;
		return;
	}
	if (is_new && bot->device != NULL && device_is_linked(bot->device) &&
		!session_attach_client(session, bot->device, host_wall_us(bot->last_seen_at)))
	{
		session_make_void(session);
		session->login_requested_at = bot->login_requested_at;
		report_lack_of_memory(session);
		return;
	}
	follow_wishes(session, bot, is_new);
}

/* ---- reading the table ---- */

static void
forget_mark(Session *session)
{
	session->is_seen = false;
}

static void
drop_unseen(Session *session)
{
	if (!session->is_seen)
		session_drop(session);
}

/* What waited long enough is read from the tables like a new bot. */
static void
drop_void(Session *session)
{
	if (session->is_void && session->void_until <= host_now().mono_us &&
		!session_has_unstored(session->bot_id))
		session_drop(session);
}

/* Nothing may be done here: let go of everything. */
static const char *
refuse(const char *why)
{
	strlcpy(refusal_text, why, sizeof(refusal_text));
	introduced = false;
	session_drop_all();
	return refusal_text;
}

const char *
bots_load(int worker, int workers, bool *idle)
{
	StoreBot *bots;
	int count;
	int foreign = 0;
	char *refusal;

	*idle = true;
	session_visit_all(drop_void);
	switch (store_load_bots(worker, workers, introduced ? NULL : settings_node_id, session_exists,
							&bots, &count, &refusal))
	{
		case STORE_NOT_READY:
			return refuse(store_why());
		case STORE_FAILED:
			snprintf(refusal_text, sizeof(refusal_text),
					 "wa.bots cannot be read at the moment: SQLSTATE %s, %s.",
					 unpack_sql_state(store_error()->sqlstate), store_error()->message);
			return refusal_text;
		case STORE_OK:
			break;
	}
	if (refusal != NULL)
		return refuse(refusal);
	introduced = true;
	*idle = false;

	n_behind = 0;
	session_visit_all(forget_mark);
	for (int i = 0; i < count; i++)
	{
		take_bot(&bots[i]);
		foreign += !bots[i].is_ours;
		if (bots[i].device != NULL)
			crypto_wipe(bots[i].device, sizeof(WaDevice));
		CHECK_FOR_INTERRUPTS();
	}
	session_visit_all(drop_unseen);
	if (read_again)
	{
		read_again = false;
		return bots_load(worker, workers, idle);
	}
	if (n_behind > 0)
	{
		snprintf(refusal_text, sizeof(refusal_text),
				 "%d bots wait until what they told before is stored.", n_behind);
		return refusal_text;
	}
	if (foreign == 0)
		return NULL;
	snprintf(refusal_text, sizeof(refusal_text),
			 "%d bots are held by another process, or the lock table is full "
			 "(max_locks_per_transaction).",
			 foreign);
	return refusal_text;
}

static void
make_stale(Session *session)
{
	if (session->client == NULL)
		return;
	session->is_stale = true;
	session_make_ready(session);
}

/* A number that changes with every setting that a client or connection is made with. */
static uint32
settings_mark(void)
{
	char *all = psprintf(
		"%s|%s|%s|%s|%s|%d|%d|%d|%d|%d|%d|%d", settings_endpoint, settings_noise_root_key,
		settings_tls_ca_file, settings_web_version, settings_device_name, settings_edge_routing,
		settings_prekey_batch, settings_group_queries_per_minute, settings_link_timeout_ms,
		settings_keepalive_interval_ms, settings_iq_timeout_ms, settings_deaf_after_ms);
	uint32 mark = hash_bytes((const unsigned char *) all, (int) strlen(all));

	pfree(all);
	return mark;
}

void
bots_settings_changed(void)
{
	static uint32 known_mark = 0;
	uint32 mark = settings_mark();

	if (mark != known_mark)
		session_visit_all(make_stale);
	known_mark = mark;
}

/* ---- mail ---- */

void
bots_handle_mail(const Mail *mail, int worker, int workers)
{
	Session *session = session_find(mail->bot_id);
	bool idle;

	/* A bot that was added a moment ago. */
	if (session == NULL)
	{
		(void) bots_load(worker, workers, &idle);
		session = session_find(mail->bot_id);
	}
	if (session == NULL || session->is_void)
		return;
	switch (mail->command)
	{
		case MAIL_LINK:
			if (!session_is_linked(session) && (is_linking(session) || start_linking(session)))
				session->is_requested = true;
			break;
		case MAIL_PAIR_CODE:
			if (session_is_linked(session) || !(is_linking(session) || start_linking(session)))
				break;
			session->is_requested = true;
			strlcpy(session->phone, mail->argument, sizeof(session->phone));
			/* The number was checked in SQL; what the server says comes as an event. */
			(void) client_pair_code(session->client, session->phone, host_now());
			session_settle(session);
			session_make_ready(session);
			break;
		case MAIL_REFRESH_GROUPS:
			if (session->client == NULL)
				break;
			(void) client_query_all_groups(session->client, host_now());
			session_settle(session);
			session_make_ready(session);
			break;
	}
}

/* ---- open questions ---- */

void
bots_ask_due(void)
{
	int64 *bots;
	int count = session_online(&bots);
	StoreQuestion *questions;
	int n_questions;

	if (count > 0 && store_due_questions(bots, count, &questions, &n_questions) == STORE_OK)
		session_ask(questions, n_questions);
	pfree(bots);
}
