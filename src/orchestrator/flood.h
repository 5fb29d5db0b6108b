/* SPDX-License-Identifier: MIT */
/*
 * Agents that flood: with reports that end nothing, or with output.
 *
 * What ends an attempt is bounded by what was handed out, so only the rest is metered:
 * progress, duplicates, late and malformed reports and those of nobody's tasks, as they are
 * read; and the bytes that the script `log` counts in the hash `logged`.  A leaky bucket an
 * agent (J. Turner, 1986): it runs out at the limit and holds ten seconds of it; when it runs
 * over, the agent is quarantined: drained, until somebody undrains it.
 *
 * All of its reports are still judged by their tokens, so no honest work is lost.  But of
 * what ends nothing only so much is told, and no more of its progress is taken, so that one
 * agent's flood costs the others no more than its reading.
 */
#ifndef REEVE_ORCHESTRATOR_FLOOD_H
#define REEVE_ORCHESTRATOR_FLOOD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct flood;
struct orchestrator;

struct flood *flood_new(struct orchestrator *orch, struct err *err);
void flood_free(struct flood *flood); /* NULL allowed */

/*
 * A report that ends nothing was read in that partition; agent "": it does not say whose.
 * true: nothing is to be made of it, neither told nor, of progress, taken.
 */
bool flood_report(struct flood *flood, unsigned partition, const char *agent, size_t bytes);

/* It may begin anew. */
void flood_forgive(struct flood *flood, const char *agent);

#endif
