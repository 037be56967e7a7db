/*
 * pair_code.c
 *		Linking with a phone number: a code of eight characters that the person
 *		types on the phone takes the place of the scanned QR.  Sheet 1 section 6.
 *
 * The code encrypts each side's ephemeral key, so that only who knows it can
 * agree on the ADV secret.
 */
#include "pairing.h"

#include <string.h>

#define PAIR_CODE_SALT_LEN 32
#define PAIR_CODE_IV_LEN 16
#define PAIR_CODE_WRAPPED_LEN (PAIR_CODE_SALT_LEN + PAIR_CODE_IV_LEN + CRYPTO_KEY_LEN)
#define PAIR_CODE_ITERATIONS 131072
#define PAIR_CODE_GCM_IV_LEN 12
#define PAIR_CODE_PLAIN_LEN (3 * CRYPTO_KEY_LEN)
#define PAIR_CODE_BUNDLE_LEN                                                                       \
	(PAIR_CODE_SALT_LEN + PAIR_CODE_GCM_IV_LEN + PAIR_CODE_PLAIN_LEN + CRYPTO_TAG_LEN)

static const char pair_code_bundle_info[] = "link_code_pairing_key_bundle_encryption_key";
static const char pair_code_secret_info[] = "adv_secret";

WaStatus
pairing_check_phone(const char *phone)
{
	size_t len = phone != NULL ? strlen(phone) : 0;

	if (len < 7 || len > 15 || phone[0] == '0' || strspn(phone, "0123456789") != len)
		return WA_ERR_ARGUMENT;
	return WA_OK;
}

void
pairing_code_text(const uint8_t random5[5], char out[PAIRING_CODE_LEN + 1])
{
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";
	uint64_t bits = 0;

	for (int i = 0; i < 5; i++)
		bits = bits << 8 | random5[i];
	for (int i = 0; i < PAIRING_CODE_LEN; i++)
		out[i] = alphabet[bits >> (35 - 5 * i) & 31];
	out[PAIRING_CODE_LEN] = '\0';
}

static WaStatus
pair_code_key(const char *code, const uint8_t *salt, uint8_t key[32])
{
	return crypto_pbkdf2_sha256(code, PAIRING_CODE_LEN, salt, PAIR_CODE_SALT_LEN,
								PAIR_CODE_ITERATIONS, key, 32);
}

/* <iq><link_code_companion_reg jid stage> to the server. */
static WaNode *
pair_code_iq(WaArena *arena, const char *phone, const char *stage, WaNode **reg)
{
	WaNode *iq = node_new(arena, "iq");

	node_set_jid(iq, "to", str_from("s.whatsapp.net"));
	node_set(iq, "type", "set");
	node_set(iq, "xmlns", "md");
	*reg = node_add(iq, "link_code_companion_reg");
	node_set_jid(*reg, "jid", arena_printf(arena, "%s@s.whatsapp.net", phone));
	node_set(*reg, "stage", stage);
	return iq;
}

WaStatus
pairing_code_start(const WaEnv *env, WaArena *arena, const WaDevice *device, const char *phone,
				   WaPairCode *state, WaNode **iq)
{
	uint8_t random5[5];
	uint8_t wrapped[PAIR_CODE_WRAPPED_LEN];
	uint8_t key[32];
	const uint8_t nonce = 0;
	WaNode *reg;
	WaStatus status;

	*iq = NULL;
	memset(state, 0, sizeof(*state));
	status = pairing_check_phone(phone);
	if (status != WA_OK)
		return status;
	memcpy(state->phone, phone, strlen(phone));

	status = crypto_random(env, random5, sizeof(random5));
	if (status == WA_OK)
		status = crypto_random(env, wrapped, PAIR_CODE_SALT_LEN + PAIR_CODE_IV_LEN);
	if (status == WA_OK)
		status = crypto_keypair_generate(env, &state->ephemeral);
	if (status == WA_OK)
	{
		pairing_code_text(random5, state->code);
		status = pair_code_key(state->code, wrapped, key);
	}
	if (status == WA_OK)
		status = crypto_aes256_ctr(key, wrapped + PAIR_CODE_SALT_LEN, state->ephemeral.public_key,
								   CRYPTO_KEY_LEN, wrapped + PAIR_CODE_SALT_LEN + PAIR_CODE_IV_LEN);
	crypto_wipe(random5, sizeof(random5));
	crypto_wipe(key, sizeof(key));
	if (status != WA_OK)
	{
		crypto_wipe(state, sizeof(*state));
		return status;
	}

	*iq = pair_code_iq(arena, phone, "companion_hello", &reg);
	node_set(reg, "should_show_push_notification", "true");
	node_set_bytes(node_add(reg, "link_code_pairing_wrapped_companion_ephemeral_pub"), wrapped,
				   sizeof(wrapped));
	node_set_bytes(node_add(reg, "companion_server_auth_key_pub"), device->noise.public_key,
				   CRYPTO_KEY_LEN);
	node_set_text(node_add(reg, "companion_platform_id"), "1");
	/* other forms than "Browser (OS)" are refused with 400 */
	node_set_text(node_add(reg, "companion_platform_display"), "Chrome (Linux)");
	node_set_bytes(node_add(reg, "link_code_pairing_nonce"), &nonce, 1);
	return arena->failed ? WA_ERR_NOMEM : WA_OK;
}

/* The secrets of one finish, wiped together. */
typedef struct PairCodeSecrets
{
	uint8_t key[32];
	uint8_t shared[3 * CRYPTO_KEY_LEN]; /* ephemeral, identity, random */
	uint8_t bundle_key[32];
	uint8_t plain[PAIR_CODE_PLAIN_LEN];
} PairCodeSecrets;

