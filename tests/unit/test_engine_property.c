/* SPDX-License-Identifier: MIT */
/* Random graphs, results and crashes: the promises hold whatever happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "engine_harness.h"

#define SEEDS 400

static uint32_t
below(struct harness *h, uint32_t n)
{
	return (uint32_t)rng_below(&h->rng, n);
}

/* Of p nine in ten find room, of q tokens are rare. */
static void
random_pool(struct harness *h, struct task_def *task)
{
	static const char *const pools[] = { NULL, NULL, "p", "q" };

	task->pool = pools[below(h, 4)];
	task->units = task->pool ? 1 + below(h, 4) : 0;
	if (task->units > 3 && below(h, 4))
		task->units = 3;
}

static void
set_pools(struct harness *h)
{
	harness_pool(h, "p", 3, 0, 0);
	harness_pool(h, "q", 4, 1 + below(h, 5), below(h, 3));
}

/* What is open holds its units, and not more of them than there are. */
static void
check_pools(struct harness *h)
{
	struct pool *pool = engine_pool_first(h->engine);

	for (; pool; pool = pool_next(pool)) {
		struct pool_view view;
		uint32_t held = 0;

		pool_look(pool, &h->now, &view);
		for (size_t i = 0; i < h->n_entries; i++) {
			const struct entry *entry = &h->entries[i];
			const struct task_def *def = &entry->stored->wf->tasks[entry->task];

			if (entry->open && entry->stored->live && def->pool &&
			    strcmp(def->pool, pool_name(pool)) == 0)
				held += def->units;
		}
		assert_true(held <= view.in_use);
		assert_true(view.in_use <= view.units);
	}
}

static struct workflow *
random_workflow(struct harness *h)
{
	static const char *const agents[] = { "a", "b", "c" };
	uint32_t n = 1 + below(h, 25);
	struct builder b = builder_begin(n, "a");

	b.wf->fail = (enum fail_policy)below(h, 3);
	b.wf->max_parallel = below(h, 2) ? 1 + below(h, 4) : 0;
	b.wf->timeout_ms = below(h, 4) == 0 ? 20000 : 0;
	b.retry->max_attempts = 1 + below(h, 3);
	b.retry->jitter = 0.2;
	for (uint32_t i = 0; i < n; i++) {
		b.tasks[i].agent = agents[below(h, 3)];
		b.tasks[i].priority = (int8_t)((int)below(h, 11) - 1);
		b.tasks[i].continue_on_error = below(h, 5) == 0;
		random_pool(h, &b.tasks[i]);
		b.tasks[i].timeout_ms = below(h, 3) == 0 ? 3000 : 0;
		for (uint32_t k = 0; k < i; k++)
			if (below(h, i) < 2)
				builder_need(&b, i, k,
				    below(h, 4) ? NEED_SUCCESS : (enum need_on)below(h, 4));
	}
	return b.wf;
}

/*
 * A dispatched task's needs have all ended, and as it asked; one that is tried again, or
 * was ready and had to wait, does not mind that they run again meanwhile.
 */
static void
check_needs(struct harness *h, const struct entry *entry)
{
	const struct task_def *def = &entry->stored->wf->tasks[entry->task];

	if (entry->stored->again)
		return;
	for (uint32_t i = 0; i < def->n_needs; i++) {
		uint32_t t = def->needs[i].task;
		enum task_state state = harness_state(h, entry->stored, t);

		assert_true(task_state_ended(state));
		if (def->needs[i].on == NEED_SUCCESS)
			assert_true(state == TASK_SUCCEEDED ||
			    (state == TASK_FAILED &&
			        entry->stored->wf->tasks[t].continue_on_error));
		if (def->needs[i].on == NEED_FAILURE)
			assert_int_equal(state, TASK_FAILED);
		if (def->needs[i].on == NEED_SKIPPED)
			assert_int_equal(state, TASK_SKIPPED);
	}
}

