/*
 * fuzz_node.c
 *		A decrypted frame: whatever decodes is encoded again, and the result
 *		decodes to the same tree.  The first byte of the input says which
 *		allocation fails, 0 none.
 */
#include "target.h"
#include "node.h"

static void
check_same(const WaNode *a, const WaNode *b)
{
	TARGET_CHECK(str_equal(a->tag, b->tag));
	TARGET_CHECK(a->n_attrs == b->n_attrs);
	for (int i = 0; i < a->n_attrs; i++)
	{
		TARGET_CHECK(str_equal(a->attrs[i].key, b->attrs[i].key));
		TARGET_CHECK(str_equal(a->attrs[i].value, b->attrs[i].value));
		TARGET_CHECK(a->attrs[i].is_jid == b->attrs[i].is_jid);
	}
	TARGET_CHECK(str_equal(a->bytes, b->bytes));
	a = a->first_child;
	b = b->first_child;
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		check_same(a, b);
	TARGET_CHECK(a == NULL && b == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env;
	WaArena arena;
	WaArena again_arena;
	WaBuf encoded;
	WaNode *node = NULL;
	WaNode *again = NULL;

	if (size < 1)
		return 0;
	env = target_env(data[0]);
	arena_init(&arena, env, 8 << 20);
	arena_init(&again_arena, env, 64 << 20);
	buf_init(&encoded, env, 64 << 20);
	if (node_decode(&arena, data + 1, size - 1, &node) == WA_OK)
	{
		WaStatus status = node_encode(node, &encoded);

		TARGET_CHECK(status == WA_OK || (data[0] != 0 && status == WA_ERR_NOMEM));
		if (status == WA_OK)
			status = node_decode(&again_arena, buf_data(&encoded), buf_len(&encoded), &again);
		TARGET_CHECK(status == WA_OK || (data[0] != 0 && status == WA_ERR_NOMEM));
		if (status == WA_OK)
			check_same(node, again);
	}
	arena_free(&arena);
	arena_free(&again_arena);
	buf_free(&encoded);
	target_end();
	return 0;
}
