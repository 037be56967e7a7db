/*
 * sim_app.h
 *		App state: what an account's devices share through collections on the
 *		server.  Sheet 2 section 8.
 *
 * The server keeps encrypted records and the patches that made them; the phone
 * has the keys, writes patches of its own and reads what companions upload.
 */
#ifndef SIM_APP_H
#define SIM_APP_H

#include "sim.h"
#include "sim_lthash.h"
#include "sim_media.h"

#define SIM_APP_COLLECTIONS 5
#define SIM_APP_KEY_ID_LEN 6

typedef struct SimAppKey
{
	uint8_t id[SIM_APP_KEY_ID_LEN];
	uint8_t data[32];
	int64_t at;
	bool withheld; /* companions do not get it, not even when they ask */
	SimAppKeys expanded;
} SimAppKey;

typedef struct SimAppRecord
{
	uint8_t index_mac[32];
	uint8_t value_mac[32];
	WaBuf bytes; /* SyncdRecord */
	char *index; /* as it is for people: a JSON list */
	json_t *value;
	bool removed; /* the slot is empty */
} SimAppRecord;

typedef struct SimAppCollection
{
	const char *name;
	uint64_t version;
	uint8_t hash[SIM_LTHASH_LEN];
	SimAppRecord *records;
	int n_records;
	SimMap places;  /* of records, from 1, by the hex of their index MAC */
	WaBuf *patches; /* SyncdPatch; the first makes version 1 */
	uint8_t snapshot_mac[32];
	SimBlob *snapshot; /* NULL: not made yet */
	uint64_t snapshot_version;
	uint8_t key_id[SIM_APP_KEY_ID_LEN]; /* of the last patch */
} SimAppCollection;

struct SimAppState
{
	SimAppKey *keys; /* the last one is in use */
	int n_keys;
	SimAppCollection collections[SIM_APP_COLLECTIONS];
	int queries; /* of collections */
	int uploads;
	int conflicts;
	int refused;
	int key_requests;
	const char *why; /* the last upload was refused */
};

/* One change, in plain. */
typedef struct SimAppMutation
{
	const char *collection;
	bool remove;
	char *index;  /* a JSON list */
	WaBuf value;  /* SyncActionValue */
	int version;  /* of the action */
	json_t *told; /* the value as it is for people */
} SimAppMutation;

/* ---- sim_app_action.c: what records say ---- */

/* {"action", "index", "value", "remove"}; NULL, or what is wrong. */
extern const char *sim_app_action_read(json_t *request, SimAppMutation *out);
extern void sim_app_action_free(SimAppMutation *mutation);
/* The value of a SyncActionValue as JSON; never NULL. */
extern json_t *sim_app_action_json(const char *index, const uint8_t *data, size_t len);

/* ---- sim_app.c: the phone and the server's memory ---- */

extern SimAppState *sim_app_of(SimAccount *account); /* made when first needed */
extern SimAppCollection *sim_app_collection(SimAppState *state, WaStr name); /* NULL: none */
extern SimAppKey *sim_app_key(SimAppState *state, WaStr id);
extern SimAppKey *sim_app_new_key(SimAppState *state, bool withheld);
/* The phone writes a patch and has the devices told. */
extern void sim_app_patch(SimAccount *account, SimAppCollection *collection,
						  const SimAppMutation *mutations, int n);
/* A companion's patch; NULL, or what a phone would find wrong with it. */
extern const char *sim_app_upload(SimAccount *account, SimAppCollection *collection, WaStr patch,
								  const SimDevice *by);
/* Sends the keys, those asked for in AppStateSyncKeyRequest or (absent) all. */
extern void sim_app_share(SimDevice *device, WaStr asked);
/* An ExternalBlobReference of the collection as a whole, appended to out. */
extern void sim_app_snapshot(SimAppState *state, SimAppCollection *collection, WaBuf *out);

/* ---- sim_app_iq.c ---- */

extern void sim_app_iq_handle(SimConn *conn, const WaNode *iq);
extern const char *sim_app_iq_fault_add(json_t *request);
extern void sim_app_iq_fault_clear(void);
extern int sim_app_iq_fault_count(void);

#endif /* SIM_APP_H */
