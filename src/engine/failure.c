/* SPDX-License-Identifier: MIT */
/* Attempts that did not succeed: tried again, handed out again, or failed for good. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

#define MESSAGE_MAX 4096

static void
add_number(struct buf *buf, const char *name, int number, bool known)
{
	buf_printf(buf, ",\"%s\":", name);
	if (known)
		buf_addi(buf, number);
	else
		buf_adds(buf, "null");
}

static char *
error_json(const struct failure *failure)
{
	struct buf buf = { 0 };
	const char *message = failure->message ? failure->message : "";

	buf_printf(&buf, "{\"category\":\"%s\",\"message\":", category_name(failure->category));
	buf_add_json(&buf, message, strnlen(message, MESSAGE_MAX));
	add_number(&buf, "exit_code", failure->exit_code, failure->exit_code >= 0);
	add_number(&buf, "signal", failure->signal, failure->signal > 0);
	buf_addc(&buf, '}');
	return buf_steal(&buf);
}

static const char *
failure_text(const struct failure *failure)
{
	return failure->message && failure->message[0] ? failure->message
	                                               : category_name(failure->category);
}

/*
 * With what was handed out: what it reads is still held, the task has only just ended.  Where
 * memory does not hold it, the entry of the attempt does.
 */
static void
add_dead(struct turn *turn, struct run *run, uint32_t t, const struct failure *failure)
{
	const struct task_texts *texts = run->tasks[t].texts;
	struct rendered rendered = { 0 };
	struct effect *effect;
	struct err err;
	bool far = task_reads_far(run, t);

	if (!far)
		(void)task_render(turn->engine, run, t, &rendered, &err); /* else it has no body */
	effect = effects_add(turn->effects, EFFECT_DEAD, run, t);
	effect->u.dead.token = far ? run->tasks[t].token : 0;
	effect->u.dead.category = failure->category;
	effect->u.dead.attempts = run->tasks[t].attempt;
	effect->u.dead.crashes = run->tasks[t].crashes;
	effect->u.dead.reason = xstrndup(failure_text(failure), MESSAGE_MAX);
	effect->u.dead.agent = texts && texts->agent ? xstrdup(texts->agent) : NULL;
	effect->u.dead.body = rendered.body;
	effect->u.dead.body_len = rendered.body_len;
	effect->u.dead.body_owned = rendered.body_owned;
	effect->u.dead.meta = rendered.meta;
}

/* Its letter was lost: why it failed is no longer known in words. */
void
task_dead_again(struct turn *turn, struct run *run, uint32_t t)
{
	struct failure failure = { .category = (enum category)run->tasks[t].last_category,
		.message = "failed for good before redis lost its state", .exit_code = -1 };

	if (run->tasks[t].state == TASK_FAILED && !run->wf->tasks[t].continue_on_error)
		add_dead(turn, run, t, &failure);
}

/* Failed for good: record, dead letter, the run's error.  error: owned, or NULL. */
static void
end_failed(struct turn *turn, struct run *run, uint32_t t, const struct failure *failure,
    char *error)
{
	const struct task_def *def = &run->wf->tasks[t];

	run->tasks[t].last_category = (uint8_t)failure->category;
	run->tasks[t].timed_out = TIME_OUT_NONE;
	task_disarm(turn->engine, run, t);
	task_set_state(run, t, TASK_FAILED, turn->now);
	turn_add_task(turn, run, t)->u.task.error = error;
	if (def->continue_on_error)
		return;
	run->broken++;
	add_dead(turn, run, t, failure);
	if (!run->error)
		run->error = xasprintf("task %s failed: %.400s", def->id, failure_text(failure));
}

void
task_fail(struct turn *turn, struct run *run, uint32_t t, const struct failure *failure)
{
	static const enum run_intent by_policy[] = {
		[FAIL_FINISH] = INTENT_NONE,
		[FAIL_STOP] = INTENT_STOP,
		[FAIL_CANCEL] = INTENT_ABORT,
	};
	enum run_intent intent = by_policy[run->wf->fail];

	end_failed(turn, run, t, failure, error_json(failure));
	tasks_unlock(turn, run, t);
	if (intent != INTENT_NONE && run->intent == INTENT_NONE &&
	    !run->wf->tasks[t].continue_on_error)
		run_set_intent(turn, run, intent);
	else
		run_check_end(turn, run);
}

/* Was waiting to be tried again when its run stopped; its stored error stays. */
void
task_fail_stopped(struct turn *turn, struct run *run, uint32_t t)
{
	enum category category = (enum category)run->tasks[t].last_category;
	char *message = xasprintf("%s, and the run stopped before it was tried again",
	    category == CATEGORY_NONE ? "failed" : category_name(category));
	struct failure failure = { .category = category, .message = message, .exit_code = -1 };

	end_failed(turn, run, t, &failure, NULL);
	free(message);
}

