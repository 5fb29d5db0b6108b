/* SPDX-License-Identifier: MIT */
/* How daemons share partitions: one is given up, left to others, or taken all the same. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/log.h"
#include "redis_server.h"
#include "stage.h"

#define ONE "name: one\ntasks: [{id: t, agent: alpha}]\n"

static void
serves(struct owner *owner)
{
	assert_int_equal(partition_state(owner->partition), PARTITION_SERVING);
	assert_string_equal(owner->why, "");
}

/* One run of ONE to its end, and nothing is left of it. */
static void
works(struct owner *owner)
{
	struct stage *stage = owner->stage;
	struct run_id id = owner_submit(owner, ONE, NULL, NULL);

	owner_settle(owner);
	stage_work(stage, "alpha", "done");
	owner_settle(owner);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	assert_int_equal(stage_int(stage, "XLEN", "done"), 0);
}

static int
begin(void **state)
{
	struct redis_server *server = *state;
	struct stage *stage = calloc(1, sizeof *stage);

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	stage->real = redisConnectUnix(server->socket);
	assert_non_null(stage->real);
	assert_int_equal(stage->real->err, 0);
	freeReplyObject(stage_call(stage, "FLUSHALL", NULL));
	owner_start(&stage->a);
	owner_settle(&stage->a);
	works(&stage->a);
	*state = stage;
	return 0;
}

static int
end(void **state)
{
	struct stage *stage = *state;

	stage_release(stage);
	redisFree(stage->real);
	free(stage);
	return 0;
}

static int
start_server(void **state)
{
	struct redis_server *server = calloc(1, sizeof *server);

	redis_server_start(server, NULL);
	*state = server;
	return 0;
}

static int
stop_server(void **state)
{
	redis_server_stop(*state);
	free(*state);
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
	serves(&stage->b);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_STANDBY);
	assert_true(partition_is_served(stage->a.partition));
	owner_settle(&stage->b);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->b);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	/* also one that has its share takes over from the dead */
	owner_end(&stage->b);
	stage_pass(stage, 9000);
	serves(&stage->a);
	works(&stage->a);
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
	serves(&stage->a);
	works(&stage->a);
}

int
main(void)
{
#define T(name) { #name, name, begin, end, NULL }
	const struct CMUnitTest tests[] = {
		T(a_partition_is_given_to_another),
		T(a_modest_one_takes_what_is_left),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
