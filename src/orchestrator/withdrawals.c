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

/* The texts live until the answer: the script may have to be sent once more. */
struct query {
	struct partition *p;
	unsigned generation;
	size_t queue;
	char *key, *group;
	char nonce[TOKEN_SIZE];
	uint64_t tokens[WITHDRAW_MAX];
	char ids[WITHDRAW_MAX][STREAM_ID_SIZE];
	size_t n;
};

static void
query_free(struct query *query)
{
	free(query->key);
	free(query->group);
	free(query);
}

void
withdrawals_add(struct partition *p, uint64_t token)
{
	GROW(p->withdrawals, p->n_withdrawals, p->cap_withdrawals);
	p->withdrawals[p->n_withdrawals++] = token;
}

bool
withdrawals_unsure(const struct partition *p, uint64_t token)
{
	size_t i = 0;

	while (i < p->n_withdrawals && p->withdrawals[i] != token)
		i++;
	return p->withdraw_unsure && i < p->n_withdrawals;
}

void
withdrawals_forget(struct partition *p)
{
	p->n_withdrawals = 0;
	p->withdrawing = p->withdraw_unsure = false;
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
	struct moment now;

	partition_moment(p, &now);
	engine_withdrawn(p->engine, &now, token, withdrawn, &p->effects);
	partition_mark(p);
	drop(p, token);
}

static void
tell_all(struct partition *p, const struct query *query, const struct redisReply *reply)
{
	const char *answer;
	size_t len, n = 0;

	for (size_t i = 0; i < query->n; i++) {
		bool withdrawn;

		if (reply_str(reply_at(reply, i + 1), &answer, &len, NULL) < 0)
			continue;
		withdrawn = strcmp(answer, "WITHDRAWN") == 0;
		n += withdrawn;
		tell(p, query->tokens[i], withdrawn);
	}
	if (n > 0)
		log_info("entries that no agent has taken are withdrawn", KV_S("queue", query->key),
		    KV_I("entries", n));
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
		query_free(query);
		return;
	}
	p->withdrawing = false;
	p->withdraw_unsure = !reply;
	if (!reply || reply_str(reply_at(reply, 0), &answer, &len, NULL) < 0 ||
	    strcmp(answer, "OK") != 0) {
		/* no answer, another owner, or no group: the audit makes that again */
		p->withdraw_at = partition_mono(p) + AGAIN_MS;
	} else {
		tell_all(p, query, reply);
	}
	query_free(query);
}

/* --- the question ---------------------------------------------------------------- */

/* Those of the queue of the first one. */
static struct query *
choose(struct partition *p)
{
	struct query *query = xcalloc(1, sizeof *query);

	query->p = p;
	query->generation = p->generation;
	token_format(p->nonce, query->nonce);
	for (size_t i = 0; i < p->n_withdrawals && query->n < WITHDRAW_MAX; i++) {
		struct stream_id id;
		size_t queue;

		(void)ledger_find(p->store.ledger, p->withdrawals[i], &queue, &id);
		if (i == 0)
			query->queue = queue;
		if (queue != query->queue)
			continue;
		stream_id_format(id, query->ids[query->n]);
		query->tokens[query->n++] = p->withdrawals[i];
	}
	query->key = xstrdup(ledger_key(p->store.ledger, query->queue));
	query->group = xstrdup(ledger_group(p->store.ledger, query->queue));
	return query;
}

void
withdrawals_turn(struct partition *p)
{
	const char *argv[4 + WITHDRAW_MAX];
	struct query *query;
	int argc = 4;

	if (p->n_withdrawals == 0 || p->withdrawing || partition_mono(p) < p->withdraw_at)
		return;
	drop_settled(p);
	if (p->n_withdrawals == 0)
		return;
	query = choose(p);
	argv[0] = p->key_fence;
	argv[1] = query->key;
	argv[2] = query->nonce;
	argv[3] = query->group;
	for (size_t i = 0; i < query->n; i++)
		argv[argc++] = query->ids[i];
	p->withdrawing = redis_script_call(&p->withdraw_script, p->commands, 2, argc, argv, NULL,
	    COMMAND_TIMEOUT_MS, on_answer, query) == 0;
	if (!p->withdrawing)
		query_free(query);
	if (!p->withdrawing)
		p->withdraw_at = partition_mono(p) + AGAIN_MS;
}

int64_t
withdrawals_next(const struct partition *p)
{
	return p->n_withdrawals == 0 || p->withdrawing ? INT64_MAX : p->withdraw_at;
}
