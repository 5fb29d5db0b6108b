/* SPDX-License-Identifier: MIT */
/* What holds an agent type back: high water, rate limit, circuit breaker. */
#include "engine/flow.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/internal.h"

void
flow_free(struct flow *flow)
{
	free(flow);
}

struct flow *
flow_of(struct queue *queue)
{
	if (!queue->flow)
		queue->flow = xcalloc(1, sizeof *queue->flow);
	return queue->flow;
}

/* --- questions -------------------------------------------------------------- */

/* The one probe is still out. */
static bool
is_probing(const struct flow *flow)
{
	return flow->probe != 0 && !flow->probe_settled;
}

bool
flow_lets(const struct flow *flow)
{
	return flow->dry_until == 0 && flow->breaker.state != BREAKER_OPEN &&
	    !(flow->breaker.state == BREAKER_HALF_OPEN && is_probing(flow));
}

int64_t
flow_next(const struct flow *flow)
{
	int64_t next = flow->dry_until > 0 ? flow->dry_until : INT64_MAX;

	if (flow->breaker.state == BREAKER_OPEN && flow->breaker.until_ms < next)
		return flow->breaker.until_ms;
	return next;
}

uint32_t
flow_high_water(const struct queue *queue)
{
	uint64_t high = 2 * (uint64_t)queue->slots + HIGH_WATER_SPARE;

	if (high < queue->owner->high_water_min)
		high = queue->owner->high_water_min;
	if (high < queue->grown)
		high = queue->grown;
	if (high > queue->owner->window)
		high = queue->owner->window;
	if (queue->high_water > 0)
		high = queue->high_water;
	high /= queue->owner->shares;
	return high > 0 ? (uint32_t)high : 1;
}

bool
flow_is_probe(const struct queue *queue, uint64_t token)
{
	return queue->flow && queue->flow->probe == token;
}

bool
flow_recalls(const struct queue *queue, uint64_t token)
{
	return queue_circuit(queue) != BREAKER_CLOSED && !flow_is_probe(queue, token);
}

enum breaker_state
queue_circuit(const struct queue *queue)
{
	return queue->flow ? queue->flow->breaker.state : BREAKER_CLOSED;
}

int64_t
queue_circuit_until(const struct queue *queue)
{
	return queue_circuit(queue) == BREAKER_OPEN ? queue->flow->breaker.until_ms : 0;
}

uint32_t
queue_circuit_failures(const struct queue *queue)
{
	return queue_circuit(queue) == BREAKER_CLOSED ? 0 : queue->flow->breaker.failures;
}

enum category
queue_circuit_cause(const struct queue *queue)
{
	return queue->flow ? queue->flow->last : CATEGORY_NONE;
}

bool
flow_is_limited(const struct queue *queue)
{
	return queue->flow && queue->flow->limit.per_second > 0;
}

double
queue_rate(const struct queue *queue)
{
	return flow_is_limited(queue) ? queue->flow->rate.per_second : 0;
}

double
queue_rate_configured(const struct queue *queue)
{
	return flow_is_limited(queue) ? queue->flow->limit.per_second : 0;
}

int64_t
queue_dry_until(const struct queue *queue)
{
	return queue->flow ? queue->flow->dry_until : 0;
}

uint32_t
queue_slots(const struct queue *queue)
{
	return queue->slots;
}

/* --- rates ------------------------------------------------------------------------ */

void
flow_look_for_token(struct queue *queue, int64_t now_ms)
{
	struct flow *flow = queue->flow;
	int64_t wait = flow->limit.per_second > 0 ? bucket_wait(&flow->bucket, 1, now_ms) : 0;

	flow->dry_until = wait > 0 ? now_ms + wait : 0;
	if (wait > 0)
		queue_wake_at(queue, flow->dry_until);
}

static void
note_rate(struct turn *turn, struct queue *queue, enum rate_outcome outcome,
    int64_t handed_out_ms, int64_t ran_ms)
{
	struct flow *flow = queue->flow;
	enum rate_verdict verdict = rate_note(&flow->rate, &flow->limit, outcome, handed_out_ms,
	    ran_ms, turn->now->wall_ms);

	if (verdict == RATE_SAME)
		return;
	bucket_change(&flow->bucket, flow->rate.per_second, flow->limit.burst,
	    turn->now->mono_ms);
	flow_look_for_token(queue, turn->now->mono_ms);
	flow_tell_rate(turn, queue, verdict);
}

/* --- circuits ------------------------------------------------------------------------ */

static void
note_opened(struct turn *turn, struct queue *queue)
{
	struct flow *flow = queue->flow;

	flow->probe = 0;
	flow->recall = turn->recall = true;
	queue_wake_at(queue, flow->breaker.until_ms);
	flow_tell_opened(turn, queue);
	flow_store_circuit(turn, queue);
}

void
flow_note_closed(struct turn *turn, struct queue *queue, const char *by)
{
	queue->flow->probe = 0;
	flow_tell_closed(turn, queue, by);
	flow_store_circuit(turn, queue);
}

static void
note_probe(struct turn *turn, struct queue *queue, bool failed)
{
	struct flow *flow = queue->flow;

	breaker_probed(&flow->breaker, &flow->circuit, failed, turn->now->mono_ms);
	if (failed)
		note_opened(turn, queue);
	else
		flow_note_closed(turn, queue, "probe");
}

/* An agent that dies takes all that it holds along: that is one failure. */
static bool
is_same_loss(struct flow *flow, int64_t now_ms)
{
	if (flow->lost && now_ms - flow->lost_ms < LOSS_MS)
		return true;
	flow->lost = true;
	flow->lost_ms = now_ms;
	return false;
}

