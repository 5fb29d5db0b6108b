/* SPDX-License-Identifier: MIT */
/* Those who ask and do not read. */
#include "test.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http_world.h"

/* Many ask for much and read nothing: the daemon keeps some of it, and answers the others. */
static void
peers_that_do_not_read_cost_a_bounded_memory(void **state)
{
	enum { PEERS = 12 };
	const struct http_config config = { .max_unread = 10 << 20 };
	struct world *world = world_new(&config);
	struct peer peers[PEERS];
	struct buf got = { 0 };
	unsigned cut = 0;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	world->orch.big = 4 << 20;
	for (int i = 0; i < PEERS; i++) {
		peer_open(world, &peers[i], true);
		loop_io_stop(&peers[i].io);
		peer_says(&peers[i],
		    "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
		while (world->orch.counted < (unsigned)i + 1)
			turn(world, CLOCK_MS);
	}
	/* who reads is served, and two large answers fit */
	assert_int_equal(ask(world, true, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n", &got), 200);
	assert_true(got.len > world->orch.big);
	for (int i = 0; i < PEERS; i++) {
		loop_io_set(&peers[i].io, peers[i].fd, LOOP_READ);
		peer_read(&peers[i], NULL);
		cut += peers[i].got.len < world->orch.big;
		peer_close(&peers[i]);
	}
	assert_true(cut >= PEERS - 2);
	buf_release(&got);
	world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_that_do_not_read_cost_a_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
