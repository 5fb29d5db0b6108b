/* SPDX-License-Identifier: MIT */
/* Daemons that find another state than the one they knew, and people who decide. */
#include <stdio.h>

#include "orchestrator/facade.h"
#include "orchestrator/partition_private.h"
#include "world.h"

#define LOOK_MS 1500

/* --- what a daemon remembers in its state folder --------------------------------------- */

static void
on_known(void *arg, unsigned partition, const char *nonce, uint64_t beat)
{
	struct daemon *daemon = arg;

	(void)partition;
	snprintf(daemon->known_nonce, sizeof daemon->known_nonce, "%s", nonce);
	daemon->known_beat = beat;
}

/* --- what comes back ---------------------------------------------------------------------- */

/* Its memory goes back to Redis: nothing of that may be lost once it serves again. */
static void
on_restore(void *arg)
{
	struct daemon *daemon = arg;
	struct world *world = daemon->world;
	const struct partition *p = daemon->partition;
	const struct engine *engine = p->engine ? p->engine : p->written; /* lost once more */

	world_count(world, TALLY_LOSS_RESTORED);
	/* over an older state: what it holds already is counted twice */
	world->overwritten |= check_find(world, "live") || check_find(world, "fin");
	daemon->restoring = true;
	world->events_lost = true; /* memory holds none */
	for (size_t i = 0; i < world->n_asked; i++) {
		struct asked *asked = world->asked[i];

		asked->restored_by = engine_find(engine, asked->id.text) ? daemon : NULL;
		asked->restored |= asked->restored_by != NULL;
	}
}

static void
restored(struct daemon *daemon)
{
	struct world *world = daemon->world;

	daemon->restoring = false;
	for (size_t i = 0; i < world->n_asked; i++) {
		if (world->asked[i]->restored_by != daemon)
			continue;
		world->asked[i]->restored_by = NULL;
		world->asked[i]->accepted = true;
		world_count(world, TALLY_RUN_RESTORED);
	}
}

void
loss_state(struct daemon *daemon, enum partition_state state)
{
	if (state == PARTITION_HELD)
		world_count(daemon->world, TALLY_LOSS_HELD);
	else if (state == PARTITION_SERVING && daemon->restoring)
		restored(daemon);
	else if (state == PARTITION_STANDBY)
		daemon->restoring = false;
}

void
loss_hooks(struct partition_config *config)
{
	config->on_known = on_known;
	config->on_restore = on_restore;
}

/* --- people --------------------------------------------------------------------------------- */

static const struct facade_actor SOMEBODY = { .name = "somebody", .role = "admin", .via = "sim" };

static void
decide(struct world *world, struct daemon *daemon)
{
	bool restore = !one_in(world, 4);

	if (!daemon->alive || daemon->paused_until > world->now ||
	    partition_state(daemon->partition) != PARTITION_HELD)
		return;
	restore = restore && partition_recover(daemon->partition, true, &SOMEBODY, NULL) == 0;
	if (!restore && partition_recover(daemon->partition, false, &SOMEBODY, NULL) < 0)
		world_fail(world, "%s holds and cannot go on", daemon->name);
	world_trace(world, "somebody tells %s to go on", daemon->name);
	if (!restore)
		world_count(world, TALLY_LOSS_ACCEPTED);
	daemon_wake(daemon);
}

static void
look(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	if (world->over)
		return;
	decide(world, &world->daemons[chance(world, DAEMONS)]);
	world_in(world, (int64_t)chance(world, LOOK_MS), look, world, 0);
}

void
loss_begin(struct world *world)
{
	look(world, 0);
}
