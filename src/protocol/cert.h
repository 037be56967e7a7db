/*
 * cert.h
 *		The certificate chain inside the server's Noise message.
 *		Sheet 1 section 2.5.
 */
#ifndef WA_CERT_H
#define WA_CERT_H

#include "buf.h"
#include "crypto.h"

extern const uint8_t cert_root_key[CRYPTO_KEY_LEN]; /* WhatsApp's root */

/*
 * Verifies lengths, both signatures, both issuer serials, and that the leaf
 * names server_static.  *why is a constant sentence for a person on failure.
 * Validity dates: more than a day outside them at wall_us fails.  A chain that
 * is not trusted gives WA_ERR_CERTIFICATE; WA_ERR_NOMEM says nothing about it.
 */
extern WaStatus cert_verify(const WaEnv *env, const uint8_t *chain, size_t len,
							const uint8_t root_key[CRYPTO_KEY_LEN],
							const uint8_t server_static[CRYPTO_KEY_LEN], int64_t wall_us,
							const char **why);

/* What is wrong on purpose with a chain that cert_make makes. */
typedef enum CertDefect
{
	CERT_GOOD,
	CERT_BAD_ROOT_SIGNATURE,
	CERT_BAD_LEAF_SIGNATURE,
	CERT_OTHER_KEY,
	CERT_BAD_ISSUER,
	CERT_EXPIRED,
	CERT_TRUNCATED
} CertDefect;

/*
 * For the simulator: appends a chain for server_static, valid from a day before
 * to a year after wall_us, signed by root over a fresh intermediate key.
 */
extern WaStatus cert_make(const WaEnv *env, const WaKeyPair *root,
						  const uint8_t server_static[CRYPTO_KEY_LEN], int64_t wall_us,
						  CertDefect defect, WaBuf *out);

#endif /* WA_CERT_H */