/* Whether memory held them or not: what its needs put out stands in the entry. */
static void
check_inputs(const struct entry *entry)
{
	const struct task_def *def = &entry->stored->wf->tasks[entry->task];

	for (uint32_t i = 0; i < def->n_needs; i++) {
		uint32_t t = def->needs[i].task;
		const char *outputs = entry->stored->tasks[t].outputs;
		char *input;

		if (!outputs || !*outputs) /* empty: it ran again */
			continue;
		input = xasprintf("\"%s\":{\"status\":\"succeeded\",\"outputs\":%s}",
		    entry->stored->wf->tasks[t].id, outputs);
		assert_non_null(strstr(entry->meta, input));
		free(input);
	}
}

static void
dispatch_some(struct harness *h)
{
	size_t before = h->n_entries;

	harness_dispatch(h);
	for (size_t i = before; i < h->n_entries; i++) {
		if (!h->entries[i].stored->live)
			continue; /* another of its tasks could not be rendered, and that ended it */
		check_needs(h, &h->entries[i]);
		check_inputs(&h->entries[i]);
	}
}

static void
report_random(struct harness *h)
{
	static const enum category categories[] = { CATEGORY_EXIT, CATEGORY_LOST,
		CATEGORY_TIMEOUT, CATEGORY_REJECTED, CATEGORY_NONE };
	struct completion said;
	char outputs[40];

	if (h->n_entries == 0)
		return;
	/* any entry, also settled ones: duplicates and late reports */
	said = harness_report(&h->entries[below(h, (uint32_t)h->n_entries)],
	    COMPLETION_SUCCEEDED);
	if (below(h, 3) == 0)
		said.kind = (enum completion_kind)below(h, COMPLETION_RELEASED + 1);
	said.category = categories[below(h, 5)];
	if (said.kind == COMPLETION_SUCCEEDED && below(h, 2)) {
		said.outputs_len = (size_t)snprintf(outputs, sizeof outputs, "{\"x\": %u}",
		    below(h, 1u << below(h, 30)));
		said.outputs = outputs;
	}
	harness_tell(h, &said);
}

/* Somebody cancels a task, runs something again, or pauses the run. */
static void
operate_random(struct harness *h)
{
	struct stored_run *stored = h->runs[below(h, (uint32_t)h->n_runs)];
	struct run *run = engine_find(h->engine, stored->id.text);
	uint32_t task = below(h, stored->wf->n_tasks);
	struct rerun what = { .task = below(h, 2) ? task : TASK_NONE };
	size_t n;

	what.downstream = what.task != TASK_NONE && below(h, 2);
	what.boost = what.task != TASK_NONE && below(h, 2);
	if (run && below(h, 3) == 0)
		engine_cancel_task(h->engine, &h->now, run, task, &h->effects, NULL);
	else if (run && below(h, 2))
		engine_pause_run(h->engine, &h->now, run, run->paused_ms == 0, &h->effects,
		    NULL);
	else if (below(h, 3) == 0)
		harness_rerun(h, stored, &what, &n, NULL);
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
}

/* What was to be taken back is, or an agent was faster. */
static void
withdraw_random(struct harness *h)
{
	for (size_t i = 0; i < h->n_entries; i++) {
		struct entry *entry = &h->entries[i];

		if (!entry->open || !entry->withdraw || below(h, 2))
			continue;
		entry->withdraw = false;
		engine_withdrawn(h->engine, &h->now, entry->token, below(h, 2), &h->effects);
		effects_mark(&h->effects, 0, 0);
		harness_apply(h);
	}
}

static void
resume_all(struct harness *h)
{
	for (size_t i = 0; i < h->n_runs; i++) {
		struct run *run = engine_find(h->engine, h->runs[i]->id.text);

		if (run && run->paused_ms > 0)
			engine_pause_run(h->engine, &h->now, run, false, &h->effects, NULL);
	}
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
}

