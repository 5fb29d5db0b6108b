/* SPDX-License-Identifier: MIT */
/*
 * Named pools: limits that tasks of many runs and agent types share.
 *
 * A pool has units, held by its outstanding attempts (and by tasks whose outputs are
 * being fetched), and a token bucket: each start takes one token, whatever its units.
 * Lanes of tasks with a pool stand in a strand of their own, one for each (queue, pool):
 *
 *   queue backend ─ strand            lanes that need no pool
 *                 └ strand ─┐
 *   queue qa      ─ strand  ├─ pool llm   in use 6 of 8, tokens 0.4
 *                 └ strand ─┘
 *
 * A pool is open, or closed because it is unknown, held (throttled), its budget used up, dry
 * (no token), or short: the task whose turn it was needs more units than are free.  Strands of a closed
 * pool are left out of what their queues have to give, so nobody behind them waits, and
 * nothing is searched: closing and opening costs one step for each agent type that uses
 * the pool.
 *
 * Order: of an open pool the strand with the highest priority goes first, among equals
 * the queues take turns.  A pool that is short waits for its first one (only something
 * of higher priority overtakes it), so many units are not starved by few.
 *
 * The rate of starts adapts as that of an agent type does, to failures and throttled
 * attempts of its tasks, down to a tenth of what is configured.  Tokens and rate are
 * stored with each start, so a restart gives no burst.
 *
 * Of several partitions each has a share of the units (engine/shares.h).
 */
#ifndef REEVE_ENGINE_POOL_H
#define REEVE_ENGINE_POOL_H

#include "base/bucket.h"
#include "engine/engine.h"
#include "engine/flow.h"
#include "engine/queue.h"
#include "engine/rate.h"
#include "engine/shares.h"

TAILQ_HEAD(strand_list, strand);

struct pool {
	char *name;
	struct queues *owner;
	struct pool_limits limits;  /* as configured */
	struct share_part share;    /* this partition's of it, rate of SHARE_WHOLE */
	uint32_t units;             /* that it may use; POOL_ANY: no limit */
	uint32_t in_use;
	uint32_t wants;             /* of the task that it is short for, or 0 */
	struct strand *waiter;      /* whose turn it is then */
	struct rate rate;           /* of all partitions: adapts (engine/rate.h) */
	struct bucket bucket;
	double kept_level;          /* stored tokens, until the limits are set; -1: none are */
	int64_t held_until;         /* mono_ms: throttled; 0: not held */
	int64_t dry_until;          /* mono_ms: next token; 0: there is one */
	struct budget budget;       /* of a day, of what its tasks cost */
	bool known;
	bool shared;                /* its share was said */
	bool open;
	struct strand_list strands;
	UT_hash_handle hh;          /* by name */
};

#define POOL_ANY UINT32_MAX

struct pool *pools_get(struct queues *queues, const char *name); /* made on first use */
void pools_release(struct queues *queues);
void pools_thaw(struct queues *queues, int64_t now_ms); /* opens what is due */

/* For what has just been taken out of its lane. */
void pool_take(struct pool *pool, uint32_t units, int64_t now_ms);
/* It was not started after all: the token is put back, too. */
void pool_untake(struct pool *pool, uint32_t units, int64_t now_ms);
void pool_hold_units(struct pool *pool, uint32_t units); /* a load finds them in use */
void pool_give(struct pool *pool, uint32_t units);       /* an attempt is settled */
/* Nothing starts until then; a later time counts. */
void pool_hold(struct pool *pool, int64_t until_ms);
bool pool_may_start(const struct pool *pool); /* but for units and tokens */
void pool_budget_changed(struct pool *pool);

/* One has started, has ended: what that does to tokens and rate is stored and told. */
void pool_started(struct turn *turn, struct pool *pool);
void pool_note(struct turn *turn, struct pool *pool, const struct run *run, uint32_t task,
    enum flow_outcome outcome, enum category category);
bool pool_load(struct engine *engine, const struct moment *now, const char *name,
    const char *value);

/* It is the strand's turn among those of its pool. */
bool strand_first(const struct strand *strand);
/* Whether the units for its next task are free; if not, the pool is short from now on. */
bool strand_fits(struct strand *strand, uint32_t units);
/* What is in it has changed. */
void strand_changed(struct strand *strand, unsigned priority);

/* NULL: it needs none.  Only of runs with a plan. */
struct pool *task_pool(const struct run *run, uint32_t task);

#endif
