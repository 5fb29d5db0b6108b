/* SPDX-License-Identifier: MIT */
/* Windows, turns and joins while there is much to hand out. */
#include "engine/queue.h"
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

/* The oldest n open entries succeed; what is handed out then. */
static size_t
end_oldest(struct harness *h, size_t n)
{
	size_t i = h->first_open;

	for (; n > 0; i++) {
		struct completion said;

		assert_true(i < h->n_entries);
		if (!h->entries[i].open)
			continue;
		said = harness_report(&h->entries[i], COMPLETION_SUCCEEDED);
		assert_int_equal(harness_tell(h, &said), COMPLETION_APPLIED);
		n--;
	}
	return harness_dispatch(h);
}

/* Entries from the given one on that are of the same run. */
static size_t
turn_at(const struct harness *h, size_t from)
{
	size_t to = from;

	while (to < h->n_entries && h->entries[to].stored == h->entries[from].stored)
		to++;
	return to - from;
}

/* What comes free together goes to a few runs; what comes free singly, to one after another. */
static void
test_turns_grow_with_what_comes_free(void **state)
{
	struct builder b = builder_begin(1000, "x");
	struct harness h;
	size_t from;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 256;
	harness_reload(&h);
	for (int i = 0; i < 7; i++)
		harness_submit(&h, b.wf, -1);
	assert_int_equal(harness_dispatch(&h), 256);
	for (size_t i = 0; i < 256; i++)
		assert_int_equal(turn_at(&h, i), 1); /* nothing shows how fast it goes */
	from = h.n_entries;
	assert_int_equal(end_oldest(&h, 48), 48);
	for (size_t i = 0; i < 48; i += 12)
		assert_int_equal(turn_at(&h, from + i), 12);
	from = h.n_entries;
	assert_int_equal(end_oldest(&h, 200), 200);
	for (size_t i = 0; i < 192; i += TURN_MAX)
		assert_int_equal(turn_at(&h, from + i), TURN_MAX);
	assert_int_equal(harness_dispatch(&h), 0);
	from = h.n_entries;
	for (size_t i = 0; i < 14; i++) {
		assert_int_equal(end_oldest(&h, 1), 1);
		if (i > 0)
			assert_int_equal(turn_at(&h, from + i - 1), 1);
	}
	workflow_unref(b.wf);
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
		cmocka_unit_test(test_turns_grow_with_what_comes_free),
		cmocka_unit_test(test_fan_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
