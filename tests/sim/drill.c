/* SPDX-License-Identifier: MIT */
/*
 * Drills, while nothing else goes wrong: the owner is killed or stopped, and another takes
 * over; Redis stalls again and again, and nothing is taken from agents that live.
 */
#include <string.h>

#include "orchestrator/partition_private.h"
#include "world.h"

#define CALM_MS 12000 /* what dead connections left behind was executed by then, and a stall is over */
#define WAIT_MS 60000
#define TAKE_OVER_MS 10000
#define HAND_OVER_MS 2500

static bool
is_linked(const struct daemon *daemon)
{
	int64_t now = daemon->world->now;

	return daemon->commands.up && daemon->commands.stalled_until <= now &&
	    daemon->reads.up && daemon->reads.stalled_until <= now;
}

static struct daemon *
owner(struct world *world)
{
	for (size_t i = 0; i < DAEMONS; i++) {
		if (daemon_serves(&world->daemons[i]))
			return &world->daemons[i];
	}
	return NULL;
}

/* It waits for the owner of the state that there is; of another it would let others go first. */
static bool
stands_by(const struct daemon *daemon, const struct daemon *serving)
{
	const struct partition *p = daemon->partition;

	return daemon->alive && !daemon->stopping && daemon->paused_until <= daemon->world->now &&
	    partition_state(p) == PARTITION_STANDBY &&
	    strcmp(p->meta_nonce, serving->partition->meta_nonce) == 0;
}

/* Somebody serves, somebody else could. */
static struct daemon *
calm_owner(struct world *world)
{
	struct daemon *serving = owner(world);

	if (!world_answers(world) || !serving || !is_linked(serving))
		return NULL;
	for (size_t i = 0; i < DAEMONS; i++) {
		if (stands_by(&world->daemons[i], serving) && is_linked(&world->daemons[i]))
			return serving;
	}
	return NULL;
}

static void
expect_another(struct world *world, const struct daemon *gone, int64_t within, const char *how)
{
	int64_t since = world->now;

	while (!owner(world) || owner(world) == gone) {
		if (world->now - since > within)
			world_fail(world, "%s was %s %lld ms ago, and nobody took over", gone->name,
			    how, (long long)(world->now - since));
		world_step(world);
	}
}

static void
kill_owner(struct world *world, struct daemon *daemon)
{
	world_trace(world, "drill: the owner %s is killed", daemon->name);
	world_count(world, TALLY_DRILL_KILL);
	daemon->away_ms = 60000;
	daemon_crash(daemon);
	expect_another(world, daemon, TAKE_OVER_MS, "killed");
}

static void
stop_owner(struct world *world, struct daemon *daemon)
{
	world_trace(world, "drill: the owner %s is stopped", daemon->name);
	world_count(world, TALLY_DRILL_STOP);
	daemon->away_ms = 60000;
	daemon_stop(daemon);
	while (daemon->alive)
		world_step(world);
	expect_another(world, daemon, HAND_OVER_MS, "stopped");
}

/* --- stalls ------------------------------------------------------------------------ */

/* Whoever beats is at work for long now. */
static size_t
work_long(struct world *world)
{
	size_t n = 0;

	for (size_t i = 0; i < AGENTS; i++) {
		struct agent *agent = &world->agents[i];

		for (size_t k = 0; k < SLOTS; k++) {
			struct held *held = &agent->held[k];

			if (!agent->alive || !agent->sure || !held->used || held->finished)
				continue;
			held->until = world->now + 20000;
			n++;
		}
	}
	return n;
}

static void
pass(struct world *world, int64_t ms)
{
	int64_t until = world->now + ms;

	while (world->now < until)
		world_step(world);
}

/* check_reap() sees what is taken from whom. */
static void
stall_again_and_again(struct world *world)
{
	for (int i = 0; i < 20 && work_long(world) == 0; i++)
		pass(world, 50);
	if (work_long(world) == 0)
		return;
	world_count(world, TALLY_DRILL_STALL);
	for (int i = 0; i < 4; i++) {
		pass(world, 1000 + (int64_t)chance(world, 1000));
		world_stall_redis(world, 3000);
		pass(world, 3000);
	}
}

static void
drill_owner(struct world *world, bool kill)
{
	struct daemon *daemon = NULL;
	int64_t since = world->now;

	while (!daemon && world->now - since < WAIT_MS) {
		world_step(world);
		if (world->now - since >= CALM_MS)
			daemon = calm_owner(world);
	}
	if (!daemon)
		return;
	if (kill)
		kill_owner(world, daemon);
	else
		stop_owner(world, daemon);
}

void
drill(struct world *world)
{
	uint64_t which = chance(world, 4);

	if (which < 2 && world->shape.daemons > 1)
		drill_owner(world, which == 0);
	else if (which == 2 && world_answers(world))
		stall_again_and_again(world);
}
