/* SPDX-License-Identifier: MIT */
/* Retention, on a real redis and a clock that the test moves: what goes, what stays. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/log.h"
#include "stage_fixture.h"

#define BAD "name: bad\non: manual\ntasks: [{id: t, agent: alpha}]\n"
#define MINUTE 60000

static struct keep *
keeper(struct stage *stage)
{
	return partition_keep(stage->a.partition);
}

static void
keep_for(struct stage *stage, int64_t age_ms, uint64_t runs, int64_t min_age_ms)
{
	keep_set_limits(keeper(stage),
	    &(struct keep_limits){ .age_ms = age_ms, .runs = runs, .min_age_ms = min_age_ms });
}

/* A run to its end. */
static struct run_id
run(struct stage *stage, const char *yaml, const char *status)
{
	struct run_id id = owner_submit(&stage->a, yaml, NULL, NULL);

	owner_settle(&stage->a);
	stage_work(stage, "alpha", status);
	owner_settle(&stage->a);
	return id;
}

static long long
stored(struct stage *stage)
{
	return stage_int(stage, "ZCARD", "fin");
}

static bool
exists(struct stage *stage, const char *kind, const char *subject)
{
	char key[160];

	snprintf(key, sizeof key, "%s%s", kind, subject);
	return stage_int(stage, "EXISTS", key) == 1;
}

static long long
definitions(struct stage *stage)
{
	redisReply *reply = stage_call(stage, "KEYS", "reeve:{0}:def:*", NULL);
	long long n = (long long)reply->elements;

	freeReplyObject(reply);
	return n;
}

struct purged {
	struct keep_report report;
	unsigned calls;
	int code;
};

static void
on_purged(void *arg, const struct keep_report *report, const struct err *err)
{
	struct purged *purged = arg;

	purged->report = *report;
	purged->code = err->code;
	purged->calls++;
}

static struct purged
purge(struct stage *stage, const struct keep_order *order)
{
	struct purged purged = { 0 };
	struct err err;

	assert_int_equal(keep_purge(keeper(stage), order, on_purged, &purged, &err), 0);
	owner_settle(&stage->a);
	assert_int_equal(purged.calls, 1);
	return purged;
}

/* --- by age, by number --------------------------------------------------------------- */

static void
runs_go_by_age(void **state)
{
	struct stage *stage = *state;
	struct run_id id = run(stage, ONE, "done");

	keep_for(stage, 10 * MINUTE, 0, 0);
	stage_pass(stage, 2 * MINUTE);
	assert_true(exists(stage, "run:", id.text));
	assert_int_equal(definitions(stage), 1);
	stage_pass(stage, 10 * MINUTE);
	assert_false(exists(stage, "run:", id.text));
	assert_int_equal(stored(stage), 0);
	assert_int_equal(definitions(stage), 0);
	assert_int_equal(stage->a.metrics.value[METRIC_RUNS_PURGED], 1);
	assert_int_equal(stage->a.metrics.value[METRIC_RUNS_STORED], 0);
}

/* The age counts from the end: a run that was long on its way is young. */
static void
a_long_run_is_young_at_its_end(void **state)
{
	struct stage *stage = *state;
	struct run_id id = owner_submit(&stage->a, ONE, NULL, NULL);

	keep_for(stage, 10 * MINUTE, 0, 0);
	stage_pass(stage, 20 * MINUTE);
	stage_work(stage, "alpha", "done");
	stage_pass(stage, 5 * MINUTE);
	assert_true(exists(stage, "run:", id.text));
	stage_pass(stage, 7 * MINUTE);
	assert_false(exists(stage, "run:", id.text));
}

static void
the_oldest_go_by_number_but_no_young_ones(void **state)
{
	struct stage *stage = *state;
	struct run_id ids[5];

	keep_for(stage, 0, 2, 5 * MINUTE);
	for (int i = 0; i < 5; i++) {
		ids[i] = run(stage, ONE, "done");
		stage_pass(stage, 1000);
	}
	stage_pass(stage, 2 * MINUTE);
	assert_int_equal(stored(stage), 5);
	stage_pass(stage, 5 * MINUTE);
	assert_int_equal(stored(stage), 2);
	for (int i = 0; i < 5; i++)
		assert_int_equal(exists(stage, "run:", ids[i].text), i >= 3);
	assert_int_equal(definitions(stage), 1);
}

