/* SPDX-License-Identifier: MIT */
/* The workflow loader: what it takes, what it refuses, and where it says so. */
#include "model_support.h"

#include "base/clock.h"
#include "model/canonical.h"
#include "model/template.h"

#define TASK "tasks: [{id: a, agent: x}]\n"

static void
test_feature_file(void **state)
{
	size_t len;
	char *text = read_data("feature.yaml", &len);
	struct workflow *wf = load_one(text);
	const struct task_def *task = &wf->tasks[1];

	(void)state;
	assert_string_equal(wf->name, "feature-development");
	assert_int_equal(wf->on, WORKFLOW_ON_MANUAL);
	assert_int_equal(wf->timeout_ms, 7200000);
	assert_int_equal(wf->n_tasks, 3);
	assert_int_equal(workflow_find(wf, "backend"), 1);
	assert_int_equal(workflow_find(wf, "none"), -1);
	assert_string_equal(task->agent, "backend");
	assert_int_equal(task->priority, 7);
	assert_int_equal(task->timeout_ms, 600000);
	assert_int_equal(task->stall_timeout_ms, 300000);
	assert_int_equal(wf->tasks[0].stall_timeout_ms, 0);
	assert_int_equal(task->retry->max_attempts, 5);
	assert_int_equal(task->retry->n_exit_codes, 1);
	assert_int_equal(task->retry->exit_codes[0], 75);
	assert_int_equal(task->n_refs, 1);
	assert_int_equal(task->refs[0], 0);
	assert_int_equal(wf->tasks[0].n_dependents, 1);
	assert_int_equal(wf->tasks[0].retry->max_attempts, 3);
	assert_true(wf->tasks[0].outputs[0].required);
	assert_int_equal(wf->tasks[2].needs[0].on, NEED_DONE);
	assert_string_equal(template_text(wf->tasks[2].body, NULL),
	    "make test TARGET=\"${REEVE_V1}\" \"PLAN=${REEVE_V2}\"");
	workflow_unref(wf);
	free(text);
}

static void
test_document_001(void **state)
{
	size_t len;
	char *text = read_data("document-001.yaml", &len);
	struct workflow *wf = load_one(text);

	(void)state;
	assert_int_equal(wf->n_tasks, 4);
	assert_string_equal(wf->tasks[3].agent, "testing");
	assert_int_equal(wf->tasks[3].n_needs, 2);
	assert_int_equal(wf->tasks[0].priority, 8);
	assert_int_equal(wf->on, WORKFLOW_ON_DROP);
	workflow_unref(wf);
	free(text);
}

static void
test_defaults(void **state)
{
	struct workflow *wf = load_one(TASK);
	const struct task_def *task = &wf->tasks[0];

	(void)state;
	assert_string_equal(wf->name, "test");
	assert_int_equal(wf->on, WORKFLOW_ON_DROP);
	assert_int_equal(wf->priority, 5);
	assert_int_equal(wf->max_parallel, 50);
	assert_int_equal(wf->fail, FAIL_FINISH);
	assert_int_equal(task->kind, TASK_PAYLOAD);
	assert_string_equal(template_text(task->body, NULL), "{}");
	assert_int_equal(task->priority, -1);
	assert_int_equal(task->retry->max_attempts, 1);
	assert_int_equal(task->retry->on, CATEGORY_FAILURE | CATEGORY_BIT(CATEGORY_TIMEOUT));
	assert_int_equal(task->retry->delay_ms, 1000);
	assert_int_equal(task->retry->max_delay_ms, 60000);
	assert_int_equal(task->retry->poison, 3);
	workflow_unref(wf);
}

