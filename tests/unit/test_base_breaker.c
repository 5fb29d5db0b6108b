/* SPDX-License-Identifier: MIT */
/* Tests of base/breaker. */
#include "test.h"

#include "base/breaker.h"

static const struct breaker_rule RULE = { .failures = 3, .reset_ms = 1000 };

static void
opens_after_failures_in_a_row(void **state)
{
	struct breaker breaker = { 0 };

	(void)state;
	assert_false(breaker_note(&breaker, &RULE, true, 0));
	assert_false(breaker_note(&breaker, &RULE, true, 1));
	assert_false(breaker_note(&breaker, &RULE, false, 2)); /* counts anew */
	assert_false(breaker_note(&breaker, &RULE, true, 3));
	assert_false(breaker_note(&breaker, &RULE, true, 4));
	assert_true(breaker_note(&breaker, &RULE, true, 5));
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(breaker.failures, 3);
	assert_int_equal(breaker.until_ms, 1005);
	/* who was at work already says nothing */
	assert_false(breaker_note(&breaker, &RULE, false, 6));
	assert_false(breaker_note(&breaker, &RULE, true, 7));
	assert_int_equal(breaker.failures, 3);
	assert_int_equal(breaker.until_ms, 1005);
}

static void
a_probe_decides(void **state)
{
	struct breaker breaker = { 0 };
	int64_t now = 0, length[] = { 2000, 4000, 8000, 8000 };

	(void)state;
	for (int i = 0; i < 3; i++)
		breaker_note(&breaker, &RULE, true, now);
	assert_false(breaker_due(&breaker, 999));
	for (int i = 0; i < 4; i++) {
		now = breaker.until_ms;
		assert_true(breaker_due(&breaker, now));
		assert_false(breaker_due(&breaker, now));
		assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
		breaker_probed(&breaker, &RULE, true, now);
		assert_int_equal(breaker.state, BREAKER_OPEN);
		assert_int_equal(breaker.until_ms - now, length[i]);
	}
	assert_int_equal(breaker.failures, 7);
	assert_true(breaker_due(&breaker, breaker.until_ms));
	breaker_probed(&breaker, &RULE, false, now);
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	assert_int_equal(breaker.failures + breaker.opened, 0);
	breaker_probed(&breaker, &RULE, true, now); /* there is no probe any more */
	assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void
none_without_a_rule(void **state)
{
	const struct breaker_rule none = { 0 };
	struct breaker breaker = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(breaker_note(&breaker, &none, true, i));
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_failures_in_a_row),
		cmocka_unit_test(a_probe_decides),
		cmocka_unit_test(none_without_a_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