static void
pages_follow_each_other(void **state)
{
	struct stage *stage = *state;

	for (int i = 0; i < 250; i++)
		(void)run(stage, ONE, "done");
	keep_for(stage, 0, 30, 0);
	stage_pass(stage, 2000);
	assert_int_equal(stored(stage), 30);
}

/* --- what stays ------------------------------------------------------------------------- */

static void
an_open_letter_keeps_its_run(void **state)
{
	struct stage *stage = *state;
	struct run_id bad = run(stage, BAD, "failed"), good = run(stage, ONE, "done");

	keep_for(stage, MINUTE, 0, 0);
	stage_pass(stage, 3 * MINUTE);
	assert_true(exists(stage, "run:", bad.text));
	assert_false(exists(stage, "run:", good.text));
	assert_int_equal(
	    purge(stage, &(struct keep_order){ .dry_run = true }).report.open_letters, 1);
}

static void
what_is_held_is_left_alone(void **state)
{
	struct stage *stage = *state;
	struct run_id id = run(stage, ONE, "done");

	assert_true(keep_hold(keeper(stage), id.text));
	assert_int_equal(purge(stage, &(struct keep_order){ 0 }).report.runs, 0);
	assert_true(exists(stage, "run:", id.text));
	keep_let_go(keeper(stage), id.text);
	assert_int_equal(purge(stage, &(struct keep_order){ 0 }).report.runs, 1);
	assert_false(exists(stage, "run:", id.text));
}

/* By a clock that was set ahead everything would be old. */
static void
a_clock_that_jumps_removes_nothing(void **state)
{
	struct stage *stage = *state;
	struct run_id id = run(stage, ONE, "done");

	keep_for(stage, 60 * MINUTE, 0, 0);
	stage_pass(stage, 2 * MINUTE);
	stage->wall_ahead = 48LL * 60 * MINUTE;
	log_set_level(LOG_LEVEL_ERROR);
	stage_pass(stage, 5 * MINUTE);
	assert_true(exists(stage, "run:", id.text));
	stage->wall_ahead = 0;
	stage_pass(stage, 2 * MINUTE);
	assert_true(exists(stage, "run:", id.text));
}

/* --- definitions and new runs -------------------------------------------------------------- */

static void
survives_a_load(struct stage *stage, const struct run_id *id)
{
	owner_end(&stage->a);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, id, "succeeded"));
}

/* Step by step: the new run comes at each moment of the sweep. */
static void
a_new_run_never_loses_its_definition(void **state)
{
	struct stage *stage = *state;

	for (int steps = 0; steps < 12; steps++) {
		struct purged purged = { 0 };
		struct run_id id;
		struct err err;

		(void)run(stage, ONE, "done");
		assert_int_equal(keep_purge(keeper(stage), &(struct keep_order){ 0 }, on_purged,
		    &purged, &err), 0);
		for (int i = 0; i < steps; i++)
			(void)owner_step(&stage->a);
		id = owner_submit(&stage->a, ONE, NULL, NULL);
		owner_settle(&stage->a);
		assert_int_equal(purged.calls, 1);
		assert_int_equal(definitions(stage), 1);
		survives_a_load(stage, &id);
		(void)purge(stage, &(struct keep_order){ 0 });
		assert_int_equal(stored(stage), 0);
		assert_int_equal(definitions(stage), 0);
	}
}

/* The reply to the commit that takes the last run and the definition is lost. */
static void
a_lost_reply_loses_no_definition(void **state)
{
	struct stage *stage = *state;

	for (int steps = 0; steps < 8; steps++) {
		struct purged purged = { 0 };
		struct run_id id;
		struct err err;

		(void)run(stage, ONE, "done");
		assert_int_equal(keep_purge(keeper(stage), &(struct keep_order){ 0 }, on_purged,
		    &purged, &err), 0);
		for (int i = 0; i < steps; i++)
			(void)owner_step(&stage->a);
		partition_turn(stage->a.partition); /* what it sends now is executed, not answered */
		owner_execute(&stage->a);
		owner_cut(&stage->a, false);
		owner_up(&stage->a);
		owner_settle(&stage->a);
		assert_int_equal(purged.calls, 1);
		id = owner_submit(&stage->a, ONE, NULL, NULL);
		owner_settle(&stage->a);
		survives_a_load(stage, &id);
		(void)purge(stage, &(struct keep_order){ 0 });
		assert_int_equal(stored(stage), 0);
	}
}

