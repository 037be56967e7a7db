/*
 * test_pairing.c
 *		The cryptography of linking against vectors from outside, and every
 *		proof that may be missing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/protocol/pairing.h"
#include "../../src/protocol/prekey.h"
#include "../vectors/pairing_vectors.h"
#include "check.h"
#include "stanza.h"

#define MEMORY (4 << 20)

static TestEnv env;
static WaArena arena;
static WaDevice device;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	return device_create(test_env(&env), &device) == WA_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	return env.live == 0 ? 0 : -1;
}

static void
hex_key(const char *hex, uint8_t out[32])
{
	assert_int_equal(test_hex(hex, out, 32), 32);
}

/* The device of the vectors. */
static void
use_vector_device(void)
{
	uint8_t private_key[32];

	hex_key(PAIRING_IDENTITY_PRIV, private_key);
	assert_int_equal(crypto_keypair_from_private(private_key, &device.identity), WA_OK);
	check_hex(device.identity.public_key, 32, PAIRING_IDENTITY_PUB);
	hex_key(PAIRING_ADV_SECRET, device.adv_secret);
}

/* ---- QR ---- */

static void
writes_the_qr(void **state)
{
	const char *first = strchr(PAIRING_QR, ',') + 1;
	size_t len = 32;

	(void) state;
	use_vector_device();
	assert_int_equal(crypto_base64_decode(first, 44, device.noise.public_key, &len), WA_OK);
	check_str(pairing_qr(&arena, &device, str_from("2@EXAMPLEREF")), PAIRING_QR);
}

/* ---- pair-success ---- */

/* The vector's blob with one byte changed at this place, -1 none. */
static WaNode *
vector_success(int wrong_at, const char *names)
{
	uint8_t blob[1024];
	size_t len = test_hex(PAIRING_DEVICE_IDENTITY_HMAC_MSG, blob, sizeof(blob));
	WaStr xml = arena_printf(&arena,
							 "<iq from=\"s.whatsapp.net\" id=\"Y\" type=\"set\" xmlns=\"md\">"
							 "<pair-success>%s</pair-success></iq>",
							 names);
	WaNode *iq = stanza(&arena, xml.data);

	if (wrong_at >= 0)
		blob[wrong_at] ^= 1;
	node_set_bytes(node_add(node_child(iq, "pair-success"), "device-identity"), blob, len);
	return iq;
}

#define NAMES                                                                                      \
	"<biz name=\"Shop\"/><unheard/><platform name=\"smba\"/>"                                      \
	"<device jid=\"5511999000111:12@s.whatsapp.net\" lid=\"123456:12@lid\"/>"

static void
accepts_the_vector(void **state)
{
	uint8_t random64[64];
	WaNode *reply;
	const char *why;
	const WaNode *identity;

	(void) state;
	use_vector_device();
	env.script_len = test_hex(PAIRING_DEVICE_SIG_RANDOM64, random64, sizeof(random64));
	env.script = random64;
	assert_int_equal(
		pairing_accept(test_env(&env), &arena, vector_success(-1, NAMES), &device, &reply, &why),
		WA_OK);
	assert_null(why);
	check_str(node_attr(reply, "id"), "Y");
	check_str(node_attr(reply, "type"), "result");
	identity = node_child(node_child(reply, "pair-device-sign"), "device-identity");
	check_str(node_attr(identity, "key-index"), PAIRING_KEY_INDEX);
	check_hex(identity->bytes.data, identity->bytes.len, PAIRING_REPLY_DEVICE_IDENTITY);

	assert_string_equal(device.jid, "5511999000111:12@s.whatsapp.net");
	assert_string_equal(device.lid, "123456:12@lid");
	assert_string_equal(device.platform, "smba");
	assert_string_equal(device.business_name, "Shop");
	/* what is kept has the key that is left out of the answer, too */
	assert_int_equal(device.account_len, identity->bytes.len + 34);
}

static void
refuse(const WaNode *iq, WaStatus expected, const char *expected_why, const char *code)
{
	WaDevice before = device;
	WaNode *reply;
	const char *why;

	assert_int_equal(pairing_accept(test_env(&env), &arena, iq, &device, &reply, &why), expected);
	assert_string_equal(why, expected_why);
	assert_memory_equal(&before, &device, sizeof(before));
	check_str(node_attr(reply, "type"), "error");
	check_str(node_attr(reply, "id"), "Y");
	check_str(node_attr(node_child(reply, "error"), "code"), code);
	check_str(node_attr(node_child(reply, "error"), "text"), expected_why);
}

