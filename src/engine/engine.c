/* SPDX-License-Identifier: MIT */
/* The engine: its runs, submissions, timers and questions. */
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

void
engine_config_defaults(struct engine_config *config)
{
	*config = (struct engine_config){ .window = 1024,
		.high_water_min = HIGH_WATER_MIN,
		.max_tasks = 2000000,
		.max_rendered = 768u << 10,
		.max_outputs = 256u << 20,
		.timeout_slack_ms = 15000 };
}

struct engine *
engine_new(const struct engine_config *config, struct rng *rng)
{
	struct engine *engine = xcalloc(1, sizeof *engine);

	engine->config = *config;
	engine->budget.def = config->budget;
	engine->rng = rng;
	queues_init(&engine->queues, config);
	settled_init(&engine->settled);
	TAILQ_INIT(&engine->fetches);
	engine->totals.totals = true;
	return engine;
}

void
engine_free(struct engine *engine)
{
	struct run *run, *next_run;
	struct attempt *attempt, *next_attempt;

	if (!engine)
		return;
	heap_release(&engine->heap);
	heap_release(&engine->totals);
	fetches_release(engine);
	HASH_ITER(hh, engine->runs, run, next_run)
		run_detach(engine, run);
	HASH_ITER(hh, engine->attempts, attempt, next_attempt) {
		HASH_DELETE(hh, engine->attempts, attempt);
		free(attempt);
	}
	settled_release(&engine->settled);
	pauses_release(engine);
	queues_release(&engine->queues);
	free(engine);
}

void
turn_begin(struct turn *turn, struct engine *engine, const struct moment *now,
    struct effects *effects)
{
	*turn = (struct turn){ .engine = engine, .now = now, .effects = effects };
}

void
turn_end(struct turn *turn)
{
	free(turn->usage);
	if (turn->recall)
		flows_recall(turn);
}

double
turn_chance(struct turn *turn)
{
	return rng_unit(turn->engine->rng);
}

/* --- the runs ----------------------------------------------------------- */

static struct plan *
plan_take(struct engine *engine, struct workflow *wf)
{
	struct plan *plan;

	HASH_FIND(hh, engine->plans, wf->sha256, SHA256_HEX_SIZE - 1, plan);
	if (!plan) {
		plan = plan_new(wf, &engine->queues);
		engine->bytes += plan->bytes;
		HASH_ADD_KEYPTR(
		    hh, engine->plans, plan->wf->sha256, SHA256_HEX_SIZE - 1, plan);
	}
	plan->refs++;
	return plan;
}

/* Runs of equal definitions share one, wherever each came from. */
static void
share_definition(struct run *run)
{
	struct workflow *own = run->wf;

	run->wf = workflow_ref(run->plan->wf);
	workflow_unref(own);
}

static void
plan_drop(struct engine *engine, struct plan *plan)
{
	if (--plan->refs > 0)
		return;
	HASH_DEL(engine->plans, plan);
	engine->bytes -= plan->bytes;
	plan_free(plan);
}

static size_t
run_bytes(const struct run *run)
{
	return sizeof *run + run->wf->n_tasks * sizeof *run->tasks +
	    run_lanes(run) * sizeof *run->lanes;
}

/* Lanes for what a replay puts first, made when the first one comes. */
void
run_make_boosted(struct engine *engine, struct run *run)
{
	uint32_t n = run->plan->n_lanes;

	if (run->boosted)
		return;
	run->boosted = xcalloc(n, sizeof *run->boosted);
	for (uint32_t i = 0; i < n; i++) {
		unsigned priority = run->lanes[i].priority + BOOST;

		lane_init(&run->boosted[i], run, run->lanes[i].strand,
		    (uint8_t)(priority < PRIORITIES ? priority : PRIORITIES - 1), i);
	}
	engine->bytes += n * sizeof *run->boosted;
}

