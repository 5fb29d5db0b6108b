/* SPDX-License-Identifier: MIT */
/* Tasks that are cancelled one by one, and tasks and runs that run again. */
#include "engine_support.h"

#define CHAIN                                                                          \
	"tasks:\n"                                                                     \
	"  - {id: a, agent: x}\n"                                                     \
	"  - {id: b, agent: x, needs: [a]}\n"                                         \
	"  - {id: c, agent: x, needs: [b]}\n"                                         \
	"  - {id: z, agent: x, needs: [{task: c, on: done}]}\n"                       \
	"  - {id: e, agent: x, needs: [{task: a, on: failure}]}\n"
#define FAIL(fail)                                                                     \
	"fail: " fail "\ntasks:\n"                                                     \
	"  - {id: a, agent: x}\n"                                                     \
	"  - {id: b, agent: x}\n"                                                     \
	"  - {id: c, agent: x, needs: [b]}\n"                                         \
	"  - {id: d, agent: x, needs: [c]}\n"
#define LIVE                                                                           \
	"tasks:\n"                                                                     \
	"  - {id: a, agent: x}\n"                                                     \
	"  - {id: slow, agent: x}\n"                                                  \
	"  - {id: b, agent: x, needs: [a]}\n"                                         \
	"  - {id: c, agent: x, needs: [{task: a, on: done}, slow]}\n"
#define ERROR_A "task a failed: exit"

static const struct story stories[] = {
	/* a task is cancelled */
	{ "cancel: what depends on it is skipped", CHAIN, "a+ x:b", "SCKqK", RUN_QUEUED, 0,
	    NULL },
	{ "cancel: the run ends cancelled", CHAIN, "a+ x:b z+", "SCKSK", RUN_CANCELLED, 0, NULL },
	{ "cancel: or failed, if another one failed", CHAIN, "x:b a- e+ z-", "FCKFS", RUN_FAILED,
	    2, ERROR_A },
	{ "cancel: one that runs", LIVE, "a> slow> x:a", "CRKP", RUN_QUEUED, 0, NULL },
	{ "cancel: and a crash", LIVE, "a> slow> x:a *", "CRKP", RUN_QUEUED, 0, NULL },
	{ "cancel: one that waits", "tasks: [{id: a, agent: x, retry: {max_attempts: 2}}]\n",
	    "a- x:a", "C", RUN_CANCELLED, 0, NULL },
	{ "cancel: one that is ready",
	    "max_parallel: 1\ntasks: [{id: a, agent: x}, {id: b, agent: x}, {id: c, agent: x}]\n",
	    "x:b a+ c+", "SCS", RUN_CANCELLED, 0, NULL },
	/* an ended run runs again */
	{ "retry: what failed and was skipped by it", CHAIN, "a+ b- z+ t:", "SqPSK", RUN_QUEUED,
	    1, NULL },
	{ "retry: and comes to its end", CHAIN, "a+ b- z+ t: b+ c+", "SSSSK", RUN_SUCCEEDED, 1,
	    NULL },
	{ "retry: survives a crash", CHAIN, "a+ b- z+ t: * b+ * c+", "SSSSK", RUN_SUCCEEDED, 1,
	    NULL },
	{ "retry: fails again", CHAIN, "a+ b- z+ t: b-", "SFKSK", RUN_FAILED, 2,
	    "task b failed: exit" },
	{ "retry: again and again", CHAIN, "a+ b- z+ t: b- t: * b- t: b+ c+", "SSSSK",
	    RUN_SUCCEEDED, 3, NULL },
	{ "retry: what ran because of the failure is kept", CHAIN, "a- e+ z+ t: a+ b+ c+",
	    "SSSSS", RUN_SUCCEEDED, 1, NULL },
	{ "downstream: finished or not", CHAIN, "a- e+ z+ d:a a+ b+ c+", "SSSqK", RUN_QUEUED, 1,
	    NULL },
	{ "downstream: of what succeeded", CHAIN, "a+ b+ c+ z+ d:b", "SqPPK", RUN_QUEUED, 0,
	    NULL },
	{ "downstream: after a crash", CHAIN, "a+ b+ c+ z+ d:b * b+ c+ * z+", "SSSSK",
	    RUN_SUCCEEDED, 0, NULL },
	{ "a cancelled run goes on", CHAIN, "a+ b> x:", "SCCCK", RUN_CANCELLED, 0, NULL },
	{ "its task waits for the old attempt", CHAIN, "a+ b> x: t:", "SPPPK", RUN_QUEUED, 0,
	    NULL },
	{ "or until what nobody has is taken back", CHAIN, "a+ x:", "SCCCK", RUN_CANCELLED, 0,
	    NULL },
	{ "also after a crash", CHAIN, "a+ b> x: t: *", "SPPPK", RUN_QUEUED, 0, NULL },
	{ "also when the crash came first", CHAIN, "a+ b> x: * t: *", "SPPPK", RUN_QUEUED, 0,
	    NULL },
	{ "one of a cancelled run: the others stay", CHAIN, "a> x: t:a", "PCCCC", RUN_QUEUED, 0,
	    NULL },
	{ "one of a cancelled run: after a crash", CHAIN, "a> x: t:a *", "PCCCC", RUN_QUEUED, 0,
	    NULL },
	{ "stop: all that it stopped", FAIL("stop"), "b+ a- c+ t:", "qSSq", RUN_QUEUED, 1, NULL },
	{ "stop: one task, and what it stopped", FAIL("stop"), "b+ a- c+ t:a *", "qSSq",
	    RUN_QUEUED, 1, NULL },
	{ "cancel: all that it cancelled", FAIL("cancel"), "b> a- t:", "qPPP", RUN_QUEUED, 1,
	    NULL },
	/* a task that cannot be: not even when the last of its other needs is skipped */
	{ "skipped once more", "tasks:\n"
	                       "  - {id: a, agent: x}\n"
	                       "  - {id: b, agent: x}\n"
	                       "  - {id: s, agent: x, needs: [{task: a, on: failure}, b]}\n"
	                       "  - {id: k, agent: x, needs: [b, {task: s, on: skipped}, "
	                       "{task: a, on: failure}]}\n",
	    "a+ b- t: b+", "SSKK", RUN_SUCCEEDED, 1, NULL },
	/* a live run */
	{ "live: one that failed", LIVE, "a- t:a", "qqPP", RUN_QUEUED, 1, NULL },
	{ "live: what waits for it waits again", LIVE, "a- t:a slow+", "qSPP", RUN_QUEUED, 1,
	    NULL },
	{ "live: the other way round", LIVE, "a- t:a a+ *", "SqqP", RUN_QUEUED, 1, NULL },
	{ "live: downstream of what runs is stopped", LIVE, "a+ b> d:a", "qqPP", RUN_QUEUED, 0,
	    NULL },
	{ "live: one that was cancelled", LIVE, "x:b a+ slow+ t:b c+", "SSqS", RUN_QUEUED, 0,
	    NULL },
};

