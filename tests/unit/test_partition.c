/* SPDX-License-Identifier: MIT */
/* The partition's promises, one by one: lost replies, fences, bad keys, lost data. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "stage_fixture.h"

#define BOTH_TYPES "name: both\ntasks: [{id: x, agent: alpha}, {id: y, agent: beta}]\n"
#define LAST_ID "18446744073709551615-18446744073709551615"

/* Redis knows the scripts from here on. */
static int
begin_on_fake(void **state)
{
	(void)stage_begin_on_fake(state);
	owner_works(&((struct stage *)*state)->a);
	return 0;
}

static int
begin_on_real(void **state)
{
	(void)stage_begin_on_real(state);
	owner_works(&((struct stage *)*state)->a);
	return 0;
}

struct answer {
	unsigned calls;
	int code;
};

static void
on_answer(void *arg, const struct err *err)
{
	struct answer *answer = arg;

	answer->calls++;
	answer->code = err->code;
}

static void
runs_to_its_end(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };
	struct run_id id = owner_submit(&stage->a, ONE, on_answer, &answer);

	assert_int_equal(answer.calls, 0); /* not before it is confirmed */
	owner_settle(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

/* --- lost replies --------------------------------------------------------------- */

static void
applied_and_the_reply_lost(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };
	struct run_id id = owner_submit(&stage->a, ONE, on_answer, &answer);

	partition_turn(stage->a.partition);
	owner_execute(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	owner_cut(&stage->a, false);
	assert_int_equal(answer.calls, 0);
	owner_up(&stage->a);
	owner_settle(&stage->a);
	owner_serves(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	assert_int_equal(stage->a.metrics.value[METRIC_COMMITS_RESENT], 0);
	assert_int_equal(stage->a.states[PARTITION_LOADING], 1); /* memory was kept */
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0); /* its id was found again */
}

static void
not_applied_and_the_reply_lost(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	partition_turn(stage->a.partition);
	owner_cut(&stage->a, false);
	owner_up(&stage->a);
	owner_settle(&stage->a);
	owner_serves(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	assert_int_equal(stage->a.metrics.value[METRIC_COMMITS_RESENT], 1);
	assert_int_equal(stage->a.states[PARTITION_LOADING], 1);
}

static void
a_late_commit_meets_a_new_fence(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	partition_turn(stage->a.partition);
	owner_cut(&stage->a, true); /* still under way */
	owner_up(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	owner_run_late(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	stage_work(stage, "alpha", "done");
	owner_works(&stage->a);
	owner_serves(&stage->a);
}

static void
a_late_commit_comes_before_the_new_fence(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	partition_turn(stage->a.partition);
	owner_cut(&stage->a, true);
	owner_run_late(&stage->a);
	owner_up(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	owner_serves(&stage->a);
}

static void
the_fence_itself_is_lost_again_and_again(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	partition_turn(stage->a.partition);
	owner_execute(&stage->a);
	for (int i = 0; i < 10; i++) {
		owner_cut(&stage->a, false);
		owner_up(&stage->a);
		partition_turn(stage->a.partition);
		owner_execute(&stage->a); /* installed, but nobody hears of it */
	}
	owner_cut(&stage->a, false);
	owner_up(&stage->a);
	owner_settle(&stage->a);
	owner_serves(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
}

/* --- ownership --------------------------------------------------------------------- */

static void
fenced_out(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	stage_do(stage, "SET", "fence", "0123456789abcdef:9:cccccccccccccccc");
	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STANDBY);
	assert_null(partition_engine(stage->a.partition));
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, ERR_UNAVAILABLE);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

static void
another_history_is_loaded(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };
	char *fence = stage_text(stage, "fence", NULL), other[120];

	snprintf(other, sizeof other, "%.16s:77:aaaaaaaaaaaaaaaa", fence);
	stage_do(stage, "SET", "fence", other);
	free(fence);
	(void)owner_submit(&stage->a, ONE, on_answer, &answer);
	owner_settle(&stage->a);
	assert_int_equal(answer.code, ERR_UNAVAILABLE);
	assert_int_equal(stage->a.states[PARTITION_LOADING], 2);
	owner_serves(&stage->a);
	owner_works(&stage->a);
}

static void
stops_and_another_takes_over_at_once(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	char *fence;

	partition_stop(stage->a.partition, 5000, on_answer, &answer);
	owner_settle(&stage->a);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STOPPED);
	fence = stage_text(stage, "fence", NULL);
	assert_int_equal(strncmp(fence, "free:", 5), 0);
	free(fence);
	/* accepted, but nothing was dispatched any more */
	assert_true(stage_run_is(stage, &id, "queued"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	owner_start(&stage->b);
	owner_settle(&stage->b);
	owner_serves(&stage->b);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
}

static void
stops_while_it_reads_its_state(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };
	char *fence;

	owner_end(&stage->a);
	owner_start(&stage->a);
	while (partition_state(stage->a.partition) != PARTITION_LOADING)
		assert_true(owner_step(&stage->a));
	partition_stop(stage->a.partition, 5000, on_answer, &answer);
	owner_settle(&stage->a);
	assert_int_equal(answer.calls, 1);
	fence = stage_text(stage, "fence", NULL);
	assert_int_equal(strncmp(fence, "free:", 5), 0);
	free(fence);
}

static void
stops_at_the_deadline(void **state)
{
	struct stage *stage = *state;
	struct answer answer = { 0 };

	(void)owner_submit(&stage->a, ONE, NULL, NULL);
	partition_turn(stage->a.partition); /* a commit that nobody answers */
	partition_stop(stage->a.partition, 5000, on_answer, &answer);
	partition_turn(stage->a.partition);
	assert_int_equal(answer.calls, 0);
	stage->now += 5000;
	assert_true(partition_next(stage->a.partition) <= stage->now);
	partition_turn(stage->a.partition);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, ERR_UNAVAILABLE);
	owner_settle(&stage->a); /* the answers come after all */
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STOPPED);
}

static void
a_standby_watches_before_it_takes(void **state)
{
	struct stage *stage = *state;

	owner_start(&stage->b);
	owner_settle(&stage->b);
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	stage_pass(stage, 20000); /* the owner beats */
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	owner_serves(&stage->a);
	owner_end(&stage->a);
	stage_pass(stage, 5000);
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	stage_pass(stage, 4000);
	owner_serves(&stage->b);
	owner_works(&stage->b);
}

static void
the_same_home_takes_at_once(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	owner_settle(&stage->a);
	owner_end(&stage->a);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	owner_serves(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

static void
an_unanswered_owner_dispatches_nothing(void **state)
{
	struct stage *stage = *state;

	stage->now += 4000;
	(void)owner_submit(&stage->a, ONE, NULL, NULL);
	partition_turn(stage->a.partition);
	owner_execute(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	owner_settle(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
}

/* --- bad keys ------------------------------------------------------------------------- */

static void
a_bad_task_stream_stops_its_type_alone(void **state)
{
	struct stage *stage = *state;
	struct run_id id;

	stage_do(stage, "SET", "q:alpha", "somebody else's");
	id = owner_submit(&stage->a, BOTH_TYPES, NULL, NULL);
	stage_pass(stage, 20000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	/* the commit that was refused took the submission with it */
	if (!engine_find(partition_engine(stage->a.partition), id.text))
		id = owner_submit(&stage->a, BOTH_TYPES, NULL, NULL);
	stage_pass(stage, 10000);
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 1);
	assert_true(stage->a.states[PARTITION_LOADING] <= 3); /* no loop */
	stage_work(stage, "beta", "done");
	stage_pass(stage, 1000);
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 0);
	stage_do(stage, "DEL", "q:alpha", NULL);
	stage_pass(stage, 11000);
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 1000);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

static void
a_full_task_stream_tears_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id;

	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:q:alpha", LAST_ID, "f", "v",
	    NULL));
	id = owner_submit(&stage->a, BOTH_TYPES, NULL, NULL);
	stage_pass(stage, 8000);
	if (!engine_find(partition_engine(stage->a.partition), id.text))
		id = owner_submit(&stage->a, BOTH_TYPES, NULL, NULL);
	stage_pass(stage, 30000);
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 1); /* not more: no torn commit */
	assert_true(stage->a.states[PARTITION_LOADING] <= 3);
	stage_work(stage, "beta", "done");
	stage_do(stage, "DEL", "q:alpha", NULL);
	stage_pass(stage, 11000);
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 1000);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

static void
a_bad_run_is_left_alone(void **state)
{
	struct stage *stage = *state;
	struct run_id bad = owner_submit(&stage->a, ONE, NULL, NULL), good;
	char key[60];

	owner_settle(&stage->a);
	snprintf(key, sizeof key, "run:%s", bad.text);
	stage_do(stage, "SET", key, "somebody else's");
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 3000);
	owner_serves(&stage->a);
	assert_null(engine_find(partition_engine(stage->a.partition), bad.text));
	assert_int_equal(stage->a.states[PARTITION_LOADING], 2);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0); /* its entry is settled */
	good = owner_submit(&stage->a, ONE, NULL, NULL);
	owner_settle(&stage->a);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &good, "succeeded"));
}

