/* SPDX-License-Identifier: MIT */
/*
 * The command line of a task's process.  A placeholder counts only as a whole
 * argument, so nothing from a task ever becomes part of shell text.
 */
#ifndef REEVE_AGENT_ARGUMENTS_H
#define REEVE_AGENT_ARGUMENTS_H

#include <stdbool.h>

#include "agent/task.h"
#include "agent/workspace.h"

/* Does the command name {prompt_file}? */
bool arguments_want_prompt_file(const char *const *command);

/* A new list (free it; its texts belong to the arguments). */
const char **arguments_fill(const char *const *command, const struct agent_task *task,
    const struct workspace *ws, const char *workdir);

#endif
