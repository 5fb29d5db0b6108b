/* SPDX-License-Identifier: MIT */
/* Tests of base/bucket: never too many, never too late, whatever the steps. */
#include "test.h"

#include <math.h>

#include "base/bucket.h"
#include "base/rand.h"

static void
test_burst_then_rate(void **state)
{
	struct bucket bucket;
	int i;

	(void)state;
	bucket_init(&bucket, 2, 4, 1000);
	for (i = 0; i < 4; i++)
		assert_true(bucket_take(&bucket, 1, 1000));
	assert_false(bucket_take(&bucket, 1, 1000));
	assert_int_equal(bucket_wait(&bucket, 1, 1000), 500);
	assert_int_equal(bucket_wait(&bucket, 4, 1000), 2000);
	assert_false(bucket_take(&bucket, 1, 1499));
	assert_true(bucket_take(&bucket, 1, 1500));
	assert_false(bucket_take(&bucket, 1, 1500));
	/* Idle time gives the burst, not more. */
	assert_true(bucket_level(&bucket, 3600000) == 4);
	assert_false(bucket_take(&bucket, 5, 3600000));
	assert_true(bucket_take(&bucket, 4, 3600000));
}

static void
test_wait_has_an_end_or_none(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 0, 2, 0);
	assert_int_equal(bucket_wait(&bucket, 2, 0), 0);
	assert_true(bucket_take(&bucket, 2, 0));
	assert_true(bucket_wait(&bucket, 1, 0) == BUCKET_NEVER);
	bucket_change(&bucket, 1, 2, 0);
	assert_int_equal(bucket_wait(&bucket, 1, 0), 1000);
	assert_true(bucket_wait(&bucket, 3, 0) == BUCKET_NEVER);
	bucket_change(&bucket, 1e-300, 2, 0);
	assert_true(bucket_wait(&bucket, 1, 0) == BUCKET_NEVER);
	bucket_init(&bucket, -1, (double)NAN, 0);
	assert_false(bucket_take(&bucket, 1, 100000));
	assert_true(bucket_level(&bucket, 100000) == 0);
}

/* Another rate keeps what has flowed in under the last one. */
static void
test_change_keeps_the_level(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 10, 10, 0);
	assert_true(bucket_take(&bucket, 10, 0));
	bucket_change(&bucket, 1, 10, 500);
	assert_true(fabs(bucket_level(&bucket, 500) - 5) < 1e-9);
	assert_true(fabs(bucket_level(&bucket, 1500) - 6) < 1e-9);
	bucket_change(&bucket, 1, 2, 1500);
	assert_true(fabs(bucket_level(&bucket, 1500) - 2) < 1e-9);
	bucket_change(&bucket, 1, 20, 1500);
	assert_true(fabs(bucket_level(&bucket, 1500) - 2) < 1e-9);
	bucket_fill(&bucket, 0, 2000);
	assert_int_equal(bucket_wait(&bucket, 1, 2000), 1000);
	bucket_fill(&bucket, 99, 2000);
	assert_true(bucket_level(&bucket, 2000) == 20);
}

static void
test_give_back(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1, 3, 0);
	assert_true(bucket_take(&bucket, 3, 0));
	bucket_give(&bucket, 2, 0);
	assert_true(bucket_level(&bucket, 0) == 2);
	bucket_give(&bucket, 2, 0);
	assert_true(bucket_level(&bucket, 0) == 3);
	assert_true(bucket_take(&bucket, 3, 0));
	assert_int_equal(bucket_wait(&bucket, 1, 0), 1000);
}

/* A clock that goes back makes nothing flow, and takes nothing away. */
static void
test_clock_goes_back(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1, 2, 10000);
	assert_true(bucket_take(&bucket, 2, 10000));
	assert_false(bucket_take(&bucket, 1, 5000));
	assert_int_equal(bucket_wait(&bucket, 1, 9000), 2000);
	bucket_change(&bucket, 1, 2, 5000);
	assert_false(bucket_take(&bucket, 1, 10999));
	assert_true(bucket_take(&bucket, 1, 11000));
}

/* A third of a second has no end in binary; a thousand seconds of them do. */
static void
test_no_drift(void **state)
{
	struct bucket bucket;
	int64_t now = 0, end = 1000000;
	int taken = 0;

	(void)state;
	bucket_init(&bucket, 3, 2, 0);
	assert_true(bucket_take(&bucket, 2, 0));
	for (; now <= end; now++)
		taken += bucket_take(&bucket, 1, now);
	assert_int_equal(taken, 3000);
	/* And many more than a double could sum up. */
	bucket_init(&bucket, 1e6, 1e6, 0);
	for (now = 0, taken = 0; now < 4000; now++)
		while (taken < 2000000000 && bucket_take(&bucket, 500, now))
			taken += 500;
	assert_int_equal(taken, 1000000 + 3999 * 1000);
}

/*
 * Random steps, amounts and rates: what was promised comes when it was promised and
 * not a ms earlier, and no span sees more than burst + rate * time.
 */
static void
test_promises(void **state)
{
	struct rng chance;
	struct bucket bucket;
	int64_t now, start;
	int i, j;

	(void)state;
	rng_init(&chance, 7);
	for (i = 0; i < 200; i++) {
		double rate = 0.01 + (double)rng_below(&chance, 100000) / 97;
		double burst = 1 + (double)rng_below(&chance, 50);
		double taken = 0;

		now = start = (int64_t)rng_below(&chance, 1000000);
		bucket_init(&bucket, rate, burst, now);
		for (j = 0; j < 200; j++) {
			double n = 1 + (double)rng_below(&chance, (uint64_t)burst);
			int64_t wait = bucket_wait(&bucket, n, now);

			assert_true(wait != BUCKET_NEVER);
			if (wait > 0)
				assert_false(bucket_take(&bucket, n, now + wait - 1));
			now += wait;
			assert_true(bucket_take(&bucket, n, now));
			taken += n;
			assert_true(taken <= burst + rate * (double)(now - start) / 1000 + 1e-6);
			now += (int64_t)rng_below(&chance, 3);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_wait_has_an_end_or_none),
		cmocka_unit_test(test_change_keeps_the_level),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_clock_goes_back),
		cmocka_unit_test(test_no_drift),
		cmocka_unit_test(test_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
