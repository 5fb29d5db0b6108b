/* SPDX-License-Identifier: MIT */
/* Life and look-up of a checked workflow definition. */
#include "model/workflow.h"

#include <stdlib.h>
#include <string.h>

struct workflow *
workflow_ref(struct workflow *wf)
{
	if (wf != NULL)
		wf->refs++;
	return wf;
}

void
workflow_unref(struct workflow *wf)
{
	if (wf == NULL || --wf->refs > 0)
		return;
	arena_release(&wf->arena);
	free(wf);
}

int64_t
workflow_find(const struct workflow *wf, const char *id)
{
	uint32_t low = 0, high = wf->n_tasks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(wf->tasks[wf->by_id[middle]].id, id);

		if (order == 0)
			return wf->by_id[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
