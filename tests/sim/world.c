/* SPDX-License-Identifier: MIT */
/* The world: clock, events, Redis, from its beginning to its end. */
#include "world.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/record.h"

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

void
chance_draw(struct world *world, const struct chance_row *rows, size_t n)
{
	uint64_t all = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		all += rows[k].weight;
	at = chance(world, all);
	while (at >= rows[i].weight)
		at -= rows[i++].weight;
	rows[i].fn(world);
}

/* --- counting ------------------------------------------------------------------------ */

void
world_count(struct world *world, enum tally what)
{
	world->tally[what]++;
}

const char *
tally_text(enum tally what)
{
#define TALLY_TEXT(name, text) [TALLY_##name] = text,
	static const char *const texts[] = { TALLY(TALLY_TEXT) };
#undef TALLY_TEXT

	return texts[what];
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

void
world_step(struct world *world)
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

/* How an ownership was got (wire/lua/fence.lua). */
static void
count_fence(struct world *world, const char *how)
{
	static const struct {
		const char *how;
		enum tally tally;
	} rows[] = { { "taken", TALLY_TAKEN }, { "free", TALLY_FREED }, { "home", TALLY_HOME } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].how, how) == 0)
			world_count(world, rows[i].tally);
	}
}

static void
on_script(void *arg, const char *script, int argc, const char *const *argv,
    const struct redisReply *reply)
{
	struct world *world = arg;
	const char *code;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return;
	if (strcmp(script, "ended") == 0)
		check_looked(world, reply);
	code = reply->element[0]->str ? reply->element[0]->str : "";
	if (strcmp(script, "withdraw") == 0)
		world->withdrawn = true;
	if (strcmp(script, "reap") == 0)
		check_reap(world, argv, reply);
	else if (strcmp(script, "fence") == 0 && strcmp(code, "OK") == 0)
		count_fence(world, reply->element[1]->str);
	else if (strcmp(script, "commit") == 0 && strcmp(code, "FENCED") == 0)
		world_count(world, TALLY_FENCED);
	else if (strcmp(script, "unletter") == 0)
		check_kept(world);
	else if (strcmp(script, "unlog") == 0 && strcmp(code, "OK") == 0)
		check_unlogged(world, argc, argv);
	else if (strcmp(script, "commit") == 0 && strcmp(code, "OK") == 0)
		check_commit(world, argc, argv);
}

static void
redis_up(void *arg, uint64_t server)
{
	struct world *world = arg;

	if (server != world->servers)
		return;
	world->redis_up = true;
	world_trace(world, "redis is up");
}

bool
world_answers(const struct world *world)
{
	return world->redis_up && world->redis_stalled_until <= world->now;
}

int64_t
world_away_ms(const struct world *world)
{
	int64_t until = world->now < world->away_until ? world->now : world->away_until;

	return world->away_ms + until - world->away_since;
}

static void
note_absence(struct world *world, int64_t ms)
{
	world->away_ms = world_away_ms(world);
	world->away_since = world->now;
	world->away_until = world->now + ms;
}

void
world_stall_redis(struct world *world, int64_t ms)
{
	world_trace(world, "redis stalls for %lld ms", (long long)ms);
	world->redis_stalled_until = world->now + ms;
	note_absence(world, ms);
	for (size_t i = 0; i < DAEMONS; i++) {
		link_stall(&world->daemons[i].commands, ms);
		link_stall(&world->daemons[i].reads, ms);
	}
}

/* A run that history does not know any more was never accepted. */
static void
forget_lost(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		struct run_head head;

		if (!check_head(world, world->asked[i]->id.text, &head)) {
			world->asked[i]->accepted = false;
			world->asked[i]->restored_by = NULL;
		}
	}
	check_kept_anew(world);
	check_passed_anew(world);
}

void
world_restart_redis(struct world *world, size_t lost, int64_t down_ms)
{
	size_t keep = fake_redis_writes(world->redis);

	world_trace(world, "redis goes for %lld ms, %zu writes lost", (long long)down_ms, lost);
	fake_redis_restart(world->redis, lost < keep ? keep - lost : 0);
	world->writes_seen = fake_redis_writes(world->redis);
	world->redis_up = false;
	world->redis_stalled_until = 0;
	note_absence(world, down_ms);
	world->servers++;
	for (size_t i = 0; i < DAEMONS; i++) {
		link_cut(&world->daemons[i].commands, ERR_UNREACHABLE, "redis died");
		link_cut(&world->daemons[i].reads, ERR_UNREACHABLE, "redis died");
	}
	if (lost > 0) {
		world->lost_at = world->now;
		forget_lost(world);
	}
	world_in(world, down_ms, redis_up, world, world->servers);
}

