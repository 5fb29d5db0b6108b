/* SPDX-License-Identifier: MIT */
/* One task of a run is cancelled. */
#include "engine/internal.h"

/*
 * Whoever works on it is told, and what nobody has is taken back; its place in the run is
 * free once the entry is settled.
 * Its state is all that is said here: its record and its dependents are the caller's.
 */
void
task_cancel(struct turn *turn, struct run *run, uint32_t t)
{
	struct task *task = &run->tasks[t];
	bool queued = task->state == TASK_QUEUED;
	struct attempt *attempt;

	task_disarm(turn->engine, run, t);
	if (task->state == TASK_READY)
		lane_remove(task_lane(run, t), t);
	if (task->outstanding) {
		attempt = attempt_find(turn->engine, task->token);
		attempt_void(turn->engine, run, t);
		attempt_hold(attempt, run, t);
		if (!attempt->cancelled)
			turn_add_cancel(turn, attempt, run, t);
		if (queued)
			turn_add_withdraw(turn, run, t);
	}
	task->timed_out = TIME_OUT_NONE;
	task_set_state(run, t, TASK_CANCELLED, turn->now);
}

int
engine_cancel_task(struct engine *engine, const struct moment *now, struct run *run,
    uint32_t t, struct effects *effects, struct err *err)
{
	enum task_state state = (enum task_state)run->tasks[t].state;
	struct turn turn;

	if (run_state_ended((enum run_state)run->state) || task_state_ended(state))
		return err_set(err, ERR_CONFLICT, "task \"%s\" has ended: it is %s",
		    run->wf->tasks[t].id, task_state_name(state));
	turn_begin(&turn, engine, now, effects);
	task_cancel(&turn, run, t);
	turn_add_task(&turn, run, t);
	tasks_unlock(&turn, run, t);
	run_check_end(&turn, run);
	turn_end(&turn);
	return 0;
}