static void
refuses_every_changed_byte(void **state)
{
	size_t len = strlen(PAIRING_DEVICE_IDENTITY_HMAC_MSG) / 2;

	(void) state;
	use_vector_device();
	for (size_t i = 0; i < len; i++)
	{
		WaDevice before = device;
		WaNode *reply;
		const char *why;

		assert_int_not_equal(pairing_accept(test_env(&env), &arena, vector_success((int) i, NAMES),
											&device, &reply, &why),
							 WA_OK);
		assert_non_null(why);
		assert_memory_equal(&before, &device, sizeof(before));
	}
}

static void
refuses_what_does_not_fit(void **state)
{
	(void) state;
	use_vector_device();
	refuse(stanza(&arena, "<iq id=\"Y\"><pair-success/></iq>"), WA_ERR_MALFORMED, "internal-error",
		   "500");
	refuse(stanza(&arena, "<iq id=\"Y\"/>"), WA_ERR_MALFORMED, "internal-error", "500");
	refuse(stanza(&arena, "<iq id=\"Y\"><pair-success><device-identity/></pair-success></iq>"),
		   WA_ERR_SIGNATURE, "hmac-mismatch", "401");
	/* proven, but without a usable name */
	refuse(vector_success(-1, ""), WA_ERR_MALFORMED, "internal-error", "500");
	refuse(vector_success(-1, "<device/>"), WA_ERR_MALFORMED, "internal-error", "500");
	refuse(vector_success(-1, "<device jid=\"1@g.us\"/>"), WA_ERR_MALFORMED, "internal-error",
		   "500");
	refuse(vector_success(-1, "<device jid=\"1:2@s.whatsapp.net\" lid=\"3@g.us\"/>"),
		   WA_ERR_MALFORMED, "internal-error", "500");
	refuse(vector_success(-1, "<device jid=\"11111111111111111111111111111111111111111111111111:2@"
							  "s.whatsapp.net\"/>"),
		   WA_ERR_LIMIT, "internal-error", "500");
	/* another secret, another identity */
	device.adv_secret[0] ^= 1;
	refuse(vector_success(-1, NAMES), WA_ERR_SIGNATURE, "hmac-mismatch", "401");
	device.adv_secret[0] ^= 1;
	device.identity.public_key[0] ^= 1;
	refuse(vector_success(-1, NAMES), WA_ERR_SIGNATURE, "signature-mismatch", "401");
}

static void
does_without_lid_and_names(void **state)
{
	WaNode *reply;
	const char *why;

	(void) state;
	use_vector_device();
	snprintf(device.business_name, sizeof(device.business_name), "of an old link");
	assert_int_equal(
		pairing_accept(test_env(&env), &arena,
					   vector_success(-1, "<device jid=\"5511999000111:1@s.whatsapp.net\"/>"),
					   &device, &reply, &why),
		WA_OK);
	assert_string_equal(device.lid, "");
	assert_string_equal(device.platform, "");
	assert_string_equal(device.business_name, "");
}

static void
survives_failed_allocations(void **state)
{
	(void) state;
	use_vector_device();
	for (size_t n = 1;; n++)
	{
		WaDevice copy = device;
		WaNode *iq = vector_success(-1, NAMES);
		WaArena work;
		WaNode *reply;
		const char *why;
		WaStatus status;

		arena_init(&work, test_env(&env), MEMORY);
		env.allocations = 0;
		env.fail_at = n;
		status = pairing_accept(test_env(&env), &work, iq, &copy, &reply, &why);
		env.fail_at = 0;
		arena_free(&work);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			return;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
		assert_memory_equal(&copy, &device, sizeof(copy));
	}
}

/* ---- pairing code ---- */

static void
spells_codes(void **state)
{
	static const struct
	{
		uint8_t random[5];
		const char *code;
	} cases[] = {
		{{0, 0, 0, 0, 0}, "11111111"},
		{{0xff, 0xff, 0xff, 0xff, 0xff}, "ZZZZZZZZ"},
		{{0x01, 0x23, 0x45, 0x67, 0x89}, "15JMBSWA"},
	};
	char code[PAIRING_CODE_LEN + 1];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		pairing_code_text(cases[i].random, code);
		assert_string_equal(code, cases[i].code);
	}
}

