/*
 * sim_wire.c
 *		Protobuf messages of any length, written by hand, on purpose not by the
 *		client's generated code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/wire.h"
#include "sim_wire.h"

#define MAX_LEN ((size_t) 256 << 20)

static void
must(WaStatus status)
{
	if (status == WA_OK)
		return;
	fputs("wa_simulator: out of memory\n", stderr);
	exit(1);
}

void
sim_wire_begin(WaBuf *out)
{
	buf_init(out, sim.env, MAX_LEN);
}

void
sim_wire_uint(WaBuf *out, uint32_t field, uint64_t value)
{
	must(wire_put_varint(out, field, value));
}

void
sim_wire_bytes(WaBuf *out, uint32_t field, const void *data, size_t len)
{
	must(wire_put_bytes(out, field, data, len));
}

void
sim_wire_text(WaBuf *out, uint32_t field, const char *text)
{
	must(wire_put_bytes(out, field, text, strlen(text)));
}

void
sim_wire_jid(WaBuf *out, uint32_t field, const SimAccount *account, bool lid)
{
	char jid[48];

	snprintf(jid, sizeof(jid), "%s@%s", lid ? account->lid : account->number,
			 lid ? "lid" : "s.whatsapp.net");
	sim_wire_text(out, field, jid);
}

void
sim_wire_inner(WaBuf *out, uint32_t field, WaBuf *inner)
{
	sim_wire_bytes(out, field, buf_data(inner), buf_len(inner));
	buf_free(inner);
}
