/* SPDX-License-Identifier: MIT */
/* The engine's memory from what is stored: records and stream entries. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

/* What a record says that struct task does not hold; gone after the load. */
struct stored_timer {
	uint32_t task;
	int64_t due_ms, length_ms;
};

struct loading {
	struct stored_timer *timers;
	size_t len, cap;
};

void
run_drop_loading(struct run *run)
{
	if (!run->loading)
		return;
	free(run->loading->timers);
	free(run->loading);
	run->loading = NULL;
}

struct run *
engine_load_run(struct engine *engine, const struct run_id *id, struct workflow *wf,
    const char *params, const struct run_record *record, int priority)
{
	struct run *run = run_new(wf, id, params);

	run->state = (uint8_t)record->state;
	run->intent = (uint8_t)record->intent;
	run->started_ms = record->started_ms;
	run->reopened_ms = record->reopened_ms;
	run->paused_ms = record->paused_ms;
	run->given = record->given;
	run->spent = record->spent;
	run->since = record->since;
	run->over = spend_reached(&wf->budget.limit, &run->spent, &run->since);
	if (record->reopening[0])
		run->reopening = xstrdup(record->reopening);
	if (priority >= 0)
		run->priority = (int8_t)priority;
	run->loading = xcalloc(1, sizeof *run->loading);
	run_attach(engine, run);
	return run;
}

static void
keep_timer(struct loading *loading, uint32_t task, const struct task_record *record)
{
	if (record->due_ms == 0)
		return;
	GROW(loading->timers, loading->len, loading->cap);
	loading->timers[loading->len++] =
	    (struct stored_timer){ task, record->due_ms, record->length_ms };
}

void
engine_load_task(struct run *run, uint32_t t, const struct task_record *record,
    const char *agent)
{
	struct task *task = &run->tasks[t];

	task->state = (uint8_t)record->state;
	task->last_category = (uint8_t)record->category;
	task->attempt = record->attempt;
	task->failures = (uint16_t)record->failures;
	task->crashes = (uint16_t)record->crashes;
	task->token = record->token;
	task->ready_ms = record->ready_ms;
	task->queued_ms = record->queued_ms;
	task->started_ms = record->started_ms;
	task->finished_ms = record->finished_ms;
	task->begun_ms = record->begun_ms;
	task->timed_out = record->timed_out;
	task->stored = record->stored;
	if (agent)
		task_texts(task)->agent = xstrdup(agent);
	keep_timer(run->loading, t, record);
}

/* --- entries ------------------------------------------------------------ */

static void
become_queued(struct run *run, uint32_t t, uint32_t attempt, uint64_t token,
    const struct moment *now)
{
	struct task *task = &run->tasks[t];

	/* it ran again: nothing says since when it was ready */
	if (task->state == TASK_PENDING && task->attempt > 0)
		task->ready_ms = now->wall_ms > run->created_ms ? now->wall_ms - run->created_ms : 0;
	task->attempt = attempt;
	task->token = token;
	task->state = TASK_QUEUED;
	task->timed_out = TIME_OUT_NONE;
	task->started_ms = -1;
}

/* An attempt of the task; live: not void.  It holds the units of its pool. */
static struct attempt *
load_attempt(struct engine *engine, struct queue *queue, struct run *run, uint32_t t,
    uint64_t token, bool live)
{
	struct attempt *open = attempt_open(engine, queue, live ? run : NULL, live ? t : TASK_NONE,
	    token);

	open->pool = task_pool(run, t);
	open->units = run->wf->tasks[t].units;
	if (open->pool)
		pool_hold_units(open->pool, open->units);
	return open;
}

/* An open entry of a task that has not ended. */
static bool
load_open(struct engine *engine, struct queue *queue, struct run *run, uint32_t t,
    uint32_t attempt, uint64_t token, const struct moment *now)
{
	struct task *task = &run->tasks[t];
	struct attempt *open;

	if (attempt > task->attempt) {
		if (task->outstanding)
			attempt_void(engine, run, t);
		become_queued(run, t, attempt, token, now);
		load_attempt(engine, queue, run, t, token, true);
		return true;
	}
	if (attempt == task->attempt && token == task->token) {
		if (task->state == TASK_PENDING) { /* it runs again once this is settled */
			attempt_hold(load_attempt(engine, queue, run, t, token, false), run, t);
			return true;
		}
		if (task->state != TASK_RUNNING && task->state != TASK_QUEUED)
			return false;
		open = load_attempt(engine, queue, run, t, token, true);
		open->cancelled = task->timed_out == TIME_OUT_ATTEMPT ||
		    task->timed_out == TIME_OUT_TOTAL;
		return true;
	}
	load_attempt(engine, queue, run, t, token, false);
	return true;
}

/*
 * Delivered and in nobody's pending list, but no end of it is stored: its group was lost,
 * or somebody else acknowledged it.  An agent may be at work on it.
 */
