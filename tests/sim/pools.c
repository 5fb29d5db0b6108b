/* SPDX-License-Identifier: MIT */
/* Pools that tasks of all runs and types share: what is outstanding fits into them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_private.h"
#include "world.h"

static const char *const names[POOLS] = { "llm", "gpu" };

void
pools_draw(struct world *world)
{
	for (size_t i = 0; i < POOLS; i++) {
		struct pool_limits *limits = &world->shape.pools[i];

		*limits = (struct pool_limits){ .units = (uint32_t)chance(world, 7) };
		if (one_in(world, 3)) {
			limits->per_second = 5 + (unsigned)chance(world, world->shape.big ? 300 : 30);
			limits->burst = 1 + (unsigned)chance(world, 4);
		}
	}
}

/* A daemon that serves has read its configuration. */
void
pools_apply(struct daemon *daemon)
{
	struct moment now;

	partition_moment(daemon->partition, &now);
	for (size_t i = 0; i < POOLS; i++)
		engine_set_pool(partition_engine(daemon->partition), &now, names[i],
		    &daemon->world->shape.pools[i]);
}

/* Now and then more than there is: it fails by that. */
void
pools_add(struct world *world, struct buf *out)
{
	if (one_in(world, 4))
		buf_printf(out, "    pool: {name: %s, units: %u}\n", names[chance(world, POOLS)],
		    1 + (unsigned)chance(world, one_in(world, 20) ? 9 : 3));
}

static const struct task_def *
task_of(const struct world *world, const struct entry *entry)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		const struct asked *asked = world->asked[i];
		int64_t task;

		if (strcmp(asked->id.text, entry->fields[1].data) != 0)
			continue;
		task = workflow_find(asked->wf, entry->fields[3].data);
		return task < 0 ? NULL : &asked->wf->tasks[task];
	}
	return NULL;
}

void
pools_count(const struct world *world, const struct entry *entry, uint32_t used[POOLS])
{
	const struct task_def *def = task_of(world, entry);

	for (size_t i = 0; def && def->pool && i < POOLS; i++) {
		if (strcmp(def->pool, names[i]) == 0)
			used[i] += def->units;
	}
}

void
pools_check(struct world *world, const uint32_t used[POOLS])
{
	for (size_t i = 0; i < POOLS; i++) {
		uint32_t units = world->shape.pools[i].units;

		if (units > 0 && used[i] > units)
			world_fail(world, "%u units of pool %s are outstanding, it has %u", used[i],
			    names[i], units);
		if (units > 0 && used[i] == units)
			world_count(world, TALLY_POOL_FULL);
	}
}
