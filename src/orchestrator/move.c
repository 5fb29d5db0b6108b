/* SPDX-License-Identifier: MIT */
/*
 * Moves work away from agents that hold it and do not begin it.
 *
 * An agent that beats tells with each beat of all attempts that it runs, and of their start
 * with the first.  So what was delivered to it two beats ago and has not been told of, it does
 * not run.  A fenced script gives the entry to the consumer `reeve`; then one beat passes in
 * which an agent that begins it all the same hears LOST, and only then it is handed out anew.
 * Of agents that do not beat nothing is known: their leases decide.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/tend_private.h"

#define MOVES_MAX 200 /* entries a call */
#define REAPER "reeve"

struct moves {
	struct tend *tend;
	unsigned generation;
	size_t left;
	json_t *agents; /* id → how many */
	tend_moved_fn *fn;
	void *arg;
};

struct move {
	struct moves *moves;
	uint64_t token;
	int64_t rest_ms;
	char *agent, *group, *key, *fence;
	char id[STREAM_ID_SIZE], nonce[TOKEN_SIZE];
};

static void
moves_end(struct moves *moves)
{
	if (--moves->left > 0)
		return;
	moves->fn(moves->arg, moves->agents);
	json_decref(moves->agents);
	free(moves);
}

static void
move_free(struct move *move)
{
	free(move->agent);
	free(move->group);
	free(move->key);
	free(move->fence);
	free(move);
}

static void
note_moved(const struct move *move)
{
	struct tend *tend = move->moves->tend;
	json_t *agents = move->moves->agents;
	json_int_t n = json_integer_value(json_object_get(agents, move->agent));
	struct held *held;

	json_object_set_new(agents, move->agent, json_integer(n + 1));
	if (move->moves->generation != tend->generation)
		return;
	HASH_FIND(hh, tend->helds, &move->token, sizeof move->token, held);
	if (held)
		held->rest_ms = move->rest_ms;
	log_info("entry moved: its agent has not begun it", KV_S("agent", move->agent),
	    KV_S("entry", move->id), KV_S("queue", move->key));
}

static void
on_moved(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct move *move = arg;
	struct moves *moves = move->moves;
	const char *answer;
	size_t len;

	(void)err;
	if (reply_str(reply, &answer, &len, NULL) == 0 && strcmp(answer, "MOVED") == 0)
		note_moved(move);
	move_free(move);
	moves_end(moves);
}

static void
move_send(struct moves *moves, const struct held *held, size_t queue, struct stream_id id)
{
	struct tend *tend = moves->tend;
	struct move *move = xcalloc(1, sizeof *move);

	move->moves = moves;
	move->token = held->token;
	move->rest_ms = held->holder->lease_ms / 3;
	move->agent = xstrdup(held->holder->id);
	move->group = xstrdup(ledger_group(tend->p->store.ledger, queue));
	move->key = xstrdup(ledger_key(tend->p->store.ledger, queue));
	move->fence = xstrdup(tend->p->key_fence);
	stream_id_format(id, move->id);
	token_format(tend->p->nonce, move->nonce);
	moves->left++;
	if (redis_script_call(&tend->move_script, tend->p->commands, 2, 6,
		(const char *const[]){ move->fence, move->key, move->nonce, move->group, move->agent,
		    move->id },
		NULL, COMMAND_TIMEOUT_MS, on_moved, move) == 0)
		return;
	move_free(move);
	moves->left--;
}

/* It beats, and has told nothing of that entry for two beats. */
static bool
is_idle(const struct tend *tend, const struct held *held)
{
	const struct holder *holder = held->holder;
	struct run *run;
	uint32_t task;

	return holder && holder->card && holder->beats && held->look == tend->look &&
	    strcmp(holder->id, REAPER) != 0 &&
	    tend->clock - held->since >= 2 * holder->lease_ms / 3 &&
	    engine_attempt(tend->p->engine, held->token, &run, &task) &&
	    run->tasks[task].state == TASK_QUEUED;
}

void
tend_move(struct tend *tend, tend_moved_fn *fn, void *arg)
{
	struct moves *moves = xcalloc(1, sizeof *moves);
	struct stream_id id;
	size_t queue;

	*moves = (struct moves){ .tend = tend, .generation = tend->generation, .left = 1,
		.agents = json_object(), .fn = fn, .arg = arg };
	for (const struct held *held = tend->helds; held; held = held->hh.next)
		if (moves->left <= MOVES_MAX && is_idle(tend, held) &&
		    ledger_find(tend->p->store.ledger, held->token, &queue, &id))
			move_send(moves, held, queue, id);
	moves_end(moves);
}

void
tend_hand_back(struct tend *tend, uint64_t token)
{
	struct completion released = { .kind = COMPLETION_RELEASED, .token = token,
		.exit_code = -1, .retryable = -1, .retry_after_ms = -1 };
	struct moment now;
	struct run *run;
	uint32_t task;

	if (!engine_attempt(tend->p->engine, token, &run, &task)) {
		tend_lose(tend, token, "it was moved", "");
		return;
	}
	released.run = run->id.text;
	released.task = run->wf->tasks[task].id;
	partition_moment(tend->p, &now);
	(void)engine_complete(tend->p->engine, &now, &released, &tend->p->effects);
	partition_mark(tend->p);
}
