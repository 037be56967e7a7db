/*
 * sim_lthash.c
 *		The cryptography of app state: keys, MACs, and LTHash.
 *
 * LTHash is 64 little-endian numbers of 16 bits, to which those that a record
 * expands to are added, or subtracted when the record goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_lthash.h"

static void
must(WaStatus status)
{
	if (status == WA_OK)
		return;
	fputs("wa_simulator: a hash of app state failed\n", stderr);
	exit(1);
}

void
sim_lthash_keys(const uint8_t key[32], SimAppKeys *out)
{
	static const char info[] = "WhatsApp Mutation Keys";
	uint8_t bytes[160];

	must(crypto_hkdf_sha256(key, 32, NULL, 0, info, sizeof(info) - 1, bytes, sizeof(bytes)));
	memcpy(out->index, bytes, 32);
	memcpy(out->cipher, bytes + 32, 32);
	memcpy(out->value_mac, bytes + 64, 32);
	memcpy(out->snapshot_mac, bytes + 96, 32);
	memcpy(out->patch_mac, bytes + 128, 32);
}

static void
change(uint8_t hash[SIM_LTHASH_LEN], const uint8_t value_mac[32], bool subtract)
{
	static const char info[] = "WhatsApp Patch Integrity";
	uint8_t bytes[SIM_LTHASH_LEN];

	must(crypto_hkdf_sha256(value_mac, 32, NULL, 0, info, sizeof(info) - 1, bytes, sizeof(bytes)));
	for (int i = 0; i < SIM_LTHASH_LEN; i += 2)
	{
		unsigned a = hash[i] | (unsigned) hash[i + 1] << 8;
		unsigned b = bytes[i] | (unsigned) bytes[i + 1] << 8;

		a = subtract ? a - b : a + b;
		hash[i] = (uint8_t) a;
		hash[i + 1] = (uint8_t) (a >> 8);
	}
}

void
sim_lthash_add(uint8_t hash[SIM_LTHASH_LEN], const uint8_t value_mac[32])
{
	change(hash, value_mac, false);
}

void
sim_lthash_subtract(uint8_t hash[SIM_LTHASH_LEN], const uint8_t value_mac[32])
{
	change(hash, value_mac, true);
}

static void
append(WaBuf *out, const void *data, size_t len)
{
	must(buf_append(out, data, len));
}

static void
append_number(WaBuf *out, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) (value >> (56 - 8 * i));
	append(out, bytes, sizeof(bytes));
}

static void
start(WaBuf *out)
{
	buf_init(out, sim.env, (size_t) 64 << 20);
}

static void
finish(WaBuf *text, const uint8_t key[32], uint8_t out[32])
{
	must(crypto_hmac_sha256(key, 32, buf_data(text), buf_len(text), out));
	buf_free(text);
}

void
sim_lthash_index_mac(const SimAppKeys *keys, WaStr index, uint8_t out[32])
{
	must(crypto_hmac_sha256(keys->index, 32, index.data, index.len, out));
}

void
sim_lthash_value_mac(const SimAppKeys *keys, bool remove, WaStr key_id, WaStr sealed,
					 uint8_t out[32])
{
	const uint8_t operation = remove ? 2 : 1;
	uint8_t mac[64];
	WaBuf text;

	start(&text);
	append(&text, &operation, 1);
	append(&text, key_id.data, key_id.len);
	append(&text, sealed.data, sealed.len);
	append_number(&text, key_id.len + 1);
	must(crypto_hmac_sha512(keys->value_mac, 32, buf_data(&text), buf_len(&text), mac));
	buf_free(&text);
	memcpy(out, mac, 32);
}

void
sim_lthash_snapshot_mac(const SimAppKeys *keys, const uint8_t hash[SIM_LTHASH_LEN],
						uint64_t version, const char *collection, uint8_t out[32])
{
	WaBuf text;

	start(&text);
	append(&text, hash, SIM_LTHASH_LEN);
	append_number(&text, version);
	append(&text, collection, strlen(collection));
	finish(&text, keys->snapshot_mac, out);
}

void
sim_lthash_patch_mac(const SimAppKeys *keys, const uint8_t snapshot_mac[32], WaStr value_macs,
					 uint64_t version, const char *collection, uint8_t out[32])
{
	WaBuf text;

	start(&text);
	append(&text, snapshot_mac, 32);
	append(&text, value_macs.data, value_macs.len);
	append_number(&text, version);
	append(&text, collection, strlen(collection));
	finish(&text, keys->patch_mac, out);
}