/* Steps 2 to 7 of section 6.2. */
static WaStatus
pair_code_derive(const WaEnv *env, const WaPairCode *state, const WaDevice *device,
				 const uint8_t *wrapped, const uint8_t *primary_identity, PairCodeSecrets *secrets,
				 uint8_t bundle[PAIR_CODE_BUNDLE_LEN], uint8_t adv_secret[32])
{
	uint8_t primary_ephemeral[CRYPTO_KEY_LEN];
	uint8_t *salt = bundle;
	uint8_t *iv = bundle + PAIR_CODE_SALT_LEN;
	uint8_t *adv_random = secrets->shared + 2 * CRYPTO_KEY_LEN;
	WaStatus status;

	status = pair_code_key(state->code, wrapped, secrets->key);
	if (status == WA_OK)
		status = crypto_aes256_ctr(secrets->key, wrapped + PAIR_CODE_SALT_LEN,
								   wrapped + PAIR_CODE_SALT_LEN + PAIR_CODE_IV_LEN, CRYPTO_KEY_LEN,
								   primary_ephemeral);
	if (status == WA_OK)
		status = crypto_x25519(state->ephemeral.private_key, primary_ephemeral, secrets->shared);
	if (status == WA_OK)
		status = crypto_x25519(device->identity.private_key, primary_identity,
							   secrets->shared + CRYPTO_KEY_LEN);
	if (status == WA_OK)
		status = crypto_random(env, salt, PAIR_CODE_SALT_LEN);
	if (status == WA_OK)
		status = crypto_hkdf_sha256(secrets->shared, CRYPTO_KEY_LEN, salt, PAIR_CODE_SALT_LEN,
									pair_code_bundle_info, sizeof(pair_code_bundle_info) - 1,
									secrets->bundle_key, sizeof(secrets->bundle_key));
	if (status == WA_OK)
		status = crypto_random(env, adv_random, CRYPTO_KEY_LEN);
	if (status == WA_OK)
		status = crypto_random(env, iv, PAIR_CODE_GCM_IV_LEN);
	if (status != WA_OK)
		return status;

	memcpy(secrets->plain, device->identity.public_key, CRYPTO_KEY_LEN);
	memcpy(secrets->plain + CRYPTO_KEY_LEN, primary_identity, CRYPTO_KEY_LEN);
	memcpy(secrets->plain + 2 * CRYPTO_KEY_LEN, adv_random, CRYPTO_KEY_LEN);
	status = crypto_aes256_gcm_encrypt(secrets->bundle_key, iv, NULL, 0, secrets->plain,
									   sizeof(secrets->plain), iv + PAIR_CODE_GCM_IV_LEN);
	if (status == WA_OK)
		status = crypto_hkdf_sha256(secrets->shared, sizeof(secrets->shared), NULL, 0,
									pair_code_secret_info, sizeof(pair_code_secret_info) - 1,
									adv_secret, 32);
	return status;
}

WaStatus
pairing_code_finish(const WaEnv *env, WaArena *arena, const WaNode *notification, WaPairCode *state,
					WaDevice *device, WaNode **iq)
{
	const WaNode *hello = node_child(notification, "link_code_companion_reg");
	const WaNode *ref;
	const WaNode *wrapped;
	const WaNode *identity;
	PairCodeSecrets secrets;
	uint8_t bundle[PAIR_CODE_BUNDLE_LEN];
	uint8_t adv_secret[32];
	WaNode *reg;
	WaStatus status;

	*iq = NULL;
	if (hello == NULL)
		return WA_ERR_MALFORMED;
	ref = node_child(hello, "link_code_pairing_ref");
	wrapped = node_child(hello, "link_code_pairing_wrapped_primary_ephemeral_pub");
	identity = node_child(hello, "primary_identity_pub");
	if (ref == NULL || wrapped == NULL || identity == NULL ||
		wrapped->bytes.len != PAIR_CODE_WRAPPED_LEN || identity->bytes.len != CRYPTO_KEY_LEN)
		return WA_ERR_MALFORMED;
	if (state->ref_len == 0 || ref->bytes.len != state->ref_len ||
		memcmp(ref->bytes.data, state->ref, state->ref_len) != 0)
		return WA_ERR_STATE;
	/* each answer is a guess at the code: bound them */
	if (++state->hellos > PAIRING_CODE_HELLOS)
		return WA_ERR_STATE;

	status = pair_code_derive(env, state, device, (const uint8_t *) wrapped->bytes.data,
							  (const uint8_t *) identity->bytes.data, &secrets, bundle, adv_secret);
	if (status == WA_OK)
	{
		*iq = pair_code_iq(arena, state->phone, "companion_finish", &reg);
		node_set_bytes(node_add(reg, "link_code_pairing_wrapped_key_bundle"), bundle,
					   sizeof(bundle));
		node_set_bytes(node_add(reg, "companion_identity_public"), device->identity.public_key,
					   CRYPTO_KEY_LEN);
		node_set_bytes(node_add(reg, "link_code_pairing_ref"), state->ref, state->ref_len);
		if (arena->failed)
		{
			*iq = NULL;
			status = WA_ERR_NOMEM;
		}
		else
			memcpy(device->adv_secret, adv_secret, sizeof(device->adv_secret));
	}
	crypto_wipe(&secrets, sizeof(secrets));
	crypto_wipe(adv_secret, sizeof(adv_secret));
	return status;
}
