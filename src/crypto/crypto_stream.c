/*
 * crypto_stream.c
 *		SHA-256, HMAC-SHA-256 and AES-256-CBC in pieces, on OpenSSL 3.
 *
 * Each object is an OpenSSL context under a name of its own, so that one cannot
 * be taken for another.
 */
#include "crypto_stream.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* What OpenSSL leaves in the error queue must go: SSL_get_error would find it. */
static WaStatus
ended(int ok)
{
	if (ok == 1)
		return WA_OK;
	ERR_clear_error();
	return WA_ERR_CRYPTO;
}

/* ---- SHA-256 ---- */

WaSha256 *
crypto_sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx != NULL && ended(EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL)) != WA_OK)
	{
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	return (WaSha256 *) ctx;
}

WaStatus
crypto_sha256_update(WaSha256 *hash, const void *data, size_t len)
{
	return ended(EVP_DigestUpdate((EVP_MD_CTX *) hash, data, len));
}

WaStatus
crypto_sha256_final(WaSha256 *hash, uint8_t out[32])
{
	return ended(EVP_DigestFinal_ex((EVP_MD_CTX *) hash, out, NULL));
}

void
crypto_sha256_free(WaSha256 *hash)
{
	EVP_MD_CTX_free((EVP_MD_CTX *) hash);
}

/* ---- HMAC ---- */

WaHmac *
crypto_hmac_new(const uint8_t key[32])
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac); /* the context holds its own reference */
	if (ctx != NULL && ended(EVP_MAC_init(ctx, key, 32, params)) != WA_OK)
	{
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	if (ctx == NULL)
		ERR_clear_error();
	return (WaHmac *) ctx;
}

WaStatus
crypto_hmac_update(WaHmac *hmac, const void *data, size_t len)
{
	return ended(EVP_MAC_update((EVP_MAC_CTX *) hmac, data, len));
}

WaStatus
crypto_hmac_final(WaHmac *hmac, uint8_t out[32])
{
	return ended(EVP_MAC_final((EVP_MAC_CTX *) hmac, out, NULL, 32));
}

void
crypto_hmac_free(WaHmac *hmac)
{
	EVP_MAC_CTX_free((EVP_MAC_CTX *) hmac);
}

/* ---- AES-CBC ---- */

WaCbc *
crypto_cbc_new(const uint8_t key[32], const uint8_t iv[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL &&
		(ended(EVP_DecryptInit_ex2(ctx, EVP_aes_256_cbc(), key, iv, NULL)) != WA_OK ||
		 ended(EVP_CIPHER_CTX_set_padding(ctx, 0)) != WA_OK))
	{
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	return (WaCbc *) ctx;
}

WaStatus
crypto_cbc_decrypt(WaCbc *cbc, const void *in, size_t len, uint8_t *out)
{
	int out_len;

	if (len % 16 != 0 || len > INT_MAX)
		return WA_ERR_ARGUMENT;
	if (len == 0)
		return WA_OK;
	return ended(EVP_DecryptUpdate((EVP_CIPHER_CTX *) cbc, out, &out_len, in, (int) len));
}

void
crypto_cbc_free(WaCbc *cbc)
{
	EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *) cbc);
}
