/* SPDX-License-Identifier: MIT */
/* A task's state, its record and its timer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/internal.h"

static void
count_end(struct run *run, enum task_state state, bool add)
{
	uint32_t *counters[TASK_STATE_COUNT] = {
		[TASK_SUCCEEDED] = &run->succeeded,
		[TASK_FAILED] = &run->failed,
		[TASK_SKIPPED] = &run->skipped,
		[TASK_CANCELLED] = &run->cancelled,
	};

	if (!task_state_ended(state))
		return;
	if (add) {
		++*counters[state];
		run->open--;
	} else {
		--*counters[state];
		run->open++;
	}
}

/* Time since the run was made; a wall clock that was set back gives 0. */
static int64_t
run_age(const struct run *run, const struct moment *now)
{
	return now->wall_ms > run->created_ms ? now->wall_ms - run->created_ms : 0;
}

static void
stamp(struct task *task, enum task_state state, int64_t age)
{
	if (state == TASK_READY) {
		task->ready_ms = age;
		if (task->begun_ms < 0)
			task->begun_ms = age;
	} else if (state == TASK_QUEUED) {
		task->queued_ms = age;
		task->started_ms = -1;
	} else if (state == TASK_RUNNING) {
		task->started_ms = age;
	} else if (task_state_ended(state)) {
		task->finished_ms = age;
	}
}

void
task_set_state(struct run *run, uint32_t t, enum task_state to, const struct moment *now)
{
	struct task *task = &run->tasks[t];
	enum task_state from = (enum task_state)task->state;

	if (!task_transition_lawful(from, to)) {
		log_error("unlawful transition of a task", KV_S("run", run->id.text),
		    KV_S("task", run->wf->tasks[t].id), KV_S("from", task_state_name(from)),
		    KV_S("to", task_state_name(to)));
		abort();
	}
	count_end(run, from, false);
	task->state = (uint8_t)to;
	task->waited = from == TASK_WAITING && to == TASK_READY;
	task->fetching = false;
	if (task_state_ended(from) || to == TASK_PENDING)
		task->begun_ms = -1; /* it begins anew */
	count_end(run, to, true);
	stamp(task, to, run_age(run, now));
	if (to != TASK_RUNNING)
		task_set_progress(task, NULL, 0, 0);
	run->version++;
}

/* The first record of a task: from now on the run's own stands beside it. */
static void
leave_list(struct turn *turn, struct run *run)
{
	if (run->home == HOME_LISTED) {
		turn_add_run(turn, EFFECT_RUN_UPDATE, run);
		turn->effects->items[turn->effects->len - 1].u.run.quiet = true;
	}
	run->home = HOME_OWN;
}

/* The record as it is now, with who ran it; takes the turn's usage along. */
struct effect *
turn_add_task(struct turn *turn, struct run *run, uint32_t t)
{
	const struct task *task = &run->tasks[t];
	struct effect *effect;

	leave_list(turn, run);
	effect = effects_add(turn->effects, EFFECT_TASK, run, t);
	effect->u.task.record = (struct task_record){
		.state = (enum task_state)task->state,
		.category = (enum category)task->last_category,
		.attempt = task->attempt,
		.failures = task->failures,
		.crashes = task->crashes,
		.token = task->token,
		.ready_ms = task->ready_ms,
		.queued_ms = task->queued_ms,
		.started_ms = task->started_ms,
		.finished_ms = task->finished_ms,
		.timed_out = task->timed_out,
		.stored = task->stored,
		.begun_ms = run->wf->tasks[t].total_timeout_ms > 0 ? task->begun_ms : -1,
	};
	if (task->texts && task->texts->agent)
		effect->u.task.agent = xstrdup(task->texts->agent);
	effect->u.task.usage = turn->usage;
	turn->usage = NULL;
	return effect;
}

void
turn_add_run(struct turn *turn, enum effect_kind kind, struct run *run)
{
	struct effect *effect = effects_add(turn->effects, kind, run, TASK_NONE);
	bool listed = kind == EFFECT_RUN_NEW && run->home == HOME_NONE &&
	    strlen(run->params) <= RUN_LISTED_PARAMS_MAX;

	effect->u.run.listed = listed;
	effect->u.run.moves = run->home == HOME_LISTED;
	run->home = listed ? HOME_LISTED : HOME_OWN;
	effect->u.run.record = (struct run_record){
		.state = (enum run_state)run->state,
		.intent = (enum run_intent)run->intent,
		.started_ms = run->started_ms,
		.finished_ms = run->finished_ms,
		.reopened_ms = run->reopened_ms,
		.paused_ms = run->paused_ms,
		.given = run->given,
		.spent = run->spent,
		.since = run->since,
		.succeeded = run->succeeded,
		.failed = run->failed,
		.skipped = run->skipped,
		.cancelled = run->cancelled,
	};
	if (run->reopening)
		snprintf(effect->u.run.record.reopening,
		    sizeof effect->u.run.record.reopening, "%s", run->reopening);
}

/* data: owned JSON object or NULL; type: static. */
void
turn_note(struct turn *turn, struct run *run, uint32_t task, const char *type, char *data)
{
	struct effect *effect;

	if (turn->loading) {
		free(data);
		return;
	}
	effect = effects_add(turn->effects, EFFECT_NOTE, run, task);
	effect->u.note.type = type;
	effect->u.note.data = data;
}

/* Sets the task's timer and says so in its record. */
void
task_arm(struct turn *turn, struct run *run, uint32_t task, int64_t length_ms,
    struct effect *effect)
{
	heap_set(&turn->engine->heap, run, task, turn->now->mono_ms + length_ms);
	effect->u.task.record.due_ms = turn->now->wall_ms + length_ms;
	effect->u.task.record.length_ms = length_ms;
}

struct effect *
task_wait(struct turn *turn, struct run *run, uint32_t task, int64_t length_ms)
{
	struct effect *effect;

	task_set_state(run, task, TASK_WAITING, turn->now);
	effect = turn_add_task(turn, run, task);
	task_arm(turn, run, task, length_ms, effect);
	return effect;
}
