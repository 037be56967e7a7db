/*
 * fuzz_node_json.c
 *		A decrypted frame as JSON: one object, valid UTF-8, no control character
 *		and so no NUL, brackets and quotes in balance.
 */
#include "target.h"
#include "json.h"
#include "node.h"

static void
check_json(WaStr text)
{
	int depth = 0;
	bool quoted = false;

	TARGET_CHECK(json_is_text(text));
	TARGET_CHECK(text.len > 1 && text.data[0] == '{' && text.data[text.len - 1] == '}');
	for (size_t i = 0; i < text.len; i++)
	{
		char c = text.data[i];

		TARGET_CHECK((unsigned char) c >= ' ');
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			TARGET_CHECK(--depth > 0 || i == text.len - 1);
	}
	TARGET_CHECK(depth == 0 && !quoted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const WaEnv *env;
	WaArena arena;
	WaNode *node = NULL;
	WaStr text;

	if (size < 1)
		return 0;
	env = target_env(data[0]);
	arena_init(&arena, env, 32 << 20);
	if (node_decode(&arena, data + 1, size - 1, &node) == WA_OK)
	{
		text = node_to_json(&arena, node);
		if (text.data != NULL)
			check_json(text);
		else
			TARGET_CHECK(data[0] != 0);
	}
	arena_free(&arena);
	target_end();
	return 0;
}
