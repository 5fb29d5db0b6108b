/* SPDX-License-Identifier: MIT */
/* `budget` of a workflow: forms, faults, canonical form, fmt. */
#include "model_support.h"

#include "model/canonical.h"
#include "model/fmt.h"

#define TASKS "tasks: [{id: a, agent: x}]\n"

static const char rich[] = "budget: {usd: 20.5, tokens: 1.5M, on_breach: fail}\n" TASKS;

static void
check_rich(const struct workflow *wf)
{
	assert_int_equal(wf->budget.limit.micro_usd, 20500000);
	assert_int_equal(wf->budget.limit.tokens, 1500000);
	assert_int_equal(wf->budget.on_breach, BREACH_FAIL);
}

static void
test_forms(void **state)
{
	struct workflow *wf = load_one(rich);

	(void)state;
	check_rich(wf);
	workflow_unref(wf);
	wf = load_one("budget: {tokens: 500}\n" TASKS);
	assert_int_equal(wf->budget.limit.micro_usd, 0);
	assert_int_equal(wf->budget.limit.tokens, 500);
	assert_int_equal(wf->budget.on_breach, BREACH_PAUSE);
	workflow_unref(wf);
	wf = load_one("budget:\n" TASKS);
	assert_int_equal(wf->budget.limit.tokens, 0);
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
	workflow_unref(again);
	workflow_unref(wf);
	/* what has none is written as ever: its hash stays */
	buf_clear(&first);
	wf = load_one(TASKS);
	workflow_canonical(wf, &first);
	assert_null(strstr(first.data, "budget"));
	workflow_unref(wf);
	buf_release(&first);
	buf_release(&second);
}

static const struct {
	const char *budget, *fault;
} faulty[] = {
	{ "20", "f:1:9: error: 'budget' must be a map" },
	{ "{}", "f:1:9: error: a budget with neither 'usd' nor 'tokens'" },
	{ "{on_breach: pause}", "f:1:9: error: a budget with neither" },
	{ "{usd: 0}", "f:1:15: error: 'usd' must be a number" },
	{ "{usd: -3}", "f:1:15: error: 'usd' must be a number" },
	{ "{usd: 1e300}", "f:1:15: error: 'usd' must be a number" },
	{ "{usd: inf}", "f:1:15: error: 'usd' must be a number" },
	{ "{tokens: 0}", "f:1:18: error: 'tokens' must be a number such as" },
	{ "{tokens: 2X}", "f:1:18: error: 'tokens' must be a number such as" },
	{ "{tokens: -5}", "f:1:18: error: 'tokens' must be a number such as" },
	{ "{tokens: [1]}", "f:1:18: error: 'tokens' must be a number such as" },
	{ "{tokens: 9999999999G}", "f:1:18: error: 'tokens' must be a number such as" },
	{ "{usd: 1, on_breach: stop}", "f:1:29: error: 'on_breach' must be one of: pause, fail" },
	{ "{usd: 1, token: 5}", "did you mean 'tokens'" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faulty); i++) {
		char *text = xasprintf("budget: %s\n" TASKS, faulty[i].budget);
		char *faults = load_faults("f", text, strlen(text), NULL);

		if (strstr(faults, faulty[i].fault) == NULL)
			fail_msg("%s: got %s", faulty[i].budget, faults);
		free(faults);
		free(text);
	}
}

static void
test_format(void **state)
{
	static const char text[] = "tasks: [{id: a, agent: x}]\nbudget: {onBreach: fail, usd: 3}\n";
	static const char want[] =
	    "budget: {usd: 3, on_breach: fail}\ntasks:\n- {id: a, agent: x}\n";
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
