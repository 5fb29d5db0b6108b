/* SPDX-License-Identifier: MIT */
/* Links tasks by their needs, finds circles, and checks what texts refer to. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/load_internal.h"

#define PATH_SHOWN 20

size_t
find_task(struct loader *ld, const char *id, size_t len)
{
	return intern_find(&ld->task_ids, id, len);
}

static void
unknown_task(struct loader *ld, const struct yaml_node *node)
{
	const char **names = xcalloc(ld->task_ids.n + 1, sizeof *names);
	const char *near = NULL;

	/* with very many tasks and faults the search would take long: the place must do */
	if (ld->task_ids.n <= 20000 && ld->faults->n < FAULTS_SHOWN) {
		if (ld->task_ids.n > 0)
			memcpy(names, ld->task_ids.names, ld->task_ids.n * sizeof *names);
		near = str_nearest(node->text, names);
	}
	if (near != NULL)
		fault_node(ld, node, "needs an unknown task '%.64s': did you mean '%s'?",
		    node->text, near);
	else
		fault_node(ld, node, "needs an unknown task '%.64s'", node->text);
	free(names);
}

struct need_scan {
	struct loader *ld;
	uint32_t task;
	uint32_t *seen; /* of each task: who named it last, + 1 */
	struct need *needs;
	uint32_t n;
};

static void
add_need(struct need_scan *s, const struct yaml_node *node, enum need_on on)
{
	size_t found;

	if (node->kind != YAML_SCALAR) {
		fault_node(s->ld, node, "a need must be the id of a task, or {task: ID, on: ...}");
		return;
	}
	found = find_task(s->ld, node->text, node->len);
	if (found == INTERN_NONE) {
		unknown_task(s->ld, node);
	} else if (found == s->task) {
		fault_node(s->ld, node, "task '%s' needs itself", node->text);
	} else if (s->seen[found] == s->task + 1) {
		fault_node(s->ld, node, "'%s' is named twice", node->text);
	} else {
		s->seen[found] = s->task + 1;
		s->needs[s->n++] = (struct need){ (uint32_t)found, on };
	}
}

static void
add_need_map(struct need_scan *s, const struct yaml_node *map)
{
	static const char *const words[] = { "success", "failure", "done", "skipped", NULL };
	const struct yaml_node *values[NEED_COUNT];
	int on = NEED_SUCCESS;

	keys_take(keys_need, map, "'needs'", s->ld->faults, values, NEED_COUNT);
	if (values[NEED_ON] != NULL)
		value_word(s->ld->faults, values[NEED_ON], "on", words, &on);
	if (values[NEED_TASK] == NULL)
		fault_node(s->ld, map, "'task' is missing: {task: ID, on: success}");
	else
		add_need(s, values[NEED_TASK], (enum need_on)on);
}

static int
by_task(const void *a, const void *b)
{
	const struct need *x = a, *y = b;

	return x->task < y->task ? -1 : x->task > y->task;
}

static void
load_task_needs(struct need_scan *s, const struct yaml_node *node)
{
	bool list = node->kind == YAML_LIST;
	struct task_def *task = &s->ld->tasks[s->task];

	if (scalar_is_null(node))
		return;
	s->n = 0;
	s->needs = arena_alloc(&s->ld->wf->arena,
	    ((list ? node->len : 0u) + 1u) * sizeof *s->needs);
	for (const struct yaml_node *item = list ? node->first : node; item != NULL;
	     item = list ? item->next : NULL) {
		if (item->kind == YAML_MAP)
			add_need_map(s, item);
		else
			add_need(s, item, NEED_SUCCESS);
	}
	qsort(s->needs, s->n, sizeof *s->needs, by_task);
	task->needs = s->needs;
	task->n_needs = s->n;
}

