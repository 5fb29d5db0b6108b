/* SPDX-License-Identifier: MIT */
/* Reports, timeouts and cancels: applied once, late ones change nothing. */
#include "engine_support.h"

#define ONE "tasks: [{id: a, agent: x}]\n"

static void
test_results(void **state)
{
	struct completion said, wrong;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n");
	harness_dispatch(&h);
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
	wrong = said;
	wrong.run = "01kaj2m4c3v9w8x7e6d-0";
	assert_int_equal(harness_tell(&h, &wrong), COMPLETION_UNKNOWN);
	wrong = said;
	wrong.task = "b";
	assert_int_equal(harness_tell(&h, &wrong), COMPLETION_UNKNOWN);
	wrong = said;
	wrong.token ^= 1;
	assert_int_equal(harness_tell(&h, &wrong), COMPLETION_LATE);
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	assert_int_equal(harness_tell(&h, &said), COMPLETION_DUPLICATE);
	harness_reload(&h);
	said.run = run->id.text;
	assert_int_equal(harness_tell(&h, &said), COMPLETION_DUPLICATE);
	assert_int_equal(harness_end(&h, run, 1, COMPLETION_SUCCEEDED), COMPLETION_APPLIED);
	assert_int_equal(harness_tell(&h, &said), COMPLETION_UNKNOWN);
	assert_int_equal(run->record.succeeded, 2);
	harness_release(&h);
}

static const char *
progress_of(struct harness *h, const struct stored_run *run)
{
	const struct task *task = &engine_find(h->engine, run->id.text)->tasks[0];

	return task->texts ? task->texts->progress : NULL;
}

static void
test_progress(void **state)
{
	struct completion said;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x, retry: {max_attempts: 2, delay: 1s, jitter: 0}},"
			" {id: b, agent: x}]\n");
	harness_dispatch(&h);
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_PROGRESS);
	said.progress = "{\"percent\":1}";
	said.progress_len = strlen(said.progress);
	/* the first word also tells that it has started */
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	assert_int_equal(run->tasks[0].record.state, TASK_RUNNING);
	assert_string_equal(progress_of(&h, run), "{\"percent\":1}");
	said.progress_len = 2;
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	assert_string_equal(progress_of(&h, run), "{\"");
	/* it is of this attempt, and not stored */
	assert_int_equal(harness_fail(&h, run, 0, CATEGORY_EXIT), COMPLETION_APPLIED);
	assert_null(progress_of(&h, run));
	assert_int_equal(harness_tell(&h, &said), COMPLETION_DUPLICATE);
	assert_null(progress_of(&h, run));
	harness_advance(&h, 1000);
	harness_dispatch(&h);
	said.token = harness_entry(&h, run, 0)->token;
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	harness_reload(&h);
	assert_null(progress_of(&h, run));
	assert_int_equal(harness_state(&h, run, 0), TASK_RUNNING);
	harness_release(&h);
}

static void
test_outputs(void **state)
{
	static const struct {
		const char *outputs;
		enum completion_result result;
		bool succeeds;
	} cases[] = {
		{ "{\"plan\":1}", COMPLETION_APPLIED, true },
		{ "{\"other\":1}", COMPLETION_APPLIED, false },
		{ NULL, COMPLETION_APPLIED, false },
		{ "[1]", COMPLETION_MALFORMED, false },
		{ "{\"plan\":", COMPLETION_MALFORMED, false },
		{ "{\"a b\":1,\"plan\":1}", COMPLETION_MALFORMED, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct completion said;
		struct stored_run *run;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, "tasks: [{id: a, agent: x, outputs: {plan: {required: true}}}]\n");
		harness_dispatch(&h);
		said = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
		said.outputs = cases[i].outputs;
		said.outputs_len = said.outputs ? strlen(said.outputs) : 0;
		assert_int_equal(harness_tell(&h, &said), cases[i].result);
		assert_int_equal(run->record.state,
		    cases[i].succeeds ? RUN_SUCCEEDED : RUN_FAILED);
		if (!cases[i].succeeds)
			assert_int_equal(run->tasks[0].dead_category, CATEGORY_INVALID_OUTPUT);
		harness_release(&h);
	}
}

static void
test_attempt_timeout(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x, timeout: 10s}]\n");
	play(&h, run, "a> @24999");
	assert_int_equal(h.cancels, 0);
	play(&h, run, "@1");
	assert_int_equal(h.cancels, 1);
	assert_true(run->live);
	play(&h, run, "a=");
	assert_int_equal(run->record.state, RUN_FAILED);
	assert_string_equal(run->tasks[0].reason, "timed out after 10s");
	run = start(&h, "tasks: [{id: a, agent: x, timeout: 10s}]\n");
	play(&h, run, "a> @25000 a+"); /* in spite of it */
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	harness_release(&h);
}

static void
test_late_after_the_end(void **state)
{
	static const struct {
		const char *yaml;
		bool cancel;
		enum run_state end;
	} cases[] = {
		{ ONE, true, RUN_CANCELLED },
		{ "timeout: 5s\n" ONE, false, RUN_TIMED_OUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct completion said;
		struct stored_run *run;
		struct queue *queue;
		struct harness h;

		harness_init(&h, 7);
		run = start(&h, cases[i].yaml);
		harness_dispatch(&h);
		said = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
		if (cases[i].cancel)
			engine_cancel(h.engine, &h.now, engine_find(h.engine, run->id.text),
			    INTENT_CANCEL, &h.effects, NULL);
		harness_advance(&h, 5000);
		queue = engine_queue(h.engine, "x");
		assert_int_equal(run->record.state, cases[i].end);
		assert_int_equal(h.cancels, 1);
		assert_int_equal(queue_outstanding(queue), 1); /* keeps its place */
		assert_int_equal(harness_tell(&h, &said), COMPLETION_LATE);
		assert_int_equal(queue_outstanding(queue), 0);
		assert_int_equal(run->record.state, cases[i].end);
		harness_release(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_attempt_timeout),
		cmocka_unit_test(test_late_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
