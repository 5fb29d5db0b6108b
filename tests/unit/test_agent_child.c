/* SPDX-License-Identifier: MIT */
/* What a task's command is given: environment, arguments, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* --- a folder for several attempts --- */

/* A folder as a room has it, with a socket at its place. */
static void
furnish(struct workspace *ws, const char *root, const char *name,
    const struct agent_task *task, bool prompt)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(workspace_make(ws, root, name, NULL), 0);
	assert_true(strlen(ws->socket) < sizeof addr.sun_path);
	memcpy(addr.sun_path, ws->socket, strlen(ws->socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(chmod(ws->socket, 0600), 0);
	close(fd);
	workspace_note_socket(ws);
	assert_int_equal(workspace_fill(ws, task, "me", "/w", 0, prompt, NULL), 0);
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
a_folder_is_cleared(void **state)
{
	struct agent_task big = task_of("payload", "{\"a\":[1,2,3,4,5,6,7,8]}", "{}");
	struct agent_task small = task_of("payload", "1", "{}");
	struct workspace ws = { 0 };
	struct buf text = { 0 };
	char *root, *path;
	bool there = false;
	json_t *json;
	size_t i;

	(void)state;
	assert_int_equal(workspace_root(NULL, "id", &root, NULL), 0);
	furnish(&ws, root, "1", &big, true);
	write_text(ws.output_file, "k=v\n");
	write_text(ws.checkpoint_file, "half");
	assert_int_equal(symlink("/", ws.result_file), 0);
	for (i = 0; i < 100; i++) {
		path = xasprintf("%s/a-long-name-so-that-the-list-is-long-%zu", ws.dir, i);
		assert_int_equal(mkdir(path, 0500), 0);
		free(path);
	}
	assert_true(workspace_clear(&ws));
	assert_null(ws.prompt_file);
	path = xasprintf("%s/prompt", ws.dir);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_not_equal(access(ws.output_file, F_OK), 0);
	assert_int_not_equal(access(ws.checkpoint_file, F_OK), 0);
	assert_int_equal(access("/tmp", F_OK), 0);
	/* the next task's file holds nothing of the last one's, which was longer */
	assert_int_equal(workspace_fill(&ws, &small, "me", "/w", 0, false, NULL), 0);
	assert_mode(ws.task_file, 0600);
	assert_int_equal(workspace_read(ws.task_file, 10000, &text, &there, NULL), 0);
	json = json_loadb(text.data, text.len, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json, "payload")), 1);
	json_decref(json);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_true(workspace_clear(&ws));
	workspace_remove(&ws);
	free(path);
	workspace_sweep(root);
	free(root);
	buf_release(&text);
	agent_task_release(&big);
	agent_task_release(&small);
}

static void
link_task_file(const struct workspace *ws, const char *other)
{
	assert_int_equal(link(ws->task_file, other), 0);
}

static void
open_task_file(const struct workspace *ws, const char *other)
{
	(void)other;
	assert_int_equal(chmod(ws->task_file, 0644), 0);
}

static void
replace_task_file(const struct workspace *ws, const char *other)
{
	assert_int_equal(rename(ws->task_file, other), 0);
	assert_int_equal(symlink(other, ws->task_file), 0);
}

static void
remove_task_file(const struct workspace *ws, const char *other)
{
	(void)other;
	assert_int_equal(unlink(ws->task_file), 0);
}

static void
remove_socket(const struct workspace *ws, const char *other)
{
	(void)other;
	assert_int_equal(unlink(ws->socket), 0);
}

static void
open_socket_to_all(const struct workspace *ws, const char *other)
{
	(void)other;
	assert_int_equal(chmod(ws->socket, 0666), 0);
}

static void
open_folder(const struct workspace *ws, const char *other)
{
	(void)other;
	assert_int_equal(chmod(ws->dir, 0755), 0);
}

static void
move_folder(const struct workspace *ws, const char *other)
{
	assert_int_equal(rename(ws->dir, other), 0);
}

static void
replace_folder(const struct workspace *ws, const char *other)
{
	move_folder(ws, other);
	assert_int_equal(symlink(other, ws->dir), 0);
}

static void
a_touched_folder_is_not_used_again(void **state)
{
	static void (*const touches[])(const struct workspace *ws, const char *other) = {
		link_task_file, open_task_file, replace_task_file, remove_task_file,
		remove_socket, open_socket_to_all, open_folder, move_folder, replace_folder
	};
	struct agent_task task = task_of("payload", "1", "{}");
	char *root, *other, name[16];
	size_t i;

	(void)state;
	assert_int_equal(workspace_root(NULL, "id", &root, NULL), 0);
	for (i = 0; i < ARRAY_LEN(touches); i++) {
		struct workspace ws = { 0 };

		(void)snprintf(name, sizeof name, "%zu", i);
		other = xasprintf("%s/other-%zu", root, i);
		furnish(&ws, root, name, &task, false);
		touches[i](&ws, other);
		assert_false(workspace_clear(&ws));
		workspace_remove(&ws);
		free(other);
	}
	workspace_sweep(root);
	assert_int_not_equal(access(root, F_OK), 0);
	free(root);
	agent_task_release(&task);
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
	assert_int_equal(workspace_make(&ws, root, "1", NULL), 0);
	assert_int_equal(workspace_fill(&ws, &task, "me", "/w", 1000, true, NULL), 0);
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
		cmocka_unit_test(a_folder_is_cleared),
		cmocka_unit_test(a_touched_folder_is_not_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
