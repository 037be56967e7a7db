/*
 * fds.c
 *		The budget of descriptors; see fds.h.
 *
 * fd.c keeps to max_safe_fds, which the postmaster computed from the soft
 * limit it had.  What a higher soft limit adds is ours alone; when that is used
 * up, fd.c lends a third of its share.
 */
#include "postgres.h"

#include "fds.h"

#include <sys/resource.h>

#include "storage/fd.h"

#define MOST_SOCKETS 20000 /* of one worker */
#define RESERVED_FDS 64    /* epoll, resolver, log, libraries */

static int own_fds = 0;
static int borrowed_fds = 0;
static int open_sockets = 0;

/*
 * Raises the soft limit to the hard one.  The postmaster computed
 * max_safe_fds from the old limit and fd.c keeps to that: what is above is
 * ours alone.
 */
static int
raise_limit(void)
{
	struct rlimit limit;
	rlim_t wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return max_safe_fds;
	wanted = (rlim_t) max_safe_fds + MOST_SOCKETS + RESERVED_FDS;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
		wanted = limit.rlim_max;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return (int) wanted;
	limit.rlim_cur = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return max_safe_fds;
	return (int) limit.rlim_cur;
}

int
fds_limit(void)
{
	/* AcquireExternalFD gives a third of fd.c's share at most. */
	return own_fds + max_safe_fds / 3;
}

bool
fds_take(void)
{
	if (open_sockets >= own_fds)
	{
		if (!AcquireExternalFD())
			return false;
		borrowed_fds++;
	}
	open_sockets++;
	return true;
}

void
fds_give(void)
{
	open_sockets--;
	if (borrowed_fds > 0 && open_sockets < own_fds + borrowed_fds)
	{
		ReleaseExternalFD();
		borrowed_fds--;
	}
}

void
fds_init(void)
{
	own_fds = Max(0, raise_limit() - max_safe_fds - RESERVED_FDS);
}

int
fds_used(void)
{
	return open_sockets;
}