static const WaNode *
registration(const WaNode *iq, const char *stage)
{
	const WaNode *reg = node_child(iq, "link_code_companion_reg");

	check_str(node_attr(iq, "to"), "s.whatsapp.net");
	check_str(node_attr(iq, "type"), "set");
	check_str(node_attr(iq, "xmlns"), "md");
	check_str(node_attr(reg, "jid"), "5511999000111@s.whatsapp.net");
	check_str(node_attr(reg, "stage"), stage);
	return reg;
}

static void
check_child(const WaNode *parent, const char *tag, const char *hex)
{
	const WaNode *child = node_child(parent, tag);

	assert_non_null(child);
	check_hex(child->bytes.data, child->bytes.len, hex);
}

static void
start_vector_code(WaPairCode *code)
{
	uint8_t script[5 + 32 + 16 + 32];
	size_t len = 0;
	const WaNode *reg;
	WaNode *iq;

	use_vector_device();
	len += test_hex(PAIR_CODE_RANDOM5, script, sizeof(script));
	len += test_hex(PAIR_CODE_SALT, script + len, sizeof(script) - len);
	len += test_hex(PAIR_CODE_IV, script + len, sizeof(script) - len);
	len += test_hex(PAIR_CODE_COMPANION_EPH_PRIV, script + len, sizeof(script) - len);
	env.script = script;
	env.script_len = len;
	assert_int_equal(
		pairing_code_start(test_env(&env), &arena, &device, "5511999000111", code, &iq), WA_OK);
	assert_int_equal(env.script_len, 0);
	assert_string_equal(code->code, PAIR_CODE_CODE);
	check_hex(code->ephemeral.public_key, 32, PAIR_CODE_COMPANION_EPH_PUB);
	reg = registration(iq, "companion_hello");
	check_child(reg, "link_code_pairing_wrapped_companion_ephemeral_pub",
				PAIR_CODE_WRAPPED_COMPANION_EPH);
	assert_memory_equal(node_child(reg, "companion_server_auth_key_pub")->bytes.data,
						device.noise.public_key, 32);
	check_child(reg, "link_code_pairing_nonce", "00");
	check_child(reg, "companion_platform_id", "31");
}

/* What the phone sends: its ephemeral key under the code. */
static WaNode *
primary_hello(const char *ref)
{
	uint8_t wrapped[80];
	uint8_t key[32];
	uint8_t ephemeral[32];
	uint8_t identity[32];
	WaNode *notification = node_new(&arena, "notification");
	WaNode *reg = node_add(notification, "link_code_companion_reg");

	memset(wrapped, 0x42, 48);
	hex_key(PAIR_CODE_PRIMARY_EPH_PUB, ephemeral);
	hex_key(PAIR_CODE_PRIMARY_IDENTITY_PUB, identity);
	assert_int_equal(crypto_pbkdf2_sha256(PAIR_CODE_CODE, 8, wrapped, 32, 131072, key, 32), WA_OK);
	assert_int_equal(crypto_aes256_ctr(key, wrapped + 32, ephemeral, 32, wrapped + 48), WA_OK);
	node_set(reg, "stage", "primary_hello");
	node_set_text(node_add(reg, "link_code_pairing_ref"), ref);
	node_set_bytes(node_add(reg, "link_code_pairing_wrapped_primary_ephemeral_pub"), wrapped, 80);
	node_set_bytes(node_add(reg, "primary_identity_pub"), identity, 32);
	return notification;
}

static void
finishes_the_vector(void **state)
{
	uint8_t script[32 + 32 + 12];
	size_t len = 0;
	WaPairCode code;
	const WaNode *reg;
	WaNode *iq;

	(void) state;
	start_vector_code(&code);
	memcpy(code.ref, "REF", 3);
	code.ref_len = 3;
	len += test_hex(PAIR_CODE_BUNDLE_HKDF_SALT, script, sizeof(script));
	len += test_hex(PAIR_CODE_RANDOM32, script + len, sizeof(script) - len);
	len += test_hex(PAIR_CODE_GCM_IV, script + len, sizeof(script) - len);
	env.script = script;
	env.script_len = len;
	assert_int_equal(
		pairing_code_finish(test_env(&env), &arena, primary_hello("REF"), &code, &device, &iq),
		WA_OK);
	assert_int_equal(env.script_len, 0);
	reg = registration(iq, "companion_finish");
	check_child(reg, "link_code_pairing_wrapped_key_bundle", PAIR_CODE_WRAPPED_KEY_BUNDLE);
	check_child(reg, "companion_identity_public", PAIRING_IDENTITY_PUB);
	check_child(reg, "link_code_pairing_ref", "524546");
	check_hex(device.adv_secret, 32, PAIR_CODE_ADV_SECRET);
}

