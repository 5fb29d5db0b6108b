/* SPDX-License-Identifier: MIT */
/* What an agent is handed: bodies, inputs, env, and tasks that cannot be rendered. */
#include "engine_support.h"

#define TWO(body)                                                                      \
	"tasks:\n  - {id: a, agent: x}\n  - {id: b, agent: x, needs: [a], " body "}\n"

static struct entry *
after_a(struct harness *h, const char *yaml, const char *outputs, struct stored_run **ret_run)
{
	struct stored_run *run = start(h, yaml);
	struct completion said;

	harness_dispatch(h);
	said = harness_report(harness_entry(h, run, 0), COMPLETION_SUCCEEDED);
	said.outputs = outputs;
	said.outputs_len = strlen(outputs);
	assert_int_equal(harness_tell(h, &said), COMPLETION_APPLIED);
	harness_dispatch(h);
	*ret_run = run;
	return run->live ? harness_entry(h, run, 1) : NULL;
}

static void
test_bodies(void **state)
{
	struct stored_run *run;
	struct entry *entry;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	entry = after_a(&h, TWO("prompt: \"n=${{ tasks.a.outputs.n }}\""), "{\"n\":3}", &run);
	assert_string_equal(entry->body, "n=3");
	assert_non_null(strstr(entry->meta, "\"outputs\":{\"n\":3}"));
	entry = after_a(&h, TWO("payload: {v: \"${{ tasks.a.outputs.n }}\"}"), "{\"n\":3}", &run);
	assert_string_equal(entry->body, "{\"v\":3}");
	entry = after_a(&h, TWO("run: \"echo ${{ tasks.a.outputs.n }}\""), "{\"n\":\"$(x)\"}",
	    &run);
	assert_null(strstr(entry->body, "$(x)"));
	assert_non_null(strstr(entry->meta, "\"REEVE_V1\":\"$(x)\""));
	harness_release(&h);
}

static void
test_missing_output_is_rejected(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	assert_null(after_a(&h, TWO("prompt: \"${{ tasks.a.outputs.n }}\""), "{}", &run));
	assert_int_equal(run->record.state, RUN_FAILED);
	assert_int_equal(run->tasks[1].dead_category, CATEGORY_REJECTED);
	assert_int_equal(run->tasks[1].dead, 1);
	assert_string_equal(run->tasks[1].reason, "task 'a' gave no output 'n'");
	assert_string_equal(run->error, "task b failed: task 'a' gave no output 'n'");
	harness_release(&h);
}

static void
test_params_and_env(void **state)
{
	static const char yaml[] = "params: {who: {type: string, default: you}}\n"
	                           "env: {A: \"<${{ params.who }}>\", B: \"${{ run.name }}!\"}\n"
	                           "tasks: [{id: a, agent: x, prompt: \"${{ params.who }} "
	                           "${{ env.B }} ${{ run.name }}\"}]\n";
	struct workflow *wf = load_one(yaml);
	struct run_spec spec = { .wf = wf, .params = "{\"who\":\"me\"}", .priority = -1 };
	const struct effect *effect;
	struct run *run = NULL;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	spec.id = run_id_make(h.now.wall_ms, 0, &h.rng);
	assert_int_equal(engine_submit(h.engine, &h.now, &spec, &h.effects, &run, NULL), 0);
	effects_drop_front(&h.effects, h.effects.len);
	assert_int_equal(engine_dispatch(h.engine, &h.now, 1, &h.effects), 1);
	effect = &h.effects.items[0];
	assert_int_equal(effect->kind, EFFECT_DISPATCH);
	assert_int_equal(effect->u.dispatch.body_len, strlen(effect->u.dispatch.body));
	assert_string_equal(effect->u.dispatch.body, "me test! test");
	assert_string_equal(effect->u.dispatch.meta,
	    "{\"workflow\":\"test\",\"params\":{\"who\":\"me\"},"
	    "\"env\":{\"A\":\"<me>\",\"B\":\"test!\"}}");
	workflow_unref(wf);
	harness_release(&h);
}

/* Exactly as large as allowed goes out, a byte more does not. */
static void
test_too_large(void **state)
{
	static const char outputs[] = "{\"n\":\"0123456789\"}";
	struct stored_run *run;
	struct entry *entry;
	struct harness h;
	size_t size;

	(void)state;
	harness_init(&h, 7);
	entry = after_a(&h, TWO("prompt: \"${{ tasks.a.outputs.n }}\""), outputs, &run);
	size = strlen(entry->body) + strlen(entry->meta);
	harness_release(&h);
	for (size_t less = 0; less < 2; less++) {
		char text[128];

		harness_init(&h, 7);
		h.config.max_rendered = size - less;
		harness_reload(&h);
		entry = after_a(&h, TWO("prompt: \"${{ tasks.a.outputs.n }}\""), outputs, &run);
		assert_int_equal(entry != NULL, less == 0);
		if (!entry) {
			snprintf(text, sizeof text,
			    "the rendered task is larger than %zu bytes", size - 1);
			assert_string_equal(run->tasks[1].reason, text);
			assert_int_equal(run->tasks[1].dead_category, CATEGORY_REJECTED);
			assert_int_equal(run->record.state, RUN_FAILED);
		}
		harness_release(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_missing_output_is_rejected),
		cmocka_unit_test(test_params_and_env),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
