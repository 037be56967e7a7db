/*
 * test_crypto.c
 *		The primitives against published vectors; each names its source.
 */
#include "check.h"
#include "crypto.h"

#include <openssl/err.h>

static uint8_t bytes_a[1024];
static uint8_t bytes_b[1024];
static uint8_t bytes_c[1024];

/* Decodes into one of the buffers above and returns the length. */
#define A(hex) test_hex(hex, bytes_a, sizeof(bytes_a))
#define B(hex) test_hex(hex, bytes_b, sizeof(bytes_b))
#define C(hex) test_hex(hex, bytes_c, sizeof(bytes_c))

/* FIPS 180-4 and RFC 1321 examples: the message "abc" and the empty one. */
static void
hashes(void **state)
{
	uint8_t out[32];

	(void) state;
	assert_int_equal(crypto_sha256("abc", 3, out), WA_OK);
	check_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crypto_sha256("", 0, out), WA_OK);
	check_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(crypto_sha1("abc", 3, out), WA_OK);
	check_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(crypto_md5("abc", 3, out), WA_OK);
	check_hex(out, 16, "900150983cd24fb0d6963f7d28e17f72");
	assert_int_equal(crypto_md5("", 0, out), WA_OK);
	check_hex(out, 16, "d41d8cd98f00b204e9800998ecf8427e");
}

/* RFC 4231 test cases 1, 2 and 6. */
static void
hmac_sha256(void **state)
{
	uint8_t out[32];
	uint8_t key[131];

	(void) state;
	memset(key, 0x0b, 20);
	assert_int_equal(crypto_hmac_sha256(key, 20, "Hi There", 8, out), WA_OK);
	check_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out), WA_OK);
	check_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(crypto_hmac_sha256(key, sizeof(key),
										"Test Using Larger Than Block-Size Key - Hash Key First",
										54, out),
					 WA_OK);
	check_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");

	/* an empty key is a key, not "the one before" */
	assert_int_equal(crypto_hmac_sha256("", 0, "", 0, out), WA_OK);
	check_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	assert_int_equal(crypto_hmac_sha256(NULL, 0, NULL, 0, out), WA_OK);
	check_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 4231 test cases 1 and 2. */
