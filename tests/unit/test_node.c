/*
 * test_node.c
 *		The node codec: golden vectors both ways, every form of string and JID,
 *		limits, and broken input.
 */
#include "check.h"
#include "crypto.h"
#include "node.h"
#include "token.h"

#include <stdlib.h>

#include "../vectors/node_vectors.h"

#define N_VECTORS (sizeof(node_vectors) / sizeof(node_vectors[0]))
#define MEMORY (64 << 20)

static TestEnv env;
static WaArena arena;
static WaBuf out;

static int
setup(void **state)
{
	(void) state;
	test_env_init(&env);
	arena_init(&arena, test_env(&env), MEMORY);
	buf_init(&out, test_env(&env), MEMORY);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	arena_free(&arena);
	buf_free(&out);
	return env.live == 0 ? 0 : -1;
}

/* Decodes hex into the test's arena. */
static WaStatus
decode(const char *hex, WaNode **node)
{
	static uint8_t data[1 << 17];

	return node_decode(&arena, data, test_hex(hex, data, sizeof(data)), node);
}

static WaNode *
decoded(const char *hex)
{
	WaNode *node = NULL;

	assert_int_equal(decode(hex, &node), WA_OK);
	assert_non_null(node);
	return node;
}

/* ---- golden vectors ---- */

static void
vectors_are_reencoded_byte_for_byte(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_VECTORS; i++)
	{
		assert_int_equal(node_encode(decoded(node_vectors[i].hex), &out), WA_OK);
		check_buf(&out, node_vectors[i].hex);
		buf_truncate(&out, 0);
	}
}

static const char *
vector(const char *name)
{
	for (size_t i = 0; i < N_VECTORS; i++)
	{
		if (strcmp(node_vectors[i].name, name) == 0)
			return node_vectors[i].hex;
	}
	fail_msg("no vector %s", name);
	return NULL;
}

static void
vectors_mean_what_the_notes_say(void **state)
{
	WaNode *node;
	uint64_t number;

	(void) state;
	node = decoded(vector("ping_child"));
	check_str(node->tag, "iq");
	assert_int_equal(node->n_attrs, 4);
	check_str(node_attr(node, "to"), "s.whatsapp.net");
	check_str(node_attr(node, "type"), "get");
	check_str(node_attr(node, "xmlns"), "w:p");
	check_str(node_attr(node, "id"), "A1B2");
	check_str(node_attr(node, "none"), NULL);
	assert_true(node_is(node_child(node, "ping"), "ping"));
	assert_null(node_child_next(node_child(node, "ping"), NULL));

	node = decoded(vector("ack_group"));
	check_str(node_attr(node, "to"), "120363041234567890@g.us");
	check_str(node_attr(node, "participant"), "123456789012345:12@lid");
	assert_false(node->attrs[0].is_jid);
	assert_true(node->attrs[2].is_jid);

	check_str(node_attr(decoded(vector("presence")), "name"), "Ação Bot");
	check_str(node_attr(decoded(vector("ad_pn")), "v"), "5511999000111:7@s.whatsapp.net");
	check_str(node_attr(decoded(vector("ad_hosted")), "v"), "5511999000111:99@hosted");
	check_str(node_attr(decoded(vector("newsletter")), "v"), "120363000@newsletter");
	check_str(node_attr(decoded(vector("nibble_dash_dot")), "v"), "1-2.3");
	node = decoded(vector("bytes_content"));
	check_hex(node->bytes.data, node->bytes.len, "000102ff");
	assert_true(node_attr_u64(decoded(vector("double_token")), "v", &number));
	assert_int_equal(number, 28);
}

