/* SPDX-License-Identifier: MIT */
/* Tries after failures, throttles and lost agents; the policy of an agent type. */
#include "engine_support.h"

#include "engine/retry.h"

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
	{ "a rule of its own for an exit code",
	    ONE("max_attempts: 5, jitter: 0, rules: [{exit_codes: [75], backoff: fixed, delay: 3s}]"),
	    "a-75 @3000 a-75 @2999", "w", RUN_QUEUED, 0, NULL },
	{ "without a match the policy counts",
	    ONE("max_attempts: 5, jitter: 0, rules: [{exit_codes: [75], delay: 3s}]"),
	    "a-74 @1000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "a rule ends the tries of its failures",
	    ONE("max_attempts: 5, jitter: 0, rules: [{on: timeout, max_attempts: 1}]"), "a?", "F",
	    RUN_FAILED, 1, "task a failed: timeout" },
	{ "… and of no others",
	    ONE("max_attempts: 5, jitter: 0, rules: [{on: timeout, max_attempts: 1}]"),
	    "a- @1000 a- @2000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "all tries count, whatever they failed of",
	    ONE("max_attempts: 5, jitter: 0, rules: [{on: timeout, max_attempts: 2}]"),
	    "a- @1000 a?", "F", RUN_FAILED, 1, "task a failed: timeout" },
	{ "a rule may allow more than the policy",
	    ONE("jitter: 0, rules: [{exit_codes: 75, max_attempts: 2}]"), "a-75 @1000 a-75", "F",
	    RUN_FAILED, 1, "task a failed: exit" },
	{ "a rule needs no `on` of the policy",
	    ONE("max_attempts: 2, jitter: 0, on: timeout, rules: [{exit_codes: 75}]"),
	    "a-75 @1000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "the first rule that matches",
	    ONE("max_attempts: 3, jitter: 0, rules: [{on: exit, delay: 5s}, {exit_codes: 75, "
	        "delay: 9s}]"),
	    "a-75 @5000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "no one is in the way of a throttled type",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x}, {id: c, agent: y}]\n",
	    "a> b+ c+ a~ @29999", "wSS", RUN_QUEUED, 0, NULL },
	{ "a throttled type is handed nothing",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: c}, {id: c, agent: y}]\n",
	    "a~ c+ @29999", "wrS", RUN_QUEUED, 0, NULL },
	{ "… until its time, and not over a crash",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: c}, {id: c, agent: y}]\n",
	    "a~ c+ @20000 * @9999", "wrS", RUN_QUEUED, 0, NULL },
	{ "… and then it goes on",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: c}, {id: c, agent: y}]\n",
	    "a~ c+ @20000 * @16000 b+ a+", "SSS", RUN_SUCCEEDED, 0, NULL },
	{ "… and what no agent has taken is taken back",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x}, {id: c, agent: x}]\n",
	    "a~ b^ c_ @29999", "wrq", RUN_QUEUED, 0, NULL },
	{ "… to be handed out later",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n", "a~ b^ @36000 b+ a+", "SS",
	    RUN_SUCCEEDED, 0, NULL },
	{ "… an agent that has it goes on",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n", "a~ b> b_ b+ @29999", "wS",
	    RUN_QUEUED, 0, NULL },
	{ "… or fails as it likes",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n", "a~ b- @29999", "wF", RUN_QUEUED, 1,
	    NULL },
	{ "… or hands it back", "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n",
	    "a~ b= @29999", "wr", RUN_QUEUED, 0, NULL },
	{ "… a crash before the answer", "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n",
	    "a~ * b^ @29999", "wr", RUN_QUEUED, 0, NULL },
	{ "… a crash after it went", "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n",
	    "a~ b% * @29999", "wr", RUN_QUEUED, 0, NULL },
	{ "… and that is no crash of its own",
	    "tasks: [{id: a, agent: x}, {id: b, agent: x, retry: {poison: 1}}]\n",
	    "a~ b% * @36000 b+ a+", "SS", RUN_SUCCEEDED, 0, NULL },
	{ "… in time", "tasks: [{id: a, agent: x}, {id: b, agent: x, queue_timeout: 5s}]\n",
	    "a~ @5000 b^ @29999", "wF", RUN_QUEUED, 1, NULL },
	{ "full jitter is never more than the delay",
	    ONE("max_attempts: 9, jitter: full"), "a- @1000 a- @2000 a- @4000 a+", "S",
	    RUN_SUCCEEDED, 0, NULL },
	{ "poison is final, whatever the policy says",
	    ONE("max_attempts: 9, on: any, rules: [{on: [poison, lost], max_attempts: 9}]"),
	    "a! a! @1000 a! @3600000", "F", RUN_FAILED, 1, "task a failed: its agent was lost 3 times" },
	{ "crashes use up no attempt", ONE("max_attempts: 2, jitter: 0"), "a! a! @1000 a- @1000 a+",
	    "S", RUN_SUCCEEDED, 0, NULL },
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
			harness_advance(&h, 3600000); /* a throttled type is let go */
		}
		harness_release(&h);
	}
}