static void
a_bad_stream_of_dead_letters_blocks_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	owner_settle(&stage->a);
	stage_do(stage, "SET", "q:alpha:dlq", "somebody else's");
	stage_work(stage, "alpha", "failed");
	stage_pass(stage, 3000);
	owner_serves(&stage->a);
	assert_true(stage_run_is(stage, &id, "failed"));
	assert_int_equal(stage->a.states[PARTITION_LOADING], 2);
	owner_works(&stage->a);
	/* mended: the next one is there */
	stage_do(stage, "DEL", "q:alpha:dlq", NULL);
	stage_pass(stage, 6000);
	(void)owner_submit(&stage->a, ONE, NULL, NULL);
	owner_settle(&stage->a);
	stage_work(stage, "alpha", "failed");
	owner_settle(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha:dlq"), 1);
}

static void
without_a_key_of_its_own_it_waits(void **state)
{
	static const char *const keys[] = { "ev", "live", "fin", "queues" };
	struct stage *stage = *state;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct run_id id;

		stage_do(stage, "DEL", keys[i], NULL);
		stage_do(stage, "SET", keys[i], "somebody else's");
		id = owner_submit(&stage->a, ONE, NULL, NULL);
		stage_pass(stage, 10000);
		if (strcmp(keys[i], "fin") == 0) {
			stage_work(stage, "alpha", "done");
			stage_pass(stage, 1000);
		}
		if (strcmp(keys[i], "queues") != 0) /* written once a queue alone */
			assert_non_null(strstr(partition_why(stage->a.partition), keys[i]));
		stage_do(stage, "DEL", keys[i], NULL);
		stage_pass(stage, 5000);
		owner_serves(&stage->a);
		if (strcmp(keys[i], "fin") != 0) {
			stage_work(stage, "alpha", "done");
			stage_pass(stage, 1000);
		}
		assert_true(stage_run_is(stage, &id, "succeeded"));
	}
	assert_int_equal(stage->a.states[PARTITION_LOADING], 1); /* memory was kept */
}

