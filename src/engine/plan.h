/* SPDX-License-Identifier: MIT */
/*
 * What the engine derives from a definition once and shares between its runs.
 *
 * A lane number stands for one (agent type, pool, task priority); lanes of one of these
 * stand together in rising priority.  Out-edges are packed, so that a
 * completion never scans the needs of its dependents: a fan-in stays linear.
 */
#ifndef REEVE_ENGINE_PLAN_H
#define REEVE_ENGINE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "engine/queue.h"
#include "model/workflow.h"

struct plan_lane {
	struct strand *strand;
	int8_t priority; /* the tasks'; -1 = the run's */
};

struct plan {
	struct workflow *wf;       /* its runs hold it; the key is its sha256 */
	uint32_t refs;             /* live runs */
	uint32_t n_lanes;
	uint32_t *lane_of;         /* task -> lane */
	struct plan_lane *lanes;
	uint32_t *out_start;       /* task -> first of its out-edges; n_tasks + 1 */
	uint32_t *out;             /* dependent << 2 | enum need_on */
	size_t bytes;
	UT_hash_handle hh;
};

#define EDGE_TASK(edge) ((edge) >> 2)
#define EDGE_ON(edge) ((enum need_on)((edge) & 3u))

struct plan *plan_new(struct workflow *wf, struct queues *queues);
void plan_free(struct plan *plan);

#endif
