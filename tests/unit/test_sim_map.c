/*
 * test_sim_map.c
 *		The simulator's hash table and its handwritten protobuf.
 */
#include <stdio.h>
#include <string.h>

#include "../../src/simulator/sim.h"
#include "check.h"

static void
finds_what_was_put(void **state)
{
	static int values[5000];
	SimMap map = {0};
	char key[32];

	(void) state;
	assert_null(sim_map_get(&map, "nothing"));
	for (int i = 0; i < 5000; i++)
	{
		snprintf(key, sizeof(key), "key %d", i);
		sim_map_put(&map, key, &values[i]);
	}
	assert_int_equal(map.count, 5000);
	for (int i = 0; i < 5000; i += 2)
	{
		snprintf(key, sizeof(key), "key %d", i);
		sim_map_remove(&map, key);
		sim_map_remove(&map, key);
	}
	assert_int_equal(map.count, 2500);
	for (int i = 0; i < 5000; i++)
	{
		snprintf(key, sizeof(key), "key %d", i);
		assert_ptr_equal(sim_map_get(&map, key), i % 2 == 0 ? NULL : &values[i]);
	}
	sim_map_put(&map, "key 1", &values[0]);
	assert_ptr_equal(sim_map_get(&map, "key 1"), &values[0]);
	assert_int_equal(map.count, 2500);
	sim_map_free(&map);
}

/* Keys that come and go for ever must not fill the table. */
static void
survives_turnover(void **state)
{
	SimMap map = {0};
	char key[32];
	int value;

	(void) state;
	for (int i = 0; i < 100000; i++)
	{
		snprintf(key, sizeof(key), "%d", i);
		sim_map_put(&map, key, &value);
		if (i >= 10)
		{
			snprintf(key, sizeof(key), "%d", i - 10);
			sim_map_remove(&map, key);
		}
	}
	assert_int_equal(map.count, 10);
	assert_true(map.capacity <= 256);
	sim_map_free(&map);
}

static void
reads_its_own_fields(void **state)
{
	SimProto proto = {.len = 0};
	WaStr found;

	(void) state;
	sim_proto_uint(&proto, 1, 300);
	sim_proto_bytes(&proto, 2, "first", 5);
	sim_proto_bytes(&proto, 3, "", 0);
	/* RFC-style bytes: field 1 varint 300 is 08 AC 02 */
	assert_memory_equal(proto.data,
						"\x08\xac\x02\x12\x05"
						"first",
						10);
	assert_true(sim_proto_find(proto.data, proto.len, 2, &found));
	assert_int_equal(found.len, 5);
	assert_memory_equal(found.data, "first", 5);
	assert_true(sim_proto_find(proto.data, proto.len, 3, &found));
	assert_int_equal(found.len, 0);
	assert_false(sim_proto_find(proto.data, proto.len, 4, &found));
	/* cut anywhere it finds nothing or the whole field, never more */
	for (size_t len = 0; len < 10; len++)
		assert_false(sim_proto_find(proto.data, len, 2, &found));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_put),
		cmocka_unit_test(survives_turnover),
		cmocka_unit_test(reads_its_own_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
