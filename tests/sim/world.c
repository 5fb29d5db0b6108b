/* SPDX-License-Identifier: MIT */
/* The world: clock, events, faults, submissions, from its beginning to its end. */
#include "world.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "orchestrator/partition_private.h"

#define CALM_STEPS 1000000 /* that a world may take to end: a lease may be an hour */

/* --- chance ------------------------------------------------------------------------- */

uint64_t
chance(struct world *world, uint64_t n)
{
	return rng_below(&world->rng, n ? n : 1);
}

bool
one_in(struct world *world, uint64_t n)
{
	return chance(world, n) == 0;
}

bool
fault_in(struct world *world, uint64_t n)
{
	return world->faults && one_in(world, n);
}

/* --- events --------------------------------------------------------------------------- */

static bool
before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void
world_at(struct world *world, int64_t at, event_fn *fn, void *arg, uint64_t n)
{
	struct event event = { at < world->now ? world->now : at, world->order++, fn, arg, n };
	size_t i = world->n_heap;

	GROW(world->heap, world->n_heap, world->cap_heap);
	world->n_heap++;
	for (; i > 0 && before(&event, &world->heap[(i - 1) / 2]); i = (i - 1) / 2)
		world->heap[i] = world->heap[(i - 1) / 2];
	world->heap[i] = event;
}

void
world_in(struct world *world, int64_t ms, event_fn *fn, void *arg, uint64_t n)
{
	world_at(world, world->now + ms, fn, arg, n);
}

static struct event
next_event(struct world *world)
{
	struct event first = world->heap[0], last = world->heap[--world->n_heap];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < world->n_heap &&
		    before(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (child >= world->n_heap || !before(&world->heap[child], &last))
			break;
		world->heap[i] = world->heap[child];
		i = child;
	}
	world->heap[i] = last;
	return first;
}

static void
step(struct world *world)
{
	struct event event = next_event(world);

	world->now = event.at;
	world->steps++;
	event.fn(event.arg, event.n);
}

/* --- telling ------------------------------------------------------------------------------ */

void
world_trace(struct world *world, const char *fmt, ...)
{
	char *line = world->trace[world->n_trace++ % TRACE];
	va_list ap;

	if (!world->verbose && world->budget == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(line, TRACE_LINE, fmt, ap);
	va_end(ap);
	if (world->verbose)
		printf("%8lld %s\n", (long long)world->now, line);
}

void
world_fail(struct world *world, const char *fmt, ...)
{
	va_list ap;

	for (size_t i = world->n_trace > TRACE ? world->n_trace - TRACE : 0;
	     !world->verbose && i < world->n_trace; i++)
		printf("# %s\n", world->trace[i % TRACE]);
	printf("# seed %llu, step %zu, at %lld ms: ", (unsigned long long)world->seed, world->steps,
	    (long long)world->now);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n# again: sim --seed %llu --worlds 1 --verbose\n", (unsigned long long)world->seed);
	fflush(stdout);
	_exit(1);
}

/* --- redis ----------------------------------------------------------------------------------- */

static int64_t
redis_now(void *arg)
{
	struct world *world = arg;

	return 1700000000000 + world->now + world->redis_skew;
}

void
world_ran(struct world *world)
{
	size_t writes = fake_redis_writes(world->redis);

	if (writes == world->writes_seen)
		return;
	world->writes_seen = writes;
	for (size_t i = 0; i < DAEMONS; i++) {
		link_poll(&world->daemons[i].reads);
		link_poll(&world->daemons[i].commands);
	}
}

static void
on_script(void *arg, const char *script, int argc, const char *const *argv,
    const struct redisReply *reply)
{
	if (strcmp(script, "commit") == 0 && reply->type == REDIS_REPLY_ARRAY &&
	    strcmp(reply->element[0]->str, "OK") == 0)
		check_commit(arg, argc, argv);
}

static void
redis_up(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	world->redis_up = true;
	world_trace(world, "redis is up");
}

/* A run that history does not know any more was never accepted. */
static void
forget_lost(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		char *key = xasprintf("reeve:{0}:run:%s", world->asked[i]->id.text);
		redisReply *reply = fake_redis_call(world->redis, "TYPE", key, NULL);

		if (strcmp(reply->str, "none") == 0)
			world->asked[i]->accepted = false;
		freeReplyObject(reply);
		free(key);
	}
}

