/* SPDX-License-Identifier: MIT */
/* What is paused starts nothing new, also after a crash, and goes on where it was. */
#include "engine_support.h"

#define TWO "name: w\ntasks: [{id: a, agent: x}, {id: b, agent: x, needs: [a]}]\n"

static const struct story stories[] = {
	{ "what runs goes on, nothing new starts", TWO, "a> p: a+", "Sr", RUN_QUEUED, 0, NULL },
	{ "a crash changes nothing", TWO, "a> p: * a+ *", "Sr", RUN_QUEUED, 0, NULL },
	{ "it goes on", TWO, "a> p: * a+ u: b+", "SS", RUN_SUCCEEDED, 0, NULL },
	{ "goes on after a crash", TWO, "a> p: a+ u: * b+", "SS", RUN_SUCCEEDED, 0, NULL },
	{ "a retry is due, and waits", "tasks: [{id: a, agent: x, retry: {max_attempts: 2}}]\n",
	    "a- p: @5000", "r", RUN_QUEUED, 0, NULL },
	{ "what no agent has is taken back", TWO, "p: a^", "rP", RUN_QUEUED, 0, NULL },
	{ "and starts when it goes on", TWO, "p: a^ u: a+ b+", "SS", RUN_SUCCEEDED, 0, NULL },
	{ "an agent was faster", TWO, "p: a_ a+", "Sr", RUN_QUEUED, 0, NULL },
	{ "a crash before it was taken back", TWO, "p: * a^ *", "rP", RUN_QUEUED, 0, NULL },
	{ "it is taken back, but went on first", TWO, "p: u: a^", "qP", RUN_QUEUED, 0, NULL },
	{ "a paused run can be cancelled", TWO, "p: x:", "CC", RUN_CANCELLED, 0, NULL },
	{ "a run that runs again is not paused", TWO, "p: x: t:", "PP", RUN_QUEUED, 0, NULL },
};

static void
test_stories(void **state)
{
	(void)state;
	check_stories(stories, sizeof stories / sizeof *stories);
}

static void
test_twice(void **state)
{
	struct err err = { 0 };
	struct stored_run *stored;
	struct harness h;
	struct run *run;

	(void)state;
	harness_init(&h, 7);
	stored = start(&h, TWO);
	run = run_ref(engine_find(h.engine, stored->id.text));
	assert_int_equal(engine_pause_run(h.engine, &h.now, run, false, &h.effects, &err),
	    ERR_CONFLICT);
	assert_non_null(strstr(err.text, "is not paused"));
	assert_int_equal(engine_pause_run(h.engine, &h.now, run, true, &h.effects, &err), 0);
	assert_int_equal(engine_pause_run(h.engine, &h.now, run, true, &h.effects, &err),
	    ERR_CONFLICT);
	assert_non_null(strstr(err.text, "is paused already"));
	harness_apply(&h);
	engine_cancel(h.engine, &h.now, run, INTENT_CANCEL, &h.effects, NULL);
	assert_int_equal(engine_pause_run(h.engine, &h.now, run, false, &h.effects, &err),
	    ERR_CONFLICT);
	assert_non_null(strstr(err.text, "has ended: it is cancelled"));
	run_unref(run);
	harness_release(&h);
}

/* Its live runs and those that come; the others go on. */
static void
test_workflow(void **state)
{
	static const char other[] = "name: v\ntasks: [{id: a, agent: x}]\n";
	struct stored_run *before, *later, *free_one;
	struct err err = { 0 };
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	before = start(&h, TWO);
	assert_int_equal(engine_pause_workflow(h.engine, &h.now, "w", "1 me", &h.effects, &err), 0);
	assert_int_equal(h.effects.items[0].kind, EFFECT_PAUSE);
	assert_string_equal(h.effects.items[0].u.pause.what, "workflow:w");
	assert_int_equal(engine_pause_workflow(h.engine, &h.now, "w", "1 me", &h.effects, &err),
	    ERR_CONFLICT);
	later = start(&h, TWO);
	free_one = start(&h, other);
	harness_dispatch(&h);
	assert_string_equal(letters(before->run, now), "rP");
	assert_string_equal(letters(later->run, now), "rP");
	assert_string_equal(letters(free_one->run, now), "q");
	assert_true(engine_workflow_paused(h.engine, "w"));
	assert_int_equal(engine_pause_workflow(h.engine, &h.now, "w", NULL, &h.effects, &err), 0);
	assert_int_equal(engine_pause_workflow(h.engine, &h.now, "w", NULL, &h.effects, &err),
	    ERR_CONFLICT);
	harness_dispatch(&h);
	assert_string_equal(letters(before->run, now), "qP");
	assert_string_equal(letters(later->run, now), "qP");
	harness_release(&h);
}

static void
test_type(void **state)
{
	static const char both[] = "tasks: [{id: a, agent: x}, {id: b, agent: y}]\n";
	struct stored_run *run;
	struct err err = { 0 };
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	run = start(&h, both);
	assert_int_equal(engine_pause_type(h.engine, &h.now, "x", "1 me", &h.effects, &err), 0);
	assert_int_equal(engine_pause_type(h.engine, &h.now, "x", "1 me", &h.effects, &err),
	    ERR_CONFLICT);
	assert_non_null(strstr(err.text, "agent type \"x\" is paused already"));
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "rq");
	assert_int_equal(engine_pause_type(h.engine, &h.now, "x", NULL, &h.effects, &err), 0);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "qq");
	harness_release(&h);
}

static void
test_stored(void **state)
{
	struct stored_run *run;
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	assert_true(engine_load_pause(h.engine, "workflow:w"));
	assert_true(engine_load_pause(h.engine, "type:y"));
	assert_false(engine_load_pause(h.engine, "type:"));
	assert_false(engine_load_pause(h.engine, "moon:w"));
	run = start(&h, TWO);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "rP");
	run = start(&h, "name: v\ntasks: [{id: a, agent: y}, {id: b, agent: x}]\n");
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "rq");
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_workflow),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
