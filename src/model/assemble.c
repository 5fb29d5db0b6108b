/* SPDX-License-Identifier: MIT */
/* What a definition is given last, whether from a file or from its canonical form. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/load_internal.h"

/* dependents from needs; ascending, since tasks are passed in order. */
int
link_dependents(struct workflow *wf, struct task_def *tasks)
{
	uint32_t n = wf->n_tasks, **at;
	uint64_t total = 0;
	uint32_t *all;

	for (uint32_t i = 0; i < n; i++) {
		total += tasks[i].n_needs;
		for (uint32_t k = 0; k < tasks[i].n_needs; k++)
			tasks[tasks[i].needs[k].task].n_dependents++;
	}
	if (total > NEEDS_ALL_MAX)
		return ERR_LIMIT;
	all = arena_alloc(&wf->arena, (size_t)(total + 1) * sizeof *all);
	at = xcalloc(n + 1u, sizeof(uint32_t *));
	for (uint32_t i = 0; i < n; i++) {
		tasks[i].dependents = at[i] = all;
		all += tasks[i].n_dependents;
	}
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < tasks[i].n_needs; k++)
			*at[tasks[i].needs[k].task]++ = i;
	free(at);
	return 0;
}

struct id_entry {
	const char *id;
	uint32_t task;
};

static int
by_id(const void *a, const void *b)
{
	const struct id_entry *x = a, *y = b;

	return strcmp(x->id, y->id);
}

void
index_ids(struct workflow *wf)
{
	struct id_entry *entries = xcalloc(wf->n_tasks + 1u, sizeof *entries);
	uint32_t *numbers = arena_alloc(&wf->arena, (wf->n_tasks + 1u) * sizeof *numbers);

	for (uint32_t i = 0; i < wf->n_tasks; i++)
		entries[i] = (struct id_entry){ wf->tasks[i].id, i };
	qsort(entries, wf->n_tasks, sizeof *entries, by_id);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		numbers[i] = entries[i].task;
	wf->by_id = numbers;
	free(entries);
}
