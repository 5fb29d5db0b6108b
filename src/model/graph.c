/* SPDX-License-Identifier: MIT */
/* Orders tasks and answers who comes before whom. */
#include "model/graph.h"

#include <stdlib.h>
#include <string.h>

uint32_t
workflow_levels(const struct workflow *wf, uint32_t *ret_order, uint32_t *ret_level)
{
	uint32_t *left = xcalloc(wf->n_tasks + 1u, sizeof *left);
	uint32_t n = 0;

	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		left[i] = wf->tasks[i].n_needs;
		if (ret_level != NULL)
			ret_level[i] = 0;
		if (left[i] == 0)
			ret_order[n++] = i;
	}
	for (uint32_t done = 0; done < n; done++) {
		uint32_t task = ret_order[done];

		for (uint32_t k = 0; k < wf->tasks[task].n_dependents; k++) {
			uint32_t next = wf->tasks[task].dependents[k];

			if (ret_level != NULL && ret_level[next] <= ret_level[task])
				ret_level[next] = ret_level[task] + 1;
			if (--left[next] == 0)
				ret_order[n++] = next;
		}
	}
	free(left);
	return n;
}

uint32_t
workflow_critical_path(const struct workflow *wf, uint32_t *ret_path)
{
	uint32_t *order = xcalloc(wf->n_tasks + 1u, sizeof *order);
	uint32_t *level = xcalloc(wf->n_tasks + 1u, sizeof *level);
	uint32_t last = 0, len;

	workflow_levels(wf, order, level);
	for (uint32_t i = 1; i < wf->n_tasks; i++)
		if (level[i] > level[last])
			last = i;
	len = wf->n_tasks > 0 ? level[last] + 1 : 0;
	for (uint32_t at = len; at-- > 0;) {
		const struct task_def *task = &wf->tasks[last];

		ret_path[at] = last;
		for (uint32_t k = 0; k < task->n_needs; k++)
			if (at > 0 && level[task->needs[k].task] == at - 1)
				last = task->needs[k].task;
	}
	free(order);
	free(level);
	return len;
}

/* Targets are answered this many at a time: one bit each, carried along the needs. */
#define WORDS 8
#define PER_PASS (WORDS * 64)

struct passes {
	const struct workflow *wf;
	uint32_t *order;
	uint64_t (*bits)[WORDS]; /* of each task: which targets of the pass are ancestors */
	uint32_t *slot;          /* of each task: its bit in this pass + 1, or 0 */
};

static void
carry(struct passes *p)
{
	for (uint32_t i = 0; i < p->wf->n_tasks; i++) {
		uint32_t at = p->order[i];
		const struct task_def *task = &p->wf->tasks[at];
		uint64_t all[WORDS] = { 0 };

		for (uint32_t k = 0; k < task->n_needs; k++) {
			uint32_t need = task->needs[k].task;

			for (int w = 0; w < WORDS; w++)
				all[w] |= p->bits[need][w];
			if (p->slot[need] != 0)
				all[(p->slot[need] - 1) / 64] |=
				    UINT64_C(1) << (p->slot[need] - 1) % 64;
		}
		memcpy(p->bits[at], all, sizeof all);
	}
}

static int
by_target(const void *a, const void *b)
{
	const struct ancestor_query *const *x = a, *const *y = b;

	return (*x)->target < (*y)->target ? -1 : (*x)->target > (*y)->target;
}

/* Answers open[first..] until PER_PASS targets are used; returns where to go on. */
static size_t
one_pass(struct passes *p, struct ancestor_query **open, size_t first, size_t n)
{
	uint32_t used = 0;
	size_t end = first;

	memset(p->slot, 0, p->wf->n_tasks * sizeof *p->slot);
	for (; end < n; end++) {
		if (p->slot[open[end]->target] != 0)
			continue;
		if (used == PER_PASS)
			break;
		p->slot[open[end]->target] = ++used;
	}
	carry(p);
	for (size_t i = first; i < end; i++) {
		uint32_t bit = p->slot[open[i]->target] - 1;

		open[i]->ok = p->bits[open[i]->task][bit / 64] >> bit % 64 & 1;
	}
	return end;
}

static bool
is_need(const struct task_def *task, uint32_t target)
{
	for (uint32_t k = 0; k < task->n_needs; k++)
		if (task->needs[k].task == target)
			return true;
	return false;
}

void
workflow_ancestors(const struct workflow *wf, struct ancestor_query *queries, size_t n)
{
	struct ancestor_query **open = xcalloc(n + 1, sizeof(struct ancestor_query *));
	struct passes p = { .wf = wf };
	size_t n_open = 0;

	for (size_t i = 0; i < n; i++) {
		const struct task_def *task = &wf->tasks[queries[i].task];

		/* almost always; a fan-in is left to the passes */
		queries[i].ok = task->n_needs <= 16 && is_need(task, queries[i].target);
		if (!queries[i].ok)
			open[n_open++] = &queries[i];
	}
	if (n_open > 0) {
		p.order = xcalloc(wf->n_tasks, sizeof *p.order);
		p.bits = xcalloc(wf->n_tasks, sizeof *p.bits);
		p.slot = xcalloc(wf->n_tasks, sizeof *p.slot);
		workflow_levels(wf, p.order, NULL);
		qsort(open, n_open, sizeof *open, by_target);
		for (size_t at = 0; at < n_open;)
			at = one_pass(&p, open, at, n_open);
	}
	free(p.order);
	free(p.bits);
	free(p.slot);
	free(open);
}
