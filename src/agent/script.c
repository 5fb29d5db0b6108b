/* SPDX-License-Identifier: MIT */
/*
 * Calls of the agents' Lua scripts, each with a copy of its words.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/mem.h"
#include "wire/lua_scripts.h"

/* One call under way; words lie behind it in one block. */
struct call {
	redis_reply_fn *fn;
	void *arg;
	char words[];
};

int
agent_scripts_init(struct agent_scripts *scripts, struct err *err)
{
	const struct lua_script *from;
	size_t n = 0;
	int rc = 0;

	for (from = lua_scripts; from->name != NULL; from++)
		n++;
	scripts->list = xcalloc(n, sizeof *scripts->list);
	for (; rc == 0 && scripts->len < n; scripts->len++) {
		from = &lua_scripts[scripts->len];
		rc = redis_script_init(
		    &scripts->list[scripts->len], from->name, from->text, from->len, err);
	}
	return rc;
}

void
agent_scripts_release(struct agent_scripts *scripts)
{
	free(scripts->list);
}

static struct redis_script *
find(struct agent_scripts *scripts, const char *name)
{
	size_t i;

	for (i = 0; i < scripts->len; i++)
		if (strcmp(scripts->list[i].name, name) == 0)
			return &scripts->list[i];
	return NULL;
}

static void
call_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct call *call = arg;

	call->fn(call->arg, reply, err);
	free(call);
}

/* Copies the words and lets the command point to the copies. */
static struct call *
call_new(struct command *command, redis_reply_fn *fn, void *arg)
{
	size_t bytes = 0, i;
	struct call *call;
	char *at;

	for (i = 0; i < command->len; i++)
		bytes += command->lens[i];
	call = xmalloc(sizeof *call + bytes);
	call->fn = fn;
	call->arg = arg;
	at = call->words;
	for (i = 0; i < command->len; i++) {
		memcpy(at, command->argv[i], command->lens[i]);
		command->argv[i] = at;
		at += command->lens[i];
	}
	return call;
}

int
agent_script(struct agent *agent, const char *name, size_t n_keys,
    struct command *command, redis_reply_fn *fn, void *arg)
{
	struct redis_script *script = find(&agent->scripts, name);
	struct redis_port *port = agent_port(agent);
	struct call *call;
	int rc = ERR_UNAVAILABLE;

	if (port != NULL && script != NULL) {
		call = call_new(command, fn, arg);
		rc = redis_script_call(script, port, (int)n_keys, (int)command->len,
		    command->argv, command->lens, AGENT_CALL_MS, call_done, call);
		if (rc != 0)
			free(call);
	}
	command_release(command);
	return rc;
}