static void
hmac_sha512(void **state)
{
	uint8_t out[64];
	uint8_t key[20];

	(void) state;
	memset(key, 0x0b, sizeof(key));
	assert_int_equal(crypto_hmac_sha512(key, sizeof(key), "Hi There", 8, out), WA_OK);
	check_hex(out, 64,
			  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
			  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
	assert_int_equal(crypto_hmac_sha512("Jefe", 4, "what do ya want for nothing?", 28, out), WA_OK);
	check_hex(out, 64,
			  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

/* RFC 5869 appendix A.1, A.2 and A.3. */
static void
hkdf_sha256(void **state)
{
	uint8_t out[255 * 32 + 1];
	size_t a;
	size_t b;
	size_t c;

	(void) state;
	a = A("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
	b = B("000102030405060708090a0b0c");
	c = C("f0f1f2f3f4f5f6f7f8f9");
	assert_int_equal(crypto_hkdf_sha256(bytes_a, a, bytes_b, b, bytes_c, c, out, 42), WA_OK);
	check_hex(out, 42,
			  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8"
			  "87185865");

	for (int i = 0; i < 80; i++)
	{
		bytes_a[i] = (uint8_t) i;
		bytes_b[i] = (uint8_t) (0x60 + i);
		bytes_c[i] = (uint8_t) (0xb0 + i);
	}
	assert_int_equal(crypto_hkdf_sha256(bytes_a, 80, bytes_b, 80, bytes_c, 80, out, 82), WA_OK);
	check_hex(out, 82,
			  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7"
			  "827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5"
			  "c1f3434f1d87");

	a = A("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
	assert_int_equal(crypto_hkdf_sha256(bytes_a, a, NULL, 0, NULL, 0, out, 42), WA_OK);
	check_hex(out, 42,
			  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4"
			  "b61a96c8");

	assert_int_equal(crypto_hkdf_sha256(bytes_a, a, NULL, 0, NULL, 0, out, 255 * 32), WA_OK);
	assert_int_equal(crypto_hkdf_sha256(bytes_a, a, NULL, 0, NULL, 0, out, 255 * 32 + 1),
					 WA_ERR_ARGUMENT);
	assert_int_equal(crypto_hkdf_sha256(NULL, 0, NULL, 0, NULL, 0, out, 64), WA_OK);
}

/* RFC 7914 section 11; and the "pair_code" part of vectors.json. */
static void
pbkdf2_sha256(void **state)
{
	uint8_t out[64];
	size_t salt;

	(void) state;
	assert_int_equal(crypto_pbkdf2_sha256("passwd", 6, "salt", 4, 1, out, 64), WA_OK);
	check_hex(out, 64,
			  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
			  "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
	salt = A("982a29430617990b0ea05a6c4e1a4c76d80b5a96fc9505f055cb94dcf72093c5");
	assert_int_equal(crypto_pbkdf2_sha256("1A2B3C4D", 8, bytes_a, salt, 131072, out, 32), WA_OK);
	check_hex(out, 32, "413fbca49b8d1f078edc441db546a0044603bd09fe21e2dbc1ecae92ada02c1a");
	assert_int_equal(crypto_pbkdf2_sha256("x", 1, "y", 1, 0, out, 32), WA_ERR_ARGUMENT);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 16. */
static void
aes256_gcm(void **state)
{
	static const struct
	{
		const char *key;
		const char *iv;
		const char *aad;
		const char *plain;
		const char *cipher;
	} cases[] = {
		{"0000000000000000000000000000000000000000000000000000000000000000",
		 "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
		{"0000000000000000000000000000000000000000000000000000000000000000",
		 "000000000000000000000000", "", "00000000000000000000000000000000",
		 "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
		{"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		 "cafebabefacedbaddecaf888", "",
		 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
		 "49a6b525b16aedf5aa0de657ba637b391aafd255",
		 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
		 "56828838c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c"},
		{"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		 "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
		 "49a6b525b16aedf5aa0de657ba637b39",
		 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
		 "56828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t key[32];
		uint8_t iv[12];
		uint8_t out[256];
		size_t aad;
		size_t len;

		test_hex(cases[i].key, key, sizeof(key));
		test_hex(cases[i].iv, iv, sizeof(iv));
		aad = A(cases[i].aad);
		len = B(cases[i].plain);
		assert_int_equal(crypto_aes256_gcm_encrypt(key, iv, bytes_a, aad, bytes_b, len, out),
						 WA_OK);
		check_hex(out, len + CRYPTO_TAG_LEN, cases[i].cipher);

		/* in place */
		assert_int_equal(
			crypto_aes256_gcm_decrypt(key, iv, bytes_a, aad, out, len + CRYPTO_TAG_LEN, out),
			WA_OK);
		check_hex(out, len, cases[i].plain);

		/* one bit of the tag: nothing comes out */
		len = C(cases[i].cipher);
		bytes_c[len - 1] ^= 1;
		memset(out, 0xEE, sizeof(out));
		assert_int_equal(crypto_aes256_gcm_decrypt(key, iv, bytes_a, aad, bytes_c, len, out),
						 WA_ERR_CRYPTO);
		for (size_t k = 0; k < len - CRYPTO_TAG_LEN; k++)
			assert_int_equal(out[k], 0);
		assert_int_equal(out[len - CRYPTO_TAG_LEN], 0xEE);
		assert_int_equal(crypto_aes256_gcm_decrypt(key, iv, bytes_a, aad, bytes_c, 15, out),
						 WA_ERR_CRYPTO);
	}
}

/* NIST SP 800-38A section F.5.5. */
/* NIST SP 800-38A section F.2.5, and what padding may be. */
static void
aes256_cbc(void **state)
{
	uint8_t key[32];
	uint8_t iv[16];
	uint8_t out[64];
	uint8_t back[64];
	size_t len;

	(void) state;
	test_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", key, 32);
	test_hex("000102030405060708090a0b0c0d0e0f", iv, 16);
	len = A("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
	assert_int_equal(crypto_aes256_cbc_encrypt(key, iv, bytes_a, len, out), WA_OK);
	check_hex(out, len, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d");

	for (size_t n = 0; n <= 32; n++)
	{
		size_t cipher_len = n / 16 * 16 + 16;

		assert_int_equal(crypto_aes256_cbc_encrypt(key, iv, bytes_a, n, out), WA_OK);
		assert_int_equal(crypto_aes256_cbc_decrypt(key, iv, out, cipher_len, back, &len), WA_OK);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes_a, n);
		assert_int_equal(crypto_aes256_cbc_decrypt(key, iv, out, cipher_len - 1, back, &len),
						 WA_ERR_CRYPTO);
	}
	assert_int_equal(crypto_aes256_cbc_decrypt(key, iv, out, 0, back, &len), WA_ERR_CRYPTO);
	/* the vector's own blocks end in no padding */
	assert_int_equal(crypto_aes256_cbc_encrypt(key, iv, bytes_a, 32, out), WA_OK);
	assert_int_equal(crypto_aes256_cbc_decrypt(key, iv, out, 32, back, &len), WA_ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
aes256_ctr(void **state)
{
	uint8_t key[32];
	uint8_t iv[16];
	uint8_t out[64];
	size_t len;

	(void) state;
	test_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", key, sizeof(key));
	test_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", iv, sizeof(iv));
	len = A("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
			"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
	for (int round = 0; round < 2; round++)
	{
		assert_int_equal(crypto_aes256_ctr(key, iv, bytes_a, len, out), WA_OK);
		check_hex(out, len,
				  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
				  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
	}
}

/* RFC 7748 sections 5.2 and 6.1. */
static void
x25519(void **state)
{
	WaKeyPair alice;
	WaKeyPair bob;
	uint8_t out[32];

	(void) state;
	A("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
	B("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	assert_int_equal(crypto_x25519(bytes_a, bytes_b, out), WA_OK);
	check_hex(out, 32, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	A("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
	B("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
	assert_int_equal(crypto_x25519(bytes_a, bytes_b, out), WA_OK);
	check_hex(out, 32, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");

	A("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	assert_int_equal(crypto_keypair_from_private(bytes_a, &alice), WA_OK);
	check_hex(alice.public_key, 32,
			  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	B("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	assert_int_equal(crypto_keypair_from_private(bytes_b, &bob), WA_OK);
	check_hex(bob.public_key, 32,
			  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_int_equal(crypto_x25519(alice.private_key, bob.public_key, out), WA_OK);
	check_hex(out, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	assert_int_equal(crypto_x25519(bob.private_key, alice.public_key, out), WA_OK);
	check_hex(out, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* RFC 7748 section 5.2: the output feeds the next round, a thousand times. */
static void
x25519_iterated(void **state)
{
	uint8_t k[32] = {9};
	uint8_t u[32] = {9};

	(void) state;
	for (int i = 0; i < 1000; i++)
	{
		uint8_t next[32];

		assert_int_equal(crypto_x25519(k, u, next), WA_OK);
		memcpy(u, k, 32);
		memcpy(k, next, 32);
		if (i == 0)
			check_hex(k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
	}
	check_hex(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* The points of small order listed at https://cr.yp.to/ecdh.html give zero. */
static void
small_order_points_are_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t out[32];

	(void) state;
	A("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
	{
		B(points[i]);
		memset(out, 0xEE, sizeof(out));
		assert_int_equal(crypto_x25519(bytes_a, bytes_b, out), WA_ERR_CRYPTO);
		assert_int_equal(out[0], 0xEE);
	}
}

/* The "xeddsa" part of vectors.json: whatsmeow's signature with this randomness. */
static void
signature_matches_the_vector(void **state)
{
	TestEnv env;
	WaKeyPair pair;
	uint8_t random[64];
	uint8_t signature[64];

	(void) state;
	test_env_init(&env);
	memset(random, 0x11, sizeof(random));
	env.script = random;
	env.script_len = sizeof(random);
	A("d0290e758cc11b4c4fb0e1eada7ddce97f0bfd40ecc4a9b0aeeec2de1471456e");
	assert_int_equal(crypto_keypair_from_private(bytes_a, &pair), WA_OK);
	check_hex(pair.public_key, 32,
			  "ca0ae8bd94e93808163b775fc6da7603aa7d0cf28809e4ae12fcffe668994d18");
	assert_int_equal(crypto_sign(test_env(&env), pair.private_key, "hello", 5, signature), WA_OK);
	check_hex(signature, 64,
			  "9cf330d51d1733c10852d445159ca3e5eae17ade144f7afe3b6428f3beede6a9"
			  "0088275b5e9c0630b4d41ecc2cd6b2de7e9ee72e43956511ab173f2810bfc707");
	assert_int_equal(env.script_len, 0);
	assert_int_equal(crypto_verify(pair.public_key, "hello", 5, signature), WA_OK);
}

static void
signatures_hold_for_one_message_and_key(void **state)
{
	TestEnv env;
	WaKeyPair pair;
	uint8_t signature[64];
	uint8_t message[300];

	(void) state;
	test_env_init(&env);
	memset(message, 'm', sizeof(message));
	/* a key that nobody clamped signs, too */
	A("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	assert_int_equal(crypto_keypair_from_private(bytes_a, &pair), WA_OK);
	for (size_t len = 0; len <= sizeof(message); len += 100)
	{
		assert_int_equal(crypto_sign(test_env(&env), pair.private_key, message, len, signature),
						 WA_OK);
		assert_int_equal(crypto_verify(pair.public_key, message, len, signature), WA_OK);
	}
	for (size_t i = 0; i < sizeof(signature); i++)
	{
		signature[i] ^= 0x80;
		assert_int_equal(crypto_verify(pair.public_key, message, sizeof(message), signature),
						 WA_ERR_SIGNATURE);
		signature[i] ^= 0x80;
	}
	assert_int_equal(crypto_verify(pair.public_key, message, sizeof(message) - 1, signature),
					 WA_ERR_SIGNATURE);
	pair.public_key[3] ^= 1;
	assert_int_equal(crypto_verify(pair.public_key, message, sizeof(message), signature),
					 WA_ERR_SIGNATURE);

	env.fail_random = true;
	assert_int_equal(crypto_sign(test_env(&env), pair.private_key, message, 5, signature),
					 WA_ERR_RANDOM);
}

/* A refusal must not look like a failure of the connection that is read next. */
static void
refusals_leave_no_openssl_error(void **state)
{
	uint8_t key[32] = {1};
	uint8_t zero[32] = {0};
	uint8_t out[64] = {0};

	(void) state;
	ERR_clear_error();
	assert_int_equal(crypto_aes256_gcm_decrypt(key, zero, NULL, 0, out, 40, out), WA_ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(crypto_x25519(key, zero, out), WA_ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(crypto_md5("", 0, out), WA_OK);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
generated_keys_are_clamped(void **state)
{
	TestEnv env;
	WaKeyPair pair;

	(void) state;
	test_env_init(&env);
	for (int i = 0; i < 20; i++)
	{
		assert_int_equal(crypto_keypair_generate(test_env(&env), &pair), WA_OK);
		assert_int_equal(pair.private_key[0] & 7, 0);
		assert_int_equal(pair.private_key[31] & 0xC0, 0x40);
	}
	env.fail_random = true;
	assert_int_equal(crypto_keypair_generate(test_env(&env), &pair), WA_ERR_RANDOM);
}

/* RFC 4648 section 10. */
static void
base64(void **state)
{
	static const struct
	{
		const char *plain;
		const char *text;
	} cases[] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	static const char *const bad[] = {"Z",        "Zg",     "Zg=",  "Z===", "====", "Zh==", "Zm9=",
									  "Zg==Zg==", "Zm9v\n", "Z m9", "Zm-_", "=m9v", "Zm=v"};
	uint8_t out[300];
	char text[500];
	size_t len;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		crypto_base64((const uint8_t *) cases[i].plain, strlen(cases[i].plain), text);
		assert_string_equal(text, cases[i].text);
		len = sizeof(out);
		assert_int_equal(crypto_base64_decode(text, strlen(text), out, &len), WA_OK);
		assert_int_equal(len, strlen(cases[i].plain));
		assert_memory_equal(out, cases[i].plain, len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		len = sizeof(out);
		if (crypto_base64_decode(bad[i], strlen(bad[i]), out, &len) != WA_ERR_MALFORMED)
			fail_msg("\"%s\" was decoded", bad[i]);
		assert_int_equal(len, sizeof(out));
	}
	for (int i = 0; i < 256; i++)
		bytes_a[i] = (uint8_t) i;
	crypto_base64(bytes_a, 256, text);
	len = 255;
	assert_int_equal(crypto_base64_decode(text, strlen(text), out, &len), WA_ERR_LIMIT);
	len = 256;
	assert_int_equal(crypto_base64_decode(text, strlen(text), out, &len), WA_OK);
	assert_memory_equal(out, bytes_a, 256);
}

static void
default_environment_works(void **state)
{
	const WaEnv *env = env_default();
	uint8_t a[300] = {0};
	uint8_t b[300] = {0};
	void *block = env->alloc(env->ctx, 100);

	(void) state;
	assert_non_null(block);
	memset(block, 1, 100);
	env->free(env->ctx, block);
	env->free(env->ctx, NULL);
	assert_int_equal(crypto_random(env, a, sizeof(a)), WA_OK);
	assert_int_equal(crypto_random(env, b, sizeof(b)), WA_OK);
	assert_false(crypto_equal(a, b, sizeof(a)));
	assert_true(crypto_equal(a, a, sizeof(a)));
	crypto_wipe(a, sizeof(a));
	memset(b, 0, sizeof(b));
	assert_true(crypto_equal(a, b, sizeof(a)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(hmac_sha256),
		cmocka_unit_test(hmac_sha512),
		cmocka_unit_test(hkdf_sha256),
		cmocka_unit_test(pbkdf2_sha256),
		cmocka_unit_test(aes256_gcm),
		cmocka_unit_test(aes256_cbc),
		cmocka_unit_test(aes256_ctr),
		cmocka_unit_test(x25519),
		cmocka_unit_test(x25519_iterated),
		cmocka_unit_test(small_order_points_are_refused),
		cmocka_unit_test(signature_matches_the_vector),
		cmocka_unit_test(signatures_hold_for_one_message_and_key),
		cmocka_unit_test(refusals_leave_no_openssl_error),
		cmocka_unit_test(generated_keys_are_clamped),
		cmocka_unit_test(base64),
		cmocka_unit_test(default_environment_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
