/* SPDX-License-Identifier: MIT */
/* Which ended runs are being read, so that retention leaves them. */
#include "orchestrator/holds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/run.h"

struct held_run {
	char id[RUN_ID_SIZE];
	bool stale; /* somebody else has taken it up since */
	bool left;  /* let go, but a look under way may still show it as it was */
};

void
holds_release(struct holds *holds)
{
	free(holds->runs);
	*holds = (struct holds){ 0 };
}

void
holds_add(struct holds *holds, const char *run)
{
	GROW(holds->runs, holds->n, holds->cap);
	holds->runs[holds->n] = (struct held_run){ 0 };
	snprintf(holds->runs[holds->n++].id, RUN_ID_SIZE, "%s", run);
}

/* Of somebody who has not let it go; holds->n: nobody. */
static size_t
find_reader(const struct holds *holds, const char *run, bool stale)
{
	size_t i = 0;

	while (i < holds->n && (holds->runs[i].left || holds->runs[i].stale != stale ||
	    strcmp(holds->runs[i].id, run) != 0))
		i++;
	return i;
}

void
holds_let_go(struct holds *holds, const char *run)
{
	size_t i = find_reader(holds, run, true);

	if (i == holds->n)
		i = find_reader(holds, run, false);
	if (i == holds->n)
		return;
	if (holds->looking)
		holds->runs[i].left = true;
	else
		holds->runs[i] = holds->runs[--holds->n];
}

bool
holds_has(const struct holds *holds, const char *run)
{
	size_t i = 0;

	while (i < holds->n && strcmp(holds->runs[i].id, run) != 0)
		i++;
	return i < holds->n;
}

void
holds_taken_up(struct holds *holds, const char *run)
{
	for (size_t i = 0; i < holds->n; i++)
		holds->runs[i].stale |= strcmp(holds->runs[i].id, run) == 0;
}

bool
holds_is_stale(const struct holds *holds, const char *run)
{
	return find_reader(holds, run, true) < holds->n;
}

void
holds_look_begun(struct holds *holds)
{
	holds->looking = true;
}

void
holds_look_ended(struct holds *holds)
{
	holds->looking = false;
	for (size_t i = holds->n; i-- > 0;) {
		if (holds->runs[i].left)
			holds->runs[i] = holds->runs[--holds->n];
	}
}
