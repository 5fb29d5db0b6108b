/* SPDX-License-Identifier: MIT */
/* A run that is written as text is the run that is built as a tree, byte for byte. */
#include "model_support.h"

#include "orchestrator/view.h"

static const char PLAIN[] = "name: plain\ntasks:\n  - id: a\n    agent: w\n    prompt: go\n";
static const char BUDGET[] = "name: dear\nbudget:\n  usd: 2.5\n  tokens: 1000\n"
			     "tasks:\n  - id: a\n    agent: w\n    prompt: go\n"
			     "  - id: b\n    agent: w\n    prompt: go\n";

static void
assert_same(const struct run *run)
{
	json_t *tree = view_run(run);
	char *expected = json_dumps(tree, JSON_COMPACT);
	struct buf text = { 0 };

	view_run_text(run, &text);
	assert_string_equal(buf_text(&text), expected);
	buf_release(&text);
	free(expected);
	json_decref(tree);
}

static struct run
run_of(struct workflow *wf, char *params)
{
	return (struct run){ .id = { "0h8k3v9mzabcdefghjk-0" }, .wf = wf, .params = params,
		.created_ms = 1732200000123, .priority = 5, .open = wf->n_tasks, .version = 1 };
}

static void
test_new_runs(void **state)
{
	char none[] = "{}";
	char some[] = "{\"a\":[1,-2.5,true,null],\"b\":{\"c\":\"\xC3\xA9 \\\"x\\\"\\n\"}}";
	struct workflow *wf = load_one(PLAIN);
	struct run run = run_of(wf, none);

	(void)state;
	assert_same(&run);
	run.params = some;
	run.priority = 0;
	assert_same(&run);
	run.params = NULL;
	assert_same(&run);
	workflow_unref(wf);
}

static void
test_all_that_a_run_may_say(void **state)
{
	char none[] = "{}", why[] = "task \"a\" failed:\ttimeout", replay[] = "r/a";
	struct workflow *wf = load_one(BUDGET);
	struct run run = run_of(wf, none);

	(void)state;
	for (int i = 0; i < RUN_STATE_COUNT; i++) {
		run.state = (uint8_t)i;
		run.finished_ms = 1732200009999;
		assert_same(&run);
	}
	run.state = RUN_RUNNING;
	run.started_ms = run.created_ms + 5;
	run.finished_ms = 0;
	run.reopened_ms = run.paused_ms = run.created_ms + 7;
	run.open = 1;
	run.failed = 1;
	run.error = why;
	run.replay_of = replay;
	run.spent = (struct spend){ .micro_usd = 123456, .tokens = 78 };
	run.since = (struct spend){ .micro_usd = 3, .tokens = 2 };
	run.over = true;
	assert_same(&run);
	workflow_unref(wf);
}

/* Tasks that are ready, that wait for others, and that nothing keeps. */
static void
test_new_run_with_tasks(void **state)
{
	static const char yaml[] = "name: fan\ntasks:\n  - id: a\n    agent: w\n    prompt: go\n"
				   "  - id: b\n    agent: w\n    prompt: go\n    needs: a\n"
				   "  - id: c\n    agent: v\n    prompt: go\n    needs: [a, b]\n";
	struct engine_config config;
	struct rng rng;
	struct engine *engine;
	struct effects effects = { 0 };
	struct view_context context = { .now = { .wall_ms = 1732200000123, .mono_ms = 5 } };
	struct run_spec spec = { .wf = load_one(yaml), .params = "{}", .priority = -1 };
	struct run *run = NULL;
	struct buf text = { 0 };
	json_t *tree;
	char *expected;

	(void)state;
	engine_config_defaults(&config);
	rng_init(&rng, 1);
	engine = engine_new(&config, &rng);
	context.engine = engine;
	spec.id = run_id_make(context.now.wall_ms, 0, &rng);
	assert_int_equal(engine_submit(engine, &context.now, &spec, &effects, &run, NULL), 0);
	for (int round = 0; round < 2; round++) {
		tree = view_run_full(run, &context, NULL);
		expected = json_dumps(tree, JSON_COMPACT);
		view_new_run_text(run, &context, &text);
		assert_string_equal(buf_text(&text), expected);
		assert_non_null(strstr(expected, "\"waiting_for\":{"));
		buf_release(&text);
		free(expected);
		json_decref(tree);
		/* one of them is handed out: it waits in its agent's queue */
		engine_dispatch(engine, &context.now, 100, &effects);
	}
	effects_release(&effects);
	engine_free(engine);
	workflow_unref(spec.wf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_runs),
		cmocka_unit_test(test_new_run_with_tasks),
		cmocka_unit_test(test_all_that_a_run_may_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
