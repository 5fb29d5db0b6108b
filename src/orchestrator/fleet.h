/* SPDX-License-Identifier: MIT */
/*
 * Which agent types have a living agent: read from the agents' cards now and
 * then, for warnings and for what a task waits for.
 */
#ifndef REEVE_ORCHESTRATOR_FLEET_H
#define REEVE_ORCHESTRATOR_FLEET_H

#include <stdbool.h>

struct fleet;
struct orchestrator;

struct fleet *fleet_new(struct orchestrator *orch);
void fleet_free(struct fleet *fleet); /* NULL allowed */

/* false until the cards were read once: then nothing is known. */
bool fleet_known(const struct fleet *fleet);
bool fleet_has(const struct fleet *fleet, const char *type); /* a living agent has signed on */

#endif
