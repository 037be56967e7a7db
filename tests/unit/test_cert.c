/*
 * test_cert.c
 *		The certificate chain: what is trusted, and every way not to be.
 */
#include "cert.h"
#include "check.h"
#include "protobuf.h"
#include "transport.pb-c.h"

#include "../vectors/noise_vectors.h"

#define SECOND_2026 INT64_C(1790000000)

static uint8_t chain[1024];
static size_t chain_len;
static uint8_t root[32];
static uint8_t server[32];

static int
load_vector(void **state)
{
	(void) state;
	chain_len = test_hex(WA_CERT_CHAIN, chain, sizeof(chain));
	test_hex(WA_ROOT_PUB, root, sizeof(root));
	test_hex(WA_SERVER_STATIC_PUB, server, sizeof(server));
	return 0;
}

static WaStatus
verify_at(int64_t second, const char **why)
{
	TestEnv env;
	WaStatus status;

	test_env_init(&env);
	status = cert_verify(test_env(&env), chain, chain_len, root, server, second * WA_SECOND, why);
	assert_int_equal(env.live, 0);
	return status;
}

static void
vector_is_trusted(void **state)
{
	const char *why = "set";

	(void) state;
	assert_int_equal(verify_at(SECOND_2026, &why), WA_OK);
	assert_null(why);
}

static void
dates_have_a_day_of_grace(void **state)
{
	static const int64_t from = 1700000000; /* what the vector says */
	static const int64_t to = 2000000000;
	static const int64_t day = 86400;
	const char *why;

	(void) state;
	assert_int_equal(verify_at(from - day, &why), WA_OK);
	assert_int_equal(verify_at(from - day - 1, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "clock"));
	assert_int_equal(verify_at(to + day, &why), WA_OK);
	assert_int_equal(verify_at(to + day + 1, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "clock"));
}

static void
no_byte_can_be_changed(void **state)
{
	const char *why;

	(void) state;
	for (size_t i = 0; i < chain_len; i++)
	{
		for (int bit = 0; bit < 8; bit += 7)
		{
			chain[i] ^= (uint8_t) (1 << bit);
			assert_int_equal(verify_at(SECOND_2026, &why), WA_ERR_CERTIFICATE);
			assert_non_null(why);
			chain[i] ^= (uint8_t) (1 << bit);
		}
	}
}

static void
no_byte_can_be_missing(void **state)
{
	const char *why;
	size_t whole = chain_len;

	(void) state;
	for (chain_len = 0; chain_len < whole; chain_len++)
		assert_int_equal(verify_at(SECOND_2026, &why), WA_ERR_CERTIFICATE);
}

static void
other_keys_are_refused(void **state)
{
	const char *why;

	(void) state;
	root[0] ^= 1;
	assert_int_equal(verify_at(SECOND_2026, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "root"));
	root[0] ^= 1;
	server[31] ^= 1;
	assert_int_equal(verify_at(SECOND_2026, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "another server key"));
	memcpy(root, cert_root_key, sizeof(root));
	assert_int_equal(verify_at(SECOND_2026, &why), WA_ERR_CERTIFICATE);
}

