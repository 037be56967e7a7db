/*
 * host.h
 *		What the protocol core needs from PostgreSQL: memory that fails with
 *		NULL instead of jumping, randomness, the two clocks, and a
 *		way to give memory back.
 */
#ifndef WA_HOST_H
#define WA_HOST_H

#include "postgres.h"

#include "env.h"

#include "datatype/timestamp.h"

/* env allocates in context; deleting the context frees whatever is left. */
extern void host_env_init(WaEnv *env, MemoryContext context);

extern WaNow host_now(void);

/* Gives freed memory back to the system; takes milliseconds. */
extern void host_trim_memory(void);

/* The moment delta_us from now. */
extern TimestampTz host_timestamp_in(int64 delta_us);

/* The moment as the core counts wall time; 0 stays 0. */
extern int64 host_wall_us(TimestampTz at);

#endif /* WA_HOST_H */
