/* SPDX-License-Identifier: MIT */
/* Windows, turns and joins while there is much to hand out. */
#include "engine_support.h"

static void
test_window_of_each_queue(void **state)
{
	static const char yaml[] = "tasks:\n"
	                           "  - {id: a, agent: x}\n  - {id: b, agent: x}\n"
	                           "  - {id: c, agent: x}\n  - {id: d, agent: x}\n"
	                           "  - {id: e, agent: y}\n"
	                           "  - {id: f, agent: z}\n  - {id: g, agent: z}\n"
	                           "  - {id: i, agent: z}\n";
	struct queue *x, *y, *z;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 2;
	harness_reload(&h);
	run = start(&h, yaml);
	x = engine_queue(h.engine, "x");
	y = engine_queue(h.engine, "y");
	z = engine_queue(h.engine, "z");
	assert_int_equal(engine_dispatch(h.engine, &h.now, 3, &h.effects), 3);
	harness_apply(&h);
	assert_int_equal(queue_outstanding(x), 1); /* in turn */
	assert_int_equal(queue_outstanding(y), 1);
	assert_int_equal(queue_outstanding(z), 1);
	assert_int_equal(harness_dispatch(&h), 2);
	assert_int_equal(queue_outstanding(x), 2);
	assert_int_equal(queue_ready(x), 2);
	assert_int_equal(queue_outstanding(z), 2);
	assert_int_equal(queue_ready(z), 1);
	harness_end(&h, run, task_of(run, "e"), COMPLETION_SUCCEEDED);
	assert_int_equal(harness_dispatch(&h), 0); /* a place in y is none in x */
	harness_end(&h, run, task_of(run, "a"), COMPLETION_STARTED);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_end(&h, run, task_of(run, "a"), COMPLETION_SUCCEEDED);
	assert_int_equal(harness_dispatch(&h), 1);
	assert_int_equal(queue_ready(x), 1);
	harness_release(&h);
}

/* Of two runs each gets every other place, however much the other one has. */
static void
test_join_beside_a_fan_out(void **state)
{
	struct builder big = builder_begin(10000, "x");
	struct stored_run *run;
	struct harness h;
	size_t done = 0;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 4;
	harness_reload(&h);
	harness_submit(&h, big.wf, -1);
	run = start(&h, "tasks: [{id: a, agent: x}, {id: b, agent: x}, "
	                "{id: c, agent: x, needs: [a, b]}]\n");
	while (run->live && done < 100) {
		struct completion said;

		harness_dispatch(&h);
		said = harness_report(&h.entries[done++], COMPLETION_SUCCEEDED);
		assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	}
	/* four to end both needs, two turns for the join, and the window before it */
	assert_false(run->live);
	assert_in_range(done, 5, 10);
	workflow_unref(big.wf);
	harness_release(&h);
}

static void
test_fan_in(void **state)
{
	enum { NEEDS = 20000 };
	struct builder b = builder_begin(NEEDS + 1, "x");
	struct stored_run *run;
	struct harness h;

	(void)state;
	for (uint32_t i = 0; i < NEEDS; i++)
		builder_need(&b, NEEDS, i, NEED_SUCCESS);
	harness_init(&h, 7);
	h.config.window = NEEDS;
	harness_reload(&h);
	run = harness_submit(&h, b.wf, -1);
	assert_int_equal(harness_dispatch(&h), NEEDS);
	for (uint32_t i = 0; i < NEEDS; i++) {
		struct completion said = harness_report(&h.entries[i], COMPLETION_SUCCEEDED);

		assert_int_equal(run->run->tasks[NEEDS].state, TASK_PENDING);
		assert_int_equal(run->run->tasks[NEEDS].blocked, NEEDS - i);
		assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	}
	assert_int_equal(run->run->tasks[NEEDS].state, TASK_READY);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_end(&h, run, NEEDS, COMPLETION_SUCCEEDED);
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	workflow_unref(b.wf);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_of_each_queue),
		cmocka_unit_test(test_join_beside_a_fan_out),
		cmocka_unit_test(test_fan_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