static void
defects_have_their_sentences(void **state)
{
	static const struct
	{
		CertDefect defect;
		const char *word; /* NULL: trusted */
	} cases[] = {
		{CERT_GOOD, NULL},
		{CERT_BAD_ROOT_SIGNATURE, "root key"},
		{CERT_BAD_LEAF_SIGNATURE, "intermediate key"},
		{CERT_OTHER_KEY, "another server key"},
		{CERT_BAD_ISSUER, "another issuer"},
		{CERT_EXPIRED, "not valid at this time"},
		{CERT_TRUNCATED, "malformed"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TestEnv env;
		WaBuf out;
		WaKeyPair issuer;
		const char *why;
		WaStatus status;

		test_env_init(&env);
		buf_init(&out, test_env(&env), 4096);
		assert_int_equal(crypto_keypair_generate(test_env(&env), &issuer), WA_OK);
		assert_int_equal(buf_append(&out, "before", 6), WA_OK);
		assert_int_equal(cert_make(test_env(&env), &issuer, server, SECOND_2026 * WA_SECOND,
								   cases[i].defect, &out),
						 WA_OK);
		status = cert_verify(test_env(&env), buf_data(&out) + 6, buf_len(&out) - 6,
							 issuer.public_key, server, SECOND_2026 * WA_SECOND, &why);
		if (cases[i].word == NULL)
			assert_int_equal(status, WA_OK);
		else
		{
			assert_int_equal(status, WA_ERR_CERTIFICATE);
			if (strstr(why, cases[i].word) == NULL)
				fail_msg("\"%s\" does not speak of \"%s\"", why, cases[i].word);
		}
		buf_free(&out);
		assert_int_equal(env.live, 0);
	}
}

/* ---- chains that are signed well and say something odd ---- */

typedef Wa__CertChain__NoiseCertificate__Details Details;

static WaKeyPair root_pair;
static WaKeyPair issuer_pair;

/* Packs and signs details, and hangs them into certificate; details_bytes keeps the bytes. */
static void
sign_details(TestEnv *env, Details *details, const WaKeyPair *issuer, WaBuf *details_bytes,
			 uint8_t signature[64], Wa__CertChain__NoiseCertificate *certificate)
{
	assert_int_equal(protobuf_pack(&details->base, details_bytes), WA_OK);
	assert_int_equal(crypto_sign(test_env(env), issuer->private_key, buf_data(details_bytes),
								 buf_len(details_bytes), signature),
					 WA_OK);
	certificate->has_details = true;
	certificate->details = protobuf_bytes(buf_data(details_bytes), buf_len(details_bytes));
	certificate->has_signature = true;
	certificate->signature = protobuf_bytes(signature, 64);
}

/* A verdict on a chain of these two; keys are filled in where has_key says so. */
static WaStatus
verify_details(Details intermediate, Details leaf, const char **why)
{
	TestEnv env;
	Wa__CertChain packed = WA__CERT_CHAIN__INIT;
	Wa__CertChain__NoiseCertificate upper = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	Wa__CertChain__NoiseCertificate lower = WA__CERT_CHAIN__NOISE_CERTIFICATE__INIT;
	WaBuf upper_bytes;
	WaBuf lower_bytes;
	WaBuf out;
	uint8_t upper_signature[64];
	uint8_t lower_signature[64];
	WaStatus status;

	test_env_init(&env);
	buf_init(&upper_bytes, test_env(&env), 1000);
	buf_init(&lower_bytes, test_env(&env), 1000);
	buf_init(&out, test_env(&env), 4000);
	assert_int_equal(crypto_keypair_generate(test_env(&env), &root_pair), WA_OK);
	assert_int_equal(crypto_keypair_generate(test_env(&env), &issuer_pair), WA_OK);
	if (intermediate.has_key && intermediate.key.len == 0)
		intermediate.key = protobuf_bytes(issuer_pair.public_key, 32);
	if (leaf.has_key && leaf.key.len == 0)
		leaf.key = protobuf_bytes(server, 32);
	sign_details(&env, &intermediate, &root_pair, &upper_bytes, upper_signature, &upper);
	sign_details(&env, &leaf, &issuer_pair, &lower_bytes, lower_signature, &lower);
	packed.intermediate = &upper;
	packed.leaf = &lower;
	assert_int_equal(protobuf_pack(&packed.base, &out), WA_OK);
	status = cert_verify(test_env(&env), buf_data(&out), buf_len(&out), root_pair.public_key,
						 server, SECOND_2026 * WA_SECOND, why);
	buf_free(&upper_bytes);
	buf_free(&lower_bytes);
	buf_free(&out);
	assert_int_equal(env.live, 0);
	return status;
}

static Details
plain_details(void)
{
	Details details = WA__CERT_CHAIN__NOISE_CERTIFICATE__DETAILS__INIT;

	details.has_key = true;
	return details;
}

/* Section 2.5: an absent serial is 0; an absent date does not limit. */
static void
absent_fields_read_as_zero(void **state)
{
	const char *why;
	Details leaf = plain_details();

	(void) state;
	assert_int_equal(verify_details(plain_details(), leaf, &why), WA_OK);
	leaf.has_serial = true;
	leaf.serial = 9;
	assert_int_equal(verify_details(plain_details(), leaf, &why), WA_OK);
}

static void
odd_details_are_refused(void **state)
{
	const char *why;
	Details odd;

	(void) state;
	odd = plain_details();
	odd.has_issuerserial = true;
	odd.issuerserial = 5;
	assert_int_equal(verify_details(odd, plain_details(), &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "than the root"));
	assert_int_equal(verify_details(plain_details(), odd, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "than the intermediate"));

	odd = plain_details();
	odd.has_key = false;
	assert_int_equal(verify_details(odd, plain_details(), &why), WA_ERR_CERTIFICATE);
	assert_int_equal(verify_details(plain_details(), odd, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "details are malformed"));
	odd.has_key = true;
	odd.key = protobuf_bytes(server, 31);
	assert_int_equal(verify_details(plain_details(), odd, &why), WA_ERR_CERTIFICATE);

	odd = plain_details();
	odd.has_notbefore = true;
	odd.notbefore = UINT64_MAX;
	assert_int_equal(verify_details(plain_details(), odd, &why), WA_ERR_CERTIFICATE);
	assert_non_null(strstr(why, "clock"));
	odd = plain_details();
	odd.has_notafter = true;
	odd.notafter = UINT64_MAX;
	assert_int_equal(verify_details(plain_details(), odd, &why), WA_OK);
	odd.notafter = 0;
	assert_int_equal(verify_details(odd, plain_details(), &why), WA_ERR_CERTIFICATE);
}

static void
lack_of_memory_is_no_verdict(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		const char *why;
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		status = cert_verify(test_env(&env), chain, chain_len, root, server,
							 SECOND_2026 * WA_SECOND, &why);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
	for (size_t n = 1;; n++)
	{
		TestEnv env;
		WaBuf out;
		WaKeyPair issuer;
		WaStatus status;

		test_env_init(&env);
		assert_int_equal(crypto_keypair_generate(test_env(&env), &issuer), WA_OK);
		env.fail_at = n;
		buf_init(&out, test_env(&env), 4096);
		status =
			cert_make(test_env(&env), &issuer, server, SECOND_2026 * WA_SECOND, CERT_GOOD, &out);
		buf_free(&out);
		assert_int_equal(env.live, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
	}
}

/* Sheet 1 section 2.5. */
static void
root_key_is_the_pinned_one(void **state)
{
	(void) state;
	check_hex(cert_root_key, 32,
			  "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(vector_is_trusted, load_vector),
		cmocka_unit_test_setup(dates_have_a_day_of_grace, load_vector),
		cmocka_unit_test_setup(no_byte_can_be_changed, load_vector),
		cmocka_unit_test_setup(no_byte_can_be_missing, load_vector),
		cmocka_unit_test_setup(other_keys_are_refused, load_vector),
		cmocka_unit_test_setup(defects_have_their_sentences, load_vector),
		cmocka_unit_test_setup(absent_fields_read_as_zero, load_vector),
		cmocka_unit_test_setup(odd_details_are_refused, load_vector),
		cmocka_unit_test_setup(lack_of_memory_is_no_verdict, load_vector),
		cmocka_unit_test(root_key_is_the_pinned_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
