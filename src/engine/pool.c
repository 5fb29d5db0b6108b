/* SPDX-License-Identifier: MIT */
/* Limits that tasks of many runs and agent types share. */
#include "engine/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"

static struct pool *
pool_find(const struct queues *queues, const char *name)
{
	struct pool *pool;

	HASH_FIND_STR(queues->pools, name, pool);
	return pool;
}

struct pool *
pools_get(struct queues *queues, const char *name)
{
	struct pool *pool = pool_find(queues, name);

	if (pool)
		return pool;
	pool = xcalloc(1, sizeof *pool);
	pool->name = xstrdup(name);
	pool->owner = queues;
	pool->units = POOL_ANY;
	pool->kept_level = -1;
	pool->share = (struct share_part){ POOL_ANY, SHARE_WHOLE, 0 };
	TAILQ_INIT(&pool->strands);
	HASH_ADD_KEYPTR(hh, queues->pools, pool->name, strlen(pool->name), pool);
	return pool;
}

void
pools_release(struct queues *queues)
{
	struct pool *pool, *next;

	HASH_ITER(hh, queues->pools, pool, next) {
		HASH_DEL(queues->pools, pool);
		free(pool->name);
		free(pool);
	}
}

/* --- open and closed ------------------------------------------------------------ */

static bool
is_short(const struct pool *pool)
{
	return pool->waiter && pool->units != POOL_ANY &&
	    (uint64_t)pool->in_use + pool->wants > pool->units;
}

bool
pool_may_start(const struct pool *pool)
{
	return pool->known && pool->held_until == 0 && !budget_pauses(&pool->budget);
}

static void
pool_refresh(struct pool *pool)
{
	bool open = pool_may_start(pool) && pool->dry_until == 0 && !is_short(pool);
	struct strand *strand;

	if (open == pool->open)
		return;
	pool->open = open;
	TAILQ_FOREACH(strand, &pool->strands, pool_link)
		queue_fill(strand->queue);
}

void
pool_budget_changed(struct pool *pool)
{
	pool_refresh(pool);
}

/* Whoever it was short for is asked anew when its turn comes. */
static void
forget_waiter(struct pool *pool)
{
	pool->waiter = NULL;
	pool->wants = 0;
	pool_refresh(pool);
}

static bool
has_rate(const struct pool *pool)
{
	return pool->limits.per_second > 0;
}

/* For a token, if there is none. */
static void
wait_for_token(struct pool *pool, int64_t now_ms)
{
	int64_t wait = has_rate(pool) ? bucket_wait(&pool->bucket, 1, now_ms) : 0;

	pool->dry_until = wait == 0 ? 0 : wait == BUCKET_NEVER ? INT64_MAX : now_ms + wait;
	if (wait > 0 && pool->dry_until < pool->owner->pools_due)
		pool->owner->pools_due = pool->dry_until;
}

void
pool_hold(struct pool *pool, int64_t until_ms)
{
	if (until_ms <= pool->held_until)
		return;
	pool->held_until = until_ms;
	if (until_ms < pool->owner->pools_due)
		pool->owner->pools_due = until_ms;
	pool_refresh(pool);
}

void
pools_thaw(struct queues *queues, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (struct pool *pool = queues->pools; pool; pool = pool->hh.next) {
		if (pool->held_until > 0 && pool->held_until <= now_ms)
			pool->held_until = 0;
		if (pool->dry_until > 0 && pool->dry_until <= now_ms)
			wait_for_token(pool, now_ms);
		pool_refresh(pool);
		if (pool->held_until > 0 && pool->held_until < due)
			due = pool->held_until;
		if (pool->dry_until > 0 && pool->dry_until < due)
			due = pool->dry_until;
	}
	queues->pools_due = due;
}

/* --- units and tokens --------------------------------------------------------------- */

void
pool_hold_units(struct pool *pool, uint32_t units)
{
	pool->in_use += units;
	pool_refresh(pool);
}

void
pool_take(struct pool *pool, uint32_t units, int64_t now_ms)
{
	pool->waiter = NULL;
	pool->wants = 0;
	if (has_rate(pool)) {
		(void)bucket_take(&pool->bucket, 1, now_ms);
		wait_for_token(pool, now_ms);
	}
	pool_hold_units(pool, units);
}

void
pool_give(struct pool *pool, uint32_t units)
{
	pool->in_use -= units;
	pool_refresh(pool);
}

void
pool_untake(struct pool *pool, uint32_t units, int64_t now_ms)
{
	if (has_rate(pool)) {
		bucket_give(&pool->bucket, 1, now_ms);
		wait_for_token(pool, now_ms);
	}
	pool_give(pool, units);
}

/* --- whose turn it is ------------------------------------------------------------------ */