static bool
may_run(const struct task *task, uint32_t attempt, uint64_t token)
{
	if (attempt > task->attempt)
		return true;
	return attempt == task->attempt && token == task->token && task->state == TASK_RUNNING;
}

bool
engine_load_entry(struct engine *engine, struct queue *queue, const char *run_id,
    const char *task_id, uint32_t attempt, uint64_t token, enum entry_kind kind,
    const struct moment *now)
{
	struct run *run = engine_find(engine, run_id);
	int64_t t = run ? workflow_find(run->wf, task_id) : -1;
	struct attempt *open;
	bool ended = t < 0 || task_state_ended((enum task_state)run->tasks[t].state);

	if (token == 0 || attempt_find(engine, token))
		return false;
	if (kind == ENTRY_SETTLED && (ended || !may_run(&run->tasks[t], attempt, token)))
		return false;
	if (!ended)
		return load_open(engine, queue, run, (uint32_t)t, attempt, token, now);
	open = t >= 0 ? load_attempt(engine, queue, run, (uint32_t)t, token, false)
	              : attempt_open(engine, queue, NULL, TASK_NONE, token);
	if (t >= 0 && run->tasks[t].token == token)
		attempt_hold(open, run, (uint32_t)t);
	return true;
}

void
engine_load_units(struct engine *engine, uint64_t token, const char *pool, uint32_t units)
{
	struct attempt *attempt = attempt_find(engine, token);

	if (!attempt || attempt->pool)
		return;
	attempt->pool = pools_get(&engine->queues, pool);
	attempt->units = units;
	pool_hold_units(attempt->pool, units);
}

/* --- what is not stored --------------------------------------------------- */

static void
count_tasks(struct run *run)
{
	uint32_t by_state[TASK_STATE_COUNT] = { 0 };

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		by_state[run->tasks[i].state]++;
		if (run->tasks[i].state == TASK_FAILED && !run->wf->tasks[i].continue_on_error)
			run->broken++;
	}
	run->succeeded = by_state[TASK_SUCCEEDED];
	run->failed = by_state[TASK_FAILED];
	run->skipped = by_state[TASK_SKIPPED];
	run->cancelled = by_state[TASK_CANCELLED];
	run->open = run->wf->n_tasks - run->succeeded - run->failed - run->skipped -
	    run->cancelled;
}

/* The first sign of work is not stored by itself. */
static void
derive_start(struct run *run)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		const struct task *task = &run->tasks[i];
		int64_t at = task->started_ms >= 0 ? task->started_ms : task->finished_ms;

		if (task->attempt > 0 && at >= 0 && at < first)
			first = at;
	}
	if (run->state != RUN_QUEUED || first == INT64_MAX)
		return;
	run->state = RUN_RUNNING;
	run->started_ms = run->created_ms + first;
}

static void
derive_error(struct run *run)
{
	uint32_t first = TASK_NONE;

	for (uint32_t i = 0; run->broken > 0 && i < run->wf->n_tasks; i++)
		if (run->tasks[i].state == TASK_FAILED &&
		    !run->wf->tasks[i].continue_on_error &&
		    (first == TASK_NONE ||
		        run->tasks[i].finished_ms < run->tasks[first].finished_ms))
			first = i;
	if (first == TASK_NONE || run->error)
		return;
	run->error = xasprintf("task %s failed: %s", run->wf->tasks[first].id,
	    category_name((enum category)run->tasks[first].last_category));
}

/* Blocked counts, ready and skipped, by the code that unlocks in the live path. */
static void
derive_states(struct turn *turn, struct run *run)
{
	uint32_t ended = TASK_NONE;

	for (uint32_t i = run->wf->n_tasks; i-- > 0;) {
		run->tasks[i].blocked = run->wf->tasks[i].n_needs;
		if (attempt_held(turn->engine, run, i))
			run->tasks[i].blocked++;
		if (!task_state_ended((enum task_state)run->tasks[i].state))
			continue;
		run->tasks[i].next = ended;
		ended = i;
	}
	if (ended != TASK_NONE)
		tasks_unlock(turn, run, ended);
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		struct task *task = &run->tasks[i];

		if (task->state == TASK_PENDING && task->blocked == 0)
			task_make_ready(turn, run, i);
	}
}

static void
derive_reads(struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (!task_state_ended((enum task_state)run->tasks[i].state))
			task_hold_reads(run, i);
}

static int64_t
clamp(int64_t value, int64_t max)
{
	return value < 0 ? 0 : value > max ? max : value;
}

/* A throttled task waits: so does its pool, or its type. */
static void
hold_others(const struct run *run, uint32_t t, int64_t due_ms)
{
	const struct strand *strand = run->plan->lanes[run->plan->lane_of[t]].strand;

	if (strand->pool)
		pool_hold(strand->pool, due_ms);
	else
		queue_hold(strand->queue, due_ms);
}

