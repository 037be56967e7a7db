/*
 * sim_media.h
 *		The media service: encrypted files behind HTTP.  Sheet 2 section 7.9.
 */
#ifndef SIM_MEDIA_H
#define SIM_MEDIA_H

#include "sim.h"

#define SIM_MEDIA_MAX ((size_t) 64 << 20) /* bytes of an upload */

/* A file on the service; kept until the process ends. */
typedef struct SimBlob
{
	struct SimBlob *next;
	char path[128]; /* the direct path with its query */
	char kind[16];  /* image, video, audio, document, sticker, history, app_state ... */
	uint8_t key[32];
	uint8_t sha256[32];     /* of the plain file; both unknown for what clients upload */
	uint8_t enc_sha256[32]; /* of what lies on the host */
	uint64_t size;          /* of the plain file, 0 unknown */
	uint64_t enc_size;
	uint64_t at; /* where it begins in the service's own file */
	int gone;    /* the status that a download gets, 0: it is there */
	bool lost;   /* nobody has it any more */
	int downloads;
} SimBlob;

/* "127.0.0.1", 0 (any port); a certificate for https beside http, or NULL. */
extern bool sim_media_start(const char *address, int port, const char *tls_cert,
							const char *tls_key, const char **why);
/* Encrypts a file and offers it; key NULL: a new one.  NULL when there is no such kind. */
extern SimBlob *sim_media_put(const char *kind, const uint8_t *plain, size_t len,
							  const uint8_t *key);
extern SimBlob *sim_media_find(const char *path); /* with or without query; NULL: none */
/* The same file at a new place; NULL: there is none, or it is lost. */
extern SimBlob *sim_media_again(const SimBlob *blob);
extern void sim_media_url(const SimBlob *blob, char *out, size_t size);
extern void sim_media_conn(SimConn *conn, const WaNode *iq); /* answers the query */
/* The hosts that clients are told, in order; "self" is this one.  NULL: only it. */
extern bool sim_media_set_hosts(json_t *hosts);
extern void sim_media_state(json_t *out);
/* {"effect", ...}: what goes wrong with downloads; NULL, or what is wrong with it. */
extern const char *sim_media_fault_add(json_t *request);
extern void sim_media_fault_clear(void);
extern int sim_media_fault_count(void);

#endif /* SIM_MEDIA_H */
