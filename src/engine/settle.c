/* SPDX-License-Identifier: MIT */
/* Attempts whose stream entries are not settled, and the tokens settled last. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/internal.h"

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

/* run NULL: void from the start. */
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
attempt_settle(struct turn *turn, struct attempt *attempt, bool reported)
{
	struct engine *engine = turn->engine;
	struct run *run = attempt->run;
	struct effect *effect =
	    effects_add(turn->effects, EFFECT_SETTLE, run, attempt->task);

	effect->u.entry.token = attempt->token;
	effect->u.entry.was_cancelled = attempt->cancelled;
	settled_add(&engine->settled, attempt->token, reported);
	queue_entry_removed(attempt->queue);
	if (run) {
		run->outstanding--;
		run->tasks[attempt->task].outstanding = false;
		lanes_unpark(run, run->plan->n_lanes);
	}
	HASH_DELETE(hh, engine->attempts, attempt);
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
