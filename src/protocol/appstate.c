/*
 * appstate.c
 *		App state: keys, MACs, the hash, and how a snapshot or a patch makes the
 *		next state of a collection.  Sheet 2 section 8.3.
 */
#include "appstate.h"

#include "crypto.h"

#include <string.h>

#define LANES (APPSTATE_HASH_LEN / 2) /* 16-bit sums */

/* ---- keys and MACs ---- */

WaStatus
appstate_keys(const uint8_t key[APPSTATE_KEY_LEN], WaAppKeys *out)
{
	static const char info[] = "WhatsApp Mutation Keys";
	uint8_t expanded[160];
	WaStatus status = crypto_hkdf_sha256(key, APPSTATE_KEY_LEN, NULL, 0, info, sizeof(info) - 1,
										 expanded, sizeof(expanded));

	if (status == WA_OK)
	{
		memcpy(out->index_mac, expanded, 32);
		memcpy(out->cipher, expanded + 32, 32);
		memcpy(out->value_mac, expanded + 64, 32);
		memcpy(out->snapshot_mac, expanded + 96, 32);
		memcpy(out->patch_mac, expanded + 128, 32);
	}
	crypto_wipe(expanded, sizeof(expanded));
	return status;
}

WaStatus
appstate_index_mac(const WaAppKeys *keys, WaStr index, uint8_t out[APPSTATE_MAC_LEN])
{
	return crypto_hmac_sha256(keys->index_mac, sizeof(keys->index_mac), index.data, index.len, out);
}

static void
put_be64(uint8_t out[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t) (value >> (56 - 8 * i));
}

WaStatus
appstate_value_mac(WaArena *arena, const WaAppKeys *keys, WaAppOperation operation, WaStr key_id,
				   WaStr cipher, uint8_t out[APPSTATE_MAC_LEN])
{
	size_t len = 1 + key_id.len + cipher.len + 8;
	uint8_t *signed_bytes = arena_alloc(arena, len);
	uint8_t mac[64];
	WaStatus status;

	if (signed_bytes == NULL)
		return arena->status;
	signed_bytes[0] = operation == APPSTATE_SET ? 1 : 2;
	memcpy(signed_bytes + 1, key_id.data, key_id.len);
	memcpy(signed_bytes + 1 + key_id.len, cipher.data, cipher.len);
	put_be64(signed_bytes + len - 8, key_id.len + 1);
	status = crypto_hmac_sha512(keys->value_mac, sizeof(keys->value_mac), signed_bytes, len, mac);
	if (status == WA_OK)
		memcpy(out, mac, APPSTATE_MAC_LEN);
	return status;
}

/* HMAC of some MACs, a version and the collection's name. */
static WaStatus
sign(const uint8_t key[32], const uint8_t *first, size_t first_len, const uint8_t *const *macs,
	 size_t n, uint64_t version, WaStr collection, uint8_t out[APPSTATE_MAC_LEN])
{
	WaHmac *hmac = crypto_hmac_new(key);
	uint8_t number[8];
	WaStatus status;

	if (hmac == NULL)
		return WA_ERR_NOMEM;
	put_be64(number, version);
	status = crypto_hmac_update(hmac, first, first_len);
	for (size_t i = 0; status == WA_OK && i < n; i++)
		status = crypto_hmac_update(hmac, macs[i], APPSTATE_MAC_LEN);
	if (status == WA_OK)
		status = crypto_hmac_update(hmac, number, sizeof(number));
	if (status == WA_OK)
		status = crypto_hmac_update(hmac, collection.data, collection.len);
	if (status == WA_OK)
		status = crypto_hmac_final(hmac, out);
	crypto_hmac_free(hmac);
	return status;
}

WaStatus
appstate_snapshot_mac(const WaAppKeys *keys, const uint8_t hash[APPSTATE_HASH_LEN],
					  uint64_t version, WaStr collection, uint8_t out[APPSTATE_MAC_LEN])
{
	return sign(keys->snapshot_mac, hash, APPSTATE_HASH_LEN, NULL, 0, version, collection, out);
}

WaStatus
appstate_patch_mac(const WaAppKeys *keys, const uint8_t snapshot_mac[APPSTATE_MAC_LEN],
				   const uint8_t *const *value_macs, size_t n, uint64_t version, WaStr collection,
				   uint8_t out[APPSTATE_MAC_LEN])
{
	return sign(keys->patch_mac, snapshot_mac, APPSTATE_MAC_LEN, value_macs, n, version, collection,
				out);
}

