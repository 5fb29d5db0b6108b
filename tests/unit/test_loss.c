/* SPDX-License-Identifier: MIT */
/* Redis lost its state: the alarm, and what holding, accepting and restoring come to. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/facade.h"
#include "stage.h"
#include "store/events.h"

#define PAIR                                                                           \
	"name: pair\n"                                                                 \
	"params: {p: {default: v}}\n"                                                  \
	"tasks:\n"                                                                     \
	"  - {id: a, agent: alpha}\n"                                                  \
	"  - {id: b, agent: alpha, needs: [a], prompt: \"${{ tasks.a.outputs.k }}\"}\n"

static const struct facade_actor BOSS = { "boss", "admin", "test" };

static void
restart(struct stage *stage, enum loss_policy policy)
{
	owner_end(&stage->a);
	stage->on_loss = policy;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
}

static int
begin(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	restart(stage, LOSS_HOLD);
	*state = stage;
	return 0;
}

static int
end(void **state)
{
	stage_release(*state);
	free(*state);
	return 0;
}

/* Its first task is done, the second is with an agent. */
static struct run_id
half_done(struct stage *stage)
{
	struct run_id id = owner_submit(&stage->a, PAIR, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "done", "outputs", "{\"k\":\"forty-two\"}");
	freeReplyObject(taken);
	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	freeReplyObject(taken);
	owner_settle(&stage->a);
	return id;
}

static void
wipe(struct stage *stage)
{
	stage_do(stage, "FLUSHALL", NULL, NULL);
	stage_pass(stage, 4000);
}

static void
is_held(struct stage *stage)
{
	assert_int_equal(partition_state(stage->a.partition), PARTITION_HELD);
	assert_non_null(strstr(partition_why(stage->a.partition), "reeve recover accept"));
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_LOSSES], 1);
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_HELD], 1);
}

static void
serves(struct stage *stage)
{
	stage_pass(stage, 3000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	assert_string_equal(partition_why(stage->a.partition), "");
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_HELD], 0);
}

static bool
stream_tells(struct stage *stage, const char *key, const char *type)
{
	struct redisReply *reply = fake_redis_call(stage->redis, "XRANGE", key, "-", "+", NULL);
	bool found = false;

	for (size_t i = 0; i < reply->elements; i++)
		found |= strstr(reply->element[i]->element[1]->element[3]->str, type) != NULL;
	freeReplyObject(reply);
	return found;
}

static bool
has_event(struct stage *stage, const char *type)
{
	return stream_tells(stage, "reeve:{0}:ev", type);
}

/* The second task of the run, its input and its end. */
static void
second_task_ends_it(struct stage *stage, const struct run_id *id)
{
	struct redisReply *taken;
	struct reply_text body;

	assert_true(stage_take(stage, "alpha", &taken));
	assert_true(reply_get(taken->element[0]->element[1]->element[0]->element[1], "body", &body));
	assert_string_equal(body.text, "forty-two");
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

static void
holding_touches_nothing(void **state)
{
	struct stage *stage = *state;
	char *fence;

	(void)half_done(stage);
	wipe(stage);
	is_held(stage);
	assert_non_null(strstr(partition_why(stage->a.partition), "1 live runs"));
	stage_pass(stage, 100000);
	is_held(stage);
	fence = stage_text(stage, "fence", NULL);
	assert_string_equal(fence, "");
	free(fence);
}

static void
held_and_restored(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	struct err err = { 0 };

	wipe(stage);
	is_held(stage);
	assert_int_equal(partition_recover(stage->a.partition, true, &BOSS, &err), 0);
	serves(stage);
	assert_true(has_event(stage, "alert.state_lost"));
	assert_true(stream_tells(stage, "reeve:{0}:audit", "audit.recover"));
	assert_true(stream_tells(stage, "reeve:{0}:audit", "\"name\":\"boss\""));
	second_task_ends_it(stage, &id);
	assert_int_equal(partition_recover(stage->a.partition, true, &BOSS, &err), ERR_CONFLICT);
}

static void
held_and_accepted(void **state)
{
	struct stage *stage = *state;
	struct err err = { 0 };

	(void)half_done(stage);
	wipe(stage);
	assert_int_equal(partition_recover(stage->a.partition, false, &BOSS, &err), 0);
	serves(stage);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 0);
	assert_true(has_event(stage, "alert.state_lost"));
	assert_true(stream_tells(stage, "reeve:{0}:audit", "\"how\":\"accept\""));
	(void)half_done(stage);
}

