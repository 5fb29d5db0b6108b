/* SPDX-License-Identifier: MIT */
/* Tests of base/str. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void
test_name(void **state)
{
	char text[80];

	(void)state;
	memset(text, 'a', sizeof text);
	assert_true(str_is_name("a", 1));
	assert_true(str_is_name("_x-9", 4));
	assert_true(str_is_name("Zz", 2));
	assert_true(str_is_name(text, 64));
	assert_false(str_is_name(text, 65));
	assert_false(str_is_name("", 0));
	assert_false(str_is_name("9a", 2));
	assert_false(str_is_name("-a", 2));
	assert_false(str_is_name("a.b", 3));
	assert_false(str_is_name("a b", 3));
	assert_false(str_is_name("a\0b", 3));
	assert_false(str_is_name("\xC3\xA9", 2));
}

static void
test_word(void **state)
{
	(void)state;
	assert_true(str_is_word("a"));
	assert_true(str_is_word("!night,1%~"));
	assert_false(str_is_word(""));
	assert_false(str_is_word("a b"));
	assert_false(str_is_word("a\n"));
	assert_false(str_is_word("\x7f"));
	assert_false(str_is_word("caf\xC3\xA9"));
}

static void
test_utf8(void **state)
{
	static const char *const good[] = { "", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
		"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
		"\xF4\x8F\xBF\xBF", "a\xE2\x82\xAC" "b" };
	static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2" "a",
		"\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xE2\x82" "a", "\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xF0\x9F\x98" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_is_utf8(good[i], strlen(good[i])));
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_is_utf8(bad[i], strlen(bad[i])));
	assert_true(str_is_utf8("a\0b", 3));
	assert_int_equal(str_utf8_prefix("ab\xFF" "c", 4), 2);
	assert_int_equal(str_utf8_prefix("\xE2\x82\xAC\xE2\x82", 5), 3);
	assert_int_equal(str_utf8_prefix("abc", 3), 3);
}

static void
test_nearest(void **state)
{
	static const char *const words[] = { "needs", "name", "timeout", "max_parallel", NULL };
	static const char *const none[] = { NULL };
	char text[200];

	(void)state;
	assert_string_equal(str_nearest("need", words), "needs");
	assert_string_equal(str_nearest("nmae", words), "name"); /* swapped: one edit */
	assert_string_equal(str_nearest("timout", words), "timeout");
	assert_string_equal(str_nearest("max_paralel", words), "max_parallel");
	assert_string_equal(str_nearest("mx_prllel", words), "max_parallel");
	assert_string_equal(str_nearest("name", words), "name");
	assert_null(str_nearest("xyz", words));
	assert_null(str_nearest("nm", words));
	assert_null(str_nearest("need", none));
	memset(text, 'x', sizeof text);
	text[199] = '\0';
	assert_null(str_nearest(text, words));
	assert_null(str_nearest("x", (const char *const[]){ text, NULL }));
}

static void
test_i64(void **state)
{
	int64_t number = 77;

	(void)state;
	assert_true(str_to_i64("0", 0, 0, &number));
	assert_int_equal(number, 0);
	assert_true(str_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &number));
	assert_true(number == INT64_MIN);
	assert_true(str_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &number));
	assert_true(number == INT64_MAX);
	number = 77;
	assert_false(str_to_i64("9223372036854775808", INT64_MIN, INT64_MAX, &number));
	assert_false(str_to_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &number));
	assert_false(str_to_i64("6", 0, 5, &number));
	assert_false(str_to_i64("-1", 0, 5, &number));
	assert_false(str_to_i64("", 0, 5, &number));
	assert_false(str_to_i64("-", -5, 5, &number));
	assert_false(str_to_i64("--1", -5, 5, &number));
	assert_false(str_to_i64("+1", -5, 5, &number));
	assert_false(str_to_i64(" 1", -5, 5, &number));
	assert_false(str_to_i64("1 ", -5, 5, &number));
	assert_false(str_to_i64("0x1", -5, 5, &number));
	assert_int_equal(number, 77);
}

static void
test_u64(void **state)
{
	uint64_t number = 77;

	(void)state;
	assert_true(str_to_u64("18446744073709551615", &number));
	assert_true(number == UINT64_MAX);
	number = 77;
	assert_false(str_to_u64("18446744073709551616", &number));
	assert_false(str_to_u64("99999999999999999999", &number));
	assert_false(str_to_u64("-1", &number));
	assert_false(str_to_u64("", &number));
	assert_false(str_to_u64("1x", &number));
	assert_int_equal(number, 77);
}

static void
test_double(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "inf", "nan", "0x10", "1e999", ".", "e",
		"1.2.3", "-", "1,5" };
	double number = 77;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_double(bad[i], &number));
	assert_true(number == 77);
	assert_true(str_to_double("-1.5e2", &number));
	assert_true(number == -150);
	assert_true(str_to_double(".25", &number));
	assert_true(number == 0.25);
}

