/* SPDX-License-Identifier: MIT */
/* Outputs that memory does not hold are read back before a task is handed out. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

#define FETCH_TASKS 64               /* that wait at once */
#define FETCH_BYTES (16u << 20)      /* that are waited for at once, about */

/* A task that keeps its place in the window while its outputs are read. */
struct waiting {
	uint32_t task;
	struct queue *queue;
	struct pool *pool; /* whose units it has already, or NULL */
	uint32_t units;
};

/* One question about one run. */
struct fetch {
	TAILQ_ENTRY(fetch) link;
	uint64_t id;
	struct run *run; /* a reference */
	struct waiting *waiting;
	size_t n_waiting, cap_waiting;
	uint32_t *wants; /* sorted once they are asked for */
	bool *brought;   /* for each of wants: the answer has put it into memory */
	size_t n_wants, cap_wants;
	size_t bytes;
	bool asked; /* closed: nothing joins it any more */
	bool stale; /* of outputs that are not the run's any more: its answer says nothing */
};

bool
fetch_room(const struct engine *engine)
{
	return engine->fetching < FETCH_TASKS && engine->fetch_bytes < FETCH_BYTES;
}

static struct fetch *
fetch_open(struct engine *engine, struct run *run)
{
	struct fetch *fetch;

	TAILQ_FOREACH(fetch, &engine->fetches, link)
		if (fetch->run == run && !fetch->asked)
			return fetch;
	fetch = xcalloc(1, sizeof *fetch);
	fetch->id = ++engine->last_fetch;
	fetch->run = run_ref(run);
	TAILQ_INSERT_TAIL(&engine->fetches, fetch, link);
	return fetch;
}

static void
fetch_free(struct engine *engine, struct fetch *fetch)
{
	TAILQ_REMOVE(&engine->fetches, fetch, link);
	engine->fetching -= fetch->n_waiting;
	engine->fetch_bytes -= fetch->bytes;
	run_unref(fetch->run);
	free(fetch->waiting);
	free(fetch->wants);
	free(fetch->brought);
	free(fetch);
}

void
fetches_release(struct engine *engine)
{
	while (!TAILQ_EMPTY(&engine->fetches))
		fetch_free(engine, TAILQ_FIRST(&engine->fetches));
}

