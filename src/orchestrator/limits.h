/* SPDX-License-Identifier: MIT */
/*
 * Limits of agent types from outside the engine: set from their files, told in the log, and
 * shown as numbers.
 */
#ifndef REEVE_ORCHESTRATOR_LIMITS_H
#define REEVE_ORCHESTRATOR_LIMITS_H

#include "base/buf.h"
#include "engine/effect.h"

struct agent_type;
struct orchestrator;
struct part;

/* High water, rate limit and circuit breaker of a type, as its file has them. */
void limits_set(struct part *part, const struct agent_type *type);

/* A confirmed event: counted and logged if it is about a limit. */
void limits_note(struct orchestrator *orch, const struct effect *note);

/* reeve_type_…{agent_type="…"} of the partitions that are owned here, in Prometheus' format. */
void limits_metrics(const struct orchestrator *orch, struct buf *out);

#endif
