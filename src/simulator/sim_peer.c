/*
 * sim_peer.c
 *		What a phone sends its companions of its own accord.
 */
#include <stdio.h>

#include "sim_peer.h"
#include "sim_history.h"
#include "sim_message.h"

bool
sim_peer_send(SimDevice *device, const uint8_t *message, size_t len, char id[40])
{
	uint64_t before = sim.last_id;

	sim_say_peer(device, message, len);
	snprintf(id, 40, "3A%020llX", (unsigned long long) sim.last_id);
	return sim.last_id != before;
}

void
sim_peer_greet(SimDevice *device)
{
	device->greeted = true;
	sim_history_linked(device);
}
