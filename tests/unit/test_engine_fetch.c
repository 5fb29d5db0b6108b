/* SPDX-License-Identifier: MIT */
/* Outputs that memory does not hold are fetched before a task is handed out. */
#include "engine_support.h"

#define PAIR                                                                           \
	"tasks:\n"                                                                     \
	"  - {id: a, agent: x}\n"                                                      \
	"  - {id: b, agent: y, needs: [a], prompt: \"n=${{ tasks.a.outputs.n }}\"}\n"

static void
begin(struct harness *h, size_t max_outputs, uint32_t window)
{
	harness_init(h, 7);
	h->config.max_outputs = max_outputs;
	h->config.window = window;
	harness_reload(h);
}

static void
succeed(struct harness *h, struct stored_run *run, uint32_t task, const char *outputs)
{
	struct completion said;

	harness_dispatch(h);
	said = harness_report(harness_entry(h, run, task), COMPLETION_SUCCEEDED);
	said.outputs = outputs;
	said.outputs_len = strlen(outputs);
	assert_int_equal(harness_tell(h, &said), COMPLETION_APPLIED);
}

static void
waits_for_its_inputs(void **state)
{
	struct stored_run *run;
	struct entry *entry;
	struct harness h;

	(void)state;
	begin(&h, 0, 10);
	run = start(&h, PAIR);
	succeed(&h, run, 0, "{\"n\":3}");
	assert_int_equal(engine_outputs(h.engine), 0);
	h.withhold = true;
	assert_int_equal(harness_dispatch(&h), 0);
	assert_int_equal(harness_state(&h, run, 1), TASK_READY);
	assert_true(run->run->tasks[1].fetching);
	assert_int_equal(harness_dispatch(&h), 0);
	assert_int_equal(h.fetches.len, 1);
	assert_int_equal(h.fetches.items[0].u.fetch.n, 1);
	assert_int_equal(h.fetches.items[0].u.fetch.tasks[0], 0);
	h.withhold = false;
	harness_apply(&h);
	entry = harness_entry(&h, run, 1);
	assert_string_equal(entry->body, "n=3");
	assert_non_null(strstr(entry->meta, "\"outputs\":{\"n\":3}"));
	assert_int_equal(engine_outputs(h.engine), 0);
	harness_check(&h);
	harness_release(&h);
}

/* Memory holds as much as it may, and nothing that nobody will read. */
static void
memory_is_bounded(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	begin(&h, 20, 10);
	run = start(&h, "tasks:\n"
	                "  - {id: a, agent: x}\n"
	                "  - {id: b, agent: x}\n"
	                "  - {id: c, agent: x}\n"
	                "  - {id: d, agent: x, needs: [a, b]}\n");
	succeed(&h, run, 0, "{\"n\":\"12345678\"}");
	assert_int_equal(engine_outputs(h.engine), 16);
	succeed(&h, run, 1, "{\"n\":\"abcdefgh\"}");
	assert_int_equal(engine_outputs(h.engine), 16);
	succeed(&h, run, 2, "{}");
	assert_int_equal(engine_outputs(h.engine), 16);
	harness_dispatch(&h);
	assert_int_equal(h.fetched, 1);
	assert_non_null(strstr(harness_entry(&h, run, 3)->meta, "abcdefgh"));
	assert_non_null(strstr(harness_entry(&h, run, 3)->meta, "12345678"));
	assert_int_equal(engine_outputs(h.engine), 16);
	harness_end(&h, run, 3, COMPLETION_SUCCEEDED);
	assert_int_equal(engine_outputs(h.engine), 0);
	harness_release(&h);
}

/* A fan-out asks once for what all its tasks read. */
static void
many_ask_once(void **state)
{
	struct builder b = builder_begin(201, "x");
	struct stored_run *run;
	struct harness h;

	(void)state;
	for (uint32_t i = 1; i <= 200; i++)
		builder_need(&b, i, 0, NEED_SUCCESS);
	begin(&h, 0, 500);
	run = harness_submit(&h, b.wf, -1);
	succeed(&h, run, 0, "{\"n\":3}");
	assert_int_equal(harness_dispatch(&h), 200);
	assert_int_equal(h.fetched, 4); /* 64 tasks each */
	workflow_unref(b.wf);
	harness_release(&h);
}

