/* SPDX-License-Identifier: MIT */
/*
 * Drains agents that do their type no good, and lets them come back.
 *
 * The owner of the first partition looks at the fleet (roster.h) every few seconds and asks
 * the judge (engine/fitness.h):
 *
 *   sound ──marked──▶ agent.marked ──floor allows──▶ drained ──probation over──▶ sound
 *                          │                            └──── reeve undrain ────────▲
 *                          └── the floor forbids: it stays, and that is told
 *
 * There is one judge, so that two cannot empty a type together; it drains one agent a look.
 */
#ifndef REEVE_ORCHESTRATOR_STEWARD_H
#define REEVE_ORCHESTRATOR_STEWARD_H

#include "engine/fitness.h"
#include "orchestrator/roster.h"

struct steward;

enum steward_mode { STEWARD_OFF, STEWARD_MARK, STEWARD_DRAIN };

struct steward_config {
	enum steward_mode mode;
	struct fitness_limits limits;
	uint64_t flood_reports, flood_logs; /* bytes a second; 0: no matter */
};

struct steward *steward_new(struct orchestrator *orch);
void steward_free(struct steward *steward); /* NULL allowed */

void steward_look(struct steward *steward, const struct roster *roster);

/*
 * What the judge finds of all, whether it acts or not: an object, agent id → [{type, mark,
 * attempts, failure_rate, …}], a member for each type of which something is known.
 */
json_t *steward_health(const struct orchestrator *orch, const struct roster *roster);

#endif
