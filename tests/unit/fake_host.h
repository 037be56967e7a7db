/*
 * fake_host.h
 *		What a host does with one client, without sockets and on a clock that
 *		only the test moves: pull, store, persisted, write, feed.
 *
 * Everything the client tells lands in a trace of one line per event, so that
 * two runs can be compared and a test can look for what happened.
 */
#ifndef WA_FAKE_HOST_H
#define WA_FAKE_HOST_H

#include "../../src/protocol/client.h"
#include "fake_server.h"
#include "test_env.h"

#define HOST_WALL_US (INT64_C(1795456383) * WA_SECOND)

typedef enum HostFeed
{
	FEED_WHOLE,
	FEED_BYTES,  /* one at a time */
	FEED_RANDOM, /* pieces of 1 to 50 bytes */
} HostFeed;

typedef struct FakeHost
{
	TestEnv env;        /* the client's */
	TestEnv server_env; /* the server's: never fails */
	WaClientConfig config;
	WaClient *client;
	FakeServer server;
	WaNow now;
	HostFeed feed;
	uint64_t seed;              /* of the random pieces */
	bool hold;                  /* events are pulled, but nothing is stored */
	const char *refuse;         /* no connection succeeds, for this reason */
	bool wired;                 /* a socket exists */
	struct HostRecord *records; /* its table; those of epochs not stored yet count as pending */
	int looked_up;              /* needs answered */
	bool hungry;                /* needs are not answered */
	uint64_t stored;            /* last epoch that was stored */
	uint64_t last_epoch;
	uint64_t bytes_out; /* taken from the client so far */
	int errors;         /* calls that returned an error */

	/* what was told last */
	uint32_t blob_id; /* that is wanted; 0 none yet */
	char qr[512];
	char code[16];
	WaBotStatus status;
	char reason[64];
	char detail[600];
	char hint[300];
	int status_code;
	int64_t until;
	int64_t retry_in_us;
	WaDevice device; /* as told */
	WaDevice stored_device;
	bool covered;
	WaBuf trace;
} FakeHost;

/* Ready for fake_host_open; the configuration may be changed before it. */
extern void fake_host_init(FakeHost *host);
extern void fake_host_open(FakeHost *host, const WaDevice *device); /* NULL: a new one */
extern void fake_host_free(FakeHost *host);
/* As after init, with the same configuration and server and an empty trace; the client must be gone. */
extern void fake_host_again(FakeHost *host);
/* Whether the client kept the contract of client.h all the time. */
extern bool fake_host_sound(const FakeHost *host);

/* Until nothing moves any more, without time passing. */
extern void fake_host_pump(FakeHost *host);
extern void fake_host_steps(FakeHost *host, int steps); /* at most so many */
/* Lets time pass, stopping at every deadline of the client on the way. */
extern void fake_host_advance(FakeHost *host, int64_t us);
/* The process dies: what was not stored is gone.  A new client starts with the stored device. */
extern void fake_host_crash(FakeHost *host);
/* Stores what was pulled, while hold is set. */
extern void fake_host_store(FakeHost *host);
/* Stored records of a kind; with text in their chat or name unless NULL. */
extern int fake_host_records(const FakeHost *host, WaRecordKind kind, const char *text);
/* Puts one into the table. */
extern void fake_host_put(FakeHost *host, const WaRecord *record);
/* Cuts the connection as a broken network does. */
extern void fake_host_cut(FakeHost *host);

/* A device that was linked before, with the prekeys it uploaded at the server. */
extern WaStatus fake_host_linked_device(FakeHost *host, WaDevice *out);
/* Opens a client for the device and starts it. */
extern void fake_host_start(FakeHost *host, const WaDevice *device);
/* The same, until it is online; the trace begins anew.  False: it is not. */
extern bool fake_host_online(FakeHost *host, const WaDevice *device);

/* A client that is linked, online and has its group list. */
extern void fake_host_link(FakeHost *host);

extern int fake_host_count(const FakeHost *host, const char *text);
extern void fake_host_clear(FakeHost *host); /* the trace and the server's log */

#endif /* WA_FAKE_HOST_H */