/* After a load nothing is in memory; what is read then stays, if there is room. */
static void
a_load_reads_what_is_needed(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	begin(&h, 1000, 1);
	run = start(&h, "tasks:\n"
	                "  - {id: a, agent: x}\n"
	                "  - {id: b, agent: x, needs: [a]}\n"
	                "  - {id: c, agent: x, needs: [a]}\n");
	succeed(&h, run, 0, "{\"n\":3}");
	assert_int_equal(engine_outputs(h.engine), 7);
	harness_reload(&h);
	assert_int_equal(engine_outputs(h.engine), 0);
	harness_dispatch(&h);
	assert_non_null(strstr(harness_entry(&h, run, 1)->meta, "{\"n\":3}"));
	assert_int_equal(engine_outputs(h.engine), 7);
	succeed(&h, run, 1, "{}");
	harness_dispatch(&h);
	assert_non_null(strstr(harness_entry(&h, run, 2)->meta, "{\"n\":3}"));
	assert_int_equal(h.fetched, 1);
	harness_release(&h);
}

/* What somebody deleted or broke fails those who read it, and nobody else. */
static void
lost_outputs_fail_their_readers(void **state)
{
	static char broken[] = "{\"n\":", number[] = "3";
	char *damage[] = { NULL, broken, number };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
		struct stored_run *run;
		struct harness h;

		begin(&h, 0, 10);
		run = start(&h, PAIR "  - {id: c, agent: y}\n");
		succeed(&h, run, 0, "{\"n\":3}");
		free(run->tasks[0].outputs);
		run->tasks[0].outputs = damage[i] ? xstrdup(damage[i]) : NULL;
		harness_dispatch(&h);
		assert_int_equal(harness_state(&h, run, 1), TASK_FAILED);
		assert_int_equal(run->tasks[1].dead_category, CATEGORY_REJECTED);
		assert_string_equal(run->tasks[1].reason, "the outputs of task a, which it reads, "
		    "are not in redis any more (field o0 of the run)");
		harness_end(&h, run, 2, COMPLETION_SUCCEEDED);
		assert_int_equal(run->record.state, RUN_FAILED);
		harness_release(&h);
	}
}

/* The letter's body is made from memory where that holds what it reads, else it is the entry's. */
static void
letters_have_a_body(void **state)
{
	static const char *const outputs = "{\"n\":3}";

	(void)state;
	for (int far = 0; far < 2; far++) {
		struct stored_run *run;
		struct harness h;
		uint64_t token;

		begin(&h, far ? 0 : 1000, 10);
		run = start(&h, PAIR);
		succeed(&h, run, 0, outputs);
		harness_dispatch(&h);
		token = harness_entry(&h, run, 1)->token;
		harness_end(&h, run, 1, COMPLETION_FAILED);
		assert_int_equal(run->tasks[1].dead, 1);
		if (far) {
			assert_null(run->tasks[1].dead_body);
			assert_int_equal(run->tasks[1].dead_token, token);
		} else {
			assert_string_equal(run->tasks[1].dead_body, "n=3");
			assert_int_equal(run->tasks[1].dead_token, 0);
		}
		harness_release(&h);
	}
}

/* The place in the window is kept, and free again whatever becomes of the run. */
static void
places_are_given_back(void **state)
{
	static const enum run_intent intents[] = { INTENT_CANCEL, INTENT_STOP };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(intents); i++) {
		struct stored_run *run, *other;
		struct harness h;

		begin(&h, 0, 1);
		run = start(&h, PAIR);
		succeed(&h, run, 0, "{\"n\":3}");
		h.withhold = true;
		harness_dispatch(&h);
		other = start(&h, "tasks: [{id: t, agent: y}]\n");
		assert_int_equal(harness_dispatch(&h), 0);
		engine_cancel(h.engine, &h.now, run->run, intents[i], &h.effects, NULL);
		harness_apply(&h);
		assert_false(run->live);
		h.withhold = false;
		harness_apply(&h);
		assert_int_equal(harness_dispatch(&h), 1);
		harness_end(&h, other, 0, COMPLETION_SUCCEEDED);
		assert_int_equal(other->record.state, RUN_SUCCEEDED);
		harness_release(&h);
	}
}

static void
fetching_counts_as_running(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	begin(&h, 0, 10);
	run = start(&h, "max_parallel: 1\n" PAIR "  - {id: c, agent: x, needs: [a]}\n");
	succeed(&h, run, 0, "{\"n\":3}");
	h.withhold = true;
	harness_dispatch(&h);
	assert_int_equal(run->run->fetching, 1);
	h.withhold = false;
	harness_apply(&h);
	assert_int_equal(run->run->fetching, 0);
	assert_int_equal(run->run->outstanding, 1);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_check(&h);
	harness_release(&h);
}

