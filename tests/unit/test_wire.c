/*
 * test_wire.c
 *		Protobuf's wire format, field by field.
 */
#include "check.h"
#include "wire.h"

static void
fields_are_read(void **state)
{
	/* 1: 150 (the example of protobuf's encoding guide); 2: "testing"; 3: fixed64; 4: fixed32 */
	static const char hex[] = "089601"
							  "120774657374696e67"
							  "190102030405060708"
							  "2501020304";
	uint8_t data[64];
	size_t len = test_hex(hex, data, sizeof(data));
	WaWire wire;
	WaWireField field;

	(void) state;
	wire_init(&wire, data, len);
	assert_true(wire_next(&wire, &field));
	assert_int_equal(field.number, 1);
	assert_int_equal(field.type, WIRE_VARINT);
	assert_int_equal(field.value, 150);
	assert_ptr_equal(field.start, data);
	assert_ptr_equal(field.end, data + 3);
	assert_true(wire_next(&wire, &field));
	assert_int_equal(field.number, 2);
	assert_int_equal(field.len, 7);
	assert_memory_equal(field.data, "testing", 7);
	assert_true(wire_next(&wire, &field));
	assert_int_equal(field.type, WIRE_FIXED64);
	assert_true(wire_next(&wire, &field));
	assert_int_equal(field.type, WIRE_FIXED32);
	assert_int_equal(field.number, 4);
	assert_false(wire_next(&wire, &field));
	assert_false(wire.bad);
}

static void
bad_messages_are_told(void **state)
{
	static const char *const cases[] = {
		"08",                       /* no value */
		"0896",                     /* a value without end */
		"08ffffffffffffffffffff01", /* too long a number */
		"1205616263",               /* shorter than it says */
		"12ffffffffffffffffff01",   /* longer than memory */
		"0001",                     /* field 0 */
		"0b",                       /* a group */
		"0f",                       /* no type */
		"1901020304",               /* half a fixed64 */
		"250102",                   /* half a fixed32 */
		"f8ffffffff0101",           /* a field number that is none */
	};
	uint8_t data[64];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t len = test_hex(cases[i], data, sizeof(data));
		WaWire wire;
		WaWireField field;

		wire_init(&wire, data, len);
		assert_false(wire_next(&wire, &field));
		assert_true(wire.bad);
		assert_false(wire_next(&wire, &field));
		assert_false(wire_find(data, len, 1, WIRE_VARINT, &field));
	}
	assert_false(wire_find(NULL, 0, 1, WIRE_VARINT, &(WaWireField){0}));
}

static void
the_last_of_a_number_counts(void **state)
{
	uint8_t data[16];
	size_t len = test_hex("080108021001", data, sizeof(data));
	WaWireField field;

	(void) state;
	assert_true(wire_find(data, len, 1, WIRE_VARINT, &field));
	assert_int_equal(field.value, 2);
	assert_false(wire_find(data, len, 1, WIRE_BYTES, &field));
	assert_false(wire_find(data, len, 3, WIRE_VARINT, &field));
}

static void
fields_are_written(void **state)
{
	TestEnv env;
	WaBuf out;

	(void) state;
	for (size_t n = 1;; n++)
	{
		WaStatus status;

		test_env_init(&env);
		env.fail_at = n;
		buf_init(&out, test_env(&env), 64);
		status = wire_put_varint(&out, 1, 150);
		if (status == WA_OK)
			status = wire_put_bytes(&out, 2, "testing", 7);
		if (status == WA_OK)
			status = wire_put_bytes(&out, 1000, NULL, 0);
		if (env.allocations < n)
		{
			assert_int_equal(status, WA_OK);
			check_buf(&out, "089601120774657374696e67c23e00");
			/* what does not fit leaves nothing behind */
			assert_int_equal(wire_put_bytes(&out, 3, (uint8_t[64]){0}, 64), WA_ERR_LIMIT);
			check_buf(&out, "089601120774657374696e67c23e00");
			buf_free(&out);
			break;
		}
		assert_int_equal(status, WA_ERR_NOMEM);
		buf_free(&out);
		assert_int_equal(env.live, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(bad_messages_are_told),
		cmocka_unit_test(the_last_of_a_number_counts),
		cmocka_unit_test(fields_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
