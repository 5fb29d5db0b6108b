/* SPDX-License-Identifier: MIT */
/* Tests of engine/rate. */
#include "test.h"

#include "engine/rate.h"

static const struct rate_limit LIMIT = { .per_second = 10,
	.burst = 10,
	.min_per_second = 1,
	.target_latency_ms = 200,
	.failure_rate = 0.5 };

/* n outcomes, one each second from *now on, of attempts that began when they ended. */
static enum rate_verdict
outcomes(struct rate *rate, int n, enum rate_outcome outcome, int64_t ran_ms, int64_t *now)
{
	enum rate_verdict last = RATE_SAME;

	for (int i = 0; i < n; i++) {
		enum rate_verdict verdict = rate_note(rate, &LIMIT, outcome, *now, ran_ms, *now);

		if (verdict != RATE_SAME)
			last = verdict;
		*now += 1000;
	}
	return last;
}

static void
falls_by_half_and_rises_step_by_step(void **state)
{
	struct rate rate;
	int64_t now = 1000000;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	assert_int_equal(outcomes(&rate, 6, RATE_SUCCEEDED, 100, &now), RATE_SAME); /* the top */
	assert_int_equal(outcomes(&rate, 6, RATE_FAILED, 0, &now), RATE_DOWN_FAILURES);
	assert_float_equal(rate.per_second, 5, 1e-4);
	outcomes(&rate, 100, RATE_FAILED, 0, &now);
	assert_float_equal(rate.per_second, 1, 1e-4); /* the floor */
	outcomes(&rate, 12, RATE_SUCCEEDED, 100, &now);
	assert_true(rate.per_second > 1 && rate.per_second <= 2);
	outcomes(&rate, 400, RATE_SUCCEEDED, 100, &now);
	assert_float_equal(rate.per_second, 10, 1e-4);
}

/* Once an interval, however many fail in it, and not by a few. */
static void
is_judged_once_an_interval(void **state)
{
	struct rate rate;
	int64_t now = 1000000;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rate_note(&rate, &LIMIT, RATE_FAILED, now, 0, now), RATE_SAME);
	assert_int_equal(
	    rate_note(&rate, &LIMIT, RATE_FAILED, now, 0, now + RATE_INTERVAL_MS),
	    RATE_DOWN_FAILURES);
	now += RATE_INTERVAL_MS;
	for (int i = 1; i < RATE_OUTCOMES; i++)
		assert_int_equal(rate_note(&rate, &LIMIT, RATE_FAILED, now, 0, now + 60000),
		    RATE_SAME);
	assert_int_equal(
	    rate_note(&rate, &LIMIT, RATE_FAILED, now, 0, now + 60000), RATE_DOWN_FAILURES);
	assert_float_equal(rate.per_second, 2.5, 1e-4);
}

/* What began before the last decrease says nothing about the rate since then. */
static void
older_attempts_do_not_count(void **state)
{
	struct rate rate;
	int64_t now = 1000000, cut;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	outcomes(&rate, 6, RATE_FAILED, 0, &now);
	cut = rate.cut_ms;
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    rate_note(&rate, &LIMIT, RATE_FAILED, cut - 1, 0, now + i * 1000), RATE_SAME);
	assert_float_equal(rate.per_second, 5, 1e-4);
}

static void
latency_is_a_median(void **state)
{
	struct rate rate;
	int64_t now = 1000000;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	outcomes(&rate, 2, RATE_SUCCEEDED, 100000, &now);
	assert_int_equal(outcomes(&rate, 4, RATE_SUCCEEDED, 100, &now), RATE_SAME);
	outcomes(&rate, 2, RATE_SUCCEEDED, 100, &now);
	assert_int_equal(outcomes(&rate, 4, RATE_SUCCEEDED, 201, &now), RATE_DOWN_LATENCY);
	/* nobody says how long they ran */
	assert_int_equal(outcomes(&rate, 12, RATE_SUCCEEDED, 0, &now), RATE_UP);
}

static void
a_providers_limit_is_a_sign_of_its_own(void **state)
{
	struct rate rate;
	int64_t now = 1000000;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	outcomes(&rate, 1, RATE_THROTTLED, 0, &now);
	now += RATE_INTERVAL_MS;
	assert_int_equal(outcomes(&rate, 1, RATE_SUCCEEDED, 100, &now), RATE_DOWN_THROTTLED);
	assert_float_equal(rate.per_second, 5, 1e-4);
}

static void
another_limit_keeps_the_share(void **state)
{
	struct rate_limit to = LIMIT;
	struct rate rate;
	int64_t now = 1000000;

	(void)state;
	rate_init(&rate, &LIMIT, now);
	outcomes(&rate, 6, RATE_FAILED, 0, &now);
	to.per_second = 100;
	to.min_per_second = 60;
	rate_change(&rate, &LIMIT, &to);
	assert_float_equal(rate.per_second, 60, 1e-4);
	to.min_per_second = 10;
	rate_init(&rate, &LIMIT, now);
	rate_change(&rate, &LIMIT, &to);
	assert_float_equal(rate.per_second, 100, 1e-4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(falls_by_half_and_rises_step_by_step),
		cmocka_unit_test(is_judged_once_an_interval),
		cmocka_unit_test(older_attempts_do_not_count),
		cmocka_unit_test(latency_is_a_median),
		cmocka_unit_test(a_providers_limit_is_a_sign_of_its_own),
		cmocka_unit_test(another_limit_keeps_the_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
