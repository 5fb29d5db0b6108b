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
	assert_non_null(strstr(run->tasks[1].reason, "a"));
	assert_non_null(strstr(run->error, "task b failed: "));
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_missing_output_is_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
