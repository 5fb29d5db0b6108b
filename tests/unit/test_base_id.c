/* SPDX-License-Identifier: MIT */
/* Tests of base/id. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"

static void
test_run_id(void **state)
{
	struct rng rng;
	struct run_id id, later, other;
	int i;

	(void)state;
	rng_init(&rng, 3);
	for (i = 0; i < 1000; i++) {
		int64_t at = INT64_C(1795232053123) + i;

		id = run_id_make(at, (unsigned)i * 99, &rng);
		assert_true(run_id_valid(id.text, strlen(id.text)));
		assert_true(run_id_time(id.text) == at);
		assert_int_equal(run_id_partition(id.text), i * 99);
		later = run_id_make(at + 1, 0, &rng);
		assert_true(strcmp(id.text, later.text) < 0);
		other = run_id_make(at, (unsigned)i * 99, &rng);
		assert_string_not_equal(id.text, other.text);
	}
	id = run_id_make(-5, 99999, &rng);
	assert_true(run_id_valid(id.text, strlen(id.text)));
	assert_int_equal(run_id_time(id.text), 0);
	assert_int_equal(run_id_partition(id.text), 99999);
}

static void
test_run_id_bad(void **state)
{
	static const char *const bad[] = { "", "01kaj2m4c3v9w8x7e6d", "01kaj2m4c3v9w8x7e6d-",
		"01kaj2m4c3v9w8x7e6d-x", "01kaj2m4c3v9w8x7e6d-00", "01kaj2m4c3v9w8x7e6d-01",
		"01kaj2m4c3v9w8x7e6d-100000", "01KAJ2M4C3V9W8X7E6D-0", "01kaj2m4c3v9w8x7e6i-0",
		"01kaj2m4c3v9w8x7e6-00", "01kaj2m4c3v9w8x7e6dd-0", "01kaj2m4c3v9w8x7e6d-0 ",
		"01kaj2m4c3v9w8x7e6d_0" };
	size_t i;

	(void)state;
	assert_true(run_id_valid("01kaj2m4c3v9w8x7e6d-0", 21));
	assert_true(run_id_valid("01kaj2m4c3v9w8x7e6d-99999", 25));
	assert_false(run_id_valid("01kaj2m4c3v9w8x7e\0d-0", 21));
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(run_id_valid(bad[i], strlen(bad[i])));
}

static void
test_token(void **state)
{
	static const char *const bad[] = { "", "0", "00000000000000001", "000000000000000g",
		"00000000000000AB", " 00000000000000a" };
	char text[TOKEN_SIZE];
	uint64_t token;
	size_t i;

	(void)state;
	assert_string_equal(token_format(0, text), "0000000000000000");
	assert_string_equal(token_format(UINT64_MAX, text), "ffffffffffffffff");
	assert_string_equal(token_format(UINT64_C(0x0123456789ABCDEF), text), "0123456789abcdef");
	assert_true(token_parse(text, 16, &token));
	assert_true(token == UINT64_C(0x0123456789ABCDEF));
	token = 77;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(token_parse(bad[i], strlen(bad[i]), &token));
	assert_false(token_parse("000000000000000\0", 16, &token));
	assert_true(token == 77);
}

/* Written down: keys must come to the same partition in every version. */
static void
test_partition_of(void **state)
{
	unsigned seen[4] = { 0 };
	char text[16];
	int i;

	(void)state;
	assert_int_equal(partition_of("anything", 8, 1), 0);
	assert_int_equal(partition_of("", 0, 16), 1);
	assert_int_equal(partition_of("deploy-42", 9, 4), 1);
	assert_int_equal(partition_of("deploy-43", 9, 4), 2);
	for (i = 0; i < 4000; i++) {
		(void)snprintf(text, sizeof text, "key-%d", i);
		seen[partition_of(text, strlen(text), 4)]++;
	}
	for (i = 0; i < 4; i++)
		assert_in_range(seen[i], 800, 1200);
}

static void
test_run_id_in_its_partition(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 9);
	for (unsigned partitions = 1; partitions <= 64; partitions *= 4) {
		for (unsigned p = 0; p < partitions; p++) {
			struct run_id id = run_id_make_in(1700000000000, p, partitions, &rng);

			assert_true(run_id_valid(id.text, strlen(id.text)));
			assert_int_equal(run_id_partition(id.text), p);
			assert_int_equal(partition_of(id.text + 9, 10, partitions), p);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_id),
		cmocka_unit_test(test_run_id_bad),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_run_id_in_its_partition),
		cmocka_unit_test(test_partition_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
