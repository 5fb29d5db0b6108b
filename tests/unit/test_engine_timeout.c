/* SPDX-License-Identifier: MIT */
/* Waiting for an agent and all attempts together take no longer than they may. */
#include "engine_support.h"

#define ONE(more) "tasks: [{id: a, agent: x, " more "}]\n"
#define QUEUE ONE("queue_timeout: 5s")
#define QUEUE_AGAIN                                                                    \
	ONE("queue_timeout: 5s, retry: {max_attempts: 2, jitter: 0, on: queue_timeout}")
#define TOTAL ONE("total_timeout: 10s, retry: {max_attempts: 9, jitter: 0, backoff: fixed}")
#define NOBODY "task a failed: no agent of type x began with it within 5s"
#define OVER "task a failed: not done within its total timeout of 10s"
/* b's needs are met when a ends */
#define SECOND                                                                         \
	"tasks: [{id: a, agent: x}, {id: b, agent: y, needs: a, queue_timeout: 5s}]\n"

/* c takes the only place */
#define THIRD                                                                          \
	"max_parallel: 1\ndefaults: {agent: x}\n"                                       \
	"tasks: [{id: a}, {id: c}, {id: b, needs: a, queue_timeout: 5s}]\n"
#define AGAIN                                                                          \
	"defaults: {agent: x, queue_timeout: 5s, total_timeout: 10s}\n"                \
	"tasks: [{id: a}, {id: b}, {id: c, needs: b}]\n"

