/* SPDX-License-Identifier: MIT */
/* The matrix of states: what is lawful, and that all else ends the program. */
#include "died.h"
#include "engine_support.h"

#include "engine/internal.h"

static const char state_letters[] = "PrqRwSFKC";

/* Written down a second time, by hand. */
static const char *const allowed[TASK_STATE_COUNT] = {
	[TASK_PENDING] = "rKC",
	[TASK_READY] = "PqwFKC",
	[TASK_QUEUED] = "rRwSFC",
	[TASK_RUNNING] = "rwSFC",
	[TASK_WAITING] = "rFC",
	[TASK_SUCCEEDED] = "Pr",
	[TASK_FAILED] = "Pr",
	[TASK_SKIPPED] = "Pr",
	[TASK_CANCELLED] = "Pr",
};

static enum task_state step_from, step_to;

static void
step(void)
{
	struct workflow *wf = load_one("tasks: [{id: a, agent: x}]\n");
	struct moment now = { 0, 1700000000000 };
	struct run_id id;
	struct rng rng;
	struct run *run;

	rng_init(&rng, 1);
	id = run_id_make(now.wall_ms, 0, &rng);
	run = run_new(wf, &id, NULL);
	run->tasks[0].state = (uint8_t)step_from;
	task_set_state(run, 0, step_to, &now);
	if (run->tasks[0].state != step_to)
		_exit(1);
	run_unref(run);
	workflow_unref(wf);
}

static void
test_matrix(void **state)
{
	char text[1024];

	(void)state;
	for (unsigned from = 0; from < TASK_STATE_COUNT; from++)
		for (unsigned to = 0; to < TASK_STATE_COUNT; to++) {
			bool lawful = strchr(allowed[from], state_letters[to]) != NULL;

			step_from = (enum task_state)from;
			step_to = (enum task_state)to;
			assert_int_equal(task_transition_lawful(step_from, step_to), lawful);
			assert_int_equal(died(step, text, sizeof text), !lawful);
			if (lawful)
				continue;
			assert_non_null(strstr(text, task_state_name(step_from)));
			assert_non_null(strstr(text, task_state_name(step_to)));
		}
	assert_false(task_transition_lawful(TASK_STATE_COUNT, TASK_READY));
	assert_false(task_transition_lawful(TASK_READY, TASK_STATE_COUNT));
}

static void
test_task_names(void **state)
{
	enum task_state parsed;

	(void)state;
	for (unsigned i = 0; i < TASK_STATE_COUNT; i++) {
		const char *name = task_state_name((enum task_state)i);

		assert_true(task_state_parse(name, strlen(name), &parsed));
		assert_int_equal(parsed, i);
		assert_false(task_state_parse(name, strlen(name) - 1, &parsed));
	}
	assert_false(task_state_parse("", 0, &parsed));
}

static void
test_run_names(void **state)
{
	enum run_intent intent;
	enum run_state parsed;

	(void)state;
	for (unsigned i = 0; i < RUN_STATE_COUNT; i++) {
		const char *name = run_state_name((enum run_state)i);

		assert_true(run_state_parse(name, strlen(name), &parsed));
		assert_int_equal(parsed, i);
	}
	for (unsigned i = 0; i < INTENT_COUNT; i++) {
		const char *name = run_intent_name((enum run_intent)i);

		assert_true(run_intent_parse(name, strlen(name), &intent));
		assert_int_equal(intent, i);
	}
	assert_false(run_state_parse("skipped", 7, &parsed));
	assert_false(run_intent_parse("skipped", 7, &intent));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_task_names),
		cmocka_unit_test(test_run_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
