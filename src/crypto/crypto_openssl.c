/*
 * crypto_openssl.c
 *		Hashes, ciphers and key agreement on OpenSSL 3.
 *
 * Algorithms are fetched once per process, and contexts are kept per thread and
 * only given new keys: fetching or making them costs more than most of the work
 * done here.  A thread's contexts live as long as the thread's last use of them
 * and are not freed; use few threads.
 */
#include "crypto.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#define HASH_LEN 32
#define BLOCK_LEN 16

static struct
{
	EVP_MD *sha256;
	EVP_MD *sha1;
	EVP_MD *md5;
	EVP_MAC *hmac;
	EVP_CIPHER *cbc;
	EVP_CIPHER *gcm;
	EVP_CIPHER *ctr;
} algorithms;

static pthread_once_t algorithms_once = PTHREAD_ONCE_INIT;

typedef struct Contexts
{
	EVP_MD_CTX *digest;
	EVP_MAC_CTX *hmac;    /* keyed with SHA-256 */
	EVP_MAC_CTX *hmac512; /* with SHA-512 */
	EVP_CIPHER_CTX *wrap; /* AES-256-CBC, one per direction */
	EVP_CIPHER_CTX *unwrap;
	EVP_CIPHER_CTX *seal; /* AES-256-GCM, one per direction */
	EVP_CIPHER_CTX *open;
	EVP_CIPHER_CTX *ctr;
} Contexts;

static _Thread_local Contexts contexts;

/*
 * MD5 names a build here and protects nothing (sheet 1 section 4.2), so that a
 * policy that bans it, FIPS for one, is stepped around: first by asking for it
 * outside the policy, then with a library context of our own.
 */
static EVP_MD *
fetch_md5(void)
{
	EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	OSSL_LIB_CTX *own;

	if (md5 == NULL)
		md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
	if (md5 == NULL && (own = OSSL_LIB_CTX_new()) != NULL)
	{
		if (OSSL_PROVIDER_load(own, "default") != NULL)
			md5 = EVP_MD_fetch(own, "MD5", NULL);
		if (md5 == NULL)
			OSSL_LIB_CTX_free(own);
	}
	ERR_clear_error(); /* of the attempts that failed */
	return md5;
}

static void
fetch_algorithms(void)
{
	algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	algorithms.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	algorithms.md5 = fetch_md5();
	algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	algorithms.cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	algorithms.ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
}

static void
need_algorithms(void)
{
	pthread_once(&algorithms_once, fetch_algorithms);
}

/*
 * Ends a call that OpenSSL refused.  What it left in the thread's error queue
 * must go: SSL_get_error would take it for a failure of some connection.
 */
static WaStatus
openssl_error(WaStatus status)
{
	ERR_clear_error();
	return status;
}

/* ---- hashes ---- */

static WaStatus
digest(const EVP_MD *md, const void *data, size_t len, uint8_t *out)
{
	if (md == NULL)
		return WA_ERR_CRYPTO;
	if (contexts.digest == NULL && (contexts.digest = EVP_MD_CTX_new()) == NULL)
		return openssl_error(WA_ERR_NOMEM);
	if (EVP_DigestInit_ex2(contexts.digest, md, NULL) != 1 ||
		EVP_DigestUpdate(contexts.digest, data, len) != 1 ||
		EVP_DigestFinal_ex(contexts.digest, out, NULL) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

WaStatus
crypto_sha256(const void *data, size_t len, uint8_t out[32])
{
	need_algorithms();
	return digest(algorithms.sha256, data, len, out);
}

WaStatus
crypto_sha1(const void *data, size_t len, uint8_t out[20])
{
	need_algorithms();
	return digest(algorithms.sha1, data, len, out);
}

WaStatus
crypto_md5(const void *data, size_t len, uint8_t out[16])
{
	need_algorithms();
	return digest(algorithms.md5, data, len, out);
}

/* Makes *slot once, with its hash; later calls only re-key it. */
static WaStatus
need_hmac(EVP_MAC_CTX **slot, const char *hash)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) hash, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx;

	need_algorithms();
	if (*slot != NULL)
		return WA_OK;
	if (algorithms.hmac == NULL)
		return WA_ERR_CRYPTO;
	ctx = EVP_MAC_CTX_new(algorithms.hmac);
	if (ctx == NULL)
		return openssl_error(WA_ERR_NOMEM);
	if (EVP_MAC_CTX_set_params(ctx, params) != 1)
	{
		EVP_MAC_CTX_free(ctx);
		return openssl_error(WA_ERR_CRYPTO);
	}
	*slot = ctx;
	return WA_OK;
}