void
world_restart_redis(struct world *world, bool power)
{
	size_t keep = fake_redis_writes(world->redis), lost = power ? 1 + chance(world, 60) : 0;

	world_trace(world, "redis dies%s, %zu writes lost", power ? " of a power cut" : "", lost);
	fake_redis_restart(world->redis, lost < keep ? keep - lost : 0);
	world->writes_seen = fake_redis_writes(world->redis);
	world->redis_up = false;
	world->servers++;
	for (size_t i = 0; i < DAEMONS; i++) {
		link_cut(&world->daemons[i].commands, ERR_UNREACHABLE, "redis died");
		link_cut(&world->daemons[i].reads, ERR_UNREACHABLE, "redis died");
	}
	for (size_t i = 0; i < AGENTS; i++)
		world->agents[i].recover = true;
	if (power)
		forget_lost(world);
	world_in(world, 10 + (int64_t)chance(world, 5000), redis_up, world, 0);
}

/* --- people ------------------------------------------------------------------------------------- */

static void
on_accepted(void *arg, const struct err *err)
{
	struct asked *asked = arg;

	asked->accepted = err->code == 0;
	world_trace(asked->world, "run %s %s", asked->id.text,
	    asked->accepted ? "accepted" : "has an unknown outcome");
}

static struct daemon *
serving(struct world *world)
{
	size_t first = chance(world, DAEMONS);

	for (size_t i = 0; i < DAEMONS; i++) {
		struct daemon *daemon = &world->daemons[(first + i) % DAEMONS];

		if (daemon_serves(daemon))
			return daemon;
	}
	return NULL;
}

static void
submit(struct world *world, struct daemon *daemon)
{
	struct submission *submission = xcalloc(1, sizeof *submission);
	struct asked *asked = xcalloc(1, sizeof *asked);
	struct run_spec spec = { .wf = world->flows[chance(world, world->n_flows)],
		.params = "{}", .priority = (int)chance(world, 11) - 1, .submission = submission };
	struct moment now;
	struct run *run;

	partition_moment(daemon->partition, &now);
	submission->idempotency_key = xasprintf("key%zu", world->n_asked);
	spec.id = run_id_make(now.wall_ms, 0, &world->rng);
	*asked = (struct asked){ .world = world, .id = spec.id, .wf = workflow_ref(spec.wf) };
	GROW(world->asked, world->n_asked, world->cap_asked);
	world->asked[world->n_asked++] = asked;
	world_trace(world, "run %s of %s asked of %s", spec.id.text, spec.wf->name, daemon->name);
	if (engine_submit(partition_engine(daemon->partition), &now, &spec,
		partition_effects(daemon->partition), &run, NULL) < 0)
		world_fail(world, "a submission was refused");
	partition_mark(daemon->partition);
	partition_barrier(daemon->partition, on_accepted, asked);
	daemon_wake(daemon);
}

static void
cancel_some(struct world *world, struct daemon *daemon)
{
	struct run *run = engine_first(partition_engine(daemon->partition));
	struct moment now;

	for (uint64_t i = chance(world, 5); run && i > 0; i--)
		run = run->hh.next;
	if (!run)
		return;
	world_trace(world, "run %s is cancelled", run->id.text);
	partition_moment(daemon->partition, &now);
	(void)engine_cancel(partition_engine(daemon->partition), &now, run,
	    one_in(world, 3) ? INTENT_STOP : INTENT_CANCEL, partition_effects(daemon->partition),
	    NULL);
	partition_mark(daemon->partition);
	daemon_wake(daemon);
}

static void
people(void *arg, uint64_t n)
{
	struct world *world = arg;
	struct daemon *daemon = serving(world);

	(void)n;
	if (daemon && world->n_asked < world->shape.runs)
		submit(world, daemon);
	if (daemon && fault_in(world, 10))
		cancel_some(world, daemon);
	if (daemon && commits_idle(daemon->partition) && one_in(world, 2))
		check_same_load(world, daemon);
	if (world->faults)
		world_in(world, (int64_t)chance(world, 400), people, world, 0);
}

/* --- fate -------------------------------------------------------------------------------------------- */

static struct link *
some_link(struct world *world)
{
	struct daemon *daemon = &world->daemons[chance(world, world->shape.standby ? 2 : 1)];

	return one_in(world, 2) ? &daemon->commands : &daemon->reads;
}