static struct queue *
queue_of(const struct run *run, uint32_t t)
{
	return run->plan->lanes[run->plan->lane_of[t]].strand->queue;
}

/* A task's own policy, or that of its agent type. */
static const struct retry_policy *
retry_of(const struct run *run, uint32_t t)
{
	const struct retry_policy *own = run->wf->tasks[t].retry;
	const struct queue *queue = queue_of(run, t);

	return own->given || !queue->retry ? own : queue->retry;
}

/* Of its current attempt, which an agent had. */
void
task_note_outcome(struct turn *turn, struct run *run, uint32_t t, enum flow_outcome outcome,
    enum category category)
{
	struct queue *queue = queue_of(run, t);

	if (outcome == FLOW_SUCCEEDED || outcome == FLOW_FAILED)
		queue->failure_rate = retry_rate(queue->failure_rate, outcome == FLOW_FAILED);
	if (queue->flow)
		flow_note(turn, queue, run, t, outcome, category);
	if (task_pool(run, t))
		pool_note(turn, task_pool(run, t), run, t, outcome, category);
}

/* Unless there would be no time for it. */
static void
try_later(struct turn *turn, struct run *run, uint32_t t, int64_t delay,
    const struct failure *failure)
{
	if (delay >= task_total_left(turn, run, t))
		task_out_of_time(turn, run, t, failure);
	else
		task_wait(turn, run, t, delay)->u.task.error = error_json(failure);
}

void
task_attempt_failed(struct turn *turn, struct run *run, uint32_t t,
    const struct failure *failure)
{
	const struct retry_policy *policy = retry_of(run, t);
	struct task *task = &run->tasks[t];
	int64_t delay;

	if (task->failures < UINT16_MAX)
		task->failures++;
	task->last_category = (uint8_t)failure->category;
	task->timed_out = TIME_OUT_NONE;
	if (failure->category != CATEGORY_QUEUE_TIMEOUT)
		task_note_outcome(turn, run, t, FLOW_FAILED, failure->category);
	if (run->intent != INTENT_NONE || !retry_allowed(policy, failure, task->failures)) {
		task_fail(turn, run, t, failure);
		return;
	}
	delay = retry_delay(policy, failure, task->failures, queue_of(run, t)->failure_rate,
	    turn_chance(turn));
	try_later(turn, run, t, delay, failure);
}

/*
 * Uses up no attempt.  The limit is a provider's: the whole pool waits, or the type of a
 * task that has none.
 */
void
task_throttled(struct turn *turn, struct run *run, uint32_t t, int64_t retry_after_ms,
    const struct failure *failure)
{
	struct queue *queue = queue_of(run, t);
	struct pool *pool = task_pool(run, t);
	int64_t delay;

	if (run->intent != INTENT_NONE) {
		task_fail(turn, run, t, failure);
		return;
	}
	run->tasks[t].last_category = CATEGORY_THROTTLED;
	if (pool) /* the limit is the pool's, not the type's */
		pool_note(turn, pool, run, t, FLOW_THROTTLED, CATEGORY_THROTTLED);
	else
		task_note_outcome(turn, run, t, FLOW_THROTTLED, CATEGORY_THROTTLED);
	delay = retry_throttle_delay(retry_after_ms, turn_chance(turn));
	try_later(turn, run, t, delay, failure);
	/* last: it may take slices */
	if (pool)
		pool_hold_tasks(turn, pool, turn->now->mono_ms + delay);
	else
		type_hold(turn, queue, turn->now->mono_ms + delay);
}

/* Stored, so that attempt numbers never start again. */
void
task_released(struct turn *turn, struct run *run, uint32_t t)
{
	if (run->intent == INTENT_NONE) {
		task_make_ready(turn, run, t);
		turn_add_task(turn, run, t);
		return;
	}
	task_set_state(run, t, TASK_READY, turn->now);
	turn_add_task(turn, run, t);
	task_skip(turn, run, t, TASK_NONE);
	tasks_unlock(turn, run, t);
	run_check_end(turn, run);
}

void
task_crashed(struct turn *turn, struct run *run, uint32_t t)
{
	struct failure failure = { .category = CATEGORY_POISON, .exit_code = -1 };
	uint32_t poison = retry_of(run, t)->poison;
	struct task *task = &run->tasks[t];
	int64_t delay;
	char *message;

	if (task->crashes < UINT16_MAX)
		task->crashes++;
	task->last_category = CATEGORY_LOST;
	task_note_outcome(turn, run, t, FLOW_LOST, CATEGORY_LOST);
	if (poison > 0 && task->crashes >= poison) {
		message = xasprintf("its agent was lost %u times", (unsigned)task->crashes);
		failure.message = message;
		task_fail(turn, run, t, &failure);
		free(message);
		return;
	}
	delay = retry_crash_delay(task->crashes);
	if (delay == 0 || run->intent != INTENT_NONE)
		task_released(turn, run, t);
	else
		task_wait(turn, run, t, delay);
}