static void
test_stories(void **state)
{
	(void)state;
	check_stories(stories, sizeof stories / sizeof *stories);
}

/* --- the slot is held until the entry is settled --------------------------------- */

static void
test_slot(void **state)
{
	struct stored_run *run;
	struct completion late;
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "max_parallel: 1\ntasks: [{id: a, agent: x}, {id: b, agent: x}]\n");
	play(&h, run, "a> x:a");
	late = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
	assert_true(harness_entry(&h, run, 0)->cancelled);
	assert_string_equal(letters(run->run, now), "Cr");
	harness_reload(&h);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "Cr");
	assert_int_equal(harness_tell(&h, &late), COMPLETION_LATE);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "Cq");
	harness_release(&h);
}

/* The last attempt is reported: its number goes on, its result counts no more. */
static void
test_held(void **state)
{
	static const char *const scripts[] = { "a> x: t:", "a> x: t: *", "x: t:", "x: * t:" };

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct stored_run *run;
		struct completion late;
		struct harness h;
		char now[8];

		harness_init(&h, 7);
		run = start(&h, "tasks: [{id: a, agent: x}]\n");
		harness_dispatch(&h);
		play(&h, run, scripts[i]);
		assert_string_equal(letters(run->run, now), "P");
		late = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
		assert_int_equal(harness_tell(&h, &late), COMPLETION_LATE);
		play(&h, run, "a+");
		assert_false(run->live);
		assert_int_equal(run->tasks[0].record.attempt, 2);
		assert_int_equal(run->record.state, RUN_SUCCEEDED);
		harness_release(&h);
	}
}

/* Nobody has taken it: it is taken back, and the next attempt begins. */
static void
test_taken_back(void **state)
{
	static const char *const scripts[] = { "x: t:", "x: t: *", "x: * t:", "x:a t:" };

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct stored_run *run;
		struct harness h;
		char now[8];

		harness_init(&h, 7);
		run = start(&h, "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n");
		play(&h, run, scripts[i]);
		harness_withdrawn(&h, run, 0, true);
		harness_dispatch(&h);
		assert_int_equal(letters(run->run, now)[0], 'q');
		assert_int_equal(harness_entry(&h, run, 0)->attempt, 2);
		harness_release(&h);
	}
}

/* Settled before the retry: the number is known all the same. */
static void
test_numbers(void **state)
{
	struct stored_run *run;
	struct completion late;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x}]\n");
	harness_dispatch(&h);
	play(&h, run, "x:");
	late = harness_report(harness_entry(&h, run, 0), COMPLETION_FAILED);
	assert_int_equal(harness_tell(&h, &late), COMPLETION_LATE);
	play(&h, run, "* t: a+");
	assert_int_equal(run->tasks[0].record.attempt, 2);
	harness_release(&h);
}

/* --- what is refused ---------------------------------------------------------------- */

