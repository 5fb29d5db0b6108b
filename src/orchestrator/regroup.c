/* SPDX-License-Identifier: MIT */
/* Makes lost consumer groups again, and gives entries back to the agents that run them. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/tend_private.h"

struct regroup {
	struct tend *tend;
	struct arena arena;
	const char **argv;
	size_t n, cap;
};

const char *
regroup_runner(const struct tend *tend, uint64_t token)
{
	struct run *run;
	uint32_t task;

	if (!engine_attempt(tend->p->engine, token, &run, &task) ||
	    run->tasks[task].state != TASK_RUNNING || !run->tasks[task].texts)
		return NULL;
	return run->tasks[task].texts->agent;
}

void
regroup_add(struct regroup *regroup, uint64_t token, struct stream_id id)
{
	const char *agent = regroup_runner(regroup->tend, token);
	char text[STREAM_ID_SIZE];

	if (!agent)
		return;
	GROW(regroup->argv, regroup->n + 1, regroup->cap);
	regroup->argv[regroup->n++] = arena_strdup(&regroup->arena, agent);
	regroup->argv[regroup->n++] = arena_strdup(&regroup->arena, stream_id_format(id, text));
}

static void
on_regroup(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct regroup *regroup = arg;

	(void)reply;
	(void)err; /* the next look sees what became of it */
	arena_release(&regroup->arena);
	free(regroup->argv);
	free(regroup);
}

struct regroup *
regroup_begin(struct tend *tend, size_t queue)
{
	struct ledger *ledger = tend->p->store.ledger;
	struct regroup *regroup = xcalloc(1, sizeof *regroup);

	regroup->tend = tend;
	regroup->cap = 64;
	regroup->argv = xcalloc(regroup->cap, sizeof *regroup->argv);
	regroup->argv[regroup->n++] = tend->p->key_fence;
	regroup->argv[regroup->n++] =
	    arena_strdup(&regroup->arena, ledger_key(ledger, queue));
	regroup->argv[regroup->n++] = arena_strdup(&regroup->arena, tend->nonce);
	regroup->argv[regroup->n++] =
	    arena_strdup(&regroup->arena, ledger_group(ledger, queue));
	return regroup;
}

void
regroup_send(struct regroup *regroup)
{
	struct tend *tend = regroup->tend;

	if (redis_script_call(&tend->regroup_script, tend->p->commands, 2, (int)regroup->n,
		regroup->argv, NULL, COMMAND_TIMEOUT_MS, on_regroup, regroup) < 0)
		on_regroup(regroup, NULL, NULL);
}

static void
give_back(void *arg, uint64_t token, struct stream_id id)
{
	regroup_add(arg, token, id);
}

void
regroup_all(struct tend *tend, size_t queue)
{
	struct ledger *ledger = tend->p->store.ledger;
	struct regroup *regroup = regroup_begin(tend, queue);

	log_error("a consumer group was lost; it is made again",
	    KV_S("queue", ledger_key(ledger, queue)));
	ledger_walk(ledger, queue, give_back, regroup);
	regroup_send(regroup);
}

void
tend_make_group(struct tend *tend, size_t queue)
{
	token_format(tend->p->nonce, tend->nonce);
	regroup_all(tend, queue);
}
