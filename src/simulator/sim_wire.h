/*
 * sim_wire.h
 *		Protobuf messages of any length, written by hand into a buffer.
 *
 * sim_proto.c has those of linking.  Memory that runs out ends the process.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "sim.h"

extern void sim_wire_begin(WaBuf *out); /* an empty one, of up to 256 MiB */
extern void sim_wire_uint(WaBuf *out, uint32_t field, uint64_t value);
extern void sim_wire_bytes(WaBuf *out, uint32_t field, const void *data, size_t len);
extern void sim_wire_text(WaBuf *out, uint32_t field, const char *text);
extern void sim_wire_jid(WaBuf *out, uint32_t field, const SimAccount *account, bool lid);
/* Appends inner as a field and frees it. */
extern void sim_wire_inner(WaBuf *out, uint32_t field, WaBuf *inner);

#endif /* SIM_WIRE_H */
