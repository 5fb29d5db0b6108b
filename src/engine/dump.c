/* SPDX-License-Identifier: MIT */
/* All that memory knows of its live runs, as effects: for a Redis that lost it. */
#include "base/mem.h"
#include "engine/internal.h"

#define SLICE 200 /* effects between two marks */

/* What a load derives by itself, as it did when the state was lost. */
static bool
is_derived(const struct task *task)
{
	return task->state == TASK_PENDING || task->state == TASK_SKIPPED ||
	    (task->attempt == 0 && !task_state_ended((enum task_state)task->state));
}

static void
dump_wait(struct turn *turn, struct run *run, uint32_t t, struct task_record *record)
{
	int64_t left = engine_task_due(turn->engine, run, t) - turn->now->mono_ms;

	record->length_ms = left > 0 ? left : 1;
	record->due_ms = turn->now->wall_ms + record->length_ms;
}

/* Its entry is lost, and no attempt is held against it for that. */
static void
dump_task(struct turn *turn, struct run *run, uint32_t t)
{
	const struct task *task = &run->tasks[t];
	struct effect *effect = turn_add_task(turn, run, t);

	if (task->state == TASK_QUEUED || task->state == TASK_RUNNING)
		effect->u.task.record.state = TASK_READY;
	else if (task->state == TASK_WAITING)
		dump_wait(turn, run, t, &effect->u.task.record);
	if (task->texts && task->texts->outputs)
		effect->u.task.outputs = xstrdup(task->texts->outputs);
}

/* The run itself comes last: it is live only once it is whole. */
static void
dump_run(struct turn *turn, struct run *run)
{
	size_t marked = turn->effects->len;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		if (is_derived(&run->tasks[i]))
			continue;
		dump_task(turn, run, i);
		if (turn->effects->len - marked >= SLICE) {
			effects_mark(turn->effects, 0, 0);
			marked = turn->effects->len;
		}
	}
	turn_add_run(turn, EFFECT_RUN_NEW, run);
	effects_mark(turn->effects, 0, 0);
}

void
engine_dump(struct engine *engine, const struct moment *now, struct effects *effects)
{
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	for (struct run *run = engine->runs; run; run = run->hh.next)
		dump_run(&turn, run);
	turn_end(&turn);
}
