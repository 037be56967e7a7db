/*
 * test_media.c
 *		Opening files in pieces, what a lying host can do, and streams of hashes
 *		against whole ones.
 */
#include "check.h"
#include "crypto.h"
#include "media.h"

#include "../vectors/message_vectors.h"

#define PLAIN "an image that is not one, but longer than two blocks"

static uint8_t key[32];
static uint8_t file[256];
static size_t file_len;
static uint8_t enc_sha[32];
static uint8_t sha[32];

static WaMedia
media(void)
{
	memset(key, 0x42, sizeof(key));
	file_len = test_hex(VECTOR_MEDIA_FILE, file, sizeof(file));
	test_hex(VECTOR_MEDIA_FILE_SHA256, enc_sha, sizeof(enc_sha));
	test_hex(VECTOR_MEDIA_PLAIN_SHA256, sha, sizeof(sha));
	return (WaMedia){
		.kind = MEDIA_IMAGE,
		.key = {(char *) key, 32},
		.enc_sha256 = {(char *) enc_sha, 32},
		.sha256 = {(char *) sha, 32},
		.size = strlen(PLAIN),
		.direct_path = str_from("/v/t62?x=1"),
	};
}

/* Feeds the file in pieces; the status of the first call that fails. */
static WaStatus
open_file(const WaMedia *what, size_t piece, uint64_t max, WaBuf *out)
{
	WaMediaOpen open;
	WaStatus status = media_open_init(&open, what, max);

	for (size_t at = 0; status == WA_OK && at < file_len; at += piece)
		status =
			media_open_update(&open, file + at, file_len - at < piece ? file_len - at : piece, out);
	if (status == WA_OK)
		status = media_open_final(&open, out);
	media_open_free(&open);
	return status;
}

static void
opens_in_pieces_of_any_size(void **state)
{
	WaMedia what = media();

	(void) state;
	for (size_t piece = 1; piece <= file_len; piece++)
	{
		TestEnv env;
		WaBuf out;

		test_env_init(&env);
		buf_init(&out, test_env(&env), 1024);
		assert_int_equal(open_file(&what, piece, 1024, &out), WA_OK);
		assert_int_equal(buf_len(&out), strlen(PLAIN));
		assert_memory_equal(buf_data(&out), PLAIN, strlen(PLAIN));
		buf_free(&out);
		assert_int_equal(env.live, 0);
	}
}

static WaStatus
outcome(const WaMedia *what)
{
	TestEnv env;
	WaBuf out;
	WaStatus status;

	test_env_init(&env);
	buf_init(&out, test_env(&env), 1024);
	status = open_file(what, 7, 1024, &out);
	buf_free(&out);
	assert_int_equal(env.live, 0);
	return status;
}

static void
a_host_that_lies(void **state)
{
	WaMedia what = media();

	(void) state;
	for (size_t i = 0; i < file_len; i++) /* every byte counts, with and without hashes */
	{
		what = media();
		file[i] ^= 1;
		assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
		what.enc_sha256 = what.sha256 = WA_STR_NONE;
		assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
	}
	what = media();
	sha[0] ^= 1;
	assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
	what = media();
	enc_sha[0] ^= 1;
	assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
	what = media();
	what.size++;
	assert_int_equal(outcome(&what), WA_ERR_MALFORMED);
	what = media();
	file_len--; /* cut short */
	assert_int_equal(outcome(&what), WA_ERR_MALFORMED);
	file_len = 25;
	assert_int_equal(outcome(&what), WA_ERR_MALFORMED);
	file_len = 0;
	assert_int_equal(outcome(&what), WA_ERR_MALFORMED);
	file_len = 42; /* whole blocks, but not all */
	assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
	what = media();
	what.kind = MEDIA_VIDEO; /* other keys */
	assert_int_equal(outcome(&what), WA_ERR_SIGNATURE);
	what.kind = MEDIA_NONE;
	assert_int_equal(outcome(&what), WA_ERR_ARGUMENT);
	what = media();
	what.key.len = 31;
	assert_int_equal(outcome(&what), WA_ERR_ARGUMENT);
	what = media();
	what.sha256.len = 31;
	assert_int_equal(outcome(&what), WA_ERR_ARGUMENT);
}

static void
limits(void **state)
{
	WaMedia what = media();
	TestEnv env;
	WaBuf out;

	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 1024);
	assert_int_equal(open_file(&what, 7, file_len - 1, &out), WA_ERR_LIMIT);
	buf_free(&out);
	buf_init(&out, test_env(&env), 20);
	assert_int_equal(open_file(&what, 7, 1024, &out), WA_ERR_LIMIT);
	buf_free(&out);
	for (size_t n = 1;; n++)
	{
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		buf_init(&out, test_env(&env), 1024);
		status = open_file(&what, 7, 1024, &out);
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

static void
files_without_key(void **state)
{
	WaMedia what = {.kind = MEDIA_IMAGE, .size = 5};
	TestEnv env;
	WaBuf out;

	(void) state;
	test_env_init(&env);
	buf_init(&out, test_env(&env), 1024);
	memcpy(file, "plain", 5);
	file_len = 5;
	assert_int_equal(open_file(&what, 2, 1024, &out), WA_OK);
	assert_memory_equal(buf_data(&out), "plain", 5);
	buf_free(&out);
}

static void
the_way_to_the_host(void **state)
{
	WaMedia what = media();
	TestEnv env;
	WaArena arena;

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 4096);
	memset(enc_sha, 0xFB, sizeof(enc_sha)); /* '+' and '/' in plain base64 */
	check_str(media_download_path(&arena, &what),
			  "/v/t62?x=1&hash=-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s="
			  "&mms-type=image&__wa-mms=");
	what.direct_path = str_from("/v");
	what.kind = MEDIA_HISTORY;
	check_str(media_download_path(&arena, &what),
			  "/v?hash=-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s="
			  "&mms-type=md-msg-hist&__wa-mms=");
	what.direct_path = str_from("/v HTTP/1.1\r\nHost: elsewhere");
	check_str(media_download_path(&arena, &what), NULL);
	what.direct_path = str_from("v");
	check_str(media_download_path(&arena, &what), NULL);
	what.direct_path = WA_STR_NONE;
	check_str(media_download_path(&arena, &what), NULL);
	arena_free(&arena);
	assert_string_equal(media_kind_name(MEDIA_STICKER_PACK), "sticker_pack");
}