static unsigned
strand_top(const struct strand *strand)
{
	return strand->filled ? 31u - (unsigned)__builtin_clz(strand->filled) : 0;
}

/* Only queues that may give something now count: others would hold up the pool. */
bool
strand_first(const struct strand *strand)
{
	const struct pool *pool = strand->pool;
	unsigned top = strand_top(strand);
	const struct strand *other;

	TAILQ_FOREACH(other, &pool->strands, pool_link) {
		if (other == strand || !other->filled || !other->queue->active)
			continue;
		if (strand_top(other) > top ||
		    (other == pool->waiter && strand_top(other) == top))
			return false;
	}
	return true;
}

bool
strand_fits(struct strand *strand, uint32_t units)
{
	struct pool *pool = strand->pool;

	if (pool->units == POOL_ANY || (uint64_t)pool->in_use + units <= pool->units)
		return true;
	if (pool->limits.units > 0 && units > pool->limits.units)
		return true; /* it never will: its dispatch says so */
	pool->waiter = strand;
	pool->wants = units;
	pool_refresh(pool);
	return false;
}

void
strand_changed(struct strand *strand, unsigned priority)
{
	struct pool *pool = strand->pool;

	if (!pool)
		return;
	if (pool->waiter &&
	    (pool->waiter == strand || priority > strand_top(pool->waiter)))
		forget_waiter(pool);
}

struct pool *
task_pool(const struct run *run, uint32_t task)
{
	return run->plan->lanes[run->plan->lane_of[task]].strand->pool;
}

/*
 * A provider's limit: as for a type, what no agent has taken yet is taken back, or the
 * agents would run into the limit with each of it.
 */
void
pool_hold_tasks(struct turn *turn, struct pool *pool, int64_t until_ms)
{
	bool held = pool->held_until > 0;
	struct attempt *attempt, *next;
	size_t marked = turn->effects->len;

	pool_hold(pool, until_ms);
	if (held)
		return;
	HASH_ITER(hh, turn->engine->attempts, attempt, next) {
		if (attempt->pool != pool || !attempt->run)
			continue;
		task_take_back(turn, attempt->run, attempt->task);
		if (turn->effects->len - marked < SLICE)
			continue;
		effects_mark(turn->effects, 0, 0);
		marked = turn->effects->len;
	}
}

/* --- from outside ------------------------------------------------------------------------- */

static double
burst_of(const struct pool_limits *limits)
{
	if (limits->burst >= 1)
		return limits->burst;
	return limits->per_second > 1 ? limits->per_second : 1;
}

static double
burst_share(const struct pool *pool)
{
	double burst = burst_of(&pool->limits) * pool->share.rate / SHARE_WHOLE;

	return pool->share.rate == 0 ? 0 : burst > 1 ? burst : 1;
}

/* Limits or share are others now.  The tokens that are there stay. */
static void
apply(struct pool *pool, bool had_rate, int64_t now_ms)
{
	double rate = pool->rate.per_second * pool->share.rate / SHARE_WHOLE;

	if (had_rate)
		bucket_change(&pool->bucket, rate, burst_share(pool), now_ms);
	else
		bucket_init(&pool->bucket, rate, burst_share(pool), now_ms);
	if (pool->kept_level >= 0)
		bucket_fill(&pool->bucket, pool->kept_level, now_ms);
	pool->kept_level = -1;
	wait_for_token(pool, now_ms);
	pool->units = POOL_ANY;
	if (pool->limits.units > 0)
		pool->units = pool->limits.units < pool->share.units ? pool->limits.units
		                                                     : pool->share.units;
	forget_waiter(pool);
}

static struct rate_limit
adapting(const struct pool_limits *limits)
{
	return (struct rate_limit){ .per_second = limits->per_second,
		.burst = burst_of(limits),
		.min_per_second = limits->per_second / RATE_FLOOR,
		.failure_rate = RATE_FAILURES_DEFAULT };
}

/* NOW LEVEL WALL: what became of the rate, the tokens, and when. */
static void
store(struct turn *turn, const struct pool *pool)
{
	struct effect *effect = effects_add(turn->effects, EFFECT_LIMIT, NULL, TASK_NONE);

	effect->u.limit.what = xasprintf("pool:%s", pool->name);
	effect->u.limit.value = xasprintf("%.17g %.17g %lld", pool->rate.per_second,
	    bucket_level(&pool->bucket, turn->now->mono_ms), (long long)turn->now->wall_ms);
}

void
pool_started(struct turn *turn, struct pool *pool)
{
	if (has_rate(pool))
		store(turn, pool);
}

