/*
 * app_service.h
 *		App state on the server's side: one collection that a test fills, and
 *		what its phone would put there.  The other collections are empty.
 */
#ifndef WA_APP_SERVICE_H
#define WA_APP_SERVICE_H

#include "fake_host.h"

#define APP_CONTACTS "critical_unblock_low"
#define APP_MOST_PATCHES 8

typedef struct AppService
{
	const char *patches[APP_MOST_PATCHES]; /* hex; that of version n is at n - 1 */
	uint64_t version;                      /* of the last one */
	uint64_t page;                         /* patches in an answer, 0 all */
	const char *snapshot;                  /* hex of its blob */
	uint64_t snapshot_version;
	const char *external; /* hex of the blob of a patch */
	int error;            /* instead of an answer */
	bool answers_nothing; /* more_patches, but none */
	bool loses_last;      /* the next answer lacks its last patch */
	bool no_blobs;        /* downloads fail */
	bool lost_blobs;      /* and nobody says so */
	int answered;         /* questions so far */
	int spoil;            /* byte of the next answer's first patch that is wrong; -1 none */
} AppService;

/* The first four versions of the collection of the vectors. */
extern void app_service_init(AppService *service);
/* Until nobody wants anything any more. */
extern void app_service_serve(AppService *service, FakeHost *host);
/* Answers one question or download; false when there is none. */
extern bool app_service_step(AppService *service, FakeHost *host);
/* Lets time pass, and serves whenever the client does something. */
extern void app_service_live(AppService *service, FakeHost *host, int64_t us);
/* Questions for a collection since the log was cleared. */
extern int app_service_questions(const FakeHost *host, const char *name);
/*
 * A snapshot of n contacts as version 1 and a patch that renames all of them as
 * version 2, with its records in a blob.
 */
extern void app_service_fill(AppService *service, FakeHost *host, int n);

#endif /* WA_APP_SERVICE_H */