static const struct story stories[] = {
	/* --- waiting for an agent ------------------------------------------------ */
	{ "nothing before its time", QUEUE, "@4999", "q", RUN_QUEUED, 0, NULL },
	{ "an entry is withdrawn", QUEUE, "@5000 a^", "F", RUN_FAILED, 1, NOBODY },
	{ "until then it is queued", QUEUE, "@5000", "q", RUN_QUEUED, 0, NULL },
	{ "an agent that has begun is left alone", QUEUE, "@4999 a> @9000 a+", "S", RUN_SUCCEEDED,
	    0, NULL },
	{ "an agent was faster", QUEUE, "@5000 a_ @9000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "an agent was faster and has begun", QUEUE, "@5000 a> a_ @9000 a+", "S", RUN_SUCCEEDED,
	    0, NULL },
	{ "an agent was faster, has begun, and handed it back", QUEUE, "@5000 a> a= @4999 a=", "q",
	    RUN_QUEUED, 0, NULL },
	{ "an agent was faster, and failed", QUEUE, "@5000 a-", "F", RUN_FAILED, 1,
	    "task a failed: exit" },
	{ "an agent was faster, and done", QUEUE, "@5000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "an agent was faster, and handed it back", QUEUE, "@5000 a=", "F", RUN_FAILED, 1, NOBODY },
	{ "an agent was faster, and died", QUEUE, "@5000 a! a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "an agent was faster, and after a crash it is left alone", QUEUE, "@5000 a_ * @9000 a+",
	    "S", RUN_SUCCEEDED, 0, NULL },
	{ "handed back: the wait begins anew", QUEUE, "@4000 a= @4999", "q", RUN_QUEUED, 0, NULL },
	{ "… and ends", QUEUE, "@4000 a= @5000 a^", "F", RUN_FAILED, 1, NOBODY },
	{ "tried again where the policy says so", QUEUE_AGAIN, "@5000 a^ @999", "w", RUN_QUEUED, 0,
	    NULL },
	{ "… from the time that it is ready again", QUEUE_AGAIN, "@5000 a^ @1000 @4999", "q",
	    RUN_QUEUED, 0, NULL },
	{ "… and no more", QUEUE_AGAIN, "@5000 a^ @1000 @5000 a^", "F", RUN_FAILED, 1, NOBODY },
	{ "… or done", QUEUE_AGAIN, "@5000 a^ @1000 a> @9000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "it fails a task that is only ready",
	    "max_parallel: 1\ntasks: [{id: a, agent: x}, {id: b, agent: x, queue_timeout: 5s}, "
	    "{id: c, agent: x}]\n",
	    "@5000 a+ c+", "SFS", RUN_FAILED, 1,
	    "task b failed: no agent of type x began with it within 5s" },
	{ "… at the head of its line, behind and between",
	    "max_parallel: 1\ndefaults: {agent: x}\ntasks: [{id: a}, {id: b, queue_timeout: 5s}, "
	    "{id: c}, {id: d, queue_timeout: 5s}, {id: e}, {id: f, queue_timeout: 5s}]\n",
	    "@5000 a+ c+ e+", "SFSFSF", RUN_FAILED, 3,
	    "task b failed: no agent of type x began with it within 5s" },
	{ "a crash does not stop its clock", QUEUE, "@4000 * @999 a=", "q", RUN_QUEUED, 0, NULL },
	{ "… nor start it again", QUEUE, "@4000 * @1000 a^", "F", RUN_FAILED, 1, NOBODY },
	{ "… nor where its needs say when it was ready", SECOND, "@3000 a+ @4000 * @999 b=", "Sq",
	    RUN_QUEUED, 0, NULL },
	{ "… also when it is not handed out", THIRD, "@3000 a+ @4000 * @999", "Sqr", RUN_QUEUED, 0,
	    NULL },
	{ "… on time", THIRD, "@3000 a+ @4000 * @1000", "SqF", RUN_QUEUED, 1, NULL },
	{ "… on time", SECOND, "@3000 a+ @4000 * @1000 b^", "SF", RUN_FAILED, 1,
	    "task b failed: no agent of type y began with it within 5s" },
	{ "… nor behind a wait", QUEUE_AGAIN, "@5000 a^ @1000 @2000 * @2999 a=", "q", RUN_QUEUED,
	    0, NULL },
	{ "… on time", QUEUE_AGAIN, "@5000 a^ @1000 @2000 * @3000 a^", "F", RUN_FAILED, 1, NOBODY },
	{ "… nor after it was handed back", QUEUE, "@3000 a= @4000 * @1000 a^", "F", RUN_FAILED, 1,
	    NOBODY },
	{ "a crash before the answer: it is asked again", QUEUE, "@5000 * a^", "F", RUN_FAILED, 1,
	    NOBODY },
	{ "a crash after the entry went", QUEUE, "@5000 a% *", "F", RUN_FAILED, 1, NOBODY },
	{ "… and it is tried again where it may be", QUEUE_AGAIN, "@5000 a% * @1000 a+", "S",
	    RUN_SUCCEEDED, 0, NULL },
	{ "an attempt's timeout counts from its start",
	    ONE("queue_timeout: 5s, timeout: 6s"), "@4000 a> @20999", "R", RUN_QUEUED, 0, NULL },
	/* --- all attempts --------------------------------------------------------- */
	{ "total: not before its time", TOTAL, "a> @9999", "R", RUN_QUEUED, 0, NULL },
	{ "total: the agent is told, the entry waited for", TOTAL, "a> @10000", "R", RUN_QUEUED, 0,
	    NULL },
	{ "total: what it reports then is its end", TOTAL, "a> @10000 a-", "F", RUN_FAILED, 1,
	    OVER },
	{ "total: success is success", TOTAL, "a> @10000 a+", "S", RUN_SUCCEEDED, 0, NULL },
	{ "total: it is not tried again", TOTAL, "a> @10000 a!", "F", RUN_FAILED, 1, OVER },
	{ "total: handed back", TOTAL, "a> @10000 a=", "F", RUN_FAILED, 1, OVER },
	{ "total: throttled then", TOTAL, "a> @10000 a~", "F", RUN_FAILED, 1, OVER },
	{ "total: it counts over attempts", TOTAL, "a> @4000 a- @1000 a> @5000 a-", "F",
	    RUN_FAILED, 1, OVER },
	{ "total: nobody took it", TOTAL, "@10000 a^", "F", RUN_FAILED, 1, OVER },
	{ "total: somebody took it then", TOTAL, "@10000 a_ a> a-", "F", RUN_FAILED, 1, OVER },
	{ "total: a crash after the entry went", TOTAL, "@10000 a% *", "F", RUN_FAILED, 1, OVER },
	{ "total: a crash before the answer", TOTAL, "@10000 * a^", "F", RUN_FAILED, 1, OVER },
	{ "total: a crash while the agent ends it", TOTAL, "a> @10000 * a-", "F", RUN_FAILED, 1,
	    OVER },
	{ "total: no use in waiting for an attempt behind it", TOTAL, "a> @9000 a-", "F",
	    RUN_FAILED, 1,
	    "task a failed: exit; the next attempt would begin after its total timeout of 10s" },
	{ "total: nor for a provider", TOTAL, "a~", "F", RUN_FAILED, 1,
	    "task a failed: throttled; the next attempt would begin after its total timeout of "
	    "10s" },
	{ "total: it ends a wait too",
	    ONE("total_timeout: 10s, retry: {poison: 9}"), "a> @9500 a! a> a! @500", "F", RUN_FAILED,
	    1, OVER },
	{ "total: it ends what is only ready",
	    "max_parallel: 1\ntasks: [{id: b, agent: x}, {id: a, agent: x, total_timeout: 10s}, "
	    "{id: c, agent: x}]\n",
	    "@10000 b+ c+", "SFS", RUN_FAILED, 1, OVER },
	{ "total: a throttled type is no excuse",
	    "tasks: [{id: b, agent: x}, {id: a, agent: x, total_timeout: 10s, needs: c}, {id: c, "
	    "agent: y}]\n",
	    "b~ c+ @10000", "wFS", RUN_QUEUED, 1, NULL },
	{ "total: a crash does not stop its clock", TOTAL, "a- @1000 a> @5000 * @3999", "R",
	    RUN_QUEUED, 0, NULL },
	{ "total: … nor start it again", TOTAL, "a- @1000 a> @5000 * @4000 a-", "F", RUN_FAILED, 1,
	    OVER },
	{ "total: … nor before its first record", TOTAL, "@5000 * @5000 a^", "F", RUN_FAILED, 1,
	    OVER },
	{ "total: both at once", ONE("total_timeout: 5s, queue_timeout: 5s"), "@5000 a^", "F",
	    RUN_FAILED, 1, "task a failed: not done within its total timeout of 5s" },
	{ "total: behind the queue's", ONE("total_timeout: 6s, queue_timeout: 5s"),
	    "@5000 @1000 a^", "F", RUN_FAILED, 1,
	    "task a failed: not done within its total timeout of 6s" },
	{ "total: behind the attempt's",
	    ONE("total_timeout: 20s, timeout: 1s, retry: {max_attempts: 2}"), "a> @16000 @4000 a-",
	    "F", RUN_FAILED, 1, "task a failed: not done within its total timeout of 20s" },
	/* --- what runs again has all of its time again --------------------------- */
	{ "again", AGAIN, "a+ b> @10000 b- @60000 t: @4999", "SqP", RUN_QUEUED, 1, NULL },
	{ "again: over a crash", AGAIN, "a+ b> @10000 b- @60000 t: * @4999", "SqP", RUN_QUEUED, 1,
	    NULL },
	{ "again: handed out, over a crash", AGAIN, "a+ b> @10000 b- @60000 t: b= * @4999", "SqP",
	    RUN_QUEUED, 1, NULL },
	{ "again: and no more", AGAIN, "a+ b> @10000 b- @60000 t: @5000 b^", "SFK", RUN_FAILED, 2,
	    "task b failed: no agent of type x began with it within 5s" },
	{ "again: in all", AGAIN, "a+ b> @10000 b- @60000 t: * @4999 b> @5000", "SRP", RUN_QUEUED,
	    1, NULL },
	{ "again: what depends on it", AGAIN,
	    "a+ b> @10000 b- @60000 t: @4999 b> @5000 b+ @4999 * c> @5000", "SSR", RUN_QUEUED, 1,
	    NULL },
	{ "again: … and no more", AGAIN,
	    "a+ b> @10000 b- @60000 t: @4999 b> @5000 b+ @4999 * c> @5001 c-", "SSF", RUN_FAILED, 2,
	    "task c failed: not done within its total timeout of 10s" },
	{ "a task that is cancelled while it is withdrawn", AGAIN, "a+ @5000 x:b", "SCK",
	    RUN_CANCELLED, 0, NULL },
	{ "forgiven", ONE("total_timeout: 5s, continue_on_error: true"), "@5000 a^", "F",
	    RUN_SUCCEEDED, 0, NULL },
};

static void
test_stories(void **state)
{
	(void)state;
	check_stories(stories, sizeof stories / sizeof *stories);
}

/* Categories, and how often the agent was told. */
static void
test_records(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, QUEUE);
	play(&h, run, "@5000");
	assert_int_equal(run->tasks[0].record.state, TASK_QUEUED);
	assert_int_equal(run->tasks[0].record.timed_out, TIME_OUT_QUEUE);
	assert_int_equal(h.cancels, 0);
	play(&h, run, "a^");
	assert_int_equal(run->tasks[0].dead_category, CATEGORY_QUEUE_TIMEOUT);
	assert_int_equal(run->tasks[0].record.attempt, 1);
	run = start(&h, TOTAL);
	play(&h, run, "a- @1000 @9000");
	assert_int_equal(h.cancels, 1);
	assert_int_equal(run->tasks[0].record.begun_ms, 0);
	assert_int_equal(run->tasks[0].record.timed_out, TIME_OUT_TOTAL);
	play(&h, run, "a^");
	assert_int_equal(run->tasks[0].dead_category, CATEGORY_TIMEOUT);
	assert_int_equal(h.n_open, 0);
	assert_true(engine_next_timer(h.engine) == INT64_MAX);
	/* what was not begun says nothing of how often the type fails */
	assert_true(queue_failure_rate(engine_queue(h.engine, "x")) < 0.13);
	harness_release(&h);
}

/* A cancelled run leaves no timer behind, and its entries may be withdrawn all the same. */
static void
test_cancelled(void **state)
{
	struct stored_run *run;
	struct harness h;
	uint64_t token;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "max_parallel: 1\ndefaults: {agent: x, total_timeout: 1h, queue_timeout: "
	                "5s}\ntasks: [{id: a}, {id: b}]\n");
	harness_dispatch(&h);
	token = harness_entry(&h, run, 0)->token;
	engine_cancel(h.engine, &h.now, run->run, INTENT_CANCEL, &h.effects, NULL);
	harness_apply(&h);
	assert_true(engine_next_timer(h.engine) == INT64_MAX);
	engine_withdrawn(h.engine, &h.now, token, false, &h.effects);
	assert_true(engine_outstanding(h.engine, token));
	engine_withdrawn(h.engine, &h.now, token, true, &h.effects);
	harness_apply(&h);
	assert_false(engine_outstanding(h.engine, token));
	engine_withdrawn(h.engine, &h.now, token, true, &h.effects);
	assert_int_equal(h.effects.len, 0);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
