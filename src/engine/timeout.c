/* SPDX-License-Identifier: MIT */
/*
 * The limits of a task's time: of an attempt, of waiting for an agent, of all attempts; and
 * a provider's limit on a whole type.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/internal.h"

/* What is left of a limit that counts from since (ms after the run's creation). */
static int64_t
left_of(const struct turn *turn, const struct run *run, int64_t since, int64_t length)
{
	int64_t left = run->created_ms + since + length - turn->now->wall_ms;

	return left < 0 ? 0 : left > length ? length : left;
}

/* It is ready, or was when it was handed out. */
void
task_arm_limits(struct turn *turn, struct run *run, uint32_t t)
{
	const struct task_def *def = &run->wf->tasks[t];
	const struct task *task = &run->tasks[t];
	struct engine *engine = turn->engine;
	int64_t now = turn->now->mono_ms;

	if (def->queue_timeout_ms > 0 &&
	    (task->timed_out == TIME_OUT_NONE || task->timed_out == TIME_OUT_HELD) &&
	    (task->state == TASK_READY || task->state == TASK_QUEUED))
		heap_set(&engine->heap, run, t,
		    now + left_of(turn, run, task->ready_ms, def->queue_timeout_ms));
	if (def->total_timeout_ms > 0 && task->timed_out != TIME_OUT_TOTAL &&
	    task->total_timer == TASK_NONE)
		heap_set(&engine->totals, run, t,
		    now + left_of(turn, run, task->begun_ms, def->total_timeout_ms));
}

void
task_disarm(struct engine *engine, struct run *run, uint32_t t)
{
	heap_remove(&engine->heap, run, t);
	heap_remove(&engine->totals, run, t);
}

/* Of its total timeout; INT64_MAX when it has none. */
int64_t
task_total_left(const struct turn *turn, const struct run *run, uint32_t t)
{
	int64_t due = heap_due(&turn->engine->totals, run, t);

	return due == INT64_MAX ? INT64_MAX : due - turn->now->mono_ms;
}

/* --- the end of a time ------------------------------------------------------ */

static void
attempt_timed_out(struct turn *turn, struct run *run, uint32_t t)
{
	char length[DURATION_SIZE];
	char *message = xasprintf("timed out after %s",
	    duration_format(run->wf->tasks[t].timeout_ms, length));
	struct failure failure = { .category = CATEGORY_TIMEOUT, .message = message,
		.exit_code = -1, .retryable = -1 };

	task_attempt_failed(turn, run, t, &failure);
	free(message);
}

static void
queue_timed_out(struct turn *turn, struct run *run, uint32_t t)
{
	const struct task_def *def = &run->wf->tasks[t];
	char length[DURATION_SIZE];
	char *message = xasprintf("no agent of type %s began with it within %s", def->agent,
	    duration_format(def->queue_timeout_ms, length));
	struct failure failure = { .category = CATEGORY_QUEUE_TIMEOUT, .message = message,
		.exit_code = -1, .retryable = -1 };

	task_attempt_failed(turn, run, t, &failure);
	free(message);
}

static void
total_timed_out(struct turn *turn, struct run *run, uint32_t t)
{
	char length[DURATION_SIZE];
	char *message = xasprintf("not done within its total timeout of %s",
	    duration_format(run->wf->tasks[t].total_timeout_ms, length));
	struct failure failure = { .category = CATEGORY_TIMEOUT, .message = message,
		.exit_code = -1 };

	task_fail(turn, run, t, &failure);
	free(message);
}

static void
taken_back(struct turn *turn, struct run *run, uint32_t t)
{
	run->tasks[t].timed_out = TIME_OUT_NONE;
	task_released(turn, run, t);
}

/* Its entry, if it had one, is settled now. */
void
task_timed_out(struct turn *turn, struct run *run, uint32_t t)
{
	static void (*const by_kind[])(struct turn *, struct run *, uint32_t) = {
		[TIME_OUT_ATTEMPT] = attempt_timed_out,
		[TIME_OUT_QUEUE] = queue_timed_out,
		[TIME_OUT_TOTAL] = total_timed_out,
		[TIME_OUT_HELD] = taken_back,
	};

	by_kind[run->tasks[t].timed_out](turn, run, t);
}

/* The next attempt would begin behind the total timeout: no use in waiting for it. */
void
task_out_of_time(struct turn *turn, struct run *run, uint32_t t,
    const struct failure *failure)
{
	char length[DURATION_SIZE];
	bool said = failure->message && failure->message[0];
	struct failure over = *failure;
	char *message = xasprintf("%.2000s; the next attempt would begin after its total timeout "
	    "of %s", said ? failure->message : category_name(failure->category),
	    duration_format(run->wf->tasks[t].total_timeout_ms, length));

	over.category = CATEGORY_TIMEOUT;
	over.message = message;
	task_fail(turn, run, t, &over);
	free(message);
}