static void
fate(void *arg, uint64_t n)
{
	struct world *world = arg;
	struct daemon *daemon = &world->daemons[chance(world, DAEMONS)];

	(void)n;
	if (!world->faults)
		return;
	world_in(world, (int64_t)chance(world, 100ull * world->shape.fault), fate, world, 0);
	switch (chance(world, 10)) {
	case 0:
	case 1:
		link_cut(some_link(world), ERR_UNREACHABLE, "cut");
		break;
	case 2:
		link_stall(some_link(world), 500 + (int64_t)chance(world, 12000));
		break;
	case 3:
		if (world->redis_up)
			world_restart_redis(world, false);
		break;
	case 4:
		if (world->redis_up && world->shape.power_cuts)
			world_restart_redis(world, true);
		break;
	case 5:
		if (daemon->alive && one_in(world, 2))
			daemon_crash(daemon);
		break;
	case 6:
		daemon_stop(daemon);
		break;
	case 7:
		if (world->shape.clock_jumps)
			daemon->skew += (int64_t)chance(world, 7200000) - 3600000;
		break;
	case 8:
		if (world->shape.clock_jumps && !world->shape.power_cuts)
			world->redis_skew += (int64_t)chance(world, 7200000) - 3600000;
		break;
	default:
		if (world->shape.garbage && world->redis_up)
			world_garbage(world);
		break;
	}
}

/* --- from beginning to end ------------------------------------------------------------------------------ */

static void
begin(struct world *world)
{
	static const unsigned faults[] = { 4, 10, 30, 100, 1000 };

	world->shape = (struct shape){ .standby = one_in(world, 2), .power_cuts = one_in(world, 4),
		.garbage = one_in(world, 2), .clock_jumps = one_in(world, 4),
		.fault = faults[chance(world, ARRAY_LEN(faults))],
		.window = 1 + (uint32_t)chance(world, one_in(world, 2) ? 4 : 40),
		.outputs = one_in(world, 4) ? SIZE_MAX : (size_t)chance(world, 60),
		.runs = 1 + (unsigned)chance(world, 20) };
	world->faults = world->redis_up = true;
	world->redis = fake_redis_new(redis_now, world);
	fake_redis_set_logging(world->redis, world->shape.power_cuts);
	fake_redis_set_hook(world->redis, on_script, world);
	world->n_flows = 1 + chance(world, FLOWS);
	for (size_t i = 0; i < world->n_flows; i++)
		world->flows[i] = flow_random(world, i);
	for (size_t i = 0; i < DAEMONS; i++)
		daemon_init(&world->daemons[i], world, i);
	daemon_start(&world->daemons[0]);
	if (world->shape.standby)
		daemon_start(&world->daemons[1]);
	for (size_t i = 0; i < AGENTS; i++)
		agent_init(&world->agents[i], world, i);
	people(world, 0);
	world_in(world, 1000, fate, world, 0);
}

static void
finish(struct world *world)
{
	size_t until = world->steps + CALM_STEPS;
	int64_t quiet_since = -1;

	world->faults = false;
	world_trace(world, "faults stop");
	while (quiet_since < 0 || world->now - quiet_since < 22000) {
		if (world->steps > until)
			world_fail(world, "the world does not come to its end");
		step(world);
		if (!check_all_ended(world))
			quiet_since = -1;
		else if (quiet_since < 0)
			quiet_since = world->now;
	}
	check_end(world);
}

static void
release(struct world *world)
{
	struct told *told, *next;

	for (size_t i = 0; i < DAEMONS; i++) {
		if (world->daemons[i].alive)
			daemon_crash(&world->daemons[i]);
	}
	world->over = true;
	for (size_t i = 0; i < DAEMONS; i++)
		world->daemons[i].life++;
	for (size_t i = 0; i < AGENTS; i++)
		world->agents[i].life++;
	while (world->n_heap > 0)
		step(world);
	HASH_ITER(hh, world->told, told, next) {
		HASH_DEL(world->told, told);
		free(told);
	}
	for (size_t i = 0; i < world->n_asked; i++) {
		workflow_unref(world->asked[i]->wf);
		free(world->asked[i]);
	}
	for (size_t i = 0; i < world->n_flows; i++)
		workflow_unref(world->flows[i]);
	fake_redis_free(world->redis);
	free(world->asked);
	free(world->heap);
	free(world);
}

size_t
world_play(uint64_t seed, size_t budget, bool verbose)
{
	struct world *world = xcalloc(1, sizeof *world);
	size_t steps;

	world->seed = seed;
	world->budget = budget;
	world->verbose = verbose;
	rng_init(&world->rng, seed | (uint64_t)1 << 63);
	begin(world);
	while (world->steps < budget)
		step(world);
	finish(world);
	steps = world->steps;
	release(world);
	return steps;
}