/* The same trees, built by hand. */
static void
builder_makes_the_vectors(void **state)
{
	WaNode *node;
	WaNode *from;

	(void) state;
	node = node_new(&arena, "iq");
	node_set(node, "id", "1.2-3");
	node_set(node, "xmlns", "w:p");
	node_set(node, "type", "set");
	node_set(node, "type", "get"); /* the last value counts */
	node_set(node, "empty", "");
	node_set(node, "absent", NULL);
	node_set_str(node, "absent", WA_STR_NONE);
	node_set_jid(node, "absent", WA_STR_NONE);
	node_set_jid(node, "to", str_from("@s.whatsapp.net"));
	assert_int_equal(node_encode(node, &out), WA_OK);
	check_buf(&out, vector("ping"));
	buf_truncate(&out, 0);

	from = decoded(vector("ack_group"));
	node = node_new(&arena, "ack");
	node_set(node, "class", "message");
	node_copy_attr(node, "id", from, "id");
	node_copy_attr(node, "to", from, "to");
	node_copy_attr(node, "absent", from, "absent");
	node_copy_attr(node, "participant", from, "participant");
	assert_int_equal(node_encode(node, &out), WA_OK);
	check_buf(&out, vector("ack_group"));
	buf_truncate(&out, 0);

	node = node_new(&arena, "x");
	node_set_u64(node, "v", 28);
	assert_int_equal(node_encode(node, &out), WA_OK);
	check_buf(&out, vector("double_token"));
	buf_truncate(&out, 0);

	node = node_new(&arena, "x");
	node_set_u64(node, "v", UINT64_MAX);
	check_str(node_attr(node, "v"), "18446744073709551615");
	node_set_u64(node, "v", 0);
	check_str(node_attr(node, "v"), "0");
}

static void
check_sha256(const WaBuf *buf, const char *hex)
{
	uint8_t hash[32];

	assert_int_equal(crypto_sha256(buf_data(buf), buf_len(buf), hash), WA_OK);
	check_hex(hash, sizeof(hash), hex);
}

static void
long_contents_and_lists_are_encoded(void **state)
{
	uint8_t bytes[300];
	WaNode *node;

	(void) state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) i;
	node = node_new(&arena, "value");
	node_set_bytes(node, bytes, sizeof(bytes));
	assert_int_equal(node_encode(node, &out), WA_OK);
	check_sha256(&out, NODE_VECTOR_BYTES_300_SHA256);
	assert_int_equal(node_decode(&arena, buf_data(&out), buf_len(&out), &node), WA_OK);
	assert_int_equal(node->bytes.len, sizeof(bytes));
	assert_memory_equal(node->bytes.data, bytes, sizeof(bytes));
	buf_truncate(&out, 0);

	node = node_new(&arena, "l");
	for (int i = 0; i < 300; i++)
		node_add(node, token_text(0x41).data);
	assert_int_equal(node_encode(node, &out), WA_OK);
	check_sha256(&out, NODE_VECTOR_LIST300_SHA256);
	assert_int_equal(node_decode(&arena, buf_data(&out), buf_len(&out), &node), WA_OK);
	{
		int n = 0;

		for (WaNode *child = node->first_child; child != NULL; child = child->next)
			n++;
		assert_int_equal(n, 300);
	}
}

static void
compressed_frames_are_inflated(void **state)
{
	(void) state;
	assert_int_equal(node_encode(decoded(NODE_VECTOR_COMPRESSED), &out), WA_OK);
	check_buf(&out, vector("active"));
	assert_true(node_is(decoded("02"), "xmlstreamend"));
}

/* ---- forms ---- */

