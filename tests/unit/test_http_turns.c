/* SPDX-License-Identifier: MIT */
/* Large requests take turns, and redis gets what each of them decided. */
#include "test.h"

#include <string.h>

#include "http_world.h"

#define LARGE 5 /* requests, each larger than what is handled in a turn */

struct watch {
	struct loop_hook hook;
	const struct orchestrator *orch;
	unsigned seen, most; /* submitted; in one turn */
};

static void
watch_turn(void *arg)
{
	struct watch *watch = arg;
	unsigned now = (unsigned)watch->orch->submitted;

	if (now - watch->seen > watch->most)
		watch->most = now - watch->seen;
	watch->seen = now;
}

/* They are all there before the server looks. */
static void
send_large(struct world *world, struct peer peers[LARGE])
{
	struct buf text = { 0 };

	buf_adds(&text, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 6016\r\n\r\n"
	                "{\"workflow\":\"a\"");
	for (int i = 0; i < 6000; i++)
		buf_addc(&text, ' ');
	buf_addc(&text, '}');
	for (size_t i = 0; i < LARGE; i++) {
		peer_open(world, &peers[i], true);
		peer_says(&peers[i], buf_text(&text));
	}
	buf_release(&text);
}

static void
large_requests_take_turns(void **state)
{
	struct world *world = world_new(NULL);
	struct watch watch = { .orch = &world->orch };
	struct peer peers[LARGE];

	(void)state;
	loop_hook_add(world->loop, &watch.hook, LOOP_GATHER, watch_turn, &watch);
	send_large(world, peers);
	for (size_t i = 0; i < LARGE; i++) {
		(void)peer_read(&peers[i], "\r\n\r\n");
		assert_non_null(strstr(buf_text(&peers[i].got), "HTTP/1.1 201"));
		peer_close(&peers[i]);
	}
	assert_int_equal(world->orch.submitted, LARGE);
	assert_int_equal(watch.most, 1);
	loop_hook_remove(&watch.hook);
	world_free(world);
}

static bool
has_submitted(void *arg)
{
	return ((struct world *)arg)->orch.submitted > 0;
}

/* What waits for its turn when the server stops was not begun. */
static void
a_stop_refuses_what_waits_for_its_turn(void **state)
{
	struct world *world = world_new(NULL);
	struct peer peers[LARGE];
	unsigned done = 0, refused = 0;

	(void)state;
	send_large(world, peers);
	assert_true(loop_run_until(world->loop, has_submitted, world, DEADLINE));
	world_stop(world);
	for (size_t i = 0; i < LARGE; i++) {
		const char *answer = peer_read(&peers[i], NULL);

		done += strstr(answer, "HTTP/1.1 201") != NULL;
		refused += strstr(answer, "HTTP/1.1 503") != NULL;
		peer_close(&peers[i]);
	}
	assert_int_equal(done, world->orch.submitted);
	assert_int_equal(done + refused, LARGE);
	assert_true(refused > 0);
	world_free(world);
}

/* What HTTP is said to have taken, of a submission that takes 400 ms. */
static int64_t
counted(bool count_cpu)
{
	struct world *world = world_new(&(struct http_config){ .count_cpu = count_cpu });
	struct peer peer;
	int64_t us;

	world->orch.burn_ms = 400;
	peer_open(world, &peer, true);
	peer_says(&peer, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 16\r\n\r\n"
	                 "{\"workflow\":\"a\"}");
	(void)peer_read(&peer, "\r\n\r\n");
	peer_close(&peer);
	assert_int_equal(world->orch.submitted, 1);
	us = world->orch.http_us;
	world_free(world);
	return us;
}

/* CPU that a submission takes is no CPU of HTTP. */
static void
what_is_asked_for_is_not_counted(void **state)
{
	(void)state;
	assert_in_range(counted(true), 1, 399999);
	assert_int_equal(counted(false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_requests_take_turns),
		cmocka_unit_test(a_stop_refuses_what_waits_for_its_turn),
		cmocka_unit_test(what_is_asked_for_is_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