static void
restored_by_policy(void **state)
{
	struct stage *stage = *state;
	struct run_id id;

	restart(stage, LOSS_RESTORE);
	id = half_done(stage);
	wipe(stage);
	serves(stage);
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_LOSSES], 1);
	second_task_ends_it(stage, &id);
}

struct told {
	struct partition *partition;
	unsigned times;
	bool failed, undone;
};

static void
on_told(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->times++;
	told->failed = err->code < 0;
	told->undone = partition_undone(told->partition);
}

/* As a command that was passed on does it, and one of an asker of this daemon. */
static void
apply(struct stage *stage, struct run_id *ret_id, struct told *told)
{
	const struct stream_id entry = { 7, 0 };

	*told = (struct told){ .partition = stage->a.partition };
	*ret_id = owner_submit(&stage->a, PAIR, NULL, NULL);
	partition_answer(stage->a.partition, entry, "00000000000000aa", "{\"run\":\"r\"}");
	partition_mark(stage->a.partition);
	partition_barrier(stage->a.partition, on_told, told);
}

/* Of a command that memory holds the entry goes, as if its own commit had come. */
static void
is_not_to_be_done_again(struct stage *stage, const struct run_id *id, const struct told *told)
{
	char *answer = stage_text(stage, "in:00000000000000aa", NULL);

	assert_non_null(engine_find(partition_engine(stage->a.partition), id->text));
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 1);
	assert_int_equal(stage_int(stage, "XLEN", "in"), 0);
	assert_string_equal(answer, "{\"run\":\"r\"}");
	free(answer);
	assert_int_equal(told->times, 1);
	assert_true(told->failed);
	assert_false(told->undone);
}

static void
put_command(struct stage *stage)
{
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:in", "7-0", "id", "00000000000000aa",
	    NULL));
}

/* It was applied, and the commit that should tell of it found the state gone. */
static void
a_command_under_way_is_done_once(void **state)
{
	struct stage *stage = *state;
	struct run_id id;
	struct told told;

	stage_do(stage, "FLUSHALL", NULL, NULL);
	put_command(stage);
	apply(stage, &id, &told);
	stage_pass(stage, 4000);
	is_held(stage);
	assert_int_equal(stage_int(stage, "XLEN", "in"), 1);
	assert_int_equal(partition_recover(stage->a.partition, true, &BOSS, NULL), 0);
	serves(stage);
	is_not_to_be_done_again(stage, &id, &told);
}

/* No commit had been made of it. */
static void
a_command_before_its_commit_is_done_once(void **state)
{
	struct stage *stage = *state;
	struct run_id id;
	struct told told;

	restart(stage, LOSS_RESTORE);
	owner_cut(&stage->a, false);
	stage_do(stage, "FLUSHALL", NULL, NULL);
	put_command(stage);
	apply(stage, &id, &told);
	owner_up(&stage->a);
	serves(stage);
	is_not_to_be_done_again(stage, &id, &told);
}

