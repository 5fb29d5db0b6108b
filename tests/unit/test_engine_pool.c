/* SPDX-License-Identifier: MIT */
/* Pools: units, tokens, whose turn it is, throttling, what is not there or too much. */
#include "engine_support.h"

static struct pool_view
look(struct harness *h, const char *name)
{
	struct pool *pool = engine_pool_find(h->engine, name);
	struct pool_view view;

	assert_non_null(pool);
	pool_look(pool, &h->now, &view);
	return view;
}

static void
assert_states(const struct stored_run *run, const char *want)
{
	char now[64];

	assert_string_equal(letters(run->run, now), want);
}

static void
test_units(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 3, 0, 0);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b, pool: {name: llm, units: 2}}, {id: c}, {id: d},\n"
	                "  {id: e, pool: , priority: low}, {id: f, agent: y, pool: }]\n");
	harness_dispatch(&h);
	/* what needs no pool does not wait behind those that do */
	assert_states(run, "qqrrqq");
	assert_int_equal(look(&h, "llm").in_use, 3);
	assert_int_equal(look(&h, "llm").ready, 2);
	assert_int_equal(look(&h, "llm").wants, 1);
	play(&h, run, "e+ f+ b+");
	assert_states(run, "qSqqSS");
	play(&h, run, "a- c+ d+");
	assert_int_equal(look(&h, "llm").in_use, 0);
	assert_states(run, "FSSSSS");
	harness_release(&h);
}

/* By priority within a pool, also among agent types; in turn among runs. */
static void
test_order(void **state)
{
	static const char yaml[] = "priority: low\ndefaults: {agent: x, pool: llm, priority: 5}\n"
	                           "tasks: [{id: a, priority: low}, {id: b, agent: y}, {id: c},\n"
	                           "  {id: d, agent: y, priority: high}]\n";
	static const char *const order[] = { "d", "d", "bc", "bc", "bc", "bc", "a", "a" };
	struct stored_run *runs[2];
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 1, 0, 0);
	runs[0] = start(&h, yaml);
	runs[1] = start(&h, yaml);
	for (size_t i = 0; i < 8; i++) {
		const struct entry *entry;

		assert_int_equal(harness_dispatch(&h), 1);
		entry = &h.entries[i];
		assert_non_null(strstr(order[i], entry->stored->wf->tasks[entry->task].id));
		if (i == 1 || i == 7) /* the other run's turn; b and c may take turns */
			assert_ptr_not_equal(entry->stored, h.entries[i - 1].stored);
		harness_end(&h, entry->stored, entry->task, COMPLETION_SUCCEEDED);
	}
	assert_false(runs[0]->live || runs[1]->live);
	harness_release(&h);
}

/* Many that need little come all the time; the one that needs much gets its turn. */
static void
test_big_is_not_starved(void **state)
{
	struct stored_run *big;
	struct harness h;
	unsigned ended = 0;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 4, 0, 0);
	for (int i = 0; i < 4; i++)
		start(&h, "tasks: [{id: a, agent: x, pool: llm}]\n");
	harness_dispatch(&h);
	big = start(&h, "tasks: [{id: a, agent: y, pool: {name: llm, units: 4}}]\n");
	for (; harness_state(&h, big, 0) == TASK_READY; ended++) {
		struct entry *entry = h.entries;

		start(&h, "tasks: [{id: a, agent: x, pool: llm}]\n");
		harness_dispatch(&h);
		while (!entry->open)
			entry++;
		harness_end(&h, entry->stored, entry->task, COMPLETION_SUCCEEDED);
		harness_dispatch(&h);
		assert_true(ended < 9);
	}
	/* what was handed out before it, and one of the others by the turn of their type */
	assert_true(ended <= 5);
	assert_int_equal(look(&h, "llm").in_use, 4);
	harness_release(&h);
}

