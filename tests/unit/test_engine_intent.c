/* SPDX-License-Identifier: MIT */
/* What ends a run at once: fail: stop, fail: cancel and cancels from outside. */
#include "engine_support.h"

/* Three places: w gives its own to q and comes back behind e. */
#define MIX(fail)                                                                      \
	"fail: " fail "\nmax_parallel: 3\ntasks:\n"                                    \
	"  - {id: a, agent: x}\n"                                                     \
	"  - {id: w, agent: x, retry: {max_attempts: 2, jitter: 0}}\n"                 \
	"  - {id: r, agent: x, retry: {max_attempts: 2}}\n"                            \
	"  - {id: q, agent: x}\n"                                                     \
	"  - {id: e, agent: x}\n"                                                     \
	"  - {id: p, agent: x, needs: [r]}\n"
#define ERROR "task a failed: exit"

static const struct story stories[] = {
	{ "before it fails", MIX("stop"), "w- r>", "qwRqrP", RUN_QUEUED, 0, NULL },
	{ "stop: what runs may finish", MIX("stop"), "w- r> a-", "FFRqKK", RUN_QUEUED, 2, NULL },
	{ "stop: it ends with the last", MIX("stop"), "w- r> a- r+ q+", "FFSSKK", RUN_FAILED, 2,
	    ERROR },
	{ "stop: nothing is tried again", MIX("stop"), "w- r> a- r- q+", "FFFSKK", RUN_FAILED, 3,
	    ERROR },
	{ "stop: nor after a throttle", MIX("stop"), "w- r> a- r~ q+", "FFFSKK", RUN_FAILED, 3,
	    ERROR },
	{ "stop: a wait that is over has failed too", MIX("stop"), "w- r> @1000 a- r+ q+",
	    "FFSSKK", RUN_FAILED, 2, ERROR },
	{ "stop: goes on after a crash", MIX("stop"), "w- r> a- * r+ * q+", "FFSSKK", RUN_FAILED,
	    2, ERROR },
	{ "cancel: everything ends", MIX("cancel"), "w- r> a-", "FCCCCC", RUN_FAILED, 1, ERROR },
	{ "cancel: a wait that is over ends", MIX("cancel"), "w- r> @1000 a-", "FCCCCC",
	    RUN_FAILED, 1, ERROR },
};

static void
test_stories(void **state)
{
	(void)state;
	check_stories(stories, sizeof stories / sizeof *stories);
}

static void
test_who_is_told(void **state)
{
	static const char *const yaml[] = { MIX("stop"), MIX("cancel") };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, yaml[i]);
		play(&h, run, "w- r> a-");
		assert_int_equal(h.cancels, i == 0 ? 0 : 2);
		assert_int_equal(queue_outstanding(engine_queue(h.engine, "x")), 2);
		assert_int_equal(queue_ready(engine_queue(h.engine, "x")), 0);
		if (i == 0)
			assert_string_equal(run->tasks[1].reason,
			    "exit, and the run stopped before it was tried again");
		harness_release(&h);
	}
}

static void
test_twice(void **state)
{
	static const enum run_intent intents[] = { INTENT_STOP, INTENT_CANCEL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err err = { 0 };
		struct harness h;
		struct run *run;
		char text[128];

		harness_init(&h, 7);
		run = run_ref(engine_find(h.engine,
		    start(&h, "tasks: [{id: a, agent: x}]\n")->id.text));
		harness_dispatch(&h);
		assert_int_equal(engine_cancel(h.engine, &h.now, run, intents[i], &h.effects,
		                     &err), 0);
		harness_apply(&h);
		assert_int_equal(engine_cancel(h.engine, &h.now, run, intents[i], &h.effects,
		                     &err), ERR_CONFLICT);
		snprintf(text, sizeof text, i == 0 ? "run \"%s\" is ending already"
		                                   : "run \"%s\" has ended: it is cancelled",
		    run->id.text);
		assert_string_equal(err.text, text);
		assert_int_equal(h.effects.len, 0);
		/* a run that stops can still be cancelled */
		assert_int_equal(engine_cancel(h.engine, &h.now, run, INTENT_CANCEL, &h.effects,
		                     NULL), i == 0 ? 0 : ERR_CONFLICT);
		harness_apply(&h);
		assert_int_equal(run->state, RUN_CANCELLED);
		assert_int_equal(h.cancels, 1);
		run_unref(run);
		harness_release(&h);
	}
}

/* The intent is stored first; then each agent is told, some 100 in a commit. */
static void
test_many_in_slices(void **state)
{
	enum { TASKS = 100000 };
	struct builder b = builder_begin(TASKS, "x");
	size_t told = 0, slice = 0, largest = 0;
	struct stored_run *stored;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = TASKS;
	harness_reload(&h);
	stored = harness_submit(&h, b.wf, -1);
	assert_int_equal(harness_dispatch(&h), TASKS);
	assert_int_equal(engine_cancel(h.engine, &h.now,
	                     engine_find(h.engine, stored->id.text), INTENT_CANCEL, &h.effects,
	                     NULL), 0);
	assert_int_equal(h.effects.items[0].kind, EFFECT_RUN_UPDATE);
	assert_int_equal(h.effects.items[0].u.run.record.intent, INTENT_CANCEL);
	for (size_t i = 1; i + 1 < h.effects.len; i++) {
		if (h.effects.items[i].kind == EFFECT_MARK) {
			slice = 0;
			continue;
		}
		/* its number stands nowhere else once its entry is gone */
		if (h.effects.items[i].kind == EFFECT_TASK)
			assert_int_equal(h.effects.items[i].u.task.record.attempt, 1);
		else if (h.effects.items[i].kind != EFFECT_WITHDRAW)
			assert_int_equal(h.effects.items[i].kind, EFFECT_CANCEL);
		told += h.effects.items[i].kind == EFFECT_CANCEL;
		largest = ++slice > largest ? slice : largest;
	}
	assert_int_equal(h.effects.items[h.effects.len - 1].kind, EFFECT_RUN_END);
	assert_int_equal(h.effects.items[h.effects.len - 1].u.run.record.cancelled, TASKS);
	assert_int_equal(told, TASKS);
	assert_in_range(largest, 1, 202);
	workflow_unref(b.wf);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_who_is_told),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_many_in_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
