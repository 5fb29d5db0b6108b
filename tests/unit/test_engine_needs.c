/* SPDX-License-Identifier: MIT */
/* Needs of all kinds: what becomes ready, what is skipped, how the run ends. */
#include "engine_support.h"

#define T(id, rest) "  - {id: " id ", agent: x" rest "}\n"
#define N(on) ", needs: [{task: a, on: " on "}]"

static const struct story stories[] = {
	{ "chain", "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", ", needs: [b]"),
	    "a+ b+ c+", "SSS", RUN_SUCCEEDED, 0, NULL },
	{ "chain goes step by step",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", ", needs: [b]"), "a+", "SqP",
	    RUN_QUEUED, 0, NULL },
	{ "diamond",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", ", needs: [a]")
	        T("d", ", needs: [b, c]"), "a+ c+ b+ d+", "SSSS", RUN_SUCCEEDED, 0, NULL },
	{ "join waits for the last",
	    "tasks:\n" T("a", "") T("b", "") T("c", ", needs: [a, b]"), "b+", "qSP", RUN_QUEUED,
	    0, NULL },
	{ "failure skips all that follows",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", ", needs: [b]"), "a-", "FKK",
	    RUN_FAILED, 1, "task a failed: exit" },
	{ "an independent branch goes on",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", "") T("d", ", needs: [c]"),
	    "a- c+ d+", "FKSS", RUN_FAILED, 1, "task a failed: exit" },
	{ "on: success met", "tasks:\n" T("a", "") T("b", N("success")), "a+ b+", "SS",
	    RUN_SUCCEEDED, 0, NULL },
	{ "on: failure met", "tasks:\n" T("a", "") T("b", N("failure")), "a- b+", "FS",
	    RUN_FAILED, 1, "task a failed: exit" },
	{ "on: failure not met", "tasks:\n" T("a", "") T("b", N("failure")), "a+", "SK",
	    RUN_SUCCEEDED, 0, NULL },
	{ "on: done after success", "tasks:\n" T("a", "") T("b", N("done")), "a+ b+", "SS",
	    RUN_SUCCEEDED, 0, NULL },
	{ "on: done after failure", "tasks:\n" T("a", "") T("b", N("done")), "a- b+", "FS",
	    RUN_FAILED, 1, "task a failed: exit" },
	{ "on: skipped not met", "tasks:\n" T("a", "") T("b", N("skipped")), "a+", "SK",
	    RUN_SUCCEEDED, 0, NULL },
	{ "on: skipped not met by failure", "tasks:\n" T("a", "") T("b", N("skipped")), "a-",
	    "FK", RUN_FAILED, 1, "task a failed: exit" },
	{ "skips go through on: skipped, done and failure",
	    "tasks:\n" T("z", "") T("a", ", needs: [z]") T("b", N("skipped")) T("c", N("done"))
	        T("d", N("failure")) T("e", N("success")),
	    "z- b+ c+", "FKSSKK", RUN_FAILED, 1, "task z failed: exit" },
	{ "one bad need of two skips at once, the other one still runs",
	    "tasks:\n" T("a", "") T("b", "") T("c", ", needs: [a, b]"), "a-", "FqK", RUN_QUEUED,
	    1, NULL },
	{ "a clean-up task of a skipped and a failed need",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]")
	        T("c", ", needs: [{task: a, on: done}, {task: b, on: done}]"),
	    "a- c+", "FKS", RUN_FAILED, 1, "task a failed: exit" },
	{ "continue_on_error satisfies needs",
	    "tasks:\n" T("a", ", continue_on_error: true") T("b", ", needs: [a]"), "a- b+", "FS",
	    RUN_SUCCEEDED, 0, NULL },
	{ "continue_on_error is a failure all the same",
	    "tasks:\n" T("a", ", continue_on_error: true") T("b", N("failure")), "a- b+", "FS",
	    RUN_SUCCEEDED, 0, NULL },
	{ "continue_on_error alone",
	    "fail: cancel\ntasks:\n" T("a", ", continue_on_error: true") T("b", ""), "a- b+",
	    "FS", RUN_SUCCEEDED, 0, NULL },
	{ "two failures, the first one is the run's", "tasks:\n" T("a", "") T("b", ""), "b- a-",
	    "FF", RUN_FAILED, 2, "task b failed: exit" },
	{ "a crash in the middle of a diamond",
	    "tasks:\n" T("a", "") T("b", ", needs: [a]") T("c", ", needs: [a]")
	        T("d", ", needs: [b, c]"), "a+ * b+ * c+ * d+", "SSSS", RUN_SUCCEEDED, 0, NULL },
};

