/* SPDX-License-Identifier: MIT */
/* Tries after failures, throttles and lost agents; the policy of an agent type. */
#include "engine_support.h"

#define ONE(retry) "tasks: [{id: a, agent: x, retry: {" retry "}}]\n"

static const struct story stories[] = {
	{ "one try by default", "tasks: [{id: a, agent: x}]\n", "a-", "F", RUN_FAILED, 1,
	    "task a failed: exit" },
	{ "three tries, one dead letter", ONE("max_attempts: 3, jitter: 0"),
	    "a- @1000 a- @2000 a-", "F", RUN_FAILED, 1, "task a failed: exit" },
	{ "not before its time", ONE("max_attempts: 3, jitter: 0"), "a- @999", "w", RUN_QUEUED,
	    0, NULL },
	{ "on its time", ONE("max_attempts: 3, jitter: 0"), "a- @1000", "q", RUN_QUEUED, 0,
	    NULL },
	{ "second wait is twice the first", ONE("max_attempts: 3, jitter: 0"),
	    "a- @1000 a- @1999", "w", RUN_QUEUED, 0, NULL },
	{ "linear", ONE("max_attempts: 9, jitter: 0, backoff: linear"),
	    "a- @1000 a- @2000 a- @2999", "w", RUN_QUEUED, 0, NULL },
	{ "fixed", ONE("max_attempts: 9, jitter: 0, backoff: fixed"), "a- @1000 a- @1000 a- @1000",
	    "q", RUN_QUEUED, 0, NULL },
	{ "max_delay", ONE("max_attempts: 9, jitter: 0, max_delay: 1500ms"),
	    "a- @1000 a- @1500 a- @1500", "q", RUN_QUEUED, 0, NULL },
	{ "a category that is not listed", ONE("max_attempts: 3, on: timeout"), "a-", "F",
	    RUN_FAILED, 1, "task a failed: exit" },
	{ "an exit code that is listed",
	    ONE("max_attempts: 3, jitter: 0, on: timeout, exit_codes: [1]"), "a- @1000 a+", "S",
	    RUN_SUCCEEDED, 0, NULL },
	{ "throttles use up no attempt", "tasks: [{id: a, agent: x}]\n",
	    "a~ @36000 a~ @36000 a~ @36000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "a throttle waits", "tasks: [{id: a, agent: x}]\n", "a~ @29999", "w", RUN_QUEUED, 0,
	    NULL },
	{ "handed back", "tasks: [{id: a, agent: x}]\n", "a= a= a= a+", "S", RUN_SUCCEEDED, 0,
	    NULL },
	{ "first crash: at once", "tasks: [{id: a, agent: x}]\n", "a!", "q", RUN_QUEUED, 0,
	    NULL },
	{ "second crash: after 1 s", "tasks: [{id: a, agent: x}]\n", "a! a! @999", "w",
	    RUN_QUEUED, 0, NULL },
	{ "third crash: poison", "tasks: [{id: a, agent: x}]\n", "a! a! @1000 a!", "F",
	    RUN_FAILED, 1, "task a failed: its agent was lost 3 times" },
	{ "poison of its own", ONE("poison: 1"), "a!", "F", RUN_FAILED, 1,
	    "task a failed: its agent was lost 1 times" },
};

static void
test_stories(void **state)
{
	(void)state;
	check_stories(stories, sizeof stories / sizeof *stories);
}

/* Every category against every word of `on`. */
static void
test_categories(void **state)
{
	char yaml[200];

	(void)state;
	for (int word = -1; word < CATEGORY_COUNT; word++) {
		const char *on = word < 0 ? "failure" : word == 0 ? "any"
		                                                  : category_name((enum category)word);
		struct harness h;

		harness_init(&h, 7);
		snprintf(yaml, sizeof yaml, ONE("max_attempts: 2, on: %s"), on);
		for (int c = 1; c < CATEGORY_COUNT; c++) {
			bool failure = c == CATEGORY_EXIT || c == CATEGORY_SIGNAL ||
			    c == CATEGORY_INVALID_OUTPUT;
			bool again = word == 0 || word == c || (word < 0 && failure) ||
			    c == CATEGORY_THROTTLED;
			struct stored_run *run = start(&h, yaml);

			harness_dispatch(&h);
			harness_fail(&h, run, 0, (enum category)c);
			assert_int_equal(run->live, again);
			if (!again)
				assert_int_equal(run->tasks[0].dead_category, c);
		}
		harness_release(&h);
	}
}

static void
test_type_policy(void **state)
{
	static const uint8_t codes[] = { 1 };
	struct retry_policy policy = { .max_attempts = 2, .backoff = BACKOFF_FIXED,
		.delay_ms = 50, .max_delay_ms = 50, .exit_codes = codes, .n_exit_codes = 1,
		.poison = 1 };
	struct stored_run *silent, *own;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	queue_set_retry(engine_queue(h.engine, "x"), &policy);
	policy.max_attempts = 1; /* a copy counts */
	silent = start(&h, "tasks: [{id: a, agent: x}]\n");
	play(&h, silent, "a- @50 a-");
	assert_int_equal(silent->tasks[0].record.attempt, 2);
	own = start(&h, ONE("max_attempts: 1"));
	play(&h, own, "a-");
	assert_false(own->live);
	silent = start(&h, "tasks: [{id: a, agent: x}]\n");
	play(&h, silent, "a!");
	assert_int_equal(silent->tasks[0].dead_category, CATEGORY_POISON);
	queue_set_retry(engine_queue(h.engine, "x"), NULL);
	silent = start(&h, "tasks: [{id: a, agent: x}]\n");
	play(&h, silent, "a-");
	assert_false(silent->live);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_type_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
