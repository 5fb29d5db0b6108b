/* SPDX-License-Identifier: MIT */
/* Tests of base/buf. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
test_empty(void **state)
{
	struct buf buf = { 0 };
	char *text;

	(void)state;
	assert_string_equal(buf_text(&buf), "");
	buf_clear(&buf);
	buf_drop_front(&buf, 3);
	buf_add(&buf, NULL, 0);
	assert_string_equal(buf_text(&buf), "");
	buf_release(&buf);
	text = buf_steal(&buf);
	assert_string_equal(text, "");
	free(text);
	buf_release(&buf);
}

static void
test_add(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_adds(&buf, "ab");
	buf_addc(&buf, 'c');
	buf_add(&buf, "\0d", 2);
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data, "abc\0d", 6);
	buf_clear(&buf);
	assert_string_equal(buf_text(&buf), "");
	buf_printf(&buf, "%s=%d", "x", 5);
	assert_string_equal(buf_text(&buf), "x=5");
	buf_release(&buf);
	assert_null(buf.data);
	buf_adds(&buf, "usable");
	assert_string_equal(buf_text(&buf), "usable");
	buf_release(&buf);
}

static void
test_growth(void **state)
{
	struct buf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		buf_addc(&buf, (char)('a' + i % 26));
		assert_true(buf.cap > buf.len);
	}
	for (i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
	assert_int_equal(buf.data[100000], 0);
	buf_reserve(&buf, 1000000);
	assert_true(buf.cap > 1100000);
	assert_int_equal(buf.len, 100000);
	buf_release(&buf);
}

static void
test_numbers(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_addu(&buf, 0);
	buf_addc(&buf, ' ');
	buf_addu(&buf, UINT64_MAX);
	buf_addc(&buf, ' ');
	buf_addi(&buf, INT64_MIN);
	buf_addc(&buf, ' ');
	buf_addi(&buf, INT64_MAX);
	buf_addc(&buf, ' ');
	buf_addi(&buf, -1);
	assert_string_equal(buf_text(&buf),
	    "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1");
	buf_release(&buf);
}

static void
test_printf_long(void **state)
{
	struct buf buf = { 0 };
	char text[5000];

	(void)state;
	memset(text, 'z', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	buf_printf(&buf, "%s!", text);
	assert_int_equal(buf.len, sizeof text);
	assert_string_equal(buf.data + sizeof text - 3, "zz!");
	buf_release(&buf);
}

static void
test_drop_front(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	buf_adds(&buf, "abcdef");
	buf_drop_front(&buf, 0);
	assert_string_equal(buf_text(&buf), "abcdef");
	buf_drop_front(&buf, 4);
	assert_string_equal(buf_text(&buf), "ef");
	buf_drop_front(&buf, 9);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf_text(&buf), "");
	buf_release(&buf);
}

static void
test_steal(void **state)
{
	struct buf buf = { 0 };
	char *text;

	(void)state;
	buf_adds(&buf, "mine");
	text = buf_steal(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	free(text);
}

static void
check_json(const char *text, size_t len, const char *expected)
{
	struct buf buf = { 0 };

	buf_add_json(&buf, text, len);
	assert_string_equal(buf_text(&buf), expected);
	buf_release(&buf);
}

static void
test_json(void **state)
{
	(void)state;
	check_json("", 0, "\"\"");
	check_json("plain", 5, "\"plain\"");
	check_json("q\"b\\s/\n\t\r\b\f", 11, "\"q\\\"b\\\\s/\\n\\t\\r\\b\\f\"");
	check_json("\x01\x1F\x7F\0", 4, "\"\\u0001\\u001f\x7F\\u0000\"");
	check_json("\xC3\xA9\xF0\x9F\x98\x80", 6, "\"\xC3\xA9\xF0\x9F\x98\x80\"");
	check_json("a\xFF" "b", 3, "\"a\xEF\xBF\xBD" "b\"");
	check_json("\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
	check_json("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_printf_long),
		cmocka_unit_test(test_drop_front),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
