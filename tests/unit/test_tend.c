/* SPDX-License-Identifier: MIT */
/* What operators do to task streams, on a real Redis: nothing is lost, nothing runs twice. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "test.h"

#include "stage_fixture.h"

#define QUEUE "reeve:{0}:q:alpha"
#define GROUP "alpha_consumers"
#define LEASE_MS 15000
#define TOLD_MS 20000 /* a lease and a few looks */
#define WORKER "me"    /* as stage_take() calls itself */

static void
call(struct stage *stage, const char *a, const char *b, const char *c, const char *d,
    const char *e, const char *f)
{
	redisReply *reply = stage_call(stage, a, b, c, d, e, f, NULL);

	assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
	freeReplyObject(reply);
}

/* The same group without a memory, as an agent makes it that meets NOGROUP. */
static void
make_group(struct stage *stage)
{
	call(stage, "XGROUP", "CREATE", QUEUE, GROUP, "$", "MKSTREAM");
}

static void
ends_well(struct stage *stage, const struct run_id *id)
{
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "done"), 0);
}

/* --- the tests ------------------------------------------------------------------------ */

static void
a_deleted_stream_is_filled_again(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	owner_settle(&stage->a);
	call(stage, "DEL", QUEUE, NULL, NULL, NULL, NULL);
	make_group(stage);
	stage_pass(stage, LEASE_MS / 2);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	stage_pass(stage, TOLD_MS);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	stage_work(stage, "alpha", "done");
	ends_well(stage, &id);
}

static void
a_deleted_entry_is_added_again(void **state)
{
	struct stage *stage = *state;
	struct run_id first = owner_submit(&stage->a, ONE, NULL, NULL);
	struct run_id second = owner_submit(&stage->a, ONE, NULL, NULL);
	redisReply *all;

	owner_settle(&stage->a);
	all = stage_call(stage, "XRANGE", QUEUE, "-", "+", NULL);
	assert_int_equal(all->elements, 2);
	call(stage, "XDEL", QUEUE, all->element[1]->element[0]->str, NULL, NULL, NULL);
	freeReplyObject(all);
	stage_pass(stage, TOLD_MS);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 2); /* the first was left alone */
	assert_int_equal(stage->a.metrics.value[METRIC_ATTEMPTS_LOST], 1);
	stage_work(stage, "alpha", "done");
	stage_work(stage, "alpha", "done");
	ends_well(stage, &first);
	ends_well(stage, &second);
}

static void
what_waits_long_is_left_alone(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	stage_pass(stage, 4 * LEASE_MS);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	assert_int_equal(stage->a.metrics.value[METRIC_ATTEMPTS_LOST], 0);
	stage_work(stage, "alpha", "done");
	ends_well(stage, &id);
}

/* Its agent is at work while the group is lost and the owner dies. */
static void
a_group_lost_before_a_load_runs_nothing_twice(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	call(stage, "XGROUP", "DESTROY", QUEUE, GROUP, NULL, NULL);
	make_group(stage);
	owner_end(&stage->a);
	owner_start(&stage->a);
	stage_pass(stage, LEASE_MS / 2);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1); /* nothing new */
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	ends_well(stage, &id);
}

/* Nothing else is dispatched, which would make the group again. */
static void
a_group_lost_before_a_load_strands_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	owner_settle(&stage->a);
	call(stage, "XGROUP", "DESTROY", QUEUE, GROUP, NULL, NULL);
	owner_end(&stage->a);
	owner_start(&stage->a);
	stage_pass(stage, 2 * TOLD_MS);
	stage_work(stage, "alpha", "done");
	ends_well(stage, &id);
}

static void
an_entry_that_others_acknowledged_is_lost_in_time(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	struct redisReply *taken;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	call(stage, "XACK", QUEUE, GROUP,
	    taken->element[0]->element[1]->element[0]->element[0]->str, NULL, NULL);
	freeReplyObject(taken);
	owner_end(&stage->a);
	owner_start(&stage->a);
	stage_pass(stage, TOLD_MS);
	stage_work(stage, "alpha", "done");
	ends_well(stage, &id);
}

static void
beat(struct stage *stage, const char *agent)
{
	call(stage, "HINCRBY", "reeve:{0}:beats", agent, "1", NULL, NULL);
}

/* An agent with a free slot meets NOGROUP before the owner does: another one runs a task. */
static void
what_a_living_agent_runs_goes_back_to_it(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);
	struct redisReply *taken, *pending;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &taken));
	stage_report(stage, taken, "started", "agent", WORKER);
	beat(stage, WORKER);
	stage_pass(stage, 2000);
	call(stage, "XGROUP", "DESTROY", QUEUE, GROUP, NULL, NULL);
	make_group(stage);
	stage_pass(stage, 3000);
	pending = stage_call(stage, "XPENDING", QUEUE, GROUP, "-", "+", "10", WORKER, NULL);
	assert_int_equal(pending->elements, 1);
	freeReplyObject(pending);
	assert_int_equal(stage->a.metrics.value[METRIC_AUDIT_ENTRY_UNOWNED], 1);
	for (int i = 0; i < 8; i++) {
		beat(stage, WORKER);
		stage_pass(stage, LEASE_MS / 4);
	}
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 1);
	assert_int_equal(stage->a.metrics.value[METRIC_ATTEMPTS_LOST], 0);
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	ends_well(stage, &id);
}

/* It is silent: the entry is taken from it, and stands in the stream no more. */
static void
what_is_lost_leaves_the_stream(void **state)
{
	struct stage *stage = *state;
	struct run_id first = owner_submit(&stage->a, ONE, NULL, NULL);
	struct run_id second = owner_submit(&stage->a, ONE, NULL, NULL);
	struct redisReply *oldest, *taken, *left;
	const char *entry;

	owner_settle(&stage->a);
	assert_true(stage_take(stage, "alpha", &oldest));
	assert_true(stage_take(stage, "alpha", &taken));
	entry = taken->element[0]->element[1]->element[0]->element[0]->str;
	call(stage, "XACK", QUEUE, GROUP, entry, NULL, NULL);
	stage_pass(stage, TOLD_MS);
	/* it stood behind one that is still outstanding, so no trim takes it */
	left = stage_call(stage, "XRANGE", QUEUE, entry, entry, NULL);
	assert_int_equal(left->elements, 0);
	freeReplyObject(left);
	freeReplyObject(taken);
	stage_report(stage, oldest, "done", NULL, NULL);
	freeReplyObject(oldest);
	stage_work(stage, "alpha", "done");
	ends_well(stage, &first);
	ends_well(stage, &second);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stage_begin_on_real, stage_end)
	const struct CMUnitTest tests[] = {
		T(a_deleted_stream_is_filled_again),
		T(a_deleted_entry_is_added_again),
		T(what_waits_long_is_left_alone),
		T(a_group_lost_before_a_load_runs_nothing_twice),
		T(a_group_lost_before_a_load_strands_nothing),
		T(an_entry_that_others_acknowledged_is_lost_in_time),
		T(what_a_living_agent_runs_goes_back_to_it),
		T(what_is_lost_leaves_the_stream),
	};

	return cmocka_run_group_tests(tests, stage_start_server, stage_stop_server);
}
