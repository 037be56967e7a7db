/*
 * cert.c
 *		Checks, and for the simulator makes, the server's certificate chain:
 *		root signs intermediate, intermediate signs leaf, leaf names the
 *		server's Noise key.
 */
#include "cert.h"

#include <string.h>

#include "protobuf.h"
#include "transport.pb-c.h"

typedef Wa__CertChain__NoiseCertificate Certificate;
typedef Wa__CertChain__NoiseCertificate__Details Details;

const uint8_t cert_root_key[CRYPTO_KEY_LEN] = {
	0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37,
	0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
};

#define ROOT_SERIAL 0
#define MAX_CHAIN (16 * 1024)
#define MAX_UNPACKED (1024 * 1024)
#define DAY 86400

/* ---- verifying ---- */

static WaStatus
untrusted(const char **why, const char *sentence)
{
	*why = sentence;
	return WA_ERR_CERTIFICATE;
}

static bool
is_sound(const Certificate *certificate)
{
	return certificate != NULL && certificate->has_details && certificate->has_signature &&
		   certificate->signature.len == CRYPTO_SIGNATURE_LEN;
}

/* Out of memory must not look like a forged certificate, nor the other way round. */
static WaStatus
unpack_details(WaArena *arena, const Certificate *certificate, Details **out, const char **why)
{
	WaStatus status;

	status = protobuf_unpack(arena, &wa__cert_chain__noise_certificate__details__descriptor,
							 certificate->details.data, certificate->details.len, out);
	if (status == WA_ERR_NOMEM)
		return status;
	if (status != WA_OK || !(*out)->has_key || (*out)->key.len != CRYPTO_KEY_LEN)
		return untrusted(why, "a certificate's details are malformed");
	return WA_OK;
}

static WaStatus
check_signature(const uint8_t key[CRYPTO_KEY_LEN], const Certificate *certificate, const char **why,
				const char *sentence)
{
	WaStatus status = crypto_verify(key, certificate->details.data, certificate->details.len,
									certificate->signature.data);

	return status == WA_ERR_SIGNATURE ? untrusted(why, sentence) : status;
}

/* Whether wall_s is inside the validity, give or take a day. */
static bool
is_valid_at(const Details *details, int64_t wall_s)
{
	if (details->has_notbefore && details->notbefore > INT64_MAX - DAY)
		return false;
	if (details->has_notbefore && wall_s < (int64_t) details->notbefore - DAY)
		return false;
	if (details->has_notafter && details->notafter < INT64_MAX - DAY &&
		wall_s > (int64_t) details->notafter + DAY)
		return false;
	return true;
}

static WaStatus
verify(WaArena *arena, const uint8_t *data, size_t len, const uint8_t root_key[CRYPTO_KEY_LEN],
	   const uint8_t server_static[CRYPTO_KEY_LEN], int64_t wall_us, const char **why)
{
	Wa__CertChain *chain;
	Details *leaf;
	Details *intermediate;
	WaStatus status = WA_ERR_LIMIT;

	if (len <= MAX_CHAIN)
		status = protobuf_unpack(arena, &wa__cert_chain__descriptor, data, len, &chain);
	if (status == WA_ERR_NOMEM)
		return status;
	if (status != WA_OK)
		return untrusted(why, "the certificate chain is malformed");
	if (!is_sound(chain->leaf) || !is_sound(chain->intermediate))
		return untrusted(why, "the certificate chain is incomplete");

	status = check_signature(root_key, chain->intermediate, why,
							 "the intermediate certificate is not signed by the root key");
	if (status == WA_OK)
		status = unpack_details(arena, chain->intermediate, &intermediate, why);
	if (status == WA_OK)
		status = check_signature(intermediate->key.data, chain->leaf, why,
								 "the leaf certificate is not signed by the intermediate key");
	if (status == WA_OK)
		status = unpack_details(arena, chain->leaf, &leaf, why);
	if (status != WA_OK)
		return status;

	/* an absent serial reads as 0 (section 2.5) */
	if (intermediate->issuerserial != ROOT_SERIAL)
		return untrusted(why, "the intermediate certificate names another issuer than the root");
	if (leaf->issuerserial != intermediate->serial)
		return untrusted(why, "the leaf certificate names another issuer than the intermediate");
	if (!crypto_equal(leaf->key.data, server_static, CRYPTO_KEY_LEN))
		return untrusted(why, "the certificate is for another server key");
	if (!is_valid_at(intermediate, wall_us / WA_SECOND) || !is_valid_at(leaf, wall_us / WA_SECOND))
		return untrusted(why, "a certificate is not valid at this time; check the clock");
	return WA_OK;
}

