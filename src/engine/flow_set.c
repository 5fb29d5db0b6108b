/* SPDX-License-Identifier: MIT */
/* Limits of a type as its file says them, and circuits that a person closes. */
#include <string.h>

#include "engine/internal.h"

static bool
same_limit(const struct rate_limit *a, const struct rate_limit *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* The tokens that are there stay; the rate keeps its share of what is configured. */
static void
set_rate(struct turn *turn, struct queue *queue, const struct rate_limit *limit)
{
	struct flow *flow = queue->flow;
	bool was = flow_is_limited(queue);
	int64_t now_ms = turn->now->mono_ms;

	if (same_limit(&flow->limit, limit))
		return;
	if (was)
		rate_change(&flow->rate, &flow->limit, limit);
	else
		rate_init(&flow->rate, limit, turn->now->wall_ms);
	if (was)
		bucket_change(&flow->bucket, flow->rate.per_second, limit->burst, now_ms);
	else
		bucket_init(&flow->bucket, limit->per_second, limit->burst, now_ms);
	flow->limit = *limit;
	flow->told = flow->rate.per_second;
	flow_look_for_token(queue, now_ms);
	if (was && limit->per_second <= 0)
		flow_forget_rate(turn, queue);
	else if (limit->per_second > 0)
		flow_store_rate(turn, queue);
}

static void
set_circuit(struct turn *turn, struct queue *queue, const struct breaker_rule *rule)
{
	struct flow *flow = queue->flow;

	flow->circuit = *rule;
	if (rule->failures > 0 || flow->breaker.state == BREAKER_CLOSED)
		return;
	breaker_close(&flow->breaker);
	flow_note_closed(turn, queue, "configuration");
}

void
engine_set_limits(struct engine *engine, const struct moment *now, const char *type,
    const struct type_limits *limits, struct effects *effects)
{
	static const struct type_limits NONE;
	const struct type_limits *to = limits ? limits : &NONE;
	struct queue *queue = limits ? engine_queue(engine, type) : engine_queue_find(engine, type);
	bool some = to->rate.per_second > 0 || to->circuit.failures > 0;
	struct rate_limit share = rate_limit_share(&to->rate, engine->queues.shares);
	struct turn turn;

	if (!queue)
		return;
	queue->high_water = to->high_water;
	queue->limit = flow_high_water(queue);
	if (some || queue->flow) {
		(void)flow_of(queue);
		turn_begin(&turn, engine, now, effects);
		set_rate(&turn, queue, &share);
		set_circuit(&turn, queue, &to->circuit);
		turn_end(&turn);
		effects_mark(effects, 0, 0);
	}
	if (!some) {
		flow_free(queue->flow);
		queue->flow = NULL;
	}
	queue_refresh(queue);
}

bool
engine_close_circuit(struct engine *engine, const struct moment *now, const char *type,
    struct effects *effects)
{
	struct queue *queue = engine_queue_find(engine, type);
	struct turn turn;

	if (!queue || queue_circuit(queue) == BREAKER_CLOSED)
		return false;
	turn_begin(&turn, engine, now, effects);
	breaker_close(&queue->flow->breaker);
	flow_note_closed(&turn, queue, "resume");
	turn_end(&turn);
	effects_mark(effects, 0, 0);
	queue_refresh(queue);
	return true;
}
