/* SPDX-License-Identifier: MIT */
/* Set-up and tear-down of tests on the stage, and what they all look at. */
#include "stage_fixture.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "test.h"

#include "base/log.h"
#include "redis_server.h"

int
stage_start_server(void **state)
{
	struct redis_server *server = calloc(1, sizeof *server);

	redis_server_start(server, NULL);
	*state = server;
	return 0;
}

int
stage_stop_server(void **state)
{
	redis_server_stop(*state);
	free(*state);
	return 0;
}

static int
begin(void **state, struct redis_server *server)
{
	struct stage *stage = calloc(1, sizeof *stage);

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	if (server) {
		stage->real = redisConnectUnix(server->socket);
		assert_non_null(stage->real);
		assert_int_equal(stage->real->err, 0);
		freeReplyObject(stage_call(stage, "FLUSHALL", NULL));
	}
	owner_start(&stage->a);
	owner_settle(&stage->a);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	*state = stage;
	return 0;
}

int
stage_begin_on_fake(void **state)
{
	return begin(state, NULL);
}

int
stage_begin_on_real(void **state)
{
	return begin(state, *state);
}

int
stage_end(void **state)
{
	struct stage *stage = *state;

	stage_release(stage);
	if (stage->real)
		redisFree(stage->real);
	free(stage);
	return 0;
}

void
owner_serves(struct owner *owner)
{
	assert_int_equal(partition_state(owner->partition), PARTITION_SERVING);
	assert_string_equal(owner->why, "");
}

void
owner_works(struct owner *owner)
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
