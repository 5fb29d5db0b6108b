/* SPDX-License-Identifier: MIT */
/* Tests of base/err: filling, prefixing, cutting at whole characters. */
#include "test.h"

#include <string.h>

#include "base/err.h"

static void
test_set(void **state)
{
	struct err err = { 0, "old" };

	(void)state;
	assert_int_equal(err_set(&err, ERR_INVALID, "file '%s': %d", "x", 3), ERR_INVALID);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.text, "file 'x': 3");
	assert_int_equal(err_set(NULL, ERR_DENIED, "no place"), ERR_DENIED);
}

static void
test_set_from_itself(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_FAILED, "inner");
	err_set(&err, ERR_LIMIT, "outer %s", err.text);
	assert_string_equal(err.text, "outer inner");
}

static void
test_prefix(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_NOT_FOUND, "no such file");
	assert_int_equal(err_prefix(&err, "%s:%d", "a.yaml", 7), ERR_NOT_FOUND);
	assert_string_equal(err.text, "a.yaml:7: no such file");
	assert_int_equal(err_prefix(NULL, "x"), 0);
}

static void
test_cut(void **state)
{
	struct err err;
	char text[600];

	(void)state;
	memset(text, 'a', sizeof text);
	text[599] = '\0';
	err_set(&err, ERR_FAILED, "%s", text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	/* A three-byte character over the end goes as a whole. */
	memcpy(text + sizeof err.text - 3, "\xE2\x82\xAC", 3);
	err_set(&err, ERR_FAILED, "%s", text);
	assert_int_equal(strlen(err.text), sizeof err.text - 3);
	/* One that ends with the buffer stays. */
	memset(text, 'a', sizeof text - 1);
	memcpy(text + sizeof err.text - 4, "\xE2\x82\xAC", 3);
	err_set(&err, ERR_FAILED, "%s", text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_memory_equal(err.text + sizeof err.text - 4, "\xE2\x82\xAC", 4);
}

static void
test_prefix_cut(void **state)
{
	struct err err;
	char text[600];

	(void)state;
	memset(text, 'b', sizeof text);
	text[599] = '\0';
	err_set(&err, ERR_FAILED, "%s", text);
	err_prefix(&err, "where");
	assert_memory_equal(err.text, "where: bbb", 10);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_from_itself),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_prefix_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
