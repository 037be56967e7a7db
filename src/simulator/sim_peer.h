/*
 * sim_peer.h
 *		What a phone sends its companions of its own accord.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "sim.h"

/* What a companion gets once, when it has come online for the first time. */
extern void sim_peer_greet(SimDevice *device);

#endif /* SIM_PEER_H */
