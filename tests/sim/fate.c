/* SPDX-License-Identifier: MIT */
/* Fate: what befalls connections, Redis, daemons, clocks and agents. */
#include "fake_redis.h"

#include "base/mem.h"
#include "world.h"

static struct daemon *
some_daemon(struct world *world)
{
	return &world->daemons[chance(world, world->shape.daemons)];
}

static struct agent *
some_agent(struct world *world)
{
	return &world->agents[chance(world, AGENTS)];
}

static struct link *
some_link(struct world *world)
{
	struct daemon *daemon = some_daemon(world);

	return one_in(world, 2) ? &daemon->commands : &daemon->reads;
}

static int64_t
between(struct world *world, int64_t from, int64_t to)
{
	return from + (int64_t)chance(world, (uint64_t)(to - from));
}

/* Up to an hour, either way. */
static int64_t
jump(struct world *world)
{
	return one_in(world, 2) ? between(world, -3600000, 3600001)
	    : one_in(world, 2)  ? 3600000
	                        : -3600000;
}

/* --- connections and Redis ------------------------------------------------------- */

static void
cut(struct world *world)
{
	world_count(world, TALLY_CUT);
	link_cut(some_link(world), ERR_UNREACHABLE, "cut");
}

static void
stall(struct world *world)
{
	world_count(world, TALLY_LINK_STALL);
	link_stall(some_link(world), between(world, 500, 12500));
}

static void
stall_redis(struct world *world)
{
	if (!world_answers(world))
		return;
	world_count(world, TALLY_REDIS_STALL);
	world_stall_redis(world, one_in(world, 2) ? 3000 : between(world, 500, 8000));
}

static void
restart_redis(struct world *world)
{
	if (!world->redis_up)
		return;
	world_count(world, TALLY_REDIS_RESTART);
	world_restart_redis(world, 0, between(world, 10, 5000));
}

/* A replica that was behind is the master now. */
static void
fail_over(struct world *world)
{
	if (!world->redis_up || !world->shape.losses)
		return;
	world_count(world, TALLY_FAILOVER);
	world_restart_redis(world, 1 + chance(world, one_in(world, 4) ? 400 : 60),
	    between(world, 1, 400));
}

static void
cut_power(struct world *world)
{
	if (!world->redis_up || !world->shape.losses)
		return;
	world_count(world, TALLY_POWER_CUT);
	world_restart_redis(world, 1 + chance(world, 60), between(world, 10, 5000));
}

/* FLUSHALL; or the machine comes back with an empty disk. */
static void
wipe_redis(struct world *world)
{
	const struct daemon *owner = people_serving(world);
	bool live = owner && engine_runs_live(partition_engine(owner->partition)) > 0;

	/* there should be something to lose */
	if (!world->redis_up || !world->shape.wipes || (!live && !one_in(world, 10)))
		return;
	world_count(world, TALLY_WIPED);
	world_wipe_redis(world, one_in(world, 2) ? -1 : between(world, 1, 3000));
}

static void
flush_scripts(struct world *world)
{
	world_count(world, TALLY_SCRIPT_FLUSH);
	fake_redis_restart(world->redis, fake_redis_writes(world->redis));
}

/* --- daemons ------------------------------------------------------------------------ */

static void
kill_daemon(struct world *world)
{
	struct daemon *daemon = some_daemon(world);

	if (!daemon->alive)
		return;
	daemon->away_ms = one_in(world, 2) ? 0 : between(world, 5000, 20000);
	daemon_crash(daemon);
}

static void
stop_daemon(struct world *world)
{
	daemon_stop(some_daemon(world));
}

static void
pause_daemon(struct world *world)
{
	daemon_pause(some_daemon(world), between(world, 1000, 20000));
}

static void
sleep_daemon(struct world *world)
{
	daemon_sleep(some_daemon(world), between(world, 1000, 30000));
}

static void
set_clock(struct world *world)
{
	if (!world->shape.clock_jumps)
		return;
	world_count(world, TALLY_WALL_JUMP);
	some_daemon(world)->skew += jump(world);
}

static void
set_redis_clock(struct world *world)
{
	if (!world->shape.clock_jumps)
		return;
	world_count(world, TALLY_REDIS_JUMP);
	world->redis_skew += jump(world);
}

/* --- agents --------------------------------------------------------------------------- */

static void
kill_agent(struct world *world)
{
	agent_die(some_agent(world));
}

static void
cut_agent(struct world *world)
{
	agent_cut(some_agent(world), between(world, 500, 15000));
}

static void
pause_agent(struct world *world)
{
	agent_pause(some_agent(world), between(world, 500, 12000));
}

static void
dismiss_agent(struct world *world)
{
	agent_leave(some_agent(world));
}

/* --- the table --------------------------------------------------------------------------- */

static void
garble(struct world *world)
{
	if (world->shape.garbage && world->redis_up)
		report_garbage(world);
	if (world->shape.garbage && world->redis_up && one_in(world, 3))
		passing_garbage(world);
}

static void
meddle(struct world *world)
{
	if (world->shape.operators && world_answers(world))
		operator_harm(world);
}

static const struct chance_row fates[] = {
	{ 4, cut },
	{ 2, stall },
	{ 2, stall_redis },
	{ 1, restart_redis },
	{ 2, fail_over },
	{ 1, cut_power },
	{ 1, flush_scripts },
	{ 8, wipe_redis },
	{ 2, kill_daemon },
	{ 2, stop_daemon },
	{ 3, pause_daemon },
	{ 1, sleep_daemon },
	{ 2, set_clock },
	{ 2, set_redis_clock },
	{ 3, kill_agent },
	{ 3, cut_agent },
	{ 2, pause_agent },
	{ 1, dismiss_agent },
	{ 2, garble },
	{ 6, meddle },
};

static void
fate(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	if (!world->faults)
		return;
	world_in(world, (int64_t)chance(world, 60ull * world->shape.fault), fate, world, 0);
	chance_draw(world, fates, ARRAY_LEN(fates));
}

void
fate_begin(struct world *world)
{
	world_in(world, 1000, fate, world, 0);
}
