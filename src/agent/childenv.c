/* SPDX-License-Identifier: MIT */
/*
 * Builds environments, and knows which variables are secret.
 */
#include "agent/childenv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define COPY_ROOM 32 /* more than a task usually has variables of its own */

/* A row ending in '*' stands for all names that begin so. */
static const char *const withheld[] = {
	/* credentials, and addresses that may hold one */
	"REEVE_REDIS_*", "REEVE_API_TOKEN*", "REDISCLI_AUTH",
	/* the service manager speaks to the agent, not to its tasks */
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_*",
	/* of an attempt that this agent itself runs in */
	"REEVE_TASK_*", "REEVE_RUN_ID", "REEVE_ATTEMPT*", "REEVE_WORKFLOW",
	"REEVE_AGENT_TYPE", "REEVE_OUTPUT_FILE", "REEVE_RESULT_FILE",
	"REEVE_CHECKPOINT_FILE", "REEVE_WORKDIR", "REEVE_AGENT_SOCKET"
};

static bool
is_withheld(const char *variable)
{
	size_t len = strcspn(variable, "="), i;

	for (i = 0; i < ARRAY_LEN(withheld); i++) {
		size_t want = strlen(withheld[i]);
		bool open = withheld[i][want - 1] == '*';

		want -= open;
		if ((open ? len >= want : len == want) &&
		    strncmp(variable, withheld[i], want) == 0)
			return true;
	}
	return false;
}

static void
append(struct childenv *env, char *variable)
{
	if (env->len + 1 >= env->cap) {
		env->cap = env->cap ? env->cap * 2 : 64;
		env->list = xreallocarray(env->list, env->cap, sizeof *env->list);
	}
	env->list[env->len++] = variable;
	env->list[env->len] = NULL;
}

void
childenv_init(struct childenv *env, const char *const *from)
{
	*env = (struct childenv){ 0 };
	for (; from != NULL && *from != NULL; from++)
		if (strchr(*from, '=') != NULL && !is_withheld(*from))
			append(env, xstrdup(*from));
}

void
childenv_copy(struct childenv *env, const struct childenv *from)
{
	env->len = from->len;
	env->cap = from->len + COPY_ROOM;
	env->list = xcalloc(env->cap, sizeof *env->list);
	env->base = from;
	if (from->len > 0)
		memcpy(env->list, from->list, from->len * sizeof *env->list);
}

/* The text is of the environment that this one is a copy of. */
static bool
is_shared(const struct childenv *env, size_t i)
{
	return env->base != NULL && i < env->base->len &&
	       env->list[i] == env->base->list[i];
}

void
childenv_set(struct childenv *env, const char *name, const char *value)
{
	char *variable = xasprintf("%s=%s", name, value);
	size_t len = strlen(name) + 1, i;

	for (i = 0; i < env->len; i++) {
		if (env->list[i][0] == *name &&
		    strncmp(env->list[i], variable, len) == 0) {
			if (!is_shared(env, i))
				free(env->list[i]);
			env->list[i] = variable;
			return;
		}
	}
	append(env, variable);
}

void
childenv_release(struct childenv *env)
{
	size_t i;

	for (i = 0; i < env->len; i++)
		if (!is_shared(env, i))
			free(env->list[i]);
	free(env->list);
	*env = (struct childenv){ 0 };
}