static void
uploaded_again(void **state)
{
	uint8_t answer[128];
	size_t len = test_hex(VECTOR_MEDIA_RETRY, answer, sizeof(answer));
	WaStr payload = {(char *) answer, len};
	WaStr iv = {"\3\3\3\3\3\3\3\3\3\3\3\3", 12};
	TestEnv env;
	WaArena arena;
	WaMediaRetry out;
	WaMedia what = media();

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 16);
	assert_int_equal(media_retry_open(&arena, what.key, str_from("MSG1"), payload, iv, &out),
					 WA_OK);
	check_str(out.id, "MSG1");
	check_str(out.direct_path, "/new");
	assert_int_equal(out.result, 1);
	assert_int_equal(media_retry_open(&arena, what.key, str_from("MSG2"), payload, iv, &out),
					 WA_ERR_CRYPTO);
	iv.len = 11;
	assert_int_equal(media_retry_open(&arena, what.key, str_from("MSG1"), payload, iv, &out),
					 WA_ERR_MALFORMED);
	arena_free(&arena);
}

/* The request for it is sealed as the answer is; both have the id in field 1. */
static void
asking_for_an_upload(void **state)
{
	static const uint8_t iv[12] = {9, 8, 7};
	TestEnv env;
	WaArena arena;
	WaMediaRetry out;
	WaStr payload;
	WaMedia what = media();
	WaStr short_key = {what.key.data, 31};

	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), 1 << 16);
	assert_int_equal(media_retry_seal(&arena, what.key, str_from("MSG1"), iv, &payload), WA_OK);
	assert_int_equal(payload.len, 6 + 16);
	assert_int_equal(media_retry_open(&arena, what.key, str_from("MSG1"), payload,
									  (WaStr){(const char *) iv, 12}, &out),
					 WA_OK);
	check_str(out.id, "MSG1");
	assert_int_equal(media_retry_seal(&arena, short_key, str_from("MSG1"), iv, &payload),
					 WA_ERR_ARGUMENT);
	check_str(payload, NULL);
	assert_int_equal(media_retry_seal(&arena, what.key, WA_STR_NONE, iv, &payload),
					 WA_ERR_ARGUMENT);
	arena_free(&arena);

	/* whatever cannot be had */
	for (size_t fail = 1;; fail++)
	{
		WaStatus status;

		test_env_init(&env);
		env.fail_at = fail;
		arena_init(&arena, test_env(&env), 1 << 16);
		status = media_retry_seal(&arena, what.key, str_from("MSG1"), iv, &payload);
		arena_free(&arena);
		assert_int_equal(env.live, 0);
		if (status == WA_OK)
			break;
		assert_int_equal(status, WA_ERR_NOMEM);
	}
}

/* RFC 4231 test case 2 has a shorter key; HMAC pads keys with zeroes. */
static void
streams_equal_the_whole(void **state)
{
	uint8_t mac_key[32] = "Jefe";
	uint8_t one[32];
	uint8_t two[32];
	WaHmac *hmac = crypto_hmac_new(mac_key);
	WaSha256 *hash = crypto_sha256_new();
	WaCbc *cbc;

	(void) state;
	assert_non_null(hmac);
	assert_non_null(hash);
	assert_int_equal(crypto_hmac_update(hmac, "what do ya want ", 16), WA_OK);
	assert_int_equal(crypto_hmac_update(hmac, "for nothing?", 12), WA_OK);
	assert_int_equal(crypto_hmac_final(hmac, one), WA_OK);
	check_hex(one, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	crypto_hmac_free(hmac);
	assert_int_equal(crypto_sha256_update(hash, "ab", 2), WA_OK);
	assert_int_equal(crypto_sha256_update(hash, "c", 1), WA_OK);
	assert_int_equal(crypto_sha256_final(hash, one), WA_OK);
	assert_int_equal(crypto_sha256("abc", 3, two), WA_OK);
	assert_memory_equal(one, two, 32);
	crypto_sha256_free(hash);
	cbc = crypto_cbc_new(mac_key, mac_key);
	assert_non_null(cbc);
	assert_int_equal(crypto_cbc_decrypt(cbc, "short", 5, one), WA_ERR_ARGUMENT);
	crypto_cbc_free(cbc);
	crypto_sha256_free(NULL);
	crypto_hmac_free(NULL);
	crypto_cbc_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_in_pieces_of_any_size),
		cmocka_unit_test(a_host_that_lies),
		cmocka_unit_test(limits),
		cmocka_unit_test(files_without_key),
		cmocka_unit_test(the_way_to_the_host),
		cmocka_unit_test(uploaded_again),
		cmocka_unit_test(asking_for_an_upload),
		cmocka_unit_test(streams_equal_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