/* One lane for each (type, pool, effective priority): lanes of a plan may fall together. */
static void
make_lanes(struct run *run)
{
	const struct plan *plan = run->plan;

	run->lanes = xcalloc(plan->n_lanes, sizeof *run->lanes);
	for (uint32_t i = 0; i < plan->n_lanes; i++) {
		const struct plan_lane *lane = &plan->lanes[i];
		int priority = lane->priority > run->priority ? lane->priority : run->priority;
		uint32_t home = i;

		if (i > 0 && run->lanes[i - 1].strand == lane->strand &&
		    run->lanes[i - 1].priority == priority)
			home = run->lanes[i - 1].home;
		lane_init(&run->lanes[i], run, lane->strand, (uint8_t)priority, home);
	}
}

/* Takes over the caller's reference. */
void
run_attach(struct engine *engine, struct run *run)
{
	run->plan = plan_take(engine, run->wf);
	share_definition(run);
	run->held = engine_workflow_paused(engine, run->wf->name);
	make_lanes(run);
	HASH_ADD_KEYPTR(hh, engine->runs, run->id.text, strlen(run->id.text), run);
	engine->tasks_live += run->wf->n_tasks;
	engine->bytes += run_bytes(run);
}

void
run_detach(struct engine *engine, struct run *run)
{
	for (uint32_t i = 0; i < run_lanes(run); i++)
		lane_clear(run_lane(run, i));
	attempts_forget(engine, run);
	heap_remove(&engine->heap, run, TASK_NONE);
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		task_disarm(engine, run, i);
	run_drop_loading(run);
	outputs_drop_all(engine, run);
	engine->tasks_live -= run->wf->n_tasks;
	engine->bytes -= run_bytes(run);
	HASH_DEL(engine->runs, run);
	plan_drop(engine, run->plan);
	run->plan = NULL;
	free(run->lanes);
	free(run->boosted);
	run->lanes = run->boosted = NULL;
	run_unref(run);
}

/* --- events ------------------------------------------------------------- */

static void
start_tasks(struct turn *turn, struct run *run)
{
	const struct workflow *wf = run->wf;

	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		task_hold_reads(run, i);
		run->tasks[i].blocked = wf->tasks[i].n_needs;
		if (wf->tasks[i].n_needs == 0)
			task_make_ready(turn, run, i);
	}
}

int
engine_check_room(const struct engine *engine, uint32_t n_tasks, struct err *err)
{
	uint32_t max = engine->config.max_tasks;

	if (n_tasks + engine->tasks_live <= max) /* more may live than now may: it was lowered */
		return 0;
	return err_set(err, n_tasks > max ? ERR_LIMIT : ERR_SHED,
	    "%u tasks more would pass the limit of %u live tasks (dispatch.max_tasks; %zu live "
	    "now)%s", n_tasks, max, engine->tasks_live, n_tasks > max ? "" : ": try again later");
}

int
engine_submit(struct engine *engine, const struct moment *now, const struct run_spec *spec,
    struct effects *effects, struct run **ret_run, struct err *err)
{
	struct turn turn;
	struct run *run;
	int rc = engine_check_room(engine, spec->wf->n_tasks, err);

	if (rc < 0) {
		submission_free(spec->submission);
		return rc;
	}
	turn_begin(&turn, engine, now, effects);
	run = run_new(spec->wf, &spec->id, spec->params);
	if (spec->priority >= 0)
		run->priority = (int8_t)spec->priority;
	if (spec->replay_of)
		run->replay_of = xstrdup(spec->replay_of);
	if (spec->submission) {
		run->key = spec->submission->key;
		spec->submission->key = NULL;
	}
	run_attach(engine, run);
	if (spec->replay_of)
		task_give(engine, run, 0, spec->boost, spec->body, spec->body_len);
	if (spec->replay_of && spec->env)
		task_set_env(&run->tasks[0], spec->env, strlen(spec->env));
	start_tasks(&turn, run);
	if (run->wf->timeout_ms > 0)
		heap_set(&engine->heap, run, TASK_NONE, now->mono_ms + run->wf->timeout_ms);
	turn_add_run(&turn, EFFECT_RUN_NEW, run);
	effects->items[effects->len - 1].u.run.submission = spec->submission;
	if (run->given)
		turn_add_given(&turn, run, 0);
	turn_end(&turn);
	*ret_run = run;
	return 0;
}

