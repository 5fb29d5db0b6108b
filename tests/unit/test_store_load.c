/* SPDX-License-Identifier: MIT */
/* Loading: what is kept, what is left alone, and when a load ends without success. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "stage.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/commit.h"

#define FLOW                                                                           \
	"name: flow\ntasks:\n  - {id: a, agent: alpha}\n"                               \
	"  - {id: b, agent: alpha, needs: [a], prompt: \"${{ tasks.a.outputs.k }}\"}\n"

#define PLAIN                                                                          \
	"name: plain\ntasks:\n  - {id: a, agent: alpha}\n"                              \
	"  - {id: b, agent: alpha, needs: [a]}\n"

#define SMALL "name: p\ntasks: [{id: t, agent: alpha}]\n"

static int
begin(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	owner_start(&stage->a);
	owner_settle(&stage->a);
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

static void
load_again(struct stage *stage)
{
	owner_end(&stage->a);
	owner_start(&stage->a);
	stage_pass(stage, 200);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
}

static const struct run *
live(struct stage *stage, const struct run_id *id)
{
	return engine_find(partition_engine(stage->a.partition), id->text);
}

static void
set_field(struct stage *stage, const struct run_id *id, const char *field, const char *value)
{
	char key[80];

	snprintf(key, sizeof key, "reeve:{0}:run:%s", id->text);
	freeReplyObject(fake_redis_call(stage->redis, "HSET", key, field, value, NULL));
}

static char *
get_field(struct stage *stage, const struct run_id *id, const char *field)
{
	char key[80];

	snprintf(key, sizeof key, "run:%s", id->text);
	return stage_text(stage, key, field);
}

static void
outputs_are_there_for_those_who_read_them(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, FLOW, NULL, NULL);
	struct redisReply *taken;
	struct reply_text body;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "done", "outputs", "{\"k\":\"forty-two\"}");
	freeReplyObject(taken);
	partition_stop(stage->a.partition, 5000, NULL, NULL); /* nothing more is dispatched */
	stage_pass(stage, 200);
	load_again(stage);
	assert_true(stage_take(stage, "alpha", &taken));
	assert_true(reply_get(taken->element[0]->element[1]->element[0]->element[1], "body", &body));
	if (strstr(body.text, "forty-two") == NULL) {
		/* the stop came before the report was read: it is task a again */
		freeReplyObject(taken);
		fail_msg("body is %s", body.text);
	}
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

static void
unknown_trailing_fields_are_kept(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);
	struct redisReply *taken;
	char *record, *changed;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "started", "agent", "me");
	owner_settle(&stage->a);
	record = get_field(stage, &id, "0");
	/* to the agent a record ends early: category, due, length, timed_out, stored
	   and begun are empty */
	changed = xasprintf("%s,,,,,,,newer,fields", record);
	set_field(stage, &id, "0", changed);
	free(record);
	record = get_field(stage, &id, "r");
	free(changed);
	/* to the definition likewise: paused, reopened, reopening, replay of, given,
	   what was spent and the key */
	changed = xasprintf("%s,,,,,,,,,,,newer", record);
	set_field(stage, &id, "r", changed);
	free(record);
	free(changed);
	load_again(stage);
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	record = get_field(stage, &id, "0");
	assert_non_null(strstr(record, ",newer,fields"));
	free(record);
	record = get_field(stage, &id, "r");
	assert_non_null(strstr(record, ",newer"));
	free(record);
}

static void
what_cannot_be_read_is_left_alone(void **state)
{
	struct stage *stage = *state;
	struct run_id newer = owner_submit(&stage->a, FLOW, NULL, NULL);
	struct run_id lost_def = owner_submit(&stage->a, "name: x\ntasks: [{id: t, agent: beta}]\n",
	    NULL, NULL);
	struct run_id good = owner_submit(&stage->a, FLOW, NULL, NULL);
	char key[120];

	owner_settle(&stage->a);
	freeReplyObject(fake_redis_call(stage->redis, "HSET", "reeve:{0}:live", newer.text,
	    "9,from the future", NULL));
	snprintf(key, sizeof key, "reeve:{0}:def:%s", live(stage, &lost_def)->wf->sha256);
	freeReplyObject(fake_redis_call(stage->redis, "DEL", key, NULL));
	freeReplyObject(fake_redis_call(stage->redis, "HSET", "reeve:{0}:live", "not a run", "",
	    NULL));
	freeReplyObject(fake_redis_call(stage->redis, "HSET", "reeve:{0}:queues", "nonsense", "g",
	    NULL));
	load_again(stage);
	assert_null(live(stage, &newer));
	assert_null(live(stage, &lost_def));
	assert_non_null(live(stage, &good));
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 1);
}