static void
test_type_policy(void **state)
{
	static const uint8_t codes[] = { 1 };
	struct retry_policy rule = { .exit_codes = codes, .n_exit_codes = 1,
		.says = RETRY_SAYS_DELAY, .delay_ms = 40 };
	struct retry_policy policy = { .max_attempts = 2, .backoff = BACKOFF_FIXED,
		.delay_ms = 50, .max_delay_ms = 50, .exit_codes = codes, .n_exit_codes = 1,
		.rules = &rule, .n_rules = 1, .poison = 1 };
	struct stored_run *silent, *own;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	queue_set_retry(engine_queue(h.engine, "x"), &policy);
	policy.max_attempts = 1; /* a copy counts */
	rule.delay_ms = 5;
	silent = start(&h, "tasks: [{id: a, agent: x}]\n");
	play(&h, silent, "a- @40 a-");
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

/* An agent that says when wants the next attempt gets it then, not before. */
static void
test_retry_after(void **state)
{
	struct completion said;
	struct stored_run *run;
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	run = start(&h, ONE("max_attempts: 2, jitter: 0"));
	harness_dispatch(&h);
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_FAILED);
	said.retry_after_ms = 20000;
	harness_tell(&h, &said);
	play(&h, run, "@19999");
	assert_string_equal(letters(run->run, now), "w");
	play(&h, run, "@4001 a+");
	assert_string_equal(letters(run->run, now), "S");
	assert_int_equal(queue_held_until(engine_queue(h.engine, "x")), 0);
	harness_release(&h);
}

static int64_t
adaptive_wait(struct harness *h)
{
	struct stored_run *run = start(h, ONE("max_attempts: 2, jitter: 0, backoff: adaptive"));
	int64_t wait;

	play(h, run, "a-");
	wait = engine_task_due(h->engine, run->run, 0) - h->now.mono_ms;
	harness_advance(h, wait);
	play(h, run, "a+");
	return wait;
}

/* The more of a type's attempts fail, the longer the waits; and back again. */
static void
test_adaptive(void **state)
{
	struct stored_run *run;
	struct harness h;
	int64_t first, bad, good;

	(void)state;
	harness_init(&h, 7);
	first = adaptive_wait(&h);
	assert_int_equal(first, 1142); /* 1 s / (1 - 1/8) */
	for (unsigned i = 0; i < 60; i++) {
		run = start(&h, "tasks: [{id: a, agent: x}]\n");
		play(&h, run, "a-");
	}
	bad = adaptive_wait(&h);
	assert_true(bad == 20000 || bad == 19999); /* at most 1 s x 20 */
	for (unsigned i = 0; i < 60; i++) {
		run = start(&h, "tasks: [{id: a, agent: x}]\n");
		play(&h, run, "a+");
	}
	good = adaptive_wait(&h);
	assert_true(good >= first && good < first + 5);
	/* other types are not touched */
	assert_true(queue_failure_rate(engine_queue(h.engine, "y")) < 0.001);
	harness_release(&h);
}

/* max_delay holds for the stretched delay too. */
static void
test_adaptive_limit(void **state)
{
	const struct retry_policy policy = { .max_attempts = 9, .backoff = BACKOFF_ADAPTIVE,
		.delay_ms = 1000, .max_delay_ms = 1500, .factor = 2 };
	const struct failure failure = { .category = CATEGORY_EXIT, .exit_code = 1,
		.retryable = -1 };

	(void)state;
	assert_int_equal(retry_delay(&policy, &failure, 1, 0, 0), 1000);
	assert_int_equal(retry_delay(&policy, &failure, 1, 0.2, 0), 1250);
	assert_int_equal(retry_delay(&policy, &failure, 1, 1, 0), 1500);
	assert_int_equal(retry_delay(&policy, &failure, 2, 0, 0), 1500);
	assert_true(retry_rate(0, true) > 0.12 && retry_rate(0, true) < 0.13);
	assert_true(retry_rate(1, false) > 0.87 && retry_rate(1, false) < 0.88);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_type_policy),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_adaptive),
		cmocka_unit_test(test_adaptive_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
