/*
 * sim_peer.h
 *		What a phone sends its companions of its own accord.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "sim.h"

/*
 * Encrypts a Message for a companion and queues it (category peer).  id_out gets
 * the stanza's id, may be NULL.  False: the companion has no keys at the service.
 */
extern bool sim_peer_send(SimDevice *device, const void *message, size_t len, char id_out[24]);
/* A companion could not read one: it gets it again. */
extern void sim_peer_retry(SimDevice *device, const WaNode *receipt);
/* What a companion gets once, when it is online for the first time and has keys. */
extern void sim_peer_greet(SimDevice *device);
extern void sim_peer_forget(SimDevice *device); /* it was unlinked */

#endif /* SIM_PEER_H */
