/* SPDX-License-Identifier: MIT */
/* Tests of base/spend and of str_to_count(). */
#include "test.h"

#include "base/spend.h"
#include "base/str.h"

static void
test_sums(void **state)
{
	struct spend sum = { 0 }, one = { 3, 250000 }, huge = { UINT64_MAX - 1, UINT64_MAX };

	(void)state;
	spend_add(&sum, &one);
	spend_add(&sum, &one);
	assert_int_equal(sum.tokens, 6);
	assert_int_equal(sum.micro_usd, 500000);
	spend_add(&sum, &huge);
	assert_true(sum.tokens == UINT64_MAX && sum.micro_usd == UINT64_MAX);
}

static void
test_reached(void **state)
{
	struct spend limit = { 100, 0 }, spent = { 99, 1000000 }, none = { 0 }, since = { 50, 0 };

	(void)state;
	assert_false(spend_reached(&limit, &spent, &none));
	spent.tokens = 100;
	assert_true(spend_reached(&limit, &spent, &none));
	assert_false(spend_reached(&limit, &spent, &since));
	assert_false(spend_reached(&none, &spent, &none));
	limit = (struct spend){ 0, 1000000 };
	assert_true(spend_reached(&limit, &spent, &none));
}

static void
test_texts(void **state)
{
	char text[SPEND_SIZE];
	struct spend spend = { 2000000, 12500000 }, usd = { 0, 1 }, tokens = { 1, 0 };
	struct spend most = { UINT64_MAX, UINT64_MAX };

	(void)state;
	assert_string_equal(spend_format(&spend, &spend, text), "12.5 USD and 2M tokens");
	assert_string_equal(spend_format(&spend, &usd, text), "12.5 USD");
	spend.tokens = 1234;
	assert_string_equal(spend_format(&spend, &tokens, text), "1234 tokens");
	spend.tokens = 0;
	assert_string_equal(spend_format(&spend, &tokens, text), "0 tokens");
	assert_non_null(spend_format(&most, &most, text));
	assert_int_equal(spend_micro(0.000001), 1);
	assert_int_equal(spend_micro(19.999999), 19999999);
	assert_true(spend_micro(1e300) == UINT64_MAX);
}

static void
test_counts(void **state)
{
	static const struct {
		const char *text;
		uint64_t count;
	} good[] = { { "0", 0 }, { "12", 12 }, { "500K", 500000 }, { "2M", 2000000 },
		{ "2m", 2000000 }, { "1.5M", 1500000 }, { "1.000001M", 1000001 }, { "0.5k", 500 },
		{ "1G", 1000000000 }, { "3B", 3000000000 }, { "1.0", 1 }, { "1.50K", 1500 } };
	static const char *const bad[] = { "", "M", "-1", "+1", "1.5", "1.0000001M", "1e6", " 1",
		"1 M", "1MM", "2MB", "1.M", ".5M", "0x10", "99999999999999999999", "18446744073709552K",
		"inf", "nan", "2T" };
	uint64_t count;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(str_to_count(good[i].text, &count));
		assert_int_equal(count, good[i].count);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_to_count(bad[i], &count))
			fail_msg("'%s' was taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_reached),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