static void
note_circuit(struct turn *turn, struct queue *queue, uint64_t token, enum flow_outcome outcome,
    enum category category)
{
	struct flow *flow = queue->flow;
	bool failed = outcome != FLOW_SUCCEEDED;

	bool probe = flow->breaker.state == BREAKER_HALF_OPEN && flow->probe == token;

	if (failed && (probe || flow->breaker.state == BREAKER_CLOSED))
		flow->last = category;
	if (probe)
		note_probe(turn, queue, failed);
	else if ((outcome != FLOW_LOST || !is_same_loss(flow, turn->now->mono_ms)) &&
	    breaker_note(&flow->breaker, &flow->circuit, failed, turn->now->mono_ms))
		note_opened(turn, queue);
}

/* --- from the life of an attempt ------------------------------------------------------- */

void
flow_started(struct turn *turn, struct queue *queue, uint64_t token)
{
	struct flow *flow = queue->flow;

	if (flow_is_limited(queue)) {
		(void)bucket_take(&flow->bucket, 1, turn->now->mono_ms);
		flow_look_for_token(queue, turn->now->mono_ms);
		flow_store_rate(turn, queue);
	}
	if (flow->breaker.state == BREAKER_HALF_OPEN) {
		flow->probe = token;
		flow->probe_settled = false;
		flow_store_circuit(turn, queue);
	}
	queue_refresh(queue);
}

void
flow_settled(struct queue *queue, uint64_t token)
{
	if (flow_is_probe(queue, token))
		queue->flow->probe_settled = true;
}

/* How long it ran: as its agent says, else since its first beat; 0: nobody knows. */
static int64_t
ran_for(const struct turn *turn, const struct run *run, const struct task *task)
{
	int64_t since = run->created_ms + task->started_ms;

	if (turn->ran_ms > 0 || task->started_ms < 0)
		return turn->ran_ms;
	return turn->now->wall_ms > since ? turn->now->wall_ms - since : 0;
}

void
flow_note(struct turn *turn, struct queue *queue, const struct run *run, uint32_t t,
    enum flow_outcome outcome, enum category category)
{
	static const enum rate_outcome AS_RATE[] = { [FLOW_SUCCEEDED] = RATE_SUCCEEDED,
		[FLOW_FAILED] = RATE_FAILED, [FLOW_LOST] = RATE_FAILED,
		[FLOW_THROTTLED] = RATE_THROTTLED };
	const struct task *task = &run->tasks[t];

	if (flow_is_limited(queue) && category != CATEGORY_CANCELLED)
		note_rate(turn, queue, AS_RATE[outcome], run->created_ms + task->queued_ms,
		    ran_for(turn, run, task));
	if (outcome != FLOW_THROTTLED && category != CATEGORY_CANCELLED)
		note_circuit(turn, queue, task->token, outcome, category);
	queue_refresh(queue);
}

void
flows_recall(struct turn *turn)
{
	struct engine *engine = turn->engine;
	struct attempt *attempt, *next;
	size_t marked = turn->effects->len;

	turn->recall = false;
	HASH_ITER(hh, engine->attempts, attempt, next) {
		if (!attempt->run || !attempt->queue->flow || !attempt->queue->flow->recall)
			continue;
		task_take_back(turn, attempt->run, attempt->task);
		if (turn->effects->len - marked < SLICE)
			continue;
		effects_mark(turn->effects, 0, 0);
		marked = turn->effects->len;
	}
	for (size_t i = 0; i < engine->queues.len; i++)
		if (engine->queues.items[i]->flow)
			engine->queues.items[i]->flow->recall = false;
}

void
flows_loaded(struct engine *engine)
{
	for (size_t i = 0; i < engine->queues.len; i++) {
		struct queue *queue = engine->queues.items[i];
		struct flow *flow = queue->flow;

		if (!flow || flow->probe == 0 || attempt_find(engine, flow->probe))
			continue;
		flow->probe_settled = true;
		queue_refresh(queue);
	}
}

/* --- time -------------------------------------------------------------------------------- */

static void
thaw(struct turn *turn, struct queue *queue)
{
	struct flow *flow = queue->flow;
	int64_t now_ms = turn->now->mono_ms;

	if (flow->dry_until > 0 && flow->dry_until <= now_ms)
		flow_look_for_token(queue, now_ms);
	if (breaker_due(&flow->breaker, now_ms)) {
		flow->probe = 0;
		turn_note(turn, NULL, TASK_NONE, "circuit.half_open",
		    xasprintf("{\"agent_type\":\"%s\",\"failures\":%u,\"opened\":%u,\"ready\":%u}",
		        queue->type, flow->breaker.failures, flow->breaker.opened, queue->ready));
		flow_store_circuit(turn, queue);
		effects_mark(turn->effects, 0, 0);
	}
	queue_refresh(queue);
}

static void
earlier(int64_t *at, int64_t other)
{
	if (other < *at)
		*at = other;
}

void
flows_thaw(struct turn *turn)
{
	struct queues *queues = &turn->engine->queues;
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < queues->len; i++) {
		struct queue *queue = queues->items[i];

		(void)queue_thaw(queue, turn->now->mono_ms);
		if (queue->flow)
			thaw(turn, queue);
		if (queue->held_until > 0)
			earlier(&next, queue->held_until);
		if (queue->flow)
			earlier(&next, flow_next(queue->flow));
	}
	queues->thaw_at = next;
}