/* ---- LTHash ---- */

static WaStatus
hash_mix(uint8_t hash[APPSTATE_HASH_LEN], const uint8_t value_mac[APPSTATE_MAC_LEN], bool add)
{
	static const char info[] = "WhatsApp Patch Integrity";
	uint8_t lanes[APPSTATE_HASH_LEN];
	WaStatus status = crypto_hkdf_sha256(value_mac, APPSTATE_MAC_LEN, NULL, 0, info,
										 sizeof(info) - 1, lanes, sizeof(lanes));

	for (size_t i = 0; status == WA_OK && i < LANES; i++)
	{
		unsigned sum = hash[2 * i] | (unsigned) hash[2 * i + 1] << 8;
		unsigned lane = lanes[2 * i] | (unsigned) lanes[2 * i + 1] << 8;

		sum = add ? sum + lane : sum - lane;
		hash[2 * i] = (uint8_t) sum;
		hash[2 * i + 1] = (uint8_t) (sum >> 8);
	}
	return status;
}

WaStatus
appstate_hash_add(uint8_t hash[APPSTATE_HASH_LEN], const uint8_t value_mac[APPSTATE_MAC_LEN])
{
	return hash_mix(hash, value_mac, true);
}

WaStatus
appstate_hash_subtract(uint8_t hash[APPSTATE_HASH_LEN], const uint8_t value_mac[APPSTATE_MAC_LEN])
{
	return hash_mix(hash, value_mac, false);
}

/* ---- snapshots ---- */

WaStatus
appstate_snapshot_sum(WaAppSnapshot *snapshot, size_t max)
{
	WaAppRecord record;
	WaStatus status = WA_OK;

	for (size_t i = 0; i < max && status == WA_OK; i++)
	{
		status = appstate_walk_next(&snapshot->walk, &record);
		if (status == WA_NEED_MORE)
			return WA_OK;
		if (status == WA_OK)
			status = appstate_hash_add(snapshot->collection.hash, record.value_mac);
	}
	return status == WA_OK ? WA_NEED_MORE : status;
}

WaStatus
appstate_snapshot_verify(const WaAppSnapshot *snapshot, const WaAppKeys *keys, WaStr collection)
{
	uint8_t mac[APPSTATE_MAC_LEN];
	WaStatus status = appstate_snapshot_mac(keys, snapshot->collection.hash,
											snapshot->collection.version, collection, mac);

	if (status == WA_OK && !crypto_equal(mac, snapshot->mac, sizeof(mac)))
		return WA_ERR_SIGNATURE;
	return status;
}

/* ---- patches ---- */

static int
compare(const WaAppMutation *a, const WaAppMutation *b)
{
	int order = memcmp(a->record.index_mac, b->record.index_mac, APPSTATE_MAC_LEN);

	if (order != 0)
		return order;
	return a < b ? -1 : a > b; /* both are in the list: the patch's order */
}

/* Heapsort: index MACs come from others, and nothing they choose makes it slow or deep. */
static void
sift(WaAppMutation **heap, size_t at, size_t n)
{
	for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1)
	{
		WaAppMutation *moved = heap[at];

		if (child + 1 < n && compare(heap[child], heap[child + 1]) < 0)
			child++;
		if (compare(moved, heap[child]) >= 0)
			return;
		heap[at] = heap[child];
		heap[child] = moved;
		at = child;
	}
}

static void
sort(WaAppMutation **list, size_t n)
{
	for (size_t i = n / 2; i > 0; i--)
		sift(list, i - 1, n);
	for (size_t end = n; end > 1; end--)
	{
		WaAppMutation *last = list[0];

		list[0] = list[end - 1];
		list[end - 1] = last;
		sift(list, 0, end - 1);
	}
}

/* Within a patch a mutation replaces what the one before it has set. */
static void
chain(WaAppChange *change)
{
	for (size_t i = 0; i < change->n; i++)
	{
		WaAppMutation *mutation = change->by_index[i];
		WaAppMutation *before = i > 0 ? change->by_index[i - 1] : NULL;

		mutation->is_last = true;
		mutation->is_first =
			before == NULL ||
			memcmp(before->record.index_mac, mutation->record.index_mac, APPSTATE_MAC_LEN) != 0;
		if (mutation->is_first)
			continue;
		before->is_last = false;
		if (before->record.operation == APPSTATE_SET)
			mutation->previous = before->record.value_mac;
	}
}

