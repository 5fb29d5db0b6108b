/* SPDX-License-Identifier: MIT */
/* What a task's command is given: environment, arguments, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/arguments.h"
#include "agent/childenv.h"
#include "agent/workspace.h"
#include "base/mem.h"

static const char *
value_of(const struct childenv *env, const char *name)
{
	size_t len = strlen(name), i, found = 0;
	const char *value = NULL;

	for (i = 0; i < env->len; i++)
		if (strncmp(env->list[i], name, len) == 0 && env->list[i][len] == '=') {
			value = env->list[i] + len + 1;
			found++;
		}
	assert_true(found <= 1);
	return value;
}

static void
credentials_are_withheld(void **state)
{
	const char *const from[] = { "PATH=/bin", "REEVE_REDIS_URL=redis://:s@h",
		"REEVE_REDIS_PASSWORD=s", "REEVE_API_TOKEN=s", "REEVE_API_TOKEN_FILE=/f",
		"REDISCLI_AUTH=s", "REEVE_TASK_FILE=/old", "REEVE_RUN_ID=old",
		"REEVE_STATE_DIR=/s", "REEVE_WORKFLOWS=/w", "NOTIFY_SOCKET=/n",
		"nonsense", NULL };
	struct childenv env;

	(void)state;
	childenv_init(&env, from);
	assert_int_equal(env.len, 3);
	assert_string_equal(value_of(&env, "PATH"), "/bin");
	assert_string_equal(value_of(&env, "REEVE_STATE_DIR"), "/s");
	assert_string_equal(value_of(&env, "REEVE_WORKFLOWS"), "/w");
	assert_null(env.list[env.len]);
	childenv_release(&env);
}

static void
later_values_replace(void **state)
{
	const char *const from[] = { "A=1", "AB=2", NULL };
	struct childenv base, env;

	(void)state;
	childenv_init(&base, from);
	childenv_copy(&env, &base);
	childenv_set(&env, "A", "3");
	childenv_set(&env, "C", "");
	assert_string_equal(value_of(&env, "A"), "3");
	assert_string_equal(value_of(&env, "AB"), "2");
	assert_string_equal(value_of(&env, "C"), "");
	assert_string_equal(value_of(&base, "A"), "1");
	childenv_release(&env);
	childenv_release(&base);
}

static struct agent_task
task_of(const char *kind, const char *body, const char *meta)
{
	struct task_entry entry = { .run = { "r", 1 },
		.task = { "t", 1 },
		.kind = { kind, strlen(kind) },
		.body = { body, strlen(body) },
		.meta = { meta, strlen(meta) },
		.attempt = 2,
		.token = 255 };
	struct agent_task task;

	assert_int_equal(agent_task_init(&task, "qa", &entry, NULL), 0);
	return task;
}

static void
placeholders(void **state)
{
	const char *const command[] = { "prog", "{prompt}", "a{prompt}", "{task_file}",
		"{result_file}", "{workdir}", "{prompt_file}", "{other}", NULL };
	struct agent_task task = task_of("prompt", "do $(it)", "{}");
	char task_file[] = "/t", result_file[] = "/r", prompt_file[] = "/p";
	struct workspace ws = { .task_file = task_file,
		.result_file = result_file,
		.prompt_file = prompt_file };
	static const char *const wanted[] = { "prog", "do $(it)", "a{prompt}", "/t", "/r",
		"/w", "/p", "{other}" };
	const char **args;
	size_t i;

	(void)state;
	assert_true(arguments_want_prompt_file(command));
	assert_false(arguments_want_prompt_file(command + 7));
	args = arguments_fill(command, &task, &ws, "/w");
	for (i = 0; i < ARRAY_LEN(wanted); i++)
		assert_string_equal(args[i], wanted[i]);
	assert_null(args[i]);
	free(args);
	agent_task_release(&task);
}

static void
task_checks(void **state)
{
	static const char *const bad[][3] = {
		{ "prompt", "x", "[]" },
		{ "prompt", "x", "nonsense" },
		{ "payload", "nonsense", "{}" },
		{ "run", "x", "{\"env\":[]}" },
		{ "run", "x", "{\"env\":{\"a\":1}}" },
		{ "run", "x", "{\"env\":{\"a=b\":\"1\"}}" },
		{ "run", "x", "{\"env\":{\"\":\"1\"}}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct task_entry entry = { .run = { "r", 1 },
			.task = { "t", 1 },
			.kind = { bad[i][0], strlen(bad[i][0]) },
			.body = { bad[i][1], strlen(bad[i][1]) },
			.meta = { bad[i][2], strlen(bad[i][2]) } };
		struct agent_task task;

		assert_int_equal(agent_task_init(&task, "qa", &entry, NULL), ERR_INVALID);
		agent_task_release(&task);
	}
}

static void
assert_mode(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void
workspaces(void **state)
{
	struct agent_task task = task_of("payload", "{\"a\":[1]}",
	    "{\"workflow\":\"w\",\"params\":{\"p\":1},\"timeout_ms\":5,\"env\":{\"X\":"
	    "\"s\"}}");
	struct workspace ws = { 0 };
	struct buf text = { 0 };
	bool there = false;
	json_t *json;
	char *root, *dir;

	(void)state;
	assert_int_equal(task.timeout_ms, 5);
	assert_int_equal(workspace_root(NULL, "id", &root, NULL), 0);
	assert_mode(root, 0700);
	assert_int_equal(
	    workspace_make(&ws, root, &task, "me", "/w", 1000, true, NULL), 0);
	assert_mode(ws.dir, 0700);
	assert_mode(ws.task_file, 0600);
	assert_mode(ws.prompt_file, 0600);
	assert_int_equal(workspace_read(ws.output_file, 10, &text, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(
	    workspace_read(ws.task_file, 10, &text, &there, NULL), ERR_LIMIT);
	buf_clear(&text);
	assert_int_equal(workspace_read(ws.task_file, 10000, &text, &there, NULL), 0);
	assert_true(there);
	json = json_loadb(text.data, text.len, 0, NULL);
	assert_non_null(json);
	assert_int_equal(
	    json_array_size(json_object_get(json_object_get(json, "payload"), "a")), 1);
	assert_string_equal(json_string_value(json_object_get(json, "workflow")), "w");
	assert_string_equal(json_string_value(json_object_get(json, "deadline_at")),
	    "1970-01-01T00:00:01.000Z");
	assert_null(json_object_get(json, "env"));
	json_decref(json);
	/* links are not followed, folders are removed whole */
	assert_int_equal(symlink(ws.task_file, ws.output_file), 0);
	assert_int_equal(
	    workspace_read(ws.output_file, 10, &text, &there, NULL), ERR_FAILED);
	assert_int_equal(mkdir(ws.result_file, 0700), 0);
	assert_int_equal(symlink("/", ws.checkpoint_file), 0);
	dir = xstrdup(ws.dir);
	workspace_remove(&ws);
	assert_int_not_equal(access(dir, F_OK), 0);
	assert_int_equal(access("/tmp", F_OK), 0);
	workspace_sweep(root);
	assert_int_not_equal(access(root, F_OK), 0);
	free(dir);
	free(root);
	buf_release(&text);
	agent_task_release(&task);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_are_withheld),
		cmocka_unit_test(later_values_replace),
		cmocka_unit_test(placeholders),
		cmocka_unit_test(task_checks),
		cmocka_unit_test(workspaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