/* OpenSSL takes a NULL key for "keep the old one". */
static const uint8_t no_key[1];

/* HMAC of up to three parts. */
static WaStatus
hmac(const void *key, size_t key_len, const void *a, size_t a_len, const void *b, size_t b_len,
	 const void *c, size_t c_len, uint8_t out[HASH_LEN])
{
	WaStatus status = need_hmac(&contexts.hmac, "SHA256");
	size_t len;

	if (status != WA_OK)
		return status;
	if (EVP_MAC_init(contexts.hmac, key_len == 0 ? no_key : key, key_len, NULL) != 1 ||
		(a_len > 0 && EVP_MAC_update(contexts.hmac, a, a_len) != 1) ||
		(b_len > 0 && EVP_MAC_update(contexts.hmac, b, b_len) != 1) ||
		(c_len > 0 && EVP_MAC_update(contexts.hmac, c, c_len) != 1) ||
		EVP_MAC_final(contexts.hmac, out, &len, HASH_LEN) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

WaStatus
crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32])
{
	return hmac(key, key_len, data, len, NULL, 0, NULL, 0, out);
}

WaStatus
crypto_hmac_sha512(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[64])
{
	WaStatus status = need_hmac(&contexts.hmac512, "SHA512");
	size_t out_len;

	if (status != WA_OK)
		return status;
	if (EVP_MAC_init(contexts.hmac512, key_len == 0 ? no_key : key, key_len, NULL) != 1 ||
		(len > 0 && EVP_MAC_update(contexts.hmac512, data, len) != 1) ||
		EVP_MAC_final(contexts.hmac512, out, &out_len, 64) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

WaStatus
crypto_hkdf_sha256(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
				   const void *info, size_t info_len, uint8_t *out, size_t out_len)
{
	static const uint8_t zeroes[HASH_LEN];
	uint8_t key[HASH_LEN];
	uint8_t block[HASH_LEN];
	uint8_t counter = 0;
	size_t block_len = 0; /* the first block has no predecessor */
	WaStatus status;

	if (out_len > 255 * HASH_LEN)
		return WA_ERR_ARGUMENT;
	if (salt_len == 0)
	{
		salt = zeroes;
		salt_len = HASH_LEN;
	}
	status = hmac(salt, salt_len, ikm, ikm_len, NULL, 0, NULL, 0, key);
	for (size_t done = 0; status == WA_OK && done < out_len; done += block_len)
	{
		counter++;
		status = hmac(key, HASH_LEN, block, block_len, info, info_len, &counter, 1, block);
		block_len = out_len - done < HASH_LEN ? out_len - done : HASH_LEN;
		if (status == WA_OK)
			memcpy(out + done, block, block_len);
	}
	crypto_wipe(key, sizeof(key));
	crypto_wipe(block, sizeof(block));
	return status;
}

WaStatus
crypto_pbkdf2_sha256(const void *password, size_t password_len, const void *salt, size_t salt_len,
					 int iterations, uint8_t *out, size_t out_len)
{
	need_algorithms();
	if (password_len > INT_MAX || salt_len > INT_MAX || out_len > INT_MAX || iterations < 1)
		return WA_ERR_ARGUMENT;
	if (algorithms.sha256 == NULL ||
		PKCS5_PBKDF2_HMAC(password, (int) password_len, salt, (int) salt_len, iterations,
						  algorithms.sha256, (int) out_len, out) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

/* ---- ciphers ---- */

/* Makes *slot once, bound to its cipher and direction; later calls only re-key it. */
static WaStatus
need_cipher(EVP_CIPHER_CTX **slot, const EVP_CIPHER *cipher, int encrypt)
{
	EVP_CIPHER_CTX *ctx;

	if (*slot != NULL)
		return WA_OK;
	if (cipher == NULL)
		return WA_ERR_CRYPTO;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return openssl_error(WA_ERR_NOMEM);
	if (EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) != 1)
	{
		EVP_CIPHER_CTX_free(ctx);
		return openssl_error(WA_ERR_CRYPTO);
	}
	*slot = ctx;
	return WA_OK;
}

static bool
update(EVP_CIPHER_CTX *ctx, uint8_t *out, const void *in, size_t len)
{
	int out_len;

	return len == 0 || EVP_CipherUpdate(ctx, out, &out_len, in, (int) len) == 1;
}

WaStatus
crypto_aes256_cbc_encrypt(const uint8_t key[32], const uint8_t iv[16], const void *plain,
						  size_t len, uint8_t *out)
{
	int done = 0;
	int last;
	WaStatus status;

	need_algorithms();
	if (len > INT_MAX - BLOCK_LEN)
		return WA_ERR_LIMIT;
	status = need_cipher(&contexts.wrap, algorithms.cbc, 1);
	if (status != WA_OK)
		return status;
	if (EVP_CipherInit_ex2(contexts.wrap, NULL, key, iv, 1, NULL) != 1 ||
		(len > 0 && EVP_CipherUpdate(contexts.wrap, out, &done, plain, (int) len) != 1) ||
		EVP_CipherFinal_ex(contexts.wrap, out + done, &last) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

WaStatus
crypto_aes256_cbc_decrypt(const uint8_t key[32], const uint8_t iv[16], const void *cipher,
						  size_t len, uint8_t *out, size_t *out_len)
{
	int done;
	int last;
	WaStatus status;

	need_algorithms();
	if (len == 0 || len % BLOCK_LEN != 0)
		return WA_ERR_CRYPTO;
	if (len > INT_MAX)
		return WA_ERR_LIMIT;
	status = need_cipher(&contexts.unwrap, algorithms.cbc, 0);
	if (status != WA_OK)
		return status;
	if (EVP_CipherInit_ex2(contexts.unwrap, NULL, key, iv, 0, NULL) != 1 ||
		EVP_CipherUpdate(contexts.unwrap, out, &done, cipher, (int) len) != 1 ||
		EVP_CipherFinal_ex(contexts.unwrap, out + done, &last) != 1)
	{
		crypto_wipe(out, len);
		return openssl_error(WA_ERR_CRYPTO);
	}
	*out_len = (size_t) done + (size_t) last;
	return WA_OK;
}

WaStatus
crypto_aes256_gcm_encrypt(const uint8_t key[32], const uint8_t iv[12], const void *aad,
						  size_t aad_len, const void *plain, size_t len, uint8_t *out)
{
	int final_len;
	WaStatus status;

	need_algorithms();
	if (len > INT_MAX - CRYPTO_TAG_LEN || aad_len > INT_MAX)
		return WA_ERR_LIMIT;
	status = need_cipher(&contexts.seal, algorithms.gcm, 1);
	if (status != WA_OK)
		return status;
	if (EVP_CipherInit_ex2(contexts.seal, NULL, key, iv, 1, NULL) != 1 ||
		!update(contexts.seal, NULL, aad, aad_len) || !update(contexts.seal, out, plain, len) ||
		EVP_CipherFinal_ex(contexts.seal, out + len, &final_len) != 1 ||
		EVP_CIPHER_CTX_ctrl(contexts.seal, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_LEN, out + len) != 1)
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

WaStatus
crypto_aes256_gcm_decrypt(const uint8_t key[32], const uint8_t iv[12], const void *aad,
						  size_t aad_len, const void *cipher, size_t len, uint8_t *out)
{
	uint8_t tag[CRYPTO_TAG_LEN];
	uint8_t nothing[1];
	int final_len;
	size_t plain_len;
	WaStatus status;

	need_algorithms();
	if (len < CRYPTO_TAG_LEN)
		return WA_ERR_CRYPTO;
	if (len > INT_MAX || aad_len > INT_MAX)
		return WA_ERR_LIMIT;
	status = need_cipher(&contexts.open, algorithms.gcm, 0);
	if (status != WA_OK)
		return status;
	plain_len = len - CRYPTO_TAG_LEN;
	memcpy(tag, (const uint8_t *) cipher + plain_len, CRYPTO_TAG_LEN);
	if (EVP_CipherInit_ex2(contexts.open, NULL, key, iv, 0, NULL) == 1 &&
		update(contexts.open, NULL, aad, aad_len) &&
		update(contexts.open, out, cipher, plain_len) &&
		EVP_CIPHER_CTX_ctrl(contexts.open, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_LEN, tag) == 1 &&
		EVP_CipherFinal_ex(contexts.open, nothing, &final_len) == 1)
		return WA_OK;

	/* what was decrypted before the tag failed is nobody's to read */
	if (plain_len > 0)
		crypto_wipe(out, plain_len);
	return openssl_error(WA_ERR_CRYPTO);
}

WaStatus
crypto_aes256_ctr(const uint8_t key[32], const uint8_t iv[16], const void *in, size_t len,
				  uint8_t *out)
{
	WaStatus status;

	need_algorithms();
	if (len > INT_MAX)
		return WA_ERR_LIMIT;
	status = need_cipher(&contexts.ctr, algorithms.ctr, 1);
	if (status != WA_OK)
		return status;
	if (EVP_CipherInit_ex2(contexts.ctr, NULL, key, iv, 1, NULL) != 1 ||
		!update(contexts.ctr, out, in, len))
		return openssl_error(WA_ERR_CRYPTO);
	return WA_OK;
}

/* ---- X25519 ---- */

WaStatus
crypto_keypair_from_private(const uint8_t private_key[32], WaKeyPair *out)
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, CRYPTO_KEY_LEN);
	size_t len = CRYPTO_KEY_LEN;
	WaKeyPair pair;
	WaStatus status = WA_ERR_CRYPTO;

	if (key == NULL)
		return openssl_error(WA_ERR_NOMEM);
	memcpy(pair.private_key, private_key, CRYPTO_KEY_LEN);
	if (EVP_PKEY_get_raw_public_key(key, pair.public_key, &len) == 1 && len == CRYPTO_KEY_LEN)
	{
		*out = pair;
		status = WA_OK;
	}
	crypto_wipe(&pair, sizeof(pair));
	EVP_PKEY_free(key);
	return status == WA_OK ? status : openssl_error(status);
}

WaStatus
crypto_keypair_generate(const WaEnv *env, WaKeyPair *out)
{
	uint8_t private_key[CRYPTO_KEY_LEN];
	WaStatus status = crypto_random(env, private_key, sizeof(private_key));

	if (status == WA_OK)
	{
		/* clamped when made (RFC 7748 section 5): XEdDSA uses it as a scalar */
		private_key[0] &= 0xF8;
		private_key[31] = (uint8_t) ((private_key[31] & 0x7F) | 0x40);
		status = crypto_keypair_from_private(private_key, out);
	}
	crypto_wipe(private_key, sizeof(private_key));
	return status;
}

/*
 * A key to derive with.  OpenSSL would compute the public half, which costs as
 * much as the derivation and is not used in it: so it is given one.
 */
static EVP_PKEY *
deriving_key(const uint8_t private_key[32])
{
	uint8_t private_copy[CRYPTO_KEY_LEN];
	uint8_t unused_public[CRYPTO_KEY_LEN] = {0};
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private_copy, CRYPTO_KEY_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, unused_public, CRYPTO_KEY_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	EVP_PKEY *key = NULL;

	memcpy(private_copy, private_key, CRYPTO_KEY_LEN);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	crypto_wipe(private_copy, sizeof(private_copy));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

WaStatus
crypto_x25519(const uint8_t private_key[32], const uint8_t public_key[32], uint8_t out[32])
{
	static const uint8_t zeroes[CRYPTO_KEY_LEN];
	EVP_PKEY *ours = deriving_key(private_key);
	EVP_PKEY *theirs =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, CRYPTO_KEY_LEN);
	EVP_PKEY_CTX *ctx = ours == NULL ? NULL : EVP_PKEY_CTX_new(ours, NULL);
	uint8_t shared[CRYPTO_KEY_LEN];
	size_t len = sizeof(shared);
	WaStatus status = WA_ERR_NOMEM;

	if (ctx != NULL && theirs != NULL)
	{
		status = WA_ERR_CRYPTO;
		if (EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
			EVP_PKEY_derive(ctx, shared, &len) == 1 && len == sizeof(shared) &&
			!crypto_equal(shared, zeroes, sizeof(shared)))
		{
			memcpy(out, shared, sizeof(shared));
			status = WA_OK;
		}
	}
	crypto_wipe(shared, sizeof(shared));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
	return status == WA_OK ? status : openssl_error(status);
}

/* ---- small things ---- */

WaStatus
crypto_random(const WaEnv *env, uint8_t *out, size_t len)
{
	return env->random(env->ctx, out, len) == 0 ? WA_OK : WA_ERR_RANDOM;
}

bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
crypto_wipe(void *ptr, size_t len)
{
	OPENSSL_cleanse(ptr, len);
}
