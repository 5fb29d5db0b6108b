/* SPDX-License-Identifier: MIT */
/* Bytes a task, the limit of live tasks, windows, priorities and turns. */
#include <malloc.h>

#include "engine_support.h"

static void
check_bytes(uint32_t runs, uint32_t tasks)
{
	struct builder b = builder_begin(tasks, "x");
	struct harness h;

	for (uint32_t i = 1; i < tasks; i++)
		builder_need(&b, i, i - 1, NEED_SUCCESS);
	harness_init(&h, 7);
	for (uint32_t i = 0; i < runs; i++)
		harness_submit(&h, b.wf, -1);
	assert_int_equal(engine_tasks_live(h.engine), (size_t)runs * tasks);
	assert_true(engine_bytes(h.engine) <= (size_t)200 * runs * tasks);
	workflow_unref(b.wf);
	harness_release(&h);
}

static void
test_bytes(void **state)
{
	(void)state;
	check_bytes(1, 100000);
	check_bytes(10000, 10);
}

#if defined(__SANITIZE_ADDRESS__)
#define OTHER_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OTHER_MALLOC 1
#endif
#endif

#ifndef OTHER_MALLOC
/* What the allocator gives for the runs of b, each with its share of everything. */
static size_t
bytes_of_runs(const struct builder *b, uint32_t runs)
{
	struct run_spec spec = { .wf = b->wf, .params = "{}", .priority = -1 };
	struct harness h;
	size_t bytes;

	harness_init(&h, 7);
	bytes = mallinfo2().uordblks;
	for (uint32_t i = 0; i < runs; i++) {
		struct run *run;

		spec.id = run_id_make(h.now.wall_ms, 0, &h.rng);
		assert_int_equal(
		    engine_submit(h.engine, &h.now, &spec, &h.effects, &run, NULL), 0);
		effects_drop_front(&h.effects, h.effects.len);
	}
	bytes = mallinfo2().uordblks - bytes;
	harness_release(&h);
	return bytes;
}

static void
test_bytes_of_the_allocator(void **state)
{
	struct builder one = builder_begin(1, "x"), ten = builder_begin(10, "x"),
		       thousand = builder_begin(1000, "x");

	(void)state;
	assert_true(bytes_of_runs(&one, 20000) > 400 * 20000); /* it is counted at all */
	assert_true(bytes_of_runs(&one, 20000) <= 540 * 20000);
	assert_true(bytes_of_runs(&ten, 10000) <= 150 * 100000);
	assert_true(bytes_of_runs(&thousand, 100) <= 110 * 100000);
	workflow_unref(one.wf);
	workflow_unref(ten.wf);
	workflow_unref(thousand.wf);
}
#endif

/* What was parsed twice is held once, as long as a run of it lives. */
static void
test_shared_definition(void **state)
{
	static const char one[] = "tasks: [{id: a, agent: x}]\n";
	struct stored_run *a, *b, *other;
	struct harness h;
	size_t bytes;

	(void)state;
	harness_init(&h, 7);
	a = start(&h, one);
	bytes = engine_bytes(h.engine);
	b = start(&h, "# said otherwise\ntasks:\n  - {id: a, agent: x}\n");
	assert_true(engine_bytes(h.engine) < 2 * bytes); /* the plan counts once */
	other = start(&h, "tasks: [{id: b, agent: x}]\n");
	assert_ptr_not_equal(a->wf, b->wf);
	assert_ptr_equal(a->run->wf, a->wf);
	assert_ptr_equal(b->run->wf, a->wf);
	assert_ptr_equal(other->run->wf, other->wf);
	play(&h, a, "a+");
	play(&h, other, "b+");
	assert_false(a->live);
	assert_string_equal(b->run->wf->tasks[0].id, "a");
	play(&h, b, "a+");
	a = start(&h, one); /* nothing is left of what they shared */
	assert_ptr_equal(a->run->wf, a->wf);
	assert_ptr_equal(start(&h, one)->run->wf, a->wf);
	harness_release(&h);
}

static void
test_max_tasks(void **state)
{
	struct builder b = builder_begin(6, "x");
	struct run *run = NULL;
	struct err err = { 0 };
	struct run_spec spec = { .wf = b.wf, .params = "{}", .priority = -1 };
	struct harness h;
	size_t bytes;

	(void)state;
	harness_init(&h, 7);
	h.config.max_tasks = 11;
	harness_reload(&h);
	harness_submit(&h, b.wf, -1);
	bytes = engine_bytes(h.engine);
	spec.id = run_id_make(h.now.wall_ms, 0, &h.rng);
	assert_int_equal(engine_submit(h.engine, &h.now, &spec, &h.effects, &run, &err),
	    ERR_SHED);
	assert_null(run);
	assert_int_equal(h.effects.len, 0);
	assert_int_equal(engine_tasks_live(h.engine), 6);
	assert_int_equal(engine_bytes(h.engine), bytes);
	workflow_unref(b.wf);
	harness_release(&h);
}

static void
test_priorities_with_window_one(void **state)
{
	static const uint32_t order[] = { 3, 1, 0, 2 }; /* 9, 7, the run's 5; 2 is raised to it */
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 1;
	harness_reload(&h);
	run = start(&h, "tasks:\n"
	                "  - {id: a, agent: x}\n"
	                "  - {id: b, agent: x, priority: high}\n"
	                "  - {id: c, agent: x, priority: low}\n"
	                "  - {id: d, agent: x, priority: urgent}\n");
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(harness_dispatch(&h), 1);
		assert_int_equal(queue_outstanding(engine_queue(h.engine, "x")), 1);
		harness_end(&h, run, order[i], COMPLETION_SUCCEEDED);
	}
	assert_false(run->live);
	harness_release(&h);
}

static void
test_turns_among_runs(void **state)
{
	struct builder big = builder_begin(10000, "x"), small = builder_begin(1, "x");
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 3;
	harness_reload(&h);
	harness_submit(&h, big.wf, -1);
	run = harness_submit(&h, small.wf, -1);
	assert_int_equal(harness_dispatch(&h), 3);
	harness_entry(&h, run, 0); /* among the first three */
	workflow_unref(big.wf);
	workflow_unref(small.wf);
	harness_release(&h);
}

static void
test_max_parallel_and_quarantine(void **state)
{
	struct stored_run *run;
	struct queue *queue;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "max_parallel: 2\ntasks: [{id: a, agent: x}, {id: b, agent: y}, "
	                "{id: c, agent: x}]\n");
	queue = engine_queue(h.engine, "x");
	queue_quarantine(queue, true);
	assert_int_equal(harness_dispatch(&h), 1);
	queue_quarantine(queue, false);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_end(&h, run, 1, COMPLETION_SUCCEEDED);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
#ifndef OTHER_MALLOC
		cmocka_unit_test(test_bytes_of_the_allocator),
#endif
		cmocka_unit_test(test_shared_definition),
		cmocka_unit_test(test_max_tasks),
		cmocka_unit_test(test_priorities_with_window_one),
		cmocka_unit_test(test_turns_among_runs),
		cmocka_unit_test(test_max_parallel_and_quarantine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