static void
a_load_waits_for_a_bad_list(void **state)
{
	struct stage *stage = *state;

	owner_end(&stage->a);
	stage_do(stage, "SET", "live", "somebody else's");
	owner_start(&stage->a);
	stage_pass(stage, 3000);
	assert_int_not_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	assert_non_null(strstr(partition_why(stage->a.partition), "live"));
	stage_do(stage, "DEL", "live", NULL);
	stage_pass(stage, 3000);
	owner_serves(&stage->a);
}

/* --- completions -------------------------------------------------------------------------- */

static void
an_oversized_completion_is_passed(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	uint64_t *count = &stage->a.metrics.value[METRIC_COMPLETIONS_MALFORMED];

	owner_settle(&stage->a);
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "*", "x", "huge",
	    NULL));
	owner_reads_down(&stage->a, ERR_LIMIT); /* the connection could not swallow it */
	partition_turn(stage->a.partition);
	owner_reads_down(&stage->a, ERR_LIMIT); /* nor alone */
	owner_settle(&stage->a);
	assert_int_equal(*count, 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "done"), 0);
}

static void
lost_completions_are_read_again(void **state)
{
	struct stage *stage = *state;
	struct run_id id;
	struct redisReply *taken;
	const struct redisReply *entry;
	struct reply_text run, token;

	id = owner_submit(&stage->a, ONE, NULL, NULL);
	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	entry = taken->element[0]->element[1]->element[0];
	assert_true(reply_get(entry->element[1], "run", &run));
	assert_true(reply_get(entry->element[1], "token", &token));
	stage_do(stage, "DEL", "done", NULL);
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "5-1", "run",
	    run.text, "task", "t", "token", token.text, "status", "done", NULL));
	freeReplyObject(taken);
	/* the read that blocks is behind the lost end; it comes back when its time is over */
	owner_settle(&stage->a);
	assert_false(stage_run_is(stage, &id, "succeeded"));
	stage_pass(stage, 1500);
	owner_reads_down(&stage->a, ERR_UNREACHABLE);
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "9999999999999-1",
	    "x", "y", NULL));
	stage_pass(stage, 1500);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

