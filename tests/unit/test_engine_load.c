/* SPDX-License-Identifier: MIT */
/* What a load makes of timers, entries of ended runs and ends cut off. */
#include "engine_support.h"

static void
test_timer_left(void **state)
{
	static const int64_t jumps[] = { 400, 3600000, -3600000 };
	static const int64_t left[] = { 600, 0, 1000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, "tasks: [{id: a, agent: x, retry: {max_attempts: 2, jitter: 0}}]\n");
		play(&h, run, "a-");
		h.now.wall_ms += jumps[i];
		harness_reload(&h);
		assert_int_equal(engine_task_due(h.engine, run->run, 0) - h.now.mono_ms, left[i]);
		harness_release(&h);
	}
}

static void
test_entry_of_an_ended_run(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 1;
	harness_reload(&h);
	run = start(&h, "fail: cancel\ntasks: [{id: a, agent: x}]\n");
	harness_dispatch(&h);
	engine_cancel(h.engine, &h.now, run->run, INTENT_CANCEL, &h.effects, NULL);
	harness_apply(&h);
	harness_reload(&h);
	start(&h, "tasks: [{id: a, agent: x}]\n");
	assert_int_equal(harness_dispatch(&h), 0);
	harness_end(&h, run, 0, COMPLETION_SUCCEEDED);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

static void
test_end_not_stored(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x}]\n");
	play(&h, run, "a+");
	run->live = true;
	run->record.state = RUN_RUNNING;
	harness_reload(&h);
	assert_false(run->live);
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_left),
		cmocka_unit_test(test_entry_of_an_ended_run),
		cmocka_unit_test(test_end_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
