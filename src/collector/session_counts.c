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
static int64 *listed;
static int n_listed;

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
add_any(Session *session)
{
	listed[n_listed++] = session->bot_id;
}

static void
add_online(Session *session)
{
	if (session->status == BOT_ONLINE)
		add_any(session);
}

static int
list_bots(int64 **bots, SessionVisitor add)
{
	SessionCounts counts;

	session_count(&counts);
	listed = *bots = palloc(sizeof(int64) * Max(counts.bots, 1));
	n_listed = 0;
	session_visit_all(add);
	return n_listed;
}

int
session_held(int64 **bots)
{
	return list_bots(bots, add_any);
}

int
session_online(int64 **bots)
{
	return list_bots(bots, add_online);
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
