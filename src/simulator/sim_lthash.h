/*
 * sim_lthash.h
 *		The cryptography of app state: keys, MACs, and the hash over a
 *		collection.  Sheet 2 section 8.3.
 *
 * On purpose not the client's code.
 */
#ifndef SIM_LTHASH_H
#define SIM_LTHASH_H

#include "sim.h"

#define SIM_LTHASH_LEN 128

/* What a key of app state is expanded to. */
typedef struct SimAppKeys
{
	uint8_t index[32];
	uint8_t cipher[32];
	uint8_t value_mac[32];
	uint8_t snapshot_mac[32];
	uint8_t patch_mac[32];
} SimAppKeys;

extern void sim_lthash_keys(const uint8_t key[32], SimAppKeys *out);
extern void sim_lthash_add(uint8_t hash[SIM_LTHASH_LEN], const uint8_t value_mac[32]);
extern void sim_lthash_subtract(uint8_t hash[SIM_LTHASH_LEN], const uint8_t value_mac[32]);
extern void sim_lthash_index_mac(const SimAppKeys *keys, WaStr index, uint8_t out[32]);
/* sealed is IV and ciphertext. */
extern void sim_lthash_value_mac(const SimAppKeys *keys, bool remove, WaStr key_id, WaStr sealed,
								 uint8_t out[32]);
extern void sim_lthash_snapshot_mac(const SimAppKeys *keys, const uint8_t hash[SIM_LTHASH_LEN],
									uint64_t version, const char *collection, uint8_t out[32]);
/* value_macs: 32 bytes of each mutation, in order. */
extern void sim_lthash_patch_mac(const SimAppKeys *keys, const uint8_t snapshot_mac[32],
								 WaStr value_macs, uint64_t version, const char *collection,
								 uint8_t out[32]);

#endif /* SIM_LTHASH_H */