static void
strange_entries_are_deleted(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);

	owner_settle(&stage->a);
	freeReplyObject(fake_redis_call(stage->redis, "XADD", "reeve:{0}:q:alpha", "*", "who", "knows",
	    NULL));
	load_again(stage);
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 200);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1); /* b's alone */
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 200);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

/* Nobody will settle it again, and with it what was settled before would stay. */
static void
an_entry_that_is_settled_goes(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, SMALL, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:q:alpha", "*", "who", "knows", NULL));
	assert_true(stage_take(stage, "alpha", &taken));
	freeReplyObject(stage_call(stage, "XACK", "reeve:{0}:q:alpha", "alpha_consumers",
	    taken->element[0]->element[1]->element[0]->element[0]->str, NULL));
	freeReplyObject(taken);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	load_again(stage);
	(void)owner_submit(&stage->a, SMALL, NULL, NULL); /* it goes with the next commit */
	owner_settle(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
}

/* A run that has begun, and of which nothing else is stored, is one field. */
static void
a_run_that_waits_is_listed(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);
	char *listed, *own;

	owner_settle(&stage->a);
	listed = stage_text(stage, "live", id.text);
	assert_int_equal(strncmp(listed, "1,queued,none,", 14), 0);
	own = get_field(stage, &id, "r");
	assert_string_equal(own, "");
	free(own);
	load_again(stage);
	assert_int_equal(live(stage, &id)->home, HOME_LISTED);
	assert_string_equal(live(stage, &id)->params, "{}");
	assert_int_equal(live(stage, &id)->tasks[0].attempt, 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	own = get_field(stage, &id, "r");
	assert_string_not_equal(own, "");
	free(listed);
	listed = stage_text(stage, "live", id.text);
	assert_string_equal(listed, "");
	load_again(stage);
	assert_int_equal(live(stage, &id)->home, HOME_OWN);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_SUCCEEDED);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	free(listed);
	free(own);
}

static void
a_listed_run_has_its_params(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);
	char *listed, *with, *params;

	owner_settle(&stage->a);
	listed = stage_text(stage, "live", id.text);
	with = xasprintf("%s\n{\"who\":\"a\\nb\"}", listed);
	freeReplyObject(stage_call(stage, "HSET", "reeve:{0}:live", id.text, with, NULL));
	load_again(stage);
	assert_string_equal(live(stage, &id)->params, "{\"who\":\"a\\nb\"}");
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	params = get_field(stage, &id, "p");
	assert_string_equal(params, "{\"who\":\"a\\nb\"}"); /* it takes them along */
	free(listed);
	free(with);
	free(params);
}

#define FIVE                                                                           \
	"name: five\ntasks: [{id: a, agent: alpha}, {id: b, agent: beta}, {id: c, agent: beta}, "  \
	"{id: d, agent: beta}, {id: e, agent: beta}]\n"

/* An older state of Redis lists it, and what was written back beside that was cut off. */
static void
tasks_of_a_listed_run_count(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, FIVE, NULL, NULL);
	char *listed;

	owner_settle(&stage->a);
	listed = stage_text(stage, "live", id.text);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	freeReplyObject(stage_call(stage, "HSET", "reeve:{0}:live", id.text, listed, NULL));
	load_again(stage);
	assert_int_equal(live(stage, &id)->home, HOME_LISTED);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_SUCCEEDED);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	free(listed);
}

/* Its tasks were done, and nobody knows which: they are not done again. */
static void
a_run_whose_hash_is_gone_does_not_begin_anew(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);
	char *key = xasprintf("run:%s", id.text);

	owner_settle(&stage->a);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	stage_do(stage, "DEL", key, NULL);
	load_again(stage);
	assert_null(live(stage, &id));
	free(key);
}

