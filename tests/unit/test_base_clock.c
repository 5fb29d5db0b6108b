/* SPDX-License-Identifier: MIT */
/* Tests of base/clock. */
#include "test.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void
test_clocks(void **state)
{
	int64_t before = clock_mono_us();

	(void)state;
	assert_true(before > 0);
	assert_true(clock_mono_us() >= before);
	assert_true(clock_wall_ms() > INT64_C(1700000000000));
	assert_true(clock_wall_ms() < INT64_C(253402300799000));
}

static const struct {
	int64_t ms;
	const char *text;
} instants[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ 1795232053123, "2026-11-21T03:34:13.123Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ -62167219200000, "0000-01-01T00:00:00.000Z" },
};

static void
test_rfc3339(void **state)
{
	char text[RFC3339_SIZE];
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(instants); i++) {
		assert_string_equal(rfc3339_format(instants[i].ms, text), instants[i].text);
		assert_true(rfc3339_parse(instants[i].text, &ms));
		assert_true(ms == instants[i].ms);
	}
	assert_int_equal(strlen(rfc3339_format(INT64_MAX, text)), 24);
	assert_int_equal(strlen(rfc3339_format(INT64_MIN, text)), 24);
}

static void
test_rfc3339_forms(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(rfc3339_parse("1970-01-01T01:30:00+01:30", &ms) && ms == 0);
	assert_true(rfc3339_parse("1969-12-31T19:00:00-05:00", &ms) && ms == 0);
	assert_true(rfc3339_parse("1970-01-01t00:00:00.5z", &ms) && ms == 500);
	assert_true(rfc3339_parse("1970-01-01T00:00:00.123999Z", &ms) && ms == 123);
	assert_true(rfc3339_parse("2016-12-31T23:59:60Z", &ms) && ms == 1483228800000);
}

static void
test_rfc3339_bad(void **state)
{
	static const char *const bad[] = { "", "1970-01-01", "1970-01-01T00:00:00",
		"1970-01-01 00:00:00Z", "1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z",
		"1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "1970-04-31T00:00:00Z",
		"1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z",
		"1970-01-01T00:00:00.Z", "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+1:00",
		"1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+01:60", "70-01-01T00:00:00Z",
		"1970-1-1T0:0:0Z" };
	int64_t ms = 77;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rfc3339_parse(bad[i], &ms));
	assert_int_equal(ms, 77);
}

static void
test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 }, { "30", 30000 }, { "1.5", 1500 }, { "0.001", 1 }, { "0.0001", 1 },
		{ "1.0000", 1000 }, { "250ms", 250 }, { "30s", 30000 }, { "10m", 600000 },
		{ "1h30m", 5400000 }, { "1d", 86400000 }, { "1d2h3m4s5ms", 93784005 },
		{ "90m", 5400000 }, { "1s1ms", 1001 }, { "3650d", INT64_C(315360000000) },
		{ "315360000", INT64_C(315360000000) } };
	static const char *const bad[] = { "", " 1s", "1s ", "-1s", "s", "1x", "1m1h", "1s1s", "1.5h",
		"1.", ".5", "1h30", "3651d", "3650d1ms", "315360001", "99999999999999999999d",
		"1sm", "1 s", "1S", "1e3" };
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(duration_parse(good[i].text, &ms));
		assert_true(ms == good[i].ms);
	}
	ms = 77;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(duration_parse(bad[i], &ms));
	assert_int_equal(ms, 77);
}

static void
test_duration_format(void **state)
{
	char text[DURATION_SIZE];
	int64_t ms, back;

	(void)state;
	assert_string_equal(duration_format(0, text), "0s");
	assert_string_equal(duration_format(250, text), "250ms");
	assert_string_equal(duration_format(5400000, text), "1h30m");
	assert_string_equal(duration_format(93784005, text), "1d2h3m4s5ms");
	assert_string_equal(duration_format(-1500, text), "-1s500ms");
	duration_format(INT64_MAX, text);
	duration_format(INT64_MIN, text);
	for (ms = 1; ms < INT64_C(300000000000); ms = ms * 7 + 3) {
		assert_true(duration_parse(duration_format(ms, text), &back));
		assert_true(back == ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_rfc3339_forms),
		cmocka_unit_test(test_rfc3339_bad),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_duration_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
