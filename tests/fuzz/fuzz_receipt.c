/*
 * fuzz_receipt.c
 *		A <receipt> of any shape: entries are bounded, name a message and a
 *		person, and nothing is lost without being counted.
 *
 * The first byte says which allocation fails.  The second chooses: even, the
 * rest is a frame for node_decode; odd, the rest picks attributes and children
 * that mean something here.
 */
#include "receipt.h"
#include "target.h"

#define MEMORY (16 << 20)
#define MAX_ELEMENTS 500 /* of a built stanza */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const tags[] = {"participants", "user", "list", "item", "error", "retry"};
static const char *const keys[] = {"from",          "id",  "t",   "type",   "participant",
								   "recipient",     "jid", "key", "pn_jid", "message_id",
								   "participant_pn"};
static const char *const values[] = {
	"1@g.us", "11@lid", "12:3@lid", "491@s.whatsapp.net",   "5@bot", "read", "played", "delivery",
	"sender", "retry",  "99999999", "99999999999999999999", "-1",    "",     "@lid",   "read-self"};

typedef struct Input
{
	const uint8_t *at;
	size_t left;
	int elements;
} Input;

static uint8_t
next(Input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static void
fill(Input *input, WaNode *node, int depth)
{
	uint8_t shape = next(input);

	for (int i = shape & 7; i > 0; i--)
	{
		const char *key = keys[next(input) % LENGTH(keys)];

		node_set(node, key, values[next(input) % LENGTH(values)]);
	}
	for (int i = shape >> 4; i > 0 && depth < 4 && input->elements++ < MAX_ELEMENTS; i--)
		fill(input, node_add(node, tags[next(input) % LENGTH(tags)]), depth + 1);
}

static void
check(const WaReceipt *receipt)
{
	TARGET_CHECK(receipt->chat.data != NULL);
	TARGET_CHECK(receipt->n_entries <= RECEIPT_MAX_ENTRIES);
	for (size_t i = 0; i < receipt->n_entries; i++)
	{
		const WaReceiptEntry *entry = &receipt->entries[i];
		WaJid jid;

		TARGET_CHECK(entry->id.len > 0);
		TARGET_CHECK(jid_parse(entry->device, &jid) == WA_OK);
		TARGET_CHECK(entry->at >= 0 && entry->at <= INT64_C(253402300799));
		TARGET_CHECK(receipt_kind_name(entry->kind)[0] != '\0');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaSelf self = {str_from("491:3@s.whatsapp.net"), str_from("11:3@lid")};
	WaArena arena;
	WaNode *node = NULL;
	WaReceipt receipt;

	if (size < 2)
		return 0;
	arena_init(&arena, target_env(data[0]), MEMORY);
	if (data[1] % 2 == 0)
	{
		if (node_decode(&arena, data + 2, size - 2, &node) != WA_OK)
			node = NULL;
	}
	else
	{
		Input input = {data + 2, size - 2, 0};

		node = node_new(&arena, "receipt");
		fill(&input, node, 0);
	}
	if (node != NULL && !arena.failed && receipt_read(node, &self, &receipt) == WA_OK)
		check(&receipt);
	arena_free(&arena);
	target_end();
	return 0;
}
