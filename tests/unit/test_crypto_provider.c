/*
 * test_crypto_provider.c
 *		The primitives that libsignal gets from us, against published vectors:
 *		RFC 5869 (HMAC-SHA256, through libsignal's HKDF), NIST SP 800-38A (AES-CBC
 *		and CTR), FIPS 180-4's example (SHA-512).
 */
#include "check.h"
#include "crypto_provider.h"

#include <hkdf.h>

/* libsignal's own doors to the provider; its public headers do not declare them. */
extern int signal_sha512_digest_init(signal_context *context, void **state);
extern int signal_sha512_digest_update(signal_context *context, void *state, const uint8_t *data,
									   size_t len);
extern int signal_sha512_digest_final(signal_context *context, void *state, signal_buffer **out);
extern void signal_sha512_digest_cleanup(signal_context *context, void *state);
extern int signal_crypto_random(signal_context *context, uint8_t *data, size_t len);
extern int signal_encrypt(signal_context *context, signal_buffer **out, int cipher,
						  const uint8_t *key, size_t key_len, const uint8_t *iv, size_t iv_len,
						  const uint8_t *in, size_t len);
extern int signal_decrypt(signal_context *context, signal_buffer **out, int cipher,
						  const uint8_t *key, size_t key_len, const uint8_t *iv, size_t iv_len,
						  const uint8_t *in, size_t len);

#define AES_KEY "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define AES_PLAIN                                                                                  \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                             \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define CBC_IV "000102030405060708090a0b0c0d0e0f"
#define CBC_CIPHER                                                                                 \
	"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"                             \
	"39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
#define CTR_IV "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define CTR_CIPHER                                                                                 \
	"601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"                             \
	"2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"

static TestEnv env;
static signal_context *context;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	return crypto_provider_context(test_env(&env), &context) == WA_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void) state;
	signal_context_destroy(context);
	return 0;
}

static void
hmac_matches_rfc_5869(void **state)
{
	hkdf_context *hkdf = NULL;
	uint8_t ikm[22];
	uint8_t salt[13];
	uint8_t info[10];
	uint8_t *okm = NULL;

	(void) state;
	memset(ikm, 0x0b, sizeof(ikm));
	for (size_t i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t) i;
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t) (0xf0 + i);
	assert_int_equal(hkdf_create(&hkdf, 3, context), 0);
	/* twice: the second runs on the context that the first gave back */
	for (int i = 0; i < 2; i++)
	{
		assert_int_equal(hkdf_derive_secrets(hkdf, &okm, ikm, sizeof(ikm), salt, sizeof(salt), info,
											 sizeof(info), 42),
						 42);
		check_hex(okm, 42,
				  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
				  "34007208d5b887185865");
		free(okm);
	}
	SIGNAL_UNREF(hkdf);
}

static void
aes_matches_sp_800_38a(void **state)
{
	uint8_t key[32];
	uint8_t plain[64];
	uint8_t iv[16];
	signal_buffer *out = NULL;
	signal_buffer *back = NULL;

	(void) state;
	test_hex(AES_KEY, key, sizeof(key));
	test_hex(AES_PLAIN, plain, sizeof(plain));
	test_hex(CBC_IV, iv, sizeof(iv));
	assert_int_equal(signal_encrypt(context, &out, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 16, plain,
									sizeof(plain)),
					 0);
	/* the vector, and a block of padding */
	assert_int_equal(signal_buffer_len(out), 80);
	check_hex(signal_buffer_data(out), 64, CBC_CIPHER);
	assert_int_equal(signal_decrypt(context, &back, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 16,
									signal_buffer_data(out), 80),
					 0);
	check_hex(signal_buffer_data(back), signal_buffer_len(back), AES_PLAIN);
	signal_buffer_free(back);

	/* bad padding, and no whole block, are the message's fault */
	signal_buffer_data(out)[63] ^= 1;
	assert_int_equal(signal_decrypt(context, &back, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 16,
									signal_buffer_data(out), 80),
					 SG_ERR_INVALID_MESSAGE);
	assert_int_equal(signal_decrypt(context, &back, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 16,
									signal_buffer_data(out), 15),
					 SG_ERR_INVALID_MESSAGE);
	assert_int_equal(signal_decrypt(context, &back, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 16,
									signal_buffer_data(out), 0),
					 SG_ERR_INVALID_MESSAGE);
	assert_int_equal(signal_decrypt(context, &back, SG_CIPHER_AES_CBC_PKCS5, key, 16, iv, 16,
									signal_buffer_data(out), 16),
					 SG_ERR_INVAL);
	signal_buffer_free(out);

	test_hex(CTR_IV, iv, sizeof(iv));
	assert_int_equal(signal_encrypt(context, &out, SG_CIPHER_AES_CTR_NOPADDING, key, 32, iv, 16,
									plain, sizeof(plain)),
					 0);
	check_hex(signal_buffer_data(out), signal_buffer_len(out), CTR_CIPHER);
	signal_buffer_free(out);
}

static void
sha512_matches_fips_180(void **state)
{
	void *digest = NULL;
	signal_buffer *out = NULL;

	(void) state;
	assert_int_equal(signal_sha512_digest_init(context, &digest), 0);
	for (int i = 0; i < 2; i++)
	{
		assert_int_equal(signal_sha512_digest_update(context, digest, (const uint8_t *) "abc", 3),
						 0);
		assert_int_equal(signal_sha512_digest_final(context, digest, &out), 0);
		check_hex(signal_buffer_data(out), signal_buffer_len(out),
				  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
				  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
		signal_buffer_free(out);
	}
	signal_sha512_digest_cleanup(context, digest);
}

static void
randomness_is_the_hosts(void **state)
{
	static const uint8_t script[] = {1, 2, 3, 4};
	uint8_t data[4];

	(void) state;
	env.script = script;
	env.script_len = sizeof(script);
	assert_int_equal(signal_crypto_random(context, data, sizeof(data)), 0);
	assert_memory_equal(data, script, sizeof(data));
	env.fail_random = true;
	assert_int_equal(signal_crypto_random(context, data, sizeof(data)), CRYPTO_PROVIDER_FAULT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hmac_matches_rfc_5869, setup, teardown),
		cmocka_unit_test_setup_teardown(aes_matches_sp_800_38a, setup, teardown),
		cmocka_unit_test_setup_teardown(sha512_matches_fips_180, setup, teardown),
		cmocka_unit_test_setup_teardown(randomness_is_the_hosts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