/* Files that mean the same have one hash; others do not. */
static void
test_spellings(void **state)
{
	static const char base[] =
	    "max_parallel: 3\nfail: cancel\ntasks:\n- {id: a, agent: x}\n"
	    "- {id: b, agent: x, needs: [a], continue_on_error: true}\n";
	static const char *const same[] = {
		"maxParallel: 3\nfail: fast\nsteps:\n- {id: a, type: x}\n"
		"- {id: b, runs-on: x, dependencies: a, continueOnError: true}\n",
		"# note\ntasks:\n  - agent: x\n    id: a\n  - continue-on-error: true\n"
		"    depends_on: {task: a}\n    runsOn: x\n    id: b\nfail: cancel\n"
		"max-parallel: 3 # more\n",
		"max_parallel: 3\nfail: cancel\ntasks:\n  b: {agent: x, depends: [a],"
		" continue_on_error: true}\n  a: {agent: x}\n",
		"max_parallel: 3\nfail: cancel\ndefaults: {agent: x}\ntasks: [{id: a},"
		" {id: b, needs: [{task: a, on: success}], continue_on_error: true}]\n",
	};
	struct workflow *wf = load_one(base), *other;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		other = load_one(same[i]);
		assert_string_equal(wf->sha256, other->sha256);
		workflow_unref(other);
	}
	other = load_one("max_parallel: 3\nfail: cancel\ntasks:\n- {id: a, agent: x}\n"
	                 "- {id: b, agent: x, needs: [{task: a, on: done}],"
	                 " continue_on_error: true}\n");
	assert_string_not_equal(wf->sha256, other->sha256);
	workflow_unref(other);
	workflow_unref(wf);
}

static void
test_scalars(void **state)
{
	struct workflow *wf = load_one("env: {A: on, B: 3.10, C: no}\ntasks: [{id: a, agent: x, "
	                               "payload: {z: on, y: no, v: 3.10, n: 0.7, i: 0x1f, "
	                               "o: 0o17, b: true, e: , t: '7', big: 1e3, l: [~, -1]}}]");

	(void)state;
	assert_string_equal(template_text(wf->env[0].value, NULL), "on");
	assert_string_equal(template_text(wf->env[1].value, NULL), "3.10");
	assert_string_equal(template_text(wf->tasks[0].body, NULL),
	    "{\"b\":true,\"big\":1000,\"e\":null,\"i\":31,\"l\":[null,-1],\"n\":0.7,\"o\":15,"
	    "\"t\":\"7\",\"v\":\"3.10\",\"y\":\"no\",\"z\":\"on\"}");
	workflow_unref(wf);
}

