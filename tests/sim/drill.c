/* SPDX-License-Identifier: MIT */
/* Drills: an owner is killed or stopped while nothing else goes wrong, and another takes over. */
#include "world.h"

#define CALM_MS 9000 /* what dead connections left behind was executed by then */
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

static bool
stands_by(const struct daemon *daemon)
{
	return daemon->alive && !daemon->stopping && daemon->paused_until <= daemon->world->now &&
	    partition_state(daemon->partition) == PARTITION_STANDBY;
}

/* Somebody serves, somebody else could. */
static struct daemon *
calm_owner(struct world *world)
{
	struct daemon *serving = owner(world);

	if (!world_answers(world) || !serving || !is_linked(serving))
		return NULL;
	for (size_t i = 0; i < DAEMONS; i++) {
		if (stands_by(&world->daemons[i]) && is_linked(&world->daemons[i]))
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

void
drill_owner(struct world *world)
{
	uint64_t which = chance(world, 3);
	struct daemon *daemon = NULL;
	int64_t since = world->now;

	if (world->shape.daemons < 2 || which == 2)
		return;
	while (!daemon && world->now - since < WAIT_MS) {
		world_step(world);
		if (world->now - since >= CALM_MS)
			daemon = calm_owner(world);
	}
	if (!daemon)
		return;
	if (which == 0)
		kill_owner(world, daemon);
	else
		stop_owner(world, daemon);
}
