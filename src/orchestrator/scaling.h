/* SPDX-License-Identifier: MIT */
/*
 * Carries out how many agents each type shall have.
 *
 *   engines ─▶ waiting, running, ended ─┐                         ┌─▶ process: local_agents.h
 *   cards ───▶ living agents ───────────┼─▶ scaler_step() ─▶ wanted ─▶ exec: scale_exec.h
 *   reeve scale ─▶ a number, or auto ───┘   (engine/scaler.h)     └─▶ none: /metrics, API
 *
 * Once a second, for each type whose file has `scale`, and only by the owner of the type's
 * home partition (hash of its name).  What is decided stands in the hash `scale` of that
 * partition, by the commit that tells of it (event scale.decided): the next owner goes on
 * from there.  Agents that others started count by their cards, so a host that takes over
 * does not double them.  A daemon that is not the owner starts nothing; of the local agents
 * that it has from before it keeps at most as many as are wanted in all.
 *
 * Nothing is decided before the cards were read once, and nothing while Redis is away.
 */
#ifndef REEVE_ORCHESTRATOR_SCALING_H
#define REEVE_ORCHESTRATOR_SCALING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "orchestrator/facade.h"

struct command;
struct orchestrator;
struct scaling;

struct scaling *scaling_new(struct orchestrator *orch);
void scaling_free(struct scaling *scaling); /* local agents live on; NULL allowed */

/* reeve_desired_agents, reeve_agents, reeve_backlog … of the types that are decided here. */
void scaling_metrics(const struct scaling *scaling, struct buf *out);

/* How many are wanted; -1: the type does not scale, or not here. */
int64_t scaling_desired(const struct scaling *scaling, const char *type);

#endif