static void
test_documents(void **state)
{
	static const char two[] = "name: one\n" TASK "---\nname: two\n" TASK "---\n";
	static const char same[] = TASK "---\n" TASK;
	struct faults faults = { 0 };
	struct workflow **list;
	size_t n;
	char *text;

	(void)state;
	assert_int_equal(workflow_load("f.yaml", two, strlen(two), NULL, &faults, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[1]->name, "two");
	workflow_list_free(list, n);
	text = load_faults("f.yaml", same, strlen(same), NULL);
	assert_string_equal(text, "f.yaml:3:1: error: a second workflow 'f' in this file: give "
	                          "each its own 'name'\n");
	free(text);
}

/* Each text and the faults that it has, one a line. */
static const struct {
	const char *text;
	const char *faults;
} faulty[] = {
	{ "", "1:1: error: the file is empty" },
	{ "# only\n", "1:1: error: the file is empty" },
	{ "---\n", "2:1: error: the document is empty" },
	{ "[]", "1:1: error: a workflow must be a map with 'tasks', not a list" },
	{ "name: a\n", "1:1: error: the workflow has no tasks" },
	{ "tasks: []\n", "1:8: error: the workflow has no tasks" },
	{ "tasks:\n", "1:7: error: the workflow has no tasks" },
	{ "tasks: {}\n", "1:8: error: the workflow has no tasks" },
	{ "tasks: 3\n", "1:8: error: 'tasks' must be a list or a map of tasks" },
	{ "tasks: [3]\n", "1:9: error: a task must be a map, not a scalar" },
	{ "tasks: [{agent: x}]\n", "1:9: error: a task without 'id'" },
	{ "tasks: [{id: a}]\n",
	    "1:9: error: task 'a' has no 'agent', and neither has 'defaults'" },
	{ "taskz: []\n" TASK, "1:1: error: unknown key 'taskz' in a workflow: did you mean 'tasks'?" },
	{ "concurrency: 3\n" TASK, "1:1: error: 'concurrency' in a workflow is not supported yet" },
	{ "onSuccess: []\n" TASK, "1:1: error: 'onSuccess' in a workflow is not supported yet" },
	{ "on: {schedule: x}\n" TASK, "1:6: error: 'schedule' in 'on' is not supported yet" },
	{ "on: dorp\n" TASK, "1:5: error: 'dorp' is not a value of 'on': did you mean 'drop'?" },
	{ "on: []\n" TASK, "1:5: error: 'on' is empty: drop, manual, or leave it out" },
	{ "fail: x\n" TASK, "1:7: error: 'fail' must be one of: finish, stop, cancel, fast" },
	{ "priority: 10\n" TASK,
	    "1:11: error: 'priority' must be 0 to 9 (9 first), low, normal, high or urgent" },
	{ "timeout: soon\n" TASK,
	    "1:10: error: 'timeout' must be a duration such as 250ms, 30s, 10m, 1h30m, 1d" },
	{ "timeout: 0\n" TASK, "1:10: error: 'timeout' must be more than 0; leave it out for none" },
	{ "max_parallel: 0\n" TASK,
	    "1:15: error: 'max_parallel' must be a whole number from 1 to 100000" },
	{ "name: a\nname: b\n" TASK,
	    "2:1: error: the key 'name' stands here twice (first in line 1)" },
	{ "env: {REEVE_X: 1}\n" TASK,
	    "1:7: error: names that begin with REEVE_ are kept for Reeve itself" },
	{ "env: {A: '${{ env.B }}', B: '${{ tasks.a.status }}'}\n" TASK,
	    "1:11: error: env cannot refer to env\n"
	    "1:30: error: env is known before any task runs: it cannot refer to tasks" },
	{ "params: {a: {type: integer, default: x}}\n" TASK,
	    "1:38: error: 'default' of parameter 'a': 'x' is not a whole number" },
	{ "params: {a: {default: x, enum: [y]}}\n" TASK,
	    "1:13: error: 'default' of parameter 'a': \"x\" is not one of \"y\"" },
	{ "params: {a: {pattern: '('}}\n" TASK,
	    "1:23: error: 'pattern' is not a regular expression: Unmatched ( or \\(" },
	{ "tasks:\n- {id: a, agent: x}\n- {id: a, agent: x}\n",
	    "3:8: error: the task id 'a' is used twice (first in line 2)" },
	{ "tasks:\n- {id: a, agent: x, needs: a}\n", "2:28: error: task 'a' needs itself" },
	{ "tasks:\n- {id: alpha, agent: x}\n- {id: b, agent: x, needs: [alhpa]}\n",
	    "3:29: error: needs an unknown task 'alhpa': did you mean 'alpha'?" },
	{ "tasks:\n- {id: a, agent: x}\n- {id: b, agent: x, needs: [a, a]}\n",
	    "3:32: error: 'a' is named twice" },
	{ "tasks:\n- {id: a, agent: x, needs: c}\n- {id: b, agent: x, needs: a}\n"
	  "- {id: c, agent: x, needs: b}\n- {id: d, agent: x, needs: c}\n",
	    "2:8: error: tasks need each other in a circle: a \xe2\x86\x92 c \xe2\x86\x92 b "
	    "\xe2\x86\x92 a" },
	{ "tasks:\n- {id: a, agent: x, run: y, prompt: z}\n",
	    "2:26: error: 'run' beside 'prompt': a task has at most one of prompt, run and payload" },
	{ "tasks:\n- {id: a, agent: x, foreach: [1]}\n",
	    "2:21: error: 'foreach' in a task is not supported yet" },
	{ "tasks:\n- {id: a, agent: x, depends_on: [], needs: []}\n",
	    "2:37: error: 'needs' beside 'depends_on': both mean 'needs'" },
	{ "tasks:\n- {id: a, agent: x, budget: {}}\n",
	    "2:21: error: 'budget' in a task is not supported yet" },
	{ "tasks:\n- {id: a, agent: x, retry: {on: [exit, exti]}}\n",
	    "2:40: error: 'exti' is not a value of 'on': did you mean 'exit'?" },
	{ "tasks:\n- {id: a, agent: x}\n- {id: b, agent: x, prompt: '${{ tasks.a.status }}'}\n",
	    "3:29: error: task 'a' does not come before 'b': add it to needs" },
	{ "tasks:\n- {id: a, agent: x, outputs: [plan]}\n"
	  "- {id: b, agent: x, needs: a, payload: {p: '${{ tasks.a.outputs.pln }}'}}\n",
	    "3:45: error: unknown output of task 'a', 'pln': did you mean 'plan'?" },
	{ "params: {target: 1}\ntasks:\n- {id: a, agent: x, prompt: '${{ params.traget }}'}\n",
	    "3:30: error: unknown parameter 'traget': did you mean 'target'?" },
	{ "tasks:\n- id: a\n  agent: x\n  run: |\n    true\n    echo '${{ run.id }}'\n",
	    "6:11: error: '${{ }}' cannot stand here: inside single quotes the shell does not "
	    "expand it: close the quotes before it, or use double quotes" },
	{ "tasks:\n- {id: a, agent: x, payload: {'${{ run.id }}': 1}}\n",
	    "2:31: error: '${{ }}' cannot stand in a key" },
	{ "tasks:\n- {id: a, agent: x, payload: .inf}\n",
	    "2:30: error: '.inf' is no number that JSON can hold: quote it to pass it as text" },
	{ "a: &b 1\n" TASK, "1:4: error: anchors (&name) are not allowed: write the value out "
	                    "where it is used" },
	{ "a: !x 1\n", "1:4: error: tags (!name) are not allowed" },
	{ "[a]: 1\n", "1:1: error: a key must be a plain text" },
	{ "a: [\n", "2:1: error: did not find expected node content (while parsing a flow node "
	            "that began in line 2)" },
	{ "a: \"x\\0y\"\n", "1:4: error: a NUL character in a text" },
	{ "a: \xff\n", "1:4: error: the file is not UTF-8 here" },
};

static void
test_faults(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faulty); i++) {
		const char *text = faulty[i].text, *at = faulty[i].faults;
		char *printed = load_faults("f", text, strlen(text), NULL);
		struct buf want = { 0 };

		while (*at != '\0') {
			size_t len = strcspn(at, "\n");

			buf_adds(&want, "f:");
			buf_add(&want, at, len);
			buf_addc(&want, '\n');
			at += len + (at[len] == '\n');
		}
		if (strcmp(printed, buf_text(&want)) != 0) {
			print_error("of:\n%s\nwanted:\n%sgot:\n%s", text, buf_text(&want), printed);
			wrong++;
		}
		buf_release(&want);
		free(printed);
	}
	assert_int_equal(wrong, 0);
}

