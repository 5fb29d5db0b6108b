/* SPDX-License-Identifier: MIT */
/*
 * What holds an agent type back: how much of it may be out at once (high water), how often
 * it may start (a token bucket with a rate that adapts) and whether it is worth starting at
 * all (a circuit breaker).  Inside the engine; engine.h has what others see.
 *
 * High water.  Tasks wait in the engine, where priorities hold; the stream of a type has
 * just enough for its agents not to run dry:
 *
 *   high_water of the type's file, or
 *   min(window, max(64, 2 x slots of living agents + 16, grown))
 *
 * Twice the slots: one task in work and one behind it (Little's law: the round trip to the
 * owner is far shorter than a task); 16 and 64 for bursts of very short ones.  `grown` is
 * for agents that never said how much they take at once: whoever leaves less than a quarter
 * of a full stream while tasks are ready has shown that he takes more, and gets twice as
 * much, until the type is idle when its agents are looked at.
 *
 * Of several partitions each has an equal share of all limits, one task at least.
 *
 * A queue without limits has no struct flow: the hot path pays one compare.
 */
#ifndef REEVE_ENGINE_FLOW_H
#define REEVE_ENGINE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breaker.h"
#include "base/bucket.h"
#include "engine/effect.h"
#include "engine/rate.h"
#include "model/category.h"

#define HIGH_WATER_MIN 64
#define HIGH_WATER_SPARE 16
#define LOSS_MS 1000 /* losses this close together are one: an agent dies with all that it holds */

struct engine;
struct queue;
struct queues;
struct run;
struct turn;
struct moment;

struct flow {
	struct rate_limit limit; /* this partition's share; per_second 0: none */
	struct bucket bucket;
	struct rate rate;
	double told;         /* the rate that was told and stored last */
	int64_t dry_until;   /* mono_ms; 0: there are tokens */
	struct breaker_rule circuit;
	struct breaker breaker;
	uint64_t probe;      /* token of the attempt that is the probe; 0: none yet */
	bool probe_settled;  /* and its entry is gone: what it said has been heard */
	bool recall;         /* it has just opened: what no agent has is taken back */
	enum category last;  /* of the failure that opened it */
	int64_t lost_ms;     /* mono: when a loss counted last */
	bool lost;           /* one did */
};

enum flow_outcome { FLOW_SUCCEEDED, FLOW_FAILED, FLOW_LOST, FLOW_THROTTLED };

/* Nothing of these holds it back now. */
bool flow_lets(const struct flow *flow);
/* mono_ms of the next change by time alone; INT64_MAX: none. */
int64_t flow_next(const struct flow *flow);
/* Outstanding entries that the queue may have. */
uint32_t flow_high_water(const struct queue *queue);

/* An attempt was handed out; its task is still run's. */
void flow_started(struct turn *turn, struct queue *queue, uint64_t token);
/* Its entry is settled. */
void flow_settled(struct queue *queue, uint64_t token);
/* What came of the current attempt of a task. */
void flow_note(struct turn *turn, struct queue *queue, const struct run *run, uint32_t task,
    enum flow_outcome outcome, enum category category);
/* Lets go what is due. */
void flows_thaw(struct turn *turn);
/* The probe, which is not taken back with the rest. */
bool flow_is_probe(const struct queue *queue, uint64_t token);
/* Whether what no agent has is to be taken back: the circuit is not closed. */
bool flow_recalls(const struct queue *queue, uint64_t token);
/* Behind an event that opened a circuit. */
void flows_recall(struct turn *turn);
/* The entries of the streams are known: whether the probes are among them. */
void flows_loaded(struct engine *engine);
struct flow *flow_of(struct queue *queue); /* made on first use */
void flow_free(struct flow *flow);
bool flow_is_limited(const struct queue *queue); /* it has a rate */
/* When there is a token again, after tokens were taken or the rate changed. */
void flow_look_for_token(struct queue *queue, int64_t now_ms);
void flow_note_closed(struct turn *turn, struct queue *queue, const char *by);

/* flow_store.c */
void flow_store_rate(struct turn *turn, const struct queue *queue);
void flow_forget_rate(struct turn *turn, const struct queue *queue);
void flow_store_circuit(struct turn *turn, const struct queue *queue);
void flow_tell_opened(struct turn *turn, const struct queue *queue);
void flow_tell_closed(struct turn *turn, const struct queue *queue, const char *by);
void flow_tell_rate(struct turn *turn, struct queue *queue, enum rate_verdict verdict);
void flow_dump(struct turn *turn, struct queue *queue); /* everything that is stored of it */

#endif
