/* SPDX-License-Identifier: MIT */
/*
 * The environment of a task's command: the agent's own but for credentials,
 * the task's env, and the REEVE_ variables of the attempt.
 */
#ifndef REEVE_AGENT_CHILDENV_H
#define REEVE_AGENT_CHILDENV_H

#include <stddef.h>

/* A growing list of NAME=VALUE texts that ends with NULL. */
struct childenv {
	char **list;
	size_t len, cap;
	const struct childenv *base; /* of a copy: whose texts it shares; or NULL */
};

/* environ without credentials and without the variables of an outer attempt. */
void childenv_init(struct childenv *env, const char *const *from);
/* Shares the texts of `from`, which must outlive it unchanged. */
void childenv_copy(struct childenv *env, const struct childenv *from);
/* Replaces a variable of that name. */
void childenv_set(struct childenv *env, const char *name, const char *value);
void childenv_release(struct childenv *env);

#endif
