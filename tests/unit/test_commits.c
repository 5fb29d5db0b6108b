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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_cannot_be_read_back),
		cmocka_unit_test(refused_for_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
