/* SPDX-License-Identifier: MIT */
/* What memory knows of its live runs, as what should be stored: to compare, and to repair. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/internal.h"

#define SLICE 200 /* effects between two marks */

/*
 * What a load derives by itself, as it did when it was stored first: not that a task runs
 * again, nor that it stays skipped in a run that goes on.
 */
static bool
is_derived(const struct run *run, const struct task *task)
{
	if (task->attempt > 0)
		return false; /* its number never starts again */
	if (task->state == TASK_SKIPPED)
		return run->reopened_ms == 0;
	return !task_state_ended((enum task_state)task->state);
}

static void
add_timer(struct turn *turn, struct run *run, uint32_t t, struct task_record *record)
{
	int64_t due = engine_task_due(turn->engine, run, t);
	int64_t left = due == INT64_MAX ? 0 : due - turn->now->mono_ms;

	if (due == INT64_MAX)
		return;
	record->length_ms = left > 0 ? left : 1;
	record->due_ms = turn->now->wall_ms + record->length_ms;
}

/*
 * An attempt that is only queued is told by its entry; where the entries are lost too
 * (lost) every attempt is over, and none is held against its task; dead letters are
 * written again.
 */
static void
dump_task(struct turn *turn, struct run *run, uint32_t t, bool lost)
{
	const struct task *task = &run->tasks[t];
	struct effect *effect = turn_add_task(turn, run, t);
	struct task_record *record = &effect->u.task.record;
	bool queued = task->state == TASK_QUEUED;

	effect->u.task.quiet = true;
	effect->u.task.given = task_given(task);
	if (queued || (lost && task->state == TASK_RUNNING))
		record->state = TASK_READY;
	if (lost)
		record->timed_out = TIME_OUT_NONE;
	if (queued && !lost)
		record->attempt--;
	if (task->state == TASK_PENDING)
		record->ready_ms = -1;
	add_timer(turn, run, t, record);
	if (task->texts && task->texts->outputs)
		effect->u.task.outputs = xstrdup(task->texts->outputs);
	if (lost)
		task_dead_again(turn, run, t);
}

/* The run itself comes last: it is live only once it is whole. */
static void
dump_run(struct turn *turn, struct run *run, bool lost)
{
	size_t marked = turn->effects->len;

	if (lost)
		run->home = HOME_OWN; /* what Redis has of it may be older: it is written whole */
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		char *given = is_derived(run, &run->tasks[i]) ? task_given(&run->tasks[i]) : NULL;

		if (!is_derived(run, &run->tasks[i]) || given)
			dump_task(turn, run, i, lost);
		free(given);
		if (turn->effects->len - marked >= SLICE) {
			effects_mark(turn->effects, 0, 0);
			marked = turn->effects->len;
		}
	}
	turn_add_run(turn, lost ? EFFECT_RUN_NEW : EFFECT_RUN_REPAIR, run);
	effects_mark(turn->effects, 0, 0);
}

void
engine_dump(struct engine *engine, const struct moment *now, struct effects *effects)
{
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	pauses_dump(&turn);
	for (struct run *run = engine->runs; run; run = run->hh.next)
		dump_run(&turn, run, true);
	turn_end(&turn);
}

void
engine_repair_run(struct engine *engine, const struct moment *now, struct run *run,
    struct effects *effects)
{
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	dump_run(&turn, run, false);
	turn_end(&turn);
}

void
engine_repair_task(struct engine *engine, const struct moment *now, struct run *run,
    uint32_t task, struct effects *effects)
{
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	dump_task(&turn, run, task, false);
	effects_mark(effects, 0, 0);
	turn_end(&turn);
}

/* Only what is surely stored as memory has it once all commits are confirmed. */
bool
engine_stored_as(const struct run *run, uint32_t t, const struct task_record *record)
{
	const struct task *task = &run->tasks[t];
	bool told = task->state == TASK_RUNNING || task->state == TASK_WAITING ||
	    task->state == TASK_SUCCEEDED || task->state == TASK_FAILED;

	if (!told || task->attempt == 0)
		return true;
	return record && (uint8_t)record->state == task->state &&
	    record->attempt == task->attempt && record->token == task->token;
}

bool
engine_run_stuck(const struct run *run)
{
	/* what runs again may wait until its last attempt is settled: a void one */
	if (run->open == 0 || run->outstanding > 0 || run->voids > 0 || run->fetching > 0 ||
	    run->reopening || run->intent != INTENT_NONE)
		return false;
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (!task_state_ended((enum task_state)run->tasks[i].state) &&
		    run->tasks[i].state != TASK_PENDING)
			return false;
	return true;
}