static void
test_nul_byte(void **state)
{
	char *text = load_faults("f", "name: a\nb\0c", 11, NULL);

	(void)state;
	assert_string_equal(text, "f:2:2: error: NUL byte in the file\n");
	free(text);
}

/* One file with many faults says all of them, in order. */
static void
test_all_in_one_go(void **state)
{
	size_t len;
	char *text = read_data("faulty.yaml", &len), *printed, *at;
	unsigned last = 0, line, count = 0;

	(void)state;
	printed = load_faults("f", text, len, NULL);
	for (at = printed; *at != '\0'; at = strchr(at, '\n') + 1) {
		assert_int_equal(sscanf(at, "f:%u:", &line), 1);
		assert_true(line >= last);
		last = line;
		count++;
	}
	assert_int_equal(count, 16);
	free(printed);
	free(text);
}

static void
test_limits(void **state)
{
	struct model_limits limits = MODEL_LIMITS_DEFAULT;
	struct buf text = { 0 };
	char *printed;

	(void)state;
	for (int i = 0; i < 60000; i++)
		buf_addc(&text, '[');
	printed = load_faults("f", text.data, text.len, NULL);
	assert_string_equal(printed, "f:1:33: error: nested deeper than 32 levels\n");
	free(printed);
	buf_clear(&text);
	limits.scalar_bytes = 10;
	printed = load_faults("f", "name: aaaaaaaaaaaaaaaaaaa", 25, &limits);
	assert_string_equal(printed, "f:1:7: error: a text of 19 bytes; at most 10 are allowed\n");
	free(printed);
	limits.file_bytes = 5;
	printed = load_faults("f", "name: a", 7, &limits);
	assert_string_equal(printed, "f:1:1: error: the file has 7 bytes; at most 5 are allowed\n");
	free(printed);
	limits = (struct model_limits)MODEL_LIMITS_DEFAULT;
	limits.nodes = 6;
	printed = load_faults("f", TASK, strlen(TASK), &limits);
	assert_non_null(strstr(printed, "the file holds too many values"));
	free(printed);
	limits = (struct model_limits)MODEL_LIMITS_DEFAULT;
	limits.tasks = 1;
	printed = load_faults("f", "tasks: [{id: a, agent: x}, {id: b, agent: x}]", 45, &limits);
	assert_string_equal(printed, "f:1:8: error: 2 tasks; at most 1 are allowed\n");
	free(printed);
	buf_release(&text);
}

