/* SPDX-License-Identifier: MIT */
/* The auditor's passes: two sightings, repairs, looks, and runs that nothing can move. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/auditor.h"
#include "stage.h"
#include "store/record.h"

#define PAIR                                                                           \
	"name: pair\n"                                                                 \
	"tasks: [{id: a, agent: alpha}, {id: b, agent: alpha, needs: [a]}]\n"

static int
begin(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	stage->audit_ms = 1000;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
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

static uint64_t
repairs(const struct stage *stage, enum audit_kind kind)
{
	return stage->a.metrics.value[METRIC_AUDIT_ENTRY_GONE + (int)kind];
}

static uint64_t
repairs_in_all(const struct stage *stage)
{
	uint64_t n = 0;

	for (int kind = 0; kind < AUDIT_KINDS; kind++)
		n += repairs(stage, (enum audit_kind)kind);
	return n;
}

/* Task a is done, b is queued. */
static struct run_id
half_done(struct stage *stage)
{
	struct run_id id = owner_submit(&stage->a, PAIR, NULL, NULL);

	owner_settle(&stage->a);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	return id;
}

static char *
run_key(const struct run_id *id)
{
	return xasprintf("run:%s", id->text);
}

static struct run *
live(struct stage *stage, const struct run_id *id)
{
	struct run *run = engine_find(partition_engine(stage->a.partition), id->text);

	assert_non_null(run);
	return run;
}

static void
what_is_sound_stays(void **state)
{
	struct stage *stage = *state;

	(void)half_done(stage);
	stage_pass(stage, 10000);
	assert_int_equal(repairs_in_all(stage), 0);
	assert_true(stage->a.metrics.value[METRIC_AUDIT_PASSES] >= 5);
}

static void
set_record(struct stage *stage, const struct run_id *id, const char *value)
{
	struct redisReply *reply;
	char *key = xasprintf("reeve:{0}:run:%s", id->text);

	reply = fake_redis_call(stage->redis, "HSET", key, "0", value, NULL);
	freeReplyObject(reply);
	free(key);
}

/* What is wrong once only was no fault of the state. */
static void
seen_twice_before_it_is_repaired(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	char *key = run_key(&id), *record = stage_text(stage, key, "0"), *now;
	uint64_t passes;

	stage_pass(stage, 3000);
	set_record(stage, &id, "broken");
	passes = stage->a.metrics.value[METRIC_AUDIT_PASSES];
	while (stage->a.metrics.value[METRIC_AUDIT_PASSES] == passes)
		stage_pass(stage, 50);
	set_record(stage, &id, record);
	stage_pass(stage, 5000);
	assert_int_equal(repairs_in_all(stage), 0);
	set_record(stage, &id, "broken");
	stage_pass(stage, 5000);
	assert_int_equal(repairs(stage, AUDIT_TASK_RECORD), 1);
	now = stage_text(stage, key, "0");
	assert_string_equal(now, record);
	free(now);
	free(record);
	free(key);
}

/* The repaired run is loaded as it was. */
static void
a_deleted_run_comes_back(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	char *key = run_key(&id);

	stage_do(stage, "DEL", key, NULL);
	free(key);
	stage_pass(stage, 5000);
	assert_int_equal(repairs(stage, AUDIT_RUN_RECORD), 1);
	owner_end(&stage->a);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_SUCCEEDED);
	assert_int_equal(live(stage, &id)->tasks[1].state, TASK_QUEUED);
	assert_int_equal(live(stage, &id)->tasks[1].attempt, 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

static void
set_listed(struct stage *stage, const struct run_id *id, const char *value)
{
	freeReplyObject(fake_redis_call(stage->redis, "HSET", "reeve:{0}:live", id->text, value,
	    NULL));
}

/* Where the record of a run is listed, and where it must not be any more. */
static void
the_list_of_live_runs(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PAIR, NULL, NULL);
	char *now;

	owner_settle(&stage->a);
	stage_pass(stage, 5000);
	assert_int_equal(repairs_in_all(stage), 0);
	set_listed(stage, &id, "1,succeeded,none");
	stage_pass(stage, 5000);
	assert_int_equal(repairs(stage, AUDIT_RUN_RECORD), 1);
	assert_true(stage_run_is(stage, &id, "queued"));
	set_listed(stage, &id, "1,queued,none,5,1,0,0,0,0,0,0,2,pair,0");
	stage_pass(stage, 5000);
	assert_int_equal(repairs(stage, AUDIT_RUN_RECORD), 2);
	now = stage_text(stage, "live", id.text);
	assert_string_equal(now, "");
	free(now);
	freeReplyObject(fake_redis_call(stage->redis, "HDEL", "reeve:{0}:live", id.text, NULL));
	stage_pass(stage, 5000);
	assert_int_equal(repairs(stage, AUDIT_LIVE_MISSING), 1);
	owner_end(&stage->a);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(live(stage, &id)->tasks[0].state, TASK_QUEUED);
}

