/*
 * sim_shape.c
 *		Output of one connection made slow, late or cut into pieces, for the
 *		faults "slow" and "split" and the option handshake_delay.
 *
 * A shaped connection keeps its bytes here and a timer hands them on in
 * order.  Closing waits until they are out; dropping does not.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim.h"

struct SimShape
{
	WaBuf waiting;
};

#define PERIOD_MS 20

static uv_timer_t timer;
static bool timer_made;

static void
release(SimConn *conn)
{
	struct SimShape *shape = conn->shape;
	const SimAccount *account = conn->device != NULL ? conn->device->account : NULL;
	const SimFault *slow = sim_fault_peek("slow", account);
	const SimFault *split = sim_fault_peek("split", account);
	size_t allowed = buf_len(&shape->waiting);

	if (conn->hold_until > 0)
	{
		if (sim_util_mono_us() < conn->hold_until)
			return;
		conn->hold_until = 0;
	}
	if (slow != NULL)
	{
		size_t quota = (size_t) slow->value * PERIOD_MS / 1000;

		quota = quota > 0 ? quota : 1;
		allowed = allowed < quota ? allowed : quota;
	}
	while (allowed > 0)
	{
		size_t piece = allowed;

		if (split != NULL)
		{
			size_t most = split->value > 0 ? (size_t) split->value : 7;

			piece = 1 + sim_util_random() % most;
			piece = piece < allowed ? piece : allowed;
		}
		if (!net_write(conn->net, buf_data(&shape->waiting), piece))
		{
			sim_server_abort(conn);
			return;
		}
		buf_consume(&shape->waiting, piece);
		allowed -= piece;
	}
	if (buf_len(&shape->waiting) == 0)
	{
		if (conn->state == SIM_CONN_CLOSING && conn->close_at == 0)
			net_close(conn->net);
		else if (conn->active)
			sim_queue_pump(conn);
	}
}

static void
on_timer(uv_timer_t *handle)
{
	bool any = false;
	SimConn *next;

	(void) handle;
	for (SimConn *conn = sim.conns; conn != NULL; conn = next)
	{
		next = conn->next;
		if (conn->shape == NULL || buf_len(&conn->shape->waiting) == 0)
			continue;
		any = true;
		release(conn);
	}
	if (!any)
		uv_timer_stop(&timer);
}

bool
sim_shape_write(SimConn *conn, const uint8_t *data, size_t len)
{
	const SimAccount *account = conn->device != NULL ? conn->device->account : NULL;
	bool wanted =
		sim_fault_peek("slow", account) != NULL || sim_fault_peek("split", account) != NULL;

	if (!wanted && conn->hold_until == 0 && sim_shape_unsent(conn) == 0)
		return false;
	if (conn->shape == NULL)
	{
		conn->shape = sim_util_alloc(sizeof(*conn->shape));
		buf_init(&conn->shape->waiting, sim.env, 64 << 20);
	}
	if (buf_append(&conn->shape->waiting, data, len) != WA_OK)
		sim_server_abort(conn);
	if (!timer_made)
	{
		uv_timer_init(net_loop_uv(sim.loop), &timer);
		timer_made = true;
	}
	if (!uv_is_active((uv_handle_t *) &timer))
		uv_timer_start(&timer, on_timer, 1, PERIOD_MS);
	return true;
}

size_t
sim_shape_unsent(const SimConn *conn)
{
	return conn->shape == NULL ? 0 : buf_len(&conn->shape->waiting);
}

void
sim_shape_free(SimConn *conn)
{
	if (conn->shape != NULL)
		buf_free(&conn->shape->waiting);
	free(conn->shape);
	conn->shape = NULL;
}