static void
test_stories(void **state)
{
	(void)state;
	/* a run object does not live through a crash: that story is told apart */
	check_stories(stories, sizeof stories / sizeof *stories - 1);
}

static void
test_crashes(void **state)
{
	const struct story *story = &stories[sizeof stories / sizeof *stories - 1];
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, story->yaml);
	play(&h, run, story->script);
	assert_false(run->live);
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	assert_int_equal(run->record.succeeded, 4);
	harness_release(&h);
}

/* n tasks that need a first one. */
static char *
fan_out(unsigned n)
{
	struct buf yaml = { 0 };

	buf_adds(&yaml, "tasks:\n" T("a", ""));
	for (unsigned i = 0; i < n; i++)
		buf_printf(&yaml, "  - {id: t%u, agent: x, needs: [a]}\n", i);
	return buf_steal(&yaml);
}

static void
check_skips(unsigned n, size_t notes, size_t folded)
{
	char *yaml = fan_out(n);
	struct stored_run *run;
	struct harness h;

	harness_init(&h, 7);
	run = start(&h, yaml);
	play(&h, run, "a-");
	assert_false(run->live);
	assert_int_equal(run->record.skipped, n);
	assert_int_equal(h.skip_notes, notes);
	assert_int_equal(h.folded, folded);
	harness_release(&h);
	free(yaml);
}

static void
test_many_skips_are_folded(void **state)
{
	(void)state;
	check_skips(1, 1, 0);
	check_skips(200, 200, 0);
	check_skips(201, 200, 1);
	check_skips(1000, 200, 800);
}

static void
test_fan_out_and_in(void **state)
{
	char *yaml = fan_out(50), *joined;
	struct stored_run *run;
	struct buf all = { 0 };
	struct harness h;

	(void)state;
	buf_printf(&all, "%s  - {id: z, agent: x, needs: [t0", yaml);
	for (unsigned i = 1; i < 50; i++)
		buf_printf(&all, ", t%u", i);
	buf_adds(&all, "]}\n");
	joined = buf_steal(&all);
	harness_init(&h, 7);
	run = start(&h, joined);
	play(&h, run, "a+");
	for (unsigned i = 50; i > 0; i--) {
		assert_int_equal(harness_state(&h, run, 51), TASK_PENDING);
		assert_int_equal(harness_end(&h, run, i, COMPLETION_SUCCEEDED),
		    COMPLETION_APPLIED);
	}
	play(&h, run, "z+");
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	assert_int_equal(run->record.succeeded, 52);
	harness_release(&h);
	free(yaml);
	free(joined);
}

/* Recursion would not hold this. */
static void
test_long_chain_is_skipped(void **state)
{
	struct builder b = builder_begin(100000, "x");
	struct stored_run *run;
	struct harness h;

	(void)state;
	for (uint32_t i = 1; i < 100000; i++)
		builder_need(&b, i, i - 1, NEED_SUCCESS);
	harness_init(&h, 7);
	run = harness_submit(&h, b.wf, -1);
	harness_dispatch(&h);
	harness_fail(&h, run, 0, CATEGORY_EXIT);
	assert_false(run->live);
	assert_int_equal(run->record.skipped, 99999);
	assert_int_equal(h.skip_notes, 200);
	assert_int_equal(h.folded, 99799);
	workflow_unref(b.wf);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_many_skips_are_folded),
		cmocka_unit_test(test_fan_out_and_in),
		cmocka_unit_test(test_long_chain_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
