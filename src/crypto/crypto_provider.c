/*
 * crypto_provider.c
 *		The primitives that libsignal-protocol-c asks its host for, on OpenSSL.
 *
 * Algorithms are fetched once per process.  Each thread keeps one HMAC context
 * and the cipher contexts for its next use: a message needs a dozen HMACs, and
 * making a context costs more than the HMAC itself.
 */
#include "crypto_provider.h"

#include <limits.h>
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto.h"

#define AES_BLOCK 16
#define AES_KEY 32

static struct
{
	EVP_MAC *hmac;
	EVP_MD *sha512;
	EVP_CIPHER *cbc;
	EVP_CIPHER *ctr;
} algorithms;

static pthread_once_t algorithms_once = PTHREAD_ONCE_INIT;

static _Thread_local struct
{
	EVP_MAC_CTX *hmac; /* not in use now; NULL: lent out, or none made yet */
	EVP_CIPHER_CTX *cipher;
} spare;

static void
fetch_algorithms(void)
{
	algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	algorithms.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
	algorithms.cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	algorithms.ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
}

/* OpenSSL's error queue must be empty when a connection looks at it next. */
static int
fault(void)
{
	ERR_clear_error();
	return CRYPTO_PROVIDER_FAULT;
}

static int
give(signal_buffer **out, const uint8_t *data, size_t len)
{
	*out = signal_buffer_create(data, len);
	return *out == NULL ? SG_ERR_NOMEM : SG_SUCCESS;
}

static int
provider_random(uint8_t *data, size_t len, void *user_data)
{
	const WaEnv *env = user_data;

	return env->random(env->ctx, data, len) == 0 ? SG_SUCCESS : CRYPTO_PROVIDER_FAULT;
}

/* ---- HMAC-SHA256 ---- */

