/* SPDX-License-Identifier: MIT */
/* The `retry` map and the timeouts of a task: rules, defaults, faults, canonical form, fmt. */
#include "model_support.h"

#include "model/agent_type.h"
#include "model/canonical.h"
#include "model/fmt.h"
#include "model/load_internal.h"

#define DOC(retry) "tasks:\n- {id: a, agent: x, retry: {" retry "}}\n"

static const char rich[] =
    "defaults:\n"
    "  queue_timeout: 5m\n"
    "  total_timeout: 1h\n"
    "  retry:\n"
    "    max_attempts: 4\n"
    "    backoff: adaptive\n"
    "    jitter: full\n"
    "    rules:\n"
    "    - {on: timeout, max_attempts: 2, delay: 5s}\n"
    "    - {exitCodes: [75, 3], backoff: fixed, factor: 3, max-delay: 2m, jitter: 0}\n"
    "tasks:\n"
    "- {id: a, agent: x}\n"
    "- {id: b, agent: x, total_timeout: 2h, retry: {max_attempts: 9}}\n"
    "- {id: c, agent: x, queueTimeout: 1s, retry: {rules: [], jitter: 0.5}}\n";

static void
test_rules(void **state)
{
	struct workflow *wf = load_one(rich);
	const struct retry_policy *a = wf->tasks[0].retry, *b = wf->tasks[1].retry;
	const struct retry_policy *c = wf->tasks[2].retry;

	(void)state;
	assert_int_equal(wf->tasks[0].queue_timeout_ms, 300000);
	assert_int_equal(wf->tasks[0].total_timeout_ms, 3600000);
	assert_int_equal(wf->tasks[1].total_timeout_ms, 7200000);
	assert_int_equal(wf->tasks[2].queue_timeout_ms, 1000);
	assert_int_equal(a->backoff, BACKOFF_ADAPTIVE);
	assert_true(a->jitter >= BACKOFF_FULL_JITTER);
	assert_int_equal(a->n_rules, 2);
	assert_int_equal(a->rules[0].on, CATEGORY_BIT(CATEGORY_TIMEOUT));
	assert_int_equal(a->rules[0].says, RETRY_SAYS_MAX_ATTEMPTS | RETRY_SAYS_DELAY);
	assert_int_equal(a->rules[0].max_attempts, 2);
	assert_int_equal(a->rules[0].delay_ms, 5000);
	assert_int_equal(a->rules[1].on, 0);
	assert_int_equal(a->rules[1].n_exit_codes, 2);
	assert_int_equal(a->rules[1].exit_codes[1], 75);
	assert_int_equal(a->rules[1].says, RETRY_SAYS_BACKOFF | RETRY_SAYS_FACTOR |
	        RETRY_SAYS_MAX_DELAY | RETRY_SAYS_JITTER);
	/* what a task says counts for it, the rest is that of the defaults, rules too */
	assert_int_equal(b->max_attempts, 9);
	assert_int_equal(b->n_rules, 2);
	assert_int_equal(c->n_rules, 0);
	assert_int_equal(c->max_attempts, 4);
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
	workflow_canonical(again, &second);
	assert_string_equal(first.data, second.data);
	assert_string_equal(wf->sha256, again->sha256);
	assert_true(retry_same(wf->tasks[0].retry, again->tasks[0].retry));
	assert_false(retry_same(wf->tasks[0].retry, again->tasks[2].retry));
	assert_int_equal(again->tasks[2].queue_timeout_ms, 1000);
	for (size_t i = 0; i < first.len; i++)
		assert_null(workflow_from_canonical(first.data, i, &err));
	workflow_unref(again);
	workflow_unref(wf);
	buf_release(&first);
	buf_release(&second);
}

/* A file that uses nothing new has the identity that it always had. */
static void
test_old_identity(void **state)
{
	struct workflow *wf = load_one(DOC("max_attempts: 2"));
	struct buf text = { 0 };

	(void)state;
	workflow_canonical(wf, &text);
	assert_string_equal(text.data,
	    "{\"v\":1,\"name\":\"test\",\"description\":\"\",\"on\":1,\"priority\":5,"
	    "\"timeout\":0,\"max_parallel\":50,\"fail\":0,\"params\":[],\"env\":[],\"tasks\":["
	    "{\"id\":\"a\",\"agent\":\"x\",\"retry\":{\"max_attempts\":2,\"backoff\":0,"
	    "\"delay\":1000,\"max_delay\":60000,\"factor\":2,\"jitter\":0.2,\"on\":[\"exit\","
	    "\"signal\",\"timeout\",\"invalid_output\"],\"exit_codes\":[],\"poison\":3,"
	    "\"given\":true},\"payload\":{}}]}");
	buf_release(&text);
	workflow_unref(wf);
}

