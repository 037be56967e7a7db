/*
 * net_dns.c
 *		Names to addresses, off the loop.
 *
 * A resolver may take half a minute to give up, and neither a connection nor
 * the end of the process may wait for it, and net_loop_destroy only a moment.  So each name
 * being looked up has a detached thread of its own, which shares nothing but
 * its NetLookup; whoever comes last, thread or loop, frees that.  (libuv's
 * thread pool is joined when the process exits.)  Connections to the same
 * name share a lookup, so there are as many threads as names.
 *
 * The threads are born with every signal blocked: the host's handlers run in
 * the host's thread.
 */
#include "net_internal.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NET_DNS_STACK (256 * 1024)
#define NET_DNS_LAST_WAIT_NS (200 * 1000 * 1000)

struct NetLookup
{
	NetLookup *next;
	NetConn *waiters;
	NetLoop *loop; /* NULL when the loop has gone; guarded by the mutex */
	bool done;     /* guarded by the mutex */
	NetAddresses addresses;
	char host[NET_HOST_SIZE];
};

static pthread_mutex_t lookup_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t lookup_ended = PTHREAD_COND_INITIALIZER;

static void
resolve(NetLookup *lookup)
{
	NetAddresses *found = &lookup->addresses;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;

	hints.ai_flags = AI_ADDRCONFIG;
	if (getaddrinfo(lookup->host, NULL, &hints, &list) != 0)
		return;
	for (struct addrinfo *one = list; one != NULL && found->count < NET_MAX_ADDRESSES;
		 one = one->ai_next)
	{
		if ((one->ai_family == AF_INET || one->ai_family == AF_INET6) &&
			getnameinfo(one->ai_addr, one->ai_addrlen, found->text[found->count], NET_ADDRESS_SIZE,
						NULL, 0, NI_NUMERICHOST) == 0)
			found->count++;
	}
	freeaddrinfo(list);
}

static void *
lookup_thread(void *arg)
{
	NetLookup *lookup = arg;
	bool orphan;

	resolve(lookup);
	pthread_mutex_lock(&lookup_mutex);
	lookup->done = true;
	orphan = lookup->loop == NULL;
	if (!orphan)
		uv_async_send(&lookup->loop->lookup_done);
	pthread_cond_signal(&lookup_ended);
	pthread_mutex_unlock(&lookup_mutex);
	if (orphan)
		free(lookup);
	return NULL;
}

static bool
start_thread(NetLookup *lookup)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	bool ok;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, NET_DNS_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&thread, &attributes, lookup_thread, lookup) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return ok;
}

static NetLookup *
take_done(NetLoop *loop)
{
	NetLookup **link = &loop->lookups;
	NetLookup *lookup;

	pthread_mutex_lock(&lookup_mutex);
	while (*link != NULL && !(*link)->done)
		link = &(*link)->next;
	lookup = *link;
	if (lookup != NULL)
		*link = lookup->next;
	pthread_mutex_unlock(&lookup_mutex);
	return lookup;
}

static void
deliver(uv_async_t *handle)
{
	NetLoop *loop = handle->data;
	NetLookup *lookup;

	while ((lookup = take_done(loop)) != NULL)
	{
		while (lookup->waiters != NULL)
		{
			NetConn *conn = lookup->waiters;

			lookup->waiters = conn->dial->next_waiter;
			conn->dial->lookup = NULL;
			net_dial_resolved(conn, &lookup->addresses);
		}
		free(lookup);
	}
}

bool
net_dns_init(NetLoop *loop)
{
	loop->lookup_done.data = loop;
	return uv_async_init(&loop->uv, &loop->lookup_done, deliver) == 0;
}

bool
net_dns_lookup(NetConn *conn)
{
	NetLoop *loop = conn->loop;
	NetLookup *lookup = loop->lookups;

	while (lookup != NULL && strcmp(lookup->host, conn->dial->url.host) != 0)
		lookup = lookup->next;
	if (lookup == NULL)
	{
		lookup = calloc(1, sizeof(*lookup));
		if (lookup == NULL)
			return false;
		lookup->loop = loop;
		memcpy(lookup->host, conn->dial->url.host, sizeof(lookup->host));
		if (!start_thread(lookup))
		{
			free(lookup);
			return false;
		}
		lookup->next = loop->lookups;
		loop->lookups = lookup;
	}
	conn->dial->lookup = lookup;
	conn->dial->next_waiter = lookup->waiters;
	lookup->waiters = conn;
	return true;
}

void
net_dns_forget(NetConn *conn)
{
	NetConn **link = &conn->dial->lookup->waiters;

	while (*link != conn)
		link = &(*link)->dial->next_waiter;
	*link = conn->dial->next_waiter;
	conn->dial->lookup = NULL;
}

/*
 * lws closes descriptors twice when its context goes, the second time perhaps
 * one that a resolver has opened meanwhile (seen with 4.1.6: the C library then
 * ends the process).  So those that are about to end may do so before.
 */
static void
wait_for_lookups(NetLoop *loop)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += NET_DNS_LAST_WAIT_NS;
	if (until.tv_nsec >= 1000000000)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lookup_mutex);
	for (NetLookup *lookup = loop->lookups; lookup != NULL; lookup = lookup->next)
	{
		while (!lookup->done)
		{
			if (pthread_cond_timedwait(&lookup_ended, &lookup_mutex, &until) != 0)
				break;
		}
	}
	pthread_mutex_unlock(&lookup_mutex);
}

void
net_dns_shutdown(NetLoop *loop)
{
	wait_for_lookups(loop);
	while (loop->lookups != NULL)
	{
		NetLookup *lookup = loop->lookups;
		bool done;

		loop->lookups = lookup->next;
		while (lookup->waiters != NULL)
		{
			lookup->waiters->dial->lookup = NULL;
			lookup->waiters = lookup->waiters->dial->next_waiter;
		}
		pthread_mutex_lock(&lookup_mutex);
		done = lookup->done;
		lookup->loop = NULL;
		pthread_mutex_unlock(&lookup_mutex);
		if (done)
			free(lookup);
	}
}