static EVP_MAC_CTX *
hmac_new(void)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = algorithms.hmac == NULL ? NULL : EVP_MAC_CTX_new(algorithms.hmac);

	if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1)
	{
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static int
provider_hmac_init(void **state, const uint8_t *key, size_t len, void *user_data)
{
	static const uint8_t no_key[1];
	EVP_MAC_CTX *ctx = spare.hmac;

	(void) user_data;
	spare.hmac = NULL;
	if (ctx == NULL && (ctx = hmac_new()) == NULL)
		return fault();
	/* OpenSSL takes a NULL key for "keep the old one" */
	if (EVP_MAC_init(ctx, len == 0 ? no_key : key, len, NULL) != 1)
	{
		EVP_MAC_CTX_free(ctx);
		return fault();
	}
	*state = ctx;
	return SG_SUCCESS;
}

static int
provider_hmac_update(void *state, const uint8_t *data, size_t len, void *user_data)
{
	(void) user_data;
	return len == 0 || EVP_MAC_update(state, data, len) == 1 ? SG_SUCCESS : fault();
}

static int
provider_hmac_final(void *state, signal_buffer **out, void *user_data)
{
	uint8_t mac[32];
	size_t len;
	int rc;

	(void) user_data;
	if (EVP_MAC_final(state, mac, &len, sizeof(mac)) != 1)
		return fault();
	rc = give(out, mac, len);
	crypto_wipe(mac, sizeof(mac));
	return rc;
}

static void
provider_hmac_cleanup(void *state, void *user_data)
{
	(void) user_data;
	if (state == NULL)
		return;
	if (spare.hmac == NULL)
		spare.hmac = state;
	else
		EVP_MAC_CTX_free(state);
}

/* ---- SHA-512 ---- */

static int
provider_sha512_init(void **state, void *user_data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	(void) user_data;
	if (ctx == NULL || algorithms.sha512 == NULL ||
		EVP_DigestInit_ex2(ctx, algorithms.sha512, NULL) != 1)
	{
		EVP_MD_CTX_free(ctx);
		return fault();
	}
	*state = ctx;
	return SG_SUCCESS;
}

static int
provider_sha512_update(void *state, const uint8_t *data, size_t len, void *user_data)
{
	(void) user_data;
	return len == 0 || EVP_DigestUpdate(state, data, len) == 1 ? SG_SUCCESS : fault();
}

static int
provider_sha512_final(void *state, signal_buffer **out, void *user_data)
{
	uint8_t digest[64];
	int rc;

	(void) user_data;
	if (EVP_DigestFinal_ex(state, digest, NULL) != 1)
		return fault();
	rc = give(out, digest, sizeof(digest));
	/* the interface wants the state ready for the next digest */
	if (EVP_DigestInit_ex2(state, algorithms.sha512, NULL) != 1 && rc == SG_SUCCESS)
	{
		signal_buffer_free(*out);
		*out = NULL;
		rc = fault();
	}
	crypto_wipe(digest, sizeof(digest));
	return rc;
}

static void
provider_sha512_cleanup(void *state, void *user_data)
{
	(void) user_data;
	EVP_MD_CTX_free(state);
}

/* ---- AES-256 ---- */

static int
run_cipher(signal_buffer **out, int cipher, int encrypt, const uint8_t *key, size_t key_len,
		   const uint8_t *iv, size_t iv_len, const uint8_t *in, size_t len)
{
	const EVP_CIPHER *algorithm =
		cipher == SG_CIPHER_AES_CBC_PKCS5 ? algorithms.cbc : algorithms.ctr;
	signal_buffer *room;
	uint8_t *data;
	int body = 0;
	int rest = 0;
	int rc = SG_SUCCESS;

	if ((cipher != SG_CIPHER_AES_CBC_PKCS5 && cipher != SG_CIPHER_AES_CTR_NOPADDING) ||
		key_len != AES_KEY || iv_len != AES_BLOCK || len > INT_MAX - AES_BLOCK)
		return SG_ERR_INVAL;
	if (spare.cipher == NULL && (spare.cipher = EVP_CIPHER_CTX_new()) == NULL)
		return fault();
	room = signal_buffer_alloc(len + AES_BLOCK);
	if (room == NULL)
		return SG_ERR_NOMEM;
	data = signal_buffer_data(room);
	if (algorithm == NULL ||
		EVP_CipherInit_ex2(spare.cipher, algorithm, key, iv, encrypt, NULL) != 1 ||
		(len > 0 && EVP_CipherUpdate(spare.cipher, data, &body, in, (int) len) != 1))
		rc = fault();
	else if (EVP_CipherFinal_ex(spare.cipher, data + body, &rest) != 1)
	{
		/* only bad padding gets here: the message's fault, not ours */
		ERR_clear_error();
		rc = SG_ERR_INVALID_MESSAGE;
	}
	if (rc == SG_SUCCESS)
		rc = give(out, data, (size_t) body + (size_t) rest);
	signal_buffer_bzero_free(room);
	return rc;
}

static int
provider_encrypt(signal_buffer **out, int cipher, const uint8_t *key, size_t key_len,
				 const uint8_t *iv, size_t iv_len, const uint8_t *in, size_t len, void *user_data)
{
	(void) user_data;
	return run_cipher(out, cipher, 1, key, key_len, iv, iv_len, in, len);
}

static int
provider_decrypt(signal_buffer **out, int cipher, const uint8_t *key, size_t key_len,
				 const uint8_t *iv, size_t iv_len, const uint8_t *in, size_t len, void *user_data)
{
	(void) user_data;
	return run_cipher(out, cipher, 0, key, key_len, iv, iv_len, in, len);
}

/* ---- the context ---- */

/* libsignal hands user_data back and never writes through it. */
static void *
borrow(const WaEnv *env)
{
	union
	{
		const WaEnv *in;
		void *out;
	} pointer = {.in = env};

	return pointer.out;
}

WaStatus
crypto_provider_context(const WaEnv *env, signal_context **out)
{
	const signal_crypto_provider provider = {
		.random_func = provider_random,
		.hmac_sha256_init_func = provider_hmac_init,
		.hmac_sha256_update_func = provider_hmac_update,
		.hmac_sha256_final_func = provider_hmac_final,
		.hmac_sha256_cleanup_func = provider_hmac_cleanup,
		.sha512_digest_init_func = provider_sha512_init,
		.sha512_digest_update_func = provider_sha512_update,
		.sha512_digest_final_func = provider_sha512_final,
		.sha512_digest_cleanup_func = provider_sha512_cleanup,
		.encrypt_func = provider_encrypt,
		.decrypt_func = provider_decrypt,
		.user_data = borrow(env),
	};
	signal_context *context = NULL;

	pthread_once(&algorithms_once, fetch_algorithms);
	if (signal_context_create(&context, NULL) != 0)
		return WA_ERR_NOMEM;
	if (signal_context_set_crypto_provider(context, &provider) != 0)
	{
		signal_context_destroy(context);
		return WA_ERR_NOMEM;
	}
	*out = context;
	return WA_OK;
}
