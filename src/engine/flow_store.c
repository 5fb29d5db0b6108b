/* SPDX-License-Identifier: MIT */
/* What is stored and told of a type's limits, and read back. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "engine/internal.h"
#include "engine/pool.h"

#define TOLD_GROWTH 1.25 /* a rate that rose by so much is told and stored */

/* --- what is stored and told --------------------------------------------------- */

/* what, value: owned; value NULL: forgotten. */
static void
store(struct turn *turn, const struct queue *queue, const char *kind, char *value)
{
	struct effect *effect = effects_add(turn->effects, EFFECT_LIMIT, NULL, TASK_NONE);

	effect->u.limit.what = xasprintf("%s:%s", kind, queue->type);
	effect->u.limit.value = value;
}

/* PER_SECOND BURST NOW LEVEL WALL: the rule, what became of the rate, tokens and when. */
void
flow_store_rate(struct turn *turn, const struct queue *queue)
{
	const struct flow *flow = queue->flow;

	store(turn, queue, "rate",
	    xasprintf("%.17g %.17g %.17g %.17g %lld", flow->limit.per_second, flow->limit.burst,
	        flow->rate.per_second, bucket_level(&flow->bucket, turn->now->mono_ms),
	        (long long)turn->now->wall_ms));
}

/* STATE FAILURES OPENED CAUSE, then UNTIL (wall) LENGTH, or the probe's token. */
void
flow_store_circuit(struct turn *turn, const struct queue *queue)
{
	const struct flow *flow = queue->flow;
	const struct breaker *breaker = &flow->breaker;
	int64_t left = breaker->until_ms - turn->now->mono_ms;
	char token[TOKEN_SIZE];

	if (breaker->state == BREAKER_CLOSED)
		store(turn, queue, "circuit", NULL);
	else if (breaker->state == BREAKER_OPEN)
		store(turn, queue, "circuit",
		    xasprintf("open %u %u %d %lld %lld", breaker->failures, breaker->opened,
		        (int)flow->last, (long long)(turn->now->wall_ms + left), (long long)left));
	else
		store(turn, queue, "circuit",
		    xasprintf("half_open %u %u %d %s", breaker->failures, breaker->opened,
		        (int)flow->last, token_format(flow->probe, token)));
}

void
flow_forget_rate(struct turn *turn, const struct queue *queue)
{
	store(turn, queue, "rate", NULL);
}

void
flow_dump(struct turn *turn, struct queue *queue)
{
	if (!queue->flow)
		return;
	if (flow_is_limited(queue))
		flow_store_rate(turn, queue);
	if (queue->flow->breaker.state != BREAKER_CLOSED)
		flow_store_circuit(turn, queue);
}

void
flow_tell_opened(struct turn *turn, const struct queue *queue)
{
	const struct flow *flow = queue->flow;
	int64_t left = flow->breaker.until_ms - turn->now->mono_ms;
	char until[RFC3339_SIZE];

	turn_note(turn, NULL, TASK_NONE, "circuit.opened",
	    xasprintf("{\"agent_type\":\"%s\",\"failures\":%u,\"opened\":%u,\"category\":\"%s\","
	              "\"until\":\"%s\",\"reset_ms\":%lld,\"ready\":%u}", queue->type,
	        flow->breaker.failures, flow->breaker.opened, category_name(flow->last),
	        rfc3339_format(turn->now->wall_ms + left, until), (long long)left, queue->ready));
}

void
flow_tell_closed(struct turn *turn, const struct queue *queue, const char *by)
{
	turn_note(turn, NULL, TASK_NONE, "circuit.closed",
	    xasprintf("{\"agent_type\":\"%s\",\"by\":\"%s\",\"ready\":%u}", queue->type, by,
	        queue->ready));
}