static void
a_lost_entry_is_a_crash(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PLAIN, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "started", NULL, NULL);
	owner_settle(&stage->a);
	freeReplyObject(fake_redis_call(stage->redis, "DEL", "reeve:{0}:q:alpha", NULL));
	load_again(stage);
	assert_int_equal(live(stage, &id)->tasks[0].crashes, 1);
	assert_int_equal(live(stage, &id)->tasks[0].attempt, 2);
	/* who was thought lost reports after all: its token counts no more */
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_QUEUED);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_SUCCEEDED);
}

static void
many_pages(void **state)
{
	struct stage *stage = *state;

	for (int i = 0; i < 1300; i++) {
		(void)owner_submit(&stage->a, SMALL, NULL, NULL);
		stage->now += 1;
	}
	stage_pass(stage, 500);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1024); /* the window */
	load_again(stage);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 1300);
	assert_int_equal(
	    queue_outstanding(engine_queue(partition_engine(stage->a.partition), "alpha")), 1024);
	for (int i = 0; i < 1300; i++) {
		stage_work(stage, "alpha", "done");
		if (i % 100 == 99)
			stage_pass(stage, 100);
	}
	stage_pass(stage, 1000);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 0);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

/* A definition that only the last run names comes with its slice. */
static void
many_runs_are_read_in_slices(void **state)
{
	struct stage *stage = *state;
	struct run_id first = owner_submit(&stage->a, SMALL, NULL, NULL), last;
	const struct run *run;

	for (int i = 0; i < 2050; i++) {
		stage->now += 1;
		(void)owner_submit(&stage->a, SMALL, NULL, NULL);
	}
	stage->now += 1;
	last = owner_submit(&stage->a, "name: last\ntasks:\n"
	    "  - {id: a, agent: alpha, priority: 9}\n"
	    "  - {id: b, agent: alpha, needs: [a]}\n", NULL, NULL);
	stage_pass(stage, 500);
	load_again(stage);
	assert_int_equal(engine_runs_live(partition_engine(stage->a.partition)), 2052);
	run = live(stage, &first);
	assert_int_equal(run->tasks[0].state, TASK_QUEUED);
	assert_ptr_not_equal(live(stage, &last)->wf, run->wf);
	assert_string_equal(live(stage, &last)->wf->name, "last");
	assert_int_equal(live(stage, &last)->wf->n_tasks, 2);
}

static int
steps_of_a_load(struct stage *stage)
{
	int steps = 0;

	owner_end(&stage->a);
	owner_start(&stage->a);
	while (partition_state(stage->a.partition) != PARTITION_SERVING) {
		(void)owner_step(&stage->a);
		assert_true(++steps < 10000);
	}
	return steps;
}

/* Its tasks' records come with its head. */
static void
a_small_run_is_one_question(void **state)
{
	struct stage *stage = *state;
	struct run_id id = { 0 };
	int few, many;

	for (int i = 0; i < 100; i++)
		id = owner_submit(&stage->a, SMALL, NULL, NULL);
	owner_settle(&stage->a);
	few = steps_of_a_load(stage);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_QUEUED);
	for (int i = 0; i < 100; i++)
		id = owner_submit(&stage->a, SMALL, NULL, NULL);
	owner_settle(&stage->a);
	many = steps_of_a_load(stage);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_QUEUED);
	assert_true(many - few >= 100);
	assert_true(many - few < 120);
}

static void
a_load_that_is_cut_off_is_begun_again(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, FLOW, NULL, NULL);

	owner_settle(&stage->a);
	for (int steps = 1; steps < 60; steps++) {
		owner_end(&stage->a);
		owner_start(&stage->a);
		for (int i = 0; i < steps; i++)
			(void)owner_step(&stage->a);
		owner_cut(&stage->a, steps % 2);
		owner_up(&stage->a);
		stage_pass(stage, 1200);
		assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
		assert_non_null(live(stage, &id));
		assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(outputs_are_there_for_those_who_read_them),
		T(unknown_trailing_fields_are_kept),
		T(what_cannot_be_read_is_left_alone),
		T(strange_entries_are_deleted),
		T(an_entry_that_is_settled_goes),
		T(a_run_that_waits_is_listed),
		T(a_listed_run_has_its_params),
		T(tasks_of_a_listed_run_count),
		T(a_run_whose_hash_is_gone_does_not_begin_anew),
		T(a_lost_entry_is_a_crash),
		T(many_pages),
		T(many_runs_are_read_in_slices),
		T(a_small_run_is_one_question),
		T(a_load_that_is_cut_off_is_begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