/* Acknowledged by somebody else: after a lease it is handed out anew. */
static void
an_entry_in_nobodys_hands(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	struct redisReply *taken, *reply;

	assert_true(stage_take(stage, "alpha", &taken));
	reply = fake_redis_call(stage->redis, "XACK", "reeve:{0}:q:alpha", "alpha_consumers",
	    taken->element[0]->element[1]->element[0]->element[0]->str, NULL);
	assert_int_equal(reply->integer, 1);
	freeReplyObject(reply);
	freeReplyObject(taken);
	stage_pass(stage, 25000);
	assert_int_equal(repairs(stage, AUDIT_ENTRY_UNOWNED), 1);
	assert_int_equal(live(stage, &id)->tasks[1].attempt, 2);
}

/* A fault of memory: it is read again, and the run goes on. */
static void
a_stuck_run_is_read_again(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, PAIR, NULL, NULL);
	uint64_t loads;

	owner_settle(&stage->a);
	live(stage, &id)->tasks[1].blocked++;
	stage_work(stage, "alpha", "done");
	loads = stage->a.metrics.value[METRIC_LOADS];
	stage_pass(stage, 6000);
	assert_int_equal(repairs(stage, AUDIT_STUCK), 1);
	assert_int_equal(stage->a.metrics.value[METRIC_LOADS], loads + 1);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
}

/* --- looking ---------------------------------------------------------------------- */

struct seen {
	unsigned found[AUDIT_KINDS], done;
	int code;
};

static void
found(void *arg, enum audit_kind kind, const char *what)
{
	assert_true(what[0] != '\0' && audit_kind_meaning(kind)[0] && audit_kind_cure(kind)[0]);
	((struct seen *)arg)->found[kind]++;
}

static void
done(void *arg, const struct err *err)
{
	((struct seen *)arg)->done++;
	((struct seen *)arg)->code = err->code;
}

static void
looking_changes_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id = half_done(stage);
	struct seen seen = { .code = 1 };
	const struct audit_look look = { found, done, &seen };
	struct err err = { 0 };

	set_record(stage, &id, "broken");
	stage_do(stage, "SADD", "cancel", "0123456789abcdef");
	freeReplyObject(fake_redis_call(stage->redis, "HSET", "reeve:{0}:run:1hf7yatz8v7eg6j0000-0",
	    "r", "x", NULL));
	assert_int_equal(auditor_look(partition_auditor(stage->a.partition), &look, &err), 0);
	assert_int_equal(auditor_look(partition_auditor(stage->a.partition), &look, &err),
	    ERR_CONFLICT);
	stage->now += 20;
	for (int i = 0; i < 200 && seen.done == 0; i++) {
		(void)owner_step(&stage->a);
		stage->now += 5;
	}
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.found[AUDIT_TASK_RECORD], 1);
	assert_int_equal(seen.found[AUDIT_CANCEL_UNKNOWN], 1);
	assert_int_equal(seen.found[AUDIT_ORPHAN_RUN], 1);
	assert_int_equal(repairs_in_all(stage), 0);
	stage_pass(stage, 5000); /* the standing one repairs it */
	assert_int_equal(repairs_in_all(stage), 2);
}

static void
a_look_ends_with_memory(void **state)
{
	struct stage *stage = *state;
	struct seen seen = { .code = 1 };
	const struct audit_look look = { found, done, &seen };
	struct err err = { 0 };

	assert_int_equal(auditor_look(partition_auditor(stage->a.partition), &look, &err), 0);
	owner_end(&stage->a);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.code, ERR_UNAVAILABLE);
	owner_start(&stage->a);
}

/* Before the loss of everything is noticed nothing is taken for damage. */
static void
a_wiped_redis_is_not_repaired(void **state)
{
	struct stage *stage = *state;

	owner_end(&stage->a);
	stage->on_loss = LOSS_HOLD;
	stage->audit_ms = 10;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	(void)half_done(stage);
	stage_pass(stage, 500);
	stage_do(stage, "FLUSHALL", NULL, NULL);
	stage_pass(stage, 5000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_HELD);
	assert_int_equal(repairs_in_all(stage), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(what_is_sound_stays),
		T(seen_twice_before_it_is_repaired),
		T(a_deleted_run_comes_back),
		T(the_list_of_live_runs),
		T(an_entry_in_nobodys_hands),
		T(a_stuck_run_is_read_again),
		T(looking_changes_nothing),
		T(a_look_ends_with_memory),
		T(a_wiped_redis_is_not_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
#undef T
}
