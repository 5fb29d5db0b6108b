/* SPDX-License-Identifier: MIT */
/*
 * What an owner counts of agents and agent types while it works, stored in the hash `fleet`
 * of its partition, so that every daemon can tell of it and a successor goes on with it:
 *
 *   a TYPE AGENT   what became of its last attempts (engine/fitness.h)
 *   t TYPE         {ready, outstanding, since, rate}: what waits, and how fast it goes
 *
 * Only what changed is written, every two seconds, by a fenced script; the hot path costs a
 * look at the row that was counted last.
 */
#ifndef REEVE_ORCHESTRATOR_PULSE_H
#define REEVE_ORCHESTRATOR_PULSE_H

#include "base/err.h"
#include "engine/effect.h"

struct orchestrator;
struct pulse;

struct pulse *pulse_new(struct orchestrator *orch, struct err *err);
void pulse_free(struct pulse *pulse); /* NULL allowed */

/* A confirmed effect; others than those of tasks change nothing. */
void pulse_count(struct pulse *pulse, const struct effect *effect);

/*
 * In this partition the agent was drained by the judge (a spell), or begins anew: what it did
 * before counts no more; forgiven: nor how often it was drained.
 */
void pulse_spell(struct pulse *pulse, unsigned partition, const char *agent);
void pulse_renew(struct pulse *pulse, unsigned partition, const char *agent, bool forgiven);

#endif
