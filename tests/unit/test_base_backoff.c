/* SPDX-License-Identifier: MIT */
/* Tests of base/backoff. */
#include "test.h"

#include "base/backoff.h"

static void
test_kinds(void **state)
{
	unsigned n;
	int64_t want = 1000;

	(void)state;
	for (n = 1; n <= 6; n++, want *= 2)
		assert_int_equal(backoff_delay(BACKOFF_EXPONENTIAL, 1000, 2, 1000000, 0, n, 0), want);
	for (n = 1; n <= 6; n++) {
		assert_int_equal(backoff_delay(BACKOFF_LINEAR, 1000, 2, 1000000, 0, n, 0), 1000 * n);
		assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 2, 1000000, 0, n, 0), 1000);
	}
	assert_int_equal(backoff_delay(BACKOFF_EXPONENTIAL, 1000, 1.5, 1000000, 0, 3, 0), 2250);
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(backoff_delay(BACKOFF_EXPONENTIAL, 1000, 2, 60000, 0, 7, 0), 60000);
	assert_int_equal(backoff_delay(BACKOFF_EXPONENTIAL, 1000, 2, 60000, 0, UINT32_MAX, 0), 60000);
	assert_int_equal(backoff_delay(BACKOFF_LINEAR, INT64_MAX, 2, INT64_MAX, 0, 9, 0), INT64_MAX);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 2, 0, 0.2, 1, 0.5), 0);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 0, 2, 1000, 0.2, 1, 0.5), 0);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 2, 60000, 0.2, 0, 0.5), 0);
	assert_int_equal(backoff_delay(BACKOFF_EXPONENTIAL, 1000, 0.5, 60000, 0, 3, 0), 250);
}

static void
test_jitter(void **state)
{
	(void)state;
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 60000, 0.2, 1, 0), 800);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 60000, 0.2, 1, 0.5), 1000);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 60000, 0.2, 1, 0.999999), 1199);
	/* The spread does not pass the limit. */
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 1000, 0.2, 1, 0.9), 1000);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 9000, 1, 1, 0), 0);
}

static void
test_full_jitter_of_delays(void **state)
{
	(void)state;
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 60000, BACKOFF_FULL_JITTER, 1, 0), 0);
	assert_int_equal(backoff_delay(BACKOFF_LINEAR, 1000, 1, 60000, BACKOFF_FULL_JITTER, 3, 0.5),
	    1500);
	assert_int_equal(backoff_delay(BACKOFF_FIXED, 1000, 1, 60000, BACKOFF_FULL_JITTER, 1,
	                     0.9999999), 999);
	/* adaptive grows as exponential does */
	assert_int_equal(backoff_delay(BACKOFF_ADAPTIVE, 1000, 2, 60000, 0, 3, 0), 4000);
}

static void
test_full_jitter(void **state)
{
	unsigned n;

	(void)state;
	assert_int_equal(backoff_full_jitter(100, 10000, 0, 0.5), 50);
	assert_int_equal(backoff_full_jitter(100, 10000, 3, 0.5), 400);
	assert_int_equal(backoff_full_jitter(100, 10000, 30, 0.5), 5000);
	for (n = 0; n < 2000; n++) {
		assert_int_equal(backoff_full_jitter(100, 10000, n, 0), 0);
		assert_true(backoff_full_jitter(100, 10000, n, 0.9999999) < 10000);
	}
	assert_int_equal(backoff_full_jitter(0, 10000, 3, 0.5), 0);
	assert_int_equal(backoff_full_jitter(100, 0, 3, 0.5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_full_jitter_of_delays),
		cmocka_unit_test(test_full_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
