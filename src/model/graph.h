/* SPDX-License-Identifier: MIT */
/*
 * The graph of a workflow's tasks: order, levels, longest chain, pictures.
 * Time and memory grow with tasks plus needs; nothing here recurses.
 */
#ifndef REEVE_MODEL_GRAPH_H
#define REEVE_MODEL_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/workflow.h"

/*
 * Puts the tasks into an order in which each stands behind its needs (file
 * order where that leaves a choice) and gives each its level: 0 without needs,
 * else one more than the highest of its needs.  Both arrays hold n_tasks
 * entries; ret_level may be NULL.  Returns how many tasks have a place: fewer
 * than n_tasks where needs go round in a circle.
 */
uint32_t workflow_levels(const struct workflow *wf, uint32_t *ret_order, uint32_t *ret_level);

/* A longest chain of needs, first task first; ret_path holds n_tasks entries. */
uint32_t workflow_critical_path(const struct workflow *wf, uint32_t *ret_path);

/*
 * Whether `of` has each of the tasks targets[i] as a direct or indirect need:
 * asked for many pairs at once.  Sets ok in each query.  The graph has no circle.
 */
struct ancestor_query {
	uint32_t task;
	uint32_t target;
	bool ok;
};
void workflow_ancestors(const struct workflow *wf, struct ancestor_query *queries, size_t n);

void graph_dot(const struct workflow *wf, struct buf *out);
void graph_mermaid(const struct workflow *wf, struct buf *out);
void graph_svg(const struct workflow *wf, struct buf *out); /* layers from left to right */

#endif
