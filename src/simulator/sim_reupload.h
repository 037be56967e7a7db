/*
 * sim_reupload.h
 *		A phone uploads again what a companion could not download.
 */
#ifndef SIM_REUPLOAD_H
#define SIM_REUPLOAD_H

#include "sim.h"

/* <receipt type="server-error">; the answer comes as a notification, or as history. */
extern void sim_reupload_receipt(SimDevice *device, const WaNode *receipt);

#endif /* SIM_REUPLOAD_H */
