/* SPDX-License-Identifier: MIT */
/*
 * Puts a task's values in the place of {placeholders}.
 */
#include "agent/arguments.h"

#include <string.h>

#include "base/mem.h"

#define PROMPT_FILE "{prompt_file}"

bool
arguments_want_prompt_file(const char *const *command)
{
	for (; *command != NULL; command++)
		if (strcmp(*command, PROMPT_FILE) == 0)
			return true;
	return false;
}

const char **
arguments_fill(const char *const *command, const struct agent_task *task,
    const struct workspace *ws, const char *workdir)
{
	const struct {
		const char *name, *value;
	} table[] = {
		{ "{prompt}", task->body },
		{ PROMPT_FILE, ws->prompt_file },
		{ "{task_file}", ws->task_file },
		{ "{result_file}", ws->result_file },
		{ "{workdir}", workdir },
	};
	size_t n = 0, i, k;
	const char **args;

	while (command[n] != NULL)
		n++;
	args = xcalloc(n + 1, sizeof *args);
	for (i = 0; i < n; i++) {
		args[i] = command[i];
		for (k = 0; k < ARRAY_LEN(table); k++)
			if (strcmp(command[i], table[k].name) == 0 &&
			    table[k].value != NULL)
				args[i] = table[k].value;
	}
	return args;
}
