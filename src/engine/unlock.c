/* SPDX-License-Identifier: MIT */
/* What the end of a task means for its dependents, and the end of a run. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/internal.h"

#define SKIP_NOTES_MAX 200

struct lane *
task_lane(const struct run *run, uint32_t task)
{
	const struct task_texts *texts = run->tasks[task].texts;
	uint32_t i = run->plan->lane_of[task];

	if (texts && texts->boosted && run->boosted)
		return &run->boosted[i];
	return &run->lanes[run->lanes[i].home];
}

/* Ready already: into its lane. */
void
task_line_up(struct run *run, uint32_t task)
{
	lane_push(task_lane(run, task), task);
}

/* At a load: when the last of its needs had ended, or the run was opened again. */
void
task_restore_ready_time(struct run *run, uint32_t task)
{
	const struct task_def *def = &run->wf->tasks[task];
	int64_t at = run->reopened_ms > run->created_ms ? run->reopened_ms - run->created_ms : 0;

	for (uint32_t i = 0; i < def->n_needs; i++) {
		int64_t ended = run->tasks[def->needs[i].task].finished_ms;

		at = ended > at ? ended : at;
	}
	run->tasks[task].ready_ms = run->tasks[task].begun_ms = at;
}

void
task_make_ready(struct turn *turn, struct run *run, uint32_t task)
{
	task_set_state(run, task, TASK_READY, turn->now);
	if (turn->loading && run->tasks[task].attempt == 0)
		task_restore_ready_time(run, task); /* what runs again begins now */
	task_line_up(run, task);
	task_arm_limits(turn, run, task);
}

/* because: the task whose end made it impossible, or TASK_NONE: the run stops. */
void
task_skip(struct turn *turn, struct run *run, uint32_t task, uint32_t because)
{
	task_disarm(turn->engine, run, task);
	task_set_state(run, task, TASK_SKIPPED, turn->now);
	if (turn->loading && because != TASK_NONE)
		run->tasks[task].finished_ms = run->tasks[because].finished_ms;
	if (++turn->skipped > SKIP_NOTES_MAX)
		return;
	turn_note(turn, run, task, "task.skipped",
	    because == TASK_NONE ? NULL
	                         : xasprintf("{\"because\":\"%s\"}", run->wf->tasks[because].id));
}

/* Many skips: one note for all that had none of their own. */
void
turn_flush_skips(struct turn *turn, struct run *run)
{
	if (turn->skipped > SKIP_NOTES_MAX)
		turn_note(turn, run, TASK_NONE, "run.tasks_skipped",
		    xasprintf("{\"count\":%zu}", turn->skipped - SKIP_NOTES_MAX));
	turn->skipped = 0;
}

static bool
need_met(enum need_on on, enum task_state state, bool continue_on_error)
{
	switch (on) {
	case NEED_SUCCESS:
		return state == TASK_SUCCEEDED || (state == TASK_FAILED && continue_on_error);
	case NEED_FAILURE:
		return state == TASK_FAILED;
	case NEED_SKIPPED:
		return state == TASK_SKIPPED;
	case NEED_DONE:
		break;
	}
	return true;
}

bool
need_is_met(const struct run *run, const struct need *need)
{
	return need_met(need->on, (enum task_state)run->tasks[need->task].state,
	    run->wf->tasks[need->task].continue_on_error);
}

/* An unended task may read what it needs and what its body names. */
void
task_hold_reads(struct run *run, uint32_t task)
{
	uint32_t read;

	for (uint32_t i = 0; (read = task_read_at(run, task, i)) != TASK_NONE; i++)
		run->tasks[read].readers++;
}

static void
release_reads(struct engine *engine, struct run *run, uint32_t task)
{
	uint32_t read;

	for (uint32_t i = 0; (read = task_read_at(run, task, i)) != TASK_NONE; i++)
		if (--run->tasks[read].readers == 0)
			outputs_drop(engine, &run->tasks[read]);
}

/* Tells each pending dependent; the skipped ones join the work list behind tail. */
static uint32_t
unlock_dependents(struct turn *turn, struct run *run, uint32_t ended, uint32_t tail)
{
	const struct plan *plan = run->plan;
	enum task_state state = (enum task_state)run->tasks[ended].state;
	bool forgiven = run->wf->tasks[ended].continue_on_error;

	for (uint32_t i = plan->out_start[ended]; i < plan->out_start[ended + 1]; i++) {
		uint32_t task = EDGE_TASK(plan->out[i]);

		if (run->tasks[task].state != TASK_PENDING)
			continue;
		if (!need_met(EDGE_ON(plan->out[i]), state, forgiven)) {
			task_skip(turn, run, task, ended);
			run->tasks[tail].next = task;
			tail = task;
		} else if (--run->tasks[task].blocked == 0) {
			task_make_ready(turn, run, task);
		}
	}
	return tail;
}

/*
 * first: a task that has just ended, or a list of such through task->next.  A
 * work list instead of recursion: chains may be 100,000 tasks long.
 */
void
tasks_unlock(struct turn *turn, struct run *run, uint32_t first)
{
	uint32_t tail = first;

	while (run->tasks[tail].next != TASK_NONE)
		tail = run->tasks[tail].next;
	while (first != TASK_NONE) {
		uint32_t next;

		if (!turn->loading)
			release_reads(turn->engine, run, first);
		tail = unlock_dependents(turn, run, first, tail);
		next = run->tasks[first].next;
		run->tasks[first].next = TASK_NONE;
		first = next;
	}
	turn_flush_skips(turn, run);
}

static enum run_state
run_final_state(const struct run *run)
{
	static const enum run_state by_intent[INTENT_COUNT] = {
		[INTENT_STOP] = RUN_FAILED,
		[INTENT_ABORT] = RUN_FAILED,
		[INTENT_CANCEL] = RUN_CANCELLED,
		[INTENT_TIMEOUT] = RUN_TIMED_OUT,
	};

	if (run->intent != INTENT_NONE)
		return by_intent[run->intent];
	if (run->broken > 0)
		return RUN_FAILED;
	return run->cancelled > 0 ? RUN_CANCELLED : RUN_SUCCEEDED;
}

void
run_check_end(struct turn *turn, struct run *run)
{
	if (run->open > 0 || run->reopening || run_state_ended((enum run_state)run->state))
		return;
	run->state = (uint8_t)run_final_state(run);
	run->finished_ms = turn->now->wall_ms;
	run->version++;
	turn_add_run(turn, EFFECT_RUN_END, run);
	run_detach(turn->engine, run);
}