static void
test_refused(void **state)
{
	static const struct {
		const char *script, *what, *why;
	} cases[] = {
		{ "a+ b- z+", "t:a", "task \"a\" has succeeded: it runs again only with all that "
		                     "depends on it (downstream)" },
		{ "a+ b- z+", "t:c", "task \"c\" cannot run: it needs \"b\", which is failed: retry "
		                     "that one, with all that depends on it" },
		{ "a+ b> x:", "t:c", "task \"c\" cannot run: it needs \"b\", which is cancelled: "
		                     "retry that one, with all that depends on it" },
		{ "a+ b>", "t:b", "task \"b\" has not ended: it is running" },
		{ "a+ b>", "d:c", "task \"c\" has not ended: it is pending" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rerun what = { .downstream = cases[i].what[0] == 'd' };
		struct err err = { 0 };
		struct stored_run *run;
		struct harness h;
		size_t n;
		bool live;

		harness_init(&h, 7);
		run = start(&h, CHAIN);
		play(&h, run, cases[i].script);
		live = run->live;
		what.task = task_of(run, cases[i].what + 2);
		assert_int_equal(harness_rerun(&h, run, &what, &n, &err), ERR_CONFLICT);
		assert_string_equal(err.text, cases[i].why);
		assert_int_equal(run->live, live);
		assert_int_equal(engine_runs_live(h.engine), live);
		harness_check(&h);
		harness_release(&h);
	}
}

static void
test_nothing_to_do(void **state)
{
	struct rerun what = { .task = TASK_NONE };
	struct err err = { 0 };
	struct stored_run *run;
	struct harness h;
	size_t n = 0;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, CHAIN);
	play(&h, run, "a+ b+ c+ z+");
	assert_int_equal(harness_rerun(&h, run, &what, &n, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "has failed or was cancelled: the run is succeeded"));
	run = start(&h, CHAIN);
	play(&h, run, "a+ b- z+");
	what.category = CATEGORY_TIMEOUT;
	assert_int_equal(harness_rerun(&h, run, &what, &n, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "has failed by \"timeout\""));
	what.category = CATEGORY_EXIT;
	assert_int_equal(harness_rerun(&h, run, &what, &n, &err), 0);
	assert_int_equal(n, 2); /* b, and c that was skipped */
	assert_int_equal(h.closed, 1);
	harness_release(&h);
}

/* --- replays ------------------------------------------------------------------------- */

static void
test_given(void **state)
{
	struct rerun what = { .task = 0, .boost = true, .body = "do it better", .body_len = 12 };
	struct stored_run *run, *other;
	struct harness h;
	size_t n;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 1;
	harness_reload(&h);
	run = start(&h, "tasks: [{id: a, agent: x, prompt: do it}]\n");
	play(&h, run, "a-");
	other = start(&h, "tasks: [{id: p, agent: x}, {id: q, agent: x}]\n");
	harness_dispatch(&h);
	assert_int_equal(harness_rerun(&h, run, &what, &n, NULL), 0);
	harness_reload(&h);
	harness_end(&h, other, 0, COMPLETION_SUCCEEDED);
	harness_dispatch(&h); /* before q, which was there first */
	assert_string_equal(harness_entry(&h, run, 0)->body, "do it better");
	assert_int_equal(harness_entry(&h, run, 0)->attempt, 2);
	harness_end(&h, run, 0, COMPLETION_SUCCEEDED);
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	harness_release(&h);
}

/* --- many -------------------------------------------------------------------------- */

enum { MANY = 3000 };

static struct stored_run *
many_failed(struct harness *h, bool fan_in)
{
	struct builder b = builder_begin(MANY, "x");
	struct stored_run *run;

	for (uint32_t i = 1; i + 1 < MANY && fan_in; i++)
		builder_need(&b, MANY - 1, i, NEED_SUCCESS);
	h->config.window = MANY;
	harness_reload(h);
	run = harness_submit(h, b.wf, -1);
	harness_dispatch(h);
	for (uint32_t i = 0; i < MANY; i++)
		if (i + 1 < MANY || !fan_in)
			harness_fail(h, run, i, CATEGORY_EXIT);
	assert_int_equal(run->record.state, RUN_FAILED);
	workflow_unref(b.wf);
	return run;
}

/* A crash behind any slice: the load resets the rest. */
static void
test_slices(void **state)
{
	struct rerun what = { .task = TASK_NONE };

	(void)state;
	for (unsigned keep = 1; keep < 18; keep += 4) {
		struct stored_run *run;
		struct run *live;
		struct harness h;
		unsigned marks = 0;
		size_t n, i = 0;

		harness_init(&h, 7);
		run = many_failed(&h, true);
		harness_rerun(&h, run, &(struct rerun){ .task = 0 }, &n, NULL);
		assert_int_equal(n, 1);
		harness_dispatch(&h);
		harness_fail(&h, run, 0, CATEGORY_EXIT);
		assert_false(run->live);
		assert_int_equal(harness_rerun_cut(&h, run, &what, keep, &marks), 0);
		assert_true(marks > keep);
		harness_reload(&h);
		harness_check(&h);
		live = engine_find(h.engine, run->id.text);
		assert_non_null(live);
		assert_int_equal(live->failed, 0);
		assert_int_equal(live->broken, 0);
		harness_dispatch(&h);
		assert_int_equal(live->outstanding, MANY - 1);
		for (i = 0; i + 1 < MANY; i++)
			assert_int_equal(live->tasks[i].attempt, i == 0 ? 3 : 2);
		harness_release(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
