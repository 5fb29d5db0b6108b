/* SPDX-License-Identifier: MIT */
/* A simulated reeved: the real partition on two links, turns, crashes, pauses. */
#include <string.h>

#include "orchestrator/partition_private.h"
#include "world.h"

#define SPINS 300

static void
count_several(const struct daemon *daemon, enum tally what)
{
	if (daemon->partition->n_flights > 1)
		world_count(daemon->world, what);
}

static void
now_of(void *arg, struct moment *ret_now)
{
	const struct daemon *daemon = arg;

	ret_now->mono_ms = daemon->world->now - daemon->boot;
	ret_now->wall_ms = 1700000000000 + daemon->world->now + daemon->skew;
}

/* --- turns ------------------------------------------------------------------------ */

static void turn(void *arg, uint64_t at);

static void
turn_by(struct daemon *daemon, int64_t at)
{
	if (at >= daemon->turn_at)
		return;
	daemon->turn_at = at;
	world_at(daemon->world, at, turn, daemon, (uint64_t)at);
}

/* A daemon that wants its next turn at once, again and again, burns a processor. */
static void
watch_spin(struct daemon *daemon)
{
	if (daemon->spun_at != daemon->world->now)
		daemon->spins = 0;
	daemon->spun_at = daemon->world->now + 1;
	if (++daemon->spins > SPINS)
		world_fail(daemon->world, "%s spins", daemon->name);
}

static void
turn(void *arg, uint64_t at)
{
	struct daemon *daemon = arg;
	struct world *world = daemon->world;
	int64_t next;

	if (!daemon->alive || daemon->turn_at != (int64_t)at)
		return;
	daemon->turn_at = INT64_MAX;
	if (daemon->paused_until > world->now) {
		turn_by(daemon, daemon->paused_until);
		return;
	}
	partition_turn(daemon->partition);
	count_several(daemon, TALLY_SEVERAL);
	check_audit(world, daemon);
	next = partition_next(daemon->partition);
	if (next == INT64_MAX)
		return;
	next += daemon->boot;
	if (next <= world->now) {
		watch_spin(daemon);
		next = world->now + 1;
	}
	turn_by(daemon, next);
}

void
daemon_wake(struct daemon *daemon)
{
	if (daemon->alive)
		turn_by(daemon, daemon->world->now);
}

/* --- standing still ------------------------------------------------------------------- */

static bool
stand_still(struct daemon *daemon, int64_t ms, const char *how)
{
	if (!daemon->alive || daemon->paused_until > daemon->world->now)
		return false;
	daemon->paused_until = daemon->world->now + ms;
	world_trace(daemon->world, "%s %s until %lld", daemon->name, how,
	    (long long)daemon->paused_until);
	return true;
}

void
daemon_pause(struct daemon *daemon, int64_t ms)
{
	if (stand_still(daemon, ms, "stands still"))
		world_count(daemon->world, TALLY_PAUSE);
}

/* Its monotonic clock stands still as well; the wall clock does not. */
void
daemon_sleep(struct daemon *daemon, int64_t ms)
{
	if (!stand_still(daemon, ms, "sleeps"))
		return;
	daemon->boot += ms;
	world_count(daemon->world, TALLY_SLEEP);
}

/* --- crashes, at the boundaries of effects ------------------------------------------- */

static void
crash(void *arg, uint64_t life)
{
	struct daemon *daemon = arg;

	if (daemon->alive && daemon->life == life)
		daemon_crash(daemon);
}

static void
pause(void *arg, uint64_t life)
{
	struct daemon *daemon = arg;

	if (daemon->life == life)
		daemon_pause(daemon, 1000 + (int64_t)chance(daemon->world, 12000));
}

static void
perhaps_fault(struct daemon *daemon)
{
	struct world *world = daemon->world;

	if (fault_in(world, 8ull * world->shape.fault))
		world_in(world, (int64_t)chance(world, 5), crash, daemon, daemon->life);
	if (world->shape.daemons > 1 && fault_in(world, 20ull * world->shape.fault))
		world_in(world, (int64_t)chance(world, 5), pause, daemon, daemon->life);
}

/* --- links ----------------------------------------------------------------------------- */

static void
on_sent(void *arg, const char *command)
{
	struct daemon *daemon = arg;

	world_trace(daemon->world, "%s sends %s", daemon->name, command);
	perhaps_fault(daemon);
}

static void
on_called(void *arg)
{
	struct daemon *daemon = arg;
	const struct partition *p = daemon->partition;

	if (p->applied > 0 && p->applied < p->n_flights)
		count_several(daemon, TALLY_SEVERAL_PART);
	if (p->failures > 0 && !p->flights[0].sent)
		count_several(daemon, TALLY_SEVERAL_REFUSED);
	perhaps_fault(daemon);
	daemon_wake(daemon);
}

static int64_t
held_until(void *arg)
{
	return ((struct daemon *)arg)->paused_until;
}

static void
commands_up(void *arg)
{
	struct daemon *daemon = arg;

	if (daemon->server != daemon->world->servers)
		partition_history_changed(daemon->partition);
	daemon->server = daemon->world->servers;
	partition_commands_up(daemon->partition);
}

static void
commands_down(void *arg, const struct err *err)
{
	count_several(arg, TALLY_SEVERAL_CUT);
	partition_commands_down(((struct daemon *)arg)->partition, err);
}

