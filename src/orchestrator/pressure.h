/* SPDX-License-Identifier: MIT */
/*
 * How full Redis is, looked at once a second.  At 90 % of maxmemory nothing new starts
 * (partition_hold()), so that there is room for what is under way: completions, results
 * and retries are commits, which Redis takes also when it is full.  Below 85 % all goes
 * on by itself.
 */
#ifndef REEVE_ORCHESTRATOR_PRESSURE_H
#define REEVE_ORCHESTRATOR_PRESSURE_H

struct orchestrator;
struct pressure;

struct pressure *pressure_new(struct orchestrator *orch);
void pressure_free(struct pressure *pressure); /* NULL is fine */

#endif