static void
refuses_wrong_hellos(void **state)
{
	static const uint8_t zeroes[32];
	WaPairCode code;
	WaDevice before;
	WaNode *iq;
	WaNode *hello;

	(void) state;
	start_vector_code(&code);
	before = device;
	/* before the server has answered there is no ref that could match */
	assert_int_equal(
		pairing_code_finish(test_env(&env), &arena, primary_hello("REF"), &code, &device, &iq),
		WA_ERR_STATE);
	memcpy(code.ref, "REF", 3);
	code.ref_len = 3;
	assert_int_equal(
		pairing_code_finish(test_env(&env), &arena, primary_hello("OTHER"), &code, &device, &iq),
		WA_ERR_STATE);
	assert_int_equal(pairing_code_finish(test_env(&env), &arena, stanza(&arena, "<notification/>"),
										 &code, &device, &iq),
					 WA_ERR_MALFORMED);
	assert_int_equal(code.hellos, 0);
	/* a key that makes every secret zero */
	hello = primary_hello("REF");
	node_set_bytes(node_child(node_child(hello, "link_code_companion_reg"), "primary_identity_pub"),
				   zeroes, 32);
	assert_int_equal(pairing_code_finish(test_env(&env), &arena, hello, &code, &device, &iq),
					 WA_ERR_CRYPTO);
	assert_null(iq);
	assert_memory_equal(&before, &device, sizeof(before));
	assert_int_equal(code.hellos, 1);
}

static void
reports_no_randomness(void **state)
{
	WaPairCode code;
	WaNode *iq;

	(void) state;
	env.fail_random = true;
	assert_int_equal(
		pairing_code_start(test_env(&env), &arena, &device, "5511999000111", &code, &iq),
		WA_ERR_RANDOM);
	assert_null(iq);
	env.fail_random = false;
}

/* ---- prekeys ---- */

static void
numbers_prekeys(void **state)
{
	WaPrekey keys[5];

	(void) state;
	device.next_prekey_id = 0;
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 5), WA_OK);
	assert_int_equal(keys[0].id, 1);
	assert_int_equal(keys[4].id, 5);
	assert_int_equal(device.next_prekey_id, 6);
	assert_memory_not_equal(keys[0].pair.public_key, keys[1].pair.public_key, 32);
	/* the last ids, then from the front; no batch crosses the end */
	device.next_prekey_id = PREKEY_MAX_ID - 4;
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 5), WA_OK);
	assert_int_equal(keys[4].id, PREKEY_MAX_ID);
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 5), WA_OK);
	assert_int_equal(keys[0].id, 1);
	device.next_prekey_id = PREKEY_MAX_ID - 3;
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 5), WA_OK);
	assert_int_equal(keys[0].id, 1);

	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 0), WA_ERR_ARGUMENT);
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 813), WA_ERR_ARGUMENT);
	env.fail_random = true;
	device.next_prekey_id = 77;
	assert_int_equal(prekey_generate(test_env(&env), &device, keys, 5), WA_ERR_RANDOM);
	assert_int_equal(device.next_prekey_id, 77);
}

static void
writes_an_upload(void **state)
{
	uint8_t publics[2][CRYPTO_KEY_LEN] = {{1}, {2}};
	const WaNode *iq;
	const WaNode *key;

	(void) state;
	device.registration_id = 0x123;
	device.signed_prekey.id = 1;
	iq = prekey_upload(&arena, &device, 0x010203, publics, 2);
	check_child(iq, "registration", "00000123");
	check_child(iq, "type", "05");
	assert_memory_equal(node_child(iq, "identity")->bytes.data, device.identity.public_key, 32);
	key = node_child(node_child(iq, "list"), "key");
	check_child(key, "id", "010203");
	key = node_child_next(key, "key");
	check_child(key, "id", "010204");
	assert_memory_equal(node_child(key, "value")->bytes.data, publics[1], 32);
	assert_null(node_child_next(key, "key"));
	check_child(node_child(iq, "skey"), "id", "000001");
	assert_memory_equal(node_child(node_child(iq, "skey"), "signature")->bytes.data,
						device.signed_prekey_signature, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_the_qr, setup, teardown),
		cmocka_unit_test_setup_teardown(accepts_the_vector, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_every_changed_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_does_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(does_without_lid_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_failed_allocations, setup, teardown),
		cmocka_unit_test_setup_teardown(spells_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(finishes_the_vector, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_hellos, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_no_randomness, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_prekeys, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_an_upload, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