static void
many_tasks(struct buf *text, unsigned n)
{
	buf_adds(text, "tasks:\n");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(text, "- {id: task-%u, agent: backend, prompt: 'step %u'", i, i);
		if (i > 0)
			buf_printf(text, ", needs: [task-%u]", i % 100 == 0 ? 0 : i - 1);
		buf_adds(text, "}\n");
	}
}

static void
test_hundred_thousand(void **state)
{
	struct buf text = { 0 }, first = { 0 }, second = { 0 };
	struct workflow *wf, *again;
	int64_t start, loaded, written, read;
	char *printed;

	(void)state;
	many_tasks(&text, 100000);
	start = clock_mono_us();
	wf = load_one(text.data);
	loaded = clock_mono_us();
	workflow_canonical(wf, &first);
	written = clock_mono_us();
	again = workflow_from_canonical(first.data, first.len, NULL);
	read = clock_mono_us();
	print_message("100,000 tasks: loaded in %lld ms, written in %lld ms, read in %lld ms\n",
	    (long long)(loaded - start) / 1000, (long long)(written - loaded) / 1000,
	    (long long)(read - written) / 1000);
	assert_non_null(again);
	workflow_canonical(again, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	assert_true(wf->arena.used < 60u << 20);
	assert_int_equal(workflow_find(wf, "task-99999"), 99999);
	workflow_unref(wf);
	workflow_unref(again);
	buf_clear(&text);
	many_tasks(&text, 100001);
	printed = load_faults("f", text.data, text.len, NULL);
	assert_string_equal(printed, "f:2:1: error: 100001 tasks; at most 100000 are allowed\n");
	free(printed);
	buf_release(&text);
	buf_release(&first);
	buf_release(&second);
}

/* A hundred faults are printed, the rest is counted. */
static void
test_many_faults(void **state)
{
	struct buf text = { 0 };
	char *printed;

	(void)state;
	buf_adds(&text, "tasks:\n");
	for (unsigned i = 0; i < 1500; i++)
		buf_printf(&text, "- {id: t%u}\n", i);
	printed = load_faults("f", text.data, text.len, NULL);
	assert_non_null(strstr(printed, "f:101:3: error: "));
	assert_null(strstr(printed, "f:102:3: error: "));
	assert_non_null(strstr(printed, "\nf: and 1400 more\n"));
	free(printed);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_feature_file),
		cmocka_unit_test(test_document_001),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_all_in_one_go),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hundred_thousand),
		cmocka_unit_test(test_many_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
