/* SPDX-License-Identifier: MIT */
/* What is derived from a definition once. */
#include "engine/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KEY_SIZE 136 /* two names and a slash */
#define CLASSES (PRIORITIES + 1) /* task priorities -1..9 */

/* An agent type, or one with a pool, while a plan is made. */
struct type {
	char key[KEY_SIZE]; /* AGENT, or AGENT/POOL */
	const char *name;
	const char *pool;       /* or NULL */
	unsigned used;          /* bit p + 1: a task has priority p */
	uint32_t lane[CLASSES];
	uint32_t index;
	UT_hash_handle hh;
};

struct types {
	struct type *by_name;
	struct type **items;
	size_t len, cap;
};

static struct type *
types_get(struct types *types, const char *name, const char *pool)
{
	char key[KEY_SIZE];
	struct type *type;

	snprintf(key, sizeof key, "%s%s%s", name, pool ? "/" : "", pool ? pool : "");
	HASH_FIND_STR(types->by_name, key, type);
	if (type)
		return type;
	type = xcalloc(1, sizeof *type);
	memcpy(type->key, key, sizeof key);
	type->name = name;
	type->pool = pool;
	type->index = (uint32_t)types->len;
	GROW(types->items, types->len, types->cap);
	types->items[types->len++] = type;
	HASH_ADD_KEYPTR(hh, types->by_name, type->key, strlen(type->key), type);
	return type;
}

static void
types_release(struct types *types)
{
	HASH_CLEAR(hh, types->by_name);
	for (size_t i = 0; i < types->len; i++)
		free(types->items[i]);
	free(types->items);
}

/* Notes which types and priorities there are; lane_of gets the type for now. */
static void
collect_types(struct plan *plan, struct types *types)
{
	const struct workflow *wf = plan->wf;
	struct type *type = NULL;

	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		if (!type || type->name != wf->tasks[i].agent || type->pool != wf->tasks[i].pool)
			type = types_get(types, wf->tasks[i].agent, wf->tasks[i].pool);
		type->used |= 1u << (wf->tasks[i].priority + 1);
		plan->lane_of[i] = type->index;
	}
}

static void
number_lanes(struct plan *plan, struct types *types, struct queues *queues)
{
	size_t cap = 0;

	for (size_t i = 0; i < types->len; i++) {
		struct type *type = types->items[i];
		struct strand *strand = queue_strand(queues_get(queues, type->name), type->pool);

		for (unsigned c = 0; c < CLASSES; c++) {
			if (!(type->used >> c & 1))
				continue;
			GROW(plan->lanes, plan->n_lanes, cap);
			plan->lanes[plan->n_lanes] =
			    (struct plan_lane){ strand, (int8_t)((int)c - 1) };
			type->lane[c] = plan->n_lanes++;
		}
	}
	plan->bytes += cap * sizeof *plan->lanes;
}

static void
make_lanes(struct plan *plan, struct queues *queues)
{
	const struct workflow *wf = plan->wf;
	struct types types = { 0 };

	plan->lane_of = xcalloc(wf->n_tasks, sizeof *plan->lane_of);
	collect_types(plan, &types);
	number_lanes(plan, &types, queues);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		plan->lane_of[i] =
		    types.items[plan->lane_of[i]]->lane[wf->tasks[i].priority + 1];
	types_release(&types);
}

/* Counting sort of all needs by the task that is needed. */
static void
make_edges(struct plan *plan)
{
	const struct workflow *wf = plan->wf;
	uint32_t *start = xcalloc((size_t)wf->n_tasks + 2, sizeof *start);
	size_t edges = 0;

	for (uint32_t i = 0; i < wf->n_tasks; i++)
		for (uint32_t k = 0; k < wf->tasks[i].n_needs; k++, edges++)
			start[wf->tasks[i].needs[k].task + 2]++;
	for (uint32_t i = 2; i < wf->n_tasks + 2; i++)
		start[i] += start[i - 1];
	plan->out = xcalloc(edges, sizeof *plan->out);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		for (uint32_t k = 0; k < wf->tasks[i].n_needs; k++) {
			const struct need *need = &wf->tasks[i].needs[k];

			plan->out[start[need->task + 1]++] = i << 2 | (uint32_t)need->on;
		}
	plan->out_start = start;
	plan->bytes += (edges + 2 * (size_t)wf->n_tasks + 2) * sizeof(uint32_t);
}

struct plan *
plan_new(struct workflow *wf, struct queues *queues)
{
	struct plan *plan = xcalloc(1, sizeof *plan);

	plan->wf = wf;
	plan->bytes = sizeof *plan;
	make_lanes(plan, queues);
	make_edges(plan);
	return plan;
}

void
plan_free(struct plan *plan)
{
	free(plan->lane_of);
	free(plan->lanes);
	free(plan->out_start);
	free(plan->out);
	free(plan);
}