/* A load from the stored cursor must not pass over what comes after the loss. */
static void
ids_are_raised_behind_the_cursor(void **state)
{
	struct stage *stage = *state;
	char *cursor = stage_text(stage, "cursor", NULL);
	struct reply_text last;
	redisReply *reply;

	assert_string_not_equal(cursor, "");
	stage_do(stage, "DEL", "done", NULL);
	stage_pass(stage, 3000);
	reply = stage_call(stage, "XINFO", "STREAM", "reeve:{0}:done", NULL);
	assert_true(reply_get(reply, "last-generated-id", &last));
	assert_string_equal(last.text, cursor);
	freeReplyObject(reply);
	free(cursor);
	owner_works(&stage->a);
}

static void
nonsense_changes_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "*", "run", id.text,
	    "task", "t", "token", "0123456789abcdef", "status", "done", NULL));
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "*", "run", id.text,
	    NULL));
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "done", NULL, NULL);
	stage_report(stage, taken, "failed", "category", "exit");
	freeReplyObject(taken);
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage->a.metrics.value[METRIC_COMPLETIONS_MALFORMED], 1);
	assert_int_equal(stage->a.metrics.value[METRIC_COMPLETIONS_APPLIED], 2);
	assert_int_equal(stage->a.metrics.value[METRIC_COMPLETIONS_DUPLICATE] +
	        stage->a.metrics.value[METRIC_COMPLETIONS_LATE] +
	        stage->a.metrics.value[METRIC_COMPLETIONS_UNKNOWN],
	    2);
	assert_int_equal(stage_int(stage, "XLEN", "done"), 0);
}

static void
a_wiped_redis_is_begun_anew(void **state)
{
	struct stage *stage = *state;
	char *before = stage_text(stage, "meta", "nonce"), *after;

	(void)owner_submit(&stage->a, ONE, NULL, NULL);
	owner_settle(&stage->a);
	freeReplyObject(stage_call(stage, "FLUSHALL", NULL));
	stage_pass(stage, 4000);
	owner_serves(&stage->a);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 0);
	after = stage_text(stage, "meta", "nonce");
	assert_string_not_equal(after, "");
	assert_string_not_equal(before, after);
	free(before);
	free(after);
	owner_works(&stage->a);
}

#define ALL(X)                                                                  \
	X(runs_to_its_end)                                                     \
	X(applied_and_the_reply_lost)                                          \
	X(not_applied_and_the_reply_lost)                                      \
	X(a_late_commit_meets_a_new_fence)                                     \
	X(a_late_commit_comes_before_the_new_fence)                            \
	X(the_fence_itself_is_lost_again_and_again)                            \
	X(fenced_out)                                                          \
	X(another_history_is_loaded)                                           \
	X(stops_and_another_takes_over_at_once)                                \
	X(stops_while_it_reads_its_state)                                      \
	X(stops_at_the_deadline)                                               \
	X(a_standby_watches_before_it_takes)                                   \
	X(the_same_home_takes_at_once)                                         \
	X(an_unanswered_owner_dispatches_nothing)                              \
	X(a_bad_task_stream_stops_its_type_alone)                              \
	X(a_full_task_stream_tears_nothing)                                    \
	X(a_bad_run_is_left_alone)                                             \
	X(a_bad_stream_of_dead_letters_blocks_nothing)                         \
	X(without_a_key_of_its_own_it_waits)                                   \
	X(a_load_waits_for_a_bad_list)                                         \
	X(an_oversized_completion_is_passed)                                   \
	X(lost_completions_are_read_again)                                     \
	X(ids_are_raised_behind_the_cursor)                                    \
	X(nonsense_changes_nothing)                                            \
	X(a_wiped_redis_is_begun_anew)

/* Each on the fake Redis and on a real one. */
int
main(void)
{
#define ON_FAKE(name) cmocka_unit_test_setup_teardown(name, begin_on_fake, stage_end),
#define ON_REAL(name) { #name ", on a real redis", name, begin_on_real, stage_end, NULL },
	const struct CMUnitTest tests[] = { ALL(ON_FAKE) ALL(ON_REAL) };

	return cmocka_run_group_tests(tests, stage_start_server, stage_stop_server);
}