static void
test_size(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "512", 512 }, { "512B", 512 }, { "64K", 65536 }, { "1kb", 1024 },
		{ "16MiB", 16u << 20 }, { "16M", 16u << 20 }, { "1G", 1u << 30 },
		{ "2TiB", UINT64_C(2) << 40 }, { "16777215T", UINT64_C(16777215) << 40 } };
	static const char *const bad[] = { "", "K", "-1", "1.5M", "1 K", "1KK", "1iB", "1X", "1KiBx",
		"16777216T", "18446744073709551616", "1Ki" };
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(str_to_size(good[i].text, &bytes));
		assert_true(bytes == good[i].bytes);
	}
	bytes = 77;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_size(bad[i], &bytes));
	assert_int_equal(bytes, 77);
}

static void
test_bool(void **state)
{
	static const char *const yes[] = { "true", "yes", "on", "1", "TRUE" };
	static const char *const no[] = { "false", "no", "off", "0", "Off" };
	bool value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(yes); i++) {
		value = false;
		assert_true(str_to_bool(yes[i], &value) && value);
		value = true;
		assert_true(str_to_bool(no[i], &value) && !value);
	}
	assert_false(str_to_bool("", &value));
	assert_false(str_to_bool("2", &value));
	assert_false(str_to_bool("y", &value));
}

static void
test_ends(void **state)
{
	(void)state;
	assert_true(str_starts("abc", ""));
	assert_true(str_starts("abc", "abc"));
	assert_false(str_starts("ab", "abc"));
	assert_true(str_ends("a.yaml", ".yaml"));
	assert_true(str_ends("x", ""));
	assert_false(str_ends("yaml", ".yaml"));
	assert_false(str_ends("a.yaml~", ".yaml"));
}

static void
test_secret(void **state)
{
	(void)state;
	assert_true(str_equal_secret("", ""));
	assert_true(str_equal_secret("token", "token"));
	assert_false(str_equal_secret("token", "tokem"));
	assert_false(str_equal_secret("token", "toke"));
	assert_false(str_equal_secret("toke", "token"));
	assert_false(str_equal_secret("", "x"));
	assert_false(str_equal_secret("x", ""));
}

static void
check_strip(const char *text, size_t len, const char *expected)
{
	char copy[256];
	size_t left;

	memcpy(copy, text, len);
	copy[len] = '~';
	left = str_strip_controls(copy, len);
	assert_int_equal(left, strlen(expected));
	assert_memory_equal(copy, expected, left);
	assert_int_equal(copy[len], '~'); /* nothing behind the text is touched */
}

static void
test_strip(void **state)
{
	static const char *const rows[][2] = {
		{ "plain\n\ttext", "plain\n\ttext" },
		{ "\033[31mred\033[0m", "red" },
		{ "a\033[38;5;1;?25hb", "ab" },
		{ "\033]0;title\ax", "x" },
		{ "\033]8;;http://x\033\\link\033]8;;\033\\", "link" },
		{ "\033Pq#data\033\\x", "x" },
		{ "\033]0;open\nnext", "\nnext" },
		{ "\033cx", "x" },
		{ "\033(Bx", "x" },
		{ "a\rb\bc\x7F" "d\ae", "abcde" },
		{ "\xC2\x9B" "31mred", "red" },
		{ "\xC2\x9D" "0;t\xC2\x9Cx", "x" },
		{ "\xC2\x85x", "x" },
		{ "\xC3\xA9\xC2\xA0x", "\xC3\xA9\xC2\xA0x" },
		{ "end\033", "end" },
		{ "end\033[", "end" },
		{ "end\033[31", "end" },
		{ "\033\033[31mx", "x" },
		{ "\033[3\nx", "\nx" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		check_strip(rows[i][0], strlen(rows[i][0]), rows[i][1]);
	check_strip("a\0b", 3, "ab");
	check_strip("", 0, "");
}

static void
test_hash(void **state)
{
	(void)state;
	/* The published vectors of FNV-1a, 64 bits. */
	assert_true(str_hash("", 0) == UINT64_C(0xCBF29CE484222325));
	assert_true(str_hash("a", 1) == UINT64_C(0xAF63DC4C8601EC8C));
	assert_true(str_hash("foobar", 6) == UINT64_C(0x85944171F73967E8));
	assert_true(str_hash("\xFF", 1) != str_hash("\x7F", 1));
}

static void
test_put_u64(void **state)
{
	static const uint64_t numbers[] = { 0, 7, 10, 99, 100, 1732200000123, UINT64_MAX };
	char text[STR_U64_SIZE + 1], expected[STR_U64_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		*str_put_u64(text, numbers[i]) = '\0';
		(void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
		assert_string_equal(text, expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_strip),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_put_u64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