/* A type that is stopped meanwhile gets nothing; the task waits in its lane again. */
static void
a_stopped_type_gets_nothing(void **state)
{
	struct stored_run *run;
	struct queue *queue;
	struct harness h;

	(void)state;
	begin(&h, 0, 10);
	run = start(&h, PAIR);
	queue = engine_queue(h.engine, "y");
	succeed(&h, run, 0, "{\"n\":3}");
	h.withhold = true;
	harness_dispatch(&h);
	assert_int_equal(queue_ready(queue), 0);
	queue_quarantine(queue, true);
	h.withhold = false;
	harness_apply(&h);
	assert_int_equal(queue_outstanding(queue), 0);
	assert_int_equal(queue_ready(queue), 1);
	queue_quarantine(queue, false);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

/* A need that failed is run again, and has outputs, while those of the others are read. */
static void
what_came_meanwhile_is_asked_for(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	begin(&h, 0, 10);
	run = start(&h, "tasks:\n"
	                "  - {id: a, agent: x}\n"
	                "  - {id: b, agent: x}\n"
	                "  - {id: c, agent: y, needs: [a, {task: b, on: done}]}\n");
	succeed(&h, run, 0, "{\"n\":3}");
	harness_end(&h, run, 1, COMPLETION_FAILED);
	harness_dispatch(&h);
	harness_end(&h, run, 2, COMPLETION_RELEASED);
	assert_int_equal(operate(&h, run, 't', "b"), 0);
	h.withhold = true;
	succeed(&h, run, 1, "{\"n\":4}");
	assert_true(run->run->tasks[2].fetching);
	h.withhold = false;
	harness_apply(&h);
	assert_int_equal(harness_state(&h, run, 2), TASK_READY);
	assert_int_equal(harness_dispatch(&h), 1);
	assert_non_null(strstr(harness_entry(&h, run, 2)->meta, "{\"n\":3}"));
	assert_non_null(strstr(harness_entry(&h, run, 2)->meta, "{\"n\":4}"));
	harness_check(&h);
	harness_release(&h);
}

/* As redis had it before the run's tasks were reset. */
static void
answer_first(struct harness *h, const char *outputs)
{
	engine_fetched(h->engine, &h->now, h->fetches.items[0].u.fetch.id, &outputs, &h->effects);
	effects_drop_front(&h->fetches, 1);
	harness_apply(h);
}

/* A task is run again, and succeeds, while the outputs that it had before are asked for. */
static void
an_answer_of_before_says_nothing(void **state)
{
	static const char *const ANSWERS[] = { NULL, "{\"n\":3}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ANSWERS); i++) {
		struct stored_run *run;
		struct harness h;

		begin(&h, 0, 10);
		run = start(&h, PAIR);
		succeed(&h, run, 0, "{\"n\":3}");
		h.withhold = true;
		harness_dispatch(&h);
		assert_int_equal(operate(&h, run, 'd', "a"), 0);
		succeed(&h, run, 0, "{\"n\":4}");
		harness_dispatch(&h);
		assert_int_equal(h.fetches.len, 2);
		answer_first(&h, ANSWERS[i]);
		assert_int_equal(harness_state(&h, run, 1), TASK_READY);
		h.withhold = false;
		harness_dispatch(&h);
		assert_string_equal(harness_entry(&h, run, 1)->body, "n=4");
		harness_check(&h);
		harness_release(&h);
	}
}

/* What could not be handed out anyway is not read. */
static void
too_much_is_not_read(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.max_outputs = 0;
	h.config.max_rendered = 64;
	harness_reload(&h);
	run = start(&h, "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [a]}]\n");
	succeed(&h, run, 0,
	    "{\"n\":\"0123456789012345678901234567890123456789012345678901234567890123\"}");
	harness_dispatch(&h);
	assert_int_equal(h.fetched, 0);
	assert_string_equal(run->tasks[1].reason, "the rendered task is larger than 64 bytes");
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_its_inputs),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(many_ask_once),
		cmocka_unit_test(a_load_reads_what_is_needed),
		cmocka_unit_test(lost_outputs_fail_their_readers),
		cmocka_unit_test(letters_have_a_body),
		cmocka_unit_test(places_are_given_back),
		cmocka_unit_test(fetching_counts_as_running),
		cmocka_unit_test(a_stopped_type_gets_nothing),
		cmocka_unit_test(what_came_meanwhile_is_asked_for),
		cmocka_unit_test(an_answer_of_before_says_nothing),
		cmocka_unit_test(too_much_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
