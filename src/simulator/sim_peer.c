/*
 * sim_peer.c
 *		What a phone sends its companions of its own accord.
 */
#include "sim_peer.h"
#include "sim_app.h"
#include "sim_history.h"

void
sim_peer_greet(SimDevice *device)
{
	device->greeted = true;
	if (sim.options.app_state)
		sim_app_share(device, WA_STR_NONE);
	sim_history_linked(device);
}