/* Something of higher priority goes first, and does not wait for the big one's units. */
static void
test_short_pool_and_priority(void **state)
{
	struct stored_run *small, *big, *urgent;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 4, 0, 0);
	small = start(&h, "tasks: [{id: a, agent: x, pool: {name: llm, units: 2}}]\n");
	harness_dispatch(&h);
	big = start(&h, "tasks: [{id: a, agent: x, pool: {name: llm, units: 4}}]\n");
	assert_int_equal(harness_dispatch(&h), 0);
	assert_int_equal(look(&h, "llm").wants, 4);
	urgent = start(&h, "priority: urgent\ntasks: [{id: a, agent: y, pool: llm}]\n");
	assert_int_equal(harness_dispatch(&h), 1);
	assert_int_equal(harness_state(&h, urgent, 0), TASK_QUEUED);
	play(&h, small, "a+");
	assert_int_equal(harness_state(&h, big, 0), TASK_READY);
	/* whose turn it was is gone: nobody waits for it */
	start(&h, "tasks: [{id: a, agent: z, pool: llm}]\n");
	assert_int_equal(harness_dispatch(&h), 0);
	play(&h, big, "x:a");
	assert_int_equal(look(&h, "llm").in_use, 2);
	assert_int_equal(look(&h, "llm").ready, 0);
	harness_release(&h);
}

static void
test_tokens(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 0, 2, 2);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e, pool: }]\n");
	assert_int_equal(harness_dispatch(&h), 3);
	assert_states(run, "qqrrq");
	assert_int_equal(engine_next_timer(h.engine), h.now.mono_ms + 500);
	assert_int_equal(look(&h, "llm").dry_until, h.now.mono_ms + 500);
	harness_advance(&h, 499);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1);
	assert_int_equal(harness_dispatch(&h), 1);
	/* more of them at once, and what is there stays */
	harness_pool(&h, "llm", 0, 100, 2);
	harness_advance(&h, 9);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_advance(&h, 1000);
	assert_true(engine_next_timer(h.engine) == INT64_MAX);
	harness_release(&h);
}

/* A provider's limit holds up the pool, not the type. */
static void
test_throttled(void **state)
{
	struct completion said;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 2, 0, 0);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b, agent: y}, {id: c}, {id: d, pool: }]\n");
	harness_dispatch(&h);
	assert_states(run, "qqrq");
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_THROTTLED);
	said.retry_after_ms = 10000;
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	assert_int_equal(queue_held_until(engine_queue(h.engine, "x")), 0);
	assert_true(look(&h, "llm").held_until >= h.now.mono_ms + 10000);
	/* what no agent has of the pool is taken back, of the type it is not */
	assert_true(harness_entry(&h, run, 1)->withdraw);
	assert_false(harness_entry(&h, run, 3)->withdraw);
	play(&h, run, "b^");
	assert_states(run, "wrrq");
	harness_reload(&h);
	assert_true(look(&h, "llm").held_until > 0);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 15000);
	harness_dispatch(&h);
	assert_int_equal(look(&h, "llm").held_until, 0);
	assert_int_equal(look(&h, "llm").in_use, 2);
	harness_release(&h);
}

/* The rate falls when attempts fail or are throttled, and comes back; a restart keeps it. */
static void
test_rate_adapts(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 0, 10, 10);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}, {id: f}, {id: g}]\n");
	harness_dispatch(&h);
	harness_advance(&h, 6000);
	for (uint32_t t = 0; t < 5; t++)
		harness_fail(&h, run, t, CATEGORY_EXIT);
	assert_true(look(&h, "llm").per_second == 5);
	harness_reload(&h);
	assert_true(look(&h, "llm").per_second == 5);
	harness_release(&h);
}

/* No burst after each restart: the tokens that are left are stored. */
static void
test_tokens_are_kept(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 0, 1, 3);
	start(&h, "defaults: {agent: x, pool: llm}\n"
	          "tasks: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}, {id: f}, {id: g}]\n");
	assert_int_equal(harness_dispatch(&h), 3);
	harness_reload(&h);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1000);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

static void
test_unknown(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "tasks: [{id: a, agent: x, pool: lm}, {id: b, agent: x, pool: lm}]\n");
	assert_int_equal(harness_dispatch(&h), 0);
	assert_false(look(&h, "lm").known);
	harness_pool(&h, "lm", 1, 0, 0);
	assert_int_equal(harness_dispatch(&h), 1);
	engine_set_pool(h.engine, &h.now, "lm", NULL);
	play(&h, run, "a+");
	assert_states(run, "Sr");
	harness_release(&h);
}