/* Its entry is to be withdrawn for this alone: an agent that has it settles the matter. */
bool
task_waits_for_agent(const struct task *task)
{
	return task->timed_out == TIME_OUT_QUEUE || task->timed_out == TIME_OUT_HELD;
}

/* --- timers ------------------------------------------------------------------ */

static void
tell_agent(struct turn *turn, struct run *run, uint32_t t)
{
	struct attempt *attempt = attempt_find(turn->engine, run->tasks[t].token);

	if (attempt && !attempt->cancelled)
		turn_add_cancel(turn, attempt, run, t);
}

void
turn_add_withdraw(struct turn *turn, struct run *run, uint32_t t)
{
	effects_add(turn->effects, EFFECT_WITHDRAW, run, t)->u.entry.token =
	    run->tasks[t].token;
}

/* The outcome waits for the entry; stored first, for the entry may be gone soon. */
static void
note_time_out(struct turn *turn, struct run *run, uint32_t t, enum time_out kind)
{
	run->tasks[t].timed_out = (uint8_t)kind;
	run->version++;
	turn_add_task(turn, run, t)->u.task.quiet = true;
}

/* For later, if no agent has it; one that is to be withdrawn already stays what it is. */
void
task_take_back(struct turn *turn, struct run *run, uint32_t t)
{
	if (run->tasks[t].state != TASK_QUEUED || run->tasks[t].timed_out)
		return;
	note_time_out(turn, run, t, TIME_OUT_HELD);
	turn_add_withdraw(turn, run, t);
}

/*
 * A provider's limit: nothing is handed out until then, and what no agent has taken yet
 * is taken back, or the agents would run into the limit with each of it.
 */
void
type_hold(struct turn *turn, struct queue *queue, int64_t until_ms)
{
	bool held = queue->held_until > 0;
	struct attempt *attempt, *next;
	size_t marked = turn->effects->len;

	queue_hold(queue, until_ms);
	if (held)
		return;
	HASH_ITER(hh, turn->engine->attempts, attempt, next) {
		if (attempt->queue != queue || !attempt->run)
			continue;
		task_take_back(turn, attempt->run, attempt->task);
		if (turn->effects->len - marked >= SLICE) {
			effects_mark(turn->effects, 0, 0);
			marked = turn->effects->len;
		}
	}
}

/* The attempt's timeout, or the queue's as long as no agent has begun. */
void
task_overdue(struct turn *turn, struct run *run, uint32_t t)
{
	struct task *task = &run->tasks[t];

	if (task->state == TASK_READY) {
		lane_remove(task_lane(run, t), t);
		task->timed_out = TIME_OUT_QUEUE;
		task_timed_out(turn, run, t);
	} else if (task->state == TASK_QUEUED) {
		note_time_out(turn, run, t, TIME_OUT_QUEUE);
		turn_add_withdraw(turn, run, t);
	} else if (task->timed_out == TIME_OUT_NONE) {
		note_time_out(turn, run, t, TIME_OUT_ATTEMPT);
		tell_agent(turn, run, t);
	}
}

/* An agent may take a queued task at this moment: it is told as well. */
void
task_total_overdue(struct turn *turn, struct run *run, uint32_t t)
{
	struct task *task = &run->tasks[t];

	heap_remove(&turn->engine->heap, run, t);
	if (task->outstanding) {
		note_time_out(turn, run, t, TIME_OUT_TOTAL);
		tell_agent(turn, run, t);
		if (task->state == TASK_QUEUED)
			turn_add_withdraw(turn, run, t);
		return;
	}
	if (task->state == TASK_READY)
		lane_remove(task_lane(run, t), t);
	task->timed_out = TIME_OUT_TOTAL;
	task_timed_out(turn, run, t);
}

void
engine_withdrawn(struct engine *engine, const struct moment *now, uint64_t token,
    bool withdrawn, struct effects *effects)
{
	struct attempt *attempt = attempt_find(engine, token);
	struct run *run = attempt ? attempt->run : NULL;
	uint32_t t = attempt ? attempt->task : TASK_NONE;
	struct turn turn;

	if (!attempt || (!run && !withdrawn))
		return;
	turn_begin(&turn, engine, now, effects);
	if (withdrawn)
		attempt_settle(&turn, attempt, false);
	if (run && withdrawn) {
		heap_remove(&engine->heap, run, t);
		if (run->tasks[t].timed_out)
			task_timed_out(&turn, run, t);
		else
			task_released(&turn, run, t);
	} else if (run && task_waits_for_agent(&run->tasks[t])) {
		/* an agent was faster: it has begun in time */
		note_time_out(&turn, run, t, TIME_OUT_NONE);
	}
	turn_end(&turn);
}