/* Records of a patch or its blob; out NULL: only counts. */
static WaStatus
read_mutations(WaAppForm form, WaStr bytes, WaAppMutation *out, size_t *n)
{
	WaAppWalk walk;
	WaAppRecord record;
	WaStatus status;

	appstate_walk(&walk, form, bytes);
	while ((status = appstate_walk_next(&walk, &record)) == WA_OK)
	{
		if (*n >= APPSTATE_MAX_MUTATIONS)
			return WA_ERR_LIMIT;
		if (out != NULL)
			out[*n].record = record;
		++*n;
	}
	return status == WA_NEED_MORE ? WA_OK : status;
}

WaStatus
appstate_change_read(WaArena *arena, WaStr patch, WaStr blob, WaAppChange *out)
{
	size_t n = 0;
	WaStatus status = read_mutations(APPSTATE_PATCH, patch, NULL, &n);

	*out = (WaAppChange){0};
	if (status == WA_OK)
		status = read_mutations(APPSTATE_MUTATIONS, blob, NULL, &n);
	if (status != WA_OK || n == 0)
		return status;
	out->list = arena_alloc(arena, n * sizeof(*out->list));
	out->by_index = arena_alloc(arena, n * sizeof(*out->by_index));
	if (out->list == NULL || out->by_index == NULL)
		return arena->status;
	(void) read_mutations(APPSTATE_PATCH, patch, out->list, &out->n);
	(void) read_mutations(APPSTATE_MUTATIONS, blob, out->list, &out->n);
	for (size_t i = 0; i < n; i++)
		out->by_index[i] = &out->list[i];
	sort(out->by_index, n);
	chain(out);
	return WA_OK;
}

void
appstate_change_previous(WaAppChange *change, const uint8_t index_mac[APPSTATE_MAC_LEN],
						 const uint8_t *value_mac)
{
	size_t low = 0;
	size_t high = change->n;

	while (low < high) /* the first one that is not below */
	{
		size_t middle = low + (high - low) / 2;

		if (memcmp(change->by_index[middle]->record.index_mac, index_mac, APPSTATE_MAC_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < change->n &&
		memcmp(change->by_index[low]->record.index_mac, index_mac, APPSTATE_MAC_LEN) == 0)
		change->by_index[low]->previous = value_mac;
}

WaStatus
appstate_change_verify(WaArena *arena, const WaAppChange *change, const WaAppPatch *patch,
					   const WaAppKeys *keys, WaStr collection)
{
	const uint8_t **macs = arena_alloc(arena, (change->n + 1) * sizeof(*macs));
	uint8_t mac[APPSTATE_MAC_LEN];
	WaStatus status;

	if (macs == NULL)
		return arena->status;
	for (size_t i = 0; i < change->n; i++)
		macs[i] = change->list[i].record.value_mac;
	status = appstate_patch_mac(keys, patch->snapshot_mac, macs, change->n, patch->version,
								collection, mac);
	if (status == WA_OK && !crypto_equal(mac, patch->patch_mac, sizeof(mac)))
		return WA_ERR_SIGNATURE;
	return status;
}

WaStatus
appstate_change_apply(const WaAppChange *change, const WaAppPatch *patch, const WaAppKeys *keys,
					  WaStr collection, WaAppCollection *state)
{
	WaAppCollection next = *state;
	uint8_t mac[APPSTATE_MAC_LEN];
	WaStatus status = WA_OK;

	if (patch->version != state->version + 1)
		return WA_ERR_STATE;
	next.version = patch->version;
	for (size_t i = 0; status == WA_OK && i < change->n; i++)
	{
		const WaAppMutation *mutation = &change->list[i];

		/* removing what was never there changes nothing, as on the phone */
		if (mutation->previous != NULL)
			status = appstate_hash_subtract(next.hash, mutation->previous);
		if (status == WA_OK && mutation->record.operation == APPSTATE_SET)
			status = appstate_hash_add(next.hash, mutation->record.value_mac);
	}
	if (status == WA_OK)
		status = appstate_snapshot_mac(keys, next.hash, next.version, collection, mac);
	if (status == WA_OK && !crypto_equal(mac, patch->snapshot_mac, sizeof(mac)))
		status = WA_ERR_SIGNATURE;
	if (status == WA_OK)
		*state = next;
	return status;
}
