/*
 * session_counts.c
 *		How many bots there are, which are online, and what they could not read.
 */
#include "postgres.h"

#include "fds.h"
#include "host.h"
#include "session.h"

#define UNREAD_LOG_US (60 * WA_SECOND)

static SessionCounts *counted;
static int64 *online;

static void
count(Session *session)
{
	counted->bots++;
	if (session->status == BOT_ONLINE)
		counted->online++;
}

void
session_count(SessionCounts *counts)
{
	memset(counts, 0, sizeof(*counts));
	counted = counts;
	session_visit_all(count);
	counts->fds_used = fds_used();
	counts->fds_limit = fds_limit();
	counts->memory_bytes = session_memory();
}

static void
add_online(Session *session)
{
	if (session->status == BOT_ONLINE)
		online[counted->online++] = session->bot_id;
}

int
session_online(int64 **bots)
{
	SessionCounts counts;

	session_count(&counts);
	online = *bots = palloc(sizeof(int64) * Max(counts.online, 1));
	counts.online = 0;
	session_visit_all(add_online);
	return counts.online;
}

static void
log_unread(Session *session)
{
	int64 now = host_now().mono_us;

	if (session->n_unread == 0 || now < session->unread_logged_at + UNREAD_LOG_US)
		return;
	ereport(LOG, (errmsg("bot %lld got %d messages that it cannot read yet",
						 (long long) session->bot_id, session->n_unread),
				  errdetail("Their senders are asked to send them again; in wa.messages they have "
							"the state pending.")));
	session->n_unread = 0;
	session->unread_logged_at = now;
}

void
session_log_unread(void)
{
	session_visit_all(log_unread);
}
