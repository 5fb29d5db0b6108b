/* SPDX-License-Identifier: MIT */
/*
 * What became of attempts, counted from confirmed effects and stored every few seconds in
 * the partition's key `stats`: after a crash of the daemon some seconds are missing.
 */
#ifndef REEVE_ORCHESTRATOR_STATS_H
#define REEVE_ORCHESTRATOR_STATS_H

#include "engine/effect.h"
#include "orchestrator/orchestrator_private.h"

struct stats;

struct stats *stats_new(struct orchestrator *orch, struct err *err);
void stats_free(struct stats *stats);
void stats_count(struct stats *stats, const struct effect *effect);

#endif