static void
reads_up(void *arg)
{
	partition_reads_up(((struct daemon *)arg)->partition);
}

static void
reads_down(void *arg, const struct err *err)
{
	partition_reads_down(((struct daemon *)arg)->partition, err);
}

static void
hook_up(struct link *link, struct daemon *daemon)
{
	link->on_sent = on_sent;
	link->on_called = on_called;
	link->held_until = held_until;
	link->arg = daemon;
}

/* --- life -------------------------------------------------------------------------------- */

static void
on_state(void *arg, enum partition_state state, const char *why)
{
	struct daemon *daemon = arg;

	loss_state(daemon, state);
	if (state == PARTITION_SERVING) {
		limits_apply(daemon);
		pools_apply(daemon);
	}
	world_trace(daemon->world, "%s is %s %s", daemon->name, partition_state_name(state), why);
}

void
daemon_init(struct daemon *daemon, struct world *world, size_t i)
{
	static const char *const names[DAEMONS] = { "A", "B", "C" };
	static const char *const homes[DAEMONS] = { "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb",
		"cccccccccccccccc" };
	static const char *const links[DAEMONS][2] = { { "A.commands", "A.reads" },
		{ "B.commands", "B.reads" }, { "C.commands", "C.reads" } };

	*daemon = (struct daemon){ .world = world, .name = names[i], .home = homes[i],
		.turn_at = INT64_MAX };
	link_init(&daemon->commands, world, links[i][0]);
	link_init(&daemon->reads, world, links[i][1]);
	daemon->commands.max_reply = 32u << 20;
	hook_up(&daemon->commands, daemon);
	hook_up(&daemon->reads, daemon);
	daemon->commands.on_up = commands_up;
	daemon->commands.on_down = commands_down;
	daemon->reads.on_up = reads_up;
	daemon->reads.on_down = reads_down;
}

void
daemon_start(struct daemon *daemon)
{
	struct world *world = daemon->world;
	struct partition_config config = { .partitions = 1, .home = daemon->home,
		.rng = &daemon->rng, .metrics = &daemon->metrics, .now = now_of,
		.on_state = on_state, .arg = daemon, .intake_max = 50 + chance(world, 1000),
		.gather = 1 + chance(world, one_in(world, 2) ? 5 : 60) };

	if (daemon->alive)
		return;
	world_trace(world, "%s starts", daemon->name);
	rng_init(&daemon->rng, rng_u64(&world->rng) | 1);
	engine_config_defaults(&config.engine);
	config.engine.window = world->shape.window;
	config.engine.max_outputs = world->shape.outputs;
	config.audit_ms = world->shape.audit_ms;
	config.keep = world->shape.keep;
	config.on_loss = world->shape.on_loss;
	config.known_nonce = daemon->known_nonce[0] ? daemon->known_nonce : NULL;
	config.known_beat = daemon->known_beat;
	loss_hooks(&config);
	passing_hooks(&config);
	config.engine.timeout_slack_ms = 500;
	daemon->boot = world->now - (int64_t)chance(world, 100000);
	daemon->paused_until = 0;
	daemon->turn_at = INT64_MAX;
	daemon->stopping = false;
	daemon->life++;
	daemon->partition = partition_new(&config, &daemon->commands.port, &daemon->reads.port,
	    NULL);
	daemon->alive = true;
	link_open(&daemon->commands);
	link_open(&daemon->reads);
}

static void
start_again(void *arg, uint64_t life)
{
	struct daemon *daemon = arg;

	if (!daemon->alive && daemon->life == life)
		daemon_start(daemon);
}

static void
end(struct daemon *daemon)
{
	link_close(&daemon->commands);
	link_close(&daemon->reads);
	partition_free(daemon->partition);
	daemon->partition = NULL;
	daemon->alive = daemon->restoring = false;
	daemon->turn_at = INT64_MAX;
	world_in(daemon->world, daemon->away_ms + 1 + (int64_t)chance(daemon->world, 4000),
	    start_again, daemon, daemon->life);
	daemon->away_ms = 0;
}

void
daemon_crash(struct daemon *daemon)
{
	world_trace(daemon->world, "%s crashes", daemon->name);
	world_count(daemon->world, TALLY_CRASH);
	count_several(daemon, TALLY_SEVERAL_CRASH);
	end(daemon);
}

static void
end_later(void *arg, uint64_t life)
{
	struct daemon *daemon = arg;

	if (daemon->alive && daemon->life == life)
		end(daemon);
}

static void
stopped(void *arg, const struct err *err)
{
	struct daemon *daemon = arg;

	world_trace(daemon->world, "%s stopped %s", daemon->name, err->text);
	world_in(daemon->world, 0, end_later, daemon, daemon->life);
}

void
daemon_stop(struct daemon *daemon)
{
	if (!daemon->alive || daemon->stopping)
		return;
	world_trace(daemon->world, "%s is asked to stop", daemon->name);
	world_count(daemon->world, TALLY_STOP);
	daemon->stopping = true;
	partition_stop(daemon->partition, 5000, stopped, daemon);
	daemon_wake(daemon);
}

bool
daemon_serves(const struct daemon *daemon)
{
	return daemon->alive && !daemon->stopping && daemon->paused_until <= daemon->world->now &&
	    partition_state(daemon->partition) == PARTITION_SERVING;
}
