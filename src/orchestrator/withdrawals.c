/* SPDX-License-Identifier: MIT */
/* Takes entries of task streams back that no agent has taken in time. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/partition_private.h"

#define WITHDRAW_MAX 100 /* entries a call */
#define AGAIN_MS 1000

struct query {
	struct partition *p;
	unsigned generation;
	size_t queue;
	uint64_t tokens[WITHDRAW_MAX];
	size_t n;
};

void
withdrawals_add(struct partition *p, uint64_t token)
{
	GROW(p->withdrawals, p->n_withdrawals, p->cap_withdrawals);
	p->withdrawals[p->n_withdrawals++] = token;
}

void
withdrawals_forget(struct partition *p)
{
	p->n_withdrawals = 0;
	p->withdrawing = false;
	p->withdraw_at = 0;
}

/* Drops what is settled: there is nothing left to be taken back. */
static void
drop_settled(struct partition *p)
{
	struct stream_id id;
	size_t queue, n = 0;

	for (size_t i = 0; i < p->n_withdrawals; i++)
		if (ledger_find(p->store.ledger, p->withdrawals[i], &queue, &id))
			p->withdrawals[n++] = p->withdrawals[i];
	p->n_withdrawals = n;
}

static void
drop(struct partition *p, uint64_t token)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_withdrawals; i++)
		if (p->withdrawals[i] != token)
			p->withdrawals[n++] = p->withdrawals[i];
	p->n_withdrawals = n;
}

/* --- the answer ------------------------------------------------------------------ */

static void
tell(struct partition *p, uint64_t token, bool withdrawn)
{
	struct run *run = NULL;
	struct moment now;
	uint32_t task = 0;

	if (withdrawn && engine_attempt(p->engine, token, &run, &task))
		log_info("an entry that no agent took is withdrawn", KV_S("run", run->id.text),
		    KV_S("task", run->wf->tasks[task].id));
	partition_moment(p, &now);
	engine_withdrawn(p->engine, &now, token, withdrawn, &p->effects);
	partition_mark(p);
	drop(p, token);
}

static void
on_answer(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct partition *p = query->p;
	const char *answer = "";
	size_t len;

	(void)err;
	if (query->generation != p->generation) {
		free(query);
		return;
	}
	p->withdrawing = false;
	if (!reply || reply_str(reply_at(reply, 0), &answer, &len, NULL) < 0 ||
	    strcmp(answer, "OK") != 0) {
		/* no answer, another owner, or no group: the audit makes that again */
		p->withdraw_at = partition_mono(p) + AGAIN_MS;
		free(query);
		return;
	}
	for (size_t i = 0; i < query->n; i++)
		if (reply_str(reply_at(reply, i + 1), &answer, &len, NULL) == 0)
			tell(p, query->tokens[i], strcmp(answer, "WITHDRAWN") == 0);
	free(query);
}

/* --- the question ---------------------------------------------------------------- */

/* Those of the queue of the first one. */
static struct query *
choose(struct partition *p, char ids[WITHDRAW_MAX][STREAM_ID_SIZE])
{
	struct query *query = xcalloc(1, sizeof *query);

	query->p = p;
	query->generation = p->generation;
	for (size_t i = 0; i < p->n_withdrawals && query->n < WITHDRAW_MAX; i++) {
		struct stream_id id;
		size_t queue;

		(void)ledger_find(p->store.ledger, p->withdrawals[i], &queue, &id);
		if (i == 0)
			query->queue = queue;
		if (queue != query->queue)
			continue;
		stream_id_format(id, ids[query->n]);
		query->tokens[query->n++] = p->withdrawals[i];
	}
	return query;
}

void
withdrawals_turn(struct partition *p)
{
	const char *argv[4 + WITHDRAW_MAX];
	char ids[WITHDRAW_MAX][STREAM_ID_SIZE], nonce[TOKEN_SIZE];
	struct query *query;
	int argc = 4;

	if (p->n_withdrawals == 0 || p->withdrawing || partition_mono(p) < p->withdraw_at)
		return;
	drop_settled(p);
	if (p->n_withdrawals == 0)
		return;
	query = choose(p, ids);
	argv[0] = p->key_fence;
	argv[1] = ledger_key(p->store.ledger, query->queue);
	argv[2] = token_format(p->nonce, nonce);
	argv[3] = ledger_group(p->store.ledger, query->queue);
	for (size_t i = 0; i < query->n; i++)
		argv[argc++] = ids[i];
	p->withdrawing = redis_script_call(&p->withdraw_script, p->commands, 2, argc, argv, NULL,
	    COMMAND_TIMEOUT_MS, on_answer, query) == 0;
	if (!p->withdrawing)
		free(query);
	if (!p->withdrawing)
		p->withdraw_at = partition_mono(p) + AGAIN_MS;
}

int64_t
withdrawals_next(const struct partition *p)
{
	return p->n_withdrawals == 0 || p->withdrawing ? INT64_MAX : p->withdraw_at;
}