static const struct {
	const char *text, *fault;
} faulty[] = {
	{ DOC("backoff: adaptiv"),
	    "f:2:38: error: 'adaptiv' is not a value of 'backoff': did you mean 'adaptive'?\n" },
	{ DOC("jitter: 2"), "f:2:37: error: 'jitter' must be a number from 0 to 1, or full\n" },
	{ DOC("rules: 1"), "f:2:36: error: 'rules' must be a list of at most 32 maps\n" },
	{ DOC("rules: {on: any}"), "f:2:36: error: 'rules' must be a list of at most 32 maps\n" },
	{ DOC("rules: [{on: any, delay: 1s}]"),
	    "f:2:36: warning: no rule tries anything again: 'max_attempts' is 1\n" },
	{ DOC("rules: [{on: any, max_attempts: 2}]"), "" },
	{ DOC("max_attempts: 2, rules: [{on: any, max_attempts: 1}]"), "" },
	{ DOC("rules: [timeout]"),
	    "f:2:37: error: a rule must be a map such as {on: [timeout], max_attempts: 2}, not a "
	    "scalar\n" },
	{ DOC("rules: [{delay: 1s}]"),
	    "f:2:37: error: a rule needs 'on' or 'exit_codes': the failures that it is about\n" },
	{ DOC("rules: [{on: [exit], max_atempts: 1}]"),
	    "f:2:50: error: unknown key 'max_atempts' in a rule of 'retry': did you mean "
	    "'max_attempts'?\n" },
	{ DOC("rules: [{on: any, poison: 1}]"),
	    "f:2:47: error: unknown key 'poison' in a rule of 'retry'\n" },
	{ DOC("rules: [{on: any, max_attempts: 0}]"),
	    "f:2:61: error: 'max_attempts' must be a whole number from 1 to 1000\n" },
	{ DOC("rules: [{on: [exit, timout]}]"),
	    "f:2:49: error: 'timout' is not a value of 'on': did you mean 'timeout'?\n" },
	{ "tasks:\n- {id: a, agent: x, queue_timeout: 0}\n",
	    "f:2:36: error: 'queue_timeout' must be more than 0; leave it out for none\n" },
	{ "tasks:\n- {id: a, agent: x, total_timeout: soon}\n",
	    "f:2:36: error: 'total_timeout' must be a duration such as 250ms, 30s, 10m, 1h30m, "
	    "1d\n" },
	{ "defaults: {total_timout: 1s}\ntasks: [{id: a, agent: x}]\n",
	    "f:1:12: error: unknown key 'total_timout' in 'defaults': did you mean "
	    "'total_timeout'?\n" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
		char *text = load_faults("f", faulty[i].text, strlen(faulty[i].text), NULL);

		assert_string_equal(text, faulty[i].fault);
		free(text);
	}
}

static void
test_too_many_rules(void **state)
{
	struct buf text = { 0 };
	char *faults;

	(void)state;
	buf_adds(&text, "tasks:\n- {id: a, agent: x, retry: {rules: [");
	for (unsigned i = 0; i < 33; i++)
		buf_adds(&text, i ? ", {on: exit}" : "{on: exit}");
	buf_adds(&text, "]}}\n");
	faults = load_faults("f", text.data, text.len, NULL);
	assert_string_equal(faults, "f:2:36: error: 'rules' must be a list of at most 32 maps\n");
	free(faults);
	buf_release(&text);
}

static void
test_format(void **state)
{
	static const char text[] =
	    "tasks: [{id: a, agent: x, totalTimeout: 1h, queue-timeout: 5m, retry: {jitter: full, "
	    "rules: [{delay: 5s, on: timeout}, {max-attempts: 2, exitCodes: 75}], maxAttempts: 3}}]\n"
	    "name: w\n";
	static const char want[] =
	    "name: w\ntasks:\n- {id: a, agent: x, retry: {max_attempts: 3, jitter: full, rules: ["
	    "{on: timeout, delay: 5s}, {exit_codes: 75, max_attempts: 2}]}, queue_timeout: 5m, "
	    "total_timeout: 1h}\n";
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

static void
test_agent_type(void **state)
{
	static const char text[] =
	    "type: x\nretry: {backoff: adaptive, rules: [{on: [stalled], max_attempts: 2}]}\n";
	struct faults faults = { 0 };
	struct agent_type *type = NULL;

	(void)state;
	assert_int_equal(agent_type_load("x.yaml", text, strlen(text), NULL, &faults, &type), 0);
	assert_int_equal(type->retry->backoff, BACKOFF_ADAPTIVE);
	assert_int_equal(type->retry->rules[0].on, CATEGORY_BIT(CATEGORY_STALLED));
	agent_type_free(type);
	faults_release(&faults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_old_identity),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_agent_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
