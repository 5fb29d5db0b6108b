/* SPDX-License-Identifier: MIT */
/* Ready tasks become entries of task streams. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "engine/internal.h"
#include "engine/pool.h"

static uint64_t
new_token(struct engine *engine)
{
	uint64_t token;

	do
		token = rng_u64(engine->rng);
	while (token == 0 || attempt_find(engine, token));
	return token;
}

/* The stream entry itself is the durable record of 'queued'. */
static void
hand_out(struct turn *turn, struct queue *queue, struct run *run, uint32_t t,
    const struct rendered *rendered)
{
	struct task *task = &run->tasks[t];
	struct effect *effect;

	task->token = new_token(turn->engine);
	task->attempt++;
	task->timed_out = TIME_OUT_NONE;
	task_set_state(run, t, TASK_QUEUED, turn->now);
	attempt_open(turn->engine, queue, run, t, task->token);
	effect = effects_add(turn->effects, EFFECT_DISPATCH, run, t);
	effect->u.dispatch.queue = queue;
	effect->u.dispatch.token = task->token;
	effect->u.dispatch.attempt = task->attempt;
	effect->u.dispatch.body = rendered->body;
	effect->u.dispatch.body_len = rendered->body_len;
	effect->u.dispatch.body_owned = rendered->body_owned;
	effect->u.dispatch.meta = rendered->meta;
	if (queue->flow)
		flow_started(turn, queue, task->token);
	if (task_pool(run, t))
		pool_started(turn, task_pool(run, t));
}

/* false: it failed at once, because it could not be rendered. */
bool
task_dispatch(struct turn *turn, struct queue *queue, struct run *run, uint32_t task)
{
	struct failure failure = { .category = CATEGORY_REJECTED, .exit_code = -1 };
	struct rendered rendered = { 0 };
	struct err err = { 0 };
	char *refusal = task_is_over(turn->engine, run, task)
	    ? budget_refusal(turn->engine, run, task)
	    : NULL;
	bool handed_out = !refusal && task_render(turn->engine, run, task, &rendered, &err) == 0;

	if (handed_out) {
		hand_out(turn, queue, run, task, &rendered);
	} else {
		failure.message = refusal ? refusal : err.text;
		task_fail(turn, run, task, &failure);
	}
	free(refusal);
	effects_mark(turn->effects, 0, 0);
	return handed_out;
}

/* Nobody can give what it asks for: failed at once, with what would mend it. */
static void
refuse_units(struct turn *turn, struct run *run, uint32_t t, const struct pool *pool)
{
	char *message = xasprintf("needs %u units of pool %s, which has %u: lower units in the "
	    "workflow, or raise pools.%s.units in the configuration", run->wf->tasks[t].units,
	    pool->name, pool->limits.units, pool->name);
	struct failure failure = { .category = CATEGORY_REJECTED, .message = message,
		.exit_code = -1 };

	task_fail(turn, run, t, &failure);
	effects_mark(turn->effects, 0, 0);
	free(message);
}

/* It has been taken out of its lane.  Whether it was handed out. */
static bool
start_task(struct turn *turn, struct queue *queue, struct run *run, uint32_t t, bool far)
{
	struct pool *pool = task_pool(run, t);
	uint32_t units = run->wf->tasks[t].units;

	if (pool && pool->limits.units > 0 && units > pool->limits.units) {
		refuse_units(turn, run, t, pool);
		return false;
	}
	if (pool)
		pool_take(pool, units, turn->now->mono_ms);
	if (far)
		fetch_for(turn->engine, queue, run, t);
	else if (task_dispatch(turn, queue, run, t))
		return true;
	else if (pool)
		pool_untake(pool, units, turn->now->mono_ms);
	return false;
}

size_t
engine_dispatch(struct engine *engine, const struct moment *now, size_t max,
    struct effects *effects)
{
	struct queue *queue;
	struct turn turn;
	struct run *run;
	uint32_t task;
	size_t n = 0, tried = 0;
	bool far;

	if (engine_starts_nothing(engine))
		return 0;
	turn_begin(&turn, engine, now, effects);
	engine->queues.dispatch++;
	while (tried < max && (queue = queues_turn(&engine->queues))) {
		if (!queue_peek(queue, &run, &task))
			continue;
		far = task_reads_far(run, task) && task_inputs_fit(engine, run, task);
		if (far && !fetch_room(engine))
			break; /* answers come soon, and start the next dispatch */
		(void)queue_pop(queue, &run, &task);
		tried++;
		n += start_task(&turn, queue, run, task, far);
	}
	fetches_ask(&turn);
	turn_end(&turn);
	return n;
}
