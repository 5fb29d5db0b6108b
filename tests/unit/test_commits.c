/* SPDX-License-Identifier: MIT */
/* A commit whose reply was lost, and then what was to be read back as well. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/log.h"
#include "base/mem.h"
#include "stage.h"

#define ONE "name: one\ntasks: [{id: t, agent: alpha}]\n"
#define OTHER "name: other\ntasks: [{id: t, agent: beta}]\n"

/* An owner, a run whose task an agent has, and scripts that redis knows. */
static struct run_id
begin(struct stage *stage, struct redisReply **ret_taken)
{
	struct run_id id;

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	id = owner_submit(&stage->a, OTHER, NULL, NULL);
	owner_settle(&stage->a);
	assert_true(stage_take(stage, "beta", ret_taken));
	return id;
}

/* What it reports is stored: a commit that hands nothing out, so no entry betrays its loss. */
static void
report_and_check(struct stage *stage, struct redisReply *taken, const struct run_id *id)
{
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	stage_pass(stage, 3000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	assert_true(stage_run_is(stage, id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 0);
}

/*
 * The commit was applied, but the ids of its entries cannot be read: memory is loaded
 * anew, and knows the sequence number that the commit left.
 */
static void
ids_cannot_be_read_back(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);

	(void)state;
	(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition);
	owner_execute(&stage.a);
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 1);
	owner_cut(&stage.a, false);
	stage_do(&stage, "DEL", "q:alpha", NULL);
	stage_do(&stage, "SET", "q:alpha", "no stream");
	owner_up(&stage.a);
	owner_settle(&stage.a);
	report_and_check(&stage, taken, &id);
	/* at the start and for the ids, but never because of a sequence number */
	assert_int_equal(stage.a.states[PARTITION_LOADING], 2);
	stage_release(&stage);
}

/* A commit that was refused for its number was not applied, whatever the number is. */
static void
refused_for_its_number(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);
	char *fence = stage_text(&stage, "fence", NULL), *next = NULL;
	char *seq = strchr(fence, ':') + 1;

	(void)state;
	next = xasprintf("%.*s%lu%s", (int)(seq - fence), fence, strtoul(seq, NULL, 10) + 1,
	    strchr(seq, ':'));
	stage_do(&stage, "SET", "fence", next);
	report_and_check(&stage, taken, &id);
	free(fence);
	free(next);
	stage_release(&stage);
}

#define FOREIGN "0123456789abcdef:9:cccccccccccccccc"

/* What a waiter was told. */
struct told {
	struct stage *stage;
	unsigned calls;
	int code;
	bool undone;
};

static void
on_told(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->calls++;
	told->code = err->code;
	told->undone = partition_undone(told->stage->a.partition);
}

/* Another owner's fence refuses the commit: nothing of it was done. */
static void
refused_by_a_fence(void **state)
{
	struct stage stage;
	struct told told = { .stage = &stage };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	stage_do(&stage, "SET", "fence", FOREIGN);
	(void)owner_submit(&stage.a, ONE, on_told, &told);
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, ERR_UNAVAILABLE);
	assert_true(told.undone);
	assert_false(partition_undone(stage.a.partition)); /* only inside */
	stage_release(&stage);
}

/* Its reply was lost before: applied or not, nobody knows. */
static void
refused_behind_a_lost_reply(void **state)
{
	struct stage stage;
	struct told told = { .stage = &stage };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	(void)owner_submit(&stage.a, ONE, on_told, &told);
	partition_turn(stage.a.partition);
	owner_execute(&stage.a);
	owner_cut(&stage.a, false);
	stage_do(&stage, "SET", "fence", FOREIGN);
	owner_up(&stage.a);
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, ERR_UNAVAILABLE);
	assert_false(told.undone);
	stage_release(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_cannot_be_read_back),
		cmocka_unit_test(refused_for_its_number),
		cmocka_unit_test(refused_by_a_fence),
		cmocka_unit_test(refused_behind_a_lost_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