static void
on_timer(struct turn *turn, struct run *run, uint32_t task)
{
	if (task == TASK_NONE)
		run_set_intent(turn, run, INTENT_TIMEOUT);
	else if (run->tasks[task].state == TASK_WAITING)
		task_make_ready(turn, run, task);
	else
		task_overdue(turn, run, task);
}

bool
engine_tick(struct engine *engine, const struct moment *now, size_t max,
    struct effects *effects)
{
	struct heap_item item;
	struct turn turn;
	size_t n;

	if (now->mono_ms >= engine->queues.pools_due)
		pools_thaw(&engine->queues, now->mono_ms);
	turn_begin(&turn, engine, now, effects);
	if (now->mono_ms >= engine->queues.thaw_at)
		flows_thaw(&turn);
	budgets_turn(&turn);
	for (n = 0; max == 0 || n < max; n++) {
		if (heap_pop(&engine->totals, now->mono_ms, &item))
			task_total_overdue(&turn, item.run, item.task);
		else if (heap_pop(&engine->heap, now->mono_ms, &item))
			on_timer(&turn, item.run, item.task);
		else
			break;
		effects_mark(effects, 0, 0);
	}
	turn_end(&turn);
	return engine_next_timer(engine) <= now->mono_ms;
}

int64_t
engine_next_timer(const struct engine *engine)
{
	int64_t next = heap_next(&engine->heap), total = heap_next(&engine->totals);

	next = total < next ? total : next;
	next = engine->queues.pools_due < next ? engine->queues.pools_due : next;
	return next < engine->queues.thaw_at ? next : engine->queues.thaw_at;
}

int
engine_cancel(struct engine *engine, const struct moment *now, struct run *run,
    enum run_intent intent, struct effects *effects, struct err *err)
{
	struct turn turn;

	if (run_state_ended((enum run_state)run->state))
		return err_set(err, ERR_CONFLICT, "run \"%s\" has ended: it is %s",
		    run->id.text, run_state_name((enum run_state)run->state));
	if (run->intent != INTENT_NONE && intent == INTENT_STOP)
		return err_set(err, ERR_CONFLICT, "run \"%s\" is ending already", run->id.text);
	turn_begin(&turn, engine, now, effects);
	run_set_intent(&turn, run, intent);
	turn_end(&turn);
	return 0;
}

/* --- questions ---------------------------------------------------------- */

struct queue *
engine_queue(struct engine *engine, const char *type)
{
	return queues_get(&engine->queues, type);
}

struct queue *
engine_queue_find(const struct engine *engine, const char *type)
{
	return queues_find(&engine->queues, type);
}

struct queue *
engine_queue_at(const struct engine *engine, size_t i)
{
	return i < engine->queues.len ? engine->queues.items[i] : NULL;
}

struct run *
engine_find(const struct engine *engine, const char *run_id)
{
	struct run *run;

	HASH_FIND_STR(engine->runs, run_id, run);
	return run;
}

struct run *
engine_first(const struct engine *engine)
{
	return engine->runs;
}

bool
engine_outstanding(const struct engine *engine, uint64_t token)
{
	return attempt_find(engine, token) != NULL;
}

size_t
engine_runs_live(const struct engine *engine)
{
	return HASH_COUNT(engine->runs);
}

size_t
engine_tasks_live(const struct engine *engine)
{
	return engine->tasks_live;
}

size_t
engine_bytes(const struct engine *engine)
{
	return engine->bytes + (engine->heap.cap + engine->totals.cap) * sizeof *engine->heap.items +
	    HASH_COUNT(engine->attempts) * sizeof *engine->attempts;
}

int64_t
engine_task_due(const struct engine *engine, const struct run *run, uint32_t task)
{
	return heap_due(&engine->heap, run, task);
}