/* Whoever meddled so has no events any more, and nothing that ran is told. */
void
world_wipe_redis(struct world *world, int64_t down_ms)
{
	world_trace(world, "redis is wiped");
	freeReplyObject(fake_redis_call(world->redis, "FLUSHALL", NULL));
	world->lost_at = world->harmed_at = world->now;
	world->events_lost = true;
	forget_lost(world);
	if (down_ms >= 0)
		world_restart_redis(world, 0, down_ms);
	else
		world_ran(world);
}

/* --- from beginning to end ------------------------------------------------------------------------------ */

/* A second stands for a day. */
static struct keep_limits
draw_keep(struct world *world)
{
	struct keep_limits keep = { 0 };

	if (one_in(world, 2))
		return keep;
	keep.age_ms = one_in(world, 3) ? 0 : 500 + (int64_t)chance(world, 9000);
	keep.runs = one_in(world, 2) ? 0 : 1 + chance(world, 8);
	keep.min_age_ms = (int64_t)chance(world, 1500);
	return keep;
}

static void
draw_shape(struct world *world)
{
	static const unsigned faults[] = { 4, 10, 30, 100, 1000 };
	static const enum loss_policy losses[] = { LOSS_ACCEPT, LOSS_HOLD, LOSS_HOLD, LOSS_RESTORE,
		LOSS_RESTORE };

	world->shape = (struct shape){ .daemons = 1 + (unsigned)chance(world, DAEMONS),
		.losses = one_in(world, 4), .garbage = one_in(world, 2),
		.clock_jumps = one_in(world, 3), .operators = one_in(world, 3),
		.big = one_in(world, 12), .wipes = one_in(world, 3),
		.on_loss = losses[chance(world, ARRAY_LEN(losses))], .fault = faults[chance(world, ARRAY_LEN(faults))],
		.latency = one_in(world, 2) ? 4 : 10 + (unsigned)chance(world, 600),
		.window = 1 + (uint32_t)chance(world, one_in(world, 2) ? 4 : 40),
		.outputs = one_in(world, 4) ? SIZE_MAX : (size_t)chance(world, 60),
		.runs = 1 + (unsigned)chance(world, 20),
		.audit_ms = one_in(world, 3) ? 0 : 200 + (int64_t)chance(world, 3000) };
	if (world->shape.big) {
		world->shape.window = 20 + (uint32_t)chance(world, 200);
		world->shape.runs = 1 + (unsigned)chance(world, 4);
	}
	world->shape.keep = draw_keep(world);
	limits_draw(world);
	pools_draw(world);
}

static void
begin(struct world *world)
{
	draw_shape(world);
	world->lost_at = world->harmed_at = -1;
	world->faults = world->redis_up = true;
	world->redis = fake_redis_new(redis_now, world);
	fake_redis_set_logging(world->redis, world->shape.losses);
	fake_redis_set_hook(world->redis, on_script, world);
	world->n_flows = 1 + chance(world, FLOWS);
	for (size_t i = 0; i < world->n_flows; i++)
		world->flows[i] = flow_random(world, i);
	for (size_t i = 0; i < DAEMONS; i++)
		daemon_init(&world->daemons[i], world, i);
	for (size_t i = 0; i < world->shape.daemons; i++)
		daemon_start(&world->daemons[i]);
	for (size_t i = 0; i < AGENTS; i++)
		agent_init(&world->agents[i], world, i);
	people_begin(world);
	fate_begin(world);
}

static void
finish(struct world *world)
{
	size_t until = world->steps + CALM_STEPS;
	int64_t quiet_since = -1;

	world->faults = false;
	world_trace(world, "faults stop");
	drill(world);
	/* what was deleted is found out after a lease or two */
	while (quiet_since < 0 ||
	    world->now - quiet_since < (world->harmed_at < 0 ? 22000 : 60000)) {
		if (world->steps > until)
			world_fail(world, "the world does not come to its end");
		world_step(world);
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
		world_step(world);
	HASH_ITER(hh, world->told, told, next) {
		HASH_DEL(world->told, told);
		free(told);
	}
	check_letters_release(world);
	passing_release(world);
	limits_release(world);
	people_release(world);
	for (size_t i = 0; i < world->n_flows; i++)
		workflow_unref(world->flows[i]);
	fake_redis_free(world->redis);
	free(world->heap);
	free(world);
}

size_t
world_play(uint64_t seed, size_t budget, bool verbose, uint64_t *tally)
{
	struct world *world = xcalloc(1, sizeof *world);
	size_t steps;

	world->seed = seed;
	world->budget = budget;
	world->verbose = verbose;
	world->tally = tally;
	rng_init(&world->rng, seed | (uint64_t)1 << 63);
	begin(world);
	while (world->steps < budget)
		world_step(world);
	finish(world);
	steps = world->steps;
	release(world);
	return steps;
}