/* It is the stream entry that says queued: since when it was ready says the rest. */
static void
derive_ready_times(struct run *run)
{
	for (size_t i = 0; i < run->loading->len; i++) {
		const struct stored_timer *timer = &run->loading->timers[i];
		struct task *task = &run->tasks[timer->task];

		/* stored as waiting, and its wait was over when it was handed out */
		if (task->state == TASK_QUEUED && timer->due_ms > run->created_ms)
			task->ready_ms = timer->due_ms - run->created_ms;
	}
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		struct task *task = &run->tasks[i];

		if (task->state == TASK_QUEUED && task->ready_ms < 0)
			task_restore_ready_time(run, i);
		if (task->state == TASK_QUEUED && task->queued_ms < 0)
			task->queued_ms = task->ready_ms; /* about */
		if (task->begun_ms < 0)
			task->begun_ms = task->ready_ms;
	}
}

static bool
is_under_way(enum task_state state)
{
	return state == TASK_READY || state == TASK_QUEUED || state == TASK_RUNNING ||
	    state == TASK_WAITING;
}

static void
set_limits(struct turn *turn, struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (is_under_way((enum task_state)run->tasks[i].state))
			task_arm_limits(turn, run, i);
}

static void
set_timers(struct turn *turn, struct run *run)
{
	struct heap *heap = &turn->engine->heap;
	const struct moment *now = turn->now;

	for (size_t i = 0; i < run->loading->len; i++) {
		const struct stored_timer *timer = &run->loading->timers[i];
		const struct task *task = &run->tasks[timer->task];
		int64_t due_ms;

		if (task->state != TASK_WAITING &&
		    (task->state != TASK_RUNNING || !task->outstanding || task->timed_out))
			continue;
		due_ms = now->mono_ms + clamp(timer->due_ms - now->wall_ms, timer->length_ms);
		heap_set(heap, run, timer->task, due_ms);
		if (task->state == TASK_WAITING && task->last_category == CATEGORY_THROTTLED)
			hold_others(run, timer->task, due_ms);
	}
	/* a wait without its time is over */
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].state == TASK_WAITING && run->tasks[i].timer == TASK_NONE)
			heap_set(heap, run, i, now->mono_ms);
	if (run->wf->timeout_ms > 0)
		heap_set(heap, run, TASK_NONE,
		    now->mono_ms + clamp(run_since(run) + run->wf->timeout_ms - now->wall_ms,
		                       run->wf->timeout_ms));
}

/* A record that says ready was ready when it was stored; back into its lane. */
static void
restore_ready(struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].state == TASK_READY)
			task_line_up(run, i);
}

/* Begun, but its entry is nowhere: the agent and the entry are lost. */
static void
recover_lost(struct turn *turn, struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks && run->open > 0; i++) {
		struct task *task = &run->tasks[i];

		if (task->outstanding ||
		    (task->state != TASK_RUNNING && task->state != TASK_QUEUED))
			continue;
		if (task->timed_out)
			task_timed_out(turn, run, i);
		else
			task_crashed(turn, run, i);
	}
}

/* What was to be withdrawn perhaps was not. */
static void
withdraw_again(struct turn *turn, struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		const struct task *task = &run->tasks[i];

		if (task->state == TASK_QUEUED && task->outstanding && task->timed_out)
			turn_add_withdraw(turn, run, i);
	}
}

static void
finish_run(struct turn *turn, struct run *run)
{
	enum run_intent intent = (enum run_intent)run->intent;

	run->intent = INTENT_NONE;
	count_tasks(run);
	derive_start(run);
	derive_error(run);
	turn->loading = true;
	restore_ready(run);
	derive_states(turn, run);
	derive_reads(run);
	derive_ready_times(run);
	set_timers(turn, run);
	set_limits(turn, run);
	run_drop_loading(run);
	if (intent != INTENT_NONE)
		run_set_intent(turn, run, intent);
	turn->loading = false;
	if (run->reopening)
		run_resume_reopening(turn, run);
	if (!run_state_ended((enum run_state)run->state)) {
		withdraw_again(turn, run);
		recover_lost(turn, run);
	}
	run_check_end(turn, run);
}

/* Entries that nobody waits for: whoever works on them is told to end. */
static void
cancel_void(struct turn *turn)
{
	struct attempt *attempt, *next;

	HASH_ITER(hh, turn->engine->attempts, attempt, next) {
		if (attempt->run || attempt->cancelled)
			continue;
		turn_add_cancel(turn, attempt, NULL, TASK_NONE);
		effects_add(turn->effects, EFFECT_WITHDRAW, NULL, TASK_NONE)->u.entry.token =
		    attempt->token;
		effects_mark(turn->effects, 0, 0);
	}
}

void
engine_load_finish(struct engine *engine, const struct moment *now, struct effects *effects)
{
	struct run *run, *next;
	struct turn turn;

	turn_begin(&turn, engine, now, effects);
	HASH_ITER(hh, engine->runs, run, next) {
		run_ref(run);
		finish_run(&turn, run);
		effects_mark(effects, 0, 0);
		run_unref(run);
	}
	cancel_void(&turn);
	flows_loaded(engine);
	recall_paused(&turn);
	turn_end(&turn);
}