/* It changed much: at once when it fell, now and then while it rises. */
void
flow_tell_rate(struct turn *turn, struct queue *queue, enum rate_verdict verdict)
{
	struct flow *flow = queue->flow;
	double now = flow->rate.per_second, full = flow->limit.per_second;

	if (now > flow->told && now < flow->told * TOLD_GROWTH && now < full)
		return;
	turn_note(turn, NULL, TASK_NONE, "alert.rate_limit",
	    xasprintf("{\"agent_type\":\"%s\",\"per_second\":%.6g,\"before\":%.6g,"
	              "\"configured\":%.6g,\"reason\":\"%s\"}", queue->type, now, flow->told, full,
	        rate_verdict_text(verdict)));
	flow->told = now;
	flow_store_rate(turn, queue);
}

/* --- what is stored, read back ------------------------------------------------------------------ */

static bool
load_rate(struct queue *queue, const struct moment *now, const char *value)
{
	struct rate_limit limit = { .failure_rate = RATE_FAILURES_DEFAULT };
	double rate, level;
	struct flow *flow;
	long long wall;
	int64_t gone;

	if (sscanf(value, "%lf %lf %lf %lf %lld", &limit.per_second, &limit.burst, &rate, &level,
	        &wall) != 5 ||
	    !(limit.per_second > 0) || !(limit.burst >= 1) || !(rate > 0) || !(level >= 0))
		return false;
	flow = flow_of(queue);
	limit.min_per_second = limit.per_second;
	flow->limit = limit; /* the rest of it comes with the type's file */
	rate_init(&flow->rate, &limit, now->wall_ms);
	flow->rate.per_second = flow->told = rate < limit.per_second ? rate : limit.per_second;
	bucket_init(&flow->bucket, flow->rate.per_second, limit.burst, now->mono_ms);
	gone = now->wall_ms > wall ? now->wall_ms - (int64_t)wall : 0;
	bucket_fill(&flow->bucket, level + flow->rate.per_second * (double)gone / 1000,
	    now->mono_ms);
	flow_look_for_token(queue, now->mono_ms);
	return true;
}

static int64_t
clamp(int64_t value, int64_t max)
{
	return value < 0 ? 0 : value < max ? value : max;
}

static bool
load_circuit(struct queue *queue, const struct moment *now, const char *value)
{
	struct breaker breaker = { 0 };
	long long until, length;
	uint64_t probe = 0;
	char token[TOKEN_SIZE];
	struct flow *flow;
	int cause;

	if (sscanf(value, "open %u %u %d %lld %lld", &breaker.failures, &breaker.opened, &cause,
	        &until, &length) == 5) {
		breaker.state = BREAKER_OPEN;
		breaker.until_ms = now->mono_ms + clamp(until - now->wall_ms, length);
	} else if (sscanf(value, "half_open %u %u %d %16s", &breaker.failures, &breaker.opened,
	               &cause, token) == 4 &&
	    token_parse(token, strlen(token), &probe)) {
		breaker.state = BREAKER_HALF_OPEN;
	} else {
		return false;
	}
	if (cause < 0 || cause >= CATEGORY_COUNT)
		return false;
	flow = flow_of(queue);
	flow->breaker = breaker;
	flow->circuit = (struct breaker_rule){ BREAKER_FAILURES, BREAKER_RESET_MS };
	flow->probe = probe;
	flow->last = (enum category)cause;
	if (breaker.state == BREAKER_OPEN)
		queue_wake_at(queue, breaker.until_ms);
	return true;
}

bool
engine_load_limit(struct engine *engine, const struct moment *now, const char *what,
    const char *value)
{
	static const struct {
		const char *prefix;
		bool (*load)(struct queue *queue, const struct moment *now,
		    const char *value);
	} KINDS[] = { { "rate:", load_rate }, { "circuit:", load_circuit } };

	if (strncmp(what, "pool:", 5) == 0 && what[5])
		return pool_load(engine, now, what + 5, value);
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		size_t len = strlen(KINDS[i].prefix);
		struct queue *queue;
		bool good;

		if (strncmp(what, KINDS[i].prefix, len) != 0 || !what[len])
			continue;
		queue = engine_queue(engine, what + len);
		good = KINDS[i].load(queue, now, value);
		queue_refresh(queue);
		return good;
	}
	return false;
}
