/*
 * fuzz_jid.c
 *		A JID's text: what is parsed is written and parsed again to the same.
 */
#include "target.h"
#include "jid.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaStr text = {(const char *) data, size};
	WaArena arena;
	WaJid jid;

	arena_init(&arena, target_env(0), 1 << 20);
	if (jid_parse(text, &jid) == WA_OK)
	{
		WaStr canonical = jid_format(&arena, &jid);
		WaStr bare = jid_bare(&arena, text);
		WaJid again;

		TARGET_CHECK(canonical.data != NULL && bare.data != NULL);
		TARGET_CHECK(jid_parse(canonical, &again) == WA_OK);
		TARGET_CHECK(again.server == jid.server && again.device == jid.device);
		TARGET_CHECK(again.integrator == jid.integrator);
		TARGET_CHECK(jid_same_user(&jid, &again));
		TARGET_CHECK(str_equal(canonical, jid_format(&arena, &again)));
		TARGET_CHECK(jid_parse(bare, &again) == WA_OK);
		TARGET_CHECK(again.device == 0 && jid_same_user(&jid, &again));
		TARGET_CHECK(str_equal(bare, jid_bare(&arena, bare)));
	}
	else
		TARGET_CHECK(jid_bare(&arena, text).data == NULL);
	arena_free(&arena);
	target_end();
	return 0;
}
