/* SPDX-License-Identifier: MIT */
/* How daemons share partitions: one is given up, left to others, or taken all the same. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "stage_fixture.h"


static int
begin(void **state)
{
	(void)stage_begin_on_real(state);
	owner_works(&((struct stage *)*state)->a);
	return 0;
}

/* Given up with all that was decided, taken by the other, and not taken back. */
static void
a_partition_is_given_to_another(void **state)
{
	struct stage *stage = *state;
	struct run_id id;
	char *fence;

	owner_start(&stage->b);
	owner_settle(&stage->b);
	id = owner_submit(&stage->a, ONE, NULL, NULL);
	partition_yield(stage->a.partition);
	assert_true(partition_is_yielding(stage->a.partition));
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STANDBY);
	assert_null(partition_engine(stage->a.partition));
	fence = stage_text(stage, "fence", NULL);
	assert_int_equal(strncmp(fence, "free:", 5), 0);
	free(fence);
	partition_set_modest(stage->a.partition, true);
	stage_pass(stage, 2500);
	owner_serves(&stage->b);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STANDBY);
	assert_true(partition_is_served(stage->a.partition));
	owner_settle(&stage->b);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->b);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	/* also one that has its share takes over from the dead */
	owner_end(&stage->b);
	stage_pass(stage, 9000);
	owner_serves(&stage->a);
	owner_works(&stage->a);
}

/* Nobody else comes for what is free. */
static void
a_modest_one_takes_what_is_left(void **state)
{
	struct stage *stage = *state;

	partition_yield(stage->a.partition);
	owner_settle(&stage->a);
	partition_set_modest(stage->a.partition, true);
	stage_pass(stage, 2000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STANDBY);
	stage_pass(stage, 3000);
	owner_serves(&stage->a);
	owner_works(&stage->a);
}

int
main(void)
{
#define T(name) { #name, name, begin, stage_end, NULL }
	const struct CMUnitTest tests[] = {
		T(a_partition_is_given_to_another),
		T(a_modest_one_takes_what_is_left),
	};

	return cmocka_run_group_tests(tests, stage_start_server, stage_stop_server);
}