/* One circle, from a task that has no place in the order; marks its tasks in seen. */
static void
cycle_fault(struct loader *ld, uint32_t start, const uint32_t *next, uint32_t *seen)
{
	struct buf path = { 0 };
	uint32_t at = start, len = 0, least = start;

	do {
		if (at < least)
			least = at;
		seen[at] = UINT32_MAX;
		at = next[at];
		len++;
	} while (at != start);
	at = least;
	for (uint32_t i = 0; i <= len && i <= PATH_SHOWN; i++, at = next[at])
		buf_printf(&path, "%s%s", i > 0 ? " \xe2\x86\x92 " : "", ld->tasks[at].id);
	if (len > PATH_SHOWN)
		buf_printf(&path, " ... (%u tasks)", len);
	fault_node(ld, ld->ids[least], "tasks need each other in a circle: %s", buf_text(&path));
	buf_release(&path);
}

/* Tasks without a place: each has a need without one; following these ends in circles. */
static void
find_cycles(struct loader *ld, const uint32_t *order, uint32_t placed)
{
	uint32_t n = ld->wf->n_tasks;
	uint32_t *next = xcalloc(n, sizeof *next), *seen = xcalloc(n, sizeof *seen);
	bool *has_place = xcalloc(n, sizeof *has_place);

	for (uint32_t i = 0; i < placed; i++)
		has_place[order[i]] = true;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < ld->tasks[i].n_needs; k++)
			if (!has_place[ld->tasks[i].needs[k].task])
				next[i] = ld->tasks[i].needs[k].task;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i;

		if (has_place[i])
			continue;
		while (seen[at] == 0) {
			seen[at] = i + 1;
			at = next[at];
		}
		if (seen[at] == i + 1)
			cycle_fault(ld, at, next, seen);
	}
	free(next);
	free(seen);
	free(has_place);
}

void
load_needs(struct loader *ld, const struct yaml_node *const *needs)
{
	uint32_t n = ld->wf->n_tasks, placed, *order;
	struct need_scan scan = { .ld = ld };

	scan.seen = xcalloc(n + 1u, sizeof *scan.seen);
	for (uint32_t i = 0; i < n; i++) {
		scan.task = i;
		if (needs[i] != NULL)
			load_task_needs(&scan, needs[i]);
	}
	free(scan.seen);
	if (link_dependents(ld->wf, ld->tasks) != 0) {
		fault_node(ld, ld->nodes[0], "more than %u needs in all", NEEDS_ALL_MAX);
		return;
	}
	order = xcalloc(n + 1u, sizeof *order);
	placed = workflow_levels(ld->wf, order, NULL);
	if (placed < n)
		find_cycles(ld, order, placed);
	free(order);
}

static int
by_ref(const void *a, const void *b)
{
	const struct task_ref *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	return x->target < y->target ? -1 : x->target > y->target;
}

static void
store_refs(struct loader *ld)
{
	uint32_t *refs = arena_alloc(&ld->wf->arena, (ld->n_refs + 1) * sizeof *refs);
	size_t used = 0;

	for (size_t i = 0; i < ld->n_refs;) {
		struct task_def *task = &ld->tasks[ld->refs[i].task];
		size_t start = used, first = i;

		for (; i < ld->n_refs && ld->refs[i].task == ld->refs[first].task; i++)
			if (used == start || refs[used - 1] != ld->refs[i].target)
				refs[used++] = ld->refs[i].target;
		task->refs = refs + start;
		task->n_refs = (uint32_t)(used - start);
	}
}

/* Only on a graph without circles. */
void
check_refs(struct loader *ld)
{
	struct ancestor_query *queries;

	if (ld->n_refs == 0)
		return;
	qsort(ld->refs, ld->n_refs, sizeof *ld->refs, by_ref);
	queries = xcalloc(ld->n_refs, sizeof *queries);
	for (size_t i = 0; i < ld->n_refs; i++)
		queries[i] = (struct ancestor_query){ ld->refs[i].task, ld->refs[i].target, false };
	workflow_ancestors(ld->wf, queries, ld->n_refs);
	for (size_t i = 0; i < ld->n_refs; i++) {
		const struct task_ref *ref = &ld->refs[i];

		if (queries[i].ok)
			continue;
		faults_add(ld->faults, FAULT_ERROR, ref->line, ref->column,
		    "task '%s' does not come before '%s': add it to needs",
		    ld->tasks[ref->target].id, ld->tasks[ref->task].id);
	}
	free(queries);
	store_refs(ld);
}
