/* SPDX-License-Identifier: MIT */
/*
 * Tells when an agent type is about to have too many open tasks (engine/lag.h).
 *
 * Every two seconds it looks at the queues of the partitions that are owned here: a few
 * counters a type.  An alert is a log line, an event alert.forecast with its numbers, and
 * counts in reeve_lag_alerts while it lasts; when it is over an event says so.  Where
 * several daemons share the partitions, each tells of what it owns.
 */
#ifndef REEVE_ORCHESTRATOR_OUTLOOK_H
#define REEVE_ORCHESTRATOR_OUTLOOK_H

struct orchestrator;
struct outlook;

struct outlook *outlook_new(struct orchestrator *orch);
void outlook_free(struct outlook *outlook); /* NULL allowed */

#endif