static void
step(struct harness *h)
{
	h->withhold = below(h, 3) == 0;
	switch (below(h, 13)) {
	case 0:
		harness_advance(h, below(h, 4000));
		break;
	case 1:
		if (below(h, 6) == 0)
			harness_wipe(h);
		else
			harness_reload(h);
		break;
	case 2:
		if (h->n_runs > 0 && below(h, 20) == 0) {
			struct stored_run *run = h->runs[below(h, (uint32_t)h->n_runs)];
			struct run *live = engine_find(h->engine, run->id.text);

			if (live)
				engine_cancel(h->engine, &h->now, live,
				    below(h, 2) ? INTENT_CANCEL : INTENT_STOP, &h->effects,
				    NULL);
			harness_apply(h);
		}
		break;
	case 3:
	case 4:
		dispatch_some(h);
		break;
	case 5:
		operate_random(h);
		withdraw_random(h);
		break;
	default:
		report_random(h);
	}
	harness_check(h);
	check_pools(h);
}

static bool
all_ended(const struct harness *h)
{
	for (size_t i = 0; i < h->n_runs; i++)
		if (h->runs[i]->live)
			return false;
	return h->n_open == 0;
}

/* Agents go on until nothing is left: every run ends. */
static void
finish(struct harness *h)
{
	unsigned rounds = 0;

	h->withhold = false;
	harness_apply(h);
	resume_all(h);
	for (; !all_ended(h); rounds++) {
		assert_true(rounds < 5000);
		for (size_t i = 0; i < h->n_entries; i++)
			if (h->entries[i].open) {
				struct completion said =
				    harness_report(&h->entries[i], COMPLETION_SUCCEEDED);
				harness_tell(h, &said);
			}
		dispatch_some(h);
		harness_advance(h, 1000);
		harness_check(h);
	}
	assert_int_equal(engine_runs_live(h->engine), 0);
	assert_int_equal(engine_tasks_live(h->engine), 0);
	assert_int_equal(engine_outputs(h->engine), 0);
	check_pools(h);
	for (struct pool *pool = engine_pool_first(h->engine); pool; pool = pool_next(pool)) {
		struct pool_view view;

		pool_look(pool, &h->now, &view);
		assert_int_equal(view.in_use, 0);
		assert_int_equal(view.ready, 0);
	}
	harness_advance(h, 3600000); /* types that are throttled are let go */
	assert_true(engine_next_timer(h->engine) == INT64_MAX);
	for (size_t i = 0; engine_queue_at(h->engine, i); i++) {
		assert_int_equal(queue_ready(engine_queue_at(h->engine, i)), 0);
		assert_int_equal(queue_outstanding(engine_queue_at(h->engine, i)), 0);
	}
}

static void
random_histories(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct harness h;
		uint32_t runs;

		print_message("# seed %llu\n", (unsigned long long)seed);
		harness_init(&h, seed);
		h.config.window = 1 + below(&h, 6);
		h.config.max_outputs = below(&h, 3) ? below(&h, 40) : SIZE_MAX;
		set_pools(&h);
		harness_reload(&h);
		runs = 1 + below(&h, 3);
		for (uint32_t i = 0; i < runs; i++) {
			struct workflow *wf = random_workflow(&h);

			harness_submit(&h, wf, (int)below(&h, 11) - 1);
			workflow_unref(wf);
		}
		for (unsigned i = 0; i < 200; i++)
			step(&h);
		finish(&h);
		harness_release(&h);
	}
}

/* A crash changes nothing that is not a clock: state before and after a load. */
static void
load_gives_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct harness h;
		struct workflow *wf;
		struct stored_run *run;
		uint8_t before[32];
		struct run *live;

		harness_init(&h, seed);
		set_pools(&h);
		wf = random_workflow(&h);
		run = harness_submit(&h, wf, -1);
		for (unsigned i = 0; i < 30; i++) {
			dispatch_some(&h);
			report_random(&h);
		}
		live = engine_find(h.engine, run->id.text);
		for (uint32_t i = 0; live && i < wf->n_tasks; i++)
			before[i] = live->tasks[i].state;
		harness_reload(&h);
		assert_int_equal(live != NULL, engine_find(h.engine, run->id.text) != NULL);
		for (uint32_t i = 0; live && i < wf->n_tasks; i++)
			assert_int_equal(before[i], harness_state(&h, run, i));
		workflow_unref(wf);
		harness_release(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories),
		cmocka_unit_test(load_gives_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