/* What can never be is said at once, and holds up nobody. */
static void
test_too_many_units(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 2, 0, 0);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a, pool: {name: llm, units: 3}}, {id: b}]\n");
	harness_dispatch(&h);
	assert_states(run, "Fq");
	assert_int_equal(run->tasks[0].dead_category, CATEGORY_REJECTED);
	assert_string_equal(run->tasks[0].reason, "needs 3 units of pool llm, which has 2: lower "
	    "units in the workflow, or raise pools.llm.units in the configuration");
	harness_release(&h);
}

/* A pool that shrinks lets nothing new start until enough is over. */
static void
test_shrinks(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 3, 0, 0);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b}, {id: c}, {id: d}]\n");
	harness_dispatch(&h);
	harness_pool(&h, "llm", 1, 0, 0);
	play(&h, run, "a+ b+");
	assert_states(run, "SSqr");
	play(&h, run, "c+");
	assert_states(run, "SSSq");
	harness_release(&h);
}

/* Units are held until the entry is settled, also by what was cancelled, and after a crash. */
static void
test_held_until_settled(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 2, 0, 0);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b}, {id: c}]\n");
	play(&h, run, "a> x:a");
	assert_states(run, "Cqr");
	assert_int_equal(look(&h, "llm").in_use, 2);
	harness_reload(&h);
	assert_int_equal(look(&h, "llm").in_use, 2);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_end(&h, run, 0, COMPLETION_FAILED);
	assert_int_equal(harness_dispatch(&h), 1);
	assert_states(run, "Cqq");
	harness_release(&h);
}

/* A task that is fetched for keeps its units meanwhile, and its turn. */
static void
test_fetch(void **state)
{
	struct completion said;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.max_outputs = 0;
	harness_pool(&h, "llm", 1, 0, 0);
	harness_reload(&h);
	run = start(&h, "defaults: {agent: x, pool: llm}\n"
	                "tasks: [{id: a}, {id: b, needs: a, prompt: \"${{ tasks.a.outputs.x }}\"},\n"
	                "  {id: c}]\n");
	harness_dispatch(&h);
	assert_states(run, "qPr");
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
	said.outputs = "{\"x\":1}";
	said.outputs_len = 7;
	harness_tell(&h, &said);
	play(&h, run, "c+");
	h.withhold = true;
	harness_dispatch(&h);
	assert_int_equal(look(&h, "llm").in_use, 1);
	h.withhold = false;
	harness_apply(&h);
	assert_states(run, "SqS");
	assert_int_equal(look(&h, "llm").in_use, 1);
	play(&h, run, "b+");
	assert_int_equal(look(&h, "llm").in_use, 0);
	harness_release(&h);
}

/* A closed pool costs nothing, however much waits for it: it is left out, not searched. */
static void
test_many_wait(void **state)
{
	struct builder b = builder_begin(20000, "x");
	struct stored_run *run;
	struct harness h;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		b.tasks[i].pool = i < 10000 ? "llm" : NULL;
		b.tasks[i].units = i < 10000;
	}
	harness_init(&h, 7);
	harness_pool(&h, "llm", 1, 0, 0);
	b.wf->max_parallel = 0;
	run = harness_submit(&h, b.wf, -1);
	for (uint32_t i = 10000; i < 20000; i++) {
		harness_dispatch(&h);
		harness_end(&h, run, i, COMPLETION_SUCCEEDED);
	}
	assert_int_equal(look(&h, "llm").ready, 9999);
	assert_int_equal(look(&h, "llm").in_use, 1);
	workflow_unref(b.wf);
	harness_release(&h);
}

static void
count_units(void *arg, const struct run *run, uint32_t task, uint32_t units)
{
	assert_non_null(run);
	assert_true(task < 3);
	*(uint32_t *)arg += units;
}

static void
test_holders(void **state)
{
	uint32_t units = 0;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 0, 0, 0);
	start(&h, "tasks: [{id: a, agent: x, pool: llm}, {id: b, agent: x},\n"
	          "  {id: c, agent: x, pool: {name: llm, units: 5}}]\n");
	harness_dispatch(&h);
	engine_pool_holders(h.engine, engine_pool_find(h.engine, "llm"), count_units, &units);
	assert_int_equal(units, 6);
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_big_is_not_starved),
		cmocka_unit_test(test_short_pool_and_priority),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_rate_adapts),
		cmocka_unit_test(test_tokens_are_kept),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_too_many_units),
		cmocka_unit_test(test_shrinks),
		cmocka_unit_test(test_held_until_settled),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_many_wait),
		cmocka_unit_test(test_holders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
