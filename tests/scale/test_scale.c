/* SPDX-License-Identifier: MIT */
/* What the scaler promises, over many seeds, in virtual time. */
#include "../unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "play.h"
#include "report.h"

#define SEEDS 12
#define COST_SEEDS 5 /* where only the mean counts */

static void
read_scenario(const char *name, struct scenario *ret_scenario)
{
	const char *src = getenv("srcdir");
	struct buf path = {0};
	struct err err;

	buf_printf(&path, "%s/tests/scale/scenarios/%s.yaml", src != NULL ? src : ".", name);
	if (scenario_read(buf_text(&path), ret_scenario, &err) != 0)
		fail_msg("%s", err.text);
	buf_release(&path);
}

static double
target_s(const struct play *play)
{
	return (double)play->scenario.policy.target_wait_ms / 1000;
}

static double
cooldown_s(const struct play *play)
{
	return (double)play->scenario.policy.cooldown_ms / 1000;
}

/* Tells which seed it was. */
static void
check_most(const struct play *play, uint64_t seed, const char *what, double value, double most)
{
	if (!(value <= most))
		fail_msg("%s, seed %u: %s is %.3f, more than %.3f", play->scenario.name,
		    (unsigned)seed, what, value, most);
}

static void
check_limits(const struct play *play)
{
	const struct scale_policy *policy = &play->scenario.policy;

	for (size_t i = 0; i < play->n; i++)
		assert_in_range(play->samples[i].desired, policy->min_agents, policy->max_agents);
}

/* Nobody waits too long from two cool-downs after the start of a part on; no oscillation. */
static void
check_part(const struct play *play, uint64_t seed, size_t part)
{
	double from = scenario_part_start(&play->scenario, part);
	double until = scenario_part_start(&play->scenario, part + 1);
	double settled = from + 2 * cooldown_s(play);

	check_most(play, seed, "the p95 of the wait", play_wait(play, settled, until, 0.95),
	    target_s(play));
	check_most(play, seed, "the time to settle", play_settled(play, from, until),
	    2 * cooldown_s(play));
	check_most(play, seed, "the number of turns", play_turns(play, from, until), 1);
}

/* The mean over the seeds of what it costs, against the oracle. */
static void
check_cost(const char *name, double most)
{
	struct scenario scenario;
	struct play play;
	double cost = 0, oracle = 0;

	read_scenario(name, &scenario);
	for (uint64_t seed = 1; seed <= COST_SEEDS; seed++) {
		play_run(&scenario, seed, &play);
		check_limits(&play);
		cost += play.cost_s;
		oracle += play.oracle_cost_s;
		play_release(&play);
	}
	if (cost > most * oracle)
		fail_msg("%s: %.3f times the oracle", name, cost / oracle);
}

/* Each seed by itself. */
static void
test_step(void **state)
{
	struct scenario scenario;
	struct play play;

	(void)state;
	read_scenario("step", &scenario);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		play_run(&scenario, seed, &play);
		check_limits(&play);
		check_part(&play, seed, 1);
		check_part(&play, seed, 2);
		check_most(&play, seed, "the cost", play.cost_s / play.oracle_cost_s, 1.15);
		play_release(&play);
	}
}

static void
test_cost(void **state)
{
	(void)state;
	check_cost("ramp", 1.15);
	check_cost("diurnal", 1.15);
	check_cost("nights", 1.15);
	check_cost("short-tasks", 1.15);
	check_cost("harder", 1.15);
	check_cost("deaths", 1.15);
}

static void
test_long_tasks(void **state)
{
	(void)state;
	check_cost("long-tasks", 1.15);
}

/* To zero in the nights, and from zero on with the first task. */
static void
test_nights(void **state)
{
	struct scenario scenario;
	struct play play;
	double morning, evening;

	(void)state;
	read_scenario("nights", &scenario);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		play_run(&scenario, seed, &play);
		evening = scenario_part_start(&scenario, 2);
		morning = scenario_part_start(&scenario, 3);
		assert_int_equal(play.samples[(size_t)morning - 1].desired, 0);
		check_most(&play, seed, "the wait p95 in the morning",
		    play_wait(&play, morning, morning + cooldown_s(&play), 0.95), target_s(&play));
		for (size_t i = (size_t)evening; i < play.n; i++)
			if (play.samples[i].waiting + play.samples[i].running > 0)
				assert_true(play.samples[i].desired > 0);
		play_release(&play);
	}
}

/* What begins in an instant must end: in time, and not far over what it takes. */
static void
test_spike(void **state)
{
	struct scenario scenario;
	struct play play;

	(void)state;
	read_scenario("spike", &scenario);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		play_run(&scenario, seed, &play);
		check_limits(&play);
		check_most(&play, seed, "the wait p95",
		    play_wait(&play, 0, scenario_seconds(&scenario), 0.95), target_s(&play));
		check_most(&play, seed, "the cost", play.cost_s / play.oracle_cost_s, 1.6);
		play_release(&play);
	}
}

/* More than max_agents can bear: it stays at the maximum, then all is done. */
static void
test_batch(void **state)
{
	struct scenario scenario;
	struct play play;

	(void)state;
	read_scenario("batch", &scenario);
	play_run(&scenario, 1, &play);
	assert_int_equal(play_most(&play), scenario.policy.max_agents);
	for (size_t i = 0; i < play.load.n; i++)
		assert_true(play.load.jobs[i].begun_s >= 0);
	assert_int_equal(play.samples[play.n - 1].desired, 0);
	play_release(&play);
}

static void
test_report(void **state)
{
	struct scenario scenario;
	struct play play;
	struct buf csv = {0}, svg = {0};
	size_t rows = 0;

	(void)state;
	read_scenario("nights", &scenario);
	play_run(&scenario, 1, &play);
	report_csv(&play, &csv);
	report_svg(&play, &svg);
	for (const char *at = buf_text(&csv); (at = strchr(at, '\n')) != NULL; at++)
		rows++;
	assert_int_equal(rows, REPORT_POINTS + 1);
	assert_non_null(strstr(buf_text(&svg), "wait p95"));
	assert_null(strstr(buf_text(&svg), "nan"));
	assert_non_null(strstr(buf_text(&svg), "</svg>"));
	buf_release(&csv);
	buf_release(&svg);
	play_release(&play);
}

static void
test_bad_scenarios(void **state)
{
	struct scenario scenario;
	struct err err;

	(void)state;
	assert_int_equal(scenario_read("/nonexistent.yaml", &scenario, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "nonexistent"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_long_tasks),
		cmocka_unit_test(test_nights),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_bad_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
