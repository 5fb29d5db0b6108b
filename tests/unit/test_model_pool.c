/* SPDX-License-Identifier: MIT */
/* `pool` of tasks and defaults: forms, faults, canonical form, fmt. */
#include "model_support.h"

#include "model/canonical.h"
#include "model/fmt.h"

static const char rich[] = "defaults: {agent: x, pool: {name: llm, units: 3}}\n"
                           "tasks:\n"
                           "- {id: a}\n"
                           "- {id: b, pool: gpu-1}\n"
                           "- {id: c, pool: {units: 2, name: llm}}\n"
                           "- {id: d, pool: }\n";

static void
check_rich(const struct workflow *wf)
{
	assert_string_equal(wf->tasks[0].pool, "llm");
	assert_int_equal(wf->tasks[0].units, 3);
	assert_string_equal(wf->tasks[1].pool, "gpu-1");
	assert_int_equal(wf->tasks[1].units, 1);
	assert_string_equal(wf->tasks[2].pool, "llm");
	assert_int_equal(wf->tasks[2].units, 2);
	assert_null(wf->tasks[3].pool);
	assert_int_equal(wf->tasks[3].units, 0);
}

static void
test_forms(void **state)
{
	struct workflow *wf = load_one(rich);

	(void)state;
	check_rich(wf);
	workflow_unref(wf);
}

static void
test_canonical(void **state)
{
	struct workflow *wf = load_one(rich), *again;
	struct buf first = { 0 }, second = { 0 };
	struct err err = { 0 };

	(void)state;
	workflow_canonical(wf, &first);
	again = workflow_from_canonical(first.data, first.len, &err);
	assert_non_null(again);
	check_rich(again);
	workflow_canonical(again, &second);
	assert_string_equal(first.data, second.data);
	for (size_t i = 0; i < first.len; i++)
		assert_null(workflow_from_canonical(first.data, i, &err));
	workflow_unref(again);
	workflow_unref(wf);
	buf_release(&first);
	buf_release(&second);
}

static const struct {
	const char *pool, *fault;
} faulty[] = {
	{ "9x", "f:2:29: error: " },
	{ "[llm]", "f:2:29: error: " },
	{ "{units: 2}", "f:2:29: error: a pool without 'name'\n" },
	{ "{name: llm, units: 0}",
	    "f:2:48: error: 'units' must be a whole number from 1 to 1000000\n" },
	{ "{name: llm, units: many}",
	    "f:2:48: error: 'units' must be a whole number from 1 to 1000000\n" },
	{ "{name: llm, unit: 2}",
	    "f:2:41: error: unknown key 'unit' in 'pool': did you mean 'units'?\n" },
	{ "llm", "" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
		char *text = xasprintf("tasks:\n- {id: a, agent: x  , pool: %s}\n", faulty[i].pool);
		char *faults = load_faults("f", text, strlen(text), NULL);

		if (strncmp(faults, faulty[i].fault, strlen(faulty[i].fault)) != 0 ||
		    (!*faulty[i].fault && *faults))
			fail_msg("%s: %s", faulty[i].pool, faults);
		free(faults);
		free(text);
	}
}

static void
test_format(void **state)
{
	static const char text[] =
	    "tasks: [{pool: {units: 2, name: llm}, id: a, agent: x}]\nname: w\n";
	static const char want[] =
	    "name: w\ntasks:\n- {id: a, agent: x, pool: {name: llm, units: 2}}\n";
	struct faults faults = { 0 };
	struct buf out = { 0 };
	bool comments;

	(void)state;
	assert_int_equal(workflow_format("f.yaml", text, strlen(text), NULL, &faults, &out,
	                     &comments), 0);
	assert_string_equal(buf_text(&out), want);
	faults_release(&faults);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
