/* SPDX-License-Identifier: MIT */
/* Tests of engine/shed: levels, margins, priorities, the time to come again. */
#include "test.h"

#include <stdio.h>

#include "engine/shed.h"

static struct shed
begin(void)
{
	struct shed_config config;
	struct shed shed;

	shed_config_defaults(&config);
	shed_init(&shed, &config);
	return shed;
}

static void
test_levels(void **state)
{
	static const struct {
		uint64_t used;
		unsigned level;
		int up_to;
	} cases[] = { { 0, 0, -1 }, { 79, 0, -1 }, { 80, 1, 2 }, { 89, 1, 2 }, { 90, 2, 5 },
		{ 94, 2, 5 }, { 95, 3, 9 }, { 100, 3, 9 }, { 250, 3, 9 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shed shed = begin();

		assert_int_equal(shed_look(&shed, SHED_TASKS, cases[i].used, 100, 1),
		    cases[i].level > 0);
		assert_int_equal(shed_level(&shed), cases[i].level);
		for (int p = 0; p <= 9; p++)
			assert_int_equal(shed_refuses(&shed, p), p <= cases[i].up_to);
	}
}

/* Each level ends five points below where it began, and no sooner. */
static void
test_margin(void **state)
{
	static const struct {
		uint64_t used;
		unsigned level;
	} steps[] = { { 95, 3 }, { 91, 3 }, { 90, 3 }, { 89, 2 }, { 90, 2 }, { 94, 2 }, { 85, 2 },
		{ 84, 1 }, { 89, 1 }, { 79, 1 }, { 75, 1 }, { 74, 0 }, { 79, 0 }, { 80, 1 }, { 0, 0 },
		{ 96, 3 }, { 10, 0 } };
	struct shed shed = begin();

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		(void)shed_look(&shed, SHED_MEMORY, steps[i].used, 100, (int64_t)i + 1);
		if (shed_level(&shed) != steps[i].level)
			print_error("step %zu\n", i);
		assert_int_equal(shed_level(&shed), steps[i].level);
	}
}

/* A load that swings by less than the margin changes the level once. */
static void
test_flapping(void **state)
{
	struct shed shed = begin();
	unsigned changes = 0;

	(void)state;
	for (int64_t i = 1; i <= 1000; i++)
		changes += shed_look(&shed, SHED_TASKS, 78 + (uint64_t)i % 4, 100, i);
	assert_int_equal(changes, 1);
	assert_int_equal(shed_level(&shed), 1);
}

static void
test_fullest(void **state)
{
	struct shed shed = begin();

	(void)state;
	assert_false(shed_look(&shed, SHED_TASKS, 50, 0, 1)); /* no cap, no load */
	assert_false(shed_look(&shed, SHED_TASKS, 70, 100, 1));
	assert_false(shed_look(&shed, SHED_REDIS, 75, 100, 1));
	assert_int_equal(shed_fullest(&shed), SHED_REDIS);
	assert_true(shed_look(&shed, SHED_MEMORY, 81, 100, 1));
	assert_int_equal(shed_fullest(&shed), SHED_MEMORY);
	assert_true(shed_look(&shed, SHED_TASKS, 99, 100, 1));
	assert_int_equal(shed_fullest(&shed), SHED_TASKS);
	assert_int_equal(shed_level(&shed), 3);
	/* the others still hold when the fullest is gone */
	assert_true(shed_look(&shed, SHED_TASKS, 1, 100, 2));
	assert_int_equal(shed_level(&shed), 1);
	assert_int_equal(shed_fullest(&shed), SHED_MEMORY);
}

/* Caps of a few tasks, and of petabytes. */
static void
test_sizes(void **state)
{
	struct shed shed = begin();
	uint64_t big = (uint64_t)1 << 50;

	(void)state;
	(void)shed_look(&shed, SHED_TASKS, 3, 4, 1);
	assert_int_equal(shed_level(&shed), 0);
	(void)shed_look(&shed, SHED_TASKS, 4, 4, 1);
	assert_int_equal(shed_level(&shed), 3);
	(void)shed_look(&shed, SHED_TASKS, 0, 4, 1);
	(void)shed_look(&shed, SHED_REDIS, big / 100 * 91, big, 1);
	assert_int_equal(shed_level(&shed), 2);
	assert_int_equal(shed_percent(&shed.loads[SHED_REDIS]), 90); /* cut off */
}

static void
test_configured(void **state)
{
	struct shed shed = begin();
	struct shed_config config = { { 3, 50, 100 } };

	(void)state;
	shed_configure(&shed, &config);
	(void)shed_look(&shed, SHED_TASKS, 2, 100, 1);
	assert_int_equal(shed_level(&shed), 0);
	(void)shed_look(&shed, SHED_TASKS, 3, 100, 1);
	assert_int_equal(shed_level(&shed), 1);
	(void)shed_look(&shed, SHED_TASKS, 0, 100, 1); /* a margin below nothing still ends */
	assert_int_equal(shed_level(&shed), 0);
	(void)shed_look(&shed, SHED_TASKS, 99, 100, 1);
	assert_int_equal(shed_level(&shed), 2);
}

static void
test_wait(void **state)
{
	struct shed shed = begin();
	unsigned steady;

	(void)state;
	(void)shed_look(&shed, SHED_TASKS, 960, 1000, 1000);
	steady = shed_wait_s(&shed, 5);
	assert_in_range(steady, 1, SHED_WAIT_MAX_S);
	/* ten a second less: 950 to 850 takes about ten seconds for normal, twenty for low */
	for (int64_t s = 1; s <= 60; s++)
		(void)shed_look(&shed, SHED_TASKS, 1550 - (uint64_t)s * 10, 1000, 1000 + s * 1000);
	assert_in_range(shed_wait_s(&shed, 5), 9, 13);
	assert_in_range(shed_wait_s(&shed, 2), 19, 23);
	assert_in_range(shed_wait_s(&shed, 9), 4, 8);
	/* nothing ends: the longest that anybody is told */
	for (int64_t s = 61; s <= 160; s++)
		(void)shed_look(&shed, SHED_TASKS, 950, 1000, 1000 + s * 1000);
	assert_in_range(shed_wait_s(&shed, 5), 1, SHED_WAIT_MAX_S);
	/* many looks a second are one sample */
	for (int i = 0; i < 1000; i++)
		(void)shed_look(&shed, SHED_TASKS, 949 - (uint64_t)(i % 2), 1000, 161000 + i % 10);
	assert_in_range(shed_wait_s(&shed, 0), 1, SHED_WAIT_MAX_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_margin),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_fullest),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