static void
any_form_of_string_is_content(void **state)
{
	static const struct
	{
		const char *hex; /* content of <x> */
		const char *text;
	} cases[] = {
		{"ff03812812", "812812"},
		{"ff820812f0", NULL},
		{"ff82812f", "812"},
		{"fb02abcd", "ABCD"},
		{"ee11", "28"},
		{"2d", "0"},
		{"fc03616263", "abc"},
		{"fd000003616263", "abc"},
		{"fdf00003616263", "abc"},
		{"fe00000003616263", "abc"},
		{"fc00", ""},
		{"ff00", ""},
		{"faff02123403", "1234@s.whatsapp.net"},
		{"f70007ff021234", "1234:7@s.whatsapp.net"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char hex[100] = "00f802fc0178";
		WaNode *node;
		WaStatus status;

		memcpy(hex + strlen(hex), cases[i].hex, strlen(cases[i].hex) + 1);
		status = decode(hex, &node);
		if (cases[i].text == NULL)
		{
			assert_int_equal(status, WA_ERR_MALFORMED);
			continue;
		}
		assert_int_equal(status, WA_OK);
		check_str(node->bytes, cases[i].text);
	}
	assert_null(decoded("00f802fc017800")->bytes.data);
	assert_null(decoded("00f802fc0178f800")->first_child);
	assert_null(decoded("00f802fc0178f90000")->first_child);
}

static void
every_jid_has_one_text(void **state)
{
	static const struct
	{
		const char *wire;
		const char *text;
		bool is_jid;
	} cases[] = {
		{"fa0003", "s.whatsapp.net", true},
		{"fafc0003", "s.whatsapp.net", true},
		{"fa001c", "g.us", true},
		{"faff02123403", "1234@s.whatsapp.net", true},
		{"faff021234fc04632e7573", "1234@s.whatsapp.net", true},
		{"f70000ff021234", "1234@s.whatsapp.net", true},
		{"f70007ff021234", "1234:7@s.whatsapp.net", true},
		{"f701ffff021234", "1234:255@lid", true},
		{"f78063ff021234", "1234:99@hosted", true},
		{"f78000ff021234", "1234@hosted", true},
		{"f78163ff021234", "1234:99@hosted.lid", true},
		{"f78263ff021234", "1234:99@hosted", true},
		{"f6ff0212340102fc046d736772", "1234:258@msgr", true},
		{"f5fc03616263000300f5fc07696e7465726f70", "245-abc:3@interop", true},
		{"fafc0631322d616263fc07696e7465726f70", "12-abc@interop", true},
		{"fafc03612040fc07696e7465726f70", "a @@interop", false},
		/* a user part with marks is read the way its text is */
		{"fafc06313233343a3703", "1234:7@s.whatsapp.net", true},
		{"fafc06313233342e3003", "1234@s.whatsapp.net", true},
		{"fafc06313233343a7803", "1234:x@s.whatsapp.net", false},
		{"fafc0361406203", "a@b@s.whatsapp.net", false},
		/* nobody's domain, and not lost */
		{"f70207ff021234", "1234@ad-2.7", true},
		{"faff021234fc036e6577", "1234@new", true},
		{"fa00fc036e6577", "@new", true},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char hex[200] = "00f803fc0178fc0176";
		WaNode *node;
		WaNode *again;

		memcpy(hex + strlen(hex), cases[i].wire, strlen(cases[i].wire) + 1);
		node = decoded(hex);
		check_str(node_attr(node, "v"), cases[i].text);
		assert_int_equal(node->attrs[0].is_jid, cases[i].is_jid);

		buf_truncate(&out, 0);
		assert_int_equal(node_encode(node, &out), WA_OK);
		assert_int_equal(node_decode(&arena, buf_data(&out), buf_len(&out), &again), WA_OK);
		check_str(node_attr(again, "v"), cases[i].text);
		assert_int_equal(again->attrs[0].is_jid, cases[i].is_jid);
	}
}

/* What section 3.5 asks of the writer, byte by byte. */
static void
jids_are_written_in_their_form(void **state)
{
	static const struct
	{
		const char *text;
		const char *wire;
	} cases[] = {
		{"s.whatsapp.net", "fa0003"},
		{"@g.us", "fa001c"},
		{"1234@s.whatsapp.net", "faff02123403"},
		{"1234@c.us", "faff02123403"},
		{"1234:7@s.whatsapp.net", "f70007ff021234"},
		{"1234:7@lid", "f70107ff021234"},
		{"1234:99@hosted", "f78063ff021234"},
		{"1234@hosted", "f78000ff021234"},
		{"1234:99@hosted.lid", "f78163ff021234"},
		{"1234@g.us", "faff0212341c"},
		{"status@broadcast", "fa0b0d"},
		{"not a jid", "fc096e6f742061206a6964"},
		{"1234:999@lid", "fc0c313233343a393939406c6964"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t len = strlen(cases[i].wire) / 2;
		WaNode *node = node_new(&arena, "x");

		node_set_jid(node, "v", str_from(cases[i].text));
		buf_truncate(&out, 0);
		assert_int_equal(node_encode(node, &out), WA_OK);
		/* in front: flag, list header, "x" as text, "v" as a token */
		assert_int_equal(buf_len(&out), 1 + 2 + 3 + 1 + len);
		check_hex(buf_data(&out) + buf_len(&out) - len, len, cases[i].wire);
	}
}

static void
every_token_travels_as_a_token(void **state)
{
	(void) state;
	for (unsigned id = 1; id < TOKEN_DOUBLE + 4 * 256; id++)
	{
		WaNode *node = node_new(&arena, token_text(id).data);

		buf_truncate(&out, 0);
		assert_int_equal(node_encode(node, &out), WA_OK);
		assert_int_equal(buf_len(&out), id < TOKEN_DOUBLE ? 4 : 5);
		assert_int_equal(node_decode(&arena, buf_data(&out), buf_len(&out), &node), WA_OK);
		assert_true(str_equal(node->tag, token_text(id)));
	}
}

/* ---- broken input ---- */

static void
every_truncation_is_malformed(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_VECTORS; i++)
	{
		uint8_t data[4096];
		size_t len = test_hex(node_vectors[i].hex, data, sizeof(data));

		for (size_t cut = 0; cut < len; cut++)
		{
			uint8_t *exact = malloc(cut == 0 ? 1 : cut); /* so that ASan sees any overrun */
			WaNode *node = NULL;

			assert_non_null(exact);
			memcpy(exact, data, cut);
			assert_int_equal(node_decode(&arena, exact, cut, &node), WA_ERR_MALFORMED);
			assert_null(node);
			free(exact);
		}
		data[len] = 0;
		{
			WaNode *node = NULL;

			assert_int_equal(node_decode(&arena, data, len + 1, &node), WA_ERR_MALFORMED);
		}
	}
}

static void
broken_nodes_are_malformed(void **state)
{
	static const char *const cases[] = {
		"",
		"00",
		"0000",       /* size 0 */
		"00f800",     /* the same */
		"0003",       /* no list */
		"00f80100",   /* no tag */
		"00f801fc00", /* empty tag */
		"00f801f0",   /* unused tags */
		"00f801f4",
		"00f803fc017800fc0176",   /* no key */
		"00f803fc0178fc00fc0176", /* empty key */
		"00f803fc0178fc0176f9",
		"00f802fc0178f805", /* five children, none there */
		"00f9ffff",         /* 32767 attributes, none there */
		"00f802fc0178fe7fffffff",
		"00f802fc0178ff01c0",         /* no such nibble */
		"00f803fc0178fc0176fa0300",   /* no server */
		"00f803fc0178fc0176fafa0303", /* a JID in a JID */
		"00f803fc0178fc0176f7000700", /* no user */
		"02ffff",                     /* not zlib */
		"02789c0300000000010000",     /* zlib of nothing, and more behind it */
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WaNode *node = NULL;

		if (decode(cases[i], &node) != WA_ERR_MALFORMED)
			fail_msg("%s was not refused", cases[i]);
	}
}

/* <x><x>...: depth levels of it, the innermost without content. */
static WaStatus
decode_nested(int depth)
{
	uint8_t data[8192] = {0};
	size_t len = 1;
	WaNode *node = NULL;

	for (int i = 0; i < depth; i++)
	{
		bool last = i == depth - 1;

		data[len++] = 0xF8;
		data[len++] = last ? 1 : 2;
		data[len++] = 0x41;
		if (!last)
		{
			data[len++] = 0xF8;
			data[len++] = 1;
		}
	}
	return node_decode(&arena, data, len, &node);
}

static void
depth_is_bounded_both_ways(void **state)
{
	WaNode *root = node_new(&arena, "x");
	WaNode *node = root;

	(void) state;
	assert_int_equal(decode_nested(WA_MAX_NODE_DEPTH), WA_OK);
	assert_int_equal(decode_nested(WA_MAX_NODE_DEPTH + 1), WA_ERR_LIMIT);
	assert_int_equal(decode_nested(1000), WA_ERR_LIMIT);

	for (int i = 1; i < WA_MAX_NODE_DEPTH; i++)
		node = node_add(node, "x");
	assert_int_equal(node_encode(root, &out), WA_OK);
	assert_non_null(node_to_json(&arena, root).data);
	node_add(node, "x");
	buf_truncate(&out, 0);
	assert_int_equal(node_encode(root, &out), WA_ERR_LIMIT);
	assert_int_equal(buf_len(&out), 0);
	assert_null(node_to_json(&arena, root).data);
}

static void
memory_is_bounded(void **state)
{
	uint8_t *data = calloc(1, 1 << 20);
	size_t len = 0;
	WaNode *node = NULL;

	(void) state;
	assert_non_null(data);
	data[len++] = 0;
	data[len++] = 0xF8;
	data[len++] = 2;
	data[len++] = 0x41;
	data[len++] = 0xF9;
	data[len++] = 0xFF;
	data[len++] = 0xFF;
	for (int i = 0; i < 65535; i++)
	{
		data[len++] = 0xF8;
		data[len++] = 1;
		data[len++] = 0x41;
	}
	arena_free(&arena);
	arena_init(&arena, test_env(&env), 1 << 20);
	assert_int_equal(node_decode(&arena, data, len, &node), WA_ERR_LIMIT);
	assert_true(env.peak_bytes < 2u << 20);
	arena_free(&arena);
	arena_init(&arena, test_env(&env), MEMORY);
	assert_int_equal(node_decode(&arena, data, len, &node), WA_OK);

	/* lists longer than 16 bits do not exist */
	node_append(node, node_new(&arena, "x"));
	assert_int_equal(node_encode(node, &out), WA_ERR_LIMIT);
	free(data);
}

/* A list of lists of lists, a little over WA_MAX_NODES in all. */
static void
number_of_nodes_is_bounded(void **state)
{
	size_t lists = WA_MAX_NODES / 60000 + 1;
	uint8_t *data = malloc(16 + lists * (8 + 3 * (size_t) 60000));
	size_t len = 0;
	WaArena large;
	WaNode *node = NULL;

	(void) state;
	assert_non_null(data);
	memcpy(data, "\x00\xF8\x02\x41\xF8", 5);
	len = 5;
	data[len++] = (uint8_t) lists;
	for (size_t i = 0; i < lists; i++)
	{
		memcpy(data + len, "\xF8\x02\x41\xF9\xEA\x60", 6);
		len += 6;
		for (int k = 0; k < 60000; k++)
		{
			memcpy(data + len, "\xF8\x01\x41", 3);
			len += 3;
		}
	}
	assert_true(len < WA_MAX_FRAME);
	arena_init(&large, env_default(), WA_MAX_STANZA_MEMORY);
	assert_int_equal(node_decode(&large, data, len, &node), WA_ERR_LIMIT);
	assert_false(large.failed); /* the nodes were too many before the memory was too much */
	arena_free(&large);
	free(data);
}

/* ---- memory ---- */

static void
decode_survives_lack_of_memory(void **state)
{
	/* every form of JID; the parsed ones and the unknown domain take memory of their own */
	static const char *const more[] = {
		NODE_VECTOR_COMPRESSED,
		"00f80bfc0178fc0161fa0003fc0162fafc06313233343a3703fc0163f70207ff021234"
		"fc0164f6ff0212340102fc046d736772fc0165f5fc03616263000300f5fc07696e7465726f70",
		"02",
	};
	size_t n_more = sizeof(more) / sizeof(more[0]);

	(void) state;
	for (size_t i = 0; i < N_VECTORS + n_more; i++)
	{
		const char *hex = i < N_VECTORS ? node_vectors[i].hex : more[i - N_VECTORS];

		for (size_t n = 1;; n++)
		{
			WaNode *node = NULL;
			WaStatus status;

			setup(NULL);
			env.fail_at = n;
			status = decode(hex, &node);
			assert_int_equal(teardown(NULL), 0);
			if (env.allocations < n)
			{
				assert_int_equal(status, WA_OK);
				break;
			}
			assert_int_equal(status, WA_ERR_NOMEM);
		}
	}
	setup(NULL);
}

/* Builds, encodes and prints a tree that takes several blocks of memory. */
static WaStatus
build(bool *printed)
{
	WaNode *root = node_new(&arena, "list");
	WaStatus status;

	for (int i = 0; i < 60; i++)
	{
		WaNode *item = node_add(root, "item");

		node_set(item, "text", "a value that is not a token");
		node_set_jid(item, "jid", str_from("123456:7@lid"));
		for (int k = 0; k < 6; k++)
			node_set_u64(item, token_text((unsigned) k + 1).data, (uint64_t) k);
		node_set_bytes(node_add(item, "bytes"), "\xFF\x00\xFE", 3);
		node_set_text(node_add(item, "text"), "plain");
	}
	status = node_encode(root, &out);
	*printed = node_to_json(&arena, root).data != NULL;
	return status;
}

static void
building_survives_lack_of_memory(void **state)
{
	(void) state;
	for (size_t n = 1;; n++)
	{
		WaStatus status;
		bool printed;

		setup(NULL);
		env.fail_at = n;
		status = build(&printed);
		assert_true(status == WA_OK || buf_len(&out) == 0);
		assert_int_equal(teardown(NULL), 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			assert_true(printed);
			break;
		}
		assert_true(status == WA_ERR_NOMEM || !printed);
	}
	setup(NULL);
}

static void
builders_bear_null(void **state)
{
	uint64_t number;

	(void) state;
	assert_null(node_add(NULL, "x"));
	node_append(NULL, NULL);
	node_set(NULL, "a", "b");
	node_set_jid(NULL, "a", str_from("b"));
	node_set_bytes(NULL, "a", 1);
	node_set_text(NULL, "a");
	node_copy_attr(NULL, "a", NULL, "b");
	check_str(node_attr(NULL, "a"), NULL);
	assert_null(node_child(NULL, "a"));
	assert_null(node_child_next(NULL, "a"));
	assert_false(node_is(NULL, "a"));
	assert_false(node_attr_u64(NULL, "a", &number));
	assert_int_equal(node_encode(NULL, &out), WA_ERR_NOMEM);
	check_str(node_to_json(&arena, NULL), NULL);
	{
		WaNode *node = node_new(&arena, "x");

		node_append(node, NULL);
		assert_int_equal(node_encode(node, &out), WA_ERR_NOMEM);
	}
}

static void
tree_prints_as_json(void **state)
{
	WaNode *node = node_new(&arena, "a");
	WaNode *child;

	(void) state;
	node_set_str(node, "subject", (WaStr){"x\0\"\xFF", 4});
	node_set_jid(node, "to", str_from("1:2@lid"));
	node_set_text(node_add(node, "t"), "Grüße\n");
	node_set_bytes(node_add(node, "b"), "\x00\x01\xFF", 3);
	child = node_add(node, "e");
	node_set_bytes(child, "", 0);
	check_str(node_to_json(&arena, node),
			  "{\"tag\":\"a\",\"attrs\":{\"subject\":\"x\xEF\xBF\xBD\\\"\xEF\xBF\xBD\",\"to\":\"1:"
			  "2@lid\"},"
			  "\"children\":[{\"tag\":\"t\",\"attrs\":{},\"text\":\"Grüße\\n\"},"
			  "{\"tag\":\"b\",\"attrs\":{},\"base64\":\"AAH/\"},"
			  "{\"tag\":\"e\",\"attrs\":{},\"text\":\"\"}]}");
}

static void
children_are_found_by_tag(void **state)
{
	WaNode *node = node_new(&arena, "list");
	WaNode *a1 = node_add(node, "a");
	WaNode *b = node_add(node, "b");
	WaNode *a2 = node_add(node, "a");

	(void) state;
	assert_ptr_equal(node_child(node, "a"), a1);
	assert_ptr_equal(node_child_next(a1, "a"), a2);
	assert_null(node_child_next(a2, "a"));
	assert_ptr_equal(node_child(node, "b"), b);
	assert_ptr_equal(node_child(node, NULL), a1);
	assert_ptr_equal(node_child_next(a1, NULL), b);
	assert_null(node_child(node, "c"));
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(vectors_are_reencoded_byte_for_byte),
		WITH_ARENA(vectors_mean_what_the_notes_say),
		WITH_ARENA(builder_makes_the_vectors),
		WITH_ARENA(long_contents_and_lists_are_encoded),
		WITH_ARENA(compressed_frames_are_inflated),
		WITH_ARENA(any_form_of_string_is_content),
		WITH_ARENA(every_jid_has_one_text),
		WITH_ARENA(jids_are_written_in_their_form),
		WITH_ARENA(every_token_travels_as_a_token),
		WITH_ARENA(every_truncation_is_malformed),
		WITH_ARENA(broken_nodes_are_malformed),
		WITH_ARENA(depth_is_bounded_both_ways),
		WITH_ARENA(memory_is_bounded),
		WITH_ARENA(number_of_nodes_is_bounded),
		WITH_ARENA(decode_survives_lack_of_memory),
		WITH_ARENA(building_survives_lack_of_memory),
		WITH_ARENA(builders_bear_null),
		WITH_ARENA(tree_prints_as_json),
		WITH_ARENA(children_are_found_by_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
