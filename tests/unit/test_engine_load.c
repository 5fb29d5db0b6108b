/* SPDX-License-Identifier: MIT */
/* What a load makes of timers, of entries that are not as they should be, and of ends cut off. */
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

/* What the wall clock says plays a part only within the length of the timer. */
static void
test_attempt_timeout_left(void **state)
{
	static const int64_t jumps[] = { 4000, 3600000, -3600000 };
	static const int64_t left[] = { 7000, 0, 11000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		h.config.timeout_slack_ms = 1000;
		harness_reload(&h);
		run = start(&h, "tasks: [{id: a, agent: x, timeout: 10s}]\n");
		play(&h, run, "a>");
		h.now.wall_ms += jumps[i];
		harness_reload(&h);
		assert_int_equal(harness_state(&h, run, 0), TASK_RUNNING);
		assert_int_equal(engine_task_due(h.engine, run->run, 0) - h.now.mono_ms, left[i]);
		harness_release(&h);
	}
}

static void
test_run_timeout_left(void **state)
{
	static const int64_t jumps[] = { 4000, 3600000, -3600000 };
	static const int64_t left[] = { 16000, 0, 20000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, "timeout: 20s\ntasks: [{id: a, agent: x}]\n");
		h.now.wall_ms += jumps[i];
		harness_reload(&h);
		assert_int_equal(engine_task_due(h.engine, run->run, TASK_NONE) - h.now.mono_ms,
		    left[i]);
		if (left[i] == 0) {
			harness_advance(&h, 1);
			assert_int_equal(run->record.state, RUN_TIMED_OUT);
		}
		harness_release(&h);
	}
}

/*
 * Its group was lost, or somebody else acknowledged it: an agent may be at work, so
 * nothing is handed out until it is known to be lost.
 */
static void
test_entry_in_nobodys_hands(void **state)
{
	static const char *const before[] = { "", "a>" };
	static const enum task_state then[] = { TASK_QUEUED, TASK_RUNNING };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, "tasks: [{id: a, agent: x}]\n");
		play(&h, run, before[i % 2]);
		harness_entry(&h, run, 0)->foreign = true;
		harness_reload(&h);
		assert_int_equal(harness_state(&h, run, 0), then[i % 2]);
		assert_int_equal(harness_dispatch(&h), 0);
		if (i < 2) {
			harness_end(&h, run, 0, COMPLETION_SUCCEEDED); /* it was at work */
			assert_int_equal(run->record.state, RUN_SUCCEEDED);
		} else {
			engine_entry_lost(h.engine, &h.now, harness_entry(&h, run, 0)->token,
			    &h.effects);
			effects_mark(&h.effects, 0, 0);
			harness_apply(&h);
			assert_int_equal(harness_dispatch(&h), 1);
			assert_int_equal(harness_entry(&h, run, 0)->attempt, 2);
		}
		harness_release(&h);
	}
}

/* Settled by its owner, but not trimmed yet: it stands for nothing. */
static void
test_settled_entry(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x, retry: {max_attempts: 3, delay: 1ms}}]\n");
	play(&h, run, "a> a- @2000 a=");
	assert_int_equal(h.n_open, 1);
	harness_reload(&h);
	assert_int_equal(queue_outstanding(engine_queue(h.engine, "x")), 1);
	harness_end(&h, run, 0, COMPLETION_SUCCEEDED);
	harness_reload(&h);
	assert_int_equal(queue_outstanding(engine_queue(h.engine, "x")), 0);
	assert_int_equal(run->tasks[0].dispatched, 3);
	harness_release(&h);
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

static void
test_failed_end_not_stored(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [a]}]\n");
	play(&h, run, "a-");
	assert_false(run->live);
	run->live = true;
	run->record.state = RUN_RUNNING;
	free(run->error);
	run->error = NULL;
	harness_reload(&h);
	assert_false(run->live);
	assert_int_equal(run->record.state, RUN_FAILED);
	assert_int_equal(run->record.failed, 1);
	assert_int_equal(run->record.skipped, 1);
	assert_string_equal(run->error, "task a failed: exit");
	assert_int_equal(run->tasks[0].dead, 1); /* no second dead letter */
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_left),
		cmocka_unit_test(test_attempt_timeout_left),
		cmocka_unit_test(test_run_timeout_left),
		cmocka_unit_test(test_entry_in_nobodys_hands),
		cmocka_unit_test(test_settled_entry),
		cmocka_unit_test(test_entry_of_an_ended_run),
		cmocka_unit_test(test_end_not_stored),
		cmocka_unit_test(test_failed_end_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