/* It has just been taken out of its lane. */
void
fetch_for(struct engine *engine, struct queue *queue, struct run *run, uint32_t task)
{
	struct fetch *fetch = fetch_open(engine, run);
	uint32_t i = 0, want;

	GROW(fetch->waiting, fetch->n_waiting, fetch->cap_waiting);
	fetch->waiting[fetch->n_waiting++] = (struct waiting){ task, queue, task_pool(run, task),
		run->wf->tasks[task].units };
	while ((want = task_next_far(run, task, &i)) != TASK_NONE) {
		GROW(fetch->wants, fetch->n_wants, fetch->cap_wants);
		fetch->wants[fetch->n_wants++] = want;
		fetch->bytes += 2 * (size_t)run->tasks[want].stored;
		engine->fetch_bytes += 2 * (size_t)run->tasks[want].stored;
	}
	engine->fetching++;
	run->fetching++;
	run->tasks[task].fetching = true;
	queue_reserve(queue);
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Many tasks of a run read the same: each is asked for once. */
static void
drop_doubles(struct fetch *fetch)
{
	size_t n = 0;

	qsort(fetch->wants, fetch->n_wants, sizeof *fetch->wants, by_number);
	for (size_t i = 1; i < fetch->n_wants; i++)
		if (fetch->wants[i] != fetch->wants[n])
			fetch->wants[++n] = fetch->wants[i];
	fetch->n_wants = n + 1;
}

void
fetches_ask(struct turn *turn)
{
	struct fetch *fetch;

	for (fetch = TAILQ_LAST(&turn->engine->fetches, fetch_list); fetch;
	     fetch = TAILQ_PREV(fetch, fetch_list, link)) {
		struct effect *effect;

		if (fetch->asked)
			break; /* those that were made before were asked then */
		fetch->asked = true;
		drop_doubles(fetch);
		effect = effects_add(turn->effects, EFFECT_FETCH, fetch->run, TASK_NONE);
		effect->u.fetch.id = fetch->id;
		effect->u.fetch.n = fetch->n_wants;
		effect->u.fetch.tasks =
		    xmemdup(fetch->wants, fetch->n_wants * sizeof *fetch->wants);
		effects_mark(turn->effects, 0, 0);
	}
}

/* Tasks of the run are reset: what was asked of it before may have been answered before. */
void
fetches_outdate(struct engine *engine, const struct run *run)
{
	struct fetch *fetch;

	TAILQ_FOREACH(fetch, &engine->fetches, link)
		if (fetch->run == run)
			fetch->stale = true;
}

/* --- the answer ---------------------------------------------------------- */

static void
take_outputs(struct engine *engine, struct fetch *fetch, const char *const *outputs)
{
	fetch->brought = xcalloc(fetch->n_wants, sizeof *fetch->brought);
	for (size_t i = 0; fetch->run->plan && !fetch->stale && i < fetch->n_wants; i++) {
		struct task *task = &fetch->run->tasks[fetch->wants[i]];
		size_t len = outputs[i] ? strlen(outputs[i]) : 0;

		if (!outputs_far(task) || !outputs_are_object(outputs[i], len))
			continue;
		outputs_keep(engine, task, outputs[i], len);
		fetch->brought[i] = true;
	}
}

/*
 * Beyond the cap they go again once they were read.  Others' stay: who found them in
 * memory has not asked for them.
 */
static void
drop_outputs(struct engine *engine, struct fetch *fetch)
{
	for (size_t i = 0; i < fetch->n_wants; i++) {
		struct task *task = &fetch->run->tasks[fetch->wants[i]];

		if (fetch->brought[i] && (task->readers == 0 || !outputs_room(engine, 0)))
			outputs_drop(engine, task);
	}
}

static bool
was_asked(const struct fetch *fetch, uint32_t task)
{
	return bsearch(&task, fetch->wants, fetch->n_wants, sizeof task, by_number) != NULL;
}

/* What it reads that Redis was asked for and does not have; TASK_NONE: nothing. */
static uint32_t
find_gone(const struct fetch *fetch, uint32_t task)
{
	uint32_t i = 0, far;

	if (fetch->stale)
		return TASK_NONE;
	do {
		far = task_next_far(fetch->run, task, &i);
	} while (far != TASK_NONE && !was_asked(fetch, far));
	return far;
}

static void
fail_without(struct turn *turn, struct run *run, uint32_t task, uint32_t gone)
{
	char *message = xasprintf("the outputs of task %s, which it reads, are not in redis any "
	    "more (field o%u of the run)", run->wf->tasks[gone].id, gone);
	struct failure failure = { .category = CATEGORY_REJECTED, .message = message,
		.exit_code = -1 };

	task_fail(turn, run, task, &failure);
	effects_mark(turn->effects, 0, 0);
	free(message);
}

static bool
may_start(const struct engine *engine, const struct waiting *waiting, const struct run *run)
{
	return !engine_starts_nothing(engine) && queue_may_start(waiting->queue) && !run_paused(run) &&
	    (!waiting->pool || pool_may_start(waiting->pool));
}

/*
 * Whether it was handed out.  What it reads may be more than when it was asked for, or other:
 * a task was run again and has outputs now.  Then it lines up, to ask for all.
 */
static bool
go_on(struct turn *turn, const struct fetch *fetch, const struct waiting *waiting)
{
	struct run *run = fetch->run;
	struct task *task = &run->tasks[waiting->task];
	uint32_t gone = find_gone(fetch, waiting->task);

	run->fetching--;
	if (!task->fetching)
		return false;
	task->fetching = false;
	if (gone != TASK_NONE)
		fail_without(turn, run, waiting->task, gone);
	else if (task_reads_far(run, waiting->task) || !may_start(turn->engine, waiting, run))
		task_line_up(run, waiting->task);
	else
		return task_dispatch(turn, waiting->queue, run, waiting->task);
	return false;
}

/* run->plan is NULL: it has ended meanwhile. */
static void
end_wait(struct turn *turn, const struct fetch *fetch, const struct waiting *waiting)
{
	struct run *run = fetch->run;

	queue_unreserve(waiting->queue);
	if ((!run->plan || !go_on(turn, fetch, waiting)) && waiting->pool)
		pool_untake(waiting->pool, waiting->units, turn->now->mono_ms);
	if (run->plan)
		lanes_unpark(run);
}

static struct fetch *
fetch_find(struct engine *engine, uint64_t id)
{
	struct fetch *fetch;

	TAILQ_FOREACH(fetch, &engine->fetches, link)
		if (fetch->id == id)
			return fetch;
	return NULL;
}

void
engine_fetched(struct engine *engine, const struct moment *now, uint64_t id,
    const char *const *outputs, struct effects *effects)
{
	struct fetch *fetch = fetch_find(engine, id);
	struct turn turn;

	if (!fetch || !fetch->asked)
		return;
	turn_begin(&turn, engine, now, effects);
	take_outputs(engine, fetch, outputs);
	for (size_t i = 0; i < fetch->n_waiting; i++)
		end_wait(&turn, fetch, &fetch->waiting[i]);
	if (fetch->run->plan)
		drop_outputs(engine, fetch);
	fetch_free(engine, fetch);
	turn_end(&turn);
}
