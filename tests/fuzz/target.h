/*
 * target.h
 *		What the fuzz targets share: fast memory that is checked for leaks, and
 *		a way to fail.
 */
#ifndef WA_TARGET_H
#define WA_TARGET_H

#include "../../src/protocol/env.h"

/* What libFuzzer calls. */
extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * An environment for one execution: randomness is always the same, and an
 * allocation fails when fail_at says so (counted from 1, 0 never).
 */
extern const WaEnv *target_env(size_t fail_at);

/* Ends the run with a crash report when condition does not hold. */
#define TARGET_CHECK(condition)                                                                    \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			__builtin_trap();                                                                      \
	} while (0)

/* Ends the run when memory of this execution was not given back. */
extern void target_end(void);

#endif /* WA_TARGET_H */