/* More than a commit takes; it is cut off on the way, and goes on. */
static void
a_big_run_is_restored(void **state)
{
	struct stage *stage = *state;
	struct buf yaml = { 0 };
	struct run_id id;

	restart(stage, LOSS_RESTORE);
	buf_adds(&yaml, "name: big\ntasks:\n");
	for (int i = 0; i < 900; i++)
		buf_printf(&yaml, "  - {id: t%d, agent: alpha}\n", i);
	buf_adds(&yaml, "  - {id: slow, agent: beta}\n");
	id = owner_submit(&stage->a, buf_text(&yaml), NULL, NULL);
	buf_release(&yaml);
	owner_settle(&stage->a);
	for (int i = 0; i < 900; i++) {
		stage_work(stage, "alpha", "done");
		if (i % 20 == 0)
			owner_settle(&stage->a);
	}
	owner_settle(&stage->a);
	stage_do(stage, "FLUSHALL", NULL, NULL);
	for (int i = 0; i < 300 && !strstr(stage->a.why, "writing"); i++) {
		stage->now += 50;
		(void)owner_step(&stage->a);
	}
	assert_string_equal(stage->a.why, "writing 1 live runs back");
	for (int i = 0; i < 4; i++)
		(void)owner_step(&stage->a);
	owner_cut(&stage->a, false);
	owner_up(&stage->a);
	serves(stage);
	stage_work(stage, "beta", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

/* Somebody puts the right state back. */
static void
it_goes_on_by_itself(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	char *nonce = stage_text(stage, "meta", "nonce");
	struct redisReply *reply;

	stage_do(stage, "DEL", "fence", NULL);
	stage_do(stage, "DEL", "meta", NULL);
	stage_pass(stage, 4000);
	is_held(stage);
	reply = fake_redis_call(stage->redis, "HSET", "reeve:{0}:meta", "schema", "1", "min_reader",
	    "1", "partitions", "1", "nonce", nonce, NULL);
	freeReplyObject(reply);
	serves(stage);
	free(nonce);
	assert_non_null(engine_find(partition_engine(stage->a.partition), id.text));
}

/* Only the description is gone, and the fence is ours: nothing is lost. */
static void
a_lost_description_is_no_loss(void **state)
{
	struct stage *stage = *state;
	char *before = stage_text(stage, "meta", "nonce"), *after;

	stage_do(stage, "DEL", "meta", NULL);
	serves(stage);
	after = stage_text(stage, "meta", "nonce");
	assert_string_equal(before, after);
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_LOSSES], 0);
	free(before);
	free(after);
}

/* Put back to what it was `ms` ago: a failover loses seconds, a backup is older. */
static void
put_back(struct stage *stage, int64_t ms)
{
	size_t writes = fake_redis_writes(stage->redis);

	stage_pass(stage, ms);
	(void)half_done(stage);
	owner_cut(&stage->a, false);
	fake_redis_restart(stage->redis, writes);
	partition_history_changed(stage->a.partition);
	owner_up(&stage->a);
	owner_settle(&stage->a);
}

static void
an_older_state_is_held(void **state)
{
	struct stage *stage = *state;
	struct err err = { 0 };

	stage_pass(stage, 70000);
	put_back(stage, 70000);
	is_held(stage);
	assert_non_null(strstr(partition_why(stage->a.partition), "older"));
	assert_int_equal(partition_recover(stage->a.partition, true, &BOSS, &err), 0);
	serves(stage);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 1);
}

static void
some_lost_seconds_are_no_loss(void **state)
{
	struct stage *stage = *state;

	stage_pass(stage, 70000);
	put_back(stage, 5000);
	serves(stage);
	assert_int_equal(stage->a.metrics.value[METRIC_STATE_LOSSES], 0);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 0);
}

/* Wiped while no daemon ran: the next one knows which state it was. */
static void
known_from_before(void **state)
{
	struct stage *stage = *state;
	struct err err = { 0 };

	owner_end(&stage->a);
	stage_do(stage, "FLUSHALL", NULL, NULL);
	stage->known_nonce = "0123456789abcdef";
	owner_start(&stage->a);
	owner_settle(&stage->a);
	is_held(stage);
	assert_int_equal(partition_recover(stage->a.partition, true, &BOSS, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "holds no runs"));
	assert_int_equal(partition_recover(stage->a.partition, false, &BOSS, &err), 0);
	serves(stage);
}

/* A standby leaves the owner time to write its memory back. */
static void
a_standby_gives_way(void **state)
{
	struct stage *stage = *state;
	struct run_id id;

	restart(stage, LOSS_RESTORE);
	owner_start(&stage->b);
	owner_settle(&stage->b);
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	id = half_done(stage);
	stage_do(stage, "FLUSHALL", NULL, NULL);
	partition_turn(stage->b.partition);
	stage->now += 1500;
	owner_settle(&stage->b); /* it looks first */
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	serves(stage);
	assert_int_equal(partition_state(stage->b.partition), PARTITION_STANDBY);
	second_task_ends_it(stage, &id);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(holding_touches_nothing),
		T(held_and_restored),
		T(held_and_accepted),
		T(restored_by_policy),
		T(a_command_under_way_is_done_once),
		T(a_command_before_its_commit_is_done_once),
		T(a_big_run_is_restored),
		T(it_goes_on_by_itself),
		T(a_lost_description_is_no_loss),
		T(an_older_state_is_held),
		T(some_lost_seconds_are_no_loss),
		T(known_from_before),
		T(a_standby_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
#undef T
}