bool
pool_load(struct engine *engine, const struct moment *now, const char *name, const char *value)
{
	struct pool *pool = pools_get(&engine->queues, name);
	double rate, level;
	long long wall;
	int64_t gone;

	if (sscanf(value, "%lf %lf %lld", &rate, &level, &wall) != 3 || !(rate > 0) ||
	    !(level >= 0))
		return false;
	gone = now->wall_ms > wall ? now->wall_ms - (int64_t)wall : 0;
	rate_init(&pool->rate, &(struct rate_limit){ .per_second = rate }, now->wall_ms);
	pool->kept_level = level + rate * (double)gone / 1000;
	return true;
}

void
pool_note(struct turn *turn, struct pool *pool, const struct run *run, uint32_t t,
    enum flow_outcome outcome, enum category category)
{
	static const enum rate_outcome AS_RATE[] = { [FLOW_SUCCEEDED] = RATE_SUCCEEDED,
		[FLOW_FAILED] = RATE_FAILED, [FLOW_LOST] = RATE_FAILED,
		[FLOW_THROTTLED] = RATE_THROTTLED };
	struct rate_limit limit = adapting(&pool->limits);
	double before = pool->rate.per_second;
	enum rate_verdict verdict;

	if (!has_rate(pool) || category == CATEGORY_CANCELLED)
		return;
	verdict = rate_note(&pool->rate, &limit, AS_RATE[outcome],
	    run->created_ms + run->tasks[t].queued_ms, 0, turn->now->wall_ms);
	if (verdict == RATE_SAME)
		return;
	apply(pool, true, turn->now->mono_ms);
	store(turn, pool);
	if (verdict != RATE_UP || pool->rate.per_second >= limit.per_second)
		turn_note(turn, NULL, TASK_NONE, "alert.rate_limit",
		    xasprintf("{\"pool\":\"%s\",\"per_second\":%.6g,\"before\":%.6g,"
		              "\"configured\":%.6g,\"reason\":\"%s\"}", pool->name,
		        pool->rate.per_second, before, limit.per_second,
		        rate_verdict_text(verdict)));
}

void
engine_set_pool(struct engine *engine, const struct moment *now, const char *name,
    const struct pool_limits *limits)
{
	static const struct pool_limits none;
	struct pool *pool = pools_get(&engine->queues, name);
	struct rate_limit before = adapting(&pool->limits), limit = adapting(limits ? limits : &none);
	bool had_rate = has_rate(pool), kept = pool->kept_level >= 0;

	pool->known = limits != NULL;
	pool->limits = limits ? *limits : none;
	if (!had_rate && !kept)
		rate_init(&pool->rate, &limit, now->wall_ms);
	else
		rate_change(&pool->rate, had_rate ? &before : &limit, &limit);
	budget_set(&pool->budget, &pool->limits.budget);
	apply(pool, had_rate, now->mono_ms);
}

void
engine_share_pool(struct engine *engine, const struct moment *now, const char *name,
    const struct share_part *share)
{
	struct pool *pool = pools_get(&engine->queues, name);

	pool->shared = true;
	if (memcmp(&pool->share, share, sizeof *share) == 0)
		return;
	pool->share = *share;
	apply(pool, has_rate(pool), now->mono_ms);
}

bool
engine_pool_shared(const struct pool *pool)
{
	return pool->shared;
}

void
engine_hold_pool(struct engine *engine, const struct moment *now, const char *name,
    int64_t until_ms, struct effects *effects)
{
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	pool_hold_tasks(&turn, pools_get(&engine->queues, name), until_ms);
	turn_end(&turn);
}

struct pool *
engine_pool_find(const struct engine *engine, const char *name)
{
	return pool_find(&engine->queues, name);
}

struct pool *
engine_pool_first(const struct engine *engine)
{
	return engine->queues.pools;
}

struct pool *
pool_next(const struct pool *pool)
{
	return pool->hh.next;
}

struct pool *
engine_task_pool(const struct run *run, uint32_t task)
{
	return run->plan ? task_pool(run, task) : NULL;
}

const char *
pool_name(const struct pool *pool)
{
	return pool->name;
}

static void
count_ready(const struct pool *pool, struct pool_view *view)
{
	const struct strand *strand;
	uint64_t units = pool->in_use;

	TAILQ_FOREACH(strand, &pool->strands, pool_link) {
		view->ready += strand->ready;
		units += strand->units;
	}
	view->wanted = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

void
pool_look(const struct pool *pool, const struct moment *now, struct pool_view *ret_view)
{
	*ret_view = (struct pool_view){
		.known = pool->known,
		.limits = pool->limits,
		.units = pool->units == POOL_ANY ? 0 : pool->units,
		.in_use = pool->in_use,
		.wants = pool->wants,
		.tokens = has_rate(pool) ? bucket_level(&pool->bucket, now->mono_ms) : 0,
		.per_second = has_rate(pool) ? pool->bucket.rate : 0,
		.held_until = pool->held_until,
		.dry_until = pool->dry_until,
		.budget = pool->budget,
	};
	count_ready(pool, ret_view);
}
