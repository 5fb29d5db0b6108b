/* SPDX-License-Identifier: MIT */
/* What is remembered of agents and of the entries that they hold, and the lease clock. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/tend_private.h"

#define HOLDER_LOOKS 120
#define STEP_MAX_MS 1500 /* the lease clock takes no longer steps */

static void
holder_free(struct tend *tend, struct holder *holder)
{
	HASH_DEL(tend->holders, holder);
	free(holder->id);
	free(holder->count);
	free(holder->reap);
	free(holder);
}

void
held_free(struct tend *tend, struct held *held)
{
	HASH_DEL(tend->helds, held);
	free(held);
}

void
tend_forget(struct tend *tend)
{
	struct holder *holder, *next_holder;
	struct held *held, *next_held;

	tend->generation++;
	tend->looking = false;
	tend->left = 0;
	tend->n_glances = 0;
	undelivered_forget(tend);
	HASH_ITER(hh, tend->helds, held, next_held)
		held_free(tend, held);
	HASH_ITER(hh, tend->holders, holder, next_holder)
		holder_free(tend, holder);
}

/* Answers about them, which name them, are long in by then. */
void
holders_forget(struct tend *tend)
{
	struct holder *holder, *next;

	HASH_ITER(hh, tend->holders, holder, next) {
		if (!holder->counted && tend->look - holder->look > HOLDER_LOOKS)
			holder_free(tend, holder);
	}
}

struct holder *
holder_of(struct tend *tend, const char *id)
{
	struct holder *holder;

	HASH_FIND_STR(tend->holders, id, holder);
	if (holder)
		return holder;
	holder = xcalloc(1, sizeof *holder);
	holder->id = xstrdup(id);
	holder->count = xstrdup("");
	holder->moved_at = tend->clock;
	holder->lease_ms = LEASE_MS;
	holder->look = tend->look;
	HASH_ADD_KEYPTR(hh, tend->holders, holder->id, strlen(holder->id), holder);
	return holder;
}

struct held *
held_of(struct tend *tend, uint64_t token, struct holder *holder)
{
	struct held *held;

	HASH_FIND(hh, tend->helds, &token, sizeof token, held);
	if (!held) {
		held = xcalloc(1, sizeof *held);
		held->token = token;
		held->since = tend->clock;
		held->holder = holder;
		HASH_ADD(hh, tend->helds, token, sizeof held->token, held);
	} else if (held->holder != holder) {
		held->holder = holder;
		held->since = tend->clock;
	}
	held->look = tend->look;
	if (holder)
		holder->look = tend->look;
	return held;
}

void
tend_renew(struct tend *tend)
{
	for (struct holder *holder = tend->holders; holder; holder = holder->hh.next)
		holder->moved_at = tend->clock;
	for (struct held *held = tend->helds; held; held = held->hh.next)
		held->since = tend->clock;
	tend->answered_at = partition_mono(tend->p);
}

void
tend_answered(struct tend *tend)
{
	int64_t now = partition_mono(tend->p);
	int64_t step = now - tend->answered_at;

	tend->clock += step < STEP_MAX_MS ? step : STEP_MAX_MS;
	tend->answered_at = now;
}

void
tend_each_held(const struct tend *tend, tend_held_fn *fn, void *arg)
{
	for (const struct held *held = tend->helds; held; held = held->hh.next)
		if (held->holder)
			fn(arg, held->token, held->holder->id);
}

struct waiting {
	const struct tend *tend;
	int64_t since;
};

static void
see_waiting(void *arg, uint64_t token, struct stream_id id)
{
	struct waiting *waiting = arg;
	const struct held *held;
	struct run *run;
	uint32_t task;

	HASH_FIND(hh, waiting->tend->helds, &token, sizeof token, held);
	if (waiting->since > 0 || held ||
	    !engine_attempt(waiting->tend->p->engine, token, &run, &task) ||
	    run->tasks[task].state != TASK_QUEUED)
		return;
	waiting->since = (int64_t)id.ms; /* they come in their order */
}

int64_t
tend_waiting_since(const struct tend *tend, size_t queue)
{
	struct waiting waiting = { tend, 0 };

	if (queue < ledger_queues(tend->p->store.ledger))
		ledger_walk(tend->p->store.ledger, queue, see_waiting, &waiting);
	return waiting.since;
}
