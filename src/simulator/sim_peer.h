/*
 * sim_peer.h
 *		What a phone sends its companions of its own accord.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "sim.h"

/*
 * Encrypts a Message for one companion and queues it (category peer); id gets
 * the stanza's.  False: there is no session to be had.
 */
extern bool sim_peer_send(SimDevice *device, const uint8_t *message, size_t len, char id[40]);
/* What a companion gets once, when it has come online for the first time. */
extern void sim_peer_greet(SimDevice *device);

#endif /* SIM_PEER_H */
