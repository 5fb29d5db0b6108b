/* SPDX-License-Identifier: MIT */
/* Attempts whose stream entries are not settled, and the tokens settled last. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

#define SETTLED_BUCKETS SETTLED_KEPT

void
settled_init(struct settled *settled)
{
	settled->tokens = xcalloc(SETTLED_KEPT, sizeof *settled->tokens);
	settled->next = xcalloc(SETTLED_KEPT, sizeof *settled->next);
	settled->buckets = xcalloc(SETTLED_BUCKETS, sizeof *settled->buckets);
	settled->reported = xcalloc(SETTLED_KEPT, sizeof *settled->reported);
	settled->at = 0;
}

void
settled_release(struct settled *settled)
{
	free(settled->tokens);
	free(settled->next);
	free(settled->buckets);
	free(settled->reported);
}

static uint16_t *
settled_bucket(const struct settled *settled, uint64_t token)
{
	return &settled->buckets[token % SETTLED_BUCKETS];
}

/* Takes the oldest token out of its chain. */
static void
settled_forget(struct settled *settled, uint32_t place)
{
	uint16_t *link;

	if (settled->tokens[place] == 0)
		return;
	link = settled_bucket(settled, settled->tokens[place]);
	while (*link != place + 1)
		link = &settled->next[*link - 1];
	*link = settled->next[place];
}

static void
settled_add(struct settled *settled, uint64_t token, bool reported)
{
	uint32_t place = settled->at++ % SETTLED_KEPT;
	uint16_t *bucket = settled_bucket(settled, token);

	settled_forget(settled, place);
	settled->tokens[place] = token;
	settled->reported[place] = reported;
	settled->next[place] = *bucket;
	*bucket = (uint16_t)(place + 1);
}

enum settled_as
settled_find(const struct settled *settled, uint64_t token)
{
	uint16_t link = *settled_bucket(settled, token);

	for (; link != 0; link = settled->next[link - 1])
		if (settled->tokens[link - 1] == token)
			return settled->reported[link - 1] ? SETTLED_REPORTED : SETTLED_VOID;
	return SETTLED_UNKNOWN;
}

struct attempt *
attempt_find(const struct engine *engine, uint64_t token)
{
	struct attempt *attempt;

	HASH_FIND(hh, engine->attempts, &token, sizeof token, attempt);
	return attempt;
}

/* run NULL: void from the start.  Units of its pool are taken by the caller. */
struct attempt *
attempt_open(struct engine *engine, struct queue *queue, struct run *run, uint32_t task,
    uint64_t token)
{
	struct attempt *attempt = xcalloc(1, sizeof *attempt);

	attempt->token = token;
	attempt->queue = queue;
	attempt->run = run;
	attempt->task = task;
	HASH_ADD(hh, engine->attempts, token, sizeof attempt->token, attempt);
	queue_entry_added(queue);
	if (run) {
		run->outstanding++;
		run->tasks[task].outstanding = true;
		attempt->pool = task_pool(run, task);
		attempt->units = run->wf->tasks[task].units;
	}
	return attempt;
}

/* The task gives its attempt up; the entry keeps its place until it is settled. */
void
attempt_void(struct engine *engine, struct run *run, uint32_t task)
{
	struct attempt *attempt = attempt_find(engine, run->tasks[task].token);

	attempt->run = NULL;
	attempt->task = TASK_NONE;
	run->outstanding--;
	run->tasks[task].outstanding = false;
}

void
attempt_hold(struct attempt *attempt, struct run *run, uint32_t task)
{
	if (attempt->holds)
		return;
	attempt->holds = run;
	attempt->task = task;
	run->voids++;
}

struct attempt *
attempt_held(const struct engine *engine, const struct run *run, uint32_t task)
{
	struct attempt *attempt = NULL;

	if (run->tasks[task].token != 0)
		attempt = attempt_find(engine, run->tasks[task].token);
	return attempt && !attempt->run ? attempt : NULL;
}

void
attempts_forget(struct engine *engine, struct run *run)
{
	struct attempt *attempt, *next;

	if (run->voids == 0)
		return;
	HASH_ITER(hh, engine->attempts, attempt, next) {
		if (attempt->holds != run)
			continue;
		attempt->holds = NULL;
		attempt->task = TASK_NONE;
	}
	run->voids = 0;
}

/* What waited for the place that is free now. */
static void
release_hold(struct turn *turn, const struct attempt *attempt)
{
	struct run *run = attempt->holds;
	struct task *task = &run->tasks[attempt->task];

	run->voids--;
	if (task->state == TASK_PENDING && task->token == attempt->token &&
	    --task->blocked == 0)
		task_make_ready(turn, run, attempt->task);
	lanes_unpark(run);
}

void
attempt_settle(struct turn *turn, struct attempt *attempt, bool reported)
{
	struct engine *engine = turn->engine;
	struct run *run = attempt->run;
	struct effect *effect =
	    effects_add(turn->effects, EFFECT_SETTLE, run, attempt->task);

	effect->u.entry.token = attempt->token;
	effect->u.entry.was_cancelled = attempt->cancelled;
	effect->u.entry.lost = !reported;
	settled_add(&engine->settled, attempt->token, reported);
	if (attempt->queue->flow)
		flow_settled(attempt->queue, attempt->token);
	queue_entry_removed(attempt->queue);
	attempt->queue->ended += reported;
	if (attempt->pool)
		pool_give(attempt->pool, attempt->units);
	if (run) {
		run->outstanding--;
		run->tasks[attempt->task].outstanding = false;
		lanes_unpark(run);
	}
	HASH_DELETE(hh, engine->attempts, attempt);
	if (attempt->holds)
		release_hold(turn, attempt);
	free(attempt);
}

/* run and task: whom it is about, also when the attempt is void already. */
void
turn_add_cancel(struct turn *turn, struct attempt *attempt, struct run *run, uint32_t task)
{
	struct effect *effect = effects_add(turn->effects, EFFECT_CANCEL, run, task);

	effect->u.entry.token = attempt->token;
	attempt->cancelled = true;
}

void
engine_pool_holders(const struct engine *engine, const struct pool *pool, pool_holder_fn *fn,
    void *arg)
{
	for (const struct attempt *at = engine->attempts; at; at = at->hh.next)
		if (at->pool == pool)
			fn(arg, at->run ? at->run : at->holds, at->task, at->units);
}
