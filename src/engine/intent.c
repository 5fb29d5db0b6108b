/* SPDX-License-Identifier: MIT */
/* What happens to all of a run at once: stop, abort, cancel, timeout. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/internal.h"

static void
clear_lanes(struct run *run)
{
	for (uint32_t i = 0; i < run_lanes(run); i++)
		lane_clear(run_lane(run, i));
}

/* Also once the wait is over: what is stored says waiting, and a load must agree. */
static bool
waits(const struct task *task)
{
	return task->state == TASK_WAITING || task->waited;
}

/* Skips what has not begun.  Returns how many tasks wait to be tried again. */
static uint32_t
skip_unbegun(struct turn *turn, struct run *run)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		enum task_state state = (enum task_state)run->tasks[i].state;

		if (waits(&run->tasks[i]))
			waiting++;
		else if (state == TASK_PENDING || state == TASK_READY)
			task_skip(turn, run, i, TASK_NONE);
	}
	turn_flush_skips(turn, run);
	return waiting;
}

static void
fail_waiting(struct turn *turn, struct run *run, uint32_t waiting)
{
	size_t marked = turn->effects->len;

	for (uint32_t i = 0; waiting > 0; i++) {
		if (!waits(&run->tasks[i]))
			continue;
		task_fail_stopped(turn, run, i);
		waiting--;
		if (turn->effects->len - marked >= SLICE) {
			effects_mark(turn->effects, 0, 0);
			marked = turn->effects->len;
		}
	}
}

/* The intent goes before what follows from it, so that a load can do the rest. */
static void
stop_tasks(struct turn *turn, struct run *run)
{
	uint32_t waiting = skip_unbegun(turn, run);

	if (run->open > 0 && !turn->loading)
		turn_add_run(turn, EFFECT_RUN_UPDATE, run);
	fail_waiting(turn, run, waiting);
	run_check_end(turn, run);
}

/* Attempts become void before their tasks end: nothing of a run outlives it. */
static uint32_t
cancel_tasks(struct turn *turn, struct run *run)
{
	uint32_t told = 0;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		struct task *task = &run->tasks[i];

		if (task_state_ended((enum task_state)task->state))
			continue;
		task_disarm(turn->engine, run, i);
		if (task->outstanding) {
			attempt_void(turn->engine, run, i);
			told++;
		}
		task_set_state(run, i, TASK_CANCELLED, turn->now);
	}
	return told;
}

/*
 * An attempt that nobody has begun is taken back if nobody has it.  Its number stands in
 * its entry alone: it is stored, so that a retry counts on from it.
 */
static void
recall_attempt(struct turn *turn, struct run *run, uint32_t t)
{
	struct effect *effect;

	if (run->tasks[t].started_ms >= 0)
		return;
	turn_add_withdraw(turn, run, t);
	effect = turn_add_task(turn, run, t);
	effect->u.task.record.state = TASK_QUEUED; /* the intent says how it ended */
	effect->u.task.record.finished_ms = -1;
	effect->u.task.quiet = true;
}

/* Tells the agents, in slices. */
static void
cancel_attempts(struct turn *turn, struct run *run)
{
	size_t marked = turn->effects->len;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		struct attempt *attempt = attempt_held(turn->engine, run, i);

		if (!attempt || run->tasks[i].state != TASK_CANCELLED)
			continue;
		if (!attempt->cancelled)
			turn_add_cancel(turn, attempt, run, i);
		recall_attempt(turn, run, i);
		if (turn->effects->len - marked >= SLICE) {
			effects_mark(turn->effects, 0, 0);
			marked = turn->effects->len;
		}
	}
}

static void
set_error(struct run *run, enum run_intent intent)
{
	char length[DURATION_SIZE];

	if (intent == INTENT_TIMEOUT && !run->error)
		run->error = xasprintf("timed out after %s",
		    duration_format(run->wf->timeout_ms, length));
}

/* Also done again at load, where the stored intent is all that is left of it. */
void
run_set_intent(struct turn *turn, struct run *run, enum run_intent intent)
{
	uint32_t told;

	run_ref(run);
	run->intent = (uint8_t)intent;
	run->version++;
	set_error(run, intent);
	clear_lanes(run);
	if (intent == INTENT_STOP) {
		stop_tasks(turn, run);
	} else {
		told = cancel_tasks(turn, run);
		if (told > SLICE && !turn->loading) { /* a load does the rest */
			turn_add_run(turn, EFFECT_RUN_UPDATE, run);
			effects_mark(turn->effects, 0, 0);
		}
		if (told > 0)
			cancel_attempts(turn, run);
		run_check_end(turn, run);
	}
	run_unref(run);
}
