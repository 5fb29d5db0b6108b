/* SPDX-License-Identifier: MIT */
/* The start of one local agent: its arguments, its environment, its log. */
#ifndef REEVE_ORCHESTRATOR_LOCAL_START_H
#define REEVE_ORCHESTRATOR_LOCAL_START_H

#include "loop/child.h"
#include "model/agent_type.h"

struct local_start {
	struct loop *loop;
	int dir_fd;            /* STATE/scaled */
	const char *state_dir;
	const char *program;
	const char *redis_url;
	const char *prefix;    /* NULL: the default */
};

/* reeve-agent beside our own program, else as PATH has it.  The caller frees. */
char *local_program(void);

/*
 * The daemon's environment without its credentials, with room for `more` texts and the
 * NULL.  The texts stay the environment's; free() the list.
 */
const char **local_env(size_t more);

/* Codes as child_spawn(). */
int local_start(const struct local_start *start, const struct agent_type *type, const char *id,
    child_exit_fn *on_exit, void *arg, struct child **ret_child, struct err *err);

/* The last line that it logged, fit for people; "" if there is none. */
void local_last_line(int dir_fd, const char *id, char *line, size_t size);

#endif
