/*
 * crypto_provider.h
 *		libsignal-protocol-c's context, with every primitive it asks for.
 */
#ifndef WA_CRYPTO_PROVIDER_H
#define WA_CRYPTO_PROVIDER_H

#include <signal_protocol.h>

#include "env.h"

/*
 * What a callback returns when the host failed (memory, randomness, OpenSSL)
 * and not the message: below everything that libsignal says by itself.
 */
#define CRYPTO_PROVIDER_FAULT (SG_ERR_MINIMUM - 1)

/*
 * A context that takes its randomness from env, which must outlive it.  It has
 * no locks: one thread at a time.  libsignal's own memory comes from malloc.
 * Free it with signal_context_destroy.
 */
extern WaStatus crypto_provider_context(const WaEnv *env, signal_context **out);

#endif /* WA_CRYPTO_PROVIDER_H */