/* --- what is asked for ------------------------------------------------------------------------ */

static void
a_purge_does_what_it_says(void **state)
{
	struct stage *stage = *state;
	struct keep_order order = { .workflow = "one" };
	struct purged purged;

	(void)run(stage, ONE, "done");
	(void)run(stage, BAD, "done");
	stage_do(stage, "SADD", "logs:none", "t:1");
	order.dry_run = true;
	purged = purge(stage, &order);
	assert_int_equal(purged.code, 0);
	assert_int_equal(purged.report.runs, 1);
	assert_true(purged.report.bytes > 0);
	assert_false(purged.report.more);
	assert_int_equal(stored(stage), 2);
	order.dry_run = false;
	assert_int_equal(purge(stage, &order).report.runs, 1);
	assert_int_equal(stored(stage), 1);
	order.older_than_ms = MINUTE;
	order.workflow[0] = '\0';
	assert_int_equal(purge(stage, &order).report.runs, 0);
	stage_pass(stage, 2 * MINUTE);
	assert_int_equal(purge(stage, &order).report.runs, 1);
	assert_int_equal(definitions(stage), 0);
}

/* All logs of a run go with it, however many. */
static void
logs_go_with_their_run(void **state)
{
	struct stage *stage = *state;
	struct run_id id = run(stage, ONE, "done"), other = run(stage, ONE, "done");
	char key[100], log[100], name[20];

	for (int i = 0; i < 1200; i++) {
		snprintf(name, sizeof name, "t:%d", i);
		snprintf(key, sizeof key, "logs:%s", id.text);
		snprintf(log, sizeof log, "reeve:{0}:log:%s:%s", id.text, name);
		stage_do(stage, "SADD", key, name);
		freeReplyObject(stage_call(stage, "XADD", log, "*", "d", "x", NULL));
	}
	stage_pass(stage, 1000);
	assert_true(keep_hold(keeper(stage), other.text));
	assert_int_equal(purge(stage, &(struct keep_order){ 0 }).report.logs, 1200);
	assert_false(exists(stage, "logs:", id.text));
	snprintf(log, sizeof log, "log:%s:t:", id.text);
	assert_false(exists(stage, log, "0"));
	assert_false(exists(stage, log, "1199"));
	keep_let_go(keeper(stage), other.text);
}

/* An index without its run, as somebody's DEL leaves it, is put right. */
static void
a_deleted_run_leaves_the_index(void **state)
{
	struct stage *stage = *state;
	struct run_id id = run(stage, ONE, "done");
	char key[100];

	snprintf(key, sizeof key, "reeve:{0}:run:%s", id.text);
	freeReplyObject(stage_call(stage, "DEL", key, NULL));
	assert_int_equal(purge(stage, &(struct keep_order){ 0 }).report.runs, 1);
	assert_int_equal(stored(stage), 0);
}

static void
who_asked_hears_when_memory_is_lost(void **state)
{
	struct stage *stage = *state;
	struct purged purged = { 0 };
	struct err err;

	(void)run(stage, ONE, "done");
	assert_int_equal(keep_purge(keeper(stage), &(struct keep_order){ 0 }, on_purged, &purged,
	    &err), 0);
	assert_int_equal(keep_purge(keeper(stage), &(struct keep_order){ 0 }, on_purged, &purged,
	    &err), ERR_CONFLICT);
	(void)owner_step(&stage->a);
	owner_end(&stage->a);
	assert_int_equal(purged.calls, 1);
	assert_int_equal(purged.code, ERR_UNAVAILABLE);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, stage_begin_on_real, stage_end)
	const struct CMUnitTest tests[] = {
		CASE(runs_go_by_age),
		CASE(a_long_run_is_young_at_its_end),
		CASE(the_oldest_go_by_number_but_no_young_ones),
		CASE(pages_follow_each_other),
		CASE(an_open_letter_keeps_its_run),
		CASE(what_is_held_is_left_alone),
		CASE(a_clock_that_jumps_removes_nothing),
		CASE(a_new_run_never_loses_its_definition),
		CASE(a_lost_reply_loses_no_definition),
		CASE(a_purge_does_what_it_says),
		CASE(logs_go_with_their_run),
		CASE(a_deleted_run_leaves_the_index),
		CASE(who_asked_hears_when_memory_is_lost),
	};

	return cmocka_run_group_tests(tests, stage_start_server, stage_stop_server);
}