WaStatus
cert_verify(const WaEnv *env, const uint8_t *chain, size_t len,
			const uint8_t root_key[CRYPTO_KEY_LEN], const uint8_t server_static[CRYPTO_KEY_LEN],
			int64_t wall_us, const char **why)
{
	WaArena arena;
	WaStatus status;

	*why = NULL;
	arena_init(&arena, env, MAX_UNPACKED);
	status = verify(&arena, chain, len, root_key, server_static, wall_us, why);
	arena_free(&arena);
	return status;
}

/* ---- making ---- */

#define INTERMEDIATE_SERIAL 1
#define LEAF_SERIAL 2

/* Appends details for key to *packed and signs them. */
static WaStatus
issue(const WaEnv *env, const WaKeyPair *issuer, uint32_t issuer_serial, uint32_t serial,
	  const uint8_t key[CRYPTO_KEY_LEN], int64_t not_after_s, int64_t not_before_s, WaBuf *packed,
	  uint8_t signature[CRYPTO_SIGNATURE_LEN])
{
	Details details = WA__CERT_CHAIN__NOISE_CERTIFICATE__DETAILS__INIT;
	WaStatus status;

	details.has_serial = true;
	details.serial = serial;
	details.has_issuerserial = true;
	details.issuerserial = issuer_serial;
	details.has_key = true;
	details.key = protobuf_bytes(key, CRYPTO_KEY_LEN);
	details.has_notbefore = true;
	details.notbefore = (uint64_t) not_before_s;
	details.has_notafter = true;
	details.notafter = (uint64_t) not_after_s;
	status = protobuf_pack(&details.base, packed);
	if (status == WA_OK)
		status =
			crypto_sign(env, issuer->private_key, buf_data(packed), buf_len(packed), signature);
	return status;
}

/* Fills a certificate from its parts, which must outlive it. */
static void
fill(Certificate *certificate, const WaBuf *details, const uint8_t signature[CRYPTO_SIGNATURE_LEN])
{
	certificate->has_details = true;
	certificate->details = protobuf_bytes(buf_data(details), buf_len(details));
	certificate->has_signature = true;
	certificate->signature = protobuf_bytes(signature, CRYPTO_SIGNATURE_LEN);
}

WaStatus
cert_make(const WaEnv *env, const WaKeyPair *root, const uint8_t server_static[CRYPTO_KEY_LEN],
		  int64_t wall_us, CertDefect defect, WaBuf *out)
{
	Wa__CertChain chain = WA__CERT_CHAIN__INIT;
	Certificate leaf = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	Certificate intermediate = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	int64_t wall_s = wall_us / WA_SECOND;
	int64_t not_before_s = wall_s > DAY ? wall_s - DAY : 0;
	int64_t not_after_s = wall_s + 365 * DAY;
	WaBuf intermediate_details;
	WaBuf leaf_details;
	uint8_t intermediate_signature[CRYPTO_SIGNATURE_LEN];
	uint8_t leaf_signature[CRYPTO_SIGNATURE_LEN];
	WaKeyPair issuer;
	WaKeyPair other;
	WaStatus status;

	if (defect == CERT_EXPIRED)
	{
		not_after_s = wall_s > 7 * DAY ? wall_s - 7 * DAY : 0;
		not_before_s = 0;
	}
	buf_init(&intermediate_details, env, MAX_CHAIN);
	buf_init(&leaf_details, env, MAX_CHAIN);
	status = crypto_keypair_generate(env, &issuer);
	if (status == WA_OK)
		status = crypto_keypair_generate(env, &other);
	if (status == WA_OK)
		status = issue(env, root, ROOT_SERIAL, INTERMEDIATE_SERIAL, issuer.public_key, not_after_s,
					   not_before_s, &intermediate_details, intermediate_signature);
	if (status == WA_OK)
		status = issue(env, &issuer,
					   defect == CERT_BAD_ISSUER ? INTERMEDIATE_SERIAL + 7 : INTERMEDIATE_SERIAL,
					   LEAF_SERIAL, defect == CERT_OTHER_KEY ? other.public_key : server_static,
					   not_after_s, not_before_s, &leaf_details, leaf_signature);
	if (status == WA_OK)
	{
		if (defect == CERT_BAD_ROOT_SIGNATURE)
			intermediate_signature[10] ^= 1;
		if (defect == CERT_BAD_LEAF_SIGNATURE)
			leaf_signature[10] ^= 1;
		fill(&intermediate, &intermediate_details, intermediate_signature);
		fill(&leaf, &leaf_details, leaf_signature);
		chain.leaf = &leaf;
		chain.intermediate = &intermediate;
		status = protobuf_pack(&chain.base, out);
	}
	if (status == WA_OK && defect == CERT_TRUNCATED)
		buf_truncate(out, buf_len(out) - CRYPTO_SIGNATURE_LEN / 2);
	crypto_wipe(&issuer, sizeof(issuer));
	crypto_wipe(&other, sizeof(other));
	buf_free(&intermediate_details);
	buf_free(&leaf_details);
	return status;
}
